//! Warm-up and measured phase, by the clock.
//!
//! A fault is due when the schedule says, whatever the recovery of the one before it does; a schedule that
//! waited for recoveries would measure a system that is broken less often the worse it recovers.

use std::time::Duration;

use tokio::time::Instant;

use super::feed::{Feed, Load};
use super::{Required, Trial};
use crate::analysis::lag::LagMeter;
use crate::error::{Error, Kind, Result};
use crate::record::{Observation, Step};

/// Warm-up must be over within this time, or the trial fails.
const WARM_UP_WITHIN: Duration = Duration::from_secs(60);
/// A saturated job has no lag to look at; its JVMs are warm after this time.
const SATURATED_WARM_UP_S: f64 = 30.0;
/// Lag points in a row that must be small.
const STEADY_POINTS: u32 = 4;
/// The lag that counts as small, in seconds of the offered rate.
const STEADY_LAG_S: f64 = 0.1;

/// A job that carries the probe shows its positions within this time; a foreign one that does not is not waited for.
const PROBE_WITHIN: Duration = Duration::from_secs(15);

/// Why a wait ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Waited {
    Due,
    DataEnded,
    ScriptDone,
}

/// What a script does while the trial is measured, beside faults and replay.
pub trait Beside: Send {
    /// How it ended; `None` while it goes on.
    fn ended(&mut self) -> Option<Result<()>>;

    /// Ends it, and waits until it has ended.
    fn stop(&mut self);
}

/// Starts what a script does beside a trial, where it does something.
pub type StartBeside<'a> = &'a mut dyn FnMut() -> Result<Option<Box<dyn Beside>>>;

impl Trial {
    /// Runs all phases after the body has returned; `act` is called for each fault that falls due, `beside` when the
    /// measured phase begins.
    pub fn drive(&self, act: &mut dyn FnMut(u32) -> Result<()>, beside: StartBeside<'_>) -> Result<()> {
        let feed = self.begin_feed()?;
        self.warm_up(&feed)?;
        feed.measure_from_now();
        let from_epoch_ms = self.run.host.clock.now_epoch_ms();
        self.note(Step::MeasuredFrom { at_epoch_ms: from_epoch_ms })?;
        self.state().beside = beside()?;
        let because = self.measure(&feed, from_epoch_ms, act);
        let at_epoch_ms = self.run.host.clock.now_epoch_ms();
        // Taken out first: while it ends it may ask something of this trial.
        let beside = self.state().beside.take();
        beside.into_iter().for_each(|mut beside| beside.stop());
        let because = because?;
        self.note(Step::MeasuredTo { at_epoch_ms, because: because.to_owned() })?;
        self.drain(&feed, because)
    }

    /// Waits until the job keeps up and a checkpoint that cprun triggers itself has completed. What no replay feeds
    /// cannot be told to keep up; there the checkpoint is all. Or for as long as the script says, for load that no job
    /// keeps up with; a saturated one never does.
    fn warm_up(&self, feed: &Feed) -> Result<()> {
        let begin = Instant::now();
        let saturated_s = feed.job.saturated.then_some(SATURATED_WARM_UP_S);
        if let Some(seconds) = self.run.phases().warm_up_s.or(saturated_s) {
            self.status("warming up", &format!("for {seconds} s"));
            return self.wait_through(feed, begin + Duration::from_secs_f64(seconds));
        }
        if let Some(load) = &feed.load {
            self.keep_up(feed, load, begin)?;
        }
        self.first_checkpoint(feed, begin)
    }

    fn keep_up(&self, feed: &Feed, load: &Load, begin: Instant) -> Result<()> {
        let mut meter = LagMeter::new();
        let mut steady = 0;
        let mut probed = !feed.job.is_foreign();
        let look_every = self.target()?.apparatus.look_every();
        let mut samples = feed.observing.samples();
        while steady < STEADY_POINTS {
            if !probed && begin.elapsed() > PROBE_WITHIN {
                let text =
                    "the job shows no position in the topic, so nobody can tell when it keeps up with the replay"
                        .to_owned();
                return self.recorder.record(Observation::Warning { text });
            }
            self.within_warm_up(begin, "the lag stays above 0.1 s of the offered rate")?;
            self.check_health(feed)?;
            let Some(sample) = self.run.wait(async {
                Ok(tokio::time::timeout(look_every, samples.recv()).await.ok().and_then(|sample| sample.ok()))
            })?
            else {
                continue;
            };
            // A source without partitions may carry the probe, and yet tell no lag.
            probed |= sample.source == "probe" && sample.values.iter().any(|value| value.0.starts_with("position."));
            let progress = load.replay.progress();
            if progress.finished {
                return Err(no_data_left());
            }
            for point in meter.push(&sample) {
                let small = point.lag <= STEADY_LAG_S * progress.offered_rate;
                steady = if small { steady + 1 } else { 0 };
                self.status(
                    "warming up",
                    &format!("lag {:.0} records, offered {:.0} a second", point.lag, progress.offered_rate),
                );
            }
        }
        Ok(())
    }

    fn wait_through(&self, feed: &Feed, end: Instant) -> Result<()> {
        let look_every = self.target()?.apparatus.look_every();
        loop {
            self.check_health(feed)?;
            if feed.load.as_ref().is_some_and(|load| load.replay.progress().finished) {
                return Err(no_data_left());
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            self.pass(left.min(look_every))?;
        }
    }

    fn first_checkpoint(&self, feed: &Feed, begin: Instant) -> Result<()> {
        loop {
            self.status("warming up", "waiting for a checkpoint");
            self.check_health(feed)?;
            match self.run.wait(feed.observing.trigger_checkpoint(WARM_UP_WITHIN.saturating_sub(begin.elapsed()))) {
                Ok(()) => return Ok(()),
                Err(error) if matches!(error.kind, Kind::Interrupted | Kind::Terminated) => return Err(error),
                Err(error) => self.within_warm_up(begin, &format!("no checkpoint completes: {error}"))?,
            }
            self.pass(self.target()?.apparatus.look_every())?;
        }
    }

    fn within_warm_up(&self, begin: Instant, why: &str) -> Result<()> {
        if begin.elapsed() <= WARM_UP_WITHIN {
            return Ok(());
        }
        Err(Error::trial(format!("not warm within {} s: {why}", WARM_UP_WITHIN.as_secs()))
            .hint("offer less load, or give the job more slots; logs/ of the run directory tells more"))
    }

    /// Lets the faults fall due, and returns why the phase ended.
    fn measure(&self, feed: &Feed, from_epoch_ms: f64, act: &mut dyn FnMut(u32) -> Result<()>) -> Result<&'static str> {
        let duration_end = self.run.phases().duration_s.map(|seconds| from_epoch_ms + seconds * 1e3);
        let schedule = self.faults_declared();
        let due_s = schedule.iter().flat_map(|schedule| &schedule.due_s);
        for (number, due_s) in (1..).zip(due_s) {
            let due_epoch_ms = from_epoch_ms + due_s * 1e3;
            if let Some(end) = duration_end.filter(|end| *end < due_epoch_ms) {
                return Ok(self.end_of(feed, Some(end))?.unwrap_or("duration"));
            }
            if self.wait_until(feed, Some(due_epoch_ms))? == Waited::DataEnded {
                return Ok(self.why_data_ended());
            }
            self.break_something(number, due_epoch_ms, act)?;
        }
        let after = match schedule.as_ref().is_none_or(|schedule| schedule.is_even) {
            true => "one period after the last fault",
            false => "one mean gap after the last fault",
        };
        let faults_end = schedule.and_then(|schedule| schedule.ends_s()).map(|ends_s| from_epoch_ms + ends_s * 1e3);
        let (end, because) = match (faults_end, duration_end) {
            (Some(faults), Some(duration)) if duration < faults => (Some(duration), "duration"),
            (Some(faults), _) => (Some(faults), after),
            (None, Some(duration)) => (Some(duration), "duration"),
            (None, None) if self.state().beside.is_some() => (None, SCRIPT_DONE),
            (None, None) if feed.load.is_none() => return Err(Required::End.lacking()),
            (None, None) => (None, DATA_ENDED),
        };
        Ok(self.end_of(feed, end)?.unwrap_or(because))
    }

    /// Waits for the end; names the data set where that ended first.
    fn end_of(&self, feed: &Feed, end_epoch_ms: Option<f64>) -> Result<Option<&'static str>> {
        Ok(match self.wait_until(feed, end_epoch_ms)? {
            Waited::Due => None,
            Waited::DataEnded => Some(self.why_data_ended()),
            Waited::ScriptDone => Some(SCRIPT_DONE),
        })
    }

    /// Whether what the script does beside the trial is over; its error ends the trial.
    fn is_script_done(&self) -> Result<bool> {
        let mut beside = self.state().beside.take();
        let ended = beside.as_mut().and_then(|beside| beside.ended());
        let done = ended.is_some();
        self.state().beside = beside;
        ended.transpose().map(|_| done)
    }

    fn why_data_ended(&self) -> &'static str {
        if self.replay_is_stopped() { "the script stopped the replay" } else { DATA_ENDED }
    }

    /// Calls the script for the fault that is due. A fault that does not come about makes the trial invalid,
    /// not void: it is written down, and the phase goes on.
    pub(super) fn break_something(
        &self,
        number: u32,
        due_epoch_ms: f64,
        act: &mut dyn FnMut(u32) -> Result<()>,
    ) -> Result<()> {
        let injector = self.injector()?;
        injector.due(due_epoch_ms)?;
        let before = injector.injected();
        let outcome = act(number);
        let text = match outcome {
            Err(error) if error.kind != Kind::Trial => return Err(error),
            Err(error) => error.message,
            Ok(()) if injector.injected() == before => "the script's closure broke nothing".to_owned(),
            Ok(()) => return Ok(()),
        };
        self.run.host.progress.warning(&format!("trial {}: fault {number} did not come about: {text}", self.spec.id));
        if injector.injected() > before { Ok(()) } else { injector.refused(due_epoch_ms, &text) }
    }

    /// Waits for an instant, or for the last row of the data set; fails as soon as anything has gone wrong.
    fn wait_until(&self, feed: &Feed, epoch_ms: Option<f64>) -> Result<Waited> {
        let clock = self.run.host.clock;
        let until = epoch_ms.map(|epoch_ms| clock.instant_at(epoch_ms));
        let look_every = self.target()?.apparatus.look_every();
        loop {
            self.check_health(feed)?;
            if feed.has_sent_all() || self.replay_is_stopped() {
                return Ok(Waited::DataEnded);
            }
            // With faults or a duration to come the phase goes on without it.
            if self.is_script_done()? && epoch_ms.is_none() {
                return Ok(Waited::ScriptDone);
            }
            if until.is_some_and(|until| Instant::now() >= until) {
                return Ok(Waited::Due);
            }
            self.show_progress(feed, epoch_ms);
            let next = Instant::now() + look_every;
            let wake = until.map_or(next, |until| until.min(next));
            self.run.wait(async {
                tokio::time::sleep_until(wake).await;
                Ok(())
            })?;
        }
    }

    /// Lets time pass.
    pub(super) fn pass(&self, time: Duration) -> Result<()> {
        self.run.wait(async {
            tokio::time::sleep(time).await;
            Ok(())
        })
    }

    fn show_progress(&self, feed: &Feed, until_epoch_ms: Option<f64>) {
        let left = until_epoch_ms.map(|until| (until - self.run.host.clock.now_epoch_ms()) / 1e3);
        let left = left.map(|seconds| format!(", {:.0} s to go", seconds.max(0.0))).unwrap_or_default();
        let injected = self.injector().map(|injector| injector.injected()).unwrap_or(0);
        let sent =
            feed.progress().map(|progress| format!("{} records sent, {:.0} a second, ", progress.sent, progress.rate));
        let text = format!("{}{injected} faults{left}", sent.unwrap_or_default());
        self.status("measuring", &text);
    }

    /// Everything that should run does.
    pub(super) fn check_health(&self, feed: &Feed) -> Result<()> {
        if let Some(error) = self.state().setup.lost.clone() {
            return Err(error);
        }
        if self.state().setup.job_ended {
            return Err(Error::trial("the script ended the job before its trial was over")
                .hint("end a job in the body only, and submit it again there"));
        }
        if let Some(error) = feed.trouble() {
            return Err(error);
        }
        let target = self.target()?;
        let down = self.injector()?.down();
        match target.cluster.lost(&down) {
            None => Ok(()),
            Some((name, exit)) => Err(Error::trial(format!("{name} ended by itself ({})", exit.status))
                .hint(format!("its last lines:\n{}", target.cluster.log_tail(&name, 5)))),
        }
    }
}

const DATA_ENDED: &str = "the last row of the data set";
const SCRIPT_DONE: &str = "the end of run::during";

fn no_data_left() -> Error {
    Error::trial("the data set ended before the warm-up").hint("replay more rows, or at a lower `speed`")
}
