//! Prices, depth and faults of an incident at any second of it.
//!
//! Price: linear in its logarithm between the points, that distance times the amplitude. Depth: a
//! step at each point, times the factor of the variant.

use money::{Price, Round};
use pricing::convert;

use super::incident::{Asset, Fault, FaultKind, Halt, Incident};
use super::variant::Variant;

/// The course of a variant of an incident.
#[derive(Clone, Debug)]
pub(super) struct Course<'a> {
    assets: &'a [Asset],
    variant: Variant,
    faults: Vec<Fault>,
    halts: Vec<Halt>,
}

impl<'a> Course<'a> {
    /// The course of this variant.
    pub fn new(incident: &'a Incident, variant: Variant) -> Course<'a> {
        Course {
            assets: &incident.assets,
            variant,
            faults: variant.faults(incident),
            halts: variant.halts(incident),
        }
    }

    /// The true price of an asset.
    pub fn price(&self, asset: usize, second: f64) -> f64 {
        let asset = &self.assets[asset];
        let moved = between(&asset.path, second / 60.0) * self.variant.amplitude;
        asset.price_usd * libm::exp(moved)
    }

    /// The notional that one side of the book shows within 2 %.
    pub fn depth(&self, asset: usize, second: f64) -> f64 {
        let levels = &self.assets[asset].depth;
        let now = levels.iter().rev().find(|(minute, _)| *minute <= second / 60.0);
        now.unwrap_or(&levels[0]).1 * self.variant.depth
    }

    /// Whether no block is made.
    pub fn is_halted(&self, second: f64) -> bool {
        self.halts.iter().any(|halt| halt.from_s <= second && second < halt.to_s)
    }

    /// The second of the first block after the last halt, 0 without one.
    pub fn last_halt(&self) -> f64 {
        self.halts.iter().map(|halt| halt.to_s).fold(0.0, f64::max)
    }

    /// The fault of an asset's votes.
    pub fn fault(&self, asset: usize, second: f64) -> Option<FaultKind> {
        let active = |fault: &&Fault| {
            fault.from_s <= second
                && second < fault.to_s
                && fault.asset.is_none_or(|only| only == asset)
        };
        self.faults.iter().rev().find(active).map(|fault| fault.kind)
    }
}

/// The logarithm of the price over the first one.
fn between(path: &[(f64, f64)], minute: f64) -> f64 {
    let after = path.partition_point(|(at, _)| *at <= minute);
    let (from, level) = path[after - 1];
    let low = libm::log(level);
    let Some(&(to, next)) = path.get(after) else { return low };
    low + (libm::log(next) - low) * (minute - from) / (to - from)
}

/// A price in the type of the rules; at least its smallest unit.
pub(super) fn as_price(value: f64) -> Price {
    let least = Price::from_raw(1);
    convert::price(value, Round::Down).unwrap_or(least).max(least)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_way_is_the_geometric_mean() {
        let path = [(0.0, 1.0), (10.0, 0.25)];
        assert!((libm::exp(between(&path, 5.0)) - 0.5).abs() < 1e-12);
        assert!((libm::exp(between(&path, 99.0)) - 0.25).abs() < 1e-12);
    }
}
