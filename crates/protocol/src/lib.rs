//! All rules of the market and the state machine that applies them.
//!
//! `engine::apply(&mut State, &Block)` is the only place where money moves. No IO, no clock, no
//! thread, no randomness, no float of its own (`pricing` computes and the result is quantised at
//! once). Rules carry their number in `docs/protocol.md`.
//!
//! Modules in reading order; each uses only those above it.

pub mod ids;
pub mod params;
pub mod envelope;
pub mod design;
pub mod halt;
pub mod surface;
pub mod reject;
pub mod schedule;
pub mod governance;
pub mod command;
pub mod ordering;
pub mod event;
pub mod ledger;
pub mod flow;
pub mod oracle;
pub mod book;
pub mod auction;
pub mod book_auction;
pub mod premium;
pub mod mark;
pub mod ladder;
pub mod depth;
pub mod budget;
pub mod backstop;
pub mod funding;
pub mod convergence;
pub mod feedback;
pub mod grid;
pub mod position;
pub mod margin;
pub mod scenarios;
pub mod tranche;
pub mod adl;
pub mod expiry;
pub mod scan;
pub mod option;
pub mod market;
pub(crate) mod watch;
pub mod state;
pub mod invariants;
pub mod engine;
