//! Positions against the formulas, with numbers worked by hand.

use super::{Position, QueueModel, Weight};

/// 60 in front and 40 behind, of which 10 in front trade and 20 more leave.
fn after_cancel(model: QueueModel) -> f64 {
    let mut position = Position::behind(60);
    position.change(model, 60, 100);
    assert_eq!(position.trade(10, 10), 0);
    position.change(model, 100, 70);
    position.front
}

#[track_caller]
fn check(weight: Weight, behind: f64) {
    let front = after_cancel(QueueModel::Probability(weight));
    let expected = 50.0 - 20.0 * (1.0 - behind);
    assert!((front - expected).abs() < 1e-12, "{front} and not {expected}");
}

#[test]
fn risk_averse_orders_advance_by_trades_only() {
    assert_eq!(after_cancel(QueueModel::RiskAverse), 50.0);
}

#[test]
fn a_level_caps_what_stands_before() {
    let mut position = Position::behind(60);
    position.change(QueueModel::RiskAverse, 60, 25);
    assert_eq!(position, Position::behind(25));
}

#[test]
fn a_level_that_grows_leaves_the_front_as_it_is() {
    let mut position = Position::behind(60);
    position.change(QueueModel::ProRata, 60, 90);
    assert_eq!(position, Position::behind(60));
}

#[test]
fn pro_rata_takes_from_front_and_back_alike() {
    assert_eq!(after_cancel(QueueModel::ProRata), 40.0);
}

#[test]
fn weights_are_their_formulas() {
    check(Weight::LogShare { lot: 1.0 }, 0.5);
    check(Weight::LogTotal { lot: 0.5 }, libm::log(26.0) / libm::log(51.0));
    check(Weight::PowerShare { n: 3.0 }, 0.5);
    check(Weight::PowerTotal { n: 2.0 }, 0.25);
    check(Weight::PowerFront { n: 3.0 }, 0.875);
}

#[test]
fn shares_lean_to_the_longer_side() {
    let mut position = Position::behind(20);
    position.change(QueueModel::RiskAverse, 20, 100);
    let (mut log, mut power) = (position, position);
    log.change(QueueModel::Probability(Weight::LogShare { lot: 1.0 }), 100, 90);
    power.change(QueueModel::Probability(Weight::PowerShare { n: 2.0 }), 100, 90);
    let behind = libm::log(81.0) / (libm::log(81.0) + libm::log(21.0));
    assert!((log.front - (20.0 - 10.0 * (1.0 - behind))).abs() < 1e-12);
    assert!((power.front - (20.0 - 10.0 * (400.0 / 6_800.0))).abs() < 1e-12);
}

#[test]
fn what_is_behind_cannot_lose_more_than_it_is() {
    let mut position = Position::behind(50);
    position.change(QueueModel::RiskAverse, 50, 60);
    position.change(QueueModel::Probability(Weight::PowerTotal { n: 0.0 }), 60, 35);
    assert_eq!(position.front, 35.0);
}

#[test]
fn an_unknown_front_waits_for_the_level() {
    let mut position = Position::unknown();
    assert_eq!(position.trade(1_000_000, 1_000_000), 0);
    position.change(QueueModel::ProRata, 0, 30);
    assert_eq!(position.front, 30.0);
    assert_eq!(position.trade(31, 31), 1);
}
