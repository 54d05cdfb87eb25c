//! The whole state of the exchange, and what can be read from it.

mod charges;
mod size;
mod collateral;
mod health;
mod concentration;
mod bounds;
mod indices;
mod references;
mod deleveraging;
mod sweep;
mod outflow;
mod owners;
mod plans;
mod volatility;
mod council;
mod options;
mod book_auctions;

use std::collections::BTreeMap;

use borsh::BorshSerialize;
use money::{Amount, Price, Qty, Rate, Round, Time};

use crate::backstop::Vault;
use crate::book::Book;
use crate::book_auction::Auction;
use crate::budget::Budgets;
use crate::design::{self, DesignError};
use crate::funding::Funding;
use crate::governance::council::Governance;
use crate::ids::{AccountId, AssetId, Lots, MarketId, OrderId, SeriesId, Side};
use crate::ladder::scores::Score;
use crate::ladder::{Grade, Ladder, Width};
use crate::ledger::Ledger;
use crate::margin::Charges;
use crate::market::Market;
use crate::option::Chain;
use crate::oracle::Oracle;
use crate::params::Params;
use crate::schedule::twap::Slice;
use crate::watch::Watch;
pub(crate) use bounds::bounded_share;
use bounds::{Terms, Worth};
pub(crate) use council::Council;
use indices::External;
pub(crate) use options::premium_fee;
pub(crate) use outflow::Outflow;
pub(crate) use owners::Owners;
pub(crate) use plans::Plans;
pub(crate) use references::Lane;

/// Which requirement is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// To take new risk: open orders count at their worst.
    Initial,
    /// To keep a position: open orders do not count.
    Maintenance,
}

impl Level {
    /// Its place in a pair of initial and maintenance.
    fn index(self) -> usize {
        match self {
            Level::Initial => 0,
            Level::Maintenance => 1,
        }
    }
}

/// A change that an account asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// None.
    None,
    /// One more open order.
    Order {
        /// Where.
        market: MarketId,
        /// Direction.
        side: Side,
        /// How much.
        lots: Lots,
    },
    /// Lots are traded.
    Fill {
        /// Where.
        market: MarketId,
        /// Direction.
        side: Side,
        /// How much.
        lots: Lots,
    },
    /// Lots are traded in two markets.
    Fills([(MarketId, Side, Lots); 2]),
    /// All open orders fill at their worst, at maintenance as well.
    Orders,
    /// An amount leaves.
    Withdrawal {
        /// Of which asset.
        asset: AssetId,
        /// How much.
        amount: Amount,
    },
    /// One more open order for options.
    OptionOrder {
        /// Which.
        series: SeriesId,
        /// Direction.
        side: Side,
        /// How much.
        lots: Lots,
    },
    /// A quantity of options is traded, bought if it is above zero.
    OptionFill {
        /// Which.
        series: SeriesId,
        /// How much.
        qty: Qty,
    },
    /// A fraction of all that another account has is taken over (rule L-21).
    Taken(Share),
    /// A fraction of all that the account has is given up, after its orders are cancelled.
    Given(Share),
}

/// A fraction of what an account has (rule L-21).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// Whose.
    pub of: AccountId,
    /// How much of it.
    pub fraction: Rate,
}

impl Change {
    /// Lots that the change adds to the open orders of a side.
    fn lots(self, id: MarketId, wanted: Side) -> u64 {
        match self {
            Change::Order { market, side, lots } if market == id && side == wanted => lots.0,
            Change::Order { .. }
            | Change::Fill { .. }
            | Change::Fills(_)
            | Change::None
            | Change::Orders
            | Change::OptionOrder { .. }
            | Change::OptionFill { .. }
            | Change::Taken(_)
            | Change::Given(_)
            | Change::Withdrawal { .. } => 0,
        }
    }

    /// Whether the change is an order or a trade in a market that the account may have no stake in.
    fn trades_in(self, id: MarketId) -> bool {
        match self {
            Change::Order { market, .. } => market == id,
            Change::Fills(fills) => fills.iter().any(|(market, ..)| *market == id),
            Change::Fill { .. }
            | Change::None
            | Change::Orders
            | Change::OptionOrder { .. }
            | Change::OptionFill { .. }
            | Change::Taken(_)
            | Change::Given(_)
            | Change::Withdrawal { .. } => false,
        }
    }

    /// Lots that the change adds to the open bids and asks of a market.
    #[inline]
    fn ordered(self, id: MarketId) -> [u64; 2] {
        match self {
            Change::Order { market, side: Side::Buy, lots } if market == id => [lots.0, 0],
            Change::Order { market, side: Side::Sell, lots } if market == id => [0, lots.0],
            Change::Order { .. }
            | Change::Fill { .. }
            | Change::Fills(_)
            | Change::None
            | Change::Orders
            | Change::OptionOrder { .. }
            | Change::OptionFill { .. }
            | Change::Taken(_)
            | Change::Given(_)
            | Change::Withdrawal { .. } => [0; 2],
        }
    }

    /// Whether open orders count at a level.
    fn counts_orders(self, level: Level) -> bool {
        let cancelled = matches!(self, Change::Given(_));
        !cancelled && (level == Level::Initial || self == Change::Orders)
    }

    /// What the change adds to a position or a holding.
    fn filled(self, at: &Market, id: MarketId) -> Qty {
        match self {
            Change::Fill { market, side: Side::Buy, lots } if market == id => at.qty(lots),
            Change::Fill { market, side: Side::Sell, lots } if market == id => -at.qty(lots),
            Change::Fills(fills) => fills
                .map(|(market, side, lots)| Change::Fill { market, side, lots }.filled(at, id))
                .into_iter()
                .sum(),
            Change::Taken(share) => share.position(at),
            Change::Given(share) => -share.position(at),
            Change::Order { .. }
            | Change::Fill { .. }
            | Change::None
            | Change::Orders
            | Change::OptionOrder { .. }
            | Change::OptionFill { .. }
            | Change::Withdrawal { .. } => Qty::ZERO,
        }
    }

    /// The series of options that the change is about.
    fn series(self) -> Option<SeriesId> {
        match self {
            Change::OptionOrder { series, .. } | Change::OptionFill { series, .. } => Some(series),
            Change::Order { .. }
            | Change::Fill { .. }
            | Change::Fills(_)
            | Change::None
            | Change::Orders
            | Change::Taken(_)
            | Change::Given(_)
            | Change::Withdrawal { .. } => None,
        }
    }
}

/// The state. Only `engine` writes it.
#[derive(Clone, Debug)]
pub struct State {
    pub(crate) params: Params,
    pub(crate) height: u64,
    pub(crate) time: Time,
    pub(crate) accounts: u32,
    pub(crate) ledger: Ledger,
    pub(crate) oracle: Oracle,
    /// The ladder of each asset's index; the quote currency's stays empty.
    pub(crate) ladders: Vec<Ladder>,
    /// Each publisher's record on each asset.
    pub(crate) scores: Vec<Vec<Score>>,
    /// The prices of the external perpetuals.
    pub(crate) external: External,
    pub(crate) markets: Vec<Market>,
    /// The options, indexed by `ChainId`.
    pub(crate) chains: Vec<Chain>,
    /// The number of the next series.
    pub(crate) series_next: SeriesId,
    /// The accounts that are auctioned (rules L-20 to L-23).
    pub(crate) auctions: BTreeMap<AccountId, Auction>,
    pub(crate) budgets: Budgets,
    pub(crate) vault: Vault,
    pub(crate) chain: [u8; 32],
    pub(crate) scratch: Scratch,
    pub(crate) watch: Watch,
    pub(crate) outflow: Outflow,
    pub(crate) owners: Owners,
    pub(crate) plans: Plans,
    pub(crate) council: Council,
    /// Charges of each asset, initial and maintenance, as of the last close.
    charges: Vec<[Charges; 2]>,
    /// Grades of each index and of the external price, which hold for a block: time, ladders and
    /// their parameters change before its indices are formed and not after.
    grades: Vec<[Grade; 2]>,
    /// What each index is widened by (rule O-8), in the same blocks.
    widths: Vec<Width>,
    /// TWAP of each index at the last close.
    averages: Vec<Price>,
    /// What the bounds of rules multiply with, of each market and asset.
    terms: Vec<[Terms; 2]>,
    worths: Vec<[Worth; 2]>,
}

/// Buffers that are reused from block to block and hold nothing in between.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scratch {
    pub(crate) fills: Vec<crate::book::Fill>,
    pub(crate) bytes: Vec<u8>,
    pub(crate) touched: Vec<AccountId>,
    pub(crate) again: Vec<AccountId>,
    pub(crate) order: Vec<u32>,
    /// Lots that liquidations took in this block, from bids and asks of each market.
    pub(crate) taken: Vec<[u64; 2]>,
    pub(crate) margins: Vec<[Rate; 2]>,
    /// Slices of this block that wait for the end of its batch.
    pub(crate) slices: Vec<WaitingSlice>,
}

/// A slice of an order over time (rule T-11) in a batch.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WaitingSlice {
    pub(crate) slice: Slice,
    /// The order that waits for it.
    pub(crate) order: OrderId,
    /// What the batch has filled of it.
    pub(crate) filled: Lots,
}

impl State {
    /// An empty exchange of this design (rule T-1 and the ranges in `docs/protocol.md`).
    pub fn new(params: Params) -> Result<State, DesignError> {
        design::check(&params)?;
        let markets: Vec<Market> = params.markets.iter().cloned().map(Market::new).collect();
        let publishers = params.oracle.stakes.len();
        let chains = params.rules.options.iter().cloned();
        let chains = chains.map(|options| Chain::new(options, publishers)).collect();
        let mut state = State {
            height: 0,
            time: Time::ZERO,
            accounts: 0,
            ledger: Ledger::new(params.assets.len(), markets.len()),
            oracle: Oracle::new(params.assets.len(), params.oracle.stakes.len()),
            budgets: Budgets::new(markets.len()),
            vault: Vault::default(),
            ladders: vec![Ladder::default(); params.assets.len()],
            scores: vec![vec![Score::default(); params.oracle.stakes.len()]; params.assets.len()],
            external: External::new(params.assets.len(), params.oracle.stakes.len()),
            markets,
            chains,
            series_next: SeriesId(0),
            auctions: BTreeMap::new(),
            chain: [0; 32],
            scratch: Scratch::default(),
            watch: Watch::default(),
            charges: charges::of_assets(&params),
            grades: vec![[Grade::Missing; 2]; params.assets.len()],
            widths: vec![Width::default(); params.assets.len()],
            averages: vec![Price::MAX; params.assets.len()],
            terms: Vec::new(),
            worths: Vec::new(),
            outflow: Outflow::new(params.assets.len()),
            owners: Owners::default(),
            plans: Plans::new(params.markets.len()),
            council: Council::new(&params)?,
            params,
        };
        state.refresh_charges();
        state.refresh_terms();
        Ok(state)
    }

    /// The design.
    pub fn params(&self) -> &Params {
        &self.params
    }

    /// Governance: stakes, proposals and policies.
    pub fn governance(&self) -> &Governance {
        &self.council.governance
    }

    /// Realised volatility of an asset's index, for a year (rule G-10).
    pub fn volatility(&self, asset: AssetId) -> Option<Rate> {
        self.council.volatility[asset.index()].annual()
    }

    /// Takes over parameters that governance has changed: what is derived from them follows, and
    /// every account is looked at again.
    pub(crate) fn adopt(&mut self) {
        for (market, params) in self.markets.iter_mut().zip(&self.params.markets) {
            market.params.clone_from(params);
        }
        self.charges = charges::of_assets(&self.params);
        self.refresh_charges();
        self.refresh_terms();
        self.council.note_limits(&self.params);
        self.look_at_everybody();
    }

    /// Has the next block look at every account, and so at none too few: the naive form of rule
    /// R-5, for tests and after a restart.
    pub fn look_at_everybody(&mut self) {
        (0..self.accounts).map(AccountId).for_each(|account| self.watch.touch(account));
    }

    /// Blocks applied.
    pub fn height(&self) -> u64 {
        self.height
    }

    /// Time of the last block.
    pub fn time(&self) -> Time {
        self.time
    }

    /// Number of accounts.
    pub fn accounts(&self) -> u32 {
        self.accounts
    }

    /// The backstop vault.
    pub fn backstop(&self) -> &Vault {
        &self.vault
    }

    /// The first account of an account's owner (rule B-7).
    pub fn owner(&self, account: AccountId) -> AccountId {
        self.owners.owner(account)
    }

    /// The ledger.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// The oracle.
    pub fn oracle(&self) -> &Oracle {
        &self.oracle
    }

    /// All markets, indexed by [`MarketId`].
    pub fn markets(&self) -> &[Market] {
        &self.markets
    }

    /// One market; panics on an id that does not exist.
    pub fn market(&self, market: MarketId) -> &Market {
        &self.markets[market.index()]
    }

    /// The hash over all blocks and events so far and the last checkpoint of the whole state (rule
    /// H-1).
    pub fn chain_hash(&self) -> [u8; 32] {
        self.chain
    }

    /// A hash of everything that decides what the state does next (rule H-2).
    pub fn hash(&self) -> [u8; 32] {
        let mut bytes = Vec::new();
        self.write_canonical(&mut bytes);
        *blake3::hash(&bytes).as_bytes()
    }

    /// The same without the chain: equal for two states that differ only in what was refused.
    pub fn content_hash(&self) -> [u8; 32] {
        let mut bytes = Vec::new();
        self.write_content(&mut bytes);
        *blake3::hash(&bytes).as_bytes()
    }

    pub(crate) fn write_canonical(&self, out: &mut Vec<u8>) {
        self.write_content(out);
        append(out, &self.chain);
    }

    fn write_content(&self, out: &mut Vec<u8>) {
        let fixed = (&self.params, self.height, self.time, self.accounts);
        append(out, &fixed);
        append(out, &(&self.ledger, &self.oracle));
        append(out, &(&self.ladders, &self.scores, &self.external));
        append(out, &(&self.budgets, &self.vault));
        append(out, &(&self.outflow, &self.owners, &self.plans, &self.council));
        for market in &self.markets {
            append(
                out,
                &(
                    &market.halts,
                    &market.last,
                    &market.last_time,
                    &market.entries,
                    &market.perpetual,
                ),
            );
            market.book.write_canonical(out);
            market.collected.write_canonical(out);
            // The order in which an account's orders are cancelled.
            for open in &market.orders {
                for order in open.iter().filter(|order| market.order(**order).is_some()) {
                    append(out, order);
                }
            }
        }
        append(out, &(self.series_next, &self.auctions));
        self.chains.iter().for_each(|chain| options::write(chain, out));
    }

    /// The index price of a market's base asset.
    #[inline]
    pub fn index_price(&self, market: MarketId) -> Price {
        self.oracle.index(self.markets[market.index()].params.base).price
    }

    /// The base assets.
    pub(crate) fn base_assets(&self) -> impl Iterator<Item = AssetId> + use<> {
        (1..self.params.assets.len()).map(|at| AssetId(u16::try_from(at).expect("checked")))
    }

    /// The perpetual markets with their ids.
    pub(crate) fn perpetuals(&self) -> impl Iterator<Item = (&Market, MarketId)> {
        self.markets
            .iter()
            .zip(0u16..)
            .filter(|(market, _)| market.perpetual_params().is_some())
            .map(|(market, id)| (market, MarketId(id)))
    }
}

/// Quantity of a number of open lots.
fn open_qty(market: &Market, lots: u64) -> Qty {
    let raw = i128::from(lots) * i128::from(market.params.lot.raw());
    Qty::from_raw(i64::try_from(raw).expect("open orders are bounded by QTY_MAX"))
}

/// A holding as a quantity; the ledger never holds more of a base asset than fits.
pub(crate) fn as_qty(amount: Amount) -> Qty {
    Qty::from_raw(i64::try_from(amount.raw()).expect("base assets are bounded by QTY_MAX"))
}

/// What an account would receive if it were settled now, and the remainder at 10⁻²⁶ (rule F-7).
#[inline]
pub(crate) fn pending_funding(funding: &Funding, entry: &crate::position::Entry) -> (Amount, i128) {
    const UNIT: i128 = 1_000_000_000_000_000_000;
    let received = entry.funding_index - funding.index;
    if let Some(split) = received.split(entry.position) {
        return split;
    }
    let (index, qty) = (received.raw(), i128::from(entry.position.raw()));
    let whole = money::mul_div(index, qty, UNIT, Round::Down).expect("funding index is bounded");
    // The remainder is below UNIT, so arithmetic modulo 2^128 gives it exactly.
    let remainder = index.wrapping_mul(qty).wrapping_sub(whole.wrapping_mul(UNIT));
    (Amount::from_raw(whole), remainder)
}

pub(crate) fn append<T: BorshSerialize + ?Sized>(out: &mut Vec<u8>, value: &T) {
    value.serialize(out).expect("writing to memory cannot fail");
}
