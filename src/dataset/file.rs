//! Reads trip files: keeps the rows that can be replayed, sorted by pickup time, and counts the others.
//!
//! Rows stay in memory, as bytes in blocks and 16 bytes of index each: 2.3 GB for the 19.5 million rows of half
//! a year, which a machine that runs Flink beside it has. Only `Loaded` knows that; an external sort can take
//! its place behind the same stream.
//!
//! A line is a row: a quoted field that runs over a line's end counts as `columns`, for a Kafka record holds
//! one line. Blank lines are no rows. The order of the files and of equal times within them is kept.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::sync::Arc;

use flate2::bufread::MultiGzDecoder;

use super::header::Header;
use super::parse::{field_count, parse_row};
use super::period::{Period, show};
use super::{Drop, Drops, RowStream, grouped};
use crate::error::{Error, Kind, Result};

/// Bytes of rows that are allocated at a time: no doubling of gigabytes.
const BLOCK: usize = 32 << 20;

/// Without a period, rows this far outside the middle 98 % of the pickup times are dropped: the meters of TLC's
/// files know trips of 2001 and 2098, and one of them would make a replay wait for hours.
const STRAY_MS: i64 = 366 * 86_400_000;

/// The usable rows of some files.
#[derive(Debug)]
pub struct Loaded {
    pub name: String,
    pub header: Header,
    pub drops: Drops,
    /// What bounds the pickup times, in words.
    bound: String,
    blocks: Vec<Vec<u8>>,
    index: Vec<Entry>,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    event_epoch_ms: i64,
    start: u32,
    block: u16,
    length: u16,
}

/// Loads the files in their order; `period`, else the months in their names, bounds the rows.
pub fn load<P: AsRef<Path>>(paths: &[P], period: Option<Period>) -> Result<Loaded> {
    let [first, others @ ..] = paths else {
        return Err(Error::usage("no trip file given").hint("name one or more .csv or .csv.gz files"));
    };
    let mut loaded = Loaded {
        name: file_name(first.as_ref()),
        header: Header::read(&first_line(first.as_ref())?, &file_name(first.as_ref()))?,
        drops: Drops::new(),
        bound: String::new(),
        blocks: Vec::new(),
        index: Vec::new(),
    };
    if !others.is_empty() {
        loaded.name = format!("{} and {} more", loaded.name, others.len());
    }
    let mut bounded = true;
    let mut bounds = Vec::new();
    for path in paths {
        let within = period.or_else(|| Period::of_file_name(&file_name(path.as_ref())));
        bounded &= within.is_some();
        bounds.extend(within.map(|period| period.to_string()));
        loaded.read(path.as_ref(), within)?;
    }
    // Stable, so that equal times keep the order of the file.
    loaded.index.sort_by_key(|entry| entry.event_epoch_ms);
    if bounded {
        bounds.dedup();
        loaded.bound = format!("outside {}", bounds.join(", "));
    } else {
        loaded.drop_strays();
        loaded.bound = "over 366 days from the middle 98 % of the pickup times".to_owned();
    }
    if loaded.index.is_empty() {
        return Err(Error::script(format!("{} holds no usable row ({})", loaded.name, loaded.dropped()))
            .hint("look at the reasons: range means that no pickup lies in the period asked for"));
    }
    Ok(loaded)
}

impl Loaded {
    pub fn rows(&self) -> u64 {
        self.index.len() as u64
    }

    pub fn event_span_ms(&self) -> i64 {
        match (self.index.first(), self.index.last()) {
            (Some(first), Some(last)) => last.event_epoch_ms - first.event_epoch_ms,
            _ => 0,
        }
    }

    pub fn describe(&self) -> String {
        let ends = match (self.index.first(), self.index.last()) {
            (Some(first), Some(last)) => {
                format!(", first {}, last {}", show(first.event_epoch_ms), show(last.event_epoch_ms))
            }
            _ => String::new(),
        };
        format!("{}: {} rows kept, {}{ends}", self.name, grouped(self.rows()), self.dropped())
    }

    /// `12 dropped (3 time, 9 range: outside 2020-01-01..2020-07-01)`
    fn dropped(&self) -> String {
        let total: u64 = self.drops.values().sum();
        if total == 0 {
            return "none dropped".to_owned();
        }
        let reasons: Vec<String> = self
            .drops
            .iter()
            .map(|(reason, count)| match reason {
                Drop::Range => format!("{} {reason}: {}", grouped(*count), self.bound),
                _ => format!("{} {reason}", grouped(*count)),
            })
            .collect();
        format!("{} dropped ({})", grouped(total), reasons.join(", "))
    }

    fn read(&mut self, path: &Path, period: Option<Period>) -> Result<()> {
        let name = file_name(path);
        let mut reader = open(path)?;
        let mut line = Vec::new();
        read_line(&mut reader, &mut line, &name, 1)?;
        let header = Header::read(&line, &name)?;
        if header.line != self.header.line {
            return Err(Error::script(format!("{name} has another header than {}: {}", self.name, header.line))
                .hint("prepare files with different columns one at a time"));
        }
        for number in 2.. {
            if !read_line(&mut reader, &mut line, &name, number)? {
                break;
            }
            if line.is_empty() {
                continue;
            }
            if let Err(reason) = self.keep(&line, period) {
                *self.drops.entry(reason).or_default() += 1;
            }
        }
        Ok(())
    }

    fn keep(&mut self, row: &[u8], period: Option<Period>) -> std::result::Result<(), Drop> {
        if std::str::from_utf8(row).is_err() {
            return Err(Drop::Encoding);
        }
        // A row of 64 KiB is no trip, but a quote that was never closed.
        let length = u16::try_from(row.len()).map_err(|_| Drop::Columns)?;
        if field_count(row) != Some(self.header.fields) {
            return Err(Drop::Columns);
        }
        let trip = parse_row(row, &self.header.columns)?;
        if period.is_some_and(|period| !period.contains(trip.event_epoch_ms)) {
            return Err(Drop::Range);
        }
        if self.blocks.last().is_none_or(|block| block.len() + row.len() > BLOCK) {
            self.blocks.push(Vec::with_capacity(BLOCK));
        }
        let block = self.blocks.len() - 1;
        let start = self.blocks[block].len();
        self.blocks[block].extend_from_slice(row);
        // 65,536 blocks of 32 MiB are 2 TiB; memory ends before the index does.
        self.index.push(Entry {
            event_epoch_ms: trip.event_epoch_ms,
            start: start as u32,
            block: block as u16,
            length,
        });
        Ok(())
    }

    /// Of the sorted index, drops what lies more than `STRAY_MS` outside its 1st to 99th percentile.
    fn drop_strays(&mut self) {
        let before = self.index.len();
        let Some(last) = before.checked_sub(1) else { return };
        let low = self.index[last / 100].event_epoch_ms - STRAY_MS;
        let high = self.index[last - last / 100].event_epoch_ms + STRAY_MS;
        self.index.retain(|entry| (low..=high).contains(&entry.event_epoch_ms));
        let dropped = (before - self.index.len()) as u64;
        if dropped > 0 {
            *self.drops.entry(Drop::Range).or_default() += dropped;
        }
    }

    fn row(&self, entry: &Entry) -> &[u8] {
        let start = entry.start as usize;
        &self.blocks[usize::from(entry.block)][start..start + usize::from(entry.length)]
    }
}

/// The rows of loaded files.
pub struct FileStream {
    loaded: Arc<Loaded>,
    at: usize,
}

impl FileStream {
    pub fn new(loaded: Arc<Loaded>) -> Self {
        Self { loaded, at: 0 }
    }
}

impl RowStream for FileStream {
    fn next(&mut self, row: &mut Vec<u8>) -> Result<Option<i64>> {
        row.clear();
        let Some(entry) = self.loaded.index.get(self.at) else { return Ok(None) };
        self.at += 1;
        row.extend_from_slice(self.loaded.row(entry));
        Ok(Some(entry.event_epoch_ms))
    }

    fn skip(&mut self) -> Result<Option<i64>> {
        let entry = self.loaded.index.get(self.at);
        self.at += usize::from(entry.is_some());
        Ok(entry.map(|entry| entry.event_epoch_ms))
    }
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

fn first_line(path: &Path) -> Result<Vec<u8>> {
    let mut line = Vec::new();
    read_line(&mut open(path)?, &mut line, &file_name(path), 1)?;
    Ok(line)
}

/// Opens a file, through gunzip where its first bytes say so, whatever its name.
fn open(path: &Path) -> Result<Box<dyn BufRead>> {
    let name = file_name(path);
    let failed = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => Error::missing(format!("there is no file {}", path.display()))
            .hint("give the path of a TLC trip file (.csv or .csv.gz), or \"\" to generate trips"),
        _ => Error::io(format_args!("read {}", path.display()), error),
    };
    let mut reader = BufReader::with_capacity(1 << 20, File::open(path).map_err(failed)?);
    let start = reader.fill_buf().map_err(failed)?;
    if start.is_empty() {
        return Err(Error::script(format!("{name} is empty")).hint("take a TLC trip file as .csv or .csv.gz"));
    }
    if start.starts_with(b"PAR1") {
        return Err(Error::script(format!("{name} is a Parquet file, not CSV")).hint(
            "convert it: python3 -c \"import pandas as p; p.read_parquet('trips.parquet').to_csv('trips.csv', index=False)\"",
        ));
    }
    if start.starts_with(&[0x1f, 0x8b]) {
        return Ok(Box::new(BufReader::with_capacity(1 << 20, MultiGzDecoder::new(reader))));
    }
    if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("gz")) {
        return Err(Error::script(format!("{name} is not gzip, whatever its name says"))
            .hint("rename it to .csv if it holds text, or download it again"));
    }
    Ok(Box::new(reader))
}

/// The next line without `\n` or `\r\n`; false at the end.
fn read_line(reader: &mut dyn BufRead, line: &mut Vec<u8>, name: &str, number: u64) -> Result<bool> {
    /// A line without end is a binary file, and must not fill the memory.
    const LONGEST: u64 = 1 << 20;
    line.clear();
    let read = reader.take(LONGEST).read_until(b'\n', line).map_err(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof => {
            Error::script(format!("{name} is cut off: its gzip data ends at line {number}"))
                .hint("download the file again")
        }
        io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput => {
            Error::script(format!("{name} is damaged: its gzip data cannot be read at line {number} ({error})"))
                .hint("download the file again")
        }
        _ => Error::new(Kind::Io, format!("cannot read {name} at line {number}: {error}")),
    })?;
    if read as u64 == LONGEST {
        return Err(Error::script(format!("{name} is no CSV file: line {number} is longer than 1 MiB"))
            .hint("take a TLC trip file as .csv or .csv.gz"));
    }
    if line.last() == Some(&b'\n') {
        line.pop();
        if line.last() == Some(&b'\r') {
            line.pop();
        }
    }
    Ok(read > 0)
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::path::PathBuf;

    use super::super::{Dataset, parse_row};
    use super::*;

    const HEADER: &str = "tpep_pickup_datetime,PULocationID,total_amount";

    struct Folder(tempfile::TempDir);

    impl Folder {
        fn new() -> Self {
            Self(tempfile::tempdir().unwrap())
        }

        fn write(&self, name: &str, content: &[u8]) -> PathBuf {
            let path = self.0.path().join(name);
            std::fs::write(&path, content).unwrap();
            path
        }
    }

    fn gzip(content: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(content).unwrap();
        encoder.finish().unwrap()
    }

    fn rows(dataset: &Dataset) -> Vec<String> {
        let mut stream = dataset.stream().unwrap();
        let mut row = Vec::new();
        let mut rows = Vec::new();
        while stream.next(&mut row).unwrap().is_some() {
            rows.push(String::from_utf8(row.clone()).unwrap());
        }
        rows
    }

    fn error(path: &Path) -> Error {
        Dataset::nyc_file(path).unwrap_err()
    }

    #[test]
    fn real_rows_are_kept_as_they_stand_and_sorted() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/tlc_yellow_2020h1_200_rows.csv");
        let dataset = Dataset::nyc_file(&path).unwrap();
        assert_eq!(dataset.rows_total(), Some(200));
        assert_eq!(dataset.columns().to_string(), "1,7,16");
        assert_eq!(dataset.drops(), Drops::new());
        let text = std::fs::read_to_string(&path).unwrap();
        let mut expected: Vec<&str> = text.lines().skip(1).collect();
        expected.sort_by_key(|row| row.split(',').nth(1));
        assert_eq!(rows(&dataset), expected);
        let totals = dataset.totals(u64::MAX, 7_200_000).unwrap();
        let cents: i64 = totals.sorted().iter().map(|(_, _, total)| total.cents).sum();
        let expected: f64 = expected.iter().map(|row| row.split(',').nth(16).unwrap().parse::<f64>().unwrap()).sum();
        assert_eq!(cents, (expected * 100.0).round() as i64);
        assert!(parse_row(rows(&dataset)[0].as_bytes(), &dataset.columns()).is_ok());
    }

    #[test]
    fn rows_are_dropped_by_reason_and_the_rest_keeps_its_bytes() {
        let folder = Folder::new();
        let mut content = format!("{HEADER}\r\n").into_bytes();
        content.extend_from_slice(
            b"2023-01-02 00:00:00,2,2.00\r\n\"2023-01-01 00:00:00\",1.0,1\r\n\r\n2023-01-02 00:00:00,3,3.00\r\n\
            2023-01-01 00:00:00,1\r\n2023-01-01 00:00:00,,1\r\nyesterday,1,1\r\n2023-01-01 00:00:00,1,one\r\n\
            2023-02-01 00:00:00,1,1\r\n2023-01-01 00:00:00,1,\xff\r\n\"2023-01-01 00:00:00,1,1",
        );
        let dataset = Dataset::nyc_file(&folder.write("trips_2023-01.csv", &content)).unwrap();
        assert_eq!(
            rows(&dataset),
            ["\"2023-01-01 00:00:00\",1.0,1", "2023-01-02 00:00:00,2,2.00", "2023-01-02 00:00:00,3,3.00"]
        );
        insta::assert_snapshot!(dataset.describe(), @"trips_2023-01.csv: 3 rows kept, 7 dropped (2 columns, 1 missing, 1 time, 1 number, 1 range: outside 2023-01-01..2023-02-01, 1 encoding), first 2023-01-01, last 2023-01-02");
    }

    #[test]
    fn a_stray_year_is_dropped_where_no_month_is_known() {
        let folder = Folder::new();
        let mut content = format!("{HEADER}\n");
        for second in 0..400 {
            content.push_str(&format!("2023-01-01 00:{:02}:{:02},1,1\n", second / 60, second % 60));
        }
        content.push_str("2009-01-01 00:00:00,1,1\n2098-01-01 00:00:00,1,1\n2022-02-01 00:00:00,1,1\n");
        let dataset = Dataset::nyc_file(&folder.write("trips.csv", content.as_bytes())).unwrap();
        assert_eq!((dataset.rows_total(), dataset.drops()[&Drop::Range]), (Some(401), 2));
        assert!(dataset.describe().contains("over 366 days"), "{}", dataset.describe());
        let period = Period::parse("2023-01-01", "2023-01-02").unwrap();
        let narrow = Dataset::nyc_files(&[folder.0.path().join("trips.csv")], Some(period)).unwrap();
        assert_eq!((narrow.rows_total(), narrow.drops()[&Drop::Range]), (Some(400), 3));
    }

    #[test]
    fn several_files_become_one() {
        let folder = Folder::new();
        let january = folder.write("a_2023-01.csv", format!("{HEADER}\n2023-01-31 00:00:00,1,1\n").as_bytes());
        let packed = gzip(format!("{HEADER}\n2023-02-01 00:00:00,1,1\n2023-01-01 00:00:00,1,1").as_bytes());
        let february = folder.write("a_2023-02.csv.gz", &packed);
        let both = Dataset::nyc_files(&[&february, &january], None).unwrap();
        assert_eq!(rows(&both), ["2023-01-31 00:00:00,1,1", "2023-02-01 00:00:00,1,1"]);
        let mut output = Vec::new();
        assert_eq!(both.write_csv(&mut output).unwrap(), 2);
        assert!(output.starts_with(HEADER.as_bytes()));
        let other = folder.write("b.csv", format!("x,{HEADER}\n").as_bytes());
        let error = Dataset::nyc_files(&[&january, &other], None).unwrap_err();
        assert!(error.message.contains("another header"), "{error}");
    }

    #[test]
    fn errors_say_what_is_wrong_with_the_file() {
        let folder = Folder::new();
        let missing = error(&folder.0.path().join("none.csv"));
        assert_eq!(missing.kind, Kind::InputMissing);
        assert!(missing.hint.is_some());
        let packed = gzip(format!("{HEADER}\n{}", "2023-01-01 00:00:00,1,1\n".repeat(1000)).as_bytes());
        for (name, content, message) in [
            ("empty.csv", &b""[..], "empty.csv is empty"),
            ("header.csv", HEADER.as_bytes(), "holds no usable row (none dropped)"),
            ("text.csv.gz", HEADER.as_bytes(), "is not gzip"),
            ("cut.csv.gz", &packed[..packed.len() - 12], "is cut off"),
            ("trips.parquet", b"PAR1\x15\x00", "is a Parquet file"),
            ("binary.csv", b"\xff\x00\xff", "is no CSV file"),
            ("other.csv", b"a,b\n1,2\n", "has no column `tpep_pickup_datetime`"),
        ] {
            let error = error(&folder.write(name, content));
            assert_eq!(error.kind, Kind::Script, "{error}");
            assert!(error.message.contains(message) && error.hint.is_some(), "{error}");
        }
    }
}
