//! What an agent owns outside the chain, and its profit by cause.

use money::{Amount, Price, Qty, Round};
use protocol::ids::Side;

use super::AgentSetup;
use crate::spot::{Fill, Venue, VenueParams};

/// An agent's wallet at the external venue, and its flows. Positive is received.
#[derive(Clone, Debug)]
pub(super) struct Book {
    pub(super) class: String,
    venue_cash: Amount,
    venue_coins: Vec<Qty>,
    /// Coins that it began with on the chain and outside: their revaluation is nobody's profit.
    pub(super) endowment: Vec<Qty>,
    /// Its value at the start.
    pub(super) endowment_start: Amount,
    pub(super) equity_start: Amount,
    pub(super) financing_8h: f64,
    pub(super) funding: Amount,
    pub(super) fees: Amount,
    pub(super) liquidation: Amount,
    pub(super) insurance: Amount,
    pub(super) deleveraging: Amount,
    pub(super) financing: f64,
    pub(super) traded: Amount,
}

impl Book {
    pub(super) fn new(setup: &AgentSetup, venues: &[Venue]) -> Book {
        let sum = |coins: &[(protocol::ids::AssetId, Amount)], at: usize| -> Qty {
            let of_asset = coins.iter().filter(|(asset, _)| asset.index() == at + 1);
            let total: Amount = of_asset.map(|(_, amount)| *amount).sum();
            Qty::from_raw(i64::try_from(total.raw()).expect("an endowment fits a quantity"))
        };
        let venue_coins: Vec<Qty> =
            (0..venues.len()).map(|at| sum(&setup.venue_coins, at)).collect();
        let endowment: Vec<Qty> =
            (0..venues.len()).map(|at| sum(&setup.coins, at) + venue_coins[at]).collect();
        let coins: Amount = endowment
            .iter()
            .zip(venues)
            .map(|(coins, venue)| venue.path().notional(*coins, Round::Down))
            .sum();
        Book {
            class: setup.class.clone(),
            venue_cash: setup.venue_cash,
            venue_coins,
            endowment,
            endowment_start: coins,
            equity_start: setup.cash + setup.venue_cash + coins,
            financing_8h: setup.financing_8h,
            funding: Amount::ZERO,
            fees: Amount::ZERO,
            liquidation: Amount::ZERO,
            insurance: Amount::ZERO,
            deleveraging: Amount::ZERO,
            financing: 0.0,
            traded: Amount::ZERO,
        }
    }

    /// Value of the wallet at the path.
    pub(super) fn venue_value(&self, venues: &[Venue]) -> Amount {
        let coins: Amount = self
            .venue_coins
            .iter()
            .zip(venues)
            .map(|(coins, venue)| venue.path().notional(*coins, Round::Down))
            .sum();
        self.venue_cash + coins
    }

    /// Coins of an asset in the wallet.
    pub(super) fn venue_coins(&self, venue: usize) -> Qty {
        self.venue_coins[venue]
    }

    /// How much of an order the wallet can pay for.
    pub(super) fn affordable(
        &self,
        venue: usize,
        side: Side,
        price: Price,
        qty: Qty,
        params: &VenueParams,
    ) -> Qty {
        match side {
            Side::Sell => qty.min(self.venue_coins[venue]),
            Side::Buy => {
                let with_fee = price.offset(params.fee_taker, Round::Up).unwrap_or(Price::MAX);
                let most = self.venue_cash.max(Amount::ZERO).buys(with_fee, Round::Down);
                qty.min(most.unwrap_or(qty))
            }
        }
    }

    /// Books a fill at the external venue.
    pub(super) fn trade_outside(&mut self, venue: usize, side: Side, fill: &Fill) {
        let signed = Amount::from_raw(fill.notional.raw() * i128::from(side.sign()));
        self.venue_cash -= signed + fill.fee;
        self.venue_coins[venue] += Qty::from_raw(fill.qty.raw() * side.sign());
        self.fees -= fill.fee;
        self.traded += fill.notional;
    }
}
