//! What is offered to the job, as a fluid: how many records there are by event time, and by the clock.
//!
//! Records are spread evenly within a bucket of event time, and by turns over the partitions. Counts stay
//! continuous inside; whoever shows one cuts it to a whole number of records with [`whole`].

use crate::error::{Error, Result};

/// What the replay sends.
#[derive(Clone, Debug, PartialEq)]
pub enum Load {
    /// Always more than the job can read. Event time goes on with the position, so many rows to its millisecond
    /// (the trips of New York: 1.25e-3); without, no window ever closes and none holds rows.
    Saturating { rows_per_event_ms: Option<f64> },
    /// Records a second by the clock, without end; the event time of a record is its due time.
    Rate { per_s: f64 },
    /// A data set, as counts.
    Rows(Rows),
}

/// A data set as the number of its rows in each bucket of event time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rows {
    pub bucket_ms: i64,
    pub first_bucket_epoch_ms: i64,
    pub counts: Vec<u64>,
    /// Sum of the fares in each bucket; empty counts as none.
    pub cents: Vec<i64>,
    /// Event times of the first and of the last row.
    pub event_0_epoch_ms: i64,
    pub last_event_epoch_ms: i64,
    /// Seconds of event time replayed in one second.
    pub speed: f64,
    /// When the first row is due.
    pub start_epoch_ms: f64,
}

/// A count of records that stands for so many whole ones; sums of floats may fall just short of one.
pub(super) fn whole(records: f64) -> u64 {
    (records + 1e-6).floor().max(0.0) as u64
}

/// How many records have an event time before a given one; event times in ms since the first record's.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Calendar {
    pub event_0_epoch_ms: i64,
    shape: Shape,
}

#[derive(Clone, Debug, PartialEq)]
enum Shape {
    /// Records per millisecond of event time, without end.
    Even(f64),
    /// Event time, records and cents before it; at least two, the first at zero.
    Edges(Vec<Edge>),
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Edge {
    at_ms: f64,
    records: f64,
    cents: f64,
}

impl Calendar {
    pub(super) fn even(event_0_epoch_ms: i64, records_per_ms: f64) -> Self {
        Self { event_0_epoch_ms, shape: Shape::Even(records_per_ms) }
    }

    pub(super) fn of(rows: &Rows) -> Result<Self> {
        rows.check()?;
        let since = |epoch_ms: i64| (epoch_ms - rows.event_0_epoch_ms) as f64;
        // The last row must lie before the end, or its bucket would have no width.
        let last_ms = since(rows.last_event_epoch_ms) + 1.0;
        let mut edges = vec![Edge { at_ms: 0.0, records: 0.0, cents: 0.0 }];
        let mut before = edges[0];
        for (place, &count) in rows.counts.iter().enumerate() {
            let cents = rows.cents.get(place).copied().unwrap_or(0);
            let end = since(rows.first_bucket_epoch_ms + (place as i64 + 1) * rows.bucket_ms);
            let at_ms = end.clamp(before.at_ms, last_ms.max(before.at_ms));
            before = Edge { at_ms, records: before.records + count as f64, cents: before.cents + cents as f64 };
            edges.push(before);
        }
        Ok(Self { event_0_epoch_ms: rows.event_0_epoch_ms, shape: Shape::Edges(edges) })
    }

    /// Records with an event time before this one.
    pub(super) fn records_before(&self, event_ms: f64) -> f64 {
        match &self.shape {
            Shape::Even(per_ms) => (event_ms * per_ms).max(0.0),
            Shape::Edges(edges) => between(edges, event_ms, |edge| edge.records),
        }
    }

    pub(super) fn cents_before(&self, event_ms: f64) -> f64 {
        match &self.shape {
            Shape::Even(_) => 0.0,
            Shape::Edges(edges) => between(edges, event_ms, |edge| edge.cents),
        }
    }

    /// The end of the event times; None where there is none.
    pub(super) fn end_ms(&self) -> Option<f64> {
        match &self.shape {
            Shape::Even(_) => None,
            Shape::Edges(edges) => edges.last().map(|edge| edge.at_ms),
        }
    }

    /// Records per ms of event time from here on, and how far that holds.
    fn density(&self, event_ms: f64) -> (f64, f64) {
        match &self.shape {
            Shape::Even(per_ms) => (*per_ms, f64::INFINITY),
            Shape::Edges(edges) => {
                let next = edges.partition_point(|edge| edge.at_ms <= event_ms);
                match (next.checked_sub(1).map(|place| edges[place]), edges.get(next)) {
                    (Some(from), Some(to)) => ((to.records - from.records) / (to.at_ms - from.at_ms), to.at_ms),
                    (None, Some(first)) => (0.0, first.at_ms),
                    (_, None) => (0.0, f64::INFINITY),
                }
            }
        }
    }
}

fn between(edges: &[Edge], event_ms: f64, of: impl Fn(&Edge) -> f64) -> f64 {
    let next = edges.partition_point(|edge| edge.at_ms <= event_ms);
    match (next.checked_sub(1).map(|place| &edges[place]), edges.get(next)) {
        (None, _) => 0.0,
        (Some(last), None) => of(last),
        (Some(from), Some(to)) => of(from) + (of(to) - of(from)) * (event_ms - from.at_ms) / (to.at_ms - from.at_ms),
    }
}

impl Rows {
    fn check(&self) -> Result<()> {
        let wrong = |what: String| Err(Error::script(what));
        if !(self.speed.is_finite() && self.speed > 0.0) {
            return wrong(format!("cannot replay at {} times the data set's speed", self.speed));
        }
        if self.bucket_ms < 1 || self.counts.iter().all(|&count| count == 0) {
            return wrong(format!("nothing to replay in {} buckets of {} ms", self.counts.len(), self.bucket_ms));
        }
        let end = self.first_bucket_epoch_ms + self.counts.len() as i64 * self.bucket_ms;
        let (first, last) = (self.event_0_epoch_ms, self.last_event_epoch_ms);
        if !(self.first_bucket_epoch_ms <= first && first <= last && last < end && self.start_epoch_ms.is_finite()) {
            return wrong(format!("rows from {first} to {last} do not lie in the buckets before {end}"));
        }
        Ok(())
    }
}

/// A load on the clock; times in ms since the world began.
#[derive(Clone, Debug)]
pub(super) struct Offer {
    pub topic: String,
    pub calendar: Option<Calendar>,
    pub start_ms: f64,
    /// Milliseconds of event time in one; None where the load waits for nobody's clock.
    pub speed: Option<f64>,
    /// When it was stopped, and how many records had been sent.
    pub stopped: Option<(f64, f64)>,
    /// After the flush records every window closes.
    pub flushed: bool,
}

impl Offer {
    /// Whether there is always more than can be read.
    pub(super) fn is_saturating(&self) -> bool {
        self.speed.is_none()
    }

    /// Records offered so far; infinite under saturating load.
    pub(super) fn records_at(&self, now_ms: f64) -> f64 {
        match (self.stopped, self.speed, &self.calendar) {
            (Some((_, sent)), ..) => sent,
            (None, Some(speed), Some(calendar)) => calendar.records_before((now_ms - self.start_ms) * speed),
            _ => f64::INFINITY,
        }
    }

    /// Records per ms from here on, and until when that holds; nothing new where the load is stopped or infinite.
    pub(super) fn rate_at(&self, now_ms: f64) -> (f64, f64) {
        match (self.stopped, self.speed, &self.calendar) {
            (None, Some(speed), Some(calendar)) => {
                if now_ms < self.start_ms {
                    return (0.0, self.start_ms);
                }
                let (density, until) = calendar.density((now_ms - self.start_ms) * speed);
                (density * speed, self.start_ms + until / speed)
            }
            _ => (0.0, f64::INFINITY),
        }
    }

    /// Whether every record of a data set was sent.
    pub(super) fn is_finished(&self, now_ms: f64) -> bool {
        let Some((speed, end)) = self.speed.zip(self.calendar.as_ref().and_then(Calendar::end_ms)) else {
            return false;
        };
        let until = self.stopped.map_or(now_ms, |(at, _)| at);
        (until - self.start_ms) * speed >= end
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows() -> Rows {
        Rows {
            bucket_ms: 1_000,
            first_bucket_epoch_ms: 10_000,
            counts: vec![10, 0, 40],
            cents: vec![100, 0, 40],
            event_0_epoch_ms: 10_500,
            last_event_epoch_ms: 12_499,
            speed: 10.0,
            start_epoch_ms: 0.0,
        }
    }

    #[test]
    fn rows_are_spread_between_the_first_and_the_last() {
        let calendar = Calendar::of(&rows()).expect("right");
        let before = |event_ms: f64| calendar.records_before(event_ms);
        assert_eq!([before(-1.0), before(0.0), before(250.0), before(500.0)], [0.0, 0.0, 5.0, 10.0]);
        assert_eq!([before(1_500.0), before(1_750.0), before(2_000.0), before(1e9)], [10.0, 30.0, 50.0, 50.0]);
        assert_eq!((calendar.cents_before(500.0), calendar.cents_before(1e9)), (100.0, 140.0));
        assert_eq!(calendar.end_ms(), Some(2_000.0));
    }

    #[test]
    fn rates_hold_as_long_as_they_say() {
        let calendar = Some(Calendar::of(&rows()).expect("right"));
        let offer =
            Offer { topic: "t".into(), calendar, start_ms: 100.0, speed: Some(10.0), stopped: None, flushed: false };
        assert_eq!(offer.rate_at(0.0), (0.0, 100.0));
        assert_eq!(offer.rate_at(100.0), (0.2, 150.0));
        assert_eq!(offer.rate_at(150.0), (0.0, 250.0));
        assert_eq!(offer.rate_at(250.0), (0.8, 300.0));
        assert_eq!(offer.rate_at(300.0), (0.0, f64::INFINITY));
        assert_eq!([offer.records_at(125.0), offer.records_at(275.0)], [5.0, 30.0]);
        assert!(!offer.is_finished(299.0) && offer.is_finished(300.0));
    }

    #[test]
    fn rows_that_cannot_be_replayed_are_refused() {
        let wrong = [
            Rows { speed: 0.0, ..rows() },
            Rows { counts: vec![0], ..rows() },
            Rows { bucket_ms: 0, ..rows() },
            Rows { last_event_epoch_ms: 10_499, ..rows() },
            Rows { last_event_epoch_ms: 13_000, ..rows() },
            Rows { event_0_epoch_ms: 9_999, ..rows() },
        ];
        assert!(wrong.iter().all(|rows| Calendar::of(rows).is_err()));
    }
}
