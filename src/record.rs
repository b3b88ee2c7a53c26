//! The vocabulary of the journal: everything that is observed is one of these, before anybody computes with it.
//!
//! It stands apart from `run` because the rooms that observe (`collect`, `fault`, `replay`) and the room that
//! computes (`analysis`) share it without knowing each other. All times are milliseconds since the epoch on
//! the clock of the machine that cprun runs on; `lo` and `hi` are the instants between which a thing happened.

use serde::{Deserialize, Serialize};

use crate::error::Result;

/// Milliseconds since the epoch, with a fraction where the clock gives one.
pub type EpochMs = f64;

/// Where observations go. The journal of a run implements it; a test collects them in a vector.
pub trait Recorder: Send + Sync {
    /// Writes the observation down; it counts only once this has returned.
    fn record(&self, observation: Observation) -> Result<()>;
}

/// One line of `journal.jsonl`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Line {
    pub seq: u64,
    pub t_epoch_ns: u64,
    /// Nanoseconds since the run began, on the monotonic clock.
    pub mono_ns: u64,
    /// The trial's id, empty outside trials.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trial: Option<String>,
    #[serde(flatten)]
    pub observation: Observation,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Observation {
    Sample(Sample),
    State(State),
    Checkpoint(Checkpoint),
    Fault(FaultMark),
    Window(Window),
    Step(Step),
    Note { text: String },
    Warning { text: String },
}

/// Kafka's consumer metric that the study's harness takes for latency, in milliseconds, as the source shows it.
pub const FETCH_LATENCY: &str = "fetch-latency-avg";

/// What a source's vertex has sent on, by the subtask's attempt, as Flink counts it.
pub const RECORDS_OUT: &str = "numRecordsOut";

/// Values read at one instant from one source: `probe`, `broker`, `flink`, `replay`, `script`, an instance or a host.
///
/// `script`: what the closures of `sample` return, under names that the script chose.
///
/// `probe`: `opened_epoch_ms`, `first_epoch_ms` (absent before the first record), `records`, `bad_rows`,
/// `position.P` (offset of the next record of partition P), each with subtask and attempt.
/// `broker`: `end_offset.P`. `replay`: `due_records`, `sent_records`, `acked_records` (cumulative),
/// `queued_max_ms`, `acked_max_ms` (largest lateness within the step). `flink`: metrics of the
/// source's subtasks by their own names, read together with the probe; of a job that nothing describes also
/// `numRecordsOut`, which carries no stamp and stands here only when it has changed.
///
/// An instance (`taskmanager-1`, …, and `cprun` itself), the attempt being its incarnation, from 1: `cpu_s`
/// (user and system), `memory_bytes` (resident), `disk_read_bytes`, `disk_written_bytes` (pages made dirty),
/// `disk_cancelled_bytes` (pages it removed before they were written), `net_sent_bytes` (acknowledged),
/// `net_received_bytes` (both payload of TCP sockets, loopback included), `gc_count`, `gc_pause_s` (stop-the-world
/// pauses). A host (`host:local`): `cpu_s` (busy, stolen time not in it), `cpu_iowait_s`, `cpu_steal_s`, `memory_bytes` (total
/// less available), `disk_read_bytes`, `disk_written_bytes` (whole disks), `net_sent_bytes`,
/// `net_received_bytes` (all interfaces but loopback), `loopback_bytes`. All but `memory_bytes` only grow within
/// an incarnation and begin again at zero with the next, so they are told apart within one alone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    pub source: String,
    pub at_epoch_ms: EpochMs,
    pub values: Vec<Value>,
}

/// Name, subtask, attempt, value; an array in JSON, because samples are most of a journal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Value(pub String, pub Option<u32>, pub Option<u32>, pub f64);

/// A change of state somewhere in the cluster.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum State {
    /// The job entered `state`, by Flink's own timestamp.
    Job { state: String, at_epoch_ms: EpochMs },
    /// The list of registered TaskManagers changed between two polls.
    Taskmanagers { ids: Vec<String>, lo_epoch_ms: EpochMs, hi_epoch_ms: EpochMs },
    /// A subtask's attempt entered `state`, by Flink's own timestamp.
    Subtask { vertex: String, name: String, subtask: u32, attempt: u32, state: String, at_epoch_ms: EpochMs },
    /// An entry of the job's exception history.
    Exception { name: String, taskmanager: Option<String>, at_epoch_ms: EpochMs },
    /// The job was set back to a checkpoint, by Flink's own timestamp.
    Restored { checkpoint: u64, at_epoch_ms: EpochMs },
}

/// One checkpoint or savepoint, as last seen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Checkpoint {
    pub id: u64,
    /// `periodic`, `manual` or `savepoint`.
    pub trigger: String,
    /// `completed`, `failed` or `in_progress`.
    pub status: String,
    pub trigger_epoch_ms: EpochMs,
    pub ack_epoch_ms: Option<EpochMs>,
    /// Trigger to last acknowledgement, as Flink reports it.
    pub duration_ms: Option<f64>,
    /// The largest over all subtasks; absent where Flink kept no details.
    pub sync_ms: Option<f64>,
    pub async_ms: Option<f64>,
    pub align_ms: Option<f64>,
    pub start_delay_ms: Option<f64>,
    /// Full state, and what this checkpoint had to write.
    pub size_bytes: Option<u64>,
    pub incremental_bytes: Option<u64>,
}

/// One phase of a fault that cprun saw on its own side.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FaultMark {
    /// From 1 within its trial.
    pub fault: u32,
    /// `due`, `issued`, `gone` (the process is dead) or `still` (it was stopped, and is not dead), `back`; `undone` or
    /// `failed` at the end.
    pub phase: String,
    pub lo_epoch_ms: EpochMs,
    pub hi_epoch_ms: EpochMs,
    /// `kill`, …
    pub fault_kind: String,
    /// `taskmanager-1`
    pub instance: String,
    /// The name under which Flink knew the instance.
    pub registered_as: Option<String>,
    pub host: String,
    /// How long it was to stay away, in seconds.
    pub down_for_s: Option<f64>,
    pub text: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "source", rename_all = "snake_case")]
pub enum Window {
    /// A row of the result topic, in the order in which a read_committed consumer got it.
    Result {
        /// None where windows are not told apart by zone.
        zone: Option<i64>,
        window_start_epoch_ms: i64,
        count: i64,
        cents: i64,
        written_epoch_ms: EpochMs,
        visible_epoch_ms: EpochMs,
    },
    /// What the input topic holds for this window, read back by a consumer of its own.
    Truth { zone: Option<i64>, window_start_epoch_ms: i64, count: i64, cents: i64 },
}

/// What a trial did, and when.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub enum Step {
    /// The script's `params` as used, the seed, and what the analysis needs of the configuration in force.
    RunStart {
        script: String,
        profile: String,
        seed: u64,
    },
    TrialStart {
        order: u32,
        repeat: u32,
        axes: Vec<Axis>,
    },
    Submitted {
        job: String,
        job_id: String,
        parallelism: u32,
        interval_s: Option<f64>,
        source_vertex: String,
        source_subtasks: u32,
        /// Whether the sink promises each result once; then a second row for a window is a fault of the job.
        #[serde(default)]
        exactly_once: bool,
        /// Whether nothing is known of it but what Flink tells: a jar of the user's own, or a job that ran already.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        foreign: bool,
        /// Whether it makes its load itself, always more than it can read.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        saturated: bool,
        /// A hash of its name, arguments, settings and load, all but T: saturated trials that have it in common
        /// measure one capacity. Of a job that reads a topic empty.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        capacity_of: String,
    },
    /// The job is to be stopped with a savepoint and submitted again with this interval, because the script wants it
    /// so. From here on it is away on purpose.
    RestartBegun {
        at_epoch_ms: EpochMs,
        interval_s: Option<f64>,
    },
    /// All tasks of the job that it went on as are running.
    ///
    /// Flink counts the attempts of each job from 0; in the journal those of a trial's later jobs are numbered on from
    /// `first_attempt`, so that no two attempts of a trial share a number. Checkpoint ids Flink itself numbers on.
    Restarted {
        at_epoch_ms: EpochMs,
        /// When the job before it had ended.
        stopped_epoch_ms: EpochMs,
        job_id: String,
        interval_s: Option<f64>,
        first_attempt: u32,
    },
    /// The move did not come about. Where no `Restarted` follows before the next `RestartBegun`, the job from before
    /// went on; else it came back with the interval that stands there.
    RestartFailed {
        at_epoch_ms: EpochMs,
        error: String,
    },
    /// The sampler's step, in milliseconds.
    Collecting {
        every_ms: f64,
        results_topic: Option<String>,
    },
    /// The replay's clock: record i is due at `start + (event time_i - event_0) / speed`.
    ReplayStart {
        start_epoch_ms: EpochMs,
        event_0_epoch_ms: i64,
        speed: f64,
        pacing: String,
        window_ms: i64,
        out_of_orderness_ms: i64,
        partitions: u32,
    },
    /// Faults that the schedule holds: `count` of them, `every_s` apart, or that in the mean.
    FaultSchedule {
        every_s: f64,
        count: u32,
        down_for_s: Option<f64>,
        /// When each is due, in seconds after the start of the measured phase; empty where fault i is due just at
        /// i times `every_s`.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        due_s: Vec<f64>,
    },
    MeasuredFrom {
        at_epoch_ms: EpochMs,
    },
    MeasuredTo {
        at_epoch_ms: EpochMs,
        because: String,
    },
    ReplayStop(ReplayEnd),
    /// The oracle's count of the topic against what was sent and what the data set holds.
    OracleRead {
        records: u64,
        flush_records: u64,
        sent: u64,
        dataset_agrees: bool,
    },
    TrialEnd {
        at_epoch_ms: EpochMs,
        outcome: String,
        error: Option<String>,
    },
    /// Whether something that the script demands held; None where it could not be told.
    Require {
        name: String,
        held: Option<bool>,
    },
    /// The script changes a limit beyond which a trial is invalid, in the unit of its check.
    Limit {
        check: String,
        limit: f64,
    },
    /// A part of the report that the script asked for.
    Report {
        part: String,
        text: Option<String>,
    },
}

/// The replay's account of itself. Lateness in milliseconds, of records due since the measured phase began.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ReplayEnd {
    pub at_epoch_ms: EpochMs,
    pub because: String,
    /// Records due by the schedule until the stop, handed to the client, acknowledged by the broker, refused.
    pub due: u64,
    pub sent: u64,
    pub acked: u64,
    pub failed: u64,
    /// |sent rate / scheduled rate - 1| over the whole replay.
    pub rate_error: f64,
    pub queued_p50_ms: f64,
    pub queued_p99_ms: f64,
    pub queued_max_ms: f64,
    pub acked_p50_ms: f64,
    pub acked_p99_ms: f64,
    pub acked_max_ms: f64,
    pub last_event_epoch_ms: i64,
}

/// One axis of an experiment and the value a trial takes on it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Axis {
    pub name: String,
    pub value: AxisValue,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "value", rename_all = "snake_case")]
pub enum AxisValue {
    Seconds(f64),
    Bytes(i64),
    Int(i64),
    Float(f64),
    Bool(bool),
    Text(String),
    /// A map stands by its index on the axis.
    Index(usize),
}
