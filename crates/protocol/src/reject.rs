//! Why a command was refused, in the order in which the reasons are checked.

use borsh::{BorshDeserialize, BorshSerialize};

/// A refusal. Variants stand in checking order; a number is never used again for another reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum Reject {
    /// The sender may not send this command.
    NotAllowed = 1,
    /// No such account.
    UnknownAccount = 2,
    /// No such asset.
    UnknownAsset = 3,
    /// No such market.
    UnknownMarket = 4,
    /// No such publisher.
    UnknownPublisher = 5,
    /// No such open order of this account.
    UnknownOrder = 6,
    /// An amount, quantity or price that is not positive.
    NotPositive = 7,
    /// The price is no multiple of the tick.
    OffTick = 8,
    /// The quantity is no multiple of the lot.
    OffLot = 9,
    /// Beyond a limit that keeps every sum inside its type.
    Overflow = 10,
    /// A published price that is from the future, older than the last, or too uncertain.
    BadVote = 11,
    /// The index is missing or too old for new risk.
    StaleIndex = 12,
    /// The price is too far from the index.
    OutsideBand = 13,
    /// The account has its largest number of open orders.
    TooManyOrders = 14,
    /// Reduce-only, but there is no position on the other side, or resting orders would exceed it.
    NothingToReduce = 15,
    /// Post-only, but it would trade.
    WouldTrade = 16,
    /// Beyond the largest position of one account.
    PositionLimit = 17,
    /// Not enough of the asset that the order or withdrawal pays with.
    InsufficientBalance = 18,
    /// Not enough margin.
    InsufficientMargin = 19,
    /// Withdrawals are shut after an insolvency or an outage.
    WithdrawalsShut = 60,
    /// More than may leave now beyond the owner's own deposits.
    OutflowLimit = 61,
    /// An account is not the sender's, or both are the same.
    NotOwner = 62,
    /// The owner has the largest number of accounts.
    TooManyAccounts = 63,
    /// The order would meet one of another account of its owner.
    OwnOrder = 64,
    /// The key does not act for this account, or no longer.
    NotAgent = 65,
    /// The account has its largest number of agents.
    TooManyAgents = 66,
    /// A time that is past or too near, or a duration outside its range.
    BadTime = 67,
    /// The mark is at or beyond the level already.
    AlreadyMet = 68,
    /// Not a stop and a take-profit of one market and side.
    NoPair = 69,
    /// The account has its largest number of orders that wait, or are spread over time.
    TooManyPlans = 70,
}
