//! Round trips: what was bought and sold again, first in, first out.
//!
//! A fill that makes a position smaller ends one round trip for what it closes; what it closes is
//! the oldest that is open. Its profit is the difference of prices times the quantity less the fees
//! of both ends in proportion; funding and interest are not in it. Rates are shares of trips and
//! profit in bp is over the notional of the entries, both with errors clustered by minutes of exit.

use super::clusters::{Mean, Sample};
use crate::replay::record::{Fill, Fills, Market};
use money::{Span, Time};
use pricing::convert::{amount_f64, price_f64, qty_f64};
use pricing::statistics::{quantile, sort};
use protocol::ids::Side;
use serde::Serialize;
use std::collections::VecDeque;

/// One round trip.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Trip {
    /// When it was closed.
    pub exit: Time,
    /// Profit after fees, quote.
    pub profit: f64,
    /// Notional at entry, quote.
    pub notional: f64,
    /// Mean time that it was open, s.
    pub held_s: f64,
}

/// Round trips of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Trips {
    /// How many were closed.
    pub count: usize,
    /// Share that made a profit.
    pub hit_rate: Option<f64>,
    /// Standard error of the share.
    pub hit_rate_error: Option<f64>,
    /// Profit over notional, bp.
    pub profit_bp: Option<Mean>,
    /// Mean profit of those that made one, quote.
    pub mean_win: Option<f64>,
    /// Mean loss of those that did not, quote, not negative.
    pub mean_loss: Option<f64>,
    /// Sum of the profits over sum of the losses.
    pub profit_factor: Option<f64>,
    /// Median of the time that one was open, s.
    pub held_median_s: Option<f64>,
}

/// What is open of one fill.
#[derive(Clone, Copy, Debug)]
struct Open {
    time: Time,
    /// Signed, 10⁻⁸ of the base.
    qty: i64,
    price: f64,
    /// For each unit of base.
    fee: f64,
}

/// All round trips, in the order of their exits.
pub fn of_fills(markets: &[Market], fills: &Fills) -> Vec<Trip> {
    let mut open: Vec<VecDeque<Open>> = vec![VecDeque::new(); markets.len()];
    (0..fills.len())
        .filter_map(|row| {
            let fill = fills.row(row);
            close(&mut open[usize::from(fill.market)], &fill)
        })
        .collect()
}

/// Closes what a fill closes, and leaves the rest of it open.
fn close(open: &mut VecDeque<Open>, fill: &Fill) -> Option<Trip> {
    let mut left = match fill.side {
        Side::Buy => fill.qty.raw(),
        Side::Sell => -fill.qty.raw(),
    };
    let (price, fee) = (price_f64(fill.price), amount_f64(fill.fee) / qty_f64(fill.qty));
    let mut trip = Trip { exit: fill.time, profit: 0.0, notional: 0.0, held_s: 0.0 };
    let mut closed = 0.0;
    while let Some(oldest) = open.front_mut().filter(|oldest| (oldest.qty < 0) != (left < 0)) {
        let size = oldest.qty.unsigned_abs().min(left.unsigned_abs());
        if size == 0 {
            break;
        }
        let base = size as f64 / 1e8;
        let gained = if oldest.qty > 0 { price - oldest.price } else { oldest.price - price };
        trip.profit += base * (gained - fee - oldest.fee);
        trip.notional += base * oldest.price.abs();
        trip.held_s += base * fill.time.since(oldest.time).nanos() as f64 / 1e9;
        closed += base;
        let signed = size.cast_signed() * left.signum();
        left -= signed;
        oldest.qty += signed;
        if oldest.qty == 0 {
            open.pop_front();
        }
    }
    if left != 0 {
        open.push_back(Open { time: fill.time, qty: left, price, fee });
    }
    trip.held_s /= closed;
    (closed > 0.0).then_some(trip)
}

impl Trips {
    /// Statistics of trips in the order of their exits.
    pub fn of(trips: &[Trip]) -> Trips {
        let count = trips.len();
        let wins: Vec<f64> = trips.iter().map(|trip| trip.profit).filter(|p| *p > 0.0).collect();
        let losses: f64 = trips.iter().map(|trip| -trip.profit.min(0.0)).sum();
        let (won, lost) = (wins.len(), count - wins.len());
        let gained: f64 = wins.iter().sum();
        let rate = (count > 0).then(|| won as f64 / count as f64);
        let minute = Span::MINUTE.nanos();
        let profit = trips.iter().filter(|trip| trip.notional > 0.0).map(|trip| Sample {
            block: trip.exit.nanos() / minute,
            weight: trip.notional,
            value: trip.profit / trip.notional * 1e4,
        });
        let mut held: Vec<f64> = trips.iter().map(|trip| trip.held_s).collect();
        sort(&mut held);
        Trips {
            count,
            hit_rate: rate,
            hit_rate_error: hit_rate_error(trips),
            profit_bp: Mean::of(profit),
            mean_win: (won > 0).then(|| gained / won as f64),
            mean_loss: (lost > 0).then(|| losses / lost as f64),
            profit_factor: (losses > 0.0).then(|| gained / losses),
            held_median_s: quantile(&held, 0.5),
        }
    }
}

/// Of the share of trips that won, clustered as the profit.
fn hit_rate_error(trips: &[Trip]) -> Option<f64> {
    let sample = |trip: &Trip| Sample {
        block: trip.exit.nanos() / Span::MINUTE.nanos(),
        weight: 1.0,
        value: f64::from(u8::from(trip.profit > 0.0)),
    };
    Mean::of(trips.iter().map(sample))?.error
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
