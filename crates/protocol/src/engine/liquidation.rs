//! What happens to an account under maintenance margin (rules L-3 … L-6).
//!
//! Rule L-3: its orders are cancelled. Rule L-4: positions are closed through the book, largest
//! first, only as far as initial margin needs, at most a fifth of a large position in one block, at
//! a limit that keeps the deficit within the insurance fund. Rule L-5, the last resort: with equity
//! still negative, positions are closed at the mark against the opposite side in proportion to its
//! positions; insurance pays the deficit as far as it goes, the counterparties share the rest in
//! proportion, to the last unit. Rule L-6: a holding is sold when cash is short; what an account
//! without position or holding still owes is paid by insurance.

use money::{Amount, Price, Qty, Rate, Round, mul_div};

use super::accounts::{holding, settle_funding};
use super::orders::{Checked, Trade, cancel_in, exchange_perpetual, take, trim_touched};
use crate::command::SelfTrade;
use crate::event::{Event, Gone};
use crate::ids::{AccountId, ClientId, Lots, MarketId, QUOTE, Side, Tick};
use crate::ladder::Action;
use crate::ledger::Holder;
use crate::market::Market;
use crate::oracle::PRICE_MAX;
use crate::params::Kind;
use crate::state::{Level, State};

/// Rules L-3 … L-6 for one account. Nothing happens while no price that it depends on may
/// serve it (rules O-4 and O-5).
pub(super) fn liquidate(state: &mut State, account: AccountId, events: &mut Vec<Event>) {
    let open = by_size(state, account);
    if !open.is_empty() && !open.iter().any(|id| index_serves(state, *id)) {
        return;
    }
    let started = events.len();
    let health = state.health(account, Level::Maintenance);
    let (equity, maintenance) = (health.equity, health.requirement);
    events.push(Event::LiquidationStarted { account, equity, maintenance });
    let markets = u16::try_from(state.markets.len()).expect("market ids are 16 bits");
    for id in (0..markets).map(MarketId) {
        cancel_in(&mut state.markets[id.index()], id, account, Gone::Liquidation, events);
        settle_funding(state, id, account, events);
    }
    for id in open {
        if state.health(account, Level::Maintenance).is_sound() {
            return;
        }
        if index_serves(state, id) {
            close_tranche(state, account, id, events);
        }
    }
    // Rule O-4: what a stale mark says is owed, nobody pays.
    if by_size(state, account).iter().any(|id| !index_serves(state, *id)) {
        return;
    }
    if by_size(state, account).is_empty() {
        sell_holdings(state, account, events);
        write_off(state, account, events);
        if events.len() == started + 1 {
            events.truncate(started); // a debt that nothing can reduce now is no news
        }
    } else if state.equity(account) < Amount::ZERO {
        deleverage(state, account, events);
    }
}

/// Whether a market's index may serve a liquidation (rules O-4 and O-5).
fn index_serves(state: &State, id: MarketId) -> bool {
    state.serving(Action::Liquidate, state.markets[id.index()].params.base).is_some()
}

/// The account's perpetual positions, largest notional first.
fn by_size(state: &State, account: AccountId) -> Vec<MarketId> {
    let mut open: Vec<(Amount, MarketId)> = state
        .perpetuals()
        .filter(|(market, _)| !market.entry(account).position.is_zero())
        .map(|(market, id)| (size(market, account), id))
        .collect();
    open.sort_unstable_by_key(|(size, id)| (-*size, *id));
    open.into_iter().map(|(_, id)| id).collect()
}

fn size(market: &Market, account: AccountId) -> Amount {
    market.perpetual.mark.price.notional(market.entry(account).position.abs(), Round::Up)
}

/// Rule L-4 for one market, and the liquidation fee of what was closed.
fn close_tranche(state: &mut State, account: AccountId, id: MarketId, events: &mut Vec<Event>) {
    let market = &state.markets[id.index()];
    let position = market.entry(account).position;
    let Some(params) = market.perpetual_params().copied() else { return };
    let (lots, hedged) = tranche(state, account, id);
    let side = if position.is_positive() { Side::Sell } else { Side::Buy };
    let tick = worst_tick(state, account, id, side);
    let order = forced(account, id, side, (tick, lots));
    let first = events.len();
    let (left, _) = take(state, &order, events);
    trim_touched(state, id, events);
    let closed = Lots(lots.0 - left.0);
    charge_fee(state, account, params.fee_liquidation, first, events);
    if hedged && closed.0 > 0 {
        let qty = state.markets[id.index()].qty(closed);
        sell_holding(state, account, id, qty, events);
    }
}

/// An order on behalf of the engine.
fn forced(account: AccountId, market: MarketId, side: Side, (tick, lots): (Tick, Lots)) -> Checked {
    Checked {
        account,
        market,
        side,
        tick,
        lots,
        client: ClientId::default(),
        self_trade: SelfTrade::CancelMaker,
        liquidation: true,
    }
}

/// How many lots to close in this block, and whether they hedge a holding that must go with them.
///
/// Closing a unit of notional frees its margin (a hedged one: its basis charge) and costs the
/// fee, so shortage / (charge − fee) of notional is enough; all of it where the fee eats the
/// relief.
fn tranche(state: &State, account: AccountId, id: MarketId) -> (Lots, bool) {
    let market = &state.markets[id.index()];
    let Kind::Perpetual(params) = market.params.kind else { return (Lots(0), false) };
    let position = market.entry(account).position;
    let held = holding(state, account, market.params.base);
    let naked = if position.is_negative() { (-position - held).max(Qty::ZERO) } else { position };
    let hedged = naked.is_zero();
    let closable = if hedged { position.abs() } else { naked };
    let basis = state.params.assets[market.params.base.index()].basis_initial;
    let charge = if hedged { basis } else { params.margin_initial };
    let relief = (charge - params.fee_liquidation).max(Rate::ZERO);
    let health = state.health(account, Level::Initial);
    let shortage = health.requirement - health.equity;
    let mark = market.perpetual.mark.price;
    let wanted = shortage
        .ratio(mark.notional(closable, Round::Down), Round::Up)
        .and_then(|part| {
            mul_div(
                i128::from(closable.raw()),
                i128::from(part.raw()),
                i128::from(relief.raw()),
                Round::Up,
            )
        })
        .and_then(|raw| i64::try_from(raw).ok())
        .map_or(closable, |raw| Qty::from_raw(raw).min(closable));
    let fifth = Qty::from_raw(closable.raw() / 5);
    let large = mark.notional(closable, Round::Up) > state.params.liquidation_tranche_min;
    let qty = if large { wanted.min(fifth) } else { wanted };
    let lots = market.lots_covering(qty).min(market.lots_of(position));
    (lots.max(Lots(1)), hedged)
}

/// The worst price at which the account's equity plus the insurance fund stays above zero, and that
/// lies within the price band.
fn worst_tick(state: &State, account: AccountId, id: MarketId, side: Side) -> Tick {
    let market = &state.markets[id.index()];
    let position = market.entry(account).position.abs();
    bounded_tick(state, account, id, (side, position, market.perpetual.mark.price))
}

/// The price, `reach` beyond `fair`, at which trading `qty` uses up equity and insurance fund:
/// reach = (equity + fund)/qty; never outside the band.
fn bounded_tick(
    state: &State,
    account: AccountId,
    id: MarketId,
    (side, qty, fair): (Side, Qty, Price),
) -> Tick {
    let market = &state.markets[id.index()];
    let fund = state.ledger.balance(Holder::Insurance, QUOTE);
    let cushion = state.equity(account) + fund;
    let index = state.oracle.index(market.params.base).price;
    let band = match market.params.kind {
        Kind::Perpetual(params) => params.price_band,
        Kind::Spot { price_band } => price_band,
    };
    let (one, qty) = (i128::from(Price::ONE.raw()), i128::from(qty.raw()));
    // Bounded so that it can be added to a price; the band is narrower.
    let far = i128::from(PRICE_MAX.raw()) * 2;
    let reach = mul_div(cushion.raw(), one, qty, Round::Down).unwrap_or(0).clamp(-far, far);
    let price = i128::from(fair.raw()) - reach * i128::from(side.opposite().sign());
    let price = price.clamp(1, far);
    let price = Price::from_raw(i64::try_from(price).expect("two largest prices fit"));
    let price = match side {
        Side::Sell => {
            let floor = index.offset(-band, Round::Up).expect("a band is below one");
            price.max(floor)
        }
        Side::Buy => price.min(index.offset(band, Round::Down).unwrap_or(Price::MAX)),
    };
    market.tick_within(price, side)
}

/// The liquidation fee on the trades booked since `first`, as far as equity covers it.
fn charge_fee(
    state: &mut State,
    account: AccountId,
    rate: Rate,
    first: usize,
    events: &mut Vec<Event>,
) {
    let mut closed = Amount::ZERO;
    for event in &events[first..] {
        if let Event::Traded { price, qty, liquidation: true, .. } = event {
            closed += price.notional(*qty, Round::Up);
        }
    }
    let fee = closed.share(rate, Round::Up).expect("a fee is smaller than its notional");
    let amount = fee.min(state.equity(account)).max(Amount::ZERO);
    if amount.is_positive() {
        state.ledger.transfer(Holder::User(account), Holder::Insurance, QUOTE, amount);
        events.push(Event::LiquidationFee { account, amount });
    }
}

/// Sells holdings while cash is negative (rule L-6).
fn sell_holdings(state: &mut State, account: AccountId, events: &mut Vec<Event>) {
    for asset in state.base_assets() {
        let owed = -state.ledger.cash(account);
        let index = state.oracle.index(asset).price;
        if !owed.is_positive() || !index.is_positive() {
            continue;
        }
        let spot = spot_market(state, asset);
        let Some(id) = spot.filter(|id| index_serves(state, *id)) else { continue };
        let wanted = owed.buys(index, Round::Up).unwrap_or(crate::design::QTY_MAX);
        // A hundredth more, for the price that the sale may fetch.
        let wanted = wanted.checked_add(Qty::from_raw(wanted.raw() / 100)).unwrap_or(wanted);
        sell_holding(state, account, id, wanted, events);
    }
}

fn spot_market(state: &State, asset: crate::ids::AssetId) -> Option<MarketId> {
    let is_spot = |market: &Market| market.perpetual_params().is_none();
    let at =
        state.markets.iter().position(|market| market.params.base == asset && is_spot(market))?;
    u16::try_from(at).ok().map(MarketId)
}

/// Sells `qty` of the base asset of a market, in whole lots rounded up, through its spot book, at a
/// price that equity and the insurance fund can bear and within the band.
fn sell_holding(
    state: &mut State,
    account: AccountId,
    like: MarketId,
    qty: Qty,
    events: &mut Vec<Event>,
) {
    let base = state.markets[like.index()].params.base;
    let Some(id) = spot_market(state, base) else { return };
    let market = &state.markets[id.index()];
    let held = holding(state, account, base);
    let lots = market.lots_covering(qty).min(market.lots_of(held));
    if lots.0 > 0 {
        let index = state.oracle.index(base).price;
        let tick = bounded_tick(state, account, id, (Side::Sell, market.qty(lots), index));
        let order = forced(account, id, Side::Sell, (tick, lots));
        take(state, &order, events);
        state.scratch.touched.clear();
    }
}

/// Rule L-6: insurance pays what an account without position or sellable holding still owes.
fn write_off(state: &mut State, account: AccountId, events: &mut Vec<Event>) {
    let owed = -state.equity(account);
    pay_from_insurance(state, account, owed, events);
}

/// Pays a deficit from insurance as far as it goes; returns what is left of it.
fn pay_from_insurance(
    state: &mut State,
    account: AccountId,
    deficit: Amount,
    events: &mut Vec<Event>,
) -> Amount {
    let fund = state.ledger.balance(Holder::Insurance, QUOTE);
    let amount = deficit.min(fund).max(Amount::ZERO);
    if amount.is_positive() {
        state.ledger.transfer(Holder::Insurance, Holder::User(account), QUOTE, amount);
        events.push(Event::InsurancePaid { account, amount });
    }
    deficit - amount
}

/// Rule L-5: closes every position at the mark against the opposite side.
fn deleverage(state: &mut State, account: AccountId, events: &mut Vec<Event>) {
    let deficit = -state.equity(account);
    let mut deficit = pay_from_insurance(state, account, deficit, events);
    let markets = by_size(state, account);
    let sizes: Vec<Amount> =
        markets.iter().map(|id| size(&state.markets[id.index()], account)).collect();
    let mut total: Amount = sizes.iter().copied().sum();
    for (id, size) in markets.into_iter().zip(sizes) {
        let part = deficit.portion(size, total, Round::Up).expect("a part of the deficit");
        deleverage_market(state, account, id, part, events);
        deficit -= part;
        total -= size;
    }
}

fn deleverage_market(
    state: &mut State,
    account: AccountId,
    id: MarketId,
    deficit: Amount,
    events: &mut Vec<Event>,
) {
    let market = &state.markets[id.index()];
    let position = market.entry(account).position;
    let side = if position.is_positive() { Side::Sell } else { Side::Buy };
    let price = market.perpetual.mark.price;
    let (others, sizes) = opposite(market, position);
    let lots = share_out(i128::from(market.lots_of(position).0), &sizes);
    let haircuts = share_out(deficit.raw(), &lots);
    settle_funding(state, id, account, events);
    let mut closed = Qty::ZERO;
    for ((counterparty, lots), haircut) in others.into_iter().zip(lots).zip(haircuts) {
        let lots = Lots(u64::try_from(lots).expect("a share of a position"));
        if lots.0 == 0 {
            continue;
        }
        let market = &state.markets[id.index()];
        let qty = market.qty(lots);
        // Differences of one running value: together they are what the position was valued at.
        let signed = Qty::from_raw(qty.raw() * -side.sign());
        let before = price.notional(closed, Round::Down);
        closed += signed;
        let notional = price.notional(closed, Round::Down) - before;
        let notional = Amount::from_raw(notional.raw() * i128::from(-side.sign()));
        let trade = Trade { market: id, taker: account, maker: counterparty, side, qty, notional };
        exchange_perpetual(state, &trade, events);
        let haircut = Amount::from_raw(haircut);
        let (from, to) = (Holder::User(counterparty), Holder::User(account));
        state.ledger.transfer(from, to, QUOTE, haircut);
        let qty = Qty::from_raw(qty.raw() * side.sign());
        events.push(Event::Deleveraged { market: id, account, counterparty, price, qty, haircut });
        state.scratch.touched.push(counterparty);
    }
    trim_touched(state, id, events);
}

/// The accounts on the other side of a position, with their lots.
fn opposite(market: &Market, position: Qty) -> (Vec<AccountId>, Vec<i128>) {
    market
        .entries
        .iter()
        .zip(0u32..)
        .filter(|(entry, _)| {
            !entry.position.is_zero() && entry.position.is_negative() != position.is_negative()
        })
        .map(|(entry, account)| (AccountId(account), i128::from(market.lots_of(entry.position).0)))
        .unzip()
}

/// Splits `total` in proportion to `weights`, the units left over to the largest remainders, the
/// first on a tie: the parts add up to `total` exactly, and no part exceeds its weight's share by a
/// unit.
fn share_out(total: i128, weights: &[i128]) -> Vec<i128> {
    let sum: i128 = weights.iter().sum();
    if sum == 0 {
        return vec![0; weights.len()];
    }
    let part =
        |weight: i128| mul_div(total, weight, sum, Round::Down).expect("a part of the total");
    let mut parts: Vec<i128> = weights.iter().map(|&weight| part(weight)).collect();
    let mut left = total - parts.iter().sum::<i128>();
    let mut order: Vec<usize> = (0..weights.len()).collect();
    order.sort_by_key(|&at| remainder_rank(total, weights[at], sum));
    for at in order {
        if left == 0 {
            break;
        }
        parts[at] += 1;
        left -= 1;
    }
    parts
}

/// Orders remainders of `total·weight/sum`, the largest first, to 10⁻⁹ of a unit.
fn remainder_rank(total: i128, weight: i128, sum: i128) -> i128 {
    const STEPS: i128 = 1_000_000_000;
    let whole = mul_div(total, weight, sum, Round::Down).expect("a part of the total");
    let scaled = total.checked_mul(STEPS).and_then(|t| mul_div(t, weight, sum, Round::Down));
    -scaled.map_or(0, |scaled| scaled - whole * STEPS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn l_5_shares_go_to_the_largest_remainders() {
        assert_eq!(share_out(10, &[1, 1, 1]), [4, 3, 3]);
        assert_eq!(share_out(40, &[50, 30, 20, 10]), [18, 11, 7, 4]);
        assert_eq!(share_out(7, &[0, 0]), [0, 0]);
    }

    proptest! {
        #[test]
        fn l_5_shares_add_up_exactly_and_stay_within_the_weights(
            weights in prop::collection::vec(0i128..1_000_000_000_000, 1..40), part in 0.0f64..1.0
        ) {
            let sum: i128 = weights.iter().sum();
            let total = (sum as f64 * part) as i128;
            let shares = share_out(total.min(sum), &weights);
            prop_assert_eq!(shares.iter().sum::<i128>(), if sum == 0 { 0 } else { total.min(sum) });
            for (share, weight) in shares.iter().zip(&weights) {
                prop_assert!(share <= weight);
            }
        }
    }
}
