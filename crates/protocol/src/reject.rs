//! Why a command was refused, in the order in which the reasons are checked.

use borsh::{BorshDeserialize, BorshSerialize};

/// A refusal. Variants stand in checking order, from 40 on by topic; a number is never used again
/// for another reason.
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
    /// There is no backstop vault whose shares have a price, or already one.
    NoBackstop = 50,
    /// Fewer shares of the backstop vault than asked back.
    InsufficientShares = 51,
    /// The market's phase does not permit it (rule A-5).
    Halted = 40,
    /// The market's phase permits only what makes a position smaller.
    OnlyReducing = 41,
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
    /// No open proposal of this number.
    UnknownProposal = 71,
    /// The voting period is over.
    VoteClosed = 72,
    /// The account had no stake before the proposal.
    NoPower = 73,
    /// The proposer has less than the least share of all stake.
    UnderMinimum = 74,
    /// As many proposals are open as may be, in all or of this proposer.
    TooManyOpen = 75,
    /// No hash of a laboratory run.
    NoEvidence = 76,
    /// No change, or more than one proposal may hold.
    BadLength = 77,
    /// A key twice in one proposal.
    KeyTwice = 78,
    /// No such key.
    UnknownKey = 79,
    /// No such asset or market, or it has no such parameter.
    UnknownScope = 80,
    /// A policy holds this key.
    UnderPolicy = 81,
    /// The regimes, multipliers or delay of a policy.
    BadPolicy = 82,
    /// The value in force already, or nothing to end.
    Unchanged = 83,
    /// Outside the range of the key.
    OutsideRange = 84,
    /// Further than a step from a value of the last 24 h.
    StepTooLarge = 85,
    /// An emergency change that is not in the direction that reduces risk.
    NotReducing = 86,
    /// The resulting design is outside the ranges.
    BadDesign = 87,
    /// A funding rule would correct more in its delay than is free of ringing.
    GainTooLarge = 88,
    /// The resulting design fails the proof.
    NotProven = 89,
    /// The future has expired (rule X-4).
    Expired = 90,
    /// Two legs that are in one market or of one direction, or one in a market of batches.
    NoSpread = 95,
    /// The exchange is not insolvent, or not for long enough (rule B-9).
    NotInsolvent = 96,
    /// Less would be paid out than was asked for at least.
    PaidTooLittle = 97,
    /// No options on that asset.
    UnknownChain = 100,
    /// No such series, or it is settled.
    UnknownSeries = 101,
    /// No surface says what the series is worth, or it is too old for new risk (rule V-7).
    NoSurface = 102,
    /// A surface without an expiry, with too many, or whose expiries do not follow its time and
    /// each other.
    BadSurface = 103,
    /// A surface without a listed expiry (rule V-1).
    MissingExpiry = 104,
    /// A surface with a parameter, a basis or a volatility out of range.
    SurfaceRange = 105,
    /// A surface with a density below zero (rule V-2).
    Butterfly = 106,
    /// A surface with less total variance than before it (rule V-2).
    Calendar = 107,
    /// The account is not auctioned, or has initial margin again (rule L-21).
    NoAuction = 110,
    /// The account is the bidder's own, or one of the same owner.
    OwnBook = 111,
    /// Insurance cannot pay what the account owes (rule L-22).
    NotInsured = 112,
    /// What is left of the account would need more than before.
    NotFreeing = 113,
}
