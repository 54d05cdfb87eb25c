//! Binance's public dumps of one symbol and day or month, as CSV (data.binance.vision).
//!
//! * `aggTrades`: `agg_trade_id,price,quantity,first_trade_id,last_trade_id,transact_time,`
//!   `is_buyer_maker`
//! * `trades`: `id,price,qty,quote_qty,time,is_buyer_maker`
//! * `bookTicker`: `update_id,best_bid_price,best_bid_qty,best_ask_price,best_ask_qty,`
//!   `transaction_time,event_time`
//!
//! Spot appends whether the trade was the best match. Futures have these names as header, spot and
//! older files have none. Times are in ms, of spot from 2025 on in µs. A trade is numbered by its
//! first column, ascending; who takes sells if the buyer was the maker. A ticker holds from its
//! transaction (the venue's time) and was sent at its event time, before which nobody has it.

use std::io::Read;

use money::{Price, Qty, Time};

use crate::csv::{self, Fault, Fields, in_field, truth, whole};
use crate::error::{Cause, Error, excerpt};
use crate::findings::{Finding, Findings, Notice};
use crate::lines::Lines;
use crate::number::{self, Clock};
use crate::tape::{Event, Kind, Side, Source};
use crate::units::{self, Drafts, Options, Rows};

const EXPECTED: &str = "a dump of aggTrades, trades or bookTicker as CSV";

const AGGREGATES: &[&str] = &[
    "agg_trade_id",
    "price",
    "quantity",
    "first_trade_id",
    "last_trade_id",
    "transact_time",
    "is_buyer_maker",
    "is_best_match",
];
const TRADES: &[&str] =
    &["id", "price", "qty", "quote_qty", "time", "is_buyer_maker", "is_best_match"];
const TICKER: &[&str] = &[
    "update_id",
    "best_bid_price",
    "best_bid_qty",
    "best_ask_price",
    "best_ask_qty",
    "transaction_time",
    "event_time",
];

/// Where the columns of a dump stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Layout {
    /// Number, price, quantity, time, whether the buyer was the maker.
    Trades([usize; 5]),
    /// In the order of [`TICKER`].
    Ticker([usize; 7]),
}

/// What the first line says.
struct First {
    layout: Layout,
    /// Empty if both markets have such a file.
    venue: &'static str,
}

/// Whether a first line is that of a dump, if a damaged one.
pub(crate) fn recognises(first: &Fields<'_>) -> bool {
    if first.is_header() { names(first).is_some() } else { bare(first).is_ok() }
}

/// Opens a dump, plain or gzip; `file` is the name in errors.
///
/// # Errors
/// What is wrong with the first rows, from which the units are told.
pub fn open<'a>(
    file: &str,
    input: impl Read + 'a,
    options: &Options,
) -> Result<Box<dyn Source + 'a>, Error> {
    let mut lines = Lines::new(file, input, &options.limits, EXPECTED)?;
    if !lines.advance()? {
        return Err(Cause::Empty(EXPECTED).of_file(file));
    }
    let first = csv::split(lines.text());
    let First { layout, venue } = layout(&first).map_err(|cause| lines.fail(cause))?;
    let (columns, header) = (first.count, first.is_header());
    if header && !lines.advance()? {
        return Err(Cause::Empty(EXPECTED).of_file(file));
    }
    let mut drafts = Drafts::new(file, options, false);
    let venue = options.venue.as_deref().unwrap_or(venue);
    drafts.list(&units::name_of(file, options), venue).expect("the first instrument");
    let dump = Dump {
        lines,
        layout,
        columns,
        clock: Clock::default(),
        before: None,
        findings: Findings::default(),
    };
    units::source(file, dump, drafts)
}

struct Dump<'a> {
    lines: Lines<'a>,
    layout: Layout,
    columns: usize,
    clock: Clock,
    /// Number and time of the row above.
    before: Option<(u64, Time)>,
    findings: Findings,
}

impl Rows for Dump<'_> {
    fn advance(&mut self, drafts: &mut Drafts) -> Result<bool, Error> {
        let fields = csv::split(self.lines.text());
        csv::check_count(&self.lines, fields.count, self.columns)?;
        let line = self.lines.number();
        let row = match &self.layout {
            Layout::Trades(columns) => trade(&fields, columns, &mut self.clock),
            Layout::Ticker(columns) => ticker(&fields, columns, &mut self.clock),
        };
        let row = row.map_err(|fault| csv::fail(&self.lines, fault))?;
        let skipped = follow(self.before, &row, &self.layout)
            .map_err(|fault| csv::fail(&self.lines, fault))?;
        self.findings.add(Notice::Skipped, skipped, line);
        self.before = Some((row.number, row.events[0].local));
        for (event, columns) in row.events.iter().zip(row.columns).take(row.count) {
            drafts.push(*event, line, columns);
        }
        self.lines.advance()
    }

    fn findings(&self) -> Vec<Finding> {
        self.findings.list()
    }
}

/// The events of one row: the first `count` of two, and where their values stand.
struct Row {
    number: u64,
    events: [Event; 2],
    columns: [[u8; 2]; 2],
    count: usize,
}

/// Columns of price and quantity from 1, for errors.
fn places(price: usize, qty: usize) -> [u8; 2] {
    [price, qty].map(|index| u8::try_from(index + 1).unwrap_or(0))
}

/// How many numbers of trades are passed over since the row above.
fn follow(before: Option<(u64, Time)>, row: &Row, layout: &Layout) -> Result<u64, Fault> {
    let Some((number, time)) = before else { return Ok(0) };
    let (number_column, time_column, trades) = match layout {
        Layout::Trades([number, _, _, time, _]) => (*number, *time, true),
        Layout::Ticker([number, .., time]) => (*number, *time, false),
    };
    if trades && row.number == number {
        return Err((number_column, Cause::RepeatedTrade(number)));
    }
    if row.number < number {
        return Err((number_column, Cause::NumberOrder(row.number, number)));
    }
    let now = row.events[0].local;
    if now < time {
        return Err((time_column, Cause::Unsorted(now, time)));
    }
    Ok(if trades { row.number - number - 1 } else { 0 })
}

fn trade(fields: &Fields<'_>, columns: &[usize; 5], clock: &mut Clock) -> Result<Row, Fault> {
    let [number, price, qty, time, maker] = *columns;
    let id = in_field(number, whole(fields.get(number)))?;
    let (price_raw, qty_raw) = (positive(fields, price, "price")?, quantity(fields, qty)?);
    let time = in_field(time, clock.time(fields.get(time)))?;
    let text = fields.get(maker);
    let side = match truth(text) {
        Some(true) => Side::Sell,
        Some(false) => Side::Buy,
        None => return Err((maker, Cause::NotABool(excerpt(text)))),
    };
    let event = Event {
        side: Some(side),
        price: price_raw.raw(),
        qty: qty_raw.raw(),
        id,
        ..units::plain(time, Kind::Trade)
    };
    Ok(Row { number: id, events: [event; 2], columns: [places(price, qty); 2], count: 1 })
}

fn ticker(fields: &Fields<'_>, columns: &[usize; 7], clock: &mut Clock) -> Result<Row, Fault> {
    let [number, bid, bid_qty, ask, ask_qty, done, sent] = *columns;
    let id = in_field(number, whole(fields.get(number)))?;
    let prices = [positive(fields, bid, "best bid")?, positive(fields, ask, "best ask")?];
    if prices[0] > prices[1] {
        return Err((bid, Cause::Crossed(prices[0], prices[1])));
    }
    let sizes = [quantity(fields, bid_qty)?, quantity(fields, ask_qty)?];
    let exchange = in_field(done, clock.time(fields.get(done)))?;
    let local = in_field(sent, clock.time(fields.get(sent)))?;
    let best = |side, at: usize| Event {
        local,
        side: Some(side),
        last: at == 1,
        price: prices[at].raw(),
        qty: sizes[at].raw(),
        ..units::plain(exchange, Kind::Best)
    };
    let events = [best(Side::Buy, 0), best(Side::Sell, 1)];
    Ok(Row { number: id, events, columns: [places(bid, bid_qty), places(ask, ask_qty)], count: 2 })
}

fn positive(fields: &Fields<'_>, column: usize, name: &'static str) -> Result<Price, Fault> {
    let price = in_field(column, number::price(fields.get(column)))?;
    if price.is_positive() { Ok(price) } else { Err((column, Cause::NotPositive(name, price))) }
}

/// A quantity, exact and not negative.
fn quantity(fields: &Fields<'_>, column: usize) -> Result<Qty, Fault> {
    let qty = Qty::from_raw(in_field(column, number::price(fields.get(column)))?.raw());
    if qty.is_negative() { Err((column, Cause::Negative("quantity", qty))) } else { Ok(qty) }
}

fn layout(first: &Fields<'_>) -> Result<First, Cause> {
    if first.is_header() { named(first) } else { bare(first) }
}

/// The names of the dump that one name of a header tells.
fn names(first: &Fields<'_>) -> Option<&'static [&'static str]> {
    let has = |name: &str| first.position(&[name]).is_some();
    match (has("agg_trade_id"), has("best_bid_price"), has("is_buyer_maker")) {
        (true, _, _) => Some(AGGREGATES),
        (false, true, _) => Some(TICKER),
        (false, false, true) => Some(TRADES),
        (false, false, false) => None,
    }
}

/// By the names of a header.
fn named(first: &Fields<'_>) -> Result<First, Cause> {
    let names = names(first).ok_or_else(|| Cause::UnknownLayout(excerpt(first.get(0))))?;
    if let Some((_, name)) = first.stranger(&[names]) {
        return Err(Cause::UnknownHeader(excerpt(name), EXPECTED));
    }
    let at =
        |name: &'static str| first.position(&[name]).ok_or(Cause::MissingHeader(name, EXPECTED));
    let spot = first.position(&["is_best_match"]).is_some();
    let venue = if spot { "binance" } else { "binance-futures" };
    let layout = if names == TICKER {
        let mut columns = [0; 7];
        for (column, name) in columns.iter_mut().zip(TICKER) {
            *column = at(name)?;
        }
        Layout::Ticker(columns)
    } else {
        let time = if names == AGGREGATES { 5 } else { 4 };
        let order = [names[0], names[1], names[2], names[time], "is_buyer_maker"];
        let mut columns = [0; 5];
        for (column, name) in columns.iter_mut().zip(order) {
            *column = at(name)?;
        }
        Layout::Trades(columns)
    };
    Ok(First { layout, venue })
}

/// By what a row without header holds.
fn bare(first: &Fields<'_>) -> Result<First, Cause> {
    let is_time = |index: usize| Clock::default().time(first.get(index)).is_ok();
    let is_truth = |index: usize| truth(first.get(index)).is_some();
    let trades = |layout, venue| Ok(First { layout: Layout::Trades(layout), venue });
    match first.count {
        8 if is_time(5) && is_truth(6) => trades([0, 1, 2, 5, 6], "binance"),
        7 if is_time(5) && is_truth(6) => trades([0, 1, 2, 5, 6], "binance-futures"),
        7 if is_time(4) && is_truth(5) => trades([0, 1, 2, 4, 5], "binance"),
        6 if is_time(4) && is_truth(5) => trades([0, 1, 2, 4, 5], "binance-futures"),
        7 if is_time(5) && is_time(6) => {
            let layout = Layout::Ticker([0, 1, 2, 3, 4, 5, 6]);
            Ok(First { layout, venue: "binance-futures" })
        }
        _ => Err(Cause::UnknownLayout(excerpt(first.get(0)))),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
