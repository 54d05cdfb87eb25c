//! How true the option books stay to the surface.
//!
//! Deviation = mid less fair premium, over vega, in volatility points. The half-life is that of
//! the mean signed deviation over all series, as the basis has it: AR(1) at a stated sampling. Of
//! single series the median half-life is shown, because a series lives only days.

use serde::Serialize;

use crate::metrics::{Distribution, HalfLife};
use crate::option_record::{OptionRecord, SeriesRecord};
use pricing::statistics;

/// The metrics of the options of one run.
#[derive(Clone, Debug, Serialize)]
pub struct OptionMetrics {
    /// Mean signed deviation over the series, volatility points.
    pub deviation_pt: Distribution,
    /// Mean |deviation| over the series, volatility points.
    pub deviation_abs_pt: Distribution,
    /// 95 % of |deviation| over the series, volatility points.
    pub deviation_p95_pt: Distribution,
    /// Mean |deviation| in spreads.
    pub deviation_spreads: Distribution,
    /// Spread, volatility points.
    pub spread_pt: Distribution,
    /// |mark − fair|, volatility points.
    pub mark_abs_pt: Distribution,
    /// Share of series quoted on both sides.
    pub quoted_share: f64,
    /// Half-lives of the mean signed deviation.
    pub half_lives: Vec<HalfLife>,
    /// Median half-life of single series at 60 s.
    pub series_half_life_s: Option<f64>,
    /// One entry for each series that was measured often enough.
    pub series: Vec<SeriesMetrics>,
}

/// The metrics of one series.
#[derive(Clone, Debug, Serialize)]
pub struct SeriesMetrics {
    /// Its name.
    pub name: String,
    /// Samples.
    pub samples: u64,
    /// Coins traded.
    pub traded_coins: f64,
    /// Mean deviation, volatility points.
    pub mean_pt: f64,
    /// Mean |deviation|, volatility points.
    pub mean_abs_pt: f64,
    /// 95 % of |deviation|, volatility points.
    pub p95_pt: f64,
    /// Half-life at 60 s.
    pub half_life_s: Option<f64>,
}

/// Samplings of the half-life, s.
const SAMPLINGS: [u64; 3] = [60, 300, 3_600];
/// Samples below which a series is not measured.
const SAMPLES_MIN: usize = 60;

impl OptionMetrics {
    /// Measures the options of a record.
    pub fn of(record: &OptionRecord) -> OptionMetrics {
        let samples = &record.samples;
        let series: Vec<SeriesMetrics> = record
            .series
            .iter()
            .filter(|series| series.deviation_pt.len() >= SAMPLES_MIN)
            .map(SeriesMetrics::of)
            .collect();
        let mut lives: Vec<f64> = series.iter().filter_map(|series| series.half_life_s).collect();
        statistics::sort(&mut lives);
        let total = |column: &[f64]| column.iter().filter(|x| x.is_finite()).sum::<f64>();
        let half_life =
            |&sampling: &u64| HalfLife::of(&samples.time_ms, &samples.deviation_pt, sampling);
        OptionMetrics {
            deviation_pt: Distribution::of(&samples.deviation_pt),
            deviation_abs_pt: Distribution::of(&samples.deviation_abs_pt),
            deviation_p95_pt: Distribution::of(&samples.deviation_p95_pt),
            deviation_spreads: Distribution::of(&samples.deviation_spreads),
            spread_pt: Distribution::of(&samples.spread_pt),
            mark_abs_pt: Distribution::of(&samples.mark_abs_pt),
            quoted_share: total(&samples.quoted) / total(&samples.measured),
            half_lives: SAMPLINGS.iter().map(half_life).collect(),
            series_half_life_s: statistics::quantile(&lives, 0.5),
            series,
        }
    }

    /// Half-life at a sampling, s.
    pub fn half_life_s(&self, sampling_s: u64) -> Option<f64> {
        self.half_lives.iter().find(|half| half.sampling_s == sampling_s)?.half_life_s
    }
}

impl SeriesMetrics {
    fn of(series: &SeriesRecord) -> SeriesMetrics {
        let deviation = Distribution::of(&series.deviation_pt);
        SeriesMetrics {
            name: series.name.clone(),
            samples: deviation.count,
            traded_coins: series.traded_coins,
            mean_pt: deviation.mean,
            mean_abs_pt: deviation.mean_abs,
            p95_pt: deviation.absolute_quantile(0.95),
            half_life_s: HalfLife::of(&series.time_ms, &series.deviation_pt, 60).half_life_s,
        }
    }
}
