//! Several funding rules over several seeds: for each rule the mean of each metric with its 95 %
//! interval, beside the recorded exchange on the same path.
//!
//! Interval: `mean ± t·s/√n`, t the 97.5 % point of Student's distribution with n − 1 degrees of
//! freedom; none from one seed. Seeds are the sample: the interval speaks of the randomness of
//! agents and links on *this* price path, not of other paths.
//!
//! JSON: each metric `x` is a number and has a sibling `x_ci95` of `[low, high]`, or `null`.

use crate::metrics::{MarketMetrics, SeriesMetrics};
use crate::record::MarketRecord;
use pricing::statistics;
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

/// One market of one run, with its metrics.
#[derive(Clone, Copy, Debug)]
pub struct Run<'a> {
    /// Seed of the run.
    pub seed: u64,
    /// The market's record; its rule names the group.
    pub market: &'a MarketRecord,
    /// The market's metrics.
    pub metrics: &'a MarketMetrics,
}

/// One metric of the comparison.
#[derive(Clone, Copy, Debug)]
pub struct Measure {
    /// Key in JSON, with its unit last.
    pub key: &'static str,
    /// Words for tables.
    pub label: &'static str,
    /// Decimals worth reading.
    pub decimals: usize,
    of: fn(&SeriesMetrics) -> f64,
}

/// Every metric of the comparison, in the order of tables and JSON.
pub const MEASURES: [Measure; 13] = [
    measure("basis_mean_bp", "basis mean, bp", 2, |s| s.basis_bp.mean),
    measure("basis_mean_abs_bp", "basis mean |·|, bp", 2, |s| s.basis_bp.mean_abs),
    measure("basis_sd_bp", "basis sd, bp", 2, |s| s.basis_bp.sd),
    measure("deviation_mean_abs_bp", "deviation mean |·|, bp", 2, |s| s.deviation_bp.mean_abs),
    measure("deviation_p99_bp", "deviation 99 % |·|, bp", 2, |s| {
        s.deviation_bp.absolute_quantile(0.99)
    }),
    measure("deviation_p999_bp", "deviation 99.9 % |·|, bp", 2, |s| {
        s.deviation_bp.absolute_quantile(0.999)
    }),
    measure("deviation_max_bp", "deviation max |·|, bp", 2, |s| {
        s.deviation_bp.max.abs().max(s.deviation_bp.min.abs())
    }),
    measure("calm_deviation_mean_abs_bp", "calm days, mean |·|, bp", 2, |s| {
        s.calm.deviation_bp.mean_abs
    }),
    measure("half_life_5min_s", "half-life at 5 min, s", 0, |s| {
        s.half_life_s(300).unwrap_or(f64::NAN)
    }),
    measure("half_life_1h_s", "half-life at 1 h, s", 0, |s| {
        s.half_life_s(3600).unwrap_or(f64::NAN)
    }),
    measure("shocks", "shocks", 1, |s| s.recovery.count as f64),
    measure("recovery_longest_s", "longest recovery, s", 0, |s| s.recovery.longest_s),
    measure("outside_min", "outside band, min", 1, |s| s.recovery.outside_min),
];

const fn measure(
    key: &'static str,
    label: &'static str,
    decimals: usize,
    of: fn(&SeriesMetrics) -> f64,
) -> Measure {
    Measure { key, label, decimals, of }
}

impl Measure {
    /// The measure of one series; `NaN` where it is not defined.
    pub fn of(&self, series: &SeriesMetrics) -> f64 {
        (self.of)(series)
    }
}

/// Rules side by side.
#[derive(Clone, Debug, Serialize)]
pub struct Comparison {
    /// Name of the scenario.
    pub scenario: String,
    /// Name of the market.
    pub market: String,
    /// Every seed, rising.
    pub seeds: Vec<u64>,
    /// One entry for each rule, in the order of first appearance.
    pub rules: Vec<RuleComparison>,
    /// The recorded exchange on the same path, at its own closes.
    pub recorded: Option<Row>,
    /// Each rule at the recorded closes only: like with like.
    pub rules_at_closes: Vec<RuleComparison>,
}

/// One rule over all seeds.
#[derive(Clone, Debug)]
pub struct RuleComparison {
    /// Name of the rule.
    pub rule: String,
    /// The rule's own fair basis, bp.
    pub fair_bp: Option<(f64, f64)>,
    /// Number of runs.
    pub runs: u64,
    /// One estimate for each of [`MEASURES`].
    pub estimates: Vec<Estimate>,
}

/// Mean over seeds with its interval.
#[derive(Clone, Debug, PartialEq)]
pub struct Estimate {
    /// Mean of the finite values; `NaN` without one.
    pub mean: f64,
    /// 95 % interval; none from fewer than two finite values.
    pub interval: Option<(f64, f64)>,
    /// The values, one for each run in order.
    pub values: Vec<f64>,
}

/// One value for each of [`MEASURES`].
#[derive(Clone, Debug)]
pub struct Row {
    /// The values.
    pub values: Vec<f64>,
}

impl Comparison {
    /// Groups runs by the rule of their market; all runs are of one market on one path.
    pub fn of(scenario: &str, runs: &[Run]) -> Comparison {
        let mut seeds: Vec<u64> = runs.iter().map(|run| run.seed).collect();
        seeds.sort_unstable();
        seeds.dedup();
        let mut rules: Vec<&str> = Vec::new();
        for run in runs {
            if !rules.contains(&run.market.rule.as_str()) {
                rules.push(&run.market.rule);
            }
        }
        let group = |series: fn(&MarketMetrics) -> Option<&SeriesMetrics>| {
            let groups = rules.iter().map(|rule| RuleComparison::of(rule, runs, series));
            groups.filter(|group| group.runs > 0).collect()
        };
        let recorded = runs.iter().find_map(|run| run.metrics.recorded.as_ref());
        Comparison {
            scenario: scenario.to_owned(),
            market: runs.first().map_or_else(String::new, |run| run.market.name.clone()),
            seeds,
            rules: group(|metrics| Some(&metrics.simulated)),
            recorded: recorded.map(|s| Row { values: MEASURES.iter().map(|m| m.of(s)).collect() }),
            rules_at_closes: group(|metrics| metrics.simulated_at_closes.as_ref()),
        }
    }
}

impl RuleComparison {
    fn of(
        rule: &str,
        runs: &[Run],
        series: fn(&MarketMetrics) -> Option<&SeriesMetrics>,
    ) -> RuleComparison {
        let of_rule = || runs.iter().filter(|run| run.market.rule == rule);
        let measured: Vec<&SeriesMetrics> =
            of_rule().filter_map(|run| series(run.metrics)).collect();
        let estimate =
            |m: &Measure| Estimate::of(measured.iter().map(|series| m.of(series)).collect());
        RuleComparison {
            rule: rule.to_owned(),
            fair_bp: of_rule().find_map(|run| run.market.fair_bp),
            runs: measured.len() as u64,
            estimates: MEASURES.iter().map(estimate).collect(),
        }
    }
}

impl Estimate {
    /// Mean and Student interval of the finite values.
    pub fn of(values: Vec<f64>) -> Estimate {
        let finite: Vec<f64> = values.iter().copied().filter(|v| v.is_finite()).collect();
        let mean = statistics::mean(&finite).unwrap_or(f64::NAN);
        let interval = statistics::confidence_95(&finite)
            .map(|c| (c.mean - c.half_width, c.mean + c.half_width));
        Estimate { mean, interval, values }
    }
}

impl Serialize for RuleComparison {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("rule", &self.rule)?;
        map.serialize_entry("fair_bp", &self.fair_bp)?;
        map.serialize_entry("runs", &self.runs)?;
        for (measure, estimate) in MEASURES.iter().zip(&self.estimates) {
            map.serialize_entry(measure.key, &estimate.mean)?;
            map.serialize_entry(&format!("{}_ci95", measure.key), &estimate.interval)?;
        }
        map.end()
    }
}

impl Serialize for Row {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(MEASURES.iter().map(|measure| measure.key).zip(&self.values))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
