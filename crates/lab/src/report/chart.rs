//! Charts as data for Plotly: `{id, data, layout}`; looks that all charts share stand in `page.js`.
//!
//! A long line is thinned to the smallest and largest value of each bucket of time, in their order,
//! so that no extreme is lost.

use serde_json::{Value, json};

/// Colours that remain apart for colour-blind readers (Okabe and Ito).
pub mod colour {
    /// The simulated market.
    pub const SIMULATED: &str = "#0072b2";
    /// The recorded exchange.
    pub const RECORDED: &str = "#d98c00";
    /// Spot.
    pub const SPOT: &str = "#222222";
    /// Index.
    pub const INDEX: &str = "#009e73";
    /// Mark.
    pub const MARK: &str = "#cc4c8a";
    /// The fair basis.
    pub const FAIR: &str = "#00795a";
    /// Rules side by side, and flows of profit and loss.
    pub const SERIES: [&str; 7] =
        ["#0072b2", "#d55e00", "#8c5fb0", "#b8860b", "#cc4c8a", "#56b4e9", "#8a8f98"];
}

/// Buckets of a path that is too long to be drawn whole.
const BUCKETS: usize = 1000;

/// A chart and the element that it fills.
pub fn chart(id: &str, data: Vec<Value>, layout: Value) -> Value {
    json!({ "id": id, "data": data, "layout": layout })
}

/// A line over time, thinned to about `points`; `digits` decimals are kept.
pub fn line(name: &str, colour: &str, time_ms: &[i64], values: &[f64], points: usize) -> Value {
    let (x, y) = thin(time_ms, values, points);
    json!({
        "type": "scatter", "mode": "lines", "name": name, "x": x, "y": rounded(&y),
        "line": { "color": colour, "width": 1.2 }, "connectgaps": false,
    })
}

/// A line over time; one too long to be read becomes the mean of each bucket of rows inside an area
/// from its smallest to its largest value, so that lines behind it stay visible.
pub fn path(
    name: &str,
    colour: &str,
    time_ms: &[i64],
    values: &[f64],
    points: usize,
) -> Vec<Value> {
    if time_ms.len() <= points {
        return vec![line(name, colour, time_ms, values, points)];
    }
    let size = time_ms.len().div_ceil(BUCKETS);
    let (mut x, mut edges, mut means) = (Vec::new(), [Vec::new(), Vec::new()], Vec::new());
    for (times, bucket) in time_ms.chunks(size).zip(values.chunks(size)) {
        let finite = || bucket.iter().copied().filter(|v| v.is_finite());
        let count = finite().count();
        if count > 0 {
            x.push(times[times.len() / 2]);
            edges[0].push(finite().fold(f64::INFINITY, f64::min));
            edges[1].push(finite().fold(f64::NEG_INFINITY, f64::max));
            means.push(finite().sum::<f64>() / count as f64);
        }
    }
    let edge = |values: &[f64], fill: &str| {
        json!({
            "type": "scatter", "mode": "lines", "x": x, "y": rounded(values), "hoverinfo": "skip",
            "line": { "width": 0 }, "fill": fill, "fillcolor": format!("{colour}40"),
            "showlegend": false, "legendgroup": name,
        })
    };
    let middle = with(line(name, colour, &x, &means, BUCKETS + 1), json!({ "legendgroup": name }));
    vec![edge(&edges[0], "none"), edge(&edges[1], "tonexty"), middle]
}

/// Adds fields to a trace or layout, replacing those of the same name.
pub fn with(mut value: Value, fields: Value) -> Value {
    if let (Some(map), Value::Object(extra)) = (value.as_object_mut(), fields) {
        map.extend(extra);
    }
    value
}

/// A horizontal band, or a line where both edges are equal, behind the traces.
pub fn band(low: f64, high: f64, axis: &str, colour: &str) -> Value {
    let base = json!({
        "type": "rect", "layer": "below", "xref": "paper", "x0": 0, "x1": 1, "yref": axis,
        "y0": low, "y1": high, "fillcolor": colour, "opacity": 0.13, "line": { "width": 0 },
    });
    if low < high {
        base
    } else {
        with(level(low, axis, colour, "solid"), json!({ "layer": "above" }))
    }
}

/// A horizontal line.
pub fn level(at: f64, axis: &str, colour: &str, dash: &str) -> Value {
    json!({
        "type": "line", "layer": "below", "xref": "paper", "x0": 0, "x1": 1, "yref": axis,
        "y0": at, "y1": at, "line": { "color": colour, "width": 1, "dash": dash },
    })
}

/// Smallest and largest value of each of `points / 2` buckets of rows, in their order; a bucket
/// without a finite value leaves a gap. A short series stays whole.
pub fn thin(time_ms: &[i64], values: &[f64], points: usize) -> (Vec<i64>, Vec<f64>) {
    let rows = time_ms.len().min(values.len());
    if rows <= points {
        return (time_ms[..rows].to_vec(), values[..rows].to_vec());
    }
    let size = (2 * rows).div_ceil(points.max(2));
    let (mut x, mut y) = (Vec::new(), Vec::new());
    for from in (0..rows).step_by(size) {
        let to = (from + size).min(rows);
        let finite = || (from..to).filter(|&row| values[row].is_finite());
        let low = finite().min_by(|&a, &b| values[a].total_cmp(&values[b]));
        let high = finite().max_by(|&a, &b| values[a].total_cmp(&values[b]));
        match (low, high) {
            (Some(low), Some(high)) => {
                let mut kept = vec![low.min(high), low.max(high)];
                kept.dedup();
                x.extend(kept.iter().map(|&row| time_ms[row]));
                y.extend(kept.iter().map(|&row| values[row]));
            }
            (None, _) | (_, None) => {
                x.push(time_ms[from]);
                y.push(f64::NAN);
            }
        }
    }
    (x, y)
}

/// Values with the decimals that a screen can show; what is not finite becomes `null`.
pub fn rounded(values: &[f64]) -> Vec<f64> {
    let scale = |v: f64| if v.abs() >= 1000.0 { 1e2 } else { 1e4 };
    values.iter().map(|&v| (v * scale(v)).round() / scale(v)).collect()
}

/// Share of values in bins of equal width from `low` to `high`; the outer bins take the tails.
pub fn histogram(values: &[f64], low: f64, high: f64, bins: usize) -> (Vec<f64>, Vec<f64>) {
    let width = (high - low) / bins as f64;
    let mut shares = vec![0.0; bins];
    let finite: Vec<f64> = values.iter().copied().filter(|v| v.is_finite()).collect();
    for value in &finite {
        let bin = ((value - low) / width).floor().clamp(0.0, (bins - 1) as f64) as usize;
        shares[bin] += 100.0 / finite.len() as f64;
    }
    let middles = (0..bins).map(|bin| low + (bin as f64 + 0.5) * width).collect();
    (middles, shares)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thinning_keeps_every_extreme() {
        let time: Vec<i64> = (0..10_000).collect();
        let mut values = vec![0.0; 10_000];
        values[4321] = -9.0;
        values[4322] = 7.0;
        let (x, y) = thin(&time, &values, 100);
        assert!(x.len() <= 100 && x.is_sorted());
        assert!(y.contains(&-9.0) && y.contains(&7.0));
    }

    #[test]
    fn a_long_path_is_its_bucket_means_between_its_extremes() {
        let time: Vec<i64> = (0..10_000).collect();
        let mut values = vec![1.0; 10_000];
        values[5000] = 41.0;
        let traces = path("basis", "#000000", &time, &values, 5000);
        let largest = |trace: &Value| {
            let values = trace["y"].as_array().map(Vec::as_slice).unwrap_or_default();
            values.iter().filter_map(Value::as_f64).fold(f64::NEG_INFINITY, f64::max)
        };
        assert_eq!(traces.iter().map(largest).collect::<Vec<f64>>(), [1.0, 41.0, 5.0]);
    }

    #[test]
    fn a_stretch_without_values_stays_a_gap() {
        let time: Vec<i64> = (0..1000).collect();
        let values: Vec<f64> =
            (0..1000).map(|i| if i / 100 == 3 { f64::NAN } else { 1.0 }).collect();
        let (_, y) = thin(&time, &values, 50);
        assert!(y.iter().any(|v| v.is_nan()));
    }

    #[test]
    fn histogram_shares_add_up_and_tails_fall_into_the_outer_bins() {
        let (middles, shares) = histogram(&[-100.0, 0.1, 0.2, 100.0, f64::NAN], -1.0, 1.0, 4);
        assert_eq!(middles, [-0.75, -0.25, 0.25, 0.75]);
        assert_eq!(shares, [25.0, 0.0, 50.0, 25.0]);
    }
}
