//! The gamma strategy's brain: a book of options, one hedge, and when to trade how much of it.
//!
//! Exposure is in units of the hedge: with the hedge at H and a leg's forward at F = H·r, which
//! moves with it, a leg of worth `q·s·B(F)` has delta `q·s·B_F·r` and gamma `q·s·B_FF·r²`. On a
//! coin-settled market s·r = index/H, so delta is that of Black-76 on the forward.
//!
//! A rule by time trades to a net delta of zero when its clock strikes. A rule by band trades when
//! net delta is outside of the band, and to the *edge* of it (Davis, Panas and Zariphopoulou 1993):
//! inside, the cost of a trade is more than what it saves. A fixed band has a width of its own;
//! Whalley and Wilmott (1997) and Zakamouline (2006) derive it from cost and risk aversion.
//! Zakamouline's was fitted to prices near 100 and is asked in units of H/100.
//!
//! Funding moves the centre: who receives it on a hedge holds `φ/(γσ²H)` more of it against the
//! variance that this costs, φ the rate of a year, and never leaves the band for it. A hedge of
//! spot has φ = 0. Pure: no clock, no order; the caller trades and tells what it holds.

use money::{Qty, Round, Span, Time};
use pricing::convert::{qty, qty_f64};
use pricing::hedging::{self, Hedged};

use crate::attribution::OptionMark;

/// When to trade the hedge, and to where.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum HedgeRule {
    /// Never.
    None,
    /// To zero, each time a multiple of the span since the epoch has passed.
    Interval(Span),
    /// To the edge, when net delta is further than this from zero.
    Band {
        /// Half-width, units of the underlying.
        delta: f64,
    },
    /// To the edge of the band of Whalley and Wilmott.
    WhalleyWilmott {
        /// Absolute risk aversion, per unit of quote.
        risk_aversion: f64,
    },
    /// To the edge of the band of Zakamouline, around the delta at his volatility.
    Zakamouline {
        /// Absolute risk aversion, per unit of quote.
        risk_aversion: f64,
    },
}

/// What a hedge costs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HedgeCost {
    /// Fee and half of the spread, a share of notional, of one trade.
    pub one_way: f64,
    /// Funding that a long is expected to pay, a share of notional a year; zero for spot.
    pub funding: f64,
}

/// A signed quantity of one option and its mark.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Holding {
    /// Quantity, short if negative.
    pub qty: Qty,
    /// Its mark.
    pub mark: OptionMark,
}

/// Options and their hedge at one instant.
#[derive(Clone, Debug, PartialEq)]
pub struct Book {
    /// The options, at the volatilities of the surface.
    pub options: Vec<Holding>,
    /// The hedge held, signed.
    pub hedge: Qty,
    /// Price of the hedge, in quote.
    pub price: f64,
}

/// Greeks of the options of a book, in quote and units of the hedge.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Exposure {
    /// Worth.
    pub value: f64,
    /// Units of the hedge that move as the options do.
    pub delta: f64,
    /// Change of delta for a move of the hedge by one.
    pub gamma: f64,
    /// Per 1.00 of volatility.
    pub vega: f64,
    /// Per year.
    pub theta: f64,
    /// Change of delta per 1.00 of volatility.
    pub vanna: f64,
    /// Change of vega per 1.00 of volatility.
    pub volga: f64,
}

impl Book {
    /// The options' greeks with each leg's volatility passed through `volatility` first, and the
    /// volatility and years that are typical of them.
    fn summary(&self, volatility: impl Fn(&Holding) -> f64) -> (Exposure, Option<Typical>) {
        let (mut sum, mut typical) = (Exposure::default(), Typical::default());
        let mut curved = 0.0;
        for holding in &self.options {
            let mark = OptionMark { volatility: volatility(holding), ..holding.mark };
            let (greeks, qty) = (mark.greeks(), qty_f64(holding.qty));
            let (weight, ratio) = (qty * mark.scale, mark.forward / self.price);
            sum.value += if mark.years > 0.0 { weight * greeks.price } else { qty * mark.value() };
            sum.delta += weight * greeks.delta * ratio;
            sum.gamma += weight * greeks.gamma * ratio * ratio;
            sum.vega += weight * greeks.vega;
            sum.theta += weight * greeks.theta;
            sum.vanna += weight * greeks.vanna * ratio;
            sum.volga += weight * greeks.volga;
            let curve = (qty * greeks.gamma).abs();
            curved += curve;
            typical.volatility += curve * mark.volatility;
            typical.years += curve * mark.years;
        }
        typical.volatility /= curved;
        typical.years /= curved;
        (sum, (curved > 0.0 && curved.is_finite()).then_some(typical))
    }

    /// The options' greeks at their own volatilities.
    pub fn exposure(&self) -> Exposure {
        self.summary(|holding| holding.mark.volatility).0
    }

    /// Delta of options and hedge together.
    pub fn delta_net(&self) -> f64 {
        self.exposure().delta + qty_f64(self.hedge)
    }
}

/// Volatility and years of a book, weighted by each leg's gamma.
#[derive(Clone, Copy, Debug, Default)]
struct Typical {
    volatility: f64,
    years: f64,
}

/// Where net delta may lie: units of the hedge to hold, and how far from them is near enough.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Target {
    /// Units of the hedge at the centre, signed.
    pub hedge: f64,
    /// Half-width of the band, zero for a rule by time.
    pub half_width: f64,
}

/// A rule with its costs and the venue's lot.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hedger {
    /// When to trade.
    pub rule: HedgeRule,
    /// At what cost.
    pub cost: HedgeCost,
    /// Quantity step, above zero.
    pub lot: Qty,
}

impl Hedger {
    /// What to trade now, bought if positive; `None` for nothing. `last` is the time of the last
    /// call that could have traded, which a rule by time counts from.
    pub fn hedge(&self, book: &Book, now: Time, last: Option<Time>) -> Option<Qty> {
        if !self.strikes(now, last) {
            return None;
        }
        let target = self.target(book)?;
        let off = qty_f64(book.hedge) - target.hedge;
        if off.abs() <= target.half_width {
            return None;
        }
        let edge = if off > 0.0 { target.half_width } else { -target.half_width };
        let trade = qty(edge - off, Round::Down)?;
        let lots = nearest(trade, self.lot);
        (lots != Qty::ZERO).then_some(lots)
    }

    /// Whether the rule's clock lets it act.
    fn strikes(&self, now: Time, last: Option<Time>) -> bool {
        match self.rule {
            HedgeRule::None => false,
            HedgeRule::Interval(span) => last.is_none_or(|last| now.floor(span) > last),
            HedgeRule::Band { .. }
            | HedgeRule::WhalleyWilmott { .. }
            | HedgeRule::Zakamouline { .. } => true,
        }
    }

    /// The centre and the band; `None` where greeks are not finite.
    pub fn target(&self, book: &Book) -> Option<Target> {
        let (exposure, typical) = book.summary(|holding| holding.mark.volatility);
        let bare = Target { hedge: -exposure.delta, half_width: 0.0 };
        let target = match (self.rule, typical) {
            (HedgeRule::None | HedgeRule::Interval(_), _) => bare,
            (HedgeRule::Band { .. }, _) if book.options.is_empty() => bare,
            (HedgeRule::Band { delta }, _) => Target { half_width: delta, ..bare },
            // Without curvature there is nothing to wait for.
            (HedgeRule::WhalleyWilmott { .. } | HedgeRule::Zakamouline { .. }, None) => bare,
            (HedgeRule::WhalleyWilmott { risk_aversion }, Some(typical)) => {
                let (price, cost) = (book.price, self.cost.one_way);
                let half_width =
                    hedging::whalley_wilmott_band(price, exposure.gamma, cost, risk_aversion);
                let target = Target { half_width, ..bare };
                self.with_funding(target, risk_aversion * variance_in(price, typical))
            }
            (HedgeRule::Zakamouline { risk_aversion }, Some(typical)) => {
                let target = self.zakamouline(book, &exposure, risk_aversion, typical);
                self.with_funding(target, risk_aversion * variance_in(book.price, typical))
            }
        };
        (target.hedge.is_finite() && target.half_width.is_finite()).then_some(target)
    }

    /// The band around the delta at Zakamouline's volatility, `σ²(1 − K)` for a book short of gamma
    /// and `σ²(1 + K)` for one long of it.
    fn zakamouline(
        &self,
        book: &Book,
        exposure: &Exposure,
        risk_aversion: f64,
        typical: Typical,
    ) -> Target {
        let Typical { volatility, years } = typical;
        let position = Hedged { spot: book.price, gamma: exposure.gamma, volatility, years };
        let band = hedging::zakamouline_band(position, self.cost.one_way, risk_aversion);
        let short = exposure.gamma < 0.0;
        let adjusted =
            book.summary(|holding| band.hedging_volatility(holding.mark.volatility, short)).0;
        Target { hedge: -adjusted.delta, half_width: band.half_width() }
    }

    /// Moves the centre towards the side that funding pays, within the band.
    fn with_funding(&self, target: Target, risk: f64) -> Target {
        let shift = -self.cost.funding / risk;
        if !shift.is_finite() {
            return target;
        }
        let shift = shift.clamp(-target.half_width, target.half_width);
        Target { hedge: target.hedge + shift, ..target }
    }
}

/// `σ²H`: over the risk aversion, what funding of a year is weighed against.
fn variance_in(price: f64, typical: Typical) -> f64 {
    typical.volatility * typical.volatility * price
}

/// The multiple of the lot nearest to a quantity.
fn nearest(qty: Qty, lot: Qty) -> Qty {
    let half = lot.raw() / 2;
    let raw = if qty.is_negative() { qty.raw() - half } else { qty.raw() + half };
    Qty::from_raw(raw - raw % lot.raw())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use pricing::black::OptionKind;
    use proptest::prelude::*;

    const PERP: f64 = 60_000.0;

    fn holding(kind: OptionKind, qty: &str, ratio: f64) -> Holding {
        let mark = OptionMark {
            kind,
            strike: 60_000.0,
            forward: PERP * ratio,
            volatility: 0.6,
            years: 7.0 / 365.0,
            scale: 1.0 / ratio,
        };
        Holding { qty: qty.parse().unwrap(), mark }
    }

    fn straddle(qty: &str, hedge: &str) -> Book {
        let options = [OptionKind::Put, OptionKind::Call].map(|kind| holding(kind, qty, 1.0));
        Book { options: options.to_vec(), hedge: hedge.parse().unwrap(), price: PERP }
    }

    fn hedger(rule: HedgeRule) -> Hedger {
        let cost = HedgeCost { one_way: 0.0005, funding: 0.0 };
        Hedger { rule, cost, lot: "0.001".parse().unwrap() }
    }

    fn hours(count: u64) -> Time {
        Time::ZERO.after(Span::HOUR.times(count))
    }

    #[test]
    fn a_coin_settled_option_has_the_delta_of_its_forward() {
        for ratio in [0.99, 1.0, 1.02] {
            let option = holding(OptionKind::Call, "2", ratio);
            let book = Book { options: vec![option], hedge: Qty::ZERO, price: PERP };
            let (exposure, greeks) = (book.exposure(), option.mark.greeks());
            assert!((exposure.delta - 2.0 * greeks.delta).abs() < 1e-12);
            assert!((exposure.gamma - 2.0 * greeks.gamma * ratio).abs() < 1e-15);
        }
    }

    /// Exposure is the derivative of worth by the hedge's price.
    #[test]
    fn delta_and_gamma_are_slopes_of_the_worth() {
        let moved = |step: f64| {
            let mut option = holding(OptionKind::Put, "-3", 1.01);
            option.mark.forward = (PERP + step) * 1.01;
            Book { options: vec![option], hedge: Qty::ZERO, price: PERP + step }.exposure()
        };
        let (up, at, down) = (moved(1.0), moved(0.0), moved(-1.0));
        assert!((at.delta - (up.value - down.value) / 2.0).abs() < 1e-7);
        assert!((at.gamma / ((up.delta - down.delta) / 2.0) - 1.0).abs() < 1e-6);
    }

    #[test]
    fn a_time_rule_trades_to_zero_when_its_clock_strikes() {
        let book = straddle("-1", "0.5");
        let hedger = hedger(HedgeRule::Interval(Span::HOUR.times(4)));
        let trade = hedger.hedge(&book, hours(3), None).unwrap();
        assert!((qty_f64(trade) + book.delta_net()).abs() <= 0.0005 + 1e-9);
        assert_eq!(hedger.hedge(&book, hours(3), Some(hours(1))), None);
        assert_eq!(hedger.hedge(&book, hours(4), Some(hours(3))), Some(trade));
        assert_eq!(hedger.hedge(&book, hours(9), Some(hours(3))), Some(trade), "a strike missed");
        assert_eq!(hedger.hedge(&book, hours(5), Some(hours(4))), None);
    }

    #[test]
    fn a_band_rule_trades_to_its_edge_and_not_inside() {
        let hedger = hedger(HedgeRule::Band { delta: 0.1 });
        let centre = -straddle("-1", "0").exposure().delta;
        let book = |off: f64| Book {
            hedge: qty(centre + off, Round::Down).unwrap(),
            ..straddle("-1", "0")
        };
        assert_eq!(hedger.hedge(&book(0.09), hours(1), None), None);
        assert_eq!(hedger.hedge(&book(-0.0999), hours(1), None), None);
        assert_eq!(hedger.hedge(&book(0.25), hours(1), None), Some("-0.15".parse().unwrap()));
        assert_eq!(hedger.hedge(&book(-0.12), hours(1), None), Some("0.02".parse().unwrap()));
    }

    #[test]
    fn the_rule_none_never_trades_and_no_option_closes_the_hedge() {
        assert_eq!(hedger(HedgeRule::None).hedge(&straddle("-1", "5"), hours(1), None), None);
        let book = Book { options: Vec::new(), ..straddle("1", "0.7") };
        let aversion = HedgeRule::WhalleyWilmott { risk_aversion: 1e-3 };
        for rule in [aversion, HedgeRule::Band { delta: 0.5 }] {
            assert_eq!(hedger(rule).hedge(&book, hours(1), None), Some("-0.7".parse().unwrap()));
        }
    }

    /// Far from the strike gamma is zero to the last bit; a fixed band still holds.
    #[test]
    fn a_fixed_band_holds_where_gamma_is_gone() {
        let mut book = straddle("-1", "0.93");
        for option in &mut book.options {
            option.mark = OptionMark { strike: 1.0, years: 1e-6, ..option.mark };
        }
        assert_eq!(hedger(HedgeRule::Band { delta: 0.1 }).hedge(&book, hours(1), None), None);
    }

    /// H ∝ λ^{1/3} γ^{−1/3} Γ^{2/3}: eight times the cost doubles the band.
    #[test]
    fn bands_widen_with_cost_and_narrow_with_aversion() {
        let width = |rule, one_way| {
            let mut hedger = hedger(rule);
            hedger.cost.one_way = one_way;
            hedger.target(&straddle("-1", "0")).unwrap().half_width
        };
        let ww = |risk_aversion| HedgeRule::WhalleyWilmott { risk_aversion };
        let zak = |risk_aversion| HedgeRule::Zakamouline { risk_aversion };
        assert!((width(ww(1e-3), 0.004) / width(ww(1e-3), 0.0005) - 2.0).abs() < 1e-12);
        assert!((width(ww(8e-3), 0.0005) * 2.0 / width(ww(1e-3), 0.0005) - 1.0).abs() < 1e-12);
        assert!(width(zak(1e-3), 0.001) > width(zak(1e-3), 0.0005));
        assert!(width(zak(1e-2), 0.0005) < width(zak(1e-3), 0.0005));
    }

    /// A short option is hedged at a higher volatility, a long one at a lower.
    #[test]
    fn zakamouline_hedges_a_short_option_at_a_higher_volatility() {
        let hedger = hedger(HedgeRule::Zakamouline { risk_aversion: 1e-3 });
        let option = |qty| Book {
            options: vec![Holding {
                mark: OptionMark { strike: 66_000.0, ..holding(OptionKind::Call, qty, 1.0).mark },
                ..holding(OptionKind::Call, qty, 1.0)
            }],
            ..straddle("0", "0")
        };
        // Out of the money more volatility is more delta.
        let delta = |qty| hedger.target(&option(qty)).unwrap().hedge.abs();
        assert!(delta("-1") > option("-1").exposure().delta.abs());
        assert!(delta("1") < option("1").exposure().delta.abs());
    }

    #[test]
    fn funding_moves_the_centre_and_never_out_of_the_band() {
        let rule = HedgeRule::WhalleyWilmott { risk_aversion: 1e-4 };
        let target = |funding| {
            let mut hedger = hedger(rule);
            hedger.cost.funding = funding;
            hedger.target(&straddle("-1", "0")).unwrap()
        };
        let still = target(0.0);
        // Longs pay 10 % a year: 0.1/(γσ²H) less of the hedge.
        let expected = 0.1 / (1e-4 * 0.36 * PERP);
        assert!((still.hedge - target(0.1).hedge - expected).abs() < 1e-12);
        assert_eq!(target(-1e6).hedge, still.hedge + still.half_width);
        assert_eq!(target(0.1).half_width, still.half_width);
    }

    #[test]
    fn an_option_at_its_expiry_gives_no_order() {
        let mut book = straddle("-1", "0.3");
        for option in &mut book.options {
            option.mark.forward = f64::NAN;
        }
        assert_eq!(hedger(HedgeRule::Band { delta: 0.1 }).hedge(&book, hours(1), None), None);
    }

    fn rules() -> impl Strategy<Value = HedgeRule> {
        prop_oneof![
            Just(HedgeRule::Interval(Span::HOUR)),
            (0.001..0.5f64).prop_map(|delta| HedgeRule::Band { delta }),
            (1e-5..1e-1f64).prop_map(|risk_aversion| HedgeRule::WhalleyWilmott { risk_aversion }),
            (1e-5..1e-1f64).prop_map(|risk_aversion| HedgeRule::Zakamouline { risk_aversion }),
        ]
    }

    proptest! {
        /// Whatever the book, one trade brings the hedge within half a lot of the band, a second is
        /// not wanted beyond rounding, and a trade never goes through the centre.
        #[test]
        fn one_trade_ends_at_the_edge(
            rule in rules(), strike in 40_000.0..90_000.0f64, volatility in 0.1..2.0f64,
            days in 0.5..90.0f64, qty in -500_000_000i64..500_000_000,
            held in -500_000_000i64..500_000_000, funding in -0.5..0.5f64,
        ) {
            let mut option = holding(OptionKind::Call, "1", 1.0);
            option.qty = Qty::from_raw(qty);
            option.mark = OptionMark { strike, volatility, years: days / 365.0, ..option.mark };
            let mut hedger = hedger(rule);
            hedger.cost.funding = funding;
            let mut book = Book { options: vec![option], hedge: Qty::from_raw(held), price: PERP };
            let target = hedger.target(&book).unwrap();
            let off = |book: &Book| qty_f64(book.hedge) - target.hedge;
            let before = off(&book);
            if let Some(trade) = hedger.hedge(&book, hours(1), None) {
                prop_assert_eq!(trade.raw() % hedger.lot.raw(), 0);
                book.hedge += trade;
                let after = off(&book);
                prop_assert!(after.abs() <= target.half_width + 0.0005 + 1e-7);
                prop_assert!(after.abs() >= target.half_width - 0.0005 - 1e-7, "to the edge");
                prop_assert!(after * before >= 0.0 || after.abs() <= 0.0005 + 1e-7);
            } else {
                prop_assert!(before.abs() <= target.half_width + 0.0005 + 1e-7);
            }
        }
    }
}
