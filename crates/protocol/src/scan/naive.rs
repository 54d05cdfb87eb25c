//! What legs lose in each scenario, every leg repriced from the words of rules S-1 to S-3.
//!
//! The twin of [`super::Table`], which must give the same to the last bit.

use money::{Amount, Price, Rate, Round, div_i128};
use pricing::slice::shock_scale;

use super::requirement::{Leg, Terms};
use super::scenario::{PINS_MAX, Shock, scenarios};
use super::table::{Moment, Series};
use crate::params::ScanParams;
use crate::surface::Smile;

/// Series, what each expiry is worth, and the scenarios.
#[derive(Clone, Copy, Debug)]
pub struct World<'a> {
    /// By row.
    pub series: &'a [Series],
    /// By expiry; none before it has a surface.
    pub smiles: &'a [Option<Smile>],
    /// When.
    pub moment: Moment,
    /// Sizes of the moves.
    pub params: &'a ScanParams,
}

impl World<'_> {
    /// What the legs lose in each scenario and pin, at 10⁻¹⁶ quote.
    pub fn losses(&self, legs: &[Leg]) -> Vec<i128> {
        let mut moves = self.moves();
        moves.extend(self.pins().into_iter().map(|to| (to, Shock::Same, Rate::ONE)));
        let lost = |to| legs.iter().map(|leg| self.lost(leg, to)).sum();
        moves.into_iter().map(lost).collect()
    }

    /// What legs with nothing linear need (rules S-3 and S-4).
    pub fn requirement(&self, legs: &[Leg], terms: Terms) -> Amount {
        let worst = self.losses(legs).into_iter().max().unwrap_or(0).max(0);
        let short: i128 = legs.iter().map(|leg| i128::from((-leg.qty.raw()).max(0))).sum();
        let counted = |sum: i128, rate: Rate| {
            let amount = div_i128(sum, 100_000_000, Round::Up).expect("not by zero");
            Amount::from_raw(amount).share(rate, Round::Up).expect("a share is smaller")
        };
        counted(worst, terms.scan)
            + counted(short * i128::from(self.moment.index.raw()), terms.short)
    }

    fn moves(&self) -> Vec<(Price, Shock, Rate)> {
        let index = self.moment.index;
        let all = scenarios(self.params.range);
        let to = |price| index.offset(price, Round::Down).unwrap_or(Price::MAX);
        all.iter().map(|one| (to(one.price), one.volatility, one.damping)).collect()
    }

    /// Rule S-2.
    fn pins(&self) -> Vec<Price> {
        let index = self.moment.index;
        let reach = index.offset(self.params.range, Round::Up).map_or(Price::MAX, |to| to - index);
        let mut pins: Vec<(Price, Price)> = Vec::new();
        for series in self.series {
            let Some(smile) = &self.smiles[series.smile] else { continue };
            let near = smile.left() <= self.params.pin_window;
            let Some(at) = smile.index_for(series.strike).filter(|at| near && at.is_positive())
            else {
                continue;
            };
            let pin = ((at - index).abs(), at);
            if pin.0 <= reach && !pins.contains(&pin) {
                pins.push(pin);
            }
        }
        pins.sort_unstable();
        pins.into_iter().take(PINS_MAX).map(|(_, at)| at).collect()
    }

    fn lost(&self, leg: &Leg, (to, shock, damping): (Price, Shock, Rate)) -> i128 {
        let series = self.series[leg.row];
        let Some(smile) = &self.smiles[series.smile] else { return 0 };
        let shocked = self.shocked(smile, smile.volatility(series.strike), shock);
        let value = smile.value(series.kind, series.strike, smile.forward_at(to), shocked);
        let fall = i128::from((smile.mark(series.kind, series.strike) - value).raw());
        let counted = Amount::from_raw(fall).share(damping, Round::Up);
        counted.expect("a part of a fall is smaller").raw() * i128::from(leg.qty.raw())
    }

    fn shocked(&self, smile: &Smile, volatility: Rate, shock: Shock) -> Rate {
        let scale = shock_scale(smile.left());
        let size = |size: Rate| {
            let wide = size.times(scale, Round::Up);
            wide.and_then(|wide| wide.times(self.moment.widening, Round::Up)).unwrap_or(Rate::MAX)
        };
        match shock {
            Shock::Up => {
                let up = Rate::ONE.checked_add(size(self.params.volatility_up));
                let high = volatility.times(up.unwrap_or(Rate::MAX), Round::Up);
                high.unwrap_or(Rate::MAX).max(self.params.volatility_min)
            }
            Shock::Same => volatility,
            Shock::Down => {
                let down = (Rate::ONE - size(self.params.volatility_down)).max(Rate::ZERO);
                volatility.times(down, Round::Down).unwrap_or(Rate::ZERO)
            }
        }
    }
}
