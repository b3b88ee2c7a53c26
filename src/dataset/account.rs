//! What became of the rows of some files: how many were read, kept and dropped, why, and within which bounds.

use serde::{Deserialize, Serialize};

use super::period::{Period, show};
use super::{Drop, Drops, grouped};

/// The account of a data set; stands in the manifest, and beside prepared rows in the cache.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Account {
    /// The first file's name, and how many there are beside it.
    pub name: String,
    /// The account in one line.
    #[serde(default)]
    pub text: String,
    pub generated: bool,
    /// Of generated trips.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub seed: Option<u64>,
    pub files: Vec<InputFile>,
    /// Unknown of generated trips, which are drawn as they are sent.
    pub rows_read: Option<u64>,
    pub rows_kept: Option<u64>,
    /// By reason, all of them.
    pub rows_dropped: Drops,
    /// Rows from `from` to before `to` count.
    pub from: String,
    pub to: String,
    pub from_epoch_ms: i64,
    pub to_epoch_ms: i64,
    /// Where the bounds come from.
    pub bounds: String,
    pub first_epoch_ms: Option<i64>,
    pub last_epoch_ms: Option<i64>,
}

/// A file as it was when its rows were read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InputFile {
    pub name: String,
    pub bytes: u64,
    pub sha256: String,
    pub rows: u64,
}

impl Account {
    pub(super) fn new(name: String, period: Period, bounds: String) -> Self {
        Self {
            name,
            text: String::new(),
            generated: false,
            seed: None,
            files: Vec::new(),
            rows_read: None,
            rows_kept: None,
            rows_dropped: Drop::ALL.into_iter().map(|reason| (reason, 0)).collect(),
            from: show(period.from_epoch_ms),
            to: show(period.to_epoch_ms),
            from_epoch_ms: period.from_epoch_ms,
            to_epoch_ms: period.to_epoch_ms,
            bounds,
            first_epoch_ms: None,
            last_epoch_ms: None,
        }
    }

    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.rows_dropped.values().sum()
    }

    /// `12 dropped (3 time, 9 range: outside 2020-01-01..2020-07-01)`
    pub(super) fn dropped_in_words(&self) -> String {
        in_words(&self.rows_dropped, &self.bounds_in_words())
    }

    /// `outside 2020-01-01..2020-07-01`, and unless it was given, whose choice that was and how to change it.
    #[must_use]
    pub fn bounds_in_words(&self) -> String {
        let bounds = format!("outside {}..{}", self.from, self.to);
        match self.bounds.as_str() {
            GIVEN => bounds,
            rule => format!("{bounds}, {rule}; `from` and `to` change it"),
        }
    }

    /// From the first event to the last.
    pub(super) fn event_span_ms(&self) -> i64 {
        match (self.first_epoch_ms, self.last_epoch_ms) {
            (Some(first), Some(last)) => last - first,
            _ => 0,
        }
    }

    pub(super) fn describe(&self) -> String {
        let ends = match (self.first_epoch_ms, self.last_epoch_ms) {
            (Some(first), Some(last)) => format!(", first {}, last {}", show(first), show(last)),
            _ => String::new(),
        };
        let kept = grouped(self.rows_kept.unwrap_or(0));
        format!("{}: {kept} rows kept, {}{ends}", self.name, self.dropped_in_words())
    }
}

/// The rule of bounds that the user gave.
pub(super) const GIVEN: &str = "as given";

pub(super) fn in_words(drops: &Drops, range: &str) -> String {
    let total: u64 = drops.values().sum();
    if total == 0 {
        return "none dropped".to_owned();
    }
    let reasons = drops.iter().filter(|(_, count)| **count > 0).map(|(reason, count)| match reason {
        Drop::Range if !range.is_empty() => format!("{} {reason}: {range}", grouped(*count)),
        _ => format!("{} {reason}", grouped(*count)),
    });
    format!("{} dropped ({})", grouped(total), reasons.collect::<Vec<_>>().join(", "))
}
