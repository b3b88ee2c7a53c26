//! A trial that stays open: what is declared acts at once, as somebody at a prompt expects.
//!
//! It has no phases. It ends when its owner ends it, and cleans up like any other.

use std::sync::Arc;
use std::time::Duration;

use super::{ReplayPlan, Trial};
use crate::error::{Error, Result};
use crate::flink::is_terminal;
use crate::replay::Replaying;
use crate::run::Job;
use crate::run::apparatus::Observing;

/// What runs beside whoever opened the trial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    Replay,
    Sampler,
}

/// One of these as a list shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct Working {
    pub work: Work,
    /// The topic of a replay, the job of a sampler.
    pub what: String,
    pub since_epoch_ms: f64,
    /// "12000 records sent, 9000 a second"
    pub state: String,
    /// Why it has ended; `None` while it runs.
    pub ended: Option<String>,
}

#[derive(Default)]
pub(super) struct Open {
    replay: Option<OpenReplay>,
    sampler: Option<OpenSampler>,
}

struct OpenReplay {
    plan: ReplayPlan,
    replay: Arc<dyn Replaying>,
    since_epoch_ms: f64,
    stopped: bool,
}

struct OpenSampler {
    job: Job,
    observing: Box<dyn Observing>,
    since_epoch_ms: f64,
    stopped: bool,
}

impl OpenReplay {
    fn ended(&self) -> Option<String> {
        let progress = self.replay.progress();
        if self.stopped {
            return Some("stopped".into());
        }
        progress.error.map(|error| error.in_one_line()).or_else(|| progress.finished.then(|| "all rows sent".into()))
    }
}

impl OpenSampler {
    fn ended(&self) -> Option<String> {
        if self.stopped { Some("stopped".into()) } else { self.observing.trouble().map(|error| error.in_one_line()) }
    }
}

impl Trial {
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.open
    }

    pub(super) fn replay_now(&self, plan: ReplayPlan) -> Result<()> {
        if self.state().opened.replay.as_ref().is_some_and(|before| before.ended().is_none()) {
            return Err(Error::script("replay::start: a replay runs already").hint("end it with `replay::stop(feed)`"));
        }
        let job = self.job();
        let every = Duration::from_millis(crate::cluster::flink_role::SAMPLING_STEP_MS);
        let (replay, _) = self.begin_replay(job.as_ref(), &plan, every)?;
        let since_epoch_ms = self.run.host.clock.now_epoch_ms();
        self.state().opened.replay = Some(OpenReplay { plan, replay, since_epoch_ms, stopped: false });
        Ok(())
    }

    pub(super) fn collect_now(&self, job: &Job, every_s: f64) -> Result<()> {
        if self.state().opened.sampler.as_ref().is_some_and(|before| !before.stopped) {
            return Err(Error::script("collect::start: samplers run already").hint("end them with `collect::stop()`"));
        }
        let plan = self.state().opened.replay.as_ref().map(|open| open.plan.clone());
        let observing = self.begin_observing(job, plan.as_ref(), Duration::from_secs_f64(every_s))?;
        let since_epoch_ms = self.run.host.clock.now_epoch_ms();
        let job = job.clone();
        self.state().opened.sampler = Some(OpenSampler { job, observing, since_epoch_ms, stopped: false });
        Ok(())
    }

    /// Whether another job may be submitted: none runs, or the last one has ended.
    pub(super) fn job_has_ended(&self) -> Result<bool> {
        let Some(job) = self.job() else { return Ok(true) };
        let target = self.target()?;
        Ok(is_terminal(&self.run.wait(target.flink.job(&job.id))?.state))
    }

    /// What runs, or has run, beside the prompt; waits for nothing.
    #[must_use]
    pub fn working(&self) -> Vec<Working> {
        let state = self.state();
        let replay = state.opened.replay.as_ref().map(|open| {
            let progress = open.replay.progress();
            Working {
                work: Work::Replay,
                what: open.plan.topic.name.clone(),
                since_epoch_ms: open.since_epoch_ms,
                state: format!("{} records sent, {:.0} a second", progress.sent, progress.rate),
                ended: open.ended(),
            }
        });
        let sampler = state.opened.sampler.as_ref().map(|open| Working {
            work: Work::Sampler,
            what: open.job.name.clone(),
            since_epoch_ms: open.since_epoch_ms,
            state: "samples go to the journal".into(),
            ended: open.ended(),
        });
        replay.into_iter().chain(sampler).collect()
    }

    /// Looks at whatever observes the job, behind a trial with phases or a prompt.
    pub(super) fn with_observers<T>(&self, look: impl FnOnce(&dyn Observing) -> T) -> Option<T> {
        if let Some(feed) = self.feed() {
            return Some(look(feed.observing.as_ref()));
        }
        // Taken out while it is looked at: what is done to it may take its time.
        let sampler = self.state().opened.sampler.take_if(|sampler| !sampler.stopped)?;
        let outcome = look(sampler.observing.as_ref());
        self.state().opened.sampler = Some(sampler);
        Some(outcome)
    }

    /// The topic that is or will be replayed into.
    pub(super) fn replayed_topic(&self) -> Option<String> {
        let state = self.state();
        let declared = state.setup.replay.as_ref();
        declared.or(state.opened.replay.as_ref().map(|open| &open.plan)).map(|plan| plan.topic.name.clone())
    }

    /// Stops the replay: in a trial with phases, the measured one ends with it.
    pub fn stop_replay(&self) -> Result<()> {
        if self.open {
            return self.stop_work(Work::Replay);
        }
        self.feed().filter(|feed| feed.load.is_some()).ok_or_else(|| not_begun("replay::stop"))?;
        self.state().replay_stopped = true;
        Ok(())
    }

    /// Waits until every row was sent, or the replay was stopped.
    pub fn wait_for_replay(&self, within_s: f64) -> Result<()> {
        let replay = match self.open {
            true => self.state().opened.replay.as_ref().map(|open| Arc::clone(&open.replay)),
            false => self.feed().and_then(|feed| feed.load.as_ref().map(|load| Arc::clone(&load.replay))),
        };
        let replay = replay.ok_or_else(|| not_begun("replay::wait"))?;
        let look_every = self.target()?.apparatus.look_every();
        let end = tokio::time::Instant::now() + Duration::from_secs_f64(within_s);
        loop {
            let progress = replay.progress();
            if let Some(error) = progress.error {
                return Err(error);
            }
            if let Some(feed) = self.feed() {
                self.check_health(&feed)?;
            }
            let stopped = self.working().iter().any(|one| one.work == Work::Replay && one.ended.is_some());
            if progress.finished || stopped || self.replay_is_stopped() {
                return Ok(());
            }
            if tokio::time::Instant::now() >= end {
                return Err(Error::trial(format!("the replay is not over after {within_s} s"))
                    .hint("give it more time: `replay::wait(feed, #{ timeout: 2.h })`"));
            }
            self.pass(look_every)?;
        }
    }

    pub(super) fn replay_is_stopped(&self) -> bool {
        self.state().replay_stopped
    }

    /// Ends the samplers, which only an open trial lets anybody do.
    pub fn stop_collecting(&self) -> Result<()> {
        if !self.open {
            return Err(Error::script("collect::stop: a trial is sampled to its end")
                .hint("leave it out; it is for the prompt, where nothing ends by itself"));
        }
        self.stop_work(Work::Sampler)
    }

    /// Ends one of them; of a replay with the flush records, so that the last windows come.
    pub fn stop_work(&self, work: Work) -> Result<()> {
        match work {
            Work::Replay => {
                let replay = self.state().opened.replay.as_mut().map(|open| {
                    open.stopped = true;
                    Arc::clone(&open.replay)
                });
                replay.map_or(Ok(()), |replay| replay.stop(true).map(drop))
            }
            Work::Sampler => {
                let Some(mut sampler) = self.state().opened.sampler.take() else { return Ok(()) };
                sampler.stopped = true;
                let outcome = sampler.observing.stop(&self.run.runtime);
                self.state().opened.sampler = Some(sampler);
                outcome
            }
        }
    }

    /// Ends whatever was started here.
    pub(super) fn close(&self) -> Result<()> {
        let open = std::mem::take(&mut self.state().opened);
        // What a replay that is broken off has to say matters to nobody any more.
        let _ = open.replay.map(|open| open.replay.stop(false));
        open.sampler.map_or(Ok(()), |open| open.observing.stop(&self.run.runtime))
    }

    /// Calls `act` for a fault of a schedule that is due now. Only errors that a trial does not survive come back.
    pub fn fall_due(&self, number: u32, due_epoch_ms: f64, act: &mut dyn FnMut(u32) -> Result<()>) -> Result<()> {
        self.break_something(number, due_epoch_ms, act)
    }
}

fn not_begun(primitive: &str) -> Error {
    Error::script(format!("{primitive}: the replay has not begun, it begins when the body has returned"))
        .hint("call it while the trial is measured: in the closure of a fault")
}
