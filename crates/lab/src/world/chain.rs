//! The venues: what arrives at them, the chain's blocks, and what they answer.

use desk::strategy::{self, Instrument, Intent};
use money::Amount;
use protocol::command::{Bid, Command, Lifetime, Message, NewOrder, SelfTrade, Sender, Vote};
use protocol::engine;
use protocol::event::Event;
use protocol::ids::{AccountId, ClientId, MarketId, OrderId, PublisherId};

use super::{Item, World};

impl World {
    /// A vote reaches the chain.
    pub(super) fn receive_vote(&mut self, publisher: PublisherId, vote: Vote) {
        self.messages += 1;
        let sender = Sender::Publisher(publisher);
        self.pending.push(Message { sender, command: Command::Publish(vote) });
    }

    /// An intent reaches its venue: the chain keeps it for the next block, the external venue
    /// answers at once.
    pub(super) fn arrive(&mut self, at: u32, intent: Intent) {
        self.messages += 1;
        let markets = self.state.markets().len();
        let instrument = match intent {
            Intent::Place { instrument, .. }
            | Intent::Cancel { instrument, .. }
            | Intent::CancelAll { instrument } => usize::from(instrument.0),
            Intent::Bid { account, fraction, least } => {
                let bid = Command::BidPortfolio(Bid { account, fraction, least });
                let sender = Sender::User(self.agents[at as usize].account);
                return self.pending.push(Message { sender, command: bid });
            }
            Intent::WakeAt(_) => return,
        };
        if instrument >= markets + self.venues.len() {
            if let Some(command) = self.option_command(at, intent) {
                let sender = Sender::User(self.agents[at as usize].account);
                self.pending.push(Message { sender, command });
            }
            return;
        }
        if instrument >= markets {
            return self.trade_outside(at, instrument - markets, intent);
        }
        let market = MarketId(instrument as u16);
        let account = self.agents[at as usize].account;
        let command = match intent {
            Intent::Place { side, price, qty, lifetime, reduce_only, client, .. } => {
                let self_trade = SelfTrade::CancelMaker;
                Command::Place(NewOrder {
                    market,
                    side,
                    price,
                    qty,
                    lifetime,
                    reduce_only,
                    self_trade,
                    client,
                })
            }
            Intent::Cancel { client, .. } => {
                let open = &self.agents[at as usize].open;
                let known = open.iter().find(|(own, id, _)| *own == client && *id == market);
                let Some(&(_, market, order)) = known else {
                    return self.early_cancels.push((at, intent));
                };
                Command::Cancel { market, order }
            }
            Intent::CancelAll { .. } => Command::CancelAll { market: Some(market) },
            Intent::Bid { .. } | Intent::WakeAt(_) => return,
        };
        self.pending.push(Message { sender: Sender::User(account), command });
    }

    /// Closes a block: applies what has arrived, answers, and posts the new quotes.
    pub(super) fn close_block(&mut self) {
        self.block.time = self.now;
        std::mem::swap(&mut self.block.messages, &mut self.pending);
        self.pending.clear();
        self.commands += self.block.messages.len() as u64;
        let mut events = std::mem::take(&mut self.events);
        events.clear();
        engine::apply_into(&mut self.state, &self.block, &mut events);
        for at in 0..events.len() {
            self.answer(&events, at);
        }
        self.events = events;
        // A cancel that was faster than its order is tried once more.
        let mut early = std::mem::take(&mut self.early_cancels);
        for (at, intent) in early.drain(..) {
            self.retry_cancel(at, intent);
        }
        self.early_cancels = early;
        self.board.post_chain(self.now, &self.state);
        if let Some(options) = &mut self.options {
            options.post(&self.state, self.now);
        }
        self.push(self.now.after(self.block_time), Item::Block);
    }

    fn retry_cancel(&mut self, at: u32, intent: Intent) {
        let Intent::Cancel { instrument, client } = intent else { return };
        if let Some((account, command)) = self.late_cancel(at, intent) {
            self.pending.push(Message { sender: Sender::User(account), command });
            return;
        }
        let market = MarketId(instrument.0);
        let agent = &self.agents[at as usize];
        let known = agent.open.iter().find(|(own, id, _)| *own == client && *id == market);
        if let Some(&(_, market, order)) = known {
            let command = Command::Cancel { market, order };
            self.pending.push(Message { sender: Sender::User(agent.account), command });
        }
    }

    /// Books one event and tells those whom it concerns.
    fn answer(&mut self, events: &[Event], at: usize) {
        self.recorder.count(&events[at], &self.state);
        match events[at] {
            Event::Rested { account, market, order, client, .. }
            | Event::Collected { account, market, order, client, .. } => {
                self.rested(account, market, (client, order));
            }
            Event::Removed { account, market, client, .. } => {
                self.gone(account, market, client, false);
            }
            Event::Rejected { account: Some(account), message, client, .. } => {
                self.refused(account, message, client);
            }
            Event::Traded { taker, maker, maker_done, .. } => {
                self.fill(&events[at], taker, taker_is_done(events, at), true);
                self.fill(&events[at], maker, maker_done, false);
            }
            Event::FundingPaid { account, amount, .. } => {
                self.books[account.index()].funding += amount
            }
            Event::LiquidationFee { account, amount } => {
                self.books[account.index()].liquidation -= amount;
            }
            Event::InsurancePaid { account, amount } => {
                self.books[account.index()].insurance += amount;
            }
            Event::Deleveraged { account, counterparty, haircut, .. } => {
                self.deleveraged([account, counterparty], haircut);
            }
            Event::Option(event) => self.answer_option(event, events, at),
            Event::Rejected { account: None, .. } => self.surface_refused(&events[at]),
            Event::Opened { .. }
            | Event::Moved { .. }
            | Event::Indexed { .. }
            | Event::Funded { .. }
            | Event::Realised { .. }
            | Event::LiquidationStarted { .. }
            | Event::HedgeLost { .. }
            | Event::BackstopTook { .. }
            | Event::BackstopMoved { .. }
            | Event::Phase { .. }
            | Event::Closed { .. }
            | Event::WithdrawalsShut { .. }
            | Event::Owned { .. }
            | Event::Transferred { .. }
            | Event::AgentApproved { .. }
            | Event::AgentRevoked { .. }
            | Event::SwitchSet { .. }
            | Event::SwitchActed { .. }
            | Event::TwapOpened { .. }
            | Event::TwapOver { .. }
            | Event::TriggerSet { .. }
            | Event::TriggerGone { .. }
            | Event::DueRefused { .. }
            | Event::Staked { .. }
            | Event::UnstakeAsked { .. }
            | Event::Proposed { .. }
            | Event::Balloted { .. }
            | Event::Counted { .. }
            | Event::Executed { .. }
            | Event::Expired { .. }
            | Event::Changed { .. }
            | Event::OnlyReduces { .. }
            | Event::ConvergenceWindow { .. }
            | Event::Breach { .. }
            | Event::NotProven { .. }
            | Event::LeftBehind { .. }
            | Event::Settled { .. } => {}
        }
    }

    /// What one account owed was taken from another.
    pub(super) fn deleveraged(&mut self, [account, counterparty]: [AccountId; 2], haircut: Amount) {
        self.books[account.index()].deleveraging += haircut;
        self.books[counterparty.index()].deleveraging -= haircut;
    }

    /// A command was refused: an order is then gone.
    fn refused(&mut self, account: AccountId, message: u32, client: ClientId) {
        let command = &self.block.messages[message as usize].command;
        if let Command::Place(order) = command {
            self.gone(account, order.market, client, true);
        } else if let Command::PlaceOption(order) = command {
            self.option_gone(account, order.series, client, true);
        }
    }

    /// An order is in the book, or waits for an auction; one that waited has another handle now.
    fn rested(
        &mut self,
        account: AccountId,
        market: MarketId,
        (client, order): (ClientId, OrderId),
    ) {
        let open = &mut self.agents[account.index()].open;
        let waited = open.iter_mut().find(|(own, id, _)| *own == client && *id == market);
        if let Some((_, _, handle)) = waited {
            *handle = order;
            return;
        }
        open.push((client, market, order));
        let instrument = Instrument(market.0);
        self.reply(account.0, strategy::Event::Rested { instrument, client });
    }

    fn gone(&mut self, account: AccountId, market: MarketId, client: ClientId, refused: bool) {
        let open = &mut self.agents[account.index()].open;
        if let Some(at) = open.iter().position(|(own, id, _)| *own == client && *id == market) {
            open.swap_remove(at);
        }
        let instrument = Instrument(market.0);
        self.reply(account.0, strategy::Event::Gone { instrument, client, refused });
    }

    /// One side of a trade on the chain.
    fn fill(&mut self, traded: &Event, account: AccountId, done: bool, is_taker: bool) {
        let &Event::Traded {
            market,
            side,
            price,
            qty,
            taker_client,
            maker_client,
            taker_fee,
            maker_fee,
            ..
        } = traded
        else {
            return;
        };
        let (side, client, fee) = if is_taker {
            (side, taker_client, taker_fee)
        } else {
            (side.opposite(), maker_client, maker_fee)
        };
        let book = &mut self.books[account.index()];
        book.fees -= fee;
        book.traded += price.notional(qty, money::Round::Down);
        if done && !is_taker {
            let open = &mut self.agents[account.index()].open;
            if let Some(at) = open.iter().position(|(own, id, _)| *own == client && *id == market) {
                open.swap_remove(at);
            }
        }
        let instrument = Instrument(market.0);
        let event = strategy::Event::Fill { instrument, client, side, price, qty, fee, done };
        self.reply(account.0, event);
    }

    /// An immediate order at the external venue; anything else is refused there.
    fn trade_outside(&mut self, at: u32, venue: usize, intent: Intent) {
        let Intent::Place { instrument, side, price, qty, lifetime, client, .. } = intent else {
            return;
        };
        let venues = &mut self.venues;
        let book = &mut self.books[at as usize];
        let afford = book.affordable(venue, side, price, qty, venues[venue].params());
        let fill = (lifetime == Lifetime::Immediate)
            .then(|| venues[venue].take(self.now, side, price, afford))
            .flatten();
        let Some(fill) = fill else {
            let refused = lifetime != Lifetime::Immediate;
            return self.reply(at, strategy::Event::Gone { instrument, client, refused });
        };
        book.trade_outside(venue, side, &fill);
        let (price, qty, fee) = (fill.price, fill.qty, fill.fee);
        let event = strategy::Event::Fill { instrument, client, side, price, qty, fee, done: true };
        self.reply(at, event);
    }
}

/// Whether the taker of this trade has nothing left: no later trade, rest or removal of the same
/// order follows before another message's events.
fn taker_is_done(events: &[Event], at: usize) -> bool {
    let Event::Traded { taker, taker_client, market, .. } = events[at] else { return true };
    for event in &events[at + 1..] {
        match *event {
            Event::Traded { taker: other, taker_client: client, market: id, .. } => {
                return !(other == taker && client == taker_client && id == market);
            }
            Event::Rested { account, client, .. } => {
                return !(account == taker && client == taker_client);
            }
            Event::Removed { account, client, .. }
                if account == taker && client == taker_client =>
            {
                return false;
            }
            Event::Removed { .. } | Event::Realised { .. } | Event::FundingPaid { .. } => {}
            Event::Rejected { .. }
            | Event::Opened { .. }
            | Event::Moved { .. }
            | Event::Indexed { .. }
            | Event::Funded { .. }
            | Event::LiquidationStarted { .. }
            | Event::LiquidationFee { .. }
            | Event::Deleveraged { .. }
            | Event::InsurancePaid { .. }
            | Event::HedgeLost { .. }
            | Event::BackstopTook { .. }
            | Event::BackstopMoved { .. }
            | Event::Phase { .. }
            | Event::Collected { .. }
            | Event::Closed { .. }
            | Event::WithdrawalsShut { .. }
            | Event::Owned { .. }
            | Event::Transferred { .. }
            | Event::AgentApproved { .. }
            | Event::AgentRevoked { .. }
            | Event::SwitchSet { .. }
            | Event::SwitchActed { .. }
            | Event::TwapOpened { .. }
            | Event::TwapOver { .. }
            | Event::TriggerSet { .. }
            | Event::TriggerGone { .. }
            | Event::DueRefused { .. }
            | Event::Staked { .. }
            | Event::UnstakeAsked { .. }
            | Event::Proposed { .. }
            | Event::Balloted { .. }
            | Event::Counted { .. }
            | Event::Executed { .. }
            | Event::Expired { .. }
            | Event::Changed { .. }
            | Event::OnlyReduces { .. }
            | Event::ConvergenceWindow { .. }
            | Event::Breach { .. }
            | Event::LeftBehind { .. }
            | Event::NotProven { .. }
            | Event::Option(_)
            | Event::Settled { .. } => return true,
        }
    }
    true
}
