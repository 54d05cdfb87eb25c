//! What initial margin asks for above the flat rates: size, open interest, deviation, strict
//! prices, backed profit, and the credit between underlyings.

use money::{Amount, Rate, Span};
use protocol::command::*;
use protocol::ids::*;
use protocol::params::*;
use protocol::state::Level;

use crate::exchange::*;

/// BTC at 100 000 and SOL at 100 under the design of the tests with changes.
fn exchange(change: impl Fn(&mut Params)) -> Exchange {
    let mut params = design();
    change(&mut params);
    let mut x = Exchange::of(params);
    x.prices = [None, Some(price("100000")), Some(price("100"))];
    x.run(&[]);
    x
}

/// Margin is flat to 50 000 in a depth of a million.
fn small_flat(params: &mut Params) {
    for market in &mut params.markets {
        (market.rules.envelope.flat, market.rules.envelope.depth_min) =
            (amount("50000"), amount("1000000"));
    }
}

fn needs(x: &Exchange, account: AccountId) -> [String; 2] {
    [Level::Initial, Level::Maintenance]
        .map(|level| x.state.health(account, level).requirement.to_string())
}

#[test]
fn r_7_a_large_position_is_charged_its_impact_at_both_levels() {
    let mut x = exchange(small_flat);
    let (long, other) = (x.user("20000"), x.user("10000000"));
    x.trade(long, other, order(BTC_PERP, Side::Buy, "100000", "0.5"));
    assert_eq!(needs(&x, long), ["5000", "2500"]);
    x.trade(long, other, order(BTC_PERP, Side::Buy, "100000", "0.5"));
    // 0.1 % of 100 000: 2 % for a million, of the 50 000 beyond.
    assert_eq!(needs(&x, long), ["10100", "5100"]);
    // With half a coin more on order 0.2 % of 150 000.
    x.place(long, order(BTC_PERP, Side::Buy, "99000", "0.5")).unwrap();
    assert_eq!(needs(&x, long), ["15300", "5100"]);
}

#[test]
fn r_8_open_interest_raises_initial_margin_from_the_next_block_on() {
    let mut x = exchange(|params| {
        params.markets[BTC_PERP.index()].rules.interest =
            InterestParams { lower: amount("100000"), upper: amount("300000") };
    });
    let (long, other) = (x.user("200000"), x.user("10000000"));
    x.trade(long, other, order(BTC_PERP, Side::Buy, "100000", "1"));
    assert_eq!(needs(&x, long), ["10000", "5000"]);
    x.trade(long, other, order(BTC_PERP, Side::Buy, "100000", "1"));
    // Half way: 10 % + 45 %.
    assert_eq!(needs(&x, long), ["110000", "10000"]);
}

#[test]
fn r_10_a_mark_off_the_index_raises_initial_margin_at_once_and_lowers_it_slowly() {
    let mut x = exchange(|_| {});
    let maker = x.user("10000000");
    x.place(maker, order(BTC_PERP, Side::Buy, "101900", "1")).unwrap();
    x.place(maker, order(BTC_PERP, Side::Sell, "102100", "1")).unwrap();
    x.blocks(600);
    let [initial, maintenance] =
        [Level::Initial, Level::Maintenance].map(|level| x.state.charges(BTC, level).margin);
    assert!(initial > rate("0.15"), "{initial}");
    // Ten minutes of at most a tenth a day.
    assert!(maintenance > rate("0.05") && maintenance < rate("0.0501"), "{maintenance}");
    assert_eq!(x.state.charges(SOL, Level::Initial).margin, rate("0.1"), "the other market");
    x.send(user(maker, Command::CancelAll { market: None })).unwrap();
    x.place(maker, order(BTC_PERP, Side::Buy, "99990", "1")).unwrap();
    x.place(maker, order(BTC_PERP, Side::Sell, "100010", "1")).unwrap();
    x.step = Span::MINUTE;
    x.blocks(200 * 60);
    // Two time constants of 100 h later.
    let back = x.state.charges(BTC, Level::Initial).margin;
    assert!(rate("0.1") < back && back < rate("0.113"), "{back}");
}

#[test]
fn r_11_margin_does_not_feed_a_cascade_in_a_book_that_is_thin_for_the_open_interest() {
    let mut x = exchange(|_| {});
    let (long, maker) = (x.user("1000000"), x.user("10000000"));
    x.trade(long, maker, order(BTC_PERP, Side::Buy, "100000", "3"));
    x.place(maker, order(BTC_PERP, Side::Buy, "101900", "0.1")).unwrap();
    x.place(maker, order(BTC_PERP, Side::Sell, "102000", "0.1")).unwrap();
    x.blocks(600);
    // 300 000 of interest, 10 000 of depth: a branching ratio far above 0.7.
    assert!(x.mark(BTC_PERP) > price("101500"));
    assert_eq!(x.state.charges(BTC, Level::Initial).margin, rate("0.1"));
}

#[test]
fn r_9_profit_counts_for_nothing_while_a_loss_in_its_market_is_not_backed() {
    let mut x = exchange(|_| {});
    let (loser, winner, other) = (x.user("15000"), x.user("100000"), x.user("1000000"));
    x.trade(loser, winner, order(BTC_PERP, Side::Buy, "100000", "1"));
    x.trade(loser, other, order(SOL_PERP, Side::Buy, "100", "1"));
    // Without an index of SOL nothing of the loser is written off.
    x.prices[2] = None;
    x.blocks(61);
    x.prices[1] = Some(price("50000"));
    x.blocks(3);
    assert!(x.equity(loser).is_negative(), "{}", x.equity(loser));
    assert!(x.state.market(BTC_PERP).perpetual.unbacked);
    let counted = |x: &Exchange, level| x.state.health(winner, level).equity - x.cash(winner);
    assert!(counted(&x, Level::Maintenance) > amount("40000"));
    assert!(counted(&x, Level::Initial) <= Amount::ZERO);
    x.prices[2] = Some(price("100"));
    x.blocks(3);
    assert!(!x.state.market(BTC_PERP).perpetual.unbacked, "the loser was deleveraged");
}

#[test]
fn r_14_a_holding_that_has_just_risen_counts_at_its_average_for_new_risk() {
    let mut x = exchange(|_| {});
    let (account, other) = (x.user("50000"), x.user("10000000"));
    x.give(account, BTC, "1");
    x.blocks(300);
    assert_eq!(needs(&x, account), ["20000", "10000"]);
    x.prices[1] = Some(price("120000"));
    x.blocks(30);
    let average = x.state.index_twap(BTC).unwrap();
    assert!(price("101000") < average && average < price("103000"), "{average}");
    let excess = (price("120000") - average).notional(qty("1"), money::Round::Up);
    let needed = |level| x.state.health(account, level).requirement;
    assert_eq!(needed(Level::Initial), amount("24000") + excess);
    assert_eq!(needed(Level::Maintenance), amount("12000"));
    // What a short covers needs no price; 4 % and 2 % of basis.
    x.trade(other, account, order(BTC_PERP, Side::Buy, "120000", "1"));
    assert_eq!(needs(&x, account), ["4800", "2400"]);
    // A price that has fallen counts at once.
    x.prices[1] = Some(price("90000"));
    x.blocks(2);
    assert_eq!(needs(&x, account), ["3600", "1800"]);
}

#[test]
fn r_15_a_large_holding_is_charged_its_impact_for_new_risk() {
    let mut x = exchange(small_flat);
    let account = x.user("50000");
    x.give(account, BTC, "1");
    assert_eq!(needs(&x, account), ["20100", "10000"]);
}

#[test]
fn r_13_opposite_positions_in_two_assets_are_credited_where_the_design_says_so() {
    for (offsets, expected) in [
        (vec![], ["20000", "10000"]),
        // 80 % of 10 − 4 % of each moves with the market, and half of that tie may break.
        (vec![Rate::ZERO, rate("0.8"), rate("0.8")], ["15200", "7600"]),
    ] {
        let mut x = exchange(|params| params.rules.scenarios.offsets = offsets.clone());
        let (account, other) = (x.user("50000"), x.user("10000000"));
        x.trade(account, other, order(BTC_PERP, Side::Buy, "100000", "1"));
        x.trade(other, account, order(SOL_PERP, Side::Buy, "100", "1000"));
        assert_eq!(needs(&x, account), expected);
        // The part of a hedge that an open order may close is credited no longer.
        x.place(account, order(SOL_PERP, Side::Buy, "99", "500")).unwrap();
        let initial = x.state.health(account, Level::Initial).requirement;
        assert!(initial >= amount(expected[0]), "{initial}");
    }
}
