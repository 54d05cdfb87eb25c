//! A pool of concentrated liquidity as a market that is replayed: exact swaps against what the tape
//! says of its price and liquidity.
//!
//! Each message of the tape (tick and liquidity in range) sets the pool anew: one range of that
//! liquidity at the price of the tick, in the arithmetic of [`amm::concentrated`], to the last unit
//! of each token. Between two messages own swaps move it. A tape of minutes knows no ticks away
//! from the price, so a swap that would leave the true range is executed at the liquidity of the
//! range. Quotes are the mean prices, fee included, of moving the price by a band (1 basis point of
//! the root, so 2 of the price), rounded against the taker. There is no queue: orders that would
//! rest are refused, and an immediate order takes what its limit allows on average.

use amm::concentrated::{Amount, Owner, Pool as Exact, Range, Swap, Swapped};
use amm::{U256, tick};
use feed::tape::{Event, Kind};
use money::{Price, Qty};
use protocol::command::Lifetime;
use protocol::ids::Side;

use super::ladder::Ladder;
use super::order::{Answer, Order};

/// What must be known of a pool beside its tape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolParams {
    /// Fee in 10⁻⁶ of what is paid.
    pub fee_pips: u32,
    /// Decimals of both tokens, at most 36.
    pub decimals: [u8; 2],
    /// Which token the market's base is; the other one is its quote.
    pub base: Token,
    /// What a unit of price is.
    pub price_unit: Price,
    /// What a unit of quantity is.
    pub qty_unit: Qty,
}

/// One of the two tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Token {
    /// Token 0.
    Zero,
    /// Token 1.
    One,
}

/// Base's price in quote at a tick, `1.0001^tick · 10^(d0 − d1)` or its inverse, for display.
pub fn price_at(tick: i32, decimals: [u8; 2], base: Token) -> f64 {
    let scale = f64::from(i16::from(decimals[0]) - i16::from(decimals[1]));
    let price = libm::pow(1.0001, f64::from(tick)) * libm::pow(10.0, scale);
    match base {
        Token::Zero => price,
        Token::One => 1.0 / price,
    }
}

/// A pool that follows its tape.
#[derive(Clone, Debug)]
pub struct Pool {
    params: PoolParams,
    tick: Option<i32>,
    liquidity: u128,
    exact: Option<Exact>,
    quotes: Ladder,
}

/// The bisection for a limit on the mean price ends after so many halvings.
const HALVINGS: u32 = 64;
/// The root of the price moves by this part of itself within a quote: 1/10,000.
const BAND: u64 = 10_000;

impl Pool {
    /// A pool of which nothing is known yet.
    pub fn new(params: PoolParams) -> Pool {
        Pool { params, tick: None, liquidity: 0, exact: None, quotes: Ladder::new() }
    }

    /// Takes what an event says of the pool.
    pub fn apply(&mut self, event: &Event) {
        match event.kind {
            Kind::PoolTick => self.tick = i32::try_from(event.price).ok(),
            Kind::PoolLiquidity => self.liquidity = event.wide(),
            Kind::Base
            | Kind::Level
            | Kind::Clear
            | Kind::Trade
            | Kind::Best
            | Kind::Add
            | Kind::Change
            | Kind::Remove
            | Kind::Execute
            | Kind::Open
            | Kind::High
            | Kind::Low
            | Kind::Close
            | Kind::Funding
            | Kind::Predicted
            | Kind::Mark
            | Kind::Index
            | Kind::OpenInterest
            | Kind::Forced
            | Kind::Volatility
            | Kind::PoolIn0
            | Kind::PoolIn1 => {}
        }
        if event.last {
            self.exact = self.tick.and_then(|tick| self.rebuilt(tick));
            self.quote();
        }
    }

    /// What it offers on each side, as one level each.
    pub fn book(&self) -> &Ladder {
        &self.quotes
    }

    /// An order arrives.
    pub fn place(&mut self, order: &Order, answers: &mut Vec<Answer>) {
        let Order { client, side, price, qty, lifetime } = *order;
        if lifetime != Lifetime::Immediate || qty <= 0 {
            answers.push(Answer::Gone { client, refused: true });
            return;
        }
        let within = |(_, at): &(Swapped, i64)| match side {
            Side::Buy => *at <= price,
            Side::Sell => *at >= price,
        };
        let fits = |qty: i64| self.offered(side, qty).filter(within);
        let (mut low, mut high) = (0, qty);
        if fits(qty).is_some() {
            low = qty;
        }
        for _ in 0..HALVINGS {
            let middle = low + (high - low) / 2;
            if middle == low {
                break;
            }
            if fits(middle).is_some() { low = middle } else { high = middle }
        }
        if let Some((_, at)) = fits(low)
            && let (Some(swap), Some(exact)) = (self.swap(side, low), &mut self.exact)
            && exact.swap(&swap).is_ok()
        {
            let done = low == qty;
            let maker = false;
            answers.push(Answer::Fill { client, side, price: at, qty: low, maker, done });
            self.quote();
        }
        if low < qty {
            answers.push(Answer::Gone { client, refused: false });
        }
    }

    /// The swap that trades a quantity of base, fixed in base.
    fn swap(&self, side: Side, qty: i64) -> Option<Swap> {
        let raw = self.raw_base(qty)?;
        let amount = match side {
            Side::Buy => Amount::Out(raw),
            Side::Sell => Amount::In(raw),
        };
        Some(Swap::new(self.pays_zero(side), amount))
    }

    /// What trading a quantity would do, and its mean price in units against the taker; `None` if
    /// it cannot be traded whole.
    fn offered(&self, side: Side, qty: i64) -> Option<(Swapped, i64)> {
        let swap = self.swap(side, qty)?;
        let done = self.exact.as_ref()?.quote(&swap).ok()?;
        let (base, quote) = match side {
            Side::Buy => (done.received, done.paid),
            Side::Sell => (done.paid, done.received),
        };
        let whole = self.raw_base(qty)? == base;
        let at = self.mean_price(side, base, quote)?;
        whole.then_some((done, at))
    }

    /// Shows what both sides offer within the band.
    fn quote(&mut self) {
        for side in [Side::Buy, Side::Sell] {
            // A taker who sells meets the bid.
            let shown = self.band(side.opposite());
            let (price, qty) = shown.unwrap_or((0, 0));
            self.quotes.quote(side, price, qty);
        }
    }

    /// Mean price and quantity for a taker of this side up to the end of the band.
    fn band(&self, side: Side) -> Option<(i64, i64)> {
        let exact = self.exact.as_ref()?;
        let (root, zero_for_one) = (exact.sqrt_price(), self.pays_zero(side));
        let step = root / U256::from(BAND);
        let limit = if zero_for_one { root - step } else { root + step };
        let all = Amount::In(U256::from(u128::MAX));
        let done = exact.quote(&Swap { limit, ..Swap::new(zero_for_one, all) }).ok()?;
        let base = match side {
            Side::Buy => done.received,
            Side::Sell => done.paid,
        };
        let qty = self.units_of_base(base)?;
        let (_, price) = self.offered(side, qty)?;
        (qty > 0 && price > 0).then_some((price, qty))
    }

    /// Whether a taker of this side pays token 0.
    fn pays_zero(&self, side: Side) -> bool {
        (side == Side::Sell) == (self.params.base == Token::Zero)
    }

    /// Decimals of base and quote.
    fn decimals(&self) -> [u8; 2] {
        let [zero, one] = self.params.decimals;
        match self.params.base {
            Token::Zero => [zero, one],
            Token::One => [one, zero],
        }
    }

    /// A quantity in the token's smallest units; `None` if it is no whole number of them.
    fn raw_base(&self, qty: i64) -> Option<U256> {
        let qty = U256::from(u64::try_from(qty).ok()?) * U256::from(self.params.qty_unit.raw());
        let scaled = qty * power(self.decimals()[0]);
        let (whole, rest) = scaled.div_rem(power(8));
        rest.is_zero().then_some(whole)
    }

    /// The whole units of quantity in so many of the token's smallest units.
    fn units_of_base(&self, raw: U256) -> Option<i64> {
        let unit = U256::from(self.params.qty_unit.raw()) * power(self.decimals()[0]);
        i64::try_from(raw * power(8) / unit).ok()
    }

    /// The mean price in units, rounded against the taker.
    fn mean_price(&self, side: Side, base: U256, quote: U256) -> Option<i64> {
        if base.is_zero() {
            return None;
        }
        let [base_decimals, quote_decimals] = self.decimals();
        let above = quote * power(base_decimals) * power(8);
        let below = base * power(quote_decimals) * U256::from(self.params.price_unit.raw());
        let (down, rest) = above.div_rem(below);
        let up = u64::from(side == Side::Buy && !rest.is_zero());
        i64::try_from(down + U256::from(up)).ok()
    }

    /// The pool at a tick, with the liquidity in range on all prices.
    fn rebuilt(&self, tick: i32) -> Option<Exact> {
        let mut exact = Exact::new(self.params.fee_pips, 1).ok()?;
        exact.initialise(tick::sqrt_price(tick)?).ok()?;
        let range = Range { lower: tick::MIN, upper: tick::MAX };
        exact.mint(Owner(0), range, self.liquidity).ok()?;
        Some(exact)
    }
}

/// Ten to a power of at most 36.
fn power(exponent: u8) -> U256 {
    U256::from(10u64).pow(U256::from(exponent))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use feed::tape::Event;
    use money::Time;
    use protocol::ids::ClientId;

    /// The pool of USD coin and ether at 5 basis points: 1 ether is 10¹²·1.0001^−tick coins.
    fn pool(tick: i32, liquidity: u128) -> Pool {
        let mut pool = Pool::new(PoolParams {
            fee_pips: 500,
            decimals: [6, 18],
            base: Token::One,
            price_unit: "0.0001".parse().unwrap(),
            qty_unit: "0.000001".parse().unwrap(),
        });
        let event = Event {
            exchange: Time::ZERO,
            local: Time::ZERO,
            instrument: 0,
            kind: Kind::PoolLiquidity,
            side: None,
            last: false,
            snapshot: false,
            price: 0,
            qty: 0,
            id: 0,
        };
        pool.apply(&event.with_wide(liquidity));
        let price = i64::from(tick);
        pool.apply(&Event { kind: Kind::PoolTick, price, last: true, ..event });
        pool
    }

    fn taken(pool: &mut Pool, side: Side, price: i64, qty: i64) -> Vec<Answer> {
        let lifetime = Lifetime::Immediate;
        let mut answers = Vec::new();
        pool.place(&Order { client: ClientId(1), side, price, qty, lifetime }, &mut answers);
        answers
    }

    #[test]
    fn quotes_stand_the_fee_and_half_a_band_away_from_the_price() {
        let pool = pool(201_000, 10_u128.pow(19));
        // 10¹² · 1.0001^−201000 = 1866.884…
        let mid = price_at(201_000, [6, 18], Token::One) * 1e4;
        assert!((mid / 1e4 - 1866.884).abs() < 1e-3, "{mid}");
        let (bid, ask) = (pool.book().best(Side::Buy), pool.book().best(Side::Sell));
        let (bid, ask) = (bid.unwrap() as f64 / mid, ask.unwrap() as f64 / mid);
        assert!((ask - 1.0 - 6e-4).abs() < 2e-6, "5 bp of fee and 1 bp of half a band: {ask}");
        assert!((1.0 - bid - 6e-4).abs() < 2e-6, "{bid}");
    }

    #[test]
    fn what_is_quoted_can_be_taken_and_moves_the_price() {
        for side in [Side::Buy, Side::Sell] {
            let mut pool = pool(201_000, 10_u128.pow(19));
            let price = pool.book().best(side.opposite()).unwrap();
            let qty = pool.book().qty(side.opposite(), price);
            let answers = taken(&mut pool, side, price, qty);
            let (maker, client) = (false, ClientId(1));
            assert_eq!(answers, [Answer::Fill { client, side, price, qty, maker, done: true }]);
            let after = pool.book().best(side.opposite()).unwrap();
            let moved = (after as f64 / price as f64 - 1.0) * side.sign() as f64;
            assert!((moved - 2e-4).abs() < 2e-6, "the price has moved by the band: {moved}");
        }
    }

    #[test]
    fn a_limit_is_kept_on_average_and_to_the_last_unit() {
        let mut pool = pool(201_000, 10_u128.pow(19));
        let limit = pool.book().best(Side::Sell).unwrap() + 10_000;
        let huge = 1_000_000_000_000;
        let before = pool.clone();
        let answers = taken(&mut pool, Side::Buy, limit, huge);
        let [Answer::Fill { price, qty, done: false, .. }, Answer::Gone { .. }] = answers[..]
        else {
            panic!("a part is taken and the rest is gone: {answers:?}");
        };
        assert!(price <= limit);
        let (_, more) = before.offered(Side::Buy, qty + 1).unwrap();
        assert!(more > limit, "one unit more would be beyond: {more} > {limit}");
    }

    #[test]
    fn a_round_trip_loses_the_fee_twice_and_the_next_message_resets_the_pool() {
        let mut pool = pool(201_000, 10_u128.pow(19));
        let fresh = pool.book().best(Side::Sell);
        let [Answer::Fill { price: paid, qty, .. }] =
            taken(&mut pool, Side::Buy, i64::MAX, 5_000_000)[..]
        else {
            panic!("all is bought");
        };
        let [Answer::Fill { price: received, .. }] = taken(&mut pool, Side::Sell, 0, qty)[..]
        else {
            panic!("all is sold");
        };
        let lost = 1.0 - received as f64 / paid as f64;
        assert!((lost - 10e-4).abs() < 1e-6, "{lost}");
        let event = Event { kind: Kind::PoolTick, price: 201_000, last: true, ..empty() };
        pool.apply(&event);
        assert_eq!(pool.book().best(Side::Sell), fresh);
    }

    fn empty() -> Event {
        Event {
            exchange: Time::ZERO,
            local: Time::ZERO,
            instrument: 0,
            kind: Kind::Clear,
            side: None,
            last: true,
            snapshot: false,
            price: 0,
            qty: 0,
            id: 0,
        }
    }

    #[test]
    fn an_order_that_would_rest_is_refused() {
        let mut pool = pool(201_000, 10_u128.pow(19));
        let mut answers = Vec::new();
        for lifetime in [Lifetime::Resting, Lifetime::PostOnly] {
            let client = ClientId(1);
            let order = Order { client, side: Side::Buy, price: i64::MAX, qty: 1, lifetime };
            pool.place(&order, &mut answers);
        }
        assert_eq!(answers, [Answer::Gone { client: ClientId(1), refused: true }; 2]);
    }
}
