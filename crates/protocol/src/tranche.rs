//! How much of a position is liquidated through the book in one block, how far from the mark, and
//! for which fee. Values in, values out.
//!
//! Rule L-7: a position's stake is the part of the account's equity that its requirement is of the
//! whole requirement, ⌊·⌋; its bankruptcy price is mark ∓ ⌊stake/|q|⌋, where closing it uses up the
//! stake. Rule L-8: the limit is the bankruptcy price, within the band around the index; one that
//! opens with the shortfall is the fillable price. Rule L-9: a tranche closes shortage/(margin −
//! fee) of notional, of aged depth at most a share, of a small position everything. Rule L-10: the
//! fee is never more than what the trade left of the stake of the closed part.
//! Source: dYdX v4 (`x/clob/keeper/liquidations.go`), Drift v2 (size), Vega (share of the book).
//!
//! What always holds: closing c of q within the limit costs at most c/q of the stake, fee included.
//! So, but for a unit, equity/requirement does not fall, and equity of zero or more stays so.

use money::{Amount, Price, Qty, Rate, Round, div_i128, mul_div};

use crate::ids::{Lots, Side};
use crate::margin::Health;

/// A position under liquidation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stake {
    /// The signed position, not zero.
    pub position: Qty,
    /// The price at which equity values it.
    pub mark: Price,
    /// The equity that belongs to it; negative where the account's is.
    pub equity: Amount,
}

/// What a tranche is measured by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closing {
    /// The most that may be closed: the position, or its naked or hedged part.
    pub closable: Lots,
    /// The market's lot.
    pub lot: Qty,
    /// The mark.
    pub mark: Price,
    /// Initial requirement less equity.
    pub shortage: Amount,
    /// Lots within the limit on the other side of the book that have rested long enough.
    pub depth: Lots,
}

/// The parameters of a tranche.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// Requirement that closing a unit of notional frees.
    pub margin: Rate,
    /// Liquidation fee on a unit of notional.
    pub fee: Rate,
    /// The largest part of aged depth that one block takes.
    pub depth_share: Rate,
    /// A closable notional below this is closed whole.
    pub whole_below: Amount,
}

/// How the fillable price opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opening {
    /// Part of the spread for each unit of equity/requirement below one.
    pub pace: Rate,
    /// The full spread as a multiple of the position's maintenance margin.
    pub spread: Rate,
}

/// The equity that belongs to a position (rule L-7): all of it where nothing is required.
pub fn share_of_equity(equity: Amount, requirement: Amount, total: Amount) -> Amount {
    equity.portion(requirement, total, Round::Down).unwrap_or(equity)
}

impl Stake {
    /// The side of the order that closes the position.
    pub fn side(&self) -> Side {
        if self.position.is_negative() { Side::Buy } else { Side::Sell }
    }

    /// The price at which closing the position leaves nothing of its stake (rule L-7), rounded
    /// towards the mark; the smallest or largest price where none does.
    pub fn bankruptcy_price(&self) -> Price {
        self.price_at(self.equity)
    }

    /// The worst price of an order that closes the position: its bankruptcy price within `band` of
    /// the index (rule L-8).
    pub fn limit(&self, index: Price, band: Rate) -> Price {
        let bankruptcy = self.bankruptcy_price();
        match self.side() {
            Side::Sell => {
                let floor = index.offset(-band, Round::Up).expect("a band below one");
                bankruptcy.max(floor)
            }
            Side::Buy => bankruptcy.min(index.offset(band, Round::Down).unwrap_or(Price::MAX)),
        }
    }

    /// The price down or up to which an account in such health offers the position (rule L-8): the
    /// mark ∓ pace·(1 − equity/requirement)·spread·`margin`/|q|, where `margin` is the position's
    /// own maintenance requirement and pace·(1 − equity/requirement) lies between zero and one.
    /// Every step is rounded towards the mark.
    pub fn fillable_price(&self, margin: Amount, health: Health, how: Opening) -> Price {
        let sound = health.equity.ratio(health.requirement, Round::Up).unwrap_or(Rate::ONE);
        let short = Rate::ONE - sound.max(Rate::ZERO).min(Rate::ONE);
        let open = how.pace.times(short, Round::Down).unwrap_or(Rate::ONE).min(Rate::ONE);
        let reach = margin.share(open, Round::Down).and_then(|r| r.share(how.spread, Round::Down));
        self.price_at(reach.unwrap_or(margin))
    }

    /// The liquidation fee on closing `closed` (positive) for `traded` in quote (rule L-10).
    pub fn fee(&self, closed: Qty, traded: Amount, rate: Rate) -> Amount {
        let whole = self.position.abs().as_amount();
        let stake = self.equity.portion(closed.as_amount(), whole, Round::Down);
        let stake = stake.expect("a part of the stake");
        let lost = match self.side() {
            Side::Sell => self.mark.notional(closed, Round::Up) - traded,
            Side::Buy => traded - self.mark.notional(closed, Round::Down),
        };
        let fee = traded.share(rate, Round::Up).expect("a fee is smaller than its notional");
        fee.min(stake - lost).max(Amount::ZERO)
    }

    /// The mark less (of a long) or plus (of a short) so much for the whole position.
    fn price_at(&self, reach: Amount) -> Price {
        let one = i128::from(Price::ONE.raw());
        let size = i128::from(self.position.abs().raw());
        let largest = i128::from(Price::MAX.raw());
        let farthest = if reach.is_negative() { -largest } else { largest };
        let reach = mul_div(reach.raw(), one, size, Round::Down).unwrap_or(farthest);
        let towards = i128::from(self.side().sign());
        let price = reach.clamp(-largest, largest) * towards + i128::from(self.mark.raw());
        Price::from_raw(i64::try_from(price.clamp(1, largest)).expect("clamped to a price"))
    }
}

/// How many lots to close in one block (rule L-9): none without a shortage, else at least one.
pub fn lots(closing: Closing, terms: Terms) -> Lots {
    if !closing.shortage.is_positive() || closing.closable.0 == 0 {
        return Lots(0);
    }
    let lot = i128::from(closing.lot.raw());
    let closable = i128::from(closing.closable.0);
    let qty = i64::try_from(closable * lot).expect("a position fits its type");
    if closing.mark.notional(Qty::from_raw(qty), Round::Up) < terms.whole_below {
        return closing.closable;
    }
    let wanted = wanted(closing, terms).unwrap_or(closing.closable);
    let depth = Amount::from_raw(i128::from(closing.depth.0));
    let taken = depth.share(terms.depth_share, Round::Down).unwrap_or(depth);
    let taken = u64::try_from(taken.raw()).unwrap_or(closing.depth.0);
    Lots(wanted.0.min(taken).max(1)).min(closing.closable)
}

/// The lots whose notional is shortage/(margin − fee), rounded up; `None` where the fee eats what
/// closing frees, or where they do not fit.
fn wanted(closing: Closing, terms: Terms) -> Option<Lots> {
    let relief = terms.margin.checked_sub(terms.fee).filter(|relief| relief.is_positive())?;
    let one = i128::from(Rate::ONE.raw());
    let notional = mul_div(closing.shortage.raw(), one, i128::from(relief.raw()), Round::Up)?;
    let qty = Amount::from_raw(notional).buys(closing.mark, Round::Up)?;
    u64::try_from(div_i128(i128::from(qty.raw()), i128::from(closing.lot.raw()), Round::Up)?)
        .ok()
        .map(Lots)
}

#[cfg(test)]
mod tests;
