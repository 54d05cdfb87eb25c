//! The end of an expiry (rules K-7 to K-9): its price is frozen once, every position is paid, its
//! series disappear.
//!
//! Always holds: from the first block at or after expiry no order rests; payoffs, fees apart, and
//! what DUST is left with sum to zero; nothing outlives `extension_max`.

use money::{Amount, Price, Qty, Round, Span, Time};

use super::orders::removed;
use crate::book::Book;
use crate::engine::settlement::{Closed, Ended, share_deficits};
use crate::event::{Event, Gone, OptionEvent};
use crate::expiry::{observed, settlement};
use crate::ids::{AccountId, ChainId, QUOTE};
use crate::ladder::Action;
use crate::ledger::Holder;
use crate::option::Leg;
use crate::state::{State, premium_fee};

/// The part of each settlement window that this block saw (rule K-7), as of a future.
pub(super) fn observe(state: &mut State, id: ChainId, elapsed: Span) {
    let now = state.time;
    let last = Time::from_nanos(now.nanos() - elapsed.nanos());
    let seen = elapsed <= state.params.rules.halt.outage_min;
    let base = state.chains[id.index()].base();
    let index = state.serving(Action::Settle, base).filter(|_| seen).map(|index| index.price);
    let chain = &mut state.chains[id.index()];
    for at in 0..chain.expiries.len() {
        let window = chain.window(chain.expiries[at].time);
        let expiry = &mut chain.expiries[at];
        expiry.average = observed(expiry.average, index, [last, now], &window);
    }
}

/// Cancels the orders of what has expired, and settles it when its price is there; whether anything
/// was settled. An expiry that waits for its price keeps no other waiting.
pub(super) fn settle_due(state: &mut State, id: ChainId, events: &mut Vec<Event>) -> bool {
    let now = state.time;
    let listed = state.chains[id.index()].expiries.iter();
    let over: Vec<Time> =
        listed.map(|expiry| expiry.time).take_while(|expiry| *expiry <= now).collect();
    let mut settled = false;
    for expiry in over {
        cancel_orders(state, id, expiry, events);
        let chain = &state.chains[id.index()];
        let index = state.oracle.index(chain.base()).price;
        let average = chain.expiry(expiry).expect("it is listed").average;
        if let Some(price) = settlement(average, index, now, &chain.window(expiry)) {
            settle(state, id, (expiry, price), events);
            settled = true;
        }
    }
    settled
}

fn cancel_orders(state: &mut State, id: ChainId, expiry: Time, events: &mut Vec<Event>) {
    let chain = &mut state.chains[id.index()];
    for place in 0..chain.series.len() {
        let series = &chain.series[place];
        if series.contract.expiry != expiry || series.book.is_empty() {
            continue;
        }
        for order in chain.series[place].book.orders() {
            chain.series[place].book.cancel(order.id).expect("the order was just found");
            removed(chain, place, &order, Gone::Halted, events);
        }
    }
}

/// Rule K-8.
fn settle(state: &mut State, id: ChainId, (expiry, price): (Time, Price), events: &mut Vec<Event>) {
    let holders: Vec<AccountId> = state.chains[id.index()].holders.iter().copied().collect();
    let chain = &state.chains[id.index()];
    let interest = chain.interest(expiry);
    let covered = chain.expiry(expiry).expect("it is listed").covered();
    let mut closed = Vec::new();
    for account in holders {
        if let Some(paid) = pay_off(state, (id, account), (expiry, price), events) {
            closed.push(paid);
        }
    }
    let chain = &mut state.chains[id.index()];
    let gone = |series: &crate::option::Series| {
        assert!(series.contract.expiry != expiry || series.sum == 0, "positions sum to zero");
        series.contract.expiry == expiry
    };
    chain.series.retain(|series| !gone(series));
    chain.expiries.retain(|listed| listed.time != expiry);
    chain.full = false;
    let uncovered = share_deficits(state, Ended::Options(id), &closed, price, events);
    let chain = id;
    events.push(Event::Option(OptionEvent::ExpirySettled {
        chain,
        expiry,
        price,
        covered,
        interest,
        uncovered,
    }));
}

/// Pays an account's positions in an expiry; what that did to it, if it had any.
fn pay_off(
    state: &mut State,
    (id, account): (ChainId, AccountId),
    (expiry, price): (Time, Price),
    events: &mut Vec<Event>,
) -> Option<Closed> {
    let mut closed = Closed { account, size: Amount::ZERO, payoff: Amount::ZERO };
    let mut any = false;
    for at in (0..state.chains[id.index()].legs(account).len()).rev() {
        let chain = &mut state.chains[id.index()];
        let Leg { series, position, .. } = chain.legs(account)[at];
        let place = chain.place(series).expect("a leg is in a series");
        let contract = chain.series[place].contract;
        if contract.expiry != expiry {
            continue;
        }
        any = true;
        let unit = contract.payoff(price);
        let payoff = unit.notional(position, Round::Down);
        let (rate, cap) = (chain.params.fee_settlement, chain.params.fee_cap);
        let gain = payoff.max(Amount::ZERO);
        let fee = premium_fee(price, position.max(Qty::ZERO), (gain, rate, cap));
        chain.trade(account, place, -position);
        let user = Holder::User(account);
        state.ledger.transfer(Holder::Dust, user, QUOTE, payoff);
        state.ledger.transfer(user, Holder::Fees, QUOTE, fee);
        events.push(Event::Option(OptionEvent::Exercised {
            account,
            series,
            position,
            payoff,
            fee,
        }));
        closed.size += unit.notional(position.abs(), Round::Up);
        closed.payoff += payoff - fee;
    }
    if !any {
        return None;
    }
    state.chains[id.index()].tidy(account);
    state.watch.touch(account);
    Some(closed)
}
