//! Minutes of a pool to events.

use super::*;
use crate::tape::Header;

const TWO: &str = "timestamp,netAmount0,netAmount1,closeTick,openTick,lowestTick,highestTick,\
    inAmount0,inAmount1,currentLiquidity\n\
    2022-07-19 00:00:00,-30361565484,19253165598944715626,202693,202656,202649,202697,\
    23814930590,34314688834673185254,422680516552367239\n\
    2022-07-19 00:03:00,5,-7,-202700,-3,-3,202699,5,0,340282366920938463463374607431768211455\n";
const NAME: &str = "d/Polygon-0x45dda9-2022-07-19.csv.gz";

fn read(text: &str) -> Result<(Header, Vec<Event>, Vec<String>), Error> {
    let mut source = open(NAME, text.as_bytes(), &Options::default())?;
    let events = units::drain(source.as_mut())?;
    let findings = source.findings().iter().map(Finding::to_string).collect();
    Ok((source.header().clone(), events, findings))
}

#[test]
fn a_minute_is_one_message_at_its_end() {
    let (header, events, findings) = read(TWO).unwrap();
    let listed = &header.instruments[0];
    assert_eq!((listed.name.as_str(), listed.venue.as_str()), ("0x45dda9", "uniswap-v3-polygon"));
    let seen: Vec<_> = events[..4].iter().map(|e| (e.kind, e.wide(), e.last)).collect();
    let expected = [
        (Kind::PoolIn0, 23_814_930_590, false),
        (Kind::PoolIn1, 34_314_688_834_673_185_254, false),
        (Kind::PoolLiquidity, 422_680_516_552_367_239, false),
    ];
    assert_eq!(seen[..3], expected);
    assert_eq!((events[3].kind, events[3].price, events[3].last), (Kind::PoolTick, 202_693, true));
    assert_eq!(events[0].exchange.to_string(), "2022-07-19 00:01:00.000");
    assert_eq!((events[6].wide(), events[7].price, events.len()), (u128::MAX, -202_700, 8));
    assert_eq!(read(&TWO.replace("202656", "202656.0")).unwrap().1, events);
    assert_eq!(findings, ["rows missing: 2; first at line 3"]);
}

#[test]
fn impossible_minutes_are_refused_with_line_and_column() {
    let table = [
        (
            ("00:03:00", "00:00:00"),
            "3:1: time 2022-07-19 00:00:00.000 is that of the row above; \
            remove the duplicate",
        ),
        (("00:03:00", "00:03:01"), "3:1: time 2022-07-19 00:03:01.000 is off the grid of 1m"),
        (
            ("2022-07-19 00:03:00", "1658188980"),
            "3:1: `1658188980` is not a time: expected UTC as \
            2026-02-05 21:29:00",
        ),
        (("-3,202699", "-3,-4"), "3:6: lowestTick `-3` is outside up to -4"),
        ((",5,-7,", ",6,-7,"), "3:8: inAmount0 `5` is outside netAmount0 6 and above"),
        ((",5,-7,", ",5,1.5,"), "3:3: `1.5` is not a decimal number"),
        ((",5,0,34", ",5,-1,34"), "3:9: `-1` is not a whole number from 0, or it is too large"),
        (("-202700", "887273"), "3:4: closeTick `887273` is outside -887272 to 887272"),
        (
            ("1768211455", "1768211456"),
            "3:10: `340282366920938463463374607431768211456` is not a whole number from 0, \
             or it is too large",
        ),
    ];
    for ((from, to), expected) in table {
        let text = TWO.replace(from, to);
        assert_ne!(text, TWO, "{from}");
        match read(&text) {
            Err(error) => assert_eq!(error.to_string(), format!("{NAME}:{expected}")),
            Ok(_) => panic!("{from} {to}: no error"),
        }
    }
}
