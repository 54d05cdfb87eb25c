//! A small exchange for the tests: USD, BTC and SOL, a spot and a perpetual market of each.

use money::{Amount, Price, Qty, Rate, Span, Time};
use protocol::command::*;
use protocol::engine::apply;
use protocol::event::Event;
use protocol::ids::*;
use protocol::ledger::Holder;
use protocol::params::*;
use protocol::reject::Reject;
use protocol::state::{Level, State};

pub const BTC: AssetId = AssetId(1);
pub const SOL: AssetId = AssetId(2);
pub const BTC_SPOT: MarketId = MarketId(0);
pub const SOL_SPOT: MarketId = MarketId(1);
pub const BTC_PERP: MarketId = MarketId(2);
pub const SOL_PERP: MarketId = MarketId(3);
/// 2026-01-01 00:00 UTC.
pub const START: u64 = 1_767_225_600_000_000_000;

pub fn price(text: &str) -> Price {
    text.parse().unwrap()
}
pub fn qty(text: &str) -> Qty {
    text.parse().unwrap()
}
pub fn amount(text: &str) -> Amount {
    text.parse().unwrap()
}
pub fn rate(text: &str) -> Rate {
    text.parse().unwrap()
}

/// Carry zero and a premium paid in 8 h.
pub const ANCHORED: FundingRule = FundingRule::Anchored {
    anchor: Span::from_secs(8 * 3600),
    carry: Rate::ZERO,
    cap: Rate::from_bp(1000),
};

fn asset(name: &str, percent: [i64; 4]) -> AssetParams {
    let [haircut_initial, haircut_maintenance, basis_initial, basis_maintenance] =
        percent.map(|percent| Rate::from_bp(100 * percent));
    let name = name.into();
    AssetParams { name, haircut_initial, haircut_maintenance, basis_initial, basis_maintenance }
}

pub fn perpetual() -> PerpetualParams {
    PerpetualParams {
        funding: ANCHORED,
        impact_notional: amount("1000"),
        margin_initial: rate("0.1"),
        margin_maintenance: rate("0.05"),
        mark_band: rate("0.03"),
        price_band: rate("0.1"),
        fee_liquidation: rate("0.01"),
        position_max: qty("1000"),
    }
}

fn market(name: &str, base: AssetId, kind: Kind, steps: [&str; 2]) -> MarketParams {
    MarketParams {
        name: name.into(),
        base,
        kind,
        tick: price(steps[0]),
        lot: qty(steps[1]),
        fee_maker: Rate::from_bp(-1),
        fee_taker: Rate::from_bp(5),
        rules: MarketRules::default(),
    }
}

/// Initial 10 %, maintenance 5 %, liquidation fee 1 %, price band 10 %, mark band 3 %.
pub fn design() -> Params {
    let spot = Kind::Spot { price_band: rate("0.1") };
    let perpetual = Kind::Perpetual(perpetual());
    Params {
        assets: vec![
            asset("USD", [0, 0, 0, 0]),
            asset("BTC", [20, 10, 4, 2]),
            asset("SOL", [20, 10, 4, 2]),
        ],
        markets: vec![
            market("BTC-SPOT", BTC, spot, ["0.1", "0.0001"]),
            market("SOL-SPOT", SOL, spot, ["0.01", "0.01"]),
            market("BTC-PERP", BTC, perpetual, ["0.1", "0.0001"]),
            market("SOL-PERP", SOL, perpetual, ["0.01", "0.01"]),
        ],
        oracle: OracleParams {
            stakes: vec![40, 30, 30],
            vote_age_max: Span::from_secs(10),
            index_age_max: Span::from_secs(30),
            confidence_min: Rate::from_bp(1),
            confidence_max: Rate::from_bp(500),
        },
        open_orders_max: 8,
        liquidation_tranche_min: amount("50000"),
        checkpoint_blocks: 1,
        rules: unguarded(),
    }
}

/// Rules under which prices may jump as a test likes: neither ladder nor triggers stop it, and
/// confidence widens nothing.
pub fn unguarded() -> Rules {
    let far = Rate::from_bp(1_000_000);
    let age = Span::MINUTE;
    let ladder = LadderParams {
        jump_max: far,
        distance_max: far,
        age_mark: age,
        age_margin: age,
        widening: Rate::ZERO,
        ..LadderParams::default()
    };
    let halt = HaltParams { triggers: Vec::new(), outage_min: Span::HOUR, ..HaltParams::default() };
    Rules { ladder, halt, ..Rules::default() }
}

/// Both ways in which the orders of a market can meet; a batch is one block.
pub const BOTH: [Matching; 2] = [Matching::Continuous, Matching::Batch { every: 1 }];

/// A design all of whose markets match so.
pub fn matched(mut params: Params, matching: Matching) -> Params {
    params.markets.iter_mut().for_each(|market| market.rules.matching = matching);
    params
}

pub fn user(account: AccountId, command: Command) -> Message {
    Message { sender: Sender::User(account), command }
}
pub fn custodian(command: Command) -> Message {
    Message { sender: Sender::Custodian, command }
}

/// A resting order.
pub fn order(market: MarketId, side: Side, at: &str, size: &str) -> NewOrder {
    NewOrder {
        market,
        side,
        price: price(at),
        qty: qty(size),
        lifetime: Lifetime::Resting,
        reduce_only: false,
        self_trade: SelfTrade::CancelTaker,
        client: ClientId(7),
    }
}

/// An exchange whose prices are published afresh in each block.
pub struct Exchange {
    pub state: State,
    pub now: Time,
    /// Length of a block.
    pub step: Span,
    /// What all publishers vote; `None`: they are silent.
    pub prices: [Option<Price>; 3],
    /// The events of the last block.
    pub events: Vec<Event>,
}

impl Exchange {
    pub fn of(params: Params) -> Exchange {
        Exchange {
            state: State::new(params).unwrap(),
            now: Time::from_nanos(START),
            step: Span::SECOND,
            prices: [None; 3],
            events: Vec::new(),
        }
    }

    /// BTC at 100 000, SOL at 100.
    pub fn new() -> Exchange {
        Exchange::with(Matching::Continuous)
    }

    /// The same, all of its markets matching so.
    pub fn with(matching: Matching) -> Exchange {
        Exchange::started(matched(design(), matching))
    }

    /// BTC at 100 000, SOL at 100, in a design.
    pub fn started(params: Params) -> Exchange {
        let mut exchange = Exchange::of(params);
        exchange.prices = [None, Some(price("100000")), Some(price("100"))];
        exchange.run(&[]);
        exchange
    }

    /// One block: the votes, then these messages.
    pub fn run(&mut self, messages: &[Message]) -> &[Event] {
        self.now = self.now.after(self.step);
        let mut all = self.votes();
        all.extend_from_slice(messages);
        self.events = apply(&mut self.state, &Block { time: self.now, messages: all });
        &self.events
    }

    /// The votes of a block.
    pub fn votes(&self) -> Vec<Message> {
        self.votes_at(self.now)
    }

    /// The votes of a block at this time.
    pub fn votes_at(&self, time: Time) -> Vec<Message> {
        let mut votes = Vec::new();
        for (asset, price) in (0u16..).map(AssetId).zip(self.prices) {
            let Some(price) = price else { continue };
            let vote = Vote { asset, price, confidence: Price::ZERO, time };
            votes.extend((0..3).map(|publisher| Message {
                sender: Sender::Publisher(PublisherId(publisher)),
                command: Command::Publish(vote),
            }));
        }
        votes
    }

    pub fn blocks(&mut self, count: u32) {
        for _ in 0..count {
            self.run(&[]);
        }
    }

    /// A block with a single message; its refusal, if any.
    pub fn send(&mut self, message: Message) -> Result<(), Reject> {
        self.run(&[message]);
        let refused = self.events.iter().find_map(|event| match event {
            Event::Rejected { reason, .. } => Some(*reason),
            _ => None,
        });
        refused.map_or(Ok(()), Err)
    }

    pub fn place(&mut self, account: AccountId, order: NewOrder) -> Result<(), Reject> {
        self.send(user(account, Command::Place(order)))
    }

    /// Places and returns the handle of what rests.
    pub fn rest(&mut self, account: AccountId, order: NewOrder) -> OrderId {
        self.place(account, order).unwrap();
        let rested = self.events.iter().find_map(|event| match event {
            Event::Rested { order, .. } => Some(*order),
            _ => None,
        });
        rested.expect("the order rests")
    }

    /// Places and returns the handle of what waits for an auction.
    pub fn wait(&mut self, account: AccountId, order: NewOrder) -> OrderId {
        self.place(account, order).unwrap();
        let waits = self.events.iter().find_map(|event| match event {
            Event::Collected { order, .. } => Some(*order),
            _ => None,
        });
        waits.expect("the order waits")
    }

    /// An account with this much cash.
    pub fn user(&mut self, cash: &str) -> AccountId {
        let account = AccountId(self.state.accounts());
        self.send(custodian(Command::OpenAccount)).unwrap();
        if amount(cash).is_positive() {
            self.give(account, QUOTE, cash);
        }
        account
    }

    pub fn give(&mut self, account: AccountId, asset: AssetId, text: &str) {
        let amount = amount(text);
        self.send(custodian(Command::Deposit { account, asset, amount })).unwrap();
    }

    pub fn withdraw(
        &mut self,
        account: AccountId,
        asset: AssetId,
        text: &str,
    ) -> Result<(), Reject> {
        self.send(user(account, Command::Withdraw { asset, amount: amount(text) }))
    }

    /// `buyer` buys from `seller` by two orders in one block.
    pub fn trade(&mut self, buyer: AccountId, seller: AccountId, at: NewOrder) {
        let ask = NewOrder { side: Side::Sell, ..at };
        let bid = NewOrder { side: Side::Buy, lifetime: Lifetime::Immediate, ..at };
        self.run(&[user(seller, Command::Place(ask)), user(buyer, Command::Place(bid))]);
        let traded = self.events.iter().any(|event| matches!(event, Event::Traded { .. }));
        assert!(traded, "no trade: {:?}", self.events);
    }

    pub fn cash(&self, account: AccountId) -> Amount {
        self.state.ledger().cash(account)
    }

    pub fn held(&self, account: AccountId, asset: AssetId) -> Amount {
        self.state.ledger().balance(Holder::User(account), asset)
    }

    pub fn balance(&self, holder: Holder) -> Amount {
        self.state.ledger().balance(holder, QUOTE)
    }

    pub fn position(&self, account: AccountId, market: MarketId) -> Qty {
        self.state.market(market).entry(account).position
    }

    pub fn mark(&self, market: MarketId) -> Price {
        self.state.market(market).perpetual.mark.price
    }

    pub fn equity(&self, account: AccountId) -> Amount {
        self.state.health(account, Level::Maintenance).equity
    }
}
