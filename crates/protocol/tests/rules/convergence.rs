//! Section C in the engine: what the ledger of a market sees, tells and keeps.

use money::{Rate, Span, Time};
use protocol::command::*;
use protocol::convergence::{Convergence, Target};
use protocol::event::Event;
use protocol::ids::*;
use protocol::params::*;

use crate::exchange::*;

/// BTC at 100 000, a target of 10 bp for 99 % of each hour.
fn exchange(carry_8h: Rate) -> Exchange {
    let mut params = design();
    let target = Target { within: Rate::from_bp(10), share: rate("0.99"), window: Span::HOUR };
    params.markets[BTC_PERP.index()].rules =
        MarketRules { target, carry_8h, ..MarketRules::default() };
    let mut exchange = Exchange::of(params);
    exchange.prices = [None, Some(price("100000")), Some(price("100"))];
    exchange.step = Span::from_secs(10);
    exchange.run(&[]);
    exchange
}

fn ledger(x: &Exchange) -> &Convergence {
    &x.state.market(BTC_PERP).perpetual.convergence
}

/// Quotes around 100 500: the mark leaves the index by up to 50 bp.
fn pull_up(x: &mut Exchange) {
    let maker = x.user("1000000");
    let bid = order(BTC_PERP, Side::Buy, "100490", "1");
    let ask = order(BTC_PERP, Side::Sell, "100510", "1");
    x.run(&[bid, ask].map(|order| user(maker, Command::Place(order))));
}

fn breaches(events: &[Event]) -> Vec<(bool, Time, Rate)> {
    let told = events.iter().filter_map(|event| match *event {
        Event::Breach { market: BTC_PERP, begun, since, worst } => Some((begun, since, worst)),
        _ => None,
    });
    told.collect()
}

#[test]
fn c_1_what_is_measured_is_the_mark_at_the_close() {
    let mut x = exchange(Rate::ZERO);
    pull_up(&mut x);
    x.blocks(30);
    let (mark, worst) = (x.mark(BTC_PERP), ledger(&x).lifetime().mark.worst());
    let off = i128::from(mark.raw() - price("100000").raw()) * 1_000_000_000_000;
    assert!(mark > price("100100"));
    let rounded_up = (off + 9_999_999_999_999) / 10_000_000_000_000;
    // The mark of the last block has lasted for no time yet.
    assert!(i128::from(worst.raw()) <= rounded_up && worst > Rate::from_bp(10));
    x.run(&[]);
    let then = ledger(&x).lifetime().mark.worst();
    assert_eq!(i128::from(then.raw()), rounded_up);
}

#[test]
fn c_3_a_breach_is_told_when_it_begins_and_when_it_ends() {
    let mut x = exchange(Rate::ZERO);
    pull_up(&mut x);
    let mut told = Vec::new();
    for _ in 0..40 {
        told.extend(breaches(x.run(&[])));
    }
    let [(true, since, worst)] = told[..] else { panic!("{told:?}") };
    assert!(worst > Rate::from_bp(10));
    assert_eq!(ledger(&x).breach().unwrap().since, since);
    // The index comes after the mark.
    x.prices[1] = Some(price("100500"));
    let mut ended = Vec::new();
    for _ in 0..200 {
        ended.extend(breaches(x.run(&[])));
    }
    let [(false, begun, most)] = ended[..] else { panic!("{ended:?}") };
    assert_eq!(begun, since);
    assert!(most >= worst);
}

#[test]
fn c_2_the_end_of_a_window_is_told_once_for_each_market() {
    let mut x = exchange(Rate::ZERO);
    let mut windows = Vec::new();
    for _ in 0..720 {
        windows.extend(x.run(&[]).iter().filter_map(|event| match *event {
            Event::ConvergenceWindow { market: BTC_PERP, start, share, met, .. } => {
                Some((start, share, met))
            }
            _ => None,
        }));
    }
    let hour = |number| Time::from_nanos(START + number * Span::HOUR.nanos());
    let whole = (Rate::ONE, Some(true));
    assert_eq!(windows, [(hour(0), whole.0, whole.1), (hour(1), whole.0, whole.1)]);
}

#[test]
fn c_1_without_an_index_nothing_is_observed() {
    let mut x = exchange(Rate::ZERO);
    x.blocks(6);
    x.prices = [None; 3];
    x.blocks(30);
    let observed = ledger(&x).lifetime().mark.observed();
    // The index of 30 s is the oldest that serves.
    x.blocks(30);
    assert_eq!(ledger(&x).lifetime().mark.observed(), observed);
}

#[test]
fn c_4_the_carry_of_the_market_makes_its_basis_fair() {
    // Anchored at 8 h with no interest: the fair basis is the carry itself.
    for (carry, basis) in [(0, 0), (5, 5), (-5, 5)] {
        let mut x = exchange(Rate::from_bp(carry));
        x.blocks(3);
        let tally = ledger(&x).lifetime();
        assert_eq!(tally.mark.worst(), Rate::ZERO);
        assert_eq!(tally.basis.worst(), Rate::from_bp(basis));
    }
}

#[test]
fn c_4_a_carry_beyond_all_sense_is_refused() {
    let rules = MarketRules { carry_8h: rate("1.1"), ..MarketRules::default() };
    assert!(rules.check().is_err());
}
