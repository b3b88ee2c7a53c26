//! What a consumer should have found: counts and cents by zone and window, and a fingerprint of the rows.
//!
//! The oracle compares the input topic, as an independent consumer read it, with the data set. Partitions
//! arrive in any order, so the fingerprint is a sum of one hash a row: it does not see the order, but it sees
//! a row lost, doubled or altered. The hash is the standard library's, whose algorithm may change with the
//! compiler: compare fingerprints within one process, never store one.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hasher};

use super::Trip;

/// Trips and cents of one zone in one window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Total {
    pub count: i64,
    pub cents: i64,
}

/// Totals by (zone, window start in epoch ms).
#[derive(Clone, Debug)]
pub struct Totals {
    window_ms: i64,
    rows: u64,
    fingerprint: u64,
    windows: HashMap<(i64, i64), Total>,
}

impl Totals {
    /// Windows begin at multiples of `window_ms` from the epoch, as Flink's tumbling windows do; a length
    /// below 1 ms counts as 1 ms.
    #[must_use]
    pub fn new(window_ms: i64) -> Self {
        Self { window_ms: window_ms.max(1), rows: 0, fingerprint: 0, windows: HashMap::new() }
    }

    pub fn add(&mut self, trip: &Trip, row: &[u8]) {
        self.rows += 1;
        self.fingerprint = self.fingerprint.wrapping_add(hash(row));
        let total = self.windows.entry((trip.zone, window_start(trip.event_epoch_ms, self.window_ms))).or_default();
        total.count += 1;
        // As Java's `long`, which the job adds with.
        total.cents = total.cents.wrapping_add(trip.cents);
    }

    #[must_use]
    pub fn rows(&self) -> u64 {
        self.rows
    }

    #[must_use]
    pub fn window_ms(&self) -> i64 {
        self.window_ms
    }

    #[must_use]
    pub fn window(&self, zone: i64, window_start_epoch_ms: i64) -> Option<Total> {
        self.windows.get(&(zone, window_start_epoch_ms)).copied()
    }

    /// `(zone, window start in epoch ms, total)`, by window start and then by zone.
    #[must_use]
    pub fn sorted(&self) -> Vec<(i64, i64, Total)> {
        let mut windows: Vec<_> = self.windows.iter().map(|(&(zone, start), &total)| (zone, start, total)).collect();
        windows.sort_unstable_by_key(|&(zone, start, _)| (start, zone));
        windows
    }

    /// In words, the first thing in which `other` (what was found) differs from `self` (what was expected).
    #[must_use]
    pub fn difference(&self, other: &Self) -> Option<String> {
        if self.window_ms != other.window_ms {
            return Some(format!("windows of {} ms against {} ms", self.window_ms, other.window_ms));
        }
        let mut keys: Vec<_> = self.windows.keys().chain(other.windows.keys()).copied().collect();
        keys.sort_unstable_by_key(|&(zone, start)| (start, zone));
        keys.dedup();
        let differing: Vec<_> = keys.iter().filter(|key| self.windows.get(key) != other.windows.get(key)).collect();
        let rows = match self.rows == other.rows {
            true => format!("{} rows on both sides", self.rows),
            false => format!("{} rows expected, {} found", self.rows, other.rows),
        };
        if let Some(&&(zone, start)) = differing.first() {
            let show = |total: Option<Total>| match total {
                Some(total) => format!("{} trips and {} cents", total.count, total.cents),
                None => "nothing".to_owned(),
            };
            return Some(format!(
                "{rows}; {} of {} windows differ, the first at zone {zone}, start {start}: {} expected, {} found",
                differing.len(),
                keys.len(),
                show(self.window(zone, start)),
                show(other.window(zone, start)),
            ));
        }
        if self.rows != other.rows {
            return Some(rows);
        }
        (self.fingerprint != other.fingerprint)
            .then(|| format!("{rows} and equal windows, but the bytes of some rows differ"))
    }
}

/// Start of the window of `window_ms` that holds the event.
#[must_use]
pub fn window_start(event_epoch_ms: i64, window_ms: i64) -> i64 {
    event_epoch_ms - event_epoch_ms.rem_euclid(window_ms)
}

fn hash(row: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(row);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn totals(rows: &[(i64, i64, i64)]) -> Totals {
        let mut totals = Totals::new(1_000);
        for &(event_epoch_ms, zone, cents) in rows {
            let row = format!("{event_epoch_ms},{zone},{cents}");
            totals.add(&Trip { event_epoch_ms, zone, cents }, row.as_bytes());
        }
        totals
    }

    #[test]
    fn windows_begin_at_multiples_before_the_epoch_too() {
        assert_eq!(window_start(1_999, 1_000), 1_000);
        assert_eq!(window_start(-1, 1_000), -1_000);
    }

    #[test]
    fn order_does_not_matter_and_every_other_difference_does() {
        let expected = totals(&[(5, 1, 100), (7, 1, 50), (1_005, 2, 10)]);
        assert_eq!(expected.window(1, 0), Some(Total { count: 2, cents: 150 }));
        assert_eq!(expected.difference(&totals(&[(1_005, 2, 10), (7, 1, 50), (5, 1, 100)])), None);
        let lost = expected.difference(&totals(&[(5, 1, 100), (7, 1, 50)])).unwrap();
        assert!(lost.contains("3 rows expected, 2 found") && lost.contains("zone 2, start 1000"), "{lost}");
        let altered = expected.difference(&totals(&[(6, 1, 100), (7, 1, 50), (1_005, 2, 10)])).unwrap();
        assert!(altered.contains("bytes of some rows differ"), "{altered}");
        assert!(expected.difference(&Totals::new(2_000)).is_some());
    }
}
