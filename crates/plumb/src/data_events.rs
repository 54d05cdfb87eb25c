//! Files of events: imported, counted, checked, exported; and how a summary of one reads.

use std::io::BufWriter;
use std::path::{Path, PathBuf};

use clap::Args;
use feed::tape::check::{self, Delays, Fault, Finding, Limits, Severity, Summary, length};
use feed::tape::merge::Merge;
use feed::tape::{CsvWriter, Header, Slot, Source, Units};
use feed::{Format, Meter, OpenOptions};
use indicatif::ProgressBar;
use lab::text::count;
use money::{Price, Qty, Span};
use serde_json::{Value, json};

use crate::failure::{Failure, Screen, say};
use crate::work::bar;

/// Examples of a finding that a text shows.
const SHOWN: usize = 3;
/// Instruments that a text lists.
const LISTED: usize = 8;

/// How files are read.
#[derive(Debug, Default, Args)]
pub struct Reading {
    /// The symbol to take from a file that holds several, or to give one that names none.
    #[arg(long)]
    symbol: Option<String>,
    /// What prices are counted in, where the file does not say; else its finest decimals.
    #[arg(long, value_name = "0.1", value_parser = price_unit)]
    price_unit: Option<Price>,
    /// What quantities are counted in, where the file does not say; else its finest decimals.
    #[arg(long, value_name = "0.001", value_parser = qty_unit)]
    qty_unit: Option<Qty>,
    /// Milliseconds to add to the clock of a capture that was behind; other files stay.
    #[arg(long, value_name = "MS", allow_hyphen_values = true, value_parser = shift)]
    shift: Option<i64>,
}

impl Reading {
    /// The symbol asked for.
    pub fn symbol(&self) -> Option<&str> {
        self.symbol.as_deref()
    }

    /// What importers are told.
    fn options(&self) -> OpenOptions {
        let units = Units { price: self.price_unit, qty: self.qty_unit };
        let shift_ns = self.shift.unwrap_or(0);
        OpenOptions { units, symbol: self.symbol.clone(), shift_ns, ..OpenOptions::default() }
    }
}

/// Writes the events of all inputs, merged, as one file.
pub fn import(
    inputs: &[PathBuf],
    out: &Path,
    format: Format,
    read: &Reading,
) -> Result<(), Failure> {
    let mut source = Shown::open(inputs, read)?;
    let mut sink = feed::create_sink(out, format)?;
    let mut slots = Vec::new();
    while source.fill(&mut slots)? {
        sink.write(source.header(), &slots)?;
        slots.clear();
    }
    sink.write(source.header(), &[])?;
    let left_out = sink.finish()?;
    let noticed = source.close();
    for (kind, events) in left_out {
        say(&format!(
            "left out: {} of {}, which {} has no place for",
            count(events),
            kind.name(),
            out.display()
        ))?;
    }
    // What was written is read again: a full disk or a fault of ours shows here and not later.
    info(out, &Reading::default(), false)?;
    say_noticed(&noticed)
}

/// Says what a file of events holds.
pub fn info(input: &Path, read: &Reading, as_json: bool) -> Result<(), Failure> {
    let mut source = Shown::open(&[input.to_owned()], read)?;
    let summary = check::count(&mut source)?;
    let noticed = source.close();
    let bytes = size(input);
    if as_json {
        return say(&facts_json(input, &summary, bytes, &noticed).to_string());
    }
    say(&facts(input, &summary, bytes))?;
    say_noticed(&noticed)
}

/// Says what is wrong with a file of events; true if there is no error.
pub fn check(input: &Path, read: &Reading, gap: u64, as_json: bool) -> Result<bool, Failure> {
    let gap = gap.checked_mul(1_000_000_000).map_or(Span::from_nanos(u64::MAX), Span::from_nanos);
    let limits = Limits { gap, ..Limits::default() };
    let mut source = Shown::open(&[input.to_owned()], read)?;
    let summary = check::check(&mut source, &limits)?;
    let noticed = source.close();
    if as_json {
        let mut value = facts_json(input, &summary, size(input), &noticed);
        value["findings"] = findings_json(&summary);
        value["errors"] = summary.has_errors().into();
        say(&value.to_string())?;
    } else {
        say(&facts(input, &summary, size(input)))?;
        say_noticed(&noticed)?;
        say(&findings(&summary))?;
    }
    Ok(!summary.has_errors())
}

/// Writes events as CSV to the standard output.
pub fn export(input: &Path, read: &Reading) -> Result<(), Failure> {
    let mut source = feed::open_source(input, &read.options())?;
    let screen = BufWriter::with_capacity(1 << 16, Screen);
    let mut writer = CsvWriter::new("standard output", screen)?;
    let mut slots = Vec::new();
    while source.fill(&mut slots)? {
        writer.write(source.header(), &slots)?;
        slots.clear();
    }
    Ok(())
}

/// Files as one source, behind a bar that shows how much is read.
struct Shown {
    source: Box<dyn Source>,
    meter: Meter,
    bar: ProgressBar,
}

impl Shown {
    fn open(inputs: &[PathBuf], read: &Reading) -> Result<Shown, Failure> {
        let options = read.options();
        let mut sources = Vec::new();
        for input in inputs {
            sources.push((input.display().to_string(), feed::open_source(input, &options)?));
        }
        let source: Box<dyn Source> = match sources.pop() {
            Some((_, source)) if sources.is_empty() => source,
            last => Box::new(Merge::new(sources.into_iter().chain(last).collect())?),
        };
        let total = inputs.iter().map(|input| size(input)).sum();
        let bar = bar(total, "  reading {bar:40} {bytes} of {total_bytes}, {eta} left");
        Ok(Shown { source, meter: options.meter, bar })
    }

    /// Ends the reading; what the importers noticed while they read.
    fn close(self) -> Vec<feed::Finding> {
        self.source.findings()
    }
}

impl Source for Shown {
    fn header(&self) -> &Header {
        self.source.header()
    }

    fn fill(&mut self, slots: &mut Vec<Slot>) -> Result<bool, feed::Error> {
        self.bar.set_position(self.meter.bytes());
        self.source.fill(slots)
    }
}

impl Drop for Shown {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// A unit of price, above zero.
fn price_unit(text: &str) -> Result<Price, String> {
    let unit: Option<Price> = text.parse().ok();
    unit.filter(|unit| unit.is_positive()).ok_or_else(|| UNIT.to_owned())
}

/// A unit of quantity, above zero.
fn qty_unit(text: &str) -> Result<Qty, String> {
    let unit: Option<Qty> = text.parse().ok();
    unit.filter(|unit| unit.is_positive()).ok_or_else(|| UNIT.to_owned())
}

/// Milliseconds as nanoseconds.
fn shift(text: &str) -> Result<i64, String> {
    let nanos = text.parse().ok().and_then(|millis: i64| millis.checked_mul(1_000_000));
    nanos.ok_or_else(|| "give a whole number of milliseconds, as 1374 or -20".to_owned())
}

const UNIT: &str = "give a decimal above zero of at most eight places, as 0.01";

fn size(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |file| file.len())
}

fn facts(input: &Path, summary: &Summary, bytes: u64) -> String {
    let Summary { header, events, messages, kinds, .. } = summary;
    let number = header.instruments.len();
    let plural = if number == 1 { "" } else { "s" };
    let each = bytes as f64 / (*events).max(1) as f64;
    let mut lines = vec![
        format!("{}: {} events of {number} instrument{plural}", input.display(), count(*events)),
        format!("  source    {}", header.source),
    ];
    if let Some((first, last)) = summary.period {
        let lasted = lab::text::duration(last.since(first).nanos() as f64 / 1e9);
        lines.push(format!("  received  {first} … {last} UTC ({lasted})"));
    }
    let kinds = kinds.iter().map(|(kind, number)| format!("{} {}", count(*number), kind.name()));
    lines.push(format!("  kinds     {}", kinds.collect::<Vec<_>>().join(" · ")));
    lines.push(format!("  messages  {}", count(*messages)));
    for (index, listed) in header.instruments.iter().enumerate().take(LISTED) {
        let index = u16::try_from(index).unwrap_or(u16::MAX);
        let of = summary.instruments.get(&index).copied().unwrap_or(0);
        let venue = if listed.venue.is_empty() { "" } else { " at " };
        let (name, at) = (&listed.name, &listed.venue);
        let (price, qty) = (listed.price_unit, listed.qty_unit);
        let units = format!("price in {price}, quantity in {qty}");
        lines.push(format!("  market    {name}{venue}{at}: {} events, {units}", count(of)));
    }
    if number > LISTED {
        lines.push(format!("            and {} more", number - LISTED));
    }
    lines.extend(summary.delays.map(|delays| delays_text(&delays)));
    lines.push(format!("  size      {} bytes, {each:.1} an event", count(bytes)));
    let checksum = summary.checksum;
    lines.push(format!("  checksum  {checksum:08x} (CRC-32 of the events, equal in every layout)"));
    lines.join("\n")
}

fn delays_text(delays: &Delays) -> String {
    let Delays { least, low, median, high, most, drift_ppm } = *delays;
    let [least, low, median, high, most] = [least, low, median, high, most].map(signed);
    let drift = drift_ppm.map_or(String::new(), |drift| format!(", drift {drift:+.3} ppm"));
    format!(
        "  delay     {median} in the middle; 1 % at most {low}, 99 % at most {high}\n            \
         least {least}, most {most}{drift}"
    )
}

fn signed(nanos: i64) -> String {
    let sign = if nanos < 0 { "-" } else { "" };
    format!("{sign}{}", length(Span::from_nanos(nanos.unsigned_abs())))
}

/// What importers noticed, a line each.
fn say_noticed(noticed: &[feed::Finding]) -> Result<(), Failure> {
    noticed.iter().try_for_each(|finding| say(&format!("  noticed   {finding}")))
}

fn findings(summary: &Summary) -> String {
    let mut found: Vec<(&Fault, &Finding)> = summary.findings.iter().collect();
    if found.is_empty() {
        return "  nothing found: no error, no warning, no note".to_owned();
    }
    found.sort_by_key(|(fault, _)| std::cmp::Reverse(fault.severity()));
    let mut lines = Vec::new();
    for (fault, Finding { count: times, examples }) in found {
        let name = severity(fault.severity());
        let times =
            if *times == 1 { "once".to_owned() } else { format!("{} times", count(*times)) };
        lines.push(format!("  {name:<8}  {}, {times}", fault.name()));
        for example in examples.iter().take(SHOWN) {
            let market = market(summary, example.instrument);
            let (event, local, text) = (count(example.event), example.local, &example.text);
            lines.push(format!("            event {event}, {local}, {market}: {text}"));
        }
    }
    lines.join("\n")
}

fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    }
}

fn market(summary: &Summary, instrument: u16) -> &str {
    let listed = summary.header.instruments.get(usize::from(instrument));
    listed.map_or("an instrument that is not listed", |listed| listed.name.as_str())
}

fn facts_json(input: &Path, summary: &Summary, bytes: u64, noticed: &[feed::Finding]) -> Value {
    let instruments = summary.header.instruments.iter().enumerate().map(|(index, listed)| {
        let events = u16::try_from(index).ok().and_then(|index| summary.instruments.get(&index));
        json!({
            "name": listed.name,
            "venue": listed.venue,
            "price_unit": listed.price_unit.to_string(),
            "qty_unit": listed.qty_unit.to_string(),
            "events": events.copied().unwrap_or(0),
        })
    });
    let kinds = summary.kinds.iter().map(|(kind, number)| (kind.name().to_owned(), json!(number)));
    json!({
        "file": input.display().to_string(),
        "content": "events",
        "source": summary.header.source,
        "events": summary.events,
        "messages": summary.messages,
        "bytes": bytes,
        "first_ns": summary.period.map(|(first, _)| first.nanos()),
        "last_ns": summary.period.map(|(_, last)| last.nanos()),
        "kinds": kinds.collect::<serde_json::Map<_, _>>(),
        "instruments": instruments.collect::<Vec<_>>(),
        "delay_ns": summary.delays.map(|delays| json!({
            "least": delays.least,
            "p1": delays.low,
            "median": delays.median,
            "p99": delays.high,
            "most": delays.most,
            "drift_ppm": delays.drift_ppm,
        })),
        "checksum": format!("{:08x}", summary.checksum),
        "noticed": noticed.iter().map(ToString::to_string).collect::<Vec<_>>(),
    })
}

fn findings_json(summary: &Summary) -> Value {
    let found = summary.findings.iter().map(|(fault, finding)| {
        let examples = finding.examples.iter().map(|example| {
            json!({
                "event": example.event,
                "local_ns": example.local.nanos(),
                "instrument": market(summary, example.instrument),
                "text": example.text,
            })
        });
        json!({
            "fault": fault.name(),
            "severity": severity(fault.severity()),
            "count": finding.count,
            "examples": examples.collect::<Vec<_>>(),
        })
    });
    found.collect()
}
