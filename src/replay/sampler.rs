//! Writes the replay's own figures down every step, on a thread of its own: a journal that waits for the disk
//! must not make a record late.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use super::Shared;
use crate::clock::Clock;
use crate::record::{Observation, Recorder, Sample, Value};

const SECOND_NS: u64 = 1_000_000_000;

pub struct Sampler {
    shared: Arc<Shared>,
    clock: Clock,
    recorder: Arc<dyn Recorder>,
    step: Duration,
    start_ns: u64,
    /// Time, due, sent and the step's largest `acked`, of about the last second.
    recent: VecDeque<(u64, u64, u64, f64)>,
}

impl Sampler {
    pub fn new(shared: Arc<Shared>, clock: Clock, recorder: Arc<dyn Recorder>, step: Duration, start_ns: u64) -> Self {
        Self { shared, clock, recorder, step, start_ns, recent: VecDeque::from([(start_ns, 0, 0, 0.0)]) }
    }

    /// Samples until the sender has ended, and once more then.
    pub fn run(mut self) {
        let mut next_ns = self.start_ns;
        loop {
            next_ns += self.step.as_nanos() as u64;
            let closed = self.wait(next_ns);
            let sample = self.sample();
            if let Err(error) = self.recorder.record(sample) {
                // Without its samples a trial proves nothing: the sender stops on this error.
                self.shared.ledger().error.get_or_insert(error.context("cannot write down the replay"));
                return;
            }
            if closed {
                return;
            }
        }
    }

    /// Waits for the time; true where the sender ended before.
    fn wait(&self, until_ns: u64) -> bool {
        loop {
            if self.shared.ledger().closed {
                return true;
            }
            let left = until_ns.saturating_sub(self.clock.mono_ns());
            if left == 0 {
                return false;
            }
            std::thread::sleep(Duration::from_nanos(left.min(50_000_000)));
        }
    }

    fn sample(&mut self) -> Observation {
        let now_ns = self.clock.mono_ns();
        let at_epoch_ms = self.clock.now_epoch_ms();
        let (due, sent, acked, step, oldest_ms) = {
            let mut ledger = self.shared.ledger();
            (ledger.due, ledger.sent, ledger.acked, ledger.take_step(), ledger.oldest_ms(now_ns))
        };
        self.recent.push_back((now_ns, due, sent, step.acked_ms.unwrap_or_default()));
        // The oldest entry kept is the last one a second ago or more.
        while self.recent.get(1).is_some_and(|(at_ns, ..)| at_ns + SECOND_NS <= now_ns) {
            self.recent.pop_front();
        }
        if let Some(&(from_ns, due_before, sent_before, _)) = self.recent.front() {
            let seconds = now_ns.saturating_sub(from_ns).max(1) as f64 / 1e9;
            let mut rates = self.shared.rates();
            rates.rate = sent.saturating_sub(sent_before) as f64 / seconds;
            rates.offered_rate = due.saturating_sub(due_before) as f64 / seconds;
            let largest = self.recent.iter().skip(1).map(|(.., acked_ms)| *acked_ms).fold(0.0, f64::max);
            rates.acked_max_ms_recent = largest.max(oldest_ms.unwrap_or_default());
        }
        let counts = [("due_records", due), ("sent_records", sent), ("acked_records", acked)];
        let maxima = [("queued_max_ms", step.queued_ms), ("acked_max_ms", step.acked_ms)];
        let value = |name: &str, value| Value(name.to_owned(), None, None, value);
        let values = counts.iter().map(|(name, count)| value(name, *count as f64));
        let values = values.chain(maxima.iter().filter_map(|(name, max)| max.map(|max| value(name, max)))).collect();
        Observation::Sample(Sample { source: "replay".to_owned(), at_epoch_ms, values })
    }
}
