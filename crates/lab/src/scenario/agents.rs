//! Reads groups of agents and resolves what they trade.

use money::Span;
use protocol::ids::{AssetId, MarketId};
use protocol::params::{Kind, MarketParams};
use toml::de::DeTable;

use super::error::{ScenarioError, Source, hint};
use super::keys::{AGENTS, BASIS, CROSS, Key, MAKER, MOMENTUM, NOISE, TOUCH};
use super::model::{Agents, Asset, Class, Momentum, Noise, Place};
use super::option_agents;
use super::option_keys::{GAMMA, HEDGE, OPTION_CUSTOMER, OPTION_MAKER, OPTION_TAKER};
use super::section::{Section, coins_as_qty};
use super::traders::{Basis, Cross, Maker, Touch};

const CLASSES: [&str; 10] = [
    "maker",
    "touch",
    "noise",
    "momentum",
    "basis",
    "cross",
    "option-maker",
    "gamma",
    "surface",
    "option-customer",
];
const ANY: &[&[Key]] = &[
    AGENTS,
    MAKER,
    TOUCH,
    NOISE,
    MOMENTUM,
    BASIS,
    CROSS,
    OPTION_MAKER,
    OPTION_TAKER,
    GAMMA,
    OPTION_CUSTOMER,
    HEDGE,
];

/// What agents can refer to.
#[derive(Clone, Copy)]
pub(super) struct Names<'a> {
    pub assets: &'a [Asset],
    pub markets: &'a [MarketParams],
    /// The asset that has options.
    pub options: Option<AssetId>,
}

/// Reads one `[[agents]]`.
pub(super) fn agents<'a>(
    source: Source<'a>,
    place: (usize, &'a DeTable<'a>),
    names: Names<'_>,
) -> Result<Agents, ScenarioError> {
    let any = Section::open(source, "[[agents]]".into(), place, ANY)?;
    let class = any.text("class")?;
    let keys: &'static [&'static [Key]] = match class {
        "maker" => &[AGENTS, MAKER],
        "touch" => &[AGENTS, TOUCH],
        "noise" => &[AGENTS, NOISE],
        "momentum" => &[AGENTS, MOMENTUM],
        "basis" => &[AGENTS, BASIS],
        "cross" => &[AGENTS, CROSS],
        "option-maker" => &[AGENTS, OPTION_MAKER, HEDGE],
        "gamma" => &[AGENTS, OPTION_TAKER, GAMMA, HEDGE],
        "surface" => &[AGENTS, OPTION_TAKER, HEDGE],
        "option-customer" => &[AGENTS, OPTION_CUSTOMER],
        unknown => {
            let message = format!("unknown class `{unknown}`{}", hint(unknown, &CLASSES));
            return Err(any.wrong("class", message));
        }
    };
    let name = any.text_if("name")?.unwrap_or(class);
    let section = Section::open(source, format!("[[agents]] {name:?}"), place, keys)?;
    let class = read_class(class, &section)?;
    Ok(Agents {
        name: name.into(),
        class,
        count: u32::try_from(section.whole("count")?).expect("its range is checked"),
        instruments: instruments(&section, class, names)?,
        cash: section.amount("cash_usd")?,
        coins: coins(&section, "coins", names)?,
        venue_cash: section.amount("venue_cash_usd")?,
        venue_coins: coins(&section, "venue_coins", names)?,
        wake: section.span("wake_ms", Span::from_millis(1))?,
        enabled: section.flag("enabled")?,
    })
}

fn read_class(class: &str, section: &Section<'_>) -> Result<Class, ScenarioError> {
    Ok(match class {
        "maker" => Class::Maker(Maker::read(section)?),
        "touch" => Class::Touch(Touch::read(section)?),
        "noise" => Class::Noise(Noise {
            orders_per_hour: section.number("orders_per_hour")?,
            size_median: section.number("size_usd_median")?,
            size_sigma: section.number("size_sigma")?,
            long_bias: section.number("long_bias")?,
            target_position: section.number_if("target_position_usd")?,
            leverage_max: section.number("leverage_max")?,
        }),
        "momentum" => Class::Momentum(Momentum {
            lookback: section.span("lookback_min", Span::MINUTE)?,
            threshold: section.number("threshold_bp")? / 1e4,
            size: section.amount("size_usd")?,
            position_max: section.amount("position_usd_max")?,
            leverage_max: section.number("leverage_max")?,
        }),
        "basis" => Class::Basis(Basis::read(section)?),
        "cross" => Class::Cross(Cross::read(section)?),
        _ => option_agents::class(class, section)?,
    })
}

/// What the agents trade, the legs of a pair in the order of the class.
fn instruments(
    section: &Section<'_>,
    class: Class,
    names: Names<'_>,
) -> Result<Vec<Place>, ScenarioError> {
    let mut places = Vec::new();
    for (at, name) in section.names("instruments")? {
        let place = resolve(name, names).ok_or_else(|| unknown(section, at, name, names))?;
        if places.contains(&place) {
            let message = format!("`{name}` stands twice in `instruments` of {}", section.title);
            return Err(section.source.wrong(at, message));
        }
        places.push(place);
    }
    if places.is_empty() {
        return Err(section.missing("instruments"));
    }
    places.sort_by_key(|place| (is_second_leg(class, *place, names), *place));
    let wanted = match class {
        Class::Basis(_) => "one spot market or `venue:…`, and one perpetual, of the same asset",
        Class::Cross(_) => "one market of the chain and one `venue:…`, of the same asset",
        Class::OptionMaker(_) | Class::Gamma(_) | Class::Surface(_) | Class::OptionCustomer(_) => {
            "one perpetual, on whose asset there are options"
        }
        Class::Maker(_) | Class::Touch(_) | Class::Noise(_) | Class::Momentum(_) => {
            return match places.iter().find(|place| matches!(place, Place::Venue(_))) {
                Some(_) => {
                    let message =
                        format!("{} trades markets of the chain only, no `venue:…`", section.title);
                    Err(section.wrong("instruments", message))
                }
                None => Ok(places),
            };
        }
    };
    let is_pair = match places[..] {
        [first, second] => {
            !is_second_leg(class, first, names)
                && is_second_leg(class, second, names)
                && base(first, names) == base(second, names)
        }
        [one] => {
            class.trades_options()
                && names.options == Some(base(one, names))
                && is_perpetual(one, names)
        }
        _ => false,
    };
    if is_pair {
        return Ok(places);
    }
    let message = format!("`instruments` of {} must be {wanted}", section.title);
    Err(section.wrong("instruments", message))
}

fn is_perpetual(place: Place, names: Names<'_>) -> bool {
    match place {
        Place::Market(id) => matches!(names.markets[id.index()].kind, Kind::Perpetual(_)),
        Place::Venue(_) => false,
    }
}

fn resolve(name: &str, names: Names<'_>) -> Option<Place> {
    if let Some(asset) = name.strip_prefix("venue:") {
        return asset_id(asset, names.assets).map(Place::Venue);
    }
    let at = names.markets.iter().position(|market| market.name == name)?;
    u16::try_from(at).ok().map(|at| Place::Market(MarketId(at)))
}

/// The perpetual of a basis trade, the venue of a cross-venue trade.
fn is_second_leg(class: Class, place: Place, names: Names<'_>) -> bool {
    match (class, place) {
        (Class::Basis(_), Place::Market(_)) => is_perpetual(place, names),
        (Class::Cross(_), Place::Venue(_)) => true,
        (Class::Basis(_), Place::Venue(_))
        | (Class::Cross(_), Place::Market(_))
        | (Class::Maker(_) | Class::Touch(_) | Class::Noise(_) | Class::Momentum(_), _)
        | (Class::OptionMaker(_) | Class::Gamma(_), _)
        | (Class::Surface(_) | Class::OptionCustomer(_), _) => false,
    }
}

fn base(place: Place, names: Names<'_>) -> AssetId {
    match place {
        Place::Market(id) => names.markets[id.index()].base,
        Place::Venue(asset) => asset,
    }
}

fn unknown(section: &Section<'_>, at: usize, name: &str, names: Names<'_>) -> ScenarioError {
    let venues: Vec<String> =
        names.assets.iter().map(|asset| format!("venue:{}", asset.params.name)).collect();
    let mut known: Vec<&str> = names.markets.iter().map(|market| market.name.as_str()).collect();
    known.extend(venues.iter().map(String::as_str));
    let message = format!("unknown instrument `{name}` in {}{}", section.title, hint(name, &known));
    section.source.wrong(at, message)
}

fn coins(
    section: &Section<'_>,
    key: &str,
    names: Names<'_>,
) -> Result<Vec<(AssetId, money::Qty)>, ScenarioError> {
    let mut held = Vec::new();
    for (at, name, coins) in section.coins(key)? {
        let id = asset_id(name, names.assets)
            .ok_or_else(|| unknown_asset(section, at, name, names.assets))?;
        held.push((id, coins_as_qty(coins)));
    }
    Ok(held)
}

/// The id of a base asset.
pub(super) fn asset_id(name: &str, assets: &[Asset]) -> Option<AssetId> {
    let at = assets.iter().position(|asset| asset.params.name == name)?;
    u16::try_from(at + 1).ok().map(AssetId)
}

/// The refusal of an asset that is not in the file.
pub(super) fn unknown_asset(
    section: &Section<'_>,
    at: usize,
    name: &str,
    assets: &[Asset],
) -> ScenarioError {
    let known: Vec<&str> = assets.iter().map(|asset| asset.params.name.as_str()).collect();
    let message = format!("unknown asset `{name}` in {}{}", section.title, hint(name, &known));
    section.source.wrong(at, message)
}
