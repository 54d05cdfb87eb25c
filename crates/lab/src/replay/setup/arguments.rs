//! Values of keys from the command line: `--set key=value`, and an axis of a sweep.
//!
//! A key is looked for in `[strategy]`, then at the top, then in `[latency]`, `[exchange]` and
//! `[account]`; `latency.order` names its table, `market.perp.tick` one market and `market.tick`
//! all of them. `latency` alone is both roads of an order. Values become one line of TOML each, so
//! that they are checked as those of a file are, and a refusal names the argument.

use crate::scenario::error::nearest;
use crate::scenario::key::{Key, Kind};

use super::keys::{ACCOUNT, EXCHANGE, IMPACT, LATENCY, MARKET, ROOT};
use super::trader::Class;

/// A value for a key, as it was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Argument {
    /// The whole argument, as `--set latency=5ms`.
    pub shown: String,
    /// The key, with its table if that is named.
    pub key: String,
    /// The value.
    pub value: String,
}

/// Why an argument was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{shown}: {message}")]
pub struct BadArgument {
    /// The argument.
    pub shown: String,
    /// What is wrong and what to do.
    pub message: String,
}

/// Where a key stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Root,
    Strategy,
    Latency,
    Exchange,
    Impact,
    Account,
    /// Of one market, or of all.
    Market(Option<String>),
}

/// What an argument sets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub place: Place,
    pub key: &'static str,
    /// The value as TOML.
    pub literal: String,
    /// The argument.
    pub shown: String,
}

impl Argument {
    /// Splits `key=value`; `flag` is what stands before it.
    ///
    /// # Errors
    /// Without an equals sign, a key or a value.
    pub fn parse(flag: &str, text: &str) -> Result<Argument, BadArgument> {
        let shown = format!("{flag} {text}");
        match text.split_once('=') {
            Some((key, value)) if !key.trim().is_empty() && !value.trim().is_empty() => {
                let (key, value) = (key.trim().to_owned(), value.trim().to_owned());
                Ok(Argument { shown, key, value })
            }
            _ => Err(BadArgument { shown, message: "give a key and a value: key=value".into() }),
        }
    }

    /// The same key with another value, as a cell of a sweep has it.
    pub fn with_value(&self, value: &str) -> Argument {
        let flag = self.shown.split(' ').next().unwrap_or_default();
        Argument {
            shown: format!("{flag} {}={value}", self.key),
            key: self.key.clone(),
            value: value.to_owned(),
        }
    }

    /// The keys that it sets, each with its place.
    fn targets(&self, class: Class) -> Result<Vec<(Place, &'static Key)>, BadArgument> {
        if self.key == "latency" {
            let roads = LATENCY.iter().filter(|key| ["order", "answer"].contains(&key.name));
            return Ok(roads.map(|key| (Place::Latency, key)).collect());
        }
        let (place, name) = self.place();
        let found = match &place {
            Some(place) => find(place, name, class).map(|key| (place.clone(), key)),
            None => ANYWHERE
                .iter()
                .find_map(|place| find(place, name, class).map(|key| (place.clone(), key))),
        };
        found.map(|target| vec![target]).ok_or_else(|| self.unknown(place.as_ref(), name, class))
    }

    /// The place that is named, if one is, and the key.
    fn place(&self) -> (Option<Place>, &str) {
        let Some((table, rest)) = self.key.split_once('.') else { return (None, &self.key) };
        let place = match table {
            "strategy" => Place::Strategy,
            "latency" => Place::Latency,
            "exchange" => Place::Exchange,
            "impact" => Place::Impact,
            "account" => Place::Account,
            "market" => {
                return match rest.rsplit_once('.') {
                    Some((market, name)) => (Some(Place::Market(Some(market.into()))), name),
                    None => (Some(Place::Market(None)), rest),
                };
            }
            _ => return (None, &self.key),
        };
        (Some(place), rest)
    }

    fn unknown(&self, place: Option<&Place>, name: &str, class: Class) -> BadArgument {
        let places: &[Place] = place.map_or(ANYWHERE, std::slice::from_ref);
        let mut known: Vec<&str> = Vec::new();
        for place in places {
            let all = tables_of(place, class).iter().flat_map(|keys| keys.iter());
            let set = |key: &&Key| !is_fixed(place, key) && !is_table(key);
            known.extend(all.filter(set).map(|key| key.name));
        }
        let known_near = nearest(name, known.iter().copied());
        let in_markets = MARKET.iter().any(|key| key.name == name);
        let message = match known_near {
            _ if in_markets => {
                format!(
                    "`{name}` is a key of markets: give `market.{name}` or `market.NAME.{name}`"
                )
            }
            Some(near) => format!("unknown key `{}`; did you mean `{near}`?", self.key),
            None => format!("unknown key `{}`; known: {}", self.key, known.join(", ")),
        };
        BadArgument { shown: self.shown.clone(), message }
    }
}

/// Where a key without a table is looked for.
const ANYWHERE: &[Place] =
    &[Place::Strategy, Place::Root, Place::Latency, Place::Exchange, Place::Account];

/// The tables of keys of a place.
pub(super) fn tables_of(place: &Place, class: Class) -> &'static [&'static [Key]] {
    match place {
        Place::Root => &[ROOT],
        Place::Strategy => class.keys(),
        Place::Latency => &[LATENCY],
        Place::Exchange => &[EXCHANGE],
        Place::Impact => &[IMPACT],
        Place::Account => &[ACCOUNT],
        Place::Market(_) => &[MARKET],
    }
}

fn find(place: &Place, name: &str, class: Class) -> Option<&'static Key> {
    let mut all = tables_of(place, class).iter().flat_map(|keys| keys.iter());
    let found = all.find(|key| key.name == name && !is_fixed(place, key));
    found.filter(|key| !is_table(key))
}

fn is_table(key: &Key) -> bool {
    matches!(key.kind, Kind::Table | Kind::Tables)
}

/// Names say which table it is; they are not set.
fn is_fixed(place: &Place, key: &Key) -> bool {
    *place != Place::Root && key.name == "name"
}

/// What the arguments set; the last one for a key counts.
pub(super) fn lines(arguments: &[Argument], class: Class) -> Result<Vec<Line>, BadArgument> {
    let mut lines: Vec<Line> = Vec::new();
    for argument in arguments {
        for (place, key) in argument.targets(class)? {
            lines.retain(|line| (&line.place, line.key) != (&place, key.name));
            let literal = literal(key.kind, &argument.value);
            lines.push(Line { place, key: key.name, literal, shown: argument.shown.clone() });
        }
    }
    Ok(lines)
}

/// A value as TOML; what the kind does not take stays text, and is refused as such.
fn literal(kind: Kind, value: &str) -> String {
    match kind {
        Kind::Number(..) => match value.parse::<f64>() {
            Ok(number) if number.is_finite() => format!("{number:?}"),
            _ => quoted(value),
        },
        Kind::Whole(..) => match (value.parse::<i64>(), value.parse::<f64>()) {
            (Ok(number), _) => number.to_string(),
            (Err(_), Ok(number)) if number.is_finite() => format!("{number:?}"),
            _ => quoted(value),
        },
        Kind::Flag if value == "true" || value == "false" => value.to_owned(),
        Kind::Names | Kind::Wholes => {
            let items: Vec<String> = value.split(',').map(|item| quoted(item.trim())).collect();
            format!("[{}]", items.join(", "))
        }
        Kind::Coins => {
            let pairs: Vec<String> = value.split(',').map(pair).collect();
            format!("{{ {} }}", pairs.join(", "))
        }
        Kind::Flag
        | Kind::Text
        | Kind::Instant
        | Kind::File
        | Kind::Table
        | Kind::Tables
        | Kind::Choice(_)
        | Kind::Span(..) => quoted(value),
    }
}

/// `BTC:1.5` as `"BTC" = 1.5`.
fn pair(text: &str) -> String {
    let (name, amount) = text.split_once(':').unwrap_or((text, ""));
    format!("{} = {}", quoted(name.trim()), literal(Kind::Number(0.0, 0.0), amount.trim()))
}

/// A basic string of TOML, whose escapes are those of JSON.
fn quoted(text: &str) -> String {
    serde_json::Value::String(text.to_owned()).to_string()
}
