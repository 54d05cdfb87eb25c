//! Files that are shipped: their contents, and text to Parquet and back without losing a digit.

use std::fs;

use feed::{Content, Encoding, Extremes, Kind, Table};
use money::Span;

use crate::{excerpt, sample};

#[test]
fn shipped_bars_are_whole() {
    for coin in ["BTC", "ETH", "SOL"] {
        for market in ["spot", "perp"] {
            let series =
                feed::open_bars(sample(&format!("{coin}USDT-{market}-5m.csv.gz"))).unwrap();
            assert_eq!((series.rows.len(), series.gaps.len(), series.rounded), (4_992, 0, 0));
            assert_eq!(series.interval, Span::MINUTE.times(5));
            assert_eq!(series.first().to_string(), "2025-09-30 16:00:00.000");
            assert_eq!(series.last().to_string(), "2025-10-17 23:55:00.000");
        }
        let funding = feed::open_funding(sample(&format!("{coin}USDT-funding-8h.csv.gz"))).unwrap();
        assert_eq!((funding.rows.len(), funding.gaps.len(), funding.rounded), (52, 0, 0));
        assert_eq!(funding.interval, Span::HOUR.times(8));
        assert_eq!(funding.first().to_string(), "2025-10-01 00:00:00.000");
    }
}

#[test]
fn the_crash_is_in_the_sample() {
    let info = feed::info(sample("SOLUSDT-perp-5m.csv.gz"), None).unwrap();
    let Extremes::Prices(low, _) = info.extremes else { panic!("no prices") };
    assert_eq!(low.to_string(), "141.28");
}

#[test]
fn text_to_parquet_and_back_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["BTCUSDT-spot-5m.csv.gz", "SOLUSDT-funding-8h.csv.gz"] {
        let parquet = folder.path().join(format!("{name}.parquet"));
        let info = feed::import(&[sample(name)], None, &parquet).unwrap();
        let (text, _) = feed::open_table(sample(name), None).unwrap();
        let (table, source) = feed::open_table(&parquet, None).unwrap();
        assert_eq!(table, text);
        assert_eq!(source.as_deref(), Some(name));
        assert_eq!(feed::info(&parquet, None).unwrap(), info);

        let csv = folder.path().join("exported.csv");
        let mut out = Vec::new();
        feed::export_csv("exported.csv", &mut out, &table).unwrap();
        fs::write(&csv, out).unwrap();
        assert_eq!(feed::open_table(&csv, None).unwrap().0, text);
    }
}

#[test]
fn times_finer_than_a_millisecond_survive() {
    let folder = tempfile::tempdir().unwrap();
    let text = "funding_time_ns,funding_rate\n1760054400000000001,1e-12\n1760083200000000002,-2\n";
    let (csv, parquet) = (folder.path().join("f.csv"), folder.path().join("f.parquet"));
    fs::write(&csv, text).unwrap();
    feed::import(&[&csv], None, &parquet).unwrap();
    let series = feed::open_funding(&parquet).unwrap();
    assert_eq!(series, feed::open_funding(&csv).unwrap());
    let mut out = Vec::new();
    feed::export_csv("out", &mut out, &Table::Funding(series)).unwrap();
    assert_eq!(String::from_utf8(out).unwrap(), text.replace("1e-12", "0.000000000001"));
}

#[test]
fn monthly_files_join_in_order_of_time_and_may_not_overlap() {
    let folder = tempfile::tempdir().unwrap();
    let [early, late, out] =
        ["early.csv", "late.csv", "out.parquet"].map(|n| folder.path().join(n));
    fs::write(&early, "1760054400000,1,1,1,1,1\n1760054700000,1,1,1,1,1\n").unwrap();
    fs::write(&late, "1760055300000,1,1,1,1,1\n1760055600000,1,1,1,1,1\n").unwrap();
    let info = feed::import(&[&late, &early], None, &out).unwrap();
    assert_eq!((info.rows, info.gaps.len(), info.gaps[0].missing), (4, 1, 1));
    let refusal = feed::import(&[&early, &early], None, &out).unwrap_err().to_string();
    assert!(refusal.contains("overlaps one that begins at 2025-10-10 00:00:00.000"), "{refusal}");
    let there = || fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(there(), 3, "nothing is left beside the two inputs and what was written");
    fs::create_dir(folder.path().join("taken")).unwrap();
    let refusal = feed::import(&[&early], None, folder.path().join("taken")).unwrap_err();
    assert!(refusal.to_string().contains("cannot be written"), "{refusal}");
    assert_eq!(there(), 4);
}

#[test]
fn a_file_tells_what_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let parquet = folder.path().join("x.parquet");
    feed::import(&[sample("BTCUSDT-perp-5m.csv.gz")], None, &parquet).unwrap();
    let plain = folder.path().join("x.csv");
    fs::write(&plain, "symbol,funding_time_ms,funding_rate\n").unwrap();
    let table = [
        (sample("BTCUSDT-perp-5m.csv.gz"), Content::Bars, Encoding::Gzip),
        (sample("BTCUSDT-funding-8h.csv.gz"), Content::Funding, Encoding::Gzip),
        (excerpt("binance-spot-btcusdt-20240808.gz"), Content::Capture, Encoding::Gzip),
        (parquet, Content::Bars, Encoding::Parquet),
        (plain, Content::Funding, Encoding::Text),
    ];
    for (path, content, encoding) in table {
        assert_eq!(feed::detect(path), Ok(Kind { content, encoding }));
    }
    let none = folder.path().join("none");
    assert!(feed::detect(&none).unwrap_err().to_string().contains(": cannot be read: "));
    fs::write(&none, "hello\n").unwrap();
    let refusal = feed::detect(&none).unwrap_err().to_string();
    assert!(refusal.ends_with(
        "none:1: no known layout: `hello`; expected klines, funding rates, a capture or Parquet"
    ));
}

#[test]
fn the_wrong_kind_of_file_is_named() {
    let capture = excerpt("binance-spot-btcusdt-20240808.gz");
    let refusal = feed::open_table(capture, None).unwrap_err().to_string();
    assert!(refusal.ends_with(": holds a capture; expected bars or funding rates"), "{refusal}");
    let folder = tempfile::tempdir().unwrap();
    let parquet = folder.path().join("x.parquet");
    feed::import(&[sample("BTCUSDT-perp-5m.csv.gz")], None, &parquet).unwrap();
    let refusal = feed::open_funding(&parquet).unwrap_err().to_string();
    assert!(refusal.ends_with(": holds bars; expected funding rates"), "{refusal}");
}

#[test]
fn a_decimal_that_parquet_cannot_hold_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (csv, parquet) = (folder.path().join("f.csv"), folder.path().join("f.parquet"));
    fs::write(&csv, "1760054400000,1,1,1,1,1\n1760054700000,1,1,1,1,2e10\n").unwrap();
    let refusal = feed::import(&[&csv], None, &parquet).unwrap_err().to_string();
    let expected = "f.parquet:2:6: `2000000000000000000e-8` does not fit: \
                    beyond the largest value of the type";
    assert!(refusal.ends_with(expected), "{refusal}");
    assert!(!parquet.exists(), "a refused import leaves no file");
}
