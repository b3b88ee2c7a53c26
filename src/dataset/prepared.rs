//! Sorted rows in a file: the header, then one row a line.
//!
//! The file is held open and read by position, by as many streams as there are: it may be removed or replaced in
//! the cache meanwhile.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use super::RowStream;
use super::account::Account;
use super::header::Header;
use super::parse::event_epoch_ms;
use crate::error::{Error, Result};

/// Rows that were prepared, by this cprun or an earlier one.
#[derive(Debug)]
pub struct Prepared {
    pub header: Header,
    pub account: Account,
    pub file: File,
    /// An earlier cprun prepared them.
    pub from_cache: bool,
}

impl Prepared {
    pub fn describe(&self) -> String {
        let origin = if self.from_cache { "; prepared rows from the cache" } else { "" };
        format!("{}{origin}", self.account.describe())
    }
}

const BUFFER_BYTES: usize = 1 << 20;

pub struct PreparedStream {
    prepared: Arc<Prepared>,
    /// Where in the file the buffer ends.
    offset: u64,
    buffer: Vec<u8>,
    at: usize,
    row: u64,
}

impl PreparedStream {
    pub fn new(prepared: Arc<Prepared>) -> Self {
        let offset = prepared.header.line.len() as u64 + 1;
        Self { prepared, offset, buffer: Vec::new(), at: 0, row: 0 }
    }

    /// The next row as a part of the buffer, with its event time.
    fn advance(&mut self) -> Result<Option<(std::ops::Range<usize>, i64)>> {
        let kept = self.prepared.account.rows_kept.unwrap_or(0);
        if self.row == kept {
            return Ok(None);
        }
        let end = loop {
            if let Some(length) = memchr::memchr(b'\n', &self.buffer[self.at..]) {
                break self.at + length;
            }
            if !self.fill()? {
                return Err(self.damaged("it ends too early"));
            }
        };
        let row = self.at..end;
        self.at = end + 1;
        self.row += 1;
        match event_epoch_ms(&self.buffer[row.clone()], self.prepared.header.columns.pickup) {
            Ok(event_epoch_ms) => Ok(Some((row, event_epoch_ms))),
            Err(_) => Err(self.damaged("a row has no event time")),
        }
    }

    /// Reads on behind what is left of the buffer; false at the end of the file.
    fn fill(&mut self) -> Result<bool> {
        self.buffer.drain(..self.at);
        self.at = 0;
        let held = self.buffer.len();
        self.buffer.resize(held + BUFFER_BYTES, 0);
        let read = loop {
            match self.prepared.file.read_at(&mut self.buffer[held..], self.offset) {
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                other => break other,
            }
        };
        let read = read.map_err(|error| {
            Error::io(format_args!("read the prepared rows of {}", self.prepared.account.name), error)
        })?;
        self.buffer.truncate(held + read);
        self.offset += read as u64;
        Ok(read > 0)
    }

    fn damaged(&self, why: &str) -> Error {
        Error::script(format!(
            "the prepared rows of {} are damaged at row {}: {why}",
            self.prepared.account.name, self.row
        ))
        .hint("remove the folder `datasets` of the cache, by default ~/.cache/cprun/datasets, and run it again")
    }
}

impl RowStream for PreparedStream {
    fn next(&mut self, row: &mut Vec<u8>) -> Result<Option<i64>> {
        row.clear();
        let Some((place, event_epoch_ms)) = self.advance()? else { return Ok(None) };
        row.extend_from_slice(&self.buffer[place]);
        Ok(Some(event_epoch_ms))
    }

    fn skip(&mut self) -> Result<Option<i64>> {
        Ok(self.advance()?.map(|(_, event_epoch_ms)| event_epoch_ms))
    }
}
