//! What a row of each type says, as events. A row is read whole before its first event is written.

use money::Time;

use super::listing::Scales;
use super::row::{Fault, Row, nearest};
use super::state::{Book, State};
use super::writer::Writer;
use super::{DataType, Left};
use crate::error::Cause;
use crate::number::Clock;
use crate::tape::{Event, Kind, Side, Slot};

/// Where events go and what is counted.
pub(super) struct Sink<'s> {
    pub(super) writer: &'s mut Writer,
    pub(super) slots: &'s mut Vec<Slot>,
    pub(super) left: &'s mut Left,
    pub(super) clock: &'s mut Clock,
}

impl Sink<'_> {
    fn push(&mut self, event: &Event) {
        self.writer.push(event, self.slots);
    }
}

/// Writes the events of a row; `event` holds its times and instrument.
pub(super) fn write(
    what: DataType,
    row: &Row<'_>,
    event: Event,
    (scales, state): (&Scales, &mut State),
    sink: &mut Sink<'_>,
) -> Result<(), Fault> {
    match what {
        DataType::IncrementalBookL2 => level(row, event, (scales, &mut state.book), sink),
        DataType::BookSnapshot5 => snapshot(row, event, (scales, 5), sink),
        DataType::BookSnapshot25 => snapshot(row, event, (scales, 25), sink),
        DataType::Trades => trade(row, Event { kind: Kind::Trade, ..event }, scales, sink),
        DataType::Liquidations => trade(row, Event { kind: Kind::Forced, ..event }, scales, sink),
        DataType::Quotes | DataType::BookTicker => quote(row, event, scales, sink),
        DataType::DerivativeTicker => ticker(row, event, (scales, state), sink),
        DataType::OptionsChain => option(row, event, (scales, state), sink),
    }
}

fn level(
    row: &Row<'_>,
    event: Event,
    (scales, book): (&Scales, &mut Book),
    sink: &mut Sink<'_>,
) -> Result<(), Fault> {
    let snapshot = row.flag(4)?;
    let side = row.book_side(5)?;
    let price = row.in_column(6, scales.price.price(row.text(6)))?;
    let qty = row.in_column(7, scales.qty.qty(row.text(7)))?;
    let event = Event { snapshot, ..event };
    match (*book, snapshot) {
        (Book::Unknown, false) => {
            sink.left.before_snapshot += 1;
            return Ok(());
        }
        (Book::Unknown | Book::Live, true) => sink.push(&Event { kind: Kind::Clear, ..event }),
        (Book::Snapshot, true) | (Book::Snapshot | Book::Live, false) => {}
    }
    *book = if snapshot { Book::Snapshot } else { Book::Live };
    sink.push(&Event { side: Some(side), price, qty, ..event });
    Ok(())
}

fn snapshot(
    row: &Row<'_>,
    event: Event,
    (scales, depth): (&Scales, usize),
    sink: &mut Sink<'_>,
) -> Result<(), Fault> {
    let event = Event { snapshot: true, ..event };
    let mut levels = [None; 50];
    for (number, level) in levels[..2 * depth].iter_mut().enumerate() {
        let side = if number % 2 == 0 { Side::Sell } else { Side::Buy };
        let at = priced(row, (4 + 2 * number, 5 + 2 * number), scales)?;
        *level = at.map(|(price, qty)| Event { side: Some(side), price, qty, ..event });
    }
    sink.push(&Event { kind: Kind::Clear, ..event });
    levels.iter().flatten().for_each(|level| sink.push(level));
    Ok(())
}

fn trade(row: &Row<'_>, event: Event, scales: &Scales, sink: &mut Sink<'_>) -> Result<(), Fault> {
    let id = identity(row.text(4));
    let side = row.taker(5)?;
    let price = row.in_column(6, scales.price.price(row.text(6)))?;
    let qty = row.in_column(7, scales.qty.qty(row.text(7)))?;
    sink.push(&Event { id, side, price, qty, ..event });
    Ok(())
}

fn quote(row: &Row<'_>, event: Event, scales: &Scales, sink: &mut Sink<'_>) -> Result<(), Fault> {
    let event = Event { kind: Kind::Best, ..event };
    let (bid, bid_qty) = priced(row, (6, 7), scales)?.unwrap_or((0, 0));
    let (ask, ask_qty) = priced(row, (5, 4), scales)?.unwrap_or((0, 0));
    sink.push(&Event { side: Some(Side::Buy), price: bid, qty: bid_qty, ..event });
    sink.push(&Event { side: Some(Side::Sell), price: ask, qty: ask_qty, ..event });
    Ok(())
}

fn ticker(
    row: &Row<'_>,
    event: Event,
    (scales, state): (&Scales, &mut State),
    sink: &mut Sink<'_>,
) -> Result<(), Fault> {
    let settles = row.optional(4, |text| sink.clock.time(text))?;
    let rounded = &mut sink.left.rounded;
    let rate = row.optional(5, |text| nearest(text, 12, rounded))?;
    let open = open_interest(row, 7, scales, rounded)?;
    let index = computed(row, 9, scales, rounded)?;
    let mark = computed(row, 10, scales, rounded)?;
    sink.left.columns += filled(row, &[6, 8]);
    if let Some(rate) = rate {
        let settles = settles.unwrap_or(Time::ZERO);
        if let Some(settled) = settled(state.told[0], settles, &event) {
            sink.push(&settled);
        }
        let next = Event { kind: Kind::Predicted, price: rate, id: settles.nanos(), ..event };
        tell(&mut state.told[0], next, sink);
    }
    for (number, kind, price) in [(1, Kind::Mark, mark), (2, Kind::Index, index)] {
        if let Some(price) = price {
            tell(&mut state.told[number], Event { kind, price, ..event }, sink);
        }
    }
    if let Some(qty) = open {
        tell(&mut state.told[3], Event { kind: Kind::OpenInterest, qty, ..event }, sink);
    }
    Ok(())
}

/// The settlement that a row shows to have happened: its time is past and the next one is named.
fn settled(told: Option<Event>, next: Time, event: &Event) -> Option<Event> {
    let told = told?;
    let at = Time::from_nanos(told.id);
    let past = at > Time::ZERO && at < next && at <= event.exchange;
    past.then_some(Event { kind: Kind::Funding, exchange: at, price: told.price, ..*event })
}

fn option(
    row: &Row<'_>,
    event: Event,
    (scales, state): (&Scales, &mut State),
    sink: &mut Sink<'_>,
) -> Result<(), Fault> {
    // One venue states volatility in percent, the others as a fraction.
    let places = if row.text(0) == "deribit" { 6 } else { 8 };
    let Left { rounded, columns, .. } = &mut *sink.left;
    *columns += filled(row, &[4, 5, 6, 8, 17, 19, 20, 21, 22, 23]);
    let open = open_interest(row, 7, scales, rounded)?;
    let bid = quoted(row, (9, 10), scales, columns)?;
    let bid_iv = row.optional(11, |text| nearest(text, places, rounded))?;
    let ask = quoted(row, (12, 13), scales, columns)?;
    let ask_iv = row.optional(14, |text| nearest(text, places, rounded))?;
    let mark = computed(row, 15, scales, rounded)?;
    let mark_iv = row.optional(16, |text| nearest(text, places, rounded))?;
    let index = computed(row, 18, scales, rounded)?;
    let (buy, sell) = (Some(Side::Buy), Some(Side::Sell));
    for (number, side, (price, qty)) in [(0, buy, bid), (1, sell, ask)] {
        let best = Event { kind: Kind::Best, side, price, qty, ..event };
        tell(&mut state.told[number], best, sink);
    }
    for (number, side, iv) in [(2, buy, bid_iv), (3, sell, ask_iv), (4, None, mark_iv)] {
        // A venue that knows none says zero or nothing.
        if let Some(price) = iv.filter(|iv| *iv != 0) {
            let iv = Event { kind: Kind::Volatility, side, price, ..event };
            tell(&mut state.told[number], iv, sink);
        }
    }
    for (number, kind, price) in [(5, Kind::Mark, mark), (6, Kind::Index, index)] {
        if let Some(price) = price {
            tell(&mut state.told[number], Event { kind, price, ..event }, sink);
        }
    }
    if let Some(qty) = open {
        tell(&mut state.told[7], Event { kind: Kind::OpenInterest, qty, ..event }, sink);
    }
    Ok(())
}

/// A price and its quantity: both, or `None` where both are empty.
fn priced(
    row: &Row<'_>,
    (price, qty): (usize, usize),
    scales: &Scales,
) -> Result<Option<(i64, i64)>, Fault> {
    let at = row.optional(price, |text| scales.price.price(text))?;
    let size = row.optional(qty, |text| scales.qty.qty(text))?;
    match (at, size) {
        (Some(at), Some(size)) => Ok(Some((at, size))),
        (None, None | Some(0)) => Ok(None),
        (Some(_), None) => row.in_column(qty, Err(Cause::MissingValue)),
        (None, Some(_)) => row.in_column(price, Err(Cause::MissingValue)),
    }
}

/// An option's quote, zero if there is none; half a quote is none, and counted.
fn quoted(
    row: &Row<'_>,
    (price, qty): (usize, usize),
    scales: &Scales,
    columns: &mut u64,
) -> Result<(i64, i64), Fault> {
    if row.text(price).is_empty() || row.text(qty).is_empty() {
        *columns += filled(row, &[price, qty]);
        return Ok((0, 0));
    }
    priced(row, (price, qty), scales).map(|at| at.unwrap_or((0, 0)))
}

/// A price that the venue computes, to the nearest 10⁻⁸.
fn computed(
    row: &Row<'_>,
    role: usize,
    scales: &Scales,
    rounded: &mut u64,
) -> Result<Option<i64>, Fault> {
    row.optional(role, |text| scales.price.divide(nearest(text, 8, rounded)?))
}

fn open_interest(
    row: &Row<'_>,
    role: usize,
    scales: &Scales,
    rounded: &mut u64,
) -> Result<Option<i64>, Fault> {
    row.optional(role, |text| {
        let raw = nearest(text, 8, rounded)?;
        if raw < 0 {
            return Err(Cause::Negative("open interest", money::Qty::from_raw(raw)));
        }
        scales.qty.divide(raw)
    })
}

/// Writes what differs from what was last told.
fn tell(told: &mut Option<Event>, event: Event, sink: &mut Sink<'_>) {
    let says = |event: &Event| (event.price, event.qty, event.id);
    if told.as_ref().map(says) != Some(says(&event)) {
        *told = Some(event);
        sink.push(&event);
    }
}

/// How many of the columns hold something.
fn filled(row: &Row<'_>, roles: &[usize]) -> u64 {
    roles.iter().filter(|role| !row.text(**role).is_empty()).count() as u64
}

/// A number as it is, no text as zero, any other text by FNV-1a of 64 bits
/// (draft-eastlake-fnv), so that equal texts stay equal.
fn identity(text: &str) -> u64 {
    const BASIS: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0000_0100_0000_01b3;
    if text.is_empty() {
        return 0;
    }
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let mix = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(PRIME);
    let hash = || text.bytes().fold(BASIS, mix);
    text.parse().ok().filter(|_| digits).unwrap_or_else(hash)
}
