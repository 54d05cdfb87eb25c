//! The way of every importer from rows to slots: values of 10⁻⁸ become whole numbers of a unit.
//!
//! A unit is a power of ten: the finest decimals of the first rows, unless it is given. A later
//! value that is no multiple of it is an error that says which unit to give; nothing is rounded.
//! Rows are handed on in batches, so that memory does not grow with the length of the input.

use money::{Price, Qty, Time};

use crate::error::{Cause, Error};
use crate::findings::Finding;
use crate::lines::Limits;
use crate::tape::{Encoder, Event, Header, Kind, Listed, Slot, Source, Units};

/// How a source is opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// The units of its tape.
    pub units: Units,
    /// The symbol to read of a source that has several, and the name of one that has none.
    pub symbol: Option<String>,
    /// The venue, where the source does not tell it.
    pub venue: Option<String>,
    /// What bars are of; where it is not given, the file's name may tell it.
    pub prices: Option<Prices>,
    /// What to add to the recorder's clock, in nanoseconds.
    pub shift_ns: i64,
    /// What lines and bytes may not exceed.
    pub limits: Limits,
}

/// What prices the bars of a file are of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prices {
    /// Trades.
    Trades,
    /// The venue's mark.
    Mark,
    /// The venue's index.
    Index,
}

impl Default for Options {
    /// Everything as the source has it; lines up to 1 MiB, any length.
    fn default() -> Options {
        let limits = Limits { total_bytes: u64::MAX, rows: usize::MAX, ..Limits::default() };
        Options {
            units: Units::default(),
            symbol: None,
            venue: None,
            prices: None,
            shift_ns: 0,
            limits,
        }
    }
}

/// Events from which units are told, where a row has many.
const TELLING_EVENTS: usize = 1 << 16;
/// Slots of a batch, about.
const BATCH: usize = 1 << 15;

/// A layout read a row at a time.
pub(crate) trait Rows {
    /// Hands over the events of the next row, if it has any; false behind the last.
    fn advance(&mut self, drafts: &mut Drafts) -> Result<bool, Error>;

    /// What was noticed so far.
    fn findings(&self) -> Vec<Finding>;
}

/// An event whose price and quantity are in 10⁻⁸ still, and where they stand in the file.
#[derive(Clone, Copy, Debug)]
struct Draft {
    event: Event,
    line: u64,
    /// Columns of price and quantity, from 1; 0 where unknown.
    columns: [u8; 2],
}

/// Instruments and the events that wait for their units.
pub(crate) struct Drafts {
    header: Header,
    given: Units,
    /// Whether all instruments count in the same units.
    alike: bool,
    /// While units are told: the finest of each instrument, as raw price and quantity.
    finest: Vec<[i64; 2]>,
    told: bool,
    waiting: Vec<Draft>,
}

/// A source made of rows.
struct Import<R> {
    file: String,
    rows: R,
    drafts: Drafts,
    encoder: Encoder,
    more: bool,
}

/// One, in 10⁻⁸: the coarsest unit that is told by rows.
pub(crate) const ONE: i64 = 100_000_000;

/// Makes a source of rows; reads the first of them to learn the units.
pub(crate) fn source<'a, R: Rows + 'a>(
    file: &str,
    rows: R,
    mut drafts: Drafts,
) -> Result<Box<dyn Source + 'a>, Error> {
    drafts.check_given().map_err(|cause| cause.of_file(file))?;
    let (mut rows, mut more, mut count) = (rows, true, 0);
    while more && count < Units::SNIFFED_ROWS && drafts.waiting.len() < TELLING_EVENTS {
        more = rows.advance(&mut drafts)?;
        count += 1;
    }
    drafts.tell();
    let encoder = Encoder::default();
    Ok(Box::new(Import { file: file.to_owned(), rows, drafts, encoder, more }))
}

impl<R: Rows> Source for Import<R> {
    fn header(&self) -> &Header {
        &self.drafts.header
    }

    fn fill(&mut self, slots: &mut Vec<Slot>) -> Result<bool, Error> {
        let from = slots.len();
        let filled = self.batch(slots);
        if filled.is_err() {
            self.more = false;
            self.drafts.waiting.clear();
        }
        filled.map(|()| slots.len() > from)
    }

    fn findings(&self) -> Vec<Finding> {
        self.rows.findings()
    }
}

impl<R: Rows> Import<R> {
    fn batch(&mut self, slots: &mut Vec<Slot>) -> Result<(), Error> {
        let most = slots.len() + BATCH;
        self.encode(slots)?;
        while self.more && slots.len() < most {
            self.more = self.rows.advance(&mut self.drafts)?;
            self.encode(slots)?;
        }
        Ok(())
    }

    fn encode(&mut self, slots: &mut Vec<Slot>) -> Result<(), Error> {
        for draft in &self.drafts.waiting {
            let event = self.drafts.counted(draft).map_err(|(index, cause)| {
                let column = draft.columns.get(index).copied().unwrap_or(0);
                cause.at(&self.file, draft.line, u64::from(column))
            })?;
            self.encoder.push(&event, slots);
        }
        self.drafts.waiting.clear();
        Ok(())
    }
}

impl Drafts {
    /// Nothing yet. `alike` if one pair of units is to serve all instruments.
    pub(crate) fn new(file: &str, options: &Options, alike: bool) -> Drafts {
        let header = Header { source: file.to_owned(), instruments: Vec::new() };
        let (finest, waiting) = (Vec::new(), Vec::new());
        Drafts { header, given: options.units, alike, finest, told: false, waiting }
    }

    /// Adds an instrument and gives its index; `None` when there are too many.
    pub(crate) fn list(&mut self, name: &str, venue: &str) -> Option<u16> {
        let index = u16::try_from(self.header.instruments.len()).ok()?;
        let [price, qty] = self.late_units();
        self.header.instruments.push(Listed {
            name: name.to_owned(),
            venue: venue.to_owned(),
            price_unit: Price::from_raw(price),
            qty_unit: Qty::from_raw(qty),
        });
        self.finest.push([ONE, ONE]);
        Some(index)
    }

    /// Names an instrument that was listed without knowing what it is.
    pub(crate) fn rename(&mut self, index: u16, name: &str) {
        if let Some(listed) = self.header.instruments.get_mut(usize::from(index)) {
            name.clone_into(&mut listed.name);
        }
    }

    /// The venue of an instrument, told by its rows.
    pub(crate) fn set_venue(&mut self, index: u16, venue: &str) {
        if let Some(listed) = self.header.instruments.get_mut(usize::from(index)) {
            venue.clone_into(&mut listed.venue);
        }
    }

    /// Takes an event whose price and quantity are in 10⁻⁸ where its kind counts units.
    /// `columns`: where the two stand on the line, from 1, or 0.
    pub(crate) fn push(&mut self, event: Event, line: u64, columns: [u8; 2]) {
        if !self.told {
            let [price, qty] = &mut self.finest[usize::from(event.instrument)];
            if event.kind.counts_units() {
                refine(price, event.price);
                refine(qty, event.qty);
            }
        }
        self.waiting.push(Draft { event, line, columns });
    }

    /// Gives all events that still wait the venue's time, which none before told.
    pub(crate) fn set_exchange(&mut self, time: Time) {
        for draft in &mut self.waiting {
            draft.event.exchange = time;
        }
    }

    /// Ends the message of the events taken last.
    pub(crate) fn end_message(&mut self) {
        if let Some(draft) = self.waiting.last_mut() {
            draft.event.last = true;
        }
    }

    /// An instrument that first appears when the units are told.
    fn late_units(&self) -> [i64; 2] {
        let [price, qty] = match (self.alike, self.header.instruments.first()) {
            (true, Some(first)) => [first.price_unit.raw(), first.qty_unit.raw()],
            (true | false, _) => [1, 1],
        };
        [self.given.price.map_or(price, Price::raw), self.given.qty.map_or(qty, Qty::raw)]
    }

    fn check_given(&self) -> Result<(), Cause> {
        let price = self.given.price.unwrap_or(Price::from_raw(ONE));
        let qty = self.given.qty.unwrap_or(Qty::from_raw(ONE));
        for (name, unit) in [("price unit", price), ("quantity unit", Price::from_raw(qty.raw()))] {
            if !unit.is_positive() {
                return Err(Cause::NotPositive(name, unit));
            }
        }
        Ok(())
    }

    /// Ends the telling: units are fixed.
    fn tell(&mut self) {
        if self.alike {
            let fold = |at: usize| self.finest.iter().map(|units| units[at]).min().unwrap_or(ONE);
            let both = [fold(0), fold(1)];
            self.finest.fill(both);
        }
        for (listed, [price, qty]) in self.header.instruments.iter_mut().zip(&self.finest) {
            listed.price_unit = self.given.price.unwrap_or(Price::from_raw(*price));
            listed.qty_unit = self.given.qty.unwrap_or(Qty::from_raw(*qty));
        }
        self.told = true;
    }

    /// The event in the units of its instrument; the fault tells price (0) or quantity (1).
    fn counted(&self, draft: &Draft) -> Result<Event, (usize, Cause)> {
        let event = draft.event;
        let Listed { price_unit, qty_unit, .. } =
            &self.header.instruments[usize::from(event.instrument)];
        if !event.kind.counts_units() {
            return Ok(event);
        }
        let price = whole(event.price, price_unit.raw(), "price").map_err(|cause| (0, cause))?;
        let qty = whole(event.qty, qty_unit.raw(), "qty").map_err(|cause| (1, cause))?;
        Ok(Event { price, qty, ..event })
    }
}

/// How many units a raw value is.
#[inline]
fn whole(raw: i64, unit: i64, name: &'static str) -> Result<i64, Cause> {
    let (count, rest) = (raw / unit, raw % unit);
    if rest == 0 {
        return Ok(count);
    }
    let mut needed = ONE;
    refine(&mut needed, raw);
    let [value, unit, needed] = [raw, unit, needed].map(Price::from_raw);
    Err(Cause::FinerThanUnit(name, value, unit, needed))
}

/// Makes a unit so fine that it divides a raw value.
#[inline]
fn refine(unit: &mut i64, raw: i64) {
    while raw % *unit != 0 {
        *unit /= 10;
    }
}

/// An event at one time, without side, number or values, that ends its message.
pub(crate) fn plain(time: Time, kind: Kind) -> Event {
    Event {
        exchange: time,
        local: time,
        instrument: 0,
        kind,
        side: None,
        last: true,
        snapshot: false,
        price: 0,
        qty: 0,
        id: 0,
    }
}

/// The instrument that a file's name begins with: `BTCUSDT` of `dir/BTCUSDT-trades-2024-08.csv`.
pub(crate) fn name_of(file: &str, options: &Options) -> String {
    if let Some(name) = &options.symbol {
        return name.clone();
    }
    let base = file.rsplit(['/', '\\']).next().unwrap_or(file);
    base.split(['-', '.']).next().unwrap_or(base).to_owned()
}

/// The market that a file's name tells behind the instrument, as `spot` of
/// `BTCUSDT-spot-5m.csv`; else `otherwise`.
pub(crate) fn venue_of(file: &str, options: &Options, otherwise: &str) -> String {
    if let Some(venue) = &options.venue {
        return venue.clone();
    }
    let base = file.rsplit(['/', '\\']).next().unwrap_or(file);
    let told = base.split(['-', '.']).nth(1).filter(|part| matches!(*part, "spot" | "perp"));
    told.unwrap_or(otherwise).to_owned()
}

/// All events of a source, for tests.
#[cfg(test)]
pub(crate) fn drain(source: &mut dyn Source) -> Result<Vec<Event>, Error> {
    let (mut slots, mut events) = (Vec::new(), Vec::new());
    while source.fill(&mut slots)? {}
    let (mut left, mut decoder) = (slots.as_slice(), crate::tape::Decoder::default());
    while let Some(event) = decoder.next(&mut left) {
        events.push(event);
    }
    assert!(left.is_empty(), "whole events only");
    Ok(events)
}
