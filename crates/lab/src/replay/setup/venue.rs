//! Venues whose kind of market, fees and steps are known, and what names of instruments tell.

use crate::replay::fees::venues::Published;

/// What is traded on a market.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Coins themselves.
    Spot,
    /// A perpetual that pays in quote.
    Perpetual,
    /// A perpetual or future that pays in coin.
    Inverse,
    /// A dated future that pays in quote.
    Future,
    /// A pool of two coins.
    Pool,
}

/// A venue.
#[derive(Clone, Copy, Debug)]
pub(super) struct Venue {
    /// Its name in files, and that of its fees.
    pub name: &'static str,
    /// What importers call it.
    pub source: &'static str,
    pub kind: Kind,
    /// Symbol, price step and quantity step.
    pub steps: &'static [(&'static str, &'static str, &'static str)],
}

/// The venues. Steps: `exchangeInfo` of Binance in 2024, contract specifications of Deribit.
pub(super) const VENUES: &[Venue] = &[
    Venue {
        name: "binance-spot",
        source: "binance",
        kind: Kind::Spot,
        steps: &[("BTCUSDT", "0.01", "0.00001"), ("ETHUSDT", "0.01", "0.0001")],
    },
    Venue {
        name: "binance-usdm",
        source: "binance-futures",
        kind: Kind::Perpetual,
        steps: &[("BTCUSDT", "0.1", "0.001"), ("ETHUSDT", "0.01", "0.001")],
    },
    Venue {
        name: "deribit-futures",
        source: "deribit",
        kind: Kind::Inverse,
        steps: &[("BTC-PERPETUAL", "0.5", "10"), ("ETH-PERPETUAL", "0.05", "1")],
    },
    Venue {
        name: "hyperliquid-perpetual",
        source: "hyperliquid",
        kind: Kind::Perpetual,
        steps: &[],
    },
];

impl Venue {
    /// The venue of a name in a file, or of an importer.
    pub(super) fn find(name: &str) -> Option<&'static Venue> {
        VENUES.iter().find(|venue| venue.name == name || venue.source == name)
    }

    /// Its fees.
    pub(super) fn published(&self) -> Option<&'static Published> {
        Published::find(self.name)
    }
}

impl Kind {
    /// All kinds.
    pub const ALL: [Kind; 5] =
        [Kind::Spot, Kind::Perpetual, Kind::Inverse, Kind::Future, Kind::Pool];

    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Kind::Spot => "spot",
            Kind::Perpetual => "perpetual",
            Kind::Inverse => "inverse",
            Kind::Future => "future",
            Kind::Pool => "pool",
        }
    }

    /// Whether coins change hands, so that a balance is held and not a position.
    pub const fn is_spot(self) -> bool {
        match self {
            Kind::Spot | Kind::Pool => true,
            Kind::Perpetual | Kind::Inverse | Kind::Future => false,
        }
    }
}

/// A pool whose tokens and fee are known, by its address: base, quote, decimals of both tokens,
/// which of them is the base, fee in 10⁻⁶.
pub(super) type KnownPool = (&'static str, [&'static str; 2], [u8; 2], u8, u32);

/// Pools by address: Uniswap v3 on Polygon, USDC.e and WETH at 0.05 %.
pub(super) const POOLS: &[KnownPool] =
    &[("0x45dda9cb7c25131df268515131f647d726f50608", ["ETH", "USDC"], [6, 18], 1, 500)];

/// What a name of a venue or a market says of the kind: `perp`, `spot` and the like in it.
pub(super) fn kind_of_words(text: &str) -> Option<Kind> {
    let text = text.to_ascii_lowercase();
    let words = [
        ("uniswap", Kind::Pool), // before the swap in it
        ("pool", Kind::Pool),
        ("spot", Kind::Spot),
        ("inverse", Kind::Inverse),
        ("coinm", Kind::Inverse),
        ("perp", Kind::Perpetual),
        ("swap", Kind::Perpetual),
        ("usdm", Kind::Perpetual),
        ("future", Kind::Future),
    ];
    words.into_iter().find(|(word, _)| text.contains(word)).map(|(_, kind)| kind)
}

/// Base and quote of a symbol, as `BTCUSDT`, `BTC-USD-PERP` or `ETH/USDC`.
pub(super) fn assets_of(symbol: &str) -> Option<(String, String)> {
    const QUOTES: [&str; 10] =
        ["USDT", "USDC", "FDUSD", "BUSD", "TUSD", "USD", "EUR", "DAI", "BTC", "ETH"];
    let upper = symbol.to_ascii_uppercase();
    let mut parts = upper.split(['-', '/', '_', ':']).filter(|part| !part.is_empty());
    let (first, second) = (parts.next()?, parts.next());
    if let Some(quote) = second.filter(|part| QUOTES.contains(part)) {
        return Some((first.to_owned(), quote.to_owned()));
    }
    for quote in QUOTES {
        if let Some(base) = first.strip_suffix(quote)
            && !base.is_empty()
        {
            return Some((base.to_owned(), quote.to_owned()));
        }
    }
    second.map(|_| (first.to_owned(), "USD".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn symbols_tell_their_assets() {
        let table = [
            ("BTCUSDT", Some(("BTC", "USDT"))),
            ("ethusdc", Some(("ETH", "USDC"))),
            ("BTC-USD-PERP", Some(("BTC", "USD"))),
            ("BTCUSD_PERP", Some(("BTC", "USD"))),
            ("BTC-PERPETUAL", Some(("BTC", "USD"))),
            ("ETH/BTC", Some(("ETH", "BTC"))),
            ("USDT", None),
            ("GOLD", None),
            ("", None),
        ];
        for (symbol, assets) in table {
            let assets = assets.map(|(base, quote)| (base.to_owned(), quote.to_owned()));
            assert_eq!(assets_of(symbol), assets, "{symbol}");
        }
    }

    #[test]
    fn every_venue_has_fees_and_steps_that_are_prices() {
        for venue in VENUES {
            assert!(venue.published().is_some(), "{}", venue.name);
            for (_, tick, lot) in venue.steps {
                assert!([tick, lot].iter().all(|step| step.parse::<money::Price>().is_ok()));
            }
        }
    }

    #[test]
    fn names_tell_the_kind() {
        assert_eq!(kind_of_words("binance-usdm"), Some(Kind::Perpetual));
        assert_eq!(kind_of_words("my spot"), Some(Kind::Spot));
        assert_eq!(kind_of_words("uniswap-v3-polygon"), Some(Kind::Pool));
        assert_eq!(kind_of_words("kraken"), None);
    }
}
