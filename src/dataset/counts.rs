//! A data set as counts: how many rows fall into each stretch of event time. All that a simulation moves.

use super::{Dataset, window_start};
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

impl Dataset {
    /// Counts the rows in stretches of `bucket_ms`. Blocks for some hundredths of a second a million rows.
    ///
    /// Fails where there are no rows (script).
    pub fn counts(&self, bucket_ms: i64) -> Result<Counts> {
        let mut stream = self.stream()?;
        let event_0_epoch_ms = stream.skip()?.ok_or_else(|| {
            Error::script(format!("{} has no rows to replay", self.name())).hint("choose another period or file")
        })?;
        let first_bucket_epoch_ms = window_start(event_0_epoch_ms, bucket_ms);
        let mut counts = Counts {
            bucket_ms,
            first_bucket_epoch_ms,
            rows: vec![1],
            event_0_epoch_ms,
            last_event_epoch_ms: event_0_epoch_ms,
        };
        while let Some(event_epoch_ms) = stream.skip()? {
            // Rows are sorted by time, so no bucket lies before the first.
            let bucket = usize::try_from((event_epoch_ms - first_bucket_epoch_ms) / bucket_ms).unwrap_or_default();
            if bucket >= counts.rows.len() {
                counts.rows.resize(bucket + 1, 0);
            }
            counts.rows[bucket] += 1;
            counts.last_event_epoch_ms = event_epoch_ms;
        }
        Ok(counts)
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
