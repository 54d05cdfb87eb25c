//! How much of a premium funding may correct per interval before its delay makes it ring.
//!
//! Premium `x`, gain `k`. Stable: deviations die out. Monotone: they die out without overshoot.
//!
//! | loop | stable | monotone |
//! |---|---|---|
//! | `x' = x − k·x₋d` | `k < 2cos(dπ/(2d+1))` (Levin and May 1976) | `k ≤ dᵈ/(d+1)^(d+1)` |
//! | `x' = x − k·mean(last W)` | `k < W(1 − cos(π/W))` | |
//! | mean of n steps paid over the next n | `k < min(2n, 2n/(n−1))` | [`interval_monotone_limit`] |
//! | `ẋ = −k·x(t−τ)` | `kτ < π/2` | `kτ ≤ 1/e` |
//! | `ẋ = −k·mean of the last W` | `kW < π²/2` | |
//!//!
//! The last three follow from the characteristic equation. For the interval rule the state is
//! (x, u), `x' = x − k·u`, `u' = x − a·k·u` with `a = (n+1)/2n`: trace `1 − a·k`, determinant
//! `k(1−a)`; Jury's criterion gives the stable limit, a real spectrum the monotone one.

use std::f64::consts::PI;

/// Stable limit of k·τ for a pure delay τ.
pub const DELAY_LIMIT: f64 = PI / 2.0;
/// Monotone limit of k·τ for a pure delay τ.
pub const DELAY_MONOTONE_LIMIT: f64 = 1.0 / std::f64::consts::E;
/// Stable limit of k·W for a continuous average over a window W.
pub const WINDOW_LIMIT: f64 = PI * PI / 2.0;
/// Stable limit of k for an interval rule in continuous time.
pub const INTERVAL_LIMIT: f64 = 2.0;
/// Monotone limit of k for an interval rule in continuous time: 6 − 4√2.
pub const INTERVAL_MONOTONE_LIMIT: f64 = 6.0 - 4.0 * std::f64::consts::SQRT_2;

/// Stable limit of the gain per step when the premium acts `lag` steps late.
pub fn lag_limit(lag: u32) -> f64 {
    let lag = f64::from(lag);
    2.0 * libm::cos(lag * PI / (2.0 * lag + 1.0))
}

/// Monotone limit of the gain per step when the premium acts `lag` steps late.
pub fn lag_monotone_limit(lag: u32) -> f64 {
    let lag = f64::from(lag);
    libm::pow(lag / (lag + 1.0), lag) / (lag + 1.0)
}

/// Stable limit of the gain per step on the mean of the last `window` steps; zero for no window.
pub fn window_limit(window: u32) -> f64 {
    if window == 0 {
        return 0.0;
    }
    let sine = libm::sin(PI / (2.0 * f64::from(window)));
    2.0 * f64::from(window) * sine * sine
}

/// Stable limit of the gain per interval when the mean of an interval of `steps` is paid over the
/// next; zero for no steps.
pub fn interval_limit(steps: u32) -> f64 {
    let steps = f64::from(steps);
    if steps <= 1.0 { 2.0 * steps } else { (2.0 * steps).min(2.0 * steps / (steps - 1.0)) }
}

/// Monotone limit of the gain per interval when the mean of an interval of `steps` is paid over the
/// next: `(2 − a − 2√(1−a))/a²`; zero for no steps.
pub fn interval_monotone_limit(steps: u32) -> f64 {
    if steps == 0 {
        return 0.0;
    }
    let a = (f64::from(steps) + 1.0) / (2.0 * f64::from(steps));
    (2.0 - a - 2.0 * (1.0 - a).sqrt()) / (a * a)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(actual: f64, expected: f64, tolerance: f64) {
        assert!((actual - expected).abs() < tolerance, "{actual} is not {expected}");
    }

    /// Theory vectors: spectral radius by bisection.
    #[test]
    fn limits_agree_with_the_spectral_radius() {
        let stable = [2.0, 1.0, 0.618034, 0.445042, 0.347296, 0.284630];
        let monotone = [1.0, 0.25, 0.148148, 0.105469, 0.08192, 0.066980];
        for (lag, (stable, monotone)) in stable.into_iter().zip(monotone).enumerate() {
            near(lag_limit(lag as u32), stable, 1e-6);
            near(lag_monotone_limit(lag as u32), monotone, 1e-6);
        }
        let windows = [
            (1, 2.0),
            (2, 2.0),
            (4, 1.1715728752595655),
            (8, 0.6089637399159888),
            (24, 0.20532332703500739),
            (96, 0.05139960227538026),
        ];
        for (window, limit) in windows {
            near(window_limit(window), limit, 1e-9);
        }
        let intervals =
            [(1, 2.0), (8, 2.285714285718859), (96, 2.0210526315829886), (480, 2.004175365348475)];
        for (steps, limit) in intervals {
            near(interval_limit(steps), limit, 1e-9);
        }
    }

    #[test]
    fn continuous_limits_are_the_closed_forms() {
        near(INTERVAL_MONOTONE_LIMIT, 0.3431457505076194, 1e-12);
        near(interval_monotone_limit(1_000_000), INTERVAL_MONOTONE_LIMIT, 1e-5);
        near(interval_monotone_limit(1), 1.0, 1e-12);
        near(interval_limit(1_000_000), INTERVAL_LIMIT, 1e-5);
        near(WINDOW_LIMIT, 4.934802200544679, 1e-12);
        near(f64::from(1000) * window_limit(1000), WINDOW_LIMIT, 1e-4);
        near(DELAY_MONOTONE_LIMIT, 0.36787944117144233, 1e-12);
    }

    /// Largest |x| late in the recursion, and whether x ever changed sign.
    fn lagged(gain: f64, lag: usize) -> (f64, bool) {
        let mut past = vec![1.0f64; lag + 1];
        let (mut peak, mut crossed) = (0.0f64, false);
        for step in 0..20_000 {
            let next = past[lag] - gain * past[0];
            past.rotate_left(1);
            past[lag] = next;
            crossed |= next < -1e-300;
            if step > 19_900 {
                peak = peak.max(next.abs());
            }
        }
        (peak, crossed)
    }

    #[test]
    fn the_recursion_dies_out_below_the_limit_and_grows_above() {
        for lag in 0..6 {
            let limit = lag_limit(lag);
            assert!(lagged(limit * 0.99, lag as usize).0 < 1e-3, "lag {lag}");
            assert!(lagged(limit * 1.01, lag as usize).0 > 1e3, "lag {lag}");
        }
    }

    #[test]
    fn the_recursion_overshoots_only_above_the_monotone_limit() {
        for lag in 1..6 {
            let limit = lag_monotone_limit(lag);
            assert!(!lagged(limit * 0.999, lag as usize).1, "lag {lag}");
            assert!(lagged(limit * 1.05, lag as usize).1, "lag {lag}");
        }
    }
}
