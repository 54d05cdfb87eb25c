//! What happened: the whole output of the state machine.

use borsh::{BorshDeserialize, BorshSerialize};
use money::{Amount, FundingIndex, Price, Qty, Rate, Span, Time};

use crate::ids::{AccountId, AssetId, ClientId, MarketId, OrderId, Side};
use crate::reject::Reject;

/// Why an order left the book without trading.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Gone {
    /// Its owner cancelled it.
    Cancelled,
    /// The unfilled part of an immediate order.
    Unfilled,
    /// It met an order of its own account.
    SelfTrade,
    /// Reduce-only, and the position no longer covers it.
    NothingLeftToReduce,
    /// The account was under maintenance margin.
    Liquidation,
}

/// An event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Event {
    /// A command was refused; nothing changed.
    Rejected {
        /// Position of the message in its block.
        message: u32,
        /// The account, if the sender is one.
        account: Option<AccountId>,
        /// The client's number, if it was an order.
        client: ClientId,
        /// Why.
        reason: Reject,
    },
    /// An account was opened.
    Opened {
        /// Its id.
        account: AccountId,
    },
    /// Money came in or went out (negative).
    Moved {
        /// Whose; the insurance fund's if none.
        account: Option<AccountId>,
        /// What.
        asset: AssetId,
        /// How much.
        amount: Amount,
    },
    /// An order rests in the book.
    Rested {
        /// Whose.
        account: AccountId,
        /// Where.
        market: MarketId,
        /// Its handle.
        order: OrderId,
        /// The client's number.
        client: ClientId,
        /// How much rests.
        qty: Qty,
    },
    /// Two orders traded. Fees are what each side paid, negative for a rebate.
    Traded {
        /// Where.
        market: MarketId,
        /// The aggressor's direction.
        side: Side,
        /// At the resting order's price.
        price: Price,
        /// How much.
        qty: Qty,
        /// The aggressor.
        taker: AccountId,
        /// The resting side.
        maker: AccountId,
        /// The aggressor's number.
        taker_client: ClientId,
        /// The resting order's number.
        maker_client: ClientId,
        /// The aggressor's fee, in quote.
        taker_fee: Amount,
        /// The resting side's fee, in quote.
        maker_fee: Amount,
        /// Whether the resting order is filled whole.
        maker_done: bool,
        /// Whether the taker is being liquidated.
        liquidation: bool,
    },
    /// An order, or the rest of one, is gone.
    Removed {
        /// Whose.
        account: AccountId,
        /// Where.
        market: MarketId,
        /// The client's number.
        client: ClientId,
        /// How much was left.
        qty: Qty,
        /// Why.
        reason: Gone,
    },
    /// An index price was formed from the votes.
    Indexed {
        /// Of which asset.
        asset: AssetId,
        /// The price.
        price: Price,
        /// Its confidence.
        confidence: Price,
    },
    /// Funding accrued or was settled into the market's funding index.
    Funded {
        /// Where.
        market: MarketId,
        /// The premium that the rule used.
        premium: Rate,
        /// The rate of this accrual, for the time since the last one.
        rate: Rate,
        /// The funding index after it.
        index: FundingIndex,
    },
    /// An account received funding, or paid it (negative).
    FundingPaid {
        /// Who.
        account: AccountId,
        /// Where.
        market: MarketId,
        /// How much.
        amount: Amount,
    },
    /// Realised profit of a position moved to the account, or loss out of it (negative).
    Realised {
        /// Who.
        account: AccountId,
        /// Where.
        market: MarketId,
        /// How much.
        amount: Amount,
    },
    /// An account fell below maintenance margin; its orders are cancelled.
    LiquidationStarted {
        /// Who.
        account: AccountId,
        /// Equity.
        equity: Amount,
        /// Requirement.
        maintenance: Amount,
    },
    /// The liquidation fee that an account paid to the insurance fund.
    LiquidationFee {
        /// Who.
        account: AccountId,
        /// How much.
        amount: Amount,
    },
    /// Positions were closed against each other outside the book (rule L-5).
    Deleveraged {
        /// Where.
        market: MarketId,
        /// The liquidated account.
        account: AccountId,
        /// The other side.
        counterparty: AccountId,
        /// At the mark.
        price: Price,
        /// How much; negative when the liquidated account sold.
        qty: Qty,
        /// What the other side gave up of the deficit.
        haircut: Amount,
    },
    /// The insurance fund paid an account's deficit.
    InsurancePaid {
        /// Whose deficit.
        account: AccountId,
        /// How much.
        amount: Amount,
    },
    /// A block is final.
    Closed {
        /// Its height.
        height: u64,
    },
    /// A window of the convergence ledger ended (rule C-2).
    ConvergenceWindow {
        /// Where.
        market: MarketId,
        /// When the window began.
        start: Time,
        /// How much of it was observed.
        observed: Span,
        /// Share of that within the target's distance, rounded down.
        share: Rate,
        /// Whether the target was met; none where too little was observed.
        met: Option<bool>,
    },
    /// A market went beyond the target's distance from its index, or came back (rule C-3).
    Breach {
        /// Where.
        market: MarketId,
        /// Whether it begins.
        begun: bool,
        /// When it began.
        since: Time,
        /// The largest deviation in it.
        worst: Rate,
    },
}
