//! Trips to replay: read from a TLC file, or generated with the same profile.
//!
//! A data set is a sequence of CSV rows sorted by pickup time, always the same ones. A row goes to Kafka as it
//! stands, so a stream hands out bytes; what a row means is `parse_row`'s business, whose rules the Flink jobs
//! share. Whoever needs the rows twice takes two streams: nothing here is consumed.

mod file;
mod generate;
mod header;
mod parse;
mod period;
mod profile;
mod totals;

use std::collections::BTreeMap;
use std::fmt;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

pub use parse::{Trip, parse_row};
pub use period::Period;
pub use totals::{Total, Totals, window_start};

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
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
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

/// Dropped rows by reason; a reason without rows has no entry.
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
    File(Arc<file::Loaded>),
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

    /// The trips of a TLC file, `.csv` or `.csv.gz`, within the months that its name holds (`yyyy-mm`).
    ///
    /// Fails where the file is missing (input missing) or cannot be read (I/O); where it is empty, cut off, no
    /// CSV, lacks a column or holds no usable row (script).
    pub fn nyc_file(path: &Path) -> Result<Self> {
        Self::nyc_files(&[path], None)
    }

    /// The trips of several files under one header, those within `period` if given.
    pub fn nyc_files<P: AsRef<Path>>(paths: &[P], period: Option<Period>) -> Result<Self> {
        Ok(Self { source: Source::File(Arc::new(file::load(paths, period)?)) })
    }

    #[must_use]
    pub fn columns(&self) -> Columns {
        match &self.source {
            Source::File(file) => file.header.columns,
            Source::Generated(_) => generate::COLUMNS,
        }
    }

    /// The header line, without its newline.
    #[must_use]
    pub fn header(&self) -> &str {
        match &self.source {
            Source::File(file) => &file.header.line,
            Source::Generated(_) => generate::HEADER,
        }
    }

    /// The file's name without its directory, or `generated trips`.
    #[must_use]
    pub fn name(&self) -> &str {
        match &self.source {
            Source::File(file) => &file.name,
            Source::Generated(_) => "generated trips",
        }
    }

    /// One line for the terminal: rows kept, rows dropped by reason, first and last event.
    #[must_use]
    pub fn describe(&self) -> String {
        match &self.source {
            Source::File(file) => file.describe(),
            Source::Generated(generator) => generator.describe(),
        }
    }

    /// Dropped rows by reason; a generated row is never dropped.
    #[must_use]
    pub fn drops(&self) -> Drops {
        match &self.source {
            Source::File(file) => file.drops.clone(),
            Source::Generated(_) => Drops::new(),
        }
    }

    /// Rows kept; unknown for generated trips, which are drawn hour by hour as they are streamed.
    #[must_use]
    pub fn rows_total(&self) -> Option<u64> {
        match &self.source {
            Source::File(file) => Some(file.rows()),
            Source::Generated(_) => None,
        }
    }

    /// From the first event to the last, in milliseconds; of generated trips the whole period.
    #[must_use]
    pub fn event_span_ms(&self) -> i64 {
        match &self.source {
            Source::File(file) => file.event_span_ms(),
            Source::Generated(generator) => generator.event_span_ms(),
        }
    }

    /// A stream of its own from the first row.
    pub fn stream(&self) -> Result<Box<dyn RowStream>> {
        Ok(match &self.source {
            Source::File(file) => Box::new(file::FileStream::new(file.clone())),
            Source::Generated(generator) => Box::new(generate::GeneratedStream::new(generator.clone())),
        })
    }

    /// The totals of the first `rows` rows (of all, where there are fewer) in windows of `window_ms`.
    ///
    /// Blocks for half a second per million rows.
    pub fn totals(&self, rows: u64, window_ms: i64) -> Result<Totals> {
        let columns = self.columns();
        let mut totals = Totals::new(window_ms);
        let mut stream = self.stream()?;
        let mut row = Vec::new();
        for number in 0..rows {
            if stream.next(&mut row)?.is_none() {
                break;
            }
            let trip = parse_row(&row, &columns)
                .map_err(|reason| Error::defect(format!("row {number} of {} has a bad {reason}", self.name())))?;
            totals.add(&trip, &row);
        }
        Ok(totals)
    }

    /// Writes the header and all rows as CSV; returns the number of rows.
    pub fn write_csv(&self, output: &mut dyn Write) -> Result<u64> {
        let failed = |error| Error::io(format_args!("write the rows of {}", self.name()), error);
        output.write_all(self.header().as_bytes()).and_then(|()| output.write_all(b"\n")).map_err(failed)?;
        let mut stream = self.stream()?;
        let mut row = Vec::new();
        let mut rows = 0;
        while stream.next(&mut row)?.is_some() {
            row.push(b'\n');
            output.write_all(&row).map_err(failed)?;
            rows += 1;
        }
        output.flush().map_err(failed)?;
        Ok(rows)
    }
}

/// `1,234,567`
fn grouped(number: u64) -> String {
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
