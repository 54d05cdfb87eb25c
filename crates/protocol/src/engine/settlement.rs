//! The end of a market: every position is closed at one price (rules ); who pays for it,
//! and for the end of options (rule K-8).
//!
//! Each account receives ⌊price·position⌋ − cost out of clearing; what the roundings leave there
//! goes to DUST, so that the payoffs and DUST sum to zero. Then the deficits: of an account whose
//! equity is below zero, the part that the closed position has in the size of all its positions is
//! paid by insurance (L-14, L-15), and what that leaves by those who gained in this settlement, in
//! proportion to their gains and at most gain and equity.
//!
//! Always holds: afterwards nobody has a position and clearing is empty; a haircut takes no more
//! than the settlement gave; Σ haircuts + insurance + uncovered = the deficits of the market.

use money::{Amount, Price, Round, Span};

use super::accounts::settle_funding;
use super::insurance;
use crate::adl::{Claim, apportion};
use crate::event::{Event, OptionEvent};
use crate::halt::{Action, Permit};
use crate::ids::{AccountId, ChainId, MarketId, QUOTE};
use crate::ledger::Holder;
use crate::market::Market;
use crate::state::State;

/// What was settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// A market.
    Market(MarketId),
    /// An expiry of the options on an asset (rule K-8).
    Options(ChainId),
}

/// What closing its positions did to an account.
#[derive(Clone, Copy, Debug)]
pub(super) struct Closed {
    pub(super) account: AccountId,
    /// What they are worth at the settlement price, long or short.
    pub(super) size: Amount,
    /// What it received.
    pub(super) payoff: Amount,
}

/// Closes every position at this price, which is the mean of the index over `covered`.
pub(super) fn settle(
    state: &mut State,
    id: MarketId,
    (price, covered): (Price, Span),
    events: &mut Vec<Event>,
) {
    let interest = state.markets[id.index()].perpetual.open_interest;
    let closed = pay_off(state, id, price, events);
    let uncovered = share_deficits(state, Ended::Market(id), &closed, price, events);
    events.push(Event::Settled { market: id, price, covered, interest, uncovered });
}

/// Pays the deficits that a settlement left, from insurance and from what was gained in it; returns
/// what neither covers.
pub(super) fn share_deficits(
    state: &mut State,
    ended: Ended,
    closed: &[Closed],
    price: Price,
    events: &mut Vec<Event>,
) -> Amount {
    let market = match ended {
        Ended::Market(id) => Some(id),
        Ended::Options(_) => None,
    };
    let mut owed = Vec::new();
    for Closed { account, size, .. } in closed {
        let part = deficit(state, ended, *account, *size);
        if part.is_positive() {
            let left = insurance::pay(state, *account, market, part, events);
            owed.push((*account, left));
        }
    }
    cut_gains(state, ended, price, (closed, &owed), events)
}

/// Closes the positions; the list is in the order of accounts.
fn pay_off(state: &mut State, id: MarketId, price: Price, events: &mut Vec<Event>) -> Vec<Closed> {
    let clearing = Holder::Clearing(id);
    let mut closed = Vec::new();
    for account in (0..state.accounts).map(AccountId) {
        let position = state.markets[id.index()].entry(account).position;
        if position.is_zero() {
            continue;
        }
        settle_funding(state, id, account, events);
        let worth = price.notional(position, Round::Down);
        let payoff = state.markets[id.index()].trade(account, -position, -worth);
        state.ledger.transfer(clearing, Holder::User(account), QUOTE, payoff);
        state.watch.touch(account);
        events.push(Event::Realised { account, market: id, amount: payoff });
        let size = price.notional(position.abs(), Round::Up);
        closed.push(Closed { account, size, payoff });
    }
    let left: Amount = state.ledger.balance(clearing, QUOTE);
    state.ledger.transfer(clearing, Holder::Dust, QUOTE, left);
    closed
}

/// The part of an account's deficit that its closed positions stand for. None while another of its
/// positions waits for an index or a surface (rules O-4, V-7: what a stale mark says is owed,
/// nobody pays).
fn deficit(state: &State, ended: Ended, account: AccountId, size: Amount) -> Amount {
    let whole = -state.equity(account);
    if !whole.is_positive() || size.is_zero() {
        return Amount::ZERO;
    }
    let mut total = size;
    for (market, other) in state.perpetuals() {
        let position = market.entry(account).position;
        if !position.is_zero() {
            if Ended::Market(other) == ended || !serves(state, market, other) {
                return Amount::ZERO;
            }
            total += market.perpetual.mark.price.notional(position.abs(), Round::Up);
        }
    }
    for chain in state.chains.iter().filter(|chain| !chain.legs(account).is_empty()) {
        if !state.options_serve(chain, crate::ladder::Action::Liquidate) {
            return Amount::ZERO;
        }
    }
    total += state.options_size(account);
    whole.portion(size, total, Round::Up).unwrap_or(whole)
}

fn serves(state: &State, market: &Market, id: MarketId) -> bool {
    state.permits(id, Action::Liquidate) == Permit::Yes
        && state.serving(crate::ladder::Action::Liquidate, market.params.base).is_some()
}

/// Pays what insurance left out of the gains; returns what neither covers.
fn cut_gains(
    state: &mut State,
    ended: Ended,
    price: Price,
    (closed, owed): (&[Closed], &[(AccountId, Amount)]),
    events: &mut Vec<Event>,
) -> Amount {
    let mut left: Amount = owed.iter().map(|(_, amount)| *amount).sum();
    if !left.is_positive() {
        return Amount::ZERO;
    }
    let claim = |closed: &Closed| {
        let gain = closed.payoff.max(Amount::ZERO);
        Claim { weight: gain.raw(), cap: gain.min(state.equity(closed.account)).raw().max(0) }
    };
    let cuts = apportion(left.raw(), &closed.iter().map(claim).collect::<Vec<_>>());
    let mut debts = owed.iter().copied();
    let mut debt = debts.next();
    for (Closed { account: counterparty, .. }, cut) in closed.iter().zip(cuts) {
        let mut cut = Amount::from_raw(cut);
        while let Some((account, owes)) = debt.filter(|_| cut.is_positive()) {
            let haircut = cut.min(owes);
            let (from, to) = (Holder::User(*counterparty), Holder::User(account));
            state.ledger.transfer(from, to, QUOTE, haircut);
            cut -= haircut;
            left -= haircut;
            if haircut.is_positive() {
                events.push(told(ended, price, [account, *counterparty], haircut));
            }
            debt = if haircut == owes { debts.next() } else { Some((account, owes - haircut)) };
        }
    }
    left
}

/// What says that a part of a gain was taken.
fn told(
    ended: Ended,
    price: Price,
    [account, counterparty]: [AccountId; 2],
    haircut: Amount,
) -> Event {
    match ended {
        Ended::Market(market) => {
            let qty = money::Qty::ZERO;
            Event::Deleveraged { market, account, counterparty, price, qty, haircut }
        }
        Ended::Options(chain) => {
            Event::Option(OptionEvent::Haircut { chain, account, counterparty, haircut })
        }
    }
}
