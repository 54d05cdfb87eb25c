//! Names and dates: `BTC-27MAR26-70000-C`, `XRP_USDC-27MAR26-2d5-P` (`d` is a decimal point), and
//! times as `2026-02-05T21:29:37.885165+00:00`.

use std::fmt;

use money::{Span, Time};

/// The coin of an option: up to eight capitals, digits or `_`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Asset([u8; 8]);

impl Asset {
    /// From its text; `None` if it is empty, longer than eight or of other characters.
    pub fn new(text: &str) -> Option<Asset> {
        let fits = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_';
        let mut bytes = [0; 8];
        if text.is_empty() || text.len() > bytes.len() || !text.bytes().all(fits) {
            return None;
        }
        bytes[..text.len()].copy_from_slice(text.as_bytes());
        Some(Asset(bytes))
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        let length = self.0.iter().position(|b| *b == 0).unwrap_or(self.0.len());
        std::str::from_utf8(&self.0[..length]).expect("ASCII since it was made")
    }
}

impl fmt::Display for Asset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for Asset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The right that an option gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// To buy.
    Call,
    /// To sell.
    Put,
}

/// What an instrument's name says.
pub(crate) struct Instrument {
    pub(crate) asset: Asset,
    pub(crate) expiry: Time,
    pub(crate) strike: f64,
    pub(crate) kind: Kind,
}

/// Hour of expiry, UTC.
const EXPIRY_HOUR: u64 = 8;

const MONTHS: [&str; 12] =
    ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];

/// Reads an instrument's name.
pub(crate) fn instrument(text: &str) -> Option<Instrument> {
    let mut parts = text.split('-');
    let asset = Asset::new(parts.next()?)?;
    let expiry = expiry(parts.next()?)?;
    let strike = parts.next()?;
    let plain = strike.bytes().all(|b| b.is_ascii_digit() || b == b'd');
    let strike: f64 = strike.replacen('d', ".", 1).parse().ok().filter(|_| plain)?;
    let kind = match parts.next()? {
        "C" => Kind::Call,
        "P" => Kind::Put,
        _ => return None,
    };
    let whole = parts.next().is_none() && strike > 0.0 && strike.is_finite();
    whole.then_some(Instrument { asset, expiry, strike, kind })
}

/// `7FEB26` at 08:00 UTC.
fn expiry(text: &str) -> Option<Time> {
    let split = text.len().checked_sub(5)?;
    let (day, month, year) =
        (text.get(..split)?, text.get(split..split + 3)?, text.get(split + 3..)?);
    let month = MONTHS.iter().position(|name| *name == month)? as u64 + 1;
    let midnight = midnight(2000 + whole(year, 2)?, month, whole(day, day.len().clamp(1, 2))?)?;
    Some(midnight.after(Span::HOUR.times(EXPIRY_HOUR)))
}

/// An ISO time in UTC, down to the microsecond.
pub(crate) fn iso_time(text: &str) -> Option<Time> {
    utc_time(text.strip_suffix("+00:00").or_else(|| text.strip_suffix('Z'))?)
}

/// The same without a zone, as `2026-02-05 21:29:37`.
pub(crate) fn utc_time(text: &str) -> Option<Time> {
    let (date, clock) = text.split_once(['T', ' '])?;
    let mut date = date.split('-');
    let year = whole(date.next()?, 4)?;
    let midnight = midnight(year, whole(date.next()?, 2)?, whole(date.next()?, 2)?)?;
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, "0"));
    let mut clock = clock.split(':');
    let (hour, minute, second) =
        (whole(clock.next()?, 2)?, whole(clock.next()?, 2)?, whole(clock.next()?, 2)?);
    let places = u32::try_from(fraction.len()).ok().filter(|places| (1..=9).contains(places))?;
    let nanos = whole(fraction, fraction.len())? * 10u64.pow(9 - places);
    let fits = date.next().is_none() && clock.next().is_none();
    let fits = fits && hour < 24 && minute < 60 && second < 60;
    let span = Span::from_secs(hour * 3600 + minute * 60 + second).plus(Span::from_nanos(nanos));
    fits.then(|| midnight.after(span))
}

/// A whole number of exactly so many digits.
fn whole(text: &str, digits: usize) -> Option<u64> {
    let fits = text.len() == digits && text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|_| fits)
}

/// The start of a day of 2000 to 2099 in the Gregorian calendar.
fn midnight(year: u64, month: u64, day: u64) -> Option<Time> {
    const LENGTHS: [u64; 12] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    const DAYS_TO_2000: u64 = 10_957;
    let leap = u64::from(year.is_multiple_of(4));
    let index = usize::try_from(month.checked_sub(1)?).ok()?;
    let length = LENGTHS.get(index)? + if month == 2 { leap } else { 0 };
    if !(2000..2100).contains(&year) || day == 0 || day > length {
        return None;
    }
    let years = year - 2000;
    let before: u64 = LENGTHS[..index].iter().sum::<u64>() + if month > 2 { leap } else { 0 };
    let days = DAYS_TO_2000 + years * 365 + years.div_ceil(4) + before + day - 1;
    Some(Time::ZERO.after(Span::DAY.times(days)))
}
