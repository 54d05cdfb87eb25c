//! A volatility surface on a page: smiles with bid and ask, variance, density, term structure.

use super::chart::{chart, colour, level, with};
use super::facts;
use super::html::{escape, figure, table};
use crate::text::{count, number};
use desk::surface::{Errors, Expiry, Point, Surface};
use pricing::calibrate::is_surface_free;
use pricing::svi::Svi;
use serde_json::{Value, json};

/// Places of a curve.
const PLACES: i32 = 160;

/// Header, smiles of every expiry, and the surface as a whole.
pub fn sections(title: &str, model: &str, surface: &Surface, charts: &mut Vec<Value>) -> String {
    let mut body = header(title, model, surface);
    charts.push(term("term", surface));
    charts.push(lines("variance", surface, "Total variance", |slice, k| slice.variance(k)));
    charts.push(lines("density", surface, "g", |slice, k| slice.g(k)));
    body.push_str("<h2>The surface</h2>");
    body.push_str(&figure(
        "term",
        300,
        "Term structure",
        "Volatility at the money and 10 % to either side (k = ±0.1), by days to expiry.",
    ));
    body.push_str(&figure(
        "variance",
        420,
        "Total variance",
        "w(k), one line an expiry. Lines that do not cross are free of calendar arbitrage; the \
         proof reaches beyond what is drawn.",
    ));
    body.push_str(&figure(
        "density",
        360,
        "Density",
        "g(k), the sign of the implied density: nowhere below zero is free of butterfly \
         arbitrage.",
    ));
    body.push_str(
        "<h2>Smiles</h2><p>Bars reach from bid to ask, in points of volatility; quotes \
                   narrower than 5 points are dark, and the widest bars may leave the chart. The \
                   dashed upright is the forward. The line is the slice of the surface without \
                   arbitrage, the dots the same expiry fitted alone.</p><div class=\"smiles\">",
    );
    for (at, expiry) in surface.expiries.iter().enumerate() {
        let id = format!("smile-{at}");
        charts.push(smile(&id, expiry));
        let errors = Errors::of(&expiry.chain, &expiry.after);
        let caption = match errors.narrow {
            0 => "No quote is narrower than 5 points.".to_owned(),
            narrow => format!(
                "{} of {narrow} narrow quotes inside, {} points off the middle on average.",
                errors.narrow_inside,
                number(errors.distance / narrow as f64 * 100.0, 2)
            ),
        };
        body.push_str(&figure(&id, 300, &heading(expiry), &caption));
    }
    body.push_str("</div><h2>Slices</h2>");
    body.push_str(&slices(surface));
    body
}

fn heading(expiry: &Expiry) -> String {
    let days = number(expiry.chain.years * 365.0, 1);
    format!("{} · {days} days", &expiry.chain.expiry.to_string()[..10])
}

fn header(title: &str, model: &str, surface: &Surface) -> String {
    let mut errors = Errors::default();
    for expiry in &surface.expiries {
        errors.add(&Errors::of(&expiry.chain, &expiry.after));
    }
    let before: Vec<Svi> = surface.expiries.iter().map(|expiry| expiry.before).collect();
    let after: Vec<Svi> = surface.expiries.iter().map(|expiry| expiry.after).collect();
    let verdict = |slices: &[Svi]| if is_surface_free(slices) { "free" } else { "not free" };
    let each = errors.narrow as f64;
    format!(
        "<header><p class=\"kicker\">Plumb · volatility surface</p><h1>{}</h1>\
         <dl class=\"facts\">{}</dl></header>",
        escape(title),
        facts(&[
            ("Model", model.to_owned()),
            ("Expiries", surface.expiries.len().to_string()),
            ("Two-sided quotes", count(errors.quotes as u64)),
            ("Narrower than 5 points", count(errors.narrow as u64)),
            (
                "Inside bid and ask",
                format!("{} %", number(100.0 * errors.narrow_inside as f64 / each, 1))
            ),
            ("Off the middle", format!("{} points", number(errors.distance / each * 100.0, 2))),
            ("Off, in spreads", number(errors.spreads / each, 2)),
            ("Arbitrage, each alone", verdict(&before).to_owned()),
            ("Arbitrage, surface", verdict(&after).to_owned()),
        ]),
    )
}

/// From the lowest to the highest `k` of an expiry.
fn range(expiry: &Expiry) -> (f64, f64) {
    let points = expiry.chain.points.iter().map(|point| point.k);
    (points.clone().fold(f64::INFINITY, f64::min), points.fold(f64::NEG_INFINITY, f64::max))
}

/// Places of a curve over a range.
fn places((low, high): (f64, f64)) -> Vec<f64> {
    (0..=PLACES).map(|i| low + (high - low) * f64::from(i) / f64::from(PLACES)).collect()
}

/// Decimals that a screen can show.
fn short(values: impl IntoIterator<Item = f64>, decimals: i32) -> Vec<f64> {
    let scale = libm::pow(10.0, f64::from(decimals));
    values.into_iter().map(|value| (value * scale).round() / scale).collect()
}

/// A colour between the near expiries and the far ones.
fn shade(at: usize, count: usize) -> String {
    let share = at as f64 / count.saturating_sub(1).max(1) as f64;
    format!("hsl({:.0}, 65%, {:.0}%)", 205.0 + 125.0 * share, 42.0 + 8.0 * share)
}

fn smile(id: &str, expiry: &Expiry) -> Value {
    let years = expiry.chain.years;
    let bars = |name: &str, colour: &str, narrow: bool| {
        let chosen = || {
            let wanted = move |spread: f64| (spread < desk::surface::NARROW) == narrow;
            expiry.chain.points.iter().filter(move |point| wanted(point.spread()))
        };
        json!({
            "type": "scatter", "mode": "markers", "name": name,
            "x": short(chosen().map(|point| point.strike), 4),
            "y": short(chosen().map(|point| point.middle() * 100.0), 3),
            "error_y": { "type": "data", "thickness": 2, "width": 3, "color": colour,
                "array": short(chosen().map(|point| point.spread() * 50.0), 3) },
            "marker": { "size": 2, "color": colour },
        })
    };
    let curve = |slice: &Svi, name: &str, looks: Value| {
        let places = places(range(expiry));
        let strikes = places.iter().map(|k| expiry.chain.forward * libm::exp(*k));
        with(
            json!({
                "type": "scatter", "mode": "lines", "name": name, "x": short(strikes, 1),
                "y": short(places.iter().map(|k| slice.volatility(*k, years) * 100.0), 3),
            }),
            json!({ "line": looks }),
        )
    };
    let axis = json!({ "title": { "text": "volatility, %" }, "range": shown(expiry) });
    let data = vec![
        bars("quotes of 5 points and wider", "#c9ced6", false),
        bars("narrower", "#5a6472", true),
        curve(&expiry.after, "surface", json!({ "color": colour::SIMULATED, "width": 2 })),
        curve(
            &expiry.before,
            "alone",
            json!({ "color": colour::RECORDED, "width": 1.6, "dash": "dot" }),
        ),
    ];
    let forward = json!({
        "type": "line", "yref": "paper", "y0": 0, "y1": 1, "layer": "below",
        "x0": expiry.chain.forward, "x1": expiry.chain.forward,
        "line": { "color": "#b9c0c8", "width": 1, "dash": "dash" },
    });
    let layout = json!({
        "hovermode": "closest", "shapes": [forward], "yaxis": axis,
        "xaxis": strikes(expiry), "legend": { "itemsizing": "constant" },
    });
    chart(id, data, layout)
}

/// A logarithmic axis of strikes with round numbers written out.
fn strikes(expiry: &Expiry) -> Value {
    let (low, high) = range(expiry);
    let ends = [low, high].map(|k| expiry.chain.forward * libm::exp(k));
    let mut axis = json!({ "type": "log", "title": { "text": "strike, USD" }, "nticks": 7 });
    // Over less than this Plotly's own ticks are round; beyond it they are bare digits.
    if ends[1] / ends[0] > 3.5 {
        let round: &[f64] = if ends[1] / ends[0] > 12.0 {
            &[1.0, 2.0, 5.0]
        } else {
            &[1.0, 1.5, 2.0, 3.0, 5.0, 7.0]
        };
        let decades = libm::floor(libm::log10(ends[0]))..=libm::floor(libm::log10(ends[1]));
        let (first, last) = (*decades.start() as i32, *decades.end() as i32);
        let ticks = (first..=last)
            .flat_map(|decade| round.iter().map(move |r| r * libm::pow(10.0, f64::from(decade))));
        let inside = ticks.filter(|tick| (ends[0] * 0.95..=ends[1] * 1.05).contains(tick));
        axis = with(axis, json!({ "tickvals": short(inside, 4), "tickformat": "~s" }));
    }
    axis
}

/// The range of volatility that shows the slice, every narrow quote and the tighter half of all, in
/// points: the widest quotes would flatten the rest.
fn shown(expiry: &Expiry) -> [f64; 2] {
    let years = expiry.chain.years;
    let curve = places(range(expiry)).into_iter().map(|k| expiry.after.volatility(k, years));
    let points = &expiry.chain.points;
    let mut spreads: Vec<f64> = points.iter().map(Point::spread).collect();
    spreads.sort_by(f64::total_cmp);
    let median = spreads.get(spreads.len() / 2).copied().unwrap_or(0.0);
    let whole = points.iter().filter(|p| p.spread() <= median.max(desk::surface::NARROW));
    let values: Vec<f64> = curve.chain(whole.flat_map(|point| [point.bid, point.ask])).collect();
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    let high = values.iter().copied().fold(0.0, f64::max);
    let pad = (high - low).max(0.02) * 0.08;
    [(low - pad).max(0.0) * 100.0, (high + pad) * 100.0]
}

/// One line an expiry of a function of the repaired slice.
fn lines(id: &str, surface: &Surface, name: &str, value: fn(&Svi, f64) -> f64) -> Value {
    let all = surface.expiries.len();
    let line = |(at, expiry): (usize, &Expiry)| {
        let places = places(range(expiry));
        json!({
            "type": "scatter", "mode": "lines", "name": &expiry.chain.expiry.to_string()[..10],
            "x": short(places.iter().copied(), 4),
            "y": short(places.iter().map(|k| value(&expiry.after, *k)), 6),
            "line": { "color": shade(at, all), "width": 1.8 },
        })
    };
    let data = surface.expiries.iter().enumerate().map(line).collect();
    let layout = json!({
        "hovermode": "closest", "shapes": [level(0.0, "y", "#333a42", "solid")],
        "xaxis": { "title": { "text": "k = ln(strike / forward)" } },
        "yaxis": { "title": { "text": name }, "rangemode": "tozero" },
    });
    chart(id, data, layout)
}

fn term(id: &str, surface: &Surface) -> Value {
    let days = short(surface.expiries.iter().map(|expiry| expiry.chain.years * 365.0), 2);
    let line = |(name, k, colour): (&str, f64, &str)| {
        let volatility = |expiry: &Expiry| expiry.after.volatility(k, expiry.chain.years) * 100.0;
        json!({
            "type": "scatter", "mode": "lines+markers", "name": name, "x": days,
            "y": short(surface.expiries.iter().map(volatility), 3),
            "line": { "color": colour, "width": 1.8 }, "marker": { "size": 5 },
        })
    };
    let data = [
        ("k = −0.1", -0.1, colour::SERIES[1]),
        ("at the money", 0.0, colour::SIMULATED),
        ("k = 0.1", 0.1, colour::INDEX),
    ];
    let layout = json!({
        "xaxis": { "type": "log", "title": { "text": "days to expiry" } },
        "yaxis": { "title": { "text": "volatility, %" } },
    });
    chart(id, data.into_iter().map(line).collect(), layout)
}

fn slices(surface: &Surface) -> String {
    let row = |expiry: &Expiry| {
        let Svi { a, b, rho, m, sigma } = expiry.after;
        let mut cells = vec![expiry.chain.expiry.to_string()[..10].to_owned()];
        cells.push(number(expiry.chain.forward, 0));
        cells.push(number(expiry.after.volatility(0.0, expiry.chain.years) * 100.0, 1));
        cells.extend([a, b, rho, m, sigma].map(|value| number(value, 5)));
        cells.push(number(expiry.after.lowest_g().1, 4));
        cells
    };
    let headings =
        ["expiry", "forward, USD", "at the money, %", "a", "b", "ρ", "m", "σ", "least g"];
    table(&headings, &surface.expiries.iter().map(row).collect::<Vec<Vec<String>>>())
}
