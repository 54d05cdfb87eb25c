//! What a scenario says, in types.

use std::collections::BTreeMap;
use std::path::PathBuf;

use money::{Amount, Qty, Rate, Span, Time};
use protocol::ids::{AssetId, MarketId};
use protocol::params::{AssetParams, MarketParams, OracleParams, Params};

use super::option_model::{Bend, OptionCustomerKeys, OptionMakerKeys, OptionTakerKeys, Options};
use super::periods::Outage;
use super::rules::{Rules, UnknownRule};
use super::traders::{Basis, Cross, Maker, Touch};
use crate::link::LinkParams;
use crate::spot::VenueParams;

/// A whole scenario, checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Scenario {
    /// Name.
    pub name: String,
    /// What it shows; may be empty.
    pub description: String,
    /// First instant.
    pub start: Time,
    /// The run stops before this.
    pub end: Time,
    /// Seed, unless the command names another.
    pub seed: u64,
    /// Time between samples of the metrics.
    pub sample: Span,
    /// The chain.
    pub chain: Chain,
    /// Base assets: the asset with `AssetId(i + 1)` is at `i`.
    pub assets: Vec<Asset>,
    /// Markets by `MarketId`: spot markets in the order of the file, then perpetuals.
    pub markets: Vec<MarketParams>,
    /// Funding rules as `[funding.*]` sets them.
    pub rules: Rules,
    /// The oracle.
    pub oracle: Oracle,
    /// The external spot venue of each asset, in the order of `assets`.
    pub venues: Vec<VenueParams>,
    /// Links.
    pub links: Links,
    /// True financing cost of arbitrageurs, a year, as a ratio.
    pub financing_year: f64,
    /// Insurance fund at the start.
    pub insurance_fund: Amount,
    /// Options, if there are any.
    pub options: Option<Options>,
    /// What is done to the recorded path of which asset.
    pub bends: Vec<(AssetId, Bend)>,
    /// Groups of agents in the order of the file.
    pub agents: Vec<Agents>,
}

/// The chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chain {
    /// Time between blocks.
    pub block: Span,
    /// Blocks between full state hashes.
    pub checkpoint_blocks: u64,
    /// Open orders of one account in one market.
    pub open_orders_max: u32,
    /// Notional liquidated in one piece.
    pub liquidation_tranche_min: Amount,
}

/// A base asset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asset {
    /// Its part of the design.
    pub params: AssetParams,
    /// File of recorded spot bars.
    pub spot_bars: PathBuf,
    /// File of recorded perpetual bars.
    pub perp_bars: Option<PathBuf>,
    /// File of recorded funding.
    pub funding: Option<PathBuf>,
}

/// The oracle: its part of the design, and how its publishers behave.
#[derive(Clone, Debug, PartialEq)]
pub struct Oracle {
    /// Its part of the design.
    pub params: OracleParams,
    /// Standard deviation of a publisher's error, as a ratio.
    pub noise: f64,
    /// Age of what a publisher sees when it signs.
    pub delay: Span,
    /// Time between votes of one publisher.
    pub interval: Span,
    /// Confidence that a publisher states, as a ratio.
    pub confidence: f64,
    /// When publishers are silent.
    pub outages: Vec<Outage>,
}

/// Links by class.
#[derive(Clone, Debug, PartialEq)]
pub struct Links {
    pub(super) default: LinkParams,
    pub(super) classes: BTreeMap<&'static str, LinkParams>,
}

/// A group of like agents.
#[derive(Clone, Debug, PartialEq)]
pub struct Agents {
    /// Name of the group.
    pub name: String,
    /// What they do.
    pub class: Class,
    /// How many.
    pub count: u32,
    /// What each of them trades; for `Basis` and `Cross` the two legs in the order of that class.
    pub instruments: Vec<Place>,
    /// Quote currency of each on the chain at the start.
    pub cash: Amount,
    /// Coins of each on the chain at the start.
    pub coins: Vec<(AssetId, Qty)>,
    /// Quote currency of each on the external venue at the start.
    pub venue_cash: Amount,
    /// Coins of each on the external venue at the start.
    pub venue_coins: Vec<(AssetId, Qty)>,
    /// Time between decisions.
    pub wake: Span,
    /// Whether they take part.
    pub enabled: bool,
}

/// Where something is traded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// A market of the chain.
    Market(MarketId),
    /// The external spot venue of an asset.
    Venue(AssetId),
}

/// What agents do. Ratios are plain: 1 bp is 0.0001.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Class {
    /// Quotes both sides of each instrument.
    Maker(Maker),
    /// Keeps two quotes at the best prices of each instrument.
    Touch(Touch),
    /// Trades at random.
    Noise(Noise),
    /// Follows the recent return.
    Momentum(Momentum),
    /// Holds spot against a perpetual: instruments are the spot leg, then the perpetual.
    Basis(Basis),
    /// Trades a market against the external venue: instruments are the market, then the venue.
    Cross(Cross),
    /// Quotes options: the instrument is the perpetual that it hedges in.
    OptionMaker(OptionMakerKeys),
    /// Takes options by its forecast of realised volatility.
    Gamma(OptionTakerKeys),
    /// Takes options whose quotes are off the surface.
    Surface(OptionTakerKeys),
    /// Buys and sells options at random.
    OptionCustomer(OptionCustomerKeys),
}

/// A noise trader.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Noise {
    /// Mean number of orders in an hour.
    pub orders_per_hour: f64,
    /// Median size of an order, in quote.
    pub size_median: f64,
    /// Standard deviation of the logarithm of the size.
    pub size_sigma: f64,
    /// The probability of a buy is (1 + bias)/2.
    pub long_bias: f64,
    /// Position that orders tend to, in quote.
    pub target_position: Option<f64>,
    /// Largest position over equity.
    pub leverage_max: f64,
}

/// A momentum trader.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Momentum {
    /// Time over which the return is taken.
    pub lookback: Span,
    /// Return that triggers an order in its direction.
    pub threshold: f64,
    /// Size of an order.
    pub size: Amount,
    /// Largest position.
    pub position_max: Amount,
    /// Largest position over equity.
    pub leverage_max: f64,
}

impl Scenario {
    /// The market design, as the rulebook takes it.
    pub fn params(&self) -> Params {
        let mut assets = vec![quote_currency()];
        assets.extend(self.assets.iter().map(|asset| asset.params.clone()));
        Params {
            assets,
            markets: self.markets.clone(),
            oracle: self.oracle.params.clone(),
            open_orders_max: self.chain.open_orders_max,
            liquidation_tranche_min: self.chain.liquidation_tranche_min,
            checkpoint_blocks: self.chain.checkpoint_blocks,
            rules: protocol::params::Rules {
                options: self.options.iter().map(|options| options.params.clone()).collect(),
                ..protocol::params::Rules::default()
            },
        }
    }

    /// The market of this name.
    pub fn market(&self, name: &str) -> Option<MarketId> {
        let at = self.markets.iter().position(|market| market.name == name)?;
        u16::try_from(at).ok().map(MarketId)
    }

    /// Names of the perpetuals.
    pub fn perpetuals(&self) -> impl Iterator<Item = &str> {
        let is_perpetual =
            |market: &&MarketParams| matches!(market.kind, protocol::params::Kind::Perpetual(_));
        self.markets.iter().filter(is_perpetual).map(|market| market.name.as_str())
    }

    /// The base asset of this id; `None` for the quote currency.
    pub fn asset(&self, id: AssetId) -> Option<&Asset> {
        self.assets.get(id.index().checked_sub(1)?)
    }

    /// The same scenario with the groups of these classes or names switched off; the first that
    /// does not exist is given back.
    pub fn without(&self, off: &[String]) -> Result<Scenario, String> {
        let mut changed = self.clone();
        for name in off {
            let mut found = false;
            let named = |group: &&mut Agents| group.name == *name || group.class.name() == name;
            for group in changed.agents.iter_mut().filter(named) {
                (group.enabled, found) = (false, true);
            }
            if !found {
                return Err(name.clone());
            }
        }
        Ok(changed)
    }

    /// The same scenario with this funding rule, at its `[funding.*]` values, in every perpetual.
    pub fn with_rule(&self, name: &str) -> Result<Scenario, UnknownRule> {
        let mut changed = self.clone();
        for market in &mut changed.markets {
            self.rules.apply(name, market)?;
        }
        Ok(changed)
    }
}

impl Links {
    /// The link of a class: `oracle`, `venue`, or the name of an agent's class.
    pub fn of(&self, class: &str) -> &LinkParams {
        self.classes.get(class).unwrap_or(&self.default)
    }
}

impl Class {
    /// Whether they trade options.
    pub fn trades_options(&self) -> bool {
        match self {
            Class::OptionMaker(_)
            | Class::Gamma(_)
            | Class::Surface(_)
            | Class::OptionCustomer(_) => true,
            Class::Maker(_)
            | Class::Touch(_)
            | Class::Noise(_)
            | Class::Momentum(_)
            | Class::Basis(_)
            | Class::Cross(_) => false,
        }
    }

    /// The name in the file.
    pub fn name(&self) -> &'static str {
        match self {
            Class::Maker(_) => "maker",
            Class::Touch(_) => "touch",
            Class::Noise(_) => "noise",
            Class::Momentum(_) => "momentum",
            Class::Basis(_) => "basis",
            Class::Cross(_) => "cross",
            Class::OptionMaker(_) => "option-maker",
            Class::Gamma(_) => "gamma",
            Class::Surface(_) => "surface",
            Class::OptionCustomer(_) => "option-customer",
        }
    }
}

/// The quote currency is all its own collateral.
fn quote_currency() -> AssetParams {
    AssetParams {
        name: "USD".into(),
        haircut_initial: Rate::ZERO,
        haircut_maintenance: Rate::ZERO,
        basis_initial: Rate::ZERO,
        basis_maintenance: Rate::ZERO,
    }
}
