//! Recorded option chains of one underlying, as the study reads them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::PathBuf;

use feed::options;
use money::{Span, Time};
use pricing::black::{self, OptionKind};

use super::Refusal;

/// One option in one snapshot; prices in coin.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quote {
    /// Expiry.
    pub expiry: Time,
    /// Call or put.
    pub kind: OptionKind,
    /// Strike, quote.
    pub strike: f64,
    /// Best bid.
    pub bid: Option<f64>,
    /// Best ask.
    pub ask: Option<f64>,
    /// The venue's mark.
    pub mark: f64,
    /// Its implied volatility, 1 for 100 % a year.
    pub volatility: f64,
    /// Forward of the expiry, quote.
    pub forward: f64,
    /// Index at the same instant, quote.
    pub index: f64,
}

impl Quote {
    fn of(quote: &options::OptionQuote) -> Quote {
        let kind = match quote.kind {
            options::Kind::Call => OptionKind::Call,
            options::Kind::Put => OptionKind::Put,
        };
        let options::OptionQuote { expiry, strike, bid, ask, mark, forward, index, .. } = *quote;
        Quote { expiry, kind, strike, bid, ask, mark, volatility: quote.mark_iv, forward, index }
    }

    /// Black-76 delta on the forward.
    pub fn delta(&self, now: Time) -> f64 {
        let years = years(now, self.expiry);
        black::greeks(self.kind, self.forward, self.strike, self.volatility, years).delta
    }
}

/// One snapshot.
#[derive(Clone, Debug, PartialEq)]
pub struct Chain {
    /// When it was taken.
    pub time: Time,
    /// Index, quote.
    pub index: f64,
    /// Quotes by expiry, strike and kind.
    pub quotes: Vec<Quote>,
}

impl Chain {
    /// The quote of an option.
    pub fn find(&self, (expiry, kind, strike): (Time, OptionKind, f64)) -> Option<&Quote> {
        let same = |q: &&Quote| q.expiry == expiry && q.kind == kind && q.strike == strike;
        self.quotes.iter().find(same)
    }

    /// Its expiries, ascending.
    pub fn expiries(&self) -> impl Iterator<Item = Time> {
        let expiries: BTreeSet<Time> = self.quotes.iter().map(|quote| quote.expiry).collect();
        expiries.into_iter()
    }

    /// The forward of an expiry.
    pub fn forward(&self, expiry: Time) -> Option<f64> {
        self.quotes.iter().find(|quote| quote.expiry == expiry).map(|quote| quote.forward)
    }

    /// Strikes of an expiry, ascending, with the undiscounted mark of the option that is out of the
    /// money there, in quote.
    pub fn out_of_the_money(&self, expiry: Time) -> Vec<(f64, f64)> {
        let outside = |quote: &&Quote| {
            quote.expiry == expiry
                && match quote.kind {
                    OptionKind::Call => quote.strike > quote.forward,
                    OptionKind::Put => quote.strike <= quote.forward,
                }
        };
        let mut quotes: Vec<(f64, f64)> = self
            .quotes
            .iter()
            .filter(outside)
            .map(|quote| (quote.strike, quote.mark * quote.forward))
            .collect();
        quotes.sort_by(|a, b| a.0.total_cmp(&b.0));
        quotes
    }
}

/// Years from one time to a later one, ACT/365.
pub fn years(now: Time, expiry: Time) -> f64 {
    expiry.since(now).nanos() as f64 / (365.0 * Span::DAY.nanos() as f64)
}

/// Reads the chains of an asset from files in any order; also how many damaged rows, of any asset,
/// were left out. A volatility or forward of zero is no mark, and such rows are left out silently.
pub fn load(asset: &str, files: &[PathBuf]) -> Result<(Vec<Chain>, usize), Refusal> {
    let (mut snapshots, mut others) = (BTreeMap::<Time, Vec<Quote>>::new(), BTreeSet::new());
    let mut damaged = 0;
    for path in files {
        let name = path.display().to_string();
        let file = File::open(path).map_err(|error| Refusal::Unreadable(path.clone(), error))?;
        let before: BTreeSet<Time> = snapshots.keys().copied().collect();
        for snapshot in options::Reader::open(&name, file, &feed::Limits::default())? {
            let snapshot = snapshot?;
            damaged += snapshot.damaged.len();
            if before.contains(&snapshot.time) {
                return Err(Refusal::TwoFiles(path.clone(), snapshot.time));
            }
            for quote in snapshot.quotes {
                if quote.asset.as_str() != asset {
                    others.insert(quote.asset);
                } else if quote.mark_iv > 0.0 && quote.forward > 0.0 && quote.index > 0.0 {
                    snapshots.entry(quote.time).or_default().push(Quote::of(&quote));
                }
            }
        }
    }
    if snapshots.is_empty() {
        let others: Vec<String> = others.iter().map(|asset| asset.to_string()).collect();
        let others = if others.is_empty() { "none".to_owned() } else { others.join(", ") };
        return Err(Refusal::NoOptions(asset.to_owned(), others));
    }
    Ok((snapshots.into_iter().map(|(time, quotes)| chain(time, quotes)).collect(), damaged))
}

fn chain(time: Time, mut quotes: Vec<Quote>) -> Chain {
    quotes.sort_by(|a, b| {
        a.expiry.cmp(&b.expiry).then(a.strike.total_cmp(&b.strike)).then(a.kind.cmp(&b.kind))
    });
    let index = quotes.iter().map(|quote| quote.index).sum::<f64>() / quotes.len() as f64;
    Chain { time, index, quotes }
}
