//! What a fault made the job do again: from the restored checkpoint to where the source stood at `issued`.
//!
//! Where the checkpoint stood is not recorded, but an attempt starts at it and the probe counts the records
//! since: for each subtask, Σ of its positions minus its records is where its partitions started. That is
//! exact, but for the rows handled while the probe put its answer together, once the subtask has a record of
//! each of its partitions, and is taken from the first sample that has. The alternative, positions sampled around the checkpoint's trigger, is off by what the source reads in
//! the barrier's delay, and is used only where the attempt was not seen whole.
//!
//! Event time follows from the replay's clock: the broker held as many records as the source had read at the
//! instant τ, so between two positions lie (τ₂ - τ₁) · speed of event time, whatever the lag was.

use serde::Serialize;

use super::Scene;
use super::phases::Seen;

#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Rework {
    pub records: f64,
    /// Seconds of event time; None where the broker was not sampled around both positions.
    pub event_s: Option<f64>,
}

pub fn rework(scene: &Scene<'_>, seen: &Seen) -> Option<Rework> {
    let to = seen.position_at_issued?;
    let from = restored_records(scene, seen)?;
    // The extrapolation to `issued` may fall short of a checkpoint that completed just before it.
    Some(Rework { records: (to - from).max(0.0), event_s: event_s(scene, from, to) })
}

/// Σ of positions that the fault's recovery went back to; None where no restart was seen.
pub fn restored_records(scene: &Scene<'_>, seen: &Seen) -> Option<f64> {
    seen.phases.first?;
    position_at_start(scene, seen.last_attempt).or_else(|| position_at_trigger(scene, seen))
}

/// Σ of positions from which the attempt started; None until each partition was read.
fn position_at_start(scene: &Scene<'_>, attempt: u32) -> Option<f64> {
    let subtasks: Vec<_> = scene.series.probes.iter().filter(|&(&(_, other), _)| other == attempt).collect();
    let (mut position, mut partitions) = (0.0, 0);
    for (_, samples) in subtasks {
        let read = samples.iter().map(|sample| sample.positions.len()).max().unwrap_or(0);
        let Some(whole) = samples.iter().find(|sample| read > 0 && sample.positions.len() == read) else { continue };
        position += whole.positions.iter().map(|&(_, position)| position).sum::<f64>() - whole.records?;
        partitions += read;
    }
    (partitions > 0 && partitions == scene.series.partitions.len()).then_some(position)
}

/// Σ of positions when the restored checkpoint was triggered, in the attempt that made it.
fn position_at_trigger(scene: &Scene<'_>, seen: &Seen) -> Option<f64> {
    let checkpoint = scene.trial.checkpoints.get(&seen.restored_checkpoint?)?;
    scene.series.position_at(seen.attempt_before, checkpoint.trigger_epoch_ms, 0.0)
}

fn event_s(scene: &Scene<'_>, from: f64, to: f64) -> Option<f64> {
    let speed = scene.trial.replay.as_ref()?.speed;
    let held = &scene.series.end_offset;
    let (from_at, to_at) = (held.when(from)?, held.when(to)?);
    Some(((to_at - from_at) / 1e3 * speed).max(0.0))
}
