//! How true a market stays to its spot.
//!
//! Basis `b = 10⁴·(mid/spot − 1)` in bp. Deviation = signed distance of `b` to the rule's own fair
//! basis (0 inside an interval): a basis without its fair value says nothing. Half-life from an
//! AR(1) fitted to the closes of stated intervals, `h = Δ·ln ½ / ln φ`; there is none unless
//! 0 < φ < 1. Half-life is not one number: it grows with Δ, so Δ always stands beside it. An
//! interval without a price keeps the close before it; more than 10 % of them and there is no fit.
//!
//! An *episode* starts when |deviation| passes the band and ends at the first of `hold` samples in
//! a row inside it. A sample without a mid starts nothing and is not inside. A *calm day* is a
//! UTC day whose spot range `max/min − 1` is below a threshold, sampled on at least 90 % of it.
//!
//! Nothing here panics on `NaN`, on an empty record or on one row: what is undefined is `NaN` or
//! `None`, and JSON shows `null`.

use crate::record::{MarketRecord, Record, Samples};
use pricing::statistics::{self, Ar1};
use serde::Serialize;

const DAY_MS: i64 = 86_400_000;

/// What the metrics leave open.
#[derive(Clone, Debug, Serialize)]
pub struct Options {
    /// Edge of the band around the fair basis, bp.
    pub band_bp: f64,
    /// Samples in a row inside the band that end an episode.
    pub hold_samples: usize,
    /// Largest spot range of a calm day, bp.
    pub calm_range_bp: f64,
    /// Intervals for which a half-life is fitted, s.
    pub half_life_sampling_s: Vec<u64>,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            band_bp: 10.0,
            hold_samples: 5,
            calm_range_bp: 300.0,
            half_life_sampling_s: vec![60, 300, 3600],
        }
    }
}

/// The metrics of one run.
#[derive(Clone, Debug, Serialize)]
pub struct Metrics {
    /// The options used.
    pub options: Options,
    /// One entry for each market of the record, in its order.
    pub markets: Vec<MarketMetrics>,
}

/// The metrics of one market.
#[derive(Clone, Debug, Serialize)]
pub struct MarketMetrics {
    /// Name of the market.
    pub market: String,
    /// Its funding rule.
    pub rule: String,
    /// The rule's own fair basis (low, high), bp.
    pub fair_bp: Option<(f64, f64)>,
    /// The recorded exchange's own fair basis (low, high), bp.
    pub recorded_fair_bp: Option<(f64, f64)>,
    /// The simulated market, every sample.
    pub simulated: SeriesMetrics,
    /// The simulated market only where the record has a close: like with like.
    pub simulated_at_closes: Option<SeriesMetrics>,
    /// The recorded market against its own fair basis.
    pub recorded: Option<SeriesMetrics>,
    /// Funding rate for 8 h, bp.
    pub funding_8h_bp: Distribution,
    /// Spread, bp.
    pub spread_bp: Distribution,
    /// Resting notional within 10 bp of the mid, USD.
    pub depth_10bp_usd: Distribution,
}

/// How one price series follows spot.
#[derive(Clone, Debug, Serialize)]
pub struct SeriesMetrics {
    /// Basis, bp.
    pub basis_bp: Distribution,
    /// Distance to the fair basis, bp; to zero where no fair basis is known.
    pub deviation_bp: Distribution,
    /// Samples without a price.
    pub missing: u64,
    /// Half-lives of the basis.
    pub half_lives: Vec<HalfLife>,
    /// Excursions out of the band.
    pub recovery: Recovery,
    /// Basis on calm days.
    pub calm: Calm,
}

/// Moments and quantiles of the finite values of a series.
#[derive(Clone, Debug, Serialize)]
pub struct Distribution {
    /// Number of finite values.
    pub count: u64,
    /// Mean.
    pub mean: f64,
    /// Mean absolute value.
    pub mean_abs: f64,
    /// Sample standard deviation.
    pub sd: f64,
    /// Smallest value.
    pub min: f64,
    /// Largest value.
    pub max: f64,
    /// Signed quantiles.
    pub signed: Vec<Quantile>,
    /// Quantiles of the absolute value.
    pub absolute: Vec<Quantile>,
}

/// One quantile, linear between order statistics.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Quantile {
    /// Share of the values below, 0 to 1.
    pub share: f64,
    /// The value.
    pub value: f64,
}

/// Half-life at one sampling.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct HalfLife {
    /// Interval whose closes were used, s.
    pub sampling_s: u64,
    /// AR(1) coefficient.
    pub phi: Option<f64>,
    /// Half-life, s.
    pub half_life_s: Option<f64>,
}

/// Every excursion out of the band around the fair basis.
#[derive(Clone, Debug, Serialize)]
pub struct Recovery {
    /// Edge of the band, bp.
    pub band_bp: f64,
    /// Number of episodes.
    pub count: u64,
    /// Longest time to return, s, with episodes still open at the end counted to the end.
    pub longest_s: f64,
    /// Time spent outside the band, minutes.
    pub outside_min: f64,
    /// The episodes in order of time.
    pub episodes: Vec<Episode>,
}

/// One excursion.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Episode {
    /// First sample outside, ms UTC.
    pub start_ms: i64,
    /// Largest deviation, signed, bp.
    pub peak_bp: f64,
    /// When the peak was seen, ms UTC.
    pub peak_ms: i64,
    /// Time until back inside for good, s; none if the record ends first.
    pub recovery_s: Option<f64>,
}

/// The basis on calm days.
#[derive(Clone, Debug, Serialize)]
pub struct Calm {
    /// Largest spot range of a calm day, bp.
    pub range_bp: f64,
    /// Number of calm days.
    pub days: u64,
    /// Number of days sampled well enough to judge.
    pub days_judged: u64,
    /// Deviation on calm days, bp.
    pub deviation_bp: Distribution,
}

impl Metrics {
    /// Measures every market of a record.
    pub fn of(record: &Record, options: &Options) -> Metrics {
        let markets = record.markets.iter().map(|m| MarketMetrics::of(m, options)).collect();
        Metrics { options: options.clone(), markets }
    }
}

impl MarketMetrics {
    /// Measures one market.
    pub fn of(market: &MarketRecord, options: &Options) -> MarketMetrics {
        let samples = &market.samples;
        let measure = |prices: &[f64], fair, at: &[bool]| {
            SeriesMetrics::of(&Series::new(samples, prices, at), fair, options)
        };
        let everywhere = vec![true; samples.len()];
        let closes: Vec<bool> = samples.recorded_perp.iter().map(|p| p.is_finite()).collect();
        let recorded = closes.contains(&true);
        MarketMetrics {
            market: market.name.clone(),
            rule: market.rule.clone(),
            fair_bp: market.fair_bp,
            recorded_fair_bp: market.recorded_fair_bp,
            simulated: measure(&samples.mid, market.fair_bp, &everywhere),
            simulated_at_closes: recorded.then(|| measure(&samples.mid, market.fair_bp, &closes)),
            recorded: recorded
                .then(|| measure(&samples.recorded_perp, market.recorded_fair_bp, &closes)),
            funding_8h_bp: Distribution::of(&samples.funding_8h_bp),
            spread_bp: Distribution::of(&samples.spread_bp),
            depth_10bp_usd: Distribution::of(&samples.depth_10bp_usd),
        }
    }
}

/// Basis of `price` over `spot`, bp; `NaN` unless both are finite and spot is positive.
pub fn basis_bp(price: f64, spot: f64) -> f64 {
    if price.is_finite() && spot.is_finite() && spot > 0.0 {
        1e4 * (price / spot - 1.0)
    } else {
        f64::NAN
    }
}

/// Signed distance of a basis to the fair basis, bp: 0 inside an interval.
pub fn deviation_bp(basis: f64, fair: Option<(f64, f64)>) -> f64 {
    let (low, high) = fair.unwrap_or((0.0, 0.0));
    if basis > high {
        basis - high
    } else if basis < low {
        basis - low
    } else if basis.is_nan() {
        f64::NAN
    } else {
        0.0
    }
}

/// Times, spot and basis of the rows under study.
struct Series {
    time_ms: Vec<i64>,
    spot: Vec<f64>,
    basis_bp: Vec<f64>,
}

impl Series {
    fn new(samples: &Samples, prices: &[f64], at: &[bool]) -> Series {
        let mut series = Series { time_ms: vec![], spot: vec![], basis_bp: vec![] };
        let rows = samples.time_ms.iter().zip(&samples.spot).zip(prices).zip(at);
        for (((&time, &spot), &price), _) in rows.filter(|(_, at)| **at) {
            series.time_ms.push(time);
            series.spot.push(spot);
            series.basis_bp.push(basis_bp(price, spot));
        }
        series
    }
}

impl SeriesMetrics {
    fn of(series: &Series, fair: Option<(f64, f64)>, options: &Options) -> SeriesMetrics {
        let deviation: Vec<f64> =
            series.basis_bp.iter().map(|&basis| deviation_bp(basis, fair)).collect();
        let half_life = |&s: &u64| HalfLife::of(&series.time_ms, &series.basis_bp, s);
        SeriesMetrics {
            basis_bp: Distribution::of(&series.basis_bp),
            deviation_bp: Distribution::of(&deviation),
            missing: deviation.iter().filter(|d| d.is_nan()).count() as u64,
            half_lives: options.half_life_sampling_s.iter().map(half_life).collect(),
            recovery: Recovery::of(&series.time_ms, &deviation, options),
            calm: Calm::of(series, &deviation, options.calm_range_bp),
        }
    }

    /// Half-life at a sampling, s.
    pub fn half_life_s(&self, sampling_s: u64) -> Option<f64> {
        self.half_lives.iter().find(|h| h.sampling_s == sampling_s)?.half_life_s
    }
}

impl Distribution {
    /// Measures the finite values of a series.
    pub fn of(values: &[f64]) -> Distribution {
        let finite: Vec<f64> = values.iter().copied().filter(|v| v.is_finite()).collect();
        let absolute: Vec<f64> = finite.iter().map(|v| v.abs()).collect();
        let (mut signed, mut sorted_absolute) = (finite.clone(), absolute.clone());
        statistics::sort(&mut signed);
        statistics::sort(&mut sorted_absolute);
        let quantiles = |sorted: &[f64], shares: &[f64]| {
            let value = |&share: &f64| Quantile {
                share,
                value: statistics::quantile(sorted, share).unwrap_or(f64::NAN),
            };
            shares.iter().map(value).collect()
        };
        Distribution {
            count: finite.len() as u64,
            mean: statistics::mean(&finite).unwrap_or(f64::NAN),
            mean_abs: statistics::mean(&absolute).unwrap_or(f64::NAN),
            sd: statistics::standard_deviation(&finite).unwrap_or(f64::NAN),
            min: signed.first().copied().unwrap_or(f64::NAN),
            max: signed.last().copied().unwrap_or(f64::NAN),
            signed: quantiles(&signed, &[0.001, 0.01, 0.05, 0.5, 0.95, 0.99, 0.999]),
            absolute: quantiles(&sorted_absolute, &[0.5, 0.95, 0.99, 0.999]),
        }
    }

    /// Quantile of the absolute value, if it was asked for.
    pub fn absolute_quantile(&self, share: f64) -> f64 {
        self.absolute.iter().find(|q| q.share == share).map_or(f64::NAN, |q| q.value)
    }

    /// Signed quantile, if it was asked for.
    pub fn signed_quantile(&self, share: f64) -> f64 {
        self.signed.iter().find(|q| q.share == share).map_or(f64::NAN, |q| q.value)
    }
}

impl HalfLife {
    /// Fits an AR(1) with a constant to the closes of intervals of `sampling_s` seconds.
    pub fn of(time_ms: &[i64], values: &[f64], sampling_s: u64) -> HalfLife {
        let closes = closes(time_ms, values, sampling_s).unwrap_or_default();
        let fit = Ar1::fit(&closes, sampling_s as f64);
        let reverting = fit.filter(|fit| fit.persistence > 0.0 && fit.persistence < 1.0);
        HalfLife {
            sampling_s,
            phi: fit.map(|fit| fit.persistence),
            half_life_s: reverting.map(|fit| fit.half_life()),
        }
    }
}

/// The last finite value of each interval `((k−1)·Δ, k·Δ]`, an empty one keeping the value before
/// it; none if more than a tenth are empty.
fn closes(time_ms: &[i64], values: &[f64], sampling_s: u64) -> Option<Vec<f64>> {
    let interval = i64::try_from(sampling_s.max(1).checked_mul(1000)?).ok()?;
    let finite = || time_ms.iter().zip(values).filter(|(_, value)| value.is_finite());
    let slot = |time: &i64| time.saturating_sub(1).div_euclid(interval);
    let (first, last) = (slot(finite().next()?.0), slot(finite().next_back()?.0));
    let (mut closes, mut filled, mut current) = (Vec::new(), 1u64, first);
    let mut close = *finite().next()?.1;
    for (time, value) in finite() {
        if slot(time) > current {
            // A span too sparse for the interval is refused before it is filled.
            let empty = slot(time) - current - 1;
            if empty > (last - first) / 10 {
                return None;
            }
            closes.extend((current..slot(time)).map(|_| close));
            current = slot(time);
            filled += 1;
        }
        close = *value;
    }
    closes.push(close);
    (filled as f64 >= 0.9 * closes.len() as f64).then_some(closes)
}

impl Recovery {
    /// Finds the episodes of a series of deviations in bp.
    pub fn of(time_ms: &[i64], deviation_bp: &[f64], options: &Options) -> Recovery {
        let band = options.band_bp;
        let mut episodes: Vec<Episode> = Vec::new();
        let (mut open, mut inside) = (false, Vec::new());
        let mut outside_ms = 0i64;
        for (row, (&time, &deviation)) in time_ms.iter().zip(deviation_bp).enumerate() {
            if deviation.abs() > band {
                outside_ms += time_ms.get(row + 1).map_or(0, |next| next - time);
                inside.clear();
                match episodes.last_mut() {
                    Some(episode) if open => episode.include(time, deviation),
                    _ => episodes.push(Episode::started(time, deviation)),
                }
                open = true;
            } else if deviation.is_nan() {
                inside.clear();
            } else if open {
                inside.push(time);
                if inside.len() >= options.hold_samples.max(1) {
                    let episode = episodes.last_mut().expect("an open episode was pushed");
                    episode.recovery_s = Some((inside[0] - episode.start_ms) as f64 / 1e3);
                    open = false;
                    inside.clear();
                }
            }
        }
        let end = time_ms.last().copied().unwrap_or(0);
        let lasted = |e: &Episode| e.recovery_s.unwrap_or((end - e.start_ms) as f64 / 1e3);
        Recovery {
            band_bp: band,
            count: episodes.len() as u64,
            longest_s: episodes.iter().map(lasted).fold(0.0, f64::max),
            outside_min: outside_ms as f64 / 6e4,
            episodes,
        }
    }
}

impl Episode {
    fn started(time_ms: i64, deviation_bp: f64) -> Episode {
        Episode { start_ms: time_ms, peak_bp: deviation_bp, peak_ms: time_ms, recovery_s: None }
    }

    fn include(&mut self, time_ms: i64, deviation_bp: f64) {
        if deviation_bp.abs() > self.peak_bp.abs() {
            self.peak_bp = deviation_bp;
            self.peak_ms = time_ms;
        }
    }
}

impl Calm {
    fn of(series: &Series, deviation: &[f64], range_bp: f64) -> Calm {
        let (mut days, mut days_judged, mut kept) = (0, 0, Vec::new());
        let mut from = 0;
        while from < series.time_ms.len() {
            let day = series.time_ms[from].div_euclid(DAY_MS);
            let to = series.time_ms.partition_point(|t| t.div_euclid(DAY_MS) <= day).max(from + 1);
            let covered = series.time_ms[to - 1] - series.time_ms[from];
            if covered >= DAY_MS * 9 / 10 {
                days_judged += 1;
                if spot_range_bp(&series.spot[from..to]) < range_bp {
                    days += 1;
                    kept.extend_from_slice(&deviation[from..to]);
                }
            }
            from = to;
        }
        Calm { range_bp, days, days_judged, deviation_bp: Distribution::of(&kept) }
    }
}

fn spot_range_bp(spot: &[f64]) -> f64 {
    let positive = || spot.iter().copied().filter(|s| s.is_finite() && *s > 0.0);
    let low = positive().fold(f64::INFINITY, f64::min);
    let high = positive().fold(f64::NEG_INFINITY, f64::max);
    basis_bp(high, low)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
