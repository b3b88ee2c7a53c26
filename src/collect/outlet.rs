//! Where every sampler puts what it has seen: into the journal first, then before the driver's eyes.

use std::sync::Arc;

use tokio::sync::{broadcast, watch};
use tokio_util::sync::CancellationToken;

use super::live::{Live, LiveView};
use crate::clock::Clock;
use crate::error::Result;
use crate::record::{Observation, Recorder, Sample, State};

/// Half a minute of samples at eight subtasks and a step of 250 ms, for a driver that is busy.
const SAMPLES_HELD: usize = 1024;

#[derive(Clone)]
pub(super) struct Outlet {
    pub clock: Clock,
    recorder: Arc<dyn Recorder>,
    live: watch::Sender<Live>,
    samples: broadcast::Sender<Sample>,
    stop: CancellationToken,
}

impl Outlet {
    pub(super) fn new(clock: Clock, recorder: Arc<dyn Recorder>, stop: CancellationToken) -> Self {
        let live = watch::Sender::new(Live::default());
        let (samples, _) = broadcast::channel(SAMPLES_HELD);
        Self { clock, recorder, live, samples, stop }
    }

    pub(super) fn record(&self, observation: Observation) -> Result<()> {
        self.recorder.record(observation)
    }

    pub(super) fn state(&self, state: State) -> Result<()> {
        self.record(Observation::State(state))
    }

    pub(super) fn sample(&self, sample: Sample) -> Result<()> {
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
