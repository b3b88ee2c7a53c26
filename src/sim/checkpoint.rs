//! Flink's checkpoint coordinator: when it triggers, what waits, and what a job can go back to.
//!
//! Periodic triggers keep a grid of T from a first one at random in [min-pause, T]. One that falls due during a
//! checkpoint comes right after it, and the grid stays; one that min-pause forbids moves the grid. Both are what
//! a real job's history shows. Checkpoints on request go before waiting periodic ones and know no min-pause.

use std::collections::VecDeque;
use std::fmt;

/// What asked for a checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trigger {
    Periodic,
    Manual,
    Savepoint,
    /// A savepoint that the job ends with: nothing is read after it.
    Stop,
}

impl Trigger {
    /// Whether it holds all of the state, in a place of its own.
    #[must_use]
    pub fn is_savepoint(self) -> bool {
        matches!(self, Self::Savepoint | Self::Stop)
    }

    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Periodic => "periodic",
            Self::Manual => "manual",
            Self::Savepoint | Self::Stop => "savepoint",
        }
    }
}

/// A checkpoint on request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestId(pub(super) u64);

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RequestStatus {
    Pending,
    Completed { checkpoint: u64, savepoint: Option<SavepointId> },
    Failed { reason: String },
}

/// Where a job can begin; outlives its job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SavepointId(pub(super) u64);

impl fmt::Display for SavepointId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "savepoint-{:06x}", self.0)
    }
}

impl std::str::FromStr for SavepointId {
    type Err = crate::error::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let number = text.strip_prefix("savepoint-").and_then(|number| u64::from_str_radix(number, 16).ok());
        number.map(Self).ok_or_else(|| {
            crate::error::Error::script(format!("`{text}` is no savepoint of the simulated target"))
                .hint("take what `flink::savepoint` returned")
        })
    }
}

/// What a checkpoint holds of the job.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Held {
    pub position: f64,
    /// Windows before this one have closed.
    pub next_window: u64,
    pub bytes: f64,
}

/// A checkpoint under way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Snapshot {
    pub id: u64,
    pub kind: Trigger,
    pub request: Option<u64>,
    pub triggered_ms: f64,
    pub held: Held,
    pub incremental_bytes: f64,
    pub ends: Ends,
}

/// When a checkpoint under way will be complete.
#[derive(Clone, Copy, Debug)]
pub(super) enum Ends {
    At(f64),
    /// A TaskManager does not answer; so long once it does again.
    Stalled {
        left_ms: f64,
    },
}

#[derive(Debug, Default)]
pub(super) struct Coordinator {
    pub interval_ms: Option<f64>,
    pub min_pause_ms: f64,
    pub timeout_ms: f64,
    pub active: bool,
    /// Of the grid in force.
    pub grid: u32,
    pub snapshot: Option<Snapshot>,
    /// Of the end that is planned for the snapshot.
    pub end: u32,
    pub periodic_waits: bool,
    pub requests_wait: VecDeque<(Trigger, u64)>,
    pub last_end_ms: Option<f64>,
    pub last_id: u64,
    pub completed: u64,
    pub failed: u64,
    pub longest_ms: Option<f64>,
    /// Timed out since the job was last deployed.
    pub expired: u64,
    pub cost_paid_ms: f64,
    /// What the job goes back to.
    pub latest: Option<(u64, Held)>,
    pub restored: Option<u64>,
}

/// What to do at a periodic trigger.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Due {
    Now,
    /// After the checkpoint under way.
    Waits,
    /// The grid moves there.
    NotBefore(f64),
}

impl Coordinator {
    pub(super) fn due(&self, now_ms: f64) -> Due {
        let earliest = self.last_end_ms.map_or(f64::NEG_INFINITY, |end| end + self.min_pause_ms);
        if self.snapshot.is_some() {
            Due::Waits
        } else if self.min_pause_ms > 0.0 && earliest > now_ms {
            Due::NotBefore(earliest)
        } else {
            Due::Now
        }
    }

    /// Stops triggering and forgets what waits; gives what was under way and the requests that will not be.
    pub(super) fn stop(&mut self) -> (Option<Snapshot>, Vec<u64>) {
        self.active = false;
        self.expired = 0;
        self.grid += 1;
        self.end += 1;
        self.periodic_waits = false;
        let waiting = self.requests_wait.drain(..).map(|(_, request)| request).collect();
        (self.snapshot.take(), waiting)
    }
}
