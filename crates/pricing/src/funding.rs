//! Float model of the funding rules: what a constant premium pays, and which premium is fair.
//!
//! `premium` is `price/index − 1`; a positive rate is paid by longs to shorts.
//!
//! | rule | rate for 8 h at a constant premium P |
//! |---|---|
//! | anchored | `P·8h/anchor + carry` |
//! | industry | `(P + clamp(I − P, ±d))·8h/interval` (BitMEX, Binance) |
//! | dYdX | `P + I`, settled hourly in eighths |
//! | velocity | any: the rate follows the skew of takers, not the premium |
//! | PI | `carry + K_p·P + clamp(K_i·P·leak/8h, ±cap)`: a leaky integral at rest |
//!
//! each within its cap. A premium is fair when funding equals the financing cost `c` of the hedge:
//! with a dead band that is `c − d` for c < I, `c + d` for c > I and the whole band for c = I (He,
//! Manela, Ross, von Wachter, arXiv 2212.06888, give the same edge). Every rate is non-decreasing
//! in the premium, so the fair set is an interval: it is found by bisection, with no case per rule.

/// A funding rule; rates are plain fractions, times are hours.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Rule {
    /// Accrues on the premium, without a dead band.
    Anchored {
        /// Time over which a premium is paid in full.
        anchor_h: f64,
        /// Interest for 8 h.
        carry_8h: f64,
        /// Bound on |rate| for 8 h.
        cap_8h: f64,
    },
    /// Settles by interval, with a dead band.
    Industry {
        /// Settlement interval.
        interval_h: f64,
        /// Interest for the interval.
        interest: f64,
        /// Half-width of the dead band.
        clamp: f64,
        /// Bound on |rate| for the interval.
        cap: f64,
    },
    /// Settles by interval a share of the premium, one that would be paid in full over 8 h.
    Dydx {
        /// Settlement interval.
        interval_h: f64,
        /// Interest for 8 h.
        interest_8h: f64,
        /// Bound on |rate| for 8 h.
        cap_8h: f64,
    },
    /// The rate moves as long as there is a premium: a lasting one carries it to its bound.
    Velocity {
        /// Largest change of the daily rate in one day.
        max_velocity_per_day: f64,
        /// Bound on |rate| for one day.
        cap_per_day: f64,
    },
    /// Proportional and leaky integral controller on the premium.
    Pi {
        /// Rate for 8 h per unit of premium.
        proportional: f64,
        /// Growth of the integral in 8 h per unit of premium.
        integral: f64,
        /// Time constant of the leak of the integral.
        leak_h: f64,
        /// Interest for 8 h.
        carry_8h: f64,
        /// Bound on |rate| for 8 h, also on the integral.
        cap_8h: f64,
    },
}

/// The premia at which a rule pays exactly the financing cost.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Fair {
    /// One premium.
    Point(f64),
    /// Every premium between the two, ends included; an end is infinite at a cap.
    Interval {
        /// The lowest.
        low: f64,
        /// The highest.
        high: f64,
    },
    /// None: the cost is beyond the cap, or the rule does not look at the premium.
    None,
}

/// The reference length of the quoted rates, in hours.
pub const QUOTED_H: f64 = 8.0;
/// Funding within this of the cost is equal to it: a thousandth of the last digit of a
/// [`money::Rate`].
const RATE_TOLERANCE: f64 = 1e-15;
/// Fair premia closer than this are one: a millionth of a basis point.
const PREMIUM_TOLERANCE: f64 = 1e-10;
/// No premium beyond this is looked for.
const PREMIUM_MAX: f64 = 1e6;

impl Rule {
    /// What a constant premium pays for 8 h; `None` where the premium does not determine it.
    pub fn rate_8h(&self, premium: f64) -> Option<f64> {
        match *self {
            Rule::Anchored { anchor_h, carry_8h, cap_8h } => {
                Some(bound(premium * QUOTED_H / anchor_h + carry_8h, cap_8h))
            }
            Rule::Industry { interval_h, interest, clamp, cap } => {
                Some(industry_rate(premium, interest, clamp, cap) * QUOTED_H / interval_h)
            }
            Rule::Dydx { interest_8h, cap_8h, .. } => Some(bound(premium + interest_8h, cap_8h)),
            Rule::Velocity { cap_per_day, .. } => {
                let bound = if premium == 0.0 { 0.0 } else { cap_per_day.copysign(premium) };
                Some(bound * QUOTED_H / 24.0)
            }
            Rule::Pi { proportional, integral, leak_h, carry_8h, cap_8h } => {
                let at_rest = bound(integral * premium * leak_h / QUOTED_H, cap_8h);
                Some(bound(carry_8h + proportional * premium + at_rest, cap_8h))
            }
        }
    }

    /// The premia that pay `carry_8h`, the cost of financing the hedge for 8 h.
    pub fn fair_premium(&self, carry_8h: f64) -> Fair {
        let low = self.edge(|rate| rate >= carry_8h - RATE_TOLERANCE);
        let high = self.edge(|rate| rate > carry_8h + RATE_TOLERANCE);
        let (Some(low), Some(high)) = (low, high) else { return Fair::None };
        if low == high {
            return if low.is_finite() { Fair::Point(low) } else { Fair::None };
        }
        if high - low <= PREMIUM_TOLERANCE {
            return Fair::Point(low + (high - low) / 2.0);
        }
        Fair::Interval { low, high }
    }

    /// The least premium whose rate is `beyond`: infinite if all are or none is.
    fn edge(&self, beyond: impl Fn(f64) -> bool) -> Option<f64> {
        let (mut below, mut above) = (-PREMIUM_MAX, PREMIUM_MAX);
        if beyond(self.rate_8h(below)?) {
            return Some(f64::NEG_INFINITY);
        }
        if !beyond(self.rate_8h(above)?) {
            return Some(f64::INFINITY);
        }
        loop {
            let middle = below + (above - below) / 2.0;
            if middle <= below || middle >= above {
                return Some(above);
            }
            if beyond(self.rate_8h(middle)?) { above = middle } else { below = middle }
        }
    }
}

impl Fair {
    /// The middle of the fair set; `None` if there is none or it has no middle.
    pub fn center(&self) -> Option<f64> {
        match *self {
            Fair::Point(premium) => Some(premium),
            Fair::Interval { low, high } => {
                let middle = low + (high - low) / 2.0;
                middle.is_finite().then_some(middle)
            }
            Fair::None => None,
        }
    }

    /// Signed distance of `premium` to the nearest fair one, zero inside; `None` if there is none.
    pub fn deviation(&self, premium: f64) -> Option<f64> {
        match *self {
            Fair::Point(fair) => Some(premium - fair),
            Fair::Interval { low, high } => Some(premium - premium.max(low).min(high)),
            Fair::None => None,
        }
    }
}

/// The industry rule on the premium of one interval: `P + clamp(I − P, ±d)` within ±cap, for the
/// interval.
pub fn industry_rate(premium: f64, interest: f64, clamp: f64, cap: f64) -> f64 {
    bound(premium + bound(interest - premium, clamp), cap)
}

/// The mean with weights 1, 2, …, n: later samples count more (Binance); `None` without samples.
pub fn linear_weighted_mean(samples: &[f64]) -> Option<f64> {
    if samples.is_empty() {
        return None;
    }
    let count = samples.len() as f64;
    let weighted = samples.iter().zip(1u32..).map(|(sample, weight)| sample * f64::from(weight));
    Some(weighted.sum::<f64>() / (count * (count + 1.0) / 2.0))
}

/// What the industry rule pays at the end of an interval with these premium samples; `None` without
/// samples.
pub fn industry_settlement(samples: &[f64], interest: f64, clamp: f64, cap: f64) -> Option<f64> {
    linear_weighted_mean(samples).map(|premium| industry_rate(premium, interest, clamp, cap))
}

/// `value` within ±`limit`.
fn bound(value: f64, limit: f64) -> f64 {
    value.max(-limit).min(limit)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const BP: f64 = 1e-4;

    fn industry() -> Rule {
        Rule::Industry { interval_h: 8.0, interest: BP, clamp: 5.0 * BP, cap: 75.0 * BP }
    }

    fn near(actual: f64, expected: f64) {
        assert!((actual - expected).abs() < 1e-12, "{actual} is not {expected}");
    }

    /// Theory vector `funding_clamp_table_bp`: the BitMEX and Binance formula.
    #[test]
    fn the_clamp_table_is_reproduced() {
        let table = [
            (-20.0, -15.0),
            (-10.0, -5.0),
            (-5.0, 0.0),
            (-4.56, 0.44),
            (-4.0, 1.0),
            (-3.9, 1.0),
            (-1.0, 1.0),
            (0.0, 1.0),
            (1.0, 1.0),
            (3.0, 1.0),
            (5.9, 1.0),
            (6.0, 1.0),
            (6.1, 1.1),
            (10.0, 5.0),
            (40.0, 35.0),
        ];
        for (premium, rate) in table {
            near(industry().rate_8h(premium * BP).unwrap(), rate * BP);
            near(industry_settlement(&[premium * BP; 7], BP, 5.0 * BP, 1.0).unwrap(), rate * BP);
        }
        near(industry().rate_8h(1.0).unwrap(), 75.0 * BP);
    }

    /// Theory vector `clamp_stationary_premium_bp`.
    #[test]
    fn the_fair_premium_sits_at_the_edge_of_the_dead_band() {
        let table = [(0.0, -5.0), (0.4442, -4.5558), (0.457, -4.543), (1.826, 6.826)];
        for (cost, premium) in table {
            near(industry().fair_premium(cost * BP).center().unwrap(), premium * BP);
        }
        let Fair::Interval { low, high } = industry().fair_premium(BP) else {
            panic!("at c = I every premium of the band is fair")
        };
        near(low, -4.0 * BP);
        near(high, 6.0 * BP);
    }

    #[test]
    fn an_anchored_rule_with_the_financing_cost_as_carry_is_fair_at_spot() {
        let rule = Rule::Anchored { anchor_h: 8.0, carry_8h: 0.39 * BP, cap_8h: 40.0 * BP };
        near(rule.fair_premium(0.39 * BP).center().unwrap(), 0.0);
        near(rule.fair_premium(1.39 * BP).center().unwrap(), BP);
        near(rule.fair_premium(-20.0 * BP).center().unwrap(), -20.39 * BP);
    }

    #[test]
    fn a_leaky_integral_at_rest_adds_its_gain() {
        let rule = Rule::Pi {
            proportional: 0.5,
            integral: 0.1,
            leak_h: 24.0,
            carry_8h: 0.0,
            cap_8h: 40.0 * BP,
        };
        near(rule.rate_8h(10.0 * BP).unwrap(), 8.0 * BP);
        near(rule.fair_premium(8.0 * BP).center().unwrap(), 10.0 * BP);
    }

    #[test]
    fn a_shorter_interval_pays_the_premium_more_often() {
        let hourly = Rule::Industry { interval_h: 1.0, interest: 0.0, clamp: 0.0, cap: BP };
        near(hourly.rate_8h(0.5 * BP).unwrap(), 4.0 * BP);
        let dydx = Rule::Dydx { interval_h: 1.0, interest_8h: 0.0, cap_8h: 400.0 * BP };
        near(dydx.rate_8h(0.5 * BP).unwrap(), 0.5 * BP);
    }

    #[test]
    fn a_cost_beyond_the_cap_has_no_fair_premium() {
        let rule = Rule::Anchored { anchor_h: 8.0, carry_8h: 0.0, cap_8h: 40.0 * BP };
        assert_eq!(rule.fair_premium(41.0 * BP), Fair::None);
        assert_eq!(rule.fair_premium(-41.0 * BP), Fair::None);
        let Fair::Interval { low, high } = rule.fair_premium(40.0 * BP) else {
            panic!("at the cap every higher premium is fair")
        };
        near(low, 40.0 * BP);
        assert_eq!(high, f64::INFINITY);
        assert_eq!(rule.fair_premium(40.0 * BP).center(), None);
        assert_eq!(rule.fair_premium(f64::NAN), Fair::None);
        let velocity = Rule::Velocity { max_velocity_per_day: 0.09, cap_per_day: 0.01 };
        let Fair::Point(at_rest) = velocity.fair_premium(0.4 * BP) else {
            panic!("a rate that moves with the premium rests only where there is none")
        };
        near(at_rest, 0.0);
        assert_eq!(velocity.fair_premium(40.0 * BP), Fair::None);
    }

    #[test]
    fn deviation_is_zero_inside_the_fair_band() {
        let band = industry().fair_premium(BP);
        assert_eq!(band.deviation(0.0), Some(0.0));
        near(band.deviation(-7.0 * BP).unwrap(), -3.0 * BP);
        near(band.deviation(8.0 * BP).unwrap(), 2.0 * BP);
        near(industry().fair_premium(0.0).deviation(0.0).unwrap(), 5.0 * BP);
    }

    #[test]
    fn later_samples_count_more() {
        near(linear_weighted_mean(&[1.0, 1.0, 4.0]).unwrap(), 2.5);
        assert_eq!(linear_weighted_mean(&[]), None);
        assert_eq!(industry_settlement(&[], BP, BP, BP), None);
    }

    fn rules() -> impl Strategy<Value = Rule> {
        let rate = || -5e-4..5e-4f64;
        prop_oneof![
            (1.0..48.0f64, rate()).prop_map(|(anchor_h, carry_8h)| Rule::Anchored {
                anchor_h,
                carry_8h,
                cap_8h: 40.0 * BP
            }),
            (1.0..8.0f64, rate(), 0.0..1e-3f64).prop_map(|(interval_h, interest, clamp)| {
                Rule::Industry { interval_h, interest, clamp, cap: 40.0 * BP }
            }),
            rate().prop_map(|interest_8h| Rule::Dydx {
                interval_h: 1.0,
                interest_8h,
                cap_8h: 40.0 * BP
            }),
            (0.05..1.0f64, 0.0..0.5f64, 1.0..100.0f64, rate()).prop_map(
                |(proportional, integral, leak_h, carry_8h)| Rule::Pi {
                    proportional,
                    integral,
                    leak_h,
                    carry_8h,
                    cap_8h: 40.0 * BP
                }
            ),
        ]
    }

    proptest! {
        #[test]
        fn the_fair_premium_pays_the_cost(rule in rules(), cost in -20e-4..20e-4f64) {
            match rule.fair_premium(cost) {
                Fair::Point(premium) => {
                    prop_assert!((rule.rate_8h(premium).unwrap() - cost).abs() < 1e-9);
                }
                Fair::Interval { low, high } => {
                    prop_assert!(low < high);
                    prop_assert!((rule.rate_8h(low).unwrap() - cost).abs() < 1e-9);
                    prop_assert!((rule.rate_8h(high).unwrap() - cost).abs() < 1e-9);
                }
                Fair::None => prop_assert!(false, "every cost within the cap has a fair premium"),
            }
        }

        #[test]
        fn rates_never_fall_as_the_premium_rises(
            rule in rules(), a in -0.02..0.02f64, b in -0.02..0.02f64,
        ) {
            let (low, high) = (a.min(b), a.max(b));
            prop_assert!(rule.rate_8h(low).unwrap() <= rule.rate_8h(high).unwrap() + 1e-18);
        }

        #[test]
        fn the_closed_form_of_the_dead_band_holds(
            interest in -5e-4..5e-4f64, clamp in 0.0..1e-3f64, cost in -20e-4..20e-4f64,
        ) {
            prop_assume!((cost - interest).abs() > 1e-9);
            let rule = Rule::Industry { interval_h: 8.0, interest, clamp, cap: 40.0 * BP };
            let edge = if cost < interest { cost - clamp } else { cost + clamp };
            prop_assert!((rule.fair_premium(cost).center().unwrap() - edge).abs() < 1e-12);
        }
    }
}
