//! The instruments of a file as they appear, and the units that each counts in.
//!
//! Units come from the caller, else from the first rows (the finest decimals that an instrument
//! has there), else they are 10⁻⁸, which is never too coarse.

use std::collections::BTreeMap;

use money::{Price, Qty};

use super::scale::{Scale, finest};
use crate::error::Cause;
use crate::tape::{Header, Listed, Units};

/// Instruments by name and number.
pub(super) struct Listing {
    header: Header,
    scales: Vec<Scales>,
    numbers: BTreeMap<String, BTreeMap<String, u16>>,
    units: Units,
    newest: usize,
}

/// How an instrument counts.
#[derive(Clone, Copy)]
pub(super) struct Scales {
    pub(super) price: Scale,
    pub(super) qty: Scale,
}

/// Most instruments of a tape.
const MOST: usize = u16::MAX as usize;

impl Listing {
    /// An empty one.
    pub(super) fn new(source: String, units: Units) -> Result<Listing, Cause> {
        let (price, qty) = (units.price.map(Price::raw), units.qty.map(Qty::raw));
        for (name, raw) in [("price unit", price), ("quantity unit", qty)] {
            if let Some(raw) = raw
                && raw <= 0
            {
                return Err(Cause::NotPositive(name, Price::from_raw(raw)));
            }
        }
        let header = Header { source, instruments: Vec::new() };
        Ok(Listing { header, scales: Vec::new(), numbers: BTreeMap::new(), units, newest: 0 })
    }

    /// What readers see.
    pub(super) fn header(&self) -> &Header {
        &self.header
    }

    /// How an instrument counts.
    pub(super) fn scales(&self, number: u16) -> &Scales {
        &self.scales[usize::from(number)]
    }

    /// The number of an instrument, which is listed if it is new.
    pub(super) fn number(&mut self, venue: &str, name: &str) -> Result<u16, Cause> {
        if let Some(listed) = self.header.instruments.get(self.newest)
            && listed.name == name
            && listed.venue == venue
        {
            return Ok(self.newest as u16);
        }
        let known = self.numbers.get(venue).and_then(|names| names.get(name)).copied();
        let number = match known {
            Some(number) => number,
            None => self.list(venue, name, (1, 1))?,
        };
        self.newest = usize::from(number);
        Ok(number)
    }

    /// Lists an instrument of which the finest price and quantity of the first rows are known.
    pub(super) fn list(
        &mut self,
        venue: &str,
        name: &str,
        (price, qty): (i64, i64),
    ) -> Result<u16, Cause> {
        let number = self.header.instruments.len();
        if number == MOST {
            return Err(Cause::TooManyInstruments);
        }
        let price_unit = self.units.price.unwrap_or(Price::from_raw(price));
        let qty_unit = self.units.qty.unwrap_or(Qty::from_raw(qty));
        let (price, qty) = (Scale::of_price(price_unit), Scale::of_qty(qty_unit));
        self.scales.push(Scales { price, qty });
        let (name, venue) = (name.to_owned(), venue.to_owned());
        self.numbers.entry(venue.clone()).or_default().insert(name.clone(), number as u16);
        self.header.instruments.push(Listed { name, venue, price_unit, qty_unit });
        Ok(number as u16)
    }
}

/// The finest price and quantity of each instrument in the order of appearance.
#[derive(Default)]
pub(super) struct Sniffed {
    pub(super) finest: Vec<(String, String, i64, i64)>,
    numbers: BTreeMap<(String, String), usize>,
}

impl Sniffed {
    /// Adds a row's values in 10⁻⁸; without any the units are the finest.
    pub(super) fn add(&mut self, venue: &str, name: &str, prices: &[i64], qtys: &[i64]) {
        const WHOLE: i64 = 100_000_000;
        let key = (venue.to_owned(), name.to_owned());
        let number = *self.numbers.entry(key).or_insert(self.finest.len());
        if number == self.finest.len() {
            let coarsest = if prices.is_empty() { 1 } else { WHOLE };
            self.finest.push((venue.to_owned(), name.to_owned(), coarsest, coarsest));
        }
        let (_, _, price, qty) = &mut self.finest[number];
        *price = prices.iter().map(|raw| finest(*raw)).fold(*price, i64::min);
        *qty = qtys.iter().map(|raw| finest(*raw)).fold(*qty, i64::min);
    }
}
