//! The exchange of the tests with options on BTC, whose surface is published in each block.

use money::{Price, Qty, Rate};
use protocol::command::*;
use protocol::event::{Event, OptionEvent};
use protocol::ids::*;
use protocol::option::{Contract, Leg};
use protocol::params::*;
use protocol::reject::Reject;
use protocol::state::Level;
use protocol::surface::{SliceVote, Vote};

use crate::exchange::*;

pub const CHAIN: ChainId = ChainId(0);

/// Tick 1 quote, lot 0.01 BTC.
pub fn design_with_options() -> Params {
    let mut params = design();
    params.rules.options = vec![OptionParams::new(BTC, price("1"), qty("0.01"))];
    params
}

/// Publishers, prices and surfaces.
pub struct Floor {
    pub x: Exchange,
    /// Volatility at the money that all publishers vote; `None`: they are silent.
    pub volatility: Option<f64>,
}

impl Floor {
    /// BTC at 100 000, volatility 50 %, at midnight before the first expiry at 8:00.
    pub fn new() -> Floor {
        Floor::of(design_with_options())
    }

    pub fn of(params: Params) -> Floor {
        let mut floor = Floor { x: Exchange::started(params), volatility: Some(0.5) };
        floor.run(&[]);
        floor
    }

    /// One block: prices, surfaces, then these messages.
    pub fn run(&mut self, messages: &[Message]) -> &[Event] {
        let mut all = self.surfaces();
        all.extend_from_slice(messages);
        self.x.run(&all)
    }

    /// The surfaces of a block, of all options.
    pub fn surfaces(&self) -> Vec<Message> {
        let Some(volatility) = self.volatility else { return Vec::new() };
        let chains = (0u16..).map(ChainId).take(self.x.state.chains().len());
        let all = chains.flat_map(|chain| {
            let vote = self.vote_on(chain, volatility);
            (0..3).map(move |publisher| surface_of(publisher, chain, vote.clone()))
        });
        all.collect()
    }

    /// A publisher's surface with a small smile, of what is listed.
    pub fn surface(&self, publisher: u16, volatility: f64) -> Message {
        surface_message(publisher, self.vote(volatility))
    }

    pub fn vote(&self, volatility: f64) -> Vote {
        self.vote_on(CHAIN, volatility)
    }

    fn vote_on(&self, chain: ChainId, volatility: f64) -> Vote {
        let source_time = self.x.now.after(self.x.step);
        let chain = &self.x.state.chains()[chain.index()];
        let listed = chain.expiries.iter().map(|expiry| expiry.time);
        let slices = listed.filter(|expiry| *expiry > source_time).map(|expiry| SliceVote {
            expiry,
            basis: Rate::ZERO,
            a: Rate::from_bp((volatility * volatility * 10_000.0) as i64 - 20),
            b: rate("0.02"),
            rho: Rate::ZERO,
            m: Rate::ZERO,
            sigma: rate("0.1"),
        });
        Vote { source_time, slices: slices.collect() }
    }

    /// A block with a single message; its refusal, if any.
    pub fn send(&mut self, message: Message) -> Result<(), Reject> {
        self.run(&[message]);
        let refused = self.x.events.iter().find_map(|event| match event {
            Event::Rejected { reason, .. } => Some(*reason),
            _ => None,
        });
        refused.map_or(Ok(()), Err)
    }

    pub fn place(&mut self, account: AccountId, order: OptionOrder) -> Result<(), Reject> {
        self.send(user(account, Command::PlaceOption(order)))
    }

    /// Places and returns the handle of what rests.
    pub fn rest(&mut self, account: AccountId, order: OptionOrder) -> OrderId {
        self.place(account, order).unwrap();
        let rested = self.x.events.iter().find_map(|event| match event {
            Event::Option(OptionEvent::Rested { order, .. }) => Some(*order),
            _ => None,
        });
        rested.expect("the order rests")
    }

    /// `buyer` buys from `seller` by two orders in one block.
    pub fn trade(&mut self, buyer: AccountId, seller: AccountId, at: OptionOrder) {
        let ask = OptionOrder { side: Side::Sell, ..at };
        let bid = OptionOrder { side: Side::Buy, lifetime: Lifetime::Immediate, ..at };
        self.run(&[
            user(seller, Command::PlaceOption(ask)),
            user(buyer, Command::PlaceOption(bid)),
        ]);
        let traded = self.count(|event| matches!(event, Event::Option(OptionEvent::Traded { .. })));
        assert!(traded > 0, "no trade: {:?}", self.x.events);
    }

    pub fn count(&self, told: impl Fn(&Event) -> bool) -> usize {
        self.x.events.iter().filter(|event| told(event)).count()
    }

    /// The series of the expiry at a place, with a strike in quote.
    pub fn series(&self, expiry: usize, strike: &str, kind: OptionKind) -> SeriesId {
        let chain = &self.x.state.chains()[0];
        let expiry = chain.expiries[expiry].time;
        chain.find(Contract { expiry, strike: price(strike), kind }).expect("it is listed").id
    }

    pub fn mark(&self, series: SeriesId) -> Price {
        self.x.state.chains()[0].series(series).unwrap().mark.expect("there is a surface")
    }

    /// The mark on the tick below.
    pub fn about(&self, series: SeriesId) -> String {
        (self.mark(series).raw() / 100_000_000).to_string()
    }

    pub fn leg(&self, account: AccountId, series: SeriesId) -> Leg {
        self.x.state.chains()[0].leg(account, series)
    }

    pub fn position(&self, account: AccountId, series: SeriesId) -> Qty {
        self.leg(account, series).position
    }

    pub fn requirement(&self, account: AccountId, level: Level) -> money::Amount {
        self.x.state.health(account, level).requirement
    }
}

pub fn surface_message(publisher: u16, vote: Vote) -> Message {
    surface_of(publisher, CHAIN, vote)
}

fn surface_of(publisher: u16, chain: ChainId, vote: Vote) -> Message {
    Message {
        sender: Sender::Publisher(PublisherId(publisher)),
        command: Command::PublishSurface(Box::new(SurfaceVote { chain, vote })),
    }
}

/// A resting order for options.
pub fn option(series: SeriesId, side: Side, at: &str, size: &str) -> OptionOrder {
    OptionOrder {
        series,
        side,
        price: price(at),
        qty: qty(size),
        lifetime: Lifetime::Resting,
        reduce_only: false,
        self_trade: SelfTrade::CancelTaker,
        client: ClientId(7),
    }
}
