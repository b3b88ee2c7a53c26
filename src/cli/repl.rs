//! `cprun repl`: the prompt.

use std::path::PathBuf;

use clap::Args;

use super::exit;
use super::run::on_its_clock;
use crate::error::Result;
use crate::host::Host;
use crate::run::TargetName;
use crate::runtime::Runtime;
use crate::script::{self, Options};

const EXAMPLES: &str = "\
Examples:
  cprun repl
  cprun repl --target sim
  echo 'analysis::optimal_interval(#{ c: 0.778, mtbf: 10.min })' | cprun repl

At the prompt, `help` tells the rest. Input from a pipe is run without a prompt, up to the first error.";

#[derive(Args)]
#[group(id = "repl-arguments")]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// Where it runs: `local`, processes of this machine, or `sim`, a simulation
    #[arg(long, default_value = "local")]
    target: String,
    /// Seed of every random draw
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The run directory, made at the first effect [default: results/repl/TIME under the current directory]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

pub fn repl(host: &Host, runtime: &Runtime, arguments: Arguments, typed: &[String]) -> Result<u8> {
    let mut host = host.clone();
    let target = TargetName::parse(&arguments.target)?;
    let runtime = &on_its_clock(&mut host, runtime, target)?;
    let _inside = runtime.enter();
    let options = Options {
        out: arguments.out,
        target,
        seed: arguments.seed,
        command_line: typed.to_vec(),
        ..Options::default()
    };
    let ended = script::repl(&host, runtime, options);
    let mut codes = Vec::new();
    if let Some(run) = ended.run {
        let finished = run.finish(ended.error.as_ref());
        match &finished.written {
            Ok(_) => host.progress.line(&format!("report: {}", finished.report)),
            Err(error) => {
                host.progress.print(&script::render(error));
                codes.push(exit::of_error(error.kind));
            }
        }
        if !finished.cleanup_errors.is_empty() {
            codes.push(exit::of_error(crate::error::Kind::Cleanup));
        }
    }
    if let Some(error) = &ended.error {
        host.progress.print(&script::render(error));
        codes.push(exit::of_error(error.kind));
    }
    Ok(exit::worst(&codes))
}
