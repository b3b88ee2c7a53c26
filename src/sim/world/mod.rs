//! The world and its clock: what there is, and what happens next.
//!
//! Inside, times are milliseconds since the world began, because those of the epoch have no digits left for a
//! fluid. Between two events everything is a straight line (`flow`).

mod checkpoints;
mod flow;
mod instances;
mod recovery;
mod replay;
mod results;
mod telling;

use std::collections::BTreeMap;

use super::checkpoint::{Coordinator, Held, RequestStatus};
use super::conduct::Conduct;
use super::instance::TaskManager;
use super::job::{Job, JobId, JobState, TaskState};
use super::load::Offer;
use super::noise::Noise;
use super::queue::{Event, Process, Queue};
use crate::cluster::flink_role::Timing;
use crate::error::{Error, Result};
use crate::record::{EpochMs, ReplayEnd};

use results::Results;
use telling::Telling;

pub use replay::Progress;
pub use telling::MIN_STEP_MS;

/// A world to be.
#[derive(Clone, Debug)]
pub struct Setup {
    pub taskmanagers: u32,
    /// Of each TaskManager.
    pub slots: u32,
    pub timing: Timing,
    pub conduct: Conduct,
    pub seed: u64,
    pub now_ms: EpochMs,
}

/// Brokers and a Flink.
#[derive(Debug)]
pub struct World {
    began_epoch_ms: EpochMs,
    now_ms: f64,
    slots: usize,
    timing: Timing,
    conduct: Conduct,
    noise: Noise,
    queue: Queue,
    /// Partitions of each topic.
    topics: BTreeMap<String, u32>,
    offer: Option<Offer>,
    account: Option<ReplayEnd>,
    measured_from_ms: Option<f64>,
    /// The furthest that saturating load was ever read.
    furthest: f64,
    taskmanagers: Vec<TaskManager>,
    /// Flink's list, in the order of registration.
    listed: Vec<Process>,
    run: Option<Run>,
    jobs: u64,
    requests: BTreeMap<u64, RequestStatus>,
    /// With the checkpoint's number in its job.
    savepoints: BTreeMap<u64, (u64, Held)>,
    telling: Telling,
}

/// How Flink stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Overview {
    pub taskmanagers: u32,
    pub slots_total: u32,
    pub slots_available: u32,
    pub jobs_running: u32,
}

/// A job that was submitted.
#[derive(Debug)]
struct Run {
    id: JobId,
    job: Job,
    state: JobState,
    timestamps: BTreeMap<&'static str, EpochMs>,
    phase: Phase,
    attempt: u32,
    restarts: u32,
    /// The process of each subtask, in an attempt that has slots.
    slots: Vec<Process>,
    /// Those of the attempt before.
    slots_before: Vec<Process>,
    tasks: Vec<Task>,
    /// What waits for a process to wake up.
    deferred: Vec<Event>,
    coordinator: Coordinator,
    /// It ends with a savepoint that is complete.
    stopped: bool,
    /// What it was submitted with.
    origin: Option<(u64, Held)>,
    position: f64,
    /// Where the attempt began to read.
    read_from: f64,
    next_window: u64,
    /// The share of the capacity that cold JVMs leave.
    warmth: f64,
    results: Results,
}

/// What an attempt is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Submitted,
    /// For slots.
    Waiting,
    Deploying,
    /// All tasks run, none has had a record.
    Starting,
    Reading,
    Restarting,
    Ending,
    Ended,
}

/// A subtask of the attempt; its vertices share it. Times in ms since the world began.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Task {
    state: TaskState,
    initializing_ms: Option<f64>,
    running_ms: Option<f64>,
    first_ms: Option<f64>,
}

impl Task {
    const NEW: Self = Self { state: TaskState::Scheduled, initializing_ms: None, running_ms: None, first_ms: None };
}

impl Run {
    fn parallelism(&self) -> usize {
        self.job.parallelism as usize
    }

    fn is_live(&self) -> bool {
        !matches!(self.phase, Phase::Ended)
    }

    fn holds(&self, process: Process) -> bool {
        self.slots.contains(&process)
    }
}

impl World {
    /// TaskManagers are registered from the start.
    #[must_use]
    pub fn new(setup: Setup) -> Self {
        let taskmanagers: Vec<TaskManager> = (1..=setup.taskmanagers).map(TaskManager::new).collect();
        let mut queue = Queue::default();
        queue.plan(setup.conduct.startup_period_ms, Event::StartupOver);
        Self {
            began_epoch_ms: setup.now_ms,
            now_ms: 0.0,
            slots: setup.slots as usize,
            timing: setup.timing,
            noise: Noise::new(setup.seed),
            conduct: setup.conduct,
            queue,
            topics: BTreeMap::new(),
            offer: None,
            account: None,
            measured_from_ms: None,
            furthest: 0.0,
            listed: (0..taskmanagers.len()).map(|place| Process { place, incarnation: 1 }).collect(),
            taskmanagers,
            run: None,
            jobs: 0,
            requests: BTreeMap::new(),
            savepoints: BTreeMap::new(),
            telling: Telling::default(),
        }
    }

    #[must_use]
    pub fn now_ms(&self) -> EpochMs {
        self.epoch(self.now_ms)
    }

    /// Lets everything happen that is due by then; a time that is past changes nothing.
    pub fn advance_to(&mut self, now_ms: EpochMs) {
        let target = now_ms - self.began_epoch_ms;
        loop {
            let next = self.queue.next_ms().map_or(target, |at| at.min(target));
            if self.now_ms < next {
                self.flow(next);
            } else if let Some(event) = self.queue.take_due(self.now_ms) {
                self.happen(event);
            } else {
                return;
            }
        }
    }

    /// When something may happen next; to advance to it always gets on.
    #[must_use]
    pub fn next_event_ms(&self) -> Option<EpochMs> {
        let planned = self.queue.next_ms();
        let next = planned.into_iter().chain(self.next_turn_ms()).reduce(f64::min)?.max(self.now_ms);
        let epoch_ms = self.epoch(next);
        // The epoch's milliseconds are coarser: what is rounded down would come too early for ever.
        Some(if epoch_ms - self.began_epoch_ms < next { epoch_ms.next_up() } else { epoch_ms })
    }

    fn epoch(&self, at_ms: f64) -> EpochMs {
        self.began_epoch_ms + at_ms
    }

    fn plan(&mut self, in_ms: f64, event: Event) {
        self.queue.plan(self.now_ms + in_ms, event);
    }

    /// A duration of the recovery's, with its noise.
    fn phase_ms(&mut self, mean: f64) -> f64 {
        self.noise.around(mean, self.conduct.phase_spread)
    }

    /// The job, if it is that one.
    fn run_of(&self, id: JobId) -> Result<&Run> {
        self.run.as_ref().filter(|run| run.id == id).ok_or_else(|| Error::trial(format!("Flink knows no job {id}")))
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Exited(process) => self.exited(process),
            Event::Deregistered(process) => self.deregistered(process),
            Event::Registered(process) => self.registered(process),
            Event::Lost { process, hang } => self.lost(process, hang),
            Event::PeriodicTrigger { serial } => self.periodic_trigger(serial),
            Event::SnapshotDone { checkpoint, serial } => self.snapshot_done(checkpoint, serial),
            Event::SnapshotTimeout { checkpoint } => self.snapshot_timeout(checkpoint),
            Event::RowsWritten => self.rows_written(),
            Event::RowsVisible => self.rows_visible(),
            Event::Tick { serial } => self.tick(serial),
            of_the_job => self.happen_to_job(of_the_job),
        }
    }
}
