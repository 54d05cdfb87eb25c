//! What happens to everybody: the path of the true prices, the clock, and what publishers say of
//! it. One kind of weather lasts some blocks and is followed by another.
//!
//! A lie *within* is told by less than a third of the stake, a lie *beyond* by more than half.

use money::{Price, Span, Time};
use protocol::command::{Command, Message, Sender, Vote};
use protocol::ids::{AssetId, PublisherId};

use crate::design::{PRICES, START};
use crate::random::Random;

/// A kind of weather.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Small steps.
    Calm,
    /// Steps of up to 3 %.
    Storm,
    /// 10 to 60 % down within 30 blocks.
    Crash,
    /// 10 to 150 % up within 30 blocks.
    Rally,
    /// No publisher speaks.
    Silence,
    /// Fewer than a third of the stake lie.
    LieWithin,
    /// More than half lie.
    LieBeyond,
    /// Nobody asks.
    BidsOnly,
    /// Nobody bids.
    AsksOnly,
    /// Time runs in leaps of minutes to days.
    Leap,
    /// Each block repeats messages of the last one.
    Replay,
}

/// All kinds, in the order of their declaration.
pub const KINDS: [Kind; 11] = [
    Kind::Calm,
    Kind::Storm,
    Kind::Crash,
    Kind::Rally,
    Kind::Silence,
    Kind::LieWithin,
    Kind::LieBeyond,
    Kind::BidsOnly,
    Kind::AsksOnly,
    Kind::Leap,
    Kind::Replay,
];

/// The weather of a run.
#[derive(Clone, Debug)]
pub struct Weather {
    /// The present kind.
    pub kind: Kind,
    /// True prices of the assets.
    pub prices: [f64; 3],
    /// Time of the next block.
    pub now: Time,
    stakes: Vec<u64>,
    left: u64,
    drift: [f64; 3],
    lie: f64,
}

impl Weather {
    /// A calm morning of 2026, with publishers of these stakes.
    pub fn new(stakes: Vec<u64>) -> Weather {
        Weather {
            kind: Kind::Calm,
            prices: PRICES,
            now: START,
            stakes,
            left: 20,
            drift: [0.0; 3],
            lie: 1.0,
        }
    }

    /// One block passes.
    pub fn pass(&mut self, random: &mut Random) {
        if self.left == 0 {
            self.turn(random);
        }
        self.left -= 1;
        let noise = if self.kind == Kind::Storm { 0.03 } else { 0.001 };
        for ((price, drift), home) in self.prices.iter_mut().zip(self.drift).zip(PRICES).skip(1) {
            let step = drift + noise * random.between(-1.0, 1.0);
            *price = (*price * (1.0 + step)).clamp(home / 100.0, home * 100.0);
        }
        let leap = self.kind == Kind::Leap || random.one_in(400);
        self.now = self.now.after(match (leap, random.below(4)) {
            (false, 0) => Span::from_nanos(random.below(1_000_000_000)),
            (false, 1) => Span::from_secs(random.below(20)),
            (false, _) => Span::SECOND,
            (true, 0) => Span::DAY,
            (true, 1) => Span::HOUR.times(8),
            (true, _) => Span::from_secs(random.below(600)),
        });
    }

    fn turn(&mut self, random: &mut Random) {
        // Between two strange kinds there is mostly an ordinary one.
        let strange = self.kind == Kind::Calm || random.one_in(3);
        self.kind = if strange { random.pick(&KINDS) } else { Kind::Calm };
        let blocks = match self.kind {
            Kind::Crash | Kind::Rally => 1 + random.below(30),
            Kind::Calm => 20 + random.below(60),
            Kind::Storm
            | Kind::Silence
            | Kind::LieWithin
            | Kind::LieBeyond
            | Kind::BidsOnly
            | Kind::AsksOnly
            | Kind::Leap
            | Kind::Replay => 5 + random.below(40),
        };
        self.left = blocks;
        self.lie = random.pick(&[1e-9, 0.1, 0.5, 0.8, 0.95, 1.05, 1.3, 3.0, 1e6]);
        for ((drift, price), home) in self.drift.iter_mut().zip(self.prices).zip(PRICES).skip(1) {
            // Prices that have gone far come back, so that later blocks are not all alike.
            let back = 0.002 * (home / price).ln();
            let whole = match self.kind {
                Kind::Crash => random.between(0.4, 0.9).ln(),
                Kind::Rally => random.between(1.1, 2.5).ln(),
                Kind::Calm
                | Kind::Storm
                | Kind::Silence
                | Kind::LieWithin
                | Kind::LieBeyond
                | Kind::BidsOnly
                | Kind::AsksOnly
                | Kind::Leap
                | Kind::Replay => 0.0,
            };
            *drift = (whole / blocks as f64).exp() - 1.0 + back;
        }
    }

    /// What the publishers say in this block.
    pub fn votes(&self, random: &mut Random) -> Vec<Message> {
        let mut votes = Vec::new();
        if self.kind == Kind::Silence {
            return votes;
        }
        let total: u64 = self.stakes.iter().sum();
        for at in 1..self.prices.len() {
            let mut before = 0;
            for (publisher, stake) in (0u16..).zip(&self.stakes) {
                before += stake;
                let lies = match self.kind {
                    Kind::LieWithin => 3 * before < total,
                    Kind::LieBeyond => 3 * before < 2 * total,
                    Kind::Calm
                    | Kind::Storm
                    | Kind::Crash
                    | Kind::Rally
                    | Kind::Silence
                    | Kind::BidsOnly
                    | Kind::AsksOnly
                    | Kind::Leap
                    | Kind::Replay => false,
                };
                let lie = if lies { self.lie } else { 1.0 };
                let noise = 1.0 + 0.0003 * random.between(-1.0, 1.0);
                if !random.one_in(20) {
                    let price = self.prices[at] * lie * noise;
                    votes.push(self.vote(random, publisher, (at, false), price));
                    if random.one_in(4) {
                        votes.push(self.vote(random, publisher, (at, true), price * noise));
                    }
                }
            }
        }
        votes
    }

    /// A vote on an index, or on the external perpetuals of its asset.
    fn vote(
        &self,
        random: &mut Random,
        publisher: u16,
        (asset, perpetual): (usize, bool),
        price: f64,
    ) -> Message {
        let asset = AssetId(u16::try_from(asset).expect("three assets"));
        let mut price = Price::from_raw((price * 1e8) as i64);
        let mut confidence = Price::from_raw(price.raw() / 2_000);
        let mut time = self.now;
        match random.below(300) {
            0 => price = random.pick(&[Price::ZERO, Price::MAX, -price, Price::from_raw(1)]),
            1 => confidence = random.pick(&[Price::MAX, -price, Price::ZERO, price]),
            2 => time = random.pick(&[Time::ZERO, time.after(Span::DAY), Time::from_nanos(1)]),
            _ => {}
        }
        let vote = Vote { asset, price, confidence, time };
        let command =
            if perpetual { Command::PublishPerpetual(vote) } else { Command::Publish(vote) };
        message(publisher, command)
    }

    /// What honest publishers say of the true prices.
    pub fn honest(&self) -> Vec<Message> {
        let publishers = 0..u16::try_from(self.stakes.len()).expect("few publishers");
        let votes = publishers.flat_map(|publisher| {
            [1usize, 2].map(|at| {
                let asset = AssetId(u16::try_from(at).expect("three assets"));
                let price = Price::from_raw((self.prices[at] * 1e8) as i64);
                let confidence = Price::from_raw(price.raw() / 2_000);
                let vote = Vote { asset, price, confidence, time: self.now };
                message(publisher, Command::Publish(vote))
            })
        });
        votes.collect()
    }
}

fn message(publisher: u16, command: Command) -> Message {
    Message { sender: Sender::Publisher(PublisherId(publisher)), command }
}
