//! Hand-made chains, and fair ones that must hold nothing.

use super::*;
use proptest::prelude::*;

fn sides(bid: f64, ask: f64) -> Sides {
    let level = |price| Some(Level { price, size: Some(10.0) });
    Sides { bid: level(bid), ask: level(ask) }
}

fn expiry(days: u64) -> Time {
    Time::ZERO.after(money::Span::DAY.times(days))
}

/// Strikes 90, 100 and 110 at exact parity with a forward of 100: one price on both sides.
fn exact(settlement: Settlement) -> Slice {
    let table = [(90.0, 12.0), (100.0, 5.0), (110.0, 1.5)];
    let strike = |(strike, call): (f64, f64)| {
        let scale = if settlement == Settlement::Coin { 100.0 } else { 1.0 };
        let (call, put) = (call / scale, (call - 100.0 + strike) / scale);
        Strike { strike, call: sides(call, call), put: sides(put, put) }
    };
    Slice { expiry: expiry(7), forward: sides(100.0, 100.0), strikes: table.map(strike).to_vec() }
}

#[test]
fn exact_parity_is_no_trade() {
    for settlement in [Settlement::Quote, Settlement::Coin] {
        assert_eq!(scan(&[exact(settlement)], 100.0, &Terms::free(settlement)), []);
    }
}

#[test]
fn a_cheap_call_is_converted_boxed_and_spread() {
    let mut slice = exact(Settlement::Quote);
    slice.strikes[1].call = sides(3.0, 4.0); // fair is 5
    let found = scan(&[slice], 100.0, &Terms::free(Settlement::Quote));
    let seen = |shape| found.iter().find(|package| package.shape == shape);
    let conversion = seen(Shape::Conversion).unwrap();
    assert_eq!((conversion.profit, conversion.size), (1.0, Some(10.0)));
    let weights: Vec<f64> = conversion.legs.iter().map(|leg| leg.weight).collect();
    assert_eq!(weights, [1.0, -1.0, -1.0]);
    assert_eq!(seen(Shape::Box).unwrap().profit, 1.0);
    assert_eq!(seen(Shape::Reversal), None);
    assert!(found.windows(2).all(|pair| pair[0].total() >= pair[1].total()));
}

#[test]
fn fees_take_what_is_too_thin() {
    let mut slice = exact(Settlement::Coin);
    slice.strikes[1].call = sides(0.0, 0.0495); // fair is 0.05: half a thousandth of a coin
    let free = scan(std::slice::from_ref(&slice), 100.0, &Terms::free(Settlement::Coin));
    let conversion = free.iter().find(|package| package.shape == Shape::Conversion).unwrap();
    assert!((conversion.profit - 0.0005).abs() < 1e-15, "{free:?}");
    assert_eq!(scan(&[slice], 100.0, &Terms::deribit()), []);
}

#[test]
fn the_fee_of_an_option_is_capped_by_its_premium() {
    let scanner = Scanner { index: 100.0, terms: &Terms::deribit() };
    let option = Traded::Option(expiry(7), OptionKind::Call, 100.0);
    assert_eq!(scanner.fee(option, 0.05), 0.0003);
    assert_eq!(scanner.fee(option, 0.0008), 0.0001);
    assert_eq!(scanner.fee(Traded::Forward(expiry(7)), 100.0), 0.0005);
}

/// Whatever the price at expiry, the legs of a coin box pay the same.
#[test]
fn a_coin_box_pays_the_same_at_every_price() {
    let mut slice = exact(Settlement::Coin);
    slice.strikes[0].call = sides(0.05, 0.06); // fair is 0.12
    let found = scan(&[slice], 100.0, &Terms::free(Settlement::Coin));
    let package = found.iter().find(|package| package.shape == Shape::Box).unwrap();
    let pays = |price: f64| -> f64 {
        let leg = |leg: &Leg| match leg.traded {
            Traded::Option(_, OptionKind::Call, strike) => {
                leg.weight * ((1.0 - strike / price).max(0.0) - leg.price)
            }
            Traded::Option(_, OptionKind::Put, strike) => {
                leg.weight * ((strike / price - 1.0).max(0.0) - leg.price)
            }
            Traded::Forward(_) => 0.0,
        };
        package.legs.iter().map(leg).sum()
    };
    for price in [20.0, 90.0, 95.0, 100.0, 108.0, 500.0] {
        assert!((pays(price) - package.profit).abs() < 1e-12, "{price}: {package:?}");
    }
}

#[test]
fn wrong_order_and_wrong_bend_are_found() {
    let mut slice = exact(Settlement::Quote);
    slice.strikes[2].call = sides(6.0, 6.5); // dearer than the call of 100 at 5
    let found = scan(&[slice], 100.0, &Terms::free(Settlement::Quote));
    let vertical = found.iter().find(|package| package.shape == Shape::Vertical).unwrap();
    assert_eq!(vertical.profit, 1.0);
    let mut slice = exact(Settlement::Quote);
    slice.strikes[1].call = sides(8.0, 8.5); // the line from 12 to 1.5 passes at 6.75
    let found = scan(&[slice], 100.0, &Terms::free(Settlement::Quote));
    let butterfly = found.iter().find(|package| package.shape == Shape::Butterfly).unwrap();
    assert_eq!(butterfly.profit, 1.25);
}

#[test]
fn a_near_call_dearer_than_the_far_one_is_a_calendar() {
    let near = exact(Settlement::Quote);
    let mut far = Slice { expiry: expiry(30), forward: sides(101.0, 101.0), ..near.clone() };
    far.strikes = vec![Strike { strike: 100.0, call: sides(4.0, 4.5), put: sides(0.0, 9.0) }];
    let found = scan(&[near, far], 100.0, &Terms::free(Settlement::Quote));
    let calendar = found.iter().find(|package| package.shape == Shape::Calendar).unwrap();
    assert_eq!(calendar.profit, 0.5);
}

#[test]
fn missing_quotes_and_sizes_are_no_trade_and_no_size() {
    let mut slice = exact(Settlement::Quote);
    slice.strikes[1].call = sides(3.0, 4.0);
    slice.forward = Sides::default();
    slice.strikes[1].put.bid = None;
    let free = Terms::free(Settlement::Quote);
    let forwards = |found: &[Package]| {
        found.iter().any(|package| matches!(package.shape, Shape::Conversion | Shape::Box))
    };
    assert!(!forwards(&scan(std::slice::from_ref(&slice), 100.0, &free)));
    slice.strikes[1].put.bid = Some(Level { price: 5.0, size: None });
    let found = scan(&[slice], 100.0, &free);
    let package = found.iter().find(|package| package.shape == Shape::Box).unwrap();
    assert_eq!((package.size, package.total()), (None, package.profit));
}

/// A chain of Black-76 prices at a volatility for each expiry, quoted around them.
fn fair_chain(forward: f64, volatility: f64, spread: f64, coin: bool) -> Vec<Slice> {
    let scale = if coin { 1.0 / forward } else { 1.0 };
    let quoted = |fair: f64| {
        let level = |price| Some(Level { price, size: None });
        let (bid, ask) = (fair - spread * scale, fair + spread * scale);
        Sides { bid: level(bid).filter(|_| bid > 0.0), ask: level(ask) }
    };
    let slice = |days: u64| {
        let years = days as f64 / 365.0;
        let strike = |step: u64| {
            let strike = forward * (0.5 + step as f64 * 0.1);
            let fair =
                |kind| scale * pricing::black::price(kind, forward, strike, volatility, years);
            let (call, put) = (fair(OptionKind::Call), fair(OptionKind::Put));
            Strike { strike, call: quoted(call), put: quoted(put) }
        };
        let forward = sides(forward - spread, forward + spread);
        Slice { expiry: expiry(days), forward, strikes: (0..12).map(strike).collect() }
    };
    [1, 7, 30, 180].map(slice).to_vec()
}

proptest! {
    #[test]
    fn fair_quotes_around_black_hold_no_arbitrage(
        forward in 1.0..1e5f64, volatility in 0.05..3.0f64, share in 1e-9..0.01f64,
        coin in any::<bool>(),
    ) {
        let settlement = if coin { Settlement::Coin } else { Settlement::Quote };
        let chain = fair_chain(forward, volatility, share * forward, coin);
        let found = scan(&chain, forward, &Terms::free(settlement));
        prop_assert!(found.is_empty(), "{:?}", found.first());
    }
}
