//! Synthetic order streams, and the player that feeds them to a book.
//!
//! The mix is 60 % limit orders (7 % of them priced to cross), 30 % cancels of a random live
//! order and 10 % market orders. Prices lie at an exponential distance from a middle that walks
//! at random (steps of one tick in 2 % of messages); market orders grow when more orders live
//! than wanted, so that the book is stationary. All draws come from splitmix64 with the stream's
//! seed, so the trades of a stream are known numbers.

use protocol::book::{Book, Fill, NewResting, Taker};
use protocol::command::SelfTrade;
use protocol::ids::{AccountId, ClientId, Lots, OrderId, Side, Tick};

/// What defines a stream.
#[derive(Clone, Copy)]
pub struct Stream {
    /// Its letter.
    pub name: &'static str,
    /// How many messages.
    pub messages: usize,
    /// Seed of all draws.
    pub seed: u64,
    /// How many live orders the book settles at.
    pub live: usize,
    /// Mean distance of a price from the middle, ticks.
    pub mean_offset: f64,
}

/// A small hot book: five thousand live orders.
pub const STREAM_A: Stream =
    Stream { name: "A", messages: 1_000_000, seed: 1, live: 5_000, mean_offset: 40.0 };
/// A large book: a hundred thousand live orders.
pub const STREAM_B: Stream =
    Stream { name: "B", messages: 1_000_000, seed: 2, live: 100_000, mean_offset: 400.0 };

/// One message of a stream.
#[derive(Clone, Copy)]
pub enum Message {
    /// A limit order; its name is its position in the stream.
    Limit { side: Side, tick: u32, lots: u32 },
    /// Cancels the order that stands at this position of the stream.
    Cancel { target: u32 },
    /// A market order; what it cannot trade is dropped.
    Market { side: Side, lots: u32 },
}

/// What a stream did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Trades.
    pub trades: u64,
    /// Traded lots.
    pub volume: u64,
    /// Folded over every field of every fill, in order.
    pub checksum: u64,
}

/// A book under a stream.
pub struct Player<B> {
    /// The book.
    pub book: B,
    /// The fills of the last message.
    pub fills: Vec<Fill>,
    /// So far.
    pub totals: Totals,
    /// Handles by position in the stream.
    handles: Vec<OrderId>,
}

impl<B: Book + Default> Player<B> {
    /// An empty book before a stream of so many messages.
    pub fn new(messages: usize) -> Player<B> {
        Player {
            book: B::default(),
            fills: Vec::with_capacity(1024),
            totals: Totals::default(),
            handles: vec![OrderId(u64::MAX); messages],
        }
    }

    /// Applies the message at a position of the stream.
    #[inline]
    pub fn play(&mut self, at: usize, message: Message) {
        self.apply(at, message, self.named(message));
    }

    /// The handle by which a cancel names its order; any handle for other messages.
    #[inline]
    pub fn named(&self, message: Message) -> OrderId {
        match message {
            Message::Cancel { target } => self.handles[target as usize],
            Message::Limit { .. } | Message::Market { .. } => OrderId(u64::MAX),
        }
    }

    /// Applies the message at a position of the stream, given the handle that it names.
    #[inline]
    pub fn apply(&mut self, at: usize, message: Message, named: OrderId) {
        match message {
            Message::Limit { side, tick, lots } => self.limit(at, side, Tick(tick), lots),
            Message::Cancel { .. } => {
                let order = self.book.cancel(named);
                self.fold(order.map_or(0, |order| order.lots.0));
            }
            Message::Market { side, lots } => {
                let limit = match side {
                    Side::Buy => Tick(u32::MAX),
                    Side::Sell => Tick(1),
                };
                self.take(at, side, limit, lots);
            }
        }
    }

    #[inline]
    fn limit(&mut self, at: usize, side: Side, tick: Tick, lots: u32) {
        let left = self.take(at, side, tick, lots);
        if left > Lots(0) {
            self.handles[at] = self.book.insert(NewResting {
                owner: AccountId(at as u32),
                side,
                tick,
                lots: left,
                client: ClientId(at as u64),
                reduce_only: false,
            });
        }
    }

    /// Matches, then reads every fill once and forgets them at the next message.
    #[inline]
    fn take(&mut self, at: usize, side: Side, limit: Tick, lots: u32) -> Lots {
        let taker = Taker {
            owner: AccountId(at as u32),
            side,
            limit,
            lots: Lots(u64::from(lots)),
            self_trade: SelfTrade::CancelTaker,
        };
        self.fills.clear();
        let taken = self.book.take(taker, &mut self.fills);
        for at in 0..self.fills.len() {
            let fill = self.fills[at];
            self.totals.trades += 1;
            self.totals.volume += fill.lots.0;
            let who = u64::from(fill.maker.0)
                ^ fill.maker_order.0.rotate_left(20)
                ^ fill.maker_client.0.rotate_left(40);
            let what = u64::from(fill.tick.0)
                ^ fill.lots.0.rotate_left(20)
                ^ fill.maker_left.0.rotate_left(40);
            self.fold(who ^ what.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        }
        taken.left
    }

    #[inline]
    fn fold(&mut self, value: u64) {
        self.totals.checksum = (self.totals.checksum ^ value).wrapping_mul(0x0000_0100_0000_01B3);
    }
}

/// Plays a whole stream into an empty book.
pub fn play<B: Book + Default>(messages: &[Message]) -> Player<B> {
    let mut player = Player::new(messages.len());
    for (at, message) in messages.iter().enumerate() {
        player.play(at, *message);
    }
    player
}

/// The messages of a stream; a book of type `B` tells which orders are alive.
pub fn generate<B: Book + Default>(stream: &Stream) -> Vec<Message> {
    let mut generator = Generator {
        draw: Draw(stream.seed),
        middle: MIDDLE,
        alive: Alive { orders: Vec::new(), places: vec![usize::MAX; stream.messages] },
        stream: *stream,
    };
    let mut player = Player::<B>::new(stream.messages);
    let mut messages = Vec::with_capacity(stream.messages);
    for at in 0..stream.messages {
        let message = generator.next();
        player.fills.clear();
        player.play(at, message);
        generator.alive.follow(at, message, &player);
        messages.push(message);
    }
    messages
}

const MIDDLE: i64 = 1 << 15;
const WALK: std::ops::RangeInclusive<i64> = 8_000..=57_536;
const OFFSET_MAX: i64 = 3_999;

struct Generator {
    draw: Draw,
    middle: i64,
    alive: Alive,
    stream: Stream,
}

impl Generator {
    fn next(&mut self) -> Message {
        if self.draw.below(100) < 2 {
            let step = if self.draw.below(2) == 0 { 1 } else { -1 };
            self.middle = (self.middle + step).clamp(*WALK.start(), *WALK.end());
        }
        match self.draw.below(100) {
            60..90 if !self.alive.orders.is_empty() => {
                let at = self.draw.below(self.alive.orders.len() as u64);
                Message::Cancel { target: self.alive.orders[at as usize] }
            }
            0..90 => self.limit(),
            90.. => self.market(),
        }
    }

    fn limit(&mut self) -> Message {
        let side = self.draw.side();
        let away = match side {
            Side::Buy => -1,
            Side::Sell => 1,
        };
        let distance = -libm::log(1.0 - self.draw.unit()) * self.stream.mean_offset;
        let mut tick = self.middle + away * (1 + (distance as i64).min(OFFSET_MAX));
        if self.draw.below(100) < 7 {
            tick = self.middle - away * (1 + self.draw.below(4) as i64);
        }
        Message::Limit { side, tick: tick as u32, lots: 1 + self.draw.below(100) as u32 }
    }

    fn market(&mut self) -> Message {
        let side = self.draw.side();
        let scale = if self.alive.orders.len() > self.stream.live { 2.0 } else { 0.35 };
        Message::Market { side, lots: (1.0 + self.draw.unit() * 300.0 * scale) as u32 }
    }
}

/// The live orders, in an order that depends on the stream alone.
struct Alive {
    orders: Vec<u32>,
    places: Vec<usize>,
}

impl Alive {
    fn follow<B: Book + Default>(&mut self, at: usize, message: Message, player: &Player<B>) {
        match message {
            Message::Limit { .. } if player.book.order(player.handles[at]).is_some() => {
                self.places[at] = self.orders.len();
                self.orders.push(at as u32);
            }
            Message::Cancel { target } => self.drop(target),
            Message::Limit { .. } | Message::Market { .. } => {}
        }
        for fill in player.fills.iter().filter(|fill| fill.maker_left == Lots(0)) {
            self.drop(fill.maker_client.0 as u32);
        }
    }

    fn drop(&mut self, order: u32) {
        let place = self.places[order as usize];
        self.orders.swap_remove(place);
        if let Some(moved) = self.orders.get(place) {
            self.places[*moved as usize] = place;
        }
    }
}

/// The generator splitmix64 (Steele, Lea and Flood 2014).
pub struct Draw(pub u64);

impl Draw {
    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ mixed >> 31
    }

    /// A whole number below `limit`.
    pub fn below(&mut self, limit: u64) -> u64 {
        ((u128::from(self.bits()) * u128::from(limit)) >> 64) as u64
    }

    /// A number in [0, 1).
    pub fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Buy or sell.
    pub fn side(&mut self) -> Side {
        if self.below(2) == 0 { Side::Buy } else { Side::Sell }
    }
}
