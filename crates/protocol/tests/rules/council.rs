//! Governance through the engine (rules G-1 to G-10): money of stakes, time-locks, and what a
//! changed parameter changes.

use money::{Amount, Qty, Rate, Span};
use protocol::command::*;
use protocol::event::Event;
use protocol::governance::changes::Change;
use protocol::governance::council::{Draft, Measure, ProposalId};
use protocol::governance::guardian::Emergency;
use protocol::governance::keys::{Key, Setting};
use protocol::governance::policy::{Levels, Policy, Regime};
use protocol::ids::*;
use protocol::ledger::Holder;
use protocol::params::*;
use protocol::reject::Reject;
use protocol::state::Level;

use crate::exchange::*;

pub fn setting(name: &str, scope: u16, value: i128) -> Setting {
    Setting { key: Key::named(name).unwrap(), scope, value }
}

pub fn draft(proposer: AccountId, measure: Measure) -> Command {
    Command::Propose(Box::new(Draft { proposer, measure, evidence: [7; 32] }))
}

pub fn stake(text: &str) -> Command {
    Command::Stake { amount: amount(text) }
}

const INITIAL: &str = "market.margin_initial";

/// The share of 11 % as a raw value.
fn eleven() -> i128 {
    rate("0.11").raw().into()
}

/// Two accounts with stakes of 600 and 300; the second is the guardian.
fn council() -> (Exchange, [AccountId; 2]) {
    let mut params = design();
    params.rules.council.guardian = Some(AccountId(1));
    council_of(params)
}

fn council_of(params: Params) -> (Exchange, [AccountId; 2]) {
    let mut x = Exchange::of(params);
    x.prices = [None, Some(price("100000")), Some(price("100"))];
    x.run(&[]);
    let accounts = [x.user("20600"), x.user("10000300")];
    x.send(user(accounts[0], stake("600"))).unwrap();
    x.send(user(accounts[1], stake("300"))).unwrap();
    (x, accounts)
}

/// Proposes and lets it pass; the time-lock has just begun.
fn pass(x: &mut Exchange, [first, second]: [AccountId; 2], measure: Measure) {
    x.send(user(first, draft(first, measure))).unwrap();
    let proposal = ProposalId(0);
    x.send(user(first, Command::Ballot { proposal, yes: true })).unwrap();
    x.send(user(second, Command::Ballot { proposal, yes: false })).unwrap();
    x.step = Span::HOUR;
    x.blocks(71);
    assert!(!x.events.iter().any(|event| matches!(event, Event::Counted { .. })));
    x.run(&[]);
    let passed = |event: &Event| matches!(event, Event::Counted { passed: true, .. });
    assert!(x.events.iter().any(passed), "{:?}", x.events);
}

#[test]
fn g_7_a_vote_changes_margin_after_its_time_lock_and_for_everybody() {
    let (mut x, [first, second]) = council();
    x.trade(first, second, order(BTC_PERP, Side::Buy, "100000", "1"));
    let required = |x: &Exchange| x.state.health(first, Level::Initial).requirement;
    assert_eq!(required(&x), amount("10000"));
    pass(&mut x, [first, second], Measure::Settings(vec![setting(INITIAL, 2, eleven())]));
    x.blocks(23);
    assert_eq!(required(&x), amount("10000"));
    x.run(&[]);
    let from = rate("0.1").raw().into();
    let key = Key::named(INITIAL).unwrap();
    let change = Change { key, scope: 2, from, to: eleven() };
    let executed = Event::Executed { proposal: ProposalId(0) };
    assert_eq!(x.events[..2], [executed, Event::Changed { change }]);
    assert_eq!(required(&x), amount("11000"));
    let params = x.state.market(BTC_PERP).perpetual_params().unwrap();
    assert_eq!(params.margin_initial, rate("0.11"));
    assert_eq!(x.state.params().markets[2].kind, x.state.market(BTC_PERP).params.kind);
}

/// Two blocks of 1.7 % in the envelope of the perpetual on BTC: 4.66 % of the 5 %.
fn narrow() -> (Exchange, [AccountId; 2]) {
    let mut params = design();
    params.markets[2].rules.envelope.blocks = 2;
    params.markets[2].rules.envelope.gap = rate("0.017");
    council_of(params)
}

fn shortfall(x: &Exchange) -> Option<(MarketId, Rate, Rate)> {
    x.events.iter().find_map(|event| match event {
        Event::NotProven { market, margin, need } => Some((*market, *margin, need.gap)),
        _ => None,
    })
}

#[test]
fn g_4_a_change_that_the_envelope_refuses_says_with_which_numbers() {
    let (mut x, [first, _]) = narrow();
    let blocks = Measure::Settings(vec![setting("envelope.blocks", 2, 3)]);
    assert_eq!(x.send(user(first, draft(first, blocks))), Err(Reject::BadDesign));
    assert_eq!(shortfall(&x), Some((BTC_PERP, rate("0.05"), rate("0.051"))));
    // Refused for another reason, there is no such thing to tell.
    let beyond = Measure::Settings(vec![setting("envelope.blocks", 2, 5)]);
    assert_eq!(x.send(user(first, draft(first, beyond))), Err(Reject::StepTooLarge));
    assert_eq!(shortfall(&x), None);
}

#[test]
fn g_7_what_expires_because_of_the_envelope_says_with_which_numbers() {
    let (mut x, [first, _]) = narrow();
    let raw = |text: &str| i128::from(rate(text).raw());
    // Each alone is borne: 4.75 % against 4.66 %, 5 % against 4.86 %.
    for set in [
        setting("market.margin_maintenance", 2, raw("0.0475")),
        setting("envelope.gap", 2, raw("0.018")),
    ] {
        x.send(user(first, draft(first, Measure::Settings(vec![set])))).unwrap();
    }
    for id in 0..2 {
        x.send(user(first, Command::Ballot { proposal: ProposalId(id), yes: true })).unwrap();
    }
    x.step = Span::HOUR;
    x.blocks(95);
    let mut told = None;
    for _ in 0..3 {
        x.run(&[]);
        let expired = x.events.iter().any(|event| matches!(event, Event::Expired { .. }));
        told = if expired { shortfall(&x) } else { told };
    }
    assert_eq!(told, Some((BTC_PERP, rate("0.0475"), rate("0.036"))));
}

#[test]
fn g_5_stake_is_held_apart_and_paid_back_after_its_delay() {
    let (mut x, [first, second]) = council();
    assert_eq!((x.cash(first), x.balance(Holder::Staked)), (amount("20000"), amount("900")));
    assert_eq!(x.send(user(first, stake("20000.1"))), Err(Reject::InsufficientBalance));
    assert_eq!(x.send(user(first, stake("0"))), Err(Reject::NotPositive));
    let unstake = |text| Command::Unstake { amount: amount(text) };
    assert_eq!(x.send(user(first, unstake("600.1"))), Err(Reject::InsufficientBalance));
    assert_eq!(x.send(user(first, unstake("600"))), Ok(()));
    assert_eq!(x.state.governance().stakes().of(first), Amount::ZERO);
    x.step = Span::HOUR;
    x.blocks(167);
    assert_eq!(x.cash(first), amount("20000"));
    x.run(&[]);
    let paid = Event::Staked { account: first, asset: QUOTE, amount: amount("-600") };
    assert!(x.events.contains(&paid));
    assert_eq!((x.cash(first), x.balance(Holder::Staked)), (amount("20600"), amount("300")));
    assert_eq!(x.state.governance().stakes().of(second), amount("300"));
}

#[test]
fn g_5_stake_leaves_margin_behind_and_has_no_say_in_its_own_block() {
    let (mut x, [first, second]) = council();
    x.trade(first, second, order(BTC_PERP, Side::Buy, "100000", "1"));
    assert_eq!(x.send(user(first, stake("9950.1"))), Err(Reject::InsufficientMargin));
    let late = x.user("5000");
    let measure = Measure::Settings(vec![setting(INITIAL, 2, eleven())]);
    x.run(&[user(late, stake("5000")), user(late, draft(late, measure.clone()))]);
    assert_eq!(x.state.governance().proposals().len(), 0);
    assert_eq!(x.send(user(late, draft(late, measure))), Ok(()));
}

#[test]
fn g_9_the_guardian_tightens_at_once_and_nobody_else_does() {
    let (mut x, [first, guardian]) = council();
    let tighten = |value: &str| {
        let set = setting(INITIAL, 2, rate(value).raw().into());
        Command::Emergency(Box::new(Emergency::Tighten(set)))
    };
    assert_eq!(x.send(user(first, tighten("0.3"))), Err(Reject::NotAllowed));
    assert_eq!(x.send(user(guardian, tighten("0.05"))), Err(Reject::NotReducing));
    let place = order(BTC_PERP, Side::Buy, "100000", "1");
    let block = [user(guardian, tighten("0.3")), user(first, Command::Place(place))];
    x.run(&block);
    let reason = Reject::InsufficientMargin;
    let refused =
        |event: &Event| matches!(event, Event::Rejected { reason: why, .. } if *why == reason);
    assert!(x.events.iter().any(refused), "{:?}", x.events);
}

#[test]
fn g_9_a_closed_market_takes_only_what_reduces_for_a_week() {
    let (mut x, [first, guardian]) = council();
    x.trade(first, guardian, order(BTC_PERP, Side::Buy, "100000", "0.1"));
    let close = |market| Command::Emergency(Box::new(Emergency::ReduceOnly(market)));
    assert_eq!(x.send(user(guardian, close(MarketId(9)))), Err(Reject::UnknownScope));
    assert_eq!(x.send(user(guardian, close(BTC_PERP))), Ok(()));
    let until = x.now.after(Span::DAY.times(7));
    assert!(x.events.contains(&Event::OnlyReduces { market: BTC_PERP, until }));
    let bid = order(BTC_PERP, Side::Buy, "99000", "0.1");
    assert_eq!(x.place(first, bid), Err(Reject::NothingToReduce));
    assert_eq!(
        x.place(first, NewOrder { side: Side::Sell, price: price("101000"), ..bid }),
        Ok(())
    );
    assert_eq!(x.place(first, NewOrder { market: SOL_PERP, price: price("99"), ..bid }), Ok(()));
    x.step = Span::MINUTE.times(30);
    x.blocks(334);
    assert_eq!(x.place(first, bid), Err(Reject::NothingToReduce));
    x.blocks(2);
    assert_eq!(x.place(first, bid), Ok(()));
}

#[test]
fn g_9_t_17_a_leg_in_a_closed_market_is_cut_to_what_it_reduces() {
    let (mut x, people) = council();
    let (a, b, c) = (x.user("1000000"), x.user("1000000"), x.user("1000000"));
    for long in [a, c] {
        x.trade(long, b, order(BTC_PERP, Side::Buy, "100000", "1"));
    }
    let close = Emergency::ReduceOnly(BTC_PERP);
    x.send(user(people[1], Command::Emergency(Box::new(close)))).unwrap();
    x.place(b, order(SOL_PERP, Side::Sell, "100", "900")).unwrap();
    let bid = order(BTC_PERP, Side::Buy, "100000", "2");
    x.place(b, NewOrder { reduce_only: true, ..bid }).unwrap();
    let leg = |market, side, at, size| Leg { market, side, price: price(at), qty: qty(size) };
    let sale = |size| {
        let legs =
            [leg(BTC_PERP, Side::Sell, "100000", size), leg(SOL_PERP, Side::Buy, "100", "400")];
        Command::PlaceSpread(Box::new(SpreadOrder { legs, client: ClientId(3) }))
    };
    assert_eq!(x.send(user(people[0], sale("1"))), Err(Reject::NothingToReduce));
    // One of two is there to be reduced: half of both legs.
    x.send(user(a, sale("2"))).unwrap();
    assert_eq!([x.position(a, BTC_PERP), x.position(a, SOL_PERP)], [Qty::ZERO, qty("200")]);
}

#[test]
fn g_4_a_position_limit_that_so_many_accounts_cannot_have_is_not_proven() {
    let mut params = design();
    let most = qty("10000000");
    params.markets[2].kind = Kind::Perpetual(PerpetualParams { position_max: most, ..perpetual() });
    let (mut x, [first, second]) = council_of(params);
    let raise =
        || Measure::Settings(vec![setting("market.position_max", 2, 1_080_000_000_000_000)]);
    assert_eq!(x.send(user(first, draft(first, raise()))), Ok(()));
    x.run(&vec![custodian(Command::OpenAccount); 4300]);
    assert_eq!(x.send(user(second, draft(second, raise()))), Err(Reject::NotProven));
    // The proposal that was sound when it was made expires.
    let ballot = Command::Ballot { proposal: ProposalId(0), yes: true };
    x.send(user(first, ballot)).unwrap();
    x.step = Span::HOUR;
    x.blocks(72);
    let expired = |event: &Event| matches!(event, Event::Expired { .. });
    let gone = (0..25).any(|_| x.run(&[]).iter().any(expired));
    assert!(gone);
}

#[test]
fn b_2_a_limit_that_falls_lets_in_no_more_accounts_than_the_largest_one_did() {
    let mut params = design();
    let most = qty("10000000");
    params.markets[2].kind = Kind::Perpetual(PerpetualParams { position_max: most, ..perpetual() });
    params.rules.council.guardian = Some(AccountId(1));
    let (mut x, [_, guardian]) = council_of(params);
    let set = setting("market.position_max", 2, 100_000_000);
    let tighten = Emergency::Tighten(set);
    x.send(user(guardian, Command::Emergency(Box::new(tighten)))).unwrap();
    x.run(&vec![custodian(Command::OpenAccount); 5000]);
    assert_eq!(x.state.accounts(), 4611);
}

/// Twice the initial margin and half the position limit above 60 % of volatility.
fn policy() -> Policy {
    let regime = |above, below, times: &str, part: &str| Regime {
        above: rate(above),
        below: rate(below),
        margin_initial: rate(times),
        margin_maintenance: rate("1"),
        position_max: rate(part),
    };
    let base = Levels {
        margin_initial: rate("0.1"),
        margin_maintenance: rate("0.05"),
        position_max: qty("1000"),
    };
    let regimes = vec![regime("0", "0", "1", "1"), regime("0.6", "0.3", "2", "0.5")];
    Policy { base, regimes, maintenance_delay: Span::DAY }
}

#[test]
fn g_8_a_policy_raises_initial_margin_when_the_index_turns_wild() {
    let (mut x, accounts) = council();
    let measure = Measure::Policy { market: BTC_PERP, policy: Some(policy()) };
    pass(&mut x, accounts, measure);
    x.blocks(24);
    let margin = |x: &Exchange| x.state.market(BTC_PERP).perpetual_params().unwrap().margin_initial;
    assert_eq!(x.state.governance().policies().len(), 1);
    assert!(x.state.volatility(BTC).is_some_and(|annual| annual < rate("0.3")));
    assert_eq!(margin(&x), rate("0.1"));
    x.step = Span::MINUTE;
    for at in 0..240 {
        x.prices[1] = Some(price(if at % 2 == 0 { "100000" } else { "100400" }));
        x.run(&[]);
    }
    assert!(x.state.volatility(BTC).is_some_and(|annual| annual > rate("0.6")));
    assert_eq!(margin(&x), rate("0.2"));
}

/// Designs in which each limit is near: SOL has margins close together and a fast controller.
fn tight() -> Params {
    let mut params = design();
    let near = PerpetualParams {
        margin_maintenance: rate("0.095"),
        funding: FundingRule::Pi {
            proportional: rate("0.9"),
            integral: rate("7"),
            leak: Span::HOUR,
            carry: rate("0"),
            cap: rate("0.01"),
        },
        ..perpetual()
    };
    params.markets[3].kind = Kind::Perpetual(near);
    let position_max = qty("10000000");
    params.markets[2].kind = Kind::Perpetual(PerpetualParams { position_max, ..perpetual() });
    params.rules.council.guardian = Some(AccountId(1));
    params
}

#[test]
fn g_4_every_reason_of_governance_can_be_reached() {
    let (mut x, [first, second]) = council_of(tight());
    x.run(&vec![custodian(Command::OpenAccount); 4300]);
    let idle = AccountId(9);
    let margin = |market, text| setting(INITIAL, market, rate(text).raw().into());
    let settings = |settings: &[Setting]| draft(first, Measure::Settings(settings.to_vec()));
    let bare = Draft {
        proposer: first,
        measure: Measure::Settings(vec![margin(2, "0.11")]),
        evidence: [0; 32],
    };
    let none = Policy { regimes: Vec::new(), ..policy() };
    let bad = Measure::Policy { market: BTC_PERP, policy: Some(none) };
    let ballot = |number| Command::Ballot { proposal: ProposalId(number), yes: true };
    let raise = setting("market.position_max", 2, 1_080_000_000_000_000);
    let maintenance = setting("market.margin_maintenance", 3, rate("0.104").raw().into());
    let integral = setting("funding.integral", 3, rate("7.4").raw().into());
    let looser = Emergency::Tighten(margin(2, "0.09"));
    let mut seen = std::collections::BTreeSet::new();
    for (account, command) in [
        (first, ballot(0)),
        (idle, draft(idle, Measure::Settings(vec![margin(2, "0.11")]))),
        (first, Command::Propose(Box::new(bare))),
        (first, settings(&[])),
        (first, settings(&[margin(2, "0.11"), margin(2, "0.11")])),
        (first, settings(&[Setting { key: Key(999), scope: 0, value: 0 }])),
        (first, settings(&[margin(99, "0.11")])),
        (first, draft(first, bad)),
        (first, settings(&[margin(2, "0.1")])),
        (first, settings(&[margin(2, "1.1")])),
        (first, settings(&[margin(2, "0.2")])),
        (second, Command::Emergency(Box::new(looser))),
        (first, settings(&[maintenance])),
        (first, settings(&[integral])),
        (first, settings(&[raise])),
    ] {
        let text = format!("{command:?}");
        seen.insert(x.send(user(account, command)).expect_err(&text) as u8);
    }
    let measure = Measure::Policy { market: SOL_PERP, policy: Some(sol_policy()) };
    pass(&mut x, [first, second], measure);
    seen.insert(x.send(user(second, ballot(0))).unwrap_err() as u8);
    x.blocks(24);
    seen.insert(x.send(user(first, settings(&[margin(3, "0.11")]))).unwrap_err() as u8);
    for _ in 0..2 {
        x.send(user(first, settings(&[margin(2, "0.11")]))).unwrap();
    }
    seen.insert(x.send(user(first, settings(&[margin(2, "0.11")]))).unwrap_err() as u8);
    seen.insert(x.send(user(idle, ballot(1))).unwrap_err() as u8);
    assert_eq!(seen, (71..=89).collect());
}

fn sol_policy() -> Policy {
    let base = Levels { margin_maintenance: rate("0.095"), ..policy().base };
    Policy { base, ..policy() }
}
