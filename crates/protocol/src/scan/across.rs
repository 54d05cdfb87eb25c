//! Credit between assets whose scenarios move alike (rule S-7).
//!
//! Rule R-13 for what has a profile: each asset's losses by scenario in place of one number. Every
//! term of the worst case is linear in the losses, so the worst case is sub-additive in them, and
//! one asset alone has no credit.

use money::{Amount, Qty, Rate, Round, div_i128};

use super::requirement::Losses;
use super::scenario::SCENARIOS;
use crate::params::ScenarioParams;

/// What moves together, over all assets with an offset.
#[derive(Clone, Debug, Default)]
pub struct Assets {
    parts: Vec<Part>,
    /// The worst pin of any.
    pinned: Amount,
}

/// The part of an asset's losses that moves with others'.
#[derive(Clone, Debug)]
struct Part {
    by_scenario: [Amount; SCENARIOS],
    worst: Amount,
}

impl Assets {
    /// Adds an asset of which `share` of the losses moves with the others: its offset times what
    /// of the worst scenario it needs.
    pub fn add(&mut self, losses: &Losses, share: Rate) {
        if share.is_zero() {
            return;
        }
        let part = |&loss: &i128| {
            let amount = div_i128(loss, i128::from(Qty::ONE.raw()), Round::Up);
            let amount = Amount::from_raw(amount.expect("a hundred million is not nothing"));
            amount.share(share, Round::Up).expect("a share of a loss is smaller")
        };
        let (grid, pins) = losses.by_column.split_at(SCENARIOS);
        let pinned = pins.iter().map(part).max().unwrap_or(Amount::ZERO);
        let by_scenario = std::array::from_fn(|at| part(&grid[at]));
        let worst = by_scenario.iter().copied().max().unwrap_or(Amount::ZERO);
        let worst = worst.max(pinned).max(Amount::ZERO);
        self.pinned = self.pinned.max(pinned);
        self.parts.push(Part { by_scenario, worst });
    }

    /// What the sum over assets is lowered by, rounded down.
    pub fn credit(&self, params: &ScenarioParams) -> Amount {
        let share = |amount: Amount, rate: Rate| {
            amount.share(rate, Round::Up).expect("a share of an amount is smaller")
        };
        let gross: Amount = self.parts.iter().map(|part| part.worst).sum();
        let mut worst = self.pinned.max(share(gross, params.floor));
        for scenario in 0..SCENARIOS {
            let of = |part: &Part| part.by_scenario[scenario];
            let net: Amount = self.parts.iter().map(of).sum();
            worst = worst.max(net);
            for part in &self.parts {
                let broken = share(part.worst - of(part), params.broken);
                worst = worst.max(net + broken);
            }
        }
        (gross - worst).max(Amount::ZERO)
    }
}
