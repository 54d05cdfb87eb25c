//! Charges for the size of a position in the margin of an account (rule R-7).

use money::{Amount, Round};

use super::{Change, Level, State, open_qty};
use crate::ids::{AccountId, MarketId, Side};
use crate::margin::size_charge;
use crate::market::Market;

/// Units of an amount in one of its wholes.
const SCALE: i128 = Amount::ONE.raw();

impl State {
    /// The charges for the size of an account's positions; initial: with the orders of the worse
    /// direction filled.
    pub(super) fn size_charges(&self, account: AccountId, level: Level, change: Change) -> Amount {
        let of = |(market, id): (&Market, MarketId)| {
            let entry = market.entry(account);
            let lots = match level {
                Level::Maintenance => [0; 2],
                Level::Initial => [
                    entry.bid_lots + change.lots(id, Side::Buy),
                    entry.ask_lots + change.lots(id, Side::Sell),
                ],
            };
            if entry.position.is_zero() && lots == [0; 2] {
                return Amount::ZERO;
            }
            let [long, short] = [
                entry.position + open_qty(market, lots[0]),
                entry.position - open_qty(market, lots[1]),
            ];
            let base = market.params.base;
            let notional =
                self.oracle.index(base).price.notional(long.abs().max(short.abs()), Round::Up);
            let margin = self.charges[base.index()][level.index()].margin;
            size_charge(notional, margin, &market.params.rules)
        };
        self.perpetuals().map(of).sum()
    }

    /// More than the charge for a notional at 10⁻¹⁶, at 10⁻¹⁶.
    pub(super) fn bounded_size(
        &self,
        market: &Market,
        notional: i128,
        level: Level,
    ) -> Option<i128> {
        let flat = market.params.rules.envelope.flat.raw().checked_mul(SCALE)?;
        if notional <= flat {
            return Some(0);
        }
        let margin = self.charges[market.params.base.index()][level.index()].margin;
        let whole = Amount::from_raw(notional / SCALE + 1);
        size_charge(whole, margin, &market.params.rules).raw().checked_mul(SCALE)
    }
}

/// What a position of a notional at 10⁻¹⁶ counts as exposure beyond its margin (rule R-5): where it
/// is charged for its size, or will be before the account is looked at again, requirement moves by
/// at most twice the whole.
pub(super) fn size_exposure(market: &Market, notional: i128) -> Option<i128> {
    let flat = market.params.rules.envelope.flat.raw().checked_mul(SCALE)?;
    let grown = notional.checked_add(notional / 3)?;
    Some(if grown <= flat { 0 } else { notional })
}
