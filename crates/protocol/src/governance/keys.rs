//! What can be changed while the market runs: one table, a row for each parameter (rules G-1, G-2).
//!
//! Values are raw integers of the parameter's own unit, so that a proposal is exact. A step is a
//! share of the value from which it is taken, ⌊·⌋, and at least a fixed amount, so that a value
//! can leave zero; times move by fixed amounts.
//!
//! What is not in the table stands in [`FIXED`] with its reason; a test goes through every number
//! of a design and finds it in one of the two.

mod rows;
mod rules;
mod fixed;

use std::fmt::Write;

use borsh::{BorshDeserialize, BorshSerialize};
use money::{Amount, Qty, Rate, Span};

use super::Refusal;
use crate::ids::{AssetId, QUOTE};
use crate::params::{
    AssetParams, FundingRule, Kind, MarketParams, MarketRules, Params, PerpetualParams, Rules,
    Trigger,
};

pub use fixed::FIXED;

/// Number of keys.
const KEYS: usize = rows::ROWS.len() + rules::ROWS.len();

/// Every parameter that can be changed.
pub static TABLE: [Row; KEYS] = {
    let mut table = [rows::ROWS[0]; KEYS];
    let mut at = 0;
    while at < KEYS {
        let first = rows::ROWS.len();
        table[at] = if at < first { rows::ROWS[at] } else { rules::ROWS[at - first] };
        at += 1;
    }
    table
};

/// The number of a row of [`TABLE`]; rows are only ever appended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
pub struct Key(pub u16);

/// A key, the asset or market that is meant (0 for a global one), and a raw value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Setting {
    /// Which parameter.
    pub key: Key,
    /// Of which asset or market.
    pub scope: u16,
    /// The new value, in raw units of the parameter.
    pub value: i128,
}

/// What a key belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The whole exchange; the scope's number is 0.
    Global,
    /// A base asset.
    Asset,
    /// A market; a perpetual one where the parameter is one of perpetuals.
    Market,
    /// A trigger of price monitoring (rule A-4), by its place in the list.
    Trigger,
}

/// What a raw value counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// A share, at 10⁻¹².
    Rate,
    /// A gain, at 10⁻¹².
    Gain,
    /// Quote currency, at 10⁻⁸.
    Amount,
    /// Base asset, at 10⁻⁸.
    Qty,
    /// Nanoseconds.
    Span,
    /// A number.
    Count,
}

/// How far a key may move in a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// A share of the value, but at least so much in raw units.
    Share(Rate, i128),
    /// So much in raw units.
    Fixed(i128),
}

/// How long an accepted change waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Delay {
    /// 24 h.
    Day,
    /// 72 h: the oracle and collateral.
    ThreeDays,
}

/// The direction in which the guardian may move a key at once: the one that limits new risk and
/// leaves everybody alone who takes none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Safer {
    /// A larger value.
    Up,
    /// A smaller value.
    Down,
    /// No direction: each can hurt somebody or move value.
    Neither,
}

/// A parameter's place, with its type.
#[derive(Debug, PartialEq, Eq)]
pub enum Slot<'a> {
    /// A share or a gain.
    Rate(&'a mut Rate),
    /// Quote currency.
    Amount(&'a mut Amount),
    /// Base asset.
    Qty(&'a mut Qty),
    /// A time.
    Span(&'a mut Span),
    /// A number.
    Count(&'a mut u32),
    /// A large number.
    Long(&'a mut u64),
}

/// Where the parameter stands: how it is read and reached. What is `Copy` is read in a copy.
#[derive(Clone, Copy, Debug)]
pub(super) enum Field {
    Global(fn(&Params) -> i128, fn(&mut Params) -> Slot<'_>),
    Asset(fn(&AssetParams) -> Rate, fn(&mut AssetParams) -> &mut Rate),
    Market(fn(&MarketParams) -> Rate, fn(&mut MarketParams) -> &mut Rate),
    Perpetual(fn(&mut PerpetualParams) -> Slot<'_>),
    Funding(fn(&mut FundingRule) -> Option<Slot<'_>>),
    Rules(fn(&mut Rules) -> Slot<'_>),
    MarketRules(fn(&mut MarketRules) -> Slot<'_>),
    Trigger(fn(&mut Trigger) -> Slot<'_>),
    /// The share of an asset that moves with the market: zero where the list is shorter.
    Offset,
}

/// A parameter that can be changed.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// Its name, as `market.margin_initial`.
    pub name: &'static str,
    /// What a raw value counts.
    pub unit: Unit,
    /// Smallest and largest value.
    pub range: [i128; 2],
    /// Largest move in a day.
    pub step: Step,
    /// Time-lock.
    pub delay: Delay,
    /// The guardian's direction.
    pub safer: Safer,
    field: Field,
}

impl Key {
    /// The key of this name.
    pub fn named(name: &str) -> Option<Key> {
        let at = TABLE.iter().position(|row| row.name == name)?;
        u16::try_from(at).ok().map(Key)
    }

    /// Its row.
    pub fn row(self) -> Result<&'static Row, Refusal> {
        TABLE.get(usize::from(self.0)).ok_or(Refusal::UnknownKey)
    }
}

impl Step {
    /// The largest move away from a value, in raw units.
    pub fn size(self, value: i128) -> i128 {
        match self {
            Step::Share(share, least) => {
                let moved = Amount::from_raw(value.abs()).share(share, money::Round::Down);
                moved.expect("a share of a value is smaller than the value").raw().max(least)
            }
            Step::Fixed(size) => size,
        }
    }
}

impl Delay {
    /// Its length.
    pub const fn span(self) -> Span {
        match self {
            Delay::Day => Span::DAY,
            Delay::ThreeDays => Span::from_secs(3 * 24 * 3600),
        }
    }
}

impl Slot<'_> {
    fn value(&self) -> i128 {
        match self {
            Slot::Rate(rate) => i128::from(rate.raw()),
            Slot::Amount(amount) => amount.raw(),
            Slot::Qty(qty) => i128::from(qty.raw()),
            Slot::Span(span) => i128::from(span.nanos()),
            Slot::Count(count) => i128::from(**count),
            Slot::Long(count) => i128::from(**count),
        }
    }

    fn set(self, value: i128) {
        const FITS: &str = "a value within the range of its key fits its type";
        match self {
            Slot::Rate(rate) => *rate = Rate::from_raw(i64::try_from(value).expect(FITS)),
            Slot::Amount(amount) => *amount = Amount::from_raw(value),
            Slot::Qty(qty) => *qty = Qty::from_raw(i64::try_from(value).expect(FITS)),
            Slot::Span(span) => *span = Span::from_nanos(u64::try_from(value).expect(FITS)),
            Slot::Count(count) => *count = u32::try_from(value).expect(FITS),
            Slot::Long(count) => *count = u64::try_from(value).expect(FITS),
        }
    }
}

impl Row {
    /// What it belongs to.
    pub fn scope(&self) -> Scope {
        match self.field {
            Field::Global(..) | Field::Rules(_) => Scope::Global,
            Field::Asset(..) | Field::Offset => Scope::Asset,
            Field::Market(..) | Field::Perpetual(_) | Field::Funding(_) | Field::MarketRules(_) => {
                Scope::Market
            }
            Field::Trigger(_) => Scope::Trigger,
        }
    }

    /// Whether a value lies in the range.
    pub fn holds(&self, value: i128) -> bool {
        self.range[0] <= value && value <= self.range[1]
    }

    /// The value in force; refuses a scope that has no such parameter.
    pub fn read(&self, params: &Params, scope: u16) -> Result<i128, Refusal> {
        let at = usize::from(scope);
        let market = params.markets.get(at);
        let asset = params.assets.get(at).filter(|_| at != QUOTE.index());
        let perpetual = market.and_then(|market| match market.kind {
            Kind::Perpetual(perpetual) => Some(perpetual),
            Kind::Future(future) => Some(future.terms),
            Kind::Spot { .. } => None,
        });
        let value = match self.field {
            Field::Global(read, _) => (scope == 0).then(|| read(params)),
            Field::Asset(read, _) => asset.map(|asset| i128::from(read(asset).raw())),
            Field::Offset => {
                let offset = params.rules.scenarios.offset(AssetId(scope));
                asset.map(|_| i128::from(offset.raw()))
            }
            Field::Rules(slot) => (scope == 0).then(|| slot(&mut params.rules.clone()).value()),
            Field::MarketRules(slot) => {
                market.map(|market| slot(&mut market.rules.clone()).value())
            }
            Field::Trigger(slot) => {
                let trigger = params.rules.halt.triggers.get(at);
                trigger.map(|trigger| slot(&mut trigger.clone()).value())
            }
            Field::Market(read, _) => market.map(|market| i128::from(read(market).raw())),
            Field::Perpetual(slot) => perpetual.map(|mut perpetual| slot(&mut perpetual).value()),
            Field::Funding(slot) => perpetual.and_then(|mut perpetual| {
                let slot = slot(&mut perpetual.funding);
                slot.map(|slot| slot.value())
            }),
        };
        value.ok_or(Refusal::UnknownScope)
    }

    /// Sets the value; refuses one outside the range, and a scope that has no such parameter.
    pub fn write(&self, params: &mut Params, scope: u16, value: i128) -> Result<(), Refusal> {
        self.read(params, scope)?;
        if !self.holds(value) {
            return Err(Refusal::OutsideRange);
        }
        let at = usize::from(scope);
        match self.field {
            Field::Global(_, slot) => slot(params).set(value),
            Field::Asset(_, slot) => Slot::Rate(slot(&mut params.assets[at])).set(value),
            Field::Market(_, slot) => Slot::Rate(slot(&mut params.markets[at])).set(value),
            Field::Perpetual(slot) => slot(perpetual(&mut params.markets[at])).set(value),
            Field::Rules(slot) => slot(&mut params.rules).set(value),
            Field::MarketRules(slot) => slot(&mut params.markets[at].rules).set(value),
            Field::Trigger(slot) => slot(&mut params.rules.halt.triggers[at]).set(value),
            Field::Offset => {
                let offsets = &mut params.rules.scenarios.offsets;
                offsets.resize(offsets.len().max(at + 1), Rate::ZERO);
                Slot::Rate(&mut offsets[at]).set(value);
            }
            Field::Funding(slot) => {
                let slot = slot(&mut perpetual(&mut params.markets[at]).funding);
                slot.expect("reading found the parameter").set(value);
            }
        }
        Ok(())
    }
}

fn perpetual(market: &mut MarketParams) -> &mut PerpetualParams {
    match &mut market.kind {
        Kind::Perpetual(perpetual) => Some(perpetual),
        Kind::Future(future) => Some(&mut future.terms),
        Kind::Spot { .. } => None,
    }
    .expect("reading found a perpetual or a future")
}

/// The table as a page of Markdown: `docs/governance.md`.
pub fn page() -> String {
    let mut page = String::from(
        "# What can be changed while the market runs\n\n\
         Written from the tables in `crates/protocol/src/governance/keys`; a test compares.\n\
         Rules G-1 … G-9 of `protocol.md` say how it is used. A step is what a key may move in any\n\
         24 h, from every value that was in force in them. The guardian may move a key at once, and\n\
         further than a step, in the direction of the last column only.\n\n\
         | | key | of | min | max | step | time-lock | guardian |\n\
         |---|---|---|---|---|---|---|---|\n",
    );
    for (at, row) in TABLE.iter().enumerate() {
        let [min, max] = row.range.map(|value| row.unit.text(value));
        let step = match row.step {
            Step::Share(share, least) => {
                format!("{}, at least {}", percent(share), row.unit.text(least))
            }
            Step::Fixed(size) => row.unit.text(size),
        };
        let (of, delay, safer) = (row.scope().text(), span(row.delay.span()), row.safer.text());
        let name = row.name;
        writeln!(page, "| {at} | `{name}` | {of} | {min} | {max} | {step} | {delay} | {safer} |")
            .expect("a string takes all text");
    }
    page.push_str("\n## Fixed\n\n| what | why |\n|---|---|\n");
    for (path, why) in FIXED {
        writeln!(page, "| `{path}` | {why} |").expect("a string takes all text");
    }
    page
}

impl Scope {
    fn text(self) -> &'static str {
        match self {
            Scope::Global => "exchange",
            Scope::Asset => "asset",
            Scope::Market => "market",
            Scope::Trigger => "trigger",
        }
    }
}

impl Safer {
    fn text(self) -> &'static str {
        match self {
            Safer::Up => "up",
            Safer::Down => "down",
            Safer::Neither => "–",
        }
    }
}

impl Unit {
    fn text(self, value: i128) -> String {
        match self {
            Unit::Rate => format!("{} bp", Amount::from_raw(value)), // 1 bp is 10⁸ of 10⁻¹²
            Unit::Gain => Rate::from_raw(i64::try_from(value).expect("ranges fit")).to_string(),
            Unit::Amount => format!("{} quote", Amount::from_raw(value)),
            Unit::Qty => format!("{} base", Amount::from_raw(value)),
            Unit::Span => span(Span::from_nanos(u64::try_from(value).expect("ranges fit"))),
            Unit::Count => value.to_string(),
        }
    }
}

fn percent(share: Rate) -> String {
    format!("{} %", share.raw() / (100 * Rate::BASIS_POINT.raw()))
}

fn span(span: Span) -> String {
    let secs = span.nanos() / Span::SECOND.nanos();
    match secs {
        0..=3600 => format!("{secs} s"),
        _ if secs.is_multiple_of(3600) => format!("{} h", secs / 3600),
        _ => format!("{secs} s"),
    }
}
