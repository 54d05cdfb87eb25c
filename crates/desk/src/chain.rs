//! A chain of options as a strategy sees it: the series listed, their quotes and positions, and the
//! surface that the exchange marks by.
//!
//! A series is an instrument with a [`Leg`] of its own from the moment that it is listed until it
//! expires. Its value is Black-76 on the forward of its expiry at the surface's volatility for its
//! strike; a strategy with a view of its own scales that volatility.

use money::{Qty, Rate, Time};
use pricing::black;
use pricing::convert::{price_f64, qty_f64, rate_f64};
use protocol::ids::{OptionKind, Side};

use crate::attribution::OptionMark;
use crate::gamma::{Book, Hedger, Holding};
use crate::leg::{BadConfig, Leg, Pen, Want};
use crate::strategy::{Contract, Event, Instrument, Listing, Slice};

/// What is the same for every series of a chain.
#[derive(Clone, Debug, PartialEq)]
pub struct ChainListing {
    /// Tick, lot and fees of a series; fees are shares of the index notional.
    pub series: Listing,
    /// Largest fee as a share of the premium.
    pub fee_cap: Rate,
}

/// One series.
#[derive(Clone, Debug)]
pub struct Series {
    /// What it pays.
    pub contract: Contract,
    /// Quotes, position and orders.
    pub leg: Leg,
    instrument: Instrument,
}

/// A series at the surface.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Value {
    /// Premium, in quote.
    pub price: f64,
    /// Delta on the forward.
    pub delta: f64,
    /// Per 1.00 of volatility.
    pub vega: f64,
    /// Implied volatility a year.
    pub volatility: f64,
    /// Years to expiry.
    pub years: f64,
}

/// The chain.
#[derive(Clone, Debug)]
pub struct Chain {
    listing: ChainListing,
    slots: usize,
    /// By instrument.
    series: Vec<Series>,
    /// By expiry.
    slices: Vec<Slice>,
}

/// Nanoseconds of a year of 365 days.
const YEAR_NS: f64 = 365.0 * 86_400.0 * 1e9;

impl Chain {
    /// An empty chain whose legs have so many order slots; tick and lot must be above zero.
    pub fn new(listing: ChainListing, slots: usize) -> Result<Chain, BadConfig> {
        Leg::new(Instrument(0), &listing.series, slots)?;
        Ok(Chain { listing, slots, series: Vec::new(), slices: Vec::new() })
    }

    /// Takes what an event says about the chain; whether anything to act on changed.
    pub fn hear(&mut self, event: &Event) -> bool {
        match *event {
            Event::Series { instrument, contract } => {
                self.list(instrument, contract);
                true
            }
            Event::Surface(slice) => {
                self.mark(slice);
                true
            }
            Event::Quote { instrument, .. }
            | Event::Rested { instrument, .. }
            | Event::Fill { instrument, .. }
            | Event::Gone { instrument, .. }
            | Event::Position { instrument, .. } => match self.place(instrument) {
                Ok(at) => self.series[at].leg.hear(event),
                Err(_) => false,
            },
            Event::Trade { .. }
            | Event::Funding { .. }
            | Event::Equity { .. }
            | Event::Auction { .. }
            | Event::Wake { .. } => false,
        }
    }

    fn place(&self, instrument: Instrument) -> Result<usize, usize> {
        self.series.binary_search_by_key(&instrument, |series| series.instrument)
    }

    fn list(&mut self, instrument: Instrument, contract: Contract) {
        let Err(at) = self.place(instrument) else { return };
        let leg = Leg::new(instrument, &self.listing.series, self.slots);
        let leg = leg.expect("tick and lot were checked with the chain");
        self.series.insert(at, Series { contract, leg, instrument });
    }

    fn mark(&mut self, slice: Slice) {
        match self.slices.binary_search_by_key(&slice.expiry, |known| known.expiry) {
            Ok(at) => self.slices[at] = slice,
            Err(at) => self.slices.insert(at, slice),
        }
    }

    /// Forgets what has expired.
    pub fn expire(&mut self, now: Time) {
        self.series.retain(|series| series.contract.expiry > now);
        self.slices.retain(|slice| slice.expiry > now);
    }

    /// The series, by instrument.
    pub fn series(&self) -> &[Series] {
        &self.series
    }

    /// The series, to trade in.
    pub fn series_mut(&mut self) -> &mut [Series] {
        &mut self.series
    }

    /// The surface's slice of an expiry.
    pub fn slice(&self, expiry: Time) -> Option<&Slice> {
        let at = self.slices.binary_search_by_key(&expiry, |slice| slice.expiry).ok()?;
        Some(&self.slices[at])
    }

    /// At-the-money volatility of the expiry nearest to so many years, if there is a surface.
    pub fn at_the_money(&self, years: f64, now: Time) -> Option<f64> {
        let left = |slice: &Slice| years_between(now, slice.expiry);
        let off = |slice: &&Slice| (left(slice) - years).abs();
        let live = self.slices.iter().filter(|slice| left(slice) > 0.0);
        let near = live.min_by(|a, b| off(a).total_cmp(&off(b)))?;
        Some((near.svi.variance(0.0) / left(near)).sqrt())
    }

    /// A contract's mark, with the surface's volatility shifted to `volatility(own)`.
    fn mark_of(
        &self,
        contract: &Contract,
        now: Time,
        volatility: impl Fn(f64) -> f64,
    ) -> Option<OptionMark> {
        let slice = self.slice(contract.expiry)?;
        let years = years_between(now, contract.expiry);
        let strike = price_f64(contract.strike);
        let total = slice.svi.variance(libm::log(strike / slice.forward));
        let own = (total / years).sqrt();
        let mark = OptionMark {
            kind: black_kind(contract.kind),
            strike,
            forward: slice.forward,
            volatility: volatility(own),
            years,
            scale: 1.0,
        };
        (years > 0.0 && total > 0.0 && own.is_finite()).then_some(mark)
    }

    /// What a contract is worth at the surface; `None` without a slice or at expiry.
    pub fn value(&self, contract: &Contract, now: Time) -> Option<Value> {
        self.value_at(contract, now, |own| own)
    }

    /// What a contract is worth with the surface's volatility passed through `volatility`.
    pub fn value_at(
        &self,
        contract: &Contract,
        now: Time,
        volatility: impl Fn(f64) -> f64,
    ) -> Option<Value> {
        let mark = self.mark_of(contract, now, volatility)?;
        let greeks = mark.greeks();
        Some(Value {
            price: greeks.price,
            delta: greeks.delta,
            vega: greeks.vega,
            volatility: mark.volatility,
            years: mark.years,
        })
    }

    /// Fee of one option, in quote: a share of the forward, at most a share of its premium.
    pub fn fee(&self, rate: f64, forward: f64, premium: f64) -> f64 {
        (rate * forward).min(rate_f64(self.listing.fee_cap) * premium)
    }

    /// Fee of an aggressor in this series.
    pub fn fee_taker(&self, forward: f64, premium: f64) -> f64 {
        self.fee(rate_f64(self.listing.series.fee_taker), forward, premium)
    }

    /// Everything held, with a hedge at its price.
    pub fn book(&self, hedge: Qty, price: f64, now: Time) -> Book {
        let holding = |series: &Series| {
            let qty = series.leg.position();
            let mark = (qty != Qty::ZERO).then(|| self.mark_of(&series.contract, now, |own| own));
            mark.flatten().map(|mark| Holding { qty, mark })
        };
        Book { options: self.series.iter().filter_map(holding).collect(), hedge, price }
    }

    /// Follows up silent orders of every series.
    pub fn follow_up(&mut self, patience: money::Span, pen: &mut Pen) {
        for series in &mut self.series {
            series.leg.follow_up(patience, pen);
        }
    }
}

/// Years of 365 days between two instants.
pub fn years_between(from: Time, to: Time) -> f64 {
    to.nanos().saturating_sub(from.nanos()) as f64 / YEAR_NS
}

/// The rulebook's kind as the pricing crate names it.
pub fn black_kind(kind: OptionKind) -> black::OptionKind {
    match kind {
        OptionKind::Call => black::OptionKind::Call,
        OptionKind::Put => black::OptionKind::Put,
    }
}

/// The hedge of a chain: one instrument and the rule by which it is traded.
#[derive(Clone, Debug)]
pub struct Hedge {
    leg: Leg,
    hedger: Hedger,
    /// How far through the best quote it goes, as a share of the price.
    slippage: f64,
    last: Option<Time>,
}

impl Hedge {
    /// A hedge in an instrument.
    pub fn new(
        instrument: Instrument,
        listing: &Listing,
        hedger: Hedger,
        slippage: f64,
    ) -> Result<Hedge, BadConfig> {
        Ok(Hedge { leg: Leg::new(instrument, listing, 1)?, hedger, slippage, last: None })
    }

    /// Takes what an event says about the hedge.
    pub fn hear(&mut self, event: &Event) -> bool {
        self.leg.hear(event)
    }

    /// The mid of the hedge.
    pub fn mid(&self) -> Option<f64> {
        self.leg.mid()
    }

    /// What is held of the hedge.
    pub fn position(&self) -> Qty {
        self.leg.position()
    }

    /// Trades towards the rule's target, if it says so and no order is out.
    pub fn act(&mut self, chain: &Chain, patience: money::Span, pen: &mut Pen) -> Option<()> {
        self.leg.follow_up(patience, pen);
        let price = self.leg.mid()?;
        if !self.leg.is_free(0) {
            return None;
        }
        let now = pen.now;
        let trade = self.hedger.hedge(&chain.book(self.leg.position(), price, now), now, self.last);
        self.last = Some(now);
        let trade = trade?;
        let side = if trade > Qty::ZERO { Side::Buy } else { Side::Sell };
        let best = price_f64(self.leg.against(side)?.price);
        let limit = best * (1.0 + self.slippage * side.sign() as f64);
        let price = self.leg.on_tick(side, limit)?;
        self.leg.take(0, Want { side, price, qty: trade.abs(), beside: Qty::ZERO }, pen);
        Some(())
    }
}

/// Net vega of what is held, in quote per 1.00 of volatility.
pub fn vega(chain: &Chain, now: Time) -> f64 {
    let of = |series: &Series| {
        let qty = qty_f64(series.leg.position());
        let value = (qty != 0.0).then(|| chain.value(&series.contract, now)).flatten();
        value.map_or(0.0, |value| qty * value.vega)
    };
    chain.series().iter().map(of).sum()
}
