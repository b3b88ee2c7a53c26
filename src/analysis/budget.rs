//! Where the time of a trial with faults went: the budget of 1 - U, in seconds over [first issued, last issued].
//!
//! N faults give N - 1 cycles, each from one `issued` to the next, as U measured has them: the recovery at its
//! start, then work, and at its end the rework that the next fault makes of some of it. So R is taken of all
//! faults but the last, rework of all but the first.
//!
//! R is cut at `detected`, `back`, the first INITIALIZING of the last attempt, `running` and `first`, each moved
//! up to the latest of those before it: the parts then add up to R whatever order they came in. A phase that was
//! not seen takes no time of its own; what it took goes to the one after it. A recovery that the next fault cut
//! off lasts until that one, and nothing of its cycle is rework: no record was processed in it. A fault that no
//! restart followed cost no time.
//!
//! Checkpoints cost c each, as the models have it, also while records are processed beside them. What is left
//! is U by time. Below saturation too: the job then idles within it, and the parts still tell what pays first.

use serde::Serialize;

use super::checkpoints::CheckpointRow;
use super::curve::Bounds;
use super::timeline::{Fault, Outcome};
use crate::record::{Checkpoint, EpochMs};

/// Seconds of each part; they add up to `span_s`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Budget {
    /// From the first `issued` to the last.
    pub span_s: f64,
    /// Faults less one.
    pub cycles: u32,
    pub checkpoints_s: f64,
    pub rework_s: f64,
    /// issued to detected: the heartbeat, or the broken connection.
    pub detection_s: f64,
    /// To `back`: no instance, no slot.
    pub hold_s: f64,
    /// To INITIALIZING: restart delay, scheduling, deployment.
    pub redeployment_s: f64,
    /// To `running`: state comes back.
    pub restore_s: f64,
    /// To `first`: the first record.
    pub start_s: f64,
    /// What is left: U by time, in seconds.
    pub remainder_s: f64,
}

impl Budget {
    /// The parts that are lost, in the order of the waterfall.
    #[must_use]
    pub fn losses(&self) -> [(&'static str, f64); 7] {
        [
            ("checkpoints", self.checkpoints_s),
            ("rework", self.rework_s),
            ("detection", self.detection_s),
            ("hold", self.hold_s),
            ("redeployment", self.redeployment_s),
            ("restore", self.restore_s),
            ("start", self.start_s),
        ]
    }

    /// U by time: the share that is left.
    #[must_use]
    pub fn utilization(&self) -> f64 {
        self.remainder_s / self.span_s
    }

    /// Several trials as one.
    #[must_use]
    pub fn sum(budgets: impl IntoIterator<Item = Self>) -> Option<Self> {
        budgets.into_iter().reduce(|left, right| Self {
            span_s: left.span_s + right.span_s,
            cycles: left.cycles + right.cycles,
            checkpoints_s: left.checkpoints_s + right.checkpoints_s,
            rework_s: left.rework_s + right.rework_s,
            detection_s: left.detection_s + right.detection_s,
            hold_s: left.hold_s + right.hold_s,
            redeployment_s: left.redeployment_s + right.redeployment_s,
            restore_s: left.restore_s + right.restore_s,
            start_s: left.start_s + right.start_s,
            remainder_s: left.remainder_s + right.remainder_s,
        })
    }
}

/// The budget of a trial; None with fewer than two faults, where no checkpoint tells c, or where a recovery within
/// it never came to an end.
#[must_use]
pub fn budget(faults: &[Fault], checkpoints: &[CheckpointRow], durations_s: &[f64]) -> Option<Budget> {
    let issued: Vec<EpochMs> = faults.iter().filter_map(|fault| Some(fault.phases.issued?.hi)).collect();
    let (&from, &to) = (issued.first()?, issued.last()?);
    // A job without the probe tells no first record, so that its recoveries have no end.
    if faults.iter().all(|fault| fault.phases.first.is_none()) {
        return None;
    }
    if issued.len() < 2 || durations_s.is_empty() {
        return None;
    }
    let cost_s = durations_s.iter().sum::<f64>() / durations_s.len() as f64;
    let completed = checkpoints.iter().filter(|row| is_completed_within(&row.checkpoint, from, to)).count();
    let mut budget = Budget {
        span_s: (to - from) / 1e3,
        cycles: (issued.len() - 1) as u32,
        checkpoints_s: completed as f64 * cost_s,
        ..Budget::default()
    };
    for pair in faults.windows(2) {
        let (fault, next) = (&pair[0], &pair[1]);
        let (Some(start), Some(end)) = (fault.phases.issued, next.phases.issued) else { continue };
        add_recovery(&mut budget, fault, start.hi, end.hi);
        budget.rework_s += rework_s(fault, next, end.hi, checkpoints)?;
    }
    budget.remainder_s = budget.span_s - budget.losses().iter().map(|(_, seconds)| seconds).sum::<f64>();
    Some(budget)
}

/// Manual checkpoints cost as much as periodic ones; savepoints are somebody else's.
fn is_completed_within(checkpoint: &Checkpoint, from: EpochMs, to: EpochMs) -> bool {
    let counts = checkpoint.status == "completed" && checkpoint.trigger != "savepoint";
    counts && (from..to).contains(&checkpoint.trigger_epoch_ms)
}

fn add_recovery(budget: &mut Budget, fault: &Fault, issued: EpochMs, next_issued: EpochMs) {
    let end = match fault.phases.first {
        Some(first) => first.hi.min(next_issued),
        None if fault.outcome() == Outcome::Stall => {
            // Nothing restarted; the job stood still until the instance went on.
            let back = fault.phases.back.map_or(issued, |back| back.hi.min(next_issued));
            budget.hold_s += (back - issued).max(0.0) / 1e3;
            return;
        }
        None if is_unharmed(fault) => return,
        None => next_issued,
    };
    let [detection, hold, redeployment, restore, start] = recovery_parts_s(fault, issued, end);
    budget.detection_s += detection;
    budget.hold_s += hold;
    budget.redeployment_s += redeployment;
    budget.restore_s += restore;
    budget.start_s += start;
}

/// Whether the fault took nothing of the job: no record was its first, and no restart was seen.
fn is_unharmed(fault: &Fault) -> bool {
    let phases = &fault.phases;
    phases.first.is_none() && (phases.caught_up.is_some() || (fault.restarts == 0 && phases.detected.is_none()))
}

/// The parts of one recovery by itself, which add up to its R. An instance that was not waited for comes back at any
/// time, and nothing of R is its hold.
#[must_use]
pub fn own_parts_s(fault: &Fault) -> Option<[f64; 5]> {
    let (issued, first) = (fault.phases.issued?, fault.phases.first?);
    Some(recovery_parts_s(fault, issued.hi, first.hi))
}

/// When the instance that the job waited for was back; None where the job went on without it.
fn waited_for(fault: &Fault) -> Option<Bounds> {
    let back = fault.phases.back?;
    let restored_before = fault.initializing.is_some_and(|restoring| restoring.lo < back.lo);
    let read_before = fault.phases.first.is_some_and(|first| first.hi <= back.hi);
    (!restored_before && !read_before).then_some(back)
}

/// Seconds of detection, hold, redeployment, restore and start, which add up to `end` - `issued`.
#[must_use]
pub fn recovery_parts_s(fault: &Fault, issued: EpochMs, end: EpochMs) -> [f64; 5] {
    let phases = &fault.phases;
    let cuts = [phases.detected, waited_for(fault), fault.initializing, phases.running];
    let end = end.max(issued);
    let mut reached = issued;
    std::array::from_fn(|part| {
        let until = match cuts.get(part) {
            // Not `clamp`, which panics on a NaN.
            Some(cut) => cut.map_or(reached, |cut| cut.hi.min(end).max(reached)),
            None => end,
        };
        let seconds = (until - reached) / 1e3;
        reached = until;
        seconds
    })
}

/// From the trigger of the checkpoint that the next fault set the job back to; not from before the first record
/// of this cycle, which is R's time or an earlier cycle's. None where that checkpoint is not known.
fn rework_s(fault: &Fault, next: &Fault, next_issued: EpochMs, checkpoints: &[CheckpointRow]) -> Option<f64> {
    if is_unharmed(next) {
        return Some(0.0);
    }
    let begun = match fault.phases.first {
        Some(first) => first.hi,
        None if is_unharmed(fault) => fault.phases.issued?.hi,
        None => return Some(0.0),
    };
    let id = next.restored_checkpoint?;
    let restored = checkpoints.iter().find(|row| row.checkpoint.id == id)?;
    let from = restored.checkpoint.trigger_epoch_ms.max(begun);
    Some((next_issued - from).max(0.0) / 1e3)
}

#[cfg(test)]
mod tests;
