//! The simulated target: the traits of a cluster, its brokers, its JobManager and its load, over one world.
//!
//! The world knows no clock of its own. Whoever asks it something first lets it go on to the present of the
//! virtual clock, and a task lets it go on whenever something happens by itself. Everything it observed on the
//! way goes to the journal before anybody gets an answer.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::future::BoxFuture;
use tokio::sync::{Notify, broadcast};

use super::{Apparatus, JobRequest, Observed, Observing, Question, Truth};
use crate::analysis::history::WindowKey;
use crate::clock::Clock;
use crate::cluster::flink_role::Timing;
use crate::cluster::process::Exit;
use crate::cluster::{Between, Cluster, Instance, Instances, Needs};
use crate::dataset::{Counts, Dataset};
use crate::error::{Error, Kind, Result};
use crate::flink::{self, JobManager, is_terminal};
use crate::kafka::Brokers;
use crate::record::{Checkpoint, Observation, Recorder, ReplayEnd, Sample};
use crate::replay::{self, Replaying};
use crate::run::{Job, Run};
use crate::runtime::Runtime;
use crate::sim::{
    Conduct, JobSettings, JobState, Load, RequestStatus, Rows, Setup, Signal, StateKind, Trigger, Windows, World,
};

/// The name of the simulated machine in records.
const HOST: &str = "sim";
/// Virtual: short against any phase, and yet an hour has only 3,600 of them.
const LOOK_EVERY: Duration = Duration::from_secs(1);
const SAMPLING_STEP: Duration = Duration::from_millis(crate::sim::MIN_STEP_MS as u64);
/// Virtual time between two looks at something that somebody waits for.
const POLL: Duration = Duration::from_millis(50);
/// Length of the stretches of event time in which rows are counted; within one they are spread evenly.
const BUCKET_MS: i64 = 600_000;
const SAMPLES_HELD: usize = 1024;

/// A simulated cluster; a clone is the same one.
#[derive(Clone)]
pub struct Simulated(Arc<Inner>);

struct Inner {
    world: Mutex<World>,
    clock: Clock,
    needs: Needs,
    timing: Timing,
    changed: Notify,
    samples: broadcast::Sender<Sample>,
    recorder: Mutex<Option<Arc<dyn Recorder>>>,
    /// The first observation that could not be written down.
    failed: Mutex<Option<Error>>,
    counts: Mutex<Option<(String, Arc<Counts>)>>,
    /// Of the present trial, as last seen, by id.
    checkpoints: Mutex<BTreeMap<u64, Checkpoint>>,
    /// Jobs that ended with a savepoint, which Flink calls FINISHED; the world knows one way to end.
    finished: Mutex<BTreeSet<String>>,
    /// Ends of processes by instance, as they will be seen.
    gone: Mutex<BTreeMap<String, f64>>,
}

impl Simulated {
    /// A cluster that is up at once.
    #[must_use]
    pub fn new(runtime: &Runtime, clock: Clock, needs: &Needs, timing: Timing) -> Self {
        let world = world(clock, needs, timing, 0);
        let inner = Inner {
            world: Mutex::new(world),
            clock,
            needs: needs.clone(),
            timing,
            changed: Notify::new(),
            samples: broadcast::channel(SAMPLES_HELD).0,
            recorder: Mutex::default(),
            failed: Mutex::default(),
            counts: Mutex::default(),
            checkpoints: Mutex::default(),
            finished: Mutex::default(),
            gone: Mutex::default(),
        };
        let inner = Arc::new(inner);
        runtime.spawn(go_on(Arc::downgrade(&inner)));
        Self(inner)
    }

    /// Looks at the world of now, or changes it.
    fn now<T>(&self, look: impl FnOnce(&mut World) -> T) -> T {
        let answer = self.0.at_present(look);
        self.0.changed.notify_one();
        answer
    }

    /// Lets time pass until the world gives an answer.
    async fn until<T>(
        &self,
        within: Duration,
        mut look: impl FnMut(&mut World) -> Result<Option<T>>,
    ) -> Result<Option<T>> {
        let end = tokio::time::Instant::now() + within;
        loop {
            if let Some(answer) = self.now(&mut look)? {
                return Ok(Some(answer));
            }
            if tokio::time::Instant::now() >= end {
                return Ok(None);
            }
            tokio::time::sleep(POLL).await;
        }
    }

    fn counts(&self, dataset: &Dataset) -> Result<Arc<Counts>> {
        let mut held = self.0.counts.lock().unwrap_or_else(PoisonError::into_inner);
        // Two files of one name and one description hold the same rows.
        let key = format!("{} {}", dataset.name(), dataset.describe());
        if let Some((of, counts)) = held.as_ref()
            && *of == key
        {
            return Ok(Arc::clone(counts));
        }
        let counts = Arc::new(dataset.counts(BUCKET_MS)?);
        *held = Some((key, Arc::clone(&counts)));
        Ok(counts)
    }
}

fn world(clock: Clock, needs: &Needs, timing: Timing, seed: u64) -> World {
    World::new(Setup {
        taskmanagers: needs.taskmanagers,
        slots: needs.slots,
        timing,
        conduct: Conduct::default(),
        seed,
        now_ms: clock.now_epoch_ms(),
    })
}

impl Inner {
    fn at_present<T>(&self, look: impl FnOnce(&mut World) -> T) -> T {
        let mut world = self.world.lock().unwrap_or_else(PoisonError::into_inner);
        world.advance_to(self.clock.now_epoch_ms());
        let answer = look(&mut world);
        let observed = world.take_observations();
        drop(world);
        self.write(observed);
        answer
    }

    fn write(&self, observed: Vec<(f64, Observation)>) {
        let recorder = self.recorder.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let Some(recorder) = recorder else { return };
        for (_, observation) in observed {
            if let Observation::Sample(sample) = &observation {
                // Nobody listening is no failure.
                drop(self.samples.send(sample.clone()));
            }
            if let Observation::Checkpoint(seen) = &observation {
                self.checkpoints.lock().unwrap_or_else(PoisonError::into_inner).insert(seen.id, seen.clone());
            }
            if let Err(error) = recorder.record(observation) {
                self.failed.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
            }
        }
    }
}

/// Lets the world go on whenever something happens in it by itself.
async fn go_on(world: std::sync::Weak<Inner>) {
    loop {
        let Some(inner) = world.upgrade() else { return };
        let next = inner.at_present(|world| world.next_event_ms());
        let clock = inner.clock;
        // Timers are as fine as this; an event nearer than the clock can tell would be waited for without end.
        let soonest = tokio::time::Instant::now() + Duration::from_millis(1);
        let wake = async {
            match next {
                Some(at_epoch_ms) => tokio::time::sleep_until(clock.instant_at(at_epoch_ms).max(soonest)).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = wake => {}
            () = inner.changed.notified() => {}
        }
        drop(inner);
        tokio::task::yield_now().await;
    }
}

impl Instances for Simulated {
    fn signal(&self, name: &str, signal: i32) -> Result<Between> {
        let signal = match signal {
            libc::SIGKILL => Signal::Kill,
            libc::SIGTERM => Signal::Stop,
            libc::SIGSTOP => Signal::Hang,
            libc::SIGCONT => Signal::Continue,
            other => return Err(Error::defect(format!("signal {other} is not simulated"))),
        };
        let gone = self.now(|world| world.signal(name, signal))?;
        if let Some(at_epoch_ms) = gone {
            self.0.gone.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), at_epoch_ms);
        }
        let now = self.0.clock.now_epoch_ms();
        Ok(Between { lo_epoch_ms: now, hi_epoch_ms: now })
    }

    fn ended(&self, name: &str) -> BoxFuture<'_, Result<Exit>> {
        let at = self.0.gone.lock().unwrap_or_else(PoisonError::into_inner).get(name).copied();
        let name = name.to_owned();
        Box::pin(async move {
            let alive = |world: &mut World| world.instances().into_iter().any(|one| one.name == name && one.alive);
            match at {
                Some(at_epoch_ms) => {
                    tokio::time::sleep_until(self.0.clock.instant_at(at_epoch_ms)).await;
                    // Started again already, it has ended all the same.
                    let is_known = || self.0.gone.lock().unwrap_or_else(PoisonError::into_inner).contains_key(&name);
                    while self.now(alive) && is_known() {
                        tokio::time::sleep(Duration::from_millis(1)).await;
                    }
                    let at_epoch_ms = at_epoch_ms.min(self.0.clock.now_epoch_ms());
                    Ok(Exit { at_epoch_ms, status: "simulated".into(), success: false })
                }
                None => std::future::pending().await,
            }
        })
    }

    fn holds_still(&self, name: &str) -> BoxFuture<'_, Result<f64>> {
        let name = name.to_owned();
        Box::pin(async move {
            let hangs = |world: &mut World| world.instances().into_iter().any(|one| one.name == name && one.hung);
            while !self.now(hangs) {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            Ok(self.0.clock.now_epoch_ms())
        })
    }

    fn start(&self, name: &str) -> Result<Between> {
        self.0.gone.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
        self.now(|world| world.start(name))?;
        let now = self.0.clock.now_epoch_ms();
        Ok(Between { lo_epoch_ms: now, hi_epoch_ms: now })
    }

    fn instance(&self, name: &str) -> Result<Instance> {
        let all = self.instances();
        let names: Vec<&str> = all.iter().map(|one| one.name.as_str()).collect();
        let message = format!("there is no instance `{name}`; there are {}", names.join(", "));
        all.iter().find(|one| one.name == name).cloned().ok_or_else(|| Error::script(message))
    }
}

impl Cluster for Simulated {
    fn needs(&self) -> &Needs {
        &self.0.needs
    }

    fn instances(&self) -> Vec<Instance> {
        let all = self.now(|world| world.instances());
        all.into_iter()
            .map(|one| Instance {
                name: one.name,
                role: one.role,
                host: HOST.into(),
                alive: one.alive,
                registered_as: one.registered_as,
            })
            .collect()
    }

    fn fresh_taskmanagers(&self) -> BoxFuture<'_, Result<()>> {
        Box::pin(async {
            self.0.gone.lock().unwrap_or_else(PoisonError::into_inner).clear();
            let registered_epoch_ms = self.now(World::fresh_taskmanagers)?;
            tokio::time::sleep_until(self.0.clock.instant_at(registered_epoch_ms)).await;
            Ok(())
        })
    }

    fn configure<'a>(&'a self, _settings: &'a BTreeMap<String, String>) -> BoxFuture<'a, Result<bool>> {
        // Here a job brings all its settings along.
        Box::pin(async { Ok(false) })
    }

    fn lost(&self, _expected_gone: &[String]) -> Option<(String, Exit)> {
        // No instance of the simulation ends by itself.
        None
    }

    fn log_tail(&self, _name: &str, _lines: usize) -> String {
        String::new()
    }

    fn versions(&self) -> BTreeMap<String, String> {
        let simulated = |version: &str| format!("{version} (simulated)");
        BTreeMap::from([
            ("flink".to_owned(), simulated(&self.0.needs.flink)),
            ("kafka".to_owned(), simulated(&self.0.needs.kafka)),
        ])
    }

    fn down(&self) -> BoxFuture<'_, Result<()>> {
        Box::pin(async { Ok(()) })
    }
}

impl Brokers for Simulated {
    fn create_topic<'a>(
        &'a self,
        name: &'a str,
        partitions: u32,
        _settings: &'a [(&'a str, &'a str)],
    ) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move { self.now(|world| world.create_topic(name, partitions)) })
    }

    fn delete_topics<'a>(&'a self, names: &'a [&'a str]) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move { names.iter().try_for_each(|name| self.now(|world| world.delete_topic(name))) })
    }

    fn end_offsets<'a>(&'a self, topic: &'a str) -> BoxFuture<'a, Result<Vec<i64>>> {
        Box::pin(async move {
            let ends = self.now(|world| world.end_offsets(topic))?;
            Ok(ends.into_iter().map(|end| i64::try_from(end).unwrap_or(i64::MAX)).collect())
        })
    }
}

fn id_of(job: &str) -> Result<crate::sim::JobId> {
    job.parse().map_err(|_| Error::trial(format!("there is no job {job}")))
}

impl Simulated {
    /// The state of a job as Flink has it.
    fn named(&self, job: &str, state: JobState) -> &'static str {
        let finished = self.0.finished.lock().unwrap_or_else(PoisonError::into_inner).contains(job);
        if finished && state == JobState::Canceled { "FINISHED" } else { state.name() }
    }

    async fn request(&self, job: &str, kind: Trigger, within: Duration) -> Result<(u64, String)> {
        let id = id_of(job)?;
        let request = self.now(|world| world.trigger_checkpoint(id, kind))?;
        let done = self
            .until(within, |world| match world.request(request)? {
                RequestStatus::Pending => Ok(None),
                RequestStatus::Failed { reason } => Err(Error::trial(format!("the checkpoint failed: {reason}"))),
                RequestStatus::Completed { checkpoint, savepoint } => Ok(Some((checkpoint, savepoint))),
            })
            .await?;
        let late = || Error::trial(format!("no checkpoint completed within {} s", within.as_secs_f64()));
        let (checkpoint, savepoint) = done.ok_or_else(late)?;
        Ok((checkpoint, savepoint.map(|savepoint| savepoint.to_string()).unwrap_or_default()))
    }

    async fn ended_as(&self, job: &str, within: Duration) -> Result<String> {
        let id = id_of(job)?;
        let terminal = |world: &mut World| {
            let state = self.named(job, world.job(id)?.state);
            Ok(is_terminal(state).then(|| state.to_owned()))
        };
        let state = self.until(within, terminal).await?;
        state.ok_or_else(|| Error::trial(format!("job {job} has not ended after {} s", within.as_secs_f64())))
    }
}

impl JobManager for Simulated {
    fn overview(&self) -> BoxFuture<'_, Result<flink::Overview>> {
        Box::pin(async {
            let seen = self.now(|world| world.overview());
            Ok(flink::Overview {
                flink_version: self.0.needs.flink.clone(),
                taskmanagers: seen.taskmanagers,
                slots_total: seen.slots_total,
                slots_available: seen.slots_available,
                jobs_running: seen.jobs_running,
            })
        })
    }

    fn taskmanagers(&self) -> BoxFuture<'_, Result<Vec<flink::TaskManager>>> {
        Box::pin(async {
            let slots = self.0.needs.slots;
            let named = |id| flink::TaskManager { id, slots, free_slots: 0, memory_configuration: BTreeMap::new() };
            Ok(self.now(|world| world.taskmanagers()).into_iter().map(named).collect())
        })
    }

    fn configuration(&self) -> BoxFuture<'_, Result<BTreeMap<String, String>>> {
        Box::pin(async { Ok(BTreeMap::from([("simulated".to_owned(), self.0.timing.to_string())])) })
    }

    fn job<'a>(&'a self, job: &'a str) -> BoxFuture<'a, Result<flink::Job>> {
        Box::pin(async move {
            let id = id_of(job)?;
            let (seen, subtasks) = self.now(|world| Ok::<_, Error>((world.job(id)?, world.subtasks(id)?)))?;
            let vertices = seen.vertices.iter().map(|vertex| {
                let mut tasks = BTreeMap::new();
                for subtask in subtasks.iter().filter(|subtask| subtask.vertex == vertex.id) {
                    *tasks.entry(subtask.state.name().to_owned()).or_default() += 1;
                }
                flink::Vertex {
                    id: vertex.id.to_owned(),
                    name: vertex.name.to_owned(),
                    parallelism: vertex.parallelism,
                    status: seen.state.name().to_owned(),
                    tasks,
                }
            });
            Ok(flink::Job {
                id: job.to_owned(),
                name: seen.name.clone(),
                state: self.named(job, seen.state).to_owned(),
                timestamps: seen.timestamps.iter().map(|(state, at)| ((*state).to_owned(), *at)).collect(),
                vertices: vertices.collect(),
            })
        })
    }

    fn vertex<'a>(&'a self, job: &'a str, vertex: &'a str) -> BoxFuture<'a, Result<flink::VertexDetails>> {
        Box::pin(async move {
            let id = id_of(job)?;
            let subtasks = self.now(|world| world.subtasks(id))?;
            let own: Vec<_> = subtasks.into_iter().filter(|subtask| subtask.vertex == vertex).collect();
            let name = own.first().map(|subtask| subtask.name).unwrap_or_default().to_owned();
            let view = |subtask: crate::sim::SubtaskView| {
                flink::Subtask::seen(subtask.subtask, subtask.attempt, subtask.state.name(), subtask.taskmanager)
            };
            Ok(flink::VertexDetails { id: vertex.to_owned(), name, subtasks: own.into_iter().map(view).collect() })
        })
    }

    fn source<'a>(&'a self, job: &'a str) -> BoxFuture<'a, Result<Option<(String, u32)>>> {
        Box::pin(async move {
            let id = id_of(job)?;
            let seen = self.now(|world| world.job(id))?;
            let source = seen.vertices.iter().find(|vertex| vertex.source);
            Ok(source.map(|vertex| (vertex.id.to_owned(), vertex.parallelism)))
        })
    }

    fn checkpointing<'a>(&'a self, _job: &'a str) -> BoxFuture<'a, Result<BTreeMap<String, serde_json::Value>>> {
        Box::pin(async { Ok(BTreeMap::from([("simulated".to_owned(), true.into())])) })
    }

    fn checkpoints<'a>(&'a self, job: &'a str) -> BoxFuture<'a, Result<flink::Checkpoints>> {
        Box::pin(async move {
            let id = id_of(job)?;
            let seen = self.now(|world| world.checkpoints(id))?;
            let mut checkpoints = flink::Checkpoints::default();
            checkpoints.counts.completed = seen.completed;
            checkpoints.counts.failed = seen.failed;
            checkpoints.counts.in_progress = u64::from(seen.in_progress);
            checkpoints.counts.total = seen.completed + seen.failed + u64::from(seen.in_progress);
            checkpoints.summary.end_to_end_duration.max = seen.longest_ms;
            Ok(checkpoints)
        })
    }

    /// What was observed of them: the world tells of checkpoints from when it is sampled.
    fn last_checkpoints<'a>(&'a self, _job: &'a str, count: usize) -> BoxFuture<'a, Result<Vec<Checkpoint>>> {
        Box::pin(async move {
            self.now(|_| ());
            let seen = self.0.checkpoints.lock().unwrap_or_else(PoisonError::into_inner);
            Ok(seen.values().skip(seen.len().saturating_sub(count)).cloned().collect())
        })
    }

    fn savepoint<'a>(&'a self, job: &'a str, within: Duration) -> BoxFuture<'a, Result<String>> {
        Box::pin(async move { Ok(self.request(job, Trigger::Savepoint, within).await?.1) })
    }

    fn stop_with_savepoint<'a>(&'a self, job: &'a str, within: Duration) -> BoxFuture<'a, Result<String>> {
        Box::pin(async move {
            let (_, savepoint) = self.request(job, Trigger::Savepoint, within).await?;
            self.0.finished.lock().unwrap_or_else(PoisonError::into_inner).insert(job.to_owned());
            self.now(|world| world.cancel(id_of(job)?))?;
            self.ended_as(job, within).await?;
            Ok(savepoint)
        })
    }

    fn checkpoint<'a>(&'a self, job: &'a str, within: Duration) -> BoxFuture<'a, Result<u64>> {
        Box::pin(async move { Ok(self.request(job, Trigger::Manual, within).await?.0) })
    }

    fn metric_ids<'a>(&'a self, _job: &'a str, _vertex: &'a str) -> BoxFuture<'a, Result<Vec<String>>> {
        Box::pin(async { Err(no_metrics()) })
    }

    fn metrics<'a>(
        &'a self,
        _job: &'a str,
        _vertex: &'a str,
        _ids: &'a [String],
    ) -> BoxFuture<'a, Result<BTreeMap<String, String>>> {
        Box::pin(async { Err(no_metrics()) })
    }

    fn wait_until_running<'a>(&'a self, job: &'a str, within: Duration) -> BoxFuture<'a, Result<flink::Job>> {
        Box::pin(async move {
            let id = id_of(job)?;
            let runs = self.until(within, |world| Ok(world.job(id)?.all_running.then_some(()))).await?;
            match runs {
                Some(()) => JobManager::job(self, job).await,
                None => Err(Error::trial(format!("job {job} does not run after {} s", within.as_secs_f64()))
                    .hint("tasks wait for a free slot: give the target more, or the job a smaller parallelism")),
            }
        })
    }

    fn wait_until_terminal<'a>(&'a self, job: &'a str, within: Duration) -> BoxFuture<'a, Result<String>> {
        Box::pin(self.ended_as(job, within))
    }

    fn cancel<'a>(&'a self, job: &'a str, within: Duration) -> BoxFuture<'a, Result<String>> {
        Box::pin(async move {
            let id = id_of(job)?;
            if self.now(|world| world.job(id))?.state != JobState::Canceled {
                self.now(|world| world.cancel(id))?;
            }
            self.ended_as(job, within).await
        })
    }
}

fn no_jar() -> Error {
    Error::target("a jar cannot be simulated: what it does is not known").hint("run it on `--target local`")
}

fn no_metrics() -> Error {
    Error::target("the simulated Flink has no metrics but those that cprun samples")
        .hint("run it on `--target local`, or ask `kafka::lag(job)` or `flink::checkpoints(job)`")
}

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
        self.0.finished.lock().unwrap_or_else(PoisonError::into_inner).clear();
        self.now(|old| *old = world(self.0.clock, &self.0.needs, self.0.timing, seed));
    }

    fn bootstrap(&self) -> String {
        HOST.into()
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
        let topic = request.program.topic(&job.arguments).cloned().ok_or_else(no_jar)?;
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
        self.now(|world| world.submit(job)).map(|id| id.to_string())
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
        Ok(Box::new(SimulatedObserving { world: self.clone(), job: what.job }))
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
    job: Job,
}

impl Observing for SimulatedObserving {
    fn samples(&self) -> broadcast::Receiver<Sample> {
        self.world.0.samples.subscribe()
    }

    fn trigger_checkpoint(&self, within: Duration) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move { self.world.request(&self.job.id, Trigger::Manual, within).await.map(drop) })
    }

    fn is_manual(&self, _checkpoint: u64) -> bool {
        // What is observed of a checkpoint says so itself.
        false
    }

    fn trouble(&self) -> Option<Error> {
        let failed = self.world.0.failed.lock().unwrap_or_else(PoisonError::into_inner).clone();
        failed.or_else(|| {
            let id = id_of(&self.job.id).ok()?;
            let state = self.world.now(|world| world.job(id)).ok()?.state.name();
            is_terminal(state).then(|| Error::trial(format!("the job ended by itself: it is {state}")))
        })
    }

    fn missing(&self, _truth: &HashSet<WindowKey>) -> usize {
        if self.job.results_topic.is_none() { 0 } else { self.world.now(|world| world.missing_results()) }
    }

    fn stop(&self, _runtime: &Runtime) -> Result<()> {
        self.world.now(World::stop_collect);
        *self.world.0.recorder.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.world.0.failed.lock().unwrap_or_else(PoisonError::into_inner).take().map_or(Ok(()), Err)
    }
}

/// Flink's settings that the simulation understands; others are refused, because they would change nothing.
fn settings(configuration: &BTreeMap<String, String>) -> Result<JobSettings> {
    let mut settings = JobSettings::default();
    for (key, value) in configuration {
        match key.as_str() {
            "execution.checkpointing.interval" => {}
            "restart-strategy.fixed-delay.delay" => settings.restart_delay_ms = Some(millis(key, value)?),
            "heartbeat.interval" => settings.heartbeat_interval_ms = Some(millis(key, value)?),
            "heartbeat.timeout" => settings.heartbeat_timeout_ms = Some(millis(key, value)?),
            "execution.checkpointing.min-pause" => settings.min_pause_ms = Some(millis(key, value)?),
            "execution.checkpointing.timeout" => settings.checkpoint_timeout_ms = Some(millis(key, value)?),
            "state.backend.local-recovery" | "execution.state-recovery.from-local" => {
                settings.local_recovery = value == "true";
            }
            other => {
                return Err(Error::new(
                    Kind::Target,
                    format!("the simulated Flink does not know the setting `{other}`"),
                )
                .hint("leave it out on sim, or run on `--target local`"));
            }
        }
    }
    Ok(settings)
}

/// A time as Flink writes it: `500 ms`, `10 s`, `10 min`, or milliseconds.
fn millis(key: &str, value: &str) -> Result<f64> {
    let value = value.trim();
    let at = value.find(|letter: char| letter.is_ascii_alphabetic()).unwrap_or(value.len());
    let (number, unit) = (value[..at].trim().parse::<f64>(), value[at..].trim());
    let scale = match unit {
        "" | "ms" => Some(1.0),
        "s" | "sec" => Some(1e3),
        "min" | "m" => Some(60e3),
        "h" => Some(3600e3),
        _ => None,
    };
    match (number, scale) {
        (Ok(number), Some(scale)) if number.is_finite() && number >= 0.0 => Ok(number * scale),
        _ => Err(Error::script(format!("`{key}` is `{value}`, which is no time")).hint("write it as `10 s` or `10.s`")),
    }
}
