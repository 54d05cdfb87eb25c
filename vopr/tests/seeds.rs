//! A short run of fixed seeds for the continuous check, and seeds that once broke a rule.
#![allow(missing_docs)]

use vopr::coverage::Coverage;
use vopr::run::{Outcome, Plan, run};

fn held(plan: Plan) -> Outcome {
    run(plan, &|_| {}).unwrap_or_else(|failure| panic!("{failure}"))
}

#[test]
fn fixed_seeds_hold_and_reach_everything() {
    let mut total = Coverage::default();
    for seed in 1..=20 {
        total.add(&held(Plan { seed, commands: 20_000, checkpoint: 8 }).coverage);
    }
    assert_eq!(total.missing(), Vec::<String>::new(), "{total}");
}

/// The folds of every block.
#[test]
fn a_seed_holds_with_a_checkpoint_at_each_block() {
    held(Plan { seed: 77, commands: 20_000, checkpoint: 1 });
}

/// C22 of the survey: the same blocks, the same state.
#[test]
fn a_seed_gives_the_same_chain_twice() {
    let plan = Plan { seed: 5, commands: 10_000, checkpoint: 8 };
    assert_eq!(held(plan).chain, held(plan).chain);
}

/// Seeds and commands. 3: prices that moved in a block without time hurt an account that nobody
/// would look at (I-9). 30: after a lie and a gap of days a market stays stopped for hours, because
/// its slow average (O-7) is led astray. 502: a holding that was credited to the vault raised its
/// shares and could not be sold (L-16, I-22).
const BROKE: &[(u64, u64)] = &[(3, 20_000), (30, 50_000), (502, 20_000)];

#[test]
fn seeds_that_broke_a_rule_hold() {
    for &(seed, commands) in BROKE {
        held(Plan { seed, commands, checkpoint: 1 });
    }
}
