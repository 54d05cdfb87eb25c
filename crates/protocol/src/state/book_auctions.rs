//! Accounts that are auctioned (rules L-20 to L-23): what they offer to bidders now, and what a
//! fraction of an account is.
//!
//! A fraction of an account is the same part of every position, in whole lots, and of every
//! holding: what is margined together moves together, so that margin falls with it. Cash stays.

use money::{Amount, Qty, Rate};

use super::{Change, Level, Share, State, as_qty};
use crate::book_auction::{Auction, Offer, part};
use crate::ids::{AccountId, AssetId, QUOTE};
use crate::ledger::Holder;
use crate::market::Market;
use crate::option::{Chain, Leg};
use crate::params::BookAuctionParams;

impl Share {
    /// The part of a position in a market.
    pub(crate) fn position(self, market: &Market) -> Qty {
        part(market.entry(self.of).position, market.params.lot, self.fraction)
    }

    /// The part of a position in options.
    pub(crate) fn leg(self, chain: &Chain, leg: &Leg) -> Qty {
        part(leg.position, chain.params.lot, self.fraction)
    }
}

impl State {
    /// The accounts that are auctioned.
    pub fn book_auctions(&self) -> impl Iterator<Item = (AccountId, Auction)> + '_ {
        self.auctions.iter().map(|(account, auction)| (*account, *auction))
    }

    /// What an account that is auctioned offers to bidders now.
    pub fn offer(&self, account: AccountId) -> Option<Offer> {
        let auction = self.auctions.get(&account)?;
        let params = self.auction_params(auction);
        let nothing = Change::Given(Share { of: account, fraction: Rate::ZERO });
        let [initial, maintenance] = [Level::Initial, Level::Maintenance]
            .map(|level| self.health_after(account, level, nothing));
        let equity = maintenance.equity;
        Some(Offer {
            equity,
            maintenance: maintenance.requirement,
            // By rule R-3 equity counts less for new risk: that is lacking as well.
            initial: initial.requirement + (equity - initial.equity),
            discount: auction.discount(params),
            reward: auction.reward(params),
            insurance: self.insurance_left(self.markets.len()),
            whole_below: self.params.rules.liquidation.whole_below,
        })
    }

    /// What INSURANCE may pay today for a market, or (after the last) for accounts without one
    /// (rule L-15).
    pub(crate) fn insurance_left(&self, market: usize) -> Amount {
        let share = self.params.rules.liquidation.insurance_day_share;
        let fund = self.ledger.balance(Holder::Insurance, QUOTE);
        self.budgets.insurance[market].left(self.time, share, fund).min(fund)
    }

    /// By what an auction runs.
    pub(crate) fn auction_params(&self, auction: &Auction) -> &BookAuctionParams {
        &self.chains[auction.chain.index()].params.auction
    }

    /// The part of a holding.
    pub(crate) fn holding_part(&self, share: Share, asset: AssetId) -> Qty {
        part(as_qty(self.ledger.held(share.of, asset)), Qty::from_raw(1), share.fraction)
    }

    /// What a change adds to a holding by taking over, or giving up, a part of one.
    pub(super) fn shared_holding(&self, asset: AssetId, change: Change) -> Qty {
        match change {
            Change::Taken(share) => self.holding_part(share, asset),
            Change::Given(share) => -self.holding_part(share, asset),
            Change::None
            | Change::Order { .. }
            | Change::Fill { .. }
            | Change::Fills(_)
            | Change::Orders
            | Change::OptionOrder { .. }
            | Change::OptionFill { .. }
            | Change::Withdrawal { .. } => Qty::ZERO,
        }
    }
}
