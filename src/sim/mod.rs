//! A simulated target: brokers and a Flink on a virtual clock, moved by events.
//!
//! It holds mechanisms and no conclusions: triggers, snapshots, broken connections, heartbeats, restart delays,
//! slots, restores, rewinds, catching up. What an interval or a fault costs comes out of these. [`Conduct`] has
//! the physical constants and where each is from.
//!
//! Records are a fluid: the job's position, what is offered and what a window holds are counts, and all
//! partitions are read evenly. One row stands for a window, whatever its zones. The whole job reads or does not:
//! it begins with the first source subtask, and stops when any of its TaskManagers does, as backpressure would
//! stop the others soon.
//!
//! Beside it [`monte_carlo`] simulates the model and not a cluster.
//!
//! A world is driven from outside ([`World::advance_to`]), knows no other clock, and with the same seed and the
//! same calls does the same.

mod checkpoint;
mod conduct;
mod instance;
mod job;
mod load;
pub mod monte_carlo;
mod noise;
mod queue;
mod windows;
mod world;

pub use checkpoint::{RequestId, RequestStatus, SavepointId, Trigger};
pub use conduct::{Cold, Conduct};
pub use instance::{InstanceView, Signal};
pub use job::{
    CheckpointSummary, Job, JobId, JobSettings, JobState, JobView, StateKind, SubtaskView, TaskState, VERTICES, Vertex,
    VertexView,
};
pub use load::{Load, Rows};
pub use windows::{WindowTotal, Windows};
pub use world::{MIN_STEP_MS, Overview, Progress, Setup, World};

#[cfg(test)]
mod tests;
