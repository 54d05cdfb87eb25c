//! `plumb vol`: fit volatility surfaces to option quotes, check them for arbitrage, draw them; and
//! hedge recorded options.

mod check;
mod measures;
mod tables;

use std::collections::BTreeSet;
use std::fs::File;
use std::path::PathBuf;
use std::time::Instant;

use clap::{Args, Subcommand, ValueEnum};
use desk::surface::{self, Surface};
use feed::Limits;
use feed::options::{Asset, Reader, Snapshot};
use indicatif::ProgressBar;
use money::Time;
use pricing::ssvi::Ssvi;

use crate::failure::{Failure, refuse, say};
use crate::summary::Colour;
use crate::vol_hedge::{self, VolHedge};
use crate::work::{bar, open_folder};
use measures::Measures;

/// Volatility surfaces.
#[derive(Debug, Subcommand)]
pub enum Vol {
    /// Fit a surface to every snapshot of a file of option quotes, and measure it.
    ///
    /// FILE is CSV, plain or gzip: a month of chains (snapshot_ms,instrument,bid,ask,…) or one raw
    /// snapshot of the collector. Each quote is inverted with its own forward; every expiry is
    /// fitted by itself (before), then the whole surface is moved until it is proven free of
    /// butterfly and calendar arbitrage (after). A quote counts in the share inside bid and ask if
    /// it is two-sided and its spread is below 5 points of volatility.
    /// Example: plumb vol fit data/deribit-2026-02/btc-crash.csv.gz
    Fit {
        #[command(flatten)]
        quotes: Quotes,
        /// Print JSON instead of the table.
        #[arg(long)]
        json: bool,
    },
    /// Check slices for butterfly and calendar arbitrage, over every strike and not on a grid.
    ///
    /// FILE is a CSV with the columns years,a,b,rho,m,sigma (and name, if wanted), the JSON of
    /// `plumb vol fit --json`, or option quotes, of which every coin of the first snapshot (or of
    /// --snapshot) is fitted first. Slices of rising years are neighbours in the calendar check;
    /// slices of equal years are alternatives. What is refused is said with its place and size, and
    /// ends the command with 2, unless --repair finds the nearest free slices.
    /// Example: plumb vol check slices.csv --repair
    Check {
        #[command(flatten)]
        quotes: Quotes,
        /// Move what is refused to the nearest slices free of arbitrage.
        #[arg(long)]
        repair: bool,
        /// Print JSON instead of the table.
        #[arg(long)]
        json: bool,
    },
    /// Draw a snapshot as a page: smiles with bid and ask, total variance, density, term structure.
    ///
    /// Writes DIR/surface.html, which needs no network. Takes the first snapshot of the file unless
    /// --snapshot names another, and its first coin unless --asset names one.
    /// Example: plumb vol plot data/deribit-2026-02/btc-crash.csv.gz --out runs/crash
    Plot {
        #[command(flatten)]
        quotes: Quotes,
        /// Folder for surface.html.
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
    },
    /// Sell and buy recorded options, hedge them under several rules, and say what each earned.
    ///
    /// Every profit is split into delta, gamma, theta, vega, funding, costs and a named rest, which
    /// add up to the ledger to the cent. Beside it: hedge error against the number of hedges,
    /// implied against forecast volatility, and riskless packages in the chains.
    /// Example: plumb vol hedge data/deribit-2026-02/btc-week.csv.gz
    /// --bars data/binance-2026-02 --days 5 --paths 0
    Hedge(VolHedge),
}

/// Which quotes, and how they are fitted.
#[derive(Debug, Args)]
pub struct Quotes {
    /// File to read.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Take only this coin, e.g. BTC; all by default.
    #[arg(long, value_name = "COIN")]
    asset: Option<String>,
    /// Take only one snapshot: its number from 1, or how its time begins, e.g. 2026-02-05T21.
    #[arg(long, value_name = "WHICH")]
    snapshot: Option<String>,
    /// A slice for each expiry (svi), or three numbers for all and a level for each (ssvi).
    #[arg(long, value_enum, default_value_t = Model::Svi)]
    model: Model,
}

/// How a surface is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Model {
    /// Raw SVI, five numbers an expiry.
    Svi,
    /// SSVI with a power law.
    Ssvi,
}

/// Runs one of the commands.
pub fn run(command: Vol) -> Result<(), Failure> {
    match command {
        Vol::Fit { quotes, json } => {
            let measures = quotes.measures()?;
            if json {
                let text = serde_json::to_string_pretty(&measures.json()).map_err(refuse)?;
                return say(&text);
            }
            say(tables::fit(&measures, Colour::of_terminal()).trim_end())
        }
        Vol::Check { quotes, repair, json } => check::run(&quotes, repair, json),
        Vol::Plot { quotes, out } => {
            let fitted = quotes.first()?.swap_remove(0);
            open_folder(&out)?;
            let title = format!("{} · {} UTC", fitted.asset, &fitted.time.to_string()[..19]);
            let page = lab::report::surface_page(&title, quotes.model.name(), &fitted.surface);
            let path = out.join("surface.html");
            lab::table::write_file(&path, page.as_bytes()).map_err(refuse)?;
            say(&format!("Page of {title}: {}", path.display()))
        }
        Vol::Hedge(command) => vol_hedge::run(&command),
    }
}

/// A surface, and how long it took.
pub struct Fitted {
    asset: Asset,
    time: Time,
    surface: Surface,
    /// Whether it is proven free of arbitrage.
    free: bool,
    /// The power law, if that was asked for.
    law: Option<Ssvi>,
    /// Seconds for all slices.
    fit_s: f64,
    /// Seconds until the surface was free.
    repair_s: f64,
}

impl Model {
    fn name(self) -> &'static str {
        match self {
            Model::Svi => "svi",
            Model::Ssvi => "ssvi",
        }
    }
}

impl Quotes {
    /// Fits every snapshot that was asked for.
    fn measures(&self) -> Result<Measures, Failure> {
        let length = std::fs::metadata(&self.file).map_or(0, |file| file.len());
        let bar =
            bar(length, "{msg} {bar:32} {bytes}/{total_bytes}  {elapsed} elapsed, {eta} left");
        let mut measures = Measures::new(&self.file, self.model);
        let mut seen = Seen::default();
        for (number, snapshot) in (1..).zip(self.reader(Some(&bar))?) {
            let snapshot = snapshot?;
            measures.damaged.extend_from_slice(&snapshot.damaged);
            if !seen.count(&snapshot, self.wants(number, &snapshot)) {
                continue;
            }
            bar.set_message(minute(snapshot.time));
            measures.add_snapshot(&snapshot);
            for asset in self.assets(&snapshot) {
                if let Some(fitted) = self.fitted(&snapshot, asset) {
                    measures.add(&fitted);
                }
            }
        }
        bar.finish_and_clear();
        warn(&measures.damaged);
        if measures.is_empty() { Err(self.nothing(&seen)) } else { Ok(measures) }
    }

    /// The surfaces of the first snapshot that was asked for and has any; at least one.
    fn first(&self) -> Result<Vec<Fitted>, Failure> {
        let mut seen = Seen::default();
        for (number, snapshot) in (1..).zip(self.reader(None)?) {
            let snapshot = snapshot?;
            if !seen.count(&snapshot, self.wants(number, &snapshot)) {
                continue;
            }
            let fitted = |asset| self.fitted(&snapshot, asset);
            let all: Vec<Fitted> = self.assets(&snapshot).into_iter().filter_map(fitted).collect();
            if !all.is_empty() {
                warn(&snapshot.damaged);
                return Ok(all);
            }
        }
        Err(self.nothing(&seen))
    }

    fn reader(&self, bar: Option<&ProgressBar>) -> Result<Reader<'static>, Failure> {
        if let Some(asset) = &self.asset
            && Asset::new(asset).is_none()
        {
            return Err(Failure::Lab(format!("`{asset}` is no coin; give e.g. BTC or ETH")));
        }
        let path = self.file.display().to_string();
        let file = File::open(&self.file)
            .map_err(|source| Failure::File { path: path.clone(), source })?;
        let reader = match bar {
            Some(bar) => Reader::open(&path, bar.wrap_read(file), &Limits::default())?,
            None => Reader::open(&path, file, &Limits::default())?,
        };
        Ok(reader)
    }

    /// Whether a snapshot was asked for.
    fn wants(&self, number: usize, snapshot: &Snapshot) -> bool {
        self.snapshot.as_ref().is_none_or(|which| {
            let time = snapshot.time.to_string();
            which.parse() == Ok(number)
                || which.len() >= 10 && time.starts_with(&which.replacen('T', " ", 1))
        })
    }

    /// The coins of a snapshot that were asked for.
    fn assets(&self, snapshot: &Snapshot) -> BTreeSet<Asset> {
        let wanted = |asset: &Asset| self.asset.as_ref().is_none_or(|name| asset.as_str() == name);
        snapshot.quotes.iter().map(|quote| quote.asset).filter(wanted).collect()
    }

    /// The surface of one coin; `None` if no expiry has enough quotes.
    fn fitted(&self, snapshot: &Snapshot, asset: Asset) -> Option<Fitted> {
        let chains = surface::chains(&snapshot.quotes, asset);
        let start = Instant::now();
        let mut surface = Surface::fit(chains);
        let mut fit_s = start.elapsed().as_secs_f64();
        if surface.expiries.is_empty() {
            return None;
        }
        let start = Instant::now();
        let (free, law) = match self.model {
            Model::Svi => (surface.repair(), None),
            Model::Ssvi => {
                let law = surface.fit_power_law();
                (law.is_some(), law)
            }
        };
        let mut repair_s = start.elapsed().as_secs_f64();
        if self.model == Model::Ssvi {
            (fit_s, repair_s) = (repair_s, 0.0);
        }
        Some(Fitted { asset, time: snapshot.time, surface, free, law, fit_s, repair_s })
    }

    /// Why nothing was fitted.
    fn nothing(&self, seen: &Seen) -> Failure {
        let file = self.file.display();
        if let (Some(which), 0, Some((first, last))) = (&self.snapshot, seen.wanted, seen.ends) {
            return Failure::Lab(format!(
                "{file}: has no snapshot `{which}`; give a number from 1 to {}, or how a UTC time \
                 begins, from {} to {}",
                seen.all,
                minute(first),
                minute(last)
            ));
        }
        let asset = self.asset.as_ref().map_or(String::new(), |asset| format!(" of {asset}"));
        Failure::Lab(format!(
            "{file}: no expiry{asset} has bid and ask, both with a volatility, at three strikes or \
             more; it has quotes of {}",
            seen.assets.iter().map(Asset::to_string).collect::<Vec<String>>().join(", ")
        ))
    }
}

/// The snapshots of a file up to now.
#[derive(Default)]
struct Seen {
    all: usize,
    /// Those that were asked for.
    wanted: usize,
    ends: Option<(Time, Time)>,
    assets: BTreeSet<Asset>,
}

impl Seen {
    /// Takes in a snapshot and gives `wanted` back.
    fn count(&mut self, snapshot: &Snapshot, wanted: bool) -> bool {
        self.all += 1;
        self.wanted += usize::from(wanted);
        let first = self.ends.map_or(snapshot.time, |(first, _)| first);
        self.ends = Some((first, snapshot.time));
        self.assets.extend(snapshot.quotes.iter().map(|quote| quote.asset));
        wanted
    }
}

/// To the minute, as `--snapshot` takes it.
fn minute(time: Time) -> String {
    time.to_string()[..16].replacen(' ', "T", 1)
}

/// Names the first damaged rows of a file, and how many more there are.
fn warn(damaged: &[feed::Error]) {
    const NAMED: usize = 5;
    for error in damaged.iter().take(NAMED) {
        eprintln!("plumb: row left out: {error}");
    }
    if damaged.len() > NAMED {
        eprintln!("plumb: {} more rows left out", damaged.len() - NAMED);
    }
}
