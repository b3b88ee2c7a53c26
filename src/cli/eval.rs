//! `cprun eval`: one expression.

use clap::Args;

use crate::error::Result;
use crate::host::Host;
use crate::runtime::Runtime;
use crate::script::{self, Source};

#[derive(Args)]
#[group(id = "eval-arguments")]
pub struct Arguments {
    /// The expression, as in 'analysis::optimal_interval(#{ c: 0.778, mtbf: 10.min })'
    expression: String,
    /// Print the value as JSON on one line: floats with all digits, durations as seconds
    #[arg(long)]
    json: bool,
}

pub fn eval(host: &Host, runtime: &Runtime, arguments: &Arguments) -> Result<u8> {
    let source = Source::expression(&arguments.expression);
    if let Some(code) = super::check::first(host, &source) {
        return Ok(code);
    }
    let value = script::evaluate(host, runtime, source)?;
    host.stdout.write(&format!("{}\n", if arguments.json { value.json } else { value.text }));
    Ok(0)
}
