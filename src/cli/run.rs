//! `cprun SCRIPT` and `cprun analyze DIR`: a run, and the second half of one.

use std::path::PathBuf;

use clap::Args;

use super::exit;
use crate::error::{Error, Kind, Result};
use crate::host::Host;
use crate::run::directory::RunDirectory;
use crate::run::{self, Finished};
use crate::script::{self, Options, Source};

#[derive(Args)]
#[group(id = "run-arguments")]
pub struct Arguments {
    /// The script, a path or one of those that come with cprun
    script: Option<String>,
    /// Set a parameter of the script; may be given again for others
    #[arg(short = 'P', value_name = "NAME=VALUE")]
    parameters: Vec<String>,
    /// Which of the script's profiles to take [default: quick where there is one, else paper]
    #[arg(long)]
    profile: Option<String>,
    /// The run directory [default: results/SCRIPT/TIME under the current directory]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Seed of every random draw
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// No progress, only results and warnings
    #[arg(long)]
    quiet: bool,
    /// Print summary.json on stdout, and nothing else
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub struct Analyze {
    /// A run directory
    directory: PathBuf,
    /// Print summary.json on stdout
    #[arg(long)]
    json: bool,
}

pub fn script(host: &Host, runtime: &tokio::runtime::Handle, arguments: Arguments, typed: &[String]) -> Result<u8> {
    let path = arguments.script.as_deref().ok_or_else(|| {
        Error::usage("no script is given").hint("cprun scripts/nyc_intervals.rhai, or `cprun --help`")
    })?;
    let source = Source::open(host, path)?;
    let mut host = host.clone();
    if arguments.quiet {
        host.progress = host.progress.quiet();
    }
    let json = arguments.json;
    let options = Options {
        parameters: arguments.parameters.iter().map(|text| parameter(text)).collect::<Result<_>>()?,
        profile: arguments.profile,
        out: arguments.out,
        seed: arguments.seed,
        json,
        command_line: typed.to_vec(),
    };
    let ended = script::run(&host, runtime, source, options);
    let mut codes = Vec::new();
    if let Some(error) = &ended.error {
        codes.push(exit::of_error(error.kind));
    }
    if let Some(run) = ended.run {
        let finished = run.finish(ended.error.as_ref());
        codes.extend(tell(&host, &finished, json, ended.error.is_none(), ended.failed_trials));
    }
    host.progress.clear();
    if let Some(error) = &ended.error {
        host.progress.print(&script::render(error));
    }
    Ok(exit::worst(&codes))
}

/// Says what came of it, and which exit codes that means.
fn tell(host: &Host, finished: &Finished, json: bool, complete: bool, failed_trials: u32) -> Vec<u8> {
    let mut codes = Vec::new();
    match &finished.written {
        Ok((_, summary)) if json => host.stdout.write(summary),
        Ok((results, _)) if complete => {
            host.stdout.write(&format!("\nverdict: {}\nreport: {}\n", results.verdict.name(), finished.report));
        }
        Ok(_) => {}
        Err(error) => {
            host.progress.print(&script::render(error));
            codes.push(exit::of_error(error.kind));
        }
    }
    if let (true, Ok((results, _))) = (complete, &finished.written) {
        codes.push(exit::of_verdict(results.verdict));
    }
    if failed_trials > 0 {
        codes.push(exit::of_error(Kind::Trial));
    }
    if !finished.cleanup_errors.is_empty() {
        codes.push(exit::of_error(Kind::Cleanup));
    }
    codes
}

fn parameter(text: &str) -> Result<(String, String)> {
    let (name, value) = text.split_once('=').ok_or_else(|| {
        Error::usage(format!("`-P {text}` has no value")).hint(format!("write it as `-P {text}=VALUE`"))
    })?;
    Ok((name.trim().to_owned(), value.to_owned()))
}

pub fn analyze(host: &Host, arguments: &Analyze) -> Result<u8> {
    let directory = RunDirectory::open(&host.directory.join(&arguments.directory))?;
    let (results, summary) = run::rewrite(&directory, &host.progress)?;
    host.progress.clear();
    if arguments.json {
        host.stdout.write(&summary);
    } else {
        host.stdout.write(&crate::report::whole(&results));
    }
    let failed = results.trials.iter().any(|trial| trial.outcome == "failed");
    let trials = if failed { exit::of_error(Kind::Trial) } else { 0 };
    Ok(exit::worst(&[exit::of_verdict(results.verdict), trials]))
}
