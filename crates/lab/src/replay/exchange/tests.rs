//! Orders against hand-made markets, and against the rules written plainly.

use feed::tape::{self, Event, Kind};
use money::Time;
use protocol::command::Lifetime;
use protocol::ids::{ClientId, Side};

use super::{Exchange, ExchangeParams, Fills};
use crate::replay::order::{Answer, Order};
use crate::replay::queue::QueueModel;

const BUY: Option<tape::Side> = Some(tape::Side::Buy);
const SELL: Option<tape::Side> = Some(tape::Side::Sell);

fn event(kind: Kind, side: Option<tape::Side>, price: i64, qty: i64) -> Event {
    Event {
        exchange: Time::from_nanos(0),
        local: Time::from_nanos(0),
        instrument: 0,
        kind,
        side,
        last: true,
        snapshot: false,
        price,
        qty,
        id: 0,
    }
}

fn order(client: u64, side: Side, price: i64, qty: i64, lifetime: Lifetime) -> Order {
    Order { client: ClientId(client), side, price, qty, lifetime }
}

fn exchange(fills: Fills) -> Exchange {
    let queue = QueueModel::RiskAverse;
    let mut exchange = Exchange::new(&ExchangeParams { fills, queue, consume: false });
    for (side, price, qty) in [(BUY, 99, 10), (BUY, 98, 20), (SELL, 101, 10), (SELL, 102, 20)] {
        exchange.apply(&event(Kind::Level, side, price, qty), &mut Vec::new());
    }
    exchange
}

#[test]
fn a_trade_beyond_the_front_fills_what_is_beyond() {
    let (mut exchange, mut answers) = (exchange(Fills::Partial), Vec::new());
    exchange.place(order(1, Side::Buy, 99, 5, Lifetime::PostOnly), &mut answers);
    exchange.apply(&event(Kind::Trade, SELL, 99, 12), &mut answers);
    let fill = |qty, done| Answer::Fill {
        client: ClientId(1),
        side: Side::Buy,
        price: 99,
        qty,
        maker: true,
        done,
    };
    assert_eq!(answers, [Answer::Rested { client: ClientId(1) }, fill(2, false)]);
    exchange.apply(&event(Kind::Trade, SELL, 99, 12), &mut answers);
    assert_eq!(answers[2..], [fill(3, true)]);
    assert!(exchange.is_idle());
}

#[test]
fn a_post_only_order_that_crosses_is_refused() {
    let (mut exchange, mut answers) = (exchange(Fills::Whole), Vec::new());
    exchange.place(order(1, Side::Buy, 101, 5, Lifetime::PostOnly), &mut answers);
    assert_eq!(answers, [Answer::Gone { client: ClientId(1), refused: true }]);
}
