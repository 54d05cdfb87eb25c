//! The file of vectors: lines of text, compressed.

use std::fs;
use std::io::{Read, Write};
use std::path::Path;

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;

/// Calls of each version in the file.
pub const CALLS: usize = 900;

/// Writes the text; what was written.
pub fn write(file: &Path, text: &str) -> Result<String, String> {
    let fail = |e: std::io::Error| format!("{}: {e}", file.display());
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(text.as_bytes()).map_err(fail)?;
    let bytes = encoder.finish().map_err(fail)?;
    fs::write(file, &bytes).map_err(fail)?;
    Ok(format!("{}: {} calls, {} bytes", file.display(), text.lines().count(), bytes.len()))
}

/// Says whether the file holds the text; the error shows the first line that differs.
pub fn check(file: &Path, text: &str) -> Result<String, String> {
    let fail = |e: std::io::Error| format!("{}: {e}", file.display());
    let bytes = fs::read(file).map_err(fail)?;
    let mut held = String::new();
    GzDecoder::new(bytes.as_slice()).read_to_string(&mut held).map_err(fail)?;
    if held == text {
        return Ok(format!(
            "{}: {} calls, as the contracts answer",
            file.display(),
            text.lines().count()
        ));
    }
    let lines = held.lines().zip(text.lines()).enumerate();
    let first = lines.into_iter().find(|(_, (old, new))| old != new);
    let what = match first {
        Some((number, (old, new))) => {
            format!("line {}\n  file     {old}\n  contract {new}", number + 1)
        }
        None => {
            format!("{} lines, the contracts give {}", held.lines().count(), text.lines().count())
        }
    };
    Err(format!(
        "{} differs at {what}\nrun `cargo xtask vectors amm`, and review what changed",
        file.display()
    ))
}
