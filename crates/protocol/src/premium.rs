//! How far the perpetual trades from its index, read from the book.
//!
//! Rule P-1 (impact price): the mean price at which the impact notional could be sold to the bids
//! or bought from the asks. Rule P-2 (symmetric premium): (impact bid + impact ask)/2 / index − 1;
//! a side too thin is extrapolated along its own slope, an empty side gives way to the slow average
//! of the mark: never zero because a book is thin. Rule P-3 (one-sided premium of the industry and
//! dYdX rules): [max(bid − I, 0) − max(I − ask, 0)]/I, where a side too thin counts zero. Rule P-4:
//! a premium counts for at most 100 %.

use money::{Amount, Price, Qty, Rate, Round, mul_div};

/// What a side of the book offers for the impact notional.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Impact {
    /// Mean price, extrapolated where the depth is too small.
    pub price: Price,
    /// Whether the depth was enough.
    pub complete: bool,
}

/// The impact price of one side: levels best first, each with the quantity quoted there. `None`
/// when the side is empty.
pub fn impact(levels: impl Iterator<Item = (Price, Qty)>, notional: Amount) -> Option<Impact> {
    let (mut value, mut quantity, mut best) = (Amount::ZERO, Qty::ZERO, None);
    for (price, qty) in levels {
        best = best.or(Some(price));
        let level = price.notional(qty, Round::Down);
        let wanted = notional - value;
        if level >= wanted {
            let part = wanted.buys(price, Round::Up)?.min(qty);
            let price = notional.per(quantity + part, Round::Down)?;
            return Some(Impact { price, complete: true });
        }
        value += level;
        quantity = quantity.checked_add(qty)?;
    }
    let (best, mean) = (best?, value.per(quantity, Round::Down)?);
    // The mean price moves from the best price in proportion to the notional.
    let moved = i128::from(mean.raw()) - i128::from(best.raw());
    let moved = mul_div(moved, notional.raw(), value.raw(), Round::Down)?;
    let raw = i64::try_from(i128::from(best.raw()) + moved).ok()?;
    Some(Impact { price: Price::from_raw(raw.max(1)), complete: false })
}

/// Rule P-2. `average` is the slow average of mid − index.
pub fn symmetric(bid: Option<Impact>, ask: Option<Impact>, index: Price, average: Price) -> Rate {
    let price = match (bid, ask) {
        (Some(bid), Some(ask)) => bid.price.midpoint(ask.price, Round::Down),
        (None, _) | (_, None) => index.checked_add(average).unwrap_or(Price::MAX),
    };
    bounded(price, index)
}

/// Rule P-3.
pub fn one_sided(bid: Option<Impact>, ask: Option<Impact>, index: Price) -> Rate {
    let above = bid.filter(|bid| bid.complete && bid.price > index).map(|bid| bid.price - index);
    let below = ask.filter(|ask| ask.complete && ask.price < index).map(|ask| index - ask.price);
    let distance = above.unwrap_or(Price::ZERO) - below.unwrap_or(Price::ZERO);
    bounded(index.checked_add(distance).unwrap_or(Price::MAX), index)
}

/// `price / index − 1` within ±1 (rule P-4).
fn bounded(price: Price, index: Price) -> Rate {
    let high = index.checked_add(index).unwrap_or(Price::MAX);
    let price = price.clamp(Price::ZERO, high);
    price.relative_to(index, Round::Down).unwrap_or(Rate::ZERO)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn side(levels: &[(&str, &str)], notional: &str) -> Option<Impact> {
        let levels = levels.iter().map(|(p, q)| (p.parse().unwrap(), q.parse().unwrap()));
        impact(levels, notional.parse().unwrap())
    }

    #[test]
    fn p_1_impact_price_is_the_mean_price_of_the_notional() {
        let deep = side(&[("100", "5"), ("99", "10")], "995").unwrap();
        // 5 at 100 and 5 at 99 are worth 995: the mean price is 99.5.
        assert_eq!((deep.price.to_string().as_str(), deep.complete), ("99.5", true));
    }

    #[test]
    fn p_2_a_thin_side_is_extrapolated_along_its_slope() {
        // 200 of 400 are there at a mean of 99.5 (99.50248…): twice the notional, twice the way.
        let thin = side(&[("100", "1"), ("99", "1.01010101")], "400").unwrap();
        assert!(!thin.complete);
        assert!(thin.price < "99.01".parse().unwrap(), "{}", thin.price);
        assert!(thin.price > "98.9".parse().unwrap(), "{}", thin.price);
        assert_eq!(side(&[], "400"), None);
    }

    #[test]
    fn p_2_an_empty_side_falls_back_to_the_average_never_to_zero() {
        let (index, average) = ("100".parse().unwrap(), "0.5".parse().unwrap());
        assert_eq!(symmetric(None, None, index, average), Rate::from_bp(50));
    }

    #[test]
    fn p_4_a_premium_counts_for_at_most_its_whole_index() {
        let at = |price: &str| Some(Impact { price: price.parse().unwrap(), complete: true });
        let index: Price = "100".parse().unwrap();
        assert_eq!(symmetric(at("5000"), at("9000"), index, Price::ZERO), Rate::ONE);
        assert_eq!(one_sided(at("5000"), None, index), Rate::ONE);
        let below = "-5000".parse().unwrap();
        assert_eq!(symmetric(None, None, index, below), -Rate::ONE);
    }

    #[test]
    fn p_3_inside_the_quotes_the_one_sided_premium_is_zero() {
        let at = |price: &str| Some(Impact { price: price.parse().unwrap(), complete: true });
        let index: Price = "100".parse().unwrap();
        assert_eq!(one_sided(at("99.9"), at("100.1"), index), Rate::ZERO);
        assert_eq!(one_sided(at("100.2"), at("100.3"), index), Rate::from_bp(20));
        assert_eq!(one_sided(at("99.7"), at("99.8"), index), Rate::from_bp(-20));
        let thin = at("100.2").map(|impact| Impact { complete: false, ..impact });
        assert_eq!(one_sided(thin, at("100.3"), index), Rate::ZERO);
    }
}
