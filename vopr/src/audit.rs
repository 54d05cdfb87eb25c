//! Options a second time, from nothing but what was told: who has what, and what an expiry paid.
//!
//! Always holds: positions are the sums of trades, takeovers and closings that were told; an expiry
//! is settled once, at one price, which pays every position to the unit and leaves none.

use std::collections::{BTreeMap, BTreeSet};

use money::{Amount, Price, Qty, Round, Time};
use protocol::event::{Event, OptionEvent};
use protocol::ids::{AccountId, ChainId, SeriesId};
use protocol::option::Contract;
use protocol::state::State;

/// What was told of options.
#[derive(Clone, Debug, Default)]
pub struct Audit {
    contracts: BTreeMap<SeriesId, Contract>,
    positions: BTreeMap<(AccountId, SeriesId), Qty>,
    /// Positions that were paid, of an expiry whose price is not told yet.
    paid: Vec<(SeriesId, Qty, Amount)>,
    settled: BTreeSet<(ChainId, Time)>,
    fault: Option<String>,
}

impl Audit {
    /// Takes an event in.
    pub fn hear(&mut self, event: &Event) {
        let Event::Option(event) = event else { return };
        if let Err(fault) = self.book(event) {
            self.fault.get_or_insert(fault);
        }
    }

    fn book(&mut self, event: &OptionEvent) -> Result<(), String> {
        match *event {
            OptionEvent::SeriesListed { series, expiry, strike, kind, .. } => {
                let contract = Contract { expiry, strike, kind };
                match self.contracts.insert(series, contract) {
                    None => Ok(()),
                    Some(_) => Err(format!("series {} is listed twice", series.0)),
                }
            }
            OptionEvent::Traded { series, side, qty, taker, maker, .. } => {
                let qty = Qty::from_raw(qty.raw() * side.sign());
                self.pass(series, maker, taker, qty);
                Ok(())
            }
            OptionEvent::LegTaken { account, bidder, series, qty, .. } => {
                self.pass(series, account, bidder, qty);
                Ok(())
            }
            OptionEvent::Deleveraged { series, account, counterparty, qty, .. } => {
                self.pass(series, counterparty, account, qty);
                Ok(())
            }
            OptionEvent::Exercised { account, series, position, payoff, .. } => {
                self.paid.push((series, position, payoff));
                let had = self.positions.remove(&(account, series));
                if had == Some(position) {
                    return Ok(());
                }
                Err(format!("account {} was paid for {position}, had {had:?}", account.0))
            }
            OptionEvent::ExpirySettled { chain, expiry, price, .. } => {
                self.settle((chain, expiry), price)
            }
            OptionEvent::ChainFull { .. }
            | OptionEvent::SurfaceAccepted { .. }
            | OptionEvent::Rested { .. }
            | OptionEvent::Removed { .. }
            | OptionEvent::Haircut { .. }
            | OptionEvent::BookAuctionStarted { .. }
            | OptionEvent::BookAuctionEnded { .. }
            | OptionEvent::PortfolioTaken { .. }
            | OptionEvent::PositionTaken { .. }
            | OptionEvent::HoldingTaken { .. } => Ok(()),
        }
    }

    /// A quantity passes from one account to another.
    fn pass(&mut self, series: SeriesId, from: AccountId, to: AccountId, qty: Qty) {
        for (account, change) in [(from, -qty), (to, qty)] {
            let held = self.positions.entry((account, series)).or_default();
            *held += change;
            if held.is_zero() {
                self.positions.remove(&(account, series));
            }
        }
    }

    fn settle(&mut self, (chain, expiry): (ChainId, Time), price: Price) -> Result<(), String> {
        if !self.settled.insert((chain, expiry)) {
            return Err(format!("{expiry} is settled twice"));
        }
        for (series, position, payoff) in std::mem::take(&mut self.paid) {
            let contract = self.contracts.get(&series).ok_or("a series that was not listed")?;
            let owed = contract.payoff(price).notional(position, Round::Down);
            if contract.expiry != expiry || owed != payoff {
                return Err(format!("{contract:?} at {price}: {position} was paid {payoff}"));
            }
        }
        Ok(())
    }

    /// Compares what was told with what is there.
    pub fn check(&self, state: &State) -> Result<(), String> {
        if let Some(fault) = &self.fault {
            return Err(fault.clone());
        }
        let mut positions = BTreeMap::new();
        for chain in state.chains() {
            for account in (0..state.accounts()).map(AccountId) {
                let legs = chain.legs(account).iter().filter(|leg| !leg.position.is_zero());
                positions.extend(legs.map(|leg| ((account, leg.series), leg.position)));
            }
        }
        if positions == self.positions {
            return Ok(());
        }
        let differs = self.positions.iter().find(|(key, qty)| positions.get(key) != Some(qty));
        Err(format!("options differ from what was told, as {differs:?}"))
    }
}
