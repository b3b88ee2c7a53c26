//! Sorts the lines of a journal into one plain struct a trial.
//!
//! A journal may end anywhere, so whatever a trial has not reached is `None` and nothing here fails. A trial
//! that starts again after a resume starts empty; of a checkpoint only its last record counts, because it is
//! written down again whenever it changes.

use std::collections::{BTreeMap, HashMap};

use crate::record::{Axis, Checkpoint, EpochMs, FaultMark, Line, Observation, ReplayEnd, Sample, State, Step, Window};

/// All that a run wrote down.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Run {
    pub script: String,
    pub profile: String,
    pub seed: u64,
    /// In the order in which they first started.
    pub trials: Vec<Trial>,
    pub report_parts: Vec<ReportPart>,
    pub notes: Vec<String>,
    pub warnings: Vec<String>,
    /// Of the whole run.
    pub demands: Demands,
}

/// A part of the report that the script asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct ReportPart {
    pub part: String,
    pub text: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Trial {
    pub id: String,
    pub order: u32,
    pub repeat: u32,
    pub axes: Vec<Axis>,
    pub start_epoch_ms: EpochMs,
    pub submitted: Option<Submitted>,
    /// Restarts that the script asked for, in their order.
    pub restarts: Vec<Restart>,
    pub collecting: Option<Collecting>,
    pub replay: Option<Replay>,
    pub schedule: Option<FaultSchedule>,
    pub measured_from_epoch_ms: Option<EpochMs>,
    pub measured_to_epoch_ms: Option<EpochMs>,
    pub replay_end: Option<ReplayEnd>,
    pub oracle: Option<OracleRead>,
    pub end: Option<TrialEnd>,
    /// In the order in which they were written down.
    pub samples: Vec<Sample>,
    pub states: Vec<State>,
    /// By id.
    pub checkpoints: BTreeMap<u64, Checkpoint>,
    pub fault_marks: Vec<FaultMark>,
    /// In the order in which a read_committed consumer got them.
    pub results: Vec<ResultRow>,
    pub truth: Vec<TruthRow>,
    pub notes: Vec<String>,
    pub warnings: Vec<String>,
    pub demands: Demands,
}

/// What the script demanded, in the order in which it did.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Demands {
    /// In words, and whether it held; None where it could not be told.
    pub required: Vec<(String, Option<bool>)>,
    /// Limits by the names of `Thresholds`.
    pub limits: Vec<(String, f64)>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Submitted {
    pub job: String,
    pub job_id: String,
    pub parallelism: u32,
    /// The checkpoint interval T as configured; None where the job takes none.
    pub interval_s: Option<f64>,
    pub source_vertex: String,
    pub source_subtasks: u32,
    /// Whether the sink promises each result once.
    pub exactly_once: bool,
    /// Whether nothing is known of it but what Flink tells.
    pub foreign: bool,
    /// Whether it makes its load itself, always more than it can read.
    pub saturated: bool,
    /// What its capacity depends on, as a hash; empty where it is not saturated.
    pub capacity_of: String,
}

/// The job was stopped with a savepoint and submitted again.
#[derive(Clone, Debug, PartialEq)]
pub struct Restart {
    pub begun_epoch_ms: EpochMs,
    /// What was wanted.
    pub interval_s: Option<f64>,
    pub resumed: Option<Resumed>,
    /// When it was given up, and why. With `resumed` too the job came back as it was.
    pub failed: Option<(EpochMs, String)>,
}

/// What a job went on as.
#[derive(Clone, Debug, PartialEq)]
pub struct Resumed {
    /// All tasks run.
    pub at_epoch_ms: EpochMs,
    pub stopped_epoch_ms: EpochMs,
    pub job_id: String,
    pub interval_s: Option<f64>,
    pub first_attempt: u32,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Collecting {
    pub every_ms: f64,
    pub results_topic: Option<String>,
}

/// The replay's clock.
#[derive(Clone, Debug, PartialEq)]
pub struct Replay {
    pub start_epoch_ms: EpochMs,
    pub event_0_epoch_ms: i64,
    pub speed: f64,
    pub pacing: String,
    pub window_ms: i64,
    pub out_of_orderness_ms: i64,
    pub partitions: u32,
}

impl Replay {
    /// Whether rows were sent in the bursts of the studies' sender, which drifts by construction.
    #[must_use]
    pub fn is_burst(&self) -> bool {
        self.pacing == "burst"
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct FaultSchedule {
    /// The period, or the mean of the gaps; one over it is λ.
    pub every_s: f64,
    pub count: u32,
    pub down_for_s: Option<f64>,
    /// When each is due, in seconds after the start of the measured phase.
    pub due_s: Vec<f64>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct OracleRead {
    pub records: u64,
    pub flush_records: u64,
    pub sent: u64,
    pub dataset_agrees: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub struct TrialEnd {
    pub at_epoch_ms: EpochMs,
    pub outcome: String,
    pub error: Option<String>,
}

/// Which window a row is about: the zone, where windows have one, and the window's start in event time.
pub type WindowKey = (Option<i64>, i64);

#[derive(Clone, Debug, PartialEq)]
pub struct ResultRow {
    pub key: WindowKey,
    pub count: i64,
    pub cents: i64,
    pub written_epoch_ms: EpochMs,
    pub visible_epoch_ms: EpochMs,
}

#[derive(Clone, Debug, PartialEq)]
pub struct TruthRow {
    pub key: WindowKey,
    pub count: i64,
    pub cents: i64,
}

impl Run {
    /// Reads the lines in their order, taking them over: samples are most of a journal and are not copied.
    pub fn from_lines(lines: impl IntoIterator<Item = Line>) -> Self {
        let mut reader = Reader::default();
        for line in lines {
            reader.read(line);
        }
        reader.finish()
    }
}

#[derive(Default)]
struct Reader {
    run: Run,
    place_of: HashMap<String, usize>,
    /// Lines of trials whose start is nowhere in the journal.
    strays: usize,
}

impl Reader {
    fn read(&mut self, line: Line) {
        let Some(id) = line.trial else { return self.read_outside(line.observation) };
        if let Observation::Step(Step::TrialStart { order, repeat, axes }) = line.observation {
            let start_epoch_ms = line.t_epoch_ns as f64 / 1e6;
            return self.start(Trial { id, order, repeat, axes, start_epoch_ms, ..Trial::default() });
        }
        match self.place_of.get(&id) {
            Some(&place) => self.run.trials[place].read(line.observation),
            None => self.strays += 1,
        }
    }

    fn read_outside(&mut self, observation: Observation) {
        match observation {
            Observation::Step(Step::RunStart { script, profile, seed }) => {
                // After a resume the script runs again and asks again for its report.
                self.run.report_parts.clear();
                self.run.demands = Demands::default();
                (self.run.script, self.run.profile, self.run.seed) = (script, profile, seed);
            }
            Observation::Step(Step::Report { part, text }) => self.run.report_parts.push(ReportPart { part, text }),
            Observation::Step(Step::Require { name, held }) => self.run.demands.required.push((name, held)),
            Observation::Step(Step::Limit { check, limit }) => self.run.demands.limits.push((check, limit)),
            Observation::Note { text } => self.run.notes.push(text),
            Observation::Warning { text } => self.run.warnings.push(text),
            _ => {}
        }
    }

    fn start(&mut self, trial: Trial) {
        match self.place_of.get(&trial.id) {
            Some(&place) => self.run.trials[place] = trial,
            None => {
                self.place_of.insert(trial.id.clone(), self.run.trials.len());
                self.run.trials.push(trial);
            }
        }
    }

    fn finish(mut self) -> Run {
        if self.strays > 0 {
            let warning = format!("{} lines of the journal belong to no trial that started", self.strays);
            self.run.warnings.push(warning);
        }
        self.run
    }
}

impl Trial {
    fn read(&mut self, observation: Observation) {
        match observation {
            Observation::Sample(sample) => self.samples.push(sample),
            Observation::State(state) => self.states.push(state),
            Observation::Checkpoint(checkpoint) => {
                self.checkpoints.insert(checkpoint.id, checkpoint);
            }
            Observation::Fault(mark) => self.fault_marks.push(mark),
            Observation::Window(window) => self.read_window(window),
            Observation::Step(step) => self.read_step(step),
            Observation::Note { text } => self.notes.push(text),
            Observation::Warning { text } => self.warnings.push(text),
        }
    }

    fn read_window(&mut self, window: Window) {
        match window {
            Window::Result { zone, window_start_epoch_ms, count, cents, written_epoch_ms, visible_epoch_ms } => {
                let key = (zone, window_start_epoch_ms);
                self.results.push(ResultRow { key, count, cents, written_epoch_ms, visible_epoch_ms });
            }
            Window::Truth { zone, window_start_epoch_ms, count, cents } => {
                self.truth.push(TruthRow { key: (zone, window_start_epoch_ms), count, cents });
            }
        }
    }

    fn read_step(&mut self, step: Step) {
        match step {
            Step::Submitted {
                job,
                job_id,
                parallelism,
                interval_s,
                source_vertex,
                source_subtasks,
                exactly_once,
                foreign,
                saturated,
                capacity_of,
            } => {
                self.submitted = Some(Submitted {
                    job,
                    job_id,
                    parallelism,
                    interval_s,
                    source_vertex,
                    source_subtasks,
                    exactly_once,
                    foreign,
                    saturated,
                    capacity_of,
                });
            }
            Step::RestartBegun { at_epoch_ms: begun_epoch_ms, interval_s } => {
                self.restarts.push(Restart { begun_epoch_ms, interval_s, resumed: None, failed: None });
            }
            Step::Restarted { at_epoch_ms, stopped_epoch_ms, job_id, interval_s, first_attempt } => {
                let resumed = Resumed { at_epoch_ms, stopped_epoch_ms, job_id, interval_s, first_attempt };
                if let Some(restart) = self.restarts.last_mut() {
                    restart.resumed = Some(resumed);
                }
            }
            Step::RestartFailed { at_epoch_ms, error } => {
                if let Some(restart) = self.restarts.last_mut() {
                    restart.failed = Some((at_epoch_ms, error));
                }
            }
            Step::Collecting { every_ms, results_topic } => {
                self.collecting = Some(Collecting { every_ms, results_topic });
            }
            Step::ReplayStart {
                start_epoch_ms,
                event_0_epoch_ms,
                speed,
                pacing,
                window_ms,
                out_of_orderness_ms,
                partitions,
            } => {
                self.replay = Some(Replay {
                    start_epoch_ms,
                    event_0_epoch_ms,
                    speed,
                    pacing,
                    window_ms,
                    out_of_orderness_ms,
                    partitions,
                });
            }
            Step::FaultSchedule { every_s, count, down_for_s, due_s } => {
                let even = || (1..=count).map(|number| f64::from(number) * every_s).collect();
                let due_s = if due_s.is_empty() { even() } else { due_s };
                self.schedule = Some(FaultSchedule { every_s, count, down_for_s, due_s });
            }
            Step::MeasuredFrom { at_epoch_ms } => self.measured_from_epoch_ms = Some(at_epoch_ms),
            Step::MeasuredTo { at_epoch_ms, .. } => self.measured_to_epoch_ms = Some(at_epoch_ms),
            Step::ReplayStop(end) => self.replay_end = Some(end),
            Step::OracleRead { records, flush_records, sent, dataset_agrees } => {
                self.oracle = Some(OracleRead { records, flush_records, sent, dataset_agrees });
            }
            Step::TrialEnd { at_epoch_ms, outcome, error } => {
                self.end = Some(TrialEnd { at_epoch_ms, outcome, error });
            }
            Step::Require { name, held } => self.demands.required.push((name, held)),
            Step::Limit { check, limit } => self.demands.limits.push((check, limit)),
            // These stand outside trials; within one they say nothing about it.
            Step::RunStart { .. } | Step::TrialStart { .. } | Step::Report { .. } => {}
        }
    }

    /// The measured phase as far as it got: from its start to its end, else to the last thing observed.
    #[must_use]
    pub fn measured(&self) -> Option<(EpochMs, EpochMs)> {
        let from = self.measured_from_epoch_ms?;
        let to = self.measured_to_epoch_ms.or_else(|| {
            self.samples.iter().map(|sample| sample.at_epoch_ms).filter(|at| at.is_finite()).reduce(f64::max)
        })?;
        (to > from).then_some((from, to))
    }

    /// When the replay stopped: nothing that is due later is waited for.
    #[must_use]
    pub fn replay_stop_epoch_ms(&self) -> Option<EpochMs> {
        self.replay_end.as_ref().map(|end| end.at_epoch_ms).or(self.measured_to_epoch_ms)
    }

    /// T as configured, in seconds; where planned restarts changed it, as it was first.
    #[must_use]
    pub fn interval_s(&self) -> Option<f64> {
        self.submitted.as_ref()?.interval_s
    }

    /// T in force at `at`; during a planned restart the one before it.
    #[must_use]
    pub fn interval_at(&self, at: EpochMs) -> Option<f64> {
        let mut resumed = self.restarts.iter().filter_map(|restart| restart.resumed.as_ref());
        let last = resumed.rfind(|resumed| resumed.at_epoch_ms <= at);
        last.map_or_else(|| self.interval_s(), |resumed| resumed.interval_s)
    }
}
