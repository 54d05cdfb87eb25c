//! Orders against hand-made markets, and against the rules written plainly.

use feed::tape::{self, Event, Kind};
use money::Time;
use proptest::prelude::*;
use protocol::command::Lifetime;
use protocol::ids::{ClientId, Side};

use super::{Exchange, ExchangeParams, Fills};
use crate::replay::order::{Answer, Order};
use crate::replay::queue::{QueueModel, Weight};
use twin::Twin;

mod twin;

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

#[derive(Clone, Debug)]
enum Step {
    Event(Event),
    Place(Order),
    Cancel(u64),
    CancelAll,
}

/// Feeds differ in what they show.
#[derive(Clone, Copy, Debug)]
enum Show {
    Levels,
    Best,
    Orders,
    Prices,
}

fn kinds(show: Show) -> BoxedStrategy<Kind> {
    match show {
        Show::Levels => prop_oneof![
            60 => Just(Kind::Level), 30 => Just(Kind::Trade), 1 => Just(Kind::Clear),
            2 => Just(Kind::Best),
        ]
        .boxed(),
        Show::Best => prop_oneof![10 => Just(Kind::Best), 10 => Just(Kind::Trade)].boxed(),
        Show::Orders => prop_oneof![
            20 => Just(Kind::Add), 10 => Just(Kind::Change), 10 => Just(Kind::Remove),
            20 => Just(Kind::Execute), 5 => Just(Kind::Trade), 1 => Just(Kind::Clear),
        ]
        .boxed(),
        Show::Prices => prop_oneof![
            Just(Kind::Trade),
            Just(Kind::Open),
            Just(Kind::High),
            Just(Kind::Low),
            Just(Kind::Close),
        ]
        .boxed(),
    }
}

fn steps(show: Show) -> impl Strategy<Value = Vec<Step>> {
    let sides = prop_oneof![4 => Just(BUY), 4 => Just(SELL), 1 => Just(None)];
    let prices = || prop_oneof![50 => -4_i64..4, 1 => Just(i64::MAX), 1 => Just(i64::MIN)];
    let events = (kinds(show), sides, prices(), 0_i64..9, 0_u64..12, any::<bool>());
    let events = events.prop_map(|(kind, side, price, qty, id, snapshot)| {
        Step::Event(Event { id, snapshot, ..event(kind, side, price, qty) })
    });
    let own = prop_oneof![Just(Side::Buy), Just(Side::Sell)];
    let lifetimes =
        prop_oneof![Just(Lifetime::Resting), Just(Lifetime::Immediate), Just(Lifetime::PostOnly)];
    let orders = (0_u64..12, own, prices(), 0_i64..7, lifetimes);
    let orders = orders.prop_map(|(client, side, price, qty, lifetime)| {
        Step::Place(order(client, side, price, qty, lifetime))
    });
    let steps = prop_oneof![
        60 => events,
        20 => orders,
        4 => (0_u64..12).prop_map(Step::Cancel),
        1 => Just(Step::CancelAll),
    ];
    prop::collection::vec(steps, 1..150)
}

fn params() -> impl Strategy<Value = ExchangeParams> {
    let models = [
        QueueModel::RiskAverse,
        QueueModel::ProRata,
        QueueModel::Probability(Weight::PowerFront { n: 2.5 }),
        QueueModel::Probability(Weight::LogShare { lot: 0.1 }),
    ];
    let fills = prop_oneof![Just(Fills::Whole), Just(Fills::Partial)];
    (fills, prop::sample::select(models.to_vec()), any::<bool>())
        .prop_map(|(fills, queue, consume)| ExchangeParams { fills, queue, consume })
}

fn check(params: &ExchangeParams, steps: &[Step]) {
    let (mut exchange, mut twin) = (Exchange::new(params), Twin::new(params));
    for (number, step) in steps.iter().enumerate() {
        let mut answers = Vec::new();
        match step {
            Step::Event(event) => {
                exchange.apply(event, &mut answers);
                twin.apply(event);
            }
            Step::Place(order) => {
                exchange.place(*order, &mut answers);
                twin.place(*order);
            }
            Step::Cancel(client) => {
                exchange.cancel(ClientId(*client), &mut answers);
                twin.cancel(ClientId(*client));
            }
            Step::CancelAll => {
                exchange.cancel_all(&mut answers);
                twin.cancel_all();
            }
        }
        assert_eq!(answers, twin.answers(), "after step {number}, {step:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn levels_are_traded_as_the_twin_says(params in params(), steps in steps(Show::Levels)) {
        check(&params, &steps);
    }

    #[test]
    fn best_prices_are_traded_as_the_twin_says(params in params(), steps in steps(Show::Best)) {
        check(&params, &steps);
    }

    #[test]
    fn orders_are_traded_as_the_twin_says(params in params(), steps in steps(Show::Orders)) {
        check(&params, &steps);
    }

    #[test]
    fn prices_are_traded_as_the_twin_says(params in params(), steps in steps(Show::Prices)) {
        check(&params, &steps);
    }
}
