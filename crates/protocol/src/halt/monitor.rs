//! Price monitoring: whether a price is too far from what it was a horizon ago.
//!
//! Rule A-4: for each trigger (horizon h, largest move x) a price p breaks it if
//! |p − r| > r·x, exactly, where r is the price at the start of the horizon: of samples taken every
//! h/16 the newest that is at least h old, or the oldest while none is. Source: price monitoring
//! in the specifications of Vega, with a move in place of its quantile.
//!
//! At most 18 samples are kept for each trigger.

use std::collections::VecDeque;

pub use crate::params::Trigger;
use borsh::{BorshDeserialize, BorshSerialize};
use money::{Price, Rate, Span, Time};

/// Samples in one horizon.
const SAMPLES: u64 = 16;

/// Reference prices of one market, for each of its triggers.
#[derive(Clone, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Monitor {
    tracks: Vec<VecDeque<(Time, Price)>>,
}

impl Monitor {
    /// Takes in the mark of a block; the same triggers each time.
    pub fn observe(&mut self, now: Time, price: Price, triggers: &[Trigger]) {
        self.tracks.resize_with(triggers.len(), VecDeque::new);
        for (track, trigger) in self.tracks.iter_mut().zip(triggers) {
            let spacing = Span::from_nanos(trigger.horizon.nanos() / SAMPLES);
            if track.back().is_none_or(|last| now.since(last.0) >= spacing) {
                track.push_back((now, price));
            }
            while track.get(1).is_some_and(|second| now.since(second.0) >= trigger.horizon) {
                track.pop_front();
            }
        }
    }

    /// Forgets the past: after an auction its price is the reference of every trigger, so the same
    /// move does not stop the market twice.
    pub fn restart(&mut self, now: Time, price: Price) {
        for track in &mut self.tracks {
            track.clear();
            track.push_back((now, price));
        }
    }

    /// The trigger with the longest auction that trading, or marking, at this price breaks.
    pub fn breach(&self, price: Price, triggers: &[Trigger]) -> Option<Trigger> {
        let broken = self.tracks.iter().zip(triggers).filter(|(track, trigger)| {
            track.front().is_some_and(|start| is_beyond(price, start.1, trigger.move_max))
        });
        broken.map(|(_, trigger)| *trigger).max_by_key(|trigger| trigger.auction)
    }
}

/// |price − reference| > reference·move, multiplied out.
fn is_beyond(price: Price, reference: Price, move_max: Rate) -> bool {
    let distance = i128::from(price.raw()) - i128::from(reference.raw());
    distance.abs() * i128::from(Rate::ONE.raw())
        > i128::from(reference.raw()) * i128::from(move_max.raw())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn price(raw: i64) -> Price {
        Price::from_raw(raw)
    }

    fn trigger(horizon_s: u64, bp: i64, auction_s: u64) -> Trigger {
        Trigger {
            horizon: Span::from_secs(horizon_s),
            move_max: Rate::from_bp(bp),
            auction: Span::from_secs(auction_s),
        }
    }

    fn at(seconds: u64) -> Time {
        Time::ZERO.after(Span::from_secs(seconds))
    }

    #[test]
    fn a_4_a_move_breaks_its_bound_by_one_unit_and_not_at_it() {
        let triggers = [trigger(60, 500, 60), trigger(3600, 1000, 300)];
        let mut monitor = Monitor::default();
        assert_eq!(monitor.breach(price(1), &triggers), None);
        monitor.observe(at(0), price(20_000), &triggers);
        let auction = |raw| monitor.breach(price(raw), &triggers).map(|broken| broken.auction);
        let (minute, five) = (Some(Span::MINUTE), Some(Span::MINUTE.times(5)));
        let table = [(21_000, None), (21_001, minute), (19_000, None), (18_999, minute)];
        for (raw, expected) in table.into_iter().chain([(22_001, five), (17_999, five)]) {
            assert_eq!(auction(raw), expected, "at {raw}");
        }
    }

    #[test]
    fn a_4_a_slow_move_breaks_only_the_long_horizon() {
        let triggers = [trigger(60, 500, 60), trigger(3600, 1000, 300)];
        let mut monitor = Monitor::default();
        let mut broken = Vec::new();
        for second in 0..3600u32 {
            // 12 % in an hour: 0.2 % in a minute.
            let now = price(100_000 + i64::from(second) * 12_000 / 3600);
            monitor.observe(at(u64::from(second)), now, &triggers);
            broken.extend(monitor.breach(now, &triggers));
        }
        assert!(!broken.is_empty() && broken.iter().all(|trigger| *trigger == triggers[1]));
        monitor.restart(at(3600), price(112_000));
        assert_eq!(monitor.breach(price(112_000), &triggers), None);
    }

    proptest! {
        #[test]
        fn a_4_the_reference_is_the_price_at_the_start_of_the_horizon(
            blocks in prop::collection::vec((1u64..8, 1i64..1000), 1..300)
        ) {
            let triggers = [trigger(80, 500, 60)]; // a sample every 5 s
            let (mut monitor, mut now, mut all) = (Monitor::default(), 0, Vec::new());
            for (gap, raw) in blocks {
                now += gap;
                monitor.observe(at(now), price(raw), &triggers);
                all.push((at(now), price(raw)));
                let track = &monitor.tracks[0];
                let (time, reference) = track[0];
                prop_assert!(all.contains(&(time, reference)) && track.len() <= 18);
                let age = at(now).since(time);
                // Spacing, and a block of at most 7 s before each of two samples.
                prop_assert!(age <= Span::from_secs(80 + 5 + 7 + 7));
                prop_assert!(time == all[0].0 || age >= Span::from_secs(80));
                let second = track.get(1).map(|second| at(now).since(second.0));
                prop_assert!(second.is_none_or(|age| age < Span::from_secs(80)));
            }
        }
    }
}
