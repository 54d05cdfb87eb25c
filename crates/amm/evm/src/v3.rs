//! A pool of Uniswap v3 on the chain, as a venue.

use amm::U256;
use amm::concentrated::{Amount, Range, Swap};
use revm::primitives::{Address, keccak256};

use crate::artifacts::Artifacts;
use crate::chain::{
    Chain, OWNER, Refused, bits, calldata, mapped_at, short, signed, tick, trader, word, word_at,
};
use crate::replay::{Call, PoolState, PositionState, TickState, Venue, hex};

/// The factory, one pool, and the ticks that calls have named.
pub struct V3 {
    /// The chain.
    pub chain: Chain,
    factory: Address,
    pool: Address,
    named: std::collections::BTreeSet<i32>,
}

impl V3 {
    /// A chain with a factory.
    pub fn new(artifacts: &Artifacts) -> Self {
        let mut chain = Chain::new(artifacts);
        let factory = chain.deploy(artifacts.code("v3 factory"), &[]);
        Self { chain, factory, pool: Address::ZERO, named: Default::default() }
    }

    fn create(&mut self, fee_pips: u32, spacing: i32) -> Result<[U256; 2], Refused> {
        let terms = [U256::from(fee_pips), signed(i128::from(spacing))];
        // The factory knows the usual fees from the start and refuses them here.
        self.chain.call(self.factory, calldata("enableFeeAmount(uint24,int24)", &terms)).ok();
        let [a, b] = self.chain.tokens.map(word);
        let data = calldata("createPool(address,address,uint24)", &[a, b, terms[0]]);
        let answer = self.chain.call(self.factory, data)?;
        self.pool = Address::from_word(word_at(&answer, 0).into());
        Ok([U256::ZERO; 2])
    }

    fn swap(&mut self, swap: &Swap) -> Result<[U256; 2], Refused> {
        let amount = match swap.amount {
            Amount::In(amount) => amount,
            Amount::Out(amount) => U256::ZERO.wrapping_sub(amount),
        };
        let to = word(trader(0));
        let down = U256::from(u8::from(swap.zero_for_one));
        let arguments = [to, down, amount, swap.limit, U256::from(160), U256::ZERO];
        let answer = self.pool_as(0, "swap(address,bool,int256,uint160,bytes)", &arguments)?;
        let [zero, one] = [word_at(&answer, 0), word_at(&answer, 1)];
        let (paid, received) = if swap.zero_for_one { (zero, one) } else { (one, zero) };
        Ok([paid, U256::ZERO.wrapping_sub(received)])
    }

    fn mint(&mut self, owner: u64, range: Range, amount: u128) -> Result<[U256; 2], Refused> {
        let [lower, upper] = self.name(range);
        let owner_word = word(trader(owner));
        let (offset, nothing) = (U256::from(160), U256::ZERO);
        let arguments = [owner_word, lower, upper, U256::from(amount), offset, nothing];
        let answer = self.pool_as(owner, "mint(address,int24,int24,uint128,bytes)", &arguments)?;
        Ok([word_at(&answer, 0), word_at(&answer, 1)])
    }

    fn name(&mut self, range: Range) -> [U256; 2] {
        self.named.extend([range.lower, range.upper]);
        [signed(i128::from(range.lower)), signed(i128::from(range.upper))]
    }

    fn pool_as(
        &mut self,
        owner: u64,
        signature: &str,
        arguments: &[U256],
    ) -> Result<Vec<u8>, Refused> {
        self.chain.call_as(owner, self.pool, &calldata(signature, arguments))
    }

    fn two(&mut self, owner: u64, signature: &str, words: &[U256]) -> Result<[U256; 2], Refused> {
        let answer = self.pool_as(owner, signature, words)?;
        Ok([word_at(&answer, 0), word_at(&answer, 1)])
    }

    fn answer(&mut self, call: &Call) -> Result<[U256; 2], Refused> {
        let none = [U256::ZERO; 2];
        match *call {
            Call::Pool { fee_pips, spacing, .. } => self.create(fee_pips, spacing),
            Call::Initialise { sqrt } => {
                let data = calldata("initialize(uint160)", &[sqrt]);
                self.chain.call(self.pool, data).map(|_| none)
            }
            Call::Mint { owner, range, amount } => self.mint(owner, range, amount),
            Call::Burn { owner, range, amount } => {
                let [lower, upper] = self.name(range);
                let arguments = [lower, upper, U256::from(amount)];
                self.two(owner, "burn(int24,int24,uint128)", &arguments)
            }
            Call::Collect { owner, range, most } => {
                let [lower, upper] = self.name(range);
                let [zero, one] = most.map(U256::from);
                let arguments = [word(trader(owner)), lower, upper, zero, one];
                self.two(owner, "collect(address,int24,int24,uint128,uint128)", &arguments)
            }
            Call::Swap(swap) => self.swap(&swap),
            Call::Share { parts: [zero, one] } => {
                let parts = [U256::from(zero), U256::from(one)];
                let data = calldata("setFeeProtocol(uint8,uint8)", &parts);
                self.chain.call(self.pool, data).map(|_| none)
            }
            Call::CollectProtocol { most } => {
                let [zero, one] = most.map(U256::from);
                let signature = "collectProtocol(address,uint128,uint128)";
                let data = calldata(signature, &[word(OWNER), zero, one]);
                let answer = self.chain.call(self.pool, data)?;
                Ok([word_at(&answer, 0), word_at(&answer, 1)])
            }
            Call::Ticks
            | Call::Modify { .. }
            | Call::Pair
            | Call::PairMint { .. }
            | Call::PairBurn { .. }
            | Call::PairSwap { .. }
            | Call::PairShare { .. } => Ok(none),
        }
    }
}

impl Venue for V3 {
    fn apply(&mut self, call: &Call) -> Result<[String; 2], String> {
        self.chain.wait(12);
        self.answer(call).map(|amounts| amounts.map(hex))
    }

    fn pool(&mut self) -> PoolState {
        let pool = self.pool;
        let [slot, zero, one, fees, liquidity] =
            [0, 1, 2, 3, 4].map(|slot| self.chain.read(pool, U256::from(slot)));
        PoolState {
            sqrt: bits(slot, 0, 160),
            tick: tick(slot, 160),
            liquidity: short(liquidity, 0),
            growth: [zero, one],
            fees: [short(fees, 0), short(fees, 128)],
            balances: [0, 1].map(|token| self.chain.balance(token, pool)),
        }
    }

    fn ticks(&mut self) -> Vec<TickState> {
        let (chain, pool) = (&mut self.chain, self.pool);
        let entry = |tick: &i32| tick_state(chain, pool, U256::from(5), *tick);
        self.named.iter().filter_map(entry).collect()
    }

    fn position(&mut self, owner: u64, range: Range) -> PositionState {
        let mut text = trader(owner).to_vec();
        for tick in [range.lower, range.upper] {
            text.extend(&tick.to_be_bytes()[1..]);
        }
        let at = mapped_at(keccak256(text), U256::from(7));
        let [liquidity, zero, one, owed] =
            [0, 1, 2, 3].map(|place| self.chain.read(self.pool, at + U256::from(place)));
        PositionState {
            liquidity: short(liquidity, 0),
            growth_inside: [zero, one],
            owed: [short(owed, 0), short(owed, 128)],
        }
    }

    fn pair(&mut self) -> crate::replay::PairState {
        unreachable!("a pool is asked for a pair")
    }
}

/// The entry of a tick in a mapping of versions 3 and 4, if it is initialised.
pub fn tick_state(
    chain: &mut Chain,
    contract: Address,
    slot: U256,
    tick: i32,
) -> Option<TickState> {
    let at = mapped_at(signed(i128::from(tick)).into(), slot);
    let [amounts, zero, one] = [0, 1, 2].map(|place| chain.read(contract, at + U256::from(place)));
    let (gross, net) = (short(amounts, 0), short(amounts, 128).cast_signed());
    (gross > 0).then_some(TickState { tick, gross, net, outside: [zero, one] })
}
