//! Dense identifiers: each is an index into a table of the state.

use borsh::{BorshDeserialize, BorshSerialize};

/// Defines an identifier that is an index.
macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $raw:ty) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[derive(BorshSerialize, BorshDeserialize)]
        pub struct $name(pub $raw);

        impl $name {
            /// The position in its table.
            pub const fn index(self) -> usize {
                self.0 as usize
            }
        }
    };
}

id! {
    /// A margin account, numbered from 0 in the order of opening.
    AccountId, u32
}
id! {
    /// A market: spot or perpetual.
    MarketId, u16
}
id! {
    /// An asset: 0 is the quote currency, the others are base assets. Also names the index price
    /// of that base asset.
    AssetId, u16
}
id! {
    /// A registered price publisher.
    PublisherId, u16
}
id! {
    /// The options on one asset: their place in the design.
    ChainId, u16
}
id! {
    /// A series of options, numbered from 0 in the order of listing and never again.
    SeriesId, u32
}
id! {
    /// A price in whole ticks of its market, at least 1.
    Tick, u32
}

/// A key that may trade for an account: a hash of it, checked by the edge that built the block.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize,
)]
pub struct AgentId(pub u64);

/// The quote currency.
pub const QUOTE: AssetId = AssetId(0);

/// An order's handle, assigned by the engine: slot of the slab in the low 32 bits, generation of
/// that slot in the high 32. A handle is never used for two orders.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize,
)]
pub struct OrderId(pub u64);

/// A number of the client's own choice, handed back in every event about the order.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    BorshSerialize,
    BorshDeserialize,
)]
pub struct ClientId(pub u64);

/// A quantity in whole lots of its market.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    BorshSerialize,
    BorshDeserialize,
)]
pub struct Lots(pub u64);

/// The direction of an order.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize,
)]
pub enum Side {
    /// A bid: pays quote, receives base.
    Buy,
    /// An ask: pays base, receives quote.
    Sell,
}

impl Side {
    /// The other side.
    #[must_use]
    pub const fn opposite(self) -> Side {
        match self {
            Side::Buy => Side::Sell,
            Side::Sell => Side::Buy,
        }
    }

    /// +1 for a buy, −1 for a sell.
    pub const fn sign(self) -> i64 {
        match self {
            Side::Buy => 1,
            Side::Sell => -1,
        }
    }
}

/// What an option gives the right to do.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize,
)]
pub enum OptionKind {
    /// To buy at the strike: pays max(S − K, 0).
    Call,
    /// To sell at the strike: pays max(K − S, 0).
    Put,
}
