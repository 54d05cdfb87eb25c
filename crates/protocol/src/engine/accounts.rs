//! Opening accounts, deposits and withdrawals (rules B-2, B-3), and settling an account's funding.

use money::Amount;

use super::{check_account, outflow, permits};
use crate::command::AtLoss;
use crate::design::{AMOUNT_MAX, QTY_MAX, positions_fit};
use crate::event::Event;
use crate::flow::{INSOLVENCY_WAIT, left_behind};
use crate::ids::{AccountId, AssetId, MarketId, QUOTE};
use crate::ladder::Action;
use crate::ledger::Holder;
use crate::market::Market;
use crate::option::Chain;
use crate::position::Entry;
use crate::reject::Reject;
use crate::state::{Change, Level, State, as_qty, pending_funding};

/// Rule B-2: credits an account with what arrived from outside.
pub(super) fn deposit(
    state: &mut State,
    account: AccountId,
    (asset, amount): (AssetId, Amount),
    events: &mut Vec<Event>,
) -> Result<(), Reject> {
    check_account(state, account)?;
    // Rule L-16: nobody could sell it, and who is paid last would wait for ever.
    if asset != QUOTE && state.vault.account() == Some(account) {
        return Err(Reject::NotAllowed);
    }
    credit(state, Holder::User(account), asset, amount)?;
    state.watch.touch(account);
    outflow::note_deposit(state, Some(account), asset, amount);
    events.push(Event::Moved { account: Some(account), asset, amount });
    Ok(())
}

/// Credits the insurance fund with what arrived from outside.
pub(super) fn fund_insurance(
    state: &mut State,
    amount: Amount,
    events: &mut Vec<Event>,
) -> Result<(), Reject> {
    credit(state, Holder::Insurance, QUOTE, amount)?;
    outflow::note_deposit(state, None, QUOTE, amount);
    events.push(Event::Moved { account: None, asset: QUOTE, amount });
    Ok(())
}

pub(super) fn open_account(state: &mut State, events: &mut Vec<Event>) -> Result<(), Reject> {
    check_room(state)?;
    add_account(state, None, events);
    Ok(())
}

/// Rule B-2: whether there may be one account more.
pub(super) fn check_room(state: &State) -> Result<(), Reject> {
    let accounts = state.accounts.checked_add(1).ok_or(Reject::Overflow)?;
    let options = state.chains.iter().map(|chain| &chain.params.position_max);
    if state.council.peaks.iter().chain(options).all(|peak| positions_fit(*peak, accounts)) {
        Ok(())
    } else {
        Err(Reject::Overflow)
    }
}

/// Opens the next account, of an owner who has one or of a new one.
pub(super) fn add_account(
    state: &mut State,
    owner: Option<AccountId>,
    events: &mut Vec<Event>,
) -> AccountId {
    let account = AccountId(state.accounts);
    state.accounts += 1;
    state.ledger.open_account();
    state.watch.open_account();
    state.outflow.open_account();
    state.owners.open_account(account, owner);
    for market in &mut state.markets {
        market.entries.push(Entry::default());
        market.orders.push(Vec::new());
    }
    state.chains.iter_mut().for_each(Chain::open_account);
    events.push(Event::Opened { account });
    account
}

fn credit(state: &mut State, to: Holder, asset: AssetId, amount: Amount) -> Result<(), Reject> {
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

/// Rules B-3 to B-6: what is paid out.
pub(super) fn withdraw(
    state: &mut State,
    account: AccountId,
    asset: AssetId,
    amount: Amount,
    events: &mut Vec<Event>,
) -> Result<(), Reject> {
    check_leaving(state, account, asset, amount)?;
    let flow = outflow::check_outflow(state, account, asset, amount)?;
    state.outflow.commit((state.owners.owner(account), asset), amount, flow);
    commit_leaving(state, account, Holder::Outside, (asset, amount), events);
    events.push(Event::Moved { account: Some(account), asset, amount: -amount });
    Ok(())
}

/// Rule B-9: a part of what leaves the account is paid out, and its share of what is lacking goes
/// to INSURANCE.
pub(super) fn withdraw_at_loss(
    state: &mut State,
    account: AccountId,
    wish: &AtLoss,
    events: &mut Vec<Event>,
) -> Result<(), Reject> {
    let AtLoss { amount, least } = *wish;
    check_leaving(state, account, QUOTE, amount)?;
    let since = state.outflow.insolvent.ok_or(Reject::NotInsolvent)?;
    if state.time.since(since) < INSOLVENCY_WAIT {
        return Err(Reject::NotInsolvent);
    }
    let [lacking, claims] = state.insolvency();
    let left = left_behind(amount, lacking, claims);
    let paid = amount - left;
    if !paid.is_positive() || paid < least {
        return Err(Reject::PaidTooLittle);
    }
    let flow = outflow::check_limits(state, account, QUOTE, paid)?;
    state.outflow.commit((state.owners.owner(account), QUOTE), paid, flow);
    commit_leaving(state, account, Holder::Outside, (QUOTE, paid), events);
    state.ledger.transfer(Holder::User(account), Holder::Insurance, QUOTE, left);
    events.push(Event::Moved { account: Some(account), asset: QUOTE, amount: -paid });
    events.push(Event::LeftBehind { account, amount: left });
    Ok(())
}

/// Rules B-3 and B-6: what leaves an account must be free of orders and must leave margin behind.
pub(super) fn check_leaving(
    state: &State,
    account: AccountId,
    asset: AssetId,
    amount: Amount,
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
        permits::check_withdrawal(state, account)?;
        check_indices(state, account, Action::Withdraw)?;
    }
    let owed: Amount = state
        .perpetuals()
        .map(|(market, _)| pending_funding(&market.perpetual.funding, market.entry(account)).0)
        .sum();
    let settled = if asset == QUOTE { owed } else { Amount::ZERO };
    if state.available(account, asset) + settled < amount {
        return Err(Reject::InsufficientBalance);
    }
    if !exposed {
        return Ok(());
    }
    let change = Change::Withdrawal { asset, amount };
    let after = state.health_after(account, Level::Initial, change);
    if after.equity < outflow::requirement(state, account, after.requirement) {
        return Err(Reject::InsufficientMargin);
    }
    Ok(())
}

/// Moves a checked amount out of an account, after its funding is settled (rule F-7).
pub(super) fn commit_leaving(
    state: &mut State,
    account: AccountId,
    to: Holder,
    (asset, amount): (AssetId, Amount),
    events: &mut Vec<Event>,
) {
    for at in 0..state.markets.len() {
        settle_funding(state, MarketId(u16::try_from(at).expect("checked")), account, events);
    }
    state.ledger.transfer(Holder::User(account), to, asset, amount);
    state.watch.touch(account);
}

/// Whether an account needs margin: it has a position, an order that may become one, or a debt.
pub(super) fn is_exposed(state: &State, account: AccountId) -> bool {
    state.ledger.cash(account).is_negative()
        || state.has_options(account)
        || state.perpetuals().any(|(market, _)| {
            let entry = market.entry(account);
            !entry.position.is_zero() || entry.orders > 0
        })
}

/// Rules O-4, O-5 and V-7: the index of all that an account has a stake in must serve an action,
/// and the surface of its options.
pub(super) fn check_indices(
    state: &State,
    account: AccountId,
    action: Action,
) -> Result<(), Reject> {
    let serves = |asset| state.serving(action, asset).is_some();
    let mut assets = state.base_assets();
    if !assets.all(|asset| serves(asset) || !state.has_stake(account, asset, Change::None)) {
        return Err(Reject::StaleIndex);
    }
    if state.surfaces_serve(account) { Ok(()) } else { Err(Reject::NoSurface) }
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
    state.watch.touch(account);
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
