//! The command: seeds in, a line for what was reached out. `cargo xtask vopr` builds it optimised
//! and passes its arguments on.

use std::process::ExitCode;

use clap::Parser;
use indicatif::{ProgressBar, ProgressStyle};
use vopr::coverage::Coverage;
use vopr::run::{Plan, run};

/// Commands beyond which a run must have reached everything.
const FULL: u64 = 1_000_000;

/// Throws a hostile market at the rulebook and checks every invariant after every block.
#[derive(Parser)]
struct Arguments {
    /// The first seed.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many seeds, one after the other.
    #[arg(long, default_value_t = 1)]
    seeds: u64,
    /// Commands of each seed, at least.
    #[arg(long, default_value_t = 50_000)]
    commands: u64,
    /// Blocks between two checks of the folds; 1 finds the block that broke a sum.
    #[arg(long, default_value_t = 16)]
    checkpoint: u64,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let bar = ProgressBar::new(arguments.seeds * arguments.commands);
    let style = "{elapsed_precise} [{wide_bar}] {human_pos}/{human_len} commands, {per_sec}, {eta}";
    bar.set_style(ProgressStyle::with_template(style).expect("the template is well formed"));
    let mut total = Coverage::default();
    for seed in arguments.seed..arguments.seed.saturating_add(arguments.seeds) {
        let (commands, checkpoint) = (arguments.commands, arguments.checkpoint.max(1));
        let plan = Plan { seed, commands, checkpoint };
        match run(plan, &|sent| bar.inc(sent)) {
            Ok(outcome) => total.add(&outcome.coverage),
            Err(failure) => {
                bar.abandon();
                eprintln!("vopr: {failure}");
                return ExitCode::FAILURE;
            }
        }
    }
    bar.finish();
    println!("vopr: {} seeds held: {total}", arguments.seeds);
    let missing = total.missing();
    if missing.is_empty() {
        return ExitCode::SUCCESS;
    }
    println!("vopr: never happened: {}", missing.join(", "));
    if total.commands >= FULL { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
