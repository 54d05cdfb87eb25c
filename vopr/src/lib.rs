//! A hostile market, grown from a seed, against the rulebook.
//!
//! `run` plays hundreds of accounts through storms, crashes, lying publishers and time jumps; every
//! block passes all invariants of the engine, and at the end everybody gets out (`exit`). A failure
//! names its seed, and the seed gives the same run again. `extract` looks for a coalition that
//! takes out more than others lost. Nothing here is part of the exchange.
//!
//! Modules in reading order; each uses only those above it.

pub mod random;
pub mod design;
pub mod weather;
pub mod voice;
pub mod surfaces;
pub mod optioneer;
pub mod affairs;
pub mod crowd;
pub mod exit;
pub mod coverage;
pub mod run;
pub mod coalition;
pub mod extract;
