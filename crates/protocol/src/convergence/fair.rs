//! The basis that a funding rule itself makes fair (rule C-4).
//!
//! A premium can last only if the funding that it brings about pays the carry c = r_quote − r_base:
//! φ(p) = c. Anchored: p = (c − ι)·anchor/8 h. Industry: c − d below the interest, c + d above it,
//! and with c equal to it every premium of the dead band, of which the nearest to zero is taken.
//! dYdX: c − ι. Velocity: 0, whatever c is. PI: with the leaky integral at rest, z =
//! integral·leak·p/8 h.
//!
//! Always holds: the rule charges c at the fair premium, up to rounding.

use std::cmp::Ordering;

use money::{Rate, Round, Span, mul_div};

use crate::funding::EIGHT_HOURS;
use crate::params::FundingRule as Rule;

/// mark/index − 1 at which the rule charges `carry`, quoted for 8 h; `None` where no premium does,
/// because of the rule's cap, or because there is no rule.
pub fn fair_basis(rule: &Rule, carry: Rate) -> Option<Rate> {
    match *rule {
        Rule::Anchored { anchor, carry: interest, cap } => {
            let excess = within(carry, cap)?.checked_sub(interest)?;
            excess.over(anchor, EIGHT_HOURS, Round::Down)
        }
        Rule::Industry { interval, interest, clamp, cap } => {
            let carry = within(carry.over(interval, EIGHT_HOURS, Round::Down)?, cap)?;
            match carry.cmp(&interest) {
                Ordering::Less => carry.checked_sub(clamp),
                Ordering::Greater => carry.checked_add(clamp),
                Ordering::Equal => Some(Rate::ZERO.clamp(interest - clamp, interest + clamp)),
            }
        }
        Rule::Dydx { interest, cap, sample: _, interval: _ } => {
            within(carry, cap)?.checked_sub(interest)
        }
        Rule::Velocity { cap, max_velocity: _, premium_scale: _ } => {
            within(carry.over(Span::DAY, EIGHT_HOURS, Round::Down)?, cap).map(|_| Rate::ZERO)
        }
        Rule::Pi { proportional, integral, leak, carry: interest, cap } => {
            let excess = within(carry, cap)?.checked_sub(interest)?;
            let pull = integral.over(leak, EIGHT_HOURS, Round::Down)?;
            let fair = quotient(excess, proportional.checked_add(pull)?)?;
            let held = pull.times(fair, Round::Down)?;
            if held.abs() <= cap {
                return Some(fair);
            }
            let wound_up = if held.is_negative() { -cap } else { cap };
            quotient(excess.checked_sub(wound_up)?, proportional)
        }
        Rule::Never => None,
    }
}

fn within(rate: Rate, cap: Rate) -> Option<Rate> {
    (-cap <= rate && rate <= cap).then_some(rate)
}

/// `a/b`; nothing divided by nothing is nothing.
fn quotient(a: Rate, b: Rate) -> Option<Rate> {
    if a.is_zero() {
        return Some(Rate::ZERO);
    }
    let [a, b, one] = [a, b, Rate::ONE].map(|rate| i128::from(rate.raw()));
    let raw = mul_div(a, one, b, Round::Down)?;
    i64::try_from(raw).ok().map(Rate::from_raw)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::funding::{Funding, Observation};
    use money::{Price, Time};

    /// Hundredths of a basis point.
    const fn centi(value: i64) -> Rate {
        Rate::from_raw(value * 1_000_000)
    }

    fn rules(carry: i64) -> [Rule; 4] {
        let cap = Rate::from_bp(400);
        let (anchor, leak) = (EIGHT_HOURS, Span::HOUR.times(4));
        let interest = Rate::from_bp(1);
        [
            Rule::Anchored { anchor: Span::HOUR.times(24), carry: centi(carry), cap },
            Rule::Industry { interval: anchor, interest, clamp: Rate::from_bp(5), cap },
            Rule::Dydx { sample: Span::MINUTE, interval: Span::HOUR, interest, cap },
            Rule::Pi {
                proportional: Rate::ONE,
                integral: Rate::from_bp(20_000),
                leak,
                carry: centi(carry),
                cap,
            },
        ]
    }

    #[test]
    fn c_4_each_rule_has_its_own_fair_basis() {
        // Carry of 0.44 bp for 8 h, interest of the two rules that earn the carry 0.2 bp.
        let table: Vec<Option<Rate>> =
            rules(20).iter().map(|rule| fair_basis(rule, centi(44))).collect();
        let expected = [centi(72), centi(-456), centi(-56), centi(12)];
        assert_eq!(table, expected.map(Some));
        let industry = rules(20)[1];
        let table = [(100, 0), (101, 601), (99, -401), (40_000, 40_500)];
        for (carry, fair) in table {
            assert_eq!(fair_basis(&industry, centi(carry)), Some(centi(fair)), "{carry}");
        }
        for rule in rules(20) {
            assert_eq!(fair_basis(&rule, centi(40_001)), None, "beyond the cap");
        }
        let (scale, cap) = (Rate::from_bp(10), Rate::from_bp(100));
        let velocity = Rule::Velocity { max_velocity: Rate::ONE, premium_scale: scale, cap };
        assert_eq!(fair_basis(&velocity, Rate::from_bp(33)), Some(Rate::ZERO));
        assert_eq!(fair_basis(&velocity, Rate::from_bp(34)), None);
    }

    /// The rules themselves, fed with the fair premium for two days, charge the carry.
    #[test]
    fn c_4_at_the_fair_basis_a_rule_charges_the_carry() {
        for carry in [centi(-333), centi(44), centi(250), Rate::from_bp(390)] {
            for rule in rules(20) {
                let fair = fair_basis(&rule, carry).unwrap();
                let mut funding = Funding::default();
                for minute in 0..2 * 1440u64 {
                    let now = Time::ZERO.after(Span::MINUTE.times(minute));
                    let index = Price::ONE;
                    let seen = Observation { now, index, symmetric: fair, one_sided: fair };
                    funding.accrue(&rule, &seen);
                }
                let charged = funding.rate_8h(&rule);
                let error = (charged - carry).abs();
                assert!(error < centi(1), "{rule:?} charges {charged}, not {carry}");
            }
        }
    }

    #[test]
    fn c_4_a_wound_up_integral_leaves_the_rest_to_the_proportional_term() {
        let rule = Rule::Pi {
            proportional: Rate::ONE,
            integral: Rate::from_bp(1_000_000),
            leak: EIGHT_HOURS,
            carry: Rate::from_bp(-50),
            cap: Rate::from_bp(100),
        };
        // 100 bp of carry over an interest of −50: the integral holds 100 of the 150.
        assert_eq!(fair_basis(&rule, Rate::from_bp(100)), Some(Rate::from_bp(50)));
    }
}
