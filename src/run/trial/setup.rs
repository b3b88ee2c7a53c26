//! What the body of an experiment declares: topics, the job, and what is to start when the body has returned.

use std::collections::BTreeMap;
use std::time::Duration;

use rand::seq::IndexedRandom;
use rand_chacha::ChaCha8Rng;
use sha2::{Digest, Sha256};

use super::Trial;
use crate::cluster::{Instance, Role, Scope, flink_role};
use crate::dataset::Dataset;
use crate::error::{Error, Result};
use crate::fault::Schedule;
use crate::flink::{JobManager, JobSpec, RunRequest, is_terminal, program_arguments};
use crate::kafka::topic_name;
use crate::record::Step;
use crate::replay::Pacing;
use crate::run::apparatus::JobRequest;
use crate::run::job::{COLUMNS, Origin, Program, words_for_jar};
use crate::run::plan::generator;
use crate::run::state::StateView;
use crate::run::{Job, Submission, Target};

/// A topic that a trial made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topic {
    pub name: String,
    pub partitions: u32,
}

/// A replay that starts when the body has returned.
#[derive(Clone, Debug)]
pub struct ReplayPlan {
    pub dataset: Dataset,
    pub topic: Topic,
    pub speed: f64,
    pub pacing: Pacing,
}

impl ReplayPlan {
    pub fn check(&self) -> Result<()> {
        if self.speed.is_finite() && self.speed > 0.0 {
            return Ok(());
        }
        Err(Error::script(format!("replay::start: `speed` is {}, but must be positive", self.speed))
            .hint("7200.0 replays two hours in a second"))
    }

    /// How long the data set lasts at this speed, in seconds.
    #[must_use]
    pub fn lasts_s(&self) -> f64 {
        self.dataset.event_span_ms() as f64 / 1e3 / self.speed
    }
}

/// A job on its way into Flink.
pub(super) struct Submitting<'a>(&'a Trial);

impl Drop for Submitting<'_> {
    fn drop(&mut self) {
        self.0.state().submitting = false;
    }
}

/// What no trial can do without; a body that declares none of one is told so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Required {
    Job,
    Replay,
    Collection,
    /// Of the measured phase.
    End,
}

impl Required {
    #[must_use]
    pub fn lacking(self) -> Error {
        if self == Self::End {
            return Error::script("nothing ends the measured phase: there is neither a replay nor a fault")
                .hint("say how long it lasts: `experiment(\"name\", #{ duration: 60.s, … }, …)`");
        }
        let (what, line) = match self {
            Self::Job => ("a job", "let job = flink::submit(\"nyc-window\", #{ … });"),
            Self::Replay => ("a replay", "let feed = replay::start(trips, topic, #{ speed: 7200.0 });"),
            Self::Collection | Self::End => ("a collection", "collect::start(job, feed);"),
        };
        Error::script(format!("the body of the experiment lacks {what}")).hint(format!("add `{line}`"))
    }

    /// What a body is told that replays into a topic which its job does not read.
    #[must_use]
    pub fn no_replay() -> Error {
        Error::script("the job saturates itself, and reads no topic that could be replayed into")
            .hint("leave out `replay::start`, or `saturate`")
    }
}

#[derive(Default)]
pub(super) struct Setup {
    pub topics: Vec<String>,
    pub job: Option<Job>,
    /// How it was submitted; None of a job that ran already.
    pub submission: Option<Submission>,
    /// Ids of the jobs that went on as it; whoever means one of them means it.
    pub former: Vec<String>,
    /// The script itself ended the job.
    pub job_ended: bool,
    /// Why there is no job any more, where a planned restart lost it.
    pub lost: Option<Error>,
    /// The source's vertex and its number of subtasks.
    pub source: Option<(String, u32)>,
    pub replay: Option<ReplayPlan>,
    pub collect_every_s: Option<f64>,
    pub faults: Option<Schedule>,
}

/// All tasks of a job must run within this time after it was submitted.
pub(super) const RUNNING_WITHIN: Duration = Duration::from_secs(120);
const MOST_SLOTS: u32 = 8;

impl Trial {
    pub fn create_topic(&self, name: &str, partitions: u32) -> Result<Topic> {
        let full = topic_name(name, &self.run.id, self.spec.order);
        if self.state().setup.topics.contains(&full) {
            return Err(Error::script(format!("kafka::create_topic: this trial has a topic `{name}` already"))
                .hint("give the other one another name"));
        }
        self.make_topic(&full, partitions, &[])?;
        Ok(Topic { name: full, partitions })
    }

    fn make_topic(&self, name: &str, partitions: u32, settings: &[(&str, &str)]) -> Result<()> {
        let target = self.target()?;
        // A job that is submitted anew goes on writing where it wrote before.
        if self.state().setup.topics.iter().any(|known| known == name) {
            return Ok(());
        }
        // Noted first: a topic that was made although the answer got lost must go too.
        self.state().setup.topics.push(name.to_owned());
        self.run.wait(target.kafka.create_topic(name, partitions, settings))
    }

    /// Builds the job if need be, submits it, and waits until all its tasks run.
    pub fn submit(&self, submission: &Submission) -> Result<Job> {
        let _submitting = self.begin_submitting("flink::submit")?;
        self.check_no_job("flink::submit")?;
        let (job, capacity_of) = self.launch(submission)?;
        self.state().setup.submission = Some(submission.clone());
        self.take_job(job, &capacity_of)
    }

    /// Builds the job if need be and submits it; beside it what it is the capacity of, as the journal has it.
    pub(super) fn launch(&self, submission: &Submission) -> Result<(Job, String)> {
        let target = self.target()?;
        let program = Program::find(submission, &self.run.search)?;
        let arguments = program.arguments(submission)?;
        let (results_topic, program_args) = match &program {
            Program::Package(package) => {
                let results_topic = self.make_results_topic(&package.spec)?;
                let all =
                    self.fill(&package.spec, &arguments, results_topic.as_deref(), submission.saturate.as_ref())?;
                (results_topic, program_arguments(&all))
            }
            Program::Jar(_) => (None, words_for_jar(submission)),
        };
        // Results of rows that are in no topic can be compared with nothing, and would fill the journal.
        let results_topic = results_topic.filter(|_| submission.saturate.is_none());
        let needs = target.cluster.needs();
        let parallelism = submission.parallelism.unwrap_or_else(|| (needs.taskmanagers * needs.slots).min(MOST_SLOTS));
        let mut configuration = submission.config.clone();
        if let Some(interval) = submission.interval_s {
            configuration.insert("execution.checkpointing.interval".into(), format!("{} ms", (interval * 1e3).round()));
        }
        let request = RunRequest {
            entry_class: match &program {
                Program::Package(package) => Some(package.spec.entry_class.clone()),
                Program::Jar(_) => submission.class.clone(),
            },
            program_args,
            parallelism: Some(parallelism),
            savepoint: submission.from.clone(),
            configuration,
        };
        let mut job = Job {
            id: String::new(),
            name: program.name(),
            origin: program.origin(),
            parallelism,
            interval_s: submission.interval_s,
            arguments,
            results_topic,
            saturated: submission.saturate.is_some(),
            restart_s: None,
            state: StateView::rehearsed(),
        };
        let capacity_of = capacity_of(&job, submission)?;
        self.configure(&target, &request.configuration)?;
        self.status("submitting", &job.name);
        let saturate = submission.saturate.as_ref();
        let request = JobRequest { program: &program, spec: &self.spec, job: &job, request, saturate };
        job.id = target.apparatus.submit(&self.run, &request)?;
        Ok((job, capacity_of))
    }

    /// Takes a job that runs already, which runs on when the trial has ended.
    pub fn attach(&self, id: &str) -> Result<Job> {
        let _submitting = self.begin_submitting("flink::attach")?;
        self.check_no_job("flink::attach")?;
        let target = self.target()?;
        let (seen, interval_s) = self.run.wait(async {
            let seen = target.flink.job(id).await.map_err(|error| error.context(format!("cannot attach to {id}")))?;
            let checkpointing = target.flink.checkpointing(id).await?;
            Ok((seen, checkpointing.get("interval_ms").and_then(serde_json::Value::as_f64).map(|ms| ms / 1e3)))
        })?;
        if is_terminal(&seen.state) {
            return Err(Error::trial(format!("job {id} ({}) has ended: it is {}", seen.name, seen.state))
                .hint("attach to a job that runs"));
        }
        self.status("attaching", &seen.name);
        let job = Job {
            id: id.to_owned(),
            name: seen.name,
            origin: Origin::Attached,
            parallelism: seen.vertices.iter().map(|vertex| vertex.parallelism).max().unwrap_or(0),
            interval_s,
            arguments: BTreeMap::new(),
            results_topic: None,
            saturated: false,
            restart_s: None,
            state: StateView::rehearsed(),
        };
        self.state().setup.submission = None;
        self.take_job(job, "")
    }

    /// One job is on its way at a time, whichever thread of the script asks for it.
    pub(super) fn begin_submitting(&self, primitive: &str) -> Result<Submitting<'_>> {
        if std::mem::replace(&mut self.state().submitting, true) {
            return Err(Error::script(format!("{primitive}: another job is on its way into this trial"))
                .hint("a trial measures one job: submit it once"));
        }
        Ok(Submitting(self))
    }

    fn check_no_job(&self, primitive: &str) -> Result<()> {
        let measured = self.state().feed.is_some();
        let ended = self.state().setup.job_ended;
        if measured || (self.job().is_some() && !self.open && !ended) {
            return Err(Error::script(format!("{primitive}: this trial has a job already")).hint(
                "a trial measures one job; to start it anew, stop it first: `flink::savepoint(job, #{ stop: true })`",
            ));
        }
        if !self.job_has_ended()? {
            return Err(
                Error::script(format!("{primitive}: a job runs already")).hint("end it with `flink::cancel(job)`")
            );
        }
        Ok(())
    }

    /// Makes it the job of this trial, as soon as all its tasks run.
    fn take_job(&self, mut job: Job, capacity_of: &str) -> Result<Job> {
        let target = self.target()?;
        job.state = StateView::of(&self.run.runtime, &target.flink, &job.id);
        {
            let mut state = self.state();
            state.setup.job = Some(job.clone());
            state.setup.job_ended = false;
        }
        self.run.wait(target.flink.wait_until_running(&job.id, RUNNING_WITHIN))?;
        self.note_submitted(&job, capacity_of)?;
        target.apparatus.keep_evidence(&self.run, &job);
        Ok(job)
    }

    /// Starts JobManager and TaskManagers anew where the job wants settings that only those read, or a job before it
    /// did, and writes down what Flink then says it runs with.
    fn configure(&self, target: &Target, configuration: &BTreeMap<String, String>) -> Result<()> {
        let at_start = configuration.iter().filter(|(key, _)| flink_role::is_read_at_start(key));
        let settings: BTreeMap<String, String> = at_start.map(|(key, value)| (key.clone(), value.clone())).collect();
        self.status("setting up", "the configuration of Flink");
        if self.run.wait(target.cluster.configure(&settings))? {
            let must_be_free = self.run.state().has_leaked_job;
            self.run.wait(target.fresh_taskmanagers(&self.run.host, must_be_free))?;
        }
        if settings.is_empty() {
            return Ok(());
        }
        let in_force = self.run.wait(target.configuration())?;
        self.run.note_flink(&format!("flink {}", self.spec.id), in_force)
    }

    fn make_results_topic(&self, spec: &JobSpec) -> Result<Option<String>> {
        if spec.sink.is_none() {
            return Ok(None);
        }
        let results = topic_name(&format!("{}-results", spec.name), &self.run.id, self.spec.order);
        // A job that is submitted anew writes where the one before it did.
        if self.state().setup.topics.contains(&results) {
            return Ok(Some(results));
        }
        // Append times are the instants at which results are written.
        self.make_topic(&results, 1, &[("message.timestamp.type", "LogAppendTime")])?;
        Ok(Some(results))
    }

    /// The arguments in force with those that only the host knows.
    fn fill(
        &self,
        spec: &JobSpec,
        arguments: &BTreeMap<String, String>,
        results_topic: Option<&str>,
        saturate: Option<&Dataset>,
    ) -> Result<BTreeMap<String, String>> {
        let mut all = arguments.clone();
        for name in &spec.filled_by_host {
            let is_block = spec.source.block.as_ref() == Some(name);
            let value = match (name.as_str(), results_topic, saturate) {
                (_, _, None) if is_block => continue,
                (_, _, Some(rows)) if is_block => self.target()?.apparatus.block(rows)?,
                ("bootstrap", ..) => self.target()?.apparatus.bootstrap(),
                ("results", Some(results), _) => results.to_owned(),
                _ => return Err(Error::script(format!("job {}: cprun cannot fill the argument `{name}`", spec.name))),
            };
            all.insert(name.clone(), value);
        }
        Ok(all)
    }

    fn note_submitted(&self, job: &Job, capacity_of: &str) -> Result<()> {
        let target = self.target()?;
        let (source, checkpointing) = self.run.wait(async {
            let source = target.flink.source(&job.id).await?;
            Ok((source, target.flink.checkpointing(&job.id).await?))
        })?;
        let (source_vertex, source_subtasks) =
            source.clone().ok_or_else(|| Error::trial(format!("job {} has no source", job.name)))?;
        self.state().setup.source = source;
        self.run.note_configuration(&format!("checkpointing {}", self.spec.id), checkpointing)?;
        self.note(Step::Submitted {
            job: job.name.clone(),
            job_id: job.id.clone(),
            parallelism: job.parallelism,
            interval_s: job.interval_s,
            source_vertex,
            source_subtasks,
            exactly_once: job.exactly_once(),
            foreign: job.is_foreign(),
            saturated: job.saturated,
            capacity_of: capacity_of.to_owned(),
        })
    }

    pub fn declare_replay(&self, plan: ReplayPlan) -> Result<()> {
        self.check_columns(&plan)?;
        if self.open {
            return self.replay_now(plan);
        }
        let mut state = self.state();
        if state.setup.replay.is_some() {
            return Err(
                Error::script("replay::start: this trial has a replay already").hint("a trial replays one data set")
            );
        }
        state.setup.replay = Some(plan);
        Ok(())
    }

    fn check_columns(&self, plan: &ReplayPlan) -> Result<()> {
        let state = self.state();
        if let Some(told) = state.setup.job.as_ref().and_then(|job| job.arguments.get(COLUMNS)) {
            let Some(columns) = plan.dataset.columns() else {
                return Err(Error::script(format!(
                    "the job reads the columns {told}, but of {} no key and value are named",
                    plan.dataset.name()
                ))
                .hint("name them: `dataset::csv(file, #{ time: \"…\", key: \"…\", value: \"…\" })`"));
            };
            let columns = columns.to_string();
            if *told != columns {
                return Err(Error::script(format!(
                    "the job reads columns {told}, but the data set {} has its key fields at {columns}",
                    plan.dataset.name()
                ))
                .hint("give them to the job: `args: #{ topic: topic, columns: trips.columns }`"));
            }
        }
        Ok(())
    }

    pub fn declare_collect(&self, job: &Job, every_s: f64) -> Result<()> {
        let mut state = self.state();
        if state.setup.job.as_ref().map(|own| &own.id) != Some(&job.id) {
            return Err(Error::script("collect::start: the job is not this trial's"));
        }
        if self.open {
            drop(state);
            return self.collect_now(job, every_s);
        }
        state.setup.collect_every_s = Some(every_s);
        Ok(())
    }

    /// Takes the schedule of this trial's faults; in an open trial it begins now, and whoever opened it calls the
    /// closure.
    pub fn declare_faults(&self, schedule: &Schedule) -> Result<()> {
        let mut state = self.state();
        if state.setup.faults.is_some() {
            return Err(one_schedule());
        }
        if self.open {
            drop(state);
            return self.note_schedule(schedule);
        }
        state.setup.faults = Some(schedule.clone());
        Ok(())
    }

    pub(super) fn note_schedule(&self, schedule: &Schedule) -> Result<()> {
        let due_s = if schedule.is_even { Vec::new() } else { schedule.due_s.clone() };
        let (every_s, count) = (schedule.mean_gap_s, schedule.count());
        self.note(Step::FaultSchedule { every_s, count, down_for_s: None, due_s })
    }

    /// The dice of one thing that is drawn in this trial; what falls depends on the seed, the trial and `what` alone.
    #[must_use]
    pub fn dice(&self, what: &str) -> ChaCha8Rng {
        generator(self.run.seed, &format!("{} {what}", self.spec.id))
    }

    /// A live instance of the role, drawn by the seed; of TaskManagers one that runs tasks of the job, as a
    /// restarted one has none and a fault on it would hit nothing.
    pub fn pick(&self, role: Role, number: i64) -> Result<Instance> {
        let target = self.target()?;
        let live: Vec<Instance> =
            target.cluster.instances().into_iter().filter(|instance| instance.role == role && instance.alive).collect();
        let busy = match (role, self.job()) {
            (Role::TaskManager, Some(job)) => self.run.wait(taskmanagers_of(target.flink.as_ref(), &job.id))?,
            _ => Vec::new(),
        };
        let with_tasks: Vec<Instance> = live
            .iter()
            .filter(|instance| instance.registered_as.as_ref().is_some_and(|id| busy.contains(id)))
            .cloned()
            .collect();
        let candidates = if with_tasks.is_empty() { live } else { with_tasks };
        let mut rng = self.dice(&format!("pick {role} {number}"));
        candidates.choose(&mut rng).cloned().ok_or_else(|| Error::trial(format!("no {role} is alive to be picked")))
    }

    /// What `pick` takes, with all that the scope takes along: the live instances of its role on its host.
    pub fn pick_in(&self, role: Role, number: i64, scope: Scope) -> Result<Vec<Instance>> {
        let picked = self.pick(role, number)?;
        Ok(match scope {
            Scope::Instance => vec![picked],
            Scope::Host => {
                let beside = |other: &Instance| other.role == role && other.alive && other.host == picked.host;
                self.instances().into_iter().filter(beside).collect()
            }
        })
    }

    /// The faults that are due in this trial.
    pub(super) fn faults_declared(&self) -> Option<Schedule> {
        self.state().setup.faults.clone()
    }
}

/// What the capacity of a saturated job depends on, all but T, as a hash; of another job nothing.
fn capacity_of(job: &Job, submission: &Submission) -> Result<String> {
    let Some(rows) = &submission.saturate else { return Ok(String::new()) };
    let account = serde_json::to_string(&rows.account())
        .map_err(|error| Error::defect(format!("the account of a data set: {error}")))?;
    let facts = format!("{}\n{}\n{:?}\n{:?}\n{account}", job.name, job.parallelism, job.arguments, submission.config);
    Ok(Sha256::digest(facts).iter().take(8).map(|byte| format!("{byte:02x}")).collect())
}

/// What a second schedule in one body is told.
#[must_use]
pub fn one_schedule() -> Error {
    Error::script("this trial has a schedule of faults already").hint("break several instances in one closure")
}

/// How often Flink is asked where the tasks are before a fault is given up.
const ATTEMPTS: u32 = 3;

/// The TaskManagers that run tasks of the job right now, by the names under which Flink lists them.
async fn taskmanagers_of(flink: &dyn JobManager, job: &str) -> Result<Vec<String>> {
    let mut attempt = 1;
    loop {
        match ask_taskmanagers_of(flink, job).await {
            Ok(ids) => return Ok(ids),
            Err(error) if attempt == ATTEMPTS => {
                return Err(Error::trial(format!("cannot tell where the job runs: {error}")));
            }
            Err(_) => attempt += 1,
        }
    }
}

async fn ask_taskmanagers_of(flink: &dyn JobManager, job: &str) -> Result<Vec<String>> {
    let mut ids = Vec::new();
    for vertex in flink.job(job).await?.vertices {
        let subtasks = flink.vertex(job, &vertex.id).await?.subtasks;
        let busy =
            subtasks.into_iter().filter(|subtask| subtask.status == "RUNNING" || subtask.status == "INITIALIZING");
        ids.extend(busy.filter_map(|subtask| subtask.taskmanager_id));
    }
    Ok(ids)
}
