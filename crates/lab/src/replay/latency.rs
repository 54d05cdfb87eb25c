//! How long news and orders travel between an exchange and a strategy, and what outages do to them.
//!
//! Three roads, each with a model of its own: the feed's (exchange to strategy), the order's
//! (strategy to exchange) and the answer's (exchange to strategy):
//!
//! * constant: `sent + span`;
//! * recorded: `sent + max(floor, factor · (d + shift))`, d what the tape recorded between the
//!   venue's clock and the recorder's, `shift` what their clocks differ by. An order uses the d of
//!   the last event, which is what is known of the venue's load when it is sent;
//! * measured: interpolated between the rows of a table of own orders ([`Measured`]);
//! * sampled: `sent + base + jitter + k·resend`, k geometric with the probability of loss.
//!
//! Always: nothing overtakes on one road, so arrivals never go back in time, and nothing arrives
//! before it was sent. Only the notice of a refusal travels alone: no book was reached, so it
//! neither waits for the answers of one nor holds them up.

mod measured;

pub use measured::{Fault, Measured};

use money::{Span, Time};

use crate::random::{Seed, Stream};

/// The delay of one road.
#[derive(Clone, Debug, PartialEq)]
pub enum Delay {
    /// Always the same.
    Constant(Span),
    /// What the tape recorded.
    Recorded(Recorded),
    /// Interpolated from own orders that were timed.
    Measured(Measured),
    /// Drawn.
    Sampled(Sampled),
}

/// A delay that follows the recorded one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Recorded {
    /// Added to each recorded delay, in nanoseconds: what the recorder's clock is behind.
    pub shift: i64,
    /// What the shifted delay is multiplied by, at least 0: 1 for the feed itself.
    pub factor: f64,
    /// Least delay, whatever was recorded.
    pub floor: Span,
}

/// A delay that is drawn anew for each message.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sampled {
    /// Least time on the road.
    pub base: Span,
    /// What is added to it.
    pub jitter: Jitter,
    /// Probability that a message is lost and sent again, in [0, 1).
    pub loss: f64,
    /// Time until a lost message is sent again.
    pub resend: Span,
}

/// The random part of a sampled delay.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Jitter {
    /// Exponential with this mean; zero for none.
    Exponential(Span),
    /// Log-normal.
    Lognormal {
        /// Median.
        median: Span,
        /// Standard deviation of the logarithm, at least 0.
        sigma: f64,
    },
}

/// A time during which the exchange or the way to it fails: from `from` until before `to`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outage {
    /// When it begins, on the exchange's clock.
    pub from: Time,
    /// When it has ended.
    pub to: Time,
    /// What happens to news of that time.
    pub feed: FeedOutage,
    /// What happens to orders that reach the exchange in that time.
    pub orders: OrderOutage,
}

/// What an outage does to the feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FeedOutage {
    /// Nothing.
    None,
    /// It is silent, and all of it leaves at the end.
    Late,
    /// What happens is never told.
    Lost,
}

/// What an outage does to orders and cancels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderOutage {
    /// Nothing.
    None,
    /// They wait and are met at its end.
    Held,
    /// The exchange refuses them.
    Refused,
}

/// Where a message to the exchange ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passage {
    /// It reaches the exchange then.
    Arrives(Time),
    /// It is refused; the strategy hears that then.
    Refused(Time),
}

/// The delays of one venue.
#[derive(Clone, Debug, PartialEq)]
pub struct LatencyParams {
    /// Exchange to strategy: market data.
    pub feed: Delay,
    /// Strategy to exchange: orders and cancels.
    pub order: Delay,
    /// Exchange to strategy: answers to orders.
    pub answer: Delay,
    /// Outages in the order of time, not overlapping.
    pub outages: Vec<Outage>,
}

/// The roads between one venue and the strategy.
#[derive(Clone, Debug)]
pub struct Latency {
    feed: Road,
    order: Road,
    answer: Road,
    outages: Vec<Outage>,
    /// What the tape recorded of the last event, nanoseconds.
    recorded: i64,
}

impl Latency {
    /// Idle roads; `venue` numbers their random streams.
    ///
    /// # Errors
    /// A parameter outside its range, or outages that overlap or go back.
    pub fn new(params: &LatencyParams, seed: Seed, venue: u64) -> Result<Latency, Fault> {
        check_outages(&params.outages)?;
        let road = |delay: &Delay, name: &'static str| {
            check_delay(delay, name)?;
            Ok(Road { delay: delay.clone(), last: Time::ZERO, stream: seed.stream(name, venue) })
        };
        if let Delay::Measured(_) = params.feed {
            return Err(Fault::Measured);
        }
        Ok(Latency {
            feed: road(&params.feed, "latency feed")?,
            order: road(&params.order, "latency order")?,
            answer: road(&params.answer, "latency answer")?,
            outages: params.outages.clone(),
            recorded: 0,
        })
    }

    /// The delay of all news, if it is one that nothing else depends on: there is no outage, and no
    /// road follows what the tape recorded.
    pub fn constant_feed(&self) -> Option<Span> {
        let follows = |road: &Road| matches!(road.delay, Delay::Recorded(_));
        match self.feed.delay {
            Delay::Constant(span) if self.outages.is_empty() => {
                (!follows(&self.order) && !follows(&self.answer)).then_some(span)
            }
            Delay::Constant(_) | Delay::Recorded(_) | Delay::Measured(_) | Delay::Sampled(_) => {
                None
            }
        }
    }

    /// When the strategy hears of an event of `exchange`, `recorded` nanoseconds of delay being on
    /// the tape; `None` when an outage loses it.
    #[inline]
    pub fn receipt(&mut self, exchange: Time, recorded: i64) -> Option<Time> {
        let departure = if self.outages.is_empty() { exchange } else { self.departure(exchange)? };
        Some(self.feed.arrival(departure, recorded))
    }

    /// Takes note of what the tape recorded of an event that has now been received.
    #[inline]
    pub fn received(&mut self, recorded: i64) {
        self.recorded = recorded;
    }

    /// Where an order or a cancel that is sent now ends.
    #[inline]
    pub fn passage(&mut self, sent: Time) -> Passage {
        let passage = match &mut self.order.delay {
            Delay::Measured(measured) => match measured.order(sent) {
                Ok(delay) => Passage::Arrives(self.order.keep(sent.after(delay))),
                Err(told) => Passage::Refused(sent.after(told)),
            },
            Delay::Constant(_) | Delay::Recorded(_) | Delay::Sampled(_) => {
                Passage::Arrives(self.order.arrival(sent, self.recorded))
            }
        };
        if self.outages.is_empty() { passage } else { self.admitted(passage) }
    }

    /// When the strategy hears an answer that the exchange gives now.
    #[inline]
    pub fn answered(&mut self, made: Time) -> Time {
        self.answer.arrival(made, self.recorded)
    }

    /// When news of `now` leaves the exchange.
    fn departure(&self, now: Time) -> Option<Time> {
        let mut departure = now;
        while let Some(outage) = self.outage(departure) {
            match outage.feed {
                FeedOutage::None => break,
                FeedOutage::Late => departure = outage.to,
                FeedOutage::Lost => return None,
            }
        }
        Some(departure)
    }

    /// What outages make of a passage.
    fn admitted(&mut self, passage: Passage) -> Passage {
        let Passage::Arrives(mut at) = passage else { return passage };
        while let Some(outage) = self.outage(at).copied() {
            match outage.orders {
                OrderOutage::None => break,
                OrderOutage::Held => at = self.order.keep(outage.to),
                OrderOutage::Refused => {
                    return Passage::Refused(at.after(self.answer.delay(at, self.recorded)));
                }
            }
        }
        Passage::Arrives(at)
    }

    fn outage(&self, now: Time) -> Option<&Outage> {
        let after = self.outages.partition_point(|outage| outage.to <= now);
        self.outages.get(after).filter(|outage| outage.from <= now)
    }
}

/// One directed road with its state.
#[derive(Clone, Debug)]
struct Road {
    delay: Delay,
    /// The latest arrival, behind which all others queue.
    last: Time,
    stream: Stream,
}

impl Road {
    /// When a message sent now arrives.
    #[inline]
    fn arrival(&mut self, sent: Time, recorded: i64) -> Time {
        let delay = self.delay(sent, recorded);
        self.keep(sent.after(delay))
    }

    /// How long a message sent now would be under way alone.
    #[inline]
    fn delay(&mut self, sent: Time, recorded: i64) -> Span {
        match &mut self.delay {
            Delay::Constant(span) => *span,
            Delay::Recorded(follow) => follow.delay(recorded),
            Delay::Measured(measured) => measured.answer(sent),
            Delay::Sampled(sampled) => sampled.delay(&mut self.stream),
        }
    }

    /// The arrival or, if that is later, the arrival before.
    #[inline]
    fn keep(&mut self, arrival: Time) -> Time {
        self.last = self.last.max(arrival);
        self.last
    }
}

impl Recorded {
    #[inline]
    fn delay(&self, recorded: i64) -> Span {
        let shifted = recorded.saturating_add(self.shift);
        let scaled =
            if self.factor == 1.0 { shifted } else { (shifted as f64 * self.factor) as i64 };
        Span::from_nanos(u64::try_from(scaled).unwrap_or(0).min(DELAY_MAX)).max(self.floor)
    }
}

impl Sampled {
    #[inline(never)]
    fn delay(&self, stream: &mut Stream) -> Span {
        let jitter = match self.jitter {
            Jitter::Exponential(Span::ZERO) => 0.0,
            Jitter::Exponential(mean) => stream.exponential(mean.nanos() as f64),
            Jitter::Lognormal { median, sigma } => stream.lognormal(median.nanos() as f64, sigma),
        };
        let mut resends = 0;
        while self.loss > 0.0 && resends < RESENDS_MAX && stream.chance(self.loss) {
            resends += 1;
        }
        let jitter = Span::from_nanos((jitter as u64).min(DELAY_MAX));
        self.base.plus(jitter).plus(self.resend.times(resends))
    }
}

/// A message gets through after so many losses, whatever the probability.
const RESENDS_MAX: u64 = 100;
/// No single message is on the road for longer: a day, in nanoseconds.
const DELAY_MAX: u64 = Span::DAY.nanos();

fn check_delay(delay: &Delay, road: &'static str) -> Result<(), Fault> {
    let span = |span: Span| span.nanos() <= DELAY_MAX;
    let sound = match delay {
        Delay::Constant(delay) => span(*delay),
        Delay::Recorded(follow) => {
            span(follow.floor) && follow.factor.is_finite() && follow.factor >= 0.0
        }
        Delay::Measured(_) => true,
        Delay::Sampled(sampled) => {
            let jitter = match sampled.jitter {
                Jitter::Exponential(mean) => span(mean),
                Jitter::Lognormal { median, sigma } => {
                    span(median) && sigma.is_finite() && sigma >= 0.0
                }
            };
            let loss = sampled.loss >= 0.0 && sampled.loss < 1.0;
            jitter && loss && span(sampled.base) && span(sampled.resend)
        }
    };
    if sound { Ok(()) } else { Err(Fault::Delay(road)) }
}

fn check_outages(outages: &[Outage]) -> Result<(), Fault> {
    let mut end = Time::ZERO;
    for (index, outage) in outages.iter().enumerate() {
        if outage.from >= outage.to || outage.from < end {
            return Err(Fault::Outage(index + 1));
        }
        end = outage.to;
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
