//! One source read once, seen twice: by the exchange at its own times and by the desk later.
//!
//! A window holds the slots between the slower and the faster of two cursors, in the batches that
//! the source gave; a batch that both have passed is filled again. So memory is bounded by what
//! travels, not by the length of the tape. A source has one order for both views: an event's time
//! in a view is never before that of the event ahead of it.

use std::collections::VecDeque;

use feed::tape::{Decoder, Event, Header, Slot, Source};

/// The slots of a source that are still to be seen by somebody.
pub struct Window {
    source: Box<dyn Source>,
    batches: VecDeque<Vec<Slot>>,
    /// Number of the first batch held.
    first: u64,
    spare: Vec<Vec<Slot>>,
    ended: bool,
}

/// A place in a window, and the time of the event there.
#[derive(Clone, Debug, Default)]
pub struct Cursor {
    batch: u64,
    at: usize,
    decoder: Decoder,
    /// Time of the last event seen.
    time: u64,
    /// Time in this view of the next event, if it was asked for.
    due: Option<u64>,
    seen: u64,
}

impl Window {
    /// Over a source at its start.
    pub fn new(source: Box<dyn Source>) -> Window {
        Window { source, batches: VecDeque::new(), first: 0, spare: Vec::new(), ended: false }
    }

    /// Reads the first batch: some sources learn of their instruments with it.
    ///
    /// # Errors
    /// What the source says.
    pub fn open(&mut self) -> Result<(), feed::Error> {
        self.load(&mut Cursor::default()).map(|_| ())
    }

    /// What the source says of its instruments.
    pub fn header(&self) -> &Header {
        self.source.header()
    }

    /// How many slots are held.
    pub fn held(&self) -> usize {
        self.batches.iter().map(Vec::len).sum()
    }

    /// Forgets what both cursors have passed.
    pub fn release(&mut self, one: &Cursor, other: &Cursor) {
        while self.first < one.batch.min(other.batch) {
            let Some(mut batch) = self.batches.pop_front() else { return };
            batch.clear();
            self.spare.push(batch);
            self.first += 1;
        }
    }

    /// Makes sure that the cursor's batch is there; false at the end of the source.
    #[cold]
    fn load(&mut self, cursor: &mut Cursor) -> Result<bool, feed::Error> {
        loop {
            let held = usize::try_from(cursor.batch - self.first).expect("batches fit memory");
            match self.batches.get(held) {
                Some(batch) if cursor.at < batch.len() => return Ok(true),
                Some(_) => (cursor.batch, cursor.at) = (cursor.batch + 1, 0),
                None if self.ended => return Ok(false),
                None => {
                    let mut batch = self.spare.pop().unwrap_or_default();
                    self.ended = !self.source.fill(&mut batch)?;
                    self.batches.push_back(batch);
                }
            }
        }
    }

    /// The slots of the cursor's batch that it has not seen.
    fn rest(&self, cursor: &Cursor) -> &[Slot] {
        let held = usize::try_from(cursor.batch - self.first).expect("batches fit memory");
        self.batches.get(held).and_then(|batch| batch.get(cursor.at..)).unwrap_or(&[])
    }
}

impl Cursor {
    /// How many events it has seen.
    pub fn seen(&self) -> u64 {
        self.seen
    }

    /// Time of the last event seen.
    pub fn time(&self) -> u64 {
        self.time
    }

    /// Time of the next event if it was asked for: a view that was stopped by the time knows it.
    pub fn due(&self) -> Option<u64> {
        self.due
    }

    /// Time in this view of the next event; `None` at the end.
    ///
    /// `arrival` tells when an event is seen in this view; what it says before the time of the
    /// event ahead is that time. It is asked once for each event.
    ///
    /// # Errors
    /// What the source says.
    pub fn peek(
        &mut self,
        window: &mut Window,
        arrival: &mut impl FnMut(&Event) -> u64,
    ) -> Result<Option<u64>, feed::Error> {
        while self.due.is_none() {
            let mut left = window.rest(self);
            match self.decoder.next(&mut left) {
                Some(event) => self.due = Some(arrival(&event).max(self.time)),
                None => {
                    assert!(left.is_empty(), "a source gives whole events of known kinds");
                    if !window.load(self)? {
                        break;
                    }
                }
            }
        }
        Ok(self.due)
    }

    /// Shows the events up to and at a time, in order, until one is answered with true; whether
    /// one was.
    ///
    /// # Errors
    /// What the source says.
    #[inline]
    pub fn advance(
        &mut self,
        window: &mut Window,
        until: u64,
        mut arrival: impl FnMut(&Event) -> u64,
        mut see: impl FnMut(&Event, u64) -> bool,
    ) -> Result<bool, feed::Error> {
        loop {
            let slots = window.rest(self);
            let (mut left, mut due, mut stopped) = (slots, self.due.take(), None);
            loop {
                let mut rest = left;
                let Some(event) = self.decoder.next(&mut rest) else { break };
                let time = match due.take() {
                    Some(time) => time,
                    None => arrival(&event).max(self.time),
                };
                if time > until {
                    self.due = Some(time);
                    stopped = Some(false);
                    break;
                }
                left = rest;
                (self.time, self.seen) = (time, self.seen + 1);
                if see(&event, time) {
                    stopped = Some(true);
                    break;
                }
            }
            self.at += slots.len() - left.len();
            match stopped {
                Some(stopped) => return Ok(stopped),
                None => {
                    assert!(left.is_empty(), "a source gives whole events of known kinds");
                    if !window.load(self)? {
                        return Ok(false);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use feed::tape::{Encoder, Kind};
    use money::Time;
    use proptest::prelude::*;

    /// Gives slots in batches of the sizes told, whole events each.
    struct Batches {
        header: Header,
        batches: VecDeque<Vec<Slot>>,
    }

    impl Source for Batches {
        fn header(&self) -> &Header {
            &self.header
        }
        fn fill(&mut self, slots: &mut Vec<Slot>) -> Result<bool, feed::Error> {
            slots.extend(self.batches.pop_front().unwrap_or_default());
            Ok(!self.batches.is_empty())
        }
    }

    fn event(exchange: u64, local: u64, id: u64) -> Event {
        Event {
            exchange: Time::from_nanos(exchange),
            local: Time::from_nanos(local),
            instrument: 0,
            kind: Kind::Trade,
            side: None,
            last: true,
            snapshot: false,
            price: 1,
            qty: 1,
            id,
        }
    }

    proptest! {
        #[test]
        fn both_views_see_every_event_once_in_order_at_rising_times(
            rows in prop::collection::vec((0u64..1_000, 0u64..300, 0u64..3), 1..200),
            sizes in prop::collection::vec(0usize..20, 1..60),
            steps in prop::collection::vec(0u64..200, 1..60),
        ) {
            let rows = rows.iter().map(|&(time, delay, id)| event(time, time + delay, id));
            let rows: Vec<Event> = rows.collect();
            let (mut encoder, mut left) = (Encoder::default(), rows.as_slice());
            let mut batches = VecDeque::new();
            let mut sizes = sizes.iter().cycle();
            while !left.is_empty() {
                let (now, rest) = left.split_at(left.len().min(*sizes.next().unwrap() + 1));
                let mut slots = Vec::new();
                now.iter().for_each(|event| encoder.push(event, &mut slots));
                batches.push_back(slots);
                left = rest;
            }
            let mut window = Window::new(Box::new(Batches { header: Header::default(), batches }));
            let (mut near, mut far) = (Cursor::default(), Cursor::default());
            let (mut seen_near, mut seen_far) = (Vec::new(), Vec::new());
            let mut now = 0;
            for step in steps.iter().copied().chain([2_000]) {
                now += step;
                near.advance(&mut window, now, |e| e.exchange.nanos(), |e, time| {
                    seen_near.push((*e, time));
                    e.id == 0
                }).unwrap();
                far.advance(&mut window, now, |e| e.local.nanos(), |e, time| {
                    seen_far.push((*e, time));
                    false
                }).unwrap();
                window.release(&near, &far);
            }
            while near.advance(&mut window, 9_999, |e| e.exchange.nanos(), |e, time| {
                seen_near.push((*e, time));
                true
            }).unwrap() {}
            for (seen, at) in [(&seen_near, 0), (&seen_far, 1)] {
                let events: Vec<Event> = seen.iter().map(|(event, _)| *event).collect();
                prop_assert_eq!(&events, &rows);
                let mut last = 0;
                for (event, time) in seen {
                    last = last.max([event.exchange, event.local][at].nanos());
                    prop_assert_eq!(*time, last);
                }
            }
            prop_assert_eq!((near.seen(), far.seen()), (rows.len() as u64, rows.len() as u64));
            window.release(&near, &far);
            prop_assert!(window.batches.len() <= 1);
        }
    }
}
