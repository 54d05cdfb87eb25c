//! Rules A-1 … A-7 in the engine: suspension, auctions, restart, settlement.

use money::{Amount, Span};
use protocol::command::*;
use protocol::event::{Event, Gone};
use protocol::halt::{Directive, Phase};
use protocol::ids::*;
use protocol::ledger::Holder;
use protocol::params::*;
use protocol::reject::Reject;

use crate::exchange::*;
use crate::futures::{dated, with_future};

/// The exchange with default rules, after two minutes of history.
fn guarded() -> Exchange {
    let mut x = Exchange::of(Params { rules: Rules::default(), ..design() });
    x.prices = [None, Some(price("100000")), Some(price("100"))];
    x.blocks(120);
    x
}

fn phase(x: &Exchange) -> Phase {
    x.state.phase(BTC_PERP)
}

fn is_auction(x: &Exchange) -> bool {
    matches!(phase(x), Phase::Auction { .. })
}

fn immediate(order: NewOrder) -> NewOrder {
    NewOrder { lifetime: Lifetime::Immediate, ..order }
}

fn removed(x: &Exchange) -> Option<Gone> {
    x.events.iter().find_map(|event| match event {
        Event::Removed { reason, .. } => Some(*reason),
        _ => None,
    })
}

/// An order that would trade too far away stops the market before it trades.
fn suspended() -> (Exchange, AccountId, AccountId) {
    let mut x = guarded();
    let (maker, taker) = (x.user("1000000"), x.user("1000000"));
    x.place(maker, order(BTC_PERP, Side::Sell, "104000", "0.1")).unwrap();
    x.place(maker, order(BTC_PERP, Side::Sell, "106000", "0.1")).unwrap();
    x.place(taker, immediate(order(BTC_PERP, Side::Buy, "106000", "0.1"))).unwrap();
    assert_eq!(x.position(taker, BTC_PERP), qty("0.1"), "within the bound as far as it trades");
    x.place(maker, order(BTC_PERP, Side::Sell, "104000", "0.1")).unwrap();
    x.place(taker, immediate(order(BTC_PERP, Side::Buy, "106000", "0.2"))).unwrap();
    assert_eq!(x.position(taker, BTC_PERP), qty("0.1"));
    (x, maker, taker)
}

#[test]
fn a_4_a_trade_beyond_its_bound_stops_the_market_and_does_not_happen() {
    let (mut x, maker, taker) = suspended();
    assert!(is_auction(&x), "{:?}", phase(&x));
    assert_eq!(removed(&x), Some(Gone::Suspended));
    let buy = order(BTC_PERP, Side::Buy, "105000", "0.1");
    assert_eq!(x.place(taker, immediate(buy)), Err(Reject::Halted));
    assert_eq!(x.withdraw(taker, QUOTE, "1"), Err(Reject::Halted));
    let before = x.position(taker, BTC_PERP);
    x.place(taker, buy).unwrap();
    assert!(x.events.iter().any(|event| matches!(event, Event::Collected { .. })));
    assert_eq!(x.position(taker, BTC_PERP), before, "collected, though it crosses");
    // The other markets trade on.
    x.trade(taker, maker, order(SOL_PERP, Side::Buy, "100", "1"));
}

#[test]
fn a_1_the_auction_trades_at_one_price_and_money_is_conserved() {
    let (mut x, maker, taker) = suspended();
    let second = x.user("1000000");
    x.place(taker, order(BTC_PERP, Side::Buy, "105000", "0.15")).unwrap();
    x.place(second, order(BTC_PERP, Side::Sell, "103000", "0.1")).unwrap();
    let withdrawn = x.wait(second, order(BTC_PERP, Side::Sell, "102000", "5"));
    x.send(user(second, Command::Cancel { market: BTC_PERP, order: withdrawn })).unwrap();
    let post =
        NewOrder { lifetime: Lifetime::PostOnly, ..order(BTC_PERP, Side::Sell, "104500", "0.1") };
    assert_eq!(x.place(second, post), Err(Reject::WouldTrade));
    let mut prices = Vec::new();
    for _ in 0..70 {
        x.run(&[]);
        prices.extend(x.events.iter().filter_map(|event| match event {
            Event::Traded { price, .. } => Some(*price),
            _ => None,
        }));
    }
    // Bids 0.15 at 105 000; asks 0.1 at 103 000, 0.1 at 104 000, 0.1 at 106 000.
    assert_eq!(prices, [price("104000"), price("104000")]);
    assert_eq!(phase(&x), Phase::Open);
    assert_eq!(x.position(taker, BTC_PERP), qty("0.25"));
    assert_eq!(x.position(maker, BTC_PERP), qty("-0.15"));
    assert_eq!(x.position(second, BTC_PERP), qty("-0.1"));
    assert_eq!(x.state.market(BTC_PERP).top(Side::Sell), Some((price("104000"), qty("0.05"))));
}

#[test]
fn a_4_a_mark_beyond_its_bound_holds_back_liquidation_until_the_auction() {
    let mut x = guarded();
    let (long, short) = (x.user("11000"), x.user("1000000"));
    x.trade(long, short, order(BTC_PERP, Side::Buy, "100000", "1"));
    for step in 1..=8 {
        x.prices[1] = Some(price(&format!("{}", 100_000 - 1000 * step)));
        x.run(&[]);
    }
    assert!(is_auction(&x), "{:?}", phase(&x));
    x.blocks(3);
    assert_eq!(x.position(long, BTC_PERP), qty("1"), "under maintenance, but not sold at once");
    // Bids of the auction take what is sold after it.
    x.place(short, order(BTC_PERP, Side::Buy, "91000", "2")).unwrap();
    x.blocks(70);
    assert_eq!(phase(&x), Phase::Open);
    assert!(x.position(long, BTC_PERP) < qty("1"));
}

#[test]
fn a_6_after_eight_hours_nobody_is_liquidated_on_a_stale_price() {
    let mut x = guarded();
    let (long, short) = (x.user("11000"), x.user("1000000"));
    x.trade(long, short, order(BTC_PERP, Side::Buy, "100000", "1"));
    x.step = Span::HOUR.times(8);
    x.prices = [None; 3];
    x.run(&[]);
    assert!(matches!(phase(&x), Phase::Restarting { until: None, .. }));
    x.step = Span::SECOND;
    assert_eq!(x.place(short, order(BTC_PERP, Side::Buy, "99000", "1")), Err(Reject::Halted));
    // A bad first price is back at its place before anybody is looked at.
    x.prices = [None, Some(price("60000")), Some(price("100"))];
    x.blocks(5);
    assert_eq!(x.position(long, BTC_PERP), qty("1"));
    x.prices[1] = Some(price("100000"));
    x.blocks(30);
    assert_eq!(x.position(long, BTC_PERP), qty("1"));
    let waits = |x: &Exchange| matches!(phase(x), Phase::Restarting { until: Some(_), .. });
    assert!(waits(&x), "{:?}", phase(&x));
    let mut calm = 0;
    for _ in 0..200 {
        if phase(&x) == Phase::Open {
            break;
        }
        x.run(&[]);
        calm += 1;
    }
    assert_eq!(phase(&x), Phase::Open, "after {calm} blocks");
    // The index falls by 8 % in steps: for the calm blocks nobody is liquidated.
    for step in 0..19 {
        x.prices[1] = Some(price(&format!("{}", 100_000 - 350 * step)));
        x.run(&[]);
        assert_eq!(x.position(long, BTC_PERP), qty("1"), "calm block {step}");
    }
}

/// The SOL price of a halt of 25 minutes, and the blocks until the perpetual is open and the short
/// is gone, if that happens within 500 blocks.
fn reopened_at(after: &str) -> (Exchange, [Option<u32>; 2]) {
    let mut x = guarded();
    let (long, short) = (x.user("1000000"), x.user("400"));
    x.trade(long, short, order(SOL_PERP, Side::Buy, "100", "10"));
    x.step = Span::MINUTE.times(25);
    x.prices[2] = Some(price(after));
    x.run(&[]);
    x.step = Span::SECOND;
    let (mut open, mut gone) = (None, None);
    for block in 2..=500 {
        x.run(&[]);
        if x.state.phase(SOL_PERP) == Phase::Open {
            open = open.or(Some(block));
        }
        if x.position(short, SOL_PERP).is_zero() {
            gone = gone.or(Some(block));
        }
    }
    (x, [open, gone])
}

#[test]
fn o_11_a_market_whose_price_came_out_of_a_halt_sevenfold_opens_and_liquidates() {
    let (x, [open, gone]) = reopened_at("700");
    // Two blocks held back, 300 s, three fresh blocks, an auction of 60 s, 20 calm blocks.
    assert_eq!((open, gone), (Some(3 + 300 + 2 + 60), Some(3 + 300 + 2 + 60 + 20)));
    assert!(x.state.ladder(SOL).average() > price("699.99"));
    assert!(x.state.market(SOL_PERP).perpetual.mark.price > price("679"), "within its band");
}

#[test]
fn o_11_a_market_whose_price_came_out_of_a_halt_threefold_does_not_wait() {
    let (x, [open, _]) = reopened_at("300");
    assert_eq!(open, Some(3 + 2 + 60));
    assert!(x.state.ladder(SOL).average() < price("200"), "{}", x.state.ladder(SOL).average());
}

#[test]
fn a_7_a_delisted_market_settles_everybody_at_the_mean_of_its_last_hour() {
    let mut x = guarded();
    let (long, short) = (x.user("50000"), x.user("1000000"));
    x.trade(long, short, order(BTC_PERP, Side::Buy, "100000", "1"));
    x.place(short, order(BTC_PERP, Side::Buy, "99000", "1")).unwrap();
    let directive = Command::Direct { market: BTC_PERP, directive: Directive::Delist };
    assert_eq!(x.send(user(long, directive.clone())), Err(Reject::NotAllowed));
    x.send(custodian(directive)).unwrap();
    let wish = order(BTC_PERP, Side::Buy, "99000", "0.1");
    x.run(&[]);
    assert!(x.state.market(BTC_PERP).top(Side::Buy).is_none(), "orders that add risk go");
    assert_eq!(x.place(long, wish), Err(Reject::OnlyReducing));
    x.place(short, immediate(wish)).unwrap();
    x.step = Span::from_secs(50);
    let mut blocks = 0;
    while !matches!(phase(&x), Phase::Settled { .. }) {
        let late = blocks > 1700;
        x.prices[1] = Some(price(if late { "102000" } else { "100000" }));
        x.run(&[]);
        blocks += 1;
        assert!(blocks < 2000);
    }
    let Phase::Settled { price: settled } = phase(&x) else { unreachable!("just seen") };
    assert!(price("100000") < settled && settled < price("102000"), "{settled}");
    assert_eq!([x.position(long, BTC_PERP), x.position(short, BTC_PERP)], [qty("0"), qty("0")]);
    assert_eq!(x.balance(Holder::Clearing(BTC_PERP)), Amount::ZERO);
    assert_eq!(x.place(long, wish), Err(Reject::Halted));
    assert_eq!(x.withdraw(long, QUOTE, "1"), Ok(()));
}

/// A leveraged long, an index that falls by 6 % in three minutes, and then the only bid, far away.
fn cascade(rules: Rules) -> (Exchange, AccountId, AccountId) {
    let mut x = Exchange::of(Params { rules, ..design() });
    x.prices = [None, Some(price("100000")), Some(price("100"))];
    x.blocks(120);
    let (long, short) = (x.user("10100"), x.user("1000000"));
    x.trade(long, short, order(BTC_PERP, Side::Buy, "100000", "0.4"));
    x.trade(long, short, order(BTC_PERP, Side::Buy, "100000", "0.6"));
    for step in 1..=180 {
        x.prices[1] = Some(price(&format!("{}", 100_000 - 33 * step)));
        x.run(&[]);
    }
    // The five-minute mean of the index has to follow (rule L-13).
    x.blocks(310);
    assert_eq!(x.position(long, BTC_PERP), qty("1"));
    x.place(short, order(BTC_PERP, Side::Buy, "89950", "2")).unwrap();
    (x, long, short)
}

#[test]
fn a_4_a_cascade_of_forced_sales_ends_at_the_auction() {
    let (x, long, _) = cascade(unguarded());
    assert!(x.position(long, BTC_PERP) < qty("1"), "sold at 89 950");
    let (mut x, long, short) = cascade(Rules::default());
    assert!(is_auction(&x), "{:?}", phase(&x));
    assert_eq!(x.position(long, BTC_PERP), qty("1"));
    // During the auction others bid; what is sold after it gets their price.
    x.place(short, order(BTC_PERP, Side::Buy, "93500", "2")).unwrap();
    let mut sold = Vec::new();
    for _ in 0..320 {
        x.run(&[]);
        sold.extend(x.events.iter().filter_map(|event| match event {
            Event::Traded { price, .. } => Some(*price),
            _ => None,
        }));
    }
    assert!(!sold.is_empty() && sold.iter().all(|at| *at == price("93500")), "{sold:?}");
}

/// Nobody needs the price of an asset any more whose last future is settled.
#[test]
fn a_6_an_asset_of_which_only_settled_futures_are_left_holds_up_no_restart() {
    let mut params = with_future(dated(3600));
    let dated = params.markets.pop().unwrap();
    params.markets = vec![params.markets[SOL_PERP.index()].clone(), dated];
    params.rules.halt.outage_min = Span::MINUTE;
    let mut x = Exchange::started(params);
    x.step = Span::from_secs(10);
    x.blocks(360);
    assert!(matches!(x.state.phase(MarketId(1)), Phase::Settled { .. }));
    x.prices[1] = None;
    let sol = x.prices[2].take();
    for _ in 0..10 {
        x.run(&[]);
    }
    assert!(matches!(x.state.phase(MarketId(0)), Phase::Restarting { .. }));
    x.prices[2] = sol;
    for _ in 0..20 {
        x.run(&[]);
    }
    assert_eq!(x.state.phase(MarketId(0)), Phase::Open);
}
