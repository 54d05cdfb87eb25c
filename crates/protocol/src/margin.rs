//! What an account must hold against its positions: cross margin over spot and perpetuals.
//!
//! For each underlying, longs (the holding and long perpetuals) are set against shorts. Rule R-1:
//! the hedged quantity is charged the basis rate, so a long-spot, short-perpetual account is
//! margined as one hedged account; what is left is charged its own rate (a holding: its haircut; a
//! perpetual: its margin). Shorts hedge the costlier long first: the cheapest pairing, which makes
//! the requirement sub-additive. Rule R-2 (initial): the worst over all open orders of
//! each direction filling. Rule R-3: charges are on the index and round up; equity values holdings
//! at the index and positions at the mark and rounds down. Rule R-7: beyond a flat notional a
//! position is charged the impact of its sale as well.

use money::{Amount, Price, Qty, Rate, Round, mul_div};

use crate::params::{ConcentrationParams, InterestParams, MarketRules};

/// An account's stake in one underlying.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Exposure {
    /// Units of the asset held.
    pub holding: Qty,
    /// Long perpetual positions.
    pub long: Qty,
    /// Short perpetual positions, as a positive quantity.
    pub short: Qty,
}

/// The charges that apply to an underlying.
#[derive(Clone, Copy, Debug, Default)]
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

/// What a position of this notional is charged for its size, above a margin of `margin` (rule R-7):
/// the impact, in the depth that the design counts on, of what lies beyond `flat`; both together
/// never more than the whole.
pub fn size_charge(notional: Amount, margin: Rate, rules: &MarketRules) -> Amount {
    let envelope = &rules.envelope;
    if notional <= envelope.flat {
        return Amount::ZERO;
    }
    let (excess, window) = (notional - envelope.flat, i128::from(rules.depth.window.raw()));
    let moved = mul_div(excess.raw(), window, envelope.depth_min.raw(), Round::Up);
    let moved = moved.and_then(|raw| i64::try_from(raw).ok()).map_or(Rate::MAX, Rate::from_raw);
    let rate = moved.min(Rate::ONE - margin);
    notional.share(rate, Round::Up).expect("a share of a notional is smaller than the notional")
}

/// What a position in a dated future of this notional is charged for its basis, above the margin of
/// its underlying and whether anything hedges it or not (rule X-6).
pub fn basis_charge(notional: Amount, spread: Rate) -> Amount {
    notional.share(spread, Round::Up).expect("a share of a notional is smaller than the notional")
}

/// Initial margin at an open interest, in quote, rounded up (rule R-8).
pub fn interest_margin(margin: Rate, interest: Amount, params: &InterestParams) -> Rate {
    let width = params.upper - params.lower;
    let excess = (interest - params.lower).clamp(Amount::ZERO, width);
    let room = i128::from((Rate::ONE - margin).raw());
    let more = mul_div(room, excess.raw(), width.raw(), Round::Up);
    let more = more.and_then(|raw| i64::try_from(raw).ok()).expect("a part of the room is smaller");
    margin + Rate::from_raw(more)
}

/// The charge, for each unit of notional, on what an owner has of a side of a market, both at the
/// same scale and the market at more than nothing (rule R-18); with `margin` never more than the
/// whole.
pub fn concentration_rate(
    owned: i128,
    market: i128,
    margin: Rate,
    params: &ConcentrationParams,
) -> Rate {
    let rate = |raw: Option<i128>| raw.and_then(|raw| i64::try_from(raw).ok());
    let share = rate(mul_div(owned, i128::from(Rate::ONE.raw()), market, Round::Up));
    let share = share.map_or(Rate::MAX, Rate::from_raw);
    if share <= params.threshold {
        return Rate::ZERO;
    }
    let charged = (share - params.threshold).times(params.slope, Round::Up).unwrap_or(Rate::MAX);
    charged.min(Rate::ONE - margin)
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
    use crate::envelope::need;
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

    #[test]
    fn r_7_a_large_position_is_charged_its_impact_up_to_the_whole() {
        let rules = MarketRules::default(); // flat to 1 M, 2 % for 10 M
        let table = [
            ("1000000", "0"),
            ("1000000.00000001", "0.00000101"),
            ("2000000", "4000"),
            ("11000000", "220000"),
            // 0.2 % for each million: the whole less 5 % at 476 M.
            ("476000000", "452200000"),
            ("1000000000", "950000000"),
        ];
        for (notional, expected) in table {
            let charge = size_charge(notional.parse().unwrap(), CHARGES.margin, &rules);
            assert_eq!(charge.to_string(), expected, "{notional}");
        }
    }

    #[test]
    fn r_8_initial_margin_rises_from_the_lower_to_the_upper_open_interest() {
        let amount = |text: &str| text.parse().unwrap();
        let params = InterestParams { lower: amount("100"), upper: amount("200") };
        let table = [("0", 1000), ("100", 1000), ("150", 5500), ("200", 10_000), ("999", 10_000)];
        for (interest, bp) in table {
            let margin = interest_margin(Rate::from_bp(1000), amount(interest), &params);
            assert_eq!(margin, Rate::from_bp(bp), "{interest}");
        }
        let least = interest_margin(Rate::from_bp(1000), amount("100.00000001"), &params);
        assert_eq!(least.raw(), Rate::from_bp(1000).raw() + 90);
    }

    #[test]
    fn r_18_a_share_of_the_market_beyond_the_threshold_is_charged_up_to_the_whole() {
        let params = ConcentrationParams::default(); // 20 % of what is beyond 25 %
        // Share in percent, charge in hundredths of a percent.
        let table = [(0, 0), (25, 0), (26, 20), (50, 500), (100, 1500), (500, 9500), (9999, 9500)];
        for (share, bp) in table {
            let rate = concentration_rate(share, 100, CHARGES.margin, &params);
            assert_eq!(rate, Rate::from_bp(bp), "{share} %");
        }
        let least = concentration_rate(2_500_000_000_001, 10_000_000_000_000, Rate::ZERO, &params);
        assert_eq!(least.raw(), 1);
    }

    proptest! {
        /// Against rationals in 10⁻¹² read word by word; and what several accounts of one owner pay
        /// together is what one would.
        #[test]
        fn r_18_dividing_a_position_among_accounts_of_an_owner_changes_nothing(
            parts in prop::collection::vec(0i128..1_000_000_000_000, 1..6),
            market in 1i128..3_000_000_000_000, margin in 0i64..=10_000,
            threshold in 0i64..=10_000, slope in 0i64..=30_000,
        ) {
            let params = ConcentrationParams {
                threshold: Rate::from_bp(threshold),
                slope: Rate::from_bp(slope),
                ..ConcentrationParams::default()
            };
            let margin = Rate::from_bp(margin);
            let owned: i128 = parts.iter().sum();
            let rate = concentration_rate(owned, market, margin, &params);
            let beyond = (owned * 10_000 - market * i128::from(threshold)).max(0);
            let exact = (beyond * i128::from(slope)) as f64 / (market * 100_000_000) as f64;
            let most = (Rate::ONE - margin).raw() as f64 / 1e12;
            prop_assert!((rate.raw() as f64 / 1e12 - exact.min(most)).abs() < 1e-9);
            let charge = |part: i128| Amount::from_raw(part).share(rate, Round::Up).unwrap().raw();
            let together = charge(owned);
            let apart: i128 = parts.iter().map(|&part| charge(part)).sum();
            prop_assert!(together <= apart && apart < together + parts.len() as i128);
        }

        #[test]
        fn r_18_the_rate_never_falls_when_the_owner_has_more_or_the_market_less(
            owned in 0i128..1_000_000_000_000, market in 1i128..3_000_000_000_000,
            more in 0i128..1_000_000_000, margin in 0i64..=10_000,
        ) {
            let params = ConcentrationParams::default();
            let of = |owned, market| {
                concentration_rate(owned, market, Rate::from_bp(margin), &params)
            };
            prop_assert!(of(owned + more, market) >= of(owned, market));
            prop_assert!(of(owned, market + more) <= of(owned, market));
        }
    }

    const LEGS_INDEX: Price = Price::from_raw(123_456_789_012);

    /// Where a holding costs more than a position, two accounts with opposite positions in one
    /// market may need less apart: what is netted no longer hedges the holding.
    const LEGS: Charges =
        Charges { haircut: Rate::from_bp(500), margin: Rate::from_bp(1000), ..CHARGES };

    /// A holding, then positions in a perpetual and in two futures.
    fn any_legs() -> impl Strategy<Value = [i64; 4]> {
        let leg = || prop_oneof![Just(0i64), -1_000_000_000_000i64..1_000_000_000_000];
        (0i64..1_000_000_000_000, leg(), leg(), leg()).prop_map(|(a, b, c, d)| [a, b, c, d])
    }

    fn legs_charged([holding, perpetual, near, far]: [i64; 4], spread: Rate) -> Amount {
        let positions = [perpetual, near, far];
        let exposure = Exposure {
            holding: Qty::from_raw(holding),
            long: Qty::from_raw(positions.iter().map(|qty| qty.max(&0)).sum()),
            short: Qty::from_raw(-positions.iter().map(|qty| qty.min(&0)).sum::<i64>()),
        };
        let basis = |qty: i64| {
            basis_charge(LEGS_INDEX.notional(Qty::from_raw(qty.abs()), Round::Up), spread)
        };
        requirement(exposure, LEGS, LEGS_INDEX) + basis(near) + basis(far)
    }

    proptest! {
        /// The margin of together bears the envelope of a position of any size, unless
        /// it is the whole.
        #[test]
        fn r_7_what_the_envelope_accepts_at_the_flat_size_it_accepts_at_every_size(
            flat in 0i128..5_000_000, depth in 1i128..50_000_000, gap in 0i64..300,
            spare in 0i64..1000, notional in 1i128..100_000_000_000,
        ) {
            let whole = |units: i128| Amount::from_raw(units * Amount::ONE.raw());
            let mut rules = MarketRules::default();
            rules.envelope.gap = Rate::from_bp(gap);
            (rules.envelope.flat, rules.envelope.depth_min) = (whole(flat), whole(depth));
            let mut perpetual = crate::params::PerpetualParams {
                funding: crate::params::FundingRule::Velocity {
                    max_velocity: Rate::ONE, premium_scale: Rate::ONE, cap: Rate::ONE,
                },
                impact_notional: Amount::ONE,
                margin_initial: Rate::ONE,
                margin_maintenance: Rate::ONE,
                mark_band: Rate::from_bp(100),
                price_band: Rate::from_bp(100),
                fee_liquidation: Rate::from_bp(100),
                position_max: Qty::ONE,
            };
            let margin = need(&perpetual, &rules).total() + Rate::from_bp(spare);
            prop_assume!(margin < Rate::ONE);
            perpetual.margin_maintenance = margin;
            let value = whole(notional);
            let held = value.share(margin, Round::Up).unwrap() + size_charge(value, margin, &rules);
            prop_assert!(held <= value + Amount::from_raw(2));
            rules.envelope.flat = value.max(rules.envelope.flat);
            let needed = value.share(need(&perpetual, &rules).total(), Round::Down).unwrap();
            // Each side rounds a rate up at 10⁻¹².
            let rounding = value.share(Rate::from_raw(2), Round::Up).unwrap();
            prop_assert!(held + rounding >= needed.min(value), "{held} < {needed}");
        }

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

        /// Of a holding, a perpetual and two futures.
        #[test]
        fn x_6_two_accounts_together_need_no_more_than_apart_and_a_hedge_no_more_than_its_basis(
            a in any_legs(), b in any_legs(), spread in 0i64..500, more in 0i64..1_000_000_000_000,
        ) {
            let spread = Rate::from_bp(spread);
            let mut sum = a;
            sum.iter_mut().zip(b).for_each(|(sum, b)| *sum += b);
            let apart = legs_charged(a, spread) + legs_charged(b, spread);
            prop_assert!(legs_charged(sum, spread) <= apart + Amount::from_raw(12));
            // A future against the net stake, up to its size.
            let net: i64 = a.iter().sum();
            let (mut hedged, hedge) = (a, more.min(net.abs()) * -net.signum());
            hedged[3] += hedge;
            let notional = LEGS_INDEX.notional(Qty::from_raw(hedge.abs()), Round::Up);
            let most = legs_charged(a, spread) + basis_charge(notional, spread);
            prop_assert!(legs_charged(hedged, spread) <= most + Amount::from_raw(12));
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
