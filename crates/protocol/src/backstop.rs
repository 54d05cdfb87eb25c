//! The backstop vault: whose it is, what a share is worth, and how much it may take over. Values
//! in, values out.
//!
//! Rule L-16: a deposit of a buys ⌊a·shares/value⌋ shares, the first as many as it has units; a
//! share asked back is paid ⌊value·share/shares⌋ after `delay`. Rule L-18: its position in one
//! market is worth at most min(⌊`inventory_share`·value⌋, `depth_min`) at the index, what it loses
//! by taking over in a day at most ⌊`loss_day_share`·value⌋. Source: Hyperliquid's HLP, with the
//! bounds that it lacked in March 2025: its liquidator shared the collateral of the other vaults.
//!
//! Always holds: a deposit or a payment never lowers the value of a share of the others.

use std::collections::BTreeMap;

use borsh::{BorshDeserialize, BorshSerialize};
use money::{Amount, Price, Qty, Rate, Round, Time};

use crate::ids::AccountId;

/// Shares that were asked back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Claim {
    /// How many.
    pub shares: Amount,
    /// When they are paid.
    pub due: Time,
}

/// The vault. Its money and positions are those of an account of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Vault {
    account: Option<AccountId>,
    shares: BTreeMap<AccountId, Amount>,
    claims: BTreeMap<AccountId, Claim>,
    total: Amount,
}

/// What bounds a takeover in one market (rule L-18).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// The vault's position, in the direction of what it takes over.
    pub position: Qty,
    /// Largest notional of its position.
    pub inventory: Amount,
    /// What it may still lose in this market today.
    pub loss: Amount,
}

impl Vault {
    /// The account that holds its money and positions, once it is open.
    pub fn account(&self) -> Option<AccountId> {
        self.account
    }

    /// All shares, those asked back included.
    pub fn total(&self) -> Amount {
        self.total
    }

    /// An account's shares, without those asked back.
    pub fn shares(&self, account: AccountId) -> Amount {
        self.shares.get(&account).copied().unwrap_or(Amount::ZERO)
    }

    /// What an account has asked back.
    pub fn claim(&self, account: AccountId) -> Option<Claim> {
        self.claims.get(&account).copied()
    }

    /// The claims that may be paid, in the order of accounts.
    pub fn due(&self, now: Time) -> impl Iterator<Item = (AccountId, Claim)> + '_ {
        let claims = self.claims.iter().filter(move |(_, claim)| claim.due <= now);
        claims.map(|(account, claim)| (*account, *claim))
    }

    /// The shares that an amount buys (rule L-16); `None` while shares are worth nothing.
    pub fn bought(&self, amount: Amount, value: Amount) -> Option<Amount> {
        if self.total.is_zero() {
            return Some(amount);
        }
        if !value.is_positive() {
            return None;
        }
        self.total.portion(amount, value, Round::Down)
    }

    /// What shares are worth (rule L-16).
    pub fn worth(&self, shares: Amount, value: Amount) -> Amount {
        let worth = value.max(Amount::ZERO).portion(shares, self.total, Round::Down);
        worth.unwrap_or(Amount::ZERO)
    }

    pub(crate) fn open(&mut self, account: AccountId) {
        self.account = Some(account);
    }

    pub(crate) fn issue(&mut self, account: AccountId, shares: Amount) {
        *self.shares.entry(account).or_default() += shares;
        self.total += shares;
    }

    /// Shares, which the account has, are asked back; all that it asked back is due then.
    pub(crate) fn ask(&mut self, account: AccountId, shares: Amount, due: Time) {
        let left = self.shares(account) - shares;
        if left.is_zero() {
            self.shares.remove(&account);
        } else {
            self.shares.insert(account, left);
        }
        let claimed = self.claim(account).map_or(Amount::ZERO, |claim| claim.shares);
        self.claims.insert(account, Claim { shares: claimed + shares, due });
    }

    pub(crate) fn redeem(&mut self, account: AccountId) {
        if let Some(claim) = self.claims.remove(&account) {
            self.total -= claim.shares;
        }
    }
}

impl Room {
    /// How much the vault may take over at a price that is `cost` for each unit beyond the mark.
    pub fn qty(&self, index: Price, cost: Price) -> Qty {
        let most = self.inventory.buys(index, Round::Down).unwrap_or(Qty::ZERO);
        let room = (most - self.position).max(Qty::ZERO);
        if !cost.is_positive() {
            return room;
        }
        self.loss.buys(cost, Round::Down).map_or(room, |bearable| room.min(bearable))
    }
}

/// A share of the vault's value, never negative.
pub fn part(value: Amount, share: Rate) -> Amount {
    value.max(Amount::ZERO).share(share, Round::Down).unwrap_or(Amount::ZERO)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn amount(text: &str) -> Amount {
        text.parse().unwrap()
    }

    proptest! {
        /// Whatever is deposited or paid at whatever value, the others have no less.
        #[test]
        fn l_16_neither_deposits_nor_payments_lower_the_worth_of_a_share(
            first in 1i128..1_000_000, value in 1i128..10_000_000, more in 1i128..1_000_000,
            back in 0.0f64..1.0,
        ) {
            let (a, b) = (AccountId(0), AccountId(1));
            let mut vault = Vault::default();
            vault.issue(a, Amount::from_raw(first));
            let value = Amount::from_raw(value);
            let before = vault.worth(vault.shares(a), value);
            let bought = vault.bought(Amount::from_raw(more), value).unwrap();
            vault.issue(b, bought);
            let value = value + Amount::from_raw(more);
            let after = vault.worth(vault.shares(a), value);
            prop_assert!(after >= before);
            let asked = Amount::from_raw((bought.raw() as f64 * back) as i128);
            vault.ask(b, asked, Time::ZERO);
            let paid = vault.worth(asked, value);
            vault.redeem(b);
            prop_assert!(vault.worth(vault.shares(a), value - paid) >= after);
            prop_assert_eq!(vault.total(), vault.shares(a) + vault.shares(b));
        }
    }

    #[test]
    fn l_18_room_is_what_inventory_and_loss_leave() {
        let (index, cost): (Price, Price) = ("100".parse().unwrap(), "5".parse().unwrap());
        let room = |position: &str, loss: &str| Room {
            position: position.parse().unwrap(),
            inventory: amount("1000"),
            loss: amount(loss),
        };
        let qty = |text: &str| text.parse::<Qty>().unwrap();
        assert_eq!(room("0", "1").qty(index, Price::ZERO), qty("10"));
        assert_eq!(room("4", "1").qty(index, Price::ZERO), qty("6"));
        assert_eq!(room("-4", "1").qty(index, Price::ZERO), qty("14"), "it closes a short first");
        assert_eq!(room("12", "1").qty(index, Price::ZERO), Qty::ZERO);
        assert_eq!(room("0", "20").qty(index, cost), qty("4"));
        assert_eq!(room("0", "0").qty(index, cost), Qty::ZERO);
    }

    #[test]
    fn l_16_shares_of_a_vault_without_value_cannot_be_bought() {
        let mut vault = Vault::default();
        assert_eq!(vault.bought(amount("5"), Amount::ZERO), Some(amount("5")));
        vault.issue(AccountId(0), amount("5"));
        assert_eq!(vault.bought(amount("5"), Amount::ZERO), None);
        assert_eq!(vault.worth(amount("5"), amount("-3")), Amount::ZERO);
    }
}
