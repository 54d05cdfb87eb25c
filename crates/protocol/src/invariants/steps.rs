//! What must hold from one block to the next. Each is one function and one row of [`STEPS`].
//!
//! They are checked at checkpoints (rule H-1): a `Before` is taken when such a block begins and
//! compared with its events and with the state that it leaves. Nothing here is computed as the
//! engine computes it: who lost what is read from balances, why from the events.

use std::collections::BTreeSet;

use money::{Amount, Qty, Round};

use super::options;
use crate::command::{Block, Command, Sender};
use crate::event::{Event, OptionEvent};
use crate::ids::{AccountId, AssetId, MarketId, QUOTE};
use crate::ledger::{Holder, Ledger};
use crate::margin::Health;
use crate::params::{EIGHT_HOURS, FundingRule, Params};
use crate::state::{Level, State};

/// What the state was when the block began.
#[derive(Clone, Debug)]
pub(crate) struct Before {
    params: Params,
    ledger: Ledger,
    height: u64,
    time: money::Time,
    /// By market and account.
    positions: Vec<Vec<Qty>>,
    /// Who has an order in a book, or one that waits.
    orders: BTreeSet<AccountId>,
    /// Who has options, or orders for them.
    options: BTreeSet<AccountId>,
    gate_open: bool,
    /// The vault's shares, and its money while it has no position.
    vault: Option<(Amount, Amount)>,
    /// Accounts under initial margin without orders, once votes are counted and marks are set.
    strained: Vec<(AccountId, Health)>,
    /// The same accounts, when the last command was carried out; none for one that has initial
    /// margin then, as others may give it room (rule R-18).
    acted: Vec<Option<Health>>,
}

impl Before {
    /// Taken before a block is applied.
    pub(crate) fn new(state: &State) -> Before {
        let positions = state
            .markets
            .iter()
            .map(|market| market.entries.iter().map(|entry| entry.position).collect());
        Before {
            params: state.params.clone(),
            ledger: state.ledger.clone(),
            height: state.height,
            time: state.time,
            positions: positions.collect(),
            orders: with_orders(state),
            options: state.chains.iter().flat_map(|chain| &chain.holders).copied().collect(),
            gate_open: state.outflow.gate.is_open(state.height + 1),
            vault: flat_vault(state),
            strained: Vec::new(),
            acted: Vec::new(),
        }
    }

    /// Prices of the block stand, and no command is carried out yet.
    pub(crate) fn opened(&mut self, state: &State) {
        let orders = with_orders(state);
        // Who neither owes nor has a position may take out what is there (rule B-3).
        let risky = (0..state.accounts).map(AccountId).filter(|who| state.carries_risk(*who));
        let quiet = risky.filter(|account| !orders.contains(account));
        let strained = quiet.filter(|account| !state.health(*account, Level::Initial).is_sound());
        self.strained =
            strained.map(|account| (account, state.health(account, Level::Maintenance))).collect();
    }

    /// All commands are carried out, and nothing is closed by force yet.
    pub(crate) fn acted(&mut self, state: &State) {
        let health = |account| {
            let strained = !state.health(account, Level::Initial).is_sound();
            strained.then(|| state.health(account, Level::Maintenance))
        };
        self.acted = self.strained.iter().map(|(account, _)| health(*account)).collect();
    }

    fn position(&self, market: MarketId, account: AccountId) -> Qty {
        self.positions[market.index()].get(account.index()).copied().unwrap_or(Qty::ZERO)
    }
}

/// A block, what it found and what it left.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Step<'a> {
    pub(crate) before: &'a Before,
    pub(crate) block: &'a Block,
    pub(crate) events: &'a [Event],
    pub(crate) after: &'a State,
}

/// An invariant of a step.
#[derive(Clone, Copy, Debug)]
pub struct StepInvariant {
    /// Its name, as in `docs/protocol.md`.
    pub name: &'static str,
    holds: fn(&Step<'_>) -> Result<(), String>,
}

/// All invariants of a step.
pub const STEPS: [StepInvariant; 11] = [
    StepInvariant { name: "I-16 the flat lose nothing", holds: flat },
    StepInvariant { name: "I-17 money crosses the border as told", holds: border },
    StepInvariant { name: "I-18 no act worsens a strained account", holds: strained },
    StepInvariant { name: "I-19 liquidation does not worsen", holds: liquidated },
    StepInvariant { name: "I-20 deleveraging bankrupts nobody", holds: deleveraged },
    StepInvariant { name: "I-21 only those in a market pay for it", holds: isolated },
    StepInvariant { name: "I-22 shares of a flat vault keep their worth", holds: shares },
    StepInvariant { name: "I-23 a shut gate lets nothing out", holds: gated },
    StepInvariant { name: "I-24 parameters change as told", holds: told },
    StepInvariant { name: "I-25 time and funding go the right way", holds: directed },
    StepInvariant { name: "I-32 payoffs sum to zero", holds: paid },
];

/// Runs all of them.
pub(crate) fn check(step: &Step<'_>) -> Result<(), String> {
    STEPS.iter().try_for_each(|invariant| {
        (invariant.holds)(step).map_err(|why| format!("{}: {why}", invariant.name))
    })
}

/// Accounts with an order in a book, collected for an auction, or planned.
fn with_orders(state: &State) -> BTreeSet<AccountId> {
    let accounts = || (0..state.accounts).map(AccountId);
    let resting = |account: &AccountId| {
        state.markets.iter().any(|market| market.entry(*account).orders > 0)
            || state.orders_options(*account)
    };
    let planned = |account: &AccountId| {
        state.plans.twaps.orders(*account).next().is_some()
            || state.plans.triggers.iter().any(|waiting| waiting.numbers(*account).next().is_some())
    };
    accounts().filter(|account| resting(account) || planned(account)).collect()
}

/// Shares and money of a vault that has nothing but money.
fn flat_vault(state: &State) -> Option<(Amount, Amount)> {
    let vault = state.vault.account()?;
    let flat = state.markets.iter().all(|market| market.entry(vault).position.is_zero())
        && !state.has_options(vault);
    flat.then(|| (state.vault.total(), state.ledger.cash(vault)))
}

/// Who sent a command that a block carries, or is named as the one that pays.
fn senders(block: &Block) -> BTreeSet<AccountId> {
    let mut named = BTreeSet::new();
    for message in &block.messages {
        match message.sender {
            Sender::User(account) | Sender::Agent { account, .. } => {
                named.insert(account);
            }
            Sender::Publisher(_) | Sender::Custodian => {}
        }
        if let Command::Transfer { from, .. } = message.command {
            named.insert(from);
        }
    }
    named
}

/// I-16: whoever has no position, no order and no debt, and asks for nothing, has as much of
/// everything as before, whatever becomes of the others.
fn flat(step: &Step<'_>) -> Result<(), String> {
    let (before, after) = (step.before, step.after);
    let named = senders(step.block);
    let first = u32::try_from(before.positions.first().map_or(0, Vec::len)).unwrap_or(0);
    let still = |account: &AccountId| {
        let markets = (0..before.positions.len()).zip(0u16..).map(|(_, id)| MarketId(id));
        let flat = markets.into_iter().all(|id| before.position(id, *account).is_zero());
        flat && !before.orders.contains(account)
            && !before.options.contains(account)
            && !named.contains(account)
            && after.vault.account() != Some(*account)
            && !before.ledger.cash(*account).is_negative()
    };
    for account in (0..first).map(AccountId).filter(still) {
        for asset in assets(after) {
            let had = before.ledger.balance(Holder::User(account), asset);
            let has = after.ledger.balance(Holder::User(account), asset);
            if has < had {
                return Err(format!(
                    "account {}: {had} of asset {}, now {has}",
                    account.0, asset.0
                ));
            }
        }
    }
    Ok(())
}

fn assets(state: &State) -> impl Iterator<Item = AssetId> + use<> {
    std::iter::once(QUOTE).chain(state.base_assets())
}

/// I-32 (rule K-8): what was settled in a block.
fn paid(step: &Step<'_>) -> Result<(), String> {
    options::payoffs(step.events)
}

/// I-17: what is outside changes by what the events say came in and went out, and nothing went out
/// that its owner did not ask for.
fn border(step: &Step<'_>) -> Result<(), String> {
    for asset in assets(step.after) {
        let outside = |ledger: &Ledger| ledger.balance(Holder::Outside, asset);
        let moved = outside(&step.before.ledger) - outside(&step.after.ledger);
        let mut told = Amount::ZERO;
        for event in step.events {
            let Event::Moved { account, asset: of, amount } = event else { continue };
            if *of != asset {
                continue;
            }
            told += *amount;
            if amount.is_negative() && !asked(step.block, *account, asset, -*amount) {
                return Err(format!("{account:?} did not ask for {} of {}", -*amount, asset.0));
            }
        }
        if told != moved {
            return Err(format!("asset {}: {moved} came in, events say {told}", asset.0));
        }
    }
    Ok(())
}

fn asked(block: &Block, account: Option<AccountId>, asset: AssetId, amount: Amount) -> bool {
    block.messages.iter().any(|message| {
        let Sender::User(sender) = message.sender else { return false };
        let whole = message.command == Command::Withdraw { asset, amount };
        // Rule B-9: less may leave than was asked for.
        let part = matches!(&message.command, Command::WithdrawAtLoss(wish)
            if asset == QUOTE && wish.least <= amount && amount <= wish.amount);
        Some(sender) == account && (whole || part)
    })
}

/// Whether equity/requirement is no lower, to `units` of equity.
fn is_no_worse(was: Health, is: Health, units: i128) -> bool {
    let equity = is.equity + Amount::from_raw(units);
    if equity >= was.equity && is.requirement <= was.requirement {
        return true;
    }
    if !was.requirement.is_positive() {
        return false;
    }
    // Down, and a unit is given where equity is below zero.
    let fair = was.equity.portion(is.requirement, was.requirement, Round::Down);
    fair.is_some_and(|fair| equity >= fair)
}

/// I-18 (rule R-16): an account that was and is under initial margin, had no orders and was given
/// nothing has, after its own acts, no more requirement and no less equity for each unit of it.
fn strained(step: &Step<'_>) -> Result<(), String> {
    for ((account, was), is) in step.before.strained.iter().zip(&step.before.acted) {
        let Some(is) = is else { continue };
        let given = step.events.iter().any(|event| {
            matches!(event, Event::Moved { account: to, amount, .. }
                if *to == Some(*account) && amount.is_positive())
                || matches!(event, Event::Transferred { to, .. } if to == account)
        });
        // A gift of a holding has a haircut, and is charged.
        if given {
            continue;
        }
        if is.requirement > was.requirement || !is_no_worse(*was, *is, 0) {
            return Err(format!("account {}: {was:?}, now {is:?}", account.0));
        }
    }
    Ok(())
}

/// I-19 (rule L-10): what is left of a liquidated account has no less equity for each unit of
/// requirement, but for what it gave in the liquidation of others; an equity below zero does not
/// fall.
fn liquidated(step: &Step<'_>) -> Result<(), String> {
    for event in step.events {
        let Event::LiquidationStarted { account, equity, maintenance } = *event else { continue };
        let was = Health { equity, requirement: maintenance };
        let is = step.after.health(account, Level::Maintenance);
        // Each fill, fee and settlement of funding rounds by a unit.
        let units = step.events.iter().filter(|event| concerns(event, account)).count();
        let units = i128::try_from(units).unwrap_or(i128::MAX);
        let others = slipped(step, account) + given_up(step, account);
        if !is_no_worse(was, is, units.saturating_add(others.raw())) {
            return Err(format!("account {}: {was:?}, now {is:?}", account.0));
        }
    }
    Ok(())
}

/// What an account gave as a counterparty in the liquidation of others.
fn given_up(step: &Step<'_>, who: AccountId) -> Amount {
    let mut given = Amount::ZERO;
    for event in step.events {
        if let Some((counterparty, haircut)) = haircut(event)
            && counterparty == who
        {
            given += haircut;
        }
    }
    given
}

/// Who gave up how much of a deficit in a deleveraging.
fn haircut(event: &Event) -> Option<(AccountId, Amount)> {
    if let Event::Deleveraged { counterparty, haircut, .. }
    | Event::Option(OptionEvent::Deleveraged { counterparty, haircut, .. }) = event
    {
        Some((*counterparty, *haircut))
    } else {
        None
    }
}

/// What rule L-6 lets the sale of holdings cost insurance, where no position is left.
fn slipped(step: &Step<'_>, who: AccountId) -> Amount {
    let mut sold = Amount::ZERO;
    for event in step.events {
        if let Event::Traded { market, qty, taker, liquidation: true, .. } = event
            && *taker == who
        {
            if step.after.market(*market).perpetual_params().is_some() {
                return Amount::ZERO;
            }
            sold += step.after.index_price(*market).notional(*qty, Round::Down);
        }
    }
    let slippage = step.after.params.rules.backstop.slippage;
    sold.share(slippage, Round::Up).unwrap_or(Amount::ZERO)
}

/// Whether an event moved money of an account that is liquidated.
fn concerns(event: &Event, who: AccountId) -> bool {
    let one_of = |accounts: [&AccountId; 2]| accounts.contains(&&who);
    matches!(event, Event::Traded { taker, maker, .. } if one_of([taker, maker]))
        || matches!(event, Event::Deleveraged { account, counterparty, .. }
            if one_of([account, counterparty]))
        || matches!(event, Event::BackstopTook { account, vault, .. } if one_of([account, vault]))
        || matches!(event, Event::Option(OptionEvent::Deleveraged { account, counterparty, .. })
            if one_of([account, counterparty]))
        || matches!(event, Event::FundingPaid { account, .. }
            | Event::Realised { account, .. }
            | Event::LiquidationStarted { account, .. }
            | Event::LiquidationFee { account, .. } if *account == who)
}

/// I-20 (rule L-11): who gives up a part of a deficit is left with equity of zero or more.
fn deleveraged(step: &Step<'_>) -> Result<(), String> {
    for event in step.events {
        let Some((counterparty, haircut)) = haircut(event) else { continue };
        let equity = step.after.equity(counterparty);
        if haircut.is_negative() || (haircut.is_positive() && equity.is_negative()) {
            return Err(format!("account {} gave {haircut}, has {equity}", counterparty.0));
        }
    }
    Ok(())
}

/// I-21 (rule L-14): a market's fund pays, and its counterparties give, only for accounts that were
/// in that market.
fn isolated(step: &Step<'_>) -> Result<(), String> {
    let traded = |id: MarketId, who: AccountId| {
        step.events.iter().any(|event| {
            matches!(event, Event::Traded { market, taker, maker, .. }
                if *market == id && (*taker == who || *maker == who))
                || matches!(event, Event::BackstopTook { market, vault, .. }
                    if *market == id && *vault == who)
        })
    };
    let was_in = |id, account| !step.before.position(id, account).is_zero() || traded(id, account);
    for event in step.events {
        let Event::Deleveraged { market, account, counterparty, .. } = *event else { continue };
        if !was_in(market, account) || !was_in(market, counterparty) {
            return Err(format!(
                "accounts {} and {} in market {}",
                account.0, counterparty.0, market.0
            ));
        }
    }
    for (_, id) in step.after.perpetuals() {
        let fund = |ledger: &Ledger| ledger.balance(Holder::MarketInsurance(id), QUOTE);
        let paid = step.events.iter().any(
            |event| matches!(event, Event::InsurancePaid { account, .. } if was_in(id, *account)),
        );
        let (had, has) = (fund(&step.before.ledger), fund(&step.after.ledger));
        if has < had && !paid {
            return Err(format!("the fund of market {} fell from {had} to {has}", id.0));
        }
    }
    Ok(())
}

/// I-22 (rule L-16): while the vault has only money, no deposit, payment or anything else lowers
/// what a share is worth.
fn shares(step: &Step<'_>) -> Result<(), String> {
    let (Some((shares, had)), Some((left, has))) = (step.before.vault, flat_vault(step.after))
    else {
        return Ok(());
    };
    let took = step.events.iter().any(|event| matches!(event, Event::BackstopTook { .. }));
    if took || !shares.is_positive() || !left.is_positive() {
        return Ok(());
    }
    let fair = had.portion(left, shares, Round::Down);
    if fair.is_some_and(|fair| has < fair) {
        return Err(format!("{shares} shares had {had}, {left} have {has}"));
    }
    Ok(())
}

/// I-23 (rule B-5): no account is paid out in a block that began with the gate shut, but once in
/// quote currency for each time that it leaves a part behind (rule B-9).
fn gated(step: &Step<'_>) -> Result<(), String> {
    if step.before.gate_open {
        return Ok(());
    }
    let exits = |who: AccountId| {
        let left =
            |event: &&Event| matches!(event, Event::LeftBehind { account, .. } if *account == who);
        step.events.iter().filter(left).count()
    };
    let paid = |who: AccountId| {
        let out = |event: &&Event| {
            matches!(event, Event::Moved { account: Some(account), amount, .. }
                if *account == who && amount.is_negative())
        };
        step.events.iter().filter(out).count()
    };
    for event in step.events {
        let Event::Moved { account: Some(who), asset, amount } = *event else { continue };
        if amount.is_negative() && (asset != QUOTE || paid(who) > exits(who)) {
            return Err(format!("{event:?}"));
        }
    }
    Ok(())
}

/// I-24 (rules G-1 and G-2): the design in force is the one before and the changes that the events
/// tell of.
fn told(step: &Step<'_>) -> Result<(), String> {
    let mut params = step.before.params.clone();
    for event in step.events {
        let Event::Changed { change } = event else { continue };
        let row = change.key.row().map_err(|refusal| format!("{change:?}: {refusal:?}"))?;
        if !row.holds(change.to) {
            return Err(format!("{change:?} is out of its range"));
        }
        row.write(&mut params, change.scope, change.to)
            .map_err(|refusal| format!("{change:?}: {refusal:?}"))?;
    }
    if params == step.after.params { Ok(()) } else { Err("a parameter without a Changed".into()) }
}

/// I-25: heights count up, no time runs backwards, and under rule F-2 funding has the sign of
/// premium and carry.
fn directed(step: &Step<'_>) -> Result<(), String> {
    let (before, after) = (step.before, step.after);
    if after.height != before.height + 1 || after.time < before.time {
        return Err(format!("height {} at {:?}", after.height, after.time));
    }
    for event in step.events {
        let Event::Funded { market, premium, rate, .. } = *event else { continue };
        let params = after.market(market).perpetual_params().map(|params| params.funding);
        let Some(FundingRule::Anchored { anchor, carry, .. }) = params else { continue };
        let wanted = i128::from(premium.raw()) * i128::from(EIGHT_HOURS.nanos())
            + i128::from(carry.raw()) * i128::from(anchor.nanos());
        if i128::from(rate.raw()).signum() * wanted.signum() < 0 {
            return Err(format!("market {}: premium {premium}, funding {rate}", market.0));
        }
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
