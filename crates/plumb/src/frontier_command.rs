//! `plumb lab frontier`: which price gap the margin of a market bears, by depth.

use std::path::PathBuf;

use clap::Args;
use lab::frontier::Frontier;
use lab::scenario::Scenario;

use crate::failure::{Failure, refuse, say};
use crate::summary::{self, Colour};
use crate::work::open_folder;

/// Which markets.
#[derive(Debug, Args)]
pub struct FrontierOf {
    /// Scenario file (TOML) whose perpetuals are taken.
    #[arg(default_value = "scenarios/october-2025.toml")]
    scenario: PathBuf,
    /// Folder for frontier.json and frontier.html.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Print JSON instead of the table.
    #[arg(long)]
    json: bool,
}

impl FrontierOf {
    /// Computes the frontier of each perpetual.
    pub fn run(&self) -> Result<(), Failure> {
        let scenario = Scenario::load(&self.scenario).map_err(refuse)?;
        let markets: Vec<Frontier> = scenario
            .markets
            .iter()
            .filter_map(|market| {
                Some(Frontier::of(&market.name, market.kind.derivative()?, &market.rules))
            })
            .collect();
        if markets.is_empty() {
            return Err(Failure::Lab(format!("{}: has no [[perpetual]]", scenario.name)));
        }
        if let Some(folder) = &self.out {
            open_folder(folder)?;
            lab::table::write_json(&folder.join("frontier.json"), &markets).map_err(refuse)?;
            let page = lab::report::frontier_page(&scenario.name, &markets);
            let file = folder.join("frontier.html");
            lab::table::write_file(&file, page.as_bytes()).map_err(refuse)?;
        }
        if self.json {
            return say(&serde_json::to_string_pretty(&markets).map_err(refuse)?);
        }
        say(&summary::frontier::tables(&markets, Colour::of_terminal()))?;
        match &self.out {
            Some(folder) => say(&format!("Report: {}", folder.join("frontier.html").display())),
            None => Ok(()),
        }
    }
}
