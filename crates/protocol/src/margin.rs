//! What an account must hold against its positions: cross margin over spot and perpetuals.
//!
//! For each underlying, longs (the holding and long perpetuals) are set against shorts. Rule R-1:
//! the hedged quantity is charged the basis rate, so a long-spot, short-perpetual account is
//! margined as one hedged account; what is left is charged its own rate (a holding: its haircut; a
//! perpetual: its margin). Shorts hedge the costlier long first: the cheapest pairing, which makes
//! the requirement sub-additive. Rule R-2 (initial): the worst over all open orders of
//! each direction filling. Rule R-3: charges are on the index and round up; equity values holdings
//! at the index and positions at the mark and rounds down.

use money::{Amount, Price, Qty, Rate, Round};

/// An account's stake in one underlying.
#[derive(Clone, Copy, Debug, Default)]
pub struct Exposure {
    /// Units of the asset held.
    pub holding: Qty,
    /// Long perpetual positions.
    pub long: Qty,
    /// Short perpetual positions, as a positive quantity.
    pub short: Qty,
}

/// The charges that apply to an underlying.
#[derive(Clone, Copy, Debug)]
pub struct Charges {
    /// On an unhedged holding.
    pub haircut: Rate,
    /// On an unhedged perpetual position: the highest among its markets.
    pub margin: Rate,
    /// On the hedged quantity.
    pub basis: Rate,
}

/// The requirement of one underlying at its index price (rule R-1).
pub fn requirement(exposure: Exposure, charges: Charges, index: Price) -> Amount {
    let charge = |qty: Qty, rate: Rate| {
        if qty.is_zero() {
            return Amount::ZERO;
        }
        index
            .notional(qty, Round::Up)
            .share(rate, Round::Up)
            .expect("a share of a notional is smaller than the notional")
    };
    let hedged = (exposure.holding + exposure.long).min(exposure.short);
    let naked_short = exposure.short - hedged;
    let naked_long = exposure.holding + exposure.long - hedged;
    let (cheaper, cheap) = if charges.haircut <= charges.margin {
        (charges.haircut, naked_long.min(exposure.holding))
    } else {
        (charges.margin, naked_long.min(exposure.long))
    };
    charge(hedged, charges.basis)
        + charge(naked_short, charges.margin)
        + charge(cheap, cheaper)
        + charge(naked_long - cheap, charges.haircut.max(charges.margin))
}

/// An account against its requirement.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Health {
    /// Cash, holdings at the index, profit at the mark, less funding owed.
    pub equity: Amount,
    /// The requirement.
    pub requirement: Amount,
}

impl Health {
    /// Whether equity covers the requirement.
    pub fn is_sound(&self) -> bool {
        self.equity >= self.requirement
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const CHARGES: Charges = Charges {
        haircut: Rate::from_bp(1000),
        margin: Rate::from_bp(500),
        basis: Rate::from_bp(100),
    };

    fn charged(holding: &str, long: &str, short: &str) -> String {
        let qty = |text: &str| text.parse().unwrap();
        let exposure = Exposure { holding: qty(holding), long: qty(long), short: qty(short) };
        requirement(exposure, CHARGES, "100000".parse().unwrap()).to_string()
    }

    #[test]
    fn r_1_a_hedged_account_is_charged_the_basis_only() {
        let table = [
            ("1", "0", "0", "10000"),
            ("0", "1", "0", "5000"),
            ("0", "0", "1", "5000"),
            ("1", "0", "1", "1000"),
            ("2", "0", "1", "11000"),
            ("1", "0", "3", "11000"),
            ("1", "1", "1", "6000"),
            ("1", "1", "0", "15000"),
        ];
        for (holding, long, short, expected) in table {
            assert_eq!(charged(holding, long, short), expected, "{holding} {long} {short}");
        }
    }

    proptest! {
        #[test]
        fn r_1_a_hedge_never_costs_more_than_its_basis(
            holding in 0i64..1_000_000_000_000, long in 0i64..1_000_000_000_000,
            short in 0i64..1_000_000_000_000, more in 0i64..1_000_000_000,
        ) {
            let index = Price::from_raw(123_456_789_012);
            let exposure = |short: i64| Exposure {
                holding: Qty::from_raw(holding),
                long: Qty::from_raw(long),
                short: Qty::from_raw(short),
            };
            let before = requirement(exposure(short), CHARGES, index);
            let after = requirement(exposure(short + more), CHARGES, index);
            if short + more <= holding + long {
                prop_assert!(after <= before + Amount::from_raw(4), "a hedge raised margin");
            }
        }

        #[test]
        fn r_1_two_accounts_together_need_no_more_than_apart(
            a in [0i64..1_000_000_000_000, 0i64..1_000_000_000_000, 0i64..1_000_000_000_000],
            b in [0i64..1_000_000_000_000, 0i64..1_000_000_000_000, 0i64..1_000_000_000_000],
        ) {
            let index = Price::from_raw(123_456_789_012);
            let exposure = |q: [i64; 3]| Exposure {
                holding: Qty::from_raw(q[0]), long: Qty::from_raw(q[1]), short: Qty::from_raw(q[2]),
            };
            let sum = [a[0] + b[0], a[1] + b[1], a[2] + b[2]];
            let together = requirement(exposure(sum), CHARGES, index);
            let alone = |q| requirement(exposure(q), CHARGES, index);
            let apart = alone(a) + alone(b);
            prop_assert!(together <= apart + Amount::from_raw(8));
        }
    }
}
