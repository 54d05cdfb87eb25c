//! The keys of `[options]` and of the agents that trade them.

use super::key::{Fallback, Key, Kind, key, number, optional, whole};

const SHARE: (f64, f64) = (0.0, 100.0);
const USD_SOME: (f64, f64) = (0.01, 1e12);
const POINTS: (f64, f64) = (0.0, 1_000.0);
const DELTA: (f64, f64) = (0.0, 1.0);

pub(crate) const OPTIONS: &[Key] = &[
    key("asset", Kind::Text, Fallback::Required, "name of the asset whose index settles them"),
    number("tick", (1e-8, 1e6), 1.0, "price step of a premium, in quote for each coin"),
    number("lot", (1e-8, 1e6), 0.01, "quantity step, in coins"),
    number("fee_maker_bp", (0.0, 100.0), 2.0, "fee of the resting side, of the index notional"),
    number("fee_taker_bp", (0.0, 100.0), 3.0, "fee of the aggressor, of the index notional"),
    number("fee_cap_pct", (0.0, 50.0), 12.5, "largest fee, of the premium"),
    number("fee_settlement_bp", (0.0, 100.0), 1.5, "fee of settlement, of the index notional"),
    number("position_max", (1e-8, 1e7), 1_000.0, "largest position in one series, in coins"),
    number("price_band_pct", (0.01, 100.0), 5.0, "largest distance of a premium from its mark"),
    number("hour_h", (0.0, 23.99), 8.0, "time of the day of every expiry"),
    whole("dailies", (0, 14), 2, "expiries on the next days"),
    whole("weeklies", (0, 13), 2, "expiries on the next Fridays"),
    whole("monthlies", (0, 24), 0, "expiries on the next last Fridays of a month"),
    number("strike_step_pct", (0.1, 90.0), 5.0, "distance of strikes"),
    number("strike_range_pct", (0.1, 90.0), 30.0, "how far strikes reach for 30 days"),
    number("closed_before_min", (0.0, 1_440.0), 60.0, "nothing new is listed so close to expiry"),
    whole("series_max", (2, 4_096), 256, "most live series"),
    number("averaging_min", (0.1, 720.0), 30.0, "time over which the index is averaged"),
    key("surfaces", Kind::File, Fallback::Required, "recorded surfaces: fitted slices over time"),
    key("model", Kind::Text, Fallback::Absent, "recorded, or heston: a generated path; recorded"),
    key("heston", Kind::Table, Fallback::Absent, "parameters of the model; else calibrated"),
    number("noise_pct", SHARE, 0.5, "standard deviation of a publisher's volatility"),
    number("interval_ms", (1.0, 600_000.0), 10_000.0, "time between votes of one publisher"),
    number("delay_ms", (0.0, 600_000.0), 500.0, "age of what a publisher sees when it signs"),
    number("vote_age_max_s", (1.0, 86_400.0), 120.0, "age at which a surface stops counting"),
    number("age_fresh_s", (1.0, 86_400.0), 120.0, "age up to which margin is not widened"),
    number("age_max_s", (1.0, 86_400.0), 1_800.0, "age at which the surface serves no new risk"),
    key("outage", Kind::Tables, Fallback::Absent, "`{ publisher = 0, from = …, to = … }`: silent"),
    key("fault", Kind::Tables, Fallback::Absent, "the same: surfaces that can be arbitraged"),
];

pub(crate) const HESTON: &[Key] = &[
    optional("reversion", (0.01, 1_000.0), "speed of mean reversion, a year"),
    optional("mean_pct", (1.0, 1_000.0), "long-run volatility"),
    optional("volatility", (0.01, 100.0), "volatility of variance"),
    optional("correlation", (-0.99, 0.99), "correlation of price and variance"),
    optional("start_pct", (1.0, 1_000.0), "volatility at the start"),
];

/// `[[gap]]` and `[[pin]]`: what is done to a recorded path.
pub(crate) const GAP: &[Key] = &[
    key("asset", Kind::Text, Fallback::Required, "whose price"),
    key("at", Kind::Instant, Fallback::Required, "the bar that begins here, and all after it"),
    key("move_pct", Kind::Number(-90.0, 900.0), Fallback::Required, "move of the price"),
];

pub(crate) const PIN: &[Key] = &[
    key("asset", Kind::Text, Fallback::Required, "whose price"),
    number("price_usd", USD_SOME, 70_000.0, "the price that it is drawn to"),
    number("held_pct", SHARE, 95.0, "share of the distance that is gone at the end"),
];

pub(crate) const HEDGE: &[Key] = &[
    key(
        "hedge",
        Kind::Text,
        Fallback::Absent,
        "none, interval, band, whalley-wilmott, zakamouline; band",
    ),
    number("hedge_interval_s", (1.0, 1e6), 3_600.0, "time between hedges of the rule interval"),
    number("hedge_delta", (0.0, 1e6), 0.1, "half-width of the rule band, in coins"),
    number("risk_aversion", (0.0, 1e6), 1e-6, "of the other rules, for each unit of quote"),
    number("slippage_bp", (0.0, 10_000.0), 50.0, "how far a hedge goes through the best quote"),
];

pub(crate) const OPTION_MAKER: &[Key] = &[
    number("half_spread_vol_pct", POINTS, 1.5, "half-spread, in volatility points"),
    number("skew_series_vol_pct", POINTS, 4.0, "shift at the largest position of a series"),
    number("skew_vega_vol_pct", POINTS, 4.0, "shift at the largest vega"),
    number("requote_pct", (0.0, 1_000.0), 50.0, "move, of the half-spread, that replaces a quote"),
    number("size_usd", USD_SOME, 20_000.0, "notional of each quote"),
    number("position_usd_max", USD_SOME, 200_000.0, "largest notional in one series"),
    number("vega_usd_max", USD_SOME, 5_000.0, "largest vega for a volatility point"),
    number("delta_min", DELTA, 0.02, "least |delta| that is traded"),
    number("delta_max", DELTA, 0.8, "largest |delta| that is traded"),
    number("closed_before_min", (0.0, 1_440.0), 60.0, "nothing is traded so close to expiry"),
];

pub(crate) const OPTION_TAKER: &[Key] = &[
    number("edge_vol_pct", POINTS, 0.5, "profit beyond costs that is asked for, in points"),
    number("hedge_cost_bp", (0.0, 1_000.0), 2.5, "cost of a hedge, one way"),
    number("bid_pct", (0.0, 1_000.0), 10.0, "least payment for auctioned books, of their margin"),
    number("order_usd", USD_SOME, 20_000.0, "largest notional of one order"),
    whole("orders_max", (1, 1_000), 4, "most orders at one look"),
    number("position_usd_max", USD_SOME, 400_000.0, "largest notional in one series"),
    number("vega_usd_max", USD_SOME, 5_000.0, "largest vega for a volatility point"),
    number("delta_min", DELTA, 0.02, "least |delta| that is traded"),
    number("delta_max", DELTA, 0.8, "largest |delta| that is traded"),
    number("closed_before_min", (0.0, 1_440.0), 60.0, "nothing is traded so close to expiry"),
];

pub(crate) const GAMMA: &[Key] = &[
    number("memory_h", (0.1, 8_760.0), 12.0, "memory of the realised volatility"),
    number("lean", (0.0, 1.0), 0.5, "how far own volatility leans to the realised one"),
];

pub(crate) const OPTION_CUSTOMER: &[Key] = &[
    number("orders_per_hour", (0.0, 1e6), 2.0, "mean number of orders"),
    number("size_usd_median", USD_SOME, 10_000.0, "median notional of an order"),
    number("size_sigma", (0.0, 5.0), 0.7, "standard deviation of the logarithm of the size"),
    number("put_bias", (-1.0, 1.0), 0.2, "probability of a put is (1 + bias)/2"),
    number("buy_bias", (-1.0, 1.0), 0.2, "probability of a buy is (1 + bias)/2"),
    number(
        "panic",
        (0.0, 10.0),
        0.3,
        "orders become e^(panic·x) as many, bought puts, x the fall of the last hour in percent",
    ),
    number("slippage_vol_pct", POINTS, 10.0, "how far from the surface it still trades, in points"),
    number("delta_min", DELTA, 0.05, "least |delta| that is traded"),
    number("delta_max", DELTA, 0.6, "largest |delta| that is traded"),
    number("position_usd_max", USD_SOME, 200_000.0, "largest notional in one series"),
    number("closed_before_min", (0.0, 1_440.0), 60.0, "nothing is traded so close to expiry"),
];
