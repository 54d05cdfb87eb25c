//! Good back-tests read as meant; broken ones are refused with the exact message.

use std::path::Path;

use feed::tape::{Header, Listed};
use money::{Amount, Rate};
use proptest::prelude::{prop, prop_assert, prop_assert_eq, proptest};

use super::axis::{Axis, grid};
use super::market::Opened;
use super::*;
use crate::replay::exchange::Fills;
use crate::replay::latency::{Delay, Jitter, OrderOutage, Recorded, Sampled};
use crate::replay::queue::{QueueModel, Weight};
use crate::scenario::Size;

const GOOD: &str = r#"name = "pair"
seed = 7
start = 2024-08-08T06:00:00Z
end = 2024-08-08T07:00:00Z
sample = "500ms"

[strategy]
name = "maker"
trades = ["perp", "spot"]
half_spread_bp = 2
order_qty = 0.01
wake_ms = 250

[[market]]
name = "spot"
data = "spot.gz"

[[market]]
name = "perp"
data = ["perp.gz"]
fee_maker_bp = -0.5
latency = { order = "1ms" }
funding = { rule = "industry", cap_bp = 30 }

[latency]
feed = "recorded * 1.5 + 2ms"
order = "3ms + exp 2ms"
loss_pct = 1

[exchange]
queue = "power:3"

[account]
cash = 50_000
coins = { BTC = 0.5 }

[[outage]]
from = 2024-08-08T06:10:00Z
to = 2024-08-08T06:11:00Z
market = "perp"
orders = "refused"
"#;

fn listed(name: &str, venue: &str, units: [&str; 2]) -> Listed {
    Listed {
        name: name.into(),
        venue: venue.into(),
        price_unit: units[0].parse().unwrap(),
        qty_unit: units[1].parse().unwrap(),
    }
}

/// Files by name: `spot`, `perp`, `both` (two instruments), `plain` (of no known venue), `empty`.
fn open(source: &Source) -> Result<Opened, feed::Error> {
    let name = source.path.file_stem().unwrap().to_string_lossy().into_owned();
    let spot = listed("BTCUSDT", "binance", ["0.01", "0.00001"]);
    let perp = listed("BTCUSDT", "binance-futures", ["0.1", "0.001"]);
    let instruments = match name.as_str() {
        "spot" => vec![spot],
        "perp" => vec![perp],
        "both" => vec![perp, listed("ETHUSDT", "binance-futures", ["0.01", "0.001"])],
        "plain" => vec![listed("GOLD", "", ["0.5", "1"])],
        "empty" => vec![listed("BTCUSDT", "binance", ["0.01", "0.00001"])],
        _ => return feed::open_bars(&source.path).map(|_| Opened::default()),
    };
    let first = if name == "empty" { None } else { Some("60000".parse().unwrap()) };
    let first = vec![first; instruments.len()];
    Ok(Opened {
        header: Header { source: name, instruments },
        first,
        ticks: Vec::new(),
        delay_min: Some(0),
    })
}

fn read(given: &Given) -> Result<Setup, String> {
    Setup::read(given, &open).map_err(|error| error.to_string())
}

/// A back-test from a file in a folder that has the data files.
fn read_file(text: &str, arguments: &[&str]) -> Result<Setup, String> {
    let folder = tempfile::tempdir().unwrap();
    for name in ["spot.gz", "perp.gz", "both.gz"] {
        std::fs::write(folder.path().join(name), "").unwrap();
    }
    let file = folder.path().join("pair.toml");
    let arguments: Vec<Argument> =
        arguments.iter().map(|text| Argument::parse("--set", text).unwrap()).collect();
    let given = Given { file: Some((file, text.into())), arguments, ..Given::default() };
    let tidy = |error: String| error.replace(&format!("{}/", folder.path().display()), "");
    read(&given).map_err(tidy)
}

fn broken(from: &str, to: &str) -> String {
    assert!(GOOD.contains(from), "{from}");
    read_file(&GOOD.replacen(from, to, 1), &[]).unwrap_err()
}

/// A back-test without a file.
fn given(strategy: &str, data: &[(&str, &str)], arguments: &[&str]) -> Given {
    let data = data.iter().map(|(market, path)| DataArgument {
        market: (!market.is_empty()).then(|| (*market).to_owned()),
        path: PathBuf::from(path),
    });
    let arguments = arguments.iter().map(|text| Argument::parse("--set", text).unwrap());
    Given {
        strategy: Some(strategy.into()),
        file: None,
        data: data.collect(),
        arguments: arguments.collect(),
    }
}

const PAIR: &[(&str, &str)] = &[("spot", "spot.gz"), ("perp", "perp.gz")];

#[test]
fn a_file_reads_as_written_and_by_default() {
    let setup = read_file(GOOD, &[]).unwrap();
    assert_eq!((setup.name.as_str(), setup.seed), ("pair", 7));
    assert_eq!(setup.start.unwrap().to_string(), "2024-08-08 06:00:00.000");
    assert_eq!((setup.sample, setup.wake), (Span::from_millis(500), Span::from_millis(250)));
    assert_eq!(setup.trades, [1, 0]);
    let [spot, perp] = &setup.markets[..] else { panic!("{:?}", setup.markets) };
    assert_eq!((spot.kind, spot.venue.as_str()), (Kind::Spot, "binance-spot"));
    assert_eq!((perp.kind, perp.venue.as_str()), (Kind::Perpetual, "binance-usdm"));
    assert_eq!((spot.base.as_str(), spot.quote.as_str()), ("BTC", "USDT"));
    let listing = &setup.listings()[1];
    assert_eq!(listing.fee_maker, Rate::from_raw(-50_000_000));
    assert_eq!(listing.fee_taker, Rate::from_bp(5));
    assert_eq!((perp.tick, perp.lot), ("0.1".parse().unwrap(), "0.001".parse().unwrap()));
    assert!(perp.funding.is_some() && spot.funding.is_none());
    let sampled = |millis, jitter| {
        let (base, resend) = (Span::from_millis(millis), Span::from_millis(200));
        let jitter = Jitter::Exponential(Span::from_millis(jitter));
        Delay::Sampled(Sampled { base, jitter, loss: 0.01, resend })
    };
    assert_eq!(spot.latency.order, sampled(3, 2));
    assert_eq!(perp.latency.order, sampled(1, 0));
    let (shift, floor) = (1_333_333, Span::ZERO);
    let recorded = Delay::Recorded(Recorded { shift, factor: 1.5, floor });
    assert_eq!(spot.latency.feed, Some(recorded.clone()));
    assert_eq!(perp.latency.feed, Some(recorded));
    let power = QueueModel::Probability(Weight::PowerShare { n: 3.0 });
    assert_eq!((setup.exchange.queue, setup.exchange.fills), (power, Fills::Partial));
    assert_eq!(setup.account.currency(), "USDT");
    assert_eq!(setup.account.holdings[0].start, "50000".parse::<Amount>().unwrap());
    assert_eq!(setup.account.start_of("BTC"), "0.5".parse().unwrap());
    let outage = setup.outages[0];
    assert_eq!((outage.market, outage.outage.orders), (Some(1), OrderOutage::Refused));
    assert_eq!(setup.hear, Hear::Change);
    let Trader::Maker(maker) = setup.trader else { panic!("{:?}", setup.trader) };
    assert_eq!((maker.half_spread, maker.size), (2e-4, Size::Coins("0.01".parse().unwrap())));
    assert!(setup.strategy().is_ok());
    assert_eq!(
        setup.notes[1],
        "perp: BTCUSDT, binance-usdm perpetual; tick 0.1 of the venue; lot 0.001 of the venue; \
         fees -0.5/5 bp as given and of the venue"
    );
}

#[test]
fn parameters_are_those_that_hold() {
    let setup = read_file(GOOD, &["half_spread_bp=2.5"]).unwrap();
    let value = |name: &str| {
        let found = setup.parameters.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    };
    assert_eq!(value("half_spread_bp"), Some("2.5"), "set");
    assert_eq!(value("wake_ms"), Some("250"), "of the file");
    assert_eq!(value("levels"), Some("3"), "by default");
    assert_eq!(value("neutral"), None);
    assert_eq!((value("order_qty"), value("size_usd")), (Some("0.01"), None), "one counts");
    assert_eq!(value("position_usd_max"), Some("250000"));
    let rooted = read_file(GOOD, &["impact.model=root", "impact.decay=1min"]).unwrap();
    let impact = rooted.models.iter().find(|(name, _)| name == "impact").unwrap();
    assert_eq!(impact.1, "1 σ of the volume to the power 0.5, 1min");
    let refused = read_file(GOOD, &["impact.model=root", "impact.exponent=0.45"]).unwrap_err();
    assert!(refused.starts_with("--set impact.exponent=0.45: [impact]: the decay's"), "{refused}");
    let model = |name: &str| setup.models.iter().find(|(known, _)| known == name).unwrap();
    assert_eq!(model("exchange").1, "partial fills; queue power:3");
    assert_eq!(
        model("latency").1,
        "feed recorded * 1.5 + 2ms; order 3ms + exp 2ms (1 % lost, resent after 200ms); answer 5ms \
         (1 % lost, resent after 200ms)"
    );
}

#[test]
fn every_strategy_is_built_from_its_data_alone() {
    for class in Class::ALL {
        let setup = read(&given(class.name(), PAIR, &[])).unwrap();
        assert_eq!(setup.trader.class(), class);
        assert!(setup.strategy().is_ok(), "{}", class.name());
        assert!(Class::find(class.name()).is_ok());
        assert_eq!(setup.parameters.len(), {
            let set = |it: &&trader::Parameter| it.default != "none";
            class.parameters().iter().filter(set).count()
        });
    }
    let alone = read(&given("maker", &[("", "perp.gz")], &[])).unwrap();
    assert_eq!((alone.trades.as_slice(), alone.markets[0].name.as_str()), (&[0, 0][..], "BTCUSDT"));
    assert!(alone.strategy().is_ok());
    let basis = read(&given("basis", &[PAIR[1], PAIR[0]], &[])).unwrap();
    assert_eq!(basis.trades, [1, 0], "spot first, whatever the order");
}

#[test]
fn the_command_line_goes_before_the_file() {
    let sets = [
        "half_spread_bp=4",
        "size_usd=500",
        "latency=7ms",
        "latency.feed=1ms",
        "loss_pct=0",
        "queue=log",
        "market.fee_taker_bp=1",
        "market.perp.fee_taker_bp=2",
        "trades=spot,perp",
        "coins=BTC:2",
        "seed=1",
        "seed=9",
        "end=2024-08-08T06:30:00Z",
        "hear=wake",
    ];
    let setup = read_file(GOOD, &sets).unwrap();
    let Trader::Maker(maker) = setup.trader else { panic!("{:?}", setup.trader) };
    assert_eq!(maker.half_spread, 4e-4);
    assert_eq!(maker.size, Size::Quote("500".parse().unwrap()), "nearer than `order_qty`");
    let [spot, perp] = &setup.markets[..] else { panic!("{:?}", setup.markets) };
    assert_eq!(spot.latency.order, Delay::Constant(Span::from_millis(7)));
    assert_eq!(spot.latency.answer, Delay::Constant(Span::from_millis(7)));
    assert_eq!(perp.latency.order, Delay::Constant(Span::from_millis(1)), "its own table");
    assert_eq!(spot.latency.feed, Some(Delay::Constant(Span::from_millis(1))));
    let taker: Vec<Rate> = setup.listings().iter().map(|listing| listing.fee_taker).collect();
    assert_eq!(taker, [Rate::from_bp(1), Rate::from_bp(2)]);
    assert_eq!((setup.trades, setup.seed, setup.hear), (vec![0, 1], 9, Hear::Wake));
    assert_eq!(setup.exchange.queue, QueueModel::Probability(Weight::LogShare { lot: 1.0 }));
    assert_eq!(setup.account.start_of("BTC"), "2".parse().unwrap());
    assert_eq!(setup.end.unwrap().to_string(), "2024-08-08 06:30:00.000");
}

#[test]
fn a_broken_file_says_where_and_what_to_do() {
    let table = [
        (
            "half_spread_bp = 2",
            "half_spred_bp = 2",
            "pair.toml:10:1: unknown key `half_spred_bp` in [strategy]; did you mean \
             `half_spread_bp`?",
        ),
        (
            "name = \"maker\"",
            "name = \"makr\"",
            "pair.toml:8:8: no strategy `makr`; did you mean `maker`?",
        ),
        ("name = \"maker\"\n", "", "pair.toml:7:1: missing key `name` in [strategy]"),
        (
            "order_qty = 0.01",
            "order_qty = 0.01\nsize_usd = 100",
            "pair.toml:11:13: `order_qty` and `size_usd` in [strategy] mean the same; give one",
        ),
        (
            "sample = \"500ms\"",
            "sample = 0.5",
            "pair.toml:5:10: `sample` in the back-test must be a time with its unit, as \"5ms\", \
             \"1.5s\" or \"2h\", not a fraction",
        ),
        (
            "sample = \"500ms\"",
            "sample = \"2d\"",
            "pair.toml:5:10: `sample` = 2d in the back-test is out of range; it must be between \
             1ms and 1d",
        ),
        (
            "data = \"spot.gz\"",
            "data = \"spott.gz\"",
            "pair.toml:16:8: `data` in [[market]] \"spot\": no such file; tried spott.gz and \
             spott.gz",
        ),
        (
            "order = \"3ms + exp 2ms\"",
            "order = \"recorded\"",
            "pair.toml:27:9: `order` in [latency]: data record no delay of orders; give one",
        ),
        (
            "order = \"3ms + exp 2ms\"",
            "order = \"fast\"",
            "pair.toml:27:9: `order` = `fast` in [latency] must be a delay of up to a day, as \
             `5ms`, `5ms + exp 2ms`, `5ms + lognormal 2ms 0.5`, `recorded` or `recorded * 1.5 + \
             2ms`",
        ),
        (
            "queue = \"power:3\"",
            "queue = \"power\"",
            "pair.toml:31:9: `queue` = `power` in [exchange] must be risk-averse, pro-rata, log, \
             log-total, power:N, power-total:N or power-front:N with N above 0 and up to 100",
        ),
        (
            "coins = { BTC = 0.5 }",
            "coins = { ETH = 0.5 }",
            "pair.toml:35:9: `coins`: no market trades `ETH`; did you mean `BTC`?",
        ),
    ];
    let seen = table.map(|(from, to, _)| broken(from, to));
    assert_eq!(seen, table.map(|(_, _, message)| message));
}

#[test]
fn a_broken_market_or_outage_says_where_and_what_to_do() {
    let table = [
        (
            "fee_maker_bp = -0.5",
            "tick = 0.25",
            "pair.toml:21:8: `tick` = 0.25 in [[market]] \"perp\" is no multiple of 0.1, the \
             finest of its data",
        ),
        (
            "fee_maker_bp = -0.5",
            "kind = \"perpetal\"",
            "pair.toml:21:8: `kind` = `perpetal` in [[market]] \"perp\" must be one of spot, \
             perpetual, inverse, future, pool; did you mean `perpetual`?",
        ),
        (
            "fee_maker_bp = -0.5",
            "margin_maintenance_pct = 5",
            "pair.toml:21:26: `margin_maintenance_pct` in [[market]] \"perp\" must be below \
             `margin_initial_pct`",
        ),
        (
            "data = [\"perp.gz\"]",
            "data = [\"both.gz\"]",
            "pair.toml:18:1: both.gz has several instruments; give `symbol` of [[market]] \
             \"perp\": BTCUSDT, ETHUSDT",
        ),
        (
            "data = [\"perp.gz\"]",
            "data = \"both.gz\"\nsymbol = \"ETHUSD\"",
            "pair.toml:21:10: both.gz has no `ETHUSD`; did you mean `ETHUSDT`?",
        ),
        ("name = \"perp\"", "name = \"spot\"", "pair.toml:19:8: market `spot` stands there twice"),
        (
            "rule = \"industry\"",
            "rule = \"industri\"",
            "pair.toml:23:20: unknown funding rule `industri`; did you mean `industry`?; known: \
             anchored, industry, dydx, velocity, pi",
        ),
        (
            "trades = [\"perp\", \"spot\"]",
            "trades = [\"perp\", \"spt\"]",
            "pair.toml:9:10: `trades` in [strategy]: no market `spt`; did you mean `spot`?",
        ),
        (
            "to = 2024-08-08T06:11:00Z",
            "to = 2024-08-08T06:10:00Z",
            "pair.toml:39:6: `to` in [[outage]] must be after `from`",
        ),
        (
            "end = 2024-08-08T07:00:00Z",
            "end = 2024-08-08T06:00:00Z",
            "pair.toml:4:7: `end` in the back-test must be after `start`",
        ),
    ];
    let seen = table.map(|(from, to, _)| broken(from, to));
    assert_eq!(seen, table.map(|(_, _, message)| message));
}

#[test]
fn a_broken_argument_is_named_and_says_what_to_do() {
    let table = [
        ("half_spred_bp=2", "unknown key `half_spred_bp`; did you mean `half_spread_bp`?"),
        (
            "half_spread_bp=20000",
            "`half_spread_bp` = 20000 in [strategy] is out of range; it must be between 0 and \
             10000",
        ),
        ("half_spread_bp=wide", "`half_spread_bp` in [strategy] must be a number, not text"),
        ("levels=2.5", "`levels` in [strategy] must be a whole number, not a fraction"),
        ("tick=0.1", "`tick` is a key of markets: give `market.tick` or `market.NAME.tick`"),
        ("market.prep.tick=0.1", "no market `prep`; did you mean `perp`?"),
        ("market.perp.tik=0.1", "unknown key `market.perp.tik`; did you mean `tick`?"),
        ("latency.oder=1ms", "unknown key `latency.oder`; did you mean `order`?"),
        (
            "latency=1 parsec",
            "`order` = `1 parsec` in [latency] must be a delay of up to a day, as `5ms`, `5ms + \
             exp 2ms`, `5ms + lognormal 2ms 0.5`, `recorded` or `recorded * 1.5 + 2ms`",
        ),
        ("hear=always", "`hear` = `always` in the back-test must be one of change, wake"),
        ("coins=BTC", "`coins.BTC` in [account] must be a number between 0 and 20000000"),
        (
            "start=yesterday",
            "`start` in the back-test must be a time in UTC, as 2025-10-01T00:00:00Z, or a date, \
             not text",
        ),
        ("impact.model=square", "`model` = `square` in [impact] must be one of none, linear, root"),
        ("strategy=touch", "unknown key `strategy`; known: "),
    ];
    for (argument, message) in table {
        let expected = format!("--set {argument}: {message}");
        let seen = read(&given("maker", PAIR, &[argument])).unwrap_err();
        assert!(seen.starts_with(&expected), "{seen}\n{expected}");
        assert!(seen == expected || message.ends_with(": "), "{seen}");
    }
}

#[test]
fn data_that_do_not_fit_are_refused() {
    let refused =
        |strategy: &str, data: &[(&str, &str)]| read(&given(strategy, data, &[])).unwrap_err();
    assert_eq!(
        refused("touch", &[]),
        "there are no data: give --data FILE, or [[market]] with `data`"
    );
    assert_eq!(
        refused("cross", &[PAIR[0]]),
        "back-test cross: `cross` trades 2 different markets, `trades = [first, second]`; there \
         are spot: give --data for each, or name them"
    );
    assert_eq!(
        refused("touch", &[("", "plain.gz")]),
        "--data plain.gz: nothing tells the kind of market \"GOLD\": give `kind` (or --set \
         market.GOLD.kind=spot), one of spot, perpetual, inverse, future, pool"
    );
    assert_eq!(
        refused("touch", &[("", "empty.gz")]),
        "empty.gz: the first events of `BTCUSDT` hold no price"
    );
    assert_eq!(refused("toch", PAIR), "no strategy `toch`; did you mean `touch`?");
    let both = read(&given("cross", &[("", "both.gz")], &[])).unwrap();
    let names: Vec<&str> = both.markets.iter().map(|market| market.name.as_str()).collect();
    assert_eq!(names, ["BTCUSDT", "ETHUSDT"]);
    assert_eq!(both.markets[1].feeds, [(1, 1)]);
}

#[test]
fn an_axis_is_a_list_or_a_range_with_both_ends() {
    let table = [
        ("queue=power:3,log", &["power:3", "log"][..]),
        ("queue=power:3", &["power:3"]),
        ("edge_bp=1, 2,3", &["1", "2", "3"]),
        ("edge_bp=0:1:3", &["0", "0.5", "1"]),
        ("edge_bp=-1:0:4", &["-1", "-0.666666666667", "-0.333333333333", "0"]),
        ("levels=5:1:5", &["5", "4", "3", "2", "1"]),
        ("size_usd=1:10000:5:log", &["1", "10", "100", "1000", "10000"]),
        ("latency=0ms:200ms:3", &["0ms", "100ms", "200ms"]),
        ("latency=0:1s:3", &["0ms", "500ms", "1s"]),
    ];
    for (text, values) in table {
        assert_eq!(Axis::parse(text).unwrap().values, values, "{text}");
    }
    let labels = Axis::parse("latency=0ms:1.5s:3").unwrap().labels();
    assert_eq!(labels, ("ms", vec!["0".to_owned(), "750".into(), "1500".into()]));
    assert_eq!(Axis::parse("queue=log,power:2").unwrap().labels().0, "");
}

#[test]
fn a_broken_axis_is_named_and_says_what_to_do() {
    let table = [
        ("latency", "give a key and a value: key=value"),
        ("=5", "give a key and a value: key=value"),
        ("edge_bp=1,,2", "a value is empty; give values with one comma between"),
        ("edge_bp=1,2,1", "`1` stands there twice; name each once"),
        ("edge_bp=0:5:1", "`1` is no count; give a whole number from 2 to 10000"),
        ("edge_bp=0:5:3:lin", "`lin` is no scale; give `log` or leave it out"),
        ("edge_bp=0:5:3:log", "with `log` both ends must be above zero"),
        ("edge_bp=5:5:3", "both ends are the same; give one value"),
        ("latency=1ms:5:3", "one end is a time and the other a number; give both a unit"),
        ("edge_bp=low:5:3", "`low` is no end of a range; give a number, or a time with its unit"),
    ];
    for (text, message) in table {
        let expected = format!("--sweep {text}: {message}");
        assert_eq!(Axis::parse(text).unwrap_err().to_string(), expected);
    }
    let twice = ["edge_bp=1,2", "edge_bp=3,4"].map(|text| Axis::parse(text).unwrap());
    assert_eq!(
        grid(&twice).unwrap_err().to_string(),
        "--sweep edge_bp=3,4: `edge_bp` has two axes; give it one"
    );
    let large = ["a=0:1:1000", "b=0:1:1000"].map(|text| Axis::parse(text).unwrap());
    assert_eq!(
        grid(&large).unwrap_err().to_string(),
        "--sweep b=0:1:1000: the grid has more than 100000 cells; take fewer values"
    );
}

#[test]
fn the_last_axis_of_a_grid_is_the_fastest() {
    let axes = ["levels=1,2", "edge_bp=3,4,5"].map(|text| Axis::parse(text).unwrap());
    let cells = grid(&axes).unwrap();
    let shown: Vec<String> = cells
        .iter()
        .map(|cell| cell.iter().map(|it| it.value.as_str()).collect::<Vec<_>>().join(" "))
        .collect();
    assert_eq!(shown, ["1 3", "1 4", "1 5", "2 3", "2 4", "2 5"]);
    assert_eq!(cells[4][1].shown, "--sweep edge_bp=4");
    assert_eq!(grid(&[]).unwrap(), [vec![]]);
}

proptest! {
    #[test]
    fn a_range_has_its_ends_its_count_and_equal_steps(
        from in -1e6f64..1e6, width in 1e-3f64..1e6, count in 2usize..200, down in prop::bool::ANY,
    ) {
        let (from, to) = if down { (from + width, from) } else { (from, from + width) };
        let axis = Axis::parse(&format!("x={from}:{to}:{count}"));
        prop_assert!(axis.is_ok(), "{axis:?}");
        let values: Vec<f64> =
            axis.unwrap().values.iter().map(|value| value.parse().unwrap()).collect();
        prop_assert_eq!(values.len(), count);
        let step = (to - from) / (count - 1) as f64;
        for (at, value) in values.iter().enumerate() {
            let exact = from + step * at as f64;
            let rounding = 2e-11 * from.abs().max(to.abs());
            prop_assert!((value - exact).abs() <= rounding, "{value} {exact}");
        }
    }

    #[test]
    fn an_argument_never_panics_and_is_named_when_refused(text in ".{0,40}") {
        if let Err(error) = Axis::parse(&text) {
            let named = error.to_string().starts_with(&format!("--sweep {text}: "));
            prop_assert!(named, "{error}");
        }
        if let Ok(argument) = Argument::parse("--set", &text) {
            let given = Given { arguments: vec![argument], ..given("maker", PAIR, &[]) };
            if let Err(error) = Setup::read(&given, &open) {
                let is_feed = matches!(error, SetupError::Feed(_));
                prop_assert!(is_feed || error.to_string().starts_with("--set "), "{error}");
            }
        }
    }
}

/// With `UPDATE_EXPECT=1` the page is written instead of compared.
#[test]
fn the_page_of_keys_is_printed_from_the_table() {
    let file = Path::new("../../docs/backtest.md");
    let page = std::fs::read_to_string(file).unwrap();
    let marker = "<!-- keys: printed from the table in `lab::replay::setup` -->\n";
    let (intro, keys) = page.split_once(marker).unwrap();
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(file, format!("{intro}{marker}{}", reference())).unwrap();
        return;
    }
    for (written, printed) in keys.lines().zip(reference().lines()) {
        assert_eq!(written, printed, "run this test with UPDATE_EXPECT=1");
    }
    assert!(keys == reference(), "run this test with UPDATE_EXPECT=1");
}
