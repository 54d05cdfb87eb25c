//! One run: publishers vote, makers quote, positions are opened, and then it happens.
//!
//! Half an hour of calm in blocks of 5 s ages the books; positions are opened over a minute at the
//! first price; from then on blocks of 1 s follow the course of the incident. The state machine is
//! `protocol::engine::apply`, whatever rules it runs under.

use std::panic::{AssertUnwindSafe, catch_unwind};

use money::{Price, Round, Span, Time};
use pricing::convert;
use protocol::command::{Block, Command, Message, Sender, Vote};
use protocol::engine;
use protocol::event::Event;
use protocol::ids::{AssetId, MarketId, PublisherId, Side};
use protocol::state::State;

use super::cast::Cast;
use super::course::{Course, as_price};
use super::incident::{FaultKind, Incident, Terms};
use super::maker::Maker;
use super::moves;
use super::rules::{CLAMP_OPEN, PUBLISHERS, design};
use super::tally::{Outcome, Tally};
use super::variant::Variant;
use crate::random::{Seed, Stream};

/// Calm blocks of 5 s before anybody trades, and blocks in which positions are opened.
const CALM_BLOCKS: u32 = 360;
const CALM: Span = Span::from_secs(5);
const OPENING_BLOCKS: u32 = 60;
/// What is left to happen after the last halt.
const AFTER_HALT_S: f64 = 600.0;
/// First instant of every run.
const START: Time = Time::from_nanos(1_700_000_000_000_000_000);
/// A publisher's error and its stated confidence, as shares of the price.
const NOISE: f64 = 2e-5;
const CONFIDENCE: f64 = 2e-4;

/// Runs a variant of an incident under the terms of one side, if wanted with the positions that
/// other terms let be opened.
pub(super) fn run(
    incident: &Incident,
    (terms, size): (&Terms, Option<&Terms>),
    variant: Variant,
    seed: u64,
) -> Outcome {
    let attempt = catch_unwind(AssertUnwindSafe(|| {
        let ran = Run::new(incident, terms, variant, seed).and_then(|mut run| {
            if let Some(size) = size {
                let mut other = Run::new(incident, size, variant, seed)?;
                other.open(incident);
                run.cast.want_what_is_open(&other.state, &other.prices(0.0));
            }
            Ok(run.all(incident))
        });
        ran.unwrap_or_else(|refusal| Outcome { failure: Some(refusal), ..Outcome::default() })
    }));
    attempt.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        Outcome { invariants_broken: 1, failure: text, ..Outcome::default() }
    })
}

struct Run<'a> {
    state: State,
    course: Course<'a>,
    terms: &'a Terms,
    cast: Cast,
    makers: Vec<Maker>,
    publishers: Vec<Stream>,
    tally: Tally,
    events: Vec<Event>,
    time: Time,
}

impl<'a> Run<'a> {
    fn new(
        incident: &'a Incident,
        terms: &'a Terms,
        variant: Variant,
        seed: u64,
    ) -> Result<Run<'a>, String> {
        let cast = Cast::of(incident, terms);
        let params = design(incident, terms, cast.len());
        let state = State::new(params).map_err(|error| error.to_string())?;
        let course = Course::new(incident, variant);
        let maker = |(at, account): (usize, &protocol::ids::AccountId)| {
            let market = MarketId(u16::try_from(at).expect("an incident has few markets"));
            Maker::new(*account, market, course.depth(at, 0.0))
        };
        Ok(Run {
            makers: cast.makers.iter().enumerate().map(maker).collect(),
            publishers: (0..u64::from(PUBLISHERS))
                .map(|id| Seed(seed).stream("stress publisher", id))
                .collect(),
            tally: Tally::default(),
            events: Vec::new(),
            time: START,
            state,
            course,
            terms,
            cast,
        })
    }

    /// All that is before the course: accounts, calm, and the positions.
    fn open(&mut self, incident: &Incident) {
        let entering = self.cast.enter(incident, self.terms);
        self.block(entering, Span::SECOND, 0.0);
        for _ in 0..CALM_BLOCKS {
            self.quiet(CALM, 0.0);
        }
        for _ in 0..OPENING_BLOCKS {
            self.opening();
        }
        self.close_opening();
    }

    fn all(&mut self, incident: &Incident) -> Outcome {
        self.open(incident);
        let after = incident_end(incident, &self.course);
        let mut second = 0.0;
        let mut elapsed = Span::SECOND;
        while second < after {
            if self.course.is_halted(second) {
                elapsed = elapsed.plus(Span::SECOND);
            } else {
                self.incident_block(incident, second, elapsed);
                elapsed = Span::SECOND;
            }
            second += 1.0;
        }
        let prices = self.true_prices(after);
        self.tally.outcome(&self.state, &self.cast, &prices)
    }

    /// The true prices.
    fn prices(&self, second: f64) -> Vec<f64> {
        (0..self.makers.len()).map(|at| self.course.price(at, second)).collect()
    }

    /// A block in which nobody but publishers and makers acts.
    fn quiet(&mut self, elapsed: Span, second: f64) {
        let mut messages = Vec::new();
        self.quotes(elapsed, second, &mut messages);
        self.events.clear();
        self.block(messages, elapsed, second);
    }

    fn opening(&mut self) {
        let mut messages = Vec::new();
        self.quotes(Span::SECOND, 0.0, &mut messages);
        for player in &self.cast.players {
            let price = self.course.price(player.market.index(), 0.0);
            moves::open(&self.state, player, price, &mut messages);
        }
        let from = self.events.len();
        self.block(messages, Span::SECOND, 0.0);
        for event in &self.events[from..] {
            if let Event::Rejected { account: Some(account), .. } = event
                && let Some(player) = self.cast.players.get_mut(account.index())
            {
                player.attempt_usd = (player.attempt_usd / 2.0).max(player.wanted_usd / 256.0);
            }
        }
    }

    /// Nothing that was not opened stays in the book.
    fn close_opening(&mut self) {
        let cancel = |player: &super::cast::Player| Message {
            sender: Sender::User(player.account),
            command: Command::CancelAll { market: None },
        };
        let messages = self.cast.players.iter().map(cancel).collect();
        self.block(messages, Span::SECOND, 0.0);
        let prices = self.true_prices(0.0);
        self.tally.opened(&self.state, &self.cast, &prices);
    }

    fn incident_block(&mut self, incident: &Incident, second: f64, elapsed: Span) {
        let mut messages = Vec::new();
        self.quotes(elapsed, second, &mut messages);
        let prices = self.prices(second);
        for action in &incident.moves {
            let parts = (&self.state, &self.cast);
            moves::messages(action, parts, &prices, second, &mut messages);
        }
        self.tally.before(&self.state);
        self.events.clear();
        self.block(messages, elapsed, second);
        let prices: Vec<Price> = prices.into_iter().map(as_price).collect();
        let elapsed_s = Span::SECOND.nanos() as f64 / 1e9;
        self.tally.take(&self.state, &self.events, &prices, elapsed_s);
    }

    fn quotes(&mut self, elapsed: Span, second: f64, out: &mut Vec<Message>) {
        for (at, maker) in self.makers.iter_mut().enumerate() {
            let own = self.terms.own_book_index.then(|| own_price(&self.state, at)).flatten();
            let price = own.unwrap_or_else(|| self.course.price(at, second));
            let depth = self.course.depth(at, second);
            maker.quote(&self.state, (price, depth), elapsed.nanos() as f64 / 1e9, out);
        }
    }

    /// Applies a block with the votes of its second before its other messages.
    fn block(&mut self, messages: Vec<Message>, elapsed: Span, second: f64) {
        self.time = self.time.after(elapsed);
        let mut all = self.votes(second);
        all.extend(messages);
        let from = self.events.len();
        let block = Block { time: self.time, messages: all };
        engine::apply_into(&mut self.state, &block, &mut self.events);
        for maker in &mut self.makers {
            self.events[from..].iter().for_each(|event| maker.hear(event));
        }
    }

    fn votes(&mut self, second: f64) -> Vec<Message> {
        let mut votes = Vec::new();
        for at in 0..self.makers.len() {
            let fault = self.course.fault(at, second);
            let own = self.terms.own_book_index.then(|| own_price(&self.state, at)).flatten();
            let price = own.unwrap_or_else(|| self.course.price(at, second));
            for (publisher, stream) in (0u16..).zip(&mut self.publishers) {
                let price = price * (1.0 + NOISE * stream.normal());
                let open = !self.terms.bounds.oracle_clamp;
                let Some((price, confidence)) = said(price, publisher, fault, open) else {
                    continue;
                };
                let asset = AssetId(u16::try_from(at + 1).expect("an incident has few assets"));
                let price = as_price(price);
                let confidence = convert::price(confidence, Round::Down).unwrap_or(Price::ZERO);
                let vote = Vote { asset, price, confidence, time: self.time };
                let sender = Sender::Publisher(PublisherId(publisher));
                votes.push(Message { sender, command: Command::Publish(vote) });
            }
        }
        votes
    }

    fn true_prices(&self, second: f64) -> Vec<Price> {
        self.prices(second).into_iter().map(as_price).collect()
    }
}

/// What a publisher says of a price, and how sure it says it is; `None` if it is silent.
///
/// Where the clamp of the rules is opened, a factor stays within what it can be opened to.
fn said(price: f64, publisher: u16, fault: Option<FaultKind>, open: bool) -> Option<(f64, f64)> {
    let sure = |price: f64| Some((price, price * CONFIDENCE));
    match fault {
        None => sure(price),
        Some(FaultKind::Stale) => None,
        Some(FaultKind::Wide { share, factor }) => Some((price * factor, price * factor * share)),
        Some(FaultKind::Factor(factor)) if open => {
            sure(price * factor.clamp(1.0 / CLAMP_OPEN, CLAMP_OPEN))
        }
        Some(FaultKind::Factor(factor)) => sure(price * factor),
        Some(FaultKind::Outlier(share)) if publisher == 0 => sure(price * (1.0 + share)),
        Some(FaultKind::Outlier(_)) => sure(price),
        Some(FaultKind::Split(_)) if publisher == PUBLISHERS - 1 => None,
        Some(FaultKind::Split(share)) if publisher.is_multiple_of(2) => sure(price * (1.0 + share)),
        Some(FaultKind::Split(share)) => sure(price * (1.0 - share)),
    }
}

/// The price of a market's own book: the middle of bid and ask, else the last trade.
fn own_price(state: &State, market: usize) -> Option<f64> {
    let market = &state.markets()[market];
    let best = |side| market.top(side).map(|(price, _)| convert::price_f64(price));
    match (best(Side::Buy), best(Side::Sell)) {
        (Some(bid), Some(ask)) => Some((bid + ask) / 2.0),
        (None, _) | (_, None) => market.last.map(convert::price_f64),
    }
}

fn incident_end(incident: &Incident, course: &Course<'_>) -> f64 {
    (incident.duration_min * 60.0).max(course.last_halt() + AFTER_HALT_S)
}
