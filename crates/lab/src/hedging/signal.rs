//! The volatility signal on recorded prices: forecasts scored, and implied read against forecast.

use desk::variance::{self, Day, Forecast, Gauge, Stance, YEAR_DAYS, diebold_mariano, qlike};
use money::{Span, Time};
use pricing::convert::price_f64;
use serde::Serialize;

use super::chain::{Chain, years};
use super::millis;
use super::tape::Tape;

/// Readings are this far apart and remember this long.
const MEMORY: Span = Span::from_secs(60 * 86_400);
/// Deviations beyond which the signal speaks.
const THRESHOLD: f64 = 1.0;

/// Out-of-sample loss of each forecast over the same days.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Score {
    /// What the variance is of.
    pub source: String,
    /// Days ahead.
    pub horizon: usize,
    /// Forecasts that were scored.
    pub count: usize,
    /// First and last day of them.
    pub from_ms: i64,
    /// The last.
    pub to_ms: i64,
    /// Mean QLIKE of log-HAR.
    pub har: f64,
    /// Of the exponential average.
    pub ewma: f64,
    /// Of the mean of as many days before.
    pub naive: f64,
    /// Diebold–Mariano of log-HAR against the naive forecast; below −2 is better and no chance.
    pub har_against_naive: Option<f64>,
    /// The same against the exponential average.
    pub har_against_ewma: Option<f64>,
}

/// One day's reading of the signal.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SignalReading {
    /// When, UTC.
    pub time_ms: i64,
    /// Implied volatility for the horizon, that of a variance swap on the chain.
    pub implied: f64,
    /// Log-HAR's forecast of realised volatility.
    pub forecast: f64,
    /// What was realised; none if the horizon is not over.
    pub realised: Option<f64>,
    /// Distance of implied over forecast from its usual, in deviations.
    pub score: Option<f64>,
    /// +1 buy volatility, −1 sell, 0 wait.
    pub stance: i8,
}

/// Implied against forecast over the period of the chains.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Signal {
    /// Days ahead.
    pub horizon: usize,
    /// One a day.
    pub readings: Vec<SignalReading>,
    /// Readings whose horizon is over.
    pub scored: usize,
    /// Mean QLIKE of log-HAR over them.
    pub har: f64,
    /// Of the naive forecast.
    pub naive: f64,
    /// Of implied variance.
    pub implied: f64,
    /// Share of scored readings in which implied was above realised.
    pub implied_above: f64,
    /// Readings with a stance, and in how many of them the gap implied − realised had its sign.
    pub spoken: usize,
    /// Of those spoken.
    pub right: usize,
}

/// Realised variance of the days of a tape whose bars are `step` long; the first such stretch.
pub fn days_of(tape: &Tape, step: Span) -> Vec<Day> {
    let stretch = tape.closes.iter().filter(|close| close.step == step);
    let path: Vec<(Time, f64)> = stretch.map(|c| (c.time, price_f64(c.spot))).collect();
    variance::realised_days(&path, step)
}

/// Scores log-HAR, the exponential average and the naive forecast over all days of a series.
pub fn score(source: &str, days: &[Day], horizon: usize) -> Option<Score> {
    let known: Vec<(Forecast, f64)> = variance::walk(days, horizon)
        .into_iter()
        .filter_map(|forecast| Some((forecast, forecast.realised?)))
        .collect();
    let losses = |of: fn(&Forecast) -> f64| -> Vec<f64> {
        known.iter().map(|(forecast, realised)| qlike(*realised, of(forecast))).collect()
    };
    let (har, ewma, naive) = (losses(|f| f.har), losses(|f| f.ewma), losses(|f| f.naive));
    Some(Score {
        source: source.to_owned(),
        horizon,
        count: known.len(),
        from_ms: millis(known.first()?.0.time),
        to_ms: millis(known.last()?.0.time),
        har: mean(&har)?,
        ewma: mean(&ewma)?,
        naive: mean(&naive)?,
        har_against_naive: diebold_mariano(&har, &naive, horizon),
        har_against_ewma: diebold_mariano(&har, &ewma, horizon),
    })
}

/// Reads implied against forecast each day that both are known: the chain is the last one before
/// the day's end, the forecast is made from the days up to it.
pub fn read(days: &[Day], chains: &[Chain], horizon: usize) -> Option<Signal> {
    let life = Span::DAY.times(horizon as u64);
    let (mut gauge, mut readings) = (Gauge::new(Span::DAY, MEMORY, THRESHOLD), Vec::new());
    let (mut losses, mut naive_losses, mut implied_losses) = (Vec::new(), Vec::new(), Vec::new());
    for forecast in variance::walk(days, horizon) {
        let known = chains.partition_point(|chain| chain.time <= forecast.time);
        let chain = known.checked_sub(1).and_then(|at| chains.get(at));
        let Some(chain) = chain.filter(|chain| forecast.time.since(chain.time) < Span::DAY) else {
            continue;
        };
        let Some(implied) = implied_variance(chain, life) else { continue };
        let yearly = |variance: f64| (variance * YEAR_DAYS).sqrt();
        let (implied_vol, forecast_vol) = (implied.sqrt(), yearly(forecast.har));
        let reading = gauge.read(implied_vol, forecast_vol);
        readings.push(SignalReading {
            time_ms: millis(forecast.time),
            implied: implied_vol,
            forecast: forecast_vol,
            realised: forecast.realised.map(yearly),
            score: reading.score,
            stance: match reading.stance {
                Stance::Buy => 1,
                Stance::Sell => -1,
                Stance::Wait => 0,
            },
        });
        if let Some(realised) = forecast.realised {
            losses.push(qlike(realised, forecast.har));
            naive_losses.push(qlike(realised, forecast.naive));
            implied_losses.push(qlike(realised, implied / YEAR_DAYS));
        }
    }
    let over = |r: &&SignalReading| r.realised.is_some();
    let above = |r: &SignalReading| r.realised.is_some_and(|realised| r.implied > realised);
    let spoken: Vec<&SignalReading> =
        readings.iter().filter(over).filter(|r| r.stance != 0).collect();
    let right = spoken.iter().filter(|r| above(r) == (r.stance < 0)).count();
    let scored = losses.len();
    Some(Signal {
        horizon,
        scored,
        har: mean(&losses)?,
        naive: mean(&naive_losses)?,
        implied: mean(&implied_losses)?,
        implied_above: readings.iter().filter(|r| above(r)).count() as f64 / scored as f64,
        spoken: spoken.len(),
        right,
        readings,
    })
}

/// Implied variance a year for a horizon: that of the two expiries around it, linear in total
/// variance, or of the nearest.
fn implied_variance(chain: &Chain, life: Span) -> Option<f64> {
    let wanted = years(chain.time, chain.time.after(life));
    let mut points: Vec<(f64, f64)> = chain
        .expiries()
        .filter_map(|expiry| {
            let left = years(chain.time, expiry);
            let quotes = chain.out_of_the_money(expiry);
            let forward = chain.forward(expiry)?;
            Some((left, variance::variance_swap(forward, &quotes, left)? * left))
        })
        .filter(|(left, _)| *left > 0.5 / YEAR_DAYS)
        .collect();
    points.sort_by(|a, b| a.0.total_cmp(&b.0));
    let above = points.partition_point(|(left, _)| *left < wanted);
    match (above.checked_sub(1).and_then(|at| points.get(at)), points.get(above)) {
        (Some((t0, w0)), Some((t1, w1))) => {
            Some((w0 + (w1 - w0) * (wanted - t0) / (t1 - t0)) / wanted)
        }
        (Some((t, w)), None) | (None, Some((t, w))) => Some(w / t),
        (None, None) => None,
    }
}

fn mean(values: &[f64]) -> Option<f64> {
    pricing::statistics::mean(values)
}
