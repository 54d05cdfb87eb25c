//! One run of a seed: blocks of hostile commands, then the exit of everybody.
//!
//! The engine asserts all invariants after each block, the folds at each checkpoint. On top of them
//! users together never have more than came in, at any checkpoint, and the last state is whole.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

use money::Amount;
use protocol::command::Block;
use protocol::engine::apply_into;
use protocol::ids::{AccountId, QUOTE};
use protocol::invariants;
use protocol::ledger::Holder;
use protocol::state::{Level, State};

use crate::coverage::Coverage;
use crate::crowd::Crowd;
use crate::design::{design, varied, with_options};
use crate::exit::exit;
use crate::random::Random;
use crate::surfaces::Surfaces;
use crate::weather::Weather;

/// Commands in a block.
const BLOCK: usize = 50;

/// What to run.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// The seed, of which all chance comes.
    pub seed: u64,
    /// Commands to send, at least.
    pub commands: u64,
    /// Blocks between two checks of the folds.
    pub checkpoint: u64,
}

/// What a run came to.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// What it has reached.
    pub coverage: Coverage,
    /// The hash of its last state.
    pub chain: [u8; 32],
}

/// A run that broke a rule.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The plan that gives it again.
    pub plan: Plan,
    /// The last block that was begun.
    pub height: u64,
    /// What is wrong.
    pub what: String,
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Plan { seed, commands, checkpoint } = self.plan;
        write!(
            f,
            "seed {seed} failed at block {}: {}\nagain: cargo xtask vopr --seed {seed} \
             --commands {commands} --checkpoint {checkpoint}",
            self.height, self.what
        )
    }
}

/// Runs a plan; `progress` hears how many commands were sent since it was last called.
pub fn run(plan: Plan, progress: &dyn Fn(u64)) -> Result<Outcome, Box<Failure>> {
    let height = Cell::new(0);
    let attempt = catch_unwind(AssertUnwindSafe(|| play(plan, progress, &height)));
    let failure = |what| Box::new(Failure { plan, height: height.get(), what });
    match attempt {
        Ok(outcome) => outcome.map_err(failure),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().cloned();
            let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
            Err(failure(text.unwrap_or_else(|| "a panic without a text".to_owned())))
        }
    }
}

fn play(plan: Plan, progress: &dyn Fn(u64), height: &Cell<u64>) -> Result<Outcome, String> {
    let mut random = Random::new(plan.seed);
    let params = varied(design(&mut random, plan.checkpoint), plan.seed);
    let params = with_options(params, plan.seed);
    let mut weather = Weather::new(&params);
    let mut surfaces = Surfaces::new(params.rules.options.len());
    let mut state = State::new(params).map_err(|error| error.to_string())?;
    let mut crowd = Crowd::new(random.pick(&[40, 150, 400]));
    let mut coverage = Coverage::default();
    let mut events = Vec::new();
    let mut first = crowd.arrive(&mut random);
    while coverage.commands < plan.commands {
        weather.pass(&mut random);
        let mut messages = weather.votes(&mut random);
        messages.extend(surfaces.votes(&state, &weather, &mut random));
        messages.append(&mut first);
        if state.accounts() > 0 {
            messages.extend(crowd.messages(&state, &weather, &mut random, BLOCK));
        }
        let sent = messages.len() as u64;
        height.set(state.height() + 1);
        // A block's time may run backwards, and then stands still.
        let backwards = if random.one_in(100) { 3_600_000_000_000 } else { 0 };
        let time = money::Time::from_nanos(weather.now.nanos() - backwards);
        apply_into(&mut state, &Block { time, messages }, &mut events);
        coverage.commands += sent;
        coverage.block(weather.kind);
        for event in events.drain(..) {
            coverage.hear(&event);
            crowd.hear(&event);
        }
        if state.height().is_multiple_of(plan.checkpoint) {
            check_sum(&state)?;
        }
        progress(sent);
    }
    let left = exit(&mut state, (&mut weather, &surfaces), &mut |event| coverage.hear(event));
    coverage.aid = left.map_err(|what| format!("at the exit: {what}"))?;
    height.set(state.height());
    invariants::check(&state, true)?;
    check_sum(&state)?;
    Ok(Outcome { coverage, chain: state.chain_hash() })
}

/// Users together have no more quote currency, profits and funding included, than came in.
fn check_sum(state: &State) -> Result<(), String> {
    let ledger = state.ledger();
    let mut total = Amount::ZERO;
    for account in (0..state.accounts()).map(AccountId) {
        total += state.equity(account);
        let assets = u16::try_from(state.params().assets.len()).map_err(|_| "too many assets")?;
        for asset in (1..assets).map(protocol::ids::AssetId) {
            let held = ledger.balance(Holder::User(account), asset);
            let price = state.oracle().index(asset).price;
            let qty = i64::try_from(held.raw()).map_err(|_| format!("{held} of a base asset"))?;
            let qty = money::Qty::from_raw(qty);
            total -= price.notional(qty, money::Round::Down);
        }
        let sound = state.health(account, Level::Maintenance).is_sound();
        if !sound && state.is_clearly_sound(account) {
            return Err(format!("account {} is bounded as sound and is not", account.0));
        }
    }
    let inside = -ledger.balance(Holder::Outside, QUOTE);
    if total > inside {
        return Err(format!("users have {total}, and {inside} came in"));
    }
    Ok(())
}
