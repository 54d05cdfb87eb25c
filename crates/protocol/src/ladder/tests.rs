//! The ladder against the incidents that it is made for, and against naive twins.

use super::*;
use crate::oracle::{WeightedVote, aggregate};
use proptest::prelude::*;

const BLOCK: Span = Span::SECOND;

fn price(text: &str) -> Price {
    text.parse().unwrap()
}

fn index(text: &str, time: Time) -> Index {
    Index { price: price(text), confidence: price("0.01"), time }
}

/// A market that is fed with one price a block.
struct Feed {
    ladder: Ladder,
    now: Time,
    params: LadderParams,
}

impl Feed {
    /// Six hours at 100.
    fn calm() -> Feed {
        let params = LadderParams::default();
        let mut feed = Feed { ladder: Ladder::default(), now: Time::ZERO, params };
        for _ in 0..360 {
            feed.now = feed.now.after(Span::MINUTE);
            feed.block(Some("100"));
        }
        feed
    }

    fn block(&mut self, formed: Option<&str>) {
        let formed = formed.map(|text| price(text).raw());
        self.block_raw(formed);
    }

    fn block_raw(&mut self, formed: Option<i64>) {
        self.now = self.now.after(BLOCK);
        let confidence = price("0.01");
        let index = |raw| Index { price: Price::from_raw(raw), confidence, time: self.now };
        self.ladder = self.ladder.next(formed.map(index), self.now, &self.params);
    }

    fn grade(&self) -> Grade {
        self.ladder.grade(self.now, &self.params)
    }

    fn served(&self) -> Vec<Action> {
        let grade = self.grade();
        FLOORS.iter().map(|&(action, _)| action).filter(|&action| grade.serves(action)).collect()
    }
}

#[test]
fn o_5_each_grade_serves_what_the_page_says() {
    let page = include_str!("../../../../docs/protocol.md");
    let grades = [
        Grade::Missing,
        Grade::Jumping,
        Grade::Distant,
        Grade::OldForMargin,
        Grade::OldForMark,
        Grade::Uncertain,
        Grade::Valid,
    ];
    let mut table = String::from("| grade |");
    for (action, _) in FLOORS {
        table += &format!(" {action:?} |");
    }
    table += "\n|---|---|---|---|---|---|---|---|\n";
    for grade in grades {
        table += &format!("| {grade:?} |");
        for (action, _) in FLOORS {
            table += if grade.serves(action) { " yes |" } else { " – |" };
        }
        table += "\n";
    }
    assert!(page.contains(&table), "docs/protocol.md lacks the table:\n{table}");
}

#[test]
fn o_5_the_grade_changes_at_the_named_limits() {
    let params = LadderParams::default();
    let start = Time::ZERO.after(Span::HOUR);
    let ladder = |text: &str, confidence: &str| Ladder {
        index: Index { price: price(text), confidence: price(confidence), time: start },
        average: Average::default().with(price("100"), BLOCK, Rate::ONE),
        ..Ladder::default()
    };
    let table = [
        ("0", "0", 0, Grade::Missing),
        ("500.00000001", "0", 0, Grade::Distant),
        ("500", "0", 0, Grade::Valid),
        ("20", "0", 0, Grade::Valid),
        ("19.99999999", "0", 0, Grade::Distant),
        ("19.99999999", "9", 61, Grade::Distant),
        ("100", "0", 61, Grade::OldForMargin),
        ("100", "0", 60, Grade::OldForMark),
        ("100", "0", 11, Grade::OldForMark),
        ("100", "0", 10, Grade::Valid),
        ("100", "2", 10, Grade::Valid),
        ("100", "2.00000001", 10, Grade::Uncertain),
        // What is old and wide is old: it must not liquidate because it is wide.
        ("100", "2.00000001", 61, Grade::OldForMargin),
    ];
    for (text, confidence, age, expected) in table {
        let now = start.after(Span::from_secs(age));
        let grade = ladder(text, confidence).grade(now, &params);
        assert_eq!(grade, expected, "{text} ± {confidence} after {age} s");
    }
    let pending = Pending { rising: true, nearest: index("106", start), aggregates: 1 };
    let ladder = Ladder { pending: Some(pending), ..ladder("100", "0") };
    assert_eq!(ladder.grade(start, &params), Grade::Jumping);
}

#[test]
fn o_5_a_blown_out_confidence_stops_new_risk_but_not_liquidation() {
    let mut feed = Feed::calm();
    let wide = Index { confidence: price("12"), ..index("100", feed.now) };
    feed.ladder = feed.ladder.next(Some(wide), feed.now, &feed.params);
    use Action::{Fund, Liquidate, Mark, Trade};
    assert_eq!(feed.served(), [Trade, Liquidate, Fund, Mark]);
    assert_eq!(Widened::in_favour(wide, feed.params.widening).long, price("112"));
}

#[test]
fn o_6_zero_a_thousandfold_and_a_lone_outlier_never_reach_the_index() {
    for fault in ["0", "0.00000001", "0.1", "94", "106", "130", "100000", "10000000001"] {
        let mut feed = Feed::calm();
        for _ in 0..2 {
            feed.block(Some(fault));
            assert_eq!(feed.ladder.index().price, price("100"), "{fault}");
        }
        feed.block(Some("100.1"));
        assert_eq!((feed.ladder.index().price, feed.grade()), (price("100.1"), Grade::Valid));
    }
}

#[test]
fn o_6_while_a_jump_waits_the_index_serves_nothing() {
    let mut feed = Feed::calm();
    feed.block(Some("80"));
    assert_eq!((feed.grade(), feed.served()), (Grade::Jumping, Vec::new()));
    feed.block(None);
    assert_eq!(feed.ladder.pending().map(|pending| pending.aggregates), Some(1));
}

#[test]
fn o_6_a_real_crash_arrives_after_so_many_aggregates() {
    let mut feed = Feed::calm();
    for text in ["80", "78", "81"] {
        assert_eq!(feed.ladder.index().price, price("100"));
        feed.block(Some(text));
    }
    // What all three agree on, as wide as the last one is away from it.
    assert_eq!(feed.ladder.index().price, price("81"));
    assert_eq!(feed.grade(), Grade::Valid);
    let mut feed = Feed::calm();
    ["80", "75", "70"].into_iter().for_each(|text| feed.block(Some(text)));
    let index = feed.ladder.index();
    assert_eq!((index.price, index.confidence), (price("80"), price("10")));
    assert_eq!(feed.grade(), Grade::Uncertain);
}

#[test]
fn o_6_a_step_of_exactly_the_cap_is_taken_and_one_unit_more_is_held() {
    let table =
        [("105", true), ("105.00000001", false), ("95.23809524", true), ("95.23809523", false)];
    for (text, taken) in table {
        let mut feed = Feed::calm();
        feed.block(Some(text));
        assert_eq!(feed.ladder.index().price == price(text), taken, "{text}");
        assert_eq!(feed.ladder.pending().is_none(), taken, "{text}");
    }
}

#[test]
fn o_6_what_is_no_price_is_never_confirmed() {
    for fault in ["0", "-100", "10000000000.00000001"] {
        let mut feed = Feed::calm();
        (0..11).for_each(|_| feed.block(Some(fault)));
        assert_eq!(feed.ladder.index().price, price("100"), "{fault}");
        assert_eq!((feed.ladder.pending(), feed.grade()), (None, Grade::OldForMark), "{fault}");
    }
}

#[test]
fn o_6_a_confirmed_jump_is_as_wide_as_the_widest_of_its_run() {
    let mut feed = Feed::calm();
    for confidence in ["0.1", "3", "0.2"] {
        let formed = Index { confidence: price(confidence), ..index("80", feed.now) };
        feed.ladder = feed.ladder.next(Some(formed), feed.now, &feed.params);
    }
    let index = feed.ladder.index();
    assert_eq!((index.price, index.confidence), (price("80"), price("3")));
}

#[test]
fn o_6_jumps_up_and_down_do_not_confirm_each_other() {
    let mut feed = Feed::calm();
    for _ in 0..50 {
        feed.block(Some("150"));
        feed.block(Some("50"));
    }
    assert_eq!(feed.ladder.index().price, price("100"));
}

/// A fault that stays is believed in the end, but then it is far from the slow average.
#[test]
fn o_7_a_thousandfold_that_stays_serves_nothing_for_hours_and_leaves_no_trace() {
    for fault in ["100000", "0.1"] {
        let mut feed = Feed::calm();
        for _ in 0..3 * 3600 {
            feed.block(Some(fault));
            assert_eq!(feed.served(), Vec::new(), "{fault}");
        }
        (0..3).for_each(|_| feed.block(Some("100")));
        assert_eq!(feed.grade(), Grade::Valid, "{fault}");
    }
}

#[test]
fn o_7_a_new_price_at_ten_times_the_old_one_serves_again_before_long() {
    for lasting in ["1000", "10"] {
        let mut feed = Feed::calm();
        (0..8100).for_each(|_| feed.block(Some(lasting)));
        assert_eq!(feed.grade(), Grade::Valid, "{lasting}");
    }
}

/// A price that stood for a week of outage weighs no more than one that stood for hours.
#[test]
fn o_7_a_long_gap_does_not_hold_back_the_slow_average() {
    for lasting in ["1000", "10"] {
        let mut feed = Feed::calm();
        feed.now = feed.now.after(Span::DAY.times(8));
        (0..8100).for_each(|_| feed.block(Some(lasting)));
        assert_eq!(feed.grade(), Grade::Valid, "{lasting}");
    }
}

/// The alts of 10 October 2025: four fifths lost in twelve minutes. Liquidations must go on.
#[test]
fn o_7_a_crash_of_four_fifths_in_twelve_minutes_stays_on_the_ladder() {
    let mut feed = Feed::calm();
    for second in 1..=720i64 {
        let raw = price("100").raw() - price("80").raw() * second / 720;
        feed.block_raw(Some(raw));
        assert!(feed.grade().serves(Action::Liquidate), "after {second} s");
    }
    assert_eq!(feed.ladder.index().price, price("20"));
    let twap = feed.ladder.twap().unwrap();
    assert!(price("36") < twap && twap < price("38"), "{twap}");
}

#[test]
fn o_8_margin_is_widened_against_the_account_and_liquidation_in_its_favour() {
    let index = Index { confidence: price("0.00000003"), ..index("100", Time::ZERO) };
    let half = Rate::from_bp(5_000);
    let against = Widened { long: price("99.99999998"), short: price("100.00000002") };
    assert_eq!(Widened::against(index, half), against);
    let in_favour = Widened { long: price("100.00000001"), short: price("99.99999999") };
    assert_eq!(Widened::in_favour(index, half), in_favour);
}

#[test]
fn o_9_an_external_perpetual_is_a_ladder_over_the_aggregate_of_its_votes() {
    let vote = |text, stake| WeightedVote { price: price(text), confidence: price("0.1"), stake };
    let votes = [vote("100", 1), vote("100.2", 1), vote("5", 1)];
    let (middle, confidence) = aggregate(&votes).unwrap();
    let formed = Index { price: middle, confidence, time: Time::ZERO };
    let params = LadderParams { confidence_max: Rate::from_bp(9_999), ..LadderParams::default() };
    let ladder = Ladder::default().next(Some(formed), Time::ZERO, &params);
    assert_eq!(ladder.serving(Action::Mark, Time::ZERO, &params), Some(formed));
    // Once it is old the mark takes the stand-in of M-1.
    let later = Time::ZERO.after(Span::from_secs(11));
    assert_eq!(ladder.serving(Action::Mark, later, &params), None);
}

#[test]
fn parameters_outside_their_ranges_are_refused() {
    let sound = LadderParams::default();
    assert_eq!(sound.check(), Ok(()));
    let table = [
        LadderParams { jump_max: Rate::ZERO, ..sound },
        LadderParams { jump_confirmations: 1, ..sound },
        LadderParams { distance_max: Rate::from_bp(1_000_001), ..sound },
        LadderParams { confidence_max: Rate::ONE, ..sound },
        LadderParams { age_mark: Span::from_secs(61), ..sound },
        LadderParams { average: Span::SECOND, ..sound },
        LadderParams { widening: -Rate::ONE, ..sound },
    ];
    for params in table {
        assert!(params.check().is_err(), "{params:?}");
    }
}

fn any_price() -> impl Strategy<Value = i64> {
    prop_oneof![
        0i64..=1,
        9_000_000_000i64..11_000_000_000,
        1i64..1_000_000_000_000,
        1i64..=PRICE_MAX.raw()
    ]
}

proptest! {
    /// Against a list of all aggregates: a larger step than allowed needs as many aggregates in a
    /// row that went at least as far, and an allowed one is taken at once.
    #[test]
    fn o_6_no_step_is_larger_than_what_a_run_of_aggregates_agrees_on(
        prices in prop::collection::vec(prop::option::of(any_price()), 1..200),
    ) {
        let params = LadderParams::default();
        let (mut ladder, mut formed) = (Ladder::default(), Vec::new());
        for (second, raw) in prices.into_iter().enumerate() {
            let now = Time::ZERO.after(BLOCK.times(second as u64));
            let before = ladder.index().price;
            let next = raw.map(|raw| Index {
                price: Price::from_raw(raw),
                confidence: Price::ZERO,
                time: now,
            });
            ladder = ladder.next(next, now, &params);
            formed.extend(raw.filter(|&raw| raw > 0));
            let after = ladder.index().price;
            let (low, high) = reach(before, params.jump_max);
            if before.is_positive() && (after < low || after > high) {
                let run = &formed[formed.len() - 3..];
                let agrees = |&raw: &i64| {
                    if after > high { raw >= after.raw() } else { raw <= after.raw() }
                };
                prop_assert!(run.iter().all(agrees));
            } else if let Some(raw) = raw.filter(|&raw| raw > 0) {
                let price = Price::from_raw(raw);
                prop_assert!(after == price || ladder.pending().is_some());
            }
        }
    }

    /// Whatever is fed in, the averages lie within the prices accepted, and what serves is sound.
    #[test]
    fn o_7_the_averages_lie_within_the_prices_accepted(
        blocks in prop::collection::vec((any_price(), 0u64..400_000_000_000), 1..100),
    ) {
        let params = LadderParams::default();
        let (mut ladder, mut now) = (Ladder::default(), Time::ZERO);
        let (mut low, mut high) = (Price::MAX, Price::ZERO);
        for (raw, elapsed) in blocks {
            now = now.after(Span::from_nanos(elapsed));
            let price = Price::from_raw(raw);
            let formed = Index { price, confidence: Price::ZERO, time: now };
            ladder = ladder.next(Some(formed), now, &params);
            if ladder.index().price.is_positive() {
                low = low.min(ladder.index().price);
                high = high.max(ladder.index().price);
                let slack = Price::from_raw(low.raw() / 1_000_000_000 + 100);
                prop_assert!(low <= ladder.average() + slack && ladder.average() <= high);
                if let Some(twap) = ladder.twap() {
                    prop_assert!(twap <= high);
                }
            }
            if let Some(index) = ladder.serving(Action::Trade, now, &params) {
                prop_assert!(index.price.is_positive() && index.price <= PRICE_MAX);
            }
        }
    }

    #[test]
    fn o_8_the_index_lies_between_the_two_widened_prices(
        raw in 1i64..=1_000_000_000_000_000_000, confidence in 0i64..=1_000_000_000_000_000_000,
        widening in 0i64..=10_000_000_000_000,
    ) {
        let price = Price::from_raw(raw);
        let index = Index { price, confidence: Price::from_raw(confidence), time: Time::ZERO };
        let widening = Rate::from_raw(widening);
        let (margin, liquidation) =
            (Widened::against(index, widening), Widened::in_favour(index, widening));
        prop_assert!(margin.long <= price && price <= margin.short);
        prop_assert!(liquidation.short <= price && price <= liquidation.long);
        prop_assert!(Price::ZERO <= margin.long && Price::ZERO <= liquidation.short);
        // The favourable side is never the wider one.
        prop_assert!(liquidation.long - price <= margin.short - price);
    }
}
