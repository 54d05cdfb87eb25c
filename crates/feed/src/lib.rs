//! Market data: bytes in, events out.
//!
//! Importers of what exchanges publish (klines, funding rates, raw websocket captures), the order
//! book rebuilt from a capture, and Parquet tables that keep every digit. All input is hostile
//! until checked: whatever the bytes, the answer is data or an [`Error`] that names file, line,
//! column, cause and what was expected. [`open_bars`] and [`open_funding`] read any layout of
//! theirs, [`open_source`] any recorded file as market events.

mod error;
mod record;
mod series;
mod number;
mod meter;
mod part;
mod json_rows;
mod lines;
mod csv;
pub mod klines;
pub mod funding;
pub mod capture;
pub mod options;
pub mod book;
pub mod surfaces;
pub mod table;
mod findings;
pub mod tape;
mod units;
pub mod dumps;
pub mod streams;
pub mod bars;
pub mod settlements;
pub mod chains;
pub mod pools;
pub mod tardis;
mod files;
mod sources;

pub use error::{Cause, Error, interval_text};
pub use files::{
    Content, Encoding, Extremes, Info, Kind, detect, export_csv, import, info, open_bars,
    open_funding, open_funding_of, open_table,
};
pub use findings::{Finding, Notice};
pub use lines::Limits;
pub use meter::Meter;
pub use record::{Bar, BookTicker, DepthUpdate, Funding, Level, MarketEvent, Taker, Trade};
pub use series::{Gap, Record, Series};
pub use sources::{Format, Layout, OpenOptions, create_sink, open_source};
pub use table::Table;
pub use units::{Options, Prices};
