//! What the state remembers of money that came in and left (rules B-4 and B-5): the windows of each
//! asset, each owner's own net deposits, and when withdrawals open again.
//!
//! Own deposits are kept for the owner of accounts and not for each account, so that moving money
//! between one's own accounts changes nothing.

use borsh::{BorshDeserialize, BorshSerialize};
use money::{Amount, Price, Round, Time, mul_div};

use super::State;
use crate::design::AMOUNT_MAX;
use crate::flow::{Flow, FlowLimits, Gate, OwnDeposits};
use crate::ids::{AccountId, AssetId, QUOTE};
use crate::ledger::Holder;

/// Inflows and outflows of all assets.
#[derive(Clone, Debug, Default, BorshSerialize, BorshDeserialize)]
pub(crate) struct Outflow {
    flows: Vec<Flow>,
    /// For each asset, by the number of the owner's first account.
    own: Vec<Vec<OwnDeposits>>,
    /// Rule B-5.
    pub(crate) gate: Gate,
    /// Since when more is owed than INSURANCE holds, without a break (rule B-9).
    pub(crate) insolvent: Option<Time>,
}

impl Outflow {
    pub(crate) fn new(assets: usize) -> Outflow {
        Outflow {
            flows: vec![Flow::default(); assets],
            own: vec![Vec::new(); assets],
            gate: Gate::default(),
            insolvent: None,
        }
    }

    pub(crate) fn open_account(&mut self) {
        for own in &mut self.own {
            own.push(OwnDeposits::default());
        }
    }

    /// What an owner brought of an asset and has not taken back.
    pub(crate) fn own(&self, owner: AccountId, asset: AssetId) -> OwnDeposits {
        self.own[asset.index()][owner.index()]
    }

    /// Notes an inflow, of an owner's or of nobody's; `total` was inside before it.
    pub(crate) fn deposited(
        &mut self,
        owner: Option<AccountId>,
        asset: AssetId,
        amount: Amount,
        (now, total): (Time, Amount),
    ) {
        let flow = &mut self.flows[asset.index()];
        *flow = flow.deposited(now, total);
        if let Some(owner) = owner {
            let own = &mut self.own[asset.index()][owner.index()];
            *own = own.deposited(amount);
        }
    }

    /// The asset's flow after a withdrawal; the error says what may leave beyond own deposits.
    pub(crate) fn check(
        &self,
        (owner, asset): (AccountId, AssetId),
        amount: Amount,
        (now, total): (Time, Amount),
        limits: &FlowLimits,
    ) -> Result<Flow, Amount> {
        let own = self.own(owner, asset);
        self.flows[asset.index()].withdrawn(now, total, (amount, own), limits)
    }

    /// Notes a checked withdrawal.
    pub(crate) fn commit(
        &mut self,
        (owner, asset): (AccountId, AssetId),
        amount: Amount,
        after: Flow,
    ) {
        self.flows[asset.index()] = after;
        let own = &mut self.own[asset.index()][owner.index()];
        *own = own.withdrawn(amount);
    }
}

impl State {
    /// What rule B-4 lets an account's owner take of an asset now: own deposits, and what is free
    /// beyond them.
    pub fn outflow_free(&self, account: AccountId, asset: AssetId) -> Amount {
        let flow = &self.outflow.flows[asset.index()];
        let own = self.outflow.own(self.owner(account), asset).amount();
        own + flow.free(self.time, self.inside(asset), &self.outflow_limits(asset))
    }

    /// What is owed beyond INSURANCE, and all positive cash (rule B-9).
    pub fn insolvency(&self) -> [Amount; 2] {
        let cash = (0..self.accounts).map(|account| self.ledger.cash(AccountId(account)));
        let claims = cash.map(|cash| cash.max(Amount::ZERO)).sum();
        [self.deficits() - self.ledger.insurance(), claims]
    }

    /// Whether rule B-5 lets anybody withdraw in the next block.
    pub fn withdrawals_open(&self) -> bool {
        self.outflow.gate.is_open(self.height + 1)
    }

    /// What is inside of an asset.
    pub(crate) fn inside(&self, asset: AssetId) -> Amount {
        -self.ledger.balance(Holder::Outside, asset)
    }

    /// The limits of an asset: their minima are in quote currency; those of a base asset are what
    /// the minimum buys at its index, ⌊·⌋, and nothing before there is one.
    pub(crate) fn outflow_limits(&self, asset: AssetId) -> FlowLimits {
        let limits = self.params.rules.flow.limits;
        if asset == QUOTE {
            return limits;
        }
        let index = self.oracle.index(asset).price;
        let bought = |amount: Amount| {
            if !index.is_positive() {
                return Amount::ZERO;
            }
            let one = i128::from(Price::ONE.raw());
            let units = mul_div(amount.raw(), one, i128::from(index.raw()), Round::Down);
            units.map_or(AMOUNT_MAX, Amount::from_raw)
        };
        FlowLimits { hour_min: bought(limits.hour_min), day_min: bought(limits.day_min), ..limits }
    }
}
