//! One step of a swap: along one stretch of constant liquidity L, to a target price or until the
//! amount is used up.
//!
//! With s = √price: x = L·2⁹⁶·(1/s − 1/s′) of token 0 and y = L·(s′ − s)/2⁹⁶ of token 1 ("Uniswap
//! v3 Core", section 6.2). What the pool gets is rounded up, what it pays down, and the new price
//! against the trader: √price after token 0 rounds up, after token 1 down.
//!
//! [`wide`] takes all numbers of the contract. [`narrow`] takes prices and amounts of 128 bits,
//! answers the same or `None`, and spares divisions: with x·s′·s ≥ L·2⁹⁶·(s − s′) an input reaches
//! the target exactly if the price it leads to does; an output that stops short of the target is
//! paid in full; and an input of token 0 that stops short is taken in full where one unit of √price
//! is worth less than one unit of the token.

pub(crate) mod narrow;
pub(crate) mod wide;

use ruint::aliases::U256;

/// Parts of a fee's whole: a fee of 3000 is 0.3 %.
pub const PIPS: u32 = 1_000_000;

/// Whose step: they differ in how an input that stops short of the target is divided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Step {
    /// Uniswap v3: the input is computed again from the new price, and what is left is the fee.
    V3,
    /// Uniswap v4: the input is the amount less fee. The two differ only where a unit of √price is
    /// worth a unit of the token or more, and then in the division between input and fee. Two
    /// things of that contract are not here: its amounts have 127 bits, and it pays fees out with
    /// each change of a position.
    V4,
}

/// What is left of a swap: an input to take, fee included, or an output to pay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Left {
    In(U256),
    Out(U256),
}

/// The terms of a step that do not change within a swap.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Terms {
    pub step: Step,
    pub fee_pips: u32,
    /// Token 0 comes in and the price falls.
    pub zero_for_one: bool,
}

/// The result of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Moved {
    pub sqrt: U256,
    pub amount_in: U256,
    pub amount_out: U256,
    pub fee: U256,
}

/// The step from `sqrt` towards `target`.
#[inline]
pub(crate) fn moved(terms: Terms, sqrt: U256, target: U256, liquidity: u128, left: Left) -> Moved {
    narrow::moved(terms, sqrt, target, liquidity, left)
        .unwrap_or_else(|| wide::moved(terms, sqrt, target, liquidity, left))
}

#[cfg(test)]
mod tests;
