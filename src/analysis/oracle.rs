//! Holds the job's results against the truth of its input topic: ok, missing, duplicate or wrong.
//!
//! Wrong weighs more than duplicate: any row of a window with another count or other cents than the truth is
//! wrong, whatever the other rows say, and so is a result for a window that the truth does not have. Without
//! a complete truth (the run was interrupted) nothing is judged.
//!
//! The flush records close every window that holds a row, so each of them must come, also those that would have
//! been due only after the replay stopped.

use std::collections::BTreeMap;

use serde::Serialize;

use super::history::{ResultRow, Trial, TruthRow, WindowKey};
use super::latency::due_epoch_ms;
use crate::record::EpochMs;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Oracle {
    Ok,
    Missing,
    Duplicate,
    Wrong,
}

impl Oracle {
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Missing => "missing",
            Self::Duplicate => "duplicate",
            Self::Wrong => "wrong",
        }
    }
}

/// One window and key: what came, when, and whether it was right.
#[derive(Clone, Debug, PartialEq)]
pub struct WindowOutcome {
    /// None where windows are not told apart by zone.
    pub zone: Option<i64>,
    pub window_start_epoch_ms: i64,
    /// Of the first row; of the truth where no row came.
    pub count: i64,
    pub cents: i64,
    /// None where there was no replay.
    pub due_epoch_ms: Option<EpochMs>,
    /// Of the first row.
    pub written_epoch_ms: Option<EpochMs>,
    pub visible_epoch_ms: Option<EpochMs>,
    /// Rows after the first.
    pub duplicates: u64,
    /// None where the truth is not known.
    pub oracle: Option<Oracle>,
}

/// All windows of a trial, by window and zone.
#[must_use]
pub fn judge(trial: &Trial) -> Vec<WindowOutcome> {
    let truth: Option<BTreeMap<WindowKey, &TruthRow>> =
        trial.oracle.is_some().then(|| trial.truth.iter().map(|row| (row.key, row)).collect());
    let mut rows: BTreeMap<WindowKey, Vec<&ResultRow>> = BTreeMap::new();
    for row in &trial.results {
        rows.entry(row.key).or_default().push(row);
    }
    let mut outcomes: Vec<WindowOutcome> = rows
        .iter()
        .map(|(key, rows)| arrived(trial, rows, truth.as_ref().map(|truth| truth.get(key).copied())))
        .collect();
    let absent = truth.iter().flat_map(BTreeMap::values).filter(|row| !rows.contains_key(&row.key));
    outcomes.extend(absent.map(|row| missing(trial, row)));
    outcomes.sort_by_key(|outcome| (outcome.window_start_epoch_ms, outcome.zone));
    outcomes
}

/// `truth`: None where unknown, Some(None) where the input holds no such window.
fn arrived(trial: &Trial, rows: &[&ResultRow], truth: Option<Option<&TruthRow>>) -> WindowOutcome {
    let first = rows[0];
    let (zone, window_start_epoch_ms) = first.key;
    WindowOutcome {
        zone,
        window_start_epoch_ms,
        count: first.count,
        cents: first.cents,
        due_epoch_ms: due(trial, window_start_epoch_ms),
        written_epoch_ms: Some(first.written_epoch_ms),
        visible_epoch_ms: Some(first.visible_epoch_ms),
        duplicates: rows.len() as u64 - 1,
        oracle: truth.map(|truth| compare(rows, truth)),
    }
}

fn compare(rows: &[&ResultRow], truth: Option<&TruthRow>) -> Oracle {
    let agrees = |row: &&ResultRow| truth.is_some_and(|truth| (row.count, row.cents) == (truth.count, truth.cents));
    match rows {
        rows if !rows.iter().all(agrees) => Oracle::Wrong,
        [_] => Oracle::Ok,
        _ => Oracle::Duplicate,
    }
}

fn missing(trial: &Trial, truth: &TruthRow) -> WindowOutcome {
    let (zone, window_start_epoch_ms) = truth.key;
    let due_epoch_ms = due(trial, window_start_epoch_ms);
    WindowOutcome {
        zone,
        window_start_epoch_ms,
        count: truth.count,
        cents: truth.cents,
        due_epoch_ms,
        written_epoch_ms: None,
        visible_epoch_ms: None,
        duplicates: 0,
        oracle: Some(Oracle::Missing),
    }
}

fn due(trial: &Trial, window_start_epoch_ms: i64) -> Option<EpochMs> {
    trial.replay.as_ref().map(|replay| due_epoch_ms(replay, window_start_epoch_ms))
}

#[cfg(test)]
mod tests;
