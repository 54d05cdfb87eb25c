//! What hundreds of accounts send: makers, takers, gamblers at full leverage, rings that trade with
//! themselves, hedgers, and vandals who send whatever fits into the wire format.

use money::{Amount, Price, Qty};
use protocol::command::{Command, Lifetime, Message, NewOrder, SelfTrade, Sender};
use protocol::event::Event;
use protocol::ids::{AccountId, AssetId, ClientId, MarketId, OrderId, PublisherId, QUOTE, Side};
use protocol::state::State;

use crate::design::quote;
use crate::random::Random;
use crate::weather::{Kind, Weather};

/// Numbers at which integers break.
const LIMITS: [i64; 10] = [
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

/// The accounts of a run and what they remember.
#[derive(Clone, Debug)]
pub struct Crowd {
    accounts: u32,
    /// Handles of orders that rested at some time.
    orders: Vec<(MarketId, OrderId)>,
    last: Vec<Message>,
}

impl Crowd {
    /// A crowd of so many accounts.
    pub fn new(accounts: u32) -> Crowd {
        Crowd { accounts, orders: Vec::new(), last: Vec::new() }
    }

    /// The messages that open all accounts and give each something: a few have nearly everything.
    pub fn arrive(&self, random: &mut Random) -> Vec<Message> {
        let custodian = |command| Message { sender: Sender::Custodian, command };
        let mut messages = Vec::new();
        for account in (0..self.accounts).map(AccountId) {
            messages.push(custodian(Command::OpenAccount));
            let wealth = (10f64.powf(random.between(2.0, 6.5)) * 1e8) as i128;
            let amount = Amount::from_raw(wealth);
            messages.push(custodian(Command::Deposit { account, asset: QUOTE, amount }));
            if account.0 % 3 == 0 {
                let coins = Amount::from_raw(wealth / 100_000);
                let (asset, amount) = (AssetId(1), coins);
                messages.push(custodian(Command::Deposit { account, asset, amount }));
                let (asset, amount) = (AssetId(2), Amount::from_raw(coins.raw() * 1_000));
                messages.push(custodian(Command::Deposit { account, asset, amount }));
            }
        }
        messages.push(custodian(Command::FundInsurance { amount: quote(50_000) }));
        messages
    }

    /// About `count` messages of one block.
    pub fn messages(
        &mut self,
        state: &State,
        weather: &Weather,
        random: &mut Random,
        count: usize,
    ) -> Vec<Message> {
        let mut messages = Vec::with_capacity(count + 4);
        if weather.kind == Kind::Replay || random.one_in(100) {
            messages.extend(self.last.iter().take(count / 2).cloned());
        }
        while messages.len() < count {
            let account = AccountId(random.id(self.accounts));
            let mut voice = Voice { state, weather, random, account };
            match account.0 % 10 {
                _ if voice.random.one_in(25) => messages.push(self.money(&mut voice)),
                _ if voice.random.one_in(12) => messages.push(self.cancel(&mut voice)),
                0..=2 => messages.push(voice.make()),
                3 | 4 => messages.push(voice.take()),
                5 | 6 => messages.push(voice.gamble()),
                7 => messages.extend(voice.ring()),
                8 => messages.extend(voice.hedge()),
                _ => messages.push(self.vandal(&mut voice)),
            }
        }
        self.last.clone_from(&messages);
        messages
    }

    /// Remembers handles of orders.
    pub fn hear(&mut self, event: &Event) {
        if let Event::Rested { market, order, .. } = event {
            if self.orders.len() >= 4_096 {
                self.orders.drain(..2_048);
            }
            self.orders.push((*market, *order));
        }
    }

    fn money(&self, voice: &mut Voice<'_>) -> Message {
        let account = voice.account;
        let asset = AssetId(voice.random.pick(&[0, 0, 0, 1, 2]));
        let free = voice.state.available(account, asset);
        let part = Amount::from_raw(free.raw() / i128::from(1 + voice.random.below(4)));
        let limit = i128::from(voice.random.pick(&LIMITS));
        let amount = match voice.random.below(6) {
            0 => free,
            1 => free + Amount::from_raw(1),
            2 => Amount::from_raw(limit * limit.abs()),
            _ => part,
        };
        let gift = quote(1 + i64::from(voice.random.id(5_000)));
        match voice.random.below(8) {
            0 | 1 => Message {
                sender: Sender::Custodian,
                command: Command::Deposit { account, asset: QUOTE, amount: gift },
            },
            2 => Message {
                sender: Sender::Custodian,
                command: Command::FundInsurance { amount: Amount::from_raw(gift.raw() / 100) },
            },
            3 => Message {
                sender: Sender::Custodian,
                command: Command::Deposit { account, asset, amount: Amount::from_raw(limit) },
            },
            _ => voice.says(Command::Withdraw { asset, amount }),
        }
    }

    fn cancel(&self, voice: &mut Voice<'_>) -> Message {
        let market = MarketId(voice.random.pick(&[0, 1, 2, 3]));
        match voice.random.below(4) {
            0 => voice.says(Command::CancelAll { market: None }),
            1 => voice.says(Command::CancelAll { market: Some(market) }),
            _ if self.orders.is_empty() => voice.says(Command::CancelAll { market: None }),
            _ => {
                let (market, order) = voice.random.pick(&self.orders);
                // Of another account, most of the time.
                voice.says(Command::Cancel { market, order })
            }
        }
    }

    fn vandal(&self, voice: &mut Voice<'_>) -> Message {
        let limit = voice.random.pick(&LIMITS);
        let junk = voice.random.bits();
        let account = AccountId(u32::try_from(junk >> 32).expect("32 bits"));
        let small = u16::try_from(junk % 65_536).expect("16 bits");
        let order = voice.limits();
        match voice.random.below(8) {
            0 => voice.says(Command::OpenAccount),
            1 => Message { sender: Sender::User(account), command: Command::Place(order) },
            2 => voice.says(Command::Place(NewOrder { market: MarketId(small), ..order })),
            3 => {
                let (market, order) = (MarketId(small % 5), OrderId(junk));
                voice.says(Command::Cancel { market, order })
            }
            4 => {
                let amount = Amount::from_raw(i128::from(limit) << 60);
                voice.says(Command::Withdraw { asset: AssetId(small % 4), amount })
            }
            5 => Message {
                sender: Sender::Publisher(PublisherId(small)),
                command: Command::Place(order),
            },
            _ => voice.says(Command::Place(order)),
        }
    }
}

/// One account that is about to speak.
struct Voice<'a> {
    state: &'a State,
    weather: &'a Weather,
    random: &'a mut Random,
    account: AccountId,
}

impl Voice<'_> {
    fn says(&self, command: Command) -> Message {
        Message { sender: Sender::User(self.account), command }
    }

    /// An order at a distance from the true price (positive: towards the other side), worth about
    /// so much quote currency.
    fn order(&mut self, market: MarketId, side: Side, eager: f64, worth: f64) -> NewOrder {
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
            client: ClientId(self.random.below(1_000)),
        }
    }

    fn market(&mut self) -> MarketId {
        MarketId(self.random.pick(&[0, 1, 2, 2, 2, 3, 3, 3]))
    }

    fn side(&mut self) -> Side {
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
            | Kind::Replay => self.random.pick(&[Side::Buy, Side::Sell]),
        }
    }

    fn cash(&self) -> f64 {
        self.state.ledger().cash(self.account).raw() as f64 / 1e8
    }

    fn make(&mut self) -> Message {
        let (market, side) = (self.market(), self.side());
        let away = -self.random.between(0.0001, 0.01);
        let worth = self.cash() * self.random.between(0.02, 0.5);
        let mut order = self.order(market, side, away, worth);
        order.lifetime = self.random.pick(&[Lifetime::PostOnly, Lifetime::Resting]);
        self.says(Command::Place(order))
    }

    fn take(&mut self) -> Message {
        let (market, side) = (self.market(), self.side());
        let worth = self.cash() * self.random.between(0.05, 1.0);
        let eager = self.random.between(0.0, 0.04);
        let mut order = self.order(market, side, eager, worth);
        order.lifetime = self.random.pick(&[Lifetime::Immediate, Lifetime::Resting]);
        self.says(Command::Place(order))
    }

    /// As much as the margin bears, and a little more.
    fn gamble(&mut self) -> Message {
        let market = MarketId(self.random.pick(&[2, 3]));
        let side = self.side();
        let worth = self.cash() * self.random.pick(&[2.0, 4.5, 9.0, 19.0, 48.0]);
        let eager = self.random.between(-0.01, 0.03);
        let order = self.order(market, side, eager, worth);
        self.says(Command::Place(order))
    }

    /// Two accounts of one owner trade at a price of their own.
    fn ring(&mut self) -> [Message; 2] {
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

    /// Buys spot and sells the perpetual, or the other way round.
    fn hedge(&mut self) -> [Message; 2] {
        let (base, side) = (self.random.pick(&[0u16, 1]), self.side());
        let worth = self.cash() * self.random.between(0.1, 0.9);
        let mut legs = [(base, side), (base + 2, side.opposite())].map(|(market, side)| {
            let eager = self.random.between(0.0, 0.02);
            self.order(MarketId(market), side, eager, worth)
        });
        legs[1].qty = legs[0].qty;
        legs.map(|leg| self.says(Command::Place(leg)))
    }

    /// An order in which each number may be a limit of its type.
    fn limits(&mut self) -> NewOrder {
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
