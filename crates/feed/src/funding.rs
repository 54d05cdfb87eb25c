//! Histories of funding rates: CSV of `funding_time,funding_rate`, the same behind a `symbol`, or
//! the vendor's dump `calc_time,funding_interval_hours,last_funding_rate`; header or none.

use std::collections::BTreeMap;
use std::io::Read;

use crate::csv::{self, Fault, Fields, in_field};
use crate::error::{Cause, Error, excerpt};
use crate::lines::{Limits, Lines};
use crate::number::{self, Clock};
use crate::record::Funding;
use crate::series::Series;

const EXPECTED: &str = "funding rates as CSV: [symbol,]funding_time,funding_rate or \
                        calc_time,funding_interval_hours,last_funding_rate";

const SYMBOL: &[&str] = &["symbol"];
const TIME: &[&str] =
    &["funding_time_ms", "funding_time", "calc_time", "funding_time_ns", "funding_time_us"];
const RATE: &[&str] = &["funding_rate", "last_funding_rate"];
const HOURS: &[&str] = &["funding_interval_hours"];

struct Layout {
    columns: usize,
    symbol: Option<usize>,
    time: usize,
    hours: Option<usize>,
    rate: usize,
}

/// Rows of one symbol with the line of each.
#[derive(Default)]
struct Rows {
    rows: Vec<Funding>,
    lines: Vec<u64>,
    rounded: u64,
}

/// Whether a first line is that of funding rates.
pub(crate) fn recognises(first: &Fields<'_>) -> bool {
    layout(first).is_ok()
}

/// Reads the funding rates of every symbol in a file, plain or gzip; a file without a column of
/// symbols has one, whose name is empty. `file` is the name in errors.
pub fn read_all(
    file: &str,
    input: impl Read,
    limits: &Limits,
) -> Result<BTreeMap<String, Series<Funding>>, Error> {
    let mut lines = Lines::new(file, input, limits, EXPECTED)?;
    if !lines.advance()? {
        return Err(Cause::Empty(EXPECTED).of_file(file));
    }
    let first = csv::split(lines.text());
    let layout = layout(&first).map_err(|fault| fail_first(&lines, fault))?;
    let mut more = if first.is_header() { lines.advance()? } else { true };
    let mut clock = Clock::default();
    let (mut symbols, mut count) = (BTreeMap::<String, Rows>::new(), 0);
    while more {
        if count == limits.rows {
            return Err(lines.fail(Cause::TooManyRows(limits.rows)));
        }
        let fields = csv::split(lines.text());
        csv::check_count(&lines, fields.count, layout.columns)?;
        let (funding, rounded) =
            funding(&fields, &layout, &mut clock).map_err(|fault| csv::fail(&lines, fault))?;
        let symbol = layout.symbol.map_or("", |column| fields.get(column));
        if !symbols.contains_key(symbol) {
            symbols.insert(symbol.to_owned(), Rows::default());
        }
        let rows = symbols.get_mut(symbol).expect("inserted above");
        rows.rows.push(funding);
        rows.lines.push(lines.number());
        rows.rounded += u64::from(rounded);
        count += 1;
        more = lines.advance()?;
    }
    if symbols.is_empty() {
        return Err(Cause::Empty(EXPECTED).of_file(file));
    }
    let time_column = layout.time as u64 + 1;
    symbols.into_iter().map(|(name, rows)| Ok((name, rows.finish(file, time_column)?))).collect()
}

/// Reads the funding rates of one symbol; `symbol` may be `None` if the file has only one.
pub fn read(
    file: &str,
    input: impl Read,
    symbol: Option<&str>,
    limits: &Limits,
) -> Result<Series<Funding>, Error> {
    const SHOWN: usize = 5;
    let mut all = read_all(file, input, limits)?;
    let mut names = all.keys().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
    if all.len() > SHOWN {
        names.push_str(", …");
    }
    let count = all.len();
    let unknown = |symbol: &str| match names.is_empty() {
        true => Cause::NoSymbols(excerpt(symbol)),
        false => Cause::NoSuchSymbol(excerpt(symbol), names.clone()),
    };
    let chosen = match symbol {
        Some(symbol) => all.remove(symbol).ok_or_else(|| unknown(symbol)),
        None if count > 1 => Err(Cause::ManySymbols(count, names)),
        None => all.pop_first().map(|(_, series)| series).ok_or(Cause::Empty(EXPECTED)),
    };
    chosen.map_err(|cause| cause.of_file(file))
}

impl Rows {
    fn finish(self, file: &str, time_column: u64) -> Result<Series<Funding>, Error> {
        let series = Series::new(self.rows, None).map_err(|(index, cause)| {
            let line = self.lines.get(index).copied().unwrap_or(0);
            cause.at(file, line, time_column)
        })?;
        Ok(Series { rounded: self.rounded, ..series })
    }
}

fn fail_first(lines: &Lines<'_>, (index, cause): Fault) -> Error {
    let whole_line = matches!(cause, Cause::ColumnCount(..) | Cause::MissingHeader(..));
    if whole_line { lines.fail(cause) } else { csv::fail(lines, (index, cause)) }
}

fn layout(first: &Fields<'_>) -> Result<Layout, Fault> {
    let columns = first.count;
    if first.is_header() {
        if let Some((index, name)) = first.stranger(&[SYMBOL, TIME, RATE, HOURS]) {
            return Err((index, Cause::UnknownHeader(excerpt(name), EXPECTED)));
        }
        let required = |names: &[&'static str]| {
            first.position(names).ok_or((0, Cause::MissingHeader(names[0], EXPECTED)))
        };
        let (time, rate) = (required(TIME)?, required(RATE)?);
        let (symbol, hours) = (first.position(SYMBOL), first.position(HOURS));
        return Ok(Layout { columns, symbol, time, hours, rate });
    }
    let vendor = Clock::default().time(first.get(0)).is_ok();
    match (columns, vendor) {
        (2, _) => Ok(Layout { columns, symbol: None, time: 0, hours: None, rate: 1 }),
        (3, true) => Ok(Layout { columns, symbol: None, time: 0, hours: Some(1), rate: 2 }),
        (3, false) => Ok(Layout { columns, symbol: Some(0), time: 1, hours: None, rate: 2 }),
        (found, _) => Err((0, Cause::ColumnCount(found, format!("2 or 3: {EXPECTED}")))),
    }
}

/// One row, and whether its rate was rounded.
fn funding(
    fields: &Fields<'_>,
    layout: &Layout,
    clock: &mut Clock,
) -> Result<(Funding, bool), Fault> {
    let time = in_field(layout.time, clock.time(fields.get(layout.time)))?;
    let (rate, rounded) = in_field(layout.rate, number::rate(fields.get(layout.rate)))?;
    if let Some(column) = layout.hours {
        let text = fields.get(column);
        if !text.parse().is_ok_and(|hours: u8| (1..=24).contains(&hours)) {
            return Err((column, Cause::BadHours(excerpt(text))));
        }
    }
    Ok((Funding { time, rate }, rounded))
}
