//! What one market event costs in the book and at the exchange, without reading a tape.
//!
//! A million events: 85 in 100 set a level behind a middle that wanders, 15 are trades at the
//! touch; every fifth level behind the touch is removed. `quoting` keeps one own order on each
//! side.
//! Run: `cargo bench -p lab --bench replay`.
#![allow(missing_docs)]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use feed::tape::{Event, Kind, Side};
use lab::random::Seed;
use lab::replay::exchange::{Exchange, ExchangeParams, Fills};
use lab::replay::ladder::Ladder;
use lab::replay::order::Order;
use lab::replay::queue::{QueueModel, Weight};
use money::Time;
use protocol::command::Lifetime;
use protocol::ids::{ClientId, Side as Direction};

const EVENTS: u64 = 1_000_000;

fn events() -> Vec<Event> {
    let mut dice = Seed(5).stream("replay", 0);
    let mut middle = 600_000;
    let mut event = |number: u64| {
        middle += if dice.chance(0.02) { 2 * dice.below(2) as i64 - 1 } else { 0 };
        let buy = dice.chance(0.5);
        let away = if dice.chance(0.15) { -1 } else { dice.exponential(19.5) as i64 };
        let trade = away < 0;
        let below = buy != trade;
        let price = if below { middle - 1 - away.max(0) } else { middle + 1 + away.max(0) };
        let gone = away > 0 && dice.chance(0.2);
        let time = Time::from_nanos(number * 720_000);
        Event {
            exchange: time,
            local: time,
            instrument: 0,
            kind: if trade { Kind::Trade } else { Kind::Level },
            side: Some(if buy { Side::Buy } else { Side::Sell }),
            last: true,
            snapshot: false,
            price,
            qty: if gone { 0 } else { 1 + dice.exponential(1_000.0) as i64 },
            id: 0,
        }
    };
    (0..EVENTS).map(&mut event).collect()
}

fn exchange() -> Exchange {
    let queue = QueueModel::Probability(Weight::PowerFront { n: 2.0 });
    Exchange::new(&ExchangeParams { fills: Fills::Whole, queue, consume: false })
}

/// Own orders at the touch, replaced when they fill or the touch moves away (looked at every 139
/// events, a tenth of a second).
fn quote(events: &[Event]) -> usize {
    let (mut exchange, mut answers, mut client) = (exchange(), Vec::new(), 0);
    for (number, event) in events.iter().enumerate() {
        exchange.apply(event, &mut answers);
        if number % 139 == 138 {
            exchange.cancel_all(&mut answers);
            for side in [Direction::Buy, Direction::Sell] {
                client += 1;
                let price = exchange.book().best(side).unwrap_or(600_000);
                let (client, lifetime) = (ClientId(client), Lifetime::PostOnly);
                exchange.place(Order { client, side, price, qty: 100, lifetime }, &mut answers);
            }
        }
    }
    answers.len()
}

fn bench(criterion: &mut Criterion) {
    let events = events();
    let mut group = criterion.benchmark_group("replay");
    group.throughput(Throughput::Elements(EVENTS)).sample_size(10);
    group.bench_function("ladder", |bencher| {
        bencher.iter(|| {
            let mut ladder = Ladder::new();
            events.iter().for_each(|event| ladder.apply(event));
            black_box(ladder.best(Direction::Buy))
        });
    });
    group.bench_function("exchange/idle", |bencher| {
        bencher.iter(|| {
            let (mut exchange, mut answers) = (exchange(), Vec::new());
            events.iter().for_each(|event| exchange.apply(event, &mut answers));
            black_box(exchange.book().best(Direction::Buy))
        });
    });
    group.bench_function("exchange/quoting", |bencher| bencher.iter(|| quote(black_box(&events))));
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
