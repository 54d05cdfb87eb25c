//! Undiscounted Black-76: the value of a European option on a forward, and its greeks.
//!
//!   C = F·N(d₁) − K·N(d₂), P = K·N(−d₂) − F·N(−d₁), d₁,₂ = ln(F/K)/(σ√T) ± σ√T/2
//! (Black 1976). An option in the money is the one of the other side plus what it is in the money,
//! rounded once, so put–call parity C − P = F − K holds as well as floats can say it. Out of the
//! money the value keeps its relative precision however small it is: where the two terms cancel,
//! their difference comes from the Mills ratio (Jäckel 2006) by series or by quadrature.
//!
//! Always holds: 0 ≤ C ≤ F, 0 ≤ P ≤ K. Without volatility or time an option is worth what it is in
//! the money and its gamma, vega and theta are zero. An argument that is no number, a forward or a
//! strike that is not a normal number above zero, or a negative volatility or time give NaN.

pub(crate) mod kernel;

use kernel::{PHI_0, Terms, mills, terms};

/// What an option gives the right to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OptionKind {
    /// To buy at the strike: pays max(S − K, 0).
    Call,
    /// To sell at the strike: pays max(K − S, 0).
    Put,
}

impl OptionKind {
    /// +1 for a call, −1 for a put.
    pub const fn sign(self) -> f64 {
        match self {
            OptionKind::Call => 1.0,
            OptionKind::Put => -1.0,
        }
    }
}

/// Value and derivatives of an option, in quote for each unit of base.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Greeks {
    /// Value.
    pub price: f64,
    /// ∂V/∂F.
    pub delta: f64,
    /// ∂²V/∂F².
    pub gamma: f64,
    /// ∂V/∂σ, for a volatility of 1.00.
    pub vega: f64,
    /// ∂V/∂t as time passes, for a year; no interest.
    pub theta: f64,
    /// ∂²V/∂F∂σ.
    pub vanna: f64,
    /// ∂²V/∂σ².
    pub volga: f64,
}

/// The value of an option; `years` is the time to expiry over 365 days.
pub fn price(kind: OptionKind, forward: f64, strike: f64, volatility: f64, years: f64) -> f64 {
    if !is_option(forward, strike, volatility, years) {
        return f64::NAN;
    }
    let intrinsic = kind.sign() * (forward - strike);
    time_value(forward, strike, volatility * years.sqrt()) + intrinsic.max(0.0)
}

/// The value of the option out of the money, whichever it is, with the precision and the bits of
/// [`Columns`]: to a few units in the last place of the forward.
pub fn time_value_in_columns(forward: f64, strike: f64, volatility: f64, years: f64) -> f64 {
    if !is_option(forward, strike, volatility, years) {
        return f64::NAN;
    }
    terms(forward, strike, volatility, years).time_value
}

/// The value and its derivatives.
pub fn greeks(kind: OptionKind, forward: f64, strike: f64, volatility: f64, years: f64) -> Greeks {
    if !is_option(forward, strike, volatility, years) {
        let nan = f64::NAN;
        return Greeks {
            price: nan,
            delta: nan,
            gamma: nan,
            vega: nan,
            theta: nan,
            vanna: nan,
            volga: nan,
        };
    }
    let terms = terms(forward, strike, volatility, years);
    let first = first_order(&terms, kind.sign(), forward, strike, volatility);
    let vega = forward * terms.density * terms.root;
    let exists = volatility > 0.0 && years > 0.0;
    let per_volatility = if exists { 1.0 / volatility } else { 0.0 };
    Greeks {
        price: price(kind, forward, strike, volatility, years),
        delta: first[1],
        gamma: first[2],
        vega: first[3],
        theta: first[4],
        vanna: -terms.density * terms.d2 * per_volatility,
        volga: vega * terms.d1 * terms.d2 * per_volatility,
    }
}

/// Columns of options: what a chain is priced from.
#[derive(Clone, Debug, Default)]
pub struct Columns {
    signs: Vec<f64>,
    forwards: Vec<f64>,
    strikes: Vec<f64>,
    volatilities: Vec<f64>,
    years: Vec<f64>,
}

/// Columns of values and first greeks, in the order of the options.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Values {
    /// Values.
    pub price: Vec<f64>,
    /// ∂V/∂F.
    pub delta: Vec<f64>,
    /// ∂²V/∂F².
    pub gamma: Vec<f64>,
    /// ∂V/∂σ.
    pub vega: Vec<f64>,
    /// ∂V/∂t for a year.
    pub theta: Vec<f64>,
}

impl Values {
    fn columns(&mut self) -> [&mut Vec<f64>; 5] {
        [&mut self.price, &mut self.delta, &mut self.gamma, &mut self.vega, &mut self.theta]
    }

    /// Makes room for so many options.
    fn resize(&mut self, count: usize) {
        self.columns().into_iter().for_each(|column| column.resize(count, 0.0));
    }
}

impl Columns {
    /// No options.
    pub fn new() -> Columns {
        Columns::default()
    }

    /// Forgets the options and keeps the memory.
    pub fn clear(&mut self) {
        for column in [
            &mut self.signs,
            &mut self.forwards,
            &mut self.strikes,
            &mut self.volatilities,
            &mut self.years,
        ] {
            column.clear();
        }
    }

    /// Adds an option; the arguments are those of [`price`].
    pub fn push(
        &mut self,
        kind: OptionKind,
        forward: f64,
        strike: f64,
        volatility: f64,
        years: f64,
    ) {
        let valid = is_option(forward, strike, volatility, years);
        self.signs.push(if valid { kind.sign() } else { f64::NAN });
        self.forwards.push(forward);
        self.strikes.push(strike);
        self.volatilities.push(volatility);
        self.years.push(years);
    }

    /// Number of options.
    pub fn len(&self) -> usize {
        self.signs.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.signs.is_empty()
    }

    /// Values and first greeks of all options. Values differ from those of [`price`] by at most a
    /// few units in the last place of the forward: the cancellation of small values is not undone.
    pub fn evaluate(&self, into: &mut Values) {
        into.resize(self.len());
        pulp::Arch::new().dispatch(Evaluation { columns: self, into });
    }

    #[inline(always)]
    fn evaluate_lanes(&self, into: &mut Values) {
        let count = self.len();
        for first in (0..count).step_by(LANES) {
            let options =
                [&self.signs, &self.forwards, &self.strikes, &self.volatilities, &self.years]
                    .map(|column| lanes(&column[first..]));
            let values = side_by_side(&options);
            let lanes = LANES.min(count - first);
            for (column, values) in into.columns().into_iter().zip(values) {
                column[first..first + lanes].copy_from_slice(&values[..lanes]);
            }
        }
    }
}

/// An evaluation as a value, so that it is compiled for each width of the machine's registers.
struct Evaluation<'a> {
    columns: &'a Columns,
    into: &'a mut Values,
}

impl pulp::NullaryFnOnce for Evaluation<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        self.columns.evaluate_lanes(self.into);
    }
}

/// So many options are taken at once.
const LANES: usize = 16;

/// The first of a column, filled up with ones.
#[inline(always)]
fn lanes(column: &[f64]) -> [f64; LANES] {
    column.first_chunk().copied().unwrap_or_else(|| {
        let mut lanes = [1.0; LANES];
        lanes[..column.len()].copy_from_slice(column);
        lanes
    })
}

/// [`first_order`] of each, in columns.
#[inline(always)]
fn side_by_side(options: &[[f64; LANES]; 5]) -> [[f64; LANES]; 5] {
    let [signs, forwards, strikes, volatilities, years] = options;
    let mut values = [[0.0; LANES]; 5];
    for lane in 0..LANES {
        let (forward, strike, volatility) = (forwards[lane], strikes[lane], volatilities[lane]);
        let terms = terms(forward, strike, volatility, years[lane]);
        let found = first_order(&terms, signs[lane], forward, strike, volatility);
        for (column, value) in values.iter_mut().zip(found) {
            column[lane] = value;
        }
    }
    values
}

/// Value, delta, gamma, vega and theta.
#[inline(always)]
fn first_order(terms: &Terms, sign: f64, forward: f64, strike: f64, volatility: f64) -> [f64; 5] {
    let weight = forward * terms.density;
    let intrinsic = sign * (forward - strike);
    let vega = weight * terms.root;
    [
        terms.time_value + if intrinsic < 0.0 { 0.0 } else { intrinsic },
        if sign < 0.0 { -terms.down } else { sign * terms.up },
        terms.density * terms.inverse * terms.root,
        if terms.inverse > 0.0 { vega } else { 0.0 },
        // −F·φ·σ/(2√T), and 1/√T = F·σ√T·inverse.
        -0.5 * weight * volatility * (forward * volatility * terms.root * terms.inverse),
    ]
}

fn is_option(forward: f64, strike: f64, volatility: f64, years: f64) -> bool {
    forward.is_normal()
        && strike.is_normal()
        && forward > 0.0
        && strike > 0.0
        && (0.0..f64::INFINITY).contains(&volatility)
        && (0.0..f64::INFINITY).contains(&years)
}

/// The value of the option out of the money at a deviation σ√T: √(FK)·b with
/// b = e^(x/2)·N(h + t) − e^(−x/2)·N(h − t), x = −|ln(F/K)|, h = x/σ√T, t = σ√T/2.
fn time_value(forward: f64, strike: f64, deviation: f64) -> f64 {
    let (low, high) = if strike < forward { (strike, forward) } else { (forward, strike) };
    if deviation == 0.0 {
        return 0.0;
    }
    let x = libm::log1p((low - high) / high); // exact below when they are close
    let x = if low < 0.5 * high { libm::log(low / high) } else { x };
    let (h, t) = (x / deviation, 0.5 * deviation);
    // In units of high: N(h + t)·low − N(h − t)·high.
    let cdf = |z: f64| 0.5 * libm::erfc(-z * core::f64::consts::FRAC_1_SQRT_2);
    let (up, down) = (low * cdf(h + t), high * cdf(h - t));
    let plain = up - down;
    if plain > 0.1 * up {
        return plain.min(low);
    }
    let scale = libm::sqrt(low) * libm::sqrt(high) * PHI_0 * libm::exp(-0.5 * (h * h + t * t));
    let difference = if h > -6.0 && t < 0.3 { odd_series(h, t) } else { odd_quadrature(h, t) };
    (scale * difference).clamp(0.0, low)
}

/// Y(−h − t) − Y(−h + t) for the Mills ratio Y and small t: 2·Σ t^n/n!·M⁽ⁿ⁾(h) over odd n, with
/// M(h) = Y(−h), M' = 1 + h·M and M⁽ⁿ⁺¹⁾ = h·M⁽ⁿ⁾ + n·M⁽ⁿ⁻¹⁾.
fn odd_series(h: f64, t: f64) -> f64 {
    let mut before = mills(-h);
    let mut derivative = 1.0 + h * before;
    let (mut power, mut sum) = (t, t * derivative);
    for n in 1..20 {
        let order = f64::from(n);
        let next = h * derivative + order * before;
        (before, derivative) = (derivative, next);
        power *= t / (order + 1.0);
        if n % 2 == 0 {
            sum += power * derivative;
        }
    }
    2.0 * sum
}

/// The same as ∫₀^∞ 2·sinh(t·u)·e^(h·u − u²/2) du, whose integrand has one sign, by the double
/// exponential substitution u = L·e^(y − e^(−y)) and the trapezoidal rule.
fn odd_quadrature(h: f64, t: f64) -> f64 {
    const STEP: f64 = 1.0 / 16.0;
    let length = 1.0 / (1.0 + (-h - t).max(0.0));
    let mut sum = 0.0;
    for at in -64..=96 {
        let y = f64::from(at) * STEP;
        let inner = libm::exp(-y);
        let u = length * libm::exp(y - inner);
        let weight = u * (1.0 + inner);
        let growth = -libm::expm1(-2.0 * t * u); // 2·sinh(tu) = e^(tu)·(1 − e^(−2tu))
        sum += weight * growth * libm::exp((h + t) * u - 0.5 * u * u);
    }
    sum * STEP
}

#[cfg(test)]
#[allow(clippy::excessive_precision)] // published digits
mod tests;
