//! Chains as text, whole and damaged.

use proptest::prelude::*;

use super::*;

const HEADER: &str = "snapshot_ms,instrument,bid,ask,mark,mark_iv,delta,vega,underlying_price,\
                      underlying_name,index_price,open_interest,volume_24h\n";
const FIRST: &str = "1767115875944,BTC-16JAN26-100000-C,0.0029,0.0033,0.00305802,0.3924,0.08285,\
                     28.88959,88728.94666666667,SYN.BTC-16JAN26,88530.6,221.2,51.9\n";

fn read(text: &str) -> Result<Vec<Snapshot>, Error> {
    Reader::open("chain.csv", text.as_bytes(), &Limits::default())?.collect()
}

fn damage(row: &str) -> String {
    let snapshots = read(&format!("{HEADER}{FIRST}{row}\n")).expect("the first row holds");
    snapshots[0].damaged[0].to_string()
}

#[test]
fn a_row_of_a_month_is_read() {
    let snapshots = read(&format!("{HEADER}{FIRST}")).expect("whole");
    let quote = snapshots[0].quotes[0];
    assert_eq!((quote.asset.as_str(), quote.kind, quote.strike), ("BTC", Kind::Call, 100_000.0));
    assert_eq!(quote.expiry.to_string(), "2026-01-16 08:00:00.000");
    assert_eq!(quote.time.to_string(), "2025-12-30 17:31:15.944");
    assert_eq!(
        (quote.bid, quote.ask, quote.forward),
        (Some(0.0029), Some(0.0033), 88_728.946_666_666_67)
    );
    assert!((quote.years() - 0.045_488).abs() < 1e-6);
}

#[test]
fn a_row_of_the_collector_is_read() {
    let text = "timestamp,instrument_name,underlying,underlying_name,option_type,strike,\
        expiry_datetime,time_to_maturity,bid_price,ask_price,mark_price,mid_price,futures_price,\
        futures_instrument_name,implied_volatility,delta,vega,open_interest,volume,bid_ask_spread,\
        currency,index_price,volume_usd\n2026-02-05T21:29:37.885165+00:00,BTC-7FEB26-69000-P,\
        63726.13857142857,SYN.BTC-7FEB26,put,69000.0,2026-02-07T08:00:00+00:00,\
        0.003936361283335868,0.086,,0.08970832,0.08875,63726.13857142857,SYN.BTC-7FEB26,1.2563,\
        -0.83377,9.97529,66.8,114.1,0.005500000000000005,BTC,63718.97,142210.27\n";
    let quote = read(text).expect("whole")[0].quotes[0];
    assert_eq!((quote.bid, quote.ask, quote.kind), (Some(0.086), None, Kind::Put));
    // The collector counted from when it fetched the row, a minute and a half after its stamp.
    assert!((quote.years() - 0.003_936_361_283_335_868).abs() < 3e-6);
    assert_eq!(quote.time.nanos() % 1_000_000_000, 885_165_000);
}

#[test]
fn rows_of_one_time_are_one_snapshot() {
    let later = FIRST.replace("1767115875944", "1767137475944");
    let put = FIRST.replace("-C,", "-P,");
    let snapshots = read(&format!("{HEADER}{FIRST}{put}{later}")).expect("whole");
    assert_eq!(snapshots.iter().map(|s| s.quotes.len()).collect::<Vec<_>>(), [2, 1]);
}

#[test]
fn an_option_counts_once_a_snapshot_wherever_its_rows_stand() {
    let put = FIRST.replace("-C,", "-P,");
    let later = FIRST.replace("1767115875944", "1767137475944");
    let snapshots = read(&format!("{HEADER}{FIRST}{put}{FIRST}{later}{later}")).expect("whole");
    assert_eq!(snapshots.iter().map(|s| s.quotes.len()).collect::<Vec<_>>(), [2, 1]);
    let damaged: Vec<u64> = snapshots.iter().flat_map(|s| &s.damaged).map(|e| e.line).collect();
    assert_eq!(damaged, [4, 6]);
}

#[test]
fn a_damaged_row_is_named_by_line_column_and_cause() {
    let put = FIRST.trim_end().replace("-C,", "-P,");
    let table = [
        (put.replace("0.0029", "0.0039"), "chain.csv:3:3: bid 0.0039 is above ask 0.0033"),
        (put.replace("0.3924", "inf"), "chain.csv:3:6: `inf` is not a decimal number"),
        (put.replace("0.08285", "1.5"), "chain.csv:3:7: delta `1.5` is outside -1 to 1"),
        (
            put.replace("16JAN26", "31FEB26"),
            "chain.csv:3:2: `BTC-31FEB26-100000-P` names no option; \
          expected e.g. BTC-27MAR26-70000-C",
        ),
        (put.replace(",51.9", ""), "chain.csv:3: 12 columns; expected 13 as in the header"),
        (
            put.replace("1767115875944", "1767115875943"),
            "chain.csv:3: time 2025-12-30 17:31:15.943 \
          is before 2025-12-30 17:31:15.944 of the row above; sort the file by time",
        ),
        (
            FIRST.trim_end().to_owned(),
            "chain.csv:3: `BTC-16JAN26-100000-C` stands twice at \
          2025-12-30 17:31:15.944; remove one of the rows",
        ),
    ];
    for (row, expected) in table {
        assert_eq!(damage(&row), expected);
    }
}

#[test]
fn a_file_that_holds_no_chain_is_refused() {
    let refusal = |text: &str| read(text).expect_err("no chain").to_string();
    assert!(
        refusal("open_time,open\n").starts_with("chain.csv:1: no column is named `snapshot_ms`")
    );
    assert!(refusal("").starts_with("chain.csv: the file holds no rows"));
    assert!(refusal(HEADER).starts_with("chain.csv: the file holds no rows"));
    assert!(refusal("<html>\n").starts_with("chain.csv:1: an HTML or XML page"));
    let only_damage = format!("{HEADER}{}", FIRST.replace("0.3924", "x"));
    assert_eq!(refusal(&only_damage), "chain.csv:2:6: `x` is not a decimal number");
}

#[test]
fn dates_are_those_of_the_calendar() {
    let expiry = |text: &str| {
        instrument::instrument(&format!("ETH-{text}-2d5-P")).map(|i| i.expiry.to_string())
    };
    assert_eq!(expiry("29FEB28").as_deref(), Some("2028-02-29 08:00:00.000"));
    assert_eq!(expiry("1MAR26").as_deref(), Some("2026-03-01 08:00:00.000"));
    assert_eq!(expiry("31DEC99").as_deref(), Some("2099-12-31 08:00:00.000"));
    assert_eq!([expiry("29FEB26"), expiry("0MAR26"), expiry("1mar26")], [None, None, None]);
}

proptest! {
    #[test]
    fn any_bytes_give_rows_or_a_refusal(text in "\\PC{0,200}") {
        let _ = read(&text);
        let _ = read(&format!("{HEADER}{text}"));
    }
}
