//! What is broken on purpose, and its undo.
//!
//! A fault is written down before anything is waited for, and its undo is planned before the fault acts:
//! however a trial ends, `undo_all` leaves every instance running or ended, never half.

mod injector;

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
