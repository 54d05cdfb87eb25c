//! A seeded machine that trades options and what hedges them at random. After every block all
//! invariants hold; positions and cash are what the events told; what was refused changed nothing;
//! and while prices stand still nobody who has initial margin loses it by what fills (rule S-6).

use std::collections::BTreeMap;

use money::{Amount, Price, Qty, Rate, Span, Time};
use protocol::command::*;
use protocol::engine::apply;
use protocol::event::{Event, OptionEvent};
use protocol::ids::*;
use protocol::params::*;
use protocol::state::{Level, State};

use super::floor::*;
use crate::exchange::*;
use crate::machine::SplitMix;

const ACCOUNTS: u32 = 5;
const BLOCKS: u32 = 100;
/// The first seed of those whose accounts break.
const WILD: u64 = 100;

struct Machine {
    floor: Floor,
    random: SplitMix,
    /// The same exchange without the messages that were refused.
    quiet: State,
    /// Positions by the events alone.
    positions: BTreeMap<(AccountId, SeriesId), Qty>,
    cash: Vec<Amount>,
    perpetuals: bool,
    /// Larger orders and moves, so that accounts break, and bids for them.
    wild: bool,
    trades: u32,
    settled: u32,
    taken: u32,
    closed: u32,
}

/// Two days and a month, strikes 10 % apart.
fn small() -> Params {
    let mut params = design_with_options();
    let options = &mut params.rules.options[0];
    options.listing = ListingParams {
        dailies: 2,
        weeklies: 0,
        monthlies: 1,
        strike_step: Rate::from_bp(1_000),
        ..options.listing
    };
    options.position_max = qty("20");
    params
}

impl Machine {
    fn new(seed: u64) -> Machine {
        let mut floor = Floor::of(small());
        let mut random = SplitMix(seed);
        for _ in 0..ACCOUNTS {
            let account = floor.x.user(&(10_000 + random.below(60_000)).to_string());
            if random.below(3) == 0 {
                floor.x.give(account, BTC, "0.7");
            }
        }
        floor.send(custodian(Command::FundInsurance { amount: amount("500") })).unwrap();
        let quiet = floor.x.state.clone();
        let cash = (0..ACCOUNTS).map(|at| floor.x.cash(AccountId(at))).collect();
        Machine {
            floor,
            random,
            quiet,
            positions: BTreeMap::new(),
            cash,
            perpetuals: seed % 2 == 1,
            wild: seed >= WILD,
            trades: 0,
            settled: 0,
            taken: 0,
            closed: 0,
        }
    }

    fn account(&mut self) -> AccountId {
        AccountId(u32::try_from(self.random.below(u64::from(ACCOUNTS))).unwrap())
    }

    /// A lot or some.
    fn size(&self) -> i64 {
        if self.wild { 5_000_000 } else { 1_000_000 }
    }

    fn option_order(&mut self) -> Option<OptionOrder> {
        let chain = &self.floor.x.state.chains()[0];
        let near = if self.random.below(3) == 0 { chain.series.len() } else { 6 };
        let at = usize::try_from(self.random.below(near as u64)).unwrap();
        let series = &chain.series[at];
        let mark = series.mark?.raw() / Price::ONE.raw();
        let spread = self.random.below(100) as i64 - 50;
        let side = if self.random.below(2) == 0 { Side::Buy } else { Side::Sell };
        let lifetime = [Lifetime::Resting, Lifetime::Immediate, Lifetime::PostOnly];
        let self_trade = [SelfTrade::CancelTaker, SelfTrade::CancelMaker, SelfTrade::CancelBoth];
        Some(OptionOrder {
            series: series.id,
            side,
            price: Price::from_raw((mark + spread).max(1) * Price::ONE.raw()),
            qty: Qty::from_raw((1 + self.random.below(60) as i64) * self.size()),
            lifetime: lifetime[self.random.below(3) as usize],
            reduce_only: self.random.below(6) == 0,
            self_trade: self_trade[self.random.below(3) as usize],
            client: ClientId(1),
        })
    }

    fn perpetual_order(&mut self) -> NewOrder {
        let index = self.floor.x.prices[1].unwrap().raw() / Price::ONE.raw();
        let at = index + self.random.below(400) as i64 - 200;
        let side = if self.random.below(2) == 0 { Side::Buy } else { Side::Sell };
        let size = format!("0.{:02}", 1 + self.random.below(60));
        NewOrder { client: ClientId(2), ..order(BTC_PERP, side, &at.to_string(), &size) }
    }

    /// A bid for somebody who is auctioned.
    fn bid(&mut self) -> Option<Command> {
        let (account, _) = self.floor.x.state.book_auctions().next()?;
        let fraction = Rate::from_bp(1 + self.random.below(10_000) as i64);
        Some(Command::BidPortfolio(Bid { account, fraction, least: Rate::ZERO }))
    }

    fn command(&mut self, still: bool) -> Option<Message> {
        let account = self.account();
        let command = match self.random.below(if self.wild { 18 } else { 12 }) {
            12.. => self.bid()?,
            0 => Command::CancelAllOptions { chain: None },
            1 => {
                let asset = if self.random.below(2) == 0 { QUOTE } else { BTC };
                let amount = Amount::from_raw(self.random.below(1_000_000_000_000).into());
                Command::Withdraw { asset, amount }
            }
            2 | 3 if self.perpetuals && !still => Command::Place(self.perpetual_order()),
            4 => {
                let series = SeriesId(u32::try_from(self.random.below(40)).unwrap());
                Command::CancelOption { series, order: OrderId(self.random.below(20)) }
            }
            _ => Command::PlaceOption(self.option_order()?),
        };
        Some(user(account, command))
    }

    /// A block in which prices move and time passes.
    fn block(&mut self) {
        let x = &mut self.floor.x;
        let leap = self.random.below(30);
        x.step = match leap {
            0 => Span::MINUTE.times(20),
            1 => Span::HOUR,
            _ => Span::from_secs(1 + leap),
        };
        let move_bp = match self.random.below(if self.wild { 8 } else { 25 }) {
            0 => self.random.below(3_000) as i64 - 1_500,
            _ => self.random.below(100) as i64 - 50,
        };
        let index = x.prices[1].unwrap();
        let moved = index.offset(Rate::from_bp(move_bp), money::Round::Down).unwrap();
        x.prices[1] = Some(moved.clamp(price("40000"), price("250000")));
        self.floor.volatility = match self.random.below(20) {
            0 => None,
            other => Some(0.4 + 0.01 * other as f64),
        };
        let mut messages = self.floor.x.votes_at(self.floor.x.now.after(self.floor.x.step));
        if self.random.below(40) == 0 {
            messages.clear();
        }
        messages.extend(self.floor.surfaces());
        for _ in 0..self.random.below(8) {
            messages.extend(self.command(false));
        }
        let now = self.floor.x.now.after(self.floor.x.step);
        self.apply(now, messages);
    }

    /// A block in which nothing but orders happens: rule S-6.
    fn still(&mut self) {
        let sound = |state: &State| -> Vec<bool> {
            let accounts = (0..ACCOUNTS).map(AccountId);
            accounts.map(|account| state.health(account, Level::Initial).is_sound()).collect()
        };
        let before = sound(&self.floor.x.state);
        let mut messages = Vec::new();
        for _ in 0..self.random.below(12) {
            messages.extend(self.command(true));
        }
        let now = self.floor.x.now;
        self.apply(now, messages);
        let after = sound(&self.floor.x.state);
        for (at, (before, after)) in before.into_iter().zip(after).enumerate() {
            let account = AccountId(u32::try_from(at).unwrap());
            let health = self.floor.x.state.health(account, Level::Initial);
            // Margins of perpetuals may move at a close (rules ).
            assert!(!before || after || self.perpetuals, "account {at}: {health:?}");
        }
    }

    fn apply(&mut self, time: Time, messages: Vec<Message>) {
        let x = &mut self.floor.x;
        x.now = time;
        x.events = apply(&mut x.state, &Block { time, messages: messages.clone() });
        let refused: Vec<u32> = x
            .events
            .iter()
            .filter_map(|event| match event {
                Event::Rejected { message, .. } => Some(*message),
                _ => None,
            })
            .collect();
        let kept = (0u32..).zip(messages).filter(|(at, _)| !refused.contains(at));
        let messages = kept.map(|(_, message)| message).collect();
        apply(&mut self.quiet, &Block { time, messages });
        assert_eq!(
            self.quiet.content_hash(),
            x.state.content_hash(),
            "a refusal changed something"
        );
        self.listen();
    }

    fn pay(&mut self, account: AccountId, amount: Amount) {
        self.cash[account.index()] += amount;
    }

    fn hold(&mut self, account: AccountId, series: SeriesId, qty: Qty) {
        *self.positions.entry((account, series)).or_default() += qty;
    }

    fn hear(&mut self, event: Event) {
        match event {
            Event::Option(OptionEvent::Traded {
                series,
                side,
                price,
                qty,
                taker,
                maker,
                taker_fee,
                maker_fee,
                ..
            }) => {
                let qty = Qty::from_raw(qty.raw() * side.sign());
                let premium = price.notional(qty, money::Round::Down);
                self.hold(taker, series, qty);
                self.hold(maker, series, -qty);
                self.pay(taker, -premium - taker_fee);
                self.pay(maker, premium - maker_fee);
                self.trades += 1;
            }
            Event::Option(OptionEvent::Exercised { account, series, position, payoff, fee }) => {
                self.hold(account, series, -position);
                self.pay(account, payoff - fee);
                self.settled += 1;
            }
            Event::Option(OptionEvent::LegTaken { account, bidder, series, qty, amount }) => {
                self.hold(account, series, -qty);
                self.hold(bidder, series, qty);
                self.pay(account, amount);
                self.pay(bidder, -amount);
            }
            Event::Option(OptionEvent::HoldingTaken { account, bidder, amount, .. }) => {
                self.pay(account, amount);
                self.pay(bidder, -amount);
            }
            Event::Option(OptionEvent::PortfolioTaken {
                account, bidder, paid, insured, ..
            }) => {
                self.pay(account, -paid);
                self.pay(bidder, paid + insured);
                self.taken += 1;
            }
            Event::Option(OptionEvent::Deleveraged {
                series,
                account,
                counterparty,
                qty,
                amount,
                haircut,
                ..
            }) => {
                self.hold(account, series, qty);
                self.hold(counterparty, series, -qty);
                self.pay(account, haircut - amount);
                self.pay(counterparty, amount - haircut);
                self.closed += 1;
            }
            Event::Option(OptionEvent::Haircut { account, counterparty, haircut, .. }) => {
                self.pay(account, haircut);
                self.pay(counterparty, -haircut);
            }
            Event::InsurancePaid { account, amount } => self.pay(account, amount),
            Event::Moved { account: Some(account), asset: QUOTE, amount } => {
                self.pay(account, amount);
            }
            _ => {}
        }
    }

    fn listen(&mut self) {
        for event in self.floor.x.events.clone() {
            self.hear(event);
        }
        let chain = &self.floor.x.state.chains()[0];
        for ((account, series), told) in &self.positions {
            assert_eq!(chain.leg(*account, *series).position, *told);
        }
        if !self.perpetuals && self.floor.x.state.markets().iter().all(is_untraded) {
            for (at, told) in (0u32..).zip(&self.cash) {
                assert_eq!(self.floor.x.cash(AccountId(at)), *told, "account {at}");
            }
        }
    }
}

fn is_untraded(market: &protocol::market::Market) -> bool {
    market.last.is_none()
}

fn run(seed: u64, blocks: u32) -> [u32; 4] {
    let mut machine = Machine::new(seed);
    for _ in 0..blocks {
        machine.block();
        machine.still();
    }
    [machine.trades, machine.settled, machine.taken, machine.closed]
}

#[test]
fn k_8_s_6_whatever_is_traded_all_invariants_hold_and_nobody_loses_their_margin_by_a_fill() {
    let mut totals = [0; 4];
    for seed in 0..6 {
        let done = run(seed, BLOCKS);
        totals = std::array::from_fn(|at| totals[at] + done[at]);
    }
    let [trades, settled, ..] = totals;
    assert!(trades > 200 && settled > 20, "{totals:?}");
}

#[test]
fn l_21_l_22_whoever_breaks_is_taken_over_or_closed_and_the_events_tell_all_of_it() {
    let mut totals = [0; 4];
    for seed in WILD..WILD + 12 {
        let done = run(seed, BLOCKS);
        totals = std::array::from_fn(|at| totals[at] + done[at]);
    }
    let [.., taken, closed] = totals;
    assert!(taken > 10 && closed > 10, "{totals:?}");
}
