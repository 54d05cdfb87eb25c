//! `plumb desk`: back-test strategies on recorded markets, one run or a grid of them.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::{Args, Subcommand};
use indicatif::ProgressBar;
use lab::replay::measure::Measures;
use lab::replay::record::{self, Record};
use lab::replay::setup::arguments::Argument;
use lab::replay::setup::axis::{self, Axis};
use lab::replay::setup::market::{DataArgument, Source};
use lab::replay::setup::trader::Class;
use lab::replay::setup::{Given, Setup};
use lab::replay::sweep::{Cell, Outcome, Sweep};

use crate::failure::{Failure, refuse, say, whole};
use crate::summary::{Colour, backtest, desk};
use crate::tapes::{self, Kept, Looks};
use crate::work::{bar, open_folder, processors, run_all, runs, runs_bar};

/// Trading strategies.
#[derive(Debug, Subcommand)]
pub enum Desk {
    /// Replay recorded markets and say what a strategy would have done and earned.
    ///
    /// STRATEGY is a name (`plumb desk strategies` lists them) or a TOML file that names the
    /// strategy and everything else; docs/backtest.md describes every key. Orders travel, stand in
    /// queues and trade with what was recorded; the same data, settings and seed give the same
    /// run. Writes report.html (open it in a browser), summary.json and Parquet tables; with
    /// --sweep sweep.html, sweep.json and a table with a row for each cell.
    ///
    /// Examples, on data that ship:
    ///
    ///   plumb desk backtest maker --data data/binance-2024-08-08/binance-usdm-btcusdt.gz
    ///
    ///   plumb desk backtest touch --data data/binance-2024-08-08/binance-usdm-btcusdt.gz
    ///   --set order_qty=0.01 --sweep latency=0ms:200ms:5 --sweep behind_ticks=0,1,5
    ///
    ///   plumb desk backtest cross --data spot=data/binance-2024-08-08/binance-spot-btcusdt.gz
    ///   --data perp=data/binance-2024-08-08/binance-usdm-btcusdt.gz --latency 5ms
    ///   --set usual_memory_min=0.1 --set market.fee_taker_bp=1
    #[command(verbatim_doc_comment)]
    Backtest(Backtest),
    /// List the strategies, or every parameter of one, with values, default and meaning.
    Strategies {
        /// The strategy whose parameters to list.
        #[arg(value_name = "STRATEGY")]
        name: Option<String>,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}

/// What to back-test.
#[derive(Debug, Args)]
pub struct Backtest {
    /// Name of a strategy, or a TOML file.
    #[arg(value_name = "STRATEGY")]
    strategy: String,
    /// A file of market events; NAME=FILE names its market. Repeat for more markets or files.
    #[arg(long, value_name = "[NAME=]FILE")]
    data: Vec<String>,
    /// Set a key, as half_spread_bp=2, queue=power:3 or market.perp.fee_maker_bp=-0.5.
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Run every value of a key: edge_bp=1,2,5 or latency=0ms:200ms:21 (from:to:count), with
    /// :log in equal ratios. Repeat for a grid.
    #[arg(long, value_name = "KEY=VALUES")]
    sweep: Vec<String>,
    /// Time of an order to the exchange and of its answer back, as 5ms or "5ms + exp 2ms".
    #[arg(long, value_name = "DELAY")]
    latency: Option<String>,
    /// Seed of every random choice; 1 by default.
    #[arg(long, value_name = "N", value_parser = whole, allow_negative_numbers = true)]
    seed: Option<u64>,
    /// A TOML file of settings under a strategy that is given by name.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Folder for the results; runs/NAME-seed-N or runs/NAME-sweep by default.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Threads of a sweep; as many as there are processors by default.
    #[arg(long, value_name = "N", value_parser = threads)]
    threads: Option<usize>,
    /// Read and check everything, print what would run, and stop.
    #[arg(long)]
    check: bool,
    /// Print JSON instead of the summary.
    #[arg(long)]
    json: bool,
}

/// Runs one of the commands.
pub fn run(command: Desk) -> Result<(), Failure> {
    match command {
        Desk::Backtest(backtest) => backtest.run(),
        Desk::Strategies { name: None, json } => {
            if json {
                let all: Vec<serde_json::Value> = Class::ALL.into_iter().map(as_json).collect();
                return say(&serde_json::to_string_pretty(&all).map_err(refuse)?);
            }
            say(desk::strategies().trim_end())
        }
        Desk::Strategies { name: Some(name), json } => {
            let class = Class::find(&name).map_err(refuse)?;
            if json {
                return say(&serde_json::to_string_pretty(&as_json(class)).map_err(refuse)?);
            }
            say(desk::strategy(class).trim_end())
        }
    }
}

fn as_json(class: Class) -> serde_json::Value {
    let parameters: Vec<serde_json::Value> = class
        .parameters()
        .iter()
        .map(|it| {
            serde_json::json!({
                "name": it.name, "values": it.range, "default": it.default, "meaning": it.help,
            })
        })
        .collect();
    serde_json::json!({
        "name": class.name(), "does": class.help(), "trades": class.parts(),
        "parameters": parameters,
    })
}

fn threads(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(count @ 1..=1024) => Ok(count),
        _ => Err("give a whole number from 1 to 1024".into()),
    }
}

impl Backtest {
    fn run(&self) -> Result<(), Failure> {
        let given = self.given()?;
        let axes: Result<Vec<Axis>, _> = self.sweep.iter().map(|text| Axis::parse(text)).collect();
        let axes = axes.map_err(refuse)?;
        let looks = Looks::default();
        let mut setups = Vec::new();
        for cell in axis::grid(&axes).map_err(refuse)? {
            let mut given = given.clone();
            given.arguments.extend(cell);
            let setup = Setup::read(&given, &|source| looks.open(source)).map_err(refuse)?;
            setup.strategy().map_err(refuse)?;
            setups.push(setup);
        }
        if self.check {
            let text = desk::check(&setups[0], setups.len());
            return say(text.trim_end());
        }
        match &setups[..] {
            [setup] if axes.is_empty() => self.one(setup),
            _ => self.all(&axes, &setups),
        }
    }

    /// What the command line says, and the text of the file.
    fn given(&self) -> Result<Given, Failure> {
        let mut given = Given::default();
        let is_file = self.strategy.ends_with(".toml") || Path::new(&self.strategy).is_file();
        let file = match (is_file, &self.config) {
            (true, Some(_)) => {
                let text = format!("--config: {} is a file already; give one", self.strategy);
                return Err(Failure::Lab(text));
            }
            (true, None) => Some(PathBuf::from(&self.strategy)),
            (false, config) => {
                given.strategy = Some(self.strategy.clone());
                config.clone()
            }
        };
        if let Some(path) = file {
            let text = std::fs::read_to_string(&path).map_err(|source| {
                let path = format!("cannot read {}", path.display());
                Failure::File { path, source }
            })?;
            given.file = Some((path, text));
        }
        given.data = self.data.iter().map(|text| data(text)).collect();
        for text in &self.set {
            given.arguments.push(Argument::parse("--set", text).map_err(refuse)?);
        }
        let flags =
            [("latency", self.latency.clone()), ("seed", self.seed.map(|seed| seed.to_string()))];
        for (key, value) in flags {
            given.arguments.extend(value.map(|value| Argument {
                shown: format!("--{key} {value}"),
                key: key.into(),
                value,
            }));
        }
        Ok(given)
    }

    /// One run.
    fn one(&self, setup: &Setup) -> Result<(), Failure> {
        let folder = self.folder(&format!("{}-seed-{}", setup.name, setup.seed));
        open_folder(&folder)?;
        let started = Instant::now();
        let files = tapes::files(&setup.sources)?;
        let bytes = files.iter().map(|file| file.bytes).sum();
        let template = "{msg} {bar:32} {percent:>3} %  {elapsed} elapsed, {eta} left";
        let bar = bar(bytes, template);
        bar.set_message(setup.name.clone());
        let meter = feed::Meter::default();
        let about = about(files);
        let open = |source: &Source| tapes::open(source, &meter);
        let ran = setup.run(&open, about, &mut |_, _| bar.set_position(meter.bytes()));
        bar.finish_and_clear();
        let record = ran.map_err(refuse)?;
        let took = started.elapsed().as_secs_f64();
        let measures = Measures::of(&record);
        let written = lab::replay::tables::write_all(&folder, &record, &measures);
        let written = written.map_err(refuse)?;
        let summary = written.iter().find(|path| path.ends_with("summary.json"));
        let summary = summary.cloned().unwrap_or_else(|| folder.join("summary.json"));
        let report = folder.join("report.html");
        let page = lab::report::backtest_page(&record, &measures);
        lab::table::write_file(&report, page.as_bytes()).map_err(refuse)?;
        if self.json {
            return print_file(&summary);
        }
        for note in &setup.notes {
            say(note)?;
        }
        let text = backtest::run(&record, &measures, Colour::of_terminal());
        let events = lab::replay::measure::counts(&record).events;
        let rate = lab::text::number(events as f64 / took.max(1e-9) / 1e6, 2);
        let events = lab::text::count(events);
        say(&format!("\n{}\n\n{events} events in {took:.1} s ({rate} M/s)", text.trim_end()))?;
        say(&format!("Report: {}", report.display()))
    }

    /// A grid of runs.
    fn all(&self, axes: &[Axis], setups: &[Setup]) -> Result<(), Failure> {
        let folder = self.folder(&format!("{}-sweep", setups[0].name));
        open_folder(&folder)?;
        let files = tapes::files(&setups[0].sources)?;
        let bytes = files.iter().map(|file| file.bytes).sum();
        let reading = bar(bytes, "{msg} {bar:32} {percent:>3} %  {elapsed} elapsed, {eta} left");
        reading.set_message("reading");
        let kept = Kept::read(&setups[0].sources, |bytes| reading.inc(bytes))?;
        reading.finish_and_clear();
        let about = about(files);
        let cells = run_cells(axes, setups, &kept, &about, self.threads.unwrap_or_else(processors));
        let mut run = common(setups, about);
        if let Some(Ok(outcome)) =
            cells.iter().map(|cell| cell.outcome.as_ref()).find(Result::is_ok)
        {
            (run.start, run.end) = outcome.period;
        }
        let sweep = Sweep { run, axes: labels(axes), cells };
        let written = lab::replay::tables::write_sweep(&folder, &sweep).map_err(refuse)?;
        let summary = written.iter().find(|path| path.ends_with("sweep.json"));
        let summary = summary.cloned().unwrap_or_else(|| folder.join("sweep.json"));
        let report = folder.join("sweep.html");
        let page = lab::report::sweep_page(&sweep);
        lab::table::write_file(&report, page.as_bytes()).map_err(refuse)?;
        for (cell, cause) in sweep.failures() {
            eprintln!("plumb: {}: {cause}", sweep.setting(cell));
        }
        if sweep.failures().count() == sweep.cells.len() {
            return Err(Failure::Lab("every cell of the sweep failed".into()));
        }
        if self.json {
            return print_file(&summary);
        }
        let table = backtest::sweep(&sweep, Colour::of_terminal());
        say(&format!("{}\nReport: {}", table.trim_end(), report.display()))
    }

    fn folder(&self, name: &str) -> PathBuf {
        self.out.clone().unwrap_or_else(|| runs(name))
    }
}

/// `NAME=FILE`, or a file.
fn data(text: &str) -> DataArgument {
    let named = text
        .split_once('=')
        .filter(|(name, path)| !name.is_empty() && !path.is_empty() && !name.contains(['/', '\\']));
    match named.filter(|_| !Path::new(text).is_file()) {
        Some((name, path)) => DataArgument { market: Some(name.into()), path: path.into() },
        None => DataArgument { market: None, path: text.into() },
    }
}

/// What a record says of this command.
fn about(files: Vec<record::DataFile>) -> record::Run {
    let quoted = |argument: String| {
        if argument.contains(char::is_whitespace) { format!("'{argument}'") } else { argument }
    };
    let command: Vec<String> = std::env::args().skip(1).map(quoted).collect();
    record::Run {
        build: format!("plumb {}", env!("CARGO_PKG_VERSION")),
        command: format!("plumb {}", command.join(" ")),
        files,
        ..record::Run::default()
    }
}

/// What all cells of a sweep have in common.
fn common(setups: &[Setup], about: record::Run) -> record::Run {
    let first = &setups[0];
    let shared = |of: fn(&Setup) -> &[(String, String)]| {
        let everywhere = |pair: &&(String, String)| setups.iter().all(|it| of(it).contains(pair));
        of(first).iter().filter(everywhere).cloned().collect()
    };
    record::Run {
        strategy: first.trader.class().name().into(),
        parameters: shared(|setup| &setup.parameters),
        models: shared(|setup| &setup.models),
        seed: first.seed,
        quote: first.account.currency().into(),
        ..about
    }
}

fn labels(axes: &[Axis]) -> Vec<lab::replay::sweep::Axis> {
    let axis = |axis: &Axis| {
        let (unit, labels) = axis.labels();
        lab::replay::sweep::Axis::new(&axis.argument.key, unit, labels)
    };
    axes.iter().map(axis).collect()
}

/// Runs every cell; one that fails says why and leaves the others alone.
fn run_cells(
    axes: &[Axis],
    setups: &[Setup],
    kept: &Kept,
    about: &record::Run,
    threads: usize,
) -> Vec<Cell> {
    let bar = runs_bar(setups.len(), "sweep");
    // A panic is a fault of ours; its text becomes the cell's cause.
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let run = |setup: &Setup| {
        let ran = catch_unwind(AssertUnwindSafe(|| cell(setup, kept, about)));
        ran.unwrap_or_else(|panic| {
            let text = panic.downcast_ref::<String>().cloned();
            let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).into()));
            Err(format!("panicked: {}", text.unwrap_or_default()))
        })
    };
    let names = labels(axes);
    let mut best: Option<f64> = None;
    let outcomes = run_all(setups, threads, run, |at, outcome| {
        tell(&bar, &names, at, outcome.as_ref().ok(), &mut best);
    });
    std::panic::set_hook(hook);
    bar.finish_and_clear();
    outcomes.into_iter().map(|outcome| Cell { outcome }).collect()
}

/// One cell of a sweep.
fn cell(setup: &Setup, kept: &Kept, about: &record::Run) -> Result<Outcome, String> {
    let open = |source: &Source| kept.open(source);
    let record: Record =
        setup.run(&open, about.clone(), &mut |_, _| {}).map_err(|error| error.to_string())?;
    Ok(Outcome::of(&record, &Measures::of(&record)))
}

/// Moves the bar on, and names the best cell up to now.
fn tell(
    bar: &ProgressBar,
    axes: &[lab::replay::sweep::Axis],
    at: usize,
    outcome: Option<&Outcome>,
    best: &mut Option<f64>,
) {
    bar.inc(1);
    let Some(profit) = outcome.map(|outcome| outcome.profit) else { return };
    if best.is_none_or(|best| profit > best) {
        *best = Some(profit);
        let sweep = Sweep { run: record::Run::default(), axes: axes.to_vec(), cells: Vec::new() };
        let profit = lab::text::number(profit, 2);
        bar.set_message(format!("best {profit} at {}", sweep.setting(at)));
    }
}

fn print_file(path: &Path) -> Result<(), Failure> {
    let text = std::fs::read_to_string(path)
        .map_err(|source| Failure::File { path: path.display().to_string(), source })?;
    say(text.trim_end())
}
