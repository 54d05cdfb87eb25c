//! Text of a data file to fixed point: plain decimals and the exponents that float printers write
//! (`8.514e-05`), exactly or rounded once to nearest (a tie away from zero).

use money::{ParseError, Price, Qty, Rate, Time};

use crate::error::{Cause, excerpt};

/// A price above or below zero, exact.
pub(crate) fn price(text: &str) -> Result<Price, Cause> {
    let (raw, rounded) = scaled(text, Price::PLACES)?;
    if rounded {
        return Err(Cause::DoesNotFit(excerpt(text), ParseError::TooPrecise));
    }
    Ok(Price::from_raw(raw))
}

/// A quantity to the nearest 10⁻⁸, and whether it was rounded.
pub(crate) fn qty(text: &str) -> Result<(Qty, bool), Cause> {
    scaled(text, Qty::PLACES).map(|(raw, rounded)| (Qty::from_raw(raw), rounded))
}

/// A rate to the nearest 10⁻¹², and whether it was rounded.
pub(crate) fn rate(text: &str) -> Result<(Rate, bool), Cause> {
    scaled(text, Rate::PLACES).map(|(raw, rounded)| (Rate::from_raw(raw), rounded))
}

/// Reads times, all in the unit that the first one is in.
#[derive(Default)]
pub(crate) struct Clock {
    unit: Option<Unit>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct Unit {
    name: &'static str,
    nanos: u64,
}

/// Seconds of 2000-01-01 and of 2100-01-01: in this century the units cannot be confused.
pub(crate) const CENTURY: std::ops::Range<u64> = 946_684_800..4_102_444_800;

const UNITS: [Unit; 4] = [
    Unit { name: "s", nanos: 1_000_000_000 },
    Unit { name: "ms", nanos: 1_000_000 },
    Unit { name: "µs", nanos: 1_000 },
    Unit { name: "ns", nanos: 1 },
];

impl Clock {
    /// Whether the times read are in microseconds.
    pub(crate) fn is_micros(&self) -> bool {
        self.unit.is_some_and(|unit| unit.nanos == 1_000)
    }

    /// A time in s, ms, µs or ns, told by its magnitude.
    pub(crate) fn time(&mut self, text: &str) -> Result<Time, Cause> {
        let refused = || Cause::NotATime(excerpt(text));
        let count: u64 = text.parse().map_err(|_| refused())?;
        let fits = |unit: &&Unit| CENTURY.contains(&(count / (1_000_000_000 / unit.nanos)));
        let unit = *UNITS.iter().find(fits).ok_or_else(refused)?;
        match self.unit {
            Some(first) if first != unit => Err(Cause::MixedUnits(unit.name, first.name)),
            Some(_) | None => {
                self.unit = Some(unit);
                Ok(Time::from_nanos(count * unit.nanos))
            }
        }
    }
}

/// `[+-]digits[.digits][e[+-]digits]` at 10^-places, and whether it had to be rounded.
pub(crate) fn scaled(text: &str, places: u32) -> Result<(i64, bool), Cause> {
    let refused = || Cause::NotANumber(excerpt(text));
    let too_large = || Cause::DoesNotFit(excerpt(text), ParseError::TooLarge);
    let (negative, unsigned) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        Some(_) | None => (false, text),
    };
    let (digits, fraction) = mantissa(unsigned.as_bytes()).ok_or_else(refused)?;
    let exponent = exponent(&unsigned[fraction.end..]).ok_or_else(refused)?;
    let digits = digits.ok_or_else(too_large)?;
    let shift = i64::from(places) + exponent - fraction.places as i64;
    let (magnitude, rounded) = shifted(digits, shift).ok_or_else(too_large)?;
    let raw = i64::try_from(magnitude).map_err(|_| too_large())?;
    Ok((if negative { -raw } else { raw }, rounded))
}

struct Fraction {
    /// Digits behind the point.
    places: usize,
    /// Bytes up to the exponent.
    end: usize,
}

/// The digits as one integer (`None` inside: too large), and where the point stood.
fn mantissa(bytes: &[u8]) -> Option<(Option<u128>, Fraction)> {
    /// Digits that always fit 64 bits, whose sums are many times faster than those of 128.
    const SHORT: usize = 19;
    let (mut point, mut end) = (None, 0);
    for &byte in bytes {
        match byte {
            b'0'..=b'9' => {}
            b'.' if point.is_none() => point = Some(end),
            _ => break,
        }
        end += 1;
    }
    let count = end - usize::from(point.is_some());
    let places = point.map_or(0, |at| end - at - 1);
    let mut digits = bytes[..end].iter().filter(|byte| **byte != b'.').map(|byte| byte - b'0');
    let value = if count <= SHORT {
        Some(u128::from(digits.fold(0u64, |value, digit| value * 10 + u64::from(digit))))
    } else {
        digits.try_fold(0u128, |v, digit| v.checked_mul(10)?.checked_add(u128::from(digit)))
    };
    (count > 0).then_some((value, Fraction { places, end }))
}

/// Nothing, or `e` and a whole number of at most three digits.
fn exponent(text: &str) -> Option<i64> {
    let Some(number) = text.strip_prefix(['e', 'E']) else {
        return text.is_empty().then_some(0);
    };
    number.parse::<i64>().ok().filter(|exponent| exponent.abs() < 1000)
}

/// `digits · 10^shift` to the nearest integer, and whether that was inexact; `None` on overflow.
fn shifted(digits: u128, shift: i64) -> Option<(u128, bool)> {
    let power = u32::try_from(shift.unsigned_abs()).ok().and_then(|n| 10u128.checked_pow(n));
    match (power, shift >= 0) {
        (Some(power), true) => Some((digits.checked_mul(power)?, false)),
        (Some(power), false) => {
            let (quotient, rest) = (digits / power, digits % power);
            let up = rest >= power - rest;
            Some((quotient + u128::from(up), rest > 0))
        }
        (None, true) => (digits == 0).then_some((0, false)),
        (None, false) => Some((0, digits > 0)),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn decimals_and_exponents_are_read_exactly() {
        let table = [
            ("0", Ok((0, false))),
            ("-0", Ok((0, false))),
            ("1.5", Ok((150, false))),
            ("+1.", Ok((100, false))),
            (".5", Ok((50, false))),
            ("8.514e-05", Ok((0, true))),
            ("1e-2", Ok((1, false))),
            ("12E+1", Ok((12_000, false))),
            ("0.005", Ok((1, true))),
            ("-0.005", Ok((-1, true))),
            ("0.0049999999999999999999999999", Ok((0, true))),
            ("0e999", Ok((0, false))),
            ("1e-999", Ok((0, true))),
            ("1e999", Err("`1e999` does not fit: beyond the largest value of the type")),
            ("1e17", Err("`1e17` does not fit: beyond the largest value of the type")),
            ("1e1000", Err("`1e1000` is not a decimal number")),
            ("NaN", Err("`NaN` is not a decimal number")),
            ("inf", Err("`inf` is not a decimal number")),
            ("", Err("`` is not a decimal number")),
            ("-", Err("`-` is not a decimal number")),
            (".", Err("`.` is not a decimal number")),
            ("1.2.3", Err("`1.2.3` is not a decimal number")),
            ("--1", Err("`--1` is not a decimal number")),
            ("1e", Err("`1e` is not a decimal number")),
            ("1 ", Err("`1 ` is not a decimal number")),
            ("0x10", Err("`0x10` is not a decimal number")),
        ];
        for (text, expected) in table {
            let result = scaled(text, 2).map_err(|cause| cause.to_string());
            assert_eq!(result, expected.map_err(str::to_owned), "{text}");
        }
    }

    #[test]
    fn a_price_is_never_rounded() {
        assert_eq!(price("1e-8").unwrap(), Price::from_raw(1));
        let refusal = price("0.123456789").unwrap_err().to_string();
        assert_eq!(refusal, "`0.123456789` does not fit: more decimal places than the type holds");
        assert_eq!(qty("0.123456789").unwrap(), (Qty::from_raw(12_345_679), true));
        assert_eq!(rate("8.514e-05").unwrap(), (Rate::from_raw(85_140_000), false));
    }

    #[test]
    fn the_unit_of_time_follows_from_the_magnitude() {
        let time = Time::from_millis(1_760_130_900_000);
        for text in ["1760130900", "1760130900000", "1760130900000000", "1760130900000000000"] {
            assert_eq!(Clock::default().time(text).ok(), time, "{text}");
        }
        for text in ["0", "17601309000", "-1", "1760130900.0", "2025-10-10", ""] {
            assert!(Clock::default().time(text).is_err(), "{text}");
        }
        let mut clock = Clock::default();
        clock.time("1760130900000").unwrap();
        let refusal = clock.time("1760130900000000").unwrap_err().to_string();
        assert!(refusal.starts_with("a time in µs, while the rows above are in ms"), "{refusal}");
    }

    proptest! {
        #[test]
        fn what_a_quantity_prints_is_read_back(raw in -i64::MAX..=i64::MAX) {
            let value = Price::from_raw(raw);
            prop_assert_eq!(price(&value.to_string()).ok(), Some(value));
        }

        #[test]
        fn plain_decimals_agree_with_the_parser_of_the_type(text in "-?[0-9]{0,9}\\.?[0-9]{0,10}") {
            prop_assert_eq!(price(&text).ok(), text.parse::<Price>().ok());
        }

        #[test]
        fn any_text_gives_a_number_or_a_refusal(text in "\\PC{0,60}", places in 0u32..13) {
            let _ = scaled(&text, places);
        }
    }
}
