//! The market laboratory: what a run leaves behind, how it is measured, and how it is shown.

pub mod record;

pub mod text;

pub mod metrics;

pub mod compare;

pub mod table;

pub mod report;
