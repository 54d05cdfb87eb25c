//! What was held in one market, how fast it was turned, and how much more the market would bear.
//!
//! Quantiles of the position are over the samples; the half-life is that of an AR(1) fitted to
//! them ([`pricing::statistics::Ar1`]). Time in the market is the time with a position, from the
//! fills. Capacity: an order of notional Q in a market of daily volume V and daily volatility σ
//! moves the price by Y·σ·√(Q/V), Y about one (Tóth et al. 2011; Bouchaud et al. 2018, chapter 12).
//! With all that is traded in a day taken as one order, impact eats an edge of e at
//! `Q* = V·(e/(Yσ))²`, and at a share p of the volume it leaves `(e − Yσ√p)·pV` a day.

use crate::replay::record::{Fills, Market, Samples, Seen};
use money::{Amount, Qty, Span, Time};
use pricing::convert::{amount_f64, price_f64, qty_f64};
use pricing::statistics::{Ar1, mean, quantile, sort, standard_deviation};
use protocol::ids::Side;
use serde::Serialize;

/// The factor of the square-root law.
pub const IMPACT: f64 = 1.0;

/// Shares of the recorded volume that are asked about.
pub const SHARES: [f64; 2] = [0.01, 0.05];

/// The position of one market over time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Inventory {
    /// 5 % quantile of the position, base.
    pub low: Option<f64>,
    /// Median of the position, base.
    pub median: Option<f64>,
    /// 95 % quantile of the position, base.
    pub high: Option<f64>,
    /// Mean of |position|, quote.
    pub mean_quote: Option<f64>,
    /// Largest |position|, quote.
    pub max_quote: Option<f64>,
    /// Time in which a position halves, s; none if it does not return to a level.
    pub half_life_s: Option<f64>,
    /// Share of the time with a position; none if fills were dropped.
    pub in_market: Option<f64>,
}

impl Inventory {
    /// Of the market with this index between two times.
    pub fn of(
        (at, market): (u16, &Market),
        samples: &Samples,
        fills: &Fills,
        period: (Time, Time),
    ) -> Inventory {
        let seen = &samples.markets[usize::from(at)];
        let position: Vec<f64> = seen.iter().map(|seen| qty_f64(seen.position)).collect();
        let quote: Vec<f64> = seen.iter().map(held).collect();
        let mut sorted = position.clone();
        sort(&mut sorted);
        let step = samples.step.nanos() as f64 / 1e9;
        let half_life = Ar1::fit(&position, step).map(|fit| fit.half_life());
        Inventory {
            low: quantile(&sorted, 0.05),
            median: quantile(&sorted, 0.5),
            high: quantile(&sorted, 0.95),
            mean_quote: mean(&quote),
            max_quote: quote.iter().copied().max_by(f64::total_cmp),
            half_life_s: half_life.filter(|half_life| half_life.is_finite()),
            in_market: in_market((at, market), fills, period),
        }
    }
}

/// |position| at its mark, quote; at the mid where no mark was told.
fn held(seen: &Seen) -> f64 {
    let price = if seen.mark.is_positive() { seen.mark } else { seen.mid };
    (qty_f64(seen.position) * price_f64(price)).abs()
}

/// Share of the time between two times with a position.
fn in_market(
    (at, market): (u16, &Market),
    fills: &Fills,
    (start, end): (Time, Time),
) -> Option<f64> {
    let whole = end.since(start).nanos();
    if fills.dropped > 0 || whole == 0 {
        return None;
    }
    let (mut position, mut since, mut held) = (market.position_start, start, 0u64);
    for row in (0..fills.len()).filter(|row| fills.market[*row] == at) {
        let time = fills.time[row];
        if position != Qty::ZERO {
            held += time.since(since).nanos();
        }
        since = time;
        match fills.side[row] {
            Side::Buy => position += fills.qty[row],
            Side::Sell => position -= fills.qty[row],
        }
    }
    if position != Qty::ZERO {
        held += end.since(since).nanos();
    }
    Some(held as f64 / whole as f64)
}

/// How much the market would bear.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Capacity {
    /// Profit over own notional, bp.
    pub edge_bp: Option<f64>,
    /// Volatility of a day, bp.
    pub volatility_day_bp: Option<f64>,
    /// Recorded volume of a day, quote.
    pub volume_day: Option<f64>,
    /// Own notional of a day over it.
    pub participation: Option<f64>,
    /// Own notional of a day at which impact eats the edge, quote.
    pub break_even_day: Option<f64>,
    /// Profit of a day after impact at each of [`SHARES`], quote.
    pub profit_day_at: [Option<f64>; SHARES.len()],
}

impl Capacity {
    /// Of one market over a time, its mids taken every so many samples.
    pub fn of(market: &Market, seen: &[Seen], step: Span, length: Span) -> Capacity {
        let days = length.nanos() as f64 / Span::DAY.nanos() as f64;
        let counts = &market.counts;
        let traded = amount_f64(counts.maker + counts.taker);
        let edge = (traded > 0.0).then(|| amount_f64(market.ledger.total()) / traded);
        let volume =
            (days > 0.0 && counts.volume > Amount::ZERO).then(|| amount_f64(counts.volume) / days);
        let volatility = volatility_day(seen, step);
        let law = edge.zip(volume).zip(volatility.filter(|sigma| *sigma > 0.0));
        let after = |share: f64| {
            law.map(|((edge, volume), sigma)| {
                (edge - IMPACT * sigma * share.sqrt()) * share * volume
            })
        };
        Capacity {
            edge_bp: edge.map(|edge| edge * 1e4),
            volatility_day_bp: volatility.map(|sigma| sigma * 1e4),
            volume_day: volume,
            participation: volume.map(|volume| traded / days / volume),
            break_even_day: law.filter(|((edge, _), _)| *edge > 0.0).map(
                |((edge, volume), sigma)| {
                    let ratio = edge / (IMPACT * sigma);
                    volume * ratio * ratio
                },
            ),
            profit_day_at: SHARES.map(after),
        }
    }
}

/// Deviation of the mid's relative moves, for a day; needs 20 of them.
fn volatility_day(seen: &[Seen], step: Span) -> Option<f64> {
    let mids: Vec<f64> =
        seen.iter().filter(|seen| !seen.mid.is_zero()).map(|seen| price_f64(seen.mid)).collect();
    let moves: Vec<f64> = mids.windows(2).map(|pair| pair[1] / pair[0] - 1.0).collect();
    if moves.len() < super::sharpe::RETURNS_MIN {
        return None;
    }
    let days = step.nanos() as f64 / Span::DAY.nanos() as f64;
    standard_deviation(&moves).map(|deviation| deviation / days.sqrt())
}
