//! The uniform-price call auction: all orders that can trade do so at one tick.
//!
//! It serves the batch of one block, the auction after a price move and the end of a restart.
//!
//! Rule A-1, the tick. With D(t) = Σ bids at t or above and S(t) = Σ asks at t or below it
//! maximises min(D, S); among those it minimises |D − S|; among those, where D > S throughout it is
//! the highest, where D < S throughout the lowest; otherwise the nearest to the reference inside
//! what is left: the ticks with D = S, or the two ticks between which the surplus changes sides.
//! Source: the price determination of the exchanges' call auctions (Xetra, Euronext).
//!
//! Rule A-2, the lots. What is better than the tick is filled whole; on the long side the orders
//! at the tick share the rest by time, or pro rata with largest remainders, older batches first:
//! inside a batch time would bring the race for microseconds back, across batches it pays for
//! resting (Budish, Cramton and Shim 2015).
//!
//! Rule A-3, self-trade. An order that crosses an older one of its own account is cut whole.
//!
//! Always: Σ bought = Σ sold, nobody trades beyond a limit or with itself, and what is left does
//! not cross. O(n log n).

use std::cmp::Reverse;
use std::collections::BTreeMap;

use borsh::{BorshDeserialize, BorshSerialize};
use money::{Round, mul_div};

use crate::ids::{AccountId, Lots, Side, Tick};

/// How the orders at the auction's tick share what the other side is short of (rule A-2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Allocation {
    /// The oldest first: auctions that last long enough for everybody to be there.
    Time,
    /// Older batches first; inside a batch in proportion to their lots, left-over lots by largest
    /// remainder and then by place in the list.
    ProRata,
}

/// An order in the auction; its place in the list is its time priority.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Order {
    /// Whose.
    pub account: AccountId,
    /// Bid or ask.
    pub side: Side,
    /// The worst tick that is acceptable.
    pub tick: Tick,
    /// How much.
    pub lots: Lots,
    /// The batch in which it came; never smaller than that of an order before it in the list.
    pub batch: u64,
}

impl Order {
    /// Whether the order can trade at this tick.
    fn accepts(&self, tick: Tick) -> bool {
        match self.side {
            Side::Buy => self.tick >= tick,
            Side::Sell => self.tick <= tick,
        }
    }
}

/// What an auction did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clearing {
    /// The one tick of all trades; `None` when nothing crosses.
    pub tick: Option<Tick>,
    /// Lots bought, which are the lots sold.
    pub volume: u128,
    /// Executed lots of each order of the list.
    pub filled: Vec<Lots>,
    /// Orders that crossed their own account: they leave the book without a trade.
    pub cut: Vec<usize>,
}

/// Holds the auction. `orders` stand in time priority, both sides together.
pub fn clear(orders: &[Order], reference: Tick, allocation: Allocation) -> Clearing {
    let (live, cut) = without_own_crossings(orders);
    let mut filled = vec![Lots(0); orders.len()];
    let Some((tick, volume)) = clearing_tick(orders, &live, reference) else {
        return Clearing { tick: None, volume: 0, filled, cut };
    };
    for side in [Side::Buy, Side::Sell] {
        let eligible = live.iter().copied().filter(|&at| orders[at].side == side);
        let (marginal, better): (Vec<usize>, Vec<usize>) = eligible
            .filter(|&at| orders[at].accepts(tick))
            .partition(|&at| orders[at].tick == tick);
        let mut left = volume;
        for at in better {
            filled[at] = orders[at].lots;
            left = left.checked_sub(lots(&orders[at])).expect("better orders are filled (A-1)");
        }
        match allocation {
            Allocation::Time => by_time(orders, &marginal, left, &mut filled),
            Allocation::ProRata => by_batch(orders, &marginal, left, &mut filled),
        }
    }
    Clearing { tick: Some(tick), volume, filled, cut }
}

/// Rule A-3: the places of the orders that stay, and of those that cross an older one of their own
/// account that stays.
fn without_own_crossings(orders: &[Order]) -> (Vec<usize>, Vec<usize>) {
    let mut best: BTreeMap<AccountId, [Option<Tick>; 2]> = BTreeMap::new();
    (0..orders.len()).partition(|&at| {
        let Order { account, side, tick, .. } = orders[at];
        let [bid, ask] = best.entry(account).or_default();
        match side {
            Side::Buy if ask.is_none_or(|ask| tick < ask) => *bid = (*bid).max(Some(tick)),
            Side::Sell if bid.is_none_or(|bid| tick > bid) => {
                *ask = Some(ask.map_or(tick, |ask| ask.min(tick)));
            }
            Side::Buy | Side::Sell => return false,
        }
        true
    })
}

/// Ticks between which neither side changes.
#[derive(Clone, Copy)]
struct Segment {
    low: Tick,
    high: Tick,
    demand: u128,
    supply: u128,
}

impl Segment {
    fn volume(&self) -> u128 {
        self.demand.min(self.supply)
    }

    /// Greater is better: more volume, then less imbalance.
    fn rank(&self) -> (u128, Reverse<u128>) {
        (self.volume(), Reverse(self.demand.abs_diff(self.supply)))
    }
}

/// Rule A-1: the tick and the executed volume; `None` when nothing crosses.
fn clearing_tick(orders: &[Order], live: &[usize], reference: Tick) -> Option<(Tick, u128)> {
    let segments = segments(orders, live);
    let rank = segments.iter().map(Segment::rank).max().filter(|rank| rank.0 > 0)?;
    let tied = || segments.iter().filter(|segment| segment.rank() == rank);
    // D falls and S rises, so surpluses of bids lie below balance, and surpluses of asks above.
    let highest_long = tied().rfind(|segment| segment.demand > segment.supply);
    let lowest_short = tied().find(|segment| segment.demand < segment.supply);
    let tick = match (highest_long, lowest_short) {
        (Some(long), None) => long.high,
        (None, Some(short)) => short.low,
        (Some(long), Some(short)) => reference.clamp(long.high, short.low),
        (None, None) => {
            let (low, high) = (tied().next()?.low, tied().next_back()?.high);
            reference.clamp(low, high)
        }
    };
    Some((tick, rank.0))
}

/// All segments in which both sides may have lots, from low to high.
fn segments(orders: &[Order], live: &[usize]) -> Vec<Segment> {
    let mut steps: Vec<(u64, Side, u128)> = live
        .iter()
        .map(|&at| match orders[at].side {
            // A bid is gone above its tick, an ask is there from its tick on.
            Side::Buy => (u64::from(orders[at].tick.0) + 1, Side::Buy, lots(&orders[at])),
            Side::Sell => (u64::from(orders[at].tick.0), Side::Sell, lots(&orders[at])),
        })
        .collect();
    steps.sort_unstable_by_key(|step| step.0);
    let bids = steps.iter().filter(|step| step.1 == Side::Buy);
    let (mut demand, mut supply) = (bids.map(|step| step.2).sum::<u128>(), 0);
    let mut segments = Vec::with_capacity(steps.len());
    for pair in steps.windows(2) {
        let (from, side, lots) = pair[0];
        match side {
            Side::Buy => demand -= lots,
            Side::Sell => supply += lots,
        }
        let beyond = pair[1].0;
        if from < beyond {
            segments.push(Segment { low: tick(from), high: tick(beyond - 1), demand, supply });
        }
    }
    segments
}

fn tick(raw: u64) -> Tick {
    Tick(u32::try_from(raw).expect("a segment ends at a tick of an order"))
}

fn lots(order: &Order) -> u128 {
    u128::from(order.lots.0)
}

fn by_time(orders: &[Order], marginal: &[usize], mut left: u128, filled: &mut [Lots]) {
    for &at in marginal {
        let part = lots(&orders[at]).min(left);
        filled[at] = as_lots(part);
        left -= part;
    }
}

/// One batch after the other, each whole while there is enough.
fn by_batch(orders: &[Order], marginal: &[usize], mut left: u128, filled: &mut [Lots]) {
    for batch in marginal.chunk_by(|&a, &b| orders[a].batch == orders[b].batch) {
        let share = left.min(batch.iter().map(|&at| lots(&orders[at])).sum());
        pro_rata(orders, batch, share, filled);
        left -= share;
    }
}

/// Each the floor of its share, then one lot more for the largest remainders.
fn pro_rata(orders: &[Order], marginal: &[usize], left: u128, filled: &mut [Lots]) {
    let signed = |lots: u128| i128::try_from(lots).expect("fewer than 2^63 orders of a u64");
    let total: i128 = marginal.iter().map(|&at| signed(lots(&orders[at]))).sum();
    let share = signed(left).min(total);
    let mut remainders: Vec<(Reverse<i128>, usize)> = Vec::with_capacity(marginal.len());
    let mut spare = share;
    for &at in marginal {
        let own = signed(lots(&orders[at]));
        let part = mul_div(own, share, total.max(1), Round::Down).expect("a part of its own lots");
        // Smaller than the total, so arithmetic modulo 2^128 gives it exactly.
        let remainder = own.wrapping_mul(share).wrapping_sub(part.wrapping_mul(total));
        filled[at] = as_lots(part.unsigned_abs());
        spare -= part;
        remainders.push((Reverse(remainder), at));
    }
    remainders.sort_unstable();
    let extra = usize::try_from(spare).expect("less than one lot for each order");
    for &(_, at) in &remainders[..extra] {
        filled[at] = Lots(filled[at].0 + 1);
    }
}

fn as_lots(lots: u128) -> Lots {
    Lots(u64::try_from(lots).expect("a part of one order"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TICKS: u32 = 24;

    fn order(account: u32, side: Side, tick: u32, lots: u64) -> Order {
        Order { account: AccountId(account), side, tick: Tick(tick), lots: Lots(lots), batch: 0 }
    }

    /// `B5@10 S3@9 …`, each order by an account of its own.
    fn orders(text: &str) -> Vec<Order> {
        let parse = |(account, word): (u32, &str)| {
            let (lots, tick) = word[1..].split_once('@').expect("lots@tick");
            let side = if word.starts_with('B') { Side::Buy } else { Side::Sell };
            order(account, side, tick.parse().expect("tick"), lots.parse().expect("lots"))
        };
        (0..).zip(text.split_whitespace()).map(parse).collect()
    }

    fn filled(clearing: &Clearing) -> Vec<u64> {
        clearing.filled.iter().map(|lots| lots.0).collect()
    }

    #[test]
    fn a_1_the_tick_follows_volume_then_imbalance_then_pressure_then_reference() {
        let table = [
            ("", 10, None),
            ("B5@9 S5@10", 10, None),
            ("B5@10 S5@10", 3, Some(10)),
            // Balanced from 8 to 12: nearest to the reference.
            ("B5@12 S5@8", 10, Some(10)),
            ("B5@12 S5@8", 2, Some(8)),
            ("B5@12 S5@8", 99, Some(12)),
            // Pressure: only bids in surplus, highest; only asks, lowest.
            ("B9@12 S5@8", 8, Some(12)),
            ("B5@12 S9@8", 12, Some(8)),
            // Most volume wins against the reference.
            ("B5@12 B5@11 S5@8 S5@11", 8, Some(11)),
            // The same volume, a smaller imbalance above 10.
            ("B6@20 B5@10 S5@1", 1, Some(20)),
            // A surplus of five bids up to 10, of five asks from 11 on.
            ("B5@20 B5@10 S5@1 S5@11", 3, Some(10)),
            ("B5@20 B5@10 S5@1 S5@11", 15, Some(11)),
            ("B1@4294967295 S1@4294967295", 1, Some(u32::MAX)),
        ];
        for (text, reference, expected) in table {
            let clearing = clear(&orders(text), Tick(reference), Allocation::Time);
            assert_eq!(clearing.tick, expected.map(Tick), "{text} about {reference}");
        }
    }

    #[test]
    fn a_2_the_long_side_shares_at_the_tick_by_time_or_in_proportion() {
        let book = orders("B2@12 B4@10 B4@10 B3@10 S7@8");
        let time = clear(&book, Tick(10), Allocation::Time);
        assert_eq!((time.tick, filled(&time)), (Some(Tick(10)), vec![2, 4, 1, 0, 7]));
        // 5 over 11 lots: 1.81, 1.81, 1.36.
        let shared = clear(&book, Tick(10), Allocation::ProRata);
        assert_eq!(filled(&shared), [2, 2, 2, 1, 7]);
        // The third bid is of a later batch than the second, and shares with the fourth.
        let batches = [0, 0, 1, 1, 1];
        let later = |(order, batch): (Order, u64)| Order { batch, ..order };
        let book: Vec<Order> = book.into_iter().zip(batches).map(later).collect();
        let shared = clear(&book, Tick(10), Allocation::ProRata);
        assert_eq!(filled(&shared), [2, 4, 1, 0, 7]);
    }

    #[test]
    fn a_2_shares_of_the_largest_orders_are_exact() {
        let huge = u64::MAX;
        let book: Vec<Order> = (0..7)
            .map(|account| order(account, Side::Buy, 5, huge - u64::from(account)))
            .chain((7..10).map(|account| order(account, Side::Sell, 5, huge)))
            .collect();
        let clearing = clear(&book, Tick(5), Allocation::ProRata);
        let bought: u128 = clearing.filled[..7].iter().map(|lots| u128::from(lots.0)).sum();
        assert_eq!((bought, clearing.volume), (3 * u128::from(huge), 3 * u128::from(huge)));
        assert!(clearing.filled[..7].windows(2).all(|pair| pair[0] >= pair[1]));
    }

    #[test]
    fn a_3_the_newer_of_two_own_orders_that_cross_is_cut_whole() {
        let book = [
            order(1, Side::Buy, 10, 5),
            order(1, Side::Sell, 9, 50), // crosses the bid above
            order(1, Side::Sell, 11, 2),
            order(1, Side::Buy, 11, 1), // crosses the ask above
            order(2, Side::Sell, 8, 3),
        ];
        let clearing = clear(&book, Tick(10), Allocation::Time);
        assert_eq!(clearing.cut, [1, 3]);
        assert_eq!(filled(&clearing), [3, 0, 0, 0, 3]);
    }

    /// Rules read word by word: every tick is tried, every lot is dealt.
    fn naive(orders: &[Order], reference: Tick, allocation: Allocation) -> Clearing {
        let mut cut = Vec::new();
        for (at, new) in orders.iter().enumerate() {
            let crosses = |old: usize| {
                let old = &orders[old];
                old.account == new.account && old.side != new.side && old.accepts(new.tick)
            };
            if (0..at).any(|old| !cut.contains(&old) && crosses(old)) {
                cut.push(at);
            }
        }
        let sum = |side: Side, tick: Tick| -> u128 {
            let live = orders.iter().enumerate().filter(|(at, _)| !cut.contains(at));
            live.filter(|(_, o)| o.side == side && o.accepts(tick)).map(|(_, o)| lots(o)).sum()
        };
        let sides = |tick: Tick| (sum(Side::Buy, tick), sum(Side::Sell, tick));
        let volume = |tick: &Tick| sides(*tick).0.min(sides(*tick).1);
        let imbalance = |tick: &Tick| sides(*tick).0.abs_diff(sides(*tick).1);
        let mut ticks: Vec<Tick> = (1..=TICKS + 1).map(Tick).collect();
        let most = ticks.iter().map(volume).max().unwrap_or(0);
        let mut filled = vec![Lots(0); orders.len()];
        if most == 0 {
            return Clearing { tick: None, volume: 0, filled, cut };
        }
        ticks.retain(|tick| volume(tick) == most);
        let least = ticks.iter().map(imbalance).min().unwrap_or(0);
        ticks.retain(|tick| imbalance(tick) == least);
        let long = |tick: &Tick| sides(*tick).0 > sides(*tick).1;
        let short = |tick: &Tick| sides(*tick).0 < sides(*tick).1;
        if ticks.iter().all(long) {
            ticks.drain(..ticks.len() - 1);
        } else if ticks.iter().all(short) {
            ticks.truncate(1);
        } else if ticks.iter().any(long) {
            let high = ticks.iter().copied().rfind(|tick| long(tick));
            let low = ticks.iter().copied().find(|tick| short(tick));
            ticks.retain(|tick| Some(*tick) == high || Some(*tick) == low);
        }
        ticks.sort_by_key(|tick| tick.0.abs_diff(reference.0));
        let tick = ticks[0];
        for side in [Side::Buy, Side::Sell] {
            let mut mine: Vec<usize> = (0..orders.len())
                .filter(|at| !cut.contains(at) && orders[*at].side == side)
                .filter(|at| orders[*at].accepts(tick))
                .collect();
            mine.sort_by_key(|&at| orders[at].tick.0.abs_diff(tick.0) == 0);
            deal(orders, &mine, tick, (most, allocation), &mut filled);
        }
        Clearing { tick: Some(tick), volume: most, filled, cut }
    }

    /// Deals lots one by one: by time, or to whom the most of the exact share is still owed.
    fn deal(
        orders: &[Order],
        mine: &[usize],
        tick: Tick,
        (volume, allocation): (u128, Allocation),
        filled: &mut [Lots],
    ) {
        let (better, marginal): (Vec<usize>, Vec<usize>) =
            mine.iter().partition(|&&at| orders[at].tick != tick);
        better.iter().for_each(|&at| filled[at] = orders[at].lots);
        let share = volume - better.iter().map(|&at| lots(&orders[at])).sum::<u128>();
        if allocation == Allocation::ProRata {
            return deal_batches(orders, &marginal, share, filled);
        }
        for _ in 0..share {
            let next = marginal.iter().copied().find(|&at| filled[at] < orders[at].lots);
            filled[next.expect("the other side has as many lots")].0 += 1;
        }
    }

    /// The oldest batch that wants lots gets them: whole lots of the share first, then the largest
    /// remainder.
    fn deal_batches(orders: &[Order], marginal: &[usize], mut left: u128, filled: &mut [Lots]) {
        let mut batches: Vec<u64> = marginal.iter().map(|&at| orders[at].batch).collect();
        batches.dedup();
        for batch in batches {
            let own = marginal.iter().copied().filter(|&at| orders[at].batch == batch);
            let own: Vec<usize> = own.collect();
            let total: u128 = own.iter().map(|&at| lots(&orders[at])).sum();
            let share = total.min(left);
            left -= share;
            deal_shares(orders, &own, (share, total), filled);
        }
    }

    fn deal_shares(
        orders: &[Order],
        marginal: &[usize],
        (share, total): (u128, u128),
        filled: &mut [Lots],
    ) {
        for _ in 0..share {
            let owed = |at: &usize| {
                let exact = (lots(&orders[*at]) * share) as i128;
                exact - (u128::from(filled[*at].0) * total) as i128
            };
            let whole = marginal.iter().copied().find(|at| owed(at) >= total as i128);
            let next = whole.or_else(|| marginal.iter().copied().rev().max_by_key(|at| owed(at)));
            filled[next.expect("the other side has as many lots")].0 += 1;
        }
    }

    fn any_order() -> impl Strategy<Value = Order> {
        (0u32..8, any::<bool>(), 1..=TICKS, 0u64..9).prop_map(|(account, buy, tick, lots)| {
            order(account, if buy { Side::Buy } else { Side::Sell }, tick, lots)
        })
    }

    fn any_orders() -> impl Strategy<Value = Vec<Order>> {
        let orders = prop::collection::vec((any_order(), 0u64..3), 0..24);
        orders.prop_map(|orders| {
            let batched = |(order, batch): (Order, u64)| Order { batch, ..order };
            let mut orders: Vec<Order> = orders.into_iter().map(batched).collect();
            orders.sort_by_key(|order| order.batch);
            orders
        })
    }

    fn any_allocation() -> impl Strategy<Value = Allocation> {
        prop_oneof![Just(Allocation::Time), Just(Allocation::ProRata)]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn a_1_a_2_a_3_the_auction_equals_its_naive_twin(
            book in any_orders(), reference in 1..=TICKS, allocation in any_allocation()
        ) {
            let expected = naive(&book, Tick(reference), allocation);
            prop_assert_eq!(clear(&book, Tick(reference), allocation), expected);
        }

        #[test]
        fn a_2_what_is_better_is_whole_what_is_left_does_not_cross_and_both_sides_agree(
            book in any_orders(), reference in 1..=TICKS, allocation in any_allocation()
        ) {
            let clearing = clear(&book, Tick(reference), allocation);
            let (mut sums, mut bid_left, mut ask_left) = ([0u128; 2], None, None);
            for (at, order) in book.iter().enumerate() {
                let done = clearing.filled[at];
                prop_assert!(done <= order.lots);
                sums[usize::from(order.side == Side::Sell)] += u128::from(done.0);
                let live = !clearing.cut.contains(&at);
                if let Some(tick) = clearing.tick {
                    prop_assert!(done.0 == 0 || (live && order.accepts(tick)));
                    let better = order.accepts(tick) && order.tick != tick;
                    prop_assert!(!live || !better || done == order.lots);
                }
                if live && done < order.lots {
                    match order.side {
                        Side::Buy => bid_left = bid_left.max(Some(order.tick)),
                        Side::Sell => ask_left = ask_left.max(Some(Reverse(order.tick))),
                    }
                }
            }
            prop_assert_eq!(sums, [clearing.volume; 2]);
            if let (Some(bid), Some(Reverse(ask))) = (bid_left, ask_left) {
                prop_assert!(bid < ask, "{:?} is left against {:?}", bid, ask);
            }
        }

        #[test]
        fn a_3_no_account_is_on_both_sides(book in any_orders(), reference in 1..=TICKS) {
            let clearing = clear(&book, Tick(reference), Allocation::ProRata);
            let traded = |side: Side| -> Vec<AccountId> {
                let of = |(order, lots): (&Order, &Lots)| {
                    (order.side == side && lots.0 > 0).then_some(order.account)
                };
                book.iter().zip(&clearing.filled).filter_map(of).collect()
            };
            let sellers = traded(Side::Sell);
            prop_assert!(traded(Side::Buy).iter().all(|buyer| !sellers.contains(buyer)));
        }

        #[test]
        fn a_1_one_more_order_never_makes_the_volume_smaller(
            book in any_orders(), more in any_order(), reference in 1..=TICKS
        ) {
            let before = clear(&book, Tick(reference), Allocation::Time).volume;
            let book: Vec<Order> = book.into_iter().chain([more]).collect();
            prop_assert!(clear(&book, Tick(reference), Allocation::Time).volume >= before);
        }

        #[test]
        fn a_2_in_a_batch_being_early_is_worth_at_most_one_lot(
            book in any_orders(), reference in 1..=TICKS
        ) {
            let alone = |(account, order): (u32, Order)| Order {
                account: AccountId(account), batch: 0, ..order
            };
            let book: Vec<Order> = (0..).zip(book).map(alone).collect();
            let late: Vec<Order> = book.iter().rev().copied().collect();
            let early = clear(&book, Tick(reference), Allocation::ProRata);
            let late = clear(&late, Tick(reference), Allocation::ProRata);
            prop_assert_eq!((early.tick, early.volume), (late.tick, late.volume));
            for (early, late) in early.filled.iter().zip(late.filled.iter().rev()) {
                prop_assert!(early.0.abs_diff(late.0) <= 1);
            }
        }
    }
}
