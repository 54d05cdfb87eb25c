//! What a run cost and whom.
//!
//! Bad debt is what neither the account that lost it nor the insurance fund paid: equities below
//! zero at the end, at the true price, and what counterparties gave up of a deficit; of an account
//! that may owe, what it owes. An account is wrongly liquidated if at the true price it covered the
//! requirement that it was held to, and a tenth of a percent more.

use std::collections::{BTreeMap, BTreeSet};

use money::{Amount, Price, Round};
use protocol::event::Event;
use protocol::ids::{AccountId, AssetId, MarketId, QUOTE};
use protocol::ledger::Holder;
use protocol::position::Entry;
use protocol::state::State;
use serde::Serialize;

use super::cast::Cast;
use super::maker::value;

/// Distance of the mark from the true price beyond which time is counted.
const FAR: f64 = 0.005;
/// What a mark may lag behind without being wrong, as a share of the notional.
const LAG: f64 = 0.001;

/// The outcome of one run; money in USD.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Outcome {
    /// Paid by the insurance fund.
    pub insurance_used: f64,
    /// Notional that the backstop vault took over, at its price.
    pub vault_took: f64,
    /// What the vault is worth at the true price beyond what was deposited; negative for a loss.
    pub vault_result: f64,
    /// Deficits that neither the account nor the fund paid.
    pub bad_debt: f64,
    /// Notional closed against others outside the book.
    pub adl_volume: f64,
    /// Accounts liquidated.
    pub liquidated: usize,
    /// Of them, sound at the true price when it began.
    pub wrongly_liquidated: usize,
    /// Minutes of blocks with the mark more than 50 bp off the true price, in the worst market.
    pub minutes_beyond_50bp: f64,
    /// What accounts without positions lost.
    pub flat_user_loss: f64,
    /// What left beyond the deposits of the accounts that it left from.
    pub extracted: f64,
    /// Part of the wanted positions that could be opened.
    pub opened_share: f64,
    /// Invariants broken: 1 if the run ended in a panic.
    pub invariants_broken: u32,
    /// The text of the panic, or why the design was refused.
    pub failure: Option<String>,
    /// What the last block's state hashes to.
    pub state_hash: String,
}

impl Outcome {
    /// What insurance paid and the vault lost.
    pub fn fund_used(&self) -> f64 {
        self.insurance_used - self.vault_result.min(0.0)
    }
}

/// Sums over a run.
#[derive(Debug, Default)]
pub(super) struct Tally {
    insurance: Amount,
    haircuts: Amount,
    deleveraged: Amount,
    taken_over: Amount,
    liquidated: BTreeSet<AccountId>,
    wrongly: BTreeSet<AccountId>,
    beyond_s: Vec<f64>,
    opened: f64,
    /// What left, of each account that withdrew.
    withdrawn: BTreeMap<AccountId, Amount>,
    /// Accounts as they were before the block: cash and one entry for each market.
    cash: Vec<Amount>,
    entries: Vec<Vec<Entry>>,
}

impl Tally {
    /// Notes the accounts before a block.
    pub fn before(&mut self, state: &State) {
        let accounts = (0..state.accounts()).map(AccountId);
        self.cash.clear();
        self.cash.extend(accounts.map(|account| state.ledger().cash(account)));
        self.entries.resize(state.markets().len(), Vec::new());
        for (kept, market) in self.entries.iter_mut().zip(state.markets()) {
            kept.clone_from(&market.entries);
        }
    }

    /// Notes which part of the wanted positions stands.
    pub fn opened(&mut self, state: &State, cast: &Cast, prices: &[Price]) {
        let (mut wanted, mut held) = (0.0, 0.0);
        for player in cast.players.iter().filter(|player| player.notional_usd > 0.0) {
            let position = state.market(player.market).entry(player.account).position.abs();
            held += value(prices[player.market.index()].notional(position, Round::Down));
            wanted += player.notional_usd;
        }
        self.opened = if wanted > 0.0 { held / wanted } else { 1.0 };
    }

    /// Takes in the events of a block that lasted so long.
    pub fn take(&mut self, state: &State, events: &[Event], prices: &[Price], elapsed_s: f64) {
        self.beyond_s.resize(state.markets().len(), 0.0);
        for ((market, price), beyond) in state.markets().iter().zip(prices).zip(&mut self.beyond_s)
        {
            let mark = market.perpetual.mark.price.raw() as f64;
            if (mark / price.raw() as f64 - 1.0).abs() > FAR {
                *beyond += elapsed_s;
            }
        }
        for event in events {
            if let Event::InsurancePaid { amount, .. } = event {
                self.insurance += *amount;
            }
            if let Event::Moved { account: Some(account), asset: QUOTE, amount } = event
                && amount.is_negative()
            {
                *self.withdrawn.entry(*account).or_insert(Amount::ZERO) += -*amount;
            }
            if let Event::BackstopTook { price, qty, .. } = event {
                self.taken_over += price.notional(qty.abs(), Round::Down);
            }
            if let Event::Deleveraged { price, qty, haircut, .. } = event {
                self.deleveraged += price.notional(qty.abs(), Round::Down);
                self.haircuts += *haircut;
            }
            if let Event::LiquidationStarted { account, maintenance, .. } = event
                && self.liquidated.insert(*account)
                && self.was_sound(state, *account, *maintenance, prices)
            {
                self.wrongly.insert(*account);
            }
        }
    }

    /// Whether an account covered its requirement at the true price: what it was held to, in the
    /// proportion in which its positions are worth more or less there.
    fn was_sound(
        &self,
        state: &State,
        account: AccountId,
        maintenance: Amount,
        prices: &[Price],
    ) -> bool {
        let Some(&cash) = self.cash.get(account.index()) else { return false };
        let mut equity = value(cash);
        let (mut at_mark, mut at_truth) = (0.0, 0.0);
        for (id, ((market, entries), price)) in
            state.markets().iter().zip(&self.entries).zip(prices).enumerate()
        {
            let entry = entries.get(account.index()).copied().unwrap_or_default();
            let mark = market.perpetual.mark.price;
            equity += value(entry.profit(*price)) + coins(state, account, id, *price);
            at_mark += value(mark.notional(entry.position.abs(), Round::Up));
            at_truth += value(price.notional(entry.position.abs(), Round::Up));
        }
        let needed = value(maintenance) * at_truth / at_mark + LAG * at_truth;
        at_mark > 0.0 && equity >= needed
    }

    /// What left beyond the deposits of the accounts that it left from.
    fn extracted(&self, cast: &Cast) -> f64 {
        let beyond = self.withdrawn.iter().map(|(account, amount)| {
            let deposit = cast.players.get(account.index()).map_or(0.0, |p| p.deposit_usd);
            value(*amount) - deposit
        });
        beyond.sum::<f64>().max(0.0)
    }

    /// The outcome at the end, at the true prices.
    pub fn outcome(&self, state: &State, cast: &Cast, prices: &[Price]) -> Outcome {
        let equity = |account: AccountId| {
            let held =
                state.markets().iter().zip(prices).enumerate().map(|(id, (market, price))| {
                    value(market.entry(account).profit(*price)) + coins(state, account, id, *price)
                });
            value(state.ledger().cash(account)) + held.sum::<f64>()
        };
        let credit =
            |account: AccountId| cast.players.get(account.index()).map_or(0.0, |p| p.credit_usd);
        let owes = |account| (credit(account) - equity(account)).max(0.0);
        let owed: f64 = (0..state.accounts()).map(AccountId).map(owes).sum();
        let flat = cast.players.iter().filter(|player| player.is_bystander);
        let lost = flat.map(|p| (p.deposit_usd - value(state.ledger().cash(p.account))).max(0.0));
        let vault = state.backstop().account().map_or(0.0, |vault| equity(vault) - cast.vault_usd);
        let beyond = self.beyond_s.iter().copied().fold(0.0, f64::max);
        Outcome {
            insurance_used: cents(value(self.insurance)),
            vault_took: cents(value(self.taken_over)),
            vault_result: cents(vault),
            bad_debt: cents(owed + value(self.haircuts)),
            adl_volume: cents(value(self.deleveraged)),
            liquidated: self.liquidated.len(),
            wrongly_liquidated: self.wrongly.len(),
            minutes_beyond_50bp: (beyond / 6.0).round() / 10.0,
            flat_user_loss: cents(lost.sum()),
            extracted: cents(self.extracted(cast)),
            opened_share: (self.opened * 1e4).round() / 1e4,
            invariants_broken: 0,
            failure: None,
            state_hash: hex(&state.hash()),
        }
    }
}

/// What a coin held beside the perpetual of a market is worth.
fn coins(state: &State, account: AccountId, market: usize, price: Price) -> f64 {
    let market = MarketId(u16::try_from(market).expect("an incident has few markets"));
    let asset: AssetId = state.market(market).params.base;
    let held = state.ledger().balance(Holder::User(account), asset);
    value(held) * pricing::convert::price_f64(price)
}

pub(super) fn cents(usd: f64) -> f64 {
    (usd * 100.0).round() / 100.0
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
