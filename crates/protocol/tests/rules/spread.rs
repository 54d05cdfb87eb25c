//! Rule T-17: two legs, both or neither.

use money::{Qty, Rate};
use proptest::prelude::*;
use protocol::command::*;
use protocol::event::{Event, Gone};
use protocol::halt::Phase;
use protocol::ids::*;
use protocol::params::*;
use protocol::reject::Reject;
use protocol::state::Level;

use crate::exchange::*;

fn leg(market: MarketId, side: Side, at: &str, size: &str) -> Leg {
    Leg { market, side, price: price(at), qty: qty(size) }
}

fn spread(account: AccountId, legs: [Leg; 2]) -> Message {
    let order = SpreadOrder { legs, client: ClientId(3) };
    user(account, Command::PlaceSpread(Box::new(order)))
}

/// Sells spot and buys the perpetual back.
fn unwound(at: [&str; 2], size: &str) -> [Leg; 2] {
    [leg(BTC_SPOT, Side::Sell, at[0], size), leg(BTC_PERP, Side::Buy, at[1], size)]
}

/// An account that holds 1 BTC and is short 1, between maintenance and initial margin at 3 million,
/// and a maker around it.
fn hedged() -> (Exchange, AccountId, AccountId) {
    let mut x = Exchange::new();
    let (hedger, maker) = (x.user("100"), x.user("100000000"));
    x.give(hedger, BTC, "1");
    x.trade(maker, hedger, order(BTC_PERP, Side::Buy, "100000", "1"));
    x.prices[1] = Some(price("3000000"));
    for market in [BTC_SPOT, BTC_PERP] {
        x.place(maker, order(market, Side::Buy, "2999000", "0.6")).unwrap();
    }
    x.place(maker, order(BTC_PERP, Side::Sell, "3001000", "0.9")).unwrap();
    x.blocks(400);
    assert!(!x.state.health(hedger, Level::Initial).is_sound());
    assert!(x.state.health(hedger, Level::Maintenance).is_sound());
    (x, hedger, maker)
}

#[test]
fn t_17_a_hedged_account_under_initial_margin_moves_both_legs_and_neither_alone() {
    let (mut x, hedger, _) = hedged();
    let now = |order| NewOrder { lifetime: Lifetime::Immediate, ..order };
    let sale = now(order(BTC_SPOT, Side::Sell, "2990000", "0.5"));
    assert_eq!(x.place(hedger, sale), Err(Reject::InsufficientMargin));
    let cover = now(order(BTC_PERP, Side::Buy, "3010000", "0.5"));
    assert_eq!(x.place(hedger, cover), Err(Reject::InsufficientMargin));
    let before = x.state.health(hedger, Level::Maintenance);
    x.send(spread(hedger, unwound(["2990000", "3010000"], "0.5"))).unwrap();
    assert_eq!(x.held(hedger, BTC), amount("0.5"));
    assert_eq!(x.position(hedger, BTC_PERP), qty("-0.5"));
    let after = x.state.health(hedger, Level::Maintenance);
    assert!(after.requirement < before.requirement);
}

/// Both legs free 30 000 of basis and 10 500 for size; 56 000 of the equity would keep the ratio.
#[test]
fn t_17_two_legs_that_close_lose_no_more_than_the_maintenance_margin_they_free() {
    for (bid, passes) in [("2925000", true), ("2912000", false)] {
        let (mut x, hedger, maker) = hedged();
        x.send(user(maker, Command::CancelAll { market: None })).unwrap();
        x.place(maker, order(BTC_SPOT, Side::Buy, bid, "0.5")).unwrap();
        x.place(maker, order(BTC_PERP, Side::Sell, "3000000", "0.5")).unwrap();
        let sent = x.send(spread(hedger, unwound([bid, "3000000"], "0.5")));
        assert_eq!(sent.is_ok(), passes, "{sent:?}");
    }
}

#[test]
fn t_17_the_smaller_book_decides_and_what_is_left_of_both_is_told() {
    let (mut x, hedger, _) = hedged();
    x.send(spread(hedger, unwound(["2990000", "3010000"], "0.8"))).unwrap();
    // 0.6 are bid for in the spot market.
    assert_eq!(x.held(hedger, BTC), amount("0.4"));
    assert_eq!(x.position(hedger, BTC_PERP), qty("-0.4"));
    for market in [BTC_SPOT, BTC_PERP] {
        let (client, reason) = (ClientId(3), Gone::Unfilled);
        let left = Event::Removed { account: hedger, market, client, qty: qty("0.2"), reason };
        assert!(x.events.contains(&left), "{:?}", x.events);
    }
}

#[test]
fn t_17_quantities_keep_their_ratio_in_whole_lots() {
    let mut x = Exchange::new();
    let (a, maker) = (x.user("1000000"), x.user("100000000"));
    x.place(maker, order(BTC_PERP, Side::Sell, "100000", "0.0125")).unwrap();
    x.place(maker, order(SOL_PERP, Side::Buy, "100", "1000")).unwrap();
    // 30 lots to 400 are 10 parts of 3 to 40; 125 lots hold 41 parts of 3, asked are 60 of them.
    let legs =
        [leg(BTC_PERP, Side::Buy, "100000", "0.018"), leg(SOL_PERP, Side::Sell, "100", "24")];
    x.send(spread(a, legs)).unwrap();
    assert_eq!(x.position(a, BTC_PERP), qty("0.0123"));
    assert_eq!(x.position(a, SOL_PERP), qty("-16.4"));
}

#[test]
fn t_17_nothing_trades_where_one_side_of_one_book_is_empty() {
    let (mut x, hedger, maker) = hedged();
    x.send(user(maker, Command::CancelAll { market: Some(BTC_SPOT) })).unwrap();
    x.send(spread(hedger, unwound(["2990000", "3010000"], "0.5"))).unwrap();
    assert!(!x.events.iter().any(|event| matches!(event, Event::Traded { .. })));
    assert_eq!(x.position(hedger, BTC_PERP), qty("-1"));
}

#[test]
fn t_17_a_pair_that_opens_needs_initial_margin_for_what_it_leaves() {
    let mut x = Exchange::new();
    let (a, maker) = (x.user("101000"), x.user("100000000"));
    x.give(maker, BTC, "10");
    x.place(maker, order(BTC_SPOT, Side::Sell, "100000", "1")).unwrap();
    x.place(maker, order(BTC_PERP, Side::Buy, "100000", "1")).unwrap();
    // A hedge needs 4 % and not 20 %, but the fees of both legs as well.
    let legs = |size| {
        [leg(BTC_SPOT, Side::Buy, "100000", size), leg(BTC_PERP, Side::Sell, "100000", size)]
    };
    x.send(spread(a, legs("1"))).unwrap();
    assert_eq!(x.state.health(a, Level::Initial).requirement, amount("4000"));
    let b = x.user("101000");
    x.place(maker, order(BTC_PERP, Side::Buy, "100000", "11")).unwrap();
    x.place(maker, order(SOL_PERP, Side::Sell, "100", "900")).unwrap();
    let naked =
        |size| [leg(BTC_PERP, Side::Sell, "100000", size), leg(SOL_PERP, Side::Buy, "100", "10")];
    assert_eq!(x.send(spread(b, naked("10.5"))), Err(Reject::InsufficientMargin));
    assert_eq!(x.send(spread(b, naked("9.9"))), Ok(()));
}

#[test]
fn t_17_legs_are_of_two_markets_and_opposite_directions_and_meet_nobody_of_their_owner() {
    let (mut x, hedger, maker) = hedged();
    let [sale, cover] = unwound(["2990000", "3010000"], "0.5");
    assert_eq!(x.send(spread(hedger, [cover, cover])), Err(Reject::NoSpread));
    let twice = [Leg { side: Side::Buy, ..sale }, cover];
    assert_eq!(x.send(spread(hedger, twice)), Err(Reject::NoSpread));
    assert_eq!(x.send(spread(maker, [sale, cover])), Err(Reject::OwnOrder));
    let off = Leg { qty: qty("0.00005"), ..cover };
    assert_eq!(x.send(spread(hedger, [sale, off])), Err(Reject::OffLot));
    let lost = Leg { price: price("2600000"), ..sale };
    assert_eq!(x.send(spread(hedger, [lost, cover])), Err(Reject::OutsideBand));
    let unheld = x.user("1000000");
    assert_eq!(x.send(spread(unheld, [sale, cover])), Err(Reject::InsufficientBalance));
}

#[test]
fn t_17_a_leg_that_would_trade_beyond_a_trigger_stops_its_market_and_neither_trades() {
    let mut params = design();
    params.rules.halt = HaltParams::default();
    let mut x = Exchange::of(params);
    x.prices = [None, Some(price("100000")), Some(price("100"))];
    x.blocks(5);
    let (a, maker) = (x.user("1000000"), x.user("100000000"));
    x.place(maker, order(BTC_PERP, Side::Sell, "104000", "0.1")).unwrap();
    x.place(maker, order(BTC_PERP, Side::Sell, "106000", "0.1")).unwrap();
    x.place(maker, order(SOL_PERP, Side::Buy, "100", "900")).unwrap();
    let legs = [leg(BTC_PERP, Side::Buy, "106000", "0.2"), leg(SOL_PERP, Side::Sell, "100", "200")];
    let within = legs.map(|leg| Leg { qty: Qty::from_raw(leg.qty.raw() / 2), ..leg });
    assert_eq!(x.send(spread(a, within)), Ok(()));
    assert_eq!(x.position(a, BTC_PERP), qty("0.1"));
    x.place(maker, order(BTC_PERP, Side::Sell, "104000", "0.1")).unwrap();
    assert_eq!(x.send(spread(a, legs)), Ok(()));
    assert_eq!(x.position(a, BTC_PERP), qty("0.1"));
    assert_eq!(x.position(a, SOL_PERP), qty("-100"));
    let suspended = x.events.iter().filter(|event| match event {
        Event::Removed { account, reason, .. } => (*account, *reason) == (a, Gone::Suspended),
        _ => false,
    });
    assert_eq!(suspended.count(), 2);
    assert!(matches!(x.state.phase(BTC_PERP), Phase::Auction { .. }));
    assert_eq!(x.state.phase(SOL_PERP), Phase::Open);
    assert_eq!(x.send(spread(a, within)), Err(Reject::Halted));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// The naive twin: an account that bears everything sends both legs as two orders.
    #[test]
    fn t_17_both_legs_trade_as_two_orders_of_their_sizes_would(
        bids in prop::collection::vec((0i64..40, 1i64..60), 0..6),
        asks in prop::collection::vec((0i64..40, 1i64..60), 0..6),
        lots in [1i64..120, 1i64..120], limits in [0i64..40, 0i64..40],
    ) {
        let mut x = Exchange::new();
        let (rich, maker) = (x.user("1000000000"), x.user("1000000000"));
        let lot = |lots: i64| money::Qty::from_raw(10_000 * lots);
        let at = |ticks: i64| money::Price::from_raw(10_000_000_000_000 + 10_000_000 * ticks);
        for (away, lots) in bids {
            let order = order(BTC_SPOT, Side::Buy, "1", "1");
            let order = NewOrder { price: at(-away), qty: lot(lots), ..order };
            x.place(maker, order).unwrap();
        }
        for (away, lots) in asks {
            let order = order(BTC_PERP, Side::Sell, "1", "1");
            let order = NewOrder { price: at(away), qty: lot(lots), ..order };
            x.place(maker, order).unwrap();
        }
        x.give(rich, BTC, "10");
        let sale = Leg {
            market: BTC_SPOT, side: Side::Sell, price: at(-limits[0]), qty: lot(lots[0]),
        };
        let cover = Leg {
            market: BTC_PERP, side: Side::Buy, price: at(limits[1]), qty: lot(lots[1]),
        };
        let mut twin = Exchange { state: x.state.clone(), events: Vec::new(), ..Exchange::new() };
        (twin.now, twin.step) = (x.now, x.step);
        x.send(spread(rich, [sale, cover])).unwrap();
        let sold = amount("10") - x.held(rich, BTC);
        let bought = x.position(rich, BTC_PERP).as_amount();
        prop_assert_eq!(sold.raw() * i128::from(lots[1]), bought.raw() * i128::from(lots[0]));
        let whole = |leg: Leg, qty: money::Amount| NewOrder {
            price: leg.price,
            qty: money::Qty::from_raw(i64::try_from(qty.raw()).unwrap()),
            lifetime: Lifetime::Immediate,
            client: ClientId(3),
            ..order(leg.market, leg.side, "1", "1")
        };
        if sold.is_positive() {
            let orders = [whole(sale, sold), whole(cover, bought)];
            twin.run(&orders.map(|order| user(rich, Command::Place(order))));
        } else {
            twin.run(&[]);
        }
        let trades = |x: &Exchange| -> Vec<Event> {
            x.events.iter().filter(|event| matches!(event, Event::Traded { .. })).copied().collect()
        };
        prop_assert_eq!(trades(&x), trades(&twin));
        // One part more would have been too much for one of the books.
        let naive = |x: &Exchange| (x.held(rich, BTC), x.position(rich, BTC_PERP), x.cash(rich));
        prop_assert_eq!(naive(&x), naive(&twin));
    }
}

#[test]
fn t_17_r_7_x_6_a_leg_that_opens_is_charged_for_its_size_and_its_basis() {
    // 50 million of SOL need 10 % and 9.8 % for their size.
    let mut params = crate::futures::with_future(crate::futures::dated(3600));
    params.markets[SOL_PERP.index()].kind =
        Kind::Perpetual(PerpetualParams { position_max: qty("1000000"), ..perpetual() });
    params.markets[SOL_PERP.index()].rules.concentration.slope = Rate::ZERO;
    let mut x = Exchange::started(params);
    let (a, b, maker) = (x.user("5200000"), x.user("1015"), x.user("1000000000"));
    x.place(maker, order(SOL_PERP, Side::Sell, "100", "500000")).unwrap();
    x.place(maker, order(crate::futures::BTC_DATED, Side::Buy, "100000", "1")).unwrap();
    x.place(maker, order(BTC_PERP, Side::Buy, "100000", "1")).unwrap();
    let large =
        [leg(SOL_PERP, Side::Buy, "100", "500000"), leg(BTC_PERP, Side::Sell, "100000", "0.0001")];
    assert_eq!(x.send(spread(a, large)), Err(Reject::InsufficientMargin));
    assert!(x.position(a, SOL_PERP).is_zero());
    // 10 % of 10 000 and 1 of SOL; the future needs 2 % more.
    let future = [
        leg(crate::futures::BTC_DATED, Side::Sell, "100000", "0.1"),
        leg(SOL_PERP, Side::Buy, "100", "0.01"),
    ];
    assert_eq!(x.send(spread(b, future)), Err(Reject::InsufficientMargin));
}
