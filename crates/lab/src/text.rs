//! Numbers, money, times and spans as traders read them, for pages and terminals.
//!
//! A value that is not defined is a dash; a negative number has a true minus sign.

use money::Time;

/// A dash for what is not defined.
pub const NONE: &str = "–";

/// A number with thousands separators, a true minus sign and fixed decimals.
pub fn number(value: f64, decimals: usize) -> String {
    if !value.is_finite() {
        return NONE.to_owned();
    }
    let text = format!("{:.decimals$}", value.abs());
    let zero = !text.contains(|c: char| c.is_ascii_digit() && c != '0');
    let (whole, fraction) = text.split_at(text.find('.').unwrap_or(text.len()));
    let sign = if value < 0.0 && !zero { "−" } else { "" };
    format!("{sign}{}{fraction}", thousands(whole))
}

/// The digits of an exact decimal with thousands separators.
pub fn grouped(decimal: &str) -> String {
    let (sign, digits) = match decimal.strip_prefix('-') {
        Some(digits) => ("−", digits),
        None => ("", decimal),
    };
    let (whole, fraction) = digits.split_at(digits.find('.').unwrap_or(digits.len()));
    format!("{sign}{}{fraction}", thousands(whole))
}

fn thousands(whole: &str) -> String {
    let length = whole.chars().count();
    let mut grouped = String::new();
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (length - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// A count with thousands separators.
pub fn count(value: u64) -> String {
    number(value as f64, 0)
}

/// US dollars without cents.
pub fn usd(value: f64) -> String {
    number(value, 0)
}

/// US dollars in thousands or millions from there on.
pub fn usd_short(usd: f64) -> String {
    match usd.abs() {
        size if size >= 999_500.0 => format!("{} M", number(usd / 1e6, 1)),
        size if size >= 999.5 => format!("{} k", number(usd / 1e3, 0)),
        _ => number(usd, 0),
    }
}

/// Money with as many decimals as its size is read with, thousands and millions written out.
pub fn money(value: f64) -> String {
    let decimals = match value.abs() {
        size if size >= 1000.0 => 0,
        size if size >= 1.0 => 2,
        size if size > 0.0 => 4,
        _ => 0,
    };
    number(value, decimals)
}

/// A share as percent.
pub fn percent(share: Option<f64>, decimals: usize) -> String {
    share.map_or(NONE.to_owned(), |share| format!("{} %", number(share * 100.0, decimals)))
}

/// A number and its standard error; the error is left out where it is not known.
pub fn with_error(value: f64, error: Option<f64>, decimals: usize) -> String {
    let value = number(value, decimals);
    match error {
        Some(error) => format!("{value} ± {}", number(error, decimals)),
        None => value,
    }
}

/// A time to the second, UTC.
pub fn second(time: Time) -> String {
    time.to_string().chars().take(19).collect()
}

/// Seconds in the unit in which they are read.
pub fn duration(seconds: f64) -> String {
    if !seconds.is_finite() {
        NONE.to_owned()
    } else if seconds < 120.0 {
        format!("{} s", number(seconds, if seconds < 10.0 { 1 } else { 0 }))
    } else if seconds < 7200.0 {
        format!("{} min", number(seconds / 60.0, 1))
    } else if seconds < 172_800.0 {
        format!("{} h", number(seconds / 3600.0, 1))
    } else {
        format!("{} d", number(seconds / 86_400.0, 1))
    }
}

/// The fair basis as a point or as an interval, in bp.
pub fn fair(fair_bp: Option<(f64, f64)>) -> String {
    match fair_bp {
        None => "not stated".to_owned(),
        Some((low, high)) if low == high => format!("{} bp", number(low, 2)),
        Some((low, high)) => format!("{} … {} bp", number(low, 2), number(high, 2)),
    }
}

/// Date and minute in UTC.
pub fn minute(time_ms: i64) -> String {
    let time = u64::try_from(time_ms).ok().and_then(Time::from_millis);
    time.map_or_else(|| NONE.to_owned(), |time| time.to_string()[..16].to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_shares_and_errors_are_read_at_their_size() {
        let shown = [0.12345, -12.345, 12_345.6, 0.0, f64::NAN].map(money);
        assert_eq!(shown, ["0.1235", "−12.35", "12,346", "0", "–"]);
        assert_eq!((percent(Some(0.0512), 1).as_str(), percent(None, 1).as_str()), ("5.1 %", "–"));
        assert_eq!(with_error(-1.234, Some(0.5), 2), "−1.23 ± 0.50");
        assert_eq!(with_error(1.0, None, 0), "1");
        assert_eq!(second(Time::from_nanos(1_760_130_900_999_000_000)), "2025-10-10 21:15:00");
    }

    #[test]
    fn numbers_are_grouped_and_a_rounded_zero_has_no_sign() {
        let shown = [1_234_567.891, -1234.5, -0.001, 999.0, f64::NAN].map(|v| number(v, 2));
        assert_eq!(shown, ["1,234,567.89", "−1,234.50", "0.00", "999.00", "–"]);
        assert_eq!(usd(-1e6), "−1,000,000");
        assert_eq!(grouped("-1234567.00000001"), "−1,234,567.00000001");
    }

    #[test]
    fn durations_are_read_in_their_own_unit() {
        let shown = [4.25, 90.0, 635.4, 9000.0, 864_000.0, f64::INFINITY].map(duration);
        assert_eq!(shown, ["4.2 s", "90 s", "10.6 min", "2.5 h", "10.0 d", "–"]);
    }

    #[test]
    fn times_before_1970_are_a_dash_and_others_are_utc_minutes() {
        assert_eq!(minute(-1), "–");
        assert_eq!(minute(1_760_130_900_000), "2025-10-10 21:15");
    }

    #[test]
    fn a_fair_basis_is_a_point_an_interval_or_not_stated() {
        let shown = [Some((-4.61, -4.61)), Some((-4.0, 6.0)), None].map(fair);
        assert_eq!(shown, ["−4.61 bp", "−4.00 … 6.00 bp", "not stated"]);
    }
}
