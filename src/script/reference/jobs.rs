//! The jobs that come with cprun and their arguments, as their job.toml says.

use crate::flink::{ArgumentDefault, ArgumentKind};
use crate::run::JobPackage;

/// A job and what it takes.
pub struct Job {
    pub name: String,
    pub doc: String,
    pub arguments: Vec<Argument>,
}

pub struct Argument {
    pub name: String,
    /// With the default, or that it must be given.
    pub kind: String,
    pub doc: String,
}

pub fn jobs() -> Vec<Job> {
    let folders = crate::EMBEDDED.iter().filter_map(|(path, _)| path.strip_prefix("jobs/")?.strip_suffix("/job.toml"));
    folders.filter_map(|name| JobPackage::find(name, &[]).ok()).map(|package| job(&package)).collect()
}

fn job(package: &JobPackage) -> Job {
    let spec = &package.spec;
    let own = spec.args.iter().filter(|(name, _)| !spec.filled_by_host.contains(name));
    let arguments = own.map(|(name, argument)| {
        let default = argument.default.as_ref().map(|default| match (argument.kind, default) {
            (ArgumentKind::Duration, ArgumentDefault::Int(millis)) if millis % 1000 == 0 => {
                format!("{}.s", millis / 1000)
            }
            (ArgumentKind::Duration, ArgumentDefault::Int(millis)) => format!("{millis}.ms"),
            (_, ArgumentDefault::Int(number)) => number.to_string(),
            (_, ArgumentDefault::Text(text)) => format!("\"{text}\""),
        });
        let kind = match argument.kind {
            ArgumentKind::String if *name == spec.source.topic => "topic or string".to_owned(),
            ArgumentKind::String => "string".to_owned(),
            ArgumentKind::Int => "whole number".to_owned(),
            ArgumentKind::Duration => "duration".to_owned(),
            ArgumentKind::Choice => {
                argument.choices.iter().map(|word| format!("\"{word}\"")).collect::<Vec<_>>().join(" or ")
            }
        };
        let default = default.map_or_else(|| "must be given".to_owned(), |default| format!("default {default}"));
        Argument { name: name.clone(), kind: format!("{kind}, {default}"), doc: argument.doc.clone() }
    });
    Job { name: spec.name.clone(), doc: spec.doc.clone(), arguments: arguments.collect() }
}
