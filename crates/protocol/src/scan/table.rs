//! What one unit of each series loses in each scenario, and what an account must hold for it.
//!
//! Rows lie one series after the other. Bounds: a value is at most i64::MAX at 10⁻⁸ quote (a
//! forward beyond counts as that), a quantity at most `QTY_MAX`, so 4096 legs and what hedges them
//! add up in an i128.

use money::{Amount, Price, Qty, Rate, Round, div_i128, mul_div};
use pricing::slice::shock_scale;

use super::hedge::{Line, Linear};
use super::scenario::{PINS_MAX, SCENARIOS, Scenario, Shock, scenarios};
use crate::ids::OptionKind;
use crate::margin::{self, Charges, Exposure};
use crate::params::ScanParams;
use crate::surface::Smile;

/// Columns of the table: scenarios and pins.
pub const COLUMNS: usize = SCENARIOS + PINS_MAX;

/// A series as the table needs it.
#[derive(Clone, Copy, Debug)]
pub struct Series {
    /// The place of its expiry among the smiles.
    pub smile: usize,
    /// What it gives the right to do.
    pub kind: OptionKind,
    /// At which price.
    pub strike: Price,
}

/// When a table is built.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// The index of the asset.
    pub index: Price,
    /// What volatility shocks are multiplied with (rule V-7).
    pub widening: Rate,
}

/// A position in the series of a row.
#[derive(Clone, Copy, Debug)]
pub struct Leg {
    /// The row: the place of the series in what the table was built from.
    pub row: usize,
    /// Above zero for long.
    pub qty: Qty,
}

/// What of the worst scenario and of shorts an account must hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// Share of the worst scenario.
    pub scan: Rate,
    /// Charge on a short option, as a share of the index notional (rule S-4).
    pub short: Rate,
}

impl Terms {
    /// What new risk and withdrawals must leave.
    pub fn initial(params: &ScanParams) -> Terms {
        Terms { scan: Rate::ONE, short: params.short_initial }
    }

    /// Below which an account is liquidated.
    pub fn maintenance(params: &ScanParams) -> Terms {
        Terms { scan: params.maintenance, short: params.short_maintenance }
    }
}

/// What an account's options lose in each scenario, at 10⁻¹⁶ quote; below zero for a gain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Losses {
    /// By column.
    pub by_column: [i128; COLUMNS],
    /// Σ of short quantities, at 10⁻⁸.
    pub short: i128,
}

/// What an asset needs and how.
#[derive(Clone, Copy, Debug)]
pub struct Outcome {
    /// The requirement.
    pub amount: Amount,
    /// What of the linear positions is not margined with the options.
    pub rest: Exposure,
    /// Losses of options and of what is margined with them.
    pub losses: Losses,
}

/// A move of the index to a price.
#[derive(Clone, Copy, Debug)]
struct Column {
    index: Price,
    shock: Shock,
    damping: Rate,
}

/// The table of one asset and one block.
#[derive(Clone, Debug, Default)]
pub struct Table {
    index: Price,
    marks: Vec<Price>,
    rows: Vec<[i64; COLUMNS]>,
    /// What one unit of the asset loses.
    linear: Vec<i64>,
    columns: Vec<Column>,
}

impl Table {
    /// Computes everything anew, reusing the memory. A series whose smile is none counts for
    /// nothing.
    pub fn build<S>(
        &mut self,
        series: S,
        smiles: &[Option<Smile>],
        moment: Moment,
        params: &ScanParams,
    ) where
        S: Iterator<Item = Series> + Clone,
    {
        self.moves(&scenarios(params.range), moment.index);
        self.pins(series.clone(), smiles, moment.index, params);
        self.fill(series, smiles, moment, params);
    }

    /// Begins with these scenarios.
    pub(super) fn moves(&mut self, scenarios: &[Scenario], index: Price) {
        self.columns.clear();
        self.columns.extend(scenarios.iter().map(|scenario| Column::new(scenario, index)));
    }

    /// Rule S-2: the strikes of what is about to expire, the nearest to the index first.
    fn pins<S: Iterator<Item = Series>>(
        &mut self,
        series: S,
        smiles: &[Option<Smile>],
        index: Price,
        params: &ScanParams,
    ) {
        let limit = index.offset(params.range, Round::Up).map_or(Price::MAX, |most| most - index);
        let mut pins: Vec<(Price, Price)> = series
            .filter_map(|series| {
                let smile = smiles[series.smile].as_ref()?;
                let near = smile.left() <= params.pin_window;
                let pin = smile.index_for(series.strike).filter(|_| near)?;
                let distance = pin.checked_sub(index)?.abs();
                (pin.is_positive() && distance <= limit).then_some((distance, pin))
            })
            .collect();
        pins.sort_unstable();
        pins.dedup();
        pins.truncate(PINS_MAX);
        let column = |(_, index)| Column { index, shock: Shock::Same, damping: Rate::ONE };
        self.columns.extend(pins.into_iter().map(column));
    }

    /// Every value in every column.
    pub(super) fn fill<S: Iterator<Item = Series>>(
        &mut self,
        series: S,
        smiles: &[Option<Smile>],
        moment: Moment,
        params: &ScanParams,
    ) {
        self.index = moment.index;
        self.linear.clear();
        self.linear.extend(self.columns.iter().map(|to| to.loss(moment.index, to.index)));
        let worlds: Vec<Option<World>> = smiles
            .iter()
            .map(|smile| Some(World::new(smile.as_ref()?, &self.columns, moment, params)))
            .collect();
        self.marks.clear();
        self.rows.clear();
        for series in series {
            let mut row = [0; COLUMNS];
            let mut mark = Price::ZERO;
            if let (Some(smile), Some(world)) = (&smiles[series.smile], &worlds[series.smile]) {
                let volatility = smile.volatility(series.strike);
                mark = smile.value(series.kind, series.strike, smile.forward(), volatility);
                let cells = row.iter_mut().zip(&self.columns).zip(&world.forwards);
                for ((cell, column), &forward) in cells {
                    let volatility = world.shocked(volatility, column.shock);
                    let value = smile.value(series.kind, series.strike, forward, volatility);
                    *cell = column.loss(mark, value);
                }
            }
            self.marks.push(mark);
            self.rows.push(row);
        }
    }

    /// The index of the block.
    pub fn index(&self) -> Price {
        self.index
    }

    /// How many series it has.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The mark of a row's series (rule V-6).
    pub fn mark(&self, row: usize) -> Price {
        self.marks[row]
    }

    /// How many scenarios and pins there are.
    pub fn columns(&self) -> usize {
        self.columns.len()
    }

    /// What one unit of a row's series loses in each scenario and pin, at 10⁻⁸ quote.
    pub fn row(&self, row: usize) -> &[i64] {
        &self.rows[row][..self.columns.len()]
    }

    /// What the legs lose (rule S-3).
    pub fn losses(&self, legs: impl Iterator<Item = Leg>) -> Losses {
        let mut losses = Losses { by_column: [0; COLUMNS], short: 0 };
        for leg in legs {
            let qty = i128::from(leg.qty.raw());
            losses.short += (-qty).max(0);
            for (sum, &loss) in losses.by_column.iter_mut().zip(&self.rows[leg.row]) {
                *sum += qty * i128::from(loss);
            }
        }
        losses
    }

    /// The requirement of the asset, options and what is linear together (rules S-3 to S-5).
    pub fn requirement(
        &self,
        legs: impl Iterator<Item = Leg>,
        linear: Exposure,
        charges: Charges,
        terms: Terms,
    ) -> Amount {
        self.outcome(legs, linear, charges, terms).amount
    }

    /// The requirement, and how it came about.
    pub fn outcome(
        &self,
        legs: impl Iterator<Item = Leg>,
        linear: Exposure,
        charges: Charges,
        terms: Terms,
    ) -> Outcome {
        let losses = self.losses(legs);
        let short = self.short_charge(losses.short, terms.short);
        let apart = self.divided(&Linear::apart(linear, charges), &losses, 0, terms);
        let apart = Outcome { amount: apart.amount + short, ..apart };
        let idle = losses.by_column.iter().all(|&loss| loss == 0);
        if idle || (linear.holding + linear.long + linear.short).is_zero() {
            return apart;
        }
        let inside = Linear::new(linear, charges, self.worst_linear(terms.scan));
        let z = inside.cheapest(&self.lines(&losses), terms.scan, self.index);
        let together = self.divided(&inside, &losses, z, terms);
        let together = Outcome { amount: together.amount + short, ..together };
        if together.amount < apart.amount { together } else { apart }
    }

    /// What the worst scenario takes of one unit long and of one unit short, as a rate of the
    /// index, rounded down.
    pub(super) fn worst_linear(&self, scan: Rate) -> [Rate; 2] {
        let rate = |worst: i64| {
            let product = i128::from(worst.max(0)) * i128::from(scan.raw());
            let rate = div_i128(product, i128::from(self.index.raw().max(1)), Round::Down);
            rate.and_then(|raw| i64::try_from(raw).ok()).map_or(Rate::MAX, Rate::from_raw)
        };
        let long = self.linear.iter().copied().max().unwrap_or(0);
        let short = self.linear.iter().map(|&loss| -loss).max().unwrap_or(0);
        [rate(long), rate(short)]
    }

    /// The losses as lines over what is linear: nothing, and every column.
    pub(super) fn lines(&self, losses: &Losses) -> Vec<Line> {
        let columns = losses.by_column.iter().copied().zip(self.linear.iter().copied());
        std::iter::once((0, 0)).chain(columns).collect()
    }

    /// The requirement without rule S-4, with z in the scenarios.
    pub(super) fn divided(
        &self,
        linear: &Linear,
        losses: &Losses,
        z: i64,
        terms: Terms,
    ) -> Outcome {
        let division = linear.divide(z);
        let mut losses = *losses;
        for (sum, &unit) in losses.by_column.iter_mut().zip(&self.linear) {
            *sum += i128::from(unit) * i128::from(z);
        }
        let worst = losses.by_column.iter().copied().max().unwrap_or(0).max(0);
        let charge = |(&qty, &rate): (&Qty, &Rate)| {
            let notional = self.index.notional(qty, Round::Up);
            notional.share(rate, Round::Up).expect("a share of a notional is smaller")
        };
        let inside: Amount = division.inside.iter().zip(&linear.inside).map(charge).sum();
        let outside = margin::requirement(division.rest, linear.charges, self.index);
        let amount = outside + inside + share(worst, terms.scan);
        Outcome { amount, rest: division.rest, losses }
    }

    /// Rule S-4: the charge on what is short.
    fn short_charge(&self, short: i128, rate: Rate) -> Amount {
        let product = short * i128::from(self.index.raw());
        let notional = div_i128(product, i128::from(Qty::ONE.raw()), Round::Up);
        let notional = Amount::from_raw(notional.expect("a hundred million is not nothing"));
        notional.share(rate, Round::Up).expect("a share of a notional is smaller")
    }

    /// What one unit short of a row's series needs alone, rounded up (rule S-6).
    pub fn short_unit(&self, row: usize, terms: Terms) -> Amount {
        let leg = Leg { row, qty: -Qty::ONE };
        let nothing = Exposure::default();
        let free = Charges { haircut: Rate::ZERO, margin: Rate::ZERO, basis: Rate::ZERO };
        self.requirement(std::iter::once(leg), nothing, free, terms)
    }
}

/// A loss at 10⁻¹⁶ quote as an amount, of which `rate` counts.
fn share(loss: i128, rate: Rate) -> Amount {
    let amount = div_i128(loss, i128::from(Qty::ONE.raw()), Round::Up);
    let amount = Amount::from_raw(amount.expect("a hundred million is not nothing"));
    amount.share(rate, Round::Up).expect("a share of a loss is smaller")
}

impl Column {
    fn new(scenario: &Scenario, index: Price) -> Column {
        let moved = index.offset(scenario.price, Round::Down).unwrap_or(Price::MAX);
        Column { index: moved, shock: scenario.volatility, damping: scenario.damping }
    }

    /// What counts of a fall from one value to another; below zero for a rise.
    fn loss(&self, from: Price, to: Price) -> i64 {
        let fall = i128::from(from.raw()) - i128::from(to.raw());
        if self.damping == Rate::ONE {
            return i64::try_from(fall).expect("neither is below zero");
        }
        let one = i128::from(Rate::ONE.raw());
        let counted = mul_div(fall, i128::from(self.damping.raw()), one, Round::Up);
        counted.and_then(|raw| i64::try_from(raw).ok()).expect("a part of a fall is smaller")
    }
}

/// What the scenarios make of one expiry.
struct World {
    forwards: Vec<Price>,
    up: Rate,
    down: Rate,
    least: Rate,
}

impl World {
    fn new(smile: &Smile, columns: &[Column], moment: Moment, params: &ScanParams) -> World {
        let scale = shock_scale(smile.left());
        let shock = |size: Rate| {
            let wide = size.times(scale, Round::Up);
            wide.and_then(|wide| wide.times(moment.widening, Round::Up)).unwrap_or(Rate::MAX)
        };
        World {
            forwards: columns.iter().map(|column| smile.forward_at(column.index)).collect(),
            up: Rate::ONE.checked_add(shock(params.volatility_up)).unwrap_or(Rate::MAX),
            down: (Rate::ONE - shock(params.volatility_down)).max(Rate::ZERO),
            least: params.volatility_min,
        }
    }

    /// A volatility after a shock (rule S-1).
    fn shocked(&self, volatility: Rate, shock: Shock) -> Rate {
        match shock {
            Shock::Up => {
                let high = volatility.times(self.up, Round::Up).unwrap_or(Rate::MAX);
                high.max(self.least)
            }
            Shock::Same => volatility,
            Shock::Down => volatility.times(self.down, Round::Down).unwrap_or(Rate::ZERO),
        }
    }
}
