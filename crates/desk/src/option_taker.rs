//! Takes option quotes that are off its own value beyond costs, and hedges the delta.
//!
//! Own volatility of a series is the surface's for a surface arbitrageur. A gamma desk leans it
//! towards what it forecasts to be realised: `σ(K)·(1 + w(σ̂/σ_atm − 1))`, σ̂ the exponential
//! average of the hedge's own returns. A quote is taken when `|own − quote| > fee + edge·vega +
//! hedging cost`, the best first; what makes a position smaller needs no edge. Books that are
//! auctioned are taken over once they pay enough. Invariant: position plus open orders never pass
//! the limit of a series, and by its own orders vega passes its limit only to come back.

use money::{Qty, Rate, Span, Time};
use pricing::convert::{hours, price_f64, qty, qty_f64};
use protocol::ids::{AccountId, Side};

use crate::chain::{Chain, ChainListing, Hedge, Value, vega};
use crate::leg::{BadConfig, Clock, Pen, Want};
use crate::strategy::{Event, Intent, Strategy};
use crate::volatility::Volatility;

/// Whose volatility is believed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum View {
    /// The surface's.
    Surface,
    /// The surface's, leaning towards what has been realised.
    Realised {
        /// Memory of the average.
        memory: Span,
        /// How far it leans, 0 to 1.
        weight: f64,
    },
}

/// What a taker is told. Volatilities are a year, 0.01 is one point.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OptionTakerConfig {
    /// Whose volatility is believed.
    pub view: View,
    /// Profit beyond costs that is asked for, in volatility.
    pub edge: f64,
    /// Cost of a hedge, one way, as a share of its notional.
    pub hedge_cost: f64,
    /// Least payment, for each unit of maintenance margin, for which it takes over what is
    /// auctioned.
    pub bid: Rate,
    /// Largest order.
    pub order: Qty,
    /// Most orders at one look.
    pub orders_max: usize,
    /// Largest |position| in one series.
    pub position_max: Qty,
    /// Largest |vega|, in quote per 1.00 of volatility.
    pub vega_max: f64,
    /// Least and largest |delta| that is traded.
    pub delta: (f64, f64),
    /// Nothing is traded this close to expiry.
    pub closed_before: Span,
    /// Time between looks.
    pub period: Span,
    /// Silence after which an order is followed up.
    pub patience: Span,
}

impl OptionTakerConfig {
    fn check(&self) -> Result<(), BadConfig> {
        if [self.edge, self.hedge_cost].iter().any(|x| !x.is_finite() || *x < 0.0) {
            return Err(BadConfig("edge and hedging cost are from zero up"));
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

/// A quote worth taking.
#[derive(Clone, Copy, Debug)]
struct Chance {
    at: usize,
    side: Side,
    qty: Qty,
    /// Profit of one option beyond all that is asked for, over its vega.
    score: f64,
}

/// The strategy.
#[derive(Clone, Debug)]
pub struct OptionTaker {
    config: OptionTakerConfig,
    chain: Chain,
    hedge: Hedge,
    realised: Option<Volatility>,
    looks: u64,
    /// Accounts that pay enough, since the last look.
    auctions: Vec<AccountId>,
    clock: Clock,
}

/// Hours of a year.
const YEAR_H: f64 = 365.0 * 24.0;
/// Years to the expiry whose volatility is held against the forecast.
const FORECAST_YEARS: f64 = 3.0 / 365.0;
/// The forecast counts as this many times the surface at most, and as its inverse at least.
const LEAN_MAX: f64 = 2.0;

impl OptionTaker {
    /// A taker on a chain with its hedge.
    pub fn new(
        config: OptionTakerConfig,
        listing: ChainListing,
        hedge: Hedge,
    ) -> Result<OptionTaker, BadConfig> {
        config.check()?;
        let realised = match config.view {
            View::Surface => None,
            View::Realised { memory, .. } => Some(Volatility::new(config.period, memory)),
        };
        let chain = Chain::new(listing, 1)?;
        Ok(OptionTaker {
            clock: Clock::new(config.period),
            config,
            chain,
            hedge,
            realised,
            looks: 0,
            auctions: Vec::new(),
        })
    }

    /// What the surface's volatility is multiplied with; `None` while there is no view yet.
    fn lean(&self, now: Time) -> Option<f64> {
        match (self.config.view, &self.realised) {
            (View::Surface, _) | (View::Realised { .. }, None) => Some(1.0),
            (View::Realised { memory, weight }, Some(realised)) => {
                let seen = self.config.period.times(self.looks);
                if seen.nanos() < memory.nanos() / 2 {
                    return None;
                }
                let periods = YEAR_H / hours(self.config.period);
                let forecast = realised.per_period() * periods.sqrt();
                let ratio = forecast / self.chain.at_the_money(FORECAST_YEARS, now)?;
                Some(1.0 + weight * (ratio.clamp(1.0 / LEAN_MAX, LEAN_MAX) - 1.0))
            }
        }
    }

    fn wake(&mut self, pen: &mut Pen) {
        self.chain.expire(pen.now);
        self.chain.follow_up(self.config.patience, pen);
        if let (Some(realised), Some(mid)) = (&mut self.realised, self.hedge.mid()) {
            realised.push(mid);
            self.looks += 1;
        }
        if let Some(lean) = self.lean(pen.now) {
            self.trade(lean, pen);
        }
        let (fraction, least) = (Rate::ONE, self.config.bid);
        let bid = |account| Intent::Bid { account, fraction, least };
        pen.intents.extend(self.auctions.drain(..).map(bid));
        let _no_hedge_needed = self.hedge.act(&self.chain, self.config.patience, pen);
    }

    fn trade(&mut self, lean: f64, pen: &mut Pen) {
        let mut room = vega(&self.chain, pen.now);
        let mut chances: Vec<Chance> = (0..self.chain.series().len())
            .flat_map(|at| [Side::Buy, Side::Sell].map(|side| (at, side)))
            .filter_map(|(at, side)| self.chance(at, side, lean, pen.now))
            .collect();
        chances.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.at.cmp(&b.at)));
        let mut sent = 0;
        for chance in chances {
            if sent == self.config.orders_max {
                break;
            }
            sent += usize::from(self.take(chance, &mut room, pen).is_some());
        }
    }

    /// What one side of a series offers.
    fn chance(&self, at: usize, side: Side, lean: f64, now: Time) -> Option<Chance> {
        let (config, series) = (&self.config, &self.chain.series()[at]);
        if series.contract.expiry <= now.after(config.closed_before) || !series.leg.is_free(0) {
            return None;
        }
        let level = series.leg.against(side)?;
        let value = self.chain.value_at(&series.contract, now, |own| own * lean)?;
        let sign = side.sign() as f64;
        let quote = price_f64(level.price);
        let reduces = qty_f64(series.leg.position()) * sign < 0.0;
        let (least, most) = config.delta;
        let inside = least <= value.delta.abs() && value.delta.abs() <= most;
        if !(inside || reduces) || value.vega <= 0.0 {
            return None;
        }
        let forward = self.chain.slice(series.contract.expiry)?.forward;
        let asked = if reduces { 0.0 } else { self.asked(&value, forward) };
        let profit = sign * (value.price - quote) - self.chain.fee_taker(forward, quote) - asked;
        let qty = if reduces { level.qty.min(series.leg.position().abs()) } else { level.qty };
        let score = profit / value.vega;
        (profit > 0.0).then_some(Chance { at, side, qty: qty.min(config.order), score })
    }

    /// Profit that is asked for: the edge, and the hedge there and back.
    fn asked(&self, value: &Value, forward: f64) -> f64 {
        self.config.edge * value.vega + 2.0 * self.config.hedge_cost * value.delta.abs() * forward
    }

    fn take(&mut self, chance: Chance, net: &mut f64, pen: &mut Pen) -> Option<()> {
        let config = self.config;
        let series = &self.chain.series()[chance.at];
        let vega = self.chain.value(&series.contract, pen.now)?.vega;
        let sign = chance.side.sign() as f64;
        let spare = config.vega_max - sign * *net;
        let most = qty(spare.max(0.0) / vega, money::Round::Down)?;
        let leg = &mut self.chain.series_mut()[chance.at].leg;
        let room = leg.room(chance.side, 0, Qty::ZERO, config.position_max);
        let qty = leg.in_lots(chance.qty.min(room).min(most));
        let price = leg.against(chance.side)?.price;
        if !qty.is_positive() {
            return None;
        }
        leg.take(0, Want { side: chance.side, price, qty, beside: Qty::ZERO }, pen);
        *net += sign * vega * qty_f64(qty);
        Some(())
    }
}

impl Strategy for OptionTaker {
    fn on(&mut self, event: &Event, intents: &mut Vec<Intent>) {
        let due = self.clock.hear(event, intents);
        self.chain.hear(event);
        self.hedge.hear(event);
        if let Event::Auction { account, pays } = *event
            && pays >= self.config.bid
        {
            self.auctions.push(account);
        }
        if due {
            let mut clock = self.clock;
            self.wake(&mut clock.pen(intents));
            clock.ask(intents);
            self.clock = clock;
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::gamma::{HedgeCost, HedgeRule, Hedger};
    use crate::strategy::{Contract, Instrument, Level, Listing, Slice};
    use money::Price;
    use pricing::svi::Svi;
    use protocol::ids::OptionKind;

    const PERPETUAL: Instrument = Instrument(0);
    const CALL: Instrument = Instrument(2);

    fn listing() -> Listing {
        Listing {
            name: "BTC".to_string(),
            tick: Price::ONE,
            lot: "0.01".parse().unwrap(),
            fee_maker: Rate::ZERO,
            fee_taker: Rate::from_bp(3),
            funding: None,
        }
    }

    fn expiry() -> Time {
        Time::ZERO.after(Span::DAY.times(365))
    }

    /// A desk that has heard of one call at the money of 50 %, quoted at these prices.
    fn desk(bid: i64, ask: i64) -> OptionTaker {
        let cost = HedgeCost { one_way: 0.0, funding: 0.0 };
        let hedger =
            Hedger { rule: HedgeRule::Band { delta: 0.1 }, cost, lot: "0.01".parse().unwrap() };
        let hedge = Hedge::new(PERPETUAL, &listing(), hedger, 0.01).unwrap();
        let config = OptionTakerConfig {
            view: View::Surface,
            edge: 0.01,
            hedge_cost: 0.0,
            bid: Rate::from_bp(1_000),
            order: Qty::ONE,
            orders_max: 4,
            position_max: Qty::ONE,
            vega_max: 1e9,
            delta: (0.05, 0.95),
            closed_before: Span::HOUR,
            period: Span::SECOND,
            patience: Span::MINUTE,
        };
        let chain = ChainListing { series: listing(), fee_cap: Rate::from_bp(1_250) };
        let mut desk = OptionTaker::new(config, chain, hedge).unwrap();
        let (strike, kind) = (whole(100_000), OptionKind::Call);
        let contract = Contract { expiry: expiry(), strike, kind };
        let svi = Svi { a: 0.25, b: 0.0, rho: 0.0, m: 0.0, sigma: 0.1 };
        let level = |price: i64| Some(Level { price: whole(price), qty: Qty::ONE });
        for event in [
            Event::Series { instrument: CALL, contract },
            Event::Surface(Slice { expiry: expiry(), forward: 100_000.0, svi }),
            Event::Quote { instrument: CALL, bid: level(bid), ask: level(ask) },
            Event::Quote { instrument: PERPETUAL, bid: level(99_999), ask: level(100_001) },
        ] {
            desk.on(&event, &mut Vec::new());
        }
        desk
    }

    fn whole(units: i64) -> Price {
        Price::from_raw(units * Price::ONE.raw())
    }

    fn woken(desk: &mut OptionTaker) -> Vec<Intent> {
        let mut intents = Vec::new();
        desk.on(&Event::Wake { now: Time::ZERO.after(Span::SECOND) }, &mut intents);
        intents
    }

    fn sides(intents: &[Intent]) -> Vec<Side> {
        let side = |intent: &Intent| match *intent {
            Intent::Place { instrument, side, .. } if instrument == CALL => Some(side),
            Intent::Place { .. }
            | Intent::Cancel { .. }
            | Intent::CancelAll { .. }
            | Intent::Bid { .. }
            | Intent::WakeAt(_) => None,
        };
        intents.iter().filter_map(side).collect()
    }

    #[test]
    fn a_quote_is_taken_when_it_is_off_the_surface_beyond_fee_and_edge() {
        // Worth 19,741 at 50 %; a point of volatility is 387, the fee 30.
        assert_eq!(sides(&woken(&mut desk(19_400, 20_100))), []);
        assert_eq!(sides(&woken(&mut desk(18_000, 19_300))), [Side::Buy]);
        assert_eq!(sides(&woken(&mut desk(20_200, 21_000))), [Side::Sell]);
    }

    #[test]
    fn a_position_is_hedged_to_the_edge_of_the_band() {
        let mut desk = desk(19_400, 20_100);
        desk.on(&Event::Position { instrument: CALL, qty: Qty::ONE }, &mut Vec::new());
        let intents = woken(&mut desk);
        // Delta of the call is 0.599: 0.5 is sold, and 0.1 stays.
        let hedge = intents.iter().find_map(|intent| match *intent {
            Intent::Place { instrument, side, qty, .. } if instrument == PERPETUAL => {
                Some((side, qty))
            }
            Intent::Place { .. }
            | Intent::Cancel { .. }
            | Intent::CancelAll { .. }
            | Intent::Bid { .. }
            | Intent::WakeAt(_) => None,
        });
        assert_eq!(hedge, Some((Side::Sell, "0.5".parse().unwrap())));
    }

    #[test]
    fn an_auction_is_bid_for_once_it_pays_enough() {
        for (bp, bids) in [(999, 0), (1_000, 1)] {
            let mut desk = desk(19_400, 20_100);
            let auction = Event::Auction { account: AccountId(7), pays: Rate::from_bp(bp) };
            desk.on(&auction, &mut Vec::new());
            let sent = woken(&mut desk);
            let count = sent.iter().filter(|intent| matches!(intent, Intent::Bid { .. })).count();
            assert_eq!(count, bids, "{bp}");
        }
    }
}
