//! The values of an event in the columns of a row, and back.

use crate::error::Cause;
use crate::tape::{Event, Kind, Listed};

/// The numbers of a row that may be null, in the order of the columns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::tape) struct Numbers {
    pub(in crate::tape) price: Option<i64>,
    pub(in crate::tape) qty: Option<i64>,
    pub(in crate::tape) rate: Option<i64>,
    pub(in crate::tape) price_units: Option<i64>,
    pub(in crate::tape) qty_units: Option<i64>,
}

/// One beyond the largest decimal of 18 digits.
const MOST: u64 = 1_000_000_000_000_000_000;
/// 10⁻¹² in 10⁻⁸, in which volatility is counted.
const FINER: i64 = 10_000;

impl Numbers {
    /// The columns of an event.
    pub(in crate::tape) fn of(event: &Event, listed: &Listed) -> Numbers {
        let Event { price, qty, .. } = *event;
        let mut numbers = Numbers::default();
        if event.kind.counts_units() {
            numbers.price = decimal(price, listed.price_unit.raw());
            numbers.qty = decimal(qty, listed.qty_unit.raw());
        } else {
            numbers.rate = rate_unit(event.kind).and_then(|unit| decimal(price, unit));
            numbers.qty_units = Some(qty).filter(|qty| *qty != 0);
        }
        if numbers.price.is_none() && numbers.rate.is_none() {
            numbers.price_units = Some(price);
        }
        if event.kind.counts_units() && numbers.qty.is_none() {
            numbers.qty_units = Some(qty);
        }
        numbers
    }

    /// Price and quantity of an event of a kind.
    pub(in crate::tape) fn values(&self, kind: Kind, listed: &Listed) -> Result<(i64, i64), Cause> {
        let counts = kind.counts_units();
        let unit = if counts { Some(listed.price_unit.raw()) } else { rate_unit(kind) };
        let (decimal, other) =
            if counts { (self.price, self.rate) } else { (self.rate, self.price) };
        if other.is_some() {
            let name = if counts { "rate" } else { "price" };
            return Err(Cause::BadCell(name, "the kind of its event has none"));
        }
        let price = count("price", decimal, unit, self.price_units)?;
        let unit = counts.then(|| listed.qty_unit.raw());
        Ok((price, count("qty", self.qty, unit, self.qty_units)?))
    }
}

/// What one is in 10⁻¹² of a kind that is a rate.
fn rate_unit(kind: Kind) -> Option<i64> {
    match kind {
        Kind::Funding | Kind::Predicted => Some(1),
        Kind::Volatility => Some(FINER),
        Kind::Base
        | Kind::Level
        | Kind::Clear
        | Kind::Trade
        | Kind::Best
        | Kind::Add
        | Kind::Change
        | Kind::Remove
        | Kind::Execute
        | Kind::Open
        | Kind::High
        | Kind::Low
        | Kind::Close
        | Kind::Mark
        | Kind::Index
        | Kind::OpenInterest
        | Kind::Forced
        | Kind::PoolTick
        | Kind::PoolLiquidity
        | Kind::PoolIn0
        | Kind::PoolIn1 => None,
    }
}

fn decimal(count: i64, unit: i64) -> Option<i64> {
    count.checked_mul(unit).filter(|raw| raw.unsigned_abs() < MOST)
}

fn count(
    name: &'static str,
    decimal: Option<i64>,
    unit: Option<i64>,
    units: Option<i64>,
) -> Result<i64, Cause> {
    match (decimal, unit, units) {
        (None, _, units) => Ok(units.unwrap_or(0)),
        (Some(_), _, Some(_)) => Err(Cause::BadCell(name, "it stands there in units as well")),
        (Some(_), None, None) => Err(Cause::BadCell(name, "the kind of its event has none")),
        (Some(raw), Some(unit), None) if raw % unit == 0 => Ok(raw / unit),
        (Some(_), Some(_), None) => {
            Err(Cause::BadCell(name, "it is no multiple of the instrument's unit"))
        }
    }
}
