//! Topics, and the load that is replayed into one of them.

use super::super::load::{Calendar, Load, Offer, whole};
use super::super::windows::WindowTotal;
use super::World;
use crate::error::{Error, Result};
use crate::record::ReplayEnd;

/// What a topic under saturating load holds beyond the furthest that was read.
const AHEAD_RECORDS: f64 = 100_000.0;

/// How far a replay is. The broker answers at once: what is due is sent and acknowledged.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Progress {
    pub due: u64,
    pub sent: u64,
    pub acked: u64,
    pub last_event_epoch_ms: Option<i64>,
    /// Records due in a second, over the last one; under saturating load what the job can read.
    pub offered_rate: f64,
    /// Every row of the data set was sent.
    pub finished: bool,
}

impl World {
    pub fn create_topic(&mut self, name: &str, partitions: u32) -> Result<()> {
        if partitions == 0 {
            return Err(Error::script(format!("topic {name}: no partitions")));
        }
        if self.topics.contains_key(name) {
            return Err(Error::trial(format!("there is a topic {name} already")));
        }
        self.topics.insert(name.to_owned(), partitions);
        Ok(())
    }

    pub fn delete_topic(&mut self, name: &str) -> Result<()> {
        self.partitions(name)?;
        self.topics.remove(name);
        if self.offer.as_ref().is_some_and(|offer| offer.topic == name) {
            self.offer = None;
        }
        Ok(())
    }

    pub fn partitions(&self, topic: &str) -> Result<u32> {
        self.topics.get(topic).copied().ok_or_else(|| Error::trial(format!("there is no topic {topic}")))
    }

    /// End offset of each partition; flush records are not among them.
    pub fn end_offsets(&self, topic: &str) -> Result<Vec<u64>> {
        let partitions = self.partitions(topic)?;
        let held = if self.offer.as_ref().is_some_and(|offer| offer.topic == topic) { self.sent_records() } else { 0 };
        Ok((0..partitions).map(|partition| offset_of(held, partition, partitions)).collect())
    }

    /// Begins to send; one replay at a time.
    pub fn offer(&mut self, topic: &str, load: Load) -> Result<()> {
        self.partitions(topic)?;
        if self.offer.as_ref().is_some_and(|offer| offer.stopped.is_none()) {
            return Err(Error::trial("a replay runs already").hint("stop it first"));
        }
        let now_epoch_ms = self.now_ms().floor() as i64;
        let positive = |what: &str, value: f64| match value {
            value if value.is_finite() && value > 0.0 => Ok(value),
            value => Err(Error::script(format!("a replay at {value} {what}"))),
        };
        let (calendar, start_ms, speed) = match load {
            Load::Saturating { rows_per_event_ms: None } => (None, self.now_ms, None),
            Load::Saturating { rows_per_event_ms: Some(rows) } => {
                let rows = positive("rows to a millisecond of event time", rows)?;
                (Some(Calendar::even(now_epoch_ms, rows)), self.now_ms, None)
            }
            Load::Rate { per_s } => {
                let per_ms = positive("records a second", per_s)? / 1e3;
                let start_ms = now_epoch_ms as f64 - self.began_epoch_ms;
                (Some(Calendar::even(now_epoch_ms, per_ms)), start_ms, Some(1.0))
            }
            Load::Rows(rows) => {
                let start_ms = rows.start_epoch_ms - self.began_epoch_ms;
                (Some(Calendar::of(&rows)?), start_ms, Some(rows.speed))
            }
        };
        self.offer = Some(Offer { topic: topic.to_owned(), calendar, start_ms, speed, stopped: None, flushed: false });
        self.account = None;
        self.measured_from_ms = None;
        self.furthest = 0.0;
        Ok(())
    }

    /// The warm-up is over.
    pub fn measure_from_now(&mut self) {
        self.measured_from_ms = Some(self.now_ms);
    }

    /// Stops sending; flush records close every window. A second call gives the same account.
    pub fn stop_offering(&mut self, flush: bool) -> Result<ReplayEnd> {
        if let Some(account) = &self.account {
            return Ok(account.clone());
        }
        // A record under way goes out whole.
        let records = self.offer.as_ref().map_or(0.0, |offer| offer.records_at(self.now_ms));
        let sent = if records.is_finite() { whole(records.ceil()) } else { self.sent_records() };
        let last_event_epoch_ms = self.progress().last_event_epoch_ms.unwrap_or(0);
        let at_epoch_ms = self.now_ms();
        let now_ms = self.now_ms;
        let Some(offer) = &mut self.offer else { return Err(Error::trial("no replay runs")) };
        (offer.stopped, offer.flushed) = (Some((now_ms, sent as f64)), flush);
        let account = self.account_of(sent, at_epoch_ms, last_event_epoch_ms);
        self.account = Some(account.clone());
        Ok(account)
    }

    fn account_of(&self, sent: u64, at_epoch_ms: f64, last_event_epoch_ms: i64) -> ReplayEnd {
        let p99 = |mean: f64| self.lateness_ms(mean, 2.326);
        let (queued, acked) = (self.conduct.queued_ms, self.conduct.acked_ms);
        let most = (2.0 * (sent.max(2) as f64).ln()).sqrt();
        ReplayEnd {
            at_epoch_ms,
            because: String::new(),
            due: sent,
            sent,
            acked: sent,
            failed: 0,
            rate_error: 0.0,
            queued_p50_ms: self.lateness_ms(queued, 0.0),
            queued_p99_ms: p99(queued),
            queued_max_ms: self.lateness_ms(queued, most),
            acked_p50_ms: self.lateness_ms(acked, 0.0),
            acked_p99_ms: p99(acked),
            acked_max_ms: self.lateness_ms(acked, most),
            last_event_epoch_ms,
        }
    }

    /// The lateness that lies so many standard deviations from its median.
    pub(super) fn lateness_ms(&self, mean: f64, deviations: f64) -> f64 {
        let spread = self.conduct.lateness_spread;
        mean * (spread * deviations - spread * spread / 2.0).exp()
    }

    #[must_use]
    pub fn progress(&self) -> Progress {
        let Some(offer) = &self.offer else { return Progress::default() };
        let sent = self.sent_records();
        let event_ms = match (offer.speed, &offer.calendar) {
            (Some(speed), Some(calendar)) => {
                let until = offer.stopped.map_or(self.now_ms, |(at, _)| at);
                let reached = (until - offer.start_ms) * speed;
                Some(calendar.end_ms().map_or(reached, |end| reached.min(end - 1.0)))
            }
            (None, Some(calendar)) => {
                let per_ms = calendar.records_before(1.0);
                Some(sent as f64 / per_ms)
            }
            _ => None,
        };
        let last_event_epoch_ms = offer
            .calendar
            .as_ref()
            .zip(event_ms)
            .filter(|_| sent > 0)
            .map(|(calendar, event_ms)| calendar.event_0_epoch_ms + event_ms.max(0.0).floor() as i64);
        Progress {
            due: sent,
            sent,
            acked: sent,
            last_event_epoch_ms,
            offered_rate: self.offered_rate(offer),
            finished: offer.is_finished(self.now_ms),
        }
    }

    fn offered_rate(&self, offer: &Offer) -> f64 {
        if offer.speed.is_none() {
            return self.run.as_ref().map_or(0.0, |run| self.capacity_per_ms(run) * 1e3);
        }
        offer.records_at(self.now_ms) - offer.records_at(self.now_ms - 1e3)
    }

    /// Whole records in the topic.
    pub(super) fn sent_records(&self) -> u64 {
        let Some(offer) = &self.offer else { return 0 };
        let records = offer.records_at(self.now_ms);
        whole(if records.is_finite() { records } else { self.furthest + AHEAD_RECORDS })
    }

    /// What every window of the sent records holds.
    pub fn truth(&self) -> Result<Vec<WindowTotal>> {
        let run = self.run.as_ref().ok_or_else(|| Error::trial("no job was submitted"))?;
        let sent = self.sent_records() as f64;
        Ok(self.plan_of(run).map(|plan| plan.totals(sent)).unwrap_or_default())
    }

    /// Windows of the truth that no consumer has a row of.
    #[must_use]
    pub fn missing_results(&self) -> usize {
        let (Some(run), Ok(truth)) = (&self.run, self.truth()) else { return 0 };
        truth.iter().filter(|total| !run.results.has_seen(total.window_start_epoch_ms)).count()
    }
}

/// How many of the first `records` a partition holds: they go to the partitions by turns.
pub(super) fn offset_of(records: u64, partition: u32, partitions: u32) -> u64 {
    (records + u64::from(partitions - 1 - partition)) / u64::from(partitions)
}
