//! The surfaces that ship: readable, free of arbitrage when replayed, and what Heston makes of
//! them.

use lab::volatility::{Heston, Recorded, View, Volatility};
use money::{Span, Time};

const FILE: &str = "../../data/deribit-2026-02/BTC-surfaces.csv.gz";

fn recorded() -> Recorded {
    let rows = feed::surfaces::open(FILE).expect("the file ships with the project");
    Recorded::new(&rows).expect("it has rows")
}

fn at(text: &str) -> Time {
    let (day, hour) = text.split_once(' ').expect("day and hour");
    let [day, hour]: [u64; 2] = [day, hour].map(|text| text.parse().expect("numbers"));
    // 2026-02-01 00:00.
    Time::from_nanos(1_769_904_000 * 1_000_000_000)
        .after(Span::DAY.times(day - 1))
        .after(Span::HOUR.times(hour))
}

#[test]
fn a_replayed_surface_is_free_of_arbitrage_at_every_hour() {
    let volatility = Volatility::Recorded(recorded());
    for hour in 0..8 * 24 {
        let now = at("1 0").after(Span::HOUR.times(hour)).after(Span::MINUTE.times(17));
        let expiry = |days: u64| at("1 8").after(Span::DAY.times(days));
        let next = hour / 24 + 1;
        let expiries = [next, next + 1, next + 2, next + 7, 26].map(expiry);
        let averaging = Span::MINUTE.times(30);
        let view = View { now, spot: 70_000.0, expiries: &expiries, averaging };
        let surface = volatility.surface(view, || 0.0);
        assert!(surface.iter().all(|smile| smile.svi.is_butterfly_free()), "hour {hour}");
        for two in surface.windows(2) {
            assert_eq!(pricing::svi::crosses(&two[0].svi, &two[1].svi), None, "hour {hour}");
        }
    }
}

#[test]
fn volatility_rose_in_the_crash_and_moved_against_the_price() {
    let recorded = recorded();
    assert!((-8.0..-1.0).contains(&recorded.response()), "{}", recorded.response());
    let looks = recorded.looks();
    let most = looks.iter().map(|look| look.variance.sqrt()).fold(0.0, f64::max);
    let first = looks[0].variance.sqrt();
    assert!(first < 0.7 && most > 0.9, "{first} {most}");
}

#[test]
fn heston_calibrated_to_the_crash_has_a_negative_correlation() {
    let model = Heston::calibrated(&recorded().looks()).expect("enough looks");
    assert!(model.correlation < -0.2, "{model:?}");
    assert!((0.3..1.0).contains(&model.mean.sqrt()), "{model:?}");
    assert!((5.0..500.0).contains(&model.reversion), "{model:?}");
}
