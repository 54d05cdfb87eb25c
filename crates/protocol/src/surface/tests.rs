//! Refusals by name, the medoid under attack, ageing, and marks.

use proptest::prelude::*;

use super::*;
use crate::ids::AssetId;

const START: Time = Time::from_nanos(1_700_000_000_000_000_000);

fn rate(value: f64) -> Rate {
    Rate::from_raw((value * 1e12).round() as i64)
}

fn price(units: f64) -> Price {
    Price::from_raw((units * 1e8).round() as i64)
}

fn params() -> OptionParams {
    OptionParams::new(AssetId(1), Price::from_raw(1_000_000), money::Qty::from_raw(1_000_000))
}

fn effective(left: Span) -> Span {
    effective_time(left, params().settlement.averaging)
}

fn years(span: Span) -> f64 {
    span.nanos() as f64 / (365.0 * Span::DAY.nanos() as f64)
}

/// A slice that looks like a market's, of this volatility and skew.
fn slice(left: Span, volatility: f64, rho: f64) -> SliceVote {
    let width = volatility * years(effective(left)).sqrt();
    let variance = volatility * volatility;
    SliceVote {
        expiry: START.after(left),
        basis: Rate::ZERO,
        a: rate(0.6 * variance),
        b: rate(0.4 * variance / width),
        rho: rate(rho),
        m: Rate::ZERO,
        sigma: rate(width),
    }
}

fn vote(slices: Vec<SliceVote>) -> Vote {
    Vote { source_time: START, slices }
}

fn expiries(vote: &Vote) -> Vec<Time> {
    vote.slices.iter().map(|slice| slice.expiry).collect()
}

const DAYS: [u64; 4] = [1, 7, 30, 120];

/// Four expiries at about one volatility.
fn market(volatility: f64, rho: f64) -> Vote {
    vote(DAYS.map(|days| slice(Span::DAY.times(days), volatility, rho)).to_vec())
}

fn checked(vote: &Vote) -> Result<(), Fault> {
    check(vote, &expiries(vote), START, &params())
}

#[test]
fn v_1_a_vote_carries_every_listed_expiry_in_order_and_not_from_the_future() {
    let sound = market(0.6, -0.3);
    let times = expiries(&sound);
    assert_eq!(checked(&sound), Ok(()));
    let of = |vote: &Vote| check(vote, &times, START, &params());
    assert_eq!(
        of(&Vote { source_time: START.after(Span::SECOND), ..sound.clone() }),
        Err(Fault::Time)
    );
    assert_eq!(of(&vote(Vec::new())), Err(Fault::Length));
    let day = |day: u64| slice(Span::DAY.times(day), 0.6, -0.3);
    assert_eq!(of(&vote((1..=65).map(day).collect())), Err(Fault::Length));
    let twice = vote(vec![day(1), day(7), day(7), day(30), day(120)]);
    assert_eq!(of(&twice), Err(Fault::Order(times[1])));
    let past = SliceVote { expiry: START, ..day(1) };
    assert_eq!(of(&vote(vec![past, day(1)])), Err(Fault::Order(START)));
    assert_eq!(of(&vote(vec![day(1), day(7), day(120)])), Err(Fault::Missing(times[2])));
    assert_eq!(of(&vote([1, 3, 7, 30, 120].map(day).to_vec())), Ok(()), "one that comes soon");
}

/// Vector `svi_vogt_butterfly`: raw parameters for a year, whose density is below zero at k = 0.88.
fn vogt() -> SliceVote {
    SliceVote {
        expiry: START.after(pricing::slice::YEAR.plus(Span::MINUTE.times(20))),
        basis: Rate::ZERO,
        a: rate(-0.041),
        b: rate(0.1331),
        rho: rate(0.306),
        m: rate(0.3586),
        sigma: rate(0.4153),
    }
}

#[test]
fn v_2_the_slice_of_vogt_is_refused_and_its_repair_is_not() {
    let left = vogt().expiry.since(START);
    assert_eq!(effective(left), pricing::slice::YEAR);
    assert_eq!(checked(&vote(vec![vogt()])), Err(Fault::Butterfly(vogt().expiry)));
    // Vector `svi_vogt_repair`.
    let repaired = SliceVote {
        a: rate(0.00774091242036558),
        b: rate(0.06924203448893687),
        rho: rate(-0.33403648061147906),
        m: rate(0.04203374522958454),
        sigma: rate(0.11860780291327253),
        ..vogt()
    };
    assert_eq!(checked(&vote(vec![repaired])), Ok(()));
}

#[test]
fn v_2_a_surface_with_arbitrage_is_refused_by_expiry_and_cause() {
    let sound = market(0.6, -0.3);
    let times = expiries(&sound);
    let with = |at: usize, change: &dyn Fn(&mut SliceVote)| {
        let mut vote = sound.clone();
        change(&mut vote.slices[at]);
        checked(&vote)
    };
    let range = Err(Fault::Range(times[1]));
    assert_eq!(with(1, &|slice| slice.sigma = Rate::ZERO), range);
    assert_eq!(with(1, &|slice| slice.rho = Rate::ONE), range);
    assert_eq!(with(1, &|slice| slice.b = -slice.b), range);
    assert_eq!(with(1, &|slice| slice.a = -Rate::ONE), range);
    assert_eq!(with(1, &|slice| slice.basis = rate(0.51)), range);
    assert_eq!(with(1, &|slice| slice.basis = rate(-0.51)), range);
    assert_eq!(with(1, &|slice| slice.basis = rate(0.5)), Ok(()));
    let volatility = Err(Fault::Volatility(times[2]));
    assert_eq!(with(2, &|slice| (slice.a, slice.b) = (rate(1e-5), rate(0.0))), volatility);
    assert_eq!(with(2, &|slice| slice.a = rate(101.0)), volatility);
    for (bound, inside) in [(rate(1e-4), Ok(())), (rate(1e-4 - 1e-10), volatility)] {
        let flat = |slice: &mut SliceVote| (slice.a, slice.b) = (bound, Rate::ZERO);
        let mut vote = vote(vec![sound.slices[2]]);
        flat(&mut vote.slices[0]);
        assert_eq!(checked(&vote), inside, "{bound}");
    }
    let steep = |slice: &mut SliceVote| {
        slice.b = rate(2.0 / (1.3 * years(effective(slice.expiry.since(START)))));
    };
    assert_eq!(with(3, &steep), Err(Fault::Butterfly(times[3])));
    // A day at 60 % leaves the week no less than 23 %.
    let low = slice(Span::DAY.times(7), 0.2, -0.3);
    assert_eq!(with(1, &|slice| *slice = low), Err(Fault::Calendar(times[1])));
    // At the money more than before it, in a wing less.
    let flat = SliceVote { a: rate(0.4), b: Rate::ZERO, ..slice(Span::DAY.times(8), 0.6, -0.3) };
    let vote = vote(vec![slice(Span::DAY.times(7), 0.6, -0.3), flat]);
    assert_eq!(checked(&vote), Err(Fault::Calendar(flat.expiry)));
}

/// What is nonsense is refused and stops nothing.
#[test]
fn v_2_numbers_at_the_limits_of_their_type_are_refused() {
    type Field = fn(&mut SliceVote) -> &mut Rate;
    let fields: [Field; 6] = [
        |slice| &mut slice.basis,
        |slice| &mut slice.a,
        |slice| &mut slice.b,
        |slice| &mut slice.rho,
        |slice| &mut slice.m,
        |slice| &mut slice.sigma,
    ];
    for field in fields {
        for raw in [i64::MIN, i64::MIN + 1, i64::MAX] {
            let mut vote = market(0.6, -0.3);
            *field(&mut vote.slices[2]) = Rate::from_raw(raw);
            assert!(checked(&vote).is_err(), "{:?}", vote.slices[2]);
        }
    }
}

fn chosen(votes: &[(Option<&Vote>, u64)]) -> Option<usize> {
    let some = votes.iter().find_map(|(vote, _)| *vote).unwrap();
    choose(votes, &expiries(some), START, &params())
}

#[test]
fn v_3_the_vote_in_the_middle_is_chosen_with_two_thirds_of_the_stake() {
    let votes = [0.5, 0.58, 0.6, 0.61, 0.9].map(|volatility| market(volatility, -0.3));
    let all = |stakes: [u64; 5]| votes.iter().map(Some).zip(stakes).collect::<Vec<_>>();
    assert_eq!(chosen(&all([1; 5])), Some(2));
    assert_eq!(chosen(&all([1, 1, 1, 1, 9])), Some(4), "by stake");
    let mut some = all([1; 5]);
    some[2].0 = None;
    assert_eq!(chosen(&some), Some(1), "of two alike the earlier, and quorum is not all");
    assert_eq!(chosen(&[(None, 2), (Some(&votes[0]), 3), (Some(&votes[1]), 1)]), Some(1), "⅔");
    assert_eq!(chosen(&[(None, 2), (Some(&votes[0]), 2), (Some(&votes[1]), 1)]), None, "less");
    (some[0].0, some[1].0) = (None, None);
    assert_eq!(chosen(&some), None);
    let (same, forward) = (market(0.6, -0.3), |basis: f64| {
        let mut vote = market(0.6, -0.3);
        vote.slices.iter_mut().for_each(|slice| slice.basis = rate(basis));
        vote
    });
    let far = forward(0.1);
    assert_eq!(chosen(&[(Some(&far), 1), (Some(&same), 1), (Some(&same), 1)]), Some(1));
}

#[test]
fn v_3_what_is_old_or_lacks_an_expiry_does_not_count() {
    let (mut old, whole) = (market(0.6, -0.3), market(0.7, -0.3));
    old.source_time = Time::from_nanos(START.nanos() - Span::MINUTE.times(2).nanos());
    let times = expiries(&whole);
    let of = |old: &Vote| choose(&[(Some(old), 2), (Some(&whole), 1)], &times, START, &params());
    assert_eq!(of(&old), Some(0));
    old.source_time = Time::from_nanos(old.source_time.nanos() - 1);
    assert_eq!(of(&old), None, "and no quorum is left");
    old.source_time = START;
    old.slices.remove(1);
    assert_eq!(of(&old), None);
}

/// Two neighbours may fall short of each other by a billionth; what lay between two expiries is
/// not kept, and they would fall short by two.
#[test]
fn v_3_what_is_kept_of_a_vote_is_free_of_calendar_arbitrage() {
    let of = |days: u64, short: f64| {
        let flat = slice(Span::DAY.times(days), 0.6, 0.0);
        let total = 0.36 * years(effective(Span::DAY.times(7))) * (1.0 - short);
        let time = years(effective(Span::DAY.times(days)));
        SliceVote { a: rate(total / time), b: Rate::ZERO, sigma: rate(0.1), ..flat }
    };
    let falling = vote(vec![of(7, 0.0), of(20, 0.8e-9), of(30, 1.6e-9)]);
    let [all, ends] = [vec![0, 1, 2], vec![0, 2]]
        .map(|kept| kept.iter().map(|&at: &usize| expiries(&falling)[at]).collect::<Vec<_>>());
    let chosen = |vote: &Vote, expected: &[Time]| {
        assert_eq!(check(vote, expected, START, &params()), Ok(()));
        choose(&[(Some(vote), 1)], expected, START, &params())
    };
    assert_eq!(chosen(&falling, &all), Some(0));
    assert_eq!(chosen(&falling, &ends), None);
    let rising = vote(vec![of(7, 0.0), of(20, 0.8e-9), of(30, 0.8e-9)]);
    assert_eq!(chosen(&rising, &ends), Some(0));
}

/// The distance of rule V-3 on the grid of a set of votes.
fn distances(votes: &[Vote]) -> Vec<Vec<i128>> {
    let fresh: Vec<(usize, &Vote, u64)> =
        votes.iter().enumerate().map(|(at, vote)| (at, vote, 1)).collect();
    let places = places(&fresh, &expiries(&votes[0]), START, &params());
    let distance = |a: &Vec<i64>, b: &Vec<i64>| {
        a.iter().zip(b).map(|(&a, &b)| i128::from(a.abs_diff(b))).sum()
    };
    places.iter().map(|a| places.iter().map(|b| distance(a, b)).collect()).collect()
}

fn any_vote() -> impl Strategy<Value = Vote> {
    (0.2f64..3.0, -0.8f64..0.8, -0.1f64..0.1).prop_map(|(volatility, rho, basis)| {
        let mut vote = market(volatility, rho);
        vote.slices.iter_mut().for_each(|slice| slice.basis = rate(basis));
        vote
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// Honest votes near each other, the others anywhere and all alike, with nearly as much stake.
    #[test]
    fn v_3_a_minority_moves_the_choice_no_further_than_the_bound(
        honest in prop::collection::vec((0.5f64..0.7, -0.4f64..-0.2), 3..7),
        hostile in prop::collection::vec(any_vote(), 2), alike in any::<bool>(),
    ) {
        let many = honest.len() - 1;
        let mut votes: Vec<Vote> = honest.iter().map(|&(v, rho)| market(v, rho)).collect();
        votes.extend((0..many).map(|at| hostile[if alike { 0 } else { at % 2 }].clone()));
        let stakes: Vec<(Option<&Vote>, u64)> = votes.iter().map(|vote| (Some(vote), 1)).collect();
        let chosen = chosen(&stakes).unwrap();
        prop_assert_eq!(checked(&votes[chosen]), Ok(()), "one of the votes");
        let (distance, honest) = (distances(&votes), honest.len());
        for from in &distance[..honest] {
            let spread: i128 = from[..honest].iter().sum();
            let lead = (honest - many) as i128;
            prop_assert!(from[chosen] * lead <= 2 * spread);
        }
    }

    #[test]
    fn v_3_where_a_majority_agrees_its_vote_is_chosen(
        agreed in any_vote(), others in prop::collection::vec(any_vote(), 1..6),
    ) {
        let stake = others.len() as u64 + 1;
        let others = others.iter().map(|vote| (Some(vote), 1));
        let votes: Vec<(Option<&Vote>, u64)> = others.chain([(Some(&agreed), stake)]).collect();
        let chosen = chosen(&votes).unwrap();
        prop_assert_eq!(votes[chosen].0, Some(&agreed));
    }

    #[test]
    fn v_5_ageing_keeps_a_surface_free_of_arbitrage(
        levels in [0.3f64..2.0, 0.0f64..0.5, 0.0f64..0.5, 0.0f64..0.5],
        skews in [-0.9f64..0.9, -0.9f64..0.9, -0.9f64..0.9, -0.9f64..0.9],
        lefts in [1u64..300, 1u64..3000, 1u64..30_000, 1u64..90_000], age in 0.0f64..1.0,
    ) {
        let (mut minutes, mut total, mut slices) = (0, 0.0, Vec::new());
        for at in 0..4 {
            minutes += lefts[at];
            let left = Span::MINUTE.times(minutes);
            let time = years(effective(left));
            total = f64::max(total * (1.0 + levels[at]), levels[0] * levels[0] * time);
            slices.push(slice(left, (total / time).sqrt(), skews[at]));
        }
        let vote = vote(slices);
        prop_assume!(checked(&vote).is_ok());
        // At any time up to the first expiry.
        let first = vote.slices[0].expiry.since(START).nanos();
        let now = START.after(Span::from_nanos((first as f64 * age) as u64));
        let aged: Vec<(Slice, Span)> = vote
            .slices
            .iter()
            .map(|slice| (slice.slice(), effective(slice.expiry.since(now))))
            .filter(|(_, effective)| *effective != Span::ZERO)
            .collect();
        for (at, (slice, effective)) in aged.iter().enumerate() {
            let svi = slice.svi(*effective);
            for step in -40..=40 {
                let k = svi.m + svi.sigma * f64::from(step) / 4.0;
                prop_assert!(svi.g(k) >= -1e-9, "{k}: {}", svi.g(k));
                if at > 0 {
                    let near = aged[at - 1].0.svi(aged[at - 1].1);
                    prop_assert!(svi.variance(k) >= near.variance(k) * (1.0 - 2e-9));
                }
            }
        }
    }
}

#[test]
fn v_4_a_large_step_at_the_money_is_believed_after_three_blocks() {
    let params = params().surface;
    let sound = market(0.6, -0.3);
    let times = expiries(&sound);
    let mut surface = Surface::default();
    assert_eq!(surface.consider(&sound, &times, &params), Step::Accepted, "nothing to compare");
    assert_eq!(surface.consider(&sound, &times, &params), Step::Same);
    let mut near = market(0.74, -0.3);
    assert_eq!(surface.clone().consider(&near, &times, &params), Step::Accepted);
    near.slices[2] = slice(Span::DAY.times(30), 0.76, -0.3);
    assert_eq!(surface.clone().consider(&near, &times, &params), Step::Held(1), "one expiry");
    let far = market(0.45, -0.3);
    let run = |surface: &mut Surface| surface.consider(&far, &times, &params);
    assert_eq!([run(&mut surface), run(&mut surface)], [Step::Held(1), Step::Held(2)]);
    assert_eq!(surface.slices(), &sound.slices[..]);
    let mut broken = surface.clone();
    broken.pass();
    assert_eq!(run(&mut broken), Step::Held(1), "in a row");
    assert_eq!(run(&mut surface), Step::Accepted);
    assert_eq!(surface.slices(), &far.slices[..]);
    let unknown = vote([1, 3].map(|day| slice(Span::DAY.times(day), 0.45, -0.3)).to_vec());
    assert_eq!(surface.consider(&unknown, &times, &params), Step::Accepted);
    assert_eq!(surface.slices().len(), 1, "what is not expected is not kept");
}

#[test]
fn v_7_shocks_widen_with_age_up_to_a_limit() {
    let params = params().surface;
    let mut surface = Surface::default();
    surface.consider(&market(0.6, -0.3), &[], &params);
    let table = [(0, 10_000), (120, 10_000), (960, 15_000), (1800, 20_000), (90_000, 20_000)];
    for (seconds, bp) in table {
        let now = START.after(Span::from_secs(seconds));
        assert_eq!(surface.widening(now, &params), Rate::from_bp(bp), "{seconds} s");
        assert_eq!(surface.age(now), Span::from_secs(seconds));
    }
    let late = START.after(Span::from_nanos(Span::MINUTE.times(2).nanos() + 1));
    assert_eq!(surface.widening(late, &params).raw(), Rate::ONE.raw() + 1, "up");
}

fn smile(vote: &Vote, at: usize, index: Price, age: Span, average: &TimeAverage) -> Smile {
    let mut surface = Surface::default();
    surface.consider(vote, &expiries(vote), &params().surface);
    let (expiry, now) = (vote.slices[at].expiry, START.after(age));
    surface.smile(expiry, index, now, average, &params().settlement).unwrap()
}

#[test]
fn v_5_the_forward_keeps_its_basis_by_the_day_and_ends_at_what_was_seen() {
    let mut vote = market(0.6, -0.3);
    vote.slices[0].basis = rate(0.01);
    let none = TimeAverage::default();
    let of = |age: Span, average: &TimeAverage| smile(&vote, 0, price(100.0), age, average);
    assert_eq!(of(Span::ZERO, &none).forward(), price(101.0));
    assert_eq!(of(Span::HOUR.times(12), &none).forward(), price(100.5));
    let half = TimeAverage::default().with(price(90.0), Span::MINUTE.times(15));
    let before = Span::from_nanos(Span::DAY.nanos() - Span::MINUTE.times(15).nanos());
    // Mean of 90 and of 100 with a basis of a quarter of an hour.
    assert_eq!(of(before, &half).forward(), price(95.0 + 0.5 / 96.0));
    let inverse = of(before, &half).index_for(price(95.0)).unwrap();
    assert!((of(before, &half).forward_at(inverse) - price(95.0)).abs().raw() <= 1);
    let over = of(Span::DAY, &half);
    assert_eq!((over.forward(), over.index_for(price(95.0))), (price(90.0), None));
    let third = TimeAverage::default().with(price(90.0), Span::MINUTE.times(10));
    let waits = of(Span::DAY.plus(Span::MINUTE), &third);
    let mean = Price::from_raw(9_333_333_333);
    assert_eq!(waits.forward(), mean, "five minutes are missing to half of the window");
    assert_eq!(over.mark(OptionKind::Call, price(80.0)), price(10.0), "intrinsic");
    assert_eq!(over.mark(OptionKind::Put, price(80.0)), Price::ZERO);
    let empty = Surface::default();
    let at = |now| empty.smile(START, price(100.0), now, &half, &params().settlement);
    assert!(at(Time::from_nanos(START.nanos() - 1)).is_none(), "no slice yet");
    assert_eq!(at(START).unwrap().forward(), price(90.0), "nothing is asked of a surface");
}

#[test]
fn v_6_marks_are_those_of_black_on_the_forward() {
    let flat = |volatility: f64| SliceVote {
        expiry: START.after(Span::DAY.times(30).plus(Span::MINUTE.times(20))),
        a: rate(volatility * volatility),
        sigma: Rate::ONE,
        ..SliceVote::default()
    };
    let smile =
        smile(&vote(vec![flat(0.6)]), 0, price(60_000.0), Span::ZERO, &TimeAverage::default());
    // 30 days at 60 %: computed apart with erf of the C library.
    let table = [
        (60_000.0, 4112.364430952122),
        (70_000.0, 1124.9632838846392),
        (50_000.0, 10697.740823011867),
    ];
    for (strike, expected) in table {
        let mark = smile.mark(OptionKind::Call, price(strike)).raw() as f64 / 1e8;
        assert!((mark - expected).abs() < 2e-8, "{strike}: {mark}");
    }
    assert_eq!(smile.volatility(price(60_000.0)), rate(0.6));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn v_6_parity_of_marks_is_exact_and_they_are_monotone_and_convex_in_the_strike(
        volatility in 0.1f64..3.0, rho in -0.6f64..0.6, basis in -0.5f64..0.5,
        index in 0.01f64..1_000_000.0, at in 0usize..4, age in 0.0f64..1.0,
        seen in prop::option::of(0.5f64..2.0),
    ) {
        let mut vote = market(volatility, rho);
        vote.slices[at].basis = rate(basis);
        let left = Span::DAY.times(DAYS[at]).nanos();
        let age = Span::from_nanos((left as f64 * age.sqrt().sqrt()) as u64);
        let average = TimeAverage::default();
        let average = seen.map_or(average, |level| {
            average.with(price(index * level), Span::MINUTE.times(10))
        });
        let smile = smile(&vote, at, price(index), age, &average);
        let step = (price(index).raw() / 40).max(1);
        let strikes: Vec<Price> = (1..120).map(|at| Price::from_raw(at * step)).collect();
        let calls: Vec<i64> =
            strikes.iter().map(|&strike| smile.mark(OptionKind::Call, strike).raw()).collect();
        for (&call, &strike) in calls.iter().zip(&strikes) {
            let put = smile.mark(OptionKind::Put, strike).raw();
            prop_assert_eq!(call - put, smile.forward().raw() - strike.raw());
            prop_assert!(put >= 0 && call >= 0 && call <= smile.forward().raw());
        }
        // Each is rounded down by less than a unit, and floats by a few of their last places.
        let slack = 2 + smile.forward().raw() / (1 << 48);
        for window in calls.windows(3) {
            prop_assert!(window[1] <= window[0] + slack && window[0] - window[1] <= step + slack);
            prop_assert!(window[0] + window[2] - 2 * window[1] >= -2 * slack, "{:?}", window);
        }
    }
}
