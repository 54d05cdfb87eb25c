//! The crowd: traders who do not look at funding. Noise traders follow the arrival law of a Poisson
//! process and drift towards a target position (a tunable long bias); momentum traders follow the
//! last hour. Both size their positions by the equity that the venue states, so a loss makes them
//! smaller.

pub mod customer;

use desk::leg::{BadConfig, Leg, Pen, Want};
use desk::strategy::{Event, Instrument, Intent, Listing, Strategy};
use money::{Price, Qty, Round, Span, Time};
use pricing::convert::{amount_f64, price_f64, qty, qty_f64};
use protocol::ids::Side;

use crate::random::Stream;

/// How long an order may go unheard of.
const PATIENCE: Span = Span::from_secs(30);

/// An agent that is switched off: it has an account and does nothing, so that everybody else has
/// the same account and the same randomness as when it trades.
#[derive(Debug)]
pub struct Idle;

impl Strategy for Idle {
    fn on(&mut self, _event: &Event, _intents: &mut Vec<Intent>) {}
}

/// A noise trader's habits.
#[derive(Clone, Debug, PartialEq)]
pub struct NoiseConfig {
    /// The perpetual that it trades.
    pub instrument: Instrument,
    /// Mean number of orders an hour.
    pub orders_per_hour: f64,
    /// Median size of an order, in quote.
    pub size_median: f64,
    /// Standard deviation of the logarithm of the size.
    pub size_sigma: f64,
    /// The probability of a buy at the target is (1 + bias)/2.
    pub long_bias: f64,
    /// Position in quote that orders tend to; none: they tend nowhere.
    pub target: Option<f64>,
    /// Largest position over equity.
    pub leverage: f64,
    /// How far through the best quote it buys or sells, as a share of the price.
    pub slippage: f64,
}

/// A noise trader.
#[derive(Debug)]
pub struct Noise {
    config: NoiseConfig,
    leg: Leg,
    stream: Stream,
    equity: f64,
    last_order: u64,
    awake: bool,
}

impl Noise {
    /// A trader with its own stream of randomness.
    pub fn new(config: NoiseConfig, listing: &Listing, stream: Stream) -> Result<Noise, BadConfig> {
        let leg = Leg::new(config.instrument, listing, 1)?;
        Ok(Noise { config, leg, stream, equity: 0.0, last_order: 0, awake: false })
    }

    /// Buys or sells a random size; the side leans with the bias, and towards the target in
    /// proportion to the distance.
    fn trade(&mut self, now: Time, intents: &mut Vec<Intent>) -> Option<()> {
        let mid = self.leg.mid()?;
        let limit = self.equity.max(0.0) * self.config.leverage;
        let position = qty_f64(self.leg.position()) * mid;
        let pull = self.config.target.map_or(0.0, |target| (target - position) / limit.max(1.0));
        let lean = (0.5 + 0.5 * (self.config.long_bias + pull)).clamp(0.0, 1.0);
        let side = if self.stream.chance(lean) { Side::Buy } else { Side::Sell };
        let size = self.stream.lognormal(self.config.size_median, self.config.size_sigma);
        let room = limit - position * side.sign() as f64;
        let want = marketable(&self.leg, side, size.min(room), self.config.slippage)?;
        let mut pen = Pen { intents, last: &mut self.last_order, now };
        self.leg.take(0, want, &mut pen);
        Some(())
    }
}

impl Strategy for Noise {
    fn on(&mut self, event: &Event, intents: &mut Vec<Intent>) {
        self.leg.hear(event);
        match *event {
            Event::Equity { equity } => self.equity = amount_f64(equity),
            Event::Wake { now } => {
                if self.awake {
                    let mut pen = Pen { intents, last: &mut self.last_order, now };
                    self.leg.follow_up(PATIENCE, &mut pen);
                    let _nothing_to_trade = self.trade(now, intents);
                }
                self.awake = true;
                let wait = self.stream.wait_hourly(self.config.orders_per_hour);
                intents.extend(wait.map(|wait| Intent::WakeAt(now.after(wait))));
            }
            Event::Quote { .. }
            | Event::Trade { .. }
            | Event::Funding { .. }
            | Event::Rested { .. }
            | Event::Fill { .. }
            | Event::Gone { .. }
            | Event::Position { .. }
            | Event::Series { .. }
            | Event::Surface(_)
            | Event::Auction { .. } => {}
        }
    }
}

/// A momentum trader's habits.
#[derive(Clone, Debug, PartialEq)]
pub struct MomentumConfig {
    /// The perpetual that it trades.
    pub instrument: Instrument,
    /// How far it looks back.
    pub lookback: Span,
    /// Return over that time at which it acts, as a share of the price.
    pub threshold: f64,
    /// Size of an order, in quote.
    pub size: f64,
    /// Largest position, in quote.
    pub position_max: f64,
    /// Largest position over equity.
    pub leverage: f64,
    /// How far through the best quote it buys or sells, as a share of the price.
    pub slippage: f64,
    /// Time between looks.
    pub period: Span,
}

/// A momentum trader: long after a rise, short after a fall, flat in between.
#[derive(Debug)]
pub struct Momentum {
    config: MomentumConfig,
    leg: Leg,
    /// Prices of the last looks, oldest at `at`.
    past: Vec<f64>,
    at: usize,
    equity: f64,
    last_order: u64,
    /// Wait before the first look, so that traders do not act in step.
    offset: Span,
    awake: bool,
}

impl Momentum {
    /// A trader with its own stream of randomness.
    pub fn new(
        config: MomentumConfig,
        listing: &Listing,
        mut stream: Stream,
    ) -> Result<Momentum, BadConfig> {
        let leg = Leg::new(config.instrument, listing, 1)?;
        let looks = config.lookback.nanos() / config.period.nanos().max(1);
        let past = vec![f64::NAN; (looks as usize).clamp(1, 100_000)];
        let offset = stream.wait(config.period);
        Ok(Momentum { config, leg, past, at: 0, equity: 0.0, last_order: 0, offset, awake: false })
    }

    fn look(&mut self, now: Time, intents: &mut Vec<Intent>) -> Option<()> {
        let mid = self.leg.mid()?;
        let before = std::mem::replace(&mut self.past[self.at], mid);
        self.at = (self.at + 1) % self.past.len();
        let change = mid / before - 1.0;
        if change.is_nan() {
            return None;
        }
        let limit = self.equity.max(0.0) * self.config.leverage;
        let limit = limit.min(self.config.position_max);
        let target = if change > self.config.threshold {
            limit
        } else if change < -self.config.threshold {
            -limit
        } else {
            0.0
        };
        let distance = target - qty_f64(self.leg.position()) * mid;
        let side = if distance > 0.0 { Side::Buy } else { Side::Sell };
        let size = distance.abs().min(self.config.size);
        let want = marketable(&self.leg, side, size, self.config.slippage)?;
        let mut pen = Pen { intents, last: &mut self.last_order, now };
        self.leg.take(0, want, &mut pen);
        Some(())
    }
}

impl Strategy for Momentum {
    fn on(&mut self, event: &Event, intents: &mut Vec<Intent>) {
        self.leg.hear(event);
        match *event {
            Event::Equity { equity } => self.equity = amount_f64(equity),
            Event::Wake { now } => {
                let mut wait = self.config.period;
                if self.awake {
                    let mut pen = Pen { intents, last: &mut self.last_order, now };
                    self.leg.follow_up(PATIENCE, &mut pen);
                    let _nothing_to_trade = self.look(now, intents);
                } else {
                    wait = self.offset;
                }
                self.awake = true;
                intents.push(Intent::WakeAt(now.after(wait)));
            }
            Event::Quote { .. }
            | Event::Trade { .. }
            | Event::Funding { .. }
            | Event::Rested { .. }
            | Event::Fill { .. }
            | Event::Gone { .. }
            | Event::Position { .. }
            | Event::Series { .. }
            | Event::Surface(_)
            | Event::Auction { .. } => {}
        }
    }
}

/// An order for `size` of quote that goes `slippage` through the best quote; `None` when there is
/// no quote, less than a lot to trade, or an order still out.
fn marketable(leg: &Leg, side: Side, size: f64, slippage: f64) -> Option<Want> {
    let best: Price = leg.against(side)?.price;
    let limit = price_f64(best) * (1.0 + slippage * side.sign() as f64);
    let qty: Qty = leg.in_lots(qty(size / price_f64(best), Round::Down)?);
    let price = leg.on_tick(side, limit)?;
    (leg.is_free(0) && qty.is_positive()).then_some(Want { side, price, qty, beside: Qty::ZERO })
}
