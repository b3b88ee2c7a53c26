//! The command line: what was typed, which command does it, and the exit code that it comes to.
//!
//! This is the only place that decides exit codes. Results go to stdout, all else to stderr.

mod check;
mod dataset;
mod doc;
mod doctor;
mod eval;
mod exit;
mod plan;
mod repl;
mod run;
mod signals;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::error::{Error, Kind, Result};
use crate::host::Host;
use crate::runtime::Runtime;
use crate::script;

#[derive(Parser)]
#[command(
    name = "cprun",
    version,
    about = "Runs checkpoint experiments on a real Apache Flink from short Rhai scripts",
    after_help = exit::HELP,
    args_conflicts_with_subcommands = true,
    disable_help_subcommand = true
)]
struct CommandLine {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    run: run::Arguments,
}

#[derive(Subcommand)]
enum Command {
    /// Run a script; the same as `cprun SCRIPT`
    Run(run::Arguments),
    /// Say what a run will do, cost and tell, without starting anything
    Plan(plan::Arguments),
    /// Find what is wrong with scripts without running them
    Check(check::Arguments),
    /// Evaluate one expression and print its value
    Eval(eval::Arguments),
    /// Try primitives one by one, on a target that starts at the first effect
    Repl(repl::Arguments),
    /// Compute everything of a run directory anew from its journal
    Analyze(run::Analyze),
    /// Render the pages of a run directory anew, or copy it for publication
    Report(run::Report),
    /// Prepare, generate or describe trips
    Dataset(dataset::Arguments),
    /// Show the reference of the script language
    Doc(doc::Arguments),
    /// Tell what is installed and what is missing, with the remedy
    Doctor,
}

/// The whole program, but for the process around it.
#[must_use]
pub fn main(host: &Host, arguments: &[String]) -> ExitCode {
    let parsed = match CommandLine::try_parse_from(arguments) {
        Ok(parsed) => parsed,
        Err(error) => return refused(host, &error),
    };
    let outcome = match &parsed.command {
        // It is quick and starts nothing, and Ctrl-C may end it where it stands.
        Some(Command::Check(arguments)) => check::check(host, arguments),
        _ => runtime().and_then(|runtime| {
            signals::listen(&runtime, &host.signals)?;
            dispatch(host, &runtime, parsed, arguments)
        }),
    };
    let unwritten = host.stdout.failure().map(|error| Error::io("write to stdout", error));
    let code = outcome.unwrap_or_else(|error| told(host, &error));
    let unwritten = unwritten.map_or(0, |error| told(host, &error));
    ExitCode::from(exit::worst(&[code, unwritten]))
}

fn dispatch(host: &Host, runtime: &tokio::runtime::Runtime, arguments: CommandLine, typed: &[String]) -> Result<u8> {
    let runtime = &Runtime::real(runtime.handle().clone());
    match arguments.command {
        Some(Command::Run(arguments)) => run::script(host, runtime, arguments, typed),
        Some(Command::Plan(arguments)) => plan::plan(host, runtime, &arguments, typed),
        Some(Command::Eval(arguments)) => eval::eval(host, runtime, &arguments),
        Some(Command::Repl(arguments)) => repl::repl(host, runtime, arguments, typed),
        Some(Command::Analyze(arguments)) => run::analyze(host, &arguments),
        Some(Command::Report(arguments)) => run::report(host, &arguments),
        Some(Command::Dataset(arguments)) => dataset::dataset(host, &arguments),
        Some(Command::Doc(arguments)) => doc::doc(host, &arguments),
        Some(Command::Doctor) => doctor::doctor(host),
        // `main` has done it without a runtime.
        Some(Command::Check(arguments)) => check::check(host, &arguments),
        None => run::script(host, runtime, arguments.run, typed),
    }
}

/// Shows an error and gives its exit code.
fn told(host: &Host, error: &Error) -> u8 {
    host.progress.clear();
    host.progress.print(&script::render(error));
    exit::of_error(error.kind)
}

fn runtime() -> Result<tokio::runtime::Runtime> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.map_err(|error| Error::io("start the asynchronous runtime", error))
}

/// `--help` and `--version` are results; everything else that clap says is a misuse.
fn refused(host: &Host, error: &clap::Error) -> ExitCode {
    let text = error.render().to_string();
    if error.use_stderr() {
        host.progress.print(text.trim_end());
        return ExitCode::from(exit::of_error(Kind::Usage));
    }
    host.stdout.write(&text);
    ExitCode::SUCCESS
}
