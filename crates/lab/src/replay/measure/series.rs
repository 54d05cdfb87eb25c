//! Profit over time: returns of equal periods, drawdown, and what may be lost.
//!
//! A return is the profit of a period over the equity at the start of the run, so that returns add
//! up to the total; nothing is reinvested. The period is the longest of a second, ten, a minute,
//! ten, an hour and a day of which at least [`PERIODS`] are whole, counted in steps of the samples.
//! Drawdown is equity below its highest so far. The value at risk is the 5 % quantile (type 7) of
//! the profits of a period with its sign turned, the expected shortfall the mean of those that are
//! no better (Acerbi and Tasche 2002).

use super::sharpe::{Sharpe, long_run_variance};
use crate::replay::record::Samples;
use money::{Amount, Span, Time};
use pricing::convert::amount_f64;
use pricing::statistics::{mean, quantile, sort, standard_deviation};
use serde::Serialize;

/// Whole periods that a length of period needs to be chosen.
pub const PERIODS: u64 = 60;

/// A year of a market that never closes.
pub const YEAR: Span = Span::from_secs(365 * 86_400);

/// Shorter runs are not carried over to a year.
const ANNUAL_MIN: Span = Span::DAY;

/// Shorter runs have no annual return, and nothing that is made of one.
const ANNUAL_RETURN_MIN: Span = Span::from_secs(30 * 86_400);

/// Profits of equal periods.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Returns {
    /// Length of a period.
    pub period: Span,
    /// End of each.
    pub ends: Vec<Time>,
    /// Profit of each, in quote.
    pub profits: Vec<f64>,
}

impl Returns {
    /// From the equity on a grid.
    pub fn of(samples: &Samples) -> Returns {
        let rows = samples.len().saturating_sub(1);
        let steps = usize::try_from(steps(samples.step, rows as u64)).expect("at most all rows");
        let at = |row: usize| row * steps;
        let whole = rows / steps;
        let profit = |end: usize| samples.equity[at(end)] - samples.equity[at(end - 1)];
        Returns {
            period: samples.step.times(steps as u64),
            ends: (1..=whole).map(|end| samples.time[at(end)]).collect(),
            profits: (1..=whole).map(|end| amount_f64(profit(end))).collect(),
        }
    }

    /// How many periods a year has.
    pub fn per_year(&self) -> f64 {
        YEAR.nanos() as f64 / self.period.nanos() as f64
    }

    /// Standard error of the sum of all profits, dependence allowed for; none for a few of them.
    pub fn error_of_sum(&self) -> Option<f64> {
        let count = self.profits.len();
        (count >= super::sharpe::RETURNS_MIN)
            .then(|| (long_run_variance(&self.profits) * count as f64).sqrt())
    }
}

/// Steps of the samples in a period.
fn steps(step: Span, rows: u64) -> u64 {
    let periods = [86_400, 3_600, 600, 60, 10, 1].map(|s| Span::from_secs(s).nanos());
    let whole = |period: &u64| period.div_ceil(step.nanos());
    periods.iter().map(whole).find(|&steps| rows / steps >= PERIODS).unwrap_or(1)
}

/// Risk and return of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Performance {
    /// Length of a period that returns are taken over, s.
    pub period_s: f64,
    /// Number of them.
    pub periods: usize,
    /// Profit over initial equity; none without one.
    pub total: Option<f64>,
    /// Standard error of the total, dependence allowed for.
    pub total_error: Option<f64>,
    /// Total return by 365 days over the length; from 30 days on.
    pub annual: Option<f64>,
    /// Deviation of the return of a year, uncorrelated periods; from a day on.
    pub volatility: Option<f64>,
    /// Sharpe ratio of one period.
    pub sharpe: Option<Sharpe>,
    /// Sharpe ratio of a year, uncorrelated periods; from a day on.
    pub sharpe_annual: Option<f64>,
    /// Its standard error.
    pub sharpe_annual_error: Option<f64>,
    /// Sharpe ratio of a year with the dependence that the returns show; from a day on.
    pub sharpe_annual_dependent: Option<f64>,
    /// Mean over downside deviation against zero, of a year; from a day on.
    pub sortino: Option<f64>,
    /// Annual return over the largest drawdown; from 30 days on.
    pub calmar: Option<f64>,
    /// Value at risk: what a period loses or more in 5 % of all, quote.
    pub var_95: Option<f64>,
    /// Expected shortfall: the mean loss of those periods, quote.
    pub shortfall_95: Option<f64>,
    /// The worst change of equity over a minute, quote.
    pub worst_minute: Option<f64>,
    /// When that minute ended, ns UTC.
    pub worst_minute_end_ns: Option<u64>,
}

impl Performance {
    /// From samples, the profit of the whole run, its length and initial equity.
    pub fn of(
        samples: &Samples,
        returns: &Returns,
        run: &Total,
        drawdown: Option<&Drawdown>,
    ) -> Performance {
        let capital = amount_f64(run.capital);
        let profit = amount_f64(run.profit);
        let worst = worst_minute(samples);
        let mut performance = Performance {
            period_s: returns.period.nanos() as f64 / 1e9,
            periods: returns.profits.len(),
            worst_minute: worst.map(|(loss, _)| loss),
            worst_minute_end_ns: worst.map(|(_, end)| end.nanos()),
            ..Performance::default()
        };
        performance.tail(&returns.profits);
        if capital <= 0.0 {
            return performance;
        }
        performance.total = Some(profit / capital);
        performance.total_error = returns.error_of_sum().map(|error| error / capital);
        performance.sharpe = Sharpe::of(&returns.profits);
        if run.length >= ANNUAL_MIN {
            performance.annualise(returns, capital);
        }
        if run.length >= ANNUAL_RETURN_MIN {
            let years = run.length.nanos() as f64 / YEAR.nanos() as f64;
            let annual = profit / capital / years;
            performance.annual = Some(annual);
            let depth = drawdown.and_then(|drawdown| drawdown.share).filter(|share| *share > 0.0);
            performance.calmar = depth.map(|depth| annual / depth);
        }
        performance
    }

    fn tail(&mut self, profits: &[f64]) {
        if (profits.len() as u64) < PERIODS {
            return;
        }
        let mut sorted = profits.to_vec();
        sort(&mut sorted);
        self.var_95 = quantile(&sorted, 0.05).map(|profit| -profit);
        let limit = self.var_95.unwrap_or(0.0);
        let worse = &sorted[..sorted.partition_point(|profit| *profit <= -limit)];
        self.shortfall_95 = mean(worse).map(|profit| -profit);
    }

    fn annualise(&mut self, returns: &Returns, capital: f64) {
        let year = returns.per_year();
        let deviation = standard_deviation(&returns.profits);
        self.volatility = self.sharpe.and(deviation).map(|sd| sd * year.sqrt() / capital);
        if let Some(sharpe) = self.sharpe {
            let (annual, error) = sharpe.over(year);
            self.sharpe_annual = Some(annual);
            self.sharpe_annual_error = Some(error);
            self.sharpe_annual_dependent =
                (sharpe.dependence > 0.0).then(|| sharpe.over_dependent(year));
            let losses = returns.profits.iter().map(|profit| profit.min(0.0));
            let losses = losses.map(|loss| loss * loss);
            let downside = (losses.sum::<f64>() / returns.profits.len() as f64).sqrt();
            let centre = mean(&returns.profits);
            self.sortino =
                centre.filter(|_| downside > 0.0).map(|centre| centre / downside * year.sqrt());
        }
    }
}

/// A whole run in three numbers.
#[derive(Clone, Copy, Debug)]
pub struct Total {
    /// Equity at the start.
    pub capital: Amount,
    /// Equity at the end less that.
    pub profit: Amount,
    /// Length of the run.
    pub length: Span,
}

/// The worst change of equity over 60 s and when it ended; none for a grid that has no minutes.
fn worst_minute(samples: &Samples) -> Option<(f64, Time)> {
    let minute = Span::MINUTE.nanos();
    if samples.step > Span::MINUTE || !minute.is_multiple_of(samples.step.nanos()) {
        return None;
    }
    let rows = usize::try_from(minute / samples.step.nanos()).ok()?;
    let later = samples.equity.iter().zip(&samples.time).skip(rows);
    let moves = samples.equity.iter().zip(later);
    moves
        .map(|(early, (late, time))| (*late - *early, *time))
        .min_by_key(|(change, _)| *change)
        .map(|(change, time)| (amount_f64(change), time))
}

/// The deepest fall of equity below its highest so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Fall {
    depth: Amount,
    peak: usize,
    trough: usize,
}

/// The largest drawdown of a run, and how long equity was below its highest.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Drawdown {
    /// Depth, quote.
    pub depth: f64,
    /// Depth over the equity of the peak; none for a peak that is not above zero.
    pub share: Option<f64>,
    /// Time of the peak, ns UTC.
    pub peak_ns: u64,
    /// Time of the trough, ns UTC.
    pub trough_ns: u64,
    /// When the peak was reached again, ns UTC; none if it was not.
    pub recovered_ns: Option<u64>,
    /// Longest time from a peak until it was reached again or the run ended, s.
    pub longest_s: f64,
    /// Share of samples below the highest equity so far.
    pub under_water: f64,
}

impl Drawdown {
    /// From the samples and the equity at the end; none if equity never fell.
    pub fn of(samples: &Samples, end: (Time, Amount)) -> Option<Drawdown> {
        let (time, equity) = path(samples, end);
        let (mut worst, mut peak): (Option<Fall>, usize) = (None, 0);
        let (mut longest, mut below) = (0, 0usize);
        for (row, value) in equity.iter().enumerate() {
            if *value >= equity[peak] {
                longest = longest.max(lost(&time, &equity, peak, row));
                peak = row;
                continue;
            }
            below += 1;
            let depth = equity[peak] - *value;
            if worst.is_none_or(|worst| depth > worst.depth) {
                worst = Some(Fall { depth, peak, trough: row });
            }
        }
        longest = longest.max(lost(&time, &equity, peak, equity.len() - 1));
        let fall = worst?;
        let after = &equity[fall.trough..];
        let recovered = after.iter().position(|value| *value >= equity[fall.peak]);
        let (depth, top) = (amount_f64(fall.depth), amount_f64(equity[fall.peak]));
        Some(Drawdown {
            depth,
            share: (top > 0.0).then(|| depth / top),
            peak_ns: time[fall.peak].nanos(),
            trough_ns: time[fall.trough].nanos(),
            recovered_ns: recovered.map(|rows| time[fall.trough + rows].nanos()),
            longest_s: longest as f64 / 1e9,
            under_water: below as f64 / equity.len() as f64,
        })
    }
}

/// Nanoseconds from a peak to a row, if equity was below the peak between.
fn lost(time: &[Time], equity: &[Amount], peak: usize, row: usize) -> u64 {
    let fell = row > peak && equity.get(peak + 1).is_some_and(|next| *next < equity[peak]);
    if fell { time[row].since(time[peak]).nanos() } else { 0 }
}

/// Samples and the end as one path.
fn path(samples: &Samples, end: (Time, Amount)) -> (Vec<Time>, Vec<Amount>) {
    let (mut time, mut equity) = (samples.time.clone(), samples.equity.clone());
    time.push(end.0);
    equity.push(end.1);
    (time, equity)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
