//! How the simulated machines behave: every physical constant, with where its default comes from.
//!
//! "Measured" is the published quick run (results/examples/nyc_intervals_quick: Flink 1.19.3, two TaskManagers
//! on two busy cores); "Flink" is a default or a rule of its code. What the configuration of the cluster
//! decides (restart delay, heartbeats, min-pause) is not here but in `cluster::flink_role::Timing`.
//!
//! A spread is the standard deviation of a duration's logarithm. Noise has mean one, so that every constant is
//! the mean of what it describes and the expected cost of a checkpoint is known exactly.

/// Every physical constant of the simulated world. Durations in milliseconds, sizes in bytes.
#[derive(Clone, Debug, PartialEq)]
pub struct Conduct {
    /// Records that one subtask reads in a second when nothing holds it back. Measured: four subtasks caught up
    /// at 45 to 58 thousand a second.
    pub capacity_per_subtask_per_s: f64,
    /// The share of the capacity that a snapshot under way takes. c in the models' sense is this share of a
    /// checkpoint's duration; measured only under saturating load, so this is a guess: c of some tens of ms.
    pub snapshot_share: f64,
    /// A checkpoint of no bytes. Measured: 40 to 150 ms idle, 150 to 350 ms under load.
    pub snapshot_base_ms: f64,
    /// What a checkpoint writes in a second, all subtasks together. Measured: catching up, 2 MB took some 300 ms longer.
    pub snapshot_bytes_per_s: f64,
    /// Measured: 0.4, the catch-ups left out.
    pub snapshot_spread: f64,
    /// State besides the windows' rows: offsets, file headers, the changes of empty files. Measured: 0.1 MB.
    pub state_base_bytes: f64,
    /// A row kept by a buffered window. Measured: a second's 8 to 9 thousand rows made 0.9 MB.
    pub row_bytes: f64,
    /// An aggregated window: a key, a count and a sum for each of some 260 zones.
    pub aggregate_bytes: f64,

    /// From a kill until a peer tells the JobManager of its broken connection. Measured: 0.19 to 0.51 s, median 0.22.
    pub broken_connection_ms: f64,
    /// From SIGTERM until the TaskManager has deregistered. Tried on 1.18.1: 0.10 s.
    pub deregister_ms: f64,
    /// From SIGTERM until the process is gone: it closes its services first.
    pub stop_exit_ms: f64,
    /// From SIGKILL until the process is seen gone. Measured: 0.12 to 0.30 s.
    pub kill_exit_ms: f64,
    /// Failed heartbeats in a row after which a TaskManager counts as lost. Flink: heartbeat.rpc-failure-threshold 2.
    pub heartbeat_failures: u32,
    /// Spread of the four above, of deployment, of restoring and of the first record.
    pub phase_spread: f64,

    /// From the start of a TaskManager's process until it is on Flink's list. Measured: 3.3 to 6.4 s, median 4.3.
    pub taskmanager_start_ms: f64,
    pub taskmanager_start_spread: f64,
    /// From the end of a hang until a TaskManager that was given up is on the list again.
    pub reregister_ms: f64,

    /// From enough slots on the list until they are the job's. Flink: slotmanager.requirement-check-delay 50 ms, twice.
    pub slot_offer_ms: f64,
    /// From a deployment onto a lost TaskManager that is still on the list until it fails. Measured: 16 ms.
    pub unreachable_ms: f64,
    /// From asking for slots that there are not until the refusal. Measured: 70 to 90 ms.
    pub refusal_ms: f64,
    /// How long after its own start Flink waits for TaskManagers that are missing; from then on it refuses at
    /// once, and the job goes through restart after restart until the instance is back. Flink:
    /// resourcemanager.standalone.start-up-time, by default slot.request.timeout.
    pub startup_period_ms: f64,
    /// How long a job waits for a slot. Flink: slot.request.timeout 5 min.
    pub slot_timeout_ms: f64,
    /// From slot to INITIALIZING. Measured: 0.19 s on a JVM that knows the job.
    pub deploy_ms: f64,
    /// From INITIALIZING to RUNNING without state. Measured: 50 to 250 ms.
    pub initialize_ms: f64,
    /// State that one subtask restores in a second. None: at once.
    pub restore_bytes_per_s: Option<f64>,
    /// From RUNNING of all subtasks to the first record. Measured: about 0.1 s.
    pub first_record_ms: f64,
    /// What a JVM that has not run the job yet does worse. None: nothing, so that R_eff is R.
    pub cold: Option<Cold>,

    /// From the watermark's passing of a window's end to its row in the result topic. Measured: 107 (docs/evidence/
    /// paper-trial) to 165 ms at the median.
    pub window_latency_ms: f64,
    pub window_latency_spread: f64,
    /// From a readable row to a consumer that has it. Measured: 3 to 6 ms.
    pub read_latency_ms: f64,
    /// From the end of a checkpoint until its transactions are committed.
    pub commit_ms: f64,

    /// Lateness of a record handed to the client, and of its acknowledgement.
    pub queued_ms: f64,
    pub acked_ms: f64,
    pub lateness_spread: f64,
    /// From submission to the job's state RUNNING. Measured: 0.26 s.
    pub submit_ms: f64,
    pub cancel_ms: f64,
    /// Checkpoints that may fail before the job does. Flink: execution.checkpointing.tolerable-failed-checkpoints 0.
    pub tolerable_failed_checkpoints: u32,
    pub checkpoint_timeout_ms: f64,
}

/// A JVM that has not run the job yet.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cold {
    /// How long it is slow, from its first record.
    pub lasts_ms: f64,
    /// Its capacity meanwhile, as a share of the usual one.
    pub capacity_share: f64,
}

impl Default for Conduct {
    fn default() -> Self {
        Self {
            capacity_per_subtask_per_s: 15_000.0,
            snapshot_share: 0.2,
            snapshot_base_ms: 180.0,
            snapshot_bytes_per_s: 8e6,
            snapshot_spread: 0.3,
            state_base_bytes: 1e5,
            row_bytes: 100.0,
            aggregate_bytes: 260.0 * 48.0,
            broken_connection_ms: 240.0,
            deregister_ms: 100.0,
            stop_exit_ms: 500.0,
            kill_exit_ms: 180.0,
            heartbeat_failures: 2,
            phase_spread: 0.3,
            taskmanager_start_ms: 4_300.0,
            taskmanager_start_spread: 0.2,
            reregister_ms: 500.0,
            slot_offer_ms: 150.0,
            unreachable_ms: 16.0,
            refusal_ms: 80.0,
            startup_period_ms: 300_000.0,
            slot_timeout_ms: 300_000.0,
            deploy_ms: 190.0,
            initialize_ms: 120.0,
            restore_bytes_per_s: Some(50e6),
            first_record_ms: 100.0,
            cold: None,
            window_latency_ms: 120.0,
            window_latency_spread: 0.4,
            read_latency_ms: 4.0,
            commit_ms: 10.0,
            queued_ms: 1.0,
            acked_ms: 4.0,
            lateness_spread: 0.4,
            submit_ms: 260.0,
            cancel_ms: 50.0,
            tolerable_failed_checkpoints: 0,
            checkpoint_timeout_ms: 600_000.0,
        }
    }
}

impl Conduct {
    /// The same means without any noise: what is left to chance are the phases of triggers and heartbeats.
    #[must_use]
    pub fn steady() -> Self {
        Self {
            snapshot_spread: 0.0,
            phase_spread: 0.0,
            taskmanager_start_spread: 0.0,
            window_latency_spread: 0.0,
            lateness_spread: 0.0,
            ..Self::default()
        }
    }

    /// The mean duration of a checkpoint that writes so much.
    #[must_use]
    pub fn snapshot_ms(&self, bytes: f64) -> f64 {
        self.snapshot_base_ms + bytes / self.snapshot_bytes_per_s * 1e3
    }

    /// c of such a checkpoint: the time that the job, at capacity, needs for what it does not read meanwhile.
    #[must_use]
    pub fn cost_ms(&self, bytes: f64) -> f64 {
        self.snapshot_share * self.snapshot_ms(bytes)
    }
}
