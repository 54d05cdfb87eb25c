//! Pieces of a page: escaped text, tables, cards and figures.
//!
//! Every text from a record passes through [`escape`].

use std::fmt::Write;

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
    let heading = if title.is_empty() { String::new() } else { format!("<h3>{title}</h3>") };
    format!(
        "<figure>{heading}<div class=\"chart\" id=\"{id}\" style=\"height:{height}px\">\
         </div><figcaption>{caption}</figcaption></figure>"
    )
}
