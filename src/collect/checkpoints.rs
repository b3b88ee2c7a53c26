//! Every checkpoint once, when it has ended, with what its subtasks say; and what the job was set back to.
//!
//! Details cost a request for each vertex: they are asked for completed checkpoints only, once each, and for a
//! few in one look, so that a job with a long history is not asked a thousand things at once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::gaps::Gaps;
use super::manual::ManualCheckpoints;
use super::outlet::Outlet;
use super::pace::{Poller, keep_polling};
use crate::error::Result;
use crate::flink::{CheckpointRecord, Checkpoints, Flink, RestoredCheckpoint, SubtaskCheckpoint};
use crate::record::{Checkpoint, Observation, State};

const DETAILS_IN_ONE_LOOK: usize = 8;

/// A checkpoint whose details cannot be had is recorded without them.
const TRIES: u32 = 3;

pub(super) struct CheckpointWatch {
    flink: Flink,
    job: String,
    manual: Arc<ManualCheckpoints>,
    outlet: Outlet,
    gaps: Gaps,
    detail_gaps: Gaps,
    /// Vertices never change within a job; read when first needed.
    vertices: Vec<String>,
    recorded: BTreeSet<u64>,
    in_progress: BTreeMap<u64, CheckpointRecord>,
    tries: BTreeMap<u64, u32>,
    restored: Option<RestoredCheckpoint>,
}

/// The largest over all subtasks; absent where no subtask tells.
#[derive(Clone, Copy, Default)]
struct Details {
    sync_ms: Option<f64>,
    async_ms: Option<f64>,
    align_ms: Option<f64>,
    start_delay_ms: Option<f64>,
}

/// Whether what cannot be known yet may still be waited for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Look {
    Passing,
    Last,
}

impl CheckpointWatch {
    pub(super) fn new(flink: &Flink, job: &str, manual: &Arc<ManualCheckpoints>, outlet: &Outlet) -> Self {
        Self {
            flink: flink.clone(),
            job: job.to_owned(),
            manual: Arc::clone(manual),
            outlet: outlet.clone(),
            gaps: Gaps::new("checkpoints", outlet),
            detail_gaps: Gaps::new("details of checkpoints", outlet),
            vertices: Vec::new(),
            recorded: BTreeSet::new(),
            in_progress: BTreeMap::new(),
            tries: BTreeMap::new(),
            restored: None,
        }
    }

    /// Polls until `stop`, then looks a last time and records what is still in progress.
    pub(super) async fn run(mut self, every: Duration, stop: CancellationToken) -> Result<()> {
        keep_polling(&mut self, every, stop).await?;
        self.look(Look::Last).await?;
        for unfinished in std::mem::take(&mut self.in_progress).into_values() {
            self.record(&unfinished, Details::default())?;
        }
        Ok(())
    }

    async fn look(&mut self, look: Look) -> Result<()> {
        let answer = self.flink.checkpoints(&self.job).await;
        let Some(Checkpoints { latest, history, .. }) = self.gaps.bridge(answer)? else { return Ok(()) };
        self.record_restored(latest.restored)?;
        let completed = history.iter().filter(|one| one.is_completed() && !one.is_savepoint).map(|one| one.id).max();
        self.outlet.show(|live| live.completed_checkpoint = live.completed_checkpoint.max(completed));
        let mut detailed = 0;
        for checkpoint in history.into_iter().rev() {
            if self.recorded.contains(&checkpoint.id) {
                continue;
            }
            if checkpoint.is_in_progress() {
                self.in_progress.insert(checkpoint.id, checkpoint);
                continue;
            }
            if look == Look::Passing && (detailed == DETAILS_IN_ONE_LOOK || self.trigger_of(&checkpoint).is_none()) {
                continue;
            }
            detailed += 1;
            self.finish(&checkpoint, look).await?;
        }
        Ok(())
    }

    /// Records a checkpoint that has ended, unless its details may come at the next look.
    async fn finish(&mut self, checkpoint: &CheckpointRecord, look: Look) -> Result<()> {
        if !checkpoint.is_completed() {
            return self.record(checkpoint, Details::default());
        }
        let answer = self.details(checkpoint.id).await;
        let details = self.detail_gaps.bridge(answer)?;
        let tries = self.tries.entry(checkpoint.id).or_default();
        *tries += 1;
        if details.is_none() && look == Look::Passing && *tries < TRIES {
            return Ok(());
        }
        self.record(checkpoint, details.unwrap_or_default())
    }

    async fn details(&mut self, id: u64) -> Result<Details> {
        if self.vertices.is_empty() {
            let job = self.flink.job(&self.job).await?;
            self.vertices = job.vertices.into_iter().map(|vertex| vertex.id).collect();
        }
        let mut details = Details::default();
        for vertex in &self.vertices {
            let of_vertex = self.flink.checkpoint_details(&self.job, id, vertex).await?;
            details = of_vertex.subtasks.iter().fold(details, Details::and);
        }
        Ok(details)
    }

    fn record_restored(&mut self, restored: Option<RestoredCheckpoint>) -> Result<()> {
        if restored.is_none() || restored == self.restored {
            return Ok(());
        }
        if let Some(RestoredCheckpoint { id, at: Some(at_epoch_ms), .. }) = restored {
            self.outlet.state(State::Restored { checkpoint: id, at_epoch_ms })?;
        }
        self.restored = restored;
        Ok(())
    }

    /// `None` while a checkpoint on request is under way, which this one may be.
    fn trigger_of(&self, checkpoint: &CheckpointRecord) -> Option<&'static str> {
        if checkpoint.is_savepoint {
            return Some("savepoint");
        }
        self.manual.holds(checkpoint.id).map(|manual| if manual { "manual" } else { "periodic" })
    }

    fn record(&mut self, checkpoint: &CheckpointRecord, details: Details) -> Result<()> {
        self.recorded.insert(checkpoint.id);
        self.in_progress.remove(&checkpoint.id);
        self.tries.remove(&checkpoint.id);
        // Without a trigger time there is no place for it on the time axis; no version was seen to leave it out.
        let Some(trigger_epoch_ms) = checkpoint.triggered_at else { return Ok(()) };
        let ended = !checkpoint.is_in_progress();
        self.outlet.record(Observation::Checkpoint(Checkpoint {
            id: checkpoint.id,
            trigger: self.trigger_of(checkpoint).unwrap_or("periodic").to_owned(),
            status: checkpoint.status.to_lowercase(),
            trigger_epoch_ms,
            // What an unfinished one reports is only the progress so far.
            ack_epoch_ms: checkpoint.latest_ack_at.filter(|_| ended),
            duration_ms: checkpoint.duration_ms.filter(|_| ended),
            sync_ms: details.sync_ms,
            async_ms: details.async_ms,
            align_ms: details.align_ms,
            start_delay_ms: details.start_delay_ms,
            size_bytes: checkpoint.state_size.filter(|_| ended),
            incremental_bytes: checkpoint.checkpointed_size.filter(|_| ended),
        }))
    }
}

impl Poller for &mut CheckpointWatch {
    async fn poll(&mut self) -> Result<()> {
        self.look(Look::Passing).await
    }
}

impl Details {
    fn and(self, subtask: &SubtaskCheckpoint) -> Self {
        Self {
            sync_ms: larger(self.sync_ms, subtask.sync_ms()),
            async_ms: larger(self.async_ms, subtask.async_ms()),
            align_ms: larger(self.align_ms, subtask.align_ms()),
            start_delay_ms: larger(self.start_delay_ms, subtask.start_delay_ms),
        }
    }
}

fn larger(one: Option<f64>, other: Option<f64>) -> Option<f64> {
    one.into_iter().chain(other).reduce(f64::max)
}
