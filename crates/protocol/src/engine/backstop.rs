//! The backstop vault at work (rules L-16 … L-19).
//!
//! Rule L-17: of a deep shortfall (L-13) it takes over naked positions at their bankruptcy price,
//! within the band around the index, as far as it has room (L-18). Rule L-19: it reduces what it
//! took through the book, at most `slippage` from the mark, by the share of aged depth that L-9
//! leaves; claims are paid when due and the vault keeps initial margin.

use money::{Amount, Price, Qty, Rate, Round};

use super::accounts::{check_indices, is_exposed, open_account, settle_funding};
use super::check_account;
use super::orders::{Trade, exchange_perpetual, take, trim_touched};
use super::tranches::{depth_left, forced, index_serves, note_taken, part, stake};
use crate::backstop::{self, Room};
use crate::event::Event;
use crate::ids::{AccountId, Lots, MarketId, QUOTE, Side};
use crate::ladder::Action;
use crate::ledger::Holder;
use crate::params::PerpetualParams;
use crate::reject::Reject;
use crate::state::{Change, Level, State};
use crate::tranche::Stake;

/// Opens the vault with an account of its own.
pub(super) fn open(state: &mut State, events: &mut Vec<Event>) -> Result<(), Reject> {
    if state.vault.account().is_some() {
        return Err(Reject::NoBackstop);
    }
    let account = AccountId(state.accounts);
    open_account(state, events)?;
    state.vault.open(account);
    Ok(())
}

/// Rule L-16: an account buys shares.
pub(super) fn deposit(
    state: &mut State,
    account: AccountId,
    amount: Amount,
    events: &mut Vec<Event>,
) -> Result<(), Reject> {
    check_account(state, account)?;
    if !amount.is_positive() {
        return Err(Reject::NotPositive);
    }
    let exposed = is_exposed(state, account);
    if exposed {
        check_indices(state, account, Action::Withdraw)?;
    }
    if state.available(account, QUOTE) < amount {
        return Err(Reject::InsufficientBalance);
    }
    let change = Change::Withdrawal { asset: QUOTE, amount };
    if exposed && !state.health_after(account, Level::Initial, change).is_sound() {
        return Err(Reject::InsufficientMargin);
    }
    let vault = state.vault.account().ok_or(Reject::NoBackstop)?;
    check_indices(state, vault, Action::Withdraw)?;
    let shares = state.vault.bought(amount, values(state, vault).1);
    let shares = shares.filter(|shares| shares.is_positive()).ok_or(Reject::NoBackstop)?;
    state.ledger.transfer(Holder::User(account), Holder::User(vault), QUOTE, amount);
    state.vault.issue(account, shares);
    state.watch.touch(account);
    state.watch.touch(vault);
    events.push(Event::BackstopMoved { account, vault, amount, shares });
    Ok(())
}

/// Rule L-16: an account asks shares back.
pub(super) fn withdraw(
    state: &mut State,
    account: AccountId,
    shares: Amount,
) -> Result<(), Reject> {
    check_account(state, account)?;
    if !shares.is_positive() {
        return Err(Reject::NotPositive);
    }
    if state.vault.shares(account) < shares {
        return Err(Reject::InsufficientShares);
    }
    let due = state.time.after(state.params.rules.backstop.delay);
    state.vault.ask(account, shares, due);
    Ok(())
}

/// The vault's value at the worse and at the better of mark and index.
fn values(state: &State, vault: AccountId) -> (Amount, Amount) {
    let mark = state.equity(vault);
    let index = state.health_at(vault, |asset| state.oracle.index(asset).price).equity;
    (mark.min(index), mark.max(index))
}

/// Rules L-17 and L-18: takes over what it may of an account's positions, the largest first.
pub(super) fn take_over(
    state: &mut State,
    account: AccountId,
    open: &[(Amount, MarketId)],
    events: &mut Vec<Event>,
) {
    let Some(vault) = state.vault.account().filter(|vault| *vault != account) else { return };
    for &(_, id) in open {
        let params = state.markets[id.index()].perpetual_params().copied();
        if let Some(params) = params.filter(|_| index_serves(state, id)) {
            take_over_in(state, account, vault, (id, params), events);
        }
    }
}

fn take_over_in(
    state: &mut State,
    account: AccountId,
    vault: AccountId,
    (id, params): (MarketId, PerpetualParams),
    events: &mut Vec<Event>,
) {
    let market = &state.markets[id.index()];
    let base = market.params.base;
    let part = part(state, account, id);
    let stake = stake(state, account, id, part);
    let index = state.oracle.index(base).price;
    let price = price(stake, state.fair(market), params.price_band);
    let sign = -stake.side().sign();
    let cost = Price::from_raw((price.raw() - stake.mark.raw()) * sign);
    let naked = if part.hedged { Qty::ZERO } else { part.closable };
    let room = room(state, vault, id, sign).qty(index, cost);
    let position = Qty::from_raw(market.entry(vault).position.raw() * sign);
    let limit = (params.position_max - position).max(Qty::ZERO);
    let qty = market.qty(market.lots_of(naked.min(room).min(limit)));
    if !qty.is_positive() {
        return;
    }
    // Not worse for the account than its bankruptcy price, to the unit.
    let round = if sign > 0 { Round::Up } else { Round::Down };
    let notional = price.notional(qty, round);
    let side = stake.side();
    settle_funding(state, id, account, events);
    let before = state.equity(account);
    let trade = Trade { market: id, taker: account, maker: vault, side, qty, notional };
    exchange_perpetual(state, &trade, events);
    // What the account no longer owes: so all that pay a deficit add up to it.
    let loss = (state.equity(account) - before).max(Amount::ZERO);
    state.budgets.backstop[id.index()].add(state.time, loss);
    let qty = Qty::from_raw(qty.raw() * sign);
    events.push(Event::BackstopTook { market: id, account, vault, price, qty, loss });
}

/// The bankruptcy price within the band on both sides of the index.
fn price(stake: Stake, index: Price, band: Rate) -> Price {
    let low = index.offset(-band, Round::Up).expect("a band below one");
    let high = index.offset(band, Round::Down).unwrap_or(Price::MAX);
    stake.bankruptcy_price().max(low).min(high)
}

/// Rule L-18.
fn room(state: &State, vault: AccountId, id: MarketId, sign: i64) -> Room {
    let rules = state.params.rules.backstop;
    let (value, _) = values(state, vault);
    let budget = state.budgets.backstop[id.index()];
    let market = &state.markets[id.index()];
    let position = market.entry(vault).position;
    // What it takes over it must trade away again.
    let depth = market.params.rules.envelope.depth_min;
    Room {
        position: Qty::from_raw(position.raw() * sign),
        inventory: backstop::part(value, rules.inventory_share).min(depth),
        loss: budget.left(state.time, rules.loss_day_share, value.max(Amount::ZERO)),
    }
}

/// Rule L-19: the end of a block for the vault.
pub(super) fn close(state: &mut State, events: &mut Vec<Event>) {
    let Some(vault) = state.vault.account() else { return };
    let markets = u16::try_from(state.markets.len()).expect("market ids are 16 bits");
    for id in (0..markets).map(MarketId) {
        if !state.markets[id.index()].entry(vault).position.is_zero() && index_serves(state, id) {
            reduce(state, vault, id, events);
        }
    }
    let due: Vec<AccountId> = state.vault.due(state.time).map(|(account, _)| account).collect();
    for account in due {
        pay(state, vault, account, events);
    }
}

/// Trades a part of the vault's position away.
fn reduce(state: &mut State, vault: AccountId, id: MarketId, events: &mut Vec<Event>) {
    let market = &state.markets[id.index()];
    let position = market.entry(vault).position;
    let side = if position.is_positive() { Side::Sell } else { Side::Buy };
    let slippage = state.params.rules.backstop.slippage;
    let mark = market.perpetual.mark.price;
    let limit = match side {
        Side::Sell => mark.offset(-slippage, Round::Up),
        Side::Buy => mark.offset(slippage, Round::Down),
    };
    let tick = market.tick_within(limit.unwrap_or(mark), side);
    let share = state.params.rules.liquidation.depth_share;
    let depth = depth_left(state, id, side, (tick, share));
    let part = Amount::from_raw(i128::from(depth.0)).share(share, Round::Down);
    let part = part.and_then(|part| u64::try_from(part.raw()).ok()).unwrap_or(0);
    let lots = Lots(part).min(market.lots_of(position));
    if lots.0 == 0 {
        return;
    }
    let (left, _) = take(state, &forced(vault, id, side, (tick, lots)), events);
    trim_touched(state, id, events);
    note_taken(state, id, side, Lots(lots.0 - left.0));
}

/// Pays a claim, if the vault has the cash and keeps initial margin.
fn pay(state: &mut State, vault: AccountId, account: AccountId, events: &mut Vec<Event>) {
    let Some(claim) = state.vault.claim(account) else { return };
    if check_indices(state, vault, Action::Withdraw).is_err() {
        return;
    }
    let amount = state.vault.worth(claim.shares, values(state, vault).0);
    let change = Change::Withdrawal { asset: QUOTE, amount };
    let sound =
        !is_exposed(state, vault) || state.health_after(vault, Level::Initial, change).is_sound();
    if state.ledger.cash(vault) < amount || !sound {
        return;
    }
    state.vault.redeem(account);
    state.ledger.transfer(Holder::User(vault), Holder::User(account), QUOTE, amount);
    state.watch.touch(account);
    state.watch.touch(vault);
    let (amount, shares) = (-amount, -claim.shares);
    events.push(Event::BackstopMoved { account, vault, amount, shares });
}
