//! Concentrated liquidity: a pool that computes what a Uniswap v3 pool does, to the last unit
//! ("Uniswap v3 Core", 2021, section 6).
//!
//! Between two ticks the pool is a constant product of virtual reserves L/√P and L·√P. A position
//! adds liquidity between two ticks; fees are counted per unit of liquidity (`fee_growth`, at
//! 2⁻¹²⁸, wrapping) and each tick keeps the growth on its far side, so that the growth inside a
//! range is a difference.
//!
//! Always: the liquidity in range is the sum of the positions that hold the tick; the net liquidity
//! of all ticks sums to zero; the balances cover all that positions and the protocol are owed. A
//! call is checked before it writes, so a refused call changes nothing. Not here: flash loans and
//! the oracle of past prices, which move no price.

mod ticks;
mod swap;
mod position;

use std::collections::BTreeMap;

use ruint::aliases::U256;

use crate::refusal::Refusal;
use crate::step::{PIPS, Step};
use crate::tick;
use crate::wide::mul_div;

pub use position::{Owner, Position, Range};
pub use swap::{Amount, Swap, Swapped};
pub use ticks::Entry;
use ticks::{Border, Ticks};

/// A pool of two tokens.
///
/// ```
/// use amm::U256;
/// use amm::concentrated::{Amount, Owner, Pool, Range, Swap};
///
/// let mut pool = Pool::new(3_000, 60)?;
/// pool.initialise(amm::tick::sqrt_price(0).expect("a tick of the range"))?;
/// pool.mint(Owner(1), Range { lower: -600, upper: 600 }, 1_000_000_000)?;
/// let done = pool.swap(&Swap::new(true, Amount::In(U256::from(1_000_000))))?;
/// assert_eq!(done.received, U256::from(996_006));
/// # Ok::<(), amm::Refusal>(())
/// ```
#[derive(Debug, Clone)]
pub struct Pool {
    step: Step,
    fee_pips: u32,
    spacing: i32,
    tick_liquidity_max: u128,
    /// Zero until the pool is initialised.
    sqrt_price: U256,
    tick: i32,
    liquidity: u128,
    /// Entries of `ticks` at or below `tick`.
    below: usize,
    fee_growth: [U256; 2],
    /// One part in so many of the fee of each token is the protocol's; 0 for none.
    fee_protocol: [u8; 2],
    protocol_fees: [u128; 2],
    balances: [U256; 2],
    ticks: Ticks,
    positions: BTreeMap<(Owner, Range), Position>,
    /// The last border used in each direction, down and up.
    borders: [Border; 2],
    /// Kept for its memory.
    crossed: Vec<(usize, U256)>,
}

impl Pool {
    /// A pool without a price, with the step of v3. The fee is in 10⁻⁶ of the input, below one; the
    /// spacing of usable ticks is 1 to 16383.
    ///
    /// # Errors
    /// `Terms` outside these ranges.
    pub fn new(fee_pips: u32, spacing: i32) -> Result<Self, Refusal> {
        Self::with_step(fee_pips, spacing, Step::V3)
    }

    /// As [`Self::new`], with the step and the limit of liquidity at a tick of either version.
    ///
    /// # Errors
    /// `Terms` outside the ranges.
    pub fn with_step(fee_pips: u32, spacing: i32, step: Step) -> Result<Self, Refusal> {
        if fee_pips >= PIPS || !(1..16_384).contains(&spacing) {
            return Err(Refusal::Terms);
        }
        Ok(Self {
            step,
            fee_pips,
            spacing,
            tick_liquidity_max: tick_liquidity_max(spacing, step),
            sqrt_price: U256::ZERO,
            tick: 0,
            liquidity: 0,
            below: 0,
            fee_growth: [U256::ZERO; 2],
            fee_protocol: [0; 2],
            protocol_fees: [0; 2],
            balances: [U256::ZERO; 2],
            ticks: Ticks::default(),
            positions: BTreeMap::new(),
            borders: [Border::UNKNOWN; 2],
            crossed: Vec::new(),
        })
    }

    /// Gives the pool its first √price · 2⁹⁶.
    ///
    /// # Errors
    /// `PriceIsSet`, or `PriceOutOfRange`.
    pub fn initialise(&mut self, sqrt_price: U256) -> Result<(), Refusal> {
        if !self.sqrt_price.is_zero() {
            return Err(Refusal::PriceIsSet);
        }
        self.tick = tick::at(sqrt_price)?;
        self.sqrt_price = sqrt_price;
        Ok(())
    }

    /// Swaps.
    ///
    /// # Errors
    /// `SwapOfZero`, `AmountTooLarge`, `PriceIsUnset` or `PriceLimit`.
    pub fn swap(&mut self, swap: &Swap) -> Result<Swapped, Refusal> {
        let mut crossed = std::mem::take(&mut self.crossed);
        crossed.clear();
        let walked = swap::walk(self, swap, |place, growth| crossed.push((place, growth)));
        let done = walked.map(|walk| {
            self.commit_crossings(&crossed, swap.zero_for_one);
            self.commit_walk(&walk, swap.zero_for_one);
            walk.done
        });
        self.crossed = crossed;
        done
    }

    /// What [`Self::swap`] would do; the pool stays as it is.
    ///
    /// # Errors
    /// As [`Self::swap`].
    pub fn quote(&self, swap: &Swap) -> Result<Swapped, Refusal> {
        swap::walk(self, swap, |_, _| ()).map(|walk| walk.done)
    }

    /// Sets the protocol's part of the fee of each token: one in so many, 4 to 10, or 0 for none.
    ///
    /// # Errors
    /// `PriceIsUnset` or `FeeProtocol`.
    pub fn share_fees(&mut self, parts: [u8; 2]) -> Result<(), Refusal> {
        self.check_initialised()?;
        if parts.iter().any(|part| *part != 0 && !(4..=10).contains(part)) {
            return Err(Refusal::FeeProtocol);
        }
        self.fee_protocol = parts;
        Ok(())
    }

    /// Pays the protocol's fees out, at most so much of each token. As the contract does, the last
    /// unit stays when all is asked for.
    ///
    /// # Errors
    /// `PriceIsUnset`.
    pub fn collect_protocol(&mut self, most: [u128; 2]) -> Result<[u128; 2], Refusal> {
        self.check_initialised()?;
        let mut paid = [0; 2];
        for side in [0, 1] {
            let fees = self.protocol_fees[side];
            let amount = most[side].min(fees);
            paid[side] = if amount > 0 && amount == fees { amount - 1 } else { amount };
            self.protocol_fees[side] -= paid[side];
            self.pay(side, paid[side]);
        }
        Ok(paid)
    }

    /// √price · 2⁹⁶; zero before the pool is initialised.
    pub fn sqrt_price(&self) -> U256 {
        self.sqrt_price
    }

    /// The tick of the price. After a fall that ends exactly on a tick it is the tick below.
    pub fn tick(&self) -> i32 {
        self.tick
    }

    /// Liquidity in range.
    pub fn liquidity(&self) -> u128 {
        self.liquidity
    }

    /// Fee in 10⁻⁶ of the input.
    pub fn fee_pips(&self) -> u32 {
        self.fee_pips
    }

    /// Fees per unit of liquidity since the beginning, at 2⁻¹²⁸, wrapping.
    pub fn fee_growth(&self) -> [U256; 2] {
        self.fee_growth
    }

    /// The protocol's fees that are not paid out.
    pub fn protocol_fees(&self) -> [u128; 2] {
        self.protocol_fees
    }

    /// What the pool holds of each token.
    pub fn balances(&self) -> [U256; 2] {
        self.balances
    }

    /// The most liquidity that may begin or end at one tick.
    pub fn tick_liquidity_max(&self) -> u128 {
        self.tick_liquidity_max
    }

    /// Initialised ticks, each with the fee growth on its far side, from the lowest up.
    pub fn ticks(&self) -> impl Iterator<Item = (&Entry, [U256; 2])> {
        self.ticks.entries.iter().zip(self.ticks.outside.iter().copied())
    }

    /// Reserves of the constant product that trades alike near the price: ⌊L·2⁹⁶/√P⌋ and
    /// ⌊L·√P/2⁹⁶⌋.
    pub fn virtual_reserves(&self) -> Option<[U256; 2]> {
        let (liquidity, unit) = (U256::from(self.liquidity), U256::ONE << 96);
        Some([
            mul_div(liquidity, unit, self.sqrt_price)?,
            mul_div(liquidity, self.sqrt_price, unit)?,
        ])
    }

    fn check_initialised(&self) -> Result<(), Refusal> {
        if self.sqrt_price.is_zero() { Err(Refusal::PriceIsUnset) } else { Ok(()) }
    }

    fn pay(&mut self, side: usize, amount: u128) {
        let left = self.balances[side].checked_sub(U256::from(amount));
        self.balances[side] = left.expect("a pool holds what it owes");
    }

    fn border(&self, down: bool, tick: i32, below: usize) -> Border {
        if down {
            self.ticks.border_down(tick, below, self.spacing)
        } else {
            self.ticks.border_up(tick, below, self.spacing)
        }
    }

    /// The growth on the far side of a crossed tick is the whole less what it was.
    fn commit_crossings(&mut self, crossed: &[(usize, U256)], zero_for_one: bool) {
        let (side, other) = if zero_for_one { (0, 1) } else { (1, 0) };
        for &(place, growth) in crossed {
            let outside = &mut self.ticks.outside[place];
            outside[side] = growth.wrapping_sub(outside[side]);
            outside[other] = self.fee_growth[other].wrapping_sub(outside[other]);
        }
    }

    fn commit_walk(&mut self, walk: &swap::Walk, zero_for_one: bool) {
        let (side, other) = if zero_for_one { (0, 1) } else { (1, 0) };
        self.sqrt_price = walk.done.sqrt_price;
        self.tick = walk.done.tick;
        self.liquidity = walk.done.liquidity;
        self.below = walk.below;
        self.borders[side] = walk.border;
        self.fee_growth[side] = walk.growth;
        self.protocol_fees[side] = self.protocol_fees[side].wrapping_add(walk.protocol_fee);
        self.balances[side] += walk.done.paid;
        let left = self.balances[other].checked_sub(walk.done.received);
        self.balances[other] = left.expect("a pool holds what its liquidity pays");
    }
}

/// 2¹²⁸ − 1 over the number of usable ticks. Version 4 counts one more where the spacing does not
/// divide the range.
fn tick_liquidity_max(spacing: i32, step: Step) -> u128 {
    let above = tick::MAX / spacing;
    let below = match step {
        Step::V3 => above,
        Step::V4 if tick::MAX % spacing != 0 => above + 1,
        Step::V4 => above,
    };
    u128::MAX / u128::from((above + below + 1).unsigned_abs())
}

#[cfg(test)]
mod tests;
