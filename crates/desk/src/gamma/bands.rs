//! Half-widths of the bands in which a hedge is left alone, in units of the underlying.
//!
//! Whalley and Wilmott (1997), without interest: `H = (3/2 · λSΓ²/γ)^⅓`. Zakamouline (2006), a fit
//! to the exact solution at prices near 100: `H₀ = λ/(γSσ²τ)`,
//! `H₁ = 1.12 λ^.31 τ^.05 σ^−.25 (|Γ|/γ)^.5` and the correction of the squared volatility
//! `K = −4.76 λ^.78 τ^−.02 σ^−.25 (γS²|Γ|)^.15`. λ is the cost of one trade as a share, γ the
//! absolute risk aversion.

/// What both ask of a book.
#[derive(Clone, Copy, Debug)]
pub(super) struct Terms {
    /// Price of the underlying.
    pub(super) price: f64,
    /// Gamma of the book, of either sign.
    pub(super) gamma: f64,
    /// λ.
    pub(super) one_way: f64,
    /// γ.
    pub(super) risk_aversion: f64,
}

/// A band of Zakamouline.
#[derive(Clone, Copy, Debug)]
pub(super) struct Zakamouline {
    /// H₀ + H₁.
    pub(super) half_width: f64,
    /// K.
    pub(super) correction: f64,
}

/// The half-width of Whalley and Wilmott.
pub(super) fn whalley_wilmott(terms: &Terms) -> f64 {
    let Terms { price, gamma, one_way, risk_aversion } = *terms;
    libm::cbrt(1.5 * one_way * price * gamma * gamma / risk_aversion)
}

/// The band of Zakamouline for options of this volatility and time.
pub(super) fn zakamouline(terms: &Terms, volatility: f64, years: f64) -> Zakamouline {
    let Terms { price, gamma, one_way, risk_aversion } = *terms;
    let (gamma, of_volatility) = (gamma.abs(), libm::pow(volatility, -0.25));
    let outer = one_way / (risk_aversion * price * volatility * volatility * years);
    let of_cost = 1.12 * libm::pow(one_way, 0.31) * libm::pow(years, 0.05);
    let inner = of_cost * of_volatility * libm::sqrt(gamma / risk_aversion);
    let of_cost = -4.76 * libm::pow(one_way, 0.78) * libm::pow(years, -0.02);
    let curvature = libm::pow(risk_aversion * price * price * gamma, 0.15);
    Zakamouline { half_width: outer + inner, correction: of_cost * of_volatility * curvature }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Theory vectors `whalley_wilmott_band` and `zakamouline_band`.
    #[test]
    fn bands_agree_with_the_vectors() {
        let near = |actual: f64, expected: f64| {
            assert!((actual - expected).abs() < 1e-12, "{actual} is not {expected}");
        };
        let (price, gamma, one_way) = (100.0, 0.039_844_391_409_476_404, 0.001);
        let terms = Terms { price, gamma, one_way, risk_aversion: 1.0 };
        near(whalley_wilmott(&terms), 0.061_983_374_749_663_93);
        let (price, gamma, one_way) = (60_000.0, 3.851_120_212_064_754e-5, 0.0005);
        let coin = Terms { price, gamma, one_way, risk_aversion: 0.0001 };
        near(whalley_wilmott(&coin), 0.087_390_097_006_888_71);
        let band = zakamouline(&terms, 0.2, 0.25);
        near(band.half_width, 0.001 + 0.036_647_227_401_362_99);
        near(band.correction, -0.082_119_393_518_628_54);
    }
}
