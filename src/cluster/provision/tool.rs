//! Waits for a tool that fills the cache, shows that it lives, and ends it when the run is interrupted.

use std::time::{Duration, Instant};

use crate::cluster::process::{Exit, Process};
use crate::error::Result;
use crate::host::Host;

/// How long a tool may take to end when asked to.
const ENDS_WITHIN: Duration = Duration::from_secs(10);

/// Ends the tool and waits for it: the folder that it writes to is removed next, and another cprun may take it.
fn end(process: &Process) -> Result<()> {
    process.signal(libc::SIGTERM)?;
    let begin = Instant::now();
    while process.exit().is_none() {
        if begin.elapsed() > ENDS_WITHIN {
            return process.signal(libc::SIGKILL).map(drop);
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}

/// Calls `tick` four times a second while the tool works.
pub(super) fn finish(host: &Host, process: &Process, mut tick: impl FnMut(Duration)) -> Result<Exit> {
    let begin = Instant::now();
    loop {
        if let Some(exit) = process.exit() {
            return Ok(exit);
        }
        if let Some(error) = host.signals.error() {
            end(process)?;
            return Err(error);
        }
        tick(begin.elapsed());
        std::thread::sleep(Duration::from_millis(250));
    }
}
