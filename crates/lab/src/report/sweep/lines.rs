//! Lines over one setting, one for each combination of the others, inside their 95 % bands.

use super::{Measure, drawn, hover};
use crate::replay::sweep::Sweep;
use crate::report::chart::{chart, colour, rounded};
use crate::report::html::{escape, figure};
use serde_json::{Value, json};

/// Half of a 95 % interval in standard errors.
const HALF: f64 = 1.96;

/// A scale is logarithmic from this ratio of its ends on.
const RATIO_LOG: f64 = 20.0;

/// One chart for each measure.
pub fn sections(sweep: &Sweep, over: usize, families: &[usize], charts: &mut Vec<Value>) -> String {
    let groups = groups(sweep, families);
    let shown = &groups[..groups.len().min(colour::SERIES.len())];
    let more = groups.len() - shown.len();
    let mut body = String::new();
    for measure in drawn(sweep) {
        let id = format!("lines-{}", measure.id);
        charts.push(lines(&id, sweep, over, shown, measure));
        let mut caption = "Bands: 95 % intervals of each cell by itself. All cells replay one \
                           tape, so differences between them are surer than the bands say."
            .to_owned();
        if more > 0 {
            caption.push_str(&format!(" {more} more lines stand in the table only."));
        }
        let title = format!("{} by {}", measure.title, escape(&sweep.axes[over].name));
        body.push_str(&figure(&id, 400, &title, &caption));
    }
    body
}

/// The cells of one line with its name.
struct Group {
    name: String,
    cells: Vec<usize>,
}

/// Cells that agree on all families, in the order of the cells.
fn groups(sweep: &Sweep, families: &[usize]) -> Vec<Group> {
    let mut groups: Vec<(Vec<usize>, Group)> = Vec::new();
    for cell in 0..sweep.cells.len() {
        let place = sweep.place(cell);
        let key: Vec<usize> = families.iter().map(|axis| place[*axis]).collect();
        match groups.iter_mut().find(|(of, _)| *of == key) {
            Some((_, group)) => group.cells.push(cell),
            None => {
                let label = |axis: &usize| sweep.axes[*axis].labels[place[*axis]].as_str();
                let names: Vec<&str> = families.iter().map(label).collect();
                let name = match names.is_empty() {
                    true => sweep.run.strategy.clone(),
                    false => names.join(", "),
                };
                groups.push((key, Group { name, cells: vec![cell] }));
            }
        }
    }
    groups.into_iter().map(|(_, group)| group).collect()
}

fn lines(id: &str, sweep: &Sweep, over: usize, groups: &[Group], measure: Measure) -> Value {
    let axis = &sweep.axes[over];
    let unit =
        if measure.id == "profit" { format!(", {}", sweep.run.quote) } else { String::new() };
    let mut data = Vec::new();
    for (at, group) in groups.iter().enumerate() {
        data.extend(traces(sweep, over, group, measure, colour::SERIES[at]));
    }
    let mut x = json!({ "title": { "text": escape(&axis.title()) } });
    match &axis.numbers {
        None => x["type"] = json!("category"),
        Some(numbers) => {
            let low = numbers.iter().copied().fold(f64::INFINITY, f64::min);
            let high = numbers.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            if low > 0.0 && high / low >= RATIO_LOG {
                x["type"] = json!("log");
            }
            x["tickvals"] = json!(numbers);
            x["ticktext"] = json!(axis.labels);
        }
    }
    let title = escape(&format!("{}{unit}", measure.title));
    let layout = json!({ "hovermode": "closest", "xaxis": x, "yaxis": { "title": { "text": title },
        "zeroline": true, "zerolinecolor": "#333a42", "tickformat": ",.8~f" } });
    chart(id, data, layout)
}

/// A line and its band.
fn traces(sweep: &Sweep, over: usize, group: &Group, measure: Measure, colour: &str) -> Vec<Value> {
    let axis = &sweep.axes[over];
    let seen = group.cells.iter().filter_map(|cell| {
        let outcome = sweep.outcome(*cell)?;
        Some((*cell, (measure.value)(outcome)?, (measure.error)(outcome).unwrap_or(0.0)))
    });
    let mut points: Vec<(usize, f64, f64)> = seen.collect();
    let at = |cell: usize| sweep.place(cell)[over];
    if let Some(numbers) = &axis.numbers {
        points.sort_by(|a, b| numbers[at(a.0)].total_cmp(&numbers[at(b.0)]));
    }
    let x: Vec<Value> = points
        .iter()
        .map(|(cell, ..)| match &axis.numbers {
            Some(numbers) => json!(numbers[at(*cell)]),
            None => json!(axis.labels[at(*cell)]),
        })
        .collect();
    let edge = |sign: f64| -> Vec<f64> {
        points.iter().map(|(_, value, error)| value + sign * HALF * error).collect()
    };
    let y: Vec<f64> = points.iter().map(|(_, value, _)| *value).collect();
    let text: Vec<String> = points.iter().map(|(cell, ..)| hover(sweep, *cell)).collect();
    let band = |values: Vec<f64>, fill: &str| {
        json!({ "type": "scatter", "mode": "lines", "x": x, "y": rounded(&values),
            "hoverinfo": "skip", "line": { "width": 0 }, "fill": fill,
            "fillcolor": format!("{colour}22"), "showlegend": false, "legendgroup": group.name })
    };
    vec![
        band(edge(-1.0), "none"),
        band(edge(1.0), "tonexty"),
        json!({ "type": "scatter", "mode": "lines+markers", "name": escape(&group.name),
            "legendgroup": group.name, "x": x, "y": rounded(&y), "text": text,
            "hovertemplate": "%{text}<extra></extra>", "marker": { "size": 7 },
            "line": { "color": colour, "width": 2 } }),
    ]
}
