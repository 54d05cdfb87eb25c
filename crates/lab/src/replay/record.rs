//! What a replay leaves behind: plain columns that the loop fills and that measures, tables and
//! pages read.
//!
//! Money is exact, in the account's quote currency; prices are quote per base, quantities base.
//! Times are the run's own clock in nanoseconds UTC and never fall. Memory is bounded whatever the
//! length of the tape: fills are kept up to a limit and counted beyond it, and a grid of samples
//! that is full loses every other row and goes on with twice the step. Nothing here looks at a
//! clock or allocates for an event that is neither a fill nor a sample.
//!
//! What always holds once a run has ended: the ledgers of all markets and of the account add up to
//! the last equity less the first, with `==` ([`Record::check`]).

use money::{Amount, Price, Qty, Round, Span, Time};
use protocol::ids::{ClientId, Side};

/// Fills that are kept; later ones are only counted. A fill takes 76 bytes.
pub const FILLS_MAX: usize = 1 << 22;

/// Cells of the grid that are kept: a sample takes one for the equity and one for each market, of
/// 24 bytes each.
pub const CELLS_MAX: usize = 1 << 22;

/// How long after a fill the mid is looked at again.
pub const HORIZONS: [Span; 4] =
    [Span::from_millis(100), Span::from_secs(1), Span::from_secs(10), Span::from_secs(60)];

/// Everything about one replay.
#[derive(Clone, Debug)]
pub struct Record {
    /// What was run, on what.
    pub run: Run,
    /// The markets; fills and samples name them by index.
    pub markets: Vec<Market>,
    /// Flows that belong to no market, as interest on the account's debt.
    pub account: Ledger,
    /// Equity before the first event.
    pub equity_start: Amount,
    /// Equity after the last event.
    pub equity_end: Amount,
    /// State on a grid of times.
    pub samples: Samples,
    /// Own fills.
    pub fills: Fills,
    /// What a reader must know beside the numbers: outages, liquidations, gaps of the data.
    pub incidents: Vec<Incident>,
}

/// What was run, on what: enough to run it again.
#[derive(Clone, Debug, Default)]
pub struct Run {
    /// Name of the strategy.
    pub strategy: String,
    /// Its parameters, each a name and a value with its unit.
    pub parameters: Vec<(String, String)>,
    /// Models by the part that they stand for, as `latency` and `constant, 5 ms`.
    pub models: Vec<(String, String)>,
    /// Seed of every random choice.
    pub seed: u64,
    /// Build that ran it.
    pub build: String,
    /// Command line that repeats it.
    pub command: String,
    /// The account's currency, as `USDT`.
    pub quote: String,
    /// First instant.
    pub start: Time,
    /// Last instant.
    pub end: Time,
    /// The recordings, in the order given.
    pub files: Vec<DataFile>,
}

/// One recording that was replayed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DataFile {
    /// Name as given on the command line.
    pub path: String,
    /// Checksum of its bytes with the name of the sum in front, as `blake3:…`.
    pub checksum: String,
    /// Length in bytes.
    pub bytes: u64,
    /// Events read from it.
    pub events: u64,
}

/// What can be traded at a market.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MarketKind {
    /// The asset itself.
    Spot,
    /// A perpetual future.
    Perpetual,
    /// A dated future.
    Future,
    /// An option.
    Option,
    /// A pool of two assets with a pricing rule in place of a book.
    Pool,
}

impl MarketKind {
    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            MarketKind::Spot => "spot",
            MarketKind::Perpetual => "perpetual",
            MarketKind::Future => "future",
            MarketKind::Option => "option",
            MarketKind::Pool => "pool",
        }
    }
}

/// One market of a replay.
#[derive(Clone, Debug)]
pub struct Market {
    /// Its name, as `BTCUSDT`.
    pub name: String,
    /// The venue, as `binance-futures`; empty where the tape does not say.
    pub venue: String,
    /// What is traded.
    pub kind: MarketKind,
    /// Price step.
    pub tick: Price,
    /// Quantity step.
    pub lot: Qty,
    /// Position before the first event.
    pub position_start: Qty,
    /// How much happened.
    pub counts: Counts,
    /// Where the profit in this market came from.
    pub ledger: Ledger,
}

impl Market {
    /// A market in which nothing has happened.
    pub fn new(name: &str, venue: &str, kind: MarketKind, tick: Price, lot: Qty) -> Market {
        Market {
            name: name.to_owned(),
            venue: venue.to_owned(),
            kind,
            tick,
            lot,
            position_start: Qty::ZERO,
            counts: Counts::default(),
            ledger: Ledger::default(),
        }
    }
}

/// How much happened in one market.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Events of the tape.
    pub events: u64,
    /// Trades of others on the tape.
    pub trades: u64,
    /// Their notional, in quote.
    pub volume: Amount,
    /// Orders that were sent.
    pub orders: u64,
    /// Base that they asked for, at 10⁻⁸.
    pub ordered: Amount,
    /// Orders that traded at least once.
    pub orders_filled: u64,
    /// Cancellations that were sent, each order of a cancel-all counted once.
    pub cancels: u64,
    /// Orders that were refused.
    pub refused: u64,
    /// Own fills, those beyond the limit included.
    pub fills: u64,
    /// Base that was filled, at 10⁻⁸.
    pub filled: Amount,
    /// Notional of fills as the resting side, in quote.
    pub maker: Amount,
    /// Notional of fills as the aggressor, in quote.
    pub taker: Amount,
}

/// Where profit comes from. Costs are negative.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// Fills against the mid at the time: positive when bought below or sold above it.
    Spread,
    /// Positions carried through moves of the price, and what rounding leaves.
    Price,
    /// Fees as the resting side; a rebate is positive.
    MakerFee,
    /// Fees as the aggressor.
    TakerFee,
    /// Funding of perpetuals.
    Funding,
    /// Interest on what was borrowed.
    Borrow,
    /// Fees that a pool paid to its liquidity.
    PoolFee,
    /// Gas and other charges for a transaction.
    Gas,
    /// Own impact: worse prices than the tape's because of the own size.
    Impact,
    /// Fees and losses of being liquidated.
    Liquidation,
}

impl Cause {
    /// All causes in the order of reports.
    pub const ALL: [Cause; 10] = [
        Cause::Spread,
        Cause::Price,
        Cause::MakerFee,
        Cause::TakerFee,
        Cause::Funding,
        Cause::Borrow,
        Cause::PoolFee,
        Cause::Gas,
        Cause::Impact,
        Cause::Liquidation,
    ];

    /// The words for it.
    pub const fn name(self) -> &'static str {
        match self {
            Cause::Spread => "spread captured",
            Cause::Price => "price moves",
            Cause::MakerFee => "maker fees",
            Cause::TakerFee => "taker fees",
            Cause::Funding => "funding",
            Cause::Borrow => "borrowing",
            Cause::PoolFee => "pool fees",
            Cause::Gas => "gas",
            Cause::Impact => "own impact",
            Cause::Liquidation => "liquidation",
        }
    }
}

/// Profit by cause, exact.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    parts: [Amount; Cause::ALL.len()],
}

impl Ledger {
    /// Adds a flow, negative for a cost.
    #[inline]
    pub fn add(&mut self, cause: Cause, amount: Amount) {
        self.parts[cause as usize] += amount;
    }

    /// What one cause brought.
    pub fn part(&self, cause: Cause) -> Amount {
        self.parts[cause as usize]
    }

    /// The sum over all causes.
    pub fn total(&self) -> Amount {
        self.parts.into_iter().sum()
    }
}

/// Something that a reader must know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incident {
    /// When.
    pub time: Time,
    /// Index of the market; none if it concerns the whole run.
    pub market: Option<u16>,
    /// What happened, in a few words.
    pub text: String,
}

/// Ledgers and equity that do not agree: a fault of the replay and not of its input.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the causes of profit add up to {parts}, equity moved by {moved}; report this run")]
pub struct Imbalance {
    /// Sum of all ledgers.
    pub parts: Amount,
    /// Last equity less the first.
    pub moved: Amount,
}

impl Record {
    /// An empty record: samples every `step` from the run's start.
    pub fn new(run: Run, markets: Vec<Market>, equity: Amount, step: Span) -> Record {
        let samples = Samples::new(run.start, step, markets.len(), CELLS_MAX);
        Record {
            run,
            markets,
            account: Ledger::default(),
            equity_start: equity,
            equity_end: equity,
            samples,
            fills: Fills::new(FILLS_MAX),
            incidents: Vec::new(),
        }
    }

    /// Counts a fill and keeps it. Fees and spread go to the ledger by whoever charges them.
    #[inline]
    pub fn fill(&mut self, fill: Fill) {
        let counts = &mut self.markets[usize::from(fill.market)].counts;
        let notional = fill.price.notional(fill.qty, Round::Down);
        counts.fills += 1;
        counts.filled += fill.qty.as_amount();
        if fill.maker {
            counts.maker += notional;
        } else {
            counts.taker += notional;
        }
        self.fills.push(fill);
    }

    /// Profit by cause over all markets and the account.
    pub fn ledger(&self) -> Ledger {
        let mut sum = self.account;
        for market in &self.markets {
            for cause in Cause::ALL {
                sum.add(cause, market.ledger.part(cause));
            }
        }
        sum
    }

    /// Last equity less the first.
    pub fn profit(&self) -> Amount {
        self.equity_end - self.equity_start
    }

    /// That the causes are all there is.
    ///
    /// # Errors
    /// Names both sums where they differ in the last unit.
    pub fn check(&self) -> Result<(), Imbalance> {
        let (parts, moved) = (self.ledger().total(), self.profit());
        if parts == moved { Ok(()) } else { Err(Imbalance { parts, moved }) }
    }
}

/// One row of [`Fills`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fill {
    /// When it happened at the exchange.
    pub time: Time,
    /// Index of the market.
    pub market: u16,
    /// Own direction.
    pub side: Side,
    /// Whether the own order was the resting side.
    pub maker: bool,
    /// Price.
    pub price: Price,
    /// Quantity, above zero.
    pub qty: Qty,
    /// Fee paid, in quote; a rebate is negative.
    pub fee: Amount,
    /// Mid of the book just before, zero where a side was empty.
    pub mid: Price,
    /// The order's number.
    pub client: ClientId,
}

/// Own fills in the order of time, as columns of one length.
#[derive(Clone, Debug)]
pub struct Fills {
    /// When.
    pub time: Vec<Time>,
    /// Index of the market.
    pub market: Vec<u16>,
    /// Own direction.
    pub side: Vec<Side>,
    /// Whether the own order was the resting side.
    pub maker: Vec<bool>,
    /// Price.
    pub price: Vec<Price>,
    /// Quantity, above zero.
    pub qty: Vec<Qty>,
    /// Fee paid, in quote.
    pub fee: Vec<Amount>,
    /// Mid just before, zero where a side was empty.
    pub mid: Vec<Price>,
    /// The order's number.
    pub client: Vec<ClientId>,
    /// For each of [`HORIZONS`] the mid then against the price of the fill, in bp of that price,
    /// positive when the fill was good; `NaN` until then and where there was no mid.
    pub markout_bp: [Vec<f32>; HORIZONS.len()],
    /// Fills beyond the limit, which are counted and not kept.
    pub dropped: u64,
    limit: usize,
    next: [usize; HORIZONS.len()],
    due: Time,
}

/// No instant: later than all.
const NEVER: Time = Time::from_nanos(u64::MAX);

/// A time after another, at most [`NEVER`].
const fn later(time: Time, span: Span) -> Time {
    Time::from_nanos(time.nanos().saturating_add(span.nanos()))
}

impl Fills {
    /// No fills, of which at most `limit` will be kept.
    pub fn new(limit: usize) -> Fills {
        Fills {
            time: Vec::new(),
            market: Vec::new(),
            side: Vec::new(),
            maker: Vec::new(),
            price: Vec::new(),
            qty: Vec::new(),
            fee: Vec::new(),
            mid: Vec::new(),
            client: Vec::new(),
            markout_bp: std::array::from_fn(|_| Vec::new()),
            dropped: 0,
            limit,
            next: [0; HORIZONS.len()],
            due: NEVER,
        }
    }

    /// Number of fills that were kept.
    pub fn len(&self) -> usize {
        self.time.len()
    }

    /// True without a fill.
    pub fn is_empty(&self) -> bool {
        self.time.is_empty()
    }

    /// One row.
    pub fn row(&self, at: usize) -> Fill {
        Fill {
            time: self.time[at],
            market: self.market[at],
            side: self.side[at],
            maker: self.maker[at],
            price: self.price[at],
            qty: self.qty[at],
            fee: self.fee[at],
            mid: self.mid[at],
            client: self.client[at],
        }
    }

    /// Keeps a fill, or counts it beyond the limit.
    pub fn push(&mut self, fill: Fill) {
        if self.len() == self.limit {
            self.dropped += 1;
            return;
        }
        self.time.push(fill.time);
        self.market.push(fill.market);
        self.side.push(fill.side);
        self.maker.push(fill.maker);
        self.price.push(fill.price);
        self.qty.push(fill.qty);
        self.fee.push(fill.fee);
        self.mid.push(fill.mid);
        self.client.push(fill.client);
        self.markout_bp.iter_mut().for_each(|column| column.push(f32::NAN));
        self.due = self.due.min(later(fill.time, HORIZONS[0]));
    }

    /// The next instant at which a mid is wanted; later than all times if none is.
    #[inline]
    pub fn due(&self) -> Time {
        self.due
    }

    /// Takes the mids in force just before `now` for all that was due by then: to be called before
    /// what happens at `now` is applied. A mid of zero is none.
    #[cold]
    pub fn look(&mut self, now: Time, mid: impl Fn(u16) -> Price) {
        self.due = NEVER;
        for (at, horizon) in HORIZONS.into_iter().enumerate() {
            while let Some(&time) = self.time.get(self.next[at]) {
                let due = later(time, horizon);
                if due > now {
                    self.due = self.due.min(due);
                    break;
                }
                let row = self.next[at];
                self.markout_bp[at][row] = self.markout(row, mid(self.market[row]));
                self.next[at] += 1;
            }
        }
    }

    fn markout(&self, row: usize, mid: Price) -> f32 {
        let price = self.price[row];
        if mid.is_zero() || price.is_zero() {
            return f32::NAN;
        }
        let gained = match self.side[row] {
            Side::Buy => mid - price,
            Side::Sell => price - mid,
        };
        (gained.raw() as f64 / price.raw().abs() as f64 * 1e4) as f32
    }
}

/// The state of one market at a sample.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Position, signed.
    pub position: Qty,
    /// Mid of the book, zero where a side is empty.
    pub mid: Price,
    /// Price that the position is worth, zero before the first.
    pub mark: Price,
}

/// State on a grid of times, as columns of one length; the last grid time may be before the end.
#[derive(Clone, Debug)]
pub struct Samples {
    /// When.
    pub time: Vec<Time>,
    /// Equity over all markets, in quote.
    pub equity: Vec<Amount>,
    /// For each market its states.
    pub markets: Vec<Vec<Seen>>,
    /// Time between rows.
    pub step: Span,
    rows_max: usize,
    due: Time,
}

impl Samples {
    /// An empty grid from `start` on; a step of zero is a second. `cells` bounds the memory.
    pub fn new(start: Time, step: Span, markets: usize, cells: usize) -> Samples {
        Samples {
            time: Vec::new(),
            equity: Vec::new(),
            markets: vec![Vec::new(); markets],
            step: if step == Span::ZERO { Span::SECOND } else { step },
            rows_max: (cells / (markets + 1)).max(2),
            due: start,
        }
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.time.len()
    }

    /// True without a row.
    pub fn is_empty(&self) -> bool {
        self.time.is_empty()
    }

    /// Time of the next row. While it is not after the next event's, one row is pushed for it: the
    /// state that was in force then.
    #[inline]
    pub fn due(&self) -> Time {
        self.due
    }

    /// Appends the row that was due. `seen` has one entry for each market.
    pub fn push(&mut self, equity: Amount, seen: &[Seen]) {
        assert_eq!(seen.len(), self.markets.len(), "one state for each market");
        self.time.push(self.due);
        self.equity.push(equity);
        for (column, seen) in self.markets.iter_mut().zip(seen) {
            column.push(*seen);
        }
        self.due = later(self.due, self.step);
        if self.len() >= self.rows_max {
            self.thin();
        }
    }

    /// Drops every other row but the first, and doubles the step.
    #[cold]
    fn thin(&mut self) {
        let last = *self.time.get((self.len() - 1) / 2 * 2).expect("a full grid has rows");
        halve(&mut self.time);
        halve(&mut self.equity);
        self.markets.iter_mut().for_each(halve);
        self.step = self.step.times(2);
        self.due = later(last, self.step);
    }
}

/// Keeps rows 0, 2, 4 …
fn halve<T>(column: &mut Vec<T>) {
    let mut row = 0;
    column.retain(|_| {
        row += 1;
        row % 2 == 1
    });
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
