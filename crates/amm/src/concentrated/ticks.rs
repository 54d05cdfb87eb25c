//! The initialised ticks of a pool in order, and where a step must stop.
//!
//! A step stops at the next initialised tick, and at the border of a word of the contract's bitmap
//! of 256 multiples of the spacing, initialised or not: amounts are rounded at each stop, so the
//! stops are part of the result. Each entry keeps its √price.

use ruint::aliases::U256;

use crate::tick::{self, sqrt_price_within};

/// One initialised tick.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// The tick.
    pub tick: i32,
    /// √price · 2⁹⁶ of the tick.
    pub sqrt: U256,
    /// Liquidity of all positions that begin or end here.
    pub gross: u128,
    /// What a rise through the tick adds to the liquidity.
    pub net: i128,
}

/// Entries, and beside each the fee growth on the side of the tick where the price is not.
#[derive(Debug, Clone, Default)]
pub(super) struct Ticks {
    pub entries: Vec<Entry>,
    pub outside: Vec<[U256; 2]>,
}

impl Ticks {
    /// The place of a tick, or where it would be.
    pub fn find(&self, tick: i32) -> Result<usize, usize> {
        self.entries.binary_search_by_key(&tick, |entry| entry.tick)
    }

    /// How many entries are at or below a tick.
    pub fn below(&self, tick: i32) -> usize {
        self.entries.partition_point(|entry| entry.tick <= tick)
    }

    pub fn insert(&mut self, place: usize, tick: i32, outside: [U256; 2]) {
        let entry = Entry { tick, sqrt: sqrt_price_within(tick), gross: 0, net: 0 };
        self.entries.insert(place, entry);
        self.outside.insert(place, outside);
    }

    pub fn remove(&mut self, place: usize) {
        self.entries.remove(place);
        self.outside.remove(place);
    }

    /// Where a fall from `tick` stops; `below` is what [`Self::below`] says of it.
    pub fn border_down(&self, tick: i32, below: usize, spacing: i32) -> Border {
        let base = tick.div_euclid(spacing) & !255;
        let next = self.entries.get(below).map_or(i32::MAX, |entry| entry.tick);
        let end = next.min((base + 256) * spacing);
        match below.checked_sub(1).map(|place| self.entries[place]) {
            Some(entry) if entry.tick >= base * spacing => Border::of(entry, entry.tick, end),
            Some(_) | None => {
                let stop = (base * spacing).max(tick::MIN);
                Border::bare(stop, stop, end)
            }
        }
    }

    /// Where a rise from `tick` stops; `below` is what [`Self::below`] says of it.
    pub fn border_up(&self, tick: i32, below: usize, spacing: i32) -> Border {
        let after = tick.div_euclid(spacing) + 1;
        let last = (after | 255) * spacing;
        let previous = below.checked_sub(1).map_or(i32::MIN, |place| self.entries[place].tick);
        let begin = previous.max(((after & !255) - 1) * spacing);
        match self.entries.get(below) {
            Some(entry) if entry.tick <= last => Border::of(*entry, begin, entry.tick),
            Some(_) | None => {
                let stop = last.min(tick::MAX);
                Border::bare(stop, begin, stop)
            }
        }
    }
}

/// Where the step from any tick of `begin..end` stops, in one direction.
#[derive(Debug, Clone, Copy)]
pub(super) struct Border {
    pub tick: i32,
    pub sqrt: U256,
    pub initialised: bool,
    begin: i32,
    end: i32,
}

impl Border {
    /// A border of no tick.
    pub const UNKNOWN: Self =
        Self { tick: 0, sqrt: U256::ZERO, initialised: false, begin: 0, end: 0 };

    pub fn serves(&self, tick: i32) -> bool {
        (self.begin..self.end).contains(&tick)
    }

    fn of(entry: Entry, begin: i32, end: i32) -> Self {
        Self { tick: entry.tick, sqrt: entry.sqrt, initialised: true, begin, end }
    }

    fn bare(tick: i32, begin: i32, end: i32) -> Self {
        Self { tick, sqrt: sqrt_price_within(tick), initialised: false, begin, end }
    }
}
