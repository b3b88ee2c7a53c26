//! The plots of a study: SVG for pages and papers, PNG for slides and mails.
//!
//! Each plot is a pure function of the analysis and says in its caption what it shows, of how many, and under
//! which conditions; one that has nothing to show says why. The same results give the same bytes.

mod axis;
mod budget;
mod by_interval;
mod capacity;
mod checkpoints;
mod folded;
mod over_time;
mod panel;
mod recovery;
mod render;
mod scene;
mod series;
mod style;
mod utilization;
mod utilization_measured;

use crate::analysis::results::Results;
use crate::error::Result;
use crate::report::document::Figure;
use panel::{Frame, Head, Key};
use scene::Scene;

pub use render::png;

/// The names of all plots, in the order of the report: stems of the files, and words of the script language.
pub const NAMES: [&str; 12] = [
    "metrics_over_time",
    "throughput_compared",
    "latency_over_time",
    "restart_by_interval",
    "checkpoint_duration",
    "restart_phases",
    "utilization_over_interval",
    "catch_up",
    "latency_by_checkpoint_phase",
    "budget",
    "capacity_by_frequency",
    "utilization_measured",
];

/// Those that nobody misses below saturation: a report is silent on them there.
const SATURATED: [&str; 2] = ["capacity_by_frequency", "utilization_measured"];

const BELOW_CAPACITY: &str = "below capacity: no job had saturating load";

/// A plot that has nothing to show, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    pub name: &'static str,
    pub reason: String,
}

/// All plots of a run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Gallery {
    pub figures: Vec<Figure>,
    pub left_out: Vec<LeftOut>,
}

/// A plot before it is written.
struct Sketch {
    title: &'static str,
    caption: String,
    scene: Scene,
}

/// A sketch, or the reason why there is none.
type Sketched = std::result::Result<Sketch, String>;

pub fn all(results: &Results) -> Result<Gallery> {
    let mut gallery = Gallery::default();
    for name in NAMES {
        match one(results, name)? {
            Ok(plot) => gallery.figures.push(plot),
            Err(_) if SATURATED.contains(&name) && !results.is_saturated() => {}
            Err(left_out) => gallery.left_out.push(left_out),
        }
    }
    Ok(gallery)
}

/// The plot of that name of `NAMES`.
pub fn one(results: &Results, name: &'static str) -> Result<std::result::Result<Figure, LeftOut>> {
    let sketched = sketch(results, name);
    Ok(match sketched {
        Ok(sketch) => {
            let svg = render::svg(&sketch.scene, sketch.title)?;
            Ok(Figure { name: name.into(), title: sketch.title.into(), caption: sketch.caption + &under(results), svg })
        }
        Err(reason) => Err(LeftOut { name, reason }),
    })
}

fn sketch(results: &Results, name: &str) -> Sketched {
    match name {
        "metrics_over_time" => over_time::metrics(results),
        "throughput_compared" => by_interval::throughput(results),
        "latency_over_time" => over_time::latency(results),
        "restart_by_interval" => by_interval::restart(results),
        "checkpoint_duration" => checkpoints::duration(results),
        "restart_phases" => recovery::phases(results),
        "utilization_over_interval" => utilization::over_interval(results),
        "catch_up" => recovery::catch_up(results),
        "latency_by_checkpoint_phase" => folded::latency(results),
        "budget" => budget::waterfall(results),
        _ if SATURATED.contains(&name) && !results.is_saturated() => Err(BELOW_CAPACITY.into()),
        "capacity_by_frequency" => capacity::by_frequency(results),
        "utilization_measured" => utilization_measured::over_interval(results),
        _ => Err("there is no such plot".into()),
    }
}

/// One line for the terminal: where the plot is, or why there is none.
#[must_use]
pub fn told(results: &Results, name: &'static str) -> String {
    match sketch(results, name) {
        Ok(_) => format!("plot: $RUN/plots/{name}.svg\n"),
        Err(reason) => format!("plot: no {name}: {reason}\n"),
    }
}

/// A scene with its head; `data_height` is what the data and their labels need.
fn figure(results: &Results, title: &str, legend: &[Key], data_height: f64) -> (Scene, Frame) {
    let conditions = conditions(results);
    let head = Head { title, conditions: &conditions, simulated: results.simulated };
    panel::figure(&head, legend, data_height)
}

/// What a reader must know of the run when all he has is the figure.
fn conditions(results: &Results) -> String {
    let trials = results.trials.len();
    let trials = if trials == 1 { "1 trial".to_owned() } else { format!("{trials} trials") };
    format!(
        "{}, profile {}, {trials}{}, verdict {}",
        results.script,
        results.profile,
        repeats(results),
        results.verdict.name()
    )
}

fn repeats(results: &Results) -> &'static str {
    if is_within_one_trial(results) { ", one of each combination: intervals are within one trial" } else { "" }
}

fn is_within_one_trial(results: &Results) -> bool {
    results.rows.iter().all(|row| row.repeats < 2)
}

/// The end of every caption.
fn under(results: &Results) -> String {
    let simulated = if results.simulated { " SIMULATED." } else { "" };
    format!(" {}.{simulated}", conditions(results))
}

/// `n 9`, or `n 3, 3, 2` where the series differ.
fn counts(counts: impl IntoIterator<Item = usize>) -> String {
    let counts: Vec<String> = counts.into_iter().map(|count| count.to_string()).collect();
    match counts.split_first() {
        Some((first, others)) if others.iter().all(|other| other == first) => format!("n {first}"),
        _ => format!("n {}", counts.join(", ")),
    }
}

#[cfg(test)]
mod tests;
