//! What runs beside a trial: the replay, the samplers and the consumer of the results.

use std::sync::Arc;
use std::time::Duration;

use super::{ReplayPlan, Required, Trial};
use crate::error::{Error, Result};
use crate::record::Step;
use crate::replay::{self, Replaying};
use crate::run::Job;
use crate::run::apparatus::{Observed, Observing};
use crate::runtime::Runtime;

/// Length and delay of windows for jobs that declare none: flush records then only mark the end.
const NO_WINDOW_MS: i64 = 1;

pub(super) struct Feed {
    pub job: Job,
    /// None where the job makes its load itself, or somebody else does.
    pub load: Option<Load>,
    pub observing: Box<dyn Observing>,
    /// The sampling step.
    pub every: Duration,
}

/// What cprun offers to the job.
pub(super) struct Load {
    pub plan: ReplayPlan,
    pub window_ms: i64,
    pub replay: Arc<dyn Replaying>,
}

impl Trial {
    /// Starts everything that the body declared, samplers first: what they miss is lost.
    pub(super) fn begin_feed(&self) -> Result<Arc<Feed>> {
        let (job, plan, every_s) = self.declared()?;
        let every = Duration::from_secs_f64(every_s);
        let observing = self.begin_observing(&job, plan.as_ref(), every)?;
        let load = plan.map(|plan| {
            let (replay, window_ms) = self.begin_replay(Some(&job), &plan, every)?;
            Ok::<_, Error>(Load { plan, window_ms, replay })
        });
        let every = every.max(self.target()?.apparatus.sampling_step());
        let feed = Arc::new(Feed { job, load: load.transpose()?, observing, every });
        self.state().feed = Some(Arc::clone(&feed));
        if let Some(schedule) = self.faults_declared() {
            self.note_schedule(&schedule)?;
        }
        Ok(feed)
    }

    fn declared(&self) -> Result<(Job, Option<ReplayPlan>, f64)> {
        let state = self.state();
        let job = state.setup.job.clone().ok_or_else(|| Required::Job.lacking())?;
        if state.setup.job_ended {
            return Err(Error::trial("the body ended its job, and there is nothing left to measure")
                .hint("submit it again, from the savepoint: `flink::submit(…, #{ from: path })`"));
        }
        let plan = state.setup.replay.clone();
        if plan.is_none() && !job.is_foreign() && !job.saturated {
            return Err(Required::Replay.lacking());
        }
        if plan.is_some() && job.saturated {
            return Err(Required::no_replay());
        }
        let every = state.setup.collect_every_s.ok_or_else(|| Required::Collection.lacking())?;
        Ok((job, plan, every))
    }

    pub(super) fn begin_observing(
        &self,
        job: &Job,
        plan: Option<&ReplayPlan>,
        every: Duration,
    ) -> Result<Box<dyn Observing>> {
        let target = self.target()?;
        let every = every.max(target.apparatus.sampling_step());
        let every_ms = every.as_secs_f64() * 1e3;
        self.note(Step::Collecting { every_ms, results_topic: job.results_topic.clone() })?;
        let observed = Observed {
            job: job.clone(),
            source: self.state().setup.source.clone(),
            topic: plan.map(|plan| plan.topic.name.clone()),
            every,
            recorder: Arc::clone(&self.recorder),
        };
        target.apparatus.observe(&self.run, observed)
    }

    /// Returns the length of the job's windows beside the replay.
    pub(super) fn begin_replay(
        &self,
        job: Option<&Job>,
        plan: &ReplayPlan,
        every: Duration,
    ) -> Result<(Arc<dyn Replaying>, i64)> {
        let target = self.target()?;
        let window_ms = job.and_then(|job| job.millis("window_ms")).unwrap_or(NO_WINDOW_MS);
        let out_of_orderness_ms = job.and_then(|job| job.millis("out_of_orderness_ms")).unwrap_or(0);
        let settings = replay::Settings {
            bootstrap: target.apparatus.bootstrap(),
            topic: plan.topic.name.clone(),
            partitions: plan.topic.partitions,
            speed: plan.speed,
            pacing: plan.pacing,
            step: every.max(target.apparatus.sampling_step()),
            window_ms,
            out_of_orderness_ms,
        };
        let replay = target.apparatus.replay(&plan.dataset, settings, Arc::clone(&self.recorder))?;
        let (start_epoch_ms, event_0_epoch_ms) = replay.started();
        self.note(Step::ReplayStart {
            start_epoch_ms,
            event_0_epoch_ms,
            speed: plan.speed,
            pacing: plan.pacing.to_string(),
            window_ms,
            out_of_orderness_ms,
            partitions: plan.topic.partitions,
        })?;
        Ok((replay, window_ms))
    }
}

impl Feed {
    /// What has gone wrong beside the trial, if anything.
    pub fn trouble(&self) -> Option<Error> {
        self.progress().and_then(|progress| progress.error).or_else(|| self.observing.trouble())
    }

    /// How far the replay is, where there is one.
    pub fn progress(&self) -> Option<replay::Progress> {
        self.load.as_ref().map(|load| load.replay.progress())
    }

    /// Whether the last row was sent.
    pub fn has_sent_all(&self) -> bool {
        self.progress().is_some_and(|progress| progress.finished)
    }

    pub fn measure_from_now(&self) {
        if let Some(load) = &self.load {
            load.replay.measure_from_now();
        }
    }

    /// Ends replay, samplers and consumer. A second call does nothing.
    pub fn stop(&self, runtime: &Runtime) -> Result<()> {
        // Whatever the replay has to say was said by `drain`, or does not matter to a trial that broke off.
        let _ = self.load.as_ref().map(|load| load.replay.stop(false));
        self.observing.stop(runtime)
    }
}
