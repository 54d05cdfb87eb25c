//! What the state says about the tranches in which positions are closed (rules L-7 … L-9): a
//! position's stake, what of it may be closed, and the aged depth that is left for it.
//!
//! Always holds: in one block all forced orders together take at most their share of a side's aged
//! depth, but for one lot of each account.

use money::{Amount, Price, Qty, Rate, Round, mul_div};

use super::orders::Checked;
use crate::command::SelfTrade;
use crate::event::Event;
use crate::halt::{self, Permit};
use crate::ids::{AccountId, AssetId, ClientId, Lots, MarketId, QUOTE, Side, Tick};
use crate::ladder::Action;
use crate::ledger::Holder;
use crate::market::Market;
use crate::oracle::PRICE_MAX;
use crate::params::{FutureParams, Kind, PerpetualParams};
use crate::state::{Change, Level, State};
use crate::tranche::{self, Closing, Stake, Terms, share_of_equity};

/// Whether a market's phase and index permit a liquidation (rules A-5, O-4 and O-5).
pub(super) fn index_serves(state: &State, id: MarketId) -> bool {
    state.permits(id, halt::Action::Liquidate) == Permit::Yes
        && state.serving(Action::Liquidate, state.markets[id.index()].params.base).is_some()
}

/// What of a position may be closed at once: the part that nothing in its underlying hedges or,
/// where all of it is a hedge, the whole, but only together with as much of what it hedges.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part {
    pub(super) closable: Qty,
    pub(super) hedged: bool,
}

pub(super) fn part(state: &State, account: AccountId, id: MarketId) -> Part {
    let market = &state.markets[id.index()];
    let position = market.entry(account).position;
    let net = state.net_stake(account, market.params.base);
    let same = position.is_negative() == net.is_negative();
    let naked = if same { position.abs().min(net.abs()) } else { Qty::ZERO };
    let naked = market.qty(market.lots_of(naked));
    let hedged = naked.is_zero();
    Part { closable: if hedged { position.abs() } else { naked }, hedged }
}

/// What equity a part of a position stands for (rule L-7) that is closed alone.
pub(super) fn stake(state: &State, account: AccountId, id: MarketId, part: Part) -> Stake {
    let market = &state.markets[id.index()];
    let short = market.entry(account).position.is_negative();
    let side = if short { Side::Buy } else { Side::Sell };
    let change = Change::Fill { market: id, side, lots: market.lots_of(part.closable) };
    stake_of(state, account, (id, part.closable), change)
}

/// The same of what is closed by a change: as much of the account's equity as that frees of the
/// requirement.
pub(super) fn stake_of(
    state: &State,
    account: AccountId,
    (id, closable): (MarketId, Qty),
    change: Change,
) -> Stake {
    let market = &state.markets[id.index()];
    let health = state.health(account, Level::Maintenance);
    let after = state.health_after(account, Level::Maintenance, change);
    let freed = health.requirement - after.requirement;
    let equity = share_of_equity(health.equity, freed.max(Amount::ZERO), health.requirement);
    let short = market.entry(account).position.is_negative();
    let position = if short { -closable } else { closable };
    Stake { position, mark: market.perpetual.mark.price, equity }
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
        closable: market.lots_of(part.closable),
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
    let charge = if part.hedged { basis } else { params.margin_initial };
    Terms {
        // Rule X-6: closing a future frees its spread as well.
        margin: charge + state.spread(market, Level::Initial),
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
    let fills = market.fills_within(side, tick, Lots(aged));
    let within: u64 = fills.map(|(_, lots)| lots.0).sum();
    let taken = state.scratch.taken.get(id.index()).map_or(0, |taken| taken[slot(side)]);
    let one = i128::from(Rate::ONE.raw());
    let taken = mul_div(i128::from(taken), one, i128::from(share.raw()), Round::Up);
    let taken = taken.and_then(|taken| u64::try_from(taken).ok()).unwrap_or(u64::MAX);
    Lots(within.saturating_sub(taken))
}

/// Counts lots that the engine took out of a side of a book in this block.
pub(super) fn note_taken(state: &mut State, id: MarketId, side: Side, lots: Lots) {
    state.scratch.taken.resize(state.markets.len(), [0; 2]);
    state.scratch.taken[id.index()][slot(side)] += lots.0;
}

fn slot(side: Side) -> usize {
    usize::from(side == Side::Sell)
}

/// What the forced trades in a market among these events were worth.
pub(super) fn traded(events: &[Event], id: MarketId) -> Amount {
    let mut traded = Amount::ZERO;
    for event in events {
        if let Event::Traded { market, price, qty, liquidation: true, .. } = event
            && *market == id
        {
            traded += price.notional(*qty, Round::Down);
        }
    }
    traded
}

pub(super) fn pay_fee(
    state: &mut State,
    account: AccountId,
    id: MarketId,
    amount: Amount,
    events: &mut Vec<Event>,
) {
    if amount.is_positive() {
        let (from, to) = (Holder::User(account), Holder::MarketInsurance(id));
        state.ledger.transfer(from, to, QUOTE, amount);
        events.push(Event::LiquidationFee { account, amount });
    }
}

/// The spot market of an asset.
pub(super) fn spot_market(state: &State, asset: AssetId) -> Option<MarketId> {
    let is_spot = |market: &Market| market.perpetual_params().is_none();
    let at =
        state.markets.iter().position(|market| market.params.base == asset && is_spot(market))?;
    u16::try_from(at).ok().map(MarketId)
}

/// The price at which trading `qty` loses the cushion against what equity values it at: the index
/// for a holding, the mark for a position; never outside the band around the index.
pub(super) fn worst_tick(
    state: &State,
    id: MarketId,
    (side, qty): (Side, Qty),
    cushion: Amount,
) -> Tick {
    let market = &state.markets[id.index()];
    let index = state.fair(market);
    let (band, value) = match market.params.kind {
        Kind::Perpetual(params) | Kind::Future(FutureParams { terms: params, .. }) => {
            (params.price_band, market.perpetual.mark.price)
        }
        Kind::Spot { price_band } => (price_band, index),
    };
    let (one, units) = (i128::from(Price::ONE.raw()), i128::from(qty.raw()));
    // Bounded so that it can be added to a price; the band is narrower.
    let far = i128::from(PRICE_MAX.raw()) * 2;
    let reach = mul_div(cushion.raw(), one, units, Round::Down).unwrap_or(0).clamp(-far, far);
    let price = (i128::from(value.raw()) + reach * i128::from(side.sign())).clamp(1, far);
    let price = Price::from_raw(i64::try_from(price).expect("two largest prices fit"));
    let price = match side {
        Side::Sell => price.max(index.offset(-band, Round::Up).expect("a band is below one")),
        Side::Buy => price.min(index.offset(band, Round::Down).unwrap_or(Price::MAX)),
    };
    market.tick_within(price, side)
}
