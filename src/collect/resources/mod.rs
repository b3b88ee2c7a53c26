//! CPU, memory, disk, network and garbage collection of each instance, once a step, and of its host, once a second.
//!
//! On an OS thread of its own, because reading the kernel's files blocks. What is read is the business of
//! whoever hands in the reading; `proc` turns the kernel's text into values and does not care whence it came,
//! so that another host's text can be read by the same rules.

mod gc;
mod local;
mod proc;
mod sockets;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

pub use local::LocalResources;

use super::broker::next_on_grid;
use super::gaps::Gaps;
use super::outlet::Outlet;
use crate::error::{Error, Result};
use crate::record::{Observation, Sample};

/// Reads all counters once: a sample of each instance that lives, and of the host.
pub type ReadResources = Box<dyn FnMut() -> Result<Vec<Sample>> + Send>;

pub(super) struct ResourceThread {
    /// Dropped, it tells the thread to end.
    running: Sender<()>,
    thread: JoinHandle<Result<()>>,
}

impl ResourceThread {
    pub(super) fn start(read: ReadResources, every: Duration, outlet: Outlet) -> Result<Self> {
        let (running, stopped) = channel();
        let thread = std::thread::Builder::new()
            .name("resources".to_owned())
            .spawn(move || {
                let outcome = sample_until(&stopped, read, every, &outlet);
                outlet.watched(outcome)
            })
            .map_err(|error| Error::io("start a thread", error))?;
        Ok(Self { running, thread })
    }

    pub(super) fn stop(self) -> Result<()> {
        drop(self.running);
        self.thread.join().unwrap_or_else(|_| Err(Error::defect("the sampler of resources broke")))
    }
}

impl fmt::Debug for ResourceThread {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ResourceThread").finish_non_exhaustive()
    }
}

fn sample_until(stopped: &Receiver<()>, mut read: ReadResources, every: Duration, outlet: &Outlet) -> Result<()> {
    let mut gaps = Gaps::new("resources of the host", outlet);
    let mut due = Instant::now();
    loop {
        for sample in gaps.bridge(read())?.unwrap_or_default() {
            // Not to the driver's eyes: it looks at positions and offsets only.
            outlet.record(Observation::Sample(sample))?;
        }
        due = next_on_grid(due, every, Instant::now());
        match stopped.recv_timeout(due.saturating_duration_since(Instant::now())) {
            Err(RecvTimeoutError::Timeout) => {}
            Ok(()) | Err(RecvTimeoutError::Disconnected) => return Ok(()),
        }
    }
}
