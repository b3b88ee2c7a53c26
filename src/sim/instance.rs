//! The processes of the simulated cluster, and what signals do to them.

use super::queue::Process;
use crate::cluster::Role;

/// What can be sent to a TaskManager.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// SIGKILL.
    Kill,
    /// SIGTERM.
    Stop,
    /// SIGSTOP.
    Hang,
    /// SIGCONT.
    Continue,
}

/// One instance, as its host sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstanceView {
    pub name: String,
    pub role: Role,
    pub alive: bool,
    pub hung: bool,
    pub incarnation: u32,
    /// The name under which Flink lists this incarnation, of TaskManagers only.
    pub registered_as: Option<String>,
}

/// A TaskManager.
#[derive(Clone, Debug)]
pub(super) struct TaskManager {
    pub name: String,
    pub incarnation: u32,
    /// Whether its host still shows the process.
    pub alive: bool,
    /// Whether it does anything; a killed one is seen alive a little longer.
    pub works: bool,
    pub hung: bool,
    /// How often it has hung.
    pub hangs: u32,
    /// What it could not do while it hung.
    pub stops_when_awake: bool,
    pub registers_when_awake: bool,
    /// Whether its JVM has run the job.
    pub warm: bool,
}

impl TaskManager {
    pub(super) fn new(number: u32) -> Self {
        Self {
            name: format!("taskmanager-{number}"),
            incarnation: 1,
            alive: true,
            works: true,
            hung: false,
            hangs: 0,
            stops_when_awake: false,
            registers_when_awake: false,
            warm: false,
        }
    }

    /// A process of its own begins.
    pub(super) fn begin(&mut self) {
        let name = std::mem::take(&mut self.name);
        *self = Self { name, incarnation: self.incarnation + 1, hangs: self.hangs, ..Self::new(0) };
    }

    /// The process acts no more.
    pub(super) fn end(&mut self) {
        self.works = false;
        self.hung = false;
        self.stops_when_awake = false;
        self.registers_when_awake = false;
    }

    /// Whether this incarnation can answer anybody.
    pub(super) fn answers(&self, incarnation: u32) -> bool {
        self.works && !self.hung && self.incarnation == incarnation
    }

    pub(super) fn is_dead(&self, incarnation: u32) -> bool {
        !self.works || self.incarnation != incarnation
    }
}

/// The name of an incarnation on Flink's list: the first has that of its instance.
pub(super) fn registered_name(instance: &str, process: Process) -> String {
    match process.incarnation {
        1 => instance.to_owned(),
        later => format!("{instance}.{later}"),
    }
}
