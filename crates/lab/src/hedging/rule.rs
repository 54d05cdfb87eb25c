//! Hedging rules as text: `none`, a time (`5m`, `4h`, `1d`), `band:DELTA`, `ww:AVERSION`,
//! `zak:AVERSION`.

use desk::gamma::HedgeRule;
use money::Span;

use super::Refusal;

/// A rule as it is given to the command.
pub fn rule_text(rule: HedgeRule) -> String {
    match rule {
        HedgeRule::None => "none".to_owned(),
        HedgeRule::Interval(span) => feed::interval_text(span),
        HedgeRule::Band { delta } => format!("band:{delta}"),
        HedgeRule::WhalleyWilmott { risk_aversion } => format!("ww:{risk_aversion}"),
        HedgeRule::Zakamouline { risk_aversion } => format!("zak:{risk_aversion}"),
    }
}

/// The rule that a text names.
pub fn rule_of(text: &str) -> Result<HedgeRule, Refusal> {
    let wrong = || Refusal::NoRule(text.to_owned());
    let number = |value: &str| {
        let value: f64 = value.parse().map_err(|_| wrong())?;
        if value.is_finite() && value > 0.0 { Ok(value) } else { Err(wrong()) }
    };
    match text.split_once(':') {
        None if text == "none" => Ok(HedgeRule::None),
        None => span_of(text).map(HedgeRule::Interval).ok_or_else(wrong),
        Some(("band", delta)) => Ok(HedgeRule::Band { delta: number(delta)? }),
        Some(("ww", aversion)) => {
            Ok(HedgeRule::WhalleyWilmott { risk_aversion: number(aversion)? })
        }
        Some(("zak", aversion)) => Ok(HedgeRule::Zakamouline { risk_aversion: number(aversion)? }),
        Some(_) => Err(wrong()),
    }
}

/// A span such as `5m`, `4h` or `1d`.
fn span_of(text: &str) -> Option<Span> {
    let (count, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let unit = match unit {
        "m" => Span::MINUTE,
        "h" => Span::HOUR,
        "d" => Span::DAY,
        _ => return None,
    };
    let count: u64 = count.parse().ok()?;
    (1..=10_000).contains(&count).then(|| unit.times(count))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn rules_read_as_they_print() {
        for text in ["none", "5m", "4h", "1d", "band:0.05", "ww:0.001", "zak:0.0005"] {
            assert_eq!(rule_text(rule_of(text).unwrap()), text);
        }
        for text in
            ["", "4", "0h", "-1h", "band", "band:", "band:-1", "ww:nan", "ww:inf", "x:1", "4µ"]
        {
            assert!(rule_of(text).is_err(), "{text}");
        }
    }
}
