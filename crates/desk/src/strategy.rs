//! The one trait, what it hears and what it may ask for.

use money::{Amount, Price, Qty, Rate, Span, Time};
use pricing::svi::Svi;
use protocol::command::Lifetime;
use protocol::ids::{AccountId, ClientId, OptionKind, Side};
use protocol::params::FundingRule;

/// Something that can be traded at one venue: an index into the table that the strategy was built
/// with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instrument(pub u16);

/// What a strategy is told about an instrument before it starts.
#[derive(Clone, Debug, PartialEq)]
pub struct Listing {
    /// Name, as `BTC-PERP`.
    pub name: String,
    /// Price step.
    pub tick: Price,
    /// Quantity step.
    pub lot: Qty,
    /// Fee of the resting side.
    pub fee_maker: Rate,
    /// Fee of the aggressor.
    pub fee_taker: Rate,
    /// The published funding rule, of a perpetual.
    pub funding: Option<FundingRule>,
}

/// A price and how much is quoted there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Level {
    /// Price.
    pub price: Price,
    /// Quantity.
    pub qty: Qty,
}

/// What an exchange publishes about a perpetual's funding.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Published {
    /// The index price, zero before the first.
    pub index: Price,
    /// The mark price, zero before the first.
    pub mark: Price,
    /// The premium in force: the running average of the current interval for a rule that settles
    /// by interval, the last sample for one that accrues.
    pub premium: Rate,
    /// The rate that would be paid for 8 h if nothing changed.
    pub rate_8h: Rate,
    /// Time since the last settlement, zero for a rule that accrues.
    pub elapsed: Span,
}

/// What an option pays, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Contract {
    /// When it settles, on the mean of the index before.
    pub expiry: Time,
    /// Strike, in quote.
    pub strike: Price,
    /// Call or put.
    pub kind: OptionKind,
}

/// One expiry of the volatility surface that an exchange marks by, as of the time of hearing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Slice {
    /// The expiry.
    pub expiry: Time,
    /// Forward price, in quote.
    pub forward: f64,
    /// Total variance left, by ln(strike/forward).
    pub svi: Svi,
}

/// What a strategy hears. Times are the strategy's own clock on arrival.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Event {
    /// The best quotes of an instrument, as last seen.
    Quote {
        /// Which.
        instrument: Instrument,
        /// Best bid.
        bid: Option<Level>,
        /// Best ask.
        ask: Option<Level>,
    },
    /// Somebody traded; told by venues that publish trades, to strategies that ask for them.
    Trade {
        /// Which.
        instrument: Instrument,
        /// The aggressor's direction.
        side: Side,
        /// Price.
        price: Price,
        /// Quantity.
        qty: Qty,
    },
    /// Funding data of a perpetual, as last published.
    Funding {
        /// Which.
        instrument: Instrument,
        /// The data.
        published: Published,
    },
    /// An order rests.
    Rested {
        /// Which instrument.
        instrument: Instrument,
        /// The client's number.
        client: ClientId,
    },
    /// An order traded.
    Fill {
        /// Which instrument.
        instrument: Instrument,
        /// The client's number.
        client: ClientId,
        /// Direction.
        side: Side,
        /// Price.
        price: Price,
        /// Quantity.
        qty: Qty,
        /// Fee paid, in quote.
        fee: Amount,
        /// Whether the order has nothing left.
        done: bool,
    },
    /// An order is gone (cancelled, unfilled or refused) with this much left.
    Gone {
        /// Which instrument.
        instrument: Instrument,
        /// The client's number.
        client: ClientId,
        /// Whether it was refused by the venue.
        refused: bool,
    },
    /// The position as the venue states it: perpetual position, or balance of the base asset.
    Position {
        /// Which instrument.
        instrument: Instrument,
        /// Quantity, signed.
        qty: Qty,
    },
    /// The account's equity over all its positions, as the venue states it.
    Equity {
        /// In quote.
        equity: Amount,
    },
    /// A series of options is listed.
    Series {
        /// Its number.
        instrument: Instrument,
        /// What it is.
        contract: Contract,
    },
    /// One expiry of the surface in force.
    Surface(Slice),
    /// An account with options is auctioned.
    Auction {
        /// Whose positions.
        account: AccountId,
        /// What a bidder is paid now, for each unit of maintenance margin taken over.
        pays: Rate,
    },
    /// The time that the strategy asked to be woken at. All data above arrives before it.
    Wake {
        /// Now.
        now: Time,
    },
}

/// What a strategy asks for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Intent {
    /// Place an order.
    Place {
        /// Which instrument.
        instrument: Instrument,
        /// Direction.
        side: Side,
        /// Worst acceptable price, a multiple of the tick.
        price: Price,
        /// Quantity, a multiple of the lot.
        qty: Qty,
        /// How long it lives.
        lifetime: Lifetime,
        /// Only ever makes the position smaller.
        reduce_only: bool,
        /// The strategy's own number, unique among its orders.
        client: ClientId,
    },
    /// Cancel an order.
    Cancel {
        /// Which instrument.
        instrument: Instrument,
        /// Which order.
        client: ClientId,
    },
    /// Cancel all orders in an instrument.
    CancelAll {
        /// Which instrument.
        instrument: Instrument,
    },
    /// Take over a part of an account that is auctioned.
    Bid {
        /// Whose positions.
        account: AccountId,
        /// The largest part of them.
        fraction: Rate,
        /// The least payment for each unit of maintenance margin taken over.
        least: Rate,
    },
    /// Wake me at this time.
    WakeAt(Time),
}

/// A pure machine from events to intents: no clock, no IO; every random choice from its own seed.
pub trait Strategy {
    /// Takes one event and appends what it wants done.
    fn on(&mut self, event: &Event, intents: &mut Vec<Intent>);
}
