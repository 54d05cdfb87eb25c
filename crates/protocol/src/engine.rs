//! `apply`: the only place where the state is written.
//!
//! Four phases (rule E-1): **open** (time, votes, index, mark, halts) → **commands in the order of
//! T-9**, then the batches that end (T-13) → **close** (funding, margin, liquidation) → **verify**
//! (invariants, chain hash). A command is *check* (reads, may refuse) and then *commit* (writes,
//! cannot fail), so there is no roll-back.

mod prices;
mod permits;
mod outflow;
mod accounts;
mod owners;
mod bounds;
mod reducing;
mod insurance;
mod settlement;
mod options;
mod orders;
mod spread;
mod plans;
mod auctions;
mod batches;
mod tranches;
mod deleverage;
mod book_auctions;
mod backstop;
mod pairs;
mod governance;
mod expiry;
mod halts;
mod liquidation;
mod feedback;
mod convergence;
mod close;

use money::Span;

use crate::command::{Block, Command, Message, Sender, Who};
use crate::event::Event;
use crate::ids::{AccountId, PublisherId};
use crate::invariants;
use crate::invariants::steps::{self, Before, Step};
use crate::ordering::arrange;
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
    let checkpoint = (state.height + 1).is_multiple_of(state.params.checkpoint_blocks);
    let mut before = checkpoint.then(|| Before::new(state));
    let elapsed = open(state, block, events);
    if let Some(before) = &mut before {
        before.opened(state);
    }
    let mut order = std::mem::take(&mut state.scratch.order);
    arrange(&block.messages, state.params.rules.ordering, &mut order);
    for &position in &order {
        let message = &block.messages[position as usize];
        if matches!(message.sender, Sender::Publisher(_)) {
            continue; // counted in the open phase
        }
        let outcome = execute(state, message, events);
        if let Err(reason) = outcome {
            events.push(rejected(position, message, reason));
        }
    }
    state.scratch.order = order;
    batches::close(state, events);
    if let Some(before) = &mut before {
        before.acted(state);
    }
    close::close(state, elapsed, events);
    events.push(Event::Closed { height: state.height });
    verify(state, block, &events[first..], before.as_ref());
}

/// Time, votes, index, mark. A block's time never runs backwards.
fn open(state: &mut State, block: &Block, events: &mut Vec<Event>) -> Span {
    let now = block.time.max(state.time);
    let elapsed = if state.height == 0 { Span::ZERO } else { now.since(state.time) };
    state.time = now;
    state.height += 1;
    governance::open(state, events);
    for (position, message) in (0u32..).zip(&block.messages) {
        if let Sender::Publisher(publisher) = message.sender
            && let Err(reason) = published(state, publisher, &message.command)
        {
            events.push(rejected(position, message, reason));
        }
    }
    prices::index(state, events);
    expiry::observe(state, elapsed);
    prices::mark(state, elapsed);
    options::open(state, elapsed, events);
    state.refresh_terms();
    halts::open(state, events);
    if elapsed > state.params.rules.halt.outage_min {
        outflow::shut(state, events);
    }
    governance::observe(state);
    plans::run_due(state, events);
    elapsed
}

/// A publisher's vote on an index, or its surface.
fn published(state: &mut State, publisher: PublisherId, command: &Command) -> Result<(), Reject> {
    if let Command::PublishSurface(wish) = command {
        options::publish(state, publisher, wish)
    } else {
        prices::publisher_command(state, publisher, command)
    }
}

fn execute(state: &mut State, message: &Message, events: &mut Vec<Event>) -> Result<(), Reject> {
    let account = check_sender(state, message)?;
    match &message.command {
        Command::Publish(_) | Command::PublishPerpetual(_) | Command::PublishSurface(_) => {
            Ok(()) // counted in the open phase
        }
        Command::OpenAccount => accounts::open_account(state, events),
        Command::Deposit { account, asset, amount } => {
            accounts::deposit(state, *account, (*asset, *amount), events)
        }
        Command::FundInsurance { amount } => accounts::fund_insurance(state, *amount, events),
        Command::OpenBackstop => backstop::open(state, events),
        Command::Direct { market, directive } => halts::direct(state, *market, *directive),
        Command::BackstopDeposit { amount } => backstop::deposit(state, account, *amount, events),
        Command::BackstopWithdraw { shares } => backstop::withdraw(state, account, *shares),
        Command::Withdraw { asset, amount } => {
            accounts::withdraw(state, account, *asset, *amount, events)
        }
        Command::Place(order) => orders::place(state, account, order, events),
        Command::Cancel { market, order } => {
            orders::cancel(state, account, *market, *order, events)
        }
        Command::CancelAll { market } => orders::cancel_all(state, account, *market, events),
        Command::OpenSubAccount => owners::open_sub_account(state, account, events),
        Command::Transfer { from, to, asset, amount } => {
            owners::transfer(state, account, [*from, *to], (*asset, *amount), events)
        }
        Command::ApproveAgent { agent, expires } => {
            owners::approve_agent(state, account, (*agent, *expires), events)
        }
        Command::RevokeAgent { agent } => owners::revoke_agent(state, account, *agent, events),
        Command::ScheduleCancel { at } => plans::schedule_cancel(state, account, *at, events),
        Command::PlaceTwap(order) => plans::place_twap(state, account, order, events),
        Command::CancelTwap { number } => plans::cancel_twap(state, account, *number, events),
        Command::PlaceTrigger(order) => plans::place_trigger(state, account, order, events),
        Command::PlacePair(pair) => plans::place_pair(state, account, pair, events),
        Command::Stake { amount } => governance::stake(state, account, *amount, events),
        Command::Unstake { amount } => governance::unstake(state, account, *amount, events),
        Command::Propose(draft) => governance::propose(state, account, draft, events),
        Command::Ballot { proposal, yes } => {
            governance::ballot(state, account, (*proposal, *yes), events)
        }
        Command::Emergency(wish) => governance::emergency(state, account, **wish, events),
        Command::CancelTrigger { market, number } => {
            plans::cancel_trigger(state, account, (*market, *number), events)
        }
        Command::PlaceSpread(order) => spread::place(state, account, order, events),
        Command::WithdrawAtLoss(wish) => accounts::withdraw_at_loss(state, account, wish, events),
        Command::PlaceOption(order) => options::place(state, account, order, events),
        Command::CancelOption { series, order } => {
            options::cancel(state, account, (*series, *order), events)
        }
        Command::CancelAllOptions { chain } => options::cancel_all(state, account, *chain, events),
        Command::BidPortfolio(bid) => book_auctions::bid(state, account, bid, events),
    }
}

/// Whether a message's sender may send its command, and for which account; the custodian's commands
/// name the account themselves.
fn check_sender(state: &State, message: &Message) -> Result<AccountId, Reject> {
    const NOBODY: AccountId = AccountId(u32::MAX);
    let who = message.command.sender();
    let account = match (message.sender, who) {
        (Sender::Publisher(_), Who::Publisher) | (Sender::Custodian, Who::Custodian) => NOBODY,
        (Sender::User(account), Who::Holder | Who::Trader) => account,
        (Sender::Agent { agent, account }, Who::Trader) => {
            owners::check_agent(state, agent, account)?;
            account
        }
        (Sender::Publisher(_), Who::Custodian | Who::Holder | Who::Trader)
        | (Sender::Custodian, Who::Publisher | Who::Holder | Who::Trader)
        | (Sender::User(_), Who::Publisher | Who::Custodian)
        | (Sender::Agent { .. }, Who::Publisher | Who::Custodian | Who::Holder) => {
            return Err(Reject::NotAllowed);
        }
    };
    if state.vault.account() == Some(account) { Err(Reject::NotAllowed) } else { Ok(account) }
}

fn rejected(position: u32, message: &Message, reason: Reject) -> Event {
    let account = match message.sender {
        Sender::User(account) | Sender::Agent { account, .. } => Some(account),
        Sender::Publisher(_) | Sender::Custodian => None,
    };
    let client = message.command.client();
    Event::Rejected { message: position, account, client, reason }
}

/// Rules H-1 and H-2: the chain hash takes in every block and event, and the whole state at
/// checkpoints.
fn verify(state: &mut State, block: &Block, events: &[Event], before: Option<&Before>) {
    let checkpoint = before.is_some();
    let step = |before| steps::check(&Step { before, block, events, after: state });
    if let Err(broken) =
        invariants::check(state, checkpoint).and_then(|()| before.map_or(Ok(()), step))
    {
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
