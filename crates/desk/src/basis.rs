//! The basis arbitrageur: holds a perpetual against spot where the premium pays more than it costs.
//!
//! With V(p) of [`crate::carry`], round-trip cost C = 2(fee maker perp + fee taker spot + half the
//! spot spread) and required edge e, the reservation premia are
//!
//! | trade | premium | |
//! |---|---|---|
//! | opens a short | `V(p) = C + e` | asks there when flat or short |
//! | opens a long | `V(p) = −C − e` | bids there when flat or long |
//! | closes either | `V(p) = 0` | the exit cost is due anyway |
//!
//! all shifted by `−skew·position/limit` (linear inventory aversion, as in Avellaneda and Stoikov
//! 2008); entering outside a cost band and leaving at zero follows He et al. (arXiv 2212.06888). It
//! quotes post-only at spot·(1 + p), takes what crosses p by the extra taker fee, and hedges every
//! difference on spot at once. Invariant: perpetual position plus open orders never pass the limit.
//! A drawdown beyond its limit ends it: all is cancelled and flattened.

use money::{Amount, Qty, Span, Time};
use protocol::ids::Side;

use crate::carry::{Outlook, Reversion};
use crate::leg::{BadConfig, Clock, Leg, Pen, Want, signed};
use crate::rule;
use crate::strategy::{Event, Instrument, Intent, Listing, Published, Strategy};
use crate::volatility::Volatility;

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
    /// What a price must offer beyond fees to be taken, as a fraction: an order that travels meets
    /// the quotes that are still there when the price has moved against it.
    pub take_edge: f64,
    /// The same, per standard deviation of the spot price over one period.
    pub take_volatility_multiple: f64,
    /// Memory of that standard deviation.
    pub volatility_memory: Span,
    /// Time between looks at the market.
    pub period: Span,
    /// Time between valuations: looks at the premium from which the reservations follow.
    pub valuation: Span,
    /// Memory of the mean premium and of its reversion, in hours.
    pub memory_h: f64,
    /// Half-life of the premium before any is observed, in hours.
    pub half_life_h: f64,
    /// Silence after which an order is followed up.
    pub patience: Span,
}

impl BasisConfig {
    /// Defaults for a financing cost and limits; the perpetual is instrument 0 and spot instrument
    /// 1.
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
            take_edge: 3e-4,
            take_volatility_multiple: 4.0,
            volatility_memory: Span::MINUTE.times(5),
            period: Span::MINUTE,
            valuation: Span::MINUTE,
            memory_h: 24.0,
            half_life_h: 2.0,
            patience: Span::from_secs(10),
        }
    }

    fn check(&self) -> Result<(), BadConfig> {
        let positive = [self.horizon_h, self.memory_h, self.half_life_h];
        let take = [self.take_edge, self.take_volatility_multiple];
        let not_negative = [self.edge, self.skew, self.tolerance, self.slippage, take[0], take[1]];
        if positive.iter().any(|x| !x.is_finite() || *x <= 0.0) {
            return Err(BadConfig("horizon, memory and half-life are hours: give them above zero"));
        }
        if not_negative.iter().any(|x| !x.is_finite() || *x < 0.0) {
            let text = "edges, skew, tolerance and slippage are fractions from zero up";
            return Err(BadConfig(text));
        }
        if !self.financing_8h.is_finite() {
            return Err(BadConfig("the financing cost is not a number: give a fraction for 8 h"));
        }
        if !self.position_max.is_positive() || !self.order_max.is_positive() {
            return Err(BadConfig("position_max and order_max must be above zero"));
        }
        if self.period == Span::ZERO || self.valuation == Span::ZERO {
            return Err(BadConfig("period and valuation are times above zero"));
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
    /// When the reservations were last worked out.
    valued: Time,
    /// How far spot moves from look to look.
    volatility: Volatility,
    clock: Clock,
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
        let step_h = pricing::convert::hours(config.valuation);
        Ok(Basis {
            perpetual: Leg::new(config.perpetual, perpetual, 3)?,
            spot: Leg::new(config.spot, spot, 1)?.holding(config.spot_neutral),
            outlook: Outlook::new(rule::model(funding), config.financing_8h, config.horizon_h),
            reversion: Reversion::new(step_h, config.memory_h, config.half_life_h),
            volatility: Volatility::new(config.period, config.volatility_memory),
            clock: Clock::new(config.period),
            config,
            published: Published::default(),
            reservations: None,
            equity_start: None,
            stopped: false,
            valued: Time::ZERO,
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

    fn wake(&mut self, pen: &mut Pen) {
        self.perpetual.follow_up(self.config.patience, pen);
        self.spot.follow_up(self.config.patience, pen);
        if let Some(spot) = self.spot.mid() {
            self.volatility.push(spot);
        }
        if self.reservations.is_none() || pen.now.since(self.valued) >= self.config.valuation {
            self.valued = pen.now;
            self.observe();
        }
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
            .map(|price| {
                let qty = self.quantity(side, slot, closes);
                Want { side, price, qty, beside: self.beside(side, closes) }
            });
        self.perpetual.quote(slot, want, self.config.tolerance, pen);
        if !blocked {
            self.take(side, value, spot, closes, pen);
        }
    }

    /// Takes what crosses `value` by more than the taker fee costs beyond the maker fee, and the
    /// edge that a taker needs.
    fn take(&mut self, side: Side, value: f64, spot: f64, closes: bool, pen: &mut Pen) {
        let fees = self.perpetual.fee_taker() - self.perpetual.fee_maker();
        let moves = self.config.take_volatility_multiple * self.volatility.per_period();
        let extra = fees + self.config.take_edge + moves;
        let worst = self.perpetual.on_tick(side, value - side.sign() as f64 * spot * extra);
        let (Some(level), Some(price)) = (self.perpetual.against(side), worst) else { return };
        let crossed = match side {
            Side::Buy => level.price <= price,
            Side::Sell => level.price >= price,
        };
        if crossed {
            let qty = self.quantity(side, TAKE, closes).min(level.qty);
            self.perpetual.take(TAKE, Want { side, price, qty, beside: Qty::ZERO }, pen);
        }
    }

    /// How much an order may be, in lots; one that closes never turns the position.
    fn quantity(&self, side: Side, slot: usize, closes: bool) -> Qty {
        let max = if closes { Qty::ZERO } else { self.limit(side) };
        let room = self.perpetual.room(side, slot, Qty::ZERO, max);
        self.perpetual.in_lots(room.min(self.config.order_max))
    }

    /// How much of an order may stand beside the one that it replaces.
    fn beside(&self, side: Side, closes: bool) -> Qty {
        let max = if closes { Qty::ZERO } else { self.limit(side) };
        self.perpetual.spare_room(side, Qty::ZERO, max)
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
        leg.take(slot, Want { side, price, qty, beside: Qty::ZERO }, pen);
    }
}

impl Strategy for Basis {
    fn on(&mut self, event: &Event, intents: &mut Vec<Intent>) {
        let due = self.clock.hear(event, intents);
        let heard = match *event {
            Event::Wake { .. } => due,
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
            Event::Trade { .. }
            | Event::Series { .. }
            | Event::Surface(_)
            | Event::Auction { .. } => false,
            Event::Quote { .. }
            | Event::Rested { .. }
            | Event::Fill { .. }
            | Event::Gone { .. }
            | Event::Position { .. } => self.perpetual.hear(event) | self.spot.hear(event),
        };
        let mut clock = self.clock;
        if due {
            self.wake(&mut clock.pen(intents));
            clock.ask(intents);
        }
        if heard {
            self.act(&mut clock.pen(intents));
        }
        self.clock = clock;
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::strategy::Level;
    use money::{Price, Rate};
    use proptest::prelude::{Just, prop, prop_assert, prop_assert_eq, prop_oneof, proptest};
    use proptest::strategy::Strategy as _;
    use protocol::command::Lifetime;
    use protocol::ids::ClientId;
    use protocol::params::FundingRule;

    const PERPETUAL: Instrument = Instrument(0);
    const SPOT: Instrument = Instrument(1);
    const BP: f64 = 1e-4;

    fn whole(units: i64) -> Qty {
        Qty::from_raw(units * Qty::ONE.raw())
    }

    fn listing(funding: Option<FundingRule>) -> Listing {
        Listing {
            name: "BTC".to_string(),
            tick: "0.1".parse().unwrap(),
            lot: "0.001".parse().unwrap(),
            fee_maker: Rate::ZERO,
            fee_taker: "0.0001".parse().unwrap(),
            funding,
        }
    }

    fn industry() -> FundingRule {
        FundingRule::Industry {
            interval: Span::HOUR.times(8),
            interest: Rate::from_bp(1),
            clamp: Rate::from_bp(5),
            cap: Rate::from_bp(75),
        }
    }

    fn anchored() -> FundingRule {
        FundingRule::Anchored {
            anchor: Span::HOUR.times(8),
            carry: "0.000039".parse().unwrap(),
            cap: Rate::from_bp(75),
        }
    }

    fn basis(rule: FundingRule, change: impl Fn(&mut BasisConfig)) -> Basis {
        let config = BasisConfig::new(0.39 * BP, whole(10), whole(1));
        let mut config = BasisConfig { take_edge: 0.0, ..config };
        change(&mut config);
        Basis::new(config, &listing(Some(rule)), &listing(None)).unwrap()
    }

    fn price(value: f64) -> Price {
        pricing::convert::price((value * 10.0).round() / 10.0, money::Round::Down).unwrap()
    }

    fn quote(instrument: Instrument, bid: f64, ask: f64) -> Event {
        let level = |value| Some(Level { price: price(value), qty: whole(5) });
        Event::Quote { instrument, bid: level(bid), ask: level(ask) }
    }

    fn wake(seconds: u64) -> Event {
        Event::Wake { now: Time::from_nanos(seconds * 1_000_000_000) }
    }

    fn heard(strategy: &mut Basis, events: &[Event]) -> Vec<Intent> {
        let mut intents = Vec::new();
        events.iter().for_each(|event| strategy.on(event, &mut intents));
        intents
    }

    /// Spot at 100 000, the perpetual at a premium in basis points, both one tick wide.
    fn market(premium_bp: f64, elapsed: Span) -> [Event; 4] {
        let perpetual = 100_000.0 * (1.0 + premium_bp * BP);
        let published = Published {
            premium: Rate::from_raw((premium_bp * 1e8) as i64),
            elapsed,
            ..Published::default()
        };
        [
            Event::Funding { instrument: PERPETUAL, published },
            quote(SPOT, 100_000.0, 100_000.1),
            quote(PERPETUAL, perpetual, perpetual + 0.1),
            wake(60),
        ]
    }

    fn fill(instrument: Instrument, client: u64, side: Side, qty: Qty, done: bool) -> Event {
        let (client, price) = (ClientId(client), Price::ONE);
        Event::Fill { instrument, client, side, price, qty, fee: Amount::ZERO, done }
    }

    /// Orders as `side qty@premium` in basis points of 100 000.
    fn orders(intents: &[Intent]) -> Vec<String> {
        let place = |intent: &Intent| match *intent {
            Intent::Place { instrument, side, price, qty, lifetime, client, .. } => {
                let premium = pricing::convert::price_f64(price) / 10.0 - 10_000.0;
                let market = if instrument == SPOT { "spot" } else { "perp" };
                let number = client.0;
                Some(format!("{number} {market} {side:?} {qty} at {premium:.1} {lifetime:?}"))
            }
            Intent::Cancel { client, .. } => Some(format!("cancel {}", client.0)),
            Intent::CancelAll { instrument } => Some(format!("cancel all of {}", instrument.0)),
            Intent::Bid { .. } | Intent::WakeAt(_) => None,
        };
        intents.iter().filter_map(place).collect()
    }

    #[test]
    fn under_the_dead_band_the_centre_is_its_edge_and_under_the_anchor_spot() {
        for (rule, centre) in [(industry(), -4.6), (anchored(), 0.0)] {
            let mut strategy = basis(rule, |_| ());
            heard(&mut strategy, &market(centre, Span::HOUR.times(4)));
            let reservations = strategy.reservations().unwrap();
            assert!((reservations.neutral / BP - centre).abs() < 0.1, "{rule:?} {reservations:?}");
            let middle = (reservations.opens_long + reservations.opens_short) / 2.0;
            assert!((middle / BP - centre).abs() < 0.5, "{rule:?} {reservations:?}");
            assert!(reservations.opens_long < reservations.neutral);
            assert!(reservations.neutral < reservations.opens_short);
        }
    }

    #[test]
    fn a_flat_strategy_quotes_both_sides_around_neutral() {
        let mut strategy = basis(anchored(), |_| ());
        let intents = heard(&mut strategy, &market(0.0, Span::ZERO));
        assert_eq!(intents[0], Intent::WakeAt(Time::ZERO));
        let placed = orders(&intents);
        assert_eq!(
            placed,
            ["1 perp Buy 1 at -2.1 PostOnly", "2 perp Sell 1 at 2.1 PostOnly"],
            "C + e = 2.5 bp at a slope of (θH + H/8h)/(1 + θH) = 1.2"
        );
        let small = heard(&mut strategy, &[quote(SPOT, 100_000.5, 100_000.6)]);
        assert_eq!(orders(&small), [""; 0], "within the tolerance");
        let large = heard(&mut strategy, &[quote(SPOT, 100_020.0, 100_020.1)]);
        assert_eq!(
            orders(&large),
            [
                "cancel 1",
                "3 perp Buy 1 at -0.1 PostOnly",
                "cancel 2",
                "4 perp Sell 1 at 4.1 PostOnly"
            ],
            "replaced at once"
        );
        let gone = |client| Event::Gone {
            instrument: PERPETUAL,
            client: ClientId(client),
            refused: false,
        };
        let again = heard(&mut strategy, &[gone(1), gone(2)]);
        assert_eq!(orders(&again), [""; 0]);
    }

    #[test]
    fn a_rich_perpetual_is_sold_and_hedged_at_once() {
        let mut strategy = basis(anchored(), |config| config.passive = false);
        let taken = orders(&heard(&mut strategy, &market(8.0, Span::ZERO)));
        assert_eq!(taken, ["1 perp Sell 1 at 3.1 Immediate"]);
        let part: Qty = "0.4".parse().unwrap();
        let hedge = heard(&mut strategy, &[fill(PERPETUAL, 1, Side::Sell, part, false)]);
        assert_eq!(orders(&hedge), ["2 spot Buy 0.4 at 20.0 Immediate"]);
        let rest: Qty = "0.6".parse().unwrap();
        let busy = heard(&mut strategy, &[fill(PERPETUAL, 1, Side::Sell, rest, true)]);
        assert_eq!(orders(&busy), ["3 perp Sell 1 at 3.2 Immediate"], "the hedge is under way");
        let more = heard(&mut strategy, &[fill(SPOT, 2, Side::Buy, part, true)]);
        assert_eq!(orders(&more), ["4 spot Buy 0.6 at 20.0 Immediate"]);
    }

    #[test]
    fn a_taker_asks_for_its_edge_and_for_the_moves_of_spot() {
        let taken = |take_edge: f64, spots: &[f64]| {
            let mut strategy = basis(anchored(), |config| {
                (config.passive, config.take_edge) = (false, take_edge);
                config.volatility_memory = Span::MINUTE;
            });
            for (at, spot) in (0u64..).zip(spots) {
                heard(&mut strategy, &[quote(SPOT, *spot, spot + 0.1), wake(60 * at)]);
            }
            heard(&mut strategy, &market(8.0, Span::ZERO)[..3]);
            orders(&heard(&mut strategy, &[wake(6_000)]))
        };
        assert_eq!(taken(0.0, &[]), ["1 perp Sell 1 at 3.1 Immediate"]);
        assert_eq!(taken(3.0 * BP, &[]), ["1 perp Sell 1 at 6.1 Immediate"]);
        assert_eq!(taken(0.0, &[100_000.0, 100_000.0]), ["1 perp Sell 1 at 3.1 Immediate"]);
        assert_eq!(taken(0.0, &[100_000.0, 100_100.0, 100_000.0]), [""; 0], "10 bp a look");
    }

    #[test]
    fn a_short_is_closed_when_its_value_is_gone() {
        let mut strategy = basis(anchored(), |config| config.passive = false);
        let held = [
            Event::Position { instrument: PERPETUAL, qty: whole(-3) },
            Event::Position { instrument: SPOT, qty: whole(3) },
        ];
        heard(&mut strategy, &held);
        assert_eq!(orders(&heard(&mut strategy, &market(-0.5, Span::ZERO))), [""; 0]);
        let closing = orders(&heard(&mut strategy, &market(-5.0, Span::ZERO)));
        assert_eq!(
            closing,
            ["1 perp Buy 1 at -0.7 Immediate"],
            "spot plus 0.3 bp of skew less 1 bp of taker fee"
        );
    }

    #[test]
    fn carry_inside_the_dead_band_is_worth_a_short_at_spot() {
        // funding 1 bp against 0.39 bp of financing: a short at spot earns without any convergence
        let mut strategy = basis(industry(), |config| config.passive = false);
        let taken = orders(&heard(&mut strategy, &market(0.0, Span::HOUR.times(4))));
        assert!(taken[0].starts_with("1 perp Sell 1"), "{taken:?}");
        let mut strategy = basis(anchored(), |config| config.passive = false);
        assert_eq!(orders(&heard(&mut strategy, &market(0.0, Span::ZERO))), [""; 0]);
    }

    #[test]
    fn a_refused_order_is_not_repeated_before_something_changes() {
        let mut strategy = basis(anchored(), |config| config.passive = false);
        heard(&mut strategy, &market(8.0, Span::ZERO));
        let refused = Event::Gone { instrument: PERPETUAL, client: ClientId(1), refused: true };
        assert_eq!(orders(&heard(&mut strategy, &[refused])), [""; 0]);
        assert_eq!(orders(&heard(&mut strategy, &[quote(SPOT, 100_000.0, 100_000.1)])), [""; 0]);
        let again = heard(&mut strategy, &[quote(PERPETUAL, 100_080.0, 100_080.1)]);
        assert_eq!(orders(&again).len(), 1);
    }

    #[test]
    fn a_drawdown_cancels_flattens_and_stays_stopped() {
        let mut strategy = basis(anchored(), |config| config.drawdown_max = "100".parse().unwrap());
        let equity = |text: &str| Event::Equity { equity: text.parse().unwrap() };
        let held = [
            Event::Position { instrument: PERPETUAL, qty: whole(-1) },
            Event::Position { instrument: SPOT, qty: whole(1) },
            equity("1000"),
        ];
        heard(&mut strategy, &held);
        assert_eq!(orders(&heard(&mut strategy, &market(0.5, Span::ZERO))).len(), 2);
        let stop = orders(&heard(&mut strategy, &[equity("899")]));
        assert!(strategy.is_stopped());
        assert_eq!(stop, ["cancel 1", "cancel 2"], "what may still fill is not closed twice");
        let gone = |client| Event::Gone {
            instrument: PERPETUAL,
            client: ClientId(client),
            refused: false,
        };
        let closing = orders(&heard(&mut strategy, &[gone(1), gone(2)]));
        assert_eq!(closing.len(), 1);
        assert!(closing[0].contains("perp Buy 1 "), "{closing:?}");
        let hedged = heard(&mut strategy, &[fill(PERPETUAL, 3, Side::Buy, whole(1), true)]);
        assert!(orders(&hedged)[0].contains("spot Sell 1 "));
        heard(&mut strategy, &[fill(SPOT, 4, Side::Sell, whole(1), true), equity("2000")]);
        assert_eq!(orders(&heard(&mut strategy, &[wake(600)])), [""; 0]);
    }

    #[test]
    fn an_order_never_heard_of_is_followed_up() {
        let mut strategy = basis(anchored(), |_| ());
        heard(&mut strategy, &market(0.0, Span::ZERO));
        let first = orders(&heard(&mut strategy, &[wake(120)]));
        assert_eq!(first, ["cancel 1", "cancel 2"]);
        let second = orders(&heard(&mut strategy, &[wake(180)]));
        assert_eq!(second[..2], ["cancel all of 0", "cancel all of 0"]);
        assert_eq!(second.len(), 4, "and quoted anew: {second:?}");
    }

    #[test]
    fn bad_configurations_are_refused_with_what_to_do() {
        let refusal = |change: &dyn Fn(&mut BasisConfig), rule| {
            let mut config = BasisConfig::new(0.0, whole(10), whole(1));
            change(&mut config);
            Basis::new(config, &listing(rule), &listing(None)).err()
        };
        assert_eq!(refusal(&|_| (), Some(anchored())), None);
        assert!(refusal(&|_| (), None).is_some());
        assert!(refusal(&|config| config.horizon_h = 0.0, Some(anchored())).is_some());
        assert!(refusal(&|config| config.edge = f64::NAN, Some(anchored())).is_some());
        assert!(refusal(&|config| config.order_max = Qty::ZERO, Some(anchored())).is_some());
        assert!(refusal(&|config| config.period = Span::ZERO, Some(anchored())).is_some());
    }

    /// What happens next to the orders that are out.
    #[derive(Clone, Debug)]
    enum Turn {
        Move { spot: f64, premium_bp: f64 },
        Fill { pick: usize, share: f64 },
        Gone { pick: usize },
        Lose { pick: usize },
        Wait,
    }

    fn turns() -> impl proptest::strategy::Strategy<Value = Turn> {
        prop_oneof![
            (90_000.0..110_000.0, -40.0..40.0)
                .prop_map(|(spot, premium_bp)| Turn::Move { spot, premium_bp }),
            (0usize..8, 0.0..1.0).prop_map(|(pick, share)| Turn::Fill { pick, share }),
            (0usize..8).prop_map(|pick| Turn::Gone { pick }),
            (0usize..8).prop_map(|pick| Turn::Lose { pick }),
            Just(Turn::Wait),
        ]
    }

    struct Out {
        instrument: Instrument,
        client: ClientId,
        side: Side,
        left: Qty,
    }

    fn hear_turn(turn: &Turn, out: &mut Vec<Out>, seconds: &mut u64) -> Vec<Event> {
        let pick = |pick: usize, out: &Vec<Out>| (!out.is_empty()).then(|| pick % out.len());
        match *turn {
            Turn::Move { spot, premium_bp } => {
                let perpetual = spot * (1.0 + premium_bp * BP);
                vec![quote(SPOT, spot, spot + 0.1), quote(PERPETUAL, perpetual, perpetual + 0.1)]
            }
            Turn::Fill { pick: at, share } => {
                let Some(at) = pick(at, out) else { return vec![] };
                let lots = (share * out[at].left.raw() as f64 / 1e5).ceil().max(1.0) as i64;
                let qty = Qty::from_raw(lots * 100_000).min(out[at].left);
                out[at].left -= qty;
                let done = out[at].left.is_zero();
                let Out { instrument, client, side, .. } = out[at];
                if done {
                    out.swap_remove(at);
                }
                vec![fill(instrument, client.0, side, qty, done)]
            }
            Turn::Gone { pick: at } => {
                let Some(at) = pick(at, out) else { return vec![] };
                let Out { instrument, client, .. } = out.swap_remove(at);
                vec![Event::Gone { instrument, client, refused: true }]
            }
            Turn::Lose { pick: at } => {
                if let Some(at) = pick(at, out) {
                    out.swap_remove(at);
                }
                vec![]
            }
            Turn::Wait => {
                *seconds += 61;
                vec![wake(*seconds)]
            }
        }
    }

    proptest! {
        #[test]
        fn limits_hold_whatever_happens(turns in prop::collection::vec(turns(), 1..200)) {
            let mut strategy = basis(industry(), |config| config.position_max = whole(2));
            let (mut out, mut seconds, mut position) = (Vec::new(), 0, Qty::ZERO);
            for turn in &turns {
                for event in hear_turn(turn, &mut out, &mut seconds) {
                    if let Event::Fill { instrument: PERPETUAL, side, qty, .. } = event {
                        position += signed(side, qty);
                    }
                    for intent in heard(&mut strategy, &[event]) {
                        match intent {
                            Intent::Place { instrument, side, qty, client, lifetime, .. } => {
                                prop_assert!(qty.is_positive() && qty <= whole(1));
                                prop_assert_eq!(qty.raw() % 100_000, 0);
                                prop_assert!(instrument == PERPETUAL
                                    || lifetime == Lifetime::Immediate);
                                out.push(Out { instrument, client, side, left: qty });
                            }
                            Intent::CancelAll { instrument } => {
                                out.retain(|order| order.instrument != instrument);
                            }
                            Intent::Cancel { .. } | Intent::Bid { .. } | Intent::WakeAt(_) => {}
                        }
                    }
                }
                for side in [Side::Buy, Side::Sell] {
                    let open = out.iter().filter(|o| o.instrument == PERPETUAL && o.side == side);
                    let worst = signed(side, position) + open.map(|order| order.left).sum();
                    prop_assert!(worst <= whole(2), "{side:?} {worst}");
                }
            }
        }

        #[test]
        fn the_hedge_brings_every_position_to_neutral(perpetual in -2000i64..2000) {
            let mut strategy = basis(anchored(), |_| ());
            heard(&mut strategy, &[quote(SPOT, 100_000.0, 100_000.1)]);
            let qty = Qty::from_raw(perpetual * 100_000);
            let mut delta = qty;
            let mut event = Event::Position { instrument: PERPETUAL, qty };
            for _ in 0..4 {
                let intents = heard(&mut strategy, &[event]);
                event = wake(0);
                for intent in intents {
                    if let Intent::Place { instrument: SPOT, side, qty, client, .. } = intent {
                        delta += signed(side, qty);
                        event = fill(SPOT, client.0, side, qty, true);
                    }
                }
            }
            prop_assert_eq!(delta, Qty::ZERO);
        }
    }
}
