//! `apply`: the only place where the state is written.
//!
//! Four phases (rule E-1): **open** (time, votes, index, mark) → **commands in order** → **close**
//! (funding, margin, liquidation) → **verify** (invariants, chain hash). A command is *check*
//! (reads, may refuse) and then *commit* (writes, cannot fail), so there is no roll-back.

mod accounts;
mod orders;
mod liquidation;
mod feedback;
mod close;

use money::Span;

use crate::command::{Block, Command, Message, Sender};
use crate::event::Event;
use crate::ids::{AccountId, ClientId, PublisherId};
use crate::invariants;
use crate::ladder::Action;
use crate::mark::Decay;
use crate::reject::Reject;
use crate::state::{State, append};

/// Applies a block and returns what happened.
pub fn apply(state: &mut State, block: &Block) -> Vec<Event> {
    let mut events = Vec::new();
    apply_into(state, block, &mut events);
    events
}

/// Applies a block and appends what happened: no allocation once the buffers have grown.
///
/// Panics only if an invariant is broken, which is a fault of this code and never of the input.
pub fn apply_into(state: &mut State, block: &Block, events: &mut Vec<Event>) {
    let first = events.len();
    let elapsed = open(state, block, events);
    for (position, message) in (0u32..).zip(&block.messages) {
        let outcome = match message.sender {
            Sender::Publisher(_) => continue, // counted in the open phase
            Sender::User(account) => user_command(state, account, &message.command, events),
            Sender::Custodian => accounts::custodian_command(state, &message.command, events),
        };
        if let Err(reason) = outcome {
            events.push(rejected(position, message, reason));
        }
    }
    close::close(state, elapsed, events);
    events.push(Event::Closed { height: state.height });
    verify(state, block, &events[first..]);
}

/// Time, votes, index, mark. A block's time never runs backwards.
fn open(state: &mut State, block: &Block, events: &mut Vec<Event>) -> Span {
    let now = block.time.max(state.time);
    let elapsed = if state.height == 0 { Span::ZERO } else { now.since(state.time) };
    state.time = now;
    state.height += 1;
    for (position, message) in (0u32..).zip(&block.messages) {
        if let Sender::Publisher(publisher) = message.sender
            && let Err(reason) = publisher_command(state, publisher, &message.command)
        {
            events.push(rejected(position, message, reason));
        }
    }
    for asset in state.base_assets() {
        if let Some(index) = state.refresh_index(asset) {
            let (price, confidence) = (index.price, index.confidence);
            events.push(Event::Indexed { asset, price, confidence });
        }
    }
    mark(state, elapsed);
    elapsed
}

/// Rule M-3: the mark moves only on an index that serves it.
fn mark(state: &mut State, elapsed: Span) {
    let decay = Decay::over(elapsed);
    for at in 0..state.markets.len() {
        let base = state.markets[at].params.base;
        let index = state.serving(Action::Mark, base);
        let market = &mut state.markets[at];
        let band = market.perpetual_params().map(|params| params.mark_band);
        if let (Some(index), Some(band)) = (index, band) {
            let quotes = market.quotes();
            market.perpetual.mark =
                market.perpetual.mark.next(index.price, quotes, elapsed, decay, band);
        }
    }
}

fn publisher_command(
    state: &mut State,
    publisher: PublisherId,
    command: &Command,
) -> Result<(), Reject> {
    let Command::Publish(vote) = command else { return Err(Reject::NotAllowed) };
    if vote.asset.0 == 0 || vote.asset.index() >= state.params.assets.len() {
        return Err(Reject::UnknownAsset);
    }
    if publisher.index() >= state.params.oracle.stakes.len() {
        return Err(Reject::UnknownPublisher);
    }
    state.oracle.check_vote(publisher, vote, state.time, &state.params.oracle)?;
    state.oracle.commit_vote(publisher, *vote);
    Ok(())
}

fn user_command(
    state: &mut State,
    account: AccountId,
    command: &Command,
    events: &mut Vec<Event>,
) -> Result<(), Reject> {
    match command {
        Command::OpenAccount
        | Command::Deposit { .. }
        | Command::FundInsurance { .. }
        | Command::Publish(_) => Err(Reject::NotAllowed),
        Command::Withdraw { asset, amount } => {
            accounts::withdraw(state, account, *asset, *amount, events)
        }
        Command::Place(order) => orders::place(state, account, order, events),
        Command::Cancel { market, order } => {
            orders::cancel(state, account, *market, *order, events)
        }
        Command::CancelAll { market } => orders::cancel_all(state, account, *market, events),
    }
}

fn rejected(position: u32, message: &Message, reason: Reject) -> Event {
    let account = match message.sender {
        Sender::User(account) => Some(account),
        Sender::Publisher(_) | Sender::Custodian => None,
    };
    let client = match message.command {
        Command::Place(order) => order.client,
        Command::OpenAccount
        | Command::Deposit { .. }
        | Command::Withdraw { .. }
        | Command::FundInsurance { .. }
        | Command::Cancel { .. }
        | Command::CancelAll { .. }
        | Command::Publish(_) => ClientId::default(),
    };
    Event::Rejected { message: position, account, client, reason }
}

/// Rules H-1 and H-2: the chain hash takes in every block and event, and the whole state at
/// checkpoints.
fn verify(state: &mut State, block: &Block, events: &[Event]) {
    let checkpoint = state.height.is_multiple_of(state.params.checkpoint_blocks);
    if let Err(broken) = invariants::check(state, checkpoint) {
        panic!("invariant broken at height {}: {broken}", state.height);
    }
    let mut bytes = std::mem::take(&mut state.scratch.bytes);
    bytes.clear();
    bytes.extend_from_slice(&state.chain);
    append(&mut bytes, block);
    for event in events {
        append(&mut bytes, event);
    }
    if checkpoint {
        state.write_canonical(&mut bytes);
    }
    state.chain = *blake3::hash(&bytes).as_bytes();
    state.scratch.bytes = bytes;
}

/// Whether the account exists.
fn check_account(state: &State, account: AccountId) -> Result<(), Reject> {
    if account.0 < state.accounts { Ok(()) } else { Err(Reject::UnknownAccount) }
}
