//! The strategies that can be back-tested, with their parts and parameters.

use desk::leg::{BadConfig, Clock};
use desk::strategy::{Event, Intent, Strategy};
use money::Span;

use crate::scenario::error::{ScenarioError, hint};
use crate::scenario::key::Key;
use crate::scenario::keys::{BASIS, CROSS, MAKER, TOUCH};
use crate::scenario::section::Section;
use crate::scenario::{Basis, Cross, Maker, Touch};
use crate::traders::{self, Leg};

use super::keys::STRATEGY;

/// A strategy by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Quotes around a reference.
    Maker,
    /// Keeps two quotes at the best prices.
    Touch,
    /// Trades two markets of one asset against each other.
    Cross,
    /// Holds a perpetual against spot.
    Basis,
    /// Looks and does nothing.
    Idle,
}

/// A strategy with its parameters.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Trader {
    /// Quotes around a reference.
    Maker(Maker),
    /// Keeps two quotes at the best prices.
    Touch(Touch),
    /// Trades two markets of one asset against each other.
    Cross(Cross),
    /// Holds a perpetual against spot.
    Basis(Basis),
    /// Looks and does nothing.
    Idle,
}

/// One parameter of a strategy, for a reader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// Its key.
    pub name: &'static str,
    /// Values that it takes.
    pub range: String,
    /// What holds where it is not set.
    pub default: String,
    /// What it means.
    pub help: &'static str,
}

impl Class {
    /// All strategies.
    pub const ALL: [Class; 5] =
        [Class::Maker, Class::Touch, Class::Cross, Class::Basis, Class::Idle];

    /// Its name in files and on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Class::Maker => "maker",
            Class::Touch => "touch",
            Class::Cross => "cross",
            Class::Basis => "basis",
            Class::Idle => "idle",
        }
    }

    /// The strategy of a name; otherwise the names that there are.
    ///
    /// # Errors
    /// A sentence with the nearest name, or all of them.
    pub fn find(name: &str) -> Result<Class, String> {
        let names = Class::ALL.map(Class::name);
        let found = Class::ALL.into_iter().find(|class| class.name() == name);
        found.ok_or_else(|| format!("no strategy `{name}`{}", hint(name, &names)))
    }

    /// What it does, in a line.
    pub const fn help(self) -> &'static str {
        match self {
            Class::Maker => "quotes layers on one market around the mid of a reference, or its own",
            Class::Touch => "keeps a bid and an ask at the best prices of one market",
            Class::Cross => "buys on one of two markets of an asset and sells on the other at once",
            Class::Basis => "holds a perpetual against spot where funding and premium pay for it",
            Class::Idle => "reads the quotes at each wake and does nothing: what a replay costs",
        }
    }

    /// The markets that it trades, by their part, in the order of `trades`.
    pub const fn parts(self) -> &'static [&'static str] {
        match self {
            Class::Maker => &["own", "reference"],
            Class::Touch => &["own"],
            Class::Cross => &["first", "second"],
            Class::Basis => &["spot", "perpetual"],
            Class::Idle => &[],
        }
    }

    /// Its parameters, those that all have included.
    pub fn parameters(self) -> Vec<Parameter> {
        let parameter = |key: &Key| Parameter {
            name: key.name,
            range: key.kind.describe(),
            default: key.fallback.describe(),
            help: key.help,
        };
        self.parameter_keys().map(parameter).collect()
    }

    /// The keys of `[strategy]`.
    pub(super) const fn keys(self) -> &'static [&'static [Key]] {
        match self {
            Class::Maker => &[STRATEGY, MAKER],
            Class::Touch => &[STRATEGY, TOUCH],
            Class::Cross => &[STRATEGY, CROSS],
            Class::Basis => &[STRATEGY, BASIS],
            Class::Idle => &[STRATEGY],
        }
    }

    /// The keys of its parameters.
    pub(super) fn parameter_keys(self) -> impl Iterator<Item = &'static Key> {
        let all = self.keys().iter().flat_map(|keys| keys.iter());
        all.filter(|key| !["name", "trades"].contains(&key.name))
    }
}

impl Trader {
    pub(super) fn read(class: Class, section: &Section<'_>) -> Result<Trader, ScenarioError> {
        Ok(match class {
            Class::Maker => Trader::Maker(Maker::read(section)?),
            Class::Touch => Trader::Touch(Touch::read(section)?),
            Class::Cross => Trader::Cross(Cross::read(section)?),
            Class::Basis => Trader::Basis(Basis::read(section)?),
            Class::Idle => Trader::Idle,
        })
    }

    /// Which strategy it is.
    pub const fn class(&self) -> Class {
        match self {
            Trader::Maker(_) => Class::Maker,
            Trader::Touch(_) => Class::Touch,
            Trader::Cross(_) => Class::Cross,
            Trader::Basis(_) => Class::Basis,
            Trader::Idle => Class::Idle,
        }
    }

    /// The strategy itself on the markets of its parts; `financing_year` is what money costs.
    pub(super) fn strategy(
        &self,
        period: Span,
        legs: &[Leg<'_>],
        financing_year: f64,
    ) -> Result<Box<dyn Strategy + Send>, BadConfig> {
        Ok(match (self, legs) {
            (Trader::Maker(maker), [own, reference]) => {
                Box::new(traders::maker(maker, period, *own, *reference)?)
            }
            (Trader::Touch(touch), [own]) => Box::new(traders::touch(touch, period, *own)?),
            (Trader::Cross(cross), [first, second]) => {
                Box::new(traders::cross(cross, period, [*first, *second])?)
            }
            (Trader::Basis(basis), [spot, perpetual]) => {
                Box::new(traders::basis(basis, (period, financing_year), *spot, *perpetual)?)
            }
            (Trader::Idle, _) => Box::new(Idle(Clock::new(period))),
            (Trader::Maker(_) | Trader::Touch(_) | Trader::Cross(_) | Trader::Basis(_), _) => {
                return Err(BadConfig("a part of the strategy has no market"));
            }
        })
    }
}

/// Asks to be woken each period, and does nothing.
#[derive(Debug)]
struct Idle(Clock);

impl Strategy for Idle {
    fn on(&mut self, event: &Event, intents: &mut Vec<Intent>) {
        if self.0.hear(event, intents) {
            self.0.ask(intents);
        }
    }
}
