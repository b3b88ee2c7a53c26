//! A schedule of faults that goes on behind the prompt.
//!
//! Its thread has a cancellation of its own, so that Ctrl-C ends an evaluation and not the schedule, and `stop` the
//! schedule and not an evaluation. The closure gets copies of what it captured: a value that two threads share is
//! locked as long as one of them calls a method on it.

#![expect(
    deprecated,
    reason = "what keeps the surroundings of a call is not deprecated but volatile, as its note says"
)]

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rhai::{Dynamic, Engine, FnPtr, NativeCallContextStore};
use tokio_util::sync::CancellationToken;

use super::jobs::Worker;
use crate::error::{Error, Kind, Result};
use crate::fault;
use crate::host::{Cancelled, Host};
use crate::run::Trial;
use crate::runtime::Runtime;
use crate::script::background::{STACK_BYTES, detached};
use crate::script::declare::Call;
use crate::script::{errors, limits};

/// Starts a schedule of an open trial, its times counted from now.
pub fn start(call: &Call<'_>, trial: Arc<Trial>, plan: fault::Schedule, act: &FnPtr) -> Result<()> {
    let session = call.session;
    let engine = session.state().engine.upgrade();
    let since_epoch_ms = session.host.clock.now_epoch_ms();
    let schedule = Arc::new(Schedule {
        plan,
        since_epoch_ms,
        runtime: session.runtime.clone(),
        stop: CancellationToken::new(),
        over: CancellationToken::new(),
        state: Mutex::default(),
    });
    let faults = Faults {
        schedule: Arc::clone(&schedule),
        host: session.host.clone(),
        trial,
        engine: engine.ok_or_else(|| Error::defect("a schedule without an engine"))?,
        store: call.context.store_data(),
        act: detached(act),
    };
    let thread = session.runtime.thread("fault schedule", STACK_BYTES, move || faults.run());
    drop(thread.map_err(|error| Error::io("start a thread for the schedule", error))?);
    session.jobs.add(schedule);
    Ok(())
}

/// What the list of jobs sees of it.
struct Schedule {
    plan: fault::Schedule,
    since_epoch_ms: f64,
    runtime: Runtime,
    stop: CancellationToken,
    over: CancellationToken,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    due: u32,
    ended: Option<String>,
}

impl Schedule {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Worker for Schedule {
    fn kind(&self) -> &'static str {
        "fault schedule"
    }

    fn what(&self) -> String {
        let gap_s = self.plan.mean_gap_s;
        if self.plan.is_even { format!("every {gap_s} s") } else { format!("{gap_s:.1} s apart on average") }
    }

    fn since_epoch_ms(&self) -> f64 {
        self.since_epoch_ms
    }

    fn state(&self) -> String {
        format!("{} of {} faults", self.state().due, self.plan.count())
    }

    fn ended(&self) -> Option<String> {
        self.state().ended.clone()
    }

    fn stop(&self) -> Result<()> {
        self.stop.cancel();
        self.runtime.block_on(self.over.cancelled());
        Ok(())
    }
}

/// What its thread knows.
struct Faults {
    schedule: Arc<Schedule>,
    host: Host,
    trial: Arc<Trial>,
    engine: Arc<Engine>,
    store: NativeCallContextStore,
    act: FnPtr,
}

impl Faults {
    fn run(self) {
        // Dropped last, however this ends: who stops the schedule waits for it.
        let _over = self.schedule.over.clone().drop_guard();
        limits::enter(self.schedule.stop.clone());
        Cancelled::on_this_thread(self.schedule.stop.clone());
        let times = (1..).zip(&self.schedule.plan.due_s);
        let ended = times.into_iter().find_map(|(number, due_s)| self.one(number, *due_s).err());
        let ended = match ended {
            None => format!("all {} faults were due", self.schedule.plan.count()),
            Some(_) if self.schedule.stop.is_cancelled() => "stopped".into(),
            Some(error) => error.in_one_line(),
        };
        self.schedule.state().ended = Some(ended);
    }

    /// Waits until the fault is due, and calls the closure.
    fn one(&self, number: u32, due_s: f64) -> Result<()> {
        let due_epoch_ms = self.schedule.since_epoch_ms + due_s * 1e3;
        let stop = &self.schedule.stop;
        let due = self.schedule.runtime.block_on(async {
            tokio::select! {
                () = tokio::time::sleep_until(self.host.clock.instant_at(due_epoch_ms)) => true,
                () = stop.cancelled() => false,
            }
        });
        if !due {
            return Err(Error::new(Kind::Interrupted, "stopped"));
        }
        limits::time_passed();
        self.schedule.state().due = number;
        let context = self.store.create_context(&self.engine);
        let mut act = |number: u32| {
            let outcome = self.act.call_within_context::<Dynamic>(&context, (i64::from(number),));
            outcome.map(drop).map_err(|failure| errors::summary(&failure))
        };
        self.trial.fall_due(number, due_epoch_ms, &mut act)
    }
}
