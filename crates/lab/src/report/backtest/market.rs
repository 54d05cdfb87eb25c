//! One market of a replay: its price with own fills on it, and what was held.

use super::millis;
use crate::replay::measure::markout::{at_fill_bp, notional};
use crate::replay::measure::{MarketMeasures, Measures};
use crate::replay::record::{HORIZONS, Market, Record};
use crate::report::chart::{chart, colour, line, rounded, thin};
use crate::report::facts;
use crate::report::html::{escape, figure};
use crate::text::{NONE, count, duration, money, number, percent};
use money::{Price, Time};
use pricing::convert::{amount_f64, price_f64, qty_f64};
use protocol::ids::Side;
use serde_json::{Value, json};

/// Intervals of time in which at most one fill of each kind is drawn.
const INTERVALS: usize = 160;

/// Fills of the close-up.
const STRETCH: usize = 60;

/// Which of [`HORIZONS`] the close-up is chosen by.
const CLOSE_HORIZON: usize = 2;

/// One market and what belongs to it.
pub struct Section<'a> {
    /// Its index.
    pub at: usize,
    /// The run.
    pub record: &'a Record,
    /// Its measures.
    pub measures: &'a Measures,
    /// Points of one line.
    pub points: usize,
}

/// A kind of fills with the look of its marks.
struct Kind {
    name: &'static str,
    side: Side,
    maker: bool,
    symbol: &'static str,
    colour: &'static str,
}

const KINDS: [Kind; 4] = [
    Kind {
        name: "buy, maker",
        side: Side::Buy,
        maker: true,
        symbol: "triangle-up-open",
        colour: BUY,
    },
    Kind {
        name: "sell, maker",
        side: Side::Sell,
        maker: true,
        symbol: "triangle-down-open",
        colour: SELL,
    },
    Kind { name: "buy, taker", side: Side::Buy, maker: false, symbol: "triangle-up", colour: BUY },
    Kind {
        name: "sell, taker",
        side: Side::Sell,
        maker: false,
        symbol: "triangle-down",
        colour: SELL,
    },
];

const BUY: &str = "#0072b2";
const SELL: &str = "#d55e00";

impl Section<'_> {
    fn market(&self) -> &Market {
        &self.record.markets[self.at]
    }

    fn measured(&self) -> &MarketMeasures {
        &self.measures.markets[self.at]
    }

    /// Chart and facts.
    pub fn html(&self, charts: &mut Vec<Value>) -> String {
        let market = self.market();
        let place = if market.venue.is_empty() { NONE } else { &market.venue };
        let id = format!("market-chart-{}", self.at);
        let (marks, caption) = self.marks();
        charts.push(self.chart(&id, marks));
        format!(
            "<h2 id=\"market-{}\">{}</h2><dl class=\"facts\">{}</dl>{}",
            self.at,
            escape(&market.name),
            facts(&[
                ("Kind", market.kind.name().to_owned()),
                ("Venue", escape(place)),
                ("Tick", market.tick.to_string()),
                ("Lot", market.lot.to_string()),
                ("Events", count(market.counts.events)),
                ("Trades of others", count(market.counts.trades)),
                ("Their notional", self.quoted(amount_f64(market.counts.volume))),
                ("Profit here", self.quoted(self.measured().profit)),
            ]),
            figure(&id, 560, "Price and own fills, position", &caption),
        ) + &self.held()
            + &self.close_up(charts)
    }

    fn quoted(&self, value: f64) -> String {
        format!("{} {}", money(value), escape(&self.record.run.quote))
    }

    fn chart(&self, id: &str, marks: Vec<Value>) -> Value {
        let samples = &self.record.samples;
        let seen = &samples.markets[self.at];
        let time: Vec<i64> = samples.time.iter().map(|time| millis(*time)).collect();
        let mids: Vec<f64> = seen.iter().map(|seen| price_or_none(seen.mid)).collect();
        let held: Vec<f64> = seen.iter().map(|seen| qty_f64(seen.position)).collect();
        let (x, y) = thin(&time, &held, self.points);
        let mut data = vec![line("mid", "#5b6470", &time, &mids, self.points)];
        data.extend(marks);
        data.push(json!({ "type": "scatter", "mode": "lines", "name": "position", "x": x,
            "y": rounded(&y), "yaxis": "y2", "fill": "tozeroy", "fillcolor": "#8c5fb030",
            "line": { "color": colour::SERIES[2], "width": 1, "shape": "hv" } }));
        let quote = escape(&self.record.run.quote);
        let layout = json!({
            "hovermode": "closest",
            "xaxis": { "type": "date", "anchor": "y2" },
            "yaxis": { "title": { "text": format!("price, {quote}") }, "domain": [0.32, 1.0],
                "tickformat": "," },
            "yaxis2": { "title": { "text": "position, base" }, "domain": [0.0, 0.25],
                "zeroline": true, "zerolinecolor": "#b9c0c8" },
        });
        chart(id, data, layout)
    }

    /// The fills as marks, and what the caption says of them.
    fn marks(&self) -> (Vec<Value>, String) {
        let fills = &self.record.fills;
        let here = |row: &usize| usize::from(fills.market[*row]) == self.at;
        let rows: Vec<usize> = (0..fills.len()).filter(here).collect();
        let mut drawn = 0;
        let mut marks = Vec::new();
        for kind in KINDS {
            let of_kind =
                |row: &&usize| fills.side[**row] == kind.side && fills.maker[**row] == kind.maker;
            let all: Vec<usize> = rows.iter().filter(of_kind).copied().collect();
            let shown = self.largest(&all);
            drawn += shown.len();
            if !shown.is_empty() {
                marks.push(self.trace(&kind, &shown, 6));
            }
        }
        let dropped = match fills.dropped {
            0 => String::new(),
            more => format!(" {} later fills of the run are counted only.", count(more)),
        };
        let all = count(rows.len() as u64);
        let caption = if drawn < rows.len() {
            format!(
                "{} of {all} fills: of each kind the largest in each of {INTERVALS} intervals.\
                 {dropped} Hover: size, fee, markout.",
                count(drawn as u64)
            )
        } else {
            format!("{all} fills, all drawn.{dropped} Hover: size, fee, markout.")
        };
        (marks, caption)
    }

    /// Of each interval of time the fill with the largest notional, if there are too many.
    fn largest(&self, rows: &[usize]) -> Vec<usize> {
        if rows.len() <= INTERVALS {
            return rows.to_vec();
        }
        let fills = &self.record.fills;
        let run = &self.record.run;
        let width = (run.end.since(run.start).nanos() / INTERVALS as u64).max(1);
        let interval = |row: usize| fills.time[row].since(run.start).nanos() / width;
        let mut kept: Vec<usize> = Vec::new();
        for &row in rows {
            match kept.last_mut() {
                Some(last) if interval(*last) == interval(row) => {
                    if notional(fills, row) > notional(fills, *last) {
                        *last = row;
                    }
                }
                Some(_) | None => kept.push(row),
            }
        }
        kept
    }

    /// The stretch of fills after which the price moved most against them, every fill drawn.
    fn close_up(&self, charts: &mut Vec<Value>) -> String {
        let fills = &self.record.fills;
        let here = |row: &usize| usize::from(fills.market[*row]) == self.at;
        let rows: Vec<usize> = (0..fills.len()).filter(here).collect();
        let Some(from) = worst_stretch(&rows, &fills.markout_bp[CLOSE_HORIZON]) else {
            return String::new();
        };
        let rows = &rows[from..from + STRETCH];
        let id = format!("close-chart-{}", self.at);
        let times = (fills.time[rows[0]], fills.time[rows[STRETCH - 1]]);
        let samples = &self.record.samples;
        let row = |time: Time| samples.time.partition_point(|sample| *sample < time);
        let near = row(times.0).saturating_sub(3)..(row(times.1) + 3).min(samples.len());
        let mid = |row: usize| price_or_none(samples.markets[self.at][row].mid);
        let mut points: Vec<(Time, f64)> = near.map(|row| (samples.time[row], mid(row))).collect();
        points.extend(rows.iter().map(|row| (fills.time[*row], price_or_none(fills.mid[*row]))));
        points.sort_by_key(|(time, _)| *time);
        let (x, y): (Vec<i64>, Vec<f64>) =
            points.iter().map(|(time, mid)| (millis(*time), *mid)).unzip();
        let mut data = vec![line("mid", "#5b6470", &x, &y, self.points)];
        for kind in KINDS {
            let of_kind =
                |row: &usize| fills.side[*row] == kind.side && fills.maker[*row] == kind.maker;
            let shown: Vec<usize> = rows.iter().copied().filter(of_kind).collect();
            if !shown.is_empty() {
                data.push(self.trace(&kind, &shown, 9));
            }
        }
        let title = format!("price, {}", escape(&self.record.run.quote));
        let layout = json!({ "hovermode": "closest", "xaxis": { "type": "date" },
            "yaxis": { "title": { "text": title }, "tickformat": "," } });
        charts.push(chart(&id, data, layout));
        let lost: f64 = rows
            .iter()
            .map(|row| f64::from(fills.markout_bp[CLOSE_HORIZON][*row]))
            .filter(|markout| markout.is_finite())
            .sum();
        let caption = format!(
            "The {STRETCH} fills in a row with the lowest markout after {} s, {} bp on average. \
             Mid: at samples and just before each fill.",
            HORIZONS[CLOSE_HORIZON].nanos() as f64 / 1e9,
            number(lost / STRETCH as f64, 2)
        );
        figure(&id, 340, "Close-up: the most toxic stretch", &caption)
    }

    fn trace(&self, kind: &Kind, rows: &[usize], size: u32) -> Value {
        let fills = &self.record.fills;
        let x: Vec<i64> = rows.iter().map(|row| millis(fills.time[*row])).collect();
        let y: Vec<f64> = rows.iter().map(|row| price_f64(fills.price[*row])).collect();
        let text: Vec<String> = rows.iter().map(|row| self.hover(kind, *row)).collect();
        json!({ "type": "scatter", "mode": "markers", "name": kind.name, "x": x, "y": y,
            "text": text, "hovertemplate": "%{text}<extra></extra>",
            "marker": { "symbol": kind.symbol, "color": kind.colour, "size": size,
                "line": { "width": 1.2, "color": kind.colour } } })
    }

    fn hover(&self, kind: &Kind, row: usize) -> String {
        let fills = &self.record.fills;
        let markout = |at: usize| {
            let seconds = HORIZONS[at].nanos() as f64 / 1e9;
            let value = number(f64::from(fills.markout_bp[at][row]), 1);
            format!("{value} bp after {seconds} s")
        };
        format!(
            "{}: {} at {}<br>{} UTC<br>fee {}<br>{} bp at fill, {}, {}",
            kind.name,
            fills.qty[row],
            fills.price[row],
            fills.time[row],
            self.quoted(amount_f64(fills.fee[row])),
            number(at_fill_bp(fills, row), 1),
            markout(1),
            markout(3),
        )
    }

    fn held(&self) -> String {
        let held = &self.measured().inventory;
        let base = |value: Option<f64>| value.map_or(NONE.to_owned(), |value| number(value, 4));
        let quote = |value: Option<f64>| value.map_or(NONE.to_owned(), |v| self.quoted(v));
        let range = format!("{} … {} … {}", base(held.low), base(held.median), base(held.high));
        format!(
            "<dl class=\"facts\">{}</dl>",
            facts(&[
                ("Position 5 … 50 … 95 %, base", range),
                ("Mean |position|", quote(held.mean_quote)),
                ("Largest |position|", quote(held.max_quote)),
                ("Half-life", held.half_life_s.map_or(NONE.to_owned(), duration)),
                ("Time with a position", percent(held.in_market, 1)),
            ])
        )
    }
}

fn price_or_none(price: Price) -> f64 {
    if price.is_zero() { f64::NAN } else { price_f64(price) }
}

/// Where the [`STRETCH`] rows in a row begin whose markouts have the lowest sum; none of few rows.
fn worst_stretch(rows: &[usize], markout_bp: &[f32]) -> Option<usize> {
    let value = |row: &usize| Some(f64::from(markout_bp[*row])).filter(|v| v.is_finite());
    let values: Vec<f64> = rows.iter().map(|row| value(row).unwrap_or(0.0)).collect();
    if values.len() <= 2 * STRETCH {
        return None;
    }
    let sums = values.windows(STRETCH).map(|stretch| stretch.iter().sum::<f64>());
    sums.enumerate().min_by(|a, b| a.1.total_cmp(&b.1)).map(|(from, _)| from)
}
