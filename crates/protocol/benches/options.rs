//! Options through the engine, in CPU time where the system tells it: blocks in which index and
//! surface move and 10 000 accounts with 20 legs each are looked at exactly (rules S-5, K-5), and
//! what a trade and a quote cost. Goal of a block: 100 ms on one core.
#![allow(missing_docs, clippy::disallowed_types)]

use clock::cpu_nanos;
use money::{Amount, Price, Qty, Rate, Span, Time};
use protocol::command::*;
use protocol::engine::apply_into;
use protocol::event::{Event, OptionEvent};
use protocol::ids::*;
use protocol::option::Series;
use protocol::params::*;
use protocol::state::{Level, State};
use protocol::surface;

mod clock;

const ACCOUNTS: u32 = 10_000;
const LEGS: u32 = 20;
/// Accounts that trade with each other in one block.
const BATCH: u32 = 500;
const PRICE: i64 = 100_000 * Price::ONE.raw();

fn main() {
    let mut exchange = Exchange::new();
    exchange.fill();
    for basis_points in [1, -1, 30, -200, 0] {
        let spent = exchange.block(PRICE / 10_000 * (10_000 + basis_points), &[]);
        println!("block of {basis_points:>4} bp        {spent:>8.2} ms");
    }
    for level in [Level::Maintenance, Level::Initial] {
        let start = cpu_nanos();
        let sound = |account| exchange.state.health(account, level).is_sound();
        let unsound = (0..ACCOUNTS).map(AccountId).filter(|&account| !sound(account)).count();
        println!("health, {level:?}: {:>8.2} ms, {unsound} unsound", ms(start));
    }
    exchange.quotes();
}

fn ms(start: u64) -> f64 {
    (cpu_nanos() - start) as f64 * 1e-6
}

struct Exchange {
    state: State,
    now: u64,
    events: Vec<Event>,
}

impl Exchange {
    fn new() -> Exchange {
        let state = State::new(design()).expect("the design is in range");
        // 2026-01-01 00:00 UTC.
        let now = 1_767_225_600_000_000_000;
        let mut exchange = Exchange { state, now, events: Vec::new() };
        exchange.block(PRICE, &[]);
        exchange.block(PRICE, &[]);
        exchange
    }

    /// One block at an index, with a surface; how long it took in ms.
    fn block(&mut self, price: i64, messages: &[Message]) -> f64 {
        self.now += 200_000_000;
        let time = Time::from_nanos(self.now);
        let sender = Sender::Publisher(PublisherId(0));
        let price = Price::from_raw(price);
        let vote = Vote { asset: AssetId(1), price, confidence: Price::ZERO, time };
        let mut all = vec![Message { sender, command: Command::Publish(vote) }];
        let slice = |expiry: Time| surface::SliceVote {
            expiry,
            a: Rate::from_bp(2_500),
            b: Rate::from_bp(500),
            rho: Rate::from_bp(-3_000),
            sigma: Rate::from_bp(1_000),
            ..surface::SliceVote::default()
        };
        let listed = self.state.chains()[0].expiries.iter();
        let slices: Vec<_> = listed.map(|expiry| slice(expiry.time)).collect();
        if !slices.is_empty() {
            let vote = surface::Vote { source_time: time, slices };
            let wish = SurfaceVote { chain: ChainId(0), vote };
            all.push(Message { sender, command: Command::PublishSurface(Box::new(wish)) });
        }
        all.extend_from_slice(messages);
        let block = Block { time, messages: all };
        self.events.clear();
        let start = cpu_nanos();
        apply_into(&mut self.state, &block, &mut self.events);
        ms(start)
    }

    fn series(&self) -> &[Series] {
        &self.state.chains()[0].series
    }

    /// Opens the accounts and gives each its legs, half of them short, and every other one a
    /// perpetual.
    fn fill(&mut self) {
        let sender = Sender::Custodian;
        for first in (0..ACCOUNTS).step_by(BATCH as usize) {
            let open = Message { sender, command: Command::OpenAccount };
            let mut messages = vec![open; BATCH as usize];
            for account in first..first + BATCH {
                let amount = Amount::from_raw(1_000_000 * Amount::ONE.raw());
                let account = AccountId(account);
                let command = Command::Deposit { account, asset: QUOTE, amount };
                messages.push(Message { sender, command });
            }
            self.block(PRICE, &messages);
            let mut messages = Vec::new();
            for account in (first..first + BATCH).step_by(2) {
                for leg in 0..LEGS {
                    let at = (account as usize * 7 + leg as usize * 13) % self.series().len();
                    let flip = leg % 2;
                    let pair = [AccountId(account + flip), AccountId(account + 1 - flip)];
                    messages.extend(self.pair(at, pair));
                }
                let [maker, taker] = [AccountId(account), AccountId(account + 1)];
                messages.push(perpetual(maker, Side::Sell, Lifetime::Resting));
                messages.push(perpetual(taker, Side::Buy, Lifetime::Immediate));
            }
            let spent = self.block(PRICE, &messages);
            if first == 0 {
                let each = spent / messages.len() as f64 * 1e3;
                println!("a trade of two orders       {:>8.2} µs", 2.0 * each);
            }
        }
        let chain = &self.state.chains()[0];
        let legs: usize = (0..ACCOUNTS).map(|at| chain.legs(AccountId(at)).len()).sum();
        println!("{ACCOUNTS} accounts, {legs} legs, {} series", self.series().len());
    }

    fn pair(&self, at: usize, [maker, taker]: [AccountId; 2]) -> [Message; 2] {
        let series = &self.series()[at];
        let mark = series.mark.expect("there is a surface").raw() / Price::ONE.raw();
        let price = Price::from_raw(mark.max(1) * Price::ONE.raw());
        [
            option(maker, series.id, (Side::Sell, Lifetime::Resting), price),
            option(taker, series.id, (Side::Buy, Lifetime::Immediate), price),
        ]
    }

    /// A maker quotes every series.
    fn quotes(&mut self) {
        let quote = |series: &Series| {
            let mark = series.mark.expect("there is a surface").raw() / Price::ONE.raw();
            let price = Price::from_raw((mark + 50) * Price::ONE.raw());
            option(AccountId(0), series.id, (Side::Sell, Lifetime::PostOnly), price)
        };
        let messages: Vec<Message> = self.series().iter().map(quote).collect();
        let empty = self.block(PRICE, &[]);
        let spent = self.block(PRICE, &messages) - empty;
        let rested = |event: &&Event| matches!(event, Event::Option(OptionEvent::Rested { .. }));
        let count = self.events.iter().filter(rested).count();
        println!("{count} quotes, each          {:>8.2} µs", spent * 1e3 / count as f64);
    }
}

fn option(
    account: AccountId,
    series: SeriesId,
    (side, lifetime): (Side, Lifetime),
    price: Price,
) -> Message {
    let command = Command::PlaceOption(OptionOrder {
        series,
        side,
        price,
        qty: Qty::from_raw(Qty::ONE.raw() / 10),
        lifetime,
        reduce_only: false,
        self_trade: SelfTrade::CancelMaker,
        client: ClientId(0),
    });
    Message { sender: Sender::User(account), command }
}

fn perpetual(account: AccountId, side: Side, lifetime: Lifetime) -> Message {
    let command = Command::Place(NewOrder {
        market: MarketId(0),
        side,
        price: Price::from_raw(PRICE),
        qty: Qty::from_raw(Qty::ONE.raw() / 10),
        lifetime,
        reduce_only: false,
        self_trade: SelfTrade::CancelMaker,
        client: ClientId(0),
    });
    Message { sender: Sender::User(account), command }
}

fn design() -> Params {
    let asset = |name: &str| AssetParams {
        name: name.into(),
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
    let market = MarketParams {
        name: "BTC-PERP".into(),
        base: AssetId(1),
        kind: perpetual,
        tick: Price::ONE,
        lot: Qty::from_raw(1_000_000),
        fee_maker: Rate::from_bp(-1),
        fee_taker: Rate::from_bp(4),
        rules: MarketRules::default(),
    };
    let options = OptionParams::new(AssetId(1), Price::ONE, Qty::from_raw(1_000_000));
    Params {
        assets: vec![asset("USD"), asset("BTC")],
        markets: vec![market],
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
        rules: Rules { options: vec![options], ..Rules::default() },
    }
}
