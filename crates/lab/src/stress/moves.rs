//! What an attacker asks for in each block.

use money::{Price, Qty};
use protocol::command::{Command, Lifetime, Message, Sender};
use protocol::ids::{AccountId, MarketId, QUOTE, Side};
use protocol::state::State;

use super::cast::{Cast, Player};
use super::incident::{Move, MoveKind, Stance};
use super::maker::{lots, on_grid, order};

/// Parts of its cash that a withdrawal tries one after the other.
const PARTS: [f64; 5] = [1.0, 0.5, 0.25, 0.1, 0.02];
/// How far from the index a trade at any price is priced; inside the price band.
const REACH: f64 = 0.099;

/// The messages of a move for the block at this second; `prices` are the true ones.
pub(super) fn messages(
    action: &Move,
    (state, cast): (&State, &Cast),
    prices: &[f64],
    second: f64,
    out: &mut Vec<Message>,
) {
    let players = &cast.players[cast.groups[action.group].clone()];
    if second < action.from_s || second > action.to_s {
        return;
    }
    let last = second + 1.0 > action.to_s;
    match action.kind {
        MoveKind::Withdraw => players.iter().for_each(|player| withdraw(state, player, out)),
        MoveKind::Trade(notional) => {
            let each = notional / players.len() as f64 / (action.to_s - action.from_s).max(1.0);
            players.iter().for_each(|player| trade(state, player, each, out));
        }
        MoveKind::Cross(to) => {
            let takers = &cast.players[cast.groups[to].clone()];
            for (player, taker) in players.iter().zip(takers.iter().cycle()) {
                cross(state, (player, taker), prices[player.market.index()], last, out);
            }
        }
        MoveKind::Wall { notional_usd, distance } => {
            let price = prices[players[0].market.index()] * (1.0 - distance);
            let each = notional_usd / players.len() as f64;
            players.iter().for_each(|player| wall(state, player, (each, price), last, out));
        }
    }
}

fn send(account: AccountId, command: Command) -> Message {
    Message { sender: Sender::User(account), command }
}

fn withdraw(state: &State, player: &Player, out: &mut Vec<Message>) {
    let cash = super::maker::value(state.available(player.account, QUOTE));
    for part in PARTS {
        let amount = super::rules::usd((cash * part).max(0.0));
        if amount.is_positive() {
            out.push(send(player.account, Command::Withdraw { asset: QUOTE, amount }));
        }
    }
}

/// Buys, or sells if negative, at any price near the index.
fn trade(state: &State, player: &Player, notional: f64, out: &mut Vec<Message>) {
    let index = pricing::convert::price_f64(state.index_price(player.market));
    let side = if notional > 0.0 { Side::Buy } else { Side::Sell };
    let limit = match side {
        Side::Buy => index * (1.0 + REACH),
        Side::Sell => index * (1.0 - REACH),
    };
    if let Some(qty) = lots(state, player.market, notional.abs(), index.max(1e-8)) {
        let price = on_grid(state, player.market, limit, side.opposite());
        let price = inside(state, player.market, price, side);
        let order = order(player.market, side, (price, qty), Lifetime::Immediate);
        out.push(send(player.account, Command::Place(order)));
    }
}

/// One tick nearer, so that rounding never leaves the band.
fn inside(state: &State, market: MarketId, price: Price, side: Side) -> Price {
    let tick = state.market(market).params.tick;
    match side {
        Side::Buy => (price - tick).max(tick),
        Side::Sell => price + tick,
    }
}

/// Hands a position over: the taker of it rests at the price, its holder hits that.
fn cross(
    state: &State,
    (player, taker): (&Player, &Player),
    price: f64,
    last: bool,
    out: &mut Vec<Message>,
) {
    let market = player.market;
    let entry = state.market(market).entry(player.account);
    let (position, holder) = (entry.position, player.account);
    let (closes, opens) =
        if position.is_positive() { (Side::Sell, Side::Buy) } else { (Side::Buy, Side::Sell) };
    let price = on_grid(state, market, price, Side::Buy);
    let rests = state.market(market).entry(taker.account).orders > 0;
    if last {
        out.push(send(taker.account, Command::CancelAll { market: Some(market) }));
    } else if !position.is_zero() {
        // A tenth at a time, so that the taker's margin decides how much goes through.
        let lot = state.market(market).params.lot.raw();
        let tenth = position.abs().raw() / 10;
        let qty = Qty::from_raw((tenth - tenth % lot).max(lot));
        if !rests {
            let rest = order(market, opens, (price, qty), Lifetime::PostOnly);
            out.push(send(taker.account, Command::Place(rest)));
        }
        let hit = order(market, closes, (price, qty), Lifetime::Immediate);
        out.push(send(holder, Command::Place(hit)));
    }
}

/// Shows a bid and pulls it at the end.
fn wall(
    state: &State,
    player: &Player,
    (notional, price): (f64, f64),
    last: bool,
    out: &mut Vec<Message>,
) {
    let market = player.market;
    let shows = state.market(market).entry(player.account).orders > 0;
    if last {
        out.push(send(player.account, Command::CancelAll { market: Some(market) }));
    } else if !shows && let Some(qty) = lots(state, market, notional, price) {
        let price = on_grid(state, market, price, Side::Buy);
        let bid = order(market, Side::Buy, (price, qty), Lifetime::PostOnly);
        out.push(send(player.account, Command::Place(bid)));
    }
}

/// Opens what a player still wants, at this price; whoever sells rests, whoever buys takes.
pub(super) fn open(state: &State, player: &Player, price: f64, out: &mut Vec<Message>) {
    let entry = state.market(player.market).entry(player.account);
    let (side, lifetime) = match player.stance {
        Stance::Long => (Side::Buy, Lifetime::Immediate),
        Stance::Short | Stance::Hedged => (Side::Sell, Lifetime::PostOnly),
        Stance::Flat => return,
    };
    let held = pricing::convert::qty_f64(entry.position.abs()) * price;
    let wanted = (player.wanted_usd - held).min(player.attempt_usd);
    if entry.orders == 0
        && wanted > 0.0
        && let Some(qty) = lots(state, player.market, wanted, price)
    {
        let price = on_grid(state, player.market, price, Side::Buy);
        let order = order(player.market, side, (price, qty), lifetime);
        out.push(send(player.account, Command::Place(order)));
    }
}
