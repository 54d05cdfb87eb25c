//! What a market's unit is: what a quantity is worth at a price, and in which asset.
//!
//! | kind | worth of q at p | settles in |
//! |---|---|---|
//! | spot | `q·p` | quote, against base |
//! | linear | `q·size·p` | its margin asset |
//! | inverse | `−q·face/p`, so that `q·face·(1/entry − 1/p)` is its profit | coin |
//! | option | `q·size·p`, p the premium in the settling asset | its margin asset |
//!
//! Inverse: docs of BitMEX, *Inverse Perpetuals Guide*, and of Deribit, *Example (futures)*.
//! Always: one rounding, in the direction that the caller names; nothing beyond [`LARGEST`].

use money::{Amount, Price, Qty, Rate, Round, mul_div};
use pricing::black::OptionKind;

use super::Fault;

/// An asset by its place in the account's list; the first is the account's currency, in which
/// equity and attribution are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Asset(pub u8);

impl Asset {
    /// The account's currency.
    pub const CURRENCY: Asset = Asset(0);

    /// The place in the list.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// What is traded on a market.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Coins for coins; tokens of a pool as well.
    Spot {
        /// What a quantity counts.
        base: Asset,
        /// What a price counts.
        quote: Asset,
    },
    /// A perpetual or future with profit `q·size·(p − entry)`.
    Linear {
        /// The asset of profit, margin and fees.
        settle: Asset,
        /// Base for each unit of quantity, above zero; one where quantities are coins.
        size: Qty,
    },
    /// A perpetual or future with profit `q·face·(1/entry − 1/p)` in coin.
    Inverse {
        /// The coin.
        settle: Asset,
        /// Quote for each unit of quantity, above zero; one where quantities are dollars.
        face: Price,
    },
    /// A European option, its premium paid at once, settled in cash.
    Option {
        /// The asset of premium, margin and fees.
        settle: Asset,
        /// Underlying for each unit of quantity, above zero.
        size: Qty,
        /// Call or put.
        right: OptionKind,
        /// Strike in quote.
        strike: Price,
        /// Whether premium and payoff are in coin: the payoff is over the settlement price.
        in_coin: bool,
    },
}

/// No worth, balance or cost of a market is beyond 2⁷² units of 10⁻⁸.
pub(super) const LARGEST: i128 = 1 << 72;
const SCALE_8: i128 = 100_000_000;

impl Kind {
    /// The asset in which a trade is paid.
    #[inline]
    pub fn settle(&self) -> Asset {
        match *self {
            Kind::Spot { quote, .. } => quote,
            Kind::Linear { settle, .. }
            | Kind::Inverse { settle, .. }
            | Kind::Option { settle, .. } => settle,
        }
    }

    /// What a signed quantity is worth at a price, in the settling asset.
    ///
    /// # Errors
    /// A price that is not above zero on an inverse market; a result beyond the limit.
    #[inline]
    pub(super) fn worth(&self, price: Price, qty: Qty, round: Round) -> Result<Amount, Fault> {
        let worth = match *self {
            Kind::Spot { .. } => price.notional(qty, round),
            Kind::Linear { size, .. } | Kind::Option { size, .. } if size == Qty::ONE => {
                price.notional(qty, round)
            }
            Kind::Linear { size, .. } | Kind::Option { size, .. } => {
                let units = i128::from(price.raw()) * i128::from(qty.raw());
                let worth = mul_div(units, size.raw().into(), SCALE_8 * SCALE_8, round);
                Amount::from_raw(worth.ok_or(Fault::TooLarge)?)
            }
            Kind::Inverse { face, .. } => inverse(price, qty, face, round)?,
        };
        if worth.raw().unsigned_abs() > LARGEST.unsigned_abs() {
            return Err(Fault::TooLarge);
        }
        Ok(worth)
    }

    /// `⌈rate · notional⌉` of a signed quantity: funding that its holder pays. Zero where there is
    /// no funding.
    pub(super) fn funding(&self, rate: Rate, price: Price, qty: Qty) -> Result<Amount, Fault> {
        let (qty, rate) = (i128::from(qty.raw()), i128::from(rate.raw()));
        let (price, up) = (i128::from(price.raw()), Round::Up);
        let paid = match *self {
            Kind::Spot { .. } | Kind::Option { .. } => Some(0),
            Kind::Linear { size, .. } => {
                let scale = SCALE_8 * 1_000_000_000_000 * SCALE_8;
                mul_div(price * qty, rate * i128::from(size.raw()), scale, up)
            }
            Kind::Inverse { .. } if price <= 0 => return Err(Fault::Price),
            Kind::Inverse { face, .. } => {
                mul_div(qty * i128::from(face.raw()), rate, price * 1_000_000_000_000, up)
            }
        };
        let paid = paid.filter(|paid| paid.unsigned_abs() <= LARGEST.unsigned_abs());
        paid.map(Amount::from_raw).ok_or(Fault::TooLarge)
    }

    /// The price at which a position settles when its underlying is worth `price`.
    pub(super) fn settlement(&self, price: Price) -> Result<Price, Fault> {
        match *self {
            Kind::Spot { .. } | Kind::Linear { .. } | Kind::Inverse { .. } => Ok(price),
            Kind::Option { right, strike, in_coin, .. } => {
                let paid = match right {
                    OptionKind::Call => price.checked_sub(strike),
                    OptionKind::Put => strike.checked_sub(price),
                };
                let paid = paid.ok_or(Fault::TooLarge)?.max(Price::ZERO);
                if !in_coin {
                    return Ok(paid);
                }
                if !price.is_positive() {
                    return Err(Fault::Price);
                }
                let coins = mul_div(paid.raw().into(), SCALE_8, price.raw().into(), Round::Down);
                let coins = coins.and_then(|coins| i64::try_from(coins).ok());
                coins.map(Price::from_raw).ok_or(Fault::TooLarge)
            }
        }
    }

    /// The underlying of a quantity in the settling asset, for fees and margin of options.
    pub(super) fn underlying(&self, qty: Qty, index: Option<Price>) -> Result<Amount, Fault> {
        match *self {
            Kind::Spot { .. } | Kind::Linear { .. } | Kind::Inverse { .. } => Ok(Amount::ZERO),
            Kind::Option { in_coin: true, .. } => self.worth(Price::ONE, qty, Round::Up),
            Kind::Option { in_coin: false, .. } => {
                self.worth(index.ok_or(Fault::Index)?, qty, Round::Up)
            }
        }
    }

    /// The average price that a cost (as [`Kind::worth`]) means for a quantity.
    pub(super) fn average(&self, qty: Qty, cost: Amount) -> Option<Price> {
        let (qty, cost, down) = (i128::from(qty.raw()), cost.raw(), Round::Down);
        let price = match *self {
            Kind::Spot { .. } => mul_div(cost, SCALE_8, qty, down),
            Kind::Linear { size, .. } | Kind::Option { size, .. } => {
                mul_div(cost, SCALE_8 * SCALE_8, qty * i128::from(size.raw()), down)
            }
            Kind::Inverse { face, .. } => mul_div(qty, face.raw().into(), -cost, down),
        };
        price.and_then(|price| i64::try_from(price).ok()).map(Price::from_raw)
    }

    /// Whether the position's worth is paid for when it is opened, rather than margined.
    pub(super) fn is_paid(&self) -> bool {
        match self {
            Kind::Spot { .. } | Kind::Option { .. } => true,
            Kind::Linear { .. } | Kind::Inverse { .. } => false,
        }
    }

    /// Whether its numbers are in range, its assets on a list of that length.
    pub(super) fn is_sound(&self, assets: usize) -> bool {
        // A unit of 10⁸ coins keeps every product of three within 128 bits.
        let unit = |raw: i64| raw > 0 && raw <= 10_000_000_000_000_000;
        match *self {
            Kind::Spot { base, quote } => {
                base != quote
                    && base != Asset::CURRENCY
                    && base.index() < assets
                    && quote.index() < assets
            }
            Kind::Linear { settle, size } => settle.index() < assets && unit(size.raw()),
            Kind::Inverse { settle, face } => settle.index() < assets && unit(face.raw()),
            Kind::Option { settle, size, strike, .. } => {
                settle.index() < assets && unit(size.raw()) && strike.is_positive()
            }
        }
    }
}

#[inline]
fn inverse(price: Price, qty: Qty, face: Price, round: Round) -> Result<Amount, Fault> {
    if !price.is_positive() {
        return Err(Fault::Price);
    }
    let worth = mul_div(-i128::from(qty.raw()), face.raw().into(), price.raw().into(), round);
    worth.map(Amount::from_raw).ok_or(Fault::TooLarge)
}
