//! The rows of a Parquet file, as a CSV file would hold them.
//!
//! Columns are read side by side, some thousands of values each at a time, so that memory does not depend on the
//! size of a row group. An absent value is an empty field. Only flat columns have a place in a row of CSV.
//!
//! The reader of a damaged file may find anything in it; should it break off instead of giving an error, that is
//! caught here and is the file's fault.

use std::cell::Cell;
use std::fs::File;
use std::io::Read;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Once;

use parquet::basic::{ConvertedType, LogicalType, TimeUnit, Type};
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::{ByteArray, DataType, FixedLenByteArray, Int96};
use parquet::errors::ParquetError;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::schema::types::ColumnDescriptor;
use sha2::{Digest, Sha256};

use super::text::{Times, decimal, double, field, integer, signed, single};
use super::{Rows, unreadable};
use crate::dataset::header::Header;
use crate::error::{Error, Result};

/// Values of a column that are decoded at a time.
const BATCH: usize = 4_096;

pub struct ParquetRows {
    path: PathBuf,
    name: String,
    reader: SerializedFileReader<File>,
    kinds: Vec<Kind>,
    group: usize,
    columns: Vec<Column>,
    /// Rows of the batch, and how many were handed out.
    batch: usize,
    at: usize,
    /// Rows of the group that are not yet in a batch.
    left: usize,
    times: Times,
}

/// How the values of a column become text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Plain,
    Unsigned,
    /// Digits behind the point.
    Decimal(u32),
    Date,
    /// Digits of the fraction of a second.
    Timestamp(u32),
}

impl ParquetRows {
    pub fn open(path: &Path, name: &str) -> Result<(Header, Self)> {
        let file = File::open(path).map_err(|error| unreadable(path, error))?;
        let reader = guarded(name, || SerializedFileReader::new(file))?;
        let schema = reader.metadata().file_metadata().schema_descr();
        let mut line = Vec::new();
        let mut kinds = Vec::new();
        for column in schema.columns() {
            if !line.is_empty() {
                line.push(b',');
            }
            field(&mut line, column.path().parts().join(".").as_bytes());
            kinds.push(Kind::of(column, name)?);
        }
        let header = Header::read(&line, name)?;
        let rows = Self {
            path: path.to_owned(),
            name: name.to_owned(),
            reader,
            kinds,
            group: 0,
            columns: Vec::new(),
            batch: 0,
            at: 0,
            left: 0,
            times: Times::default(),
        };
        Ok((header, rows))
    }

    /// Decodes the next rows; false after the last one.
    fn decode(&mut self) -> Result<bool> {
        self.at = 0;
        self.batch = 0;
        while self.left == 0 {
            if self.group == self.reader.num_row_groups() {
                return Ok(false);
            }
            let (reader, group) = (&self.reader, self.group);
            let (rows, columns) = guarded(&self.name, || {
                let group = reader.get_row_group(group)?;
                let columns = (0..group.num_columns()).map(|at| Ok(Column::new(group.get_column_reader(at)?)));
                let columns = columns.collect::<std::result::Result<Vec<_>, ParquetError>>()?;
                Ok((group.metadata().num_rows(), columns))
            })?;
            self.left = usize::try_from(rows).map_err(|_| damaged(&self.name, &"a negative number of rows"))?;
            self.columns = columns;
            self.group += 1;
        }
        let wanted = self.left.min(BATCH);
        for column in &mut self.columns {
            guarded(&self.name, || column.decode(wanted))?;
        }
        self.batch = wanted;
        self.left -= wanted;
        Ok(true)
    }
}

impl Rows for ParquetRows {
    fn next(&mut self, row: &mut Vec<u8>) -> Result<bool> {
        if self.at == self.batch && !self.decode()? {
            return Ok(false);
        }
        row.clear();
        for (place, (column, kind)) in self.columns.iter_mut().zip(&self.kinds).enumerate() {
            if place > 0 {
                row.push(b',');
            }
            column.write(self.at, *kind, &mut self.times, row);
        }
        self.at += 1;
        Ok(true)
    }

    fn sha256(&mut self) -> Result<String> {
        let failed = |error| unreadable(&self.path, error);
        let mut file = File::open(&self.path).map_err(failed)?;
        let mut hash = Sha256::new();
        let mut buffer = vec![0; 1 << 20];
        loop {
            let read = file.read(&mut buffer).map_err(failed)?;
            if read == 0 {
                break;
            }
            hash.update(&buffer[..read]);
        }
        Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
    }
}

impl Kind {
    fn of(column: &ColumnDescriptor, name: &str) -> Result<Self> {
        let path = column.path().parts().join(".");
        let refused = |what: &str| {
            Err(Error::script(format!("{name}: column `{path}` holds {what}, which a row of CSV has no place for"))
                .hint("write the file anew without that column"))
        };
        if column.max_rep_level() > 0 || column.max_def_level() > 1 || column.path().parts().len() > 1 {
            return refused("lists or structs");
        }
        let logical = column.logical_type_ref();
        let converted = column.converted_type();
        let physical = column.physical_type();
        Ok(match (physical, logical, converted) {
            (Type::INT96, ..) => Self::Timestamp(9),
            (Type::INT64, Some(LogicalType::Timestamp(time)), _) => Self::Timestamp(match time.unit {
                TimeUnit::MILLIS => 3,
                TimeUnit::MICROS => 6,
                TimeUnit::NANOS => 9,
            }),
            (Type::INT64, None, ConvertedType::TIMESTAMP_MILLIS) => Self::Timestamp(3),
            (Type::INT64, None, ConvertedType::TIMESTAMP_MICROS) => Self::Timestamp(6),
            (Type::INT32, Some(LogicalType::Date), _) | (Type::INT32, None, ConvertedType::DATE) => Self::Date,
            (Type::INT32 | Type::INT64, Some(LogicalType::Decimal(_)), _)
            | (Type::INT32 | Type::INT64, None, ConvertedType::DECIMAL) => match u32::try_from(column.type_scale()) {
                Ok(scale) if scale <= 18 => Self::Decimal(scale),
                _ => return refused("decimals of an odd scale"),
            },
            (Type::INT32 | Type::INT64, Some(LogicalType::Integer(integer)), _) if !integer.is_signed => Self::Unsigned,
            (
                Type::INT32 | Type::INT64,
                None,
                ConvertedType::UINT_8 | ConvertedType::UINT_16 | ConvertedType::UINT_32 | ConvertedType::UINT_64,
            ) => Self::Unsigned,
            (Type::FIXED_LEN_BYTE_ARRAY, ..) => return refused("binary values"),
            (Type::BYTE_ARRAY, Some(LogicalType::Decimal(_)), _) | (Type::BYTE_ARRAY, None, ConvertedType::DECIMAL) => {
                return refused("decimals as bytes");
            }
            _ => Self::Plain,
        })
    }
}

/// A column of the row group, and the values of it that are decoded.
struct Column {
    values: Values,
    /// 1 where there is a value; empty in a column that has one in every row.
    present: Vec<i16>,
    optional: bool,
    /// The next value.
    at: usize,
}

enum Values {
    Bool(ColumnReaderImpl<parquet::data_type::BoolType>, Vec<bool>),
    Int32(ColumnReaderImpl<parquet::data_type::Int32Type>, Vec<i32>),
    Int64(ColumnReaderImpl<parquet::data_type::Int64Type>, Vec<i64>),
    Int96(ColumnReaderImpl<parquet::data_type::Int96Type>, Vec<Int96>),
    Float(ColumnReaderImpl<parquet::data_type::FloatType>, Vec<f32>),
    Double(ColumnReaderImpl<parquet::data_type::DoubleType>, Vec<f64>),
    Bytes(ColumnReaderImpl<parquet::data_type::ByteArrayType>, Vec<ByteArray>),
    Fixed(ColumnReaderImpl<parquet::data_type::FixedLenByteArrayType>, Vec<FixedLenByteArray>),
}

impl Column {
    fn new(reader: ColumnReader) -> Self {
        let values = match reader {
            ColumnReader::BoolColumnReader(reader) => Values::Bool(reader, Vec::new()),
            ColumnReader::Int32ColumnReader(reader) => Values::Int32(reader, Vec::new()),
            ColumnReader::Int64ColumnReader(reader) => Values::Int64(reader, Vec::new()),
            ColumnReader::Int96ColumnReader(reader) => Values::Int96(reader, Vec::new()),
            ColumnReader::FloatColumnReader(reader) => Values::Float(reader, Vec::new()),
            ColumnReader::DoubleColumnReader(reader) => Values::Double(reader, Vec::new()),
            ColumnReader::ByteArrayColumnReader(reader) => Values::Bytes(reader, Vec::new()),
            ColumnReader::FixedLenByteArrayColumnReader(reader) => Values::Fixed(reader, Vec::new()),
        };
        Self { values, present: Vec::new(), optional: false, at: 0 }
    }

    fn decode(&mut self, rows: usize) -> std::result::Result<(), ParquetError> {
        self.at = 0;
        let present = &mut self.present;
        let (levels, values) = match &mut self.values {
            Values::Bool(reader, values) => read(reader, rows, present, values)?,
            Values::Int32(reader, values) => read(reader, rows, present, values)?,
            Values::Int64(reader, values) => read(reader, rows, present, values)?,
            Values::Int96(reader, values) => read(reader, rows, present, values)?,
            Values::Float(reader, values) => read(reader, rows, present, values)?,
            Values::Double(reader, values) => read(reader, rows, present, values)?,
            Values::Bytes(reader, values) => read(reader, rows, present, values)?,
            Values::Fixed(reader, values) => read(reader, rows, present, values)?,
        };
        self.optional = levels > 0;
        let expected = if self.optional { self.present.iter().filter(|level| **level == 1).count() } else { rows };
        if values != expected {
            return Err(ParquetError::EOF(format!("{values} values where {expected} should be")));
        }
        Ok(())
    }

    /// Appends the value of row `row` of the batch; nothing where it has none. Rows come in their order.
    fn write(&mut self, row: usize, kind: Kind, times: &mut Times, to: &mut Vec<u8>) {
        if self.optional && self.present.get(row) != Some(&1) {
            return;
        }
        let at = self.at;
        self.at += 1;
        match &self.values {
            Values::Bool(_, values) => to.extend_from_slice(if values[at] { b"true" } else { b"false" }),
            Values::Int32(_, values) => match kind {
                Kind::Unsigned => integer(to, u64::from(values[at] as u32)),
                Kind::Decimal(scale) => decimal(to, i64::from(values[at]), scale),
                Kind::Date => times.date(to, i64::from(values[at])),
                _ => signed(to, i64::from(values[at])),
            },
            Values::Int64(_, values) => match kind {
                Kind::Unsigned => integer(to, values[at] as u64),
                Kind::Decimal(scale) => decimal(to, values[at], scale),
                Kind::Timestamp(digits) => times.timestamp(to, values[at], digits),
                _ => signed(to, values[at]),
            },
            Values::Int96(_, values) => times.timestamp(to, values[at].to_nanos(), 9),
            Values::Float(_, values) => single(to, values[at]),
            Values::Double(_, values) => double(to, values[at]),
            Values::Bytes(_, values) => field(to, values[at].data()),
            // `Kind::of` refuses such a column.
            Values::Fixed(..) => {}
        }
    }
}

/// Reads `rows` rows; returns the numbers of levels and values.
fn read<T: DataType>(
    reader: &mut ColumnReaderImpl<T>,
    rows: usize,
    present: &mut Vec<i16>,
    values: &mut Vec<T::T>,
) -> std::result::Result<(usize, usize), ParquetError> {
    present.clear();
    values.clear();
    let (records, _, _) = reader.read_records(rows, Some(present), None, values)?;
    if records != rows {
        return Err(ParquetError::EOF(format!("{records} rows where {rows} should be")));
    }
    Ok((present.len(), values.len()))
}

thread_local! {
    static GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// What a panic of the reader would print says nothing to a user; every other panic is told as before.
fn silence_guarded_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let told = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if !GUARDED.get() {
                told(panic);
            }
        }));
    });
}

/// Runs the reader; an error or a panic of it means that the file is damaged.
fn guarded<T>(name: &str, work: impl FnOnce() -> std::result::Result<T, ParquetError>) -> Result<T> {
    silence_guarded_panics();
    let outer = GUARDED.replace(true);
    let outcome = catch_unwind(AssertUnwindSafe(work));
    GUARDED.set(outer);
    match outcome {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) if is_unsupported(&error) => Err(Error::script(format!("{name} cannot be read: {error}"))
            .hint("write the file anew with snappy, gzip or zstd compression")),
        Ok(Err(error)) => Err(damaged(name, &error)),
        Err(_) => Err(damaged(name, &"its pages make no sense")),
    }
}

/// Compressed or encoded in a way that was not built in: TLC's files are snappy or zstd.
fn is_unsupported(error: &ParquetError) -> bool {
    matches!(error, ParquetError::NYI(_)) || error.to_string().contains("Disabled feature")
}

fn damaged(name: &str, why: &dyn std::fmt::Display) -> Error {
    let why = why.to_string();
    let why = why.strip_prefix("Parquet error: ").unwrap_or(&why);
    Error::script(format!("{name} is no Parquet file, cut off or damaged: {why}")).hint("download the file again")
}
