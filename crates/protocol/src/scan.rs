//! Scenario margin of options with what hedges them (section S).
//!
//! Once a block a table says, for each series and each scenario, what one unit of it loses:
//! d(s) = ⌈damping·(mark − value in s)⌉ at 10⁻⁸ quote. An account loses Σ q·d(s) in a scenario, an
//! exact integer; the requirement is the worst, with one rounding up at the end. The scenarios are
//! 33 moves of index and volatility, in the manner of Derive's PMRM_2 and of Deribit, and the
//! strikes of what is about to expire (pins). SPAN (CME 1988) is the ancestor of all of them.
//!
//! Always holds: the requirement of two books together is not above their sum apart, long options
//! never need more than their marks, and a further scenario never lowers anything.

mod scenario;
mod table;
mod hedge;
mod requirement;
mod across;

pub use across::Assets;
pub use requirement::{Leg, Losses, Outcome, Terms};
pub use scenario::{PINS_MAX, SCENARIOS, Scenario, Shock, scenarios};
pub use table::{COLUMNS, Moment, Series, Table};

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
