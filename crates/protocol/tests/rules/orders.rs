//! Rules T-1 to T-8: trading, under both ways of matching where it makes no difference.

use money::{Amount, Qty, Round};
use protocol::book::Book;
use protocol::command::*;
use protocol::event::{Event, Gone};
use protocol::ids::*;
use protocol::ledger::Holder;
use protocol::params::Matching;
use protocol::reject::Reject;

use crate::exchange::*;

#[test]
fn t_1_the_best_price_trades_first_and_the_oldest_order_at_a_price() {
    let mut x = Exchange::new();
    let makers = [x.user("100000"), x.user("100000"), x.user("100000")];
    let taker = x.user("100000");
    for (maker, at) in makers.into_iter().zip(["100100", "100050", "100050"]) {
        x.place(maker, order(BTC_PERP, Side::Sell, at, "0.1")).unwrap();
    }
    let all =
        NewOrder { lifetime: Lifetime::Immediate, ..order(BTC_PERP, Side::Buy, "100100", "0.25") };
    x.place(taker, all).unwrap();
    let trades: Vec<_> = x
        .events
        .iter()
        .filter_map(|event| match event {
            Event::Traded { maker, price, qty, .. } => Some((*maker, *price, *qty)),
            _ => None,
        })
        .collect();
    let expected = [
        (makers[1], price("100050"), qty("0.1")),
        (makers[2], price("100050"), qty("0.1")),
        (makers[0], price("100100"), qty("0.05")),
    ];
    assert_eq!(trades, expected);
}

#[test]
fn t_6_fees_round_up_for_the_taker_and_rebates_down_for_the_maker() {
    let mut x = Exchange::new();
    let (buyer, seller) = (x.user("1000"), x.user("1000"));
    // 0.01 SOL at 99.99: 0.9999 notional; 5 bp are 0.00049995, 1 bp is 0.00009999.
    x.trade(buyer, seller, order(SOL_PERP, Side::Buy, "99.99", "0.01"));
    assert_eq!(x.cash(buyer), amount("999.99950005"));
    assert_eq!(x.cash(seller), amount("1000.00009999"));
    // 0.0001 BTC at 99999.9: 9.99999 notional; 5 bp 0.004999995 goes up, 1 bp 0.000999999 down.
    let (buyer, seller) = (x.user("1000"), x.user("1000"));
    x.trade(buyer, seller, order(BTC_PERP, Side::Buy, "99999.9", "0.0001"));
    assert_eq!(x.cash(buyer), amount("999.995"));
    assert_eq!(x.cash(seller), amount("1000.00099999"));
    assert_eq!(x.balance(Holder::Fees), amount("0.00439997"));
}

#[test]
fn t_6_splitting_an_order_never_saves_fees_nor_raises_rebates() {
    let cash = |parts: u32, matching| {
        let mut x = Exchange::with(matching);
        let (buyer, seller) = (x.user("1000"), x.user("1000"));
        let size = Qty::from_raw(qty("0.0120").raw() / i64::from(parts));
        for _ in 0..parts {
            let at = order(BTC_PERP, Side::Buy, "99999.9", "1");
            x.trade(buyer, seller, NewOrder { qty: size, ..at });
        }
        (x.cash(buyer), x.cash(seller))
    };
    for matching in BOTH {
        let whole = cash(1, matching);
        for parts in [2, 3, 8, 40, 120] {
            let split = cash(parts, matching);
            assert!(split.0 <= whole.0 && split.1 <= whole.1, "{parts} parts");
        }
    }
}

#[test]
fn t_4_spot_moves_base_and_quote_and_the_fee_is_quote() {
    let mut x = Exchange::new();
    let (buyer, seller) = (x.user("10000"), x.user("0"));
    x.give(seller, BTC, "0.1");
    x.trade(buyer, seller, order(BTC_SPOT, Side::Buy, "100000", "0.05"));
    assert_eq!((x.held(buyer, BTC), x.held(seller, BTC)), (amount("0.05"), amount("0.05")));
    assert_eq!(x.cash(buyer), amount("4997.5"), "5000 and 2.50 of fee");
    assert_eq!(x.cash(seller), amount("5000.5"), "5000 and 0.50 of rebate");
}

#[test]
fn t_4_open_spot_orders_lock_funds_and_cancelling_frees_them() {
    for matching in BOTH {
        let mut x = Exchange::with(matching);
        let account = x.user("1000");
        x.give(account, BTC, "0.01");
        let bid = x.rest(account, order(BTC_SPOT, Side::Buy, "95000", "0.01"));
        let ask = x.rest(account, order(BTC_SPOT, Side::Sell, "105000", "0.008"));
        assert_eq!(x.withdraw(account, QUOTE, "60"), Err(Reject::InsufficientBalance));
        assert_eq!(x.withdraw(account, BTC, "0.003"), Err(Reject::InsufficientBalance));
        let more = order(BTC_SPOT, Side::Sell, "105000", "0.0021");
        assert_eq!(x.place(account, more), Err(Reject::InsufficientBalance));
        for order in [bid, ask] {
            x.send(user(account, Command::Cancel { market: BTC_SPOT, order })).unwrap();
        }
        assert_eq!(x.withdraw(account, QUOTE, "1000"), Ok(()));
        assert_eq!(x.withdraw(account, BTC, "0.01"), Ok(()));
    }
}

#[test]
fn t_4_a_spot_account_never_owes_the_roundings_of_its_fees() {
    BOTH.into_iter().for_each(never_owes_roundings);
}

fn never_owes_roundings(matching: Matching) {
    let mut params = matched(design(), matching);
    params.markets[SOL_SPOT.index()].fee_maker = rate("0.000333333333");
    params.markets[SOL_SPOT.index()].fee_taker = rate("0.000333333333");
    let mut x = Exchange::of(params);
    x.prices = [None, Some(price("100000")), Some(price("100"))];
    x.blocks(1);
    let (buyer, seller) = (x.user("100"), x.user("0"));
    x.give(seller, SOL, "10");
    let mut size = qty("1");
    let fits = |x: &mut Exchange, size| {
        let bid = NewOrder { qty: size, ..order(SOL_SPOT, Side::Buy, "99.99", "1") };
        x.place(buyer, bid)
    };
    while fits(&mut x, size).is_err() {
        size -= qty("0.01");
    }
    // Whatever is left over goes, then the bid is filled lot by lot.
    let free = x.state.available(buyer, QUOTE);
    x.send(user(buyer, Command::Withdraw { asset: QUOTE, amount: free })).unwrap();
    while x.state.market(SOL_SPOT).entry(buyer).orders > 0 {
        let lot = order(SOL_SPOT, Side::Sell, "99.99", "0.01");
        x.place(seller, NewOrder { lifetime: Lifetime::Immediate, ..lot }).unwrap();
    }
    assert!(x.cash(buyer) >= Amount::ZERO, "{}", x.cash(buyer));
}

#[test]
fn t_7_post_only_and_immediate_orders_do_what_they_say() {
    for matching in BOTH {
        let mut x = Exchange::with(matching);
        let (maker, taker) = (x.user("100000"), x.user("100000"));
        x.place(maker, order(BTC_PERP, Side::Sell, "100000", "0.1")).unwrap();
        let wish = order(BTC_PERP, Side::Buy, "100000", "0.3");
        let post = NewOrder { lifetime: Lifetime::PostOnly, ..wish };
        assert_eq!(x.place(taker, post), Err(Reject::WouldTrade));
        assert_eq!(x.place(taker, NewOrder { price: price("99999.9"), ..post }), Ok(()));
        x.place(taker, NewOrder { lifetime: Lifetime::Immediate, ..wish }).unwrap();
        assert!(x.events.iter().any(|event| matches!(
            event,
            Event::Removed { reason: Gone::Unfilled, qty: left, .. } if *left == qty("0.2")
        )));
        assert_eq!(x.position(taker, BTC_PERP), qty("0.1"));
        assert_eq!(x.state.market(BTC_PERP).book.len(), 1);
    }
}

#[test]
fn t_7_each_self_trade_mode_prevents_the_trade_in_its_way() {
    // Mode, lots of the resting 3 left, lots of the incoming 2 that end up resting.
    let table = [
        (SelfTrade::CancelTaker, 3, 0),
        (SelfTrade::CancelMaker, 0, 2),
        (SelfTrade::CancelBoth, 1, 0),
    ];
    for (mode, asks, bids) in table {
        let mut x = Exchange::new();
        let account = x.user("100000");
        x.place(account, order(BTC_PERP, Side::Sell, "100000", "0.0003")).unwrap();
        let bid = order(BTC_PERP, Side::Buy, "100000", "0.0002");
        x.place(account, NewOrder { self_trade: mode, ..bid }).unwrap();
        let entry = x.state.market(BTC_PERP).entry(account);
        assert_eq!((entry.ask_lots, entry.bid_lots), (asks, bids), "{mode:?}");
        assert_eq!(x.position(account, BTC_PERP), Qty::ZERO);
    }
}

#[test]
fn t_7_cancel_all_empties_one_market_or_every_market() {
    for matching in BOTH {
        let mut x = Exchange::with(matching);
        let account = x.user("100000");
        for (market, at) in [(BTC_SPOT, "90000"), (BTC_PERP, "90000"), (SOL_PERP, "90")] {
            x.place(account, order(market, Side::Buy, at, "0.1")).unwrap();
        }
        let open = |x: &Exchange| x.state.markets().iter().map(|m| m.book.len()).sum::<usize>();
        x.send(user(account, Command::CancelAll { market: Some(SOL_PERP) })).unwrap();
        assert_eq!(open(&x), 2);
        x.send(user(account, Command::CancelAll { market: None })).unwrap();
        assert_eq!((open(&x), x.state.available(account, QUOTE)), (0, amount("100000")));
    }
}

#[test]
fn t_5_reduce_only_orders_are_cut_to_the_position_and_cancelled_when_it_shrinks() {
    for matching in BOTH {
        let mut x = Exchange::with(matching);
        let (long, short) = (x.user("100000"), x.user("100000"));
        x.trade(long, short, order(BTC_PERP, Side::Buy, "100000", "0.5"));
        let close =
            |at, size| NewOrder { reduce_only: true, ..order(BTC_PERP, Side::Sell, at, size) };
        assert_eq!(x.place(long, close("101000", "0.6")), Err(Reject::NothingToReduce));
        x.place(long, close("101000", "0.3")).unwrap();
        x.place(long, close("101000", "0.2")).unwrap();
        // Closing 0.3 at once leaves 0.2: the newest order goes first, then the older one.
        x.place(short, order(BTC_PERP, Side::Buy, "100000", "2")).unwrap();
        let now = NewOrder { lifetime: Lifetime::Immediate, ..close("100000", "0.3") };
        x.place(long, now).unwrap();
        let entry = x.state.market(BTC_PERP).entry(long);
        assert_eq!((entry.position, entry.reduce_only), (qty("0.2"), 0));
        let more = NewOrder { qty: qty("9"), ..now };
        x.place(long, more).unwrap();
        assert_eq!(x.position(long, BTC_PERP), Qty::ZERO, "cut to the position");
    }
}

#[test]
fn t_5_an_ordinary_order_ahead_of_a_reduce_only_one_cannot_make_it_open_a_position() {
    for matching in BOTH {
        let mut x = Exchange::with(matching);
        let (long, other) = (x.user("100000"), x.user("1000000"));
        x.trade(long, other, order(BTC_PERP, Side::Buy, "100000", "0.5"));
        let close = order(BTC_PERP, Side::Sell, "100500", "0.5");
        x.place(long, NewOrder { reduce_only: true, ..close }).unwrap();
        x.place(long, order(BTC_PERP, Side::Sell, "100400", "0.1")).unwrap();
        let sweep = order(BTC_PERP, Side::Buy, "100500", "1");
        x.place(other, NewOrder { lifetime: Lifetime::Immediate, ..sweep }).unwrap();
        assert_eq!(x.position(long, BTC_PERP), qty("0.4"));
    }
}

#[test]
fn l_1_profit_and_loss_move_through_clearing_to_the_last_unit() {
    for matching in BOTH {
        let mut x = Exchange::with(matching);
        let (a, b) = (x.user("100000"), x.user("100000"));
        x.trade(a, b, order(BTC_PERP, Side::Buy, "100000", "0.3"));
        x.trade(b, a, order(BTC_PERP, Side::Buy, "100333.3", "0.1"));
        let realised: Vec<_> = x
            .events
            .iter()
            .filter_map(|event| match event {
                Event::Realised { account, amount, .. } => Some((*account, *amount)),
                _ => None,
            })
            .collect();
        assert_eq!(realised.len(), 2);
        assert!(
            realised.contains(&(a, amount("33.33"))) && realised.contains(&(b, amount("-33.33")))
        );
        let entry = x.state.market(BTC_PERP).entry(a);
        assert_eq!((entry.position, entry.cost), (qty("0.2"), amount("20000")));
        let mark = x.mark(BTC_PERP);
        assert_eq!(entry.profit(mark), mark.notional(qty("0.2"), Round::Down) - amount("20000"));
    }
}

#[test]
fn t_8_position_and_open_orders_together_stay_within_the_largest_position() {
    for matching in BOTH {
        let mut x = Exchange::with(matching);
        let (account, other) = (x.user("100000000"), x.user("100000000"));
        x.trade(account, other, order(SOL_PERP, Side::Buy, "100", "600"));
        x.place(account, order(SOL_PERP, Side::Buy, "99", "300")).unwrap();
        let more = order(SOL_PERP, Side::Buy, "99", "100.01");
        assert_eq!(x.place(account, more), Err(Reject::PositionLimit));
        assert_eq!(x.place(account, NewOrder { qty: qty("100"), ..more }), Ok(()));
        let sale = order(SOL_PERP, Side::Sell, "101", "1600.01");
        assert_eq!(x.place(account, sale), Err(Reject::PositionLimit));
        assert_eq!(x.place(account, NewOrder { qty: qty("1600"), ..sale }), Ok(()));
    }
}

#[test]
fn b_1_each_asset_sums_to_zero_and_outside_holds_minus_what_is_inside() {
    for matching in BOTH {
        let mut x = Exchange::with(matching);
        let (a, b) = (x.user("10000.00000001"), x.user("7000"));
        x.give(b, BTC, "0.25");
        x.trade(a, b, order(BTC_SPOT, Side::Buy, "99999.9", "0.0333"));
        x.trade(b, a, order(BTC_PERP, Side::Buy, "99999.9", "0.0123"));
        x.withdraw(b, BTC, "0.05").unwrap();
        let ledger = x.state.ledger();
        assert_eq!((ledger.total(QUOTE), ledger.total(BTC)), (Amount::ZERO, Amount::ZERO));
        assert_eq!(x.balance(Holder::Outside), amount("-17000.00000001"));
        assert_eq!(ledger.balance(Holder::Outside, BTC), amount("-0.2"));
    }
}
