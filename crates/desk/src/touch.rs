//! Two quotes kept at the best prices: the plainest market maker, and what replays are timed with.
//!
//! A bid rests `behind` ticks below the best bid and an ask as far above the best ask, post-only,
//! at most up to the opposite quote. A quote whose best price has moved is cancelled and placed
//! anew at once. It has no view of the price: what it earns is the spread less what it loses to
//! those who know more. Invariant: position plus open orders never pass the limit on either side.

use money::{Qty, Span};
use protocol::ids::Side;

use crate::leg::{BadConfig, Clock, Leg, Pen, Want};
use crate::strategy::{Event, Instrument, Intent, Listing, Strategy};

/// What it is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TouchConfig {
    /// Where it quotes.
    pub instrument: Instrument,
    /// Quantity of each quote.
    pub order_qty: Qty,
    /// Largest |position − neutral|.
    pub position_max: Qty,
    /// Balance that counts as flat.
    pub neutral: Qty,
    /// Ticks behind the best price.
    pub behind: u16,
    /// Time between looks.
    pub period: Span,
    /// Silence after which an order is followed up.
    pub patience: Span,
}

impl TouchConfig {
    /// Defaults for an order size and a limit, on instrument 0: at the best prices, ten looks a
    /// second.
    pub fn new(order_qty: Qty, position_max: Qty) -> TouchConfig {
        TouchConfig {
            instrument: Instrument(0),
            order_qty,
            position_max,
            neutral: Qty::ZERO,
            behind: 0,
            period: Span::from_millis(100),
            patience: Span::from_secs(10),
        }
    }

    fn check(&self) -> Result<(), BadConfig> {
        if !self.order_qty.is_positive() || !self.position_max.is_positive() {
            return Err(BadConfig("order_qty and position_max must be above zero"));
        }
        if self.period == Span::ZERO {
            return Err(BadConfig("period is a time above zero"));
        }
        Ok(())
    }
}

/// The strategy.
#[derive(Clone, Debug)]
pub struct Touch {
    config: TouchConfig,
    leg: Leg,
    clock: Clock,
}

impl Touch {
    /// Builds the strategy from its configuration and what is listed about its instrument.
    pub fn new(config: TouchConfig, listing: &Listing) -> Result<Touch, BadConfig> {
        config.check()?;
        let leg = Leg::new(config.instrument, listing, 2)?.holding(config.neutral);
        Ok(Touch { config, leg, clock: Clock::new(config.period) })
    }

    fn requote(&mut self, pen: &mut Pen) {
        let config = self.config;
        for (slot, side) in [Side::Buy, Side::Sell].into_iter().enumerate() {
            let want = self.leg.at_best(side, config.behind).map(|price| {
                let room = self.leg.room(side, slot, config.neutral, config.position_max);
                let qty = self.leg.in_lots(room.min(config.order_qty));
                let beside = self.leg.spare_room(side, config.neutral, config.position_max);
                Want { side, price, qty, beside }
            });
            self.leg.quote(slot, want, 0.0, pen);
        }
    }
}

impl Strategy for Touch {
    fn on(&mut self, event: &Event, intents: &mut Vec<Intent>) {
        let due = self.clock.hear(event, intents);
        let heard = self.leg.hear(event);
        if !due && !heard {
            return;
        }
        let mut clock = self.clock;
        if due {
            self.leg.follow_up(self.config.patience, &mut clock.pen(intents));
            clock.ask(intents);
        }
        self.requote(&mut clock.pen(intents));
        self.clock = clock;
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::leg::signed;
    use crate::strategy::Level;
    use money::{Amount, Price, Rate, Time};
    use proptest::prelude::{prop, prop_assert, proptest};
    use protocol::command::Lifetime;
    use protocol::ids::ClientId;

    const OWN: Instrument = Instrument(0);

    fn whole(units: i64) -> Qty {
        Qty::from_raw(units * Qty::ONE.raw())
    }

    fn listing() -> Listing {
        Listing {
            name: "BTC".to_string(),
            tick: "0.1".parse().unwrap(),
            lot: "0.001".parse().unwrap(),
            fee_maker: Rate::ZERO,
            fee_taker: Rate::ZERO,
            funding: None,
        }
    }

    fn touch(change: impl Fn(&mut TouchConfig)) -> Touch {
        let mut config = TouchConfig::new(whole(1), whole(2));
        change(&mut config);
        Touch::new(config, &listing()).unwrap()
    }

    /// Prices in tenths, quantities of five.
    fn quote(bid: Option<i64>, ask: Option<i64>) -> Event {
        let level =
            |tenths: i64| Level { price: Price::from_raw(tenths * 10_000_000), qty: whole(5) };
        Event::Quote { instrument: OWN, bid: bid.map(level), ask: ask.map(level) }
    }

    fn wake(seconds: u64) -> Event {
        Event::Wake { now: Time::from_nanos(seconds * 1_000_000_000) }
    }

    fn heard(strategy: &mut Touch, events: &[Event]) -> Vec<Intent> {
        let mut intents = Vec::new();
        events.iter().for_each(|event| strategy.on(event, &mut intents));
        intents
    }

    fn orders(intents: &[Intent]) -> Vec<String> {
        let text = |intent: &Intent| match *intent {
            Intent::Place { side, price, qty, lifetime, .. } => {
                assert_eq!(lifetime, Lifetime::PostOnly);
                Some(format!("{side:?} {qty} at {price}"))
            }
            Intent::Cancel { client, .. } => Some(format!("cancel {}", client.0)),
            Intent::CancelAll { .. } => Some("cancel all".to_string()),
            Intent::Bid { .. } | Intent::WakeAt(_) => None,
        };
        intents.iter().filter_map(text).collect()
    }

    #[test]
    fn both_quotes_rest_at_the_best_prices_or_behind() {
        let placed = orders(&heard(&mut touch(|_| ()), &[quote(Some(1000), Some(1005))]));
        assert_eq!(placed, ["Buy 1 at 100", "Sell 1 at 100.5"]);
        let mut behind = touch(|config| config.behind = 3);
        let placed = orders(&heard(&mut behind, &[quote(Some(1000), Some(1005))]));
        assert_eq!(placed, ["Buy 1 at 99.7", "Sell 1 at 100.8"]);
        let mut at_zero = touch(|config| config.behind = 1);
        assert_eq!(orders(&heard(&mut at_zero, &[quote(Some(1), None)])), [""; 0]);
    }

    #[test]
    fn a_quote_follows_its_own_best_price_only() {
        let mut strategy = touch(|_| ());
        heard(&mut strategy, &[quote(Some(1000), Some(1005))]);
        assert_eq!(
            orders(&heard(&mut strategy, &[quote(Some(1001), Some(1005))])),
            ["cancel 1", "Buy 1 at 100.1"]
        );
        assert_eq!(orders(&heard(&mut strategy, &[quote(Some(1001), Some(1005))])), [""; 0]);
    }

    #[test]
    fn a_side_without_a_quote_has_no_order_and_a_crossed_one_stays_behind() {
        let mut strategy = touch(|_| ());
        heard(&mut strategy, &[quote(Some(1000), Some(1005))]);
        assert_eq!(orders(&heard(&mut strategy, &[quote(Some(1000), None)])), ["cancel 2"]);
        let placed = orders(&heard(&mut touch(|_| ()), &[quote(Some(1010), Some(1005))]));
        assert_eq!(placed, ["Buy 1 at 100.4", "Sell 1 at 101.1"]);
    }

    #[test]
    fn what_was_filled_is_quoted_again_until_the_limit() {
        let mut strategy = touch(|_| ());
        heard(&mut strategy, &[quote(Some(1000), Some(1005))]);
        let fill = |client| Event::Fill {
            instrument: OWN,
            client: ClientId(client),
            side: Side::Buy,
            price: Price::ONE,
            qty: whole(1),
            fee: Amount::ZERO,
            done: true,
        };
        assert_eq!(orders(&heard(&mut strategy, &[fill(1)])), ["Buy 1 at 100"]);
        assert_eq!(orders(&heard(&mut strategy, &[fill(3)])), [""; 0], "two are the limit");
    }

    #[test]
    fn an_order_of_which_nothing_is_heard_is_cancelled() {
        let mut strategy = touch(|_| ());
        heard(&mut strategy, &[wake(0), quote(Some(1000), Some(1005))]);
        assert_eq!(orders(&heard(&mut strategy, &[wake(9)])), [""; 0]);
        assert_eq!(orders(&heard(&mut strategy, &[wake(11)])), ["cancel 1", "cancel 2"]);
    }

    #[test]
    fn bad_configurations_are_refused() {
        let refused = |change: &dyn Fn(&mut TouchConfig)| {
            let mut config = TouchConfig::new(whole(1), whole(2));
            change(&mut config);
            Touch::new(config, &listing()).is_err()
        };
        assert!(!refused(&|_| ()));
        assert!(refused(&|config| config.order_qty = Qty::ZERO));
        assert!(refused(&|config| config.position_max = Qty::ZERO));
        assert!(refused(&|config| config.period = Span::ZERO));
    }

    proptest! {
        #[test]
        fn the_position_stays_within_the_limit(
            turns in prop::collection::vec((0u8..5, 0usize..8, 990i64..1010), 1..200),
        ) {
            let mut strategy = touch(|_| ());
            let mut out: Vec<(ClientId, Side, Qty)> = Vec::new();
            let (mut position, mut seconds) = (Qty::ZERO, 0);
            for (kind, pick, bid) in turns {
                let at = pick % out.len().max(1);
                let instrument = OWN;
                let event = match kind {
                    0 | 1 => quote(Some(bid), Some(bid + 1)),
                    2 if !out.is_empty() => {
                        let (client, side, qty) = out.swap_remove(at);
                        position += signed(side, qty);
                        let (price, fee) = (Price::ONE, Amount::ZERO);
                        Event::Fill { instrument, client, side, price, qty, fee, done: true }
                    }
                    3 if !out.is_empty() => {
                        let client = out.swap_remove(at).0;
                        Event::Gone { instrument, client, refused: false }
                    }
                    _ => {
                        seconds += 6;
                        wake(seconds)
                    }
                };
                for intent in heard(&mut strategy, &[event]) {
                    match intent {
                        Intent::Place { side, qty, client, .. } => out.push((client, side, qty)),
                        Intent::CancelAll { .. } => out.clear(),
                        Intent::Cancel { .. } | Intent::Bid { .. } | Intent::WakeAt(_) => {}
                    }
                }
                for side in [Side::Buy, Side::Sell] {
                    let open = out.iter().filter(|order| order.1 == side).map(|order| order.2);
                    let worst = signed(side, position) + open.sum();
                    prop_assert!(worst <= whole(2), "{side:?} {worst}");
                }
            }
        }
    }
}
