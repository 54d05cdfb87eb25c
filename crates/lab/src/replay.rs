//! Replay of recorded markets: tapes in, what a strategy would have done and earned out.
//!
//! One clock in virtual nanoseconds, one thread, every random choice from a named stream of the
//! run's seed. Each market has two views: the exchange's, which own orders meet, and the local
//! one, which is the same events later. A strategy hears the local view only.

pub mod order;
pub mod ladder;
pub mod queue;
pub mod exchange;
pub mod latency;
pub mod fees;
pub mod impact;
pub mod account;
pub mod record;
pub mod window;
pub mod local;
pub mod run;
pub mod measure;
pub mod sweep;
pub mod tables;
pub mod setup;
