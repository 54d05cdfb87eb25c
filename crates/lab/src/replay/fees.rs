//! What an exchange charges for a trade: a share of its value, by side and by trailing volume.
//!
//! `fee = ⌈value · rate⌉` in the asset that settles the trade; a negative rate is a rebate and
//! `⌈ ⌉` makes it smaller. Options may be charged on their underlying instead, at most a share of
//! their price: `min(⌈underlying · rate⌉, ⌈value · cap⌉)`. A spot buy may be charged in the coins
//! that it brings, `⌈qty · rate⌉`, as Binance does. A tier holds from the next UTC day on: venues
//! count volume once a day. Rates of some venues stand in [`venues`], with source and date.
//!
//! Always: tiers rise by volume from zero, and the fee never rounds in the trader's favour.

pub mod venues;

use money::{Amount, Rate, Round, Span, Time};

/// The rates from one trailing volume on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tier {
    /// Least trailing volume, in the account's currency.
    pub volume: Amount,
    /// Rate of resting orders, a rebate if negative.
    pub maker: Rate,
    /// Rate of the aggressor.
    pub taker: Rate,
}

/// What a rate is a share of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Basis {
    /// The value of the trade.
    Value,
    /// The value of the trade; a spot buy is charged in the coins that it brings.
    Received,
    /// The value of an option's underlying, up to this share of the option's price.
    Underlying {
        /// Most that is charged, as a share of the option's price.
        cap: Rate,
    },
}

/// The fees of one market.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    tiers: Vec<Tier>,
    days: usize,
    basis: Basis,
}

/// Why a schedule was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The number of the tier, from 1.
    #[error(
        "fee tier {0}: the first tier starts at a volume of zero and each further one above the \
         one ahead of it"
    )]
    Volume(usize),
    /// The number of the tier, from 1.
    #[error("fee tier {0}: rates are between -100 % and 100 %, and the cap between 0 and 100 %")]
    Rate(usize),
    /// The days of trailing volume.
    #[error("trailing volume over {0} days; expected 1 to 30")]
    Days(usize),
}

/// A trade, as far as its fee is concerned; no amount is negative.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Charged {
    /// Price times quantity, or for a spot buy charged in coins their quantity.
    pub value: Amount,
    /// Value of what an option is on, in the same asset; otherwise unused.
    pub underlying: Amount,
}

impl Schedule {
    /// A schedule whose tiers look at the volume of so many UTC days before today.
    ///
    /// # Errors
    /// Tiers that do not rise from zero, rates beyond 100 %, or a window outside 1 to 30 days.
    pub fn new(tiers: Vec<Tier>, days: usize, basis: Basis) -> Result<Schedule, Fault> {
        if !(1..=Turnover::DAYS).contains(&days) {
            return Err(Fault::Days(days));
        }
        let share = |rate: Rate| rate.raw().unsigned_abs() <= Rate::ONE.raw().unsigned_abs();
        let cap = match basis {
            Basis::Value | Basis::Received => Rate::ZERO,
            Basis::Underlying { cap } => cap,
        };
        let mut above = None;
        for (index, tier) in tiers.iter().enumerate() {
            let rises = match above {
                None => tier.volume.is_zero(),
                Some(volume) => tier.volume > volume,
            };
            if !rises {
                return Err(Fault::Volume(index + 1));
            }
            let sound = share(tier.maker) && share(tier.taker) && share(cap);
            if !sound || cap.is_negative() {
                return Err(Fault::Rate(index + 1));
            }
            above = Some(tier.volume);
        }
        if above.is_none() {
            return Err(Fault::Volume(1));
        }
        Ok(Schedule { tiers, days, basis })
    }

    /// No fees: an AMM takes its own inside the pool.
    pub fn free() -> Schedule {
        let tier = Tier { volume: Amount::ZERO, maker: Rate::ZERO, taker: Rate::ZERO };
        Schedule { tiers: vec![tier], days: Turnover::DAYS, basis: Basis::Value }
    }

    /// What the rates are shares of.
    pub fn basis(&self) -> Basis {
        self.basis
    }

    /// The tier of a trailing volume.
    pub fn tier(&self, turnover: &Turnover) -> usize {
        let volume = turnover.trailing(self.days);
        self.tiers.partition_point(|tier| tier.volume <= volume) - 1
    }

    /// The rates of a trailing volume.
    pub fn at(&self, turnover: &Turnover) -> Tier {
        self.tiers[self.tier(turnover)]
    }

    /// The fee of a trade in a tier, a rebate if negative.
    #[inline]
    pub fn fee(&self, tier: usize, maker: bool, trade: Charged) -> Amount {
        let Tier { maker: resting, taker, .. } = self.tiers[tier];
        let rate = if maker { resting } else { taker };
        let share = |amount: Amount, rate| {
            amount.share(rate, Round::Up).expect("no more than the amount itself")
        };
        match self.basis {
            Basis::Value | Basis::Received => share(trade.value, rate),
            Basis::Underlying { cap } => share(trade.underlying, rate).min(share(trade.value, cap)),
        }
    }
}

/// An account's volume by UTC day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turnover {
    /// By day modulo the length; the place of today is filled and not yet counted.
    days: [Amount; Turnover::DAYS + 1],
    today: u64,
}

impl Turnover {
    /// The longest window, in days.
    pub const DAYS: usize = 30;

    /// What an account traded on each of the days before it is looked at.
    pub fn steady(daily: Amount, now: Time) -> Turnover {
        let today = now.nanos() / Span::DAY.nanos();
        let mut turnover = Turnover { days: [daily; Turnover::DAYS + 1], today };
        *turnover.place(today) = Amount::ZERO;
        turnover
    }

    /// Counts a trade; true when a day has begun, so that tiers may have changed.
    #[inline]
    pub fn add(&mut self, now: Time, value: Amount) -> bool {
        let day = now.nanos() / Span::DAY.nanos();
        let fresh = day > self.today;
        if fresh {
            self.roll(day);
        }
        *self.place(self.today) += value;
        fresh
    }

    /// The volume of so many whole days before today.
    pub fn trailing(&self, days: usize) -> Amount {
        let length = self.days.len();
        let today = (self.today % length as u64) as usize;
        (1..=days).map(|back| self.days[(today + length - back) % length]).sum()
    }

    fn roll(&mut self, day: u64) {
        let length = self.days.len() as u64;
        for passed in (self.today + 1).max(day.saturating_sub(length))..=day {
            *self.place(passed) = Amount::ZERO;
        }
        self.today = day;
    }

    fn place(&mut self, day: u64) -> &mut Amount {
        let length = self.days.len() as u64;
        &mut self.days[(day % length) as usize]
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
