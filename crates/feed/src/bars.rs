//! Klines (see `klines`) as a tape: a bar is four events at the time of its close, when it is
//! known; its volume is that of the close, its length the close's number.
//!
//! Bars of mark or index prices give their closes alone. Their columns are those of trades, so the
//! file's name tells them (`markPrice` or `-mark-`, `indexPrice` or `-index-` in the last two parts
//! of the path), or an option. The interval is the usual step of the first rows; a later row that
//! is not on its grid is refused, a missing one is counted. The venue is the second part of the
//! file's name if that is `spot` or `perp`; marks and indices are of `perp`.

use std::collections::VecDeque;
use std::io::Read;

use money::{Price, Qty, Span, Time};

use crate::error::{Cause, Error};
use crate::findings::{Finding, Findings, Notice};
use crate::klines::{Reader, Row};
use crate::record::Bar;
use crate::series::{Series, check_follows};
use crate::tape::{Event, Kind, Source, Units};
use crate::units::{self, Drafts, Options, Prices, Rows};

/// Opens klines, plain or gzip; `file` is the name in errors.
///
/// # Errors
/// What is wrong with the first rows, from which interval and units are told.
pub fn open<'a>(
    file: &str,
    input: impl Read + 'a,
    options: &Options,
) -> Result<Box<dyn Source + 'a>, Error> {
    let mut reader = Reader::open(file, input, &options.limits)?;
    let prices = match options.prices {
        Some(prices) => prices,
        None => named(file).map_err(|cause| cause.of_file(file))?,
    };
    let mut first = VecDeque::new();
    while first.len() < Units::SNIFFED_ROWS
        && let Some(row) = reader.advance()?
    {
        first.push_back(row);
    }
    let told = first.front().and_then(|row| row.interval);
    let series = Series::new(first.iter().map(|row| row.bar).collect(), told)
        .map_err(|(index, cause)| reader.fail_time(first[index].line, cause))?;
    let bars = Bars {
        reader,
        first,
        prices,
        interval: series.interval,
        before: None,
        findings: Findings::default(),
    };
    let mut drafts = Drafts::new(file, options, false);
    let otherwise = match prices {
        Prices::Trades => "",
        Prices::Mark | Prices::Index => "perp",
    };
    let venue = units::venue_of(file, options, otherwise);
    drafts.list(&units::name_of(file, options), &venue).expect("the first instrument");
    units::source(file, bars, drafts)
}

/// What the prices of a file are, by its name.
fn named(file: &str) -> Result<Prices, Cause> {
    let parts: Vec<&str> = file.rsplit(['/', '\\']).take(2).collect();
    let has = |mark: &str| parts.iter().any(|part| part.to_ascii_lowercase().contains(mark));
    match (has("premiumindex"), has("markprice") || has("-mark-")) {
        (true, _) => Err(Cause::WrongContent("a premium index", "bars of prices")),
        (false, true) => Ok(Prices::Mark),
        (false, false) if has("indexprice") || has("-index-") => Ok(Prices::Index),
        (false, false) => Ok(Prices::Trades),
    }
}

struct Bars<'a> {
    reader: Reader<'a>,
    /// Rows that were read to learn the interval.
    first: VecDeque<Row>,
    prices: Prices,
    interval: Span,
    /// Opening of the bar above.
    before: Option<Time>,
    findings: Findings,
}

impl Rows for Bars<'_> {
    fn advance(&mut self, drafts: &mut Drafts) -> Result<bool, Error> {
        let row = match self.first.pop_front() {
            Some(row) => row,
            None => match self.reader.advance()? {
                Some(row) => row,
                None => return Ok(false),
            },
        };
        let Row { bar, rounded, line, .. } = row;
        let missing =
            self.follow(bar.open_time).map_err(|cause| self.reader.fail_time(line, cause))?;
        self.findings.add(Notice::Gap, missing, line);
        self.findings.add(Notice::Rounded, u64::from(rounded), line);
        match self.prices {
            Prices::Trades => push_bar(&bar, self.interval, line, drafts),
            Prices::Mark => push_close(&bar, Kind::Mark, (self.interval, line), drafts),
            Prices::Index => push_close(&bar, Kind::Index, (self.interval, line), drafts),
        }
        Ok(true)
    }

    fn findings(&self) -> Vec<Finding> {
        self.findings.list()
    }
}

impl Bars<'_> {
    /// How many bars are missing between the one above and one that opens now.
    fn follow(&mut self, time: Time) -> Result<u64, Cause> {
        let Some(before) = self.before.replace(time) else { return Ok(0) };
        check_follows(before, time)?;
        if time.floor(self.interval) != time {
            return Err(Cause::OffGrid(time, self.interval));
        }
        Ok(time.since(before).nanos() / self.interval.nanos() - 1)
    }
}

fn push_bar(bar: &Bar, interval: Span, line: u64, drafts: &mut Drafts) {
    let parts = [
        (Kind::Open, bar.open, Qty::ZERO, 0),
        (Kind::High, bar.high, Qty::ZERO, 0),
        (Kind::Low, bar.low, Qty::ZERO, 0),
        (Kind::Close, bar.close, bar.volume, interval.nanos()),
    ];
    for (kind, price, qty, id) in parts {
        let event = Event {
            last: kind == Kind::Close,
            qty: qty.raw(),
            id,
            ..at(bar, kind, price, interval)
        };
        drafts.push(event, line, [0, 0]);
    }
}

fn push_close(bar: &Bar, kind: Kind, (interval, line): (Span, u64), drafts: &mut Drafts) {
    drafts.push(at(bar, kind, bar.close, interval), line, [0, 0]);
}

/// A price at the close of a bar.
fn at(bar: &Bar, kind: Kind, price: Price, interval: Span) -> Event {
    Event { price: price.raw(), ..units::plain(bar.open_time.after(interval), kind) }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
