//! The maker of one market: shows the depth of the incident around the true price.
//!
//! What is taken from it comes back with a time constant of a minute, so a cascade meets a book
//! that is as thin as its flow is large. Quotes stay where they are while the price does, and age.

use money::{Amount, Price, Qty, Round};
use pricing::convert;
use protocol::command::{Command, Lifetime, Message, NewOrder, SelfTrade, Sender};
use protocol::event::Event;
use protocol::ids::{AccountId, ClientId, MarketId, Side};
use protocol::state::State;

use super::course::as_price;

/// Distance of each level from the price and its part of the depth; the first six make up what is
/// within 2 %.
const LEVELS: [(f64, f64); 8] = [
    (0.001, 0.10),
    (0.0025, 0.15),
    (0.005, 0.20),
    (0.010, 0.20),
    (0.015, 0.20),
    (0.0195, 0.15),
    (0.030, 0.25),
    (0.050, 0.25),
];
/// Time constant with which taken depth comes back.
const REFILL_S: f64 = 60.0;
/// Move of the price, or change of the depth, that is quoted anew.
const MOVE: f64 = 0.0005;
const CHANGE: f64 = 0.15;

/// A maker.
#[derive(Clone, Debug)]
pub(super) struct Maker {
    account: AccountId,
    market: MarketId,
    /// Notional left to show, bids and asks.
    stock: [f64; 2],
    /// What is shown.
    shown: [f64; 2],
    /// The price that the quotes are around.
    around: f64,
}

impl Maker {
    /// A maker that has shown nothing yet.
    pub fn new(account: AccountId, market: MarketId, depth: f64) -> Maker {
        Maker { account, market, stock: [depth; 2], shown: [0.0; 2], around: 0.0 }
    }

    /// Its messages for the next block.
    pub fn quote(
        &mut self,
        state: &State,
        (price, depth): (f64, f64),
        elapsed_s: f64,
        out: &mut Vec<Message>,
    ) {
        let back = 1.0 - libm::exp(-elapsed_s / REFILL_S);
        for stock in &mut self.stock {
            *stock = (*stock + (depth - *stock) * back).clamp(0.0, depth);
        }
        let moved = (price / self.around - 1.0).abs() > MOVE || self.around == 0.0;
        let changed = self
            .stock
            .iter()
            .zip(self.shown)
            .any(|(stock, shown)| (stock - shown).abs() > CHANGE * shown.max(depth * CHANGE));
        let empty = state.market(self.market).entry(self.account).orders == 0;
        if moved || changed || empty {
            let sender = Sender::User(self.account);
            let command = Command::CancelAll { market: Some(self.market) };
            out.push(Message { sender, command });
            for (distance, share) in LEVELS {
                out.extend(self.level(state, Side::Buy, price * (1.0 - distance), share));
                out.extend(self.level(state, Side::Sell, price * (1.0 + distance), share));
            }
            (self.around, self.shown) = (price, self.stock);
        }
    }

    fn level(&self, state: &State, side: Side, price: f64, share: f64) -> Option<Message> {
        let stock = self.stock[side_index(side)] * share;
        let qty = lots(state, self.market, stock, price)?;
        let price = on_grid(state, self.market, price, side);
        let order = order(self.market, side, (price, qty), Lifetime::PostOnly);
        Some(Message { sender: Sender::User(self.account), command: Command::Place(order) })
    }

    /// Hears of its fills.
    pub fn hear(&mut self, event: &Event) {
        if let Event::Traded { market, side, price, qty, maker, .. } = event
            && (*maker, *market) == (self.account, self.market)
        {
            let taken = convert::amount_f64(price.notional(*qty, Round::Down));
            let stock = &mut self.stock[side_index(side.opposite())];
            *stock = (*stock - taken).max(0.0);
        }
    }
}

fn side_index(side: Side) -> usize {
    match side {
        Side::Buy => 0,
        Side::Sell => 1,
    }
}

/// A notional as a quantity in whole lots; `None` for less than one.
pub(super) fn lots(state: &State, market: MarketId, notional: f64, price: f64) -> Option<Qty> {
    let lot = state.market(market).params.lot;
    let qty = convert::qty(notional / price, Round::Down)?;
    let qty = Qty::from_raw(qty.raw() - qty.raw() % lot.raw());
    qty.is_positive().then_some(qty.min(protocol::design::QTY_MAX))
}

/// A price on the grid of its market: a bid down, an ask up, at least one tick.
pub(super) fn on_grid(state: &State, market: MarketId, price: f64, side: Side) -> Price {
    let tick = state.market(market).params.tick.raw();
    let raw = as_price(price).raw();
    let down = raw - raw % tick;
    let raw = match side {
        Side::Sell if down < raw => down + tick,
        Side::Sell | Side::Buy => down,
    };
    Price::from_raw(raw.max(tick))
}

/// An ordinary order.
pub(super) fn order(
    market: MarketId,
    side: Side,
    (price, qty): (Price, Qty),
    lifetime: Lifetime,
) -> NewOrder {
    NewOrder {
        market,
        side,
        price,
        qty,
        lifetime,
        reduce_only: false,
        self_trade: SelfTrade::CancelMaker,
        client: ClientId::default(),
    }
}

/// The value of an amount in whole units of quote.
pub(super) fn value(amount: Amount) -> f64 {
    convert::amount_f64(amount)
}
