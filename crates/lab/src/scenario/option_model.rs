//! What a scenario says about options, in types.

use std::path::PathBuf;

use desk::gamma::HedgeRule;
use money::{Amount, Round, Span, Time};
use protocol::ids::PublisherId;
use protocol::params::OptionParams;

use super::periods::Outage;

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
    /// Least payment for what is auctioned, of its maintenance margin.
    pub bid: money::Rate,
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

impl SurfacePublishers {
    /// Whether a publisher is in one of these periods.
    pub fn is_in(periods: &[Outage], publisher: PublisherId, now: Time) -> bool {
        periods.iter().any(|out| out.publisher == publisher && out.from <= now && now < out.to)
    }
}
