//! Times written with their unit: `250us`, `5ms`, `1.5s`, `10min`, `2h`, `1d`.

use money::Span;

/// Units from the largest.
const UNITS: [(&str, Span); 7] = [
    ("d", Span::DAY),
    ("h", Span::HOUR),
    ("min", Span::MINUTE),
    ("s", Span::SECOND),
    ("ms", Span::from_millis(1)),
    ("us", Span::from_nanos(1_000)),
    ("ns", Span::from_nanos(1)),
];

/// A decimal number and a unit, to the nearest nanosecond; `None` for anything else, and above 584
/// years.
pub(crate) fn parse(text: &str) -> Option<Span> {
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.')?;
    let (number, unit) = text.split_at(digits);
    let unit = if unit.trim_start() == "µs" { "us" } else { unit.trim_start() };
    let (_, unit) = UNITS.iter().find(|(name, _)| *name == unit)?;
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let places = u32::try_from(fraction.len()).ok().filter(|places| *places <= PLACES_MAX)?;
    let scale = 10u128.pow(places);
    let short = whole.len() <= WHOLE_MAX && !number.starts_with('.');
    let count: u128 = format!("{whole}{fraction}").parse().ok().filter(|_| short)?;
    let nanos = (count * u128::from(unit.nanos()) + scale / 2) / scale;
    u64::try_from(nanos).ok().map(Span::from_nanos)
}

/// Digits before the point and behind it, which together with the longest unit fit 128 bits.
const WHOLE_MAX: usize = 16;
const PLACES_MAX: u32 = 8;

/// The same, in the largest unit that takes at most three decimals.
pub(crate) fn text(span: Span) -> String {
    let fits = |unit: &Span| unit.nanos() <= span.nanos() && in_thousandths(span, *unit).is_some();
    let found = UNITS.iter().find(|(_, unit)| fits(unit));
    let (name, unit) = found.copied().unwrap_or(("ms", Span::from_millis(1)));
    let thousandths = in_thousandths(span, unit).unwrap_or(0);
    let decimals = format!("{:03}", thousandths % 1_000);
    let decimals = decimals.trim_end_matches('0');
    let point = if decimals.is_empty() { "" } else { "." };
    format!("{}{point}{decimals}{name}", thousandths / 1_000)
}

/// Whole thousandths of a unit, if it is that many.
fn in_thousandths(span: Span, unit: Span) -> Option<u128> {
    let scaled = u128::from(span.nanos()) * 1_000;
    let unit = u128::from(unit.nanos());
    scaled.is_multiple_of(unit).then_some(scaled / unit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{prop_assert_eq, proptest};

    #[test]
    fn times_are_read_with_their_unit() {
        let table = [
            ("5ms", 5_000_000),
            ("0ms", 0),
            ("1.5s", 1_500_000_000),
            ("250us", 250_000),
            ("250µs", 250_000),
            ("7ns", 7),
            ("10min", 600_000_000_000),
            ("2 h", 7_200_000_000_000),
            ("1d", 86_400_000_000_000),
        ];
        for (written, nanos) in table {
            assert_eq!(parse(written), Some(Span::from_nanos(nanos)), "{written}");
        }
        for refused in ["5", "ms", "", "-5ms", "5 parsecs", "1e3s", "1.2.3s", "5m", "nans", ".5s"] {
            assert_eq!(parse(refused), None, "{refused}");
        }
    }

    #[test]
    fn times_print_in_the_largest_unit_that_is_short() {
        let table = [
            (0, "0ms"),
            (5_000_000, "5ms"),
            (1_500_000_000, "1.5s"),
            (90_000_000_000, "1.5min"),
            (100_000_000_000, "100s"),
            (1_234_567, "1234.567us"),
            (86_400_000_000_000, "1d"),
        ];
        for (nanos, printed) in table {
            assert_eq!(text(Span::from_nanos(nanos)), printed);
        }
    }

    proptest! {
        #[test]
        fn what_is_printed_reads_as_the_same_time(nanos in 0u64..1 << 53) {
            let span = Span::from_nanos(nanos);
            prop_assert_eq!(parse(&text(span)), Some(span), "{}", text(span));
        }
    }
}
