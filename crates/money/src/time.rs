//! Time as the protocol sees it: nanoseconds since the Unix epoch, handed in with each block.

use std::fmt;

/// An instant: nanoseconds since 1970-01-01 00:00 UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "borsh", derive(borsh::BorshSerialize, borsh::BorshDeserialize))]
pub struct Time(u64);

/// A length of time in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "borsh", derive(borsh::BorshSerialize, borsh::BorshDeserialize))]
pub struct Span(u64);

impl Time {
    /// The Unix epoch.
    pub const ZERO: Time = Time(0);

    /// From nanoseconds since the epoch.
    pub const fn from_nanos(nanos: u64) -> Time {
        Time(nanos)
    }

    /// From milliseconds since the epoch; `None` past the year 2554.
    pub const fn from_millis(millis: u64) -> Option<Time> {
        match millis.checked_mul(1_000_000) {
            Some(nanos) => Some(Time(nanos)),
            None => None,
        }
    }

    /// Nanoseconds since the epoch.
    pub const fn nanos(self) -> u64 {
        self.0
    }

    /// Whole milliseconds since the epoch.
    pub const fn millis(self) -> u64 {
        self.0 / 1_000_000
    }

    /// The time `span` later; panics past the year 2554.
    #[must_use]
    pub fn after(self, span: Span) -> Time {
        Time(self.0.checked_add(span.0).expect("time within the year 2554"))
    }

    /// The span since `earlier`, zero if `earlier` is later.
    pub const fn since(self, earlier: Time) -> Span {
        Span(self.0.saturating_sub(earlier.0))
    }

    /// Year, month and day of the month in UTC.
    pub const fn date(self) -> (u64, u64, u64) {
        civil(self.0 / Span::DAY.0)
    }

    /// The start of the `period` that holds this time, periods counted from the epoch; the time
    /// itself for an empty period.
    #[must_use]
    pub const fn floor(self, period: Span) -> Time {
        match self.0.checked_rem(period.0) {
            Some(rest) => Time(self.0 - rest),
            None => self,
        }
    }
}

impl Span {
    /// No time.
    pub const ZERO: Span = Span(0);
    /// One second.
    pub const SECOND: Span = Span(1_000_000_000);
    /// One minute.
    pub const MINUTE: Span = Span(60 * Span::SECOND.0);
    /// One hour.
    pub const HOUR: Span = Span(60 * Span::MINUTE.0);
    /// One day.
    pub const DAY: Span = Span(24 * Span::HOUR.0);

    /// From nanoseconds.
    pub const fn from_nanos(nanos: u64) -> Span {
        Span(nanos)
    }

    /// From milliseconds, saturating.
    pub const fn from_millis(millis: u64) -> Span {
        Span(millis.saturating_mul(1_000_000))
    }

    /// From seconds, saturating.
    pub const fn from_secs(secs: u64) -> Span {
        Span(secs.saturating_mul(Span::SECOND.0))
    }

    /// Nanoseconds.
    pub const fn nanos(self) -> u64 {
        self.0
    }

    /// This span and another, at most the largest.
    pub const fn plus(self, other: Span) -> Span {
        Span(self.0.saturating_add(other.0))
    }

    /// `count` spans in a row, saturating.
    #[must_use]
    pub const fn times(self, count: u64) -> Span {
        Span(self.0.saturating_mul(count))
    }
}

impl fmt::Display for Time {
    /// `2025-10-10 21:15:00.000` in UTC.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rest = self.0 % Span::DAY.0;
        let (year, month, day) = self.date();
        let (hour, minute) = (rest / Span::HOUR.0, rest / Span::MINUTE.0 % 60);
        let (second, milli) = (rest / Span::SECOND.0 % 60, rest / 1_000_000 % 1000);
        write!(f, "{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}.{milli:03}")
    }
}

/// Days since the epoch to (year, month, day) of the Gregorian calendar.
///
/// Years are counted from 1 March 0000, so that the leap day comes last; 400 years have 146,097
/// days.
const fn civil(days_since_epoch: u64) -> (u64, u64, u64) {
    let days = days_since_epoch + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = era * 400 + year_of_era;
    (if month <= 2 { year + 1 } else { year }, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_print_as_utc() {
        let table = [
            (0, "1970-01-01 00:00:00.000"),
            (951_782_400_000, "2000-02-29 00:00:00.000"),
            (1_760_130_900_123, "2025-10-10 21:15:00.123"),
            (1_772_323_199_999, "2026-02-28 23:59:59.999"),
        ];
        for (millis, text) in table {
            assert_eq!(Time::from_millis(millis).map(|t| t.to_string()).as_deref(), Some(text));
        }
        assert_eq!(Time::from_millis(u64::MAX), None);
    }

    #[test]
    fn periods_start_at_the_epoch() {
        let time = Time::from_nanos(Span::HOUR.nanos() * 17 + 5);
        assert_eq!(time.floor(Span::HOUR.times(8)).nanos(), Span::HOUR.nanos() * 16);
        assert_eq!(time.floor(Span::ZERO), time);
        assert_eq!(Time::ZERO.since(time), Span::ZERO);
    }
}
