//! The eleven phases of docs/method.md, each between the two instants `lo` and `hi`; None where not seen.
//!
//! `issued`, `gone` and `back` are cprun's own; `detected`, `restored` and `running` carry Flink's timestamps;
//! `dead` lies between two polls; `first` and `all` are stamped by the job itself, or lie between two samples where
//! it carries no probe; `parity` and `caught_up` lie between two samples, and are unknown without the probe.

use serde::Serialize;

use super::{Scene, last_of};
use crate::analysis::curve::{Bounds, Curve};
use crate::analysis::lag::LagPoint;
use crate::analysis::series::ProbeSample;
use crate::analysis::statistics::median;
use crate::record::{EpochMs, State};

/// How long before the fault the baseline of the lag is taken, in milliseconds.
const BASELINE_MS: f64 = 10_000.0;

/// How many samples running must show a small lag.
const CALM_SAMPLES: usize = 4;

/// A lag that the offered load makes up in this time counts as none, in seconds.
const CALM_S: f64 = 0.1;

#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Phases {
    pub issued: Option<Bounds>,
    pub gone: Option<Bounds>,
    pub detected: Option<Bounds>,
    pub dead: Option<Bounds>,
    pub back: Option<Bounds>,
    pub restored: Option<Bounds>,
    pub running: Option<Bounds>,
    pub first: Option<Bounds>,
    pub all: Option<Bounds>,
    pub parity: Option<Bounds>,
    pub caught_up: Option<Bounds>,
}

impl Phases {
    /// Name and bounds of each phase, in the order of faults.csv.
    #[must_use]
    pub fn named(&self) -> [(&'static str, Option<Bounds>); 11] {
        [
            ("issued", self.issued),
            ("gone", self.gone),
            ("detected", self.detected),
            ("dead", self.dead),
            ("back", self.back),
            ("restored", self.restored),
            ("running", self.running),
            ("first", self.first),
            ("all", self.all),
            ("parity", self.parity),
            ("caught_up", self.caught_up),
        ]
    }
}

/// The phases, and what they were found by.
pub struct Seen {
    pub phases: Phases,
    pub attempt_before: u32,
    pub last_attempt: u32,
    pub restored_checkpoint: Option<u64>,
    /// When the first subtask of the last attempt began to restore: the slot is there, the task is deployed.
    pub initializing: Option<Bounds>,
    /// Σ of source positions at `issued`.
    pub position_at_issued: Option<f64>,
}

pub fn see(scene: &Scene<'_>, baseline_lag: Option<f64>) -> Seen {
    let attempt_before = scene.attempt_until(scene.issued.lo);
    let highest = scene.attempt_until(scene.horizon).max(attempt_before);
    let restarted = highest > attempt_before;
    let caught_up = caught_up(scene, baseline_lag, attempt_before + u32::from(restarted));
    let last_attempt = caught_up.map_or(highest, |(_, attempt)| attempt);
    let restored = if restarted { restored(scene, caught_up.map(|(bounds, _)| bounds)) } else { None };
    let own = |phase: Option<Bounds>| if restarted { phase } else { None };
    let phases = Phases {
        issued: Some(scene.issued),
        gone: scene.marked("gone"),
        detected: detected(scene),
        dead: dead(scene),
        back: scene.marked("back"),
        restored: restored.map(|(bounds, _)| bounds),
        running: own(entered(scene, last_attempt, "RUNNING").reduce(f64::max).map(Bounds::exactly)),
        first: own(first(scene, last_attempt)),
        all: own(all(scene, last_attempt)),
        parity: own(parity(scene, attempt_before, last_attempt)),
        caught_up: caught_up.map(|(bounds, _)| bounds),
    };
    Seen {
        phases,
        attempt_before,
        last_attempt,
        restored_checkpoint: restored.map(|(_, checkpoint)| checkpoint),
        initializing: own(entered(scene, last_attempt, "INITIALIZING").reduce(f64::min).map(Bounds::exactly)),
        position_at_issued: scene.series.position_at(attempt_before, scene.issued.hi, reach_ms(scene)),
    }
}

/// Median lag of the 10 s before the fault, in records; of what lies after `calm_from` alone, because the lag of a
/// catch-up is no baseline. None where that leaves too few points.
pub fn baseline(scene: &Scene<'_>, calm_from: EpochMs) -> Option<f64> {
    let whole = scene.issued.lo - BASELINE_MS;
    let from = whole.max(calm_from);
    let first = scene.lag.partition_point(|point| point.at_epoch_ms < from);
    let before: Vec<f64> = scene.lag[first..]
        .iter()
        .take_while(|point| point.at_epoch_ms < scene.issued.lo)
        .map(|point| point.lag)
        .collect();
    if calm_from > whole && before.len() < CALM_SAMPLES { None } else { median(before) }
}

/// A killed subtask's last sample lies up to a step before the kill, and a step more where one was missed.
fn reach_ms(scene: &Scene<'_>) -> f64 {
    2.0 * scene.step_ms
}

fn detected(scene: &Scene<'_>) -> Option<Bounds> {
    let seen = scene.trial.states.iter().filter_map(|state| match state {
        State::Exception { at_epoch_ms, .. } if scene.holds(*at_epoch_ms) => Some(*at_epoch_ms),
        _ => None,
    });
    seen.reduce(f64::min).map(Bounds::exactly)
}

/// When the last of the instances had left the list.
fn dead(scene: &Scene<'_>) -> Option<Bounds> {
    let left: Option<Vec<Bounds>> =
        scene.marks_of("issued").map(|mark| left_the_list(scene, mark.registered_as.as_ref()?)).collect();
    last_of(left?)
}

fn left_the_list(scene: &Scene<'_>, registered_as: &String) -> Option<Bounds> {
    scene.trial.states.iter().find_map(|state| match state {
        State::Taskmanagers { ids, lo_epoch_ms, hi_epoch_ms }
            if scene.holds(*hi_epoch_ms) && !ids.contains(registered_as) =>
        {
            Some(Bounds { lo: lo_epoch_ms.max(scene.issued.lo), hi: *hi_epoch_ms })
        }
        _ => None,
    })
}

/// The last restore before the catch-up, with its checkpoint.
fn restored(scene: &Scene<'_>, caught_up: Option<Bounds>) -> Option<(Bounds, u64)> {
    let until = caught_up.map_or(scene.horizon, |bounds| bounds.hi);
    let restores = scene.trial.states.iter().filter_map(|state| match state {
        State::Restored { checkpoint, at_epoch_ms } if scene.holds(*at_epoch_ms) && *at_epoch_ms <= until => {
            Some((Bounds::exactly(*at_epoch_ms), *checkpoint))
        }
        _ => None,
    });
    restores.max_by(|left, right| left.0.hi.total_cmp(&right.0.hi))
}

/// When each subtask of the attempt entered `wanted`.
fn entered<'a>(scene: &'a Scene<'_>, last_attempt: u32, wanted: &'a str) -> impl Iterator<Item = EpochMs> + 'a {
    scene.trial.states.iter().filter_map(move |state| match state {
        State::Subtask { attempt, state, at_epoch_ms, .. }
            if *attempt == last_attempt && state == wanted && scene.holds(*at_epoch_ms) =>
        {
            Some(*at_epoch_ms)
        }
        _ => None,
    })
}

/// When each source subtask of the attempt processed its first record, by its own stamp.
fn first_records<'a>(scene: &'a Scene<'_>, attempt: u32) -> impl Iterator<Item = EpochMs> + 'a {
    let subtasks = scene.series.probes.iter().filter(move |&(&(_, other), _)| other == attempt);
    subtasks.filter_map(|(_, samples)| samples.iter().find_map(|sample| sample.first_epoch_ms))
}

fn first(scene: &Scene<'_>, last_attempt: u32) -> Option<Bounds> {
    let each = firsts(scene, last_attempt).into_iter();
    let first = each.reduce(|one, other| Bounds { lo: one.lo.min(other.lo), hi: one.hi.min(other.hi) })?;
    (first.hi < scene.horizon).then_some(first)
}

fn all(scene: &Scene<'_>, last_attempt: u32) -> Option<Bounds> {
    let each = firsts(scene, last_attempt);
    let subtasks = scene.trial.submitted.as_ref()?.source_subtasks as usize;
    let heard = each.len();
    let last = last_of(each)?;
    (heard >= subtasks && last.hi < scene.horizon).then_some(last)
}

/// When each source subtask of the attempt processed its first record.
pub fn firsts(scene: &Scene<'_>, attempt: u32) -> Vec<Bounds> {
    if !scene.series.is_counted {
        return first_records(scene, attempt).map(Bounds::exactly).collect();
    }
    let subtasks = scene.series.probes.iter().filter(|&(&(_, other), _)| other == attempt);
    subtasks.filter_map(|(&(subtask, _), samples)| first_counted(scene, subtask, attempt, samples)).collect()
}

/// Without a stamp: after the subtask began to run, and before Flink first showed that it had sent something on.
fn first_counted(scene: &Scene<'_>, subtask: u32, attempt: u32, samples: &[ProbeSample]) -> Option<Bounds> {
    let hi = samples.iter().find(|sample| sample.records.is_some_and(|records| records > 0.0))?.at_epoch_ms;
    let source = &scene.trial.submitted.as_ref()?.source_vertex;
    let began = scene.trial.states.iter().find_map(|state| match state {
        State::Subtask { vertex, subtask: own, attempt: at, state, at_epoch_ms, .. } => {
            let meant = vertex == source && *own == subtask && *at == attempt && state == "RUNNING";
            meant.then_some(*at_epoch_ms)
        }
        _ => None,
    });
    let lo = began.unwrap_or(scene.issued.lo).max(scene.issued.lo).min(hi);
    Some(Bounds { lo, hi })
}

/// Every partition back where it stood at `issued`, each between two samples.
fn parity(scene: &Scene<'_>, attempt_before: u32, last_attempt: u32) -> Option<Bounds> {
    let before = scene.series.position_curves(attempt_before)?;
    let after = scene.series.position_curves(last_attempt)?;
    let crossings: Option<Vec<Bounds>> =
        before.zip(after).map(|(before, after)| crossing(scene, before, after)).collect();
    let whole = last_of(crossings?)?;
    (whole.hi < scene.horizon).then_some(whole)
}

fn crossing(scene: &Scene<'_>, before: &Curve, after: &Curve) -> Option<Bounds> {
    let level = before.value_soon_after(scene.issued.hi, reach_ms(scene))?;
    after.reached(level)
}

/// The first of four points running, of the attempt `from_attempt` or later, with a small lag; and its attempt.
pub fn caught_up(scene: &Scene<'_>, baseline_lag: Option<f64>, from_attempt: u32) -> Option<(Bounds, u32)> {
    let offered = scene.series.offered_per_s(scene.issued.lo - BASELINE_MS, scene.issued.lo);
    let calm = (2.0 * baseline_lag?).max(CALM_S * offered.unwrap_or(0.0));
    let start = scene.lag.partition_point(|point| point.at_epoch_ms < scene.issued.hi);
    let points = &scene.lag[start..];
    let inside = |point: &LagPoint| point.at_epoch_ms < scene.horizon && point.attempt >= from_attempt;
    let place = points.windows(CALM_SAMPLES).position(|window| {
        window.iter().all(|point| inside(point) && point.lag <= calm && point.attempt == window[0].attempt)
    })?;
    let previous = place.checked_sub(1).map_or(scene.issued.lo, |before| points[before].at_epoch_ms);
    Some((Bounds { lo: previous, hi: points[place].at_epoch_ms }, points[place].attempt))
}
