//! The lines of a CSV file, through gunzip or not.
//!
//! A line is a row: a quoted field that runs over a line's end counts as `columns`, for a Kafka record holds one
//! line. Blank lines are no rows. The file is hashed as it is read, for a second reading would cost seconds.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use flate2::bufread::MultiGzDecoder;
use sha2::{Digest, Sha256};

use super::{ReadHeader, Rows, TAKE, unreadable};
use crate::dataset::header::Header;
use crate::error::{Error, Kind, Result};

/// A line without end is a binary file, and must not fill the memory.
const LONGEST: usize = 1 << 20;

pub struct Lines {
    path: PathBuf,
    name: String,
    reader: Box<dyn BufRead>,
    hash: Arc<Mutex<Sha256>>,
    number: u64,
}

impl Lines {
    pub fn open(path: &Path, name: &str, gzip: bool, header: &ReadHeader<'_>) -> Result<(Header, Self)> {
        let file = File::open(path).map_err(|error| unreadable(path, error))?;
        let hash = Arc::new(Mutex::new(Sha256::new()));
        let raw = BufReader::with_capacity(1 << 20, Hashed { file, hash: Arc::clone(&hash) });
        let reader: Box<dyn BufRead> =
            if gzip { Box::new(BufReader::with_capacity(1 << 20, MultiGzDecoder::new(raw))) } else { Box::new(raw) };
        let mut lines = Self { path: path.to_owned(), name: name.to_owned(), reader, hash, number: 0 };
        let mut line = Vec::new();
        lines.line(&mut line)?;
        Ok((header(&line, name)?, lines))
    }

    /// The next line without `\n` or `\r\n`; false at the end.
    fn line(&mut self, line: &mut Vec<u8>) -> Result<bool> {
        line.clear();
        self.number += 1;
        let mut ended = false;
        while !ended {
            let buffer = match self.reader.fill_buf() {
                Ok(buffer) => buffer,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(self.failed(&error)),
            };
            let (taken, newline) = match memchr::memchr(b'\n', buffer) {
                Some(at) => (at, 1),
                None => (buffer.len(), 0),
            };
            if line.len() + taken > LONGEST {
                return Err(Error::script(format!(
                    "{} is no CSV file: line {} is longer than 1 MiB",
                    self.name, self.number
                ))
                .hint(TAKE));
            }
            if buffer.is_empty() {
                return Ok(!line.is_empty());
            }
            line.extend_from_slice(&buffer[..taken]);
            self.reader.consume(taken + newline);
            ended = newline > 0;
        }
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        Ok(true)
    }

    fn failed(&self, error: &io::Error) -> Error {
        let (name, number) = (&self.name, self.number);
        match error.kind() {
            io::ErrorKind::UnexpectedEof => {
                Error::script(format!("{name} is cut off: its gzip data ends at line {number}"))
                    .hint("download the file again")
            }
            io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput => {
                Error::script(format!("{name} is damaged: its gzip data cannot be read at line {number} ({error})"))
                    .hint("download the file again")
            }
            _ => Error::new(Kind::Io, format!("cannot read {} at line {number}: {error}", self.path.display())),
        }
    }
}

impl Rows for Lines {
    fn next(&mut self, row: &mut Vec<u8>) -> Result<bool> {
        loop {
            if !self.line(row)? {
                return Ok(false);
            }
            if !row.is_empty() {
                return Ok(true);
            }
        }
    }

    fn sha256(&mut self) -> Result<String> {
        let hash = self.hash.lock().unwrap_or_else(PoisonError::into_inner).clone().finalize();
        Ok(hash.iter().map(|byte| format!("{byte:02x}")).collect())
    }
}

/// A file that is hashed as it is read.
struct Hashed {
    file: File,
    hash: Arc<Mutex<Sha256>>,
}

impl Read for Hashed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer)?;
        self.hash.lock().unwrap_or_else(PoisonError::into_inner).update(&buffer[..read]);
        Ok(read)
    }
}
