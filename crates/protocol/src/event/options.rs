//! What became of options: series, surfaces, orders, trades and expiries (section K).

use borsh::{BorshDeserialize, BorshSerialize};
use money::{Amount, Price, Qty, Rate, Span, Time};

use super::Gone;
use crate::ids::{
    AccountId, AssetId, ChainId, ClientId, MarketId, OptionKind, OrderId, PublisherId, SeriesId,
    Side,
};

/// An event of options.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum OptionEvent {
    /// A series of options is listed (rule K-2).
    SeriesListed {
        /// On which asset.
        chain: ChainId,
        /// Its number.
        series: SeriesId,
        /// When it ends.
        expiry: Time,
        /// Its strike.
        strike: Price,
        /// Call or put.
        kind: OptionKind,
    },
    /// A series found no room among those that may be listed at once.
    ChainFull {
        /// On which asset.
        chain: ChainId,
    },
    /// A publisher's surface is the one in force (rule V-3).
    SurfaceAccepted {
        /// Of which options.
        chain: ChainId,
        /// Whose.
        publisher: PublisherId,
        /// When it was observed.
        source_time: Time,
    },
    /// An order for options rests.
    Rested {
        /// Whose.
        account: AccountId,
        /// Where.
        series: SeriesId,
        /// Its handle.
        order: OrderId,
        /// The client's number.
        client: ClientId,
        /// How much rests.
        qty: Qty,
    },
    /// An order for options, or the rest of one, is gone.
    Removed {
        /// Whose.
        account: AccountId,
        /// Where.
        series: SeriesId,
        /// The client's number.
        client: ClientId,
        /// How much was left.
        qty: Qty,
        /// Why.
        reason: Gone,
    },
    /// Two orders for options traded; the buyer paid the premium (rule K-4).
    Traded {
        /// Where.
        series: SeriesId,
        /// The aggressor's direction.
        side: Side,
        /// At the resting order's price, for a unit.
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
    },
    /// A position in options was settled (rule K-8).
    Exercised {
        /// Whose.
        account: AccountId,
        /// Which.
        series: SeriesId,
        /// How much; negative for a short.
        position: Qty,
        /// What the account received, or paid (negative).
        payoff: Amount,
        /// What of it went to FEES.
        fee: Amount,
    },
    /// What an account owes after a settlement was taken from the gain of another (rule K-8).
    Haircut {
        /// On which asset.
        chain: ChainId,
        /// Who owes.
        account: AccountId,
        /// Who gained.
        counterparty: AccountId,
        /// How much.
        haircut: Amount,
    },
    /// All series of an expiry are settled (rule K-8).
    ExpirySettled {
        /// On which asset.
        chain: ChainId,
        /// Which.
        expiry: Time,
        /// The settlement price.
        price: Price,
        /// How long the index was seen that the price is the mean of.
        covered: Span,
        /// Σ of the longs that were settled.
        interest: Qty,
        /// Deficits that neither insurance nor the gains of the settlement paid.
        uncovered: Amount,
    },
    /// The auction of an account begins (rule L-20).
    BookAuctionStarted {
        /// Whose.
        account: AccountId,
        /// Its equity.
        equity: Amount,
        /// Its maintenance margin.
        maintenance: Amount,
    },
    /// The auction of an account is over (rule L-23).
    BookAuctionEnded {
        /// Whose.
        account: AccountId,
        /// Why.
        reason: AuctionEnd,
    },
    /// A part of an account was taken over (rules L-21 and L-22).
    PortfolioTaken {
        /// Whose it was.
        account: AccountId,
        /// Who has it now.
        bidder: AccountId,
        /// Which part.
        fraction: Rate,
        /// What the account paid the bidder.
        paid: Amount,
        /// What insurance paid the bidder; what it paid the account is told by `InsurancePaid`.
        insured: Amount,
    },
    /// A position in options went to a bidder at the mark.
    LegTaken {
        /// Whose it was.
        account: AccountId,
        /// Who has it now.
        bidder: AccountId,
        /// Which.
        series: SeriesId,
        /// How much; negative for a short.
        qty: Qty,
        /// What the bidder paid for it, or received (negative).
        amount: Amount,
    },
    /// A position in a perpetual or a future went to a bidder at the mark.
    PositionTaken {
        /// Whose it was.
        account: AccountId,
        /// Who has it now.
        bidder: AccountId,
        /// Where.
        market: MarketId,
        /// How much; negative for a short.
        qty: Qty,
        /// What it is worth, with the sign of the quantity.
        amount: Amount,
    },
    /// A part of a holding went to a bidder at the index.
    HoldingTaken {
        /// Whose it was.
        account: AccountId,
        /// Who has it now.
        bidder: AccountId,
        /// What.
        asset: AssetId,
        /// How much.
        qty: Qty,
        /// What the bidder paid for it.
        amount: Amount,
    },
    /// Positions in options were closed against each other at the mark (rule L-22).
    Deleveraged {
        /// Which.
        series: SeriesId,
        /// The account whose auction is over.
        account: AccountId,
        /// The other side.
        counterparty: AccountId,
        /// The mark.
        price: Price,
        /// How much; negative when the account sold.
        qty: Qty,
        /// What the account paid for it, or received (negative).
        amount: Amount,
        /// What the other side gave up of the deficit.
        haircut: Amount,
    },
}

/// Why an auction is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum AuctionEnd {
    /// The account has initial margin again.
    Restored,
    /// It has no position in options.
    NothingLeft,
    /// Bidders had their time, or insurance was not enough.
    Deleveraged,
}
