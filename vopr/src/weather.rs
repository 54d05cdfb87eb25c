//! What happens to everybody: the path of the true prices, the clock, and what publishers say of
//! it. One kind of weather lasts some blocks and is followed by another. Where there are options,
//! an eve of their expiry comes often, now and then without any publisher.
//!
//! A lie *within* is told by less than a third of the stake, a lie *beyond* by more than half.

use money::{Price, Span, Time};
use protocol::command::{Command, Message, Sender, Vote};
use protocol::ids::{AssetId, PublisherId};
use protocol::params::Params;

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
    /// Time leaps to shortly before options expire, and then runs slowly.
    Eve,
}

/// All kinds, in the order of their declaration.
pub const KINDS: [Kind; 12] = [
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
    Kind::Eve,
];

/// Where the kinds that need options begin.
const EVE: usize = 11;

/// The weather of a run.
#[derive(Clone, Debug)]
pub struct Weather {
    /// The present kind.
    pub kind: Kind,
    /// True prices of the assets.
    pub prices: Vec<f64>,
    /// Time of the next block.
    pub now: Time,
    stakes: Vec<u64>,
    left: u64,
    drift: Vec<f64>,
    /// What liars say of a price, as a multiple.
    pub lie: f64,
    /// The time of the day at which options expire, if there are any.
    dusk: Option<Span>,
    /// No publisher speaks on this eve.
    mute: bool,
}

impl Weather {
    /// A calm morning of 2026 in this design.
    pub fn new(params: &Params) -> Weather {
        Weather {
            kind: Kind::Calm,
            prices: PRICES[..params.assets.len()].to_vec(),
            now: START,
            stakes: params.oracle.stakes.clone(),
            left: 20,
            drift: vec![0.0; params.assets.len()],
            lie: 1.0,
            dusk: params.rules.options.first().map(|options| options.listing.hour),
            mute: false,
        }
    }

    /// One block passes.
    pub fn pass(&mut self, random: &mut Random) {
        if self.left == 0 {
            self.turn(random);
        }
        self.left -= 1;
        let noise = if self.kind == Kind::Storm { 0.03 } else { 0.001 };
        for ((price, drift), home) in self.prices.iter_mut().zip(&self.drift).zip(PRICES).skip(1) {
            let step = drift + noise * random.between(-1.0, 1.0);
            *price = (*price * (1.0 + step)).clamp(home / 100.0, home * 100.0);
        }
        let eve = self.kind == Kind::Eve;
        let leap = self.kind == Kind::Leap || (!eve && random.one_in(400));
        self.now = self.now.after(match (leap, random.below(4)) {
            (false, _) if eve => Span::from_secs(1 + random.below(8)),
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
        self.kind = match self.dusk {
            Some(dusk) if random.one_in(6) => {
                self.approach(dusk, random);
                Kind::Eve
            }
            Some(_) | None if strange => random.pick(&KINDS[..EVE]),
            Some(_) | None => Kind::Calm,
        };
        let blocks = match self.kind {
            Kind::Crash | Kind::Rally => 1 + random.below(30),
            Kind::Calm => 20 + random.below(60),
            Kind::Eve => 40 + random.below(40),
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
        for ((drift, price), home) in self.drift.iter_mut().zip(&self.prices).zip(PRICES).skip(1) {
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
                | Kind::Replay
                | Kind::Eve => 0.0,
            };
            *drift = (whole / blocks as f64).exp() - 1.0 + back;
        }
    }

    /// Time leaps to shortly before the next time of the day at which options expire.
    fn approach(&mut self, dusk: Span, random: &mut Random) {
        let day = Span::DAY.nanos();
        let ahead = (dusk.nanos() + day - self.now.nanos() % day) % day;
        let before = Span::from_secs(random.below(200)).nanos();
        self.now = self.now.after(Span::from_nanos(ahead.saturating_sub(before)));
        self.mute = random.one_in(6);
    }

    /// Whether no publisher speaks.
    pub fn is_silent(&self) -> bool {
        self.kind == Kind::Silence || (self.kind == Kind::Eve && self.mute)
    }

    /// The publishers with their stakes, and whether each lies.
    pub fn publishers(&self) -> impl Iterator<Item = (u16, bool)> {
        let total: u64 = self.stakes.iter().sum();
        let mut before = 0;
        (0u16..).zip(&self.stakes).map(move |(publisher, stake)| {
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
                | Kind::Replay
                | Kind::Eve => false,
            };
            (publisher, lies)
        })
    }

    /// What the publishers say in this block.
    pub fn votes(&self, random: &mut Random) -> Vec<Message> {
        let mut votes = Vec::new();
        if self.is_silent() {
            return votes;
        }
        for at in 1..self.prices.len() {
            for (publisher, lies) in self.publishers() {
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
        let asset = AssetId(u16::try_from(asset).expect("few assets"));
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
            (1..self.prices.len()).map(move |at| {
                let asset = AssetId(u16::try_from(at).expect("few assets"));
                let price = Price::from_raw((self.prices[at] * 1e8) as i64);
                let confidence = Price::from_raw(price.raw() / 2_000);
                let vote = Vote { asset, price, confidence, time: self.now };
                message(publisher, Command::Publish(vote))
            })
        });
        votes.collect()
    }
}

/// A publisher's message.
pub fn message(publisher: u16, command: Command) -> Message {
    Message { sender: Sender::Publisher(PublisherId(publisher)), command }
}
