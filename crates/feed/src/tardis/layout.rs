//! The header of a file: which type it is and where each column stands.

use super::DataType;
use crate::error::{Cause, excerpt};

const EXPECTED: &str = "the header of a Tardis file (exchange,symbol,timestamp,local_timestamp,…)";

/// Columns that every type begins with.
pub(super) const SHARED: [&str; 4] = ["exchange", "symbol", "timestamp", "local_timestamp"];

const BOOK: [&str; 4] = ["is_snapshot", "side", "price", "amount"];
const TRADE: [&str; 4] = ["id", "side", "price", "amount"];
const QUOTE: [&str; 4] = ["ask_amount", "ask_price", "bid_price", "bid_amount"];
const TICKER: [&str; 7] = [
    "funding_timestamp",
    "funding_rate",
    "predicted_funding_rate",
    "open_interest",
    "last_price",
    "index_price",
    "mark_price",
];
const CHAIN: [&str; 20] = [
    "type",
    "strike_price",
    "expiration",
    "open_interest",
    "last_price",
    "bid_price",
    "bid_amount",
    "bid_iv",
    "ask_price",
    "ask_amount",
    "ask_iv",
    "mark_price",
    "mark_iv",
    "underlying_index",
    "underlying_price",
    "delta",
    "gamma",
    "vega",
    "theta",
    "rho",
];

/// Where the columns of a file stand.
pub(super) struct Layout {
    pub(super) what: DataType,
    /// Names by column.
    names: Vec<String>,
    /// Columns by their number in the type's own order.
    places: Vec<usize>,
}

impl Layout {
    /// From a header; the file's name tells types apart that have the same columns.
    pub(super) fn new(header: &str, file: &str) -> Result<Layout, (usize, Cause)> {
        let names: Vec<&str> = header.split(',').collect();
        let what = data_type(&names, file)
            .ok_or_else(|| unknown(&names, header))?
            .map_err(|cause| (0, cause))?;
        let roles = roles(what);
        for (index, name) in names.iter().enumerate() {
            if !roles.iter().any(|role| role == name) || names[..index].contains(name) {
                return Err((index + 1, Cause::UnknownHeader(excerpt(name), EXPECTED)));
            }
        }
        let place = |role: &String| names.iter().position(|name| name == role);
        let places: Vec<usize> = roles.iter().filter_map(place).collect();
        if places.len() < roles.len() {
            let expected = format!("all {} of {}", roles.len(), what.name());
            return Err((0, Cause::ColumnCount(names.len(), expected)));
        }
        let names = names.into_iter().map(str::to_owned).collect();
        Ok(Layout { what, names, places })
    }

    /// How many columns a row has.
    pub(super) fn columns(&self) -> usize {
        self.names.len()
    }

    /// Where a column of the type stands.
    pub(super) fn place(&self, role: usize) -> usize {
        self.places[role]
    }

    /// The name of a column by its place.
    pub(super) fn name(&self, place: usize) -> &str {
        &self.names[place]
    }

    /// Whether the columns stand in the type's own order.
    pub(super) fn in_order(&self) -> bool {
        self.places.is_sorted()
    }
}

/// The type that has these columns, `None` if there is none; an error if the name has to tell.
fn data_type(names: &[&str], file: &str) -> Option<Result<DataType, Cause>> {
    let has = |name: &str| names.contains(&name);
    if !SHARED.iter().all(|name| has(name)) {
        return None;
    }
    let told = |first: DataType, second: DataType| {
        let place = |what: DataType| file.rfind(what.name());
        match (place(first), place(second)) {
            (None, None) => Err(Cause::Ambiguous(first.name(), second.name())),
            (one, other) => Ok(if one > other { first } else { second }),
        }
    };
    let what = if has("is_snapshot") {
        Ok(DataType::IncrementalBookL2)
    } else if has("asks[24].price") {
        Ok(DataType::BookSnapshot25)
    } else if has("asks[0].price") {
        Ok(DataType::BookSnapshot5)
    } else if has("underlying_price") {
        Ok(DataType::OptionsChain)
    } else if has("funding_rate") {
        Ok(DataType::DerivativeTicker)
    } else if has("ask_price") {
        Ok(told(DataType::BookTicker, DataType::Quotes).unwrap_or(DataType::Quotes))
    } else if has("id") {
        told(DataType::Trades, DataType::Liquidations)
    } else {
        return None;
    };
    Some(what)
}

/// What is wrong with a header of no type: the first name that none has, or the whole.
fn unknown(names: &[&str], header: &str) -> (usize, Cause) {
    let known = |name: &&str| {
        let all = SHARED.iter().chain(&BOOK).chain(&TRADE).chain(&QUOTE).chain(&TICKER);
        all.chain(&CHAIN).any(|known| known == name)
    };
    match names.iter().position(|name| !known(name)) {
        Some(index) if index >= SHARED.len() => {
            (index + 1, Cause::UnknownHeader(excerpt(names[index]), EXPECTED))
        }
        Some(_) | None => (0, Cause::NotOneOf(excerpt(header), EXPECTED)),
    }
}

/// The columns of a type in its own order.
fn roles(what: DataType) -> Vec<String> {
    let levels = |depth: usize| {
        let level = |index: usize| {
            ["asks", "bids"].into_iter().flat_map(move |side| {
                ["price", "amount"].map(|value| format!("{side}[{index}].{value}"))
            })
        };
        (0..depth).flat_map(level).collect()
    };
    let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let own: Vec<String> = match what {
        DataType::IncrementalBookL2 => owned(&BOOK),
        DataType::BookSnapshot5 => levels(5),
        DataType::BookSnapshot25 => levels(25),
        DataType::Trades | DataType::Liquidations => owned(&TRADE),
        DataType::Quotes | DataType::BookTicker => owned(&QUOTE),
        DataType::DerivativeTicker => owned(&TICKER),
        DataType::OptionsChain => owned(&CHAIN),
    };
    SHARED.iter().map(|name| (*name).to_owned()).chain(own).collect()
}
