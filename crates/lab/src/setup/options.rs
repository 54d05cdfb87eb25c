//! The part of a setup that options need: the true surface, and the agents that trade them.

use desk::chain::{ChainListing, Hedge};
use desk::gamma::{HedgeCost, Hedger};
use desk::leg::BadConfig;
use desk::option_maker::{OptionMaker, OptionMakerConfig};
use desk::option_taker::{OptionTaker, OptionTakerConfig, View};
use desk::strategy::{Instrument, Listing, Strategy};
use feed::surfaces::SurfaceRow;
use money::{Span, Time};
use pricing::convert::{price_f64, rate_f64};

use super::Hire;
use crate::crowd::customer::{Customer, CustomerConfig};
use crate::path::Bar;
use crate::random::Seed;
use crate::scenario::{
    self, Bend, HestonKeys, OptionCustomerKeys, OptionMakerKeys, OptionTakerKeys,
};
use crate::volatility::generated::Plan;
use crate::volatility::{Generated, Heston, Recorded, Volatility};

/// Silence after which an order is followed up.
const PATIENCE: Span = Span::from_secs(30);
/// Points of a generated path in one bar.
const POINTS: u64 = 30;

/// A true surface, and the bars of a generated path.
pub(super) struct Truth {
    pub volatility: Volatility,
    /// Where it comes from, in words.
    pub source: String,
    pub bars: Option<Vec<Bar>>,
}

/// The true surface of a scenario; `bars` are those of its asset.
pub(super) fn truth(
    options: &scenario::Options,
    rows: &[SurfaceRow],
    (start, bars, interval): (Time, &[Bar], Span),
    seed: Seed,
) -> Result<Truth, BadConfig> {
    let recorded = Recorded::new(rows).ok_or(BadConfig("the file of surfaces has no row"))?;
    let file =
        options.surfaces.file_name().map_or(String::new(), |name| name.to_string_lossy().into());
    let Some(keys) = &options.heston else {
        let (from, to) = recorded.covers();
        let source = format!(
            "{file}, {from} to {to}; Δ ln σ = {:.2}·Δ ln S between snapshots",
            recorded.response()
        );
        return Ok(Truth { volatility: Volatility::Recorded(recorded), source, bars: None });
    };
    let model = model(keys, &recorded)?;
    let plan = Plan {
        model,
        start,
        bars: bars.len() as u64,
        interval,
        points: POINTS,
        price: bars.first().map_or(1.0, |bar| price_f64(bar.open)),
        carry: recorded.mean_carry(),
    };
    let (path, bars) = Generated::new(&plan, seed.child("volatility", 0));
    let source = format!(
        "Heston from {file}: κ = {:.1} a year (half-life {:.1} days), θ = ({:.1} %)², ξ = {:.2}, \
         ρ = {:.2}, v₀ = ({:.1} %)²",
        model.reversion,
        365.0 * std::f64::consts::LN_2 / model.reversion,
        model.mean.sqrt() * 100.0,
        model.volatility,
        model.correlation,
        model.start.sqrt() * 100.0
    );
    Ok(Truth { volatility: Volatility::Generated(path), source, bars: Some(bars) })
}

/// What the file sets, the rest calibrated.
fn model(keys: &HestonKeys, recorded: &Recorded) -> Result<Heston, BadConfig> {
    let fitted = Heston::calibrated(&recorded.looks());
    let fitted = fitted.ok_or(BadConfig("too few surfaces to calibrate Heston: eight or more"))?;
    let square = |volatility: f64| volatility * volatility;
    Ok(Heston {
        reversion: keys.reversion.unwrap_or(fitted.reversion),
        mean: keys.mean.map_or(fitted.mean, square),
        volatility: keys.volatility.unwrap_or(fitted.volatility),
        correlation: keys.correlation.unwrap_or(fitted.correlation),
        start: keys.start.map_or(fitted.start, square),
    })
}

/// Bars after what the scenario does to them.
pub(super) fn bent(bars: &mut [Bar], bends: &[Bend]) {
    for bar in bars {
        for bend in bends {
            let price = |price| bend.price(bar.open_time, price);
            *bar = Bar {
                open_time: bar.open_time,
                open: price(bar.open),
                high: price(bar.high),
                low: price(bar.low),
                close: price(bar.close),
            };
        }
    }
}

/// What is the same for every series.
fn chain(options: &scenario::Options) -> ChainListing {
    let params = &options.params;
    ChainListing {
        series: Listing {
            name: "options".into(),
            tick: params.tick,
            lot: params.lot,
            fee_maker: params.fee_maker,
            fee_taker: params.fee_taker,
            funding: None,
        },
        fee_cap: params.fee_cap,
    }
}

const NO_OPTIONS: BadConfig = BadConfig("the scenario has no [options]");

impl Hire<'_> {
    fn hedge(
        &self,
        keys: &scenario::HedgeKeys,
        perpetual: Instrument,
        half_spread: f64,
    ) -> Result<Hedge, BadConfig> {
        let listing = &self.listings[usize::from(perpetual.0)];
        let one_way = rate_f64(listing.fee_taker) + half_spread;
        let hedger =
            Hedger { rule: keys.rule, cost: HedgeCost { one_way, funding: 0.0 }, lot: listing.lot };
        Hedge::new(perpetual, listing, hedger, keys.slippage)
    }

    pub(super) fn option_maker(
        &self,
        keys: &OptionMakerKeys,
        period: Span,
        perpetual: Instrument,
    ) -> Result<Box<dyn Strategy>, BadConfig> {
        let options = self.scenario.options.as_ref().ok_or(NO_OPTIONS)?;
        let config = OptionMakerConfig {
            half_spread: keys.half_spread,
            skew_series: keys.skew_series,
            skew_vega: keys.skew_vega,
            order: self.coins(keys.size, perpetual),
            position_max: self.coins(keys.reach.position_max, perpetual),
            vega_max: keys.reach.vega_max,
            delta: keys.reach.delta,
            closed_before: keys.reach.closed_before,
            tolerance: keys.requote,
            period,
            patience: PATIENCE,
        };
        let hedge = self.hedge(&keys.hedge, perpetual, HALF_SPREAD)?;
        Ok(Box::new(OptionMaker::new(config, chain(options), hedge)?))
    }

    pub(super) fn option_taker(
        &self,
        keys: &OptionTakerKeys,
        period: Span,
        perpetual: Instrument,
    ) -> Result<Box<dyn Strategy>, BadConfig> {
        let options = self.scenario.options.as_ref().ok_or(NO_OPTIONS)?;
        let config = OptionTakerConfig {
            view: match keys.realised {
                None => View::Surface,
                Some((memory, weight)) => View::Realised { memory, weight },
            },
            edge: keys.edge,
            hedge_cost: keys.hedge_cost,
            bid: keys.bid,
            order: self.coins(keys.order, perpetual),
            orders_max: keys.orders_max,
            position_max: self.coins(keys.reach.position_max, perpetual),
            vega_max: keys.reach.vega_max,
            delta: keys.reach.delta,
            closed_before: keys.reach.closed_before,
            period,
            patience: PATIENCE,
        };
        let hedge = self.hedge(&keys.hedge, perpetual, HALF_SPREAD)?;
        Ok(Box::new(OptionTaker::new(config, chain(options), hedge)?))
    }

    pub(super) fn option_customer(
        &self,
        keys: &OptionCustomerKeys,
        (period, number): (Span, u64),
        perpetual: Instrument,
    ) -> Result<Box<dyn Strategy>, BadConfig> {
        let options = self.scenario.options.as_ref().ok_or(NO_OPTIONS)?;
        let config = CustomerConfig {
            watched: perpetual,
            orders_per_hour: keys.orders_per_hour,
            size_median: keys.size_median,
            size_sigma: keys.size_sigma,
            put_bias: keys.put_bias,
            buy_bias: keys.buy_bias,
            panic: keys.panic,
            slippage: keys.slippage,
            position_max: self.coins(keys.position_max, perpetual),
            delta: keys.delta,
            closed_before: keys.closed_before,
            period,
        };
        let listing = &self.listings[usize::from(perpetual.0)];
        let stream = self.seed.stream("option-customer", number);
        Ok(Box::new(Customer::new(config, chain(options), listing, stream)?))
    }
}

/// Half of the perpetual's spread that a hedge expects to pay.
const HALF_SPREAD: f64 = 0.5e-4;
