//! All rules of the market and the state machine that applies them.
//!
//! `engine::apply(&mut State, &Block)` is the only place where money moves. No IO, no clock, no
//! thread, no randomness, no float of its own (`pricing` computes and the result is quantised at
//! once). Rules carry their number in `docs/protocol.md`.
//!
//! Modules in reading order; each uses only those above it.

pub mod book;
pub mod command;
pub mod event;
pub mod ids;
pub mod params;
pub mod reject;
