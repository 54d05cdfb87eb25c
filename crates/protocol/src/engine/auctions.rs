//! Holding a call auction (rules A-1 … ): book and collected orders trade at one tick.
//!
//! The book's orders are older than those collected. In each trade the younger order is the taker,
//! so a post-only order, which met nothing when it came, is always the maker. What is left of the
//! collected orders goes into the book in the order of arrival.

use money::Price;

use super::accounts::settle_funding;
use super::orders::{Checked, cancel_in, commit_trade, note_handle, removed, trim_touched};
use super::permits::reference;
use crate::auction::{Allocation, Order, clear};
use crate::book::{Book, Fill, FillKind, NewResting, Resting, Taker};
use crate::command::SelfTrade;
use crate::event::{Event, Gone};
use crate::ids::{AccountId, Lots, MarketId, Side, Tick};
use crate::market::Market;
use crate::state::{Level, State};

/// An order that trades in the auction.
#[derive(Clone, Copy)]
struct Part {
    /// Place in the list: its age.
    at: usize,
    order: Resting,
    /// What it trades and has not been matched yet.
    lots: u64,
    /// What stays of it after the auction.
    left: u64,
}

/// Holds the auction of a market and returns its price, if anything traded.
pub(super) fn hold(state: &mut State, id: MarketId, events: &mut Vec<Event>) -> Option<Price> {
    drop_unsound(state, id, events);
    let wanted = reference(state, id);
    let market = &mut state.markets[id.index()];
    let mut list = market.book.orders();
    list.extend(market.collected.orders());
    let orders: Vec<Order> = list
        .iter()
        .map(|&Resting { owner: account, side, tick, lots, .. }| Order {
            account,
            side,
            tick,
            lots,
        })
        .collect();
    let clearing = clear(&orders, market.tick_within(wanted, Side::Buy), Allocation::Time);
    for &at in &clearing.cut {
        let order = market.cancel_order(list[at].id).expect("the order was just listed");
        removed(market, id, &order, Gone::SelfTrade, events);
    }
    if let Some(tick) = clearing.tick {
        let parts = take_out(market, &list, &clearing.filled);
        trade(state, (id, tick), parts, events);
    }
    into_book(&mut state.markets[id.index()], id, events);
    trim_touched(state, id, events);
    clearing.tick.map(|tick| state.markets[id.index()].price(tick))
}

/// Rule L-3 where liquidation had to wait: who is under maintenance trades no order.
fn drop_unsound(state: &mut State, id: MarketId, events: &mut Vec<Event>) {
    for account in (0..state.accounts).map(AccountId) {
        let ordered = state.markets[id.index()].entry(account).orders > 0;
        if ordered
            && state.carries_risk(account)
            && !state.health(account, Level::Maintenance).is_sound()
        {
            cancel_in(&mut state.markets[id.index()], id, account, Gone::Liquidation, events);
        }
    }
}

/// Takes what trades out of the book and of the collected orders, and out of its owners' sums.
fn take_out(market: &mut Market, list: &[Resting], filled: &[Lots]) -> [Vec<Part>; 2] {
    let mut parts = [Vec::new(), Vec::new()];
    // Whole orders first: then one that trades in part is the first of its book.
    for whole in [true, false] {
        for (at, (&order, &lots)) in list.iter().zip(filled).enumerate() {
            if lots.0 == 0 || (lots == order.lots) != whole {
                continue;
            }
            let left = order.lots.0 - lots.0;
            take_lots(market, &order, lots);
            let side = usize::from(order.side == Side::Sell);
            parts[side].push(Part { at, order, lots: lots.0, left });
        }
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
        // Nobody's order takes from the front of the book.
        let (owner, side) = (AccountId(u32::MAX), order.side.opposite());
        let (limit, self_trade) = (order.tick, SelfTrade::CancelTaker);
        let mut fills = Vec::new();
        let taken = market.book.take(Taker { owner, side, limit, lots, self_trade }, &mut fills);
        let first = fills.first().map(|fill| (fill.maker_order, fill.lots));
        assert_eq!((taken.left, first), (Lots(0), Some((order.id, lots))));
    }
}

/// Pairs buyers and sellers and books their trades.
fn trade(
    state: &mut State,
    (id, tick): (MarketId, Tick),
    [mut bids, mut asks]: [Vec<Part>; 2],
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
        let order = Checked {
            account: taker.order.owner,
            market: id,
            side: taker.order.side,
            tick,
            lots: Lots(lots),
            client: taker.order.client,
            self_trade: SelfTrade::CancelTaker,
            liquidation: false,
        };
        let fill = Fill {
            maker: maker.order.owner,
            maker_order: maker.order.id,
            maker_client: maker.order.client,
            tick,
            lots: Lots(lots),
            maker_left: Lots(maker.lots + maker.left),
            reduce_only: maker.order.reduce_only,
            kind: FillKind::Trade,
        };
        bid += usize::from(buyer.lots == 0);
        ask += usize::from(seller.lots == 0);
        settle_funding(state, id, order.account, events);
        state.scratch.touched.push(order.account);
        commit_trade(state, &order, &fill, events);
    }
}

/// Lets what is left of the collected orders rest.
fn into_book(market: &mut Market, id: MarketId, events: &mut Vec<Event>) {
    let waiting: Vec<Resting> = market.collected.orders().collect();
    for order in waiting {
        market.collected.cancel(order.id);
        let Resting { owner, side, tick, lots, client, reduce_only, .. } = order;
        let handle =
            market.book.insert(NewResting { owner, side, tick, lots, client, reduce_only });
        note_handle(market, owner, handle);
        let (account, qty) = (owner, market.qty(lots));
        events.push(Event::Rested { account, market: id, order: handle, client, qty });
    }
}
