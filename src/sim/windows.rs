//! Event-time windows: which there are, what each holds, and at which position each closes.
//!
//! A window's result is due when the watermark passes its end: when the first record was read whose event time
//! is the bound on disorder or more past the end. Rows are read in the order of event time, so that is a
//! position. Flush records close what is left at the position of the last row.

use super::load::{Calendar, whole};

/// Tumbling windows, aligned to the epoch as Flink's are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Windows {
    pub length_ms: i64,
    pub out_of_orderness_ms: i64,
}

/// Rows and cents of one window. The simulated target counts rows of all zones together, so there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WindowTotal {
    pub zone: Option<i64>,
    pub window_start_epoch_ms: i64,
    pub count: i64,
    pub cents: i64,
}

/// The windows of a load, by number from the first that holds a row.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan<'a> {
    pub calendar: &'a Calendar,
    pub windows: Windows,
}

impl Plan<'_> {
    pub(super) fn start_epoch_ms(&self, window: u64) -> i64 {
        let first = self.calendar.event_0_epoch_ms.div_euclid(self.windows.length_ms) * self.windows.length_ms;
        first.saturating_add(self.windows.length_ms.saturating_mul(i64::try_from(window).unwrap_or(i64::MAX)))
    }

    /// The window's start and end in ms since the first event.
    fn bounds_ms(&self, window: u64) -> (f64, f64) {
        let start = (self.start_epoch_ms(window) - self.calendar.event_0_epoch_ms) as f64;
        (start, start + self.windows.length_ms as f64)
    }

    /// How many records come before the window's first.
    pub(super) fn opens_at(&self, window: u64) -> f64 {
        self.calendar.records_before(self.bounds_ms(window).0)
    }

    /// The position at which the watermark closes the window; infinite where the data end before.
    pub(super) fn closes_at(&self, window: u64) -> f64 {
        let event_ms = self.bounds_ms(window).1 + self.windows.out_of_orderness_ms as f64;
        if self.calendar.end_ms().is_some_and(|end| event_ms >= end) {
            return f64::INFINITY;
        }
        self.calendar.records_before(event_ms)
    }

    /// What the first `records` hold of the window; None where that is no row.
    pub(super) fn total(&self, window: u64, records: f64) -> Option<WindowTotal> {
        let (start, end) = self.bounds_ms(window);
        let (before, until) = (self.calendar.records_before(start), self.calendar.records_before(end));
        let count = whole(until.min(records)).saturating_sub(whole(before));
        if count == 0 {
            return None;
        }
        let all = self.calendar.cents_before(end) - self.calendar.cents_before(start);
        // Of a window cut short, the share that its rows are.
        let share = if records < until { count as f64 / (until - before) } else { 1.0 };
        Some(WindowTotal {
            zone: None,
            window_start_epoch_ms: self.start_epoch_ms(window),
            count: count as i64,
            cents: (all * share).round() as i64,
        })
    }

    /// Every window that the first `records` touch.
    pub(super) fn totals(&self, records: f64) -> Vec<WindowTotal> {
        let touched = (0..).take_while(|&window| whole(self.opens_at(window)) < whole(records));
        touched.filter_map(|window| self.total(window, records)).collect()
    }
}
