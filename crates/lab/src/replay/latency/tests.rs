//! Roads: published rules of the tables, order of arrival, outages, moments of what is drawn.

use proptest::prelude::*;

use super::*;

fn at(nanos: u64) -> Time {
    Time::from_nanos(nanos)
}

fn span(nanos: u64) -> Span {
    Span::from_nanos(nanos)
}

fn constant(nanos: u64) -> Delay {
    Delay::Constant(span(nanos))
}

fn params() -> LatencyParams {
    LatencyParams { feed: constant(10), order: constant(20), answer: constant(30), outages: vec![] }
}

fn latency(params: &LatencyParams) -> Latency {
    Latency::new(params, Seed(1), 0).unwrap()
}

/// Two orders met, one failed, two met.
const ROWS: &str = "req_ts,exch_ts,resp_ts,_padding\n\
    1000,1100,1150,0\n2000,2300,2400,0\n3000,0,3800,0\n4000,4100,4200,0\n5000,5100,5300,0\n";

#[test]
fn each_direction_has_its_own_delay() {
    let mut latency = latency(&params());
    assert_eq!(latency.receipt(at(100), 7), Some(at(110)));
    assert_eq!(latency.passage(at(100)), Passage::Arrives(at(120)));
    assert_eq!(latency.answered(at(120)), at(150));
}

#[test]
fn recorded_delays_are_shifted_scaled_and_never_below_the_floor() {
    let recorded = |factor| Recorded { shift: -40, factor, floor: span(5) };
    let mut latency = latency(&LatencyParams {
        feed: Delay::Recorded(recorded(1.0)),
        order: Delay::Recorded(recorded(2.5)),
        ..params()
    });
    assert_eq!(latency.receipt(at(1_000), 140), Some(at(1_100)));
    // An order takes 2.5 times what the last event that has been received took.
    latency.received(140);
    assert_eq!(latency.passage(at(2_000)), Passage::Arrives(at(2_250)));
    assert_eq!(latency.receipt(at(3_000), -500), Some(at(3_005)));
    latency.received(-500);
    assert_eq!(latency.passage(at(4_000)), Passage::Arrives(at(4_005)));
    assert_eq!(latency.receipt(at(5_000), i64::MIN), Some(at(5_005)));
}

#[test]
fn measured_orders_are_interpolated_and_failures_are_told() {
    let measured = Delay::Measured(Measured::from_csv(ROWS).unwrap());
    let params = LatencyParams { order: measured.clone(), answer: measured, ..params() };
    let passage = |sent| latency(&params).passage(at(sent));
    assert_eq!(passage(500), Passage::Arrives(at(600)), "before the first row");
    assert_eq!(passage(1_000), Passage::Arrives(at(1_100)));
    assert_eq!(passage(1_250), Passage::Arrives(at(1_250 + 150)));
    assert_eq!(passage(2_500), Passage::Refused(at(2_500 + 600)), "400 and 800 half and half");
    assert_eq!(passage(3_000), Passage::Refused(at(3_800)));
    assert_eq!(passage(3_999), Passage::Refused(at(3_999 + 200)), "rounded down");
    assert_eq!(passage(4_500), Passage::Arrives(at(4_600)));
    assert_eq!(passage(9_000), Passage::Arrives(at(9_100)), "behind the last row");
    let answered = |made| latency(&params).answered(at(made));
    assert_eq!(answered(1_000), at(1_050));
    assert_eq!(answered(1_700), at(1_775), "50 and 100 half and half");
    assert_eq!(answered(4_600), at(4_750), "the failed order has no answer of the exchange's");
    assert_eq!(answered(7_000), at(7_200));
}

#[test]
fn one_cursor_gives_what_a_search_gives() {
    let measured = Measured::from_csv(ROWS).unwrap();
    let mut cursor = measured.clone();
    for sent in [1_100, 4_400, 200, 2_900, 3_500, 6_000, 1_999, 2_000] {
        assert_eq!(cursor.order(at(sent)), measured.clone().order(at(sent)), "{sent}");
        assert_eq!(cursor.answer(at(sent)), measured.clone().answer(at(sent)), "{sent}");
    }
}

#[test]
fn a_bad_table_is_refused_with_its_line() {
    let fault = |text: &str| Measured::from_csv(text).unwrap_err();
    assert_eq!(fault("req_ts,exch_ts,resp_ts\n"), Fault::Empty);
    assert_eq!(fault("1,0,3\n"), Fault::Empty, "no order was ever met");
    assert_eq!(fault("1,2,3\n4,5\n"), Fault::Row(2, "4,5".into()));
    assert_eq!(fault("1,2,3\n4,5.5,6\n"), Fault::Row(2, "4,5.5,6".into()));
    assert_eq!(fault("1,2,3\n4,5,6,x\n"), Fault::Row(2, "4,5,6,x".into()));
    for text in ["5,6,7\n5,7,8\n", "1,2,3\n5,4,6\n", "1,2,3\n5,7,6\n", "1,9,9\n2,8,9\n"] {
        assert_eq!(fault(text), Fault::Order(1 + usize::from(!text.starts_with("5,4"))), "{text}");
    }
}

#[test]
fn an_outage_holds_loses_or_refuses() {
    let outage = |from, to, feed, orders| Outage { from: at(from), to: at(to), feed, orders };
    let mut latency = latency(&LatencyParams {
        outages: vec![
            outage(100, 200, FeedOutage::Late, OrderOutage::Held),
            outage(200, 300, FeedOutage::Lost, OrderOutage::Refused),
            outage(400, 500, FeedOutage::Late, OrderOutage::Held),
        ],
        ..params()
    });
    let receipts = [99, 100, 199, 200, 299, 300, 400, 499, 500]
        .map(|time| latency.receipt(at(time), 0).map(Time::nanos));
    let late = Some(510);
    // The first outage ends where the second begins, so what waited is lost with it.
    assert_eq!(receipts, [Some(109), None, None, None, None, Some(310), late, late, late]);
    let sent = [50, 79, 80, 180, 281, 379, 380, 481];
    let passages = sent.map(|time| latency.passage(at(time)));
    let (arrives, refused) = (|time| Passage::Arrives(at(time)), |time| Passage::Refused(at(time)));
    assert_eq!(passages[..2], [arrives(70), arrives(99)]);
    assert_eq!(passages[2..4], [refused(230), refused(230)], "held into the next outage");
    assert_eq!(passages[4..], [arrives(301), arrives(399), arrives(500), arrives(501)]);
}

#[test]
fn sampled_delays_have_their_mean_and_median() {
    let delays = |jitter, loss| {
        let sampled = Sampled { base: span(1_000), jitter, loss, resend: span(10_000) };
        let mut stream = Seed(3).stream("road", 0);
        let mut all: Vec<u64> = (0..100_000).map(|_| sampled.delay(&mut stream).nanos()).collect();
        all.sort_unstable();
        (all.iter().sum::<u64>() as f64 / all.len() as f64, all[all.len() / 2], all[0])
    };
    let (mean, _, least) = delays(Jitter::Exponential(span(500)), 0.0);
    assert!((mean - 1_500.0).abs() < 6.0 && least >= 1_000, "{mean} {least}");
    let (mean, median, _) = delays(Jitter::Lognormal { median: span(500), sigma: 0.5 }, 0.0);
    assert!((median as f64 - 1_500.0).abs() < 6.0, "{median}");
    assert!((mean - 1_000.0 - 500.0 * libm::exp(0.125)).abs() < 5.0, "{mean}");
    let (mean, _, _) = delays(Jitter::Exponential(Span::ZERO), 0.2);
    assert!((mean - 3_500.0).abs() < 50.0, "{mean}");
}

#[test]
fn parameters_outside_their_ranges_are_refused() {
    let refused = |change: fn(&mut LatencyParams)| {
        let mut params = params();
        change(&mut params);
        Latency::new(&params, Seed(1), 0).unwrap_err()
    };
    let sampled = |loss, sigma| {
        let jitter = Jitter::Lognormal { median: span(5), sigma };
        Delay::Sampled(Sampled { base: span(1), jitter, loss, resend: span(1) })
    };
    for delay in [sampled(1.0, 0.0), sampled(f64::NAN, 0.0), sampled(0.0, -1.0)] {
        let params = LatencyParams { answer: delay, ..params() };
        assert_eq!(Latency::new(&params, Seed(1), 0).unwrap_err(), Fault::Delay("latency answer"));
    }
    let fault = refused(|params| params.order = Delay::Constant(Span::DAY.plus(span(1))));
    assert_eq!(fault, Fault::Delay("latency order"));
    let fault = refused(|params| params.feed = Delay::Measured(Measured::from_csv(ROWS).unwrap()));
    assert_eq!(fault, Fault::Measured);
    let (feed, orders) = (FeedOutage::Late, OrderOutage::Held);
    for (from, to) in [(5, 5), (0, 9)] {
        let first = Outage { from: at(1), to: at(3), feed, orders };
        let outages = vec![first, Outage { from: at(from), to: at(to), feed, orders }];
        let params = LatencyParams { outages, ..params() };
        assert_eq!(Latency::new(&params, Seed(1), 0).unwrap_err(), Fault::Outage(2));
    }
}

proptest! {
    #[test]
    fn nothing_overtakes_and_nothing_arrives_before_it_was_sent(
        delay in 0usize..4,
        steps in prop::collection::vec((0u64..2_000, -500i64..3_000), 1..60),
        outages in prop::collection::vec((1u64..3_000, 1u64..3_000, 0u8..9), 0..4),
    ) {
        let jitter = Jitter::Exponential(span(700));
        let road = [
            constant(300),
            Delay::Recorded(Recorded { shift: 20, factor: 1.5, floor: span(3) }),
            Delay::Measured(Measured::from_csv(ROWS).unwrap()),
            Delay::Sampled(Sampled { base: span(10), jitter, loss: 0.2, resend: span(900) }),
        ][delay].clone();
        let feed = if delay == 2 { constant(1) } else { road.clone() };
        let mut end = 0;
        let outages = outages.into_iter().map(|(gap, length, kind)| {
            let from = end + gap;
            end = from + length;
            let news = [FeedOutage::None, FeedOutage::Late, FeedOutage::Lost];
            let feed = news[usize::from(kind % 3)];
            let orders =
                [OrderOutage::None, OrderOutage::Held, OrderOutage::Refused][usize::from(kind / 3)];
            Outage { from: at(from), to: at(end), feed, orders }
        }).collect();
        let params = LatencyParams { feed, order: road.clone(), answer: road, outages };
        let mut latency = latency(&params);
        let mut now = Time::ZERO;
        let (mut received, mut reached, mut told) = (now, now, now);
        for (step, recorded) in steps {
            now = now.after(span(step));
            latency.received(recorded);
            if let Some(receipt) = latency.receipt(now, recorded) {
                prop_assert!(receipt >= now && receipt >= received);
                received = receipt;
            }
            match latency.passage(now) {
                Passage::Arrives(arrival) => {
                    prop_assert!(arrival >= now && arrival >= reached);
                    reached = arrival;
                    let answer = latency.answered(arrival);
                    prop_assert!(answer >= arrival && answer >= told);
                    told = answer;
                }
                Passage::Refused(notice) => prop_assert!(notice >= now),
            }
        }
    }
}
