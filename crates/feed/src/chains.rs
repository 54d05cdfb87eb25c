//! Option chains of Deribit as a tape: one snapshot of a chain is one message.
//!
//! A row is an option; columns are found by name, others are left out: `snapshot_ms` (`timestamp`,
//! `creation_timestamp`), `instrument` (`instrument_name`), `bid`, `ask`, `mark` (or `…_price`),
//! `underlying_price` (`underlying`), `open_interest`, and where there are any `mark_iv`
//! (`implied_volatility`; 1 = 100 %) and `index_price` (`estimated_delivery_price`).
//!
//! Each option is an instrument under its name, priced in coin; its `Index` is the venue's forward
//! of its expiry. A coin's index is one more, under Deribit's name of it (`btc_usd`), told whenever
//! it changes from row to row. Sizes of quotes are not recorded: a quote has the venue's least
//! order, no quote has none. A damaged row is left out and counted.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;

use money::Time;

use crate::error::{Cause, Error, excerpt};
use crate::findings::{Finding, Findings, Notice};
use crate::lines::Lines;
use crate::number::{self, Clock};
use crate::options::{Asset, instrument, iso_time};
use crate::tape::{Event, Kind, Side, Source};
use crate::units::{self, Drafts, ONE, Options, Rows};

const EXPECTED: &str = "option quotes as CSV: snapshot_ms,instrument,bid,ask,mark,\
    underlying_price,open_interest[,mark_iv,index_price,…]";

/// Names of the columns that are read; the last two may be missing.
const NAMES: [&[&str]; 9] = [
    &["snapshot_ms", "timestamp", "creation_timestamp"],
    &["instrument", "instrument_name"],
    &["bid", "bid_price"],
    &["ask", "ask_price"],
    &["mark", "mark_price"],
    &["underlying_price", "underlying"],
    &["open_interest"],
    &["mark_iv", "implied_volatility"],
    &["index_price", "estimated_delivery_price"],
];
const NEEDED: usize = 7;
/// Most columns of a line.
const COLUMNS: usize = 32;

/// Where the columns of [`NAMES`] stand.
struct Layout {
    columns: usize,
    places: [Option<usize>; NAMES.len()],
}

/// A column from 1, or 0 for the line, and what is wrong.
type Fault = (usize, Cause);

/// Whether a first line is that of a chain, if a damaged one.
pub(crate) fn recognises(first: &str) -> bool {
    let has = |names: &[&str]| first.split(',').any(|field| names.contains(&field));
    has(NAMES[1]) && (has(NAMES[2]) || has(NAMES[4]))
}

/// Opens a chain, plain or gzip; `file` is the name in errors.
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
    let layout = layout(lines.text()).map_err(|cause| lines.fail(cause))?;
    let more = lines.advance()?;
    if !more {
        return Err(Cause::Empty(EXPECTED).of_file(file));
    }
    let chain = Chain {
        lines,
        layout,
        more,
        wanted: options.symbol.clone(),
        venue: options.venue.clone().unwrap_or_else(|| "deribit".to_owned()),
        assets: BTreeSet::new(),
        time: Time::ZERO,
        series: BTreeMap::new(),
        indices: BTreeMap::new(),
        snapshot: 0,
        damage: None,
        findings: Findings::default(),
    };
    units::source(file, chain, Drafts::new(file, options, true))
}

fn layout(text: &str) -> Result<Layout, Cause> {
    let columns = text.split(',').count();
    if columns > COLUMNS {
        return Err(Cause::ColumnCount(columns, format!("at most {COLUMNS}")));
    }
    let place = |names: &[&str]| text.split(',').position(|field| names.contains(&field));
    let places = NAMES.map(place);
    match places.iter().take(NEEDED).position(Option::is_none) {
        Some(index) => Err(Cause::MissingHeader(NAMES[index][0], EXPECTED)),
        None => Ok(Layout { columns, places }),
    }
}

struct Chain<'a> {
    lines: Lines<'a>,
    layout: Layout,
    /// Whether the line that `lines` stands at is still to be read.
    more: bool,
    /// A coin or an option: the only one to read.
    wanted: Option<String>,
    venue: String,
    /// Coins that are not read.
    assets: BTreeSet<Asset>,
    /// Of the snapshot that is being read.
    time: Time,
    /// Index of each option, and the snapshot that had it last.
    series: BTreeMap<String, (u16, u64)>,
    /// Index of each coin's index, and its price.
    indices: BTreeMap<Asset, (u16, i64)>,
    /// Number of the snapshot.
    snapshot: u64,
    /// The first damaged row, until a row holds.
    damage: Option<Error>,
    findings: Findings,
}

/// A row as it stands, in 10⁻⁸.
struct Quote<'a> {
    name: &'a str,
    asset: Asset,
    sides: [Option<i64>; 2],
    mark: i64,
    forward: i64,
    interest: i64,
    volatility: Option<i64>,
    index: Option<i64>,
    /// How many of them were rounded.
    rounded: u64,
}

impl Rows for Chain<'_> {
    fn advance(&mut self, drafts: &mut Drafts) -> Result<bool, Error> {
        self.snapshot += 1;
        let mut begun = false;
        while self.more {
            let line = self.lines.number();
            let read = self.row(begun, drafts);
            match read {
                Ok(true) => begun = true,
                Ok(false) => break,
                Err((column, cause)) => {
                    let error = cause.at(self.lines.file(), line, column as u64);
                    if matches!(error.cause, Cause::Unsorted(..) | Cause::TooManyInstruments) {
                        return Err(error);
                    }
                    self.findings.add(Notice::Damaged(error.to_string()), 1, line);
                    self.damage.get_or_insert(error);
                }
            }
            self.more = self.lines.advance()?;
        }
        drafts.end_message();
        match &self.damage {
            Some(error) if !self.more && self.series.is_empty() => Err(error.clone()),
            Some(_) | None => self.end().map(|()| self.more),
        }
    }

    fn findings(&self) -> Vec<Finding> {
        self.findings.list()
    }
}

impl Chain<'_> {
    /// Nothing of what was asked for is an error, not an empty tape.
    fn end(&self) -> Result<(), Error> {
        match &self.wanted {
            Some(wanted) if !self.more && self.series.is_empty() => {
                let names: Vec<&str> = self.assets.iter().map(Asset::as_str).collect();
                let cause = Cause::NoSuchSymbol(excerpt(wanted), names.join(", "));
                Err(cause.of_file(self.lines.file()))
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Takes one row of the snapshot, if it is of it; `begun` once there is one.
    fn row(&mut self, begun: bool, drafts: &mut Drafts) -> Result<bool, Fault> {
        let line = self.lines.number();
        let (time, quote) = self.layout.read(self.lines.text())?;
        if time < self.time {
            let column = self.layout.column(0);
            return Err((column, Cause::Unsorted(time, self.time)));
        }
        if begun && time > self.time {
            return Ok(false);
        }
        self.time = time;
        let is_wanted = |wanted: &String| wanted == quote.name || wanted == quote.asset.as_str();
        if !self.wanted.as_ref().is_none_or(is_wanted) {
            self.assets.insert(quote.asset);
            return Ok(true);
        }
        let many = || (0, Cause::TooManyInstruments);
        let index = match self.series.get_mut(quote.name) {
            Some((_, snapshot)) if *snapshot == self.snapshot => {
                let name = excerpt(quote.name);
                return Err((self.layout.column(1), Cause::RepeatedOption(name, time)));
            }
            Some((index, snapshot)) => {
                *snapshot = self.snapshot;
                *index
            }
            None => {
                let index = drafts.list(quote.name, &self.venue).ok_or_else(many)?;
                self.series.insert(quote.name.to_owned(), (index, self.snapshot));
                index
            }
        };
        if let Some(price) = quote.index {
            let known = self.indices.get(&quote.asset).copied();
            let (number, before) = match known {
                Some((number, before)) => (number, Some(before)),
                None => {
                    let name = index_name(quote.asset);
                    (drafts.list(&name, &self.venue).ok_or_else(many)?, None)
                }
            };
            self.indices.insert(quote.asset, (number, price));
            if before != Some(price) {
                let event = Event { instrument: number, price, ..unended(time, Kind::Index) };
                drafts.push(event, line, [0, self.layout.place(8)]);
            }
        }
        self.findings.add(Notice::Rounded, quote.rounded, line);
        self.layout.push(&quote, (time, index, line), drafts);
        Ok(true)
    }
}

impl Layout {
    fn column(&self, name: usize) -> usize {
        self.places[name].map_or(0, |place| place + 1)
    }

    fn place(&self, name: usize) -> u8 {
        u8::try_from(self.column(name)).unwrap_or(0)
    }

    /// The quote on a line.
    fn read<'t>(&self, text: &'t str) -> Result<(Time, Quote<'t>), Fault> {
        let mut fields = [""; COLUMNS];
        let mut count = 0;
        for field in text.split(',') {
            if let Some(slot) = fields.get_mut(count) {
                *slot = field;
            }
            count += 1;
        }
        if count != self.columns {
            let expected = format!("{} as in the header", self.columns);
            return Err((0, Cause::ColumnCount(count, expected)));
        }
        let row = Row { layout: self, fields, rounded: Cell::new(0) };
        Ok((row.time()?, row.quote()?))
    }

    /// The events of a quote at its time, for its instrument.
    fn push(
        &self,
        quote: &Quote<'_>,
        (time, instrument, line): (Time, u16, u64),
        drafts: &mut Drafts,
    ) {
        let least = least_order(quote.asset);
        let event = |kind, price| Event { instrument, price, ..unended(time, kind) };
        for (side, price, name) in [(Side::Buy, quote.sides[0], 2), (Side::Sell, quote.sides[1], 3)]
        {
            let qty = if price.is_some() { least } else { 0 };
            let best = event(Kind::Best, price.unwrap_or(0));
            drafts.push(Event { side: Some(side), qty, ..best }, line, [self.place(name), 0]);
        }
        if let Some(volatility) = quote.volatility {
            drafts.push(event(Kind::Volatility, volatility), line, [0, 0]);
        }
        drafts.push(event(Kind::Mark, quote.mark), line, [self.place(4), 0]);
        drafts.push(event(Kind::Index, quote.forward), line, [self.place(5), 0]);
        let interest = Event { qty: quote.interest, ..event(Kind::OpenInterest, 0) };
        drafts.push(interest, line, [0, self.place(6)]);
    }
}

struct Row<'l, 't> {
    layout: &'l Layout,
    fields: [&'t str; COLUMNS],
    rounded: Cell<u64>,
}

impl<'t> Row<'_, 't> {
    fn text(&self, name: usize) -> &'t str {
        self.layout.places[name].map_or("", |place| self.fields[place])
    }

    fn fault(&self, name: usize, cause: Cause) -> Fault {
        (self.layout.column(name), cause)
    }

    fn time(&self) -> Result<Time, Fault> {
        let text = self.text(0);
        match iso_time(text) {
            Some(time) => Ok(time),
            None => Clock::default().time(text).map_err(|cause| self.fault(0, cause)),
        }
    }

    fn quote(&self) -> Result<Quote<'t>, Fault> {
        let name = self.text(1);
        let option =
            instrument(name).ok_or_else(|| self.fault(1, Cause::NotAnOption(excerpt(name))))?;
        let sides = [self.price(2)?.filter(|p| *p > 0), self.price(3)?.filter(|p| *p > 0)];
        if let [Some(bid), Some(ask)] = sides
            && bid > ask
        {
            let (bid, ask) = (self.text(2).to_owned(), self.text(3).to_owned());
            return Err(self.fault(2, Cause::CrossedQuote(excerpt(&bid), excerpt(&ask))));
        }
        let (mark, forward, interest) = (self.needed(4)?, self.needed(5)?, self.needed(6)?);
        let (volatility, index) = (self.volatility()?, self.price(8)?);
        let rounded = self.rounded.get();
        let asset = option.asset;
        Ok(Quote { name, asset, sides, mark, forward, interest, volatility, index, rounded })
    }

    fn needed(&self, name: usize) -> Result<i64, Fault> {
        self.price(name)?.ok_or_else(|| self.fault(name, Cause::NotANumber(String::new())))
    }

    /// A value from zero to the nearest 10⁻⁸; none if the field is empty.
    fn price(&self, name: usize) -> Result<Option<i64>, Fault> {
        let text = self.text(name);
        if text.is_empty() {
            return Ok(None);
        }
        let (value, rounded) = number::qty(text).map_err(|cause| self.fault(name, cause))?;
        if value.is_negative() {
            return Err(self.fault(name, Cause::Negative(NAMES[name][0], value)));
        }
        self.rounded.set(self.rounded.get() + u64::from(rounded));
        Ok(Some(value.raw()))
    }

    /// The mark's volatility; none if the field is empty.
    fn volatility(&self) -> Result<Option<i64>, Fault> {
        match self.price(7)? {
            Some(value) if value > 100 * ONE => {
                let range = "0 to 100".to_owned();
                Err(self.fault(7, Cause::OutOfRange("mark_iv", excerpt(self.text(7)), range)))
            }
            volatility => Ok(volatility),
        }
    }
}

/// An event of a message that goes on.
fn unended(time: Time, kind: Kind) -> Event {
    Event { last: false, ..units::plain(time, kind) }
}

/// Deribit's name of a coin's index: `btc_usd` of `BTC`, `xrp_usdc` of `XRP_USDC`.
fn index_name(asset: Asset) -> String {
    let name = asset.as_str().to_ascii_lowercase();
    if name.contains('_') { name } else { format!("{name}_usd") }
}

/// The least order of an option, in coin: 0.1 BTC, one of any other.
fn least_order(asset: Asset) -> i64 {
    if asset.as_str() == "BTC" { ONE / 10 } else { ONE }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
