//! Sends a data set into a topic on a schedule that nothing but the clock moves (open loop).
//!
//! Record i is due at start + (event time_i - event time_0) / speed. A stalled broker or a slow job moves no
//! due time: what is sent late counts as late, from when it was due, so that a system under test cannot slow
//! down its own load and look better for it (coordinated omission).
//!
//! There are two latenesses. `queued` is what this machine is to blame for: handed to librdkafka, less due.
//! `acked` is what the job can have seen: delivery report, less due; verdicts use that one.

mod ledger;
mod pace;
mod sampler;
mod sender;
#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

pub use pace::Pacing;

use ledger::Ledger;
use pace::Pace;
use sender::{Deliveries, Sender};

use crate::clock::Clock;
use crate::dataset::Dataset;
use crate::error::{Error, Result};
use crate::kafka::Logs;
use crate::record::{EpochMs, Recorder, ReplayEnd};

/// From the call of `start` to the first due time: the sender's thread is waiting by then.
const LEAD: Duration = Duration::from_millis(200);

/// What to replay where, and how fast.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    pub bootstrap: String,
    pub topic: String,
    /// Of the topic; records go to them in turn.
    pub partitions: u32,
    /// Seconds of the data set replayed in one second.
    pub speed: f64,
    pub pacing: Pacing,
    /// Distance of the samples.
    pub step: Duration,
    /// Length of the job's windows, in milliseconds of event time; the flush records close the last one.
    pub window_ms: i64,
    /// How far the job's watermark stays behind, in milliseconds of event time.
    pub out_of_orderness_ms: i64,
}

impl Settings {
    fn check(&self) -> Result<()> {
        let wrong = |what: String, hint: &str| Err(Error::script(what).hint(hint));
        if !(self.speed.is_finite() && self.speed > 0.0) {
            return wrong(
                format!("cannot replay at {} times the data set's speed", self.speed),
                "take a positive number; 7200.0 replays two hours in a second",
            );
        }
        if self.topic.is_empty() || self.partitions == 0 {
            return wrong("a replay needs a topic with partitions".to_owned(), "create one with kafka::create_topic");
        }
        if self.step < Duration::from_millis(10) || self.step > Duration::from_secs(60) {
            return wrong(format!("cannot sample a replay every {:?}", self.step), "take 10.ms to 60.s");
        }
        if self.window_ms < 1 || self.out_of_orderness_ms < 0 {
            return wrong(
                format!("windows of {} ms, {} ms out of order", self.window_ms, self.out_of_orderness_ms),
                "take a window of 1 ms or more and an out-of-orderness of 0 or more",
            );
        }
        Ok(())
    }
}

/// How far a replay is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Progress {
    /// Records due by now, handed to librdkafka, acknowledged by the broker, given up.
    pub due: u64,
    pub sent: u64,
    pub acked: u64,
    pub failed: u64,
    /// Event time of the last record sent.
    pub last_event_epoch_ms: Option<i64>,
    /// The largest lateness of an acknowledgement within the last second, or the lateness so far of the oldest
    /// record that has none yet, where that is larger.
    pub acked_max_ms_recent: f64,
    /// Records sent in a second, and due in a second, over the last one.
    pub rate: f64,
    pub offered_rate: f64,
    /// Every row of the data set was sent.
    pub finished: bool,
    /// Why it has stopped by itself, or what it lost.
    pub error: Option<Error>,
}

/// A replay under way, into real brokers or simulated ones. See the methods of [`Replay`] of the same names.
pub trait Replaying: Send + Sync {
    fn started(&self) -> (EpochMs, i64);
    fn measure_from_now(&self);
    fn progress(&self) -> Progress;
    fn stop(&self, flush: bool) -> Result<ReplayEnd>;
}

impl Replaying for Replay {
    fn started(&self) -> (EpochMs, i64) {
        Self::started(self)
    }

    fn measure_from_now(&self) {
        Self::measure_from_now(self);
    }

    fn progress(&self) -> Progress {
        Self::progress(self)
    }

    fn stop(&self, flush: bool) -> Result<ReplayEnd> {
        Self::stop(self, flush)
    }
}

/// A replay under way. Dropped, it stops without flush records.
pub struct Replay {
    shared: Arc<Shared>,
    start_epoch_ms: EpochMs,
    event_0_epoch_ms: i64,
    clock: Clock,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Replay {
    /// Starts a replay; the first record is due 200 ms later.
    ///
    /// Blocks up to 30 s, until the broker has answered. Fails where a setting is out of bounds or the topic has
    /// another number of partitions (script), where there is no broker or topic (target).
    pub fn start(dataset: &Dataset, settings: Settings, clock: Clock, recorder: Arc<dyn Recorder>) -> Result<Self> {
        settings.check()?;
        let mut ruler = dataset.stream()?;
        let event_0_epoch_ms = ruler.skip()?.ok_or_else(|| {
            Error::script(format!("{} has no rows to replay", dataset.name())).hint("choose another period or file")
        })?;
        let logs = Logs::default();
        let shared = Arc::new(Shared::new(logs.clone()));
        let producer = sender::connect(&settings, Deliveries::new(shared.clone(), clock, logs))?;

        let start_ns = clock.mono_ns() + LEAD.as_nanos() as u64;
        let start_epoch_ms = clock.now_epoch_ms() + LEAD.as_secs_f64() * 1e3;
        let pace = Pace::new(event_0_epoch_ms, settings.speed, settings.pacing, start_ns);
        let sampler = sampler::Sampler::new(shared.clone(), clock, recorder, settings.step, start_ns);
        let sender = Sender {
            producer,
            rows: dataset.stream()?,
            row: Vec::new(),
            // The first event was taken from it above, and is counted when it is due.
            ruler: sender::Ruler::new(ruler, event_0_epoch_ms),
            pace,
            settings,
            clock,
            shared: shared.clone(),
        };
        let replay = Self { shared, start_epoch_ms, event_0_epoch_ms, clock, threads: Mutex::default() };
        replay.spawn("replay", move || sender.run())?;
        replay.spawn("replay-sampler", move || sampler.run())?;
        Ok(replay)
    }

    /// Due time of the first record and its event time, both in epoch ms. By `Pacing::Schedule` any event is due
    /// at `start + (event - event_0) / speed`.
    #[must_use]
    pub fn started(&self) -> (EpochMs, i64) {
        (self.start_epoch_ms, self.event_0_epoch_ms)
    }

    /// The warm-up is over: latenesses of the account are those of records due from now on.
    pub fn measure_from_now(&self) {
        self.shared.ledger().measure_from(self.clock.mono_ns());
    }

    #[must_use]
    pub fn progress(&self) -> Progress {
        let mut progress = self.shared.rates().clone();
        let ledger = self.shared.ledger();
        progress.due = ledger.due;
        progress.sent = ledger.sent;
        progress.acked = ledger.acked;
        progress.failed = ledger.failed;
        progress.last_event_epoch_ms = ledger.last_event_epoch_ms;
        progress.finished = ledger.finished;
        progress.error = ledger.error.clone();
        progress
    }

    /// What librdkafka warned of lately.
    #[must_use]
    pub fn logs(&self) -> &Logs {
        &self.shared.logs
    }

    /// The account so far; after `stop` the final one, an error or not.
    #[must_use]
    pub fn account(&self) -> ReplayEnd {
        self.shared.ledger().account()
    }

    /// Stops sending, sends the flush records if asked, and waits for what is outstanding, at most 60 s; blocks
    /// that long. A second call gives the same account.
    ///
    /// Fails with what ended the replay before, or with what could not be delivered (trial); `account` has the
    /// figures then too.
    pub fn stop(&self, flush: bool) -> Result<ReplayEnd> {
        self.shared.command(if flush { Command::Flush } else { Command::Stop });
        if self.join() {
            return Err(Error::defect("a thread of the replay panicked"));
        }
        let ledger = self.shared.ledger();
        match &ledger.error {
            Some(error) => Err(error.clone()),
            None => Ok(ledger.account()),
        }
    }

    fn spawn(&self, name: &str, run: impl FnOnce() + Send + 'static) -> Result<()> {
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(run);
        let thread = thread.map_err(|error| Error::io(format_args!("start the thread {name}"), error))?;
        self.threads.lock().unwrap_or_else(PoisonError::into_inner).push(thread);
        Ok(())
    }

    /// Waits for the threads; true where one panicked.
    fn join(&self) -> bool {
        let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        let panicked = threads.drain(..).filter_map(|thread| thread.join().err()).count();
        panicked > 0
    }
}

impl Drop for Replay {
    fn drop(&mut self) {
        self.shared.command(Command::Abandon);
        self.join();
    }
}

/// What the sender is to do; a later one is stronger, except that an ended replay has nothing more to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
enum Command {
    Run,
    Stop,
    Flush,
    Abandon,
}

/// What the replay's threads and its handle share.
struct Shared {
    command: AtomicU8,
    ledger: Mutex<Ledger>,
    /// Only the rates and the recent lateness, which the sampler keeps.
    rates: Mutex<Progress>,
    logs: Logs,
}

impl Shared {
    fn new(logs: Logs) -> Self {
        Self { command: AtomicU8::new(Command::Run as u8), ledger: Mutex::default(), rates: Mutex::default(), logs }
    }

    fn command(&self, command: Command) {
        self.command.fetch_max(command as u8, Ordering::Relaxed);
    }

    fn commanded(&self) -> Command {
        match self.command.load(Ordering::Relaxed) {
            0 => Command::Run,
            1 => Command::Stop,
            2 => Command::Flush,
            _ => Command::Abandon,
        }
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn rates(&self) -> MutexGuard<'_, Progress> {
        self.rates.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
