//! Turns what a run observed into figures: pure functions over plain structs, no clock, no files, no cluster.
//!
//! The way through the room: `history` sorts journal lines into trials; `series`, `lag`, `timeline`,
//! `checkpoints`, `latency`, `oracle`, `resources` and `throughput` measure one trial; `validity` judges it; `results`
//! brings trials together with `statistics` and `model`. Whatever is drawn at random is seeded, so that the
//! same journal gives the same bytes.

pub mod binned;
pub mod budget;
pub mod checkpoints;
pub mod curve;
pub mod decide;
pub mod enough;
pub mod folded;
pub mod foreign;
pub mod history;
pub mod lag;
pub mod latency;
pub mod model;
pub mod oracle;
pub mod outlook;
pub mod precision;
pub mod provenance;
pub mod resources;
pub mod results;
pub mod sampling;
pub mod saturation;
pub mod series;
pub mod statistics;
#[cfg(test)]
pub(crate) mod story;
pub mod stretches;
pub mod throughput;
pub mod timeline;
pub mod validity;
