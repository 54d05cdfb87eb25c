//! Rules: whoever is left alone would not have been touched by a look. In these
//! scenarios one thing alone brings an account under its margin, and I-9 sees in every block that
//! nobody is overlooked.

use money::{Price, Rate, Span};
use protocol::command::*;
use protocol::engine::apply;
use protocol::event::Event;
use protocol::ids::*;
use protocol::params::*;
use protocol::state::Level;

use crate::exchange::*;
use crate::machine::SplitMix;

fn is_sound(x: &Exchange, account: AccountId) -> bool {
    x.state.health(account, Level::Maintenance).is_sound()
}

fn started(x: &Exchange, who: AccountId) -> bool {
    x.events
        .iter()
        .any(|event| matches!(event, Event::LiquidationStarted { account, .. } if *account == who))
}

/// Runs until an account is liquidated, and says whether the block before had left it sound.
fn liquidated(x: &mut Exchange, account: AccountId, blocks: u32) -> Option<bool> {
    (0..blocks).find_map(|_| {
        let sound = is_sound(x, account);
        x.run(&[]);
        started(x, account).then_some(sound)
    })
}

#[test]
fn r_5_funding_alone_brings_an_account_to_be_looked_at() {
    let mut params = design();
    let funding =
        FundingRule::Anchored { anchor: Span::HOUR, carry: rate("0.08"), cap: rate("0.1") };
    params.markets[BTC_PERP.index()].kind =
        Kind::Perpetual(PerpetualParams { funding, ..perpetual() });
    let mut x = Exchange::of(params);
    x.prices = [None, Some(price("100000")), Some(price("100"))];
    x.blocks(1);
    let (long, short) = (x.user("10100"), x.user("1000000"));
    x.trade(long, short, order(BTC_PERP, Side::Buy, "100000", "1"));
    x.step = Span::from_secs(20);
    // One percent an hour, of a surplus of five.
    assert_eq!(liquidated(&mut x, long, 1000), Some(true), "in the block that made it unsound");
    assert_eq!(x.mark(BTC_PERP), price("100000"));
}

/// Somebody who is short SOL with a margin of 90 %, next to a rich maker of BTC-SPOT.
fn spot_trader(cash: &str, held: &str, short: &str) -> (Exchange, AccountId) {
    let mut params = design();
    let btc = &mut params.assets[BTC.index()];
    (btc.haircut_initial, btc.haircut_maintenance) = (Rate::ZERO, Rate::ZERO);
    (btc.basis_initial, btc.basis_maintenance) = (Rate::ZERO, Rate::ZERO);
    let (margin_initial, margin_maintenance) = (rate("0.91"), rate("0.9"));
    let position_max = qty("2000");
    let perpetual =
        PerpetualParams { margin_initial, margin_maintenance, position_max, ..perpetual() };
    params.markets[SOL_PERP.index()].kind = Kind::Perpetual(perpetual);
    let mut x = Exchange::of(params);
    x.prices = [None, Some(price("100000")), Some(price("100"))];
    x.blocks(1);
    let (trader, maker) = (x.user(cash), x.user("10000000"));
    x.give(maker, BTC, "10");
    if held != "0" {
        x.give(trader, BTC, held);
    }
    x.trade(maker, trader, order(SOL_PERP, Side::Buy, "100", short));
    x.place(maker, order(BTC_SPOT, Side::Buy, "91000", "1")).unwrap();
    x.place(maker, order(BTC_SPOT, Side::Sell, "109000", "1")).unwrap();
    // The last trade no longer counts in the mark.
    x.blocks(100);
    (x, trader)
}

/// A spot trade at the edge of the band that leaves next to nothing above maintenance.
fn trades_and_falls(cash: &str, held: &str, short: &str, at: (Side, &str), sol: &str) {
    let (mut x, trader) = spot_trader(cash, held, short);
    let order = NewOrder { lifetime: Lifetime::Immediate, ..order(BTC_SPOT, at.0, at.1, "1") };
    x.place(trader, order).unwrap();
    assert!(x.events.iter().any(|event| matches!(event, Event::Traded { .. })));
    assert!(is_sound(&x, trader));
    x.prices[2] = Some(price(sol));
    assert!(liquidated(&mut x, trader, 500).is_some());
}

#[test]
fn r_5_who_bought_spot_is_looked_at_by_what_is_left() {
    trades_and_falls("110000", "0", "1100", (Side::Buy, "109000"), "101.2");
}

#[test]
fn r_5_who_sold_spot_is_looked_at_by_what_is_left() {
    trades_and_falls("1000", "1", "990", (Side::Sell, "91000"), "101.8");
}

/// With a depth of one quote unit the charge for size has no bound without a division.
fn unbounded() -> (Exchange, AccountId) {
    let mut params = design();
    let envelope = &mut params.markets[SOL_PERP.index()].rules.envelope;
    (envelope.depth_min, envelope.flat) = (amount("1"), amount("0.01"));
    let mut x = Exchange::of(params);
    x.prices = [None, Some(price("100000")), Some(price("100"))];
    x.blocks(1);
    let short = x.user("10700");
    (x, short)
}

#[test]
fn r_5_an_account_whose_terms_have_no_bound_is_looked_at_in_every_block() {
    let (mut x, short) = unbounded();
    let maker = x.user("10000000");
    x.trade(maker, short, order(SOL_PERP, Side::Buy, "100", "100"));
    x.blocks(100);
    x.prices[2] = Some(price("104"));
    assert!(liquidated(&mut x, short, 500).is_some());
}

#[test]
fn r_17_orders_whose_terms_have_no_bound_are_looked_at_in_every_block() {
    let (mut x, account) = unbounded();
    x.place(account, order(SOL_PERP, Side::Sell, "100", "100")).unwrap();
    x.prices[2] = Some(price("104"));
    x.blocks(100);
    assert_eq!(x.state.market(SOL_PERP).entry(account).orders, 0, "it cannot bear them");
}

/// A hundred accounts of many leverages, some with orders, in a market that falls and recovers.
fn crowd(seed: u64) -> Exchange {
    let mut random = SplitMix(seed);
    let mut x = Exchange::new();
    let maker = x.user("100000000");
    for _ in 0..100 {
        let cash = 120 + random.below(300);
        let account = x.user(&cash.to_string());
        let market = if random.below(2) == 0 { SOL_PERP } else { BTC_PERP };
        let (at, size) = if market == SOL_PERP { ("100", "10") } else { ("100000", "0.01") };
        let [buyer, seller] =
            if random.below(4) == 0 { [maker, account] } else { [account, maker] };
        x.trade(buyer, seller, order(market, Side::Buy, at, size));
        if random.below(3) == 0 {
            // Refused to whoever cannot bear it.
            let _ = x.place(account, order(SOL_PERP, Side::Buy, "99", "5"));
        }
    }
    x.step = Span::from_secs(10);
    x
}

/// `quiet` is asked to look at everybody in each block, which the sweep does; `state` looks at the
/// few that are due, one by one.
#[test]
fn r_5_a_look_at_all_at_once_is_a_look_at_each() {
    let mut started = 0;
    for seed in 0..6 {
        let mut x = crowd(seed);
        let mut random = SplitMix(100 + seed);
        let (mut quiet, mut at) = (x.state.clone(), [100_000i64, 100_000]);
        for _ in 0..150 {
            at = at.map(|at| at + random.below(2_000) as i64 - 1_100);
            x.prices = [
                None,
                Some(Price::from_raw(at[0] * 100_000_000)),
                Some(Price::from_raw(at[1] * 100_000)),
            ];
            x.run(&[]);
            started += x
                .events
                .iter()
                .filter(|event| matches!(event, Event::LiquidationStarted { .. }))
                .count();
            quiet.look_at_everybody();
            apply(&mut quiet, &Block { time: x.now, messages: x.votes() });
            assert_eq!(x.state.chain_hash(), quiet.chain_hash(), "seed {seed}");
        }
    }
    assert!(started > 100, "{started} liquidations");
}
