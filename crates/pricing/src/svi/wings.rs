//! The jump-wings form: what a trader reads off a smile, at a given time to expiry.
//!
//! With `w = vt` the variance at the money: `v`, `ψ = w'(0)/(2√w)`, `p = b(1−ρ)/√w`,
//! `c = b(1+ρ)/√w`, `ṽ` the least variance over `t` (Gatheral and Jacquier 2014, §3.3). Back, with
//! `β = ρ − 2ψ√w/b = m/√(m²+σ²)` the root at the money is
//! `(v−ṽ)t(1−ρβ+√((1−ρ²)(1−β²))) / (b(ρ−β)²)`, which has no sign to choose.

use super::Svi;

/// A slice in jump-wings form.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct JumpWings {
    /// Variance a year at the money.
    pub v: f64,
    /// Skew at the money.
    pub psi: f64,
    /// Slope of the left (put) wing.
    pub p: f64,
    /// Slope of the right (call) wing.
    pub c: f64,
    /// Least variance a year.
    pub v_min: f64,
}

impl Svi {
    /// The jump-wings form for `years` to expiry.
    pub fn jump_wings(&self, years: f64) -> JumpWings {
        let root = self.variance(0.0).sqrt();
        JumpWings {
            v: self.variance(0.0) / years,
            psi: self.slope(0.0) / (2.0 * root),
            p: self.b * (1.0 - self.rho) / root,
            c: self.b * (1.0 + self.rho) / root,
            v_min: self.lowest_variance() / years,
        }
    }
}

impl JumpWings {
    /// The raw form; `None` if no slice has these wings (`v_min > v`, a skew beyond the wings'
    /// slopes, or no skew, which leaves the width open).
    pub fn raw(&self, years: f64) -> Option<Svi> {
        let w = self.v * years;
        let root = w.sqrt();
        let b = root / 2.0 * (self.c + self.p);
        let rho = 1.0 - self.p * root / b;
        let beta = rho - 2.0 * self.psi * root / b;
        let both = (1.0 - rho * rho) * (1.0 - beta * beta);
        let apart = rho - beta;
        let distance = (self.v - self.v_min) * years * (1.0 - rho * beta + both.max(0.0).sqrt())
            / (b * apart * apart);
        let sigma = distance * (1.0 - beta * beta).max(0.0).sqrt();
        let slice = Svi {
            a: self.v_min * years - b * sigma * (1.0 - rho * rho).max(0.0).sqrt(),
            b,
            rho,
            m: beta * distance,
            sigma,
        };
        let parameters = [slice.a, b, rho, slice.m, sigma];
        let valid = parameters.iter().all(|x| x.is_finite()) && b > 0.0 && sigma > 0.0;
        (valid && rho.abs() < 1.0 && beta.abs() < 1.0).then_some(slice)
    }

    /// The closed-form repair of Gatheral and Jacquier §5.1: `c' = p + 2ψ`,
    /// `ṽ' = v·4pc'/(p+c')²`, which is an SSVI slice with the same level, skew and put wing.
    #[must_use]
    pub fn natural(&self) -> JumpWings {
        let c = self.p + 2.0 * self.psi;
        let sum = self.p + c;
        JumpWings { c, v_min: self.v * 4.0 * self.p * c / (sum * sum), ..*self }
    }
}
