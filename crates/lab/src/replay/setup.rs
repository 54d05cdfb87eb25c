//! What a back-test consists of: from a file, the command line and the data to checked settings.
//!
//! One table of keys (`keys`) holds name, kind, range, default and meaning of each; files and
//! `--set` are checked against it and `docs/backtest.md` is printed from it. A strategy's keys are
//! those of the lab's agents, and [`crate::traders`] builds the same value for both. Nothing that
//! was guessed (kind, steps, fees of a market) is silent: it stands in [`Setup::notes`].

mod keys;
pub mod trader;
pub mod arguments;
pub mod axis;
mod read;
pub mod models;
mod venue;
pub mod market;
pub mod look;
pub mod account;
mod prepare;

use std::path::{Path, PathBuf};

use desk::leg::BadConfig;
use desk::strategy::{Instrument, Listing, Strategy};
use money::{Qty, Span, Time};
use toml::de::DeTable;

use crate::replay::exchange::ExchangeParams;
use crate::replay::fees::Turnover;
use crate::replay::impact::{Model, Scale};
use crate::replay::run::Hear;
use crate::scenario::error::{ScenarioError, Source as Text, hint};
use crate::scenario::key::Key;
use crate::scenario::section::Section;
use crate::scenario::traders::SIZES;
use crate::traders::Leg;

use account::Account;
use arguments::{Argument, BadArgument, Place, lines, tables_of};
pub use keys::reference;
use keys::{ACCOUNT, EXCHANGE, IMPACT, OUTAGE, ROOT};
use market::{DataArgument, Kind, Library, Market, Markets, Open, Source, markets};
use models::Outage;
pub use prepare::{Failed, Tapes};
use read::Overlays;
use trader::{Class, Trader};

/// What was given of a back-test.
#[derive(Clone, Debug, Default)]
pub struct Given {
    /// The strategy's name, if the command line says it.
    pub strategy: Option<String>,
    /// The file's name and its text.
    pub file: Option<(PathBuf, String)>,
    /// Files of events on the command line.
    pub data: Vec<DataArgument>,
    /// Keys on the command line, the last one for a key counts.
    pub arguments: Vec<Argument>,
}

/// A back-test, checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Setup {
    /// Name.
    pub name: String,
    /// What it shows; may be empty.
    pub description: String,
    /// Seed of every random choice.
    pub seed: u64,
    /// First instant; none: that of the data.
    pub start: Option<Time>,
    /// The run stops before this; none: with the data.
    pub end: Option<Time>,
    /// Time between samples.
    pub sample: Span,
    /// When the strategy is told of quotes.
    pub hear: Hear,
    /// What trades.
    pub trader: Trader,
    /// Time between its decisions.
    pub wake: Span,
    /// The markets that it trades, by their part.
    pub trades: Vec<usize>,
    /// All markets; the instrument of a market has its index.
    pub markets: Vec<Market>,
    /// Files to replay; markets name them by index.
    pub sources: Vec<Source>,
    /// How own orders meet the recorded markets.
    pub exchange: ExchangeParams,
    /// How own trades move the recorded markets; none: not at all.
    pub impact: Option<(Model, Scale)>,
    /// What there is at the start.
    pub account: Account,
    /// Outages in the order of their begin.
    pub outages: Vec<Outage>,
    /// The strategy's parameters, as they hold.
    pub parameters: Vec<(String, String)>,
    /// The models, each by its part.
    pub models: Vec<(String, String)>,
    /// What was taken from venues and data.
    pub notes: Vec<String>,
}

/// Why a back-test was refused.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// A key or a value.
    #[error(transparent)]
    Key(#[from] ScenarioError),
    /// An argument.
    #[error(transparent)]
    Argument(#[from] BadArgument),
    /// A file of events.
    #[error(transparent)]
    Feed(#[from] feed::Error),
    /// The data.
    #[error("{0}")]
    Data(String),
    /// The strategy's configuration.
    #[error("{strategy}: {source}")]
    Strategy {
        /// Its name.
        strategy: &'static str,
        /// Why.
        source: BadConfig,
    },
}

impl Setup {
    /// Reads a back-test; `open` looks at the beginning of a file.
    ///
    /// # Errors
    /// Names the file with line and column, or the argument, and what to do.
    pub fn read(given: &Given, open: Open<'_>) -> Result<Setup, SetupError> {
        let command = [format!("back-test {}", given.strategy.as_deref().unwrap_or_default())];
        let source = match &given.file {
            Some((file, text)) => Text::of_file(file, text),
            None => Text { file: Path::new(""), text: "", arguments: &command },
        };
        let document = DeTable::parse(source.text).map_err(|error| {
            source.wrong(error.span().map_or(0, |span| span.start), error.message())
        })?;
        let base = (source, "the back-test".to_owned(), (0, document.get_ref()));
        let class = class(given, Section::open(source, base.1.clone(), base.2, &[ROOT])?)?;
        let lines = lines(&given.arguments, class)?;
        let overlays = Overlays { lines: &lines };
        let beside = given.file.as_ref().and_then(|(file, _)| file.parent());
        let library = Library { beside: beside.unwrap_or(Path::new("")), open };
        overlays.read(&Place::Root, base, &[ROOT], |root| {
            let markets = markets(root, &overlays, &given.data, library)?;
            setup(root, &overlays, class, markets)
        })
    }

    /// What the strategy is told of each market before it starts.
    pub fn listings(&self) -> Vec<Listing> {
        let turnover = Turnover::steady(self.account.volume_day, self.start.unwrap_or(Time::ZERO));
        let listing = |market: &Market| {
            let tier = market.fees.at(&turnover);
            Listing {
                name: market.name.clone(),
                tick: market.tick,
                lot: market.lot,
                fee_maker: tier.maker,
                fee_taker: tier.taker,
                funding: market.funding,
            }
        };
        self.markets.iter().map(listing).collect()
    }

    /// The strategy, as it starts.
    ///
    /// # Errors
    /// What it refuses of its configuration.
    pub fn strategy(&self) -> Result<Box<dyn Strategy + Send>, SetupError> {
        let listings = self.listings();
        let leg = |at: &usize| {
            let market = &self.markets[*at];
            let is_spot = market.kind.is_spot();
            let held = if is_spot { self.account.start_of(&market.base) } else { Qty::ZERO };
            Leg {
                instrument: Instrument(u16::try_from(*at).expect("markets are few")),
                listing: &listings[*at],
                price: market.first,
                start: held,
                is_spot,
            }
        };
        let legs: Vec<Leg<'_>> = self.trades.iter().map(leg).collect();
        let strategy = self.trader.class().name();
        let financing = pricing::convert::rate_f64(self.account.interest);
        let built = self.trader.strategy(self.wake, &legs, financing);
        built.map_err(|source| SetupError::Strategy { strategy, source })
    }
}

/// The strategy's name on the command line, else in the file.
fn class(given: &Given, root: Section<'_>) -> Result<Class, SetupError> {
    if let Some(name) = &given.strategy {
        return Class::find(name).map_err(SetupError::Data);
    }
    let place = root.table("strategy")?.ok_or_else(|| root.missing("strategy"))?;
    // Which keys there may be is known only once the name is.
    let value = place.1.iter().find(|(key, _)| key.get_ref() == "name");
    let Some((_, value)) = value else {
        return Err(root.source.wrong(place.0, "missing key `name` in [strategy]").into());
    };
    let name = value.get_ref().as_str().unwrap_or_default();
    Class::find(name).map_err(|text| root.source.wrong(value.span().start, text).into())
}

fn setup(
    root: &Section<'_>,
    overlays: &Overlays<'_>,
    class: Class,
    markets: Markets,
) -> Result<Setup, SetupError> {
    let Markets { markets, sources, notes } = markets;
    let empty = DeTable::new();
    let base = |name: &'static str| {
        let place = root.table(name)?.unwrap_or((0, &empty));
        Ok::<_, SetupError>((root.source, format!("[{name}]"), place))
    };
    let part = |place: &Place| tables_of(place, class);
    let exchange =
        overlays.read(&Place::Exchange, base("exchange")?, &[EXCHANGE], models::exchange)?;
    let impact = overlays.read(&Place::Impact, base("impact")?, &[IMPACT], models::impact)?;
    let account = overlays
        .read(&Place::Account, base("account")?, &[ACCOUNT], |it| Account::read(it, &markets))?;
    let (trader, wake, trades, parameters) =
        overlays.read(&Place::Strategy, base("strategy")?, part(&Place::Strategy), |section| {
            let shown = |key: &Key| {
                let value = section.shown(key).filter(|_| counts(section, key))?;
                Some((key.name.to_owned(), value))
            };
            Ok::<_, SetupError>((
                Trader::read(class, section)?,
                section.span("wake_ms", Span::from_millis(1))?,
                trades(section, class, &markets)?,
                class.parameter_keys().filter_map(shown).collect(),
            ))
        })?;
    let [start, end] = period(root)?;
    let hear = if root.choice("hear")? == "wake" { Hear::Wake } else { Hear::Change };
    let outages = outages(root, &markets)?;
    let mut models = vec![
        ("latency".to_owned(), markets[0].latency.text()),
        ("exchange".to_owned(), models::exchange_text(&exchange)),
        ("impact".to_owned(), models::impact_text(impact.as_ref())),
        ("quotes told".to_owned(), root.choice("hear")?.to_owned()),
        ("account".to_owned(), account.text()),
    ];
    if !outages.is_empty() {
        models.push(("outages".to_owned(), outages.len().to_string()));
    }
    Ok(Setup {
        name: root.text_if("name")?.unwrap_or(class.name()).to_owned(),
        description: root.text_if("description")?.unwrap_or("").to_owned(),
        seed: root.whole("seed")?.unsigned_abs(),
        start,
        end,
        sample: root.duration("sample")?,
        hear,
        trader,
        wake,
        trades,
        markets,
        sources,
        exchange,
        impact,
        account,
        outages,
        parameters,
        models,
        notes,
    })
}

/// Whether a key counts: of a size that is given twice, only the nearer one does.
fn counts(section: &Section<'_>, key: &Key) -> bool {
    let pairs =
        SIZES.iter().filter(|(coins, quote)| section.has_key(coins) && section.has_key(quote));
    let mut own = pairs.filter(|(coins, quote)| *coins == key.name || *quote == key.name);
    own.all(|(coins, quote)| section.either(coins, quote).is_ok_and(|nearer| nearer == key.name))
}

fn period(root: &Section<'_>) -> Result<[Option<Time>; 2], SetupError> {
    let [start, end] = [root.instant_if("start")?, root.instant_if("end")?];
    if let (Some(start), Some(end)) = (start, end)
        && start >= end
    {
        let message = format!("`end` in {} must be after `start`", root.title);
        return Err(root.wrong("end", message).into());
    }
    Ok([start, end])
}

fn outages(root: &Section<'_>, markets: &[Market]) -> Result<Vec<Outage>, SetupError> {
    let mut outages = Vec::new();
    for place in root.tables("outage")? {
        let section = Section::open(root.source, "[[outage]]".into(), place, &[OUTAGE])?;
        let market = match section.text_if("market")? {
            Some(name) => Some(index(&section, "market", name, markets)?),
            None => None,
        };
        outages.push(models::outage(&section, market)?);
    }
    outages.sort_by_key(|outage| (outage.outage.from, outage.outage.to));
    Ok(outages)
}

/// The market of a name.
fn index(
    section: &Section<'_>,
    key: &str,
    name: &str,
    markets: &[Market],
) -> Result<usize, ScenarioError> {
    markets.iter().position(|market| market.name == name).ok_or_else(|| {
        let known: Vec<&str> = markets.iter().map(|market| market.name.as_str()).collect();
        let (title, hint) = (&section.title, hint(name, &known));
        section.wrong(key, format!("`{key}` in {title}: no market `{name}`{hint}"))
    })
}

/// The markets of the strategy's parts: as `trades` says, else by their kind and order.
fn trades(
    section: &Section<'_>,
    class: Class,
    markets: &[Market],
) -> Result<Vec<usize>, ScenarioError> {
    let parts = class.parts();
    let named = section.words("trades")?;
    let mut trades = Vec::new();
    for (_, name) in &named {
        trades.push(index(section, "trades", name, markets)?);
    }
    let of_kind =
        |wanted: bool| markets.iter().position(|market| (market.kind == Kind::Perpetual) == wanted);
    if named.is_empty() {
        trades = match class {
            Class::Basis => [of_kind(false), of_kind(true)].into_iter().flatten().collect(),
            Class::Maker if markets.len() == 1 => vec![0, 0],
            Class::Maker | Class::Touch | Class::Cross => {
                (0..markets.len().min(parts.len())).collect()
            }
            Class::Idle => Vec::new(),
        };
    }
    let is_pair = trades.len() < 2 || class == Class::Maker || trades[0] != trades[1];
    if trades.len() == parts.len() && is_pair {
        return Ok(trades);
    }
    let known: Vec<&str> = markets.iter().map(|market| market.name.as_str()).collect();
    let message = format!(
        "`{}` trades {} different markets, `trades = [{}]`; there are {}: give --data for each, \
         or name them",
        class.name(),
        parts.len(),
        parts.join(", "),
        known.join(", ")
    );
    Err(section.wrong("trades", message))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
