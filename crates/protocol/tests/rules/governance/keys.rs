//! The table row by row, and the gains that it allows.

use expect_test::expect_file;
use money::{Rate, Span};
use pricing::stability::{DELAY_MONOTONE_LIMIT, INTERVAL_MONOTONE_LIMIT};
use protocol::governance::Refusal;
use protocol::governance::keys::{Scope, TABLE, page};
use protocol::governance::limits::{ANCHOR_MIN, GAIN_MAX, LAG, PROPORTIONAL_MAX, gain_is_sound};
use protocol::params::{FundingRule, Kind, Params};

use super::super::exchange::{ANCHORED, design, rate};
use super::{Hall, bp, key, set};

const EIGHT_HOURS: Span = Span::from_secs(8 * 3600);

/// One of each funding rule, at the values of the examples.
fn rules() -> [FundingRule; 5] {
    let (carry, cap) = (rate("0.0001"), rate("0.02"));
    [
        ANCHORED,
        FundingRule::Industry {
            interval: EIGHT_HOURS,
            interest: carry,
            clamp: rate("0.0005"),
            cap,
        },
        FundingRule::Dydx { sample: Span::MINUTE, interval: Span::HOUR, interest: carry, cap },
        FundingRule::Velocity {
            max_velocity: rate("9"),
            premium_scale: rate("0.001"),
            cap: Rate::ONE,
        },
        FundingRule::Pi {
            proportional: Rate::ONE,
            integral: rate("0.1"),
            leak: Span::HOUR.times(72),
            carry,
            cap,
        },
    ]
}

fn with_rule(rule: FundingRule) -> Params {
    let mut params = design();
    for market in &mut params.markets {
        if let Kind::Perpetual(perpetual) = &mut market.kind {
            perpetual.funding = rule;
        }
    }
    params
}

/// The first of the designs that has a parameter, and the scope that has it.
fn home(at: usize) -> (Params, u16) {
    let row = &TABLE[at];
    let designs = rules().into_iter().map(with_rule);
    let places = designs.flat_map(|params| (0..4).map(move |scope| (params.clone(), scope)));
    let mut homes = places.filter(|(params, scope)| row.read(params, *scope).is_ok());
    homes.next().unwrap_or_else(|| panic!("{} is in no design", row.name))
}

#[test]
fn g_1_ranges_are_ordered_and_hold_the_defaults_and_names_differ() {
    for (at, row) in TABLE.iter().enumerate() {
        assert!(row.range[0] < row.range[1], "{}", row.name);
        assert_eq!(TABLE.iter().filter(|other| other.name == row.name).count(), 1, "{}", row.name);
        for rule in rules() {
            for scope in 0..4 {
                if let Ok(value) = row.read(&with_rule(rule), scope) {
                    assert!(row.holds(value), "{at} {}: {value}", row.name);
                }
            }
        }
    }
}

#[test]
fn g_1_what_was_written_is_read_and_nothing_else_moved() {
    for (at, row) in TABLE.iter().enumerate() {
        let (before, scope) = home(at);
        for value in row.range {
            let mut params = before.clone();
            row.write(&mut params, scope, value).unwrap();
            assert_eq!(row.read(&params, scope), Ok(value), "{}", row.name);
            for (other, row_other) in TABLE.iter().enumerate() {
                for place in 0..4 {
                    let same = (other, place) == (at, scope);
                    let unmoved = row_other.read(&params, place) == row_other.read(&before, place);
                    assert!(same || unmoved, "{} moved {}", row.name, row_other.name);
                }
            }
        }
    }
}

#[test]
fn g_1_the_unit_beyond_a_range_is_refused() {
    for (at, row) in TABLE.iter().enumerate() {
        let (mut params, scope) = home(at);
        for value in [row.range[0] - 1, row.range[1] + 1] {
            let before = params.clone();
            assert_eq!(row.write(&mut params, scope, value), Err(Refusal::OutsideRange));
            assert_eq!(params, before);
        }
    }
}

#[test]
fn g_1_a_scope_without_the_parameter_is_refused() {
    let params = design();
    for row in &TABLE {
        assert_eq!(row.read(&params, 99), Err(Refusal::UnknownScope), "{}", row.name);
        if row.scope() == Scope::Asset {
            // The quote currency is what everything is counted in.
            assert_eq!(row.read(&params, 0), Err(Refusal::UnknownScope));
        }
    }
    let margin = key("market.margin_initial").row().unwrap();
    assert_eq!(margin.read(&params, 0), Err(Refusal::UnknownScope), "a spot market");
    let gain = key("funding.proportional").row().unwrap();
    assert_eq!(gain.read(&params, 2), Err(Refusal::UnknownScope), "another rule");
}

#[test]
fn g_2_a_step_is_refused_at_the_first_unit_beyond() {
    for (at, row) in TABLE.iter().enumerate() {
        let (params, scope) = home(at);
        let value = row.read(&params, scope).unwrap();
        let step = row.step.size(value);
        assert!(step > 0, "{} cannot move", row.name);
        for (to, sign) in [(value + step, 1), (value - step, -1)] {
            if !row.holds(to + sign) {
                continue;
            }
            let mut hall = Hall::new();
            hall.params = params.clone();
            let beyond = hall.propose(&[set(row.name, scope, to + sign)]);
            assert_eq!(beyond, Err(Refusal::StepTooLarge), "{} {sign}", row.name);
            let within = hall.propose(&[set(row.name, scope, to)]);
            // Steps that other rules refuse: margins in order, charges below margins.
            assert!(matches!(within, Ok(_) | Err(Refusal::Design)), "{} {within:?}", row.name);
        }
    }
}

#[test]
fn g_2_steps_are_a_tenth_rounded_down_and_at_least_the_least() {
    let step = key("asset.haircut_initial").row().unwrap().step;
    assert_eq!(step.size(bp(2_000)), bp(200));
    assert_eq!(step.size(bp(2_000) + 9), bp(200));
    assert_eq!(step.size(bp(2_000) + 10), bp(200) + 1);
    assert_eq!([step.size(0), step.size(bp(5))], [bp(1); 2]);
    let fee = key("market.fee_maker").row().unwrap().step;
    assert_eq!(fee.size(bp(-4)), bp(4) / 10, "a rebate moves as a fee does");
}

#[test]
fn g_3_gains_are_below_the_monotone_limits() {
    let gain = GAIN_MAX.raw() as f64 / Rate::ONE.raw() as f64;
    assert!(gain < INTERVAL_MONOTONE_LIMIT.min(DELAY_MONOTONE_LIMIT));
    assert!(INTERVAL_MONOTONE_LIMIT - gain < 0.001);
    let age = key("oracle.index_age_max").row().unwrap();
    assert_eq!(i128::from(LAG.nanos()), age.range[1] + i128::from(Span::from_secs(150).nanos()));
    let ends = [
        LAG.nanos() as f64 / ANCHOR_MIN.nanos() as f64,
        PROPORTIONAL_MAX.raw() as f64 / 1e12 * LAG.nanos() as f64 / EIGHT_HOURS.nanos() as f64,
    ];
    for end in ends {
        assert!(end <= gain && gain - end < 0.001, "{end}");
    }
}

#[test]
fn g_3_a_rule_is_sound_up_to_its_limit() {
    assert!(rules().iter().all(gain_is_sound));
    let (carry, cap) = (Rate::ZERO, rate("0.02"));
    let anchored = |anchor| FundingRule::Anchored { anchor, carry, cap };
    assert!(gain_is_sound(&anchored(ANCHOR_MIN)));
    assert!(!gain_is_sound(&anchored(Span::from_secs(1_311))));
    let dydx = |millis| FundingRule::Dydx {
        sample: Span::MINUTE,
        interval: Span::from_millis(millis),
        interest: carry,
        cap,
    };
    assert!(gain_is_sound(&dydx(9_878_400)));
    assert!(!gain_is_sound(&dydx(9_878_401)));
    let pi = |proportional, integral| FundingRule::Pi {
        proportional,
        integral,
        leak: Span::DAY,
        carry,
        cap,
    };
    let unit = Rate::from_raw(1);
    assert!(gain_is_sound(&pi(PROPORTIONAL_MAX, rate("8"))));
    assert!(!gain_is_sound(&pi(PROPORTIONAL_MAX + unit, rate("8"))));
    assert!(gain_is_sound(&pi(rate("0.5"), rate("4"))));
    assert!(!gain_is_sound(&pi(rate("0.5"), rate("4") + unit)));
    let velocity = |max_velocity, premium_scale| FundingRule::Velocity {
        max_velocity,
        premium_scale,
        cap: Rate::ONE,
    };
    // 0.343·(86400/450)² = 12644.352 for each unit of premium.
    assert!(gain_is_sound(&velocity(rate("12.644352"), rate("0.001"))));
    assert!(!gain_is_sound(&velocity(rate("12.644352000001"), rate("0.001"))));
}

#[test]
fn g_3_a_proposal_beyond_a_gain_is_refused_and_another_market_is_not_asked() {
    let mut hall = Hall::new();
    let cap = rate("0.02");
    let loud = FundingRule::Dydx {
        sample: Span::MINUTE,
        interval: EIGHT_HOURS,
        interest: rate("0.0001"),
        cap,
    };
    hall.params = with_rule(loud);
    assert_eq!(hall.propose(&[set("funding.cap", 2, bp(210))]), Err(Refusal::Gain));
    assert!(hall.propose(&[set("market.fee_taker", 2, bp(5) + 1)]).is_ok());
}

#[test]
fn the_page_on_disk_is_the_table() {
    expect_file!["../../../../../docs/governance.md"].assert_eq(&page());
}
