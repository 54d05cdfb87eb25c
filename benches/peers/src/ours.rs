//! Our side: the back-tester's own loop, with an account, a record and a strategy of the desk.

use desk::strategy::{self, Instrument, Intent};
use feed::tape::{Header, Listed, Slot, Source};
use lab::replay::account::{Asset, AssetTerms, Kind, Margin, MarketTerms};
use lab::replay::exchange::{ExchangeParams, Fills};
use lab::replay::fees::Schedule;
use lab::replay::latency::{Delay, LatencyParams};
use lab::replay::queue::{QueueModel, Weight};
use lab::replay::record::{self, MarketKind};
use lab::replay::run::{self, AccountSetup, FeedSetup, Hear, MarketSetup, Setup};
use lab::replay::venue::VenueParams;
use money::{Amount, Price, Qty, Span, Time};
use protocol::command::Lifetime;
use protocol::ids::{ClientId, Side};

use crate::outcome::{LATENCY, LOOK, Outcome, Strategy};
use crate::stream::Fill;

/// A tick of 0.1 and a lot of 0.001.
const TICK: Price = Price::from_raw(10_000_000);
const LOT: Qty = Qty::from_raw(100_000);
const QTY: Qty = Qty::from_raw(100 * LOT.raw());

/// Replays a tape under a strategy. `first` is the time of its first event.
pub fn run(fill: Fill, first: u64, strategy: Strategy) -> Outcome {
    let listed = Listed {
        name: "BTC".into(),
        venue: String::new(),
        price_unit: TICK,
        qty_unit: LOT,
    };
    let header = Header { source: String::new(), instruments: vec![listed] };
    let mut quoter = Quoter { strategy, first, ..Quoter::default() };
    let delay = || Delay::Constant(Span::from_nanos(LATENCY));
    let latency =
        LatencyParams { feed: delay(), order: delay(), answer: delay(), outages: Vec::new() };
    let queue = QueueModel::Probability(Weight::PowerFront { n: 2.0 });
    let exchange = ExchangeParams { fills: Fills::Whole, queue, consume: false };
    let terms = MarketTerms {
        kind: Kind::Linear { settle: Asset::CURRENCY, size: Qty::ONE },
        fees: Schedule::free(),
        delivery: Schedule::free(),
        liquidation: Schedule::free(),
        margin: Margin::None,
    };
    let cash = Amount::from_raw(1_000_000_000 * Amount::ONE.raw());
    let setup = Setup {
        feeds: vec![FeedSetup { source: Box::new(Tape { header, fill }), latency }],
        markets: vec![MarketSetup {
            feed: 0,
            instrument: 0,
            account: 0,
            record: record::Market::new("BTC", "", MarketKind::Perpetual, TICK, LOT),
            venue: VenueParams::Book(exchange),
            impact: None,
            expiry: None,
        }],
        accounts: vec![AccountSetup {
            assets: vec![AssetTerms::CASH],
            markets: vec![terms],
            turnover_daily: Amount::ZERO,
            deposits: vec![(Asset::CURRENCY, cash)],
            prices: Vec::new(),
        }],
        strategy: &mut quoter,
        hear: Hear::Wake,
        hears_trades: false,
        start: Some(Time::from_nanos(first)),
        end: None,
        sample: Span::MINUTE,
        run: record::Run::default(),
    };
    let record = run::run(setup, &mut |_, _| ()).expect("the stream is sound");
    let fills = record.markets[0].counts.fills;
    Outcome { fills, position: quoter.position, orders: quoter.orders, ..quoter.outcome }
}

struct Tape {
    header: Header,
    fill: Fill,
}

impl Source for Tape {
    fn header(&self) -> &Header {
        &self.header
    }

    fn fill(&mut self, slots: &mut Vec<Slot>) -> Result<bool, feed::Error> {
        Ok((self.fill)(slots))
    }
}

/// Looks at the best quotes and, as the maker, keeps two quotes there.
struct Quoter {
    strategy: Strategy,
    first: u64,
    /// Best prices in ticks, by side.
    best: [i64; 2],
    /// By side: number and price of the quote, where there is one, and whether it is confirmed.
    quotes: [Option<(ClientId, i64)>; 2],
    /// Own orders that are not known to be gone, and whether the exchange has confirmed them.
    known: Vec<(ClientId, bool)>,
    orders: u64,
    position: i64,
    outcome: Outcome,
}

impl Default for Quoter {
    fn default() -> Quoter {
        Quoter {
            strategy: Strategy::Null,
            first: 0,
            best: [i64::MIN, i64::MAX],
            quotes: [None; 2],
            known: Vec::new(),
            orders: 0,
            position: 0,
            outcome: Outcome::default(),
        }
    }
}

impl strategy::Strategy for Quoter {
    fn on(&mut self, event: &strategy::Event, intents: &mut Vec<Intent>) {
        let ticks = |level: strategy::Level| level.price.raw() / TICK.raw();
        match *event {
            strategy::Event::Quote { bid, ask, .. } => {
                self.best = [bid.map_or(i64::MIN, ticks), ask.map_or(i64::MAX, ticks)];
            }
            strategy::Event::Rested { client, .. } => {
                if let Some(known) = self.known.iter_mut().find(|known| known.0 == client) {
                    known.1 = true;
                }
            }
            strategy::Event::Fill { client, side, qty, done, .. } => {
                self.position += side.sign() * (qty.raw() / LOT.raw());
                if done {
                    self.known.retain(|known| known.0 != client);
                }
            }
            strategy::Event::Gone { client, .. } => self.known.retain(|known| known.0 != client),
            strategy::Event::Wake { now } => {
                if now.nanos() > self.first {
                    self.look(now.nanos(), intents);
                }
                intents.push(Intent::WakeAt(now.after(Span::from_nanos(LOOK))));
            }
            strategy::Event::Trade { .. }
            | strategy::Event::Funding { .. }
            | strategy::Event::Position { .. }
            | strategy::Event::Equity { .. }
            | strategy::Event::Series { .. }
            | strategy::Event::Surface(_)
            | strategy::Event::Auction { .. } => {}
        }
    }
}

impl Quoter {
    fn look(&mut self, now: u64, intents: &mut Vec<Intent>) {
        if self.strategy == Strategy::Maker {
            self.requote(intents);
        }
        let [bid, ask] = self.best;
        self.outcome.look(now, bid, ask, self.position);
    }

    fn requote(&mut self, intents: &mut Vec<Intent>) {
        let instrument = Instrument(0);
        for side in [Side::Buy, Side::Sell] {
            let Some((client, at)) = self.quotes[side as usize] else { continue };
            let confirmed = self.known.iter().find(|known| known.0 == client).map(|own| own.1);
            let stale = confirmed == Some(true) && self.best[side as usize] != at;
            if stale {
                intents.push(Intent::Cancel { instrument, client });
            }
            if stale || confirmed.is_none() {
                self.quotes[side as usize] = None;
            }
        }
        for side in [Side::Buy, Side::Sell] {
            if self.quotes[side as usize].is_none() {
                self.orders += 1;
                let (client, at) = (ClientId(self.orders), self.best[side as usize]);
                let (price, qty) = (Price::from_raw(at * TICK.raw()), QTY);
                let (lifetime, reduce_only) = (Lifetime::PostOnly, false);
                intents.push(Intent::Place {
                    instrument,
                    side,
                    price,
                    qty,
                    lifetime,
                    reduce_only,
                    client,
                });
                self.known.push((client, false));
                self.quotes[side as usize] = Some((client, at));
            }
        }
    }
}
