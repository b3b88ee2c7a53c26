//! A stretch of event time, [from, to): which rows of a file count, and what to generate.
//!
//! Dates mean midnight UTC, as the naive local times of the files are read as UTC throughout.

use std::fmt;

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, date};
use jiff::tz::TimeZone;

use crate::error::{Error, Result};

/// `[from, to)` in epoch ms. Displays as `2023-01-01..2023-07-01`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    pub from_epoch_ms: i64,
    pub to_epoch_ms: i64,
}

impl Period {
    /// January to June 2023, the data of the published study.
    pub const HALF_YEAR_2023: Self = Self { from_epoch_ms: 1_672_531_200_000, to_epoch_ms: 1_688_169_600_000 };

    /// From two dates, `2023-01-01` and `2023-07-01`, the second one outside; either may have a time of day.
    ///
    /// Fails (script) where one is no date or the period is empty.
    pub fn parse(from: &str, to: &str) -> Result<Self> {
        Self::new(moment(from, "from")?, moment(to, "to")?)
    }

    /// Fails (script) where the period is empty.
    pub(super) fn new(from_epoch_ms: i64, to_epoch_ms: i64) -> Result<Self> {
        if from_epoch_ms >= to_epoch_ms {
            let (from, to) = (show(from_epoch_ms), show(to_epoch_ms));
            return Err(Error::script(format!("no time lies from {from} to before {to}"))
                .hint("give the earlier date as `from` and the day after the last one as `to`"));
        }
        Ok(Self { from_epoch_ms, to_epoch_ms })
    }

    /// From the earlier beginning to the later end.
    pub(super) fn span(self, other: Self) -> Self {
        Self {
            from_epoch_ms: self.from_epoch_ms.min(other.from_epoch_ms),
            to_epoch_ms: self.to_epoch_ms.max(other.to_epoch_ms),
        }
    }

    /// What lies in both, if anything does.
    pub(super) fn intersection(self, other: Self) -> Option<Self> {
        let from_epoch_ms = self.from_epoch_ms.max(other.from_epoch_ms);
        let to_epoch_ms = self.to_epoch_ms.min(other.to_epoch_ms);
        (from_epoch_ms < to_epoch_ms).then_some(Self { from_epoch_ms, to_epoch_ms })
    }

    #[must_use]
    pub fn contains(&self, event_epoch_ms: i64) -> bool {
        (self.from_epoch_ms..self.to_epoch_ms).contains(&event_epoch_ms)
    }

    /// From the first to the last month (`yyyy-mm`) in a file's name; nothing where it holds none.
    pub(super) fn of_file_name(name: &str) -> Option<Self> {
        let bytes = name.as_bytes();
        let digit_at = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
        let months = (0..bytes.len()).filter_map(|at| {
            let text = bytes.get(at..at + 7)?;
            if at > 0 && digit_at(at - 1) || digit_at(at + 7) || text[4] != b'-' {
                return None;
            }
            let number = |digits: &[u8]| std::str::from_utf8(digits).ok()?.parse::<i16>().ok();
            let year = number(&text[..4]).filter(|year| (2009..2100).contains(year))?;
            Date::new(year, i8::try_from(number(&text[5..])?).ok()?, 1).ok()
        });
        let (first, last) = months.fold(None, |span, month| match span {
            None => Some((month, month)),
            Some((first, last)) => Some((month.min(first), month.max(last))),
        })?;
        let after = last.last_of_month().tomorrow().ok()?;
        Some(Self { from_epoch_ms: midnight(first), to_epoch_ms: midnight(after) })
    }
}

impl fmt::Display for Period {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}..{}", show(self.from_epoch_ms), show(self.to_epoch_ms))
    }
}

/// `2023-01-01`, and the time of day where it is not midnight.
pub(super) fn show(epoch_ms: i64) -> String {
    let Ok(timestamp) = Timestamp::from_millisecond(epoch_ms) else { return format!("{epoch_ms} ms") };
    let time = timestamp.to_zoned(TimeZone::UTC).datetime();
    if time.time() == jiff::civil::Time::midnight() {
        return time.date().to_string();
    }
    format!("{} {}", time.date(), time.time())
}

/// Epoch ms of `2023-01-31`, `2023-01-31 06:30` or `2023-01-31T06:30:15`, given as `name`.
pub(super) fn moment(text: &str, name: &str) -> Result<i64> {
    let wrong = || {
        Error::script(format!("`{name}` is no date: `{text}`"))
            .hint("write a date as 2023-01-31, or with a time of day as 2023-01-31 06:30")
    };
    // Jiff would drop an offset or a zone in silence, and bounds off by hours with it.
    if text.contains(['[', 'Z', 'z', '+']) || text.matches('-').count() > 2 {
        return Err(wrong());
    }
    let time: DateTime = text.trim().parse().map_err(|_| wrong())?;
    Ok(time.duration_since(date(1970, 1, 1).at(0, 0, 0, 0)).as_millis() as i64)
}

fn midnight(day: Date) -> i64 {
    day.duration_since(date(1970, 1, 1)).as_secs() * 1_000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_become_a_period_and_print_again() {
        let period = Period::parse("2023-01-01", "2023-07-01").unwrap();
        assert_eq!(period, Period::HALF_YEAR_2023);
        assert_eq!(period.to_string(), "2023-01-01..2023-07-01");
        assert!(period.contains(period.from_epoch_ms) && !period.contains(period.to_epoch_ms));
        assert!(Period::parse("2023-07-01", "2023-07-01").is_err());
        assert!(Period::parse("2023-02-30", "2023-07-01").unwrap_err().hint.is_some());
    }

    #[test]
    fn the_months_of_a_file_name_bound_its_trips() {
        let period = |name| Period::of_file_name(name).map(|period| period.to_string());
        assert_eq!(period("yellow_tripdata_2023-02.csv.gz").as_deref(), Some("2023-02-01..2023-03-01"));
        assert_eq!(period("trips-2023-06_2022-12.csv").as_deref(), Some("2022-12-01..2023-07-01"));
        assert_eq!(period("trips-2023-01-15.csv").as_deref(), Some("2023-01-01..2023-02-01"));
        for none in ["tlc_yellow_2020h1_sample.csv.gz", "trips-2023-13.csv", "id-12023-01.csv", "2023-011", "é2023"] {
            assert_eq!(period(none), None, "{none}");
        }
    }
}
