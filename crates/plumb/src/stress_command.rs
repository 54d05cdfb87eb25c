//! `plumb lab stress`: the incident library through our rules and the venue's.

use std::path::{Path, PathBuf};

use clap::Args;
use lab::stress::{self, Extent, Incident, Job, Outcome, Report};

use crate::failure::{Failure, refuse, say, whole};
use crate::summary::{self, Colour};
use crate::work::{open_folder, processors, run_all, runs_bar};

/// Where the incidents stand, seen from the working directory.
const FOLDER: &str = "scenarios/incidents";

/// What to run.
#[derive(Debug, Args)]
pub struct Stress {
    /// Incidents to run, as `E15 E3` or `E15,E3`; all by default.
    #[arg(value_name = "ID", value_delimiter = ',')]
    ids: Vec<String>,
    /// Folder with the incident files (TOML).
    #[arg(long, value_name = "DIR", default_value = FOLDER)]
    incidents: PathBuf,
    /// The whole product of amplitude, depth, oracle fault and halt: 432 variants of each incident.
    #[arg(long)]
    full: bool,
    /// Only the incidents as they were, without variants.
    #[arg(long, conflicts_with = "full")]
    as_it_was: bool,
    /// Seed of the publishers' errors.
    #[arg(long, value_name = "N", default_value_t = 1)]
    #[arg(value_parser = whole, allow_negative_numbers = true)]
    seed: u64,
    /// Folder for stress.json and stress.html.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Print JSON instead of the table.
    #[arg(long)]
    json: bool,
    /// Print the page `docs/incidents-figures.md` instead of the table.
    #[arg(long, conflicts_with = "json")]
    markdown: bool,
}

impl Stress {
    /// Runs the incidents and reports.
    pub fn run(&self) -> Result<(), Failure> {
        let incidents = self.chosen(load(&self.incidents)?)?;
        if let Some(folder) = &self.out {
            open_folder(folder)?;
        }
        let extent = match (self.full, self.as_it_was) {
            (true, _) => Extent::Product,
            (false, true) => Extent::AsItWas,
            (false, false) => Extent::Chosen,
        };
        let jobs = stress::jobs(&incidents, extent);
        let outcomes = simulate_all(&incidents, &jobs, self.seed);
        let report = Report::of(&incidents, &jobs, &outcomes, self.seed);
        if let Some(folder) = &self.out {
            lab::table::write_json(&folder.join("stress.json"), &report).map_err(refuse)?;
            let page = lab::report::stress_page(&report);
            lab::table::write_file(&folder.join("stress.html"), page.as_bytes()).map_err(refuse)?;
        }
        if self.json {
            return say(&serde_json::to_string_pretty(&report).map_err(refuse)?);
        }
        if self.markdown {
            return say(summary::stress_page::page(&report).trim_end());
        }
        say(&summary::stress::table(&report, Colour::of_terminal()))?;
        match &self.out {
            Some(folder) => say(&format!("Report: {}", folder.join("stress.html").display())),
            None => Ok(()),
        }
    }

    /// The incidents that were asked for.
    fn chosen(&self, incidents: Vec<Incident>) -> Result<Vec<Incident>, Failure> {
        let known: Vec<&str> = incidents.iter().map(|incident| incident.id.as_str()).collect();
        for id in &self.ids {
            if !known.iter().any(|known| known.eq_ignore_ascii_case(id)) {
                let list = known.join(", ");
                return Err(Failure::Lab(format!("`{id}`: no such incident; there are {list}")));
            }
        }
        let wanted = |incident: &Incident| {
            self.ids.is_empty() || self.ids.iter().any(|id| id.eq_ignore_ascii_case(&incident.id))
        };
        Ok(incidents.into_iter().filter(wanted).collect())
    }
}

/// All incident files of a folder, in the order of their numbers.
fn load(folder: &Path) -> Result<Vec<Incident>, Failure> {
    let wrong = |source| {
        let path =
            format!("no incidents in {}: give their folder with --incidents", folder.display());
        Failure::File { path, source }
    };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(wrong)? {
        let path = entry.map_err(wrong)?.path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            files.push(path);
        }
    }
    files.sort();
    let read: Result<Vec<Incident>, _> = files.iter().map(|file| Incident::load(file)).collect();
    let mut incidents = read.map_err(refuse)?;
    if incidents.is_empty() {
        let text = format!("{}: holds no incident (*.toml)", folder.display());
        return Err(Failure::Lab(text));
    }
    incidents.sort_by_key(|incident| (number(&incident.id), incident.id.clone()));
    Ok(incidents)
}

/// The number in an incident's id, so that E2 stands before E10.
fn number(id: &str) -> u64 {
    let digits: String = id.chars().filter(char::is_ascii_digit).collect();
    digits.parse().unwrap_or(u64::MAX)
}

/// Runs every job on as many threads as there are processors; outcomes in the order of the jobs.
fn simulate_all(incidents: &[Incident], jobs: &[Job], seed: u64) -> Vec<Outcome> {
    let bar = runs_bar(jobs.len(), "incidents");
    // A broken invariant is a panic; it is counted in the outcome and its text kept there.
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let run = |job: &Job| stress::run(incidents, job, seed);
    let outcomes = run_all(jobs, processors(), run, |_, _| bar.inc(1));
    std::panic::set_hook(hook);
    bar.finish_and_clear();
    outcomes
}
