//! Round trips by hand, and against the cash that moved.

use super::*;
use crate::replay::record::{FILLS_MAX, MarketKind};
use money::{Amount, Price, Qty};
use proptest::prelude::*;
use protocol::ids::ClientId;

fn fills(rows: &[(u64, i64, i64)]) -> Fills {
    let mut fills = Fills::new(FILLS_MAX);
    for (second, signed, price) in rows {
        fills.push(Fill {
            time: Time::from_nanos(second * 1_000_000_000),
            market: 0,
            side: if *signed > 0 { Side::Buy } else { Side::Sell },
            maker: true,
            price: Price::from_raw(price * 100_000_000),
            qty: Qty::from_raw(signed.abs() * 100_000_000),
            // A tenth for each unit of base.
            fee: Amount::from_raw(i128::from(signed.abs()) * 10_000_000),
            mid: Price::ZERO,
            client: ClientId(0),
        });
    }
    fills
}

fn trips(rows: &[(u64, i64, i64)]) -> Vec<Trip> {
    let market = Market::new("BTC", "", MarketKind::Spot, Price::ONE, Qty::ONE);
    of_fills(&[market], &fills(rows))
}

#[test]
fn the_oldest_is_closed_first_and_a_reversal_opens_the_rest() {
    let found = trips(&[(0, 2, 100), (10, 1, 110), (20, -4, 120), (30, 1, 115), (40, 1, 90)]);
    let expected = [
        // 2 · 20 + 1 · 10 less 3 · 0.2 of fees, open for (2·20 + 10)/3 s.
        Trip {
            exit: Time::from_nanos(20_000_000_000),
            profit: 49.4,
            notional: 310.0,
            held_s: 50.0 / 3.0,
        },
        Trip { exit: Time::from_nanos(30_000_000_000), profit: 4.8, notional: 120.0, held_s: 10.0 },
    ];
    assert_eq!(found.len(), 2);
    for (found, expected) in found.iter().zip(expected) {
        assert_eq!(found.exit, expected.exit);
        assert!((found.profit - expected.profit).abs() < 1e-9, "{found:?}");
        assert!((found.notional - expected.notional).abs() < 1e-9, "{found:?}");
        assert!((found.held_s - expected.held_s).abs() < 1e-9, "{found:?}");
    }
    let measured = Trips::of(&found);
    assert_eq!((measured.count, measured.hit_rate), (2, Some(1.0)));
    assert_eq!((measured.mean_loss, measured.profit_factor), (None, None));
    assert!((measured.profit_bp.unwrap().mean - 54.2 / 430.0 * 1e4).abs() < 1e-9);
}

#[test]
fn no_trip_has_no_rate() {
    assert_eq!(Trips::of(&trips(&[(0, 2, 100), (1, 3, 101)])), Trips::default());
}

proptest! {
    /// A book that ends flat: trips add up to the cash that moved.
    #[test]
    fn trips_of_a_flat_book_add_up_to_its_cash(
        rows in prop::collection::vec((-5i64..6, 50i64..150), 1..40), last in 50i64..150,
    ) {
        let traded = rows.into_iter().filter(|(signed, _)| *signed != 0);
        let mut rows: Vec<(i64, i64)> = traded.collect();
        let position: i64 = rows.iter().map(|(signed, _)| signed).sum();
        if position != 0 {
            rows.push((-position, last));
        }
        let timed: Vec<(u64, i64, i64)> =
            rows.iter().enumerate().map(|(at, (qty, price))| (at as u64, *qty, *price)).collect();
        let cash: f64 = rows.iter().map(|(q, p)| -(q * p) as f64 - q.abs() as f64 / 10.0).sum();
        let profit: f64 = trips(&timed).iter().map(|trip| trip.profit).sum();
        prop_assert!((profit - cash).abs() < 1e-6, "{} is not {}", profit, cash);
    }
}
