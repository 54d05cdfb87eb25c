//! Funding: what longs pay shorts so that the perpetual follows its index.
//!
//! Rule F-1: the rate moves a cumulative index (quote per unit of base); an account is settled
//! lazily by the difference. Rules F-2 … F-6 are the five rates. Rule F-7: what an account receives
//! is rounded down, so the pool never pays more than it takes; the remainder is kept exactly.
//! Sources: `docs/protocol.md`.

use borsh::{BorshDeserialize, BorshSerialize};
use money::{FundingIndex, Price, Rate, Round, Span, Time, mul_div};

pub use crate::params::EIGHT_HOURS;
use crate::params::FundingRule;

/// The funding state of one perpetual.
#[derive(Clone, Debug, Default, BorshSerialize, BorshDeserialize)]
pub struct Funding {
    /// Cumulative funding per unit of base that longs have paid.
    pub index: FundingIndex,
    /// The rate in force, in the rule's own unit (velocity: a day; others: 8 h).
    pub rate: Rate,
    /// The premium in force.
    pub premium: Rate,
    /// Start of the current interval, for a rule that settles by interval.
    pub interval_start: Time,
    /// Σ premium·weight of the current interval, or of the dYdX samples.
    weighted: i128,
    /// Σ weight.
    weight: i128,
    /// Integral of the PI rule.
    integral: Rate,
    /// Block premiums of the current dYdX sample.
    votes: Vec<Rate>,
    /// Start of the current dYdX sample.
    sample_start: Time,
    /// Time with a fresh index in the current interval.
    observed: Span,
    /// When the rule last ran.
    last: Option<Time>,
}

/// What a rule reads in one block.
#[derive(Clone, Copy, Debug)]
pub struct Observation {
    /// Block time.
    pub now: Time,
    /// The index price.
    pub index: Price,
    /// Premium by rule P-2.
    pub symmetric: Rate,
    /// Premium by rule P-3.
    pub one_sided: Rate,
}

/// A movement of the funding index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accrual {
    /// The premium that entered the rate.
    pub premium: Rate,
    /// The share of the index price that one long unit pays now.
    pub rate: Rate,
}

impl Funding {
    /// Runs the rule for one block (rules F-2 … F-6) and moves the index. `None` when nothing is
    /// paid in this block.
    pub fn accrue(&mut self, rule: &FundingRule, seen: &Observation) -> Option<Accrual> {
        let Some(last) = self.last.replace(seen.now) else {
            if self.interval_start == Time::ZERO {
                self.start(rule, seen.now);
            }
            return None;
        };
        let elapsed = seen.now.since(last);
        let charge = match *rule {
            FundingRule::Anchored { anchor, carry, cap } => {
                self.premium = seen.symmetric;
                self.rate = (scaled(seen.symmetric, EIGHT_HOURS, anchor) + carry).clamp(-cap, cap);
                Some(Charge { rate: self.rate, part: elapsed, whole: EIGHT_HOURS })
            }
            FundingRule::Industry { interval, interest, clamp, cap } => {
                self.industry(&Terms { interval, interest, clamp, cap }, seen, elapsed)
            }
            FundingRule::Dydx { sample, interval, interest, cap } => {
                let settled = self.dydx(sample, interval, seen, elapsed);
                self.rate = (self.premium + interest).clamp(-cap, cap);
                settled.map(|(mean, observed)| {
                    let rate = (mean + interest).clamp(-cap, cap);
                    Charge { rate, part: observed, whole: EIGHT_HOURS }
                })
            }
            FundingRule::Velocity { max_velocity, premium_scale, cap } => {
                self.premium = seen.symmetric;
                let before = self.rate;
                let velocity = proportion(max_velocity, seen.symmetric, premium_scale);
                let step = scaled(velocity, elapsed, Span::DAY);
                self.rate = (before + step).clamp(-cap, cap);
                let mean = Rate::from_raw(i64::midpoint(before.raw(), self.rate.raw()));
                Some(Charge { rate: mean, part: elapsed, whole: Span::DAY })
            }
            FundingRule::Pi { proportional, integral, leak, carry, cap } => {
                self.premium = seen.symmetric;
                let growth = scaled(product(integral, seen.symmetric), elapsed, EIGHT_HOURS);
                let decline = scaled(self.integral, elapsed.min(leak), leak);
                self.integral = (self.integral + growth - decline).clamp(-cap, cap);
                let rate = product(proportional, seen.symmetric) + self.integral + carry;
                self.rate = rate.clamp(-cap, cap);
                Some(Charge { rate: self.rate, part: elapsed, whole: EIGHT_HOURS })
            }
            FundingRule::Never => None,
        }?;
        let Charge { rate, part, whole } = charge;
        let step = rate.accrual(seen.index, part, whole, Round::Down);
        self.index += step.expect("a capped rate of a price fits the funding index");
        Some(Accrual { premium: self.premium, rate: scaled(rate, part, whole) })
    }

    /// Rule F-8: no more than `most` of the time since the rule ran is charged.
    pub(crate) fn limit(&mut self, now: Time, most: Span) {
        let earliest = Time::from_nanos(now.nanos().saturating_sub(most.nanos()));
        self.last = self.last.map(|last| last.max(earliest));
    }

    /// Rule F-8: the time until the rule runs again is not charged, as the index was not fresh.
    pub(crate) fn pause(&mut self) {
        self.last = None;
    }

    /// The rate in force for 8 h: what the exchange publishes.
    pub fn rate_8h(&self, rule: &FundingRule) -> Rate {
        match rule {
            FundingRule::Velocity { .. } => scaled(self.rate, EIGHT_HOURS, Span::DAY),
            FundingRule::Anchored { .. }
            | FundingRule::Industry { .. }
            | FundingRule::Dydx { .. }
            | FundingRule::Pi { .. }
            | FundingRule::Never => self.rate,
        }
    }

    /// Whether the rule settles by interval, so that [`Funding::interval_start`] has a meaning.
    pub fn settles_by_interval(rule: &FundingRule) -> bool {
        match rule {
            FundingRule::Industry { .. } | FundingRule::Dydx { .. } => true,
            FundingRule::Anchored { .. }
            | FundingRule::Velocity { .. }
            | FundingRule::Pi { .. }
            | FundingRule::Never => false,
        }
    }

    /// Rule F-3: weights grow linearly with the time in the interval; settles at its end.
    fn industry(&mut self, terms: &Terms, seen: &Observation, elapsed: Span) -> Option<Charge> {
        let settled = self.turn(terms.interval, seen.now, elapsed);
        if settled.is_none() {
            let into = seen.now.since(self.interval_start);
            let weight = i128::from(into.nanos() / 1_000) * i128::from(elapsed.nanos() / 1_000);
            self.weighted += i128::from(seen.one_sided.raw()) * weight;
            self.weight += weight;
        }
        self.premium = mean(self.weighted, self.weight).unwrap_or(seen.one_sided);
        self.rate = scaled(terms.rate(self.premium), EIGHT_HOURS, terms.interval);
        let observed = settled?;
        (self.weighted, self.weight) = (0, 0);
        Some(Charge { rate: terms.rate(self.premium), part: observed, whole: terms.interval })
    }

    /// Rule F-4: the mean of the samples of a finished interval, each the median of its blocks'
    /// premiums, and the time that it is charged for. `None` while the interval runs.
    fn dydx(
        &mut self,
        sample: Span,
        interval: Span,
        seen: &Observation,
        elapsed: Span,
    ) -> Option<(Rate, Span)> {
        let sample_start = seen.now.floor(sample);
        if sample_start > self.sample_start {
            self.votes.sort_unstable();
            if let Some(&median) = self.votes.get(self.votes.len() / 2) {
                self.weighted += i128::from(median.raw());
                self.weight += 1;
            }
            self.votes.clear();
            self.sample_start = sample_start;
        }
        self.votes.push(seen.one_sided);
        self.premium = mean(self.weighted, self.weight).unwrap_or(seen.one_sided);
        let observed = self.turn(interval, seen.now, elapsed)?;
        (self.weighted, self.weight) = (0, 0);
        Some((self.premium, observed))
    }

    /// Counts the time with a fresh index; at the end of an interval, gives that time and begins
    /// the next (rule F-8).
    fn turn(&mut self, interval: Span, now: Time, elapsed: Span) -> Option<Span> {
        let start = now.floor(interval);
        if start <= self.interval_start {
            self.observed = self.observed.plus(elapsed);
            return None;
        }
        let after = now.since(start).min(elapsed);
        let before = Span::from_nanos(elapsed.nanos() - after.nanos());
        let observed = self.observed.plus(before);
        (self.observed, self.interval_start) = (after, start);
        Some(observed)
    }

    fn start(&mut self, rule: &FundingRule, now: Time) {
        match *rule {
            FundingRule::Industry { interval, .. } => self.interval_start = now.floor(interval),
            FundingRule::Dydx { sample, interval, .. } => {
                self.interval_start = now.floor(interval);
                self.sample_start = now.floor(sample);
            }
            FundingRule::Anchored { .. }
            | FundingRule::Velocity { .. }
            | FundingRule::Pi { .. }
            | FundingRule::Never => {}
        }
    }
}

/// A rate, and the part of its period that it is charged for.
struct Charge {
    rate: Rate,
    part: Span,
    whole: Span,
}

/// The industry rule's terms.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    /// Settlement interval.
    pub interval: Span,
    /// Interest for the interval.
    pub interest: Rate,
    /// Half-width of the dead band.
    pub clamp: Rate,
    /// Bound on the rate.
    pub cap: Rate,
}

impl Terms {
    /// F = P + clamp(I − P, ±clamp), capped.
    pub fn rate(&self, premium: Rate) -> Rate {
        let correction = (self.interest - premium).clamp(-self.clamp, self.clamp);
        (premium + correction).clamp(-self.cap, self.cap)
    }
}

/// `rate·part/whole`, rounded down; the largest rate where it does not fit.
fn scaled(rate: Rate, part: Span, whole: Span) -> Rate {
    rate.over(part, whole, Round::Down).unwrap_or(if rate.is_negative() {
        -Rate::MAX
    } else {
        Rate::MAX
    })
}

fn product(gain: Rate, premium: Rate) -> Rate {
    gain.times(premium, Round::Down).unwrap_or(if premium.is_negative() {
        -Rate::MAX
    } else {
        Rate::MAX
    })
}

/// `rate · clamp(part/whole, ±1)`.
fn proportion(rate: Rate, part: Rate, whole: Rate) -> Rate {
    let part = part.clamp(-whole, whole);
    let raw = mul_div(
        i128::from(rate.raw()),
        i128::from(part.raw()),
        i128::from(whole.raw()),
        Round::Down,
    );
    Rate::from_raw(raw.and_then(|raw| i64::try_from(raw).ok()).unwrap_or(0))
}

fn mean(sum: i128, weight: i128) -> Option<Rate> {
    let raw = money::div_i128(sum, weight, Round::Down)?;
    Some(Rate::from_raw(i64::try_from(raw).expect("a mean lies within its terms")))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn bp(text: &str) -> Rate {
        let bp: Rate = text.parse().unwrap();
        bp.times(Rate::BASIS_POINT, Round::Down).unwrap()
    }

    /// Runs a rule for so many seconds of one-second blocks on a constant premium at a price of
    /// 100.
    fn run(rule: FundingRule, premium: Rate, seconds: u64) -> (Funding, u64) {
        let (mut funding, mut payments) = (Funding::default(), 0);
        for second in 0..=seconds {
            let seen = Observation {
                now: Time::from_nanos(second * Span::SECOND.nanos()),
                index: "100".parse().unwrap(),
                symmetric: premium,
                one_sided: premium,
            };
            payments += u64::from(funding.accrue(&rule, &seen).is_some());
        }
        (funding, payments)
    }

    fn paid_bp(funding: &Funding) -> f64 {
        funding.index.raw() as f64 / 1e18 / 100.0 * 1e4
    }

    #[test]
    fn f_8_a_gap_longer_than_an_interval_is_charged_in_full() {
        let (interval, zero) = (Span::HOUR, Rate::ZERO);
        let rule = FundingRule::Industry { interval, interest: zero, clamp: zero, cap: Rate::ONE };
        let mut funding = Funding::default();
        for minutes in [0, 10, 190, 240] {
            let seen = Observation {
                now: Time::from_nanos(minutes * Span::MINUTE.nanos()),
                index: "100".parse().unwrap(),
                symmetric: bp("10"),
                one_sided: bp("10"),
            };
            funding.accrue(&rule, &seen);
        }
        assert!((paid_bp(&funding) - 40.0).abs() < 1e-6, "{}", paid_bp(&funding));
    }

    #[test]
    fn f_3_the_clamp_table_of_the_industry_rule() {
        let terms =
            Terms { interval: EIGHT_HOURS, interest: bp("1"), clamp: bp("5"), cap: bp("300") };
        let table = [
            ("-20", "-15"),
            ("-10", "-5"),
            ("-5", "0"),
            ("-4.56", "0.44"),
            ("-4", "1"),
            ("6", "1"),
            ("6.1", "1.1"),
            ("10", "5"),
            ("40", "35"),
            ("400", "300"),
        ];
        for (premium, rate) in table {
            assert_eq!(terms.rate(bp(premium)), bp(rate), "{premium}");
        }
    }

    #[test]
    fn f_2_a_premium_is_paid_in_full_over_the_anchor_and_carry_on_top() {
        let rule = FundingRule::Anchored { anchor: EIGHT_HOURS, carry: bp("0.4"), cap: bp("1000") };
        let (funding, _) = run(rule, bp("10"), 8 * 3600);
        assert!((paid_bp(&funding) - 10.4).abs() < 1e-3, "{}", paid_bp(&funding));
    }

    #[test]
    fn f_2_the_cap_bounds_the_rate() {
        let rule = FundingRule::Anchored { anchor: EIGHT_HOURS, carry: bp("0"), cap: bp("3") };
        let (funding, _) = run(rule, bp("-10"), 8 * 3600);
        assert!((paid_bp(&funding) + 3.0).abs() < 1e-3, "{}", paid_bp(&funding));
    }

    #[test]
    fn f_3_settles_once_an_interval_and_weights_late_premiums_more() {
        let rule = FundingRule::Industry {
            interval: EIGHT_HOURS,
            interest: bp("1"),
            clamp: bp("0"),
            cap: bp("1000"),
        };
        assert_eq!(run(rule, bp("7"), 24 * 3600).1, 3);
        // A premium of 12 bp in the last half only: weights 1..n give it three quarters.
        let (mut funding, mut rate) = (Funding::default(), Rate::ZERO);
        for second in 0..=EIGHT_HOURS.nanos() / 1_000_000_000 {
            let premium = if second > 4 * 3600 { bp("12") } else { Rate::ZERO };
            let seen = Observation {
                now: Time::from_nanos(second * 1_000_000_000),
                index: "100".parse().unwrap(),
                symmetric: premium,
                one_sided: premium,
            };
            if let Some(accrual) = funding.accrue(&rule, &seen) {
                rate = accrual.premium;
            }
        }
        let expected = bp("9");
        assert!((rate - expected).abs() < bp("0.01"), "{rate}");
    }

    #[test]
    fn f_4_samples_are_medians_and_the_hour_pays_an_eighth() {
        let rule = FundingRule::Dydx {
            sample: Span::MINUTE,
            interval: Span::HOUR,
            interest: bp("1"),
            cap: bp("1000"),
        };
        let (funding, payments) = run(rule, bp("8"), 3600);
        assert_eq!(payments, 1);
        assert!((paid_bp(&funding) - 9.0 / 8.0).abs() < 1e-6, "{}", paid_bp(&funding));
    }

    #[test]
    fn f_5_velocity_moves_the_rate_not_the_payment() {
        let rule = FundingRule::Velocity {
            max_velocity: bp("864"),
            premium_scale: bp("10"),
            cap: bp("9000"),
        };
        let (funding, _) = run(rule, bp("5"), 86_400);
        // Half the scale for a day: the daily rate is 432 bp, and half of it has been paid on
        // average.
        assert!((funding.rate - bp("432")).abs() < bp("0.1"), "{}", funding.rate);
        assert!((paid_bp(&funding) - 216.0).abs() < 0.1, "{}", paid_bp(&funding));
    }

    #[test]
    fn f_6_the_integral_of_a_lasting_premium_settles_at_gain_times_leak() {
        let rule = FundingRule::Pi {
            proportional: Rate::ONE,
            integral: "0.5".parse().unwrap(),
            leak: EIGHT_HOURS,
            carry: Rate::ZERO,
            cap: bp("1000"),
        };
        let (funding, _) = run(rule, bp("10"), 10 * 8 * 3600);
        // Integral: 0.5·10 bp per 8 h against a leak of one in 8 h: 5 bp, on top of 10 bp.
        assert!((funding.rate - bp("15")).abs() < bp("0.01"), "{}", funding.rate);
    }
}
