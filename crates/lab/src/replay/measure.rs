//! What a replay's record says: return and risk, trades, adverse selection, capacity.
//!
//! Every number is stated only where the tape is long enough for it and is none elsewhere; every
//! mean has a standard error that allows for dependence. Formulas and sources stand in the modules.
//! Numbers are floats made from exact amounts; the ledger itself stays exact in the record.

pub mod clusters;
pub mod sharpe;
pub mod series;
pub mod trips;
pub mod markout;
pub mod inventory;

use crate::replay::record::{Counts, Record};
use inventory::{Capacity, Inventory};
use markout::Curve;
use money::{Amount, Span};
use pricing::convert::amount_f64;
use serde::Serialize;
use series::{Drawdown, Performance, Returns, Total};
use trips::Trips;

/// All measures of one run.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Measures {
    /// Length of the run, s.
    pub length_s: f64,
    /// Initial equity, the capital of all returns, quote.
    pub capital: f64,
    /// Profit, quote.
    pub profit: f64,
    /// Its standard error, dependence allowed for.
    pub profit_error: Option<f64>,
    /// Return and risk.
    pub performance: Performance,
    /// Largest drawdown; none if equity never fell.
    pub drawdown: Option<Drawdown>,
    /// Round trips over all markets.
    pub trips: Trips,
    /// Orders and fills over all markets.
    pub flow: Flow,
    /// Markouts of fills as the resting side, over all markets.
    pub maker: Curve,
    /// Markouts of fills as the aggressor, over all markets.
    pub taker: Curve,
    /// Each market.
    pub markets: Vec<MarketMeasures>,
}

/// Measures of one market.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct MarketMeasures {
    /// Its name.
    pub market: String,
    /// Profit of the market's ledger, quote.
    pub profit: f64,
    /// Orders and fills.
    pub flow: Flow,
    /// What was held.
    pub inventory: Inventory,
    /// How much more it would bear.
    pub capacity: Capacity,
    /// Markouts as the resting side.
    pub maker: Curve,
    /// Markouts as the aggressor.
    pub taker: Curve,
}

/// Orders and fills.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Flow {
    /// Notional traded, quote.
    pub traded: f64,
    /// Notional a day over initial equity.
    pub turnover_day: Option<f64>,
    /// Profit over notional, bp.
    pub edge_bp: Option<f64>,
    /// Standard error of it; of a whole run only.
    pub edge_error_bp: Option<f64>,
    /// Share of orders that traded at least once.
    pub orders_filled: Option<f64>,
    /// Share of the ordered base that was filled.
    pub base_filled: Option<f64>,
    /// Orders and cancellations for each fill.
    pub messages_per_fill: Option<f64>,
    /// Share of the notional as the resting side.
    pub maker_share: Option<f64>,
}

impl Flow {
    fn of(counts: &Counts, record: &Record, profit: f64) -> Flow {
        let traded = amount_f64(counts.maker + counts.taker);
        let capital = amount_f64(record.equity_start);
        let days = length(record).nanos() as f64 / Span::DAY.nanos() as f64;
        let share = |part: f64, whole: f64| (whole > 0.0).then(|| part / whole);
        let messages = (counts.orders + counts.cancels) as f64;
        Flow {
            traded,
            turnover_day: share(traded, capital * days).filter(|_| capital > 0.0),
            edge_bp: share(profit * 1e4, traded),
            edge_error_bp: None,
            orders_filled: share(counts.orders_filled as f64, counts.orders as f64),
            base_filled: share(amount_f64(counts.filled), amount_f64(counts.ordered)),
            messages_per_fill: share(messages, counts.fills as f64),
            maker_share: share(amount_f64(counts.maker), traded),
        }
    }
}

/// Length of a run.
pub fn length(record: &Record) -> Span {
    record.run.end.since(record.run.start)
}

/// The counts of all markets together.
pub fn counts(record: &Record) -> Counts {
    let mut sum = Counts::default();
    for market in &record.markets {
        let Counts {
            events,
            trades,
            volume,
            orders,
            ordered,
            orders_filled,
            cancels,
            refused,
            fills,
            filled,
            maker,
            taker,
        } = market.counts;
        sum.events += events;
        sum.trades += trades;
        sum.volume += volume;
        sum.orders += orders;
        sum.ordered += ordered;
        sum.orders_filled += orders_filled;
        sum.cancels += cancels;
        sum.refused += refused;
        sum.fills += fills;
        sum.filled += filled;
        sum.maker += maker;
        sum.taker += taker;
    }
    sum
}

impl Measures {
    /// Everything about a record.
    pub fn of(record: &Record) -> Measures {
        let returns = Returns::of(&record.samples);
        let run =
            Total { capital: record.equity_start, profit: record.profit(), length: length(record) };
        let drawdown = Drawdown::of(&record.samples, (record.run.end, record.equity_end));
        let performance = Performance::of(&record.samples, &returns, &run, drawdown.as_ref());
        let profit = amount_f64(record.profit());
        let profit_error = returns.error_of_sum();
        let mut flow = Flow::of(&counts(record), record, profit);
        flow.edge_error_bp =
            profit_error.filter(|_| flow.traded > 0.0).map(|error| error / flow.traded * 1e4);
        let fills = &record.fills;
        Measures {
            length_s: run.length.nanos() as f64 / 1e9,
            capital: amount_f64(record.equity_start),
            profit,
            profit_error,
            performance,
            drawdown,
            trips: Trips::of(&trips::of_fills(&record.markets, fills)),
            flow,
            maker: Curve::of(fills, |row| fills.maker[row]),
            taker: Curve::of(fills, |row| !fills.maker[row]),
            markets: (0..record.markets.len()).map(|at| of_market(record, at, &returns)).collect(),
        }
    }
}

fn of_market(record: &Record, at: usize, returns: &Returns) -> MarketMeasures {
    let (market, fills) = (&record.markets[at], &record.fills);
    let number = u16::try_from(at).expect("markets are numbered by 16 bits");
    let period = (record.run.start, record.run.end);
    let total: Amount = market.ledger.total();
    let here = |row: usize| fills.market[row] == number;
    // Moves of the price over the period of the returns, free of the bounce between the quotes.
    let steps = usize::try_from(returns.period.nanos() / record.samples.step.nanos());
    let steps = steps.expect("a period has no more steps than there are rows");
    let seen: Vec<_> = record.samples.markets[at].iter().step_by(steps).copied().collect();
    MarketMeasures {
        market: market.name.clone(),
        profit: amount_f64(total),
        flow: Flow::of(&market.counts, record, amount_f64(total)),
        inventory: Inventory::of((number, market), &record.samples, fills, period),
        capacity: Capacity::of(market, &seen, returns.period, length(record)),
        maker: Curve::of(fills, |row| here(row) && fills.maker[row]),
        taker: Curve::of(fills, |row| here(row) && !fills.maker[row]),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
