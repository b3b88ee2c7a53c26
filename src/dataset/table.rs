//! A CSV of any columns, to be replayed by one of them that holds event times.
//!
//! Rows go to Kafka as they stand, sorted by that time, equal times in the order of the file. With a key and a value
//! named it means to windows what trips mean by zone and amount, under the same rules; without them nobody but the job
//! knows what its rows mean, and the oracle compares rows, not windows. It is sorted anew in each run, and kept
//! nowhere.

use std::fs;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use super::account::{Account, InputFile, in_words};
use super::header::Header;
use super::parse::{event_epoch_ms, field_count, parse_row};
use super::period::Period;
use super::prepared::Prepared;
use super::sort::{BUDGET_BYTES, Sorter};
use super::source::{file_name, open_table};
use super::watch::{Watch, tick};
use super::{Drop, Drops, grouped};
use crate::error::{Error, Result};

/// Which file, and which of its columns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    pub file: PathBuf,
    pub time: String,
    /// The columns that windows are made of, if any: a whole number, and a decimal with two digits after the point.
    pub windows: Option<(String, String)>,
}

/// Sorts the rows into an unnamed file below `cache`.
pub(super) fn prepare(table: &Table, cache: &Path, watch: &mut Watch<'_>) -> Result<Prepared> {
    let folder = cache.join("datasets");
    let failed = |error| Error::io(format!("write to {}", folder.display()), error);
    fs::create_dir_all(&folder).map_err(failed)?;
    let name = file_name(&table.file);
    let windows = table.windows.as_ref().map(|(key, value)| (key.as_str(), value.as_str()));
    let read = |line: &[u8], name: &str| Header::of_table(line, name, &table.time, windows);
    let (header, mut rows) = open_table(&table.file, &read)?;
    let mut sorter = Sorter::new(&folder, BUDGET_BYTES);
    let (mut drops, mut number, mut ends) = (Drops::new(), 0, None);
    let mut row = Vec::new();
    while rows.next(&mut row)? {
        number += 1;
        match keep(&row, &header) {
            Ok(event_epoch_ms) => {
                let (first, last) = ends.unwrap_or((event_epoch_ms, event_epoch_ms));
                ends = Some((event_epoch_ms.min(first), event_epoch_ms.max(last)));
                sorter.push(event_epoch_ms, &row)?;
            }
            Err(reason) => *drops.entry(reason).or_default() += 1,
        }
        tick(watch, &format!("reading {name}"), number)?;
    }
    let (first, last) = ends.ok_or_else(|| empty(&name, &drops, number))?;
    let period = Period { from_epoch_ms: first, to_epoch_ms: last.saturating_add(1) };
    let mut account = Account::new(name.clone(), period, "all its rows".to_owned());
    let bytes = fs::metadata(&table.file).map_or(0, |facts| facts.len());
    account.files.push(InputFile { name, bytes, sha256: rows.sha256()?, rows: number });
    account.rows_read = Some(number);
    account.rows_kept = Some(number - drops.values().sum::<u64>());
    account.rows_dropped.extend(drops);
    (account.first_epoch_ms, account.last_epoch_ms) = (Some(first), Some(last));
    let file = tempfile::tempfile_in(&folder).map_err(failed)?;
    let mut output = BufWriter::with_capacity(1 << 20, &file);
    output.write_all(header.line.as_bytes()).and_then(|()| output.write_all(b"\n")).map_err(failed)?;
    let mut sorted = sorter.finish()?;
    while let Some((_, row)) = sorted.next()? {
        output.write_all(row).and_then(|()| output.write_all(b"\n")).map_err(failed)?;
    }
    output.flush().map_err(failed)?;
    drop(output);
    Ok(Prepared { header, account, file, from_cache: false })
}

fn keep(row: &[u8], header: &Header) -> std::result::Result<i64, Drop> {
    if std::str::from_utf8(row).is_err() {
        return Err(Drop::Encoding);
    }
    // As of trips: a row of 64 KiB is a quote that was never closed.
    if row.len() > usize::from(u16::MAX) || field_count(row) != Some(header.fields) {
        return Err(Drop::Columns);
    }
    if header.has_windows {
        return parse_row(row, &header.columns).map(|trip| trip.event_epoch_ms);
    }
    event_epoch_ms(row, header.columns.pickup)
}

fn empty(name: &str, drops: &Drops, rows: u64) -> Error {
    if rows == 0 {
        return Error::script(format!("{name} holds a header and no rows"));
    }
    Error::script(format!("{name} holds no usable row of {} ({})", grouped(rows), in_words(drops, ""))).hint(
        "a time is milliseconds since the epoch, 2023-01-31 18:05:00, or with an offset 2023-01-31T18:05:00Z; with `key` \
         and `value` it is the second, the key a whole number and the value a decimal",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::{Dataset, Totals, unwatched};

    fn table(text: &str, windows: Option<(&str, &str)>) -> Result<Dataset> {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("x.csv");
        fs::write(&file, text).expect("written");
        let windows = windows.map(|(key, value)| (key.to_owned(), value.to_owned()));
        Dataset::table(&Table { file, time: "At".into(), windows }, folder.path(), &mut unwatched)
    }

    fn rows(dataset: &Dataset) -> Vec<(i64, String)> {
        let mut stream = dataset.stream().expect("there are rows");
        let mut row = Vec::new();
        let mut rows = Vec::new();
        while let Some(at) = stream.next(&mut row).expect("a row") {
            rows.push((at, String::from_utf8(row.clone()).expect("text")));
        }
        rows
    }

    #[test]
    fn rows_come_in_the_order_of_their_times_whatever_form_these_have() {
        let text = "id,at\na,1970-01-01 00:00:02\nb,1000\nc,1970-01-01T01:00:03+01:00\nd,\"1000\"\ne,later\n\nf,1,2\n";
        let dataset = table(text, None).expect("rows");
        let expected = [(1000, "b,1000"), (1000, "d,\"1000\""), (2000, "a,1970-01-01 00:00:02")];
        let found = rows(&dataset);
        assert_eq!(found[..3], expected.map(|(at, row)| (at, row.to_owned())));
        assert_eq!(found[3].0, 3000);
        assert_eq!((dataset.columns(), dataset.event_span_ms(), dataset.rows_total()), (None, 2000, Some(4)));
        assert!(dataset.describe().contains("4 rows kept, 2 dropped (1 columns, 1 time)"), "{}", dataset.describe());
        assert_eq!(dataset.totals(u64::MAX, 1_000).expect("rows").rows(), 4);
    }

    #[test]
    fn key_and_value_are_windows_like_those_of_trips() {
        let text =
            "v,k,at\n1.50,7,1970-01-01 00:00:02\n0.25,7,1970-01-01 00:00:01\n1,x,1970-01-01 00:00:01\n9,7,1000\n";
        let dataset = table(text, Some(("K", "v"))).expect("rows");
        assert_eq!(dataset.columns().expect("named").to_string(), "2,1,0");
        let totals: Totals = dataset.totals(u64::MAX, 60_000).expect("rows");
        assert_eq!(totals.window(7, 0).map(|total| (total.count, total.cents)), Some((2, 175)));
    }

    #[test]
    fn what_cannot_be_replayed_is_told() {
        let message = |text: &str, windows| table(text, windows).expect_err("wrong").message;
        assert!(message("id,time\n1,2\n", None).starts_with("x.csv has no column `at`; its header is: id,time"));
        assert_eq!(message("at,AT\n1,2\n", None), "x.csv has several columns `at`");
        assert_eq!(message("at\n", None), "x.csv holds a header and no rows");
        assert_eq!(message("at\nsoon\n", None), "x.csv holds no usable row of 1 (1 dropped (1 time))");
        assert!(message("at\n1\n", Some(("k", "v"))).contains("no column `k`"));
        assert_eq!(message("PAR1", None), "x.csv is a Parquet file, which is read for trips alone");
    }
}
