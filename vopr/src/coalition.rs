//! What a coalition does: a list of phases, each with a lie of its publishers and an act of each of
//! its accounts. A list can be drawn by chance, and changed in one place.

use crate::random::Random;

/// Accounts of the coalition.
pub const MEMBERS: usize = 4;
/// Phases of a strategy.
pub const PHASES: usize = 16;

/// What an account does in each block of a phase.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Act {
    /// Nothing.
    Rest,
    /// Takes a position of so many times its cash; negative is short.
    Lever(f64),
    /// Quotes both sides so far from the index, as a share of it, with all it has.
    Lurk(f64),
    /// Sells to the next member so far above the index (below, if negative).
    Ring(f64),
    /// Closes its position.
    Flatten,
    /// Withdraws what it can.
    Withdraw,
}

/// A phase.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Phase {
    /// Factor on the true price that the coalition's publishers tell.
    pub lie: f64,
    /// Seconds between blocks.
    pub pace: u64,
    /// One act for each member.
    pub acts: [Act; MEMBERS],
}

/// A strategy.
pub type Strategy = [Phase; PHASES];

/// Sells, then tells a third less than the truth until the auction that this brings about is over
/// and others are liquidated, while it bids far below the index. The strategy that took most of
/// those tried by hand.
pub fn siege() -> Strategy {
    std::array::from_fn(|at| {
        let (lie, act) = match at {
            0..3 => (1.0, Act::Lever(-4.0)),
            3..10 => (0.7, Act::Lurk(0.06)),
            _ => (0.7, Act::Flatten),
        };
        Phase { lie, pace: 5, acts: [act; MEMBERS] }
    })
}

/// A strategy by chance: a lie and a pace mostly last for several phases, because what is told
/// for a few blocks is not believed (rule O-6) and liquidates nobody in an auction.
pub fn draw(random: &mut Random) -> Strategy {
    let mut told = phase(random);
    std::array::from_fn(|_| {
        let fresh = phase(random);
        told = if random.one_in(4) { fresh } else { Phase { acts: fresh.acts, ..told } };
        told
    })
}

/// The same strategy, another in one phase or one act.
pub fn vary(strategy: &Strategy, random: &mut Random) -> Strategy {
    let mut varied = *strategy;
    for _ in 0..=random.below(3) {
        let fresh = phase(random);
        let at = usize::try_from(random.below(PHASES as u64)).expect("an index");
        let member = usize::try_from(random.below(MEMBERS as u64)).expect("an index");
        match random.below(6) {
            0 => varied[at] = fresh,
            1 => varied[at].lie = fresh.lie,
            2 => {
                let until = PHASES.min(at + 1 + usize::try_from(random.below(8)).expect("few"));
                for held in &mut varied[at..until] {
                    (held.lie, held.pace) = (fresh.lie, fresh.pace);
                }
            }
            _ => varied[at].acts[member] = fresh.acts[member],
        }
    }
    varied
}

fn phase(random: &mut Random) -> Phase {
    let lies = [1.0, 1.0, 0.7, 0.9, 0.97, 0.995, 1.005, 1.03, 1.1, 1.3];
    Phase {
        lie: random.pick(&lies),
        pace: random.pick(&[1, 1, 5, 30]),
        acts: std::array::from_fn(|_| act(random)),
    }
}

fn act(random: &mut Random) -> Act {
    match random.below(8) {
        0 | 1 => Act::Rest,
        2 | 3 => Act::Lever(random.pick(&[-9.0, -4.0, -1.0, 1.0, 4.0, 9.0])),
        4 => Act::Lurk(random.pick(&[0.0005, 0.01, 0.03, 0.06, 0.095])),
        5 => Act::Ring(random.pick(&[-0.09, -0.03, -0.01, 0.01, 0.03, 0.09])),
        6 => Act::Flatten,
        _ => Act::Withdraw,
    }
}
