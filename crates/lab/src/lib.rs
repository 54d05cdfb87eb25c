//! The market laboratory: a scenario and a seed in, a run out.
//!
//! One thread, virtual nanoseconds, every random choice from a named stream of the run's seed. The
//! lab opens no clock and no socket; the only files that it reads are the scenario and its data.
//! Modules in reading order; a module uses only those above it.

pub mod random;
pub mod queue;
pub mod path;
pub mod volatility;
pub mod spot;
pub mod link;
pub mod scenario;
pub mod traders;
pub mod crowd;
pub mod money_record;
pub mod option_record;
pub mod record;
pub mod world;
pub mod setup;
pub mod verify;
pub mod text;
pub mod metrics;
pub mod option_metrics;
pub mod compare;
pub mod option_compare;
pub mod table;
pub mod stress;
pub mod replay;
pub mod frontier;
pub mod hedging;
pub mod report;
