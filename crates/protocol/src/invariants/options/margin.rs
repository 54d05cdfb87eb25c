//! Invariants of what options are worth at other prices: surfaces that age, and scenario margin.

use std::collections::BTreeMap;

use money::{Amount, Price, Round, Time, mul_div};
use pricing::slice::effective_time;

use super::super::Depth;
use crate::ids::{AccountId, OptionKind};
use crate::margin::{Charges, Exposure};
use crate::option::Chain;
use crate::scan::{self, Leg, Terms, naive};
use crate::state::State;

/// I-34: as far as the surface has aged, calls fall and are convex in the strike, and total
/// variance does not fall from one expiry to the next.
pub(in crate::invariants) fn aged(state: &State, _depth: Depth) -> Result<(), String> {
    for chain in state.chains() {
        let mut calls: BTreeMap<Time, Vec<(Price, Price)>> = BTreeMap::new();
        for series in &chain.series {
            let contract = series.contract;
            if let (OptionKind::Call, Some(mark)) = (contract.kind, series.mark) {
                calls.entry(contract.expiry).or_default().push((contract.strike, mark));
            }
        }
        for (expiry, mut calls) in calls {
            calls.sort_unstable();
            let forward = chain.forward(expiry).ok_or("a mark without a forward")?;
            shape(&calls, forward).map_err(|why| format!("{expiry}: {why}"))?;
        }
        calendar(chain, state.time())?;
    }
    Ok(())
}

/// The shape of calls by strike. Marks and volatilities are rounded down: together less than 10⁻¹⁰
/// of the forward and four units.
fn shape(calls: &[(Price, Price)], forward: Price) -> Result<(), String> {
    let slack = i128::from(4 + forward.raw() / 10_000_000_000);
    let raw = |price: Price| i128::from(price.raw());
    for pair in calls.windows(2) {
        let (step, fall) = (pair[1].0 - pair[0].0, pair[0].1 - pair[1].1);
        if raw(fall) < -slack || raw(fall) > raw(step) + slack {
            return Err(format!("calls {pair:?} over a step of {step}"));
        }
    }
    for three in calls.windows(3) {
        let [(low, left), (middle, worth), (high, right)] = [three[0], three[1], three[2]];
        let wings = raw(left) * raw(high - middle) + raw(right) * raw(middle - low);
        if wings + slack * raw(high - low) < raw(worth) * raw(high - low) {
            return Err(format!("a butterfly below zero: {three:?}"));
        }
    }
    Ok(())
}

/// Strikes at which total variance is compared, in thousandths of the forward.
const GRID: [i64; 15] =
    [20, 100, 300, 500, 700, 800, 900, 950, 1000, 1050, 1100, 1250, 1600, 3000, 50_000];

/// Total variance σ²T by expiry, at the same strike over forward. Volatilities are rounded down.
fn calendar(chain: &Chain, now: Time) -> Result<(), String> {
    let averaging = chain.params.settlement.averaging;
    let live = chain.surface.slices().iter().filter(|said| said.expiry > now);
    let aged = live.map(|said| {
        let effective = effective_time(said.expiry.since(now), averaging);
        (said.expiry, said.slice(), i128::from(effective.nanos()))
    });
    let aged: Vec<_> = aged.collect();
    let forward = Price::from_raw(1_000 * Price::ONE.raw());
    for pair in aged.windows(2) {
        let ((_, near, before), (expiry, far, after)) = (pair[0], pair[1]);
        for strike in GRID.map(|at| Price::from_raw(at * Price::ONE.raw())) {
            let [near, far] =
                [near, far].map(|slice| i128::from(slice.volatility(forward, strike).raw()));
            let least = mul_div(near * near, before, after.max(1), Round::Down);
            let has = (far + 2) * (far + 2);
            if least.is_none_or(|least| has + has / 1_000_000_000 < least) {
                return Err(format!("{expiry}: less total variance at {strike} than before it"));
            }
        }
    }
    Ok(())
}

/// I-35: the scenarios of every account are those of each leg repriced, to the last unit, and who
/// has nothing but long options needs no more than their marks.
pub(in crate::invariants) fn scanned(state: &State, _depth: Depth) -> Result<(), String> {
    for chain in state.chains() {
        let series: Vec<scan::Series> = chain.rows().collect();
        let moment = chain.moment(state.time());
        let (smiles, params) = (chain.smiles(), &chain.params.scan);
        let world = naive::World { series: &series, smiles, moment, params };
        for &account in &chain.holders {
            let legs = legs(chain, account);
            let wrong = |what: &str| Err(format!("account {}: {what}: {legs:?}", account.0));
            let (fast, naive) = (chain.table().losses(legs.iter().copied()), world.losses(&legs));
            let (columns, rest) = fast.by_column.split_at(naive.len());
            if columns != naive || rest.iter().any(|loss| *loss != 0) {
                return wrong("not what each leg loses");
            }
            let alone = |terms| {
                let (linear, charges) = (Exposure::default(), Charges::default());
                chain.table().requirement(legs.iter().copied(), linear, charges, terms)
            };
            for terms in [Terms::initial(params), Terms::maintenance(params)] {
                if alone(terms) != world.requirement(&legs, terms) {
                    return wrong("not what each leg needs");
                }
            }
            let worth = |leg: &Leg| chain.table().mark(leg.row).notional(leg.qty, Round::Up);
            let marks: Amount = legs.iter().map(worth).sum();
            let long = legs.iter().all(|leg| leg.qty.is_positive());
            if long && alone(Terms::initial(params)) > marks {
                return wrong("longs need more than their marks");
            }
        }
    }
    Ok(())
}

fn legs(chain: &Chain, account: AccountId) -> Vec<Leg> {
    let held = chain.legs(account).iter().filter(|leg| !leg.position.is_zero());
    let row = |series| chain.place(series).expect("a leg is in a series");
    held.map(|leg| Leg { row: row(leg.series), qty: leg.position }).collect()
}
