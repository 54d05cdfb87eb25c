//! One market of a run: key numbers, prices, basis, funding, liquidity, episodes.
//!
//! The long view of the basis is cut at the 0.1 % and 99.9 % quantiles so that it can be read; the
//! close-up of the largest hourly move of spot is never cut.

use super::chart::{self, chart, colour, level, line, path, with};
use super::html::{card, escape, figure, table};
use crate::metrics::{Distribution, Episode, MarketMetrics, SeriesMetrics, basis_bp};
use crate::record::{MarketRecord, Samples};
use crate::text::{self, count, duration, fair, minute, number, usd};
use serde_json::{Value, json};
use std::ops::Range;

const HOUR_MS: i64 = 3_600_000;
/// Episodes shown in a table, longest first.
const EPISODES: usize = 8;

/// What one market's section needs.
pub struct Section<'a> {
    /// Place of the market in the record.
    pub at: usize,
    /// The market.
    pub market: &'a MarketRecord,
    /// Its metrics.
    pub metrics: &'a MarketMetrics,
    /// Most points of one line.
    pub points: usize,
}

impl Section<'_> {
    /// The section's markup; its charts are appended to `charts`.
    pub fn html(&self, charts: &mut Vec<Value>) -> String {
        let market = self.market;
        let recorded = match self.metrics.recorded {
            Some(_) => format!(
                " The recorded exchange is held against its own: {}.",
                fair(market.recorded_fair_bp)
            ),
            None => String::new(),
        };
        let mut html = format!(
            "<h2 id=\"market-{}\">{}</h2><p>Funding rule <b>{}</b>, carry {} bp for 8 h. \
             Fair basis of this rule: <b>{}</b>.{recorded}</p>",
            self.at,
            escape(&market.name),
            escape(&market.rule),
            number(market.carry_8h_bp, 3),
            fair(market.fair_bp),
        );
        html.push_str(&self.cards());
        html.push_str(&self.basis(charts));
        html.push_str(&self.close_up(charts));
        html.push_str(&self.distribution(charts));
        html.push_str(&self.episodes());
        html.push_str(&self.funding(charts));
        html.push_str(&self.prices(charts));
        html.push_str(&self.liquidity(charts));
        html
    }

    fn cards(&self) -> String {
        let simulated = &self.metrics.simulated;
        let recorded = |of: fn(&SeriesMetrics) -> f64| match &self.metrics.recorded {
            Some(series) => format!("recorded exchange {} bp", number(of(series), 2)),
            None => "no recorded exchange".to_owned(),
        };
        let half = |s| simulated.half_life_s(s).map_or("not defined".to_owned(), duration);
        let recovery = &simulated.recovery;
        let funding = &self.metrics.funding_8h_bp;
        let cards = [
            card(
                "Deviation from fair basis, mean |·|",
                &number(simulated.deviation_bp.mean_abs, 2),
                "bp",
                &recorded(|s| s.deviation_bp.mean_abs),
            ),
            card(
                "Deviation, 99.9 % of the time within",
                &number(simulated.deviation_bp.absolute_quantile(0.999), 2),
                "bp",
                &recorded(|s| s.deviation_bp.absolute_quantile(0.999)),
            ),
            card(
                "Basis, mean",
                &number(simulated.basis_bp.mean, 2),
                "bp",
                &format!("fair {}; {}", fair(self.market.fair_bp), recorded(|s| s.basis_bp.mean)),
            ),
            card(
                "Half-life of the basis at 5 min",
                &half(300),
                "",
                &format!("at 1 min {}; at 1 h {}", half(60), half(3600)),
            ),
            card(
                "Longest return to the band",
                &if recovery.count == 0 { "none".to_owned() } else { duration(recovery.longest_s) },
                "",
                &format!(
                    "episodes beyond ±{} bp: {}; outside {} min",
                    number(recovery.band_bp, 0),
                    count(recovery.count),
                    number(recovery.outside_min, 0)
                ),
            ),
            card(
                "Funding, mean for 8 h",
                &number(funding.mean, 3),
                "bp",
                &format!(
                    "{} % a year; sd {} bp",
                    number(funding.mean * 10.95, 2),
                    number(funding.sd, 3)
                ),
            ),
        ];
        format!("<div class=\"cards\">{}</div>", cards.concat())
    }

    fn id(&self, name: &str) -> String {
        format!("m{}-{name}", self.at)
    }

    /// Basis of a price column over the rows, without the rows that have none if `dense`.
    fn basis_of(&self, prices: &[f64], rows: Range<usize>, dense: bool) -> (Vec<i64>, Vec<f64>) {
        let samples = &self.market.samples;
        rows.map(|row| (samples.time_ms[row], basis_bp(prices[row], samples.spot[row])))
            .filter(|(_, basis)| !dense || basis.is_finite())
            .unzip()
    }

    fn basis_lines(&self, rows: Range<usize>, recorded: bool) -> Vec<Value> {
        let samples = &self.market.samples;
        let mut lines = Vec::new();
        if recorded && self.metrics.recorded.is_some() {
            let (x, y) = self.basis_of(&samples.recorded_perp, rows.clone(), true);
            lines.extend(path("recorded exchange", colour::RECORDED, &x, &y, self.points));
        }
        let (x, y) = self.basis_of(&samples.mid, rows, false);
        lines.extend(path("simulated", colour::SIMULATED, &x, &y, self.points));
        lines
    }

    /// The fair basis and the edges of the band around it.
    fn band(&self, axis: &str) -> Vec<Value> {
        let (low, high) = self.market.fair_bp.unwrap_or((0.0, 0.0));
        let band = self.metrics.simulated.recovery.band_bp;
        vec![
            chart::band(low, high, axis, colour::FAIR),
            level(low - band, axis, colour::FAIR, "dot"),
            level(high + band, axis, colour::FAIR, "dot"),
        ]
    }

    /// Range that holds all but 0.2 % of the simulated and the recorded basis and the fair basis.
    fn basis_range(&self) -> (f64, f64) {
        let (mut low, mut high) = self.market.fair_bp.unwrap_or((0.0, 0.0));
        let series = std::iter::once(&self.metrics.simulated).chain(&self.metrics.recorded);
        for basis in series.map(|s| &s.basis_bp) {
            low = low.min(basis.signed_quantile(0.001));
            high = high.max(basis.signed_quantile(0.999));
        }
        let pad = 0.12 * (high - low).max(1.0);
        (low - pad, high + pad)
    }

    fn basis(&self, charts: &mut Vec<Value>) -> String {
        let id = self.id("basis");
        let (low, high) = self.basis_range();
        let rows = 0..self.market.samples.len();
        let layout = json!({
            "xaxis": { "type": "date" },
            "yaxis": { "title": { "text": "basis, bp" }, "range": [low, high] },
            "shapes": self.band("y"),
        });
        charts.push(chart(&id, self.basis_lines(rows, true), layout));
        let caption = "Green: the rule’s fair basis, dotted ±band around it. Of a long \
                       run: mean and range of each thousandth. The axis holds 99.8 % of the \
                       values; a double click shows all.";
        figure(&id, 340, "Basis over spot", caption)
    }

    fn close_up(&self, charts: &mut Vec<Value>) -> String {
        let Some(rows) = largest_move(&self.market.samples) else { return String::new() };
        let id = self.id("move");
        let lower = |trace: Value| with(trace, json!({ "yaxis": "y2", "showlegend": false }));
        let mut traces = self.price_lines(rows.clone(), self.points / 2);
        traces.extend(self.basis_lines(rows.clone(), true).into_iter().map(lower));
        let layout = json!({
            "xaxis": { "type": "date", "anchor": "y2" },
            "yaxis": { "title": { "text": "USD" }, "domain": [0.52, 1.0] },
            "yaxis2": { "title": { "text": "basis, bp" }, "domain": [0.0, 0.46] },
            "shapes": self.band("y2"),
        });
        charts.push(chart(&id, traces, layout));
        let caption = format!(
            "Six hours around {} UTC. Above: prices. Below: basis, uncut.",
            minute(self.market.samples.time_ms[rows.start] + HOUR_MS)
        );
        figure(&id, 520, "Close-up: the largest hourly move of spot", &caption)
    }

    fn price_lines(&self, rows: Range<usize>, points: usize) -> Vec<Value> {
        let samples = &self.market.samples;
        let time = &samples.time_ms[rows.clone()];
        let mut lines = Vec::new();
        if self.metrics.recorded.is_some() {
            let closes = rows.clone().filter(|&row| samples.recorded_perp[row].is_finite());
            let (x, y): (Vec<i64>, Vec<f64>) =
                closes.map(|row| (samples.time_ms[row], samples.recorded_perp[row])).unzip();
            lines.push(line("recorded exchange", colour::RECORDED, &x, &y, points));
        }
        for (name, colour, prices) in [
            ("mark", colour::MARK, &samples.mark),
            ("index", colour::INDEX, &samples.index),
            ("simulated", colour::SIMULATED, &samples.mid),
            ("spot", colour::SPOT, &samples.spot),
        ] {
            lines.push(line(name, colour, time, &prices[rows.clone()], points));
        }
        lines
    }

    fn prices(&self, charts: &mut Vec<Value>) -> String {
        let id = self.id("price");
        let traces = self.price_lines(0..self.market.samples.len(), self.points);
        let layout =
            json!({ "xaxis": { "type": "date" }, "yaxis": { "title": { "text": "USD" } } });
        charts.push(chart(&id, traces, layout));
        let caption = "Simulated: mid of the book. A line of many samples is thinned to the \
                       extremes of short buckets; no extreme is lost.";
        figure(&id, 320, "Prices", caption)
    }

    fn distribution(&self, charts: &mut Vec<Value>) -> String {
        let id = self.id("histogram");
        let (low, high) = self.basis_range();
        let rows = 0..self.market.samples.len();
        let step = |name: &str, colour: &str, prices: &[f64], fill: &str| {
            let (_, basis) = self.basis_of(prices, rows.clone(), true);
            let (x, y) = chart::histogram(&basis, low, high, 90);
            json!({
                "type": "scatter", "mode": "lines", "name": name, "x": chart::rounded(&x),
                "y": chart::rounded(&y), "fill": "tozeroy", "fillcolor": fill,
                "line": { "color": colour, "width": 1.2, "shape": "hvh" },
            })
        };
        let samples = &self.market.samples;
        let mut traces = Vec::new();
        if self.metrics.recorded.is_some() {
            let prices = &samples.recorded_perp;
            traces.push(step("recorded exchange", colour::RECORDED, prices, "#d98c0026"));
        }
        traces.push(step("simulated", colour::SIMULATED, &samples.mid, "#0072b226"));
        let layout = json!({
            "xaxis": { "title": { "text": "basis, bp" } },
            "yaxis": { "title": { "text": "share of samples, %" }, "rangemode": "tozero" },
        });
        charts.push(chart(&id, traces, layout));
        let caption = "The outer bins hold the tails.";
        format!(
            "<div class=\"pair\">{}<div><h3>Basis and deviation, bp</h3>{}</div></div>",
            figure(&id, 540, "Distribution of the basis", caption),
            self.distribution_table()
        )
    }

    fn distribution_table(&self) -> String {
        let metrics = self.metrics;
        let mut columns = vec![("simulated", &metrics.simulated)];
        columns.extend(metrics.simulated_at_closes.as_ref().map(|s| ("at closes", s)));
        columns.extend(metrics.recorded.as_ref().map(|s| ("recorded", s)));
        let row = |label: &str, of: &dyn Fn(&SeriesMetrics) -> String| {
            let cells = columns.iter().map(|(_, series)| of(series));
            std::iter::once(label.to_owned()).chain(cells).collect::<Vec<String>>()
        };
        let basis = |label, of: fn(&Distribution) -> f64| {
            row(label, &|s: &SeriesMetrics| number(of(&s.basis_bp), 2))
        };
        let deviation = |label, of: fn(&Distribution) -> f64| {
            row(label, &|s: &SeriesMetrics| number(of(&s.deviation_bp), 2))
        };
        let half = |label: &str, sampling| {
            row(label, &|s: &SeriesMetrics| {
                s.half_life_s(sampling).map_or(text::NONE.to_owned(), duration)
            })
        };
        let rows = [
            basis("basis mean", |d| d.mean),
            basis("basis mean |·|", |d| d.mean_abs),
            basis("basis sd", |d| d.sd),
            basis("basis min", |d| d.min),
            basis("basis 0.1 %", |d| d.signed_quantile(0.001)),
            basis("basis 50 %", |d| d.signed_quantile(0.5)),
            basis("basis 99.9 %", |d| d.signed_quantile(0.999)),
            basis("basis max", |d| d.max),
            deviation("deviation mean |·|", |d| d.mean_abs),
            deviation("deviation 95 % |·|", |d| d.absolute_quantile(0.95)),
            deviation("deviation 99 % |·|", |d| d.absolute_quantile(0.99)),
            deviation("deviation 99.9 % |·|", |d| d.absolute_quantile(0.999)),
            row("calm days, mean |·|", &|s| number(s.calm.deviation_bp.mean_abs, 2)),
            half("half-life at 1 min", 60),
            half("half-life at 5 min", 300),
            half("half-life at 1 h", 3600),
            row("samples", &|s| count(s.basis_bp.count)),
            row("without a price", &|s| count(s.missing)),
        ];
        let mut headings = vec![""];
        headings.extend(columns.iter().map(|(name, _)| *name));
        let calm = &metrics.simulated.calm;
        let note = format!(
            "<p class=\"caption\">Calm: {} of {} whole days, spot range below {} %.</p>",
            calm.days,
            calm.days_judged,
            number(calm.range_bp / 100.0, 1)
        );
        table(&headings, &rows) + &note
    }

    fn episodes(&self) -> String {
        let block = |title: &str, series: &SeriesMetrics| {
            let recovery = &series.recovery;
            let mut longest: Vec<&Episode> = recovery.episodes.iter().collect();
            let length = |e: &Episode| e.recovery_s.unwrap_or(f64::INFINITY);
            longest.sort_by(|a, b| length(b).total_cmp(&length(a)));
            let rows: Vec<Vec<String>> = longest.iter().take(EPISODES).map(|e| row(e)).collect();
            let summary = format!(
                "<p class=\"caption\">Episodes beyond ±{} bp: {}; outside for {} min in all{}.</p>",
                number(recovery.band_bp, 0),
                count(recovery.count),
                number(recovery.outside_min, 0),
                if longest.len() > EPISODES { "; the longest are shown" } else { "" }
            );
            let headings = ["start, UTC", "peak, bp", "peak after", "back inside after"];
            let body = if rows.is_empty() { String::new() } else { table(&headings, &rows) };
            format!("<div><h3>Recovery: {title}</h3>{body}{summary}</div>")
        };
        let mut html = block("simulated", &self.metrics.simulated);
        if let Some(recorded) = &self.metrics.recorded {
            html.push_str(&block("recorded exchange", recorded));
        }
        format!("<div class=\"pair\">{html}</div>")
    }

    fn funding(&self, charts: &mut Vec<Value>) -> String {
        let samples = &self.market.samples;
        let id = self.id("funding");
        let mut paid = 0.0;
        let mut cumulative = Vec::with_capacity(samples.len());
        for (row, rate) in samples.funding_8h_bp.iter().enumerate() {
            cumulative.push(paid / 100.0);
            if let Some(next) = samples.time_ms.get(row + 1).filter(|_| rate.is_finite()) {
                paid += rate * (next - samples.time_ms[row]) as f64 / (8 * HOUR_MS) as f64;
            }
        }
        let time = &samples.time_ms;
        let (colour, points) = (colour::SIMULATED, self.points);
        let rate = line("rate for 8 h, bp", colour, time, &samples.funding_8h_bp, points);
        let sum = line("paid by longs so far, %", colour::INDEX, time, &cumulative, points);
        let layout = json!({
            "xaxis": { "type": "date", "anchor": "y2" },
            "yaxis": { "title": { "text": "bp for 8 h" }, "domain": [0.48, 1.0] },
            "yaxis2": { "title": { "text": "sum, %" }, "domain": [0.0, 0.4] },
            "shapes": [level(self.market.carry_8h_bp, "y", colour::FAIR, "dot")],
        });
        charts.push(chart(&id, vec![rate, with(sum, json!({ "yaxis": "y2" }))], layout));
        let caption = format!(
            "Dotted: the carry, {} bp for 8 h. Longs paid {} USD net, shorts {} USD.",
            number(self.market.carry_8h_bp, 3),
            usd(self.market.funding_by_longs_usd),
            usd(self.market.funding_by_shorts_usd)
        );
        figure(&id, 380, "Funding", &caption)
    }

    fn liquidity(&self, charts: &mut Vec<Value>) -> String {
        let samples = &self.market.samples;
        let mut one = |name: &str, title: &str, unit: &str, values: &[f64], caption: &str| {
            let id = self.id(name);
            let trace = line(title, colour::SIMULATED, &samples.time_ms, values, self.points / 2);
            let axis = json!({ "title": { "text": unit }, "rangemode": "tozero" });
            let layout = json!({ "xaxis": { "type": "date", "nticks": 5 }, "yaxis": axis,
                "showlegend": false });
            charts.push(chart(&id, vec![trace], layout));
            figure(&id, 240, title, caption)
        };
        let spread = format!("Mean {} bp.", number(self.metrics.spread_bp.mean, 2));
        let depth = format!("Mean {} USD, both sides.", usd(self.metrics.depth_10bp_usd.mean));
        let open = format!(
            "At the end {} USD; traded {} USD.",
            usd(self.market.open_interest_usd),
            usd(self.market.traded_usd)
        );
        [
            "<div class=\"three\">".to_owned(),
            one("spread", "Spread", "bp", &samples.spread_bp, &spread),
            one("depth", "Depth within 10 bp", "USD", &samples.depth_10bp_usd, &depth),
            one("open", "Open interest", "USD", &samples.open_interest_usd, &open),
            "</div>".to_owned(),
        ]
        .concat()
    }
}

/// Rows from one hour before to five hours after the start of the largest hourly move of spot;
/// none for a run of less than half a day.
pub fn largest_move(samples: &Samples) -> Option<Range<usize>> {
    let (first, last) = (*samples.time_ms.first()?, *samples.time_ms.last()?);
    if last - first < 12 * HOUR_MS {
        return None;
    }
    let (mut start, mut largest, mut to) = (None, 0.0, 0);
    for (from, &time) in samples.time_ms.iter().enumerate() {
        while to + 1 < samples.len() && samples.time_ms[to] < time + HOUR_MS {
            to += 1;
        }
        let moved = basis_bp(samples.spot[to], samples.spot[from]).abs();
        if moved > largest {
            (start, largest) = (Some(time), moved);
        }
    }
    let start = start?;
    let row = |time: i64| samples.time_ms.partition_point(|t| *t < time);
    Some(row(start - HOUR_MS)..row(start + 5 * HOUR_MS))
}

fn row(episode: &Episode) -> Vec<String> {
    let back = episode.recovery_s.map_or("<span class=\"bad\">not yet</span>".into(), duration);
    vec![
        minute(episode.start_ms),
        number(episode.peak_bp, 1),
        duration((episode.peak_ms - episode.start_ms) as f64 / 1e3),
        back,
    ]
}
