//! What a back-test begins with: assets, what may be borrowed of them, and at what price.

use money::{Amount, Qty, Rate};

use crate::scenario::error::{ScenarioError, hint};
use crate::scenario::section::{Section, coins_as_qty};

use super::market::Market;

/// What may be borrowed where nothing limits it but margin.
pub const UNLIMITED: Amount = Amount::from_raw(100_000_000_000_000_000_000);

/// One asset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holding {
    /// Its name, as `BTC`.
    pub asset: String,
    /// How much there is at the start.
    pub start: Amount,
    /// How much may be borrowed.
    pub borrow: Amount,
}

/// The account at the start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Its assets; the first is the currency in which profit is counted.
    pub holdings: Vec<Holding>,
    /// Initial margin of what is borrowed, then maintenance.
    pub margin: [Rate; 2],
    /// Interest on what is borrowed, a year.
    pub interest: Rate,
    /// Share of the value of coins that backs positions.
    pub collateral: Rate,
    /// Own volume a day before the start, in the currency.
    pub volume_day: Amount,
}

impl Account {
    pub(super) fn read(
        section: &Section<'_>,
        markets: &[Market],
    ) -> Result<Account, ScenarioError> {
        let currency = section.text_if("currency")?;
        let currency = currency.map_or_else(|| markets[0].quote.clone(), str::to_owned);
        let borrow = if section.is_set("borrow") { Amount::ZERO } else { UNLIMITED };
        let holding =
            |asset: &str| Holding { asset: asset.to_owned(), start: Amount::ZERO, borrow };
        let mut holdings = vec![holding(&currency)];
        let traded = markets.iter().flat_map(|market| [&market.quote, &market.base]);
        for asset in traded {
            if holdings.iter().all(|known| known.asset != *asset) {
                holdings.push(holding(asset));
            }
        }
        holdings[0].start = section.amount("cash")?;
        for (key, is_start) in [("coins", true), ("borrow", false)] {
            for (_, asset, coins) in section.coins(key)? {
                let amount = coins_as_qty(coins).as_amount();
                let at = holdings.iter().position(|known| known.asset == asset);
                match (at, is_start) {
                    (Some(0), true) => {
                        let message = format!("`coins` holds the currency {asset}; give `cash`");
                        return Err(section.wrong(key, message));
                    }
                    (Some(at), true) => holdings[at].start = amount,
                    (Some(at), false) => holdings[at].borrow = amount,
                    (None, _) => {
                        let known: Vec<&str> =
                            holdings.iter().map(|known| known.asset.as_str()).collect();
                        let hint = hint(asset, &known);
                        let message = format!("`{key}`: no market trades `{asset}`{hint}");
                        return Err(section.wrong(key, message));
                    }
                }
            }
        }
        Ok(Account {
            holdings,
            margin: [
                section.rate_pct("borrow_initial_pct")?,
                section.rate_pct("borrow_maintenance_pct")?,
            ],
            interest: section.rate_pct("interest_pct_year")?,
            collateral: section.rate_pct("collateral_pct")?,
            volume_day: section.amount("volume_usd_day")?,
        })
    }

    /// The currency in which profit is counted.
    pub fn currency(&self) -> &str {
        &self.holdings[0].asset
    }

    /// How much of an asset there is at the start.
    pub fn start_of(&self, asset: &str) -> Qty {
        let held = self.holdings.iter().find(|holding| holding.asset == asset);
        held.map_or(Qty::ZERO, |holding| {
            Qty::from_raw(i64::try_from(holding.start.raw()).unwrap_or(i64::MAX))
        })
    }

    /// In words.
    pub(super) fn text(&self) -> String {
        let held = self.holdings.iter().filter(|holding| holding.start.is_positive());
        let held: Vec<String> =
            held.map(|holding| format!("{} {}", holding.start, holding.asset)).collect();
        let borrowed = self.holdings.iter().filter(|holding| holding.borrow.is_positive());
        let amount = |holding: &Holding| match holding.borrow {
            UNLIMITED => format!("any {}", holding.asset),
            borrow => format!("{borrow} {}", holding.asset),
        };
        let borrowed: Vec<String> = borrowed.map(amount).collect();
        let percent = pricing::convert::rate_f64(self.interest) * 100.0;
        let held = if held.is_empty() { "nothing".into() } else { held.join(", ") };
        match borrowed.is_empty() {
            true => format!("{held}; may not borrow"),
            false => format!("{held}; may borrow {} at {percent} %", borrowed.join(", ")),
        }
    }
}
