//! A restart on purpose while the trial goes on: the job is stopped with a savepoint and submitted again from it, with
//! another checkpoint interval.
//!
//! A trial has one job, under whatever ids: handles from before mean the one that runs, and observers go on with it.
//! Once the job was asked to stop, only a signal breaks the restart off. That the measured phase ends does not: drain
//! needs a job. A job that does not start with the new interval is resumed from the savepoint with the old one, and the
//! script gets an error; where that fails too the trial fails.

use std::time::Duration;

use super::setup::RUNNING_WITHIN;
use super::{CANCELLED_WITHIN, Trial};
use crate::error::{Error, Kind, Result};
use crate::host::Cancelled;
use crate::record::Step;
use crate::run::state::StateView;
use crate::run::{Job, Submission};

/// A restart under way.
struct Move {
    begun_epoch_ms: f64,
    stopped_epoch_ms: f64,
    savepoint: String,
}

impl Trial {
    /// Returns the job that it goes on as; `within` is for the savepoint.
    pub fn restart(&self, job: &Job, interval_s: f64, within: Duration) -> Result<Job> {
        let _submitting = self.begin_submitting("flink::restart")?;
        let (old, submission) = self.restartable(job)?;
        let target = self.target()?;
        self.status("restarting", &format!("{} at {interval_s} s", old.name));
        // In the middle of a recovery there is nothing to save.
        self.run.wait(target.flink.wait_until_running(&old.id, within))?;
        Cancelled::shielded(|| {
            let stopped = self.stop_for(&old, interval_s, within)?;
            self.start_again(&old, submission, interval_s, &stopped)
        })
    }

    /// The job that is meant: of one that was restarted the one that it went on as.
    pub(super) fn current(&self, job: &Job) -> Job {
        let state = self.state();
        let own = state.setup.job.as_ref().filter(|_| state.setup.former.contains(&job.id));
        own.unwrap_or(job).clone()
    }

    fn restartable(&self, job: &Job) -> Result<(Job, Submission)> {
        let job = self.current(job);
        let state = self.state();
        if state.setup.job.as_ref().map(|own| &own.id) != Some(&job.id) {
            return Err(Error::script("flink::restart: the job is not this trial's"));
        }
        if state.setup.job_ended {
            return Err(Error::script("flink::restart: the script has ended the job")
                .hint("submit it again: `flink::submit(…, #{ from: path })`"));
        }
        let submission = state.setup.submission.clone().ok_or_else(|| {
            Error::script("flink::restart: how the job was submitted is not known, it ran already")
                .hint("submit it with `flink::submit`, then cprun can submit it again")
        })?;
        drop(state);
        Ok((job, submission))
    }

    /// Ends the job with a savepoint; where it cannot be, it goes on as it was.
    fn stop_for(&self, old: &Job, interval_s: f64, within: Duration) -> Result<Move> {
        let target = self.target()?;
        let begun_epoch_ms = self.run.host.clock.now_epoch_ms();
        self.note(Step::RestartBegun { at_epoch_ms: begun_epoch_ms, interval_s: Some(interval_s) })?;
        self.with_observers(|observing| observing.set_away(true));
        let stopped = self.run.wait(async {
            let savepoint = target.flink.stop_with_savepoint(&old.id, within).await?;
            target.flink.wait_until_terminal(&old.id, CANCELLED_WITHIN).await?;
            Ok(savepoint)
        });
        match stopped {
            Ok(savepoint) => {
                Ok(Move { begun_epoch_ms, stopped_epoch_ms: self.run.host.clock.now_epoch_ms(), savepoint })
            }
            Err(error) => {
                self.with_observers(|observing| observing.set_away(false));
                self.note_failed(&error)?;
                Err(told(error, "flink::restart: the job could not be stopped with a savepoint"))
            }
        }
    }

    fn start_again(&self, old: &Job, submission: Submission, interval_s: f64, stopped: &Move) -> Result<Job> {
        let before = Submission { from: Some(stopped.savepoint.clone()), ..submission };
        let wanted = Submission { interval_s: Some(interval_s), ..before.clone() };
        let error = match self.resume(old, &wanted, stopped) {
            Ok(job) => return Ok(job),
            Err(error) if is_signal(&error) => return Err(error),
            Err(error) => error,
        };
        self.note_failed(&error)?;
        self.with_observers(|observing| observing.set_away(true));
        match self.end_half_started(old).and_then(|()| self.resume(old, &before, stopped)) {
            Ok(_) => Err(told(error, "flink::restart: the job did not start again and goes on as before")),
            Err(second) if is_signal(&second) => Err(second),
            Err(second) => {
                let lost = Error::trial(format!(
                    "flink::restart: the job did not start again ({}), nor as before ({})",
                    error.in_one_line(),
                    second.in_one_line()
                ));
                self.state().setup.lost = Some(lost.clone());
                Err(lost)
            }
        }
    }

    /// Submits it from the savepoint, and makes it this trial's job.
    fn resume(&self, old: &Job, submission: &Submission, stopped: &Move) -> Result<Job> {
        let target = self.target()?;
        let (mut job, _) = self.launch(submission)?;
        job.state = StateView::of(&self.run.runtime, &target.flink, &job.id);
        let number = {
            let mut state = self.state();
            let of_before = state.setup.job.replace(job.clone()).map_or_else(|| old.id.clone(), |before| before.id);
            state.setup.former.push(of_before);
            state.setup.submission = Some(submission.clone());
            state.setup.former.len()
        };
        let source = self.run.wait(target.flink.source(&job.id))?;
        self.state().setup.source.clone_from(&source);
        let followed = self.with_observers(|observing| observing.follow(&self.run.runtime, &job, source));
        let first_attempt = followed.transpose()?.unwrap_or(0);
        self.run.wait(target.flink.wait_until_running(&job.id, RUNNING_WITHIN))?;
        let at_epoch_ms = self.run.host.clock.now_epoch_ms();
        let checkpointing = self.run.wait(target.flink.checkpointing(&job.id))?;
        self.run.note_configuration(&format!("checkpointing {} restart {number}", self.spec.id), checkpointing)?;
        self.note(Step::Restarted {
            at_epoch_ms,
            stopped_epoch_ms: stopped.stopped_epoch_ms,
            job_id: job.id.clone(),
            interval_s: job.interval_s,
            first_attempt,
        })?;
        job.restart_s = Some((at_epoch_ms - stopped.begun_epoch_ms) / 1e3);
        self.state().setup.job = Some(job.clone());
        Ok(job)
    }

    /// A job that was submitted and never ran would keep its slots.
    fn end_half_started(&self, old: &Job) -> Result<()> {
        let Some(job) = self.job().filter(|job| job.id != old.id) else { return Ok(()) };
        self.run.wait(self.target()?.flink.cancel(&job.id, CANCELLED_WITHIN)).map(drop)
    }

    fn note_failed(&self, error: &Error) -> Result<()> {
        let at_epoch_ms = self.run.host.clock.now_epoch_ms();
        self.note(Step::RestartFailed { at_epoch_ms, error: self.run.told(error) })
    }
}

fn is_signal(error: &Error) -> bool {
    matches!(error.kind, Kind::Interrupted | Kind::Terminated)
}

/// With what it was about, where it is not that somebody wants it to end.
fn told(error: Error, what: &str) -> Error {
    if is_signal(&error) { error } else { error.context(what) }
}
