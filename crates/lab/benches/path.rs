//! What one point of a bridged path costs.
#![allow(clippy::disallowed_types, missing_docs)]

fn main() {}
