//! `cprun doctor`: what a local run needs, what is there, and how to get the rest.

use super::exit;
use crate::cluster::Needs;
use crate::cluster::provision::{Java, Maven, Minio, Part, is_cached};
use crate::error::{Error, Kind, Result};
use crate::host::Host;

struct Check {
    what: &'static str,
    found: Result<String>,
    /// What it is needed for, where a run can do without.
    only_for: Option<&'static str>,
}

impl Check {
    fn needed(what: &'static str, found: Result<String>) -> Self {
        Self { what, found, only_for: None }
    }
}

pub fn doctor(host: &Host) -> Result<u8> {
    let checks = [
        Check::needed("Java", java(host)),
        Check::needed("Maven", Maven::program(host).map(|path| path.display().to_string())),
        Check::needed("cache", cache(host)),
        Check::needed("Kafka", part(host, &Part::kafka(&Needs::default().kafka))),
        Check::needed("Flink", part(host, &Part::flink(&Needs::default().flink))),
        Check { what: "MinIO", found: Minio::check(host), only_for: Some("only for storage: \"minio\"") },
    ];
    let mut text = String::new();
    let mut missing = false;
    for check in &checks {
        match &check.found {
            Ok(found) => text.push_str(&format!("ok       {:<6}  {found}\n", check.what)),
            Err(error) => {
                missing |= check.only_for.is_none();
                let only_for = check.only_for.map(|what| format!(" ({what})")).unwrap_or_default();
                text.push_str(&format!("missing  {:<6}  {}{only_for}\n", check.what, error.message));
                if let Some(hint) = &error.hint {
                    text.push_str(&format!("                 {hint}\n"));
                }
            }
        }
    }
    text.push_str(NETWORK);
    host.stdout.write(&text);
    Ok(if missing { exit::of_error(Kind::Target) } else { 0 })
}

/// No repository is asked: which one Maven takes is its own affair, and an answer would hold for this minute only.
const NETWORK: &str =
    "-        network  not checked; Maven needs it once, for what is not in the cache and to build a job\n";

fn java(host: &Host) -> Result<String> {
    let java = Java::find(host)?;
    if java.compiles {
        return Ok(java.version);
    }
    Err(Error::target(format!("{}: no compiler (javac) beside {}", java.version, java.program.display()))
        .hint("install a JDK, not only a JRE: `sudo apt install openjdk-17-jdk-headless`"))
}

fn cache(host: &Host) -> Result<String> {
    let cache = host.cache()?;
    std::fs::create_dir_all(&cache).map_err(|error| {
        Error::io(format!("write {}", cache.display()), error)
            .hint("set XDG_CACHE_HOME to a directory that you may write to")
    })?;
    Ok(host.tilde(&cache))
}

/// A part that is not there yet is no fault: the first run brings it.
fn part(host: &Host, part: &Part) -> Result<String> {
    let cached = is_cached(&host.cache()?, part);
    Ok(format!(
        "{} {}",
        part.name,
        if cached { "in the cache" } else { "not in the cache yet: the first run gets it through Maven" }
    ))
}
