//! The files of `tests/damaged`: each is refused, or what is left out of it is told, with file,
//! line, cause and what to do.

use std::collections::BTreeMap;
use std::fs::{self, DirEntry};

use feed::tape::Source;
use feed::{OpenOptions, open_source};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/damaged");

/// The error that ends a file, or the findings of one that is read to its end.
fn outcome(name: &str) -> Vec<String> {
    let path = format!("{FOLDER}/{name}");
    let read = |mut source: Box<dyn Source>| {
        let mut slots = vec![];
        while source.fill(&mut slots)? {}
        Ok(source.findings().iter().map(|finding| format!(" {finding}")).collect())
    };
    let said: Vec<String> = match open_source(&path, &OpenOptions::default()).and_then(read) {
        Ok(findings) => findings,
        Err(error) => {
            assert_eq!(error.file, path);
            vec![error.to_string()]
        }
    };
    said.iter().map(|text| text.replace(&format!("{path}:"), "")).collect()
}

/// What is to be said of each file: its name, a colon, the message; a line for each finding.
fn expected() -> BTreeMap<String, Vec<String>> {
    let mut all = BTreeMap::<String, Vec<String>>::new();
    for line in fs::read_to_string(format!("{FOLDER}.txt")).unwrap().lines() {
        let (name, message) = line.split_once(':').unwrap();
        all.entry(name.to_owned()).or_default().push(message.to_owned());
    }
    all
}

#[test]
fn every_damaged_file_is_named_with_line_cause_and_what_to_do() {
    let mut names = fs::read_dir(FOLDER).unwrap().map(|entry| entry.unwrap()).collect::<Vec<_>>();
    names.sort_by_key(DirEntry::file_name);
    let mut seen = BTreeMap::new();
    for entry in names {
        assert!(entry.metadata().unwrap().len() < 4096, "{entry:?}");
        let name = entry.file_name().into_string().unwrap();
        seen.insert(name.clone(), outcome(&name));
    }
    let told = |all: &BTreeMap<String, Vec<String>>| {
        let lines = all.iter().flat_map(|(name, said)| said.iter().map(move |s| (name, s)));
        lines.map(|(name, said)| format!("{name}:{said}\n")).collect::<String>()
    };
    assert_eq!(told(&seen), told(&expected()));
}
