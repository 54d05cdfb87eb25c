//! Auto-deleveraging: what the other side gives up when an account's equity is below zero and
//! neither book nor insurance fund is left. Values in, values out.
//!
//! Rule L-11: the bankrupt's lots are closed at the mark. First the counterparties' naked lots, by
//! water-filling: cover m = equity/exposure (1/leverage, zero without equity); each naked lot
//! carries the same part of its account's exposure, so an account with m below the common level μ
//! keeps n·m/μ of its n naked lots, the others keep all. Then, if naked lots do not suffice, hedged
//! lots pro rata. Kept lots are so capped shares with weight n·m. Source: Campbell–Hey–Moallemi–
//! Nutz (2603.15963): it minimises the largest leverage where exposure comes from this market.
//!
//! Rule L-12: the deficit is a haircut on each lot closed, as far as equity goes (so the closing
//! price is the bankruptcy price); what equity did not bear is divided in proportion to lots held
//! among all counterparties that still have equity. Σ haircuts + uncovered = deficit; nobody's
//! equity becomes negative; uncovered = max(deficit − Σ positive equity, 0), the least possible.
//!
//! Shares are linear in lots, equity and exposure: splitting an account moves roundings only.

mod apportion;

use money::{Amount, Rate, Round};

use crate::ids::Lots;

pub use apportion::{Claim, apportion};

/// An account on the other side of the position that is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counterparty {
    /// Its position in the market.
    pub lots: Lots,
    /// How many of these lots hedge nothing in its account.
    pub naked: Lots,
    /// Equity at the mark.
    pub equity: Amount,
    /// Net exposure of the whole account, adjusted for factors, as a magnitude in quote.
    pub exposure: Amount,
}

/// What one counterparty gives up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Part {
    /// Lots closed against it at the mark, naked ones first.
    pub closed: Lots,
    /// What it pays towards the deficit.
    pub haircut: Amount,
}

/// The parts of all counterparties, in the order of the list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Deleveraging {
    /// One for each counterparty.
    pub parts: Vec<Part>,
    /// Lots that found no counterparty: zero while positions sum to zero (I-2).
    pub unclosed: Lots,
    /// The part of the deficit that exceeds all positive equity.
    pub uncovered: Amount,
}

/// A counterparty's place in a hypothetical deleveraging.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outlook {
    /// Equity for each unit of exposure, which orders the counterparties: the lowest is cut first.
    pub cover: Rate,
    /// The most lots that can be deleveraged without touching this counterparty.
    pub reached_after: Lots,
    /// Lots that would be closed.
    pub closed: Lots,
    /// The same as a share of its lots, rounded up.
    pub share: Rate,
}

/// Closes `lots` and divides `deficit` among the counterparties (rules L-11, L-12). All lots of the
/// list must add up within an `i64`, as rule B-2 sees to.
pub fn deleverage(lots: Lots, deficit: Amount, others: &[Counterparty]) -> Deleveraging {
    let closed = closings(lots, others);
    let (haircuts, uncovered) = haircuts(deficit.max(Amount::ZERO), &closed, others);
    let unclosed = Lots(lots.0 - closed.iter().map(|lots| lots.0).sum::<u64>());
    let parts = closed.into_iter().zip(haircuts);
    let parts = parts.map(|(closed, haircut)| Part { closed, haircut }).collect();
    Deleveraging { parts, unclosed, uncovered }
}

/// Where each counterparty would stand if `lots` were deleveraged (rule L-11).
pub fn preview(lots: Lots, others: &[Counterparty]) -> Vec<Outlook> {
    let reached = reached_after(others);
    let outlook = |((other, closed), reached_after): ((&Counterparty, Lots), Lots)| Outlook {
        cover: other.cover(),
        reached_after,
        closed,
        share: amount(closed).ratio(amount(other.lots), Round::Up).unwrap_or(Rate::ZERO),
    };
    others.iter().zip(closings(lots, others)).zip(reached).map(outlook).collect()
}

impl Counterparty {
    /// Equity over exposure; zero without equity, the largest rate without exposure.
    pub fn cover(&self) -> Rate {
        if !self.equity.is_positive() {
            return Rate::ZERO;
        }
        self.equity.ratio(self.exposure.abs(), Round::Down).unwrap_or(Rate::MAX)
    }

    fn naked_lots(&self) -> i128 {
        i128::from(self.naked.0.min(self.lots.0))
    }

    fn hedged_lots(&self) -> i128 {
        i128::from(self.lots.0) - self.naked_lots()
    }

    /// The most that a haircut may take.
    fn means(&self) -> i128 {
        self.equity.raw().max(0)
    }
}

/// Rule L-11: how many of `lots` are closed against each.
fn closings(lots: Lots, others: &[Counterparty]) -> Vec<Lots> {
    let wanted = i128::from(lots.0);
    let naked: i128 = others.iter().map(Counterparty::naked_lots).sum();
    let kept = kept_naked((naked - wanted).max(0), others);
    let hedged: Vec<Claim> = others.iter().map(|other| whole(other.hedged_lots())).collect();
    let hedged = apportion((wanted - naked).max(0), &hedged);
    let closed = others.iter().zip(kept).zip(hedged);
    closed.map(|((other, kept), hedged)| lots_from(other.naked_lots() - kept + hedged)).collect()
}

/// Divides the naked lots that stay open: by cover, and only then among those without any.
fn kept_naked(kept: i128, others: &[Counterparty]) -> Vec<i128> {
    let covered = |other: &Counterparty| {
        let (cap, cover) = (other.naked_lots(), i128::from(other.cover().raw()));
        Claim { weight: cap * cover, cap }
    };
    let covered = apportion(kept, &others.iter().map(covered).collect::<Vec<_>>());
    let bare =
        |other: &Counterparty| whole(if other.cover().is_zero() { other.naked_lots() } else { 0 });
    let left = kept - covered.iter().sum::<i128>();
    let bare = apportion(left, &others.iter().map(bare).collect::<Vec<_>>());
    covered.into_iter().zip(bare).map(|(covered, bare)| covered + bare).collect()
}

/// Rule L-12: the haircuts, and what is left of the deficit.
fn haircuts(deficit: Amount, closed: &[Lots], others: &[Counterparty]) -> (Vec<Amount>, Amount) {
    let deficit = deficit.raw();
    let by_lot = |lots: &Lots| Claim { weight: i128::from(lots.0), cap: i128::MAX };
    let by_lot = apportion(deficit, &closed.iter().map(by_lot).collect::<Vec<_>>());
    let borne = by_lot.iter().zip(others).map(|(share, other)| *share.min(&other.means()));
    let borne: Vec<i128> = borne.collect();
    let left = deficit - borne.iter().sum::<i128>();
    let rest = |(borne, other): (&i128, &Counterparty)| {
        let weight = i128::from(other.lots.0);
        Claim { weight, cap: other.means() - borne }
    };
    let rest = apportion(left, &borne.iter().zip(others).map(rest).collect::<Vec<_>>());
    let uncovered = left - rest.iter().sum::<i128>();
    let haircuts = borne.into_iter().zip(rest).map(|(borne, rest)| Amount::from_raw(borne + rest));
    (haircuts.collect(), Amount::from_raw(uncovered))
}

/// For each, the largest quantity at which the level does not exceed its cover m:
/// ⌊Σ n − Σ n·m′/m⌋ over those with cover m′ < m; without naked lots, all the naked lots.
fn reached_after(others: &[Counterparty]) -> Vec<Lots> {
    let total = others.iter().map(Counterparty::naked_lots).sum();
    let mut order: Vec<usize> = (0..others.len()).collect();
    order.sort_by_cached_key(|&at| others[at].cover());
    let mut reached = vec![lots_from(total); others.len()];
    let (mut naked, mut covered) = (0i128, 0i128);
    for at in order {
        let (other, cover) = (&others[at], i128::from(others[at].cover().raw()));
        if other.naked_lots() > 0 {
            let kept = money::div_i128(covered, cover, Round::Up).unwrap_or(naked);
            reached[at] = lots_from(naked - kept);
        }
        naked += other.naked_lots();
        covered += other.naked_lots() * cover;
    }
    reached
}

/// A claim on lots that may all go, in proportion to themselves.
fn whole(lots: i128) -> Claim {
    Claim { weight: lots, cap: lots }
}

fn amount(lots: Lots) -> Amount {
    Amount::from_raw(i128::from(lots.0))
}

fn lots_from(count: i128) -> Lots {
    Lots(u64::try_from(count).expect("lots of one side fit an i64 (rule B-2)"))
}

#[cfg(test)]
mod tests;
