//! What is written down about the options at every sample: how far the books are off the true
//! surface, the gamma desks' greeks, and where the profit of each class came from.
//!
//! Attribution: between two samples the positions of the first are moved to the marks of the second
//! by `desk::attribution`; fees and funding are those booked; what is left of the change of equity
//! is *trading*: fills of the time between against the marks at its end, and what auctions gave or
//! took. So the parts add up to the change of equity exactly.

use desk::attribution::{Attribution, OptionMark, PARTS};
use desk::chain::black_kind;
use desk::gamma::{Book, Exposure, Holding};
use desk::strategy::Contract;
use money::{Amount, Price, Qty, Span, Time};
use pricing::black;
use pricing::convert::{price_f64, qty_f64};
use protocol::ids::MarketId;

use super::super::World;
use super::{CHAIN, Options, Quoted};
use crate::option_record::{AttributionRecord, OptionSample};
use crate::volatility::{Smile, View, years};

/// Nothing is measured this close to expiry.
const CLOSED: Span = Span::HOUR;
/// Deltas that are measured.
const DELTA: std::ops::RangeInclusive<f64> = 0.05..=0.95;
/// Years to the expiry whose volatility at the money is shown.
const SHOWN: f64 = 3.0 / 365.0;

/// A series as measured.
struct Seen {
    place: usize,
    /// Mid less fair over vega, points; NaN without two sides.
    deviation: f64,
    /// |mid − fair| in spreads.
    spreads: f64,
    spread: f64,
    mark: f64,
    vega: f64,
}

/// What an agent held at the last sample.
#[derive(Clone, Debug, Default)]
struct Held {
    options: Vec<(Contract, Qty, OptionMark)>,
    perpetuals: Vec<(MarketId, Qty, Price)>,
    equity: Amount,
    funding: Amount,
    fees: Amount,
}

/// The attribution of every agent that trades options.
#[derive(Clone, Debug, Default)]
pub(in crate::world) struct Ledgers {
    /// By agent; none for those who trade no options.
    held: Vec<Option<Held>>,
    sums: Vec<(Attribution, Amount)>,
    /// Settlement prices of the time since the last sample.
    settled: Vec<(Time, Price)>,
}

impl Ledgers {
    /// An expiry was settled.
    pub(super) fn settled(&mut self, expiry: Time, price: Price) {
        self.settled.push((expiry, price));
    }
}

impl World {
    /// Writes down the options.
    pub(in crate::world) fn sample_options(&mut self) {
        let Some(mut options) = self.options.take() else { return };
        let spot = price_f64(self.venues[options.venue].path());
        let chain = &self.state.chains()[CHAIN.index()];
        let expiries: Vec<Time> = chain.expiries.iter().map(|expiry| expiry.time).collect();
        let averaging = options.averaging;
        let view = View { now: self.now, spot, expiries: &expiries, averaging };
        let truth = options.setup.volatility.surface(view, || 0.0);
        let seen = self.see(&options, &truth, spot);
        let time_ms = self.now.millis() as i64;
        for one in seen.iter().filter(|one| one.deviation.is_finite()) {
            let id = chain.series[one.place].id;
            let record = &mut options.record.series[id.0 as usize];
            record.time_ms.push(time_ms);
            record.deviation_pt.push(one.deviation);
        }
        let row = self.option_row(&options, &truth, &seen);
        options.record.samples.push(time_ms, row);
        self.attribute(&mut options);
        self.options = Some(options);
    }

    /// Every series that is measured.
    fn see(&self, options: &Options, truth: &[Smile], spot: f64) -> Vec<Seen> {
        let chain = &self.state.chains()[CHAIN.index()];
        let closed = self.now.after(CLOSED);
        let post = &options.posts[options.newest];
        let mut seen = Vec::new();
        for (place, series) in chain.series.iter().enumerate() {
            let contract = &series.contract;
            let smile = truth.iter().find(|smile| smile.expiry == contract.expiry);
            let Some(smile) = smile.filter(|_| contract.expiry > closed) else { continue };
            let forward = spot * (1.0 + smile.basis);
            let strike = price_f64(contract.strike);
            let years = years(self.now, contract.expiry);
            let total = smile.svi.variance(libm::log(strike / forward));
            let volatility = (total / years).sqrt();
            let fair = black::greeks(black_kind(contract.kind), forward, strike, volatility, years);
            if !DELTA.contains(&fair.delta.abs()) {
                continue;
            }
            let points = 100.0 / fair.vega;
            let quoted = post.series.get(place).filter(|quoted| quoted.id == series.id);
            let (mid, spread) = quoted.and_then(middle).unwrap_or((f64::NAN, f64::NAN));
            let mark = series.mark.map_or(f64::NAN, price_f64);
            seen.push(Seen {
                place,
                deviation: (mid - fair.price) * points,
                spreads: (mid - fair.price).abs() / spread,
                spread: spread * points,
                mark: (mark - fair.price) * points,
                vega: fair.vega,
            });
        }
        seen
    }

    fn option_row(&self, options: &Options, truth: &[Smile], seen: &[Seen]) -> OptionSample {
        let two_sided: Vec<&Seen> = seen.iter().filter(|one| one.deviation.is_finite()).collect();
        let count = two_sided.len() as f64;
        let mean =
            |of: &dyn Fn(&Seen) -> f64| two_sided.iter().map(|one| of(one)).sum::<f64>() / count;
        let vega: f64 = two_sided.iter().map(|one| one.vega).sum();
        let mut absolute: Vec<f64> = two_sided.iter().map(|one| one.deviation.abs()).collect();
        pricing::statistics::sort(&mut absolute);
        let p95 = pricing::statistics::quantile(&absolute, 0.95).unwrap_or(f64::NAN);
        let marked: Vec<f64> =
            seen.iter().map(|one| one.mark.abs()).filter(|mark| mark.is_finite()).collect();
        let chain = &self.state.chains()[CHAIN.index()];
        let interest: f64 = chain.series.iter().map(|series| qty_f64(series.open_interest)).sum();
        let desk = self.exposure_of(options, "gamma");
        OptionSample {
            values: [
                count,
                seen.len() as f64,
                mean(&|one: &Seen| one.deviation * one.vega) * count / vega,
                mean(&|one: &Seen| one.deviation.abs()),
                p95,
                mean(&|one: &Seen| one.spreads),
                mean(&|one: &Seen| one.spread),
                pricing::statistics::mean(&marked).unwrap_or(f64::NAN),
                self.at_the_money(truth) * 100.0,
                self.accepted_at_the_money(options) * 100.0,
                chain.surface.age(self.now).nanos() as f64 / 1e9,
                interest,
                desk.delta,
                desk.gamma,
                desk.vega / 100.0,
                desk.theta / 365.0,
            ],
        }
    }

    /// True volatility at the money of the expiry nearest to three days.
    fn at_the_money(&self, truth: &[Smile]) -> f64 {
        let off = |smile: &&Smile| (years(self.now, smile.expiry) - SHOWN).abs();
        let near = truth.iter().min_by(|a, b| off(a).total_cmp(&off(b)));
        near.map_or(f64::NAN, |smile| {
            (smile.svi.variance(0.0) / years(self.now, smile.expiry)).sqrt()
        })
    }

    /// The same of the surface in force.
    fn accepted_at_the_money(&self, options: &Options) -> f64 {
        let post = &options.posts[options.newest];
        let off = |expiry: Time| (years(self.now, expiry) - SHOWN).abs();
        let ahead = post.slices.iter().filter(|slice| slice.expiry > self.now);
        let near = ahead.min_by(|a, b| off(a.expiry).total_cmp(&off(b.expiry)));
        near.map_or(f64::NAN, |vote| {
            let slice = options.slice(post, vote, self.now);
            (slice.svi.variance(0.0) / years(self.now, vote.expiry)).sqrt()
        })
    }

    /// Greeks of a class at the surface in force: delta with its hedge in coins, gamma in coins for
    /// a move of 1 %.
    fn exposure_of(&self, options: &Options, class: &str) -> Exposure {
        let mut sum = Exposure::default();
        let members = self.books.iter().enumerate().filter(|(_, book)| book.class == class);
        for (agent, _) in members {
            let held = self.held(options, agent);
            let price = options.posts[options.newest].index;
            let hedge: Qty = held.perpetuals.iter().map(|(_, qty, _)| *qty).sum();
            let holdings = held.options.iter().map(|&(_, qty, mark)| Holding { qty, mark });
            let exposure = Book { options: holdings.collect(), hedge, price }.exposure();
            sum.delta += exposure.delta + qty_f64(hedge);
            sum.gamma += exposure.gamma * price / 100.0;
            sum.vega += exposure.vega;
            sum.theta += exposure.theta;
        }
        sum
    }

    /// What an agent holds, at the marks of the last block.
    fn held(&self, options: &Options, agent: usize) -> Held {
        let account = self.agents[agent].account;
        let chain = &self.state.chains()[CHAIN.index()];
        let mut held = Held {
            equity: self.state.equity(account),
            funding: self.books[agent].funding + self.pending_funding(agent),
            fees: self.books[agent].fees,
            ..Held::default()
        };
        for leg in chain.legs(account).iter().filter(|leg| !leg.position.is_zero()) {
            let contract = chain.series(leg.series).expect("a leg is of a listed series").contract;
            let contract =
                Contract { expiry: contract.expiry, strike: contract.strike, kind: contract.kind };
            held.options.push((contract, leg.position, self.mark_of(options, &contract)));
        }
        for (at, market) in self.state.markets().iter().enumerate() {
            let qty = market.entry(account).position;
            if market.perpetual_params().is_some() && !qty.is_zero() {
                let mark = market.perpetual.mark.price;
                held.perpetuals.push((MarketId(at as u16), qty, mark));
            }
        }
        held
    }

    /// A contract at the surface in force; what has expired, at its settlement.
    fn mark_of(&self, options: &Options, contract: &Contract) -> OptionMark {
        let post = &options.posts[options.newest];
        let mut mark = OptionMark {
            kind: black_kind(contract.kind),
            strike: price_f64(contract.strike),
            forward: post.index,
            volatility: 0.0,
            years: 0.0,
            scale: 1.0,
        };
        let settled = options.ledgers.settled.iter().find(|(at, _)| *at == contract.expiry);
        if let Some((_, price)) = settled {
            mark.forward = price_f64(*price);
            return mark;
        }
        let vote = post.slices.iter().find(|slice| slice.expiry == contract.expiry);
        if let Some(vote) = vote.filter(|_| contract.expiry > self.now) {
            let slice = options.slice(post, vote, self.now);
            let years = years(self.now, contract.expiry);
            let total = slice.svi.variance(libm::log(mark.strike / slice.forward));
            mark.forward = slice.forward;
            mark.years = years;
            mark.volatility = (total.max(0.0) / years).sqrt();
        }
        mark
    }

    /// Adds the time since the last sample to every agent's sums.
    fn attribute(&mut self, options: &mut Options) {
        let count = self.agents.len();
        options.ledgers.held.resize(count, None);
        options.ledgers.sums.resize(count, Default::default());
        for agent in 0..count {
            let trades = self.agents[agent].account.0 < self.state.accounts()
                && self.classes_of_options(agent);
            if !trades {
                continue;
            }
            let now = self.held(options, agent);
            if let Some(before) = &options.ledgers.held[agent] {
                let parts = self.parts(options, before, &now);
                let rest = now.equity - before.equity - parts.total();
                let (sum, trading) = &mut options.ledgers.sums[agent];
                *sum += parts;
                *trading += rest;
            }
            options.ledgers.held[agent] = Some(now);
        }
        options.ledgers.settled.clear();
    }

    /// Whether an agent's profit is attributed.
    fn classes_of_options(&self, agent: usize) -> bool {
        matches!(
            self.books[agent].class.as_str(),
            "option-maker" | "gamma" | "surface" | "option-customer"
        )
    }

    /// What the positions of the last sample gained by cause.
    fn parts(&self, options: &Options, before: &Held, now: &Held) -> Attribution {
        let mut parts = Attribution::default();
        for (contract, qty, mark) in &before.options {
            let after = self.mark_of(options, contract);
            parts += Attribution::option(mark, &after, *qty).unwrap_or_default();
        }
        for (market, qty, mark) in &before.perpetuals {
            let after = self.state.market(*market).perpetual.mark.price;
            parts += Attribution::hedge(*mark, after, *qty);
        }
        parts += Attribution::funding(now.funding - before.funding);
        parts += Attribution::costs(before.fees - now.fees);
        parts
    }

    /// The attribution of each class, its parts and what trading gave.
    pub(in crate::world) fn attributions(&self, options: &Options) -> Vec<AttributionRecord> {
        let of_class = |class: &String| {
            let members = (0..self.books.len()).filter(|at| self.books[*at].class == *class);
            let mut sum = (Attribution::default(), Amount::ZERO);
            for agent in members {
                let (parts, trading) = options.ledgers.sums.get(agent)?;
                sum.0 += *parts;
                sum.1 += *trading;
            }
            let total = sum.0.total() + sum.1;
            let mut parts: Vec<(String, crate::record::Money)> = PARTS
                .iter()
                .zip(sum.0.parts())
                .map(|(name, part)| ((*name).to_owned(), part.into()))
                .collect();
            parts.push(("trading".to_owned(), sum.1.into()));
            Some(AttributionRecord { class: class.clone(), parts, total: total.into() })
        };
        let trades = |class: &&String| {
            (0..self.books.len())
                .any(|at| self.books[at].class == **class && self.classes_of_options(at))
        };
        self.classes().iter().filter(trades).filter_map(of_class).collect()
    }
}

/// Mid and spread of a series with two sides.
fn middle(quoted: &Quoted) -> Option<(f64, f64)> {
    let (bid, ask) = (price_f64(quoted.bid?.price), price_f64(quoted.ask?.price));
    Some((0.5 * (bid + ask), ask - bid))
}
