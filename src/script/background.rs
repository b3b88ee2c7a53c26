//! Closures of a script on threads of their own.
//!
//! Each thread has a stack as large as the script's and a token that ends it: the engine looks at the token between
//! operations, `Session::wait` while it waits. What a closure captured is copied first, because a value that two
//! threads share is locked as long as one of them calls a method on it.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use rhai::{Dynamic, FnPtr, NativeCallContext};
use tokio_util::sync::CancellationToken;

use super::errors::Failure;
use super::limits;
use super::session::Session;
use crate::error::{Error, Result};

pub const STACK_BYTES: usize = 64 << 20;

/// Work of the script that goes on by itself.
pub struct Background {
    /// `sample lag`, for lists of what runs.
    pub name: String,
    /// When it began, on the clock that waits wait by.
    pub since: tokio::time::Instant,
    stop: CancellationToken,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Background {
    #[must_use]
    pub fn is_running(&self) -> bool {
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        thread.as_ref().is_some_and(|thread| !thread.is_finished())
    }

    /// Asks it to end; returns at once.
    pub fn stop(&self) {
        self.stop.cancel();
    }

    /// Waits until it has ended; what never was asked to may last.
    pub fn join(&self) {
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        // A thread that joins itself would wait for ever; one that broke off has nothing more to say.
        if let Some(thread) = thread.filter(|thread| thread.thread().id() != std::thread::current().id()) {
            drop(thread.join());
        }
    }
}

/// Runs `work` on a thread of its own, which ends with the trial at the latest. It gets a context from which it can
/// call closures of the script as the native could that started it.
pub fn start(
    session: &Arc<Session>,
    context: &NativeCallContext<'_>,
    name: String,
    work: impl FnOnce(&NativeCallContext<'_>) + Send + 'static,
) -> Result<Arc<Background>> {
    let engine = session.state().engine.upgrade();
    let engine = engine.ok_or_else(|| Error::defect("work in the background of a script that has ended"))?;
    #[expect(deprecated, reason = "not deprecated but volatile, as its note says; nothing else keeps captures and places")]
    let store = context.store_data();
    let stop = limits::stop_token().child_token();
    let token = stop.clone();
    let thread = std::thread::Builder::new().name(name.clone()).stack_size(STACK_BYTES).spawn(move || {
        limits::enter(token);
        #[expect(deprecated, reason = "as above")]
        work(&store.create_context(&engine));
    });
    let thread = thread.map_err(|error| Error::io(format!("start a thread for {name}"), error))?;
    let since = session.now();
    let background = Arc::new(Background { name, since, stop, thread: Mutex::new(Some(thread)) });
    session.state().background.push(Arc::clone(&background));
    Ok(background)
}

/// Calls all closures at once, each on a thread of its own, and waits for the last one. Results in their order.
pub fn all_at_once(context: &NativeCallContext<'_>, closures: &[FnPtr]) -> Result<Vec<std::result::Result<Dynamic, Failure>>> {
    let stop = limits::stop_token();
    std::thread::scope(|scope| {
        let start = |(place, closure): (usize, &FnPtr)| {
            #[expect(deprecated, reason = "not deprecated but volatile, as its note says")]
            let store = context.store_data();
            let (engine, stop, own) = (context.engine(), stop.clone(), detached(closure));
            let builder = std::thread::Builder::new().name(format!("parallel {}", place + 1)).stack_size(STACK_BYTES);
            builder.spawn_scoped(scope, move || {
                limits::enter(stop);
                #[expect(deprecated, reason = "as above")]
                own.call_raw(&store.create_context(engine), None, []).map(Dynamic::flatten)
            })
        };
        let threads: Vec<_> = closures.iter().enumerate().map(start).collect();
        let join = |thread: std::io::Result<std::thread::ScopedJoinHandle<'_, _>>| {
            let thread = thread.map_err(|error| Error::io("start a thread for a closure", error))?;
            thread.join().map_err(|_| Error::defect("a closure broke off"))
        };
        // All are joined before the first error is looked at.
        threads.into_iter().map(join).collect::<Vec<_>>().into_iter().collect()
    })
}

/// The closure with copies of what it captured.
#[must_use]
pub fn detached(closure: &FnPtr) -> FnPtr {
    let mut copy = closure.clone();
    for captured in copy.iter_curry_mut() {
        *captured = captured.flatten_clone();
    }
    copy
}
