//! Runs Maven, and turns its pages of output into the few lines that matter.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::tool;
use crate::cluster::spawner::{Launch, Spawner};
use crate::error::{Error, Result};
use crate::host::Host;

pub struct Maven<'a> {
    pub host: &'a Host,
    pub spawner: &'a Spawner,
}

impl Maven<'_> {
    /// The `mvn` on the PATH.
    pub fn program(host: &Host) -> Result<PathBuf> {
        on_path(host, "mvn").ok_or_else(|| {
            Error::target("Maven is not installed: no `mvn` on the PATH")
                .hint("install it: `sudo apt install maven` (Debian, Ubuntu), `sudo dnf install maven` (Fedora, RHEL)")
        })
    }

    /// Runs `mvn -B ARGUMENTS`, which first tells its version, in `directory` and calls `tick` four times a second while it works.
    pub fn run(&self, what: &str, directory: &Path, arguments: &[String], tick: impl FnMut(Duration)) -> Result<()> {
        let log = directory.join("maven.log");
        let mut all = ["-B", "-ntp", "--show-version"].map(str::to_owned).to_vec();
        all.extend_from_slice(arguments);
        let process = self.spawner.spawn(Launch {
            name: format!("Maven for {what}"),
            program: Self::program(self.host)?,
            arguments: all,
            environment: BTreeMap::new(),
            without: Vec::new(),
            directory: directory.to_owned(),
            log: log.clone(),
        })?;
        let exit = tool::finish(self.host, &process, tick)?;
        if exit.success {
            return Ok(());
        }
        let output = fs::read_to_string(&log).unwrap_or_default();
        Err(failure(what, &output, &exit.status))
    }
}

/// The first program of that name on the PATH that may be executed.
pub(super) fn on_path(host: &Host, name: &str) -> Option<PathBuf> {
    use std::os::unix::fs::PermissionsExt;
    let executable =
        |path: &PathBuf| fs::metadata(path).is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0);
    host.variable("PATH")?
        .split(':')
        .filter(|part| !part.is_empty())
        .map(|part| Path::new(part).join(name))
        .find(executable)
}

const ERROR_LINES: usize = 12;

fn failure(what: &str, output: &str, status: &str) -> Error {
    let mut lines: Vec<&str> = output
        .lines()
        .filter(|line| line.starts_with("[ERROR]") || line.starts_with("Error") || line.starts_with("The JAVA_HOME"))
        .map(|line| line.trim_start_matches("[ERROR]").trim())
        .filter(|line| {
            !line.is_empty()
                && !line.starts_with("->")
                && !line.contains("Re-run Maven")
                && !line.starts_with("To see the full")
        })
        .collect();
    lines.dedup();
    lines.truncate(ERROR_LINES);
    if lines.is_empty() {
        lines = output.lines().rev().take(ERROR_LINES).collect();
        lines.reverse();
    }
    let text = format!("Maven failed for {what} ({status}):\n  {}", lines.join("\n  "));
    let unreachable = [
        "Unknown host",
        "Connection refused",
        "Network is unreachable",
        "No route to host",
        "timed out",
        "Temporary failure in name resolution",
        "Could not transfer artifact",
        "Connect to ",
        "offline mode",
    ];
    if unreachable.iter().any(|sign| output.contains(sign)) {
        return Error::target(text).hint(
            "the network is needed once, to fill the cache; behind a proxy or a mirror, set it in ~/.m2/settings.xml, then run the same command again",
        );
    }
    Error::target(text).hint("mend what Maven reports above, then run the same command again")
}
