//! Files in, sorted rows and an account out.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parquet::basic::{Compression, ZstdLevel};
use parquet::data_type::{ByteArray, ByteArrayType, DoubleType, Int64Type};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;

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

    fn read<P: AsRef<Path>>(&self, files: &[P], bounds: Bounds) -> Result<Dataset> {
        let request = Request { bounds, ..Request::of(files) };
        Dataset::nyc(&request, &self.0.path().join("cache"), &mut unwatched)
    }

    fn nyc<P: AsRef<Path>>(&self, files: &[P]) -> Dataset {
        self.read(files, Bounds::default()).unwrap()
    }

    fn error(&self, file: &Path) -> Error {
        self.read(&[file], Bounds::default()).unwrap_err()
    }
}

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

fn rows(dataset: &Dataset) -> Vec<String> {
    let mut stream = dataset.stream().unwrap();
    let mut ruler = dataset.stream().unwrap();
    let mut row = Vec::new();
    let mut rows = Vec::new();
    while let Some(event) = stream.next(&mut row).unwrap() {
        assert_eq!(ruler.skip().unwrap(), Some(event));
        rows.push(String::from_utf8(row.clone()).unwrap());
    }
    assert_eq!(ruler.skip().unwrap(), None);
    assert_eq!(dataset.rows_total(), Some(rows.len() as u64));
    rows
}

fn dropped(dataset: &Dataset) -> Vec<(String, u64)> {
    let all = dataset.account().rows_dropped;
    all.into_iter().filter(|(_, count)| *count > 0).map(|(reason, count)| (reason.to_string(), count)).collect()
}

fn real_rows() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/tlc_yellow_2020h1_200_rows.csv")
}

fn year_2020() -> Bounds {
    Bounds::parse(Some("2020-01-01"), Some("2021-01-01")).unwrap()
}

#[test]
fn real_rows_are_kept_as_they_stand_and_sorted() {
    let dataset = Folder::new().read(&[real_rows()], year_2020()).unwrap();
    assert_eq!(dataset.columns().unwrap().to_string(), "1,7,16");
    let text = std::fs::read_to_string(real_rows()).unwrap();
    let mut expected: Vec<&str> = text.lines().skip(1).collect();
    expected.sort_by_key(|row| row.split(',').nth(1));
    assert_eq!(rows(&dataset), expected);
    let totals = dataset.totals(u64::MAX, 7_200_000).unwrap();
    let cents: i64 = totals.sorted().iter().map(|(_, _, total)| total.cents).sum();
    let expected: f64 = expected.iter().map(|row| row.split(',').nth(16).unwrap().parse::<f64>().unwrap()).sum();
    assert_eq!(cents, (expected * 100.0).round() as i64);
}

#[test]
fn rows_are_dropped_by_reason_and_the_rest_keeps_its_bytes() {
    let folder = Folder::new();
    let mut content = format!("\u{feff}{HEADER}\r\n").into_bytes();
    content.extend_from_slice(
        b"2023-01-02 00:00:00,2,2.00\r\n\"2023-01-01 00:00:00\",1.0,1\r\n\r\n2023-01-02 00:00:00,3,-0.005\r\n\
        2023-01-01 00:00:00,1\r\n2023-01-01 00:00:00,,1\r\nyesterday,1,1\r\n2023-01-01 00:00:00,1,one\r\n\
        2023-01-01 00:00:00,1,1e1\r\n01/15/2023 12:05:00 AM,1,1\r\n2023-01-01 00:00:00,\\N,1\r\n\
        2023-02-01 00:00:00,1,1\r\n2023-01-01 00:00:00,1,\xff\r\n\"2023-01-01 00:00:00,1,1\r\n\r\n\n",
    );
    let dataset = folder.nyc(&[folder.write("trips_2023-01.csv", &content)]);
    assert_eq!(
        rows(&dataset),
        ["\"2023-01-01 00:00:00\",1.0,1", "2023-01-02 00:00:00,2,2.00", "2023-01-02 00:00:00,3,-0.005"]
    );
    insta::assert_snapshot!(dataset.describe(), @"trips_2023-01.csv: 3 rows kept, 10 dropped (2 columns, 1 missing, 2 time, 3 number, 1 range: outside 2023-01-01..2023-02-01, the months of the file names; `from` and `to` change it, 1 encoding), first 2023-01-01, last 2023-01-02");
    let account = dataset.account();
    assert_eq!(account.rows_read, Some(13));
    assert_eq!(account.files[0].bytes, content.len() as u64);
    assert_eq!(account.rows_dropped.len(), 6, "all reasons are told");
}

#[test]
fn without_months_the_middle_98_percent_are_kept_and_strays_change_nothing() {
    let folder = Folder::new();
    let mut content = format!("{HEADER}\n");
    for day in 0..1_000 {
        let date = jiff::civil::date(2020, 1, 1).saturating_add(jiff::Span::new().days(day));
        content.push_str(&format!("{date} 12:00:30,1,1\n"));
    }
    let clean = folder.nyc(&[folder.write("clean.csv", content.as_bytes())]);
    assert_eq!((clean.rows_total(), dropped(&clean)), (Some(981), vec![("range".to_owned(), 19)]));
    assert!(clean.describe().contains("2020-01-10..2022-09-17, the 1st to 99th percentile"), "{}", clean.describe());
    content.push_str(&"2098-01-01 00:00:00,1,1\n2009-01-01 00:00:00,1,1\n".repeat(10));
    content.push_str(&"2098-01-01 00:00:00,1,\n2098-01-01 00:00:00,1\n2098-13-01 00:00:00,1,1\n".repeat(20));
    let planted = folder.nyc(&[folder.write("planted.csv", content.as_bytes())]);
    assert_eq!(rows(&planted), rows(&clean));
    let count = |reason: &str, count| (reason.to_owned(), count);
    assert_eq!(dropped(&planted), [count("columns", 20), count("missing", 20), count("time", 20), count("range", 39)]);
    let given = Bounds::parse(Some("2020-01-01 12:00:30"), Some("2020-01-01 12:01:30")).unwrap();
    let narrow = folder.read(&[folder.0.path().join("planted.csv")], given).unwrap();
    assert_eq!(rows(&narrow), ["2020-01-01 12:00:30,1,1"]);
}

#[test]
fn several_files_become_one_under_the_first_header() {
    let folder = Folder::new();
    let january = folder.write("a_2023-01.csv", format!("{HEADER},x\n2023-01-31 00:00:00,1,1,\"a,b\"\n").as_bytes());
    let packed = gzip(
        b"X,PULOCATIONID,pickup_datetime,Total_Amount\n\"q\"\"\",2,2023-02-01 00:00:00,2\nz,3,2023-01-01 00:00:00,3",
    );
    let february = folder.write("a_2023-02.csv.gz", &packed);
    let both = folder.nyc(&[&january, &february]);
    let expected =
        ["2023-01-01 00:00:00,3,3,z", "2023-01-31 00:00:00,1,1,\"a,b\"", "2023-02-01 00:00:00,2,2,\"q\"\"\""];
    assert_eq!(rows(&both), expected);
    assert_eq!(both.name(), "a_2023-01.csv and 1 more");
    let mut output = Vec::new();
    assert_eq!(both.write_csv(&mut output, &mut unwatched).unwrap(), 3);
    assert_eq!(String::from_utf8(output).unwrap(), format!("{HEADER},x\n{}\n", expected.join("\n")));
    let other = folder.write("b_2023-01.csv", format!("{HEADER},y\n").as_bytes());
    let error = folder.read(&[&january, &other], Bounds::default()).unwrap_err();
    assert!(error.message.contains("only a_2023-01.csv has x; only b_2023-01.csv has y"), "{error}");
}

#[test]
fn prepared_rows_are_used_again_until_a_file_or_the_bounds_change() {
    let folder = Folder::new();
    let path = folder.write("a.csv", format!("{HEADER}\n2023-01-01 00:00:00,1,1\n").as_bytes());
    let again = |bounds| folder.read(&[&path], bounds).unwrap().describe().contains("from the cache");
    assert!(!again(Bounds::default()));
    assert!(again(Bounds::default()));
    assert!(!again(Bounds::parse(Some("2023-01-01"), None).unwrap()));
    folder.write("a.csv", format!("{HEADER}\n2023-01-01 00:00:00,1,1\n2023-01-01 00:00:00,1,2\n").as_bytes());
    assert!(!again(Bounds::default()));
    // What a killed cprun left goes when rows are prepared next; a damaged entry is made again.
    let cache = folder.0.path().join("cache/datasets");
    std::fs::write(cache.join(".unfinished-x"), "x").unwrap();
    for entry in std::fs::read_dir(&cache).unwrap().flatten() {
        if entry.path().extension().is_some_and(|extension| extension == "json") {
            std::fs::write(entry.path(), "{").unwrap();
        }
    }
    assert!(!again(Bounds::default()));
    assert!(!cache.join(".unfinished-x").exists());
    let held = folder.nyc(&[&path]);
    std::fs::remove_dir_all(&cache).unwrap();
    assert_eq!(rows(&held).len(), 2, "an open data set does not need its file's name");
}

#[test]
fn whoever_waits_can_stop_it_and_nothing_is_left() {
    let folder = Folder::new();
    let path = folder.write("a.csv", format!("{HEADER}\n{}", "2023-01-01 00:00:00,1,1\n".repeat(70_000)).as_bytes());
    let mut stop = |_: &str, _: u64| Err(Error::new(Kind::Interrupted, "stopped"));
    let outcome = Dataset::nyc(&Request::of(&[path]), folder.0.path(), &mut stop);
    assert_eq!(outcome.unwrap_err().kind, Kind::Interrupted);
    let left = std::fs::read_dir(folder.0.path().join("datasets")).unwrap().flatten();
    assert_eq!(left.map(|entry| entry.file_name()).collect::<Vec<_>>(), ["lock"]);
}

#[test]
fn errors_say_what_is_wrong_with_the_file() {
    let folder = Folder::new();
    let missing = folder.error(&folder.0.path().join("none.csv"));
    assert_eq!(missing.kind, Kind::InputMissing);
    assert!(missing.hint.is_some());
    assert_eq!(folder.error(folder.0.path()).kind, Kind::InputMissing);
    let packed = gzip(format!("{HEADER}\n{}", "2023-01-01 00:00:00,1,1\n".repeat(1000)).as_bytes());
    let parquet = std::fs::read(small_parquet(&folder, "whole_2023-01.parquet", Compression::SNAPPY)).unwrap();
    for (name, content, message) in [
        ("empty.csv", &b""[..], "empty.csv is empty"),
        ("empty.csv.gz", &gzip(b""), "its first line is empty"),
        ("header.csv", HEADER.as_bytes(), "holds a header and no rows"),
        ("bad.csv", format!("{HEADER}\n1/2/2023,1,1").as_bytes(), "holds no usable row of 1 (1 dropped (1 time))"),
        ("text.csv.gz", HEADER.as_bytes(), "is not gzip"),
        ("cut.csv.gz", &packed[..packed.len() - 12], "is cut off"),
        ("text.parquet", HEADER.as_bytes(), "is no Parquet file"),
        ("short.parquet", b"PAR1\x15\x00", "is no Parquet file, cut off or damaged"),
        ("cut.parquet", &parquet[..parquet.len() / 2], "is no Parquet file, cut off or damaged"),
        ("binary.csv", b"\xff\x00\xff", "is no CSV file"),
        ("other.csv", b"a,b\n1,2\n", "has no column `tpep_pickup_datetime`"),
        ("endless.csv", &b"x".repeat(2 << 20), "longer than 1 MiB"),
    ] {
        let error = folder.error(&folder.write(name, content));
        assert_eq!(error.kind, Kind::Script, "{error}");
        assert!(error.message.contains(message) && error.hint.is_some(), "{error}");
    }
}

/// Three trips with TLC's own types, the second without a tip, in row groups of two and one.
fn small_parquet(folder: &Folder, name: &str, compression: Compression) -> PathBuf {
    let schema = "message trips {
        OPTIONAL INT64 VendorID;
        OPTIONAL INT64 tpep_pickup_datetime (TIMESTAMP(MICROS, false));
        OPTIONAL BYTE_ARRAY store_and_fwd_flag (STRING);
        REQUIRED INT64 PULocationID;
        OPTIONAL DOUBLE tip;
        OPTIONAL DOUBLE total_amount;
    }";
    let schema = Arc::new(parse_message_type(schema).unwrap());
    let properties = Arc::new(WriterProperties::builder().set_compression(compression).build());
    let path = folder.0.path().join(name);
    let mut writer = SerializedFileWriter::new(std::fs::File::create(&path).unwrap(), schema, properties).unwrap();
    type Group =
        (&'static [i64], &'static [&'static str], &'static [i64], &'static [f64], &'static [i16], &'static [f64]);
    let first: Group = (&[2_500_000, 0], &["N", "a,\"b\""], &[132, 7], &[1.5], &[1, 0], &[17.85, -0.005]);
    let second: Group = (&[1_000_000], &["Y"], &[1], &[], &[0], &[12.0]);
    for (times, flags, zones, tips, present, totals) in [first, second] {
        let times: Vec<i64> = times.iter().map(|time| 1_672_574_400_000_000 + time).collect();
        let mut group = writer.next_row_group().unwrap();
        let all = vec![1_i16; times.len()];
        let longs = |group: &mut parquet::file::writer::SerializedRowGroupWriter<'_, std::fs::File>,
                     values: &[i64],
                     levels: Option<&[i16]>| {
            let mut column = group.next_column().unwrap().unwrap();
            column.typed::<Int64Type>().write_batch(values, levels, None).unwrap();
            column.close().unwrap();
        };
        longs(&mut group, &vec![2; times.len()], Some(&all));
        longs(&mut group, &times, Some(&all));
        let mut column = group.next_column().unwrap().unwrap();
        let flags: Vec<ByteArray> = flags.iter().map(|flag| ByteArray::from(*flag)).collect();
        column.typed::<ByteArrayType>().write_batch(&flags, Some(&all), None).unwrap();
        column.close().unwrap();
        longs(&mut group, zones, None);
        for (values, levels) in [(tips, present), (totals, all.as_slice())] {
            let mut column = group.next_column().unwrap().unwrap();
            column.typed::<DoubleType>().write_batch(values, Some(levels), None).unwrap();
            column.close().unwrap();
        }
        group.close().unwrap();
    }
    writer.close().unwrap();
    path
}

#[test]
fn parquet_rows_are_the_rows_that_a_csv_file_would_hold() {
    let folder = Folder::new();
    for compression in [
        Compression::UNCOMPRESSED,
        Compression::SNAPPY,
        Compression::GZIP(parquet::basic::GzipLevel::default()),
        Compression::ZSTD(ZstdLevel::default()),
    ] {
        let dataset = folder.nyc(&[small_parquet(&folder, "yellow_2023-01.parquet", compression)]);
        assert_eq!(dataset.header(), "VendorID,tpep_pickup_datetime,store_and_fwd_flag,PULocationID,tip,total_amount");
        assert_eq!(
            rows(&dataset),
            [
                "2,2023-01-01 12:00:00,\"a,\"\"b\"\"\",7,,-0.005",
                "2,2023-01-01 12:00:01,Y,1,,12.0",
                "2,2023-01-01 12:00:02.5,N,132,1.5,17.85",
            ]
        );
        assert_eq!(dataset.account().files[0].sha256.len(), 64);
    }
    let csv = folder.write(
        "b_2023-02.csv",
        b"total_amount,pickup_datetime,VendorID,tip,pulocationid,store_and_fwd_flag\n1,2023-02-01 00:00:00,1,0,9,N\n",
    );
    let both = folder.nyc(&[folder.0.path().join("yellow_2023-01.parquet"), csv]);
    assert_eq!(rows(&both)[3], "1,2023-02-01 00:00:00,N,9,0,1");
}

#[test]
fn a_damaged_parquet_file_is_an_error_and_no_panic() {
    let folder = Folder::new();
    let whole = std::fs::read(small_parquet(&folder, "a_2023-01.parquet", Compression::UNCOMPRESSED)).unwrap();
    // Every seventh, for all of them take a minute in a debug build; the footer is at the end.
    for at in (4..whole.len()).step_by(7) {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x55;
        let path = folder.write("b_2023-01.parquet", &damaged);
        // Some bytes are not looked at, others are values; whatever is wrong with the rest is the file's fault.
        if let Err(error) = folder.read(&[path], Bounds::default()) {
            assert_eq!(error.kind, Kind::Script, "byte {at}: {error}");
        }
    }
}

#[test]
fn a_survey_tells_what_is_there() {
    let survey = Survey::of(&Folder::new().read(&[real_rows()], year_2020()).unwrap(), &mut unwatched).unwrap();
    assert_eq!((survey.account.rows_kept, survey.columns.len()), (Some(200), 18));
    assert_eq!(survey.rows_per_hour_of_week.len(), 168);
    assert!(survey.pickup_epoch_ms["p1"] < survey.pickup_epoch_ms["p99"]);
    let generated = Dataset::generate(1, Some(Period::parse("2023-01-02", "2023-01-03").unwrap())).unwrap();
    let text = Survey::of(&generated, &mut unwatched).unwrap().text();
    assert!(text.contains("12.0 s at 7200 times"), "{text}");
}
