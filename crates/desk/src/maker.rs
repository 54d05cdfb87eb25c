//! A market maker on one instrument, quoting around a reference market of the same asset.
//!
//! Fair price = reference mid · (1 + b), where b is a slow average of the observed basis for a
//! perpetual (so the maker has no view on the level of the basis) and zero for spot. Layer i of the
//! quotes rests at `fair·(1 − skew·position/limit)·(1 ∓ (h + i·step))` with half-spread
//! `h = max(half_spread, volatility_multiple·σ)`, σ the exponentially averaged standard deviation
//! of the reference mid's return over one period; the linear skew is that of Avellaneda and Stoikov
//! (2008). Invariant: position plus open orders never pass the limit on either side.

use money::{Qty, Span};
use protocol::ids::Side;

use crate::leg::{BadConfig, Clock, Leg, Pen, Want};
use crate::strategy::{Event, Instrument, Intent, Listing, Strategy};
use crate::volatility::sample_weight;

/// What a market maker is told. Rates are plain fractions.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MakerConfig {
    /// Where it quotes.
    pub instrument: Instrument,
    /// Whose mid it follows; its own market only where own orders do not move it, as in replays.
    pub reference: Instrument,
    /// Quantity of one layer.
    pub order_qty: Qty,
    /// Layers on each side, 1 … 16.
    pub layers: u8,
    /// Distance between layers.
    pub layer_step: f64,
    /// Smallest half-spread of the first layer.
    pub half_spread: f64,
    /// Half-spread per standard deviation of the reference over one period.
    pub volatility_multiple: f64,
    /// Shift of the fair price at full position.
    pub skew: f64,
    /// Largest |position − neutral|.
    pub position_max: Qty,
    /// Balance that counts as flat.
    pub neutral: Qty,
    /// Move of a wanted price, as a fraction, that is worth a new quote.
    pub tolerance: f64,
    /// Memory of the basis; `None` quotes the reference itself.
    pub basis_memory: Option<Span>,
    /// Memory of the volatility.
    pub volatility_memory: Span,
    /// Time between samples of basis and volatility.
    pub period: Span,
    /// Silence after which an order is followed up.
    pub patience: Span,
}

impl MakerConfig {
    /// Defaults for an order size and a limit: instrument 0 quoted around instrument 1.
    pub fn new(order_qty: Qty, position_max: Qty) -> MakerConfig {
        MakerConfig {
            instrument: Instrument(0),
            reference: Instrument(1),
            order_qty,
            layers: 3,
            layer_step: 1e-4,
            half_spread: 0.5e-4,
            volatility_multiple: 0.5,
            skew: 2e-4,
            position_max,
            neutral: Qty::ZERO,
            tolerance: 0.2e-4,
            basis_memory: Some(Span::HOUR),
            volatility_memory: Span::MINUTE.times(10),
            period: Span::from_secs(5),
            patience: Span::from_secs(10),
        }
    }

    fn check(&self) -> Result<(), BadConfig> {
        let fractions = [
            self.layer_step,
            self.half_spread,
            self.volatility_multiple,
            self.skew,
            self.tolerance,
        ];
        if fractions.iter().any(|x| !x.is_finite() || *x < 0.0) {
            return Err(BadConfig("spreads, steps, skew and tolerance are fractions from zero up"));
        }
        if !(1..=16).contains(&self.layers) {
            return Err(BadConfig("a maker has 1 to 16 layers on each side"));
        }
        if !self.order_qty.is_positive() || !self.position_max.is_positive() {
            return Err(BadConfig("order_qty and position_max must be above zero"));
        }
        if self.period == Span::ZERO || self.volatility_memory == Span::ZERO {
            return Err(BadConfig("period and volatility_memory are times above zero"));
        }
        Ok(())
    }
}

/// The strategy.
#[derive(Clone, Debug)]
pub struct Maker {
    config: MakerConfig,
    own: Leg,
    reference: Leg,
    basis: Option<f64>,
    variance: f64,
    /// What one sample weighs in the averages of the variance and of the basis.
    variance_weight: f64,
    basis_weight: Option<f64>,
    sampled: Option<f64>,
    clock: Clock,
}

impl Maker {
    /// Builds the strategy from its configuration and what is listed about both instruments.
    pub fn new(
        config: MakerConfig,
        own: &Listing,
        reference: &Listing,
    ) -> Result<Maker, BadConfig> {
        config.check()?;
        Ok(Maker {
            own: Leg::new(config.instrument, own, 2 * usize::from(config.layers))?
                .holding(config.neutral),
            reference: Leg::new(config.reference, reference, 0)?,
            basis: None,
            variance: 0.0,
            variance_weight: sample_weight(config.period, config.volatility_memory),
            basis_weight: config.basis_memory.map(|memory| sample_weight(config.period, memory)),
            clock: Clock::new(config.period),
            config,
            sampled: None,
        })
    }

    /// The price that it believes to be fair; `None` before the reference was seen.
    pub fn fair(&self) -> Option<f64> {
        Some(self.reference.mid()? * (1.0 + self.basis.unwrap_or(0.0)))
    }

    /// Half-spread of its first layer, as a fraction.
    pub fn half_spread(&self) -> f64 {
        self.config.half_spread.max(self.config.volatility_multiple * self.variance.sqrt())
    }

    fn sample(&mut self) {
        let Some(reference) = self.reference.mid() else { return };
        if let Some(last) = self.sampled.replace(reference) {
            let change = reference / last - 1.0;
            self.variance += self.variance_weight * (change * change - self.variance);
        }
        if let (Some(weight), Some(own)) = (self.basis_weight, self.own.mid()) {
            let seen = own / reference - 1.0;
            let before = self.basis.unwrap_or(seen);
            self.basis = Some(before + weight * (seen - before));
        }
    }

    fn requote(&mut self, pen: &mut Pen) {
        let Some(fair) = self.fair() else {
            self.own.cancel_all(pen);
            return;
        };
        let held = self.own.position() - self.config.neutral;
        let inventory = held.raw() as f64 / self.config.position_max.raw() as f64;
        let centre = fair * (1.0 - self.config.skew * inventory);
        for side in [Side::Buy, Side::Sell] {
            self.requote_side(side, centre, pen);
        }
    }

    fn requote_side(&mut self, side: Side, centre: f64, pen: &mut Pen) {
        let layers = usize::from(self.config.layers);
        let first = if side == Side::Buy { 0 } else { layers };
        let half_spread = self.half_spread();
        for layer in 0..layers {
            let slot = first + layer;
            let distance = half_spread + layer as f64 * self.config.layer_step;
            let value = centre * (1.0 - side.sign() as f64 * distance);
            let room = self.own.room(side, slot, self.config.neutral, self.config.position_max);
            let qty = self.own.in_lots(room.min(self.config.order_qty));
            let price = self.own.behind_quote(side, value);
            let beside = self.own.spare_room(side, self.config.neutral, self.config.position_max);
            let want = price.map(|price| Want { side, price, qty, beside });
            self.own.quote(slot, want, self.config.tolerance, pen);
        }
    }
}

impl Strategy for Maker {
    fn on(&mut self, event: &Event, intents: &mut Vec<Intent>) {
        let due = self.clock.hear(event, intents);
        let heard = match *event {
            Event::Wake { .. } => due,
            // Its own book does not move its prices: the reference and its fills do.
            Event::Quote { instrument, .. }
                if instrument == self.config.instrument && instrument != self.config.reference =>
            {
                self.own.hear(event);
                false
            }
            Event::Quote { .. }
            | Event::Trade { .. }
            | Event::Funding { .. }
            | Event::Rested { .. }
            | Event::Fill { .. }
            | Event::Gone { .. }
            | Event::Position { .. }
            | Event::Equity { .. }
            | Event::Series { .. }
            | Event::Surface(_)
            | Event::Auction { .. } => self.own.hear(event) | self.reference.hear(event),
        };
        let mut clock = self.clock;
        if due {
            self.own.follow_up(self.config.patience, &mut clock.pen(intents));
            self.sample();
            clock.ask(intents);
        }
        if heard {
            self.requote(&mut clock.pen(intents));
        }
        self.clock = clock;
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::strategy::Level;
    use money::{Amount, Price, Rate, Time};
    use proptest::prelude::{prop, prop_assert, proptest};
    use protocol::ids::ClientId;

    const OWN: Instrument = Instrument(0);
    const REFERENCE: Instrument = Instrument(1);

    fn whole(units: i64) -> Qty {
        Qty::from_raw(units * Qty::ONE.raw())
    }

    fn listing() -> Listing {
        Listing {
            name: "BTC".to_string(),
            tick: "0.01".parse().unwrap(),
            lot: "0.01".parse().unwrap(),
            fee_maker: Rate::ZERO,
            fee_taker: Rate::ZERO,
            funding: None,
        }
    }

    fn maker(change: impl Fn(&mut MakerConfig)) -> Maker {
        let mut config = MakerConfig {
            layers: 2,
            layer_step: 10e-4,
            half_spread: 10e-4,
            skew: 10e-4,
            basis_memory: None,
            ..MakerConfig::new(whole(1), whole(2))
        };
        change(&mut config);
        Maker::new(config, &listing(), &listing()).unwrap()
    }

    fn quote(instrument: Instrument, mid: f64) -> Event {
        let level = |value| {
            let price = pricing::convert::price(value, money::Round::Down).unwrap();
            Some(Level { price, qty: whole(5) })
        };
        Event::Quote { instrument, bid: level(mid - 0.01), ask: level(mid + 0.01) }
    }

    fn wake(seconds: u64) -> Event {
        Event::Wake { now: Time::from_nanos(seconds * 1_000_000_000) }
    }

    fn heard(strategy: &mut Maker, events: &[Event]) -> Vec<Intent> {
        let mut intents = Vec::new();
        events.iter().for_each(|event| strategy.on(event, &mut intents));
        intents
    }

    /// Prices of the orders placed, and the numbers of those cancelled.
    fn orders(intents: &[Intent]) -> Vec<String> {
        let text = |intent: &Intent| match *intent {
            Intent::Place { side, price, qty, .. } => Some(format!("{side:?} {qty} at {price}")),
            Intent::Cancel { client, .. } => Some(format!("cancel {}", client.0)),
            Intent::CancelAll { .. } => Some("cancel all".to_string()),
            Intent::Bid { .. } | Intent::WakeAt(_) => None,
        };
        intents.iter().filter_map(text).collect()
    }

    #[test]
    fn layers_surround_the_reference_within_the_limit() {
        let placed = orders(&heard(&mut maker(|_| ()), &[quote(REFERENCE, 1000.0)]));
        assert_eq!(placed, ["Buy 1 at 999", "Buy 1 at 998", "Sell 1 at 1001", "Sell 1 at 1002"]);
        let wide = maker(|config| config.layers = 4);
        let placed = orders(&heard(&mut wide.clone(), &[quote(REFERENCE, 1000.0)]));
        assert_eq!(placed.len(), 4, "two orders a side fill the limit: {placed:?}");
    }

    #[test]
    fn small_moves_are_left_alone_and_large_ones_requoted() {
        let mut strategy = maker(|config| config.tolerance = 1e-4);
        heard(&mut strategy, &[quote(REFERENCE, 1000.0)]);
        assert_eq!(orders(&heard(&mut strategy, &[quote(REFERENCE, 1000.05)])), [""; 0]);
        assert_eq!(
            orders(&heard(&mut strategy, &[quote(REFERENCE, 1000.3)])),
            ["cancel 1", "cancel 2", "cancel 3", "cancel 4"]
        );
    }

    #[test]
    fn inventory_moves_the_quotes_against_itself() {
        let mut strategy = maker(|_| ());
        heard(&mut strategy, &[Event::Position { instrument: OWN, qty: whole(1) }]);
        let placed = orders(&heard(&mut strategy, &[quote(REFERENCE, 1000.0)]));
        assert_eq!(
            placed,
            ["Buy 1 at 998.5", "Sell 1 at 1000.5", "Sell 1 at 1001.5"],
            "half the limit is long: 5 bp lower, one bid"
        );
    }

    #[test]
    fn a_perpetual_is_quoted_around_its_usual_basis() {
        let mut strategy = maker(|config| config.basis_memory = Some(Span::from_secs(5)));
        heard(&mut strategy, &[quote(REFERENCE, 1000.0), quote(OWN, 1005.0), wake(5)]);
        assert!((strategy.fair().unwrap() - 1005.0).abs() < 1e-9);
        heard(&mut strategy, &[quote(OWN, 1001.0), wake(10)]);
        let expected = 1001.0 + 4.0 * libm::exp(-1.0);
        assert!((strategy.fair().unwrap() - expected).abs() < 1e-6);
    }

    #[test]
    fn spreads_widen_with_volatility_and_come_back() {
        let mut strategy = maker(|config| config.volatility_multiple = 2.0);
        let calm = strategy.half_spread();
        for step in 1..200u64 {
            let mid = if step % 2 == 0 { 1000.0 } else { 1010.0 };
            heard(&mut strategy, &[quote(REFERENCE, mid), wake(5 * step)]);
        }
        let wild = strategy.half_spread();
        // returns of ±1 %, an average with a memory of 120 samples
        assert!(wild > 0.015 && wild < 0.02, "{wild}");
        for step in 200..1200u64 {
            heard(&mut strategy, &[quote(REFERENCE, 1000.0), wake(5 * step)]);
        }
        assert!((strategy.half_spread() - calm).abs() < 1e-12);
    }

    #[test]
    fn a_maker_may_follow_its_own_market() {
        let mut strategy = maker(|config| config.reference = OWN);
        let placed = orders(&heard(&mut strategy, &[quote(OWN, 1000.0)]));
        assert_eq!(placed, ["Buy 1 at 999", "Buy 1 at 998", "Sell 1 at 1001", "Sell 1 at 1002"]);
        assert_eq!(orders(&heard(&mut strategy, &[quote(OWN, 1010.0)])).len(), 4);
    }

    #[test]
    fn without_a_reference_it_withdraws() {
        let mut strategy = maker(|_| ());
        heard(&mut strategy, &[quote(REFERENCE, 1000.0)]);
        let gone = Event::Quote { instrument: REFERENCE, bid: None, ask: None };
        assert_eq!(orders(&heard(&mut strategy, &[gone])).len(), 4);
    }

    #[test]
    fn bad_configurations_are_refused() {
        let refused = |change: &dyn Fn(&mut MakerConfig)| {
            let mut config = MakerConfig::new(whole(1), whole(2));
            change(&mut config);
            Maker::new(config, &listing(), &listing()).is_err()
        };
        assert!(!refused(&|_| ()));
        assert!(refused(&|config| config.layers = 0));
        assert!(refused(&|config| config.skew = -1.0));
        assert!(refused(&|config| config.period = Span::ZERO));
    }

    proptest! {
        #[test]
        fn the_position_stays_within_the_limit(
            turns in prop::collection::vec((0u8..4, 0usize..8, 990.0..1010.0f64), 1..200),
        ) {
            let mut strategy = maker(|config| config.layers = 4);
            let mut out: Vec<(ClientId, Side, Qty)> = Vec::new();
            let (mut position, mut seconds) = (Qty::ZERO, 0);
            for (kind, pick, mid) in turns {
                let at = pick % out.len().max(1);
                let event = match kind {
                    0 => quote(REFERENCE, mid),
                    1 if !out.is_empty() => {
                        let (client, side, qty) = out.swap_remove(at);
                        position += crate::leg::signed(side, qty);
                        let (price, fee) = (Price::ONE, Amount::ZERO);
                        Event::Fill { instrument: OWN, client, side, price, qty, fee, done: true }
                    }
                    2 if !out.is_empty() => {
                        let client = out.swap_remove(at).0;
                        Event::Gone { instrument: OWN, client, refused: false }
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
                    let worst = crate::leg::signed(side, position) + open.sum();
                    prop_assert!(worst <= whole(2), "{side:?} {worst}");
                }
            }
        }
    }
}
