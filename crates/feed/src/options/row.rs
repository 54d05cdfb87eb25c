//! One line of a chain: which column holds what, and what a value may be.

use money::Time;

use crate::error::{Cause, excerpt};
use crate::number::Clock;
use crate::options::OptionQuote;
use crate::options::instrument::{instrument, iso_time};

/// A column (from 1; 0 for the whole line) and what is wrong there.
type Fault = (u64, Cause);

/// Columns that are read, in this order, under both layouts' names.
const NAMES: [[&str; 2]; 12] = [
    ["snapshot_ms", "timestamp"],
    ["instrument", "instrument_name"],
    ["bid", "bid_price"],
    ["ask", "ask_price"],
    ["mark", "mark_price"],
    ["mark_iv", "implied_volatility"],
    ["delta", "delta"],
    ["vega", "vega"],
    ["underlying_price", "underlying"],
    ["index_price", "index_price"],
    ["open_interest", "open_interest"],
    ["volume_24h", "volume"],
];

/// Most columns of a line.
const COLUMNS: usize = 32;

/// Where each column of [`NAMES`] stands.
pub(super) struct Layout {
    columns: usize,
    places: [usize; NAMES.len()],
}

impl Layout {
    /// From a header.
    pub(super) fn of_header(text: &str, expected: &'static str) -> Result<Layout, Fault> {
        let names: Vec<&str> = text.split(',').take(COLUMNS + 1).collect();
        if names.len() > COLUMNS {
            return Err((0, Cause::ColumnCount(text.split(',').count(), expected.to_owned())));
        }
        let mut places = [0; NAMES.len()];
        for (place, aliases) in places.iter_mut().zip(NAMES) {
            *place = names
                .iter()
                .position(|name| aliases.contains(name))
                .ok_or((0, Cause::MissingHeader(aliases[0], expected)))?;
        }
        Ok(Layout { columns: names.len(), places })
    }

    /// The instrument's name on a line.
    pub(super) fn instrument<'t>(&self, text: &'t str) -> &'t str {
        text.split(',').nth(self.places[1]).unwrap_or("")
    }

    /// The quote on a line.
    pub(super) fn quote(&self, text: &str) -> Result<OptionQuote, Fault> {
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
        Row { layout: self, fields }.quote()
    }
}

struct Row<'a> {
    layout: &'a Layout,
    fields: [&'a str; COLUMNS],
}

impl Row<'_> {
    fn quote(&self) -> Result<OptionQuote, Fault> {
        let name = self.text(1);
        let instrument =
            instrument(name).ok_or_else(|| self.fault(1, Cause::NotAnOption(excerpt(name))))?;
        let (bid, ask) = (self.price(2)?, self.price(3)?);
        if let (Some(bid), Some(ask)) = (bid, ask)
            && bid > ask
        {
            return Err(self.fault(2, Cause::CrossedQuote(bid.to_string(), ask.to_string())));
        }
        Ok(OptionQuote {
            asset: instrument.asset,
            time: self.time()?,
            expiry: instrument.expiry,
            strike: instrument.strike,
            kind: instrument.kind,
            bid,
            ask,
            mark: self.number(4, 0.0..=1e6)?,
            mark_iv: self.number(5, 0.0..=100.0)?,
            delta: self.number(6, -1.0..=1.0)?,
            vega: self.number(7, 0.0..=1e12)?,
            forward: self.number(8, 1e-9..=1e12)?,
            index: self.number(9, 1e-9..=1e12)?,
            open_interest: self.number(10, 0.0..=1e15)?,
            volume: self.number(11, 0.0..=1e15)?,
        })
    }

    fn text(&self, column: usize) -> &str {
        self.fields[self.layout.places[column]]
    }

    fn fault(&self, column: usize, cause: Cause) -> Fault {
        (self.layout.places[column] as u64 + 1, cause)
    }

    fn time(&self) -> Result<Time, Fault> {
        let text = self.text(0);
        match iso_time(text) {
            Some(time) => Ok(time),
            None => Clock::default().time(text).map_err(|cause| self.fault(0, cause)),
        }
    }

    /// A price in coin; `None` for empty or zero.
    fn price(&self, column: usize) -> Result<Option<f64>, Fault> {
        if self.text(column).is_empty() {
            return Ok(None);
        }
        self.number(column, 0.0..=1e6).map(|price| (price > 0.0).then_some(price))
    }

    fn number(&self, column: usize, range: std::ops::RangeInclusive<f64>) -> Result<f64, Fault> {
        let text = self.text(column);
        let digits = |b: u8| b.is_ascii_digit() || matches!(b, b'+' | b'-' | b'.' | b'e' | b'E');
        let value: f64 = match text.parse() {
            Ok(value) if text.bytes().all(digits) => value,
            Ok(_) | Err(_) => return Err(self.fault(column, Cause::NotANumber(excerpt(text)))),
        };
        if !range.contains(&value) {
            let limits = format!("{} to {}", range.start(), range.end());
            let cause = Cause::OutOfRange(NAMES[column][0], excerpt(text), limits);
            return Err(self.fault(column, cause));
        }
        Ok(value)
    }
}
