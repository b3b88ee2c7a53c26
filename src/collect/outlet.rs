//! Where every sampler puts what it has seen: into the journal first, then before the driver's eyes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use tokio::sync::{broadcast, watch};
use tokio_util::sync::CancellationToken;

use super::live::{Live, LiveView};
use crate::clock::Clock;
use crate::error::Result;
use crate::record::{Observation, Recorder, Sample, State, Value};

/// Half a minute of samples at eight subtasks and a step of 250 ms, for a driver that is busy.
const SAMPLES_HELD: usize = 1024;

#[derive(Clone)]
pub(super) struct Outlet {
    pub clock: Clock,
    recorder: Arc<dyn Recorder>,
    live: watch::Sender<Live>,
    samples: broadcast::Sender<Sample>,
    stop: CancellationToken,
    /// Attempts of the trial's earlier jobs: Flink counts those of each job from 0, the journal goes on.
    attempts_before: u32,
    /// One more than the highest attempt that was told, of any job.
    next_attempt: Arc<AtomicU32>,
}

impl Outlet {
    pub(super) fn new(clock: Clock, recorder: Arc<dyn Recorder>, stop: CancellationToken) -> Self {
        let live = watch::Sender::new(Live::default());
        let (samples, _) = broadcast::channel(SAMPLES_HELD);
        Self { clock, recorder, live, samples, stop, attempts_before: 0, next_attempt: Arc::default() }
    }

    /// The same for samplers of the job that comes next.
    pub(super) fn of_next_job(&self) -> Self {
        Self { attempts_before: self.next_attempt.load(Ordering::Relaxed), ..self.clone() }
    }

    pub(super) fn attempts_before(&self) -> u32 {
        self.attempts_before
    }

    fn numbered_on(&self, attempt: u32) -> u32 {
        let attempt = self.attempts_before + attempt;
        self.next_attempt.fetch_max(attempt + 1, Ordering::Relaxed);
        attempt
    }

    pub(super) fn record(&self, observation: Observation) -> Result<()> {
        self.recorder.record(observation)
    }

    pub(super) fn state(&self, mut state: State) -> Result<()> {
        if let State::Subtask { attempt, .. } = &mut state {
            *attempt = self.numbered_on(*attempt);
        }
        self.record(Observation::State(state))
    }

    pub(super) fn sample(&self, mut sample: Sample) -> Result<()> {
        // Of instances and hosts the second number is the incarnation, which is no job's.
        for Value(_, subtask, attempt, _) in &mut sample.values {
            if let (Some(_), Some(attempt)) = (subtask, attempt) {
                *attempt = self.numbered_on(*attempt);
            }
        }
        self.record(Observation::Sample(sample.clone()))?;
        // Nobody listening is no failure.
        drop(self.samples.send(sample));
        Ok(())
    }

    pub(super) fn warn(&self, text: String) -> Result<()> {
        self.record(Observation::Warning { text })
    }

    /// Shows a change to the driver; what is no change wakes nobody.
    pub(super) fn show(&self, change: impl FnOnce(&mut Live)) {
        self.live.send_if_modified(|live| {
            let before = live.clone();
            change(live);
            *live != before
        });
    }

    /// Passes a sampler's end on. One that failed could not write: then all stop, and the driver is told.
    pub(super) fn watched(&self, outcome: Result<()>) -> Result<()> {
        if let Err(error) = &outcome {
            self.show(|live| live.failed = Some(error.clone()));
            self.stop.cancel();
        }
        outcome
    }

    pub(super) fn view(&self) -> LiveView {
        LiveView { now: self.live.subscribe(), samples: self.samples.subscribe() }
    }
}

impl std::fmt::Debug for Outlet {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Outlet").field("live", &self.live.borrow()).finish_non_exhaustive()
    }
}
