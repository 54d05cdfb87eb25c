//! One instrument as a strategy sees it: quotes, position, and its own orders in fixed slots.
//!
//! A slot holds at most one order and is free again only when the venue says that the order is gone
//! or filled; an order being cancelled still counts. So `position + outstanding` bounds the
//! position whatever happens in flight, and [`Leg::room`] never lets it pass a limit. An order of
//! which nothing is heard for the patience is cancelled; if nothing is heard again, all orders of
//! the instrument are cancelled and the slot is freed. After an order that was refused or found
//! nothing, the leg waits for the next quote or wake: no storm of equal refusals.

use std::fmt;

use money::{Price, Qty, Round, Span, Time};
use pricing::convert::{price, price_f64, rate_f64};
use protocol::command::Lifetime;
use protocol::ids::{ClientId, Side};

use crate::strategy::{Event, Instrument, Intent, Level, Listing};

/// Why a strategy cannot be built, and what to change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadConfig(pub &'static str);

impl fmt::Display for BadConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for BadConfig {}

/// An order that a strategy wants.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Want {
    /// Direction.
    pub side: Side,
    /// Worst acceptable price, on the tick.
    pub price: Price,
    /// Quantity, in lots.
    pub qty: Qty,
    /// How much may be outstanding beside the order that this one replaces.
    pub beside: Qty,
}

/// Where intents are written: with the numbering of orders and the time of the last wake.
pub struct Pen<'a> {
    /// What is asked for.
    pub intents: &'a mut Vec<Intent>,
    /// The number of the last order.
    pub last: &'a mut u64,
    /// Time of the last wake.
    pub now: Time,
}

/// When a strategy looks at its markets: at once, then a period after each look. It numbers the
/// orders as well.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    period: Span,
    /// Time of the last wake.
    now: Time,
    /// When the next look is due; none before the first event.
    due: Option<Time>,
    /// The number of the last order.
    last: u64,
}

impl Clock {
    /// A clock with this time between looks.
    pub fn new(period: Span) -> Clock {
        Clock { period, now: Time::ZERO, due: None, last: 0 }
    }

    /// Takes an event, on the first one asks to be woken at once; whether a look is due.
    pub fn hear(&mut self, event: &Event, intents: &mut Vec<Intent>) -> bool {
        let due = *self.due.get_or_insert_with(|| {
            intents.push(Intent::WakeAt(Time::ZERO));
            Time::ZERO
        });
        let Event::Wake { now } = *event else { return false };
        self.now = self.now.max(now);
        now >= due
    }

    /// Asks to be woken for the next look.
    pub fn ask(&mut self, intents: &mut Vec<Intent>) {
        let next = self.now.after(self.period);
        self.due = Some(next);
        intents.push(Intent::WakeAt(next));
    }

    /// Where intents are written now.
    pub fn pen<'a>(&'a mut self, intents: &'a mut Vec<Intent>) -> Pen<'a> {
        Pen { intents, last: &mut self.last, now: self.now }
    }
}

/// Where an order stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Sent,
    Resting,
    Cancelling,
}

/// An order of this strategy.
#[derive(Clone, Copy, Debug)]
struct Working {
    client: ClientId,
    want: Want,
    stage: Stage,
    since: Time,
    touched: bool,
}

/// One instrument: what is listed, quoted, held and ordered.
#[derive(Clone, Debug)]
pub struct Leg {
    instrument: Instrument,
    tick: Price,
    lot: Qty,
    fee_maker: f64,
    fee_taker: f64,
    bid: Option<Level>,
    ask: Option<Level>,
    position: Qty,
    stated: bool,
    /// An order was refused or found nothing: no other before the next quote or wake.
    paused: bool,
    /// The slots that strategies name, then as many for orders being replaced.
    slots: Vec<Option<Working>>,
    quoted: usize,
}

impl Leg {
    /// A leg with so many order slots; the tick and the lot must be positive.
    pub fn new(instrument: Instrument, listing: &Listing, slots: usize) -> Result<Leg, BadConfig> {
        if !listing.tick.is_positive() || !listing.lot.is_positive() {
            return Err(BadConfig("a listing has no tick or lot: state both, above zero"));
        }
        Ok(Leg {
            instrument,
            tick: listing.tick,
            lot: listing.lot,
            fee_maker: rate_f64(listing.fee_maker),
            fee_taker: rate_f64(listing.fee_taker),
            bid: None,
            ask: None,
            position: Qty::ZERO,
            stated: false,
            paused: false,
            slots: vec![None; 2 * slots],
            quoted: slots,
        })
    }

    /// Takes what an event says about this instrument; whether anything to act on changed.
    pub fn hear(&mut self, event: &Event) -> bool {
        match *event {
            Event::Quote { instrument, bid, ask } if instrument == self.instrument => {
                let changed = self.paused || (self.bid, self.ask) != (bid, ask);
                (self.bid, self.ask, self.paused) = (bid, ask, false);
                changed
            }
            Event::Rested { instrument, client } if instrument == self.instrument => {
                if let Some(working) = self.slot_of(client).and_then(Option::as_mut)
                    && working.stage == Stage::Sent
                {
                    working.stage = Stage::Resting;
                }
                false
            }
            Event::Fill { instrument, client, side, qty, done, .. }
                if instrument == self.instrument =>
            {
                self.position += signed(side, qty);
                if let Some(slot) = self.slot_of(client) {
                    let left = slot.map_or(Qty::ZERO, |working| working.want.qty - qty);
                    match slot {
                        Some(working) if !done && left.is_positive() => {
                            (working.want.qty, working.touched) = (left, true);
                        }
                        Some(_) | None => *slot = None,
                    }
                }
                true
            }
            Event::Gone { instrument, client, .. } if instrument == self.instrument => {
                if let Some(working) = self.slot_of(client).and_then(Option::take) {
                    self.paused |= working.stage != Stage::Cancelling && !working.touched;
                }
                true
            }
            Event::Position { instrument, qty } if instrument == self.instrument => {
                let changed = !self.stated || self.position != qty;
                (self.position, self.stated) = (qty, true);
                changed
            }
            Event::Quote { .. }
            | Event::Rested { .. }
            | Event::Fill { .. }
            | Event::Gone { .. }
            | Event::Position { .. }
            | Event::Trade { .. }
            | Event::Funding { .. }
            | Event::Equity { .. }
            | Event::Series { .. }
            | Event::Surface(_)
            | Event::Auction { .. }
            | Event::Wake { .. } => false,
        }
    }

    /// The position, or the balance of the base asset.
    pub fn position(&self) -> Qty {
        self.position
    }

    /// The same leg with a position assumed until the venue states one.
    #[must_use]
    pub fn holding(mut self, position: Qty) -> Leg {
        self.position = position;
        self
    }

    /// Whether the venue has stated the position.
    pub fn is_stated(&self) -> bool {
        self.stated
    }

    /// Price step.
    pub fn tick(&self) -> Price {
        self.tick
    }

    /// Fee of the resting side, as a fraction.
    pub fn fee_maker(&self) -> f64 {
        self.fee_maker
    }

    /// Fee of the aggressor, as a fraction.
    pub fn fee_taker(&self) -> f64 {
        self.fee_taker
    }

    /// The best level that an order of this side would meet.
    pub fn against(&self, side: Side) -> Option<Level> {
        match side {
            Side::Buy => self.ask,
            Side::Sell => self.bid,
        }
    }

    /// The mid price; `None` on a one-sided or empty book.
    pub fn mid(&self) -> Option<f64> {
        let (bid, ask) = (self.bid?.price, self.ask?.price);
        (bid.is_positive() && ask >= bid).then(|| (price_f64(bid) + price_f64(ask)) / 2.0)
    }

    /// Half the quoted spread as a fraction of the mid.
    pub fn half_spread(&self) -> Option<f64> {
        let spread = price_f64(self.ask?.price) - price_f64(self.bid?.price);
        Some(spread / 2.0 / self.mid()?)
    }

    /// Quantity ordered on a side and not yet filled or gone.
    pub fn outstanding(&self, side: Side) -> Qty {
        let working = self.slots.iter().flatten().filter(|working| working.want.side == side);
        working.map(|working| working.want.qty).sum()
    }

    /// How much more may be ordered on a side so that the position stays within `max` of `neutral`
    /// whatever fills; the order in `slot` counts as room, because it is the one to be decided on.
    pub fn room(&self, side: Side, slot: usize, neutral: Qty, max: Qty) -> Qty {
        let held = self.position - neutral;
        let held = if side == Side::Buy { held } else { -held };
        let own = match &self.slots[slot] {
            Some(working) if working.want.side == side => working.want.qty,
            Some(_) | None => Qty::ZERO,
        };
        (max - held - self.outstanding(side) + own).max(Qty::ZERO)
    }

    /// How much more may be ordered on a side with everything outstanding counted.
    pub fn spare_room(&self, side: Side, neutral: Qty, max: Qty) -> Qty {
        let held = self.position - neutral;
        let held = if side == Side::Buy { held } else { -held };
        (max - held - self.outstanding(side)).max(Qty::ZERO)
    }

    /// Whether no order is in a slot.
    pub fn is_free(&self, slot: usize) -> bool {
        self.slots[slot].is_none()
    }

    /// `qty` in whole lots, rounded down.
    pub fn in_lots(&self, qty: Qty) -> Qty {
        Qty::from_raw(qty.raw() - qty.raw().rem_euclid(self.lot.raw()))
    }

    /// A price on the tick that is no worse than `value` for an order of this side; `None` when
    /// there is none above zero.
    pub fn on_tick(&self, side: Side, value: f64) -> Option<Price> {
        let down = price(value, Round::Down)?.raw();
        let down = down - down.rem_euclid(self.tick.raw());
        let raw = match side {
            Side::Buy => down,
            Side::Sell if price_f64(Price::from_raw(down)) >= value => down,
            Side::Sell => down.checked_add(self.tick.raw())?,
        };
        (raw > 0).then_some(Price::from_raw(raw))
    }

    /// As [`Leg::on_tick`], and behind the opposite quote, so that a post-only order can rest.
    pub fn behind_quote(&self, side: Side, value: f64) -> Option<Price> {
        self.behind(side, self.on_tick(side, value)?)
    }

    /// The best price of a side itself, or so many ticks away from the other side, on the tick and
    /// behind the opposite quote; `None` without a best price, or when there is none above zero.
    pub fn at_best(&self, side: Side, ticks: u16) -> Option<Price> {
        let best = match side {
            Side::Buy => self.bid,
            Side::Sell => self.ask,
        };
        let (best, tick) = (best?.price.raw(), self.tick.raw());
        let away = side.sign().checked_mul(tick.checked_mul(i64::from(ticks))?)?;
        let down = best.checked_sub(away)?;
        let rest = down.rem_euclid(tick);
        let raw = match side {
            Side::Sell if rest > 0 => down.checked_add(tick - rest)?,
            Side::Buy | Side::Sell => down - rest,
        };
        self.behind(side, Price::from_raw(raw))
    }

    /// A price moved behind the opposite quote; `None` when it is not above zero.
    fn behind(&self, side: Side, price: Price) -> Option<Price> {
        let price = match (side, self.against(side)) {
            (Side::Buy, Some(ask)) => price.min(ask.price - self.tick),
            (Side::Sell, Some(bid)) => price.max(bid.price + self.tick),
            (Side::Buy | Side::Sell, None) => price,
        };
        price.is_positive().then_some(price)
    }

    /// Brings the resting order of a slot to what is wanted: places it, leaves it when its price is
    /// within `tolerance` (a fraction) and its quantity within the wanted one, or cancels it and
    /// places another at once, as far as both may be outstanding together.
    pub fn quote(&mut self, slot: usize, want: Option<Want>, tolerance: f64, pen: &mut Pen) {
        let want = want.filter(|want| want.qty >= self.lot);
        match (&self.slots[slot], want) {
            (None, Some(want)) => self.place(slot, want, Lifetime::PostOnly, pen),
            (Some(working), want) if working.stage != Stage::Cancelling => {
                let keep = want.is_some_and(|want| {
                    let moved = (want.price.raw() - working.want.price.raw()).unsigned_abs();
                    want.side == working.want.side
                        && moved as f64 <= tolerance * want.price.raw() as f64
                        && working.want.qty <= want.qty
                });
                if !keep {
                    self.cancel(slot, pen);
                    self.replace(slot, want, pen);
                }
            }
            (Some(_) | None, Some(_) | None) => {}
        }
    }

    /// Places an order in a slot whose order is being cancelled.
    fn replace(&mut self, slot: usize, want: Option<Want>, pen: &mut Pen) {
        let Some(want) = want else { return };
        let want = Want { qty: self.in_lots(want.qty.min(want.beside)), ..want };
        let spare = (self.quoted..self.slots.len()).find(|spare| self.slots[*spare].is_none());
        if let Some(spare) = spare.filter(|_| want.qty.is_positive() && !self.paused) {
            self.slots.swap(slot, spare);
            self.place(slot, want, Lifetime::PostOnly, pen);
        }
    }

    /// Sends an immediate order from a free slot; nothing if the slot is taken or less than a lot
    /// is wanted.
    pub fn take(&mut self, slot: usize, want: Want, pen: &mut Pen) {
        let want = Want { qty: self.in_lots(want.qty), ..want };
        if self.is_free(slot) && want.qty.is_positive() {
            self.place(slot, want, Lifetime::Immediate, pen);
        }
    }

    /// Cancels every order in the slots.
    pub fn cancel_all(&mut self, pen: &mut Pen) {
        for slot in 0..self.slots.len() {
            if self.slots[slot].is_some_and(|working| working.stage != Stage::Cancelling) {
                self.cancel(slot, pen);
            }
        }
    }

    /// Follows up orders of which nothing was heard for `patience`.
    pub fn follow_up(&mut self, patience: Span, pen: &mut Pen) {
        self.paused = false;
        for slot in 0..self.slots.len() {
            let Some(working) = self.slots[slot] else { continue };
            let overdue = pen.now.since(working.since) > patience;
            match working.stage {
                Stage::Sent if overdue => self.cancel(slot, pen),
                Stage::Cancelling if overdue => {
                    pen.intents.push(Intent::CancelAll { instrument: self.instrument });
                    self.slots[slot] = None;
                }
                Stage::Sent | Stage::Cancelling | Stage::Resting => {}
            }
        }
    }

    fn place(&mut self, slot: usize, want: Want, lifetime: Lifetime, pen: &mut Pen) {
        if self.paused {
            return;
        }
        *pen.last += 1;
        let client = ClientId(*pen.last);
        let (stage, since, touched) = (Stage::Sent, pen.now, false);
        self.slots[slot] = Some(Working { client, want, stage, since, touched });
        pen.intents.push(Intent::Place {
            instrument: self.instrument,
            side: want.side,
            price: want.price,
            qty: want.qty,
            lifetime,
            reduce_only: false,
            client,
        });
    }

    fn cancel(&mut self, slot: usize, pen: &mut Pen) {
        let working = self.slots[slot].as_mut().expect("the caller has seen an order in the slot");
        (working.stage, working.since) = (Stage::Cancelling, pen.now);
        let client = working.client;
        pen.intents.push(Intent::Cancel { instrument: self.instrument, client });
    }

    fn slot_of(&mut self, client: ClientId) -> Option<&mut Option<Working>> {
        let holds = |slot: &&mut Option<Working>| slot.is_some_and(|w| w.client == client);
        self.slots.iter_mut().find(holds)
    }
}

/// A quantity with the sign of its direction.
pub fn signed(side: Side, qty: Qty) -> Qty {
    match side {
        Side::Buy => qty,
        Side::Sell => -qty,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use money::Rate;

    fn leg() -> Leg {
        let listing = Listing {
            name: "BTC".to_string(),
            tick: "0.5".parse().unwrap(),
            lot: "0.01".parse().unwrap(),
            fee_maker: Rate::ZERO,
            fee_taker: Rate::ZERO,
            funding: None,
        };
        Leg::new(Instrument(0), &listing, 2).unwrap()
    }

    fn level(price: &str) -> Option<Level> {
        Some(Level { price: price.parse().unwrap(), qty: Qty::ONE })
    }

    #[test]
    fn bids_round_down_to_the_tick_and_asks_up() {
        let table = [(100.0, "100", "100"), (100.2, "100", "100.5"), (100.5, "100.5", "100.5")];
        for (value, bid, ask) in table {
            assert_eq!(leg().on_tick(Side::Buy, value), Some(bid.parse().unwrap()), "{value}");
            assert_eq!(leg().on_tick(Side::Sell, value), Some(ask.parse().unwrap()), "{value}");
        }
        assert_eq!(leg().on_tick(Side::Buy, 0.4), None);
        assert_eq!(leg().on_tick(Side::Sell, 0.4), Some("0.5".parse().unwrap()));
        assert_eq!(leg().on_tick(Side::Buy, f64::NAN), None);
        assert_eq!(leg().on_tick(Side::Sell, -3.0), None);
    }

    #[test]
    fn a_post_only_price_stays_behind_the_opposite_quote() {
        let mut leg = leg();
        let quote =
            Event::Quote { instrument: Instrument(0), bid: level("100"), ask: level("101") };
        assert!(leg.hear(&quote));
        assert_eq!(leg.behind_quote(Side::Buy, 105.0), Some("100.5".parse().unwrap()));
        assert_eq!(leg.behind_quote(Side::Sell, 95.0), Some("100.5".parse().unwrap()));
        assert_eq!(leg.behind_quote(Side::Buy, 99.0), Some("99".parse().unwrap()));
        assert_eq!(leg.mid(), Some(100.5));
        assert!((leg.half_spread().unwrap() - 0.5 / 100.5).abs() < 1e-15);
    }

    #[test]
    fn the_best_price_off_the_tick_is_rounded_away_from_the_other_side() {
        let mut leg = leg();
        let quote =
            Event::Quote { instrument: Instrument(0), bid: level("100.2"), ask: level("101.2") };
        leg.hear(&quote);
        assert_eq!(leg.at_best(Side::Buy, 0), Some("100".parse().unwrap()));
        assert_eq!(leg.at_best(Side::Sell, 0), Some("101.5".parse().unwrap()));
        assert_eq!(leg.at_best(Side::Buy, 2), Some("99".parse().unwrap()));
        assert_eq!(leg.at_best(Side::Sell, 2), Some("102.5".parse().unwrap()));
        assert_eq!(leg.at_best(Side::Buy, 201), None);
    }

    #[test]
    fn a_clock_asks_at_once_and_then_a_period_after_each_look() {
        let (mut clock, mut intents) = (Clock::new(Span::SECOND), Vec::new());
        let wake = |millis| Event::Wake { now: Time::from_millis(millis).unwrap() };
        let equity = Event::Equity { equity: money::Amount::ZERO };
        assert!(!clock.hear(&equity, &mut intents));
        assert!(clock.hear(&wake(500), &mut intents));
        clock.ask(&mut intents);
        assert!(!clock.hear(&wake(1499), &mut intents), "nobody asked for this one");
        assert!(clock.hear(&wake(1500), &mut intents));
        let asked = [0, 1500].map(|millis| Intent::WakeAt(Time::from_millis(millis).unwrap()));
        assert_eq!(intents, asked);
        assert_eq!(clock.pen(&mut intents).now, Time::from_millis(1500).unwrap());
    }

    #[test]
    fn a_one_sided_or_crossed_book_has_no_mid() {
        for (bid, ask) in [(level("100"), None), (None, level("100")), (level("2"), level("1"))] {
            let mut leg = leg();
            leg.hear(&Event::Quote { instrument: Instrument(0), bid, ask });
            assert_eq!(leg.mid(), None);
            assert_eq!(leg.half_spread(), None);
        }
    }

    #[test]
    fn orders_count_against_room_until_they_are_gone() {
        let (mut leg, mut intents, mut last) = (leg(), Vec::new(), 0);
        let mut pen = Pen { intents: &mut intents, last: &mut last, now: Time::ZERO };
        let (two, three) = ("2".parse().unwrap(), "3".parse().unwrap());
        let want = Want { side: Side::Buy, price: Price::ONE, qty: two, beside: Qty::ZERO };
        leg.quote(0, Some(want), 0.0, &mut pen);
        assert_eq!(leg.room(Side::Buy, 1, Qty::ZERO, three), Qty::ONE);
        assert_eq!(leg.room(Side::Buy, 0, Qty::ZERO, three), three, "its own order is room");
        leg.cancel_all(&mut pen);
        assert_eq!(leg.outstanding(Side::Buy), two, "a cancel may still lose the race");
        let (instrument, client) = (Instrument(0), ClientId(1));
        leg.hear(&Event::Gone { instrument, client, refused: false });
        assert_eq!(leg.outstanding(Side::Buy), Qty::ZERO);
        assert_eq!(intents.len(), 2);
    }

    #[test]
    fn a_listing_without_tick_or_lot_is_refused() {
        let listing = |tick: &str, lot: &str| Listing {
            name: String::new(),
            tick: tick.parse().unwrap(),
            lot: lot.parse().unwrap(),
            fee_maker: Rate::ZERO,
            fee_taker: Rate::ZERO,
            funding: None,
        };
        assert!(Leg::new(Instrument(0), &listing("0", "1"), 1).is_err());
        assert!(Leg::new(Instrument(0), &listing("1", "0"), 1).is_err());
    }
}
