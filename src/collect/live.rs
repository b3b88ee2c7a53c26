//! What the trial's driver sees of a collection that goes on.
//!
//! It decides when a phase ends, never what a figure is: figures come from the journal.

use tokio::sync::{broadcast, watch};

use crate::error::Error;
use crate::record::Sample;

/// The latest of each; `None` as long as nothing was seen.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Live {
    pub job_state: Option<String>,
    /// How many TaskManagers are registered.
    pub taskmanagers: Option<usize>,
    /// The newest completed checkpoint, savepoints left out.
    pub completed_checkpoint: Option<u64>,
    /// The journal could not be written: the collection has ended.
    pub failed: Option<Error>,
}

#[derive(Debug)]
pub struct LiveView {
    pub now: watch::Receiver<Live>,
    /// Every fresh sample of the probe and the broker, from the moment of the view on. A driver that lags far
    /// behind loses the oldest, which for a lag meter is no loss.
    pub samples: broadcast::Receiver<Sample>,
}
