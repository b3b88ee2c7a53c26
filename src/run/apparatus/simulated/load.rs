//! Jobs, replays and samplers of the simulated world.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::future::BoxFuture;
use tokio::sync::broadcast;

use super::jobmanager::{id_of, no_jar};
use super::settings::settings;
use super::{HOST, Simulated, world};
use crate::analysis::history::WindowKey;
use crate::dataset::Dataset;
use crate::error::{Error, Result};
use crate::flink::is_terminal;
use crate::record::{Recorder, ReplayEnd, Sample};
use crate::replay;
use crate::replay::Replaying;
use crate::run::apparatus::{Apparatus, JobRequest, Observed, Observing, Question, Truth};
use crate::run::{Job, Run};
use crate::runtime::Runtime;
use crate::sim::{Load, Rows, StateKind, Trigger, Windows, World};

/// The name of what a saturated job reads; a script's topics have a run's id in theirs.
const SATURATING: &str = "saturating";
/// Virtual: short against any phase, and yet an hour has only 3,600 of them.
const LOOK_EVERY: Duration = Duration::from_secs(1);
const SAMPLING_STEP: Duration = Duration::from_millis(crate::sim::MIN_STEP_MS as u64);

impl Apparatus for Simulated {
    fn look_every(&self) -> Duration {
        LOOK_EVERY
    }

    fn sampling_step(&self) -> Duration {
        SAMPLING_STEP
    }

    fn begin_trial(&self, seed: u64) {
        // A world of its own: nothing of the trials before it is left, not even in its dice.
        self.0.checkpoints.lock().unwrap_or_else(PoisonError::into_inner).clear();
        self.now(|old| *old = world(self.0.clock, &self.0.needs, self.0.timing, seed));
    }

    fn bootstrap(&self) -> String {
        HOST.into()
    }

    fn block(&self, _dataset: &Dataset) -> Result<String> {
        // Nobody reads rows here.
        Ok(String::new())
    }

    fn warm(&self) -> BoxFuture<'_, Result<()>> {
        Box::pin(async { Ok(()) })
    }

    fn submit(&self, _run: &Run, request: &JobRequest<'_>) -> Result<String> {
        let job = request.job;
        let windows = job.millis("window_ms").map(|length_ms| Windows {
            length_ms,
            out_of_orderness_ms: job.millis("out_of_orderness_ms").unwrap_or(0),
        });
        let topic = match request.saturate {
            Some(dataset) => self.saturate(dataset, job.parallelism)?,
            None => request.program.topic(&job.arguments).cloned().ok_or_else(no_jar)?,
        };
        let aggregated = job.arguments.get("state").is_some_and(|state| state == "aggregated");
        let from =
            request.request.savepoint.as_deref().map(|savepoint| {
                savepoint.parse().map_err(|_| Error::trial(format!("there is no savepoint {savepoint}")))
            });
        let job = crate::sim::Job {
            name: job.name.clone(),
            topic,
            interval_ms: job.interval_s.map(|seconds| seconds * 1e3),
            parallelism: job.parallelism,
            window: windows,
            exactly_once: job.exactly_once(),
            state: if aggregated { StateKind::Aggregated } else { StateKind::Buffered },
            settings: settings(&request.request.configuration)?,
            from: from.transpose()?,
        };
        let id = self.now(|world| world.submit(job))?;
        self.0.checkpoints.lock().unwrap_or_else(PoisonError::into_inner).clear();
        Ok(id.to_string())
    }

    fn keep_evidence(&self, _run: &Run, _job: &Job) {}

    fn lag<'a>(
        &'a self,
        job: &'a Job,
        _source: &'a (String, u32),
        topic: Option<&'a str>,
    ) -> BoxFuture<'a, Result<i64>> {
        Box::pin(async move {
            let topic = topic.or_else(|| job.arguments.get("topic").map(String::as_str)).unwrap_or_default();
            let (ends, position) = self.now(|world| (world.end_offsets(topic), world.position_records()));
            // It moves shares of records; what is not a whole one was not read.
            Ok((ends?.into_iter().sum::<u64>() as f64 - position).max(0.0).ceil() as i64)
        })
    }

    fn observe(&self, _run: &Run, what: Observed) -> Result<Box<dyn Observing>> {
        *self.0.recorder.lock().unwrap_or_else(PoisonError::into_inner) = Some(what.recorder);
        self.now(|world| world.collect(what.every.as_secs_f64() * 1e3))?;
        let job = Mutex::new(Watched { job: what.job, away: false });
        Ok(Box::new(SimulatedObserving { world: self.clone(), watched: job }))
    }

    fn replay(
        &self,
        dataset: &Dataset,
        settings: replay::Settings,
        _recorder: Arc<dyn Recorder>,
    ) -> Result<Arc<dyn Replaying>> {
        let counts = self.counts(dataset)?;
        let start_epoch_ms = self.0.clock.now_epoch_ms();
        let rows = Rows {
            bucket_ms: counts.bucket_ms,
            first_bucket_epoch_ms: counts.first_bucket_epoch_ms,
            counts: counts.rows.clone(),
            cents: Vec::new(),
            event_0_epoch_ms: counts.event_0_epoch_ms,
            last_event_epoch_ms: counts.last_event_epoch_ms,
            speed: settings.speed,
            start_epoch_ms,
        };
        self.now(|world| world.offer(&settings.topic, Load::Rows(rows)))?;
        let started = (start_epoch_ms, counts.event_0_epoch_ms);
        Ok(Arc::new(SimulatedReplay { world: self.clone(), started }))
    }

    fn truth(&self, _run: &Run, _question: &Question<'_>) -> Result<Truth> {
        let windows = self.now(|world| world.truth())?;
        let records = windows.iter().map(|window| u64::try_from(window.count).unwrap_or_default()).sum();
        let windows = windows
            .into_iter()
            .map(|window| ((window.zone, window.window_start_epoch_ms), (window.count, window.cents)))
            .collect();
        Ok(Truth { records, flush_records: 0, difference: None, windows })
    }
}

impl Simulated {
    /// Offers always more than can be read, in a topic that nobody else knows; returns its name.
    fn saturate(&self, dataset: &Dataset, partitions: u32) -> Result<String> {
        let rows_per_event_ms = Some(dataset.block_facts()?.rows_per_event_ms());
        self.now(|world| {
            // A job that is submitted anew reads on where it stood.
            if world.partitions(SATURATING).is_err() {
                world.create_topic(SATURATING, partitions)?;
                world.offer(SATURATING, Load::Saturating { rows_per_event_ms })?;
            }
            Ok(SATURATING.to_owned())
        })
    }
}

struct SimulatedReplay {
    world: Simulated,
    started: (f64, i64),
}

impl Replaying for SimulatedReplay {
    fn started(&self) -> (f64, i64) {
        self.started
    }

    fn measure_from_now(&self) {
        self.world.now(World::measure_from_now);
    }

    fn progress(&self) -> replay::Progress {
        let seen = self.world.now(|world| world.progress());
        replay::Progress {
            due: seen.due,
            sent: seen.sent,
            acked: seen.acked,
            last_event_epoch_ms: seen.last_event_epoch_ms,
            rate: seen.offered_rate,
            offered_rate: seen.offered_rate,
            finished: seen.finished,
            ..replay::Progress::default()
        }
    }

    fn stop(&self, flush: bool) -> Result<ReplayEnd> {
        self.world.now(|world| world.stop_offering(flush))
    }
}

struct SimulatedObserving {
    world: Simulated,
    watched: Mutex<Watched>,
}

struct Watched {
    job: Job,
    /// It is restarted on purpose.
    away: bool,
}

impl SimulatedObserving {
    fn watched(&self) -> MutexGuard<'_, Watched> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observing for SimulatedObserving {
    fn samples(&self) -> broadcast::Receiver<Sample> {
        self.world.0.samples.subscribe()
    }

    fn trigger_checkpoint(&self, within: Duration) -> BoxFuture<'_, Result<()>> {
        let job = self.watched().job.id.clone();
        Box::pin(async move { self.world.request(&job, Trigger::Manual, within).await.map(drop) })
    }

    fn is_manual(&self, _checkpoint: u64) -> bool {
        // What is observed of a checkpoint says so itself.
        false
    }

    fn trouble(&self) -> Option<Error> {
        let failed = self.world.0.failed.lock().unwrap_or_else(PoisonError::into_inner).clone();
        failed.or_else(|| {
            let id = {
                let watched = self.watched();
                id_of(&watched.job.id).ok().filter(|_| !watched.away)?
            };
            let state = self.world.now(|world| world.job(id)).ok()?.state.name();
            is_terminal(state).then(|| Error::trial(format!("the job ended by itself: it is {state}")))
        })
    }

    fn missing(&self, _truth: &HashSet<WindowKey>) -> usize {
        if self.watched().job.results_topic.is_none() { 0 } else { self.world.now(|world| world.missing_results()) }
    }

    fn set_away(&self, away: bool) {
        self.watched().away = away;
    }

    fn follow(&self, _runtime: &Runtime, job: &Job, _source: Option<(String, u32)>) -> Result<u32> {
        let id = id_of(&job.id)?;
        *self.watched() = Watched { job: job.clone(), away: false };
        Ok(self.world.now(|world| world.job(id))?.attempt)
    }

    fn stop(&self, _runtime: &Runtime) -> Result<()> {
        self.world.now(World::stop_collect);
        *self.world.0.recorder.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.world.0.failed.lock().unwrap_or_else(PoisonError::into_inner).take().map_or(Ok(()), Err)
    }
}
