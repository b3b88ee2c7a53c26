//! Finds the columns that windows are made of in a CSV header.
//!
//! TLC names them differently by fleet (`tpep_` yellow, `lpep_` green) and its public copies differ again
//! (snake case), so names are matched in either form, whatever their case and the blanks around them.

use super::Columns;
use crate::error::{Error, Result};

const PICKUP: &[&str] = &["tpep_pickup_datetime", "lpep_pickup_datetime", "pickup_datetime"];
const ZONE: &[&str] = &["pulocationid", "pickup_location_id"];
const AMOUNT: &[&str] = &["total_amount"];

/// The header of a file, as it stands, and what it means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    pub line: String,
    pub columns: Columns,
    /// Number of fields that every row must have.
    pub fields: usize,
}

impl Header {
    /// Reads the first line of the file called `name`, without its newline; a byte order mark is dropped.
    ///
    /// Fails (script) where the line is no CSV header or lacks a column, saying which and what is there.
    pub fn read(line: &[u8], name: &str) -> Result<Self> {
        let line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line);
        let line = std::str::from_utf8(line).map_err(|_| no_csv(name, "its first line is not UTF-8 text"))?;
        if line.contains('\0') {
            return Err(no_csv(name, "its first line holds a zero byte"));
        }
        let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(line.as_bytes());
        let record = match reader.records().next() {
            Some(Ok(record)) => record,
            _ => return Err(no_csv(name, "its first line is empty")),
        };
        let names: Vec<String> = record.iter().map(|field| field.trim().to_ascii_lowercase()).collect();
        let find = |wanted: &[&str]| {
            names.iter().position(|name| wanted.contains(&name.as_str())).ok_or_else(|| {
                Error::script(format!("{name} has no column `{}`; its header is: {}", wanted.join("` or `"), cut(line)))
                    .hint("take a trip file with TLC's own column names; a header must be the first line")
            })
        };
        let columns = Columns { pickup: find(PICKUP)?, zone: find(ZONE)?, amount: find(AMOUNT)? };
        Ok(Self { line: line.to_owned(), columns, fields: names.len() })
    }
}

fn no_csv(name: &str, why: &str) -> Error {
    Error::script(format!("{name} is no CSV file: {why}")).hint("take a TLC trip file as .csv or .csv.gz")
}

/// A header that is really a row of data or a binary may be long.
fn cut(line: &str) -> String {
    match line.char_indices().nth(400) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_namings_are_understood() {
        let yellow =
            Header::read(b"\xef\xbb\xbfVendorID, TPEP_pickup_datetime ,PULocationID,total_amount", "a").unwrap();
        assert_eq!(yellow.columns.to_string(), "1,2,3");
        assert!(yellow.line.starts_with("VendorID"));
        let other = Header::read(b"total_amount,\"pickup_location_id\",pickup_datetime", "a").unwrap();
        assert_eq!(other.columns, Columns { pickup: 2, zone: 1, amount: 0 });
        assert_eq!(Header::read(b"lpep_pickup_datetime,PULocationID,total_amount", "a").unwrap().fields, 3);
    }

    #[test]
    fn a_missing_column_is_named_with_what_is_there() {
        let error = Header::read(b"pickup_datetime,PULocationID,fare", "trips.csv").unwrap_err();
        assert_eq!(
            error.message,
            "trips.csv has no column `total_amount`; its header is: pickup_datetime,PULocationID,fare"
        );
        for bad in [&b""[..], b"PAR1\x00\x15", b"\xff\xfe1"] {
            assert!(Header::read(bad, "x").unwrap_err().message.starts_with("x is no CSV file"));
        }
    }
}
