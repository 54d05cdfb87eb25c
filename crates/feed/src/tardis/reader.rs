//! Lines to events: what is kept from row to row, and the choice between the plain and the exact
//! way.

use memchr::memchr;
use money::Time;

use super::fast::{Run, TIMES, Taken};
use super::layout::Layout;
use super::listing::{Listing, Scales, Sniffed};
use super::row::{Commas, Fault, Row};
use super::rows::{self, Sink};
use super::state::{Book, State};
use super::writer::Writer;
use super::{DataType, EXPECTED, Left, Options};
use crate::error::Cause;
use crate::lines::Limits;
use crate::number::{self, Clock};
use crate::tape::{Event, Header, Kind, Slot};

/// All that reading a file remembers.
pub(super) struct Reader {
    layout: Layout,
    listing: Listing,
    states: Vec<State>,
    writer: Writer,
    clock: Clock,
    commas: Commas,
    /// The one instrument to read.
    symbol: Option<String>,
    limits: Limits,
    /// Times and instrument of the row last read.
    last: Event,
    /// The first of the blank lines last read.
    blank: Option<u64>,
    left: Left,
}

const BLANK: Event = Event {
    exchange: Time::ZERO,
    local: Time::ZERO,
    instrument: 0,
    kind: Kind::Level,
    side: None,
    last: false,
    snapshot: false,
    price: 0,
    qty: 0,
    id: 0,
};

/// What is wrong, on which line.
pub(super) type Failure = (u64, Fault);

impl Reader {
    /// Of a file with a header.
    pub(super) fn new(layout: Layout, options: &Options) -> Result<Reader, Cause> {
        let source = format!("tardis {}", layout.what.name());
        let listing = Listing::new(source, options.units)?;
        Ok(Reader {
            layout,
            listing,
            states: Vec::new(),
            writer: Writer::default(),
            clock: Clock::default(),
            commas: Commas::default(),
            symbol: options.symbol.clone(),
            limits: options.limits,
            last: BLANK,
            blank: None,
            left: Left::default(),
        })
    }

    /// What the file holds.
    pub(super) fn data_type(&self) -> DataType {
        self.layout.what
    }

    /// What has been left out.
    pub(super) fn left(&self) -> Left {
        self.left
    }

    /// The instruments.
    pub(super) fn header(&self) -> &Header {
        self.listing.header()
    }

    /// Lists the instruments of the first rows with the finest decimals that they have there.
    pub(super) fn sniff(&mut self, window: &[u8], rows: usize) {
        let mut sniffed = Sniffed::default();
        for line in window.split(|byte| *byte == b'\n').take(rows) {
            let Ok(text) = checked(line, &self.limits, EXPECTED) else { continue };
            let Ok(row) = Row::new(text, &mut self.commas, &self.layout) else { continue };
            if self.symbol.as_ref().is_some_and(|symbol| symbol != row.text(1)) {
                continue;
            }
            let (prices, qtys) = measured(self.layout.what);
            let raw = |role: usize| number::price(row.text(role)).map_or(0, |price| price.raw());
            let prices: Vec<i64> = prices.map(raw).collect();
            let qtys: Vec<i64> = qtys.map(raw).collect();
            sniffed.add(row.text(0), row.text(1), &prices, &qtys);
        }
        for (venue, name, price, qty) in sniffed.finest {
            // There are fewer rows than a tape can number instruments.
            let _ = self.listing.list(&venue, &name, (price, qty));
        }
    }

    /// Begins a batch.
    pub(super) fn begin(&mut self, slots: &mut Vec<Slot>) {
        self.writer.begin(slots);
    }

    /// Ends a batch that another follows.
    pub(super) fn hold(&mut self, slots: &mut Vec<Slot>) {
        self.writer.hold(slots);
    }

    /// Ends the last batch.
    pub(super) fn close(&mut self, slots: &mut [Slot]) {
        self.writer.close(slots);
    }

    /// What can be wrong with a file that has ended.
    pub(super) fn check_end(&self) -> Result<(), Cause> {
        if self.left.rows == 0 {
            return Err(Cause::Empty(EXPECTED));
        }
        let asked = self.left.rows - self.left.other_symbols;
        match &self.symbol {
            Some(symbol) if asked == 0 => Err(Cause::NoneOf(symbol.clone())),
            Some(_) | None if self.left.before_snapshot == asked => Err(Cause::NoSnapshot),
            Some(_) | None => Ok(()),
        }
    }

    /// Reads whole lines until the batch is full, from behind the line with this number.
    pub(super) fn read(
        &mut self,
        window: &[u8],
        before: u64,
        target: usize,
        slots: &mut Vec<Slot>,
    ) -> (Taken, Result<(), Failure>) {
        let mut taken = Taken::default();
        while taken.bytes < window.len() && slots.len() < target {
            let rest = &window[taken.bytes..];
            let first = line_bytes(rest);
            let names = match self.line(&rest[..first], before + taken.lines + 1, slots) {
                Ok(names) => names,
                Err(failure) => return (taken, Err(failure)),
            };
            taken.bytes += first;
            taken.lines += 1;
            if let Some(names) = names {
                let line_bytes = self.limits.line_bytes;
                let run = Run { window: rest, first, names, target, line_bytes };
                let more = self.run(&run, slots);
                taken.bytes += more.bytes;
                taken.lines += more.lines;
            }
        }
        (taken, Ok(()))
    }

    fn run(&mut self, run: &Run<'_>, slots: &mut Vec<Slot>) -> Taken {
        let scales = self.listing.scales(self.last.instrument);
        let taken = run.write(&mut self.last, scales, &mut self.writer, slots);
        self.left.rows += taken.lines;
        taken
    }

    /// Reads a line the exact way; the bytes of its names if plain rows can follow it.
    fn line(
        &mut self,
        bytes: &[u8],
        number: u64,
        slots: &mut Vec<Slot>,
    ) -> Result<Option<usize>, Failure> {
        let text = checked(bytes, &self.limits, EXPECTED);
        let text = text.map_err(|cause| (number, (0, cause)))?;
        if text.is_empty() {
            self.blank.get_or_insert(number);
            return Ok(None);
        }
        if let Some(blank) = self.blank {
            return Err((blank, (0, Cause::BlankLine)));
        }
        let told = self.row(text, slots).map_err(|fault| (number, fault))?;
        self.left.rows += 1;
        Ok(if told { self.plain_names(text) } else { None })
    }

    /// Reads a row; false if it is of an instrument that is not asked for.
    fn row(&mut self, text: &str, slots: &mut Vec<Slot>) -> Result<bool, Fault> {
        let row = Row::new(text, &mut self.commas, &self.layout)?;
        let (venue, name) = (row.name(0)?, row.name(1)?);
        let exchange = row.time(2, &mut self.clock)?;
        let local = row.time(3, &mut self.clock)?;
        if local < self.last.local {
            return row.in_column(3, Err(Cause::Unsorted(local, self.last.local)));
        }
        if self.symbol.as_ref().is_some_and(|symbol| symbol != name) {
            self.left.other_symbols += 1;
            return Ok(false);
        }
        let instrument = row.in_column(1, self.listing.number(venue, name))?;
        let index = usize::from(instrument);
        if self.states.len() <= index {
            self.states.resize_with(index + 1, State::default);
        }
        let event = Event { exchange, local, instrument, ..BLANK };
        let state = &mut self.states[index];
        let scales: &Scales = self.listing.scales(instrument);
        let (writer, left, clock) = (&mut self.writer, &mut self.left, &mut self.clock);
        let mut sink = Sink { writer, slots, left, clock };
        rows::write(self.layout.what, &row, event, (scales, state), &mut sink)?;
        self.last = Event { snapshot: state.book == Book::Snapshot, ..event };
        Ok(true)
    }

    /// The bytes of venue, instrument and their commas in a row of the plain form.
    fn plain_names(&self, text: &str) -> Option<usize> {
        let known = match self.states[usize::from(self.last.instrument)].book {
            Book::Unknown => false,
            Book::Snapshot | Book::Live => self.layout.in_order() && self.clock.is_micros(),
        };
        let names = self.commas.end_of(1);
        let plain = known && self.commas.end_of(3) == names + TIMES && names + TIMES < text.len();
        plain.then_some(names)
    }
}

/// Bytes of the first line with its end.
pub(super) fn line_bytes(window: &[u8]) -> usize {
    memchr(b'\n', window).map_or(window.len(), |at| at + 1)
}

/// A line without its end, if it is not too long and text.
pub(super) fn checked<'l>(
    line: &'l [u8],
    limits: &Limits,
    expected: &'static str,
) -> Result<&'l str, Cause> {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    if line.len() > limits.line_bytes {
        return Err(Cause::LineTooLong(limits.line_bytes));
    }
    std::str::from_utf8(line).map_err(|_| Cause::NotUtf8(expected))
}

/// The columns of prices and of quantities that units are taken from.
fn measured(what: DataType) -> (std::iter::StepBy<Range>, std::iter::StepBy<Range>) {
    let (prices, qtys, step) = match what {
        DataType::IncrementalBookL2 | DataType::Trades | DataType::Liquidations => (6..7, 7..8, 1),
        // ask_amount, ask_price, bid_price, bid_amount: the amounts are three apart.
        DataType::Quotes | DataType::BookTicker => return ((5..7).step_by(1), (4..8).step_by(3)),
        DataType::BookSnapshot5 => (4..24, 5..24, 2),
        DataType::BookSnapshot25 => (4..104, 5..104, 2),
        DataType::DerivativeTicker | DataType::OptionsChain => (0..0, 0..0, 1),
    };
    (prices.step_by(step), qtys.step_by(step))
}

type Range = std::ops::Range<usize>;
