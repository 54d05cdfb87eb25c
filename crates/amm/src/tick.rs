//! Ticks and square roots of prices: tick i stands for √1.0001ⁱ, as an integer at 2⁻⁹⁶.
//!
//! [`sqrt_price`] multiplies the twenty constants √1.0001^(−2ᵏ) at 2⁻¹²⁸ of the set bits of |i|,
//! from the lowest up, each product cut; then inverts for i > 0 and rounds up to 2⁻⁹⁶ ("Uniswap v3
//! Core", section 6.1, and the constants of its `TickMath`). The product of the lowest eight bits
//! comes from a table that holds the same cut products.
//!
//! [`at`] is the inverse, the greatest tick whose square root is not above. It takes the logarithm
//! to 2⁻³⁰ of a tick from a table and a series, and asks [`sqrt_price`] only within 2⁻¹⁰ of a
//! border.

use ruint::aliases::U256;

use crate::refusal::Refusal;
use crate::wide::{mul, small};

/// The lowest tick, −887272.
pub const MIN: i32 = -887_272;
/// The highest tick, 887272.
pub const MAX: i32 = 887_272;
/// The square root at [`MIN`].
pub const MIN_SQRT: U256 = U256::from_limbs([4_295_128_739, 0, 0, 0]);
/// The square root at [`MAX`].
pub const MAX_SQRT: U256 =
    U256::from_limbs([0x5d95_1d52_6398_8d26, 0xefd1_fc6a_5064_8849, 0xfffd_8963, 0]);

/// √1.0001^(−2ᵏ) · 2¹²⁸ for k = 0 to 19.
const ROOTS: [u128; 20] = [
    0xfffc_b933_bd6f_ad37_aa2d_162d_1a59_4001,
    0xfff9_7272_373d_4132_59a4_6990_580e_213a,
    0xfff2_e50f_5f65_6932_ef12_357c_f3c7_fdcc,
    0xffe5_caca_7e10_e4e6_1c36_24ea_a094_1cd0,
    0xffcb_9843_d60f_6159_c9db_5883_5c92_6644,
    0xff97_3b41_fa98_c081_472e_6896_dfb2_54c0,
    0xff2e_a164_66c9_6a38_43ec_78b3_26b5_2861,
    0xfe5d_ee04_6a99_a2a8_11c4_61f1_969c_3053,
    0xfcbe_86c7_900a_88ae_dcff_c83b_479a_a3a4,
    0xf987_a725_3ac4_1317_6f2b_074c_f781_5e54,
    0xf339_2b08_22b7_0005_940c_7a39_8e4b_70f3,
    0xe715_9475_a2c2_9b74_43b2_9c7f_a6e8_89d9,
    0xd097_f3bd_fd20_22b8_845a_d8f7_92aa_5825,
    0xa9f7_4646_2d87_0fdf_8a65_dc1f_90e0_61e5,
    0x70d8_69a1_56d2_a1b8_90bb_3df6_2baf_32f7,
    0x31be_135f_97d0_8fd9_8123_1505_542f_cfa6,
    0x09aa_508b_5b7a_84e1_c677_de54_f3e9_9bc9,
    0x005d_6af8_dedb_8119_6699_c329_225e_e604,
    0x0000_2216_e584_f5fa_1ea9_2604_1bed_fe98,
    0x0000_0000_048a_1703_91f7_dc42_444e_8fa2,
];

/// Products of the roots of the eight lowest bits; the entry of 0 is not read.
const LOW: [u128; 256] = {
    let mut table = [0; 256];
    let mut index = 1_usize;
    while index < 256 {
        let below = index & !(1 << (usize::BITS - 1 - index.leading_zeros()));
        let root = ROOTS[(usize::BITS - 1 - index.leading_zeros()) as usize];
        table[index] = if below == 0 { root } else { top_half(table[below], root) };
        index += 1;
    }
    table
};

/// √1.0001^tick · 2⁹⁶, rounded up; `None` outside [`MIN`] to [`MAX`].
pub fn sqrt_price(tick: i32) -> Option<U256> {
    (MIN..=MAX).contains(&tick).then(|| sqrt_price_within(tick))
}

/// As [`sqrt_price`], for a tick that is known to be in range.
pub(crate) fn sqrt_price_within(tick: i32) -> U256 {
    debug_assert!((MIN..=MAX).contains(&tick), "ticks of a pool are in range");
    let size = tick.unsigned_abs();
    if size == 0 {
        return U256::from_limbs([0, 1 << 32, 0, 0]);
    }
    let low = (size & 255) as usize;
    let mut ratio = if low == 0 { None } else { Some(LOW[low]) };
    let mut rest = size >> 8;
    let mut bit = 8;
    while rest != 0 {
        let skipped = rest.trailing_zeros();
        bit += skipped as usize;
        let root = ROOTS[bit];
        ratio = Some(ratio.map_or(root, |ratio| top_half(ratio, root)));
        rest >>= skipped;
        rest &= !1;
    }
    let ratio = U256::from(ratio.expect("a size above zero has a bit"));
    let ratio = if tick > 0 { U256::MAX / ratio } else { ratio };
    let up = ratio.as_limbs()[0] & 0xffff_ffff != 0;
    (ratio >> 32) + U256::from(u8::from(up))
}

/// The greatest tick whose square root is at most `sqrt`; refused outside [`MIN_SQRT`] to below
/// [`MAX_SQRT`].
pub fn at(sqrt: U256) -> Result<i32, Refusal> {
    if sqrt < MIN_SQRT || sqrt >= MAX_SQRT {
        return Err(Refusal::PriceOutOfRange);
    }
    Ok(at_within(sqrt))
}

/// As [`at`], for a square root that is known to be in range.
pub(crate) fn at_within(sqrt: U256) -> i32 {
    let position = position(sqrt);
    let (below, above) = (floor(position - MARGIN), floor(position + MARGIN));
    if below == above || above > MAX || sqrt_price_within(above) > sqrt { below } else { above }
}

/// 1.44269… · 2⁶³, 1/ln 2.
const PER_LN: i128 = 13_306_513_097_844_322_491;
/// 13863.6… · 2⁴⁰, ticks in a doubling of the square root.
const PER_DOUBLING: i128 = 15_243_229_806_399_573;
/// Bits after the point of a position.
const PLACES: u32 = 103;
/// 2⁻¹⁰ of a tick.
const MARGIN: i128 = 1 << (PLACES - 10);

/// ⌊2⁷⁰/(128 + i)⌋: the inverse of 1 + i/128 at 2⁻⁶³.
const INVERSES: [u64; 128] = {
    let mut table = [0; 128];
    let mut index = 0;
    while index < 128 {
        table[index] = ((1_u128 << 70) / (128 + index as u128)) as u64;
        index += 1;
    }
    table
};

/// log₂(1 + i/128) at 2⁻⁶³, digit by digit: squaring doubles a logarithm.
const LOGARITHMS: [u64; 128] = {
    let mut table = [0; 128];
    let mut index = 0;
    while index < 128 {
        let mut square = (128 + index as u128) << 56;
        let mut result = 0;
        let mut place = 0;
        while place < 63 {
            square = (square * square) >> 63;
            result <<= 1;
            if square >= 1 << 64 {
                square >>= 1;
                result |= 1;
            }
            place += 1;
        }
        table[index] = result;
        index += 1;
    }
    table
};

/// Where a square root lies between the ticks, in ticks at 2⁻¹⁰³.
fn position(sqrt: U256) -> i128 {
    let bits = sqrt.bit_len();
    let mantissa = match small(sqrt) {
        Some(sqrt) => ((sqrt << (128 - bits)) >> 64) as u64,
        None => (sqrt >> (bits - 64)).as_limbs()[0],
    };
    let index = (mantissa >> 56 & 127) as usize;
    let near = (mantissa as u128 * INVERSES[index] as u128) >> 63;
    let x = near.saturating_sub(1 << 63) as i128;
    let square = (x * x) >> 63;
    let cube = (square * x) >> 63;
    let ln = x - square / 2 + cube / 3 - ((square * square) >> 65);
    let doublings = ((bits as i128 - 97) << 63) + LOGARITHMS[index] as i128 + ((ln * PER_LN) >> 63);
    doublings * PER_DOUBLING
}

fn floor(position: i128) -> i32 {
    (position >> PLACES) as i32
}

#[inline]
const fn top_half(a: u128, b: u128) -> u128 {
    let words = mul(a, b);
    (words[3] as u128) << 64 | words[2] as u128
}

#[cfg(test)]
mod tests;
