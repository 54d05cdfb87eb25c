//! Riskless packages on recorded chains: in how many snapshots there is one, before and after fees.
//!
//! Recorded quotes have no sizes, and there are none of the futures: the forward of an expiry
//! counts as traded at the venue's, give or take half of an assumed spread, also
//! where it is interpolated.

use std::collections::BTreeMap;

use desk::parity::{self, Level, Package, Settlement, Shape, Sides, Slice, Strike, Terms};
use pricing::black::OptionKind;
use serde::Serialize;

use super::chain::{Chain, Quote};

/// Assumed half of the spread of a future, a share of its price.
pub const FUTURE_HALF_SPREAD: f64 = 0.000_2;

/// One kind of package over all snapshots.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ScanShape {
    /// Its name.
    pub shape: String,
    /// Snapshots that show one without fees.
    pub snapshots_free: usize,
    /// Snapshots that show one after fees.
    pub snapshots: usize,
    /// Packages after fees, over all snapshots.
    pub packages: usize,
    /// The largest profit of one unit after fees, coin.
    pub best_coin: f64,
}

/// All kinds over all snapshots.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Scan {
    /// Snapshots looked at.
    pub snapshots: usize,
    /// Quotes with at least one side.
    pub quotes: usize,
    /// Snapshots that show any riskless package after fees, calendars left out.
    pub snapshots_riskless: usize,
    /// By kind.
    pub shapes: Vec<ScanShape>,
}

impl Scan {
    /// Scans every chain with the venue's fees and without.
    pub fn of(chains: &[Chain]) -> Scan {
        let (free, charged) = (Terms::free(Settlement::Coin), Terms::deribit());
        let mut shapes: BTreeMap<Shape, ScanShape> = BTreeMap::new();
        let (mut quotes, mut riskless) = (0, 0);
        for chain in chains {
            let slices = slices(chain);
            quotes += chain.quotes.iter().filter(|q| q.bid.is_some() || q.ask.is_some()).count();
            let (before, after) = (
                parity::scan(&slices, chain.index, &free),
                parity::scan(&slices, chain.index, &charged),
            );
            riskless += usize::from(after.iter().any(|package| package.shape != Shape::Calendar));
            for shape in SHAPES {
                let row = shapes.entry(shape).or_default();
                let of = |package: &&Package| package.shape == shape;
                row.snapshots_free += usize::from(before.iter().any(|p| p.shape == shape));
                row.snapshots += usize::from(after.iter().any(|p| p.shape == shape));
                row.packages += after.iter().filter(of).count();
                let best = after.iter().filter(of).map(|package| package.profit);
                row.best_coin = best.fold(row.best_coin, f64::max);
            }
        }
        let named = |(shape, row): (Shape, ScanShape)| ScanShape { shape: name(shape), ..row };
        Scan {
            snapshots: chains.len(),
            quotes,
            snapshots_riskless: riskless,
            shapes: shapes.into_iter().map(named).collect(),
        }
    }
}

const SHAPES: [Shape; 6] = [
    Shape::Conversion,
    Shape::Reversal,
    Shape::Box,
    Shape::Vertical,
    Shape::Butterfly,
    Shape::Calendar,
];

fn name(shape: Shape) -> String {
    let name = match shape {
        Shape::Conversion => "conversion",
        Shape::Reversal => "reversal",
        Shape::Box => "box",
        Shape::Vertical => "vertical",
        Shape::Butterfly => "butterfly",
        Shape::Calendar => "calendar",
    };
    name.to_owned()
}

/// A chain as the scanner reads it.
pub fn slices(chain: &Chain) -> Vec<Slice> {
    chain
        .expiries()
        .map(|expiry| {
            let mut strikes: Vec<Strike> = Vec::new();
            let mut forward = Sides::default();
            for quote in chain.quotes.iter().filter(|quote| quote.expiry == expiry) {
                let level = |price| Some(Level { price, size: None });
                forward.bid = level(quote.forward * (1.0 - FUTURE_HALF_SPREAD));
                forward.ask = level(quote.forward * (1.0 + FUTURE_HALF_SPREAD));
                let at = strikes.partition_point(|strike| strike.strike < quote.strike);
                if strikes.get(at).is_none_or(|strike| strike.strike != quote.strike) {
                    let (call, put) = (Sides::default(), Sides::default());
                    strikes.insert(at, Strike { strike: quote.strike, call, put });
                }
                match quote.kind {
                    OptionKind::Call => strikes[at].call = quoted(quote),
                    OptionKind::Put => strikes[at].put = quoted(quote),
                }
            }
            Slice { expiry, forward, strikes }
        })
        .collect()
}

fn quoted(quote: &Quote) -> Sides {
    let level = |price| Level { price, size: None };
    Sides { bid: quote.bid.map(level), ask: quote.ask.map(level) }
}
