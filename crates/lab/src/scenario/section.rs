//! One table of a scenario, read against the table of keys.
//!
//! Opening a section refuses unknown keys first, so that a misspelt key is named as such and not
//! as the missing one that it was meant to be. A section may inherit values from another.

use money::{Amount, Price, Qty, Rate, Span, Time};
use toml::Spanned;
use toml::de::{DeTable, DeValue};
use toml::value::{Datetime, Offset};

use super::error::{ScenarioError, Source, hint, nearest};
use super::key::{Fallback, Key, Kind};
use super::span;

/// A table of the file.
#[derive(Debug)]
pub(crate) struct Section<'a> {
    pub source: Source<'a>,
    /// As in the file: `[venue]`.
    pub title: String,
    /// Where it starts, or whose value it is.
    at: usize,
    table: &'a DeTable<'a>,
    keys: &'static [&'static [Key]],
    /// Whose values count before its own.
    over: Option<&'a Section<'a>>,
    /// Whose values count where it has none.
    above: Option<&'a Section<'a>>,
}

type Value<'a> = &'a Spanned<DeValue<'a>>;
type Read<T> = Result<T, ScenarioError>;

impl<'a> Section<'a> {
    /// Opens a table with these keys and no other.
    pub fn open(
        source: Source<'a>,
        title: String,
        (at, table): (usize, &'a DeTable<'a>),
        keys: &'static [&'static [Key]],
    ) -> Read<Section<'a>> {
        Section::open_with(source, title, (at, table), keys, &[])
    }

    /// Opens a table with these keys and sub-tables of these names.
    pub fn open_with(
        source: Source<'a>,
        title: String,
        (at, table): (usize, &'a DeTable<'a>),
        keys: &'static [&'static [Key]],
        names: &[&str],
    ) -> Read<Section<'a>> {
        let mut known: Vec<&str> = names.to_vec();
        known.extend(keys.iter().flat_map(|keys| keys.iter()).map(|key| key.name));
        let unknown = table
            .iter()
            .map(|(key, _)| key)
            .filter(|key| !known.contains(&key.get_ref().as_ref()))
            .min_by_key(|key| key.span().start);
        if let Some(key) = unknown {
            let name = key.get_ref();
            let message = format!("unknown key `{name}` in {title}{}", hint(name, &known));
            return Err(source.wrong(key.span().start, message));
        }
        Ok(Section { source, title, at, table, keys, over: None, above: None })
    }

    /// The same section, with values that it does not have taken from another.
    pub fn inheriting(mut self, above: &'a Section<'a>) -> Section<'a> {
        self.above = Some(above);
        self
    }

    /// The same section with values of another in place of its own.
    pub fn overridden(mut self, over: &'a Section<'a>) -> Section<'a> {
        self.over = Some(over);
        self
    }

    /// Where a key's value is, or the section's start if the key is not there.
    pub fn place(&self, name: &str) -> usize {
        self.find(name).map_or(self.at, |value| value.span().start)
    }

    /// A refusal at a key's value, or at the section's start if the key is not there.
    pub fn wrong(&self, name: &str, message: impl Into<String>) -> ScenarioError {
        match self.holder(name) {
            Some((holder, value)) => holder.source.wrong(value.span().start, message),
            None => self.source.wrong(self.at, message),
        }
    }

    /// Whether there is such a key.
    pub fn has_key(&self, name: &str) -> bool {
        self.keys.iter().flat_map(|keys| keys.iter()).any(|key| key.name == name)
    }

    /// Whether a key has a value, its default aside.
    pub fn is_set(&self, name: &str) -> bool {
        self.find(name).is_some()
    }

    /// Which of two keys that mean the same is set; the nearer one if one overrides the other.
    pub fn either(&self, first: &'static str, second: &'static str) -> Read<&'static str> {
        match (self.holder(first), self.holder(second)) {
            (Some((one, _)), Some((other, _))) if std::ptr::eq(one, other) => {
                let message =
                    format!("`{first}` and `{second}` in {} mean the same; give one", self.title);
                Err(self.wrong(first, message))
            }
            (Some((holder, _)), Some(_)) if self.over.is_some_and(|over| over.is(holder)) => {
                Ok(first)
            }
            (Some(_), None) => Ok(first),
            (Some(_) | None, _) => Ok(second),
        }
    }

    fn is(&self, other: &Section<'_>) -> bool {
        std::ptr::eq(self, other)
    }

    /// A number in its range; `None` when it is optional and missing.
    pub fn number_if(&self, name: &str) -> Read<Option<f64>> {
        let key = self.key(name);
        let Some(value) = self.find(name) else {
            return match key.fallback {
                Fallback::Number(default) => Ok(Some(default)),
                Fallback::Absent => Ok(None),
                Fallback::Required | Fallback::Whole(_) | Fallback::Flag(_) | Fallback::Text(_) => {
                    Err(self.missing(name))
                }
            };
        };
        let number = number(value.get_ref());
        let number = number.ok_or_else(|| self.mistyped(name, value, "a number"))?;
        if let Kind::Number(least, most) = key.kind
            && !(least <= number && number <= most)
        {
            return Err(self.outside(name, number, (least, most)));
        }
        Ok(Some(number))
    }

    /// A number in its range.
    pub fn number(&self, name: &str) -> Read<f64> {
        self.number_if(name)?.ok_or_else(|| self.missing(name))
    }

    /// A whole number in its range.
    pub fn whole(&self, name: &str) -> Read<i64> {
        let key = self.key(name);
        let Some(value) = self.find(name) else {
            return match key.fallback {
                Fallback::Whole(default) => Ok(default),
                Fallback::Required
                | Fallback::Absent
                | Fallback::Number(_)
                | Fallback::Flag(_)
                | Fallback::Text(_) => Err(self.missing(name)),
            };
        };
        let DeValue::Integer(digits) = value.get_ref() else {
            return Err(self.mistyped(name, value, "a whole number"));
        };
        let number = i64::from_str_radix(digits.as_str(), digits.radix());
        match (key.kind, number) {
            (Kind::Whole(least, most), Ok(number)) if least <= number && number <= most => {
                Ok(number)
            }
            (Kind::Whole(least, most), _) => Err(self.outside(name, digits, (least, most))),
            (_, Ok(number)) => Ok(number),
            (_, Err(_)) => Err(self.mistyped(name, value, "a whole number")),
        }
    }

    /// True or false.
    pub fn flag(&self, name: &str) -> Read<bool> {
        match (self.find(name), self.key(name).fallback) {
            (Some(value), _) => {
                let flag = value.get_ref().as_bool();
                flag.ok_or_else(|| self.mistyped(name, value, "true or false"))
            }
            (None, Fallback::Flag(default)) => Ok(default),
            (None, _) => Err(self.missing(name)),
        }
    }

    /// Text that is not empty, if it is there.
    pub fn text_if(&self, name: &str) -> Read<Option<&'a str>> {
        let Some(value) = self.find(name) else {
            return Ok(match self.key(name).fallback {
                Fallback::Text(default) => Some(default),
                Fallback::Required
                | Fallback::Absent
                | Fallback::Number(_)
                | Fallback::Whole(_)
                | Fallback::Flag(_) => None,
            });
        };
        match value.get_ref().as_str() {
            Some("") => Err(self.wrong(name, format!("`{name}` in {} is empty", self.title))),
            Some(text) => Ok(Some(text)),
            None => Err(self.mistyped(name, value, "text")),
        }
    }

    /// Text that is not empty.
    pub fn text(&self, name: &str) -> Read<&'a str> {
        self.text_if(name)?.ok_or_else(|| self.missing(name))
    }

    /// One of the words that the key allows, if it is there.
    pub fn choice_if(&self, name: &str) -> Read<Option<&'static str>> {
        let Some(text) = self.text_if(name)? else { return Ok(None) };
        let Kind::Choice(known) = self.key(name).kind else { return Ok(None) };
        match known.iter().find(|word| **word == text) {
            Some(word) => Ok(Some(word)),
            None => {
                let near = nearest(text, known.iter().copied());
                let near = near.map_or(String::new(), |near| format!("; did you mean `{near}`?"));
                let (title, list) = (self.owner(name), known.join(", "));
                let message = format!("`{name}` = `{text}` in {title} must be one of {list}{near}");
                Err(self.wrong(name, message))
            }
        }
    }

    /// One of the words that the key allows.
    pub fn choice(&self, name: &str) -> Read<&'static str> {
        self.choice_if(name)?.ok_or_else(|| self.missing(name))
    }

    /// A time written with its unit, if it is there.
    pub fn duration_if(&self, name: &str) -> Read<Option<Span>> {
        if let Some(value) = self.find(name)
            && value.get_ref().as_str().is_none()
        {
            return Err(self.mistyped(name, value, DURATION));
        }
        let Some(text) = self.text_if(name)? else { return Ok(None) };
        let span = span::parse(text).ok_or_else(|| {
            let title = self.owner(name);
            self.wrong(name, format!("`{name}` = `{text}` in {title} must be {DURATION}"))
        })?;
        match self.key(name).kind {
            Kind::Span(least, most) if span < least || most < span => {
                let range = (span::text(least), span::text(most));
                Err(self.outside(name, text, range))
            }
            Kind::Span(..)
            | Kind::Text
            | Kind::Instant
            | Kind::File
            | Kind::Flag
            | Kind::Number(..)
            | Kind::Whole(..)
            | Kind::Names
            | Kind::Wholes
            | Kind::Coins
            | Kind::Table
            | Kind::Tables
            | Kind::Choice(_) => Ok(Some(span)),
        }
    }

    /// A time written with its unit.
    pub fn duration(&self, name: &str) -> Read<Span> {
        self.duration_if(name)?.ok_or_else(|| self.missing(name))
    }

    /// An instant, from a TOML date-time in UTC or a date.
    pub fn instant(&self, name: &str) -> Read<Time> {
        let value = self.find(name).ok_or_else(|| self.missing(name))?;
        let text = || value.get_ref().as_str().and_then(|text| text.parse().ok());
        let written = value.get_ref().as_datetime().copied().or_else(text);
        let written = written.ok_or_else(|| self.mistyped(name, value, INSTANT))?;
        instant(&written).ok_or_else(|| {
            let message = format!("`{name}` = {written} in {} must be {INSTANT}", self.title);
            self.wrong(name, message)
        })
    }

    /// The same, if it is there.
    pub fn instant_if(&self, name: &str) -> Read<Option<Time>> {
        self.find(name).map(|_| self.instant(name)).transpose()
    }

    /// The value that counts for a key, in words; none where there is none.
    pub fn shown(&self, key: &Key) -> Option<String> {
        let Some(value) = self.find(key.name) else {
            return match key.fallback {
                Fallback::Required | Fallback::Absent => None,
                Fallback::Number(_)
                | Fallback::Whole(_)
                | Fallback::Flag(_)
                | Fallback::Text(_) => Some(key.fallback.describe()),
            };
        };
        let value = value.get_ref();
        let text = || value.as_str().map(str::to_owned);
        let flag = || value.as_bool().map(|flag| flag.to_string());
        number(value).map(|number| number.to_string()).or_else(text).or_else(flag)
    }

    /// A sub-table, if it is there, with where it is.
    pub fn table(&self, name: &str) -> Read<Option<(usize, &'a DeTable<'a>)>> {
        let Some(value) = find_in(self.table, name) else { return Ok(None) };
        let table = value.get_ref().as_table();
        let table = table.ok_or_else(|| self.mistyped(name, value, "a table"))?;
        Ok(Some((value.span().start, table)))
    }

    /// The sub-tables of a list, none if it is not there.
    pub fn tables(&self, name: &str) -> Read<Vec<(usize, &'a DeTable<'a>)>> {
        let Some(value) = self.find(name) else { return Ok(Vec::new()) };
        let array = value.get_ref().as_array();
        let array = array.ok_or_else(|| self.mistyped(name, value, "a list of tables"))?;
        let tables = array.iter().map(|item| {
            let table = item.get_ref().as_table();
            let table = table.ok_or_else(|| self.mistyped(name, item, "a list of tables"))?;
            Ok((item.span().start, table))
        });
        tables.collect()
    }

    /// A list of texts with where each is; empty if it is not there.
    pub fn names(&self, name: &str) -> Read<Vec<(usize, &'a str)>> {
        self.list(name, "a list of names", |item| item.as_str())
    }

    /// As [`Section::names`], of which a single one needs no list.
    pub fn words(&self, name: &str) -> Read<Vec<(usize, &'a str)>> {
        match self.find(name) {
            Some(value) if value.get_ref().as_str().is_some() => {
                Ok(vec![(value.span().start, self.text(name)?)])
            }
            Some(_) | None => self.names(name),
        }
    }

    /// A list of whole numbers with where each is; empty if it is not there.
    pub fn wholes(&self, name: &str) -> Read<Vec<(usize, i64)>> {
        self.list(name, "a list of whole numbers", |item| {
            let digits = item.as_integer()?;
            i64::from_str_radix(digits.as_str(), digits.radix()).ok()
        })
    }

    /// The names and values of a sub-table of numbers, with where each is.
    pub fn coins(&self, name: &str) -> Read<Vec<(usize, &'a str, f64)>> {
        let Some(value) = self.find(name) else { return Ok(Vec::new()) };
        let source = self.holder(name).map_or(self.source, |(holder, _)| holder.source);
        let table = value.get_ref().as_table();
        let table = table.ok_or_else(|| self.mistyped(name, value, "a table"))?;
        let pairs = table.iter().map(|(key, value)| {
            let inside =
                number(value.get_ref()).filter(|number| (0.0..=COINS_MAX).contains(number));
            let coins = inside.ok_or_else(|| {
                let message = format!(
                    "`{name}.{}` in {} must be a number between 0 and {COINS_MAX}",
                    key.get_ref(),
                    self.title
                );
                source.wrong(value.span().start, message)
            })?;
            Ok((key.span().start, key.get_ref().as_ref(), coins))
        });
        pairs.collect()
    }

    /// Basis points as a rate.
    pub fn rate_bp(&self, name: &str) -> Read<Rate> {
        self.number(name).map(|bp| Rate::from_raw((bp * 1e8).round() as i64))
    }

    /// Percent as a rate.
    pub fn rate_pct(&self, name: &str) -> Read<Rate> {
        self.number(name).map(|percent| Rate::from_raw((percent * 1e10).round() as i64))
    }

    /// Percent a year as a rate for 8 h.
    pub fn rate_8h_of_year(&self, name: &str) -> Read<Rate> {
        self.number(name).map(|percent| Rate::from_raw((percent * 1e10 / 1_095.0).round() as i64))
    }

    /// A plain number as a rate.
    pub fn rate(&self, name: &str) -> Read<Rate> {
        self.number(name).map(|ratio| Rate::from_raw((ratio * 1e12).round() as i64))
    }

    /// A price.
    pub fn price(&self, name: &str) -> Read<Price> {
        self.number(name).map(|price| Price::from_raw((price * 1e8).round() as i64))
    }

    /// A quantity.
    pub fn qty(&self, name: &str) -> Read<Qty> {
        self.number(name).map(coins_as_qty)
    }

    /// An amount of quote currency.
    pub fn amount(&self, name: &str) -> Read<Amount> {
        self.number(name).map(|amount| Amount::from_raw((amount * 1e8).round() as i128))
    }

    /// A span; `unit` is what the key's name ends in.
    pub fn span(&self, name: &str, unit: Span) -> Read<Span> {
        self.number(name)
            .map(|count| Span::from_nanos((count * unit.nanos() as f64).round() as u64))
    }

    fn list<T>(
        &self,
        name: &str,
        wanted: &str,
        take: impl Fn(&'a DeValue<'a>) -> Option<T>,
    ) -> Read<Vec<(usize, T)>> {
        let Some(value) = self.find(name) else { return Ok(Vec::new()) };
        let array = value.get_ref().as_array();
        let array = array.ok_or_else(|| self.mistyped(name, value, wanted))?;
        let items = array.iter().map(|item| {
            let taken = take(item.get_ref()).ok_or_else(|| self.mistyped(name, item, wanted))?;
            Ok((item.span().start, taken))
        });
        items.collect()
    }

    fn find(&self, name: &str) -> Option<Value<'a>> {
        self.holder(name).map(|(_, value)| value)
    }

    /// The section that holds the value which counts.
    fn holder(&self, name: &str) -> Option<(&Section<'a>, Value<'a>)> {
        let over = self.over.and_then(|over| over.holder(name));
        let own = || find_in(self.table, name).map(|value| (self, value));
        over.or_else(own).or_else(|| self.above.and_then(|above| above.holder(name)))
    }

    fn key(&self, name: &str) -> &'static Key {
        let keys = self.keys.iter().flat_map(|keys| keys.iter());
        keys.into_iter().find(|key| key.name == name).expect("a key that is read is in its table")
    }

    /// The refusal of a missing key.
    pub fn missing(&self, name: &str) -> ScenarioError {
        self.source.wrong(self.at, format!("missing key `{name}` in {}", self.title))
    }

    /// The title of the section that the value stands in.
    pub fn owner(&self, name: &str) -> &str {
        self.holder(name).map_or(&self.title, |(holder, _)| &holder.title)
    }

    fn mistyped(&self, name: &str, value: Value<'_>, wanted: &str) -> ScenarioError {
        let message = format!(
            "`{name}` in {} must be {wanted}, not {}",
            self.owner(name),
            kind(value.get_ref())
        );
        let source = self.holder(name).map_or(self.source, |(holder, _)| holder.source);
        source.wrong(value.span().start, message)
    }

    fn outside<T: std::fmt::Display>(
        &self,
        name: &str,
        value: impl std::fmt::Display,
        (least, most): (T, T),
    ) -> ScenarioError {
        let title = self.owner(name);
        let message = format!(
            "`{name}` = {value} in {title} is out of range; it must be between {least} and {most}"
        );
        self.wrong(name, message)
    }
}

/// A count of coins as a quantity.
pub(crate) fn coins_as_qty(coins: f64) -> Qty {
    Qty::from_raw((coins * 1e8).round() as i64)
}

const COINS_MAX: f64 = 2e7;
const DURATION: &str = "a time with its unit, as \"5ms\", \"1.5s\" or \"2h\"";
const INSTANT: &str = "a time in UTC, as 2025-10-01T00:00:00Z, or a date";

fn find_in<'a>(table: &'a DeTable<'a>, name: &str) -> Option<Value<'a>> {
    table.iter().find(|(key, _)| key.get_ref() == name).map(|(_, value)| value)
}

fn number(value: &DeValue<'_>) -> Option<f64> {
    let whole = || {
        let digits = value.as_integer()?;
        i128::from_str_radix(digits.as_str(), digits.radix()).ok().map(|whole| whole as f64)
    };
    let fraction = || value.as_float().and_then(|digits| digits.as_str().parse().ok());
    whole().or_else(fraction)
}

fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "text",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a fraction",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a time",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

/// Nanoseconds since the epoch; `None` for what is not in UTC or before 1970.
fn instant(written: &Datetime) -> Option<Time> {
    let date = written.date?;
    let seconds = match (written.time, written.offset) {
        (None, None) => 0,
        (Some(time), Some(Offset::Z | Offset::Custom { minutes: 0 })) => {
            let second = u64::from(time.second.unwrap_or(0));
            (u64::from(time.hour) * 60 + u64::from(time.minute)) * 60 + second
        }
        _ => return None,
    };
    let days = days_since_epoch(date.year.into(), date.month.into(), date.day.into())?;
    let nanos = written.time.and_then(|time| time.nanosecond).unwrap_or(0);
    let whole = Span::DAY.nanos().checked_mul(days)?;
    let rest = Span::from_secs(seconds).nanos() + u64::from(nanos);
    whole.checked_add(rest).map(Time::from_nanos)
}

/// Days from 1970-01-01; years are counted from 1 March, so that the leap day comes last.
fn days_since_epoch(year: u64, month: u64, day: u64) -> Option<u64> {
    let (year, month) =
        if month > 2 { (year, month - 3) } else { (year.checked_sub(1)?, month + 9) };
    let day_of_year = (153 * month + 2) / 5 + day - 1;
    (year * 365 + year / 4 - year / 100 + year / 400 + day_of_year).checked_sub(719_468)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_those_that_money_prints() {
        let table = [
            ("1970-01-01", "1970-01-01 00:00:00.000"),
            ("2000-02-29T12:34:56.789Z", "2000-02-29 12:34:56.789"),
            ("2025-10-10T21:15:00+00:00", "2025-10-10 21:15:00.000"),
            ("2026-03-01", "2026-03-01 00:00:00.000"),
        ];
        for (written, printed) in table {
            let time = written.parse().ok().and_then(|written| instant(&written));
            assert_eq!(time.map(|time| time.to_string()).as_deref(), Some(printed));
        }
        for refused in
            ["2025-10-10T21:15:00", "2025-10-10T21:15:00+02:00", "1969-12-31", "21:15:00"]
        {
            assert_eq!(refused.parse().ok().and_then(|written| instant(&written)), None);
        }
    }
}
