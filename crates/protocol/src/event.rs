//! What happened: the whole output of the state machine.

mod options;

use borsh::{BorshDeserialize, BorshSerialize};
use money::{Amount, FundingIndex, Price, Qty, Rate, Span, Time};

use crate::envelope::Need;
use crate::governance::Refusal;
use crate::governance::changes::Change;
use crate::governance::council::{ProposalId, Tally};
use crate::halt::Phase;
use crate::ids::{AccountId, AgentId, AssetId, ClientId, MarketId, OrderId, Side};
use crate::reject::Reject;
pub use options::{AuctionEnd, OptionEvent};

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
    /// It would have traded too far from the reference price (rule A-4).
    Suspended,
    /// The market's phase took it out of the book (rule A-5).
    Halted,
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
    /// The liquidation fee that an account paid to the market's insurance fund.
    LiquidationFee {
        /// Who.
        account: AccountId,
        /// How much.
        amount: Amount,
    },
    /// Positions were closed against each other outside the book (rules L-5, L-11, L-12).
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
    /// Deleveraging closed lots that hedged something else of the account, which it still has.
    HedgeLost {
        /// Where.
        market: MarketId,
        /// Whose.
        account: AccountId,
        /// How much of the hedge is gone.
        qty: Qty,
    },
    /// The backstop vault took over a part of a position (rule L-17).
    BackstopTook {
        /// Where.
        market: MarketId,
        /// Whose position.
        account: AccountId,
        /// The vault's account.
        vault: AccountId,
        /// At this price.
        price: Price,
        /// How much; negative for a short.
        qty: Qty,
        /// How much worse than the mark, in quote.
        loss: Amount,
    },
    /// Shares of the backstop vault were bought, or paid back (negative).
    BackstopMoved {
        /// Who.
        account: AccountId,
        /// The vault's account.
        vault: AccountId,
        /// What the vault received.
        amount: Amount,
        /// How many shares for it.
        shares: Amount,
    },
    /// A market went from one phase to another (rules A-4 … A-7).
    Phase {
        /// Where.
        market: MarketId,
        /// Before.
        from: Phase,
        /// After.
        to: Phase,
    },
    /// An order waits for an auction; what is left of it rests afterwards, with another handle.
    Collected {
        /// Whose.
        account: AccountId,
        /// Where.
        market: MarketId,
        /// Its handle.
        order: OrderId,
        /// The client's number.
        client: ClientId,
        /// How much waits.
        qty: Qty,
    },
    /// Withdrawals were open and are shut (rule B-5).
    WithdrawalsShut {
        /// For so many blocks, this one included.
        blocks: u64,
    },
    /// The account that was opened last is another one of an owner.
    Owned {
        /// The account.
        account: AccountId,
        /// The first account of its owner.
        owner: AccountId,
    },
    /// Money moved between two accounts of one owner.
    Transferred {
        /// Whose it was.
        from: AccountId,
        /// Whose it is.
        to: AccountId,
        /// What.
        asset: AssetId,
        /// How much.
        amount: Amount,
    },
    /// A key may trade for an account.
    AgentApproved {
        /// The account.
        account: AccountId,
        /// The key.
        agent: AgentId,
        /// It acts before this time.
        expires: Time,
    },
    /// A key may no longer trade for an account.
    AgentRevoked {
        /// The account.
        account: AccountId,
        /// The key.
        agent: AgentId,
    },
    /// An account's dead-man switch was set, or taken away.
    SwitchSet {
        /// The account.
        account: AccountId,
        /// When it acts, if ever.
        at: Option<Time>,
    },
    /// A dead-man switch acts; the account's orders are cancelled.
    SwitchActed {
        /// The account.
        account: AccountId,
    },
    /// An order spread over time begins.
    TwapOpened {
        /// Whose.
        account: AccountId,
        /// Its number.
        number: u64,
        /// The client's number.
        client: ClientId,
    },
    /// An order spread over time has ended.
    TwapOver {
        /// Whose.
        account: AccountId,
        /// Its number.
        number: u64,
        /// What was filled in all.
        filled: Qty,
    },
    /// An order waits for the mark.
    TriggerSet {
        /// Whose.
        account: AccountId,
        /// Where.
        market: MarketId,
        /// Its number.
        number: u64,
        /// The client's number.
        client: ClientId,
    },
    /// An order waits no longer; with one that fires the other of its pair is gone as well.
    TriggerGone {
        /// Whose.
        account: AccountId,
        /// Where.
        market: MarketId,
        /// Its number.
        number: u64,
        /// Whether the mark set it off; it was taken back otherwise.
        fired: bool,
    },
    /// The order that a trigger or a slice became was refused.
    DueRefused {
        /// Whose.
        account: AccountId,
        /// Where.
        market: MarketId,
        /// The client's number.
        client: ClientId,
        /// Why.
        reason: Reject,
    },
    /// An account bound an amount of the voting asset, or was paid some back (negative).
    Staked {
        /// Who.
        account: AccountId,
        /// What.
        asset: AssetId,
        /// How much.
        amount: Amount,
    },
    /// An account asked for stake back; it has no say from now on.
    UnstakeAsked {
        /// Who.
        account: AccountId,
        /// How much.
        amount: Amount,
    },
    /// A proposal is open.
    Proposed {
        /// By whom.
        account: AccountId,
        /// Its number.
        proposal: ProposalId,
    },
    /// An account voted on a proposal.
    Balloted {
        /// Who.
        account: AccountId,
        /// On which.
        proposal: ProposalId,
        /// For or against it.
        yes: bool,
    },
    /// The votes on a proposal were counted.
    Counted {
        /// Which.
        proposal: ProposalId,
        /// The count.
        tally: Tally,
        /// Whether it passed and waits for its time-lock.
        passed: bool,
    },
    /// A proposal is in force.
    Executed {
        /// Which.
        proposal: ProposalId,
    },
    /// A proposal had passed, but could not be executed.
    Expired {
        /// Which.
        proposal: ProposalId,
        /// Why.
        reason: Refusal,
    },
    /// A parameter has another value, by a proposal, a policy or the guardian.
    Changed {
        /// Which, from what, to what.
        change: Change,
    },
    /// The guardian closed a market to all orders that do not reduce.
    OnlyReduces {
        /// Which.
        market: MarketId,
        /// Until then.
        until: Time,
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
    /// An account left a part of a withdrawal to INSURANCE (rule B-9).
    LeftBehind {
        /// Whose.
        account: AccountId,
        /// How much quote currency.
        amount: Amount,
    },
    /// A change was refused, or a proposal expired, because of the envelope (rule R-6): the margin
    /// that would be in force is less than the sum of what it must bear.
    NotProven {
        /// Of which market.
        market: MarketId,
        /// Its maintenance margin.
        margin: Rate,
        /// What it must bear.
        need: Need,
    },
    /// A market is settled: its positions were closed at one price (rules ).
    Settled {
        /// Which.
        market: MarketId,
        /// The settlement price.
        price: Price,
        /// How long the index was seen that the price is the mean of.
        covered: Span,
        /// Σ of the longs that were closed.
        interest: Qty,
        /// Deficits that neither insurance nor the gains of the settlement paid.
        uncovered: Amount,
    },
    /// What became of options (section K).
    Option(OptionEvent),
}
