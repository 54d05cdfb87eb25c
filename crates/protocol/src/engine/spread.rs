//! Two legs at once (rule T-17): so that a hedged account under initial margin, of which each leg
//! alone would raise the requirement, can move both.
//!
//! The legs are filled in the ratio of their quantities, k parts of l₁/g and l₂/g lots with g the
//! greatest common divisor: k = min(g, what each book gives within its limit). Margin is asked
//! once, of the account as both fills leave it (rules ).
//!
//! Always holds: both legs trade k parts or nothing does; the account ends with initial margin, or
//! with no lower a ratio of equity to maintenance margin and no larger a position or holding.

use money::Amount;

use super::accounts::{check_indices, is_exposed};
use super::bounds::{check_backing, check_limit, greatest_divisor};
use super::orders::{Checked, check_terms, loss_at_worst, take, trim_touched};
use super::owners::meets;
use super::permits::lets_trade;
use super::reducing::closable;
use crate::book::Taker;
use crate::command::{Leg, Lifetime, NewOrder, SelfTrade, SpreadOrder};
use crate::event::{Event, Gone};
use crate::ids::{AccountId, ClientId, Lots};
use crate::ladder::Action;
use crate::reject::Reject;
use crate::state::{Change, Level, State};

pub(super) fn place(
    state: &mut State,
    account: AccountId,
    order: &SpreadOrder,
    events: &mut Vec<Event>,
) -> Result<(), Reject> {
    let (mut legs, wanted) = check_spread(state, account, order)?;
    // Rule A-4: a leg that would trade beyond a trigger stops its market, and neither trades.
    let mut reason = Gone::Unfilled;
    let trades = legs[0].lots.0 > 0;
    if trades && !legs.iter().all(|leg| lets_trade(state, leg.market, &taker(leg), events)) {
        legs.iter_mut().for_each(|leg| leg.lots = Lots(0));
        reason = Gone::Suspended;
    }
    for (leg, wanted) in legs.iter().zip(wanted) {
        commit_leg(state, leg, (wanted, reason), events);
    }
    Ok(())
}

/// The legs with what each will trade, and what each asked for.
fn check_spread(
    state: &State,
    account: AccountId,
    order: &SpreadOrder,
) -> Result<([Checked; 2], [Lots; 2]), Reject> {
    let [first, second] = &order.legs;
    let mut first = check_leg(state, account, first, order.client)?;
    let mut second = check_leg(state, account, second, order.client)?;
    let batch = |leg: &Checked| state.markets[leg.market.index()].params.rules.matching.is_batch();
    let one_sided = first.market == second.market || first.side == second.side;
    if one_sided || batch(&first) || batch(&second) {
        return Err(Reject::NoSpread);
    }
    let wanted = order.legs.map(|leg| state.markets[leg.market.index()].lots_of(leg.qty));
    let divisor = greatest_divisor(wanted[0].0, wanted[1].0);
    let units = wanted.map(|lots| lots.0 / divisor);
    let parts = [(&first, units[0]), (&second, units[1])].map(|(leg, unit)| {
        // A leg that may only reduce has been cut.
        let market = &state.markets[leg.market.index()];
        let fills = market.fills_within(leg.side, leg.tick, leg.lots);
        fills.map(|(_, lots)| lots.0).sum::<u64>() / unit
    });
    let parts = divisor.min(parts[0]).min(parts[1]);
    (first.lots, second.lots) = (Lots(parts * units[0]), Lots(parts * units[1]));
    let legs = [first, second];
    if parts > 0 {
        check_both(state, account, &legs)?;
    }
    Ok((legs, wanted))
}

/// What a leg is refused for alone.
fn check_leg(
    state: &State,
    account: AccountId,
    leg: &Leg,
    client: ClientId,
) -> Result<Checked, Reject> {
    let Leg { market, side, price, qty } = *leg;
    let known = market.index() < state.markets.len();
    let order = NewOrder {
        market,
        side,
        price,
        qty,
        lifetime: Lifetime::Immediate,
        // Rule G-9: in a market that the guardian closed.
        reduce_only: known && state.council.only_reduces(market, state.time),
        self_trade: SelfTrade::CancelTaker,
        client,
    };
    let checked = check_terms(state, account, &order)?;
    if meets(&state.markets[market.index()], account, (side, checked.tick)) {
        return Err(Reject::OwnOrder);
    }
    Ok(checked)
}

/// What the legs are refused for together, in the order of [`Reject`].
fn check_both(state: &State, account: AccountId, legs: &[Checked; 2]) -> Result<(), Reject> {
    let market = |leg: &Checked| &state.markets[leg.market.index()];
    legs.iter().try_for_each(|leg| check_limit(market(leg), leg))?;
    legs.iter().try_for_each(|leg| check_backing(state, market(leg), leg))?;
    let loss: Amount = legs
        .iter()
        .map(|leg| {
            let reference = state.reference(market(leg), leg.side);
            loss_at_worst(market(leg), leg, Lifetime::Immediate, reference)
        })
        .sum();
    let spot = legs.iter().all(|leg| market(leg).perpetual_params().is_none());
    if spot && !is_exposed(state, account) || only_closes(state, account, legs, loss) {
        return Ok(());
    }
    let after = state.health_after(account, Level::Initial, change(legs));
    if after.equity - loss < after.requirement {
        return Err(Reject::InsufficientMargin);
    }
    check_indices(state, account, Action::Increase)
}

/// The exception of rule R-4, with rule R-16, for both legs together: they only close, neither
/// requirement rises, and they lose no more than the maintenance margin that they free.
fn only_closes(state: &State, account: AccountId, legs: &[Checked; 2], loss: Amount) -> bool {
    let closes = |leg: &Checked| {
        let market = &state.markets[leg.market.index()];
        market.qty(leg.lots) <= closable(state, market, leg)
    };
    let requirement = |level, change| state.health_after(account, level, change).requirement;
    let freed = requirement(Level::Maintenance, Change::None)
        - requirement(Level::Maintenance, change(legs));
    let resting = state.resting_losses(account);
    let equity = state.health(account, Level::Initial).equity;
    legs.iter().all(closes)
        && loss <= freed.min(equity - resting)
        && state.keeps_ratio(account, change(legs), loss)
        && requirement(Level::Initial, change(legs)) <= requirement(Level::Initial, Change::None)
}

fn change(legs: &[Checked; 2]) -> Change {
    Change::Fills([&legs[0], &legs[1]].map(|leg| (leg.market, leg.side, leg.lots)))
}

fn taker(leg: &Checked) -> Taker {
    let Checked { account: owner, side, tick: limit, lots, self_trade, .. } = *leg;
    Taker { owner, side, limit, lots, self_trade }
}

/// Trades a checked leg whole, and tells what of the wish is left.
fn commit_leg(
    state: &mut State,
    leg: &Checked,
    (wanted, reason): (Lots, Gone),
    events: &mut Vec<Event>,
) {
    if leg.lots.0 > 0 {
        let (left, _) = take(state, leg, events);
        assert!(left.0 == 0, "a leg was found in the book and did not trade");
        trim_touched(state, leg.market, events);
    }
    if wanted.0 > leg.lots.0 {
        let Checked { account, market, client, .. } = *leg;
        let qty = state.markets[market.index()].qty(Lots(wanted.0 - leg.lots.0));
        events.push(Event::Removed { account, market, client, qty, reason });
    }
}
