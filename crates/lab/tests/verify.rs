//! The industry rule against settled funding rates, on the shipped excerpt of October 2025.
#![allow(clippy::unwrap_used)]

use feed::{Bar, Funding, Series};
use lab::verify::{FundingCheck, IndustryTerms, VerifyError, funding};
use money::{Price, Qty, Rate, Span, Time};
use pricing::statistics::correlation;

const FOLDER: &str = "../../data/binance-2025-10";

fn shipped(symbol: &str, terms: IndustryTerms) -> FundingCheck {
    let bars = |kind: &str| feed::open_bars(format!("{FOLDER}/{symbol}-{kind}-5m.csv.gz")).unwrap();
    let settled = feed::open_funding(format!("{FOLDER}/{symbol}-funding-8h.csv.gz")).unwrap();
    funding(&bars("spot"), &bars("perp"), &settled, terms).unwrap()
}

/// (correlation, mean absolute error in bp), rounded as the documents quote them.
fn rounded(check: &FundingCheck) -> (f64, f64) {
    ((check.correlation * 1e4).round() / 1e4, (check.mae_bp * 1e3).round() / 1e3)
}

#[test]
fn every_settlement_of_bitcoin_is_compared_and_the_rule_agrees() {
    let check = shipped("BTCUSDT", IndustryTerms::default());
    assert_eq!((check.settlements, check.skipped), (52, 0));
    assert_eq!((check.interval_h, check.bars_min), (8.0, 5.0));
    assert!(check.correlation >= 0.93, "{}", check.correlation);
    assert!(check.mae_bp <= 0.13, "{}", check.mae_bp);
    assert_eq!(rounded(&check), (0.9855, 0.069));
    assert_eq!(check.pairs.len(), 52);
    assert!(check.pairs.windows(2).all(|two| two[1].0 - two[0].0 == 8 * 3_600_000));
}

/// The settled premium is against an index of several exchanges. In the crash of 10 October the one
/// exchange's spot, which is all that the excerpt has, stood further from that index in these two
/// than in Bitcoin: by 3.7 bp of funding in Ether and 31 bp in Solana.
#[test]
fn ether_and_solana_agree_but_for_the_settlement_of_the_crash() {
    let crash_ms = 1_760_140_800_000; // 2025-10-11 00:00 UTC
    for (symbol, all, error_bp, calm) in
        [("ETHUSDT", (0.5561, 0.207), 3.7, 0.9520), ("SOLUSDT", (0.9505, 0.852), 31.4, 0.9980)]
    {
        let check = shipped(symbol, IndustryTerms::default());
        assert_eq!((check.settlements, check.skipped), (52, 0), "{symbol}");
        assert_eq!(rounded(&check), all, "{symbol}");
        let error = |pair: &(u64, f64, f64)| (pair.1 - pair.2).abs();
        let worst = check.pairs.iter().max_by(|a, b| error(a).total_cmp(&error(b))).unwrap();
        assert_eq!((worst.0, (error(worst) * 10.0).round() / 10.0), (crash_ms, error_bp));
        let rest = check.pairs.iter().filter(|pair| pair.0 != crash_ms);
        let (recorded, by_rule): (Vec<f64>, Vec<f64>) =
            rest.map(|(_, recorded, by_rule)| (*recorded, *by_rule)).unzip();
        assert_eq!(recorded.len(), 51);
        let agreement = correlation(&recorded, &by_rule).unwrap();
        assert_eq!((agreement * 1e4).round() / 1e4, calm, "{symbol}");
    }
}

#[test]
fn without_the_interest_term_the_rule_disagrees() {
    let wrong = IndustryTerms { interest: Rate::ZERO, ..IndustryTerms::default() };
    let check = shipped("BTCUSDT", wrong);
    assert!(check.mae_bp > 0.13, "{}", check.mae_bp);
}

const HOUR_S: u64 = 3_600;

fn seconds(count: u64) -> Time {
    Time::from_nanos(count * 1_000_000_000)
}

fn bars(start_h: u64, hours: u64, interval: Span, price: Price) -> Series<Bar> {
    let step = interval.nanos() / 1_000_000_000;
    let row = |at: u64| Bar {
        open_time: seconds(1_759_276_800 + start_h * HOUR_S + at * step),
        open: price,
        high: price,
        low: price,
        close: price,
        volume: Qty::ZERO,
    };
    let rows = (0..hours * HOUR_S / step).map(row).collect();
    Series { interval, rows, gaps: vec![], rounded: 0 }
}

fn settlements(hours: &[u64]) -> Series<Funding> {
    let row = |hour: &u64| Funding {
        time: seconds(1_759_276_800 + hour * HOUR_S),
        rate: Rate::from_bp(1),
    };
    let interval = Span::HOUR.times(8);
    Series { interval, rows: hours.iter().map(row).collect(), gaps: vec![], rounded: 0 }
}

#[test]
fn equal_prices_settle_the_interest_term() {
    let (hour, price) = (Span::HOUR, Price::ONE);
    let both = bars(0, 16, hour, price);
    let check = funding(&both, &both, &settlements(&[8, 16]), IndustryTerms::default()).unwrap();
    let start_ms = 1_759_276_800_000;
    let expected = [8, 16].map(|hour| (start_ms + hour * HOUR_S * 1_000, 1.0, 1.0));
    assert_eq!(check.pairs, expected);
    assert_eq!((check.mae_bp, check.mean_rule_bp), (0.0, 1.0));
}

#[test]
fn a_settlement_without_all_its_bars_is_left_out_and_counted() {
    let whole = bars(0, 16, Span::HOUR, Price::ONE);
    let mut holed = whole.clone();
    holed.rows.remove(3);
    let check =
        funding(&whole, &holed, &settlements(&[8, 16, 24]), IndustryTerms::default()).unwrap();
    assert_eq!((check.settlements, check.skipped), (1, 2));
}

#[test]
fn bars_of_different_intervals_are_refused_with_both() {
    let (spot, perpetual) =
        (bars(0, 8, Span::MINUTE.times(5), Price::ONE), bars(0, 8, Span::HOUR, Price::ONE));
    let error =
        funding(&spot, &perpetual, &settlements(&[8]), IndustryTerms::default()).unwrap_err();
    let expected = VerifyError::Interval { spot: "5m".into(), perpetual: "1h".into() };
    assert_eq!(error, expected);
    assert_eq!(
        error.to_string(),
        "spot bars are 5m apart and perpetual bars 1h: both need one interval"
    );
}

#[test]
fn bars_and_settlements_that_do_not_overlap_are_refused_with_both_periods() {
    let both = bars(0, 8, Span::HOUR, Price::ONE);
    let error =
        funding(&both, &both, &settlements(&[24, 32]), IndustryTerms::default()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "no settlement has a full interval of both bars before it: bars run \
         2025-10-01 00:00:00.000 to 2025-10-01 07:00:00.000, settlements \
         2025-10-02 00:00:00.000 to 2025-10-02 08:00:00.000"
    );
}

#[test]
fn bars_with_no_time_in_common_are_refused() {
    let (spot, perpetual) =
        (bars(0, 8, Span::HOUR, Price::ONE), bars(8, 8, Span::HOUR, Price::ONE));
    let error =
        funding(&spot, &perpetual, &settlements(&[8, 16]), IndustryTerms::default()).unwrap_err();
    assert!(error.to_string().starts_with("no settlement has a full interval"), "{error}");
}
