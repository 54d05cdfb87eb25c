//! Fits of quotes made from known slices.

use proptest::prelude::*;

use super::*;
use crate::svi::JumpWings;

const VOGT: Svi = Svi { a: -0.041, b: 0.1331, rho: 0.306, m: 0.3586, sigma: 0.4153 };

/// Quotes around a slice, `half` of the variance to each side.
fn quotes(slice: &Svi, count: i32, reach: f64, half: f64) -> Vec<Target> {
    let place = |i: i32| reach * (2.0 * f64::from(i) / f64::from(count - 1) - 1.0);
    let quote = |k: f64| {
        let w = slice.variance(k);
        Target { k, low: w * (1.0 - half), high: w * (1.0 + half) }
    };
    (0..count).map(place).map(quote).collect()
}

/// Greatest distance of two slices within one of the money, in parts of the variance.
fn distance(left: &Svi, right: &Svi) -> f64 {
    let apart = |i: i32| {
        let k = f64::from(i) / 50.0;
        (left.variance(k) / right.variance(k) - 1.0).abs()
    };
    (-50..=50).map(apart).fold(0.0, f64::max)
}

fn is_inside(slice: &Svi, targets: &[Target]) -> bool {
    targets.iter().all(|t| (t.low..=t.high).contains(&slice.variance(t.k)))
}

#[test]
fn the_slice_of_vogt_is_fitted_and_repaired_near_its_quotes() {
    let quotes = quotes(&VOGT, 41, 1.0, 0.02);
    let fitted = slice(&quotes).expect("enough quotes");
    assert!(is_inside(&fitted, &quotes) && !fitted.is_butterfly_free());
    let free = repaired(&quotes, &VOGT).expect("a free slice");
    assert_eq!(free.check(), Ok(()));
    let wings = VOGT.jump_wings(1.0);
    let natural = wings.natural().raw(1.0).expect("a slice");
    let optimum = JumpWings { c: 0.856_476_3, v_min: 0.011_624_9, ..wings };
    let optimum = optimum.raw(1.0).expect("a slice");
    let (ours, theirs) = (distance(&free, &VOGT), distance(&optimum, &VOGT));
    assert!(ours < theirs && ours < distance(&natural, &VOGT), "{ours} {theirs}");
}

#[test]
fn too_few_or_unsound_quotes_have_no_slice() {
    let quotes = quotes(&VOGT, 5, 1.0, 0.02);
    assert_eq!(slice(&quotes[..2]), None);
    for wrong in [f64::NAN, -1.0, 0.0] {
        let mut spoilt = quotes.clone();
        spoilt[1].low = wrong;
        assert_eq!(slice(&spoilt), None, "{wrong}");
    }
    assert!(slice(&quotes[..3]).is_some());
    assert_eq!(ssvi(&[]), None);
}

#[test]
fn one_wrong_quote_does_not_move_the_others() {
    let free = Svi { a: 0.01, b: 0.1, rho: -0.3, m: 0.02, sigma: 0.2 };
    let mut spoilt = quotes(&free, 21, 0.6, 0.02);
    let wrong = spoilt[10].low;
    (spoilt[10].low, spoilt[10].high) = (wrong * 1.5, wrong * 1.6);
    let fitted = slice(&spoilt).expect("enough quotes");
    spoilt.remove(10);
    assert!(is_inside(&fitted, &spoilt));
}

#[test]
fn crossing_expiries_give_way_to_each_other() {
    let near = Svi { a: 0.01, b: 0.14, rho: -0.2, m: 0.0, sigma: 0.2 };
    let far = Svi { a: 0.017, b: 0.12, rho: -0.2, m: 0.0, sigma: 0.2 };
    assert!(crosses(&near, &far).is_some());
    let targets = [quotes(&near, 21, 0.3, 0.05), quotes(&far, 21, 0.5, 0.05)];
    let targets: Vec<&[Target]> = targets.iter().map(Vec::as_slice).collect();
    let mut slices = [near, far];
    assert!(surface(&targets, &mut slices));
    assert!(is_surface_free(&slices));
    assert!(slices.iter().zip(&targets).all(|(slice, targets)| is_inside(slice, targets)));
}

#[test]
fn a_free_surface_stays_as_it_is() {
    let near = Svi { a: 0.01, b: 0.1, rho: -0.2, m: 0.0, sigma: 0.2 };
    let far = Svi { a: 0.02, b: 0.12, ..near };
    let targets = [quotes(&near, 9, 0.3, 0.05), quotes(&far, 9, 0.5, 0.05)];
    let targets: Vec<&[Target]> = targets.iter().map(Vec::as_slice).collect();
    let mut slices = [near, far];
    assert!(surface(&targets, &mut slices));
    assert_eq!(slices, [near, far]);
}

#[test]
fn a_power_law_surface_is_found_from_its_quotes() {
    let surface = Ssvi { rho: -0.45, eta: 1.1, gamma: 0.4 };
    let levels = [0.005, 0.02, 0.05, 0.11];
    let targets = levels.map(|theta| quotes(&surface.slice(theta), 15, 0.5, 0.01));
    let targets: Vec<&[Target]> = targets.iter().map(Vec::as_slice).collect();
    let (found, thetas) = ssvi(&targets).expect("a surface");
    for (theta, targets) in thetas.iter().zip(&targets) {
        assert!(is_inside(&found.slice(*theta), targets));
    }
    assert!(
        (found.rho - surface.rho).abs() < 0.01 && (found.gamma - 0.4).abs() < 0.01,
        "{found:?}"
    );
}

#[test]
fn a_surface_that_no_power_law_fits_is_still_free() {
    let (steep, flat) = (quotes(&VOGT, 21, 1.0, 0.02), Svi { a: 0.011, b: 0.02, ..VOGT });
    let flat = quotes(&flat, 21, 1.0, 0.02);
    let (found, thetas) = ssvi(&[&steep, &flat]).expect("a surface");
    let slices: Vec<Svi> = thetas.iter().map(|theta| found.slice(*theta)).collect();
    assert!(is_surface_free(&slices));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn quotes_of_a_slice_lead_back_between_them(
        a in 0.001..0.1, b in 0.02..0.5, rho in -0.8..0.8, m in -0.2..0.2, sigma in 0.05..0.6,
        reach in 0.3..1.0,
    ) {
        let known = Svi { a, b, rho, m, sigma };
        let quotes = quotes(&known, 21, reach, 0.01);
        prop_assert!(is_inside(&slice(&quotes).expect("enough quotes"), &quotes));
    }

    #[test]
    fn any_quotes_are_fitted_or_refused(
        numbers in proptest::collection::vec((-2.0..2.0, 1e-6..1.0, 1e-6..1.0), 3..30),
    ) {
        let mut targets: Vec<Target> =
            numbers.iter().map(|&(k, low, gap)| Target { k, low, high: low + gap }).collect();
        targets.sort_by(|left, right| left.k.total_cmp(&right.k));
        let mut slices = [slice(&targets).expect("sound")];
        let claimed = surface(&[&targets], &mut slices);
        prop_assert_eq!(claimed, slices[0].is_butterfly_free());
    }
}
