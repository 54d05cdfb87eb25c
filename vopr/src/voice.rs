//! An account that is about to speak, and the orders that it may think of.

use money::{Amount, Price, Qty};
use protocol::command::{
    Command, Leg, Lifetime, Message, NewOrder, SelfTrade, Sender, SpreadOrder,
};
use protocol::ids::{AccountId, AssetId, ClientId, MarketId, Side};
use protocol::state::State;

use crate::random::Random;
use crate::weather::{Kind, Weather};

/// Numbers at which integers break.
pub const LIMITS: [i64; 10] = [
    i64::MAX,
    i64::MIN,
    0,
    -1,
    1,
    1 << 53,
    i64::MAX / 4096,
    i64::MAX - 807,
    1_000_000_000_000_000_000,
    i64::MIN + 1,
];

/// The client's number of all orders of two legs.
pub const TWO_LEGS: ClientId = ClientId(5_000);

/// One account that is about to speak.
pub struct Voice<'a> {
    /// What it sees.
    pub state: &'a State,
    /// What happens outside.
    pub weather: &'a Weather,
    /// Its whims.
    pub random: &'a mut Random,
    /// Who it is.
    pub account: AccountId,
}

impl Voice<'_> {
    /// A message of this account.
    pub fn says(&self, command: Command) -> Message {
        Message { sender: Sender::User(self.account), command }
    }

    /// An order at a distance from the true price (positive: towards the other side), worth about
    /// so much quote currency.
    pub fn order(&mut self, market: MarketId, side: Side, eager: f64, worth: f64) -> NewOrder {
        let params = &self.state.market(market).params;
        let (tick, lot) = (params.tick.raw(), params.lot.raw());
        let truth = self.weather.prices[params.base.index()];
        let index = self.state.index_price(market).raw() as f64 / 1e8;
        // Most believe the exchange's index, some their own eyes.
        let believed = if index > 0.0 && !self.random.one_in(5) { index } else { truth };
        let at = believed * (1.0 + eager * side.sign() as f64);
        let lots = (worth / believed * 1e8 / lot as f64).clamp(0.0, 1e12) as i64;
        NewOrder {
            market,
            side,
            price: Price::from_raw((at * 1e8) as i64 / tick * tick),
            qty: Qty::from_raw(lots.max(1).saturating_mul(lot)),
            lifetime: Lifetime::Resting,
            reduce_only: self.random.one_in(15),
            self_trade: self.random.pick(&[
                SelfTrade::CancelTaker,
                SelfTrade::CancelMaker,
                SelfTrade::CancelBoth,
            ]),
            client: ClientId(1_000 + self.random.below(1_000)),
        }
    }

    /// Some market, mostly a perpetual one or a future.
    pub fn market(&mut self) -> MarketId {
        MarketId(self.random.pick(&[0, 1, 2, 2, 2, 3, 3, 3, 4, 4, 5]))
    }

    /// Some side, if the weather leaves a choice.
    pub fn side(&mut self) -> Side {
        match self.weather.kind {
            Kind::BidsOnly => Side::Buy,
            Kind::AsksOnly => Side::Sell,
            Kind::Calm
            | Kind::Storm
            | Kind::Crash
            | Kind::Rally
            | Kind::Silence
            | Kind::LieWithin
            | Kind::LieBeyond
            | Kind::Leap
            | Kind::Replay
            | Kind::Eve => self.random.pick(&[Side::Buy, Side::Sell]),
        }
    }

    /// Its cash, in quote.
    pub fn cash(&self) -> f64 {
        self.state.ledger().cash(self.account).raw() as f64 / 1e8
    }

    /// What it could withdraw of an asset if it needed no margin.
    pub fn free(&self, asset: AssetId) -> Amount {
        self.state.available(self.account, asset)
    }

    /// A quote that rests.
    pub fn make(&mut self) -> Message {
        let (market, side) = (self.market(), self.side());
        let away = -self.random.between(0.0001, 0.01);
        let worth = self.cash() * self.random.between(0.02, 0.5);
        let mut order = self.order(market, side, away, worth);
        order.lifetime = self.random.pick(&[Lifetime::PostOnly, Lifetime::Resting]);
        self.says(Command::Place(order))
    }

    /// An order that trades.
    pub fn take(&mut self) -> Message {
        let (market, side) = (self.market(), self.side());
        let worth = self.cash() * self.random.between(0.05, 1.0);
        let eager = self.random.between(0.0, 0.04);
        let mut order = self.order(market, side, eager, worth);
        order.lifetime = self.random.pick(&[Lifetime::Immediate, Lifetime::Resting]);
        self.says(Command::Place(order))
    }

    /// As much as the margin bears, and a little more.
    pub fn gamble(&mut self) -> Message {
        let market = MarketId(self.random.pick(&[2, 3, 4, 5]));
        let side = self.side();
        let worth = self.cash() * self.random.pick(&[2.0, 4.5, 9.0, 19.0, 48.0]);
        let eager = self.random.between(-0.01, 0.03);
        let order = self.order(market, side, eager, worth);
        self.says(Command::Place(order))
    }

    /// Two accounts of one owner trade at a price of their own.
    pub fn ring(&mut self) -> [Message; 2] {
        let (market, side) = (self.market(), self.side());
        let off = self.random.pick(&[-0.09, -0.029, -0.005, 0.005, 0.029, 0.09]);
        let worth = self.cash() * self.random.between(0.1, 6.0);
        let first = self.order(market, side, off, worth);
        let mut second = NewOrder { side: side.opposite(), reduce_only: false, ..first };
        second.lifetime = Lifetime::Immediate;
        let other = AccountId((self.account.0 + 10 * self.random.id(3)) % self.state.accounts());
        let answer = Message { sender: Sender::User(other), command: Command::Place(second) };
        [self.says(Command::Place(first)), answer]
    }

    /// Buys spot and sells the perpetual or the future, or perpetual against future, or the other
    /// way round.
    pub fn hedge(&mut self) -> Vec<Message> {
        let (base, side) = (self.random.pick(&[0u16, 1]), self.side());
        let worth = self.cash() * self.random.between(0.1, 0.9);
        let [long, short] = self.random.pick(&[[0u16, 2], [0, 2], [0, 4], [2, 4]]);
        let mut legs =
            [(base + long, side), (base + short, side.opposite())].map(|(market, side)| {
                let eager = self.random.between(0.0, 0.02);
                self.order(MarketId(market), side, eager, worth)
            });
        legs[1].qty = legs[0].qty;
        if self.random.one_in(2) {
            return legs.map(|leg| self.says(Command::Place(leg))).into();
        }
        let legs =
            legs.map(|NewOrder { market, side, price, qty, .. }| Leg { market, side, price, qty });
        vec![self.says(Command::PlaceSpread(Box::new(SpreadOrder { legs, client: TWO_LEGS })))]
    }

    /// An order in which each number may be a limit of its type.
    pub fn limits(&mut self) -> NewOrder {
        let (market, side) = (self.market(), self.side());
        let worth = self.cash();
        let mut order = self.order(market, side, 0.0, worth);
        let params = &self.state.market(market).params;
        let (tick, lot) = (params.tick.raw(), params.lot.raw());
        if self.random.one_in(2) {
            order.price = Price::from_raw(self.random.pick(&LIMITS) / tick * tick);
        }
        if self.random.one_in(2) {
            order.qty = Qty::from_raw(self.random.pick(&LIMITS) / lot * lot);
        }
        if self.random.one_in(4) {
            order.price = Price::from_raw(self.random.pick(&LIMITS));
            order.qty = Qty::from_raw(self.random.pick(&LIMITS));
        }
        order
    }
}
