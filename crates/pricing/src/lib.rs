//! The one home of floating-point maths: fair prices, funding models, feedback limits, statistics.
//!
//! Every function is deterministic: transcendental functions come from `libm`, never from the
//! platform, and nothing here reads a clock or draws a random number. Rates and premia are plain
//! fractions (0.0001 is one basis point). What goes back into fixed point goes through [`convert`].
//! Modules in reading order.

pub mod convert;
pub mod funding;
pub mod perpetual;
pub mod stability;
pub mod statistics;
pub mod black;
pub mod implied;
pub mod inverse;
pub mod everlasting;
pub mod hedging;
pub mod svi;
pub mod slice;
pub mod ssvi;
pub mod calibrate;
