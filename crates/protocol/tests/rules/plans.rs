//! Orders for later, through the engine (rules T-10 to T-12).

use money::{Qty, Span};
use protocol::command::*;
use protocol::event::Event;
use protocol::ids::*;
use protocol::reject::Reject;
use protocol::schedule::trigger::{Execution, Kind};

use crate::exchange::*;

fn market() -> (Exchange, [AccountId; 2]) {
    let mut x = Exchange::new();
    let accounts = [x.user("50000"), x.user("10000000")];
    (x, accounts)
}

fn twap(side: Side, size: &str, secs: u64) -> TwapOrder {
    TwapOrder {
        market: BTC_PERP,
        side,
        qty: qty(size),
        duration: Span::from_secs(secs),
        reduce_only: false,
        client: ClientId(5),
    }
}

fn trigger(side: Side, kind: Kind, level: &str) -> TriggerOrder {
    TriggerOrder {
        market: BTC_PERP,
        side,
        kind,
        level: price(level),
        qty: None,
        execution: Execution::Market(rate("0.05")),
        client: ClientId(6),
    }
}

fn place(order: TriggerOrder) -> Command {
    Command::PlaceTrigger(Box::new(order))
}

fn refusals(x: &Exchange) -> Vec<Reject> {
    let refused = x.events.iter().filter_map(|event| match event {
        Event::DueRefused { reason, .. } => Some(*reason),
        _ => None,
    });
    refused.collect()
}

#[test]
fn t_10_the_switch_cancels_all_orders_and_slices_before_the_commands_of_its_block() {
    let (mut x, [account, other]) = market();
    x.place(account, order(BTC_PERP, Side::Buy, "99000", "0.01")).unwrap();
    x.place(account, order(SOL_PERP, Side::Buy, "99", "1")).unwrap();
    x.send(user(account, Command::PlaceTwap(twap(Side::Buy, "0.01", 60)))).unwrap();
    let set = |x: &Exchange, secs| Command::ScheduleCancel {
        at: Some(x.now.after(Span::from_secs(secs))),
    };
    let soon = set(&x, 5);
    assert_eq!(x.send(user(account, soon)), Err(Reject::BadTime));
    let at = set(&x, 6);
    assert_eq!(x.send(user(account, at)), Ok(()));
    x.blocks(4);
    assert_eq!(x.state.market(BTC_PERP).entry(account).orders, 1);
    // The ask of the same block no longer meets the bid.
    x.place(other, order(BTC_PERP, Side::Sell, "99000", "0.01")).unwrap();
    assert!(x.events.contains(&Event::SwitchActed { account }));
    let over = Event::TwapOver { account, number: 0, filled: Qty::ZERO };
    assert!(x.events.contains(&over), "{:?}", x.events);
    assert_eq!(x.state.market(SOL_PERP).entry(account).orders, 0);
    assert_eq!(x.position(other, BTC_PERP), Qty::ZERO);
    let none = || Command::ScheduleCancel { at: None };
    assert_eq!(x.send(user(account, none())), Err(Reject::UnknownOrder));
    let at = set(&x, 60);
    x.send(user(account, at)).unwrap();
    assert_eq!(x.send(user(account, none())), Ok(()));
}

#[test]
fn t_11_slices_take_what_the_book_has_and_catch_up_later() {
    let (mut x, [account, other]) = market();
    x.step = Span::from_secs(5);
    x.send(user(account, Command::PlaceTwap(twap(Side::Buy, "0.04", 120)))).unwrap();
    assert!(x.events.contains(&Event::TwapOpened { account, number: 0, client: ClientId(5) }));
    // The first slice finds nothing; the second asks for two.
    x.run(&[]);
    x.place(other, order(BTC_PERP, Side::Sell, "100100", "1")).unwrap();
    let mut held = Vec::new();
    while !x.events.iter().any(|event| matches!(event, Event::TwapOver { .. })) {
        x.run(&[]);
        held.push(x.position(account, BTC_PERP));
    }
    held.dedup();
    assert_eq!(held, ["0", "0.02", "0.03", "0.04"].map(qty));
    let filled = qty("0.04");
    assert!(x.events.contains(&Event::TwapOver { account, number: 0, filled }));
}

#[test]
fn t_11_a_slice_stays_within_its_slippage_and_a_refused_one_is_told_and_gone() {
    let (mut x, [account, other]) = market();
    x.step = Span::from_secs(10);
    let quotes = [(Side::Sell, "103000.1"), (Side::Buy, "96999.9")];
    let quotes = quotes.map(|(side, at)| Command::Place(order(BTC_PERP, side, at, "1")));
    x.run(&quotes.map(|quote| user(other, quote)));
    x.send(user(account, Command::PlaceTwap(twap(Side::Buy, "0.2", 60)))).unwrap();
    x.run(&[]);
    assert_eq!(refusals(&x), []);
    assert_eq!(x.position(account, BTC_PERP), Qty::ZERO);
    x.send(user(account, Command::PlaceTwap(twap(Side::Buy, "30", 30)))).unwrap();
    x.run(&[]);
    assert_eq!(refusals(&x), [Reject::InsufficientMargin]);
    let over = Event::TwapOver { account, number: 1, filled: Qty::ZERO };
    assert!(x.events.contains(&over), "{:?}", x.events);
}

#[test]
fn t_11_only_its_owner_takes_it_back_and_numbers_are_bounded() {
    let (mut x, [account, other]) = market();
    for _ in 0..16 {
        let order = twap(Side::Buy, "0.01", 120);
        assert_eq!(x.send(user(account, Command::PlaceTwap(order))), Ok(()));
    }
    let more = Command::PlaceTwap(twap(Side::Buy, "0.01", 120));
    assert_eq!(x.send(user(account, more)), Err(Reject::TooManyPlans));
    let cancel = |number| Command::CancelTwap { number };
    assert_eq!(x.send(user(other, cancel(3))), Err(Reject::UnknownOrder));
    assert_eq!(x.send(user(account, cancel(3))), Ok(()));
    assert_eq!(x.send(user(account, cancel(3))), Err(Reject::UnknownOrder));
    for (order, reason) in [
        (twap(Side::Buy, "0.01", 29), Reject::BadTime),
        (twap(Side::Buy, "0", 60), Reject::NotPositive),
        (twap(Side::Buy, "0.00005", 60), Reject::OffLot),
        (TwapOrder { market: MarketId(9), ..twap(Side::Buy, "1", 60) }, Reject::UnknownMarket),
        (
            TwapOrder { market: BTC_SPOT, reduce_only: true, ..twap(Side::Buy, "1", 60) },
            Reject::NothingToReduce,
        ),
    ] {
        assert_eq!(x.send(user(account, Command::PlaceTwap(order))), Err(reason));
    }
}

/// A long of 0.1 that somebody can sell into.
fn long() -> (Exchange, [AccountId; 2]) {
    let (mut x, [account, other]) = market();
    x.trade(account, other, order(BTC_PERP, Side::Buy, "100000", "0.1"));
    x.place(other, order(BTC_PERP, Side::Buy, "97000", "5")).unwrap();
    (x, [account, other])
}

#[test]
fn t_12_a_stop_closes_the_whole_position_when_the_mark_reaches_it() {
    let (mut x, [account, _]) = long();
    let stop = trigger(Side::Sell, Kind::Stop, "98000");
    assert_eq!(x.send(user(account, place(stop))), Ok(()));
    let set = Event::TriggerSet { account, market: BTC_PERP, number: 0, client: ClientId(6) };
    assert!(x.events.contains(&set));
    x.prices[1] = Some(price("98500"));
    x.blocks(3);
    assert_eq!(x.position(account, BTC_PERP), qty("0.1"));
    x.prices[1] = Some(price("97500"));
    x.blocks(3);
    assert_eq!(x.position(account, BTC_PERP), Qty::ZERO);
}

#[test]
fn t_12_one_of_a_pair_fires_and_the_other_is_gone() {
    let (mut x, [account, other]) = long();
    let stop = trigger(Side::Sell, Kind::Stop, "96000");
    let limit = Execution::Limit(price("103000"));
    let profit = TriggerOrder {
        qty: Some(qty("0.04")),
        execution: limit,
        ..trigger(Side::Sell, Kind::TakeProfit, "102000")
    };
    let pair = |pair| Command::PlacePair(Box::new(pair));
    let elsewhere = TriggerOrder { market: SOL_PERP, level: price("102"), ..profit };
    assert_eq!(x.send(user(account, pair([stop, elsewhere]))), Err(Reject::NoPair));
    assert_eq!(x.send(user(account, pair([profit, stop]))), Err(Reject::NoPair));
    assert_eq!(x.send(user(account, pair([stop, profit]))), Ok(()));
    x.prices[1] = Some(price("103000"));
    x.place(other, order(BTC_PERP, Side::Buy, "102900", "1")).unwrap();
    x.place(other, order(BTC_PERP, Side::Sell, "103100", "1")).unwrap();
    x.blocks(300);
    assert_eq!(x.state.market(BTC_PERP).entry(account).orders, 1, "it rests at its limit");
    let cancel = Command::CancelTrigger { market: BTC_PERP, number: 0 };
    assert_eq!(x.send(user(account, cancel)), Err(Reject::UnknownOrder));
    x.place(other, order(BTC_PERP, Side::Buy, "103000", "1")).unwrap();
    assert_eq!(x.position(account, BTC_PERP), qty("0.06"));
}

#[test]
fn t_12_what_fires_without_a_position_is_refused_and_gone() {
    let (mut x, [account, other]) = market();
    let at = |kind, level| place(trigger(Side::Sell, kind, level));
    assert_eq!(x.send(user(account, at(Kind::Stop, "100000"))), Err(Reject::AlreadyMet));
    assert_eq!(x.send(user(account, at(Kind::Stop, "99000"))), Ok(()));
    for _ in 1..16 {
        x.send(user(account, at(Kind::Stop, "90000"))).unwrap();
    }
    assert_eq!(x.send(user(account, at(Kind::Stop, "90000"))), Err(Reject::TooManyPlans));
    let cancel = |number| Command::CancelTrigger { market: BTC_PERP, number };
    assert_eq!(x.send(user(other, cancel(5))), Err(Reject::UnknownOrder));
    assert_eq!(x.send(user(account, cancel(5))), Ok(()));
    x.prices[1] = Some(price("98000"));
    x.run(&[]);
    assert_eq!(refusals(&x), [Reject::NothingToReduce]);
    x.run(&[]);
    assert_eq!(refusals(&x), []);
    let spot = TriggerOrder { market: BTC_SPOT, ..trigger(Side::Sell, Kind::Stop, "1") };
    assert_eq!(x.send(user(account, place(spot))), Err(Reject::NothingToReduce));
}

#[test]
fn t_12_a_block_sets_off_a_bounded_number_in_the_order_of_the_mark() {
    let mut params = design();
    params.rules.plans.due_max = 2;
    let mut x = Exchange::of(params);
    x.prices = [None, Some(price("100000")), Some(price("100"))];
    x.run(&[]);
    let account = x.user("1000");
    for level in ["97000", "99000", "98000"] {
        x.send(user(account, place(trigger(Side::Sell, Kind::Stop, level)))).unwrap();
    }
    x.prices[1] = Some(price("96000"));
    let fired = |x: &Exchange| -> Vec<u64> {
        let gone = x.events.iter().filter_map(|event| match event {
            Event::TriggerGone { number, fired: true, .. } => Some(*number),
            _ => None,
        });
        gone.collect()
    };
    x.run(&[]);
    assert_eq!(fired(&x), [1, 2]);
    x.run(&[]);
    assert_eq!(fired(&x), [0]);
}
