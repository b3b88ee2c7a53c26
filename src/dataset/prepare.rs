//! Reads trip files, keeps the rows that can be replayed, sorts them by pickup time, and counts the others.
//!
//! The order of the files and of equal times within them is kept. Every row that is read is kept or counted under
//! one reason, the first that holds of: encoding, columns, missing, time, number, range.

use std::fs;
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::account::{Account, InputFile, in_words};
use super::bounds::{Bounds, Known, Times};
use super::header::Header;
use super::parse::{field_count, parse_row, reordered};
use super::sort::{Merged, Sorter};
use super::source::{self, Rows, file_name, unreadable};
use super::watch::{Watch, tick};
use super::{Drop, Drops, grouped};
use crate::error::{Error, Result};

/// Which rows of which files.
#[derive(Clone, Debug, Default)]
pub struct Request {
    pub files: Vec<PathBuf>,
    pub bounds: Bounds,
    /// For the published study's own profile: of 2023, its half year.
    pub study: bool,
}

impl Request {
    #[must_use]
    pub fn of<P: AsRef<Path>>(files: &[P]) -> Self {
        Self { files: files.iter().map(|path| path.as_ref().to_owned()).collect(), ..Self::default() }
    }

    pub(super) fn name(&self) -> String {
        let first = self.files.first().map(|path| file_name(path)).unwrap_or_default();
        match self.files.len() {
            0 | 1 => first,
            more => format!("{first} and {} more", more - 1),
        }
    }

    pub(super) fn known(&self) -> Result<Known> {
        let names: Vec<String> = self.files.iter().map(|path| file_name(path)).collect();
        self.bounds.known(&names, self.study)
    }
}

/// Which file this is: where it lies, how long it is, and when it was written or replaced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    pub text: String,
    bytes: u64,
}

impl Identity {
    pub fn of(path: &Path) -> Result<Self> {
        let failed = |error| unreadable(path, error);
        let place = fs::canonicalize(path).map_err(failed)?;
        let facts = fs::metadata(path).map_err(failed)?;
        let text = format!(
            "{}\n{} {} {}.{} {}.{}",
            place.display(),
            facts.ino(),
            facts.len(),
            facts.mtime(),
            facts.mtime_nsec(),
            facts.ctime(),
            facts.ctime_nsec(),
        );
        Ok(Self { text, bytes: facts.len() })
    }
}

/// Writes the header and the sorted rows to `output`; `folder` holds unnamed files meanwhile.
pub(super) fn prepare(
    request: &Request,
    folder: &Path,
    budget: usize,
    output: &mut dyn Write,
    watch: &mut Watch<'_>,
) -> Result<(Header, Account)> {
    let (mut reading, inputs) = Reading::open(request, folder, budget)?;
    let mut files = Vec::new();
    for input in inputs {
        files.push(reading.read(input, watch)?);
    }
    let Reading { header, known, drops, times, sorter, rows_read, name, .. } = reading;
    let empty = |drops: &Drops| empty(&name, drops, rows_read);
    let period = known.settle(&times).map_err(|error| error.context(&name))?.ok_or_else(|| empty(&drops))?;
    let mut account = Account::new(name.clone(), period, known.rule.to_string());
    account.files = files;
    account.rows_read = Some(rows_read);
    account.rows_dropped.extend(drops);
    write(&header, sorter.finish()?, &mut account, output, watch)?;
    if account.rows_kept == Some(0) {
        return Err(empty(&account.rows_dropped));
    }
    Ok((header, account))
}

/// The rows of all files so far.
struct Reading {
    header: Header,
    known: Known,
    drops: Drops,
    times: Times,
    sorter: Sorter,
    rows_read: u64,
    name: String,
    reordered: Vec<u8>,
}

/// A file whose header was read.
struct Input {
    path: PathBuf,
    identity: Identity,
    rows: Box<dyn Rows>,
    /// Where each of the first file's columns stands in this one, unless they stand alike.
    order: Option<Vec<usize>>,
    fields: usize,
}

impl Reading {
    /// Reads all headers, so that a file that does not fit is told before gigabytes are read.
    fn open(request: &Request, folder: &Path, budget: usize) -> Result<(Self, Vec<Input>)> {
        let known = request.known()?;
        let mut first: Option<Header> = None;
        let mut inputs = Vec::new();
        for path in &request.files {
            let identity = Identity::of(path)?;
            let (header, rows) = source::open(path)?;
            let order = match &first {
                Some(first) => first.order_of(&header, &file_name(&request.files[0]), &file_name(path))?,
                None => None,
            };
            inputs.push(Input { path: path.clone(), identity, rows, order, fields: header.fields });
            first.get_or_insert(header);
        }
        let header = first.ok_or_else(|| Error::usage("no trip file is given").hint(source::TAKE))?;
        let sorter = Sorter::new(folder, budget);
        let reading = Self {
            header,
            known,
            drops: Drops::new(),
            times: Times::default(),
            sorter,
            rows_read: 0,
            name: request.name(),
            reordered: Vec::new(),
        };
        Ok((reading, inputs))
    }

    fn read(&mut self, mut input: Input, watch: &mut Watch<'_>) -> Result<InputFile> {
        let name = file_name(&input.path);
        let mut row = Vec::new();
        let mut rows = 0;
        while input.rows.next(&mut row)? {
            rows += 1;
            self.take(&row, &input)?;
            tick(watch, &format!("reading {name}"), rows)?;
        }
        self.rows_read += rows;
        let file = InputFile { name: name.clone(), bytes: input.identity.bytes, sha256: input.rows.sha256()?, rows };
        if Identity::of(&input.path)? != input.identity {
            return Err(Error::script(format!("{name} was changed while it was read"))
                .hint("wait until it is complete, then start again"));
        }
        Ok(file)
    }

    fn take(&mut self, row: &[u8], input: &Input) -> Result<()> {
        match self.keep(row, input) {
            Ok(event_epoch_ms) => {
                if self.known.needs_times() {
                    self.times.add(event_epoch_ms);
                }
                let row = if input.order.is_some() { &self.reordered } else { row };
                self.sorter.push(event_epoch_ms, row)
            }
            Err(reason) => {
                *self.drops.entry(reason).or_default() += 1;
                Ok(())
            }
        }
    }

    /// The event time of a row that can be replayed; where columns are to be moved, the row is in `reordered` then.
    fn keep(&mut self, row: &[u8], input: &Input) -> std::result::Result<i64, Drop> {
        if std::str::from_utf8(row).is_err() {
            return Err(Drop::Encoding);
        }
        // A row of 64 KiB is no trip, but a quote that was never closed; one with a line's end is no line.
        if row.len() > usize::from(u16::MAX) || memchr::memchr(b'\n', row).is_some() {
            return Err(Drop::Columns);
        }
        if field_count(row) != Some(input.fields) {
            return Err(Drop::Columns);
        }
        let trip = match &input.order {
            None => parse_row(row, &self.header.columns)?,
            Some(order) => {
                reordered(row, order, &mut self.reordered).ok_or(Drop::Columns)?;
                parse_row(&self.reordered, &self.header.columns)?
            }
        };
        if !self.known.may_hold(trip.event_epoch_ms) {
            return Err(Drop::Range);
        }
        Ok(trip.event_epoch_ms)
    }
}

/// Writes what lies within the account's bounds, and counts it.
fn write(
    header: &Header,
    mut rows: Merged,
    account: &mut Account,
    output: &mut dyn Write,
    watch: &mut Watch<'_>,
) -> Result<()> {
    let failed = |error| Error::io("write the sorted rows", error).hint("free some disk, or write them elsewhere");
    let (mut kept, mut outside) = (0, 0);
    output.write_all(header.line.as_bytes()).and_then(|()| output.write_all(b"\n")).map_err(failed)?;
    while let Some((event_epoch_ms, row)) = rows.next()? {
        if !(account.from_epoch_ms..account.to_epoch_ms).contains(&event_epoch_ms) {
            outside += 1;
            continue;
        }
        output.write_all(row).and_then(|()| output.write_all(b"\n")).map_err(failed)?;
        kept += 1;
        account.first_epoch_ms.get_or_insert(event_epoch_ms);
        account.last_epoch_ms = Some(event_epoch_ms);
        tick(watch, "writing sorted rows", kept)?;
    }
    output.flush().map_err(failed)?;
    *account.rows_dropped.entry(Drop::Range).or_default() += outside;
    account.rows_kept = Some(kept);
    Ok(())
}

fn empty(name: &str, drops: &Drops, rows_read: u64) -> Error {
    if rows_read == 0 {
        return Error::script(format!("{name} holds a header and no rows")).hint("download it again, or take another");
    }
    let most = drops.iter().max_by_key(|(_, count)| **count).map(|(reason, _)| *reason);
    let hint = match most {
        Some(Drop::Range) => "no pickup lies between `from` and `to`: choose others",
        Some(Drop::Time) => "a pickup time must look like 2023-01-31 18:05:00",
        Some(Drop::Columns) => "rows must have as many fields as the header, with commas between them",
        _ => "look at the reasons: pickup time, pickup zone and total amount must be there and readable",
    };
    Error::script(format!("{name} holds no usable row of {} ({})", grouped(rows_read), in_words(drops, ""))).hint(hint)
}
