//! Options in the world: publishers of surfaces, what agents hear of the chain, orders and
//! answers.
//!
//! Series `s` is the instrument behind the markets and the outside venues with number `first + s`.
//! Agents hear the chain as of a block that closed before their latency, like the quotes of
//! markets: two posts are kept, of the last block and of the one before.

mod measure;

use std::collections::VecDeque;

use desk::strategy::{self, Contract, Instrument, Intent, Level, Slice};
use money::{Amount, Price, Qty, Rate, Round, Span, Time};
use pricing::convert::{amount_f64, price_f64, qty_f64, rate_f64};
use pricing::slice::effective_time;
use pricing::svi::Svi;
use protocol::book_auction::Offer;
use protocol::command::{Command, Message, OptionOrder, SelfTrade, Sender, SurfaceVote};
use protocol::event::{Event, OptionEvent};
use protocol::ids::{
    AccountId, ChainId, ClientId, OptionKind, OrderId, PublisherId, SeriesId, Side,
};
use protocol::option::{self, Chain};
use protocol::state::State;
use protocol::surface::{self, SliceVote, Vote};

use super::{Item, OptionSetup, World};
use crate::option_record::{ExpiryRecord, OptionRecord, SeriesRecord};
use crate::random::{Seed, Stream};
use crate::scenario::SurfacePublishers;
use crate::volatility::{Smile, View, years_of};

pub(super) use measure::Ledgers;

/// The one chain of options that a scenario has.
const CHAIN: ChainId = ChainId(0);
/// Tries of a publisher to quantise a surface that the rulebook accepts.
const TRIES: usize = 8;

/// The options of a world.
pub(super) struct Options {
    setup: OptionSetup,
    /// Number of the instrument of series 0.
    first: u16,
    /// The venue of the asset.
    venue: usize,
    streams: Vec<Stream>,
    /// Surfaces on their way to the chain, by publisher, oldest first.
    waiting: Vec<VecDeque<Vote>>,
    posts: [Post; 2],
    newest: usize,
    /// Whether a quote may have changed since the last post.
    changed: bool,
    averaging: Span,
    /// Paid to the longs of the expiry that is being settled, USD.
    settling: f64,
    pub(super) record: OptionRecord,
    pub(super) ledgers: Ledgers,
}

/// What the chain published with a block.
#[derive(Clone, Debug, Default)]
struct Post {
    time: Time,
    index: f64,
    source: Time,
    slices: Vec<SliceVote>,
    series: Vec<Quoted>,
}

#[derive(Clone, Copy, Debug)]
struct Quoted {
    id: SeriesId,
    contract: Contract,
    bid: Option<Level>,
    ask: Option<Level>,
}

impl Options {
    pub(super) fn new(setup: OptionSetup, state: &State, seed: Seed) -> Options {
        let publishers = state.params().oracle.stakes.len();
        let base = state.chains()[CHAIN.index()].base();
        let markets = state.markets().len() + state.params().assets.len() - 1;
        let asset = state.params().assets[base.index()].name.clone();
        let record = OptionRecord { asset, source: setup.source.clone(), ..Default::default() };
        Options {
            setup,
            first: u16::try_from(markets).expect("a scenario has few markets"),
            venue: base.index() - 1,
            streams: (0..publishers as u64).map(|at| seed.stream("surface", at)).collect(),
            waiting: vec![VecDeque::new(); publishers],
            posts: Default::default(),
            newest: 0,
            changed: true,
            averaging: state.chains()[CHAIN.index()].params.settlement.averaging,
            settling: 0.0,
            record,
            ledgers: Ledgers::default(),
        }
    }

    /// The series of an instrument.
    fn series(&self, instrument: Instrument) -> Option<SeriesId> {
        instrument.0.checked_sub(self.first).map(|id| SeriesId(u32::from(id)))
    }

    fn instrument(&self, series: SeriesId) -> Instrument {
        let id = u16::try_from(series.0).expect("a run lists a few thousand series");
        Instrument(self.first + id)
    }

    /// Keeps what the chain shows after a block.
    pub(super) fn post(&mut self, state: &State, now: Time) {
        let chain = &state.chains()[CHAIN.index()];
        let [early, late] = &mut self.posts;
        let (last, next) = if self.newest == 0 { (early, late) } else { (late, early) };
        next.time = now;
        next.index = price_f64(state.oracle().index(chain.base()).price);
        next.source = chain.surface.source_time();
        next.slices.clear();
        next.slices.extend_from_slice(chain.surface.slices());
        next.series.clear();
        if self.changed {
            next.series.extend(chain.series.iter().map(|series| quoted(chain, series)));
        } else {
            next.series.extend_from_slice(&last.series);
        }
        self.newest = 1 - self.newest;
        self.changed = false;
    }

    /// The newest post not later than `by`.
    fn seen(&self, by: Time) -> Option<&Post> {
        let [newest, before] = [&self.posts[self.newest], &self.posts[1 - self.newest]];
        [newest, before].into_iter().find(|post| post.time <= by && post.index > 0.0)
    }

    /// Tells what the chain had published by then: series that are new to the listener, the
    /// surface, quotes. Returns the number of the next series that the listener does not know.
    pub(super) fn tell(
        &self,
        (by, now): (Time, Time),
        heard: u32,
        mut hear: impl FnMut(strategy::Event),
    ) -> u32 {
        let Some(post) = self.seen(by) else { return heard };
        for quoted in post.series.iter().filter(|quoted| quoted.id.0 >= heard) {
            let instrument = self.instrument(quoted.id);
            hear(strategy::Event::Series { instrument, contract: quoted.contract });
        }
        for slice in post.slices.iter().filter(|slice| slice.expiry > now) {
            hear(strategy::Event::Surface(self.slice(post, slice, now)));
        }
        for quoted in &post.series {
            let (instrument, bid, ask) = (self.instrument(quoted.id), quoted.bid, quoted.ask);
            hear(strategy::Event::Quote { instrument, bid, ask });
        }
        post.series.last().map_or(heard, |last| heard.max(last.id.0 + 1))
    }

    /// A slice of the surface in force, as of now.
    fn slice(&self, post: &Post, vote: &SliceVote, now: Time) -> Slice {
        let left = vote.expiry.since(now);
        let years = years_of(effective_time(left, self.averaging));
        let whole = vote.expiry.since(post.source).nanos().max(1) as f64;
        let basis = rate_f64(vote.basis) * left.nanos() as f64 / whole;
        Slice {
            expiry: vote.expiry,
            forward: post.index * (1.0 + basis),
            svi: Svi {
                a: rate_f64(vote.a) * years,
                b: rate_f64(vote.b) * years,
                rho: rate_f64(vote.rho),
                m: rate_f64(vote.m),
                sigma: rate_f64(vote.sigma),
            },
        }
    }

    /// The whole vote of a publisher on the true surface at this price.
    fn vote(&mut self, state: &State, publisher: PublisherId, (now, spot): (Time, f64)) -> Vote {
        let chain = &state.chains()[CHAIN.index()];
        let mut expiries: Vec<Time> = chain.expiries.iter().map(|expiry| expiry.time).collect();
        expiries.extend(option::expiries(now, &chain.params.listing));
        // What is listed while the vote is on its way.
        let first = expiries.first().map_or(now, |first| now.max(*first));
        expiries.extend(option::expiries(first, &chain.params.listing));
        expiries.sort();
        expiries.dedup();
        expiries.retain(|expiry| *expiry > now);
        let view = View { now, spot, expiries: &expiries, averaging: self.averaging };
        let (noise, stream) = (self.setup.publishers.noise, &mut self.streams[publisher.index()]);
        let smiles = self.setup.volatility.surface(view, || noise * stream.normal());
        let faulty = SurfacePublishers::is_in(&self.setup.publishers.faults, publisher, now);
        quantised(&smiles, faulty, (now, self.averaging), chain)
    }

    /// A series is listed.
    fn list(&mut self, series: SeriesId, contract: &Contract) {
        let name = series_name(&self.record.asset, contract);
        let known = &mut self.record.series;
        assert_eq!(known.len(), series.0 as usize, "one chain numbers all series");
        known.push(SeriesRecord { name, ..SeriesRecord::default() });
    }

    fn count_trade(&mut self, series: SeriesId, coins: f64, price: f64) {
        let counts = &mut self.record.counts;
        counts.trades += 1;
        counts.traded_coins += coins;
        counts.premium_usd += coins * price;
        let record = &mut self.record.series[series.0 as usize];
        record.trades += 1;
        record.traded_coins += coins;
    }

    /// All series of an expiry were settled.
    fn settle(&mut self, (expiry, price): (Time, Price), open_interest: f64, spot: f64) {
        self.ledgers.settled(expiry, price);
        self.record.expiries.push(ExpiryRecord {
            time_ms: expiry.millis() as i64,
            price: price_f64(price),
            spot,
            open_interest,
            paid_usd: std::mem::take(&mut self.settling),
        });
    }

    /// Marks that quotes may have changed.
    pub(super) fn touch(&mut self) {
        self.changed = true;
    }
}

fn quoted(chain: &Chain, series: &option::Series) -> Quoted {
    use protocol::book::Book as _;
    let level = |side| {
        let (tick, lots) = series.book.levels(side).next()?;
        Some(Level { price: chain.grid().price(tick), qty: chain.grid().level_qty(lots) })
    };
    let option::Contract { expiry, strike, kind } = series.contract;
    let contract = Contract { expiry, strike, kind };
    Quoted { id: series.id, contract, bid: level(Side::Buy), ask: level(Side::Sell) }
}

/// Slices as a vote, per year of effective time. Rounding may break a proof by a hair, so a
/// publisher flattens what the rulebook would refuse; a faulty one sends smiles that bend too much.
fn quantised(
    smiles: &[Smile],
    faulty: bool,
    (now, averaging): (Time, Span),
    chain: &Chain,
) -> Vote {
    let mut flatness = if faulty { FAULT } else { 1.0 };
    let make = |flatness: f64| Vote {
        source_time: now,
        slices: smiles.iter().map(|smile| slice_vote(smile, flatness, (now, averaging))).collect(),
    };
    for _ in 0..TRIES {
        let vote = make(flatness);
        if faulty || surface::check(&vote, &[], now, &chain.params).is_ok() {
            return vote;
        }
        flatness *= 0.95;
    }
    make(0.0)
}

/// What the slope of a faulty smile's wings is multiplied with.
const FAULT: f64 = 40.0;

/// A slice with the slope of its wings multiplied and its level at the money kept.
fn slice_vote(smile: &Smile, flatness: f64, (now, averaging): (Time, Span)) -> SliceVote {
    let years = years_of(effective_time(smile.expiry.since(now), averaging));
    let rate = |value: f64| {
        pricing::convert::rate(value, Round::Down).unwrap_or(if value < 0.0 {
            Rate::from_raw(-Rate::ONE.raw())
        } else {
            Rate::from_raw(i64::MAX / 2)
        })
    };
    let svi = Svi { b: smile.svi.b * flatness, ..smile.svi };
    let bend = (svi.m * svi.m + svi.sigma * svi.sigma).sqrt() - svi.rho * svi.m;
    let a = smile.svi.variance(0.0) - svi.b * bend;
    SliceVote {
        expiry: smile.expiry,
        basis: rate(smile.basis),
        a: rate(a / years),
        b: rate(svi.b / years),
        rho: rate(svi.rho),
        m: rate(svi.m),
        sigma: rate(svi.sigma.max(1e-9)),
    }
}

impl World {
    /// A publisher looks at the true surface and sends its vote.
    pub(super) fn publish_surface(&mut self, publisher: PublisherId) {
        let now = self.now;
        let Some(options) = &mut self.options else { return };
        let (interval, delay) = (options.setup.publishers.interval, options.setup.publishers.delay);
        if !SurfacePublishers::is_in(&options.setup.publishers.outages, publisher, now) {
            let spot = price_f64(self.venues[options.venue].path());
            let vote = options.vote(&self.state, publisher, (now, spot));
            options.waiting[publisher.index()].push_back(vote);
            self.push(now.after(delay), Item::SurfaceVote(publisher));
        }
        self.push(now.after(interval), Item::PublishSurface(publisher));
    }

    /// A vote on the surface reaches the chain.
    pub(super) fn receive_surface(&mut self, publisher: PublisherId) {
        let options = self.options.as_mut().expect("only a world with options has such votes");
        let Some(vote) = options.waiting[publisher.index()].pop_front() else { return };
        self.messages += 1;
        let command = Command::PublishSurface(Box::new(SurfaceVote { chain: CHAIN, vote }));
        self.pending.push(Message { sender: Sender::Publisher(publisher), command });
    }

    /// An intent in a series becomes a command; `None` for what is no series, or waits.
    pub(super) fn option_command(&mut self, at: u32, intent: Intent) -> Option<Command> {
        let options = self.options.as_mut()?;
        options.touch();
        match intent {
            Intent::Place { instrument, side, price, qty, lifetime, reduce_only, client } => {
                let (series, self_trade) = (options.series(instrument)?, SelfTrade::CancelMaker);
                Some(Command::PlaceOption(OptionOrder {
                    series,
                    side,
                    price,
                    qty,
                    lifetime,
                    reduce_only,
                    self_trade,
                    client,
                }))
            }
            Intent::Cancel { instrument, client } => {
                let series = options.series(instrument)?;
                let open = &self.agents[at as usize].open_options;
                let known = open.iter().find(|(own, id, _)| *own == client && *id == series);
                let Some(&(_, series, order)) = known else {
                    self.early_cancels.push((at, intent));
                    return None;
                };
                Some(Command::CancelOption { series, order })
            }
            // There is no such command for one series: its orders are cancelled one by one.
            Intent::CancelAll { instrument } => {
                let series = options.series(instrument)?;
                let agent = &self.agents[at as usize];
                let sender = Sender::User(agent.account);
                let own = agent.open_options.iter().filter(|(_, id, _)| *id == series);
                let cancels = own.map(|&(_, series, order)| Message {
                    sender,
                    command: Command::CancelOption { series, order },
                });
                self.pending.extend(cancels);
                None
            }
            Intent::Bid { .. } | Intent::WakeAt(_) => None,
        }
    }

    /// Tells an agent the chain and, if `stated`, what it holds of it.
    pub(super) fn tell_options(&mut self, at: u32, by: Time, stated: bool, out: &mut Vec<Intent>) {
        let Some(options) = &self.options else { return };
        let agent = &mut self.agents[at as usize];
        if !agent.reads_options {
            return;
        }
        let quotes = &mut self.quotes;
        agent.series_heard = options.tell((by, self.now), agent.series_heard, |event| {
            *quotes += 1;
            agent.strategy.on(&event, out);
        });
        if !stated {
            return;
        }
        for (account, _) in self.state.book_auctions() {
            let pays = self.state.offer(account).and_then(|offer| payment(&offer));
            if let Some(pays) = pays.filter(|_| account != agent.account) {
                agent.strategy.on(&strategy::Event::Auction { account, pays }, out);
            }
        }
        let chain = &self.state.chains()[CHAIN.index()];
        let mut legs = chain.legs(agent.account).iter().peekable();
        for series in &chain.series {
            let mut qty = Qty::ZERO;
            while legs.peek().is_some_and(|leg| leg.series <= series.id) {
                let leg = legs.next().expect("it was peeked at");
                if leg.series == series.id {
                    qty = leg.position;
                }
            }
            let instrument = options.instrument(series.id);
            agent.strategy.on(&strategy::Event::Position { instrument, qty }, out);
        }
    }

    /// A cancel that came before its order was known, if it is of an option that is known now.
    pub(super) fn late_cancel(&self, at: u32, intent: Intent) -> Option<(AccountId, Command)> {
        let Intent::Cancel { instrument, client } = intent else { return None };
        let series = self.options.as_ref()?.series(instrument)?;
        let agent = &self.agents[at as usize];
        let known = agent.open_options.iter().find(|(own, id, _)| *own == client && *id == series);
        let &(_, series, order) = known?;
        Some((agent.account, Command::CancelOption { series, order }))
    }

    /// A refused command of a publisher, if it was a surface.
    pub(super) fn surface_refused(&mut self, event: &Event) {
        let Event::Rejected { message, .. } = event else { return };
        let command = &self.block.messages[*message as usize].command;
        if let (Command::PublishSurface(_), Some(options)) = (command, &mut self.options) {
            options.record.counts.surfaces_refused += 1;
        }
    }

    /// Books an event of the options and tells those whom it concerns.
    pub(super) fn answer_option(&mut self, event: OptionEvent, events: &[Event], at: usize) {
        let Some(options) = &mut self.options else { return };
        options.touch();
        match event {
            OptionEvent::SeriesListed { series, expiry, strike, kind, .. } => {
                options.list(series, &Contract { expiry, strike, kind });
            }
            OptionEvent::SurfaceAccepted { .. } => options.record.counts.surfaces += 1,
            OptionEvent::ChainFull { .. } => options.record.counts.full += 1,
            OptionEvent::Rested { account, series, order, client, .. } => {
                let instrument = options.instrument(series);
                self.agents[account.index()].open_options.push((client, series, order));
                self.reply(account.0, strategy::Event::Rested { instrument, client });
            }
            OptionEvent::Removed { account, series, client, .. } => {
                self.option_gone(account, series, client, false);
            }
            OptionEvent::Traded { series, price, qty, taker, maker, maker_done, .. } => {
                options.count_trade(series, qty_f64(qty), price_f64(price));
                self.option_fill(event, taker, option_taker_is_done(event, &events[at + 1..]));
                self.option_fill(event, maker, maker_done);
            }
            OptionEvent::Exercised { account, payoff, fee, .. } => {
                self.books[account.index()].fees -= fee;
                options.settling += amount_f64(payoff.max(Amount::ZERO));
            }
            OptionEvent::Haircut { account, counterparty, haircut, .. } => {
                self.deleveraged([account, counterparty], haircut);
            }
            OptionEvent::BookAuctionStarted { .. } => options.record.counts.auctions += 1,
            OptionEvent::PortfolioTaken { account, bidder, paid, insured, .. } => {
                options.record.counts.bids += 1;
                self.books[account.index()].liquidation -= paid;
                self.books[bidder.index()].liquidation += paid;
                self.books[bidder.index()].insurance += insured;
            }
            OptionEvent::Deleveraged { account, counterparty, haircut, .. } => {
                options.record.counts.deleveraged += 1;
                self.deleveraged([account, counterparty], haircut);
            }
            OptionEvent::BookAuctionEnded { .. }
            | OptionEvent::LegTaken { .. }
            | OptionEvent::PositionTaken { .. }
            | OptionEvent::HoldingTaken { .. } => {}
            OptionEvent::ExpirySettled { expiry, price, interest, .. } => {
                let spot = price_f64(self.venues[options.venue].path());
                options.settle((expiry, price), qty_f64(interest), spot);
            }
        }
    }

    pub(super) fn option_gone(
        &mut self,
        account: AccountId,
        series: SeriesId,
        client: ClientId,
        refused: bool,
    ) {
        let Some(options) = &self.options else { return };
        let instrument = options.instrument(series);
        forget(&mut self.agents[account.index()].open_options, client, series);
        self.reply(account.0, strategy::Event::Gone { instrument, client, refused });
    }

    /// One side of a trade in options.
    fn option_fill(&mut self, traded: OptionEvent, account: AccountId, done: bool) {
        let OptionEvent::Traded {
            series,
            side,
            price,
            qty,
            taker,
            taker_client,
            maker_client,
            taker_fee,
            maker_fee,
            ..
        } = traded
        else {
            return;
        };
        let is_taker = account == taker;
        let (side, client, fee) = if is_taker {
            (side, taker_client, taker_fee)
        } else {
            (side.opposite(), maker_client, maker_fee)
        };
        let book = &mut self.books[account.index()];
        book.fees -= fee;
        book.traded += price.notional(qty, Round::Down);
        if done && !is_taker {
            forget(&mut self.agents[account.index()].open_options, client, series);
        }
        let Some(options) = &self.options else { return };
        let instrument = options.instrument(series);
        let event = strategy::Event::Fill { instrument, client, side, price, qty, fee, done };
        self.reply(account.0, event);
    }
}

/// What an auctioned account pays now for each unit of its maintenance margin: `κE/M` while it has
/// equity, else the reward.
fn payment(offer: &Offer) -> Option<Rate> {
    if !offer.maintenance.is_positive() {
        return None;
    }
    if !offer.equity.is_positive() {
        return Some(offer.reward);
    }
    let paid = offer.equity.share(offer.discount, Round::Down)?;
    pricing::convert::rate(amount_f64(paid) / amount_f64(offer.maintenance), Round::Down)
}

fn forget(open: &mut Vec<(ClientId, SeriesId, OrderId)>, client: ClientId, series: SeriesId) {
    if let Some(at) = open.iter().position(|(own, id, _)| *own == client && *id == series) {
        open.swap_remove(at);
    }
}

/// Whether the taker of this trade has nothing left: the next event about its order says so.
fn option_taker_is_done(traded: OptionEvent, later: &[Event]) -> bool {
    let OptionEvent::Traded { taker, taker_client, series, .. } = traded else { return true };
    for event in later {
        let Event::Option(event) = event else { continue };
        match *event {
            OptionEvent::Traded { taker: other, taker_client: client, series: id, .. } => {
                return !(other == taker && client == taker_client && id == series);
            }
            OptionEvent::Rested { account, client, .. } => {
                return !(account == taker && client == taker_client);
            }
            OptionEvent::Removed { account, client, .. }
                if account == taker && client == taker_client =>
            {
                return false;
            }
            OptionEvent::Removed { .. }
            | OptionEvent::SeriesListed { .. }
            | OptionEvent::ChainFull { .. }
            | OptionEvent::SurfaceAccepted { .. }
            | OptionEvent::Exercised { .. }
            | OptionEvent::Haircut { .. }
            | OptionEvent::BookAuctionStarted { .. }
            | OptionEvent::BookAuctionEnded { .. }
            | OptionEvent::PortfolioTaken { .. }
            | OptionEvent::LegTaken { .. }
            | OptionEvent::PositionTaken { .. }
            | OptionEvent::HoldingTaken { .. }
            | OptionEvent::Deleveraged { .. }
            | OptionEvent::ExpirySettled { .. } => {}
        }
    }
    true
}

/// A name as `BTC-2026-02-06-70000-P`.
fn series_name(asset: &str, contract: &Contract) -> String {
    let letter = match contract.kind {
        OptionKind::Call => 'C',
        OptionKind::Put => 'P',
    };
    let expiry = contract.expiry.to_string();
    let day = expiry.split(' ').next().unwrap_or_default();
    format!("{asset}-{day}-{}-{letter}", price_f64(contract.strike))
}
