//! Orders that only make a position smaller (rule T-5).

use money::Qty;

use super::accounts::holding;
use super::bounds::Checked;
use super::permits::collects;
use crate::command::{Lifetime, NewOrder};
use crate::ids::{AccountId, Lots, Side};
use crate::market::Market;
use crate::reject::Reject;
use crate::state::State;

/// Whether an order makes a perpetual position smaller whatever else rests; a reduce-only order is
/// cut to that.
pub(super) fn only_closes(
    market: &Market,
    account: AccountId,
    order: &NewOrder,
    lots: Lots,
) -> bool {
    let entry = market.entry(account);
    let (held, resting) = match order.side {
        Side::Buy => (-entry.position, entry.bid_lots),
        Side::Sell => (entry.position, entry.ask_lots),
    };
    let held = market.lots_of(held.max(Qty::ZERO));
    market.perpetual_params().is_some() && (order.reduce_only || resting + lots.0 <= held.0)
}

/// Rule T-5: a reduce-only order is cut to the position; to rest, all orders of its side together
/// must not exceed it.
pub(super) fn check_reduce_only(
    market: &Market,
    account: AccountId,
    order: &NewOrder,
    lots: Lots,
) -> Result<Lots, Reject> {
    let entry = market.entry(account);
    let closes = match order.side {
        Side::Buy => entry.position.is_negative(),
        Side::Sell => entry.position.is_positive(),
    };
    let position = market.lots_of(entry.position);
    let open = match order.side {
        Side::Buy => entry.bid_lots,
        Side::Sell => entry.ask_lots,
    };
    if !closes || market.perpetual_params().is_none() {
        return Err(Reject::NothingToReduce);
    }
    match order.lifetime {
        Lifetime::Immediate if collects(market) => {
            let left = position.0.saturating_sub(kept(market, account, order.side));
            if left == 0 { Err(Reject::NothingToReduce) } else { Ok(lots.min(Lots(left))) }
        }
        Lifetime::Immediate | Lifetime::Resting | Lifetime::PostOnly => {
            cut(lots, (position, Lots(open)), order.lifetime)
        }
    }
}

/// Rule T-5: what of a reduce-only order a position of `held` lots leaves, given what rests on its
/// side.
pub(super) fn cut(
    lots: Lots,
    (held, resting): (Lots, Lots),
    lifetime: Lifetime,
) -> Result<Lots, Reject> {
    match lifetime {
        Lifetime::Immediate if held.0 > 0 => Ok(lots.min(held)),
        Lifetime::Resting | Lifetime::PostOnly if resting.0 + lots.0 <= held.0 => Ok(lots),
        Lifetime::Immediate | Lifetime::Resting | Lifetime::PostOnly => {
            Err(Reject::NothingToReduce)
        }
    }
}

/// How much an order of this side could close of a position or sell of a holding: what rests on the
/// side already closes its part.
pub(super) fn closable(state: &State, market: &Market, order: &Checked) -> Qty {
    let entry = market.entry(order.account);
    match (market.perpetual_params(), order.side) {
        (None, Side::Buy) => Qty::ZERO,
        (None, Side::Sell) => holding(state, order.account, market.params.base),
        (Some(_), Side::Buy) => -entry.position - market.qty(Lots(entry.bid_lots)),
        (Some(_), Side::Sell) => entry.position - market.qty(Lots(entry.ask_lots)),
    }
}

/// Lots of a side that do not give way to a reduce-only order of a batch (rule T-14): of orders
/// that are not reduce-only, and of immediate ones that wait for its end.
fn kept(market: &Market, account: AccountId, side: Side) -> u64 {
    let open = market.orders[account.index()].iter().filter_map(|id| market.order(*id));
    let stays = open.filter(|order| {
        order.side == side && (!order.reduce_only || market.collected.is_immediate(order.id))
    });
    stays.map(|order| order.lots.0).sum()
}
