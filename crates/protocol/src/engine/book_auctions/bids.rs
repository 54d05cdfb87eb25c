//! Bids for accounts that are auctioned (rules L-21 and L-22).
//!
//! Positions move at their marks, holdings at the index, by what they are in the account's equity:
//! that stays as it is to the unit, and roundings are the bidder's. Then the account, or insurance,
//! pays for what was freed of maintenance margin.
//!
//! Always holds: the bidder has initial margin afterwards; what is left of the account has no less
//! equity for each unit of maintenance margin, and needs no more.

use money::{Amount, Price, Qty, Round};

use super::{cancel_orders, check_served};
use crate::book_auction::Payment;
use crate::command::Bid;
use crate::engine::accounts::{check_indices, settle_funding};
use crate::engine::bounds;
use crate::engine::orders::{Trade, exchange_perpetual, trim_touched};
use crate::engine::tranches::forced;
use crate::engine::{check_account, insurance, options};
use crate::event::{Event, OptionEvent};
use crate::ids::{AccountId, AssetId, MarketId, QUOTE, SeriesId, Side, Tick};
use crate::ladder::Action;
use crate::ledger::Holder;
use crate::reject::Reject;
use crate::state::{Change, Level, Share, State, as_qty};

/// A bid after all checks.
#[derive(Clone, Copy, Debug)]
struct Takeover {
    bidder: AccountId,
    share: Share,
    payment: Payment,
}

/// Takes a part of an account over.
pub(in crate::engine) fn bid(
    state: &mut State,
    bidder: AccountId,
    wish: &Bid,
    events: &mut Vec<Event>,
) -> Result<(), Reject> {
    let takeover = check_bid(state, bidder, wish)?;
    commit_bid(state, &takeover, events);
    Ok(())
}

fn check_bid(state: &State, bidder: AccountId, wish: &Bid) -> Result<Takeover, Reject> {
    let account = wish.account;
    check_account(state, bidder)?;
    check_account(state, account)?;
    if !wish.fraction.is_positive() {
        return Err(Reject::NotPositive);
    }
    let offer = state.offer(account).ok_or(Reject::NoAuction)?;
    let fraction = wish.fraction.min(offer.largest());
    if fraction.is_zero() {
        return Err(Reject::NoAuction);
    }
    if state.owner(account) == state.owner(bidder) {
        return Err(Reject::OwnBook);
    }
    check_served(state, account)?;
    check_indices(state, bidder, Action::Increase)?;
    if !offer.is_insured() {
        return Err(Reject::NotInsured);
    }
    let share = Share { of: account, fraction };
    let left = state.health_after(account, Level::Maintenance, Change::Given(share)).requirement;
    let freed = offer.maintenance - left;
    if freed.is_negative() {
        return Err(Reject::NotFreeing);
    }
    let payment = offer.payment(freed);
    // A rate that no payment reaches.
    if freed.share(wish.least, Round::Up).is_none_or(|least| payment.received() < least) {
        return Err(Reject::PaidTooLittle);
    }
    let takeover = Takeover { bidder, share, payment };
    check_limits(state, &takeover)?;
    check_margin(state, &takeover)?;
    Ok(takeover)
}

/// Rule T-8 for every position of the bidder.
fn check_limits(state: &State, takeover: &Takeover) -> Result<(), Reject> {
    let Takeover { bidder, share, .. } = *takeover;
    let side = |qty: Qty| if qty.is_negative() { Side::Sell } else { Side::Buy };
    for (market, id) in state.perpetuals() {
        let qty = share.position(market);
        let lots = market.lots_of(qty);
        bounds::check_limit(market, &forced(bidder, id, side(qty), (Tick(1), lots)))?;
    }
    for chain in &state.chains {
        for leg in chain.legs(share.of) {
            let qty = share.leg(chain, leg);
            let lots = chain.grid().lots_of(qty);
            options::check_limit(chain, &chain.leg(bidder, leg.series), side(qty), lots)?;
        }
    }
    Ok(())
}

/// The bidder has initial margin with all that it takes and pays.
fn check_margin(state: &State, takeover: &Takeover) -> Result<(), Reject> {
    /// Roundings of what moves, of its value and of what is realised.
    const ROUNDINGS: Amount = Amount::from_raw(4);
    let Takeover { bidder, share, payment } = *takeover;
    let after = state.health_after(bidder, Level::Initial, Change::Taken(share));
    let mut equity = after.equity + payment.received();
    for asset in state.base_assets() {
        equity -= holding_price(state, share, asset);
    }
    for (market, _) in state.perpetuals() {
        let qty = share.position(market);
        if !qty.is_zero() {
            // By rule R-3 the position counts less than it is taken at.
            let side = if qty.is_negative() { Side::Buy } else { Side::Sell };
            let reference = state.reference(market, side.opposite());
            let apart = market.perpetual.mark.price - reference;
            equity -= apart.notional(qty, Round::Up).max(Amount::ZERO) + ROUNDINGS;
        }
    }
    for chain in &state.chains {
        for leg in chain.legs(share.of) {
            let mark = chain.series(leg.series).and_then(|series| series.mark);
            equity -= value_taken(mark.unwrap_or(Price::ZERO), leg.position, share.leg(chain, leg));
        }
    }
    if equity >= after.requirement { Ok(()) } else { Err(Reject::InsufficientMargin) }
}

/// What a position loses of its value at a price when a part of it is taken.
fn value_taken(price: Price, position: Qty, part: Qty) -> Amount {
    price.notional(position, Round::Down) - price.notional(position - part, Round::Down)
}

/// What the part of a holding is worth.
fn holding_price(state: &State, share: Share, asset: AssetId) -> Amount {
    let index = state.oracle.index(asset).price;
    let holding = as_qty(state.ledger.held(share.of, asset));
    value_taken(index, holding, state.holding_part(share, asset))
}

fn commit_bid(state: &mut State, takeover: &Takeover, events: &mut Vec<Event>) {
    let Takeover { bidder, share, payment } = *takeover;
    let account = share.of;
    cancel_orders(state, account, events);
    for at in 0..state.chains.len() {
        take_legs(state, at, takeover, events);
    }
    let markets = u16::try_from(state.markets.len()).expect("market ids are 16 bits");
    for id in (0..markets).map(MarketId) {
        take_position(state, id, takeover, events);
    }
    for asset in state.base_assets() {
        take_holding(state, asset, takeover, events);
    }
    state.ledger.transfer(Holder::User(account), Holder::User(bidder), QUOTE, payment.paid);
    if payment.debt.is_positive() {
        insurance::pay(state, account, None, payment.debt, events);
    }
    insurance::reward(state, bidder, payment.reward);
    state.watch.touch(account);
    state.watch.touch(bidder);
    let Share { fraction, .. } = share;
    let (paid, insured) = (payment.paid, payment.reward);
    events.push(Event::Option(OptionEvent::PortfolioTaken {
        account,
        bidder,
        fraction,
        paid,
        insured,
    }));
}

/// Moves the options on one asset.
fn take_legs(state: &mut State, at: usize, takeover: &Takeover, events: &mut Vec<Event>) {
    let Takeover { bidder, share, .. } = *takeover;
    let account = share.of;
    let chain = &mut state.chains[at];
    let part = |leg: &crate::option::Leg| (leg.series, leg.position, share.leg(chain, leg));
    let legs: Vec<(SeriesId, Qty, Qty)> = chain.legs(account).iter().map(part).collect();
    for (series, position, qty) in legs {
        if qty.is_zero() {
            continue;
        }
        let place = chain.place(series).expect("a leg is in a series");
        let mark = chain.series[place].mark.unwrap_or(Price::ZERO);
        let amount = value_taken(mark, position, qty);
        chain.trade(account, place, -qty);
        chain.trade(bidder, place, qty);
        options::trim_reduce_only(chain, place, bidder, events);
        state.ledger.transfer(Holder::User(bidder), Holder::User(account), QUOTE, amount);
        let taken = OptionEvent::LegTaken { account, bidder, series, qty, amount };
        events.push(Event::Option(taken));
    }
    chain.tidy(account);
    chain.tidy(bidder);
}

/// Moves the position in one market.
fn take_position(state: &mut State, id: MarketId, takeover: &Takeover, events: &mut Vec<Event>) {
    let Takeover { bidder, share, .. } = *takeover;
    let account = share.of;
    let market = &state.markets[id.index()];
    let qty = share.position(market);
    if qty.is_zero() {
        return;
    }
    settle_funding(state, id, account, events);
    let market = &state.markets[id.index()];
    let amount = value_taken(market.perpetual.mark.price, market.entry(account).position, qty);
    let side = if qty.is_negative() { Side::Buy } else { Side::Sell };
    let (taker, maker) = (account, bidder);
    let trade = Trade { market: id, taker, maker, side, qty: qty.abs(), notional: amount.abs() };
    state.scratch.touched.clear();
    exchange_perpetual(state, &trade, events);
    state.scratch.touched.push(bidder);
    trim_touched(state, id, events);
    let taken = OptionEvent::PositionTaken { account, bidder, market: id, qty, amount };
    events.push(Event::Option(taken));
}

/// Moves the holding of one asset.
fn take_holding(state: &mut State, asset: AssetId, takeover: &Takeover, events: &mut Vec<Event>) {
    let Takeover { bidder, share, .. } = *takeover;
    let account = share.of;
    let qty = state.holding_part(share, asset);
    if qty.is_zero() {
        return;
    }
    let amount = holding_price(state, share, asset);
    let [from, to] = [account, bidder].map(Holder::User);
    state.ledger.transfer(from, to, asset, qty.as_amount());
    state.ledger.transfer(to, from, QUOTE, amount);
    let taken = OptionEvent::HoldingTaken { account, bidder, asset, qty, amount };
    events.push(Event::Option(taken));
}
