//! Several sources as one, and one instrument of several.
//!
//! [`Merge`] hands out whole messages in the order of receipt: the source whose next message was
//! received first goes first, of equals the one that was named first. An instrument that several
//! sources list (same name and venue) is one, in the finest unit of all. Memory is one batch of
//! each source.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::{Decoder, Encoder, Event, Header, Listed, Slot, Source};
use crate::error::{Cause, Error, excerpt};
use crate::findings::Finding;

/// Slots of a batch.
const BATCH: usize = 1 << 14;

/// Several sources as one.
pub struct Merge {
    parts: Vec<Part>,
    /// Time of receipt of each part's next event, and the part.
    next: BinaryHeap<Reverse<(u64, usize)>>,
    header: Header,
    encoder: Encoder,
}

struct Part {
    source: Box<dyn Source>,
    name: String,
    slots: Vec<Slot>,
    at: usize,
    decoder: Decoder,
    /// The next event.
    event: Option<Event>,
    /// For each of its instruments, the index in the whole and what a unit of it is there.
    map: Vec<Place>,
}

#[derive(Clone, Copy)]
struct Place {
    index: u16,
    price: i64,
    qty: i64,
}

impl Merge {
    /// Joins sources, each with the name of its file for errors.
    ///
    /// # Errors
    /// What a source refuses, and more instruments than a tape can number.
    pub fn new(sources: Vec<(String, Box<dyn Source>)>) -> Result<Merge, Error> {
        let mut parts = Vec::new();
        for (name, source) in sources {
            let (slots, decoder) = (Vec::new(), Decoder::default());
            let mut part =
                Part { source, name, slots, at: 0, decoder, event: None, map: Vec::new() };
            part.advance()?;
            parts.push(part);
        }
        let mut names: Vec<&str> =
            parts.iter().map(|part| part.source.header().source.as_str()).collect();
        names.dedup();
        let source = names.join(", ");
        let (next, encoder) = (BinaryHeap::new(), Encoder::default());
        let header = Header { source, instruments: Vec::new() };
        let mut merge = Merge { parts, next, header, encoder };
        for part in 0..merge.parts.len() {
            merge.list(part, true)?;
        }
        for part in 0..merge.parts.len() {
            merge.place(part)?;
            merge.queue(part);
        }
        Ok(merge)
    }

    fn queue(&mut self, part: usize) {
        if let Some(event) = &self.parts[part].event {
            self.next.push(Reverse((event.local.nanos(), part)));
        }
    }

    /// Adds the instruments that a part has gained; their units may only be refined before the
    /// first event is out.
    fn list(&mut self, part: usize, refine: bool) -> Result<(), Error> {
        let part = &mut self.parts[part];
        for listed in &part.source.header().instruments[part.map.len()..] {
            let same = |known: &Listed| known.name == listed.name && known.venue == listed.venue;
            let index = match self.header.instruments.iter_mut().find(|known| same(known)) {
                Some(known) if refine => {
                    refined(known, listed);
                    continue;
                }
                Some(_) => continue,
                None => self.header.instruments.len(),
            };
            if u16::try_from(index).is_err() {
                return Err(Cause::TooManyInstruments.of_file(&part.name));
            }
            self.header.instruments.push(listed.clone());
        }
        Ok(())
    }

    /// Finds the places of the instruments that a part has gained.
    fn place(&mut self, part: usize) -> Result<(), Error> {
        let part = &mut self.parts[part];
        for listed in &part.source.header().instruments[part.map.len()..] {
            let same = |known: &Listed| known.name == listed.name && known.venue == listed.venue;
            let index = self.header.instruments.iter().position(same);
            let index = index.expect("it has been listed");
            let known = &self.header.instruments[index];
            let price = times(listed.price_unit.raw(), known.price_unit.raw());
            let qty = times(listed.qty_unit.raw(), known.qty_unit.raw());
            let (Some(price), Some(qty)) = (price, qty) else {
                return Err(Cause::LateUnit(listed.name.clone()).of_file(&part.name));
            };
            let index = u16::try_from(index).expect("their number was checked");
            part.map.push(Place { index, price, qty });
        }
        Ok(())
    }

    /// Hands out messages of one part as long as it is its turn.
    fn take(&mut self, part: usize, slots: &mut Vec<Slot>) -> Result<(), Error> {
        let limit = self.next.peek().map(|Reverse(next)| *next);
        while let Some(event) = self.parts[part].event {
            let moved = self.moved(part, &event)?;
            self.encoder.push(&moved, slots);
            self.parts[part].advance()?;
            let next = self.parts[part].event.map(|event| (event.local.nanos(), part));
            let goes_on = match (next, limit) {
                (Some(next), Some(limit)) => next < limit,
                (Some(_), None) => true,
                (None, _) => false,
            };
            if event.last && (!goes_on || slots.len() >= BATCH) {
                self.queue(part);
                break;
            }
        }
        Ok(())
    }

    /// An event of a part as one of the whole.
    fn moved(&mut self, part: usize, event: &Event) -> Result<Event, Error> {
        let index = usize::from(event.instrument);
        if index >= self.parts[part].map.len() {
            self.list(part, false)?;
            self.place(part)?;
        }
        let Part { map, name, .. } = &self.parts[part];
        let unlisted = "an event is of an instrument that is not listed";
        let place = map.get(index).ok_or_else(|| Cause::BadEvent(unlisted).of_file(name))?;
        let too_large = "an event's value is too large for the unit of the other files";
        scaled(event, *place).ok_or_else(|| Cause::BadEvent(too_large).of_file(name))
    }
}

impl Source for Merge {
    fn header(&self) -> &Header {
        &self.header
    }

    fn fill(&mut self, slots: &mut Vec<Slot>) -> Result<bool, Error> {
        let start = slots.len();
        while let Some(Reverse((_, part))) = self.next.pop() {
            if let Err(error) = self.take(part, slots) {
                self.next.clear();
                return Err(error);
            }
            if slots.len() - start >= BATCH {
                return Ok(true);
            }
        }
        Ok(slots.len() > start)
    }

    fn findings(&self) -> Vec<Finding> {
        self.parts.iter().flat_map(|part| part.source.findings()).collect()
    }
}

impl Part {
    /// Goes to the next event.
    fn advance(&mut self) -> Result<(), Error> {
        loop {
            let mut left = &self.slots[self.at..];
            self.event = self.decoder.next(&mut left);
            self.at = self.slots.len() - left.len();
            if self.event.is_some() {
                return Ok(());
            }
            self.slots.clear();
            self.at = 0;
            if !self.source.fill(&mut self.slots)? {
                return Ok(());
            }
        }
    }
}

/// Makes a listed instrument's units divide those of another listing too.
fn refined(known: &mut Listed, other: &Listed) {
    let price = divisor(known.price_unit.raw(), other.price_unit.raw());
    let qty = divisor(known.qty_unit.raw(), other.qty_unit.raw());
    known.price_unit = money::Price::from_raw(price);
    known.qty_unit = money::Qty::from_raw(qty);
}

/// The greatest common divisor.
fn divisor(mut a: i64, mut b: i64) -> i64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

/// How many of a unit another is.
fn times(unit: i64, of: i64) -> Option<i64> {
    (unit % of == 0).then_some(unit / of)
}

/// An event in other units; values that do not count units stay.
fn scaled(event: &Event, place: Place) -> Option<Event> {
    let instrument = place.index;
    if !event.kind.counts_units() {
        return Some(Event { instrument, ..*event });
    }
    let price = event.price.checked_mul(place.price)?;
    let qty = event.qty.checked_mul(place.qty)?;
    Some(Event { instrument, price, qty, ..*event })
}

/// The events of one instrument.
pub struct Only {
    source: Box<dyn Source>,
    index: usize,
    header: Header,
    batch: Vec<Slot>,
    decoder: Decoder,
    encoder: Encoder,
    /// The last event, until its message is known to end.
    held: Option<Event>,
}

impl Only {
    /// Picks the instrument of a symbol; `file` is the name in errors.
    ///
    /// # Errors
    /// None of its instruments has that name.
    pub fn new(file: &str, source: Box<dyn Source>, symbol: &str) -> Result<Only, Error> {
        let known = &source.header().instruments;
        let Some(index) = known.iter().position(|listed| listed.name == symbol) else {
            let names: Vec<&str> = known.iter().map(|listed| listed.name.as_str()).collect();
            let names = excerpt(&names.join(", "));
            return Err(Cause::NoSuchSymbol(excerpt(symbol), names).of_file(file));
        };
        let instruments = vec![known[index].clone()];
        let header = Header { source: source.header().source.clone(), instruments };
        let (batch, held) = (Vec::new(), None);
        let (decoder, encoder) = (Decoder::default(), Encoder::default());
        Ok(Only { source, index, header, batch, decoder, encoder, held })
    }
}

impl Source for Only {
    fn header(&self) -> &Header {
        &self.header
    }

    fn fill(&mut self, slots: &mut Vec<Slot>) -> Result<bool, Error> {
        let start = slots.len();
        while slots.len() == start {
            self.batch.clear();
            if !self.source.fill(&mut self.batch)? {
                break;
            }
            let mut left = self.batch.as_slice();
            while let Some(event) = self.decoder.next(&mut left) {
                if usize::from(event.instrument) == self.index {
                    let event = Event { instrument: 0, ..event };
                    if let Some(held) = self.held.replace(event) {
                        self.encoder.push(&held, slots);
                    }
                }
                let held = if event.last { self.held.take() } else { None };
                if let Some(held) = held {
                    self.encoder.push(&Event { last: true, ..held }, slots);
                }
            }
        }
        if let Some(held) = self.held.take_if(|_| slots.len() == start) {
            self.encoder.push(&held, slots);
        }
        Ok(slots.len() > start)
    }

    fn findings(&self) -> Vec<Finding> {
        self.source.findings()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
