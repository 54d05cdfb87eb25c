//! A policy: margins and position limit of one market as a bounded function of its volatility,
//! voted in once and then acting in real time (rule G-8).
//!
//! Regimes are entered at a volatility `above` and left under `below` ≤ ⅔·`above` (hysteresis,
//! `theory.md` 10). Each multiplies the base values; the calm regime's multipliers are one, and no
//! regime is laxer than a calmer one, so a policy only ever adds to what was voted.
//!
//! Tightening that falls on new risk alone (initial margin up, position limit down) comes at once
//! and whole. Maintenance rises only after the regime has lasted for `maintenance_delay`, because
//! margin that follows the price on open positions multiplies cascades (`theory.md` 5.3). That and
//! every loosening moves by at most a step within any 24 h.

use borsh::{BorshDeserialize, BorshSerialize};
use money::{Qty, Rate, Round, Span, Time};

use super::Refusal;
use super::changes::{Change, Changes};
use super::keys::{Key, TABLE};
use super::limits::{self, Proof};
use crate::ids::MarketId;
use crate::params::Params;

/// Largest number of regimes.
pub const REGIMES_MAX: usize = 8;
/// Largest multiplier of initial margin.
pub const INITIAL_MAX: Rate = Rate::from_bp(40_000);
/// Largest multiplier of maintenance margin.
pub const MAINTENANCE_MAX: Rate = Rate::from_bp(20_000);
/// Smallest multiplier of the position limit.
pub const POSITION_MIN: Rate = Rate::from_bp(2_500);
/// Bounds of the delay before maintenance rises.
const DELAYS: [Span; 2] = [Span::DAY, Span::from_secs(7 * 24 * 3600)];

/// The keys that a policy holds, in the order of [`Levels`].
pub const KEYS: [&str; 3] =
    ["market.margin_initial", "market.margin_maintenance", "market.position_max"];

/// A regime of volatility and its multipliers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Regime {
    /// Realised volatility of a year at which it is entered; zero for the calm regime.
    pub above: Rate,
    /// Volatility under which it is left; zero for the calm regime.
    pub below: Rate,
    /// Multiplier of initial margin.
    pub margin_initial: Rate,
    /// Multiplier of maintenance margin.
    pub margin_maintenance: Rate,
    /// Multiplier of the position limit.
    pub position_max: Rate,
}

/// What a policy asks of a perpetual market.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Levels {
    /// Initial margin.
    pub margin_initial: Rate,
    /// Maintenance margin.
    pub margin_maintenance: Rate,
    /// Largest position of one account.
    pub position_max: Qty,
}

/// A policy for one market.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Policy {
    /// What applies in the calm regime.
    pub base: Levels,
    /// Regimes from calm to wild.
    pub regimes: Vec<Regime>,
    /// How long a regime lasts before maintenance margin begins to rise.
    pub maintenance_delay: Span,
}

/// A policy in force.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Acting {
    /// Its market.
    pub market: MarketId,
    /// What was voted.
    pub policy: Policy,
    /// The regime now.
    pub regime: usize,
    /// When the regime last rose.
    pub since: Time,
    /// When the policy came into force.
    pub adopted: Time,
}

impl Policy {
    /// Checks the policy, that its base lies within these windows, and the design of each of its
    /// regimes.
    pub(super) fn check(
        &self,
        market: MarketId,
        windows: [[i128; 2]; 3],
        params: &Params,
        proof: &Proof,
    ) -> Result<(), Refusal> {
        let calm = self.regimes.first().ok_or(Refusal::BadPolicy)?;
        let [shortest, longest] = DELAYS;
        let delay = self.maintenance_delay;
        let plain = [calm.margin_initial, calm.margin_maintenance, calm.position_max];
        let sound = self.regimes.len() <= REGIMES_MAX
            && plain.iter().all(|multiplier| *multiplier == Rate::ONE)
            && [calm.above, calm.below] == [Rate::ZERO; 2]
            && (shortest..=longest).contains(&delay)
            && self.regimes.windows(2).all(|pair| follows(&pair[0], &pair[1]));
        if !sound {
            return Err(Refusal::BadPolicy);
        }
        let mut designs = Vec::new();
        for regime in &self.regimes {
            let levels = self.levels(regime).ok_or(Refusal::OutsideRange)?;
            let mut design = params.clone();
            for (key, value) in keys().into_iter().zip(levels) {
                row(key).write(&mut design, market.0, value)?;
            }
            designs.push(design);
        }
        let levels = self.levels(calm).ok_or(Refusal::OutsideRange)?;
        if levels.iter().zip(windows).any(|(level, [low, high])| *level < low || high < *level) {
            return Err(Refusal::StepTooLarge);
        }
        designs.iter().try_for_each(|design| limits::check(params, design, proof))
    }

    /// Raw values in a regime: margins rounded up, the limit down; `None` if one does not fit.
    fn levels(&self, regime: &Regime) -> Option<[i128; 3]> {
        let Levels { margin_initial, margin_maintenance, position_max } = self.base;
        let limit = position_max.as_amount().share(regime.position_max, Round::Down)?;
        Some([
            margin_initial.times(regime.margin_initial, Round::Up)?.raw().into(),
            margin_maintenance.times(regime.margin_maintenance, Round::Up)?.raw().into(),
            limit.raw(),
        ])
    }
}

/// Whether a wilder regime may stand after a calmer one.
fn follows(calm: &Regime, wild: &Regime) -> bool {
    let (above, below) = (i128::from(wild.above.raw()), i128::from(wild.below.raw()));
    wild.above > calm.above
        && wild.below > calm.below
        && 2 * above >= 3 * below
        && (calm.margin_initial..=INITIAL_MAX).contains(&wild.margin_initial)
        && (calm.margin_maintenance..=MAINTENANCE_MAX).contains(&wild.margin_maintenance)
        && (POSITION_MIN..=calm.position_max).contains(&wild.position_max)
}

impl Acting {
    /// A policy that begins in the calm regime.
    pub fn new(market: MarketId, policy: Policy, now: Time) -> Acting {
        Acting { market, policy, regime: 0, since: now, adopted: now }
    }

    /// Where the base of a policy that follows on this one may lie: within a step of this base, and
    /// for a day nowhere else.
    pub(super) fn windows(&self, now: Time) -> [[i128; 2]; 3] {
        let Levels { margin_initial, margin_maintenance, position_max } = self.policy.base;
        let base = [margin_initial.raw(), margin_maintenance.raw(), position_max.raw()];
        let settled = now.since(self.adopted) >= Span::DAY;
        std::array::from_fn(|at| {
            let value = i128::from(base[at]);
            let step = if settled { row(keys()[at]).step.size(value) } else { 0 };
            [value - step, value + step]
        })
    }

    /// Whether the policy holds a key of a scope.
    pub fn holds(&self, key: Key, scope: u16) -> bool {
        self.market.0 == scope && keys().contains(&key)
    }

    /// Observes the volatility and makes what changes are due; each leaves a design that passes
    /// [`limits::check`], one that would not waits.
    pub(super) fn act(
        &mut self,
        params: &mut Params,
        changes: &mut Changes,
        seen: (Rate, Time),
        proof: &Proof,
    ) -> Vec<Change> {
        let (volatility, now) = seen;
        self.observe(volatility, now);
        let levels = self.policy.levels(&self.policy.regimes[self.regime]);
        let levels = levels.expect("the levels of each regime were checked");
        let mut made = Vec::new();
        for (key, target) in keys().into_iter().zip(levels) {
            let Some(change) = self.due(key, target, params, changes, now) else { continue };
            let mut design = params.clone();
            change.write(&mut design);
            if limits::check(params, &design, proof).is_ok() {
                *params = design;
                changes.record(now, change);
                made.push(change);
            }
        }
        made
    }

    /// Moves to the regime of a volatility; between `below` and `above` it stays.
    fn observe(&mut self, volatility: Rate, now: Time) {
        let regimes = &self.policy.regimes;
        while regimes.get(self.regime + 1).is_some_and(|next| volatility >= next.above) {
            self.regime += 1;
            self.since = now;
        }
        while self.regime > 0 && volatility < regimes[self.regime].below {
            self.regime -= 1;
        }
    }

    /// The move of one key towards its target that is allowed now.
    fn due(
        &self,
        key: Key,
        target: i128,
        params: &Params,
        changes: &Changes,
        now: Time,
    ) -> Option<Change> {
        let [initial, maintenance, position] = keys();
        let scope = self.market.0;
        let from = row(key).read(params, scope).expect("the scope was checked");
        let rises = target > from;
        if key == maintenance && rises && now.since(self.since) < self.policy.maintenance_delay {
            return None;
        }
        let at_once = key == initial && rises || key == position && !rises;
        let to = if at_once {
            target
        } else {
            let [lowest, highest] = changes.window(row(key), (key, scope), from, now);
            if lowest > highest {
                return None;
            }
            target.clamp(lowest, highest)
        };
        let onward = if rises { to > from } else { to < from };
        onward.then_some(Change { key, scope, from, to })
    }
}

/// Where the base of a first policy may lie: where votes could move the keys now.
pub(super) fn windows(
    market: MarketId,
    params: &Params,
    changes: &Changes,
    now: Time,
) -> Result<[[i128; 2]; 3], Refusal> {
    let [initial, maintenance, position] = keys().map(|key| {
        let value = row(key).read(params, market.0)?;
        Ok(changes.window(row(key), (key, market.0), value, now))
    });
    Ok([initial?, maintenance?, position?])
}

fn keys() -> [Key; 3] {
    KEYS.map(|name| Key::named(name).expect("the table has the keys of policies"))
}

fn row(key: Key) -> &'static super::keys::Row {
    &TABLE[usize::from(key.0)]
}
