//! Strategies: pure machines from events to intents, the same in backtest, lab and live.
//!
//! A strategy cannot see the simulator, so it cannot look ahead: it knows what its venues would have
//! told it, when they would have told it. Modules in reading order.

pub mod strategy;
