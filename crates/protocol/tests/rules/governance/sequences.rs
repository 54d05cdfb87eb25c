//! Properties: no sequence of accepted decisions moves a key by more than its step within a day,
//! and no act of the guardian lets anybody take more risk or touches who takes none.

use money::{Price, Qty, Span, Time};
use proptest::prelude::*;
use protocol::governance::council::{Measure, Outcome};
use protocol::governance::guardian::{Action, Emergency};
use protocol::governance::keys::{Key, Safer, Setting, TABLE};
use protocol::margin::{Charges, Exposure, requirement};
use protocol::params::{Kind, Params};

use super::super::exchange::design;
use super::{ANNA, BERT, CLEO, GUARDIAN, HOUR, Hall};

/// Keys that may be moved alone in the small exchange, and their scope.
const MOVED: [(&str, u16); 6] = [
    ("market.margin_initial", 2),
    ("market.position_max", 2),
    ("market.fee_taker", 0),
    ("asset.haircut_initial", 1),
    ("oracle.index_age_max", 0),
    ("funding.carry", 3),
];

/// A wish: by whom, which key, where between two steps down and two up, how long until the next.
type Wish = (u32, usize, i128, u64);

fn wishes() -> impl Strategy<Value = Vec<Wish>> {
    let wish = (0..3u32, 0..MOVED.len(), -200..=200i128, 0..20u64);
    prop::collection::vec(wish, 1..60)
}

/// Values in force of each key, with the time at which they came into force.
type History = Vec<(usize, Time, i128)>;

fn run(wishes: &[Wish]) -> (History, usize) {
    let mut hall = Hall::new();
    let mut history: History = Vec::new();
    let mut executed = 0;
    for (at, (name, scope)) in MOVED.iter().enumerate() {
        history.push((at, Time::ZERO, hall.value(name, *scope)));
    }
    let rest = (0, 0, 0, 19);
    for (proposer, at, part, hours) in wishes.iter().copied().chain([rest; 12]) {
        let (name, scope) = MOVED[at];
        let key = Key::named(name).unwrap();
        let value = hall.value(name, scope);
        let value = value + key.row().unwrap().step.size(value) * part / 100;
        let setting = Setting { key, scope, value };
        let measure = Measure::Settings(vec![setting]);
        if let Ok(id) = hall.propose_as([ANNA, BERT, CLEO][proposer as usize], measure) {
            for voter in [ANNA, BERT, CLEO] {
                hall.vote(id, voter, true).unwrap();
            }
        }
        for _ in 0..hours {
            hall.wait(HOUR);
            for outcome in &hall.outcomes {
                if let Outcome::Executed(_, changes) = outcome {
                    executed += 1;
                    for change in changes {
                        let at =
                            MOVED.iter().position(|(name, _)| Key::named(name) == Some(change.key));
                        history.push((at.unwrap(), hall.now, change.to));
                    }
                }
            }
        }
    }
    (history, executed)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn g_2_no_sequence_of_votes_moves_a_key_by_more_than_a_step_in_a_day(wishes in wishes()) {
        let (history, _) = run(&wishes);
        for (at, (name, _)) in MOVED.iter().enumerate() {
            let step = Key::named(name).unwrap().row().unwrap().step;
            let values: Vec<_> = history.iter().filter(|(key, _, _)| *key == at).collect();
            for (place, (_, _, early)) in values.iter().enumerate() {
                // In force until the next one came.
                for later in values.iter().skip(place + 1) {
                    let until = values[place + 1].1;
                    if later.1.since(until) < Span::DAY {
                        let moved = (later.2 - early).abs();
                        prop_assert!(moved <= step.size(*early), "{name}: {early} to {}", later.2);
                    }
                }
            }
        }
    }

    #[test]
    fn g_9_no_act_of_the_guardian_lets_anybody_take_more_risk(
        at in 0..TABLE.len(), scope in 0..4u16, part in 0..=1_000i128,
    ) {
        let row = &TABLE[at];
        let value = row.range[0] + (row.range[1] - row.range[0]) / 1_000 * part;
        let mut hall = Hall::new();
        let before = design();
        let setting = Setting { key: Key(u16::try_from(at).unwrap()), scope, value };
        let emergency = Emergency::Tighten(setting);
        let proof = hall.proof();
        let action = hall.governance.check_emergency(GUARDIAN, emergency, &before, &proof);
        if let Ok(action) = action {
            hall.governance.commit_emergency(action, &mut hall.params, hall.now);
            prop_assert!(matches!(action, Action::Tightened(_)));
            prop_assert_ne!(&hall.params, &before);
            no_laxer(&before, &hall.params);
        }
    }
}

#[test]
fn g_2_the_sequences_do_move_keys() {
    let wishes: Vec<Wish> = (0..30).map(|at| (at % 3, at as usize % 6, 90, 19)).collect();
    let (history, executed) = run(&wishes);
    assert!(executed >= 10, "{executed} executed, {history:?}");
}

#[test]
fn g_9_the_guardian_has_four_keys() {
    let free: Vec<&str> =
        TABLE.iter().filter(|row| row.safer != Safer::Neither).map(|row| row.name).collect();
    let expected = [
        "asset.haircut_initial",
        "asset.basis_initial",
        "market.margin_initial",
        "market.position_max",
    ];
    assert_eq!(free, expected);
}

/// Every initial charge is at least what it was; maintenance and all that moves value is the same.
fn no_laxer(before: &Params, after: &Params) {
    let mut neutral = after.clone();
    for (asset, old) in neutral.assets.iter_mut().zip(&before.assets) {
        assert!(asset.haircut_initial >= old.haircut_initial);
        assert!(asset.basis_initial >= old.basis_initial);
        asset.haircut_initial = old.haircut_initial;
        asset.basis_initial = old.basis_initial;
    }
    for (market, old) in neutral.markets.iter_mut().zip(&before.markets) {
        if let (Kind::Perpetual(new), Kind::Perpetual(old)) = (&mut market.kind, &old.kind) {
            assert!(new.margin_initial >= old.margin_initial);
            assert!(new.position_max <= old.position_max);
            new.margin_initial = old.margin_initial;
            new.position_max = old.position_max;
        }
    }
    assert_eq!(&neutral, before, "something else moved");
    for exposure in [[0, 1, 0], [0, 0, 1], [1, 0, 0], [1, 0, 1], [2, 1, 2]] {
        let [holding, long, short] = exposure.map(|count| Qty::from_raw(count * 100_000_000));
        let exposure = Exposure { holding, long, short };
        let charged = |params: &Params| requirement(exposure, charges(params), Price::ONE);
        assert!(charged(after) >= charged(before));
    }
}

/// Initial charges of BTC.
fn charges(params: &Params) -> Charges {
    let Kind::Perpetual(perpetual) = &params.markets[2].kind else { panic!("a perpetual") };
    Charges {
        haircut: params.assets[1].haircut_initial,
        basis: params.assets[1].basis_initial,
        margin: perpetual.margin_initial,
    }
}
