//! Bars and funding rates as Parquet, to the last digit: prices and quantities as
//! `DECIMAL(18,8)`, rates as `DECIMAL(18,12)`, times as `TIMESTAMP(UTC)`, all in 64-bit integers.
//!
//! Times are in milliseconds if all are whole ones, else in nanoseconds. The file's metadata hold
//! content, source, interval and a CRC-32 of the rows, which is checked when they are read back.
//! Invariant: what was written is what is read. Files of other writers are read too if their
//! columns have these names and types.

use std::fs::File;
use std::io::Write;
use std::sync::Arc;

use flate2::Crc;
use money::{Price, Qty, Rate, Span, Time};
use parquet::basic::{Compression, Encoding, LogicalType, TimeUnit};
use parquet::column::reader::ColumnReader;
use parquet::data_type::Int64Type;
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::reader::{FileReader, RowGroupReader};
use parquet::file::serialized_reader::SerializedFileReader;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use parquet::schema::types::{ColumnDescriptor, ColumnPath};

use crate::error::{Cause, Error, excerpt};
use crate::lines::Limits;
use crate::record::{Bar, Funding};
use crate::series::{Record, Series};

/// A series of either kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Table {
    /// Bars.
    Bars(Series<Bar>),
    /// Funding rates.
    Funding(Series<Funding>),
}

const BARS: [&str; 6] = ["open_time", "open", "high", "low", "close", "volume"];
const FUNDING: [&str; 2] = ["funding_time", "funding_rate"];
const ROWS_OF_GROUP: usize = 1 << 20;
/// Digits of a decimal in a 64-bit integer, as Parquet has it.
const DIGITS: i32 = 18;
const SOURCE: &str = "plumb.source";
const INTERVAL: &str = "plumb.interval_ns";
const CHECKSUM: &str = "plumb.crc32";

impl Table {
    /// The number of rows.
    pub fn rows(&self) -> usize {
        match self {
            Table::Bars(series) => series.rows.len(),
            Table::Funding(series) => series.rows.len(),
        }
    }

    /// The usual step from row to row.
    pub fn interval(&self) -> Span {
        match self {
            Table::Bars(series) => series.interval,
            Table::Funding(series) => series.interval,
        }
    }

    /// CRC-32 of the rows, the same for every layout that they may come in: of each row its
    /// fields, time in ns first, as little-endian 64-bit integers.
    pub fn checksum(&self) -> u32 {
        checksum(&self.columns())
    }

    fn names(&self) -> &'static [&'static str] {
        match self {
            Table::Bars(_) => &BARS,
            Table::Funding(_) => &FUNDING,
        }
    }

    /// The raw integers of every column, time in nanoseconds first.
    fn columns(&self) -> Vec<Vec<i64>> {
        match self {
            Table::Bars(Series { rows, .. }) => vec![
                rows.iter().map(|bar| nanos(bar.open_time)).collect(),
                rows.iter().map(|bar| bar.open.raw()).collect(),
                rows.iter().map(|bar| bar.high.raw()).collect(),
                rows.iter().map(|bar| bar.low.raw()).collect(),
                rows.iter().map(|bar| bar.close.raw()).collect(),
                rows.iter().map(|bar| bar.volume.raw()).collect(),
            ],
            Table::Funding(Series { rows, .. }) => vec![
                rows.iter().map(|funding| nanos(funding.time)).collect(),
                rows.iter().map(|funding| funding.rate.raw()).collect(),
            ],
        }
    }
}

/// Writes a table; `file` is the name in errors, `source` that of the data's origin.
pub fn write(file: &str, out: impl Write + Send, table: &Table, source: &str) -> Result<(), Error> {
    let (names, mut columns) = (table.names(), table.columns());
    check_digits(file, &columns)?;
    let metadata = [
        (SOURCE, source.to_owned()),
        (INTERVAL, table.interval().nanos().to_string()),
        (CHECKSUM, format!("{:08x}", checksum(&columns))),
    ];
    let metadata = metadata.map(|(key, value)| KeyValue::new(key.to_owned(), value)).to_vec();
    let whole_millis = columns[0].iter().all(|nanos| nanos % 1_000_000 == 0);
    if whole_millis {
        columns[0].iter_mut().for_each(|nanos| *nanos /= 1_000_000);
    }
    let unit = if whole_millis { "MILLIS" } else { "NANOS" };
    write_columns(out, &schema(names, unit), &columns, metadata)
        .map_err(|error| Cause::Unwritable(error.to_string()).of_file(file))
}

/// Reads a table and the source named in it; `file` is the name in errors.
pub fn read(file: &str, input: File, limits: &Limits) -> Result<(Table, Option<String>), Error> {
    let raw = guarded(|| read_raw(input, limits)).map_err(|cause| cause.of_file(file))?;
    let Raw { is_bars, unit, mut columns, source, interval, stored } = raw;
    for (row, time) in columns[0].iter_mut().enumerate() {
        let refused = || Cause::NotATime(time.to_string()).at(file, row as u64 + 1, 1);
        *time = time.checked_mul(unit).filter(|time| *time >= 0).ok_or_else(refused)?;
    }
    check_digits(file, &columns)?;
    let found = checksum(&columns);
    if let Some(text) = stored.filter(|text| *text != format!("{found:08x}")) {
        return Err(Cause::WrongChecksum(found, excerpt(&text)).of_file(file));
    }
    let interval = interval.and_then(|text| text.parse().ok()).map(Span::from_nanos);
    let table = if is_bars {
        Table::Bars(series(file, bars(file, &columns)?, interval)?)
    } else {
        Table::Funding(series(file, funding(&columns), interval)?)
    };
    Ok((table, source))
}

/// The contents of a Parquet file before they are checked.
struct Raw {
    is_bars: bool,
    /// Nanoseconds of the unit that times are in.
    unit: i64,
    columns: Vec<Vec<i64>>,
    source: Option<String>,
    interval: Option<String>,
    stored: Option<String>,
}

/// Turns a panic into a refusal: the decoder asserts some of what a damaged file breaks.
pub(crate) fn guarded<T>(read: impl FnOnce() -> Result<T, Cause>) -> Result<T, Cause> {
    let damaged = "its structure contradicts itself";
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(read))
        .unwrap_or_else(|_| Err(Cause::BrokenParquet(damaged.to_owned())))
}

fn broken(error: ParquetError) -> Cause {
    Cause::BrokenParquet(excerpt(&error.to_string()))
}

fn read_raw(input: File, limits: &Limits) -> Result<Raw, Cause> {
    let reader = SerializedFileReader::new(input).map_err(broken)?;
    let (is_bars, unit) = check_schema(&reader)?;
    let rows = usize::try_from(reader.metadata().file_metadata().num_rows()).unwrap_or(usize::MAX);
    if rows == 0 {
        return Err(Cause::Empty("bars or funding rates"));
    }
    if rows > limits.rows {
        return Err(Cause::TooManyRows(limits.rows));
    }
    let columns = read_columns(&reader, rows)?;
    let stored = |key: &str| metadata(&reader, key);
    let (source, interval, stored) = (stored(SOURCE), stored(INTERVAL), stored(CHECKSUM));
    Ok(Raw { is_bars, unit, columns, source, interval, stored })
}

/// Refuses decimals of more digits than Parquet allows in 64 bits.
fn check_digits(file: &str, columns: &[Vec<i64>]) -> Result<(), Error> {
    let most = 10u64.pow(DIGITS.unsigned_abs());
    for (index, column) in columns.iter().enumerate().skip(1) {
        if let Some(row) = column.iter().position(|raw| raw.unsigned_abs() >= most) {
            let text = format!("{}e-{}", column[row], if columns.len() == 2 { 12 } else { 8 });
            let cause = Cause::DoesNotFit(text, money::ParseError::TooLarge);
            return Err(cause.at(file, row as u64 + 1, index as u64 + 1));
        }
    }
    Ok(())
}

fn series<T: Record>(file: &str, rows: Vec<T>, interval: Option<Span>) -> Result<Series<T>, Error> {
    let interval = interval.filter(|interval| interval.nanos() > 0);
    Series::new(rows, interval).map_err(|(row, cause)| cause.at(file, row as u64 + 1, 1))
}

fn bars(file: &str, columns: &[Vec<i64>]) -> Result<Vec<Bar>, Error> {
    let price = |column: usize, row: usize| Price::from_raw(columns[column][row]);
    let bar = |row: usize| {
        let bar = Bar {
            open_time: Time::from_nanos(columns[0][row].unsigned_abs()),
            open: price(1, row),
            high: price(2, row),
            low: price(3, row),
            close: price(4, row),
            volume: Qty::from_raw(columns[5][row]),
        };
        let fail =
            |(field, cause): (usize, Cause)| cause.at(file, row as u64 + 1, field as u64 + 2);
        bar.check().map(|()| bar).map_err(fail)
    };
    (0..columns[0].len()).map(bar).collect()
}

fn funding(columns: &[Vec<i64>]) -> Vec<Funding> {
    let rows = columns[0].iter().zip(&columns[1]);
    rows.map(|(time, rate)| Funding {
        time: Time::from_nanos(time.unsigned_abs()),
        rate: Rate::from_raw(*rate),
    })
    .collect()
}

fn nanos(time: Time) -> i64 {
    i64::try_from(time.nanos()).expect("importers refuse times outside 2000 to 2099")
}

fn checksum(columns: &[Vec<i64>]) -> u32 {
    let mut crc = Crc::new();
    for row in 0..columns[0].len() {
        for column in columns {
            crc.update(&column[row].to_le_bytes());
        }
    }
    crc.sum()
}

fn scale(name: &str) -> i32 {
    if name == FUNDING[1] { 12 } else { 8 }
}

fn schema(names: &[&str], unit: &str) -> String {
    let mut text =
        format!("message plumb {{ required int64 {} (TIMESTAMP({unit},true));", names[0]);
    for name in &names[1..] {
        let scale = scale(name);
        text.push_str(&format!(" required int64 {name} (DECIMAL({DIGITS},{scale}));"));
    }
    text.push_str(" }");
    text
}

fn write_columns(
    out: impl Write + Send,
    schema: &str,
    columns: &[Vec<i64>],
    metadata: Vec<KeyValue>,
) -> Result<(), ParquetError> {
    let schema = Arc::new(parse_message_type(schema)?);
    let mut properties = WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .set_dictionary_enabled(false)
        .set_key_value_metadata(Some(metadata));
    for field in schema.get_fields() {
        let path = ColumnPath::from(field.name());
        properties = properties.set_column_encoding(path, Encoding::DELTA_BINARY_PACKED);
    }
    let mut writer = SerializedFileWriter::new(out, schema, Arc::new(properties.build()))?;
    let rows = columns[0].len();
    for start in (0..rows).step_by(ROWS_OF_GROUP) {
        let end = rows.min(start + ROWS_OF_GROUP);
        let mut group = writer.next_row_group()?;
        for values in columns {
            let Some(mut column) = group.next_column()? else { break };
            column.typed::<Int64Type>().write_batch(&values[start..end], None, None)?;
            column.close()?;
        }
        group.close()?;
    }
    writer.close().map(drop)
}

fn metadata(reader: &SerializedFileReader<File>, key: &str) -> Option<String> {
    let pairs = reader.metadata().file_metadata().key_value_metadata()?;
    pairs.iter().find(|pair| pair.key == key)?.value.clone()
}

/// Whether the columns are those of bars (else funding), and the nanoseconds of the time's unit.
fn check_schema(reader: &SerializedFileReader<File>) -> Result<(bool, i64), Cause> {
    let columns = reader.metadata().file_metadata().schema_descr().columns();
    let found: Vec<String> = columns.iter().map(|column| described(column)).collect();
    for (names, is_bars) in [(&BARS[..], true), (&FUNDING[..], false)] {
        for (unit, nanos) in [("ms", 1_000_000), ("us", 1_000), ("ns", 1)] {
            let decimal = |name: &&str| format!("{name} decimal({})", scale(name));
            let mut expected = vec![format!("{} time({unit})", names[0])];
            expected.extend(names[1..].iter().map(decimal));
            if found == expected {
                return Ok((is_bars, nanos));
            }
        }
    }
    let expected = format!("{} or {}", schema(&BARS, "MILLIS"), schema(&FUNDING, "MILLIS"));
    let mut found = found.join(", ");
    if let Some((end, _)) = found.char_indices().nth(200) {
        found.truncate(end);
    }
    Err(Cause::WrongColumns(found.escape_debug().to_string(), expected))
}

/// A column's name and type, `open_time time(ms)` or `open decimal(8)`.
fn described(column: &ColumnDescriptor) -> String {
    let integer = column.physical_type() == parquet::basic::Type::INT64;
    let flat = column.max_rep_level() == 0 && column.max_def_level() <= 1;
    let kind = match column.logical_type_ref() {
        Some(LogicalType::Timestamp(time)) if integer && flat => match time.unit {
            TimeUnit::MILLIS => "time(ms)".to_owned(),
            TimeUnit::MICROS => "time(us)".to_owned(),
            TimeUnit::NANOS => "time(ns)".to_owned(),
        },
        Some(LogicalType::Decimal(decimal)) if integer && flat => {
            format!("decimal({})", decimal.scale)
        }
        Some(_) | None => format!("{}", column.physical_type()).to_lowercase(),
    };
    format!("{} {kind}", column.path().string())
}

fn read_columns(reader: &SerializedFileReader<File>, rows: usize) -> Result<Vec<Vec<i64>>, Cause> {
    let count = reader.metadata().file_metadata().schema_descr().num_columns();
    let mut columns = vec![Vec::new(); count];
    for group in 0..reader.num_row_groups() {
        let group = reader.get_row_group(group).map_err(broken)?;
        check_offsets(&*group)?;
        for (index, column) in columns.iter_mut().enumerate() {
            read_column(&*group, index, rows, column)?;
        }
    }
    if columns.iter().any(|column| column.len() != rows) {
        return Err(Cause::BrokenParquet(format!("its columns do not have {rows} rows each")));
    }
    Ok(columns)
}

/// Refuses columns that begin before the file or have a negative length.
pub(crate) fn check_offsets(group: &dyn RowGroupReader) -> Result<(), Cause> {
    let damaged = group.metadata().columns().iter().any(|column| {
        let start = column.dictionary_page_offset().unwrap_or(column.data_page_offset());
        start < 0 || column.compressed_size() < 0
    });
    let cause = || Cause::BrokenParquet("a column's place is negative".to_owned());
    if damaged { Err(cause()) } else { Ok(()) }
}

/// Appends one row group's values of a column, at most `rows` in all.
fn read_column(
    group: &dyn RowGroupReader,
    index: usize,
    rows: usize,
    column: &mut Vec<i64>,
) -> Result<(), Cause> {
    let reader = group.get_column_reader(index).map_err(broken)?;
    let ColumnReader::Int64ColumnReader(mut reader) = reader else {
        return Err(Cause::BrokenParquet("a column is not of 64-bit integers".to_owned()));
    };
    let mut present = Vec::new();
    loop {
        let left = rows.saturating_sub(column.len());
        let (records, values, _) =
            reader.read_records(left, Some(&mut present), None, column).map_err(broken)?;
        if values < records {
            return Err(Cause::MissingValue);
        }
        if records == 0 {
            return Ok(());
        }
    }
}
