//! A restart that the script asked for: from the request to stop until the job reads again, and keeps up again.
//!
//! It is no fault and has no R. The time from the request to the first record is lost to it, and until the job has
//! caught up nothing that is missing, failed or late is held against the trial.

use super::{Scene, horizon_after, issued, phases};
use crate::analysis::curve::Bounds;
use crate::analysis::history::{Restart, Resumed, Trial};
use crate::analysis::lag::LagPoint;
use crate::analysis::series::Series;
use crate::record::EpochMs;

#[derive(Clone, Debug, PartialEq)]
pub struct PlannedRestart {
    /// From 1 within its trial.
    pub number: u32,
    /// The job was asked to stop.
    pub begun: EpochMs,
    /// The old job had ended, and all tasks of the new one ran; None where it never came to that.
    pub stopped: Option<EpochMs>,
    pub running: Option<EpochMs>,
    /// The first record of the new job; of a move that was given up before the job stopped, when that was.
    pub first: Option<EpochMs>,
    /// The first record, or whatever came before it: a fault, or another restart; None where nothing did.
    pub away_until: Option<EpochMs>,
    /// First of four samples with a small lag.
    pub caught_up: Option<EpochMs>,
    /// When the job was as before: caught up, or where no lag is known in the whole trial its first record.
    pub over: Option<EpochMs>,
    /// T before and after it.
    pub from_interval_s: Option<f64>,
    pub to_interval_s: Option<f64>,
    /// Why the wanted interval did not come about.
    pub error: Option<String>,
}

impl PlannedRestart {
    /// From the request until it is over; where that is not known until `otherwise`.
    #[must_use]
    pub fn disturbed(&self, otherwise: EpochMs) -> Bounds {
        Bounds { lo: self.begun, hi: self.over.unwrap_or(otherwise) }
    }

    /// Seconds in which it kept the job from reading; from a fault on they are the fault's.
    #[must_use]
    pub fn lost_s(&self) -> Option<f64> {
        Some((self.away_until? - self.begun) / 1e3)
    }
}

/// In their order.
#[must_use]
pub fn planned_restarts(trial: &Trial, series: &Series, lag: &[LagPoint], step_ms: f64) -> Vec<PlannedRestart> {
    let numbered = (1..).zip(&trial.restarts);
    numbered.map(|(number, restart)| planned_restart(trial, series, lag, step_ms, (number, restart))).collect()
}

fn planned_restart(
    trial: &Trial,
    series: &Series,
    lag: &[LagPoint],
    step_ms: f64,
    (number, restart): (u32, &Restart),
) -> PlannedRestart {
    let begun = restart.begun_epoch_ms;
    let issued = issued(trial);
    let to_come = issued.partition_point(|(_, fault)| fault.lo <= begun);
    let scene = Scene {
        trial,
        series,
        lag,
        step_ms,
        issued: Bounds::exactly(begun),
        horizon: horizon_after(trial, &issued[to_come..], begun),
        marks: Vec::new(),
    };
    let from_interval_s = trial.interval_at(begun);
    let resumed = restart.resumed.as_ref();
    let given_up = restart.failed.as_ref().filter(|_| resumed.is_none()).map(|(at, _)| *at);
    let first = resumed.and_then(|resumed| first(&scene, resumed)).or(given_up);
    let caught_up = resumed.and_then(|resumed| {
        let found = phases::caught_up(&scene, phases::baseline(&scene, f64::NEG_INFINITY), resumed.first_attempt)?;
        Some(found.0.hi)
    });
    PlannedRestart {
        number,
        begun,
        stopped: resumed.map(|resumed| resumed.stopped_epoch_ms),
        running: resumed.map(|resumed| resumed.at_epoch_ms),
        first,
        away_until: first.or(Some(scene.horizon).filter(|at| at.is_finite())),
        caught_up,
        over: caught_up.or(given_up).or(first.filter(|_| lag.is_empty())),
        from_interval_s,
        to_interval_s: resumed.map_or(from_interval_s, |resumed| resumed.interval_s),
        error: restart.failed.as_ref().map(|(_, why)| why.clone()),
    }
}

/// Of whichever of its attempts had one, before anything else came.
fn first(scene: &Scene<'_>, resumed: &Resumed) -> Option<EpochMs> {
    let attempts = scene.series.probes.keys().map(|&(_, attempt)| attempt);
    let own = attempts.filter(|&attempt| attempt >= resumed.first_attempt).min()?;
    let firsts = phases::firsts(scene, own).into_iter().map(|first| first.hi);
    firsts.reduce(f64::min).filter(|&first| first < scene.horizon)
}
