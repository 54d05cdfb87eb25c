//! Options in the margin of an account, with what hedges them (sections K and S).

use money::{Amount, Rate, Span};
use protocol::command::*;
use protocol::event::{Event, OptionEvent};
use protocol::ids::*;
use protocol::option::Contract;
use protocol::params::{Kind, OptionParams};
use protocol::reject::Reject;
use protocol::state::Level;

use super::floor::*;
use crate::exchange::*;

const CALL: OptionKind = OptionKind::Call;
const PUT: OptionKind = OptionKind::Put;

#[test]
fn s_5_a_covered_call_and_a_protected_future_need_less_than_their_parts() {
    let mut floor = Floor::new();
    let maker = floor.x.user("10000000");
    let accounts = ["call", "coin", "both"].map(|_| floor.x.user("100000"));
    let month = floor.series(5, "110000", CALL);
    let put = floor.series(5, "90000", PUT);
    for account in [accounts[1], accounts[2]] {
        floor.x.give(account, BTC, "1");
    }
    let price_of = floor.about(month);
    for account in [accounts[0], accounts[2]] {
        floor.trade(maker, account, option(month, Side::Buy, &price_of, "1"));
    }
    for level in [Level::Initial, Level::Maintenance] {
        let [call, coin, both] = accounts.map(|account| floor.requirement(account, level));
        assert!(call.is_positive() && coin.is_positive());
        let half = Amount::from_raw(call.raw() / 2);
        assert!(both < coin + half, "{level:?}: {both} of {call} and {coin}");
    }
    // A long perpetual with a put below it.
    let [bare, hedged] = ["bare", "hedged"].map(|_| floor.x.user("100000"));
    let at = order(BTC_PERP, Side::Buy, "100000", "1");
    for account in [bare, hedged] {
        floor.x.trade(account, maker, at);
    }
    let price_of = floor.about(put);
    floor.trade(hedged, maker, option(put, Side::Buy, &price_of, "1"));
    let [bare, hedged] = [bare, hedged].map(|account| floor.requirement(account, Level::Initial));
    let alone = amount(&price_of);
    assert!(hedged < bare + alone, "{hedged} of {bare} and a put of {alone}");
}

#[test]
fn s_6_orders_count_in_the_scenarios_in_which_they_lose() {
    let mut floor = Floor::new();
    let (a, b) = (floor.x.user("12000"), floor.x.user("1000000"));
    let (low, high) = (floor.series(5, "100000", CALL), floor.series(5, "110000", CALL));
    let [low_price, high_price] = [low, high].map(|series| floor.about(series));
    let sell = option(high, Side::Sell, &high_price, "1");
    assert_eq!(floor.place(a, sell), Err(Reject::InsufficientMargin), "a naked short");
    floor.trade(a, b, option(low, Side::Buy, &low_price, "1"));
    let before = floor.requirement(a, Level::Initial);
    let close = option(low, Side::Sell, "7000", "1");
    let order = floor.rest(a, close);
    // Fees of 2 bp, a unit a lot and eight for the roundings; else an order that closes is free,
    // and a block has passed.
    let fees = floor.requirement(a, Level::Initial) - before;
    assert!(amount("19.99") <= fees && fees < amount("20.01"), "{fees}");
    assert_eq!(floor.place(a, sell), Err(Reject::InsufficientMargin), "both may fill");
    floor.send(user(a, Command::CancelOption { series: low, order })).unwrap();
    assert_eq!(floor.place(a, sell), Ok(()), "the other leg covers it");
    assert_eq!(floor.place(a, close), Err(Reject::InsufficientMargin), "it would uncover it");
}

#[test]
fn r_17_orders_for_options_that_cannot_be_borne_any_more_are_cancelled() {
    let mut floor = Floor::new();
    let a = floor.x.user("30000");
    let month = floor.series(5, "100000", CALL);
    floor.rest(a, option(month, Side::Sell, "8000", "1"));
    floor.x.prices[1] = Some(price("125000"));
    floor.run(&[]);
    let gone = |event: &Event| matches!(event, Event::Option(OptionEvent::Removed { .. }));
    assert_eq!((floor.count(gone), floor.leg(a, month).orders), (1, 0));
}

#[test]
fn r_16_an_account_under_initial_margin_may_close_options() {
    let mut floor = Floor::new();
    let (a, b) = (floor.x.user("22000"), floor.x.user("1000000"));
    let month = floor.series(5, "100000", CALL);
    let price_of = floor.about(month);
    floor.trade(b, a, option(month, Side::Buy, &price_of, "1"));
    floor.x.prices[1] = Some(price("106000"));
    floor.run(&[]);
    let health = |level| floor.x.state.health(a, level);
    let levels = [Level::Initial, Level::Maintenance].map(health);
    assert!(!levels[0].is_sound() && levels[1].is_sound(), "{levels:?}");
    let price_of = floor.about(month);
    floor.rest(b, option(month, Side::Sell, &price_of, "0.5"));
    let more = option(month, Side::Sell, &price_of, "0.01");
    assert_eq!(floor.place(a, more), Err(Reject::InsufficientMargin));
    let close =
        OptionOrder { lifetime: Lifetime::Immediate, ..option(month, Side::Buy, &price_of, "0.5") };
    assert_eq!(floor.place(a, close), Ok(()));
    assert_eq!(floor.position(a, month), qty("-0.5"));
}

#[test]
fn v_7_an_old_surface_widens_the_margin() {
    let mut floor = Floor::new();
    let (a, b) = (floor.x.user("1000000"), floor.x.user("1000000"));
    let month = floor.series(5, "100000", CALL);
    floor.trade(a, b, option(month, Side::Buy, "5700", "1"));
    let fresh = floor.requirement(b, Level::Maintenance);
    floor.volatility = None;
    floor.x.step = Span::MINUTE.times(30);
    floor.run(&[]);
    let old = floor.requirement(b, Level::Maintenance);
    assert!(old > fresh, "{old} after {fresh}");
}

#[test]
fn k_5_a_long_option_is_worth_its_mark_rounded_down_and_a_short_owes_it_rounded_up() {
    let mut floor = Floor::new();
    let (a, b) = (floor.x.user("1000000"), floor.x.user("1000000"));
    let month = floor.series(5, "100000", CALL);
    floor.trade(a, b, option(month, Side::Buy, "5700", "0.33"));
    let worth = |account| floor.x.equity(account) - floor.x.cash(account);
    let mark = floor.mark(month);
    assert_eq!(worth(a), mark.notional(qty("0.33"), money::Round::Down));
    assert_eq!(worth(b), -mark.notional(qty("0.33"), money::Round::Up));
    let sum: Amount = [a, b].map(worth).into_iter().sum();
    assert!(sum <= Amount::ZERO && sum >= Amount::from_raw(-1));
}

#[test]
fn s_7_options_on_assets_that_move_alike_earn_a_credit() {
    let with = |offsets: Vec<Rate>| {
        let mut params = design_with_options();
        params.rules.options.push(OptionParams::new(SOL, price("0.01"), qty("1")));
        params.rules.scenarios.offsets = offsets;
        let mut floor = Floor::of(params);
        let (a, b) = (floor.x.user("1000000"), floor.x.user("1000000"));
        let bitcoin = floor.series(5, "100000", CALL);
        let solana = &floor.x.state.chains()[1];
        let expiry = solana.expiries[5].time;
        let contract = Contract { expiry, strike: price("100"), kind: CALL };
        let solana = solana.find(contract).unwrap().id;
        let price_of = floor.about(bitcoin);
        floor.trade(a, b, option(bitcoin, Side::Buy, &price_of, "1"));
        floor.trade(b, a, option(solana, Side::Buy, "5.8", "1000"));
        let levels = [Level::Initial, Level::Maintenance];
        levels.map(|level| floor.requirement(a, level))
    };
    let (apart, alike) = (with(Vec::new()), with(vec![Rate::ZERO, rate("0.5"), rate("0.5")]));
    for (apart, alike) in apart.into_iter().zip(alike) {
        assert!(alike < apart && alike.is_positive(), "{alike} of {apart}");
    }
}

#[test]
fn s_6_an_ask_that_rests_needs_no_less_than_the_short_that_it_becomes() {
    let mut floor = Floor::new();
    let (a, b) = (floor.x.user("1000000"), floor.x.user("1000000"));
    let month = floor.series(5, "100000", CALL);
    let ask = option(month, Side::Sell, "6000", "1");
    floor.rest(a, ask);
    let before = floor.requirement(a, Level::Initial);
    let take = OptionOrder { side: Side::Buy, lifetime: Lifetime::Immediate, ..ask };
    floor.place(b, take).unwrap();
    assert_eq!(floor.position(a, month), qty("-1"));
    let after = floor.requirement(a, Level::Initial);
    assert!(after <= before && after > amount("2000"), "{before}, then {after}");
}

/// A holding is charged 50 %, its worst scenario is 13.86 %: a sale frees it of the rest, and a
/// purchase hedges the puts.
#[test]
fn r_2_with_options_orders_on_both_sides_need_no_less_than_none() {
    let mut params = design_with_options();
    params.rules.options[0].scan.range = rate("0.05");
    let asset = &mut params.assets[BTC.index()];
    (asset.haircut_initial, asset.basis_initial) = (rate("0.5"), rate("0.02"));
    for market in &mut params.markets {
        if let Kind::Perpetual(perpetual) = &mut market.kind {
            perpetual.margin_initial = rate("0.08");
        }
    }
    let mut floor = Floor::of(params);
    let (a, b) = (floor.x.user("1000000"), floor.x.user("1000000"));
    floor.x.give(a, BTC, "1");
    let put = floor.series(5, "110000", PUT);
    let price_of = floor.about(put);
    floor.trade(a, b, option(put, Side::Buy, &price_of, "10"));
    let before = floor.requirement(a, Level::Initial);
    let place = |side, at| user(a, Command::Place(order(BTC_PERP, side, at, "0.5")));
    floor.run(&[place(Side::Buy, "95000"), place(Side::Sell, "105000")]);
    assert_eq!(floor.x.state.market(BTC_PERP).entry(a).orders, 2);
    let after = floor.requirement(a, Level::Initial);
    // But for what a second of time is worth.
    assert!(before - after < amount("0.01"), "{before}, then {after}");
}
