//! Broken inputs, each with the exact message that its reader gives.

use feed::{Limits, capture, funding, klines};

use crate::gzip;

const DAY: &str = "1760054400000,110.5,112,110,111,5\n1760054700000,111,111.5,110,110.2,3\n";

fn bars(input: &[u8]) -> String {
    match klines::read("BTCUSDT-5m.csv", input, &Limits::default()) {
        Ok(series) => format!("{} bars", series.rows.len()),
        Err(error) => error.to_string(),
    }
}

fn rates(input: &[u8], symbol: Option<&str>) -> String {
    match funding::read("funding.csv", input, symbol, &Limits::default()) {
        Ok(series) => format!("{} rates", series.rows.len()),
        Err(error) => error.to_string(),
    }
}

fn captured(input: &[u8]) -> String {
    let events = capture::Capture::new("capture.gz", input, &Limits::default());
    match events.and_then(Iterator::collect::<Result<Vec<_>, _>>) {
        Ok(events) => format!("{} events", events.len()),
        Err(error) => error.to_string(),
    }
}

fn check_bars(table: &[(&str, String)]) {
    for (input, expected) in table {
        let input = input.replace("{DAY}", DAY);
        assert_eq!(bars(input.as_bytes()), format!("BTCUSDT-5m.csv{expected}"), "{input}");
    }
}

#[test]
fn a_file_without_klines_is_refused_with_what_was_expected() {
    let layout = "klines as CSV: open_time,open,high,low,close,volume[,…]";
    let table: &[(&str, String)] = &[
        ("", format!(": the file holds no rows; expected {layout}")),
        ("\n\n", format!(": the file holds no rows; expected {layout}")),
        (
            "open_time,open,high,low,close,volume\n",
            format!(": the file holds no rows; expected {layout}"),
        ),
        (
            "<!DOCTYPE html>\n<html>",
            format!(
                ":1: an HTML or XML page, not {layout}: the download was refused, fetch the \
                 file again"
            ),
        ),
        ("PK\x03\x04....", ": a ZIP archive: unpack it and give the file inside".into()),
        (
            "1760054400000;110.5;112;110;111;5\n",
            format!(":1: 1 columns; expected 6 to 12: {layout}"),
        ),
        (
            "when,open,high,low,close,volume\n",
            format!(":1:1: unknown column name `when`; expected {layout}"),
        ),
        (
            "open_time,open,high,low,volume\n",
            format!(":1: no column is named `close`; expected {layout}"),
        ),
    ];
    check_bars(table);
}

#[test]
fn broken_klines_are_refused_with_file_line_column_and_cause() {
    let table: &[(&str, String)] = &[
        ("{DAY}1760055000000,1,1,1,1\n", ":3: 5 columns; expected 6 as in the first line".into()),
        ("{DAY}\n1760055000000,1,1,1,1,1\n", ":3: an empty line between rows; remove it".into()),
        (
            "{DAY}1760055000000,110.2,111.2,109,112,1\n",
            ":3:3: high 111.2 is below close 112".into(),
        ),
        (
            "{DAY}1760055000000,110.2,111.2,110.3,111,1\n",
            ":3:4: low 110.3 is above open 110.2".into(),
        ),
        ("{DAY}1760055000000,NaN,1,1,1,1\n", ":3:2: `NaN` is not a decimal number".into()),
        ("{DAY}1760055000000,1,1,-1,1,1\n", ":3:4: low -1 is not above zero".into()),
        ("{DAY}1760055000000,1,1,1,0,1\n", ":3:5: close 0 is not above zero".into()),
        ("{DAY}1760055000000,1,1,1,1,-3\n", ":3:6: volume -3 is negative".into()),
        (
            "{DAY}1760055000000,1.123456789,2,1,1,1\n",
            ":3:2: `1.123456789` does not fit: more decimal places than the type holds".into(),
        ),
        (
            "{DAY}1760055000000,1e11,1e11,1,1,1\n",
            ":3:2: `1e11` does not fit: beyond the largest value of the type".into(),
        ),
        (
            "{DAY}1760055000000000,1,1,1,1,1\n",
            ":3:1: a time in µs, while the rows above are in ms; one file has one unit".into(),
        ),
        (
            "{DAY}2025-10-10,1,1,1,1,1\n",
            ":3:1: `2025-10-10` is not a time: expected whole s, ms, µs or ns since 1970, \
             in 2000 to 2099"
                .into(),
        ),
        (
            "{DAY}1760054700000,1,1,1,1,1\n",
            ":3:1: time 2025-10-10 00:05:00.000 is that of the row above; remove the duplicate"
                .into(),
        ),
        (
            "{DAY}1760054400000,1,1,1,1,1\n",
            ":3:1: time 2025-10-10 00:00:00.000 is before 2025-10-10 00:05:00.000 of the row \
             above; sort the file by time"
                .into(),
        ),
        (
            "{DAY}1760055060000,1,1,1,1,1\n1760055300000,1,1,1,1,1\n1760055600000,1,1,1,1,1\n",
            ":3:1: time 2025-10-10 00:11:00.000 is off the grid of 5m".into(),
        ),
        (
            "1760054400000,1,1,1,1,1\n1760054407000,1,1,1,1,1\n",
            ":1:1: rows are 7s apart; expected 1s, 1m, 3m, 5m, 15m, 30m, 1h, 2h, 4h, 6h, 8h, \
             12h or 1d"
                .into(),
        ),
        (
            "1760054400000,1,1,1,1,1\n",
            ":1:1: one row does not tell its interval; expected two or more".into(),
        ),
    ];
    check_bars(table);
}

#[test]
fn bytes_that_are_no_text_are_refused() {
    let layout = "klines as CSV: open_time,open,high,low,close,volume[,…]";
    let latin = [DAY.as_bytes(), b"caf\xe9"].concat();
    let expected = format!("BTCUSDT-5m.csv:3: bytes that are not UTF-8; expected {layout}");
    assert_eq!(bars(&latin), expected);
    let whole = gzip(DAY.as_bytes());
    let cut = bars(&whole[..whole.len() - 9]);
    assert!(cut.starts_with("BTCUSDT-5m.csv:"), "{cut}");
    assert!(cut.contains("the gzip data is cut short or damaged ("), "{cut}");
}

#[test]
fn limits_stop_long_lines_bombs_and_endless_rows() {
    let small = Limits { line_bytes: 64, total_bytes: 1_000, rows: 2 };
    let read = |text: &str| {
        klines::read("bomb.csv", gzip(text.as_bytes()).as_slice(), &small).unwrap_err().to_string()
    };
    let line = "1".repeat(1 << 20);
    assert_eq!(read(&line), "bomb.csv:1: the line is longer than 64 bytes");
    let three = format!("{DAY}1760055000000,1,1,1,1,1\n");
    assert_eq!(read(&three), "bomb.csv:3: more than 2 rows; split the file");
    let endless = format!("{DAY}{}", "\n".repeat(2_000));
    assert!(
        read(&endless)
            .ends_with("more than 1000 bytes when unpacked; raise the limit if this is no attack")
    );
}

#[test]
fn broken_funding_rates_are_refused_with_line_and_cause() {
    let layout = "[symbol,]funding_time,funding_rate or \
                  calc_time,funding_interval_hours,last_funding_rate";
    let table: &[(&str, String)] = &[
        (
            "funding_time_ms,rate\n",
            format!(":1:2: unknown column name `rate`; expected funding rates as CSV: {layout}"),
        ),
        (
            "1760054400000,8,0.0001,7\n",
            format!(":1: 4 columns; expected 2 or 3: funding rates as CSV: {layout}"),
        ),
        (
            "calc_time,funding_interval_hours,last_funding_rate\n1760054400000,0,0.0001\n",
            ":2:2: `0` is not a funding interval: expected 1 to 24 hours".into(),
        ),
        ("1760054400000,0.0001\n1760083200000,\n", ":2:2: `` is not a decimal number".into()),
        (
            "A,1760054400000,0.1\nB,1760054400000,0.1\nA,1760083200000,0.1\nB,1760083200000,1\n",
            ": holds 2 symbols (A, B); name the one to read".into(),
        ),
    ];
    for (input, expected) in table {
        assert_eq!(rates(input.as_bytes(), None), format!("funding.csv{expected}"), "{input}");
    }
    let input = b"A,1760054400000,0.1\nA,1760083200000,0.1\n";
    let expected = "funding.csv: has no rows of symbol `C`; it has A";
    assert_eq!(rates(input, Some("C")), expected);
}

#[test]
fn broken_captures_are_refused_with_line_and_byte() {
    let table: &[(&str, &str)] = &[
        ("{\"stream\":1}\n", ":1: expected `<local time in ns> <JSON object>`"),
        ("x {\"stream\":1}\n", ":1:1: expected `<local time in ns> <JSON object>`"),
        (
            "1 {\"stream\":\"btcusdt@trade\",\"data\":{\"t\":1,\"p\":\"1\"",
            ":1:49: broken JSON: EOF while parsing an object",
        ),
        (
            "1 {\"stream\":\"a@kline_1m\",\"data\":{}}",
            ":1: unknown stream `a@kline_1m`; expected one of @depth, @bookTicker, @trade",
        ),
        (
            r#"1 {"stream":"a@trade","data":{"T":1,"t":1,"p":"-1","q":"1","m":true}}"#,
            ":1: price -1 is not above zero",
        ),
        (
            r#"1 {"stream":"a@bookTicker","data":{"u":1,"b":"2","B":"1","a":"1","A":"1"}}"#,
            ":1: best bid 2 is above best ask 1",
        ),
        ("1 {\"lastUpdateId\":1,\"bids\":[]}", ":1:30: broken JSON: missing field `asks`"),
    ];
    for (input, expected) in table {
        assert_eq!(captured(input.as_bytes()), format!("capture.gz{expected}"), "{input}");
    }
}

#[test]
fn every_supported_layout_of_klines_gives_the_same_bars() {
    let plain = klines::read("plain", DAY.as_bytes(), &Limits::default()).unwrap();
    let micros = DAY.replace("00000,", "00000000,");
    let seconds = DAY.replace("00000,", "00,");
    let header = format!("\u{feff}open_time_ms,open,high,low,close,volume\r\n{DAY}\r\n");
    let vendor = DAY.replace('\n', ",1760054699999,1,2,3,4,0\r\n");
    for text in [&micros, &seconds, &header, &vendor] {
        for bytes in [text.as_bytes().to_vec(), gzip(text.as_bytes())] {
            let read = klines::read("other", bytes.as_slice(), &Limits::default()).unwrap();
            assert_eq!(read, plain, "{text}");
        }
    }
    let day = "1759968000000,1,1,1,1,1,1760054399999,1,2,3,4,0\n";
    let series = klines::read("1d", day.as_bytes(), &Limits::default()).unwrap();
    assert_eq!(series.interval, money::Span::DAY);
}

#[test]
fn a_gap_is_data_and_a_rounded_volume_is_counted() {
    let text = format!("{DAY}1760056200000,1,1,1,1,0.123456789\n");
    let series = klines::read("gap", text.as_bytes(), &Limits::default()).unwrap();
    assert_eq!((series.rows.len(), series.rounded, series.missing()), (3, 1, 4));
    assert_eq!(series.gaps[0].before.millis(), 1_760_056_200_000);
    assert_eq!(series.rows[2].volume.to_string(), "0.12345679");
}
