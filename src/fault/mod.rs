//! What is broken on purpose, and its undo.
//!
//! A fault is written down before anything is waited for, and its undo is planned before the fault acts:
//! however a trial ends, `undo_all` leaves every instance running or ended, never half.

mod injector;
mod schedule;

pub use injector::{Fault, Injector};
pub use schedule::Schedule;

/// The ways to break an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// SIGKILL: the process has no chance to say goodbye.
    Kill,
    /// SIGTERM: the process shuts down in order.
    Stop,
    /// SIGSTOP: the process holds still, its connections stay open, and nobody but a timeout can tell.
    Hang,
}

impl Kind {
    pub const ALL: [Self; 3] = [Self::Kill, Self::Stop, Self::Hang];

    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Kill => "kill",
            Self::Stop => "stop",
            Self::Hang => "hang",
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
            Self::Hang => libc::SIGSTOP,
        }
    }

    /// Whether the process lives on, so that the undo is to let it go on.
    fn spares_the_process(self) -> bool {
        self == Self::Hang
    }
}
