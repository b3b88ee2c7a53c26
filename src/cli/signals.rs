//! SIGINT and SIGTERM end the run in order: faults are undone, processes ended, what was measured is kept.

use tokio::signal::unix::{SignalKind, signal};

use crate::error::{Error, Kind, Result};
use crate::host::Signals;

pub fn listen(runtime: &tokio::runtime::Runtime, signals: &Signals) -> Result<()> {
    let _inside = runtime.enter();
    let cannot = |error| Error::io("listen for signals", error);
    let mut interrupt = signal(SignalKind::interrupt()).map_err(cannot)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(cannot)?;
    let signals = signals.clone();
    runtime.spawn(async move {
        loop {
            let kind = tokio::select! {
                _ = interrupt.recv() => Kind::Interrupted,
                _ = terminate.recv() => Kind::Terminated,
            };
            signals.raise(kind);
        }
    });
    Ok(())
}
