//! A small run by hand: flow, markouts, inventory and capacity.

use super::*;
use crate::replay::record::{Cause, Fill, Market, MarketKind, Run, Seen};
use money::{Price, Qty, Time};
use protocol::ids::{ClientId, Side};

fn at(second: u64) -> Time {
    Time::from_nanos(second * 1_000_000_000)
}

fn price(value: f64) -> Price {
    Price::from_raw((value * 1e8) as i64)
}

fn quote(value: f64) -> Amount {
    Amount::from_raw((value * 1e8) as i128)
}

/// A day of minutes; in the first hour a coin is bought at 99.9 and sold at 100.2, mid 100.
fn record() -> Record {
    let mut market = Market::new("BTC", "x", MarketKind::Spot, price(0.1), Qty::ONE);
    market.counts.orders = 10;
    market.counts.orders_filled = 2;
    market.counts.ordered = quote(8.0);
    market.counts.cancels = 8;
    market.counts.volume = quote(1e6);
    market.ledger.add(Cause::Spread, quote(0.3));
    market.ledger.add(Cause::TakerFee, quote(-0.02));
    let run = Run { start: at(0), end: at(86_400), ..Run::default() };
    let mut record = Record::new(run, vec![market], quote(1000.0), Span::MINUTE);
    let one = |second, side, maker, value, fee| Fill {
        time: at(second),
        market: 0,
        side,
        maker,
        price: price(value),
        qty: Qty::ONE,
        fee: quote(fee),
        mid: price(100.0),
        client: ClientId(1),
    };
    record.fill(one(600, Side::Buy, true, 99.9, 0.0));
    record.fill(one(4200, Side::Sell, false, 100.2, 0.02));
    record.fills.look(at(5000), |_| price(100.1));
    for minute in 0..=1440 {
        let held = (10..70).contains(&minute);
        let mid = price(if minute / 10 % 2 == 0 { 100.0 } else { 100.1 });
        let position = if held { Qty::ONE } else { Qty::ZERO };
        let equity = quote(1000.0) + if held { quote(0.1) } else { Amount::ZERO };
        record.samples.push(equity, &[Seen { position, mid, mark: mid }]);
    }
    record.equity_end = quote(1000.28);
    record
}

fn near(actual: Option<f64>, expected: f64) {
    let actual = actual.unwrap();
    assert!((actual - expected).abs() < 1e-6 * expected.abs().max(1.0), "{actual}, not {expected}");
}

#[test]
fn flow_by_hand() {
    let record = record();
    assert_eq!(record.check(), Ok(()));
    let measures = Measures::of(&record);
    let flow = measures.flow;
    near(Some(flow.traded), 200.1);
    near(flow.turnover_day, 0.2001);
    near(flow.edge_bp, 0.28 / 200.1 * 1e4);
    near(flow.orders_filled, 0.2);
    near(flow.base_filled, 0.25);
    near(flow.messages_per_fill, 9.0);
    near(flow.maker_share, 99.9 / 200.1);
    near(measures.trips.hit_rate, 1.0);
    near(measures.trips.held_median_s, 3600.0);
}

#[test]
fn markouts_are_of_the_mid_against_the_price() {
    let measures = Measures::of(&record());
    let maker = |at: usize| measures.maker.points[at].markout_bp.map(|mean| mean.mean);
    let taker = |at: usize| measures.taker.points[at].markout_bp.map(|mean| mean.mean);
    near(maker(0), 0.1 / 99.9 * 1e4);
    near(taker(0), 0.2 / 100.2 * 1e4);
    near(maker(4), 0.2 / 99.9 * 1e4);
    near(taker(1), 0.1 / 100.2 * 1e4);
    near(measures.taker.fee_bp, 0.02 / 100.2 * 1e4);
    assert_eq!(measures.maker.points[0].markout_bp.unwrap().error, None);
    assert_eq!(measures.markets[0].maker, measures.maker);
}

#[test]
fn inventory_and_capacity_by_hand() {
    let market = Measures::of(&record()).markets.remove(0);
    near(market.inventory.in_market, 3600.0 / 86_400.0);
    near(market.inventory.max_quote, 100.1);
    near(market.inventory.median, 0.0);
    // What is held decays to 59/60 of itself in a minute, about: AR(1) on the samples.
    assert!((2000.0..3000.0).contains(&market.inventory.half_life_s.unwrap()));
    let capacity = market.capacity;
    near(capacity.volume_day, 1e6);
    near(capacity.participation, 200.1e-6);
    let (edge, sigma) = (0.28 / 200.1, capacity.volatility_day_bp.unwrap() / 1e4);
    near(capacity.break_even_day, 1e6 * (edge / sigma) * (edge / sigma));
    near(capacity.profit_day_at[0], (edge - sigma * 0.1) * 1e4);
    // Moves over ten minutes go up a thousandth and back; a day has twelve squared of them.
    let (up, down) = (0.1 / 100.0, -0.1 / 100.1);
    near(Some(sigma), (up - down) / 2.0 * (144.0f64 / 143.0).sqrt() * 12.0);
}

#[test]
fn what_was_dropped_leaves_time_in_the_market_unknown() {
    let mut record = record();
    record.fills.dropped = 1;
    assert_eq!(Measures::of(&record).markets[0].inventory.in_market, None);
}

#[test]
fn an_empty_run_has_no_numbers() {
    let run = Run { start: at(5), end: at(5), ..Run::default() };
    let market = Market::new("BTC", "x", MarketKind::Spot, Price::ONE, Qty::ONE);
    let measures = Measures::of(&Record::new(run, vec![market], Amount::ZERO, Span::SECOND));
    assert_eq!(measures.flow, Flow::default());
    assert_eq!((measures.drawdown, measures.performance.total), (None, None));
    assert_eq!(measures.markets[0].capacity, Capacity::default());
}
