//! The indices as the market may use them (rules O-4 … O-10).
//!
//! An index serves an action if its ladder's grade does (O-5) and it is no older than
//! `index_age_max` (O-4). What margin, mark and funding read as the index is the aggregate that the
//! ladder accepted: one that is held back (O-6) reaches none of them.

use money::Price;

use super::State;
use crate::ids::{AssetId, PublisherId};
use crate::ladder::scores::{Score, verdict};
use crate::ladder::{Action, Ladder};
use crate::oracle::Index;

impl State {
    /// The ladder of an asset's index.
    pub fn ladder(&self, asset: AssetId) -> &Ladder {
        &self.ladders[asset.index()]
    }

    /// The index of an asset, if it may serve an action now (rules O-4 and O-5).
    pub fn serving(&self, action: Action, asset: AssetId) -> Option<Index> {
        let index = self.oracle.index(asset);
        if self.time.since(index.time) > self.params.oracle.index_age_max {
            return None;
        }
        self.ladder(asset).serving(action, self.time, &self.params.rules.ladder)
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
        let index = ladder.index();
        if index == self.oracle.index(asset) {
            return None;
        }
        self.oracle.accept(asset, index);
        Some(index)
    }
}
