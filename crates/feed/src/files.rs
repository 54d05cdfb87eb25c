//! Files of any layout: what one is, its rows, a summary, and the way from text to Parquet and
//! back. The only module that opens files.

use std::fmt;
use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;

use money::{Price, Rate, Span, Time};

use crate::capture;
use crate::csv;
use crate::error::{Cause, Error, excerpt, interval_text};
use crate::funding;
use crate::klines;
use crate::lines::{Limits, Lines};
use crate::record::{Bar, Funding};
use crate::series::{Gap, Record, Series};
use crate::table::{self, Table};

/// What a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// Bars.
    Bars,
    /// Funding rates of one or more symbols.
    Funding,
    /// A websocket capture.
    Capture,
}

/// How a file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// Plain text.
    Text,
    /// Text in gzip.
    Gzip,
    /// Parquet.
    Parquet,
}

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind {
    /// What it holds.
    pub content: Content,
    /// How it is written.
    pub encoding: Encoding,
}

/// A summary of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Info {
    /// Bars or funding rates.
    pub content: Content,
    /// The source named in the file, if it is Parquet.
    pub source: Option<String>,
    /// Number of rows.
    pub rows: usize,
    /// Time of the first row.
    pub first: Time,
    /// Time of the last row.
    pub last: Time,
    /// The usual step from row to row.
    pub interval: Span,
    /// Where rows are missing.
    pub gaps: Vec<Gap>,
    /// Smallest and largest value.
    pub extremes: Extremes,
    /// How many values were rounded to the decimals of their type.
    pub rounded: u64,
    /// CRC-32 of the rows, the same in every layout.
    pub checksum: u32,
}

/// Smallest and largest value of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extremes {
    /// Lowest low and highest high of bars.
    Prices(Price, Price),
    /// Lowest and highest funding rate.
    Rates(Rate, Rate),
}

const PARQUET: &[u8; 4] = b"PAR1";
const TABLES: &str = "bars or funding rates";

/// Tells what a file is from its first bytes.
pub fn detect(path: impl AsRef<Path>) -> Result<Kind, Error> {
    let (file, input, is_parquet) = open(path.as_ref())?;
    if is_parquet {
        let (table, _) = table::read(&file, input, &Limits::default())?;
        return Ok(Kind { content: content(&table), encoding: Encoding::Parquet });
    }
    let mut lines = Lines::new(&file, input, &Limits::default(), "market data")?;
    if !lines.advance()? {
        return Err(Cause::Empty("market data").of_file(&file));
    }
    let fields = csv::split(lines.text());
    let content = if capture::recognises(lines.text()) {
        Content::Capture
    } else if klines::recognises(&fields) {
        Content::Bars
    } else if funding::recognises(&fields) {
        Content::Funding
    } else {
        return Err(lines.fail(Cause::UnknownLayout(excerpt(lines.text()))));
    };
    let encoding = if lines.is_gzip() { Encoding::Gzip } else { Encoding::Text };
    Ok(Kind { content, encoding })
}

/// Reads bars from CSV, gzip or Parquet.
pub fn open_bars(path: impl AsRef<Path>) -> Result<Series<Bar>, Error> {
    let (file, input, is_parquet) = open(path.as_ref())?;
    if !is_parquet {
        return klines::read(&file, input, &Limits::default());
    }
    match table::read(&file, input, &Limits::default())?.0 {
        Table::Bars(series) => Ok(series),
        Table::Funding(_) => Err(Cause::WrongContent("funding rates", "bars").of_file(&file)),
    }
}

/// Reads the funding rates of a file that has one symbol, from CSV, gzip or Parquet.
pub fn open_funding(path: impl AsRef<Path>) -> Result<Series<Funding>, Error> {
    open_funding_of(path, None)
}

/// Reads the funding rates of one symbol of several; Parquet names no symbol.
pub fn open_funding_of(
    path: impl AsRef<Path>,
    symbol: Option<&str>,
) -> Result<Series<Funding>, Error> {
    let (file, input, is_parquet) = open(path.as_ref())?;
    if !is_parquet {
        return funding::read(&file, input, symbol, &Limits::default());
    }
    match table::read(&file, input, &Limits::default())?.0 {
        Table::Funding(series) => Ok(series),
        Table::Bars(_) => Err(Cause::WrongContent("bars", "funding rates").of_file(&file)),
    }
}

/// Reads a table of either kind and, from Parquet, the source named in it.
pub fn open_table(
    path: impl AsRef<Path>,
    symbol: Option<&str>,
) -> Result<(Table, Option<String>), Error> {
    let path = path.as_ref();
    let (file, input, is_parquet) = open(path)?;
    if is_parquet {
        return table::read(&file, input, &Limits::default());
    }
    match detect(path)?.content {
        Content::Bars => Ok((Table::Bars(open_bars(path)?), None)),
        Content::Funding => Ok((Table::Funding(open_funding_of(path, symbol)?), None)),
        Content::Capture => Err(Cause::WrongContent("a capture", TABLES).of_file(&file)),
    }
}

/// Joins files of one kind in order of time, writes them as Parquet, and summarises the result.
///
/// Files may not overlap; a hole between two is a gap like any other.
pub fn import<P: AsRef<Path>>(
    inputs: &[P],
    symbol: Option<&str>,
    out: impl AsRef<Path>,
) -> Result<Info, Error> {
    let (file, mut tables, mut names) = (name(out.as_ref()), Vec::new(), Vec::new());
    for input in inputs {
        tables.push(open_table(input, symbol)?.0);
        let short = input.as_ref().file_name().unwrap_or_default();
        names.push(short.to_string_lossy().into_owned());
    }
    let table = join(tables).map_err(|cause| cause.of_file(&names.join(", ")))?;
    let source = names.join(", ");
    let mut bytes = Vec::new();
    table::write(&file, &mut bytes, &table, &source)?; // whole before a file is touched
    write_whole(out.as_ref(), &bytes)
        .map_err(|error| Cause::Unwritable(error.to_string()).of_file(&file))?;
    Ok(summary(&table, Some(source)))
}

/// Writes a file beside its place and moves it there, so that none is ever there in part; what is
/// there and is no file (a pipe, a device) is written to.
fn write_whole(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    if path.exists() && !path.is_file() {
        return std::fs::write(path, bytes);
    }
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".part");
    let part = path.with_file_name(name);
    let written = std::fs::write(&part, bytes).and_then(|()| std::fs::rename(&part, path));
    written.inspect_err(|_| {
        // It may not exist; the first error is the one to tell.
        let _ = std::fs::remove_file(&part);
    })
}

/// Summarises a file of bars or funding rates.
pub fn info(path: impl AsRef<Path>, symbol: Option<&str>) -> Result<Info, Error> {
    let (table, source) = open_table(path, symbol)?;
    Ok(summary(&table, source))
}

/// Writes a table as CSV with the header that the importers read.
pub fn export_csv(file: &str, out: &mut impl Write, table: &Table) -> Result<(), Error> {
    let written = match table {
        Table::Bars(series) => export_bars(out, series),
        Table::Funding(series) => export_funding(out, series),
    };
    let written = written.and_then(|()| out.flush());
    written.map_err(|error| Cause::Unwritable(error.to_string()).of_file(file))
}

fn export_bars(out: &mut impl Write, series: &Series<Bar>) -> std::io::Result<()> {
    writeln!(out, "open_time_ms,open,high,low,close,volume")?;
    for bar in &series.rows {
        let Bar { open_time, open, high, low, close, volume } = bar;
        writeln!(out, "{},{open},{high},{low},{close},{volume}", open_time.millis())?;
    }
    Ok(())
}

fn export_funding(out: &mut impl Write, series: &Series<Funding>) -> std::io::Result<()> {
    let whole_millis = series.rows.iter().all(|row| row.time.nanos() % 1_000_000 == 0);
    let unit = if whole_millis { "ms" } else { "ns" };
    writeln!(out, "funding_time_{unit},funding_rate")?;
    for Funding { time, rate } in &series.rows {
        let count = if whole_millis { time.millis() } else { time.nanos() };
        writeln!(out, "{count},{rate}")?;
    }
    Ok(())
}

fn name(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// A file's name in errors, the file at its start, and whether it is Parquet.
fn open(path: &Path) -> Result<(String, File, bool), Error> {
    let file = name(path);
    let unreadable = |error: std::io::Error| Cause::Unreadable(error.to_string()).of_file(&file);
    let mut magic = Vec::new();
    File::open(path).and_then(|input| input.take(4).read_to_end(&mut magic)).map_err(unreadable)?;
    let input = File::open(path).map_err(unreadable)?;
    Ok((file, input, magic == PARQUET))
}

fn content(table: &Table) -> Content {
    match table {
        Table::Bars(_) => Content::Bars,
        Table::Funding(_) => Content::Funding,
    }
}

fn join(tables: Vec<Table>) -> Result<Table, Cause> {
    let (mut bars, mut funding) = (Vec::new(), Vec::new());
    for table in tables {
        match table {
            Table::Bars(series) => bars.push(series),
            Table::Funding(series) => funding.push(series),
        }
    }
    match (bars.is_empty(), funding.is_empty()) {
        (true, true) => Err(Cause::Empty(TABLES)),
        (false, true) => join_series(bars).map(Table::Bars),
        (true, false) => join_series(funding).map(Table::Funding),
        (false, false) => Err(Cause::WrongContent("bars and funding rates", "one of the two")),
    }
}

fn join_series<T: Record>(mut parts: Vec<Series<T>>) -> Result<Series<T>, Cause> {
    parts.sort_by_key(Series::first);
    for pair in parts.windows(2) {
        if pair[1].first() <= pair[0].last() {
            return Err(Cause::Overlap(pair[0].last(), pair[1].first()));
        }
    }
    let interval = parts.first().map(|part| part.interval);
    let rounded = parts.iter().map(|part| part.rounded).sum();
    let rows = parts.into_iter().flat_map(|part| part.rows).collect();
    let series = Series::new(rows, interval).map_err(|(_, cause)| cause)?;
    Ok(Series { rounded, ..series })
}

fn summary(table: &Table, source: Option<String>) -> Info {
    let checksum = table.checksum();
    match table {
        Table::Bars(series) => {
            let low = series.rows.iter().map(|bar| bar.low).min().unwrap_or_default();
            let high = series.rows.iter().map(|bar| bar.high).max().unwrap_or_default();
            summarise(series, Content::Bars, Extremes::Prices(low, high), (source, checksum))
        }
        Table::Funding(series) => {
            let low = series.rows.iter().map(|row| row.rate).min().unwrap_or_default();
            let high = series.rows.iter().map(|row| row.rate).max().unwrap_or_default();
            summarise(series, Content::Funding, Extremes::Rates(low, high), (source, checksum))
        }
    }
}

fn summarise<T: Record>(
    series: &Series<T>,
    content: Content,
    extremes: Extremes,
    (source, checksum): (Option<String>, u32),
) -> Info {
    Info {
        content,
        source,
        rows: series.rows.len(),
        first: series.first(),
        last: series.last(),
        interval: series.interval,
        gaps: series.gaps.clone(),
        extremes,
        rounded: series.rounded,
        checksum,
    }
}

impl fmt::Display for Info {
    /// One fact a line; at most ten gaps are listed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 10;
        let content = match self.content {
            Content::Bars => "bars",
            Content::Funding => "funding rates",
            Content::Capture => "capture",
        };
        writeln!(f, "content   {content}")?;
        if let Some(source) = &self.source {
            writeln!(f, "source    {source}")?;
        }
        writeln!(f, "rows      {}", self.rows)?;
        writeln!(f, "first     {}", self.first)?;
        writeln!(f, "last      {}", self.last)?;
        writeln!(f, "interval  {}", interval_text(self.interval))?;
        match self.extremes {
            Extremes::Prices(low, high) => writeln!(f, "prices    {low} to {high}")?,
            Extremes::Rates(low, high) => writeln!(f, "rates     {low} to {high}")?,
        }
        let missing = self.gaps.iter().fold(0u64, |sum, gap| sum.saturating_add(gap.missing));
        writeln!(f, "gaps      {} ({missing} rows missing)", self.gaps.len())?;
        for gap in self.gaps.iter().take(SHOWN) {
            writeln!(f, "          {} to {}: {} missing", gap.after, gap.before, gap.missing)?;
        }
        if self.rounded > 0 {
            writeln!(f, "rounded   {} values to the decimals held", self.rounded)?;
        }
        write!(f, "crc32     {:08x}", self.checksum)
    }
}
