//! The trade that brings a pool to an outside price and no further: beyond it the next unit costs
//! more in the pool than outside.
//!
//! With g = 1 − fee and p the outside price of token 0 in token 1, a pool at price P is worth a
//! trade if P < g·p (buy token 0 there) or P > p/g (sell it). Constant product: pay d₁ =
//! (√(g·p·x·y) − y)/g of token 1, or by symmetry d₀ = (√(g·x·y/p) − x)/g of token 0. Concentrated
//! liquidity: one swap with the limit √(p·g) or √(p/g), across however many ticks. Both are the
//! first-order condition of the profit. Costs that a trade has once (gas) are the caller's to
//! compare.

use ruint::Uint;
use ruint::aliases::U256;

use crate::concentrated::{Amount, Pool, Swap};
use crate::product::Pair;
use crate::step::PIPS;
use crate::tick::{MAX_SQRT, MIN_SQRT};
use crate::wide::{narrowed, product, root, small};

type U512 = Uint<512, 8>;

/// A price as raw units of token 1 for raw units of token 0; neither is zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ratio {
    /// Token 1.
    pub one: u128,
    /// Token 0.
    pub zero: u128,
}

/// An input to a pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trade {
    /// Token 0 is paid.
    pub zero_for_one: bool,
    /// Raw units of what is paid.
    pub amount_in: u128,
}

/// ⌊√price · 2⁹⁶⌋; `None` outside the prices of ticks or for a zero.
pub fn sqrt_price(price: Ratio) -> Option<U256> {
    if price.zero == 0 {
        return None;
    }
    let scaled = U512::from(price.one) << 192;
    let sqrt = root(scaled / U512::from(price.zero));
    (MIN_SQRT..MAX_SQRT).contains(&sqrt).then_some(sqrt)
}

/// The input that brings a pair to the outside price, less than one unit of √(x·y) from the
/// optimum; `None` inside the fee's band, or for a price with a zero.
pub fn pair_to(pair: &Pair, price: Ratio) -> Option<Trade> {
    let [zero, one] = pair.reserves();
    let buys = input_to(pair, one, price);
    let trade = |zero_for_one| move |amount_in| Trade { zero_for_one, amount_in };
    buys.map(trade(false)).or_else(|| {
        let inverse = Ratio { one: price.zero, zero: price.one };
        input_to(pair, zero, inverse).map(trade(true))
    })
}

/// (√(g·p·x·y) − r)/g for the reserve r of what is paid, and p in units of it.
fn input_to(pair: &Pair, reserve: u128, price: Ratio) -> Option<u128> {
    let [zero, one] = pair.reserves();
    let (keep, whole) = (u128::from(pair.fee().keep), u128::from(pair.fee().whole));
    let below = U512::from(price.zero) * U512::from(whole);
    let xy = product(U256::from(zero), U256::from(one));
    let target = (xy * U512::from(price.one) * U512::from(keep)).checked_div(below)?;
    let rise = root(target).checked_sub(U256::from(reserve))?;
    let amount = narrowed(product(rise, U256::from(whole)) / U512::from(keep))?;
    small(amount).filter(|amount| *amount > 0)
}

/// The swap that brings a pool to the outside √price · 2⁹⁶; `None` inside the fee's band, and where
/// the limit is outside the prices of ticks.
pub fn pool_to(pool: &Pool, outside: U256) -> Option<Swap> {
    let (keep, whole) = (U512::from(PIPS - pool.fee_pips()), U512::from(PIPS));
    let square = product(outside, outside);
    if outside >= MAX_SQRT {
        return None;
    }
    let (high, low) = (root(square * keep / whole), root((square * whole).div_ceil(keep)));
    let most = Amount::In((U256::ONE << 255) - U256::ONE);
    let swap = |zero_for_one, limit| Swap { zero_for_one, amount: most, limit };
    if pool.sqrt_price() < high {
        Some(swap(false, high))
    } else if pool.sqrt_price() > low && low > MIN_SQRT {
        Some(swap(true, low))
    } else {
        None
    }
}

#[cfg(test)]
mod tests;
