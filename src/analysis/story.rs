//! Hand-written histories for the tests: a trial told as a timeline, in milliseconds from 0.
//!
//! The load is as simple as can be, so that answers are known without running anything: two partitions, each
//! read by a subtask of its own, each holding t records at t milliseconds. Sampling steps are 250 ms; subtask 1
//! is stamped 100 ms after subtask 0, because real subtasks are never stamped together.

use super::history::{Run, Trial};
use crate::record::{
    Axis, AxisValue, Checkpoint, EpochMs, FaultMark, Line, Observation, RECORDS_OUT, ReplayEnd, Sample, State, Step,
    Value, Window,
};

pub const STEP_MS: f64 = 250.0;
const SUBTASKS: u32 = 2;
const SUBTASK_OFFSET_MS: f64 = 100.0;

/// How an attempt of the source reads.
#[derive(Clone, Copy)]
pub struct Reading {
    pub attempt: u32,
    /// Subtask 0 has its first record here, subtask 1 100 ms later.
    pub first: f64,
    pub until: f64,
    /// Where each partition starts.
    pub position: f64,
    /// Records a millisecond and partition, until the source stands 50 records behind the broker.
    pub pace: f64,
}

impl Reading {
    /// A source that reads along from the start.
    pub fn steady(until: f64) -> Self {
        Self { attempt: 0, first: 0.0, until, position: 0.0, pace: 2.0 }
    }

    fn position_at(&self, subtask: u32, at: f64) -> f64 {
        let first = self.first + SUBTASK_OFFSET_MS * f64::from(subtask);
        (self.position + self.pace * (at - first)).min((at - 50.0).max(self.position))
    }
}

pub struct Story {
    id: String,
    lines: Vec<Line>,
}

impl Story {
    /// A trial of `interval` seconds with its job, its sampler and its replay at 100 times, one-second windows.
    pub fn of(interval: f64, repeat: u32) -> Self {
        let mut story = Self { id: format!("interval={interval}s#{repeat}"), lines: Vec::new() };
        let axes = vec![Axis { name: "interval".into(), value: AxisValue::Seconds(interval) }];
        story.step(Step::TrialStart { order: repeat, repeat, axes });
        story.step(Step::Submitted {
            job: "nyc-window".into(),
            job_id: "ab".into(),
            parallelism: SUBTASKS,
            interval_s: Some(interval),
            source_vertex: "source".into(),
            source_subtasks: SUBTASKS,
            exactly_once: false,
            foreign: false,
            saturated: false,
            capacity_of: String::new(),
        });
        story.step(Step::Collecting { every_ms: STEP_MS, results_topic: Some("results".into()) });
        story.step(Step::ReplayStart {
            start_epoch_ms: 0.0,
            event_0_epoch_ms: 0,
            speed: 100.0,
            pacing: "schedule".into(),
            window_ms: 100_000,
            out_of_orderness_ms: 10_000,
            partitions: SUBTASKS,
        });
        story
    }

    pub fn observe(&mut self, observation: Observation) -> &mut Self {
        let seq = self.lines.len() as u64;
        self.lines.push(Line { seq, t_epoch_ns: 0, mono_ns: 0, trial: Some(self.id.clone()), observation });
        self
    }

    pub fn step(&mut self, step: Step) -> &mut Self {
        self.observe(Observation::Step(step))
    }

    fn sample(&mut self, source: &str, at: EpochMs, values: Vec<Value>) {
        self.observe(Observation::Sample(Sample { source: source.into(), at_epoch_ms: at, values }));
    }

    /// Broker and replay samples of the steady load until then.
    pub fn load(&mut self, until: f64) -> &mut Self {
        for at in stamps(0.0, until) {
            let end = |partition| Value(format!("end_offset.{partition}"), None, None, at);
            self.sample("broker", at, (0..SUBTASKS).map(end).collect());
            let due = f64::from(SUBTASKS) * at;
            self.sample("replay", at, vec![Value("due_records".into(), None, None, due)]);
        }
        self
    }

    /// Probe samples of an attempt; the first of them comes before its first record.
    pub fn source(&mut self, reading: Reading) -> &mut Self {
        for subtask in 0..SUBTASKS {
            let offset = SUBTASK_OFFSET_MS * f64::from(subtask);
            for at in stamps(reading.first + offset, reading.until) {
                self.probe(reading, subtask, at);
            }
        }
        self
    }

    /// Probe samples of the first attempt after a stall from 20 s on: it takes up from where it stood, at twice the pace.
    pub fn source_goes_on(&mut self, from: f64, until: f64) -> &mut Self {
        let stood = 19_950.0;
        for subtask in 0..SUBTASKS {
            let offset = SUBTASK_OFFSET_MS * f64::from(subtask);
            for at in stamps(from + offset, until) {
                let position = (stood + 2.0 * (at - from)).min(at - 50.0);
                let value = |name: &str, value| Value(name.into(), Some(subtask), Some(0), value);
                let values = vec![
                    value("opened_epoch_ms", offset - 50.0),
                    value("records", 0.75 * position),
                    value("bad_rows", 0.25 * position),
                    value("first_epoch_ms", offset),
                    value(&format!("position.{subtask}"), position),
                ];
                self.sample("probe", at, values);
            }
        }
        self
    }

    fn probe(&mut self, reading: Reading, subtask: u32, at: f64) {
        let first = reading.first + SUBTASK_OFFSET_MS * f64::from(subtask);
        let value = |name: &str, value| Value(name.into(), Some(subtask), Some(reading.attempt), value);
        let position = reading.position_at(subtask, at);
        let rows = position - reading.position;
        // A quarter of the rows is unusable: they are read all the same.
        let mut values =
            vec![value("opened_epoch_ms", first - 50.0), value("records", 0.75 * rows), value("bad_rows", 0.25 * rows)];
        if at > first {
            values.push(value("first_epoch_ms", first));
            values.push(value(&format!("position.{subtask}"), position));
        }
        self.sample("probe", at, values);
    }

    /// What Flink counts of a subtask of a source without the probe.
    pub fn counted(&mut self, subtask: u32, attempt: u32, at: f64, count: f64) -> &mut Self {
        self.sample("flink", at, vec![Value(RECORDS_OUT.into(), Some(subtask), Some(attempt), count)]);
        self
    }

    /// A sample of the counters of an instance.
    pub fn counters(&mut self, instance: &str, incarnation: u32, at: f64, values: &[(&str, f64)]) -> &mut Self {
        let value = |&(name, value): &(&str, f64)| Value(name.into(), None, Some(incarnation), value);
        self.sample(instance, at, values.iter().map(value).collect());
        self
    }

    pub fn job(&mut self, state: &str, at: f64) -> &mut Self {
        self.observe(Observation::State(State::Job { state: state.into(), at_epoch_ms: at }))
    }

    pub fn exception(&mut self, at: f64) -> &mut Self {
        self.observe(Observation::State(State::Exception { name: "lost".into(), taskmanager: None, at_epoch_ms: at }))
    }

    pub fn taskmanagers(&mut self, ids: &[&str], lo: f64, hi: f64) -> &mut Self {
        let ids = ids.iter().map(|&id| id.into()).collect();
        self.observe(Observation::State(State::Taskmanagers { ids, lo_epoch_ms: lo, hi_epoch_ms: hi }))
    }

    pub fn restored(&mut self, checkpoint: u64, at: f64) -> &mut Self {
        self.observe(Observation::State(State::Restored { checkpoint, at_epoch_ms: at }))
    }

    pub fn running(&mut self, attempt: u32, subtask: u32, at: f64) -> &mut Self {
        self.subtask("RUNNING", attempt, subtask, at)
    }

    pub fn initializing(&mut self, attempt: u32, subtask: u32, at: f64) -> &mut Self {
        self.subtask("INITIALIZING", attempt, subtask, at)
    }

    fn subtask(&mut self, state: &str, attempt: u32, subtask: u32, at: f64) -> &mut Self {
        self.observe(Observation::State(State::Subtask {
            vertex: "source".into(),
            name: "Source".into(),
            subtask,
            attempt,
            state: state.into(),
            at_epoch_ms: at,
        }))
    }

    pub fn checkpoint(&mut self, id: u64, status: &str, trigger: f64, duration: f64) -> &mut Self {
        self.observe(Observation::Checkpoint(Checkpoint {
            id,
            trigger: "periodic".into(),
            status: status.into(),
            trigger_epoch_ms: trigger,
            ack_epoch_ms: Some(trigger + duration),
            duration_ms: Some(duration),
            sync_ms: None,
            async_ms: None,
            align_ms: None,
            start_delay_ms: None,
            size_bytes: Some(1_000),
            incremental_bytes: None,
        }))
    }

    /// Completed checkpoints of 200 ms, every `every` milliseconds, ids from `id`.
    pub fn checkpoints(&mut self, id: u64, from: f64, until: f64, every: f64) -> &mut Self {
        let count = ((until - from) / every) as u64;
        for i in 0..=count {
            self.checkpoint(id + i, "completed", from + every * i as f64, 200.0);
        }
        self
    }

    /// A phase of a kill of tm-1 that stays down for 3 s.
    pub fn kill(&mut self, fault: u32, phase: &str, lo: f64, hi: f64) -> &mut Self {
        self.hit(fault, 1, phase, lo, hi)
    }

    /// The same of the TaskManager with that number.
    pub fn hit(&mut self, fault: u32, number: u32, phase: &str, lo: f64, hi: f64) -> &mut Self {
        self.fault("kill", fault, number, phase, lo, hi)
    }

    /// A phase of a hang of tm-1.
    pub fn hang(&mut self, fault: u32, phase: &str, lo: f64, hi: f64) -> &mut Self {
        self.fault("hang", fault, 1, phase, lo, hi)
    }

    fn fault(&mut self, kind: &str, fault: u32, number: u32, phase: &str, lo: f64, hi: f64) -> &mut Self {
        self.observe(Observation::Fault(FaultMark {
            fault,
            phase: phase.into(),
            lo_epoch_ms: lo,
            hi_epoch_ms: hi,
            fault_kind: kind.into(),
            instance: format!("taskmanager-{number}"),
            registered_as: Some(format!("tm-{number}")),
            host: "local".into(),
            down_for_s: Some(3.0),
            text: None,
        }))
    }

    pub fn result(&mut self, zone: i64, window: i64, count: i64, written: f64) -> &mut Self {
        self.observe(Observation::Window(Window::Result {
            zone: Some(zone),
            window_start_epoch_ms: window,
            count,
            cents: 10 * count,
            written_epoch_ms: written,
            visible_epoch_ms: written + 40.0,
        }))
    }

    pub fn truth(&mut self, zone: i64, window: i64, count: i64) -> &mut Self {
        self.observe(Observation::Window(Window::Truth {
            zone: Some(zone),
            window_start_epoch_ms: window,
            count,
            cents: 10 * count,
        }))
    }

    pub fn measured(&mut self, from: f64, to: f64) -> &mut Self {
        self.step(Step::MeasuredFrom { at_epoch_ms: from });
        self.step(Step::MeasuredTo { at_epoch_ms: to, because: "faults".into() })
    }

    /// The replay stops on time, the topic agrees and the trial ends well.
    pub fn ends(&mut self, at: f64) -> &mut Self {
        self.step(Step::ReplayStop(ReplayEnd { at_epoch_ms: at, ..ReplayEnd::default() }));
        self.step(Step::OracleRead { records: 100, flush_records: 2, sent: 100, dataset_agrees: true });
        self.step(Step::TrialEnd { at_epoch_ms: at + 1_000.0, outcome: "done".into(), error: None })
    }

    /// The journal: told source by source, written in the order of time.
    pub fn lines(&self) -> Vec<Line> {
        let mut lines = self.lines.clone();
        lines.sort_by(|left, right| time_of(&left.observation).total_cmp(&time_of(&right.observation)));
        lines
    }

    pub fn trial(&self) -> Trial {
        Run::from_lines(self.lines()).trials.remove(0)
    }
}

/// When an observation gets into the journal; what has no time of its own comes first, the oracle last.
fn time_of(observation: &Observation) -> f64 {
    match observation {
        Observation::Sample(sample) => sample.at_epoch_ms,
        Observation::State(State::Taskmanagers { hi_epoch_ms, .. }) => *hi_epoch_ms,
        Observation::State(
            State::Job { at_epoch_ms, .. }
            | State::Subtask { at_epoch_ms, .. }
            | State::Exception { at_epoch_ms, .. }
            | State::Restored { at_epoch_ms, .. },
        ) => *at_epoch_ms,
        Observation::Checkpoint(checkpoint) => checkpoint.ack_epoch_ms.unwrap_or(checkpoint.trigger_epoch_ms),
        Observation::Fault(mark) => mark.hi_epoch_ms,
        Observation::Window(Window::Result { visible_epoch_ms, .. }) => *visible_epoch_ms,
        Observation::Step(Step::MeasuredFrom { at_epoch_ms } | Step::MeasuredTo { at_epoch_ms, .. }) => *at_epoch_ms,
        Observation::Step(
            Step::RestartBegun { at_epoch_ms, .. }
            | Step::Restarted { at_epoch_ms, .. }
            | Step::RestartFailed { at_epoch_ms, .. },
        ) => *at_epoch_ms,
        Observation::Step(Step::ReplayStop(end)) => end.at_epoch_ms,
        Observation::Step(Step::TrialEnd { .. } | Step::OracleRead { .. }) => f64::INFINITY,
        _ => f64::NEG_INFINITY,
    }
}

fn stamps(from: f64, until: f64) -> impl Iterator<Item = f64> {
    let count = ((until - from) / STEP_MS).floor() as u32;
    (0..=count).map(move |i| from + STEP_MS * f64::from(i))
}

/// One kill in a measured phase from 10 s to 45 s, whose every phase is known (the tests state them).
pub fn one_kill(interval: f64, repeat: u32) -> Story {
    let mut story = Story::of(interval, repeat);
    story
        .step(Step::FaultSchedule { every_s: 25.0, count: 1, down_for_s: Some(3.0), due_s: Vec::new() })
        .load(46_000.0)
        .source(Reading::steady(20_100.0))
        .checkpoints(1, 2_000.0, 18_000.0, 2_000.0)
        .kill(1, "due", 20_000.0, 20_000.0)
        .kill(1, "issued", 20_000.0, 20_002.0)
        .kill(1, "gone", 20_000.0, 20_010.0)
        .exception(20_250.0)
        .job("RESTARTING", 20_260.0)
        .taskmanagers(&["tm-2"], 20_400.0, 20_650.0)
        .job("RUNNING", 21_300.0)
        .job("RESTARTING", 22_000.0)
        .kill(1, "back", 23_002.0, 23_004.0)
        .restored(9, 24_000.0)
        .job("RUNNING", 24_100.0)
        .running(3, 0, 24_500.0)
        .running(3, 1, 24_600.0)
        .source(Reading { attempt: 3, first: 25_000.0, until: 46_000.0, position: 17_950.0, pace: 4.0 })
        .checkpoints(10, 28_000.0, 44_000.0, 2_000.0)
        .measured(10_000.0, 45_000.0);
    story
}

/// A hang from 20 s on that Flink finds out of by its heartbeat: one restart, without the process ever being dead.
pub fn one_hang() -> Story {
    let mut story = Story::of(10.0, 1);
    story
        .step(Step::FaultSchedule { every_s: 10.0, count: 1, down_for_s: None, due_s: vec![10.0] })
        .load(60_000.0)
        .source(Reading::steady(20_000.0))
        .checkpoints(1, 2_000.0, 18_000.0, 2_000.0)
        .hang(1, "due", 20_000.0, 20_000.0)
        .hang(1, "issued", 20_000.0, 20_002.0)
        .hang(1, "still", 20_000.0, 20_004.0)
        .exception(25_300.0)
        .job("RESTARTING", 25_310.0)
        .taskmanagers(&["tm-2"], 25_100.0, 25_350.0)
        .hang(1, "back", 30_002.0, 30_003.0)
        .taskmanagers(&["tm-1", "tm-2"], 30_300.0, 30_550.0)
        .restored(9, 31_000.0)
        .job("RUNNING", 31_100.0)
        .running(1, 0, 31_500.0)
        .running(1, 1, 31_600.0)
        .source(Reading { attempt: 1, first: 32_000.0, until: 60_000.0, position: 17_950.0, pace: 4.0 })
        .checkpoints(10, 36_000.0, 58_000.0, 2_000.0)
        .measured(10_000.0, 59_000.0);
    story
}

/// A hang of 2 s, over before Flink found out: the source stood still and went on, with the same attempt.
pub fn one_stall() -> Story {
    let mut story = Story::of(10.0, 1);
    let first = Reading::steady(20_000.0);
    story
        .step(Step::FaultSchedule { every_s: 10.0, count: 1, down_for_s: None, due_s: vec![10.0] })
        .load(46_000.0)
        .source(first)
        .source_goes_on(22_100.0, 46_000.0)
        .checkpoints(1, 2_000.0, 44_000.0, 2_000.0)
        .hang(1, "due", 20_000.0, 20_000.0)
        .hang(1, "issued", 20_000.0, 20_002.0)
        .hang(1, "still", 20_000.0, 20_004.0)
        .hang(1, "back", 22_002.0, 22_003.0)
        .measured(10_000.0, 45_000.0);
    story
}

/// A planned restart from 2 s to 4 s in a measured phase from 10 s to 45 s: asked to stop at 20 s, stopped at 20.5 s,
/// running at 21.5 s, the first record at 22 s. Its savepoint has the number 10.
pub fn one_move() -> Story {
    let mut story = Story::of(2.0, 1);
    let savepoint = Checkpoint {
        id: 10,
        trigger: "savepoint".into(),
        status: "completed".into(),
        trigger_epoch_ms: 20_050.0,
        ack_epoch_ms: Some(20_350.0),
        duration_ms: Some(300.0),
        sync_ms: None,
        async_ms: None,
        align_ms: None,
        start_delay_ms: None,
        size_bytes: Some(1_000),
        incremental_bytes: None,
    };
    story
        .load(46_000.0)
        .source(Reading::steady(20_100.0))
        .checkpoints(1, 3_000.0, 19_000.0, 2_000.0)
        .step(Step::RestartBegun { at_epoch_ms: 20_000.0, interval_s: Some(4.0) })
        .observe(Observation::Checkpoint(savepoint))
        .job("FINISHED", 20_500.0)
        .job("INITIALIZING", 20_600.0)
        .restored(10, 20_900.0)
        .job("RUNNING", 20_900.0)
        .running(1, 0, 21_400.0)
        .running(1, 1, 21_500.0)
        .step(Step::Restarted {
            at_epoch_ms: 21_500.0,
            stopped_epoch_ms: 20_500.0,
            job_id: "cd".into(),
            interval_s: Some(4.0),
            first_attempt: 1,
        })
        .source(Reading { attempt: 1, first: 22_000.0, until: 46_000.0, position: 20_050.0, pace: 4.0 })
        .checkpoints(11, 24_000.0, 44_000.0, 4_000.0)
        .measured(10_000.0, 45_000.0);
    story
}
