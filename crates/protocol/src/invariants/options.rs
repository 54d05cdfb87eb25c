//! Invariants of options: positions, marks, surfaces, expiries, and the sums of orders.

mod margin;

use std::collections::{BTreeMap, BTreeSet};

use money::{Amount, Price, Qty, Rate};

use super::{Depth, is_crossed};
use crate::book::Book;
use crate::event::{Event, OptionEvent};
use crate::ids::{AccountId, OptionKind, SeriesId, Side};
use crate::option::{Chain, Leg};
use crate::state::{Change, Level, Share, State};
use crate::surface::{self, Vote};
pub(super) use margin::{aged, scanned};

/// I-27: positions in every series sum to zero, and open interest is the sum of the longs.
pub(super) fn positions(state: &State, depth: Depth) -> Result<(), String> {
    for chain in state.chains() {
        for series in &chain.series {
            if series.sum != 0 {
                return Err(format!("series {}: positions sum to {}", series.id.0, series.sum));
            }
            if depth == Depth::Folds {
                let legs = chain.legs.iter().flatten().filter(|leg| leg.series == series.id);
                let held: Vec<Qty> = legs.map(|leg| leg.position).collect();
                let longs: Qty = held.iter().map(|qty| (*qty).max(Qty::ZERO)).sum();
                let sum: Qty = held.into_iter().sum();
                if !sum.is_zero() || longs != series.open_interest {
                    let kept = series.open_interest;
                    let id = series.id.0;
                    return Err(format!("series {id}: sum {sum}, longs {longs}, kept {kept}"));
                }
            }
        }
    }
    Ok(())
}

/// I-28: of every strike a call is listed with a put, and their marks differ by forward − strike,
/// exactly.
pub(super) fn parity(state: &State, _depth: Depth) -> Result<(), String> {
    for chain in state.chains() {
        let mut pairs: BTreeMap<_, [Option<Option<Price>>; 2]> = BTreeMap::new();
        for series in &chain.series {
            let contract = series.contract;
            let pair = pairs.entry((contract.expiry, contract.strike)).or_default();
            pair[usize::from(contract.kind == OptionKind::Put)] = Some(series.mark);
        }
        for ((expiry, strike), pair) in pairs {
            let holds = match (pair, chain.forward(expiry)) {
                ([Some(Some(call)), Some(Some(put))], Some(forward)) => {
                    call - put == forward - strike && !call.is_negative() && !put.is_negative()
                }
                ([Some(None), Some(None)], None) => true,
                _ => false,
            };
            if !holds {
                return Err(format!("{expiry}, strike {strike}: {pair:?}"));
            }
        }
    }
    Ok(())
}

/// I-29: the surface in force is free of static arbitrage.
pub(super) fn arbitrage(state: &State, _depth: Depth) -> Result<(), String> {
    for chain in state.chains() {
        let (source_time, slices) = (chain.surface.source_time(), chain.surface.slices());
        if slices.is_empty() {
            continue;
        }
        let vote = Vote { source_time, slices: slices.to_vec() };
        surface::check(&vote, &[], state.time(), &chain.params)
            .map_err(|fault| format!("asset {}: {fault}", chain.base().0))?;
    }
    Ok(())
}

/// I-30: from its expiry on no series has an order, and none is there `extension_max` later.
pub(super) fn ended(state: &State, _depth: Depth) -> Result<(), String> {
    for chain in state.chains() {
        for series in &chain.series {
            let expiry = series.contract.expiry;
            let latest = expiry.after(chain.params.settlement.extension_max);
            let over = expiry <= state.time();
            if chain.expiry(expiry).is_none()
                || (over && !series.book.is_empty())
                || latest <= state.time()
            {
                return Err(format!("series {} of {expiry} at {}", series.id.0, state.time()));
            }
        }
    }
    Ok(())
}

/// I-31: an account's legs stand in the order of their series, none is empty, `holders` are those
/// who have one, and open lots, values and counts are sums over orders in books that are not
/// crossed.
pub(super) fn legs(state: &State, _depth: Depth) -> Result<(), String> {
    state.chains().iter().try_for_each(legs_of)
}

fn legs_of(chain: &Chain) -> Result<(), String> {
    let mut folded: BTreeMap<(AccountId, SeriesId), Leg> = BTreeMap::new();
    for series in &chain.series {
        let best = [Side::Buy, Side::Sell].map(|side| series.book.best(side));
        if is_crossed(best[0], best[1]) {
            return Err(format!("series {}: {best:?}", series.id.0));
        }
        for order in series.book.orders() {
            let key = (order.owner, series.id);
            let leg = folded.entry(key).or_insert_with(|| Leg::new(series.id));
            let value = u128::from(order.tick.0) * u128::from(order.lots.0);
            let (lots, tick_lots) = match order.side {
                Side::Buy => (&mut leg.bid_lots, &mut leg.bid_tick_lots),
                Side::Sell => (&mut leg.ask_lots, &mut leg.ask_tick_lots),
            };
            *lots += order.lots.0;
            *tick_lots += value;
            leg.orders += 1;
            leg.reduce_only += u32::from(order.reduce_only);
        }
    }
    let mut holders = BTreeSet::new();
    for (account, legs) in (0u32..).map(AccountId).zip(&chain.legs) {
        let sorted = legs.windows(2).all(|pair| pair[0].series < pair[1].series);
        if !sorted || legs.iter().any(|leg| leg.is_empty() || chain.place(leg.series).is_none()) {
            return Err(format!("account {}: {legs:?}", account.0));
        }
        if !legs.is_empty() {
            holders.insert(account);
        }
        for leg in legs {
            let fold = folded.remove(&(account, leg.series));
            let fold = fold.unwrap_or_else(|| Leg::new(leg.series));
            if *leg != (Leg { position: leg.position, ..fold }) {
                return Err(format!("account {}: {leg:?}, fold {fold:?}", account.0));
            }
        }
    }
    if !folded.is_empty() || holders != chain.holders {
        return Err(format!("orders without a leg {folded:?}, or holders {:?}", chain.holders));
    }
    Ok(())
}

/// I-33: whoever is auctioned has options and, orders apart, lacks initial margin, and their time
/// is not over.
pub(super) fn auctions(state: &State, _depth: Depth) -> Result<(), String> {
    for (account, auction) in state.book_auctions() {
        let given = Share { of: account, fraction: Rate::ZERO };
        let unordered = || state.health_after(account, Level::Initial, Change::Given(given));
        let reason = account.0 < state.accounts()
            && state.holds_options(account)
            && !unordered().is_sound()
            && !auction.is_over(state.auction_params(&auction));
        if !reason {
            return Err(format!("account {}: {auction:?}", account.0));
        }
    }
    Ok(())
}

/// I-32: what an expiry pays to longs is what its shorts pay, but for less than a unit a position,
/// which DUST receives, and no fee exceeds what was received.
pub(super) fn payoffs(events: &[Event]) -> Result<(), String> {
    let (mut sum, mut positions, mut quantities) = (0i128, 0i128, 0i128);
    for event in events {
        if let Event::Option(OptionEvent::Exercised { account, position, payoff, fee, .. }) = event
        {
            sum += payoff.raw();
            positions += 1;
            quantities += i128::from(position.raw());
            if fee.is_negative() || *fee > (*payoff).max(Amount::ZERO) {
                return Err(format!("account {}: fee {fee} of {payoff}", account.0));
            }
        } else if let Event::Option(OptionEvent::ExpirySettled { expiry, .. }) = event {
            if sum > 0 || -sum > positions || quantities != 0 {
                return Err(format!("{expiry}: {sum} is the sum of {positions} payoffs"));
            }
            (sum, positions) = (0, 0);
        }
    }
    if positions == 0 { Ok(()) } else { Err(format!("{positions} paid without a settlement")) }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
