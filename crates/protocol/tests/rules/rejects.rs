//! Refusals: their order, and that each can be reached.

use std::collections::BTreeSet;

use money::{Amount, Price, Qty, Rate, Span, Time};
use protocol::command::*;
use protocol::ids::*;
use protocol::params::OwnerParams;
use protocol::reject::Reject;
use protocol::schedule::trigger::{Execution, Kind};

use crate::exchange::*;

#[test]
fn t_2_mending_one_fault_at_a_time_walks_through_the_reasons_in_order() {
    let mut x = Exchange::new();
    let (account, other) = (x.user("50000"), x.user("1000000"));
    x.place(other, order(BTC_PERP, Side::Sell, "100000", "1")).unwrap();
    let bid = order(BTC_PERP, Side::Buy, "90000", "0.001");
    let open: Vec<OrderId> = (0..8).map(|_| x.rest(account, bid)).collect();
    x.prices = [None; 3];
    x.step = Span::from_secs(31);
    let mut wish = NewOrder {
        price: Price::from_raw(-1),
        qty: Qty::from_raw(-1),
        lifetime: Lifetime::PostOnly,
        reduce_only: true,
        ..order(MarketId(9), Side::Buy, "1", "1")
    };
    let mut seen = Vec::new();
    let mut refuse = |x: &mut Exchange, account, wish| {
        seen.push(x.place(account, wish).expect_err("still at fault") as u8);
    };
    refuse(&mut x, AccountId(99), wish);
    refuse(&mut x, account, wish);
    wish.market = BTC_PERP;
    refuse(&mut x, account, wish);
    wish.qty = qty("0.00005");
    wish.price = price("123456.05");
    refuse(&mut x, account, wish);
    wish.price = price("123456.1");
    refuse(&mut x, account, wish);
    wish.qty = Qty::from_raw(2_251_799_813_690_000);
    refuse(&mut x, account, wish);
    wish.qty = qty("5000");
    refuse(&mut x, account, wish);
    x.prices[1] = Some(price("100000"));
    refuse(&mut x, account, wish);
    wish.price = price("100000");
    refuse(&mut x, account, wish);
    x.send(user(account, Command::Cancel { market: BTC_PERP, order: open[3] })).unwrap();
    refuse(&mut x, account, wish);
    wish.reduce_only = false;
    refuse(&mut x, account, wish);
    wish.lifetime = Lifetime::Immediate;
    refuse(&mut x, account, wish);
    wish.qty = qty("900");
    refuse(&mut x, account, wish);
    assert_eq!(seen, [2, 4, 7, 8, 9, 10, 12, 13, 14, 15, 16, 17, 19]);
    wish.qty = qty("0.1");
    assert_eq!(x.place(account, wish), Ok(()));
}

#[test]
fn every_reason_can_be_reached() {
    let mut x = Exchange::new();
    let (a, b) = (x.user("1000"), x.user("1000000"));
    let mine = x.rest(a, order(BTC_PERP, Side::Buy, "99000", "0.001"));
    x.place(b, order(BTC_PERP, Side::Sell, "100100", "1")).unwrap();
    let place = |account, order| user(account, Command::Place(order));
    let base = order(BTC_PERP, Side::Buy, "100000", "0.001");
    let post = NewOrder { price: price("100100"), lifetime: Lifetime::PostOnly, ..base };
    let vote = Vote { asset: BTC, price: price("1"), confidence: price("1"), time: Time::ZERO };
    let publish = |publisher, vote| Message {
        sender: Sender::Publisher(PublisherId(publisher)),
        command: Command::Publish(vote),
    };
    let deposit = |account, asset, amount| {
        custodian(Command::Deposit { account, asset, amount: Amount::from_raw(amount) })
    };
    let mut messages = vec![
        user(a, Command::OpenAccount),
        deposit(AccountId(77), QUOTE, 1),
        deposit(a, AssetId(7), 1),
        deposit(a, QUOTE, 0),
        deposit(a, QUOTE, i128::MAX),
        user(a, Command::CancelAll { market: Some(MarketId(4)) }),
        user(b, Command::Cancel { market: BTC_PERP, order: mine }),
        user(a, Command::Cancel { market: BTC_PERP, order: OrderId(u64::MAX) }),
        publish(9, vote),
        publish(0, vote),
        publish(0, Vote { asset: QUOTE, ..vote }),
        publish(0, Vote { price: Price::from_raw(i64::MIN), ..vote }),
        publish(0, Vote { price: Price::MAX, ..vote }),
        place(a, NewOrder { price: price("100000.05"), ..base }),
        place(a, NewOrder { qty: qty("0.00005"), ..base }),
        place(a, NewOrder { price: price("150000"), ..base }),
        place(a, NewOrder { reduce_only: true, ..base }),
        place(a, post),
        place(b, NewOrder { qty: qty("1001"), ..base }),
        place(a, NewOrder { qty: qty("1"), ..base }),
        place(a, NewOrder { market: BTC_SPOT, side: Side::Sell, ..base }),
        user(a, Command::Withdraw { asset: BTC, amount: Amount::ONE }),
        user(a, Command::FundInsurance { amount: Amount::ONE }),
        custodian(Command::Withdraw { asset: BTC, amount: Amount::ONE }),
        user(a, Command::BackstopDeposit { amount: Amount::ONE }),
        user(a, Command::BackstopWithdraw { shares: Amount::ONE }),
    ];
    messages.extend((0..9).map(|_| place(b, order(BTC_PERP, Side::Buy, "99000", "0.001"))));
    x.run(&messages);
    let mut reasons: BTreeSet<u8> = reasons(&x).collect();
    x.prices = [None; 3];
    x.step = Span::MINUTE;
    x.run(&[place(a, base)]);
    reasons.extend(self::reasons(&x));
    let backstop = Reject::NoBackstop as u8..=Reject::InsufficientShares as u8;
    assert_eq!(reasons, (1..=Reject::InsufficientMargin as u8).chain(backstop).collect());
}

fn reasons(x: &Exchange) -> impl Iterator<Item = u8> {
    x.events.iter().filter_map(|event| match event {
        protocol::event::Event::Rejected { reason, .. } => Some(*reason as u8),
        _ => None,
    })
}

#[test]
fn every_reason_about_owners_outflow_and_plans_can_be_reached() {
    let mut params = design();
    params.rules.flow.limits.hour_share = Rate::ZERO;
    params.rules.flow.limits.hour_min = Amount::ZERO;
    params.rules.owners = OwnerParams { accounts_max: 2, agents_max: 0 };
    params.rules.plans.triggers_max = 0;
    let mut x = Exchange::of(params);
    x.prices = [None, Some(price("100000")), Some(price("100"))];
    x.run(&[]);
    let (a, b) = (x.user("50000"), x.user("50000"));
    let ask = order(BTC_PERP, Side::Sell, "100000", "0.01");
    x.run(&[user(a, Command::OpenSubAccount), user(b, Command::Place(ask))]);
    let sub = AccountId(2);
    let expires = x.now;
    let stop = TriggerOrder {
        market: BTC_PERP,
        side: Side::Sell,
        kind: Kind::Stop,
        level: price("90000"),
        qty: None,
        execution: Execution::Market(rate("0.1")),
        client: ClientId(0),
    };
    let trigger = |order| Command::PlaceTrigger(Box::new(order));
    let transfer = |to| Command::Transfer { from: a, to, asset: QUOTE, amount: amount("20000") };
    let agent = Sender::Agent { agent: AgentId(1), account: a };
    x.run(&[
        user(a, transfer(sub)),
        user(a, Command::Withdraw { asset: QUOTE, amount: amount("30000") }),
        user(sub, Command::Withdraw { asset: QUOTE, amount: amount("20000") }),
        // More than the owner brought: it was credited to somebody else.
        user(b, Command::Withdraw { asset: QUOTE, amount: amount("40000") }),
        user(a, transfer(b)),
        user(a, Command::OpenSubAccount),
        Message { sender: agent, command: Command::CancelAll { market: None } },
        user(a, Command::ApproveAgent { agent: AgentId(1), expires }),
        user(a, Command::ScheduleCancel { at: Some(expires) }),
        user(a, trigger(stop)),
        user(a, trigger(TriggerOrder { level: price("110000"), ..stop })),
        user(a, Command::PlacePair(Box::new([stop, stop]))),
    ]);
    let mut reasons: BTreeSet<u8> = reasons(&x).collect();
    x.give(a, QUOTE, "10000");
    x.send(user(a, transfer(sub))).unwrap_err();
    let own = order(BTC_PERP, Side::Buy, "100000", "0.01");
    x.give(sub, QUOTE, "10000");
    x.run(&[
        user(sub, Command::CancelAll { market: None }),
        user(b, Command::CancelAll { market: None }),
    ]);
    x.place(sub, NewOrder { side: Side::Sell, ..own }).unwrap();
    reasons.insert(x.place(a, own).unwrap_err() as u8);
    let bought = order(BTC_SPOT, Side::Buy, "100000", "0.05");
    x.give(b, BTC, "1");
    x.trade(a, b, bought);
    reasons.insert(x.withdraw(a, BTC, "0.05").unwrap_err() as u8);
    x.step = Span::from_secs(3_601);
    reasons.insert(x.withdraw(b, QUOTE, "1").unwrap_err() as u8);
    assert_eq!(reasons, (60..=70).collect());
}
