//! From a scenario and a seed to a world: reads the recorded prices, builds the agents.

mod options;

use std::path::PathBuf;

use desk::leg::BadConfig;
use desk::strategy::{Instrument, Listing, Strategy};
use feed::surfaces::SurfaceRow;
use feed::{Bar as Recorded, Series};
use money::{Amount, Price, Qty, Round, Span, Time};
use pricing::convert::amount_f64;
use protocol::ids::AssetId;

use crate::crowd::{Idle, Momentum, MomentumConfig, Noise, NoiseConfig};
use crate::path::Bar;
use crate::random::Seed;
use crate::scenario::{self, Class, Place, Scenario};
use crate::traders::{self, Leg};
use crate::world::{self, AgentSetup, AssetSetup, OptionSetup, PublisherSetup, Setup};

/// How far through the best quote the crowd and hedges go, as a share of the price.
const SLIPPAGE: f64 = 50e-4;
/// Hours of a year.
const YEAR_H: f64 = 365.0 * 24.0;

/// Recorded prices of a scenario, read once and used by every run of it.
#[derive(Clone, Debug)]
pub struct Tapes {
    assets: Vec<Tape>,
    surfaces: Vec<SurfaceRow>,
}

#[derive(Clone, Debug)]
struct Tape {
    spot: Series<Recorded>,
    perpetual: Option<Series<Recorded>>,
}

/// Why a scenario cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// A data file.
    #[error(transparent)]
    Feed(#[from] feed::Error),
    /// An agent's configuration.
    #[error("[[agents]] {name:?}: {source}")]
    Agent {
        /// Name of the group.
        name: String,
        /// Why.
        source: BadConfig,
    },
    /// The options.
    #[error("[options]: {0}")]
    Options(BadConfig),
    /// No bar at the start.
    #[error(
        "{file}: has no bar at {start} UTC, where the scenario starts; it covers {first} to {last}"
    )]
    NoBars {
        /// Which file.
        file: PathBuf,
        /// Start of the scenario.
        start: Time,
        /// First bar of the file.
        first: Time,
        /// Last bar of the file.
        last: Time,
    },
}

impl Tapes {
    /// Reads the data files of a scenario.
    pub fn read(scenario: &Scenario) -> Result<Tapes, SetupError> {
        let read = |asset: &scenario::Asset| -> Result<Tape, SetupError> {
            let spot = feed::open_bars(&asset.spot_bars)?;
            if spot.first() > scenario.start || spot.last() < scenario.start {
                return Err(SetupError::NoBars {
                    file: asset.spot_bars.clone(),
                    start: scenario.start,
                    first: spot.first(),
                    last: spot.last(),
                });
            }
            let perpetual = asset.perp_bars.as_ref().map(feed::open_bars).transpose()?;
            Ok(Tape { spot, perpetual })
        };
        let assets: Result<Vec<Tape>, SetupError> = scenario.assets.iter().map(read).collect();
        let surfaces = match &scenario.options {
            Some(options) => feed::surfaces::open(&options.surfaces)?,
            None => Vec::new(),
        };
        Ok(Tapes { assets: assets?, surfaces })
    }
}

impl Tape {
    /// The bars of the run and, of the perpetual, the closes.
    fn asset(&self, scenario: &Scenario, venue: crate::spot::VenueParams) -> AssetSetup {
        let inside = |time: Time| scenario.start <= time && time < scenario.end;
        let bar = |row: &Recorded| Bar {
            open_time: row.open_time,
            open: row.open,
            high: row.high,
            low: row.low,
            close: row.close,
        };
        let rows = self.spot.rows.iter().filter(|row| inside(row.open_time));
        let closes = self.perpetual.iter().flat_map(|series| {
            let close = |row: &Recorded| (row.open_time.after(series.interval), row.close);
            series.rows.iter().filter(|row| inside(row.open_time)).map(close)
        });
        AssetSetup {
            bars: rows.map(bar).collect(),
            interval: self.spot.interval,
            venue,
            recorded: closes.collect(),
        }
    }
}

/// The world of a scenario and a seed.
pub fn world(scenario: &Scenario, tapes: &Tapes, seed: u64) -> Result<Setup, SetupError> {
    let params = scenario.params();
    let listings = world::listings(&params, &scenario.venues);
    let mut assets: Vec<AssetSetup> = tapes
        .assets
        .iter()
        .zip(&scenario.venues)
        .map(|(tape, venue)| tape.asset(scenario, *venue))
        .collect();
    let options = true_surface(scenario, &tapes.surfaces, &mut assets, Seed(seed))?;
    for (at, asset) in assets.iter_mut().enumerate() {
        let of_asset = scenario.bends.iter().filter(|(id, _)| id.index() == at + 1);
        let bends: Vec<scenario::Bend> = of_asset.map(|(_, bend)| *bend).collect();
        if !bends.is_empty() {
            options::bent(&mut asset.bars, &bends);
            asset.recorded.clear();
        }
    }
    let prices: Vec<Price> =
        assets.iter().map(|asset| asset.bars.first().map_or(Price::ONE, |bar| bar.open)).collect();
    let seed = Seed(seed);
    let financing_8h = scenario.financing_year * 8.0 / YEAR_H;
    let hire = Hire { scenario, listings: &listings, prices: &prices, seed, financing_8h };
    let outages = &scenario.oracle.outages;
    Ok(Setup {
        start: scenario.start,
        end: scenario.end,
        block: scenario.chain.block,
        step: Span::SECOND,
        sample: scenario.sample,
        publishers: PublisherSetup {
            noise: scenario.oracle.noise,
            confidence: scenario.oracle.confidence,
            delay: scenario.oracle.delay,
            interval: scenario.oracle.interval,
            outages: outages.iter().map(|out| (out.publisher, out.from, out.to)).collect(),
        },
        agents: hire.all()?,
        insurance: scenario.insurance_fund,
        carry_8h: financing_8h,
        seed,
        assets,
        options,
        params,
    })
}

/// The true surface; a generated one replaces the recorded bars of its asset.
fn true_surface(
    scenario: &Scenario,
    rows: &[SurfaceRow],
    assets: &mut [AssetSetup],
    seed: Seed,
) -> Result<Option<OptionSetup>, SetupError> {
    let Some(keys) = &scenario.options else { return Ok(None) };
    let asset = &mut assets[keys.params.base.index() - 1];
    let path = (scenario.start, asset.bars.as_slice(), asset.interval);
    let truth = options::truth(keys, rows, path, seed).map_err(SetupError::Options)?;
    if let Some(bars) = truth.bars {
        asset.bars = bars;
        asset.recorded.clear();
    }
    let (volatility, source) = (truth.volatility, truth.source);
    Ok(Some(OptionSetup { volatility, source, publishers: keys.publishers.clone() }))
}

/// What agents are built from.
struct Hire<'a> {
    scenario: &'a Scenario,
    listings: &'a [Listing],
    /// First price of each base asset.
    prices: &'a [Price],
    seed: Seed,
    financing_8h: f64,
}

impl Hire<'_> {
    fn all(&self) -> Result<Vec<AgentSetup>, SetupError> {
        let mut agents = Vec::new();
        for group in &self.scenario.agents {
            for _ in 0..group.count {
                let number = agents.len() as u64;
                let hired = self
                    .one(group, number)
                    .map_err(|source| SetupError::Agent { name: group.name.clone(), source })?;
                let off = |agent| AgentSetup {
                    strategy: Box::new(Idle),
                    hears: Vec::new(),
                    reads_equity: false,
                    reads_options: false,
                    ..agent
                };
                let hired = hired.into_iter();
                agents.extend(hired.map(|agent| if group.enabled { agent } else { off(agent) }));
            }
        }
        Ok(agents)
    }

    /// One agent of a group, or one for each instrument where the class trades one at a time.
    fn one(&self, group: &scenario::Agents, number: u64) -> Result<Vec<AgentSetup>, BadConfig> {
        let legs: Vec<Instrument> =
            group.instruments.iter().map(|leg| self.instrument(*leg)).collect();
        match group.class {
            Class::Basis(basis) => {
                let terms = (group.wake, self.scenario.financing_year);
                let [spot, perpetual] = [legs[0], legs[1]].map(|leg| self.leg(group, leg));
                let strategy = Box::new(traders::basis(&basis, terms, spot, perpetual)?);
                Ok(vec![self.agent(group, strategy, legs)])
            }
            Class::Cross(cross) => {
                let pair = [legs[0], legs[1]].map(|leg| self.leg(group, leg));
                let strategy = Box::new(traders::cross(&cross, group.wake, pair)?);
                Ok(vec![self.agent(group, strategy, legs)])
            }
            Class::Maker(maker) => legs
                .iter()
                .map(|&leg| {
                    let outside = self.outside(leg);
                    let [own, reference] = [leg, outside].map(|leg| self.leg(group, leg));
                    let strategy = Box::new(traders::maker(&maker, group.wake, own, reference)?);
                    Ok(self.agent(group, strategy, vec![leg, outside]))
                })
                .collect(),
            Class::Touch(touch) => legs
                .iter()
                .map(|&leg| {
                    let own = self.leg(group, leg);
                    let strategy = Box::new(traders::touch(&touch, group.wake, own)?);
                    Ok(self.agent(group, strategy, vec![leg]))
                })
                .collect(),
            Class::OptionMaker(maker) => {
                let strategy = self.option_maker(&maker, group.wake, legs[0])?;
                Ok(vec![self.agent(group, strategy, legs)])
            }
            Class::Gamma(taker) | Class::Surface(taker) => {
                let strategy = self.option_taker(&taker, group.wake, legs[0])?;
                Ok(vec![self.agent(group, strategy, legs)])
            }
            Class::OptionCustomer(customer) => {
                let strategy = self.option_customer(&customer, (group.wake, number), legs[0])?;
                Ok(vec![self.agent(group, strategy, legs)])
            }
            Class::Noise(_) | Class::Momentum(_) => legs
                .iter()
                .map(|&leg| {
                    let strategy = self.crowd(group, leg, number * 64 + u64::from(leg.0))?;
                    Ok(self.agent(group, strategy, vec![leg]))
                })
                .collect(),
        }
    }

    fn agent(
        &self,
        group: &scenario::Agents,
        strategy: Box<dyn Strategy>,
        hears: Vec<Instrument>,
    ) -> AgentSetup {
        let class = group.class.name();
        let bears_carry = matches!(group.class, Class::Basis(_));
        let coins = |coins: &[(AssetId, Qty)]| {
            coins.iter().map(|(asset, qty)| (*asset, qty.as_amount())).collect::<Vec<_>>()
        };
        AgentSetup {
            class: class.into(),
            strategy,
            hears,
            reads_equity: !group.class.trades_options()
                && !matches!(group.class, Class::Maker(_) | Class::Touch(_) | Class::Cross(_)),
            reads_options: group.class.trades_options(),
            cash: group.cash,
            coins: coins(&group.coins),
            venue_cash: group.venue_cash,
            venue_coins: coins(&group.venue_coins),
            link: self.scenario.links.of(class).clone(),
            financing_8h: if bears_carry { self.financing_8h } else { 0.0 },
        }
    }

    fn crowd(
        &self,
        group: &scenario::Agents,
        instrument: Instrument,
        number: u64,
    ) -> Result<Box<dyn Strategy>, BadConfig> {
        let listing = &self.listings[usize::from(instrument.0)];
        let stream = self.seed.stream(group.class.name(), number);
        match group.class {
            Class::Noise(noise) => {
                let config = NoiseConfig {
                    instrument,
                    orders_per_hour: noise.orders_per_hour,
                    size_median: noise.size_median,
                    size_sigma: noise.size_sigma,
                    long_bias: noise.long_bias,
                    target: noise.target_position,
                    leverage: noise.leverage_max,
                    slippage: SLIPPAGE,
                };
                Ok(Box::new(Noise::new(config, listing, stream)?))
            }
            Class::Momentum(momentum) => {
                let config = MomentumConfig {
                    instrument,
                    lookback: momentum.lookback,
                    threshold: momentum.threshold,
                    size: amount_f64(momentum.size),
                    position_max: amount_f64(momentum.position_max),
                    leverage: momentum.leverage_max,
                    slippage: SLIPPAGE,
                    period: group.wake,
                };
                Ok(Box::new(Momentum::new(config, listing, stream)?))
            }
            Class::Maker(_)
            | Class::Touch(_)
            | Class::Basis(_)
            | Class::Cross(_)
            | Class::OptionMaker(_)
            | Class::Gamma(_)
            | Class::Surface(_)
            | Class::OptionCustomer(_) => Err(BadConfig("not a class of the crowd")),
        }
    }

    /// An instrument as the builders of strategies take it.
    fn leg(&self, group: &scenario::Agents, instrument: Instrument) -> Leg<'_> {
        let listing = &self.listings[usize::from(instrument.0)];
        let is_spot = listing.funding.is_none();
        let start = if is_spot { self.endowment(group, instrument) } else { Qty::ZERO };
        Leg { instrument, listing, price: self.price(instrument), start, is_spot }
    }

    fn instrument(&self, place: Place) -> Instrument {
        match place {
            Place::Market(market) => Instrument(market.0),
            Place::Venue(asset) => self.venue_of(asset),
        }
    }

    fn venue_of(&self, asset: AssetId) -> Instrument {
        Instrument(self.scenario.markets.len() as u16 + asset.0 - 1)
    }

    /// The base asset of an instrument.
    fn base(&self, instrument: Instrument) -> AssetId {
        match self.scenario.markets.get(usize::from(instrument.0)) {
            Some(market) => market.base,
            None => AssetId(instrument.0 - self.scenario.markets.len() as u16 + 1),
        }
    }

    /// The external venue of an instrument's base asset.
    fn outside(&self, instrument: Instrument) -> Instrument {
        self.venue_of(self.base(instrument))
    }

    /// An amount of quote in coins at the first price.
    fn coins(&self, amount: Amount, instrument: Instrument) -> Qty {
        amount.buys(self.price(instrument), Round::Down).unwrap_or(Qty::MAX)
    }

    /// The first price of an instrument's asset.
    fn price(&self, instrument: Instrument) -> Price {
        self.prices[self.base(instrument).index() - 1]
    }

    /// Coins of an instrument's base asset that an agent begins with where the instrument trades.
    fn endowment(&self, group: &scenario::Agents, instrument: Instrument) -> Qty {
        let on_chain = usize::from(instrument.0) < self.scenario.markets.len();
        let coins = if on_chain { &group.coins } else { &group.venue_coins };
        let base = self.base(instrument);
        coins.iter().filter(|(asset, _)| *asset == base).map(|(_, qty)| *qty).sum()
    }
}

/// Names a record after its scenario and says how to repeat it.
pub fn describe(
    record: crate::record::Record,
    scenario: &Scenario,
    seed: u64,
    rule: Option<&str>,
) -> crate::record::Record {
    let name = |asset: &scenario::Asset| {
        asset.spot_bars.file_name().map_or(String::new(), |name| name.to_string_lossy().into())
    };
    let files: Vec<String> = scenario.assets.iter().map(name).collect();
    let rule = rule.map_or(String::new(), |rule| format!(" --rule {rule}"));
    crate::record::Record {
        scenario: scenario.name.clone(),
        description: scenario.description.clone(),
        command: format!("plumb lab run scenarios/{}.toml --seed {seed}{rule}", scenario.name),
        data: files.join(", "),
        seed,
        ..record
    }
}
