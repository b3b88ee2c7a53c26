//! `cprun SCRIPT`, `cprun analyze DIR` and `cprun report DIR`: a run, the second half of one, its pages alone.

use std::path::PathBuf;

use clap::Args;

use super::exit;
use crate::clock::Clock;
use crate::error::{Error, Kind, Result};
use crate::host::Host;
use crate::report::{self, Part};
use crate::run::directory::RunDirectory;
use crate::run::{self, Finished, TargetName, load, publish};
use crate::runtime::Runtime;
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
    /// Where it runs: `local`, processes of this machine, or `sim`, a simulation in seconds
    #[arg(long, default_value = "local")]
    target: String,
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

#[derive(Args)]
pub struct Report {
    /// A run directory
    directory: PathBuf,
    /// Copy the run for publication into OUT, new or empty: without logs, names of user and host, and large tables
    #[arg(long, value_name = "OUT")]
    example: Option<PathBuf>,
}

pub fn script(host: &Host, runtime: &Runtime, arguments: Arguments, typed: &[String]) -> Result<u8> {
    let path = arguments.script.as_deref().ok_or_else(|| {
        Error::usage("no script is given").hint("cprun scripts/nyc_intervals.rhai, or `cprun --help`")
    })?;
    let source = Source::open(host, path)?;
    let mut host = host.clone();
    if arguments.quiet {
        host.progress = host.progress.quiet();
    }
    if let Some(code) = super::check::first(&host, &source) {
        return Ok(code);
    }
    let json = arguments.json;
    let target = TargetName::parse(&arguments.target)?;
    let runtime = &on_its_clock(&mut host, runtime, target)?;
    let _inside = runtime.enter();
    let options = Options {
        parameters: arguments.parameters.iter().map(|text| parameter(text)).collect::<Result<_>>()?,
        profile: arguments.profile,
        out: arguments.out,
        target,
        seed: arguments.seed,
        json,
        command_line: typed.to_vec(),
    };
    let ended = script::run(&host, runtime, source, options);
    let mut codes = vec![exit::of_verdict(ended.without_run)];
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

/// The runtime of a target; for a simulated one the host's clock becomes virtual.
pub fn on_its_clock(host: &mut Host, runtime: &Runtime, target: TargetName) -> Result<Runtime> {
    if !target.is_simulated() {
        return Ok(runtime.clone());
    }
    let runtime = Runtime::simulated()?;
    {
        let _inside = runtime.enter();
        host.clock = Clock::simulated();
    }
    Ok(runtime)
}

/// Says what came of it, and which exit codes that means.
fn tell(host: &Host, finished: &Finished, json: bool, complete: bool, failed_trials: u32) -> Vec<u8> {
    let mut codes = Vec::new();
    match &finished.written {
        Ok((_, summary)) if json => host.stdout.write(summary),
        Ok((results, _)) if complete => {
            let asked = results.report_parts.iter().any(|part| part.part == "verdicts");
            if !asked && results.is_any_check_broken() {
                host.stdout.write(&format!("\n{}", report::terminal(results, &Part::Verdicts)));
            }
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

pub fn parameter(text: &str) -> Result<(String, String)> {
    let (name, value) = text.split_once('=').ok_or_else(|| {
        Error::usage(format!("`-P {text}` has no value")).hint(format!("write it as `-P {text}=VALUE`"))
    })?;
    Ok((name.trim().to_owned(), value.to_owned()))
}

pub fn analyze(host: &Host, arguments: &Analyze) -> Result<u8> {
    let directory = RunDirectory::open(&host.directory.join(&arguments.directory))?;
    let loaded = load::load(&directory, &host.progress)?;
    // What was computed is shown even where it cannot be written.
    let written = run::write_all(&directory, &loaded);
    host.progress.clear();
    let results = &loaded.results;
    let shown = if arguments.json { report::summary(results)? } else { report::whole(results) };
    host.stdout.write(&shown);
    written?;
    let failed = results.trials.iter().any(|trial| trial.outcome == "failed");
    let trials = if failed { exit::of_error(Kind::Trial) } else { 0 };
    Ok(exit::worst(&[exit::of_verdict(results.verdict), trials]))
}

/// Exits with 0 whatever the verdict: that pages were rendered or a copy was made is no judgement of the run.
pub fn report(host: &Host, arguments: &Report) -> Result<u8> {
    let directory = RunDirectory::open(&host.directory.join(&arguments.directory))?;
    let Some(out) = &arguments.example else {
        run::render(&directory, &host.progress)?;
        host.progress.clear();
        host.stdout.write(&format!("report: {}\n", arguments.directory.join("report.html").display()));
        return Ok(0);
    };
    let published = publish::publish(&directory, &host.directory.join(out), &host.progress)?;
    host.progress.clear();
    let mut text = format!("example: {}, {}\n", out.display(), run::render_bytes(published.bytes));
    for (name, bytes) in &published.left_out {
        let bytes = run::render_bytes(*bytes as u64);
        text.push_str(&format!("left out: {name}, {bytes}; `cprun analyze` writes it again\n"));
    }
    host.stdout.write(&text);
    Ok(0)
}
