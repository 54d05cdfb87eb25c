//! Truth tests: the rulebook's own code against what an exchange settled.
//!
//! Funding: the premium of each bar (perpetual close over spot close − 1) is fed into
//! `protocol::funding` under the industry rule, which weights it linearly in time, and each rate
//! that the rule settles is set against the recorded one. Limits of the method: closes stand in for
//! impact prices, and one exchange's spot for the multi-exchange index.

use feed::{Bar, Funding as Settled, Series};
use money::{Rate, Round, Span, Time};
use pricing::convert::rate_f64;
use pricing::statistics::{correlation, mean, mean_absolute_error};
use protocol::funding::{Funding, Observation, Terms};
use protocol::params::FundingRule;
use serde::Serialize;

/// Rates that the rule settled, against those that the exchange settled.
#[derive(Clone, Debug, Serialize)]
pub struct FundingCheck {
    /// Correlation of the two; not a number where all rates of either are the same.
    pub correlation: f64,
    /// Mean absolute difference, bp of an interval.
    pub mae_bp: f64,
    /// Settlements compared.
    pub settlements: usize,
    /// Recorded settlements without a full interval of bars before them.
    pub skipped: usize,
    /// Mean of the recorded rates, bp.
    pub mean_recorded_bp: f64,
    /// Mean of the rule's rates, bp.
    pub mean_rule_bp: f64,
    /// Settlement interval, hours.
    pub interval_h: f64,
    /// Interval of the bars, minutes.
    pub bars_min: f64,
    /// (time in ms, recorded bp, rule bp) of each settlement.
    #[serde(skip)]
    pub pairs: Vec<(u64, f64, f64)>,
}

/// Terms of the rule that is verified; the interval is read off the settlements.
#[derive(Clone, Copy, Debug)]
pub struct IndustryTerms {
    /// Interest for an interval.
    pub interest: Rate,
    /// Half-width of the dead band.
    pub clamp: Rate,
    /// Bound on the rate.
    pub cap: Rate,
}

impl Default for IndustryTerms {
    /// 1 bp, ±5 bp, ±3 %: the terms of most of the exchange's contracts.
    fn default() -> IndustryTerms {
        let (interest, clamp, cap) = (Rate::from_bp(1), Rate::from_bp(5), Rate::from_bp(300));
        IndustryTerms { interest, clamp, cap }
    }
}

/// Why files cannot be verified against each other.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum VerifyError {
    /// The bars differ in interval.
    #[error("spot bars are {spot} apart and perpetual bars {perpetual}: both need one interval")]
    Interval {
        /// Of the spot bars.
        spot: String,
        /// Of the perpetual bars.
        perpetual: String,
    },
    /// The closes are not those of one asset.
    #[error(
        "the perpetual's close is {percent:.0} % away from spot on average: are both of one asset, \
         and is each file what its option says?"
    )]
    Apart {
        /// Mean distance, per cent.
        percent: f64,
    },
    /// Nothing to compare.
    #[error(
        "no settlement has a full interval of both bars before it: bars run {first} to {last}, \
         settlements {from} to {to}"
    )]
    NoOverlap {
        /// First common bar.
        first: Time,
        /// Last common bar.
        last: Time,
        /// First settlement.
        from: Time,
        /// Last settlement.
        to: Time,
    },
}

/// Feeds recorded premiums into the industry rule and compares its settlements with the recorded.
pub fn funding(
    spot: &Series<Bar>,
    perpetual: &Series<Bar>,
    settled: &Series<Settled>,
    terms: IndustryTerms,
) -> Result<FundingCheck, VerifyError> {
    if spot.interval != perpetual.interval {
        let (spot, perpetual) = (spot.interval, perpetual.interval);
        let text = feed::interval_text;
        return Err(VerifyError::Interval { spot: text(spot), perpetual: text(perpetual) });
    }
    let interval = settled.interval;
    let IndustryTerms { interest, clamp, cap } = terms;
    let rule = Terms { interval, interest, clamp, cap };
    let premiums = premiums(spot, perpetual);
    let distances: Vec<f64> =
        premiums.iter().map(|(_, premium)| rate_f64(*premium).abs()).collect();
    let distance = mean(&distances).unwrap_or(0.0);
    if distance > 0.2 {
        return Err(VerifyError::Apart { percent: distance * 100.0 });
    }
    let expected = interval.nanos() / spot.interval.nanos();
    let rates = settle(&rule, &premiums, spot.interval, expected);
    let mut pairs = Vec::new();
    for row in &settled.rows {
        let time = row.time.after(Span::from_nanos(interval.nanos() / 2)).floor(interval);
        if let Ok(at) = rates.binary_search_by_key(&time, |(time, _)| *time) {
            pairs.push((time.millis(), rate_f64(row.rate) * 1e4, rate_f64(rates[at].1) * 1e4));
        }
    }
    let recorded: Vec<f64> = pairs.iter().map(|pair| pair.1).collect();
    let by_rule: Vec<f64> = pairs.iter().map(|pair| pair.2).collect();
    let (Some(mae_bp), Some(mean_recorded_bp), Some(mean_rule_bp)) =
        (mean_absolute_error(&by_rule, &recorded), mean(&recorded), mean(&by_rule))
    else {
        let edge = |row: Option<&(Time, Rate)>| row.map_or(Time::ZERO, |row| row.0);
        let (first, last) = (edge(premiums.first()), edge(premiums.last()));
        return Err(VerifyError::NoOverlap {
            first,
            last,
            from: settled.first(),
            to: settled.last(),
        });
    };
    Ok(FundingCheck {
        correlation: correlation(&by_rule, &recorded).unwrap_or(f64::NAN),
        mae_bp,
        settlements: pairs.len(),
        skipped: settled.rows.len() - pairs.len(),
        mean_recorded_bp,
        mean_rule_bp,
        interval_h: pricing::convert::hours(interval),
        bars_min: pricing::convert::hours(spot.interval) * 60.0,
        pairs,
    })
}

/// (open time, perpetual close over spot close − 1) of every bar that both have.
fn premiums(spot: &Series<Bar>, perpetual: &Series<Bar>) -> Vec<(Time, Rate)> {
    let mut premiums = Vec::with_capacity(perpetual.rows.len());
    let mut at = 0;
    for bar in &perpetual.rows {
        while spot.rows.get(at).is_some_and(|other| other.open_time < bar.open_time) {
            at += 1;
        }
        let other = spot.rows.get(at).filter(|other| other.open_time == bar.open_time);
        let premium = other.and_then(|other| bar.close.relative_to(other.close, Round::Down));
        premiums.extend(premium.map(|premium| (bar.open_time, premium)));
    }
    premiums
}

/// What the rule settles, with the time of settlement; only intervals whose bars are all there.
fn settle(terms: &Terms, premiums: &[(Time, Rate)], bar: Span, expected: u64) -> Vec<(Time, Rate)> {
    let Terms { interval, interest, clamp, cap } = *terms;
    let rule = FundingRule::Industry { interval, interest, clamp, cap };
    let mut funding = Funding::default();
    let (mut rates, mut seen, mut current) = (Vec::new(), 0u64, Time::ZERO);
    let last = premiums.last().map(|(open, _)| (open.after(bar), Rate::ZERO));
    for &(open, premium) in premiums.iter().chain(&last) {
        // The close is known a moment before the next bar opens, and belongs to its own interval.
        let now = Time::from_nanos(open.after(bar).nanos() - 1_000_000);
        let observation =
            Observation { now, index: money::Price::ONE, symmetric: premium, one_sided: premium };
        let accrual = funding.accrue(&rule, &observation);
        if let Some(accrual) = accrual.filter(|_| seen == expected) {
            // For the whole interval, though the first is not charged before its first bar closes.
            rates.push((current.after(terms.interval), terms.rate(accrual.premium)));
        }
        let start = now.floor(interval);
        seen = if start == current { seen + 1 } else { 1 };
        current = start;
    }
    rates
}
