//! What is broken on purpose, and its undo.
//!
//! A fault is written down before anything is waited for, and its undo is planned before the fault acts:
//! however a trial ends, `undo_all` leaves every instance running or ended, never half.

mod injector;

use futures::future::BoxFuture;

use crate::cluster::process::Exit;
use crate::cluster::{Between, Instance, LocalCluster};
use crate::error::Result;

pub use injector::{Fault, Injector};

/// The ways to break an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// SIGKILL: the process has no chance to say goodbye.
    Kill,
    /// SIGTERM: the process shuts down in order.
    Stop,
}

impl Kind {
    pub const ALL: [Self; 2] = [Self::Kill, Self::Stop];

    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Kill => "kill",
            Self::Stop => "stop",
        }
    }

    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    fn signal(self) -> i32 {
        match self {
            Self::Kill => libc::SIGKILL,
            Self::Stop => libc::SIGTERM,
        }
    }
}

/// What a fault acts on.
pub trait Instances: Send + Sync {
    /// Sends the signal and says between which two readings of the clock it went out.
    fn signal(&self, name: &str, signal: i32) -> Result<Between>;
    /// Resolves when the process is confirmed dead.
    fn ended(&self, name: &str) -> BoxFuture<'_, Result<Exit>>;
    fn start(&self, name: &str) -> Result<Between>;
    fn instance(&self, name: &str) -> Result<Instance>;
}

impl Instances for LocalCluster {
    fn signal(&self, name: &str, signal: i32) -> Result<Between> {
        LocalCluster::signal(self, name, signal)
    }

    fn ended(&self, name: &str) -> BoxFuture<'_, Result<Exit>> {
        let name = name.to_owned();
        Box::pin(async move { LocalCluster::ended(self, &name).await })
    }

    fn start(&self, name: &str) -> Result<Between> {
        self.start_taskmanager(name)
    }

    fn instance(&self, name: &str) -> Result<Instance> {
        LocalCluster::instance(self, name)
    }
}
