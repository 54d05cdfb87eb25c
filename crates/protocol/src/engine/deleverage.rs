//! The last resort (rules L-5, L-11, L-12): an account with equity below zero is closed at the mark
//! against the other side.
//!
//! Market by market, largest position first: the market's part of the deficit, and what the markets
//! before could not cover, is paid by insurance as far as it goes; then all lots are closed by
//! water-filling and the rest of the deficit is a haircut. What exceeds all equity of a market's
//! other side is carried to the next market.
//!
//! Always holds: Σ haircuts + insurance + what stays uncovered = deficit, to the unit; nobody's
//! equity becomes negative; accounts without a position are untouched.

use money::{Amount, Qty, Round};

use super::accounts::settle_funding;
use super::insurance;
use super::orders::{Trade, exchange_perpetual, trim_touched};
use crate::adl::{self, Part};
use crate::event::Event;
use crate::ids::{AccountId, Lots, MarketId, QUOTE, Side};
use crate::ledger::Holder;
use crate::state::State;

/// Closes every position of an account with negative equity; its markets with their sizes, largest
/// first.
pub(super) fn deleverage(
    state: &mut State,
    account: AccountId,
    markets: &[(Amount, MarketId)],
    events: &mut Vec<Event>,
) {
    let mut deficit = -state.equity(account);
    let mut total: Amount = markets.iter().map(|(size, _)| *size).sum();
    let mut carried = Amount::ZERO;
    for &(size, id) in markets {
        let part = deficit.portion(size, total, Round::Up).expect("a part of the deficit");
        deficit -= part;
        total -= size;
        let owed = insurance::pay(state, account, Some(id), part + carried, events);
        carried = deleverage_market(state, account, id, owed, events);
    }
}

/// Rules L-11 and L-12 in one market; returns what no equity covers.
fn deleverage_market(
    state: &mut State,
    account: AccountId,
    id: MarketId,
    owed: Amount,
    events: &mut Vec<Event>,
) -> Amount {
    let market = &state.markets[id.index()];
    let position = market.entry(account).position;
    let price = market.perpetual.mark.price;
    let side = if position.is_positive() { Side::Sell } else { Side::Buy };
    let (accounts, others) = state.counterparties(id, side);
    let plan = adl::deleverage(market.lots_of(position), owed, &others);
    settle_funding(state, id, account, events);
    let mut closed = Qty::ZERO;
    for ((counterparty, other), part) in accounts.into_iter().zip(others).zip(plan.parts) {
        if part == Part::default() {
            continue;
        }
        let qty = state.markets[id.index()].qty(part.closed);
        // Differences of one running value: together they are what the position was valued at.
        let signed = Qty::from_raw(qty.raw() * -side.sign());
        let before = price.notional(closed, Round::Down);
        closed += signed;
        let notional = price.notional(closed, Round::Down) - before;
        let notional = Amount::from_raw(notional.raw() * i128::from(-side.sign()));
        let trade = Trade { market: id, taker: account, maker: counterparty, side, qty, notional };
        if qty.is_positive() {
            exchange_perpetual(state, &trade, events);
        }
        state.watch.touch(counterparty);
        let haircut = part.haircut;
        let (from, to) = (Holder::User(counterparty), Holder::User(account));
        state.ledger.transfer(from, to, QUOTE, haircut);
        let qty = Qty::from_raw(qty.raw() * side.sign());
        events.push(Event::Deleveraged { market: id, account, counterparty, price, qty, haircut });
        let hedges = Lots(part.closed.0.saturating_sub(other.naked.0));
        if hedges.0 > 0 {
            let qty = state.markets[id.index()].qty(hedges);
            events.push(Event::HedgeLost { market: id, account: counterparty, qty });
        }
        state.scratch.touched.push(counterparty);
    }
    trim_touched(state, id, events);
    plan.uncovered
}
