//! A typed client of Flink's REST API, for 1.18 to 2.2.
//!
//! One client for all versions: the answers differ by a few fields, and `quirks` is the only place that knows
//! how. Everything Flink may leave out is an `Option`, unknown fields are ignored, so that a version newer
//! than the tested ones is read as far as it goes.

mod checkpoints;
mod client;
mod cluster;
mod exceptions;
mod failure;
#[cfg(test)]
pub(crate) mod fake;
mod jar;
mod job;
mod job_spec;
mod jobmanager;
pub mod metrics;
mod plan;
mod quirks;
mod snapshot;
mod subtasks;
#[cfg(test)]
mod tests;
mod until;
mod wait;

pub use checkpoints::{
    CheckpointConfig, CheckpointCounts, CheckpointDetails, CheckpointRecord, CheckpointStatistics, Checkpoints,
    LatestCheckpoints, RestoredCheckpoint, Spread, SubtaskCheckpoint, VertexCheckpoint,
};
pub use client::Flink;
pub use cluster::{Overview, TaskManager, WebConfig};
pub use exceptions::JobException;
pub use jar::RunRequest;
pub use job::{Job, Vertex, is_terminal};
pub use job_spec::{Argument, ArgumentKind, Default as ArgumentDefault, Given, JobSpec, program_arguments};
pub use jobmanager::JobManager;
pub use plan::{Plan, PlanNode};
pub use snapshot::CheckpointKind;
pub use subtasks::{Subtask, SubtaskTimes, VertexDetails, VertexTimes};
pub use until::{AWAITED, wait_until};
