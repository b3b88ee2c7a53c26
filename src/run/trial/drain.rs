//! After the measured phase: the last rows, the oracle's reading of the topic, and the last windows.

use std::collections::HashSet;
use std::time::Duration;

use tokio::time::Instant;

use super::Trial;
use super::feed::{Feed, Load};
use crate::analysis::history::WindowKey;
use crate::error::{Kind, Result};
use crate::record::{Observation, Step, Window};
use crate::run::apparatus::{Question, Truth};

/// Drain may take this long, and the longest checkpoint seen in addition, unless the script says how long.
const DRAIN_WITHIN: Duration = Duration::from_secs(60);

/// In what the rows are summed where windows are nobody's.
const DAY_MS: i64 = 86_400_000;

impl Trial {
    pub(super) fn drain(&self, feed: &Feed, because: &str) -> Result<()> {
        self.status("draining", "");
        let begin = Instant::now();
        let Some(load) = &feed.load else { return self.sample_past_the_end(feed, begin) };
        // What a flush record means only the jobs know that cprun describes.
        let mut account = load.replay.stop(!feed.job.is_foreign())?;
        account.because = because.to_owned();
        self.note(Step::ReplayStop(account.clone()))?;
        let truth = self.read_truth(feed, load, account.sent)?;
        if feed.job.results_topic.is_none() {
            return Ok(());
        }
        if feed.job.exactly_once() {
            self.make_visible(feed)?;
        }
        self.wait_for_windows(feed, &truth, begin)
    }

    /// Nothing is left to be worked off; but what the source did until the end of the phase is known only between two
    /// samples.
    fn sample_past_the_end(&self, feed: &Feed, begin: Instant) -> Result<()> {
        let end = begin + 2 * feed.every;
        loop {
            self.check_health(feed)?;
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            self.pass(left.min(self.target()?.apparatus.look_every()))?;
        }
    }

    /// What the input topic holds, read back and compared with the data set; the windows of a job without results
    /// are nobody's to judge.
    fn read_truth(&self, feed: &Feed, load: &Load, sent: u64) -> Result<HashSet<WindowKey>> {
        self.status("draining", "reading the topic back");
        let has_results = feed.job.results_topic.is_some();
        let window_ms = if has_results { load.window_ms } else { DAY_MS };
        let question = Question { dataset: &load.plan.dataset, topic: &load.plan.topic.name, window_ms, sent };
        let truth = self.target()?.apparatus.truth(&self.run, &question)?;
        if let Some(difference) = &truth.difference {
            let text = format!("the input topic does not hold what the data set does: {difference}");
            self.recorder.record(Observation::Warning { text })?;
        }
        let Truth { records, flush_records, difference, windows } = truth;
        self.note(Step::OracleRead { records, flush_records, sent, dataset_agrees: difference.is_none() })?;
        let mut keys = HashSet::new();
        if !has_results {
            return Ok(keys);
        }
        for ((zone, window_start_epoch_ms), (count, cents)) in windows {
            keys.insert((zone, window_start_epoch_ms));
            let truth = Window::Truth { zone, window_start_epoch_ms, count, cents };
            self.recorder.record(Observation::Window(truth))?;
        }
        Ok(keys)
    }

    /// Under exactly-once the last results lie in a transaction that only a checkpoint ends.
    fn make_visible(&self, feed: &Feed) -> Result<()> {
        match self.run.wait(feed.observing.trigger_checkpoint(self.drain_within())) {
            Err(error) if matches!(error.kind, Kind::Interrupted | Kind::Terminated) => Err(error),
            // The next periodic checkpoint does the same; windows that stay invisible are found missing.
            Err(error) => self
                .recorder
                .record(Observation::Warning { text: format!("the checkpoint after the flush failed: {error}") }),
            Ok(()) => Ok(()),
        }
    }

    fn drain_within(&self) -> Duration {
        self.run.phases().drain_s.map_or(DRAIN_WITHIN, Duration::from_secs_f64)
    }

    /// Waits until every window that the topic holds has arrived. Those that have not are the oracle's to name.
    fn wait_for_windows(&self, feed: &Feed, truth: &HashSet<WindowKey>, begin: Instant) -> Result<()> {
        let own = self.run.phases().drain_s.is_some();
        let longest = if own { Duration::ZERO } else { self.longest_checkpoint(feed)? };
        let within = self.drain_within() + longest;
        loop {
            let missing = feed.observing.missing(truth);
            if missing == 0 {
                return Ok(());
            }
            if begin.elapsed() > within {
                let text = format!(
                    "{missing} of {} windows did not arrive within {:.0} s of the replay's end",
                    truth.len(),
                    within.as_secs_f64()
                );
                return self.recorder.record(Observation::Warning { text });
            }
            self.status("draining", &format!("{missing} of {} windows to come", truth.len()));
            self.pause(feed)?;
        }
    }

    fn pause(&self, feed: &Feed) -> Result<()> {
        self.check_health(feed)?;
        self.pass(self.target()?.apparatus.look_every())
    }

    /// The longest checkpoint that Flink has seen; zero where it does not tell.
    fn longest_checkpoint(&self, feed: &Feed) -> Result<Duration> {
        let target = self.target()?;
        let job = self.current(&feed.job);
        let seen = self.run.wait(async { Ok(target.flink.checkpoints(&job.id).await.ok()) })?;
        let longest_ms = seen.and_then(|seen| seen.summary.end_to_end_duration.max).unwrap_or(0.0);
        Ok(Duration::from_secs_f64(longest_ms.max(0.0) / 1e3))
    }
}
