//! A market maker in options: quotes a strip of series around the surface and hedges its delta.
//!
//! Fair volatility of a series = σ(K) − s₁·q/q_max − s₂·V/V_max: the surface's, shifted against
//! what the maker holds of the series (q) and against the vega of all it holds (V). Premium quotes
//! are `B(fair) ∓ max(h·vega, tick)`, h the half-spread in volatility. Series with a delta outside
//! of the bounds or close to expiry are not quoted. Invariant: position plus open orders of a
//! series never pass its limit; with the vega limit reached, only what brings it back is quoted.

use money::{Qty, Span, Time};
use pricing::convert::{price_f64, qty_f64};
use protocol::ids::Side;

use crate::chain::{Chain, ChainListing, Hedge, Value, vega};
use crate::leg::{BadConfig, Clock, Pen, Want};
use crate::strategy::{Event, Intent, Strategy};

/// What an option maker is told. Volatilities are a year, 0.01 is one point.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OptionMakerConfig {
    /// Half-spread in volatility.
    pub half_spread: f64,
    /// Shift at the largest position of a series.
    pub skew_series: f64,
    /// Shift at the largest vega.
    pub skew_vega: f64,
    /// Quantity of one quote.
    pub order: Qty,
    /// Largest |position| in one series.
    pub position_max: Qty,
    /// Largest |vega|, in quote per 1.00 of volatility.
    pub vega_max: f64,
    /// Least and largest |delta| that is quoted.
    pub delta: (f64, f64),
    /// Nothing is quoted this close to expiry.
    pub closed_before: Span,
    /// Share of the half-spread that a wanted price moves before it is quoted anew.
    pub tolerance: f64,
    /// Time between looks.
    pub period: Span,
    /// Silence after which an order is followed up.
    pub patience: Span,
}

impl OptionMakerConfig {
    fn check(&self) -> Result<(), BadConfig> {
        let fractions = [self.half_spread, self.skew_series, self.skew_vega, self.tolerance];
        if fractions.iter().any(|x| !x.is_finite() || *x < 0.0) {
            return Err(BadConfig("half-spread, skews and tolerance are from zero up"));
        }
        if !self.order.is_positive() || !self.position_max.is_positive() || self.vega_max <= 0.0 {
            return Err(BadConfig("order, position_max and vega_max must be above zero"));
        }
        if self.period == Span::ZERO {
            return Err(BadConfig("period is a time above zero"));
        }
        Ok(())
    }
}

/// The strategy.
#[derive(Clone, Debug)]
pub struct OptionMaker {
    config: OptionMakerConfig,
    chain: Chain,
    hedge: Hedge,
    clock: Clock,
}

impl OptionMaker {
    /// A maker on a chain with its hedge.
    pub fn new(
        config: OptionMakerConfig,
        listing: ChainListing,
        hedge: Hedge,
    ) -> Result<OptionMaker, BadConfig> {
        config.check()?;
        let chain = Chain::new(listing, 2)?;
        Ok(OptionMaker { clock: Clock::new(config.period), config, chain, hedge })
    }

    fn wake(&mut self, pen: &mut Pen) {
        self.chain.expire(pen.now);
        self.chain.follow_up(self.config.patience, pen);
        self.requote(pen);
        let _no_hedge_needed = self.hedge.act(&self.chain, self.config.patience, pen);
    }

    fn requote(&mut self, pen: &mut Pen) {
        let vega = vega(&self.chain, pen.now);
        let total = vega / self.config.vega_max;
        for at in 0..self.chain.series().len() {
            self.requote_series(at, total, pen);
        }
    }

    /// The value around which a series is quoted.
    fn centre(&self, at: usize, total: f64, now: Time) -> Option<Value> {
        let series = &self.chain.series()[at];
        if series.contract.expiry.nanos() <= now.after(self.config.closed_before).nanos() {
            return None;
        }
        let held = qty_f64(series.leg.position()) / qty_f64(self.config.position_max);
        let shift = self.config.skew_series * held + self.config.skew_vega * total;
        let value =
            self.chain.value_at(&series.contract, now, |own| (own - shift).max(own / 2.0))?;
        let (least, most) = self.config.delta;
        (least <= value.delta.abs() && value.delta.abs() <= most).then_some(value)
    }

    fn requote_series(&mut self, at: usize, total: f64, pen: &mut Pen) {
        let centre = self.centre(at, total, pen.now);
        let config = self.config;
        let leg = &mut self.chain.series_mut()[at].leg;
        for (slot, side) in [Side::Buy, Side::Sell].into_iter().enumerate() {
            let sign = side.sign() as f64;
            let full = total * sign >= 1.0;
            let want = centre.filter(|_| !full).and_then(|value| {
                let half = (config.half_spread * value.vega).max(price_f64(leg.tick()));
                let price = leg.behind_quote(side, value.price - sign * half)?;
                let room = leg.room(side, slot, Qty::ZERO, config.position_max);
                let qty = leg.in_lots(room.min(config.order));
                let beside = leg.spare_room(side, Qty::ZERO, config.position_max);
                Some((Want { side, price, qty, beside }, half / price_f64(price)))
            });
            let tolerance = want.map_or(0.0, |(_, share)| config.tolerance * share);
            leg.quote(slot, want.map(|(want, _)| want), tolerance, pen);
        }
    }
}

impl Strategy for OptionMaker {
    fn on(&mut self, event: &Event, intents: &mut Vec<Intent>) {
        let due = self.clock.hear(event, intents);
        self.chain.hear(event);
        self.hedge.hear(event);
        if due {
            let mut clock = self.clock;
            self.wake(&mut clock.pen(intents));
            clock.ask(intents);
            self.clock = clock;
        }
    }
}
