//! What the machine asks of governance.

use protocol::governance::keys::{Key, Row, Safer, Setting, TABLE};

use super::*;

impl Machine {
    /// A command of governance; account 0 is the guardian.
    pub(super) fn govern(&mut self, proposer: AccountId, amount: Amount) -> Command {
        // Mostly of those whose change shows.
        let keys = if self.random.one_in(3) { TABLE.len() as u64 + 4 } else { 31 };
        let key = Key(self.random.below(keys) as u16);
        let scope = self.random.below(4) as u16;
        let row = key.row().ok();
        let value = row.and_then(|row| row.read(self.state.params(), scope).ok()).unwrap_or(1);
        let value = value + value / 40 * (self.random.below(9) as i128 - 4);
        let set = Setting { key, scope, value };
        let proposal = ProposalId(self.random.below(3));
        match self.random.below(8) {
            0 | 1 => Command::Stake { amount },
            2 => Command::Unstake { amount: Amount::from_raw(amount.raw() / 3) },
            3 | 4 => {
                let measure = Measure::Settings(vec![set]);
                Command::Propose(Box::new(Draft { proposer, measure, evidence: [1; 32] }))
            }
            5 | 6 => Command::Ballot { proposal, yes: !self.random.one_in(4) },
            _ if self.random.one_in(6) => {
                Command::Emergency(Box::new(Emergency::ReduceOnly(MarketId(scope))))
            }
            _ => Command::Emergency(Box::new(Emergency::Tighten(self.tightening(scope)))),
        }
    }

    /// A key that the guardian may move, mostly in the direction that it may.
    fn tightening(&mut self, scope: u16) -> Setting {
        let movable = |row: &Row| row.safer != Safer::Neither;
        let keys: Vec<usize> = (0..TABLE.len()).filter(|at| movable(&TABLE[*at])).collect();
        let at = keys[self.random.below(keys.len() as u64) as usize];
        let row = &TABLE[at];
        let value = row.read(self.state.params(), scope).unwrap_or(1);
        let more = value / 40 * (self.random.below(6) as i128 - 1);
        let value = if row.safer == Safer::Up { value + more } else { value - more };
        Setting { key: Key(at as u16), scope, value }
    }
}
