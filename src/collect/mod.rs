//! Samplers: they look at Flink and Kafka while a trial runs, and write what they see to the journal.
//!
//! One task for each thing looked at, so that one slow endpoint does not make the others blind. A poll that
//! fails is a gap and is written down as one; only a journal that cannot be written ends the collection.

mod broker;
mod checkpoints;
mod counter;
mod gaps;
mod job;
mod live;
mod manual;
mod outlet;
mod pace;
mod position;
mod probe;
mod resources;
mod results;
mod sampler;
mod taskmanagers;
#[cfg(test)]
mod tests;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::{CancellationToken, DropGuard};

pub use broker::EndOffsets;
pub use live::{Live, LiveView};
pub use manual::ManualCheckpoints;
pub use position::{Positions, positions};
pub use resources::{LocalResources, ReadResources};
pub use results::ResultRows;

use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::flink::Flink;
use crate::record::Recorder;
use broker::Broker;
use outlet::Outlet;
use resources::ResourceThread;

/// `web.refresh-interval` of a measured run is 200 ms: asking more often brings nothing new.
const WATCH_EVERY: Duration = Duration::from_millis(200);

/// The job that is looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CollectedJob {
    pub id: String,
    /// The source, which carries the probe; `None` for a job without one.
    pub source: Option<SourceVertex>,
    /// Whether nothing describes the job: then the source may carry the probe or not, and what Flink counts is taken too.
    pub foreign: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceVertex {
    pub id: String,
    pub subtasks: u32,
}

#[derive(Clone, Debug)]
pub struct Settings {
    /// The sampling step; Flink's `metrics.fetcher.update-interval` must be the same.
    pub every: Duration,
    pub manual: Arc<ManualCheckpoints>,
}

/// All samplers of one trial. Dropped without [`Collector::stop`] it ends them too, without their last words.
#[derive(Debug)]
pub struct Collector {
    stop: DropGuard,
    token: CancellationToken,
    settings: Settings,
    tasks: JoinSet<Result<()>>,
    of_job: JobSamplers,
    broker: Option<Broker>,
    resources: Vec<ResourceThread>,
    outlet: Outlet,
}

/// Those that look at one job, and end with it where the trial goes on with another.
#[derive(Debug)]
struct JobSamplers {
    stop: CancellationToken,
    tasks: JoinSet<Result<()>>,
}

impl Collector {
    /// Starts the samplers on the current tokio runtime.
    pub fn start(
        flink: &Flink,
        job: &CollectedJob,
        settings: &Settings,
        clock: Clock,
        recorder: Arc<dyn Recorder>,
        end_offsets: Option<EndOffsets>,
    ) -> Result<Self> {
        let stop = CancellationToken::new();
        let outlet = Outlet::new(clock, recorder, stop.clone());
        let broker = end_offsets.map(|ask| Broker::start(ask, settings.every, outlet.clone())).transpose()?;
        let of_job = JobSamplers::start(flink, job, settings, &outlet, stop.child_token());
        let mut collector = Self {
            stop: stop.clone().drop_guard(),
            token: stop.clone(),
            settings: settings.clone(),
            tasks: JoinSet::new(),
            of_job,
            broker,
            resources: Vec::new(),
            outlet,
        };
        let taskmanagers = taskmanagers::TaskManagerWatch::new(flink, &collector.outlet);
        let watch = pace::keep_polling(taskmanagers, WATCH_EVERY, stop);
        spawn(&mut collector.tasks, &collector.outlet, watch);
        Ok(collector)
    }

    /// Looks at another job from here on, which the one before it went on as. What Flink knows of the old one's
    /// checkpoints is recorded first. Returns the number that its first attempt has from here on.
    pub async fn follow(&mut self, flink: &Flink, job: &CollectedJob) -> Result<u32> {
        let mut outcome = self.of_job.stop().await;
        let outlet = self.outlet.of_next_job();
        let first_attempt = outlet.attempts_before();
        outlet.show(|live| live.job_state = None);
        self.of_job = JobSamplers::start(flink, job, &self.settings, &outlet, self.token.child_token());
        if self.token.is_cancelled() {
            outcome = outcome.and(Err(Error::trial("the samplers have ended")));
        }
        outcome.map(|()| first_attempt)
    }

    /// Samples what a host and its instances use, beside everything else.
    pub fn watch_resources(&mut self, read: ReadResources, every: Duration) -> Result<()> {
        self.resources.push(ResourceThread::start(read, every, self.outlet.clone())?);
        Ok(())
    }

    /// What the trial's driver may look at while it goes on; each call gives a view of its own.
    #[must_use]
    pub fn live(&self) -> LiveView {
        self.outlet.view()
    }

    /// Ends all samplers, waits for them, and tells the first failure of the journal, if there was one.
    /// What Flink knows of the checkpoints by then is recorded.
    pub async fn stop(mut self) -> Result<()> {
        drop(self.stop);
        let mut outcome = self.of_job.stop().await;
        while let Some(ended) = self.tasks.join_next().await {
            outcome = outcome.and(ended.map_err(broken).and_then(|outcome| outcome));
        }
        if let Some(broker) = self.broker {
            let ended = tokio::task::spawn_blocking(|| broker.stop()).await;
            outcome = outcome.and(ended.map_err(broken).and_then(|outcome| outcome));
        }
        for thread in self.resources {
            let ended = tokio::task::spawn_blocking(|| thread.stop()).await;
            outcome = outcome.and(ended.map_err(broken).and_then(|outcome| outcome));
        }
        outcome
    }
}

impl JobSamplers {
    fn start(flink: &Flink, job: &CollectedJob, settings: &Settings, outlet: &Outlet, stop: CancellationToken) -> Self {
        let mut tasks = JoinSet::new();
        if let Some(source) = &job.source {
            let sampler = sampler::ProbeSampler::new(flink, job, source, settings.every, outlet);
            spawn(&mut tasks, outlet, sampler.run(stop.clone()));
            if job.foreign {
                let counter = counter::SourceCounter::new(flink, &job.id, source, outlet);
                spawn(&mut tasks, outlet, pace::keep_polling(counter, settings.every, stop.clone()));
            }
        }
        let watch = pace::keep_polling(job::JobWatch::new(flink, &job.id, outlet), WATCH_EVERY, stop.clone());
        spawn(&mut tasks, outlet, watch);
        let checkpoints = checkpoints::CheckpointWatch::new(flink, &job.id, &settings.manual, outlet);
        spawn(&mut tasks, outlet, checkpoints.run(WATCH_EVERY, stop.clone()));
        Self { stop, tasks }
    }

    async fn stop(&mut self) -> Result<()> {
        self.stop.cancel();
        let mut outcome = Ok(());
        while let Some(ended) = self.tasks.join_next().await {
            outcome = outcome.and(ended.map_err(broken).and_then(|outcome| outcome));
        }
        outcome
    }
}

fn spawn(tasks: &mut JoinSet<Result<()>>, outlet: &Outlet, sampler: impl Future<Output = Result<()>> + Send + 'static) {
    let outlet = outlet.clone();
    tasks.spawn(async move { outlet.watched(sampler.await) });
}

fn broken(error: JoinError) -> Error {
    Error::defect(format!("a sampler broke: {error}"))
}
