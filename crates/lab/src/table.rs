//! A run as files: Parquet tables for analysis, JSON for programs.
//!
//! | file | rows | columns |
//! |---|---|---|
//! | `samples-<market>.parquet` | one a sample | `time` (ms UTC), USD, bp |
//! | `options.parquet` | one a sample | `time` (ms UTC), points, coins, USD; with options only |
//! | `classes.parquet` | one a class of agents | `class`, `agents`, flows and equity in USD |
//! | `summary.json` | one | what was run, and every metric; what is undefined is `null` |
//!
//! A file is written whole under a temporary name and then renamed, so a reader never meets half a
//! file. An undefined number is `NaN` in Parquet. Same record, same bytes.

use crate::metrics::Metrics;
use crate::option_metrics::OptionMetrics;
use crate::option_record::{AttributionRecord, ExpiryRecord, OptionCounts, OptionRecord};
use crate::record::{
    ClassRecord, Counts, InsuranceRecord, InvariantRecord, MarketRecord, Money, Record, Samples,
};
use parquet::basic::Compression;
use parquet::column::writer::ColumnWriter;
use parquet::data_type::ByteArray;
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use serde::Serialize;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Why a file was not written.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// The disk refused.
    #[error("cannot write {path}: {cause}; check that the folder exists and has space")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        cause: std::io::Error,
    },
    /// The table could not be encoded.
    #[error("cannot encode {path}: {cause}")]
    Parquet {
        /// The file.
        path: PathBuf,
        /// What the encoder said.
        cause: ParquetError,
    },
    /// The summary could not be encoded.
    #[error("cannot encode {path}: {cause}")]
    Json {
        /// The file.
        path: PathBuf,
        /// What the encoder said.
        cause: serde_json::Error,
    },
    /// The columns of a market's samples differ in length.
    #[error("samples of {market}: column {column} has {rows} rows where time has {expected}")]
    Ragged {
        /// The market.
        market: String,
        /// The column.
        column: &'static str,
        /// Its length.
        rows: usize,
        /// The length of `time`.
        expected: usize,
    },
}

/// Writes every table of a run and its summary into a folder, and names the files.
pub fn write_all(
    folder: &Path,
    record: &Record,
    metrics: &Metrics,
) -> Result<Vec<PathBuf>, TableError> {
    create(folder)?;
    let mut written = Vec::new();
    for market in &record.markets {
        let path = folder.join(format!("samples-{}.parquet", file_stem(&market.name)));
        check_lengths(&market.name, &market.samples)?;
        write_samples(&path, &market.samples)?;
        written.push(path);
    }
    if let Some(options) = &record.options {
        let path = folder.join("options.parquet");
        let samples = &options.samples;
        let mut columns = vec![("time", Column::Time(&samples.time_ms))];
        let numbers = samples.columns();
        columns.extend(numbers.map(|(name, values)| (name, Column::Number(values))));
        write_table(&path, "options", &columns)?;
        written.push(path);
    }
    let path = folder.join("classes.parquet");
    write_classes(&path, &record.classes)?;
    written.push(path);
    let path = folder.join("summary.json");
    write_json(&path, &Summary::of(record, metrics))?;
    written.push(path);
    Ok(written)
}

/// Makes a folder and those above it.
pub fn create(folder: &Path) -> Result<(), TableError> {
    fs::create_dir_all(folder).map_err(|cause| TableError::Io { path: folder.to_owned(), cause })
}

/// Writes any value as indented JSON.
pub fn write_json(path: &Path, value: &impl Serialize) -> Result<(), TableError> {
    let mut text = serde_json::to_vec_pretty(value)
        .map_err(|cause| TableError::Json { path: path.to_owned(), cause })?;
    text.push(b'\n');
    write_file(path, &text)
}

/// Writes bytes under a temporary name beside the file, then renames.
pub fn write_file(path: &Path, bytes: &[u8]) -> Result<(), TableError> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".part");
    let part = path.with_file_name(name);
    let failed = |cause| TableError::Io { path: path.to_owned(), cause };
    fs::write(&part, bytes).and_then(|()| fs::rename(&part, path)).map_err(|cause| {
        // The temporary file may not exist; the first error is the one to tell.
        let _ = fs::remove_file(&part);
        failed(cause)
    })
}

/// The record without its samples, with its metrics.
#[derive(Serialize)]
struct Summary<'a> {
    scenario: &'a str,
    description: &'a str,
    command: &'a str,
    data: &'a str,
    seed: u64,
    start_ms: i64,
    end_ms: i64,
    block_ms: u64,
    sample_s: u64,
    state_hash: &'a str,
    metrics: &'a Metrics,
    markets: Vec<MarketSummary<'a>>,
    classes: &'a [ClassRecord],
    insurance: &'a InsuranceRecord,
    invariants: &'a [InvariantRecord],
    counts: &'a Counts,
    accounting: &'a [(String, Money)],
    options: Option<OptionSummary<'a>>,
}

#[derive(Serialize)]
struct OptionSummary<'a> {
    asset: &'a str,
    source: &'a str,
    metrics: OptionMetrics,
    counts: &'a OptionCounts,
    expiries: &'a [ExpiryRecord],
    attributions: &'a [AttributionRecord],
}

impl<'a> OptionSummary<'a> {
    fn of(record: &'a OptionRecord) -> OptionSummary<'a> {
        OptionSummary {
            asset: &record.asset,
            source: &record.source,
            metrics: OptionMetrics::of(record),
            counts: &record.counts,
            expiries: &record.expiries,
            attributions: &record.attributions,
        }
    }
}

#[derive(Serialize)]
struct MarketSummary<'a> {
    name: &'a str,
    rule: &'a str,
    carry_8h_bp: f64,
    fair_bp: Option<(f64, f64)>,
    recorded_fair_bp: Option<(f64, f64)>,
    samples: usize,
    funding_by_longs_usd: f64,
    funding_by_shorts_usd: f64,
    traded_usd: f64,
    open_interest_usd: f64,
}

impl<'a> Summary<'a> {
    fn of(record: &'a Record, metrics: &'a Metrics) -> Summary<'a> {
        let market = |m: &'a MarketRecord| MarketSummary {
            name: &m.name,
            rule: &m.rule,
            carry_8h_bp: m.carry_8h_bp,
            fair_bp: m.fair_bp,
            recorded_fair_bp: m.recorded_fair_bp,
            samples: m.samples.len(),
            funding_by_longs_usd: m.funding_by_longs_usd,
            funding_by_shorts_usd: m.funding_by_shorts_usd,
            traded_usd: m.traded_usd,
            open_interest_usd: m.open_interest_usd,
        };
        Summary {
            scenario: &record.scenario,
            description: &record.description,
            command: &record.command,
            data: &record.data,
            seed: record.seed,
            start_ms: record.start_ms,
            end_ms: record.end_ms,
            block_ms: record.block_ms,
            sample_s: record.sample_s,
            state_hash: &record.state_hash,
            metrics,
            markets: record.markets.iter().map(market).collect(),
            classes: &record.classes,
            insurance: &record.insurance,
            invariants: &record.invariants,
            counts: &record.counts,
            accounting: &record.accounting,
            options: record.options.as_ref().map(OptionSummary::of),
        }
    }
}

/// One column of a table.
pub(crate) enum Column<'a> {
    /// Milliseconds UTC.
    Time(&'a [i64]),
    /// Nanoseconds UTC.
    Nanos(Vec<i64>),
    Count(Vec<i64>),
    Number(&'a [f64]),
    Computed(Vec<f64>),
    /// Of single precision.
    Single(&'a [f32]),
    Flag(&'a [bool]),
    Text(Vec<&'a str>),
}

/// Texts that are handed to the encoder at a time.
const TEXTS: usize = 1 << 16;

fn write_samples(path: &Path, samples: &Samples) -> Result<(), TableError> {
    let mut columns = vec![("time", Column::Time(&samples.time_ms))];
    columns.extend(samples.columns().map(|(name, values)| (name, Column::Number(values))));
    write_table(path, "samples", &columns)
}

fn write_classes(path: &Path, classes: &[ClassRecord]) -> Result<(), TableError> {
    let names = classes.iter().map(|class| class.class.as_str()).collect();
    let agents = classes.iter().map(|class| i64::from(class.agents)).collect();
    let rows: Vec<Vec<(&str, f64)>> = classes.iter().map(ClassRecord::numbers).collect();
    let headings: Vec<&str> =
        ClassRecord::default().numbers().iter().map(|(name, _)| *name).collect();
    let column = |at: usize| rows.iter().map(|row| row[at].1).collect::<Vec<f64>>();
    let numbers: Vec<Vec<f64>> = (0..headings.len()).map(column).collect();
    let mut columns = vec![("class", Column::Text(names)), ("agents", Column::Count(agents))];
    columns.extend(headings.iter().zip(&numbers).map(|(name, n)| (*name, Column::Number(n))));
    write_table(path, "classes", &columns)
}

/// Writes named columns of one length as a Parquet file.
pub(crate) fn write_table(
    path: &Path,
    name: &str,
    columns: &[(impl AsRef<str>, Column)],
) -> Result<(), TableError> {
    let bytes = encode(name, columns)
        .map_err(|cause| TableError::Parquet { path: path.to_owned(), cause })?;
    write_file(path, &bytes)
}

fn encode(name: &str, columns: &[(impl AsRef<str>, Column)]) -> Result<Vec<u8>, ParquetError> {
    let fields: String = columns
        .iter()
        .map(|(name, column)| (name.as_ref(), column))
        .map(|(name, column)| match column {
            Column::Time(_) => format!("REQUIRED INT64 {name} (TIMESTAMP(MILLIS,true)); "),
            Column::Nanos(_) => format!("REQUIRED INT64 {name} (TIMESTAMP(NANOS,true)); "),
            Column::Count(_) => format!("REQUIRED INT64 {name}; "),
            Column::Number(_) | Column::Computed(_) => format!("REQUIRED DOUBLE {name}; "),
            Column::Single(_) => format!("REQUIRED FLOAT {name}; "),
            Column::Flag(_) => format!("REQUIRED BOOLEAN {name}; "),
            Column::Text(_) => format!("REQUIRED BYTE_ARRAY {name} (UTF8); "),
        })
        .collect();
    let schema = Arc::new(parse_message_type(&format!("message {name} {{ {fields} }}"))?);
    let properties = WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .set_created_by("plumb".to_owned())
        .build();
    let mut writer = SerializedFileWriter::new(Vec::new(), schema, Arc::new(properties))?;
    let mut group = writer.next_row_group()?;
    for (_, column) in columns {
        let mut next = group
            .next_column()?
            .ok_or_else(|| ParquetError::General("fewer columns than the schema".into()))?;
        write_column(next.untyped(), column)?;
        next.close()?;
    }
    group.close()?;
    writer.into_inner()
}

fn write_column(writer: &mut ColumnWriter, column: &Column) -> Result<(), ParquetError> {
    let written = match (writer, column) {
        (ColumnWriter::Int64ColumnWriter(w), Column::Time(v)) => w.write_batch(v, None, None),
        (ColumnWriter::Int64ColumnWriter(w), Column::Count(v) | Column::Nanos(v)) => {
            w.write_batch(v, None, None)
        }
        (ColumnWriter::DoubleColumnWriter(w), Column::Number(v)) => w.write_batch(v, None, None),
        (ColumnWriter::DoubleColumnWriter(w), Column::Computed(v)) => w.write_batch(v, None, None),
        (ColumnWriter::FloatColumnWriter(w), Column::Single(v)) => w.write_batch(v, None, None),
        (ColumnWriter::BoolColumnWriter(w), Column::Flag(v)) => w.write_batch(v, None, None),
        (ColumnWriter::ByteArrayColumnWriter(w), Column::Text(v)) => {
            v.chunks(TEXTS).try_fold(0, |written, texts| {
                let bytes: Vec<ByteArray> = texts.iter().map(|t| ByteArray::from(*t)).collect();
                Ok(written + w.write_batch(&bytes, None, None)?)
            })
        }
        (
            _,
            Column::Time(_)
            | Column::Nanos(_)
            | Column::Count(_)
            | Column::Number(_)
            | Column::Computed(_)
            | Column::Single(_)
            | Column::Flag(_)
            | Column::Text(_),
        ) => Err(ParquetError::General("a column differs from its schema".into())),
    };
    written.map(|_| ())
}

fn check_lengths(market: &str, samples: &Samples) -> Result<(), TableError> {
    let expected = samples.len();
    match samples.columns().into_iter().find(|(_, values)| values.len() != expected) {
        Some((column, values)) => Err(TableError::Ragged {
            market: market.to_owned(),
            column,
            rows: values.len(),
            expected,
        }),
        None => Ok(()),
    }
}

/// A market's name as part of a file name: anything but letters, digits, `-`, `_` becomes `_`.
fn file_stem(name: &str) -> String {
    let safe = |c: char| if c.is_ascii_alphanumeric() || "-_".contains(c) { c } else { '_' };
    name.chars().map(safe).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
