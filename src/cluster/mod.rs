//! Hosts, the roles that run on them, and what those roles are made of.
//!
//! Everything here acts on processes and files. Whether a Flink that runs is ready, or what a Kafka holds,
//! is asked by the rooms that speak their protocols.

pub mod flink_role;
pub mod kafka_role;
pub mod leftovers;
pub mod local;
pub mod minio_role;
pub mod ports;
pub mod process;
pub mod provision;
pub mod spawner;

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use futures::future::BoxFuture;

pub use local::LocalCluster;

use crate::error::Result;
use process::Exit;

/// What faults act on.
pub trait Instances: Send + Sync {
    /// Sends the signal and says between which two readings of the clock it went out.
    fn signal(&self, name: &str, signal: i32) -> Result<Between>;
    /// Resolves when the process is confirmed dead.
    fn ended(&self, name: &str) -> BoxFuture<'_, Result<Exit>>;
    /// Resolves when every thread of the process is seen stopped by a signal, with the time of that.
    fn holds_still(&self, name: &str) -> BoxFuture<'_, Result<f64>>;
    fn start(&self, name: &str) -> Result<Between>;
    fn instance(&self, name: &str) -> Result<Instance>;
}

/// A cluster that is up.
pub trait Cluster: Instances {
    fn needs(&self) -> &Needs;

    fn instances(&self) -> Vec<Instance>;

    /// Starts every TaskManager anew; those that run are ended first.
    fn fresh_taskmanagers(&self) -> BoxFuture<'_, Result<()>>;

    /// Brings settings into force that Flink reads only when its processes start, and takes back those of before.
    /// True where JobManager and TaskManagers were started anew for it: jobs and slots of before are gone.
    fn configure<'a>(&'a self, settings: &'a BTreeMap<String, String>) -> BoxFuture<'a, Result<bool>>;

    /// The first instance that has ended although nobody ended it.
    fn lost(&self, expected_gone: &[String]) -> Option<(String, Exit)>;

    /// The last lines of an instance's log, for messages.
    fn log_tail(&self, name: &str, lines: usize) -> String;

    /// Of each service.
    fn versions(&self) -> BTreeMap<String, String>;

    /// Ends everything, removes what it wrote, and says what could not be removed.
    fn down(&self) -> BoxFuture<'_, Result<()>>;
}

/// What one instance does in a cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    JobManager,
    TaskManager,
    Kafka,
    Minio,
}

impl Role {
    pub const ALL: [Self; 4] = [Self::JobManager, Self::TaskManager, Self::Kafka, Self::Minio];

    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::JobManager => "jobmanager",
            Self::TaskManager => "taskmanager",
            Self::Kafka => "kafka",
            Self::Minio => "minio",
        }
    }

    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name() == name)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// One running role on one host, as others see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instance {
    /// `taskmanager-1`
    pub name: String,
    pub role: Role,
    pub host: String,
    pub alive: bool,
    /// The name under which Flink lists this incarnation, of TaskManagers only.
    pub registered_as: Option<String>,
}

/// One live process of an instance, as those who measure it need it.
#[derive(Clone, Debug, PartialEq)]
pub struct RunningProcess {
    /// `taskmanager-1`
    pub instance: String,
    pub role: Role,
    /// 1 for the first start, one more for each restart; counters of a process begin at zero.
    pub incarnation: u32,
    pub pid: u32,
    pub started_epoch_ms: f64,
    /// Where its JVM writes down each collection of garbage.
    pub gc_log: PathBuf,
}

/// Where checkpoints are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Storage {
    /// A folder that all TaskManagers reach.
    File,
    /// A MinIO of the run's own, spoken to as S3.
    Minio,
}

impl Storage {
    pub const ALL: [Self; 2] = [Self::File, Self::Minio];

    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Minio => "minio",
        }
    }

    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|storage| storage.name() == name)
    }
}

/// What a pick takes beside the picked instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Nothing.
    Instance,
    /// Every instance of its role on its host.
    Host,
}

impl Scope {
    pub const ALL: [Self; 2] = [Self::Instance, Self::Host];

    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Instance => "instance",
            Self::Host => "host",
        }
    }

    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.name() == name)
    }
}

/// What a script asks of its target before its first effect.
#[derive(Clone, Debug, PartialEq)]
pub struct Needs {
    pub flink: String,
    pub kafka: String,
    pub taskmanagers: u32,
    /// Slots of each TaskManager.
    pub slots: u32,
    /// `taskmanager.memory.process.size`, bytes.
    pub taskmanager_memory: u64,
    /// `jobmanager.memory.process.size`, bytes.
    pub jobmanager_memory: u64,
    /// The broker's heap, bytes.
    pub kafka_memory: u64,
    pub storage: Storage,
    /// Fixed ports for those who want to look at Flink's web page; `None` takes a free one.
    pub rest_port: Option<u16>,
    pub kafka_port: Option<u16>,
}

impl Default for Needs {
    fn default() -> Self {
        const MIB: u64 = 1 << 20;
        Self {
            flink: "1.19.3".into(),
            kafka: "3.9.1".into(),
            taskmanagers: 2,
            slots: 2,
            taskmanager_memory: 1728 * MIB,
            jobmanager_memory: 1024 * MIB,
            kafka_memory: 1024 * MIB,
            storage: Storage::File,
            rest_port: None,
            kafka_port: None,
        }
    }
}

/// An instant that was not seen itself, only that it lay between two readings of the clock.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Between {
    pub lo_epoch_ms: f64,
    pub hi_epoch_ms: f64,
}
