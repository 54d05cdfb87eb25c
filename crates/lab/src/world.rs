//! The world: the real rulebook behind simulated consensus, external spot venues that follow a
//! path, publishers, links, and agents that trade. One thread, one seed, virtual nanoseconds.
//!
//! Causality: an agent acts on what had reached it (quotes of the last block or path step older
//! than its latency), its orders travel, wait for the next block, and its fills travel back. So
//! nobody knows a price before the venue that made it.

mod account;
mod agent;
mod chain;
mod observe;
mod options;
mod outcome;

use desk::strategy::{self, Instrument, Intent, Listing, Strategy};
use money::{Amount, Price, Rate, Span, Time};
use protocol::command::{Block, Command, Message, Vote};
use protocol::design::DesignError;
use protocol::engine;
use protocol::event::Event;
use protocol::ids::{AssetId, PublisherId};
use protocol::params::Params;
use protocol::reject::Reject;
use protocol::state::State;

use crate::link::LinkParams;
use crate::path::{Bar, Bridge, PathError};
use crate::queue::Queue;
use crate::random::{Seed, Stream};
use crate::record::Record;
use crate::scenario::SurfacePublishers;
use crate::spot::{Venue, VenueParams};
use crate::volatility::Volatility;

use account::Book;
use agent::Agent;
use observe::{Board, Recorder};

/// An agent before the run.
pub struct AgentSetup {
    /// The class it is counted in.
    pub class: String,
    /// What it does.
    pub strategy: Box<dyn Strategy>,
    /// The instruments whose quotes it reads.
    pub hears: Vec<Instrument>,
    /// Whether it reads the venue's statement of its equity.
    pub reads_equity: bool,
    /// Whether it reads the chain of options: series, surface, quotes and its positions.
    pub reads_options: bool,
    /// Quote currency on the chain.
    pub cash: Amount,
    /// Coins on the chain.
    pub coins: Vec<(AssetId, Amount)>,
    /// Quote currency at the external venue.
    pub venue_cash: Amount,
    /// Coins at the external venue.
    pub venue_coins: Vec<(AssetId, Amount)>,
    /// Its road to every venue and back.
    pub link: LinkParams,
    /// Its own cost of quote currency for 8 h, charged on coins that it bought.
    pub financing_8h: f64,
}

/// An asset before the run.
#[derive(Clone, Debug)]
pub struct AssetSetup {
    /// Recorded spot bars.
    pub bars: Vec<Bar>,
    /// Their interval.
    pub interval: Span,
    /// The external venue.
    pub venue: VenueParams,
    /// (bar close, price) of the recorded perpetual, in order of time.
    pub recorded: Vec<(Time, Price)>,
}

/// The publishers of index prices.
#[derive(Clone, Debug)]
pub struct PublisherSetup {
    /// Standard deviation of a published price around the path, as a share of it.
    pub noise: f64,
    /// Published confidence, as a share of the price.
    pub confidence: f64,
    /// Time from source to chain.
    pub delay: Span,
    /// Time between votes of one publisher.
    pub interval: Span,
    /// (publisher, from, to) of silences.
    pub outages: Vec<(PublisherId, Time, Time)>,
}

/// The options before the run.
#[derive(Clone, Debug)]
pub struct OptionSetup {
    /// The true surface.
    pub volatility: Volatility,
    /// Where it comes from, in words.
    pub source: String,
    /// The publishers of surfaces; they are those of prices.
    pub publishers: SurfacePublishers,
}

/// Everything that a run depends on.
pub struct Setup {
    /// The market design.
    pub params: Params,
    /// First instant.
    pub start: Time,
    /// Last instant.
    pub end: Time,
    /// Time between blocks.
    pub block: Span,
    /// Time between points of the path.
    pub step: Span,
    /// Time between samples.
    pub sample: Span,
    /// Base assets, from `AssetId(1)`.
    pub assets: Vec<AssetSetup>,
    /// Options of the chain in `params`, if there are any.
    pub options: Option<OptionSetup>,
    /// Publishers; how many follows from the stakes in `params`.
    pub publishers: PublisherSetup,
    /// Agents.
    pub agents: Vec<AgentSetup>,
    /// Insurance fund at the start.
    pub insurance: Amount,
    /// Financing cost of the quote currency over the base, for 8 h; fair prices are set against it.
    pub carry_8h: f64,
    /// The seed.
    pub seed: Seed,
}

/// Why a world cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The market design was refused.
    #[error("market design: {0}")]
    Design(#[from] DesignError),
    /// The exchange cannot hold the agents.
    #[error(
        "the exchange refuses to open with these agents ({command:?}: {reason:?}): give fewer \
         accounts, smaller balances or a smaller position_max"
    )]
    Opening {
        /// The first command that was refused.
        command: Command,
        /// Why.
        reason: Reject,
    },
    /// Bars of an asset were refused.
    #[error("price path of {asset}: {source}")]
    Path {
        /// Which asset.
        asset: String,
        /// Why.
        source: PathError,
    },
    /// An agent is too far away.
    #[error(
        "class {class}: a latency of {latency_ms} ms; an account's statements are kept for one \
         block ({block_ms} ms) and quotes for 14 path steps: lower latency_ms or raise block_ms"
    )]
    Latency {
        /// The class.
        class: String,
        /// Its latency.
        latency_ms: u64,
        /// Time between blocks.
        block_ms: u64,
    },
    /// The bars do not cover the run.
    #[error("price path of {asset}: bars cover {from} to {to}, the run needs {start} to {end}")]
    Uncovered {
        /// Which asset.
        asset: String,
        /// First instant of the bars.
        from: Time,
        /// Last instant of the bars.
        to: Time,
        /// First instant of the run.
        start: Time,
        /// Last instant of the run.
        end: Time,
    },
}

/// Something that will happen.
#[derive(Clone, Copy, Debug)]
enum Item {
    /// The paths move.
    Step,
    /// The chain closes a block.
    Block,
    /// The state of the markets is written down.
    Sample,
    /// A publisher reads its sources.
    Publish(PublisherId),
    /// A vote reaches the chain.
    Vote(PublisherId, Vote),
    /// A publisher looks at the surface.
    PublishSurface(PublisherId),
    /// Its vote on the surface reaches the chain.
    SurfaceVote(PublisherId),
    /// An agent wakes.
    Wake(u32),
    /// A message reaches an agent.
    Hear(u32, strategy::Event),
    /// An intent reaches its venue.
    Arrive(u32, Intent),
}

/// A running world.
pub struct World {
    now: Time,
    end: Time,
    block_time: Span,
    step: Span,
    sample: Span,
    state: State,
    queue: Queue<Item>,
    agents: Vec<Agent>,
    paths: Vec<Bridge>,
    venues: Vec<Venue>,
    publishers: PublisherSetup,
    votes: Vec<Stream>,
    /// What waits for the next block.
    pending: Vec<Message>,
    /// Cancels of orders that the chain does not know yet.
    early_cancels: Vec<(u32, Intent)>,
    block: Block,
    events: Vec<Event>,
    board: Board,
    options: Option<options::Options>,
    books: Vec<Book>,
    recorder: Recorder,
    intents: Vec<Intent>,
    messages: u64,
    quotes: u64,
    commands: u64,
}

/// How the run goes, for a progress bar.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// Virtual time since the start.
    pub done: Span,
    /// Of so much.
    pub total: Span,
}

impl World {
    /// Builds a world: accounts opened and funded, first quotes on the board.
    pub fn new(setup: Setup) -> Result<World, SetupError> {
        check_latencies(&setup)?;
        let names: Vec<String> =
            setup.params.assets.iter().skip(1).map(|asset| asset.name.clone()).collect();
        let mut paths = Vec::new();
        let mut venues = Vec::new();
        let mut recorded = Vec::new();
        for ((at, asset), name) in setup.assets.into_iter().enumerate().zip(&names) {
            let seed = setup.seed.child("path", at as u64);
            let mut path = Bridge::new(asset.bars, asset.interval, setup.step, seed)
                .map_err(|source| SetupError::Path { asset: name.clone(), source })?;
            let (from, to) = (path.start(), path.start().after(setup.step.times(path.len())));
            let uncovered = SetupError::Uncovered {
                asset: name.clone(),
                from,
                to,
                start: setup.start,
                end: setup.end,
            };
            let first = path.price_at(setup.start).filter(|_| setup.end <= to);
            venues.push(Venue::new(asset.venue, first.ok_or(uncovered)?));
            paths.push(path);
            recorded.push(asset.recorded);
        }
        let state = State::new(setup.params)?;
        let publishers = state.params().oracle.stakes.len() as u64;
        let votes = (0..publishers).map(|at| setup.seed.stream("publisher", at)).collect();
        let mut world = World {
            now: setup.start,
            end: setup.end,
            block_time: setup.block,
            step: setup.step,
            sample: setup.sample,
            queue: Queue::new(),
            agents: Vec::new(),
            paths,
            venues,
            publishers: setup.publishers,
            votes,
            pending: Vec::new(),
            early_cancels: Vec::new(),
            block: Block { time: setup.start, messages: Vec::new() },
            events: Vec::new(),
            board: Board::new(&state),
            options: setup
                .options
                .map(|options| options::Options::new(options, &state, setup.seed)),
            books: Vec::new(),
            recorder: Recorder::new(&state, recorded, setup.carry_8h),
            intents: Vec::new(),
            messages: 0,
            quotes: 0,
            commands: 0,
            state,
        };
        world.open(setup.agents, setup.insurance, setup.seed);
        world.check_opening()?;
        Ok(world)
    }

    /// Tries the opening commands on an empty exchange: one that is refused would leave an agent
    /// without the account or the money that its class is measured by.
    fn check_opening(&self) -> Result<(), SetupError> {
        let mut state = State::new(self.state.params().clone())?;
        let block = Block { time: self.now, messages: self.pending.clone() };
        let mut events = Vec::new();
        engine::apply_into(&mut state, &block, &mut events);
        for event in events {
            if let Event::Rejected { message, reason, .. } = event {
                let command = block.messages[message as usize].command.clone();
                return Err(SetupError::Opening { command, reason });
            }
        }
        Ok(())
    }

    /// Runs to the end and returns what was seen; `progress` is called at every sample.
    pub fn run(mut self, mut progress: impl FnMut(Progress)) -> Record {
        let (start, end) = (self.now, self.end);
        let total = end.since(start);
        while let Some((time, item)) = self.queue.pop() {
            self.now = Time::from_nanos(time);
            if self.now > end {
                break;
            }
            match item {
                Item::Step => self.move_paths(),
                Item::Block => self.close_block(),
                Item::Sample => {
                    self.take_sample();
                    progress(Progress { done: self.now.since(start), total });
                }
                Item::Publish(publisher) => self.publish(publisher),
                Item::Vote(publisher, vote) => self.receive_vote(publisher, vote),
                Item::PublishSurface(publisher) => self.publish_surface(publisher),
                Item::SurfaceVote(publisher) => self.receive_surface(publisher),
                Item::Wake(agent) => self.wake(agent),
                Item::Hear(agent, event) => self.hear(agent, event),
                Item::Arrive(agent, intent) => self.arrive(agent, intent),
            }
        }
        self.now = end;
        self.into_record(start)
    }

    fn push(&mut self, time: Time, item: Item) {
        self.queue.push(time.nanos(), item);
    }

    /// The paths move one step, and the venues' quotes with them.
    fn move_paths(&mut self) {
        for (path, venue) in self.paths.iter_mut().zip(&mut self.venues) {
            if let Some(price) = path.price_at(self.now) {
                venue.follow(price);
            }
        }
        self.board.post_venues(self.now, &self.venues);
        self.push(self.now.after(self.step), Item::Step);
    }

    /// A publisher reads the path of every asset and sends its votes.
    fn publish(&mut self, publisher: PublisherId) {
        let now = self.now;
        self.push(now.after(self.publishers.interval), Item::Publish(publisher));
        let silent = |(who, from, to): &(PublisherId, Time, Time)| {
            *who == publisher && *from <= now && now < *to
        };
        if self.publishers.outages.iter().any(silent) {
            return;
        }
        for at in 0..self.venues.len() {
            let noise = 1.0 + self.publishers.noise * self.votes[publisher.index()].normal();
            let path = pricing::convert::price_f64(self.venues[at].path());
            let confidence = path * self.publishers.confidence;
            let rounded = |value| pricing::convert::price(value, money::Round::Down);
            if let (Some(price), Some(confidence)) = (rounded(path * noise), rounded(confidence)) {
                let asset = AssetId(at as u16 + 1);
                let vote = Vote { asset, price, confidence, time: now };
                self.push(now.after(self.publishers.delay), Item::Vote(publisher, vote));
            }
        }
    }
}

/// Whether every agent can be told what it may know: its account is stated as of the last block,
/// its quotes come from the history of the board.
fn check_latencies(setup: &Setup) -> Result<(), SetupError> {
    let history = setup.block.min(setup.step).times(observe::HISTORY as u64 - 2);
    let far = |agent: &&AgentSetup| agent.link.latency >= setup.block.min(history);
    match setup.agents.iter().find(far) {
        None => Ok(()),
        Some(agent) => Err(SetupError::Latency {
            class: agent.class.clone(),
            latency_ms: agent.link.latency.nanos() / 1_000_000,
            block_ms: setup.block.nanos() / 1_000_000,
        }),
    }
}

/// What a strategy is told about every instrument: the chain's markets, then the external venues.
pub fn listings(params: &Params, venues: &[VenueParams]) -> Vec<Listing> {
    let markets = params.markets.iter().map(|market| Listing {
        name: market.name.clone(),
        tick: market.tick,
        lot: market.lot,
        fee_maker: market.fee_maker,
        fee_taker: market.fee_taker,
        funding: match &market.kind {
            protocol::params::Kind::Perpetual(perpetual) => Some(perpetual.funding),
            protocol::params::Kind::Future(future) => Some(future.terms.funding),
            protocol::params::Kind::Spot { .. } => None,
        },
    });
    let outside = venues.iter().zip(params.assets.iter().skip(1)).map(|(venue, asset)| Listing {
        name: format!("{}-SPOT@outside", asset.name),
        tick: venue.tick,
        lot: venue.lot,
        fee_maker: Rate::ZERO,
        fee_taker: venue.fee_taker,
        funding: None,
    });
    markets.chain(outside).collect()
}
