//! The rows of one trip file as CSV, whatever form the file has: text, gzip or Parquet, told by its first bytes.

mod lines;
mod parquet;
mod text;

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use super::header::Header;
use crate::error::{Error, Result};

pub use lines::Lines;
pub use parquet::ParquetRows;

/// A file's rows, from the first.
pub trait Rows {
    /// Puts the next row into `row`, without its newline; false after the last one. A blank line is no row.
    fn next(&mut self, row: &mut Vec<u8>) -> Result<bool>;

    /// Hash of the whole file, in hexadecimal; called after the last row.
    fn sha256(&mut self) -> Result<String>;
}

/// Opens a file and reads its header.
///
/// Fails where the file is missing (input missing) or cannot be read (I/O); where it is empty, no table that is
/// known, or lacks a column (script).
pub fn open(path: &Path) -> Result<(Header, Box<dyn Rows>)> {
    open_as(path, &Header::read, true)
}

/// The same of a table of any columns, whose first line `header` reads; text alone.
pub fn open_table(path: &Path, header: &ReadHeader<'_>) -> Result<(Header, Box<dyn Rows>)> {
    open_as(path, header, false)
}

/// Reads the first line of a file by its name.
pub type ReadHeader<'a> = dyn Fn(&[u8], &str) -> Result<Header> + 'a;

fn open_as(path: &Path, header: &ReadHeader<'_>, trips: bool) -> Result<(Header, Box<dyn Rows>)> {
    let name = file_name(path);
    if path.is_dir() {
        return Err(Error::missing(format!("{} is a directory, not a trip file", path.display()))
            .hint(format!("name its files: {}/*.parquet", path.display().to_string().trim_end_matches('/'))));
    }
    let mut file = File::open(path).map_err(|error| unreadable(path, error))?;
    // It is read twice, so that a pipe would lose its beginning.
    if file.metadata().is_ok_and(|metadata| !metadata.is_file()) {
        return Err(Error::script(format!("{} is a pipe or a device, not a file", path.display()))
            .hint("save it to a file first"));
    }
    let mut start = [0; 4];
    let length = fill(&mut file, &mut start).map_err(|error| unreadable(path, error))?;
    if length == 0 {
        return Err(Error::script(format!("{name} is empty")).hint(TAKE));
    }
    if start == *b"PAR1" && !trips {
        return Err(Error::script(format!("{name} is a Parquet file, which is read for trips alone"))
            .hint("write it as .csv or .csv.gz, with a header"));
    }
    if start == *b"PAR1" {
        let (header, rows) = ParquetRows::open(path, &name)?;
        return Ok((header, Box::new(rows)));
    }
    let named = |ending: &str| path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case(ending));
    if named("parquet") {
        return Err(Error::script(format!("{name} is no Parquet file, whatever its name says"))
            .hint("rename it to .csv if it holds text, or download it again"));
    }
    let gzip = start.starts_with(&[0x1f, 0x8b]);
    if named("gz") && !gzip {
        return Err(Error::script(format!("{name} is not gzip, whatever its name says"))
            .hint("rename it to .csv if it holds text, or download it again"));
    }
    let (header, rows) = Lines::open(path, &name, gzip, header)?;
    Ok((header, Box::new(rows)))
}

pub const TAKE: &str = "take a TLC trip file: .csv, .csv.gz or .parquet";

pub fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

/// The error for a file that cannot be opened or read.
pub fn unreadable(path: &Path, error: io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => {
            Error::missing(format!("there is no file {}", path.display()))
                .hint("give the path of a TLC trip file (.csv, .csv.gz or .parquet), or \"\" to generate trips")
        }
        _ => Error::io(format_args!("read {}", path.display()), error),
    }
}

/// Reads until the buffer is full or the file ends.
fn fill(file: &mut File, buffer: &mut [u8]) -> io::Result<usize> {
    let mut length = 0;
    while length < buffer.len() {
        match file.read(&mut buffer[length..]) {
            Ok(0) => break,
            Ok(read) => length += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(length)
}
