//! The fast book against the naive one: the same handles, fills, levels and bytes, step by step.

use proptest::prelude::*;
use protocol::book::{Book, FastBook, Fill, NaiveBook, NewResting, Taker};
use protocol::command::SelfTrade;
use protocol::ids::{AccountId, ClientId, Lots, OrderId, Side, Tick};

use crate::streams::{Draw, STREAM_A, Stream, generate, play};

/// A step of a random history.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// Matches, and rests what is left if `rests`.
    Order { taker: Taker, reduce_only: bool, rests: bool },
    /// Cancels the handle at this place (modulo) among all that were ever given.
    Cancel(usize),
    /// Takes all but one lot from the order at this place.
    Shrink(usize),
    /// Replaces both books by their own snapshots.
    Restore,
}

/// Both books, and all handles that were given.
#[derive(Default)]
struct Pair {
    naive: NaiveBook,
    fast: FastBook,
    handles: Vec<OrderId>,
}

impl Pair {
    fn step(&mut self, step: Step) {
        match step {
            Step::Order { taker, reduce_only, rests } => self.order(taker, reduce_only, rests),
            Step::Cancel(at) if !self.handles.is_empty() => {
                let id = self.handles[at % self.handles.len()];
                assert_eq!(self.naive.order(id), self.fast.order(id));
                assert_eq!(self.naive.cancel(id), self.fast.cancel(id));
            }
            Step::Shrink(at) => {
                let id = self.handles.get(at % self.handles.len().max(1)).copied();
                let order = id.and_then(|id| self.naive.order(id));
                if let Some(order) = order.filter(|order| order.lots > Lots(1)) {
                    self.naive.shrink(order.id, Lots(order.lots.0 - 1));
                    self.fast.shrink(order.id, Lots(order.lots.0 - 1));
                }
            }
            Step::Cancel(_) => assert_eq!(self.fast.cancel(OrderId(0)), None),
            Step::Restore => {
                self.naive =
                    NaiveBook::read_canonical(&mut canonical(&self.fast).as_slice()).unwrap();
                self.fast =
                    FastBook::read_canonical(&mut canonical(&self.naive).as_slice()).unwrap();
            }
        }
        for side in [Side::Buy, Side::Sell] {
            assert_eq!(self.naive.best(side), self.fast.best(side));
        }
        assert_eq!(self.naive.len(), self.fast.len());
    }

    fn order(&mut self, taker: Taker, reduce_only: bool, rests: bool) {
        let Taker { owner, side, limit, .. } = taker;
        assert_eq!(self.naive.would_cross(side, limit), self.fast.would_cross(side, limit));
        let (mut naive, mut fast): (Vec<Fill>, Vec<Fill>) = Default::default();
        let taken = self.naive.take(taker, &mut naive);
        assert_eq!(taken, self.fast.take(taker, &mut fast));
        assert_eq!(naive, fast);
        if !rests || taken.self_trade || taken.left == Lots(0) {
            return;
        }
        let client = ClientId(self.handles.len() as u64);
        let order = NewResting { owner, side, tick: limit, lots: taken.left, client, reduce_only };
        let id = self.naive.insert(order);
        assert_eq!(id, self.fast.insert(order));
        assert!(self.handles.last() != Some(&id));
        self.handles.push(id);
    }

    fn compare(&self) {
        assert_eq!(self.naive.orders(), self.fast.orders());
        for side in [Side::Buy, Side::Sell] {
            assert!(self.naive.levels(side).eq(self.fast.levels(side)));
        }
        assert_eq!(canonical(&self.naive), canonical(&self.fast));
    }
}

fn canonical<B: Book>(book: &B) -> Vec<u8> {
    let mut out = Vec::new();
    book.write_canonical(&mut out);
    out
}

/// A history whose prices lie `width` ticks around a middle that drifts by up to `drift` ticks a
/// step and jumps anywhere in one of 400 steps; one of 20 prices is anywhere at all.
fn history(seed: u64, steps: usize, width: u64, drift: u64) -> impl Iterator<Item = Step> {
    let mut draw = Draw(seed);
    let mut middle = draw.bits() as u32;
    (0..steps).map(move |_| {
        let step = draw.below(2 * drift + 1) as i64 - drift as i64;
        middle = middle.saturating_add_signed(step as i32);
        match draw.below(400) {
            0 => middle = draw.bits() as u32,
            1 => middle = 1,
            2 => middle = u32::MAX,
            3 => return Step::Restore,
            4..120 => return Step::Cancel(draw.bits() as usize),
            120.. => {}
        }
        let near = draw.below(2 * width + 1) as i64 - width as i64;
        let anywhere = draw.below(20) == 0;
        let limit =
            if anywhere { draw.bits() as u32 } else { middle.saturating_add_signed(near as i32) };
        let taker = Taker {
            owner: AccountId(draw.below(6) as u32),
            side: draw.side(),
            limit: Tick(limit.max(1)),
            lots: Lots(1 + draw.below(9)),
            self_trade: match draw.below(3) {
                0 => SelfTrade::CancelTaker,
                1 => SelfTrade::CancelMaker,
                _ => SelfTrade::CancelBoth,
            },
        };
        Step::Order { taker, reduce_only: draw.below(2) == 0, rests: draw.below(8) > 0 }
    })
}

fn agree(steps: impl Iterator<Item = Step>) {
    let mut pair = Pair::default();
    for (at, step) in steps.enumerate() {
        pair.step(step);
        if at % 64 == 0 {
            pair.compare();
        }
    }
    pair.compare();
}

fn step() -> impl Strategy<Value = Step> {
    let tick = prop_oneof![
        4 => 1_u32..12,
        4 => 65_530_u32..65_545,
        2 => (u32::MAX - 6)..=u32::MAX,
        1 => 1_u32..=u32::MAX,
    ];
    let mode = prop_oneof![
        Just(SelfTrade::CancelTaker),
        Just(SelfTrade::CancelMaker),
        Just(SelfTrade::CancelBoth)
    ];
    let side = prop_oneof![Just(Side::Buy), Just(Side::Sell)];
    let order = (0_u32..3, side, tick, 1_u64..9, mode, any::<bool>(), any::<bool>()).prop_map(
        |(owner, side, tick, lots, self_trade, reduce_only, rests)| {
            let (owner, limit, lots) = (AccountId(owner), Tick(tick), Lots(lots));
            Step::Order {
                taker: Taker { owner, side, limit, lots, self_trade },
                reduce_only,
                rests,
            }
        },
    );
    prop_oneof![
        8 => order,
        3 => any::<usize>().prop_map(Step::Cancel),
        1 => any::<usize>().prop_map(Step::Shrink),
        1 => Just(Step::Restore)
    ]
}

/// The sum of a level, kept as orders come and go, once it does not fit and after it does again.
#[test]
fn a_level_of_more_lots_than_fit_shows_the_most_that_do() {
    let mut pair = Pair::default();
    let order = |owner, lots| Step::Order {
        taker: Taker {
            owner: AccountId(owner),
            side: Side::Buy,
            limit: Tick(100),
            lots: Lots(lots),
            self_trade: SelfTrade::CancelMaker,
        },
        reduce_only: false,
        rests: true,
    };
    for lots in [1, u64::MAX / 2, u64::MAX / 2, 5, u64::MAX] {
        pair.step(order(1, lots));
        pair.compare();
    }
    assert_eq!(pair.fast.levels(Side::Buy).next(), Some((Tick(100), Lots(u64::MAX))));
    let sale = Taker {
        owner: AccountId(2),
        side: Side::Sell,
        limit: Tick(100),
        lots: Lots(u64::MAX / 2),
        self_trade: SelfTrade::CancelMaker,
    };
    pair.step(Step::Order { taker: sale, reduce_only: false, rests: false });
    pair.compare();
    for place in [4, 2, 3] {
        pair.step(Step::Cancel(place));
        pair.compare();
    }
    // What is left after the sale is a single lot; then the level begins anew.
    assert_eq!(pair.fast.levels(Side::Buy).next(), Some((Tick(100), Lots(1))));
    pair.step(Step::Cancel(1));
    pair.step(order(1, 7));
    pair.compare();
    assert_eq!(pair.fast.levels(Side::Buy).next(), Some((Tick(100), Lots(7))));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn short_histories_agree(steps in prop::collection::vec(step(), 1..120)) {
        agree(steps.into_iter());
    }

    #[test]
    fn histories_around_a_drifting_market_agree(
        seed: u64,
        width in prop::sample::select(vec![3, 200, 20_000, 90_000]),
        drift in prop::sample::select(vec![0, 10, 500, 8_000]),
    ) {
        agree(history(seed, 600, width, drift));
    }
}

#[test]
fn long_history_across_many_windows_agrees() {
    agree(history(11, 20_000, 300, 300));
}

#[test]
fn stream_gives_the_same_fills_in_both_books() {
    let stream = Stream { messages: 50_000, ..STREAM_A };
    let messages = generate::<NaiveBook>(&stream);
    let (naive, fast) = (play::<NaiveBook>(&messages), play::<FastBook>(&messages));
    assert_eq!(naive.totals.trades, 14_848);
    assert_eq!(naive.totals, fast.totals);
    assert_eq!(canonical(&naive.book), canonical(&fast.book));
}
