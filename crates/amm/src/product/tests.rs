//! What holds of a pair.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;

fn short(bits: u32) -> impl Strategy<Value = u128> {
    (any::<u128>(), 1..=bits).prop_map(|(n, bits)| (n >> (128 - bits)).max(1))
}

fn pair(reserves: [u128; 2]) -> Option<Pair> {
    let mut pair = Pair::new(Fee::UNISWAP).unwrap();
    pair.mint(reserves).ok().map(|_| pair)
}

fn xy(pair: &Pair) -> U256 {
    let [zero, one] = pair.reserves();
    U256::from(zero) * U256::from(one)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(5_000))]

    #[test]
    fn the_output_is_the_most_that_the_product_allows(
        reserves in [short(111), short(111)], amount in short(110), zero_for_one in any::<bool>(),
    ) {
        let Some(mut pair) = pair(reserves) else { return Ok(()) };
        let Some(output) = pair.output_of(zero_for_one, amount) else { return Ok(()) };
        let paid = placed(zero_for_one, amount);
        let more = pair.clone().swap(paid, placed(!zero_for_one, output + 1));
        prop_assert!(matches!(more, Err(Refusal::ProductFalls | Refusal::OutputAboveReserve)));
        let before = xy(&pair);
        let least = pair.clone().swap(paid, placed(!zero_for_one, output));
        prop_assert_eq!(pair.swap_in(zero_for_one, amount).map(drop), least);
        prop_assert!(xy(&pair) >= before);
    }

    #[test]
    fn the_input_for_an_output_is_at_most_one_unit_more_than_the_least(
        reserves in [short(100), short(100)], amount in short(100), zero_for_one in any::<bool>(),
    ) {
        let Some(pair) = pair(reserves) else { return Ok(()) };
        let Some(input) = pair.input_of(zero_for_one, amount) else { return Ok(()) };
        prop_assume!(input < 1 << 111);
        prop_assert!(pair.output_of(zero_for_one, input) >= Some(amount));
        if input > 2 {
            prop_assert!(pair.output_of(zero_for_one, input - 2) < Some(amount));
        }
    }

    #[test]
    fn a_share_never_loses_to_mints_burns_and_swaps(
        reserves in [short(80), short(80)],
        calls in prop::collection::vec((0..4_u8, short(80), short(80)), 1..20),
        protocol in any::<bool>(),
    ) {
        let Some(mut pair) = pair(reserves) else { return Ok(()) };
        for (kind, a, b) in calls {
            let before = pair.clone();
            let done = match kind {
                0 => pair.mint([a, b]).map(drop),
                1 => pair.burn(U256::from(a) % pair.shares()).map(drop),
                2 => pair.swap_in(b & 1 == 0, a).map(drop),
                _ => { pair.share_growth(protocol); Ok(()) }
            };
            if done.is_err() {
                prop_assert_eq!(&pair, &before, "a refused call changes nothing");
            }
            // x·y over the square of the shares, but for the shares that the protocol got.
            let shares = |pair: &Pair| pair.shares() - pair.protocol_shares();
            let grown = product(xy(&pair), shares(&before) * shares(&before));
            let whole = product(xy(&before), shares(&pair) * shares(&pair));
            prop_assert!(protocol || grown >= whole);
        }
    }
}

/// From the tests of `UniswapV2Pair` in v2-core: inputs, reserves and the greatest output.
#[test]
fn published_swaps() {
    let unit = 1_000_000_000_000_000_000_u128;
    for (input, zero, one, output) in [
        (1, 5, 10, 1_662_497_915_624_478_906),
        (1, 10, 5, 453_305_446_940_074_565),
        (2, 5, 10, 2_851_015_155_847_869_602),
        (2, 10, 5, 831_248_957_812_239_453),
        (1, 10, 10, 906_610_893_880_149_131),
        (1, 100, 100, 987_158_034_397_061_298),
        (1, 1_000, 1_000, 996_006_981_039_903_216),
    ] {
        let pair = pair([zero * unit, one * unit]).unwrap();
        assert_eq!(pair.output_of(true, input * unit), Some(output));
    }
}

#[test]
fn the_first_mint_locks_a_thousand_shares() {
    let mut pair = Pair::new(Fee::UNISWAP).unwrap();
    assert_eq!(pair.mint([1_000, 1_000]), Err(Refusal::MintTooSmall));
    assert_eq!(pair.mint([999, 1_000]), Err(Refusal::Arithmetic));
    assert_eq!(pair.mint([1_000, 4_000]), Ok(U256::from(1_000)));
    assert_eq!(pair.burn(U256::from(1_001)), Err(Refusal::Arithmetic));
    assert_eq!(pair.burn(U256::from(1_000)), Ok([500, 2_000]));
    assert_eq!((pair.reserves(), pair.shares()), ([500, 2_000], U256::from(LOCKED)));
}

#[test]
fn refusals_of_swaps_come_in_the_contract_s_order() {
    let mut pair = pair([1 << 111, 1 << 111]).unwrap();
    for (paid, taken, cause) in [
        ([0, 0], [0, 0], Refusal::OutputZero),
        ([0, 0], [1 << 111, 0], Refusal::OutputAboveReserve),
        ([0, 0], [1, 0], Refusal::InputZero),
        ([u128::MAX, 0], [0, 1], Refusal::Arithmetic),
        ([u128::MAX, 0], [0, (1 << 111) - (1 << 100)], Refusal::ReserveOverflow),
        ([1, 0], [0, 1], Refusal::ProductFalls),
        ([1 << 111, 0], [0, 1], Refusal::ReserveOverflow),
    ] {
        assert_eq!(pair.swap(paid, taken), Err(cause));
    }
    assert_eq!(Pair::new(Fee { keep: 1_001, whole: 1_000 }), Err(Refusal::Terms));
}
