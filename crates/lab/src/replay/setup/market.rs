//! The markets of a back-test: which file feeds each, what it is, its steps and fees.
//!
//! A market is named by a `[[market]]` or by `--data NAME=FILE`; of a file without a name every
//! instrument is a market by its own name. What neither says comes from the venue, then from the
//! data, and is written down as a note.

use std::path::{Path, PathBuf};

use feed::tape::{Header, Listed};
use money::{Amount, Price, Qty, Rate, Round, Time};
use protocol::params::FundingRule;
use toml::de::DeTable;

use crate::replay::fees::{self, Schedule, Tier};
use crate::replay::pool::{Token, price_at};
use crate::scenario::error::{ScenarioError, Source as Text, hint};
use crate::scenario::rules;
use crate::scenario::section::Section;

use super::SetupError;
use super::arguments::Place;
use super::keys::{LATENCY, MARKET};
use super::models::Latency;
use super::read::Overlays;
pub use super::venue::Kind;
use super::venue::{POOLS, Venue, assets_of, kind_of_words};

/// A file of events to replay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Where it is.
    pub path: PathBuf,
    /// The instrument to read, of a file that has several.
    pub symbol: Option<String>,
    /// Finest price and quantity, where they are given.
    pub units: (Option<Price>, Option<Qty>),
}

/// What the beginning of a file says.
#[derive(Clone, Debug, Default)]
pub struct Opened {
    /// Its header.
    pub header: Header,
    /// First price of each instrument, as far as one was found.
    pub first: Vec<Option<Price>>,
    /// First tick of each pool.
    pub ticks: Vec<Option<i32>>,
    /// Smallest time of receipt less the venue's in nanoseconds, where it has such times.
    pub delay_min: Option<i64>,
}

/// One market.
#[derive(Clone, Debug, PartialEq)]
pub struct Market {
    /// Its name in this back-test.
    pub name: String,
    /// Its name at the venue.
    pub symbol: String,
    /// The venue; may be empty.
    pub venue: String,
    /// What is traded.
    pub kind: Kind,
    /// The asset that a quantity counts, as `BTC`.
    pub base: String,
    /// The asset that a price counts, as `USDT`.
    pub quote: String,
    /// Price step.
    pub tick: Price,
    /// Quantity step.
    pub lot: Qty,
    /// What trades cost.
    pub fees: Schedule,
    /// What being liquidated costs.
    pub fee_liquidation: Rate,
    /// When it settles, of a future.
    pub expiry: Option<Time>,
    /// Initial margin, then maintenance.
    pub margin: [Rate; 2],
    /// Coins of one contract; of an inverse one, quote.
    pub contract: Qty,
    /// The funding rule that strategies expect, of a perpetual.
    pub funding: Option<FundingRule>,
    /// Time on the road.
    pub latency: Latency,
    /// What must be known of a pool: fee in 10⁻⁶, decimals of both tokens, which is the base.
    pub pool: Option<(u32, [u8; 2], Token)>,
    /// Its feeds: index of the source, and of the instrument in it.
    pub feeds: Vec<(usize, u16)>,
    /// First price of its data.
    pub first: Price,
    /// What the recorder's clock is behind the venue's at least, in nanoseconds, 0 if it is not
    /// seen to be; none of data without times of receipt.
    pub clock_behind: Option<i64>,
}

/// A file on the command line, with the market that it is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataArgument {
    /// The market; none for all instruments of the file by their own names.
    pub market: Option<String>,
    /// The file.
    pub path: PathBuf,
}

/// Looks at the beginning of a file.
pub type Open<'a> = &'a dyn Fn(&Source) -> Result<Opened, feed::Error>;

/// A market that is wanted.
struct Draft<'a> {
    name: String,
    /// Its table, if it has one in the file.
    table: Option<(usize, &'a DeTable<'a>)>,
    /// The argument that named it first.
    argument: Vec<String>,
    files: Vec<PathBuf>,
    symbol: Option<String>,
}

/// The markets, the sources, and what was taken from venue and data.
pub(super) struct Markets {
    pub markets: Vec<Market>,
    pub sources: Vec<Source>,
    pub notes: Vec<String>,
}

/// Where files are looked for, and how they are opened.
#[derive(Clone, Copy)]
pub(super) struct Library<'a> {
    pub beside: &'a Path,
    pub open: Open<'a>,
}

/// Reads all markets.
pub(super) fn markets(
    root: &Section<'_>,
    overlays: &Overlays<'_>,
    data: &[DataArgument],
    library: Library<'_>,
) -> Result<Markets, SetupError> {
    let drafts = drafts(root, data, library)?;
    let names: Vec<&str> = drafts.iter().map(|draft| draft.name.as_str()).collect();
    overlays.check_markets(&names)?;
    if drafts.is_empty() {
        let message = "there are no data: give --data FILE, or [[market]] with `data`";
        return Err(SetupError::Data(message.into()));
    }
    let mut all = Markets { markets: Vec::new(), sources: Vec::new(), notes: Vec::new() };
    for draft in &drafts {
        let empty = DeTable::new();
        let title = format!("[[market]] {:?}", draft.name);
        let text = Text { file: Path::new(""), text: "", arguments: &draft.argument };
        let (text, place) = match draft.table {
            Some(place) => (root.source, place),
            None => (text, (0, &empty)),
        };
        let market = overlays.read(
            &Place::Market(Some(draft.name.clone())),
            (text, title, place),
            &[MARKET],
            |section| read(section, draft, (overlays, root), library, &mut all),
        )?;
        all.markets.push(market);
    }
    Ok(all)
}

/// The markets that the file and the command line name, in this order.
fn drafts<'a>(
    root: &Section<'a>,
    data: &[DataArgument],
    library: Library<'_>,
) -> Result<Vec<Draft<'a>>, SetupError> {
    let mut drafts: Vec<Draft<'a>> = Vec::new();
    for place in root.tables("market")? {
        let section = Section::open(root.source, "[[market]]".into(), place, &[MARKET])?;
        let name = section.text("name")?.to_owned();
        if drafts.iter().any(|draft| draft.name == name) {
            let message = format!("market `{name}` stands there twice");
            return Err(section.wrong("name", message).into());
        }
        let (table, symbol) = (Some(place), None);
        drafts.push(Draft { name, table, argument: Vec::new(), files: Vec::new(), symbol });
    }
    for given in data {
        match &given.market {
            Some(name) => add(&mut drafts, name, &given.path, None),
            None => {
                let path = given.path.clone();
                let source = Source { path, symbol: None, units: (None, None) };
                let listed = (library.open)(&source)?.header.instruments;
                for listed in &listed {
                    let symbol = (listed.name.as_str(), listed.name.clone());
                    add(&mut drafts, symbol.0, &given.path, Some(symbol.1));
                }
            }
        }
    }
    Ok(drafts)
}

fn add(drafts: &mut Vec<Draft<'_>>, name: &str, path: &Path, symbol: Option<String>) {
    let at = drafts.iter().position(|draft| draft.name == name).unwrap_or_else(|| {
        let argument = vec![format!("--data {}", path.display())];
        let (name, files) = (name.to_owned(), Vec::new());
        drafts.push(Draft { name, table: None, argument, files, symbol });
        drafts.len() - 1
    });
    drafts[at].files.push(path.to_owned());
}

/// Reads one market from its table and what the command line sets.
fn read(
    section: &Section<'_>,
    draft: &Draft<'_>,
    (overlays, root): (&Overlays<'_>, &Section<'_>),
    library: Library<'_>,
    all: &mut Markets,
) -> Result<Market, SetupError> {
    let (feeds, listed, opened) = feeds(section, draft, library, &mut all.sources)?;
    let mut notes = Vec::new();
    let named = section.text_if("venue")?;
    let venue = Venue::find(named.unwrap_or(&listed.venue));
    let kind = kind(section, &listed, venue, &draft.name)?;
    let [tick, lot] = steps(section, &listed, venue, &mut notes)?;
    let (pool, coins) = match kind {
        Kind::Pool => pool(section, &listed.name, &mut notes)?,
        Kind::Spot | Kind::Perpetual | Kind::Inverse | Kind::Future => (None, None),
    };
    let fees = match kind {
        Kind::Pool => Schedule::free(),
        Kind::Spot | Kind::Perpetual | Kind::Inverse | Kind::Future => {
            fees(section, venue, kind, &mut notes)?
        }
    };
    let symbol = section.text_if("symbol")?.map_or(listed.name.clone(), str::to_owned);
    let assets = coins.or_else(|| assets_of(&symbol)).or_else(|| assets_of(&draft.name));
    let (base, quote) = assets.unwrap_or_else(|| (symbol.to_uppercase(), "USD".into()));
    let at = usize::from(feeds[0].1);
    let first =
        match pool {
            Some((_, decimals, base)) => opened.ticks.get(at).copied().flatten().and_then(|tick| {
                pricing::convert::price(price_at(tick, decimals, base), Round::Down)
            }),
            None => opened.first.get(at).copied().flatten(),
        };
    let first = first.ok_or_else(|| no_price(draft, &all.sources[feeds[0].0]))?;
    let venue = named.or(venue.map(|venue| venue.name)).unwrap_or(&listed.venue).to_owned();
    let what = format!("{symbol}, {} {}", if venue.is_empty() { "a" } else { &venue }, kind.name());
    let clock_behind = opened.delay_min.map(|delay| delay.saturating_neg().max(0));
    if let Some(behind) = clock_behind.filter(|behind| *behind > 0) {
        let millis = behind as f64 / 1e6;
        notes.push(format!(
            "the recorder's clock is {millis:.1} ms behind, so delays count from the smallest"
        ));
    }
    all.notes.push(format!("{}: {what}; {}", draft.name, notes.join("; ")));
    Ok(Market {
        name: draft.name.clone(),
        symbol,
        venue,
        kind,
        base,
        quote,
        tick,
        lot: Qty::from_raw(lot.raw()),
        fees,
        fee_liquidation: section.rate_bp("fee_liquidation_bp")?,
        expiry: section.instant_if("expiry")?,
        margin: margin(section)?,
        contract: section.qty("contract")?,
        funding: match kind {
            Kind::Perpetual | Kind::Inverse => Some(rules::alone(section)?),
            Kind::Spot | Kind::Future | Kind::Pool => None,
        },
        pool,
        latency: latency(section, overlays, root)?,
        feeds,
        first,
        clock_behind,
    })
}

fn no_price(draft: &Draft<'_>, source: &Source) -> SetupError {
    let (name, path) = (&draft.name, source.path.display());
    SetupError::Data(format!("{path}: the first events of `{name}` hold no price"))
}

type Feeds = (Vec<(usize, u16)>, Listed, Opened);

/// The feeds of a market; what is listed comes from the first.
fn feeds(
    section: &Section<'_>,
    draft: &Draft<'_>,
    library: Library<'_>,
    sources: &mut Vec<Source>,
) -> Result<Feeds, SetupError> {
    let mut files = draft.files.clone();
    if files.is_empty() {
        for (_, written) in section.words("data")? {
            files.push(found(section, library.beside, written)?);
        }
    }
    if files.is_empty() {
        return Err(section.missing("data").into());
    }
    let wanted = section.text_if("symbol")?.map(str::to_owned).or_else(|| draft.symbol.clone());
    let unit = |name: &str| section.number_if(name);
    let price = unit("price_unit")?.map(|unit| Price::from_raw((unit * 1e8).round() as i64));
    let qty = unit("qty_unit")?.map(|unit| Qty::from_raw((unit * 1e8).round() as i64));
    let mut feeds: Vec<(usize, u16)> = Vec::new();
    let mut begin: Option<(Listed, Opened)> = None;
    for path in files {
        let source = Source { path, symbol: wanted.clone(), units: (price, qty) };
        let opened = (library.open)(&source)?;
        let instrument = instrument(section, &source, &opened.header.instruments)?;
        let at = sources.iter().position(|known| *known == source).unwrap_or_else(|| {
            sources.push(source);
            sources.len() - 1
        });
        feeds.push((at, instrument));
        begin.get_or_insert_with(|| {
            (opened.header.instruments[usize::from(instrument)].clone(), opened)
        });
    }
    let (listed, opened) = begin.expect("there is a file");
    Ok((feeds, listed, opened))
}

/// The instrument of a file that feeds a market.
fn instrument(
    section: &Section<'_>,
    source: &Source,
    listed: &[Listed],
) -> Result<u16, SetupError> {
    let at = match &source.symbol {
        Some(symbol) => listed.iter().position(|listed| listed.name.eq_ignore_ascii_case(symbol)),
        None => (listed.len() == 1).then_some(0),
    };
    if let Some(at) = at {
        return Ok(u16::try_from(at).expect("a tape counts its instruments in 16 bits"));
    }
    let known: Vec<&str> = listed.iter().map(|listed| listed.name.as_str()).collect();
    let path = source.path.display();
    let message = match &source.symbol {
        Some(symbol) => format!("{path} has no `{symbol}`{}", hint(symbol, &known)),
        None if listed.is_empty() => format!("{path} has no instrument"),
        None => {
            let list = known.join(", ");
            format!("{path} has several instruments; give `symbol` of {}: {list}", section.title)
        }
    };
    Err(section.wrong("symbol", message).into())
}

/// A file that the table names: beside the file of the back-test, then as written.
fn found(section: &Section<'_>, beside: &Path, written: &str) -> Result<PathBuf, ScenarioError> {
    let places = [beside.join(written), PathBuf::from(written)];
    if let Some(found) = places.iter().find(|path| path.is_file()) {
        return Ok(found.clone());
    }
    let tried = if beside.as_os_str().is_empty() { &places[1..] } else { &places[..] };
    let tried: Vec<String> = tried.iter().map(|path| path.display().to_string()).collect();
    let title = &section.title;
    let message = format!("`data` in {title}: no such file; tried {}", tried.join(" and "));
    Err(section.wrong("data", message))
}

fn kind(
    section: &Section<'_>,
    listed: &Listed,
    venue: Option<&Venue>,
    name: &str,
) -> Result<Kind, ScenarioError> {
    if let Some(word) = section.choice_if("kind")? {
        return Ok(Kind::ALL.into_iter().find(|kind| kind.name() == word).expect("it is a choice"));
    }
    let of_venue = venue.map(|venue| venue.kind);
    let words = [section.text_if("venue")?.unwrap_or(""), &listed.venue, name, &listed.name];
    let told = of_venue.or_else(|| words.into_iter().find_map(kind_of_words));
    told.ok_or_else(|| {
        let message = format!(
            "nothing tells the kind of market {name:?}: give `kind` (or --set \
             market.{name}.kind=spot), one of {}",
            Kind::ALL.map(Kind::name).join(", ")
        );
        section.wrong("kind", message)
    })
}

/// Tick and lot: as given, else the venue's, else the finest of the data.
fn steps(
    section: &Section<'_>,
    listed: &Listed,
    venue: Option<&Venue>,
    notes: &mut Vec<String>,
) -> Result<[Price; 2], ScenarioError> {
    let of_venue = venue.and_then(|venue| {
        venue.steps.iter().find(|(symbol, _, _)| listed.name.eq_ignore_ascii_case(symbol))
    });
    let units = [listed.price_unit.raw(), listed.qty_unit.raw()];
    let known = of_venue.map(|(_, tick, lot)| [*tick, *lot]);
    let mut steps = [0; 2];
    for (at, name) in ["tick", "lot"].into_iter().enumerate() {
        let venues = known.and_then(|known| known[at].parse::<Price>().ok()).map(Price::raw);
        let fits = |raw: &i64| raw % units[at] == 0;
        let given = section.number_if(name)?.map(|step| (step * 1e8).round() as i64);
        let (raw, origin) = match (given, venues.filter(fits)) {
            (Some(raw), _) => (raw, "as given"),
            (None, Some(raw)) => (raw, "of the venue"),
            (None, None) => (units[at], "of the data"),
        };
        if !fits(&raw) {
            let (step, unit) = (Price::from_raw(raw), Price::from_raw(units[at]));
            let title = &section.title;
            let message = format!(
                "`{name}` = {step} in {title} is no multiple of {unit}, the finest of its data"
            );
            return Err(section.wrong(name, message));
        }
        steps[at] = raw;
        notes.push(format!("{name} {} {origin}", Price::from_raw(raw)));
    }
    Ok(steps.map(Price::from_raw))
}

/// Fees as given, else the venue's by its tiers, else none.
fn fees(
    section: &Section<'_>,
    venue: Option<&Venue>,
    kind: Kind,
    notes: &mut Vec<String>,
) -> Result<Schedule, ScenarioError> {
    let published = venue.and_then(Venue::published);
    let own = [section.number_if("fee_maker_bp")?, section.number_if("fee_taker_bp")?];
    let first = published.map_or((0, 0), |table| (table.tiers[0].1, table.tiers[0].2));
    let bp = [first.0, first.1].map(|millionths| millionths as f64 / 100.0);
    let bp = [own[0].unwrap_or(bp[0]), own[1].unwrap_or(bp[1])];
    let origin = match (own, published) {
        ([Some(_), Some(_)], _) => "as given".to_owned(),
        (_, None) => "as no venue is known".into(),
        ([None, None], Some(table)) => format!("of the venue, {}", table.date),
        (_, Some(_)) => "as given and of the venue".into(),
    };
    notes.push(format!("fees {}/{} bp {origin}", bp[0], bp[1]));
    if let ([None, None], Some(table)) = (own, published) {
        return Ok(table.schedule());
    }
    let [maker, taker] = bp.map(|bp| Rate::from_raw((bp * 1e8).round() as i64));
    let tier = Tier { volume: Amount::ZERO, maker, taker };
    let basis = if kind.is_spot() { fees::Basis::Received } else { fees::Basis::Value };
    Ok(Schedule::new(vec![tier], 1, basis).expect("the ranges of the keys are narrower"))
}

/// Fee, decimals and base of a pool, as given or of a known address, and its coins if known.
type PoolTerms = (Option<(u32, [u8; 2], Token)>, Option<(String, String)>);

fn pool(
    section: &Section<'_>,
    address: &str,
    notes: &mut Vec<String>,
) -> Result<PoolTerms, ScenarioError> {
    let known = POOLS.iter().find(|(of, ..)| of.eq_ignore_ascii_case(address));
    let told = known.map(|(_, _, decimals, base, fee)| {
        [f64::from(*fee), f64::from(decimals[0]), f64::from(decimals[1]), f64::from(*base)]
    });
    let mut values = [0.0; 4];
    for (at, name) in
        ["pool_fee_pips", "decimals_0", "decimals_1", "base_token"].into_iter().enumerate()
    {
        let value = section.number_if(name)?.or(told.map(|told| told[at]));
        let value = value.ok_or_else(|| {
            section.wrong(name, format!("the pool {address} is not known: give `{name}`"))
        })?;
        if value.fract() != 0.0 {
            return Err(section.wrong(name, format!("`{name}` is a whole number")));
        }
        values[at] = value;
    }
    let [fee, zero, one, base] = values;
    let base = if base == 0.0 { Token::Zero } else { Token::One };
    notes.push(format!("pool fee {fee} pips, decimals {zero} and {one}"));
    let coins = known.map(|(_, [base, quote], ..)| ((*base).to_owned(), (*quote).to_owned()));
    Ok((Some((fee as u32, [zero as u8, one as u8], base)), coins))
}

fn margin(section: &Section<'_>) -> Result<[Rate; 2], ScenarioError> {
    let margin =
        [section.rate_pct("margin_initial_pct")?, section.rate_pct("margin_maintenance_pct")?];
    if margin[1] >= margin[0] {
        let title = &section.title;
        let message =
            format!("`margin_maintenance_pct` in {title} must be below `margin_initial_pct`");
        return Err(section.wrong("margin_maintenance_pct", message));
    }
    Ok(margin)
}

/// Time on the road of a market: its own table, else `[latency]`.
fn latency(
    section: &Section<'_>,
    overlays: &Overlays<'_>,
    root: &Section<'_>,
) -> Result<Latency, SetupError> {
    let empty = DeTable::new();
    let shared = root.table("latency")?.unwrap_or((0, &empty));
    overlays.read(
        &Place::Latency,
        (root.source, "[latency]".into(), shared),
        &[LATENCY],
        |shared| {
            let title = format!("latency of {}", section.title);
            let place = section.table("latency")?.unwrap_or((0, &empty));
            let own = Section::open(root.source, title, place, &[LATENCY])?;
            Ok(Latency::read(&own.inheriting(shared))?)
        },
    )
}
