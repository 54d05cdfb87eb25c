//! What bounds an order whoever sends it: its price (rule T-3), what pays for it in a spot market
//! (T-4), and the largest position (T-8).

use money::{Amount, Price, Rate, Round};

use crate::command::{NewOrder, SelfTrade};
use crate::grid::Grid;
use crate::ids::{AccountId, ClientId, Lots, MarketId, QUOTE, Side, Tick};
use crate::market::Market;
use crate::params::Kind;
use crate::reject::Reject;
use crate::state::State;

/// An order in the units of its market, after all checks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Checked {
    pub(super) account: AccountId,
    pub(super) market: MarketId,
    pub(super) side: Side,
    pub(super) tick: Tick,
    pub(super) lots: Lots,
    pub(super) client: ClientId,
    pub(super) self_trade: SelfTrade,
    /// Taken on behalf of the engine: no trading fee, never the last price.
    pub(super) liquidation: bool,
}

/// Rule T-3: an order may not be priced further than the band on its aggressive side.
pub(super) fn check_band(market: &Market, order: &NewOrder, index: Price) -> Result<(), Reject> {
    let band = price_band(market);
    let inside = match order.side {
        Side::Buy => index.offset(band, Round::Down).is_none_or(|limit| order.price <= limit),
        Side::Sell => index.offset(-band, Round::Up).is_none_or(|limit| order.price >= limit),
    };
    if inside { Ok(()) } else { Err(Reject::OutsideBand) }
}

/// The band of rule T-3.
pub(super) fn price_band(market: &Market) -> Rate {
    match market.params.kind {
        Kind::Spot { price_band } => price_band,
        Kind::Perpetual(params) => params.price_band,
        Kind::Future(future) => future.terms.price_band,
    }
}

/// Rule T-4: a spot order is paid for in full: its cost and fees, or its quantity, are set aside.
pub(super) fn check_backing(state: &State, market: &Market, order: &Checked) -> Result<(), Reject> {
    if market.perpetual_params().is_some() {
        return Ok(());
    }
    let (asset, wanted) = match order.side {
        Side::Buy => {
            let cost = market.notional(order.tick, order.lots);
            (QUOTE, market.with_fees(cost, order.lots))
        }
        Side::Sell => (market.params.base, market.qty(order.lots).as_amount()),
    };
    if state.available(order.account, asset) < wanted {
        return Err(Reject::InsufficientBalance);
    }
    Ok(())
}

/// Rule T-8: a position with all open orders of its side stays within the largest.
pub(super) fn check_limit(market: &Market, order: &Checked) -> Result<(), Reject> {
    let Some(params) = market.perpetual_params() else { return Ok(()) };
    let entry = market.entry(order.account);
    let open = match order.side {
        Side::Buy => entry.bid_lots,
        Side::Sell => entry.ask_lots,
    };
    let open = market.qty(Lots(open)) + market.qty(order.lots);
    let after =
        i128::from(entry.position.raw()) * i128::from(order.side.sign()) + i128::from(open.raw());
    if after > i128::from(params.position_max.raw()) {
        return Err(Reject::PositionLimit);
    }
    Ok(())
}

/// What an order trades for at worst: at the prices of these levels as far as they reach within its
/// limit, and at its own what of it rests.
pub(super) fn at_worst(
    levels: impl Iterator<Item = (Tick, Lots)>,
    grid: &Grid,
    (side, limit, lots): (Side, Tick, Lots),
    rests: bool,
) -> (Lots, Amount) {
    let (mut left, mut value) = (lots.0, Amount::ZERO);
    for (tick, there) in levels {
        let reached = match side {
            Side::Buy => tick <= limit,
            Side::Sell => tick >= limit,
        };
        if left == 0 || !reached {
            break;
        }
        let part = left.min(there.0);
        value += grid.notional(tick, Lots(part));
        left -= part;
    }
    if !rests {
        return (Lots(lots.0 - left), value);
    }
    (lots, value + grid.notional(limit, Lots(left)))
}

/// Euclid's algorithm; both are above zero.
pub(super) fn greatest_divisor(mut a: u64, mut b: u64) -> u64 {
    while b > 0 {
        (a, b) = (b, a % b);
    }
    a
}
