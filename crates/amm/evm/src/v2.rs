//! A pair of Uniswap v2 on the chain, as a venue. Trader 0 holds all shares; a call that needs
//! several transactions leaves nothing behind when one of them is refused.

use amm::U256;
use revm::primitives::Address;

use crate::artifacts::Artifacts;
use crate::chain::{
    Chain, FEE_TO, OWNER, Refused, bits, calldata, mapped, short, trader, word, word_at, words,
};
use crate::replay::{Call, PairState, PoolState, PositionState, TickState, Venue, hex};

/// The factory and one pair.
pub struct V2 {
    /// The chain.
    pub chain: Chain,
    factory: Address,
    pair: Address,
}

impl V2 {
    /// A chain with a factory.
    pub fn new(artifacts: &Artifacts) -> Self {
        let mut chain = Chain::new(artifacts);
        let factory = chain.deploy(artifacts.code("v2 factory"), &words(&[word(OWNER)]));
        Self { chain, factory, pair: Address::ZERO }
    }

    /// Shares that trader 0 holds.
    pub fn held(&mut self) -> U256 {
        self.chain.read(self.pair, mapped(word(trader(0)), 1))
    }

    fn create(&mut self) -> Result<[U256; 2], Refused> {
        let tokens = self.chain.tokens.map(word);
        let data = calldata("createPair(address,address)", &tokens);
        let answer = self.chain.call(self.factory, data)?;
        self.pair = Address::from_word(word_at(&answer, 0).into());
        Ok([U256::ZERO; 2])
    }

    /// Sends the amounts and calls the pair.
    fn paid(
        &mut self,
        paid: [u128; 2],
        signature: &str,
        arguments: &[U256],
    ) -> Result<Vec<u8>, Refused> {
        let (pair, tokens) = (self.pair, self.chain.tokens);
        let data = calldata(signature, arguments);
        self.chain.all_or_nothing(|chain| {
            for (token, amount) in tokens.into_iter().zip(paid).filter(|(_, amount)| *amount > 0) {
                let arguments = [word(pair), U256::from(amount)];
                chain.call_as(0, token, &calldata("transfer(address,uint256)", &arguments))?;
            }
            chain.call_as(0, pair, &data)
        })
    }

    fn burn(&mut self, shares: U256) -> Result<[U256; 2], Refused> {
        let pair = self.pair;
        let send = calldata("transfer(address,uint256)", &[word(pair), shares]);
        let burn = calldata("burn(address)", &[word(trader(0))]);
        let answer = self.chain.all_or_nothing(|chain| {
            chain.call_as(0, pair, &send)?;
            chain.call_as(0, pair, &burn)
        })?;
        Ok([word_at(&answer, 0), word_at(&answer, 1)])
    }

    fn answer(&mut self, call: &Call) -> Result<[U256; 2], Refused> {
        let (none, to) = ([U256::ZERO; 2], word(trader(0)));
        match *call {
            Call::Pair => self.create(),
            Call::PairMint { paid } => {
                let answer = self.paid(paid, "mint(address)", &[to])?;
                Ok([word_at(&answer, 0), U256::ZERO])
            }
            Call::PairBurn { shares } => self.burn(shares),
            Call::PairSwap { paid, taken } => {
                let [zero, one] = taken.map(U256::from);
                let arguments = [zero, one, to, U256::from(128), U256::ZERO];
                self.paid(paid, "swap(uint256,uint256,address,bytes)", &arguments).map(|_| none)
            }
            Call::PairShare { on } => {
                let to = if on { word(FEE_TO) } else { U256::ZERO };
                let data = calldata("setFeeTo(address)", &[to]);
                self.chain.call(self.factory, data).map(|_| none)
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
            | Call::Ticks => Ok(none),
        }
    }
}

impl Venue for V2 {
    fn apply(&mut self, call: &Call) -> Result<[String; 2], String> {
        self.chain.wait(12);
        let answer = self.answer(call).map(|amounts| amounts.map(hex));
        // One refusal stands for the three texts of the arithmetic.
        answer.map_err(|text| if text.starts_with("ds-math") { "ds-math".to_owned() } else { text })
    }

    fn pair(&mut self) -> PairState {
        let pair = self.pair;
        let reserves = self.chain.read(pair, U256::from(8));
        PairState {
            reserves: [0, 112].map(|from| short(bits(reserves, from, 112), 0)),
            shares: self.chain.read(pair, U256::ZERO),
            protocol_shares: self.chain.read(pair, mapped(word(FEE_TO), 1)),
        }
    }

    fn pool(&mut self) -> PoolState {
        unreachable!("a pair is asked for a pool")
    }

    fn ticks(&mut self) -> Vec<TickState> {
        Vec::new()
    }

    fn position(&mut self, _owner: u64, _range: amm::concentrated::Range) -> PositionState {
        PositionState::default()
    }
}
