//! The cross-venue arbitrageur: buys an asset where it is offered below where it is bid for.
//!
//! It trades both legs at once, as immediate orders at the seen quotes, when
//!
//! `bid_B·(1 − fee_B) / (ask_A·(1 + fee_A)) − 1  ≥  edge + skew·(u_A − u_B)/2`
//!
//! with the edge raised by a multiple of the price's volatility. u ∈ [−1, 1] is each venue's
//! balance within its bounds: inventory that has piled up where the trade buys asks for more, a
//! trade that brings it back for less. With a memory of the usual difference the prices of the
//! second venue are first divided by 1 + b, b the exponential average of mid_2/mid_1 − 1 over the
//! samples of each period, and nothing is done before a whole memory has been seen: a perpetual is
//! traded when it leaves its usual basis and when it comes back. The size is the smallest of both
//! quoted quantities, the order limit and the room at both venues. A leg that missed leaves an
//! imbalance, which is closed at the better venue before the next trade. Each pair of quotes is
//! used once, and nothing is done before both venues have stated their balance. Invariant: each
//! balance stays within its bounds whatever fills.

use money::{Qty, Round, Span};
use pricing::convert::price_f64;
use protocol::ids::Side;

use crate::leg::{BadConfig, Clock, Leg, Pen, Want};
use crate::strategy::{Event, Instrument, Intent, Level, Listing, Strategy};
use crate::volatility::{Volatility, sample_weight};

/// One of the two venues.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Venue {
    /// The market.
    pub instrument: Instrument,
    /// Smallest balance of the base asset.
    pub balance_min: Qty,
    /// Largest balance of the base asset.
    pub balance_max: Qty,
}

/// What a cross-venue arbitrageur is told. Rates are plain fractions.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CrossConfig {
    /// The two venues.
    pub venues: [Venue; 2],
    /// Sum of both balances that counts as flat.
    pub neutral: Qty,
    /// Largest order.
    pub order_max: Qty,
    /// Profit after fees that a trade must have.
    pub edge: f64,
    /// The same, per standard deviation of the second venue's mid over one period: orders that
    /// travel meet the quotes that are still there when the price has moved against them.
    pub volatility_multiple: f64,
    /// Memory of that standard deviation.
    pub volatility_memory: Span,
    /// Extra edge asked for at full inventory difference.
    pub skew: f64,
    /// How far beyond the best quote an imbalance may be closed.
    pub slippage: f64,
    /// Memory of the usual difference of the prices; `None` where both are one asset.
    pub usual_memory: Option<Span>,
    /// Time between looks at overdue orders.
    pub period: Span,
    /// Silence after which an order is followed up.
    pub patience: Span,
}

impl CrossConfig {
    /// Defaults for instruments 0 and 1 that start with `balance` each and may use all of it.
    pub fn new(balance: Qty, order_max: Qty) -> CrossConfig {
        let both = balance + balance;
        let venue = |index| Venue {
            instrument: Instrument(index),
            balance_min: Qty::ZERO,
            balance_max: both,
        };
        CrossConfig {
            venues: [venue(0), venue(1)],
            neutral: both,
            order_max,
            edge: 0.5e-4,
            volatility_multiple: 2.0,
            volatility_memory: Span::MINUTE.times(5),
            skew: 1e-4,
            slippage: 20e-4,
            usual_memory: None,
            period: Span::from_secs(5),
            patience: Span::from_secs(10),
        }
    }

    fn check(&self) -> Result<(), BadConfig> {
        let [a, b] = &self.venues;
        if a.instrument == b.instrument {
            return Err(BadConfig("both venues are one instrument: name two"));
        }
        if a.balance_max <= a.balance_min || b.balance_max <= b.balance_min {
            return Err(BadConfig("balance_max must be above balance_min at both venues"));
        }
        if !self.order_max.is_positive() || self.period == Span::ZERO {
            return Err(BadConfig("order_max and period must be above zero"));
        }
        if self.usual_memory.is_some_and(|memory| memory < self.period) {
            return Err(BadConfig("usual_memory is at least one period"));
        }
        let fractions = [self.edge, self.volatility_multiple, self.skew, self.slippage];
        if fractions.iter().any(|x| !x.is_finite() || *x < 0.0) {
            return Err(BadConfig("edge, skew and slippage are fractions from zero up"));
        }
        Ok(())
    }
}

const TAKE: usize = 0;

/// The strategy.
#[derive(Clone, Debug)]
pub struct Cross {
    config: CrossConfig,
    legs: [Leg; 2],
    volatility: Volatility,
    usual: Option<Usual>,
    /// Whether a venue has quoted since its quotes were last used.
    fresh: [bool; 2],
    clock: Clock,
}

/// The usual difference of the prices.
#[derive(Clone, Copy, Debug)]
struct Usual {
    weight: f64,
    average: f64,
    /// Samples until it is believed.
    wanting: u64,
}

impl Usual {
    fn new(memory: Span, period: Span) -> Usual {
        let weight = sample_weight(period, memory);
        let wanting = memory.nanos().div_ceil(period.nanos().max(1));
        Usual { weight, average: f64::NAN, wanting }
    }

    fn push(&mut self, difference: f64) {
        let first = self.average.is_nan();
        let before = if first { difference } else { self.average };
        self.average = before + self.weight * (difference - before);
        self.wanting = self.wanting.saturating_sub(1);
    }
}

impl Cross {
    /// Builds the strategy from its configuration and what is listed about both venues.
    pub fn new(config: CrossConfig, listings: [&Listing; 2]) -> Result<Cross, BadConfig> {
        config.check()?;
        let leg = |at: usize| Leg::new(config.venues[at].instrument, listings[at], 1);
        Ok(Cross {
            legs: [leg(0)?, leg(1)?],
            volatility: Volatility::new(config.period, config.volatility_memory),
            usual: config.usual_memory.map(|memory| Usual::new(memory, config.period)),
            clock: Clock::new(config.period),
            config,
            fresh: [false; 2],
        })
    }

    fn act(&mut self, pen: &mut Pen) {
        if !self.legs.iter().all(|leg| leg.is_stated() && leg.is_free(TAKE)) {
            return;
        }
        let held = self.legs[0].position() + self.legs[1].position();
        let imbalance = held - self.config.neutral;
        let side = if imbalance.is_positive() { Side::Sell } else { Side::Buy };
        let closable = self.legs.iter().any(|leg| leg.in_lots(imbalance.abs()).is_positive());
        if closable {
            self.close(side, imbalance.abs().min(self.config.order_max), pen);
        } else if self.fresh == [true; 2] && self.usual.is_none_or(|usual| usual.wanting == 0) {
            self.trade(0, 1, pen);
            self.trade(1, 0, pen);
        }
    }

    /// Buys at one venue and sells at the other if that pays.
    fn trade(&mut self, buy: usize, sell: usize, pen: &mut Pen) {
        let (Some(ask), Some(bid)) =
            (self.legs[buy].against(Side::Buy), self.legs[sell].against(Side::Sell))
        else {
            return;
        };
        let paid = self.compared(buy, ask) * (1.0 + self.legs[buy].fee_taker());
        let received = self.compared(sell, bid) * (1.0 - self.legs[sell].fee_taker());
        let filled = (self.filled(buy) - self.filled(sell)) / 2.0;
        let moves = self.config.volatility_multiple * self.volatility.per_period();
        let edge = self.config.edge + moves + self.config.skew * filled;
        if paid <= 0.0 || received / paid - 1.0 < edge {
            return;
        }
        let qty = ask.qty.min(bid.qty).min(self.config.order_max);
        let qty = qty.min(self.room(buy, Side::Buy)).min(self.room(sell, Side::Sell));
        let qty = self.legs[buy].in_lots(self.legs[sell].in_lots(qty));
        if self.legs[sell].in_lots(qty) != qty || !qty.is_positive() {
            return;
        }
        self.fresh = [false; 2];
        self.legs[buy].take(
            TAKE,
            Want { side: Side::Buy, price: ask.price, qty, beside: Qty::ZERO },
            pen,
        );
        self.legs[sell].take(
            TAKE,
            Want { side: Side::Sell, price: bid.price, qty, beside: Qty::ZERO },
            pen,
        );
    }

    /// A price of one venue as one of the first venue.
    fn compared(&self, at: usize, level: Level) -> f64 {
        let usual = if at == 1 { self.usual.map_or(0.0, |usual| usual.average) } else { 0.0 };
        price_f64(level.price) / (1.0 + usual)
    }

    /// Closes an imbalance at the venue with the better price after fees that has room.
    fn close(&mut self, side: Side, qty: Qty, pen: &mut Pen) {
        let cost = |at: usize| -> Option<f64> {
            let fee = self.legs[at].fee_taker();
            let room = self.legs[at].in_lots(self.room(at, side).min(qty));
            let level: Level = self.legs[at].against(side)?;
            let price = self.compared(at, level);
            let paid = price * (side.sign() as f64 + fee); // negative when received
            room.is_positive().then_some(paid)
        };
        let at = match (cost(0), cost(1)) {
            (Some(first), Some(second)) => usize::from(second < first),
            (Some(_), None) => 0,
            (None, Some(_)) => 1,
            (None, None) => return,
        };
        let qty = qty.min(self.room(at, side));
        let Some(level) = self.legs[at].against(side) else { return };
        let slip = 1.0 + side.sign() as f64 * self.config.slippage;
        let Some(price) = self.legs[at].on_tick(side, price_f64(level.price) * slip) else {
            return;
        };
        self.fresh[at] = false;
        self.legs[at].take(TAKE, Want { side, price, qty, beside: Qty::ZERO }, pen);
    }

    /// How much may still be bought or sold at a venue.
    fn room(&self, at: usize, side: Side) -> Qty {
        let (venue, balance) = (&self.config.venues[at], self.legs[at].position());
        let room = match side {
            Side::Buy => venue.balance_max - balance,
            Side::Sell => balance - venue.balance_min,
        };
        room.max(Qty::ZERO)
    }

    /// A venue's balance within its bounds, −1 … 1.
    fn filled(&self, at: usize) -> f64 {
        let (venue, balance) = (&self.config.venues[at], self.legs[at].position());
        let (above, width) = (balance - venue.balance_min, venue.balance_max - venue.balance_min);
        let share = above.as_amount().ratio(width.as_amount(), Round::Down);
        let share = share.map_or(0.5, pricing::convert::rate_f64);
        (2.0 * share - 1.0).clamp(-1.0, 1.0)
    }
}

impl Strategy for Cross {
    fn on(&mut self, event: &Event, intents: &mut Vec<Intent>) {
        let due = self.clock.hear(event, intents);
        let heard = match *event {
            Event::Wake { .. } => due,
            Event::Quote { instrument, .. } => {
                let mut known = false;
                for (at, venue) in self.config.venues.iter().enumerate() {
                    if venue.instrument == instrument {
                        self.legs[at].hear(event);
                        (self.fresh[at], known) = (true, true);
                    }
                }
                known
            }
            Event::Trade { .. }
            | Event::Funding { .. }
            | Event::Rested { .. }
            | Event::Fill { .. }
            | Event::Gone { .. }
            | Event::Position { .. }
            | Event::Equity { .. }
            | Event::Series { .. }
            | Event::Surface(_)
            | Event::Auction { .. } => self.legs[0].hear(event) | self.legs[1].hear(event),
        };
        let mut clock = self.clock;
        if due {
            if let Some(mid) = self.legs[1].mid() {
                self.volatility.push(mid);
                if let (Some(usual), Some(first)) = (&mut self.usual, self.legs[0].mid()) {
                    usual.push(mid / first - 1.0);
                }
            }
            for leg in &mut self.legs {
                leg.follow_up(self.config.patience, &mut clock.pen(intents));
            }
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
    use money::{Amount, Price, Rate, Time};
    use proptest::prelude::{prop, prop_assert, proptest};
    use protocol::ids::ClientId;

    fn whole(units: i64) -> Qty {
        Qty::from_raw(units * Qty::ONE.raw())
    }

    fn listing(fee_bp: i64) -> Listing {
        Listing {
            name: "BTC".to_string(),
            tick: "0.01".parse().unwrap(),
            lot: "0.01".parse().unwrap(),
            fee_maker: Rate::ZERO,
            fee_taker: Rate::from_bp(fee_bp),
            funding: None,
        }
    }

    fn cross(change: impl Fn(&mut CrossConfig)) -> Cross {
        let mut config = CrossConfig::new(whole(10), whole(3));
        change(&mut config);
        let mut strategy = Cross::new(config, [&listing(1), &listing(2)]).unwrap();
        heard(&mut strategy, &[balance(0, 10), balance(1, 10)]);
        strategy
    }

    fn balance(venue: u16, units: i64) -> Event {
        Event::Position { instrument: Instrument(venue), qty: whole(units) }
    }

    fn quote(venue: u16, bid: f64, ask: f64, qty: i64) -> Event {
        let level = |value| {
            let price = pricing::convert::price(value, Round::Down).unwrap();
            Some(Level { price, qty: whole(qty) })
        };
        Event::Quote { instrument: Instrument(venue), bid: level(bid), ask: level(ask) }
    }

    fn fill(venue: u16, client: u64, side: Side, qty: Qty, done: bool) -> Event {
        let (instrument, client) = (Instrument(venue), ClientId(client));
        let (price, fee) = (Price::ONE, Amount::ZERO);
        Event::Fill { instrument, client, side, price, qty, fee, done }
    }

    fn heard(strategy: &mut Cross, events: &[Event]) -> Vec<Intent> {
        let mut intents = Vec::new();
        events.iter().for_each(|event| strategy.on(event, &mut intents));
        intents
    }

    fn orders(intents: &[Intent]) -> Vec<String> {
        let text = |intent: &Intent| match *intent {
            Intent::Place { instrument, side, price, qty, .. } => {
                Some(format!("{} {side:?} {qty} at {price}", instrument.0))
            }
            Intent::Cancel { client, .. } => Some(format!("cancel {}", client.0)),
            Intent::CancelAll { .. } => Some("cancel all".to_string()),
            Intent::Bid { .. } | Intent::WakeAt(_) => None,
        };
        intents.iter().filter_map(text).collect()
    }

    #[test]
    fn a_cross_beyond_fees_and_edge_is_taken_on_both_legs() {
        // fees of 3 bp and an edge of 0.5 bp: 0.35 on 1000 is the least difference
        let thin = [quote(0, 999.9, 1000.0, 2), quote(1, 1000.34, 1000.5, 5)];
        assert_eq!(orders(&heard(&mut cross(|_| ()), &thin)), [""; 0]);
        let wide = [quote(0, 999.9, 1000.0, 2), quote(1, 1000.36, 1000.5, 5)];
        assert_eq!(
            orders(&heard(&mut cross(|_| ()), &wide)),
            ["0 Buy 2 at 1000", "1 Sell 2 at 1000.36"]
        );
        let other_way = [quote(0, 1001.0, 1002.0, 2), quote(1, 999.0, 1000.0, 5)];
        assert_eq!(
            orders(&heard(&mut cross(|_| ()), &other_way)),
            ["1 Buy 2 at 1000", "0 Sell 2 at 1001"]
        );
    }

    #[test]
    fn a_usual_difference_is_no_opportunity_and_leaving_it_is() {
        let mut strategy = cross(|config| config.usual_memory = Some(Span::from_secs(20)));
        let usual = [quote(0, 999.9, 1000.1, 5), quote(1, 1001.9, 1002.1, 5)];
        for look in 1..=5 {
            let now = Time::from_nanos(look * 5_000_000_000);
            let events = [usual[0], usual[1], Event::Wake { now }];
            assert_eq!(orders(&heard(&mut strategy, &events)), [""; 0], "look {look}");
        }
        let wide = [quote(0, 999.9, 1000.0, 5), quote(1, 1002.6, 1002.8, 5)];
        let taken = ["0 Buy 3 at 1000", "1 Sell 3 at 1002.6"];
        assert_eq!(orders(&heard(&mut strategy, &wide)), taken);
        let fills = [fill(0, 1, Side::Buy, whole(3), true), fill(1, 2, Side::Sell, whole(3), true)];
        assert_eq!(orders(&heard(&mut strategy, &fills)), [""; 0]);
        let narrow = [quote(0, 1000.5, 1000.6, 5), quote(1, 1000.9, 1001.0, 5)];
        let back = ["1 Buy 3 at 1001", "0 Sell 3 at 1000.5"];
        assert_eq!(orders(&heard(&mut strategy, &narrow)), back);
    }

    #[test]
    fn a_new_pair_is_not_traded_before_its_usual_difference_is_known() {
        let mut strategy = cross(|config| config.usual_memory = Some(Span::from_secs(20)));
        let wide = [quote(0, 999.9, 1000.0, 2), quote(1, 1001.0, 1001.5, 5)];
        assert_eq!(orders(&heard(&mut strategy, &wide)), [""; 0]);
    }

    #[test]
    fn a_pair_of_quotes_is_used_once() {
        let mut strategy = cross(|_| ());
        let wide = [quote(0, 999.9, 1000.0, 2), quote(1, 1001.0, 1001.5, 5)];
        assert_eq!(orders(&heard(&mut strategy, &wide)).len(), 2);
        let fills = [fill(0, 1, Side::Buy, whole(2), true), fill(1, 2, Side::Sell, whole(2), true)];
        assert_eq!(orders(&heard(&mut strategy, &fills)), [""; 0]);
        let look = |venue: usize, seconds: u64| {
            let now = Time::from_nanos(seconds * 1_000_000_000);
            [wide[venue], Event::Wake { now }]
        };
        assert_eq!(orders(&heard(&mut strategy, &look(0, 10))), [""; 0]);
        assert_eq!(orders(&heard(&mut strategy, &look(1, 20))).len(), 2);
    }

    #[test]
    fn a_leg_that_missed_is_closed_at_the_better_venue() {
        let mut strategy = cross(|_| ());
        let wide = [quote(0, 999.9, 1000.0, 2), quote(1, 1001.0, 1001.5, 5)];
        heard(&mut strategy, &wide);
        let half = "1.5".parse().unwrap();
        let missed = Event::Gone { instrument: Instrument(1), client: ClientId(2), refused: false };
        let events = [
            fill(0, 1, Side::Buy, whole(2), true),
            fill(1, 2, Side::Sell, half, false),
            quote(1, 999.5, 1000.0, 5),
            missed,
        ];
        assert_eq!(orders(&heard(&mut strategy, &events)), ["0 Sell 0.5 at 997.91"]);
    }

    #[test]
    fn a_full_venue_asks_for_more_and_a_bound_is_never_passed() {
        let wide = [quote(0, 999.9, 1000.0, 5), quote(1, 1000.38, 1000.5, 5)];
        let mut full = cross(|_| ());
        heard(&mut full, &[balance(0, 18), balance(1, 2)]);
        assert_eq!(orders(&heard(&mut full, &wide)), [""; 0], "0.8 bp of skew on top");
        let mut empty = cross(|_| ());
        heard(&mut empty, &[balance(0, 2), balance(1, 18)]);
        assert_eq!(orders(&heard(&mut empty, &wide)).len(), 2);
        let mut last = cross(|config| config.skew = 0.0);
        heard(&mut last, &[balance(0, 19), balance(1, 1)]);
        assert_eq!(orders(&heard(&mut last, &wide)), ["0 Buy 1 at 1000", "1 Sell 1 at 1000.38"]);
    }

    #[test]
    fn nothing_is_done_before_balances_are_stated() {
        let config = CrossConfig::new(whole(10), whole(3));
        let mut strategy = Cross::new(config, [&listing(1), &listing(2)]).unwrap();
        let wide = [quote(0, 999.9, 1000.0, 2), quote(1, 1001.0, 1001.5, 5)];
        assert_eq!(orders(&heard(&mut strategy, &wide)), [""; 0]);
        assert_eq!(orders(&heard(&mut strategy, &[balance(0, 10)])), [""; 0]);
        assert_eq!(orders(&heard(&mut strategy, &[balance(1, 10)])).len(), 2);
    }

    #[test]
    fn bad_configurations_are_refused() {
        let refused = |change: &dyn Fn(&mut CrossConfig)| {
            let mut config = CrossConfig::new(whole(10), whole(3));
            change(&mut config);
            Cross::new(config, [&listing(1), &listing(2)]).is_err()
        };
        assert!(!refused(&|_| ()));
        assert!(refused(&|config| config.venues[1].instrument = Instrument(0)));
        assert!(refused(&|config| config.venues[1].balance_max = Qty::ZERO));
        assert!(refused(&|config| config.edge = f64::NAN));
    }

    proptest! {
        #[test]
        fn balances_stay_within_bounds(
            turns in prop::collection::vec((0u8..4, 0usize..2, 990.0..1010.0f64), 1..200),
        ) {
            let mut strategy = cross(|_| ());
            let mut out: Vec<(u16, ClientId, Side, Qty)> = Vec::new();
            let mut balances = [whole(10); 2];
            for (kind, pick, mid) in turns {
                let at = pick % out.len().max(1);
                let event = match kind {
                    0 | 1 => quote(u16::from(kind), mid, mid + 0.02, 4),
                    2 if !out.is_empty() => {
                        let (venue, client, side, qty) = out.swap_remove(at);
                        balances[usize::from(venue)] += crate::leg::signed(side, qty);
                        fill(venue, client.0, side, qty, true)
                    }
                    _ if !out.is_empty() => {
                        let (venue, client, ..) = out.swap_remove(at);
                        Event::Gone { instrument: Instrument(venue), client, refused: true }
                    }
                    _ => continue,
                };
                for intent in heard(&mut strategy, &[event]) {
                    if let Intent::Place { instrument, side, qty, client, .. } = intent {
                        out.push((instrument.0, client, side, qty));
                    }
                }
                for balance in balances {
                    prop_assert!(!balance.is_negative() && balance <= whole(20), "{balance}");
                }
            }
        }
    }
}
