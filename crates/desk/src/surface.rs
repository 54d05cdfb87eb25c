//! A venue's option quotes to a volatility surface, and how far the surface is from the quotes.
//!
//! Each quote is inverted with its own forward, in USD (coin price × forward), from the side that
//! is out of the money. A quote enters the fit if both its sides have a volatility. Every expiry is
//! fitted by itself (`before`); then slices with butterfly arbitrage, and those that cross, are
//! moved until the surface is proven free (`after`).

use std::collections::BTreeMap;

use feed::options::{Asset, Kind, OptionQuote};
use money::Time;
use pricing::black::{self, OptionKind};
use pricing::calibrate::{self, Target};
use pricing::implied;
use pricing::ssvi::Ssvi;
use pricing::svi::Svi;

/// A quote's place and volatilities.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// Logarithm of strike over the quote's own forward.
    pub k: f64,
    /// Strike in USD.
    pub strike: f64,
    /// Call or put.
    pub kind: Kind,
    /// Volatility of the bid.
    pub bid: f64,
    /// Volatility of the ask.
    pub ask: f64,
    /// The venue's own volatility.
    pub mark: f64,
}

impl Point {
    /// Volatility between bid and ask.
    pub fn middle(&self) -> f64 {
        (self.bid + self.ask) / 2.0
    }

    /// Ask less bid, in volatility.
    pub fn spread(&self) -> f64 {
        self.ask - self.bid
    }
}

/// All two-sided quotes of one expiry.
#[derive(Clone, Debug, PartialEq)]
pub struct Chain {
    /// The coin.
    pub asset: Asset,
    /// When it expires.
    pub expiry: Time,
    /// Years to expiry.
    pub years: f64,
    /// The median of the quotes' forwards, USD.
    pub forward: f64,
    /// The quotes that have a volatility on both sides.
    pub points: Vec<Point>,
    /// Quotes that have none, for want of a side or below intrinsic value.
    pub without: usize,
}

impl Chain {
    /// What a slice should pass between: a strike's call and put as one where they leave a common
    /// interval that is not much narrower than the tighter of them.
    pub fn targets(&self) -> Vec<Target> {
        /// Part of the tighter spread that a common interval must have.
        const COMMON: f64 = 0.3;
        let target = |k: f64, bid: f64, ask: f64| Target {
            k,
            low: bid * bid * self.years,
            high: ask * ask * self.years,
        };
        let (mut targets, mut rest) = (Vec::with_capacity(self.points.len()), &self.points[..]);
        while let [first, tail @ ..] = rest {
            rest = tail;
            if let Some(second) = tail.first().filter(|second| second.strike == first.strike) {
                let (bid, ask) = (first.bid.max(second.bid), first.ask.min(second.ask));
                if ask - bid >= COMMON * first.spread().min(second.spread()) {
                    targets.push(target((first.k + second.k) / 2.0, bid, ask));
                    rest = &tail[1..];
                    continue;
                }
            }
            targets.push(target(first.k, first.bid, first.ask));
        }
        targets
    }
}

/// The chains of one asset, the nearest expiry first.
pub fn chains(quotes: &[OptionQuote], asset: Asset) -> Vec<Chain> {
    let mut by_expiry: BTreeMap<Time, Vec<&OptionQuote>> = BTreeMap::new();
    for quote in quotes.iter().filter(|quote| quote.asset == asset && quote.years() > 0.0) {
        by_expiry.entry(quote.expiry).or_default().push(quote);
    }
    by_expiry.into_iter().map(|(expiry, quotes)| chain(asset, expiry, &quotes)).collect()
}

fn chain(asset: Asset, expiry: Time, quotes: &[&OptionQuote]) -> Chain {
    let mut points: Vec<Point> = quotes.iter().filter_map(|quote| point(quote)).collect();
    points.sort_by(|left, right| left.strike.total_cmp(&right.strike));
    let mut forwards: Vec<f64> = quotes.iter().map(|quote| quote.forward).collect();
    forwards.sort_by(f64::total_cmp);
    Chain {
        asset,
        expiry,
        years: quotes.first().map_or(0.0, |quote| quote.years()),
        forward: forwards.get(forwards.len() / 2).copied().unwrap_or(0.0),
        without: quotes.len() - points.len(),
        points,
    }
}

fn option_kind(kind: Kind) -> OptionKind {
    match kind {
        Kind::Call => OptionKind::Call,
        Kind::Put => OptionKind::Put,
    }
}

/// The volatilities of a two-sided quote.
fn point(quote: &OptionQuote) -> Option<Point> {
    let kind = option_kind(quote.kind);
    let (forward, strike, years) = (quote.forward, quote.strike, quote.years());
    let volatility = |coin: f64| implied::volatility(kind, coin * forward, forward, strike, years);
    let (bid, ask) = (volatility(quote.bid?)?, volatility(quote.ask?)?);
    let k = libm::log(strike / forward);
    (ask > bid && bid > 0.0).then_some(Point {
        k,
        strike,
        kind: quote.kind,
        bid,
        ask,
        mark: quote.mark_iv,
    })
}

/// A chain and the slices through it.
#[derive(Clone, Debug, PartialEq)]
pub struct Expiry {
    /// The quotes.
    pub chain: Chain,
    /// The slice fitted to this expiry alone.
    pub before: Svi,
    /// The slice of the surface without arbitrage.
    pub after: Svi,
}

/// All expiries of one asset at one time that have enough quotes.
#[derive(Clone, Debug, PartialEq)]
pub struct Surface {
    /// The nearest first.
    pub expiries: Vec<Expiry>,
    /// Expiries with too few strikes for a slice.
    pub left_out: usize,
}

impl Surface {
    /// Fits each chain by itself; `after` is `before` until [`Surface::repair`].
    pub fn fit(chains: Vec<Chain>) -> Surface {
        let all = chains.len();
        let fitted = |chain: Chain| {
            let slice = calibrate::slice(&chain.targets())?;
            Some(Expiry { chain, before: slice, after: slice })
        };
        let expiries: Vec<Expiry> = chains.into_iter().filter_map(fitted).collect();
        Surface { left_out: all - expiries.len(), expiries }
    }

    /// Moves `after` until the surface is proven free of arbitrage; says whether it is.
    pub fn repair(&mut self) -> bool {
        let targets: Vec<Vec<Target>> =
            self.expiries.iter().map(|expiry| expiry.chain.targets()).collect();
        let targets: Vec<&[Target]> = targets.iter().map(Vec::as_slice).collect();
        let mut slices: Vec<Svi> = self.expiries.iter().map(|expiry| expiry.after).collect();
        let free = calibrate::surface(&targets, &mut slices);
        for (expiry, slice) in self.expiries.iter_mut().zip(slices) {
            expiry.after = slice;
        }
        free
    }

    /// Puts the nearest SSVI surface in the place of both slices of each expiry; says whether one
    /// was found.
    pub fn fit_power_law(&mut self) -> Option<Ssvi> {
        let targets: Vec<Vec<Target>> =
            self.expiries.iter().map(|expiry| expiry.chain.targets()).collect();
        let targets: Vec<&[Target]> = targets.iter().map(Vec::as_slice).collect();
        let (surface, levels) = calibrate::ssvi(&targets)?;
        for (expiry, theta) in self.expiries.iter_mut().zip(levels) {
            expiry.before = surface.slice(theta);
            expiry.after = expiry.before;
        }
        Some(surface)
    }
}

/// Spread, in volatility, below which a quote counts in the share inside bid and ask.
pub const NARROW: f64 = 0.05;

/// How far slices are from quotes.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Errors {
    /// Two-sided quotes.
    pub quotes: usize,
    /// Those of them inside bid and ask.
    pub inside: usize,
    /// Quotes narrower than [`NARROW`].
    pub narrow: usize,
    /// Those of them inside bid and ask.
    pub narrow_inside: usize,
    /// Sum over narrow quotes of the distance to the middle, in volatility.
    pub distance: f64,
    /// Sum over narrow quotes of the square of that distance.
    pub square: f64,
    /// Sum over narrow quotes of the distance to the middle in spreads.
    pub spreads: f64,
    /// Greatest distance outside bid or ask of a narrow quote, in volatility.
    pub outside_max: f64,
}

impl Errors {
    /// The distance of a slice from the quotes of a chain.
    pub fn of(chain: &Chain, slice: &Svi) -> Errors {
        let mut errors = Errors::default();
        for point in &chain.points {
            let volatility = slice.volatility(point.k, chain.years);
            let inside = (point.bid..=point.ask).contains(&volatility);
            errors.quotes += 1;
            errors.inside += usize::from(inside);
            if point.spread() < NARROW {
                let distance = (volatility - point.middle()).abs();
                errors.narrow += 1;
                errors.narrow_inside += usize::from(inside);
                errors.distance += distance;
                errors.square += distance * distance;
                errors.spreads += distance / point.spread();
                let outside = (point.bid - volatility).max(volatility - point.ask);
                errors.outside_max = errors.outside_max.max(outside);
            }
        }
        errors
    }

    /// Takes in other quotes.
    pub fn add(&mut self, other: &Errors) {
        self.quotes += other.quotes;
        self.inside += other.inside;
        self.narrow += other.narrow;
        self.narrow_inside += other.narrow_inside;
        self.distance += other.distance;
        self.square += other.square;
        self.spreads += other.spreads;
        self.outside_max = self.outside_max.max(other.outside_max);
    }
}

/// The venue's mark against Black-76 at its own volatility and forward, in coin.
pub fn mark_error(quote: &OptionQuote) -> f64 {
    let kind = option_kind(quote.kind);
    let price = black::price(kind, quote.forward, quote.strike, quote.mark_iv, quote.years());
    (price / quote.forward - quote.mark).abs()
}

#[cfg(test)]
mod tests;
