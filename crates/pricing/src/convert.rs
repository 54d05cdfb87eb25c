//! Between `f64` and fixed point, and the one transcendental that the protocol needs.
//!
//! To fixed point: `value · 10^places`, rounded once in the named direction; NaN, infinities and
//! what does not fit give `None`. A product within four units in the last place of an integer *is*
//! that integer, because such a distance is the float's own rounding: so fixed → float → fixed is
//! the identity for magnitudes up to 2⁵⁰ raw units.

use money::{Amount, Price, Qty, Rate, Round, Span};

/// A price; `None` if `value` is not finite or does not fit.
pub fn price(value: f64, round: Round) -> Option<Price> {
    narrow(scaled(value, 1e8, round)?).map(Price::from_raw)
}

/// A quantity of the base asset; `None` if `value` is not finite or does not fit.
pub fn qty(value: f64, round: Round) -> Option<Qty> {
    narrow(scaled(value, 1e8, round)?).map(Qty::from_raw)
}

/// An amount of an asset; `None` if `value` is not finite or does not fit.
pub fn amount(value: f64, round: Round) -> Option<Amount> {
    const LIMIT: f64 = (1u128 << 127) as f64;
    let raw = scaled(value, 1e8, round)?;
    (raw.abs() < LIMIT).then_some(Amount::from_raw(raw as i128))
}

/// A plain ratio; `None` if `value` is not finite or does not fit.
pub fn rate(value: f64, round: Round) -> Option<Rate> {
    narrow(scaled(value, 1e12, round)?).map(Rate::from_raw)
}

/// A price in quote per base, to the nearest float.
pub fn price_f64(price: Price) -> f64 {
    price.raw() as f64 / 1e8
}

/// A quantity in base, to the nearest float.
pub fn qty_f64(qty: Qty) -> f64 {
    qty.raw() as f64 / 1e8
}

/// An amount in whole units of its asset, to the nearest float.
pub fn amount_f64(amount: Amount) -> f64 {
    amount.raw() as f64 / 1e8
}

/// A ratio, to the nearest float.
pub fn rate_f64(rate: Rate) -> f64 {
    rate.raw() as f64 / 1e12
}

/// A span in hours, to the nearest float.
pub fn hours(span: Span) -> f64 {
    span.nanos() as f64 / Span::HOUR.nanos() as f64
}

/// `e^(−elapsed/time_constant)` to the nearest 10⁻¹²: the weight that an exponential average keeps
/// of its old value; zero for an empty time constant.
pub fn decay(elapsed: Span, time_constant: Span) -> Rate {
    if time_constant == Span::ZERO {
        return Rate::ZERO;
    }
    let weight = libm::exp(-(elapsed.nanos() as f64 / time_constant.nanos() as f64));
    Rate::from_raw((weight * 1e12 + 0.5).floor() as i64) // 0 ≤ weight ≤ 1
}

/// `value · scale` as an integral float.
fn scaled(value: f64, scale: f64, round: Round) -> Option<f64> {
    const SNAP: f64 = 1.5 * f64::EPSILON; // division and product each err by half an epsilon
    const SNAP_MAX: f64 = (1u64 << 50) as f64;
    let product = value * scale;
    if !product.is_finite() {
        return None;
    }
    let nearest = (product + 0.5).floor();
    let magnitude = product.abs();
    if magnitude <= SNAP_MAX && (product - nearest).abs() <= magnitude * SNAP {
        return Some(nearest);
    }
    Some(match round {
        Round::Down => product.floor(),
        Round::Up => product.ceil(),
    })
}

fn narrow(raw: f64) -> Option<i64> {
    const LIMIT: f64 = (1u64 << 63) as f64;
    (raw.abs() < LIMIT).then_some(raw as i64)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_rounding_is_the_named_one() {
        let table = [
            (0.29, 29_000_000, 29_000_000),
            (1.000000004, 100_000_000, 100_000_001),
            (-1.000000004, -100_000_001, -100_000_000),
            (1e-9, 0, 1),
            (-1e-9, -1, 0),
            (0.0, 0, 0),
        ];
        for (value, down, up) in table {
            assert_eq!(price(value, Round::Down).unwrap().raw(), down, "{value} down");
            assert_eq!(price(value, Round::Up).unwrap().raw(), up, "{value} up");
            assert_eq!(qty(value, Round::Up).unwrap().raw(), up, "{value} up");
            assert_eq!(amount(value, Round::Up).unwrap().raw(), i128::from(up), "{value} up");
        }
    }

    #[test]
    fn what_has_no_fixed_point_is_none() {
        for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e300, -1e300] {
            assert_eq!(price(value, Round::Down), None);
            assert_eq!(qty(value, Round::Up), None);
            assert_eq!(amount(value, Round::Down), None);
            assert_eq!(rate(value, Round::Up), None);
        }
        assert_eq!(price(92_233_720_368.547_76, Round::Down), None);
        assert_eq!(price(-92_233_720_368.547_76, Round::Down), None);
        assert!(price(92_233_720_368.0, Round::Down).is_some());
        assert_eq!(rate(9_223_373.0, Round::Down), None);
    }

    #[test]
    fn decay_follows_the_exponential() {
        let minute = Span::MINUTE;
        assert_eq!(decay(Span::ZERO, minute), Rate::ONE);
        assert_eq!(decay(minute, minute).raw(), 367_879_441_171);
        assert_eq!(decay(minute.times(2), minute).raw(), 135_335_283_237);
        assert_eq!(decay(Span::DAY, minute), Rate::ZERO);
        assert_eq!(decay(minute, Span::ZERO), Rate::ZERO);
    }

    proptest! {
        #[test]
        fn fixed_to_float_and_back_is_the_identity(raw in -(1i64 << 50)..(1i64 << 50)) {
            for round in [Round::Down, Round::Up] {
                let p = Price::from_raw(raw);
                prop_assert_eq!(price(price_f64(p), round), Some(p));
                let r = Rate::from_raw(raw);
                prop_assert_eq!(rate(rate_f64(r), round), Some(r));
            }
        }

        #[test]
        fn down_and_up_bracket_the_value(value in -1e5f64..1e5) {
            let (down, up) = (price(value, Round::Down).unwrap(), price(value, Round::Up).unwrap());
            prop_assert!(up.raw() - down.raw() <= 1);
            prop_assert!(price_f64(down) <= value + 1e-10 && value - 1e-10 <= price_f64(up));
        }

        #[test]
        fn decay_never_rises_with_time(a in 0u64..1 << 50, b in 0u64..1 << 50) {
            let (early, late) = (a.min(b), a.max(b));
            let decay_at = |nanos| decay(Span::from_nanos(nanos), Span::HOUR);
            prop_assert!(decay_at(early) >= decay_at(late));
        }
    }
}
