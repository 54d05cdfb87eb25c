//! The same scenario with some agents switched off and on, over several seeds.
//!
//! Both arms of a seed have the same path, publishers, customers and links, so the difference is
//! taken within the seed: mean over seeds with its standard error `s/√n` and Student's 95 %
//! interval. The seeds are the sample: the interval speaks of the randomness of agents on *this*
//! path.

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use crate::compare::Estimate;
use crate::option_metrics::OptionMetrics;
use crate::record::Record;
use pricing::statistics;

/// One run of one arm.
#[derive(Clone, Copy, Debug)]
pub struct OptionRun<'a> {
    /// Its record.
    pub record: &'a Record,
    /// The metrics of its options.
    pub metrics: &'a OptionMetrics,
    /// Whether the agents were on.
    pub on: bool,
}

/// One measure of the comparison.
#[derive(Clone, Copy, Debug)]
pub struct OptionMeasure {
    /// Key in JSON, with its unit last.
    pub key: &'static str,
    /// Words for tables.
    pub label: &'static str,
    /// Decimals worth reading.
    pub decimals: usize,
    of: fn(&Record, &OptionMetrics) -> f64,
}

const fn measure(
    key: &'static str,
    label: &'static str,
    decimals: usize,
    of: fn(&Record, &OptionMetrics) -> f64,
) -> OptionMeasure {
    OptionMeasure { key, label, decimals, of }
}

/// Every measure, in the order of tables and JSON.
pub const OPTION_MEASURES: [OptionMeasure; 17] = [
    measure("deviation_abs_pt", "|mid − fair|, mean, points", 3, |_, m| m.deviation_abs_pt.mean),
    measure("deviation_p95_pt", "|mid − fair|, 95 % over series, points", 3, |_, m| {
        m.deviation_p95_pt.mean
    }),
    measure("deviation_time_p95_pt", "|mid − fair|, 95 % over time, points", 3, |_, m| {
        m.deviation_abs_pt.absolute_quantile(0.95)
    }),
    measure("deviation_pt", "mid − fair, mean, points", 3, |_, m| m.deviation_pt.mean),
    measure("level_abs_pt", "level of the books, mean |·|, points", 3, |_, m| {
        m.deviation_pt.mean_abs
    }),
    measure("deviation_spreads", "|mid − fair| in spreads", 3, |_, m| m.deviation_spreads.mean),
    measure("half_life_1min_s", "half-life of the level at 1 min, s", 0, |_, m| {
        m.half_life_s(60).unwrap_or(f64::NAN)
    }),
    measure("half_life_5min_s", "half-life of the level at 5 min, s", 0, |_, m| {
        m.half_life_s(300).unwrap_or(f64::NAN)
    }),
    measure("series_half_life_s", "half-life of a series at 1 min, median, s", 0, |_, m| {
        m.series_half_life_s.unwrap_or(f64::NAN)
    }),
    measure("spread_pt", "spread, points", 3, |_, m| m.spread_pt.mean),
    measure("quoted_pct", "quoted on both sides, %", 1, |_, m| 100.0 * m.quoted_share),
    measure("traded_coins", "options traded, coins", 1, |r, _| {
        r.options.as_ref().map_or(f64::NAN, |options| options.counts.traded_coins)
    }),
    measure("makers_usd", "profit of option makers, USD", 0, |r, _| profit(r, "option-maker")),
    measure("customers_usd", "profit of customers, USD", 0, |r, _| profit(r, "option-customer")),
    measure("surface_usd", "profit of surface arbitrage, USD", 0, |r, _| profit(r, "surface")),
    measure("gamma_usd", "profit of the gamma desk, USD", 0, |r, _| profit(r, "gamma")),
    measure("liquidations", "accounts liquidated", 1, |r, _| r.counts.liquidations as f64),
];

fn profit(record: &Record, class: &str) -> f64 {
    let of_class = record.classes.iter().find(|row| row.class == class);
    of_class.map_or(f64::NAN, |row| row.total_usd)
}

impl OptionMeasure {
    /// The measure of one run; `NaN` where it is not defined.
    pub fn of(&self, run: &OptionRun) -> f64 {
        (self.of)(run.record, run.metrics)
    }
}

/// Both arms side by side.
#[derive(Clone, Debug)]
pub struct OptionComparison {
    /// Name of the scenario.
    pub scenario: String,
    /// Classes or groups that are switched.
    pub agents: Vec<String>,
    /// Every seed, rising.
    pub seeds: Vec<u64>,
    /// Off, on, and on less off within each seed; one estimate for each measure.
    pub arms: [Vec<Estimate>; 3],
}

/// Names of the arms.
pub const ARMS: [&str; 3] = ["off", "on", "difference"];

impl OptionComparison {
    /// Compares runs of both arms; a seed without both arms is left out.
    pub fn of(scenario: &str, agents: &[String], runs: &[OptionRun]) -> OptionComparison {
        let find =
            |seed: u64, on: bool| runs.iter().find(|run| run.record.seed == seed && run.on == on);
        let mut seeds: Vec<u64> = runs.iter().map(|run| run.record.seed).collect();
        seeds.sort_unstable();
        seeds.dedup();
        let pairs: Vec<(&OptionRun, &OptionRun)> = seeds
            .iter()
            .filter_map(|seed| Some((find(*seed, false)?, find(*seed, true)?)))
            .collect();
        let arm = |of: &dyn Fn(&OptionMeasure, &OptionRun, &OptionRun) -> f64| {
            let estimate = |measure: &OptionMeasure| {
                Estimate::of(pairs.iter().map(|(off, on)| of(measure, off, on)).collect())
            };
            OPTION_MEASURES.iter().map(estimate).collect()
        };
        OptionComparison {
            scenario: scenario.to_owned(),
            agents: agents.to_vec(),
            seeds: pairs.iter().map(|(off, _)| off.record.seed).collect(),
            arms: [
                arm(&|measure, off, _| measure.of(off)),
                arm(&|measure, _, on| measure.of(on)),
                arm(&|measure, off, on| measure.of(on) - measure.of(off)),
            ],
        }
    }
}

/// The standard error of an estimate; `NaN` from one value.
pub fn standard_error(estimate: &Estimate) -> f64 {
    let finite: Vec<f64> = estimate.values.iter().copied().filter(|v| v.is_finite()).collect();
    let deviation = statistics::standard_deviation(&finite).unwrap_or(f64::NAN);
    deviation / (finite.len() as f64).sqrt()
}

/// One arm in JSON.
struct Arm<'a>(&'a [Estimate]);

impl Serialize for Arm<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (measure, estimate) in OPTION_MEASURES.iter().zip(self.0) {
            map.serialize_entry(measure.key, &estimate.mean)?;
            map.serialize_entry(&format!("{}_se", measure.key), &standard_error(estimate))?;
            map.serialize_entry(&format!("{}_ci95", measure.key), &estimate.interval)?;
        }
        map.end()
    }
}

impl Serialize for OptionComparison {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("scenario", &self.scenario)?;
        map.serialize_entry("agents", &self.agents)?;
        map.serialize_entry("seeds", &self.seeds)?;
        for (name, arm) in ARMS.iter().zip(&self.arms) {
            map.serialize_entry(name, &Arm(arm))?;
        }
        map.end()
    }
}
