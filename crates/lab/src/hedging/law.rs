//! How the error of a hedge falls with the number of its trades.
//!
//! A call at the money is sold at σ and hedged at N equal steps with the delta at σ. The error is
//! `C(σ) + Σ Δ_i (S_{i+1} − S_i) − payoff`. Bertsimas, Kogan and Lo (2000): its deviation tends to
//! `g/√N`, `g² = (T/2)·E∫(σ²S²Γ)² dt`, for increments of normal logarithm. A step's part of it is
//! `½Γ S²(r² − σ²dt)`, whose variance is that of r²: so fat tails multiply the variance by
//! `(κ − 1)/2`, κ the kurtosis of the returns of one step. Against the same hedge at the finest
//! step the part is `½Γ S²(r² − Σ r_j²)`: pure cross terms, free of κ for independent
//! returns, and the deviation tends to `g/√N · √(1 − N/M)` for M finest steps.
//!
//! Prices are scaled to 100 at the start, so errors are percent of spot.

use money::Span;
use pricing::black::{self, OptionKind};
use pricing::convert::price_f64;
use pricing::hedging;
use serde::Serialize;

use super::frontier::{WEEKS_MIN, weeks};
use super::tape::Tape;
use crate::random::{Seed, Stream};

/// The price at which every path starts, and the strike.
const START: f64 = 100.0;
/// The published table: volatility, years, numbers of hedges.
const GBM_VOLATILITY: f64 = 0.2;
const GBM_YEARS: f64 = 1.0 / 12.0;
const GBM_STEPS: usize = 252;
const GBM_TRADES: [usize; 5] = [1, 4, 21, 84, 252];
/// Deviations of 400,000 simulated paths, theory vector `discrete_hedge_error_std`.
const GBM_PUBLISHED: [f64; 5] = [
    1.739_366_816_003_286,
    0.932_245_803_610_464_2,
    0.427_395_962_461_131_4,
    0.218_327_235_826_149_4,
    0.127_344_977_708_872_04,
];

/// One number of hedges of the simulated law.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct GbmPoint {
    /// How often it is hedged.
    pub trades: usize,
    /// Deviation of the error.
    pub sd: f64,
    /// The published deviation.
    pub published: f64,
    /// g/√N.
    pub theory: f64,
}

/// The law on simulated paths of geometric Brownian motion.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct GbmLaw {
    /// Number of paths.
    pub paths: u64,
    /// Seed.
    pub seed: u64,
    /// g of the formula.
    pub g: f64,
    /// One row for each number of hedges.
    pub points: Vec<GbmPoint>,
}

impl GbmLaw {
    /// Simulates so many paths.
    pub fn simulate(seed: u64, paths: u64) -> GbmLaw {
        let mut stream = Seed(seed).stream("hedge-error", 0);
        let strides = GBM_TRADES.map(|trades| GBM_STEPS / trades);
        let step = GBM_YEARS / GBM_STEPS as f64;
        let (drift, noise) =
            (-0.5 * GBM_VOLATILITY * GBM_VOLATILITY * step, GBM_VOLATILITY * step.sqrt());
        let mut squares = [Sum::default(); GBM_TRADES.len()];
        let mut prices = vec![START; GBM_STEPS + 1];
        for _ in 0..paths {
            for at in 0..GBM_STEPS {
                prices[at + 1] = prices[at] * libm::exp(drift + noise * stream.normal());
            }
            let replication = Replication::of(&prices, GBM_VOLATILITY, GBM_YEARS, &strides);
            for (sum, error) in squares.iter_mut().zip(&replication.errors) {
                sum.push(*error);
            }
        }
        let g = hedging::granularity(START, START, GBM_VOLATILITY, GBM_YEARS);
        let point = |(at, trades): (usize, &usize)| GbmPoint {
            trades: *trades,
            sd: squares[at].deviation(),
            published: GBM_PUBLISHED[at],
            theory: g / (*trades as f64).sqrt(),
        };
        let points = GBM_TRADES.iter().enumerate().map(point).collect();
        GbmLaw { paths, seed, g, points }
    }
}

/// Errors of one path at several strides, and what the law needs of it.
struct Replication {
    errors: Vec<f64>,
    /// `∫(σ²S²Γ)² dt`.
    integral: f64,
}

impl Replication {
    /// Hedges a call struck at the first price at each of the strides, counted in steps.
    fn of(prices: &[f64], volatility: f64, years: f64, strides: &[usize]) -> Replication {
        let steps = prices.len() - 1;
        let (strike, step) = (prices[0], years / steps as f64);
        let premium = black::price(OptionKind::Call, strike, strike, volatility, years);
        let paid = (prices[steps] - strike).max(0.0);
        let mut errors = vec![premium - paid; strides.len()];
        let (mut held, mut integral) = (vec![0.0; strides.len()], 0.0);
        for at in 0..steps {
            let (price, left) = (prices[at], years * (steps - at) as f64 / steps as f64);
            let greeks = black::greeks(OptionKind::Call, price, strike, volatility, left);
            let curve = volatility * volatility * price * price * greeks.gamma;
            integral += curve * curve * step;
            for ((error, held), stride) in errors.iter_mut().zip(&mut held).zip(strides) {
                if at.is_multiple_of(*stride) {
                    *held = greeks.delta;
                }
                *error += *held * (prices[at + 1] - price);
            }
        }
        Replication { errors, integral }
    }
}

/// A deviation around the mean, by Welford's recursion.
#[derive(Clone, Copy, Default)]
struct Sum(pricing::statistics::Moments);

impl Sum {
    fn push(&mut self, value: f64) {
        self.0.push(value);
    }

    fn deviation(&self) -> f64 {
        self.0.standard_deviation().unwrap_or(f64::NAN)
    }
}

/// One step of hedging on recorded paths; deviations in percent of spot.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PathPoint {
    /// Time between hedges, s.
    pub step_s: u64,
    /// Hedges in the option's life.
    pub trades: usize,
    /// Kurtosis of the returns of one step, each over its window's volatility.
    pub kurtosis: f64,
    /// g/√N, g averaged over the windows.
    pub theory: f64,
    /// Deviation of the error.
    pub sd: f64,
    /// g/√N with the kurtosis: what `sd` should be for independent returns.
    pub theory_kurtosis: f64,
    /// Deviation from the same hedge at the finest step.
    pub sd_finest: f64,
    /// What `sd_finest` should be for independent returns.
    pub theory_finest: f64,
}

/// The law on recorded prices, or on their returns in random order.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PathLaw {
    /// Options: one starts each day, or is drawn.
    pub windows: usize,
    /// Life of each, days.
    pub days: f64,
    /// Slope of ln sd against ln N over steps from the finest to a day.
    pub slope: f64,
    /// The same for the deviation from the finest.
    pub slope_finest: f64,
    /// One row for each step, the coarsest first.
    pub points: Vec<PathPoint>,
}

/// Multiples of the finest step, of those that divide the life and each other's grid.
const MULTIPLES: [usize; 10] = [1, 2, 3, 6, 12, 24, 48, 96, 288, 2016];

impl PathLaw {
    /// Options of `life` that start every day of a tape, each hedged at the volatility that its own
    /// window realised: so that what remains is the error of hedging in steps, and none of having
    /// the volatility wrong. Only bars of the tape's first length are used.
    pub fn measure(tape: &Tape, life: Span) -> Option<PathLaw> {
        let windows = windows(tape, life)?;
        let step = tape.closes.first()?.step;
        let mut law = Accumulator::new(step, life, windows.first()?.0.len() - 1);
        for (prices, volatility) in &windows {
            law.add(prices, *volatility);
        }
        Some(law.finish())
    }

    /// The same returns, each over its window's volatility, drawn independently: tails as recorded
    /// and no clusters.
    pub fn shuffled(tape: &Tape, life: Span, seed: u64, paths: u64) -> Option<PathLaw> {
        let windows = windows(tape, life)?;
        let step = tape.closes.first()?.step;
        let steps = windows.first()?.0.len() - 1;
        let pool = standardised(&windows);
        let volatility = mean_volatility(&windows);
        let (mut law, mut stream) =
            (Accumulator::new(step, life, steps), Seed(seed).stream("shuffled-returns", 0));
        for _ in 0..paths {
            law.add(&drawn(&pool, (volatility, law.years), steps, &mut stream), volatility);
        }
        Some(law.finish())
    }
}

/// Prices of a path made of returns drawn from a pool of deviation one.
fn drawn(
    pool: &[f64],
    (volatility, years): (f64, f64),
    steps: usize,
    stream: &mut Stream,
) -> Vec<f64> {
    let scale = volatility * (years / steps as f64).sqrt();
    let count = u64::try_from(pool.len()).expect("a length fits");
    let mut prices = vec![START; steps + 1];
    for at in 0..steps {
        let pick = usize::try_from(stream.below(count)).expect("below a length");
        let change = scale * pool[pick];
        prices[at + 1] = prices[at] * libm::exp(change - scale * scale / 2.0);
    }
    prices
}

/// Windows of spot of one life each, one a day: prices from 100 on and the realised volatility.
/// `None` if they are too few for a deviation.
fn windows(tape: &Tape, life: Span) -> Option<Vec<(Vec<f64>, f64)>> {
    let step = tape.closes.first()?.step;
    let years = life.nanos() as f64 / (365.0 * Span::DAY.nanos() as f64);
    let mut found = Vec::new();
    for closes in weeks(tape, step, life) {
        let first = price_f64(closes[0].spot);
        let prices: Vec<f64> =
            closes.iter().map(|close| START * price_f64(close.spot) / first).collect();
        let squares: f64 = prices.windows(2).map(log_return).map(|r| r * r).sum();
        if squares > 0.0 {
            found.push((prices, (squares / years).sqrt()));
        }
    }
    (found.len() >= WEEKS_MIN).then_some(found)
}

fn log_return(pair: &[f64]) -> f64 {
    libm::log(pair[1] / pair[0])
}

/// Returns over the deviation of their window, with mean zero and deviation one together.
fn standardised(windows: &[(Vec<f64>, f64)]) -> Vec<f64> {
    let mut pool = Vec::new();
    for (prices, _) in windows {
        let returns: Vec<f64> = prices.windows(2).map(log_return).collect();
        let square: f64 = returns.iter().map(|r| r * r).sum::<f64>() / returns.len() as f64;
        pool.extend(returns.iter().map(|r| r / square.sqrt()));
    }
    let mean = pool.iter().sum::<f64>() / pool.len() as f64;
    let square = pool.iter().map(|z| (z - mean) * (z - mean)).sum::<f64>() / pool.len() as f64;
    pool.iter().map(|z| (z - mean) / square.sqrt()).collect()
}

fn mean_volatility(windows: &[(Vec<f64>, f64)]) -> f64 {
    let variance: f64 = windows.iter().map(|(_, v)| v * v).sum::<f64>() / windows.len() as f64;
    variance.sqrt()
}

/// Sums over windows.
struct Accumulator {
    step: Span,
    years: f64,
    steps: usize,
    strides: Vec<usize>,
    windows: usize,
    integral: f64,
    errors: Vec<Sum>,
    from_finest: Vec<Sum>,
    fourth: Vec<f64>,
    second: Vec<f64>,
}

impl Accumulator {
    fn new(step: Span, life: Span, steps: usize) -> Accumulator {
        let strides: Vec<usize> =
            MULTIPLES.into_iter().filter(|m| steps.is_multiple_of(*m)).collect();
        let count = strides.len();
        Accumulator {
            step,
            years: life.nanos() as f64 / (365.0 * Span::DAY.nanos() as f64),
            steps,
            strides,
            windows: 0,
            integral: 0.0,
            errors: vec![Sum::default(); count],
            from_finest: vec![Sum::default(); count],
            fourth: vec![0.0; count],
            second: vec![0.0; count],
        }
    }

    fn add(&mut self, prices: &[f64], volatility: f64) {
        let replication = Replication::of(prices, volatility, self.years, &self.strides);
        self.windows += 1;
        self.integral += replication.integral;
        for (at, stride) in self.strides.iter().enumerate() {
            let error = replication.errors[at];
            self.errors[at].push(error);
            self.from_finest[at].push(error - replication.errors[0]);
            let unit = volatility * volatility * self.years * *stride as f64 / self.steps as f64;
            for from in (0..self.steps).step_by(*stride) {
                let change = log_return(&[prices[from], prices[from + stride]]);
                let square = change * change / unit;
                self.second[at] += square;
                self.fourth[at] += square * square;
            }
        }
    }

    fn finish(self) -> PathLaw {
        let integral = self.integral / self.windows as f64;
        let point = |at: usize| {
            let (stride, trades) = (self.strides[at], self.steps / self.strides[at]);
            let count = (self.windows * trades) as f64;
            let square = self.second[at] / count;
            let kurtosis = self.fourth[at] / count / (square * square);
            let theory = (self.years / trades as f64 / 2.0 * integral).sqrt();
            PathPoint {
                step_s: self.step.nanos() / 1_000_000_000 * stride as u64,
                trades,
                kurtosis,
                theory,
                sd: self.errors[at].deviation(),
                theory_kurtosis: theory * ((kurtosis - 1.0) / 2.0).sqrt(),
                sd_finest: self.from_finest[at].deviation(),
                theory_finest: theory * (1.0 - 1.0 / stride as f64).sqrt(),
            }
        };
        let points: Vec<PathPoint> = (0..self.strides.len()).rev().map(point).collect();
        let day = Span::DAY.nanos() / 1_000_000_000;
        let within = |p: &&PathPoint| p.step_s <= day;
        let ends = |of: fn(&PathPoint) -> f64| {
            let known = points.iter().filter(within).filter(|p| of(p) > 0.0);
            slope(
                &known.map(|p| (libm::log(p.trades as f64), libm::log(of(p)))).collect::<Vec<_>>(),
            )
        };
        PathLaw {
            windows: self.windows,
            days: self.years * 365.0,
            slope: ends(|p| p.sd),
            slope_finest: ends(|p| if p.theory_finest > 0.0 { p.sd_finest } else { 0.0 }),
            points,
        }
    }
}

/// Slope of a least-squares line.
fn slope(points: &[(f64, f64)]) -> f64 {
    let count = points.len() as f64;
    let (x, y) = points.iter().fold((0.0, 0.0), |(x, y), p| (x + p.0 / count, y + p.1 / count));
    let (mut both, mut square) = (0.0, 0.0);
    for point in points {
        both += (point.0 - x) * (point.1 - y);
        square += (point.0 - x) * (point.0 - x);
    }
    both / square
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Theory vector `discrete_hedge_error_std`, with the noise of 20,000 paths instead of 400,000.
    #[test]
    fn simulated_errors_are_the_published_ones() {
        let law = GbmLaw::simulate(1, 20_000);
        for point in &law.points {
            let ratio = point.sd / point.published;
            assert!((ratio - 1.0).abs() < 0.03, "{point:?}");
        }
        let last = law.points.last().map(|point| point.sd / point.theory);
        assert!(last.is_some_and(|ratio| (0.95..1.02).contains(&ratio)), "{last:?}");
    }

    #[test]
    fn a_line_has_its_slope() {
        assert!((slope(&[(0.0, 1.0), (1.0, 0.5), (2.0, 0.0)]) + 0.5).abs() < 1e-15);
    }
}
