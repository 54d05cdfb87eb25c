//! Hostile bytes: whatever the input, every reader answers.

use std::fs;
use std::io::Read;

use feed::{Limits, Options, capture, funding, klines};
use feed::{bars, chains, dumps, pools, settlements, streams};
use proptest::prelude::*;

use crate::{excerpt, gzip, sample};

fn read_all(bytes: &[u8]) {
    let limits = Limits { line_bytes: 1 << 16, total_bytes: 1 << 22, rows: 10_000 };
    let _ = klines::read("hostile", bytes, &limits);
    let _ = funding::read_all("hostile", bytes, &limits);
    read_sources(bytes, &limits);
    if let Ok(events) = capture::Capture::new("hostile", bytes, &limits) {
        let mut book = feed::book::L2Book::new();
        for event in events.map_while(Result::ok) {
            if let feed::MarketEvent::Depth(update) = event.event {
                book.apply(&update);
            }
        }
    }
}

const TRADES: &str = "id,price,qty,quote_qty,time,is_buyer_maker\n\
    1,61800.30,0.006,370.8,1723161256322,false\n2,61800.2,1,1,1723161256323,true\n";
const ROWS: &str = "[[1760054400000,110.2,112,110,111,5],[1760054700000,111,111.5,109,110.5,3]]";

/// All importers of events, each to its end or its first error.
fn read_sources(bytes: &[u8], limits: &Limits) {
    let options = Options { limits: *limits, ..Options::default() };
    let sources = [
        dumps::open("hostile", bytes, &options),
        streams::open("hostile", bytes, &options),
        bars::open("hostile", bytes, &options),
        settlements::open("hostile", bytes, &options),
        chains::open("hostile", bytes, &options),
        pools::open("hostile", bytes, &options),
    ];
    for mut source in sources.into_iter().flatten() {
        let mut slots = vec![];
        while source.fill(&mut slots).unwrap_or(false) {}
        assert!(!source.fill(&mut slots).unwrap_or(true), "it has ended");
        let _ = source.findings();
    }
}

fn beginning(path: std::path::PathBuf, length: u64) -> Vec<u8> {
    let mut text = Vec::new();
    let file = flate2::read::GzDecoder::new(fs::File::open(path).unwrap());
    file.take(length).read_to_end(&mut text).unwrap();
    text
}

fn mutated(mut bytes: Vec<u8>, changes: &[(prop::sample::Index, u8)]) -> Vec<u8> {
    for (index, byte) in changes {
        let at = index.index(bytes.len());
        bytes[at] = *byte;
    }
    bytes
}

fn changes() -> impl Strategy<Value = Vec<(prop::sample::Index, u8)>> {
    prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn random_bytes_give_an_answer(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        read_all(&bytes);
    }

    #[test]
    fn random_rows_give_an_answer(text in "([-0-9a-z.,eN\\n ]{0,40}[,\\n]){0,20}") {
        read_all(text.as_bytes());
    }

    #[test]
    fn changed_text_gives_an_answer(changes in changes()) {
        read_all(&mutated(beginning(sample("SOLUSDT-perp-5m.csv.gz"), 600), &changes));
        read_all(&mutated(beginning(sample("SOLUSDT-funding-8h.csv.gz"), 300), &changes));
        read_all(&mutated(beginning(excerpt("binance-usdm-btcusdt-20240808.gz"), 2_000), &changes));
    }

    #[test]
    fn changed_events_give_an_answer(changes in changes()) {
        let shipped = |name: &str| sample("..").join(name);
        let pool = "uniswap-2022-08/\
            Polygon-0x45dda9cb7c25131df268515131f647d726f50608-2022-08-19.csv.gz";
        read_all(&mutated(beginning(shipped(pool), 700), &changes));
        read_all(&mutated(beginning(shipped("deribit-2026-02/btc-week.csv.gz"), 900), &changes));
        read_all(&mutated(TRADES.as_bytes().to_vec(), &changes));
        read_all(&mutated(ROWS.as_bytes().to_vec(), &changes));
    }

    #[test]
    fn changed_gzip_gives_an_answer(changes in changes()) {
        let packed = gzip(&beginning(sample("SOLUSDT-perp-5m.csv.gz"), 600));
        read_all(&mutated(packed, &changes));
    }

    #[test]
    fn changed_parquet_is_read_or_refused(
        changes in changes(),
        cut in any::<prop::sample::Index>(),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let (csv, path) = (folder.path().join("f.csv"), folder.path().join("f.parquet"));
        fs::write(&csv, beginning(sample("SOLUSDT-funding-8h.csv.gz"), 268)).unwrap();
        feed::import(&[&csv], None, &path).unwrap();
        let whole = fs::read(&path).unwrap();
        fs::write(&path, mutated(whole.clone(), &changes)).unwrap();
        let _ = feed::open_table(&path, None);
        fs::write(&path, &whole[..cut.index(whole.len())]).unwrap();
        prop_assert!(feed::open_table(&path, None).is_err());
    }
}
