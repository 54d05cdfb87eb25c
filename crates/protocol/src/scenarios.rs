//! Credit between underlyings: the worst of a few scenarios of what moves together.
//!
//! Rule R-13: of an asset's charge, the share φ = offset·(min(haircut, margin) − basis) of its net
//! value V moves with the market; offset is a floor under its correlation, and the rest is charged
//! alone as ever. With n = φ·V of each asset, the part that moves together is required as
//!   W = max{ |Σ n|; |Σ n − broken·n_k| + broken·|n_k| for each k; floor·Σ |n| }:
//! the market up or down with all ties in force; the tie of one asset broken, against the account;
//! a floor. Credit = Σ |n| − W. In the manner of SPAN's inter-commodity credits, made continuous.
//!
//! Always holds: W is a norm, so the requirement is sub-additive and a hedge costs at most what it
//! costs alone; floor·Σ |n| ≤ W ≤ Σ |n|, so it is never above the sum over underlyings, and one
//! asset alone has no credit.

use money::{Amount, Rate, Round};

use crate::margin::Charges;
use crate::params::ScenarioParams;

/// What moves with the market, over all underlyings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Portfolio {
    /// Σ n.
    net: Amount,
    /// Σ |n|.
    gross: Amount,
    /// The largest n above and the largest −n below zero.
    largest: [Amount; 2],
}

impl Portfolio {
    /// Adds an underlying of this net value at its index, positive for long.
    pub fn add(&mut self, value: Amount, charges: Charges, offset: Rate) {
        let room = (charges.haircut.min(charges.margin) - charges.basis).max(Rate::ZERO);
        let rate = room.times(offset, Round::Down).expect("a share of a charge is smaller");
        let size = value.abs().share(rate, Round::Down).expect("a share of a value is smaller");
        self.gross += size;
        self.net += if value.is_negative() { -size } else { size };
        let largest = &mut self.largest[usize::from(value.is_negative())];
        *largest = (*largest).max(size);
    }

    /// What the sum over underlyings is lowered by, rounded down.
    pub fn credit(&self, params: &ScenarioParams) -> Amount {
        let share = |amount: Amount, rate: Rate| {
            amount.share(rate, Round::Up).expect("a share of an amount is smaller")
        };
        let broken = |n: Amount| {
            let part = share(n.abs(), params.broken);
            let part_signed = if n.is_negative() { -part } else { part };
            (self.net - part_signed).abs() + part
        };
        let [long, short] = self.largest;
        let worst = self.net.abs().max(broken(long)).max(broken(-short));
        let worst = worst.max(share(self.gross, params.floor));
        (self.gross - worst).max(Amount::ZERO)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::margin::{Exposure, requirement};
    use money::{Price, Qty};
    use proptest::prelude::*;

    const CHARGES: Charges = Charges {
        haircut: Rate::from_bp(1000),
        margin: Rate::from_bp(500),
        basis: Rate::from_bp(100),
    };
    const INDEX: Price = Price::from_raw(10_000_000_000);

    fn params(broken: i64, floor: i64) -> ScenarioParams {
        let (broken, floor) = (Rate::from_bp(broken), Rate::from_bp(floor));
        ScenarioParams { offsets: Vec::new(), broken, floor }
    }

    /// Holding, longs and shorts of each underlying.
    type Account = Vec<[i64; 3]>;

    fn exposure([holding, long, short]: [i64; 3]) -> Exposure {
        let [holding, long, short] = [holding, long, short].map(Qty::from_raw);
        Exposure { holding, long, short }
    }

    fn alone(account: &Account) -> Amount {
        account.iter().map(|&qty| requirement(exposure(qty), CHARGES, INDEX)).sum()
    }

    fn charged(account: &Account, offset: Rate, params: &ScenarioParams) -> Amount {
        let mut portfolio = Portfolio::default();
        for &[holding, long, short] in account {
            let net = Qty::from_raw(holding + long - short);
            portfolio.add(INDEX.notional(net, Round::Down), CHARGES, offset);
        }
        alone(account) - portfolio.credit(params)
    }

    fn perpetuals(quantities: &[i64]) -> Account {
        let lot = Qty::ONE.raw();
        quantities.iter().map(|&qty| [0, (qty * lot).max(0), (-qty * lot).max(0)]).collect()
    }

    #[test]
    fn r_13_opposite_positions_are_credited_what_no_scenario_takes() {
        let full = params(0, 0);
        let table = [
            // Each costs 5; of it 4·0.8 = 3.2 moves with the market.
            (&[1, -1][..], params(0, 0), "3.6"),
            (&[1, -1][..], params(5_000, 0), "6.8"),
            (&[1, -1][..], params(10_000, 0), "10"),
            (&[1, -1][..], params(0, 3_000), "5.52"),
            (&[1, 1][..], params(0, 0), "10"),
            (&[1][..], params(0, 0), "5"),
            // Net 3.2 of gross 9.6; with the short's tie broken by half 6.4.
            (&[1, 1, -1][..], params(5_000, 0), "11.8"),
        ];
        for (quantities, params, expected) in table {
            let account = perpetuals(quantities);
            let offset = Rate::from_bp(8_000);
            assert_eq!(charged(&account, offset, &params).to_string(), expected, "{quantities:?}");
            assert_eq!(charged(&account, Rate::ZERO, &full), alone(&account), "nothing by default");
        }
    }

    fn any_account() -> impl Strategy<Value = Account> {
        let qty = || prop_oneof![Just(0i64), 0i64..1_000_000_000_000];
        prop::collection::vec([qty(), qty(), qty()], 4)
    }

    proptest! {
        #[test]
        fn r_13_two_accounts_together_need_no_more_than_apart(
            a in any_account(), b in any_account(),
            offset in 0i64..=10_000, broken in 0i64..=10_000, floor in 0i64..=10_000,
        ) {
            let (offset, params) = (Rate::from_bp(offset), params(broken, floor));
            let sum = |(a, b): (&[i64; 3], &[i64; 3])| [a[0] + b[0], a[1] + b[1], a[2] + b[2]];
            let together: Account = a.iter().zip(&b).map(sum).collect();
            let apart = charged(&a, offset, &params) + charged(&b, offset, &params);
            prop_assert!(charged(&together, offset, &params) <= apart + Amount::from_raw(100));
        }

        /// Adding a short costs at most its margin alone, and up to the net length nothing.
        #[test]
        fn r_13_a_hedge_within_an_underlying_never_costs_more_than_alone(
            a in any_account(), more in 0i64..1_000_000_000_000,
            offset in 0i64..=10_000, broken in 0i64..=10_000, floor in 0i64..=10_000,
        ) {
            let (offset, params) = (Rate::from_bp(offset), params(broken, floor));
            let mut hedged = a.clone();
            hedged[0][2] += more;
            let cost = requirement(exposure([0, 0, more]), CHARGES, INDEX);
            let (before, after) = (charged(&a, offset, &params), charged(&hedged, offset, &params));
            prop_assert!(after <= before + cost + Amount::from_raw(100));
        }

        #[test]
        fn r_13_the_requirement_stays_between_the_floor_and_the_sum(
            a in any_account(),
            offset in 0i64..=10_000, broken in 0i64..=10_000, floor in 0i64..=10_000,
        ) {
            let rates = (Rate::from_bp(offset), params(broken, floor));
            let needed = charged(&a, rates.0, &rates.1);
            prop_assert!(needed <= alone(&a));
            let least = alone(&a).share(rates.1.floor, Round::Down).unwrap();
            prop_assert!(needed + Amount::from_raw(100) >= least);
        }

        /// More scenarios never lower the requirement.
        #[test]
        fn r_13_a_break_that_is_deeper_never_asks_for_less(
            a in any_account(), broken in 0i64..10_000, floor in 0i64..=10_000,
        ) {
            let at = |broken| charged(&a, Rate::ONE, &params(broken, floor));
            prop_assert!(at(broken) <= at(broken + 1) + Amount::from_raw(2));
        }
    }
}
