//! What the state says about the tranches in which positions are closed (rules L-7 … L-9): a
//! position's stake, what of it may be closed, and the aged depth that is left for it.
//!
//! Always holds: in one block all forced orders together take at most their share of a side's aged
//! depth, but for one lot of each account.

use money::{Amount, Price, Qty, Rate, Round, mul_div};

use super::accounts::holding;
use super::orders::Checked;
use crate::book::Book;
use crate::command::SelfTrade;
use crate::halt::{self, Permit};
use crate::ids::{AccountId, AssetId, ClientId, Lots, MarketId, Side, Tick};
use crate::ladder::Action;
use crate::market::Market;
use crate::params::PerpetualParams;
use crate::state::{Level, State};
use crate::tranche::{self, Closing, Stake, Terms, share_of_equity};

/// Whether a market's phase and index permit a liquidation (rules A-5, O-4 and O-5).
pub(super) fn index_serves(state: &State, id: MarketId) -> bool {
    state.permits(id, halt::Action::Liquidate) == Permit::Yes
        && state.serving(Action::Liquidate, state.markets[id.index()].params.base).is_some()
}

/// What of a position may be closed at once: its naked part or, where all of it hedges a holding,
/// the whole together with as much of the holding.
#[derive(Clone, Copy)]
pub(super) struct Part {
    pub(super) closable: Qty,
    pub(super) hedged: bool,
}

pub(super) fn part(state: &State, account: AccountId, id: MarketId) -> Part {
    let market = &state.markets[id.index()];
    let position = market.entry(account).position;
    let held = holding(state, account, market.params.base);
    let naked = if position.is_negative() { (-position - held).max(Qty::ZERO) } else { position };
    let hedged = naked.is_zero();
    Part { closable: if hedged { position.abs() } else { naked }, hedged }
}

/// A position's part in its account's equity (rule L-7).
pub(super) fn stake(state: &State, account: AccountId, id: MarketId) -> Stake {
    let market = &state.markets[id.index()];
    let own = plain_charge(state, account, id);
    let positions: Amount =
        state.perpetuals().map(|(_, other)| plain_charge(state, account, other)).sum();
    let holdings: Amount =
        state.base_assets().map(|asset| plain_haircut(state, account, asset)).sum();
    let equity = share_of_equity(state.equity(account), own, positions + holdings);
    let position = market.entry(account).position;
    Stake { position, mark: market.perpetual.mark.price, equity }
}

/// The maintenance charge of a position by rule R-1 alone.
fn plain_charge(state: &State, account: AccountId, id: MarketId) -> Amount {
    let market = &state.markets[id.index()];
    let position = market.entry(account).position;
    let Some(params) = market.perpetual_params().filter(|_| !position.is_zero()) else {
        return Amount::ZERO;
    };
    let held = holding(state, account, market.params.base);
    let hedged = if position.is_negative() { held.min(-position) } else { Qty::ZERO };
    let index = state.oracle.index(market.params.base).price;
    let basis = state.params.assets[market.params.base.index()].basis_maintenance;
    charge(index, position.abs() - hedged, params.margin_maintenance) + charge(index, hedged, basis)
}

/// The maintenance haircut of what no short hedges, by rule R-1 alone.
fn plain_haircut(state: &State, account: AccountId, asset: AssetId) -> Amount {
    let of_asset = state.perpetuals().filter(|(market, _)| market.params.base == asset);
    let short: Qty =
        of_asset.map(|(market, _)| (-market.entry(account).position).max(Qty::ZERO)).sum();
    let unhedged = (holding(state, account, asset) - short).max(Qty::ZERO);
    let rate = state.params.assets[asset.index()].haircut_maintenance;
    charge(state.oracle.index(asset).price, unhedged, rate)
}

fn charge(index: Price, qty: Qty, rate: Rate) -> Amount {
    let charge = index.notional(qty, Round::Up).share(rate, Round::Up);
    charge.expect("a charge is smaller than its notional")
}

/// An order on behalf of the engine.
pub(super) fn forced(
    account: AccountId,
    market: MarketId,
    side: Side,
    (tick, lots): (Tick, Lots),
) -> Checked {
    Checked {
        account,
        market,
        side,
        tick,
        lots,
        client: ClientId::default(),
        self_trade: SelfTrade::CancelMaker,
        liquidation: true,
    }
}

/// How many lots to close in this block (rule L-9).
pub(super) fn tranche(
    state: &State,
    account: AccountId,
    id: MarketId,
    (part, tick): (Part, Tick),
) -> Lots {
    let market = &state.markets[id.index()];
    let Some(params) = market.perpetual_params().copied() else { return Lots(0) };
    let position = market.entry(account).position;
    let side = if position.is_positive() { Side::Sell } else { Side::Buy };
    let health = state.health(account, Level::Initial);
    let mark = market.perpetual.mark.price;
    let rules = state.params.rules.liquidation;
    let large = mark.notional(part.closable, Round::Up) > state.params.liquidation_tranche_min;
    let depth_share = if large { rules.depth_share } else { Rate::ONE };
    let closing = Closing {
        closable: market.lots_covering(part.closable).min(market.lots_of(position)),
        lot: market.params.lot,
        mark,
        // At least a unit: an account under maintenance is also under initial margin, but for
        // rounding.
        shortage: (health.requirement - health.equity).max(Amount::from_raw(1)),
        depth: depth_left(state, id, side, (tick, depth_share)),
    };
    tranche::lots(closing, terms(state, market, params, (part, depth_share)))
}

fn terms(
    state: &State,
    market: &Market,
    params: PerpetualParams,
    (part, depth_share): (Part, Rate),
) -> Terms {
    let basis = state.params.assets[market.params.base.index()].basis_initial;
    Terms {
        margin: if part.hedged { basis } else { params.margin_initial },
        fee: params.fee_liquidation,
        depth_share,
        whole_below: state.params.rules.liquidation.whole_below,
    }
}

/// The aged depth within the limit of an order of `side`, in lots, less what others' tranches of
/// this block stand for at this share (rule L-9).
pub(super) fn depth_left(
    state: &State,
    id: MarketId,
    side: Side,
    (tick, share): (Tick, Rate),
) -> Lots {
    let market = &state.markets[id.index()];
    let aged = market.depth(side.opposite()).aged();
    let aged = aged.buys(market.perpetual.mark.price, Round::Down).unwrap_or(Qty::ZERO);
    let aged = market.lots_of(aged).0;
    let mut within = 0u64;
    for (at, lots) in market.book.levels(side.opposite()) {
        let reached = match side {
            Side::Buy => at <= tick,
            Side::Sell => at >= tick,
        };
        if within >= aged || !reached {
            break;
        }
        within = within.saturating_add(lots.0);
    }
    let taken = state.scratch.taken.get(id.index()).map_or(0, |taken| taken[slot(side)]);
    let one = i128::from(Rate::ONE.raw());
    let taken = mul_div(i128::from(taken), one, i128::from(share.raw()), Round::Up);
    let taken = taken.and_then(|taken| u64::try_from(taken).ok()).unwrap_or(u64::MAX);
    Lots(aged.min(within).saturating_sub(taken))
}

/// Counts lots that the engine took out of a side of a book in this block.
pub(super) fn note_taken(state: &mut State, id: MarketId, side: Side, lots: Lots) {
    state.scratch.taken.resize(state.markets.len(), [0; 2]);
    state.scratch.taken[id.index()][slot(side)] += lots.0;
}

fn slot(side: Side) -> usize {
    usize::from(side == Side::Sell)
}
