//! One side of the book: quantities by key, where the best price has the greatest key.
//!
//! Keys round the best lie in a window of blocks of 64 levels with a bit for each level that is
//! there, and a summary with a bit for each block that is not empty; all others lie in a tree.
//! When keys near the best keep missing the window, it moves or grows, up to 2¹⁸ levels (2 MiB),
//! so no price can make it take more; prices that are far from the best cost a tree's search.
//!
//! Invariant: a key is in the window or in the tree, never in both, and never with quantity zero;
//! `best` is a key that is there, or [`NONE`]. Keys above it may be there: see the ladder.

use std::collections::BTreeMap;
use std::mem;

/// No key; a level at it, or at the greatest number, is not kept.
pub(super) const NONE: i64 = i64::MIN;

/// Levels in a block.
const WIDTH: i64 = 64;
/// Blocks in the first window.
const BLOCKS_MIN: usize = 64;
/// Blocks in the widest window.
const BLOCKS_MAX: usize = 4_096;

/// 64 neighbouring levels.
#[derive(Clone, Debug)]
struct Block {
    /// Which of them are there.
    present: u64,
    qty: [i64; WIDTH as usize],
}

/// Levels of one side.
#[derive(Clone, Debug)]
pub(super) struct Half {
    /// The best key in sight, or [`NONE`].
    pub(super) best: i64,
    /// Key of the window's first level, a multiple of 64.
    base: i64,
    blocks: Vec<Block>,
    /// A bit for each block that is not empty.
    summary: [u64; BLOCKS_MAX / 64],
    far: BTreeMap<i64, i64>,
    /// Accesses near the best that missed the window since it was placed.
    strayed: usize,
}

impl Half {
    pub(super) fn new() -> Half {
        Half {
            best: NONE,
            base: 0,
            blocks: Vec::new(),
            summary: [0; BLOCKS_MAX / 64],
            far: BTreeMap::new(),
            strayed: 0,
        }
    }

    /// Sets a level (zero removes it) and tells what was there. `best` is the caller's business.
    #[inline(always)]
    pub(super) fn put(&mut self, key: i64, qty: i64) -> i64 {
        let at = key.wrapping_sub(self.base).cast_unsigned();
        let Some(block) = self.blocks.get_mut((at / WIDTH as u64) as usize) else {
            return self.put_far(key, qty);
        };
        let bit = 1 << (at % WIDTH as u64);
        let before = mem::replace(&mut block.qty[(at % WIDTH as u64) as usize], qty);
        block.present = if qty > 0 { block.present | bit } else { block.present & !bit };
        let (word, bit) = summary_place((at / WIDTH as u64) as usize);
        let words = &mut self.summary[word];
        *words = if block.present != 0 { *words | bit } else { *words & !bit };
        before
    }

    /// Quantity at a key.
    #[inline]
    pub(super) fn at(&self, key: i64) -> i64 {
        let at = key.wrapping_sub(self.base).cast_unsigned();
        match self.blocks.get((at / WIDTH as u64) as usize) {
            Some(block) => block.qty[(at % WIDTH as u64) as usize],
            None => self.far.get(&key).copied().unwrap_or(0),
        }
    }

    /// The greatest key below `limit` that is there, or [`NONE`].
    #[inline]
    pub(super) fn below(&self, limit: i64) -> i64 {
        let near = self.below_in_window(limit);
        if self.far.is_empty() {
            return near;
        }
        self.far.range(..limit).next_back().map_or(near, |(&key, _)| key.max(near))
    }

    /// Empties it; the window stays where it is.
    pub(super) fn clear(&mut self) {
        for (word, bits) in self.summary.iter_mut().enumerate() {
            while *bits != 0 {
                let block = &mut self.blocks[word * 64 + bits.trailing_zeros() as usize];
                block.present = 0;
                block.qty.fill(0);
                *bits &= *bits - 1;
            }
        }
        self.far.clear();
        self.best = NONE;
    }

    fn below_in_window(&self, limit: i64) -> i64 {
        let reach = limit.saturating_sub(self.base).clamp(0, self.blocks.len() as i64 * WIDTH);
        let (block, within) = ((reach / WIDTH) as usize, reach % WIDTH);
        if let Some(found) = self.blocks.get(block) {
            let bits = found.present & ((1 << within) - 1);
            if bits != 0 {
                return self.key(block, bits);
            }
        }
        let (mut word, bit) = summary_place(block);
        let mut bits = self.summary.get(word).map_or(0, |word| word & (bit - 1));
        while bits == 0 {
            let Some(before) = word.checked_sub(1) else { return NONE };
            word = before;
            bits = self.summary[word];
        }
        let block = word * 64 + bits.ilog2() as usize;
        self.key(block, self.blocks[block].present)
    }

    /// The key of the highest bit of a block.
    fn key(&self, block: usize, bits: u64) -> i64 {
        self.base + block as i64 * WIDTH + i64::from(bits.ilog2())
    }

    #[cold]
    fn put_far(&mut self, key: i64, qty: i64) -> i64 {
        if key == NONE || key == i64::MAX {
            return 0;
        }
        let before = if qty > 0 { self.far.insert(key, qty) } else { self.far.remove(&key) };
        let heart = if self.best == NONE { key } else { self.best };
        if key.abs_diff(heart) < (BLOCKS_MAX / 4 * 3) as u64 * WIDTH as u64 {
            self.strayed += 1;
            if self.strayed > WIDTH as usize + 8 * self.blocks.len() {
                self.place_window(heart);
            }
        }
        before.unwrap_or(0)
    }

    /// Puts the window round a key, a quarter above it and three below; wider if it stood there.
    fn place_window(&mut self, heart: i64) {
        self.strayed = 0;
        let reach = self.blocks.len() as i64 * WIDTH;
        let moved = self.base_round(heart, reach).abs_diff(self.base);
        let blocks = if reach > 0 && moved > reach.cast_unsigned() / 8 {
            self.blocks.len()
        } else {
            (self.blocks.len() * 4).clamp(BLOCKS_MIN, BLOCKS_MAX)
        };
        if blocks == self.blocks.len() && moved == 0 {
            return;
        }
        self.empty_window();
        self.blocks.resize(blocks, Block { present: 0, qty: [0; WIDTH as usize] });
        let reach = blocks as i64 * WIDTH;
        self.base = self.base_round(heart, reach);
        let mut near = self.far.split_off(&self.base);
        self.far.append(&mut near.split_off(&(self.base + reach)));
        for (key, qty) in near {
            self.put(key, qty);
        }
    }

    fn base_round(&self, heart: i64, reach: i64) -> i64 {
        let first = heart.saturating_sub(reach / 4 * 3);
        first.clamp(NONE + WIDTH, i64::MAX - reach) & !(WIDTH - 1)
    }

    fn empty_window(&mut self) {
        for (number, block) in self.blocks.iter_mut().enumerate() {
            while block.present != 0 {
                let level = block.present.trailing_zeros() as usize;
                let key = self.base + number as i64 * WIDTH + level as i64;
                self.far.insert(key, mem::take(&mut block.qty[level]));
                block.present &= block.present - 1;
            }
        }
        self.summary.fill(0);
    }
}

/// Word and bit of a block in the summary.
#[inline]
const fn summary_place(block: usize) -> (usize, u64) {
    (block / 64, 1 << (block % 64))
}

#[cfg(test)]
impl Half {
    pub(super) fn window_levels(&self) -> usize {
        self.blocks.len() * WIDTH as usize
    }
}
