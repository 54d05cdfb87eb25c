//! Closing a hedge: two legs in one underlying, both or neither (rule L-4).
//!
//! A position that hedges a holding, or a position in another market, is closed together with as
//! much of that. What both books take at prices that the pair's stake bears is found first; then
//! both legs trade that quantity, a multiple of both lots.
//!
//! Always holds: the net exposure of the account stays as it is, so its requirement falls by the
//! basis charge of what was closed, and the legs and the fee cost at most the pair's part of the
//! stake.

use money::{Amount, Price, Qty, Round};

use super::accounts::holding;
use super::bounds::greatest_divisor;
use super::orders::{take, trim_touched};
use super::permits::lets_trade;
use super::tranches::{
    Part, depth_left, forced, index_serves, note_taken, pay_fee, spot_market, stake_of, traded,
    tranche, worst_tick,
};
use crate::book::Taker;
use crate::command::SelfTrade;
use crate::event::Event;
use crate::ids::{AccountId, Lots, MarketId, Side, Tick};
use crate::market::Market;
use crate::state::{Change, State};
use crate::tranche::Stake;

/// One side of a pair.
#[derive(Clone, Copy, Debug)]
struct Leg {
    market: MarketId,
    side: Side,
    tick: Tick,
    lots: Lots,
}

/// Closes what it may of a position that is a hedge.
pub(super) fn close_pair(
    state: &mut State,
    account: AccountId,
    id: MarketId,
    events: &mut Vec<Event>,
) {
    let Some((other, most)) = partner(state, account, id) else { return };
    let position = state.markets[id.index()].entry(account).position;
    let part = Part { closable: position.abs().min(most), hedged: true };
    let Some(step) = common_step(&state.markets[id.index()], &state.markets[other.index()]) else {
        return;
    };
    let closable = part.closable.raw() / step * step;
    let part = Part { closable: Qty::from_raw(closable), ..part };
    if closable == 0 {
        return;
    }
    let both = [(id, position.is_negative()), (other, !position.is_negative())];
    let both = both.map(|(id, buys)| {
        let side = if buys { Side::Buy } else { Side::Sell };
        (id, side, state.markets[id.index()].lots_of(part.closable))
    });
    let stake = stake_of(state, account, (id, part.closable), Change::Fills(both));
    let Some(legs) = executable(state, account, (id, other), (part, stake, step)) else { return };
    if legs.into_iter().all(|leg| permitted(state, account, leg, events)) {
        trade(state, account, legs, stake, events);
    }
}

/// What a hedging position is closed against, and how much of it: the holding if it is a short and
/// there is one, else the largest position on the other side.
fn partner(state: &State, account: AccountId, id: MarketId) -> Option<(MarketId, Qty)> {
    let market = &state.markets[id.index()];
    let (base, position) = (market.params.base, market.entry(account).position);
    let held = holding(state, account, base);
    let spot = spot_market(state, base).filter(|_| position.is_negative() && held.is_positive());
    if let Some(spot) = spot {
        return index_serves(state, spot).then_some((spot, held));
    }
    let others = state.perpetuals().filter(|(other, _)| {
        let theirs = other.entry(account).position;
        other.params.base == base
            && !theirs.is_zero()
            && theirs.is_negative() != position.is_negative()
    });
    let sizes = others.map(|(other, at)| (other.entry(account).position.abs(), at));
    let (size, at) = sizes.max_by_key(|(size, at)| (*size, std::cmp::Reverse(*at)))?;
    index_serves(state, at).then_some((at, size))
}

/// The least quantity that is whole lots of both markets.
fn common_step(one: &Market, other: &Market) -> Option<i64> {
    let [a, b] = [one, other].map(|market| market.params.lot.raw());
    let divisor = greatest_divisor(a.unsigned_abs(), b.unsigned_abs());
    (a / i64::try_from(divisor).ok()?).checked_mul(b)
}

/// The legs that both books take now, if there are any.
fn executable(
    state: &State,
    account: AccountId,
    (id, other): (MarketId, MarketId),
    (part, stake, step): (Part, Stake, i64),
) -> Option<[Leg; 2]> {
    let market = &state.markets[id.index()];
    let params = market.perpetual_params()?;
    let side = stake.side();
    let tick = market.tick_within(stake.limit(state.fair(market), params.price_band), side);
    let wanted = market.qty(tranche(state, account, id, (part, tick)));
    // A tranche of one lot at least is one of a step at least.
    let wanted = whole(wanted.max(Qty::from_raw(step)), step).min(part.closable);
    let mut qty = whole(market.qty(within(market, side, tick, market.lots_of(wanted)).0), step);
    // What the first leg leaves of the stake bounds the price of the second, and so its quantity.
    while qty.is_positive() {
        let first = Leg { market: id, side, tick, lots: market.lots_of(qty) };
        let cushion = borne(stake, qty) - lost(state, first);
        let second = second_leg(state, other, (side.opposite(), qty), cushion);
        let bound = state.markets[other.index()].qty(second.lots);
        if bound >= qty {
            return Some([first, second]);
        }
        qty = whole(bound, step);
    }
    None
}

fn whole(qty: Qty, step: i64) -> Qty {
    Qty::from_raw(qty.raw() / step * step)
}

/// The leg against the partner: as much of `qty` as its book takes.
fn second_leg(state: &State, id: MarketId, (side, qty): (Side, Qty), cushion: Amount) -> Leg {
    let market = &state.markets[id.index()];
    let tick = worst_tick(state, id, (side, qty), cushion);
    let mut lots = market.lots_of(qty);
    if market.perpetual_params().is_some() {
        let share = state.params.rules.liquidation.depth_share;
        lots = lots.min(depth_left(state, id, side, (tick, share)));
    }
    let (lots, _) = within(market, side, tick, lots);
    Leg { market: id, side, tick, lots }
}

/// How much of an order would fill, and for what.
fn within(market: &Market, side: Side, tick: Tick, lots: Lots) -> (Lots, Amount) {
    let fills = market.fills_within(side, tick, lots);
    fills.fold((Lots(0), Amount::ZERO), |(filled, traded), (at, lots)| {
        (Lots(filled.0 + lots.0), traded + market.notional(at, lots))
    })
}

/// The part of the stake that belongs to a part of the pair.
fn borne(stake: Stake, qty: Qty) -> Amount {
    let whole = stake.position.abs().as_amount();
    stake.equity.portion(qty.as_amount(), whole, Round::Down).expect("a part of the stake")
}

/// What a leg in a perpetual costs against the mark.
fn lost(state: &State, leg: Leg) -> Amount {
    let market = &state.markets[leg.market.index()];
    let (lots, traded) = within(market, leg.side, leg.tick, leg.lots);
    let mark: Price = market.perpetual.mark.price;
    match leg.side {
        Side::Sell => mark.notional(market.qty(lots), Round::Up) - traded,
        Side::Buy => traded - mark.notional(market.qty(lots), Round::Down),
    }
}

/// Whether nothing in a leg's market stands against it (rules ).
fn permitted(state: &mut State, owner: AccountId, leg: Leg, events: &mut Vec<Event>) -> bool {
    let Leg { market, side, tick: limit, lots } = leg;
    let taker = Taker { owner, side, limit, lots, self_trade: SelfTrade::CancelMaker };
    lets_trade(state, market, &taker, events)
}

/// Trades both legs, and takes the fee of the first from what they left of the stake (rule L-10).
fn trade(
    state: &mut State,
    account: AccountId,
    legs: [Leg; 2],
    stake: Stake,
    events: &mut Vec<Event>,
) {
    let before = state.equity(account);
    let first = events.len();
    for leg in legs {
        let order = forced(account, leg.market, leg.side, (leg.tick, leg.lots));
        let (left, _) = take(state, &order, events);
        trim_touched(state, leg.market, events);
        note_taken(state, leg.market, leg.side, Lots(leg.lots.0 - left.0));
    }
    let [Leg { market: id, lots, .. }, _] = legs;
    let market = &state.markets[id.index()];
    let Some(params) = market.perpetual_params() else { return };
    let lost = before - state.equity(account);
    let fee = traded(&events[first..], id).share(params.fee_liquidation, Round::Up);
    let fee = fee.expect("a fee is smaller than its notional");
    let fee = fee.min(borne(stake, market.qty(lots)) - lost);
    pay_fee(state, account, id, fee, events);
}
