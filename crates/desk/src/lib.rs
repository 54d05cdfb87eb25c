//! Strategies: pure machines from events to intents, the same in backtest, lab and live.
//!
//! A strategy cannot see the simulator, so it cannot look ahead: it knows what its venues would
//! have told it, when they would have told it. It has no clock: on its first event it asks to be
//! woken at [`money::Time::ZERO`], which means at once, and from then on it knows the time of its
//! last wake. A wake that it did not ask for does nothing. Modules in reading order.

pub mod strategy;

pub mod rule;

pub mod leg;

pub mod volatility;
pub mod variance;
pub mod surface;
pub mod carry;

pub mod basis;
pub mod cross;
pub mod maker;
pub mod touch;

pub mod limits;

pub mod attribution;
pub mod gamma;
pub mod parity;

pub mod chain;
pub mod option_maker;
pub mod option_taker;
