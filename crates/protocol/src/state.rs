//! The whole state of the exchange, and what can be read from it.

use borsh::BorshSerialize;
use money::{Amount, Price, Qty, Rate, Round, Time};

use crate::book::Book;
use crate::design::{self, DesignError};
use crate::funding::Funding;
use crate::ids::{AccountId, AssetId, Lots, MarketId, QUOTE, Side};
use crate::ledger::{Holder, Ledger};
use crate::margin::{Charges, Exposure, Health, requirement};
use crate::market::Market;
use crate::oracle::Oracle;
use crate::params::{Kind, Params};

/// Units of an amount in one of its wholes.
const SCALE: i128 = Amount::ONE.raw();

/// Which requirement is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// To take new risk: open orders count at their worst.
    Initial,
    /// To keep a position: open orders do not count.
    Maintenance,
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
    /// An amount leaves.
    Withdrawal {
        /// Of which asset.
        asset: AssetId,
        /// How much.
        amount: Amount,
    },
}

impl Change {
    /// Lots that the change adds to the open orders of a side.
    fn lots(self, id: MarketId, wanted: Side) -> u64 {
        match self {
            Change::Order { market, side, lots } if market == id && side == wanted => lots.0,
            Change::Order { .. } | Change::None | Change::Withdrawal { .. } => 0,
        }
    }
}

/// Which open orders are taken as filled: spot and perpetual.
struct Fills {
    sides: [Option<Side>; 2],
    change: Change,
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
    pub(crate) markets: Vec<Market>,
    pub(crate) chain: [u8; 32],
    pub(crate) scratch: Scratch,
    /// Charges of each asset, initial and maintenance: fixed by the design.
    charges: Vec<[Charges; 2]>,
}

/// Buffers that are reused from block to block and hold nothing in between.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scratch {
    pub(crate) fills: Vec<crate::book::Fill>,
    pub(crate) bytes: Vec<u8>,
    pub(crate) touched: Vec<AccountId>,
}

impl State {
    /// An empty exchange of this design (rule T-1 and the ranges in `docs/protocol.md`).
    pub fn new(params: Params) -> Result<State, DesignError> {
        design::check(&params)?;
        let markets: Vec<Market> = params.markets.iter().cloned().map(Market::new).collect();
        Ok(State {
            height: 0,
            time: Time::ZERO,
            accounts: 0,
            ledger: Ledger::new(params.assets.len(), markets.len()),
            oracle: Oracle::new(params.assets.len(), params.oracle.stakes.len()),
            markets,
            chain: [0; 32],
            scratch: Scratch::default(),
            charges: (0u16..)
                .map(AssetId)
                .zip(&params.assets)
                .map(|(id, _)| {
                    [Level::Initial, Level::Maintenance].map(|level| charges(&params, id, level))
                })
                .collect(),
            params,
        })
    }

    /// The design.
    pub fn params(&self) -> &Params {
        &self.params
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
        for market in &self.markets {
            append(out, &(&market.last, &market.entries, &market.perpetual));
            market.book.write_canonical(out);
            // The order in which an account's orders are cancelled.
            for open in &market.orders {
                for order in open.iter().filter(|order| market.book.order(**order).is_some()) {
                    append(out, order);
                }
            }
        }
    }

    /// The index price of a market's base asset.
    #[inline]
    pub fn index_price(&self, market: MarketId) -> Price {
        self.oracle.index(self.markets[market.index()].params.base).price
    }

    /// Equity and requirement of an account (rules R-1 … R-3).
    pub fn health(&self, account: AccountId, level: Level) -> Health {
        self.health_after(account, level, Change::None)
    }

    /// The same as if a change had been made.
    pub fn health_after(&self, account: AccountId, level: Level, change: Change) -> Health {
        let mut health = Health { equity: self.ledger.cash(account), requirement: Amount::ZERO };
        for (market, _) in self.perpetuals() {
            let entry = market.entry(account);
            if !entry.position.is_zero() {
                health.equity += entry.profit(market.perpetual.mark.price);
                health.equity += pending_funding(&market.perpetual.funding, entry).0;
            }
        }
        if let Change::Withdrawal { asset: QUOTE, amount } = change {
            health.equity -= amount;
        }
        for asset in self.base_assets() {
            if !self.has_stake(account, asset, change) {
                continue;
            }
            let mut holding = self.ledger.balance(Holder::User(account), asset);
            if let Change::Withdrawal { asset: withdrawn, amount } = change
                && withdrawn == asset
            {
                holding -= amount;
            }
            let holding = as_qty(holding);
            health.equity += self.oracle.index(asset).price.notional(holding, Round::Down);
            health.requirement += self.asset_requirement(account, asset, holding, level, change);
        }
        health
    }

    /// Whether an account holds, has a position in, orders or is about to change an asset.
    pub(crate) fn has_stake(&self, account: AccountId, asset: AssetId, change: Change) -> bool {
        if !self.ledger.balance(Holder::User(account), asset).is_zero() {
            return true;
        }
        self.markets.iter().zip(0u16..).any(|(market, id)| {
            let ordered = matches!(change, Change::Order { market, .. } if market.0 == id);
            let entry = market.entry(account);
            market.params.base == asset
                && (ordered || entry.orders > 0 || !entry.position.is_zero())
        })
    }

    /// Whether an account is beyond doubt sound at maintenance: the comparison of [`State::health`]
    /// with every term bounded against the account, without a division. `false` says nothing.
    pub fn is_clearly_sound(&self, account: AccountId) -> bool {
        // More units of 10⁻⁸ than there are terms that round, at 10⁻¹⁶.
        const ROUNDINGS: i128 = 1_000_000 * SCALE;
        self.surplus(account).is_some_and(|surplus| surplus > ROUNDINGS)
    }

    /// A lower bound of equity less requirement, at 10⁻¹⁶ and before roundings; `None` where it
    /// does not fit. Each holding and position is charged as if nothing hedged it (R-1 is
    /// sub-additive).
    fn surplus(&self, account: AccountId) -> Option<i128> {
        let value = |price: Price, qty: i128| i128::from(price.raw()).checked_mul(qty);
        // Whole basis points rounded up, each taken as 1/8192: more than the share itself.
        let charge = |value: i128, rate: Rate| {
            let bp = rate.raw().unsigned_abs().div_ceil(Rate::BASIS_POINT.raw().unsigned_abs());
            value.checked_mul(i128::from(bp)).map(|product| (product >> 13) + 1)
        };
        let charges = |asset: AssetId| self.charges[asset.index()][1];
        let mut surplus = self.ledger.cash(account).raw().checked_mul(SCALE)?;
        for (market, _) in self.perpetuals() {
            let entry = market.entry(account);
            if entry.position.is_zero() {
                continue;
            }
            let (qty, base) = (i128::from(entry.position.raw()), market.params.base);
            let profit = value(market.perpetual.mark.price, qty)?
                .checked_sub(entry.cost.raw().checked_mul(SCALE)?)?;
            let received = entry.funding_index - market.perpetual.funding.index;
            // From 10⁻²⁶: 2^33 is less than 10¹⁰, so a debt counts for more.
            let owed = (received.raw().checked_mul(qty)? >> 33).min(0);
            let notional = value(self.oracle.index(base).price, qty.abs())?;
            let margin = charge(notional, charges(base).margin)?;
            surplus = surplus.checked_add(profit)?.checked_add(owed)?.checked_sub(margin)?;
        }
        for asset in self.base_assets() {
            let held = self.ledger.balance(Holder::User(account), asset).raw();
            let worth = value(self.oracle.index(asset).price, held)?;
            let haircut = charge(worth, charges(asset).haircut)?;
            surplus = surplus.checked_add(worth)?.checked_sub(haircut)?;
        }
        Some(surplus)
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

    /// The requirement of one underlying; initial: the worst over the directions in which open
    /// orders can fill (rule R-2).
    fn asset_requirement(
        &self,
        account: AccountId,
        asset: AssetId,
        holding: Qty,
        level: Level,
        change: Change,
    ) -> Amount {
        let ordered = match level {
            Level::Maintenance => [false; 2],
            Level::Initial => self.ordered(account, asset, change),
        };
        let [spot, perpetual] = ordered.map(|ordered| -> &[Option<Side>] {
            if ordered { &[Some(Side::Buy), Some(Side::Sell)] } else { &[None] }
        });
        let index = self.oracle.index(asset).price;
        let charges = self.charges[asset.index()][usize::from(level == Level::Maintenance)];
        let mut worst = Amount::ZERO;
        for &spot_fills in spot {
            for &perpetual_fills in perpetual {
                let mut exposure = Exposure { holding, ..Exposure::default() };
                let fills = Fills { sides: [spot_fills, perpetual_fills], change };
                self.add_exposure(&mut exposure, account, asset, &fills);
                worst = worst.max(requirement(exposure, charges, index));
            }
        }
        worst
    }

    /// Whether an account has orders, with the change, in the spot and in the perpetual markets of
    /// an asset.
    fn ordered(&self, account: AccountId, asset: AssetId, change: Change) -> [bool; 2] {
        let mut ordered = [false; 2];
        for (market, id) in self.markets.iter().zip(0u16..) {
            let changed = matches!(change, Change::Order { market, .. } if market.0 == id);
            if market.params.base == asset && (changed || market.entry(account).orders > 0) {
                ordered[usize::from(market.perpetual_params().is_some())] = true;
            }
        }
        ordered
    }

    /// Adds an account's positions in one underlying, and its open orders of the given directions.
    fn add_exposure(
        &self,
        exposure: &mut Exposure,
        account: AccountId,
        asset: AssetId,
        fills: &Fills,
    ) {
        for (market, id) in self.markets.iter().zip(0u16..) {
            if market.params.base != asset {
                continue;
            }
            let entry = market.entry(account);
            let perpetual = market.perpetual_params().is_some();
            let added = |side| fills.change.lots(MarketId(id), side);
            let orders = match fills.sides[usize::from(perpetual)] {
                None => Qty::ZERO,
                Some(Side::Buy) => open_qty(market, entry.bid_lots + added(Side::Buy)),
                Some(Side::Sell) => -open_qty(market, entry.ask_lots + added(Side::Sell)),
            };
            if !perpetual {
                exposure.holding = (exposure.holding + orders).max(Qty::ZERO);
                continue;
            }
            let position = entry.position + orders;
            exposure.long += position.max(Qty::ZERO);
            exposure.short += (-position).max(Qty::ZERO);
        }
    }

    /// What an account could spend of an asset: its balance less what its spot orders have set
    /// aside.
    pub fn available(&self, account: AccountId, asset: AssetId) -> Amount {
        let mut available = self.ledger.balance(Holder::User(account), asset);
        for market in self.markets.iter().filter(|market| market.perpetual_params().is_none()) {
            if asset == QUOTE {
                available -= market.bids_reserved(account);
            } else if market.params.base == asset {
                available -= open_qty(market, market.entry(account).ask_lots).as_amount();
            }
        }
        available
    }
}

/// The charges of an asset (rule R-1).
fn charges(params: &Params, id: AssetId, level: Level) -> Charges {
    let asset = &params.assets[id.index()];
    let perpetuals = params.markets.iter().filter(|market| market.base == id);
    let margin = perpetuals.filter_map(|market| match (&market.kind, level) {
        (Kind::Spot { .. }, Level::Initial | Level::Maintenance) => None,
        (Kind::Perpetual(perpetual), Level::Initial) => Some(perpetual.margin_initial),
        (Kind::Perpetual(perpetual), Level::Maintenance) => Some(perpetual.margin_maintenance),
    });
    let (haircut, basis) = match level {
        Level::Initial => (asset.haircut_initial, asset.basis_initial),
        Level::Maintenance => (asset.haircut_maintenance, asset.basis_maintenance),
    };
    Charges { haircut, basis, margin: margin.max().unwrap_or(Rate::ZERO) }
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
