//! A job of the simulated Flink: what is submitted, and what Flink shows of it.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use super::checkpoint::SavepointId;
use super::windows::Windows;
use crate::error::Error;

/// A job to be submitted: it reads a topic, keeps windows, writes their results.
#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    pub name: String,
    pub topic: String,
    pub interval_ms: Option<f64>,
    pub parallelism: u32,
    pub window: Option<Windows>,
    /// Results become visible with the next completed checkpoint.
    pub exactly_once: bool,
    pub state: StateKind,
    pub settings: JobSettings,
    pub from: Option<SavepointId>,
}

/// What a window keeps until it closes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StateKind {
    /// Its rows.
    #[default]
    Buffered,
    /// A count and a sum for each key.
    Aggregated,
}

/// What is set for this job; None is the cluster's.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct JobSettings {
    pub restart_delay_ms: Option<f64>,
    pub heartbeat_interval_ms: Option<f64>,
    pub heartbeat_timeout_ms: Option<f64>,
    pub min_pause_ms: Option<f64>,
    pub checkpoint_timeout_ms: Option<f64>,
    /// Subtasks that come back to the same process need not fetch their state.
    pub local_recovery: bool,
    /// A checkpoint writes all of the state, not only what changed since the last one.
    pub full_checkpoints: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobId(pub(super) u64);

impl fmt::Display for JobId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:032x}", self.0)
    }
}

impl FromStr for JobId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let number = u64::from_str_radix(text.trim_start_matches('0'), 16).ok().filter(|_| text.len() == 32);
        number.map(Self).ok_or_else(|| Error::script(format!("`{text}` is no job of the simulated target")))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum JobState {
    Initializing,
    Created,
    Running,
    Restarting,
    Cancelling,
    Canceled,
    /// It was stopped with a savepoint.
    Finished,
}

impl JobState {
    /// As Flink says it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Initializing => "INITIALIZING",
            Self::Created => "CREATED",
            Self::Running => "RUNNING",
            Self::Restarting => "RESTARTING",
            Self::Cancelling => "CANCELLING",
            Self::Canceled => "CANCELED",
            Self::Finished => "FINISHED",
        }
    }

    #[must_use]
    pub fn is_terminal(self) -> bool {
        matches!(self, Self::Canceled | Self::Finished)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TaskState {
    /// It has no slot yet.
    Scheduled,
    Deploying,
    Initializing,
    Running,
    Canceled,
}

impl TaskState {
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Scheduled => "SCHEDULED",
            Self::Deploying => "DEPLOYING",
            Self::Initializing => "INITIALIZING",
            Self::Running => "RUNNING",
            Self::Canceled => "CANCELED",
        }
    }
}

/// A vertex of the job graph. Both have the job's parallelism, and share its slots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Vertex {
    pub id: &'static str,
    pub name: &'static str,
    pub source: bool,
}

/// Every simulated job reads, then closes windows and writes.
pub const VERTICES: [Vertex; 2] = [
    Vertex { id: "5105aced000000000000000000000001", name: "Source: rows", source: true },
    Vertex { id: "5105aced000000000000000000000002", name: "window -> results", source: false },
];

#[derive(Clone, Debug, PartialEq)]
pub struct JobView {
    pub id: JobId,
    pub name: String,
    pub state: JobState,
    /// Each state the job has been in, with the last time it entered it.
    pub timestamps: BTreeMap<&'static str, f64>,
    pub restarts: u32,
    pub attempt: u32,
    pub all_running: bool,
    pub vertices: Vec<VertexView>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VertexView {
    pub id: &'static str,
    pub name: &'static str,
    pub parallelism: u32,
    pub source: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub struct SubtaskView {
    pub vertex: &'static str,
    pub name: &'static str,
    pub subtask: u32,
    pub attempt: u32,
    pub state: TaskState,
    /// The name under which Flink lists it; None before there is a slot.
    pub taskmanager: Option<String>,
    pub initializing_ms: Option<f64>,
    pub running_ms: Option<f64>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct CheckpointSummary {
    pub completed: u64,
    pub failed: u64,
    pub in_progress: bool,
    pub longest_ms: Option<f64>,
    pub latest_completed: Option<u64>,
    pub restored: Option<u64>,
}
