//! What the language holds, for readers: pages for a terminal, one Markdown text, definitions for editors.
//!
//! Everything is read from the declarations and, for functions of the stdlib, from the comments before them. It
//! needs no session, so that it works where nothing else does.

mod definitions;
mod example;
mod jobs;
mod markdown;
mod stdlib;
mod terminal;

use super::bind;
use super::declare::{Belongs, Effect, Handle, Kind, Opt, Primitive};
use super::units::{BYTE_UNITS, DURATION_UNITS};
use super::value::unknown;
use crate::error::{Error, Result};

pub use definitions::definitions;
pub use example::{Example, examples};
pub use markdown::markdown;
pub use terminal::overview;

/// Anything that has a page.
enum Entry {
    Module(&'static str, &'static str),
    Primitive(&'static Primitive),
    Function(stdlib::Function),
    Handle(Handle),
    Job(jobs::Job),
    Units,
}

impl Entry {
    /// As a script writes it.
    fn name(&self) -> String {
        match self {
            Self::Module(name, _) => (*name).to_owned(),
            Self::Primitive(primitive) => primitive.full_name(),
            Self::Function(function) => function.name.clone(),
            Self::Handle(handle) => handle.name.to_owned(),
            Self::Job(job) => job.name.clone(),
            Self::Units => UNITS.to_owned(),
        }
    }
}

/// Under which name durations and sizes are explained.
const UNITS: &str = "units";
/// Other names under which a reader may look for them.
const UNIT_WORDS: [&str; 4] = ["duration", "durations", "size", "sizes"];

fn entries() -> Vec<Entry> {
    let modules = bind::modules().filter(|(name, _)| !name.is_empty()).map(|(name, doc)| Entry::Module(name, doc));
    let functions = stdlib::functions().into_iter().map(Entry::Function);
    modules
        .chain(bind::primitives().map(Entry::Primitive))
        .chain(functions)
        .chain(bind::handles().into_iter().map(Entry::Handle))
        .chain(jobs::jobs().into_iter().map(Entry::Job))
        .chain([Entry::Units])
        .collect()
}

/// The page of a module, a function, a type of values, a job or a unit; `None` where nothing has that name.
///
/// A function may be named without its module. Where several things have the name, their pages follow each other;
/// of functions in several modules only the list is given.
#[must_use]
pub fn page(name: &str) -> Option<String> {
    let name = plain(name);
    let all = entries();
    let exact: Vec<&Entry> = all.iter().filter(|entry| entry.name() == name || is_unit_word(entry, name)).collect();
    let short: Vec<&Primitive> = all
        .iter()
        .filter_map(|entry| match entry {
            Entry::Primitive(primitive) if !primitive.module.is_empty() && primitive.name == name => Some(*primitive),
            _ => None,
        })
        .collect();
    let mut pages: Vec<String> = exact.into_iter().map(terminal::page).collect();
    match short.as_slice() {
        [] => {}
        [only] => pages.push(terminal::primitive(only)),
        several => pages.push(terminal::list(several)),
    }
    if pages.is_empty() {
        pages.extend(terminal::option_or_property(name));
    }
    (!pages.is_empty()).then(|| pages.join("\n\n"))
}

/// As `page`, with what may have been meant where there is none.
pub fn find(name: &str) -> Result<String> {
    page(name).ok_or_else(|| {
        let names: Vec<String> = entries().iter().map(Entry::name).collect();
        let known: Vec<&str> =
            names.iter().map(String::as_str).chain(bind::primitives().map(|primitive| primitive.name)).collect();
        let message = format!("the reference has no `{name}`");
        let error = unknown("name", &message, plain(name), &known);
        let hint = error.hint.filter(|hint| hint.starts_with("did you mean"));
        Error::usage(message).hint(hint.unwrap_or_else(|| "`cprun doc` lists all there is".into()))
    })
}

/// `kafka::` and `kafka::lag(…)` mean `kafka` and `kafka::lag`.
fn plain(name: &str) -> &str {
    let name = name.trim();
    name.split_once('(').map_or(name, |(name, _)| name).trim_end_matches(':')
}

fn is_unit_word(entry: &Entry, name: &str) -> bool {
    let units = DURATION_UNITS.iter().map(|(unit, _)| *unit).chain(BYTE_UNITS.iter().map(|(unit, _)| *unit));
    matches!(entry, Entry::Units) && (UNIT_WORDS.contains(&name) || units.into_iter().any(|unit| unit == name))
}

/// Where a call may stand and what it does, as a sentence.
fn standing(one: &Primitive) -> String {
    let place = match one.belongs {
        Belongs::Anywhere => "Anywhere",
        Belongs::Top => "At the top of a script, before anything starts",
        Belongs::Body => "In the body of an experiment",
    };
    let effect = match one.effect {
        Effect::Pure => "computes from its arguments alone",
        Effect::Reads => "reads the target, the run, a file or the command line",
        Effect::Acts => "changes the target or the run",
        Effect::Waits => "lets time pass",
    };
    format!("{place}; it {effect}.")
}

/// The kind of an option and what it is where it is left out, the latter between `quotes`.
fn kind_of(option: &Opt, quotes: &str) -> String {
    let default = match (option.required, option.default) {
        (true, _) => ", must be given".to_owned(),
        (false, "") => String::new(),
        (false, default) => format!(", default {quotes}{default}{quotes}"),
    };
    format!("{}{default}", option.kind.short())
}

fn returned(kind: Kind) -> String {
    match kind {
        Kind::Nothing => String::new(),
        kind => format!(" -> {}", kind.short()),
    }
}

/// The page on durations and sizes, Markdown.
fn units() -> String {
    let names = |names: Vec<&str>| names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" ");
    let durations = names(DURATION_UNITS.iter().map(|(name, _)| *name).collect());
    let sizes = names(BYTE_UNITS.iter().map(|(name, _)| *name).collect());
    format!(
        "A number with a unit is a duration or a size: `30.s`, `1.5.min`, `250.ms`, `1728.MiB`.\n\n\
         Units of durations are {durations}, those of sizes {sizes}. Durations add up, compare (to the nanosecond) and \
         can be multiplied and divided by numbers; one divided by another is a number: `1.h / 1.min` is `60.0`. Sizes \
         add up, compare, and can be multiplied by whole numbers. `.seconds` and `.bytes` give the bare number. A duration prints in seconds.\n\n\
         Where a duration is wanted, a bare number is an error: nobody can tell seconds from milliseconds later. Only \
         the formulas of `analysis::` and `sim::` take both, numbers being seconds.\n\n\
         `1/600` divides whole numbers and gives 0: write `1.0/600.0`."
    )
}

#[cfg(test)]
mod tests;
