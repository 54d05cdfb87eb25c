//! Who holds what, and the one function that moves it.
//!
//! Rule B-1: every movement is a transfer between two holders, so each asset sums to zero over all
//! holders; the world outside holds minus what is inside.

use borsh::BorshSerialize;
use money::Amount;

use crate::ids::{AccountId, AssetId, MarketId, QUOTE};

/// A holder of assets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holder {
    /// A margin account.
    User(AccountId),
    /// The unrealised profit of a perpetual's positions, in quote.
    Clearing(MarketId),
    /// Funding on its way from payers to receivers, in quote.
    Funding(MarketId),
    /// Trading fees, in quote.
    Fees,
    /// The common insurance fund, in quote.
    Insurance,
    /// Remainders of rounding, in quote.
    Dust,
    /// The world outside.
    Outside,
    /// A market's own insurance fund, in quote.
    MarketInsurance(MarketId),
    /// Stake of governance, of the voting asset.
    Staked,
}

/// All balances.
#[derive(Clone, Debug, Default, BorshSerialize)]
pub struct Ledger {
    users: Vec<Vec<Amount>>,
    outside: Vec<Amount>,
    clearing: Vec<Amount>,
    funding: Vec<Amount>,
    fees: Amount,
    insurance: Amount,
    insurance_of: Vec<Amount>,
    dust: Amount,
    staked: Vec<Amount>,
    /// How many users' balances of base assets are negative.
    #[borsh(skip)]
    overdrawn: u32,
}

impl Ledger {
    /// An empty ledger for so many assets and markets.
    pub fn new(assets: usize, markets: usize) -> Ledger {
        Ledger {
            users: vec![Vec::new(); assets],
            outside: vec![Amount::ZERO; assets],
            staked: vec![Amount::ZERO; assets],
            clearing: vec![Amount::ZERO; markets],
            funding: vec![Amount::ZERO; markets],
            insurance_of: vec![Amount::ZERO; markets],
            ..Ledger::default()
        }
    }

    /// Adds a user with nothing.
    pub(crate) fn open_account(&mut self) {
        for balances in &mut self.users {
            balances.push(Amount::ZERO);
        }
    }

    /// What a holder has of an asset; protocol accounts hold quote only.
    #[inline]
    pub fn balance(&self, holder: Holder, asset: AssetId) -> Amount {
        let in_quote = |amount| if asset == QUOTE { amount } else { Amount::ZERO };
        match holder {
            Holder::User(account) => self.users[asset.index()][account.index()],
            Holder::Outside => self.outside[asset.index()],
            Holder::Staked => self.staked[asset.index()],
            Holder::Clearing(market) => in_quote(self.clearing[market.index()]),
            Holder::Funding(market) => in_quote(self.funding[market.index()]),
            Holder::Fees => in_quote(self.fees),
            Holder::Insurance => in_quote(self.insurance),
            Holder::Dust => in_quote(self.dust),
            Holder::MarketInsurance(market) => in_quote(self.insurance_of[market.index()]),
        }
    }

    /// A user's quote currency.
    #[inline]
    pub fn cash(&self, account: AccountId) -> Amount {
        self.users[QUOTE.index()][account.index()]
    }

    /// A user's balance of an asset.
    #[inline]
    pub(crate) fn held(&self, account: AccountId, asset: AssetId) -> Amount {
        self.users[asset.index()][account.index()]
    }

    /// Moves an amount; a negative amount moves the other way.
    #[inline]
    pub(crate) fn transfer(&mut self, from: Holder, to: Holder, asset: AssetId, amount: Amount) {
        self.add(from, asset, -amount);
        self.add(to, asset, amount);
    }

    fn add(&mut self, holder: Holder, asset: AssetId, amount: Amount) {
        let slot = self.slot(holder, asset);
        let before = slot.is_negative();
        *slot += amount;
        let after = slot.is_negative();
        if before != after && asset != QUOTE && matches!(holder, Holder::User(_)) {
            let change = if after { 1 } else { -1 };
            self.overdrawn =
                self.overdrawn.checked_add_signed(change).expect("it counts negative balances");
        }
    }

    /// The common insurance fund and those of all markets.
    pub fn insurance(&self) -> Amount {
        self.insurance + self.insurance_of.iter().copied().sum()
    }

    /// Whether the insurance fund of any market is negative: none, by rule I-5.
    pub(crate) fn has_overdrawn_fund(&self) -> bool {
        self.insurance_of.iter().any(|held| held.is_negative())
    }

    /// Breaks rule B-1: quote from nowhere.
    #[cfg(test)]
    pub(crate) fn mint(&mut self, holder: Holder, amount: Amount) {
        *self.slot(holder, QUOTE) += amount;
    }

    /// How many users' balances of base assets are negative: none, by rule I-5.
    pub(crate) fn overdrawn(&self) -> u32 {
        self.overdrawn
    }

    /// The sum over all holders, zero by rule B-1.
    pub fn total(&self, asset: AssetId) -> Amount {
        let users: Amount = self.users[asset.index()].iter().copied().sum();
        let inside_quote = if asset == QUOTE {
            let markets = self.clearing.iter().chain(&self.funding).chain(&self.insurance_of);
            let markets: Amount = markets.copied().sum();
            markets + self.fees + self.insurance + self.dust
        } else {
            Amount::ZERO
        };
        users + inside_quote + self.outside[asset.index()] + self.staked[asset.index()]
    }

    fn slot(&mut self, holder: Holder, asset: AssetId) -> &mut Amount {
        let protocol = !matches!(holder, Holder::User(_) | Holder::Outside | Holder::Staked);
        assert!(asset == QUOTE || !protocol, "protocol accounts hold quote only");
        match holder {
            Holder::User(account) => &mut self.users[asset.index()][account.index()],
            Holder::Outside => &mut self.outside[asset.index()],
            Holder::Staked => &mut self.staked[asset.index()],
            Holder::Clearing(market) => &mut self.clearing[market.index()],
            Holder::Funding(market) => &mut self.funding[market.index()],
            Holder::Fees => &mut self.fees,
            Holder::Insurance => &mut self.insurance,
            Holder::Dust => &mut self.dust,
            Holder::MarketInsurance(market) => &mut self.insurance_of[market.index()],
        }
    }
}
