//! `plumb lab`: run a scenario, compare funding rules, verify the rulebook against settlements.

use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Subcommand;
use lab::compare::{Comparison, Run};
use lab::metrics::{Metrics, Options};
use lab::option_compare::{OptionComparison, OptionRun};
use lab::option_metrics::OptionMetrics;
use lab::record::Record;
use lab::scenario::Scenario;
use lab::setup::{self, Tapes};
use lab::verify::{self, IndustryTerms};
use lab::world::World;

use crate::failure::{Failure, refuse, say, signed, whole};
use crate::frontier_command::FrontierOf;
use crate::stress_command::Stress;
use crate::summary::{self, Colour};
use crate::work::{bar, open_folder, processors, run_all, runs, runs_bar};

/// The laboratory.
#[derive(Debug, Subcommand)]
pub enum Lab {
    /// Replay real prices through a market with traders in it, and report how well it tracks.
    ///
    /// The same scenario and seed give the same run, byte for byte. Writes report.html (open it in
    /// a browser), summary.json and Parquet tables.
    Run {
        /// Scenario file (TOML); docs/scenarios.md describes every key.
        scenario: PathBuf,
        /// Seed of every random choice; the scenario's own by default.
        #[arg(long, value_name = "N", value_parser = whole, allow_negative_numbers = true)]
        seed: Option<u64>,
        /// Folder for the report and the tables; runs/NAME-seed-N by default.
        #[arg(long, value_name = "DIR")]
        out: Option<PathBuf>,
        /// Replace the funding rule of every perpetual: anchored, industry, dydx, velocity, pi.
        #[arg(long, value_name = "RULE")]
        rule: Option<String>,
        /// Switch off classes or groups of agents, separated by commas: surface,gamma.
        #[arg(long, value_name = "AGENTS", value_delimiter = ',')]
        without: Vec<String>,
        /// Print the metrics as JSON instead of the summary.
        #[arg(long)]
        json: bool,
    },
    /// Run one scenario under several funding rules and several seeds, side by side.
    ///
    /// One price path, one crowd, one set of seeds: only the rule differs. Each number is the mean
    /// over seeds with its 95 % interval, next to what the recorded exchange did on the same path.
    /// With --agents the named agents are off in one arm and on in the other instead, and the
    /// option books are compared with the true surface.
    Compare {
        /// Scenario file (TOML).
        scenario: PathBuf,
        /// Funding rules, separated by commas: anchored, industry, dydx, velocity, pi.
        #[arg(
            long,
            value_name = "RULES",
            value_delimiter = ',',
            default_value = "anchored,industry"
        )]
        rules: Vec<String>,
        /// Compare these classes or groups of agents off and on instead of rules: surface,gamma.
        #[arg(long, value_name = "AGENTS", value_delimiter = ',')]
        #[arg(conflicts_with_all = ["rules", "market"])]
        agents: Vec<String>,
        /// Number of seeds, counted from the scenario's own.
        #[arg(long, value_name = "N", default_value_t = 16)]
        #[arg(value_parser = whole, allow_negative_numbers = true)]
        seeds: u64,
        /// Which perpetual to compare; the first of the scenario by default.
        #[arg(long, value_name = "NAME")]
        market: Option<String>,
        /// Folder for compare.html and compare.json; runs/NAME-compare by default.
        #[arg(long, value_name = "DIR")]
        out: Option<PathBuf>,
        /// Print JSON instead of the table.
        #[arg(long)]
        json: bool,
    },
    /// Run the incident library: what went wrong at real venues, under our rules and under theirs.
    ///
    /// Each incident runs as it was, with each dimension varied alone (size of the move, depth of
    /// the books, oracle fault, halt of the chain) and in its worst corners. A row names insurance
    /// used, bad debt beside the venue's, ADL volume, accounts wrongly liquidated and minutes with
    /// the mark more than 50 bp off the true price. docs/incidents.md describes the files.
    Stress(Stress),
    /// Plot which price gap in one block the margin of a market bears, by depth.
    ///
    /// Solvency and convergence in one figure: a thin book or a fast price needs more margin, and
    /// more margin is dearer arbitrage. Rows are maintenance margins, columns depths; the design of
    /// the scenario is the point.
    Frontier(FrontierOf),
    /// Check the rulebook against what an exchange really settled.
    #[command(subcommand, arg_required_else_help = true)]
    Verify(Verify),
}

/// Truth tests.
#[derive(Debug, Subcommand)]
pub enum Verify {
    /// Feed recorded prices into the industry funding rule and compare with the settled rates.
    ///
    /// Bars of 1 minute to 1 hour in the exchange's layout (CSV, gzip or Parquet). The premium is
    /// the perpetual's close over the spot close, weighted linearly in time. Example, on files
    /// that ship: plumb lab verify funding --spot data/binance-2025-10/BTCUSDT-spot-5m.csv.gz
    /// --perp data/binance-2025-10/BTCUSDT-perp-5m.csv.gz
    /// --funding data/binance-2025-10/BTCUSDT-funding-8h.csv.gz
    Funding {
        /// Spot bars.
        #[arg(long, value_name = "FILE")]
        spot: PathBuf,
        /// Perpetual bars.
        #[arg(long, value_name = "FILE")]
        perp: PathBuf,
        /// Settled funding rates.
        #[arg(long, value_name = "FILE")]
        funding: PathBuf,
        /// The symbol to take from a funding file that holds several.
        #[arg(long)]
        symbol: Option<String>,
        /// Interest of an interval, bp (0 for some contracts).
        #[arg(long, value_name = "BP", default_value_t = 1)]
        #[arg(value_parser = signed, allow_negative_numbers = true)]
        interest_bp: i64,
        /// Half-width of the dead band, bp.
        #[arg(long, value_name = "BP", default_value_t = 5)]
        #[arg(value_parser = signed, allow_negative_numbers = true)]
        clamp_bp: i64,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}

/// Runs one of the commands.
pub fn run(command: Lab) -> Result<(), Failure> {
    match command {
        Lab::Run { scenario, seed, out, rule, without, json } => {
            let file = scenario;
            let scenario = with_rule(load(&file)?, rule.as_deref())?;
            let scenario = lacking(&scenario, &without)?;
            let off = without.join(",");
            let seed = seed.unwrap_or(scenario.seed);
            let folder = out.unwrap_or_else(|| runs(&format!("{}-seed-{seed}", scenario.name)));
            run_one((&file, &scenario), (seed, rule.as_deref(), &off), &folder, json)
        }
        Lab::Compare { scenario, rules, agents, seeds, market, out, json } => {
            let scenario = load(&scenario)?;
            let folder = out.unwrap_or_else(|| runs(&format!("{}-compare", scenario.name)));
            if !agents.is_empty() {
                return compare_agents(&scenario, (&agents, seeds), &folder, json);
            }
            let plan = Plan { rules, seeds, market, folder, json };
            compare(&scenario, &plan)
        }
        Lab::Stress(stress) => stress.run(),
        Lab::Frontier(frontier) => frontier.run(),
        Lab::Verify(Verify::Funding {
            spot,
            perp,
            funding,
            symbol,
            interest_bp,
            clamp_bp,
            json,
        }) => {
            let terms = terms(interest_bp, clamp_bp)?;
            let files = [spot.as_path(), perp.as_path(), funding.as_path()];
            verify_funding(files, symbol.as_deref(), terms, json)
        }
    }
}

fn load(path: &Path) -> Result<Scenario, Failure> {
    Scenario::load(path).map_err(refuse)
}

fn with_rule(scenario: Scenario, rule: Option<&str>) -> Result<Scenario, Failure> {
    match rule {
        Some(rule) => scenario.with_rule(rule).map_err(refuse),
        None => Ok(scenario),
    }
}

/// The scenario with these agents switched off.
fn lacking(scenario: &Scenario, off: &[String]) -> Result<Scenario, Failure> {
    scenario.without(off).map_err(|unknown| {
        let mut known: Vec<&str> = Vec::new();
        for group in &scenario.agents {
            let names = [group.class.name(), group.name.as_str()];
            known
                .extend(names.into_iter().filter(|name| !known.contains(name)).collect::<Vec<_>>());
        }
        let known = known.join(", ");
        Failure::Lab(format!("no agents `{unknown}` in {}: it has {known}", scenario.name))
    })
}

/// One world from start to end.
fn simulate(
    scenario: &Scenario,
    tapes: &Tapes,
    (seed, rule): (u64, Option<&str>),
    progress: impl FnMut(lab::world::Progress),
) -> Result<Record, Failure> {
    let setup = setup::world(scenario, tapes, seed).map_err(refuse)?;
    let record = World::new(setup).map_err(refuse)?.run(progress);
    Ok(setup::describe(record, scenario, seed, rule))
}

fn run_one(
    (file, scenario): (&Path, &Scenario),
    (seed, rule, off): (u64, Option<&str>, &str),
    folder: &Path,
    json: bool,
) -> Result<(), Failure> {
    let started = Instant::now();
    let tapes = Tapes::read(scenario).map_err(refuse)?;
    open_folder(folder)?;
    let days = scenario.end.since(scenario.start).nanos() / money::Span::DAY.nanos();
    let template = "{msg} {bar:32} {percent:>3} %  {elapsed} elapsed, {eta} left";
    let bar = bar(1000, template);
    bar.set_message(format!("{} · {days} days · seed {seed}", scenario.name));
    let mut record = simulate(scenario, &tapes, (seed, rule), |progress| {
        bar.set_position(progress.done.nanos() / (progress.total.nanos() / 1000).max(1));
    })?;
    bar.finish_and_clear();
    let rule = rule.map_or(String::new(), |rule| format!(" --rule {rule}"));
    let off = if off.is_empty() { String::new() } else { format!(" --without {off}") };
    record.command = format!("plumb lab run {} --seed {seed}{rule}{off}", file.display());
    let simulated = started.elapsed();
    let metrics = Metrics::of(&record, &Options::default());
    let written = lab::table::write_all(folder, &record, &metrics).map_err(refuse)?;
    let report = folder.join("report.html");
    let page = lab::report::page(&record, &metrics);
    lab::table::write_file(&report, page.as_bytes()).map_err(refuse)?;
    if json {
        let summary = written.iter().find(|path| path.ends_with("summary.json"));
        let summary = summary.cloned().unwrap_or_else(|| folder.join("summary.json"));
        let text = std::fs::read_to_string(&summary)
            .map_err(|source| Failure::File { path: summary.display().to_string(), source })?;
        return say(text.trim_end());
    }
    let summary = summary::run(&record, &metrics, Colour::of_terminal());
    let per_second = record.counts.messages as f64 / simulated.as_secs_f64() / 1e6;
    say(&format!(
        "{summary}\nSimulated in {:.1} s ({per_second:.2} M messages/s). Report: {}",
        simulated.as_secs_f64(),
        report.display()
    ))
}

/// What is compared, and where it goes.
struct Plan {
    rules: Vec<String>,
    seeds: u64,
    market: Option<String>,
    folder: PathBuf,
    json: bool,
}

fn compare(scenario: &Scenario, plan: &Plan) -> Result<(), Failure> {
    if plan.seeds == 0 || plan.seeds > 10_000 {
        return Err(Failure::Lab("--seeds: give a number from 1 to 10000".into()));
    }
    if let Some(twice) =
        (1..plan.rules.len()).find(|at| plan.rules[..*at].contains(&plan.rules[*at]))
    {
        let text = format!("--rules: `{}` stands there twice; name each once", plan.rules[twice]);
        return Err(Failure::Lab(text));
    }
    let market = market(scenario, plan.market.as_deref())?;
    let designs: Result<Vec<Scenario>, Failure> =
        plan.rules.iter().map(|rule| with_rule(scenario.clone(), Some(rule))).collect();
    let designs = designs?;
    let jobs: Vec<(usize, u64)> = (0..designs.len())
        .flat_map(|rule| (0..plan.seeds).map(move |at| (rule, scenario.seed + at)))
        .collect();
    let tapes = Tapes::read(scenario).map_err(refuse)?;
    open_folder(&plan.folder)?;
    let records = simulate_all((&designs, &plan.rules), &tapes, &jobs)?;
    let measured: Vec<Metrics> =
        records.iter().map(|record| Metrics::of(record, &Options::default())).collect();
    let runs: Vec<Run> = records
        .iter()
        .zip(&measured)
        .filter_map(|(record, metrics)| {
            let at = record.markets.iter().position(|entry| entry.name == market)?;
            Some(Run {
                seed: record.seed,
                market: &record.markets[at],
                metrics: &metrics.markets[at],
            })
        })
        .collect();
    let comparison = Comparison::of(&scenario.name, &runs);
    lab::table::write_json(&plan.folder.join("compare.json"), &comparison).map_err(refuse)?;
    let report = plan.folder.join("compare.html");
    let page = lab::report::compare_page(&comparison, &runs);
    lab::table::write_file(&report, page.as_bytes()).map_err(refuse)?;
    if plan.json {
        let text = serde_json::to_string_pretty(&comparison).map_err(refuse)?;
        return say(&text);
    }
    let table = summary::comparison(&comparison, Colour::of_terminal());
    say(&format!("{table}\nReport: {}", report.display()))
}

/// The scenario with some agents off and on over several seeds.
fn compare_agents(
    scenario: &Scenario,
    (agents, seeds): (&[String], u64),
    folder: &Path,
    json: bool,
) -> Result<(), Failure> {
    if seeds == 0 || seeds > 10_000 {
        return Err(Failure::Lab("--seeds: give a number from 1 to 10000".into()));
    }
    if scenario.options.is_none() {
        return Err(Failure::Lab(format!("--agents: {} has no [options]", scenario.name)));
    }
    let designs = [lacking(scenario, agents)?, scenario.clone()];
    let jobs: Vec<(usize, u64)> =
        (0..seeds).flat_map(|at| [0, 1].map(|arm| (arm, scenario.seed + at))).collect();
    let tapes = Tapes::read(scenario).map_err(refuse)?;
    open_folder(folder)?;
    let records = simulate_all((&designs, &[]), &tapes, &jobs)?;
    let measured: Vec<OptionMetrics> = records
        .iter()
        .map(|record| OptionMetrics::of(record.options.as_ref().expect("both arms have options")))
        .collect();
    let runs: Vec<OptionRun> = records
        .iter()
        .zip(&measured)
        .zip(&jobs)
        .map(|((record, metrics), (arm, _))| OptionRun { record, metrics, on: *arm == 1 })
        .collect();
    let comparison = OptionComparison::of(&scenario.name, agents, &runs);
    lab::table::write_json(&folder.join("compare.json"), &comparison).map_err(refuse)?;
    let report = folder.join("compare.html");
    let page = lab::report::agents_page(&comparison, &runs);
    lab::table::write_file(&report, page.as_bytes()).map_err(refuse)?;
    if json {
        return say(&serde_json::to_string_pretty(&comparison).map_err(refuse)?);
    }
    let table = summary::options::comparison(&comparison, Colour::of_terminal());
    say(&format!("{table}\nReport: {}", report.display()))
}

/// The perpetual to compare.
fn market(scenario: &Scenario, wanted: Option<&str>) -> Result<String, Failure> {
    let perpetuals: Vec<&str> = scenario.perpetuals().collect();
    match wanted {
        None => match perpetuals.first() {
            Some(first) => Ok((*first).to_string()),
            None => Err(Failure::Lab(format!("{}: has no [[perpetual]]", scenario.name))),
        },
        Some(wanted) if perpetuals.contains(&wanted) => Ok(wanted.to_string()),
        Some(wanted) => Err(Failure::Lab(format!(
            "--market {wanted}: {} has the perpetuals {}",
            scenario.name,
            perpetuals.join(", ")
        ))),
    }
}

/// Runs every job on as many threads as there are processors; results in the order of the jobs.
fn simulate_all(
    (designs, rules): (&[Scenario], &[String]),
    tapes: &Tapes,
    jobs: &[(usize, u64)],
) -> Result<Vec<Record>, Failure> {
    let bar = runs_bar(jobs.len(), "comparing");
    let run = |&(rule, seed): &(usize, u64)| {
        let name = rules.get(rule).map(String::as_str);
        simulate(&designs[rule], tapes, (seed, name), |_| {})
    };
    let results = run_all(jobs, processors(), run, |_, _| bar.inc(1));
    bar.finish_and_clear();
    results.into_iter().collect()
}

fn terms(interest_bp: i64, clamp_bp: i64) -> Result<IndustryTerms, Failure> {
    let sane = |bp: i64| (0..=1000).contains(&bp);
    if !sane(interest_bp) || !sane(clamp_bp) {
        return Err(Failure::Lab("--interest-bp and --clamp-bp: give 0 to 1000".into()));
    }
    Ok(IndustryTerms {
        interest: money::Rate::from_bp(interest_bp),
        clamp: money::Rate::from_bp(clamp_bp),
        ..IndustryTerms::default()
    })
}

fn verify_funding(
    [spot, perpetual, funding]: [&Path; 3],
    symbol: Option<&str>,
    terms: IndustryTerms,
    json: bool,
) -> Result<(), Failure> {
    let spot = feed::open_bars(spot)?;
    let perpetual = feed::open_bars(perpetual)?;
    let settled = feed::open_funding_of(funding, symbol)?;
    let check = verify::funding(&spot, &perpetual, &settled, terms).map_err(refuse)?;
    if !check.correlation.is_finite() {
        let text = "every rate of the rule, or every settled one, is the same, so nothing can be \
                    compared: give --spot and --perp two files, and --clamp-bp less than the \
                    premium moves";
        return Err(Failure::Lab(text.into()));
    }
    if json {
        return say(&serde_json::to_string(&check).map_err(refuse)?);
    }
    let row = |name: &str, value: String| say(&format!("  {name:<28}{value}"));
    say("The industry rule against the exchange's own settlements")?;
    let detail = format!(
        "{} of {:.0} h, bars of {:.0} min",
        check.settlements, check.interval_h, check.bars_min
    );
    row("settlements compared", detail)?;
    row("correlation", format!("{:.4}", check.correlation))?;
    row("mean absolute error", format!("{:.4} bp", check.mae_bp))?;
    row("mean rate, exchange", format!("{:.4} bp", check.mean_recorded_bp))?;
    row("mean rate, rule", format!("{:.4} bp", check.mean_rule_bp))?;
    if check.skipped > 0 {
        row("without bars, left out", check.skipped.to_string())?;
    }
    Ok(())
}
