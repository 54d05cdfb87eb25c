//! Auction of a whole account: what a bidder takes of it, and for what. Values in, values out.
//!
//! Rule L-21: of an account with equity E > 0 under initial margin B a bidder takes a fraction f of
//! everything at marks, at most f = ⌈(B − E)/(B − κE)⌉, and is paid κ·E·(margin freed)/(margin);
//! κ falls due in time: from `discount_start` to `discount_fast` in `fast`, to 1 in `slow`. With
//! margin in proportion to size, B·(1 − f) = E·(1 − κf): initial margin again, exactly. Rule L-22:
//! with E ≤ 0 insurance pays the part of the debt, and the bidder ρ·(margin freed), ρ from nothing
//! to `insured_max` in `insolvent`. Source: Derive's auctions of accounts, whose fraction it is.
//!
//! Always holds: what the bidder is paid is at most the equity, and leaves equity/margin no lower;
//! all terms improve for the bidder with time, so that an auction has one price and an end.

use borsh::{BorshDeserialize, BorshSerialize};
use money::{Amount, Qty, Rate, Round, Span};

use crate::ids::ChainId;
use crate::params::BookAuctionParams;

/// The auction of an account, whose clocks stand while nothing serves a liquidation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Auction {
    /// The options by whose parameters it runs: the first that the account had.
    pub chain: ChainId,
    /// How long it has run.
    pub elapsed: Span,
    /// How long the account has been without equity.
    pub insolvent: Span,
}

impl Auction {
    /// One that begins.
    pub fn new(chain: ChainId) -> Auction {
        Auction { chain, elapsed: Span::ZERO, insolvent: Span::ZERO }
    }

    /// Time passes for an account with equity, or without.
    #[must_use]
    pub fn after(self, elapsed: Span, has_equity: bool) -> Auction {
        let insolvent = if has_equity { Span::ZERO } else { self.insolvent.plus(elapsed) };
        Auction { elapsed: self.elapsed.plus(elapsed), insolvent, ..self }
    }

    /// Whether bidders have had their time (rules L-22 and L-23).
    pub fn is_over(&self, params: &BookAuctionParams) -> bool {
        self.elapsed >= params.fast.plus(params.slow) || self.insolvent >= params.insolvent
    }

    /// κ: the share of the equity that belongs to what is taken, rounded down.
    pub fn discount(&self, params: &BookAuctionParams) -> Rate {
        let (from, to, part, whole) = if self.elapsed < params.fast {
            (params.discount_start, params.discount_fast, self.elapsed, params.fast)
        } else {
            let past = Span::from_nanos(self.elapsed.nanos() - params.fast.nanos());
            (params.discount_fast, Rate::ONE, past, params.slow)
        };
        from + ramp(to - from, part, whole)
    }

    /// ρ: what insurance pays the bidder for each unit of margin that is freed, rounded down.
    pub fn reward(&self, params: &BookAuctionParams) -> Rate {
        ramp(params.insured_max, self.insolvent, params.insolvent)
    }
}

/// What of a rate a part of a time stands for, all of it from its end on.
fn ramp(rate: Rate, part: Span, whole: Span) -> Rate {
    rate.over(part.min(whole), whole, Round::Down).expect("a part of a rate")
}

/// What an account offers to bidders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offer {
    /// Equity at the marks.
    pub equity: Amount,
    /// Maintenance margin, without orders.
    pub maintenance: Amount,
    /// What equity must reach for initial margin, without orders.
    pub initial: Amount,
    /// κ.
    pub discount: Rate,
    /// ρ.
    pub reward: Rate,
    /// What insurance may pay now.
    pub insurance: Amount,
    /// An account that needs no more than this is taken whole.
    pub whole_below: Amount,
}

/// Who pays what when a part of an account is taken over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Payment {
    /// The account to the bidder.
    pub paid: Amount,
    /// Insurance to the bidder.
    pub reward: Amount,
    /// Insurance to the account.
    pub debt: Amount,
}

impl Offer {
    /// The largest fraction that may be taken; nothing of an account with initial margin.
    pub fn largest(&self) -> Rate {
        let Offer { equity, initial, .. } = *self;
        if equity >= initial {
            return Rate::ZERO;
        }
        if !equity.is_positive() || initial <= self.whole_below {
            return Rate::ONE;
        }
        let stays = equity.share(self.discount, Round::Down).expect("a part of the equity");
        let fraction = (initial - equity).ratio(initial - stays, Round::Up);
        fraction.expect("equity is less than initial margin").min(Rate::ONE)
    }

    /// Whether insurance can pay what the account owes.
    pub fn is_insured(&self) -> bool {
        self.insurance >= -self.equity
    }

    /// What is paid where so much of maintenance margin is freed: at most all of it.
    pub fn payment(&self, freed: Amount) -> Payment {
        let freed = freed.clamp(Amount::ZERO, self.maintenance.max(Amount::ZERO));
        if self.equity.is_positive() {
            let part = self.equity.portion(freed, self.maintenance, Round::Down);
            let part = part.unwrap_or(Amount::ZERO);
            let paid = part.share(self.discount, Round::Down).expect("a part of the equity");
            return Payment { paid, ..Payment::default() };
        }
        let owed = -self.equity;
        let debt = owed.portion(freed, self.maintenance, Round::Up).unwrap_or(owed);
        // What is still owed afterwards stays insured.
        let left = (self.insurance - owed).max(Amount::ZERO);
        let reward = freed.share(self.reward, Round::Down).map_or(left, |reward| reward.min(left));
        Payment { paid: Amount::ZERO, reward, debt }
    }
}

impl Payment {
    /// What the bidder is paid.
    pub fn received(&self) -> Amount {
        self.paid + self.reward
    }
}

/// What a fraction is of a quantity, in whole lots rounded up and with its sign: so what is left of
/// one lot is nothing.
pub fn part(qty: Qty, lot: Qty, fraction: Rate) -> Qty {
    let lots = i128::from(qty.raw().unsigned_abs().div_ceil(lot.raw().unsigned_abs()));
    let taken = Amount::from_raw(lots).share(fraction, Round::Up).expect("a part of the lots");
    let raw = (taken.raw() * i128::from(lot.raw())).min(i128::from(qty.raw().abs()));
    let size = Qty::from_raw(i64::try_from(raw).expect("at most the quantity"));
    if qty.is_negative() { -size } else { size }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn params() -> BookAuctionParams {
        BookAuctionParams::default()
    }

    fn at(minutes: u64) -> Auction {
        Auction::new(ChainId(0)).after(Span::MINUTE.times(minutes), true)
    }

    fn offer(equity: i128, initial: i128, discount: Rate) -> Offer {
        Offer {
            equity: Amount::from_raw(equity),
            maintenance: Amount::from_raw(initial),
            initial: Amount::from_raw(initial),
            discount,
            reward: Rate::ZERO,
            insurance: Amount::ZERO,
            whole_below: Amount::ZERO,
        }
    }

    #[test]
    fn l_21_the_discount_goes_from_a_twentieth_to_all_in_an_hour() {
        let of = |minutes| at(minutes).discount(&params()).to_string();
        let table = [(0, "0.05"), (2, "0.15"), (5, "0.3"), (16, "0.44"), (60, "1"), (90, "1")];
        for (minutes, discount) in table {
            assert_eq!(of(minutes), discount, "after {minutes} minutes");
        }
        assert!(!at(59).is_over(&params()) && at(60).is_over(&params()));
    }

    #[test]
    fn l_22_without_equity_the_reward_grows_for_ten_minutes_and_then_it_is_over() {
        let mut auction = at(3).after(Span::MINUTE.times(4), false);
        assert_eq!(auction.reward(&params()).to_string(), "0.4");
        auction = auction.after(Span::MINUTE, true);
        assert_eq!(auction.reward(&params()), Rate::ZERO, "equity is back");
        auction = auction.after(Span::MINUTE.times(10), false);
        assert_eq!((auction.reward(&params()), auction.is_over(&params())), (Rate::ONE, true));
    }

    #[test]
    fn l_21_the_fraction_restores_initial_margin() {
        // (100 − 60)/(100 − 0.25·60) = 8/17; what is left needs 900/17 and has 60 − 0.25·480/17.
        let offer = offer(60, 100, Rate::from_bp(2_500));
        assert_eq!(offer.largest().to_string(), "0.470588235295");
        let small = Offer { whole_below: Amount::from_raw(100), ..offer };
        assert_eq!(small.largest(), Rate::ONE);
        assert_eq!(Offer { equity: Amount::ZERO, ..offer }.largest(), Rate::ONE);
        assert_eq!(Offer { equity: offer.initial, ..offer }.largest(), Rate::ZERO);
    }

    #[test]
    fn l_22_the_reward_leaves_insurance_what_is_still_owed() {
        let offer = Offer {
            reward: Rate::from_bp(5_000),
            insurance: Amount::from_raw(70),
            maintenance: Amount::from_raw(100),
            ..offer(-60, 120, Rate::ZERO)
        };
        let payment = |freed| offer.payment(Amount::from_raw(freed));
        let raw = |p: Payment| [p.paid.raw(), p.reward.raw(), p.debt.raw()];
        assert_eq!(raw(payment(10)), [0, 5, 6]);
        assert_eq!(raw(payment(100)), [0, 10, 60], "bounded by the fund");
        assert!(offer.is_insured());
        assert!(!Offer { insurance: Amount::from_raw(59), ..offer }.is_insured());
    }

    #[test]
    fn l_21_parts_are_whole_lots_rounded_up() {
        let qty = Qty::from_raw;
        let half = Rate::from_bp(5_000);
        assert_eq!(part(qty(50), qty(10), half), qty(30));
        assert_eq!(part(qty(-50), qty(10), half), qty(-30));
        assert_eq!(part(qty(10), qty(10), Rate::BASIS_POINT), qty(10), "a last lot goes whole");
        assert_eq!(part(qty(0), qty(10), Rate::ONE), qty(0));
        assert_eq!(part(qty(15), qty(10), Rate::ONE), qty(15));
    }

    proptest! {
        /// B·(1 − f) ≤ E·(1 − κf) and, a unit of f less, not.
        #[test]
        fn l_21_the_largest_fraction_restores_initial_margin_and_no_more(
            equity in 1i128..1_000_000_000_000, more in 1i128..1_000_000_000_000,
            bp in 0i64..10_000,
        ) {
            let offer = offer(equity, equity + more, Rate::from_bp(bp));
            let (f, one) = (i128::from(offer.largest().raw()), i128::from(Rate::ONE.raw()));
            prop_assert!(0 < f && f <= one);
            // At 10⁻¹²; κE is rounded down to a unit, which f is divided by.
            let lacks = |f: i128| {
                let kept = offer.equity.share(offer.discount, Round::Down).unwrap().raw();
                offer.initial.raw() * (one - f) - offer.equity.raw() * one + kept * f
            };
            prop_assert!(lacks(f) <= 0);
            prop_assert!(lacks(f - 1) > 0);
        }

        #[test]
        fn l_21_a_bidder_is_paid_at_most_the_equity_and_the_ratio_does_not_fall(
            equity in 1i128..1_000_000_000_000, maintenance in 1i128..1_000_000_000_000,
            share in 0.0f64..1.0, bp in 0i64..=10_000,
        ) {
            let offer = offer(equity, maintenance, Rate::from_bp(bp));
            let freed = (maintenance as f64 * share) as i128;
            let paid = offer.payment(Amount::from_raw(freed)).received().raw();
            prop_assert!(0 <= paid && paid <= equity);
            prop_assert!((equity - paid) * maintenance >= equity * (maintenance - freed));
        }

        #[test]
        fn l_22_insurance_pays_no_more_than_it_has_and_the_ratio_does_not_fall(
            owed in 0i128..1_000_000_000, over in 0i128..1_000_000_000,
            maintenance in 0i128..1_000_000_000, share in 0.0f64..1.0, reward in 0i64..100_000,
        ) {
            let offer = Offer {
                reward: Rate::from_bp(reward),
                insurance: Amount::from_raw(owed + over),
                ..offer(-owed, maintenance, Rate::ZERO)
            };
            let freed = (maintenance as f64 * share) as i128;
            let payment = offer.payment(Amount::from_raw(freed));
            let left = offer.insurance - payment.reward - payment.debt;
            let equity = offer.equity + payment.debt;
            prop_assert!(equity <= Amount::ZERO && left >= -equity, "what is owed stays insured");
            prop_assert!(payment.paid.is_zero() && !payment.reward.is_negative());
            prop_assert!(equity.raw() * maintenance >= -owed * (maintenance - freed));
        }

        #[test]
        fn l_21_every_term_improves_for_the_bidder_with_time(
            first in 0u64..5_000_000_000_000, later in 0u64..5_000_000_000_000,
        ) {
            let auction = Auction::new(ChainId(0)).after(Span::from_nanos(first), false);
            let then = auction.after(Span::from_nanos(later), false);
            let params = params();
            prop_assert!(auction.discount(&params) <= then.discount(&params));
            prop_assert!(auction.reward(&params) <= then.reward(&params));
            prop_assert!(!auction.is_over(&params) || then.is_over(&params));
            let largest = |auction: Auction| offer(60, 100, auction.discount(&params)).largest();
            prop_assert!(largest(auction) <= largest(then));
        }
    }
}
