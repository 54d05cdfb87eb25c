//! Raw websocket captures (see `capture`) as a tape: changes of the book, best prices, trades.
//!
//! Changes are checked against their numbers as in `book`. Those that came before the snapshot are
//! folded into it: the tape has one message that empties the book and holds all of it, at the
//! snapshot's receipt. Where changes are missing the book is emptied until the next snapshot.
//!
//! Venue's time: the event's (`E`), of a trade its own (`T`). Spot's best prices and snapshots have
//! none and take the latest that was known (at the beginning, the first). Both clocks are kept as
//! they are, unless a shift of the recorder's is given; the findings say by how much it is behind.
//! Every line that yields no event is counted there.

use std::io::Read;

use money::Time;

use crate::book::{Sequence, Step};
use crate::capture::{Capture, Received};
use crate::error::{Cause, Error};
use crate::findings::{Finding, Findings, Notice};
use crate::record::{BookTicker, DepthUpdate, Level, MarketEvent, Taker, Trade};
use crate::tape::{Event, Kind, Side, Source};
use crate::units::{self, Drafts, Options, Rows};

/// Opens a capture, plain or gzip; `file` is the name in errors.
///
/// # Errors
/// What is wrong with the first rows, from which the units are told.
pub fn open<'a>(
    file: &str,
    input: impl Read + 'a,
    options: &Options,
) -> Result<Box<dyn Source + 'a>, Error> {
    let streams = Streams {
        capture: Capture::new(file, input, &options.limits)?,
        wanted: options.symbol.as_ref().map(|symbol| symbol.to_ascii_lowercase()),
        venue: options.venue.clone(),
        shift_ns: options.shift_ns,
        symbols: Vec::new(),
        markets: Vec::new(),
        nameless_snapshot: false,
        latest: None,
        before: Time::ZERO,
        least_ns: None,
        findings: Findings::default(),
    };
    units::source(file, streams, Drafts::new(file, options, false))
}

struct Streams<'a> {
    capture: Capture<'a>,
    /// The only symbol to read, in lower case.
    wanted: Option<String>,
    venue: Option<String>,
    shift_ns: i64,
    /// All symbols of the capture so far.
    symbols: Vec<String>,
    /// Those that are read; the index is the instrument's.
    markets: Vec<Market>,
    /// Whether a snapshot was taken for the only symbol.
    nameless_snapshot: bool,
    /// The latest time of the exchange, over all messages.
    latest: Option<Time>,
    /// Receipt of the message before.
    before: Time,
    /// Least receipt less exchange's time, and its line.
    least_ns: Option<(i64, u64)>,
    findings: Findings,
}

#[derive(Default)]
struct Market {
    symbol: String,
    sequence: Sequence,
    trade: u64,
    venue_known: bool,
    waits_since: u64,
}

/// When a message was sent and received, and where it stands.
#[derive(Clone, Copy)]
struct Stamp {
    exchange: Time,
    local: Time,
    line: u64,
    instrument: u16,
}

impl Rows for Streams<'_> {
    fn advance(&mut self, drafts: &mut Drafts) -> Result<bool, Error> {
        let Some(received) = self.capture.next().transpose()? else {
            return self.end().map(|()| false);
        };
        let line = self.capture.line();
        let Some(instrument) =
            self.instrument(&received, drafts).map_err(|cause| self.capture.fail(cause))?
        else {
            return Ok(true);
        };
        let stamp = self.stamp(&received, line, (instrument, drafts));
        match &received.event {
            MarketEvent::Depth(update) => self.depth(update, stamp, drafts),
            MarketEvent::Ticker(ticker) => best(ticker, stamp, drafts),
            MarketEvent::Trade(trade) => self.trade(trade, stamp, drafts),
            MarketEvent::Bar(_) | MarketEvent::Funding(_) => {}
        }
        Ok(true)
    }

    fn findings(&self) -> Vec<Finding> {
        let mut findings = self.findings.clone();
        for market in &self.markets {
            findings.add(Notice::Unused, market.sequence.unused(), market.waits_since);
        }
        if let Some((least, line)) = self.least_ns.filter(|(least, _)| *least < 0) {
            findings.add(Notice::ClockBehind(least.unsigned_abs()), 1, line);
        }
        findings.list()
    }
}

impl Streams<'_> {
    /// Nothing of the symbol that was asked for is an error, not an empty tape.
    fn end(&self) -> Result<(), Error> {
        match &self.wanted {
            Some(wanted) if !self.symbols.contains(wanted) => {
                let cause = Cause::NoSuchSymbol(wanted.clone(), self.symbols.join(", "));
                Err(Error { line: 0, ..self.capture.fail(cause) })
            }
            Some(_) | None => Ok(()),
        }
    }

    /// The instrument of a message; `None` if it is of a symbol that is not read.
    fn instrument(
        &mut self,
        received: &Received,
        drafts: &mut Drafts,
    ) -> Result<Option<u16>, Cause> {
        let symbol = received.symbol.as_str();
        if symbol.is_empty() {
            return self.of_snapshot(drafts);
        }
        let known = self.markets.iter().position(|market| market.symbol == symbol);
        let index = match known {
            Some(index) => index,
            None if self.symbols.iter().any(|name| name == symbol) => return Ok(None),
            None => match self.begin(symbol, drafts)? {
                Some(index) => index,
                None => return Ok(None),
            },
        };
        let market = &mut self.markets[index];
        let number = u16::try_from(index).expect("listed as one");
        if !market.venue_known {
            let venue = venue(received, symbol);
            market.venue_known = venue.is_some();
            if let (Some(venue), None) = (venue, &self.venue) {
                drafts.set_venue(number, venue);
            }
        }
        Ok(Some(number))
    }

    /// Lists a symbol that comes for the first time, if it is to be read.
    fn begin(&mut self, symbol: &str, drafts: &mut Drafts) -> Result<Option<usize>, Cause> {
        self.symbols.push(symbol.to_owned());
        if self.nameless_snapshot && self.symbols.len() > 1 {
            return Err(Cause::SnapshotOfWhom(self.symbols.join(", ")));
        }
        if self.wanted.as_ref().is_some_and(|wanted| wanted != symbol) {
            return Ok(None);
        }
        let nameless = self.markets.iter().position(|market| market.symbol.is_empty());
        let index = match nameless {
            Some(index) => {
                let number = u16::try_from(index).expect("listed as one");
                drafts.rename(number, &symbol.to_ascii_uppercase());
                index
            }
            None => self.list(&symbol.to_ascii_uppercase(), drafts)?,
        };
        symbol.clone_into(&mut self.markets[index].symbol);
        Ok(Some(index))
    }

    fn list(&mut self, name: &str, drafts: &mut Drafts) -> Result<usize, Cause> {
        let venue = self.venue.as_deref().unwrap_or_default();
        drafts.list(name, venue).ok_or(Cause::TooManyInstruments)?;
        self.markets.push(Market::default());
        Ok(self.markets.len() - 1)
    }

    /// A snapshot has no name: it is of the only symbol, before or behind it.
    fn of_snapshot(&mut self, drafts: &mut Drafts) -> Result<Option<u16>, Cause> {
        if self.symbols.len() > 1 {
            return Err(Cause::SnapshotOfWhom(self.symbols.join(", ")));
        }
        self.nameless_snapshot = true;
        if self.markets.is_empty() {
            if !self.symbols.is_empty() {
                return Ok(None); // the only symbol so far is not read
            }
            self.list("", drafts)?;
        }
        Ok(Some(0))
    }

    /// The two times of a message, after the shift.
    fn stamp(
        &mut self,
        received: &Received,
        line: u64,
        (instrument, drafts): (u16, &mut Drafts),
    ) -> Stamp {
        let time = match &received.event {
            MarketEvent::Depth(update) => update.time,
            MarketEvent::Ticker(ticker) => ticker.time,
            MarketEvent::Trade(trade) => Some(trade.time),
            MarketEvent::Bar(_) | MarketEvent::Funding(_) => None,
        };
        let local = Time::from_nanos(received.at.nanos().saturating_add_signed(self.shift_ns));
        if local < self.before {
            self.findings.add(Notice::ClockBack, 1, line);
        }
        self.before = local;
        let Some(time) = time else {
            self.findings.add(Notice::Timeless, 1, line);
            let exchange = self.latest.unwrap_or(local);
            return Stamp { exchange, local, line, instrument };
        };
        if self.latest.is_none() {
            drafts.set_exchange(time);
        }
        self.latest = self.latest.max(Some(time));
        let delay = local.nanos().wrapping_sub(time.nanos()).cast_signed();
        if self.least_ns.is_none_or(|(least, _)| delay < least) {
            self.least_ns = Some((delay, line));
        }
        Stamp { exchange: time, local, line, instrument }
    }

    fn depth(&mut self, update: &DepthUpdate, stamp: Stamp, drafts: &mut Drafts) {
        if update.snapshot {
            return self.snapshot(update, stamp, drafts);
        }
        let market = &mut self.markets[usize::from(stamp.instrument)];
        match market.sequence.take(update) {
            Step::Buffered => {
                if market.waits_since == 0 {
                    market.waits_since = stamp.line;
                }
            }
            Step::Stale => self.findings.add(Notice::Old, 1, stamp.line),
            Step::Applied => levels(&[update], false, stamp, drafts),
            Step::Gap(gap) => {
                market.waits_since = stamp.line;
                self.findings.add(Notice::Missing(gap), 1, stamp.line);
                drafts.push(stamped(stamp, Kind::Clear), stamp.line, [0, 0]);
            }
        }
    }

    /// The whole book, with the changes that waited for it, as one message.
    fn snapshot(&mut self, snapshot: &DepthUpdate, stamp: Stamp, drafts: &mut Drafts) {
        let market = &mut self.markets[usize::from(stamp.instrument)];
        let Some(waiting) = market.sequence.restart(snapshot.last_id) else {
            self.findings.add(Notice::Old, 1, stamp.line);
            return;
        };
        let (mut parts, mut gap) = (vec![snapshot], None);
        for update in &waiting {
            match market.sequence.take(update) {
                Step::Applied => parts.push(update),
                Step::Stale => self.findings.add(Notice::Old, 1, market.waits_since),
                Step::Buffered => {}
                Step::Gap(at) => gap = Some(at),
            }
        }
        let folded = parts.len() as u64 - 1;
        self.findings.add(Notice::Folded, folded, market.waits_since);
        market.waits_since = if gap.is_some() { stamp.line } else { 0 };
        // Changes that are in it may be younger than the snapshot says that it is.
        let exchange = self.latest.unwrap_or(stamp.exchange);
        let stamp = Stamp { exchange, ..stamp };
        let last = parts.iter().all(|part| part.bids.is_empty() && part.asks.is_empty());
        let clear = Event { snapshot: true, last, ..stamped(stamp, Kind::Clear) };
        drafts.push(clear, stamp.line, [0, 0]);
        levels(&parts, true, stamp, drafts);
        if let Some(gap) = gap {
            self.findings.add(Notice::Missing(gap), 1, stamp.line);
            drafts.push(stamped(stamp, Kind::Clear), stamp.line, [0, 0]);
        }
    }

    fn trade(&mut self, trade: &Trade, stamp: Stamp, drafts: &mut Drafts) {
        let market = &mut self.markets[usize::from(stamp.instrument)];
        if trade.id <= market.trade {
            self.findings.add(Notice::Repeated, 1, stamp.line);
            return;
        }
        market.trade = trade.id;
        let side = match trade.taker {
            Taker::Buyer => Side::Buy,
            Taker::Seller => Side::Sell,
        };
        let event = Event {
            side: Some(side),
            price: trade.price.raw(),
            qty: trade.qty.raw(),
            id: trade.id,
            ..stamped(stamp, Kind::Trade)
        };
        drafts.push(event, stamp.line, [0, 0]);
    }
}

/// The venue that sends such a message; `None` where several do.
fn venue(received: &Received, symbol: &str) -> Option<&'static str> {
    let futures = match &received.event {
        MarketEvent::Depth(update) => update.previous_id.is_some(),
        MarketEvent::Ticker(ticker) => ticker.time.is_some(),
        MarketEvent::Trade(_) | MarketEvent::Bar(_) | MarketEvent::Funding(_) => return None,
    };
    Some(match (futures, symbol.contains("usd_")) {
        (false, _) => "binance",
        (true, false) => "binance-futures",
        (true, true) => "binance-delivery",
    })
}

fn stamped(stamp: Stamp, kind: Kind) -> Event {
    let Stamp { exchange, local, instrument, .. } = stamp;
    Event { local, instrument, ..units::plain(exchange, kind) }
}

fn best(ticker: &BookTicker, stamp: Stamp, drafts: &mut Drafts) {
    let best = |side, Level { price, qty }: Level, last| Event {
        side: Some(side),
        last,
        price: price.raw(),
        qty: qty.raw(),
        ..stamped(stamp, Kind::Best)
    };
    drafts.push(best(Side::Buy, ticker.bid, false), stamp.line, [0, 0]);
    drafts.push(best(Side::Sell, ticker.ask, true), stamp.line, [0, 0]);
}

/// The levels of changes that make one message.
fn levels(parts: &[&DepthUpdate], snapshot: bool, stamp: Stamp, drafts: &mut Drafts) {
    let count: usize = parts.iter().map(|part| part.bids.len() + part.asks.len()).sum();
    let mut left = count;
    for part in parts {
        for (side, levels) in [(Side::Buy, &part.bids), (Side::Sell, &part.asks)] {
            for level in levels {
                left -= 1;
                let event = Event {
                    side: Some(side),
                    last: left == 0,
                    snapshot,
                    price: level.price.raw(),
                    qty: level.qty.raw(),
                    ..stamped(stamp, Kind::Level)
                };
                drafts.push(event, stamp.line, [0, 0]);
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
