//! The table row by row, and the gains that it allows.

use std::collections::BTreeSet;

use expect_test::expect_file;
use money::{Rate, Span};
use pricing::stability::{DELAY_MONOTONE_LIMIT, INTERVAL_MONOTONE_LIMIT};
use protocol::governance::Refusal;
use protocol::governance::keys::{FIXED, Scope, TABLE, page};
use protocol::governance::limits::{ANCHOR_MIN, GAIN_MAX, LAG, PROPORTIONAL_MAX, gain_is_sound};
use protocol::params::{FundingRule, Kind, Params, Rules};
use protocol::state::State;

use super::super::exchange::{ANCHORED, SOL_PERP, design, rate};
use super::super::futures;
use super::super::machine::SplitMix;
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
    let mut params = Params { rules: Rules::default(), ..design() };
    params.rules.scenarios.offsets = vec![Rate::ZERO, rate("0.5"), rate("0.4")];
    for market in &mut params.markets {
        if let Kind::Perpetual(perpetual) = &mut market.kind {
            perpetual.funding = rule;
        }
    }
    params
}

/// The design of each funding rule, and one with a future in place of a perpetual.
fn designs() -> Vec<Params> {
    let mut designs = rules().map(with_rule).to_vec();
    let mut dated = designs[0].clone();
    dated.markets[SOL_PERP.index()].kind = Kind::Future(futures::dated(3600));
    designs.push(dated);
    designs
}

/// The first of the designs that has a parameter, and the scope that has it.
fn home(at: usize) -> (Params, u16) {
    let row = &TABLE[at];
    let places =
        designs().into_iter().flat_map(|params| (0..4).map(move |scope| (params.clone(), scope)));
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

/// Every number, name and choice of a design with the path of its names, from the derived text.
fn leaves(params: &Params) -> Vec<(String, String)> {
    let text = format!("{params:#?}");
    let (mut path, mut leaves) = (Vec::new(), Vec::new());
    for line in text.lines().map(str::trim) {
        let (name, value) = line.split_once(": ").unwrap_or(("", line));
        if line.ends_with(['{', '[', '(']) {
            path.push(name);
        } else if line.starts_with(['}', ']', ')']) {
            path.pop();
        } else {
            let names = path.iter().chain([&name]).filter(|name| !name.is_empty());
            let names: Vec<&str> = names.copied().collect();
            // What a future has in common with a perpetual has the same keys.
            leaves.push((names.join(".").replace(".terms", ""), value.to_owned()));
        }
    }
    leaves
}

/// The leaves that a row writes in any design.
fn written(at: usize) -> BTreeSet<String> {
    let row = &TABLE[at];
    let mut paths = BTreeSet::new();
    for params in designs() {
        for (scope, end) in (0..4).flat_map(|scope| row.range.map(|end| (scope, end))) {
            let mut after = params.clone();
            if row.write(&mut after, scope, end).is_ok() {
                let pairs = leaves(&params).into_iter().zip(leaves(&after));
                let moved = pairs.filter(|(before, after)| before != after);
                paths.extend(moved.map(|((path, _), _)| path));
            }
        }
    }
    paths
}

#[test]
fn g_1_every_number_of_a_design_has_one_key_or_a_reason_why_it_is_fixed() {
    let mut keyed = BTreeSet::new();
    for (at, row) in TABLE.iter().enumerate() {
        let paths = written(at);
        // `carry`, `interest` and `cap` stand at the same place in several funding rules.
        assert!(!paths.is_empty(), "{} writes nothing", row.name);
        let one = paths.len() == 1 || row.name == "market.price_band";
        assert!(one, "{} writes {paths:?}", row.name);
        keyed.extend(paths);
    }
    let mut all: BTreeSet<String> =
        designs().iter().flat_map(leaves).map(|(path, _)| path).collect();
    // Of which kind a funding rule is, is no number: a future has none.
    assert!(all.remove("markets.kind.funding"));
    let is_below = |path: &str, name: &str| {
        path.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    for path in &all {
        let fixed = FIXED.iter().filter(|(name, _)| is_below(path, name)).count();
        assert_eq!(fixed + usize::from(keyed.contains(path)), 1, "{path}");
    }
    for (name, _) in FIXED {
        assert!(all.iter().any(|path| is_below(path, name)), "{name} is in no design");
    }
}

/// Whatever is voted, a silence that O-11 believes a price after is an outage of A-6 before, and
/// not every unsound account is a deep shortfall (L-13).
#[test]
fn g_1_no_vote_parts_the_gap_of_the_ladder_from_the_restart() {
    let range = |name: &str| TABLE.iter().find(|row| row.name == name).unwrap().range;
    assert!(range("halt.outage_min")[1] < range("ladder.gap_confirmation")[0]);
    assert!(range("liquidation.deep_below")[1] < i128::from(Rate::ONE.raw()));
    let rules = Rules::default();
    assert!(rules.halt.outage_min < rules.ladder.gap_confirmation);
}

/// Each end of a range is accepted in some design: with what it is bound to by order at the same
/// end, at the other, or where it was.
#[test]
fn g_1_the_ends_of_a_range_are_within_what_designs_are_checked_for() {
    for (at, row) in TABLE.iter().enumerate() {
        let (before, scope) = home(at);
        let group = row.name.split_once('.').unwrap().0;
        let others = TABLE.iter().filter(|other| {
            other.name != row.name && other.name.split_once('.').unwrap().0 == group
        });
        let others: Vec<_> = others.collect();
        for end in [0, 1] {
            let accepted = [None, Some(0), Some(1)].into_iter().any(|moved| {
                let mut params = before.clone();
                for other in moved.iter().flat_map(|_| &others) {
                    let _ = other.write(&mut params, scope, other.range[moved.unwrap_or(0)]);
                }
                row.write(&mut params, scope, row.range[end]).unwrap();
                let whole = State::new(params.clone()).is_ok();
                // Ranges of the structures alone: order and proof look at other groups as well.
                let alone = params.rules.check().is_ok()
                    && params.markets.iter().all(|market| market.rules.check().is_ok());
                let guarded = at >= key("ladder.jump_max").0.into();
                if guarded { alone } else { whole || alone }
            });
            assert!(accepted, "{} at {}", row.name, row.range[end]);
        }
    }
}

/// What a proposal passes by is a design that a state is built from.
#[test]
fn g_4_every_accepted_change_leaves_a_design_that_is_accepted() {
    let mut random = SplitMix(7);
    let (mut taken, mut moved) = (0, BTreeSet::new());
    for round in 0..6_000 {
        let mut hall = Hall::new();
        hall.params = with_rule(rules()[round % 5]);
        let settings: Vec<_> = (0..=random.below(2))
            .filter_map(|_| {
                let row = &TABLE[random.below(TABLE.len() as u64) as usize];
                let scope = random.below(4) as u16;
                let value = row.read(&hall.params, scope).ok()?;
                let step = row.step.size(value);
                let part = [step, -step, step / 3, -step / 2][random.below(4) as usize];
                Some(set(row.name, scope, value + part))
            })
            .collect();
        if hall.propose(&settings).is_ok() {
            taken += 1;
            let mut params = hall.params.clone();
            for set in &settings {
                let row = set.key.row().unwrap();
                row.write(&mut params, set.scope, set.value).unwrap();
                moved.insert(row.name);
            }
            assert!(State::new(params).is_ok(), "{settings:?}");
        }
    }
    let idle: Vec<_> =
        TABLE.iter().map(|row| row.name).filter(|name| !moved.contains(name)).collect();
    assert!(taken > 1_000 && idle.is_empty(), "{taken} {idle:?}");
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
