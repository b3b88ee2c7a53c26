//! SIGINT and SIGTERM end the run in order: faults are undone, processes ended, what was measured is kept.
//! A second one ends cprun at once.

use tokio::signal::unix::{SignalKind, signal};

use super::exit;
use crate::error::{Error, Kind, Result};
use crate::host::Signals;

pub fn listen(runtime: &tokio::runtime::Runtime, signals: &Signals) -> Result<()> {
    let _inside = runtime.enter();
    let cannot = |error| Error::io("listen for signals", error);
    let mut interrupt = signal(SignalKind::interrupt()).map_err(cannot)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(cannot)?;
    // A terminal that is closed, or an ssh connection that breaks, ends a run like SIGTERM does.
    let mut hangup = signal(SignalKind::hangup()).map_err(cannot)?;
    let signals = signals.clone();
    runtime.spawn(async move {
        loop {
            let kind = tokio::select! {
                _ = interrupt.recv() => Kind::Interrupted,
                _ = terminate.recv() => Kind::Terminated,
                _ = hangup.recv() => Kind::Terminated,
            };
            if signals.error().is_some() {
                at_once(kind);
            }
            signals.raise(kind);
        }
    });
    Ok(())
}

/// Children die with this process, and the next cprun sweeps the rest.
#[expect(clippy::exit, clippy::disallowed_methods, reason = "the user asked twice")]
fn at_once(kind: Kind) -> ! {
    std::process::exit(i32::from(exit::of_error(kind)))
}
