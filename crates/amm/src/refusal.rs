//! Why a pool refuses a call. A variant names the `require` of the contract that it mirrors; where
//! the contract gives no text, it says which statement reverts.

use std::fmt;

/// The cause of a refused call; the pool is as it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// `AI` of `initialize`: the pool has a price already.
    PriceIsSet,
    /// `R` of `TickMath`: the square root of the price is outside [MIN_SQRT, MAX_SQRT).
    PriceOutOfRange,
    /// `LOK`: the pool has no price yet.
    PriceIsUnset,
    /// `AS` of `swap`: an amount of zero.
    SwapOfZero,
    /// `SPL` of `swap`: the limit lies on the wrong side of the price or outside the range.
    PriceLimit,
    /// `TLU`: the lower tick is not below the upper.
    TickOrder,
    /// `TLM`: the lower tick is below the range.
    TickLow,
    /// `TUM`: the upper tick is above the range.
    TickHigh,
    /// `Tick.update` without text in `flipTick`: a tick is no multiple of the spacing.
    TickSpacing,
    /// `LO`: more liquidity at one tick than the pool's limit.
    TickLiquidity,
    /// `LA` of `LiquidityMath`: the sum of liquidity has more than 128 bits.
    LiquidityOverflow,
    /// `LS` of `LiquidityMath`: more liquidity is taken than there is.
    LiquidityUnderflow,
    /// `NP` of `Position.update`: a burn of nothing from a position without liquidity.
    PositionEmpty,
    /// `require(amount > 0)` of `mint`.
    MintOfZero,
    /// `SafeCast`: an amount does not fit the contract's integer.
    AmountTooLarge,
    /// `setFeeProtocol`: a share is neither 0 nor 4 to 10.
    FeeProtocol,
    /// `enableFeeAmount` of the factory: the fee is not below 1,000,000, or the spacing not in
    /// 1 to 16383; for a pair, a fee without a denominator or above one.
    Terms,
    /// `UniswapV2: INSUFFICIENT_OUTPUT_AMOUNT`: nothing is taken.
    OutputZero,
    /// `UniswapV2: INSUFFICIENT_LIQUIDITY`: as much is taken as the reserve holds, or more.
    OutputAboveReserve,
    /// `UniswapV2: INSUFFICIENT_INPUT_AMOUNT`: nothing is paid.
    InputZero,
    /// `UniswapV2: K`: the product of the reserves less fee would fall.
    ProductFalls,
    /// `UniswapV2: OVERFLOW`: a reserve of more than 112 bits.
    ReserveOverflow,
    /// `ds-math-mul-overflow`, `ds-math-sub-underflow`, `ds-math-add-overflow`: `SafeMath` of v2.
    Arithmetic,
    /// `UniswapV2: INSUFFICIENT_LIQUIDITY_MINTED`: the deposit is worth no share.
    MintTooSmall,
    /// `UniswapV2: INSUFFICIENT_LIQUIDITY_BURNED`: the shares are worth no unit of one token.
    BurnTooSmall,
}

impl Refusal {
    /// The text of the contract's `require`, empty where it has none.
    pub fn text(self) -> &'static str {
        match self {
            Self::PriceIsSet => "AI",
            Self::PriceOutOfRange => "R",
            Self::PriceIsUnset => "LOK",
            Self::SwapOfZero => "AS",
            Self::PriceLimit => "SPL",
            Self::TickOrder => "TLU",
            Self::TickLow => "TLM",
            Self::TickHigh => "TUM",
            Self::TickLiquidity => "LO",
            Self::LiquidityOverflow => "LA",
            Self::LiquidityUnderflow => "LS",
            Self::PositionEmpty => "NP",
            Self::TickSpacing
            | Self::MintOfZero
            | Self::AmountTooLarge
            | Self::FeeProtocol
            | Self::Terms => "",
            Self::OutputZero => "UniswapV2: INSUFFICIENT_OUTPUT_AMOUNT",
            Self::OutputAboveReserve => "UniswapV2: INSUFFICIENT_LIQUIDITY",
            Self::InputZero => "UniswapV2: INSUFFICIENT_INPUT_AMOUNT",
            Self::ProductFalls => "UniswapV2: K",
            Self::ReserveOverflow => "UniswapV2: OVERFLOW",
            Self::Arithmetic => "ds-math",
            Self::MintTooSmall => "UniswapV2: INSUFFICIENT_LIQUIDITY_MINTED",
            Self::BurnTooSmall => "UniswapV2: INSUFFICIENT_LIQUIDITY_BURNED",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cause = match self {
            Self::PriceIsSet => "the pool has a price already",
            Self::PriceOutOfRange => "the price is outside the range of ticks",
            Self::PriceIsUnset => "the pool has no price yet: initialise it first",
            Self::SwapOfZero => "a swap of nothing",
            Self::PriceLimit => "the price limit is on the wrong side of the price or out of range",
            Self::TickOrder => "the lower tick must be below the upper tick",
            Self::TickLow => "the lower tick is below the range",
            Self::TickHigh => "the upper tick is above the range",
            Self::TickSpacing => "a tick must be a multiple of the pool's spacing",
            Self::TickLiquidity => "more liquidity at one tick than the pool allows",
            Self::LiquidityOverflow => "the sum of liquidity has more than 128 bits",
            Self::LiquidityUnderflow => "more liquidity is taken than there is",
            Self::PositionEmpty => "the position has no liquidity",
            Self::MintOfZero => "a mint of nothing",
            Self::AmountTooLarge => "the amount does not fit the contract's integer",
            Self::FeeProtocol => "the protocol's share must be 0 or 4 to 10",
            Self::Terms => "the fee or the tick spacing is out of range",
            Self::OutputZero => "nothing is taken",
            Self::OutputAboveReserve => "the reserve does not hold what is taken",
            Self::InputZero => "nothing is paid",
            Self::ProductFalls => "the product of the reserves less fee would fall",
            Self::ReserveOverflow => "a reserve would have more than 112 bits",
            Self::Arithmetic => "a number has more than 256 bits or is below zero",
            Self::MintTooSmall => "the deposit is worth no share",
            Self::BurnTooSmall => "the shares are worth no unit of one token",
        };
        f.write_str(cause)
    }
}

impl std::error::Error for Refusal {}
