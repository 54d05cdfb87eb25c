//! From what a run depends on to its record.

use desk::strategy::{Instrument, Strategy};
use feed::tape::Source;
use money::{Amount, Price, Span, Time};

use super::error::RunError;
use super::feeds::Feed;
use super::market::Market;
use super::{Hear, Item, Run};
use crate::queue::Queue;
use crate::random::Seed;
use crate::replay::account::{Account, Asset, AssetTerms, MarketTerms};
use crate::replay::fees::Turnover;
use crate::replay::impact::{Impact, Model, Scale};
use crate::replay::latency::{Latency, LatencyParams};
use crate::replay::local::{Local, Units};
use crate::replay::record::{self, Counts, Record, Seen};
use crate::replay::venue::{Venue, VenueParams};
use crate::replay::window::Window;

/// One tape and the roads between its venue and the strategy.
pub struct FeedSetup {
    /// The tape.
    pub source: Box<dyn Source>,
    /// The delays.
    pub latency: LatencyParams,
}

/// One market; the strategy knows it by its place in the list.
#[derive(Clone, Debug)]
pub struct MarketSetup {
    /// Place of the tape in the list of feeds, and of the instrument in the tape's header.
    pub feed: usize,
    /// The same.
    pub instrument: u16,
    /// Place of the account in the list; its markets there stand in the order of this list.
    pub account: usize,
    /// Name, venue and kind for the record.
    pub record: record::Market,
    /// How orders are matched.
    pub venue: VenueParams,
    /// How own trades move it.
    pub impact: Option<(Model, Scale)>,
    /// When it settles, of dated contracts.
    pub expiry: Option<Time>,
}

/// One account at the start.
#[derive(Clone, Debug)]
pub struct AccountSetup {
    /// What the venue makes of each asset; the first is the currency, the same in all accounts.
    pub assets: Vec<AssetTerms>,
    /// The terms of its markets.
    pub markets: Vec<MarketTerms>,
    /// Volume before the run.
    pub turnover_daily: Amount,
    /// What is there at the start, of each asset.
    pub deposits: Vec<(Asset, Amount)>,
    /// Prices of assets that no spot market of the account tells.
    pub prices: Vec<(Asset, Price)>,
}

/// Everything that a run depends on.
pub struct Setup<'a> {
    /// The tapes.
    pub feeds: Vec<FeedSetup>,
    /// The markets.
    pub markets: Vec<MarketSetup>,
    /// The accounts.
    pub accounts: Vec<AccountSetup>,
    /// Who trades.
    pub strategy: &'a mut dyn Strategy,
    /// When it is told of quotes.
    pub hear: Hear,
    /// Whether it is told of trades.
    pub hears_trades: bool,
    /// When it starts; `None` for as soon as all accounts can be valued.
    pub start: Option<Time>,
    /// When it ends; `None` for the end of the tapes.
    pub end: Option<Time>,
    /// Time between samples.
    pub sample: Span,
    /// What is said of the run in its record; start, end and seed are filled in.
    pub run: record::Run,
}

/// Runs a strategy over tapes. `progress` hears now and then how far it is: time and events.
///
/// # Errors
/// See [`RunError`].
pub fn run(setup: Setup, progress: &mut dyn FnMut(Time, u64)) -> Result<Record, RunError> {
    let start = setup.start.map(Time::nanos);
    let sample = setup.sample;
    let accounts = setup.accounts.clone();
    let mut run = Run::new(setup)?;
    run.warm_up(start)?;
    run.deposit(&accounts)?;
    run.open(sample);
    if start.is_some() {
        // What arrived before is known at the first wake, and was no news to act on.
        run.listen()?;
    }
    run.run(progress)?;
    run.finish()?;
    run.record.check()?;
    Ok(run.record)
}

impl<'a> Run<'a> {
    fn new(setup: Setup<'a>) -> Result<Run<'a>, RunError> {
        let seed = Seed(setup.run.seed);
        let mut windows = Vec::with_capacity(setup.feeds.len());
        for (at, feed) in setup.feeds.into_iter().enumerate() {
            let latency = Latency::new(&feed.latency, seed, at as u64)?;
            let mut window = Window::new(feed.source);
            window.open()?;
            windows.push((window, latency));
        }
        let mut places = vec![0; setup.accounts.len()];
        let mut markets = Vec::with_capacity(setup.markets.len());
        for (at, market) in setup.markets.iter().enumerate() {
            let place = &mut places[market.account];
            let header = windows[market.feed].0.header();
            let listed = &header.instruments[usize::from(market.instrument)];
            let units = Units { price: listed.price_unit, qty: listed.qty_unit };
            markets.push(Market::new(at, *place, market, units, setup.hears_trades)?);
            *place += 1;
        }
        let table = |feed: usize, instruments: usize| {
            let mut table = vec![None; instruments];
            for (place, market) in (0u16..).zip(&setup.markets) {
                if market.feed == feed {
                    table[usize::from(market.instrument)] = Some(place);
                }
            }
            table
        };
        let feeds = windows.into_iter().enumerate().map(|(at, (window, latency))| {
            let table = table(at, window.header().instruments.len());
            Feed::new(window, latency, table)
        });
        let feeds = feeds.collect();
        let record = setup.markets.into_iter().map(|market| market.record).collect();
        Ok(Run {
            now: 0,
            end: setup.end.map_or(u64::MAX, Time::nanos),
            hear: setup.hear,
            queue: Queue::new(),
            feeds,
            seen: vec![Seen::default(); markets.len()],
            markets,
            accounts: Vec::new(),
            strategy: setup.strategy,
            intents: Vec::new(),
            answers: Vec::new(),
            inbound: 0,
            worse: 0,
            pushed: false,
            record: Record::new(setup.run, record, Amount::ZERO, setup.sample),
        })
    }

    /// Brings the exchanges to the start: a time that was set, or the first at which every market
    /// has a price.
    fn warm_up(&mut self, start: Option<u64>) -> Result<(), RunError> {
        if let Some(start) = start {
            while self.meet(start)? {}
            let mut is_over = true;
            for feed in &mut self.feeds {
                is_over &= feed.next_at_exchange()?.is_none();
            }
            if is_over {
                return Err(RunError::Late(Time::from_nanos(start)));
            }
            self.now = start;
            return Ok(());
        }
        loop {
            let mut next: Option<u64> = None;
            for feed in &mut self.feeds {
                let time = feed.next_at_exchange()?;
                next = next.into_iter().chain(time).min();
            }
            let unknown = self.markets.iter().position(|market| market.mid().is_zero());
            match (unknown, next) {
                (None, _) => return Ok(()),
                (Some(at), None) => {
                    return Err(RunError::NoPrice(self.record.markets[at].name.clone()));
                }
                (Some(_), Some(next)) => while self.meet(next)? {},
            }
        }
    }

    /// Opens the accounts and puts into them what is there at the start.
    fn deposit(&mut self, setups: &[AccountSetup]) -> Result<(), RunError> {
        let now = Time::from_nanos(self.now);
        for (at, setup) in setups.iter().enumerate() {
            let turnover = Turnover::steady(setup.turnover_daily, now);
            let opened = Account::new(&setup.assets, setup.markets.clone(), turnover, now);
            let mut account = opened.map_err(|fault| RunError::Deposit { account: at, fault })?;
            for market in self.markets.iter().filter(|market| market.account == at) {
                let mid = market.mid();
                let seen = if mid.is_zero() { Ok(()) } else { account.see(market.place, mid) };
                seen.map_err(|fault| RunError::Deposit { account: at, fault })?;
            }
            for &(asset, price) in &setup.prices {
                let priced = account.price(asset, price);
                priced.map_err(|fault| RunError::Deposit { account: at, fault })?;
            }
            for &(asset, amount) in &setup.deposits {
                let deposited = account.deposit(asset, amount, now);
                deposited.map_err(|fault| RunError::Deposit { account: at, fault })?;
            }
            self.accounts.push(account);
        }
        Ok(())
    }

    /// Begins the record and schedules the first events.
    fn open(&mut self, sample: Span) {
        let equity = self.accounts.iter().map(Account::equity).sum();
        let mut run = std::mem::take(&mut self.record.run);
        run.start = Time::from_nanos(self.now);
        let markets = std::mem::take(&mut self.record.markets);
        self.record = Record::new(run, markets, equity, sample);
        for (kept, market) in self.record.markets.iter_mut().zip(&mut self.markets) {
            kept.position_start = self.accounts[market.account].position(market.place);
            (market.counts, market.volume) = (Counts::default(), 0);
        }
        self.queue.push(self.now, Item::Wake);
        for (at, market) in (0u16..).zip(&self.markets) {
            if let Some(expiry) = market.expiry {
                self.queue.push(expiry.nanos(), Item::Expire(at));
            }
        }
    }
}

impl Market {
    fn new(
        at: usize,
        place: usize,
        setup: &MarketSetup,
        units: Units,
        hears_trades: bool,
    ) -> Result<Market, RunError> {
        let record::Market { name, tick, lot, .. } = &setup.record;
        let instrument = Instrument(at as u16);
        let step = |what, step: String, unit: String| RunError::Step {
            market: name.clone(),
            what,
            step,
            unit,
        };
        let of_tick = units.of_price(*tick).filter(|tick| *tick > 0);
        let of_lot = units.of_qty(*lot).filter(|lot| *lot > 0);
        Ok(Market {
            instrument,
            feed: setup.feed,
            account: setup.account,
            place,
            units,
            tick: of_tick.ok_or_else(|| step("tick", tick.to_string(), units.price.to_string()))?,
            lot: of_lot.ok_or_else(|| step("lot", lot.to_string(), units.qty.to_string()))?,
            exchange: Venue::new(&setup.venue),
            local: Local::new(instrument, units, &setup.venue, hears_trades),
            impact: match setup.impact {
                Some((model, scale)) => Some(Impact::new(model, scale)?),
                None => None,
            },
            shift: 0,
            open: Vec::new(),
            counts: Counts::default(),
            volume: 0,
            was_busy: false,
            mark: Price::ZERO,
            index: Price::ZERO,
            close: Price::ZERO,
            expiry: setup.expiry,
        })
    }
}
