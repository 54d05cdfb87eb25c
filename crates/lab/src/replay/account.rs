//! One venue's account over several markets and assets: what it holds, owes, earned and why.
//!
//! All sums are integers at 10⁻⁸. An asset's total is its balance, less interest owed, plus what
//! open positions that settle in it are worth beyond their cost; its value is `⌊total · price⌋` in
//! the account's currency, and equity is the sum of the values. Positions and assets are valued at
//! the middle of the market without own impact. Every operation books the *change of equity* that
//! it made under one cause after the other ([`Ledger`]), so `equity − deposited` and the ledger's
//! total are equal, whatever is rounded.
//!
//! What is paid is rounded up and what is worth something down, once for each trade. A future
//! keeps its cost; closing releases a share of it: `realised = −(cost·closed/qty) − paid`.
//! Interest is simple, by whole seconds of a year of 365 days, `⌈Σ debt·seconds·rate/year⌉`.

mod contract;
mod ledger;
mod trade;
mod margin;
mod forced;

pub use contract::{Asset, Kind};
pub use forced::Forced;
pub use ledger::{Cause, Ledger};
pub use margin::{Bracket, Brackets, Margin, Proposal, Refusal};

use money::{Amount, Price, Qty, Rate, Round, Span, Time, mul_div};
use protocol::ids::Side;

use super::fees::{Schedule, Turnover};
use contract::LARGEST;

/// Why an operation was not done; the account is as it was before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// A price of zero or below where one is divided by.
    #[error("a price of an inverse contract, a coin option or an asset is not above zero")]
    Price,
    /// An amount beyond 2⁷² units, or a quantity beyond its type.
    #[error("a position or balance is beyond 47 trillion units; check the units of the tape")]
    TooLarge,
    /// An option without a price of its underlying.
    #[error("the price of the option's underlying is not known yet; give the market an index")]
    Index,
    /// An asset without a price.
    #[error("the asset that is settled in has no price yet; a spot market or `price` gives it one")]
    NoPrice,
    /// A rate beyond 100 %.
    #[error("a funding rate is beyond 100 %; rates are given as 0.0001 for a basis point")]
    FundingRate,
    /// No assets, too many, terms outside 0 to 100 % (interest 0 to 1000 %), or a market whose
    /// assets or unit are not among them; holds its place.
    #[error("asset or market {0} is not sound: its terms, its unit or its assets are out of range")]
    Terms(usize),
}

/// What the venue makes of an asset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AssetTerms {
    /// Interest a year on a negative balance, 0 to 10.
    pub interest: Rate,
    /// Most that a balance may be negative; zero forbids borrowing.
    pub borrow: Amount,
    /// Share of its value that counts as collateral, 0 to 1.
    pub collateral: Rate,
    /// Initial margin for each unit of value borrowed.
    pub initial: Rate,
    /// Maintenance margin for each unit of value borrowed.
    pub maintenance: Rate,
}

impl AssetTerms {
    /// Cash that counts whole and cannot be borrowed.
    pub const CASH: AssetTerms = AssetTerms {
        interest: Rate::ZERO,
        borrow: Amount::ZERO,
        collateral: Rate::ONE,
        initial: Rate::ZERO,
        maintenance: Rate::ZERO,
    };
}

/// One market of the account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MarketTerms {
    /// What is traded.
    pub kind: Kind,
    /// What a trade costs.
    pub fees: Schedule,
    /// What settlement costs, by its taker rate.
    pub delivery: Schedule,
    /// What being liquidated costs, by its taker rate.
    pub liquidation: Schedule,
    /// What a position must hold.
    pub margin: Margin,
}

/// A fill of an own order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fill {
    /// The place of the market in the account's list.
    pub market: usize,
    /// Direction of the own order.
    pub side: Side,
    /// Price.
    pub price: Price,
    /// Quantity, above zero.
    pub qty: Qty,
    /// Whether it was the resting side.
    pub maker: bool,
    /// Middle of the recorded market, as if it had not been traded on.
    pub mid: Price,
    /// The same middle as own earlier trades had moved it; equal to `mid` without impact.
    pub moved: Price,
}

/// A fee that was charged; negative for a rebate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fee {
    /// In which asset.
    pub asset: Asset,
    /// How much of it.
    pub amount: Amount,
    /// What equity fell by, in the account's currency.
    pub value: Amount,
}

/// An asset of the account.
#[derive(Clone, Debug)]
struct Holding {
    terms: AssetTerms,
    /// In the account's currency; zero until known.
    price: Price,
    balance: Amount,
    /// Interest owed.
    owed: Amount,
    /// Debt times seconds since interest was last paid, 10⁻⁸ units · s.
    debt_seconds: i128,
    /// Balance, less what is owed, plus the open worth of positions settled in it.
    total: Amount,
    /// The total in the account's currency.
    value: Amount,
}

/// A market of the account.
#[derive(Clone, Debug)]
struct Market {
    terms: MarketTerms,
    tier: usize,
    /// Middle last seen; zero until known.
    mid: Price,
    mark: Option<Price>,
    index: Option<Price>,
    qty: Qty,
    /// Paid for `qty`, in the settling asset.
    cost: Amount,
    realised: Amount,
    /// What the position adds to the total of its settling asset; zero for spot.
    open: Amount,
    /// Quantities of own resting orders, and what its buys would pay.
    buys: Qty,
    sells: Qty,
    buys_value: Amount,
}

/// An account at one venue.
#[derive(Clone, Debug)]
pub struct Account {
    holdings: Vec<Holding>,
    markets: Vec<Market>,
    turnover: Turnover,
    equity: Amount,
    deposited: Amount,
    ledger: Ledger,
    /// The second up to which interest is counted.
    second: u64,
}

impl Account {
    /// An empty account; the first asset is its currency. `turnover` is its volume before.
    ///
    /// # Errors
    /// [`Fault::Terms`] with the place of the asset or market that is out of range.
    pub fn new(
        assets: &[AssetTerms],
        markets: Vec<MarketTerms>,
        turnover: Turnover,
        now: Time,
    ) -> Result<Account, Fault> {
        if assets.is_empty() || assets.len() > usize::from(u8::MAX) {
            return Err(Fault::Terms(assets.len()));
        }
        let mut holdings = Vec::with_capacity(assets.len());
        for (place, terms) in assets.iter().enumerate() {
            if !terms.is_sound() {
                return Err(Fault::Terms(place));
            }
            let price = if place == 0 { Price::ONE } else { Price::ZERO };
            holdings.push(Holding::new(*terms, price));
        }
        let mut account = Account {
            holdings,
            markets: Vec::with_capacity(markets.len()),
            turnover,
            equity: Amount::ZERO,
            deposited: Amount::ZERO,
            ledger: Ledger::default(),
            second: now.nanos() / Span::SECOND.nanos(),
        };
        for (place, terms) in markets.into_iter().enumerate() {
            if !terms.kind.is_sound(assets.len()) {
                return Err(Fault::Terms(place));
            }
            account.markets.push(Market::new(terms, &account.turnover));
        }
        Ok(account)
    }

    /// Credits what comes from outside, or debits what goes there: no profit.
    ///
    /// # Errors
    /// An asset without a price, or an amount beyond the limit.
    pub fn deposit(&mut self, asset: Asset, amount: Amount, now: Time) -> Result<(), Fault> {
        self.accrue(now);
        if self.holdings[asset.index()].price.is_zero() {
            return Err(Fault::NoPrice);
        }
        self.check_room(asset, amount)?;
        self.holdings[asset.index()].balance += amount;
        let change = self.revalued(asset, amount);
        self.deposited += change;
        self.repay(asset);
        Ok(())
    }

    /// Takes note of the middle of a market, as if own orders had not moved it: all that is held
    /// there is valued at it from now on.
    ///
    /// # Errors
    /// A price that is not above zero where one is needed, or a worth beyond the limit.
    #[inline]
    pub fn see(&mut self, market: usize, mid: Price) -> Result<(), Fault> {
        let seen = &mut self.markets[market];
        match seen.terms.kind {
            Kind::Spot { base, quote } => {
                let price = self.crossed(mid, quote)?;
                self.markets[market].mid = mid;
                self.price(base, price)
            }
            kind @ (Kind::Linear { .. } | Kind::Inverse { .. } | Kind::Option { .. }) => {
                if seen.qty.is_zero() || seen.mid == mid {
                    seen.mid = mid;
                    return Ok(());
                }
                let cost = if kind.is_paid() { Amount::ZERO } else { seen.cost };
                let open = kind.worth(mid, seen.qty, Round::Down)? - cost;
                let change = open - seen.open;
                (seen.mid, seen.open) = (mid, open);
                self.shift(kind.settle(), change, Cause::PriceMoves);
                Ok(())
            }
        }
    }

    /// Sets what an asset is worth in the account's currency; spot markets do so by themselves.
    ///
    /// # Errors
    /// A price that is not above zero.
    pub fn price(&mut self, asset: Asset, price: Price) -> Result<(), Fault> {
        if !price.is_positive() || asset == Asset::CURRENCY {
            return Err(Fault::Price);
        }
        let holding = &mut self.holdings[asset.index()];
        if holding.price == price {
            return Ok(());
        }
        holding.price = price;
        self.shift(asset, Amount::ZERO, Cause::PriceMoves);
        Ok(())
    }

    /// Sets the mark price, by which margin is counted; without one it is the middle.
    ///
    /// # Errors
    /// A mark of an inverse contract that is not above zero.
    #[inline]
    pub fn mark(&mut self, market: usize, mark: Price) -> Result<(), Fault> {
        let market = &mut self.markets[market];
        market.terms.kind.worth(mark, market.qty, Round::Down)?;
        market.mark = Some(mark);
        Ok(())
    }

    /// Sets the price of what an option is on.
    ///
    /// # Errors
    /// A price that is not above zero.
    #[inline]
    pub fn index(&mut self, market: usize, index: Price) -> Result<(), Fault> {
        if !index.is_positive() {
            return Err(Fault::Price);
        }
        self.markets[market].index = Some(index);
        Ok(())
    }

    /// Books a fill and its fee.
    ///
    /// # Errors
    /// See [`Fault`].
    pub fn fill(&mut self, fill: &Fill, now: Time) -> Result<Fee, Fault> {
        self.accrue(now);
        self.see(fill.market, fill.mid)?;
        let trade = self.check_fill(fill)?;
        self.commit_trade(fill.market, &trade, Cause::Spread);
        let fee = self.charge(fill.market, &trade, fill.maker);
        if self.turnover.add(now, self.worth_of(trade.settle, trade.paid.abs())) {
            for market in &mut self.markets {
                market.tier = market.terms.fees.tier(&self.turnover);
            }
        }
        for asset in [trade.settle, fee.asset] {
            self.repay(asset);
        }
        Ok(fee)
    }

    /// Pays or receives funding at a rate on the position's notional at `price` (mark or index,
    /// as the venue does); what was paid, in the settling asset.
    ///
    /// # Errors
    /// A rate beyond 100 % or a price that is not above zero.
    pub fn fund(
        &mut self,
        market: usize,
        rate: Rate,
        price: Price,
        now: Time,
    ) -> Result<Amount, Fault> {
        if rate.raw().unsigned_abs() > Rate::ONE.raw().unsigned_abs() {
            return Err(Fault::FundingRate);
        }
        self.accrue(now);
        let Market { terms, qty, .. } = &self.markets[market];
        let (kind, paid) = (terms.kind, terms.kind.funding(rate, price, *qty)?);
        self.check_room(kind.settle(), paid)?;
        self.pay(kind.settle(), paid, Cause::Funding);
        self.repay(kind.settle());
        Ok(paid)
    }

    /// Settles what is held on a market whose underlying ended at `price`: a future at it, an
    /// option at its payoff. The fee of delivery, if something was held.
    ///
    /// # Errors
    /// See [`Fault`].
    pub fn settle(&mut self, market: usize, price: Price, now: Time) -> Result<Fee, Fault> {
        self.accrue(now);
        let Market { terms, qty, .. } = &self.markets[market];
        let (kind, held) = (terms.kind, *qty);
        let none = Fee { asset: kind.settle(), amount: Amount::ZERO, value: Amount::ZERO };
        if held.is_zero() || matches!(kind, Kind::Spot { .. }) {
            return Ok(none);
        }
        let paid = kind.settlement(price)?;
        self.index(market, price)?;
        self.see(market, paid)?;
        let trade = self.check_trade(market, -held, paid)?;
        self.commit_trade(market, &trade, Cause::PriceMoves);
        let schedule = &self.markets[market].terms.delivery;
        let amount = schedule.fee(0, false, trade.charged);
        let value = self.pay(trade.settle, amount, Cause::TakerFees);
        self.repay(trade.settle);
        Ok(Fee { asset: trade.settle, amount, value })
    }

    /// Counts interest up to the last whole second; every other operation does so first.
    #[inline]
    pub fn accrue(&mut self, now: Time) {
        let second = now.nanos() / Span::SECOND.nanos();
        if second <= self.second {
            return;
        }
        let elapsed = i128::from(second - self.second);
        self.second = second;
        for place in 0..self.holdings.len() {
            let holding = &mut self.holdings[place];
            if holding.balance.is_negative() && !holding.terms.interest.is_zero() {
                holding.debt_seconds += -holding.balance.raw() * elapsed;
                let rate = i128::from(holding.terms.interest.raw());
                let owed = mul_div(holding.debt_seconds, rate, YEAR, Round::Up);
                let owed = Amount::from_raw(owed.expect("a debt of 2^72 for 500 years fits"));
                let change = holding.owed - owed;
                holding.owed = owed;
                self.shift(Asset(place as u8), change, Cause::Borrow);
            }
        }
    }

    /// All that the account is worth at the middles of the markets, in its currency.
    #[inline]
    pub fn equity(&self) -> Amount {
        self.equity
    }

    /// What came from outside, valued when it came; equity less this is [`Ledger::total`].
    pub fn deposited(&self) -> Amount {
        self.deposited
    }

    /// Profit by cause.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// The balance of an asset, without open profit and interest owed.
    pub fn balance(&self, asset: Asset) -> Amount {
        self.holdings[asset.index()].balance
    }

    /// What is held on a market: for spot the balance of base, else contracts, short negative.
    #[inline]
    pub fn position(&self, market: usize) -> Qty {
        let market = &self.markets[market];
        match market.terms.kind {
            Kind::Spot { base, .. } => {
                let raw = self.holdings[base.index()].balance.raw();
                Qty::from_raw(raw.clamp(-(i64::MAX as i128), i64::MAX as i128) as i64)
            }
            Kind::Linear { .. } | Kind::Inverse { .. } | Kind::Option { .. } => market.qty,
        }
    }

    /// Average price of what was traded on a market and is still open; `None` when nothing is.
    pub fn entry(&self, market: usize) -> Option<Price> {
        let market = &self.markets[market];
        if market.qty.is_zero() {
            return None;
        }
        market.terms.kind.average(market.qty, market.cost)
    }

    /// Profit of what was closed on a market, without fees and funding, in the settling asset.
    pub fn realised(&self, market: usize) -> Amount {
        self.markets[market].realised
    }

    /// Profit of what is still open of the trades on a market, in the settling asset.
    ///
    /// # Errors
    /// A worth beyond the limit.
    pub fn unrealised(&self, market: usize) -> Result<Amount, Fault> {
        let market = &self.markets[market];
        if market.qty.is_zero() {
            return Ok(Amount::ZERO);
        }
        Ok(market.terms.kind.worth(market.mid, market.qty, Round::Down)? - market.cost)
    }
}

/// 10¹² times the seconds of a year.
const YEAR: i128 = 1_000_000_000_000 * 31_536_000;

impl Account {
    /// Takes an amount out of a balance; what equity fell by.
    fn pay(&mut self, asset: Asset, amount: Amount, cause: Cause) -> Amount {
        self.holdings[asset.index()].balance -= amount;
        -self.shift(asset, -amount, cause)
    }

    /// Changes the total of an asset and books the change of equity.
    #[inline]
    fn shift(&mut self, asset: Asset, amount: Amount, cause: Cause) -> Amount {
        let change = self.revalued(asset, amount);
        self.ledger.add(cause, change);
        change
    }

    #[inline]
    fn revalued(&mut self, asset: Asset, amount: Amount) -> Amount {
        let holding = &mut self.holdings[asset.index()];
        holding.total += amount;
        let value = match asset {
            Asset::CURRENCY => holding.total,
            Asset(_) => worth(holding.total, holding.price, Round::Down),
        };
        let change = value - holding.value;
        holding.value = value;
        self.equity += change;
        change
    }

    /// Pays interest out of a balance that is no longer negative.
    #[inline]
    fn repay(&mut self, asset: Asset) {
        let holding = &mut self.holdings[asset.index()];
        if holding.debt_seconds != 0 && !holding.balance.is_negative() {
            holding.balance -= holding.owed;
            (holding.owed, holding.debt_seconds) = (Amount::ZERO, 0);
        }
    }

    /// An amount of an asset in the account's currency, rounded up.
    fn worth_of(&self, asset: Asset, amount: Amount) -> Amount {
        match asset {
            Asset::CURRENCY => amount,
            Asset(_) => worth(amount, self.holdings[asset.index()].price, Round::Up),
        }
    }

    /// A price in `quote` as one in the account's currency.
    fn crossed(&self, price: Price, quote: Asset) -> Result<Price, Fault> {
        if quote == Asset::CURRENCY {
            return Ok(price);
        }
        let rate = self.holdings[quote.index()].price;
        if rate.is_zero() {
            return Err(Fault::NoPrice);
        }
        let price = rate.notional(Qty::from_raw(price.raw()), Round::Down);
        i64::try_from(price.raw()).map(Price::from_raw).map_err(|_| Fault::TooLarge)
    }

    /// Whether an asset's total stays where its value surely fits.
    #[inline]
    fn check_room(&self, asset: Asset, amount: Amount) -> Result<(), Fault> {
        let Holding { total, balance, .. } = &self.holdings[asset.index()];
        let held = total.raw().unsigned_abs().max(balance.raw().unsigned_abs());
        let room = LARGEST.unsigned_abs().saturating_sub(held);
        if amount.raw().unsigned_abs() > room { Err(Fault::TooLarge) } else { Ok(()) }
    }
}

impl AssetTerms {
    fn is_sound(&self) -> bool {
        let share = |rate: Rate| !rate.is_negative() && rate <= Rate::ONE;
        let interest = !self.interest.is_negative() && self.interest.raw() <= 10 * Rate::ONE.raw();
        let borrow = !self.borrow.is_negative() && self.borrow.raw() <= LARGEST;
        let margin = share(self.initial) && share(self.maintenance);
        interest && borrow && margin && share(self.collateral)
    }
}

impl Holding {
    fn new(terms: AssetTerms, price: Price) -> Holding {
        let (balance, owed, debt_seconds) = (Amount::ZERO, Amount::ZERO, 0);
        let (total, value) = (Amount::ZERO, Amount::ZERO);
        Holding { terms, price, balance, owed, debt_seconds, total, value }
    }
}

impl Market {
    fn new(terms: MarketTerms, turnover: &Turnover) -> Market {
        Market {
            tier: terms.fees.tier(turnover),
            terms,
            mid: Price::ZERO,
            mark: None,
            index: None,
            qty: Qty::ZERO,
            cost: Amount::ZERO,
            realised: Amount::ZERO,
            open: Amount::ZERO,
            buys: Qty::ZERO,
            sells: Qty::ZERO,
            buys_value: Amount::ZERO,
        }
    }
}

/// An amount of an asset at its price.
#[inline]
fn worth(amount: Amount, price: Price, round: Round) -> Amount {
    match i64::try_from(amount.raw()) {
        Ok(raw) => price.notional(Qty::from_raw(raw), round),
        Err(_) => {
            let raw = mul_div(amount.raw(), price.raw().into(), Amount::ONE.raw(), round);
            Amount::from_raw(raw.expect("a total is checked to be far within 2^91"))
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
