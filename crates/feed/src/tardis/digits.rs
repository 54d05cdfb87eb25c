//! Digits eight at a time: a word holds eight characters, its bytes are tested and summed together.
//!
//! Digits `d0 … d7` of a little-endian word become `Σ di·10^(7−i)` in three multiplications of
//! pairs, of pairs of pairs and of halves. Whatever is not of the plain form (sign, exponent, more
//! than eight digits on a side of the point, none before it) is not taken whole: the exact readers
//! decide about it.

/// A decimal `value · 10^-places` and the bytes that it took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Decimal {
    pub(super) value: u64,
    pub(super) places: usize,
    pub(super) length: usize,
}

const TENS: [u64; 9] = [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000];

/// Bytes that [`decimal`] looks at.
pub(super) const REACH: usize = 17;

/// Reads `digits[.digits]` from the front, up to eight on each side of the point; whether the text
/// ends there is the caller's to check.
#[inline]
pub(super) fn decimal(bytes: &[u8; REACH]) -> Option<Decimal> {
    // Without branches on the length or the point, which no machine can foretell.
    let (whole, count) = run(word(bytes, 0));
    let has_point = bytes[count] == b'.';
    let (fraction, places) = run(word(bytes, count + 1));
    let (fraction, places) = if has_point { (fraction, places) } else { (0, 0) };
    let length = count + usize::from(has_point) + places;
    let value = whole * TENS[places] + fraction;
    (count > 0).then_some(Decimal { value, places, length })
}

/// Reads exactly sixteen digits.
#[inline]
pub(super) fn sixteen(bytes: &[u8; 16]) -> Option<u64> {
    let (high, low) = (word(bytes, 0), word(bytes, 8));
    let (high_value, high_count) = run(high);
    let (low_value, low_count) = run(low);
    (high_count == 8 && low_count == 8).then_some(high_value * 100_000_000 + low_value)
}

#[inline]
fn word(bytes: &[u8], at: usize) -> u64 {
    let part = bytes[at..at + 8].first_chunk().expect("eight bytes of a slice of eight");
    u64::from_le_bytes(*part)
}

/// The value and the number of the digits that a word begins with.
#[inline]
fn run(word: u64) -> (u64, usize) {
    const ZEROS: u64 = 0x3030_3030_3030_3030;
    const ABOVE_NINE: u64 = 0x7676_7676_7676_7676;
    const HIGH_BITS: u64 = 0x8080_8080_8080_8080;
    let digits = word ^ ZEROS;
    // Below the first byte that is no digit no byte is above nine, so no carry reaches it.
    let strangers = (digits.wrapping_add(ABOVE_NINE) | digits) & HIGH_BITS;
    let count = (strangers.trailing_zeros() / 8) as usize;
    let shift = 64 - 8 * count as u32;
    (sum(digits.checked_shl(shift).unwrap_or(0)), count)
}

/// Eight digits, the first in the lowest byte.
#[inline]
fn sum(digits: u64) -> u64 {
    const PAIRS: u64 = 0x0000_00ff_0000_00ff;
    const HUNDREDS: u64 = 100 | 1_000_000 << 32;
    const ONES: u64 = 1 | 10_000 << 32;
    let pairs = digits.wrapping_mul(10).wrapping_add(digits >> 8);
    let high = (pairs & PAIRS).wrapping_mul(HUNDREDS);
    let low = (pairs >> 16 & PAIRS).wrapping_mul(ONES);
    high.wrapping_add(low) >> 32
}
