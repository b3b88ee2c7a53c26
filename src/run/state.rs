//! The state of a job as a script reads it: at once, from a value that is kept fresh while it is of use.
//!
//! A getter must not wait: while it runs it holds the variable that it is called on. So the first reading asks Flink
//! and starts a task that goes on asking; every later one takes what that task saw last. On a virtual clock nothing
//! but a wait moves time, so there each reading lets a little of it pass: else `while job.state != "RUNNING" {}`
//! would never end.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use crate::flink::{JobManager, is_terminal};
use crate::runtime::Runtime;

/// Flink's own view is no fresher: `web.refresh-interval` of a measured run.
const ASK_EVERY: Duration = Duration::from_millis(200);
/// How long the first reading may take.
const FIRST_WITHIN: Duration = Duration::from_secs(2);
/// Virtual time that a reading takes.
const READING_TAKES: Duration = Duration::from_millis(50);

/// What a rehearsal shows, one after the other, so that a loop which waits for any of them ends.
const REHEARSED: [&str; 4] = ["RUNNING", "FINISHED", "CANCELED", "FAILED"];

/// A clone is the same view.
#[derive(Clone)]
pub struct StateView(Arc<View>);

enum View {
    Rehearsed(AtomicUsize),
    Live { asking: Asking, seen: Arc<Mutex<Seen>> },
}

struct Asking {
    runtime: Runtime,
    flink: Arc<dyn JobManager>,
    job: String,
}

#[derive(Default)]
struct Seen {
    state: Option<String>,
    asked: bool,
}

impl StateView {
    /// Of a job behind which nothing runs.
    #[must_use]
    pub fn rehearsed() -> Self {
        Self(Arc::new(View::Rehearsed(AtomicUsize::new(0))))
    }

    #[must_use]
    pub fn of(runtime: &Runtime, flink: &Arc<dyn JobManager>, job: &str) -> Self {
        let asking = Asking { runtime: runtime.clone(), flink: Arc::clone(flink), job: job.to_owned() };
        Self(Arc::new(View::Live { asking, seen: Arc::default() }))
    }

    /// The newest state known; `UNKNOWN` where Flink has not told any.
    #[must_use]
    pub fn read(&self) -> String {
        match &*self.0 {
            View::Rehearsed(readings) => {
                REHEARSED[readings.fetch_add(1, Ordering::Relaxed) % REHEARSED.len()].to_owned()
            }
            View::Live { asking, seen } => asking.read(seen),
        }
    }
}

impl Asking {
    fn read(&self, seen: &Arc<Mutex<Seen>>) -> String {
        if self.runtime.is_simulated() {
            self.runtime.block_on(async {
                tokio::time::sleep(READING_TAKES).await;
                ask(self.flink.as_ref(), &self.job, seen).await;
            });
        } else if !std::mem::replace(&mut locked(seen).asked, true) {
            // A JobManager that does not answer by then leaves the state unknown; the task asks on.
            let first = async { tokio::time::timeout(FIRST_WITHIN, ask(self.flink.as_ref(), &self.job, seen)).await };
            let _ = self.runtime.block_on(first);
            self.runtime.spawn(keep_asking(Arc::clone(&self.flink), self.job.clone(), Arc::downgrade(seen)));
        }
        locked(seen).state.clone().unwrap_or_else(|| "UNKNOWN".to_owned())
    }
}

/// Until the job has ended, or nobody holds it any more.
async fn keep_asking(flink: Arc<dyn JobManager>, job: String, seen: Weak<Mutex<Seen>>) {
    loop {
        tokio::time::sleep(ASK_EVERY).await;
        let Some(seen) = seen.upgrade() else { return };
        ask(flink.as_ref(), &job, &seen).await;
        if locked(&seen).state.as_deref().is_some_and(is_terminal) {
            return;
        }
    }
}

/// A question without an answer changes nothing.
async fn ask(flink: &dyn JobManager, job: &str, seen: &Mutex<Seen>) {
    if let Ok(job) = flink.job(job).await {
        locked(seen).state = Some(job.state);
    }
}

fn locked(seen: &Mutex<Seen>) -> std::sync::MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for StateView {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("StateView")
    }
}

/// Two views of one job show the same; whose they are is told by the job's id.
impl PartialEq for StateView {
    fn eq(&self, _other: &Self) -> bool {
        true
    }
}
