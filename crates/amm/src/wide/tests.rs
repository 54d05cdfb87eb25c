//! Products and quotients against schoolbook big integers.

use num_bigint::BigUint;
use proptest::prelude::*;

use super::*;

/// Numbers of every length, many with long runs of ones or zeros, where quotient digits are wrong
/// most easily.
fn number() -> impl Strategy<Value = U256> {
    let word = prop_oneof![
        4 => any::<u64>(),
        1 => Just(0),
        1 => Just(u64::MAX),
        1 => Just(1 << 63),
        1 => (0..64_u32).prop_map(|bit| 1 << bit),
    ];
    (prop::array::uniform4(word), 0..256_usize)
        .prop_map(|(words, shift)| U256::from_limbs(words) >> shift)
}

fn big(n: U256) -> BigUint {
    BigUint::from_bytes_le(&n.to_le_bytes::<32>())
}

fn fits(n: &BigUint, bits: u64) -> bool {
    n.bits() <= bits
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]

    #[test]
    fn products_are_divided_as_by_hand(a in number(), b in number(), d in number()) {
        if d.is_zero() {
            prop_assert_eq!((mul_div(a, b, d), mul_div_up(a, b, d)), (None, None));
            return Ok(());
        }
        let (product, divisor) = (big(a) * big(b), big(d));
        let down = &product / &divisor;
        let up = (&product + &divisor - 1_u8) / &divisor;
        let same = |ours: Option<U256>, exact: BigUint| match ours {
            Some(ours) => big(ours) == exact,
            None => !fits(&exact, 256),
        };
        prop_assert!(same(mul_div(a, b, d), down));
        prop_assert!(same(mul_div_up(a, b, d), up));
    }

    #[test]
    fn a_quotient_of_two_words_is_found_and_a_longer_one_refused(
        n in (number(), any::<[u64; 2]>(), any::<bool>()),
        d in number(),
    ) {
        let (low, top, long) = n;
        let words = low.as_limbs();
        let top = if long { top } else { [0; 2] };
        let n = [words[0], words[1], words[2], words[3], top[0], top[1]];
        let bytes: Vec<u8> = n.iter().flat_map(|word| word.to_le_bytes()).collect();
        let exact = BigUint::from_bytes_le(&bytes);
        match quotient(n, *d.as_limbs()) {
            Some((ours, rest)) => {
                prop_assert_eq!(BigUint::from(ours), &exact / big(d));
                prop_assert_eq!(rest, &exact % big(d) != BigUint::ZERO);
            }
            None => prop_assert!(d.is_zero() || !fits(&(exact / big(d)), 128)),
        }
    }

    #[test]
    fn numbers_near_a_multiple_of_the_divisor_are_divided_right(
        d in number(), q in any::<u128>(), less in 0..3_u8,
    ) {
        let d = d.max(U256::ONE);
        let Some(n) = (big(d) * q).to_bytes_le().try_into_words(less) else { return Ok(()) };
        let bytes: Vec<u8> = n.iter().flat_map(|word| word.to_le_bytes()).collect();
        let exact = BigUint::from_bytes_le(&bytes);
        let rest = &exact % big(d) != BigUint::ZERO;
        let expected = (u128::try_from(exact / big(d)).expect("at most q"), rest);
        prop_assert_eq!(quotient(n, *d.as_limbs()), Some(expected));
    }

    #[test]
    fn a_root_is_the_greatest_whose_square_is_not_above(a in number(), b in number()) {
        let n = product(a, b);
        let root = root(n);
        prop_assert!(product(root, root) <= n);
        let above = root.checked_add(U256::ONE);
        prop_assert!(above.is_none_or(|above| product(above, above) > n));
    }

    #[test]
    fn short_products_and_sums_are_exact(a in any::<u128>(), b in any::<u128>(), c in number()) {
        prop_assert_eq!(big(U256::from_limbs(mul(a, b))), BigUint::from(a) * BigUint::from(b));
        let product: Vec<u8> =
            mul_wide(*c.as_limbs(), b).iter().flat_map(|word| word.to_le_bytes()).collect();
        prop_assert_eq!(BigUint::from_bytes_le(&product), big(c) * b);
        prop_assert_eq!(big(U256::from_limbs(scaled(a))), BigUint::from(a) << 96);
        let total = sum(*c.as_limbs(), mul(a, b)).map(U256::from_limbs);
        prop_assert_eq!(total, c.checked_add(U256::from_limbs(mul(a, b))));
        let unit = BigUint::from(1_u8) << 96_u8;
        let (quotient, rest) = (big(c) / &unit, big(c) % unit != BigUint::ZERO);
        match high_words(*c.as_limbs()) {
            Some(ours) => prop_assert_eq!((BigUint::from(ours.0), ours.1), (quotient, rest)),
            None => prop_assert!(!fits(&quotient, 128)),
        }
    }
}

trait Words {
    /// The number less a little, in six words if it fits.
    fn try_into_words(self, less: u8) -> Option<[u64; 6]>;
}

impl Words for Vec<u8> {
    fn try_into_words(self, less: u8) -> Option<[u64; 6]> {
        let number = BigUint::from_bytes_le(&self);
        let number = if number < BigUint::from(less) { number } else { number - less };
        let mut words = number.to_u64_digits();
        (words.len() <= 6).then(|| {
            words.resize(6, 0);
            words.try_into().expect("six words")
        })
    }
}
