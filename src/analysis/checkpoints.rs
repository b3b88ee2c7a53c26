//! What checkpoints cost (c) and how far apart they really come (T_real).
//!
//! c is the study's: the mean end-to-end duration of completed periodic checkpoints triggered in the measured
//! phase, those near a fault included, because they happen to users too; the flag tells them apart. T_real is
//! the median from trigger to trigger outside faults: Flink stretches T to max(T, duration + min-pause).
//! Savepoints and the manual checkpoint that ends the warm-up are in neither.

use super::curve::Bounds;
use super::history::{Restart, Trial};
use super::timeline::Fault;
use crate::record::{Checkpoint, EpochMs};

/// A checkpoint, and whether it met a fault or a planned restart.
#[derive(Clone, Debug, PartialEq)]
pub struct CheckpointRow {
    pub checkpoint: Checkpoint,
    /// Under way at some time in [issued, caught_up] of a fault, or in a planned restart.
    pub during_fault: bool,
}

impl CheckpointRow {
    #[must_use]
    pub fn is_periodic(&self) -> bool {
        self.checkpoint.trigger == "periodic"
    }

    #[must_use]
    pub fn is_completed(&self) -> bool {
        self.checkpoint.status == "completed"
    }

    /// From its trigger to its end, as far as that is known.
    #[must_use]
    pub fn span(&self) -> Bounds {
        span(&self.checkpoint)
    }

    fn triggered_within(&self, (from, to): (EpochMs, EpochMs)) -> bool {
        (from..=to).contains(&self.checkpoint.trigger_epoch_ms)
    }
}

fn span(checkpoint: &Checkpoint) -> Bounds {
    let lo = checkpoint.trigger_epoch_ms;
    let hi = checkpoint.ack_epoch_ms.or(checkpoint.duration_ms.map(|duration| lo + duration)).unwrap_or(lo);
    Bounds { lo, hi }
}

/// All checkpoints of a trial in the order of their triggers.
#[must_use]
pub fn rows(trial: &Trial, disturbances: &[Bounds]) -> Vec<CheckpointRow> {
    let flagged = |checkpoint: &Checkpoint| {
        let Bounds { lo: from, hi: to } = span(checkpoint);
        disturbances.iter().any(|fault| from <= fault.hi && fault.lo <= to)
    };
    let mut rows: Vec<CheckpointRow> = trial
        .checkpoints
        .values()
        .map(|checkpoint| CheckpointRow { during_fault: flagged(checkpoint), checkpoint: checkpoint.clone() })
        .collect();
    rows.sort_by(|left, right| left.checkpoint.trigger_epoch_ms.total_cmp(&right.checkpoint.trigger_epoch_ms));
    rows
}

fn counted(rows: &[CheckpointRow], measured: (EpochMs, EpochMs)) -> impl Iterator<Item = &CheckpointRow> {
    rows.iter().filter(move |row| row.is_periodic() && row.triggered_within(measured))
}

/// Durations of the checkpoints that make c, in seconds.
#[must_use]
pub fn durations_s(rows: &[CheckpointRow], measured: (EpochMs, EpochMs)) -> Vec<f64> {
    let completed = counted(rows, measured).filter(|row| row.is_completed());
    completed.filter_map(|row| Some(row.checkpoint.duration_ms? / 1e3)).collect()
}

/// The same without those that met a fault.
#[must_use]
pub fn calm_durations_s(rows: &[CheckpointRow], measured: (EpochMs, EpochMs)) -> Vec<f64> {
    let completed = counted(rows, measured).filter(|row| row.is_completed() && !row.during_fault);
    completed.filter_map(|row| Some(row.checkpoint.duration_ms? / 1e3)).collect()
}

/// Full state sizes of the same checkpoints, in bytes.
#[must_use]
pub fn sizes_bytes(rows: &[CheckpointRow], measured: (EpochMs, EpochMs)) -> Vec<f64> {
    let completed = counted(rows, measured).filter(|row| row.is_completed());
    completed.filter_map(|row| Some(row.checkpoint.size_bytes? as f64)).collect()
}

/// Seconds from trigger to trigger of periodic checkpoints between which no fault lies; T_real is their median.
#[must_use]
pub fn trigger_gaps_s(rows: &[CheckpointRow], measured: (EpochMs, EpochMs), disturbances: &[Bounds]) -> Vec<f64> {
    let triggers: Vec<EpochMs> = counted(rows, measured).map(|row| row.checkpoint.trigger_epoch_ms).collect();
    let calm = |from: f64, to: f64| disturbances.iter().all(|fault| to < fault.lo || fault.hi < from);
    triggers.windows(2).filter(|pair| calm(pair[0], pair[1])).map(|pair| (pair[1] - pair[0]) / 1e3).collect()
}

/// Ids of checkpoints that failed although they should not: after the first completed one, outside
/// [issued, running + T] of every fault, and before the replay stopped. A fault without a restart has no `running`,
/// and excuses until it was over.
#[must_use]
pub fn unexpected_failures(trial: &Trial, rows: &[CheckpointRow], faults: &[Fault]) -> Vec<u64> {
    let Some(first) = rows.iter().find(|row| row.is_completed()) else { return Vec::new() };
    let (from, to) = (first.checkpoint.trigger_epoch_ms, trial.replay_stop_epoch_ms().unwrap_or(f64::INFINITY));
    let interval_ms = |at: EpochMs| trial.interval_at(at).unwrap_or(0.0) * 1e3;
    let excused = |at: EpochMs| {
        let faults = faults.iter().any(|fault| is_excused(fault, at, interval_ms(at)));
        faults || trial.restarts.iter().any(|restart| is_stopped_by(restart, at, interval_ms(at)))
    };
    rows.iter()
        .filter(|row| row.checkpoint.status == "failed" && row.triggered_within((from, to)))
        .filter(|row| !excused(row.checkpoint.trigger_epoch_ms) && !row.during_fault)
        .map(|row| row.checkpoint.id)
        .collect()
}

/// A stop aborts the checkpoint that is under way, which was triggered up to T before, and others until the job runs again.
fn is_stopped_by(restart: &Restart, at: EpochMs, interval_ms: f64) -> bool {
    let ran = restart.resumed.as_ref().map(|resumed| resumed.at_epoch_ms);
    let ended = ran.or(restart.failed.as_ref().map(|(at, _)| *at));
    let until = ended.map_or(f64::INFINITY, |ended| ended + interval_ms);
    restart.begun_epoch_ms - interval_ms <= at && at <= until
}

fn is_excused(fault: &Fault, at: EpochMs, interval_ms: f64) -> bool {
    let Some(issued) = fault.phases.issued else { return false };
    let ran = fault.phases.running.or(fault.over.filter(|_| fault.unharmed));
    let until = ran.map_or(f64::INFINITY, |ran| ran.hi + interval_ms);
    issued.lo <= at && at <= until
}
