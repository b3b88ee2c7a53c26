//! `manifest.json`: under which conditions a run was made, written before anything else and again at its end.

use std::collections::BTreeMap;
use std::fs;

use serde::Serialize;
use sha2::{Digest, Sha256};

use super::directory::RunDirectory;
use crate::dataset::Account;
use crate::error::{Error, Result};
use crate::host::Host;
use crate::secret::Secrets;

#[derive(Clone, Debug, Serialize)]
pub struct Manifest {
    pub schema: u32,
    pub simulated: bool,
    pub cprun: String,
    pub run: String,
    pub script: Script,
    pub command_line: Vec<String>,
    pub profile: String,
    pub parameters: Vec<Parameter>,
    /// Which files each data set was read from, and what was kept and dropped of it.
    pub datasets: Vec<Account>,
    pub seed: u64,
    pub target: String,
    pub user: String,
    pub host_name: String,
    pub hosts: Vec<HostFacts>,
    pub versions: BTreeMap<String, String>,
    /// What Flink says it runs with, not what it was told; the checkpoint settings of each trial's job beside it.
    pub configuration: BTreeMap<String, BTreeMap<String, serde_json::Value>>,
    pub started: String,
    pub ended: Option<String>,
    /// How it ended: `done`, or the error.
    pub outcome: Option<String>,
}

#[derive(Clone, Debug, Serialize)]
pub struct Script {
    pub name: String,
    pub sha256: String,
    pub text: String,
}

#[derive(Clone, Debug, Serialize)]
pub struct Parameter {
    pub name: String,
    pub value: serde_json::Value,
    pub default: serde_json::Value,
    /// `default`, `profile` or `given`.
    pub origin: String,
}

#[derive(Clone, Debug, Serialize)]
pub struct HostFacts {
    pub name: String,
    pub os: String,
    pub kernel: String,
    pub cpu: String,
    pub cpus: usize,
    pub memory_bytes: u64,
    /// `ssd`, `hdd`, or empty where the kernel does not tell.
    pub disk_kind: String,
    /// The fastest network link in Mbit/s; on one machine the load crosses loopback and not this.
    pub link_mbit_per_s: Option<u64>,
}

impl Script {
    #[must_use]
    pub fn new(name: &str, text: &str) -> Self {
        let hash = Sha256::digest(text.as_bytes());
        let sha256 = hash.iter().map(|byte| format!("{byte:02x}")).collect();
        Self { name: name.into(), sha256, text: text.into() }
    }
}

impl HostFacts {
    /// What this machine tells about itself; empty where it does not.
    #[must_use]
    pub fn local(directory: &std::path::Path) -> Self {
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let field = |text: &str, name: &str| {
            let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_default();
            line.split_once([':', '=']).map(|(_, value)| value.trim().trim_matches('"').to_owned()).unwrap_or_default()
        };
        let memory = field(&read("/proc/meminfo"), "MemTotal");
        let memory_bytes = memory.split_whitespace().next().and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0) << 10;
        Self {
            name: crate::cluster::local::HOST.into(),
            os: field(&read("/etc/os-release"), "PRETTY_NAME"),
            kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
            cpu: field(&read("/proc/cpuinfo"), "model name"),
            cpus: std::thread::available_parallelism().map_or(1, usize::from),
            memory_bytes,
            disk_kind: disk_kind(directory).unwrap_or_default(),
            link_mbit_per_s: link_mbit_per_s(),
        }
    }
}

fn disk_kind(directory: &std::path::Path) -> Option<String> {
    use std::os::unix::fs::MetadataExt;
    let device = fs::metadata(directory).ok()?.dev();
    let folder = format!("/sys/dev/block/{}:{}", libc::major(device), libc::minor(device));
    // A partition has no queue of its own; its disk, one folder above, has.
    let queues = ["queue/rotational", "../queue/rotational"].map(|name| fs::read_to_string(format!("{folder}/{name}")));
    let rotational = queues.into_iter().find_map(std::result::Result::ok)?;
    Some(if rotational.trim() == "0" { "ssd" } else { "hdd" }.to_owned())
}

fn link_mbit_per_s() -> Option<u64> {
    let links = fs::read_dir("/sys/class/net").ok()?.flatten();
    links.filter_map(|link| fs::read_to_string(link.path().join("speed")).ok()?.trim().parse().ok()).max()
}

impl Manifest {
    pub fn write(&self, directory: &RunDirectory, secrets: &Secrets) -> Result<()> {
        let text = serde_json::to_value(self).and_then(|mut manifest| {
            secrets.mask_json(&mut manifest);
            serde_json::to_string_pretty(&manifest)
        });
        let text = text.map_err(|error| Error::defect(format!("cannot write the manifest: {error}")))?;
        directory.write("manifest.json", text.as_bytes())
    }
}

/// The user and the name of this machine, as far as the environment and the kernel tell.
#[must_use]
pub fn user_and_host(host: &Host) -> (String, String) {
    let user = host.variable("USER").or_else(|| host.variable("LOGNAME")).unwrap_or("unknown").to_owned();
    let name = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    (user, name.trim().to_owned())
}
