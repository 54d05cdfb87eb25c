//! Who may change the parameters of a running market, how far and how fast (rules G-1 … G-9 in
//! `docs/protocol.md`).
//!
//! `keys` is the one table of what can be changed, each row with its range, its largest step in a
//! day and its time-lock; `limits` holds the stability limits of funding rules and the proof that
//! a changed design must pass; `changes` measures what a key moved in the last 24 h; `stake`,
//! `policy` and `council` hold stakes, rules that act in real time, and proposals; `guardian` is
//! the emergency power.
//!
//! What always holds: no key leaves its range; outside of emergencies and of a policy's tightening
//! no key moves by more than its step within any 24 h; each change leaves a design that
//! `design::check`, the gain limits and the caller's proof accept. Bounds are on what a valid
//! decision can do and not only on who decides (`protocols.md` E16: Drift's admin key).

pub mod limits;
pub mod keys;
pub mod changes;
pub mod stake;
pub mod policy;
pub mod council;
pub mod guardian;

use borsh::{BorshDeserialize, BorshSerialize};

/// Why an act of governance was refused or a proposal expired. Variants stand in checking order;
/// a number is never used again for another reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum Refusal {
    /// The terms would let somebody vote and leave before the result.
    BadTerms = 1,
    /// The sender is not the guardian.
    NotGuardian = 2,
    /// A stake that is not positive.
    NotPositive = 3,
    /// More stake in all than an amount may hold.
    Overflow = 4,
    /// Less is staked than is to be taken back.
    InsufficientStake = 5,
    /// No open proposal of this number.
    UnknownProposal = 6,
    /// The voting period is over.
    VoteClosed = 7,
    /// The account had no stake before the proposal.
    NoPower = 8,
    /// The proposer has less than the least share of all stake.
    UnderMinimum = 9,
    /// As many proposals are open as may be, in all or of this proposer.
    TooManyOpen = 10,
    /// No hash of a laboratory run.
    NoEvidence = 11,
    /// No change, or more than one proposal may hold.
    BadLength = 12,
    /// A key twice in one proposal.
    KeyTwice = 13,
    /// No such key.
    UnknownKey = 14,
    /// No such asset or market, or it has no such parameter.
    UnknownScope = 15,
    /// A policy holds this key; the policy is what can be changed.
    UnderPolicy = 16,
    /// The regimes, multipliers or delay of a policy.
    BadPolicy = 17,
    /// The value in force already, or nothing to end.
    Unchanged = 18,
    /// Outside the range of the key.
    OutsideRange = 19,
    /// Further than a step from a value that was in force within the last 24 h.
    StepTooLarge = 20,
    /// An emergency change that is not in the direction that reduces risk.
    NotReducing = 21,
    /// The resulting design is one that `design` does not accept.
    Design = 22,
    /// A funding rule would correct more in its delay than is free of ringing.
    Gain = 23,
    /// The caller's proof fails for the resulting design.
    Envelope = 24,
}

impl Refusal {
    /// The number, as events carry it.
    pub const fn number(self) -> u8 {
        self as u8
    }
}
