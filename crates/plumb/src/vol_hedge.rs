//! `plumb vol hedge`: gamma hedging on recorded options, rule against rule.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use lab::hedging::{self, Fees, Hedge, Plan, Shape, Side, Study, StudyInput, Tape};
use money::{Qty, Span};
use pricing::convert::qty_f64;

use crate::failure::{Failure, refuse, say, whole};
use crate::summary::{self, Colour};
use crate::work::open_folder;

/// Rules that are compared when none is named.
const RULES: &str = "none,1h,4h,8h,1d,band:0.02,band:0.05,band:0.1,ww:0.0001,ww:0.001,ww:0.01,\
                     zak:0.0001,zak:0.001,zak:0.01";

/// The most options of a kind: sums over years stay far inside of the cents of an `i64`.
const SIZE_MAX: f64 = 1e6;

/// What to study.
#[derive(Debug, Args)]
pub struct VolHedge {
    /// Option chains (CSV, gzip), in any order.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Folders with bars of spot and perpetual and funding rates, finest bars first.
    #[arg(long, value_name = "DIR", value_delimiter = ',', required = true)]
    bars: Vec<PathBuf>,
    /// Underlying of the options.
    #[arg(long, default_value = "BTC")]
    asset: String,
    /// Rules: none, a time (5m, 4h, 1d), band:DELTA, ww:AVERSION, zak:AVERSION; by commas.
    #[arg(long, value_name = "RULES", value_delimiter = ',', default_value = RULES)]
    rule: Vec<String>,
    /// Days to the expiry that is looked for, the nearest of half to twice as many; several give a
    /// book for each.
    #[arg(long, value_name = "DAYS", value_delimiter = ',', default_value = "7,30")]
    days: Vec<u32>,
    /// Days after which options are traded back and rolled; at their expiry by default.
    #[arg(long, value_name = "DAYS")]
    roll: Option<u32>,
    /// Sell or buy the options, or each.
    #[arg(long, value_enum, default_value_t = Sides::Both)]
    side: Sides,
    /// Trade strangles of this delta instead of straddles.
    #[arg(long, value_name = "DELTA")]
    strangle: Option<f64>,
    /// Options of each kind, coins.
    #[arg(long, value_name = "QTY", default_value = "1")]
    size: Qty,
    /// Hedge in the perpetual, with its funding, or in spot.
    #[arg(long, value_enum, default_value_t = Instrument::Perp)]
    hedge: Instrument,
    /// Quantity step of the hedge, coins.
    #[arg(long, value_name = "QTY", default_value = "0.001")]
    lot: Qty,
    /// Fee of a hedge trade, bp of notional; also of converting premium and payoff.
    #[arg(long, value_name = "BP", default_value_t = 5.0)]
    taker_bp: f64,
    /// Half of the hedge's spread, bp.
    #[arg(long, value_name = "BP", default_value_t = 0.5)]
    half_spread_bp: f64,
    /// Fee of an option, coin.
    #[arg(long, value_name = "COIN", default_value_t = 0.0003)]
    option_fee: f64,
    /// The most that it may be, percent of the premium.
    #[arg(long, value_name = "PERCENT", default_value_t = 12.5)]
    option_fee_cap: f64,
    /// Simulated paths of the law of hedge errors; 0 leaves it out.
    #[arg(long, value_name = "N", default_value_t = 100_000)]
    #[arg(value_parser = whole, allow_negative_numbers = true)]
    paths: u64,
    /// Seed of simulated paths.
    #[arg(long, value_name = "N", default_value_t = 1)]
    #[arg(value_parser = whole, allow_negative_numbers = true)]
    seed: u64,
    /// Folder for hedge.json and hedge.html.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Print JSON instead of the tables.
    #[arg(long)]
    json: bool,
}

/// Which way the options are traded.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Sides {
    Sell,
    Buy,
    Both,
}

/// What hedges.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Instrument {
    Perp,
    Spot,
}

/// Runs the study.
pub fn run(args: &VolHedge) -> Result<(), Failure> {
    let rules: Result<Vec<_>, _> = args.rule.iter().map(|rule| hedging::rule_of(rule)).collect();
    let (rules, plans) = (rules.map_err(refuse)?, args.plans()?);
    let tapes: Result<Vec<Tape>, _> =
        args.bars.iter().map(|folder| Tape::load(&args.asset, folder)).collect();
    let tapes = tapes.map_err(refuse)?;
    let (chains, damaged) = hedging::load_chains(&args.asset, &args.files).map_err(refuse)?;
    if let Some(folder) = &args.out {
        open_folder(folder)?;
    }
    let (seed, paths, life) = (args.seed, args.paths, Span::DAY.times(7));
    let input = StudyInput { tapes, chains, damaged, plans, rules, seed, paths, life };
    let study = Study::run(&input).map_err(refuse)?;
    if let Some(folder) = &args.out {
        lab::table::write_json(&folder.join("hedge.json"), &study).map_err(refuse)?;
        let page = lab::report::hedging_page(&study);
        lab::table::write_file(&folder.join("hedge.html"), page.as_bytes()).map_err(refuse)?;
    }
    if args.json {
        return say(&serde_json::to_string_pretty(&study).map_err(refuse)?);
    }
    say(&summary::hedging::tables(&study, Colour::of_terminal()))?;
    match &args.out {
        Some(folder) => say(&format!("Report: {}", folder.join("hedge.html").display())),
        None => Ok(()),
    }
}

impl VolHedge {
    fn plans(&self) -> Result<Vec<Plan>, Failure> {
        let fees = self.fees()?;
        let shape = match self.strangle {
            None => Shape::Straddle,
            Some(delta) if delta > 0.0 && delta < 1.0 => Shape::Strangle { delta },
            Some(delta) => {
                return Err(Failure::Lab(format!(
                    "--strangle {delta}: give a delta between 0 and 1"
                )));
            }
        };
        let positive = self.size.is_positive() && self.lot.is_positive();
        if !positive || self.roll == Some(0) || self.days.contains(&0) {
            let text = "--size, --lot, --roll and --days must be above zero";
            return Err(Failure::Lab(text.to_owned()));
        }
        if qty_f64(self.size) > SIZE_MAX {
            let text = format!("--size {}: at most {SIZE_MAX} coins", self.size);
            return Err(Failure::Lab(text));
        }
        let sides: &[Side] = match self.side {
            Sides::Sell => &[Side::Sell],
            Sides::Buy => &[Side::Buy],
            Sides::Both => &[Side::Sell, Side::Buy],
        };
        let hedge = match self.hedge {
            Instrument::Perp => Hedge::Perp,
            Instrument::Spot => Hedge::Spot,
        };
        let plan = |days: u32, side: Side| Plan {
            side,
            shape,
            tenor: Span::DAY.times(u64::from(days)),
            roll: self.roll.map(|days| Span::DAY.times(u64::from(days))),
            size: self.size,
            hedge,
            lot: self.lot,
            fees,
        };
        let all = self.days.iter().flat_map(|days| sides.iter().map(|side| plan(*days, *side)));
        Ok(all.collect())
    }

    fn fees(&self) -> Result<Fees, Failure> {
        let fees = Fees {
            option: self.option_fee,
            option_cap: self.option_fee_cap / 100.0,
            hedge_taker: self.taker_bp / 1e4,
            hedge_half_spread: self.half_spread_bp / 1e4,
            ..Fees::default()
        };
        let each = [fees.option, fees.option_cap, fees.hedge_taker, fees.hedge_half_spread];
        if each.iter().all(|fee| (0.0..=1.0).contains(fee)) {
            return Ok(fees);
        }
        Err(Failure::Lab("a fee is below zero or above the whole; give it in its unit".to_owned()))
    }
}
