//! Where the profit of an option book with its hedge came from between two marks, to the last unit.
//!
//! An option is worth `q·s·B(F, σ, T)` in quote: q the signed quantity, B the undiscounted Black-76
//! price and s the quote that a unit of B is worth (1; on a coin-settled market the index over the
//! forward, because coin pays B/F). Between two marks, with the greeks of the first,
//!
//! `dV = q·s·(Δ·dF + ½Γ·dF² + Θ·dt + vega·dσ + vanna·dF·dσ + ½volga·dσ²) + unexplained`
//!
//! and the hedge adds its own change of value to delta, its funding and costs to theirs. Worths are
//! rounded to 10⁻⁸ of quote at each mark and parts once each; `unexplained` is what the parts leave
//! of the change of worth, so the parts add up to the change of equity as integers, always.

use std::ops::AddAssign;

use money::{Amount, Price, Qty, Round};
use pricing::black::{self, Greeks, OptionKind};
use pricing::convert::{amount, qty_f64};

/// One option at one instant.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OptionMark {
    /// Call or put.
    pub kind: OptionKind,
    /// Strike, quote.
    pub strike: f64,
    /// Forward of its expiry, quote.
    pub forward: f64,
    /// Implied volatility, 1 for 100 % a year.
    pub volatility: f64,
    /// Years to expiry (ACT/365); zero when it is settled on `forward`.
    pub years: f64,
    /// Quote that a unit of undiscounted Black-76 is worth.
    pub scale: f64,
}

impl OptionMark {
    /// Price and greeks of the undiscounted option on its forward.
    pub fn greeks(&self) -> Greeks {
        black::greeks(self.kind, self.forward, self.strike, self.volatility, self.years)
    }

    /// What one option is worth, in quote.
    pub fn value(&self) -> f64 {
        let paid = match self.kind {
            OptionKind::Call => self.forward - self.strike,
            OptionKind::Put => self.strike - self.forward,
        };
        let undiscounted = if self.years > 0.0 {
            black::price(self.kind, self.forward, self.strike, self.volatility, self.years)
        } else {
            paid.max(0.0)
        };
        self.scale * undiscounted
    }

    /// What a signed quantity is worth; `None` if it is no amount.
    pub fn worth(&self, qty: Qty) -> Option<Amount> {
        amount(self.value() * qty_f64(qty), Round::Down)
    }
}

/// A change of equity by cause, in quote; the causes are all there is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Attribution {
    /// Moves of the forward times delta, and the hedge's change of value.
    pub delta: Amount,
    /// Half of gamma times the squared move.
    pub gamma: Amount,
    /// Passing time.
    pub theta: Amount,
    /// Moves of implied volatility times vega.
    pub vega: Amount,
    /// Moves of both at once.
    pub vanna: Amount,
    /// Half of volga times the squared move of volatility.
    pub volga: Amount,
    /// Funding received on the hedge, paid if negative.
    pub funding: Amount,
    /// Fees, spreads and conversions, negative.
    pub costs: Amount,
    /// What the terms above leave.
    pub unexplained: Amount,
}

/// Names of the causes, in the order of [`Attribution::parts`].
pub const PARTS: [&str; 9] =
    ["delta", "gamma", "theta", "vega", "vanna", "volga", "funding", "costs", "unexplained"];

impl Attribution {
    /// The causes in the order of [`PARTS`].
    pub fn parts(&self) -> [Amount; 9] {
        [
            self.delta,
            self.gamma,
            self.theta,
            self.vega,
            self.vanna,
            self.volga,
            self.funding,
            self.costs,
            self.unexplained,
        ]
    }

    /// The change of equity.
    pub fn total(&self) -> Amount {
        self.parts().into_iter().sum()
    }

    /// The change in worth of a quantity of one option from mark to mark; `None` if either is no
    /// amount. Strike and kind are those of one option.
    pub fn option(before: &OptionMark, after: &OptionMark, qty: Qty) -> Option<Attribution> {
        let total = after.worth(qty)? - before.worth(qty)?;
        let greeks = before.greeks();
        let move_forward = after.forward - before.forward;
        let move_volatility = after.volatility - before.volatility;
        let scale = before.scale * qty_f64(qty);
        // Greeks of an option about to be settled may be infinite: then all is unexplained.
        let part = |value: f64| amount(scale * value, Round::Down).unwrap_or(Amount::ZERO);
        let mut parts = Attribution {
            delta: part(greeks.delta * move_forward),
            gamma: part(0.5 * greeks.gamma * move_forward * move_forward),
            theta: part(greeks.theta * (before.years - after.years)),
            vega: part(greeks.vega * move_volatility),
            vanna: part(greeks.vanna * move_forward * move_volatility),
            volga: part(0.5 * greeks.volga * move_volatility * move_volatility),
            ..Attribution::default()
        };
        parts.unexplained = total - parts.total();
        Some(parts)
    }

    /// The change in worth of a hedge from price to price.
    pub fn hedge(before: Price, after: Price, qty: Qty) -> Attribution {
        let worth = |price: Price| price.notional(qty, Round::Down);
        Attribution { delta: worth(after) - worth(before), ..Attribution::default() }
    }

    /// Funding received.
    pub fn funding(received: Amount) -> Attribution {
        Attribution { funding: received, ..Attribution::default() }
    }

    /// Costs paid.
    pub fn costs(paid: Amount) -> Attribution {
        Attribution { costs: -paid, ..Attribution::default() }
    }
}

impl AddAssign for Attribution {
    fn add_assign(&mut self, other: Attribution) {
        self.delta += other.delta;
        self.gamma += other.gamma;
        self.theta += other.theta;
        self.vega += other.vega;
        self.vanna += other.vanna;
        self.volga += other.volga;
        self.funding += other.funding;
        self.costs += other.costs;
        self.unexplained += other.unexplained;
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use pricing::convert::amount_f64;
    use proptest::prelude::*;

    fn mark(kind: OptionKind, strike: f64) -> OptionMark {
        let (forward, volatility, years, scale) = (100.0, 0.5, 30.0 / 365.0, 1.0);
        OptionMark { kind, strike, forward, volatility, years, scale }
    }

    #[test]
    fn every_cause_is_in_the_total() {
        let one = |at: usize| {
            let mut parts = [Amount::ZERO; 9];
            parts[at] = Amount::ONE;
            let [delta, gamma, theta, vega, vanna, volga, funding, costs, unexplained] = parts;
            Attribution { delta, gamma, theta, vega, vanna, volga, funding, costs, unexplained }
        };
        let mut sum = Attribution::default();
        for (at, name) in PARTS.iter().enumerate() {
            assert_eq!(one(at).parts()[at], Amount::ONE, "{name}");
            sum += one(at);
        }
        assert_eq!(sum.parts(), [Amount::ONE; 9]);
        assert_eq!(sum.total(), Amount::from_raw(9 * Amount::ONE.raw()));
    }

    /// Third order is left: a tenth of the move leaves a thousandth.
    #[test]
    fn what_is_unexplained_is_of_the_third_order() {
        let before = mark(OptionKind::Call, 105.0);
        let left = |share: f64| {
            let after = OptionMark {
                forward: before.forward * (1.0 + 0.02 * share),
                volatility: before.volatility + 0.02 * share,
                ..before
            };
            let parts = Attribution::option(&before, &after, "1000".parse().unwrap()).unwrap();
            amount_f64(parts.unexplained)
        };
        let ratio = left(1.0) / left(0.1);
        assert!((700.0..1300.0).contains(&ratio), "{ratio}");
    }

    /// `½Γ dF² + Θ dt = 0` where the move is that of the implied volatility: dF = Fσ√dt.
    #[test]
    fn gamma_pays_for_theta_at_the_implied_move() {
        let before = mark(OptionKind::Put, 100.0);
        let years: f64 = 1.0 / 365.0 / 24.0;
        let after = OptionMark {
            forward: before.forward * (1.0 + before.volatility * years.sqrt()),
            years: before.years - years,
            ..before
        };
        let parts = Attribution::option(&before, &after, "1000000".parse().unwrap()).unwrap();
        assert!(parts.gamma.is_positive() && parts.theta.is_negative());
        let balance = amount_f64(parts.gamma + parts.theta) / amount_f64(parts.gamma);
        assert!(balance.abs() < 1e-9, "{balance}");
    }

    #[test]
    fn at_expiry_an_option_is_worth_what_it_pays() {
        let settled = |kind, forward| {
            OptionMark { forward, years: 0.0, ..mark(kind, 100.0) }.worth(Qty::ONE).unwrap()
        };
        assert_eq!(settled(OptionKind::Call, 103.0), "3".parse().unwrap());
        assert_eq!(settled(OptionKind::Put, 103.0), Amount::ZERO);
        let after = OptionMark { forward: 90.0, years: 0.0, ..mark(OptionKind::Put, 100.0) };
        let before = mark(OptionKind::Put, 100.0);
        let parts = Attribution::option(&before, &after, -Qty::ONE).unwrap();
        assert_eq!(
            parts.total(),
            after.worth(-Qty::ONE).unwrap() - before.worth(-Qty::ONE).unwrap()
        );
        assert_eq!(OptionMark { forward: f64::NAN, ..before }.worth(Qty::ONE), None);
    }

    proptest! {
        /// A book marked along any path, with trades, funding and costs: the parts of all steps add
        /// up to the change of an equity that is kept by its own ledger, exactly.
        #[test]
        fn parts_add_up_to_the_ledger_exactly(
            steps in prop::collection::vec(
                (
                    -0.1..0.1f64,
                    -0.2..0.2f64,
                    -500_000_000i64..500_000_000,
                    -1_000_000i128..1_000_000,
                ),
                1..30,
            ),
            call in any::<bool>(), qty in -1_000_000_000i64..1_000_000_000, scale in 0.9..1.1f64,
        ) {
            let kind = if call { OptionKind::Call } else { OptionKind::Put };
            let mut before = OptionMark { scale, ..mark(kind, 100.0) };
            let (option, mut hedge, mut cash) = (Qty::from_raw(qty), Qty::ZERO, Amount::ZERO);
            let mut price: Price = "100".parse().unwrap();
            let equity = |mark: &OptionMark, hedge: Qty, price: Price, cash: Amount| {
                mark.worth(option).unwrap() + price.notional(hedge, Round::Down) + cash
            };
            let start = equity(&before, hedge, price, cash);
            let (mut sum, count) = (Attribution::default(), steps.len());
            for (at, (forward, volatility, traded, funding)) in steps.into_iter().enumerate() {
                let after = OptionMark {
                    forward: before.forward * (1.0 + forward),
                    volatility: before.volatility * (1.0 + volatility),
                    years: before.years * (count - at - 1) as f64 / (count - at) as f64,
                    ..before
                };
                let next = pricing::convert::price(after.forward, Round::Down).unwrap();
                sum += Attribution::option(&before, &after, option).unwrap();
                sum += Attribution::hedge(price, next, hedge);
                (before, price) = (after, next);
                let funding = Amount::from_raw(funding);
                cash += funding;
                sum += Attribution::funding(funding);
                let held = price.notional(hedge, Round::Down);
                hedge += Qty::from_raw(traded);
                // Paid at a price a little worse than the mark.
                let fee = Amount::from_raw(i128::from(traded.unsigned_abs()) / 10 + 1);
                cash -= price.notional(hedge, Round::Down) - held + fee;
                sum += Attribution::costs(fee);
            }
            let end = equity(&before, hedge, price, cash);
            prop_assert_eq!(sum.total(), end - start);
        }
    }
}
