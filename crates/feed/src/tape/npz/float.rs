//! Floats of a data file to counts of a unit, exactly: the float is the one nearest to that
//! multiple, or noise of arithmetic (10⁻⁹ of its size) keeps it from being any decimal of eight
//! places. A decimal that the unit does not divide is refused, never rounded.

/// Counts of 10⁻⁸ in one.
const ONE: i64 = 100_000_000;
/// Noise that arithmetic leaves on a float.
const NOISE: f64 = 1e-9;

/// A unit of 10⁻⁸ that values are counted in.
#[derive(Clone, Copy, Debug)]
pub(super) struct Unit {
    raw: i64,
    per_value: f64,
}

/// Why a float is no count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Misfit {
    /// Not a number, infinite, or beyond the type.
    NoNumber,
    /// No multiple of the unit; holds the finest power of ten that it is one of, in 10⁻⁸.
    Finer(i64),
}

impl Unit {
    /// A unit of so many 10⁻⁸, above zero.
    pub(super) fn new(raw: i64) -> Unit {
        Unit { raw, per_value: ONE as f64 / raw as f64 }
    }

    /// The unit in 10⁻⁸.
    pub(super) fn raw(self) -> i64 {
        self.raw
    }

    /// How many units a value is.
    #[inline]
    pub(super) fn count(self, value: f64) -> Result<i64, Misfit> {
        let count = nearest(value * self.per_value);
        match count.checked_mul(self.raw) {
            Some(raw) if is(raw, value) => Ok(count),
            Some(_) | None => self.count_noisy(value),
        }
    }

    #[cold]
    fn count_noisy(self, value: f64) -> Result<i64, Misfit> {
        let count = nearest(value * self.per_value);
        // The product is rounded too, so the right count may be its neighbour.
        for count in [count.saturating_sub(1), count.saturating_add(1)] {
            if count.checked_mul(self.raw).is_some_and(|raw| is(raw, value)) {
                return Ok(count);
            }
        }
        let raw = raw(value).ok_or(Misfit::NoNumber)?;
        let near = count.checked_mul(self.raw).ok_or(Misfit::NoNumber)?;
        if !is(raw, value) && is_near(near, value) {
            Ok(count)
        } else {
            Err(Misfit::Finer(power(value)))
        }
    }
}

/// The largest power of ten (in 10⁻⁸, at most one) that all values are multiples of.
pub(super) fn finest(values: impl Iterator<Item = f64>) -> i64 {
    let mut finest = ONE;
    for value in values {
        let unit = Unit::new(finest);
        if unit.count(value).is_err() && raw(value).is_some() {
            finest = power(value).min(finest);
        }
    }
    finest
}

/// The largest power of ten, at most one, that a value is a multiple of.
fn power(value: f64) -> i64 {
    let exact = raw(value).filter(|raw| is(*raw, value));
    let powers = (0..=8).rev().map(|places| 10i64.pow(places));
    let fits = |power: &i64| match exact {
        Some(raw) => raw % power == 0,
        None => is_near(nearest(value * (ONE / power) as f64).saturating_mul(*power), value),
    };
    powers.into_iter().find(fits).unwrap_or(1)
}

/// A value in 10⁻⁸: the one that is this float, or else the nearest; `None` where that is beyond
/// the type or no number.
fn raw(value: f64) -> Option<i64> {
    let scaled = value * ONE as f64;
    let raw = (scaled.abs() < i64::MAX as f64).then(|| nearest(scaled))?;
    let near = [raw, raw.saturating_sub(1), raw.saturating_add(1)];
    Some(near.into_iter().find(|raw| is(*raw, value)).unwrap_or(raw))
}

/// Whether a float is the one nearest to a count of 10⁻⁸.
#[inline]
fn is(raw: i64, value: f64) -> bool {
    raw as f64 / ONE as f64 == value
}

/// The nearest whole number, a tie away from zero; the type's ends stand for what is beyond.
#[inline]
fn nearest(value: f64) -> i64 {
    (value + 0.5f64.copysign(value)) as i64
}

fn is_near(raw: i64, value: f64) -> bool {
    (raw as f64 / ONE as f64 - value).abs() <= NOISE * value.abs()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn floats_are_the_decimals_that_they_stand_for() {
        let tenth = Unit::new(10_000_000);
        let table = [
            (60000.1, Ok(600_001)),
            (-0.3, Ok(-3)),
            (0.1 * 3.0, Ok(3)),
            (600_001.0 * 0.1, Ok(600_001)),
            (0.0, Ok(0)),
            (60000.15, Err(Misfit::Finer(1_000_000))),
            (60000.10001, Err(Misfit::Finer(1000))),
            (0.000_000_01, Err(Misfit::Finer(1))),
            (f64::NAN, Err(Misfit::NoNumber)),
            (f64::INFINITY, Err(Misfit::NoNumber)),
            (1e12, Err(Misfit::NoNumber)),
        ];
        for (value, expected) in table {
            assert_eq!(tenth.count(value), expected, "{value}");
        }
        // Its product with 10⁸ is rounded to the neighbour.
        assert_eq!(
            Unit::new(1).count("36813792.54793017".parse().unwrap()),
            Ok(3_681_379_254_793_017)
        );
        assert_eq!(Unit::new(25_000_000).count(2.75), Ok(11));
        assert_eq!(Unit::new(25_000_000).count(2.7), Err(Misfit::Finer(10_000_000)));
    }

    #[test]
    fn the_finest_decimal_is_the_unit() {
        let finest = |values: &[f64]| finest(values.iter().copied());
        assert_eq!(finest(&[]), ONE);
        assert_eq!(finest(&[600.0, 7.0]), ONE);
        assert_eq!(finest(&[60000.1, 60000.0, 7.25]), 1_000_000);
        assert_eq!(finest(&[0.1 * 3.0, 600_001.0 * 0.1]), 10_000_000);
        assert_eq!(finest(&[f64::NAN, 1e-8]), 1);
    }

    proptest! {
        #[test]
        fn every_decimal_comes_back(count in -(1i64 << 53)..(1i64 << 53), places in 0u32..9) {
            let unit = Unit::new(10i64.pow(8 - places));
            if let Some(raw) = count.checked_mul(unit.raw()).filter(|raw| raw.abs() < 1 << 52) {
                let text = format!("{}", money::Price::from_raw(raw));
                prop_assert_eq!(unit.count(text.parse().unwrap()), Ok(count));
            }
        }

        #[test]
        fn what_is_counted_is_near(value in -1e9..1e9f64, places in 0u32..9) {
            let unit = Unit::new(10i64.pow(8 - places));
            if let Ok(count) = unit.count(value) {
                prop_assert!(is_near(count * unit.raw(), value));
            }
        }
    }
}
