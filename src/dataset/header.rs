//! Finds the columns that windows are made of in a CSV header.
//!
//! TLC names them differently by fleet (`tpep_` yellow, `lpep_` green) and its public copies differ again
//! (snake case), so names are matched in either form, whatever their case and the blanks around them. Over the
//! months TLC changes the case of a name and the order of columns (`airport_fee`, `Airport_fee`): files are one
//! data set where their columns are the same ones by these rules, and are replayed under the first one's header.

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
    /// Whether zone and amount are columns at all; a table may have nothing but its time.
    pub has_windows: bool,
    /// Number of fields that every row must have.
    pub fields: usize,
    /// The names in a form that both namings share.
    names: Vec<String>,
}

impl Header {
    /// Reads the first line of the file called `name`, without its newline; a byte order mark is dropped.
    ///
    /// Fails (script) where the line is no CSV header or lacks a column, saying which and what is there.
    pub fn read(line: &[u8], name: &str) -> Result<Self> {
        let (line, names) = names_of(line, name)?;
        let find = |wanted: &[&str]| {
            names.iter().position(|name| wanted.contains(&name.as_str())).ok_or_else(|| {
                Error::script(format!("{name} has no column `{}`; its header is: {}", wanted.join("` or `"), cut(line)))
                    .hint("take a file of yellow or green taxis with TLC's own column names; a header must be its first line")
            })
        };
        let columns = Columns { pickup: find(PICKUP)?, zone: find(ZONE)?, amount: find(AMOUNT)? };
        let shared = names.iter().map(|name| shared_form(name)).collect();
        Ok(Self { line: line.to_owned(), columns, has_windows: true, fields: names.len(), names: shared })
    }

    /// Reads the first line of a table of any columns: that of the event time, and of key and value where they are
    /// named.
    pub fn of_table(line: &[u8], name: &str, time: &str, windows: Option<(&str, &str)>) -> Result<Self> {
        let (line, names) = names_of(line, name)?;
        let find = |wanted: &str| {
            let wanted = wanted.trim().to_ascii_lowercase();
            let mut places = names.iter().enumerate().filter(|(_, name)| **name == wanted).map(|(place, _)| place);
            let place = places.next().ok_or_else(|| {
                Error::script(format!("{name} has no column `{wanted}`; its header is: {}", cut(line)))
                    .hint("a header must be its first line; names count without their case")
            })?;
            match places.next() {
                None => Ok(place),
                Some(_) => Err(Error::script(format!("{name} has several columns `{wanted}`"))),
            }
        };
        let pickup = find(time)?;
        let (zone, amount) = match windows {
            Some((key, value)) => (find(key)?, find(value)?),
            None => (pickup, pickup),
        };
        let columns = Columns { pickup, zone, amount };
        let fields = names.len();
        Ok(Self { line: line.to_owned(), columns, has_windows: windows.is_some(), fields, names })
    }

    /// For each column of `self` where it stands in `other`; nothing where all stand alike.
    ///
    /// Fails (script) where the two have not the same columns, naming those that only one has.
    pub fn order_of(&self, other: &Self, own_name: &str, other_name: &str) -> Result<Option<Vec<usize>>> {
        if self.names == other.names {
            return Ok(None);
        }
        let only = |a: &Self, b: &Self| {
            let missing: Vec<&str> =
                a.names.iter().filter(|name| !b.names.contains(name)).map(String::as_str).collect();
            missing.join(", ")
        };
        let (here, there) = (only(self, other), only(other, self));
        let mut order: Vec<usize> = Vec::with_capacity(self.fields);
        for name in &self.names {
            // The n-th of several columns with one name is the n-th there.
            let free = |&(at, other): &(usize, &String)| other == name && !order.contains(&at);
            order.extend(other.names.iter().enumerate().find(free).map(|(at, _)| at));
        }
        if order.len() == self.fields && self.fields == other.fields {
            return Ok(Some(order));
        }
        let differences = [(own_name, here), (other_name, there)]
            .into_iter()
            .filter(|(_, names)| !names.is_empty())
            .map(|(file, names)| format!("only {file} has {names}"));
        let mut differences: Vec<String> = differences.collect();
        if differences.is_empty() {
            differences.push(format!("{} and {} columns", self.fields, other.fields));
        }
        Err(Error::script(format!("{own_name} and {other_name} have different columns: {}", differences.join("; ")))
            .hint("give them to runs of their own, or leave out the file that differs"))
    }
}

/// The line as text, and the names in it.
fn names_of<'a>(line: &'a [u8], name: &str) -> Result<(&'a str, Vec<String>)> {
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
    Ok((line, names))
}

/// `tpep_pickup_datetime` and `pickup_datetime`, `VendorID` and `vendor_id`, `DOLocationID` and
/// `dropoff_location_id` are one name each.
fn shared_form(name: &str) -> String {
    let name = name.strip_prefix("tpep_").or_else(|| name.strip_prefix("lpep_")).unwrap_or(name);
    let plain: String = name.chars().filter(|letter| !matches!(letter, '_' | ' ')).collect();
    match plain.as_str() {
        "pickuplocationid" => "pulocationid".to_owned(),
        "dropofflocationid" => "dolocationid".to_owned(),
        _ => plain,
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
    fn columns_in_another_order_or_naming_are_found() {
        let read = |line: &str| Header::read(line.as_bytes(), "x").unwrap();
        let first = read("VendorID,tpep_pickup_datetime,PULocationID,total_amount,airport_fee");
        let order = |line: &str| first.order_of(&read(line), "a", "b");
        assert_eq!(order("vendor_id,pickup_datetime,pickup_location_id,total_amount,Airport_fee").unwrap(), None);
        let other = order("Airport_fee,VendorID,tpep_pickup_datetime,PULocationID,total_amount").unwrap();
        assert_eq!(other, Some(vec![1, 2, 3, 4, 0]));
        let error = order("VendorID,tpep_pickup_datetime,PULocationID,total_amount,extra,tax").unwrap_err();
        assert_eq!(error.message, "a and b have different columns: only a has airportfee; only b has extra, tax");
        let fewer = order("VendorID,tpep_pickup_datetime,PULocationID,total_amount").unwrap_err();
        assert_eq!(fewer.message, "a and b have different columns: only a has airportfee");
        assert!(order("VendorID,VendorID,tpep_pickup_datetime,PULocationID,total_amount,airport_fee").is_err());
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
