//! `plumb`: one command for the three jobs. This file parses arguments and prints; the work is in
//! the crates below.

mod failure;
mod summary;
mod work;
mod data_events;
mod data;
mod stress_command;
mod frontier_command;
mod lab_command;
mod tapes;
mod desk_command;
mod vol_hedge;
mod vol_command;

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
    /// Back-test strategies on recorded markets.
    #[command(subcommand, arg_required_else_help = true)]
    Desk(desk_command::Desk),
    /// Import and inspect market data files.
    #[command(subcommand, arg_required_else_help = true)]
    Data(data::Data),
    /// Fit volatility surfaces to option quotes, check them, draw them; hedge recorded options.
    #[command(subcommand, arg_required_else_help = true)]
    Vol(vol_command::Vol),
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().job {
        Job::Lab(command) => lab_command::run(command).map(|()| ExitCode::SUCCESS),
        Job::Desk(command) => desk_command::run(command).map(|()| ExitCode::SUCCESS),
        Job::Data(command) => data::run(command),
        Job::Vol(command) => vol_command::run(command).map(|()| ExitCode::SUCCESS),
    };
    match outcome {
        Ok(code) => code,
        Err(error) => {
            eprintln!("plumb: {error}");
            ExitCode::from(2)
        }
    }
}
