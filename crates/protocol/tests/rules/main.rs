//! The rulebook through its one door: blocks in, events and state out. Test names carry the number
//! of the rule in `docs/protocol.md`. Every block of every test also passes all invariants.
#![allow(clippy::unwrap_used, clippy::wildcard_enum_match_arm, missing_docs)]

mod charges;
mod backstop;
mod batches;
mod council;
mod concentration;
mod convergence;
mod determinism;
mod exchange;
mod flow;
mod funding;
mod futures;
mod governance;
mod halts;
mod liquidation;
mod machine;
mod margin;
mod oracle;
mod options;
mod ordering;
mod orders;
mod owners;
mod plans;
mod rejects;
mod spread;
mod waterfall;
mod survey;
mod watch;
