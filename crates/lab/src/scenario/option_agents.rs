//! Reads the agents that trade options.

use desk::gamma::HedgeRule;
use money::Span;

use super::error::{ScenarioError, hint};
use super::model::Class;
use super::option_model::{HedgeKeys, OptionCustomerKeys, OptionMakerKeys, OptionTakerKeys, Reach};
use super::section::Section;

type Read<T> = Result<T, ScenarioError>;

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
        bid: section.rate_pct("bid_pct")?,
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
