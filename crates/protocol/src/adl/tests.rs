//! Deleveraging (rules L-11, L-12): worked examples, draining lot by lot, splits and orders.

#![allow(clippy::unwrap_used)]

use super::*;
use proptest::prelude::*;

/// A counterparty whose units are whole quote.
fn account(lots: u64, naked: u64, equity: i128, exposure: i128) -> Counterparty {
    let quote = |units: i128| Amount::from_raw(units * Amount::ONE.raw());
    Counterparty {
        lots: Lots(lots),
        naked: Lots(naked),
        equity: quote(equity),
        exposure: quote(exposure),
    }
}

/// The winners of the published deficit: notional 400, 200, 100, 100; leverage 20, 2, 10, 2.
fn winners() -> [Counterparty; 4] {
    [
        account(400, 400, 20, 400),
        account(200, 200, 100, 200),
        account(100, 100, 10, 100),
        account(100, 100, 50, 100),
    ]
}

fn closed(result: &Deleveraging) -> Vec<u64> {
    result.parts.iter().map(|part| part.closed.0).collect()
}

fn haircuts_of(result: &Deleveraging) -> Vec<String> {
    result.parts.iter().map(|part| part.haircut.to_string()).collect()
}

#[test]
fn l_11_the_most_levered_are_cut_to_a_common_level() {
    // 300 lots: kept by the first and third 200 = 30·leverage, so 6 2/3 for both.
    let result = deleverage(Lots(300), Amount::ZERO, &winners());
    assert_eq!(closed(&result), [267, 0, 33, 0]);
    // 500 lots: kept 300 = 180·leverage, so 1 2/3 for all four.
    let result = deleverage(Lots(500), Amount::ZERO, &winners());
    assert_eq!(closed(&result), [367, 33, 83, 17]);
}

#[test]
fn l_11_hedged_lots_are_closed_pro_rata_once_no_naked_lot_is_left() {
    let others = [account(100, 0, 1, 400), account(60, 20, 50, 20), account(40, 40, 50, 10)];
    assert_eq!(closed(&deleverage(Lots(50), Amount::ZERO, &others)), [0, 18, 32]);
    assert_eq!(closed(&deleverage(Lots(60), Amount::ZERO, &others)), [0, 20, 40]);
    assert_eq!(closed(&deleverage(Lots(130), Amount::ZERO, &others)), [50, 40, 40]);
    let all = deleverage(Lots(201), Amount::ZERO, &others);
    assert_eq!((closed(&all), all.unclosed), (vec![100, 60, 40], Lots(1)));
}

#[test]
fn l_11_accounts_without_equity_are_cut_first_and_pro_rata() {
    let others = [account(30, 30, 0, 1), account(50, 50, 9, 900), account(10, 10, -5, 400)];
    assert_eq!(closed(&deleverage(Lots(20), Amount::ZERO, &others)), [15, 0, 5]);
    assert_eq!(closed(&deleverage(Lots(41), Amount::ZERO, &others)), [30, 1, 10]);
}

#[test]
fn l_12_haircuts_follow_lots_closed_and_then_lots_held() {
    // 40 on 300 lots is 35.6 and 4.4. The first has 20; 15.6 falls on 200 and 100 lots and on the
    // 5.6 that the third has left.
    let deficit = account(0, 0, 40, 0).equity;
    let result = deleverage(Lots(300), deficit, &winners());
    assert_eq!(haircuts_of(&result), ["20", "7.8", "8.3", "3.9"]);
    let everything = account(0, 0, 200, 0).equity;
    let result = deleverage(Lots(300), everything, &winners());
    assert_eq!(haircuts_of(&result), ["20", "100", "10", "50"]);
    assert_eq!(result.uncovered.to_string(), "20");
}

#[test]
fn l_11_everybody_can_look_up_their_place() {
    let outlook = preview(Lots(300), &winners());
    let reached: Vec<u64> = outlook.iter().map(|at| at.reached_after.0).collect();
    // The third's turn comes when the first is down to 200 lots, that of the others at leverage 2.
    assert_eq!(reached, [0, 440, 200, 440]);
    let shares: Vec<String> = outlook.iter().map(|at| at.share.to_string()).collect();
    assert_eq!(shares, ["0.6675", "0", "0.33", "0"]);
    assert_eq!(outlook[1].cover.to_string(), "0.5");
}

#[test]
fn l_11_a_hundred_thousand_of_the_largest_accounts_do_not_overflow() {
    const COUNT: u64 = 100_000;
    let largest = |at: u64| Counterparty {
        lots: Lots(i64::MAX as u64 / COUNT),
        naked: Lots(i64::MAX as u64 / COUNT - at),
        equity: Amount::from_raw(10i128.pow(27) - i128::from(at) * 10i128.pow(22)),
        exposure: Amount::from_raw(10i128.pow(27) + i128::from(at * at)),
    };
    let others: Vec<Counterparty> = (0..COUNT).map(largest).collect();
    let lots = Lots(i64::MAX as u64 / 2);
    let deficit = Amount::from_raw(10i128.pow(31));
    let result = deleverage(lots, deficit, &others);
    assert_eq!(closed(&result).iter().sum::<u64>(), lots.0);
    let paid: Amount = result.parts.iter().map(|part| part.haircut).sum();
    assert_eq!((paid, result.uncovered), (deficit, Amount::ZERO));
}

/// Takes one lot after the other from the naked lots of whoever is the most levered, then one
/// after the other from the least closed of the hedged.
fn one_by_one(lots: u64, others: &[Counterparty]) -> Vec<i64> {
    let mut naked: Vec<i128> = others.iter().map(Counterparty::naked_lots).collect();
    let mut hedged: Vec<i128> = others.iter().map(Counterparty::hedged_lots).collect();
    for _ in 0..lots {
        // Leverage of what is left: left/(naked·cover); without cover, what is left of the whole.
        let levered = |&at: &usize| {
            let (all, cover) = (others[at].naked_lots(), i128::from(others[at].cover().raw()));
            let share = naked[at] * 1_000_000_000 / all;
            (cover == 0, share * 1_000_000_000_000 / cover.max(1))
        };
        let open = (0..others.len()).filter(|&at| naked[at] > 0);
        if let Some(at) = open.max_by_key(levered) {
            naked[at] -= 1;
            continue;
        }
        let whole = |&at: &usize| hedged[at] * 1_000_000_000 / others[at].hedged_lots();
        let Some(at) = (0..others.len()).filter(|&at| hedged[at] > 0).max_by_key(whole) else {
            break;
        };
        hedged[at] -= 1;
    }
    let left = naked.iter().zip(&hedged).map(|(naked, hedged)| naked + hedged);
    others
        .iter()
        .zip(left)
        .map(|(o, left)| i64::try_from(i128::from(o.lots.0) - left).unwrap())
        .collect()
}

/// The same account with each quantity so many times as large.
fn times(other: &Counterparty, factor: u64) -> Counterparty {
    let scaled = |amount: Amount| Amount::from_raw(amount.raw() * i128::from(factor));
    Counterparty {
        lots: Lots(other.lots.0 * factor),
        naked: Lots(other.naked.0 * factor),
        equity: scaled(other.equity),
        exposure: scaled(other.exposure),
    }
}

fn counterparties(lots: u64) -> impl Strategy<Value = Vec<Counterparty>> {
    let one = (0..lots, 0..lots, -3i128..40, 0i128..200)
        .prop_map(|(lots, naked, equity, exposure)| account(lots, naked, equity, exposure));
    prop::collection::vec(one, 1..8)
}

fn sum_of(others: &[Counterparty]) -> u64 {
    others.iter().map(|other| other.lots.0).sum()
}

/// Total closed and paid by some of the parts.
fn paid(parts: &[Part]) -> (i128, i128) {
    let lots: u64 = parts.iter().map(|part| part.closed.0).sum();
    (i128::from(lots), parts.iter().map(|part| part.haircut.raw()).sum())
}

/// What so many roundings of a lot may move: the price of a lot for each, and the units.
fn price_of_roundings(count: usize, deficit: Amount, lots: u64) -> i128 {
    let count = i128::try_from(count).unwrap();
    count * (deficit.raw() / i128::from(lots.max(1)) + 2)
}

proptest! {
    #[test]
    fn l_11_draining_lot_by_lot_agrees(
        others in counterparties(12), part in 0.0f64..1.1,
    ) {
        // A lot in 64 pieces, because pieces taken one by one round up for everybody.
        const PIECES: u64 = 64;
        let lots = (sum_of(&others) as f64 * part) as u64;
        let fast = closings(Lots(lots), &others);
        let pieces: Vec<Counterparty> = others.iter().map(|o| times(o, PIECES)).collect();
        let slow = one_by_one(lots * PIECES, &pieces);
        for (fast, slow) in fast.iter().zip(slow) {
            let fast = i64::try_from(fast.0 * PIECES).unwrap();
            prop_assert!((fast - slow).abs() <= PIECES as i64 + others.len() as i64);
        }
    }

    #[test]
    fn l_11_every_lot_finds_a_counterparty_and_naked_lots_go_first(
        others in counterparties(1 << 40), part in 0.0f64..1.0,
    ) {
        let lots = (sum_of(&others) as f64 * part) as u64;
        let lots = lots.min(sum_of(&others));
        let result = deleverage(Lots(lots), Amount::ZERO, &others);
        prop_assert_eq!(closed(&result).iter().sum::<u64>(), lots);
        prop_assert_eq!(result.unclosed, Lots(0));
        let naked: i128 = others.iter().map(Counterparty::naked_lots).sum();
        for (part, other) in result.parts.iter().zip(&others) {
            prop_assert!(part.closed <= other.lots);
            let cut = i128::from(part.closed.0);
            if i128::from(lots) <= naked {
                prop_assert!(cut <= other.naked_lots(), "a hedge was cut too early");
            } else {
                prop_assert!(cut >= other.naked_lots(), "a naked lot was left");
            }
        }
    }

    #[test]
    fn l_11_the_more_levered_never_lose_a_smaller_part_of_their_naked_lots(
        others in counterparties(1 << 20), part in 0.0f64..1.0,
    ) {
        let naked: i128 = others.iter().map(Counterparty::naked_lots).sum();
        let closed = closings(Lots((naked as f64 * part) as u64), &others);
        for (a, cut_a) in others.iter().zip(&closed).filter(|(o, _)| o.naked_lots() > 0) {
            for (b, cut_b) in others.iter().zip(&closed) {
                if a.cover() <= b.cover() {
                    // Each is within a lot of its real share.
                    let (cut_a, cut_b) = (i128::from(cut_a.0) + 1, i128::from(cut_b.0) - 1);
                    prop_assert!(cut_a * b.naked_lots() >= cut_b * a.naked_lots());
                }
            }
        }
    }

    #[test]
    fn l_11_deleveraging_twice_is_deleveraging_once(
        drawn in prop::collection::vec((1u64..1 << 30, 1i128..1 << 33), 1..8),
        first in 0.0f64..0.5, second in 0.0f64..0.5,
    ) {
        // All exposure comes from the naked lots, a unit for each.
        let others = |drawn: &[(u64, i128)]| -> Vec<Counterparty> {
            let one = |&(naked, equity): &(u64, i128)| Counterparty {
                lots: Lots(naked),
                naked: Lots(naked),
                equity: Amount::from_raw(equity),
                exposure: Amount::from_raw(i128::from(naked)),
            };
            drawn.iter().map(one).collect()
        };
        let before = others(&drawn);
        let lots = |part: f64| (sum_of(&before) as f64 * part) as u64;
        let (first, second) = (lots(first), lots(second));
        let cut = closings(Lots(first), &before);
        let rest: Vec<_> = drawn.iter().zip(&cut).map(|(d, cut)| (d.0 - cut.0, d.1)).collect();
        let again = closings(Lots(second), &others(&rest));
        let once = closings(Lots(first + second), &before);
        for ((a, b), once) in cut.iter().zip(again).zip(once) {
            prop_assert!((a.0 + b.0).abs_diff(once.0) <= 2 + drawn.len() as u64);
        }
    }

    #[test]
    fn l_12_haircuts_equal_the_deficit_and_leave_nobody_below_zero(
        others in counterparties(1 << 30), part in 0.0f64..1.0, deficit in 0i128..20_000_000_000,
    ) {
        let lots = Lots((sum_of(&others) as f64 * part) as u64);
        let result = deleverage(lots, Amount::from_raw(deficit), &others);
        let named = others.iter().filter(|other| other.lots.0 > 0);
        let equity: i128 = named.map(Counterparty::means).sum();
        prop_assert_eq!(paid(&result.parts).1 + result.uncovered.raw(), deficit);
        prop_assert_eq!(result.uncovered.raw(), (deficit - equity).max(0), "not the least");
        for (part, other) in result.parts.iter().zip(&others) {
            prop_assert!(0 <= part.haircut.raw() && part.haircut.raw() <= other.means());
            prop_assert!(other.lots.0 > 0 || *part == Part::default(), "a flat account was named");
        }
    }

    #[test]
    fn l_12_splitting_an_account_does_not_change_what_its_owner_pays(
        others in counterparties(1 << 30), part in 0.0f64..1.0, deficit in 0i128..20_000_000_000,
        (small, large) in (1u64..5, 1u64..5), at in any::<prop::sample::Index>(),
    ) {
        let at = at.index(others.len());
        let whole: Vec<Counterparty> = others.iter().enumerate()
            .map(|(i, o)| if i == at { times(o, small + large) } else { *o }).collect();
        let mut split = others.clone();
        split[at] = times(&others[at], small);
        split.push(times(&others[at], large));
        let lots = (sum_of(&whole) as f64 * part) as u64;
        let deficit = Amount::from_raw(deficit);
        let one = deleverage(Lots(lots), deficit, &whole).parts[at];
        let two = deleverage(Lots(lots), deficit, &split).parts;
        let ((lots_one, paid_one), (lots_two, paid_two)) =
            (paid(&[one]), paid(&[two[at], two[others.len()]]));
        prop_assert!((lots_one - lots_two).abs() <= 2);
        let bound = price_of_roundings(3 * others.len() + 6, deficit, lots);
        prop_assert!((paid_one - paid_two).abs() <= bound, "{} {}", paid_one, paid_two);
    }

    #[test]
    fn l_12_the_order_of_the_list_decides_about_units_only(
        others in counterparties(1 << 30), part in 0.0f64..1.0, deficit in 0i128..20_000_000_000,
    ) {
        let lots = (sum_of(&others) as f64 * part) as u64;
        let deficit = Amount::from_raw(deficit);
        let reversed: Vec<Counterparty> = others.iter().rev().copied().collect();
        let forward = deleverage(Lots(lots), deficit, &others).parts;
        let backward = deleverage(Lots(lots), deficit, &reversed).parts;
        let bound = price_of_roundings(3 * others.len() + 6, deficit, lots);
        for (a, b) in forward.iter().zip(backward.iter().rev()) {
            prop_assert!(a.closed.0.abs_diff(b.closed.0) <= 1);
            prop_assert!((a.haircut.raw() - b.haircut.raw()).abs() <= bound);
        }
    }

    #[test]
    fn l_11_a_preview_is_what_happens_and_nobody_is_reached_before_their_turn(
        others in counterparties(1 << 30), part in 0.0f64..1.0,
    ) {
        let lots = Lots((sum_of(&others) as f64 * part) as u64);
        let outlooks = preview(lots, &others);
        let happened = deleverage(lots, Amount::ZERO, &others);
        let naked: i128 = others.iter().map(Counterparty::naked_lots).sum();
        let weight = |other: &Counterparty| other.naked_lots() * i128::from(other.cover().raw());
        let weights: i128 = others.iter().map(weight).sum();
        for (at, (outlook, part)) in outlooks.iter().zip(&happened.parts).enumerate() {
            prop_assert_eq!(outlook.closed, part.closed);
            let closed = |lots: i128| closings(lots_from(lots), &others)[at];
            let turn = i128::from(outlook.reached_after.0);
            prop_assert_eq!(closed(turn), Lots(0));
            if weight(&others[at]) > 0 {
                // It loses at least weight/Σ weights of every further lot: two lots here.
                let further = 2 * weights / weight(&others[at]) + 1;
                prop_assert!(closed(naked.min(turn + further)).0 > 0);
            }
        }
    }
}
