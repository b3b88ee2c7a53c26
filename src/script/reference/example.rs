//! The examples of the reference as whole scripts, so that each can be tried.
//!
//! An example in a body is a few lines; what a trial needs around them is added here, with the names that the
//! examples use: `trips`, `topic`, `job`, `feed`, `study`, and `v`, which has an `interval`.

use super::stdlib;
use crate::script::bind;
use crate::script::declare::{Belongs, Effect, Primitive};

/// An example that can be tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Example {
    /// What it shows.
    pub of: String,
    /// A whole script.
    pub script: String,
    /// Whether it runs a trial; where it does not, it is an expression.
    pub has_trial: bool,
}

/// Every example of the reference.
#[must_use]
pub fn examples() -> Vec<Example> {
    let of_functions = stdlib::functions().into_iter().filter(|function| !function.example.is_empty());
    let of_functions = of_functions.map(|function| whole(function.name.clone(), &function.example, Belongs::Anywhere));
    bind::primitives().map(of_primitive).chain(of_functions).collect()
}

fn of_primitive(one: &'static Primitive) -> Example {
    let belongs =
        if one.effect == Effect::Pure && one.belongs != Belongs::Body { Belongs::Anywhere } else { one.belongs };
    whole(one.full_name(), &one.shown_example(), belongs)
}

fn whole(of: String, example: &str, belongs: Belongs) -> Example {
    let example = example.trim_end();
    let script = match belongs {
        Belongs::Body => experiment(example),
        _ if names(example, "study") && !example.contains("let study") => {
            format!("{}{example}\n", experiment(""))
        }
        _ if names(example, "trips") && !example.contains("let trips") => format!("{TRIPS}\n{example}\n"),
        _ => format!("{example}\n"),
    };
    let has_trial = script.contains("experiment(") || script.contains("run::trials(");
    Example { of, script, has_trial }
}

const TRIPS: &str = "let trips = dataset::nyc(\"\", #{ from: \"2023-01-02\", to: \"2023-01-09\" });";

/// The parts of a body, in their order: the call that makes each, and the line that does.
const PARTS: [(&str, &str); 4] = [
    ("kafka::create_topic(", "let topic = kafka::create_topic(\"trips\");"),
    (
        "flink::submit(",
        "let job = flink::submit(\"nyc-window\", #{ interval: v.interval, args: #{ topic: topic, columns: trips.columns } });",
    ),
    ("replay::start(", "let feed = replay::start(trips, topic, #{ speed: 7200.0 });"),
    ("collect::start(", "collect::start(job, feed);"),
];

fn experiment(body: &str) -> String {
    let own = |call: &str| body.contains(call);
    let first = PARTS.iter().position(|(call, _)| own(call)).unwrap_or(PARTS.len());
    let missing = |range: &[(&str, &'static str)]| -> Vec<&'static str> {
        range.iter().filter(|(call, _)| !own(call)).map(|(_, line)| *line).collect()
    };
    let (before, after) = (missing(&PARTS[..first]), missing(&PARTS[first..]));
    let lines = before.into_iter().chain(body.lines()).chain(after);
    let lines: String = lines.map(|line| format!("    {line}\n")).collect();
    format!(
        "{TRIPS}\nlet study = experiment(\"example\", #{{ interval: [2.s], duration: 60.s }}, |v| {{\n{lines}}});\n"
    )
}

/// Whether a script uses that name.
fn names(script: &str, name: &str) -> bool {
    let is_letter = |letter: char| letter.is_alphanumeric() || letter == '_';
    script.split(|letter| !is_letter(letter)).any(|word| word == name)
}
