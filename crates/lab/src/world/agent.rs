//! Agents at their desks: what they hear, when, and how their intents leave.

use desk::strategy::{Event, Instrument, Intent, Strategy};
use money::{Span, Time};
use protocol::command::{Command, Message, Sender};
use protocol::ids::{AccountId, AssetId, ClientId, MarketId, OrderId, QUOTE, SeriesId};
use protocol::ledger::Holder;

use super::account::Book;
use super::{AgentSetup, Item, World};
use crate::link::Link;
use crate::random::{Seed, Stream};

/// An agent with its roads.
pub(super) struct Agent {
    pub(super) strategy: Box<dyn Strategy>,
    pub(super) account: AccountId,
    hears: Vec<Instrument>,
    reads_equity: bool,
    pub(super) reads_options: bool,
    /// The series below this number are known to it.
    pub(super) series_heard: u32,
    latency: Span,
    to_venue: Link,
    from_venue: Link,
    stream: Stream,
    /// Messages on their way to it: while there are any, a statement would count a fill twice.
    inbound: u32,
    /// Orders that rest on the chain.
    pub(super) open: Vec<(ClientId, MarketId, OrderId)>,
    /// Orders for options that rest on the chain.
    pub(super) open_options: Vec<(ClientId, SeriesId, OrderId)>,
}

impl World {
    /// Opens and funds an account for every agent, and schedules the first events.
    pub(super) fn open(&mut self, setups: Vec<AgentSetup>, insurance: money::Amount, seed: Seed) {
        if insurance.is_positive() {
            self.custodian(Command::FundInsurance { amount: insurance });
        }
        for (at, setup) in (0u32..).zip(setups) {
            let account = AccountId(at);
            self.custodian(Command::OpenAccount);
            let cash = [(QUOTE, setup.cash)];
            for (asset, amount) in cash.into_iter().chain(setup.coins.iter().copied()) {
                if amount.is_positive() {
                    self.custodian(Command::Deposit { account, asset, amount });
                }
            }
            self.books.push(Book::new(&setup, &self.venues));
            self.agents.push(Agent {
                strategy: setup.strategy,
                account,
                hears: setup.hears,
                reads_equity: setup.reads_equity,
                reads_options: setup.reads_options,
                series_heard: 0,
                latency: setup.link.latency,
                to_venue: Link::new(setup.link.clone()),
                from_venue: Link::new(setup.link),
                stream: seed.stream("link", u64::from(at)),
                inbound: 0,
                open: Vec::new(),
                open_options: Vec::new(),
            });
        }
        self.schedule();
    }

    fn custodian(&mut self, command: Command) {
        self.pending.push(Message { sender: Sender::Custodian, command });
    }

    /// The first events: publishers evenly apart; every agent once the first block has opened the
    /// accounts. A sample was pushed before the step and the block of its instant, so it sees the
    /// last values before them: at the end of a bar, the bar's close.
    fn schedule(&mut self) {
        let start = self.now;
        self.push(start, Item::Step);
        self.push(start, Item::Block);
        self.push(start.after(self.sample), Item::Sample);
        let publishers = self.votes.len() as u64;
        for at in 0..publishers {
            let offset = Span::from_nanos(self.publishers.interval.nanos() / publishers * at);
            let publisher = protocol::ids::PublisherId(at as u16);
            self.push(start.after(offset), Item::Publish(publisher));
            if self.options.is_some() {
                self.push(start.after(offset), Item::PublishSurface(publisher));
            }
        }
        for at in 0..self.agents.len() as u32 {
            self.push(start.after(self.block_time), Item::Wake(at));
        }
    }

    /// Tells an agent what it can know by now, and then that it is awake.
    pub(super) fn wake(&mut self, at: u32) {
        let agent = &mut self.agents[at as usize];
        let mut intents = std::mem::take(&mut self.intents);
        let seen_by = self.now.nanos().saturating_sub(agent.latency.nanos());
        let seen_by = Time::from_nanos(seen_by);
        for &instrument in &agent.hears {
            self.board.tell(instrument, seen_by, |event| {
                self.quotes += 1;
                agent.strategy.on(&event, &mut intents);
            });
        }
        let is_open = agent.account.0 < self.state.accounts();
        let stated = is_open && self.state.time() <= seen_by && agent.inbound == 0;
        if stated {
            for &instrument in &agent.hears {
                let outside = usize::from(instrument.0).checked_sub(self.state.markets().len());
                let event = match outside {
                    Some(venue) => {
                        let qty = self.books[at as usize].venue_coins(venue);
                        Event::Position { instrument, qty }
                    }
                    None => position(&self.state, agent.account, instrument),
                };
                agent.strategy.on(&event, &mut intents);
            }
            if agent.reads_equity {
                let equity = self.state.equity(agent.account);
                let seen = |venue| self.board.venue_mid(venue, seen_by);
                let equity = equity + self.books[at as usize].venue_value(seen);
                agent.strategy.on(&Event::Equity { equity }, &mut intents);
            }
        }
        self.tell_options(at, seen_by, stated, &mut intents);
        let agent = &mut self.agents[at as usize];
        agent.strategy.on(&Event::Wake { now: self.now }, &mut intents);
        self.send(at, &mut intents);
        self.intents = intents;
    }

    /// A message reaches an agent.
    pub(super) fn hear(&mut self, at: u32, event: Event) {
        self.messages += 1;
        let mut intents = std::mem::take(&mut self.intents);
        self.agents[at as usize].inbound -= 1;
        self.agents[at as usize].strategy.on(&event, &mut intents);
        self.send(at, &mut intents);
        self.intents = intents;
    }

    /// Intents leave for their venues.
    fn send(&mut self, at: u32, intents: &mut Vec<Intent>) {
        for intent in intents.drain(..) {
            if let Intent::WakeAt(time) = intent {
                // A wake at a time that has passed comes at once, and at once is not now.
                let time = time.max(self.now.after(Span::from_nanos(1)));
                self.queue.push(time.nanos(), Item::Wake(at));
                continue;
            }
            let agent = &mut self.agents[at as usize];
            let arrival = agent.to_venue.arrival(self.now, &mut agent.stream);
            self.queue.push(arrival.nanos(), Item::Arrive(at, intent));
        }
    }

    /// A message leaves a venue for an agent.
    pub(super) fn reply(&mut self, at: u32, event: Event) {
        let agent = &mut self.agents[at as usize];
        agent.inbound += 1;
        let arrival = agent.from_venue.arrival(self.now, &mut agent.stream);
        self.queue.push(arrival.nanos(), Item::Hear(at, event));
    }
}

/// What the chain states of an account in one instrument.
fn position(state: &protocol::state::State, account: AccountId, instrument: Instrument) -> Event {
    let market = state.market(MarketId(instrument.0));
    let qty = match market.perpetual_params() {
        Some(_) => market.entry(account).position,
        None => holding(state, account, market.params.base),
    };
    Event::Position { instrument, qty }
}

fn holding(state: &protocol::state::State, account: AccountId, asset: AssetId) -> money::Qty {
    let held = state.ledger().balance(Holder::User(account), asset);
    money::Qty::from_raw(i64::try_from(held.raw()).expect("a holding fits a quantity"))
}
