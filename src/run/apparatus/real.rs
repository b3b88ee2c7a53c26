//! A real cluster: jobs are built and uploaded, rows are sent, samplers ask Flink and Kafka.

use std::collections::{BTreeMap, HashSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::future::BoxFuture;
use tokio::sync::broadcast;

use super::{Apparatus, JobRequest, Observed, Observing, Question, Truth};
use crate::analysis::history::WindowKey;
use crate::cluster::local::HOST;
use crate::cluster::spawner::Spawner;
use crate::cluster::{Cluster, LocalCluster};
use crate::collect::{
    CollectedJob, Collector, LiveView, LocalResources, ManualCheckpoints, ReadResources, ResultRows, Settings,
    SourceVertex, positions,
};
use crate::dataset::{Dataset, Totals};
use crate::error::{Error, Result};
use crate::flink::{Flink, is_terminal};
use crate::host::Host;
use crate::kafka::{Kafka, ResultConsumer};
use crate::record::{Observation, Recorder, Sample, Window};
use crate::replay::{self, Replay, Replaying};
use crate::run::job::Program;
use crate::run::warm::Warming;
use crate::run::{Job, Run, evidence};
use crate::runtime::Runtime;

/// Short against any phase of a trial.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// How long the end offsets may take; a broker that is slower leaves a gap in the samples.
const OFFSETS_WITHIN: Duration = Duration::from_secs(2);
/// Resources are read no more often: at 250 ms it took 1.2 % of a core that others fought for, unoptimised.
const RESOURCES_EVERY: Duration = Duration::from_millis(500);
/// The key of the records that only move the watermark.
const FLUSH: &[u8] = b"flush";

pub struct RealApparatus {
    pub host: Host,
    pub spawner: Spawner,
    pub cluster: Arc<LocalCluster>,
    pub kafka: Kafka,
    pub flink: Flink,
    pub warming: Warming,
    /// Of jobs by name, once submitted.
    pub jars: Mutex<BTreeMap<String, PathBuf>>,
}

impl Apparatus for RealApparatus {
    fn look_every(&self) -> Duration {
        LOOK_EVERY
    }

    fn sampling_step(&self) -> Duration {
        Duration::ZERO
    }

    fn begin_trial(&self, _seed: u64) {
        // Nothing of a real cluster is drawn.
    }

    fn bootstrap(&self) -> String {
        self.cluster.bootstrap()
    }

    fn block(&self, dataset: &Dataset) -> Result<String> {
        let path = dataset.block(&self.host.cache()?, &mut self.host.watch())?;
        path.into_os_string().into_string().map_err(|path| {
            Error::target(format!("the cache lies under a name that is not UTF-8: {}", path.display()))
                .hint("set XDG_CACHE_HOME to another folder")
        })
    }

    fn warm(&self) -> BoxFuture<'_, Result<()>> {
        Box::pin(self.warming.finish())
    }

    fn submit(&self, run: &Run, request: &JobRequest<'_>) -> Result<String> {
        let jar = match request.program {
            Program::Package(package) => package.jar(&self.host, &self.spawner, &self.cluster.needs().flink)?,
            Program::Jar(jar) => jar.clone(),
        };
        self.jars.lock().unwrap_or_else(PoisonError::into_inner).insert(request.job.name.clone(), jar.clone());
        run.wait(async {
            let uploaded = self.flink.upload_jar(&jar).await?;
            self.flink.run_jar(&uploaded, &request.request).await
        })
    }

    fn keep_evidence(&self, run: &Run, job: &Job) {
        let jar = self.jars.lock().unwrap_or_else(PoisonError::into_inner).get(&job.name).cloned();
        evidence::keep(run, &self.cluster, &self.flink, job, jar.as_deref());
    }

    fn lag<'a>(
        &'a self,
        job: &'a Job,
        source: &'a (String, u32),
        topic: Option<&'a str>,
    ) -> BoxFuture<'a, Result<i64>> {
        Box::pin(async move {
            let source = SourceVertex { id: source.0.clone(), subtasks: source.1 };
            let found = positions(&self.flink, &job.id, &source).await?;
            let topic = topic.map(str::to_owned).or_else(|| found.topic.clone());
            let topic = topic.ok_or_else(|| {
                Error::script("kafka::lag: the topic is not known").hint("name it: `kafka::lag(job, topic)`")
            })?;
            Ok(found.behind(&self.kafka.end_offsets(&topic).await?))
        })
    }

    fn observe(&self, run: &Run, what: Observed) -> Result<Box<dyn Observing>> {
        let manual = Arc::new(ManualCheckpoints::default());
        let collector = self.collect(run, &what, &manual)?;
        let arrived = Arc::new(Mutex::new(HashSet::new()));
        // The rows go to the journal; beside it their keys are kept, because drain waits for the last of them.
        let keeping = Arc::new(Keeping { journal: Arc::clone(&what.recorder), keys: Arc::clone(&arrived) });
        let rows = Arc::new(ResultRows::new(keeping));
        let results = self.consume(run, &what.job, &rows)?;
        Ok(Box::new(RealObserving {
            live: collector.live(),
            watched: Mutex::new(Watched { job: what.job, away: false }),
            flink: self.flink.clone(),
            manual,
            collector: Mutex::new(Some(collector)),
            results: Mutex::new(results),
            rows,
            arrived,
        }))
    }

    fn replay(
        &self,
        dataset: &Dataset,
        settings: replay::Settings,
        recorder: Arc<dyn Recorder>,
    ) -> Result<Arc<dyn Replaying>> {
        Ok(Arc::new(Replay::start(dataset, settings, self.host.clock, recorder)?))
    }

    fn truth(&self, run: &Run, question: &Question<'_>) -> Result<Truth> {
        let ends = run.wait(self.kafka.end_offsets(question.topic))?;
        let mut found = Totals::new(question.window_ms);
        let mut flush_records = 0;
        let mut bad = 0_u64;
        let cancelled = &run.host.signals.cancelled.token();
        let records = self.kafka.read_topic_blocking(question.topic, &ends, cancelled, |record| {
            if record.key == Some(FLUSH) {
                flush_records += 1;
            } else {
                match question.dataset.trip(record.value) {
                    Ok(trip) => found.add(&trip, record.value),
                    Err(_) => bad += 1,
                }
            }
            Ok(())
        })?;
        let expected = question.dataset.totals(question.sent, question.window_ms)?;
        let unreadable = (bad > 0).then(|| format!("{bad} of its rows cannot be read"));
        let windows =
            found.sorted().into_iter().map(|(zone, start, total)| ((Some(zone), start), (total.count, total.cents)));
        Ok(Truth {
            records: records - flush_records,
            flush_records,
            difference: expected.difference(&found).or(unreadable),
            windows: windows.collect(),
        })
    }
}

impl RealApparatus {
    fn collect(&self, run: &Run, what: &Observed, manual: &Arc<ManualCheckpoints>) -> Result<Collector> {
        let collected = collected(&what.job, what.source.clone());
        let poller = what.topic.as_ref().map(|topic| run.wait(self.kafka.end_offsets_poller(topic))).transpose()?;
        let ask = poller.map(|poller| Box::new(move || poller.fetch_blocking(OFFSETS_WITHIN)) as _);
        let settings = Settings { every: what.every, manual: Arc::clone(manual) };
        let _inside = run.runtime.enter();
        let recorder = Arc::clone(&what.recorder);
        let mut collector = Collector::start(&self.flink, &collected, &settings, self.host.clock, recorder, ask)?;
        collector.watch_resources(self.resources(&what.recorder)?, what.every.max(RESOURCES_EVERY))?;
        Ok(collector)
    }

    fn resources(&self, recorder: &Arc<dyn Recorder>) -> Result<ReadResources> {
        if let Some(error) = LocalResources::network_trouble() {
            let text = format!("network bytes of instances are left out: {error}");
            recorder.record(Observation::Warning { text })?;
        }
        let cluster = Arc::clone(&self.cluster);
        let processes = Box::new(move || cluster.processes());
        let mut resources = LocalResources::new(HOST, self.host.clock, processes);
        Ok(Box::new(move || resources.read()))
    }

    fn consume(&self, run: &Run, job: &Job, rows: &Arc<ResultRows>) -> Result<Option<ResultConsumer>> {
        let Some(topic) = &job.results_topic else { return Ok(None) };
        let taker = Arc::clone(rows);
        run.wait(self.kafka.consume_results(topic, self.host.clock, move |row| {
            taker.on_result(row.value, row.append_epoch_ms as f64, row.received_epoch_ms)
        }))
        .map(Some)
    }
}

fn collected(job: &Job, source: Option<(String, u32)>) -> CollectedJob {
    let source = source.map(|(id, subtasks)| SourceVertex { id, subtasks });
    CollectedJob { id: job.id.clone(), source, foreign: job.is_foreign() }
}

/// A recorder that remembers which windows have arrived.
struct Keeping {
    journal: Arc<dyn Recorder>,
    keys: Arc<Mutex<HashSet<WindowKey>>>,
}

impl Recorder for Keeping {
    fn record(&self, observation: Observation) -> Result<()> {
        if let Observation::Window(Window::Result { zone, window_start_epoch_ms, .. }) = &observation {
            self.keys.lock().unwrap_or_else(PoisonError::into_inner).insert((*zone, *window_start_epoch_ms));
        }
        self.journal.record(observation)
    }
}

/// The job that is observed.
struct Watched {
    job: Job,
    /// It is restarted on purpose.
    away: bool,
}

struct RealObserving {
    watched: Mutex<Watched>,
    flink: Flink,
    collector: Mutex<Option<Collector>>,
    live: LiveView,
    manual: Arc<ManualCheckpoints>,
    results: Mutex<Option<ResultConsumer>>,
    rows: Arc<ResultRows>,
    arrived: Arc<Mutex<HashSet<WindowKey>>>,
}

impl RealObserving {
    fn watched(&self) -> MutexGuard<'_, Watched> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observing for RealObserving {
    fn samples(&self) -> broadcast::Receiver<Sample> {
        self.live.samples.resubscribe()
    }

    fn trigger_checkpoint(&self, within: Duration) -> BoxFuture<'_, Result<()>> {
        let job = self.watched().job.id.clone();
        Box::pin(async move { self.manual.trigger(&self.flink, &job, within).await.map(drop) })
    }

    fn is_manual(&self, checkpoint: u64) -> bool {
        self.manual.knows(checkpoint)
    }

    fn trouble(&self) -> Option<Error> {
        let live = self.live.now.borrow();
        if let Some(error) = &live.failed {
            return Some(error.clone());
        }
        let away = self.watched().away;
        if let Some(state) = live.job_state.as_ref().filter(|state| is_terminal(state) && !away) {
            return Some(
                Error::trial(format!("the job ended by itself: it is {state}"))
                    .hint("logs/ of the run directory tells why"),
            );
        }
        let results = self.results.lock().unwrap_or_else(PoisonError::into_inner);
        results.as_ref().and_then(|results| results.progress().error)
    }

    fn missing(&self, truth: &HashSet<WindowKey>) -> usize {
        if self.watched().job.results_topic.is_none() {
            return 0;
        }
        let arrived = self.arrived.lock().unwrap_or_else(PoisonError::into_inner);
        truth.iter().filter(|key| !arrived.contains(key)).count()
    }

    fn set_away(&self, away: bool) {
        self.watched().away = away;
    }

    fn follow(&self, runtime: &Runtime, job: &Job, source: Option<(String, u32)>) -> Result<u32> {
        let taken = || self.collector.lock().unwrap_or_else(PoisonError::into_inner).take();
        let mut collector = taken().ok_or_else(|| Error::trial("the samplers have ended"))?;
        let outcome = runtime.block_on(collector.follow(&self.flink, &collected(job, source)));
        *self.collector.lock().unwrap_or_else(PoisonError::into_inner) = Some(collector);
        *self.watched() = Watched { job: job.clone(), away: false };
        outcome
    }

    fn stop(&self, runtime: &Runtime) -> Result<()> {
        let collector = self.collector.lock().unwrap_or_else(PoisonError::into_inner).take();
        let results = self.results.lock().unwrap_or_else(PoisonError::into_inner).take();
        let collected = collector.map_or(Ok(()), |collector| runtime.block_on(collector.stop()));
        let consumed = results.map_or(Ok(()), |results| runtime.block_on(results.stop()).map(drop));
        collected.and(consumed).and(self.rows.finish())
    }
}
