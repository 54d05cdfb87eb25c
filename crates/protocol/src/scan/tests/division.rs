//! Rule S-5: the cheapest division, and what it makes of two books.

use super::*;
use crate::scan::hedge::Line;

/// What rule S-5 says of one division, exact at 10⁻²⁸ quote, S-4 left out.
fn divided(
    world: &World,
    lines: &[Line],
    (all, inside): (Exposure, Exposure),
    (charges, terms): (Charges, Terms),
) -> i128 {
    let raw = |qty: Qty| i128::from(qty.raw());
    let (h, l, s) = (
        raw(all.holding - inside.holding),
        raw(all.long - inside.long),
        raw(all.short - inside.short),
    );
    let rate = |rate: Rate| i128::from(rate.raw());
    let hedged = (h + l).min(s);
    let naked = h + l - hedged;
    let cheap = if charges.haircut <= charges.margin { h } else { l }.min(naked);
    let outside = hedged * rate(charges.basis)
        + (s - hedged) * rate(charges.margin)
        + cheap * rate(charges.haircut.min(charges.margin))
        + (naked - cheap) * rate(charges.haircut.max(charges.margin));
    let [long, short] = world.table.worst_linear(terms.scan);
    let charge = |qty: Qty, own: Rate, worst: Rate| raw(qty) * rate(charges.basis.max(own - worst));
    let within = charge(inside.holding, charges.haircut, long)
        + charge(inside.long, charges.margin, long)
        + charge(inside.short, charges.margin, short);
    let z = raw(inside.holding) + raw(inside.long) - raw(inside.short);
    let worst = lines.iter().map(|&(loss, unit)| loss + i128::from(unit) * z).max().unwrap();
    (outside + within) * i128::from(world.moment.index.raw()) + worst * rate(terms.scan)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// Against every kink and every crossing of two lines, and against any division at all.
    #[test]
    fn s_5_the_division_is_the_cheapest(
        legs in any_legs(ROWS), linear in any_linear(), charges in any_charges(),
        parts in [0.0f64..=1.0, 0.0f64..=1.0, 0.0f64..=1.0], index in 60.0f64..160.0,
    ) {
        let (world, terms) = (market(index), maintenance());
        let (lines, count) = world.table.lines(&world.table.losses(legs.iter().copied()));
        let lines = &lines[..count];
        let all = Linear::new(linear, charges, world.table.worst_linear(terms.scan));
        let cost = |z: i64| {
            let [holding, long, short] = all.divide(z).inside;
            let inside = Exposure { holding, long, short };
            divided(&world, lines, (linear, inside), (charges, terms))
        };
        let z = all.cheapest(lines, terms.scan, world.moment.index);
        let [h, l, s] = [linear.holding, linear.long, linear.short].map(Qty::raw);
        prop_assert!(-s <= z && z <= h + l);
        let mut candidates = vec![0, -s, h, l, h + l, s, s - h, s - l, h + l - s, h - s, l - s];
        for (at, a) in lines.iter().enumerate() {
            for b in lines[..at].iter().filter(|b| b.1 != a.1) {
                let crossing = (a.0 - b.0) / (i128::from(b.1) - i128::from(a.1));
                let crossing = crossing.clamp(-1 << 60, 1 << 60) as i64;
                candidates.extend([crossing - 1, crossing, crossing + 1]);
            }
        }
        let reachable = candidates.into_iter().filter(|&z| -s <= z && z <= h + l);
        let best = reachable.map(cost).min().unwrap();
        prop_assert_eq!(cost(z), best);
        let part = |qty: Qty, share: f64| Qty::from_raw((qty.raw() as f64 * share) as i64);
        let inside = Exposure {
            holding: part(linear.holding, parts[0]),
            long: part(linear.long, parts[1]),
            short: part(linear.short, parts[2]),
        };
        prop_assert!(best <= divided(&world, lines, (linear, inside), (charges, terms)));
    }

    /// Exact but for the roundings of R-1, of the charges and of the worst scenario: 16 units of
    /// 10⁻⁸ at most.
    #[test]
    fn s_5_two_books_together_need_no_more_than_apart(
        a in any_legs(ROWS), b in any_legs(ROWS), linear in [any_linear(), any_linear()],
        charges in any_charges(), index in 60.0f64..160.0,
    ) {
        let world = market(index);
        let both: Vec<Leg> = a.iter().chain(&b).copied().collect();
        for terms in [initial(), maintenance()] {
            let of = |legs: &[Leg], linear| {
                world.table.requirement(legs.iter().copied(), linear, charges, terms)
            };
            // One leg for each series, as an account has it.
            let both: Vec<Leg> = (0..ROWS)
                .map(|row| {
                    let legs = both.iter().filter(|leg| leg.row == row);
                    Leg { row, qty: Qty::from_raw(legs.map(|leg| leg.qty.raw()).sum()) }
                })
                .collect();
            let together = of(&both, sum(linear[0], linear[1]));
            let apart = of(&a, linear[0]) + of(&b, linear[1]);
            prop_assert!(together <= apart + Amount::from_raw(16), "{together} > {apart}");
        }
    }

    #[test]
    fn s_5_the_requirement_is_never_above_the_two_apart_and_without_options_it_is_r_1(
        legs in any_legs(ROWS), linear in any_linear(), charges in any_charges(),
    ) {
        let world = market(100.0);
        let of = |legs: &[Leg], linear| {
            world.table.requirement(legs.iter().copied(), linear, charges, initial())
        };
        let alone = margin::requirement(linear, charges, world.moment.index);
        prop_assert_eq!(of(&[], linear), alone);
        prop_assert!(of(&legs, linear) <= of(&legs, Exposure::default()) + alone);
        // Nor would a division gain anything without options.
        let (lines, count) = world.table.lines(&world.table.losses(std::iter::empty()));
        let lines = &lines[..count];
        let all = Linear::new(linear, charges, world.table.worst_linear(Rate::ONE));
        let z = all.cheapest(lines, Rate::ONE, world.moment.index);
        let [holding, long, short] = all.divide(z).inside;
        let cost = |inside| divided(&world, lines, (linear, inside), (charges, initial()));
        prop_assert_eq!(cost(Exposure { holding, long, short }), cost(Exposure::default()));
    }

    /// So what fills of the orders in one market is never worse than all bids or all asks of it.
    #[test]
    fn s_5_between_two_positions_the_requirement_is_never_above_both(
        legs in any_legs(ROWS), linear in any_linear(), charges in any_charges(),
        positions in [-200_000_000_000i64..200_000_000_000, -200_000_000_000i64..200_000_000_000],
        part in 0.0f64..=1.0, index in 60.0f64..160.0,
    ) {
        let (world, terms) = (market(index), maintenance());
        // What rule S-5 says it of.
        let [long, short] = world.table.worst_linear(terms.scan);
        let dearest = charges.haircut.max(charges.margin);
        prop_assume!(dearest <= charges.basis + long.min(short) + long.min(short));
        let of = |position: i64| {
            let own = Exposure {
                long: Qty::from_raw(position.max(0)),
                short: Qty::from_raw((-position).max(0)),
                ..Exposure::default()
            };
            world.table.requirement(legs.iter().copied(), sum(linear, own), charges, terms)
        };
        let [from, to] = positions;
        let between = from + ((to - from) as f64 * part) as i64;
        prop_assert!(of(between) <= of(from).max(of(to)) + Amount::from_raw(16));
        prop_assert!(of(0) <= of(from.min(0)).max(of(to.max(0))) + Amount::from_raw(16));
    }
}

/// A holding is charged 38 %, of which its worst scenario is 14.4 %: with a short it needs nothing,
/// and a long perpetual hedges the puts for nothing.
#[test]
fn s_5_beyond_twice_the_worst_scenario_nothing_may_need_more_than_either_direction() {
    let world = market(60.0);
    let legs = [Leg { row: world.row(0, OptionKind::Put, 95.0), qty: qty(1000.0) }];
    let charges = Charges { haircut: rate(0.38), margin: Rate::ZERO, basis: Rate::ZERO };
    let of = |long: f64, short: f64| {
        let (long, short) = (qty(long), qty(short));
        let linear = Exposure { holding: qty(250.0), long, short };
        units(world.table.requirement(legs.iter().copied(), linear, charges, maintenance()))
    };
    let (bought, still, sold) = (of(10.0, 0.0), of(0.0, 0.0), of(0.0, 10.0));
    assert!(bought < still - 50.0 && sold < still - 50.0, "{bought}, {still}, {sold}");
}

/// A scenario takes 14.4 % of a unit, its margin is 5 %: apart the long perpetual hedges the calls
/// and the short one needs 5; netted neither is left.
#[test]
fn s_5_what_nets_in_one_market_no_longer_hedges_options() {
    let world = market(100.0);
    let legs = [Leg { row: world.row(2, OptionKind::Call, 70.0), qty: qty(-10.0) }];
    let long = Exposure { long: Qty::ONE, ..Exposure::default() };
    let short = Exposure { short: Qty::ONE, ..Exposure::default() };
    let of = |legs: &[Leg], linear| units(world.requirement(legs, linear, maintenance()));
    let apart = of(&legs, long) + of(&[], short);
    let together = of(&legs, Exposure::default());
    assert_eq!(format!("{apart:.2} {together:.2}"), "155.44 163.84");
    assert!(of(&legs, sum(long, short)) <= apart, "in two markets");
}

/// The asset has a risk of its own: a unit lowers the requirement of a call that moves with it,
/// a tenth that of any call, and whatever is held, both together need less than apart.
#[test]
fn s_5_the_asset_lowers_the_margin_of_a_short_call() {
    let world = market(100.0);
    for strike in [70.0, 85.0, 95.0, 100.0, 105.0, 120.0, 150.0] {
        for smile in 0..3 {
            let row = world.row(smile, OptionKind::Call, strike);
            let legs = [Leg { row, qty: -Qty::ONE }];
            let held = |units: f64| Exposure { holding: qty(units), ..Exposure::default() };
            for terms in [initial(), maintenance()] {
                let of = |legs: &[Leg], units: f64| world.requirement(legs, held(units), terms);
                let naked = of(&legs, 0.0);
                let text =
                    format!("{strike} {smile}: {} {}, {naked}", of(&legs, 1.0), of(&legs, 0.1));
                assert!(of(&legs, 0.1) < naked, "{text}");
                assert!(of(&legs, 1.0) < naked + of(&[], 1.0), "{text}");
                assert!(strike > 100.0 || of(&legs, 1.0) < naked, "{text}");
            }
        }
    }
}

/// Call less put is F − K in every scenario: with a short unit of the asset only the basis between
/// forward and index moves, and a box does not move at all.
#[test]
fn s_5_a_conversion_needs_basis_and_short_charge_and_a_box_only_the_latter() {
    let world = market(100.0);
    let charge = 0.01 * 100.0;
    for smile in 0..3 {
        let basis = world.smiles[smile].unwrap().forward().raw() as f64 / 1e10 - 1.0;
        let leg = |kind, strike: f64, units: f64| Leg {
            row: world.row(smile, kind, strike),
            qty: qty(units),
        };
        for (low, high) in [(70.0, 85.0), (95.0, 105.0), (100.0, 150.0)] {
            let legs = [leg(OptionKind::Call, low, 1.0), leg(OptionKind::Put, low, -1.0)];
            let short = Exposure { short: Qty::ONE, ..Exposure::default() };
            let needed = units(world.requirement(&legs, short, maintenance()));
            let moved = 0.8 * 0.18 * 100.0 * basis;
            assert!((needed - 2.0 * charge - moved).abs() < 1e-4, "{low} {smile}: {needed}");
            let legs = [
                leg(OptionKind::Call, low, 1.0),
                leg(OptionKind::Call, high, -1.0),
                leg(OptionKind::Put, high, 1.0),
                leg(OptionKind::Put, low, -1.0),
            ];
            let needed = units(world.requirement(&legs, Exposure::default(), maintenance()));
            assert!((needed - 2.0 * charge).abs() < 1e-7, "{low} {high} {smile}: {needed}");
        }
    }
}
