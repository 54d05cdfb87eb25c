//! From checked settings and opened tapes to a run.
//!
//! All markets are in one account, as in a portfolio-margin account: coins back positions by a
//! share of their value, and what is missing is borrowed. Files of one market are merged in the
//! order of receipt; files that feed several markets are read once.

use feed::tape::{self, merge::Merge};
use money::{Amount, Price, Rate, Time};
use pricing::convert::qty_f64;

use super::account::Account;
use super::market::{Kind, Market, Source};
use super::{Setup, SetupError, models};
use crate::replay::account::{self, Asset, AssetTerms, Bracket, Brackets, Margin, MarketTerms};
use crate::replay::fees::{self, Schedule, Tier};
use crate::replay::latency::{Delay, LatencyParams, Recorded};
use crate::replay::pool::PoolParams;
use crate::replay::record::{self, MarketKind, Record};
use crate::replay::run::{self, AccountSetup, FeedSetup, MarketSetup, RunError};
use crate::replay::venue::VenueParams;

/// Opens a file for a run.
pub type Tapes<'a> = &'a dyn Fn(&Source) -> Result<Box<dyn tape::Source>, feed::Error>;

/// Place of a tape, and of an instrument in it.
type Place = (usize, u16);

/// Why a run did not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum Failed {
    /// Its settings.
    #[error(transparent)]
    Setup(#[from] SetupError),
    /// The run.
    #[error(transparent)]
    Run(#[from] RunError),
}

impl Setup {
    /// Runs the back-test. `about` says which build, command and files; `progress` hears the time
    /// and the number of events now and then.
    ///
    /// # Errors
    /// What the strategy or a file refuses, and what went wrong on the way.
    pub fn run(
        &self,
        tapes: Tapes<'_>,
        about: record::Run,
        progress: &mut dyn FnMut(Time, u64),
    ) -> Result<Record, Failed> {
        let mut strategy = self.strategy()?;
        let (feeds, places) = self.feeds(tapes)?;
        let markets = self.markets.iter().zip(places).map(|(market, (feed, instrument))| {
            let book = models::with_lot(&self.exchange, qty_f64(market.lot));
            let listed = &feeds[feed].source.header().instruments[usize::from(instrument)];
            let venue = match market.pool {
                None => VenueParams::Book(book),
                Some((fee_pips, decimals, base)) => VenueParams::Pool(PoolParams {
                    fee_pips,
                    decimals,
                    base,
                    price_unit: listed.price_unit,
                    qty_unit: listed.qty_unit,
                }),
            };
            let (account, expiry) = (0, market.expiry);
            // A pool's own swaps move it.
            let impact = if market.pool.is_some() { None } else { self.impact };
            let record = market.record();
            MarketSetup { feed, instrument, account, record, venue, impact, expiry }
        });
        let markets = markets.collect();
        let setup = run::Setup {
            feeds,
            markets,
            accounts: vec![self.account.terms(&self.markets)],
            strategy: strategy.as_mut(),
            hear: self.hear,
            hears_trades: false,
            start: self.start,
            end: self.end,
            sample: self.sample,
            run: record::Run {
                strategy: self.trader.class().name().into(),
                parameters: self.parameters.clone(),
                models: self.models.clone(),
                seed: self.seed,
                quote: self.account.currency().into(),
                ..about
            },
        };
        let mut record = run::run(setup, progress)?;
        self.count_events(&mut record);
        Ok(record)
    }

    /// Writes down how many events each file gave; of files that were merged, all by the first.
    fn count_events(&self, record: &mut Record) {
        for (market, told) in self.markets.iter().zip(&record.markets) {
            let path = self.sources[market.feeds[0].0].path.display().to_string();
            if let Some(file) = record.run.files.iter_mut().find(|file| file.path == path) {
                file.events += told.counts.events;
            }
        }
    }

    /// The tapes, each once, and for each market its tape and its instrument there.
    fn feeds(&self, tapes: Tapes<'_>) -> Result<(Vec<FeedSetup>, Vec<Place>), Failed> {
        let mut feeds: Vec<FeedSetup> = Vec::new();
        let mut files: Vec<(Vec<usize>, usize)> = Vec::new();
        let mut places = Vec::new();
        for (at, market) in self.markets.iter().enumerate() {
            let wanted: Vec<usize> = market.feeds.iter().map(|(source, _)| *source).collect();
            let latency = self.latency(at);
            let known = files.iter().position(|(known, _)| *known == wanted);
            if let Some(feed) = known {
                if feeds[feed].latency != latency {
                    let other = &self.markets[files[feed].1].name;
                    let name = &market.name;
                    let text =
                        format!("`{other}` and `{name}` are of one file: give them one latency");
                    return Err(SetupError::Data(text).into());
                }
                places.push((feed, market.feeds[0].1));
                continue;
            }
            let (source, instrument) = self.merged(market, tapes)?;
            places.push((feeds.len(), instrument));
            feeds.push(FeedSetup { source, latency });
            files.push((wanted, at));
        }
        Ok((feeds, places))
    }

    /// The files of a market as one tape, and its instrument there.
    fn merged(
        &self,
        market: &Market,
        tapes: Tapes<'_>,
    ) -> Result<(Box<dyn tape::Source>, u16), SetupError> {
        if let [(source, instrument)] = market.feeds[..] {
            return Ok((tapes(&self.sources[source])?, instrument));
        }
        let mut parts = Vec::new();
        for (source, _) in &market.feeds {
            let source = &self.sources[*source];
            parts.push((source.path.display().to_string(), tapes(source)?));
        }
        let merge = Merge::new(parts)?;
        let listed = &tape::Source::header(&merge).instruments;
        if listed.len() != 1 {
            let names: Vec<&str> = listed.iter().map(|listed| listed.name.as_str()).collect();
            let text = format!(
                "the files of `{}` are of several instruments ({}): give its `symbol`",
                market.name,
                names.join(", ")
            );
            return Err(SetupError::Data(text));
        }
        Ok((Box::new(merge), 0))
    }

    /// The roads of a market, with its outages.
    fn latency(&self, at: usize) -> LatencyParams {
        let market = &self.markets[at];
        let shift = market.clock_behind.unwrap_or(0);
        let usual = match market.clock_behind {
            Some(_) => Delay::Recorded(Recorded { shift, factor: 1.0, floor: money::Span::ZERO }),
            None => market.latency.order.clone(),
        };
        let feed = match market.latency.feed.clone().unwrap_or(usual) {
            Delay::Recorded(recorded) => Delay::Recorded(Recorded { shift, ..recorded }),
            other @ (Delay::Constant(_) | Delay::Measured(_) | Delay::Sampled(_)) => other,
        };
        let here = self.outages.iter().filter(|outage| outage.market.is_none_or(|of| of == at));
        LatencyParams {
            feed,
            order: market.latency.order.clone(),
            answer: market.latency.answer.clone(),
            outages: here.map(|outage| outage.outage).collect(),
        }
    }
}

impl Market {
    fn record(&self) -> record::Market {
        let kind = match self.kind {
            Kind::Spot => MarketKind::Spot,
            Kind::Perpetual | Kind::Inverse => MarketKind::Perpetual,
            Kind::Future => MarketKind::Future,
            Kind::Pool => MarketKind::Pool,
        };
        record::Market::new(&self.name, &self.venue, kind, self.tick, self.lot)
    }

    fn terms(&self, asset: impl Fn(&str) -> Asset) -> MarketTerms {
        let (base, quote) = (asset(&self.base), asset(&self.quote));
        let kind = match self.kind {
            Kind::Spot | Kind::Pool => account::Kind::Spot { base, quote },
            Kind::Perpetual | Kind::Future => {
                account::Kind::Linear { settle: quote, size: self.contract }
            }
            Kind::Inverse => {
                let face = Price::from_raw(self.contract.raw());
                account::Kind::Inverse { settle: base, face }
            }
        };
        let margin = match self.kind {
            Kind::Spot | Kind::Pool => Margin::None,
            Kind::Perpetual | Kind::Future | Kind::Inverse => {
                let [initial, maintenance] = self.margin;
                let bracket = Bracket { above: Amount::ZERO, initial, maintenance };
                let brackets = Brackets::new(&[bracket]);
                Margin::Brackets(brackets.expect("maintenance is below initial"))
            }
        };
        MarketTerms {
            kind,
            fees: self.fees.clone(),
            delivery: Schedule::free(),
            liquidation: taker_only(self.fee_liquidation),
            margin,
        }
    }
}

fn taker_only(taker: Rate) -> Schedule {
    let tier = Tier { volume: Amount::ZERO, maker: Rate::ZERO, taker };
    Schedule::new(vec![tier], 1, fees::Basis::Value).expect("a liquidation costs 5 % at most")
}

impl Account {
    fn terms(&self, markets: &[Market]) -> AccountSetup {
        let place = |name: &str| {
            let at = self.holdings.iter().position(|holding| holding.asset == name);
            Asset(u8::try_from(at.unwrap_or(0)).expect("assets are few"))
        };
        let assets = self.holdings.iter().enumerate().map(|(at, holding)| AssetTerms {
            interest: self.interest,
            borrow: holding.borrow,
            collateral: if at == 0 { Rate::ONE } else { self.collateral },
            initial: self.margin[0],
            maintenance: self.margin[1],
        });
        let deposits = self.holdings.iter().filter(|holding| holding.start.is_positive());
        let told =
            |name: &str| markets.iter().any(|market| market.kind.is_spot() && market.base == name);
        let unpriced = self.holdings.iter().skip(1).filter(|holding| !told(&holding.asset));
        let prices = unpriced.filter_map(|holding| {
            price_of(&holding.asset, self.currency(), markets)
                .map(|price| (place(&holding.asset), price))
        });
        AccountSetup {
            assets: assets.collect(),
            markets: markets.iter().map(|market| market.terms(place)).collect(),
            turnover_daily: self.volume_day,
            deposits: deposits.map(|holding| (place(&holding.asset), holding.start)).collect(),
            prices: prices.collect(),
        }
    }
}

/// The first price of an asset that no spot market prices: that of its perpetual; dollars of all
/// kinds are worth one another.
fn price_of(asset: &str, currency: &str, markets: &[Market]) -> Option<Price> {
    const DOLLARS: [&str; 6] = ["USD", "USDT", "USDC", "FDUSD", "BUSD", "DAI"];
    if DOLLARS.contains(&asset) && DOLLARS.contains(&currency) {
        return Some(Price::ONE);
    }
    let of = markets.iter().find(|market| market.base == asset);
    of.map(|market| market.first).filter(|price| *price > Price::ZERO)
}
