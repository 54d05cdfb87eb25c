//! Liquidation of accounts with options: an auction of all that they have (rules L-20 to L-23).
//!
//! It begins when such an account is liquidated, runs at the close of blocks in which index and
//! surface serve that, and ends when there is initial margin or no option, or when bidders had
//! their time: then options are closed against the other side. Nothing is sold through a book
//! meanwhile.
//!
//! Always holds: after every block, whoever is auctioned has options and lacks initial margin; an
//! auction is over after `fast` and `slow`, not counting what nothing served.

mod bids;
mod closing;

use money::Span;

use super::options;
use super::orders::cancel_in;
use super::tranches::index_serves;
use crate::book_auction::Auction;
use crate::event::{AuctionEnd, Event, Gone, OptionEvent};
use crate::ids::{AccountId, ChainId, MarketId};
use crate::ladder::Action;
use crate::reject::Reject;
use crate::state::{Level, State};
pub(super) use bids::bid;

/// Whether an account is auctioned.
pub(super) fn has_begun(state: &State, account: AccountId) -> bool {
    state.auctions.contains_key(&account)
}

/// Rule L-20: begins the auction of an account whose orders are cancelled, if it is still under
/// maintenance margin and everything in it can be liquidated.
pub(super) fn begin(state: &mut State, account: AccountId, events: &mut Vec<Event>) {
    let health = state.health(account, Level::Maintenance);
    if health.is_sound() || check_served(state, account).is_err() {
        return;
    }
    let mut chains = state.chains.iter().zip(0u16..);
    let Some((_, chain)) = chains.find(|(chain, _)| chain.holds(account)) else { return };
    state.auctions.insert(account, Auction::new(ChainId(chain)));
    events.push(Event::Option(OptionEvent::BookAuctionStarted {
        account,
        equity: health.equity,
        maintenance: health.requirement,
    }));
}

/// Rules L-22 and L-23: lets the time of the auctions pass, and closes the options of accounts
/// whose bidders had theirs, or of which insurance cannot pay what is owed.
pub(super) fn run(state: &mut State, elapsed: Span, events: &mut Vec<Event>) {
    // What passed without blocks was no time to bid in.
    let elapsed = if elapsed > state.params.rules.halt.outage_min { Span::ZERO } else { elapsed };
    let accounts: Vec<AccountId> = state.auctions.keys().copied().collect();
    for account in accounts {
        if !state.holds_options(account) || check_served(state, account).is_err() {
            continue;
        }
        let offer = state.offer(account).expect("the account is auctioned");
        if offer.largest().is_zero() {
            continue;
        }
        let auction = state.auctions.get_mut(&account).expect("the account is auctioned");
        *auction = auction.after(elapsed, offer.equity.is_positive());
        let over = auction.is_over(&state.chains[auction.chain.index()].params.auction);
        if over || !offer.is_insured() {
            closing::close_options(state, account, events);
            finish(state, account, AuctionEnd::Deleveraged, events);
        }
    }
}

/// Rule L-23: ends the auctions of accounts that have initial margin or no options.
pub(super) fn end(state: &mut State, events: &mut Vec<Event>) {
    let accounts: Vec<AccountId> = state.auctions.keys().copied().collect();
    for account in accounts {
        let offer = state.offer(account).expect("the account is auctioned");
        if !state.holds_options(account) {
            finish(state, account, AuctionEnd::NothingLeft, events);
        } else if offer.largest().is_zero() {
            finish(state, account, AuctionEnd::Restored, events);
        }
    }
}

fn finish(state: &mut State, account: AccountId, reason: AuctionEnd, events: &mut Vec<Event>) {
    state.auctions.remove(&account);
    state.watch.touch(account);
    events.push(Event::Option(OptionEvent::BookAuctionEnded { account, reason }));
}

/// Rule L-3: cancels all orders of an account.
pub(super) fn cancel_orders(state: &mut State, account: AccountId, events: &mut Vec<Event>) {
    for (market, id) in state.markets.iter_mut().zip(0u16..) {
        cancel_in(market, MarketId(id), account, Gone::Liquidation, events);
    }
    options::cancel_everything(state, account, Gone::Liquidation, events);
}

/// Whether everything that an account has may be liquidated now: by index and surface (rules O-4,
/// O-5 and V-7) and, where it has a position, by the market's phase (rule A-5).
fn check_served(state: &State, account: AccountId) -> Result<(), Reject> {
    let serves = |asset| state.serving(Action::Liquidate, asset).is_some();
    let held = |asset| !state.ledger.held(account, asset).is_zero();
    if !state.base_assets().all(|asset| serves(asset) || !held(asset)) {
        return Err(Reject::StaleIndex);
    }
    let open = |market: &crate::market::Market| !market.entry(account).position.is_zero();
    if !state.perpetuals().all(|(market, id)| index_serves(state, id) || !open(market)) {
        return Err(Reject::StaleIndex);
    }
    let mut chains = state.chains.iter().filter(|chain| chain.holds(account));
    if !chains.all(|chain| serves(chain.base())) {
        return Err(Reject::StaleIndex);
    }
    let mut chains = state.chains.iter().filter(|chain| chain.holds(account));
    if chains.all(|chain| chain.serves(state.time)) { Ok(()) } else { Err(Reject::NoSurface) }
}
