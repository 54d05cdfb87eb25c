//! The whole study of one asset: every rule on one path and over many options, the law of hedge
//! errors, the signal, the scan.

use desk::attribution::{Attribution, PARTS};
use desk::gamma::HedgeRule;
use money::{Amount, Span, Time};
use pricing::convert::amount_f64;
use pricing::statistics;
use serde::Serialize;

use super::chain::Chain;
use super::frontier::{RuleFrontier, Terms};
use super::law::{GbmLaw, PathLaw};
use super::ledger::{self, Outcome, Period};
use super::rule::rule_text;
use super::scan::Scan;
use super::signal::{self, Score, Signal};
use super::tape::{Close, Tape};
use super::{Hedge, Plan, Refusal, Shape, Side, millis, overlap};

/// What is studied.
#[derive(Clone, Debug)]
pub struct StudyInput {
    /// Prices of each folder, finest first.
    pub tapes: Vec<Tape>,
    /// Option chains in order of time.
    pub chains: Vec<Chain>,
    /// Rows of the option files that were damaged and left out.
    pub damaged: usize,
    /// Books to run.
    pub plans: Vec<Plan>,
    /// Rules to run each book under.
    pub rules: Vec<HedgeRule>,
    /// Seed of simulated and shuffled paths.
    pub seed: u64,
    /// Simulated paths; zero leaves the law out.
    pub paths: u64,
    /// Life of the options of the law.
    pub life: Span,
}

/// A rule on a book.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RuleResult {
    /// The rule.
    pub rule: String,
    /// Profit by cause and in total, exact decimals of quote.
    pub usd: Vec<(String, String)>,
    /// The same in cents: each cause rounded, unexplained what they leave of the rounded total.
    pub cents: Vec<i64>,
    /// Hedge trades.
    pub trades: u64,
    /// Quote traded in the hedge.
    pub turnover_usd: f64,
    /// Deviation of the profit of a day.
    pub sd_daily_usd: f64,
    /// Worst day.
    pub worst_day_usd: f64,
    /// Time and profit, every four hours.
    pub path_ms: Vec<i64>,
    /// Profit up to each time.
    pub path_usd: Vec<f64>,
}

/// A book under every rule.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BookResult {
    /// What it was, as `sell straddle 7 d`.
    pub book: String,
    /// First close with a book.
    pub from_ms: i64,
    /// Last close.
    pub to_ms: i64,
    /// Stretches from opening to closing; profit is that of the first rule.
    pub periods: Vec<Period>,
    /// One for each rule.
    pub rules: Vec<RuleResult>,
}

/// All of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Study {
    /// Asset.
    pub asset: String,
    /// Snapshots of the chains.
    pub snapshots: usize,
    /// Rows of the option files that were damaged and left out.
    pub damaged_rows: usize,
    /// First snapshot.
    pub from_ms: i64,
    /// Last snapshot.
    pub to_ms: i64,
    /// First close that options and bars have in common.
    pub hedged_from_ms: i64,
    /// Last such close.
    pub hedged_to_ms: i64,
    /// Bars that are missing between them; nothing is hedged there.
    pub bars_missing: u64,
    /// λ of a hedge trade.
    pub one_way: f64,
    /// Causes, in the order of `cents`, whose last is the total.
    pub parts: Vec<String>,
    /// Books.
    pub books: Vec<BookResult>,
    /// Books for which no expiry ended inside the period.
    pub unopened: Vec<String>,
    /// Rules over many options of the finest tape.
    pub frontier: Vec<RuleFrontier>,
    /// The law on simulated paths.
    pub law_gbm: Option<GbmLaw>,
    /// On the recorded path.
    pub law_path: Option<PathLaw>,
    /// On its returns in random order.
    pub law_shuffled: Option<PathLaw>,
    /// Forecasts of variance, scored.
    pub scores: Vec<Score>,
    /// Implied against forecast.
    pub signals: Vec<Signal>,
    /// Riskless packages.
    pub scan: Scan,
}

/// Days ahead of the forecasts.
const HORIZONS: [usize; 3] = [1, 7, 30];
/// Drawn paths for one simulated one: they have eight times as many steps.
const SHUFFLED_SHARE: u64 = 20;

impl Study {
    /// Runs everything.
    pub fn run(input: &StudyInput) -> Result<Study, Refusal> {
        let tape = Tape::join(&input.tapes);
        let closes = overlap(&tape, &input.chains)?;
        let (first, last) = (closes[0].time, closes[closes.len() - 1].time);
        let books: Result<Vec<BookResult>, Refusal> = input
            .plans
            .iter()
            .map(|plan| BookResult::run(&tape, &input.chains, plan, &input.rules))
            .collect();
        let (books, unopened): (Vec<BookResult>, Vec<BookResult>) =
            books?.into_iter().partition(|book| !book.periods.is_empty());
        let unopened: Vec<String> = unopened.into_iter().map(|book| book.book).collect();
        if books.is_empty() {
            return Err(Refusal::NothingOpened(unopened.join("; "), first, last));
        }
        let law = input.paths > 0;
        let finest = input.tapes.first().filter(|_| law);
        let shuffled = (input.paths / SHUFFLED_SHARE).max(1);
        let (scores, signals) = forecasts(input);
        let times = |chain: Option<&Chain>| chain.map_or(0, |chain| millis(chain.time));
        Ok(Study {
            asset: tape.asset.clone(),
            snapshots: input.chains.len(),
            damaged_rows: input.damaged,
            from_ms: times(input.chains.first()),
            to_ms: times(input.chains.last()),
            one_way: input.plans.first().map_or(f64::NAN, |plan| plan.fees.one_way()),
            parts: PARTS.iter().chain(["total"].iter()).map(|name| (*name).to_owned()).collect(),
            hedged_from_ms: millis(first),
            hedged_to_ms: millis(last),
            bars_missing: closes.windows(2).map(missing).sum(),
            books,
            unopened,
            frontier: finest.map_or_else(Vec::new, |tape| frontier(tape, input)),
            law_gbm: law.then(|| GbmLaw::simulate(input.seed, input.paths)),
            law_path: finest.and_then(|tape| PathLaw::measure(tape, input.life)),
            law_shuffled: finest
                .and_then(|tape| PathLaw::shuffled(tape, input.life, input.seed, shuffled)),
            scores,
            signals,
            scan: Scan::of(&input.chains),
        })
    }
}

/// Bars that are missing between two closes.
fn missing(pair: &[Close]) -> u64 {
    let bars = pair[1].time.since(pair[0].time).nanos() / pair[1].step.nanos().max(1);
    bars.saturating_sub(1)
}

fn frontier(tape: &Tape, input: &StudyInput) -> Vec<RuleFrontier> {
    let Some(plan) = input.plans.first() else { return Vec::new() };
    let terms =
        Terms { life: input.life, one_way: plan.fees.one_way(), size: plan.size, lot: plan.lot };
    input.rules.iter().filter_map(|rule| RuleFrontier::of(tape, *rule, &terms)).collect()
}

/// Scores on each tape by itself, and the signal on the one that reaches furthest.
fn forecasts(input: &StudyInput) -> (Vec<Score>, Vec<Signal>) {
    let (mut scores, mut days_last) = (Vec::new(), Vec::new());
    for tape in &input.tapes {
        let Some(step) = tape.closes.first().map(|close| close.step) else { continue };
        let days = signal::days_of(tape, step);
        let source = format!("{} {} bars", tape.asset, feed::interval_text(step));
        let all = HORIZONS.iter().filter_map(|horizon| signal::score(&source, &days, *horizon));
        scores.extend(all);
        days_last = days;
    }
    let read = |horizon: &usize| signal::read(&days_last, &input.chains, *horizon);
    let signals = HORIZONS[1..].iter().filter_map(read).collect();
    (scores, signals)
}

impl BookResult {
    fn run(
        tape: &Tape,
        chains: &[Chain],
        plan: &Plan,
        rules: &[HedgeRule],
    ) -> Result<BookResult, Refusal> {
        let outcomes: Result<Vec<Outcome>, Refusal> =
            rules.iter().map(|rule| ledger::run(tape, chains, plan, *rule)).collect();
        let outcomes = outcomes?;
        let first = outcomes.first();
        let path = |outcome: &Outcome, last: bool| {
            let point = if last { outcome.path.last() } else { outcome.path.first() };
            point.map_or(0, |(time, _)| millis(*time))
        };
        Ok(BookResult {
            book: plan_text(plan),
            from_ms: first.map_or(0, |outcome| path(outcome, false)),
            to_ms: first.map_or(0, |outcome| path(outcome, true)),
            periods: first.map_or_else(Vec::new, |outcome| outcome.periods.clone()),
            rules: outcomes.iter().map(RuleResult::of).collect(),
        })
    }
}

impl RuleResult {
    fn of(outcome: &Outcome) -> RuleResult {
        let parts = outcome.attribution.parts();
        let total = outcome.attribution.total();
        let named = PARTS.iter().zip(&parts).map(|(name, part)| ((*name).to_owned(), part));
        let usd = named.chain([("total".to_owned(), &total)]);
        let days: Vec<f64> = outcome.days.iter().map(|(_, profit)| amount_f64(*profit)).collect();
        let (path_ms, path_usd) = thinned(&outcome.path);
        RuleResult {
            rule: rule_text(outcome.rule),
            usd: usd.map(|(name, part)| (name, part.to_string())).collect(),
            cents: cents(&outcome.attribution),
            trades: outcome.trades,
            turnover_usd: amount_f64(outcome.turnover),
            sd_daily_usd: statistics::standard_deviation(&days).unwrap_or(f64::NAN),
            worst_day_usd: days.iter().copied().fold(f64::INFINITY, f64::min),
            path_ms,
            path_usd,
        }
    }

    /// The total in quote.
    pub fn total_usd(&self) -> f64 {
        self.cents.last().map_or(f64::NAN, |cents| *cents as f64 / 100.0)
    }

    /// A cause in quote.
    pub fn part_usd(&self, name: &str) -> f64 {
        let at = PARTS.iter().position(|part| *part == name);
        at.and_then(|at| self.cents.get(at)).map_or(f64::NAN, |cents| *cents as f64 / 100.0)
    }
}

/// Every part in cents, the total last; what rounding leaves goes to the unexplained.
fn cents(attribution: &Attribution) -> Vec<i64> {
    let mut parts = attribution.parts().map(to_cents);
    let total = to_cents(attribution.total());
    let last = parts.len() - 1;
    parts[last] = total - parts[..last].iter().sum::<i64>();
    parts.into_iter().chain([total]).collect()
}

fn to_cents(amount: Amount) -> i64 {
    const CENT: i128 = Amount::ONE.raw() / 100;
    let cents = (amount.raw() + CENT / 2).div_euclid(CENT);
    i64::try_from(cents).expect("a profit of less than 10¹⁶ dollars")
}

/// Every four hours, and the last.
fn thinned(path: &[(Time, Amount)]) -> (Vec<i64>, Vec<f64>) {
    let step = Span::HOUR.times(4);
    let last = path.len().saturating_sub(1);
    let kept =
        path.iter().enumerate().filter(|(at, (time, _))| *at == last || time.floor(step) == *time);
    kept.map(|(_, (time, profit))| (millis(*time), (amount_f64(*profit) * 100.0).round() / 100.0))
        .unzip()
}

fn plan_text(plan: &Plan) -> String {
    let side = match plan.side {
        Side::Sell => "sell",
        Side::Buy => "buy",
    };
    let shape = match plan.shape {
        Shape::Straddle => "straddle".to_owned(),
        Shape::Strangle { delta } => format!("strangle {delta}Δ"),
    };
    let hedge = match plan.hedge {
        Hedge::Perp => "perpetual",
        Hedge::Spot => "spot",
    };
    let rolled = match plan.roll {
        None => "held to expiry".to_owned(),
        Some(span) => format!("rolled after {}", feed::interval_text(span)),
    };
    let tenor = feed::interval_text(plan.tenor);
    format!("{side} {shape} {tenor}, {rolled}, hedged in {hedge}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cents_add_up_where_each_is_rounded() {
        let amount = |raw| Amount::from_raw(raw);
        let attribution = Attribution {
            delta: amount(600_000), // 0.006
            gamma: amount(600_000),
            theta: amount(-100_700_000),
            ..Attribution::default()
        };
        let cents = cents(&attribution);
        assert_eq!(cents[..3], [1, 1, -101]);
        assert_eq!(cents[..9].iter().sum::<i64>(), cents[9]);
        assert_eq!(cents[9], -99); // −0.995 to the nearest, half up
        assert_eq!(cents[8], 0);
    }
}
