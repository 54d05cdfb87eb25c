//! Orders that only make a position smaller (rule T-5).

use money::Qty;

use crate::command::{Lifetime, NewOrder};
use crate::ids::{AccountId, Lots, Side};
use crate::market::Market;
use crate::reject::Reject;

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
        Lifetime::Immediate => Ok(lots.min(position)),
        Lifetime::Resting | Lifetime::PostOnly if open + lots.0 <= position.0 => Ok(lots),
        Lifetime::Resting | Lifetime::PostOnly => Err(Reject::NothingToReduce),
    }
}
