//! Maps over two settings; others make facets, each a pair of maps.

use super::{Measure, drawn, hover};
use crate::replay::sweep::{Axis, Sweep};
use crate::report::chart::{chart, colour, rounded};
use crate::report::html::{escape, figure};
use serde_json::{Value, json};

/// Facets that are drawn; the table has all cells.
const FACETS: usize = 12;

/// One pair of maps for each combination of all settings but two.
pub fn sections(sweep: &Sweep, best: Option<usize>, charts: &mut Vec<Value>) -> String {
    let Some(plane) = plane(sweep) else { return String::new() };
    let facets = facets(sweep, plane);
    let mut body = String::new();
    for (at, facet) in facets.iter().take(FACETS).enumerate() {
        let mut maps = String::new();
        for measure in drawn(sweep) {
            let id = format!("map-{}-{at}", measure.id);
            charts.push(map(&id, sweep, plane, facet, (measure, best)));
            let height = 150 + 38 * sweep.axes[plane.1].labels.len().clamp(3, 16) as u32;
            let unit = match measure.id {
                "profit" => format!(", {}", escape(&sweep.run.quote)),
                _ => String::new(),
            };
            maps.push_str(&figure(&id, height, &format!("{}{unit}", measure.title), ""));
        }
        if !facet.name.is_empty() {
            body.push_str(&format!("<h3>{}</h3>", escape(&facet.name)));
        }
        body.push_str(&format!("<div class=\"pair\">{maps}</div>"));
    }
    let more = facets.len().saturating_sub(FACETS);
    let more = match more {
        0 => String::new(),
        more => format!(" {more} more combinations stand in the table only."),
    };
    body + &format!(
        "<p class=\"caption\">Framed: the best cell by Sharpe ratio. Hover for standard errors. A \
         lone good cell among bad ones is a warning.{more}</p>"
    )
}

/// The axes of the maps, across and up: the last two of numbers, or else the last two.
fn plane(sweep: &Sweep) -> Option<(usize, usize)> {
    let numbers: Vec<usize> =
        (0..sweep.axes.len()).filter(|at| sweep.axes[*at].numbers.is_some()).collect();
    match numbers.as_slice() {
        [.., up, across] => Some((*across, *up)),
        [] | [_] => {
            let last = sweep.axes.len().checked_sub(2)?;
            Some((last + 1, last))
        }
    }
}

/// The places on the other axes, with their name.
struct Facet {
    name: String,
    place: Vec<usize>,
}

fn facets(sweep: &Sweep, plane: (usize, usize)) -> Vec<Facet> {
    let mut facets: Vec<Facet> = Vec::new();
    for cell in 0..sweep.cells.len() {
        let mut place = sweep.place(cell);
        (place[plane.0], place[plane.1]) = (0, 0);
        if facets.iter().any(|facet| facet.place == place) {
            continue;
        }
        let others = (0..sweep.axes.len()).filter(|at| *at != plane.0 && *at != plane.1);
        let name = |at: usize| {
            let axis: &Axis = &sweep.axes[at];
            format!("{} {} {}", axis.name, axis.labels[place[at]], axis.unit).trim_end().to_owned()
        };
        let name = others.map(name).collect::<Vec<String>>().join(", ");
        facets.push(Facet { name, place });
    }
    facets
}

/// The cell at a place.
fn number(sweep: &Sweep, place: &[usize]) -> usize {
    place.iter().zip(&sweep.axes).fold(0, |sum, (at, axis)| sum * axis.labels.len() + at)
}

fn map(
    id: &str,
    sweep: &Sweep,
    plane: (usize, usize),
    facet: &Facet,
    (measure, best): (Measure, Option<usize>),
) -> Value {
    let (across, up) = (&sweep.axes[plane.0], &sweep.axes[plane.1]);
    let cell = |x: usize, y: usize| {
        let mut place = facet.place.clone();
        (place[plane.0], place[plane.1]) = (x, y);
        number(sweep, &place)
    };
    let value = |cell: usize| sweep.outcome(cell).and_then(measure.value);
    let (mut values, mut texts, mut hovers) = (Vec::new(), Vec::new(), Vec::new());
    let mut shapes = Vec::new();
    for y in 0..up.labels.len() {
        let cells: Vec<usize> = (0..across.labels.len()).map(|x| cell(x, y)).collect();
        let row: Vec<f64> = cells.iter().map(|cell| value(*cell).unwrap_or(f64::NAN)).collect();
        texts.push(cells.iter().map(|c| value(*c).map_or("×".into(), measure.show)).collect());
        hovers.push(cells.iter().map(|cell| hover(sweep, *cell)).collect::<Vec<String>>());
        values.push(rounded(&row));
        if let Some(x) = cells.iter().position(|cell| Some(*cell) == best) {
            shapes.push(frame(x, y));
        }
    }
    let texts: Vec<Vec<String>> = texts;
    let reach = reach(sweep, measure);
    let data = json!({ "type": "heatmap", "x": across.labels, "y": up.labels, "z": values,
        "text": texts, "texttemplate": "%{text}", "customdata": hovers, "showscale": false,
        "hovertemplate": "%{customdata}<extra></extra>", "zmin": -reach, "zmax": reach,
        "xgap": 2, "ygap": 2, "hoverongaps": false,
        "colorscale": [[0, "#e08a4f"], [0.5, "#f6f7f9"], [1, "#5fa6d2"]] });
    let axis = |axis: &Axis| {
        json!({ "title": { "text": escape(&axis.title()) }, "type": "category", "ticks": "",
            "showgrid": false })
    };
    let layout = json!({ "hovermode": "closest", "xaxis": axis(across), "yaxis": axis(up),
        "shapes": shapes, "margin": { "l": 64, "r": 12, "t": 30, "b": 36 } });
    chart(id, vec![data], layout)
}

/// The largest magnitude over all cells: one scale of colours for all facets, white at zero.
fn reach(sweep: &Sweep, measure: Measure) -> f64 {
    let cells = (0..sweep.cells.len()).filter_map(|cell| sweep.outcome(cell));
    let values = cells.filter_map(measure.value).map(f64::abs).filter(|value| value.is_finite());
    values.fold(0.0, f64::max).max(f64::MIN_POSITIVE)
}

/// A frame around one cell.
fn frame(x: usize, y: usize) -> Value {
    let (x, y) = (x as f64, y as f64);
    json!({ "type": "rect", "xref": "x", "yref": "y", "x0": x - 0.5, "x1": x + 0.5,
        "y0": y - 0.5, "y1": y + 0.5, "line": { "color": colour::SPOT, "width": 2.5 } })
}
