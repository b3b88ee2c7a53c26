//! What is observed of the world, as the samplers of a real run would write it down.
//!
//! What the job did before anybody looked is told when somebody begins to, as Flink's REST API would: its
//! timestamps are Flink's own. A probe that cannot be asked tells nothing; while a TaskManager of the job is
//! away the metrics of all stand still, which is no sample either.

use super::super::checkpoint::Snapshot;
use super::super::job::{TaskState, VERTICES};
use super::super::load::{Offer, whole};
use super::super::queue::Event;
use super::super::windows::WindowTotal;
use super::replay::offset_of;
use super::{Phase, Run, World};
use crate::error::{Error, Result};
use crate::record::{Checkpoint, EpochMs, Observation, Sample, State, Value, Window};

/// Samples of virtual time are no closer: a run directory would grow beyond reason.
pub const MIN_STEP_MS: f64 = 5_000.0;

#[derive(Debug, Default)]
pub(super) struct Telling {
    told: Vec<(EpochMs, Observation)>,
    mode: Mode,
    /// Of the samples' clock in force.
    serial: u32,
    /// Records sent when the replay was last sampled.
    sent_before: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum Mode {
    /// Nobody has looked yet.
    #[default]
    Kept,
    Told {
        every_ms: f64,
    },
    Over,
}

impl Telling {
    /// A job is submitted: what was told of another is no part of it, but where somebody observes; then the story goes
    /// on.
    pub(super) fn begin_job(&mut self) {
        if !self.is_told() {
            *self = Self { serial: self.serial + 1, ..Self::default() };
        }
    }

    pub(super) fn is_told(&self) -> bool {
        matches!(self.mode, Mode::Told { .. })
    }
}

impl World {
    /// Begins to observe; samples come this often, but no more often than [`MIN_STEP_MS`].
    pub fn collect(&mut self, every_ms: f64) -> Result<()> {
        if !(every_ms.is_finite() && every_ms > 0.0) {
            return Err(Error::script(format!("cannot sample every {every_ms} ms")));
        }
        self.telling.mode = Mode::Told { every_ms: every_ms.max(MIN_STEP_MS) };
        self.telling.serial += 1;
        self.tell_taskmanagers();
        self.plan(0.0, Event::Tick { serial: self.telling.serial });
        Ok(())
    }

    /// Ends it. A checkpoint under way is told as far as it is.
    pub fn stop_collect(&mut self) {
        if !matches!(self.telling.mode, Mode::Told { .. }) {
            return;
        }
        if let Some(snapshot) = self.run.as_ref().and_then(|run| run.coordinator.snapshot) {
            self.tell_checkpoint(&snapshot, "in_progress");
        }
        self.telling.mode = Mode::Over;
        self.telling.serial += 1;
    }

    /// What was observed since the last call, in the order of time; nothing before somebody collects.
    pub fn take_observations(&mut self) -> Vec<(EpochMs, Observation)> {
        match self.telling.mode {
            Mode::Kept => Vec::new(),
            Mode::Told { .. } | Mode::Over => std::mem::take(&mut self.telling.told),
        }
    }

    fn tell(&mut self, observation: Observation) {
        if self.telling.mode != Mode::Over {
            self.telling.told.push((self.now_ms(), observation));
        }
    }

    pub(super) fn tell_state(&mut self, state: State) {
        self.tell(Observation::State(state));
    }

    /// The list is of those who look: before, nobody has seen it.
    pub(super) fn tell_taskmanagers(&mut self) {
        if self.telling.mode != Mode::Kept {
            let at = self.now_ms();
            self.tell_state(State::Taskmanagers { ids: self.taskmanagers(), lo_epoch_ms: at, hi_epoch_ms: at });
        }
    }

    pub(super) fn tell_task(&mut self, subtask: u32, state: TaskState) {
        let at_epoch_ms = self.now_ms();
        let Some(attempt) = self.run.as_ref().map(|run| run.attempt) else { return };
        for vertex in VERTICES {
            self.tell_state(State::Subtask {
                vertex: vertex.id.to_owned(),
                name: vertex.name.to_owned(),
                subtask,
                attempt,
                state: state.name().to_owned(),
                at_epoch_ms,
            });
        }
    }

    pub(super) fn tell_checkpoint(&mut self, snapshot: &Snapshot, status: &str) {
        let took_ms = self.now_ms - snapshot.triggered_ms;
        let (ended, completed) = (status != "in_progress", status == "completed");
        // How a duration is divided, as the history of the measured run has it.
        let part = |share: f64| completed.then_some(took_ms * share);
        let checkpoint = Checkpoint {
            id: snapshot.id,
            trigger: snapshot.kind.name().to_owned(),
            status: status.to_owned(),
            trigger_epoch_ms: self.epoch(snapshot.triggered_ms),
            ack_epoch_ms: completed.then(|| self.now_ms()),
            duration_ms: ended.then_some(took_ms),
            sync_ms: part(0.5),
            async_ms: part(0.2),
            align_ms: part(0.1),
            start_delay_ms: part(0.15),
            size_bytes: completed.then_some(snapshot.held.bytes as u64),
            incremental_bytes: completed.then_some(snapshot.incremental_bytes as u64),
        };
        self.tell(Observation::Checkpoint(checkpoint));
    }

    /// Results of load that a job makes itself are read by nobody.
    pub(super) fn tell_row(&mut self, total: &WindowTotal, written_ms: f64, visible_ms: f64) {
        if self.offer.as_ref().is_some_and(Offer::is_saturating) {
            return;
        }
        let window = result_row(total, self.epoch(written_ms), self.epoch(visible_ms));
        self.tell(Observation::Window(window));
    }

    pub(super) fn tick(&mut self, serial: u32) {
        let Mode::Told { every_ms } = self.telling.mode else { return };
        if serial != self.telling.serial {
            return;
        }
        // The broker first: a lag is read between its samples.
        let samples = self.broker_sample().into_iter().chain(self.replay_sample()).chain(self.probe_samples());
        for sample in samples.collect::<Vec<Sample>>() {
            self.tell(Observation::Sample(sample));
        }
        self.telling.sent_before = self.sent_records();
        self.plan(every_ms, Event::Tick { serial });
    }

    fn sample(&self, source: &str, values: Vec<Value>) -> Sample {
        Sample { source: source.to_owned(), at_epoch_ms: self.now_ms(), values }
    }

    fn broker_sample(&self) -> Option<Sample> {
        // Load that a job makes itself lies in no broker.
        if self.offer.as_ref().is_some_and(Offer::is_saturating) {
            return None;
        }
        let offsets = self.end_offsets(&self.run.as_ref()?.job.topic).ok()?;
        let value = |(partition, end): (usize, u64)| Value(format!("end_offset.{partition}"), None, None, end as f64);
        Some(self.sample("broker", offsets.into_iter().enumerate().map(value).collect()))
    }

    fn replay_sample(&self) -> Option<Sample> {
        self.offer.as_ref().filter(|offer| !offer.is_saturating())?;
        let sent = self.sent_records();
        // The largest of so many, were each drawn by itself.
        let most = (2.0 * (sent.saturating_sub(self.telling.sent_before).max(2) as f64).ln()).sqrt();
        let values = [
            ("due_records", sent as f64),
            ("sent_records", sent as f64),
            ("acked_records", sent as f64),
            ("queued_max_ms", self.lateness_ms(self.conduct.queued_ms, most)),
            ("acked_max_ms", self.lateness_ms(self.conduct.acked_ms, most)),
        ];
        Some(self.sample("replay", values.map(|(name, value)| Value(name.to_owned(), None, None, value)).to_vec()))
    }

    fn probe_samples(&self) -> Vec<Sample> {
        let Some(run) = self.run.as_ref().filter(|run| run.phase == Phase::Reading) else { return Vec::new() };
        if run.slots.iter().any(|&process| self.is_dead(process)) {
            return Vec::new();
        }
        let Ok(partitions) = self.partitions(&run.job.topic) else { return Vec::new() };
        let heard = (0..run.job.parallelism).filter(|&subtask| self.answers(run.slots[subtask as usize]));
        heard.filter_map(|subtask| self.probe_sample(run, subtask, partitions)).collect()
    }

    /// Partitions belong to the subtasks by turns.
    fn probe_sample(&self, run: &Run, subtask: u32, partitions: u32) -> Option<Sample> {
        let task = run.tasks[subtask as usize];
        let first = task.first_ms.filter(|&first| first <= self.now_ms)?;
        let value = |name: &str, value: f64| Value(name.to_owned(), Some(subtask), Some(run.attempt), value);
        let (now, from) = (whole(run.position), whole(run.read_from));
        let mut records = 0;
        let mut positions = Vec::new();
        for partition in (0..partitions).filter(|partition| partition % run.job.parallelism == subtask) {
            let next = offset_of(now, partition, partitions);
            let read = next - offset_of(from, partition, partitions);
            records += read;
            if read > 0 {
                positions.push(value(&format!("position.{partition}"), next as f64));
            }
        }
        let mut values = vec![value("opened_epoch_ms", self.epoch(task.initializing_ms?))];
        if records > 0 {
            values.push(value("first_epoch_ms", self.epoch(first)));
        }
        values.extend([value("records", records as f64), value("bad_rows", 0.0)]);
        values.extend(positions);
        Some(self.sample("probe", values))
    }
}

/// The one place where a row of the simulated target becomes one of the journal's.
fn result_row(total: &WindowTotal, written_epoch_ms: EpochMs, visible_epoch_ms: EpochMs) -> Window {
    Window::Result {
        zone: total.zone,
        window_start_epoch_ms: total.window_start_epoch_ms,
        count: total.count,
        cents: total.cents,
        written_epoch_ms,
        visible_epoch_ms,
    }
}
