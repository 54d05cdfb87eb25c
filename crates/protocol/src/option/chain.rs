//! All options on one asset: their expiries, their series with their books, and what each account
//! has in them.
//!
//! Always holds: series stand in the order of their numbers, expiries in that of time, an account's
//! legs in that of their series and none of them empty; `holders` are the accounts that have legs.

use std::collections::BTreeSet;

use borsh::{BorshDeserialize, BorshSerialize};
use money::{Price, Qty, Span, Time};

use super::{Contract, Leg};
use crate::book::{Book, NaiveBook, Resting};
use crate::grid::Grid;
use crate::halt::TimeAverage;
use crate::ids::{AccountId, AssetId, OrderId, SeriesId, Side, Tick};
use crate::params::{OptionParams, Window};
use crate::scan::{self, Moment, Table};
use crate::surface::{Smile, Surface, Vote};

/// One expiry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Expiry {
    /// When its series end.
    pub time: Time,
    /// The index around which strikes were listed last, and how far from it.
    pub(crate) centre: Price,
    pub(crate) range: Price,
    /// The index over the settlement window, as far as it was seen.
    pub(crate) average: TimeAverage,
}

impl Expiry {
    /// How much of the settlement window was seen.
    pub fn covered(&self) -> Span {
        self.average.covered()
    }
}

/// One series.
#[derive(Clone, Debug)]
pub struct Series {
    /// Its number.
    pub id: SeriesId,
    /// What it is a right to.
    pub contract: Contract,
    /// Its order book. Many books hold little, so they are not those of the markets.
    pub book: NaiveBook,
    /// The mark of this block (rule V-6); none before there is a surface.
    pub mark: Option<Price>,
    /// Σ of long positions.
    pub open_interest: Qty,
    /// Σ of positions, at 10⁻⁸: zero.
    pub(crate) sum: i128,
}

/// The options on one asset.
#[derive(Clone, Debug)]
pub struct Chain {
    /// Their parameters.
    pub params: OptionParams,
    /// Expiries that are listed and not settled.
    pub expiries: Vec<Expiry>,
    /// Series that are listed and not settled.
    pub series: Vec<Series>,
    /// What each account has.
    pub(crate) legs: Vec<Vec<Leg>>,
    /// Each account's orders, oldest first; may hold handles of orders that are gone.
    pub(crate) orders: Vec<Vec<(SeriesId, OrderId)>>,
    /// Accounts with legs.
    pub(crate) holders: BTreeSet<AccountId>,
    /// The surface in force.
    pub surface: Surface,
    /// The last surface of each publisher.
    pub(crate) votes: Vec<Option<Vote>>,
    /// Until when no expiry is added.
    pub(crate) listed_until: Time,
    /// Whether a series had no room when it was last looked.
    pub(crate) full: bool,
    /// What each expiry is worth in this block; none before it has a surface.
    smiles: Vec<Option<Smile>>,
    /// What each series loses in each scenario of this block (section S).
    table: Table,
    grid: Grid,
}

impl Chain {
    /// Nothing is listed yet; `params` have been checked.
    pub(crate) fn new(params: OptionParams, publishers: usize) -> Chain {
        Chain {
            grid: Grid::new(params.tick, params.lot),
            params,
            expiries: Vec::new(),
            series: Vec::new(),
            legs: Vec::new(),
            orders: Vec::new(),
            holders: BTreeSet::new(),
            surface: Surface::default(),
            votes: vec![None; publishers],
            smiles: Vec::new(),
            table: Table::default(),
            listed_until: Time::ZERO,
            full: false,
        }
    }

    /// The asset whose index settles them.
    #[inline]
    pub fn base(&self) -> AssetId {
        self.params.base
    }

    /// Ticks and lots of every series.
    #[inline]
    pub fn grid(&self) -> &Grid {
        &self.grid
    }

    /// The place of a series in `series`.
    #[inline]
    pub fn place(&self, id: SeriesId) -> Option<usize> {
        self.series.binary_search_by_key(&id, |series| series.id).ok()
    }

    /// A series; `None` if it is not listed, or settled.
    pub fn series(&self, id: SeriesId) -> Option<&Series> {
        self.place(id).map(|place| &self.series[place])
    }

    /// The series of a contract.
    pub fn find(&self, contract: Contract) -> Option<&Series> {
        self.series.iter().find(|series| series.contract == contract)
    }

    /// An expiry that is listed.
    pub fn expiry(&self, time: Time) -> Option<&Expiry> {
        self.expiries.iter().find(|expiry| expiry.time == time)
    }

    /// Open interest in all series of an expiry, at most the largest of its type: rule B-2 keeps
    /// that of one series inside it.
    pub(crate) fn interest(&self, expiry: Time) -> Qty {
        let series = self.series.iter().filter(|series| series.contract.expiry == expiry);
        let sum: i128 = series.map(|series| i128::from(series.open_interest.raw())).sum();
        Qty::from_raw(i64::try_from(sum).unwrap_or(i64::MAX))
    }

    /// The window over whose index an expiry settles (rule K-7).
    pub fn window(&self, expiry: Time) -> Window {
        let settlement = self.params.settlement;
        Window { expiry, averaging: settlement.averaging, extension_max: settlement.extension_max }
    }

    /// Values every series anew, as it stands and in every scenario (rules V-5, V-6 and S-1).
    pub(crate) fn refresh(&mut self, index: Price, now: Time) {
        let Chain { params, expiries, series, surface, smiles, table, .. } = self;
        let settlement = &params.settlement;
        let valued =
            |expiry: &Expiry| surface.smile(expiry.time, index, now, &expiry.average, settlement);
        smiles.clear();
        smiles.extend(expiries.iter().map(valued));
        let moment = Moment { index, widening: surface.widening(now, &params.surface) };
        table.build(rows(expiries, series), smiles, moment, &params.scan);
        for (row, series) in series.iter_mut().enumerate() {
            let covered = smiles[smile(expiries, series.contract.expiry)].is_some();
            series.mark = covered.then(|| table.mark(row));
        }
    }

    /// What the table is built from, by row.
    pub(crate) fn rows(&self) -> impl Iterator<Item = scan::Series> + Clone {
        rows(&self.expiries, &self.series)
    }

    /// When the table of a block is built.
    pub(crate) fn moment(&self, now: Time) -> Moment {
        let widening = self.surface.widening(now, &self.params.surface);
        Moment { index: self.table.index(), widening }
    }

    /// What each expiry is worth in this block.
    pub(crate) fn smiles(&self) -> &[Option<Smile>] {
        &self.smiles
    }

    /// The scenarios of this block; its rows are the places of the series.
    pub fn table(&self) -> &Table {
        &self.table
    }

    /// What an expiry is expected to settle at (rule V-5); none before it has a surface.
    pub fn forward(&self, expiry: Time) -> Option<Price> {
        let at = self.expiries.binary_search_by_key(&expiry, |listed| listed.time).ok()?;
        self.smiles[at].map(|smile| smile.forward())
    }

    /// The value of the series at a place if the index were this, its volatility the same.
    pub fn value_at(&self, place: usize, index: Price) -> Price {
        let Contract { expiry, strike, kind } = self.series[place].contract;
        let at = self.expiries.binary_search_by_key(&expiry, |listed| listed.time);
        let Some(smile) = at.ok().and_then(|at| self.smiles[at]) else { return Price::ZERO };
        smile.value(kind, strike, smile.forward_at(index), smile.volatility(strike))
    }

    /// Whether the surface is fresh enough for new risk and for liquidations (rule V-7).
    pub fn serves(&self, now: Time) -> bool {
        self.surface.age(now) <= self.params.surface.age_max
    }

    /// What an account has, in the order of series.
    #[inline]
    pub fn legs(&self, account: AccountId) -> &[Leg] {
        &self.legs[account.index()]
    }

    /// Whether an account has a position.
    pub fn holds(&self, account: AccountId) -> bool {
        self.legs(account).iter().any(|leg| !leg.position.is_zero())
    }

    /// What an account has in a series.
    pub fn leg(&self, account: AccountId, series: SeriesId) -> Leg {
        let legs = &self.legs[account.index()];
        match legs.binary_search_by_key(&series, |leg| leg.series) {
            Ok(at) => legs[at],
            Err(_) => Leg::new(series),
        }
    }

    /// The same to be changed; [`Chain::tidy`] follows.
    pub(crate) fn leg_mut(&mut self, account: AccountId, series: SeriesId) -> &mut Leg {
        self.holders.insert(account);
        let legs = &mut self.legs[account.index()];
        let at = match legs.binary_search_by_key(&series, |leg| leg.series) {
            Ok(at) => at,
            Err(at) => {
                legs.insert(at, Leg::new(series));
                at
            }
        };
        &mut legs[at]
    }

    /// Drops an account's empty legs.
    pub(crate) fn tidy(&mut self, account: AccountId) {
        let legs = &mut self.legs[account.index()];
        legs.retain(|leg| !leg.is_empty());
        if legs.is_empty() {
            self.holders.remove(&account);
        }
    }

    /// Moves a position.
    pub(crate) fn trade(&mut self, account: AccountId, place: usize, qty: Qty) {
        let id = self.series[place].id;
        let leg = self.leg_mut(account, id);
        let before = leg.position;
        leg.position += qty;
        let after = leg.position;
        let series = &mut self.series[place];
        series.sum += i128::from(qty.raw());
        series.open_interest += after.max(Qty::ZERO) - before.max(Qty::ZERO);
    }

    /// Adds the sizes of an order to its owner's leg, or takes them away.
    pub(crate) fn note_resting(
        &mut self,
        owner: AccountId,
        series: SeriesId,
        (side, tick): (Side, Tick),
        change: i128,
    ) {
        let leg = self.leg_mut(owner, series);
        let (lots, tick_lots) = match side {
            Side::Buy => (&mut leg.bid_lots, &mut leg.bid_tick_lots),
            Side::Sell => (&mut leg.ask_lots, &mut leg.ask_tick_lots),
        };
        let sum = i128::from(*lots) + change;
        *lots = u64::try_from(sum).expect("open lots are the sum of open orders");
        let change = change * i128::from(tick.0);
        *tick_lots =
            tick_lots.checked_add_signed(change).expect("open values are the sum of open orders");
    }

    /// Open orders of an account in all series.
    pub fn open_orders(&self, account: AccountId) -> u32 {
        self.legs(account).iter().map(|leg| leg.orders).sum()
    }

    /// An open order.
    pub fn order(&self, series: SeriesId, id: OrderId) -> Option<Resting> {
        self.series(series)?.book.order(id)
    }

    /// Adds an account that has nothing yet.
    pub(crate) fn open_account(&mut self) {
        self.legs.push(Vec::new());
        self.orders.push(Vec::new());
    }
}

/// The place of an expiry among those listed.
fn smile(expiries: &[Expiry], expiry: Time) -> usize {
    let place = expiries.binary_search_by_key(&expiry, |listed| listed.time);
    place.expect("a series outlives no expiry")
}

/// Series as a table is built from them.
fn rows(expiries: &[Expiry], series: &[Series]) -> impl Iterator<Item = scan::Series> + Clone {
    series.iter().map(|series| {
        let Contract { expiry, strike, kind } = series.contract;
        scan::Series { smile: smile(expiries, expiry), kind, strike }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::OptionKind;

    #[test]
    fn k_8_the_interest_of_an_expiry_may_exceed_its_type() {
        let step = (Price::from_raw(1_000_000), Qty::from_raw(1_000_000));
        let mut chain = Chain::new(OptionParams::new(AssetId(1), step.0, step.1), 1);
        let mut series = |id: u32, expiry: Time, interest: i64| {
            let contract = Contract { expiry, strike: Price::ONE, kind: OptionKind::Call };
            let (book, open_interest) = (NaiveBook::default(), Qty::from_raw(interest));
            let id = SeriesId(id);
            chain.series.push(Series { id, contract, book, mark: None, open_interest, sum: 0 });
        };
        let [near, far] = [1, 2].map(Time::from_nanos);
        series(0, near, i64::MAX / 2);
        series(1, far, i64::MAX - 1);
        series(2, near, 7);
        series(3, far, 2);
        assert_eq!(chain.interest(near), Qty::from_raw(i64::MAX / 2 + 7));
        assert_eq!(chain.interest(far), Qty::from_raw(i64::MAX));
    }
}
