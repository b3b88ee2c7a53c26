//! What is to happen, in the order of time; what is due at the same instant happens in the order of its planning.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

/// A TaskManager's process: its place among the instances and which of its starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Process {
    pub place: usize,
    pub incarnation: u32,
}

/// Whatever may have been overtaken by then carries what tells: an incarnation, an attempt, a serial number.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Event {
    Exited(Process),
    Deregistered(Process),
    Registered(Process),
    /// The heartbeats to a process have failed too often, or stayed away too long in this hang.
    Lost {
        process: Process,
        hang: Option<u32>,
    },
    SlotsOffered {
        attempt: u32,
    },
    StartupOver,

    /// The job enters CREATED, or RUNNING for the first time.
    Created {
        job: u64,
    },
    Started {
        job: u64,
    },
    Canceled {
        job: u64,
    },
    Failed {
        job: u64,
        attempt: u32,
        why: Why,
    },
    Restart {
        job: u64,
        attempt: u32,
    },
    /// The subtask's attempt enters its next state.
    TaskReady {
        job: u64,
        attempt: u32,
        subtask: u32,
    },
    FirstRecord {
        job: u64,
        attempt: u32,
    },
    Warm {
        job: u64,
        attempt: u32,
    },

    PeriodicTrigger {
        serial: u32,
    },
    SnapshotDone {
        checkpoint: u64,
        serial: u32,
    },
    SnapshotTimeout {
        checkpoint: u64,
    },
    RowsWritten,
    RowsVisible,
    Tick {
        serial: u32,
    },
}

/// Why an attempt of the job ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    /// A peer saw the connection to this process break.
    BrokenConnection(Process),
    /// The JobManager's own heartbeats to it failed.
    HeartbeatsFailed(Process),
    HeartbeatTimeout(Process),
    Deregistered(Process),
    /// A task was sent to a process that is no more.
    Unreachable(Process),
    NoResources,
    SlotTimeout,
    CheckpointTimeout,
}

impl Why {
    /// The class of the exception, and the TaskManager that Flink says it with.
    pub(super) fn exception(self) -> (&'static str, Option<Process>) {
        match self {
            Self::BrokenConnection(process) => {
                ("org.apache.flink.runtime.io.network.netty.exception.RemoteTransportException", Some(process))
            }
            Self::HeartbeatsFailed(process) => ("org.apache.flink.runtime.jobmaster.JobMasterException", Some(process)),
            Self::HeartbeatTimeout(process) => ("java.util.concurrent.TimeoutException", Some(process)),
            Self::Deregistered(process) => ("org.apache.flink.util.FlinkException", Some(process)),
            Self::Unreachable(process) => {
                ("org.apache.flink.runtime.rpc.exceptions.RecipientUnreachableException", Some(process))
            }
            Self::NoResources | Self::SlotTimeout => ("java.util.concurrent.CompletionException", None),
            Self::CheckpointTimeout => ("org.apache.flink.util.FlinkRuntimeException", None),
        }
    }
}

#[derive(Debug, Default)]
pub(super) struct Queue {
    heap: BinaryHeap<Planned>,
    planned: u64,
}

#[derive(Debug)]
struct Planned {
    at_ms: f64,
    number: u64,
    event: Event,
}

impl Queue {
    pub(super) fn plan(&mut self, at_ms: f64, event: Event) {
        self.planned += 1;
        self.heap.push(Planned { at_ms, number: self.planned, event });
    }

    pub(super) fn next_ms(&self) -> Option<f64> {
        self.heap.peek().map(|planned| planned.at_ms)
    }

    pub(super) fn take_due(&mut self, now_ms: f64) -> Option<Event> {
        if self.next_ms()? > now_ms {
            return None;
        }
        self.heap.pop().map(|planned| planned.event)
    }
}

impl Ord for Planned {
    fn cmp(&self, other: &Self) -> Ordering {
        // Reversed: the heap gives its greatest first.
        other.at_ms.total_cmp(&self.at_ms).then(other.number.cmp(&self.number))
    }
}

impl PartialOrd for Planned {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Planned {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Planned {}
