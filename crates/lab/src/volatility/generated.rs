//! A generated price path with its variance: Heston on a fine grid, cut into bars.
//!
//! The bars go through the same bridge as recorded ones. Same parameters and seed, same path.

use money::{Price, Round, Span, Time};

use super::{Heston, Level, years};
use crate::path::Bar;
use crate::random::Seed;

/// A path of variance, and what the surface is made from.
#[derive(Clone, Debug)]
pub struct Generated {
    model: Heston,
    start: Time,
    step: Span,
    /// (forward/index − 1) a year.
    carry: f64,
    variance: Vec<f64>,
}

/// What a path is to be.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// The model.
    pub model: Heston,
    /// First instant.
    pub start: Time,
    /// Number of bars.
    pub bars: u64,
    /// Time of one bar.
    pub interval: Span,
    /// Points in one bar.
    pub points: u64,
    /// First price.
    pub price: f64,
    /// (forward/index − 1) a year.
    pub carry: f64,
}

impl Generated {
    /// The path of a plan from a seed, and its bars.
    pub fn new(plan: &Plan, seed: Seed) -> (Generated, Vec<Bar>) {
        let step = Span::from_nanos(plan.interval.nanos() / plan.points);
        let years = years(Time::ZERO, Time::ZERO.after(step));
        let (mut of_variance, mut of_price) = (seed.stream("variance", 0), seed.stream("price", 0));
        let (mut variance, mut log_price) = (plan.model.start, libm::log(plan.price));
        let mut path = Vec::with_capacity((plan.bars * plan.points) as usize);
        let mut bars = Vec::with_capacity(plan.bars as usize);
        for bar in 0..plan.bars {
            let mut prices: Vec<f64> = Vec::with_capacity(plan.points as usize);
            for _ in 0..plan.points {
                path.push(variance);
                prices.push(libm::exp(log_price));
                let next = plan.model.next_variance(variance, years, &mut of_variance);
                log_price += plan.model.price_return([variance, next], years, &mut of_price);
                variance = next;
            }
            bars.push(bar_of(plan.start.after(plan.interval.times(bar)), &prices));
        }
        let (model, start, carry) = (plan.model, plan.start, plan.carry);
        (Generated { model, start, step, carry, variance: path }, bars)
    }

    /// The model.
    pub fn model(&self) -> &Heston {
        &self.model
    }

    /// Instantaneous variance a year.
    pub fn variance(&self, now: Time) -> f64 {
        let at = now.nanos().saturating_sub(self.start.nanos()) / self.step.nanos();
        self.variance[(at as usize).min(self.variance.len() - 1)]
    }

    pub(super) fn level(&self, now: Time, expiry: Time) -> Level {
        let (from, years) = (self.variance(now), years(now, expiry));
        Level {
            variance: self.model.average(from, years).max(VARIANCE_MIN),
            carry: self.carry,
            shape: self.model.shape(from.max(VARIANCE_MIN), years),
        }
    }
}

/// A surface has a volatility of 5 % at least.
const VARIANCE_MIN: f64 = 0.0025;

fn bar_of(open_time: Time, prices: &[f64]) -> Bar {
    let price = |value: f64| {
        let rounded = pricing::convert::price(value, Round::Down).unwrap_or(Price::MAX);
        rounded.max(Price::from_raw(1))
    };
    let low = prices.iter().copied().fold(f64::INFINITY, f64::min);
    let high = prices.iter().copied().fold(0.0, f64::max);
    Bar {
        open_time,
        open: price(prices[0]),
        high: price(high),
        low: price(low),
        close: price(prices[prices.len() - 1]),
    }
}
