//! Holding a call auction (rules A-1 … ): book and collected orders trade at one tick.
//!
//! The book's orders are older than those collected. In each trade the younger order is the taker,
//! so a post-only order, which met nothing when it came, is always the maker. What is left of the
//! collected orders goes into the book in the order of arrival, but for immediate ones of a batch
//! that a halt cut short.

use money::{Price, Rate};

use super::accounts::settle_funding;
use super::orders::{Checked, cancel_in, commit_trade_at, note_handle, removed, trim_touched};
use super::permits::reference;
use crate::auction::{Allocation, Clearing, Order, clear};
use crate::book::{Book, Fill, FillKind, NewResting, Resting};
use crate::command::{Lifetime, SelfTrade};
use crate::event::{Event, Gone};
use crate::ids::{AccountId, Lots, MarketId, Side, Tick};
use crate::market::Market;
use crate::params::MarketParams;
use crate::state::{Level, State};

/// An order in an auction.
#[derive(Clone, Copy)]
pub(super) struct Entrant {
    pub(super) order: Resting,
    /// The batch in which it came (rule T-13); none is the oldest.
    pub(super) batch: u64,
    /// Whether it is the resting side whomever it meets (rule T-14).
    pub(super) passive: bool,
}

/// The rates of taker and maker in a trade of two entrants.
type Rates = fn(&MarketParams, &Entrant, &Entrant) -> [Rate; 2];

/// An order that trades in the auction.
#[derive(Clone, Copy)]
struct Part {
    /// Place in the list: its age.
    at: usize,
    entrant: Entrant,
    /// What it trades and has not been matched yet.
    lots: u64,
    /// What stays of it after the auction.
    left: u64,
}

/// Holds the auction of a market and returns its price, if anything traded.
pub(super) fn hold(state: &mut State, id: MarketId, events: &mut Vec<Event>) -> Option<Price> {
    drop_unsound(state, id, events);
    let wanted = reference(state, id);
    let market = &state.markets[id.index()];
    let list = entrants(market);
    let orders: Vec<Order> =
        list.iter().map(|entrant| entrant.order(entrant.order.owner)).collect();
    let clearing = clear(&orders, market.tick_within(wanted, Side::Buy), Allocation::Time);
    let rates: Rates = |params, _, _| [params.fee_taker, params.fee_maker];
    execute(state, id, (&list, &clearing), rates, events);
    clearing.tick.map(|tick| state.markets[id.index()].price(tick))
}

impl Entrant {
    /// As the auction sees it, of somebody who does not trade with itself.
    pub(super) fn order(&self, account: AccountId) -> Order {
        let Resting { side, tick, lots, .. } = self.order;
        Order { account, side, tick, lots, batch: self.batch }
    }
}

/// The orders of the book, then those collected.
pub(super) fn entrants(market: &Market) -> Vec<Entrant> {
    let book = market.book.orders().into_iter().map(|order| Entrant {
        order,
        batch: market.collected.batch(order.id),
        passive: true,
    });
    let collected = market.collected.entrants().map(|(order, lifetime)| Entrant {
        order,
        batch: u64::MAX,
        passive: lifetime == Lifetime::PostOnly,
    });
    book.chain(collected).collect()
}

/// Rule L-3 where liquidation had to wait: who is under maintenance trades no order.
pub(super) fn drop_unsound(state: &mut State, id: MarketId, events: &mut Vec<Event>) {
    for account in (0..state.accounts).map(AccountId) {
        let ordered = state.markets[id.index()].entry(account).orders > 0;
        if ordered
            && state.carries_risk(account)
            && !state.is_clearly_sound(account)
            && !state.health(account, Level::Maintenance).is_sound()
        {
            cancel_in(&mut state.markets[id.index()], id, account, Gone::Liquidation, events);
        }
    }
}

/// Carries a clearing out: what was cut goes, what trades trades, what is left rests.
pub(super) fn execute(
    state: &mut State,
    id: MarketId,
    (list, clearing): (&[Entrant], &Clearing),
    rates: Rates,
    events: &mut Vec<Event>,
) {
    let market = &mut state.markets[id.index()];
    for &at in &clearing.cut {
        let order = market.cancel_order(list[at].order.id).expect("the order was just listed");
        removed(market, id, &order, Gone::SelfTrade, events);
    }
    if let Some(tick) = clearing.tick {
        let parts = take_out(market, list, &clearing.filled);
        trade(state, (id, tick), parts, rates, events);
    }
    into_book(state, id, events);
    trim_touched(state, id, events);
}

/// Takes what trades out of the book and of the collected orders, and out of its owners' sums.
fn take_out(market: &mut Market, list: &[Entrant], filled: &[Lots]) -> [Vec<Part>; 2] {
    let mut parts = [Vec::new(), Vec::new()];
    for (at, (&entrant, &lots)) in list.iter().zip(filled).enumerate() {
        if lots.0 == 0 {
            continue;
        }
        let left = entrant.order.lots.0 - lots.0;
        take_lots(market, &entrant.order, lots);
        let side = usize::from(entrant.order.side == Side::Sell);
        parts[side].push(Part { at, entrant, lots: lots.0, left });
    }
    if market.params.rules.matching.is_batch() {
        // Passive orders come first, so that as few as can be meet each other.
        parts[1].reverse();
    }
    parts
}

fn take_lots(market: &mut Market, order: &Resting, lots: Lots) {
    market.note_resting(order.owner, order.side, order.tick, -i128::from(lots.0));
    if lots == order.lots {
        market.cancel_order(order.id).expect("the order was just listed");
        let entry = &mut market.entries[order.owner.index()];
        entry.orders -= 1;
        entry.reduce_only -= u32::from(order.reduce_only);
    } else if market.collected.order(order.id).is_some() {
        market.collected.shrink(order.id, lots);
    } else {
        market.book.shrink(order.id, lots);
    }
}

/// Pairs buyers and sellers and books their trades.
fn trade(
    state: &mut State,
    (id, tick): (MarketId, Tick),
    [mut bids, mut asks]: [Vec<Part>; 2],
    rates: Rates,
    events: &mut Vec<Event>,
) {
    state.scratch.touched.clear();
    let (mut bid, mut ask) = (0, 0);
    while let (Some(buyer), Some(seller)) = (bids.get_mut(bid), asks.get_mut(ask)) {
        let lots = buyer.lots.min(seller.lots);
        buyer.lots -= lots;
        seller.lots -= lots;
        let (maker, taker) =
            if buyer.at < seller.at { (&*buyer, &*seller) } else { (&*seller, &*buyer) };
        let rates = rates(&state.markets[id.index()].params, &taker.entrant, &maker.entrant);
        let (order, fill) = (checked(&taker.entrant, (id, tick), lots), filled(maker, tick, lots));
        bid += usize::from(buyer.lots == 0);
        ask += usize::from(seller.lots == 0);
        settle_funding(state, id, order.account, events);
        state.scratch.touched.push(order.account);
        commit_trade_at(state, &order, &fill, rates, events);
    }
}

/// The younger side of a trade.
fn checked(taker: &Entrant, (market, tick): (MarketId, Tick), lots: u64) -> Checked {
    Checked {
        account: taker.order.owner,
        market,
        side: taker.order.side,
        tick,
        lots: Lots(lots),
        client: taker.order.client,
        self_trade: SelfTrade::CancelTaker,
        liquidation: false,
    }
}

/// The older side of a trade.
fn filled(maker: &Part, tick: Tick, lots: u64) -> Fill {
    let Resting { id, owner, client, reduce_only, .. } = maker.entrant.order;
    Fill {
        maker: owner,
        maker_order: id,
        maker_client: client,
        tick,
        lots: Lots(lots),
        maker_left: Lots(maker.lots + maker.left),
        reduce_only,
        kind: FillKind::Trade,
    }
}

/// Lets what is left of the collected orders rest, and forgets what was immediate.
fn into_book(state: &mut State, id: MarketId, events: &mut Vec<Event>) {
    drop_immediate(state, id, Gone::Unfilled, events);
    let height = state.height;
    let market = &mut state.markets[id.index()];
    let batch = market.params.rules.matching.is_batch();
    if batch {
        market.collected.forget_batches(&market.book);
    }
    let waiting: Vec<Resting> = market.collected.orders().collect();
    for order in waiting {
        market.collected.cancel(order.id);
        let Resting { owner, side, tick, lots, client, reduce_only, .. } = order;
        let handle =
            market.book.insert(NewResting { owner, side, tick, lots, client, reduce_only });
        if batch {
            market.collected.note_batch(handle, height);
        }
        note_handle(market, owner, handle);
        let (account, qty) = (owner, market.qty(lots));
        events.push(Event::Rested { account, market: id, order: handle, client, qty });
    }
}

/// Cancels the immediate orders of a batch.
pub(super) fn drop_immediate(
    state: &mut State,
    id: MarketId,
    reason: Gone,
    events: &mut Vec<Event>,
) {
    let market = &mut state.markets[id.index()];
    let immediate = market.collected.entrants().filter(|(_, life)| *life == Lifetime::Immediate);
    let immediate: Vec<Resting> = immediate.map(|(order, _)| order).collect();
    for order in immediate {
        market.collected.cancel(order.id);
        removed(market, id, &order, reason, events);
    }
}
