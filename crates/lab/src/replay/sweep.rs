//! One strategy, or several, over a grid of settings: every cell a run of the same tape.
//!
//! The best of many cells is good by luck as well: the more were tried and the more they differ,
//! the better the best would be without any skill. So the best cell, the one with the highest
//! Sharpe ratio, is shown with its deflated ratio ([`super::measure::sharpe`]), which counts every
//! finished cell as an independent trial. Cells of one tape are not independent, so this asks for
//! more than needed; tries outside of the grid are not known here, so it may ask for less. The
//! variance of the ratios is that over the cells, as published, which takes a truly bad setting for
//! bad luck; beside it stands the mean square of the cells' own standard errors.

use super::measure::Measures;
use super::measure::sharpe::{best_by_luck, probabilistic};
use super::record::{Record, Run};
use money::Time;
use pricing::convert::amount_f64;
use pricing::statistics::{mean, standard_deviation};
use serde::Serialize;

/// A whole sweep.
#[derive(Clone, Debug)]
pub struct Sweep {
    /// What all cells have in common.
    pub run: Run,
    /// What was varied, the slowest first.
    pub axes: Vec<Axis>,
    /// One entry for each combination, the last axis the fastest.
    pub cells: Vec<Cell>,
}

/// One setting that was varied.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Axis {
    /// Its name, as `latency`.
    pub name: String,
    /// Unit of its values; empty for words.
    pub unit: String,
    /// The values as they were given.
    pub labels: Vec<String>,
    /// The values as numbers; none if one of them is a word.
    pub numbers: Option<Vec<f64>>,
}

impl Axis {
    /// Values of one setting, in the order in which they are shown.
    pub fn new(name: &str, unit: &str, labels: Vec<String>) -> Axis {
        let number = |label: &String| label.parse().ok().filter(|value: &f64| value.is_finite());
        let numbers = labels.iter().map(number).collect();
        Axis { name: name.to_owned(), unit: unit.to_owned(), labels, numbers }
    }

    /// Name and unit as on an axis.
    pub fn title(&self) -> String {
        if self.unit.is_empty() {
            self.name.clone()
        } else {
            format!("{}, {}", self.name, self.unit)
        }
    }
}

/// One combination.
#[derive(Clone, Debug, PartialEq)]
pub struct Cell {
    /// What came out, or why nothing did.
    pub outcome: Result<Outcome, String>,
}

/// What one run came to, in the quote currency.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Outcome {
    /// Seed of the run.
    pub seed: u64,
    /// First and last instant of the run.
    #[serde(skip)]
    pub period: (Time, Time),
    /// Profit.
    pub profit: f64,
    /// Its standard error, dependence allowed for.
    pub profit_error: Option<f64>,
    /// Profit over initial equity.
    pub total: Option<f64>,
    /// Sharpe ratio of one period.
    pub sharpe: Option<f64>,
    /// Its standard error.
    pub sharpe_error: Option<f64>,
    /// Sharpe ratio of a year.
    pub sharpe_annual: Option<f64>,
    /// Length of a period, s.
    pub period_s: f64,
    /// Number of periods.
    pub periods: usize,
    /// Skew of the returns.
    pub skew: Option<f64>,
    /// Kurtosis of the returns.
    pub kurtosis: Option<f64>,
    /// Largest drawdown; zero if equity never fell.
    pub drawdown: f64,
    /// Own fills.
    pub fills: u64,
    /// Traded notional.
    pub traded: f64,
    /// Profit over notional, bp.
    pub edge_bp: Option<f64>,
    /// Share of the notional as the resting side.
    pub maker_share: Option<f64>,
    /// Share of round trips that made a profit.
    pub hit_rate: Option<f64>,
    /// Fees paid.
    pub fees: f64,
}

impl Outcome {
    /// Of one run.
    pub fn of(record: &Record, measures: &Measures) -> Outcome {
        use super::record::Cause;
        let performance = &measures.performance;
        let sharpe = performance.sharpe;
        let ledger = record.ledger();
        let fees = ledger.part(Cause::MakerFee) + ledger.part(Cause::TakerFee);
        Outcome {
            seed: record.run.seed,
            period: (record.run.start, record.run.end),
            profit: measures.profit,
            profit_error: measures.profit_error,
            total: performance.total,
            sharpe: sharpe.map(|sharpe| sharpe.ratio),
            sharpe_error: sharpe.map(|sharpe| sharpe.error),
            sharpe_annual: performance.sharpe_annual,
            period_s: performance.period_s,
            periods: performance.periods,
            skew: sharpe.map(|sharpe| sharpe.skew),
            kurtosis: sharpe.map(|sharpe| sharpe.kurtosis),
            drawdown: measures.drawdown.map_or(0.0, |drawdown| drawdown.depth),
            fills: super::measure::counts(record).fills,
            traded: measures.flow.traded,
            edge_bp: measures.flow.edge_bp,
            maker_share: measures.flow.maker_share,
            hit_rate: measures.trips.hit_rate,
            fees: -amount_f64(fees),
        }
    }

    /// The ratio of a second, so that cells with other periods compare.
    fn sharpe_second(&self) -> Option<f64> {
        self.sharpe.map(|ratio| ratio / self.period_s.sqrt())
    }

    fn error_second(&self) -> Option<f64> {
        self.sharpe_error.map(|error| error / self.period_s.sqrt())
    }
}

/// The best cell, and what is left of it once luck is taken off.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Best {
    /// Index of the cell.
    pub cell: usize,
    /// Cells that finished with a ratio.
    pub trials: usize,
    /// Its ratio for one period.
    pub sharpe: f64,
    /// The ratio that the best of so many is expected to show without skill, for one period.
    pub luck: f64,
    /// Probability that its true ratio is above zero, as if it were the only one tried.
    pub probability: f64,
    /// Deflated ratio: probability that its true ratio is above that of luck.
    pub deflated: f64,
    /// What luck would show if the ratios varied by their standard errors alone, for one period.
    pub luck_by_errors: f64,
    /// Probability that its true ratio is above that.
    pub deflated_by_errors: f64,
}

impl Sweep {
    /// Place of a cell on each axis.
    pub fn place(&self, cell: usize) -> Vec<usize> {
        let mut rest = cell;
        let mut place: Vec<usize> = self
            .axes
            .iter()
            .rev()
            .map(|axis| {
                let length = axis.labels.len().max(1);
                let at = rest % length;
                rest /= length;
                at
            })
            .collect();
        place.reverse();
        place
    }

    /// The settings of a cell, as `latency 5 ms, spread 2 bp`.
    pub fn setting(&self, cell: usize) -> String {
        let one = |(axis, at): (&Axis, usize)| {
            let value = axis.labels.get(at).map_or("", String::as_str);
            format!("{} {value} {}", axis.name, axis.unit).trim_end().to_owned()
        };
        self.axes.iter().zip(self.place(cell)).map(one).collect::<Vec<String>>().join(", ")
    }

    /// Outcome of a cell that finished.
    pub fn outcome(&self, cell: usize) -> Option<&Outcome> {
        self.cells.get(cell)?.outcome.as_ref().ok()
    }

    /// The cell with the highest Sharpe ratio; none if no cell has one.
    pub fn best(&self) -> Option<Best> {
        let finished = (0..self.cells.len()).filter_map(|cell| Some((cell, self.outcome(cell)?)));
        let ratios: Vec<(usize, f64)> =
            finished.filter_map(|(cell, of)| Some((cell, of.sharpe_second()?))).collect();
        let (cell, _) = *ratios.iter().rev().max_by(|a, b| a.1.total_cmp(&b.1))?;
        let trials: Vec<f64> = ratios.iter().map(|(_, ratio)| *ratio).collect();
        let spread = standard_deviation(&trials).unwrap_or(0.0);
        let outcome = self.outcome(cell)?;
        let luck = best_by_luck(spread * spread, trials.len()) * outcome.period_s.sqrt();
        let (sharpe, moments) = (outcome.sharpe?, (outcome.skew?, outcome.kurtosis?));
        let errors = ratios.iter().filter_map(|(cell, _)| self.outcome(*cell)?.error_second());
        let squares: Vec<f64> = errors.map(|error| error * error).collect();
        let square = mean(&squares).unwrap_or(0.0);
        let luck_by_errors = best_by_luck(square, trials.len()) * outcome.period_s.sqrt();
        let above = |luck| probabilistic(sharpe, luck, outcome.periods, moments);
        Some(Best {
            cell,
            trials: trials.len(),
            sharpe,
            luck,
            probability: above(0.0),
            deflated: above(luck),
            luck_by_errors,
            deflated_by_errors: above(luck_by_errors),
        })
    }

    /// The finished cell with the highest profit.
    pub fn richest(&self) -> Option<usize> {
        let finished = (0..self.cells.len()).filter_map(|cell| Some((cell, self.outcome(cell)?)));
        finished.rev().max_by(|a, b| a.1.profit.total_cmp(&b.1.profit)).map(|(cell, _)| cell)
    }

    /// Cells that failed, with their causes.
    pub fn failures(&self) -> impl Iterator<Item = (usize, &str)> {
        let cells = self.cells.iter().enumerate();
        cells.filter_map(|(at, cell)| Some((at, cell.outcome.as_ref().err()?.as_str())))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn sweep(ratios: &[f64]) -> Sweep {
        let labels = |values: &[&str]| values.iter().map(|value| (*value).to_owned()).collect();
        let cell = |ratio: &f64| Cell {
            outcome: Ok(Outcome {
                sharpe: Some(*ratio),
                sharpe_error: Some(0.02),
                skew: Some(-3.0),
                kurtosis: Some(10.0),
                period_s: 86_400.0,
                periods: 1250,
                profit: -*ratio,
                ..Outcome::default()
            }),
        };
        Sweep {
            run: Run::default(),
            axes: vec![
                Axis::new("latency", "ms", labels(&["1", "5", "20"])),
                Axis::new("strategy", "", labels(&["maker", "taker"])),
            ],
            cells: ratios.iter().map(cell).collect(),
        }
    }

    #[test]
    fn the_last_axis_is_the_fastest() {
        let sweep = sweep(&[0.0; 6]);
        assert_eq!(
            (sweep.place(0), sweep.place(3), sweep.place(4)),
            (vec![0, 0], vec![1, 1], vec![2, 0])
        );
        assert_eq!(sweep.setting(3), "latency 5 ms, strategy taker");
        assert_eq!(sweep.axes[0].numbers, Some(vec![1.0, 5.0, 20.0]));
        assert_eq!((&sweep.axes[1].numbers, sweep.axes[1].title().as_str()), (&None, "strategy"));
    }

    /// With the ratios of Bailey and López de Prado (2014): a daily 2.5/√250 as the best of a
    /// hundred that vary by ½ a year.
    #[test]
    fn the_best_cell_is_deflated_by_all_that_finished() {
        let (best, deviation) = (2.5 / 250f64.sqrt(), (0.5f64 / 250.0).sqrt());
        // Ninety-nine at ±d so that with the best the variance is that of the paper.
        let square = |d: f64| {
            let mut ratios: Vec<f64> = (0..98).map(|at| if at % 2 == 0 { d } else { -d }).collect();
            ratios.extend([0.0, best]);
            (standard_deviation(&ratios).unwrap(), ratios)
        };
        let (mut below, mut above) = (0.0, 0.1);
        for _ in 0..60 {
            let middle = (below + above) / 2.0;
            if square(middle).0 < deviation { below = middle } else { above = middle }
        }
        let mut sweep = sweep(&square(below).1);
        sweep.cells.push(Cell { outcome: Err("out of memory".to_owned()) });
        let found = sweep.best().unwrap();
        assert_eq!((found.cell, found.trials), (99, 100));
        assert!((found.luck - 0.1132).abs() < 5e-5 && (found.deflated - 0.9004).abs() < 5e-5);
        assert!(found.probability > 0.99);
        // √(1/500) is the deviation above, 0.02 the error of each.
        assert!((found.luck_by_errors - 0.1132 * 0.02 * 500f64.sqrt()).abs() < 5e-5);
        assert!(found.deflated < found.deflated_by_errors);
        assert_eq!(sweep.failures().collect::<Vec<_>>(), [(100, "out of memory")]);
        assert_eq!(sweep.richest().unwrap() % 2, 1);
    }

    #[test]
    fn of_equal_cells_the_first_is_the_best_and_without_ratios_none_is() {
        let mut sweep = sweep(&[0.1; 4]);
        let best = sweep.best().unwrap();
        assert_eq!((best.cell, best.luck), (0, 0.0));
        for cell in &mut sweep.cells {
            cell.outcome = Ok(Outcome::default());
        }
        assert_eq!((sweep.best(), sweep.richest()), (None, Some(0)));
    }
}
