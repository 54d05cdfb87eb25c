//! Implied volatilities several at a time, without a branch.
//!
//! With r = low/high of forward and strike, y = ln r and α the value of the option out of the money
//! over the higher, s = σ√T starts from the explicit formula of Stefanica and Radoičić (2017),
//! which is within some tens of percent of the root, and is improved by three steps of
//! Householder's method of fourth order on ln b(s) − ln b, as Jäckel does for low prices. What the
//! last step still moved by more than 10⁻⁴, and what lies outside of the formulas, is left to the
//! caller.

use core::f64::consts::{FRAC_2_PI, FRAC_PI_2};

use super::{Quote, time_value};
use crate::black::kernel::{PHI_0, exp_below, ln, mills};

/// So many are taken at once.
const LANES: usize = 8;
/// Steps, and what the last may move the root by at most, as a ratio: the next would move it by
/// the fourth power.
const STEPS: usize = 3;
const SETTLED: f64 = 1e-4;
/// Below this deviation σ√T differences of the normal distribution lose too much.
const DEVIATION_MIN: f64 = 1e-3;

/// An inversion as a value, so that it is compiled for each width of the machine's registers.
pub(super) struct Inversion<'a> {
    pub(super) quotes: &'a [Quote],
    pub(super) into: &'a mut Vec<Option<f64>>,
}

impl pulp::NullaryFnOnce for Inversion<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        for quotes in self.quotes.chunks(LANES) {
            let (mut ratio, mut alpha, mut years) = ([1.0; LANES], [0.1; LANES], [1.0; LANES]);
            let mut valid = [false; LANES];
            for (lane, quote) in quotes.iter().enumerate() {
                let Quote { kind, price, forward, strike, .. } = *quote;
                let value = time_value(kind, price, [forward, strike, quote.years]);
                if let Some(value) = value.filter(|value| *value > 0.0) {
                    let (low, high) =
                        if forward < strike { (forward, strike) } else { (strike, forward) };
                    (ratio[lane], alpha[lane]) = (low / high, value / high);
                    (years[lane], valid[lane]) = (quote.years, true);
                }
            }
            let found = side_by_side(&ratio, &alpha, &years);
            self.into
                .extend((0..quotes.len()).map(|lane| {
                    Some(found[lane]).filter(|found| valid[lane] && found.is_finite())
                }));
        }
    }
}

/// Annual volatilities, NaN where the steps did not settle.
#[inline(always)]
fn side_by_side(ratio: &[f64; LANES], alpha: &[f64; LANES], years: &[f64; LANES]) -> [f64; LANES] {
    let (mut deviation, mut moved) = ([0.0; LANES], [0.0; LANES]);
    let (mut log, mut root) = ([0.0; LANES], [0.0; LANES]);
    for lane in 0..LANES {
        (log[lane], root[lane]) = (ln(ratio[lane]), ratio[lane].sqrt());
        deviation[lane] = explicit(ratio[lane], log[lane], alpha[lane]);
    }
    for _ in 0..STEPS {
        for lane in 0..LANES {
            let s = deviation[lane];
            // Never below half nor above twice.
            let step = householder(s, log[lane], root[lane], alpha[lane] / root[lane]);
            let next = within(s + step, 0.5 * s, 2.0 * s);
            moved[lane] = (next - s).abs();
            deviation[lane] = next;
        }
    }
    let mut found = [0.0; LANES];
    for lane in 0..LANES {
        let s = deviation[lane];
        let settled = moved[lane] < SETTLED * s && s > DEVIATION_MIN;
        found[lane] = if settled { s / years[lane].sqrt() } else { f64::NAN };
    }
    found
}

/// Clamps; what is no number becomes `least`.
#[inline(always)]
fn within(value: f64, least: f64, most: f64) -> f64 {
    let value = if value > least { value } else { least };
    if value < most { value } else { most }
}

/// The explicit formula.
#[inline(always)]
fn explicit(ratio: f64, y: f64, alpha: f64) -> f64 {
    let (power, second) = (exp_below((1.0 - FRAC_2_PI) * y), exp_below(FRAC_2_PI * y));
    let inverse = 1.0 / power;
    let excess = 2.0 * alpha - ratio + 1.0;
    let a = (power - inverse) * (power - inverse);
    let b = 4.0 * (second + 1.0 / second)
        - 2.0 / ratio * (power + inverse) * (ratio * ratio + 1.0 - excess * excess);
    let c =
        16.0 * alpha * (alpha + 1.0 - ratio) * (ratio - alpha) * (1.0 + alpha) / (ratio * ratio);
    let beta = 2.0 * c / (b + within(b * b + 4.0 * a * c, 0.0, f64::MAX).sqrt());
    let gamma = within(-FRAC_PI_2 * ln(within(beta, 1e-300, 1e300)), -y, f64::MAX);
    let (far, near) = ((gamma - y).sqrt(), within(gamma + y, 0.0, f64::MAX).sqrt());
    let middle = 0.5 * (ratio - 1.0 + within(1.0 - second * second, 0.0, 1.0).sqrt());
    let s = if alpha <= middle { -2.0 * y / (far + near) } else { far + near };
    within(s, 1e-4, 1e4)
}

/// A step of order four towards ln b(s) = ln `target`.
#[inline(always)]
fn householder(s: f64, y: f64, root: f64, target: f64) -> f64 {
    let (h, t) = (y / s, 0.5 * s);
    let (d1, d2) = (h + t, h - t);
    let exponent = -0.5 * (h * h + t * t);
    let vega = PHI_0 * exp_below(within(exponent, -700.0, 0.0));
    let tail = vega * mills(d1.abs());
    let value = (if d1 < 0.0 { tail } else { root - tail }) - vega * mills(-d2);
    let (rate, gap) = (vega / value, ln(within(value / target, 1e-300, 1e300)));
    let second = h * h / s - 0.25 * s;
    let third = second * second - 3.0 * h * h / (s * s) - 0.25;
    let (gamma, delta) = (second - rate, third - 3.0 * rate * second + 2.0 * rate * rate);
    let newton = -gap / rate;
    newton * (1.0 + 0.5 * gamma * newton) / (1.0 + newton * (gamma + delta * newton / 6.0))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::black::{self, OptionKind};

    /// The slow way is for the few: of options as they are listed, within four deviations of the
    /// forward, nearly none.
    #[test]
    fn listed_options_settle() {
        let (mut asked, mut settled) = (0, 0);
        for days in [0.3, 1.0, 7.0, 30.0, 90.0, 365.0] {
            for percent in [20, 40, 80, 150, 250] {
                let (years, volatility) = (days / 365.0, f64::from(percent) / 100.0);
                for at in -40..=40 {
                    let distance = 0.1 * f64::from(at) * volatility * f64::sqrt(years);
                    let (ratio, strike) = (libm::exp(-distance.abs()), libm::exp(distance));
                    let kind = if at < 0 { OptionKind::Put } else { OptionKind::Call };
                    let value = black::price(kind, 1.0, strike, volatility, years);
                    let alpha = value / strike.max(1.0);
                    let found = side_by_side(&[ratio; LANES], &[alpha; LANES], &[years; LANES]);
                    asked += 1;
                    if found[0].is_finite() {
                        settled += 1;
                        assert!(
                            (found[0] / volatility - 1.0).abs() < 1e-12,
                            "{days} {percent} {at}"
                        );
                    }
                }
            }
        }
        assert!(settled * 100 >= asked * 99, "{settled} of {asked}");
    }
}
