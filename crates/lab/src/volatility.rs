//! The true volatility surface of a run: recorded and replayed, or generated.
//!
//! A surface is one SVI slice of total variance for each expiry, `w(k) = θ·ŵ(k/√θ)` with θ = v·τ,
//! v the at-the-money variance a year, τ in years of 365 days, k = ln(strike/forward) and ŵ a slice
//! with ŵ(0) = 1: level and shape are interpolated apart. Every surface that leaves this module is
//! free of static arbitrage, by the proofs of `pricing::svi`: a slice that is not is flattened
//! (butterflies) or drawn towards the shape of the one before it (calendars), never moved at the
//! money unless the money itself shows a calendar arbitrage. τ is the effective time of an option
//! on the mean of the last of its index (`pricing::slice`), so it is the variance of what is paid.
//!
//! Strikes keep their moneyness: the slices are in k, and the forward moves with the index.

pub mod recorded;
pub mod heston;
pub mod generated;

use money::{Span, Time};
use pricing::slice::effective_time;
use pricing::svi::Svi;

pub use generated::Generated;
pub use heston::Heston;
pub use recorded::Recorded;

/// Nanoseconds of a year of 365 days.
pub(crate) const YEAR_NS: f64 = 365.0 * 86_400.0 * 1e9;

/// One expiry of a surface, as of an instant.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Smile {
    /// The expiry.
    pub expiry: Time,
    /// forward/index − 1.
    pub basis: f64,
    /// Total variance by k.
    pub svi: Svi,
}

/// Where the surfaces come from.
#[derive(Clone, Debug)]
pub enum Volatility {
    /// Fitted slices of a recorded market, interpolated in time.
    Recorded(Recorded),
    /// A Heston path.
    Generated(Generated),
}

impl Volatility {
    /// The surface at an instant for the expiries of a view, those in the past left out; `error`
    /// is asked for each in turn and added to the logarithm of its volatility.
    pub fn surface(&self, view: View<'_>, mut error: impl FnMut() -> f64) -> Vec<Smile> {
        let View { now, spot, expiries, averaging } = view;
        let ahead = expiries.iter().copied().filter(|expiry| *expiry > now);
        let level = |expiry: Time| {
            let level = match self {
                Volatility::Recorded(recorded) => recorded.level(now, spot, expiry),
                Volatility::Generated(generated) => generated.level(now, expiry),
            };
            let variance = level.variance * libm::exp(2.0 * error());
            (expiry, Level { variance, ..level })
        };
        free(now, ahead.map(level).collect(), averaging)
    }
}

/// What of a surface is looked at.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// When.
    pub now: Time,
    /// Price of the path.
    pub spot: f64,
    /// Rising.
    pub expiries: &'a [Time],
    /// The time before an expiry over which its index is averaged.
    pub averaging: Span,
}

/// Years of 365 days.
pub fn years_of(span: Span) -> f64 {
    span.nanos() as f64 / YEAR_NS
}

/// Years of 365 days between two instants.
pub fn years(from: Time, to: Time) -> f64 {
    years_of(to.since(from))
}

/// One expiry as level and shape.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Level {
    /// At-the-money variance a year.
    pub variance: f64,
    /// (forward/index − 1) a year.
    pub carry: f64,
    /// The shape.
    pub shape: Shape,
}

/// A slice of θ = 1, ŵ(x) = 1 − b(√(m²+σ²) − ρm) + b(ρ(x−m) + √((x−m)²+σ²)).
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Shape {
    pub b: f64,
    pub rho: f64,
    pub m: f64,
    pub sigma: f64,
}

impl Shape {
    /// The shape of a slice, and its total variance at the money.
    pub fn of(svi: &Svi) -> (f64, Shape) {
        let theta = svi.variance(0.0).max(1e-12);
        let root = theta.sqrt();
        let shape =
            Shape { b: svi.b / root, rho: svi.rho, m: svi.m / root, sigma: svi.sigma / root };
        (theta, shape)
    }

    /// The slice of this shape with this total variance at the money.
    pub fn svi(&self, theta: f64) -> Svi {
        let root = theta.sqrt();
        let bend = (self.m * self.m + self.sigma * self.sigma).sqrt() - self.rho * self.m;
        Svi {
            a: theta * (1.0 - self.b * bend),
            b: self.b * root,
            rho: self.rho,
            m: self.m * root,
            sigma: self.sigma * root,
        }
    }

    /// This shape at 0, the other at 1.
    pub fn towards(&self, other: &Shape, share: f64) -> Shape {
        let mix = |from: f64, to: f64| from + share * (to - from);
        Shape {
            b: mix(self.b, other.b),
            rho: mix(self.rho, other.rho),
            m: mix(self.m, other.m),
            sigma: mix(self.sigma, other.sigma),
        }
    }
}

/// Steps of flattening after which a smile is taken as flat.
const STEPS: usize = 30;

/// Slices of these levels, free of static arbitrage.
fn free(now: Time, levels: Vec<(Time, Level)>, averaging: Span) -> Vec<Smile> {
    let mut smiles: Vec<Smile> = Vec::with_capacity(levels.len());
    let mut near: Option<(f64, Shape)> = None;
    for (expiry, level) in levels {
        let effective = years_of(effective_time(expiry.since(now), averaging));
        let mut theta = level.variance * effective;
        if let Some((before, _)) = near {
            theta = theta.max(before * (1.0 + 1e-6));
        }
        let shape = tamed(theta, level.shape, near);
        near = Some((theta, shape));
        let basis = level.carry * years(now, expiry);
        smiles.push(Smile { expiry, basis, svi: shape.svi(theta) });
    }
    smiles
}

/// The nearest shape that has no butterfly arbitrage and no calendar arbitrage to the slice before.
fn tamed(theta: f64, shape: Shape, near: Option<(f64, Shape)>) -> Shape {
    let mut tamed = shape;
    for step in 0..STEPS {
        let svi = tamed.svi(theta);
        let crossed = near
            .is_some_and(|(before, near)| pricing::svi::crosses(&near.svi(before), &svi).is_some());
        if !crossed && svi.is_butterfly_free() {
            return tamed;
        }
        if let Some((_, near)) = near.filter(|_| crossed) {
            tamed = tamed.towards(&near, if step < STEPS / 2 { 0.25 } else { 1.0 });
        }
        if !tamed.svi(theta).is_butterfly_free() {
            tamed.b *= 0.85;
        }
    }
    Shape { b: 0.0, ..tamed }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
