//! The replay's account of itself: counts, latenesses, and whether it kept its rate.
//!
//! Plain arithmetic over times handed in, so that it is tested without a broker. Times are nanoseconds on the
//! run's monotonic clock; histograms hold microseconds with three digits, up to an hour.

use std::collections::VecDeque;

use hdrhistogram::Histogram;

use crate::error::Error;
use crate::record::{EpochMs, ReplayEnd};

const HOUR_US: u64 = 3_600_000_000;

pub struct Ledger {
    pub due: u64,
    pub sent: u64,
    pub acked: u64,
    pub failed: u64,
    pub flush_outstanding: u32,
    pub last_event_epoch_ms: Option<i64>,
    /// Every row was sent.
    pub finished: bool,
    /// The sender has ended, and nothing changes any more.
    pub closed: bool,
    pub error: Option<Error>,
    /// When sending ended, and why.
    pub ended: Option<(EpochMs, String)>,
    /// Latenesses count from here on; in the steps' maxima they always do.
    measured_from_ns: u64,
    queued: Histogram<u64>,
    acknowledged: Histogram<u64>,
    step: StepMaxima,
    /// Due and handed over, of the first and the last record.
    first: Option<(u64, u64)>,
    last: (u64, u64),
    /// Number of records sent, and when the last of them was due: a few entries a tick, for the oldest one out.
    outstanding: VecDeque<(u64, u64)>,
}

/// The largest latenesses within one sampling step, in ms; nothing where nothing was sent or acknowledged.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct StepMaxima {
    pub queued_ms: Option<f64>,
    pub acked_ms: Option<f64>,
}

impl Default for Ledger {
    fn default() -> Self {
        // The bounds are constants that the constructor takes: low >= 1, high >= 2 * low, 3 digits.
        #[expect(clippy::unwrap_used, reason = "constant bounds")]
        let histogram = Histogram::new_with_bounds(1, HOUR_US, 3).unwrap();
        Self {
            due: 0,
            sent: 0,
            acked: 0,
            failed: 0,
            flush_outstanding: 0,
            last_event_epoch_ms: None,
            finished: false,
            closed: false,
            error: None,
            ended: None,
            measured_from_ns: 0,
            queued: histogram.clone(),
            acknowledged: histogram,
            step: StepMaxima::default(),
            first: None,
            last: (0, 0),
            outstanding: VecDeque::new(),
        }
    }
}

impl Ledger {
    /// Forgets the latenesses so far: what was due before `now_ns` was the warm-up's.
    pub fn measure_from(&mut self, now_ns: u64) {
        self.measured_from_ns = now_ns;
        self.queued.reset();
        self.acknowledged.reset();
    }

    /// A record went to librdkafka.
    pub fn handed(&mut self, due_ns: u64, now_ns: u64, event_epoch_ms: i64) {
        self.sent += 1;
        self.last_event_epoch_ms = Some(event_epoch_ms);
        self.first.get_or_insert((due_ns, now_ns));
        self.last = (due_ns, now_ns);
        let late_ns = now_ns.saturating_sub(due_ns);
        self.step.queued_ms = larger(self.step.queued_ms, late_ns);
        if due_ns >= self.measured_from_ns {
            self.queued.saturating_record(late_ns / 1_000);
        }
        // A new entry each millisecond of due time is exact enough for a lateness, and keeps a minute's stall small.
        match self.outstanding.back_mut() {
            Some((sent, due)) if due_ns < *due + 1_000_000 => *sent = self.sent,
            _ => self.outstanding.push_back((self.sent, due_ns)),
        }
    }

    /// The broker acknowledged a record.
    pub fn acknowledged(&mut self, due_ns: u64, now_ns: u64) {
        self.acked += 1;
        let late_ns = now_ns.saturating_sub(due_ns);
        self.step.acked_ms = larger(self.step.acked_ms, late_ns);
        if due_ns >= self.measured_from_ns {
            self.acknowledged.saturating_record(late_ns / 1_000);
        }
        self.settle();
    }

    /// A record was given up.
    pub fn lost(&mut self, error: Error) {
        self.failed += 1;
        self.error.get_or_insert(error);
        self.settle();
    }

    fn settle(&mut self) {
        let settled = self.acked + self.failed;
        while self.outstanding.front().is_some_and(|(sent, _)| *sent <= settled) {
            self.outstanding.pop_front();
        }
    }

    /// Records and flush records without a report.
    pub fn unreported(&self) -> u64 {
        self.sent - self.acked - self.failed + u64::from(self.flush_outstanding)
    }

    /// How late the oldest record without a report is by now. Partitions report in turn, so "oldest" is by count.
    pub fn oldest_ms(&self, now_ns: u64) -> Option<f64> {
        self.outstanding.front().map(|(_, due_ns)| now_ns.saturating_sub(*due_ns) as f64 / 1e6)
    }

    /// The maxima since the last call.
    pub fn take_step(&mut self) -> StepMaxima {
        std::mem::take(&mut self.step)
    }

    pub fn account(&self) -> ReplayEnd {
        let (at_epoch_ms, because) = self.ended.clone().unwrap_or_else(|| (0.0, "still running".to_owned()));
        let quantile = |histogram: &Histogram<u64>, q: f64| histogram.value_at_quantile(q) as f64 / 1e3;
        let largest = |histogram: &Histogram<u64>| histogram.max() as f64 / 1e3;
        ReplayEnd {
            at_epoch_ms,
            because,
            due: self.due,
            sent: self.sent,
            acked: self.acked,
            failed: self.failed,
            rate_error: self.rate_error(),
            queued_p50_ms: quantile(&self.queued, 0.5),
            queued_p99_ms: quantile(&self.queued, 0.99),
            queued_max_ms: largest(&self.queued),
            acked_p50_ms: quantile(&self.acknowledged, 0.5),
            acked_p99_ms: quantile(&self.acknowledged, 0.99),
            acked_max_ms: largest(&self.acknowledged),
            last_event_epoch_ms: self.last_event_epoch_ms.unwrap_or_default(),
        }
    }

    /// The larger of two shares: by how much the rows sent took another time than their due times span, and the
    /// part of the due rows that was never sent. Each alone would miss something: a sender that falls behind
    /// and catches up sends all, one that stops half way keeps its pace until then. Waking every 2 ms makes
    /// the first about 2 ms over the length of the replay, so below 2 s it says nothing.
    fn rate_error(&self) -> f64 {
        let unsent = match self.due {
            0 => 0.0,
            due => due.saturating_sub(self.sent) as f64 / due as f64,
        };
        let Some((first_due, first_handed)) = self.first else { return unsent };
        let scheduled = self.last.0.saturating_sub(first_due) as f64;
        let taken = self.last.1.saturating_sub(first_handed) as f64;
        if scheduled == 0.0 || taken == 0.0 {
            return unsent;
        }
        (scheduled / taken - 1.0).abs().max(unsent)
    }
}

fn larger(step_max_ms: Option<f64>, late_ns: u64) -> Option<f64> {
    let late_ms = late_ns as f64 / 1e6;
    Some(step_max_ms.map_or(late_ms, |max| max.max(late_ms)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    /// 10,000 records, one each millisecond, handed over `late(i)` ns after they are due.
    fn ledger(late: impl Fn(u64) -> u64) -> Ledger {
        let mut ledger = Ledger { due: 10_000, ..Ledger::default() };
        for number in 0..10_000 {
            ledger.handed(number * MS, number * MS + late(number), 0);
        }
        ledger
    }

    #[test]
    fn a_kept_schedule_has_no_rate_error() {
        assert!(ledger(|_| MS).account().rate_error < 1e-12);
        assert!(ledger(|number| number % 3 * MS).account().rate_error < 1e-3);
        assert_eq!(Ledger::default().account().rate_error, 0.0);
    }

    #[test]
    fn falling_behind_and_stopping_early_are_rate_errors() {
        // One per cent slower than due.
        let slow = ledger(|number| number * MS / 100).account();
        assert!((slow.rate_error - 0.0099).abs() < 1e-4, "{}", slow.rate_error);
        // In time, but the last tenth never came.
        let mut cut = ledger(|_| 0);
        cut.due = 11_000;
        assert!((cut.account().rate_error - 1.0 / 11.0).abs() < 1e-12);
    }

    #[test]
    fn lateness_is_counted_from_due_and_the_step_starts_anew() {
        let mut ledger = ledger(|_| 2 * MS);
        ledger.acknowledged(0, 40 * MS);
        assert_eq!(ledger.take_step(), StepMaxima { queued_ms: Some(2.0), acked_ms: Some(40.0) });
        assert_eq!(ledger.take_step(), StepMaxima::default());
        let end = ledger.account();
        assert!((end.queued_p99_ms - 2.0).abs() < 0.01 && (end.acked_max_ms - 40.0).abs() < 0.1, "{end:?}");
    }

    #[test]
    fn what_was_due_in_the_warm_up_is_no_lateness_of_the_measured_phase() {
        let mut ledger = ledger(|_| 300 * MS);
        ledger.measure_from(10_000 * MS);
        ledger.acknowledged(9_999 * MS, 12_000 * MS);
        ledger.handed(10_001 * MS, 10_003 * MS, 0);
        ledger.acknowledged(10_001 * MS, 10_011 * MS);
        let end = ledger.account();
        assert!((end.queued_max_ms - 2.0).abs() < 0.1 && (end.acked_max_ms - 10.0).abs() < 0.1, "{end:?}");
    }

    #[test]
    fn the_oldest_unreported_record_is_known() {
        let mut ledger = ledger(|_| 0);
        assert_eq!(ledger.oldest_ms(500 * MS), Some(500.0));
        for number in 0..100 {
            ledger.acknowledged(number * MS, 500 * MS);
        }
        assert_eq!(ledger.oldest_ms(500 * MS), Some(400.0));
        ledger.lost(Error::trial("gone"));
        assert_eq!((ledger.unreported(), ledger.failed), (9_899, 1));
        assert_eq!(ledger.error.as_ref().unwrap().message, "gone");
    }
}
