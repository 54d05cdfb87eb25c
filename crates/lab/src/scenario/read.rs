//! Reads a whole scenario, section by section.

use std::path::Path;

use money::{Rate, Span};
use protocol::params::{AssetParams, Kind, MarketParams, OracleParams, PerpetualParams};
use toml::de::DeTable;

use super::agents::{Names, agents, asset_id, unknown_asset};
use super::error::{ScenarioError, Source};
use super::files::{Find, data_file};
use super::keys::{
    ASSET, CHAIN, FINANCING, INSURANCE, Key, LINK, LINKS, ORACLE, OUTAGE, PERPETUAL, ROOT,
    SPOT_MARKET, VENUE,
};
use super::model::{Asset, Chain, Links, Oracle, Scenario};
use super::options;
use super::periods::{outages_of, period};
use super::rules;
use super::section::Section;
use crate::link::LinkParams;
use crate::spot::VenueParams;

type Read<T> = Result<T, ScenarioError>;
/// Reads a scenario.
pub(super) fn scenario(file: &Path, text: &str, find: Find<'_>) -> Read<Scenario> {
    let source = Source::of_file(file, text);
    let document = DeTable::parse(text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        source.wrong(at, error.message())
    })?;
    let root = Section::open(source, "the scenario".into(), (0, document.get_ref()), &[ROOT])?;
    let (start, end) = period(&root, "start", "end")?;
    let (name, seed) = (root.text("name")?.into(), root.whole("seed")?.unsigned_abs());
    let chain = chain(&root)?;
    let assets = assets(&root, find)?;
    let markets = markets(&root, &assets)?;
    let oracle = oracle(&root)?;
    let options = options::options(&root, &assets, oracle.params.stakes.len(), find)?;
    let of_options = options.as_ref().map(|options| options.params.base);
    let names = Names { assets: &assets, markets: &markets, options: of_options };
    let groups: Read<Vec<_>> =
        root.tables("agents")?.into_iter().map(|place| agents(source, place, names)).collect();
    Ok(Scenario {
        name,
        description: root.text_if("description")?.unwrap_or("").into(),
        start,
        end,
        seed,
        sample: root.span("sample_s", Span::SECOND)?,
        chain,
        rules: rules::defaults(&root)?,
        oracle,
        venues: venues(&root, &assets)?,
        links: links(&root)?,
        financing_year: sub(&root, "financing", &[FINANCING], |financing| {
            financing.number("rate_pct_year").map(|percent| percent / 100.0)
        })?,
        insurance_fund: sub(&root, "insurance", &[INSURANCE], |fund| fund.amount("fund_usd"))?,
        bends: options::bends(&root, &assets)?,
        options,
        agents: groups?,
        assets,
        markets,
    })
}

/// Reads a sub-table, or its defaults when it is not there.
fn sub<T>(
    root: &Section<'_>,
    name: &str,
    keys: &'static [&'static [Key]],
    read: impl FnOnce(&Section<'_>) -> Read<T>,
) -> Read<T> {
    let empty = DeTable::new();
    let place = root.table(name)?.unwrap_or((0, &empty));
    read(&Section::open(root.source, format!("[{name}]"), place, keys)?)
}

fn chain(root: &Section<'_>) -> Read<Chain> {
    sub(root, "chain", &[CHAIN], |chain| {
        Ok(Chain {
            block: chain.span("block_ms", Span::from_millis(1))?,
            checkpoint_blocks: chain.whole("checkpoint_blocks")?.unsigned_abs(),
            open_orders_max: u32::try_from(chain.whole("open_orders_max")?)
                .expect("its range is checked"),
            liquidation_tranche_min: chain.amount("liquidation_tranche_min_usd")?,
        })
    })
}

fn assets(root: &Section<'_>, find: Find<'_>) -> Read<Vec<Asset>> {
    let mut assets: Vec<Asset> = Vec::new();
    for place in root.tables("asset")? {
        let section = named(root.source, "asset", place, &[ASSET])?;
        let name = section.text("name")?;
        if name == "USD" || assets.iter().any(|asset| asset.params.name == name) {
            let message = format!("asset `{name}` stands twice; USD is the quote currency");
            return Err(section.wrong("name", message));
        }
        assets.push(asset(&section, find)?);
    }
    match assets.len() {
        0 => Err(root.missing("asset")),
        1..=ASSETS_MAX => Ok(assets),
        _ => Err(root.wrong("asset", format!("more than {ASSETS_MAX} assets"))),
    }
}

fn asset(section: &Section<'_>, find: Find<'_>) -> Read<Asset> {
    let haircuts =
        [section.rate_pct("haircut_initial_pct")?, section.rate_pct("basis_initial_pct")?];
    let params = AssetParams {
        name: section.text("name")?.into(),
        haircut_initial: haircuts[0],
        haircut_maintenance: section.rate_pct("haircut_maintenance_pct")?,
        basis_initial: haircuts[1],
        basis_maintenance: section.rate_pct("basis_maintenance_pct")?,
    };
    let pairs = [
        ("haircut_maintenance_pct", params.haircut_maintenance, "haircut_initial_pct", haircuts[0]),
        ("basis_maintenance_pct", params.basis_maintenance, "basis_initial_pct", haircuts[1]),
    ];
    for (lower, low, upper, high) in pairs {
        if low > high {
            let title = &section.title;
            let message = format!("`{lower}` in {title} must not be above `{upper}`");
            return Err(section.wrong(lower, message));
        }
    }
    section.text("spot_bars")?;
    let data = |key| data_file(section, key, find);
    Ok(Asset {
        params,
        spot_bars: data("spot_bars")?.ok_or_else(|| section.missing("spot_bars"))?,
        perp_bars: data("perp_bars")?,
        funding: data("funding")?,
    })
}

fn markets(root: &Section<'_>, assets: &[Asset]) -> Read<Vec<MarketParams>> {
    let mut markets: Vec<MarketParams> = Vec::new();
    let lists: [(&str, &'static [&'static [Key]]); 2] =
        [("spot_market", &[SPOT_MARKET]), ("perpetual", &[SPOT_MARKET, PERPETUAL])];
    for (list, keys) in lists {
        for place in root.tables(list)? {
            let section = named(root.source, list, place, keys)?;
            let name = section.text("name")?;
            if markets.iter().any(|market| market.name == name) {
                return Err(section.wrong("name", format!("market `{name}` stands twice")));
            }
            let kind = match list {
                "perpetual" => Kind::Perpetual(perpetual(root, &section)?),
                _ => Kind::Spot { price_band: section.rate_pct("price_band_pct")? },
            };
            markets.push(market(&section, kind, assets)?);
        }
    }
    if markets.len() > MARKETS_MAX {
        return Err(root.wrong("perpetual", format!("more than {MARKETS_MAX} markets")));
    }
    Ok(markets)
}

fn market(section: &Section<'_>, kind: Kind, assets: &[Asset]) -> Read<MarketParams> {
    let asset = section.text("asset")?;
    let base = asset_id(asset, assets)
        .ok_or_else(|| unknown_asset(section, section.place("asset"), asset, assets))?;
    let fees = [section.rate_bp("fee_maker_bp")?, section.rate_bp("fee_taker_bp")?];
    if fees[0] + fees[1] < Rate::ZERO {
        let message = format!("fees in {}: the rebate is more than the fee", section.title);
        return Err(section.wrong("fee_maker_bp", message));
    }
    Ok(MarketParams {
        name: section.text("name")?.into(),
        base,
        kind,
        tick: section.price("tick")?,
        lot: section.qty("lot")?,
        fee_maker: fees[0],
        fee_taker: fees[1],
        rules: protocol::params::MarketRules::default(),
    })
}

fn perpetual(root: &Section<'_>, section: &Section<'_>) -> Read<PerpetualParams> {
    let position_max = section.qty("position_max")?;
    let params = PerpetualParams {
        funding: rules::of_market(root, section)?,
        impact_notional: section.amount("impact_notional_usd")?,
        margin_initial: section.rate_pct("margin_initial_pct")?,
        margin_maintenance: section.rate_pct("margin_maintenance_pct")?,
        mark_band: section.rate_pct("mark_band_pct")?,
        price_band: section.rate_pct("price_band_pct")?,
        fee_liquidation: section.rate_bp("fee_liquidation_bp")?,
        position_max,
    };
    if params.margin_maintenance >= params.margin_initial {
        let title = &section.title;
        let message =
            format!("`margin_maintenance_pct` in {title} must be below `margin_initial_pct`");
        return Err(section.wrong("margin_maintenance_pct", message));
    }
    Ok(params)
}

fn oracle(root: &Section<'_>) -> Read<Oracle> {
    sub(root, "oracle", &[ORACLE], |oracle| {
        let stakes = stakes(oracle)?;
        let millisecond = Span::from_millis(1);
        Ok(Oracle {
            outages: outages_of(oracle, "outage", stakes.len())?,
            params: OracleParams {
                stakes,
                vote_age_max: oracle.span("vote_age_max_s", Span::SECOND)?,
                index_age_max: oracle.span("index_age_max_s", Span::SECOND)?,
                confidence_min: oracle.rate_bp("confidence_min_bp")?,
                confidence_max: oracle.rate_bp("confidence_max_bp")?,
            },
            noise: oracle.number("noise_bp")? / 1e4,
            delay: oracle.span("delay_ms", millisecond)?,
            interval: oracle.span("interval_ms", millisecond)?,
            confidence: oracle.number("confidence_bp")? / 1e4,
        })
    })
}

fn stakes(oracle: &Section<'_>) -> Read<Vec<u64>> {
    let publishers = usize::try_from(oracle.whole("publishers")?).expect("its range is checked");
    let written = oracle.wholes("stakes")?;
    if written.is_empty() {
        return Ok(vec![1; publishers]);
    }
    if written.len() != publishers {
        let count = written.len();
        let message =
            format!("`stakes` in [oracle] has {count} values for {publishers} publishers");
        return Err(oracle.wrong("stakes", message));
    }
    let stake = |(at, stake): (usize, i64)| match u64::try_from(stake) {
        Ok(stake @ 1..=STAKE_MAX) => Ok(stake),
        _ => {
            let message = format!(
                "`stakes` = {stake} in [oracle] is out of range; \
                 each must be between 1 and {STAKE_MAX}"
            );
            Err(oracle.source.wrong(at, message))
        }
    };
    written.into_iter().map(stake).collect()
}

fn venues(root: &Section<'_>, assets: &[Asset]) -> Read<Vec<VenueParams>> {
    let empty = DeTable::new();
    let names: Vec<&str> = assets.iter().map(|asset| asset.params.name.as_str()).collect();
    let place = root.table("venue")?.unwrap_or((0, &empty));
    let all = Section::open_with(root.source, "[venue]".into(), place, &[VENUE], &names)?;
    let venue = |name: &str| {
        let place = all.table(name)?.unwrap_or((place.0, &empty));
        let title = format!("[venue.{name}]");
        let section = Section::open(root.source, title, place, &[VENUE])?.inheriting(&all);
        Ok(VenueParams {
            tick: section.price("tick")?,
            lot: section.qty("lot")?,
            half_spread: section.number("half_spread_bp")? / 1e4,
            depth: section.number("depth_usd")?,
            impact: section.number("impact_bp_per_musd")? / 1e10,
            decay: section.span("impact_decay_s", Span::SECOND)?,
            fee_taker: section.rate_bp("fee_taker_bp")?,
        })
    };
    names.iter().map(|name| venue(name)).collect()
}

fn links(root: &Section<'_>) -> Read<Links> {
    sub(root, "link", &[LINKS], |classes| {
        let empty = DeTable::new();
        let place = classes.table("default")?.unwrap_or((0, &empty));
        let default = Section::open(root.source, "[link.default]".into(), place, &[LINK])?;
        let mut links = Links { default: link(&default)?, classes: Default::default() };
        for key in LINKS.iter().filter(|key| key.name != "default") {
            if let Some(place) = classes.table(key.name)? {
                let title = format!("[link.{}]", key.name);
                let section = Section::open(root.source, title, place, &[LINK])?;
                links.classes.insert(key.name, link(&section.inheriting(&default))?);
            }
        }
        Ok(links)
    })
}

fn link(section: &Section<'_>) -> Read<LinkParams> {
    let millisecond = Span::from_millis(1);
    let outage = |place| {
        let title = format!("outage of {}", section.title);
        period(&Section::open(section.source, title, place, &[OUTAGE])?, "from", "to")
    };
    let outages: Read<Vec<_>> = section.tables("outage")?.into_iter().map(outage).collect();
    let mut outages = outages?;
    outages.sort();
    Ok(LinkParams {
        latency: section.span("latency_ms", millisecond)?,
        jitter: section.span("jitter_ms", millisecond)?,
        loss: section.number("loss_pct")? / 100.0,
        resend: section.span("resend_ms", millisecond)?,
        fifo: section.flag("fifo")?,
        outages,
    })
}

/// A section of a list, called by its name in refusals.
fn named<'a>(
    source: Source<'a>,
    list: &str,
    place: (usize, &'a DeTable<'a>),
    keys: &'static [&'static [Key]],
) -> Read<Section<'a>> {
    let name = Section::open(source, format!("[[{list}]]"), place, keys)?.text("name")?;
    Section::open(source, format!("[[{list}]] {name:?}"), place, keys)
}

const ASSETS_MAX: usize = 1_000;
const MARKETS_MAX: usize = 10_000;
const STAKE_MAX: u64 = 1_000_000_000_000;
