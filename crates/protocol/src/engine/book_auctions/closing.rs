//! The end of an auction without bidders (rules L-22 and L-23): options are closed at their marks
//! against the other side.
//!
//! Series by series, largest first, every holder of the other side gives up lots in proportion to
//! what it has. What the account owes belongs to its options and to its positions in markets by
//! their sizes: the part of the options is paid by insurance (L-14, L-15), the rest is a haircut of
//! the other side by lots closed, as far as their equity goes (L-12), carried on from series to
//! series. Then the positions in markets follow by rule L-5; with equity left, by L-4.
//!
//! Always holds: the account has no options afterwards, its equity is no lower, to the unit, and
//! nobody's equity becomes negative.

use money::{Amount, Price, Qty, Round};

use super::cancel_orders;
use crate::adl::{self, Counterparty, Part};
use crate::engine::deleverage;
use crate::engine::{insurance, options};
use crate::event::{Event, OptionEvent};
use crate::ids::{AccountId, ChainId, Lots, MarketId, QUOTE, SeriesId};
use crate::ledger::Holder;
use crate::option::Chain;
use crate::state::State;

/// What closing one position may cost a counterparty in roundings.
const ROUNDINGS: Amount = Amount::from_raw(2);

/// A position that is closed.
#[derive(Clone, Copy, Debug)]
struct Closed {
    account: AccountId,
    chain: ChainId,
    series: SeriesId,
    /// ⌈|quantity|·mark⌉.
    size: Amount,
}

/// Closes the options of an account, and what else it has if it owes more than it has.
pub(super) fn close_options(state: &mut State, account: AccountId, events: &mut Vec<Event>) {
    cancel_orders(state, account, events);
    let legs = by_size(state, account);
    let markets = markets_by_size(state, account);
    let mut total: Amount = legs.iter().map(|leg| leg.size).sum();
    let linear: Amount = markets.iter().map(|(size, _)| *size).sum();
    let deficit = (-state.equity(account)).max(Amount::ZERO);
    let part = deficit.portion(total, total + linear, Round::Up).unwrap_or(deficit);
    let mut owed = insurance::pay(state, account, None, part, events);
    let mut carried = Amount::ZERO;
    for leg in legs {
        let part = owed.portion(leg.size, total, Round::Up).unwrap_or(owed);
        owed -= part;
        total -= leg.size;
        carried = close_leg(state, &leg, part + carried, events);
    }
    if state.equity(account).is_negative() && !markets.is_empty() {
        deleverage::deleverage(state, account, &markets, events);
    }
    state.watch.touch(account);
}

/// An account's positions in options, the largest first.
fn by_size(state: &State, account: AccountId) -> Vec<Closed> {
    let mut open = Vec::new();
    for (chain, id) in state.chains.iter().zip(0u16..) {
        for leg in chain.legs(account).iter().filter(|leg| !leg.position.is_zero()) {
            let size = mark(chain, leg.series).notional(leg.position.abs(), Round::Up);
            open.push(Closed { account, chain: ChainId(id), series: leg.series, size });
        }
    }
    open.sort_by_key(|leg| (-leg.size, leg.series));
    open
}

/// Its positions in markets, the largest first.
fn markets_by_size(state: &State, account: AccountId) -> Vec<(Amount, MarketId)> {
    let open = state.perpetuals().filter(|(market, _)| !market.entry(account).position.is_zero());
    let mut open: Vec<(Amount, MarketId)> = open
        .map(|(market, id)| {
            let position = market.entry(account).position.abs();
            (market.perpetual.mark.price.notional(position, Round::Up), id)
        })
        .collect();
    open.sort_unstable_by_key(|(size, id)| (-*size, *id));
    open
}

fn mark(chain: &Chain, series: SeriesId) -> Price {
    chain.series(series).and_then(|series| series.mark).unwrap_or(Price::ZERO)
}

/// Closes one position; returns what no equity covers of what is owed.
fn close_leg(state: &mut State, leg: &Closed, owed: Amount, events: &mut Vec<Event>) -> Amount {
    let Closed { account, chain: id, series, .. } = *leg;
    let chain = &state.chains[id.index()];
    let position = chain.leg(account, series).position;
    let (accounts, others) = counterparties(state, chain, (series, position));
    let plan = adl::deleverage(chain.grid().lots_of(position), owed, &others);
    assert!(plan.unclosed.0 == 0, "positions sum to zero");
    for (counterparty, part) in accounts.into_iter().zip(plan.parts) {
        if part != Part::default() {
            close_against(state, leg, (counterparty, part), events);
        }
    }
    state.chains[id.index()].tidy(account);
    plan.uncovered
}

/// The accounts with a position of the other side. All of their lots count alike.
fn counterparties(
    state: &State,
    chain: &Chain,
    (series, position): (SeriesId, Qty),
) -> (Vec<AccountId>, Vec<Counterparty>) {
    let other = |account: &AccountId| {
        let held = chain.leg(*account, series).position;
        !held.is_zero() && held.is_negative() != position.is_negative()
    };
    let accounts: Vec<AccountId> = chain.holders.iter().copied().filter(other).collect();
    let others = accounts.iter().map(|account| Counterparty {
        lots: chain.grid().lots_of(chain.leg(*account, series).position),
        naked: Lots(0),
        equity: state.equity(*account) - ROUNDINGS,
        exposure: Amount::ZERO,
    });
    let others = others.collect();
    (accounts, others)
}

/// Closes lots against one counterparty at what they are in the account's equity.
fn close_against(
    state: &mut State,
    leg: &Closed,
    (counterparty, part): (AccountId, Part),
    events: &mut Vec<Event>,
) {
    let Closed { account, chain: id, series, .. } = *leg;
    let chain = &mut state.chains[id.index()];
    let place = chain.place(series).expect("a leg is in a series");
    let price = mark(chain, series);
    let before = chain.leg(account, series).position;
    let size = chain.grid().qty(part.closed);
    let qty = if before.is_negative() { size } else { -size };
    let amount = price.notional(before + qty, Round::Down) - price.notional(before, Round::Down);
    chain.trade(account, place, qty);
    chain.trade(counterparty, place, -qty);
    options::trim_reduce_only(chain, place, counterparty, events);
    chain.tidy(counterparty);
    let haircut = part.haircut;
    let [to, from] = [account, counterparty].map(Holder::User);
    state.ledger.transfer(from, to, QUOTE, haircut - amount);
    state.watch.touch(counterparty);
    events.push(Event::Option(OptionEvent::Deleveraged {
        series,
        account,
        counterparty,
        price,
        qty,
        amount,
        haircut,
    }));
}
