//! Text to units of an instrument: quick for plain decimals, exact for all.
//!
//! A value that the unit does not divide is refused with the unit that would, never rounded.

use money::{ParseError, Price, Qty};

use super::digits::{self, Decimal};
use crate::error::{Cause, excerpt};
use crate::number;

/// What a price or a quantity counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Scale {
    /// In 10⁻⁸.
    unit: i64,
    /// What it is of, as errors and options call it.
    name: &'static str,
    /// Units in one 10^-places, by places; zero where the unit does not divide it.
    factors: [u64; 9],
}

impl Scale {
    /// Of a unit of price.
    pub(super) fn of_price(unit: Price) -> Scale {
        Scale::new(unit.raw(), "price")
    }

    /// Of a unit of quantity.
    pub(super) fn of_qty(unit: Qty) -> Scale {
        Scale::new(unit.raw(), "qty")
    }

    fn new(unit: i64, name: &'static str) -> Scale {
        assert!(unit > 0, "units are checked on input");
        let mut factors = [0; 9];
        for (places, factor) in factors.iter_mut().enumerate() {
            let step = 10i64.pow(8 - places as u32);
            if step % unit == 0 {
                *factor = (step / unit).cast_unsigned();
            }
        }
        Scale { unit, name, factors }
    }

    /// Units of a plain decimal; `None` where the exact way has to decide.
    #[inline]
    pub(super) fn quick(&self, decimal: Decimal) -> Option<i64> {
        let factor = self.factors[decimal.places];
        // Sixteen digits by a unit of 10⁻⁸ at the least: below 10¹⁶.
        (factor != 0).then(|| (decimal.value * factor).cast_signed())
    }

    /// A price in units, of any sign.
    pub(super) fn price(&self, text: &str) -> Result<i64, Cause> {
        if let Some(units) = self.plain(text) {
            return Ok(units);
        }
        self.divide(number::price(text)?.raw())
    }

    /// A quantity in units, not negative.
    pub(super) fn qty(&self, text: &str) -> Result<i64, Cause> {
        if let Some(units) = self.plain(text) {
            return Ok(units);
        }
        self.divide(exact_qty(text)?.raw())
    }

    /// Units of a value in 10⁻⁸.
    pub(super) fn divide(&self, raw: i64) -> Result<i64, Cause> {
        if raw % self.unit == 0 {
            return Ok(raw / self.unit);
        }
        let fitting = Price::from_raw(common(finest(raw), self.unit));
        let (value, unit) = (Price::from_raw(raw), Price::from_raw(self.unit));
        Err(Cause::FinerThanUnit(self.name, value, unit, fitting))
    }

    fn plain(&self, text: &str) -> Option<i64> {
        let mut bytes = [0; digits::REACH];
        bytes.get_mut(..text.len())?.copy_from_slice(text.as_bytes());
        let decimal = digits::decimal(&bytes)?;
        if decimal.length == text.len() { self.quick(decimal) } else { None }
    }
}

/// The largest power of ten, at most one whole, that divides a value in 10⁻⁸.
pub(super) fn finest(raw: i64) -> i64 {
    let mut unit = 1;
    while unit < 100_000_000 && raw % (unit * 10) == 0 {
        unit *= 10;
    }
    unit
}

/// The greatest common divisor of two values above zero.
fn common(left: i64, right: i64) -> i64 {
    if right == 0 { left } else { common(right, left % right) }
}

/// A quantity that is neither rounded nor negative.
pub(super) fn exact_qty(text: &str) -> Result<Qty, Cause> {
    let (qty, rounded) = number::qty(text)?;
    if rounded {
        return Err(Cause::DoesNotFit(excerpt(text), ParseError::TooPrecise));
    }
    if qty.is_negative() {
        return Err(Cause::Negative("amount", qty));
    }
    Ok(qty)
}
