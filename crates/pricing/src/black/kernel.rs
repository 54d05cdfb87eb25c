//! Black-76 without a branch: one body for an option alone and for columns of them.
//!
//! Only + − × ÷ and √ on floats and shifts of their bits, so that the compiler may put as many
//! options side by side as the machine has room for and every width gives the same bits.
//! The normal distribution comes from its Mills ratio Y(z) = N(−z)/φ(z), and F·φ(d₁) = K·φ(d₂)
//! needs one exponential for both. Y(z) = p(y)/(1 + 2x), x = z/√2, y = (x − 3)/(x + 3), with p the
//! Chebyshev interpolant of degree 23 (a substitution of Shepherd and Laframboise 1981; fitted
//! here): relative error 4·10⁻¹⁶ for all z ≥ 0.

use core::f64::consts::{FRAC_1_SQRT_2, LOG2_E};

/// 1/√(2π).
pub(crate) const PHI_0: f64 = 0.398_942_280_401_432_7;
/// Beyond so many deviations the normal distribution is nothing.
const FAR: f64 = 37.0;
/// Its addition rounds a float below 2⁵¹ to an integer, in the low bits.
const ROUNDER: f64 = 6_755_399_441_055_744.0; // 1.5·2⁵²
/// ln 2 in two parts; the first has 32 bits.
const LN_2_HIGH: f64 = 0.693_147_180_369_123_8;
const LN_2_LOW: f64 = 1.908_214_929_270_587_7e-10;

/// Coefficients of p, lowest power first.
#[allow(clippy::excessive_precision)]
const MILLS: [f64; 24] = [
    1.5704127135996961,
    -0.16997584962430334,
    -0.05961049591630295,
    0.16248611023668,
    -0.14948736856963593,
    0.08561141636238137,
    -0.029791922364823267,
    0.0031701225214193743,
    0.0023671220005105366,
    -0.000977374808292606,
    -0.00013179640031173997,
    0.00015678877447195197,
    6.196540934754611e-06,
    -2.5192293792850923e-05,
    -9.008676427040414e-07,
    4.351971595343468e-06,
    4.2198824818126095e-07,
    -7.727949334167117e-07,
    -1.5107626940869728e-07,
    1.2763275671853514e-07,
    3.489713002778813e-08,
    -1.6685270420125265e-08,
    -3.987236123851944e-09,
    1.2360852678263993e-09,
];

/// What is known of an option from its distances d₁ and d₂.
#[derive(Clone, Copy, Debug)]
pub(super) struct Terms {
    /// d₁ = ln(F/K)/(σ√T) + σ√T/2.
    pub(super) d1: f64,
    /// d₂ = d₁ − σ√T.
    pub(super) d2: f64,
    /// φ(d₁).
    pub(super) density: f64,
    /// N(d₁).
    pub(super) up: f64,
    /// N(−d₁).
    pub(super) down: f64,
    /// Value of the option out of the money.
    pub(super) time_value: f64,
    /// 1/(F·σ√T·√T); nothing without variance.
    pub(super) inverse: f64,
    /// √T.
    pub(super) root: f64,
}

/// N(−z)/φ(z) for 0 ≤ z.
#[inline(always)]
pub(crate) fn mills(z: f64) -> f64 {
    let x = z * FRAC_1_SQRT_2;
    let (near, far) = (x + 3.0, 1.0 + 2.0 * x);
    let inverse = 1.0 / (near * far);
    let y = (x - 3.0) * (far * inverse);
    let mut sum = MILLS[23];
    for at in (0..23).rev() {
        sum = sum * y + MILLS[at];
    }
    sum * (near * inverse)
}

/// e^x for −700 ≤ x ≤ 0.
#[inline(always)]
pub(crate) fn exp_below(x: f64) -> f64 {
    let rounded = x * LOG2_E + ROUNDER;
    let whole = rounded - ROUNDER;
    let rest = (x - whole * LN_2_HIGH) - whole * LN_2_LOW;
    let mut sum = 1.0 / 6_227_020_800.0; // 1/13!
    sum = sum * rest + 1.0 / 479_001_600.0;
    sum = sum * rest + 1.0 / 39_916_800.0;
    sum = sum * rest + 1.0 / 3_628_800.0;
    sum = sum * rest + 1.0 / 362_880.0;
    sum = sum * rest + 1.0 / 40_320.0;
    sum = sum * rest + 1.0 / 5_040.0;
    sum = sum * rest + 1.0 / 720.0;
    sum = sum * rest + 1.0 / 120.0;
    sum = sum * rest + 1.0 / 24.0;
    sum = sum * rest + 1.0 / 6.0;
    sum = sum * rest + 0.5;
    sum = sum * rest + 1.0;
    sum = sum * rest + 1.0;
    sum * f64::from_bits(rounded.to_bits().wrapping_add(1023) << 52)
}

/// ln x for a normal x above zero.
#[inline(always)]
pub(crate) fn ln(x: f64) -> f64 {
    const ROOT_HALF: u64 = FRAC_1_SQRT_2.to_bits();
    const ONE: u64 = 1023 << 52;
    const TWO_52: f64 = 4_503_599_627_370_496.0;
    let biased = x.to_bits().wrapping_sub(ROOT_HALF).wrapping_add(ONE);
    let power = biased >> 52;
    let mantissa = (biased & ((1 << 52) - 1)).wrapping_add(ROOT_HALF);
    let exponent = f64::from_bits(power | TWO_52.to_bits()) - (TWO_52 + 1023.0);
    let part = f64::from_bits(mantissa) - 1.0;
    let s = part / (part + 2.0);
    let square = s * s;
    let mut sum = 1.0 / 23.0;
    sum = sum * square + 1.0 / 21.0;
    sum = sum * square + 1.0 / 19.0;
    sum = sum * square + 1.0 / 17.0;
    sum = sum * square + 1.0 / 15.0;
    sum = sum * square + 1.0 / 13.0;
    sum = sum * square + 1.0 / 11.0;
    sum = sum * square + 1.0 / 9.0;
    sum = sum * square + 1.0 / 7.0;
    sum = sum * square + 1.0 / 5.0;
    sum = sum * square + 1.0 / 3.0;
    // 2·atanh(s) = part − s·part + 2·s³·sum.
    let atanh = part - s * (part - 2.0 * square * sum);
    exponent * LN_2_HIGH + (atanh + exponent * LN_2_LOW)
}

/// Everything that prices and greeks are made of. Forward and strike are normal and above zero,
/// volatility and time at least zero; without variance the distances are ±37, or zero at the money.
#[inline(always)]
pub(super) fn terms(forward: f64, strike: f64, volatility: f64, years: f64) -> Terms {
    let root = years.sqrt();
    let deviation = volatility * root;
    let exists = deviation > 0.0;
    let (safe_deviation, safe_root) = if exists { (deviation, root) } else { (1e-100, 1.0) };
    let inverse = 1.0 / (forward * safe_deviation * safe_root);
    let log = ln(forward / strike);
    let middle = log * (inverse * forward * safe_root);
    let half = 0.5 * deviation;
    let d1 = (middle + half).clamp(-FAR, FAR);
    let d2 = (middle - half).clamp(-FAR, FAR);
    let density = PHI_0 * exp_below(-0.5 * d1 * d1);
    let weight = forward * density;
    let (mills1, mills2) = (mills(d1.abs()), mills(d2.abs()));
    let (tail1, tail2) = (density * mills1, weight * mills2);
    let (up, down) = if d1 < 0.0 { (tail1, 1.0 - tail1) } else { (1.0 - tail1, tail1) };
    let call = (if d1 < 0.0 { weight * mills1 } else { forward - weight * mills1 }) - tail2;
    let put = (if d2 > 0.0 { tail2 } else { strike - tail2 }) - weight * mills1;
    let value = if strike >= forward { call } else { put };
    let least = if strike >= forward { forward } else { strike };
    Terms {
        d1,
        d2,
        density,
        up,
        down,
        time_value: if exists { value.max(0.0).min(least) } else { 0.0 },
        inverse: if exists { inverse } else { 0.0 },
        root,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::f64::consts::LN_2;

    #[test]
    fn the_logarithm_is_that_of_the_reference_to_two_units_in_the_last_place() {
        let mut x = 1e-300;
        while x < 1e300 {
            let (own, reference) = (ln(x), libm::log(x));
            assert!((own - reference).abs() <= 2.0 * f64::EPSILON * reference.abs(), "{x}");
            x *= 1.003_7;
        }
        for steps in -1000..1000 {
            let x = 1.0 + f64::from(steps) * 1e-6;
            let (own, reference) = (ln(x), libm::log(x));
            assert!((own - reference).abs() <= 2.0 * f64::EPSILON * reference.abs(), "{x}");
        }
    }

    #[test]
    fn the_exponential_is_that_of_the_reference_to_two_units_in_the_last_place() {
        for steps in 0..70_000 {
            let x = -f64::from(steps) * 0.01;
            let (own, reference) = (exp_below(x), libm::exp(x));
            assert!((own / reference - 1.0).abs() <= 2.0 * f64::EPSILON, "{x}");
        }
        assert_eq!(exp_below(0.0), 1.0);
    }

    /// Against the complementary error function, where that is precise, and beyond against the
    /// continued fraction.
    #[test]
    fn the_mills_ratio_holds_for_every_distance() {
        for steps in 0..4_000 {
            let z = f64::from(steps) * 0.01;
            let reference = if z < 2.0 {
                0.5 * libm::erfc(z * FRAC_1_SQRT_2) / (PHI_0 * libm::exp(-0.5 * z * z))
            } else {
                let mut fraction = z;
                for at in (1..2_000).rev() {
                    fraction = z + f64::from(at) / fraction;
                }
                1.0 / fraction
            };
            assert!((mills(z) / reference - 1.0).abs() < 2e-15, "{z}");
        }
        assert!((LN_2 - LN_2_HIGH - LN_2_LOW).abs() < 1e-16);
    }
}
