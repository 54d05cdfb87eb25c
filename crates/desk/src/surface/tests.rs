//! Surfaces from quotes that were made from a known one.

use money::Span;

use super::*;

const HALF_SPREAD: f64 = 0.01;

/// A chain of calls and puts around a slice, priced in coin.
fn quotes(slice: &Svi, days: u64) -> Vec<OptionQuote> {
    let time = Time::from_millis(1_770_000_000_000).expect("a time of 2026");
    let forward = 70_000.0;
    let quote = |strike: f64, kind: Kind| {
        let expiry = time.after(Span::DAY.times(days));
        let years = days as f64 / 365.0;
        let volatility = slice.volatility(libm::log(strike / forward), years);
        let coin = |volatility: f64| {
            black::price(option_kind(kind), forward, strike, volatility, years) / forward
        };
        OptionQuote {
            asset: Asset::new("BTC").expect("a coin"),
            time,
            expiry,
            strike,
            kind,
            bid: Some(coin(volatility - HALF_SPREAD)),
            ask: Some(coin(volatility + HALF_SPREAD)),
            mark: coin(volatility),
            mark_iv: volatility,
            delta: 0.0,
            vega: 0.0,
            forward,
            index: forward,
            open_interest: 0.0,
            volume: 0.0,
        }
    };
    let strikes = (0..21).map(|i| 50_000.0 + 2_000.0 * f64::from(i));
    strikes.flat_map(|strike| [quote(strike, Kind::Call), quote(strike, Kind::Put)]).collect()
}

const NEAR: Svi = Svi { a: 0.004, b: 0.04, rho: -0.3, m: 0.01, sigma: 0.1 };

fn surface(slices: &[(Svi, u64)]) -> Surface {
    let quotes: Vec<OptionQuote> =
        slices.iter().flat_map(|(slice, days)| quotes(slice, *days)).collect();
    Surface::fit(chains(&quotes, Asset::new("BTC").expect("a coin")))
}

#[test]
fn coin_prices_lead_back_to_the_volatilities() {
    let quotes = quotes(&NEAR, 20);
    let chains = chains(&quotes, Asset::new("BTC").expect("a coin"));
    assert_eq!((chains.len(), chains[0].points.len(), chains[0].without), (1, 42, 0));
    for point in &chains[0].points {
        let volatility = NEAR.volatility(point.k, chains[0].years);
        assert!((point.bid - (volatility - HALF_SPREAD)).abs() < 1e-9, "{point:?}");
        assert!((point.ask - (volatility + HALF_SPREAD)).abs() < 1e-9, "{point:?}");
    }
    assert_eq!(chains[0].targets().len(), 21);
    assert!(quotes.iter().all(|quote| mark_error(quote) < 1e-15));
    assert_eq!(super::chains(&quotes, Asset::new("ETH").expect("a coin")), []);
}

#[test]
fn quotes_of_a_free_surface_are_all_met() {
    let far = Svi { a: 0.012, b: 0.08, ..NEAR };
    let mut surface = surface(&[(NEAR, 20), (far, 60)]);
    assert!(surface.repair());
    for expiry in &surface.expiries {
        let errors = Errors::of(&expiry.chain, &expiry.after);
        assert_eq!((errors.quotes, errors.narrow, errors.narrow_inside), (42, 42, 42));
        assert_eq!(errors.outside_max, 0.0);
        assert!(errors.distance / 42.0 < HALF_SPREAD && errors.spreads / 42.0 < 0.5);
    }
}

#[test]
fn a_crossed_calendar_is_repaired_as_near_as_it_can_be() {
    let far = Svi { a: NEAR.a - 0.0003, ..NEAR };
    let mut surface = surface(&[(NEAR, 20), (far, 21)]);
    let before: Vec<Svi> = surface.expiries.iter().map(|expiry| expiry.before).collect();
    assert!(!calibrate::is_surface_free(&before));
    assert!(surface.repair());
    let inside: usize = surface
        .expiries
        .iter()
        .map(|expiry| Errors::of(&expiry.chain, &expiry.after).narrow_inside)
        .sum();
    assert!(inside > 80, "{inside} of 84");
}

#[test]
fn an_expiry_with_too_few_strikes_is_left_out() {
    let few = &quotes(&NEAR, 20)[..4];
    let surface = Surface::fit(chains(few, Asset::new("BTC").expect("a coin")));
    assert_eq!((surface.expiries.len(), surface.left_out), (0, 1));
}

#[test]
fn a_power_law_replaces_both_slices() {
    let law = Ssvi { rho: -0.4, eta: 1.0, gamma: 0.4 };
    let mut surface = surface(&[(law.slice(0.01), 20), (law.slice(0.03), 60)]);
    let found = surface.fit_power_law().expect("a surface");
    assert!((found.rho - law.rho).abs() < 0.05, "{found:?}");
    assert!(surface.expiries.iter().all(|expiry| expiry.before == expiry.after));
}
