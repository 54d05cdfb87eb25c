//! Random streams and orders through our exchange and through the peer's: the same fills?
//!
//! Both exchanges get the same events and requests at the same times; after each of them the fills
//! (order, price in ticks, quantity in lots, maker) must be equal. What differs on purpose is left
//! out: two own orders at a price with partial fills (the peer gives each of them the whole trade);
//! a resting order that meets less than it wants (the peer trades the rest at the limit with
//! nobody; counted as skipped); orders that would meet own ones (the peer lets both rest). With
//! partial fills, a trade that leaves exactly nothing of an order keeps it in the peer's book, and
//! the next event that meets it stops the run with `InvalidOrderStatus` (counted as stopped); and
//! cancellations can take its front below zero, whereupon a trade fills more than its own quantity
//! (a case ends when a copy of the peer's queue shows that; counted as below).

use std::collections::BTreeMap;
use std::fmt::Debug;

use feed::tape::{self, Kind};
use hftbacktest::backtest::assettype::LinearAsset;
use hftbacktest::backtest::models::{
    CommonFees, ConstantLatency, LogProbQueueFunc, LogProbQueueFunc2, PowerProbQueueFunc,
    PowerProbQueueFunc2, PowerProbQueueFunc3, ProbQueueModel, QueueModel as Foreign,
    RiskAdverseQueueModel, TradingValueFeeModel,
};
use hftbacktest::backtest::order::{LocalToExch, order_bus};
use hftbacktest::backtest::proc::{NoPartialFillExchange, PartialFillExchange, Processor};
use hftbacktest::backtest::state::State;
use hftbacktest::depth::{HashMapMarketDepth, L2MarketDepth};
use hftbacktest::prelude::{
    BUY_EVENT, DEPTH_EVENT, EXCH_EVENT, Event, OrdType, Order as ForeignOrder, SELL_EVENT,
    Side as ForeignSide, Status, TRADE_EVENT, TimeInForce,
};
use lab::random::{Seed, Stream};
use lab::replay::exchange::{Exchange, ExchangeParams, Fills};
use lab::replay::order::{Answer, Order};
use lab::replay::queue::{QueueModel, Weight};
use money::Time;
use protocol::command::Lifetime;
use protocol::ids::{ClientId, Side};

use crate::stream::{LOT, LOTS, TICK};

type Book = HashMapMarketDepth;
type Fee = TradingValueFeeModel<CommonFees>;
/// Order, last price, quantity, whether the resting side.
type Fill = (u64, i64, i64, bool);

/// Counts over the cases of one pair of models.
#[derive(Default)]
struct Tally {
    events: u64,
    orders: u64,
    fills: u64,
    different: u64,
    /// Cases that ended when the peer's front went below zero by a cancellation.
    below: u64,
    /// Cases in which the peer stopped with an error.
    stopped: u64,
    /// Orders left out because their rest would trade with nobody.
    skipped: u64,
}

/// Runs all pairs of models; whether every fill is equal.
pub fn run(cases: u64) -> bool {
    println!(
        "{:<22} {:>9} {:>8} {:>8} {:>9} {:>6} {:>7} {:>7}",
        "models", "events", "orders", "fills", "different", "below", "stopped", "skipped"
    );
    let mut equal = true;
    for fills in [Fills::Whole, Fills::Partial] {
        let mut pair = |name: &str, tally: Tally| {
            let Tally { events, orders, fills: count, different, below, stopped, skipped } = tally;
            println!(
                "{:<22} {events:>9} {orders:>8} {count:>8} {different:>9} {below:>6} {stopped:>7} \
                 {skipped:>7}",
                format!("{fills:?} {name}")
            );
            equal &= different == 0;
        };
        pair("RiskAverse", model(cases, fills, QueueModel::RiskAverse, RiskAdverseQueueModel::new));
        let power = |weight| QueueModel::Probability(weight);
        pair(
            "PowerShare",
            model(cases, fills, power(Weight::PowerShare { n: 3.0 }), || {
                ProbQueueModel::new(PowerProbQueueFunc::new(3.0))
            }),
        );
        pair(
            "PowerTotal",
            model(cases, fills, power(Weight::PowerTotal { n: 2.0 }), || {
                ProbQueueModel::new(PowerProbQueueFunc2::new(2.0))
            }),
        );
        pair(
            "PowerFront",
            model(cases, fills, power(Weight::PowerFront { n: 2.0 }), || {
                ProbQueueModel::new(PowerProbQueueFunc3::new(2.0))
            }),
        );
        pair(
            "LogShare",
            model(cases, fills, power(Weight::LogShare { lot: LOT }), || {
                ProbQueueModel::new(LogProbQueueFunc::new())
            }),
        );
        pair(
            "LogTotal",
            model(cases, fills, power(Weight::LogTotal { lot: LOT }), || {
                ProbQueueModel::new(LogProbQueueFunc2::new())
            }),
        );
    }
    equal
}

fn model<Q: Foreign<Book> + 'static>(
    cases: u64,
    fills: Fills,
    queue: QueueModel,
    queue_of_peer: impl Fn() -> Q,
) -> Tally {
    let mut tally = Tally::default();
    for case in 0..cases {
        let (to_local, to_exchange) = order_bus(ConstantLatency::new(0, 0));
        let fee = TradingValueFeeModel::new(CommonFees::new(0.0, 0.0));
        let state: State<LinearAsset, Fee> = State::new(LinearAsset::new(1.0), fee);
        let book = Book::new(TICK, LOT);
        let processor: Box<dyn Processor> = match fills {
            Fills::Whole => {
                Box::new(NoPartialFillExchange::new(book, state, queue_of_peer(), to_local))
            }
            Fills::Partial => {
                Box::new(PartialFillExchange::new(book, state, queue_of_peer(), to_local))
            }
        };
        let params = ExchangeParams { fills, queue, consume: false };
        let mut pair = Pair {
            queue: queue_of_peer(),
            book: Book::new(TICK, LOT),
            queued: BTreeMap::new(),
            theirs: processor,
            to_exchange,
            ours: Exchange::new(&params),
            live: BTreeMap::new(),
            now: 1,
        };
        pair.case(Seed(case).stream("agree", 0), fills, &mut tally);
    }
    tally
}

/// The two exchanges.
struct Pair<Q> {
    /// A copy of the peer's queue, for what it does not tell.
    queue: Q,
    book: Book,
    queued: BTreeMap<u64, ForeignOrder>,
    theirs: Box<dyn Processor>,
    to_exchange: LocalToExch<ConstantLatency>,
    ours: Exchange,
    /// Own orders that rest, as the harness has heard.
    live: BTreeMap<u64, Order>,
    now: i64,
}

impl<Q: Foreign<Book>> Pair<Q> {
    fn case(&mut self, mut dice: Stream, fills: Fills, tally: &mut Tally) {
        let mut middle = 10_000;
        for side in [Side::Buy, Side::Sell] {
            for level in 100..110 {
                let price = middle - side.sign() * level;
                self.event(Kind::Level, side, price, 5_000).expect("nothing rests");
            }
        }
        for client in 1..2_000 {
            middle += dice.below(3) as i64 - 1;
            let done = if dice.chance(0.15) {
                self.request(&mut dice, client, middle, fills, tally)
            } else {
                tally.events += 1;
                self.random_event(&mut dice, middle)
            };
            match done {
                Ok(None) => {}
                Ok(Some(count)) => tally.fills += count,
                Err(Difference::Stopped) => {
                    tally.stopped += 1;
                    return;
                }
                Err(Difference::BelowZero) => {
                    tally.below += 1;
                    return;
                }
                Err(Difference::Fills) => {
                    tally.different += 1;
                    return;
                }
            }
        }
    }

    fn random_event(&mut self, dice: &mut Stream, middle: i64) -> Result<Option<u64>, Difference> {
        let side = if dice.chance(0.5) { Side::Buy } else { Side::Sell };
        let away = dice.below(8) as i64;
        let qty = 1 + dice.below(3_000) as i64;
        if dice.chance(0.25) {
            let price = middle + side.sign() * (away / 3);
            return self.event(Kind::Trade, side, price, qty);
        }
        let qty = if dice.chance(0.2) { 0 } else { qty };
        self.event(Kind::Level, side, middle - side.sign() * (1 + away), qty)
    }

    /// A random order, or the cancellation of one.
    fn request(
        &mut self,
        dice: &mut Stream,
        client: u64,
        middle: i64,
        fills: Fills,
        tally: &mut Tally,
    ) -> Result<Option<u64>, Difference> {
        if !self.live.is_empty() && dice.chance(0.3) {
            let at = dice.below(self.live.len() as u64) as usize;
            let client = *self.live.keys().nth(at).expect("below the length");
            return self.cancel(client).map(Some);
        }
        let side = if dice.chance(0.5) { Side::Buy } else { Side::Sell };
        let lifetimes = [Lifetime::Resting, Lifetime::Immediate, Lifetime::PostOnly];
        let order = Order {
            client: ClientId(client),
            side,
            price: middle - side.sign() * (dice.below(9) as i64 - 2),
            qty: 1 + dice.below(800) as i64,
            lifetime: lifetimes[dice.below(3) as usize],
        };
        if self.meets_own(&order, fills) {
            return Ok(None);
        }
        if fills == Fills::Partial && self.leaves_a_rest(&order) {
            tally.skipped += 1;
            return Ok(None);
        }
        tally.orders += 1;
        self.place(order).map(Some)
    }

    /// Own orders at a price share what is left of a trade here, and do not there; an account
    /// cannot trade with itself here.
    fn meets_own(&self, order: &Order, fills: Fills) -> bool {
        self.live.values().any(|own| {
            let through = (order.price - own.price) * order.side.sign() >= 0;
            let shares = fills == Fills::Partial && own.price == order.price;
            shares || (own.side != order.side && through)
        })
    }

    fn leaves_a_rest(&self, order: &Order) -> bool {
        let levels = self.ours.book().levels(order.side.opposite());
        let within = levels.take_while(|level| (order.price - level.0) * order.side.sign() >= 0);
        let shown: Vec<i64> = within.map(|level| level.1).collect();
        let crosses = !shown.is_empty() && order.lifetime == Lifetime::Resting;
        crosses && shown.iter().sum::<i64>() < order.qty
    }

    fn event(
        &mut self,
        kind: Kind,
        side: Side,
        price: i64,
        qty: i64,
    ) -> Result<Option<u64>, Difference> {
        self.now += 1;
        let mut answers = Vec::new();
        self.ours.apply(&ours(kind, side, price, qty), &mut answers);
        let event = theirs(kind, side, price, qty, self.now);
        self.theirs.process(&event).map_err(|_| Difference::Stopped)?;
        let fills = self.compare(&answers)?;
        if self.goes_below_zero(&event, side) {
            Err(Difference::BelowZero)
        } else {
            Ok(Some(fills))
        }
    }

    /// Applies an event to the copy of the peer's queue.
    fn goes_below_zero(&mut self, event: &Event, side: Side) -> bool {
        self.queued.retain(|client, _| self.live.contains_key(client));
        let trade = event.ev & 0xff == TRADE_EVENT;
        let (tick, before, after) = match (trade, side) {
            (true, _) => ((event.px / TICK).round() as i64, 0.0, 0.0),
            (false, Side::Buy) => changed(self.book.update_bid_depth(event.px, event.qty, 0)),
            (false, Side::Sell) => changed(self.book.update_ask_depth(event.px, event.qty, 0)),
        };
        let mut below = false;
        for order in self.queued.values_mut().filter(|order| order.price_tick == tick) {
            let bid = order.side == ForeignSide::Buy;
            if trade && bid != (side == Side::Buy) {
                self.queue.trade(order, event.qty, &self.book);
                self.queue.is_filled(order, &self.book);
            } else if !trade && bid == (side == Side::Buy) {
                self.queue.depth(order, before, after, &self.book);
                below |= self.queue.is_filled(&mut order.clone(), &self.book) > 0.0;
            }
        }
        below
    }

    fn place(&mut self, order: Order) -> Result<u64, Difference> {
        self.now += 1;
        let mut answers = Vec::new();
        self.ours.place(order, &mut answers);
        let mut request = foreign(&order);
        request.req = Status::New;
        self.send(request)?;
        if answers.contains(&Answer::Rested { client: order.client }) {
            self.live.insert(order.client.0, order);
            let mut queued = foreign(&order);
            self.queue.new_order(&mut queued, &self.book);
            self.queued.insert(order.client.0, queued);
        }
        self.compare(&answers)
    }

    fn cancel(&mut self, client: u64) -> Result<u64, Difference> {
        self.now += 1;
        let mut answers = Vec::new();
        self.ours.cancel(ClientId(client), &mut answers);
        let order = self.live.remove(&client).expect("it is live");
        let mut request = foreign(&order);
        request.req = Status::Canceled;
        self.send(request)?;
        self.compare(&answers)
    }

    fn send(&mut self, mut request: ForeignOrder) -> Result<(), Difference> {
        request.local_timestamp = self.now;
        self.to_exchange.request(request, |_| {});
        self.theirs.process_recv_order(self.now, None).map_err(|_| Difference::Stopped)?;
        Ok(())
    }

    /// Fills of both sides since the last step; their number.
    fn compare(&mut self, answers: &[Answer]) -> Result<u64, Difference> {
        let mut ours: BTreeMap<u64, Fill> = BTreeMap::new();
        for answer in answers {
            if let Answer::Fill { client, price, qty, maker, done, .. } = *answer {
                let before = ours.get(&client.0).map_or(0, |fill| fill.2);
                ours.insert(client.0, (client.0, price, before + qty, maker));
                if done {
                    self.live.remove(&client.0);
                }
            }
        }
        let mut theirs: BTreeMap<u64, Fill> = BTreeMap::new();
        while let Some(at) = self.to_exchange.earliest_recv_order_timestamp() {
            let order = self.to_exchange.receive(at).expect("it is the earliest");
            // A resting order answers each fill, a taker its last price and what is left.
            let filled = if order.maker { order.exec_qty } else { order.qty - order.leaves_qty };
            let lots = (filled * LOTS).round() as i64;
            let fill = (order.order_id, order.exec_price_tick, lots, order.maker);
            let live = matches!(order.status, Status::Filled | Status::PartiallyFilled);
            if live || (order.status == Status::Expired && lots > 0) {
                theirs.insert(order.order_id, fill);
            }
        }
        if ours == theirs { Ok(ours.len() as u64) } else { Err(Difference::Fills) }
    }
}

/// Price in ticks, quantity before and after.
fn changed((tick, _, _, before, after, _): (i64, i64, i64, f64, f64, i64)) -> (i64, f64, f64) {
    (tick, before, after)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Difference {
    /// The peer stopped with an error.
    Stopped,
    /// The peer's front went below zero by a cancellation.
    BelowZero,
    Fills,
}

fn ours(kind: Kind, side: Side, price: i64, qty: i64) -> tape::Event {
    let side = match side {
        Side::Buy => tape::Side::Buy,
        Side::Sell => tape::Side::Sell,
    };
    tape::Event {
        exchange: Time::from_nanos(0),
        local: Time::from_nanos(0),
        instrument: 0,
        kind,
        side: Some(side),
        last: true,
        snapshot: false,
        price,
        qty,
        id: 0,
    }
}

fn theirs(kind: Kind, side: Side, price: i64, qty: i64, now: i64) -> Event {
    let side = match side {
        Side::Buy => BUY_EVENT,
        Side::Sell => SELL_EVENT,
    };
    let kind = if kind == Kind::Trade { TRADE_EVENT } else { DEPTH_EVENT };
    Event {
        ev: EXCH_EVENT | side | kind,
        exch_ts: now,
        local_ts: now,
        px: price as f64 * TICK,
        qty: qty as f64 / LOTS,
        order_id: 0,
        ival: 0,
        fval: 0.0,
    }
}

fn foreign(order: &Order) -> ForeignOrder {
    let side = match order.side {
        Side::Buy => ForeignSide::Buy,
        Side::Sell => ForeignSide::Sell,
    };
    let life = match order.lifetime {
        Lifetime::Resting => TimeInForce::GTC,
        Lifetime::Immediate => TimeInForce::IOC,
        Lifetime::PostOnly => TimeInForce::GTX,
    };
    let qty = order.qty as f64 / LOTS;
    ForeignOrder::new(order.client.0, order.price, TICK, qty, side, OrdType::Limit, life)
}
