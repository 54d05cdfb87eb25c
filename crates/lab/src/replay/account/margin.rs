//! What an account must hold: initial margin to place an order, maintenance margin to keep what it
//! has.
//!
//! * brackets (Binance, Hyperliquid): `⌈N·m⌉ − d` with the rate m of the bracket of the notional N
//!   and d chosen so that the requirement is continuous, `d_n = d_{n−1} + floor_n·(m_n − m_{n−1})`;
//!   initial margin is `⌈N·i⌉`;
//! * rising (Deribit's futures): `N·(m + slope·coins)`, at most N;
//! * short options (Deribit's standard margin), per unit of underlying U with mark M:
//!   maintenance `m·U + M` (puts `max(m·U, m·M) + M`), initial
//!   `max(i·U − out of the money, least·U) + M` and no less than maintenance. A long option needs
//!   none, and its worth backs nothing else;
//! * spot needs none, unless an asset is borrowed.
//!
//! Own resting orders count as if the worse side were filled. A requirement is rounded up. Margin
//! is counted at mark prices, against equity with each asset's haircut.

use money::{Amount, Price, Qty, Rate, Round, mul_div};
use pricing::black::OptionKind;
use protocol::ids::Side;

use super::{Account, Asset, Fault, Holding, Kind, Market, worth};

/// The margin rates from one notional on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bracket {
    /// Notional above which it holds, in the settling asset.
    pub above: Amount,
    /// Initial margin, of the whole notional.
    pub initial: Rate,
    /// Maintenance margin, of the part within the bracket.
    pub maintenance: Rate,
}

/// Brackets with what each deducts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Brackets(pub(super) Vec<(Bracket, Amount)>);

/// The margin of one market.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Margin {
    /// None: spot.
    None,
    /// By brackets of notional.
    Brackets(Brackets),
    /// A rate that rises with the position.
    Rising {
        /// Initial margin of the smallest position.
        initial: Rate,
        /// Maintenance margin of the smallest position.
        maintenance: Rate,
        /// Added to both for each coin of the position.
        slope: Rate,
    },
    /// Of short options.
    Short {
        /// Initial margin at the money, of the underlying.
        initial: Rate,
        /// Least initial margin, of the underlying.
        least: Rate,
        /// Maintenance margin, of the underlying.
        maintenance: Rate,
    },
}

/// An order that is about to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proposal {
    /// The place of the market in the account's list.
    pub market: usize,
    /// Direction.
    pub side: Side,
    /// Worst price.
    pub price: Price,
    /// Quantity, above zero.
    pub qty: Qty,
}

/// Why an order would be refused for want of money.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// What it pays, with its fee, is not there, and may not be borrowed.
    #[error("not enough {0:?} to pay for the order, and no more may be borrowed")]
    Balance(Asset),
    /// Initial margin with it exceeds the equity that counts.
    #[error("initial margin {needed} is above the {held} that counts as collateral")]
    Margin {
        /// Initial margin with the order.
        needed: Amount,
        /// What there is.
        held: Amount,
    },
    /// It cannot be reckoned.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// Which of the two requirements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Level {
    Initial,
    Maintenance,
}

impl Brackets {
    /// Brackets from zero up; `None` unless they rise, with rates of at most 100 % that never fall
    /// and initial no less than maintenance.
    pub fn new(brackets: &[Bracket]) -> Option<Brackets> {
        let mut list: Vec<(Bracket, Amount)> = Vec::with_capacity(brackets.len());
        for bracket in brackets {
            let rates = !bracket.maintenance.is_negative()
                && bracket.maintenance <= bracket.initial
                && bracket.initial <= Rate::ONE;
            let deduction = match list.last() {
                None => bracket.above.is_zero().then_some(Amount::ZERO)?,
                Some((below, deduction)) => {
                    let rise = bracket.maintenance.checked_sub(below.maintenance)?;
                    let rises = bracket.above > below.above && bracket.initial >= below.initial;
                    (rises && !rise.is_negative()).then_some(())?;
                    *deduction + bracket.above.share(rise, Round::Down)?
                }
            };
            rates.then(|| list.push((*bracket, deduction)))?;
        }
        (!list.is_empty()).then_some(Brackets(list))
    }

    pub(super) fn requirement(&self, notional: Amount, level: Level) -> Option<Amount> {
        let above = self.0.partition_point(|(bracket, _)| bracket.above < notional);
        let (bracket, deduction) = self.0[above.saturating_sub(1)];
        match level {
            Level::Initial => notional.share(bracket.initial, Round::Up),
            Level::Maintenance => Some(notional.share(bracket.maintenance, Round::Up)? - deduction),
        }
    }
}

impl Account {
    /// Whether an order may be sent. One that only reduces a position always may.
    ///
    /// # Errors
    /// What there is too little of.
    pub fn may_place(&self, order: &Proposal) -> Result<(), Refusal> {
        let market = &self.markets[order.market];
        match (market.terms.kind, order.side) {
            (Kind::Spot { base, quote }, Side::Buy) => {
                let paid = self.cost_of(order)?;
                self.check_exchange((quote, paid), (base, order.qty.as_amount()))
            }
            (Kind::Spot { base, quote }, Side::Sell) => {
                let got = order.price.notional(order.qty, Round::Down);
                self.check_exchange((base, order.qty.as_amount()), (quote, got))
            }
            (Kind::Linear { .. } | Kind::Inverse { .. } | Kind::Option { .. }, _)
                if market.is_reduced(order) =>
            {
                Ok(())
            }
            (Kind::Option { settle, .. }, Side::Buy) => {
                let paid = self.cost_of(order)?;
                self.check_exchange((settle, paid), (settle, Amount::ZERO))
            }
            (Kind::Linear { .. } | Kind::Inverse { .. } | Kind::Option { .. }, _) => {
                let needed = self.requirement(Level::Initial, Some(order))?;
                check_margin(needed, self.collateral()?)
            }
        }
    }

    /// Takes note of an order that was sent: it binds what it may cost until it is released.
    ///
    /// # Errors
    /// Quantities beyond their type.
    pub fn reserve(&mut self, order: &Proposal) -> Result<(), Fault> {
        let paid = self.paid_in_advance(order)?;
        let market = &mut self.markets[order.market];
        match order.side {
            Side::Buy => {
                market.buys = market.buys.checked_add(order.qty).ok_or(Fault::TooLarge)?;
                market.buys_value += paid;
            }
            Side::Sell => {
                market.sells = market.sells.checked_add(order.qty).ok_or(Fault::TooLarge)?;
            }
        }
        Ok(())
    }

    /// Releases what an order bound: for the quantity that was filled or is gone, at the price it
    /// was sent with.
    ///
    /// # Errors
    /// Quantities beyond their type.
    pub fn release(&mut self, order: &Proposal) -> Result<(), Fault> {
        let paid = self.paid_in_advance(order)?;
        let market = &mut self.markets[order.market];
        match order.side {
            Side::Buy => {
                market.buys = (market.buys - order.qty).max(Qty::ZERO);
                // Parts are rounded one by one; with the last of them nothing is bound.
                let bound = (market.buys_value - paid).max(Amount::ZERO);
                market.buys_value = if market.buys.is_zero() { Amount::ZERO } else { bound };
            }
            Side::Sell => market.sells = (market.sells - order.qty).max(Qty::ZERO),
        }
        Ok(())
    }

    /// Initial margin of positions, own orders and debts, in the account's currency.
    ///
    /// # Errors
    /// See [`Fault`].
    pub fn initial(&self) -> Result<Amount, Fault> {
        self.requirement(Level::Initial, None)
    }

    /// Maintenance margin of positions and debts, in the account's currency.
    ///
    /// # Errors
    /// See [`Fault`].
    pub fn maintenance(&self) -> Result<Amount, Fault> {
        self.requirement(Level::Maintenance, None)
    }

    /// Equity that counts against margin: at marks, with haircuts, without the worth of options.
    ///
    /// # Errors
    /// See [`Fault`].
    pub fn collateral(&self) -> Result<Amount, Fault> {
        self.collateral_after(&[])
    }

    /// Collateral when totals of assets are changed.
    fn collateral_after(&self, changes: &[(Asset, Amount)]) -> Result<Amount, Fault> {
        let mut sum = Amount::ZERO;
        for (place, holding) in self.holdings.iter().enumerate() {
            let mut total = holding.total;
            for market in &self.markets {
                if market.terms.kind.settle().index() == place && !market.qty.is_zero() {
                    total += market.at_mark()? - market.open;
                }
            }
            let of = |(asset, amount): &(Asset, Amount)| {
                if asset.index() == place { *amount } else { Amount::ZERO }
            };
            total += changes.iter().map(of).sum();
            sum += holding.weighed(total);
        }
        Ok(sum)
    }

    /// Whether giving an amount of one asset for another can be paid and margined.
    fn check_exchange(&self, out: (Asset, Amount), back: (Asset, Amount)) -> Result<(), Refusal> {
        let (asset, paid) = out;
        let Holding { balance, owed, terms, .. } = &self.holdings[asset.index()];
        let left = *balance - *owed - self.bound(asset) - paid;
        if left.is_negative() && -left > terms.borrow {
            return Err(Refusal::Balance(asset));
        }
        let debt_now = self.debt(asset, *balance, Level::Initial);
        let debt = self.debt(asset, left, Level::Initial);
        let needed = self.requirement(Level::Initial, None)? - debt_now + debt;
        if needed.is_zero() {
            return Ok(());
        }
        check_margin(needed, self.collateral_after(&[(asset, -paid), back])?)
    }

    fn requirement(&self, level: Level, order: Option<&Proposal>) -> Result<Amount, Fault> {
        let mut sum = Amount::ZERO;
        for (place, market) in self.markets.iter().enumerate() {
            let more = order.filter(|order| order.market == place);
            let needed = market.requirement(level, more)?;
            sum += self.worth_of(market.terms.kind.settle(), needed);
        }
        for (place, holding) in self.holdings.iter().enumerate() {
            sum += self.debt(Asset(place as u8), holding.balance, level);
        }
        Ok(sum)
    }

    /// Margin for a balance of an asset, if it is negative.
    fn debt(&self, asset: Asset, balance: Amount, level: Level) -> Amount {
        if !balance.is_negative() {
            return Amount::ZERO;
        }
        let terms = &self.holdings[asset.index()].terms;
        let rate = match level {
            Level::Initial => terms.initial,
            Level::Maintenance => terms.maintenance,
        };
        self.worth_of(asset, -balance).share(rate, Round::Up).expect("at most the debt itself")
    }

    /// What own orders would take out of an asset's balance.
    fn bound(&self, asset: Asset) -> Amount {
        let bound = |market: &Market| match market.terms.kind {
            Kind::Spot { base, .. } if base == asset => market.sells.as_amount(),
            Kind::Spot { quote: paid, .. } | Kind::Option { settle: paid, .. } if paid == asset => {
                market.buys_value
            }
            Kind::Spot { .. }
            | Kind::Linear { .. }
            | Kind::Inverse { .. }
            | Kind::Option { .. } => Amount::ZERO,
        };
        self.markets.iter().map(bound).sum()
    }

    /// What an order takes out of a balance when it is filled at its price, without the fee.
    fn paid_in_advance(&self, order: &Proposal) -> Result<Amount, Fault> {
        let kind = self.markets[order.market].terms.kind;
        match (order.side, kind.is_paid()) {
            (Side::Buy, true) => kind.worth(order.price, order.qty, Round::Up),
            (Side::Buy, false) | (Side::Sell, _) => Ok(Amount::ZERO),
        }
    }

    /// What a buy pays in the settling asset, with the fee of the aggressor where that is paid in
    /// the same.
    fn cost_of(&self, order: &Proposal) -> Result<Amount, Fault> {
        let trade = self.check_trade(order.market, order.qty, order.price)?;
        let (fee, asset) = self.fee_of(order.market, &trade, false);
        Ok(if asset == trade.settle { trade.paid + fee } else { trade.paid })
    }
}

impl Market {
    /// Whether an order can only make the position smaller, own resting orders included.
    fn is_reduced(&self, order: &Proposal) -> bool {
        match order.side {
            Side::Buy => self.buys + order.qty <= -self.qty,
            Side::Sell => self.sells + order.qty <= self.qty,
        }
    }

    fn marked(&self) -> Price {
        self.mark.unwrap_or(self.mid)
    }

    /// What the position adds to collateral.
    fn at_mark(&self) -> Result<Amount, Fault> {
        match self.terms.kind {
            Kind::Spot { .. } | Kind::Option { .. } => Ok(Amount::ZERO),
            kind @ (Kind::Linear { .. } | Kind::Inverse { .. }) => {
                Ok(kind.worth(self.marked(), self.qty, Round::Down)? - self.cost)
            }
        }
    }

    /// The requirement in the settling asset; with own orders, and one more, if it is initial.
    fn requirement(&self, level: Level, more: Option<&Proposal>) -> Result<Amount, Fault> {
        let (mut buys, mut sells) = match level {
            Level::Initial => (self.buys, self.sells),
            Level::Maintenance => (Qty::ZERO, Qty::ZERO),
        };
        match more.map(|order| (order.side, order.qty)) {
            None => {}
            Some((Side::Buy, qty)) => buys = buys.checked_add(qty).ok_or(Fault::TooLarge)?,
            Some((Side::Sell, qty)) => sells = sells.checked_add(qty).ok_or(Fault::TooLarge)?,
        }
        let longest = self.qty.checked_add(buys).ok_or(Fault::TooLarge)?;
        let shortest = self.qty.checked_sub(sells).ok_or(Fault::TooLarge)?;
        let worst = longest.abs().max(shortest.abs());
        let needed = match &self.terms.margin {
            Margin::None => Some(Amount::ZERO),
            Margin::Brackets(brackets) => brackets.requirement(self.notional(worst)?, level),
            Margin::Rising { initial, maintenance, slope } => {
                let base = match level {
                    Level::Initial => *initial,
                    Level::Maintenance => *maintenance,
                };
                rising(self.notional(worst)?, self.coins(worst)?, base, *slope)
            }
            Margin::Short { .. } if !shortest.is_negative() => Some(Amount::ZERO),
            Margin::Short { .. } => return self.short(-shortest, level),
        };
        needed.ok_or(Fault::TooLarge)
    }

    /// Worth of a positive quantity, at the mark.
    fn notional(&self, qty: Qty) -> Result<Amount, Fault> {
        if qty.is_zero() {
            return Ok(Amount::ZERO);
        }
        let signed = match self.terms.kind {
            Kind::Inverse { .. } => -qty,
            Kind::Spot { .. } | Kind::Linear { .. } | Kind::Option { .. } => qty,
        };
        Ok(self.terms.kind.worth(self.marked(), signed, Round::Up)?.abs())
    }

    fn coins(&self, qty: Qty) -> Result<Amount, Fault> {
        match self.terms.kind {
            Kind::Inverse { .. } => self.notional(qty),
            kind @ (Kind::Spot { .. } | Kind::Linear { .. } | Kind::Option { .. }) => {
                kind.worth(Price::ONE, qty, Round::Up)
            }
        }
    }

    /// Margin of a short quantity of options.
    fn short(&self, qty: Qty, level: Level) -> Result<Amount, Fault> {
        let Margin::Short { initial, least, maintenance } = self.terms.margin else {
            return Ok(Amount::ZERO);
        };
        let Kind::Option { right, strike, .. } = self.terms.kind else {
            return Ok(Amount::ZERO);
        };
        let index = self.index.ok_or(Fault::Index)?;
        let underlying = self.terms.kind.underlying(qty, Some(index))?;
        let mark = self.notional(qty)?;
        let share = |amount: Amount, rate| amount.share(rate, Round::Up).ok_or(Fault::TooLarge);
        let kept = match right {
            OptionKind::Call => share(underlying, maintenance)?,
            OptionKind::Put => share(underlying, maintenance)?.max(share(mark, maintenance)?),
        };
        if level == Level::Maintenance {
            return Ok(kept + mark);
        }
        let away = match right {
            OptionKind::Call => strike.checked_sub(index),
            OptionKind::Put => index.checked_sub(strike),
        };
        let away = away.ok_or(Fault::TooLarge)?.max(Price::ZERO);
        let (part, whole) = (i128::from(away.raw()), i128::from(index.raw()));
        let away = mul_div(underlying.raw(), part, whole, Round::Down).ok_or(Fault::TooLarge)?;
        let opened = share(underlying, initial)? - Amount::from_raw(away);
        Ok(opened.max(share(underlying, least)?).max(kept) + mark)
    }
}

impl Holding {
    /// What a total counts as collateral: with its haircut, or whole if it is owed.
    fn weighed(&self, total: Amount) -> Amount {
        let value = worth(total, self.price, Round::Down);
        if value.is_negative() {
            return value;
        }
        value.share(self.terms.collateral, Round::Down).expect("at most the value itself")
    }
}

fn check_margin(needed: Amount, held: Amount) -> Result<(), Refusal> {
    if needed > held { Err(Refusal::Margin { needed, held }) } else { Ok(()) }
}

/// `⌈notional · min(base + slope·coins, 1)⌉`.
fn rising(notional: Amount, coins: Amount, base: Rate, slope: Rate) -> Option<Amount> {
    let scaled = i128::from(base.raw()).checked_mul(Amount::ONE.raw())?;
    let rate = scaled.checked_add(coins.raw().checked_mul(slope.raw().into())?)?;
    let whole = i128::from(Rate::ONE.raw()) * Amount::ONE.raw();
    mul_div(notional.raw(), rate.min(whole), whole, Round::Up).map(Amount::from_raw)
}
