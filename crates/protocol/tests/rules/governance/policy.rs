//! Policies: what is accepted, and how margins follow the volatility.

use money::{Rate, Span, Time};
use proptest::prelude::*;
use protocol::governance::Refusal;
use protocol::governance::changes::Change;
use protocol::governance::council::*;
use protocol::governance::keys::TABLE;
use protocol::governance::policy::{KEYS, Levels, Policy, Regime};
use protocol::ids::MarketId;

use super::super::exchange::{qty, rate};
use super::{ANNA, HOUR, Hall, bp, set};

const PERP: MarketId = MarketId(2);
const ONE: Rate = Rate::ONE;

fn regime(above: &str, below: &str, [initial, maintenance, position]: [&str; 3]) -> Regime {
    Regime {
        above: rate(above),
        below: rate(below),
        margin_initial: rate(initial),
        margin_maintenance: rate(maintenance),
        position_max: rate(position),
    }
}

/// Calm; from 90 % a year, left under 60 %; from 150 %, left under 100 %.
fn policy() -> Policy {
    Policy {
        base: Levels {
            margin_initial: rate("0.1"),
            margin_maintenance: rate("0.05"),
            position_max: qty("1000"),
        },
        regimes: vec![
            regime("0", "0", ["1"; 3]),
            regime("0.9", "0.6", ["1.5", "1.2", "0.5"]),
            regime("1.5", "1", ["2", "1.5", "0.25"]),
        ],
        maintenance_delay: Span::DAY,
    }
}

fn measure(policy: Policy) -> Measure {
    Measure::Policy { market: PERP, policy: Some(policy) }
}

/// A market whose policy is in force.
fn hall() -> Hall {
    let mut hall = Hall::new();
    let outcomes = hall.enact(measure(policy()));
    assert!(matches!(outcomes[..], [Outcome::Executed(..)]));
    hall
}

/// The policy sees this volatility after a span.
fn act(hall: &mut Hall, span: Span, volatility: Rate) -> Vec<Change> {
    hall.now = hall.now.after(span);
    let proof = hall.proof();
    let seen = |market| (market == PERP).then_some(volatility);
    hall.governance.act(&mut hall.params, hall.now, seen, &proof)
}

/// Margins in basis points, and the limit in whole coins.
fn levels(hall: &Hall) -> [i128; 3] {
    let [initial, maintenance, position] = KEYS.map(|name| hall.value(name, PERP.0));
    [initial / bp(1), maintenance / bp(1), position / 100_000_000]
}

#[test]
fn g_8_tightening_on_new_risk_is_at_once_and_maintenance_waits() {
    let mut hall = hall();
    assert!(act(&mut hall, HOUR, rate("0.5")).is_empty());
    act(&mut hall, HOUR, rate("1.6"));
    assert_eq!(levels(&hall), [2_000, 500, 250]);
    act(&mut hall, HOUR.times(23), rate("1.6"));
    assert_eq!(levels(&hall), [2_000, 500, 250]);
    act(&mut hall, HOUR, rate("1.6"));
    assert_eq!(levels(&hall), [2_000, 550, 250]);
    // Half as much again in steps of a tenth a day.
    act(&mut hall, HOUR.times(23), rate("1.6"));
    assert_eq!(levels(&hall), [2_000, 550, 250]);
    for expected in [605, 665, 732, 750] {
        act(&mut hall, Span::DAY, rate("1.6"));
        assert_eq!(levels(&hall), [2_000, expected, 250]);
    }
    assert!(act(&mut hall, Span::DAY, rate("1.6")).is_empty());
}

#[test]
fn g_8_loosening_takes_a_step_a_day() {
    let mut hall = hall();
    act(&mut hall, HOUR, rate("1.6"));
    for _ in 0..10 {
        act(&mut hall, Span::DAY, rate("1.6"));
    }
    assert_eq!(levels(&hall), [2_000, 750, 250]);
    act(&mut hall, HOUR, rate("0.2"));
    assert_eq!(levels(&hall), [1_800, 675, 275]);
    act(&mut hall, HOUR.times(23), rate("0.2"));
    assert_eq!(levels(&hall), [1_800, 675, 275]);
    act(&mut hall, HOUR, rate("0.2"));
    assert_eq!(levels(&hall), [1_620, 607, 302]);
    for _ in 0..20 {
        act(&mut hall, Span::DAY, rate("0.2"));
    }
    assert_eq!(levels(&hall), [1_000, 500, 1_000]);
}

#[test]
fn g_8_a_regime_is_kept_between_its_thresholds() {
    let table = [
        ("0.89", 0),
        ("0.9", 1),
        ("0.61", 1),
        ("0.6", 1),
        ("0.59", 0),
        ("0.89", 0),
        ("1.5", 2),
        ("1.01", 2),
        ("0.99", 1),
        ("1.49", 1),
        ("3", 2),
        ("0.1", 0),
    ];
    let mut hall = hall();
    for (volatility, regime) in table {
        act(&mut hall, HOUR, rate(volatility));
        assert_eq!(hall.governance.policies()[0].regime, regime, "{volatility}");
    }
}

#[test]
fn g_8_without_an_estimate_or_a_proof_a_policy_rests() {
    let mut hall = hall();
    let proof = hall.proof();
    let none = hall.governance.act(&mut hall.params, hall.now, |_| None, &proof);
    assert!(none.is_empty());
    hall.proved.set(false);
    assert!(act(&mut hall, HOUR, rate("1.6")).is_empty());
    assert_eq!(levels(&hall), [1_000, 500, 1_000]);
    hall.proved.set(true);
    assert_eq!(act(&mut hall, HOUR, rate("1.6")).len(), 2);
}

#[test]
fn g_8_unsound_policies_are_refused() {
    type Fault = fn(&mut Policy);
    let faults: [(Fault, Refusal); 14] = [
        (|policy| policy.regimes.clear(), Refusal::BadPolicy),
        (|policy| policy.regimes = vec![policy.regimes[0]; 9], Refusal::BadPolicy),
        (|policy| policy.regimes[0].margin_initial = rate("1.1"), Refusal::BadPolicy),
        (|policy| policy.regimes[0].above = rate("0.1"), Refusal::BadPolicy),
        (|policy| policy.regimes[1].below = rate("0.600000000001"), Refusal::BadPolicy),
        (|policy| policy.regimes[2].above = rate("0.9"), Refusal::BadPolicy),
        (|policy| policy.regimes[2].margin_initial = rate("1.4"), Refusal::BadPolicy),
        (|policy| policy.regimes[2].margin_initial = rate("4.1"), Refusal::BadPolicy),
        (|policy| policy.regimes[2].margin_maintenance = rate("2.1"), Refusal::BadPolicy),
        (|policy| policy.regimes[2].position_max = rate("0.24"), Refusal::BadPolicy),
        (|policy| policy.maintenance_delay = HOUR.times(23), Refusal::BadPolicy),
        (|policy| policy.base.margin_initial = rate("0.3"), Refusal::StepTooLarge),
        (|policy| policy.base.position_max = qty("0.01"), Refusal::OutsideRange),
        // Maintenance would pass initial margin in the wildest regime.
        (
            |policy| {
                policy.regimes.truncate(2);
                policy.regimes[1].margin_initial = ONE;
                policy.regimes[1].margin_maintenance = rate("2");
            },
            Refusal::Design,
        ),
    ];
    for (at, (fault, reason)) in faults.into_iter().enumerate() {
        let mut bad = policy();
        fault(&mut bad);
        assert_eq!(Hall::new().propose_as(ANNA, measure(bad)), Err(reason), "fault {at}");
    }
    let spot = Measure::Policy { market: MarketId(0), policy: Some(policy()) };
    assert_eq!(Hall::new().propose_as(ANNA, spot), Err(Refusal::UnknownScope));
}

#[test]
fn g_8_what_a_policy_holds_is_changed_by_policies_only() {
    let mut hall = hall();
    let single = hall.propose(&[set("market.margin_initial", PERP.0, bp(1_010))]);
    assert_eq!(single, Err(Refusal::UnderPolicy));
    assert!(hall.propose(&[set("market.margin_initial", 3, bp(1_010))]).is_ok());
    let mut next = policy();
    next.base.margin_initial = rate("0.11");
    assert_eq!(hall.propose_as(ANNA, measure(next.clone())), Err(Refusal::StepTooLarge));
    hall.wait(Span::DAY);
    next.base.margin_initial += Rate::from_raw(1);
    assert_eq!(hall.propose_as(ANNA, measure(next.clone())), Err(Refusal::StepTooLarge));
    next.base.margin_initial = rate("0.11");
    hall.enact(measure(next));
    act(&mut hall, HOUR, rate("0.1"));
    assert_eq!(levels(&hall), [1_100, 500, 1_000]);
    hall.wait(Span::DAY.times(9));
    hall.enact(Measure::Policy { market: PERP, policy: None });
    assert!(hall.governance.policies().is_empty());
    assert!(hall.propose(&[set("market.margin_initial", PERP.0, bp(1_000))]).is_ok());
    let again = hall.propose_as(ANNA, Measure::Policy { market: PERP, policy: None });
    assert_eq!(again, Err(Refusal::Unchanged));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Whatever the volatility does: in range, in order, and by steps except for tightening on new
    /// risk.
    #[test]
    fn g_8_a_policy_moves_by_steps_except_when_it_tightens_on_new_risk(
        seen in prop::collection::vec((0..2_500i64, 1..30u64), 1..120),
    ) {
        let mut hall = hall();
        let mut past: Vec<(Time, Change)> = Vec::new();
        for (percent, hours) in seen {
            let made = act(&mut hall, HOUR.times(hours), Rate::from_bp(10 * percent));
            for change in &made {
                let row = &TABLE[usize::from(change.key.0)];
                prop_assert!(row.holds(change.to));
                let freely = (row.name == KEYS[0] && change.to > change.from)
                    || (row.name == KEYS[2] && change.to < change.from);
                past.push((hall.now, *change));
                for (at, early) in &past {
                    let near = early.key == change.key && hall.now.since(*at) < Span::DAY;
                    if near && !freely {
                        prop_assert!((change.to - early.from).abs() <= row.step.size(early.from));
                    }
                }
            }
            let [initial, maintenance, position] = levels(&hall);
            prop_assert!(initial >= 1_000 && maintenance >= 500 && position <= 1_000);
            prop_assert!(maintenance < initial && initial <= 2_000 && position >= 250);
        }
    }
}
