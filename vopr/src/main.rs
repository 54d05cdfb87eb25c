//! The command: seeds in, a line for what was reached out. `cargo xtask vopr` builds it optimised
//! and passes its arguments on.

use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};
use vopr::coverage::Coverage;
use vopr::extract::{Best, PUBLISHERS, search};
use vopr::run::{Plan, run};

/// Commands beyond which a run must have reached everything.
const FULL: u64 = 1_000_000;

/// Throws a hostile market at the rulebook and checks every invariant after every block.
///
/// A seed makes a design, mostly with options, a crowd and the weather of prices and publishers; at
/// the end everybody gets out. The same seed plays the same market. A broken invariant ends the
/// command with 1 and names the seed, the block and the command that plays it again. Below a
/// million commands some of what can happen may not; it is listed, and above a million its absence
/// is a failure.
/// Example: cargo xtask vopr --seed 1 --seeds 20
#[derive(Parser)]
#[command(bin_name = "cargo xtask vopr", args_conflicts_with_subcommands = true)]
struct Arguments {
    #[command(subcommand)]
    task: Option<Task>,
    #[command(flatten)]
    market: Market,
}

#[derive(Subcommand)]
enum Task {
    /// Looks for a coalition of publishers and traders that takes out more than others lost.
    ///
    /// For none to a majority of seven lying publishers it prints what the best strategy extracted,
    /// in what parts, and the bound: what the mechanism took from INSURANCE and honest accounts.
    /// Beyond the bound is a failure, with the strategy.
    Extract {
        /// The seed of the world and of the search.
        #[arg(long, value_name = "N", default_value_t = 1, allow_negative_numbers = true)]
        seed: u64,
        /// Strategies to try for each size of the coalition.
        #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = count())]
        #[arg(allow_negative_numbers = true)]
        runs: u64,
    },
}

#[derive(Args)]
struct Market {
    /// The first seed.
    #[arg(long, value_name = "N", default_value_t = 1, allow_negative_numbers = true)]
    seed: u64,
    /// How many seeds, one after the other.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = count())]
    #[arg(allow_negative_numbers = true)]
    seeds: u64,
    /// Commands of each seed, at least.
    #[arg(long, value_name = "N", default_value_t = 50_000, value_parser = count())]
    #[arg(allow_negative_numbers = true)]
    commands: u64,
    /// Blocks between two checks of the folds; 1 finds the block that broke a sum.
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = count())]
    #[arg(allow_negative_numbers = true)]
    checkpoint: u64,
}

/// From one to a million millions.
fn count() -> clap::builder::RangedU64ValueParser {
    clap::value_parser!(u64).range(1..=1_000_000_000_000)
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match arguments.task {
        None => storm(&arguments.market),
        Some(Task::Extract { seed, runs }) => extract(seed, runs),
    }
}

fn progress(total: u64, unit: &str) -> ProgressBar {
    let bar = ProgressBar::new(total);
    let style = "{elapsed_precise} [{wide_bar}] {human_pos}/{human_len} {msg}, {per_sec}, {eta}";
    bar.set_style(ProgressStyle::with_template(style).expect("the template is well formed"));
    bar.set_message(unit.to_owned());
    bar
}

fn storm(market: &Market) -> ExitCode {
    let bar = progress(market.seeds.saturating_mul(market.commands), "commands");
    let mut total = Coverage::default();
    for at in 0..market.seeds {
        // After the last seed of the type comes the first.
        let seed = market.seed.wrapping_add(at);
        let (commands, checkpoint) = (market.commands, market.checkpoint);
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
    let seeds = if market.seeds == 1 { "seed" } else { "seeds" };
    println!("vopr: {} {seeds} held: {total}", market.seeds);
    let missing = total.missing();
    if missing.is_empty() {
        return ExitCode::SUCCESS;
    }
    println!("vopr: never happened: {}", missing.join(", "));
    if total.commands >= FULL { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn extract(seed: u64, runs: u64) -> ExitCode {
    let most = PUBLISHERS / 2 + 1;
    let bar = progress(runs * u64::from(most + 1), "strategies");
    let mut lines = Vec::new();
    for lying in 0..=most {
        match search(seed, runs, lying, &|done| bar.inc(done)) {
            Ok(best) => lines.push(line(lying, &best)),
            Err(best) => {
                bar.abandon();
                eprintln!("vopr: beyond the bound: {}\n{best:?}", line(lying, &best));
                eprintln!("again: cargo xtask vopr extract --seed {seed} --runs {runs}");
                return ExitCode::FAILURE;
            }
        }
    }
    bar.finish();
    println!(
        "vopr: the best of {runs} strategies each, seed {seed}, in quote of 100000 brought in"
    );
    lines.into_iter().for_each(|line| println!("{line}"));
    ExitCode::SUCCESS
}

fn line(lying: u16, best: &Best) -> String {
    let gain = best.gain;
    format!(
        "{lying} of {PUBLISHERS} publishers: extracted {} (forced {}, funding {}, insurance \
         and haircuts less fees {}), bound {}, index off by {:.1} bp, honest wrongly liquidated {}, agreed trades {}, \
         run {}",
        gain.extracted(),
        gain.forced,
        gain.funding,
        gain.protocol,
        gain.bound,
        gain.index_off * 1e4,
        gain.wronged,
        gain.agreed,
        best.run,
    )
}
