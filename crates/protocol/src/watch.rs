//! Which accounts must be looked at in a block (rule R-5).
//!
//! An account with surplus S (equity less maintenance) and exposure E = Σ units·index cannot become
//! unsound before prices have travelled r = S/(1.3·E), where a block's travel is the largest
//! (|Δindex| + |Δmark| + |Δfunding index|)/index over the assets (of a dated future mark or fair
//! price, whichever moved further), and the largest change of a maintenance margin: a unit held
//! changes S by at most |Δindex|, a unit of a position by at most the three together, because every
//! charge is at most the whole. A position that is charged for its size moves its charge by
//! at most twice the whole, and counts twice. With r ≤ ¼ an index has grown by less than e^¼ < 1.3
//! meanwhile. So a look at the accounts that have come that far, and at those whose stake changed,
//! is a look at all.
//!
//! Holds nothing that the state does not follow from: `State::look_at_everybody` rebuilds it.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use money::{FundingIndex, Price, Rate, Round, mul_div};

use crate::ids::{AccountId, AssetId};
use crate::market::Market;
use crate::oracle::Oracle;

/// One in the unit of travel.
const ONE: i128 = 1_000_000_000_000;
/// No account is left alone for longer than a quarter of the price.
const FAR: i128 = ONE / 4;
/// Units of a price in which a funding index counts.
const PER_PRICE: u128 = 10_000_000_000;
/// Entries that are taken from the queue in order.
const FEW: usize = 1000;
/// An account that no price can hurt.
const NEVER: u128 = u128::MAX;

/// More units of 10⁻⁸ than there are terms that round, at 10⁻¹⁶: 1000 markets with 1024 orders
/// each and a few terms of their own are about 1.1 million, twice (now and when the account is
/// looked at again), and four times that is left. Every bound of a surplus leaves out so much: a
/// tenth of a quote unit, which only makes an account be asked sooner.
pub(crate) const ROUNDINGS: i128 = 10_000_000 * money::Amount::ONE.raw();

/// How far an account is from its maintenance margin.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Distance {
    /// A lower bound of equity less requirement, at 10⁻¹⁶ quote.
    pub(crate) surplus: i128,
    /// Σ |units|·index over holdings and positions, at 10⁻¹⁶ quote.
    pub(crate) exposure: i128,
}

/// The prices of one market when they were last compared.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    mark: Price,
    /// Of a dated future.
    fair: Price,
    funding: FundingIndex,
}

/// The accounts to look at, by how far prices must travel first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Watch {
    travelled: u128,
    /// For each account, the travel after which it must be looked at.
    due: Vec<u128>,
    /// For each account, its first entry in the queue, never later than `due`: an account that is
    /// looked at again and again while nothing threatens it leaves no trail of entries.
    queued: Vec<u128>,
    /// Accounts by travel; an entry that `queued` does not repeat is overtaken.
    queue: BinaryHeap<Reverse<(u128, AccountId)>>,
    /// Accounts to be looked at in any case.
    touched: BinaryHeap<Reverse<AccountId>>,
    is_touched: Vec<bool>,
    indices: Vec<Price>,
    markets: Vec<Seen>,
    /// Largest move of mark and funding among the markets of each asset in the last block.
    moves: Vec<u128>,
}

impl Watch {
    /// Adds an account that has nothing yet.
    pub(crate) fn open_account(&mut self) {
        self.due.push(NEVER);
        self.queued.push(NEVER);
        self.is_touched.push(false);
    }

    /// An account's stake has changed.
    #[inline]
    pub(crate) fn touch(&mut self, account: AccountId) {
        if !std::mem::replace(&mut self.is_touched[account.index()], true) {
            self.touched.push(Reverse(account));
        }
    }

    /// Adds the distance that prices have travelled since the last call, and lists who is due.
    pub(crate) fn travel(&mut self, oracle: &Oracle, markets: &[Market], assets: usize) {
        self.indices.resize(assets, Price::ZERO);
        self.markets.resize(markets.len(), Seen::default());
        self.moves.clear();
        self.moves.resize(assets, 0);
        for (market, seen) in markets.iter().zip(&mut self.markets) {
            let perpetual = &market.perpetual;
            let (mark, fair) = (perpetual.mark.price, perpetual.dated.fair());
            let now = Seen { mark, fair, funding: perpetual.funding.index };
            let mark = now.mark.raw().abs_diff(seen.mark.raw());
            let mark = mark.max(now.fair.raw().abs_diff(seen.fair.raw()));
            let funding = now.funding.raw().abs_diff(seen.funding.raw());
            let most = &mut self.moves[market.params.base.index()];
            *most = (*most).max(u128::from(mark) + funding.div_ceil(PER_PRICE));
            *seen = now;
        }
        let mut far = 0;
        for (asset, seen) in (0u16..).map(AssetId).zip(&mut self.indices).skip(1) {
            let now = oracle.index(asset).price;
            let moved = u128::from(now.raw().abs_diff(seen.raw())) + self.moves[asset.index()];
            far = far.max(share(moved, now.min(*seen)));
            *seen = now;
        }
        self.travelled += far;
        self.list_due();
    }

    /// Adds what a change of maintenance margin takes of a surplus: at most that share of the
    /// exposure, as a move of the prices by as much.
    pub(crate) fn charges_moved(&mut self, margin: Rate) {
        self.travelled += u128::from(margin.raw().unsigned_abs());
    }

    /// Moves the accounts that have come far enough to the touched ones, and an entry whose account
    /// rests longer by now to its place.
    fn list_due(&mut self) {
        for _ in 0..FEW {
            match self.queue.peek() {
                Some(&Reverse((entry, account))) if entry < self.travelled => {
                    self.queue.pop();
                    self.reach(entry, account);
                }
                Some(_) | None => return,
            }
        }
        // So many that all entries are taken up one by one.
        let far = self.travelled;
        let mut passed = std::mem::take(&mut self.queue).into_vec();
        let rest: Vec<_> = passed.extract_if(.., |Reverse((entry, _))| *entry >= far).collect();
        self.queue = rest.into();
        passed.into_iter().for_each(|Reverse((entry, account))| self.reach(entry, account));
    }

    /// Takes up an entry that prices have passed.
    fn reach(&mut self, entry: u128, account: AccountId) {
        if self.queued[account.index()] != entry {
            return;
        }
        self.queued[account.index()] = NEVER;
        if self.due[account.index()] < self.travelled {
            self.touch(account);
        } else {
            self.enqueue(account);
        }
    }

    /// Enters an account by its `due`, unless it has an earlier entry.
    fn enqueue(&mut self, account: AccountId) {
        let due = self.due[account.index()];
        if due < self.queued[account.index()] {
            self.queued[account.index()] = due;
            self.queue.push(Reverse((due, account)));
        }
    }

    /// The touched account with the lowest number, which is then no longer touched.
    pub(crate) fn next(&mut self) -> Option<AccountId> {
        let Reverse(account) = self.touched.pop()?;
        self.is_touched[account.index()] = false;
        Some(account)
    }

    /// How many accounts are touched.
    pub(crate) fn waiting(&self) -> usize {
        self.touched.len()
    }

    /// Leaves alone those touched accounts that are known to be sound.
    pub(crate) fn rest_known(&mut self, known: impl Fn(AccountId) -> Option<Distance>) {
        let mut touched = std::mem::take(&mut self.touched).into_vec();
        touched.retain(|Reverse(account)| match known(*account) {
            Some(distance) => {
                self.is_touched[account.index()] = false;
                self.rest(*account, Some(distance));
                false
            }
            None => true,
        });
        self.touched = touched.into();
    }

    /// Leaves an account alone until prices have travelled as far as its surplus bears; one without
    /// exposure altogether.
    pub(crate) fn rest(&mut self, account: AccountId, distance: Option<Distance>) {
        let due = match distance {
            None => NEVER,
            Some(distance) => self.travelled + distance.reach(),
        };
        self.due[account.index()] = due;
        self.enqueue(account);
        self.drop_overtaken();
    }

    /// Keeps the queue in proportion to the accounts.
    fn drop_overtaken(&mut self) {
        if self.queue.len() > 4 * self.due.len() + 64 {
            self.queued.clone_from(&self.due);
            let all = (0u32..).map(AccountId).zip(&self.due);
            let waiting = all.filter(|(_, due)| **due != NEVER);
            self.queue = waiting.map(|(account, due)| Reverse((*due, account))).collect();
        }
    }

    /// Whether an account will be looked at in the next block whatever prices do.
    pub(crate) fn is_due(&self, account: AccountId) -> bool {
        self.is_touched[account.index()]
    }
}

impl Distance {
    /// How far prices may travel before the surplus can be used up.
    fn reach(self) -> u128 {
        // Without exposure nothing moves the surplus.
        if self.exposure == 0 {
            return FAR.unsigned_abs();
        }
        let bound = self.exposure.checked_mul(13);
        // S/(1.3·E) ≥ ¼ needs no division.
        if let (Some(bound), Some(wide)) = (bound, self.surplus.checked_mul(40))
            && wide >= bound
        {
            return FAR.unsigned_abs();
        }
        let scaled = bound.and_then(|bound| mul_div(self.surplus, ONE * 10, bound, Round::Down));
        // What does not fit is looked at again.
        let reach = scaled.unwrap_or(0).clamp(0, FAR);
        u128::try_from(reach).expect("not negative")
    }
}

/// `part/whole` in units of travel, rounded up; the whole where there was no price.
fn share(part: u128, whole: Price) -> u128 {
    let whole = u128::try_from(whole.raw()).unwrap_or(0);
    let one = ONE.unsigned_abs();
    if part == 0 {
        return 0;
    }
    if whole == 0 || part >= whole { one } else { (part * one).div_ceil(whole) }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn watch(accounts: u32) -> Watch {
        let mut watch = Watch::default();
        (0..accounts).for_each(|_| watch.open_account());
        watch
    }

    #[test]
    fn r_5_an_account_is_due_only_after_its_reach() {
        let mut watch = watch(2);
        let near = Distance { surplus: 13, exposure: 1000 };
        watch.rest(AccountId(0), Some(near));
        watch.rest(AccountId(1), None);
        watch.travelled += near.reach();
        watch.list_due();
        assert_eq!(watch.next(), None, "not yet beyond");
        watch.travelled += 1;
        watch.list_due();
        assert_eq!((watch.next(), watch.next()), (Some(AccountId(0)), None));
    }

    /// Some thousand accounts at once are taken up as each of them alone would be.
    #[test]
    fn r_5_many_accounts_that_are_due_together_are_all_listed() {
        let mut watch = watch(5_000);
        let reach = |account: u32, round: u32| {
            let surplus = i128::from(account.wrapping_mul(2_654_435_761 + round) % 1_000);
            Distance { surplus, exposure: 4_000 }
        };
        // Each is looked at twice, so that many entries are overtaken or too early.
        for round in [1, 2] {
            for account in 0..5_000 {
                watch.rest(AccountId(account), Some(reach(account, round)));
            }
        }
        watch.travelled = u128::try_from(ONE / 10).unwrap();
        let due = |account: &u32| reach(*account, 2).reach() < watch.travelled;
        let expected: Vec<u32> = (0..5_000).filter(due).collect();
        assert!(expected.len() > 2 * FEW && expected.len() < 4_000, "{}", expected.len());
        watch.list_due();
        assert_eq!(watch.waiting(), expected.len());
        let listed: Vec<u32> = std::iter::from_fn(|| watch.next()).map(|next| next.0).collect();
        assert_eq!(listed, expected);
        watch.travelled = u128::MAX / 2;
        watch.list_due();
        assert_eq!(watch.waiting(), 5_000 - expected.len());
    }

    #[test]
    fn r_5_the_queue_does_not_grow_with_the_looks() {
        let mut watch = watch(3);
        for look in 0..10_000i128 {
            watch.rest(AccountId(1), Some(Distance { surplus: look, exposure: 1_000_000 }));
        }
        assert!(watch.queue.len() <= 76, "{}", watch.queue.len());
    }

    #[test]
    fn r_5_distances_that_alternate_leave_no_duplicates() {
        let mut watch = watch(3);
        for look in 0..10_000i128 {
            let surplus = look % 2 * 1000;
            watch.rest(AccountId(1), Some(Distance { surplus, exposure: 1_000_000 }));
            watch.rest(AccountId(2), None);
        }
        assert!(watch.queue.len() <= 76, "{}", watch.queue.len());
    }

    proptest! {
        /// Along any path of index, mark, funding and maintenance margin, the surplus of a position
        /// and a holding is not used up before the travel reaches the account's distance.
        #[test]
        fn r_5_no_path_of_prices_and_margins_uses_the_surplus_up_within_the_reach(
            qty in -1_000i128..1_000, held in 0i128..1_000, surplus in 1i128..2_000_000_000,
            margin in 0i128..=100, haircut in 0i128..=100, depth in 1i128..20_000_000,
            path in prop::collection::vec(
                (-300i128..300, -300i128..300, -50i128..50, -2i128..=2), 1..60),
        ) {
            let (mut index, mut mark, mut funding) = (10_000i128, 10_000i128, 0i128);
            // Rule R-7, where the envelope holds: the impact of `flat` is within the margin.
            let (least, flat) = (margin, margin * depth / 100);
            let size = |index: i128, margin: i128| {
                let worth = qty.abs() * index;
                worth * (100 * (worth - flat).max(0) / depth).min(100 - margin)
            };
            // In hundredths, so that charges are exact but for the rate of R-7.
            let value = |index: i128, mark: i128, funding: i128, margin: i128| {
                100 * qty * (mark - funding) - qty.abs() * index * margin - size(index, margin)
                    + held * index * (100 - haircut)
            };
            let start = value(index, mark, funding, margin);
            let worth = qty.abs() * index;
            let sized = if 3 * worth <= 2 * flat { 0 } else { worth };
            let exposure = 100 * (worth + sized + held * index);
            let reach = Distance { surplus, exposure }.reach();
            let (mut travelled, mut now) = (0u128, margin);
            for (a, b, c, d) in path {
                let next = (index + a).max(1);
                let moved = (next - index).abs() + (b + next - index).abs() + c.abs();
                let changed = (now + d).clamp(least, 100);
                let step = (moved * ONE / index.min(next) + 1).min(ONE);
                travelled += (step + (changed - now).abs() * ONE / 100).unsigned_abs();
                now = changed;
                (index, mark, funding) = (next, mark + b + next - index, funding + c);
                if travelled > reach {
                    break;
                }
                // The rate of R-7 is rounded down to a hundredth.
                let rounding = qty.abs() * index;
                prop_assert!(value(index, mark, funding, now) - start >= -surplus - rounding);
            }
        }
    }
}
