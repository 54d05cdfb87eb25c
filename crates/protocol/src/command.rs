//! What can be asked of the state machine.

use borsh::{BorshDeserialize, BorshSerialize};
use money::{Amount, Price, Qty, Rate, Span, Time};

use crate::governance::council::{Draft, ProposalId};
use crate::governance::guardian::Emergency;
use crate::halt::Directive;
use crate::ids::{
    AccountId, AgentId, AssetId, ChainId, ClientId, MarketId, OrderId, PublisherId, SeriesId, Side,
};
use crate::schedule::trigger::{Execution, Kind};
use crate::surface;

/// Who sent a command; the edge that built the block has checked the signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Sender {
    /// The holder of an account.
    User(AccountId),
    /// A price publisher.
    Publisher(PublisherId),
    /// The custodian: opens accounts, credits deposits and directs markets.
    Custodian,
    /// A key that the holder of an account approved (rule B-8).
    Agent {
        /// The key.
        agent: AgentId,
        /// For which account it acts.
        account: AccountId,
    },
}

/// How long an order lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Lifetime {
    /// Trades what it can, then rests until cancelled.
    Resting,
    /// Trades what it can; the rest is cancelled. A market order is one with a distant price.
    Immediate,
    /// Rests whole or is refused.
    PostOnly,
}

/// What happens when an order meets another of its own account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum SelfTrade {
    /// The rest of the incoming order is cancelled.
    CancelTaker,
    /// The resting order is cancelled.
    CancelMaker,
    /// Both shrink by the smaller of the two; no trade.
    CancelBoth,
}

/// A new order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct NewOrder {
    /// Where.
    pub market: MarketId,
    /// Buy or sell.
    pub side: Side,
    /// The worst price that is acceptable.
    pub price: Price,
    /// How much.
    pub qty: Qty,
    /// How long.
    pub lifetime: Lifetime,
    /// Only ever makes the position smaller.
    pub reduce_only: bool,
    /// What happens when it meets the account's own order.
    pub self_trade: SelfTrade,
    /// The client's own number.
    pub client: ClientId,
}

/// A publisher's vote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Vote {
    /// Which index.
    pub asset: AssetId,
    /// The price.
    pub price: Price,
    /// Half-width of the publisher's confidence interval.
    pub confidence: Price,
    /// When the price was true at its source.
    pub time: Time,
}

/// An order spread evenly over time (rule T-11).
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct TwapOrder {
    /// Where.
    pub market: MarketId,
    /// Buy or sell.
    pub side: Side,
    /// How much in all.
    pub qty: Qty,
    /// Over what time.
    pub duration: Span,
    /// Only ever makes the position smaller.
    pub reduce_only: bool,
    /// The client's number, of each slice.
    pub client: ClientId,
}

/// An order that waits for the mark and then reduces a position (rule T-12).
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct TriggerOrder {
    /// Where.
    pub market: MarketId,
    /// Buy or sell; against the position.
    pub side: Side,
    /// Stop or take-profit.
    pub kind: Kind,
    /// The mark that it waits for.
    pub level: Price,
    /// How much; the whole position if none.
    pub qty: Option<Qty>,
    /// What it becomes.
    pub execution: Execution,
    /// The client's number.
    pub client: ClientId,
}

/// One of two legs (rule T-17).
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Leg {
    /// Where.
    pub market: MarketId,
    /// Buy or sell.
    pub side: Side,
    /// The worst price that is acceptable.
    pub price: Price,
    /// How much.
    pub qty: Qty,
}

/// Two immediate orders in different markets and opposite directions, filled in the ratio of their
/// quantities as far as both books go (rule T-17).
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct SpreadOrder {
    /// Both.
    pub legs: [Leg; 2],
    /// The client's number, of each leg.
    pub client: ClientId,
}

/// A withdrawal of which a part is left behind (rule B-9).
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct AtLoss {
    /// How much quote currency leaves the account.
    pub amount: Amount,
    /// The least of it that must be paid out.
    pub least: Amount,
}

/// A new order for options.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct OptionOrder {
    /// Which.
    pub series: SeriesId,
    /// Buy or sell.
    pub side: Side,
    /// The worst premium for a unit that is acceptable.
    pub price: Price,
    /// How much.
    pub qty: Qty,
    /// How long.
    pub lifetime: Lifetime,
    /// Only ever makes the position smaller.
    pub reduce_only: bool,
    /// What happens when it meets the account's own order.
    pub self_trade: SelfTrade,
    /// The client's own number.
    pub client: ClientId,
}

/// A bid for an account that is auctioned (rule L-21).
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Bid {
    /// Whose positions and holdings.
    pub account: AccountId,
    /// The largest part of them.
    pub fraction: Rate,
    /// The least payment for each unit of maintenance margin that is taken over.
    pub least: Rate,
}

/// A publisher's surface of an asset (rule V-1).
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct SurfaceVote {
    /// Of which options.
    pub chain: ChainId,
    /// What.
    pub vote: surface::Vote,
}

/// A command. What is large and rare is boxed, so that a block of orders stays small.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Command {
    /// Opens the next account.
    OpenAccount,
    /// Credits what arrived from outside.
    Deposit {
        /// To whom.
        account: AccountId,
        /// What.
        asset: AssetId,
        /// How much.
        amount: Amount,
    },
    /// Pays out.
    Withdraw {
        /// What.
        asset: AssetId,
        /// How much.
        amount: Amount,
    },
    /// Credits the insurance fund from outside.
    FundInsurance {
        /// How much quote currency.
        amount: Amount,
    },
    /// Places an order.
    Place(NewOrder),
    /// Cancels one order.
    Cancel {
        /// Where.
        market: MarketId,
        /// Which.
        order: OrderId,
    },
    /// Cancels all orders, in one market or in all.
    CancelAll {
        /// Where; everywhere if none.
        market: Option<MarketId>,
    },
    /// Votes on an index price.
    Publish(Vote),
    /// Votes on the price of the external perpetuals on an asset (rule O-9).
    PublishPerpetual(Vote),
    /// Opens the backstop vault with the next account.
    OpenBackstop,
    /// Buys shares of the backstop vault.
    BackstopDeposit {
        /// For how much quote currency.
        amount: Amount,
    },
    /// Asks shares of the backstop vault back.
    BackstopWithdraw {
        /// How many.
        shares: Amount,
    },
    /// Carries out an order of governance on a market at the next block (rules ).
    Direct {
        /// Where.
        market: MarketId,
        /// What.
        directive: Directive,
    },
    /// Opens another account of the sender's owner (rule B-7).
    OpenSubAccount,
    /// Moves money between two accounts of the sender's owner (rule B-7).
    Transfer {
        /// Whose it is.
        from: AccountId,
        /// Whose it will be.
        to: AccountId,
        /// What.
        asset: AssetId,
        /// How much.
        amount: Amount,
    },
    /// Lets a key place and cancel orders for the account, or moves its time (rule B-8).
    ApproveAgent {
        /// The key.
        agent: AgentId,
        /// It acts before this time.
        expires: Time,
    },
    /// Takes that power away.
    RevokeAgent {
        /// The key.
        agent: AgentId,
    },
    /// Sets the account's dead-man switch, or takes it away (rule T-10).
    ScheduleCancel {
        /// When all its orders are cancelled.
        at: Option<Time>,
    },
    /// Spreads an order over time (rule T-11).
    PlaceTwap(TwapOrder),
    /// Gives up the rest of such an order.
    CancelTwap {
        /// Its number.
        number: u64,
    },
    /// Lets an order wait for the mark (rule T-12).
    PlaceTrigger(Box<TriggerOrder>),
    /// Lets a stop and a take-profit wait, of which one fires (rule T-12).
    PlacePair(Box<[TriggerOrder; 2]>),
    /// Binds an amount of the voting asset (rule G-5).
    Stake {
        /// How much.
        amount: Amount,
    },
    /// Asks for stake back (rule G-7).
    Unstake {
        /// How much.
        amount: Amount,
    },
    /// Proposes a change of parameters (rules G-1 to G-5).
    Propose(Box<Draft>),
    /// Votes on a proposal, or changes that vote (rule G-6).
    Ballot {
        /// Which.
        proposal: ProposalId,
        /// For or against it.
        yes: bool,
    },
    /// Acts as the guardian (rule G-9).
    Emergency(Box<Emergency>),
    /// Takes an order that waits back.
    CancelTrigger {
        /// Where.
        market: MarketId,
        /// Its number.
        number: u64,
    },
    /// Trades two legs, both or neither (rule T-17).
    PlaceSpread(Box<SpreadOrder>),
    /// Takes quote currency out of an insolvent exchange, and leaves its share of what is lacking
    /// behind (rule B-9).
    WithdrawAtLoss(Box<AtLoss>),
    /// Votes on the surface of an asset (rule V-1).
    PublishSurface(Box<SurfaceVote>),
    /// Places an order for options (rule K-3).
    PlaceOption(OptionOrder),
    /// Cancels one order for options.
    CancelOption {
        /// Where.
        series: SeriesId,
        /// Which.
        order: OrderId,
    },
    /// Cancels all orders for options on an asset, or for all.
    CancelAllOptions {
        /// Which; all if none.
        chain: Option<ChainId>,
    },
    /// Takes a part of an account over that is auctioned (rule L-21).
    BidPortfolio(Bid),
}

const _: () = assert!(size_of::<Command>() <= 48);

/// Who may send a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// A publisher.
    Publisher,
    /// The custodian.
    Custodian,
    /// The holder of an account.
    Holder,
    /// The holder of an account, and agents of theirs (rule B-8).
    Trader,
}

impl Command {
    /// Who may send it; from anybody else it is refused as [`crate::reject::Reject::NotAllowed`].
    pub const fn sender(&self) -> Who {
        match self {
            Command::Publish(_) | Command::PublishPerpetual(_) | Command::PublishSurface(_) => {
                Who::Publisher
            }
            Command::OpenAccount
            | Command::Deposit { .. }
            | Command::FundInsurance { .. }
            | Command::OpenBackstop
            | Command::Direct { .. } => Who::Custodian,
            Command::Withdraw { .. }
            | Command::BackstopDeposit { .. }
            | Command::BackstopWithdraw { .. }
            | Command::OpenSubAccount
            | Command::Transfer { .. }
            | Command::ApproveAgent { .. }
            | Command::RevokeAgent { .. }
            | Command::Stake { .. }
            | Command::Unstake { .. }
            | Command::Propose(_)
            | Command::Ballot { .. }
            | Command::Emergency(_)
            | Command::WithdrawAtLoss(_) => Who::Holder,
            Command::Place(_)
            | Command::Cancel { .. }
            | Command::CancelAll { .. }
            | Command::ScheduleCancel { .. }
            | Command::PlaceTwap(_)
            | Command::CancelTwap { .. }
            | Command::PlaceTrigger(_)
            | Command::PlacePair(_)
            | Command::CancelTrigger { .. }
            | Command::PlaceSpread(_)
            | Command::PlaceOption(_)
            | Command::CancelOption { .. }
            | Command::CancelAllOptions { .. }
            | Command::BidPortfolio(_) => Who::Trader,
        }
    }

    /// The client's number of an order, which its refusal repeats; 0 of what has none.
    pub fn client(&self) -> ClientId {
        if let Command::Place(order) = self {
            order.client
        } else if let Command::PlaceTwap(order) = self {
            order.client
        } else if let Command::PlaceTrigger(order) = self {
            order.client
        } else if let Command::PlaceSpread(order) = self {
            order.client
        } else if let Command::PlaceOption(order) = self {
            order.client
        } else {
            ClientId::default()
        }
    }

    /// A publisher's vote, and whether it is on the price of the external perpetuals (rule O-9).
    pub const fn vote(&self) -> Option<(&Vote, bool)> {
        if let Command::Publish(vote) = self {
            Some((vote, false))
        } else if let Command::PublishPerpetual(vote) = self {
            Some((vote, true))
        } else {
            None
        }
    }
}

/// A command and its sender.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Message {
    /// Who.
    pub sender: Sender,
    /// What.
    pub command: Command,
}

/// A block: its time, and commands in their agreed order.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Block {
    /// Consensus time, not before the last block's.
    pub time: Time,
    /// Commands in order.
    pub messages: Vec<Message>,
}
