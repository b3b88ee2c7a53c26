//! Closures of a script on threads of their own.
//!
//! Each thread has a stack as large as the script's and a token that ends it: the engine looks at the token between
//! operations, `Session::wait` while it waits. What a closure captured is copied first, because a value that two
//! threads share is locked as long as one of them calls a method on it. Whoever waits for such a thread waits through
//! the runtime: a plain join would hold a virtual clock for ever.

#![expect(
    deprecated,
    reason = "what keeps the place and captures of a call is not deprecated but volatile, as its note says"
)]

use std::sync::Arc;

use rhai::{Dynamic, Engine, FnPtr, NativeCallContext, NativeCallContextStore};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use super::errors::Failure;
use super::limits;
use super::session::{Purpose, Session};
use crate::error::{Error, Result};
use crate::host::Cancelled;
use crate::runtime::Runtime;

pub const STACK_BYTES: usize = 64 << 20;

/// Work of the script that goes on by itself.
pub struct Background {
    /// `sample lag`, for lists of what runs.
    pub name: String,
    /// When it began, on the clock that waits wait by.
    pub since: tokio::time::Instant,
    stop: CancellationToken,
    ended: CancellationToken,
    runtime: Runtime,
}

impl Background {
    #[must_use]
    pub fn is_running(&self) -> bool {
        !self.ended.is_cancelled()
    }

    /// Asks it to end; returns at once.
    pub fn stop(&self) {
        self.stop.cancel();
    }

    /// Waits until it has ended; what never was asked to may last. Not for its own thread.
    pub fn join(&self) {
        self.runtime.block_on(self.ended.cancelled());
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
    let from = Origin::of(session, context)?;
    let stop = limits::stop_token().child_token();
    let ended = CancellationToken::new();
    let (token, end) = (stop.clone(), ended.clone().drop_guard());
    // What goes on behind a prompt is not ended by an interrupt of what is evaluated in front of it.
    let own = (session.purpose == Purpose::Prompt).then(|| stop.clone());
    let thread = session.runtime.thread(&name, STACK_BYTES, move || {
        // Dropped last, however the work ends.
        let _end = end;
        limits::enter(token.clone());
        Cancelled::also_on_this_thread(token);
        own.map(Cancelled::on_this_thread).unwrap_or_default();
        from.call(work);
    });
    thread.map_err(|error| Error::io(format!("start a thread for {name}"), error))?;
    let runtime = session.runtime.clone();
    let background = Arc::new(Background { name, since: session.now(), stop, ended, runtime });
    session.state().background.push(Arc::clone(&background));
    Ok(background)
}

/// Calls all closures at once, each on a thread of its own, and waits for the last one. Results in their order.
pub fn all_at_once(
    session: &Arc<Session>,
    context: &NativeCallContext<'_>,
    closures: &[FnPtr],
) -> Result<Vec<std::result::Result<Dynamic, Failure>>> {
    let stop = limits::stop_token();
    let mut running = Vec::with_capacity(closures.len());
    for (place, closure) in closures.iter().enumerate() {
        let (from, own, stop) = (Origin::of(session, context)?, detached(closure), stop.clone());
        let (done, outcome) = oneshot::channel();
        let cancellation = Cancelled::own();
        let work = move || {
            limits::enter(stop.clone());
            Cancelled::also_on_this_thread(stop);
            cancellation.map(Cancelled::on_this_thread).unwrap_or_default();
            // Nobody listens any more only where another thread could not be started.
            drop(done.send(from.call(|context| own.call_within_context::<Dynamic>(context, ()))));
        };
        let thread = session.runtime.thread(&format!("parallel {}", place + 1), STACK_BYTES, work);
        running.push(thread.map(|_| outcome).map_err(|error| Error::io("start a thread for a closure", error)));
    }
    // All have ended before the first error is looked at; a signal ends each of them by itself.
    let all = session.runtime.block_on(async {
        let mut all = Vec::with_capacity(running.len());
        for one in running {
            all.push(match one {
                Ok(outcome) => outcome.await.map_err(|_| Error::defect("a closure broke off")),
                Err(error) => Err(error),
            });
        }
        all
    });
    limits::time_passed();
    all.into_iter().collect()
}

/// Where on another thread a closure is called from, as the native was that started the thread.
struct Origin {
    engine: Arc<Engine>,
    store: NativeCallContextStore,
}

impl Origin {
    fn of(session: &Session, context: &NativeCallContext<'_>) -> Result<Self> {
        let engine = session.state().engine.upgrade();
        let engine = engine.ok_or_else(|| Error::defect("a thread of a script that has ended"))?;
        let store = context.store_data();
        Ok(Self { engine, store })
    }

    fn call<T>(&self, work: impl FnOnce(&NativeCallContext<'_>) -> T) -> T {
        let context = self.store.create_context(&self.engine);
        work(&context)
    }
}

/// The closure with variables of its own, which begin as what it captured and stay from one call to the next; closures
/// among them too.
#[must_use]
pub fn detached(closure: &FnPtr) -> FnPtr {
    let mut copy = closure.clone();
    for captured in copy.iter_curry_mut() {
        let is_variable = captured.is_shared();
        let value = captured.flatten_clone();
        let value = match value.read_lock::<FnPtr>().map(|inner| detached(&inner)) {
            Some(inner) => Dynamic::from(inner),
            None => value,
        };
        *captured = if is_variable { value.into_shared() } else { value };
    }
    copy
}
