//! What users feel of an interval: how long a fault takes to be over, and how late results become visible.

use crate::analysis::model::{above_zero, at_least};
use crate::error::Result;

/// What comes in, and what the job can do of it while it takes checkpoints, in the same unit (rows a second).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Load {
    pub load: f64,
    pub capacity: f64,
}

impl Load {
    pub fn check(&self) -> Result<()> {
        at_least("load", self.load, 0.0)?;
        above_zero("capacity", self.capacity)
    }

    /// The share of the capacity that the load wants.
    #[must_use]
    pub fn share(&self) -> f64 {
        self.load / self.capacity
    }
}

/// From a fault until the job stands where it would without it, in seconds, at worst: just before a checkpoint.
///
/// T of events are to be done again. Without a load that takes as long as it did: R + T. With one, what comes in
/// meanwhile is to be done too: when the job works again it stands (T + R) load behind, and gains capacity - load.
#[must_use]
pub fn recovery_s(interval_s: f64, restart_s: f64, load: Option<&Load>) -> f64 {
    match load {
        None => restart_s + interval_s,
        Some(load) if load.load < load.capacity => {
            restart_s + (interval_s + restart_s) * load.load / (load.capacity - load.load)
        }
        Some(_) => f64::INFINITY,
    }
}

/// How long a result waits for the checkpoint that makes it visible under an exactly-once sink, in seconds, on average
/// over results at any time between two triggers.
#[must_use]
pub fn visible_mean_s(interval_s: f64, cost_s: f64) -> f64 {
    interval_s / 2.0 + cost_s
}

/// As `visible_mean_s`; 99 % wait less.
#[must_use]
pub fn visible_p99_s(interval_s: f64, cost_s: f64) -> f64 {
    0.99 * interval_s + cost_s
}

/// As `visible_mean_s`; all wait less.
#[must_use]
pub fn visible_worst_s(interval_s: f64, cost_s: f64) -> f64 {
    interval_s + cost_s
}
