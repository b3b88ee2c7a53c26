//! How late each window's result is, against when it was due by the replay's clock.
//!
//! due(window) = start + (end + B - event_0)/speed, end the window's end in event time and B the bound on
//! disorder: the instant at which a job without any delay could have fired it. `written` is the broker's
//! LogAppendTime of the first result row, `visible` when a read_committed consumer got it; later rows of the
//! same window are duplicates and count for no latency.

use std::collections::BTreeMap;

use super::curve::Bounds;
use super::history::Replay;
use super::oracle::WindowOutcome;
use super::timeline::Fault;
use crate::record::EpochMs;

/// When the window that starts at `window_start_epoch_ms` (event time) is due.
#[must_use]
pub fn due_epoch_ms(replay: &Replay, window_start_epoch_ms: i64) -> EpochMs {
    let fires_at = window_start_epoch_ms + replay.window_ms + replay.out_of_orderness_ms;
    replay.start_epoch_ms + (fires_at - replay.event_0_epoch_ms) as f64 / replay.speed
}

/// Which part of a fault's course a window was due in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Course {
    /// Before `issued` or after `caught_up`.
    Calm,
    /// From `issued` to `first`: nothing is processed.
    Down,
    /// From `first` to `caught_up`.
    CatchUp,
}

impl Course {
    pub const ALL: [Self; 3] = [Self::Calm, Self::Down, Self::CatchUp];

    /// Of a window that is due at `due`; a recovery without an end lasts until the next fault, the last for good.
    #[must_use]
    pub fn at(faults: &[Fault], due: EpochMs) -> Self {
        let issued = |fault: &Fault| fault.phases.issued.map(|bounds| bounds.lo);
        let Some(fault) = faults.iter().rev().find(|fault| issued(fault).is_some_and(|at| at <= due)) else {
            return Self::Calm;
        };
        let passed = |phase: Option<Bounds>| phase.is_some_and(|bounds| bounds.hi <= due);
        match (passed(fault.phases.caught_up), passed(fault.phases.first)) {
            (true, _) => Self::Calm,
            (false, true) => Self::CatchUp,
            (false, false) => Self::Down,
        }
    }
}

/// visible - written in milliseconds of the windows due within [from, to] outside faults, clustered by the instant
/// they are due. Under an exactly-once sink that is the wait for the next checkpoint and its end.
#[must_use]
pub fn commit_waits_ms(windows: &[WindowOutcome], faults: &[Fault], (from, to): (EpochMs, EpochMs)) -> Vec<Vec<f64>> {
    let calm = |due: EpochMs| (from..=to).contains(&due) && Course::at(faults, due) == Course::Calm;
    clustered(windows, |window| {
        let due = window.due_epoch_ms.filter(|&due| calm(due));
        due.and(Some(window.visible_epoch_ms? - window.written_epoch_ms?))
    })
}

/// Latencies in milliseconds of the windows due within [from, to] at an instant that `counts`, clustered by the
/// instant they are due.
#[must_use]
pub fn latencies_ms(
    windows: &[WindowOutcome],
    (from, to): (EpochMs, EpochMs),
    counts: impl Fn(EpochMs) -> bool,
    arrival: impl Fn(&WindowOutcome) -> Option<EpochMs>,
) -> Vec<Vec<f64>> {
    clustered(windows, |window| {
        let due = window.due_epoch_ms.filter(|&due| (from..=to).contains(&due) && counts(due))?;
        Some(arrival(window)? - due)
    })
}

/// The values of windows that have one, those of the same time together, in the order of time.
fn clustered(windows: &[WindowOutcome], value: impl Fn(&WindowOutcome) -> Option<f64>) -> Vec<Vec<f64>> {
    let mut clusters: BTreeMap<i64, Vec<f64>> = BTreeMap::new();
    for window in windows {
        if let Some(value) = value(window) {
            clusters.entry(window.window_start_epoch_ms).or_default().push(value);
        }
    }
    clusters.into_values().collect()
}
