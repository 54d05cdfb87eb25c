//! The basis arbitrageur: holds a perpetual against spot where the premium pays more than it costs.
//!
//! With V(p) of [`crate::carry`], round-trip cost C = 2(fee maker perp + fee taker spot + half the spot
//! spread) and required edge e, the reservation premia are
//!
//! | trade | premium | |
//! |---|---|---|
//! | opens a short | `V(p) = C + e` | asks there when flat or short |
//! | opens a long | `V(p) = −C − e` | bids there when flat or long |
//! | closes either | `V(p) = 0` | the exit cost is due anyway |
//!
//! all shifted by `−skew·position/limit` (linear inventory aversion, as in Avellaneda and Stoikov 2008);
//! enter outside the band, leave at zero is the optimal rule for a random maturity (He et al., arXiv
//! 2212.06888). It quotes post-only at spot·(1 + p), takes what crosses p by the extra taker fee, and
//! hedges every difference on spot at once. Invariant: perpetual position plus open orders never pass
//! the limit. A drawdown beyond its limit ends it: all is cancelled and flattened.

use money::{Amount, Qty, Span, Time};
use protocol::ids::Side;

use crate::carry::{Outlook, Reversion};
use crate::leg::{BadConfig, Leg, Pen, Want, signed};
use crate::rule;
use crate::strategy::{Event, Instrument, Intent, Listing, Published, Strategy};

/// What a basis arbitrageur is told. Rates are plain fractions.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BasisConfig {
    /// The perpetual.
    pub perpetual: Instrument,
    /// The spot market of the same asset.
    pub spot: Instrument,
    /// Own cost of financing the hedge for 8 h.
    pub financing_8h: f64,
    /// Mean holding time that trades are valued for, in hours.
    pub horizon_h: f64,
    /// Value beyond round-trip costs that a new position must have.
    pub edge: f64,
    /// Shift of all reservation premia at full position.
    pub skew: f64,
    /// Largest |perpetual position|.
    pub position_max: Qty,
    /// Largest order.
    pub order_max: Qty,
    /// Loss of equity since the first statement at which it flattens and stops.
    pub drawdown_max: Amount,
    /// Spot balance that counts as flat.
    pub spot_neutral: Qty,
    /// Whether the spot balance may go below zero.
    pub may_borrow: bool,
    /// Whether it rests quotes on the perpetual, or only takes.
    pub passive: bool,
    /// Move of a wanted price, as a fraction, that is worth a new quote.
    pub tolerance: f64,
    /// How far beyond the best quote a hedge may trade.
    pub slippage: f64,
    /// Time between looks at the premium; also between valuations.
    pub period: Span,
    /// Memory of the mean premium and of its reversion, in hours.
    pub memory_h: f64,
    /// Half-life of the premium before any is observed, in hours.
    pub half_life_h: f64,
    /// Silence after which an order is followed up.
    pub patience: Span,
}

impl BasisConfig {
    /// Defaults for a financing cost and limits; the perpetual is instrument 0 and spot instrument 1.
    pub fn new(financing_8h: f64, position_max: Qty, order_max: Qty) -> BasisConfig {
        BasisConfig {
            perpetual: Instrument(0),
            spot: Instrument(1),
            financing_8h,
            horizon_h: 24.0,
            edge: 0.5e-4,
            skew: 1e-4,
            position_max,
            order_max,
            drawdown_max: Amount::MAX,
            spot_neutral: Qty::ZERO,
            may_borrow: true,
            passive: true,
            tolerance: 0.2e-4,
            slippage: 20e-4,
            period: Span::MINUTE,
            memory_h: 24.0,
            half_life_h: 2.0,
            patience: Span::from_secs(10),
        }
    }

    fn check(&self) -> Result<(), BadConfig> {
        let positive = [self.horizon_h, self.memory_h, self.half_life_h];
        let not_negative = [self.edge, self.skew, self.tolerance, self.slippage];
        if positive.iter().any(|x| !x.is_finite() || *x <= 0.0) {
            return Err(BadConfig("horizon, memory and half-life are hours: give them above zero"));
        }
        if not_negative.iter().any(|x| !x.is_finite() || *x < 0.0) {
            return Err(BadConfig("edge, skew, tolerance and slippage are fractions from zero up"));
        }
        if !self.financing_8h.is_finite() {
            return Err(BadConfig("the financing cost is not a number: give a fraction for 8 h"));
        }
        if !self.position_max.is_positive() || !self.order_max.is_positive() {
            return Err(BadConfig("position_max and order_max must be above zero"));
        }
        if self.period == Span::ZERO {
            return Err(BadConfig("the period is empty: give the time between valuations"));
        }
        Ok(())
    }
}

/// Premia at which a trade is worth doing, before the skew.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reservations {
    /// Opens a long, at or below.
    pub opens_long: f64,
    /// Closes either.
    pub neutral: f64,
    /// Opens a short, at or above.
    pub opens_short: f64,
}

const BID: usize = 0;
const ASK: usize = 1;
const TAKE: usize = 2;
const HEDGE: usize = 0;

/// The strategy.
#[derive(Clone, Debug)]
pub struct Basis {
    config: BasisConfig,
    perpetual: Leg,
    spot: Leg,
    outlook: Outlook,
    reversion: Reversion,
    published: Published,
    reservations: Option<Reservations>,
    equity_start: Option<Amount>,
    stopped: bool,
    now: Time,
    due: Option<Time>,
    last: u64,
}

impl Basis {
    /// Builds the strategy from its configuration and what is listed about both instruments.
    pub fn new(
        config: BasisConfig,
        perpetual: &Listing,
        spot: &Listing,
    ) -> Result<Basis, BadConfig> {
        config.check()?;
        let funding = perpetual.funding.as_ref();
        let funding = funding.ok_or(BadConfig("the perpetual's listing has no funding rule"))?;
        let step_h = pricing::convert::hours(config.period);
        Ok(Basis {
            perpetual: Leg::new(config.perpetual, perpetual, 3)?,
            spot: Leg::new(config.spot, spot, 1)?.holding(config.spot_neutral),
            outlook: Outlook::new(rule::model(funding), config.financing_8h, config.horizon_h),
            reversion: Reversion::new(step_h, config.memory_h, config.half_life_h),
            config,
            published: Published::default(),
            reservations: None,
            equity_start: None,
            stopped: false,
            now: Time::ZERO,
            due: None,
            last: 0,
        })
    }

    /// The premia that it trades at; `None` before both markets were seen.
    pub fn reservations(&self) -> Option<Reservations> {
        self.reservations
    }

    /// Whether the drawdown limit has ended it.
    pub fn is_stopped(&self) -> bool {
        self.stopped
    }

    /// Looks at the premium and values it anew.
    fn observe(&mut self) {
        let (Some(perpetual), Some(spot)) = (self.perpetual.mid(), self.spot.mid()) else { return };
        self.reversion.push(perpetual / spot - 1.0);
        self.outlook.update(self.published, &self.reversion);
        let half_spread = self.spot.half_spread().unwrap_or(0.0);
        let cost = 2.0 * (self.perpetual.fee_maker() + self.spot.fee_taker() + half_spread);
        let hurdle = (cost + self.config.edge).max(0.0);
        self.reservations = Some(Reservations {
            opens_long: self.outlook.premium_worth(-hurdle),
            neutral: self.outlook.premium_worth(0.0),
            opens_short: self.outlook.premium_worth(hurdle),
        });
    }

    fn wake(&mut self, now: Time, pen: &mut Pen) {
        self.perpetual.follow_up(self.config.patience, pen);
        self.spot.follow_up(self.config.patience, pen);
        self.observe();
        let next = now.after(self.config.period);
        self.due = Some(next);
        pen.intents.push(Intent::WakeAt(next));
    }

    fn judge_equity(&mut self, equity: Amount) {
        let start = *self.equity_start.get_or_insert(equity);
        self.stopped |= start - equity > self.config.drawdown_max;
    }

    /// Net exposure to the asset over both legs.
    fn delta(&self) -> Qty {
        self.perpetual.position() + self.spot.position() - self.config.spot_neutral
    }

    fn act(&mut self, pen: &mut Pen) {
        self.hedge(pen);
        if self.stopped {
            self.flatten(pen);
            return;
        }
        let (Some(reservations), Some(spot)) = (self.reservations, self.spot.mid()) else { return };
        for side in [Side::Buy, Side::Sell] {
            self.trade(side, reservations, spot, pen);
        }
    }

    /// Brings the net exposure back to zero on spot.
    fn hedge(&mut self, pen: &mut Pen) {
        let delta = self.delta();
        let side = if delta.is_positive() { Side::Sell } else { Side::Buy };
        let qty = delta.abs().min(self.config.order_max);
        let available = match side {
            Side::Sell if !self.config.may_borrow => self.spot.position().max(Qty::ZERO),
            Side::Sell | Side::Buy => Qty::MAX,
        };
        cross(&mut self.spot, HEDGE, side, qty.min(available), self.config.slippage, pen);
    }

    /// Cancels all and closes the perpetual; the hedge follows.
    fn flatten(&mut self, pen: &mut Pen) {
        let position = self.perpetual.position();
        let side = if position.is_positive() { Side::Sell } else { Side::Buy };
        self.perpetual.quote(BID, None, 0.0, pen);
        self.perpetual.quote(ASK, None, 0.0, pen);
        let closing = self.perpetual.outstanding(side);
        let qty = (position.abs() - closing).min(self.config.order_max);
        cross(&mut self.perpetual, TAKE, side, qty, self.config.slippage, pen);
    }

    /// Rests or takes on one side of the perpetual.
    fn trade(&mut self, side: Side, reservations: Reservations, spot: f64, pen: &mut Pen) {
        let slot = if side == Side::Buy { BID } else { ASK };
        let position = self.perpetual.position();
        let closes = signed(side, position).is_negative();
        let premium = match side {
            _ if closes => reservations.neutral,
            Side::Buy => reservations.opens_long,
            Side::Sell => reservations.opens_short,
        };
        let inventory = position.raw() as f64 / self.config.position_max.raw() as f64;
        let value = spot * (1.0 + premium - self.config.skew * inventory);
        // an unhedged position on this side must be hedged before it may grow
        let blocked = signed(side, self.delta()) > self.config.order_max;
        let want = (self.config.passive && !blocked)
            .then(|| self.perpetual.behind_quote(side, value))
            .flatten()
            .map(|price| Want { side, price, qty: self.quantity(side, slot, closes) });
        self.perpetual.quote(slot, want, self.config.tolerance, pen);
        if !blocked {
            self.take(side, value, spot, closes, pen);
        }
    }

    /// Takes what crosses `value` by more than the taker fee costs beyond the maker fee.
    fn take(&mut self, side: Side, value: f64, spot: f64, closes: bool, pen: &mut Pen) {
        let extra = self.perpetual.fee_taker() - self.perpetual.fee_maker();
        let worst = self.perpetual.on_tick(side, value - side.sign() as f64 * spot * extra);
        let (Some(level), Some(price)) = (self.perpetual.against(side), worst) else { return };
        let crossed = match side {
            Side::Buy => level.price <= price,
            Side::Sell => level.price >= price,
        };
        if crossed {
            let qty = self.quantity(side, TAKE, closes).min(level.qty);
            self.perpetual.take(TAKE, Want { side, price, qty }, pen);
        }
    }

    /// How much an order may be, in lots; one that closes never turns the position.
    fn quantity(&self, side: Side, slot: usize, closes: bool) -> Qty {
        let max = if closes { Qty::ZERO } else { self.limit(side) };
        let room = self.perpetual.room(side, slot, Qty::ZERO, max);
        self.perpetual.in_lots(room.min(self.config.order_max))
    }

    /// Largest perpetual position on a side: without borrowing, a long can be hedged only by
    /// selling what is there.
    fn limit(&self, side: Side) -> Qty {
        match side {
            Side::Buy if !self.config.may_borrow => {
                self.config.position_max.min(self.config.spot_neutral.max(Qty::ZERO))
            }
            Side::Buy | Side::Sell => self.config.position_max,
        }
    }
}

/// An immediate order up to `slippage` beyond the best quote.
fn cross(leg: &mut Leg, slot: usize, side: Side, qty: Qty, slippage: f64, pen: &mut Pen) {
    let Some(level) = leg.against(side) else { return };
    let best = pricing::convert::price_f64(level.price);
    let worst = match side {
        Side::Buy => leg.on_tick(side, best * (1.0 + slippage)),
        Side::Sell => leg.on_tick(side, best * (1.0 - slippage)),
    };
    if let Some(price) = worst {
        leg.take(slot, Want { side, price, qty }, pen);
    }
}

impl Strategy for Basis {
    fn on(&mut self, event: &Event, intents: &mut Vec<Intent>) {
        let mut last = self.last;
        if self.due.is_none() {
            self.due = Some(Time::ZERO);
            intents.push(Intent::WakeAt(Time::ZERO));
        }
        let heard = match *event {
            Event::Wake { now } => {
                self.now = self.now.max(now);
                self.due.is_some_and(|due| now >= due)
            }
            Event::Equity { equity } => {
                self.judge_equity(equity);
                self.stopped
            }
            Event::Funding { instrument, published } => {
                if instrument == self.config.perpetual {
                    self.published = published;
                }
                false
            }
            Event::Quote { .. }
            | Event::Rested { .. }
            | Event::Fill { .. }
            | Event::Gone { .. }
            | Event::Position { .. } => self.perpetual.hear(event) | self.spot.hear(event),
        };
        if heard {
            let mut pen = Pen { intents, last: &mut last, now: self.now };
            if let Event::Wake { now } = *event {
                self.wake(now, &mut pen);
            }
            self.act(&mut pen);
        }
        self.last = last;
    }
}
