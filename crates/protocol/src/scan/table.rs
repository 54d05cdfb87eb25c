//! What one unit of each series loses in each scenario, computed once a block.
//!
//! Rows lie one series after the other, a row is one series in every scenario. A value is at most
//! i64::MAX at 10⁻⁸ quote: a forward beyond counts as that, which takes an index above 1.5·10¹⁰.
//!
//! Always holds: marks and values have the parity of `pricing::slice`, in every scenario.

use money::{Price, Rate, Round, mul_div};
use pricing::slice::shock_scale;

use super::scenario::{PINS_MAX, SCENARIOS, Scenario, Shock, scenarios};
use crate::ids::OptionKind;
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
    pub(super) index: Price,
    marks: Vec<Price>,
    pub(super) rows: Vec<[i64; COLUMNS]>,
    /// What one unit of the asset loses in each column.
    pub(super) linear: Vec<i64>,
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
