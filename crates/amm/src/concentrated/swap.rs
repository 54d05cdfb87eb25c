//! A swap as a walk over the stretches between borders ("Uniswap v3 Core", section 6.2.3).
//!
//! The walk reads the pool and writes nothing: crossings are told to the caller, who commits them
//! when the whole swap is accepted.

use ruint::aliases::U256;

use super::Pool;
use super::ticks::Border;
use crate::refusal::Refusal;
use crate::step::{Left, Terms, moved};
use crate::tick::{MAX_SQRT, MIN_SQRT, at_within};
use crate::wide::{mul_div, quotient, small};

/// What is fixed of a swap, in raw units of its token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Amount {
    /// The trader pays this, fee included.
    In(U256),
    /// The trader receives this.
    Out(U256),
}

/// A swap. It ends when the amount is used up or the price is at the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Swap {
    /// The trader pays token 0, and the price falls.
    pub zero_for_one: bool,
    /// What is fixed; not zero, and less than 2²⁵⁵.
    pub amount: Amount,
    /// √price · 2⁹⁶ at which the swap ends.
    pub limit: U256,
}

impl Swap {
    /// A swap without a limit of its own.
    pub fn new(zero_for_one: bool, amount: Amount) -> Self {
        let limit = if zero_for_one { MIN_SQRT + U256::ONE } else { MAX_SQRT - U256::ONE };
        Self { zero_for_one, amount, limit }
    }
}

/// What a swap did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Swapped {
    /// What the trader pays, fee included.
    pub paid: U256,
    /// What the trader receives.
    pub received: U256,
    /// The fee, with the protocol's share.
    pub fee: U256,
    /// √price · 2⁹⁶ after the swap.
    pub sqrt_price: U256,
    /// The tick after the swap.
    pub tick: i32,
    /// The liquidity in range after the swap.
    pub liquidity: u128,
    /// Stretches of constant liquidity that the swap passed.
    pub steps: u32,
}

/// A swap under way.
pub(super) struct Walk {
    pub done: Swapped,
    pub below: usize,
    pub growth: U256,
    pub protocol_fee: u128,
    pub border: Border,
    left: Left,
}

/// Walks a swap; `crossed` hears the place of each tick that is crossed and the fee growth then.
pub(super) fn walk(
    pool: &Pool,
    swap: &Swap,
    mut crossed: impl FnMut(usize, U256),
) -> Result<Walk, Refusal> {
    check(pool, swap)?;
    let terms = Terms { step: pool.step, fee_pips: pool.fee_pips, zero_for_one: swap.zero_for_one };
    let side = usize::from(!swap.zero_for_one);
    let mut walk = Walk::new(pool, swap, side);
    let share = pool.fee_protocol[side];
    while walk.unfinished() && walk.done.sqrt_price != swap.limit {
        if !walk.border.serves(walk.done.tick) {
            walk.border = pool.border(swap.zero_for_one, walk.done.tick, walk.below);
        }
        let border = walk.border;
        let target = if swap.zero_for_one {
            border.sqrt.max(swap.limit)
        } else {
            border.sqrt.min(swap.limit)
        };
        let start = walk.done.sqrt_price;
        walk.advance(terms, target, share);
        if walk.done.sqrt_price == border.sqrt {
            if border.initialised {
                let place = walk.below - usize::from(swap.zero_for_one);
                crossed(place, walk.growth);
                walk.cross(pool.ticks.entries[place].net, swap.zero_for_one)?;
            }
            walk.done.tick = border.tick - i32::from(swap.zero_for_one);
        } else if walk.done.sqrt_price != start {
            walk.done.tick = at_within(walk.done.sqrt_price);
        }
    }
    Ok(walk)
}

fn check(pool: &Pool, swap: &Swap) -> Result<(), Refusal> {
    let (amount, most) = match swap.amount {
        Amount::In(amount) => (amount, (U256::ONE << 255) - U256::ONE),
        Amount::Out(amount) => (amount, U256::ONE << 255),
    };
    if amount.is_zero() {
        return Err(Refusal::SwapOfZero);
    }
    if amount > most {
        return Err(Refusal::AmountTooLarge);
    }
    if pool.sqrt_price.is_zero() {
        return Err(Refusal::PriceIsUnset);
    }
    let open = if swap.zero_for_one {
        swap.limit < pool.sqrt_price && swap.limit > MIN_SQRT
    } else {
        swap.limit > pool.sqrt_price && swap.limit < MAX_SQRT
    };
    if open { Ok(()) } else { Err(Refusal::PriceLimit) }
}

impl Walk {
    fn new(pool: &Pool, swap: &Swap, side: usize) -> Self {
        let done = Swapped {
            paid: U256::ZERO,
            received: U256::ZERO,
            fee: U256::ZERO,
            sqrt_price: pool.sqrt_price,
            tick: pool.tick,
            liquidity: pool.liquidity,
            steps: 0,
        };
        let left = match swap.amount {
            Amount::In(amount) => Left::In(amount),
            Amount::Out(amount) => Left::Out(amount),
        };
        let (growth, border) = (pool.fee_growth[side], pool.borders[side]);
        Self { done, below: pool.below, growth, protocol_fee: 0, border, left }
    }

    fn unfinished(&self) -> bool {
        let (Left::In(left) | Left::Out(left)) = self.left;
        !left.is_zero()
    }

    /// One step, with its fee booked to the liquidity in range and to the protocol.
    #[inline]
    fn advance(&mut self, terms: Terms, target: U256, share: u8) {
        let step = moved(terms, self.done.sqrt_price, target, self.done.liquidity, self.left);
        let paid = step.amount_in + step.fee;
        match &mut self.left {
            Left::In(left) => *left -= paid,
            Left::Out(left) => *left -= step.amount_out,
        }
        self.done.paid += paid;
        self.done.received += step.amount_out;
        self.done.fee += step.fee;
        self.done.sqrt_price = step.sqrt;
        self.done.steps += 1;
        let mut fee = step.fee;
        if share > 0 {
            let part = fee / U256::from(share);
            fee -= part;
            self.protocol_fee = self.protocol_fee.wrapping_add(low(part));
        }
        if self.done.liquidity > 0 {
            self.growth = self.growth.wrapping_add(growth(fee, self.done.liquidity));
        }
    }

    fn cross(&mut self, net: i128, down: bool) -> Result<(), Refusal> {
        let liquidity = self.done.liquidity;
        if down {
            let change = net.checked_neg().ok_or(Refusal::AmountTooLarge)?;
            self.done.liquidity = added(liquidity, change)?;
            self.below -= 1;
        } else {
            self.done.liquidity = added(liquidity, net)?;
            self.below += 1;
        }
        Ok(())
    }
}

/// The contract's `LiquidityMath.addDelta`.
pub(super) fn added(liquidity: u128, change: i128) -> Result<u128, Refusal> {
    let cause = if change < 0 { Refusal::LiquidityUnderflow } else { Refusal::LiquidityOverflow };
    liquidity.checked_add_signed(change).ok_or(cause)
}

/// The low 128 bits.
pub(super) fn low(n: U256) -> u128 {
    let limbs = n.as_limbs();
    u128::from(limbs[1]) << 64 | u128::from(limbs[0])
}

/// ⌊fee·2¹²⁸/L⌋.
#[inline]
fn growth(fee: U256, liquidity: u128) -> U256 {
    let words = U256::from(liquidity);
    if let Some(fee) = small(fee)
        && fee < liquidity
    {
        let fee =
            U256::from(fee).as_limbs()[..2].try_into().map(|[a, b]: [u64; 2]| [0, 0, a, b, 0, 0]);
        let fee = fee.expect("two words were taken");
        let (growth, _) =
            quotient(fee, *words.as_limbs()).expect("a fee below L is less than a unit");
        return U256::from(growth);
    }
    mul_div(fee, U256::ONE << 128, words).expect("an input of a step is less than 2¹²⁸·L")
}
