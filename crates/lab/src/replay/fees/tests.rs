//! Fees: published examples, rounding, tiers by day.

use proptest::prelude::*;

use super::venues::{PUBLISHED, Published};
use super::*;

fn amount(text: &str) -> Amount {
    text.parse().unwrap()
}

fn value(text: &str) -> Charged {
    Charged { value: amount(text), underlying: Amount::ZERO }
}

fn day(number: u64) -> Time {
    Time::from_nanos(number * Span::DAY.nanos() + 5)
}

fn published(name: &str) -> Schedule {
    Published::find(name).unwrap().schedule()
}

#[test]
fn every_published_table_is_a_schedule() {
    for table in PUBLISHED {
        let schedule = table.schedule();
        assert_eq!(schedule.tiers.len(), table.tiers.len());
        assert_eq!(Published::find(table.name), Some(table));
        let cheaper = schedule
            .tiers
            .windows(2)
            .all(|two| two[1].maker <= two[0].maker && two[1].taker <= two[0].taker);
        assert!(cheaper, "{}", table.name);
    }
    assert_eq!(Published::find("mt-gox"), None);
    assert_eq!(published("uniswap"), Schedule::free());
}

#[test]
fn examples_of_deribit_come_out() {
    // A trade of 50,000 USD at 100,000: the taker pays 0.05 % of 0.5 BTC, the maker nothing.
    let futures = published("deribit-futures");
    assert_eq!(futures.fee(0, false, value("0.5")), amount("0.00025"));
    assert_eq!(futures.fee(0, true, value("0.5")), Amount::ZERO);
    // An option at 0.0001 BTC costs 12.5 % of that and not 0.0003 BTC.
    let options = published("deribit-options");
    let fee = |value: &str| {
        let trade = Charged { value: amount(value), underlying: Amount::ONE };
        options.fee(0, false, trade)
    };
    assert_eq!(fee("0.0001"), amount("0.0000125"));
    assert_eq!(fee("0.0024"), amount("0.0003"));
    assert_eq!(fee("0.5"), amount("0.0003"));
    assert_eq!(fee("0"), Amount::ZERO);
}

#[test]
fn a_fee_is_rounded_up_and_a_rebate_down() {
    let tier = Tier { volume: Amount::ZERO, maker: Rate::from_bp(-1), taker: Rate::from_bp(1) };
    let schedule = Schedule::new(vec![tier], 1, Basis::Value).unwrap();
    let smallest = Charged { value: Amount::from_raw(1), underlying: Amount::ZERO };
    assert_eq!(schedule.fee(0, false, smallest), Amount::from_raw(1));
    assert_eq!(schedule.fee(0, true, smallest), Amount::ZERO);
    assert_eq!(schedule.fee(0, true, value("0.00019999")), Amount::from_raw(-1));
}

#[test]
fn a_tier_is_reached_the_day_after_and_lost_when_the_window_has_passed() {
    let tier = |volume: &str| Tier { volume: amount(volume), maker: Rate::ZERO, taker: Rate::ZERO };
    let schedule =
        Schedule::new(vec![tier("0"), tier("100"), tier("200")], 3, Basis::Value).unwrap();
    let mut turnover = Turnover::steady(Amount::ZERO, day(1_000));
    assert!(!turnover.add(day(1_000), amount("100")));
    assert_eq!(schedule.tier(&turnover), 0, "today does not count yet");
    assert!(turnover.add(day(1_001), amount("99.99999999")));
    assert_eq!(schedule.tier(&turnover), 1);
    let tiers = [1_002, 1_003, 1_004, 1_005].map(|number| {
        assert!(turnover.add(day(number), amount("0.00000001")));
        schedule.tier(&turnover)
    });
    assert_eq!(tiers, [1, 2, 1, 0], "{turnover:?}");
    let mut steady = Turnover::steady(amount("70"), day(9));
    assert_eq!((schedule.tier(&steady), steady.trailing(30)), (2, amount("2100")));
    // A pause longer than the window leaves nothing of it.
    assert!(steady.add(day(49), Amount::ONE));
    assert_eq!(steady.trailing(30), Amount::ZERO);
}

#[test]
fn tiers_that_do_not_rise_are_refused() {
    let tier = |volume: &str, maker| Tier {
        volume: amount(volume),
        maker: Rate::from_bp(maker),
        taker: Rate::ZERO,
    };
    let fault = |tiers: Vec<Tier>, days, basis| Schedule::new(tiers, days, basis).unwrap_err();
    let cap = |cap| Basis::Underlying { cap: Rate::from_bp(cap) };
    assert_eq!(fault(vec![], 30, Basis::Value), Fault::Volume(1));
    assert_eq!(fault(vec![tier("1", 0)], 30, Basis::Value), Fault::Volume(1));
    assert_eq!(fault(vec![tier("0", 0), tier("0", 0)], 30, Basis::Value), Fault::Volume(2));
    assert_eq!(fault(vec![tier("0", -10_001)], 30, Basis::Value), Fault::Rate(1));
    assert_eq!(fault(vec![tier("0", 0)], 30, cap(-1)), Fault::Rate(1));
    assert_eq!(fault(vec![tier("0", 0)], 31, Basis::Value), Fault::Days(31));
    assert_eq!(fault(vec![tier("0", 0)], 0, Basis::Value), Fault::Days(0));
}

proptest! {
    #[test]
    fn trailing_volume_is_the_sum_of_a_list(
        trades in prop::collection::vec(
            (prop_oneof![9 => 0u64..9, 1 => 25u64..70], 0i64..1_000), 1..80),
        days in 1usize..=30,
    ) {
        let mut turnover = Turnover::steady(Amount::ZERO, day(500));
        let (mut today, mut list) = (500, Vec::new());
        for (passed, size) in trades {
            today += passed;
            let size = Amount::from_raw(size.into());
            prop_assert_eq!(turnover.add(day(today), size), passed > 0);
            list.push((today, size));
        }
        let inside = |when: u64| when < today && when + days as u64 >= today;
        let expected: Amount =
            list.iter().filter(|(when, _)| inside(*when)).map(|&(_, size)| size).sum();
        prop_assert_eq!(turnover.trailing(days), expected);
    }
}
