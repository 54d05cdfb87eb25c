//! Orders for options and what they trade at (rules K-3 to K-6).

use money::{Amount, Price, Rate, Span};
use protocol::command::*;
use protocol::event::{Event, Gone, OptionEvent};
use protocol::ids::*;
use protocol::ledger::Holder;
use protocol::reject::Reject;

use super::floor::*;
use crate::exchange::*;

const CALL: OptionKind = OptionKind::Call;

#[test]
fn k_4_the_premium_is_paid_at_once_and_fees_are_capped_by_it() {
    let mut floor = Floor::new();
    let (a, b) = (floor.x.user("100000"), floor.x.user("100000"));
    let month = floor.series(5, "100000", CALL);
    // About 5 800 for 29 days at 50 %.
    let mark = floor.mark(month);
    assert!(price("5500") < mark && mark < price("6000"), "{mark}");
    floor.trade(a, b, option(month, Side::Buy, "5700", "0.3"));
    assert_eq!(floor.position(a, month), qty("0.3"));
    assert_eq!(floor.position(b, month), qty("-0.3"));
    // Premium 1 710; notional 30 000: the taker pays 9, the maker 6.
    assert_eq!(floor.x.cash(a).to_string(), "98281");
    assert_eq!(floor.x.cash(b).to_string(), "101704");
    assert_eq!(floor.x.balance(Holder::Fees).to_string(), "15");
    let chain = &floor.x.state.chains()[0];
    assert_eq!(chain.series(month).unwrap().open_interest, qty("0.3"));
    // The cap: 12.5 % of a premium of 1 for a tenth, 0.0125 each.
    let day = floor.series(0, "110000", CALL);
    floor.trade(a, b, option(day, Side::Buy, "1", "0.1"));
    assert_eq!(floor.x.balance(Holder::Fees).to_string(), "15.025");
}

#[test]
fn k_4_fees_round_up() {
    let mut floor = Floor::new();
    floor.x.prices[1] = Some(price("100000.00000001"));
    let (a, b) = (floor.x.user("100000"), floor.x.user("100000"));
    let month = floor.series(5, "100000", CALL);
    floor.trade(a, b, option(month, Side::Buy, "5700", "0.01"));
    // 1 000.0000000001 → 1 000.00000001 of notional, of which 0.3 and 0.2.
    assert_eq!(floor.x.balance(Holder::Fees).to_string(), "0.50000002");
}

#[test]
fn k_3_an_order_rests_fills_and_is_cancelled() {
    let mut floor = Floor::new();
    let (a, b) = (floor.x.user("1000000"), floor.x.user("1000000"));
    let month = floor.series(5, "100000", CALL);
    let put = floor.series(5, "100000", OptionKind::Put);
    let order = floor.rest(a, option(month, Side::Sell, "5900", "1"));
    floor.rest(a, option(put, Side::Sell, "5900", "1"));
    assert_eq!((floor.leg(a, month).ask_lots, floor.leg(a, month).orders), (100, 1));
    let post =
        OptionOrder { lifetime: Lifetime::PostOnly, ..option(month, Side::Buy, "5900", "1") };
    assert_eq!(floor.place(b, post), Err(Reject::WouldTrade));
    let take = OptionOrder { lifetime: Lifetime::Immediate, qty: qty("0.4"), ..post };
    floor.place(b, take).unwrap();
    assert_eq!((floor.leg(a, month).ask_lots, floor.position(a, month)), (60, qty("-0.4")));
    let cancel = |series| Command::CancelOption { series, order };
    assert_eq!(floor.send(user(b, cancel(month))), Err(Reject::UnknownOrder));
    floor.send(user(a, cancel(month))).unwrap();
    assert_eq!(floor.leg(a, month).orders, 0);
    floor.send(user(a, Command::CancelAll { market: None })).unwrap();
    let gone = |event: &Event| {
        matches!(event, Event::Option(OptionEvent::Removed { reason: Gone::Cancelled, .. }))
    };
    assert_eq!((floor.count(gone), floor.leg(a, put)), (1, protocol::option::Leg::new(put)));
    floor.rest(a, option(put, Side::Sell, "5900", "1"));
    let all = Command::CancelAllOptions { chain: Some(CHAIN) };
    floor.send(user(a, all)).unwrap();
    assert_eq!(floor.count(gone), 1);
}

#[test]
fn k_3_a_dead_man_switch_cancels_orders_for_options_as_well() {
    let mut floor = Floor::new();
    let a = floor.x.user("1000000");
    let month = floor.series(5, "100000", CALL);
    floor.rest(a, option(month, Side::Sell, "5900", "1"));
    let at = Some(floor.x.now.after(Span::from_secs(10)));
    floor.send(user(a, Command::ScheduleCancel { at })).unwrap();
    assert_eq!(floor.leg(a, month).orders, 1);
    floor.x.step = Span::from_secs(11);
    floor.run(&[]);
    assert_eq!(floor.leg(a, month).orders, 0);
}

#[test]
fn k_3_reduce_only_orders_give_way_to_the_position() {
    let mut floor = Floor::new();
    let (a, b) = (floor.x.user("1000000"), floor.x.user("1000000"));
    let month = floor.series(5, "100000", CALL);
    let wish = OptionOrder { reduce_only: true, ..option(month, Side::Sell, "5900", "1") };
    assert_eq!(floor.place(a, wish), Err(Reject::NothingToReduce));
    floor.trade(a, b, option(month, Side::Buy, "5700", "1"));
    floor.rest(a, wish);
    assert_eq!(floor.place(a, wish), Err(Reject::NothingToReduce), "what rests covers all");
    // Sold otherwise: the resting order has nothing left to reduce.
    let bid = option(month, Side::Buy, "5650", "0.5");
    floor.rest(b, bid);
    let sell =
        OptionOrder { lifetime: Lifetime::Immediate, ..option(month, Side::Sell, "5650", "0.5") };
    floor.place(a, sell).unwrap();
    let gone = |event: &Event| {
        matches!(
            event,
            Event::Option(OptionEvent::Removed { reason: Gone::NothingLeftToReduce, .. })
        )
    };
    assert_eq!((floor.count(gone), floor.position(a, month)), (1, qty("0.5")));
    // An immediate one is cut to the position.
    floor.rest(b, option(month, Side::Buy, "5650", "2"));
    let sell = OptionOrder { reduce_only: true, qty: qty("2"), ..sell };
    floor.place(a, sell).unwrap();
    assert_eq!(floor.position(a, month), qty("0"));
}

#[test]
fn k_3_nobody_trades_with_themselves_or_their_family() {
    let mut floor = Floor::new();
    let (a, b) = (floor.x.user("1000000"), floor.x.user("1000000"));
    floor.send(user(a, Command::OpenSubAccount)).unwrap();
    let sub = AccountId(2);
    floor.x.give(sub, QUOTE, "1000000");
    let month = floor.series(5, "100000", CALL);
    floor.rest(a, option(month, Side::Sell, "5900", "1"));
    let bid = option(month, Side::Buy, "5900", "1");
    assert_eq!(floor.place(sub, bid), Err(Reject::OwnOrder));
    for (self_trade, left) in [(SelfTrade::CancelTaker, 1), (SelfTrade::CancelMaker, 0)] {
        let wish = OptionOrder { self_trade, lifetime: Lifetime::Immediate, ..bid };
        floor.place(a, wish).unwrap();
        let gone = |event: &Event| matches!(event, Event::Option(OptionEvent::Removed { .. }));
        assert!(floor.count(gone) > 0 && floor.leg(a, month).orders == left);
    }
    floor.rest(b, option(month, Side::Sell, "5900", "1"));
    floor.place(sub, bid).unwrap();
    assert_eq!(floor.position(sub, month), qty("1"));
}

#[test]
fn every_reason_about_options_can_be_reached_in_order() {
    let mut params = design_with_options();
    params.rules.options[0].position_max = qty("50");
    let mut floor = Floor::of(params);
    let (a, b) = (floor.x.user("20000"), floor.x.user("1000000"));
    let month = floor.series(5, "100000", CALL);
    floor.rest(b, option(month, Side::Sell, "5900", "1"));
    let bid = option(month, Side::Buy, "10", "0.01");
    for _ in 0..8 {
        floor.rest(a, bid);
    }
    let mut wish = OptionOrder {
        price: Price::from_raw(-1),
        lifetime: Lifetime::PostOnly,
        reduce_only: true,
        ..option(SeriesId(9_999), Side::Buy, "1", "1")
    };
    let mut seen = Vec::new();
    let mut refuse = |floor: &mut Floor, account, wish| {
        seen.push(floor.place(account, wish).expect_err("still at fault"));
    };
    refuse(&mut floor, AccountId(99), wish);
    refuse(&mut floor, a, wish);
    wish.series = month;
    refuse(&mut floor, a, wish);
    (wish.price, wish.qty) = (price("99999.5"), qty("0.001"));
    refuse(&mut floor, a, wish);
    wish.price = price("99999");
    refuse(&mut floor, a, wish);
    wish.qty = qty("20000000000");
    refuse(&mut floor, a, wish);
    wish.qty = qty("100");
    // Silence: the index is too old, then the surface.
    let prices = floor.x.prices;
    (floor.x.prices, floor.x.step) = ([None; 3], Span::from_secs(70));
    refuse(&mut floor, a, wish);
    (floor.x.prices, floor.x.step) = (prices, Span::SECOND);
    refuse(&mut floor, a, wish);
    wish.price = price("5900");
    refuse(&mut floor, a, wish);
    floor.send(user(a, Command::CancelAllOptions { chain: None })).unwrap();
    refuse(&mut floor, a, wish);
    wish.reduce_only = false;
    refuse(&mut floor, a, wish);
    wish.lifetime = Lifetime::Resting;
    refuse(&mut floor, a, wish);
    wish.qty = qty("49");
    refuse(&mut floor, a, wish);
    let expected = [
        Reject::UnknownAccount,
        Reject::UnknownSeries,
        Reject::NotPositive,
        Reject::OffTick,
        Reject::OffLot,
        Reject::Overflow,
        Reject::StaleIndex,
        Reject::OutsideBand,
        Reject::TooManyOrders,
        Reject::NothingToReduce,
        Reject::WouldTrade,
        Reject::PositionLimit,
        Reject::InsufficientMargin,
    ];
    assert_eq!(seen, expected);
    wish.qty = qty("1");
    assert_eq!(floor.place(a, wish), Ok(()));
}

#[test]
fn nobody_cancels_what_is_not_there_or_publishes_without_being_a_publisher() {
    let mut floor = Floor::new();
    let a = floor.x.user("20000");
    let cancel = Command::CancelAllOptions { chain: Some(ChainId(1)) };
    assert_eq!(floor.send(user(a, cancel)), Err(Reject::UnknownChain));
    let cancel = Command::CancelOption { series: SeriesId(9_999), order: OrderId(0) };
    assert_eq!(floor.send(user(a, cancel)), Err(Reject::UnknownSeries));
    let vote = SurfaceVote { chain: CHAIN, vote: floor.vote(0.5) };
    let publish = Command::PublishSurface(Box::new(vote));
    assert_eq!(floor.send(user(a, publish)), Err(Reject::NotAllowed));
}

#[test]
fn k_6_an_old_surface_serves_what_closes_and_nothing_else() {
    let mut floor = Floor::new();
    let (a, b) = (floor.x.user("1000000"), floor.x.user("1000000"));
    let month = floor.series(5, "100000", CALL);
    floor.trade(a, b, option(month, Side::Buy, "5700", "1"));
    floor.volatility = None;
    floor.x.step = Span::MINUTE.times(31);
    floor.run(&[]);
    floor.x.step = Span::SECOND;
    floor.run(&[]);
    let bid = option(month, Side::Buy, "5000", "0.1");
    assert_eq!(floor.place(a, bid), Err(Reject::NoSurface));
    assert_eq!(floor.place(b, bid), Ok(()), "it closes a part of the short");
    assert_eq!(floor.x.withdraw(b, QUOTE, "1"), Err(Reject::NoSurface));
    floor.volatility = Some(0.5);
    assert_eq!(floor.place(a, option(month, Side::Buy, "4000", "0.1")), Ok(()));
    assert_eq!(floor.x.withdraw(b, QUOTE, "1"), Ok(()));
}

#[test]
fn v_1_v_2_each_fault_of_a_surface_is_named() {
    let mut floor = Floor::new();
    floor.volatility = None;
    let good = floor.vote(0.5);
    let send = |floor: &mut Floor, change: &dyn Fn(&mut protocol::surface::Vote)| {
        let mut vote = floor.vote(0.5);
        change(&mut vote);
        floor.send(surface_message(0, vote))
    };
    assert_eq!(floor.send(surface_message(9, good.clone())), Err(Reject::UnknownPublisher));
    let other = SurfaceVote { chain: ChainId(3), vote: good.clone() };
    let other = Message {
        sender: Sender::Publisher(PublisherId(0)),
        command: Command::PublishSurface(Box::new(other)),
    };
    assert_eq!(floor.send(other), Err(Reject::UnknownChain));
    let future = |vote: &mut protocol::surface::Vote| {
        vote.source_time = vote.source_time.after(Span::SECOND);
    };
    assert_eq!(send(&mut floor, &future), Err(Reject::BadVote));
    assert_eq!(send(&mut floor, &|vote| vote.slices.clear()), Err(Reject::BadSurface));
    assert_eq!(send(&mut floor, &|vote| vote.slices.swap(0, 1)), Err(Reject::BadSurface));
    assert_eq!(send(&mut floor, &|vote| vote.slices.truncate(7)), Err(Reject::MissingExpiry));
    assert_eq!(
        send(&mut floor, &|vote| vote.slices[0].basis = Rate::ONE),
        Err(Reject::SurfaceRange)
    );
    assert_eq!(send(&mut floor, &|vote| vote.slices[2].a = rate("4")), Err(Reject::Calendar));
    let kink = |vote: &mut protocol::surface::Vote| {
        for slice in &mut vote.slices {
            (slice.b, slice.sigma, slice.a) = (rate("0.6"), rate("0.01"), rate("0.01"));
        }
    };
    assert_eq!(send(&mut floor, &kink), Err(Reject::Butterfly));
    let accepted = send(&mut floor, &|_| ());
    assert_eq!(accepted, Ok(()));
    let again = floor.vote(0.5);
    floor.send(surface_message(0, again.clone())).unwrap();
    assert_eq!(floor.send(surface_message(0, again)), Err(Reject::BadVote), "not newer");
}

#[test]
fn v_3_v_4_the_surface_of_a_quorum_is_in_force_and_a_jump_needs_three_blocks() {
    let mut floor = Floor::new();
    let month = floor.series(5, "100000", CALL);
    let before = floor.mark(month);
    floor.volatility = Some(0.52);
    floor.run(&[]);
    let accepted =
        |event: &Event| matches!(event, Event::Option(OptionEvent::SurfaceAccepted { .. }));
    assert_eq!(floor.count(accepted), 1);
    assert!(floor.mark(month) > before);
    let steady = floor.mark(month);
    floor.volatility = Some(0.8);
    for _ in 0..2 {
        floor.run(&[]);
        assert_eq!(floor.count(accepted), 0);
        assert!((floor.mark(month) - steady).abs() < price("1"));
    }
    floor.run(&[]);
    assert_eq!(floor.count(accepted), 1);
    assert!(floor.mark(month) > steady);
    // Sixty of a hundred are no quorum.
    floor.volatility = None;
    floor.x.step = Span::MINUTE.times(3);
    let some = [floor.surface(1, 0.9), floor.surface(2, 0.9)];
    floor.x.run(&some);
    assert_eq!(floor.count(accepted), 0);
}

#[test]
fn k_4_a_premium_lies_within_its_band_around_the_mark() {
    let mut floor = Floor::new();
    let a = floor.x.user("1000000");
    let month = floor.series(5, "140000", CALL);
    let mark: i64 = floor.about(month).parse().unwrap();
    let at = |price: i64| price.to_string();
    // 5 % of the index: 5 000.
    let far = option(month, Side::Buy, &at(mark + 5_001), "0.01");
    assert_eq!(floor.place(a, far), Err(Reject::OutsideBand));
    assert_eq!(floor.place(a, option(month, Side::Buy, &at(mark + 5_000), "0.01")), Ok(()));
    let deep = floor.series(5, "70000", CALL);
    let mark: i64 = floor.about(deep).parse().unwrap();
    let far = option(deep, Side::Sell, &at(mark - 5_001), "0.01");
    assert_eq!(floor.place(a, far), Err(Reject::OutsideBand));
    assert_eq!(floor.place(a, option(deep, Side::Sell, &at(mark - 4_999), "0.01")), Ok(()));
}

#[test]
fn k_10_the_premium_needs_money_and_a_short_needs_margin() {
    let mut floor = Floor::new();
    let (a, b) = (floor.x.user("5000"), floor.x.user("1000000"));
    let month = floor.series(5, "100000", CALL);
    floor.rest(b, option(month, Side::Sell, "5700", "2"));
    let buy =
        OptionOrder { lifetime: Lifetime::Immediate, ..option(month, Side::Buy, "5700", "1") };
    // With a fee of 30 it is 5 730, and the mark may fall by nearly all of it.
    assert_eq!(floor.place(a, buy), Err(Reject::InsufficientMargin));
    floor.x.give(a, QUOTE, "730");
    floor.place(a, buy).unwrap();
    assert_eq!(floor.x.cash(a), Amount::ZERO);
    let more = OptionOrder { qty: qty("0.5"), ..buy };
    assert_eq!(floor.place(a, more), Err(Reject::InsufficientMargin));
    let sell = option(month, Side::Sell, "5800", "1");
    assert_eq!(floor.place(a, sell), Ok(()), "it closes the long");
    let c = floor.x.user("10000");
    assert_eq!(floor.place(c, sell), Err(Reject::InsufficientMargin));
    floor.x.give(c, QUOTE, "30000");
    assert_eq!(floor.place(c, sell), Ok(()));
    assert_eq!(floor.x.withdraw(c, QUOTE, "30000"), Err(Reject::InsufficientMargin));
}

#[test]
fn k_10_what_a_bid_pays_above_the_mark_is_counted_at_once() {
    let mut floor = Floor::new();
    let a = floor.x.user("7000");
    let month = floor.series(5, "100000", CALL);
    // The mark is below 6 000, and all of it may be lost: 3 000 more are not there.
    let beyond = option(month, Side::Buy, "9000", "1");
    assert_eq!(floor.place(a, beyond), Err(Reject::InsufficientMargin));
    let post = OptionOrder { lifetime: Lifetime::PostOnly, ..beyond };
    assert_eq!(floor.place(a, post), Err(Reject::InsufficientMargin));
    floor.rest(a, option(month, Side::Buy, "5700", "1"));
}

#[test]
fn t_8_open_orders_for_options_count_towards_the_largest_position() {
    let mut params = design_with_options();
    params.rules.options[0].position_max = qty("50");
    let mut floor = Floor::of(params);
    let a = floor.x.user("1000000");
    let month = floor.series(5, "100000", CALL);
    floor.rest(a, option(month, Side::Buy, "10", "30"));
    let more = option(month, Side::Buy, "10", "20.01");
    assert_eq!(floor.place(a, more), Err(Reject::PositionLimit));
    floor.rest(a, option(month, Side::Buy, "10", "20"));
}

#[test]
fn k_3_an_account_has_at_most_1024_orders_for_options_on_an_asset() {
    let mut floor = Floor::new();
    let a = floor.x.user("1000000");
    let series: Vec<SeriesId> =
        floor.x.state.chains()[0].series.iter().map(|series| series.id).collect();
    let bid = |series| user(a, Command::PlaceOption(option(series, Side::Buy, "1", "0.01")));
    let bids: Vec<Message> = series[..128].iter().flat_map(|id| vec![bid(*id); 8]).collect();
    floor.run(&bids);
    assert_eq!(floor.x.state.chains()[0].open_orders(a), 1024);
    assert_eq!(floor.send(bid(series[128])), Err(Reject::TooManyOrders));
    floor.send(user(a, Command::CancelAllOptions { chain: Some(CHAIN) })).unwrap();
    assert_eq!(floor.send(bid(series[128])), Ok(()));
}
