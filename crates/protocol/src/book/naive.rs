//! The book as its definition says it: a sorted map from price to a queue for each side. No look-up
//! by handle walks a queue, since what rests there is for others to choose. Tests compare
//! [`super::FastBook`] with it. As it holds nothing while it is empty, where a fast book holds a
//! window of a megabyte, the hundreds of series of options use it.

use std::collections::BTreeMap;

use super::{
    Book, Fill, FillKind, LAST_GENERATION, NewResting, Resting, Snapshot, Taken, Taker, handle,
    parts, reaches,
};
use crate::command::SelfTrade;
use crate::ids::{Lots, OrderId, Side, Tick};

/// Orders of one price by their arrival.
type Queue = BTreeMap<u64, Resting>;
type Levels = BTreeMap<Tick, Queue>;

/// The obviously correct book.
#[derive(Clone, Debug, Default)]
pub struct NaiveBook {
    bids: Levels,
    asks: Levels,
    /// Where each resting order is.
    places: BTreeMap<OrderId, (Side, Tick, u64)>,
    /// The next arrival.
    arrivals: u64,
    /// The generation of every slot that was ever used.
    generations: Vec<u32>,
    /// Free slots; the last one is reused first.
    free: Vec<u32>,
}

impl Book for NaiveBook {
    fn best(&self, side: Side) -> Option<Tick> {
        match side {
            Side::Buy => self.bids.keys().next_back().copied(),
            Side::Sell => self.asks.keys().next().copied(),
        }
    }

    fn insert(&mut self, order: NewResting) -> OrderId {
        assert!(order.lots > Lots(0), "a resting order has lots");
        assert!(!self.would_cross(order.side, order.tick), "a resting order does not cross");
        let id = self.allocate();
        self.rest(Resting {
            id,
            owner: order.owner,
            side: order.side,
            tick: order.tick,
            lots: order.lots,
            client: order.client,
            reduce_only: order.reduce_only,
        });
        id
    }

    fn take(&mut self, taker: Taker, fills: &mut Vec<Fill>) -> Taken {
        let side = taker.side.opposite();
        let mut left = taker.lots;
        while left > Lots(0) {
            let Some(tick) = self.best(side).filter(|best| reaches(taker.side, taker.limit, *best))
            else {
                break;
            };
            let queue = self.levels_mut(side).get_mut(&tick).expect("the best level exists");
            let mut maker = queue.first_entry().expect("a level has an order");
            let maker = maker.get_mut();
            let own = maker.owner == taker.owner;
            if own && taker.self_trade == SelfTrade::CancelTaker {
                return Taken { left, self_trade: true };
            }
            let removes_maker_only = own && taker.self_trade == SelfTrade::CancelMaker;
            let lots = if removes_maker_only { maker.lots } else { maker.lots.min(left) };
            maker.lots = Lots(maker.lots.0 - lots.0);
            left = if removes_maker_only { left } else { Lots(left.0 - lots.0) };
            let maker = *maker;
            fills.push(Fill {
                maker: maker.owner,
                maker_order: maker.id,
                maker_client: maker.client,
                tick,
                lots,
                maker_left: maker.lots,
                reduce_only: maker.reduce_only,
                kind: if own { FillKind::SelfTradeCancel } else { FillKind::Trade },
            });
            if maker.lots == Lots(0) {
                self.remove(maker.id).expect("the maker rests");
            }
        }
        Taken { left, self_trade: false }
    }

    fn cancel(&mut self, id: OrderId) -> Option<Resting> {
        self.remove(id)
    }

    fn shrink(&mut self, id: OrderId, by: Lots) {
        let (side, tick, arrival) = *self.places.get(&id).expect("the order rests");
        let queue = self.levels_mut(side).get_mut(&tick).expect("the order's level exists");
        let order = queue.get_mut(&arrival).expect("its level holds it");
        assert!(order.lots > by, "an order keeps a lot");
        order.lots = Lots(order.lots.0 - by.0);
    }

    fn order(&self, id: OrderId) -> Option<Resting> {
        let (side, tick, arrival) = *self.places.get(&id)?;
        self.levels_of(side).get(&tick)?.get(&arrival).copied()
    }

    fn len(&self) -> usize {
        self.places.len()
    }

    fn levels(&self, side: Side) -> impl Iterator<Item = (Tick, Lots)> {
        let (bids, asks) = match side {
            Side::Buy => (Some(self.bids.iter().rev()), None),
            Side::Sell => (None, Some(self.asks.iter())),
        };
        let levels = bids.into_iter().flatten().chain(asks.into_iter().flatten());
        levels.map(|(tick, queue)| (*tick, total(queue)))
    }

    fn orders(&self) -> Vec<Resting> {
        let bids = self.bids.values().rev().flat_map(Queue::values);
        let asks = self.asks.values().flat_map(Queue::values);
        bids.chain(asks).copied().collect()
    }

    fn snapshot(&self) -> Snapshot {
        Snapshot {
            generations: self.generations.clone(),
            free: self.free.iter().rev().copied().collect(),
            orders: self.orders(),
        }
    }

    fn restore(snapshot: &Snapshot) -> NaiveBook {
        let mut book = NaiveBook {
            generations: snapshot.generations.clone(),
            free: snapshot.free.iter().rev().copied().collect(),
            ..NaiveBook::default()
        };
        for order in &snapshot.orders {
            book.rest(*order);
        }
        book
    }
}

impl NaiveBook {
    fn levels_of(&self, side: Side) -> &Levels {
        match side {
            Side::Buy => &self.bids,
            Side::Sell => &self.asks,
        }
    }

    fn levels_mut(&mut self, side: Side) -> &mut Levels {
        match side {
            Side::Buy => &mut self.bids,
            Side::Sell => &mut self.asks,
        }
    }

    fn allocate(&mut self) -> OrderId {
        if let Some(slot) = self.free.pop() {
            let generation = &mut self.generations[slot as usize];
            *generation += 1;
            return handle(slot, *generation);
        }
        let slot = u32::try_from(self.generations.len()).expect("fewer than 2^32 orders");
        self.generations.push(0);
        handle(slot, 0)
    }

    fn rest(&mut self, order: Resting) {
        let arrival = self.arrivals;
        self.arrivals += 1;
        self.places.insert(order.id, (order.side, order.tick, arrival));
        self.levels_mut(order.side).entry(order.tick).or_default().insert(arrival, order);
    }

    fn remove(&mut self, id: OrderId) -> Option<Resting> {
        let (side, tick, arrival) = self.places.remove(&id)?;
        let levels = self.levels_mut(side);
        let queue = levels.get_mut(&tick).expect("the order's level exists");
        let order = queue.remove(&arrival).expect("its level holds the order");
        if queue.is_empty() {
            levels.remove(&tick);
        }
        let (slot, generation) = parts(id);
        if generation != LAST_GENERATION {
            self.free.push(slot);
        }
        Some(order)
    }
}

fn total(queue: &Queue) -> Lots {
    queue.values().fold(Lots(0), |sum, order| Lots(sum.0.saturating_add(order.lots.0)))
}
