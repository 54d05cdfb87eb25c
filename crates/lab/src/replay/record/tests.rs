//! Memory stays bounded, mids are seen when they were in force, and ledgers balance.

use super::*;
use proptest::prelude::*;

fn price(units: i64) -> Price {
    Price::from_raw(units * Price::ONE.raw())
}

fn at(seconds: f64) -> Time {
    Time::from_nanos((seconds * 1e9) as u64)
}

fn fill(time: Time, side: Side) -> Fill {
    Fill {
        time,
        market: 0,
        side,
        maker: true,
        price: price(100),
        qty: Qty::ONE,
        fee: Amount::ONE,
        mid: price(100),
        client: ClientId(7),
    }
}

fn record(step: Span) -> Record {
    let market = Market::new("BTC", "x", MarketKind::Perpetual, Price::ONE, Qty::ONE);
    Record::new(Run::default(), vec![market], Amount::ONE, step)
}

#[test]
fn a_markout_is_the_mid_in_force_at_its_horizon() {
    let mut fills = Fills::new(10);
    assert_eq!(fills.due(), NEVER);
    fills.push(fill(at(1.0), Side::Buy));
    fills.push(fill(at(1.05), Side::Sell));
    assert_eq!(fills.due(), at(1.1));
    // An event at 1.09 asks nothing; the one at 1.12 finds the mid of before.
    fills.look(at(1.12), |_| price(101));
    assert_eq!(fills.markout_bp[0][0], 100.0);
    assert!(fills.markout_bp[0][1].is_nan());
    assert_eq!(fills.due(), at(1.15));
    fills.look(at(1.15), |_| price(102));
    assert_eq!(fills.due(), at(2.0));
    fills.look(at(2.5), |_| price(102));
    assert_eq!((fills.markout_bp[0][1], fills.markout_bp[1][0]), (-200.0, 200.0));
    assert_eq!(fills.due(), at(11.0));
    fills.look(at(11.02), |_| Price::ZERO);
    assert!(fills.markout_bp[2][0].is_nan() && fills.due() == at(11.05));
    fills.look(at(100.0), |_| price(99));
    assert_eq!(fills.markout_bp[3], [-100.0, 100.0]);
    assert_eq!(fills.due(), NEVER);
}

#[test]
fn fills_beyond_the_limit_are_counted() {
    let mut record = record(Span::SECOND);
    record.fills = Fills::new(2);
    (0..5).for_each(|second| record.fill(fill(at(f64::from(second)), Side::Buy)));
    assert_eq!((record.fills.len(), record.fills.dropped), (2, 3));
    let counts = record.markets[0].counts;
    assert_eq!((counts.fills, counts.maker), (5, Amount::from_raw(500 * Amount::ONE.raw())));
    assert_eq!((counts.taker, counts.filled.raw()), (Amount::ZERO, 5 * Amount::ONE.raw()));
    assert_eq!(record.fills.row(1), fill(at(1.0), Side::Buy));
}

#[test]
fn the_causes_are_all_there_is_or_the_record_says_so() {
    let mut record = record(Span::SECOND);
    for (number, cause) in Cause::ALL.into_iter().enumerate() {
        assert_eq!(cause as usize, number);
        record.markets[0].ledger.add(cause, Amount::from_raw(1 << number));
    }
    record.account.add(Cause::Borrow, Amount::from_raw(-23));
    record.equity_end = Amount::ONE + Amount::from_raw(1000);
    assert_eq!(record.check(), Ok(()));
    assert_eq!(record.ledger().part(Cause::Borrow), Amount::from_raw(32 - 23));
    record.equity_end += Amount::from_raw(1);
    let moved = Amount::from_raw(1001);
    assert_eq!(record.check(), Err(Imbalance { parts: Amount::from_raw(1000), moved }));
}

proptest! {
    /// Whatever the length, the rows are those of a grid from the start, evenly spaced, and the
    /// next is due one step after the last.
    #[test]
    fn a_full_grid_goes_on_with_twice_the_step(rows in 1usize..200, cells in 32usize..80) {
        let mut samples = Samples::new(at(5.0), Span::SECOND, 1, cells);
        for _ in 0..rows {
            let second = Amount::from_raw(i128::from(samples.due().nanos() / 1_000_000_000));
            samples.push(second, &[Seen::default()]);
            prop_assert!(samples.len() <= cells / 2);
            prop_assert_eq!(samples.due(), samples.time.last().unwrap().after(samples.step));
        }
        prop_assert_eq!(samples.markets[0].len(), samples.len());
        for (row, (time, equity)) in samples.time.iter().zip(&samples.equity).enumerate() {
            prop_assert_eq!(*time, at(5.0).after(samples.step.times(row as u64)));
            prop_assert_eq!(equity.raw(), i128::from(time.nanos() / 1_000_000_000));
        }
    }
}
