//! Orders that are spread evenly over time.
//!
//! Rule T-11: lots L over a duration give n = ⌊duration/interval⌋ slices, the k-th at
//! start + k·interval, k from 0. A slice asks for what is missing of its target
//! ⌊L·(k + 1)/n⌋, at most `catch_up`·⌈L/n⌉ lots, as an immediate order with a worst price
//! (`worst_price`). What the last slice does not fill is given up. Source: the TWAP orders of
//! Hyperliquid (30 s, 3 % slippage, catching up with at most three times the normal slice), here
//! without its random times.
//!
//! Always: never more is asked for than is missing of the target, so Σ filled ≤ L.

use std::collections::{BTreeMap, BTreeSet};

use borsh::{BorshDeserialize, BorshSerialize};
use money::{Span, Time};

use super::NotScheduled;
use crate::ids::{AccountId, ClientId, Lots, MarketId, Side};
pub use crate::params::TwapParams;

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct NewTwap {
    /// Where.
    pub market: MarketId,
    /// Buy or sell.
    pub side: Side,
    /// How much in all.
    pub lots: Lots,
    /// Over what time.
    pub duration: Span,
    /// Only ever makes the position smaller.
    pub reduce_only: bool,
    /// The client's number.
    pub client: ClientId,
}

/// An order spread over time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Twap {
    /// What was asked for.
    pub order: NewTwap,
    /// The time of its first slice.
    pub start: Time,
    /// Number of slices.
    pub slices: u32,
    /// Number of the next slice.
    pub next: u32,
    /// What was filled so far.
    pub filled: Lots,
}

impl Twap {
    /// An order that was checked.
    pub fn new(order: NewTwap, now: Time, params: &TwapParams) -> Twap {
        let slices = slices(order.duration, params);
        let slices = u32::try_from(slices).expect("at most slices_max, by the check");
        Twap { order, start: now, slices, next: 0, filled: Lots(0) }
    }

    /// When the next slice is due.
    pub fn due(&self, params: &TwapParams) -> Time {
        self.start.after(params.interval.times(u64::from(self.next)))
    }

    /// The lots of the slice that is due now, perhaps none; slices that were missed count as one.
    pub fn slice(&self, now: Time, params: &TwapParams) -> Option<Lots> {
        if now < self.due(params) || self.is_over() {
            return None;
        }
        let (total, slices) = (u128::from(self.order.lots.0), u128::from(self.slices));
        let target = total * u128::from(self.number(now, params) + 1) / slices;
        let missing = target.saturating_sub(u128::from(self.filled.0));
        let largest = total.div_ceil(slices) * u128::from(params.catch_up);
        Some(Lots(u64::try_from(missing.min(largest)).expect("a part of the order")))
    }

    /// After the slice of this block, of which so much was filled.
    #[must_use]
    pub fn executed(self, now: Time, filled: Lots, params: &TwapParams) -> Twap {
        let filled = Lots(self.filled.0.checked_add(filled.0).expect("no slice beyond the order"));
        Twap { filled, next: self.number(now, params) + 1, ..self }
    }

    /// Whether no slice is left, or nothing is missing.
    pub fn is_over(&self) -> bool {
        self.next >= self.slices || self.filled >= self.order.lots
    }

    /// The number of the latest slice that time has reached.
    fn number(&self, now: Time, params: &TwapParams) -> u32 {
        let reached = now.since(self.start).nanos() / params.interval.nanos().max(1);
        u32::try_from(reached).unwrap_or(u32::MAX).min(self.slices - 1)
    }
}

fn slices(duration: Span, params: &TwapParams) -> u64 {
    duration.nanos() / params.interval.nanos().max(1)
}

/// A slice that is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slice {
    /// Whose.
    pub account: AccountId,
    /// Of which order.
    pub number: u64,
    /// How much, perhaps none: then there is nothing to trade and it is executed with none.
    pub lots: Lots,
    /// The whole order.
    pub order: NewTwap,
}

/// All orders spread over time.
#[derive(Clone, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Twaps {
    orders: BTreeMap<(AccountId, u64), Twap>,
    due: BTreeSet<(Time, AccountId, u64)>,
    next: u64,
}

impl Twaps {
    /// Whether the order may enter.
    pub fn check(
        &self,
        account: AccountId,
        order: &NewTwap,
        params: &TwapParams,
    ) -> Result<(), NotScheduled> {
        if order.lots.0 == 0 {
            return Err(NotScheduled::NotPositive);
        }
        if !(1..=u64::from(params.slices_max)).contains(&slices(order.duration, params)) {
            return Err(NotScheduled::OutOfRange);
        }
        if self.orders(account).count() >= params.open_max as usize {
            return Err(NotScheduled::TooMany);
        }
        Ok(())
    }

    /// Takes in an order that was checked; its first slice is due at once.
    pub fn insert(
        &mut self,
        account: AccountId,
        order: NewTwap,
        now: Time,
        params: &TwapParams,
    ) -> u64 {
        let number = self.next;
        self.next += 1;
        self.orders.insert((account, number), Twap::new(order, now, params));
        self.due.insert((now, account, number));
        number
    }

    /// Takes an order out; `None` if the account has none of this number.
    pub fn cancel(&mut self, account: AccountId, number: u64, params: &TwapParams) -> Option<Twap> {
        let twap = self.orders.remove(&(account, number))?;
        self.due.remove(&(twap.due(params), account, number));
        Some(twap)
    }

    /// An account's orders with their numbers.
    pub fn orders(&self, account: AccountId) -> impl Iterator<Item = (u64, &Twap)> {
        let of_account = self.orders.range((account, 0)..=(account, u64::MAX));
        of_account.map(|(&(_, number), twap)| (number, twap))
    }

    /// The slices that are due, the one that has been for longest first.
    pub fn due(&self, now: Time, params: &TwapParams) -> impl Iterator<Item = Slice> {
        let reached = self.due.iter().take_while(move |(due, _, _)| *due <= now);
        reached.filter_map(move |&(_, account, number)| {
            let twap = self.orders.get(&(account, number)).expect("what is due is an order");
            let lots = twap.slice(now, params)?;
            Some(Slice { account, number, lots, order: twap.order })
        })
    }

    /// Notes what a slice that was due filled. The order, if it is over with it.
    pub fn executed(
        &mut self,
        slice: &Slice,
        now: Time,
        filled: Lots,
        params: &TwapParams,
    ) -> Option<Twap> {
        let (account, number) = (slice.account, slice.number);
        let twap = self.cancel(account, number, params)?.executed(now, filled, params);
        if twap.is_over() {
            return Some(twap);
        }
        self.orders.insert((account, number), twap);
        self.due.insert((twap.due(params), account, number));
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schedule::worst_price;
    use money::Price;
    use money::Rate;
    use proptest::prelude::*;

    const PARAMS: TwapParams = TwapParams {
        interval: Span::from_secs(30),
        slices_max: 2880,
        catch_up: 3,
        slippage: Rate::from_bp(300),
        open_max: 2,
    };
    const ACCOUNT: AccountId = AccountId(1);

    fn order(lots: u64, seconds: u64) -> NewTwap {
        NewTwap {
            market: MarketId(0),
            side: Side::Buy,
            lots: Lots(lots),
            duration: Span::from_secs(seconds),
            reduce_only: false,
            client: ClientId(0),
        }
    }

    fn at(seconds: u64) -> Time {
        Time::ZERO.after(Span::from_secs(seconds))
    }

    /// Slices at the given seconds, of which so many lots can be filled.
    fn run(order: NewTwap, blocks: &[(u64, u64)]) -> (Vec<u64>, Twaps) {
        let mut twaps = Twaps::default();
        twaps.insert(ACCOUNT, order, at(0), &PARAMS);
        let mut asked = Vec::new();
        for &(seconds, liquidity) in blocks {
            loop {
                let Some(slice) = twaps.due(at(seconds), &PARAMS).next() else { break };
                asked.push(slice.lots.0);
                twaps.executed(&slice, at(seconds), Lots(slice.lots.0.min(liquidity)), &PARAMS);
            }
        }
        (asked, twaps)
    }

    #[test]
    fn t_11_slices_are_even_and_the_last_one_completes_the_order() {
        let blocks: Vec<(u64, u64)> = (0..12).map(|block| (block * 10, 99)).collect();
        let (asked, twaps) = run(order(10, 120), &blocks);
        assert_eq!(asked, [2, 3, 2, 3]);
        assert_eq!(twaps.orders(ACCOUNT).count(), 0);
    }

    #[test]
    fn t_11_a_missed_slice_is_caught_up_with_at_most_three_slices() {
        // Nothing is filled in the first five of ten slices of ten lots.
        let blocks: Vec<(u64, u64)> =
            (0..10).map(|slice| (slice * 30, if slice < 5 { 0 } else { 99 })).collect();
        let (asked, _) = run(order(100, 300), &blocks);
        assert_eq!(asked, [10, 20, 30, 30, 30, 30, 30, 20, 10, 10]);
        // A block that comes late is one slice, not several.
        assert_eq!(run(order(100, 300), &[(0, 99), (100, 99), (400, 99)]).0, [10, 30, 30]);
    }

    #[test]
    fn t_11_what_does_not_fit_is_refused() {
        let mut twaps = Twaps::default();
        let check =
            |twaps: &Twaps, lots, seconds| twaps.check(ACCOUNT, &order(lots, seconds), &PARAMS);
        assert_eq!(check(&twaps, 0, 60), Err(NotScheduled::NotPositive));
        assert_eq!(check(&twaps, 1, 29), Err(NotScheduled::OutOfRange));
        assert_eq!(check(&twaps, 1, 2881 * 30), Err(NotScheduled::OutOfRange));
        assert_eq!(check(&twaps, 1, 2880 * 30), Ok(()));
        twaps.insert(ACCOUNT, order(1, 30), at(0), &PARAMS);
        let second = twaps.insert(ACCOUNT, order(1, 60), at(0), &PARAMS);
        assert_eq!(check(&twaps, 1, 60), Err(NotScheduled::TooMany));
        assert_eq!(twaps.cancel(AccountId(2), second, &PARAMS), None);
        assert!(twaps.cancel(ACCOUNT, second, &PARAMS).is_some());
        assert_eq!(check(&twaps, 1, 60), Ok(()));
    }

    #[test]
    fn t_11_the_worst_price_is_rounded_towards_the_mark() {
        let mark = Price::from_raw(101);
        let worst = |side| worst_price(mark, side, PARAMS.slippage).map(Price::raw);
        assert_eq!((worst(Side::Buy), worst(Side::Sell)), (Some(104), Some(98)));
        assert_eq!(worst_price(Price::MAX, Side::Buy, PARAMS.slippage), None);
    }

    proptest! {
        #[test]
        fn t_11_no_slice_runs_ahead_of_the_clock_or_is_above_three_normal_ones(
            lots in 1u64..5000,
            slices in 1u64..40,
            blocks in prop::collection::vec((1u64..80, 0u64..200), 0..80)
        ) {
            let order = order(lots, slices * 30);
            let mut twap = Twap::new(order, at(0), &PARAMS);
            let mut seconds = 0;
            for (gap, liquidity) in blocks {
                if let Some(slice) = twap.slice(at(seconds), &PARAMS) {
                    let schedule = (seconds / 30 + 1).min(slices) * lots / slices;
                    prop_assert!(slice.0 <= 3 * lots.div_ceil(slices));
                    prop_assert!(twap.filled.0 + slice.0 <= schedule.max(twap.filled.0));
                    twap = twap.executed(at(seconds), Lots(slice.0.min(liquidity)), &PARAMS);
                }
                seconds += gap;
            }
            prop_assert!(twap.filled <= order.lots);
            prop_assert!(seconds < slices * 30 + 80 || twap.is_over());
        }

        #[test]
        fn t_11_with_liquidity_the_whole_order_is_done_in_even_slices(
            lots in 1u64..5000, slices in 1u64..200
        ) {
            let blocks: Vec<(u64, u64)> = (0..slices).map(|slice| (slice * 30, lots)).collect();
            let (asked, twaps) = run(order(lots, slices * 30), &blocks);
            prop_assert_eq!(asked.iter().sum::<u64>(), lots);
            prop_assert!(asked.iter().all(|&slice| slice.abs_diff(lots / slices) <= 1));
            prop_assert_eq!(twaps.orders.len() + twaps.due.len(), 0);
        }
    }
}
