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

    /// Value of the wallet at a price for each venue.
    pub(super) fn venue_value(&self, price: impl Fn(usize) -> Price) -> Amount {
        let value = |(venue, coins): (usize, &Qty)| price(venue).notional(*coins, Round::Down);
        let coins: Amount = self.venue_coins.iter().enumerate().map(value).sum();
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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::link::LinkParams;
    use desk::strategy::{Event, Intent, Strategy};
    use money::{Rate, Span, Time};

    struct Idle;

    impl Strategy for Idle {
        fn on(&mut self, _event: &Event, _intents: &mut Vec<Intent>) {}
    }

    /// A venue at 100 with a fee of 2 bp and a spread, and a wallet with a thousand and one coin.
    fn wallet() -> (Venue, Book) {
        let params = VenueParams {
            tick: "0.01".parse().unwrap(),
            lot: "0.001".parse().unwrap(),
            half_spread: 1e-3,
            depth: 1e6,
            impact: 0.0,
            decay: Span::SECOND,
            fee_taker: Rate::from_bp(2),
        };
        let venue = Venue::new(params, "100".parse().unwrap());
        let link = LinkParams {
            latency: Span::ZERO,
            jitter: Span::ZERO,
            loss: 0.0,
            resend: Span::ZERO,
            fifo: true,
            outages: vec![],
        };
        let setup = AgentSetup {
            class: "idle".into(),
            strategy: Box::new(Idle),
            hears: vec![],
            reads_equity: false,
            reads_options: false,
            cash: Amount::ZERO,
            coins: vec![],
            venue_cash: "1000".parse().unwrap(),
            venue_coins: vec![(protocol::ids::AssetId(1), Amount::ONE)],
            link,
            financing_8h: 0.0,
        };
        let book = Book::new(&setup, std::slice::from_ref(&venue));
        (venue, book)
    }

    #[test]
    fn a_trade_outside_costs_spread_and_fee_and_nothing_else() {
        for (side, limit) in [(Side::Buy, "101"), (Side::Sell, "99")] {
            let (mut venue, mut book) = wallet();
            let before = book.venue_value(|_| venue.path());
            assert_eq!(before, "1100".parse().unwrap());
            let qty: Qty = "0.5".parse().unwrap();
            let fill = venue.take(Time::ZERO, side, limit.parse().unwrap(), qty).unwrap();
            book.trade_outside(0, side, &fill);
            let after = book.venue_value(|_| venue.path());
            // 0.5 coins 0.1 off the path, and 2 bp of 50.05 or 49.95.
            let fee = if side == Side::Buy { "0.01001" } else { "0.00999" };
            let fee: Amount = fee.parse().unwrap();
            assert_eq!(before - after, "0.05".parse::<Amount>().unwrap() + fee, "{side:?}");
            assert_eq!(book.fees, -fee, "{side:?}");
        }
    }

    #[test]
    fn a_wallet_buys_and_sells_no_more_than_it_holds() {
        let (venue, book) = wallet();
        let (price, params) = ("100".parse().unwrap(), venue.params());
        let most = |side| book.affordable(0, side, price, Qty::MAX, params);
        assert_eq!(most(Side::Sell), Qty::ONE);
        let cost = price.notional(most(Side::Buy), Round::Up);
        let with_fee = cost + cost.share(params.fee_taker, Round::Up).unwrap();
        assert!(with_fee <= book.venue_cash, "{with_fee}");
        assert!(most(Side::Buy) > "9.997".parse().unwrap());
    }
}
