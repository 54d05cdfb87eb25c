//! The external spot venue: its price follows the recorded path, moved for a while by those who
//! trade on it here.
//!
//! Best quotes are `path · (1 + impact) · (1 ∓ half spread)`, on tick, away from the middle. Taking
//! moves the price along a straight line: after notional x (at the path price) the marginal price
//! is `best ± path · (1 ± half spread) · λx`, and a fill averages half of that way. What was taken,
//! and so the impact λ·(bought − sold) and the depth used up, decays as exp(−t/τ). A linear impact
//! with exponential decay admits no profitable round trip (Gatheral 2010, *No-dynamic-arbitrage
//! and market impact*).
//!
//! Invariant: a fill never trades through its limit, and every rounding is against the taker.

use desk::strategy::Level;
use money::{Amount, Price, Qty, Rate, Round, Span, Time};
use protocol::ids::Side;

/// How the venue behaves.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct VenueParams {
    /// Price step.
    pub tick: Price,
    /// Quantity step.
    pub lot: Qty,
    /// Half of the spread, as a share of the price.
    pub half_spread: f64,
    /// Notional offered on each side, in quote.
    pub depth: f64,
    /// Relative move of the price for each unit of quote taken: 1 bp for a million is 10⁻¹⁰.
    pub impact: f64,
    /// Time constant with which depth comes back and impact goes.
    pub decay: Span,
    /// Fee of the aggressor.
    pub fee_taker: Rate,
}

/// What an immediate-or-cancel order got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fill {
    /// Average price, rounded against the taker.
    pub price: Price,
    /// Quantity.
    pub qty: Qty,
    /// Price of the last part.
    pub worst: Price,
    /// Price times quantity: paid by a buyer (rounded up), received by a seller (rounded down).
    pub notional: Amount,
    /// Fee, in quote, rounded up.
    pub fee: Amount,
}

/// One asset on the external venue.
#[derive(Clone, Debug)]
pub struct Venue {
    params: VenueParams,
    path: Price,
    /// Notional taken and not yet decayed, by side.
    bought: f64,
    sold: f64,
    /// When `bought` and `sold` were true.
    at: Time,
}

impl Venue {
    /// A venue whose path stands at `path`.
    pub fn new(params: VenueParams, path: Price) -> Venue {
        Venue { params, path, bought: 0.0, sold: 0.0, at: Time::ZERO }
    }

    /// The parameters.
    pub fn params(&self) -> &VenueParams {
        &self.params
    }

    /// Moves the path.
    #[inline]
    pub fn follow(&mut self, path: Price) {
        self.path = path;
    }

    /// The price of the path, without what was traded here.
    pub fn path(&self) -> Price {
        self.path
    }

    /// The best (bid, ask); the quantity is all that the side offers.
    pub fn quote(&self, now: Time) -> (Level, Level) {
        let level = |side| Level { price: self.best(side, now), qty: self.offered(side, now) };
        (level(Side::Sell), level(Side::Buy))
    }

    /// Trades up to `qty` at once, at `limit` or better; `None` when nothing is to be had there.
    pub fn take(&mut self, now: Time, side: Side, limit: Price, qty: Qty) -> Option<Fill> {
        let best = self.best(side, now);
        let room = (limit - best).raw() as f64 * side.sign() as f64;
        if room < 0.0 || !limit.is_positive() || !best.is_positive() {
            return None;
        }
        let qty = self.fillable(now, side, room, qty);
        if !qty.is_positive() {
            return None;
        }
        let against = against(side);
        let taken = self.path.notional(qty, Round::Up).raw() as f64 / 1e8;
        let worst = self.priced(best, side, taken, limit);
        let price = self.priced(best, side, taken / 2.0, limit);
        let notional = price.notional(qty, against);
        let fee = notional.share(self.params.fee_taker, Round::Up)?;
        self.decay(now);
        match side {
            Side::Buy => self.bought += taken,
            Side::Sell => self.sold += taken,
        }
        Some(Fill { price, qty, worst, notional, fee })
    }

    /// Best price of the side that a taker of `side` meets.
    fn best(&self, side: Side, now: Time) -> Price {
        let kept = self.kept(now);
        let impact = 1.0 + self.params.impact * (self.bought - self.sold) * kept;
        let spread = 1.0 + self.params.half_spread * side.sign() as f64;
        let tick = self.params.tick.raw() as f64;
        let ticks = self.path.raw() as f64 * impact * spread / tick;
        // A product a hair beyond a whole tick is that tick.
        let ticks = match side {
            Side::Buy => (ticks - TICK_SLACK).ceil(),
            Side::Sell => (ticks + TICK_SLACK).floor(),
        };
        Price::from_raw((ticks * tick) as i64)
    }

    /// What the side that a taker of `side` meets has to offer, in whole lots.
    fn offered(&self, side: Side, now: Time) -> Qty {
        let used = match side {
            Side::Buy => self.bought,
            Side::Sell => self.sold,
        };
        let left = (self.params.depth - used * self.kept(now)).max(0.0);
        self.lots(left * 1e8 / self.path.raw() as f64)
    }

    /// As much of `qty` as depth and limit allow, `room` raw price units from the best price.
    fn fillable(&self, now: Time, side: Side, room: f64, qty: Qty) -> Qty {
        let mut most = qty.min(self.offered(side, now));
        if self.params.impact > 0.0 {
            let notional = room / self.slope(side);
            most = most.min(self.lots(notional * 1e8 / self.path.raw() as f64));
        }
        let rest = most.raw() % self.params.lot.raw();
        most - Qty::from_raw(rest)
    }

    /// The price after `notional`, no worse than the limit.
    fn priced(&self, best: Price, side: Side, notional: f64, limit: Price) -> Price {
        let sign = side.sign() as f64;
        let raw = best.raw() as f64 + sign * notional * self.slope(side);
        match side {
            Side::Buy => Price::from_raw(raw.ceil() as i64).min(limit).max(best),
            Side::Sell => Price::from_raw(raw.floor() as i64).max(limit).min(best),
        }
    }

    /// Rise of the marginal price, in raw units, for each unit of quote taken.
    fn slope(&self, side: Side) -> f64 {
        let spread = 1.0 + self.params.half_spread * side.sign() as f64;
        self.path.raw() as f64 * spread * self.params.impact
    }

    /// A count of coins as a quantity, down to a whole lot.
    fn lots(&self, coins: f64) -> Qty {
        let lot = self.params.lot.raw();
        let raw = (coins * 1e8).min(QTY_RAW_MAX) as i64;
        Qty::from_raw(raw - raw % lot)
    }

    /// The share of past trades that still counts.
    fn kept(&self, now: Time) -> f64 {
        if self.bought == 0.0 && self.sold == 0.0 {
            return 0.0;
        }
        let elapsed = now.since(self.at).nanos() as f64;
        libm::exp(-elapsed / (self.params.decay.nanos() as f64).max(1.0))
    }

    fn decay(&mut self, now: Time) {
        let kept = self.kept(now);
        self.bought *= kept;
        self.sold *= kept;
        self.at = self.at.max(now);
    }
}

/// Part of a tick by which a float product may miss the whole tick that it means.
const TICK_SLACK: f64 = 1e-6;
/// Quantities are cut here, far from the end of their type.
const QTY_RAW_MAX: f64 = 1e18;

fn against(side: Side) -> Round {
    match side {
        Side::Buy => Round::Up,
        Side::Sell => Round::Down,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn params() -> VenueParams {
        VenueParams {
            tick: "0.01".parse().unwrap(),
            lot: "0.0001".parse().unwrap(),
            half_spread: 1e-4,
            depth: 1e6,
            impact: 5e-10,
            decay: Span::from_secs(10),
            fee_taker: Rate::from_bp(2),
        }
    }

    fn venue() -> Venue {
        Venue::new(params(), "100".parse().unwrap())
    }

    fn price(text: &str) -> Price {
        text.parse().unwrap()
    }

    fn qty(text: &str) -> Qty {
        text.parse().unwrap()
    }

    #[test]
    fn quotes_stand_half_a_spread_from_the_path() {
        let (bid, ask) = venue().quote(Time::ZERO);
        assert_eq!((bid.price, ask.price), (price("99.99"), price("100.01")));
        assert_eq!((bid.qty, ask.qty), (qty("10000"), qty("10000")));
    }

    #[test]
    fn a_large_buy_pays_half_its_impact_and_the_fee() {
        let fill = venue().take(Time::ZERO, Side::Buy, price("200"), qty("10000")).unwrap();
        // 1 million at 5 bp a million: 100.01 · (1 + 0.0005) at worst, half of that on average.
        assert_eq!((fill.price, fill.worst), (price("100.0350025"), price("100.060005")));
        assert_eq!(fill.notional, "1000350.025".parse().unwrap());
        assert_eq!(fill.fee, "200.070005".parse().unwrap());
    }

    #[test]
    fn the_limit_cuts_the_quantity() {
        let mut venue = venue();
        assert_eq!(venue.take(Time::ZERO, Side::Buy, price("100"), qty("1")), None);
        let fill = venue.take(Time::ZERO, Side::Buy, price("100.02"), qty("10000")).unwrap();
        assert!(fill.worst <= price("100.02"), "{}", fill.worst);
        assert_eq!(fill.qty, qty("1999.8"));
        let next = venue.take(Time::ZERO, Side::Buy, price("100.02"), qty("10000"));
        assert_eq!(next.map(|fill| fill.worst), None);
    }

    #[test]
    fn impact_and_depth_come_back() {
        let mut venue = venue();
        venue.take(Time::ZERO, Side::Sell, price("1"), qty("10000")).unwrap();
        let (bid, _) = venue.quote(Time::ZERO);
        assert_eq!((bid.price, bid.qty), (price("99.94"), qty("0")));
        let later = Time::ZERO.after(Span::from_secs(10));
        assert_eq!(venue.quote(later).0.qty, qty("6321.2055"));
        let much_later = Time::ZERO.after(Span::from_secs(600));
        assert_eq!(venue.quote(much_later), super::tests::venue().quote(much_later));
    }

    #[test]
    fn a_sell_rounds_down() {
        let mut venue = Venue::new(
            VenueParams { fee_taker: Rate::from_raw(1), impact: 0.0, ..params() },
            price("0.33333333"),
        );
        let fill = venue.take(Time::ZERO, Side::Sell, price("0.01"), qty("0.0001")).unwrap();
        assert_eq!(fill.price, price("0.33"));
        assert_eq!(fill.fee, Amount::from_raw(1));
    }

    proptest! {
        #[test]
        fn no_fill_trades_through_its_limit_and_no_round_trip_pays(
            path in 1_000_000i64..20_000_000_000_000,
            orders in prop::collection::vec(
                (any::<bool>(), -200i64..200, 1i64..100_000_000_000_000, 0u64..30_000), 1..40),
        ) {
            let mut venue = Venue::new(params(), Price::from_raw(path));
            let (mut now, mut cash, mut coins) = (Time::ZERO, Amount::ZERO, Qty::ZERO);
            for (buy, away_bp, size, wait) in orders {
                now = now.after(Span::from_millis(wait));
                let side = if buy { Side::Buy } else { Side::Sell };
                let away = Rate::from_bp(away_bp);
                let limit = Price::from_raw(path).offset(away, Round::Down).unwrap();
                let (bid, ask) = venue.quote(now);
                prop_assert!(bid.price < ask.price);
                let fill = venue.take(now, side, limit, Qty::from_raw(size));
                let Some(fill) = fill else { continue };
                prop_assert!(fill.qty.raw() <= size && fill.qty.raw() % params().lot.raw() == 0);
                match side {
                    Side::Buy => {
                        prop_assert!(ask.price <= fill.price && fill.price <= fill.worst);
                        prop_assert!(fill.worst <= limit);
                        cash -= fill.notional + fill.fee;
                        coins += fill.qty;
                    }
                    Side::Sell => {
                        prop_assert!(bid.price >= fill.price && fill.price >= fill.worst);
                        prop_assert!(fill.worst >= limit);
                        cash += fill.notional - fill.fee;
                        coins -= fill.qty;
                    }
                }
            }
            // With every coin valued at the path, trading here has never earned anything.
            let value = cash + Price::from_raw(path).notional(coins, Round::Down);
            prop_assert!(value <= Amount::ZERO, "{value}");
        }
    }
}
