//! A twin that keeps the list of what happened and reckons everything from it, each time anew.
//!
//! It knows no cost, no realised profit and no running total: an asset's total is what came in,
//! less every trade's price (rounded up once), fee, funding and interest, plus what the summed
//! position of each market is worth now.

use std::collections::BTreeMap;

use pricing::black::OptionKind;
use proptest::prelude::*;

use super::*;

const ONE: i128 = 100_000_000;
const ASSETS: usize = 3;

/// What happened.
#[derive(Clone, Copy, Debug)]
enum Entry {
    Came { asset: usize, amount: i128, value: i128 },
    Traded { market: usize, price: i128, qty: i128 },
    Charged { asset: usize, amount: i128 },
}

struct Twin {
    kinds: Vec<Kind>,
    list: Vec<Entry>,
    mids: BTreeMap<usize, i128>,
    prices: [i128; ASSETS],
    /// Balance of the borrowed asset by the second from which it held.
    borrowed: Vec<(u64, i128)>,
}

/// Towards plus infinity, for a positive divisor.
fn up(a: i128, b: i128) -> i128 {
    -(-a).div_euclid(b)
}

impl Twin {
    fn new(markets: &[MarketTerms]) -> Twin {
        let kinds = markets.iter().map(|market| market.kind).collect();
        let (list, mids) = (vec![], BTreeMap::new());
        Twin { kinds, list, mids, prices: [ONE, 0, 0], borrowed: vec![(0, 0)] }
    }

    /// What a signed quantity is worth, as a numerator and a divisor.
    fn worth(&self, market: usize, price: i128, qty: i128) -> (i128, i128) {
        match self.kinds[market] {
            Kind::Spot { .. } => (price * qty, ONE),
            Kind::Linear { size, .. } | Kind::Option { size, .. } => {
                let (mut part, mut whole) = (i128::from(size.raw()), ONE);
                while part % 10 == 0 && whole > 1 {
                    (part, whole) = (part / 10, whole / 10);
                }
                (price * qty * part, ONE * whole)
            }
            Kind::Inverse { face, .. } => (-qty * i128::from(face.raw()), price),
        }
    }

    fn paid(&self, market: usize, price: i128, qty: i128) -> i128 {
        let (above, below) = self.worth(market, price, qty);
        up(above, below)
    }

    fn see(&mut self, market: usize, price: i128) {
        self.mids.insert(market, price);
        if let Kind::Spot { base, quote } = self.kinds[market] {
            self.prices[base.index()] = (price * self.prices[quote.index()]).div_euclid(ONE);
        }
    }

    fn held(&self, market: usize) -> i128 {
        let of = |entry: &Entry| match *entry {
            Entry::Traded { market: other, qty, .. } if other == market => qty,
            Entry::Traded { .. } | Entry::Came { .. } | Entry::Charged { .. } => 0,
        };
        self.list.iter().map(of).sum()
    }

    /// Worth now less all that was paid, on one market.
    fn profit(&self, market: usize) -> i128 {
        let mid = self.mids.get(&market).copied().unwrap_or(ONE);
        let (above, below) = self.worth(market, mid, self.held(market));
        let paid = |entry: &Entry| match *entry {
            Entry::Traded { market: other, price, qty } if other == market => {
                self.paid(market, price, qty)
            }
            Entry::Traded { .. } | Entry::Came { .. } | Entry::Charged { .. } => 0,
        };
        above.div_euclid(below) - self.list.iter().map(paid).sum::<i128>()
    }

    fn equity(&self, second: u64) -> i128 {
        let mut totals = [0; ASSETS];
        for entry in &self.list {
            match *entry {
                Entry::Came { asset, amount, .. } => totals[asset] += amount,
                Entry::Charged { asset, amount } => totals[asset] -= amount,
                Entry::Traded { market, price, qty } => {
                    totals[self.kinds[market].settle().index()] -= self.paid(market, price, qty);
                    if let Kind::Spot { base, .. } = self.kinds[market] {
                        totals[base.index()] += qty;
                    }
                }
            }
        }
        for (market, kind) in self.kinds.iter().enumerate() {
            if let Kind::Linear { settle, .. }
            | Kind::Inverse { settle, .. }
            | Kind::Option { settle, .. } = *kind
            {
                let mid = self.mids.get(&market).copied().unwrap_or(ONE);
                let (above, below) = self.worth(market, mid, self.held(market));
                totals[settle.index()] += above.div_euclid(below);
            }
        }
        totals[2] -= self.interest(second);
        let value = |(total, price): (i128, i128)| (total * price).div_euclid(ONE);
        totals.into_iter().zip(self.prices).map(value).sum()
    }

    /// Interest at 20 % a year on the borrowed asset: debts in a row share one rounding.
    fn interest(&self, second: u64) -> i128 {
        let mut ends: Vec<u64> = self.borrowed.iter().skip(1).map(|&(from, _)| from).collect();
        ends.push(second);
        let (mut paid, mut debt) = (0, 0);
        for (&(from, balance), end) in self.borrowed.iter().zip(ends) {
            if balance < 0 {
                debt += -balance * i128::from(end - from);
            } else {
                paid += up(debt, 5 * 31_536_000);
                debt = 0;
            }
        }
        paid + up(debt, 5 * 31_536_000)
    }

    fn deposited(&self) -> i128 {
        let of = |entry: &Entry| match *entry {
            Entry::Came { value, .. } => value,
            Entry::Traded { .. } | Entry::Charged { .. } => 0,
        };
        self.list.iter().map(of).sum()
    }
}

/// Spot in quote and in coin, contracts of each kind; fees of each kind.
fn markets() -> Vec<MarketTerms> {
    let (usd, coin, other) = (Asset(0), Asset(1), Asset(2));
    let strike = price("50000");
    let half = qty("0.5");
    let kinds = [
        (Kind::Spot { base: coin, quote: usd }, Basis::Value),
        (Kind::Spot { base: other, quote: coin }, Basis::Received),
        (Kind::Linear { settle: usd, size: Qty::ONE }, Basis::Value),
        (Kind::Linear { settle: usd, size: qty("0.001") }, Basis::Value),
        (Kind::Inverse { settle: coin, face: price("100") }, Basis::Value),
        (
            Kind::Option {
                settle: coin,
                size: Qty::ONE,
                right: OptionKind::Call,
                strike,
                in_coin: true,
            },
            Basis::Value,
        ),
        (
            Kind::Option {
                settle: usd,
                size: half,
                right: OptionKind::Put,
                strike,
                in_coin: false,
            },
            Basis::Value,
        ),
    ];
    let terms = |(kind, basis)| {
        let brackets =
            [Bracket { above: Amount::ZERO, initial: rate("0.2"), maintenance: rate("0.1") }];
        let margin = match kind {
            Kind::Spot { .. } => Margin::None,
            Kind::Linear { .. } => Margin::Brackets(Brackets::new(&brackets).unwrap()),
            Kind::Inverse { .. } => Margin::Rising {
                initial: rate("0.02"),
                maintenance: rate("0.01"),
                slope: rate("0.00005"),
            },
            Kind::Option { .. } => Margin::Short {
                initial: rate("0.15"),
                least: rate("0.1"),
                maintenance: rate("0.075"),
            },
        };
        MarketTerms {
            kind,
            fees: flat("-0.00007", "0.00033", basis),
            delivery: flat("0", "0.0001", Basis::Value),
            liquidation: flat("0", "0.0125", Basis::Value),
            margin,
        }
    };
    kinds.into_iter().map(terms).collect()
}

fn assets() -> [AssetTerms; ASSETS] {
    let borrow = amount("1000000");
    let margin =
        AssetTerms { borrow, initial: rate("0.2"), maintenance: rate("0.1"), ..AssetTerms::CASH };
    [
        margin,
        AssetTerms { collateral: rate("0.9"), ..margin },
        AssetTerms { interest: rate("0.2"), ..margin },
    ]
}

/// One step: what, where, which way, and two numbers.
type Step = (u8, usize, bool, i64, i64, u64);

struct Both {
    account: Account,
    twin: Twin,
    now: u64,
}

impl Both {
    fn new() -> Both {
        let turnover = Turnover::steady(Amount::ZERO, Time::ZERO);
        let account = Account::new(&assets(), markets(), turnover, Time::ZERO).unwrap();
        let mut both = Both { account, twin: Twin::new(&markets()), now: 0 };
        for (market, mid) in [(0, "50000"), (1, "0.05"), (6, "2000")] {
            both.account.see(market, price(mid)).unwrap();
            both.twin.see(market, price(mid).raw().into());
        }
        both.account.index(6, price("50000")).unwrap();
        both.account.index(5, price("50000")).unwrap();
        both.came(0, 1_000_000 * ONE);
        both.came(1, 20 * ONE);
        both
    }

    fn came(&mut self, asset: usize, amount: i128) {
        let before = self.account.deposited();
        self.account
            .deposit(Asset(asset as u8), Amount::from_raw(amount), Time::from_nanos(self.now))
            .unwrap();
        let value = (self.account.deposited() - before).raw();
        self.twin.list.push(Entry::Came { asset, amount, value });
    }

    fn charged(&mut self, market: usize, price: i128, qty: i128, millionths: i128, coins: bool) {
        let settle = self.twin.kinds[market].settle().index();
        let paid = self.twin.paid(market, price, qty).abs();
        let (asset, value) = match self.twin.kinds[market] {
            Kind::Spot { base, .. } if coins && qty > 0 => (base.index(), qty),
            Kind::Spot { .. }
            | Kind::Linear { .. }
            | Kind::Inverse { .. }
            | Kind::Option { .. } => (settle, paid),
        };
        let amount = up(value * millionths, 1_000_000);
        self.twin.list.push(Entry::Charged { asset, amount });
    }

    fn step(&mut self, (what, market, flag, first, second, wait): Step) {
        self.now += wait;
        let now = Time::from_nanos(self.now);
        let option = market == 5;
        // Coin options trade at up to 0.25 coins, the others at up to 100,000.
        let price_raw = if option { first / 400_000 } else { first };
        let (at, mid) = (i128::from(price_raw), i128::from(price_raw) * 999 / 1000 + 1);
        let qty = i128::from(if flag { second } else { -second });
        match what {
            0..=2 => {
                let side = if flag { Side::Buy } else { Side::Sell };
                let fill = Fill {
                    market,
                    side,
                    price: Price::from_raw(price_raw),
                    qty: Qty::from_raw(second),
                    maker: what == 0,
                    mid: Price::from_raw(mid as i64),
                    moved: Price::from_raw((mid * 1001 / 1000) as i64),
                };
                self.account.fill(&fill, now).unwrap();
                self.twin.see(market, mid);
                self.twin.list.push(Entry::Traded { market, price: at, qty });
                self.charged(market, at, qty, if what == 0 { -70 } else { 330 }, market == 1);
            }
            3 => {
                self.account.see(market, Price::from_raw(price_raw)).unwrap();
                self.twin.see(market, at);
            }
            4 => {
                let (rate, price) =
                    (Rate::from_raw(second % 1_000_000_000), Price::from_raw(first));
                let rate = if flag { rate } else { -rate };
                self.account.fund(market, rate, price, now).unwrap();
                let (above, below) = self.twin.worth(market, first.into(), self.twin.held(market));
                let amount = match self.twin.kinds[market] {
                    Kind::Spot { .. } | Kind::Option { .. } => 0,
                    Kind::Linear { .. } => up(above * i128::from(rate.raw()), below * 10_000 * ONE),
                    Kind::Inverse { .. } => {
                        up(-above * i128::from(rate.raw()), below * 10_000 * ONE)
                    }
                };
                let asset = self.twin.kinds[market].settle().index();
                self.twin.list.push(Entry::Charged { asset, amount });
            }
            5 => self.settled(market, first, now),
            6 => {
                self.account.mark(market, Price::from_raw(price_raw)).unwrap();
                let mut closed = vec![];
                self.account.liquidate(now, &mut closed).unwrap();
                for forced in closed {
                    let sign = i128::from(forced.side.sign());
                    let (price, qty) = (forced.price.raw().into(), forced.qty.raw().into());
                    let (market, qty) = (forced.market, sign * i128::abs(qty));
                    self.twin.list.push(Entry::Traded { market, price, qty });
                    self.charged(market, price, qty, 12_500, false);
                }
            }
            _ => self.came(market % ASSETS, qty),
        }
    }

    fn settled(&mut self, market: usize, first: i64, now: Time) {
        self.account.settle(market, Price::from_raw(first), now).unwrap();
        let at = i128::from(first);
        let strike = 50_000 * ONE;
        let paid = match self.twin.kinds[market] {
            Kind::Spot { .. } => return,
            Kind::Linear { .. } | Kind::Inverse { .. } => at,
            Kind::Option { in_coin: true, .. } => ((at - strike).max(0) * ONE).div_euclid(at),
            Kind::Option { in_coin: false, .. } => (strike - at).max(0),
        };
        let qty = -self.twin.held(market);
        if qty != 0 {
            self.twin.see(market, paid);
            self.twin.list.push(Entry::Traded { market, price: paid, qty });
            self.charged(market, paid, qty, 100, false);
        }
    }

    fn check(&mut self) {
        self.account.accrue(Time::from_nanos(self.now));
        let second = self.now / 1_000_000_000;
        let (account, twin) = (&self.account, &mut self.twin);
        // The borrowed asset is only traded on spot, so the list tells its balance.
        let mut balance = -twin.interest(second);
        let last = twin.borrowed[twin.borrowed.len() - 1].1;
        for entry in &twin.list {
            balance += match *entry {
                Entry::Came { asset: 2, amount, .. } => amount,
                Entry::Charged { asset: 2, amount } => -amount,
                Entry::Traded { market: 1, qty, .. } => qty,
                Entry::Came { .. } | Entry::Traded { .. } | Entry::Charged { .. } => 0,
            };
        }
        let owed = account.holdings[2].owed.raw();
        assert_eq!(balance, account.balance(Asset(2)).raw() - owed, "balance less interest");
        if balance + owed != last {
            twin.borrowed.push((second, balance + owed));
        }
        assert_eq!(account.equity().raw(), twin.equity(second), "equity");
        assert_eq!(account.deposited().raw(), twin.deposited(), "deposits");
        assert_eq!(account.equity() - account.deposited(), account.ledger().total(), "ledger");
        for market in 0..twin.kinds.len() {
            let profit = account.realised(market) + account.unrealised(market).unwrap();
            assert_eq!(profit.raw(), twin.profit(market), "market {market}");
        }
        for (place, holding) in account.holdings.iter().enumerate() {
            let of = |market: &&Market| market.terms.kind.settle().index() == place;
            let open: Amount = account.markets.iter().filter(of).map(|market| market.open).sum();
            assert_eq!(holding.total, holding.balance - holding.owed + open, "total of {place}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]
    #[test]
    fn equity_is_what_the_list_of_all_that_happened_says(
        steps in prop::collection::vec(
            (0u8..8, 0usize..7, any::<bool>(), 1_000_000i64..10_000_000_000_000,
             1i64..1_000_000_000, 0u64..90_000_000_000),
            1..60),
    ) {
        let mut both = Both::new();
        both.check();
        for step in steps {
            both.step(step);
            both.check();
        }
    }
}
