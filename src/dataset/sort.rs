//! Sorts more rows than fit into memory: by time, rows of equal time in the order in which they came.
//!
//! Rows are collected up to a budget, sorted and written to a temporary file as a run; at the end the runs and what
//! is left in memory are merged. The file has no name, so nothing of it is left, however cprun ends. Runs are
//! numbered as the rows came and each is sorted stably, so ties go to the smaller number.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// Bytes of rows and index in memory: far below the gigabyte that sorting may take, and eight runs for half a year.
pub const BUDGET_BYTES: usize = 256 << 20;

/// What the merge reads ahead of all runs together.
const READ_AHEAD_BYTES: usize = 64 << 20;

/// The event time and the length before each row of a run.
const PREFIX_BYTES: usize = 10;

#[derive(Clone, Copy, Debug)]
struct Entry {
    event_epoch_ms: i64,
    start: u32,
    length: u16,
}

/// Takes rows in any order.
pub struct Sorter {
    folder: PathBuf,
    budget: usize,
    bytes: Vec<u8>,
    index: Vec<Entry>,
    spill: Option<Spill>,
}

/// The runs written so far, one behind the other.
struct Spill {
    file: File,
    /// Where each run ends.
    ends: Vec<u64>,
}

impl Sorter {
    /// Runs go to an unnamed file in `folder`, once there are more than `budget` bytes.
    pub fn new(folder: &Path, budget: usize) -> Self {
        // Addresses, not memory: the pages come with the rows. Growing would copy, and need twice as much.
        let bytes = Vec::with_capacity(budget.min(u32::MAX as usize));
        Self { folder: folder.to_owned(), budget, bytes, index: Vec::new(), spill: None }
    }

    /// Adds a row of less than 64 KiB.
    pub fn push(&mut self, event_epoch_ms: i64, row: &[u8]) -> Result<()> {
        let length = u16::try_from(row.len()).map_err(|_| Error::defect("a row of 64 KiB and more"))?;
        let held = self.bytes.len() + self.index.len() * size_of::<Entry>();
        if held + row.len() + size_of::<Entry>() > self.budget && !self.index.is_empty() {
            self.spill()?;
        }
        let start = u32::try_from(self.bytes.len()).map_err(|_| Error::defect("a budget of 4 GiB and more"))?;
        self.bytes.extend_from_slice(row);
        self.index.push(Entry { event_epoch_ms, start, length });
        Ok(())
    }

    /// All rows in order.
    pub fn finish(mut self) -> Result<Merged> {
        self.index.sort_by_key(|entry| entry.event_epoch_ms);
        let mut runs = Vec::new();
        let ends = self.spill.as_ref().map(|spill| spill.ends.clone()).unwrap_or_default();
        let ahead = READ_AHEAD_BYTES / ends.len().max(1);
        let mut start = 0;
        for end in ends {
            runs.push(Run::Spilled(Cursor {
                at: start,
                end,
                ahead: ahead.clamp(1 << 17, 1 << 22),
                ..Cursor::default()
            }));
            start = end;
        }
        runs.push(Run::Held { next: 0 });
        let mut merged = Merged {
            file: self.spill.map(|spill| spill.file),
            bytes: self.bytes,
            index: self.index,
            runs,
            heap: BinaryHeap::new(),
            out: None,
        };
        for run in 0..merged.runs.len() {
            if let Some(event) = merged.step(run)? {
                merged.heap.push(Reverse((event, run)));
            }
        }
        Ok(merged)
    }

    fn spill(&mut self) -> Result<()> {
        let failed = |error| unspilled(&self.folder, error);
        if self.spill.is_none() {
            self.spill = Some(Spill { file: tempfile::tempfile_in(&self.folder).map_err(failed)?, ends: Vec::new() });
        }
        let Some(spill) = &mut self.spill else { return Ok(()) };
        self.index.sort_by_key(|entry| entry.event_epoch_ms);
        let mut written = spill.ends.last().copied().unwrap_or(0);
        let mut writer = BufWriter::with_capacity(1 << 20, &spill.file);
        for entry in &self.index {
            let start = entry.start as usize;
            let row = &self.bytes[start..start + usize::from(entry.length)];
            let mut prefix = [0; PREFIX_BYTES];
            prefix[..8].copy_from_slice(&entry.event_epoch_ms.to_le_bytes());
            prefix[8..].copy_from_slice(&entry.length.to_le_bytes());
            writer.write_all(&prefix).and_then(|()| writer.write_all(row)).map_err(failed)?;
            written += (PREFIX_BYTES + row.len()) as u64;
        }
        writer.flush().map_err(failed)?;
        drop(writer);
        spill.ends.push(written);
        self.bytes.clear();
        self.index.clear();
        Ok(())
    }
}

/// Hands the rows out in order.
pub struct Merged {
    file: Option<File>,
    bytes: Vec<u8>,
    index: Vec<Entry>,
    runs: Vec<Run>,
    /// The event time of the row at which each run stands, the earliest on top.
    heap: BinaryHeap<Reverse<(i64, usize)>>,
    /// The run whose row was handed out last, and stands there still.
    out: Option<usize>,
}

enum Run {
    Spilled(Cursor),
    /// The rows in memory; `next` counts those stepped over.
    Held {
        next: usize,
    },
}

/// A place within a run on disk.
#[derive(Default)]
struct Cursor {
    /// What of the run is not yet in the buffer.
    at: u64,
    end: u64,
    ahead: usize,
    buffer: Vec<u8>,
    /// Where in the buffer the row lies, and so the next one begins.
    row: std::ops::Range<usize>,
}

impl Merged {
    /// The next row and its event time.
    pub fn next(&mut self) -> Result<Option<(i64, &[u8])>> {
        if let Some(run) = self.out.take() {
            let event = self.step(run)?;
            if let Some(mut top) = self.heap.peek_mut() {
                match event {
                    Some(event) => *top = Reverse((event, run)),
                    None => drop(PeekMut::pop(top)),
                }
            }
        }
        let Some(&Reverse((event, run))) = self.heap.peek() else { return Ok(None) };
        self.out = Some(run);
        Ok(Some((event, self.row(run))))
    }

    fn row(&self, run: usize) -> &[u8] {
        match &self.runs[run] {
            Run::Spilled(cursor) => &cursor.buffer[cursor.row.clone()],
            Run::Held { next } => {
                let entry = &self.index[next - 1];
                let start = entry.start as usize;
                &self.bytes[start..start + usize::from(entry.length)]
            }
        }
    }

    /// Moves a run to its next row; returns its event time.
    fn step(&mut self, run: usize) -> Result<Option<i64>> {
        match &mut self.runs[run] {
            Run::Held { next } => {
                let entry = self.index.get(*next);
                *next += usize::from(entry.is_some());
                Ok(entry.map(|entry| entry.event_epoch_ms))
            }
            Run::Spilled(cursor) => match &self.file {
                Some(file) => cursor.step(file).map_err(|error| Error::io("read sorted rows back", error)),
                None => Ok(None),
            },
        }
    }
}

impl Cursor {
    fn step(&mut self, file: &File) -> io::Result<Option<i64>> {
        let next = self.row.end;
        if !self.holds(next, PREFIX_BYTES, file)? {
            return Ok(None);
        }
        // `holds` may have moved what was at `next` to the front.
        let at = self.row.end;
        let prefix = &self.buffer[at..at + PREFIX_BYTES];
        let mut event = [0; 8];
        event.copy_from_slice(&prefix[..8]);
        let length = usize::from(u16::from_le_bytes([prefix[8], prefix[9]]));
        if !self.holds(at, PREFIX_BYTES + length, file)? {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let start = self.row.end + PREFIX_BYTES;
        self.row = start..start + length;
        Ok(Some(i64::from_le_bytes(event)))
    }

    /// Whether `length` bytes from `from` on, which is the row's end, are there; reads them if need be.
    fn holds(&mut self, from: usize, length: usize, file: &File) -> io::Result<bool> {
        if self.buffer.len() - from >= length {
            return Ok(true);
        }
        self.buffer.drain(..from);
        self.row = 0..0;
        let held = self.buffer.len();
        let left = usize::try_from(self.end - self.at).unwrap_or(usize::MAX);
        let read = left.min(self.ahead.max(length));
        self.buffer.resize(held + read, 0);
        file.read_exact_at(&mut self.buffer[held..], self.at)?;
        self.at += read as u64;
        Ok(self.buffer.len() >= length)
    }
}

fn unspilled(folder: &Path, error: io::Error) -> Error {
    Error::io(format_args!("keep rows in {} while sorting them", folder.display()), error)
        .hint("sorting needs as much disk as the rows; free some, or set XDG_CACHE_HOME to a directory with more")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sorted(rows: &[(i64, Vec<u8>)], budget: usize) -> Vec<(i64, Vec<u8>)> {
        let folder = tempfile::tempdir().unwrap();
        let mut sorter = Sorter::new(folder.path(), budget);
        for (event, row) in rows {
            sorter.push(*event, row).unwrap();
        }
        let mut merged = sorter.finish().unwrap();
        let mut found = Vec::new();
        while let Some((event, row)) = merged.next().unwrap() {
            found.push((event, row.to_vec()));
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "a named file");
        found
    }

    proptest! {
        #[test]
        fn any_budget_gives_the_stable_order(
            events in proptest::collection::vec((-3_i64..6, 0_usize..40), 0..200), budget in 1_usize..4_000,
        ) {
            let numbered = events.iter().enumerate();
            let rows: Vec<_> =
                numbered.map(|(at, &(event, length))| (event, format!("{at}{}", "x".repeat(length)).into_bytes())).collect();
            let mut expected = rows.clone();
            expected.sort_by_key(|(event, _)| *event);
            prop_assert_eq!(sorted(&rows, budget), expected);
        }
    }

    #[test]
    fn runs_longer_than_what_is_read_ahead_are_read_on() {
        let row = |at: i64| (at * 7_919 % 1_000, vec![b'a' + (at % 26) as u8; (at * 31 % 3_000) as usize]);
        let rows: Vec<_> = (0..2_000).map(row).collect();
        let mut expected = rows.clone();
        expected.sort_by_key(|(event, _)| *event);
        assert!(sorted(&rows, 1 << 20) == expected);
    }

    #[test]
    fn a_folder_that_takes_no_file_is_an_io_error() {
        let mut sorter = Sorter::new(Path::new("/nonexistent"), 1);
        sorter.push(0, b"x").unwrap();
        let error = sorter.push(0, b"y").unwrap_err();
        assert!(error.kind == crate::error::Kind::Io && error.hint.is_some());
    }
}
