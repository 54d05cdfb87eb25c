//! The indices as the market may use them (rules O-4 … O-10).
//!
//! An index serves an action if its ladder's grade does (O-5) and it is no older than
//! `index_age_max` (O-4). What margin, mark and funding read as the index is the aggregate that the
//! ladder accepted: one that is held back (O-6) reaches none of them.

use borsh::BorshSerialize;
use money::Price;

use super::State;
use crate::halt::{self, Permit, Phase};
use crate::ids::{AssetId, MarketId, PublisherId};
use crate::ladder::scores::{Score, verdict};
use crate::ladder::{Action, Grade, Ladder, Width};
use crate::mark::Quotes;
use crate::market::Market;
use crate::oracle::{Index, Oracle};

/// The prices of the external perpetuals (rule O-9): no event tells of them.
#[derive(Clone, Debug, BorshSerialize)]
pub(crate) struct External {
    pub(crate) oracle: Oracle,
    ladders: Vec<Ladder>,
}

impl External {
    /// No votes yet.
    pub(super) fn new(assets: usize, publishers: usize) -> External {
        External {
            oracle: Oracle::new(assets, publishers),
            ladders: vec![Ladder::default(); assets],
        }
    }
}

impl State {
    /// The ladder of an asset's index.
    pub fn ladder(&self, asset: AssetId) -> &Ladder {
        &self.ladders[asset.index()]
    }

    /// The index of an asset, if it may serve an action now (rules O-4 and O-5).
    pub fn serving(&self, action: Action, asset: AssetId) -> Option<Index> {
        self.serving_of(self.ladder(asset), self.grades[asset.index()][0], action)
    }

    /// The price of the external perpetuals on an asset, if it may serve an action now.
    pub fn serving_external(&self, action: Action, asset: AssetId) -> Option<Index> {
        let ladder = &self.external.ladders[asset.index()];
        self.serving_of(ladder, self.grades[asset.index()][1], action)
    }

    fn serving_of(&self, ladder: &Ladder, grade: Grade, action: Action) -> Option<Index> {
        debug_assert_eq!(grade, ladder.grade(self.time, &self.params.rules.ladder));
        let index = ladder.index();
        let old = self.time.since(index.time) > self.params.oracle.index_age_max;
        (!old && grade.serves(action)).then_some(index)
    }

    /// What a market's mark is made of besides its index (rule M-1).
    pub(crate) fn quotes(&self, market: MarketId) -> Quotes {
        let market = &self.markets[market.index()];
        let age = self.time.since(market.last_time);
        // A dated future has a basis of its own.
        let external = self.serving_external(Action::Mark, market.params.base);
        let external = external.filter(|_| market.future().is_none());
        let quotes = market.quotes();
        Quotes {
            last: quotes.last.filter(|_| age <= market.params.rules.mark.last_age_max),
            external: external.map(|index| index.price),
            ..quotes
        }
    }

    /// What a market's prices are measured by: the index; of a dated future its fair price (rule
    ///
    #[inline]
    pub(crate) fn fair(&self, market: &Market) -> Price {
        match market.future() {
            Some(_) => market.perpetual.dated.fair(),
            None => self.oracle.index(market.params.base).price,
        }
    }

    /// The same as if the index were this.
    pub(crate) fn fair_at(&self, market: &Market, index: Price) -> Price {
        let carry = market.params.rules.carry_8h;
        let dated = market.perpetual.dated;
        market.future().map_or(index, |future| dated.fair_at(index, self.time, (future, carry)))
    }

    /// Where a market stands (rule A-5).
    pub fn phase(&self, market: MarketId) -> Phase {
        self.markets[market.index()].halts.status.phase()
    }

    /// What a market's phase permits now (rule A-5).
    pub fn permits(&self, market: MarketId, action: halt::Action) -> Permit {
        self.markets[market.index()].halts.status.permits(action)
    }

    /// The mean of an index over the last five minutes (rule O-7).
    pub fn index_twap(&self, asset: AssetId) -> Option<Price> {
        self.ladder(asset).twap()
    }

    /// A publisher's record on an asset (rule O-10).
    pub fn score(&self, asset: AssetId, publisher: PublisherId) -> Score {
        self.scores[asset.index()][publisher.index()]
    }

    /// Rules O-3, O-6 and O-10: forms the aggregate of an asset, judges its publishers by it, and
    /// returns the index if there is a new one.
    pub(crate) fn refresh_index(&mut self, asset: AssetId) -> Option<Index> {
        let (now, rules) = (self.time, &self.params.rules);
        let formed = self.oracle.refresh(asset, now, &self.params.oracle);
        if let Some(formed) = formed {
            let votes = self.oracle.fresh_votes(asset, now, &self.params.oracle);
            for (score, vote) in self.scores[asset.index()].iter_mut().zip(votes) {
                *score = score.with(verdict(vote, formed, &rules.scores), &rules.scores);
            }
        }
        let ladder = &mut self.ladders[asset.index()];
        *ladder = ladder.next(formed, now, &rules.ladder);
        self.grades[asset.index()][0] = ladder.grade(now, &rules.ladder);
        let index = ladder.index();
        let most = self.params.oracle.confidence_max;
        self.widths[asset.index()] = Width::of(index, &rules.ladder, most);
        if index == self.oracle.index(asset) {
            return None;
        }
        self.oracle.accept(asset, index);
        Some(index)
    }

    /// The same for the price of the external perpetuals, by which nobody is judged.
    pub(crate) fn refresh_external(&mut self, asset: AssetId) {
        let formed = self.external.oracle.refresh(asset, self.time, &self.params.oracle);
        let ladder = &mut self.external.ladders[asset.index()];
        *ladder = ladder.next(formed, self.time, &self.params.rules.ladder);
        let grade = ladder.grade(self.time, &self.params.rules.ladder);
        self.grades[asset.index()][1] = grade;
    }
}
