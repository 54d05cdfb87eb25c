//! The plumb command.

#[allow(dead_code)] // until a command prints it
mod summary;

fn main() {}
