//! Checkpoints: their history, their details by subtask, and the configuration in force.
//!
//! `counts.failed` counts triggers that failed before there was a checkpoint (1.18.1, 1.20.3 and 2.2.0 count
//! one or two at the start of every job), the history does not hold them: a failure rate comes from the history.

use serde::{Deserialize, Serialize};

use super::{Flink, quirks};
use crate::error::Result;
use crate::record::{Checkpoint, EpochMs};

/// `/jobs/:id/checkpoints`; empty where the job takes none.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct Checkpoints {
    pub counts: CheckpointCounts,
    #[serde(default)]
    pub summary: CheckpointStatistics,
    #[serde(default)]
    pub latest: LatestCheckpoints,
    /// Newest first, at most `web.checkpoints.history` (10 by default).
    pub history: Vec<CheckpointRecord>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct CheckpointCounts {
    pub restored: u64,
    pub total: u64,
    pub in_progress: u64,
    pub completed: u64,
    pub failed: u64,
}

/// Over all completed checkpoints of the job, those out of the history too.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct CheckpointStatistics {
    pub end_to_end_duration: Spread,
    pub state_size: Spread,
    pub checkpointed_size: Spread,
}

/// Milliseconds or bytes; percentiles are absent where there are too few values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Spread {
    #[serde(deserialize_with = "quirks::number")]
    pub min: Option<f64>,
    #[serde(deserialize_with = "quirks::number")]
    pub max: Option<f64>,
    #[serde(deserialize_with = "quirks::number")]
    pub avg: Option<f64>,
    #[serde(deserialize_with = "quirks::number")]
    pub p50: Option<f64>,
    #[serde(deserialize_with = "quirks::number")]
    pub p99: Option<f64>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct LatestCheckpoints {
    pub completed: Option<CheckpointRecord>,
    pub savepoint: Option<CheckpointRecord>,
    pub restored: Option<RestoredCheckpoint>,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct RestoredCheckpoint {
    pub id: u64,
    #[serde(default, rename = "restore_timestamp", deserialize_with = "quirks::time")]
    pub at: Option<EpochMs>,
    #[serde(default)]
    pub is_savepoint: bool,
}

/// One checkpoint or savepoint.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct CheckpointRecord {
    pub id: u64,
    /// `IN_PROGRESS`, `COMPLETED` or `FAILED`.
    pub status: String,
    #[serde(default)]
    pub is_savepoint: bool,
    #[serde(default, rename = "trigger_timestamp", deserialize_with = "quirks::time")]
    pub triggered_at: Option<EpochMs>,
    #[serde(default, rename = "latest_ack_timestamp", deserialize_with = "quirks::time")]
    pub latest_ack_at: Option<EpochMs>,
    /// Milliseconds from trigger to the last acknowledgement so far.
    #[serde(default, rename = "end_to_end_duration", deserialize_with = "quirks::amount")]
    pub duration_ms: Option<f64>,
    /// Full size of the state.
    #[serde(default, deserialize_with = "quirks::bytes")]
    pub state_size: Option<u64>,
    /// What this checkpoint had to write.
    #[serde(default, deserialize_with = "quirks::bytes")]
    pub checkpointed_size: Option<u64>,
    #[serde(default)]
    pub external_path: Option<String>,
    /// Of failed ones only.
    #[serde(default)]
    pub failure_message: Option<String>,
}

/// The part of one checkpoint that belongs to one vertex.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct VertexCheckpoint {
    pub id: u64,
    pub status: String,
    pub subtasks: Vec<SubtaskCheckpoint>,
}

/// The part of one subtask; one that has not acknowledged has no figures.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct SubtaskCheckpoint {
    pub index: u32,
    pub status: String,
    #[serde(default)]
    checkpoint: Phases,
    #[serde(default)]
    alignment: Alignment,
    #[serde(default, rename = "start_delay", deserialize_with = "quirks::amount")]
    pub start_delay_ms: Option<f64>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
struct Phases {
    #[serde(rename = "sync", deserialize_with = "quirks::amount")]
    sync_ms: Option<f64>,
    #[serde(rename = "async", deserialize_with = "quirks::amount")]
    async_ms: Option<f64>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
struct Alignment {
    #[serde(rename = "duration", deserialize_with = "quirks::amount")]
    duration_ms: Option<f64>,
}

/// `/jobs/:id/checkpoints/config`, milliseconds; written as the names with their units.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct CheckpointConfig {
    /// `exactly_once` or `at_least_once`.
    pub mode: String,
    /// Absent where nothing triggers checkpoints periodically.
    #[serde(rename(deserialize = "interval"), deserialize_with = "quirks::interval")]
    pub interval_ms: Option<f64>,
    #[serde(rename(deserialize = "timeout"))]
    pub timeout_ms: f64,
    #[serde(rename(deserialize = "min_pause"))]
    pub min_pause_ms: f64,
    #[serde(default)]
    pub max_concurrent: Option<u32>,
    #[serde(default)]
    pub unaligned_checkpoints: Option<bool>,
    #[serde(default)]
    pub state_backend: Option<String>,
    #[serde(default)]
    pub checkpoint_storage: Option<String>,
}

/// What the subtasks of a checkpoint say: the largest over all of them, absent where none tells.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct CheckpointDetails {
    pub sync_ms: Option<f64>,
    pub async_ms: Option<f64>,
    pub align_ms: Option<f64>,
    pub start_delay_ms: Option<f64>,
}

impl CheckpointDetails {
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

impl CheckpointRecord {
    /// As it is written down, with the word for what triggered it. None without a trigger time, which leaves it no
    /// place on the time axis; no version was seen to leave it out.
    #[must_use]
    pub fn observed(&self, trigger: &str, details: CheckpointDetails) -> Option<Checkpoint> {
        // What an unfinished one reports is only the progress so far.
        let ended = !self.is_in_progress();
        Some(Checkpoint {
            id: self.id,
            trigger: trigger.to_owned(),
            status: self.status.to_lowercase(),
            trigger_epoch_ms: self.triggered_at?,
            ack_epoch_ms: self.latest_ack_at.filter(|_| ended),
            duration_ms: self.duration_ms.filter(|_| ended),
            sync_ms: details.sync_ms,
            async_ms: details.async_ms,
            align_ms: details.align_ms,
            start_delay_ms: details.start_delay_ms,
            size_bytes: self.state_size.filter(|_| ended),
            incremental_bytes: self.checkpointed_size.filter(|_| ended),
        })
    }

    #[must_use]
    pub fn is_completed(&self) -> bool {
        self.status == "COMPLETED"
    }

    #[must_use]
    pub fn is_in_progress(&self) -> bool {
        self.status == "IN_PROGRESS"
    }
}

impl SubtaskCheckpoint {
    #[must_use]
    pub fn sync_ms(&self) -> Option<f64> {
        self.checkpoint.sync_ms
    }

    #[must_use]
    pub fn async_ms(&self) -> Option<f64> {
        self.checkpoint.async_ms
    }

    #[must_use]
    pub fn align_ms(&self) -> Option<f64> {
        self.alignment.duration_ms
    }
}

impl Flink {
    pub async fn checkpoints(&self, job: &str) -> Result<Checkpoints> {
        match self.get(&format!("/jobs/{job}/checkpoints")).await {
            Err(failure) if quirks::says_checkpointing_is_off(&failure) => Ok(Checkpoints::default()),
            answer => Ok(answer?),
        }
    }

    pub async fn checkpoint_details(&self, job: &str, checkpoint: u64, vertex: &str) -> Result<VertexCheckpoint> {
        Ok(self.get(&format!("/jobs/{job}/checkpoints/details/{checkpoint}/subtasks/{vertex}")).await?)
    }

    /// What the subtasks of these vertices say of a checkpoint; a request for each vertex.
    pub async fn details_of(&self, job: &str, vertices: &[String], checkpoint: u64) -> Result<CheckpointDetails> {
        let mut details = CheckpointDetails::default();
        for vertex in vertices {
            let of_vertex = self.checkpoint_details(job, checkpoint, vertex).await?;
            details = of_vertex.subtasks.iter().fold(details, CheckpointDetails::and);
        }
        Ok(details)
    }

    /// The newest `count` checkpoints and savepoints, oldest first. One whose details are gone comes without them.
    pub async fn last_checkpoints(&self, job: &str, count: usize) -> Result<Vec<Checkpoint>> {
        let mut newest = self.checkpoints(job).await?.history;
        newest.truncate(count);
        let vertices: Vec<String> = self.job(job).await?.vertices.into_iter().map(|vertex| vertex.id).collect();
        let mut checkpoints = Vec::with_capacity(newest.len());
        for record in newest.iter().rev() {
            let details = match record.is_completed() {
                true => self.details_of(job, &vertices, record.id).await.unwrap_or_default(),
                false => CheckpointDetails::default(),
            };
            let trigger = if record.is_savepoint { "savepoint" } else { "periodic" };
            checkpoints.extend(record.observed(trigger, details));
        }
        Ok(checkpoints)
    }

    /// `None` where the job takes no checkpoints.
    pub async fn checkpoint_config(&self, job: &str) -> Result<Option<CheckpointConfig>> {
        match self.get(&format!("/jobs/{job}/checkpoints/config")).await {
            Err(failure) if quirks::says_checkpointing_is_off(&failure) => Ok(None),
            answer => Ok(Some(answer?)),
        }
    }
}
