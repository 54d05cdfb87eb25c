//! Margin of 100 000 accounts with five positions each, all invariants on, in CPU time where the
//! system tells it: everybody at once (`State::margin_sweep`), calm blocks in which R-5 knows whom
//! to leave alone, blocks in which prices fall so that everybody is due, and the same with the
//! liquidations that follow. Goal of a margin of everybody: 50 ms on one core.
#![allow(missing_docs, clippy::disallowed_types)]

use clock::cpu_nanos;
use money::{Amount, Price, Qty, Rate, Span, Time};
use protocol::command::*;
use protocol::engine::apply_into;
use protocol::ids::*;
use protocol::params::*;
use protocol::state::{Level, State};

mod clock;

const ACCOUNTS: u32 = 100_000;
const MARKETS: u16 = 5;
/// Accounts that trade with each other in one block.
const BATCH: u32 = 2_000;
const PRICE: i64 = 100 * Price::ONE.raw();

fn main() {
    // Nobody is deep enough for the backstop, and the mean of five minutes saves everybody else.
    let mut exchange = Exchange::new(Rate::ZERO);
    exchange.fill();
    let state = &exchange.state;
    for _ in 0..3 {
        let start = cpu_nanos();
        let unsound = state.margin_sweep().len();
        println!("everybody by the sweep      {:>8.2} ms, {unsound} unsound", ms(start));
    }
    let start = cpu_nanos();
    let sound = |account| state.health(account, Level::Maintenance).is_sound();
    let unsound = (0..ACCOUNTS).map(AccountId).filter(|&account| !sound(account)).count();
    println!("everybody one by one        {:>8.2} ms, {unsound} unsound", ms(start));
    for basis_points in [1, -1, 2, 0] {
        let spent = exchange.block(PRICE / 10_000 * (10_000 + basis_points), &[]);
        println!("block of {basis_points:>3} bp              {spent:>8.2} ms");
    }
    println!("margin alone:");
    exchange.falls();
    println!("with liquidations:");
    let mut exchange = Exchange::new(LiquidationParams::default().deep_below);
    exchange.fill();
    exchange.falls();
    // The mean of five minutes has followed.
    exchange.now += Span::MINUTE.times(5).nanos();
    for _ in 0..3 {
        let spent = exchange.block(Price::ONE.raw() * 90, &[]);
        println!("block at 90                 {spent:>8.2} ms, {} liquidated", exchange.liquidated);
    }
}

fn ms(start: u64) -> f64 {
    (cpu_nanos() - start) as f64 * 1e-6
}

struct Exchange {
    state: State,
    now: u64,
    events: Vec<protocol::event::Event>,
    liquidated: usize,
}

impl Exchange {
    fn new(deep_below: Rate) -> Exchange {
        let mut design = design();
        design.rules.liquidation.deep_below = deep_below;
        let state = State::new(design).expect("the design is in range");
        Exchange { state, now: Span::DAY.nanos(), events: Vec::new(), liquidated: 0 }
    }

    /// Blocks in which every price falls, so that everybody is due.
    fn falls(&mut self) {
        for percent in [96, 92, 90] {
            let spent = self.block(Price::ONE.raw() * percent, &[]);
            let unsound = self.state.margin_sweep().len();
            let liquidated = self.liquidated;
            println!(
                "block of a price of {percent:>3}     {spent:>8.2} ms, {unsound} unsound, \
                 {liquidated} liquidated"
            );
        }
    }

    /// One block at an index price; how long it took in ms.
    fn block(&mut self, price: i64, messages: &[Message]) -> f64 {
        self.now += 200_000_000;
        let time = Time::from_nanos(self.now);
        let price = Price::from_raw(price);
        let mut all: Vec<Message> = (1..=MARKETS)
            .map(|asset| {
                let vote = Vote { asset: AssetId(asset), price, confidence: Price::ZERO, time };
                let sender = Sender::Publisher(PublisherId(0));
                Message { sender, command: Command::Publish(vote) }
            })
            .collect();
        all.extend_from_slice(messages);
        let block = Block { time, messages: all };
        self.events.clear();
        let start = cpu_nanos();
        apply_into(&mut self.state, &block, &mut self.events);
        let spent = ms(start);
        let started = |event: &&protocol::event::Event| {
            matches!(event, protocol::event::Event::LiquidationStarted { .. })
        };
        self.liquidated = self.events.iter().filter(started).count();
        spent
    }

    /// Opens the accounts, of leverages between 2 and 14, and gives each five positions.
    fn fill(&mut self) {
        let sender = Sender::Custodian;
        for first in (0..ACCOUNTS).step_by(BATCH as usize) {
            let mut messages =
                vec![Message { sender, command: Command::OpenAccount }; BATCH as usize];
            for account in first..first + BATCH {
                let whole = 500 / i128::from(2 + account / 2 % 14) + 2;
                let amount = Amount::from_raw(whole * Amount::ONE.raw());
                let command =
                    Command::Deposit { account: AccountId(account), asset: QUOTE, amount };
                messages.push(Message { sender, command });
            }
            self.block(PRICE, &messages);
            let mut messages = Vec::new();
            for account in (first..first + BATCH).step_by(2) {
                for market in 0..MARKETS {
                    // One market the other way round.
                    let flip = u32::from(market == 0);
                    let maker = AccountId(account + flip);
                    let taker = AccountId(account + 1 - flip);
                    messages.push(order(maker, market, Side::Sell, Lifetime::Resting));
                    messages.push(order(taker, market, Side::Buy, Lifetime::Immediate));
                }
            }
            self.block(PRICE, &messages);
        }
        let positions = self.state.markets().iter().flat_map(|market| &market.entries);
        let open = positions.filter(|entry| !entry.position.is_zero()).count();
        println!("{ACCOUNTS} accounts, {open} positions");
    }
}

fn order(account: AccountId, market: u16, side: Side, lifetime: Lifetime) -> Message {
    let command = Command::Place(NewOrder {
        market: MarketId(market),
        side,
        price: Price::from_raw(PRICE),
        qty: Qty::ONE,
        lifetime,
        reduce_only: false,
        self_trade: SelfTrade::CancelMaker,
        client: ClientId(0),
    });
    Message { sender: Sender::User(account), command }
}

fn design() -> Params {
    let asset = |name: String| AssetParams {
        name,
        haircut_initial: Rate::from_bp(2000),
        haircut_maintenance: Rate::from_bp(1000),
        basis_initial: Rate::from_bp(200),
        basis_maintenance: Rate::from_bp(100),
    };
    let perpetual = Kind::Perpetual(PerpetualParams {
        funding: FundingRule::Anchored {
            anchor: Span::HOUR.times(8),
            carry: Rate::ZERO,
            cap: Rate::from_bp(400),
        },
        impact_notional: Amount::from_raw(20_000 * Amount::ONE.raw()),
        margin_initial: Rate::from_bp(500),
        margin_maintenance: Rate::from_bp(250),
        mark_band: Rate::from_bp(300),
        price_band: Rate::from_bp(1000),
        fee_liquidation: Rate::from_bp(50),
        position_max: Qty::from_raw(100_000 * Qty::ONE.raw()),
    });
    let market = |base: u16| MarketParams {
        name: format!("A{base}-PERP"),
        base: AssetId(base),
        kind: perpetual,
        tick: Price::from_raw(1_000_000),
        lot: Qty::from_raw(1_000_000),
        fee_maker: Rate::from_bp(-1),
        fee_taker: Rate::from_bp(4),
        rules: MarketRules::default(),
    };
    Params {
        assets: (0..=MARKETS).map(|at| asset(format!("A{at}"))).collect(),
        markets: (1..=MARKETS).map(market).collect(),
        oracle: OracleParams {
            stakes: vec![1],
            vote_age_max: Span::from_secs(10),
            index_age_max: Span::from_secs(30),
            confidence_min: Rate::from_bp(1),
            confidence_max: Rate::from_bp(200),
        },
        open_orders_max: 64,
        liquidation_tranche_min: Amount::from_raw(100_000 * Amount::ONE.raw()),
        checkpoint_blocks: 1_000_000,
        rules: Rules {
            // The fall comes in one block.
            ladder: LadderParams { jump_max: Rate::from_bp(5000), ..LadderParams::default() },
            // And stops no market.
            halt: HaltParams { triggers: Vec::new(), ..HaltParams::default() },
            ..Rules::default()
        },
    }
}
