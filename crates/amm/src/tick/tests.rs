//! Ticks against published values and a twin without tables.
#![allow(clippy::unwrap_used)]

use num_bigint::BigUint;

use super::*;

fn sqrt(tick: i32) -> U256 {
    sqrt_price(tick).unwrap()
}

/// The definition, with one long product a bit.
fn naive(tick: i32) -> BigUint {
    let mut ratio = BigUint::from(1_u8) << 128_u8;
    for (bit, root) in ROOTS.iter().enumerate() {
        if tick.unsigned_abs() >> bit & 1 == 1 {
            ratio = (ratio * root) >> 128_u8;
        }
    }
    if tick > 0 {
        ratio = ((BigUint::from(1_u8) << 256_u16) - 1_u8) / ratio;
    }
    (ratio + ((1_u64 << 32) - 1)) >> 32_u8
}

/// From the tests of `TickMath` in v3-core.
#[test]
fn roots_of_published_ticks() {
    for (tick, root) in [
        (MIN, "4295128739"),
        (MIN + 1, "4295343490"),
        (-250_000, "295440463448801648376846"),
        (-100, "78833030112140176575862854579"),
        (-50, "79030349367926598376800521322"),
        (0, "79228162514264337593543950336"),
        (50, "79426470787362580746886972461"),
        (100, "79625275426524748796330556128"),
        (250, "80224679980005306637834519095"),
        (500_000, "5697689776495288729098254600827762987878"),
        (MAX - 1, "1461373636630004318706518188784493106690254656249"),
        (MAX, "1461446703485210103287273052203988822378723970342"),
    ] {
        assert_eq!(sqrt(tick).to_string(), root, "{tick}");
    }
    assert_eq!((sqrt(MIN), sqrt(MAX)), (MIN_SQRT, MAX_SQRT));
    assert_eq!((sqrt_price(MIN - 1), sqrt_price(MAX + 1)), (None, None));
}

#[test]
fn roots_are_the_definition_s() {
    for tick in (MIN..=MAX).step_by(997).chain(-2_000..2_000) {
        let ours = BigUint::from_bytes_le(&sqrt(tick).to_le_bytes::<32>());
        assert_eq!(ours, naive(tick), "{tick}");
    }
}

#[test]
fn every_tick_of_the_range_is_found_at_its_root_and_not_one_unit_below() {
    for tick in MIN..MAX {
        let root = sqrt(tick);
        assert_eq!(at(root), Ok(tick));
        if tick > MIN {
            assert_eq!(at(root - U256::ONE), Ok(tick - 1));
        }
    }
    assert_eq!(at(MAX_SQRT - U256::ONE), Ok(MAX - 1));
}

#[test]
fn a_root_outside_the_range_is_refused() {
    for root in [U256::ZERO, MIN_SQRT - U256::ONE, MAX_SQRT, U256::MAX] {
        assert_eq!(at(root), Err(Refusal::PriceOutOfRange));
    }
}
