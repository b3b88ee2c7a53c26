//! Trips to replay: read from a TLC file, or generated with the same profile.
//!
//! A data set is a sequence of CSV rows sorted by pickup time, always the same ones. A row goes to Kafka as it
//! stands, so a stream hands out bytes; what a row means is `parse_row`'s business, whose rules the Flink jobs
//! share. Whoever needs the rows twice takes two streams: nothing here is consumed.

mod account;
mod block;
mod bounds;
mod counts;
mod generate;
mod header;
mod inputs;
mod parse;
mod period;
mod prepare;
mod prepared;
mod profile;
mod sort;
mod source;
mod store;
mod survey;
mod table;
#[cfg(test)]
mod tests;
mod totals;
mod watch;

use std::collections::BTreeMap;
use std::fmt;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use account::{Account, InputFile};
pub use block::BlockFacts;
pub use bounds::Bounds;
pub use counts::Counts;
pub use inputs::files;
pub use parse::{Trip, parse_row};
pub use period::Period;
pub use prepare::Request;
pub use survey::Survey;
pub use table::Table;
pub use totals::{Total, Totals, window_start};
pub use watch::{Watch, unwatched};

use crate::error::{Error, Kind, Result};

/// Zero-based indices of the columns that windows are made of. Displays as `1,7,16`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Columns {
    pub pickup: usize,
    pub zone: usize,
    pub amount: usize,
}

impl fmt::Display for Columns {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{},{},{}", self.pickup, self.zone, self.amount)
    }
}

/// Why a row is not replayed. Displays as the word the contract uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Drop {
    /// Wrong number of fields, or quotes that do not match.
    Columns,
    /// The pickup time, zone or amount is empty.
    Missing,
    /// The pickup time cannot be read.
    Time,
    /// The zone or the amount cannot be read.
    Number,
    /// The pickup time lies outside the period.
    Range,
    /// The row is not UTF-8.
    Encoding,
}

impl Drop {
    /// In the order in which they are told.
    pub const ALL: [Self; 6] = [Self::Columns, Self::Missing, Self::Time, Self::Number, Self::Range, Self::Encoding];
}

impl fmt::Display for Drop {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Columns => "columns",
            Self::Missing => "missing",
            Self::Time => "time",
            Self::Number => "number",
            Self::Range => "range",
            Self::Encoding => "encoding",
        })
    }
}

/// Dropped rows by reason.
pub type Drops = BTreeMap<Drop, u64>;

/// The rows of a data set, from the first.
pub trait RowStream: Send {
    /// Puts the next row, without its newline, into `row` (cleared first); returns its event time in epoch ms,
    /// nothing after the last row.
    fn next(&mut self, row: &mut Vec<u8>) -> Result<Option<i64>>;

    /// As `next`, but only the event time: many times cheaper, for counting which rows are due.
    fn skip(&mut self) -> Result<Option<i64>>;
}

/// Trips sorted by pickup time. A clone is cheap.
#[derive(Clone, Debug)]
pub struct Dataset {
    source: Source,
}

#[derive(Clone, Debug)]
enum Source {
    Prepared(Arc<prepared::Prepared>),
    Generated(Arc<generate::Generator>),
}

impl Dataset {
    /// Generated trips, the same for a seed on every machine, and for a shorter period a part of those of a
    /// longer one. Without a period: January to June 2023.
    ///
    /// Fails (script) where the period is not within 1970 to 2199.
    pub fn generate(seed: u64, period: Option<Period>) -> Result<Self> {
        let period = period.unwrap_or(Period::HALF_YEAR_2023);
        Ok(Self { source: Source::Generated(Arc::new(generate::Generator::new(seed, period)?)) })
    }

    /// The trips of TLC files, sorted, without those that cannot be replayed; kept in `cache` for the next time.
    ///
    /// Blocks for some seconds a million rows. Fails where a file is missing (input missing), cannot be read, or
    /// the cache not written (I/O); where a file is empty, cut off, no table, lacks a column or has others than the
    /// first one, or where no row can be used (script).
    pub fn nyc(request: &Request, cache: &Path, watch: &mut Watch<'_>) -> Result<Self> {
        let (prepared, _) = store::Store::open(cache)?.rows(request, watch)?;
        Ok(Self { source: Source::Prepared(Arc::new(prepared)) })
    }

    /// The rows of a table of any columns, sorted by the one that holds their times; `cache` holds them as long as
    /// this value lives.
    ///
    /// Fails as `nyc` does.
    pub fn table(table: &Table, cache: &Path, watch: &mut Watch<'_>) -> Result<Self> {
        Ok(Self { source: Source::Prepared(Arc::new(table::prepare(table, cache, watch)?)) })
    }

    /// Nothing where the rows mean nothing to windows.
    #[must_use]
    pub fn columns(&self) -> Option<Columns> {
        match &self.source {
            Source::Prepared(rows) => rows.header.has_windows.then_some(rows.header.columns),
            Source::Generated(_) => Some(generate::COLUMNS),
        }
    }

    /// What a row means to windows; of a table without key and value they are all of zone 0, and of no amount.
    pub fn trip(&self, row: &[u8]) -> std::result::Result<Trip, Drop> {
        match (&self.source, self.columns()) {
            (_, Some(columns)) => parse_row(row, &columns),
            (Source::Prepared(rows), None) => {
                let event_epoch_ms = parse::event_epoch_ms(row, rows.header.columns.pickup)?;
                Ok(Trip { event_epoch_ms, zone: 0, cents: 0 })
            }
            (Source::Generated(_), None) => Err(Drop::Columns),
        }
    }

    /// The header line, without its newline.
    #[must_use]
    pub fn header(&self) -> &str {
        match &self.source {
            Source::Prepared(rows) => &rows.header.line,
            Source::Generated(_) => generate::HEADER,
        }
    }

    /// The file's name without its directory, or `generated trips`.
    #[must_use]
    pub fn name(&self) -> &str {
        match &self.source {
            Source::Prepared(rows) => &rows.account.name,
            Source::Generated(_) => "generated trips",
        }
    }

    /// One line for the terminal: rows kept, rows dropped by reason, first and last event.
    #[must_use]
    pub fn describe(&self) -> String {
        match &self.source {
            Source::Prepared(rows) => rows.describe(),
            Source::Generated(generator) => generator.describe(),
        }
    }

    /// What became of the rows that were read, and of which files.
    #[must_use]
    pub fn account(&self) -> Account {
        let account = match &self.source {
            Source::Prepared(rows) => rows.account.clone(),
            Source::Generated(generator) => generator.account(),
        };
        Account { text: self.describe(), ..account }
    }

    /// Rows kept; unknown for generated trips, which are drawn hour by hour as they are streamed.
    #[must_use]
    pub fn rows_total(&self) -> Option<u64> {
        match &self.source {
            Source::Prepared(rows) => rows.account.rows_kept,
            Source::Generated(_) => None,
        }
    }

    /// From the first event to the last, in milliseconds; of generated trips the whole period.
    #[must_use]
    pub fn event_span_ms(&self) -> i64 {
        match &self.source {
            Source::Prepared(rows) => rows.account.event_span_ms(),
            Source::Generated(generator) => generator.event_span_ms(),
        }
    }

    /// A stream of its own from the first row.
    pub fn stream(&self) -> Result<Box<dyn RowStream>> {
        Ok(match &self.source {
            Source::Prepared(rows) => Box::new(prepared::PreparedStream::new(rows.clone())),
            Source::Generated(generator) => Box::new(generate::GeneratedStream::new(generator.clone())),
        })
    }

    /// The totals of the first `rows` rows (of all, where there are fewer) in windows of `window_ms`.
    ///
    /// Blocks for half a second per million rows.
    pub fn totals(&self, rows: u64, window_ms: i64) -> Result<Totals> {
        let mut totals = Totals::new(window_ms);
        let mut stream = self.stream()?;
        let mut row = Vec::new();
        for number in 0..rows {
            if stream.next(&mut row)?.is_none() {
                break;
            }
            let trip = self
                .trip(&row)
                .map_err(|reason| Error::defect(format!("row {number} of {} has a bad {reason}", self.name())))?;
            totals.add(&trip, &row);
        }
        Ok(totals)
    }

    /// Writes the header and all rows as CSV; returns the number of rows.
    pub fn write_csv(&self, output: &mut dyn Write, watch: &mut Watch<'_>) -> Result<u64> {
        let failed = |error| Error::io(format_args!("write the rows of {}", self.name()), error);
        output.write_all(self.header().as_bytes()).and_then(|()| output.write_all(b"\n")).map_err(failed)?;
        let mut stream = self.stream()?;
        let mut row = Vec::new();
        let mut rows = 0;
        while stream.next(&mut row)?.is_some() {
            row.push(b'\n');
            output.write_all(&row).map_err(failed)?;
            rows += 1;
            watch::tick(watch, "writing rows", rows)?;
        }
        output.flush().map_err(failed)?;
        Ok(rows)
    }
}

/// Prepares rows into the cache; returns their account and where they lie.
pub fn prepare_into_cache(request: &Request, cache: &Path, watch: &mut Watch<'_>) -> Result<(Account, PathBuf)> {
    let (prepared, path) = store::Store::open(cache)?.rows(request, watch)?;
    Ok((prepared.account, path))
}

/// Prepares rows and writes them, under the first file's header, to `output`.
pub fn prepare_to(request: &Request, cache: &Path, output: &mut dyn Write, watch: &mut Watch<'_>) -> Result<Account> {
    store::Store::open(cache)?.write(request, output, watch)
}

/// Writes generated trips into the cache; returns where they lie.
pub fn generate_into_cache(dataset: &Dataset, cache: &Path, watch: &mut Watch<'_>) -> Result<PathBuf> {
    let account = dataset.account();
    let key = format!("generated-{}-{}-{}", account.seed.unwrap_or(0), account.from_epoch_ms, account.to_epoch_ms);
    let write = |output: &mut dyn Write, watch: &mut Watch<'_>| dataset.write_csv(output, watch).map(|_| ());
    store::Store::open(cache)?.generated(&key, watch, write)
}

/// `1,234,567`
#[must_use]
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A defect of data that cprun itself embeds.
fn embedded(what: impl fmt::Display) -> Error {
    Error::new(Kind::Defect, format!("embedded data: {what}"))
}
