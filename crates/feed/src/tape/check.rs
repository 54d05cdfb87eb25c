//! What is wrong with a tape, found in one pass: each finding with its count, its severity and
//! where it was seen first.
//!
//! The book of each instrument is rebuilt, by price or by order, and looked at when a message
//! ends. The clocks are compared by receipt less venue's time: quantiles from a histogram of 32
//! steps to a power of two (3 %), and the least of each minute, whose steps are jumps and whose
//! line of least squares is the drift. Memory does not grow with the length.

mod book;
mod clocks;
mod rows;

pub use clocks::Delays;

use std::collections::BTreeMap;

use money::{Span, Time};

use self::book::Book;
use self::clocks::Clocks;
use self::rows::Rows;
use super::parquet::Sum;
use super::{Decoder, Event, Header, Kind, Source};
use crate::error::Error;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Usual, good to know.
    Note,
    /// A result may be off near it.
    Warning,
    /// The data are wrong there.
    Error,
}

/// What can be found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// An event of an instrument that is not listed.
    UnknownInstrument,
    /// The recorder's clock steps back from one event to the next.
    LocalBackwards,
    /// A price or quantity that cannot be.
    BadValue,
    /// The best bid is above the best ask when a message has ended.
    Crossed,
    /// An order is added that rests already.
    RepeatedOrder,
    /// A trade's number comes twice.
    RepeatedTrade,
    /// The four events of a bar are not in order, or no trades can have made them.
    BadBar,
    /// Two settlements of funding at one time.
    RepeatedFunding,
    /// The last message does not end.
    Unended,
    /// Received before it happened, as the clocks tell.
    LocalBeforeExchange,
    /// The venue's clock steps back from one message of an instrument to the next.
    ExchangeBackwards,
    /// The least delay of a minute is far from that of the minute before.
    ClockJump,
    /// Nothing of an instrument's book or trades for long.
    Gap,
    /// The best bid equals the best ask when a message has ended.
    Locked,
    /// A message equal to the one before, receipt aside.
    RepeatedMessage,
    /// An order changes, trades or goes that does not rest.
    UnknownOrder,
    /// A trade far from the book.
    FarTrade,
    /// Bars are missing.
    MissingBars,
    /// Funding is settled after another interval than before.
    FundingInterval,
    /// A level is removed that is not there.
    AbsentLevel,
    /// The book begins anew behind other events.
    SnapshotWithin,
    /// Levels change before any snapshot has come: the book is only what has changed.
    NoSnapshot,
}

/// What is thought of as long or far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Longest time without an event of a book or trade of an instrument.
    pub gap: Span,
    /// Largest change of the least delay from one minute to the next.
    pub jump: Span,
    /// Distance of a trade from the book, in hundredths of a percent of its price.
    pub far_bp: i64,
}

impl Default for Limits {
    /// A minute, 100 ms, 1 %.
    fn default() -> Limits {
        Limits { gap: Span::MINUTE, jump: Span::from_millis(100), far_bp: 100 }
    }
}

/// One place where a fault was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Example {
    /// Number of the event, from 1.
    pub event: u64,
    /// The recorder's time.
    pub local: Time,
    /// Index of the instrument.
    pub instrument: u16,
    /// What was seen.
    pub text: String,
}

/// A fault, how often, and where first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How often it was seen.
    pub count: u64,
    /// The first few.
    pub examples: Vec<Example>,
}

/// What one pass over a tape has told.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// Source and instruments, all that there were in the end.
    pub header: Header,
    /// Number of events.
    pub events: u64,
    /// Number of messages.
    pub messages: u64,
    /// Times of receipt of the first and the last event.
    pub period: Option<(Time, Time)>,
    /// Events by kind.
    pub kinds: BTreeMap<Kind, u64>,
    /// Events by instrument.
    pub instruments: BTreeMap<u16, u64>,
    /// Receipt less venue's time, where the two differ anywhere.
    pub delays: Option<Delays>,
    /// CRC-32 of the events, the same in every layout.
    pub checksum: u32,
    /// What was found.
    pub findings: BTreeMap<Fault, Finding>,
}

/// Examples kept of each fault.
const EXAMPLES: usize = 5;

impl Fault {
    /// How bad it is.
    pub const fn severity(self) -> Severity {
        match self {
            Fault::UnknownInstrument
            | Fault::LocalBackwards
            | Fault::BadValue
            | Fault::Crossed
            | Fault::RepeatedOrder
            | Fault::RepeatedTrade
            | Fault::BadBar
            | Fault::RepeatedFunding
            | Fault::Unended => Severity::Error,
            Fault::LocalBeforeExchange
            | Fault::ExchangeBackwards
            | Fault::ClockJump
            | Fault::Gap
            | Fault::Locked
            | Fault::RepeatedMessage
            | Fault::UnknownOrder
            | Fault::FarTrade
            | Fault::MissingBars
            | Fault::FundingInterval => Severity::Warning,
            Fault::AbsentLevel | Fault::SnapshotWithin | Fault::NoSnapshot => Severity::Note,
        }
    }

    /// Its name in a report.
    pub const fn name(self) -> &'static str {
        match self {
            Fault::UnknownInstrument => "unknown instrument",
            Fault::LocalBackwards => "receipt goes back in time",
            Fault::BadValue => "impossible price or quantity",
            Fault::Crossed => "crossed book",
            Fault::RepeatedOrder => "order added twice",
            Fault::RepeatedTrade => "trade repeated",
            Fault::BadBar => "bar out of order",
            Fault::RepeatedFunding => "funding repeated",
            Fault::Unended => "last message unended",
            Fault::LocalBeforeExchange => "received before it happened",
            Fault::ExchangeBackwards => "venue's clock goes back",
            Fault::ClockJump => "clocks jump",
            Fault::Gap => "gap",
            Fault::Locked => "locked book",
            Fault::RepeatedMessage => "message repeated",
            Fault::UnknownOrder => "unknown order",
            Fault::FarTrade => "trade far from the book",
            Fault::MissingBars => "bars missing",
            Fault::FundingInterval => "funding interval changes",
            Fault::AbsentLevel => "absent level removed",
            Fault::SnapshotWithin => "snapshot in the middle",
            Fault::NoSnapshot => "no snapshot at the start",
        }
    }
}

impl Summary {
    /// The worst that was found.
    pub fn worst(&self) -> Option<Severity> {
        self.findings.keys().map(|fault| fault.severity()).max()
    }

    /// Whether anything is wrong.
    pub fn has_errors(&self) -> bool {
        self.worst() == Some(Severity::Error)
    }

    fn found(&mut self, fault: Fault, event: &Event, text: impl FnOnce() -> String) {
        let none = Finding { count: 0, examples: Vec::new() };
        let finding = self.findings.entry(fault).or_insert(none);
        finding.count += 1;
        if finding.examples.len() < EXAMPLES {
            let (event, local, instrument) = (self.events, event.local, event.instrument);
            finding.examples.push(Example { event, local, instrument, text: text() });
        }
    }
}

/// Counts what a source holds.
///
/// # Errors
/// What the source refuses.
pub fn count(source: &mut dyn Source) -> Result<Summary, Error> {
    run(source, None)
}

/// Counts what a source holds and looks for faults.
///
/// # Errors
/// What the source refuses; a fault is no error.
pub fn check(source: &mut dyn Source, limits: &Limits) -> Result<Summary, Error> {
    run(source, Some(limits))
}

fn run(source: &mut dyn Source, limits: Option<&Limits>) -> Result<Summary, Error> {
    let mut pass = Pass::default();
    let (mut decoder, mut slots, mut sum) = (Decoder::default(), Vec::new(), Sum::default());
    while source.fill(&mut slots)? {
        let mut left = slots.as_slice();
        while let Some(event) = decoder.next(&mut left) {
            sum.add(&event);
            pass.count(&event);
            if let Some(limits) = limits {
                pass.check(source.header(), &event, limits);
            }
        }
        slots.clear();
    }
    if let (Some(limits), Some(last)) = (limits, pass.last) {
        pass.end(&last, limits);
    }
    let mut summary = pass.summary;
    summary.delays = pass.clocks.delays();
    summary.header = source.header().clone();
    summary.checksum = sum.checksum();
    Ok(summary)
}

/// The state of a pass.
#[derive(Default)]
struct Pass {
    summary: Summary,
    clocks: Clocks,
    markets: Vec<Market>,
    last: Option<Event>,
}

/// The state of one instrument.
#[derive(Default)]
struct Market {
    book: Book,
    rows: Rows,
    /// The last event of its book or trades.
    seen: Option<Event>,
    /// Whether the book must be looked at when the message ends.
    changed: bool,
    crossed: bool,
}

impl Pass {
    fn count(&mut self, event: &Event) {
        let summary = &mut self.summary;
        summary.events += 1;
        summary.messages += u64::from(event.last);
        let (first, _) = summary.period.unwrap_or((event.local, event.local));
        summary.period = Some((first, event.local));
        *summary.kinds.entry(event.kind).or_default() += 1;
        *summary.instruments.entry(event.instrument).or_default() += 1;
        self.clocks.add(event);
    }

    fn check(&mut self, header: &Header, event: &Event, limits: &Limits) {
        let index = usize::from(event.instrument);
        let Some(listed) = header.instruments.get(index) else {
            let listed = header.instruments.len();
            self.summary.found(Fault::UnknownInstrument, event, || {
                format!("instrument {index} of {listed}")
            });
            return;
        };
        if self.markets.len() <= index {
            self.markets.resize_with(index + 1, Market::default);
        }
        self.check_times(event, limits);
        let market = &mut self.markets[index];
        check_values(&mut self.summary, event);
        market.rows.take(&mut self.summary, event);
        if is_of_book(event.kind) {
            market.check_gap(&mut self.summary, event, limits);
            market.changed |= market.book.take(&mut self.summary, event, limits, listed);
            market.seen = Some(*event);
        }
        if event.last {
            self.end_message(event);
        }
        self.last = Some(*event);
    }

    fn check_times(&mut self, event: &Event, limits: &Limits) {
        let before = self.last.filter(|last| last.local > event.local);
        if let Some(last) = before {
            self.summary.found(Fault::LocalBackwards, event, || {
                format!("by {}", length(last.local.since(event.local)))
            });
        }
        if event.local < event.exchange {
            self.summary.found(Fault::LocalBeforeExchange, event, || {
                format!("by {}", length(event.exchange.since(event.local)))
            });
        }
        if let Some(jump) = self.clocks.jump(limits.jump) {
            self.summary.found(Fault::ClockJump, event, || jump);
        }
    }

    /// Looks at the books that a message has changed.
    fn end_message(&mut self, event: &Event) {
        let market = &mut self.markets[usize::from(event.instrument)];
        if !std::mem::take(&mut market.changed) {
            return;
        }
        let (Some(bid), Some(ask)) = market.book.best() else {
            market.crossed = false;
            return;
        };
        let was = std::mem::replace(&mut market.crossed, bid >= ask);
        if bid >= ask && !was {
            let fault = if bid > ask { Fault::Crossed } else { Fault::Locked };
            self.summary.found(fault, event, || format!("bid {bid} and ask {ask} units"));
        }
    }

    fn end(&mut self, last: &Event, limits: &Limits) {
        if !last.last {
            self.summary.found(Fault::Unended, last, || "no event behind ends it".to_owned());
        }
        if let Some(jump) = self.clocks.last_jump(limits.jump) {
            self.summary.found(Fault::ClockJump, last, || jump);
        }
    }
}

impl Market {
    fn check_gap(&self, summary: &mut Summary, event: &Event, limits: &Limits) {
        let Some(seen) = self.seen else { return };
        let gap = event.local.since(seen.local);
        if gap > limits.gap && event.local > seen.local {
            summary.found(Fault::Gap, event, || {
                format!("nothing for {} since {}", length(gap), seen.local)
            });
        }
        if event.exchange < seen.exchange {
            summary.found(Fault::ExchangeBackwards, event, || {
                format!("by {}", length(seen.exchange.since(event.exchange)))
            });
        }
    }
}

fn check_values(summary: &mut Summary, event: &Event) {
    let Event { kind, price, qty, .. } = *event;
    let priced = match kind {
        Kind::Level
        | Kind::Trade
        | Kind::Add
        | Kind::Change
        | Kind::Execute
        | Kind::Open
        | Kind::High
        | Kind::Low
        | Kind::Close
        | Kind::Index
        | Kind::Volatility
        | Kind::Forced => true,
        Kind::Best => qty > 0,
        // An option's mark may be nothing.
        Kind::Mark => price < 0,
        Kind::Base
        | Kind::Clear
        | Kind::Remove
        | Kind::Funding
        | Kind::Predicted
        | Kind::OpenInterest
        | Kind::PoolTick
        | Kind::PoolLiquidity
        | Kind::PoolIn0
        | Kind::PoolIn1 => false,
    };
    let sized = matches!(kind, Kind::Trade | Kind::Add | Kind::Execute | Kind::Forced);
    if priced && price <= 0 {
        summary.found(Fault::BadValue, event, || format!("{} at {price} units", kind.name()));
    } else if qty < 0 && kind.counts_units() || sized && qty == 0 {
        summary.found(Fault::BadValue, event, || format!("{} of {qty} units", kind.name()));
    }
}

/// Whether a kind is one of a feed that goes on all the time.
fn is_of_book(kind: Kind) -> bool {
    match kind {
        Kind::Level
        | Kind::Clear
        | Kind::Trade
        | Kind::Best
        | Kind::Add
        | Kind::Change
        | Kind::Remove
        | Kind::Execute => true,
        Kind::Base
        | Kind::Open
        | Kind::High
        | Kind::Low
        | Kind::Close
        | Kind::Funding
        | Kind::Predicted
        | Kind::Mark
        | Kind::Index
        | Kind::OpenInterest
        | Kind::Forced
        | Kind::Volatility
        | Kind::PoolTick
        | Kind::PoolLiquidity
        | Kind::PoolIn0
        | Kind::PoolIn1 => false,
    }
}

/// A span as people write it: `1.500 s`, `12.000 ms`, `350 ns`.
pub fn length(span: Span) -> String {
    let nanos = span.nanos();
    match nanos {
        0..1_000 => format!("{nanos} ns"),
        1_000..1_000_000 => format!("{}.{:03} µs", nanos / 1_000, nanos % 1_000),
        1_000_000..1_000_000_000 => {
            format!("{}.{:03} ms", nanos / 1_000_000, nanos / 1_000 % 1_000)
        }
        _ => format!("{}.{:03} s", nanos / 1_000_000_000, nanos / 1_000_000 % 1_000),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
