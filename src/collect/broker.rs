//! The end offsets of the input topic, once a step.
//!
//! On an OS thread of its own: the client library blocks, and a step that waits behind other tasks would show
//! up as lag. The steps lie on a fixed grid; one that could not be kept is left out, not caught up.

use std::fmt;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::gaps::Gaps;
use super::outlet::Outlet;
use crate::error::{Error, Result};
use crate::record::{EpochMs, Sample, Value};

/// Asks the broker for the end offset of each partition, in the order of the partitions. It must give up by
/// itself: the collection ends no sooner than it.
pub type EndOffsets = Box<dyn FnMut() -> Result<Vec<i64>> + Send>;

pub(super) struct Broker {
    /// Dropped, it tells the thread to end.
    running: Sender<()>,
    thread: JoinHandle<Result<()>>,
}

impl Broker {
    pub(super) fn start(ask: EndOffsets, every: Duration, outlet: Outlet) -> Result<Self> {
        let (running, stopped) = channel();
        let thread = std::thread::Builder::new()
            .name("end-offsets".to_owned())
            .spawn(move || {
                let outcome = sample_until(&stopped, ask, every, &outlet);
                outlet.watched(outcome)
            })
            .map_err(|error| Error::io("start a thread", error))?;
        Ok(Self { running, thread })
    }

    pub(super) fn stop(self) -> Result<()> {
        drop(self.running);
        self.thread.join().unwrap_or_else(|_| Err(Error::defect("the broker's sampler broke")))
    }
}

impl fmt::Debug for Broker {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Broker").finish_non_exhaustive()
    }
}

fn sample_until(stopped: &Receiver<()>, mut ask: EndOffsets, every: Duration, outlet: &Outlet) -> Result<()> {
    let mut gaps = Gaps::new("end offsets of the topic", outlet);
    let mut due = Instant::now();
    loop {
        let before = outlet.clock.now_epoch_ms();
        let answer = ask();
        let middle = f64::midpoint(before, outlet.clock.now_epoch_ms());
        if let Some(offsets) = gaps.bridge(answer)? {
            outlet.sample(sample(middle, &offsets))?;
        }
        due = next_on_grid(due, every, Instant::now());
        match stopped.recv_timeout(due.saturating_duration_since(Instant::now())) {
            Err(RecvTimeoutError::Timeout) => {}
            Ok(()) | Err(RecvTimeoutError::Disconnected) => return Ok(()),
        }
    }
}

pub(super) fn next_on_grid(due: Instant, every: Duration, now: Instant) -> Instant {
    let mut next = due + every;
    while next < now {
        next += every;
    }
    next
}

fn sample(at_epoch_ms: EpochMs, offsets: &[i64]) -> Sample {
    let values = offsets.iter().enumerate();
    // Offsets stay far below 2^53, where f64 stops counting.
    let values = values.map(|(partition, end)| Value(format!("end_offset.{partition}"), None, None, *end as f64));
    Sample { source: "broker".to_owned(), at_epoch_ms, values: values.collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_that_was_missed_is_left_out() {
        let start = Instant::now();
        let ms = Duration::from_millis;
        assert_eq!(next_on_grid(start, ms(250), start + ms(10)), start + ms(250));
        assert_eq!(next_on_grid(start, ms(250), start + ms(700)), start + ms(750));
    }
}
