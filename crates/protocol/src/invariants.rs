//! What must hold after every block. Each invariant is one function and one row of [`TABLE`].

use money::{Amount, Qty};

use crate::book::Book;
use crate::ids::{AccountId, AssetId, QUOTE, Side, Tick};
use crate::ledger::Holder;
use crate::state::State;

/// An invariant.
#[derive(Clone, Copy, Debug)]
pub struct Invariant {
    /// Its name, as in `docs/protocol.md`.
    pub name: &'static str,
    /// Whether it folds over every open order and so runs at checkpoints only.
    pub checkpoint: bool,
    /// The check; the error says what is wrong.
    pub holds: fn(&State) -> Result<(), String>,
}

/// All invariants.
pub const TABLE: [Invariant; 8] = [
    Invariant { name: "I-1 conservation", checkpoint: false, holds: conservation },
    Invariant { name: "I-2 open interest", checkpoint: false, holds: open_interest },
    Invariant { name: "I-3 clearing", checkpoint: false, holds: clearing },
    Invariant { name: "I-4 funding never mints", checkpoint: false, holds: funding },
    Invariant { name: "I-5 nothing is negative", checkpoint: false, holds: never_negative },
    Invariant { name: "I-6 mark within its band", checkpoint: false, holds: mark },
    Invariant { name: "I-7 books are not crossed", checkpoint: false, holds: uncrossed },
    Invariant { name: "I-8 order sums are folds", checkpoint: true, holds: order_sums },
];

/// Runs all invariants, the folds over orders only at a checkpoint.
pub fn check(state: &State, checkpoint: bool) -> Result<(), String> {
    TABLE.iter().filter(|invariant| checkpoint || !invariant.checkpoint).try_for_each(|invariant| {
        (invariant.holds)(state).map_err(|why| format!("{}: {why}", invariant.name))
    })
}

/// I-1: every asset sums to zero over all holders.
fn conservation(state: &State) -> Result<(), String> {
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
fn open_interest(state: &State) -> Result<(), String> {
    for (market, _) in state.perpetuals() {
        let total: Qty = market.entries.iter().map(|entry| entry.position).sum();
        let longs: Qty = market.entries.iter().map(|entry| entry.position.max(Qty::ZERO)).sum();
        let recorded = market.perpetual.open_interest;
        if !total.is_zero() || longs != recorded {
            let name = &market.params.name;
            return Err(format!("{name}: sum {total}, longs {longs}, recorded {recorded}"));
        }
    }
    Ok(())
}

/// I-3: clearing holds exactly the unrealised profit, minus the sum of all costs.
fn clearing(state: &State) -> Result<(), String> {
    for (market, id) in state.perpetuals() {
        let cost: Amount = market.entries.iter().map(|entry| entry.cost).sum();
        let held = state.ledger().balance(Holder::Clearing(id), QUOTE);
        if held != -cost {
            return Err(format!("{}: clearing {held}, cost {cost}", market.params.name));
        }
    }
    Ok(())
}

/// I-4: the funding pool is exactly what accounts are owed, plus the remainders kept.
///
/// At 10⁻²⁶, where nothing is rounded, and modulo 2^128, where nothing overflows.
fn funding(state: &State) -> Result<(), String> {
    const UNIT: i128 = 1_000_000_000_000_000_000;
    for (market, id) in state.perpetuals() {
        let index = market.perpetual.funding.index;
        let mut owed = market.perpetual.funding_fraction;
        for entry in market.entries.iter().filter(|entry| !entry.position.is_zero()) {
            let received = (entry.funding_index - index).raw();
            owed = owed.wrapping_add(received.wrapping_mul(i128::from(entry.position.raw())));
        }
        let held = state.ledger().balance(Holder::Funding(id), QUOTE);
        if held.raw().wrapping_mul(UNIT) != owed {
            let name = &market.params.name;
            return Err(format!("{name}: pool {held}, owed {owed} at 10⁻²⁶"));
        }
    }
    Ok(())
}

/// I-5: the insurance fund, the fees, the remainders and every holding of a base asset are never
/// negative.
fn never_negative(state: &State) -> Result<(), String> {
    for holder in [Holder::Insurance, Holder::Fees, Holder::Dust] {
        let held = state.ledger().balance(holder, QUOTE);
        if held.is_negative() {
            return Err(format!("{holder:?} {held}"));
        }
    }
    for account in (0..state.accounts()).map(AccountId) {
        for asset in state.base_assets() {
            let held = state.ledger().balance(Holder::User(account), asset);
            if held.is_negative() {
                return Err(format!("account {} holds {held} of asset {}", account.0, asset.0));
            }
        }
    }
    Ok(())
}

/// I-6: a mark that moved in this block lies within its band around the index.
fn mark(state: &State) -> Result<(), String> {
    for (market, _) in state.perpetuals() {
        let index = state.oracle().index(market.params.base);
        let Some(params) = market.perpetual_params() else { continue };
        if !index.is_fresh(state.time(), &state.params().oracle) {
            continue;
        }
        let mark = market.perpetual.mark.price;
        let low = index.price.offset(-params.mark_band, money::Round::Down);
        let high = index.price.offset(params.mark_band, money::Round::Up);
        if low.is_none_or(|low| mark < low) || high.is_some_and(|high| mark > high) {
            let (name, index) = (&market.params.name, index.price);
            return Err(format!("{name}: mark {mark}, index {index}"));
        }
    }
    Ok(())
}

/// I-7: no bid reaches an ask.
fn uncrossed(state: &State) -> Result<(), String> {
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
fn order_sums(state: &State) -> Result<(), String> {
    for (market, id) in state.markets().iter().zip(0u16..) {
        let mut folded = vec![(0u64, 0u64, 0u128, 0u32, 0u32); market.entries.len()];
        for order in market.book.orders() {
            let sums = &mut folded[order.owner.index()];
            match order.side {
                Side::Buy => {
                    sums.0 += order.lots.0;
                    sums.2 += u128::from(order.tick.0) * u128::from(order.lots.0);
                }
                Side::Sell => sums.1 += order.lots.0,
            }
            sums.3 += 1;
            sums.4 += u32::from(order.reduce_only);
        }
        for (account, (entry, sums)) in market.entries.iter().zip(&folded).enumerate() {
            let recorded = (
                entry.bid_lots,
                entry.ask_lots,
                entry.bid_tick_lots,
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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::command::{Block, Command, Message, Sender, Vote};
    use crate::engine::apply;
    use crate::ids::PublisherId;
    use crate::params::{
        AssetParams, FundingRule, Kind, MarketParams, OracleParams, Params, PerpetualParams,
    };
    use borsh::BorshDeserialize;
    use money::{Price, Rate, Span, Time};

    fn design() -> Params {
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
        Params {
            assets: vec![asset("USD"), asset("BTC")],
            markets: vec![MarketParams {
                name: "BTC-PERP".into(),
                base: AssetId(1),
                kind: Kind::Perpetual(perpetual),
                tick: Price::ONE,
                lot: Qty::ONE,
                fee_maker: Rate::ZERO,
                fee_taker: Rate::ZERO,
            }],
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
        }
    }

    /// Two accounts and an index of 100.
    fn sound() -> State {
        let mut state = State::new(design()).unwrap();
        let open = Message { sender: Sender::Custodian, command: Command::OpenAccount };
        let (price, time) = ("100".parse().unwrap(), Time::from_nanos(1));
        let vote = Vote { asset: AssetId(1), price, confidence: Price::ZERO, time };
        let sender = Sender::Publisher(PublisherId(0));
        let publish = Message { sender, command: Command::Publish(vote) };
        apply(&mut state, &Block { time, messages: vec![open, open, publish] });
        state
    }

    /// A ledger with one unit of dust from nowhere: dust is its last field.
    fn mint(state: &mut State) {
        let mut bytes = borsh::to_vec(state.ledger()).unwrap();
        let at = bytes.len() - 16;
        bytes[at] ^= 1;
        state.ledger = BorshDeserialize::try_from_slice(&bytes).unwrap();
    }

    #[test]
    fn each_invariant_fires_when_its_rule_is_broken() {
        type Corrupt = fn(&mut State);
        let table: [(&str, Corrupt); 7] = [
            ("I-1", mint),
            ("I-2", |state| state.markets[0].entries[0].position = Qty::ONE),
            ("I-3", |state| state.markets[0].entries[1].cost = Amount::from_raw(1)),
            ("I-4", |state| state.markets[0].perpetual.funding_fraction = 1),
            ("I-5", |state| {
                let (fund, outside) = (Holder::Insurance, Holder::Outside);
                state.ledger.transfer(fund, outside, QUOTE, Amount::from_raw(1));
            }),
            ("I-6", |state| state.markets[0].perpetual.mark.price = "103.1".parse().unwrap()),
            ("I-8", |state| state.markets[0].entries[1].bid_lots = 1),
        ];
        // The book itself refuses to be crossed, so I-7 is checked on its own below.
        let rows = TABLE.into_iter().filter(|invariant| !invariant.name.starts_with("I-7"));
        for ((name, corrupt), invariant) in table.into_iter().zip(rows) {
            let mut state = sound();
            assert_eq!(check(&state, true), Ok(()));
            corrupt(&mut state);
            assert!((invariant.holds)(&state).is_err(), "{name} must fire");
            assert!(invariant.name.starts_with(name));
            assert!(check(&state, true).is_err());
        }
    }

    #[test]
    fn i_7_a_bid_that_reaches_an_ask_is_crossed() {
        let (low, high) = (Some(Tick(9)), Some(Tick(10)));
        assert!(is_crossed(high, low) && is_crossed(low, low));
        assert!(!is_crossed(low, high) && !is_crossed(None, low) && !is_crossed(high, None));
    }
}
