//! What the price did after own fills: the curve of adverse selection.
//!
//! The markout at horizon h is the mid h after the fill against the price of the fill, in bp of
//! that price, positive when the fill was good; at zero it is the mid just before, which is the
//! half-spread earned or paid. The mean is weighted by notional, so that it times the notional is
//! money; its error is clustered by blocks of the horizon, at least a second ([`super::clusters`]).
//! What a maker earns at h is the markout less the fee: below zero the flow was toxic.

use super::clusters::{Mean, Sample};
use crate::replay::record::{Fills, HORIZONS};
use money::Span;
use pricing::convert::{amount_f64, price_f64, qty_f64};
use protocol::ids::Side;
use serde::Serialize;

/// Markouts of one kind of fills.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Curve {
    /// Fills of the kind.
    pub fills: usize,
    /// Their notional, quote.
    pub notional: f64,
    /// Fees over notional, bp; a rebate is negative.
    pub fee_bp: Option<f64>,
    /// Points from the fill itself on.
    pub points: Vec<Point>,
}

/// One horizon of a curve.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Point {
    /// Time after the fill, s; zero is the mid just before it.
    pub horizon_s: f64,
    /// Mean markout over the fills that had a mid then, bp.
    pub markout_bp: Option<Mean>,
}

impl Curve {
    /// Of the fills that are chosen by row.
    pub fn of(fills: &Fills, chosen: impl Fn(usize) -> bool) -> Curve {
        let rows: Vec<usize> = (0..fills.len()).filter(|row| chosen(*row)).collect();
        let notional: f64 = rows.iter().map(|row| notional(fills, *row)).sum();
        let fees: f64 = rows.iter().map(|row| amount_f64(fills.fee[*row])).sum();
        let now = point(fills, &rows, Span::ZERO, |row| at_fill_bp(fills, row));
        let later = HORIZONS.iter().enumerate().map(|(at, horizon)| {
            point(fills, &rows, *horizon, |row| f64::from(fills.markout_bp[at][row]))
        });
        Curve {
            fills: rows.len(),
            notional,
            fee_bp: (notional > 0.0).then(|| fees / notional * 1e4),
            points: std::iter::once(now).chain(later).collect(),
        }
    }
}

/// Price times quantity of one fill.
pub fn notional(fills: &Fills, row: usize) -> f64 {
    price_f64(fills.price[row]).abs() * qty_f64(fills.qty[row])
}

/// The mid just before against the price, bp; `NaN` without a mid.
pub fn at_fill_bp(fills: &Fills, row: usize) -> f64 {
    let (price, mid) = (fills.price[row], fills.mid[row]);
    if mid.is_zero() || price.is_zero() {
        return f64::NAN;
    }
    let gained = match fills.side[row] {
        Side::Buy => mid - price,
        Side::Sell => price - mid,
    };
    gained.raw() as f64 / price.raw().abs() as f64 * 1e4
}

fn point(fills: &Fills, rows: &[usize], horizon: Span, value: impl Fn(usize) -> f64) -> Point {
    let block = horizon.nanos().max(Span::SECOND.nanos());
    let samples = rows.iter().map(|row| Sample {
        block: fills.time[*row].nanos() / block,
        weight: notional(fills, *row),
        value: value(*row),
    });
    let seen = samples.filter(|sample| sample.value.is_finite());
    Point { horizon_s: horizon.nanos() as f64 / 1e9, markout_bp: Mean::of(seen) }
}
