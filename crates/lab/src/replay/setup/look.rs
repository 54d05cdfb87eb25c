//! A look at the beginning of a tape: its instruments, their first prices, whose clock it is by.
//!
//! The first price of an instrument is that of the first trade, best price, bar, mark or index, or
//! the middle of the levels of the first message that has both sides.

use feed::tape::{Decoder, Event, Kind, Side, Source};
use money::Price;

use super::market::Opened;

/// Batches that are read at most.
const BATCHES: usize = 64;

/// What is known of an instrument so far.
#[derive(Clone, Copy, Debug, Default)]
struct Known {
    price: Option<i64>,
    bid: Option<i64>,
    ask: Option<i64>,
    /// Of a pool.
    tick: Option<i32>,
}

/// Reads until every instrument has a price.
///
/// # Errors
/// What the source refuses.
pub fn look(source: &mut dyn Source) -> Result<Opened, feed::Error> {
    let mut known = vec![Known::default(); source.header().instruments.len()];
    let (mut slots, mut decoder) = (Vec::new(), Decoder::default());
    let (mut has_receipts, mut delay_min) = (false, i64::MAX);
    for _ in 0..BATCHES {
        slots.clear();
        let more = source.fill(&mut slots)?;
        known.resize(source.header().instruments.len(), Known::default());
        let mut left = slots.as_slice();
        while let Some(event) = decoder.next(&mut left) {
            has_receipts |= event.local != event.exchange;
            let delay = event.local.nanos().wrapping_sub(event.exchange.nanos()).cast_signed();
            // A snapshot may have no time of its own, but that of the message after it.
            if !event.snapshot && event.kind != Kind::Clear {
                delay_min = delay_min.min(delay);
            }
            known[usize::from(event.instrument)].hear(&event);
        }
        if !more || known.iter().all(|known| known.price.is_some() || known.tick.is_some()) {
            break;
        }
    }
    let header = source.header().clone();
    let price = |(known, listed): (&Known, &feed::tape::Listed)| {
        let units = known.price?.checked_mul(listed.price_unit.raw())?;
        (units > 0).then_some(Price::from_raw(units))
    };
    let first = known.iter().zip(&header.instruments).map(price).collect();
    let ticks = known.iter().map(|known| known.tick).collect();
    Ok(Opened { header, first, ticks, delay_min: has_receipts.then_some(delay_min) })
}

impl Known {
    fn hear(&mut self, event: &Event) {
        if self.price.is_some() {
            return;
        }
        match event.kind {
            Kind::Trade
            | Kind::Best
            | Kind::Open
            | Kind::High
            | Kind::Low
            | Kind::Close
            | Kind::Mark
            | Kind::Index => self.price = (event.price > 0).then_some(event.price),
            Kind::PoolTick => self.tick = i32::try_from(event.price).ok(),
            Kind::Level | Kind::Add if event.qty > 0 => match event.side {
                Some(Side::Buy) => {
                    self.bid = Some(self.bid.map_or(event.price, |bid| bid.max(event.price)));
                }
                Some(Side::Sell) => {
                    self.ask = Some(self.ask.map_or(event.price, |ask| ask.min(event.price)));
                }
                None => {}
            },
            Kind::Level
            | Kind::Add
            | Kind::Base
            | Kind::Clear
            | Kind::Change
            | Kind::Remove
            | Kind::Execute
            | Kind::Funding
            | Kind::Predicted
            | Kind::OpenInterest
            | Kind::Forced
            | Kind::Volatility
            | Kind::PoolLiquidity
            | Kind::PoolIn0
            | Kind::PoolIn1 => {}
        }
        if let (true, Some(bid), Some(ask)) = (event.last, self.bid, self.ask) {
            self.price = Some(bid.midpoint(ask));
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use feed::tape::{Encoder, Header, Listed, Slot};
    use money::Time;

    struct Few(Header, Vec<Slot>);

    impl Source for Few {
        fn header(&self) -> &Header {
            &self.0
        }

        fn fill(&mut self, slots: &mut Vec<Slot>) -> Result<bool, feed::Error> {
            slots.append(&mut self.1);
            Ok(false)
        }
    }

    /// The first price of a tape of (kind, side, price, last), and the smallest time on the road.
    fn seen(
        events: &[(Kind, Option<Side>, i64, bool)],
        delay: u64,
    ) -> (Option<String>, Option<i64>) {
        let (mut encoder, mut slots) = (Encoder::default(), Vec::new());
        for (at, &(kind, side, price, last)) in (0u64..).zip(events) {
            let exchange = Time::from_nanos(1_700_000_000_000_000_000 + at);
            let local = Time::from_nanos(exchange.nanos() + delay);
            let (instrument, snapshot, qty, id) = (0, false, 5, 0);
            let event =
                Event { exchange, local, instrument, kind, side, last, snapshot, price, qty, id };
            encoder.push(&event, &mut slots);
        }
        let listed = Listed {
            name: "BTC".into(),
            venue: String::new(),
            price_unit: "0.5".parse().unwrap(),
            qty_unit: "1".parse().unwrap(),
        };
        let header = Header { source: String::new(), instruments: vec![listed] };
        let opened = look(&mut Few(header, slots)).unwrap();
        (opened.first[0].map(|price| price.to_string()), opened.delay_min)
    }

    #[test]
    fn a_snapshot_gives_the_middle_of_its_best_levels() {
        let book = [
            (Kind::Level, Some(Side::Buy), 90, false),
            (Kind::Level, Some(Side::Buy), 98, false),
            (Kind::Level, Some(Side::Sell), 102, false),
            (Kind::Level, Some(Side::Sell), 150, true),
        ];
        assert_eq!(seen(&book, 0), (Some("50".into()), None));
        assert_eq!(seen(&book[..3], 0).0, None, "the message has not ended");
    }

    #[test]
    fn a_trade_gives_its_price_and_funding_none() {
        let events = [(Kind::Funding, None, 7, true), (Kind::Trade, Some(Side::Buy), 120, true)];
        assert_eq!(seen(&events, 9), (Some("60".into()), Some(9)));
        assert_eq!(seen(&events[..1], 9), (None, Some(9)));
        assert_eq!(seen(&[], 0), (None, None));
    }
}
