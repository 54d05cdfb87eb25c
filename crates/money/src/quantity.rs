//! The quantities, and the only products of them that mean something.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Neg, Sub, SubAssign};
use std::str::FromStr;

use crate::decimal::{self, ParseError};
use crate::time::Span;
use crate::wide::{Round, div_i128, div_ten_to, mul_div};

/// Defines one quantity: its raw integer, its decimal places, and arithmetic on itself alone.
macro_rules! quantity {
    ($(#[$doc:meta])* $name:ident, $raw:ty, $places:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[cfg_attr(feature = "borsh", derive(borsh::BorshSerialize, borsh::BorshDeserialize))]
        pub struct $name($raw);

        impl $name {
            /// Nothing.
            pub const ZERO: $name = $name(0);
            /// One whole unit.
            pub const ONE: $name = $name((10 as $raw).pow($places));
            /// The largest value.
            pub const MAX: $name = $name(<$raw>::MAX);
            /// Decimal places of the raw integer.
            pub const PLACES: u32 = $places;

            /// From the raw integer.
            pub const fn from_raw(raw: $raw) -> $name {
                $name(raw)
            }

            /// The raw integer.
            pub const fn raw(self) -> $raw {
                self.0
            }

            /// The sum, or `None` on overflow.
            pub fn checked_add(self, other: $name) -> Option<$name> {
                self.0.checked_add(other.0).map($name)
            }

            /// The difference, or `None` on overflow.
            pub fn checked_sub(self, other: $name) -> Option<$name> {
                self.0.checked_sub(other.0).map($name)
            }

            /// The magnitude; panics on the one value that has none.
            #[must_use]
            pub fn abs(self) -> $name {
                $name(self.0.checked_abs().expect("a quantity is never its type's minimum"))
            }

            /// Whether it is below zero.
            pub const fn is_negative(self) -> bool {
                self.0 < 0
            }

            /// Whether it is above zero.
            pub const fn is_positive(self) -> bool {
                self.0 > 0
            }

            /// Whether it is zero.
            pub const fn is_zero(self) -> bool {
                self.0 == 0
            }
        }

        impl Add for $name {
            type Output = $name;
            #[inline]
            fn add(self, other: $name) -> $name {
                self.checked_add(other).expect("sum within the limits checked on input")
            }
        }

        impl Sub for $name {
            type Output = $name;
            #[inline]
            fn sub(self, other: $name) -> $name {
                self.checked_sub(other).expect("difference within the limits checked on input")
            }
        }

        impl Neg for $name {
            type Output = $name;
            #[inline]
            fn neg(self) -> $name {
                $name(self.0.checked_neg().expect("a quantity is never its type's minimum"))
            }
        }

        impl AddAssign for $name {
            #[inline]
            fn add_assign(&mut self, other: $name) {
                *self = *self + other;
            }
        }

        impl SubAssign for $name {
            #[inline]
            fn sub_assign(&mut self, other: $name) {
                *self = *self - other;
            }
        }

        impl Sum for $name {
            fn sum<I: Iterator<Item = $name>>(items: I) -> $name {
                items.fold($name::ZERO, |total, item| total + item)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                decimal::display(i128::from(self.0), $places, f)
            }
        }

        impl FromStr for $name {
            type Err = ParseError;
            fn from_str(text: &str) -> Result<$name, ParseError> {
                let raw = decimal::parse(text, $places)?;
                <$raw>::try_from(raw).map($name).map_err(|_| ParseError::TooLarge)
            }
        }
    };
}

quantity! {
    /// Quote currency per unit of base, at 10⁻⁸.
    Price, i64, 8
}
quantity! {
    /// A quantity of the base asset, at 10⁻⁸; signed where it is a position.
    Qty, i64, 8
}
quantity! {
    /// A sum of one asset, at 10⁻⁸.
    Amount, i128, 8
}
quantity! {
    /// A plain ratio, at 10⁻¹²: 0.0001 is one basis point.
    Rate, i64, 12
}
quantity! {
    /// Cumulative funding per unit of base, in quote, at 10⁻¹⁸.
    FundingIndex, i128, 18
}

const SCALE_8: i128 = 100_000_000;
const SCALE_12: i128 = 1_000_000_000_000;
const SCALE_18: i128 = 1_000_000_000_000_000_000;

impl Price {
    /// `price · qty`, in quote. Cannot overflow.
    #[inline]
    pub fn notional(self, qty: Qty, round: Round) -> Amount {
        let product = i128::from(self.0) * i128::from(qty.0);
        Amount(div_ten_to::<8>(product, round))
    }

    /// `price · (1 + rate)`; `None` when it does not fit.
    pub fn offset(self, rate: Rate, round: Round) -> Option<Price> {
        let factor = SCALE_12 + i128::from(rate.0);
        narrow(mul_div(i128::from(self.0), factor, SCALE_12, round)?).map(Price)
    }

    /// `price / reference − 1`; `None` when `reference` is zero or the ratio does not fit.
    pub fn relative_to(self, reference: Price, round: Round) -> Option<Rate> {
        let difference = i128::from(self.0) - i128::from(reference.0);
        narrow(div_i128(difference * SCALE_12, i128::from(reference.0), round)?).map(Rate)
    }

    /// The mean of two prices.
    #[must_use]
    pub fn midpoint(self, other: Price, round: Round) -> Price {
        let sum = i128::from(self.0) + i128::from(other.0);
        let half = div_i128(sum, 2, round).expect("two is not zero");
        Price(i64::try_from(half).expect("a mean of two prices is a price"))
    }
}

impl Qty {
    /// The same count as an amount of the base asset itself (both are at 10⁻⁸).
    pub const fn as_amount(self) -> Amount {
        Amount(self.0 as i128)
    }
}

impl Amount {
    /// `amount · rate`; `None` when it does not fit.
    #[inline]
    pub fn share(self, rate: Rate, round: Round) -> Option<Amount> {
        match self.0.checked_mul(i128::from(rate.0)) {
            Some(product) => Some(Amount(div_ten_to::<12>(product, round))),
            None => mul_div(self.0, i128::from(rate.0), SCALE_12, round).map(Amount),
        }
    }

    /// `amount · part / whole`; `None` when `whole` is zero or the result does not fit.
    pub fn portion(self, part: Amount, whole: Amount, round: Round) -> Option<Amount> {
        mul_div(self.0, part.0, whole.0, round).map(Amount)
    }

    /// `amount / qty` as a price; `None` when `qty` is zero or the price does not fit.
    pub fn per(self, qty: Qty, round: Round) -> Option<Price> {
        narrow(mul_div(self.0, SCALE_8, i128::from(qty.0), round)?).map(Price)
    }

    /// How much base `amount` buys at `price`; `None` at a zero price or when it does not fit.
    pub fn buys(self, price: Price, round: Round) -> Option<Qty> {
        narrow(mul_div(self.0, SCALE_8, i128::from(price.0), round)?).map(Qty)
    }

    /// `amount / whole` as a ratio; `None` when `whole` is zero or the ratio does not fit.
    pub fn ratio(self, whole: Amount, round: Round) -> Option<Rate> {
        narrow(mul_div(self.0, SCALE_12, whole.0, round)?).map(Rate)
    }
}

impl Rate {
    /// One basis point.
    pub const BASIS_POINT: Rate = Rate(100_000_000);

    /// A whole number of basis points.
    pub const fn from_bp(bp: i64) -> Rate {
        Rate(bp * Rate::BASIS_POINT.0)
    }

    /// `rate · part / whole` of time; `None` for an empty `whole` or when it does not fit.
    pub fn over(self, part: Span, whole: Span, round: Round) -> Option<Rate> {
        let product = mul_div(
            i128::from(self.0),
            i128::from(part.nanos()),
            i128::from(whole.nanos()),
            round,
        )?;
        narrow(product).map(Rate)
    }

    /// `rate · other`; `None` when it does not fit.
    pub fn times(self, other: Rate, round: Round) -> Option<Rate> {
        narrow(mul_div(i128::from(self.0), i128::from(other.0), SCALE_12, round)?).map(Rate)
    }

    /// Funding per unit of base at `price` for `elapsed` of the `period` that the rate is quoted
    /// for; `None` for an empty period or when it does not fit.
    pub fn accrual(
        self,
        price: Price,
        elapsed: Span,
        period: Span,
        round: Round,
    ) -> Option<FundingIndex> {
        let rate_price = i128::from(self.0) * i128::from(price.0); // at 10⁻²⁰
        let divisor = i128::from(period.nanos()).checked_mul(100)?; // to 10⁻¹⁸
        mul_div(rate_price, i128::from(elapsed.nanos()), divisor, round).map(FundingIndex)
    }
}

impl FundingIndex {
    /// `index · qty` in quote as (whole units rounded down, remainder at 10⁻²⁶): nothing is lost.
    /// `None` when the product does not fit.
    pub fn split(self, qty: Qty) -> Option<(Amount, i128)> {
        let product = self.0.checked_mul(i128::from(qty.0))?; // at 10⁻²⁶
        let whole = div_ten_to::<18>(product, Round::Down);
        Some((Amount(whole), product - whole * SCALE_18))
    }
}

fn narrow(value: i128) -> Option<i64> {
    i64::try_from(value).ok()
}
