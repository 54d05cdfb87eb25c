//! One book of options along the recorded path: rolled, hedged by a rule, kept in a ledger.
//!
//! Accounts are in quote. The options are coin-settled, so the premium comes in coin: it is sold
//! for quote at once, and what is owed at expiry is bought when it is owed, both at the cost of a
//! hedge trade. So no coin is held beside the options and the hedge. An option is worth the index
//! times its coin price at every close of the path: its forward is spot times the last known ratio
//! of forward to index, its volatility the venue's last mark. It settles on the mean of the closes
//! of the last half hour. Trades in options pay the distance from mark to the quote that they meet.
//!
//! The ledger (cash, hedge and options at their marks) and the sum of the attributions are two
//! accounts of one thing: after every close they are compared, as integers.

use desk::attribution::{Attribution, OptionMark};
use desk::gamma::{Book, HedgeCost, HedgeRule, Hedger, Holding};
use money::{Amount, Price, Qty, Round, Span, Time};
use pricing::black::OptionKind;
use pricing::convert::{amount, amount_f64, price_f64, qty_f64, rate};

use super::chain::{Chain, Quote, years};
use super::tape::{Close, Tape};
use super::{Hedge, Plan, Refusal, Shape, Side, millis};

/// The time over which an option settles.
const SETTLEMENT: Span = Span::from_secs(1800);
/// Options with less than this to go are not opened.
const LIFE_MIN: Span = Span::DAY;

/// One stretch from opening to closing.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Period {
    /// When the options were traded, UTC.
    pub open_ms: i64,
    /// When they were settled or traded back.
    pub close_ms: i64,
    /// Their expiry.
    pub expiry_ms: i64,
    /// Strikes of put and call.
    pub strikes: [f64; 2],
    /// Mean implied volatility at the opening.
    pub implied: f64,
    /// Realised volatility of spot between, from all closes.
    pub realised: f64,
    /// Premium at the mark, quote.
    pub premium_usd: f64,
    /// Profit, quote.
    pub profit_usd: f64,
}

/// What one rule made of the path.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// The rule.
    pub rule: HedgeRule,
    /// Profit by cause; equal to the ledger to the last unit.
    pub attribution: Attribution,
    /// Hedge trades.
    pub trades: u64,
    /// Quote traded in the hedge.
    pub turnover: Amount,
    /// Stretches, in order.
    pub periods: Vec<Period>,
    /// Time and profit up to it, at every close with a book.
    pub path: Vec<(Time, Amount)>,
    /// Profit of each UTC day.
    pub days: Vec<(Time, Amount)>,
}

/// An option held.
struct Position {
    holding: Holding,
    expiry: Time,
    /// Forward over index, as last seen.
    ratio: f64,
    /// Distances from mark to bid and to ask, in coin.
    to_bid: f64,
    to_ask: f64,
}

struct Ledger<'a> {
    tape: &'a Tape,
    plan: &'a Plan,
    hedger: Hedger,
    options: Vec<Position>,
    hedge: Qty,
    price: Price,
    cash: Amount,
    last: Option<Time>,
    squares: f64,
    opened: Amount,
    out: Outcome,
}

/// Runs a plan under a rule along the tape; without stretches if nothing could be opened.
pub fn run(
    tape: &Tape,
    chains: &[Chain],
    plan: &Plan,
    rule: HedgeRule,
) -> Result<Outcome, Refusal> {
    let closes = super::overlap(tape, chains)?;
    let mut ledger = Ledger::new(tape, plan, rule);
    let (mut seen, end) = (0, closes[closes.len() - 1].time);
    for pair in closes.windows(2) {
        let (before, close) = (pair[0], pair[1]);
        let known = chains.partition_point(|chain| chain.time <= close.time);
        let fresh = (known > seen).then(|| &chains[known - 1]);
        seen = known;
        ledger.step(&before, &close, fresh, end)?;
    }
    Ok(ledger.out)
}

impl<'a> Ledger<'a> {
    fn new(tape: &'a Tape, plan: &'a Plan, rule: HedgeRule) -> Ledger<'a> {
        let cost = HedgeCost { one_way: plan.fees.one_way(), funding: 0.0 };
        Ledger {
            tape,
            plan,
            hedger: Hedger { rule, cost, lot: plan.lot },
            options: Vec::new(),
            hedge: Qty::ZERO,
            price: Price::ONE,
            cash: Amount::ZERO,
            last: None,
            squares: 0.0,
            opened: Amount::ZERO,
            out: Outcome {
                rule,
                attribution: Attribution::default(),
                trades: 0,
                turnover: Amount::ZERO,
                periods: Vec::new(),
                path: Vec::new(),
                days: Vec::new(),
            },
        }
    }

    /// Marks, then settles, then trades: what happens at one close.
    fn step(
        &mut self,
        before: &Close,
        close: &Close,
        fresh: Option<&Chain>,
        end: Time,
    ) -> Result<(), Refusal> {
        let held = !self.options.is_empty();
        self.mark(before, close, fresh)?;
        self.settle(close)?;
        if let Some(chain) = fresh.filter(|_| self.is_due(close.time)) {
            self.close_all(close)?;
            self.open(close, chain, end)?;
        }
        if close.time == end {
            self.close_all(close)?;
        }
        self.rebalance(close)?;
        let equity = self.equity()?;
        let explained = self.out.attribution.total();
        assert!(equity == explained, "ledger {equity} and attribution {explained} differ");
        if held || !self.options.is_empty() {
            self.record(before.time, close.time, equity);
        }
        Ok(())
    }

    /// Takes the new prices into the marks, and funding for the time since the last.
    fn mark(
        &mut self,
        before: &Close,
        close: &Close,
        chain: Option<&Chain>,
    ) -> Result<(), Refusal> {
        let spot = price_f64(close.spot);
        for position in &mut self.options {
            if let Some(quote) = chain.and_then(|chain| chain.find(position.key())) {
                position.see(quote);
            }
            let before = position.holding.mark;
            let mut after = OptionMark {
                forward: spot * position.ratio,
                years: years(close.time, position.expiry),
                scale: 1.0 / position.ratio,
                volatility: position.holding.mark.volatility,
                ..before
            };
            if let Some(quote) = chain.and_then(|chain| chain.find(position.key())) {
                after.volatility = quote.volatility;
            }
            if close.time >= position.expiry {
                let index = settlement(self.tape, position.expiry).unwrap_or(spot);
                (after.forward, after.years, after.scale) = (index, 0.0, 1.0);
            }
            let qty = position.holding.qty;
            let change = Attribution::option(&before, &after, qty).ok_or(Refusal::TooLarge)?;
            self.out.attribution += change;
            position.holding.mark = after;
        }
        let price = self.hedge_price(close);
        self.out.attribution += Attribution::hedge(self.price, price, self.hedge);
        self.price = price;
        let change = libm::log(spot / price_f64(before.spot));
        self.squares += change * change;
        if self.plan.hedge == Hedge::Perp {
            let notional = price.notional(self.hedge, Round::Up);
            for rate in self.tape.settled(before.time, close.time) {
                let paid = notional.share(rate, Round::Up).ok_or(Refusal::TooLarge)?;
                self.cash -= paid;
                self.out.attribution += Attribution::funding(-paid);
            }
        }
        Ok(())
    }

    /// Pays out what has expired.
    fn settle(&mut self, close: &Close) -> Result<(), Refusal> {
        if self.options.first().is_none_or(|position| close.time < position.expiry) {
            return Ok(());
        }
        let spot = price_f64(close.spot);
        for position in std::mem::take(&mut self.options) {
            let worth = position.holding.mark.worth(position.holding.qty);
            let worth = worth.ok_or(Refusal::TooLarge)?;
            let size = qty_f64(position.holding.qty).abs();
            let paid = amount_f64(worth).abs();
            let fees = &self.plan.fees;
            let delivery = (fees.delivery * spot * size).min(fees.option_cap * paid);
            self.cash += worth;
            self.pay(delivery + fees.one_way() * paid)?;
            self.finish(close, position.expiry);
        }
        Ok(())
    }

    /// Whether the book is to be traded: there is none, or it has been held for long enough.
    fn is_due(&self, now: Time) -> bool {
        match (self.options.is_empty(), self.out.periods.last()) {
            (true, _) | (false, None) => true,
            (false, Some(period)) => {
                let open = Time::from_millis(period.open_ms.unsigned_abs()).unwrap_or(Time::ZERO);
                self.plan.roll.is_some_and(|roll| now.since(open) >= roll)
            }
        }
    }

    /// Trades every option back at the quotes.
    fn close_all(&mut self, close: &Close) -> Result<(), Refusal> {
        if self.options.is_empty() {
            return Ok(());
        }
        let expiry = self.options[0].expiry;
        for position in std::mem::take(&mut self.options) {
            let back = -position.holding.qty;
            let worth = position.holding.mark.worth(position.holding.qty);
            self.cash += worth.ok_or(Refusal::TooLarge)?;
            self.pay(self.option_cost(&position, back, price_f64(close.spot)))?;
        }
        self.finish(close, expiry);
        Ok(())
    }

    /// What it costs to trade a quantity of an option: spread, fee, and the premium's conversion.
    fn option_cost(&self, position: &Position, qty: Qty, spot: f64) -> f64 {
        let fees = &self.plan.fees;
        let value = position.holding.mark.value();
        let distance = if qty.is_negative() { position.to_bid } else { position.to_ask };
        let fee = (fees.option * spot).min(fees.option_cap * value);
        qty_f64(qty).abs() * (distance * spot + fee + fees.one_way() * value)
    }

    /// Opens the options of the plan, if the chain quotes them and they can end before the tape.
    fn open(&mut self, close: &Close, chain: &Chain, end: Time) -> Result<(), Refusal> {
        let (now, spot) = (close.time, price_f64(close.spot));
        let Some(chosen) = choose(chain, self.plan, now) else { return Ok(()) };
        let expiry = chosen[0].expiry;
        let planned = self.plan.roll.map_or(expiry, |roll| expiry.min(now.after(roll)));
        if planned > end {
            return Ok(());
        }
        self.opened = self.out.attribution.total();
        self.squares = 0.0;
        let mut premium = Amount::ZERO;
        for quote in chosen {
            let qty = if self.plan.side == Side::Sell { -self.plan.size } else { self.plan.size };
            let position = Position::open(quote, qty, (now, spot));
            let worth = position.holding.mark.worth(qty).ok_or(Refusal::TooLarge)?;
            self.cash -= worth;
            premium += worth.abs();
            self.pay(self.option_cost(&position, qty, spot))?;
            self.options.push(position);
        }
        self.out.periods.push(Period {
            open_ms: millis(now),
            close_ms: millis(now),
            expiry_ms: millis(expiry),
            strikes: chosen.map(|quote| quote.strike),
            implied: (chosen[0].volatility + chosen[1].volatility) / 2.0,
            realised: f64::NAN,
            premium_usd: amount_f64(premium),
            profit_usd: 0.0,
        });
        self.last = None;
        Ok(())
    }

    /// Lets the rule trade; without options the hedge is closed.
    fn rebalance(&mut self, close: &Close) -> Result<(), Refusal> {
        self.hedger.cost.funding = match self.plan.hedge {
            Hedge::Perp => self.tape.funding_expected(close.time),
            Hedge::Spot => 0.0,
        };
        let trade = if self.options.is_empty() {
            Some(-self.hedge)
        } else {
            let options = self.options.iter().map(|position| position.holding).collect();
            let book = Book { options, hedge: self.hedge, price: price_f64(self.price) };
            self.hedger.hedge(&book, close.time, self.last)
        };
        self.last = Some(close.time);
        let Some(trade) = trade.filter(|trade| *trade != Qty::ZERO) else { return Ok(()) };
        let held = self.price.notional(self.hedge, Round::Down);
        self.hedge += trade;
        self.cash -= self.price.notional(self.hedge, Round::Down) - held;
        let notional = self.price.notional(trade, Round::Down).abs();
        self.out.turnover += notional;
        self.out.trades += 1;
        let one_way = rate(self.plan.fees.one_way(), Round::Up).ok_or(Refusal::TooLarge)?;
        let cost = notional.share(one_way, Round::Up).ok_or(Refusal::TooLarge)?;
        self.pay_exactly(cost);
        // What closing a hedge costs belongs to the stretch that it hedged.
        if let Some(period) = self.out.periods.last_mut().filter(|_| self.options.is_empty()) {
            period.profit_usd = amount_f64(self.out.attribution.total() - self.opened);
        }
        Ok(())
    }

    fn pay(&mut self, cost: f64) -> Result<(), Refusal> {
        let cost = amount(cost, Round::Up).ok_or(Refusal::TooLarge)?;
        self.pay_exactly(cost);
        Ok(())
    }

    fn pay_exactly(&mut self, cost: Amount) {
        self.cash -= cost;
        self.out.attribution += Attribution::costs(cost);
    }

    fn hedge_price(&self, close: &Close) -> Price {
        match self.plan.hedge {
            Hedge::Perp => close.perp,
            Hedge::Spot => close.spot,
        }
    }

    /// Cash, hedge and options at their marks.
    fn equity(&self) -> Result<Amount, Refusal> {
        let mut equity = self.cash + self.price.notional(self.hedge, Round::Down);
        for position in &self.options {
            let worth = position.holding.mark.worth(position.holding.qty);
            equity += worth.ok_or(Refusal::TooLarge)?;
        }
        Ok(equity)
    }

    fn finish(&mut self, close: &Close, expiry: Time) {
        let profit = amount_f64(self.out.attribution.total() - self.opened);
        let squares = self.squares;
        if let Some(period) = self.out.periods.last_mut() {
            period.close_ms = millis(close.time.min(expiry));
            let days = (period.close_ms - period.open_ms) as f64 / 86_400_000.0;
            period.realised = (squares / days * 365.0).sqrt();
            period.profit_usd = profit;
        }
    }

    fn record(&mut self, before: Time, now: Time, equity: Amount) {
        let earlier = self.out.path.last().map_or(Amount::ZERO, |(_, equity)| *equity);
        self.out.path.push((now, equity));
        // A close at midnight belongs to the day that it ends.
        let day = before.floor(Span::DAY);
        match self.out.days.last_mut() {
            Some((last, sum)) if *last == day => *sum += equity - earlier,
            Some(_) | None => self.out.days.push((day, equity - earlier)),
        }
    }
}

impl Position {
    fn open(quote: &Quote, qty: Qty, (now, spot): (Time, f64)) -> Position {
        let ratio = quote.forward / quote.index;
        let mark = OptionMark {
            kind: quote.kind,
            strike: quote.strike,
            forward: spot * ratio,
            volatility: quote.volatility,
            years: years(now, quote.expiry),
            scale: 1.0 / ratio,
        };
        let holding = Holding { qty, mark };
        let mut position =
            Position { holding, expiry: quote.expiry, ratio, to_bid: 0.0, to_ask: 0.0 };
        position.see(quote);
        position
    }

    fn key(&self) -> (Time, OptionKind, f64) {
        (self.expiry, self.holding.mark.kind, self.holding.mark.strike)
    }

    /// Takes the ratio of forward to index and, where they stand, the quotes.
    fn see(&mut self, quote: &Quote) {
        self.ratio = quote.forward / quote.index;
        if let Some(bid) = quote.bid {
            self.to_bid = (quote.mark - bid).max(0.0);
        }
        if let Some(ask) = quote.ask {
            self.to_ask = (ask - quote.mark).max(0.0);
        }
    }
}

/// Put and call of the plan, both quoted on both sides: the expiry nearest to the tenor, at least
/// half and at most twice as long; at the money, or each nearest to the plan's delta.
fn choose<'c>(chain: &'c Chain, plan: &Plan, now: Time) -> Option<[&'c Quote; 2]> {
    let tenor = plan.tenor.nanos();
    let off = |expiry: Time| expiry.since(now).nanos().abs_diff(tenor);
    let near = |life: u64| life >= LIFE_MIN.nanos() && life >= tenor / 2 && life / 2 <= tenor;
    let expiry = chain
        .quotes
        .iter()
        .map(|quote| quote.expiry)
        .filter(|expiry| near(expiry.since(now).nanos()))
        .min_by_key(|expiry| off(*expiry))?;
    let quoted = |kind: OptionKind| {
        let of_kind = move |quote: &&Quote| {
            quote.expiry == expiry
                && quote.kind == kind
                && quote.bid.is_some()
                && quote.ask.is_some()
        };
        chain.quotes.iter().filter(of_kind)
    };
    let nearest = |kind: OptionKind, distance: &dyn Fn(&Quote) -> f64| {
        quoted(kind).min_by(|a, b| distance(a).total_cmp(&distance(b)))
    };
    match plan.shape {
        Shape::Straddle => {
            let call = nearest(OptionKind::Call, &|quote| (quote.strike - quote.forward).abs())?;
            let put = quoted(OptionKind::Put).find(|put| put.strike == call.strike)?;
            Some([put, call])
        }
        Shape::Strangle { delta } => {
            let off = |quote: &Quote| (quote.delta(now).abs() - delta).abs();
            Some([nearest(OptionKind::Put, &off)?, nearest(OptionKind::Call, &off)?])
        }
    }
}

/// The mean of the closes of the half hour before an expiry.
fn settlement(tape: &Tape, expiry: Time) -> Option<f64> {
    let start = Time::from_nanos(expiry.nanos() - SETTLEMENT.nanos() + 1);
    let closes = tape.between(start, expiry);
    let sum: f64 = closes.iter().map(|close| price_f64(close.spot)).sum();
    (!closes.is_empty()).then(|| sum / closes.len() as f64)
}
