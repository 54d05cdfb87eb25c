//! Pools and swaps to measure, the same on every machine and in every engine.

use amm::U256;
use amm::concentrated::{Amount, Owner, Pool, Range, Swap};
use amm::tick::sqrt_price;
use rand_core::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

/// Positions of a pool to measure.
pub const POSITIONS: u64 = 60;
/// Fee of it, 10⁻⁶.
pub const FEE_PIPS: u32 = 3_000;
/// Tick spacing of it.
pub const SPACING: i32 = 60;

/// What distinguishes two streams of swaps: the length of an amount in bits, from and to.
pub struct Sizes {
    /// What it is called.
    pub name: &'static str,
    /// At least so many bits.
    pub from: u32,
    /// Less than so many bits.
    pub to: u32,
}

/// Most swaps stay in their range.
pub const SMALL: Sizes = Sizes { name: "small", from: 40, to: 72 };
/// Most swaps cross ticks.
pub const LARGE: Sizes = Sizes { name: "multi-tick", from: 66, to: 72 };

/// A stream of random numbers.
pub struct Draw(Xoshiro256PlusPlus);

impl Draw {
    /// A stream from its seed.
    pub fn new(seed: u64) -> Self {
        Self(Xoshiro256PlusPlus::seed_from_u64(seed))
    }

    /// Below `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        self.0.next_u64() % end
    }

    /// A number of `from` to below `to` bits, each length alike.
    pub fn bits(&mut self, from: u32, to: u32) -> u128 {
        let bits = from + self.below(u64::from(to - from)) as u32;
        let number = u128::from(self.0.next_u64()) << 64 | u128::from(self.0.next_u64());
        number >> (128 - bits) | 1 << (bits - 1)
    }
}

/// The positions of the pool: from tick, to tick, liquidity.
pub fn positions() -> Vec<(i32, i32, u128)> {
    let mut draw = Draw::new(7);
    let mut positions = vec![(-887_220, 887_220, 1 << 72)];
    while (positions.len() as u64) < POSITIONS {
        let centre = draw.below(60) as i32 - 30;
        let width = 1 + draw.below(40) as i32;
        positions.push(((centre - width) * SPACING, (centre + width) * SPACING, draw.bits(66, 73)));
    }
    positions
}

/// The pool, at tick 0.
pub fn pool() -> Pool {
    let mut pool = Pool::new(FEE_PIPS, SPACING).expect("the terms of a usual pool");
    pool.initialise(sqrt_price(0).expect("a tick")).expect("a price");
    for (at, (lower, upper, liquidity)) in positions().into_iter().enumerate() {
        pool.mint(Owner(at as u64), Range { lower, upper }, liquidity).expect("a usual position");
    }
    pool
}

/// Swaps in both directions, a quarter with the output fixed.
pub fn swaps(sizes: &Sizes, count: usize) -> Vec<Swap> {
    let mut draw = Draw::new(11);
    let mut swaps = Vec::with_capacity(count);
    for _ in 0..count {
        let amount = U256::from(draw.bits(sizes.from, sizes.to));
        let amount = if draw.below(4) == 0 { Amount::Out(amount) } else { Amount::In(amount) };
        swaps.push(Swap::new(draw.below(2) == 0, amount));
    }
    swaps
}
