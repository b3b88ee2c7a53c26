//! `cprun plan SCRIPT`: what a run will do, cost and tell, from a run of it on the simulated cluster.
//!
//! The script really runs, to its end, on a virtual clock and into a folder that is removed again: what it says is
//! what the real run will do, as far as a simulation knows. What the real target lacks is asked of this machine.

use std::path::PathBuf;

use clap::Args;

use super::{exit, run};
use crate::analysis::outlook::{Outlook, Source as From, variation_of};
use crate::analysis::precision::Variation;
use crate::cluster::{LocalCluster, Needs};
use crate::error::{Error, Result};
use crate::host::Host;
use crate::report;
use crate::run::directory::RunDirectory;
use crate::run::{TargetName, load, render_bytes};
use crate::runtime::Runtime;
use crate::script::{self, Options, Source};

#[derive(Args)]
#[group(id = "plan-arguments")]
#[command(after_help = HELP)]
pub struct Arguments {
    /// The script, a path or one of those that come with cprun
    script: String,
    /// Set a parameter of the script; may be given again for others
    #[arg(short = 'P', value_name = "NAME=VALUE")]
    parameters: Vec<String>,
    /// Which of the script's profiles to take [default: quick where there is one, else paper]
    #[arg(long)]
    profile: Option<String>,
    /// The target that the run is planned for: `local` or `sim`
    #[arg(long, default_value = "local")]
    target: String,
    /// Seed of every random draw
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// A run directory from which the variation of R and c is taken
    #[arg(long, value_name = "DIR", conflicts_with = "variation")]
    pilot: Option<PathBuf>,
    /// The variation of R from fault to fault and of c from checkpoint to checkpoint: standard deviation over mean, as in 0.1
    #[arg(long, value_name = "SHARE")]
    variation: Option<f64>,
    /// Print the plan as JSON
    #[arg(long)]
    json: bool,
}

const HELP: &str = "\
Examples:
  cprun plan scripts/nyc_intervals.rhai --profile paper
  cprun plan scripts/nyc_intervals.rhai -P faults=9 --pilot results/nyc_intervals/TIME
  cprun plan scripts/nyc_intervals.rhai --variation 0.1 --json";

pub fn plan(host: &Host, runtime: &Runtime, arguments: &Arguments, typed: &[String]) -> Result<u8> {
    let target = TargetName::parse(&arguments.target)?;
    let source = Source::open(host, &arguments.script)?;
    if let Some(code) = super::check::first(host, &source) {
        return Ok(code);
    }
    let known = known_variation(host, arguments)?;
    let folder = tempfile::tempdir().map_err(|error| Error::io("make a folder for the simulation", error))?;
    let mut quiet = host.clone();
    quiet.progress = quiet.progress.quiet();
    let runtime = run::on_its_clock(&mut quiet, runtime, TargetName::Sim)?;
    let _inside = runtime.enter();
    let options = Options {
        parameters: arguments.parameters.iter().map(|text| run::parameter(text)).collect::<Result<_>>()?,
        profile: arguments.profile.clone(),
        out: Some(folder.path().join("run")),
        target: TargetName::Sim,
        seed: arguments.seed,
        // Nothing but the plan is said on stdout.
        json: true,
        command_line: typed.to_vec(),
    };
    host.progress.status("simulating", &arguments.script);
    let ended = script::run(&quiet, &runtime, source, options);
    let simulated = ended.run.map(|run| (run.needs().clone(), run.finish(ended.error.as_ref()).written));
    host.progress.clear();
    if let Some(error) = ended.error {
        return Err(error);
    }
    let Some((needs, written)) = simulated else {
        host.stdout.write(&format!("{} runs no experiment: there is nothing to plan\n", arguments.script));
        return Ok(0);
    };
    let outlook = Outlook::of(&written?.0, known);
    let lacking = lacking(host, target, &needs, &outlook);
    tell(host, arguments, &outlook, lacking.as_ref());
    Ok(lacking.map_or(0, |error| exit::of_error(error.kind)))
}

fn known_variation(host: &Host, arguments: &Arguments) -> Result<Option<(From, Variation)>> {
    if let Some(share) = arguments.variation {
        if !(share.is_finite() && share >= 0.0) {
            return Err(Error::usage(format!("--variation {share} is no share")).hint("for example `--variation 0.1`"));
        }
        return Ok(Some((From::Stated, Variation { restart: share, cost: share })));
    }
    let Some(pilot) = &arguments.pilot else { return Ok(None) };
    let directory = RunDirectory::open(&host.directory.join(pilot))?;
    let variation = variation_of(&load::load(&directory, &host.progress)?.results);
    if variation.restart == 0.0 {
        return Err(Error::script(format!("{}: too few faults to tell how R varies", pilot.display()))
            .hint("take a run with two faults or more a combination, or `--variation 0.1`"));
    }
    Ok(Some((From::Pilot, variation)))
}

/// What the target has not; a simulated one has all.
fn lacking(host: &Host, target: TargetName, needs: &Needs, outlook: &Outlook) -> Option<Error> {
    if target.is_simulated() {
        return None;
    }
    let wanted = outlook.disk.kept_bytes + outlook.disk.passing_bytes;
    LocalCluster::check(host, needs, &host.directory).err().or_else(|| {
        let free = crate::host::free_bytes(&host.directory)?;
        ((free as f64) < wanted).then(|| {
            let text = format!("the disk has {}, the run wants {}", render_bytes(free), render_bytes(wanted as u64));
            Error::target(text).hint("free some, or name another place with `--out DIR`")
        })
    })
}

fn tell(host: &Host, arguments: &Arguments, outlook: &Outlook, lacking: Option<&Error>) {
    if arguments.json {
        let mut plan = report::outlook::json(outlook);
        plan["lacking"] = lacking.map(|error| error.message.clone()).into();
        host.stdout.write(&format!("{plan}\n"));
        return;
    }
    let end = host.clock.epoch().as_secs_f64() + outlook.duration_s;
    let end = jiff::Timestamp::from_second(end as i64).map_or_else(|_| String::new(), |end| end.to_string());
    let (kept, passing) =
        (render_bytes(outlook.disk.kept_bytes as u64), render_bytes(outlook.disk.passing_bytes as u64));
    let mut text = format!(
        "SIMULATED: durations, faults and widths come from a run on the simulated cluster\n\
         {} trials, about {}; started now it ends at {end} at the earliest\n\
         disk: about {kept} that stay, and {passing} of topics while a trial runs\n",
        outlook.trials.len(),
        script::span(outlook.duration_s),
    );
    match lacking {
        None => text.push_str("the target has what the run needs\n"),
        Some(error) => {
            text.push_str(&format!("the target lacks: {}\n", error.message));
            error.hint.iter().for_each(|hint| text.push_str(&format!("  hint: {hint}\n")));
        }
    }
    host.stdout.write(&format!("{text}\n{}", report::outlook::text(outlook)));
}
