//! A seeded machine that throws hostile commands at the exchange. After every block all invariants
//! hold, every movement of money is told by an event, users together have no more than came in, and
//! what was refused changed nothing.

mod coverage;
mod council;
mod properties;

use std::panic::{AssertUnwindSafe, catch_unwind};

use money::{Amount, Price, Qty, Rate, Round, Span, Time};
use protocol::command::*;
use protocol::engine::apply;
use protocol::event::Event;
use protocol::governance::council::{Draft, Measure, ProposalId};
use protocol::governance::guardian::Emergency;
use protocol::halt::{Directive, Phase};
use protocol::ids::*;
use protocol::ledger::Holder;
use protocol::params::*;
use protocol::schedule::trigger::{Execution, Kind as Waits};
use protocol::state::{Level, State};

use crate::exchange::*;
use crate::futures::{BTC_DATED, dated, with_future};

const ACCOUNTS: u32 = 6;

/// The generator of Steele, Lea and Flood (2014), 64 bits of state.
pub struct SplitMix(pub u64);

impl SplitMix {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    /// From −1 to 1.
    fn signed(&mut self) -> f64 {
        self.below(2_000_001) as f64 / 1e6 - 1.0
    }

    fn one_in(&mut self, many: u64) -> bool {
        self.below(many) == 0
    }
}

/// One run: the state, the money that the events told of, and the world's prices.
struct Machine {
    random: SplitMix,
    state: State,
    /// The same, without the messages that were refused and with a look at every account.
    quiet: State,
    time: u64,
    prices: [f64; 3],
    open: Vec<(MarketId, OrderId)>,
    /// Cash, BTC and SOL of each account, by the events alone.
    told: Vec<[Amount; 3]>,
}

fn rule(seed: u64) -> FundingRule {
    let (hour, cap) = (Span::HOUR, rate("0.3"));
    match seed % 5 {
        0 => ANCHORED,
        1 => FundingRule::Industry {
            interval: hour,
            interest: rate("0.0001"),
            clamp: rate("0.0005"),
            cap,
        },
        2 => FundingRule::Dydx {
            sample: Span::MINUTE,
            interval: hour,
            interest: rate("0.0001"),
            cap,
        },
        3 => FundingRule::Velocity { max_velocity: rate("9"), premium_scale: rate("0.001"), cap },
        _ => FundingRule::Pi {
            proportional: rate("2"),
            integral: rate("3"),
            leak: hour,
            carry: rate("-0.001"),
            cap,
        },
    }
}

/// Default rules; prices that jump into short auctions; no guard at all.
fn guards(seed: u64) -> Rules {
    let trigger = Trigger {
        horizon: Span::from_secs(20),
        move_max: Rate::from_bp(200),
        auction: Span::from_secs(3),
    };
    let halt = HaltParams {
        triggers: vec![trigger],
        outage_min: Span::MINUTE,
        fresh_blocks: 2,
        calm_blocks: 3,
        cancel_all: seed.is_multiple_of(2),
        notice: Span::MINUTE,
        average: Span::from_secs(30),
        average_min: Span::SECOND,
        ..HaltParams::default()
    };
    match seed % 3 {
        0 => Rules::default(),
        1 => Rules { halt, ..unguarded() },
        _ => unguarded(),
    }
}

/// A future on BTC that expires after a minute, or in a leap of time.
fn expiring(seed: u64) -> FutureParams {
    let averaging = Span::from_secs(if seed.is_multiple_of(4) { 5 } else { 40 });
    FutureParams { averaging, ..dated(if seed.is_multiple_of(2) { 60 } else { 5400 }) }
}

impl Machine {
    fn new(seed: u64) -> Machine {
        let mut params = with_future(expiring(seed));
        for at in [BTC_PERP.index(), SOL_PERP.index()] {
            let funding = rule(seed);
            params.markets[at].kind = Kind::Perpetual(PerpetualParams { funding, ..perpetual() });
            params.markets[at].fee_maker = rate("0.00033333");
        }
        let all = params.markets.len();
        let (matching, batched) = match seed / 2 % 4 {
            0 | 1 => (Matching::Continuous, 0..0),
            2 => (Matching::Batch { every: 1 }, BTC_PERP.index()..all),
            _ => (Matching::Batch { every: 2 }, 0..all),
        };
        if seed % 5 == 1 {
            for market in &mut params.markets {
                market.rules.concentration = ConcentrationParams {
                    threshold: rate("0.2"),
                    slope: rate("0.2"),
                    interest_min: amount("5000"),
                };
            }
        }
        for market in &mut params.markets[batched] {
            market.rules.matching = matching;
        }
        params.checkpoint_blocks = 4;
        params.rules = guards(seed);
        params.rules.ladder.widening = Rate::ONE;
        params.rules.flow.gate_blocks = 3;
        params.rules.council.guardian = Some(AccountId(0));
        params.rules.voting.voting = Span::DAY;
        params.rules.voting.unstake_delay = Span::DAY.times(4);
        params.rules.owners = OwnerParams { accounts_max: 3, agents_max: 2 };
        params.rules.flow.limits.hour_min = amount("50");
        params.rules.flow.limits.day_min = amount("900");
        let state = State::new(params).unwrap();
        let mut machine = Machine {
            random: SplitMix(seed),
            quiet: state.clone(),
            state,
            time: START,
            prices: [1.0, 100_000.0, 100.0],
            open: Vec::new(),
            told: Vec::new(),
        };
        let mut messages: Vec<Message> =
            (0..ACCOUNTS).map(|_| custodian(Command::OpenAccount)).collect();
        messages.push(custodian(Command::OpenBackstop));
        for account in (0..ACCOUNTS).map(AccountId) {
            for (asset, text) in [(QUOTE, "9000"), (BTC, "0.05"), (SOL, "30")] {
                let amount = amount(text);
                messages.push(custodian(Command::Deposit { account, asset, amount }));
            }
        }
        messages.extend(machine.votes());
        machine.block(messages);
        machine
    }

    fn votes(&mut self) -> Vec<Message> {
        let mut votes = Vec::new();
        let wide = self.state.height() % 16 >= 14;
        let sure = if wide { 25 } else { 1000 };
        for asset in [BTC, SOL] {
            for publisher in 0..3 {
                let mut at = self.prices[asset.index()] * (1.0 + 0.0005 * self.random.signed());
                if self.random.one_in(60) {
                    at *= [1e-9, 0.2, 5.0, 1e12][self.random.below(4) as usize];
                }
                let price = Price::from_raw((at * 1e8) as i64);
                let time = Time::from_nanos(self.time - self.random.below(2) * 1000);
                let confidence = Price::from_raw(price.raw() / sure);
                let vote = Vote { asset, price, confidence, time };
                if !self.random.one_in(10) {
                    let sender = Sender::Publisher(PublisherId(publisher));
                    votes.push(Message { sender, command: Command::Publish(vote) });
                }
            }
        }
        votes
    }

    fn nasty(&mut self) -> i64 {
        let values =
            [i64::MAX, i64::MIN, 0, -1, 1, 1 << 53, i64::MAX / 4096, 1_000_000_000_000_000_000];
        values[self.random.below(8) as usize]
    }

    fn order(&mut self) -> NewOrder {
        let market = MarketId(self.random.below(5) as u16);
        let (asset, tick, lot) = match market.0 % 2 {
            0 => (1, 10_000_000, 10_000),
            _ => (2, 1_000_000, 1_000_000),
        };
        let side = if self.random.one_in(2) { Side::Buy } else { Side::Sell };
        let wide = if self.random.one_in(4) { 0.15 } else { 0.01 };
        let at = self.prices[asset] * (1.0 + wide * self.random.signed());
        let mut price = (at * 1e8) as i64 / tick * tick;
        let typical = if asset == 1 { 1000 } else { 10_000 };
        let mut qty = (1 + self.random.below(typical * 6)) as i64 * lot;
        if self.random.one_in(25) {
            price = self.nasty() / tick * tick;
        }
        if self.random.one_in(25) {
            qty = self.nasty() / lot * lot;
        }
        if self.random.one_in(40) {
            (price, qty) = (self.nasty(), self.nasty());
        }
        NewOrder {
            market,
            side,
            price: Price::from_raw(price),
            qty: Qty::from_raw(qty),
            lifetime: [Lifetime::Resting, Lifetime::Immediate, Lifetime::PostOnly]
                [self.random.below(3) as usize],
            reduce_only: self.random.one_in(5),
            self_trade: [SelfTrade::CancelTaker, SelfTrade::CancelMaker, SelfTrade::CancelBoth]
                [self.random.below(3) as usize],
            client: ClientId(self.random.below(100)),
        }
    }

    fn message(&mut self) -> Message {
        let account = match self.random.below(40) {
            0 => AccountId(u32::MAX),
            n => AccountId(n as u32 % ACCOUNTS),
        };
        let asset = AssetId(self.random.below(4) as u16);
        let mut sum = Amount::from_raw(i128::from(self.random.below(5_000_000_000)));
        if self.random.one_in(8) {
            sum = Amount::from_raw(i128::from(self.nasty()) * i128::from(self.nasty().max(1)));
        }
        match self.random.below(40) {
            0 => user(account, Command::Withdraw { asset, amount: sum }),
            1 => custodian(Command::Deposit { account, asset, amount: sum }),
            2 => custodian(Command::FundInsurance { amount: sum }),
            3 => user(account, Command::CancelAll { market: None }),
            4 => user(account, Command::CancelAll { market: Some(MarketId(asset.0 * 2)) }),
            5..=9 if !self.open.is_empty() => {
                let at = self.random.below(self.open.len() as u64) as usize;
                let (market, order) = self.open[at];
                user(account, Command::Cancel { market, order })
            }
            10 => user(account, Command::OpenAccount),
            11 => user(account, Command::BackstopDeposit { amount: sum }),
            12 => user(account, Command::BackstopWithdraw { shares: sum }),
            13 => self.directive(),
            14..=17 => self.extra(account, asset, sum),
            18..=20 => user(account, self.plan()),
            21..=23 => user(account, self.govern(account, sum)),
            24 | 25 => self.spread(account),
            _ => user(account, Command::Place(self.order())),
        }
    }

    /// An order of governance, seldom the last one.
    fn directive(&mut self) -> Message {
        let market = MarketId(self.random.below(5) as u16);
        let directives = [Directive::Halt, Directive::ReduceOnly, Directive::Resume];
        let mut directive = directives[self.random.below(10).min(2) as usize];
        if self.random.one_in(30) {
            directive = Directive::Delist;
        }
        let command = Command::Direct { market, directive };
        if self.random.one_in(3) { custodian(command) } else { user(AccountId(0), command) }
    }

    /// An account, also one that its owner opened.
    fn any(&mut self) -> AccountId {
        AccountId(self.random.below(u64::from(self.state.accounts()) + 1) as u32)
    }

    /// A command about owners and agents.
    fn extra(&mut self, account: AccountId, asset: AssetId, amount: Amount) -> Message {
        let agent = AgentId(self.random.below(3));
        let time = Time::from_nanos(self.time.saturating_add(self.random.below(100) << 32));
        match self.random.below(8) {
            0 => user(account, Command::OpenSubAccount),
            1 => user(account, Command::ApproveAgent { agent, expires: time }),
            2 => user(account, Command::RevokeAgent { agent }),
            3 => {
                let sender = Sender::Agent { agent, account };
                Message { sender, command: Command::Place(self.order()) }
            }
            4 => {
                let sender = Sender::Agent { agent, account };
                Message { sender, command: Command::Withdraw { asset, amount } }
            }
            _ => {
                let [from, to] = [self.any(), self.any()];
                let from = if self.random.one_in(2) { account } else { from };
                user(account, Command::Transfer { from, to, asset, amount })
            }
        }
    }

    /// A command about what is due later.
    fn plan(&mut self) -> Command {
        let NewOrder { market, side, qty, reduce_only, client, price, .. } = self.order();
        let secs = self.random.below(200);
        let number = self.random.below(40);
        let kind = if self.random.one_in(2) { Waits::Stop } else { Waits::TakeProfit };
        let execution = if self.random.one_in(2) {
            Execution::Limit(price)
        } else {
            Execution::Market(Rate::from_bp(self.random.below(12_000) as i64))
        };
        let size = if self.random.one_in(2) { Some(qty) } else { None };
        let level = Price::from_raw((price.raw() / 997).saturating_mul(1000));
        let order = TriggerOrder { market, side, kind, level, qty: size, execution, client };
        match self.random.below(8) {
            0 => Command::ScheduleCancel { at: None },
            1 => {
                let at = self.time.saturating_add(secs * 1_000_000_000);
                Command::ScheduleCancel { at: Some(Time::from_nanos(at)) }
            }
            2 | 3 => {
                let duration = Span::from_secs(secs);
                Command::PlaceTwap(TwapOrder { market, side, qty, duration, reduce_only, client })
            }
            4 => Command::CancelTwap { number },
            5 => Command::PlaceTrigger(Box::new(order)),
            6 => {
                let level = Price::from_raw(price.raw() / 1003 * 1000);
                let stop = TriggerOrder { kind: Waits::Stop, level, ..order };
                let profit = TriggerOrder { kind: Waits::TakeProfit, ..order };
                Command::PlacePair(Box::new([stop, profit]))
            }
            _ => Command::CancelTrigger { market, number },
        }
    }

    /// Two legs: mostly a hedge that is opened or closed, of whatever size.
    fn spread(&mut self, account: AccountId) -> Message {
        let order = self.order();
        let leg = |order: NewOrder, market, side| {
            let NewOrder { price, qty, .. } = order;
            Leg { market, side, price, qty }
        };
        let spot = if self.random.one_in(2) { BTC_SPOT } else { SOL_SPOT };
        let [sell, buy] = [Side::Sell, Side::Buy];
        let mut legs = [leg(order, order.market, order.side), leg(self.order(), spot, sell)];
        if !self.random.one_in(6) {
            let perp = MarketId(spot.0 + 2);
            let index = self.state.index_price(perp);
            let tick = self.state.market(spot).params.tick.raw();
            let far = Rate::from_bp(self.random.below(1_000) as i64);
            let [low, high] = [-far, far].map(|far| {
                let limit = index.offset(far, Round::Down).unwrap();
                Price::from_raw(limit.raw() / tick * tick)
            });
            let known = AccountId(account.0 % ACCOUNTS);
            let held = self.state.market(perp).entry(known).position.abs();
            let qty = if held.is_zero() { order.qty } else { held };
            legs = [(spot, sell, low), (perp, buy, high)].map(|(market, side, price)| Leg {
                market,
                side,
                price,
                qty,
            });
            if self.random.one_in(3) {
                legs = [(spot, buy, high), (perp, sell, low)].map(|(market, side, price)| Leg {
                    market,
                    side,
                    price,
                    qty,
                });
            }
        }
        user(account, Command::PlaceSpread(Box::new(SpreadOrder { legs, client: order.client })))
    }

    /// Now and then an order that takes what it can to close a position, else any message.
    fn closing_or_any(&mut self) -> Message {
        let account = AccountId(self.random.below(u64::from(ACCOUNTS)) as u32);
        let id = [BTC_PERP, SOL_PERP, BTC_DATED][self.random.below(3) as usize];
        let position = self.state.market(id).entry(account).position;
        if position.is_zero() || self.random.one_in(3) {
            return self.message();
        }
        if position.is_negative() && self.random.one_in(4) {
            return self.spread(account);
        }
        let side = if position.is_positive() { Side::Sell } else { Side::Buy };
        let far = Rate::from_bp(900 * side.sign());
        let mark = self.state.market(id).perpetual.mark.price;
        let tick = self.state.market(id).params.tick.raw();
        let limit = mark.offset(far, Round::Down).unwrap().raw() / tick * tick;
        let (price, qty) = (Price::from_raw(limit), position.abs());
        let order = NewOrder {
            market: id,
            side,
            price,
            qty,
            lifetime: Lifetime::Immediate,
            reduce_only: true,
            self_trade: SelfTrade::CancelMaker,
            client: ClientId(1),
        };
        user(account, Command::Place(order))
    }

    fn step(&mut self, commands: u64) {
        for at in 1..3 {
            let moved = if self.random.one_in(25) { 0.6 } else { 0.01 };
            self.prices[at] *= 1.0 + moved * self.random.signed();
            self.prices[at] = self.prices[at].clamp(1.0, 1e6);
        }
        self.time += match self.random.below(30) {
            0 => 0,
            1 => 1,
            2 => Span::HOUR.nanos() * 30,
            3 => Span::MINUTE.nanos(),
            _ => Span::SECOND.nanos(),
        };
        let mut messages = self.votes();
        messages.extend((0..commands).map(|_| self.message()));
        self.block(messages);
    }

    fn block(&mut self, messages: Vec<Message>) {
        let mut time = Time::from_nanos(self.time);
        if self.random.one_in(30) {
            time = Time::from_nanos(self.time - Span::HOUR.nanos()); // backwards
        }
        let mut block = Block { time, messages };
        let events = apply(&mut self.state, &block);
        let mut refused = vec![false; block.messages.len()];
        for event in &events {
            self.tell(event);
            if let Event::Rejected { message, .. } = event {
                refused[*message as usize] = true;
            }
        }
        self.check_money();
        let mut refused = refused.into_iter();
        block.messages.retain(|_| !refused.next().unwrap());
        // The naive form of R-5, next to which the accounts of `state` rest.
        self.quiet.look_at_everybody();
        apply(&mut self.quiet, &block);
        if self.state.height().is_multiple_of(8) {
            assert_eq!(
                self.state.content_hash(),
                self.quiet.content_hash(),
                "a refused command changed something, or an account was overlooked"
            );
        }
    }

    /// Books what an event says; nothing else is known about anybody's money.
    fn tell(&mut self, event: &Event) {
        let told = &mut self.told;
        let mut add = |account: AccountId, asset: AssetId, amount: Amount| {
            told[account.index()][asset.index()] += amount;
        };
        match *event {
            Event::Opened { .. } => told.push([Amount::ZERO; 3]),
            Event::Moved { account: Some(account), asset, amount } => add(account, asset, amount),
            Event::LeftBehind { account, amount } => add(account, QUOTE, -amount),
            Event::Traded {
                market, side, price, qty, taker, maker, taker_fee, maker_fee, ..
            } => {
                add(taker, QUOTE, -taker_fee);
                add(maker, QUOTE, -maker_fee);
                if market == BTC_SPOT || market == SOL_SPOT {
                    let base = if market == BTC_SPOT { BTC } else { SOL };
                    let (buyer, seller) =
                        if side == Side::Buy { (taker, maker) } else { (maker, taker) };
                    let value = price.notional(qty, Round::Down);
                    add(buyer, QUOTE, -value);
                    add(seller, QUOTE, value);
                    add(buyer, base, qty.as_amount());
                    add(seller, base, -qty.as_amount());
                }
            }
            Event::Realised { account, amount, .. }
            | Event::FundingPaid { account, amount, .. }
            | Event::InsurancePaid { account, amount } => add(account, QUOTE, amount),
            Event::LiquidationFee { account, amount } => add(account, QUOTE, -amount),
            Event::Deleveraged { account, counterparty, haircut, .. } => {
                add(account, QUOTE, haircut);
                add(counterparty, QUOTE, -haircut);
            }
            Event::BackstopMoved { account, vault, amount, .. } => {
                add(account, QUOTE, -amount);
                add(vault, QUOTE, amount);
            }
            Event::Rested { market, order, .. } | Event::Collected { market, order, .. } => {
                self.open.push((market, order));
            }
            Event::Staked { account, asset, amount } => add(account, asset, -amount),
            Event::Transferred { from, to, asset, amount } => {
                add(from, asset, -amount);
                add(to, asset, amount);
            }
            _ => {}
        }
    }

    /// Balances are what the events said, and equity in quote never exceeds what came in.
    fn check_money(&self) {
        let ledger = self.state.ledger();
        let mut equity = Amount::ZERO;
        for (account, told) in (0u32..).map(AccountId).zip(&self.told) {
            for (asset, told) in (0u16..).map(AssetId).zip(told) {
                let held = ledger.balance(Holder::User(account), asset);
                assert_eq!(held, *told, "account {} asset {}", account.0, asset.0);
            }
            let sound = self.state.health(account, Level::Maintenance).is_sound();
            assert!(sound || !self.state.is_clearly_sound(account), "account {}", account.0);
            equity += ledger.cash(account);
            for market in [BTC_PERP, SOL_PERP, BTC_DATED] {
                let market = self.state.market(market);
                let entry = market.entry(account);
                let received = entry.funding_index - market.perpetual.funding.index;
                equity += entry.profit(market.perpetual.mark.price);
                equity += received.split(entry.position).unwrap().0;
            }
        }
        assert!(equity <= -ledger.balance(Holder::Outside, QUOTE), "{equity} from nowhere");
    }
}

/// The blocks of a seeded run, for the tests of determinism.
pub fn recorded(seed: u64, blocks: u32) -> (Vec<Block>, [u8; 32]) {
    let mut machine = Machine::new(seed);
    let mut recorded = Vec::new();
    let mut state = State::new(machine.state.params().clone()).unwrap();
    for _ in 0..blocks {
        machine.time += Span::SECOND.nanos();
        let mut messages = machine.votes();
        messages.extend((0..8).map(|_| machine.message()));
        if recorded.is_empty() {
            messages = (0..ACCOUNTS).map(|_| custodian(Command::OpenAccount)).collect();
            for account in (0..ACCOUNTS).map(AccountId) {
                let amount = amount("30000");
                messages.push(custodian(Command::Deposit { account, asset: QUOTE, amount }));
            }
        }
        let block = Block { time: Time::from_nanos(machine.time), messages };
        apply(&mut state, &block);
        recorded.push(block);
    }
    (recorded, state.chain_hash())
}
