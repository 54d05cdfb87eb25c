//! Fixed-point quantities of a market: the scale belongs to the type, `+` and `-` work on one type
//! only, and every product names its rounding.
//!
//! | type | holds | unit |
//! |---|---|---|
//! | [`Price`] | `i64` | 10⁻⁸ quote per base |
//! | [`Qty`] | `i64` | 10⁻⁸ base |
//! | [`Amount`] | `i128` | 10⁻⁸ of an asset |
//! | [`Rate`] | `i64` | 10⁻¹² |
//! | [`FundingIndex`] | `i128` | 10⁻¹⁸ quote per base |
//! | [`Time`], [`Span`] | `u64` | nanoseconds |
//!
//! No float, no dependency. [`Round::Down`] is towards minus infinity, so a signed payment to a
//! user rounded down is never in the user's favour. Operators panic on overflow: what can overflow
//! on input has a `checked_` form or returns `Option`.

mod wide;
mod decimal;
mod time;
mod quantity;

pub use decimal::ParseError;
pub use quantity::{Amount, FundingIndex, Price, Qty, Rate};
pub use time::{Span, Time};
pub use wide::{Round, div_i128, mul_div};
