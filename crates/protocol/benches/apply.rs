//! Blocks and commands a second of `apply_into`, all invariants on: a maker and taker flow on two
//! perpetual and two spot markets, 50 commands a block; 20 and 1 000 accounts. Blocks are made
//! beforehand, so that only the exchange is measured, in CPU time where the system tells it. A
//! number as argument runs that many accounts alone.
#![allow(missing_docs, clippy::disallowed_types)]

use clock::cpu_nanos;
use money::{Amount, Price, Qty, Rate, Span, Time};
use protocol::command::*;
use protocol::engine::apply_into;
use protocol::event::Event;
use protocol::ids::*;
use protocol::params::*;
use protocol::state::State;

mod clock;

const COMMANDS: u64 = 50;
const BLOCKS: u64 = 4_000;

fn main() {
    println!("accounts  votes  blocks/s  commands/s  us/block  trades  refused  events");
    let only: Option<u32> = std::env::args().find_map(|argument| argument.parse().ok());
    for (accounts, votes) in [(20, true), (20, false), (1000, true), (1000, false)] {
        if only.is_none_or(|only| only == accounts) {
            measure(accounts, votes);
        }
    }
}

fn measure(accounts: u32, votes: bool) {
    let mut state = State::new(design()).expect("the design is in range");
    let mut random = 7;
    let mut events = Vec::new();
    apply_into(&mut state, &opening(accounts), &mut events);
    for height in 1..200 {
        events.clear();
        apply_into(&mut state, &block(height, accounts, true, &mut random), &mut events);
    }
    let blocks: Vec<Block> = (200..200 + BLOCKS)
        .map(|height| block(height, accounts, votes || height % 5 == 0, &mut random))
        .collect();
    let (mut trades, mut refused, mut count) = (0u64, 0u64, 0usize);
    let start = cpu_nanos();
    for block in &blocks {
        events.clear();
        apply_into(&mut state, block, &mut events);
        count += events.len();
        for event in &events {
            trades += u64::from(matches!(event, Event::Traded { .. }));
            refused += u64::from(matches!(event, Event::Rejected { .. }));
        }
    }
    let seconds = (cpu_nanos() - start) as f64 * 1e-9;
    println!(
        "{accounts:>8}  {:>5}  {:>8.0}  {:>10.0}  {:>8.1}  {trades:>6}  {refused:>7}  {count:>6}",
        if votes { "each" } else { "5th" },
        BLOCKS as f64 / seconds,
        (BLOCKS * COMMANDS) as f64 / seconds,
        seconds / BLOCKS as f64 * 1e6,
    );
}

fn next(random: &mut u64) -> u64 {
    *random = random.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut z = *random;
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

fn opening(accounts: u32) -> Block {
    let sender = Sender::Custodian;
    let open = Message { sender, command: Command::OpenAccount };
    let mut messages = vec![open; accounts as usize];
    for account in (0..accounts).map(AccountId) {
        for (asset, whole) in [(0, 1_000_000), (1, 10), (2, 10_000)] {
            let amount = Amount::from_raw(whole * 100_000_000);
            let command = Command::Deposit { account, asset: AssetId(asset), amount };
            messages.push(Message { sender, command });
        }
    }
    Block { time: Time::from_nanos(Span::DAY.nanos()), messages }
}

/// Two quotes, a cancel-all now and then, and a taker, in turn over all accounts and markets.
fn block(height: u64, accounts: u32, votes: bool, random: &mut u64) -> Block {
    let time = Time::from_nanos(Span::DAY.nanos() + height * 100_000_000);
    let mut messages = Vec::new();
    for (asset, price) in [(1, 100_000i64), (2, 100)] {
        for publisher in 0..if votes { 4 } else { 0 } {
            let noise = (next(random) % 100) as i64;
            let price = Price::from_raw(price * (100_000_000 + noise * 100));
            let vote = Vote { asset: AssetId(asset), price, confidence: Price::ZERO, time };
            let sender = Sender::Publisher(PublisherId(publisher));
            messages.push(Message { sender, command: Command::Publish(vote) });
        }
    }
    for _ in 0..COMMANDS {
        let account = AccountId((next(random) % u64::from(accounts)) as u32);
        let command = command(random);
        messages.push(Message { sender: Sender::User(account), command });
    }
    Block { time, messages }
}

fn command(random: &mut u64) -> Command {
    let market = MarketId((next(random) % 4) as u16);
    let (centre, tick, lot) = if market.0.is_multiple_of(2) {
        (1_000_000, 10_000_000, 100_000)
    } else {
        (10_000, 1_000_000, 10_000_000)
    };
    let draw = next(random) % 10;
    if draw == 0 {
        return Command::CancelAll { market: Some(market) };
    }
    let side = if next(random).is_multiple_of(2) { Side::Buy } else { Side::Sell };
    let taker = draw < 4;
    let away = (next(random) % 30) as i64 - if taker { 30 } else { 0 };
    Command::Place(NewOrder {
        market,
        side,
        price: Price::from_raw((centre - side.sign() * away) * tick),
        qty: Qty::from_raw((1 + next(random) % 10) as i64 * lot),
        lifetime: if taker { Lifetime::Immediate } else { Lifetime::Resting },
        reduce_only: false,
        self_trade: SelfTrade::CancelMaker,
        client: ClientId(next(random)),
    })
}

fn design() -> Params {
    let asset = |name: &str, [a, b, c, d]: [i64; 4]| AssetParams {
        name: name.into(),
        haircut_initial: Rate::from_bp(a),
        haircut_maintenance: Rate::from_bp(b),
        basis_initial: Rate::from_bp(c),
        basis_maintenance: Rate::from_bp(d),
    };
    let perpetual = Kind::Perpetual(PerpetualParams {
        funding: FundingRule::Anchored {
            anchor: Span::HOUR.times(8),
            carry: Rate::ZERO,
            cap: Rate::from_bp(400),
        },
        impact_notional: Amount::from_raw(20_000 * 100_000_000),
        margin_initial: Rate::from_bp(500),
        margin_maintenance: Rate::from_bp(250),
        mark_band: Rate::from_bp(300),
        price_band: Rate::from_bp(500),
        fee_liquidation: Rate::from_bp(50),
        position_max: Qty::from_raw(100_000_000_000_000),
    });
    let spot = Kind::Spot { price_band: Rate::from_bp(500) };
    let market = |name: &str, base, kind, tick, lot| MarketParams {
        name: name.into(),
        base: AssetId(base),
        kind,
        tick: Price::from_raw(tick),
        lot: Qty::from_raw(lot),
        fee_maker: Rate::from_bp(-1),
        fee_taker: Rate::from_bp(4),
        rules: MarketRules::default(),
    };
    Params {
        assets: vec![
            asset("USD", [0; 4]),
            asset("BTC", [2000, 1000, 200, 100]),
            asset("SOL", [2000, 1000, 200, 100]),
        ],
        markets: vec![
            market("BTC-SPOT", 1, spot, 10_000_000, 100_000),
            market("SOL-SPOT", 2, spot, 1_000_000, 10_000_000),
            market("BTC-PERP", 1, perpetual, 10_000_000, 100_000),
            market("SOL-PERP", 2, perpetual, 1_000_000, 10_000_000),
        ],
        oracle: OracleParams {
            stakes: vec![1; 4],
            vote_age_max: Span::from_secs(10),
            index_age_max: Span::from_secs(30),
            confidence_min: Rate::from_bp(1),
            confidence_max: Rate::from_bp(200),
        },
        open_orders_max: 64,
        liquidation_tranche_min: Amount::from_raw(100_000 * 100_000_000),
        checkpoint_blocks: 1_000,
        rules: Rules::default(),
    }
}
