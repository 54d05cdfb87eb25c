//! Each row on a block that breaks its rule, and on one that does not.

use super::*;
use crate::command::Message;
use crate::governance::changes::Change;
use crate::governance::keys::Key;
use crate::invariants::tests::sound;
use money::{FundingIndex, Price, Rate, Time};

fn usd(whole: i128) -> Amount {
    Amount::from_raw(Amount::ONE.raw() * whole)
}

const A: AccountId = AccountId(0);
const B: AccountId = AccountId(1);
const PERP: MarketId = MarketId(0);
const UNIT: Amount = Amount::from_raw(1);

/// A block that a rule is broken in: what the state was, what came in, what was told, what is left.
struct Scene {
    before: Before,
    block: Block,
    events: Vec<Event>,
    after: State,
}

impl Scene {
    /// Two accounts with 100 each, and a block in which nothing happens.
    fn quiet() -> Scene {
        let mut state = sound();
        for account in [A, B] {
            give(&mut state, Holder::Outside, Holder::User(account), usd(100));
        }
        let mut after = state.clone();
        after.height += 1;
        let block = Block { time: after.time, messages: Vec::new() };
        Scene { before: Before::new(&state), block, events: Vec::new(), after }
    }

    fn broken(&self) -> Vec<&'static str> {
        let Scene { before, block, events, after } = self;
        let step = Step { before, block, events, after };
        let broken = STEPS.iter().filter(|invariant| (invariant.holds)(&step).is_err());
        broken.map(|invariant| invariant.name.split(' ').next().unwrap()).collect()
    }
}

fn give(state: &mut State, from: Holder, to: Holder, amount: Amount) {
    state.ledger.transfer(from, to, QUOTE, amount);
}

/// A long position of one of A against B's short, at a price of 100.
fn open_position(state: &mut State) {
    let entries = &mut state.markets[PERP.index()].entries;
    let cost = usd(100);
    (entries[0].position, entries[0].cost) = (Qty::ONE, cost);
    (entries[1].position, entries[1].cost) = (-Qty::ONE, -cost);
}

fn moved(account: AccountId, amount: Amount) -> Event {
    Event::Moved { account: Some(account), asset: QUOTE, amount }
}

fn haircut(counterparty: AccountId) -> Event {
    Event::Deleveraged {
        market: PERP,
        account: A,
        counterparty,
        price: Price::ONE,
        qty: Qty::ZERO,
        haircut: UNIT,
    }
}

type Corrupt = fn(&mut Scene);

fn fires(table: impl IntoIterator<Item = (&'static str, Corrupt)>) {
    assert_eq!(Scene::quiet().broken(), Vec::<&str>::new());
    for (name, corrupt) in table {
        let mut scene = Scene::quiet();
        corrupt(&mut scene);
        assert_eq!(scene.broken(), [name]);
    }
}

#[test]
fn i_16_to_i_21_fire_when_their_rule_is_broken_and_no_other_does() {
    let table: [(&str, Corrupt); 6] = [
        // A deficit of B is taken from A, who has nothing to do with it.
        ("I-16", |scene| give(&mut scene.after, Holder::User(A), Holder::User(B), UNIT)),
        // Money leaves and nobody is told.
        ("I-17", |scene| give(&mut scene.after, Holder::Insurance, Holder::Outside, UNIT)),
        // An account under initial margin was allowed to pay away what it had.
        ("I-18", |scene| {
            let was = Health { equity: usd(5), requirement: usd(10) };
            scene.before.strained = vec![(A, was)];
            scene.before.acted = vec![Some(Health { equity: was.equity - UNIT, ..was })];
        }),
        // A liquidation that took half of the equity and left the position.
        ("I-19", |scene| {
            open_position(&mut scene.after);
            scene.before = Before::new(&scene.after);
            scene.before.height -= 1;
            let health = scene.after.health(A, Level::Maintenance);
            let Health { equity, requirement: maintenance } = health;
            scene.events = vec![Event::LiquidationStarted { account: A, equity, maintenance }];
            assert_eq!(scene.broken(), Vec::<&str>::new());
            let half = equity - Amount::from_raw(equity.raw() / 2);
            give(&mut scene.after, Holder::User(A), Holder::Insurance, half);
        }),
        // A counterparty that gives more than it has.
        ("I-20", |scene| {
            open_position(&mut scene.after);
            scene.before = Before::new(&scene.after);
            scene.before.height -= 1;
            scene.events = vec![haircut(B)];
            assert_eq!(scene.broken(), Vec::<&str>::new());
            give(&mut scene.after, Holder::User(B), Holder::User(A), usd(300));
        }),
        // A counterparty that was not in the market.
        ("I-21", |scene| scene.events = vec![haircut(B)]),
    ];
    fires(table);
}

/// L-5: what a hedge was for needs more once another's liquidation has closed it, and no less if
/// nothing was closed.
#[test]
fn i_19_a_hedge_that_another_liquidation_closes_is_not_held_against_the_account() {
    for (closed, broken) in [(Qty::ONE, vec![]), (Qty::ZERO, vec!["I-19"])] {
        let mut scene = Scene::quiet();
        open_position(&mut scene.after);
        scene.before = Before::new(&scene.after);
        scene.before.height -= 1;
        let Health { equity, requirement } = scene.after.health(A, Level::Maintenance);
        let maintenance = requirement - UNIT;
        scene.events = vec![
            Event::LiquidationStarted { account: A, equity: equity + UNIT + UNIT, maintenance },
            Event::Deleveraged {
                market: PERP,
                account: B,
                counterparty: A,
                price: Price::ONE,
                qty: closed,
                haircut: UNIT,
            },
        ];
        assert_eq!(scene.broken(), broken, "{closed}");
    }
}

#[test]
fn i_22_to_i_25_fire_when_their_rule_is_broken_and_no_other_does() {
    let table: [(&str, Corrupt); 4] = [
        // Ten shares had ten, and have nine.
        ("I-22", |scene| {
            let ten = usd(10);
            scene.before.vault = Some((ten, ten));
            scene.after.vault.open(A);
            scene.after.vault.issue(B, ten);
            give(&mut scene.after, Holder::User(A), Holder::Fees, usd(91));
        }),
        // A withdrawal while the gate is shut.
        ("I-23", |scene| {
            let asks = Command::Withdraw { asset: QUOTE, amount: UNIT };
            scene.block.messages = vec![Message { sender: Sender::User(A), command: asks }];
            scene.events = vec![moved(A, -UNIT)];
            give(&mut scene.after, Holder::User(A), Holder::Outside, UNIT);
            assert_eq!(scene.broken(), Vec::<&str>::new());
            scene.before.gate_open = false;
        }),
        // Somebody set a parameter.
        ("I-24", |scene| scene.after.params.open_orders_max += 1),
        // Shorts are paid while the perpetual is below its index.
        ("I-25", |scene| {
            let premium = -Rate::from_bp(10);
            let index = FundingIndex::ZERO;
            let told = |rate| Event::Funded { market: PERP, premium, rate, index };
            scene.events = vec![told(-Rate::from_bp(1))];
            assert_eq!(scene.broken(), Vec::<&str>::new());
            scene.events = vec![told(Rate::from_bp(1))];
        }),
    ];
    fires(table);
}

#[test]
fn i_17_a_withdrawal_that_its_owner_did_not_ask_for_is_seen() {
    let mut scene = Scene::quiet();
    scene.events = vec![moved(A, -UNIT)];
    give(&mut scene.after, Holder::User(A), Holder::Outside, UNIT);
    // It is also a loss of somebody who has no position.
    assert_eq!(scene.broken(), ["I-16", "I-17"]);
}

#[test]
fn i_18_a_strained_account_may_not_take_on_more_for_its_equity() {
    let mut scene = Scene::quiet();
    let was = Health { equity: Amount::ONE, requirement: usd(10) };
    scene.before.strained = vec![(A, was)];
    // Twice as sound, and yet with more at stake.
    let more = Health { equity: usd(3), requirement: usd(11) };
    scene.before.acted = vec![Some(more)];
    assert_eq!(scene.broken(), ["I-18"]);
    scene.events = vec![Event::Transferred { from: B, to: A, asset: QUOTE, amount: UNIT }];
    assert_eq!(scene.broken(), Vec::<&str>::new());
}

#[test]
fn i_21_a_fund_that_pays_for_another_market_is_seen() {
    let mut scene = Scene::quiet();
    give(&mut scene.after, Holder::Outside, Holder::MarketInsurance(PERP), UNIT);
    scene.before = Before::new(&scene.after);
    scene.before.height -= 1;
    give(&mut scene.after, Holder::MarketInsurance(PERP), Holder::User(A), UNIT);
    scene.events = vec![Event::InsurancePaid { account: A, amount: UNIT }];
    assert_eq!(scene.broken(), ["I-21"]);
}

#[test]
fn i_23_an_exit_at_a_loss_excuses_itself_and_nothing_else() {
    let mut scene = Scene::quiet();
    let asks = |amount| Message {
        sender: Sender::User(A),
        command: Command::Withdraw { asset: QUOTE, amount },
    };
    scene.block.messages = vec![asks(UNIT)];
    scene.before.gate_open = false;
    scene.events = vec![moved(A, -UNIT), Event::LeftBehind { account: A, amount: UNIT }];
    give(&mut scene.after, Holder::User(A), Holder::Outside, UNIT);
    assert_eq!(scene.broken(), Vec::<&str>::new());
    scene.events.push(moved(A, -UNIT));
    give(&mut scene.after, Holder::User(A), Holder::Outside, UNIT);
    assert_eq!(scene.broken(), ["I-23"]);
}

#[test]
fn i_24_a_change_that_is_told_is_not_one_that_was_made() {
    let mut scene = Scene::quiet();
    let key = Key::named("market.margin_initial").unwrap();
    let row = key.row().unwrap();
    let from = row.read(&scene.after.params, 0).unwrap();
    let change = Change { key, scope: 0, from, to: from + 1 };
    scene.events = vec![Event::Changed { change }];
    assert_eq!(scene.broken(), ["I-24"]);
    row.write(&mut scene.after.params, 0, change.to).unwrap();
    assert_eq!(scene.broken(), Vec::<&str>::new());
}

#[test]
fn i_25_time_that_runs_backwards_is_seen() {
    let mut scene = Scene::quiet();
    scene.after.time = Time::ZERO;
    assert_eq!(scene.broken(), ["I-25"]);
}

#[test]
fn a_ratio_is_compared_exactly() {
    let health = |equity: i128, requirement: i128| Health {
        equity: Amount::from_raw(equity),
        requirement: Amount::from_raw(requirement),
    };
    assert!(is_no_worse(health(5, 10), health(4, 8), 0));
    assert!(is_no_worse(health(5, 10), health(3, 7), 0), "half a unit is rounding");
    assert!(!is_no_worse(health(5, 10), health(3, 8), 0));
    assert!(is_no_worse(health(5, 10), health(3, 8), 1));
    assert!(is_no_worse(health(-5, 10), health(-5, 1), 0));
    assert!(!is_no_worse(health(-5, 10), health(-6, 10), 0));
    assert!(!is_no_worse(health(5, 0), health(4, 0), 0));
}
