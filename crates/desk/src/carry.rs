//! What a hedged position in a perpetual is expected to earn, and the premium at which it earns a
//! given amount: the valuation behind the basis trade.
//!
//! A short at premium `p`, hedged in spot, is closed at a random time τ, exponential with mean H
//! (random-maturity arbitrage: He, Manela, Ross, von Wachter, arXiv 2212.06888). The premium
//! returns to a level m at speed θ, so `E[p_t] = m + (p − m)·e^(−θt)`. Per unit of notional, before
//! costs:
//!
//! `V(p) = (p − m)·θH/(1 + θH)  +  E[funding until τ]  −  c·H/8h`
//!
//! Funding that accrues: `H/8h · E[F(p_τ)]`. Funding that settles at `t_k = T − e + kT` (e into the
//! interval T): `Σ e^(−t_k/H)·F(P̄_k)·T/8h`, the first P̄ mixing the running average with the
//! forecast. m is the observed mean premium projected on the rule's own fair set `F(p) = c`: the
//! one premium at which funding pays the financing, and inside a dead band with c = I the level
//! seen. V rises with p, with `V(m) = 0` up to the timing of settlements. F of an expected premium
//! stands for the expectation of F: inside a dead band that neglects the chance to leave it.
//! Averages over a whole interval are taken at points of it, which errs by less than a tenth of |p
//! − m|.

use pricing::convert::{hours, rate_f64};
use pricing::funding::{Fair, QUOTED_H, Rule};

use crate::strategy::Published;

/// Points of the distribution of τ over which funding is averaged.
const NODES: usize = 8;
/// No premium beyond this distance from the level is asked for: 20 %.
const PREMIUM_SPAN: f64 = 0.2;

/// A streaming estimate of a premium's mean and speed of return, from samples at equal steps.
///
/// The mean is exponentially weighted; the persistence is a least-squares fit on deviations from
/// it with exponential forgetting, shrunk towards a prior: `φ = (Σxy + wφ₀)/(Σxx + w)`.
#[derive(Clone, Debug)]
pub struct Reversion {
    step_h: f64,
    mean: f64,
    weight: f64,
    last: Option<f64>,
    products: f64,
    squares: f64,
    prior: f64,
}

impl Reversion {
    /// Weight of the prior: so many samples of one basis point each.
    const PRIOR_WEIGHT: f64 = 100.0 * 1e-4 * 1e-4;
    /// Half-lives outside of one step … one week are not believed.
    const HALF_LIFE_MAX_H: f64 = 168.0;

    /// An estimate from samples `step_h` apart, forgetting over `memory_h`, that starts from
    /// `half_life_h`; all in hours, above zero.
    pub fn new(step_h: f64, memory_h: f64, half_life_h: f64) -> Reversion {
        Reversion {
            step_h,
            mean: 0.0,
            weight: 1.0 - libm::exp(-step_h / memory_h),
            last: None,
            products: 0.0,
            squares: 0.0,
            prior: libm::exp(-std::f64::consts::LN_2 * step_h / half_life_h),
        }
    }

    /// Takes the next sample.
    pub fn push(&mut self, premium: f64) {
        let Some(last) = self.last.replace(premium) else {
            self.mean = premium;
            return;
        };
        let (before, after) = (last - self.mean, premium - self.mean);
        let kept = 1.0 - self.weight;
        self.products = kept * self.products + before * after;
        self.squares = kept * self.squares + before * before;
        self.mean += self.weight * after;
    }

    /// The mean premium; zero before the first sample.
    pub fn mean(&self) -> f64 {
        self.mean
    }

    /// θ, per hour.
    pub fn speed(&self) -> f64 {
        let persistence =
            (self.products + Self::PRIOR_WEIGHT * self.prior) / (self.squares + Self::PRIOR_WEIGHT);
        let slowest = std::f64::consts::LN_2 / Self::HALF_LIFE_MAX_H;
        let fastest = std::f64::consts::LN_2 / self.step_h;
        let speed = -libm::log(persistence.max(1e-9)) / self.step_h;
        speed.max(slowest).min(fastest.max(slowest))
    }
}

/// What is expected of a perpetual from now on.
#[derive(Clone, Debug)]
pub struct Outlook {
    rule: Rule,
    fair: Fair,
    financing_8h: f64,
    horizon_h: f64,
    level: f64,
    speed: f64,
    published: Published,
    /// What is left of a deviation at each point of the distribution of τ.
    decays: [f64; NODES],
}

impl Outlook {
    /// The outlook under a rule, for a holder who pays `financing_8h` and stays `horizon_h` hours.
    pub fn new(rule: Rule, financing_8h: f64, horizon_h: f64) -> Outlook {
        let published = Published::default();
        let mut outlook = Outlook {
            rule,
            fair: rule.fair_premium(financing_8h),
            financing_8h,
            horizon_h,
            level: 0.0,
            speed: 0.0,
            published,
            decays: [1.0; NODES],
        };
        outlook.update(published, &Reversion::new(1.0, 1.0, 1.0));
        outlook
    }

    /// Takes new data of the exchange and the estimate of reversion.
    pub fn update(&mut self, published: Published, reversion: &Reversion) {
        self.published = published;
        self.level = match self.fair {
            Fair::Point(premium) => premium,
            Fair::Interval { low, high } => reversion.mean().max(low).min(high),
            Fair::None => 0.0,
        };
        let speed = reversion.speed();
        if speed != self.speed {
            self.speed = speed;
            for (node, decay) in self.decays.iter_mut().enumerate() {
                // at the quantile q of τ: e^(−θt) = (1 − q)^(θH)
                let survival = 1.0 - (node as f64 + 0.5) / NODES as f64;
                *decay = libm::pow(survival, speed * self.horizon_h);
            }
        }
    }

    /// The level that the premium is expected to return to.
    pub fn level(&self) -> f64 {
        self.level
    }

    /// V(p): what a hedged short at `premium` is expected to earn, a fraction of notional, before
    /// costs. A long earns the negative.
    pub fn value_short(&self, premium: f64) -> f64 {
        let returned = self.speed * self.horizon_h / (1.0 + self.speed * self.horizon_h);
        let financing = self.financing_8h * self.horizon_h / QUOTED_H;
        (premium - self.level) * returned + self.funding(premium) - financing
    }

    /// The premium at which a hedged short is worth `value`: the inverse of
    /// [`Outlook::value_short`], within 20 % of the level.
    pub fn premium_worth(&self, value: f64) -> f64 {
        let (mut below, mut above) = (self.level - PREMIUM_SPAN, self.level + PREMIUM_SPAN);
        for _ in 0..32 {
            let middle = (below + above) / 2.0;
            if self.value_short(middle) < value { below = middle } else { above = middle }
        }
        (below + above) / 2.0
    }

    /// Funding that a short expects until it closes, as a fraction of notional.
    fn funding(&self, premium: f64) -> f64 {
        let deviation = premium - self.level;
        match self.rule {
            Rule::Anchored { .. } => self.accrued(deviation),
            Rule::Pi { leak_h, .. } => self.accrued(deviation) + self.transient(leak_h),
            Rule::Industry { interval_h, .. } => {
                let share = (hours(self.published.elapsed) / interval_h).min(1.0);
                self.settled(deviation, interval_h, share * share)
            }
            Rule::Dydx { interval_h, .. } => {
                let share = (hours(self.published.elapsed) / interval_h).min(1.0);
                self.settled(deviation, interval_h, share)
            }
            Rule::Velocity { .. } => {
                // the rate itself is the state: expected to return to the cost at the same speed
                let excess = rate_f64(self.published.rate_8h) - self.financing_8h;
                let held = self.horizon_h / (1.0 + self.speed * self.horizon_h);
                (excess * held + self.financing_8h * self.horizon_h) / QUOTED_H
            }
        }
    }

    /// `H/8h · E[F(p_τ)]` of a deviation now.
    fn accrued(&self, deviation: f64) -> f64 {
        self.mean_rate(deviation) * self.horizon_h / QUOTED_H
    }

    /// What a leaky integral has stored beyond its state of rest at the published premium.
    fn transient(&self, leak_h: f64) -> f64 {
        let stored = rate_f64(self.published.rate_8h) - self.rate(rate_f64(self.published.premium));
        stored * self.horizon_h * leak_h / (self.horizon_h + leak_h) / QUOTED_H
    }

    /// Payments at the ends of intervals; `known` is the weight of the running average in the
    /// first.
    fn settled(&self, deviation: f64, interval_h: f64, known: f64) -> f64 {
        let wait = (interval_h - hours(self.published.elapsed)).max(0.0);
        let survival = libm::exp(-wait / self.horizon_h);
        let halfway = libm::exp(-self.speed * wait / 2.0);
        let forecast = self.level + deviation * halfway;
        let average = known * rate_f64(self.published.premium) + (1.0 - known) * forecast;
        let first = self.rate(average);
        let later = 1.0 / (libm::exp(interval_h / self.horizon_h) - 1.0); // Σ e^(−kT/H), k ≥ 1
        let rest = self.mean_rate(deviation * halfway * halfway);
        survival * (first + later * rest) * interval_h / QUOTED_H
    }

    /// E[F(p_τ)] of a deviation now.
    fn mean_rate(&self, deviation: f64) -> f64 {
        let rates = self.decays.iter().map(|decay| self.rate(self.level + deviation * decay));
        rates.sum::<f64>() / NODES as f64
    }

    fn rate(&self, premium: f64) -> f64 {
        self.rule.rate_8h(premium).unwrap_or(self.financing_8h)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use money::{Rate, Span};
    use proptest::prelude::*;

    const BP: f64 = 1e-4;

    fn industry() -> Rule {
        Rule::Industry { interval_h: 8.0, interest: BP, clamp: 5.0 * BP, cap: 75.0 * BP }
    }

    fn published(premium: f64, rate: f64, elapsed: Span) -> Published {
        Published {
            premium: Rate::from_raw((premium * 1e12) as i64),
            rate_8h: Rate::from_raw((rate * 1e12) as i64),
            elapsed,
            ..Published::default()
        }
    }

    /// Premium of zero value in basis points, with a half-life of 2 h and 24 h of holding.
    fn neutral(rule: Rule, financing: f64, published: Published) -> f64 {
        let mut outlook = Outlook::new(rule, financing * BP, 24.0);
        outlook.update(published, &Reversion::new(1.0, 24.0, 2.0));
        outlook.premium_worth(0.0) / BP
    }

    #[test]
    fn under_the_dead_band_the_neutral_premium_is_its_edge() {
        let middle = published(-4.61 * BP, 0.0, Span::HOUR.times(4));
        assert!((neutral(industry(), 0.39, middle) + 4.61).abs() < 0.05);
        // right after a settlement a short waits a whole interval, right before it almost none
        let fresh = published(-4.61 * BP, 0.0, Span::ZERO);
        let due = published(-4.61 * BP, 0.0, Span::MINUTE.times(479));
        assert!(neutral(industry(), 0.39, fresh) > -4.61);
        assert!(neutral(industry(), 0.39, due) < -4.61);
        assert!((neutral(industry(), 0.39, fresh) - neutral(industry(), 0.39, due)).abs() < 0.4);
        // above the interest the other edge is fair
        let above = published(7.0 * BP, 0.0, Span::HOUR.times(4));
        assert!((neutral(industry(), 2.0, above) - 7.0).abs() < 0.05);
    }

    #[test]
    fn a_rule_that_carries_the_financing_cost_is_neutral_at_spot() {
        let rule = Rule::Anchored { anchor_h: 8.0, carry_8h: 0.39 * BP, cap_8h: 75.0 * BP };
        assert!(neutral(rule, 0.39, published(0.0, 0.39 * BP, Span::ZERO)).abs() < 1e-4);
        let pi = Rule::Pi {
            proportional: 0.5,
            integral: 0.1,
            leak_h: 24.0,
            carry_8h: 0.39 * BP,
            cap_8h: 75.0 * BP,
        };
        assert!(neutral(pi, 0.39, published(0.0, 0.39 * BP, Span::ZERO)).abs() < 1e-4);
        let stored = neutral(pi, 0.39, published(0.0, 2.39 * BP, Span::ZERO));
        assert!(stored < -0.5, "a stored rate makes shorts sell lower: {stored}");
    }

    #[test]
    fn an_anchored_short_is_worth_the_closed_form() {
        let rule = Rule::Anchored { anchor_h: 8.0, carry_8h: 0.0, cap_8h: 1.0 };
        let mut outlook = Outlook::new(rule, 0.0, 24.0);
        outlook.update(Published::default(), &Reversion::new(1.0, 24.0, 16.0));
        let turn = 24.0 * std::f64::consts::LN_2 / 16.0; // θH
        let exact = 10.0 * BP * (turn + 24.0 / 8.0) / (1.0 + turn);
        let value = outlook.value_short(10.0 * BP);
        assert!((value / exact - 1.0).abs() < 0.01, "{value} is not {exact}");
    }

    /// Cash flows of a premium that decays without noise, summed interval by interval.
    fn direct_value(premium: f64, level: f64, elapsed_h: f64, running: f64) -> f64 {
        let (horizon, speed) = (24.0, std::f64::consts::LN_2 / 2.0);
        let path = |t: f64| level + (premium - level) * libm::exp(-speed * t);
        let mut value = (premium - level) * speed * horizon / (1.0 + speed * horizon);
        for interval in 0..60 {
            let start = f64::from(interval) * 8.0 - elapsed_h;
            let (mut weighted, mut weights) = (0.0, 0.0);
            for step in 0..480 {
                let into = (f64::from(step) + 0.5) / 60.0;
                let seen = if start + into < 0.0 { running } else { path(start + into) };
                weighted += into * seen;
                weights += into;
            }
            let paid = industry().rate_8h(weighted / weights).unwrap();
            value += libm::exp(-(start + 8.0) / horizon) * paid;
        }
        value - 0.39 * BP * horizon / 8.0
    }

    #[test]
    fn the_value_agrees_with_the_sum_of_cash_flows() {
        for hour in [0u64, 2, 5, 7] {
            for premium_bp in [-30.0, -10.0, -4.6, -2.0, 0.0, 5.0, 10.0, 30.0] {
                let running = -6.0 * BP;
                let mut outlook = Outlook::new(industry(), 0.39 * BP, 24.0);
                let state = published(running, 0.0, Span::HOUR.times(hour));
                outlook.update(state, &Reversion::new(1.0, 24.0, 2.0));
                let premium = premium_bp * BP;
                let direct = direct_value(premium, outlook.level(), hour as f64, running);
                let error = outlook.value_short(premium) - direct;
                let scale = (premium - outlook.level()).abs();
                assert!(error.abs() < 0.05 * BP + 0.1 * scale, "{hour} {premium_bp} {error}");
            }
        }
    }

    #[test]
    fn inside_an_indeterminate_band_the_observed_level_is_neutral() {
        for (observed, level) in [(2.0, 2.0), (-8.0, -4.0), (9.0, 6.0)] {
            let mut outlook = Outlook::new(industry(), BP, 24.0);
            let mut reversion = Reversion::new(1.0, 24.0, 2.0);
            reversion.push(observed * BP);
            outlook.update(published(0.0, 0.0, Span::HOUR.times(4)), &reversion);
            assert!((outlook.level() / BP - level).abs() < 1e-6);
        }
    }

    #[test]
    fn a_velocity_rule_is_valued_at_its_published_rate() {
        let rule = Rule::Velocity { max_velocity_per_day: 0.09, cap_per_day: 0.01 };
        let at_cost = neutral(rule, 0.39, published(0.0, 0.39 * BP, Span::ZERO));
        let above = neutral(rule, 0.39, published(0.0, 8.39 * BP, Span::ZERO));
        assert!(at_cost.abs() < 1e-4);
        // (r − c)/(8h·θ) with a half-life of 2 h
        assert!((above + 8.0 / 8.0 * 2.0 / std::f64::consts::LN_2).abs() < 1e-3);
    }

    #[test]
    fn reversion_is_learnt_and_starts_from_the_prior() {
        let mut reversion = Reversion::new(1.0 / 60.0, 24.0, 4.0);
        assert!((reversion.speed() - std::f64::consts::LN_2 / 4.0).abs() < 1e-12);
        let (mut deviation, mut state) = (0.0, 1u64);
        for _ in 0..20_000 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let noise = (state >> 33) as f64 / (1u64 << 31) as f64 - 0.5;
            deviation = 0.95 * deviation + 2.0 * BP * noise;
            reversion.push(-4.0 * BP + deviation);
        }
        let learnt = libm::exp(-reversion.speed() / 60.0);
        assert!((learnt - 0.95).abs() < 0.02, "{learnt}");
        assert!((reversion.mean() / BP + 4.0).abs() < 0.5, "{}", reversion.mean());
    }

    proptest! {
        #[test]
        fn a_short_is_worth_more_at_a_higher_premium(
            a in -50.0..50.0f64, b in -50.0..50.0f64, minutes in 0u64..480, cost in -2.0..2.0f64,
        ) {
            let mut outlook = Outlook::new(industry(), cost * BP, 24.0);
            let state = published(-3.0 * BP, 0.0, Span::MINUTE.times(minutes));
            outlook.update(state, &Reversion::new(1.0, 24.0, 2.0));
            let (low, high) = (a.min(b) * BP, a.max(b) * BP);
            prop_assert!(outlook.value_short(low) <= outlook.value_short(high) + 1e-15);
        }

        #[test]
        fn the_worth_of_a_premium_inverts(value in -50.0..50.0f64, cost in -2.0..2.0f64) {
            let mut outlook = Outlook::new(industry(), cost * BP, 24.0);
            outlook.update(Published::default(), &Reversion::new(1.0, 24.0, 2.0));
            let premium = outlook.premium_worth(value * BP);
            prop_assert!((outlook.value_short(premium) - value * BP).abs() < 1e-8);
        }
    }
}
