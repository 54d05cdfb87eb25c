//! Calls to pools as text, and the answers and states that follow: what is compared between the
//! contracts and this crate.
//!
//! A line is `call = answer ; state`. Numbers of amounts, prices and liquidity are hexadecimal,
//! ticks, fees and owners decimal. An answer is the two amounts of the call, or `no` and the text
//! of the contract's `require`, if it has one. The state is what the call can have touched; `ticks`
//! shows all initialised ticks.

use std::fmt::{self, Display, Formatter};

use amm::concentrated::{Amount, Owner, Pool, Range, Swap};
use amm::product::{Fee, Pair};
use amm::{Refusal, Step, U256};

/// A call to a pool of either kind; the first of a pool makes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    /// A new pool of concentrated liquidity.
    Pool {
        step: Step,
        fee_pips: u32,
        spacing: i32,
    },
    Initialise {
        sqrt: U256,
    },
    Mint {
        owner: u64,
        range: Range,
        amount: u128,
    },
    Burn {
        owner: u64,
        range: Range,
        amount: u128,
    },
    Collect {
        owner: u64,
        range: Range,
        most: [u128; 2],
    },
    /// Version 4: a change of liquidity that pays the fees out.
    Modify {
        owner: u64,
        range: Range,
        change: i128,
    },
    Swap(Swap),
    Share {
        parts: [u8; 2],
    },
    CollectProtocol {
        most: [u128; 2],
    },
    /// Changes nothing and shows all initialised ticks.
    Ticks,
    /// A new pair.
    Pair,
    PairMint {
        paid: [u128; 2],
    },
    PairBurn {
        shares: U256,
    },
    PairSwap {
        paid: [u128; 2],
        taken: [u128; 2],
    },
    PairShare {
        on: bool,
    },
}

impl Display for Call {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let at = |range: &Range| format!("{} {}", range.lower, range.upper);
        match self {
            Self::Pool { step: Step::V3, fee_pips, spacing } => {
                write!(f, "v3 {fee_pips} {spacing}")
            }
            Self::Pool { step: Step::V4, fee_pips, spacing } => {
                write!(f, "v4 {fee_pips} {spacing}")
            }
            Self::Initialise { sqrt } => write!(f, "initialise {sqrt:x}"),
            Self::Mint { owner, range, amount } => {
                write!(f, "mint {owner} {} {amount:x}", at(range))
            }
            Self::Burn { owner, range, amount } => {
                write!(f, "burn {owner} {} {amount:x}", at(range))
            }
            Self::Collect { owner, range, most: [a, b] } => {
                write!(f, "collect {owner} {} {a:x} {b:x}", at(range))
            }
            Self::Modify { owner, range, change } => {
                write!(f, "modify {owner} {} {change}", at(range))
            }
            Self::Swap(Swap { zero_for_one, amount, limit }) => {
                let side = if *zero_for_one { "down" } else { "up" };
                match amount {
                    Amount::In(amount) => write!(f, "swap {side} in {amount:x} {limit:x}"),
                    Amount::Out(amount) => write!(f, "swap {side} out {amount:x} {limit:x}"),
                }
            }
            Self::Share { parts: [a, b] } => write!(f, "share {a} {b}"),
            Self::CollectProtocol { most: [a, b] } => write!(f, "collect-protocol {a:x} {b:x}"),
            Self::Ticks => write!(f, "ticks"),
            Self::Pair => write!(f, "v2"),
            Self::PairMint { paid: [a, b] } => write!(f, "pair-mint {a:x} {b:x}"),
            Self::PairBurn { shares } => write!(f, "pair-burn {shares:x}"),
            Self::PairSwap { paid: [a, b], taken: [c, d] } => {
                write!(f, "pair-swap {a:x} {b:x} {c:x} {d:x}")
            }
            Self::PairShare { on } => write!(f, "pair-share {}", u8::from(*on)),
        }
    }
}

/// Reads a call as its `Display` writes it.
pub fn parsed(text: &str) -> Option<Call> {
    let words: Vec<&str> = text.split(' ').collect();
    let (name, rest) = words.split_first()?;
    let pair = |at: usize| Some([short(rest.get(at)?)?, short(rest.get(at + 1)?)?]);
    let range =
        || Some(Range { lower: rest.get(1)?.parse().ok()?, upper: rest.get(2)?.parse().ok()? });
    let owner = || rest.first()?.parse().ok();
    let fee = || rest.first()?.parse().ok();
    Some(match *name {
        "v3" => {
            Call::Pool { step: Step::V3, fee_pips: fee()?, spacing: rest.get(1)?.parse().ok()? }
        }
        "v4" => {
            Call::Pool { step: Step::V4, fee_pips: fee()?, spacing: rest.get(1)?.parse().ok()? }
        }
        "initialise" => Call::Initialise { sqrt: long(rest.first()?)? },
        "mint" => Call::Mint { owner: owner()?, range: range()?, amount: short(rest.get(3)?)? },
        "burn" => Call::Burn { owner: owner()?, range: range()?, amount: short(rest.get(3)?)? },
        "collect" => Call::Collect { owner: owner()?, range: range()?, most: pair(3)? },
        "modify" => {
            Call::Modify { owner: owner()?, range: range()?, change: rest.get(3)?.parse().ok()? }
        }
        "swap" => {
            let amount = long(rest.get(2)?)?;
            let amount =
                if *rest.get(1)? == "in" { Amount::In(amount) } else { Amount::Out(amount) };
            let zero_for_one = *rest.first()? == "down";
            Call::Swap(Swap { zero_for_one, amount, limit: long(rest.get(3)?)? })
        }
        "share" => Call::Share { parts: [rest.first()?.parse().ok()?, rest.get(1)?.parse().ok()?] },
        "collect-protocol" => Call::CollectProtocol { most: pair(0)? },
        "ticks" => Call::Ticks,
        "v2" => Call::Pair,
        "pair-mint" => Call::PairMint { paid: pair(0)? },
        "pair-burn" => Call::PairBurn { shares: long(rest.first()?)? },
        "pair-swap" => Call::PairSwap { paid: pair(0)?, taken: pair(2)? },
        "pair-share" => Call::PairShare { on: *rest.first()? == "1" },
        _ => return None,
    })
}

fn short(word: &str) -> Option<u128> {
    u128::from_str_radix(word, 16).ok()
}

fn long(word: &str) -> Option<U256> {
    U256::from_str_radix(word, 16).ok()
}

/// What a pool of concentrated liquidity holds beside ticks and positions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolState {
    pub sqrt: U256,
    pub tick: i32,
    pub liquidity: u128,
    pub growth: [U256; 2],
    pub fees: [u128; 2],
    pub balances: [U256; 2],
}

impl Display for PoolState {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { sqrt, tick, liquidity, growth, fees, balances } = self;
        write!(f, "{sqrt:x} {tick} {liquidity:x} {:x} {:x} ", growth[0], growth[1])?;
        write!(f, "{:x} {:x} {:x} {:x}", fees[0], fees[1], balances[0], balances[1])
    }
}

/// One initialised tick.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TickState {
    pub tick: i32,
    pub gross: u128,
    pub net: i128,
    pub outside: [U256; 2],
}

impl Display for TickState {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { tick, gross, net, outside } = self;
        write!(f, "{tick} {gross:x} {net} {:x} {:x}", outside[0], outside[1])
    }
}

/// One position; all zero where there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PositionState {
    pub liquidity: u128,
    pub growth_inside: [U256; 2],
    pub owed: [u128; 2],
}

impl Display for PositionState {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { liquidity, growth_inside, owed } = self;
        write!(f, "{liquidity:x} {:x} {:x} ", growth_inside[0], growth_inside[1])?;
        write!(f, "{:x} {:x}", owed[0], owed[1])
    }
}

/// A pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PairState {
    pub reserves: [u128; 2],
    pub shares: U256,
    pub protocol_shares: U256,
}

impl Display for PairState {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { reserves: [zero, one], shares, protocol_shares } = self;
        write!(f, "{zero:x} {one:x} {shares:x} {protocol_shares:x}")
    }
}

/// Where calls go: a contract, or this crate.
pub trait Venue {
    /// The two amounts of the call, or the text of the refusal.
    fn apply(&mut self, call: &Call) -> Result<[String; 2], String>;
    fn pool(&mut self) -> PoolState;
    fn ticks(&mut self) -> Vec<TickState>;
    fn position(&mut self, owner: u64, range: Range) -> PositionState;
    fn pair(&mut self) -> PairState;
}

/// Applies a call; the line that tells what came of it.
pub fn line(venue: &mut impl Venue, call: &Call) -> String {
    let answer = match venue.apply(call) {
        Ok([a, b]) => format!("{a} {b}"),
        Err(text) => format!("no {text}").trim_end().to_owned(),
    };
    format!("{call} = {answer} ; {}", state(venue, call))
}

fn state(venue: &mut impl Venue, call: &Call) -> String {
    match call {
        Call::Mint { owner, range, .. }
        | Call::Burn { owner, range, .. }
        | Call::Collect { owner, range, .. }
        | Call::Modify { owner, range, .. } => {
            let ticks = venue.ticks();
            let mut state = format!("{} {}", venue.pool(), venue.position(*owner, *range));
            for tick in [range.lower, range.upper] {
                let text = ticks.iter().find(|entry| entry.tick == tick).map(TickState::to_string);
                state += &format!(" {}", text.as_deref().unwrap_or("-"));
            }
            state
        }
        Call::Pool { .. }
        | Call::Initialise { .. }
        | Call::Swap(_)
        | Call::Share { .. }
        | Call::CollectProtocol { .. } => venue.pool().to_string(),
        Call::Ticks => venue.ticks().iter().map(TickState::to_string).collect::<Vec<_>>().join(" "),
        Call::Pair
        | Call::PairMint { .. }
        | Call::PairBurn { .. }
        | Call::PairSwap { .. }
        | Call::PairShare { .. } => venue.pair().to_string(),
    }
}

/// This crate.
#[derive(Debug, Default)]
pub struct Own {
    pool: Option<Pool>,
    pair: Option<Pair>,
    step: Option<Step>,
}

const MADE: &str = "a pool is made before it is called";

impl Venue for Own {
    fn apply(&mut self, call: &Call) -> Result<[String; 2], String> {
        self.answer(call).map_err(|refusal| match self.step {
            Some(Step::V4) => String::new(),
            Some(Step::V3) | None => refusal.text().to_owned(),
        })
    }

    fn pool(&mut self) -> PoolState {
        let pool = self.pool.as_ref().expect(MADE);
        let v4 = self.step == Some(Step::V4);
        PoolState {
            sqrt: pool.sqrt_price(),
            tick: pool.tick(),
            liquidity: pool.liquidity(),
            growth: pool.fee_growth(),
            fees: pool.protocol_fees(),
            // One contract holds all pools of version 4.
            balances: if v4 { [U256::ZERO; 2] } else { pool.balances() },
        }
    }

    fn ticks(&mut self) -> Vec<TickState> {
        let ticks = self.pool.as_ref().expect(MADE).ticks();
        ticks
            .map(|(entry, outside)| TickState {
                tick: entry.tick,
                gross: entry.gross,
                net: entry.net,
                outside,
            })
            .collect()
    }

    fn position(&mut self, owner: u64, range: Range) -> PositionState {
        let held = self.pool.as_ref().expect(MADE).position(Owner(owner), range);
        held.map_or_else(PositionState::default, |held| PositionState {
            liquidity: held.liquidity,
            growth_inside: held.growth_inside,
            owed: held.owed,
        })
    }

    fn pair(&mut self) -> PairState {
        let pair = self.pair.as_ref().expect(MADE);
        PairState {
            reserves: pair.reserves(),
            shares: pair.shares(),
            protocol_shares: pair.protocol_shares(),
        }
    }
}

impl Own {
    /// The most liquidity at one tick.
    #[allow(dead_code)]
    pub fn tick_liquidity_max(&self) -> u128 {
        self.pool.as_ref().expect(MADE).tick_liquidity_max()
    }

    fn answer(&mut self, call: &Call) -> Result<[String; 2], Refusal> {
        let none = || Ok([hex(U256::ZERO), hex(U256::ZERO)]);
        match *call {
            Call::Pool { step, fee_pips, spacing } => {
                let pool = Pool::with_step(fee_pips, spacing, step)?;
                *self = Self { pool: Some(pool), pair: None, step: Some(step) };
                none()
            }
            Call::Pair => {
                *self = Self { pool: None, pair: Some(Pair::new(Fee::UNISWAP)?), step: None };
                none()
            }
            Call::Ticks => none(),
            Call::PairMint { .. }
            | Call::PairBurn { .. }
            | Call::PairSwap { .. }
            | Call::PairShare { .. } => self.pair_answer(call),
            Call::Initialise { .. }
            | Call::Mint { .. }
            | Call::Burn { .. }
            | Call::Collect { .. }
            | Call::Modify { .. }
            | Call::Swap(_)
            | Call::Share { .. }
            | Call::CollectProtocol { .. } => self.pool_answer(call),
        }
    }

    fn pool_answer(&mut self, call: &Call) -> Result<[String; 2], Refusal> {
        let pool = self.pool.as_mut().expect(MADE);
        let amounts = match *call {
            Call::Initialise { sqrt } => pool.initialise(sqrt).map(|()| [U256::ZERO; 2]),
            Call::Mint { owner, range, amount } => pool.mint(Owner(owner), range, amount),
            Call::Burn { owner, range, amount } => pool.burn(Owner(owner), range, amount),
            Call::Collect { owner, range, most } => {
                pool.collect(Owner(owner), range, most).map(|paid| paid.map(U256::from))
            }
            Call::Modify { owner, range, change } => return modified(pool, owner, range, change),
            Call::Swap(swap) => swapped(pool, &swap, self.step),
            Call::Share { parts } => pool.share_fees(parts).map(|()| [U256::ZERO; 2]),
            Call::CollectProtocol { most } => {
                pool.collect_protocol(most).map(|paid| paid.map(U256::from))
            }
            Call::Pool { .. }
            | Call::Ticks
            | Call::Pair
            | Call::PairMint { .. }
            | Call::PairBurn { .. }
            | Call::PairSwap { .. }
            | Call::PairShare { .. } => Ok([U256::ZERO; 2]),
        };
        Ok(amounts?.map(hex))
    }

    fn pair_answer(&mut self, call: &Call) -> Result<[String; 2], Refusal> {
        let pair = self.pair.as_mut().expect(MADE);
        let amounts = match *call {
            Call::PairMint { paid } => [pair.mint(paid)?, U256::ZERO],
            Call::PairBurn { shares } => pair.burn(shares)?.map(U256::from),
            Call::PairSwap { paid, taken } => pair.swap(paid, taken).map(|()| [U256::ZERO; 2])?,
            Call::PairShare { on } => {
                pair.share_growth(on);
                [U256::ZERO; 2]
            }
            Call::Pool { .. }
            | Call::Initialise { .. }
            | Call::Mint { .. }
            | Call::Burn { .. }
            | Call::Collect { .. }
            | Call::Modify { .. }
            | Call::Swap(_)
            | Call::Share { .. }
            | Call::CollectProtocol { .. }
            | Call::Ticks
            | Call::Pair => [U256::ZERO; 2],
        };
        Ok(amounts.map(hex))
    }
}

/// Version 4 pays the fees out with the change: what the owner gets, below zero what they pay. Its
/// amounts have 128 bits with the sign, and it refuses others.
fn modified(
    pool: &mut Pool,
    owner: u64,
    range: Range,
    change: i128,
) -> Result<[String; 2], Refusal> {
    let (owner, before) = (Owner(owner), pool.clone());
    let paid = if change > 0 {
        pool.mint(owner, range, change.unsigned_abs())?
    } else {
        pool.burn(owner, range, change.unsigned_abs())?;
        [U256::ZERO; 2]
    };
    let got = pool.collect(owner, range, [u128::MAX; 2])?;
    let net = |side: usize| {
        let (paid, got) = (i128::try_from(paid[side]).ok()?, i128::try_from(got[side]).ok()?);
        Some((got - paid).to_string())
    };
    let Some(net) = net(0).zip(net(1)) else {
        *pool = before;
        return Err(Refusal::AmountTooLarge);
    };
    Ok([net.0, net.1])
}

/// As [`modified`], of a swap.
fn swapped(pool: &mut Pool, swap: &Swap, step: Option<Step>) -> Result<[U256; 2], Refusal> {
    let done = pool.quote(swap)?;
    let long = i128::try_from(done.paid.max(done.received)).is_err();
    if step == Some(Step::V4) && long {
        return Err(Refusal::AmountTooLarge);
    }
    let again = pool.swap(swap);
    assert_eq!(again, Ok(done), "a swap does what its quote said");
    Ok([done.paid, done.received])
}

/// As amounts stand in an answer.
pub fn hex(amount: U256) -> String {
    format!("{amount:x}")
}
