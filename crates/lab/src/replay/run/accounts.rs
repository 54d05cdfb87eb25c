//! What the accounts make of the markets: values, funding, settlement, liquidation, and why equity
//! moved.

use desk::strategy;
use feed::tape::{Event, Kind};
use money::{Amount, Rate, Time};

use super::{Run, RunError};
use crate::replay::account::{self, Fault, Ledger};
use crate::replay::record::{self, Cause, Incident, Seen};

impl Run<'_> {
    /// Values what is held on a market at its middle.
    pub(super) fn see(&mut self, at: usize) -> Result<(), RunError> {
        let market = &self.markets[at];
        let (mid, place, account) = (market.mid(), market.place, market.account);
        if mid.is_zero() {
            return Ok(());
        }
        let before = *self.accounts[account].ledger();
        let seen = self.accounts[account].see(place, mid);
        seen.map_err(|fault| self.fault(at, fault))?;
        self.attribute(at, before);
        Ok(())
    }

    /// Brings all accounts up to now; their equity together.
    fn value(&mut self) -> Result<Amount, RunError> {
        self.accrue();
        for at in 0..self.markets.len() {
            self.see(at)?;
        }
        Ok(self.accounts.iter().map(account::Account::equity).sum())
    }

    fn accrue(&mut self) {
        let now = Time::from_nanos(self.now);
        for account in &mut self.accounts {
            let before = *account.ledger();
            account.accrue(now);
            add_difference(&mut self.record.account, &before, account.ledger());
        }
    }

    /// Books under a market what the ledger of its account has gained.
    pub(super) fn attribute(&mut self, at: usize, before: Ledger) {
        let after = self.accounts[self.markets[at].account].ledger();
        add_difference(&mut self.record.markets[at].ledger, &before, after);
    }

    pub(super) fn fault(&self, at: usize, fault: Fault) -> RunError {
        let market = self.record.markets[at].name.clone();
        RunError::Account { market, time: Time::from_nanos(self.now), fault }
    }

    /// Writes down what is due: mids after fills, a row of samples.
    pub(super) fn observe(&mut self) -> Result<(), RunError> {
        let now = Time::from_nanos(self.now);
        if self.record.fills.due() <= now {
            let markets = &self.markets;
            self.record.fills.look(now, |market| markets[usize::from(market)].mid());
        }
        while self.record.samples.due() <= now {
            self.liquidate()?;
            let equity = self.value()?;
            for (seen, market) in self.seen.iter_mut().zip(&self.markets) {
                let position = self.accounts[market.account].position(market.place);
                let mid = market.mid();
                let mark = if market.mark.is_zero() { mid } else { market.mark };
                *seen = Seen { position, mid, mark };
            }
            self.record.samples.push(equity, &self.seen);
        }
        Ok(())
    }

    /// Tells the strategy what its venues state: positions and equity.
    pub(super) fn state(&mut self) -> Result<(), RunError> {
        for market in &self.markets {
            let qty = self.accounts[market.account].position(market.place);
            let event = strategy::Event::Position { instrument: market.instrument, qty };
            self.strategy.on(&event, &mut self.intents);
        }
        let equity = self.value()?;
        self.strategy.on(&strategy::Event::Equity { equity }, &mut self.intents);
        Ok(())
    }

    /// Looks at an event that concerns accounts.
    pub(super) fn notice(&mut self, at: usize, event: &Event) -> Result<(), RunError> {
        let market = &mut self.markets[at];
        let (place, account) = (market.place, market.account);
        let price = market.units.price(event.price);
        match event.kind {
            Kind::Mark => {
                market.mark = price;
                let marked = self.accounts[account].mark(place, price);
                marked.map_err(|fault| self.fault(at, fault))?;
                self.liquidate()?;
            }
            Kind::Index => {
                market.index = price;
                let known = self.accounts[account].index(place, price);
                known.map_err(|fault| self.fault(at, fault))?;
            }
            Kind::Funding => self.fund(at, Rate::from_raw(event.price))?,
            Kind::Base
            | Kind::Level
            | Kind::Clear
            | Kind::Trade
            | Kind::Best
            | Kind::Add
            | Kind::Change
            | Kind::Remove
            | Kind::Execute
            | Kind::Open
            | Kind::High
            | Kind::Low
            | Kind::Close
            | Kind::Predicted
            | Kind::OpenInterest
            | Kind::Forced
            | Kind::Volatility
            | Kind::PoolTick
            | Kind::PoolLiquidity
            | Kind::PoolIn0
            | Kind::PoolIn1 => {}
        }
        Ok(())
    }

    /// Funding at the mark, or at the middle where the tape tells none.
    fn fund(&mut self, at: usize, rate: Rate) -> Result<(), RunError> {
        self.accrue();
        self.see(at)?;
        let market = &self.markets[at];
        let price = if market.mark.is_zero() { market.mid() } else { market.mark };
        let (place, account) = (market.place, market.account);
        if price.is_zero() || self.accounts[account].position(place).is_zero() {
            return Ok(());
        }
        let before = *self.accounts[account].ledger();
        let paid = self.accounts[account].fund(place, rate, price, Time::from_nanos(self.now));
        paid.map_err(|fault| self.fault(at, fault))?;
        self.attribute(at, before);
        Ok(())
    }

    /// Settles a dated market at its last index, or at its middle without one.
    pub(super) fn expire(&mut self, at: usize) -> Result<(), RunError> {
        self.markets[at].exchange.cancel_all(&mut self.answers);
        self.settle(at)?;
        self.accrue();
        let market = &self.markets[at];
        let price = if market.index.is_zero() { market.mid() } else { market.index };
        let (place, account) = (market.place, market.account);
        if price.is_zero() || self.accounts[account].position(place).is_zero() {
            return Ok(());
        }
        let before = *self.accounts[account].ledger();
        let paid = self.accounts[account].settle(place, price, Time::from_nanos(self.now));
        paid.map_err(|fault| self.fault(at, fault))?;
        self.attribute(at, before);
        self.report(Some(at), format!("settled at {price}"));
        Ok(())
    }

    /// Closes accounts that are below maintenance margin, as their venue would.
    fn liquidate(&mut self) -> Result<(), RunError> {
        for account in 0..self.accounts.len() {
            if self.accounts[account].is_exposed() {
                self.liquidate_one(account)?;
            }
        }
        Ok(())
    }

    fn liquidate_one(&mut self, account: usize) -> Result<(), RunError> {
        self.value()?;
        let owned = |run: &Run, at: usize| run.markets[at].account == account;
        let first = (0..self.markets.len()).find(|&at| owned(self, at)).unwrap_or(0);
        let under = self.accounts[account].is_under().map_err(|fault| self.fault(first, fault))?;
        if !under {
            return Ok(());
        }
        for at in 0..self.markets.len() {
            if owned(self, at) {
                self.markets[at].exchange.cancel_all(&mut self.answers);
                self.settle(at)?;
            }
        }
        let mut closed = Vec::new();
        let before = *self.accounts[account].ledger();
        let now = Time::from_nanos(self.now);
        let done = self.accounts[account].liquidate(now, &mut closed);
        done.map_err(|fault| self.fault(first, fault))?;
        let after = self.accounts[account].ledger();
        add_difference(&mut self.record.account, &before, after);
        for forced in closed {
            let market = self
                .markets
                .iter()
                .position(|market| (market.account, market.place) == (account, forced.market));
            let account::Forced { side, qty, price, fee, .. } = forced;
            let text = format!("liquidated: {side:?} {qty} at {price}, penalty {}", fee.value);
            self.report(market, text);
        }
        Ok(())
    }

    fn report(&mut self, market: Option<usize>, text: String) {
        let (time, market) = (Time::from_nanos(self.now), market.map(|at| at as u16));
        self.record.incidents.push(Incident { time, market, text });
    }

    /// Closes the books of the run.
    pub(super) fn finish(&mut self) -> Result<(), RunError> {
        self.record.equity_end = self.value()?;
        self.record.run.end = Time::from_nanos(self.now);
        for (kept, market) in self.record.markets.iter_mut().zip(&self.markets) {
            let counts = record::Counts { volume: market.traded(), ..market.counts };
            let record::Counts { fills, filled, maker, taker, .. } = kept.counts;
            kept.counts = record::Counts { fills, filled, maker, taker, ..counts };
        }
        Ok(())
    }
}

/// Adds what one ledger has more than another.
fn add_difference(sum: &mut record::Ledger, before: &Ledger, after: &Ledger) {
    for cause in account::Cause::ALL {
        let gained = after.of(cause) - before.of(cause);
        if !gained.is_zero() {
            sum.add(name(cause), gained);
        }
    }
}

fn name(cause: account::Cause) -> Cause {
    match cause {
        account::Cause::Spread => Cause::Spread,
        account::Cause::PriceMoves => Cause::Price,
        account::Cause::MakerFees | account::Cause::Rebates => Cause::MakerFee,
        account::Cause::TakerFees => Cause::TakerFee,
        account::Cause::Funding => Cause::Funding,
        account::Cause::Borrow => Cause::Borrow,
        account::Cause::Liquidation => Cause::Liquidation,
        account::Cause::Impact => Cause::Impact,
    }
}
