//! Opening accounts, deposits and withdrawals (rules B-2, B-3), and settling an account's funding.

use money::Amount;

use super::check_account;
use crate::command::Command;
use crate::design::{AMOUNT_MAX, QTY_MAX};
use crate::event::Event;
use crate::ids::{AccountId, AssetId, MarketId, QUOTE};
use crate::ladder::Action;
use crate::ledger::Holder;
use crate::market::Market;
use crate::position::Entry;
use crate::reject::Reject;
use crate::state::{Change, Level, State, as_qty, pending_funding};

pub(super) fn custodian_command(
    state: &mut State,
    command: &Command,
    events: &mut Vec<Event>,
) -> Result<(), Reject> {
    match command {
        Command::OpenAccount => open_account(state, events),
        Command::Deposit { account, asset, amount } => {
            check_account(state, *account)?;
            deposit(state, Holder::User(*account), *asset, *amount)?;
            state.watch.touch(*account);
            let (account, asset, amount) = (Some(*account), *asset, *amount);
            events.push(Event::Moved { account, asset, amount });
            Ok(())
        }
        Command::FundInsurance { amount } => {
            deposit(state, Holder::Insurance, QUOTE, *amount)?;
            events.push(Event::Moved { account: None, asset: QUOTE, amount: *amount });
            Ok(())
        }
        Command::Withdraw { .. }
        | Command::Place(_)
        | Command::Cancel { .. }
        | Command::CancelAll { .. }
        | Command::Publish(_) => Err(Reject::NotAllowed),
    }
}

fn open_account(state: &mut State, events: &mut Vec<Event>) -> Result<(), Reject> {
    let account = AccountId(state.accounts);
    let accounts = state.accounts.checked_add(1).ok_or(Reject::Overflow)?;
    if !state.perpetuals().all(|(market, _)| fits(market, accounts)) {
        return Err(Reject::Overflow);
    }
    state.accounts = accounts;
    state.ledger.open_account();
    state.watch.open_account();
    for market in &mut state.markets {
        market.entries.push(Entry::default());
        market.orders.push(Vec::new());
    }
    events.push(Event::Opened { account });
    Ok(())
}

/// Rule B-2: so many accounts at the largest position, with open orders of twice that on each side,
/// keep every sum of quantities inside its type.
fn fits(market: &Market, accounts: u32) -> bool {
    market.perpetual_params().is_none_or(|params| {
        let most = i128::from(params.position_max.raw()) * i128::from(accounts);
        2 * most <= i128::from(i64::MAX)
    })
}

fn deposit(state: &mut State, to: Holder, asset: AssetId, amount: Amount) -> Result<(), Reject> {
    if asset.index() >= state.params.assets.len() {
        return Err(Reject::UnknownAsset);
    }
    if !amount.is_positive() {
        return Err(Reject::NotPositive);
    }
    let limit = if asset == QUOTE { AMOUNT_MAX } else { QTY_MAX.as_amount() };
    let inside = -state.ledger.balance(Holder::Outside, asset);
    if amount > limit || inside + amount > limit {
        return Err(Reject::Overflow);
    }
    state.ledger.transfer(Holder::Outside, to, asset, amount);
    Ok(())
}

/// Rule B-3: what leaves must be free of orders and must leave initial margin behind.
pub(super) fn withdraw(
    state: &mut State,
    account: AccountId,
    asset: AssetId,
    amount: Amount,
    events: &mut Vec<Event>,
) -> Result<(), Reject> {
    check_account(state, account)?;
    if asset.index() >= state.params.assets.len() {
        return Err(Reject::UnknownAsset);
    }
    if !amount.is_positive() {
        return Err(Reject::NotPositive);
    }
    let exposed = is_exposed(state, account);
    if exposed {
        check_indices(state, account)?;
    }
    let owed: Amount = state
        .perpetuals()
        .map(|(market, _)| pending_funding(&market.perpetual.funding, market.entry(account)).0)
        .sum();
    let settled = if asset == QUOTE { owed } else { Amount::ZERO };
    if state.available(account, asset) + settled < amount {
        return Err(Reject::InsufficientBalance);
    }
    let change = Change::Withdrawal { asset, amount };
    if exposed && !state.health_after(account, Level::Initial, change).is_sound() {
        return Err(Reject::InsufficientMargin);
    }
    for at in 0..state.markets.len() {
        settle_funding(state, MarketId(u16::try_from(at).expect("checked")), account, events);
    }
    state.ledger.transfer(Holder::User(account), Holder::Outside, asset, amount);
    state.watch.touch(account);
    events.push(Event::Moved { account: Some(account), asset, amount: -amount });
    Ok(())
}

/// Whether an account needs margin: it has a position, an order that may become one, or a debt.
pub(super) fn is_exposed(state: &State, account: AccountId) -> bool {
    state.ledger.cash(account).is_negative()
        || state.perpetuals().any(|(market, _)| {
            let entry = market.entry(account);
            !entry.position.is_zero() || entry.orders > 0
        })
}

/// Rules O-4 and O-5: the index of all that an account has a stake in must serve a withdrawal.
fn check_indices(state: &State, account: AccountId) -> Result<(), Reject> {
    let serves = |asset| state.serving(Action::Withdraw, asset).is_some();
    let mut assets = state.base_assets();
    if assets.all(|asset| !state.has_stake(account, asset, Change::None) || serves(asset)) {
        Ok(())
    } else {
        Err(Reject::StaleIndex)
    }
}

/// Rule F-7: pays an account what its position has earned since it was last settled, rounded down,
/// and keeps the remainder.
pub(super) fn settle_funding(
    state: &mut State,
    id: MarketId,
    account: AccountId,
    events: &mut Vec<Event>,
) {
    let market = &mut state.markets[id.index()];
    let index = market.perpetual.funding.index;
    let entry = market.entry(account);
    if entry.funding_index == index {
        return;
    }
    let (amount, remainder) = pending_funding(&market.perpetual.funding, entry);
    let flat = entry.position.is_zero();
    market.settle(account);
    if flat {
        return;
    }
    let dust = keep_remainder(market, remainder);
    let pool = Holder::Funding(id);
    state.ledger.transfer(pool, Holder::User(account), QUOTE, amount);
    state.ledger.transfer(pool, Holder::Dust, QUOTE, dust);
    if !amount.is_zero() {
        events.push(Event::FundingPaid { account, market: id, amount });
    }
}

/// Adds a remainder at 10⁻²⁶ and takes out the whole units.
fn keep_remainder(market: &mut Market, remainder: i128) -> Amount {
    const UNIT: i128 = 1_000_000_000_000_000_000;
    let fraction = market.perpetual.funding_fraction + remainder;
    market.perpetual.funding_fraction = fraction % UNIT;
    Amount::from_raw(fraction / UNIT)
}

/// An account's holding of a base asset.
pub(super) fn holding(state: &State, account: AccountId, asset: AssetId) -> money::Qty {
    as_qty(state.ledger.balance(Holder::User(account), asset))
}
