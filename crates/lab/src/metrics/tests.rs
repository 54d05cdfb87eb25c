//! Each measure against a series whose answer is known by hand.

use super::*;
use crate::record::Sample;

fn near(actual: f64, expected: f64) {
    assert!((actual - expected).abs() < 1e-9, "{actual} is not {expected}");
}

fn options(band_bp: f64, hold_samples: usize) -> Options {
    Options { band_bp, hold_samples, ..Options::default() }
}

fn minutes(count: i64) -> Vec<i64> {
    (0..count).map(|minute| minute * 60_000).collect()
}

/// A market whose spot is 10 000, so that one dollar of mid is one bp of basis.
fn market(basis: &[f64], fair_bp: Option<(f64, f64)>) -> MarketRecord {
    let mut samples = Samples::default();
    for (row, basis) in basis.iter().enumerate() {
        samples.push(Sample {
            time_ms: row as i64 * 60_000,
            spot: 10_000.0,
            index: 10_000.0,
            mark: 10_000.0,
            mid: 10_000.0 + basis,
            recorded_perp: if row % 2 == 0 { 9_995.0 } else { f64::NAN },
            premium_bp: *basis,
            funding_8h_bp: 1.0,
            open_interest_usd: 0.0,
            depth_10bp_usd: 0.0,
            spread_bp: 1.0,
        });
    }
    MarketRecord {
        name: "BTC-PERP".into(),
        rule: "anchored".into(),
        fair_bp,
        recorded_fair_bp: Some((-4.0, -4.0)),
        samples,
        ..MarketRecord::default()
    }
}

#[test]
fn basis_of_a_dollar_on_ten_thousand_is_one_bp() {
    near(basis_bp(10_001.0, 10_000.0), 1.0);
    assert!(basis_bp(f64::NAN, 1.0).is_nan() && basis_bp(1.0, 0.0).is_nan());
}

#[test]
fn deviation_is_zero_inside_the_fair_interval_and_the_distance_outside() {
    let fair = Some((-4.0, 6.0));
    let found = [-7.0, -4.0, 0.0, 6.0, 8.5].map(|basis| deviation_bp(basis, fair));
    assert_eq!(found, [-3.0, 0.0, 0.0, 0.0, 2.5]);
    assert!(deviation_bp(f64::NAN, fair).is_nan());
    assert_eq!(deviation_bp(-2.0, None), -2.0);
}

#[test]
fn distribution_of_five_values_matches_hand_computation() {
    // Squares about the mean 1: 4 + 1 + 0 + 1 + 4 = 10, over n − 1 = 4.
    let d = Distribution::of(&[3.0, -1.0, f64::NAN, 0.0, 2.0, 1.0]);
    assert_eq!((d.count, d.mean, d.mean_abs, d.min, d.max), (5, 1.0, 1.4, -1.0, 3.0));
    near(d.sd, 2.5f64.sqrt());
    // |·| sorted: 0 1 1 2 3; rank 0.95·4 = 3.8.
    near(d.absolute_quantile(0.5), 1.0);
    near(d.absolute_quantile(0.95), 2.8);
    near(d.signed_quantile(0.05), -0.8);
}

#[test]
fn half_life_of_a_halving_series_is_one_interval() {
    let values: Vec<f64> = (0..12).map(|k| 64.0 / f64::from(1 << k)).collect();
    let found = HalfLife::of(&minutes(12), &values, 60);
    near(found.phi.unwrap(), 0.5);
    near(found.half_life_s.unwrap(), 60.0);
}

#[test]
fn half_life_at_a_coarser_sampling_uses_the_closes_of_its_intervals() {
    // Closes at minutes 5, 10, 15, … halve; what lies between must not matter.
    let time: Vec<i64> = (1..=60).map(|minute| minute * 60_000).collect();
    let value =
        |minute: i64| if minute % 5 == 0 { 64.0 / f64::from(1 << (minute / 5)) } else { 99.0 };
    let values: Vec<f64> = (1..=60).map(value).collect();
    near(HalfLife::of(&time, &values, 300).half_life_s.unwrap(), 300.0);
}

#[test]
fn half_life_is_not_defined_for_alternation_growth_or_a_finer_sampling_than_the_data() {
    let alternating: Vec<f64> = (0..20).map(|k| f64::from(k % 2)).collect();
    let found = HalfLife::of(&minutes(20), &alternating, 60);
    assert!(found.phi.unwrap() < 0.0 && found.half_life_s.is_none());
    let growing: Vec<f64> = (0..20).map(|k| f64::from(1 << k)).collect();
    assert_eq!(HalfLife::of(&minutes(20), &growing, 60).half_life_s, None);
    let sparse: Vec<i64> = (0..20).map(|k| k * 300_000).collect();
    assert_eq!(HalfLife::of(&sparse, &alternating, 60).phi, None);
}

#[test]
fn an_episode_ends_at_the_first_of_the_samples_that_hold() {
    let deviation = [0.0, 12.0, -30.0, 5.0, 15.0, 9.0, 8.0, 1.0, 0.0];
    let found = Recovery::of(&minutes(9), &deviation, &options(10.0, 2));
    let expected =
        Episode { start_ms: 60_000, peak_bp: -30.0, peak_ms: 120_000, recovery_s: Some(240.0) };
    assert_eq!(found.episodes, [expected]);
    assert_eq!((found.count, found.longest_s, found.outside_min), (1, 240.0, 3.0));
}

#[test]
fn an_episode_open_at_the_end_counts_to_the_end() {
    let found = Recovery::of(&minutes(5), &[0.0, 20.0, 20.0, 0.0, 0.0], &options(10.0, 3));
    assert_eq!(found.episodes[0].recovery_s, None);
    assert_eq!(found.longest_s, 180.0);
}

#[test]
fn a_sample_without_a_price_starts_nothing_and_breaks_the_return() {
    let nan = f64::NAN;
    let found = Recovery::of(&minutes(3), &[nan, 0.0, nan], &options(10.0, 2));
    assert_eq!(found.count, 0);
    let broken = [20.0, 1.0, nan, 1.0, 1.0];
    let found = Recovery::of(&minutes(5), &broken, &options(10.0, 2));
    assert_eq!(found.episodes[0].recovery_s, Some(180.0));
}

#[test]
fn only_whole_days_with_a_small_range_are_calm() {
    let mut market = market(&vec![2.0; 3 * 1440], Some((0.0, 0.0)));
    market.samples.spot[1500] = 11_000.0; // the second day
    market.samples.mid[1500] = 11_000.0;
    let found = MarketMetrics::of(&market, &Options::default()).simulated.calm;
    assert_eq!((found.days, found.days_judged), (2, 3));
    assert_eq!(found.deviation_bp.count, 2880);
    near(found.deviation_bp.mean, 2.0);
}

#[test]
fn recorded_prices_are_held_against_their_own_fair_basis_and_at_their_closes() {
    let found = MarketMetrics::of(&market(&[1.0, 9.0, 3.0], Some((0.0, 2.0))), &options(10.0, 2));
    near(found.simulated.deviation_bp.mean_abs, 8.0 / 3.0);
    near(found.simulated_at_closes.unwrap().deviation_bp.mean_abs, 0.5);
    let recorded = found.recorded.unwrap();
    near(recorded.basis_bp.mean, -5.0);
    near(recorded.deviation_bp.mean, -1.0);
}

#[test]
fn empty_single_and_priceless_records_measure_without_numbers() {
    for basis in [vec![], vec![1.0], vec![f64::NAN; 3]] {
        let found = MarketMetrics::of(&market(&basis, None), &Options::default());
        assert!(found.simulated.basis_bp.sd.is_nan());
        assert_eq!(found.simulated.half_life_s(60), None);
        assert_eq!(found.simulated.recovery.count, 0);
    }
}
