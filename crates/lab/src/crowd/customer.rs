//! Customers of options: they buy and sell at random, hold to expiry, and flee into puts.
//!
//! Once a period each draws whether an order comes, from a Poisson law whose rate grows with the
//! fall x of the last hour, `λ·e^(panic·x)`, x in percent. A share `1 − e^(−panic·x)` of the orders
//! buys puts; the others lean as told. A customer takes the best quote of a random series of its
//! kind within the bounds of delta, unless that is too far from the surface.

use std::collections::VecDeque;

use desk::chain::{Chain, ChainListing};
use desk::leg::{BadConfig, Leg, Pen, Want};
use desk::strategy::{Event, Instrument, Intent, Listing, Strategy};
use money::{Qty, Round, Span, Time};
use pricing::convert::{hours, price_f64, qty};
use protocol::ids::{OptionKind, Side};

use crate::random::Stream;

/// A customer's habits.
#[derive(Clone, Debug, PartialEq)]
pub struct CustomerConfig {
    /// The perpetual whose price it watches.
    pub watched: Instrument,
    /// Mean number of orders an hour.
    pub orders_per_hour: f64,
    /// Median notional, in quote.
    pub size_median: f64,
    /// Standard deviation of the logarithm of the size.
    pub size_sigma: f64,
    /// The probability of a put is (1 + bias)/2.
    pub put_bias: f64,
    /// The probability of a buy is (1 + bias)/2.
    pub buy_bias: f64,
    /// What a fall of one percent in an hour adds to the logarithm of the rate.
    pub panic: f64,
    /// How far from the surface it trades, in volatility.
    pub slippage: f64,
    /// Largest |position| in one series.
    pub position_max: Qty,
    /// Least and largest |delta|.
    pub delta: (f64, f64),
    /// Nothing is traded so close to expiry.
    pub closed_before: Span,
    /// Time between looks.
    pub period: Span,
}

/// A customer.
#[derive(Debug)]
pub struct Customer {
    config: CustomerConfig,
    chain: Chain,
    watched: Leg,
    stream: Stream,
    /// Prices of the last hour.
    past: VecDeque<(Time, f64)>,
    last_order: u64,
    awake: bool,
}

/// How long an order may go unheard of.
const PATIENCE: Span = Span::from_secs(30);

impl Customer {
    /// A customer with its own stream of randomness.
    pub fn new(
        config: CustomerConfig,
        chain: ChainListing,
        watched: &Listing,
        stream: Stream,
    ) -> Result<Customer, BadConfig> {
        Ok(Customer {
            chain: Chain::new(chain, 1)?,
            watched: Leg::new(config.watched, watched, 0)?,
            config,
            stream,
            past: VecDeque::new(),
            last_order: 0,
            awake: false,
        })
    }

    /// The fall of the last hour, in percent, zero after a rise.
    fn fall(&mut self, now: Time) -> f64 {
        let Some(mid) = self.watched.mid() else { return 0.0 };
        while self.past.front().is_some_and(|(time, _)| now.since(*time) > Span::HOUR) {
            self.past.pop_front();
        }
        self.past.push_back((now, mid));
        let before = self.past.front().map_or(mid, |(_, price)| *price);
        (100.0 * (1.0 - mid / before)).max(0.0)
    }

    fn look(&mut self, now: Time, intents: &mut Vec<Intent>) {
        self.chain.expire(now);
        let mut pen = Pen { intents, last: &mut self.last_order, now };
        self.chain.follow_up(PATIENCE, &mut pen);
        let panic = self.config.panic * self.fall(now);
        let rate = self.config.orders_per_hour * libm::exp(panic.min(PANIC_MAX));
        let mean = rate * hours(self.config.period);
        if self.stream.chance(-libm::expm1(-mean)) {
            let flees = self.stream.chance(-libm::expm1(-panic));
            let puts = self.stream.chance(0.5 + 0.5 * self.config.put_bias);
            let buys = self.stream.chance(0.5 + 0.5 * self.config.buy_bias);
            let kind = if flees || puts { OptionKind::Put } else { OptionKind::Call };
            let side = if flees || buys { Side::Buy } else { Side::Sell };
            let size = self.stream.lognormal(self.config.size_median, self.config.size_sigma);
            let _nothing_to_trade = self.trade(kind, side, size, (now, intents));
        }
    }

    fn trade(
        &mut self,
        kind: OptionKind,
        side: Side,
        size: f64,
        (now, intents): (Time, &mut Vec<Intent>),
    ) -> Option<()> {
        let closed = now.after(self.config.closed_before);
        let (least, most) = self.config.delta;
        let open: Vec<usize> = (0..self.chain.series().len())
            .filter(|at| {
                let series = &self.chain.series()[*at];
                let value = self.chain.value(&series.contract, now);
                let delta = value.map_or(f64::NAN, |value| value.delta.abs());
                series.contract.kind == kind
                    && series.contract.expiry > closed
                    && least <= delta
                    && delta <= most
            })
            .collect();
        let at = *open.get(self.stream.below(open.len() as u64) as usize)?;
        let value = self.chain.value(&self.chain.series()[at].contract, now)?;
        let underlying = self.watched.mid()?;
        let leg = &mut self.chain.series_mut()[at].leg;
        let best = leg.against(side)?.price;
        let sign = side.sign() as f64;
        let limit = value.price + sign * self.config.slippage * value.vega;
        if sign * (limit - price_f64(best)) < 0.0 || !leg.is_free(0) {
            return None;
        }
        let room = leg.room(side, 0, Qty::ZERO, self.config.position_max);
        let qty = leg.in_lots(qty(size / underlying, Round::Down)?.min(room));
        let want = Want { side, price: best, qty, beside: Qty::ZERO };
        let mut pen = Pen { intents, last: &mut self.last_order, now };
        leg.take(0, want, &mut pen);
        Some(())
    }
}

/// The logarithm of the rate grows by this at most.
const PANIC_MAX: f64 = 4.0;

impl Strategy for Customer {
    fn on(&mut self, event: &Event, intents: &mut Vec<Intent>) {
        self.chain.hear(event);
        self.watched.hear(event);
        let Event::Wake { now } = *event else { return };
        let mut wait = self.config.period;
        if self.awake {
            self.look(now, intents);
        } else {
            // Customers do not look in step.
            wait = self.stream.wait(self.config.period);
        }
        self.awake = true;
        intents.push(Intent::WakeAt(now.after(wait)));
    }
}
