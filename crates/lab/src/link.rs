//! The road of a message: a base latency, exponential jitter, loss that costs a resend, outages.
//!
//! `arrival = departure + base + Exp(jitter) + k·resend`, k geometric with the probability of loss;
//! a message sent during an outage departs when it ends. With `fifo` nothing overtakes on one link
//! (one TCP connection): a message arrives no earlier than the one before it.

use money::{Span, Time};

use crate::random::Stream;

/// How a link behaves.
#[derive(Clone, Debug, PartialEq)]
pub struct LinkParams {
    /// Least time on the road.
    pub latency: Span,
    /// Mean of the exponential time added to it.
    pub jitter: Span,
    /// Probability that a message is lost and sent again, in [0, 1).
    pub loss: f64,
    /// Time until a lost message is sent again.
    pub resend: Span,
    /// Whether messages keep their order.
    pub fifo: bool,
    /// Times (from, to) at which nothing departs.
    pub outages: Vec<(Time, Time)>,
}

/// One directed link with its state.
#[derive(Clone, Debug)]
pub struct Link {
    params: LinkParams,
    last: Time,
}

impl Link {
    /// An idle link.
    pub fn new(params: LinkParams) -> Link {
        Link { params, last: Time::ZERO }
    }

    /// When a message sent now arrives.
    #[inline]
    pub fn arrival(&mut self, now: Time, stream: &mut Stream) -> Time {
        let mut arrival = self.departure(now).after(self.params.latency);
        if self.params.jitter > Span::ZERO {
            let jitter = stream.exponential(self.params.jitter.nanos() as f64);
            arrival = arrival.after(Span::from_nanos(jitter as u64));
        }
        let mut resends = 0;
        while self.params.loss > 0.0 && resends < RESENDS_MAX && stream.chance(self.params.loss) {
            arrival = arrival.after(self.params.resend);
            resends += 1;
        }
        if self.params.fifo {
            arrival = arrival.max(self.last);
            self.last = arrival;
        }
        arrival
    }

    /// How long a message sent now is on the road.
    pub fn delay(&mut self, now: Time, stream: &mut Stream) -> Span {
        self.arrival(now, stream).since(now)
    }

    /// Now, or the end of the outages that hold now.
    fn departure(&self, now: Time) -> Time {
        let mut departure = now;
        for &(from, to) in &self.params.outages {
            if from <= departure && departure < to {
                departure = to;
            }
        }
        departure
    }
}

/// A message gets through after so many losses, whatever the probability.
const RESENDS_MAX: u32 = 100;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Seed;

    fn params() -> LinkParams {
        LinkParams {
            latency: Span::from_millis(10),
            jitter: Span::from_millis(5),
            loss: 0.0,
            resend: Span::from_millis(200),
            fifo: false,
            outages: vec![],
        }
    }

    fn delays(params: LinkParams) -> Vec<f64> {
        let (mut link, mut stream) = (Link::new(params), Seed(1).stream("link", 0));
        let at = |number: u64| Time::from_nanos(number * 1_000_000);
        (0..50_000).map(|number| link.delay(at(number), &mut stream).nanos() as f64 / 1e6).collect()
    }

    fn mean(values: &[f64]) -> f64 {
        values.iter().sum::<f64>() / values.len() as f64
    }

    #[test]
    fn the_mean_delay_is_latency_jitter_and_expected_resends() {
        let plain = delays(params());
        assert!(plain.iter().all(|&delay| delay >= 10.0));
        assert!((mean(&plain) - 15.0).abs() < 0.1, "{}", mean(&plain));
        let lossy = delays(LinkParams { loss: 0.2, ..params() });
        assert!((mean(&lossy) - 65.0).abs() < 1.5, "{}", mean(&lossy));
    }

    #[test]
    fn a_link_without_jitter_is_constant_and_draws_nothing() {
        let (mut link, mut stream) =
            (Link::new(LinkParams { jitter: Span::ZERO, ..params() }), Seed(1).stream("link", 0));
        assert_eq!(link.delay(Time::ZERO, &mut stream), Span::from_millis(10));
        assert_eq!(stream.bits(), Seed(1).stream("link", 0).bits());
    }

    #[test]
    fn nothing_overtakes_on_a_fifo_link_only() {
        let overtakes = |fifo| {
            let lossy = LinkParams { fifo, loss: 0.1, ..params() };
            let (mut link, mut stream) = (Link::new(lossy), Seed(2).stream("link", 0));
            let arrivals: Vec<Time> = (0..1_000)
                .map(|number| link.arrival(Time::from_nanos(number * 1_000_000), &mut stream))
                .collect();
            arrivals.windows(2).filter(|two| two[1] < two[0]).count()
        };
        assert_eq!(overtakes(true), 0);
        assert!(overtakes(false) > 50);
    }

    #[test]
    fn an_outage_holds_messages_until_its_end() {
        let at = |millis: u64| Time::from_nanos(millis * 1_000_000);
        let outages = vec![(at(100), at(200)), (at(200), at(250))];
        let mut link = Link::new(LinkParams { jitter: Span::ZERO, outages, ..params() });
        let mut stream = Seed(1).stream("link", 0);
        let seen = [99, 100, 199, 249, 250].map(|millis| link.arrival(at(millis), &mut stream));
        assert_eq!(seen, [at(109), at(260), at(260), at(260), at(260)]);
    }
}
