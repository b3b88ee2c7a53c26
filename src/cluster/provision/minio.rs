//! MinIO: the one on the PATH, else built from its source by Go and kept in the cache.
//!
//! Its project publishes no binaries where a package manager would look, but Go builds it from the module
//! proxy, which checks what it hands out. Release tags are not known there, so the version is a commit's.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::entry::entry;
use super::maven::on_path;
use super::tool;
use crate::cluster::spawner::{Launch, Spawner};
use crate::error::{Error, Result};
use crate::host::Host;

/// A commit of the project's main line, of 12 February 2026.
const BUILT: &str = "v0.0.0-20260212201848-7aac2a2c5b7c";
const MODULE: &str = "github.com/minio/minio";

#[derive(Clone, Debug)]
pub struct Minio {
    pub program: PathBuf,
    pub version: String,
}

impl Minio {
    /// Where it is or how it would be got, for people; fails where it can be neither found nor built.
    pub fn check(host: &Host) -> Result<String> {
        if let Some(program) = on_path(host, "minio") {
            return Ok(program.display().to_string());
        }
        if built(&host.cache()?).is_file() {
            return Ok(format!("{BUILT} in the cache"));
        }
        match on_path(host, "go") {
            Some(go) => builder(&go).map(|_| "not there yet: the first run that asks for it builds it with Go, in a few minutes".into()),
            None => Err(Error::target("MinIO is not installed, and without Go it cannot be built: neither `minio` nor `go` is on the PATH")
                .hint("install Go: `sudo apt install golang-go` (Debian, Ubuntu), `sudo dnf install golang` (Fedora, RHEL); or put `minio` on the PATH; or keep checkpoints in files: storage \"file\"")),
        }
    }

    /// Builds it where it is not there.
    pub fn ensure(host: &Host, spawner: &Spawner) -> Result<Self> {
        Self::check(host)?;
        if let Some(program) = on_path(host, "minio") {
            let version = version(&program)?;
            return Ok(Self { program, version });
        }
        let cache = host.cache()?;
        entry(&cache, KIND, &entry_name(), &host.progress, |folder| build(host, spawner, folder))?;
        Ok(Self { program: built(&cache), version: BUILT.into() })
    }
}

const KIND: &str = "tools";

fn entry_name() -> String {
    format!("minio-{BUILT}")
}

fn built(cache: &Path) -> PathBuf {
    cache.join(KIND).join(entry_name()).join("minio")
}

fn build(host: &Host, spawner: &Spawner, folder: &Path) -> Result<()> {
    let log = folder.join("go.log");
    let process = spawner.spawn(Launch {
        name: "Go for MinIO".into(),
        program: on_path(host, "go").ok_or_else(|| Error::target("Go is not installed any more"))?,
        arguments: ["install", "-v", "-trimpath", &format!("{MODULE}@{BUILT}")].map(str::to_owned).to_vec(),
        // Without cgo no C compiler is needed, and the program runs wherever the cache is carried.
        environment: BTreeMap::from([
            ("GOBIN".to_owned(), folder.display().to_string()),
            // What it leaves there when it is interrupted goes with the folder.
            ("GOTMPDIR".to_owned(), folder.display().to_string()),
            ("CGO_ENABLED".to_owned(), "0".to_owned()),
        ]),
        // Flags that someone has set for modules of their own.
        without: vec!["GOFLAGS".into()],
        directory: folder.to_owned(),
        log: log.clone(),
    })?;
    let exit = tool::finish(host, &process, |elapsed| {
        let text = fs::read_to_string(&log).unwrap_or_default();
        let packages = text.lines().filter(|line| !line.starts_with(FETCHING)).count();
        let detail = format!("{packages} packages compiled, {:.0} s; a few minutes, once", elapsed.as_secs_f64());
        host.progress.status("building MinIO with Go", &detail);
    })?;
    if exit.success && folder.join("minio").is_file() {
        host.progress.line(&format!("MinIO {BUILT}: built"));
        return Ok(());
    }
    let output = fs::read_to_string(&log).unwrap_or_default();
    Err(failure(&output, &exit.status))
}

/// What Go says while it fetches; the other lines each name a package that it compiles.
const FETCHING: &str = "go: downloading";
const ERROR_LINES: usize = 6;

fn failure(output: &str, status: &str) -> Error {
    let all: Vec<&str> = output.lines().filter(|line| !line.starts_with(FETCHING)).collect();
    let last = all[all.len().saturating_sub(ERROR_LINES)..].join("\n  ");
    Error::target(format!("Go could not build MinIO ({status}):\n  {last}"))
        .hint("the network is needed once, to fill the cache; behind a proxy, set GOPROXY; or put `minio` on the PATH; then run the same command again")
}

/// A Go that knows how to fetch the toolchain that MinIO's go.mod names; older ones cannot even read that file.
fn builder(go: &Path) -> Result<()> {
    let output = Command::new(go).args(["env", "GOVERSION"]).output();
    let output = output.map_err(|error| Error::target(format!("cannot run {}: {error}", go.display())))?;
    let version = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    if is_new_enough(&version) {
        return Ok(());
    }
    Err(Error::target(format!("MinIO is not installed, and {version} is too old to build it"))
        .hint("install Go 1.21 or newer (go.dev/dl); or put `minio` on the PATH; or keep checkpoints in files: storage \"file\""))
}

/// `go1.24.8`; what is not of this form is somebody's own build and is let through.
fn is_new_enough(version: &str) -> bool {
    let mut numbers = version.strip_prefix("go").unwrap_or_default().split('.').map(str::parse::<u32>);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(major)), Some(Ok(minor))) => (major, minor) >= (1, 21),
        _ => true,
    }
}

/// `minio version RELEASE.2025-09-07T16-13-09Z (commit-id=…)`
fn version(program: &Path) -> Result<String> {
    let output = Command::new(program)
        .arg("--version")
        .output()
        .map_err(|error| Error::target(format!("cannot run {}: {error}", program.display())))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let version = text.lines().find_map(|line| line.strip_prefix("minio version "));
    let version = version.and_then(|rest| rest.split_whitespace().next()).map(str::to_owned);
    version.ok_or_else(|| {
        Error::target(format!("{} does not tell its version, so it is not MinIO's server", program.display()))
            .hint("take it off the PATH, or put the server `minio` before it")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_go_is_told_before_it_fails() {
        for (version, new_enough) in [
            ("go1.19", false),
            ("go1.20.14", false),
            ("go1.21.0", true),
            ("go1.26.8", true),
            ("devel go1.27-abc", true),
        ] {
            assert_eq!(is_new_enough(version), new_enough, "{version}");
        }
    }

    #[test]
    fn what_go_says_is_cut_to_what_matters() {
        let output = "go: downloading a v1\ngo: downloading b v2\ndial tcp: lookup proxy: no such host\n";
        let error = failure(output, "exit status: 1");
        assert_eq!(error.message, "Go could not build MinIO (exit status: 1):\n  dial tcp: lookup proxy: no such host");
    }
}
