//! Waits for a tool that fills the cache, shows that it lives, and ends it when the run is interrupted.

use std::time::{Duration, Instant};

use crate::cluster::process::{Exit, Process};
use crate::error::Result;
use crate::host::Host;

/// Calls `tick` four times a second while the tool works.
pub(super) fn finish(host: &Host, process: &Process, mut tick: impl FnMut(Duration)) -> Result<Exit> {
    let begin = Instant::now();
    loop {
        if let Some(exit) = process.exit() {
            return Ok(exit);
        }
        if let Some(error) = host.signals.error() {
            process.signal(libc::SIGTERM)?;
            return Err(error);
        }
        tick(begin.elapsed());
        std::thread::sleep(Duration::from_millis(250));
    }
}
