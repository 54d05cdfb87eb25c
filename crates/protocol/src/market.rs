//! One market: its book, its accounts' entries, and what a perpetual adds.

mod collected;

use borsh::BorshSerialize;
use money::{Amount, Price, Qty, Rate, Round, Span, Time};

use crate::book::{Book, FastBook, Resting};
use crate::convergence::Convergence;
use crate::depth::{Depth, displayed};
use crate::expiry::Dated;
use crate::feedback::Feedback;
use crate::funding::Funding;
use crate::grid::Grid;
use crate::halt::{Directive, Monitor, Phase, Status};
use crate::ids::{AccountId, Lots, OrderId, Side, Tick};
use crate::mark::{Mark, Quotes};
use crate::params::{FutureParams, MarketParams, PerpetualParams};
use crate::position::Entry;
use crate::premium::{Impact, impact};
use crate::reject::Reject;
pub(crate) use collected::Collected;

/// What a perpetual market keeps besides its book.
#[derive(Clone, Debug, Default, BorshSerialize)]
pub struct Perpetual {
    /// The mark price.
    pub mark: Mark,
    /// Funding.
    pub funding: Funding,
    /// Remainders of funding payments not yet worth a unit of DUST, at 10⁻²⁶ quote.
    pub funding_fraction: i128,
    /// Σ of long positions, which equals Σ of short ones.
    pub open_interest: Qty,
    /// Depth of the bids and of the asks that has rested (rule D-1).
    pub depth: [Depth; 2],
    /// Whether an account had, at the last close, a loss here that it could not pay (rule R-9).
    pub unbacked: bool,
    /// Margin multipliers (rules ).
    pub feedback: Feedback,
    /// How far the mark was from the index, for how long (section C).
    pub convergence: Convergence,
    /// What a dated future adds (section X).
    pub dated: Dated,
}

/// Sums over the positions of a market, kept as they change and compared with the positions
/// themselves at checkpoints (rules I-2 … I-4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Folds {
    /// Σ position, at 10⁻⁸.
    pub position: i128,
    /// Σ cost.
    pub cost: Amount,
    /// Σ funding index·position at 10⁻²⁶, modulo 2^128.
    pub settled: i128,
}

impl Folds {
    fn replace(&mut self, before: &Entry, after: &Entry) {
        self.position += i128::from(after.position.raw()) - i128::from(before.position.raw());
        self.cost += after.cost - before.cost;
        let settled = |entry: &Entry| {
            entry.funding_index.raw().wrapping_mul(i128::from(entry.position.raw()))
        };
        self.settled = self.settled.wrapping_add(settled(after)).wrapping_sub(settled(before));
    }
}

/// Where a market stands with regard to halts (rules A-4 … A-7).
#[derive(Clone, Debug, BorshSerialize)]
pub(crate) struct Halts {
    pub(crate) status: Status,
    pub(crate) monitor: Monitor,
    /// An order from outside that the next block carries out.
    pub(crate) directive: Option<Directive>,
}

/// A market.
#[derive(Clone, Debug)]
pub struct Market {
    /// Its parameters.
    pub params: MarketParams,
    /// The order book.
    pub book: FastBook,
    /// Price of the last trade that was no liquidation.
    pub last: Option<Price>,
    /// When that was.
    pub(crate) last_time: Time,
    /// Each account's stake, indexed by account.
    pub entries: Vec<Entry>,
    /// Each account's orders, oldest first; may hold handles of orders that are gone.
    pub(crate) orders: Vec<Vec<OrderId>>,
    /// Orders that wait for an auction.
    pub(crate) collected: Collected,
    /// Its phase.
    pub(crate) halts: Halts,
    /// What a perpetual adds.
    pub perpetual: Perpetual,
    /// Sums over `entries`.
    pub(crate) folds: Folds,
    grid: Grid,
}

impl Market {
    /// An empty market; `params` have been checked.
    pub(crate) fn new(params: MarketParams) -> Market {
        let grid = Grid::new(params.tick, params.lot);
        Market {
            params,
            book: FastBook::default(),
            last: None,
            last_time: Time::ZERO,
            entries: Vec::new(),
            orders: Vec::new(),
            collected: Collected::default(),
            halts: Halts {
                status: Status::open(Time::ZERO),
                monitor: Monitor::default(),
                directive: None,
            },
            perpetual: Perpetual::default(),
            folds: Folds::default(),
            grid,
        }
    }

    /// The parameters of a perpetual or of a dated future, none for a spot market.
    #[inline]
    pub fn perpetual_params(&self) -> Option<&PerpetualParams> {
        self.params.kind.derivative()
    }

    /// What a dated future adds to them.
    #[inline]
    pub fn future(&self) -> Option<&FutureParams> {
        self.params.kind.future()
    }

    /// Whether it is a dated future that has expired (rule X-4).
    #[inline]
    pub fn is_over(&self, now: Time) -> bool {
        self.future().is_some_and(|future| now >= future.expiry)
    }

    /// Whether all its positions are closed for ever (rules ).
    pub fn is_settled(&self) -> bool {
        matches!(self.halts.status.phase(), Phase::Settled { .. })
    }

    /// Its ticks and lots.
    #[inline]
    pub fn grid(&self) -> &Grid {
        &self.grid
    }

    /// An account's stake.
    #[inline]
    pub fn entry(&self, account: AccountId) -> &Entry {
        &self.entries[account.index()]
    }

    /// Exact value of so many lots at a tick (rule T-1).
    #[inline]
    pub fn notional(&self, tick: Tick, lots: Lots) -> Amount {
        self.grid.notional(tick, lots)
    }

    /// Exact value of Σ tick·lots.
    #[inline]
    pub fn value(&self, tick_lots: u128) -> Amount {
        self.grid.value(tick_lots)
    }

    /// An open order, in the book or waiting for an auction.
    #[inline]
    pub fn order(&self, id: OrderId) -> Option<Resting> {
        self.book.order(id).or_else(|| self.collected.order(id))
    }

    /// Takes an open order out of the book or of those that wait.
    pub(crate) fn cancel_order(&mut self, id: OrderId) -> Option<Resting> {
        self.book.cancel(id).or_else(|| self.collected.cancel(id))
    }

    /// The best tick among all open orders of a side.
    #[inline]
    pub(crate) fn best(&self, side: Side) -> Option<Tick> {
        let (resting, waiting) = (self.book.best(side), self.collected.best(side));
        match side {
            Side::Buy => resting.max(waiting),
            Side::Sell => resting.into_iter().chain(waiting).min(),
        }
    }

    /// Whether an order would meet an open one of the other side.
    pub(crate) fn would_cross(&self, side: Side, limit: Tick) -> bool {
        self.best(side.opposite()).is_some_and(|best| match side {
            Side::Buy => best <= limit,
            Side::Sell => best >= limit,
        })
    }

    /// The price of a tick.
    #[inline]
    pub fn price(&self, tick: Tick) -> Price {
        self.grid.price(tick)
    }

    /// The quantity of so many lots.
    #[inline]
    pub fn qty(&self, lots: Lots) -> Qty {
        self.grid.qty(lots)
    }

    /// The quantity of a level, at most the largest of its type.
    fn level_qty(&self, lots: Lots) -> Qty {
        self.grid.level_qty(lots)
    }

    /// The tick of a price that must lie on one.
    pub(crate) fn check_tick(&self, price: Price) -> Result<Tick, Reject> {
        self.grid.check_tick(price)
    }

    /// The lots of a quantity that must be a whole number of them.
    pub(crate) fn check_lots(&self, qty: Qty) -> Result<Lots, Reject> {
        self.grid.check_lots(qty)
    }

    /// The tick at or beyond `price`, rounded so that an order of `side` never does worse than it.
    pub(crate) fn tick_within(&self, price: Price, side: Side) -> Tick {
        self.grid.tick_within(price, side)
    }

    /// What an order of `side` would fill now, level by level, whoever stands there.
    pub(crate) fn fills_within(
        &self,
        side: Side,
        limit: Tick,
        lots: Lots,
    ) -> impl Iterator<Item = (Tick, Lots)> + '_ {
        let reached = move |at: Tick| match side {
            Side::Buy => at <= limit,
            Side::Sell => at >= limit,
        };
        let mut left = lots.0;
        let levels = self.book.levels(side.opposite()).take_while(move |(at, _)| reached(*at));
        levels.map_while(move |(at, there)| {
            let filled = left.min(there.0);
            left -= filled;
            (filled > 0).then_some((at, Lots(filled)))
        })
    }

    /// Whole lots of a quantity's magnitude, rounded up.
    pub(crate) fn lots_covering(&self, qty: Qty) -> Lots {
        self.grid.lots_covering(qty)
    }

    /// Whole lots of a quantity's magnitude, rounded down.
    pub(crate) fn lots_of(&self, qty: Qty) -> Lots {
        self.grid.lots_of(qty)
    }

    /// Price and quantity of a level.
    pub(crate) fn level(&self, tick: Tick, lots: Lots) -> (Price, Qty) {
        (self.price(tick), self.level_qty(lots))
    }

    /// Best bid, best ask and last trade.
    pub fn quotes(&self) -> Quotes {
        let best = |side| self.book.best(side).map(|tick| self.price(tick));
        let (bid, ask, last) = (best(Side::Buy), best(Side::Sell), self.last);
        Quotes { bid, ask, last, external: None }
    }

    /// Best price of a side with the quantity quoted there.
    pub fn top(&self, side: Side) -> Option<(Price, Qty)> {
        self.book.levels(side).next().map(|(tick, lots)| (self.price(tick), self.level_qty(lots)))
    }

    /// The impact price of a side (rule P-1).
    pub fn impact(&self, side: Side, notional: Amount) -> Option<Impact> {
        let levels = self.book.levels(side);
        impact(levels.map(|(tick, lots)| (self.price(tick), self.level_qty(lots))), notional)
    }

    /// The depth of one side of a perpetual's book (rule D-1).
    pub fn depth(&self, side: Side) -> Depth {
        self.perpetual.depth[usize::from(side == Side::Sell)]
    }

    /// Lets the depth of both sides age over a block (rules D-1, D-2).
    pub(crate) fn age_depth(&mut self, index: Price, elapsed: Span) {
        let rules = self.params.rules.depth;
        for side in [Side::Buy, Side::Sell] {
            let levels = self.book.levels(side);
            let levels = levels.map(|(tick, lots)| (self.price(tick), self.level_qty(lots)));
            let shown = displayed(levels, side, index, &rules);
            let aged = self.depth(side).next(shown, elapsed, &rules);
            self.perpetual.depth[usize::from(side == Side::Sell)] = aged;
        }
    }

    /// Quote currency set aside for an account's open spot bids, with their fees (rule T-4).
    #[inline]
    pub fn bids_reserved(&self, account: AccountId) -> Amount {
        let entry = self.entry(account);
        self.with_fees(self.value(entry.bid_tick_lots), Lots(entry.bid_lots))
    }

    /// What buying so many lots of this value can cost at most: fees round up in each trade, and
    /// there is at most one trade a lot (rule T-4).
    pub(crate) fn with_fees(&self, value: Amount, lots: Lots) -> Amount {
        let rate = self.params.fee_taker;
        let fee = value.share(rate, Round::Up).expect("a fee is smaller than its notional");
        let roundings = if rate.is_zero() { 0 } else { i128::from(lots.0) };
        value + fee + Amount::from_raw(roundings)
    }

    /// The highest rate at which an open order can be charged: in a batch it may be the aggressor
    /// (rule T-14).
    pub(crate) fn fee_open(&self) -> Rate {
        if self.params.rules.matching.is_batch() {
            self.params.fee_taker
        } else {
            self.params.fee_maker
        }
    }

    /// What filling all open orders of an account would cost in fees; nothing where they are
    /// rebates.
    pub(crate) fn open_fees(&self, entry: &Entry) -> Amount {
        let rate = self.fee_open();
        if !rate.is_positive() {
            return Amount::ZERO;
        }
        let value = self.value(entry.bid_tick_lots + entry.ask_tick_lots);
        let fees = value.share(rate, Round::Up);
        // Fees round up in each trade, and there is at most one trade a lot.
        let roundings = Amount::from_raw(i128::from(entry.bid_lots) + i128::from(entry.ask_lots));
        fees.expect("a fee is smaller than its notional") + roundings
    }

    /// Adds the sizes of an order to its owner's entry, or takes them away.
    #[inline]
    pub(crate) fn note_resting(&mut self, owner: AccountId, side: Side, tick: Tick, change: i128) {
        let entry = &mut self.entries[owner.index()];
        let (lots, tick_lots) = match side {
            Side::Buy => (&mut entry.bid_lots, &mut entry.bid_tick_lots),
            Side::Sell => (&mut entry.ask_lots, &mut entry.ask_tick_lots),
        };
        let sum = i128::from(*lots) + change;
        *lots = u64::try_from(sum).expect("open lots are the sum of open orders");
        let change = change * i128::from(tick.0);
        *tick_lots =
            tick_lots.checked_add_signed(change).expect("open values are the sum of open orders");
    }

    /// Books a trade of `qty` (signed) worth `notional` on an account's position and returns the
    /// realised profit (rule L-2).
    pub(crate) fn trade(&mut self, account: AccountId, qty: Qty, notional: Amount) -> Amount {
        let entry = &mut self.entries[account.index()];
        let before = *entry;
        let realised = entry.trade(qty, notional);
        let after = *entry;
        self.folds.replace(&before, &after);
        self.perpetual.open_interest +=
            after.position.max(Qty::ZERO) - before.position.max(Qty::ZERO);
        realised
    }

    /// Moves an account to the present funding index.
    pub(crate) fn settle(&mut self, account: AccountId) {
        let entry = &mut self.entries[account.index()];
        let before = *entry;
        entry.funding_index = self.perpetual.funding.index;
        let after = *entry;
        self.folds.replace(&before, &after);
    }

    /// The sums over all accounts, from the start.
    pub(crate) fn folded(&self) -> Folds {
        let mut folds = Folds::default();
        self.entries.iter().for_each(|entry| folds.replace(&Entry::default(), entry));
        folds
    }
}
