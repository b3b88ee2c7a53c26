//! The face of cprun towards Rhai: the engine, units, parameters, errors with positions, and the bindings.
//!
//! No other room names `rhai`. A binding converts and forwards; what it forwards to is ordinary Rust.

mod background;
mod bind;
mod check;
mod declare;
mod engine;
mod errors;
mod imports;
mod limits;
mod params;
pub mod reference;
mod rehearsal;
mod repl;
mod session;
mod source;
#[cfg(test)]
mod testing;
mod units;
mod value;

pub use check::{Checker, Finding, Severity, summary};
pub use engine::{Evaluated, evaluate, run};
pub use errors::{render, render_finding};
pub use rehearsal::span;
pub use repl::repl;
pub use session::Options;
pub use source::Source;
