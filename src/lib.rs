//! cprun runs checkpoint experiments on a real Apache Flink from short Rhai scripts.
//!
//! docs/architecture.md maps the rooms below and the one way in which data flows through them.

pub mod analysis;
pub mod cli;
pub mod clock;
pub mod cluster;
pub mod collect;
pub mod dataset;
pub mod error;
pub mod fault;
pub mod flink;
pub mod host;
pub mod kafka;
pub mod record;
pub mod replay;
pub mod report;
pub mod run;
pub mod runtime;
pub mod script;
pub mod secret;
pub mod sim;

include!(concat!(env!("OUT_DIR"), "/embedded.rs"));
