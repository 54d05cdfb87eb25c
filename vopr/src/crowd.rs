//! What hundreds of accounts send: makers, takers, gamblers at full leverage, rings that trade with
//! themselves, hedgers, and vandals who send whatever fits into the wire format.

use money::Amount;
use protocol::command::{Command, Message, NewOrder, Sender};
use protocol::event::Event;
use protocol::ids::{AccountId, AssetId, MarketId, OrderId, PublisherId, QUOTE};
use protocol::state::State;

use crate::affairs::Affairs;
use crate::design::quote;
use crate::optioneer::Optioneer;
use crate::random::Random;
use crate::voice::{LIMITS, Voice};
use crate::weather::{Kind, Weather};

/// The accounts of a run and what they remember.
#[derive(Clone, Debug)]
pub struct Crowd {
    accounts: u32,
    /// Handles of orders that rested at some time.
    orders: Vec<(MarketId, OrderId)>,
    last: Vec<Message>,
    affairs: Affairs,
    options: Optioneer,
}

impl Crowd {
    /// A crowd of so many accounts.
    pub fn new(accounts: u32) -> Crowd {
        let (affairs, options) = (Affairs::default(), Optioneer::default());
        Crowd { accounts, orders: Vec::new(), last: Vec::new(), affairs, options }
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
        if !random.one_in(4) {
            messages.push(custodian(Command::OpenBackstop));
        }
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
            let account = AccountId(random.id(state.accounts()));
            let mut voice = Voice { state, weather, random, account };
            let options = !state.chains().is_empty();
            match account.0 % 10 {
                _ if options && voice.random.one_in(3) => {
                    messages.extend(self.options.messages(&mut voice));
                }
                _ if voice.random.one_in(25) => messages.push(self.money(&mut voice)),
                _ if voice.random.one_in(8) => messages.push(self.affairs.message(&mut voice)),
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

    /// Remembers handles of orders, and other numbers.
    pub fn hear(&mut self, event: &Event) {
        self.affairs.hear(event);
        self.options.hear(event);
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
        let market = MarketId(voice.random.pick(&[0, 1, 2, 3, 4, 5]));
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
                let (market, order) = (MarketId(small % 7), OrderId(junk));
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
