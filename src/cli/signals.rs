//! SIGINT and SIGTERM end the run in order: faults are undone, processes ended, what was measured is kept.
//! A second one, more than a second later, ends cprun at once.

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::exit;
use crate::error::{Error, Kind, Result};
use crate::host::{Raised, Signals};

pub fn listen(runtime: &tokio::runtime::Runtime, signals: &Signals) -> Result<()> {
    let _inside = runtime.enter();
    let cannot = |error| Error::io("listen for signals", error);
    let mut interrupt = signal(SignalKind::interrupt()).map_err(cannot)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(cannot)?;
    // A terminal that is closed, or an ssh connection that breaks, ends a run like SIGTERM does, unless the user
    // said that it should not (`nohup`).
    let mut hangup = if hangup_is_ignored() { None } else { Some(signal(SignalKind::hangup()).map_err(cannot)?) };
    let signals = signals.clone();
    runtime.spawn(async move {
        loop {
            let kind = tokio::select! {
                _ = interrupt.recv() => Kind::Interrupted,
                _ = terminate.recv() => Kind::Terminated,
                () = next(&mut hangup) => Kind::Terminated,
            };
            if signals.raise(kind) == Raised::Again {
                at_once(kind);
            }
        }
    });
    Ok(())
}

async fn next(hangup: &mut Option<Signal>) {
    match hangup {
        Some(hangup) => hangup.recv().await.map_or((), |()| ()),
        None => std::future::pending().await,
    }
}

fn hangup_is_ignored() -> bool {
    // SAFETY: a zeroed sigaction is a valid place for the answer; nothing is changed.
    unsafe {
        let mut now: libc::sigaction = std::mem::zeroed();
        libc::sigaction(libc::SIGHUP, std::ptr::null(), &raw mut now) == 0 && now.sa_sigaction == libc::SIG_IGN
    }
}

/// Children die with this process, and the next cprun sweeps the rest.
#[expect(clippy::exit, clippy::disallowed_methods, reason = "the user asked twice")]
fn at_once(kind: Kind) -> ! {
    std::process::exit(i32::from(exit::of_error(kind)))
}
