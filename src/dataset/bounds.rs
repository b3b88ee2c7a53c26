//! From when to when the trips of some files count: as given, else by the months in the files' names, else by
//! the 1st to 99th percentile of the pickup times.
//!
//! The meters of TLC's files know trips of 2001 and 2098, and a replay would wait hours for one of them.
//!
//! - **Months.** Where every file's name holds a month (`yyyy-mm`): from the first of them to the end of the last
//!   one, for all files together, since a trip of the 1st at midnight may well stand in the file of the month before.
//! - **Percentiles.** Of the rows that are good but for the range, by nearest rank: the p-th of n times is the
//!   ceil(p n / 100)-th. Rounded outward to whole days, so that a few rows more or less outside move no bound, and
//!   what is printed can be given back.
//! - **Strays are not ranked.** A handful of rows of 2098 would move the 99th percentile, and so which real trips
//!   are kept. Times farther than a year, and than five median absolute deviations, from the median are dropped
//!   without having counted.

use std::collections::HashMap;
use std::fmt;

use super::period::{Period, moment};
use crate::error::Result;

const MINUTE_MS: i64 = 60_000;
const DAY_MS: i64 = 24 * 60 * MINUTE_MS;
const YEAR_MINUTES: i64 = 366 * 24 * 60;

/// What was given, in epoch ms; either may be left open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bounds {
    pub from_epoch_ms: Option<i64>,
    pub to_epoch_ms: Option<i64>,
}

/// Where the bounds of a data set come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    Given,
    Months,
    /// The half year of the published study, under its own profile.
    Study,
    Percentiles,
}

/// The bounds as far as they are known before a row is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Known {
    pub from_epoch_ms: Option<i64>,
    pub to_epoch_ms: Option<i64>,
    pub rule: Rule,
}

impl Bounds {
    /// From dates, with or without a time of day: `2023-01-01`, `2023-01-01 06:30`.
    ///
    /// Fails (script) where one is no date or no time lies between them.
    pub fn parse(from: Option<&str>, to: Option<&str>) -> Result<Self> {
        let bounds = Self {
            from_epoch_ms: from.map(|text| moment(text, "from")).transpose()?,
            to_epoch_ms: to.map(|text| moment(text, "to")).transpose()?,
        };
        if let (Some(from), Some(to)) = (bounds.from_epoch_ms, bounds.to_epoch_ms) {
            Period::new(from, to)?;
        }
        Ok(bounds)
    }

    /// The period of generated trips: what is left open is that of the half year of 2023.
    pub fn within_half_year(self) -> Result<Option<Period>> {
        let half_year = Period::HALF_YEAR_2023;
        let from = self.from_epoch_ms.unwrap_or(half_year.from_epoch_ms);
        Period::new(from, self.to_epoch_ms.unwrap_or(half_year.to_epoch_ms)).map(Some)
    }

    /// What is known of the files called `names`; `study`: the trips are for the published study's profile.
    pub(super) fn known(self, names: &[String], study: bool) -> Result<Known> {
        let (default, rule) = default(names, study);
        let known = Known {
            from_epoch_ms: self.from_epoch_ms.or(default.map(|period| period.from_epoch_ms)),
            to_epoch_ms: self.to_epoch_ms.or(default.map(|period| period.to_epoch_ms)),
            rule: if self.from_epoch_ms.is_some() && self.to_epoch_ms.is_some() { Rule::Given } else { rule },
        };
        if let (Some(from), Some(to)) = (known.from_epoch_ms, known.to_epoch_ms) {
            Period::new(from, to)?;
        }
        Ok(known)
    }
}

fn default(names: &[String], study: bool) -> (Option<Period>, Rule) {
    let half_year = Period::HALF_YEAR_2023;
    let months: Option<Vec<Period>> = names.iter().map(|name| Period::of_file_name(name)).collect();
    let months = months.and_then(|months| months.into_iter().reduce(Period::span));
    let cut = months.and_then(|months| months.intersection(half_year));
    match (months, cut) {
        (Some(months), Some(cut)) if study && cut != months => (Some(cut), Rule::Study),
        (Some(months), _) => (Some(months), Rule::Months),
        (None, _) if study && names.iter().all(|name| holds_year(name, "2023")) => (Some(half_year), Rule::Study),
        (None, _) => (None, Rule::Percentiles),
    }
}

/// The year as a number of its own, not a part of a longer one.
fn holds_year(name: &str, year: &str) -> bool {
    name.split(|letter: char| !letter.is_ascii_digit()).any(|digits| digits == year)
}

impl Known {
    /// Whether a pickup time may still be kept.
    pub fn may_hold(&self, event_epoch_ms: i64) -> bool {
        self.from_epoch_ms.is_none_or(|from| event_epoch_ms >= from)
            && self.to_epoch_ms.is_none_or(|to| event_epoch_ms < to)
    }

    pub fn needs_times(&self) -> bool {
        self.from_epoch_ms.is_none() || self.to_epoch_ms.is_none()
    }

    /// The bounds, once all times are known; nothing where there are none.
    pub fn settle(&self, times: &Times) -> Result<Option<Period>> {
        if let (Some(from), Some(to)) = (self.from_epoch_ms, self.to_epoch_ms) {
            return Period::new(from, to).map(Some);
        }
        let Some(middle) = times.middle() else { return Ok(None) };
        let from = self.from_epoch_ms.unwrap_or(middle.from_epoch_ms);
        Period::new(from, self.to_epoch_ms.unwrap_or(middle.to_epoch_ms)).map(Some)
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Given => super::account::GIVEN,
            Self::Months => "the months of the file names",
            Self::Study => "the months of the published study",
            Self::Percentiles => "the 1st to 99th percentile of the pickup times",
        })
    }
}

/// Pickup times, counted by the minute: half a year has 260,000 of them, however many trips it has.
#[derive(Debug, Default)]
pub(super) struct Times {
    minutes: HashMap<i64, u64>,
    /// The minute of the last time and its count so far: most files are nearly sorted.
    last: (i64, u64),
}

impl Times {
    pub fn add(&mut self, event_epoch_ms: i64) {
        let minute = event_epoch_ms.div_euclid(MINUTE_MS);
        if self.last.0 != minute {
            self.flush();
            self.last = (minute, 0);
        }
        self.last.1 += 1;
    }

    fn flush(&mut self) {
        if self.last.1 > 0 {
            *self.minutes.entry(self.last.0).or_default() += self.last.1;
        }
    }

    /// The 1st to 99th percentile, strays left out, in whole days.
    fn middle(&self) -> Option<Period> {
        let mut minutes: Vec<(i64, u64)> = self.minutes.iter().map(|(&minute, &count)| (minute, count)).collect();
        if self.last.1 > 0 {
            minutes.push(self.last);
        }
        minutes.sort_unstable();
        let median = ranked(&minutes, 50)?;
        let mut deviations: Vec<(i64, u64)> =
            minutes.iter().map(|&(minute, count)| ((minute - median).abs(), count)).collect();
        deviations.sort_unstable();
        let fence = YEAR_MINUTES.max(5 * ranked(&deviations, 50)?);
        minutes.retain(|&(minute, _)| (minute - median).abs() <= fence);
        let (first, last) = (ranked(&minutes, 1)? * MINUTE_MS, ranked(&minutes, 99)? * MINUTE_MS);
        let from_epoch_ms = first.div_euclid(DAY_MS) * DAY_MS;
        Some(Period { from_epoch_ms, to_epoch_ms: (last.div_euclid(DAY_MS) + 1) * DAY_MS })
    }
}

/// The minute of nearest rank.
fn ranked(minutes: &[(i64, u64)], percent: u64) -> Option<i64> {
    let total: u64 = minutes.iter().map(|(_, count)| count).sum();
    let rank = (total * percent).div_ceil(100).max(1);
    let mut seen = 0;
    minutes.iter().find_map(|&(minute, count)| {
        seen += count;
        (seen >= rank).then_some(minute)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::period::show;
    use super::*;

    fn known(names: &[&str], study: bool) -> (String, Rule) {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let known = Bounds::default().known(&names, study).unwrap();
        let show = |bound: Option<i64>| bound.map(show).unwrap_or_default();
        (format!("{}..{}", show(known.from_epoch_ms), show(known.to_epoch_ms)), known.rule)
    }

    #[test]
    fn the_months_of_all_files_span_one_period() {
        let files = ["yellow_tripdata_2023-03.parquet", "yellow_tripdata_2022-12.parquet"];
        assert_eq!(known(&files, false), ("2022-12-01..2023-04-01".into(), Rule::Months));
        assert_eq!(known(&["a_2023-01.csv", "b.csv"], false), ("..".into(), Rule::Percentiles));
    }

    #[test]
    fn the_studys_profile_takes_its_half_year_of_2023() {
        assert_eq!(known(&["a_2023-01.csv", "a_2023-06.csv"], true), ("2023-01-01..2023-07-01".into(), Rule::Months));
        assert_eq!(known(&["a_2023-05.csv", "a_2023-09.csv"], true), ("2023-05-01..2023-07-01".into(), Rule::Study));
        assert_eq!(known(&["a_2023-09.csv"], true), ("2023-09-01..2023-10-01".into(), Rule::Months));
        assert_eq!(known(&["trips2023.csv"], true), ("2023-01-01..2023-07-01".into(), Rule::Study));
        assert_eq!(known(&["trips120231.csv"], true).1, Rule::Percentiles);
        assert_eq!(known(&["trips2023.csv"], false).1, Rule::Percentiles);
    }

    #[test]
    fn what_is_given_wins_and_one_side_may_be_left_open() {
        let given =
            Bounds::parse(Some("2023-01-05 06:30"), None).unwrap().known(&["a_2023-01.csv".into()], false).unwrap();
        let period = given.settle(&Times::default()).unwrap().unwrap();
        assert_eq!(period.to_string(), "2023-01-05 06:30:00..2023-02-01");
        assert_eq!(given.rule, Rule::Months);
        assert!(Bounds::parse(Some("2023-01-05"), Some("2023-01-05")).is_err());
        assert!(Bounds::parse(Some("soon"), None).unwrap_err().hint.is_some());
        assert!(Bounds::parse(Some("2024-01-01"), None).unwrap().known(&["a_2023-01.csv".into()], false).is_err());
    }

    #[test]
    fn strays_do_not_move_the_percentiles() {
        let mut times = Times::default();
        (0..10_000).for_each(|hour| times.add(hour * 60 * MINUTE_MS + 59_000));
        let clean = times.middle().unwrap();
        assert_eq!((clean.from_epoch_ms, clean.to_epoch_ms), (4 * DAY_MS, 413 * DAY_MS));
        // 2098 and 1900
        (0..40).for_each(|second| times.add(4_039_372_800_000 + second));
        (0..60).for_each(|second| times.add(-2_208_988_800_000 + second));
        assert_eq!(times.middle().unwrap(), clean);
    }

    #[test]
    fn a_stray_among_two_or_three_rows_is_no_bound() {
        for count in [1, 2] {
            let mut times = Times::default();
            (0..count).for_each(|hour| times.add(1_672_531_200_000 + hour * 3_600_000));
            times.add(4_039_372_800_000);
            assert_eq!(
                times.middle().map(|period| period.to_string()),
                Some("2023-01-01..2023-01-02".into()),
                "{count}"
            );
        }
    }

    #[test]
    fn a_few_rows_just_outside_move_no_bound() {
        let mut times = Times::default();
        (0..180_000).for_each(|minute| times.add(1_577_836_800_000 + minute * MINUTE_MS));
        let clean = times.middle();
        (0..20).for_each(|second| times.add(1_609_400_000_000 + second));
        assert_eq!(times.middle(), clean);
    }

    proptest! {
        #[test]
        fn percentiles_are_of_nearest_rank(mut events in proptest::collection::vec(0_i64..90 * 86_400_000, 1..400)) {
            let mut times = Times::default();
            events.iter().for_each(|&event| times.add(event));
            events.sort_unstable();
            let rank = |percent: usize| events[(events.len() * percent).div_ceil(100).max(1) - 1];
            let floor = |event: i64| event - event.rem_euclid(DAY_MS);
            let expected = Period { from_epoch_ms: floor(rank(1)), to_epoch_ms: floor(rank(99)) + DAY_MS };
            prop_assert_eq!(times.middle(), Some(expected));
        }
    }
}
