//! Charges of each position in the margin of an account: for its size (rule R-7), and of a dated
//! future for its basis (rule X-6).
//!
//! Always holds: with the margin of rule R-1 a position is charged at most the whole.

use money::{Amount, Price, Qty, Rate, Round};

use super::{Change, Level, State, open_qty};
use crate::ids::{AccountId, MarketId, Side};
use crate::margin::{basis_charge, size_charge};
use crate::market::Market;

/// Units of an amount in one of its wholes.
const SCALE: i128 = Amount::ONE.raw();

impl State {
    /// What a unit of a dated future is charged for its basis (rule X-6): nothing of a perpetual.
    pub(crate) fn spread(&self, market: &Market, level: Level) -> Rate {
        let Some(future) = market.future() else { return Rate::ZERO };
        let spread = match level {
            Level::Initial => future.spread_initial,
            Level::Maintenance => future.spread_maintenance,
        };
        let margin = self.charges[market.params.base.index()][level.index()].margin;
        spread.min(Rate::ONE - margin)
    }

    /// The charges for the size of an account's positions and for the basis of its futures;
    /// initial: with the orders of the worse direction filled.
    pub(super) fn size_charges(&self, account: AccountId, level: Level, change: Change) -> Amount {
        let of = |(market, id): (&Market, MarketId)| {
            let entry = market.entry(account);
            let lots = if change.counts_orders(level) {
                [
                    entry.bid_lots + change.lots(id, Side::Buy),
                    entry.ask_lots + change.lots(id, Side::Sell),
                ]
            } else {
                [0; 2]
            };
            let position = entry.position + change.filled(market, id);
            if position.is_zero() && lots == [0; 2] {
                return Amount::ZERO;
            }
            let [long, short] =
                [position + open_qty(market, lots[0]), position - open_qty(market, lots[1])];
            self.position_charge(market, long.abs().max(short.abs()), level)
        };
        self.perpetuals().map(of).sum()
    }

    /// The charges of one position for its size and its basis.
    fn position_charge(&self, market: &Market, qty: Qty, level: Level) -> Amount {
        let base = market.params.base;
        let index: Price = self.oracle.index(base).price;
        let notional = index.notional(qty, Round::Up);
        let spread = self.spread(market, level);
        let margin = self.charges[base.index()][level.index()].margin + spread;
        size_charge(notional, margin, &market.params.rules) + basis_charge(notional, spread)
    }

    /// More than the charge for the size of a notional at 10⁻¹⁶, at 10⁻¹⁶: of a position, or of a
    /// holding in a spot market (rule R-15).
    #[inline]
    pub(super) fn bounded_size(market: &Market, notional: i128) -> Option<i128> {
        if is_small(market, notional) { Some(0) } else { State::bounded_large(market, notional) }
    }

    fn bounded_large(market: &Market, notional: i128) -> Option<i128> {
        let rules = &market.params.rules;
        // Shifts in place of divisions by powers of ten, each to the side that charges more: depth
        // in 2^27·10⁻⁸, what lies beyond `flat` in 2^53·10⁻¹⁶, the notional in 2^40·10⁻¹².
        let depth = i64::try_from(rules.envelope.depth_min.raw() >> 27).ok()?;
        let slope = rules.depth.window.raw().checked_div(depth)? + 1;
        let excess = notional - rules.envelope.flat.raw() * SCALE;
        let excess = i64::try_from((excess.max(0) >> 53) + 1).ok()?;
        let moved = i128::from(excess) * i128::from(slope);
        let rate = i64::try_from(moved.min(i128::from(Rate::ONE.raw()))).ok()?;
        let whole = i64::try_from((notional >> 40) + 1).ok()?;
        Some(((i128::from(whole) * i128::from(rate * 9)) >> 3) + 1)
    }
}

/// What a position of a notional at 10⁻¹⁶ counts as exposure beyond its margin (rule R-5): where it
/// is charged for its size, or will be before the account is looked at again, requirement moves by
/// at most twice the whole.
#[inline]
pub(super) fn size_exposure(market: &Market, notional: i128) -> i128 {
    if is_small(market, notional) { 0 } else { notional }
}

/// Whether a notional at 10⁻¹⁶ is below ⅔ of the flat one, so that it stays below the whole while
/// its price rises by a third: 2^26 is 0.671·10⁸.
#[inline]
fn is_small(market: &Market, notional: i128) -> bool {
    notional >> 26 <= market.params.rules.envelope.flat.raw()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::ids::AssetId;
    use crate::params::{Kind, MarketParams, MarketRules};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn r_7_the_bound_is_never_below_the_charge(
            flat in 0i128..10i128.pow(17), depth in 1i128..10i128.pow(9),
            notional in 0i128..10i128.pow(27), margin in 0i64..=10_000,
        ) {
            let mut rules = MarketRules::default();
            rules.envelope.flat = Amount::from_raw(flat);
            rules.envelope.depth_min = Amount::from_raw(depth * SCALE);
            let market = Market::new(MarketParams {
                name: String::new(),
                base: AssetId(1),
                kind: Kind::Spot { price_band: Rate::from_bp(1000) },
                tick: Price::ONE,
                lot: Qty::ONE,
                fee_maker: Rate::ZERO,
                fee_taker: Rate::ZERO,
                rules,
            });
            let whole = Amount::from_raw(notional / SCALE);
            let charge = size_charge(whole, Rate::from_bp(margin), &rules).raw() * SCALE;
            // A depth of less than 2^27 units has no bound, and is charged exactly.
            if let Some(bound) = State::bounded_size(&market, notional) {
                // What `ROUNDINGS` of the caller covers.
                prop_assert!(bound + 16 * SCALE >= charge, "{bound} {charge}");
            }
        }
    }
}
