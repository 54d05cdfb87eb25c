//! Cost against risk of every rule over many options, so that luck on one path averages out.
//!
//! A straddle at the money is sold each day of the tape for a week, at the volatility that its own
//! week realised, and hedged at every close by the rule. Its error is premium plus hedge less
//! payoff, without costs; the costs are those of the hedge alone. All in bp of the spot at the
//! start, of the size sold.

use desk::attribution::OptionMark;
use desk::gamma::{Book, HedgeCost, HedgeRule, Hedger, Holding};
use money::{Qty, Span, Time};
use pricing::black::OptionKind;
use pricing::convert::{price_f64, qty_f64};
use pricing::statistics::Moments;
use serde::Serialize;

use super::rule::rule_text;
use super::tape::{Close, Tape};

/// One rule over all options.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RuleFrontier {
    /// The rule.
    pub rule: String,
    /// Options.
    pub options: u64,
    /// Mean cost of the hedge.
    pub cost_bp: f64,
    /// Deviation of the error, costs left out.
    pub sd_bp: f64,
    /// Deviation of error and costs together.
    pub sd_net_bp: f64,
    /// Mean number of hedge trades.
    pub trades: f64,
}

/// What a hedge of these options is run with.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    /// Life of each.
    pub life: Span,
    /// λ of a trade.
    pub one_way: f64,
    /// Quantity of each option.
    pub size: Qty,
    /// Quantity step of the hedge.
    pub lot: Qty,
}

/// Weeks below which a deviation over them says nothing.
pub const WEEKS_MIN: usize = 20;

impl RuleFrontier {
    /// A rule over the options that start each day of a tape, on bars of its first length; `None`
    /// for fewer than twenty.
    pub fn of(tape: &Tape, rule: HedgeRule, terms: &Terms) -> Option<RuleFrontier> {
        let step = tape.closes.first()?.step;
        let cost = HedgeCost { one_way: terms.one_way, funding: 0.0 };
        let hedger = Hedger { rule, cost, lot: terms.lot };
        let (mut errors, mut net) = (Moments::default(), Moments::default());
        let (mut costs, mut trades) = (Moments::default(), Moments::default());
        for closes in weeks(tape, step, terms.life) {
            let result = Sold::new(closes, terms.size).run(&hedger);
            errors.push(result.error);
            net.push(result.error - result.cost);
            costs.push(result.cost);
            trades.push(result.trades);
        }
        if errors.count() < WEEKS_MIN as u64 {
            return None;
        }
        Some(RuleFrontier {
            rule: rule_text(rule),
            options: errors.count(),
            cost_bp: costs.mean()?,
            sd_bp: errors.standard_deviation()?,
            sd_net_bp: net.standard_deviation()?,
            trades: trades.mean()?,
        })
    }
}

/// Stretches of one life without a gap that start at midnight.
pub fn weeks(tape: &Tape, step: Span, life: Span) -> impl Iterator<Item = &[Close]> {
    let steps = usize::try_from(life.nanos() / step.nanos().max(1)).unwrap_or(usize::MAX);
    let midnight = |(_, close): &(usize, &Close)| close.time.floor(Span::DAY) == close.time;
    let starts = tape.closes.iter().enumerate().filter(midnight);
    starts.filter_map(move |(at, start)| {
        let closes = tape.closes.get(at..=at.checked_add(steps)?)?;
        let last = closes.last()?;
        let whole = last.time.since(start.time) == life && last.step == step && steps > 1;
        whole.then_some(closes)
    })
}

/// A straddle sold on one coin and where it ended.
struct Sold<'a> {
    closes: &'a [Close],
    size: Qty,
    volatility: f64,
}

/// In bp of the first price.
struct Ended {
    error: f64,
    cost: f64,
    trades: f64,
}

impl Sold<'_> {
    fn new(closes: &[Close], size: Qty) -> Sold<'_> {
        let squares: f64 = closes.windows(2).map(squared_return).sum();
        let life = closes[closes.len() - 1].time.since(closes[0].time);
        Sold { closes, size, volatility: (squares / years(life)).sqrt() }
    }

    fn book(&self, at: usize, hedge: Qty) -> Book {
        let (close, end) = (&self.closes[at], self.closes[self.closes.len() - 1].time);
        let price = price_f64(close.spot);
        let mark = |kind| OptionMark {
            kind,
            strike: price_f64(self.closes[0].spot),
            forward: price,
            volatility: self.volatility,
            years: years(end.since(close.time)),
            scale: 1.0,
        };
        let options = [OptionKind::Put, OptionKind::Call]
            .map(|kind| Holding { qty: -self.size, mark: mark(kind) });
        Book { options: options.to_vec(), hedge, price }
    }

    fn run(&self, hedger: &Hedger) -> Ended {
        let worth = |at: usize| self.book(at, Qty::ZERO).exposure().value;
        let last = self.closes.len() - 1;
        let mut result = Ended { error: worth_paid(self, last) - worth(0), cost: 0.0, trades: 0.0 };
        let (mut hedge, mut seen): (Qty, Option<Time>) = (Qty::ZERO, None);
        for at in 0..last {
            let (now, price) = (self.closes[at].time, price_f64(self.closes[at].spot));
            if let Some(trade) = hedger.hedge(&self.book(at, hedge), now, seen) {
                hedge += trade;
                result.cost += hedger.cost.one_way * price * qty_f64(trade).abs();
                result.trades += 1.0;
            }
            seen = Some(now);
            result.error += qty_f64(hedge) * (price_f64(self.closes[at + 1].spot) - price);
        }
        let end = price_f64(self.closes[last].spot);
        result.cost += hedger.cost.one_way * end * qty_f64(hedge).abs();
        let unit = price_f64(self.closes[0].spot) * qty_f64(self.size) / 1e4;
        Ended { error: result.error / unit, cost: result.cost / unit, trades: result.trades }
    }
}

/// What a short straddle is worth when it is settled: less than nothing.
fn worth_paid(sold: &Sold<'_>, last: usize) -> f64 {
    let change = price_f64(sold.closes[last].spot) - price_f64(sold.closes[0].spot);
    -change.abs() * qty_f64(sold.size)
}

fn squared_return(pair: &[Close]) -> f64 {
    let change = libm::log(price_f64(pair[1].spot) / price_f64(pair[0].spot));
    change * change
}

fn years(life: Span) -> f64 {
    life.nanos() as f64 / (365.0 * Span::DAY.nanos() as f64)
}
