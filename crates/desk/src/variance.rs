//! Volatility arbitrage: implied variance against a forecast of what will be realised.
//!
//! Realised variance of a day is the sum of squared log returns. The forecast of its mean over the
//! next h days is log-HAR (Corsi 2009): `ln RV̄_{t+1…t+h} = c + β_d ln RV_t + β_w ln RV̄_7 +
//! β_m ln RV̄_30`, fitted by least squares on days whose label had ended by t, with half the
//! residual variance added for the exponential. Held against it: an exponential average of 0.94,
//! the mean of the last h days, and the implied variance. Score: `QLIKE = RV/f − ln(RV/f) − 1`. A
//! difference of scores is tested by Diebold and Mariano (1995) with Bartlett weights over the
//! overlap and the small-sample factor of Harvey, Leybourne and Newbold (1997).
//!
//! Implied variance of a slice is that of a variance swap, `2/T · Σ ΔK/K² · Q(K) − (F/K₀ − 1)²/T`,
//! Q the price from the out-of-the-money side and at K₀, the last strike up to F, the mean of put
//! and call (Cboe 2019, VIX). Nothing here reads a value later than the day that
//! it is asked for.

use money::{Span, Time};
use pricing::convert::hours;

/// Days of a week and of a month in the regression; markets here do not close.
const WEEK: usize = 7;
const MONTH: usize = 30;
/// Weight that the exponential average keeps of its old value each day.
const KEPT: f64 = 0.94;
/// Fewest samples that a regression is fitted to.
const SAMPLES_MIN: usize = 90;
/// Days of a year.
pub const YEAR_DAYS: f64 = 365.0;
const TERMS: usize = 4;

/// Realised variance of one day.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Day {
    /// Its start, UTC.
    pub start: Time,
    /// Sum of squared log returns, per day.
    pub variance: f64,
}

/// Realised variance of each whole UTC day of a path of prices, `interval` apart; a day from which
/// a price is missing is left out, and so is one without any move.
pub fn realised_days(path: &[(Time, f64)], interval: Span) -> Vec<Day> {
    let whole = Span::DAY.nanos() / interval.nanos().max(1);
    let mut days: Vec<(Day, u64)> = Vec::new();
    for pair in path.windows(2) {
        let ((before, from), (after, to)) = (pair[0], pair[1]);
        // A price at midnight closes the day before.
        let start = before.floor(Span::DAY);
        if after.since(before) != interval {
            continue;
        }
        let change = libm::log(to / from);
        match days.last_mut() {
            Some((day, count)) if day.start == start => {
                day.variance += change * change;
                *count += 1;
            }
            Some(_) | None => days.push((Day { start, variance: change * change }, 1)),
        }
    }
    let complete = |(day, count): &(Day, u64)| *count == whole && day.variance > 0.0;
    days.into_iter().filter(complete).map(|(day, _)| day).collect()
}

/// A fitted log-HAR of the mean variance over a horizon.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Har {
    /// Constant, day, week, month.
    pub coefficients: [f64; TERMS],
    /// Variance of the residuals of the logarithm.
    pub residual: f64,
}

impl Har {
    /// Fits on all labels of `horizon` days that lie inside `days`; `None` if they are too few or
    /// not independent.
    pub fn fit(days: &[f64], horizon: usize) -> Option<Har> {
        let last = days.len().checked_sub(horizon)?;
        let samples: Vec<([f64; TERMS], f64)> = (MONTH..=last)
            .map(|end| (regressors(&days[..end]), libm::log(mean(&days[end..end + horizon]))))
            .collect();
        if samples.len() < SAMPLES_MIN {
            return None;
        }
        let (mut normal, mut right) = ([[0.0; TERMS]; TERMS], [0.0; TERMS]);
        for (x, y) in &samples {
            for row in 0..TERMS {
                right[row] += x[row] * y;
                for column in 0..TERMS {
                    normal[row][column] += x[row] * x[column];
                }
            }
        }
        let coefficients = solve(normal, right)?;
        let errors = samples.iter().map(|(x, y)| y - dot(&coefficients, x));
        let residual =
            errors.map(|error| error * error).sum::<f64>() / (samples.len() - TERMS) as f64;
        Some(Har { coefficients, residual })
    }

    /// The variance per day to expect after the last of `days`, of which there are at least 30.
    pub fn forecast(&self, days: &[f64]) -> f64 {
        libm::exp(dot(&self.coefficients, &regressors(days)) + self.residual / 2.0)
    }
}

fn regressors(days: &[f64]) -> [f64; TERMS] {
    let over = |length: usize| libm::log(mean(&days[days.len() - length..]));
    [1.0, over(1), over(WEEK), over(MONTH)]
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn dot(left: &[f64; TERMS], right: &[f64; TERMS]) -> f64 {
    left.iter().zip(right).map(|(l, r)| l * r).sum()
}

/// Gaussian elimination with the largest pivot of each column; `None` for a singular matrix.
fn solve(mut matrix: [[f64; TERMS]; TERMS], mut right: [f64; TERMS]) -> Option<[f64; TERMS]> {
    for column in 0..TERMS {
        let largest =
            |a: &usize, b: &usize| matrix[*a][column].abs().total_cmp(&matrix[*b][column].abs());
        let pivot = (column..TERMS).max_by(largest)?;
        if matrix[pivot][column].abs() < 1e-12 {
            return None;
        }
        matrix.swap(column, pivot);
        right.swap(column, pivot);
        let (line, value) = (matrix[column], right[column]);
        for row in column + 1..TERMS {
            let factor = matrix[row][column] / line[column];
            for (cell, above) in matrix[row].iter_mut().zip(&line) {
                *cell -= factor * above;
            }
            right[row] -= factor * value;
        }
    }
    let mut solution = [0.0; TERMS];
    for row in (0..TERMS).rev() {
        let known: f64 = (row + 1..TERMS).map(|at| matrix[row][at] * solution[at]).sum();
        solution[row] = (right[row] - known) / matrix[row][row];
    }
    Some(solution)
}

/// Forecasts made at the end of one day, and what came.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Forecast {
    /// The end of the last day that was known.
    pub time: Time,
    /// Log-HAR, variance per day.
    pub har: f64,
    /// Exponential average.
    pub ewma: f64,
    /// Mean of the last days, as many as the horizon has.
    pub naive: f64,
    /// The mean variance of the days that followed; `None` if they have not all passed.
    pub realised: Option<f64>,
}

/// Walks forward: at the end of each day that has enough history a forecast from that history.
pub fn walk(days: &[Day], horizon: usize) -> Vec<Forecast> {
    let values: Vec<f64> = days.iter().map(|day| day.variance).collect();
    let (mut ewma, mut forecasts) = (values.first().copied().unwrap_or(0.0), Vec::new());
    for (at, day) in days.iter().enumerate() {
        ewma = KEPT * ewma + (1.0 - KEPT) * day.variance;
        let known = &values[..=at];
        if known.len() < horizon.max(MONTH) {
            continue;
        }
        let Some(har) = Har::fit(known, horizon) else { continue };
        let ahead = values.get(at + 1..at + 1 + horizon);
        forecasts.push(Forecast {
            time: day.start.after(Span::DAY),
            har: har.forecast(known),
            ewma,
            naive: mean(&known[known.len() - horizon..]),
            realised: ahead.map(mean),
        });
    }
    forecasts
}

/// The loss of forecasting `forecast` where `realised` came: zero if they agree.
pub fn qlike(realised: f64, forecast: f64) -> f64 {
    let ratio = realised / forecast;
    ratio - libm::log(ratio) - 1.0
}

/// Diebold and Mariano's statistic of `losses` against `others`, which overlap over `horizon`
/// steps: negative if the first are smaller, beyond ±2 hardly by chance; `None` for too few.
pub fn diebold_mariano(losses: &[f64], others: &[f64], horizon: usize) -> Option<f64> {
    let count = losses.len().min(others.len());
    if count <= horizon + 1 || count < 10 {
        return None;
    }
    let differences: Vec<f64> = losses.iter().zip(others).map(|(l, o)| l - o).collect();
    let centre = mean(&differences);
    let lags = (horizon - 1).max(libm::cbrt(count as f64) as usize);
    let covariance = |lag: usize| {
        let pairs = differences.iter().zip(&differences[lag..]);
        pairs.map(|(a, b)| (a - centre) * (b - centre)).sum::<f64>() / count as f64
    };
    let mut spread = covariance(0);
    for lag in 1..=lags {
        spread += 2.0 * (1.0 - lag as f64 / (lags + 1) as f64) * covariance(lag);
    }
    let (n, h) = (count as f64, horizon as f64);
    let small_sample = ((n + 1.0 - 2.0 * h + h * (h - 1.0) / n) / n).sqrt();
    (spread > 0.0).then(|| small_sample * centre / (spread / n).sqrt())
}

/// Implied variance per year of a variance swap on a slice: strikes ascending with the undiscounted
/// price of the option that is out of the money there; `None` for fewer than three.
pub fn variance_swap(forward: f64, quotes: &[(f64, f64)], years: f64) -> Option<f64> {
    let last = quotes.len().checked_sub(1).filter(|last| *last >= 2)?;
    let centre = quotes.iter().rev().find(|(strike, _)| *strike <= forward)?.0;
    let mut sum = 0.0;
    for (at, (strike, price)) in quotes.iter().enumerate() {
        let (below, above) = (at.saturating_sub(1), (at + 1).min(last));
        let reach = (quotes[above].0 - quotes[below].0) / (above - below) as f64;
        // By parity the call at the centre is the put and what it is in the money.
        let half = if *strike == centre { (forward - centre) / 2.0 } else { 0.0 };
        sum += reach / (strike * strike) * (price + half);
    }
    let shift = forward / centre - 1.0;
    let variance = (2.0 * sum - shift * shift) / years;
    (variance > 0.0).then_some(variance)
}

/// What the signal says to do with volatility.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stance {
    /// Implied is dear: sell options and hedge.
    Sell,
    /// Implied is cheap: buy options and hedge.
    Buy,
    /// Neither.
    Wait,
}

/// How unusual the gap between implied and forecast volatility is, against its own past.
///
/// The gap is `ln(implied/forecast)`; its mean and deviation are exponential averages over what was
/// seen *before*, so that an outlier does not excuse itself.
#[derive(Clone, Debug)]
pub struct Gauge {
    weight: f64,
    threshold: f64,
    seen: u32,
    mean: f64,
    variance: f64,
}

/// One reading of a [`Gauge`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reading {
    /// `ln(implied/forecast)`.
    pub gap: f64,
    /// Its distance from the usual, in deviations; `None` while too little was seen.
    pub score: Option<f64>,
    /// What follows.
    pub stance: Stance,
}

impl Gauge {
    /// Readings before the first score.
    const SEEN_MIN: u32 = 20;

    /// A gauge read every `period`, which forgets over `memory` and speaks beyond `threshold`
    /// deviations.
    pub fn new(period: Span, memory: Span, threshold: f64) -> Gauge {
        let weight = 1.0 - libm::exp(-hours(period) / hours(memory));
        Gauge { weight, threshold, seen: 0, mean: 0.0, variance: 0.0 }
    }

    /// Takes implied and forecast volatility of the same horizon, both above zero.
    pub fn read(&mut self, implied: f64, forecast: f64) -> Reading {
        let gap = libm::log(implied / forecast);
        let off = gap - self.mean;
        let known = self.seen >= Self::SEEN_MIN && self.variance > 0.0;
        let score = known.then(|| off / self.variance.sqrt());
        let weight = self.weight.max(1.0 / f64::from(self.seen + 1));
        self.mean += weight * off;
        self.variance = (1.0 - weight) * (self.variance + weight * off * off);
        self.seen = self.seen.saturating_add(1);
        let stance = match score {
            Some(score) if score > self.threshold => Stance::Sell,
            Some(score) if score < -self.threshold => Stance::Buy,
            Some(_) | None => Stance::Wait,
        };
        Reading { gap, score, stance }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use pricing::black::{OptionKind, price};

    fn near(actual: f64, expected: f64, tolerance: f64) {
        assert!((actual - expected).abs() < tolerance, "{actual} is not {expected}");
    }

    fn days(values: impl IntoIterator<Item = f64>) -> Vec<Day> {
        let day = |(at, variance)| Day { start: Time::ZERO.after(Span::DAY.times(at)), variance };
        (0..).zip(values).map(day).collect()
    }

    /// Variance that swings between calm and storm, the same every run.
    fn swings(count: u32) -> Vec<f64> {
        let swing = |at: u32| {
            let phase = f64::from(at);
            libm::exp(-7.0 + libm::sin(phase / 9.0) + 0.4 * libm::sin(phase * 2.3))
        };
        (0..count).map(swing).collect()
    }

    #[test]
    fn a_day_is_the_squares_of_its_returns_and_needs_all_of_them() {
        let hour = |at: u64| Time::ZERO.after(Span::HOUR.times(at));
        let path: Vec<(Time, f64)> =
            (0..=72).map(|at| (hour(at), if at % 2 == 0 { 100.0 } else { 101.0 })).collect();
        let step = libm::log(1.01_f64);
        let days = realised_days(&path, Span::HOUR);
        assert_eq!(days.len(), 3);
        near(days[0].variance, 24.0 * step * step, 1e-12);
        let mut broken = path.clone();
        broken.remove(30);
        let left = realised_days(&broken, Span::HOUR);
        assert_eq!(left.iter().map(|day| day.start).collect::<Vec<_>>(), [hour(0), hour(48)]);
    }

    #[test]
    fn four_equations_are_solved() {
        let matrix = [
            [0.0, 2.0, 1.0, 0.0],
            [1.0, 0.0, 0.0, 3.0],
            [4.0, 1.0, 0.0, 0.0],
            [0.0, 0.0, 5.0, 1.0],
        ];
        let expected = [1.0, -2.0, 0.5, 3.0];
        let solution = solve(matrix, matrix.map(|row| dot(&row, &expected))).unwrap();
        solution.iter().zip(&expected).for_each(|(s, e)| near(*s, *e, 1e-12));
        assert_eq!(solve([[1.0; 4]; 4], [1.0; 4]), None);
    }

    #[test]
    fn constant_variance_is_singular_and_too_little_is_none() {
        assert_eq!(Har::fit(&[1e-4; 300], 7), None);
        assert_eq!(Har::fit(&swings(120), 7), None);
        assert!(Har::fit(&swings(130), 7).is_some());
    }

    /// A forecast is a function of what came before it: the same days with another future.
    #[test]
    fn the_future_does_not_reach_a_forecast() {
        let values = swings(200);
        let mut other = values.clone();
        other[160..].iter_mut().for_each(|value| *value *= 50.0);
        let (walked, changed) = (walk(&days(values), 7), walk(&days(other), 7));
        let until = Time::ZERO.after(Span::DAY.times(160));
        let mut compared = 0;
        for (a, b) in walked.iter().zip(&changed).filter(|(a, _)| a.time <= until) {
            assert_eq!((a.har, a.ewma, a.naive), (b.har, b.ewma, b.naive), "{}", a.time);
            compared += 1;
        }
        assert!(compared > 20, "{compared}");
        assert_ne!(walked.last().unwrap().har, changed.last().unwrap().har);
        assert_eq!(walked.last().unwrap().realised, None);
    }

    /// On variance that moves as its own logarithm does, the regression beats the last week.
    #[test]
    fn har_beats_the_last_week_where_variance_swings() {
        let walked = walk(&days(swings(500)), 7);
        let score = |of: fn(&Forecast) -> f64| {
            let scored = walked.iter().filter_map(|f| Some(qlike(f.realised?, of(f))));
            mean(&scored.collect::<Vec<f64>>())
        };
        assert!(score(|f| f.har) < 0.8 * score(|f| f.naive));
    }

    #[test]
    fn qlike_is_zero_where_right_and_worse_for_too_little() {
        assert_eq!(qlike(2.0, 2.0), 0.0);
        near(qlike(2.0, 1.0), 1.0 - std::f64::consts::LN_2, 1e-15);
        assert!(qlike(1.0, 0.5) > qlike(1.0, 2.0));
    }

    #[test]
    fn a_steady_advantage_is_significant_and_noise_is_not() {
        let noise: Vec<f64> = (0..200u32).map(|at| libm::sin(f64::from(at) * 1.7)).collect();
        let worse: Vec<f64> =
            noise.iter().enumerate().map(|(at, x)| x + 0.5 + 0.1 * libm::sin(at as f64)).collect();
        assert!(diebold_mariano(&noise, &worse, 1).unwrap() < -10.0);
        let mirrored: Vec<f64> = noise.iter().map(|x| -x).collect();
        assert!(diebold_mariano(&noise, &mirrored, 1).unwrap().abs() < 2.0);
        assert_eq!(diebold_mariano(&noise[..5], &worse[..5], 1), None);
    }

    #[test]
    fn a_variance_swap_on_a_flat_smile_is_its_variance() {
        let (forward, volatility, years) = (60_000.0, 0.6, 30.0 / 365.0);
        let quote = |step: u32| {
            let strike = 20_000.0 + 500.0 * f64::from(step);
            let kind = if strike < forward { OptionKind::Put } else { OptionKind::Call };
            (strike, price(kind, forward, strike, volatility, years))
        };
        let quotes: Vec<(f64, f64)> = (0..220).map(quote).collect();
        near(variance_swap(forward, &quotes, years).unwrap(), 0.36, 1e-3);
        assert_eq!(variance_swap(forward, &quotes[..2], years), None);
    }

    /// Wherever the forward lies between two strikes, and as little as a week ahead.
    #[test]
    fn a_variance_swap_does_not_depend_on_where_the_forward_lies() {
        let years = 7.0 / 365.0;
        for forward in [60_000.0, 60_100.0, 60_250.0, 60_400.0, 60_499.0] {
            let quote = |step: u32| {
                let strike = 20_000.0 + 500.0 * f64::from(step);
                let kind = if strike <= forward { OptionKind::Put } else { OptionKind::Call };
                (strike, price(kind, forward, strike, 0.6, years))
            };
            let quotes: Vec<(f64, f64)> = (0..220).map(quote).collect();
            near(variance_swap(forward, &quotes, years).unwrap(), 0.36, 1e-3);
        }
    }

    #[test]
    fn a_gauge_speaks_of_what_is_unusual_only() {
        let mut gauge = Gauge::new(Span::DAY, Span::DAY.times(60), 1.5);
        for at in 0..40u32 {
            let gap = 0.1 + 0.02 * libm::sin(f64::from(at));
            assert_eq!(gauge.read(libm::exp(gap), 1.0).stance, Stance::Wait, "{at}");
        }
        assert_eq!(gauge.clone().read(1.3, 1.0).stance, Stance::Sell);
        assert_eq!(gauge.clone().read(0.9, 1.0).stance, Stance::Buy);
        assert!(gauge.read(1.105, 1.0).score.unwrap().abs() < 1.5);
    }
}
