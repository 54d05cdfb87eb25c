//! What must hold after every block. Each invariant is one function and one row of [`TABLE`].
//!
//! In every block the sums that the state keeps as it changes are checked; at a checkpoint they are
//! also folded from the start, so that a sum that was not kept cannot hide.

mod options;
pub mod steps;

use money::{Amount, Qty};

use crate::book::Book;
use crate::design;
use crate::halt::Phase;
use crate::ids::{AccountId, AssetId, QUOTE, Side, Tick};
use crate::ladder::Action;
use crate::ledger::Holder;
use crate::position::Entry;
use crate::state::{Change, Level, State};

/// How much of an invariant is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// The sums that the state keeps.
    Sums,
    /// Also those sums against what they are sums of.
    Folds,
}

/// An invariant.
#[derive(Clone, Copy, Debug)]
pub struct Invariant {
    /// Its name, as in `docs/protocol.md`.
    pub name: &'static str,
    /// Whether it has no sums to check and so runs at checkpoints only.
    pub checkpoint: bool,
    /// The check; the error says what is wrong.
    pub holds: fn(&State, Depth) -> Result<(), String>,
}

/// All invariants.
pub const TABLE: [Invariant; 22] = [
    Invariant { name: "I-1 conservation", checkpoint: true, holds: conservation },
    Invariant { name: "I-2 open interest", checkpoint: false, holds: open_interest },
    Invariant { name: "I-3 clearing", checkpoint: false, holds: clearing },
    Invariant { name: "I-4 funding never mints", checkpoint: false, holds: funding },
    Invariant { name: "I-5 nothing is negative", checkpoint: false, holds: never_negative },
    Invariant { name: "I-6 mark within its band", checkpoint: false, holds: mark },
    Invariant { name: "I-7 books are not crossed", checkpoint: false, holds: uncrossed },
    Invariant { name: "I-8 order sums are folds", checkpoint: true, holds: order_sums },
    Invariant { name: "I-9 nobody unsound is overlooked", checkpoint: true, holds: watched },
    Invariant { name: "I-10 profits are backed", checkpoint: true, holds: backed },
    Invariant { name: "I-11 the design would be accepted", checkpoint: true, holds: designed },
    Invariant { name: "I-12 no price is of the future", checkpoint: false, holds: dated },
    Invariant { name: "I-13 an empty market owes nothing", checkpoint: false, holds: emptied },
    Invariant { name: "I-14 spot asks are covered", checkpoint: true, holds: covered },
    Invariant { name: "I-15 all stake is held", checkpoint: true, holds: staked },
    Invariant { name: "I-26 nothing outlives its expiry", checkpoint: false, holds: expired },
    Invariant { name: "I-27 options sum to zero", checkpoint: false, holds: options::positions },
    Invariant { name: "I-28 call and put keep parity", checkpoint: false, holds: options::parity },
    Invariant { name: "I-29 no surface is arbitrage", checkpoint: true, holds: options::arbitrage },
    Invariant { name: "I-30 no series outlives its end", checkpoint: false, holds: options::ended },
    Invariant { name: "I-31 legs are folds", checkpoint: true, holds: options::legs },
    Invariant { name: "I-33 auctions have a reason", checkpoint: false, holds: options::auctions },
];

/// Runs all invariants, the folds only at a checkpoint.
pub fn check(state: &State, checkpoint: bool) -> Result<(), String> {
    let depth = if checkpoint { Depth::Folds } else { Depth::Sums };
    TABLE.iter().filter(|invariant| checkpoint || !invariant.checkpoint).try_for_each(|invariant| {
        (invariant.holds)(state, depth).map_err(|why| format!("{}: {why}", invariant.name))
    })
}

/// I-1: every asset sums to zero over all holders.
fn conservation(state: &State, _depth: Depth) -> Result<(), String> {
    for at in 0..state.params().assets.len() {
        let asset = AssetId(u16::try_from(at).map_err(|_| "too many assets")?);
        let total = state.ledger().total(asset);
        if !total.is_zero() {
            return Err(format!("{} sums to {total}", state.params().assets[at].name));
        }
    }
    Ok(())
}

/// I-2: positions sum to zero, and open interest is the sum of the longs.
fn open_interest(state: &State, depth: Depth) -> Result<(), String> {
    for (market, _) in state.perpetuals() {
        let name = &market.params.name;
        let sum = market.folds.position;
        if sum != 0 {
            return Err(format!("{name}: positions sum to {sum} units"));
        }
        if depth == Depth::Folds {
            let longs: Qty = market.entries.iter().map(|entry| entry.position.max(Qty::ZERO)).sum();
            let recorded = market.perpetual.open_interest;
            let folded = market.folded();
            if longs != recorded || folded != market.folds {
                let kept = market.folds;
                return Err(format!(
                    "{name}: longs {longs}, recorded {recorded}; folds {folded:?}, kept {kept:?}"
                ));
            }
        }
    }
    Ok(())
}

/// I-3: clearing holds exactly the unrealised profit, minus the sum of all costs.
fn clearing(state: &State, depth: Depth) -> Result<(), String> {
    for (market, id) in state.perpetuals() {
        let cost = match depth {
            Depth::Sums => market.folds.cost,
            Depth::Folds => market.folded().cost,
        };
        let held = state.ledger().balance(Holder::Clearing(id), QUOTE);
        if held != -cost {
            return Err(format!("{}: clearing {held}, cost {cost}", market.params.name));
        }
    }
    Ok(())
}

/// I-4: the funding pool is exactly what accounts are owed, plus the remainders kept.
///
/// At 10⁻²⁶, where nothing is rounded, and modulo 2^128, where nothing overflows: Σ (F₀ − F)·q.
fn funding(state: &State, depth: Depth) -> Result<(), String> {
    const UNIT: i128 = 1_000_000_000_000_000_000;
    for (market, id) in state.perpetuals() {
        let folds = match depth {
            Depth::Sums => market.folds,
            Depth::Folds => market.folded(),
        };
        let accrued = market.perpetual.funding.index.raw().wrapping_mul(folds.position);
        let owed =
            market.perpetual.funding_fraction.wrapping_add(folds.settled).wrapping_sub(accrued);
        let held = state.ledger().balance(Holder::Funding(id), QUOTE);
        if held.raw().wrapping_mul(UNIT) != owed {
            let name = &market.params.name;
            return Err(format!("{name}: pool {held}, owed {owed} at 10⁻²⁶"));
        }
    }
    Ok(())
}

/// I-5: the insurance funds, the fees, the remainders and every holding of a base asset are never
/// negative.
fn never_negative(state: &State, depth: Depth) -> Result<(), String> {
    for holder in [Holder::Insurance, Holder::Fees, Holder::Dust] {
        let held = state.ledger().balance(holder, QUOTE);
        if held.is_negative() {
            return Err(format!("{holder:?} {held}"));
        }
    }
    if state.ledger().has_overdrawn_fund() {
        return Err("the insurance fund of a market".into());
    }
    let overdrawn = state.ledger().overdrawn();
    if overdrawn > 0 {
        return Err(format!("{overdrawn} holdings of base assets"));
    }
    let accounts = if depth == Depth::Folds { state.accounts() } else { 0 };
    for account in (0..accounts).map(AccountId) {
        for asset in state.base_assets() {
            let held = state.ledger().balance(Holder::User(account), asset);
            if held.is_negative() {
                return Err(format!("account {} holds {held} of asset {}", account.0, asset.0));
            }
        }
    }
    Ok(())
}

/// I-6: a mark that an index served in this block lies within its band around the index, that of a
/// dated future around its fair price.
fn mark(state: &State, _depth: Depth) -> Result<(), String> {
    for (market, _) in state.perpetuals() {
        let Some(params) = market.perpetual_params() else { continue };
        if state.serving(Action::Mark, market.params.base).is_none() {
            continue;
        }
        let (mark, fair) = (market.perpetual.mark.price, state.fair(market));
        let low = fair.offset(-params.mark_band, money::Round::Down);
        let high = fair.offset(params.mark_band, money::Round::Up);
        if low.is_none_or(|low| mark < low) || high.is_some_and(|high| mark > high) {
            let name = &market.params.name;
            return Err(format!("{name}: mark {mark}, index or fair price {fair}"));
        }
    }
    Ok(())
}

/// I-7: no bid reaches an ask.
fn uncrossed(state: &State, _depth: Depth) -> Result<(), String> {
    for market in state.markets() {
        let (bid, ask) = (market.book.best(Side::Buy), market.book.best(Side::Sell));
        if is_crossed(bid, ask) {
            return Err(format!("{}: bid {bid:?}, ask {ask:?}", market.params.name));
        }
    }
    Ok(())
}

fn is_crossed(bid: Option<Tick>, ask: Option<Tick>) -> bool {
    bid.zip(ask).is_some_and(|(bid, ask)| bid >= ask)
}

/// I-8: each entry's open lots, values and counts are sums over its orders in the book.
fn order_sums(state: &State, _depth: Depth) -> Result<(), String> {
    for (market, id) in state.markets().iter().zip(0u16..) {
        let mut folded = vec![([0u64; 2], [0u128; 2], 0u32, 0u32); market.entries.len()];
        for order in market.book.orders().into_iter().chain(market.collected.orders()) {
            let sums = &mut folded[order.owner.index()];
            let side = usize::from(order.side == Side::Sell);
            sums.0[side] += order.lots.0;
            sums.1[side] += u128::from(order.tick.0) * u128::from(order.lots.0);
            sums.2 += 1;
            sums.3 += u32::from(order.reduce_only);
        }
        for (account, (entry, sums)) in market.entries.iter().zip(&folded).enumerate() {
            let recorded = (
                [entry.bid_lots, entry.ask_lots],
                [entry.bid_tick_lots, entry.ask_tick_lots],
                entry.orders,
                entry.reduce_only,
            );
            if recorded != *sums {
                return Err(format!("market {id} account {account}: {recorded:?}, fold {sums:?}"));
            }
        }
    }
    Ok(())
}

/// I-9: an account under maintenance margin, or one that needs margin and would be under it with
/// its orders filled, is one that the next block looks at (rules ).
fn watched(state: &State, _depth: Depth) -> Result<(), String> {
    for account in (0..state.accounts()).map(AccountId) {
        let risky = state.carries_risk(account);
        let health = state.health(account, Level::Maintenance);
        let overlooked = !state.watch.is_due(account);
        if risky && !health.is_sound() && overlooked {
            return Err(format!("account {}: {health:?}", account.0));
        }
        let ordered = state.perpetuals().any(|(market, _)| market.entry(account).orders > 0)
            || state.orders_options(account);
        let filled = state.health_after(account, Level::Maintenance, Change::Orders);
        if (risky || ordered) && !filled.is_sound() && overlooked {
            return Err(format!("account {} with its orders filled: {filled:?}", account.0));
        }
    }
    Ok(())
}

/// I-15: what STAKED holds is the stake of all accounts, and what is on its way out.
fn staked(state: &State, _depth: Depth) -> Result<(), String> {
    let asset = state.params().rules.council.asset;
    let held = state.ledger().balance(Holder::Staked, asset);
    let stakes = state.council.governance.stakes().total();
    if held == stakes { Ok(()) } else { Err(format!("held {held}, stakes {stakes}")) }
}

/// I-26: from its expiry on a dated future has no order and no plan, it is settled no later than
/// its longest wait after, and with its settlement nobody has a position.
fn expired(state: &State, _depth: Depth) -> Result<(), String> {
    for (market, id) in state.markets().iter().zip(0u16..) {
        let Some(future) = market.future().filter(|_| market.is_over(state.time())) else {
            continue;
        };
        let name = &market.params.name;
        let best = [Side::Buy, Side::Sell].map(|side| market.book.best(side));
        let waits = !state.plans.triggers[usize::from(id)].is_empty();
        if best != [None; 2] || market.collected.orders().next().is_some() || waits {
            return Err(format!("{name}: orders after expiry"));
        }
        let latest = future.expiry.after(future.extension_max);
        let phase = state.phase(crate::ids::MarketId(id));
        let waits = matches!(phase, Phase::Expired { .. }) && state.time() < latest;
        let empty = market.perpetual.open_interest.is_zero();
        let settled = matches!(phase, Phase::Settled { .. }) && empty;
        if !(waits || settled) {
            return Err(format!("{name}: {phase:?} at {:?}", state.time()));
        }
    }
    Ok(())
}

/// I-10: what positions would realise at the mark is in clearing, less a unit of rounding for each.
fn backed(state: &State, _depth: Depth) -> Result<(), String> {
    for (market, id) in state.perpetuals() {
        let mark = market.perpetual.mark.price;
        let open = market.entries.iter().filter(|entry| !entry.position.is_zero());
        let (mut profits, mut positions) = (Amount::ZERO, Amount::ZERO);
        for entry in open {
            profits += entry.profit(mark);
            positions += Amount::from_raw(1);
        }
        let held = state.ledger().balance(Holder::Clearing(id), QUOTE);
        if profits > held || held > profits + positions {
            return Err(format!("{}: profits {profits}, clearing {held}", market.params.name));
        }
    }
    Ok(())
}

/// I-11: the design in force is one that a new exchange would accept, and each market trades by its
/// part of it.
fn designed(state: &State, _depth: Depth) -> Result<(), String> {
    design::check(state.params()).map_err(|error| error.to_string())?;
    for (market, params) in state.markets().iter().zip(&state.params().markets) {
        if market.params != *params {
            return Err(format!("{} does not trade by the design", params.name));
        }
    }
    Ok(())
}

/// I-12: no index is newer than the block, and none is negative or less than certain.
fn dated(state: &State, _depth: Depth) -> Result<(), String> {
    for asset in state.base_assets() {
        let index = state.oracle().index(asset);
        if index.time > state.time() || index.price.is_negative() || index.confidence.is_negative()
        {
            return Err(format!("asset {}: {index:?} at {:?}", asset.0, state.time()));
        }
    }
    Ok(())
}

/// I-13: where no position is open, neither clearing nor the funding pool holds anything, and no
/// closed position has a cost.
fn emptied(state: &State, depth: Depth) -> Result<(), String> {
    for (market, id) in state.perpetuals() {
        let name = &market.params.name;
        if market.perpetual.open_interest.is_zero() {
            for holder in [Holder::Clearing(id), Holder::Funding(id)] {
                let held = state.ledger().balance(holder, QUOTE);
                if !held.is_zero() {
                    return Err(format!("{name}: {holder:?} {held} without a position"));
                }
            }
        }
        let flat = |entry: &&Entry| entry.position.is_zero() && !entry.cost.is_zero();
        if depth == Depth::Folds && market.entries.iter().any(|entry| flat(&entry)) {
            return Err(format!("{name}: a closed position has a cost"));
        }
    }
    Ok(())
}

/// I-14: nobody offers more of a base asset in the spot books than they hold.
fn covered(state: &State, _depth: Depth) -> Result<(), String> {
    for account in (0..state.accounts()).map(AccountId) {
        for asset in state.base_assets() {
            let free = state.available(account, asset);
            if free.is_negative() {
                return Err(format!("account {}: {free} of asset {}", account.0, asset.0));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::command::{Block, Command, Message, Sender, Vote};
    use crate::engine::apply;
    use crate::ids::{MarketId, PublisherId};
    use crate::params::{
        AssetParams, FundingRule, FutureParams, Kind, MarketParams, MarketRules, OracleParams,
        Params, PerpetualParams, Rules,
    };
    use crate::watch::Distance;
    use money::{Price, Rate, Span, Time};

    pub(super) fn design() -> Params {
        let asset = |name: &str| AssetParams {
            name: name.into(),
            haircut_initial: Rate::ZERO,
            haircut_maintenance: Rate::ZERO,
            basis_initial: Rate::ZERO,
            basis_maintenance: Rate::ZERO,
        };
        let perpetual = PerpetualParams {
            funding: FundingRule::Anchored {
                anchor: Span::HOUR,
                carry: Rate::ZERO,
                cap: Rate::ONE,
            },
            impact_notional: Amount::ONE,
            margin_initial: Rate::from_bp(1000),
            margin_maintenance: Rate::from_bp(500),
            mark_band: Rate::from_bp(300),
            price_band: Rate::from_bp(1000),
            fee_liquidation: Rate::from_bp(100),
            position_max: Qty::ONE,
        };
        let future = FutureParams {
            terms: PerpetualParams { funding: FundingRule::Never, ..perpetual },
            expiry: EXPIRY,
            averaging: Span::SECOND,
            extension_max: Span::MINUTE,
            spread_initial: Rate::ZERO,
            spread_maintenance: Rate::ZERO,
        };
        let market = |name: &str, kind: Kind| MarketParams {
            name: name.into(),
            base: AssetId(1),
            kind,
            tick: Price::ONE,
            lot: Qty::ONE,
            fee_maker: Rate::ZERO,
            fee_taker: Rate::ZERO,
            rules: MarketRules::default(),
        };
        Params {
            assets: vec![asset("USD"), asset("BTC")],
            markets: vec![
                market("BTC-PERP", Kind::Perpetual(perpetual)),
                market("BTC-SPOT", Kind::Spot { price_band: Rate::from_bp(1000) }),
                market("BTC-DEC", Kind::Future(future)),
            ],
            oracle: OracleParams {
                stakes: vec![1],
                vote_age_max: Span::SECOND,
                index_age_max: Span::MINUTE,
                confidence_min: Rate::ZERO,
                confidence_max: Rate::ZERO,
            },
            open_orders_max: 8,
            liquidation_tranche_min: Amount::ONE,
            checkpoint_blocks: 1,
            rules: Rules::default(),
        }
    }

    const EXPIRY: Time = Time::from_nanos(60_000_000_000);

    /// Two accounts and an index of 100.
    pub(super) fn sound() -> State {
        let mut state = State::new(design()).unwrap();
        let open = Message { sender: Sender::Custodian, command: Command::OpenAccount };
        let (price, time) = ("100".parse().unwrap(), Time::from_nanos(1));
        let vote = Vote { asset: AssetId(1), price, confidence: Price::ZERO, time };
        let sender = Sender::Publisher(PublisherId(0));
        let publish = Message { sender, command: Command::Publish(vote) };
        apply(&mut state, &Block { time, messages: vec![open.clone(), open, publish] });
        state
    }

    #[test]
    fn each_invariant_fires_when_its_rule_is_broken() {
        type Corrupt = fn(&mut State);
        let table: [(&str, Corrupt); 15] = [
            ("I-1", |state| state.ledger.mint(Holder::Dust, Amount::from_raw(1))),
            ("I-2", |state| state.markets[0].entries[0].position = Qty::ONE),
            ("I-3", |state| state.markets[0].entries[1].cost = Amount::from_raw(1)),
            ("I-4", |state| state.markets[0].perpetual.funding_fraction = 1),
            ("I-5", |state| {
                let (fund, outside) = (Holder::Insurance, Holder::Outside);
                state.ledger.transfer(fund, outside, QUOTE, Amount::from_raw(1));
            }),
            ("I-6", |state| state.markets[0].perpetual.mark.price = "103.1".parse().unwrap()),
            ("I-8", |state| state.markets[0].entries[1].bid_lots = 1),
            ("I-9", |state| {
                let (user, outside) = (Holder::User(AccountId(0)), Holder::Outside);
                state.ledger.transfer(user, outside, QUOTE, Amount::from_raw(1));
            }),
            ("I-10", |state| {
                let entry = &mut state.markets[0].entries[0];
                (entry.position, entry.cost) = (Qty::ONE, Amount::from_raw(-1));
            }),
            ("I-11", |state| state.params.open_orders_max = 1025),
            ("I-12", |state| state.time = Time::ZERO),
            ("I-13", |state| {
                let (pool, dust) = (Holder::Funding(MarketId(0)), Holder::Dust);
                state.ledger.transfer(dust, pool, QUOTE, Amount::from_raw(1));
            }),
            ("I-14", |state| state.markets[1].entries[0].ask_lots = 1),
            ("I-15", |state| {
                let (staked, outside) = (Holder::Staked, Holder::Outside);
                state.ledger.transfer(outside, staked, QUOTE, Amount::from_raw(1));
            }),
            ("I-26", |state| {
                if let Kind::Future(future) = &mut state.markets[2].params.kind {
                    future.expiry = state.time;
                }
            }),
        ];
        // The book itself refuses to be crossed, so I-7 is checked on its own below.
        let rows = TABLE.into_iter().filter(|invariant| !invariant.name.starts_with("I-7"));
        for ((name, corrupt), invariant) in table.into_iter().zip(rows) {
            let mut state = sound();
            assert_eq!(check(&state, true), Ok(()));
            corrupt(&mut state);
            assert!((invariant.holds)(&state, Depth::Folds).is_err(), "{name} must fire");
            assert!(invariant.name.starts_with(name));
            assert!(check(&state, true).is_err());
        }
    }

    #[test]
    fn i_2_to_i_5_fire_in_every_block_when_a_sum_that_is_kept_is_wrong() {
        type Corrupt = fn(&mut State);
        let table: [(&str, Corrupt); 4] = [
            ("I-2", |state| state.markets[0].folds.position = 1),
            ("I-3", |state| state.markets[0].folds.cost = Amount::from_raw(1)),
            ("I-4", |state| state.markets[0].folds.settled = 1),
            ("I-5", |state| {
                let (user, outside) = (Holder::User(AccountId(0)), Holder::Outside);
                state.ledger.transfer(user, outside, AssetId(1), Amount::from_raw(1));
            }),
        ];
        for ((name, corrupt), invariant) in table.into_iter().zip(&TABLE[1..]) {
            let mut state = sound();
            assert_eq!(check(&state, false), Ok(()));
            corrupt(&mut state);
            assert!(invariant.name.starts_with(name));
            assert!((invariant.holds)(&state, Depth::Sums).is_err(), "{name} must fire");
            assert!(check(&state, false).is_err());
        }
    }

    #[test]
    fn i_26_a_future_that_waits_too_long_or_is_settled_with_a_position_is_seen() {
        let mut state = sound();
        apply(&mut state, &Block { time: EXPIRY, messages: Vec::new() });
        assert!(matches!(state.phase(MarketId(2)), Phase::Expired { .. }), "nothing was seen");
        assert_eq!(expired(&state, Depth::Sums), Ok(()));
        let mut waiting = state.clone();
        waiting.time = EXPIRY.after(Span::MINUTE);
        assert!(expired(&waiting, Depth::Sums).is_err());
        let time = EXPIRY.after(Span::MINUTE);
        apply(&mut state, &Block { time, messages: Vec::new() });
        let settled = Phase::Settled { price: "100".parse().unwrap() };
        assert_eq!((state.phase(MarketId(2)), expired(&state, Depth::Sums)), (settled, Ok(())));
        state.markets[2].perpetual.open_interest = Qty::ONE;
        assert!(expired(&state, Depth::Sums).is_err());
    }

    #[test]
    fn r_5_a_fair_price_that_moves_alone_has_accounts_looked_at() {
        let mut state = sound();
        state.watch.travel(&state.oracle, &state.markets, 2);
        while state.watch.next().is_some() {}
        let near = Distance { surplus: 1, exposure: 1_000_000_000_000 };
        state.watch.rest(AccountId(0), Some(near));
        state.watch.travel(&state.oracle, &state.markets, 2);
        assert!(!state.watch.is_due(AccountId(0)));
        let Kind::Future(future) = state.markets[2].params.kind else { panic!("a future") };
        let price = "101".parse().unwrap();
        state.markets[2].perpetual.dated.refresh(price, Time::ZERO, (&future, Rate::ZERO));
        state.watch.travel(&state.oracle, &state.markets, 2);
        assert!(state.watch.is_due(AccountId(0)));
    }

    #[test]
    fn i_11_a_market_that_trades_by_other_parameters_is_seen() {
        let mut state = sound();
        state.markets[0].params.lot = Qty::from_raw(1);
        assert!(designed(&state, Depth::Folds).is_err());
    }

    #[test]
    fn i_13_a_closed_position_with_a_cost_is_seen() {
        let mut state = sound();
        state.markets[0].entries[1].cost = Amount::from_raw(1);
        assert_eq!(emptied(&state, Depth::Sums), Ok(()));
        assert!(emptied(&state, Depth::Folds).is_err());
    }

    #[test]
    fn i_7_a_bid_that_reaches_an_ask_is_crossed() {
        let (low, high) = (Some(Tick(9)), Some(Tick(10)));
        assert!(is_crossed(high, low) && is_crossed(low, low));
        assert!(!is_crossed(low, high) && !is_crossed(None, low) && !is_crossed(high, None));
    }
}
