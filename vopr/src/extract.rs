//! How much a coalition of publishers and traders can take out (C6 and C26 of the survey).
//!
//! A member's wealth at the true price changes by its position times the price's own move, by what
//! it gains or loses in trades that both sides wanted, with their fees and rebates, and by what the
//! *mechanism* brings: forced trades, deleveraging, insurance and funding. Only the last is
//! extraction, less what was lost in agreed trades to bring it about. It is bounded by what the
//! mechanism takes from others: what INSURANCE lost, and what forced trades, deleveraging and
//! funding took from honest accounts. The true price moves by at most 0.1 % a block, so a
//! bankruptcy comes of a lie or of a thin book. Below half of the stake no lie moves the index out
//! of the honest votes.
//!
//! Always holds: the parts sum to the change in wealth, to the rounding of its valuation.

use money::{Amount, Price, Qty, Rate, Round, Span, Time};
use protocol::command::{Block, Command, Lifetime, Message, NewOrder, SelfTrade, Sender, Vote};
use protocol::engine::apply_into;
use protocol::event::Event;
use protocol::ids::{AccountId, AssetId, ClientId, MarketId, PublisherId, QUOTE, Side};
use protocol::ledger::Holder;
use protocol::params::{FundingRule, Kind, MarketRules, Params};
use protocol::state::State;

use crate::coalition::{Act, MEMBERS, Strategy, draw, siege, vary};
use crate::design::{design, quote};
use crate::random::Random;

/// Publishers, each with the same stake.
pub const PUBLISHERS: u16 = 7;
/// Honest accounts: makers, then takers at leverage.
const MAKERS: u32 = 4;
const TAKERS: u32 = 12;
const BLOCKS: u64 = 8;
const PERPETUAL: MarketId = MarketId(2);
const BTC: AssetId = AssetId(1);
const CAPITAL: i64 = 100_000;
const INSURANCE: i64 = 50_000;

/// What a coalition has won, in quote, by its parts.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Gain {
    /// Change of wealth at the true price.
    pub wealth: Amount,
    /// Of that, positions times the moves of the true price.
    pub price: Amount,
    /// Of that, trades that both sides wanted, with their fees.
    pub agreed: Amount,
    /// Of that, forced trades and deleveraging.
    pub forced: Amount,
    /// Of that, funding.
    pub funding: Amount,
    /// Of that, insurance and haircuts received, less fees and haircuts paid.
    pub protocol: Amount,
    /// What the mechanism took from INSURANCE and from honest accounts.
    pub bound: Amount,
    /// Honest accounts liquidated although sound at the true price.
    pub wronged: u32,
    /// The largest distance of the index from the true price, as a share of it.
    pub index_off: f64,
}

impl Gain {
    /// What the mechanism brought, less what was lost on purpose to bring it about.
    pub fn extracted(&self) -> Amount {
        self.mechanism() + self.agreed.min(Amount::ZERO)
    }

    /// What the parts leave unexplained: roundings.
    pub fn unexplained(&self) -> Amount {
        self.wealth - self.price - self.agreed - self.mechanism()
    }

    fn mechanism(&self) -> Amount {
        self.forced + self.funding + self.protocol
    }
}

/// The best of many strategies.
#[derive(Clone, Debug)]
pub struct Best {
    /// What it won.
    pub gain: Gain,
    /// The world and the stream that found it.
    pub seed: u64,
    /// Which run it was.
    pub run: u64,
    /// The strategy.
    pub strategy: Strategy,
}

/// Tries strategies of a coalition with `lying` publishers: the first is a siege, every 25th run
/// starts anew, the others vary the best of their climb. The error is a strategy that beat the
/// bound.
pub fn search(seed: u64, runs: u64, lying: u16, progress: &dyn Fn(u64)) -> Result<Best, Box<Best>> {
    let mut random = Random::new(seed ^ u64::from(lying) << 48);
    let (mut best, mut climb): (Option<Best>, Option<Best>) = (None, None);
    for run in 0..runs {
        let strategy = match &climb {
            Some(found) if run % 25 != 0 => vary(&found.strategy, &mut random),
            Some(_) => draw(&mut random),
            None => siege(),
        };
        let gain = play(seed, lying, &strategy);
        let tried = Best { gain, seed, run, strategy };
        progress(1);
        let slack = Amount::from_raw(1_000_000);
        if gain.extracted() > gain.bound + slack || gain.unexplained().abs() > slack {
            return Err(Box::new(tried));
        }
        let beats = |old: &Option<Best>| {
            old.as_ref().is_none_or(|old| gain.extracted() > old.gain.extracted())
        };
        if beats(&best) {
            best = Some(tried.clone());
        }
        if run % 25 == 0 || beats(&climb) {
            climb = Some(tried);
        }
    }
    Ok(best.expect("at least one run"))
}

/// One strategy in the world of a seed.
pub fn play(seed: u64, lying: u16, strategy: &Strategy) -> Gain {
    let mut game = Game::new(seed, lying);
    for phase in strategy {
        for _ in 0..BLOCKS {
            let mut messages = game.votes(phase.lie, phase.pace);
            messages.extend(game.honest());
            for (member, act) in (0u32..).zip(phase.acts) {
                messages.extend(game.act(AccountId(member), act));
            }
            game.block(phase.pace, messages);
        }
    }
    game.gain.wealth = game.wealth() + game.gain.wealth;
    // What the others owe of funding is not paid before their next trade.
    for account in (0..game.state.accounts()).map(AccountId) {
        if Part::of(account) != Part::Member {
            game.fund(account, game.funding_due(account));
        }
    }
    game.gain
}

/// A world with one perpetual that matters.
struct Game {
    state: State,
    random: Random,
    lying: u16,
    truth: f64,
    drift: f64,
    now: Time,
    events: Vec<Event>,
    /// Whether each account was honest and sound at the true price before the block.
    sound: Vec<bool>,
    gain: Gain,
}

fn params(seed: u64) -> Params {
    let mut random = Random::new(seed);
    let mut params = design(&mut random, 64);
    // Only the perpetuals are besieged.
    params.markets.truncate(4);
    params.oracle.stakes = vec![1; usize::from(PUBLISHERS)];
    for market in &mut params.markets {
        // The envelope stays: a design's margins are made for its own.
        let envelope = market.rules.envelope;
        market.rules = MarketRules { envelope, ..MarketRules::default() };
        if let Kind::Perpetual(perpetual) = &mut market.kind {
            // What a settlement each hour would not show in these minutes.
            let (anchor, carry, cap) = (Span::HOUR.times(8), Rate::ZERO, Rate::from_bp(400));
            perpetual.funding = FundingRule::Anchored { anchor, carry, cap };
        }
    }
    params
}

impl Game {
    fn new(seed: u64, lying: u16) -> Game {
        let state = State::new(params(seed)).expect("the design is sound");
        let mut game = Game {
            state,
            random: Random::new(seed),
            lying,
            truth: 100_000.0,
            drift: 0.0,
            now: Time::from_nanos(1_767_225_600_000_000_000),
            events: Vec::new(),
            sound: Vec::new(),
            gain: Gain::default(),
        };
        let custodian = |command| Message { sender: Sender::Custodian, command };
        let mut messages = game.votes(1.0, 1);
        for account in 0..u32::try_from(MEMBERS).expect("few") + MAKERS + TAKERS {
            let cash = match Part::of(AccountId(account)) {
                Part::Member => CAPITAL / MEMBERS as i64,
                Part::Maker => 1_000_000,
                Part::Taker => 20_000,
            };
            let (account, asset, amount) = (AccountId(account), QUOTE, quote(cash));
            messages.push(custodian(Command::OpenAccount));
            messages.push(custodian(Command::Deposit { account, asset, amount }));
        }
        messages.push(custodian(Command::FundInsurance { amount: quote(INSURANCE) }));
        game.block(1, messages);
        game.gain = Gain::default();
        game.gain.wealth = -game.wealth();
        game
    }

    /// What each says in a block after so many seconds: the coalition its lie, the honest the true
    /// price and a noise of 2 bp.
    fn votes(&mut self, lie: f64, pace: u64) -> Vec<Message> {
        let mut votes = Vec::new();
        let time = self.now.after(Span::from_secs(pace));
        for publisher in 0..PUBLISHERS {
            let noise = 1.0 + 0.0002 * self.random.between(-1.0, 1.0);
            let factor = if publisher < self.lying { lie } else { noise };
            for (asset, truth) in [(BTC, self.truth), (AssetId(2), 100.0)] {
                let price = Price::from_raw((truth * factor * 1e8) as i64);
                let confidence = Price::from_raw(price.raw() / 10_000);
                let vote = Vote { asset, price, confidence, time };
                let sender = Sender::Publisher(PublisherId(publisher));
                votes.push(Message { sender, command: Command::Publish(vote) });
            }
        }
        votes
    }

    /// Makers quote around the index of the exchange; takers hold four to nine times their cash.
    fn honest(&mut self) -> Vec<Message> {
        let mut messages = Vec::new();
        let first = u32::try_from(MEMBERS).expect("few");
        for maker in (first..first + MAKERS).map(AccountId) {
            messages.push(says(maker, Command::CancelAll { market: None }));
            for side in [Side::Buy, Side::Sell] {
                let away = self.random.between(0.0003, 0.004);
                let worth = self.random.between(5_000.0, 60_000.0);
                messages.extend(self.order(maker, side, -away, worth, Lifetime::Resting));
            }
        }
        for taker in (first + MAKERS..first + MAKERS + TAKERS).map(AccountId) {
            if self.random.one_in(6) {
                let side = self.random.pick(&[Side::Buy, Side::Sell]);
                let worth = self.cash(taker) * self.random.between(0.5, 6.0);
                messages.extend(self.order(taker, side, 0.004, worth, Lifetime::Immediate));
            }
        }
        messages
    }

    fn act(&mut self, member: AccountId, act: Act) -> Vec<Message> {
        let next = AccountId((member.0 + 1) % u32::try_from(MEMBERS).expect("few"));
        let position = self.state.market(PERPETUAL).entry(member).position.raw() as f64 / 1e8;
        let held = position * self.truth;
        let cash = self.cash(member).max(0.0);
        match act {
            Act::Rest => Vec::new(),
            Act::Lever(times) => {
                let wanted = times * cash - held;
                let side = if wanted > 0.0 { Side::Buy } else { Side::Sell };
                self.order(member, side, 0.01, wanted.abs(), Lifetime::Immediate)
                    .into_iter()
                    .collect()
            }
            Act::Lurk(away) => {
                let mut messages = vec![says(member, Command::CancelAll { market: None })];
                for side in [Side::Buy, Side::Sell] {
                    messages.extend(self.order(member, side, -away, 2.0 * cash, Lifetime::Resting));
                }
                messages
            }
            Act::Ring(off) => {
                let sale = self.order(member, Side::Sell, -off, 3.0 * cash, Lifetime::Resting);
                let buy = self.order(next, Side::Buy, off, 3.0 * cash, Lifetime::Immediate);
                sale.into_iter().chain(buy).collect()
            }
            Act::Flatten => {
                let side = if held > 0.0 { Side::Sell } else { Side::Buy };
                self.order(member, side, 0.02, held.abs(), Lifetime::Immediate)
                    .into_iter()
                    .collect()
            }
            Act::Withdraw => {
                let amount = Amount::from_raw((cash * 0.5e8) as i128);
                vec![says(member, Command::Withdraw { asset: QUOTE, amount })]
            }
        }
    }

    fn cash(&self, account: AccountId) -> f64 {
        self.state.ledger().cash(account).raw() as f64 / 1e8
    }

    /// An order near the index of the exchange, `eager` towards the other side; none if too small.
    fn order(
        &self,
        account: AccountId,
        side: Side,
        eager: f64,
        worth: f64,
        lifetime: Lifetime,
    ) -> Option<Message> {
        let params = &self.state.market(PERPETUAL).params;
        let index = self.state.index_price(PERPETUAL).raw() as f64 / 1e8;
        let (tick, lot) = (params.tick.raw(), params.lot.raw());
        let price = index * (1.0 + eager * side.sign() as f64);
        let lots = (worth / index * 1e8 / lot as f64) as i64;
        let order = NewOrder {
            market: PERPETUAL,
            side,
            price: Price::from_raw((price * 1e8) as i64 / tick * tick),
            qty: Qty::from_raw(lots * lot),
            lifetime,
            reduce_only: false,
            self_trade: SelfTrade::CancelMaker,
            client: ClientId(0),
        };
        (lots > 0).then(|| says(account, Command::Place(order)))
    }

    /// The true price.
    fn price(&self) -> Price {
        Price::from_raw((self.truth * 1e8) as i64)
    }

    fn block(&mut self, pace: u64, messages: Vec<Message>) {
        self.now = self.now.after(Span::from_secs(pace));
        let members = self.members();
        let insured = self.state.ledger().balance(Holder::Insurance, QUOTE);
        self.sound = (0..self.state.accounts()).map(|at| self.is_sound(AccountId(at))).collect();
        let mut events = std::mem::take(&mut self.events);
        apply_into(&mut self.state, &Block { time: self.now, messages }, &mut events);
        for event in events.drain(..) {
            self.book(&event);
        }
        self.events = events;
        let lost = insured - self.state.ledger().balance(Holder::Insurance, QUOTE);
        self.gain.bound += lost;
        // The world moves between blocks.
        let before = self.price();
        if self.random.one_in(60) {
            self.drift = self.random.between(-0.0007, 0.0007);
        }
        self.truth *= 1.0 + self.drift + 0.0003 * self.random.between(-1.0, 1.0);
        let moved = self.price() - before;
        for member in members {
            let position = self.state.market(PERPETUAL).entry(member).position;
            self.gain.price += moved.notional(position, Round::Down);
        }
    }

    fn members(&self) -> impl Iterator<Item = AccountId> + use<> {
        (0..u32::try_from(MEMBERS).expect("few")).map(AccountId)
    }

    /// Books an event on the side of the coalition and on the side of the others. Money that moves
    /// by an event without a row here is unexplained, and ends the search.
    #[allow(clippy::wildcard_enum_match_arm)]
    fn book(&mut self, event: &Event) {
        match *event {
            Event::Traded {
                side,
                price,
                qty,
                taker,
                maker,
                taker_fee,
                maker_fee,
                liquidation,
                ..
            } => {
                let signed = if side == Side::Buy { qty } else { -qty };
                let edge = (self.price() - price).notional(signed, Round::Down);
                for (account, edge, fee) in [(taker, edge, taker_fee), (maker, -edge, maker_fee)] {
                    if liquidation {
                        self.share(account, edge, true);
                        self.pay(account, -fee);
                    } else {
                        self.share(account, edge - fee, false);
                    }
                }
            }
            Event::Deleveraged { account, counterparty, price, qty, haircut, .. } => {
                let edge = (self.price() - price).notional(qty, Round::Down);
                self.share(account, edge, true);
                self.share(counterparty, -edge, true);
                self.pay(account, haircut);
                self.pay(counterparty, -haircut);
            }
            Event::FundingPaid { account, amount, .. } => self.fund(account, amount),
            Event::InsurancePaid { account, amount } => self.pay(account, amount),
            Event::LiquidationFee { account, amount } => self.pay(account, -amount),
            Event::Moved { account: Some(account), amount, .. }
                if Part::of(account) == Part::Member =>
            {
                self.gain.wealth -= amount;
            }
            Event::LiquidationStarted { account, .. } => {
                self.gain.wronged += u32::from(self.sound[account.index()]);
            }
            Event::Indexed { asset: BTC, price, .. } => {
                let off = (price.raw() as f64 / 1e8 / self.truth - 1.0).abs();
                self.gain.index_off = self.gain.index_off.max(off);
            }
            _ => {}
        }
    }

    /// A gain at the true price out of a trade: agreed, or forced upon somebody.
    fn share(&mut self, account: AccountId, edge: Amount, forced: bool) {
        match (Part::of(account), forced) {
            (Part::Member, true) => self.gain.forced += edge,
            (Part::Member, false) => self.gain.agreed += edge,
            (Part::Maker | Part::Taker, true) => self.gain.bound += (-edge).max(Amount::ZERO),
            (Part::Maker | Part::Taker, false) => {}
        }
    }

    fn fund(&mut self, account: AccountId, amount: Amount) {
        match Part::of(account) {
            Part::Member => self.gain.funding += amount,
            Part::Maker | Part::Taker => self.gain.bound += (-amount).max(Amount::ZERO),
        }
    }

    fn pay(&mut self, account: AccountId, amount: Amount) {
        match Part::of(account) {
            Part::Member => self.gain.protocol += amount,
            Part::Maker | Part::Taker => self.gain.bound += (-amount).max(Amount::ZERO),
        }
    }

    /// Cash and position of an account at the true price, without funding due.
    fn worth(&self, account: AccountId) -> Amount {
        let entry = self.state.market(PERPETUAL).entry(account);
        self.state.ledger().cash(account) + entry.profit(self.price())
    }

    /// Whether an honest account has its maintenance margin at the true price.
    fn is_sound(&self, account: AccountId) -> bool {
        let market = self.state.market(PERPETUAL);
        let margin = market.perpetual_params().map(|params| params.margin_maintenance);
        let held = self.price().notional(market.entry(account).position.abs(), Round::Up);
        let required = margin.and_then(|margin| held.share(margin, Round::Up));
        let worth = self.worth(account) + self.funding_due(account);
        Part::of(account) != Part::Member && required.is_some_and(|required| worth >= required)
    }

    fn funding_due(&self, account: AccountId) -> Amount {
        let market = self.state.market(PERPETUAL);
        let entry = market.entry(account);
        let received = entry.funding_index - market.perpetual.funding.index;
        received.split(entry.position).map_or(Amount::ZERO, |(amount, _)| amount)
    }

    fn wealth(&self) -> Amount {
        self.members().map(|member| self.worth(member)).sum()
    }
}

/// Who an account belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Member,
    Maker,
    Taker,
}

impl Part {
    fn of(account: AccountId) -> Part {
        let members = u32::try_from(MEMBERS).expect("few");
        if account.0 < members {
            Part::Member
        } else if account.0 < members + MAKERS {
            Part::Maker
        } else {
            Part::Taker
        }
    }
}

fn says(account: AccountId, command: Command) -> Message {
    Message { sender: Sender::User(account), command }
}
