//! What publishers say of volatility: honest surfaces with noise, lies, and what must be refused.
//!
//! The true surface has one volatility σ and a skew for each asset: total variance is
//! σ²T·h(k/(σ√T)) with h convex and of at most linear growth, free of static arbitrage at all T.

use money::{Rate, Span, Time};
use pricing::slice::{YEAR, effective_time};
use protocol::command::{Command, Message, SurfaceVote};
use protocol::ids::ChainId;
use protocol::option::{Chain, expiries};
use protocol::state::State;
use protocol::surface::{SliceVote, Vote};

use crate::random::Random;
use crate::voice::LIMITS;
use crate::weather::{Kind, Weather, message};

/// The true surface of an asset.
#[derive(Clone, Copy, Debug)]
struct Truth {
    volatility: f64,
    skew: f64,
    /// Forward over index less 1, for a year.
    carry: f64,
}

/// The true surfaces of all assets with options.
#[derive(Clone, Debug)]
pub struct Surfaces(Vec<Truth>);

impl Surfaces {
    /// The surfaces of so many assets.
    pub fn new(chains: usize) -> Surfaces {
        Surfaces(vec![Truth { volatility: 0.6, skew: -0.2, carry: 0.05 }; chains])
    }

    /// One block passes, and what publishers say in it.
    pub fn votes(&mut self, state: &State, weather: &Weather, random: &mut Random) -> Vec<Message> {
        let wild = matches!(weather.kind, Kind::Storm | Kind::Crash | Kind::Rally);
        let noise = if wild { 0.08 } else { 0.01 };
        let mut votes = Vec::new();
        for (truth, id) in self.0.iter_mut().zip(0u16..) {
            let jump = if random.one_in(200) { random.pick(&[0.4, 2.5]) } else { 1.0 };
            let step = 1.0 + noise * random.between(-1.0, 1.0);
            truth.volatility = (truth.volatility * step * jump).clamp(0.15, 4.0);
            truth.skew = (truth.skew + random.between(-0.02, 0.02)).clamp(-0.7, 0.4);
            truth.carry = (truth.carry + random.between(-0.01, 0.01)).clamp(-0.3, 0.5);
            if weather.is_silent() {
                continue;
            }
            for (publisher, lies) in weather.publishers() {
                // Lies are told at once, and all day long.
                if lies || random.one_in(3) {
                    let mut said = *truth;
                    said.volatility *= 1.0 + 0.01 * random.between(-1.0, 1.0);
                    if lies {
                        said.volatility = (said.volatility * weather.lie).clamp(0.02, 9.0);
                        said.skew = random.between(-0.7, 0.7);
                    }
                    let mut vote = said.vote(&state.chains()[usize::from(id)], weather.now);
                    if random.one_in(12) {
                        spoil(&mut vote, random);
                    }
                    votes.push(published(publisher, id, vote));
                }
            }
        }
        votes
    }

    /// What honest publishers say of the true surfaces at a time.
    pub fn honest(&self, state: &State, weather: &Weather) -> Vec<Message> {
        let chains = self.0.iter().zip(state.chains()).zip(0u16..);
        let votes = chains.flat_map(|((truth, chain), id)| {
            let vote = truth.vote(chain, weather.now);
            weather
                .publishers()
                .map(move |(publisher, _)| published(publisher, id, vote.clone()))
                .collect::<Vec<_>>()
        });
        votes.collect()
    }
}

impl Truth {
    /// The surface as it is at a time, with every expiry that is listed or about to be.
    fn vote(&self, chain: &Chain, now: Time) -> Vote {
        let mut times: Vec<Time> = chain.expiries.iter().map(|expiry| expiry.time).collect();
        times.extend(expiries(now, &chain.params.listing));
        times.retain(|time| *time > now);
        times.sort_unstable();
        times.dedup();
        let averaging = chain.params.settlement.averaging;
        let slices = times.into_iter().map(|time| self.slice(time, now, averaging)).collect();
        Vote { source_time: now, slices }
    }

    fn slice(&self, expiry: Time, now: Time, averaging: Span) -> SliceVote {
        let left = expiry.since(now);
        let year = YEAR.nanos() as f64;
        let years = (effective_time(left, averaging).nanos() as f64 / year).max(1e-12);
        let width = self.volatility * years.sqrt();
        let variance = self.volatility * self.volatility;
        SliceVote {
            expiry,
            basis: rate((self.carry * left.nanos() as f64 / year).clamp(-0.04, 0.04)),
            a: rate(0.72 * variance),
            b: rate(0.3 * variance / width),
            rho: rate(self.skew),
            m: Rate::ZERO,
            sigma: rate(0.8 * width).max(Rate::from_raw(1)),
        }
    }
}

fn published(publisher: u16, chain: u16, vote: Vote) -> Message {
    let wish = SurfaceVote { chain: ChainId(chain), vote };
    message(publisher, Command::PublishSurface(Box::new(wish)))
}

/// Makes a surface stale, incomplete, arbitrage, or nonsense.
fn spoil(vote: &mut Vote, random: &mut Random) {
    let wild = Rate::from_raw(random.pick(&LIMITS));
    let late = Span::from_secs(random.pick(&[5, 60, 3_600, 1 << 20]));
    let at = usize::try_from(random.below(vote.slices.len().max(1) as u64)).expect("few");
    if vote.slices.is_empty() {
        return;
    }
    let slice = &mut vote.slices[at];
    match random.below(14) {
        0 => vote.source_time = vote.source_time.after(late),
        1 => vote.source_time = Time::from_nanos(vote.source_time.nanos() - late.nanos()),
        2 => drop(vote.slices.remove(at)),
        3 => vote.slices.reverse(),
        4 => vote.slices = vec![*slice; 65],
        5 => slice.sigma = random.pick(&[Rate::ZERO, Rate::from_raw(1), wild]),
        6 => slice.rho = random.pick(&[Rate::ONE, -Rate::ONE, wild, Rate::from_bp(9_999)]),
        7 => slice.a = random.pick(&[-slice.a, wild, Rate::ZERO]),
        // A wing steeper than 2, and a vertex sharper than any density allows.
        8 => slice.b = random.pick(&[wild, Rate::from_raw(slice.b.raw().saturating_mul(50))]),
        9 => slice.sigma = Rate::from_raw(slice.sigma.raw() / 1_000),
        10 => slice.basis = random.pick(&[wild, Rate::ONE, Rate::from_bp(-4_000)]),
        11 => slice.m = wild,
        // Far apart from its neighbours: a calendar spread below zero.
        12 => slice.a = Rate::from_raw(slice.a.raw().saturating_mul(40)),
        _ => slice.a = Rate::from_raw(slice.a.raw() / 20),
    }
}

fn rate(value: f64) -> Rate {
    Rate::from_raw((value * 1e12) as i64)
}
