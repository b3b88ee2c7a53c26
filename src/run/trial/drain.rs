//! After the measured phase: the last rows, the oracle's reading of the topic, and the last windows.

use std::collections::HashSet;
use std::time::Duration;

use tokio::time::Instant;

use super::Trial;
use super::feed::Feed;
use crate::analysis::history::WindowKey;
use crate::dataset::{Totals, parse_row};
use crate::error::{Error, Kind, Result};
use crate::record::{Observation, Step, Window};

/// Drain may take this long, and the longest checkpoint seen in addition.
const DRAIN_WITHIN: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// The key of the records that only move the watermark.
const FLUSH: &[u8] = b"flush";

impl Trial {
    pub(super) fn drain(&self, feed: &Feed, because: &str) -> Result<()> {
        self.status("draining", "");
        let begin = Instant::now();
        let mut account = feed.replay.stop(true)?;
        account.because = because.to_owned();
        self.note(Step::ReplayStop(account.clone()))?;
        let truth = self.read_truth(feed, account.sent)?;
        if feed.job.exactly_once() {
            self.make_visible(feed)?;
        }
        self.wait_for_windows(feed, &truth, begin)
    }

    /// What the input topic holds, read back by a consumer of its own and compared with the data set.
    fn read_truth(&self, feed: &Feed, sent: u64) -> Result<HashSet<WindowKey>> {
        self.status("draining", "reading the topic back");
        let target = self.target()?;
        let topic = &feed.plan.topic.name;
        let ends = self.run.wait(target.kafka.end_offsets(topic))?;
        let columns = feed.plan.dataset.columns();
        let mut found = Totals::new(feed.window_ms);
        let mut flush_records = 0;
        let mut bad = 0_u64;
        let records = target.kafka.read_topic_blocking(topic, &ends, &self.run.host.signals.cancelled, |record| {
            if record.key == Some(FLUSH) {
                flush_records += 1;
            } else {
                match parse_row(record.value, &columns) {
                    Ok(trip) => found.add(&trip, record.value),
                    Err(_) => bad += 1,
                }
            }
            Ok(())
        })?;
        let expected = feed.plan.dataset.totals(sent, feed.window_ms)?;
        let difference = expected.difference(&found);
        if let Some(difference) = &difference {
            let text = format!("the input topic does not hold what the data set does: {difference}");
            self.recorder.record(Observation::Warning { text })?;
        }
        let dataset_agrees = difference.is_none() && bad == 0;
        self.note(Step::OracleRead { records: records - flush_records, flush_records, sent, dataset_agrees })?;
        let mut keys = HashSet::new();
        for (zone, window_start_epoch_ms, total) in found.sorted() {
            keys.insert((zone, window_start_epoch_ms));
            let truth = Window::Truth { zone, window_start_epoch_ms, count: total.count, cents: total.cents };
            self.recorder.record(Observation::Window(truth))?;
        }
        Ok(keys)
    }

    /// Under exactly-once the last results lie in a transaction that only a checkpoint ends.
    fn make_visible(&self, feed: &Feed) -> Result<()> {
        match self.run.wait(feed.trigger_checkpoint(DRAIN_WITHIN)) {
            Err(error) if matches!(error.kind, Kind::Interrupted | Kind::Terminated) => Err(error),
            // The next periodic checkpoint does the same; windows that stay invisible are found missing.
            Err(error) => self
                .recorder
                .record(Observation::Warning { text: format!("the checkpoint after the flush failed: {error}") }),
            Ok(()) => Ok(()),
        }
    }

    /// Waits until every window that the topic holds has arrived. Those that have not are the oracle's to name.
    fn wait_for_windows(&self, feed: &Feed, truth: &HashSet<WindowKey>, begin: Instant) -> Result<()> {
        let within = DRAIN_WITHIN + self.run.wait(feed.longest_checkpoint())?;
        loop {
            let missing = feed.missing(truth);
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
        self.run.wait(async {
            tokio::time::sleep(LOOK_EVERY).await;
            Ok::<(), Error>(())
        })
    }
}
