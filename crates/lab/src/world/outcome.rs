//! From a finished world to its record.

use money::{Amount, Round, Time};
use pricing::convert::amount_f64;
use pricing::funding::Fair;
use protocol::ids::{MarketId, QUOTE};
use protocol::invariants;
use protocol::ledger::Holder;
use protocol::params::FundingRule;

use super::World;
use crate::option_record::OptionRecord;
use crate::record::{ClassRecord, InsuranceRecord, InvariantRecord, MarketRecord, Money, Record};

impl World {
    /// The record; what identifies the scenario is filled in by the caller.
    pub(super) fn into_record(mut self, start: Time) -> Record {
        let mut counts = std::mem::take(&mut self.recorder.counts);
        counts.blocks = self.state.height();
        counts.messages = self.messages;
        counts.quotes = self.quotes;
        counts.commands = self.commands;
        counts.liquidations = self.recorder.liquidated.iter().filter(|hit| **hit).count() as u64;
        let hash = self.state.hash();
        let options = self.options.take().map(|options| {
            let attributions = self.attributions(&options);
            OptionRecord { attributions, ..options.record }
        });
        Record {
            start_ms: start.millis() as i64,
            end_ms: self.end.millis() as i64,
            block_ms: self.block_time.nanos() / 1_000_000,
            sample_s: self.sample.nanos() / 1_000_000_000,
            classes: self.class_records(),
            invariants: self.invariant_records(),
            insurance: InsuranceRecord {
                start: self.recorder.insurance_start.into(),
                end: self.insurance().into(),
                paid: self.recorder.insurance_paid.into(),
                received: self.recorder.insurance_received.into(),
            },
            accounting: self.accounting(),
            state_hash: hash.iter().map(|byte| format!("{byte:02x}")).collect(),
            markets: self.market_records(),
            counts,
            options,
            ..Record::default()
        }
    }

    fn market_records(&mut self) -> Vec<MarketRecord> {
        let carry = self.recorder.carry_8h;
        let mut records = Vec::new();
        for (at, series) in std::mem::take(&mut self.recorder.series).into_iter().enumerate() {
            let market = self.state.market(MarketId(at as u16));
            let Some(params) = market.perpetual_params() else { continue };
            let open =
                market.perpetual.mark.price.notional(market.perpetual.open_interest, Round::Down);
            records.push(MarketRecord {
                name: market.params.name.clone(),
                rule: rule_name(&params.funding).into(),
                carry_8h_bp: carry * 1e4,
                fair_bp: band(desk::rule::model(&params.funding).fair_premium(carry)),
                recorded_fair_bp: band(recorded_rule().fair_premium(carry)),
                samples: series.samples,
                funding_by_longs_usd: -series.received_by_longs,
                funding_by_shorts_usd: series.received_by_longs,
                traded_usd: amount_f64(series.traded),
                open_interest_usd: amount_f64(open),
            });
        }
        records
    }

    fn class_records(&self) -> Vec<ClassRecord> {
        let classes = self.classes();
        let record = |(at, class): (usize, &String)| {
            let mut record = ClassRecord {
                class: class.clone(),
                inventory_max_usd: self.recorder.inventory_max.get(at).copied().unwrap_or(0.0),
                ..ClassRecord::default()
            };
            let members = self.books.iter().enumerate().filter(|(_, book)| book.class == *class);
            members.for_each(|(agent, _)| self.add_agent(&mut record, agent));
            record
        };
        classes.iter().enumerate().map(record).collect()
    }

    /// Adds an agent's flows to its class. Price is what is left of the change of equity.
    fn add_agent(&self, record: &mut ClassRecord, agent: usize) {
        let book = &self.books[agent];
        let account = self.agents[agent].account;
        let equity = self.state.equity(account);
        // The rulebook values coins at its index; profit is measured at the path.
        let equity = equity + self.index_error(agent);
        let equity = equity + book.venue_value(|venue| self.venues[venue].path());
        let pending = self.pending_funding(agent);
        let funding = book.funding + pending;
        let endowment_now: Amount = book
            .endowment
            .iter()
            .zip(&self.venues)
            .map(|(coins, venue)| venue.path().notional(*coins, Round::Down))
            .sum();
        let revalued = endowment_now - book.endowment_start;
        let flows = funding + book.fees + book.liquidation + book.insurance + book.deleveraging;
        let price = equity - book.equity_start - revalued - flows;
        record.agents += 1;
        record.price_usd += amount_f64(price);
        record.funding_usd += amount_f64(funding);
        record.fees_usd += amount_f64(book.fees);
        record.liquidation_usd += amount_f64(book.liquidation);
        record.insurance_usd += amount_f64(book.insurance);
        record.deleveraging_usd += amount_f64(book.deleveraging);
        record.financing_usd += book.financing;
        record.total_usd += amount_f64(price + flows) + book.financing;
        record.equity_start_usd += amount_f64(book.equity_start);
        record.equity_end_usd += amount_f64(equity);
        record.traded_usd += amount_f64(book.traded);
    }

    /// What an agent's coins on the chain are worth at the path beyond their worth at the index.
    fn index_error(&self, agent: usize) -> Amount {
        let error = |asset: usize| {
            let coins = self.coins(agent, asset) - self.books[agent].venue_coins(asset);
            let index = self.state.oracle().index(protocol::ids::AssetId(asset as u16 + 1)).price;
            let path = self.venues[asset].path();
            path.notional(coins, Round::Down) - index.notional(coins, Round::Down)
        };
        (0..self.venues.len()).map(error).sum()
    }

    /// Funding that the account has earned and not yet been paid.
    pub(super) fn pending_funding(&self, agent: usize) -> Amount {
        let account = self.agents[agent].account;
        let owed = self.state.markets().iter().map(|market| {
            let entry = market.entry(account);
            let moved = entry.funding_index - market.perpetual.funding.index;
            moved.split(entry.position).map_or(Amount::ZERO, |(amount, _)| amount)
        });
        owed.sum()
    }

    fn invariant_records(&self) -> Vec<InvariantRecord> {
        let blocks = self.state.height();
        let every = self.state.params().checkpoint_blocks;
        // `apply` stops the run at the first breach, so a finished run has none.
        let record = |name: &str, checks| InvariantRecord { name: name.into(), checks, broken: 0 };
        let states = invariants::TABLE.iter().map(|invariant| {
            record(invariant.name, if invariant.checkpoint { blocks / every } else { blocks })
        });
        let steps =
            invariants::steps::STEPS.iter().map(|invariant| record(invariant.name, blocks / every));
        states.chain(steps).collect()
    }

    /// Where every unit of quote currency is; the total is zero by rule B-1.
    fn accounting(&self) -> Vec<(String, Money)> {
        let ledger = self.state.ledger();
        let of = |holder| ledger.balance(holder, QUOTE);
        let users: Amount = self.agents.iter().map(|agent| ledger.cash(agent.account)).sum();
        let markets = self.state.markets().len();
        let ids = || (0..markets).map(|at| MarketId(at as u16));
        let clearing: Amount = ids().map(|id| of(Holder::Clearing(id))).sum();
        let funding: Amount = ids().map(|id| of(Holder::Funding(id))).sum();
        let rows = [
            ("accounts", users),
            ("clearing (unrealised profit)", clearing),
            ("funding in transit", funding),
            ("fees", of(Holder::Fees)),
            ("insurance", ledger.insurance()),
            ("dust", of(Holder::Dust)),
            ("outside (minus deposits)", of(Holder::Outside)),
            ("sum", ledger.total(QUOTE)),
            ("bad debt of accounts", self.bad_debt()),
        ];
        rows.into_iter().map(|(name, amount)| (name.to_string(), amount.into())).collect()
    }

    /// Σ of negative equities.
    fn bad_debt(&self) -> Amount {
        let equities =
            self.agents.iter().map(|agent| self.state.equity(agent.account).min(Amount::ZERO));
        equities.sum()
    }
}

/// The name of a rule in scenarios and reports.
pub fn rule_name(rule: &FundingRule) -> &'static str {
    match rule {
        FundingRule::Anchored { .. } => "anchored",
        FundingRule::Industry { .. } => "industry",
        FundingRule::Dydx { .. } => "dydx",
        FundingRule::Velocity { .. } => "velocity",
        FundingRule::Pi { .. } => "pi",
        FundingRule::Never => "none",
    }
}

/// The rule of the exchange whose prices were recorded: 1 bp interest, ±5 bp, every 8 h.
fn recorded_rule() -> pricing::funding::Rule {
    pricing::funding::Rule::Industry { interval_h: 8.0, interest: 1e-4, clamp: 5e-4, cap: 0.03 }
}

fn band(fair: Fair) -> Option<(f64, f64)> {
    match fair {
        Fair::Point(at) => Some((at * 1e4, at * 1e4)),
        Fair::Interval { low, high } => Some((low * 1e4, high * 1e4)),
        Fair::None => None,
    }
}
