//! Against what is written out leg by leg, the published grid of SPAN, and what must hold of any
//! book.

use money::{Amount, Price, Qty, Rate, Round, Span, Time};
use proptest::prelude::*;

use super::hedge::Linear;
use super::*;
use crate::halt::TimeAverage;
use crate::ids::OptionKind;
use crate::margin::{self, Charges, Exposure};
use crate::params::{ScanParams, ScenarioParams, SettlementParams, SurfaceParams};
use crate::surface::{SliceVote, Smile, Surface, Vote};

mod division;

const START: Time = Time::from_nanos(1_700_000_000_000_000_000);
const CHARGES: Charges =
    Charges { haircut: Rate::from_bp(1000), margin: Rate::from_bp(500), basis: Rate::from_bp(100) };

fn price(units: f64) -> Price {
    Price::from_raw((units * 1e8).round() as i64)
}

fn qty(units: f64) -> Qty {
    Qty::from_raw((units * 1e8).round() as i64)
}

fn rate(value: f64) -> Rate {
    Rate::from_raw((value * 1e12).round() as i64)
}

fn units(amount: Amount) -> f64 {
    amount.raw() as f64 / 1e8
}

/// A skewed slice of 60 % for a time to expiry.
fn slice(left: Span) -> SliceVote {
    let years = left.nanos() as f64 / (365.0 * Span::DAY.nanos() as f64);
    let width = 0.6 * years.sqrt();
    SliceVote {
        expiry: START.after(left),
        basis: rate(0.05 * years),
        a: rate(0.26),
        b: rate(0.12 / width),
        rho: rate(-0.2),
        m: Rate::ZERO,
        sigma: rate(0.8 * width),
    }
}

/// A market at a moment: a table and what it was built from.
struct World {
    table: Table,
    smiles: Vec<Option<Smile>>,
    series: Vec<Series>,
    moment: Moment,
    params: ScanParams,
}

impl World {
    /// Expiries after so much time, every strike in each.
    fn new(index: Price, left: &[Span], strikes: &[f64], params: ScanParams) -> World {
        let surface = surface(left.iter().map(|&left| slice(left)).collect());
        let settlement = SettlementParams::default();
        let smile = |&left: &Span| {
            surface.smile(START.after(left), index, START, &TimeAverage::default(), &settlement)
        };
        let smiles: Vec<Option<Smile>> = left.iter().map(smile).collect();
        let mut series = Vec::new();
        for smile in 0..left.len() {
            for &strike in strikes {
                for kind in [OptionKind::Call, OptionKind::Put] {
                    series.push(Series { smile, kind, strike: price(strike) });
                }
            }
        }
        let mut world = World {
            table: Table::default(),
            smiles,
            series,
            moment: Moment { index, widening: Rate::ONE },
            params,
        };
        world.build();
        world
    }

    fn build(&mut self) {
        let series = self.series.iter().copied();
        self.table.build(series, &self.smiles, self.moment, &self.params);
    }

    fn naive(&self) -> naive::World<'_> {
        let World { series, smiles, moment, params, .. } = self;
        naive::World { series, smiles, moment: *moment, params }
    }

    fn row(&self, smile: usize, kind: OptionKind, strike: f64) -> usize {
        let is = |series: &Series| {
            series.smile == smile && series.kind == kind && series.strike == price(strike)
        };
        self.series.iter().position(is).unwrap()
    }

    fn requirement(&self, legs: &[Leg], linear: Exposure, terms: Terms) -> Amount {
        self.table.requirement(legs.iter().copied(), linear, CHARGES, terms)
    }
}

fn surface(slices: Vec<SliceVote>) -> Surface {
    let expected: Vec<Time> = slices.iter().map(|slice| slice.expiry).collect();
    let vote = Vote { source_time: START, slices };
    let mut surface = Surface::default();
    surface.consider(&vote, &expected, &SurfaceParams::default());
    surface
}

/// Strikes around 100 in three expiries: within the hour, in a week, in three months.
fn market(index: f64) -> World {
    let left = [Span::MINUTE.times(50), Span::DAY.times(7), Span::DAY.times(90)];
    let strikes = [70.0, 85.0, 95.0, 100.0, 105.0, 120.0, 150.0];
    World::new(price(index), &left, &strikes, ScanParams::default())
}

fn initial() -> Terms {
    Terms::initial(&ScanParams::default())
}

fn maintenance() -> Terms {
    Terms::maintenance(&ScanParams::default())
}

#[test]
fn s_1_there_are_33_scenarios_and_each_is_another() {
    let all = scenarios(Rate::from_bp(1_800));
    for (at, one) in all.iter().enumerate() {
        assert!(!all[..at].contains(one), "{one:?}");
    }
    let count = |shock: Shock| all.iter().filter(|one| one.volatility == shock).count();
    assert_eq!([Shock::Up, Shock::Same, Shock::Down].map(count), [17, 9, 7]);
    let full = all.iter().filter(|one| one.damping == Rate::ONE);
    assert_eq!(full.clone().count(), 25);
    let outer = full.filter(|one| one.price.abs() == Rate::from_bp(1_800));
    assert!(outer.clone().all(|one| one.volatility != Shock::Down) && outer.count() == 4);
    let tails = all.iter().filter(|one| one.damping != Rate::ONE);
    let tails: Vec<String> = tails.map(|one| format!("{} {}", one.price, one.damping)).collect();
    let expected = [
        "-0.66 0.21",
        "-0.33 0.42",
        "0.5 0.2772",
        "1 0.1386",
        "2 0.0693",
        "3 0.0462",
        "4 0.03465",
        "5 0.02772",
    ];
    assert_eq!(tails, expected);
}

/// Vector `span16_short_call_half_hedged`: CME's grid of 16, computed independently.
#[test]
fn s_3_the_grid_of_span_gives_its_losses() {
    let expected = [
        1024.5319725869886,
        -1026.4283348836907,
        1287.3759532342046,
        -726.103355774645,
        1037.363365948051,
        -869.2405250439406,
        1800.2648127122484,
        -27.98154645861723,
        1339.2384096738606,
        -256.34195759809154,
        2530.349624281971,
        975.4656657812557,
        1926.9301123030018,
        740.8730276522474,
        3120.292355639095,
        3098.0819950629225,
    ];
    let mut grid = Vec::new();
    for step in [0, 500, -500, 1000, -1000, 1500, -1500] {
        for volatility in [Shock::Up, Shock::Down] {
            grid.push(Scenario { price: Rate::from_bp(step), volatility, damping: Rate::ONE });
        }
    }
    for step in [4500, -4500] {
        let (price, damping) = (Rate::from_bp(step), Rate::from_bp(3300));
        grid.push(Scenario { price, volatility: Shock::Same, damping });
    }
    let params = ScanParams {
        volatility_up: Rate::from_bp(2500),
        volatility_down: Rate::from_bp(2500),
        volatility_min: Rate::ZERO,
        ..ScanParams::default()
    };
    let expiry = START.after(Span::DAY.times(30));
    let flat = SliceVote { expiry, a: rate(0.36), sigma: Rate::ONE, ..SliceVote::default() };
    let exact = SettlementParams { averaging: Span::from_nanos(1), ..SettlementParams::default() };
    let index = price(60_000.0);
    let smile = surface(vec![flat]).smile(expiry, index, START, &TimeAverage::default(), &exact);
    let series = Series { smile: 0, kind: OptionKind::Call, strike: index };
    let mut table = Table::default();
    table.moves(&grid, index);
    let moment = Moment { index, widening: Rate::ONE };
    table.fill(std::iter::once(series), &[smile], moment, &params);

    let losses = table.losses(std::iter::once(Leg { row: 0, qty: -Qty::ONE }));
    let future = Exposure { long: qty(0.5), ..Exposure::default() };
    let half = qty(0.5).raw();
    for (at, expected) in expected.into_iter().enumerate() {
        let loss = losses.by_column[at] + i128::from(table.linear[at]) * i128::from(half);
        let loss = loss as f64 / 1e16;
        assert!((loss - expected).abs() < 1e-6, "{at}: {loss} is not {expected}");
    }
    let margin = table.divided(&Linear::apart(future, CHARGES), &losses, half, initial());
    assert!((units(margin) - 3120.292355639095).abs() < 1e-6);
}

fn any_legs(rows: usize) -> impl Strategy<Value = Vec<Leg>> {
    let size = prop_oneof![-100_000_000_000i64..100_000_000_000, -300i64..300];
    let leg = (0..rows, size).prop_map(|(row, qty)| Leg { row, qty: Qty::from_raw(qty) });
    prop::collection::vec(leg, 0..20)
}

fn any_linear() -> impl Strategy<Value = Exposure> {
    let size = || prop_oneof![Just(0i64), 0i64..200_000_000_000, 0i64..100];
    [size(), size(), size()].prop_map(|sizes| {
        let [holding, long, short] = sizes.map(Qty::from_raw);
        Exposure { holding, long, short }
    })
}

fn any_charges() -> impl Strategy<Value = Charges> {
    (0i64..300, 0i64..5_000, 0i64..5_000).prop_map(|(basis, haircut, margin)| Charges {
        haircut: Rate::from_bp(basis + haircut),
        margin: Rate::from_bp(basis + margin),
        basis: Rate::from_bp(basis),
    })
}

const ROWS: usize = 42;

fn sum(a: Exposure, b: Exposure) -> Exposure {
    Exposure { holding: a.holding + b.holding, long: a.long + b.long, short: a.short + b.short }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn s_3_the_table_and_every_leg_repriced_agree_to_the_bit(
        legs in any_legs(ROWS), index in 60.0f64..160.0, widening in 10_000i64..30_000,
    ) {
        let mut world = market(index);
        world.moment.widening = Rate::from_bp(widening);
        world.build();
        let naive = world.naive().losses(&legs);
        let fast = world.table.losses(legs.iter().copied());
        prop_assert_eq!(world.table.columns(), naive.len());
        prop_assert_eq!(&fast.by_column[..naive.len()], &naive[..]);
        prop_assert!(fast.by_column[naive.len()..].iter().all(|&loss| loss == 0));
        let terms = maintenance();
        let worst = naive.iter().copied().max().unwrap().max(0) as f64 / 1e16;
        let short: i64 = legs.iter().map(|leg| (-leg.qty.raw()).max(0)).sum();
        let expected = worst * 0.8 + short as f64 / 1e8 * 0.01 * index;
        let requirement = world.requirement(&legs, Exposure::default(), terms);
        prop_assert!((units(requirement) - expected).abs() < 1e-6 + expected * 1e-9);
        prop_assert_eq!(requirement, world.naive().requirement(&legs, terms));
    }

    #[test]
    fn s_3_long_options_never_need_more_than_their_marks(
        legs in any_legs(ROWS), index in 60.0f64..160.0, widening in 10_000i64..100_000,
    ) {
        let mut world = market(index);
        world.moment.widening = Rate::from_bp(widening);
        world.build();
        let long = |leg: &Leg| Leg { qty: leg.qty.abs(), ..*leg };
        let legs: Vec<Leg> = legs.iter().map(long).collect();
        let value = |leg: &Leg| world.table.mark(leg.row).notional(leg.qty, Round::Up);
        let marks: Amount = legs.iter().map(value).sum();
        for terms in [initial(), maintenance()] {
            prop_assert!(world.requirement(&legs, Exposure::default(), terms) <= marks);
        }
    }

    #[test]
    fn s_2_a_further_pin_never_lowers_the_requirement(
        legs in any_legs(ROWS), linear in any_linear(), index in 60.0f64..160.0,
    ) {
        let mut world = market(index);
        let with = world.requirement(&legs, linear, maintenance());
        world.params.pin_window = Span::ZERO;
        world.build();
        prop_assert_eq!(world.table.columns(), SCENARIOS);
        let without = world.requirement(&legs, linear, maintenance());
        prop_assert!(without <= with + Amount::from_raw(8), "{without} > {with}");
    }

    /// S-6: an order that fills at its reserve leaves the account no worse.
    #[test]
    fn s_6_what_an_order_sets_aside_covers_its_fill(
        legs in any_legs(ROWS), linear in any_linear(), row in 0..ROWS,
        size in 1i64..100_000_000_000, away in -0.2f64..0.2,
    ) {
        let (world, terms) = (market(100.0), initial());
        let mark = world.table.mark(row);
        let paid = Price::from_raw((mark.raw() + (away * 1e8) as i64).max(0));
        for sign in [1, -1] {
            let qty = Qty::from_raw(sign * size);
            let after: Vec<Leg> = legs.iter().copied().chain([Leg { row, qty }]).collect();
            let size = qty.abs();
            // Equity gains mark·q − price·q.
            let gain = mark.notional(qty, Round::Down) - paid.notional(qty, Round::Up);
            let aside = if sign > 0 {
                paid.notional(size, Round::Up)
            } else {
                let lots = i128::from(size.raw());
                let unit = world.table.short_unit(row, terms).raw();
                let short = money::mul_div(unit, lots, 100_000_000, Round::Up).unwrap();
                Amount::from_raw(short) + (mark - paid).max(Price::ZERO).notional(size, Round::Up)
            };
            let before = world.requirement(&legs, linear, terms);
            let needed = world.requirement(&after, linear, terms) - gain;
            prop_assert!(needed <= before + aside + Amount::from_raw(16));
        }
    }
}

/// At expiry a butterfly is worth most at its middle strike, here between two moves of the grid.
#[test]
fn s_2_a_pin_finds_the_butterfly_that_the_grid_does_not_see() {
    let left = [Span::HOUR];
    let strikes = [101.0, 102.0, 103.0];
    let mut world = World::new(price(100.0), &left, &strikes, ScanParams::default());
    let legs: Vec<Leg> = [(101.0, -10.0), (102.0, 20.0), (103.0, -10.0)]
        .into_iter()
        .map(|(strike, size)| Leg { row: world.row(0, OptionKind::Call, strike), qty: qty(size) })
        .collect();
    let worst = |world: &World| world.table.losses(legs.iter().copied()).by_column;
    let with = *worst(&world).iter().max().unwrap() as f64 / 1e16;
    world.params.pin_window = Span::ZERO;
    world.build();
    let without = *worst(&world).iter().max().unwrap() as f64 / 1e16;
    assert_eq!(format!("{without:.3} {with:.3}"), "1.174 4.980");
}

#[test]
fn s_2_the_31_nearest_strikes_within_the_range_are_pins() {
    let pins = |strikes: &[f64], left: Span| {
        let world = World::new(price(100.0), &[left], strikes, ScanParams::default());
        world.table.columns() - SCENARIOS
    };
    let day = Span::DAY;
    assert_eq!(pins(&[82.1, 100.0, 117.9], day), 3);
    assert_eq!(pins(&[81.9, 100.0, 118.1], day), 1, "within the range");
    assert_eq!(pins(&[100.0], day.plus(Span::from_nanos(1))), 0, "within the window");
    let many: Vec<f64> = (0..40).map(|at| 100.0 + f64::from(at) * 0.25).collect();
    let world = World::new(price(100.0), &[day], &many, ScanParams::default());
    assert_eq!(world.table.columns(), COLUMNS);
    let farthest = price(100.0).raw() - world.table.linear.iter().skip(SCENARIOS).min().unwrap();
    // The forward of a day is above the index, so each pin lies below its strike.
    let basis = world.smiles[0].unwrap().forward().raw() as f64 / 1e10;
    assert!((farthest as f64 / 1e8 * basis - 107.5).abs() < 1e-6, "{farthest}");
}

#[test]
fn s_1_volatility_rises_to_its_least_at_least() {
    let of = |least: i64| {
        let params = ScanParams { volatility_min: Rate::from_bp(least), ..ScanParams::default() };
        let world = World::new(price(100.0), &[Span::DAY.times(90)], &[100.0], params);
        let short = [Leg { row: world.row(0, OptionKind::Call, 100.0), qty: -Qty::ONE }];
        world.requirement(&short, Exposure::default(), initial())
    };
    // 60 % rise to 86 %.
    assert_eq!(of(0), of(8_000));
    assert!(of(10_000) > of(0));
}

/// 4096 legs of the largest quantity at the largest index, and the largest linear positions.
#[test]
fn s_3_the_largest_books_add_up() {
    let world = World::new(
        crate::oracle::PRICE_MAX,
        &[Span::MINUTE.times(50), Span::DAY.times(90)],
        &[1e10, 2e10, 0.01],
        ScanParams::default(),
    );
    for sign in [1, -1] {
        let largest = sign * crate::design::QTY_MAX.raw();
        let legs: Vec<Leg> = (0..4096)
            .map(|at| Leg { row: at % world.series.len(), qty: Qty::from_raw(largest) })
            .collect();
        for linear in [[1, 1, 0], [1, 1, 1], [0, 0, 1]] {
            let [holding, long, short] = linear.map(|part| Qty::from_raw(part << 60));
            let linear = Exposure { holding, long, short };
            let alone = world.requirement(&legs, Exposure::default(), initial());
            let all = world.requirement(&legs, linear, initial());
            assert!(all <= alone + world.requirement(&[], linear, initial()));
        }
    }
}

fn scenario_params(broken: i64, floor: i64) -> ScenarioParams {
    let (broken, floor) = (Rate::from_bp(broken), Rate::from_bp(floor));
    ScenarioParams { offsets: Vec::new(), broken, floor }
}

/// Requirement of several assets with this offset, each with options alone.
fn together(books: &[Vec<Leg>], world: &World, offset: i64, params: &ScenarioParams) -> Amount {
    let (mut assets, mut sum) = (Assets::default(), Amount::ZERO);
    for legs in books {
        let legs = legs.iter().copied();
        let outcome = world.table.outcome(legs, Exposure::default(), CHARGES, initial());
        assets.add(&outcome.losses, Rate::from_bp(offset));
        sum += outcome.amount;
    }
    sum - assets.credit(params)
}

#[test]
fn s_7_opposite_books_on_two_assets_are_credited_what_no_scenario_takes() {
    let mut world = market(100.0);
    world.params.pin_window = Span::ZERO;
    world.build();
    let leg = |kind, units| vec![Leg { row: world.row(2, kind, 100.0), qty: qty(units) }];
    let pair = [leg(OptionKind::Call, -1.0), leg(OptionKind::Call, 1.0)];
    let alone: Amount =
        pair.iter().map(|legs| world.requirement(legs, Exposure::default(), initial())).sum();
    let of =
        |offset, broken, floor| together(&pair, &world, offset, &scenario_params(broken, floor));
    assert_eq!(of(0, 0, 0), alone, "nothing by default");
    let short = Amount::from_raw(2 * Amount::ONE.raw());
    assert_eq!(of(10_000, 0, 0), short, "all but rule S-4");
    assert_eq!([of(10_000, 10_000, 0), of(10_000, 0, 10_000)], [alone; 2]);
    assert!(short < of(5_000, 0, 0) && of(5_000, 0, 0) < alone);
    let same = [leg(OptionKind::Call, -1.0), leg(OptionKind::Call, -1.0)];
    let single = world.requirement(&same[0], Exposure::default(), initial());
    assert_eq!(together(&same, &world, 10_000, &scenario_params(0, 0)), single + single);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn s_7_accounts_together_need_no_more_than_apart_and_never_more_than_the_sum_over_assets(
        a in [any_legs(ROWS), any_legs(ROWS), any_legs(ROWS)],
        b in [any_legs(ROWS), any_legs(ROWS), any_legs(ROWS)],
        offset in 0i64..=10_000, broken in 0i64..=10_000, floor in 0i64..=10_000,
    ) {
        let (world, params) = (market(100.0), scenario_params(broken, floor));
        let both: Vec<Vec<Leg>> = a.iter().zip(&b).map(|(a, b)| [&a[..], b].concat()).collect();
        let sum = together(&both, &world, 0, &params);
        let both = together(&both, &world, offset, &params);
        prop_assert!(both <= sum);
        let apart =
            together(&a, &world, offset, &params) + together(&b, &world, offset, &params);
        prop_assert!(both <= apart + Amount::from_raw(100), "{both} > {apart}");
    }
}
