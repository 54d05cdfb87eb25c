//! Limits around any strategy: position, loss, order rate. What is inside cannot pass them.
//!
//! An order is let through if, with everything outstanding on its side filled, the position stays
//! within its limit, and if the rate of orders allows it; otherwise the strategy hears, before its
//! next event, that the order was refused. A loss of equity beyond the limit throws the kill
//! switch, for good: all orders are cancelled, and only orders that bring a position closer to
//! neutral, no further than neutral, pass. Cancels always pass. Orders are counted in windows of
//! time that begin with a wake. An order of which nothing is heard for a window after its strategy
//! cancelled all is taken to be lost.

use money::{Amount, Qty, Span, Time};
use protocol::ids::{ClientId, Side};

use crate::leg::{BadConfig, signed};
use crate::strategy::{Event, Instrument, Intent, Strategy};

/// Limits of one instrument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InstrumentLimit {
    /// Which.
    pub instrument: Instrument,
    /// Position that counts as flat.
    pub neutral: Qty,
    /// Largest |position − neutral|.
    pub position_max: Qty,
}

/// Limits of a strategy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Per instrument; what is not listed may not be traded.
    pub instruments: Vec<InstrumentLimit>,
    /// Loss of equity since the first statement that throws the kill switch.
    pub loss_max: Amount,
    /// Orders in one window.
    pub orders_max: u32,
    /// Length of a window.
    pub window: Span,
    /// Open orders at one time.
    pub open_max: usize,
}

/// An instrument as the wrapper tracks it.
#[derive(Clone, Copy, Debug)]
struct Held {
    limit: InstrumentLimit,
    position: Qty,
}

/// An order on its way or resting.
#[derive(Clone, Copy, Debug)]
struct Open {
    instrument: Instrument,
    client: ClientId,
    side: Side,
    left: Qty,
    /// When it counts as lost, once all orders of its instrument were cancelled.
    lost_at: Option<Time>,
}

/// A strategy within limits.
#[derive(Clone, Debug)]
pub struct Limited<S> {
    inner: S,
    limits: Limits,
    held: Vec<Held>,
    open: Vec<Open>,
    refused: Vec<(Instrument, ClientId)>,
    asked: Vec<Intent>,
    equity_start: Option<Amount>,
    killed: bool,
    window_end: Time,
    orders: u32,
}

impl<S: Strategy> Limited<S> {
    /// Puts limits around a strategy.
    pub fn new(inner: S, limits: Limits) -> Result<Limited<S>, BadConfig> {
        if limits.window == Span::ZERO {
            return Err(BadConfig("the window of the order rate is empty: give a time above zero"));
        }
        if limits.instruments.iter().any(|limit| limit.position_max.is_negative()) {
            return Err(BadConfig("position_max is negative: give a magnitude"));
        }
        let held = |limit: &InstrumentLimit| Held { limit: *limit, position: limit.neutral };
        Ok(Limited {
            inner,
            held: limits.instruments.iter().map(held).collect(),
            open: Vec::with_capacity(limits.open_max),
            limits,
            refused: Vec::new(),
            asked: Vec::new(),
            equity_start: None,
            killed: false,
            window_end: Time::ZERO,
            orders: 0,
        })
    }

    /// The strategy inside.
    pub fn inner(&self) -> &S {
        &self.inner
    }

    /// Whether the loss limit was passed.
    pub fn is_killed(&self) -> bool {
        self.killed
    }

    /// Keeps the books of positions, open orders, equity and time.
    fn record(&mut self, event: &Event, intents: &mut Vec<Intent>) {
        match *event {
            Event::Fill { instrument, client, side, qty, done, .. } => {
                if let Some(held) = self.held_mut(instrument) {
                    held.position += signed(side, qty);
                }
                if let Some(at) = self.open_at(instrument, client) {
                    self.open[at].left -= qty;
                    if done || !self.open[at].left.is_positive() {
                        self.open.swap_remove(at);
                    }
                }
            }
            Event::Gone { instrument, client, .. } => {
                if let Some(at) = self.open_at(instrument, client) {
                    self.open.swap_remove(at);
                }
            }
            Event::Position { instrument, qty } => {
                if let Some(held) = self.held_mut(instrument) {
                    held.position = qty;
                }
            }
            Event::Equity { equity } => self.judge(equity, intents),
            Event::Wake { now } => {
                if now >= self.window_end {
                    (self.window_end, self.orders) = (now.after(self.limits.window), 0);
                }
                self.open.retain(|open| open.lost_at.is_none_or(|lost| now < lost));
            }
            Event::Quote { .. }
            | Event::Trade { .. }
            | Event::Funding { .. }
            | Event::Rested { .. }
            | Event::Series { .. }
            | Event::Surface(_)
            | Event::Auction { .. } => {}
        }
    }

    fn judge(&mut self, equity: Amount, intents: &mut Vec<Intent>) {
        let start = *self.equity_start.get_or_insert(equity);
        if !self.killed && start - equity > self.limits.loss_max {
            self.killed = true;
            for at in 0..self.held.len() {
                let instrument = self.held[at].limit.instrument;
                intents.push(Intent::CancelAll { instrument });
                self.doubt(instrument);
            }
        }
    }

    /// Lets through what is within the limits.
    fn filter(&mut self, intents: &mut Vec<Intent>) {
        let mut asked = std::mem::take(&mut self.asked);
        for intent in asked.drain(..) {
            let passed = match intent {
                Intent::Place { instrument, side, qty, client, .. } => {
                    let order = Open { instrument, client, side, left: qty, lost_at: None };
                    let passes = self.passes(&order);
                    if passes {
                        self.orders += 1;
                        self.open.push(order);
                    } else {
                        self.refused.push((instrument, client));
                    }
                    passes
                }
                Intent::CancelAll { instrument } => {
                    self.doubt(instrument);
                    true
                }
                Intent::Bid { .. } => !self.killed,
                Intent::Cancel { .. } | Intent::WakeAt(_) => true,
            };
            if passed {
                intents.push(intent);
            }
        }
        self.asked = asked;
    }

    /// Starts the time after which the open orders of an instrument count as lost.
    fn doubt(&mut self, instrument: Instrument) {
        let lost_at = self.window_end.after(self.limits.window);
        for open in self.open.iter_mut().filter(|open| open.instrument == instrument) {
            open.lost_at.get_or_insert(lost_at);
        }
    }

    fn passes(&self, order: &Open) -> bool {
        let held = self.held.iter().find(|held| held.limit.instrument == order.instrument);
        let Some(held) = held else { return false };
        let outstanding: Qty = self
            .open
            .iter()
            .filter(|open| open.instrument == order.instrument && open.side == order.side)
            .map(|open| open.left)
            .sum();
        let now = signed(order.side, held.position - held.limit.neutral);
        let filled = now + outstanding + order.left;
        let allowed = if self.killed { Qty::ZERO } else { held.limit.position_max };
        filled <= allowed
            && order.left.is_positive()
            && self.orders < self.limits.orders_max
            && self.open.len() < self.limits.open_max
    }

    fn held_mut(&mut self, instrument: Instrument) -> Option<&mut Held> {
        self.held.iter_mut().find(|held| held.limit.instrument == instrument)
    }

    fn open_at(&self, instrument: Instrument, client: ClientId) -> Option<usize> {
        self.open.iter().position(|open| open.instrument == instrument && open.client == client)
    }
}

impl<S: Strategy> Strategy for Limited<S> {
    fn on(&mut self, event: &Event, intents: &mut Vec<Intent>) {
        self.record(event, intents);
        // only the refusals known now: an order refused in between is told of at the next event
        for _ in 0..self.refused.len() {
            let (instrument, client) = self.refused.remove(0);
            let gone = Event::Gone { instrument, client, refused: true };
            self.inner.on(&gone, &mut self.asked);
            self.filter(intents);
        }
        self.inner.on(event, &mut self.asked);
        self.filter(intents);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use money::Price;
    use protocol::command::Lifetime;

    /// Places the same order at every quote, and remembers what it was refused.
    #[derive(Default)]
    struct Eager {
        side: Option<Side>,
        cancels: bool,
        placed: u64,
        refused: u64,
    }

    const MARKET: Instrument = Instrument(0);

    impl Strategy for Eager {
        fn on(&mut self, event: &Event, intents: &mut Vec<Intent>) {
            if let Event::Gone { refused: true, .. } = event {
                self.refused += 1;
            }
            if std::mem::take(&mut self.cancels) {
                intents.push(Intent::CancelAll { instrument: MARKET });
            }
            if let (Event::Quote { .. }, Some(side)) = (event, self.side) {
                self.placed += 1;
                intents.push(Intent::Place {
                    instrument: MARKET,
                    side,
                    price: Price::ONE,
                    qty: Qty::ONE,
                    lifetime: Lifetime::Resting,
                    reduce_only: false,
                    client: ClientId(self.placed),
                });
            }
        }
    }

    fn eager(side: Side, orders_max: u32) -> Limited<Eager> {
        let limits = Limits {
            instruments: vec![InstrumentLimit {
                instrument: MARKET,
                neutral: Qty::ZERO,
                position_max: Qty::from_raw(3 * Qty::ONE.raw()),
            }],
            loss_max: Amount::from_raw(100 * Amount::ONE.raw()),
            orders_max,
            window: Span::SECOND,
            open_max: 64,
        };
        Limited::new(Eager { side: Some(side), ..Eager::default() }, limits).unwrap()
    }

    fn quote() -> Event {
        Event::Quote { instrument: MARKET, bid: None, ask: None }
    }

    fn places(strategy: &mut Limited<Eager>, event: &Event) -> usize {
        let mut intents = Vec::new();
        strategy.on(event, &mut intents);
        intents.iter().filter(|intent| matches!(intent, Intent::Place { .. })).count()
    }

    #[test]
    fn open_orders_count_towards_the_position_limit() {
        let mut strategy = eager(Side::Buy, 100);
        let passed: Vec<usize> = (0..5).map(|_| places(&mut strategy, &quote())).collect();
        assert_eq!(passed, [1, 1, 1, 0, 0]);
        let gone = Event::Gone { instrument: MARKET, client: ClientId(1), refused: false };
        assert_eq!(places(&mut strategy, &gone), 0);
        assert_eq!(places(&mut strategy, &quote()), 1);
        assert_eq!(strategy.inner().refused, 2, "a refusal is heard before the next event");
    }

    #[test]
    fn a_lost_order_is_forgotten_a_window_after_all_were_cancelled() {
        let mut strategy = eager(Side::Buy, 100);
        let passed: Vec<usize> = (0..4).map(|_| places(&mut strategy, &quote())).collect();
        assert_eq!(passed, [1, 1, 1, 0]);
        let at = |seconds: u64| Event::Wake { now: Time::from_nanos(seconds * 1_000_000_000) };
        places(&mut strategy, &at(10));
        strategy.inner.cancels = true;
        assert_eq!(places(&mut strategy, &quote()), 0);
        places(&mut strategy, &at(11));
        assert_eq!(places(&mut strategy, &quote()), 0, "the cancel may still be under way");
        places(&mut strategy, &at(12));
        assert_eq!(places(&mut strategy, &quote()), 1);
    }

    #[test]
    fn the_order_rate_opens_again_with_the_next_window() {
        let mut strategy = eager(Side::Buy, 1);
        let at = |seconds: u64| Event::Wake { now: Time::from_nanos(seconds * 1_000_000_000) };
        assert_eq!(places(&mut strategy, &at(10)), 0);
        assert_eq!(places(&mut strategy, &quote()), 1);
        assert_eq!(places(&mut strategy, &quote()), 0);
        places(&mut strategy, &at(10));
        assert_eq!(places(&mut strategy, &quote()), 0);
        places(&mut strategy, &at(11));
        assert_eq!(places(&mut strategy, &quote()), 1);
    }

    #[test]
    fn the_kill_switch_cancels_and_lets_only_reductions_pass() {
        let mut strategy = eager(Side::Sell, 100);
        let equity =
            |whole: i128| Event::Equity { equity: Amount::from_raw(whole * Amount::ONE.raw()) };
        let mut intents = Vec::new();
        strategy.on(&equity(1000), &mut intents);
        strategy.on(&equity(900), &mut intents);
        assert!(intents.is_empty() && !strategy.is_killed());
        strategy.on(&equity(899), &mut intents);
        assert_eq!(intents, [Intent::CancelAll { instrument: MARKET }]);
        assert_eq!(places(&mut strategy, &quote()), 0, "flat: any order opens");
        let two = Qty::from_raw(2 * Qty::ONE.raw());
        places(&mut strategy, &Event::Position { instrument: MARKET, qty: two });
        let passed: Vec<usize> = (0..3).map(|_| places(&mut strategy, &quote())).collect();
        assert_eq!(passed, [1, 1, 0], "never beyond flat");
        places(&mut strategy, &equity(2000));
        assert!(strategy.is_killed(), "for good");
    }

    #[test]
    fn an_instrument_without_a_limit_is_not_traded() {
        let mut strategy = eager(Side::Buy, 100);
        strategy.held.clear();
        assert_eq!(places(&mut strategy, &quote()), 0);
    }
}
