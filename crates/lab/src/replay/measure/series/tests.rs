//! Drawdown against a naive twin, and numbers that are stated only where they mean something.

use super::*;
use crate::replay::record::CELLS_MAX;
use proptest::prelude::*;

fn samples(step: Span, equity: &[i64]) -> Samples {
    let mut samples = Samples::new(Time::from_nanos(7), step, 0, CELLS_MAX);
    for value in equity {
        samples.push(whole(*value), &[]);
    }
    samples
}

fn whole(value: i64) -> Amount {
    Amount::from_raw(i128::from(value) * Amount::ONE.raw())
}

fn performance(step: Span, equity: &[i64]) -> Performance {
    let samples = samples(step, equity);
    let (first, last) = (equity[0], equity[equity.len() - 1]);
    let run = Total {
        capital: whole(first),
        profit: whole(last - first),
        length: step.times(equity.len() as u64 - 1),
    };
    let end = (*samples.time.last().unwrap(), whole(last));
    let drawdown = Drawdown::of(&samples, end);
    Performance::of(&samples, &Returns::of(&samples), &run, drawdown.as_ref())
}

#[test]
fn the_period_is_the_longest_with_sixty_whole_ones() {
    let table = [
        (Span::SECOND, 60 * 60, 60),
        (Span::SECOND, 60 * 60 - 1, 10),
        (Span::SECOND, 59, 1),
        (Span::from_secs(8), 60 * 8, 64),
        (Span::HOUR, 24 * 60, 86_400),
        (Span::from_secs(7 * 86_400), 100, 7 * 86_400),
    ];
    for (step, rows, seconds) in table {
        assert_eq!(step.times(steps(step, rows)), Span::from_secs(seconds), "{step:?} {rows}");
    }
}

#[test]
fn returns_add_up_to_the_profit_of_whole_periods() {
    let equity: Vec<i64> = (0..=615).map(|row| 1000 + row * row % 37).collect();
    let samples = samples(Span::SECOND, &equity);
    let returns = Returns::of(&samples);
    assert_eq!((returns.period, returns.profits.len()), (Span::from_secs(10), 61));
    assert_eq!(returns.profits.iter().sum::<f64>(), (equity[610] - equity[0]) as f64);
    assert_eq!(returns.ends[0], samples.time[10]);
}

#[test]
fn what_a_short_tape_cannot_tell_is_not_stated() {
    let walk = |rows: i64| (0..rows).map(|row| 10_000 + row * 7919 % 13).collect::<Vec<i64>>();
    let seconds = performance(Span::SECOND, &walk(600));
    assert!(seconds.sharpe.is_some() && seconds.sharpe_annual.is_none());
    assert!(seconds.volatility.is_none() && seconds.annual.is_none());
    let days = performance(Span::HOUR, &walk(100));
    assert!(days.sharpe_annual.is_some() && days.annual.is_none() && days.calmar.is_none());
    let months = performance(Span::HOUR, &walk(24 * 70));
    assert!(months.annual.is_some() && months.calmar.is_some() && months.worst_minute.is_none());
    let few = performance(Span::SECOND, &walk(10));
    assert_eq!((few.sharpe, few.var_95, few.total_error), (None, None, None));
    assert_eq!(performance(Span::SECOND, &[-5, -4, -3]).total, None);
}

#[test]
fn annual_numbers_by_hand() {
    // 100 days of +3 and −1 in turn on 1000: mean 1, deviation 2, downside √½.
    let mut equity = vec![1000];
    (0..100).for_each(|day| equity.push(equity[day] + if day % 2 == 0 { 3 } else { -1 }));
    let measured = performance(Span::DAY, &equity);
    let near = |actual: Option<f64>, expected: f64| {
        let actual = actual.unwrap();
        assert!((actual / expected - 1.0).abs() < 1e-9, "{actual} is not {expected}");
    };
    let deviation = 2.0 * (100.0f64 / 99.0).sqrt();
    near(measured.total, 0.1);
    near(measured.annual, 0.365);
    near(measured.volatility, deviation / 1000.0 * 365f64.sqrt());
    near(measured.sharpe_annual, 365f64.sqrt() / deviation);
    near(measured.sortino, 365f64.sqrt() / 0.5f64.sqrt());
    // The deepest fall is 1, from the first peak of 1003 on.
    near(measured.calmar, 0.365 / (1.0 / 1003.0));
    assert_eq!((measured.var_95, measured.shortfall_95), (Some(1.0), Some(1.0)));
}

#[test]
fn the_worst_minute_may_begin_at_any_sample() {
    let mut equity = vec![1000; 200];
    equity[95..].fill(990);
    equity[130..].fill(975);
    let worst = performance(Span::SECOND, &equity);
    assert_eq!(worst.worst_minute, Some(-25.0));
    assert_eq!(worst.worst_minute_end_ns, Some(130_000_000_007));
    assert_eq!(performance(Span::from_secs(7), &equity).worst_minute, None);
}

/// The deepest fall, over all pairs of a peak and a later trough.
fn naive(equity: &[i64]) -> i64 {
    let pairs = (0..equity.len()).flat_map(|from| (from..equity.len()).map(move |to| (from, to)));
    pairs.map(|(from, to)| equity[from] - equity[to]).max().unwrap_or(0)
}

proptest! {
    #[test]
    fn drawdown_agrees_with_all_pairs(equity in prop::collection::vec(-20i64..20, 2..60)) {
        let grid = samples(Span::SECOND, &equity[..equity.len() - 1]);
        let end = grid.due();
        let found = Drawdown::of(&grid, (end, whole(equity[equity.len() - 1])));
        let depth = naive(&equity);
        prop_assert_eq!(found.map_or(0.0, |found| found.depth), depth as f64);
        if let Some(found) = found {
            let row = |ns: u64| ((ns - 7) / 1_000_000_000) as usize;
            let (peak, trough) = (row(found.peak_ns), row(found.trough_ns));
            prop_assert_eq!(equity[peak] - equity[trough], depth);
            let back = (trough..equity.len()).find(|at| equity[*at] >= equity[peak]);
            prop_assert_eq!(found.recovered_ns.map(row), back);
            let lower = |at: &usize| equity[..*at].iter().any(|v| *v > equity[*at]);
            let below = (0..equity.len()).filter(lower);
            prop_assert_eq!(found.under_water, below.count() as f64 / equity.len() as f64);
            // From each highest so far to the next that is no lower, where the path fell between.
            let tops: Vec<usize> = (0..equity.len()).filter(|at| !lower(at)).collect();
            let ends = tops.iter().skip(1).copied().chain([equity.len() - 1]);
            let fell = |from: usize, to: usize| equity[from..=to].iter().any(|v| *v < equity[from]);
            let waits = tops.iter().zip(ends).filter(|(from, to)| fell(**from, *to));
            let longest = waits.map(|(from, to)| to - from).max().unwrap_or(0);
            prop_assert_eq!(found.longest_s, longest as f64);
        }
    }
}
