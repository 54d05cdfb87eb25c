//! The models of a back-test: time on the road, the queue, outages.
//!
//! A delay is written `5ms`, `5ms + exp 2ms` (an exponential with that mean on top), `5ms +
//! lognormal 2ms 0.5` (median and deviation of the logarithm), `recorded` (as the data have it),
//! `recorded * 1.5 + 2ms`. A queue is `risk-averse`, `pro-rata`, `log`, `log-total`, `power:3`,
//! `power-total:3` or `power-front:3`.

use money::{Span, Time};

use crate::scenario::error::ScenarioError;
use crate::scenario::section::Section;
use crate::scenario::span;

type Read<T> = Result<T, ScenarioError>;

/// The delay of one road.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Delay {
    /// Always the same.
    Constant(Span),
    /// What the data recorded, times a factor, and more by a span.
    Recorded {
        /// The factor.
        factor: f64,
        /// What is added.
        more: Span,
    },
    /// Drawn.
    Sampled {
        /// Least time on the road.
        base: Span,
        /// What is added.
        jitter: Jitter,
    },
}

/// The random part of a delay.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Jitter {
    /// Exponential with this mean.
    Exponential(Span),
    /// Log-normal.
    Lognormal {
        /// Median.
        median: Span,
        /// Standard deviation of the logarithm.
        sigma: f64,
    },
}

/// The delays of one venue.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Latency {
    /// Exchange to strategy: market data; none: as recorded, or as an order where nothing is.
    pub feed: Option<Delay>,
    /// Strategy to exchange.
    pub order: Delay,
    /// Exchange to strategy: answers.
    pub answer: Delay,
    /// Share of messages of orders that are lost and sent again.
    pub loss: f64,
    /// Time until a lost message is sent again.
    pub resend: Span,
}

/// Where an order stands in its queue.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Queue {
    /// Only trades and an emptier level bring it forward.
    RiskAverse,
    /// What is cancelled is taken from all alike.
    ProRata,
    /// By logarithms, share of both sides.
    Log,
    /// By logarithms, of the total.
    LogTotal,
    /// By powers, share of both sides.
    Power(f64),
    /// By powers, of the total.
    PowerTotal(f64),
    /// By powers, of what is in front.
    PowerFront(f64),
}

/// How own orders meet the recorded market.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Exchange {
    /// Orders trade as much as the market shows; else always all of it.
    pub partial: bool,
    /// Where an order stands in its queue.
    pub queue: Queue,
    /// Whether what own orders took is gone until the feed shows it anew.
    pub consume: bool,
}

/// A time at which an exchange or the way to it fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outage {
    /// First instant.
    pub from: Time,
    /// When it is over.
    pub to: Time,
    /// Index of the market; none for all.
    pub market: Option<usize>,
    /// What happens to the feed: none, late or lost.
    pub feed: &'static str,
    /// What happens to orders: none, held or refused.
    pub orders: &'static str,
}

impl Latency {
    pub(super) fn read(section: &Section<'_>) -> Read<Latency> {
        let feed = match section.text_if("feed")? {
            Some(text) => Some(delay(section, "feed", text)?),
            None => None,
        };
        let road = |name: &str| match delay(section, name, section.text(name)?)? {
            Delay::Recorded { .. } => Err(section.wrong(
                name,
                format!(
                    "`{name}` in {}: data record no delay of orders; give one",
                    section.owner(name)
                ),
            )),
            other @ (Delay::Constant(_) | Delay::Sampled { .. }) => Ok(other),
        };
        Ok(Latency {
            feed,
            order: road("order")?,
            answer: road("answer")?,
            loss: section.number("loss_pct")? / 100.0,
            resend: section.duration("resend")?,
        })
    }

    /// In words.
    pub(super) fn text(&self) -> String {
        let feed = match &self.feed {
            Some(feed) => feed.text(),
            None => "as recorded, or as an order".into(),
        };
        let (order, answer) = (self.order.text(), self.answer.text());
        let loss = match self.loss {
            0.0 => String::new(),
            loss => format!(", {} % lost, resent after {}", loss * 100.0, span::text(self.resend)),
        };
        format!("feed {feed}; order {order}; answer {answer}{loss}")
    }
}

impl Delay {
    fn text(&self) -> String {
        match *self {
            Delay::Constant(span) => span::text(span),
            Delay::Recorded { factor, more } => {
                let factor = if factor == 1.0 { String::new() } else { format!(" * {factor}") };
                let more = if more == Span::ZERO {
                    String::new()
                } else {
                    format!(" + {}", span::text(more))
                };
                format!("recorded{factor}{more}")
            }
            Delay::Sampled { base, jitter } => {
                let jitter = match jitter {
                    Jitter::Exponential(mean) => format!("exp {}", span::text(mean)),
                    Jitter::Lognormal { median, sigma } => {
                        format!("lognormal {} {sigma}", span::text(median))
                    }
                };
                format!("{} + {jitter}", span::text(base))
            }
        }
    }
}

fn delay(section: &Section<'_>, name: &str, text: &str) -> Read<Delay> {
    let spaced = text.replace('+', " + ").replace('*', " * ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    parse_delay(&words).filter(|delay| delay.longest() <= Span::DAY).ok_or_else(|| {
        let message = format!(
            "`{name}` = `{text}` in {} must be a delay of up to a day, as `5ms`, `5ms + exp 2ms`, \
             `5ms + lognormal 2ms 0.5`, `recorded` or `recorded * 1.5 + 2ms`",
            section.owner(name)
        );
        section.wrong(name, message)
    })
}

impl Delay {
    fn longest(&self) -> Span {
        match *self {
            Delay::Constant(span) => span,
            Delay::Recorded { more, .. } => more,
            Delay::Sampled { base, jitter } => match jitter {
                Jitter::Exponential(mean) => base.plus(mean),
                Jitter::Lognormal { median, .. } => base.plus(median),
            },
        }
    }
}

fn parse_delay(words: &[&str]) -> Option<Delay> {
    let ratio =
        |text: &str| text.parse().ok().filter(|ratio: &f64| (0.0..=1_000.0).contains(ratio));
    Some(match *words {
        ["recorded"] => Delay::Recorded { factor: 1.0, more: Span::ZERO },
        ["recorded", "+", more] => Delay::Recorded { factor: 1.0, more: span::parse(more)? },
        ["recorded", "*", factor] => Delay::Recorded { factor: ratio(factor)?, more: Span::ZERO },
        ["recorded", "*", factor, "+", more] => {
            Delay::Recorded { factor: ratio(factor)?, more: span::parse(more)? }
        }
        [base] => Delay::Constant(span::parse(base)?),
        [base, "+", "exp", mean] => {
            let jitter = Jitter::Exponential(span::parse(mean)?);
            Delay::Sampled { base: span::parse(base)?, jitter }
        }
        [base, "+", "lognormal", median, sigma] => {
            let jitter = Jitter::Lognormal { median: span::parse(median)?, sigma: ratio(sigma)? };
            Delay::Sampled { base: span::parse(base)?, jitter }
        }
        _ => return None,
    })
}

impl Exchange {
    pub(super) fn read(section: &Section<'_>) -> Read<Exchange> {
        let text = section.text("queue")?;
        let queue = parse_queue(text).ok_or_else(|| {
            let message = format!(
                "`queue` = `{text}` in {} must be risk-averse, pro-rata, log, log-total, power:N, \
                 power-total:N or power-front:N with N above 0 and up to 100",
                section.title
            );
            section.wrong("queue", message)
        })?;
        Ok(Exchange {
            partial: section.choice("fill")? == "partial",
            queue,
            consume: section.flag("consume")?,
        })
    }

    /// In words.
    pub(super) fn text(&self) -> String {
        let fill = if self.partial { "partial" } else { "whole" };
        let consume = if self.consume { "" } else { ", takers leave no trace" };
        format!("{fill} fills{consume}; queue {}", self.queue.text())
    }
}

impl Queue {
    fn text(self) -> String {
        match self {
            Queue::RiskAverse => "risk-averse".into(),
            Queue::ProRata => "pro-rata".into(),
            Queue::Log => "log".into(),
            Queue::LogTotal => "log-total".into(),
            Queue::Power(n) => format!("power:{n}"),
            Queue::PowerTotal(n) => format!("power-total:{n}"),
            Queue::PowerFront(n) => format!("power-front:{n}"),
        }
    }
}

fn parse_queue(text: &str) -> Option<Queue> {
    let (name, n) = match text.split_once(':') {
        Some((name, n)) => {
            let n = n.parse().ok().filter(|n: &f64| *n > 0.0 && *n <= 100.0)?;
            (name, Some(n))
        }
        None => (text, None),
    };
    Some(match (name, n) {
        ("risk-averse", None) => Queue::RiskAverse,
        ("pro-rata", None) => Queue::ProRata,
        ("log", None) => Queue::Log,
        ("log-total", None) => Queue::LogTotal,
        ("power", Some(n)) => Queue::Power(n),
        ("power-total", Some(n)) => Queue::PowerTotal(n),
        ("power-front", Some(n)) => Queue::PowerFront(n),
        _ => return None,
    })
}
