//! A seeded machine that throws hostile commands at the exchange. After every block all invariants
//! hold, every movement of money is told by an event, users together have no more than came in, and
//! what was refused changed nothing.

use std::panic::{AssertUnwindSafe, catch_unwind};

use money::{Amount, Price, Qty, Round, Span, Time};
use protocol::command::*;
use protocol::engine::apply;
use protocol::event::Event;
use protocol::ids::*;
use protocol::ledger::Holder;
use protocol::params::*;
use protocol::state::{Level, State};

use crate::exchange::*;

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
    /// The same, without the messages that were refused.
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

impl Machine {
    fn new(seed: u64) -> Machine {
        let mut params = design();
        for at in [BTC_PERP.index(), SOL_PERP.index()] {
            let funding = rule(seed);
            params.markets[at].kind = Kind::Perpetual(PerpetualParams { funding, ..perpetual() });
            params.markets[at].fee_maker = rate("0.00033333");
        }
        params.checkpoint_blocks = 4;
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
        for asset in [BTC, SOL] {
            for publisher in 0..3 {
                let mut at = self.prices[asset.index()] * (1.0 + 0.0005 * self.random.signed());
                if self.random.one_in(60) {
                    at *= [1e-9, 0.2, 5.0, 1e12][self.random.below(4) as usize];
                }
                let price = Price::from_raw((at * 1e8) as i64);
                let time = Time::from_nanos(self.time - self.random.below(2) * 1000);
                let confidence = Price::from_raw(price.raw() / 1000);
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
        let market = MarketId(self.random.below(4) as u16);
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
            _ => user(account, Command::Place(self.order())),
        }
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
        apply(&mut self.quiet, &block);
        if self.state.height().is_multiple_of(8) {
            assert_eq!(
                self.state.content_hash(),
                self.quiet.content_hash(),
                "a refused command changed something"
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
            Event::Rested { market, order, .. } => self.open.push((market, order)),
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
            for market in [BTC_PERP, SOL_PERP] {
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

/// Counts of what happened over all seeds, so that the machine cannot go idle unnoticed.
#[derive(Debug, Default)]
struct Coverage {
    rejected: u32,
    traded: u32,
    forced: u32,
    deleveraged: u32,
    insured: u32,
    funded: u32,
}

impl Coverage {
    fn count(&mut self, event: &Event) {
        match event {
            Event::Rejected { .. } => self.rejected += 1,
            Event::Traded { liquidation: true, .. } => self.forced += 1,
            Event::Traded { .. } => self.traded += 1,
            Event::Deleveraged { .. } => self.deleveraged += 1,
            Event::InsurancePaid { .. } => self.insured += 1,
            Event::FundingPaid { .. } => self.funded += 1,
            _ => {}
        }
    }
}

#[test]
fn i_1_to_i_8_hold_after_every_block_of_hostile_commands() {
    for seed in 0..200 {
        let run = catch_unwind(AssertUnwindSafe(|| {
            let mut machine = Machine::new(seed);
            for _ in 0..50 {
                machine.step(6);
            }
        }));
        assert!(run.is_ok(), "seed {seed}");
    }
}

/// The naive twin of `State::margin_sweep`.
fn unsound_one_by_one(state: &State) -> Vec<AccountId> {
    let risky = |account: AccountId| {
        let open = |market: &protocol::market::Market| !market.entry(account).position.is_zero();
        state.ledger().cash(account).is_negative() || state.markets().iter().any(open)
    };
    let unsound = |account| !state.health(account, Level::Maintenance).is_sound();
    (0..state.accounts()).map(AccountId).filter(|&a| risky(a) && unsound(a)).collect()
}

#[test]
fn r_5_the_sweep_finds_whom_asking_each_account_finds() {
    let mut found = 0;
    for seed in 0..100 {
        let mut machine = Machine::new(seed);
        for height in 0..40 {
            machine.time += Span::SECOND.nanos();
            machine.prices[1] *= 1.0 + 0.02 * machine.random.signed();
            // Without votes nobody is liquidated and accounts stay under margin.
            let mut messages = if height % 8 < 5 { machine.votes() } else { Vec::new() };
            messages.extend((0..12).map(|_| machine.message()));
            let time = Time::from_nanos(machine.time);
            apply(&mut machine.state, &Block { time, messages });
            // What a fall would leave, before anybody is liquidated.
            machine.prices[1] *= if height == 30 { 0.93 } else { 1.0 };
            let unsound = unsound_one_by_one(&machine.state);
            found += unsound.len();
            assert_eq!(machine.state.margin_sweep(), unsound, "seed {seed} height {height}");
        }
    }
    assert!(found > 0, "nobody was ever under margin");
}

#[test]
fn the_machine_reaches_every_part_of_the_waterfall() {
    let mut coverage = Coverage::default();
    for seed in 0..20 {
        let mut machine = Machine::new(seed);
        for _ in 0..60 {
            machine.prices[1] *= 1.0 + 0.02 * machine.random.signed();
            machine.time += Span::SECOND.nanos();
            let mut messages = machine.votes();
            messages.extend((0..12).map(|_| machine.message()));
            let block = Block { time: Time::from_nanos(machine.time), messages };
            apply(&mut machine.state, &block).iter().for_each(|event| coverage.count(event));
        }
        machine.prices[1] *= if seed % 2 == 0 { 0.5 } else { 2.0 };
        for _ in 0..20 {
            machine.time += Span::SECOND.nanos();
            let messages = machine.votes();
            let block = Block { time: Time::from_nanos(machine.time), messages };
            apply(&mut machine.state, &block).iter().for_each(|event| coverage.count(event));
        }
    }
    let Coverage { rejected, traded, forced, deleveraged, insured, funded } = coverage;
    let counts = [rejected, traded, forced, deleveraged, insured, funded];
    assert!(counts.iter().all(|count| *count > 0), "{coverage:?}");
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
