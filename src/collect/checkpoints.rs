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
use crate::flink::{CheckpointDetails, CheckpointRecord, Checkpoints, Flink, RestoredCheckpoint};
use crate::record::{Observation, State};

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
            self.record(&unfinished, CheckpointDetails::default())?;
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
            return self.record(checkpoint, CheckpointDetails::default());
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

    async fn details(&mut self, id: u64) -> Result<CheckpointDetails> {
        if self.vertices.is_empty() {
            let job = self.flink.job(&self.job).await?;
            self.vertices = job.vertices.into_iter().map(|vertex| vertex.id).collect();
        }
        self.flink.details_of(&self.job, &self.vertices, id).await
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

    fn record(&mut self, checkpoint: &CheckpointRecord, details: CheckpointDetails) -> Result<()> {
        self.recorded.insert(checkpoint.id);
        self.in_progress.remove(&checkpoint.id);
        self.tries.remove(&checkpoint.id);
        let trigger = self.trigger_of(checkpoint).unwrap_or("periodic");
        match checkpoint.observed(trigger, details) {
            Some(observed) => self.outlet.record(Observation::Checkpoint(observed)),
            None => Ok(()),
        }
    }
}

impl Poller for &mut CheckpointWatch {
    async fn poll(&mut self) -> Result<()> {
        self.look(Look::Passing).await
    }
}
