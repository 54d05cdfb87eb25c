//! Reads `[options]`, the agents that trade them, and what is done to the recorded path.

use std::path::PathBuf;

use desk::gamma::HedgeRule;
use money::{Amount, Rate, Round, Span, Time};
use protocol::ids::{AssetId, PublisherId};
use protocol::params::{ListingParams, OptionParams, SettlementParams, SurfaceParams};

use super::agents::{asset_id, unknown_asset};
use super::error::{ScenarioError, hint};
use super::keys::OUTAGE;
use super::model::{Asset, Class, Outage};
use super::option_keys::{GAP, HESTON, OPTIONS, PIN};
use super::read::{Find, data_file, outages_of, period};
use super::section::Section;

type Read<T> = Result<T, ScenarioError>;

/// Options of a scenario.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// Their part of the design.
    pub params: OptionParams,
    /// File of recorded surfaces.
    pub surfaces: PathBuf,
    /// Whether the path is generated, with what the file sets of its parameters.
    pub heston: Option<HestonKeys>,
    /// The publishers of surfaces.
    pub publishers: SurfacePublishers,
}

/// How publishers of surfaces behave.
#[derive(Clone, Debug, PartialEq)]
pub struct SurfacePublishers {
    /// Standard deviation of the logarithm of a published volatility.
    pub noise: f64,
    /// Time between votes of one publisher.
    pub interval: Span,
    /// Age of what a publisher sees when it signs.
    pub delay: Span,
    /// When publishers are silent.
    pub outages: Vec<Outage>,
    /// When publishers sign surfaces that can be arbitraged.
    pub faults: Vec<Outage>,
}

/// Parameters of a generated path, where set.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct HestonKeys {
    /// Speed of mean reversion, a year.
    pub reversion: Option<f64>,
    /// Long-run volatility, a ratio.
    pub mean: Option<f64>,
    /// Volatility of variance.
    pub volatility: Option<f64>,
    /// Correlation of price and variance.
    pub correlation: Option<f64>,
    /// Volatility at the start, a ratio.
    pub start: Option<f64>,
}

/// What is done to a recorded path.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Bend {
    /// From a bar on, every price is multiplied.
    Gap {
        /// First bar.
        at: Time,
        /// By this.
        factor: f64,
    },
    /// Prices are drawn to one price.
    Pin {
        /// First instant.
        from: Time,
        /// The instant at which it is over.
        to: Time,
        /// The price, in quote.
        price: f64,
        /// Share of the distance that is gone at the end.
        held: f64,
    },
}

/// How a position in options is hedged.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HedgeKeys {
    /// When.
    pub rule: HedgeRule,
    /// How far a hedge goes through the best quote.
    pub slippage: f64,
}

/// An option maker. Volatilities are ratios: a point is 0.01.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OptionMakerKeys {
    /// Half-spread.
    pub half_spread: f64,
    /// Shift at the largest position of a series.
    pub skew_series: f64,
    /// Shift at the largest vega.
    pub skew_vega: f64,
    /// Share of the half-spread that replaces a quote.
    pub requote: f64,
    /// Notional of each quote.
    pub size: Amount,
    /// What it trades.
    pub reach: Reach,
    /// Its hedge.
    pub hedge: HedgeKeys,
}

/// What a trader of options trades, and how much.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reach {
    /// Largest notional in one series.
    pub position_max: Amount,
    /// Largest vega for 1.00 of volatility, in quote.
    pub vega_max: f64,
    /// Least and largest |delta|.
    pub delta: (f64, f64),
    /// Nothing is traded so close to expiry.
    pub closed_before: Span,
}

/// A surface arbitrageur or a gamma desk.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OptionTakerKeys {
    /// Profit beyond costs that is asked for.
    pub edge: f64,
    /// Cost of a hedge, one way.
    pub hedge_cost: f64,
    /// Largest notional of one order.
    pub order: Amount,
    /// Most orders at one look.
    pub orders_max: usize,
    /// What it trades.
    pub reach: Reach,
    /// Its hedge.
    pub hedge: HedgeKeys,
    /// Memory and weight of the realised volatility, of a gamma desk.
    pub realised: Option<(Span, f64)>,
}

/// A customer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OptionCustomerKeys {
    /// Mean number of orders.
    pub orders_per_hour: f64,
    /// Median notional.
    pub size_median: f64,
    /// Standard deviation of the logarithm of the size.
    pub size_sigma: f64,
    /// Lean to puts.
    pub put_bias: f64,
    /// Lean to buying.
    pub buy_bias: f64,
    /// Growth of orders for a fall of one percent in an hour.
    pub panic: f64,
    /// How far from the surface it trades.
    pub slippage: f64,
    /// Largest notional in one series.
    pub position_max: Amount,
    /// Least and largest |delta|.
    pub delta: (f64, f64),
    /// Nothing is traded so close to expiry.
    pub closed_before: Span,
}

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

/// The class of an agent that trades options; the caller has checked its name.
pub(super) fn class(name: &str, section: &Section<'_>) -> Read<Class> {
    Ok(match name {
        "option-maker" => Class::OptionMaker(OptionMakerKeys {
            half_spread: section.number("half_spread_vol_pct")? / 100.0,
            skew_series: section.number("skew_series_vol_pct")? / 100.0,
            skew_vega: section.number("skew_vega_vol_pct")? / 100.0,
            requote: section.number("requote_pct")? / 100.0,
            size: section.amount("size_usd")?,
            reach: reach(section)?,
            hedge: hedge(section)?,
        }),
        "gamma" => Class::Gamma(taker(section, true)?),
        "surface" => Class::Surface(taker(section, false)?),
        _ => Class::OptionCustomer(OptionCustomerKeys {
            orders_per_hour: section.number("orders_per_hour")?,
            size_median: section.number("size_usd_median")?,
            size_sigma: section.number("size_sigma")?,
            put_bias: section.number("put_bias")?,
            buy_bias: section.number("buy_bias")?,
            panic: section.number("panic")?,
            slippage: section.number("slippage_vol_pct")? / 100.0,
            position_max: section.amount("position_usd_max")?,
            delta: (section.number("delta_min")?, section.number("delta_max")?),
            closed_before: section.span("closed_before_min", Span::MINUTE)?,
        }),
    })
}

fn reach(section: &Section<'_>) -> Read<Reach> {
    Ok(Reach {
        position_max: section.amount("position_usd_max")?,
        vega_max: section.number("vega_usd_max")? * 100.0,
        delta: (section.number("delta_min")?, section.number("delta_max")?),
        closed_before: section.span("closed_before_min", Span::MINUTE)?,
    })
}

fn taker(section: &Section<'_>, leans: bool) -> Read<OptionTakerKeys> {
    let realised = if leans {
        Some((section.span("memory_h", Span::HOUR)?, section.number("lean")?))
    } else {
        None
    };
    Ok(OptionTakerKeys {
        edge: section.number("edge_vol_pct")? / 100.0,
        hedge_cost: section.number("hedge_cost_bp")? / 1e4,
        order: section.amount("order_usd")?,
        orders_max: usize::try_from(section.whole("orders_max")?).expect("its range is checked"),
        reach: reach(section)?,
        hedge: hedge(section)?,
        realised,
    })
}

const RULES: [&str; 5] = ["none", "interval", "band", "whalley-wilmott", "zakamouline"];

fn hedge(section: &Section<'_>) -> Read<HedgeKeys> {
    let risk_aversion = section.number("risk_aversion")?;
    let rule = match section.text_if("hedge")?.unwrap_or("band") {
        "none" => HedgeRule::None,
        "interval" => HedgeRule::Interval(section.span("hedge_interval_s", Span::SECOND)?),
        "band" => HedgeRule::Band { delta: section.number("hedge_delta")? },
        "whalley-wilmott" => HedgeRule::WhalleyWilmott { risk_aversion },
        "zakamouline" => HedgeRule::Zakamouline { risk_aversion },
        unknown => {
            let message = format!("unknown hedge `{unknown}`{}", hint(unknown, &RULES));
            return Err(section.wrong("hedge", message));
        }
    };
    Ok(HedgeKeys { rule, slippage: section.number("slippage_bp")? / 1e4 })
}

impl Bend {
    /// A bar's price after the bend.
    pub fn price(&self, time: Time, price: money::Price) -> money::Price {
        let value = pricing::convert::price_f64(price);
        let bent = match *self {
            Bend::Gap { at, factor } if at <= time => value * factor,
            Bend::Pin { from, to, price, held } if from <= time && time < to => {
                let done = time.since(from).nanos() as f64 / to.since(from).nanos() as f64;
                value + (price - value) * held * done
            }
            Bend::Gap { .. } | Bend::Pin { .. } => return price,
        };
        pricing::convert::price(bent, Round::Down).unwrap_or(price)
    }
}

impl Options {
    /// The fee of an aggressor, of the index notional.
    pub fn fee_taker(&self) -> Rate {
        self.params.fee_taker
    }
}

impl SurfacePublishers {
    /// Whether a publisher is in one of these periods.
    pub fn is_in(periods: &[Outage], publisher: PublisherId, now: Time) -> bool {
        periods.iter().any(|out| out.publisher == publisher && out.from <= now && now < out.to)
    }
}
