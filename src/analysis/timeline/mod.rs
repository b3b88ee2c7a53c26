//! What each fault did to the job: its phases, and the durations between them.
//!
//! A recovery lasts from its fault's `issued` until the next fault's, or until a planned restart begins; what is seen
//! later belongs to that one.
//! "Last attempt" is the attempt that caught up; where none did, the highest one that was seen before the next
//! fault. A restart after the catch-up is therefore not hidden in R, but found by `validity`.
//!
//! A recovery that the next fault cuts off before `first` has no R (it is censored). One that is cut off after
//! `first` keeps its R, which was observed whole.
//!
//! Flink's own timestamps are whole milliseconds, cut off, on the clock of its JobManager or TaskManager; on
//! one machine that is our clock.

mod phases;
mod restart;
mod rework;

use serde::Serialize;

use super::curve::Bounds;
use super::history::Trial;
use super::lag::LagPoint;
use super::series::Series;
use crate::record::{EpochMs, FaultMark, State};

pub use phases::Phases;
pub use restart::{PlannedRestart, planned_restarts};
pub use rework::Rework;

/// One fault and its recovery. Durations in seconds, from the `hi` of both ends.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Fault {
    /// From 1 within its trial.
    pub number: u32,
    pub kind: String,
    /// All that were hit at once, joined by `+`.
    pub instance: String,
    /// Their hosts, likewise.
    pub host: String,
    pub down_for_s: Option<f64>,
    pub phases: Phases,
    /// Whether it was done, and its effect seen: the process of a kill or a stop confirmed dead, that of a hang
    /// confirmed to hold still.
    pub confirmed: bool,
    /// Issued before the previous fault, or a planned restart since, was over.
    pub during_recovery: bool,
    /// When the job was as before: `caught_up`; under saturating load when it was steady; or where no lag is known in the
    /// whole trial (a job without the probe) the first record; of a hang without a restart then the time at which it went on.
    pub over: Option<Bounds>,
    /// The job did not restart: a hang that was over before Flink found out, or a process that held no task of it.
    pub unharmed: bool,
    /// The next fault came before the first record, so that R is only known to be longer.
    pub censored: bool,
    /// How often the job entered RESTARTING, or how many attempts it took where that is more.
    pub restarts: u32,
    pub restored_checkpoint: Option<u64>,
    /// When the first subtask of the last attempt entered INITIALIZING: where redeployment ends and restore begins.
    pub initializing: Option<Bounds>,
    /// Median lag of the 10 s before the fault, in records.
    pub baseline_lag: Option<f64>,
    pub rework: Option<Rework>,
    /// Records between the restored checkpoint and the end of the topic at `first`: the largest lag of the
    /// recovery, which the meter cannot see because no source tells a position while it is down.
    pub peak_lag: Option<f64>,
    /// Σ of the positions that the recovery went back to.
    pub restored_records: Option<f64>,
    /// first - issued, the time held down included.
    pub restart_s: Option<f64>,
    /// The capacity missed from `first` until the job was steady, or until the next fault where it never was, as a time at
    /// capacity; only under saturating load.
    pub missed_s: Option<f64>,
    /// R and what was missed until the job was steady; only under saturating load.
    pub effective_s: Option<f64>,
    /// first - max(detected, back); only where the job waited for the instance.
    pub ready_s: Option<f64>,
    /// Last RUNNING - first RESTARTING by job state - down_for; may be negative where the job did not wait.
    pub study_s: Option<f64>,
    /// caught_up - issued.
    pub caught_up_s: Option<f64>,
    /// `undone`, `failed: why`, or empty where nothing was undone.
    pub undo: String,
}

impl Fault {
    /// From `issued.lo` until it is over; where that is not known until `otherwise`.
    #[must_use]
    pub fn disturbed(&self, otherwise: EpochMs) -> Option<(EpochMs, EpochMs)> {
        Some((self.phases.issued?.lo, self.over.map_or(otherwise, |bounds| bounds.hi)))
    }

    /// What came of it, in a word.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        match (self.restart_s.is_some(), self.censored, self.unharmed) {
            (true, ..) => Outcome::Restart,
            (_, true, _) => Outcome::Censored,
            (_, _, true) if self.kind == HANG => Outcome::Stall,
            (_, _, true) => Outcome::NoRestart,
            (false, false, false) => Outcome::Unknown,
        }
    }
}

/// How the journal calls a fault whose process lives on.
const HANG: &str = "hang";

/// What came of a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The job restarted; there is an R.
    Restart,
    /// The next fault came before the first record.
    Censored,
    /// A hang that was over before Flink found out: the job waited, and did not restart.
    Stall,
    /// The fault took nothing of the job.
    NoRestart,
    /// No first record was seen, and nothing tells why.
    Unknown,
}

impl Outcome {
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Restart => "restart",
            Self::Censored => "censored",
            Self::Stall => "stall",
            Self::NoRestart => "no restart",
            Self::Unknown => "unknown",
        }
    }
}

/// What the phases of one fault are looked for in.
pub(super) struct Scene<'a> {
    pub trial: &'a Trial,
    pub series: &'a Series,
    pub lag: &'a [LagPoint],
    pub step_ms: f64,
    pub issued: Bounds,
    /// When the next fault was issued or a planned restart began; infinity after the last one.
    pub horizon: EpochMs,
    pub marks: Vec<&'a FaultMark>,
}

impl Scene<'_> {
    fn mark(&self, phase: &str) -> Option<&FaultMark> {
        self.marks.iter().copied().find(|mark| mark.phase == phase)
    }

    fn marks_of<'s>(&'s self, phase: &'s str) -> impl Iterator<Item = &'s FaultMark> + 's {
        self.marks.iter().copied().filter(move |mark| mark.phase == phase)
    }

    /// When the last of the instances was that far; None until each is.
    fn marked(&self, phase: &str) -> Option<Bounds> {
        let hit = self.marks_of("issued");
        let reached: Option<Vec<Bounds>> =
            hit.map(|hit| self.marks_of(phase).find(|mark| mark.instance == hit.instance).map(bounds_of)).collect();
        last_of(reached?)
    }

    /// Whether a Flink timestamp lies in this recovery; it is cut to the millisecond, so `issued` is cut too.
    fn holds(&self, at: EpochMs) -> bool {
        self.issued.lo.floor() <= at && at < self.horizon
    }

    /// When the job entered each state within this recovery, by its own timestamps.
    fn job_states<'s>(&'s self, wanted: &'s str) -> impl Iterator<Item = EpochMs> + 's {
        self.trial.states.iter().filter_map(move |state| match state {
            State::Job { state, at_epoch_ms } if state == wanted && self.holds(*at_epoch_ms) => Some(*at_epoch_ms),
            _ => None,
        })
    }

    /// The highest attempt seen until `at`, by the probe or by Flink; 0 where none was.
    fn attempt_until(&self, at: EpochMs) -> u32 {
        let probed = self.series.probes.iter().filter_map(|(&(_, attempt), samples)| {
            samples.first().is_some_and(|sample| sample.at_epoch_ms < at).then_some(attempt)
        });
        let told = self.trial.states.iter().filter_map(|state| match state {
            State::Subtask { attempt, at_epoch_ms, .. } if *at_epoch_ms < at => Some(*attempt),
            _ => None,
        });
        probed.chain(told).max().unwrap_or(0)
    }
}

/// The last of several events.
fn last_of(bounds: impl IntoIterator<Item = Bounds>) -> Option<Bounds> {
    bounds.into_iter().reduce(|left, right| Bounds { lo: left.lo.max(right.lo), hi: left.hi.max(right.hi) })
}

fn bounds_of(mark: &FaultMark) -> Bounds {
    Bounds { lo: mark.lo_epoch_ms, hi: mark.hi_epoch_ms }
}

/// When the first of the faults `to_come` and of the planned restarts after `at` begins; infinity where none does.
fn horizon_after(trial: &Trial, to_come: &[(u32, Bounds)], at: EpochMs) -> EpochMs {
    let next_fault = to_come.first().map_or(f64::INFINITY, |(_, next)| next.lo);
    // One that was given up before the job stopped ended no recovery.
    let stopped = trial.restarts.iter().filter(|restart| restart.resumed.is_some() || restart.failed.is_none());
    let restarts = stopped.map(|restart| restart.begun_epoch_ms);
    restarts.filter(|&next| next > at).fold(next_fault, f64::min)
}

/// All faults that were issued in a trial, in their order. Several instances that were hit at once are one.
#[must_use]
pub fn faults(trial: &Trial, series: &Series, lag: &[LagPoint], step_ms: f64) -> Vec<Fault> {
    let issued = issued(trial);
    let restarts = planned_restarts(trial, series, lag, step_ms);
    let mut faults: Vec<Fault> = Vec::with_capacity(issued.len());
    for (place, (number, bounds)) in issued.iter().enumerate() {
        let scene = Scene {
            trial,
            series,
            lag,
            step_ms,
            issued: *bounds,
            horizon: horizon_after(trial, &issued[place + 1..], bounds.hi),
            marks: trial.fault_marks.iter().filter(|mark| mark.fault == *number).collect(),
        };
        let since = faults.last().and_then(|fault| fault.phases.issued).map_or(f64::NEG_INFINITY, |at| at.lo);
        let between = |restart: &&PlannedRestart| since < restart.begun && restart.begun < bounds.lo;
        let fault = fault(&scene, *number, faults.last(), restarts.iter().rev().find(between));
        faults.push(fault);
    }
    faults
}

/// The number of each fault, and from when until when its signals were sent.
fn issued(trial: &Trial) -> Vec<(u32, Bounds)> {
    let mut all: Vec<(u32, Bounds)> = Vec::new();
    for mark in trial.fault_marks.iter().filter(|mark| mark.phase == "issued") {
        match all.iter_mut().find(|(number, _)| *number == mark.fault) {
            Some((_, bounds)) => {
                *bounds = Bounds { lo: bounds.lo.min(mark.lo_epoch_ms), hi: bounds.hi.max(mark.hi_epoch_ms) };
            }
            None => all.push((mark.fault, bounds_of(mark))),
        }
    }
    all
}

/// `restart`: the last planned one since the previous fault.
fn fault(scene: &Scene<'_>, number: u32, previous: Option<&Fault>, restart: Option<&PlannedRestart>) -> Fault {
    let over = match (restart, previous) {
        (Some(restart), _) => restart.over,
        (None, Some(previous)) => previous.over.map(|over| over.hi),
        (None, None) => Some(f64::NEG_INFINITY),
    };
    let during_recovery = over.is_none();
    // In the middle of a recovery the lag is no baseline, nor just after it; that of the fault before holds on.
    let caught_up = match restart {
        Some(restart) => restart.caught_up,
        None => previous.and_then(|previous| previous.phases.caught_up).map(|at| at.hi),
    };
    let calm_from = caught_up.unwrap_or(f64::NEG_INFINITY);
    let own = if during_recovery { None } else { phases::baseline(scene, calm_from) };
    let baseline_lag = own.or_else(|| previous.and_then(|previous| previous.baseline_lag));
    let seen = phases::see(scene, baseline_lag);
    let phases = seen.phases;
    let rework = rework::rework(scene, &seen);
    let since_issued = |phase: Option<Bounds>| Some((phase?.hi - scene.issued.hi) / 1e3);
    let down_for_s = scene.marks_of("issued").find_map(|mark| mark.down_for_s);
    let restarts = restarts(scene, &seen);
    let unharmed = is_unharmed(scene, &phases, restarts);
    Fault {
        number,
        kind: scene.mark("issued").map(|mark| mark.fault_kind.clone()).unwrap_or_default(),
        instance: joined(scene.marks_of("issued").map(|mark| mark.instance.as_str())),
        host: joined(scene.marks_of("issued").map(|mark| mark.host.as_str())),
        down_for_s,
        confirmed: is_confirmed(scene),
        during_recovery,
        over: phases.caught_up.or_else(|| over_without_lag(scene, &phases, unharmed)),
        unharmed,
        censored: phases.first.is_none() && scene.horizon.is_finite() && !unharmed,
        restarts,
        restored_checkpoint: seen.restored_checkpoint,
        initializing: seen.initializing,
        baseline_lag,
        rework,
        peak_lag: peak_lag(scene, &seen, rework),
        restored_records: rework::restored_records(scene, &seen),
        restart_s: since_issued(phases.first),
        missed_s: None,
        effective_s: None,
        ready_s: ready_s(&phases),
        study_s: study_s(scene, &phases, down_for_s.unwrap_or(0.0)),
        caught_up_s: since_issued(phases.caught_up),
        undo: undo(scene),
        phases,
    }
}

/// Each name once, in their order.
fn joined<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let mut each: Vec<&str> = Vec::new();
    for name in names {
        if !each.contains(&name) {
            each.push(name);
        }
    }
    each.join("+")
}

fn peak_lag(scene: &Scene<'_>, seen: &phases::Seen, rework: Option<Rework>) -> Option<f64> {
    let restored = seen.position_at_issued? - rework?.records;
    Some(scene.series.end_offset.value_at(seen.phases.first?.hi)? - restored)
}

fn is_confirmed(scene: &Scene<'_>) -> bool {
    let kind = scene.mark("issued").map_or("", |mark| mark.fault_kind.as_str());
    let is_seen = match kind {
        "kill" | "stop" => scene.marked("gone").is_some(),
        HANG => scene.marked("still").is_some(),
        _ => true,
    };
    scene.mark("failed").is_none() && is_seen
}

/// Only where it is known that nothing more came: the lag was small again, or what hung went on before the next fault.
fn is_unharmed(scene: &Scene<'_>, phases: &Phases, restarts: u32) -> bool {
    let hung = scene.mark("issued").is_some_and(|mark| mark.fault_kind == HANG);
    let went_on = hung && phases.back.is_some_and(|back| back.hi < scene.horizon);
    let nothing_seen = restarts == 0 && phases.detected.is_none() && phases.first.is_none();
    nothing_seen && (phases.caught_up.is_some() || went_on)
}

fn over_without_lag(scene: &Scene<'_>, phases: &Phases, unharmed: bool) -> Option<Bounds> {
    let back = phases.back.filter(|_| unharmed);
    if scene.lag.is_empty() { phases.first.or(back) } else { None }
}

fn restarts(scene: &Scene<'_>, seen: &phases::Seen) -> u32 {
    let until = seen.phases.caught_up.map_or(scene.horizon, |bounds| bounds.hi);
    // Flink keeps only the last time of each state, so a poll may miss entries; attempts miss none.
    let entered = scene.job_states("RESTARTING").filter(|&at| at <= until).count();
    u32::try_from(entered).unwrap_or(u32::MAX).max(seen.last_attempt - seen.attempt_before)
}

/// Where the job ran before the instance was back, it did not wait for it, and there is no such duration.
fn ready_s(phases: &Phases) -> Option<f64> {
    let (first, back) = (phases.first?, phases.back?);
    let ready = phases.detected.map_or(back.hi, |detected| detected.hi.max(back.hi));
    (back.hi <= first.hi).then(|| (first.hi - ready) / 1e3)
}

fn study_s(scene: &Scene<'_>, phases: &Phases, down_for_s: f64) -> Option<f64> {
    // A job that never read again did not restart, whatever its state said in between.
    phases.first?;
    let until = phases.caught_up.map_or(scene.horizon, |bounds| bounds.hi);
    let restarting = scene.job_states("RESTARTING").reduce(f64::min)?;
    let running = scene.job_states("RUNNING").filter(|&at| restarting <= at && at <= until).reduce(f64::max)?;
    Some((running - restarting) / 1e3 - down_for_s)
}

/// A killed process is undone by starting it again, which the journal calls `back`; of several, each.
fn undo(scene: &Scene<'_>) -> String {
    if let Some(failed) = scene.mark("failed") {
        return format!("failed: {}", failed.text.as_deref().unwrap_or("no reason given"));
    }
    let undone = scene.marked("undone").or_else(|| scene.marked("back")).is_some();
    if undone { "undone".into() } else { String::new() }
}

#[cfg(test)]
mod tests;
