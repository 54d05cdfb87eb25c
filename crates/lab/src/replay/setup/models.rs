//! The models of a back-test: time on the road, the queue, outages.
//!
//! A delay is written `5ms`, `5ms + exp 2ms` (an exponential with that mean on top), `5ms +
//! lognormal 2ms 0.5` (median and deviation of the logarithm), `recorded` (as the data have it),
//! `recorded * 1.5 + 2ms`. A queue is `risk-averse`, `pro-rata`, `log`, `log-total`, `power:3`,
//! `power-total:3` or `power-front:3`.

use money::{Span, Time};

use crate::replay::exchange::{ExchangeParams, Fills};
use crate::replay::impact::{Decay, Impact, Model, Scale};
use crate::replay::latency::{self, Delay, FeedOutage, Jitter, OrderOutage, Recorded, Sampled};
use crate::replay::queue::{QueueModel, Weight};
use crate::scenario::error::ScenarioError;
use crate::scenario::section::Section;
use crate::scenario::span;

type Read<T> = Result<T, ScenarioError>;

/// The delays of one venue.
#[derive(Clone, Debug, PartialEq)]
pub struct Latency {
    /// Exchange to strategy: market data; none: as recorded, or as an order where nothing is.
    pub feed: Option<Delay>,
    /// Strategy to exchange.
    pub order: Delay,
    /// Exchange to strategy: answers.
    pub answer: Delay,
}

/// A time at which an exchange or the way to it fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outage {
    /// Index of the market; none for all.
    pub market: Option<usize>,
    /// When, and what it does.
    pub outage: latency::Outage,
}

impl Latency {
    pub(super) fn read(section: &Section<'_>) -> Read<Latency> {
        let feed = match section.text_if("feed")? {
            Some(text) => Some(delay(section, "feed", text)?),
            None => None,
        };
        let loss = section.number("loss_pct")? / 100.0;
        let resend = section.duration("resend")?;
        let road = |name: &str| match delay(section, name, section.text(name)?)? {
            Delay::Recorded(_) | Delay::Measured(_) => {
                let owner = section.owner(name);
                let message =
                    format!("`{name}` in {owner}: data record no delay of orders; give one");
                Err(section.wrong(name, message))
            }
            Delay::Constant(base) if loss > 0.0 => {
                let jitter = Jitter::Exponential(Span::ZERO);
                Ok(Delay::Sampled(Sampled { base, jitter, loss, resend }))
            }
            Delay::Sampled(sampled) => Ok(Delay::Sampled(Sampled { loss, resend, ..sampled })),
            Delay::Constant(base) => Ok(Delay::Constant(base)),
        };
        Ok(Latency { feed, order: road("order")?, answer: road("answer")? })
    }

    /// In words.
    pub(super) fn text(&self) -> String {
        let feed = self.feed.as_ref().map_or("as recorded, or as an order".into(), text);
        format!("feed {feed}; order {}; answer {}", text(&self.order), text(&self.answer))
    }
}

/// A delay in words.
fn text(delay: &Delay) -> String {
    match delay {
        Delay::Constant(span) => span::text(*span),
        Delay::Recorded(Recorded { factor, shift, .. }) => {
            let times = if *factor == 1.0 { String::new() } else { format!(" * {factor}") };
            let more = shift.unsigned_abs() as f64 * factor;
            let more = Span::from_nanos((more / 1e3).round() as u64 * 1_000);
            let plus = if *shift == 0 { String::new() } else { format!(" + {}", span::text(more)) };
            format!("recorded{times}{plus}")
        }
        Delay::Measured(_) => "as own orders were timed".into(),
        Delay::Sampled(Sampled { base, jitter, loss, resend }) => {
            let jitter = match jitter {
                Jitter::Exponential(Span::ZERO) => String::new(),
                Jitter::Exponential(mean) => format!(" + exp {}", span::text(*mean)),
                Jitter::Lognormal { median, sigma } => {
                    format!(" + lognormal {} {sigma}", span::text(*median))
                }
            };
            let loss = match loss {
                0.0 => String::new(),
                loss => format!(" ({} % lost, resent after {})", loss * 100.0, span::text(*resend)),
            };
            format!("{}{jitter}{loss}", span::text(*base))
        }
    }
}

fn delay(section: &Section<'_>, name: &str, text: &str) -> Read<Delay> {
    let spaced = text.replace('+', " + ").replace('*', " * ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    parse_delay(&words).filter(|delay| longest(delay) <= Span::DAY).ok_or_else(|| {
        let message = format!(
            "`{name}` = `{text}` in {} must be a delay of up to a day, as `5ms`, `5ms + exp 2ms`, \
             `5ms + lognormal 2ms 0.5`, `recorded` or `recorded * 1.5 + 2ms`",
            section.owner(name)
        );
        section.wrong(name, message)
    })
}

/// The longest span that is written in a delay.
fn longest(delay: &Delay) -> Span {
    match delay {
        Delay::Constant(span) => *span,
        Delay::Recorded(recorded) => Span::from_nanos(recorded.shift.unsigned_abs()),
        Delay::Measured(_) => Span::ZERO,
        Delay::Sampled(sampled) => sampled.base.plus(match sampled.jitter {
            Jitter::Exponential(mean) => mean,
            Jitter::Lognormal { median, .. } => median,
        }),
    }
}

fn parse_delay(words: &[&str]) -> Option<Delay> {
    let ratio =
        |text: &str| text.parse().ok().filter(|ratio: &f64| (0.0..=1_000.0).contains(ratio));
    let sampled = |base: &str, jitter| {
        let base = span::parse(base)?;
        Some(Delay::Sampled(Sampled { base, jitter, loss: 0.0, resend: Span::ZERO }))
    };
    match *words {
        ["recorded"] => recorded(1.0, Span::ZERO),
        ["recorded", "+", more] => recorded(1.0, span::parse(more)?),
        ["recorded", "*", factor] => recorded(ratio(factor)?, Span::ZERO),
        ["recorded", "*", factor, "+", more] => recorded(ratio(factor)?, span::parse(more)?),
        [base] => Some(Delay::Constant(span::parse(base)?)),
        [base, "+", "exp", mean] => sampled(base, Jitter::Exponential(span::parse(mean)?)),
        [base, "+", "lognormal", median, sigma] => {
            let (median, sigma) = (span::parse(median)?, ratio(sigma)?);
            sampled(base, Jitter::Lognormal { median, sigma })
        }
        _ => None,
    }
}

/// The recorded delay times a factor, and then more: the model adds before it multiplies.
fn recorded(factor: f64, more: Span) -> Option<Delay> {
    if factor == 0.0 {
        return Some(Delay::Constant(more));
    }
    let shift = (more.nanos() as f64 / factor).round();
    let shift = (shift < i64::MAX as f64).then_some(shift as i64)?;
    Some(Delay::Recorded(Recorded { shift, factor, floor: Span::ZERO }))
}

/// How own orders meet a market with lots of this size; the size counts in logarithms only.
pub(super) fn exchange(section: &Section<'_>) -> Read<ExchangeParams> {
    let text = section.text("queue")?;
    let queue = parse_queue(text).ok_or_else(|| {
        let message = format!(
            "`queue` = `{text}` in {} must be risk-averse, pro-rata, log, log-total, power:N, \
             power-total:N or power-front:N with N above 0 and up to 100",
            section.title
        );
        section.wrong("queue", message)
    })?;
    let partial = section.choice("fill")? == "partial";
    let fills = if partial { Fills::Partial } else { Fills::Whole };
    Ok(ExchangeParams { fills, queue, consume: section.flag("consume")? })
}

/// The same for lots of this size, in coins.
pub(super) fn with_lot(params: &ExchangeParams, lot: f64) -> ExchangeParams {
    let queue = match params.queue {
        QueueModel::Probability(Weight::LogShare { .. }) => {
            QueueModel::Probability(Weight::LogShare { lot })
        }
        QueueModel::Probability(Weight::LogTotal { .. }) => {
            QueueModel::Probability(Weight::LogTotal { lot })
        }
        other @ (QueueModel::RiskAverse | QueueModel::ProRata | QueueModel::Probability(_)) => {
            other
        }
    };
    ExchangeParams { queue, ..*params }
}

/// In words.
pub(super) fn exchange_text(params: &ExchangeParams) -> String {
    let fill = match params.fills {
        Fills::Partial => "partial",
        Fills::Whole => "whole",
    };
    let consume = if params.consume { "" } else { ", takers leave no trace" };
    let queue = match params.queue {
        QueueModel::RiskAverse => "risk-averse".to_owned(),
        QueueModel::ProRata => "pro-rata".into(),
        QueueModel::Probability(Weight::LogShare { .. }) => "log".into(),
        QueueModel::Probability(Weight::LogTotal { .. }) => "log-total".into(),
        QueueModel::Probability(Weight::PowerShare { n }) => format!("power:{n}"),
        QueueModel::Probability(Weight::PowerTotal { n }) => format!("power-total:{n}"),
        QueueModel::Probability(Weight::PowerFront { n }) => format!("power-front:{n}"),
    };
    format!("{fill} fills{consume}; queue {queue}")
}

fn parse_queue(text: &str) -> Option<QueueModel> {
    let (name, n) = match text.split_once(':') {
        Some((name, n)) => {
            let n = n.parse().ok().filter(|n: &f64| *n > 0.0 && *n <= 100.0)?;
            (name, Some(n))
        }
        None => (text, None),
    };
    let weight = match (name, n) {
        ("risk-averse", None) => return Some(QueueModel::RiskAverse),
        ("pro-rata", None) => return Some(QueueModel::ProRata),
        ("log", None) => Weight::LogShare { lot: 1.0 },
        ("log-total", None) => Weight::LogTotal { lot: 1.0 },
        ("power", Some(n)) => Weight::PowerShare { n },
        ("power-total", Some(n)) => Weight::PowerTotal { n },
        ("power-front", Some(n)) => Weight::PowerFront { n },
        _ => return None,
    };
    Some(QueueModel::Probability(weight))
}

/// How own trades move a market; `None` where they do not.
pub(super) fn impact(section: &Section<'_>) -> Read<Option<(Model, Scale)>> {
    let decay = section.duration("decay")?;
    let slope = section.number("slope_bp_per_musd")? / 1e10;
    let wears_off = match section.number_if("exponent")? {
        Some(exponent) => Decay::Power { onset: decay, exponent },
        None => Decay::Exponential(decay),
    };
    let (factor, power) = (section.number("factor")?, section.number("power")?);
    let scale = Scale {
        volatility: section.number("volatility_pct_day")? / 100.0,
        volume: section.number("market_usd_day")?,
        window: section.duration_if("window")?,
    };
    let model = match section.choice("model")? {
        "linear" => Model::Linear { slope, decay },
        "root" => Model::Root { factor, power, decay: wears_off },
        _ => return Ok(None),
    };
    match Impact::new(model, scale) {
        Ok(_) => Ok(Some((model, scale))),
        Err(fault) => Err(section.wrong("exponent", format!("{}: {fault}", section.title))),
    }
}

/// In words.
pub(super) fn impact_text(impact: Option<&(Model, Scale)>) -> String {
    match impact.map(|(model, _)| model) {
        None | Some(Model::None) => "none".into(),
        Some(Model::Linear { slope, decay }) => {
            format!("linear, {} bp for a million, {}", slope * 1e10, span::text(*decay))
        }
        Some(Model::Root { factor, power, decay }) => {
            let decay = match decay {
                Decay::Exponential(time) => span::text(*time),
                Decay::Power { onset, exponent } => {
                    format!("power {exponent} after {}", span::text(*onset))
                }
            };
            format!("{factor} σ of the volume to the power {power}, {decay}")
        }
    }
}

/// One `[[outage]]`.
pub(super) fn outage(section: &Section<'_>, market: Option<usize>) -> Read<Outage> {
    let (from, to): (Time, Time) = (section.instant("from")?, section.instant("to")?);
    if from >= to {
        return Err(section.wrong("to", "`to` in [[outage]] must be after `from`"));
    }
    let feed = match section.choice("feed")? {
        "none" => FeedOutage::None,
        "late" => FeedOutage::Late,
        _ => FeedOutage::Lost,
    };
    let orders = match section.choice("orders")? {
        "none" => OrderOutage::None,
        "held" => OrderOutage::Held,
        _ => OrderOutage::Refused,
    };
    Ok(Outage { market, outage: latency::Outage { from, to, feed, orders } })
}
