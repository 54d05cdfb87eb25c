//! Pieces of a page: escaped text, numbers as traders print them, tables and cards.
//!
//! Every text from a record passes through [`escape`]; a value that is not defined is a dash.

use money::Time;
use std::fmt::Write;

/// A dash for what is not defined.
pub const NONE: &str = "–";

/// Text safe inside elements and quoted attributes.
pub fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            _ => safe.push(c),
        }
    }
    safe
}

/// A number with thousands separators, a true minus sign and fixed decimals.
pub fn number(value: f64, decimals: usize) -> String {
    if !value.is_finite() {
        return NONE.to_owned();
    }
    let text = format!("{:.decimals$}", value.abs());
    let zero = !text.contains(|c: char| c.is_ascii_digit() && c != '0');
    let (whole, fraction) = match text.split_once('.') {
        Some((whole, fraction)) => (whole, format!(".{fraction}")),
        None => (text.as_str(), String::new()),
    };
    let mut grouped = String::new();
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    let sign = if value < 0.0 && !zero { "−" } else { "" };
    format!("{sign}{grouped}{fraction}")
}

/// A count with thousands separators.
pub fn count(value: u64) -> String {
    number(value as f64, 0)
}

/// US dollars without cents.
pub fn usd(value: f64) -> String {
    number(value, 0)
}

/// Seconds in the unit in which they are read.
pub fn duration(seconds: f64) -> String {
    if !seconds.is_finite() {
        NONE.to_owned()
    } else if seconds < 120.0 {
        format!("{} s", number(seconds, if seconds < 10.0 { 1 } else { 0 }))
    } else if seconds < 7200.0 {
        format!("{} min", number(seconds / 60.0, 1))
    } else if seconds < 172_800.0 {
        format!("{} h", number(seconds / 3600.0, 1))
    } else {
        format!("{} d", number(seconds / 86_400.0, 1))
    }
}

/// The fair basis as a point or as an interval, in bp.
pub fn fair(fair_bp: Option<(f64, f64)>) -> String {
    match fair_bp {
        None => "not stated".to_owned(),
        Some((low, high)) if low == high => format!("{} bp", number(low, 2)),
        Some((low, high)) => format!("{} … {} bp", number(low, 2), number(high, 2)),
    }
}

/// Date and minute in UTC.
pub fn minute(time_ms: i64) -> String {
    let time = u64::try_from(time_ms).ok().and_then(Time::from_millis);
    time.map_or_else(|| NONE.to_owned(), |time| time.to_string()[..16].to_owned())
}

/// A table: the first column is text, the others are numbers; cells hold ready markup.
pub fn table(headings: &[&str], rows: &[Vec<String>]) -> String {
    let mut html = String::from("<div class=\"scroll\"><table><thead><tr>");
    for heading in headings {
        write!(html, "<th>{heading}</th>").expect("a string takes all text");
    }
    html.push_str("</tr></thead><tbody>");
    for row in rows {
        html.push_str("<tr>");
        for cell in row {
            write!(html, "<td>{cell}</td>").expect("a string takes all text");
        }
        html.push_str("</tr>");
    }
    html.push_str("</tbody></table></div>");
    html
}

/// A key number: what it is, its value with its unit, and what to hold it against.
pub fn card(label: &str, value: &str, unit: &str, note: &str) -> String {
    format!(
        "<div class=\"card\"><div class=\"label\">{label}</div><div class=\"value\">{value}\
         <span class=\"unit\">{unit}</span></div><div class=\"note\">{note}</div></div>"
    )
}

/// A figure: its title, a place for a chart, and a caption.
pub fn figure(id: &str, height: u32, title: &str, caption: &str) -> String {
    format!(
        "<figure><h3>{title}</h3><div class=\"chart\" id=\"{id}\" style=\"height:{height}px\">\
         </div><figcaption>{caption}</figcaption></figure>"
    )
}
