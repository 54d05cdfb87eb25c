//! The published funding rule of the protocol as the float model that values it.

use pricing::convert::{hours, rate_f64};
use pricing::funding::Rule;
use protocol::params::FundingRule;

/// The float model of a funding rule.
pub fn model(rule: &FundingRule) -> Rule {
    match *rule {
        FundingRule::Anchored { anchor, carry, cap } => Rule::Anchored {
            anchor_h: hours(anchor),
            carry_8h: rate_f64(carry),
            cap_8h: rate_f64(cap),
        },
        FundingRule::Industry { interval, interest, clamp, cap } => Rule::Industry {
            interval_h: hours(interval),
            interest: rate_f64(interest),
            clamp: rate_f64(clamp),
            cap: rate_f64(cap),
        },
        FundingRule::Dydx { sample: _, interval, interest, cap } => Rule::Dydx {
            interval_h: hours(interval),
            interest_8h: rate_f64(interest),
            cap_8h: rate_f64(cap),
        },
        FundingRule::Velocity { max_velocity, premium_scale: _, cap } => Rule::Velocity {
            max_velocity_per_day: rate_f64(max_velocity),
            cap_per_day: rate_f64(cap),
        },
        FundingRule::Pi { proportional, integral, leak, carry, cap } => Rule::Pi {
            proportional: rate_f64(proportional),
            integral: rate_f64(integral),
            leak_h: hours(leak),
            carry_8h: rate_f64(carry),
            cap_8h: rate_f64(cap),
        },
        // A rule whose cap is nothing charges nothing.
        FundingRule::Never => Rule::Anchored { anchor_h: 8.0, carry_8h: 0.0, cap_8h: 0.0 },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use money::{Rate, Span};

    #[test]
    fn units_become_hours_and_fractions() {
        let table = [
            (
                FundingRule::Industry {
                    interval: Span::HOUR.times(8),
                    interest: Rate::from_bp(1),
                    clamp: Rate::from_bp(5),
                    cap: Rate::from_bp(75),
                },
                Rule::Industry { interval_h: 8.0, interest: 1e-4, clamp: 5e-4, cap: 75e-4 },
            ),
            (
                FundingRule::Anchored {
                    anchor: Span::HOUR.times(8),
                    carry: Rate::from_bp(2),
                    cap: Rate::from_bp(40),
                },
                Rule::Anchored { anchor_h: 8.0, carry_8h: 2e-4, cap_8h: 40e-4 },
            ),
            (
                FundingRule::Dydx {
                    sample: Span::MINUTE,
                    interval: Span::HOUR,
                    interest: Rate::from_bp(1),
                    cap: Rate::from_bp(400),
                },
                Rule::Dydx { interval_h: 1.0, interest_8h: 1e-4, cap_8h: 400e-4 },
            ),
            (
                FundingRule::Velocity {
                    max_velocity: Rate::from_bp(900),
                    premium_scale: Rate::from_bp(10),
                    cap: Rate::from_bp(100),
                },
                Rule::Velocity { max_velocity_per_day: 0.09, cap_per_day: 0.01 },
            ),
            (
                FundingRule::Pi {
                    proportional: Rate::from_bp(5000),
                    integral: Rate::from_bp(1000),
                    leak: Span::DAY,
                    carry: Rate::from_bp(1),
                    cap: Rate::from_bp(40),
                },
                Rule::Pi {
                    proportional: 0.5,
                    integral: 0.1,
                    leak_h: 24.0,
                    carry_8h: 1e-4,
                    cap_8h: 40e-4,
                },
            ),
        ];
        for (rule, expected) in table {
            assert_eq!(model(&rule), expected);
        }
    }
}
