//! The price levels of both sides: a flat window of ticks around the market, and sorted maps for
//! what lies outside.
//!
//! A *key* is a tick in the order of priority: the tick itself for asks, its complement for bids.
//! So the lowest key is the best on both sides and neither needs a branch. In the window both sides
//! share one array, because an uncrossed book has one side at a tick; a bitmap of two levels for
//! each side, in key order, finds the next occupied level.
//!
//! Moving the window costs time in proportion to the occupied levels. It happens only after as
//! many insertions outside of it as the window held levels at the last move, so it is O(1)
//! amortised, and only when the best price has left the middle half: far orders alone do not pull
//! it away.
//!
//! Invariants: a level is in the array if and only if its tick is in the window; `best` is the
//! lowest key of its side.

use std::collections::BTreeMap;

use crate::ids::Side;

/// No slot.
pub(super) const NIL: u32 = u32::MAX;
/// Above every key: the side is empty.
pub(super) const NO_KEY: u64 = u64::MAX;

/// Ticks in the window.
const WINDOW: usize = 1 << 16;
const WORDS: usize = WINDOW / 64;
const SUMMARY: usize = WORDS / 64;
/// Half of the window, and the largest base.
const HALF: u32 = 1 << 15;
const LAST_BASE: u32 = u32::MAX - 0xFFFF;
/// Insertions outside the window before it may move, at least.
const PATIENCE: u32 = 64;

/// The ends of a level's queue, and the sum of its lots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Level {
    pub(super) head: u32,
    pub(super) tail: u32,
    /// [`Level::MANY`] once the sum did not fit, until the level is empty.
    lots: u64,
}

const EMPTY: Level = Level { head: NIL, tail: NIL, lots: 0 };

impl Level {
    const MANY: u64 = u64::MAX;

    /// The sum of the lots; `None` where only the orders themselves tell.
    #[inline]
    pub(super) fn lots(self) -> Option<u64> {
        (self.lots != Level::MANY).then_some(self.lots)
    }

    #[inline]
    fn add(&mut self, lots: u64) {
        self.lots = self.lots.saturating_add(lots);
    }

    /// Takes lots out that are no longer in the queue.
    #[inline]
    pub(super) fn subtract(&mut self, lots: u64) {
        if self.lots != Level::MANY {
            self.lots -= lots;
        }
    }
}

/// Levels of both sides.
#[derive(Clone)]
pub(super) struct Ladder {
    /// The first tick of the window.
    base: u32,
    window: Box<[Level; WINDOW]>,
    occupied: [Bitmap; 2],
    outside: [BTreeMap<u32, Level>; 2],
    best: [u64; 2],
    /// Insertions outside the window that are still to come before it may move.
    patience: u32,
}

/// All ones for bids, zero for asks.
#[inline]
const fn mask(side: Side) -> u32 {
    (side as u32).wrapping_sub(1)
}

/// The key of a tick.
#[inline]
pub(super) const fn key(side: Side, tick: u32) -> u64 {
    (tick ^ mask(side)) as u64
}

/// The tick of a key.
#[inline]
pub(super) const fn tick(side: Side, key: u64) -> u32 {
    key as u32 ^ mask(side)
}

impl Ladder {
    pub(super) fn new() -> Ladder {
        let window = vec![EMPTY; WINDOW].into_boxed_slice();
        Ladder {
            base: 0,
            window: window.try_into().expect("the vector has the length of the array"),
            occupied: [Bitmap::new(), Bitmap::new()],
            outside: [BTreeMap::new(), BTreeMap::new()],
            best: [NO_KEY; 2],
            patience: PATIENCE,
        }
    }

    /// The best key of a side, or [`NO_KEY`].
    #[inline]
    pub(super) fn best(&self, side: Side) -> u64 {
        self.best[side as usize]
    }

    /// The level at an occupied tick.
    #[inline]
    pub(super) fn level_mut(&mut self, side: Side, tick: u32) -> &mut Level {
        match self.offset(tick) {
            Some(offset) => &mut self.window[offset as usize],
            None => self.outside_mut(side, tick),
        }
    }

    /// Puts a slot with so many lots at the end of a tick's queue and returns the slot before it,
    /// or [`NIL`].
    #[inline]
    pub(super) fn append(&mut self, side: Side, tick: u32, slot: u32, lots: u64) -> u32 {
        let Some(offset) = self.offset(tick) else {
            return self.append_outside(side, tick, slot, lots);
        };
        let level = &mut self.window[offset as usize];
        level.add(lots);
        let before = level.tail;
        level.tail = slot;
        if before == NIL {
            level.head = slot;
            self.occupied[side as usize].set(position(side, offset));
            let best = &mut self.best[side as usize];
            *best = (*best).min(key(side, tick));
        }
        before
    }

    /// Takes away an occupied level.
    #[inline]
    pub(super) fn remove(&mut self, side: Side, tick: u32) {
        if self.best[side as usize] == key(side, tick) {
            return self.remove_best(side);
        }
        match self.offset(tick) {
            Some(offset) => {
                self.window[offset as usize] = EMPTY;
                self.occupied[side as usize].clear(position(side, offset));
            }
            None => {
                self.outside[side as usize].remove(&(key(side, tick) as u32));
            }
        }
    }

    /// Takes away the best level of a side that has one.
    #[inline]
    pub(super) fn remove_best(&mut self, side: Side) {
        let best = self.best[side as usize];
        let inside = match self.offset(tick(side, best)) {
            Some(offset) => {
                self.window[offset as usize] = EMPTY;
                self.occupied[side as usize].clear_first(position(side, offset))
            }
            None => {
                self.outside[side as usize].remove(&(best as u32));
                self.occupied[side as usize].at_or_after(0)
            }
        };
        self.best[side as usize] = self.best_of(side, inside);
    }

    /// Occupied ticks with their levels, best first.
    pub(super) fn levels(&self, side: Side) -> impl Iterator<Item = (u32, Level)> {
        let first = Some(self.best(side)).filter(|key| *key != NO_KEY);
        std::iter::successors(first, move |key| self.key_after(side, *key)).map(move |key| {
            let tick = tick(side, key);
            let level = match self.offset(tick) {
                Some(offset) => self.window[offset as usize],
                None => self.outside[side as usize][&(key as u32)],
            };
            (tick, level)
        })
    }

    /// Puts the middle of the window at a tick, as far as the range of ticks allows.
    #[cold]
    pub(super) fn centre(&mut self, middle: u32) {
        let base = middle.saturating_sub(HALF).min(LAST_BASE);
        self.patience = PATIENCE;
        if base == self.base {
            return;
        }
        for side in [Side::Buy, Side::Sell] {
            self.patience = self.patience.saturating_add(self.move_out(side));
        }
        self.base = base;
        for side in [Side::Buy, Side::Sell] {
            self.move_in(side);
        }
    }

    /// The place of a tick in the window.
    #[inline]
    fn offset(&self, tick: u32) -> Option<u16> {
        u16::try_from(tick.wrapping_sub(self.base)).ok()
    }

    /// The best key, given the best occupied position in the window.
    #[inline]
    fn best_of(&self, side: Side, inside: Option<u16>) -> u64 {
        let inside = inside.map_or(NO_KEY, |place| self.key_at(side, place));
        if self.outside[side as usize].is_empty() {
            return inside;
        }
        let outside = self.outside[side as usize].keys().next();
        inside.min(outside.map_or(NO_KEY, |key| u64::from(*key)))
    }

    #[inline]
    fn key_at(&self, side: Side, place: u16) -> u64 {
        key(side, self.base + u32::from(position(side, place)))
    }

    fn key_after(&self, side: Side, after: u64) -> Option<u64> {
        let place = match self.offset(tick(side, after)) {
            Some(offset) => position(side, offset).checked_add(1),
            None => Some(0).filter(|_| after < self.key_at(side, 0)),
        };
        let inside = place.and_then(|place| self.occupied[side as usize].at_or_after(place));
        let inside = inside.map(|place| self.key_at(side, place));
        if self.outside[side as usize].is_empty() {
            return inside;
        }
        let from = (after as u32).checked_add(1);
        let mut beyond =
            from.into_iter().flat_map(|from| self.outside[side as usize].range(from..));
        let outside = beyond.next().map(|(key, _)| u64::from(*key));
        inside.into_iter().chain(outside).min()
    }

    #[cold]
    #[inline(never)]
    fn outside_mut(&mut self, side: Side, tick: u32) -> &mut Level {
        let level = self.outside[side as usize].get_mut(&(key(side, tick) as u32));
        level.expect("the level of a resting order exists")
    }

    #[cold]
    #[inline(never)]
    fn append_outside(&mut self, side: Side, tick: u32, slot: u32, lots: u64) -> u32 {
        self.patience = self.patience.saturating_sub(1);
        if self.patience == 0 && self.follow_market(side, tick) {
            return self.append(side, tick, slot, lots);
        }
        let key = key(side, tick);
        let level = self.outside[side as usize].entry(key as u32).or_insert(EMPTY);
        level.add(lots);
        let before = level.tail;
        level.tail = slot;
        if before == NIL {
            level.head = slot;
            self.best[side as usize] = self.best[side as usize].min(key);
        }
        before
    }

    /// Moves the window to the best price, if that has left its middle half.
    fn follow_market(&mut self, side: Side, tick: u32) -> bool {
        let best = self.best(side).min(key(side, tick));
        let best = self::tick(side, best);
        let base = self.base;
        if best.abs_diff(base + HALF) > HALF / 2 {
            self.centre(best);
        }
        self.base != base
    }

    /// Moves a side's levels out of the window and returns how many there were.
    fn move_out(&mut self, side: Side) -> u32 {
        let mut count = 0;
        while let Some(place) = self.occupied[side as usize].at_or_after(0) {
            self.occupied[side as usize].clear(place);
            let level = &mut self.window[position(side, place) as usize];
            let level = std::mem::replace(level, EMPTY);
            let key = self.key_at(side, place) as u32;
            self.outside[side as usize].insert(key, level);
            count += 1;
        }
        count
    }

    /// Moves a side's levels that lie in the window into it.
    fn move_in(&mut self, side: Side) {
        let window = self.key_at(side, 0) as u32..=self.key_at(side, u16::MAX) as u32;
        let inside = self.outside[side as usize].range(window);
        let inside: Vec<_> = inside.map(|(key, level)| (*key, *level)).collect();
        for (key, level) in inside {
            self.outside[side as usize].remove(&key);
            let offset =
                self.offset(tick(side, u64::from(key))).expect("the tick is in the window");
            self.window[offset as usize] = level;
            self.occupied[side as usize].set(position(side, offset));
        }
    }
}

/// The place of a window offset in key order, and back.
#[inline]
const fn position(side: Side, offset: u16) -> u16 {
    offset ^ mask(side) as u16
}

/// A set of positions in the window: one bit each, and one bit for each word that is not zero.
#[derive(Clone)]
struct Bitmap {
    words: Box<[u64; WORDS]>,
    summary: [u64; SUMMARY],
}

impl Bitmap {
    fn new() -> Bitmap {
        Bitmap { words: Box::new([0; WORDS]), summary: [0; SUMMARY] }
    }

    #[inline]
    fn set(&mut self, place: u16) {
        let word = place / 64;
        self.words[word as usize] |= 1 << (place % 64);
        self.summary[(word / 64) as usize] |= 1 << (word % 64);
    }

    #[inline]
    fn clear(&mut self, place: u16) {
        let word = place / 64;
        self.words[word as usize] &= !(1 << (place % 64));
        if self.words[word as usize] == 0 {
            self.summary[(word / 64) as usize] &= !(1 << (word % 64));
        }
    }

    /// Takes `place`, the first position of the set, out of it and returns the one after it.
    #[inline]
    fn clear_first(&mut self, place: u16) -> Option<u16> {
        let word = place / 64;
        let bits = &mut self.words[word as usize];
        *bits &= *bits - 1;
        if *bits != 0 {
            return Some(word * 64 + bits.trailing_zeros() as u16);
        }
        self.summary[(word / 64) as usize] &= !(1 << (word % 64));
        self.in_word_after(word)
    }

    /// The first position of the set that is not below `place`.
    #[inline]
    fn at_or_after(&self, place: u16) -> Option<u16> {
        let word = place / 64;
        let bits = self.words[word as usize] & (u64::MAX << (place % 64));
        if bits != 0 {
            return Some(word * 64 + bits.trailing_zeros() as u16);
        }
        self.in_word_after(word)
    }

    #[inline]
    fn in_word_after(&self, word: u16) -> Option<u16> {
        let first = word / 64;
        let mut words = self.summary[first as usize] & ((u64::MAX - 1) << (word % 64));
        let mut group = first;
        while words == 0 {
            group += 1;
            words = *self.summary.get(group as usize)?;
        }
        let word = group * 64 + words.trailing_zeros() as u16;
        Some(word * 64 + self.words[word as usize].trailing_zeros() as u16)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn full(first: u32, count: u32) -> Ladder {
        let mut ladder = Ladder::new();
        ladder.centre(first);
        for slot in 0..count {
            assert_eq!(ladder.append(Side::Sell, first + slot, slot, 1), NIL);
        }
        ladder
    }

    fn ticks(ladder: &Ladder, side: Side) -> Vec<u32> {
        ladder.levels(side).map(|(tick, _)| tick).collect()
    }

    #[test]
    fn window_follows_the_market_and_keeps_every_level() {
        let mut ladder = full(1_000_000, 10);
        for tick in 1_000_000..1_000_010 {
            ladder.remove(Side::Sell, tick);
        }
        for slot in 0..PATIENCE {
            ladder.append(Side::Sell, 2_000_000 + slot, slot, 1);
        }
        assert_eq!(ladder.base, 2_000_000 - HALF);
        assert!(ladder.outside.iter().all(BTreeMap::is_empty));
        assert_eq!(
            ticks(&ladder, Side::Sell),
            (2_000_000..2_000_000 + PATIENCE).collect::<Vec<_>>()
        );
        ladder.centre(1);
        assert_eq!(ladder.outside[Side::Sell as usize].len(), PATIENCE as usize);
        assert_eq!(ladder.best(Side::Sell), 2_000_000);
        assert_eq!(
            ticks(&ladder, Side::Sell),
            (2_000_000..2_000_000 + PATIENCE).collect::<Vec<_>>()
        );
    }

    #[test]
    fn far_orders_do_not_pull_the_window_away() {
        let mut ladder = full(1_000_000, 1);
        for slot in 0..10 * PATIENCE {
            ladder.append(Side::Sell, 3_000_000 + slot, slot, 1);
        }
        assert_eq!(ladder.base, 1_000_000 - HALF);
        assert_eq!(ladder.best(Side::Sell), 1_000_000);
    }

    #[test]
    fn move_waits_for_as_many_insertions_as_it_carried_levels() {
        let mut ladder = full(1_000_000, 500);
        ladder.centre(5_000_000);
        assert_eq!(ladder.patience, PATIENCE + 500);
        ladder.centre(5_000_000);
        assert_eq!(ladder.patience, PATIENCE);
    }

    #[test]
    fn bitmap_finds_the_next_position_across_words_and_groups() {
        let places = [0_u16, 1, 63, 64, 4_095, 4_096, 20_000, 65_535];
        let mut bitmap = Bitmap::new();
        places.iter().for_each(|place| bitmap.set(*place));
        for from in 0..=u16::MAX {
            let expected = places.iter().find(|place| **place >= from).copied();
            assert_eq!(bitmap.at_or_after(from), expected);
        }
        let mut taken = bitmap.clone();
        for (place, after) in places.iter().zip(&places[1..]) {
            assert_eq!(taken.clear_first(*place), Some(*after));
        }
        assert_eq!(taken.clear_first(65_535), None);
        places.iter().for_each(|place| bitmap.clear(*place));
        assert_eq!(bitmap.at_or_after(0), None);
        assert_eq!(taken.summary, bitmap.summary);
        assert!(bitmap.summary.iter().all(|words| *words == 0));
    }
}
