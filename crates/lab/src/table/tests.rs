//! What is written reads back; equal records give equal bytes.

use super::*;
use crate::metrics::Options;
use crate::record::Sample;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;
use std::fs::File;

fn record() -> Record {
    let mut samples = Samples::default();
    for row in 0..3i64 {
        samples.push(Sample {
            time_ms: 1_759_276_800_000 + row * 60_000,
            spot: 100.0 + row as f64,
            index: 100.5,
            mark: 100.25,
            mid: if row == 1 { f64::NAN } else { 100.125 },
            recorded_perp: f64::NAN,
            premium_bp: 1.5,
            funding_8h_bp: -0.25,
            open_interest_usd: 1e6,
            depth_10bp_usd: 2e6,
            spread_bp: 0.5,
        });
    }
    let class = ClassRecord {
        class: "market maker".into(),
        agents: 3,
        fees_usd: -12.5,
        ..ClassRecord::default()
    };
    Record {
        scenario: "calm".into(),
        seed: 42,
        markets: vec![MarketRecord { name: "BTC/PERP".into(), samples, ..Default::default() }],
        classes: vec![class],
        ..Record::default()
    }
}

fn written() -> (tempfile::TempDir, Vec<PathBuf>) {
    let folder = tempfile::tempdir().unwrap();
    let record = record();
    let metrics = Metrics::of(&record, &Options::default());
    let files = write_all(&folder.path().join("out"), &record, &metrics).unwrap();
    (folder, files)
}

fn rows(path: &Path) -> Vec<Vec<(String, Field)>> {
    let reader = SerializedFileReader::new(File::open(path).unwrap()).unwrap();
    let rows = reader.get_row_iter(None).unwrap();
    rows.map(|row| row.unwrap().into_columns()).collect()
}

#[test]
fn samples_read_back_as_written_with_utc_times() {
    let (_folder, files) = written();
    assert!(files[0].ends_with("samples-BTC_PERP.parquet"), "{:?}", files[0]);
    let rows = rows(&files[0]);
    assert_eq!(rows.len(), 3);
    let names: Vec<&str> = rows[0].iter().map(|(name, _)| name.as_str()).collect();
    let expected = Samples::default().columns().map(|(name, _)| name);
    assert_eq!(names[0], "time");
    assert_eq!(names[1..], expected);
    assert_eq!(rows[2][0].1, Field::TimestampMillis(1_759_276_920_000));
    assert_eq!(rows[2][1].1, Field::Double(102.0));
    assert_eq!(rows[0][4].1, Field::Double(100.125));
    let Field::Double(missing) = rows[1][4].1 else { panic!("mid is a double") };
    assert!(missing.is_nan());
}

#[test]
fn classes_read_back_with_names_and_flows() {
    let (_folder, files) = written();
    let row = rows(&files[1]).remove(0);
    assert_eq!(row[0], ("class".into(), Field::Str("market maker".into())));
    assert_eq!(row[1], ("agents".into(), Field::Long(3)));
    assert!(row.contains(&("fees_usd".into(), Field::Double(-12.5))));
}

#[test]
fn summary_shows_null_for_what_is_not_defined() {
    let (_folder, files) = written();
    let text = fs::read_to_string(&files[2]).unwrap();
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(json["seed"], 42);
    let simulated = &json["metrics"]["markets"][0]["simulated"];
    assert!(simulated["half_lives"][0]["half_life_s"].is_null());
    assert!(simulated["calm"]["deviation_bp"]["mean"].is_null());
    assert_eq!(simulated["missing"], 1);
    assert_eq!(json["markets"][0]["samples"], 3);
}

#[test]
fn no_temporary_file_is_left_and_the_same_record_gives_the_same_bytes() {
    let (folder, files) = written();
    let (_other, again) = written();
    let left = fs::read_dir(folder.path().join("out")).unwrap().count();
    assert_eq!(left, files.len());
    for (one, two) in files.iter().zip(&again) {
        assert_eq!(fs::read(one).unwrap(), fs::read(two).unwrap());
    }
}

#[test]
fn a_column_of_another_length_is_refused_by_name() {
    let mut record = record();
    record.markets[0].samples.mark.pop();
    let metrics = Metrics::of(&record, &Options::default());
    let folder = tempfile::tempdir().unwrap();
    let refused = write_all(folder.path(), &record, &metrics).unwrap_err().to_string();
    assert_eq!(refused, "samples of BTC/PERP: column mark has 2 rows where time has 3");
}

#[test]
fn a_folder_that_cannot_be_made_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "x").unwrap();
    let refused = write_file(&file.join("a.json"), b"{}").unwrap_err().to_string();
    assert!(refused.contains("file/a.json") && refused.contains("check that"), "{refused}");
}
