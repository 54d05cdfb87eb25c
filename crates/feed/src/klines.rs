//! Klines (bars) as exchanges publish them: CSV of `open_time,open,high,low,close,volume` with or
//! without a header, and the vendor's layout that goes on with close time, quote volume, number of
//! trades and taker volumes up to twelve columns.
//!
//! CCXT's OHLCV is the same, as CSV (its time named `timestamp` or `time`) or as JSON rows. Mark
//! and index prices may come without volume. Every row is checked (see
//! `record`), and so are order and grid (see `series`).

use std::io::Read;

use money::{Qty, Span};

use crate::csv::{self, Fault, Fields, in_field};
use crate::error::{Cause, Error};
use crate::lines::{Limits, Lines};
use crate::number::{self, Clock};
use crate::record::Bar;
use crate::series::Series;

const EXPECTED: &str = "klines as CSV: open_time,open,high,low,close,volume[,…]";

const OPEN_TIME: &[&str] =
    &["open_time_ms", "open_time", "open_time_us", "open_time_ns", "timestamp", "time"];
const PRICES: [&[&str]; 4] = [&["open"], &["high"], &["low"], &["close"]];
const VOLUME: &[&str] = &["volume"];
const CLOSE_TIME: &[&str] = &["close_time", "close_time_ms"];
const IGNORED: &[&str] = &[
    "quote_volume",
    "quote_asset_volume",
    "count",
    "trades",
    "number_of_trades",
    "taker_buy_volume",
    "taker_buy_base_volume",
    "taker_buy_base_asset_volume",
    "taker_buy_quote_volume",
    "taker_buy_quote",
    "taker_buy_quote_asset_volume",
    "ignore",
];

struct Layout {
    columns: usize,
    open_time: usize,
    prices: [usize; 4],
    volume: Option<usize>,
    close_time: Option<usize>,
}

/// Whether a first line is that of klines, if damaged ones.
pub(crate) fn recognises(first: &Fields<'_>) -> bool {
    let named = PRICES.iter().filter(|names| first.position(names).is_some()).count();
    layout(first).is_ok() || named >= 2
}

/// Rows of a file, one at a time.
pub(crate) struct Reader<'a> {
    lines: Lines<'a>,
    layout: Layout,
    clock: Clock,
    /// Whether the line that `lines` stands at is still to be read.
    more: bool,
    rows: usize,
    rows_max: usize,
}

/// One row.
pub(crate) struct Row {
    pub(crate) bar: Bar,
    /// Whether its volume was rounded.
    pub(crate) rounded: bool,
    /// The interval that the first row tells.
    pub(crate) interval: Option<Span>,
    pub(crate) line: u64,
}

impl<'a> Reader<'a> {
    /// Opens klines, plain or gzip; `file` is the name in errors.
    pub(crate) fn open(
        file: &str,
        input: impl Read + 'a,
        limits: &Limits,
    ) -> Result<Reader<'a>, Error> {
        let mut lines = Lines::new(file, input, limits, EXPECTED)?;
        if !lines.advance()? {
            return Err(Cause::Empty(EXPECTED).of_file(file));
        }
        let first = csv::split(lines.text());
        let layout = layout(&first).map_err(|fault| fail_first(&lines, fault))?;
        let more = if first.is_header() { lines.advance()? } else { true };
        Ok(Reader { lines, layout, clock: Clock::default(), more, rows: 0, rows_max: limits.rows })
    }

    /// The next row; `None` behind the last, of which there must be one.
    pub(crate) fn advance(&mut self) -> Result<Option<Row>, Error> {
        if !self.more {
            let empty = Cause::Empty(EXPECTED).of_file(self.lines.file());
            return if self.rows == 0 { Err(empty) } else { Ok(None) };
        }
        let fields = csv::split(self.lines.text());
        csv::check_count(&self.lines, fields.count, self.layout.columns)?;
        let (bar, rounded) = bar(&fields, &self.layout, &mut self.clock)
            .map_err(|fault| csv::fail(&self.lines, fault))?;
        if self.rows == self.rows_max {
            return Err(self.lines.fail(Cause::TooManyRows(self.rows_max)));
        }
        let covered = || covered(&fields, &self.layout, &bar);
        let interval = (self.rows == 0).then(covered).flatten();
        let line = self.lines.number();
        self.rows += 1;
        self.more = self.lines.advance()?;
        Ok(Some(Row { bar, rounded, interval, line }))
    }

    /// An error of a row's time.
    pub(crate) fn fail_time(&self, line: u64, cause: Cause) -> Error {
        cause.at(self.lines.file(), line, self.layout.open_time as u64 + 1)
    }
}

/// Reads klines, plain or gzip; `file` is the name in errors.
pub fn read(file: &str, input: impl Read, limits: &Limits) -> Result<Series<Bar>, Error> {
    let mut reader = Reader::open(file, input, limits)?;
    let (mut rows, mut rounded, mut interval, mut first_line) = (vec![], 0, None, 1);
    while let Some(row) = reader.advance()? {
        if rows.is_empty() {
            (interval, first_line) = (row.interval, row.line);
        }
        rows.push(row.bar);
        rounded += u64::from(row.rounded);
    }
    let series = Series::new(rows, interval)
        .map_err(|(index, cause)| reader.fail_time(first_line + index as u64, cause))?;
    Ok(Series { rounded, ..series })
}

fn fail_first(lines: &Lines<'_>, (index, cause): Fault) -> Error {
    let whole_line = matches!(cause, Cause::ColumnCount(..) | Cause::MissingHeader(..));
    if whole_line { lines.fail(cause) } else { csv::fail(lines, (index, cause)) }
}

fn layout(first: &Fields<'_>) -> Result<Layout, Fault> {
    let columns = first.count;
    if !first.is_header() {
        if !(6..=12).contains(&columns) {
            return Err((0, Cause::ColumnCount(columns, format!("6 to 12: {EXPECTED}"))));
        }
        let close_time = (columns > 6).then_some(6);
        return Ok(Layout {
            columns,
            open_time: 0,
            prices: [1, 2, 3, 4],
            volume: Some(5),
            close_time,
        });
    }
    let [open, high, low, close] = PRICES;
    let known = [OPEN_TIME, open, high, low, close, VOLUME, CLOSE_TIME, IGNORED];
    if let Some((index, name)) = first.stranger(&known) {
        return Err((index, Cause::UnknownHeader(crate::error::excerpt(name), EXPECTED)));
    }
    let required = |names: &[&'static str]| {
        first.position(names).ok_or((0, Cause::MissingHeader(names[0], EXPECTED)))
    };
    Ok(Layout {
        columns,
        open_time: required(OPEN_TIME)?,
        prices: [required(open)?, required(high)?, required(low)?, required(close)?],
        volume: first.position(VOLUME),
        close_time: first.position(CLOSE_TIME),
    })
}

/// One row, and whether its volume was rounded.
fn bar(fields: &Fields<'_>, layout: &Layout, clock: &mut Clock) -> Result<(Bar, bool), Fault> {
    let price = |index: usize| {
        let column = layout.prices[index];
        in_field(column, number::price(fields.get(column)))
    };
    let open_time = in_field(layout.open_time, clock.time(fields.get(layout.open_time)))?;
    let (volume, rounded) = match layout.volume {
        Some(column) => in_field(column, number::qty(fields.get(column)))?,
        None => (Qty::ZERO, false),
    };
    let (open, high, low, close) = (price(0)?, price(1)?, price(2)?, price(3)?);
    let bar = Bar { open_time, open, high, low, close, volume };
    match bar.check() {
        Ok(()) => Ok((bar, rounded)),
        Err((index, cause)) => {
            let column = layout.prices.get(index).copied().or(layout.volume).unwrap_or(0);
            Err((column, cause))
        }
    }
}

/// The interval that a row's close time tells: it closes one unit before the next row opens.
fn covered(fields: &Fields<'_>, layout: &Layout, bar: &Bar) -> Option<Span> {
    let close_time = Clock::default().time(fields.get(layout.close_time?)).ok()?;
    let millis = close_time.since(bar.open_time).nanos() / 1_000_000;
    Some(Span::from_millis(millis + 1))
}
