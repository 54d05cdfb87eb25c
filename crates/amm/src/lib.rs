//! Automated market makers in exact integers: what the contracts compute, to the last unit, without
//! a chain.
//!
//! | module | contract | reference |
//! |---|---|---|
//! | [`product`] | Uniswap v2 pair, constant product | "Uniswap v2 Core" (2020) |
//! | [`concentrated`] | Uniswap v3 pool; swap step of v4 by choice | "Uniswap v3 Core" (2021) |
//! | [`sizing`] | trades that bring a pool to an outside price | first-order condition |
//!
//! Amounts are raw units of a token. A price is token 1 per token 0, held as √price · 2⁹⁶. A
//! refused call leaves the pool as it was. No float, no IO, no clock.

mod wide;
mod refusal;
pub mod tick;
mod step;
pub mod product;
pub mod concentrated;
pub mod sizing;

pub use refusal::Refusal;
pub use ruint::aliases::U256;
pub use step::Step;
