//! The charges in force: those of the design, initial margin raised by open interest (rule R-8),
//! both margins raised by deviation feedback (rules ).
//!
//! They change at the close of a block only, and follow from what the state holds there. Always
//! holds: basis ≤ margin, maintenance ≤ initial ≤ 1.

use money::{Rate, Round};

use super::{Level, State};
use crate::ids::AssetId;
use crate::margin::{Charges, interest_margin};
use crate::market::Market;
use crate::params::Params;

impl State {
    /// The charges of an asset that are in force.
    pub fn charges(&self, asset: AssetId, level: Level) -> Charges {
        self.charges[asset.index()][level.index()]
    }

    /// Brings the charges in line with open interest and feedback; returns the largest change of a
    /// maintenance margin.
    pub(crate) fn refresh_charges(&mut self) -> Rate {
        let mut margins = std::mem::take(&mut self.scratch.margins);
        margins.clear();
        margins.resize(self.charges.len(), [Rate::ZERO; 2]);
        for market in self.markets.iter().filter(|market| !market.is_settled()) {
            let highest = &mut margins[market.params.base.index()];
            let own = self.margins(market);
            *highest = [highest[0].max(own[0]), highest[1].max(own[1])];
        }
        let mut moved = Rate::ZERO;
        for (charges, margins) in self.charges.iter_mut().zip(&margins) {
            moved = moved.max((margins[1] - charges[1].margin).abs());
            for (charges, margin) in charges.iter_mut().zip(margins) {
                charges.margin = *margin;
            }
        }
        self.scratch.margins = margins;
        moved
    }

    /// Initial and maintenance margin of a market that are in force; nothing for spot.
    fn margins(&self, market: &Market) -> [Rate; 2] {
        let Some(params) = market.perpetual_params() else { return [Rate::ZERO; 2] };
        let (feedback, rules) = (market.perpetual.feedback, &market.params.rules);
        let index = self.oracle.index(market.params.base).price;
        let interest = index.notional(market.perpetual.open_interest, Round::Up);
        let raised = |rate: Rate, factor: Rate| {
            rate.times(factor, Round::Up).map_or(Rate::ONE, |rate| rate.min(Rate::ONE))
        };
        let initial = interest_margin(params.margin_initial, interest, &rules.interest);
        let initial = raised(initial, feedback.initial());
        [initial, raised(params.margin_maintenance, feedback.maintenance()).min(initial)]
    }
}

/// The charges of a design without markets: [`State::refresh_charges`] adds the margins.
pub(super) fn of_assets(params: &Params) -> Vec<[Charges; 2]> {
    let charges = |haircut, basis| Charges { haircut, basis, margin: Rate::ZERO };
    let pairs = params.assets.iter().map(|asset| {
        [
            charges(asset.haircut_initial, asset.basis_initial),
            charges(asset.haircut_maintenance, asset.basis_maintenance),
        ]
    });
    pairs.collect()
}
