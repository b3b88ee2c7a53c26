//! One trial: what the body of an experiment declares, and the phases that follow.
//!
//! Everything here is called from the script's thread, one call after the other. Work that goes on in
//! between (replay, samplers, undo of faults) has threads and tasks of its own and is ended by `end`,
//! however the trial went.

mod drain;
mod drive;
mod feed;
mod inquiry;
mod open;
mod restart;
mod setup;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

pub use drive::Beside;
pub use open::{Work, Working};
pub use setup::{ReplayPlan, Required, Topic, one_schedule};

use rand::RngExt;

use feed::Feed;
use open::Open;
use setup::Setup;

use super::job::Origin;
use super::plan::{TrialSpec, generator};
use super::target::Target;
use super::{Job, Run};
use crate::cluster::{Instance, Instances};
use crate::error::{Error, Result};
use crate::fault::{Fault, Injector, Kind};
use crate::record::{Observation, Recorder, Step};

const CANCEL: &str = "cancel the job";
/// How long a job may take to end when it is cancelled; one that is in the middle of a recovery takes longest.
const CANCELLED_WITHIN: Duration = Duration::from_secs(30);

pub struct Trial {
    run: Arc<Run>,
    spec: TrialSpec,
    recorder: Arc<dyn Recorder>,
    start_epoch_ms: f64,
    /// What is declared acts at once.
    open: bool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    target: Option<Arc<Target>>,
    injector: Option<Arc<Injector>>,
    setup: Setup,
    feed: Option<Arc<Feed>>,
    submitting: bool,
    /// What the script does while the trial is measured.
    beside: Option<Box<dyn Beside>>,
    /// The script has ended the replay before the data set did.
    replay_stopped: bool,
    opened: Open,
}

impl Trial {
    pub(super) fn begin(run: Arc<Run>, spec: TrialSpec, open: bool) -> Result<Arc<Self>> {
        let recorder = run.journal.of_trial(&spec.id);
        let start = Step::TrialStart { order: spec.order, repeat: spec.repeat, axes: spec.axes.clone() };
        recorder.record(Observation::Step(start))?;
        // The line that was just written carries the same time, to the microsecond.
        let start_epoch_ms = run.host.clock.now_epoch_ms();
        Ok(Arc::new(Self { run, spec, recorder, start_epoch_ms, open, state: Mutex::default() }))
    }

    /// Brings the target up if it is not, and gives it fresh TaskManagers.
    pub fn set_up(&self) -> Result<()> {
        self.status("setting up", "");
        let target = self.run.target()?;
        self.state().target = Some(Arc::clone(&target));
        target.apparatus.begin_trial(generator(self.run.seed, &self.spec.id).random());
        let must_be_free = self.run.state().has_leaked_job;
        let taskmanagers = self.run.wait(async {
            target.fresh_taskmanagers(&self.run.host, must_be_free).await?;
            target.apparatus.warm().await?;
            target.taskmanagers().await
        })?;
        self.run.note_configuration("taskmanagers", taskmanagers)?;
        let instances: Arc<dyn Instances> = Arc::clone(&target.cluster) as _;
        let injector = Injector::new(instances, Arc::clone(&self.recorder), self.run.host.clock);
        self.state().injector = Some(Arc::new(injector));
        Ok(())
    }

    /// Writes down what the script observed in this trial.
    pub fn record(&self, observation: Observation) -> Result<()> {
        self.recorder.record(observation)
    }

    #[must_use]
    pub fn instances(&self) -> Vec<Instance> {
        self.state().target.as_ref().map(|target| target.cluster.instances()).unwrap_or_default()
    }

    /// Breaks instances now, all at once; they start again after `down_for_s` seconds.
    pub fn inject(&self, kind: Kind, instances: &[Instance], down_for_s: f64) -> Result<Fault> {
        let injector = self.injector()?;
        self.run.wait(injector.inject(kind, instances, Duration::from_secs_f64(down_for_s)))
    }

    /// Ends the trial, whatever it was doing: undoes faults, ends the job, deletes topics, and writes the end down.
    pub fn end(&self, error: Option<&Error>) -> Result<()> {
        self.status("cleaning up", "");
        let (injector, feed, setup, target) = {
            let mut state = self.state();
            (state.injector.take(), state.feed.take(), std::mem::take(&mut state.setup), state.target.take())
        };
        // Not `wait`: cleaning up goes on after a signal.
        let runtime = &self.run.runtime;
        let mut steps: Vec<(&str, Result<()>)> = Vec::new();
        if let Some(feed) = feed {
            steps.push(("stop measuring", feed.stop(runtime)));
        }
        steps.push(("stop measuring", self.close()));
        if let Some(injector) = injector {
            steps.push(("undo the faults", runtime.block_on(injector.undo_all())));
        }
        // What a dead broker or JobManager held goes with its files.
        if let Some(target) = target.filter(|target| target.lost_service().is_none()) {
            if let Some(job) = setup.job.as_ref().filter(|job| job.origin != Origin::Attached) {
                steps.push((CANCEL, runtime.block_on(target.flink.cancel(&job.id, CANCELLED_WITHIN)).map(drop)));
            }
            let topics: Vec<&str> = setup.topics.iter().map(String::as_str).collect();
            steps.push(("delete the topics", runtime.block_on(target.kafka.delete_topics(&topics))));
        }
        for (what, outcome) in steps {
            if let Err(error) = outcome {
                self.run.state().has_leaked_job |= what == CANCEL;
                self.run.note_cleanup_error(error.context(format!("trial {}: cannot {what}", self.spec.id)));
            }
        }
        let outcome = match error {
            None => "done",
            Some(error) if matches!(error.kind, crate::error::Kind::Interrupted | crate::error::Kind::Terminated) => {
                "interrupted"
            }
            Some(_) => "failed",
        };
        self.recorder.record(Observation::Step(Step::TrialEnd {
            at_epoch_ms: self.run.host.clock.now_epoch_ms(),
            outcome: outcome.into(),
            error: error.map(|error| self.run.told(error)),
        }))
    }

    fn injector(&self) -> Result<Arc<Injector>> {
        self.state().injector.clone().ok_or_else(|| Error::defect("a fault in a trial that is not set up"))
    }

    fn target(&self) -> Result<Arc<Target>> {
        self.state().target.clone().ok_or_else(|| Error::defect("a trial that is not set up"))
    }

    fn job(&self) -> Option<Job> {
        self.state().setup.job.clone()
    }

    fn feed(&self) -> Option<Arc<Feed>> {
        self.state().feed.clone()
    }

    fn note(&self, step: Step) -> Result<()> {
        self.recorder.record(Observation::Step(step))
    }

    fn status(&self, phase: &str, detail: &str) {
        let subject = format!("trial {} ({}): {phase}", self.spec.order, self.spec.id);
        self.run.host.progress.status(&subject, detail);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
