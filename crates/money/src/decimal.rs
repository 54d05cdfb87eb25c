//! Decimal text to fixed point and back, exactly: a digit that the type cannot hold is refused.

use std::fmt;

/// Why a decimal was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParseError {
    /// Nothing, or only a sign or a point.
    Empty,
    /// A character that is no digit, at this byte offset.
    BadCharacter(usize),
    /// More decimal places than the type has.
    TooPrecise,
    /// Beyond the largest value of the type.
    TooLarge,
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ParseError::Empty => f.write_str("no digits"),
            ParseError::BadCharacter(at) => {
                write!(f, "character {} is not part of a decimal", at + 1)
            }
            ParseError::TooPrecise => f.write_str("more decimal places than the type holds"),
            ParseError::TooLarge => f.write_str("beyond the largest value of the type"),
        }
    }
}

impl std::error::Error for ParseError {}

/// `[+-]digits[.digits]` to an integer at 10^-places.
pub(crate) fn parse(text: &str, places: usize) -> Result<i128, ParseError> {
    let bytes = text.as_bytes();
    let signed = matches!(bytes.first(), Some(b'-' | b'+'));
    let (mut value, mut digits, mut fraction) = (0i128, 0usize, None);
    for (at, &byte) in bytes.iter().enumerate().skip(usize::from(signed)) {
        match (byte, fraction) {
            (b'.', None) => fraction = Some(0usize),
            (b'0'..=b'9', _) => {
                digits += 1;
                if fraction.is_some_and(|seen| seen >= places) {
                    if byte != b'0' {
                        return Err(ParseError::TooPrecise);
                    }
                    continue;
                }
                fraction = fraction.map(|seen| seen + 1);
                value = push(value, byte - b'0')?;
            }
            _ => return Err(ParseError::BadCharacter(at)),
        }
    }
    if digits == 0 {
        return Err(ParseError::Empty);
    }
    for _ in fraction.unwrap_or(0)..places {
        value = push(value, 0)?;
    }
    Ok(if bytes[0] == b'-' { -value } else { value })
}

fn push(value: i128, digit: u8) -> Result<i128, ParseError> {
    value.checked_mul(10).and_then(|v| v.checked_add(i128::from(digit))).ok_or(ParseError::TooLarge)
}

/// An integer at 10^-places as the shortest decimal; a precision in the format pads with zeros or
/// cuts digits (towards zero).
pub(crate) fn display(value: i128, places: usize, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let scale = 10u128.pow(places as u32);
    let magnitude = value.unsigned_abs();
    let mut text = format!("{:0places$}", magnitude % scale);
    match f.precision() {
        Some(precision) if precision <= places => text.truncate(precision),
        Some(precision) => text.extend(std::iter::repeat_n('0', precision - places)),
        None => text.truncate(text.trim_end_matches('0').len()),
    }
    let point = if text.is_empty() { "" } else { "." };
    f.pad_integral(value >= 0, "", &format!("{}{point}{text}", magnitude / scale))
}
