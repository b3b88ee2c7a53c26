//! A data set as counts: how many rows fall into each stretch of event time. All that a simulation moves.

use super::{Dataset, Source, window_start};
use crate::error::{Error, Result};

#[derive(Clone, Debug, PartialEq)]
pub struct Counts {
    /// Length of each stretch, in milliseconds of event time.
    pub bucket_ms: i64,
    pub first_bucket_epoch_ms: i64,
    /// Rows of each stretch, from the first on.
    pub rows: Vec<u64>,
    pub event_0_epoch_ms: i64,
    pub last_event_epoch_ms: i64,
}

const HOUR_MS: i64 = 3_600_000;

impl Dataset {
    /// Counts the rows in stretches of `bucket_ms`. Blocks for some hundredths of a second a million rows; generated
    /// trips are counted by the hour at once, and spread evenly within it where the stretches are shorter.
    ///
    /// Fails where there are no rows (script).
    pub fn counts(&self, bucket_ms: i64) -> Result<Counts> {
        let mut stream = self.stream()?;
        let event_0_epoch_ms = stream.skip()?.ok_or_else(|| {
            Error::script(format!("{} has no rows to replay", self.name())).hint("choose another period or file")
        })?;
        let mut counts = Counts {
            bucket_ms,
            first_bucket_epoch_ms: window_start(event_0_epoch_ms, bucket_ms),
            rows: Vec::new(),
            event_0_epoch_ms,
            last_event_epoch_ms: event_0_epoch_ms,
        };
        match &self.source {
            Source::Generated(generator) if HOUR_MS % bucket_ms == 0 => counts.add_hours(generator.rows_by_hour()),
            _ => {
                counts.add(event_0_epoch_ms, 1);
                while let Some(event_epoch_ms) = stream.skip()? {
                    counts.add(event_epoch_ms, 1);
                }
            }
        }
        Ok(counts)
    }
}

impl Counts {
    fn add(&mut self, event_epoch_ms: i64, rows: u64) {
        // Rows are sorted by time, so no bucket lies before the first.
        let bucket = usize::try_from((event_epoch_ms - self.first_bucket_epoch_ms) / self.bucket_ms).unwrap_or(0);
        if bucket >= self.rows.len() {
            self.rows.resize(bucket + 1, 0);
        }
        self.rows[bucket] += rows;
        self.last_event_epoch_ms = self.last_event_epoch_ms.max(event_epoch_ms);
    }

    fn add_hours(&mut self, hours: impl Iterator<Item = (i64, u64)>) {
        let parts = (HOUR_MS / self.bucket_ms) as u64;
        for (start_epoch_ms, rows) in hours {
            for part in 0..parts {
                let share = rows * (part + 1) / parts - rows * part / parts;
                let from = start_epoch_ms + part as i64 * self.bucket_ms;
                self.add(from.max(self.event_0_epoch_ms), share);
            }
            if rows > 0 {
                self.last_event_epoch_ms = start_epoch_ms + HOUR_MS - 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::Bounds;

    #[test]
    fn counts_and_totals_of_the_same_rows_agree() {
        let bounds = Bounds::parse(Some("2023-03-01"), Some("2023-03-03")).expect("two days");
        let trips = Dataset::generate(3, bounds.within_half_year().expect("it lies within")).expect("generated");
        let hour_ms = 3_600_000;
        let counts = trips.counts(hour_ms).expect("rows");
        let totals = trips.totals(u64::MAX, hour_ms).expect("rows");
        assert_eq!(counts.rows.iter().sum::<u64>(), totals.rows());
        for (place, rows) in counts.rows.iter().enumerate() {
            let start = counts.first_bucket_epoch_ms + place as i64 * hour_ms;
            let same: i64 =
                totals.sorted().iter().filter(|(_, window, _)| *window == start).map(|(_, _, total)| total.count).sum();
            assert_eq!(i64::try_from(*rows), Ok(same), "bucket {place}");
        }
        assert!(counts.event_0_epoch_ms < counts.last_event_epoch_ms);
    }
}
