//! `plumb`: one command for the three jobs. This file parses arguments and prints; the work is in
//! the crates below.

mod failure;
mod summary;
mod work;
mod data;
mod stress_command;
mod frontier_command;
mod lab_command;
mod vol_hedge;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Keeps synthetic markets true to their spot: prove a market design against real prices.
///
/// Start with `plumb lab run scenarios/october-2025.toml`: seventeen real days of BTC and SOL
/// through the market, a summary here and a report to open in a browser.
#[derive(Debug, Parser)]
#[command(name = "plumb", version, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    job: Job,
}

#[derive(Debug, Subcommand)]
enum Job {
    /// Run and compare market designs, and check the rulebook against recorded settlements.
    #[command(subcommand, arg_required_else_help = true)]
    Lab(lab_command::Lab),
    /// Import and inspect market data files.
    #[command(subcommand, arg_required_else_help = true)]
    Data(data::Data),
    /// Options: hedge recorded chains.
    #[command(subcommand, arg_required_else_help = true)]
    Vol(Vol),
}

/// Options.
#[derive(Debug, Subcommand)]
enum Vol {
    /// Sell and buy recorded options, hedge them under several rules, and say what each earned.
    ///
    /// Every profit is split into delta, gamma, theta, vega, funding, costs and a named rest, which
    /// add up to the ledger to the cent. Beside it: hedge error against the number of hedges,
    /// implied against forecast volatility, and riskless packages in the chains.
    Hedge(vol_hedge::VolHedge),
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().job {
        Job::Lab(command) => lab_command::run(command),
        Job::Data(command) => data::run(command),
        Job::Vol(Vol::Hedge(command)) => vol_hedge::run(&command),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("plumb: {error}");
            ExitCode::from(2)
        }
    }
}
