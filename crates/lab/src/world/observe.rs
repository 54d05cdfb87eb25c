//! What the venues publish, with its history, and what the lab writes down.

use desk::strategy::{Event, Instrument, Level, Published};
use money::{Amount, Price, Qty, Round, Span, Time};
use pricing::convert::{amount_f64, price_f64, rate_f64};
use protocol::book::Book as _;
use protocol::event;
use protocol::funding::Funding;
use protocol::ids::{MarketId, Side};
use protocol::ledger::Holder;
use protocol::market::Market;
use protocol::state::State;

use super::World;
use crate::record::{Counts, Sample, Samples};
use crate::spot::Venue;

/// Snapshots that are kept; an agent further behind sees the oldest.
pub(super) const HISTORY: usize = 16;

/// A quote of one instrument and, of a perpetual, its funding data.
#[derive(Clone, Copy, Debug, Default)]
struct Posted {
    bid: Option<Level>,
    ask: Option<Level>,
    funding: Option<Published>,
}

/// A ring of snapshots, the newest last.
#[derive(Clone, Debug)]
struct Ring {
    times: [Time; HISTORY],
    rows: Vec<Posted>,
    width: usize,
    newest: usize,
}

impl Ring {
    fn new(width: usize) -> Ring {
        Ring {
            times: [Time::ZERO; HISTORY],
            rows: vec![Posted::default(); HISTORY * width],
            width,
            newest: 0,
        }
    }

    fn post(&mut self, time: Time) -> &mut [Posted] {
        self.newest = (self.newest + 1) % HISTORY;
        self.times[self.newest] = time;
        &mut self.rows[self.newest * self.width..][..self.width]
    }

    /// The newest snapshot not later than `by`, or the oldest.
    fn seen(&self, by: Time, column: usize) -> Posted {
        let back = (0..HISTORY - 1)
            .find(|back| self.times[(self.newest + HISTORY - back) % HISTORY] <= by)
            .unwrap_or(HISTORY - 1);
        self.rows[(self.newest + HISTORY - back) % HISTORY * self.width + column]
    }
}

/// The board of all quotes.
#[derive(Clone, Debug)]
pub(super) struct Board {
    chain: Ring,
    venues: Ring,
    markets: usize,
}

impl Board {
    pub(super) fn new(state: &State) -> Board {
        let markets = state.markets().len();
        let venues = state.params().assets.len() - 1;
        Board { chain: Ring::new(markets), venues: Ring::new(venues), markets }
    }

    pub(super) fn post_chain(&mut self, now: Time, state: &State) {
        for (row, market) in self.chain.post(now).iter_mut().zip(state.markets()) {
            row.bid = market.top(Side::Buy).map(|(price, qty)| Level { price, qty });
            row.ask = market.top(Side::Sell).map(|(price, qty)| Level { price, qty });
            row.funding = published(market, state);
        }
    }

    pub(super) fn post_venues(&mut self, now: Time, venues: &[Venue]) {
        for (row, venue) in self.venues.post(now).iter_mut().zip(venues) {
            let (bid, ask) = venue.quote(now);
            (row.bid, row.ask) = (Some(bid), Some(ask));
        }
    }

    /// The mid of an external venue by then, zero before its first quote.
    pub(super) fn venue_mid(&self, venue: usize, by: Time) -> Price {
        match self.venues.seen(by, venue) {
            Posted { bid: Some(bid), ask: Some(ask), .. } => {
                bid.price.midpoint(ask.price, Round::Down)
            }
            Posted { .. } => Price::ZERO,
        }
    }

    /// Tells what an instrument had published by then.
    pub(super) fn tell(&self, instrument: Instrument, by: Time, mut hear: impl FnMut(Event)) {
        let at = usize::from(instrument.0);
        let posted = if at < self.markets {
            self.chain.seen(by, at)
        } else {
            self.venues.seen(by, at - self.markets)
        };
        let Posted { bid, ask, funding } = posted;
        hear(Event::Quote { instrument, bid, ask });
        if let Some(published) = funding {
            hear(Event::Funding { instrument, published });
        }
    }
}

/// What an exchange publishes about funding.
fn published(market: &Market, state: &State) -> Option<Published> {
    let params = market.perpetual_params()?;
    let funding = &market.perpetual.funding;
    let elapsed = if Funding::settles_by_interval(&params.funding) {
        state.time().since(funding.interval_start)
    } else {
        Span::ZERO
    };
    Some(Published {
        index: state.oracle().index(market.params.base).price,
        mark: market.perpetual.mark.price,
        premium: funding.premium,
        rate_8h: funding.rate_8h(&params.funding),
        elapsed,
    })
}

/// The series and totals of one perpetual.
#[derive(Clone, Debug, Default)]
pub(super) struct Series {
    pub(super) samples: Samples,
    /// Net funding that longs received (negative: paid), in quote.
    pub(super) received_by_longs: f64,
    pub(super) traded: Amount,
    /// Next row of the recorded perpetual.
    recorded_at: usize,
    /// Funding index at the last accrual.
    index: money::FundingIndex,
}

/// What the lab writes down.
#[derive(Clone, Debug)]
pub(super) struct Recorder {
    pub(super) series: Vec<Series>,
    pub(super) counts: Counts,
    pub(super) liquidated: Vec<bool>,
    pub(super) insurance_paid: Amount,
    pub(super) insurance_received: Amount,
    pub(super) insurance_start: Amount,
    pub(super) inventory_max: Vec<f64>,
    pub(super) carry_8h: f64,
    recorded: Vec<Vec<(Time, Price)>>,
}

impl Recorder {
    pub(super) fn new(state: &State, recorded: Vec<Vec<(Time, Price)>>, carry_8h: f64) -> Recorder {
        Recorder {
            series: vec![Series::default(); state.markets().len()],
            counts: Counts::default(),
            liquidated: Vec::new(),
            insurance_paid: Amount::ZERO,
            insurance_received: Amount::ZERO,
            insurance_start: Amount::ZERO,
            inventory_max: Vec::new(),
            carry_8h,
            recorded,
        }
    }

    /// Counts an event.
    pub(super) fn count(&mut self, event: &event::Event, state: &State) {
        match *event {
            event::Event::Traded { market, price, qty, .. } => {
                self.counts.trades += 1;
                self.series[market.index()].traded += price.notional(qty, Round::Down);
            }
            event::Event::Rejected { .. } => self.counts.rejects += 1,
            event::Event::LiquidationStarted { account, .. } => {
                if self.liquidated.len() <= account.index() {
                    self.liquidated.resize(account.index() + 1, false);
                }
                self.liquidated[account.index()] = true;
            }
            event::Event::Deleveraged { .. } => self.counts.deleveraged += 1,
            event::Event::InsurancePaid { amount, .. } => self.insurance_paid += amount,
            event::Event::LiquidationFee { amount, .. } => self.insurance_received += amount,
            event::Event::Moved { account: None, amount, .. } => self.insurance_start += amount,
            event::Event::Funded { market, index, .. } => {
                let open = state.market(market).perpetual.open_interest;
                let series = &mut self.series[market.index()];
                let moved = index - series.index;
                series.index = index;
                let paid = moved.split(open).map_or(0.0, |(amount, _)| amount_f64(amount));
                series.received_by_longs -= paid;
            }
            event::Event::Opened { .. }
            | event::Event::Moved { .. }
            | event::Event::Rested { .. }
            | event::Event::Removed { .. }
            | event::Event::Indexed { .. }
            | event::Event::FundingPaid { .. }
            | event::Event::Realised { .. }
            | event::Event::HedgeLost { .. }
            | event::Event::BackstopTook { .. }
            | event::Event::BackstopMoved { .. }
            | event::Event::Phase { .. }
            | event::Event::Collected { .. }
            | event::Event::Closed { .. }
            | event::Event::WithdrawalsShut { .. }
            | event::Event::Owned { .. }
            | event::Event::Transferred { .. }
            | event::Event::AgentApproved { .. }
            | event::Event::AgentRevoked { .. }
            | event::Event::SwitchSet { .. }
            | event::Event::SwitchActed { .. }
            | event::Event::TwapOpened { .. }
            | event::Event::TwapOver { .. }
            | event::Event::TriggerSet { .. }
            | event::Event::TriggerGone { .. }
            | event::Event::DueRefused { .. }
            | event::Event::Staked { .. }
            | event::Event::UnstakeAsked { .. }
            | event::Event::Proposed { .. }
            | event::Event::Balloted { .. }
            | event::Event::Counted { .. }
            | event::Event::Executed { .. }
            | event::Event::Expired { .. }
            | event::Event::Changed { .. }
            | event::Event::OnlyReduces { .. } => {}
            event::Event::ConvergenceWindow { .. }
            | event::Event::Breach { .. }
            | event::Event::LeftBehind { .. }
            | event::Event::NotProven { .. }
            | event::Event::Option(_)
            | event::Event::Settled { .. } => {}
        }
    }
}

impl World {
    /// Writes down the markets, charges financing and measures inventories.
    pub(super) fn take_sample(&mut self) {
        for at in 0..self.state.markets().len() {
            let market = &self.state.markets()[at];
            if market.perpetual_params().is_none() {
                continue;
            }
            let base = market.params.base.index() - 1;
            let series = &mut self.recorder.series[at];
            let recorded = recorded_at(&self.recorder.recorded[base], series, self.now);
            let spot = self.venues[base].path();
            series.samples.push(sample(&self.state, at, self.now, [spot, recorded]));
        }
        self.sample_options();
        self.charge_financing();
        self.measure_inventory();
        self.push(self.now.after(self.sample), super::Item::Sample);
    }

    /// Coins beyond the endowment are financed with quote currency at the agent's own rate.
    fn charge_financing(&mut self) {
        let share = pricing::convert::hours(self.sample) / 8.0;
        for at in 0..self.books.len() {
            let rate = self.books[at].financing_8h;
            if rate == 0.0 {
                continue;
            }
            for asset in 0..self.venues.len() {
                let coins = self.coins(at, asset) - self.books[at].endowment[asset];
                let value = self.venues[asset].path().notional(coins, Round::Up);
                self.books[at].financing -= amount_f64(value) * rate * share;
            }
        }
    }

    /// An agent's coins of an asset, on the chain and outside.
    pub(super) fn coins(&self, agent: usize, asset: usize) -> Qty {
        let id = protocol::ids::AssetId(asset as u16 + 1);
        let account = self.agents[agent].account;
        if account.0 >= self.state.accounts() {
            return Qty::ZERO;
        }
        let held = self.state.ledger().balance(Holder::User(account), id);
        let held = Qty::from_raw(i64::try_from(held.raw()).expect("a holding fits a quantity"));
        held + self.books[agent].venue_coins(asset)
    }

    /// Σ over markets of |net perpetual position| of each class, in quote.
    fn measure_inventory(&mut self) {
        let classes = self.classes();
        self.recorder.inventory_max.resize(classes.len(), 0.0);
        for (at, class) in classes.iter().enumerate() {
            let mut inventory = 0.0;
            for market in self.state.markets() {
                let net: Qty = self
                    .books
                    .iter()
                    .zip(&self.agents)
                    .filter(|(book, _)| book.class == *class)
                    .map(|(_, agent)| market.entry(agent.account).position)
                    .sum();
                let value = market.perpetual.mark.price.notional(net.abs(), Round::Down);
                inventory += amount_f64(value);
            }
            let most = &mut self.recorder.inventory_max[at];
            *most = most.max(inventory);
        }
    }

    /// The classes of agents, in the order of their first agent.
    pub(super) fn classes(&self) -> Vec<String> {
        let mut classes: Vec<String> = Vec::new();
        for book in &self.books {
            if !classes.contains(&book.class) {
                classes.push(book.class.clone());
            }
        }
        classes
    }

    /// Quote currency in all insurance funds.
    pub(super) fn insurance(&self) -> Amount {
        self.state.ledger().insurance()
    }
}

/// The recorded perpetual's price if a bar closes now.
fn recorded_at(recorded: &[(Time, Price)], series: &mut Series, now: Time) -> Price {
    while recorded.get(series.recorded_at).is_some_and(|(time, _)| *time < now) {
        series.recorded_at += 1;
    }
    match recorded.get(series.recorded_at) {
        Some((time, price)) if *time == now => *price,
        Some(_) | None => Price::ZERO,
    }
}

/// One row of a perpetual's series; `outside` is (spot path, recorded perpetual or zero).
fn sample(state: &State, at: usize, now: Time, outside: [Price; 2]) -> Sample {
    let market = &state.markets()[at];
    let id = MarketId(at as u16);
    let known = |price: Price| if price.is_positive() { price_f64(price) } else { f64::NAN };
    let (bid, ask) = (market.quotes().bid, market.quotes().ask);
    let (mid, spread) = match (bid.map(price_f64), ask.map(price_f64)) {
        (Some(bid), Some(ask)) => {
            let mid = 0.5 * (bid + ask);
            (mid, (ask - bid) / mid * 1e4)
        }
        (None, _) | (_, None) => (f64::NAN, f64::NAN),
    };
    let funding = &market.perpetual.funding;
    let rate = market.perpetual_params().map(|params| funding.rate_8h(&params.funding));
    let mark = market.perpetual.mark.price;
    let open = mark.notional(market.perpetual.open_interest, Round::Down);
    Sample {
        time_ms: now.millis() as i64,
        spot: price_f64(outside[0]),
        index: known(state.index_price(id)),
        mark: known(mark),
        mid,
        recorded_perp: known(outside[1]),
        premium_bp: rate_f64(funding.premium) * 1e4,
        funding_8h_bp: rate.map_or(f64::NAN, rate_f64) * 1e4,
        open_interest_usd: amount_f64(open),
        depth_10bp_usd: depth(market, mid),
        spread_bp: spread,
    }
}

/// Resting notional within 10 bp of the mid, both sides.
fn depth(market: &Market, mid: f64) -> f64 {
    let mut total = 0.0;
    for side in [Side::Buy, Side::Sell] {
        for (tick, lots) in market.book.levels(side) {
            if (price_f64(market.price(tick)) / mid - 1.0).abs() > 10e-4 || mid.is_nan() {
                break;
            }
            total += amount_f64(market.notional(tick, lots));
        }
    }
    total
}
