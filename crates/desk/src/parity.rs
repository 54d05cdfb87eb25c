//! Riskless packages in a live option chain: conversions, boxes and what convexity forbids, with
//! sizes and profit after fees.
//!
//! Call less put pays `S − K` in quote, or `1 − K/S` in coin on a coin-settled market. So with a
//! forward of the same expiry sold at F a *conversion* (long call, short put, short forward) pays
//! `F − K`; in coin the forward is an inverse future over K of quote and the payoff `1 − K/F`. A
//! *reversal* is its opposite. A *box* needs no forward: the synthetic of strike K₁ against b of
//! that of K₂ pays `K₂ − K₁` for b = 1; in coin `1 − K₁/K₂` for b = K₁/K₂. A *vertical* and a
//! *butterfly* pay nothing below zero, so they may not cost less than zero; a *calendar* likewise
//! as long as the forward curve keeps its slope, which is why it is told apart. Money that lies
//! until expiry earns nothing here: quote without discounting, coin at a rate of zero.
//!
//! A trade is at the quote it meets: bought at the ask, sold at the bid. Fees are those of every
//! leg and the delivery of each option that may end in the money.

use money::Time;
use pricing::black::OptionKind;

/// What a market pays and quotes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settlement {
    /// Quote: premium and payoff in dollars.
    Quote,
    /// Coin: premium and payoff in the underlying.
    Coin,
}

/// How a market settles and what it takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Terms {
    /// The unit of premium and payoff.
    pub settlement: Settlement,
    /// Fee of an option, a share of one underlying.
    pub fee_option: f64,
    /// The most that it may be, a share of the premium.
    pub fee_option_cap: f64,
    /// Fee of the forward, a share of its notional.
    pub fee_forward: f64,
    /// Fee of an option that ends in the money, a share of one underlying.
    pub fee_delivery: f64,
}

impl Terms {
    /// A market without fees.
    pub fn free(settlement: Settlement) -> Terms {
        let (fee_option, fee_option_cap, fee_forward, fee_delivery) = (0.0, 0.0, 0.0, 0.0);
        Terms { settlement, fee_option, fee_option_cap, fee_forward, fee_delivery }
    }

    /// Coin-settled with the fees that Deribit publishes for takers: 0.03 % of an underlying, at
    /// most 12.5 % of the premium; 0.05 % for futures; 0.015 % at delivery.
    pub fn deribit() -> Terms {
        Terms {
            settlement: Settlement::Coin,
            fee_option: 0.0003,
            fee_option_cap: 0.125,
            fee_forward: 0.0005,
            fee_delivery: 0.000_15,
        }
    }
}

/// A quoted price and how much stands there, where that is known.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Level {
    /// Price: of an option in the unit of settlement, of a forward in quote.
    pub price: f64,
    /// Units of the underlying.
    pub size: Option<f64>,
}

/// Best bid and ask.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sides {
    /// Best bid.
    pub bid: Option<Level>,
    /// Best ask.
    pub ask: Option<Level>,
}

/// Call and put of one strike.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Strike {
    /// Strike, in quote.
    pub strike: f64,
    /// The call.
    pub call: Sides,
    /// The put.
    pub put: Sides,
}

/// The options of one expiry and the forward that can be traded for it.
#[derive(Clone, Debug, PartialEq)]
pub struct Slice {
    /// When they expire.
    pub expiry: Time,
    /// The forward of this expiry; empty where none is listed.
    pub forward: Sides,
    /// Strikes in ascending order.
    pub strikes: Vec<Strike>,
}

/// What a package is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Shape {
    /// Long the synthetic forward, short the forward.
    Conversion,
    /// Short the synthetic forward, long the forward.
    Reversal,
    /// One synthetic forward against another.
    Box,
    /// Two options of a kind that stand in the wrong order.
    Vertical,
    /// Three options of a kind that bend the wrong way.
    Butterfly,
    /// A near option dearer than a far one; riskless only while the forward curve keeps its slope.
    Calendar,
}

/// What a leg trades.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Traded {
    /// An option of an expiry.
    Option(Time, OptionKind, f64),
    /// The forward of an expiry; its weight is in units of the underlying.
    Forward(Time),
}

/// One leg of a package.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Leg {
    /// What.
    pub traded: Traded,
    /// How much for one unit of the package, bought if positive.
    pub weight: f64,
    /// At what quote.
    pub price: f64,
}

/// A package that earns something whatever happens.
#[derive(Clone, Debug, PartialEq)]
pub struct Package {
    /// What it is.
    pub shape: Shape,
    /// Its legs.
    pub legs: Vec<Leg>,
    /// The least profit of one unit after fees, in the unit of settlement.
    pub profit: f64,
    /// How many units can be had; `None` if the size of some quote is not known.
    pub size: Option<f64>,
}

impl Package {
    /// Profit of all that can be had; of one unit if that is not known.
    pub fn total(&self) -> f64 {
        self.profit * self.size.unwrap_or(1.0)
    }
}

/// Every package of a chain that earns something after fees, the most profitable first: of each
/// strike the best conversion and reversal, the best box, vertical and butterfly around it.
///
/// `index` is the price of the underlying in quote, for fees that are a share of it.
pub fn scan(slices: &[Slice], index: f64, terms: &Terms) -> Vec<Package> {
    let scanner = Scanner { index, terms };
    let mut found = Vec::new();
    for slice in slices {
        scanner.forwards(slice, &mut found);
        scanner.boxes(slice, &mut found);
        scanner.bends(slice, &mut found);
    }
    for (at, near) in slices.iter().enumerate() {
        slices[at + 1..].iter().for_each(|far| scanner.calendars(near, far, &mut found));
    }
    found.sort_by(|a, b| b.total().total_cmp(&a.total()));
    found
}

struct Scanner<'a> {
    index: f64,
    terms: &'a Terms,
}

/// An order for a package: what, its quotes, and the weight.
type Order<'a> = (Traded, &'a Sides, f64);

impl Scanner<'_> {
    fn forwards(&self, slice: &Slice, found: &mut Vec<Package>) {
        for strike in &slice.strikes {
            for (shape, sign) in [(Shape::Conversion, 1.0), (Shape::Reversal, -1.0)] {
                let against = if sign > 0.0 { slice.forward.bid } else { slice.forward.ask };
                let Some(forward) = against else { continue };
                let (weight, payoff) = match self.terms.settlement {
                    Settlement::Quote => (1.0, forward.price - strike.strike),
                    Settlement::Coin => {
                        let notional = strike.strike / forward.price;
                        (notional, 1.0 - notional)
                    }
                };
                let [call, put] = synthetic(slice.expiry, strike, sign);
                let hedge = (Traded::Forward(slice.expiry), &slice.forward, -sign * weight);
                found.extend(self.package(shape, &[call, put, hedge], sign * payoff));
            }
        }
    }

    /// For each strike bought the best strike sold.
    fn boxes(&self, slice: &Slice, found: &mut Vec<Package>) {
        for bought in &slice.strikes {
            let mut best = None;
            for sold in slice.strikes.iter().filter(|sold| sold.strike != bought.strike) {
                let (ratio, payoff) = match self.terms.settlement {
                    Settlement::Quote => (1.0, sold.strike - bought.strike),
                    Settlement::Coin => {
                        let ratio = bought.strike / sold.strike;
                        (ratio, 1.0 - ratio)
                    }
                };
                let [call, put] = synthetic(slice.expiry, bought, 1.0);
                let [call_sold, put_sold] = synthetic(slice.expiry, sold, -ratio);
                let legs = [call, put, call_sold, put_sold];
                best = better(best, self.package(Shape::Box, &legs, payoff));
            }
            found.extend(best);
        }
    }

    /// For each option sold the best vertical and the best butterfly that pay at least nothing.
    fn bends(&self, slice: &Slice, found: &mut Vec<Package>) {
        for kind in [OptionKind::Call, OptionKind::Put] {
            let order = |strike: &'_ Strike| Traded::Option(slice.expiry, kind, strike.strike);
            for (at, sold) in slice.strikes.iter().enumerate() {
                if of(sold, kind).bid.is_none() {
                    continue;
                }
                let (below, above) = (&slice.strikes[..at], &slice.strikes[at + 1..]);
                let dearer = if kind == OptionKind::Call { below } else { above };
                let short = (order(sold), of(sold, kind), -1.0);
                let verticals = dearer.iter().filter_map(|bought| {
                    self.package(
                        Shape::Vertical,
                        &[(order(bought), of(bought, kind), 1.0), short],
                        0.0,
                    )
                });
                found.extend(verticals.fold(None, |best, one| better(best, Some(one))));
                let mut best = None;
                for low in below.iter().filter(|low| of(low, kind).ask.is_some()) {
                    for high in above {
                        let width = high.strike - low.strike;
                        let share = (high.strike - sold.strike) / width;
                        let legs = [
                            (order(low), of(low, kind), share),
                            short,
                            (order(high), of(high, kind), 1.0 - share),
                        ];
                        best = better(best, self.package(Shape::Butterfly, &legs, 0.0));
                    }
                }
                found.extend(best);
            }
        }
    }

    /// A near option sold against the far one of its strike: calls where the far forward is not
    /// below the near one, puts where it is not above.
    fn calendars(&self, near: &Slice, far: &Slice, found: &mut Vec<Package>) {
        let (Some(before), Some(after)) = (mid(&near.forward), mid(&far.forward)) else { return };
        for sold in &near.strikes {
            let same = |strike: &&Strike| strike.strike == sold.strike;
            let Some(bought) = far.strikes.iter().find(same) else { continue };
            for kind in [OptionKind::Call, OptionKind::Put] {
                let holds = match kind {
                    OptionKind::Call => after >= before,
                    OptionKind::Put => after <= before,
                };
                if holds {
                    let option = |expiry| Traded::Option(expiry, kind, sold.strike);
                    let legs = [
                        (option(near.expiry), of(sold, kind), -1.0),
                        (option(far.expiry), of(bought, kind), 1.0),
                    ];
                    found.extend(self.package(Shape::Calendar, &legs, 0.0));
                }
            }
        }
    }

    /// A package at the quotes that it meets; `None` if a quote is missing or nothing is earned.
    /// `payoff` is the least that it pays, that of a forward sold or bought included.
    fn package(&self, shape: Shape, orders: &[Order<'_>], payoff: f64) -> Option<Package> {
        let mut profit = payoff;
        for (traded, sides, weight) in orders {
            let price = met(sides, *weight)?.price;
            match traded {
                Traded::Option(..) => profit -= weight * price,
                Traded::Forward(_) => {}
            }
            profit -= weight.abs() * self.fee(*traded, price);
        }
        let delivered: f64 = match shape {
            // Of the call and the put of one strike one ends in the money.
            Shape::Conversion | Shape::Reversal => 1.0,
            Shape::Box => orders[0].2.abs() + orders[2].2.abs(),
            Shape::Vertical | Shape::Butterfly | Shape::Calendar => {
                orders.iter().map(|order| order.2.abs()).sum()
            }
        };
        profit -= delivered * self.terms.fee_delivery * self.unit();
        if profit <= EARNED_MIN * self.unit() {
            return None;
        }
        // Only what is earned is written out: a chain has a hundred thousand candidates.
        let (mut legs, mut size) = (Vec::with_capacity(orders.len()), Some(f64::INFINITY));
        for (traded, sides, weight) in orders {
            let level = met(sides, *weight)?;
            let units = level.size.map(|here| here / weight.abs());
            size = size.zip(units).map(|(size, units)| size.min(units));
            legs.push(Leg { traded: *traded, weight: *weight, price: level.price });
        }
        Some(Package { shape, legs, profit, size })
    }

    fn fee(&self, traded: Traded, price: f64) -> f64 {
        match (traded, self.terms.settlement) {
            (Traded::Option(..), _) => {
                let fee = self.terms.fee_option * self.unit();
                fee.min(self.terms.fee_option_cap * price)
            }
            (Traded::Forward(_), Settlement::Quote) => self.terms.fee_forward * price,
            // The weight is the notional in coin.
            (Traded::Forward(_), Settlement::Coin) => self.terms.fee_forward,
        }
    }

    /// One underlying in the unit of settlement.
    fn unit(&self) -> f64 {
        match self.terms.settlement {
            Settlement::Quote => self.index,
            Settlement::Coin => 1.0,
        }
    }
}

/// What counts as earned, a share of one underlying: below is rounding of the sums.
const EARNED_MIN: f64 = 1e-12;

/// Long call and short put for a positive weight, the opposite for a negative one.
fn synthetic(expiry: Time, strike: &Strike, weight: f64) -> [Order<'_>; 2] {
    let option = |kind| Traded::Option(expiry, kind, strike.strike);
    [
        (option(OptionKind::Call), &strike.call, weight),
        (option(OptionKind::Put), &strike.put, -weight),
    ]
}

fn of(strike: &Strike, kind: OptionKind) -> &Sides {
    match kind {
        OptionKind::Call => &strike.call,
        OptionKind::Put => &strike.put,
    }
}

/// The quote that an order of this direction meets.
fn met(sides: &Sides, weight: f64) -> Option<Level> {
    if weight > 0.0 { sides.ask } else { sides.bid }
}

fn mid(sides: &Sides) -> Option<f64> {
    Some((sides.bid?.price + sides.ask?.price) / 2.0)
}

fn better(best: Option<Package>, other: Option<Package>) -> Option<Package> {
    match (best, other) {
        (Some(best), Some(other)) if other.total() > best.total() => Some(other),
        (Some(best), _) => Some(best),
        (None, other) => other,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
