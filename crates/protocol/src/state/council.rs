//! Governance as the state holds it: proposals and stakes, the volatility that policies read, and
//! what emergencies have closed.

use borsh::BorshSerialize;
use money::{Qty, Time};

use super::volatility::Volatility;
use crate::governance::council::Governance;
use crate::ids::MarketId;
use crate::params::{DesignError, Params};

/// Governance and what it reads.
#[derive(Clone, Debug, BorshSerialize)]
pub(crate) struct Council {
    /// Stakes, proposals, policies and the guardian.
    pub(crate) governance: Governance,
    /// By asset; that of the quote is never used.
    pub(crate) volatility: Vec<Volatility>,
    /// Until when each market takes only orders that reduce (rule G-9).
    pub(crate) reduce_only: Vec<Time>,
    /// The largest `position_max` that each market ever had: older positions may be as large (B-2).
    pub(crate) peaks: Vec<Qty>,
}

impl Council {
    pub(crate) fn new(params: &Params) -> Result<Council, DesignError> {
        let council = params.rules.council;
        if council.asset.index() >= params.assets.len() {
            return Err(DesignError("council: the voting asset must be an asset".into()));
        }
        let governance = Governance::new(params.rules.voting, council.guardian);
        let governance = governance.map_err(|refusal| {
            DesignError(format!("voting: {refusal:?}; a stake is bound for as long as its vote"))
        })?;
        let mut council = Council {
            governance,
            volatility: vec![Volatility::default(); params.assets.len()],
            reduce_only: vec![Time::ZERO; params.markets.len()],
            peaks: vec![Qty::ZERO; params.markets.len()],
        };
        council.note_limits(params);
        Ok(council)
    }

    /// Remembers the position limits of a design.
    pub(crate) fn note_limits(&mut self, params: &Params) {
        for (peak, market) in self.peaks.iter_mut().zip(&params.markets) {
            if let Some(perpetual) = market.kind.derivative() {
                *peak = perpetual.position_max.max(*peak);
            }
        }
    }

    /// Whether a market takes only orders that reduce.
    pub(crate) fn only_reduces(&self, market: MarketId, now: Time) -> bool {
        now < self.reduce_only[market.index()]
    }
}
