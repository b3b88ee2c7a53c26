//! What runs beside a trial: the replay, the samplers and the consumer of the results.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::broadcast;

use super::{ReplayPlan, Required, Target, Trial};
use crate::analysis::history::WindowKey;
use crate::cluster::local::HOST;
use crate::collect::{
    CollectedJob, Collector, LiveView, LocalResources, ManualCheckpoints, ReadResources, ResultRows, Settings,
    SourceVertex,
};
use crate::error::{Error, Result};
use crate::flink::is_terminal;
use crate::kafka::ResultConsumer;
use crate::record::{Observation, Recorder, Sample, Step};
use crate::replay::{self, Replay};
use crate::run::Job;

/// How long the end offsets may take; a broker that is slower leaves a gap in the samples.
const OFFSETS_WITHIN: Duration = Duration::from_secs(2);
/// Resources are read no more often: at 250 ms it took 1.2 % of a core that others fought for, unoptimised.
const RESOURCES_EVERY: Duration = Duration::from_millis(500);
/// Length and delay of windows for jobs that declare none: flush records then only mark the end.
const NO_WINDOW_MS: i64 = 1;

pub(super) struct Feed {
    pub job: Job,
    pub plan: ReplayPlan,
    pub window_ms: i64,
    pub replay: Replay,
    target: Arc<Target>,
    collector: Mutex<Option<Collector>>,
    live: LiveView,
    manual: Arc<ManualCheckpoints>,
    results: Mutex<Option<ResultConsumer>>,
    rows: Arc<ResultRows>,
    arrived: Arc<Mutex<HashSet<WindowKey>>>,
}

impl Trial {
    /// Starts everything that the body declared, samplers first: what they miss is lost.
    pub(super) fn begin_feed(&self) -> Result<Arc<Feed>> {
        let target = self.target()?;
        let (job, plan, every_s) = self.declared()?;
        let window_ms = job.millis("window_ms").unwrap_or(NO_WINDOW_MS);
        let out_of_orderness_ms = job.millis("out_of_orderness_ms").unwrap_or(0);
        let every = Duration::from_secs_f64(every_s);
        let manual = Arc::new(ManualCheckpoints::default());
        self.note(Step::Collecting { every_ms: every_s * 1e3, results_topic: job.results_topic.clone() })?;
        let collector = self.start_collector(&target, &job, &plan, every, &manual)?;
        let (results, rows, arrived) = self.consume_results(&target, &job)?;
        let settings = replay::Settings {
            bootstrap: target.cluster.bootstrap(),
            topic: plan.topic.name.clone(),
            partitions: plan.topic.partitions,
            speed: plan.speed,
            pacing: plan.pacing,
            step: every,
            window_ms,
            out_of_orderness_ms,
        };
        let live = collector.live();
        let replay = Replay::start(&plan.dataset, settings, self.run.host.clock, Arc::clone(&self.recorder))?;
        let (start_epoch_ms, event_0_epoch_ms) = replay.started();
        let feed = Arc::new(Feed {
            job,
            window_ms,
            replay,
            target,
            collector: Mutex::new(Some(collector)),
            live,
            manual,
            results: Mutex::new(results),
            rows,
            arrived,
            plan,
        });
        self.state().feed = Some(Arc::clone(&feed));
        self.note(Step::ReplayStart {
            start_epoch_ms,
            event_0_epoch_ms,
            speed: feed.plan.speed,
            pacing: feed.plan.pacing.to_string(),
            window_ms,
            out_of_orderness_ms,
            partitions: feed.plan.topic.partitions,
        })?;
        if let Some((every_s, count)) = self.faults_declared() {
            self.note(Step::FaultSchedule { every_s, count, down_for_s: None })?;
        }
        Ok(feed)
    }

    fn declared(&self) -> Result<(Job, ReplayPlan, f64)> {
        let state = self.state();
        let job = state.setup.job.clone().ok_or_else(|| Required::Job.lacking())?;
        let plan = state.setup.replay.clone().ok_or_else(|| Required::Replay.lacking())?;
        let every = state.setup.collect_every_s.ok_or_else(|| Required::Collection.lacking())?;
        Ok((job, plan, every))
    }

    fn start_collector(
        &self,
        target: &Target,
        job: &Job,
        plan: &ReplayPlan,
        every: Duration,
        manual: &Arc<ManualCheckpoints>,
    ) -> Result<Collector> {
        let source = self.state().setup.source.clone();
        let collected =
            CollectedJob { id: job.id.clone(), source: source.map(|(id, subtasks)| SourceVertex { id, subtasks }) };
        let poller = self.run.wait(target.kafka.end_offsets_poller(&plan.topic.name))?;
        let ask = Box::new(move || poller.fetch_blocking(OFFSETS_WITHIN));
        let settings = Settings { every, manual: Arc::clone(manual) };
        let _inside = self.run.runtime.enter();
        let mut collector = Collector::start(
            &target.flink,
            &collected,
            &settings,
            self.run.host.clock,
            Arc::clone(&self.recorder),
            Some(ask),
        )?;
        collector.watch_resources(self.resources(target)?, every.max(RESOURCES_EVERY))?;
        Ok(collector)
    }

    fn resources(&self, target: &Target) -> Result<ReadResources> {
        if let Some(error) = LocalResources::network_trouble() {
            let text = format!("network bytes of instances are left out: {error}");
            self.recorder.record(Observation::Warning { text })?;
        }
        let cluster = Arc::clone(&target.cluster);
        let processes = Box::new(move || cluster.processes());
        let mut resources = LocalResources::new(HOST, self.run.host.clock, processes);
        Ok(Box::new(move || resources.read()))
    }

    #[expect(clippy::type_complexity, reason = "three things that live together, taken apart at the one call")]
    fn consume_results(
        &self,
        target: &Target,
        job: &Job,
    ) -> Result<(Option<ResultConsumer>, Arc<ResultRows>, Arc<Mutex<HashSet<WindowKey>>>)> {
        let arrived = Arc::new(Mutex::new(HashSet::new()));
        let keys = Arc::clone(&arrived);
        // The rows go to the journal; beside it their keys are kept, because drain waits for the last of them.
        let keeping = Arc::new(Keeping { journal: Arc::clone(&self.recorder), keys });
        let rows = Arc::new(ResultRows::new(keeping));
        let Some(topic) = &job.results_topic else { return Ok((None, rows, arrived)) };
        let taker = Arc::clone(&rows);
        let consumer = self.run.wait(target.kafka.consume_results(topic, self.run.host.clock, move |row| {
            taker.on_result(row.value, row.append_epoch_ms as f64, row.received_epoch_ms)
        }))?;
        Ok((Some(consumer), rows, arrived))
    }
}

/// A recorder that remembers which windows have arrived.
struct Keeping {
    journal: Arc<dyn Recorder>,
    keys: Arc<Mutex<HashSet<WindowKey>>>,
}

impl Recorder for Keeping {
    fn record(&self, observation: Observation) -> Result<()> {
        if let Observation::Window(crate::record::Window::Result { zone, window_start_epoch_ms, .. }) = &observation {
            self.keys.lock().unwrap_or_else(PoisonError::into_inner).insert((*zone, *window_start_epoch_ms));
        }
        self.journal.record(observation)
    }
}

impl Feed {
    /// Fresh samples from here on.
    pub fn samples(&self) -> broadcast::Receiver<Sample> {
        self.live.samples.resubscribe()
    }

    /// Takes a checkpoint now and waits for it, so long at most.
    pub async fn trigger_checkpoint(&self, within: Duration) -> Result<()> {
        self.manual.trigger(&self.target.flink, &self.job.id, within).await.map(drop)
    }

    /// The longest checkpoint that Flink has seen; zero where it does not tell.
    pub async fn longest_checkpoint(&self) -> Result<Duration> {
        let seen = self.target.flink.checkpoints(&self.job.id).await.ok();
        let longest_ms = seen.and_then(|seen| seen.summary.end_to_end_duration.max).unwrap_or(0.0);
        Ok(Duration::from_secs_f64(longest_ms.max(0.0) / 1e3))
    }

    /// What has gone wrong beside the trial, if anything.
    pub fn trouble(&self) -> Option<Error> {
        if let Some(error) = self.replay.progress().error {
            return Some(error);
        }
        let live = self.live.now.borrow();
        if let Some(error) = &live.failed {
            return Some(error.clone());
        }
        if let Some(state) = live.job_state.as_ref().filter(|state| is_terminal(state)) {
            return Some(
                Error::trial(format!("the job ended by itself: it is {state}"))
                    .hint("logs/ of the run directory tells why"),
            );
        }
        let results = self.results.lock().unwrap_or_else(PoisonError::into_inner);
        results.as_ref().and_then(|results| results.progress().error)
    }

    /// Windows of the truth that no result has arrived for.
    pub fn missing(&self, truth: &HashSet<WindowKey>) -> usize {
        if self.job.results_topic.is_none() {
            return 0;
        }
        let arrived = self.arrived.lock().unwrap_or_else(PoisonError::into_inner);
        truth.iter().filter(|key| !arrived.contains(key)).count()
    }

    /// Ends replay, samplers and consumer. A second call does nothing.
    pub fn stop(&self, runtime: &tokio::runtime::Handle) -> Result<()> {
        // Whatever the replay has to say was said by `drain`, or does not matter to a trial that broke off.
        let _ = self.replay.stop(false);
        let collector = self.collector.lock().unwrap_or_else(PoisonError::into_inner).take();
        let results = self.results.lock().unwrap_or_else(PoisonError::into_inner).take();
        let collected = collector.map_or(Ok(()), |collector| runtime.block_on(collector.stop()));
        let consumed = results.map_or(Ok(()), |results| runtime.block_on(results.stop()).map(drop));
        collected.and(consumed).and(self.rows.finish())
    }
}
