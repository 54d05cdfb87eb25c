//! Who has how much say: stake of each account, as it was before the block (rules G-5 and G-7).
//!
//! A proposal copies the stakes as they stood when the last block ended, so what is staked in the
//! block of a proposal or later has no vote on it (`theory.md` 10: Beanstalk counted at execution
//! and lost 182 million to one flash loan). Stake that leaves loses its say at once and is paid
//! out no earlier than the result of what its owner voted for.
//!
//! The caller knows that the account exists and moves the money: it takes what is staked and pays
//! what is released.

use borsh::{BorshDeserialize, BorshSerialize};
use money::{Amount, Span, Time};

use super::Refusal;
use crate::design::AMOUNT_MAX;
use crate::ids::AccountId;

/// Stake on its way out; one entry for each account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Leaving {
    /// Whose.
    pub account: AccountId,
    /// How much.
    pub amount: Amount,
    /// When the account last asked for some.
    pub since: Time,
}

/// The stakes of all accounts, by account number; accounts above the last that ever staked have
/// none.
#[derive(Clone, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Stakes {
    now: Vec<Amount>,
    /// As the last block left them.
    sealed: Vec<Amount>,
    /// Accounts whose stake moved in this block.
    moved: Vec<AccountId>,
    leaving: Vec<Leaving>,
}

impl Stakes {
    /// The stake of an account.
    pub fn of(&self, account: AccountId) -> Amount {
        self.now.get(account.index()).copied().unwrap_or_default()
    }

    /// The stakes as the last block left them.
    pub fn sealed(&self) -> &[Amount] {
        &self.sealed
    }

    /// All stake that is in or on its way out.
    pub fn total(&self) -> Amount {
        let leaving: Amount = self.leaving.iter().map(|leaving| leaving.amount).sum();
        self.now.iter().copied().sum::<Amount>() + leaving
    }

    /// A block begins: what the last one left is what has a say in this one.
    pub fn open_block(&mut self) {
        self.sealed.resize(self.now.len(), Amount::ZERO);
        for account in self.moved.drain(..) {
            self.sealed[account.index()] = self.now[account.index()];
        }
    }

    /// Whether an account may stake an amount; all stake together is at most `AMOUNT_MAX`.
    pub fn check_stake(&self, amount: Amount) -> Result<(), Refusal> {
        if !amount.is_positive() {
            return Err(Refusal::NotPositive);
        }
        if amount > AMOUNT_MAX || self.total() + amount > AMOUNT_MAX {
            return Err(Refusal::Overflow);
        }
        Ok(())
    }

    /// Stakes a checked amount.
    pub fn commit_stake(&mut self, account: AccountId, amount: Amount) {
        if self.now.len() <= account.index() {
            self.now.resize(account.index() + 1, Amount::ZERO);
        }
        self.now[account.index()] += amount;
        self.moved.push(account);
    }

    /// Whether an account may take back an amount.
    pub fn check_unstake(&self, account: AccountId, amount: Amount) -> Result<(), Refusal> {
        if !amount.is_positive() {
            return Err(Refusal::NotPositive);
        }
        if amount > self.of(account) {
            return Err(Refusal::InsufficientStake);
        }
        Ok(())
    }

    /// A checked amount begins to leave; what was leaving already waits with it.
    pub fn commit_unstake(&mut self, account: AccountId, amount: Amount, now: Time) {
        self.now[account.index()] -= amount;
        self.moved.push(account);
        let mut leaving = Leaving { account, amount, since: now };
        if let Some(at) = self.leaving.iter().position(|other| other.account == account) {
            leaving.amount += self.leaving.swap_remove(at).amount;
        }
        self.leaving.push(leaving);
    }

    /// Takes out what has waited for `delay` and is not held; the caller pays it.
    pub(super) fn release(
        &mut self,
        now: Time,
        delay: Span,
        held: impl Fn(AccountId) -> bool,
    ) -> Vec<Leaving> {
        let due = |leaving: &Leaving| now.since(leaving.since) >= delay && !held(leaving.account);
        let released = self.leaving.iter().copied().filter(|leaving| due(leaving)).collect();
        self.leaving.retain(|leaving| !due(leaving));
        released
    }
}
