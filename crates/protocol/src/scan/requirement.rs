//! What an account must hold against its options and what hedges them (rules S-3 to S-6).
//!
//! A sum over legs in each column, then one maximum. A quantity is at most `QTY_MAX` < 2⁵¹, a loss
//! of one unit less than 2⁶³, so 4096 legs add up to less than 2¹²⁶; with what is linear, less than
//! 2¹²⁷: nothing here overflows.

use money::{Amount, Qty, Rate, Round, div_i128};

use super::hedge::{Line, Linear};
use super::table::{COLUMNS, Table};
use crate::margin::{self, Charges, Exposure};
use crate::params::ScanParams;

/// Columns that are summed up at once, in registers.
const LANES: usize = 4;
/// Legs that are looked up at once.
const CHUNK: usize = 32;

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

/// What is linear and how it is charged.
#[derive(Clone, Copy)]
struct Hedge {
    linear: Exposure,
    charges: Charges,
    terms: Terms,
}

impl Table {
    /// What the legs lose (rule S-3).
    pub fn losses(&self, legs: impl Iterator<Item = Leg>) -> Losses {
        const NOTHING: &[i64; COLUMNS] = &[0; COLUMNS];
        let mut losses = Losses { by_column: [0; COLUMNS], short: 0 };
        let (mut chunk, mut count) = ([(NOTHING, 0); CHUNK], 0);
        for leg in legs {
            let qty = leg.qty.raw();
            losses.short -= i128::from(qty.min(0));
            chunk[count] = (&self.rows[leg.row], qty);
            count += 1;
            if count == CHUNK {
                self.add(&chunk, &mut losses);
                count = 0;
            }
        }
        self.add(&chunk[..count], &mut losses);
        losses
    }

    /// Adds a few legs. Cannot overflow (the head of this file), and need not look for it.
    fn add(&self, legs: &[(&[i64; COLUMNS], i64)], losses: &mut Losses) {
        let used = self.linear.len().next_multiple_of(LANES);
        let blocks = losses.by_column[..used].as_chunks_mut::<LANES>().0;
        for (at, block) in blocks.iter_mut().enumerate() {
            let mut sums = *block;
            for (row, qty) in legs {
                let row = &row.as_chunks::<LANES>().0[at];
                for (sum, &loss) in sums.iter_mut().zip(row) {
                    *sum = sum.wrapping_add(i128::from(*qty).wrapping_mul(i128::from(loss)));
                }
            }
            *block = sums;
        }
    }

    /// The requirement of the asset, options and what is linear together (rules S-3 to S-5).
    pub fn requirement(
        &self,
        legs: impl Iterator<Item = Leg>,
        linear: Exposure,
        charges: Charges,
        terms: Terms,
    ) -> Amount {
        self.decided(&self.losses(legs), Hedge { linear, charges, terms }).0
    }

    /// The requirement, and how it came about.
    pub fn outcome(
        &self,
        legs: impl Iterator<Item = Leg>,
        linear: Exposure,
        charges: Charges,
        terms: Terms,
    ) -> Outcome {
        self.outcome_of(self.losses(legs), linear, charges, terms)
    }

    /// The same of what is lost in each scenario.
    pub fn outcome_of(
        &self,
        mut losses: Losses,
        linear: Exposure,
        charges: Charges,
        terms: Terms,
    ) -> Outcome {
        let (amount, z) = self.decided(&losses, Hedge { linear, charges, terms });
        for (sum, &unit) in losses.by_column.iter_mut().zip(&self.linear) {
            *sum += i128::from(unit) * i128::from(z);
        }
        let rest = Linear::apart(linear, charges).divide(z).rest;
        Outcome { amount, rest, losses }
    }

    /// The requirement and the z of rule S-5.
    fn decided(&self, losses: &Losses, hedge: Hedge) -> (Amount, i64) {
        let Hedge { linear, charges, terms } = hedge;
        let short = self.short_charge(losses.short, terms.short);
        let apart = self.divided(&Linear::apart(linear, charges), losses, 0, terms) + short;
        let idle = losses.by_column.iter().all(|&loss| loss == 0);
        if idle || (linear.holding + linear.long + linear.short).is_zero() {
            return (apart, 0);
        }
        let inside = Linear::new(linear, charges, self.worst_linear(terms.scan));
        let (lines, count) = self.lines(losses);
        let z = inside.cheapest(&lines[..count], terms.scan, self.index);
        let together = self.divided(&inside, losses, z, terms) + short;
        if together < apart { (together, z) } else { (apart, 0) }
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

    /// The losses as lines over what is linear: nothing, and every column; and how many.
    pub(super) fn lines(&self, losses: &Losses) -> ([Line; COLUMNS + 1], usize) {
        let mut lines = [(0, 0); COLUMNS + 1];
        let columns = losses.by_column.iter().zip(&self.linear);
        for (line, (&loss, &unit)) in lines[1..].iter_mut().zip(columns) {
            *line = (loss, unit);
        }
        (lines, 1 + self.linear.len())
    }

    /// The requirement without rule S-4, with z in the scenarios.
    pub(super) fn divided(&self, linear: &Linear, losses: &Losses, z: i64, terms: Terms) -> Amount {
        let division = linear.divide(z);
        let loss = |(&loss, &unit): (&i128, &i64)| loss + i128::from(unit) * i128::from(z);
        let worst = losses.by_column.iter().zip(&self.linear).map(loss).max();
        let charge = |(&qty, &rate): (&Qty, &Rate)| {
            let notional = self.index.notional(qty, Round::Up);
            notional.share(rate, Round::Up).expect("a share of a notional is smaller")
        };
        let inside: Amount = division.inside.iter().zip(&linear.inside).map(charge).sum();
        let outside = margin::requirement(division.rest, linear.charges, self.index);
        outside + inside + share(worst.unwrap_or(0).max(0), terms.scan)
    }

    /// Rule S-4: the charge on what is short.
    fn short_charge(&self, short: i128, rate: Rate) -> Amount {
        share(short * i128::from(self.index.raw()), rate)
    }

    /// What one unit short of a row's series needs alone, rounded up (rule S-6).
    pub fn short_unit(&self, row: usize, terms: Terms) -> Amount {
        let nothing = Linear::apart(Exposure::default(), Charges::default());
        let losses = self.losses(std::iter::once(Leg { row, qty: -Qty::ONE }));
        let short = self.short_charge(losses.short, terms.short);
        self.divided(&nothing, &losses, 0, terms) + short
    }
}

/// What is counted of a sum at 10⁻¹⁶ quote.
fn share(sum: i128, rate: Rate) -> Amount {
    let amount = div_i128(sum, i128::from(Qty::ONE.raw()), Round::Up);
    let amount = Amount::from_raw(amount.expect("a hundred million is not nothing"));
    amount.share(rate, Round::Up).expect("a share of a sum is smaller")
}
