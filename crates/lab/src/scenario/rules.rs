//! The funding rules of a scenario: named, with defaults that `[funding.*]` may change.

use money::Span;
use protocol::params::{FundingRule, Kind, MarketParams};

use super::error::{ScenarioError, Source, nearest};
use super::keys::{ANCHORED, DYDX, FUNDING, INDUSTRY, Key, PI, RULE, VELOCITY};
use super::section::Section;

/// Names of the funding rules.
pub const RULES: [&str; 5] = ["anchored", "industry", "dydx", "velocity", "pi"];

/// Each funding rule with the scenario's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// One of each, in the order of `RULES`.
    rules: [FundingRule; 5],
}

/// A funding rule of this name does not exist.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown funding rule `{name}`{}; known: {}", near(name), RULES.join(", "))]
pub struct UnknownRule {
    /// The name.
    pub name: String,
}

impl Rules {
    /// The rule of this name.
    pub fn rule_by_name(&self, name: &str) -> Result<FundingRule, UnknownRule> {
        let at = RULES.iter().position(|known| *known == name);
        let at = at.ok_or_else(|| UnknownRule { name: name.into() })?;
        Ok(self.rules[at])
    }

    /// Sets the rule of this name in a market, if it is a perpetual.
    pub fn apply(&self, name: &str, market: &mut MarketParams) -> Result<(), UnknownRule> {
        match &mut market.kind {
            Kind::Perpetual(params) => {
                params.funding = self.rule_by_name(name)?;
                Ok(())
            }
            Kind::Spot { .. } | Kind::Future(_) => Ok(()),
        }
    }
}

/// Reads `[funding]`, whose tables are the defaults of the rules.
pub(super) fn defaults(root: &Section<'_>) -> Result<Rules, ScenarioError> {
    let empty = toml::de::DeTable::new();
    let place = root.table("funding")?;
    let funding = open(root.source, "[funding]".into(), place.unwrap_or((0, &empty)), &[FUNDING])?;
    let rule = |name: &'static str| {
        let place = funding.table(name)?.unwrap_or((0, &empty));
        let section = open(root.source, format!("[funding.{name}]"), place, keys_of(name))?;
        read(name, &section)
    };
    Ok(Rules {
        rules: [
            rule("anchored")?,
            rule("industry")?,
            rule("dydx")?,
            rule("velocity")?,
            rule("pi")?,
        ],
    })
}

/// Reads a perpetual's `funding = { rule = … }`; what it does not set comes from `[funding.*]`.
pub(super) fn of_market(
    root: &Section<'_>,
    market: &Section<'_>,
) -> Result<FundingRule, ScenarioError> {
    let empty = toml::de::DeTable::new();
    let place = market.table("funding")?.ok_or_else(|| market.missing("funding"))?;
    let name = name(market, place)?;
    let above = match root.table("funding")? {
        Some((_, table)) => open(root.source, "[funding]".into(), (0, table), &[FUNDING])?
            .table(name)?
            .unwrap_or((0, &empty)),
        None => (0, &empty),
    };
    let above = open(root.source, format!("[funding.{name}]"), above, keys_of(name))?;
    let section = open(root.source, title(market), place, keys_of(name))?;
    read(name, &section.inheriting(&above))
}

/// Reads a `funding = { rule = … }` that stands alone; without one, the industry's rule.
pub(crate) fn alone(market: &Section<'_>) -> Result<FundingRule, ScenarioError> {
    let empty = toml::de::DeTable::new();
    let (name, place) = match market.table("funding")? {
        Some(place) => (name(market, place)?, place),
        None => ("industry", (0, &empty)),
    };
    read(name, &open(market.source, title(market), place, keys_of(name))?)
}

fn title(market: &Section<'_>) -> String {
    format!("funding of {}", market.title)
}

/// The name of the rule in a perpetual's `funding`.
fn name<'a>(
    market: &Section<'a>,
    place: (usize, &'a toml::de::DeTable<'a>),
) -> Result<&'static str, ScenarioError> {
    let any: &'static [&'static [Key]] = &[RULE, ANCHORED, INDUSTRY, DYDX, VELOCITY, PI];
    let section = open(market.source, title(market), place, any)?;
    let name = section.text("rule")?;
    RULES
        .into_iter()
        .find(|known| *known == name)
        .ok_or_else(|| section.wrong("rule", UnknownRule { name: name.into() }.to_string()))
}

fn open<'a>(
    source: Source<'a>,
    title: String,
    place: (usize, &'a toml::de::DeTable<'a>),
    keys: &'static [&'static [Key]],
) -> Result<Section<'a>, ScenarioError> {
    Section::open(source, title, place, keys)
}

fn keys_of(rule: &'static str) -> &'static [&'static [Key]] {
    match rule {
        "anchored" => &[RULE, ANCHORED],
        "industry" => &[RULE, INDUSTRY],
        "dydx" => &[RULE, DYDX],
        "velocity" => &[RULE, VELOCITY],
        _ => &[RULE, PI],
    }
}

fn read(rule: &'static str, section: &Section<'_>) -> Result<FundingRule, ScenarioError> {
    Ok(match rule {
        "anchored" => FundingRule::Anchored {
            anchor: section.span("anchor_h", Span::HOUR)?,
            carry: section.rate_8h_of_year("carry_pct_year")?,
            cap: section.rate_bp("cap_bp_8h")?,
        },
        "industry" => FundingRule::Industry {
            interval: section.span("interval_h", Span::HOUR)?,
            interest: section.rate_bp("interest_bp")?,
            clamp: section.rate_bp("clamp_bp")?,
            cap: section.rate_bp("cap_bp")?,
        },
        "dydx" => FundingRule::Dydx {
            sample: section.span("sample_s", Span::SECOND)?,
            interval: section.span("interval_h", Span::HOUR)?,
            interest: section.rate_bp("interest_bp_8h")?,
            cap: section.rate_bp("cap_bp_8h")?,
        },
        "velocity" => FundingRule::Velocity {
            max_velocity: section.rate_pct("velocity_pct_day2")?,
            premium_scale: section.rate_bp("premium_scale_bp")?,
            cap: section.rate_pct("cap_pct_day")?,
        },
        _ => FundingRule::Pi {
            proportional: section.rate("proportional")?,
            integral: section.rate("integral")?,
            leak: section.span("leak_h", Span::HOUR)?,
            carry: section.rate_8h_of_year("carry_pct_year")?,
            cap: section.rate_bp("cap_bp_8h")?,
        },
    })
}

fn near(name: &str) -> String {
    nearest(name, RULES).map_or(String::new(), |known| format!("; did you mean `{known}`?"))
}
