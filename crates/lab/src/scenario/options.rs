//! Reads `[options]`, and what is done to the recorded path.

use money::Span;
use protocol::ids::AssetId;
use protocol::params::{ListingParams, OptionParams, SettlementParams, SurfaceParams};

use super::agents::{asset_id, unknown_asset};
use super::error::{ScenarioError, hint};
use super::files::{Find, data_file};
use super::keys::OUTAGE;
use super::model::Asset;
use super::option_keys::{GAP, HESTON, OPTIONS, PIN};
use super::option_model::{Bend, HestonKeys, Options, SurfacePublishers};
use super::periods::{outages_of, period};
use super::section::Section;

type Read<T> = Result<T, ScenarioError>;

/// Reads `[options]`, if it is there.
pub(super) fn options(
    root: &Section<'_>,
    assets: &[Asset],
    publishers: usize,
    find: Find<'_>,
) -> Read<Option<Options>> {
    let Some(place) = root.table("options")? else { return Ok(None) };
    let section = Section::open(root.source, "[options]".into(), place, &[OPTIONS])?;
    let base = asset_of(&section, assets)?;
    section.text("surfaces")?;
    let surfaces = data_file(&section, "surfaces", find)?;
    let model = section.text_if("model")?.unwrap_or("recorded");
    let heston = match model {
        "recorded" => None,
        "heston" => Some(heston(&section)?),
        unknown => {
            let message =
                format!("unknown model `{unknown}`{}", hint(unknown, &["recorded", "heston"]));
            return Err(section.wrong("model", message));
        }
    };
    let millisecond = Span::from_millis(1);
    Ok(Some(Options {
        params: params(&section, base)?,
        surfaces: surfaces.ok_or_else(|| section.missing("surfaces"))?,
        heston,
        publishers: SurfacePublishers {
            noise: section.number("noise_pct")? / 100.0,
            interval: section.span("interval_ms", millisecond)?,
            delay: section.span("delay_ms", millisecond)?,
            outages: outages_of(&section, "outage", publishers)?,
            faults: outages_of(&section, "fault", publishers)?,
        },
    }))
}

fn asset_of(section: &Section<'_>, assets: &[Asset]) -> Read<AssetId> {
    let asset = section.text("asset")?;
    asset_id(asset, assets)
        .ok_or_else(|| unknown_asset(section, section.place("asset"), asset, assets))
}

fn params(section: &Section<'_>, base: AssetId) -> Read<OptionParams> {
    let count = |name| -> Read<u8> {
        Ok(u8::try_from(section.whole(name)?).expect("its range is checked"))
    };
    let mut params = OptionParams::new(base, section.price("tick")?, section.qty("lot")?);
    params.fee_maker = section.rate_bp("fee_maker_bp")?;
    params.fee_taker = section.rate_bp("fee_taker_bp")?;
    params.fee_cap = section.rate_pct("fee_cap_pct")?;
    params.fee_settlement = section.rate_bp("fee_settlement_bp")?;
    params.position_max = section.qty("position_max")?;
    params.price_band = section.rate_pct("price_band_pct")?;
    params.listing = ListingParams {
        hour: section.span("hour_h", Span::HOUR)?,
        dailies: count("dailies")?,
        weeklies: count("weeklies")?,
        monthlies: count("monthlies")?,
        strike_step: section.rate_pct("strike_step_pct")?,
        strike_range: section.rate_pct("strike_range_pct")?,
        closed_before: section.span("closed_before_min", Span::MINUTE)?,
        series_max: u32::try_from(section.whole("series_max")?).expect("its range is checked"),
        ..params.listing
    };
    params.settlement = SettlementParams {
        averaging: section.span("averaging_min", Span::MINUTE)?,
        ..params.settlement
    };
    params.surface = SurfaceParams {
        vote_age_max: section.span("vote_age_max_s", Span::SECOND)?,
        age_fresh: section.span("age_fresh_s", Span::SECOND)?,
        age_max: section.span("age_max_s", Span::SECOND)?,
        ..params.surface
    };
    params.check().map_err(|error| section.wrong("asset", error.to_string()))?;
    Ok(params)
}

fn heston(section: &Section<'_>) -> Read<HestonKeys> {
    let Some(place) = section.table("heston")? else { return Ok(HestonKeys::default()) };
    let keys = Section::open(section.source, "[options.heston]".into(), place, &[HESTON])?;
    let percent = |name| -> Read<Option<f64>> { Ok(keys.number_if(name)?.map(|x| x / 100.0)) };
    Ok(HestonKeys {
        reversion: keys.number_if("reversion")?,
        mean: percent("mean_pct")?,
        volatility: keys.number_if("volatility")?,
        correlation: keys.number_if("correlation")?,
        start: percent("start_pct")?,
    })
}

/// Reads `[[gap]]` and `[[pin]]`: what is done to the path of which asset.
pub(super) fn bends(root: &Section<'_>, assets: &[Asset]) -> Read<Vec<(AssetId, Bend)>> {
    let mut bends = Vec::new();
    for place in root.tables("gap")? {
        let section = Section::open(root.source, "[[gap]]".into(), place, &[GAP])?;
        let factor = 1.0 + section.number("move_pct")? / 100.0;
        let gap = Bend::Gap { at: section.instant("at")?, factor };
        bends.push((asset_of(&section, assets)?, gap));
    }
    for place in root.tables("pin")? {
        let section = Section::open(root.source, "[[pin]]".into(), place, &[PIN, OUTAGE])?;
        let (from, to) = period(&section, "from", "to")?;
        let price = section.number("price_usd")?;
        let held = section.number("held_pct")? / 100.0;
        bends.push((asset_of(&section, assets)?, Bend::Pin { from, to, price, held }));
    }
    Ok(bends)
}
