//! A Kafka and a Flink as processes of this machine, on free ports, all their files inside the run directory.

mod running;

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::error::{Error, Result};
use crate::host::Host;

use super::flink_role::{self, Kind, Places, Resources, Timing};
use super::leftovers::Leftovers;
use super::minio_role::{self, Keys};
use super::process::Process;
use super::provision::{Java, Maven, Minio, Part, ensure, is_cached};
use super::spawner::{Launch, Spawner};
use super::{Between, Cluster, Needs, Role, Storage, kafka_role, ports};

/// The name of this machine in records.
pub const HOST: &str = "local";

/// How long a service may take until it answers; a cold JVM on a busy two-core machine took 28 s.
const READY_WITHIN: Duration = Duration::from_secs(120);
/// How long a service may take to end after SIGTERM before SIGKILL follows.
const END_WITHIN: Duration = Duration::from_secs(10);

/// Below the run's work folder: what Flink loads besides its own jars.
const PLUGINS: &str = "plugins";
/// What MinIO takes at most with the few objects of a run, bytes.
const MINIO_MEMORY: u64 = 512 << 20;

pub struct LocalCluster {
    host: Host,
    spawner: Spawner,
    java: Java,
    needs: Needs,
    timing: Timing,
    kafka_lib: PathBuf,
    flink_lib: PathBuf,
    object_store: Option<ObjectStore>,
    work: PathBuf,
    logs: PathBuf,
    run: String,
    state: Mutex<State>,
}

/// What a MinIO for the checkpoints is made of.
struct ObjectStore {
    minio: Minio,
    /// Flink's file system for S3, a folder of jars.
    plugin: PathBuf,
    keys: Keys,
}

struct State {
    places: Option<Places>,
    /// What trials set beside the target's own configuration.
    settings: BTreeMap<String, String>,
    resources: HashMap<&'static str, Resources>,
    kafka_port: u16,
    minio_port: Option<u16>,
    members: BTreeMap<String, Member>,
    leftovers: Option<Leftovers>,
}

struct Member {
    role: Role,
    process: Process,
    /// 1 for the first start, one more for each restart.
    incarnation: u32,
}

impl LocalCluster {
    /// Fails if something is missing that a run would need; changes nothing.
    pub fn check(host: &Host, needs: &Needs, directory: &Path) -> Result<()> {
        Java::find(host)?;
        let cache = host.cache()?;
        check_path(directory, &['#', ',', ':', '|'], "--out DIR")?;
        check_path(&cache, &[':'], "XDG_CACHE_HOME")?;
        let mut parts = vec![Part::kafka(&needs.kafka), Part::flink(&needs.flink)];
        if needs.storage == Storage::Minio {
            parts.push(Part::s3(&needs.flink));
            Minio::check(host)?;
        }
        if parts.iter().any(|part| !is_cached(&cache, part)) {
            Maven::program(host)?;
        }
        check_memory(needs)?;
        let ports = [(needs.rest_port, "rest_port"), (needs.kafka_port, "kafka_port")];
        ports.into_iter().try_for_each(|(port, option)| port.map_or(Ok(()), |port| ports::require_free(port, option)))
    }

    /// Fills the cache. Nothing runs yet.
    pub fn prepare(
        host: &Host,
        spawner: &Spawner,
        needs: Needs,
        timing: Timing,
        run_directory: &Path,
        run: &str,
    ) -> Result<Self> {
        Self::check(host, &needs, run_directory)?;
        let java = Java::find(host)?;
        let cache = host.cache()?;
        let maven = Maven { host, spawner };
        let kafka_lib = ensure(&maven, &cache, &Part::kafka(&needs.kafka))?;
        let flink_lib = ensure(&maven, &cache, &Part::flink(&needs.flink))?;
        let object_store = match needs.storage {
            Storage::File => None,
            Storage::Minio => Some(ObjectStore {
                minio: Minio::ensure(host, spawner)?,
                plugin: ensure(&maven, &cache, &Part::s3(&needs.flink))?,
                keys: Keys::random(),
            }),
        };
        let work = run_directory.join("work");
        let logs = run_directory.join("logs");
        let mut leftovers = Leftovers::hold(&cache, run_directory)?;
        leftovers.folder(&work)?;
        for folder in [&work, &logs] {
            fs::create_dir_all(folder).map_err(|error| Error::io(format!("make {}", folder.display()), error))?;
        }
        let state = State {
            places: None,
            settings: BTreeMap::new(),
            resources: HashMap::new(),
            kafka_port: 0,
            minio_port: None,
            members: BTreeMap::new(),
            leftovers: Some(leftovers),
        };
        Ok(Self {
            host: host.clone(),
            spawner: spawner.clone(),
            java,
            needs,
            timing,
            kafka_lib,
            flink_lib,
            object_store,
            work,
            logs,
            run: run.to_owned(),
            state: Mutex::new(state),
        })
    }

    /// Starts the services and waits until each answers.
    pub async fn up(&self) -> Result<()> {
        self.start_kafka().await?;
        if let Some(store) = &self.object_store {
            self.start_minio(store).await?;
        }
        self.start_jobmanager(false).await
    }

    #[must_use]
    pub fn bootstrap(&self) -> String {
        format!("127.0.0.1:{}", self.state().kafka_port)
    }

    #[must_use]
    pub fn rest(&self) -> String {
        format!("http://127.0.0.1:{}", self.state().places.as_ref().map_or(0, |places| places.rest_port))
    }

    /// Starts a TaskManager, under a new name towards Flink if it ran before.
    fn start_taskmanager(&self, name: &str) -> Result<Between> {
        let mut state = self.state();
        let incarnation = state.members.get(name).map_or(1, |member| member.incarnation + 1);
        let places =
            state.places.clone().ok_or_else(|| Error::defect("a TaskManager is started before its JobManager"))?;
        let resources = state.resources.get("taskmanager").cloned().unwrap_or_default();
        let id = incarnation_name(name, incarnation);
        let tmp = self.folder(&id)?;
        let mut arguments = flink_role::taskmanager_arguments(&self.flink_lib, &places, &resources, &id, &tmp);
        arguments.insert(0, log_collections(&id));
        let lo_epoch_ms = self.host.clock.now_epoch_ms();
        let process = self.spawn(&mut state, name, Role::TaskManager, arguments)?;
        let hi_epoch_ms = self.host.clock.now_epoch_ms();
        state.members.insert(name.to_owned(), Member { role: Role::TaskManager, process, incarnation });
        Ok(Between { lo_epoch_ms, hi_epoch_ms })
    }

    async fn start_kafka(&self) -> Result<()> {
        let folder = self.folder("kafka-1")?;
        for attempt in 1.. {
            let free = ports::free(2)?;
            let port = self.needs.kafka_port.unwrap_or(free[0]);
            let configuration = kafka_role::configuration(&folder, port, free[1]);
            kafka_role::write_configuration(&folder, &configuration)?;
            let format = kafka_role::format_arguments(&self.kafka_lib, &folder, &self.run);
            let formatting = self.spawn(&mut self.state(), "kafka-format", Role::Kafka, format)?;
            let exit = formatting.ended().await;
            if !exit.success {
                return Err(Error::target(format!(
                    "Kafka cannot format its storage ({}):\n{}",
                    exit.status,
                    self.log_tail("kafka-format", 5)
                )));
            }
            let arguments = kafka_role::server_arguments(&self.kafka_lib, &folder, self.needs.kafka_memory);
            let process = self.add("kafka-1", Role::Kafka, arguments)?;
            self.state().kafka_port = port;
            match self.ready(&process, Role::Kafka, port).await {
                Ok(()) => return Ok(()),
                Err(error) if attempt >= 2 || self.needs.kafka_port.is_some() => return Err(error),
                // The port was taken between finding it free and binding it.
                Err(error) => {
                    self.give_up(&process, error).await?;
                    fs::remove_dir_all(folder.join("log"))
                        .map_err(|error| Error::io("remove the folder of a broker", error))?;
                }
            }
        }
        Ok(())
    }

    async fn start_minio(&self, store: &ObjectStore) -> Result<()> {
        let folder = self.folder("minio-1")?;
        minio_role::make_bucket(&folder)?;
        minio_role::link_plugin(&self.work.join(PLUGINS), &store.plugin)?;
        for attempt in 1.. {
            let port = ports::free(1)?[0];
            let process = self.add("minio-1", Role::Minio, minio_role::server_arguments(&folder, port))?;
            self.state().minio_port = Some(port);
            match self.ready(&process, Role::Minio, port).await {
                Err(error) if attempt >= 2 => return Err(error),
                Err(error) => self.give_up(&process, error).await?,
                Ok(()) => break,
            }
        }
        Ok(())
    }

    async fn start_jobmanager(&self, is_again: bool) -> Result<()> {
        for attempt in 1.. {
            let free = ports::free(2)?;
            let fresh = || -> Result<Places> {
                Ok(Places {
                    conf: self.folder("conf")?,
                    work: self.folder("jobmanager-1")?,
                    checkpoints: self.work.clone(),
                    rest_port: self.needs.rest_port.unwrap_or(free[0]),
                    rpc_port: free[1],
                })
            };
            // One that starts again is found where it was.
            let places = self.state().places.clone().filter(|_| is_again).map_or_else(fresh, Ok)?;
            let mut configuration = flink_role::configuration(&self.needs, self.timing, &places);
            let settings = self.state().minio_port.map(minio_role::flink_settings);
            configuration.extend(settings.into_iter().flatten().map(|(key, value)| (key.to_owned(), value)));
            configuration.extend(self.state().settings.clone());
            flink_role::write_configuration(&places.conf, &self.needs.flink, &configuration)?;
            let resources = Resources::compute(&self.java, &self.flink_lib, &places.conf, Kind::JobManager)?;
            let taskmanager = Resources::compute(&self.java, &self.flink_lib, &places.conf, Kind::TaskManager)?;
            let arguments = flink_role::jobmanager_arguments(&self.flink_lib, &places, &resources);
            let rest_port = places.rest_port;
            {
                let mut state = self.state();
                state.places = Some(places);
                state.resources = HashMap::from([("jobmanager", resources), ("taskmanager", taskmanager)]);
            }
            let process = self.add("jobmanager-1", Role::JobManager, arguments)?;
            match self.ready(&process, Role::JobManager, rest_port).await {
                Ok(()) => return Ok(()),
                Err(error) if attempt >= 2 || self.needs.rest_port.is_some() || is_again => return Err(error),
                Err(error) => self.give_up(&process, error).await?,
            }
        }
        Ok(())
    }

    /// Ends an instance that did not come up, so that another can take its name and folder. Only one that ended by
    /// itself is worth another try: an interrupt, or a start that takes too long, is the error that it is.
    async fn give_up(&self, process: &Process, error: Error) -> Result<()> {
        if process.exit().is_none() {
            return Err(error);
        }
        process.ended().await;
        Ok(())
    }

    fn add(&self, name: &str, role: Role, mut arguments: Vec<String>) -> Result<Process> {
        let mut state = self.state();
        let incarnation = state.members.get(name).map_or(1, |member| member.incarnation + 1);
        if role != Role::Minio {
            arguments.insert(0, log_collections(&incarnation_name(name, incarnation)));
        }
        let process = self.spawn(&mut state, name, role, arguments)?;
        state.members.insert(name.to_owned(), Member { role, process: process.clone(), incarnation });
        Ok(process)
    }

    fn spawn(&self, state: &mut State, name: &str, role: Role, arguments: Vec<String>) -> Result<Process> {
        let program = match (&self.object_store, role) {
            (Some(store), Role::Minio) => &store.minio.program,
            _ => &self.java.program,
        };
        let process = self.spawner.spawn(Launch {
            name: name.to_owned(),
            program: program.clone(),
            arguments,
            environment: self.environment(role),
            without: self.object_store.as_ref().map(|_| minio_role::foreign_variables(&self.host)).unwrap_or_default(),
            directory: self.work.clone(),
            log: self.logs.join(format!("{name}.log")),
        })?;
        if let Some(leftovers) = &mut state.leftovers {
            leftovers.process(process.pid)?;
        }
        Ok(process)
    }

    fn environment(&self, role: Role) -> BTreeMap<String, String> {
        let keys = self.object_store.as_ref().map(|store| &store.keys);
        match role {
            Role::Kafka => BTreeMap::new(),
            Role::Minio => keys.map(Keys::for_minio).unwrap_or_default(),
            Role::JobManager | Role::TaskManager => {
                let mut environment = keys.map(Keys::for_flink).unwrap_or_default();
                // Set in any case: plugins of a user's own Flink are not this one's.
                environment.insert("FLINK_PLUGINS_DIR".into(), self.work.join(PLUGINS).display().to_string());
                environment
            }
        }
    }

    async fn ready(&self, process: &Process, role: Role, port: u16) -> Result<()> {
        let begin = Instant::now();
        loop {
            if let Some(exit) = process.exit() {
                let tail = self.log_tail(&process.name, 5);
                return Err(Error::target(format!("{} ended while starting ({}):\n{tail}", process.name, exit.status))
                    .hint(format!("its whole log is {}", self.logs.join(format!("{}.log", process.name)).display())));
            }
            if let Some(error) = self.host.signals.error() {
                return Err(error);
            }
            let answers = if role == Role::Minio { minio_role::is_live(port).await } else { ports::answers(port) };
            if answers {
                return Ok(());
            }
            if begin.elapsed() > READY_WITHIN {
                return Err(Error::target(format!(
                    "{} did not answer on port {port} within {} s",
                    process.name,
                    READY_WITHIN.as_secs()
                ))
                .hint(format!("its log is {}", self.logs.join(format!("{}.log", process.name)).display())));
            }
            self.host
                .progress
                .status("starting", &format!("{} ({:.0} s)", process.name, begin.elapsed().as_secs_f64()));
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Ends all instances whose role is chosen: SIGTERM to all, and SIGKILL to those that do not heed it.
    async fn end(&self, chosen: impl Fn(Role) -> bool) {
        let processes: Vec<Process> = self
            .state()
            .members
            .values()
            .filter(|member| chosen(member.role))
            .map(|member| member.process.clone())
            .collect();
        for process in &processes {
            let _ = process.signal(libc::SIGTERM);
        }
        let all = futures::future::join_all(processes.iter().map(Process::ended));
        if tokio::time::timeout(END_WITHIN, all).await.is_err() {
            for process in &processes {
                let _ = process.signal(libc::SIGKILL);
            }
            futures::future::join_all(processes.iter().map(Process::ended)).await;
        }
    }

    fn folder(&self, name: &str) -> Result<PathBuf> {
        let folder = self.work.join(name);
        fs::create_dir_all(&folder).map_err(|error| Error::io(format!("make {}", folder.display()), error))?;
        Ok(folder)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn registered_as(name: &str, member: &Member) -> Option<String> {
    (member.role == Role::TaskManager).then(|| incarnation_name(name, member.incarnation))
}

/// A restarted TaskManager has a name of its own, so that the list of TaskManagers shows when the dead one
/// left it and when the new one came.
fn incarnation_name(name: &str, incarnation: u32) -> String {
    if incarnation == 1 { name.to_owned() } else { format!("{name}.{incarnation}") }
}

fn gc_log(id: &str) -> String {
    format!("{id}.gc.log")
}

/// One line for each collection, flushed as it is written, so that a kill loses none. Flink's REST API tells as
/// much, but its answers stand still for seconds after a TaskManager was lost, and Kafka has no such API.
/// The path is relative to the folder in which processes start: the JVM gives `%` and `:` in it a meaning.
fn log_collections(id: &str) -> String {
    format!("-Xlog:gc:file=../logs/{}:utctime:filecount=0", gc_log(id))
}

fn unknown(name: &str, state: &State) -> Error {
    let known: Vec<&str> = state.members.keys().map(String::as_str).collect();
    Error::script(format!("there is no instance `{name}`")).hint(format!("there are: {}", known.join(", ")))
}

/// Flink's configuration ends a line at `#` and splits folders at `,`, `:` and `|`, and Java its class path at
/// `:`; none of them can be escaped.
fn check_path(path: &Path, signs: &[char], option: &str) -> Result<()> {
    let shown = path.display().to_string();
    match shown.chars().find(|letter| signs.contains(letter) || letter.is_control()) {
        None => Ok(()),
        Some(sign) => Err(Error::target(format!("{shown}: Flink cannot write to a path with {sign:?} in it"))
            .hint(format!("choose another folder with `{option}`"))),
    }
}

/// What the processes may take together must be there, or the kernel kills one in the middle of a trial.
fn check_memory(needs: &Needs) -> Result<()> {
    let minio = if needs.storage == Storage::Minio { MINIO_MEMORY } else { 0 };
    let wanted =
        needs.jobmanager_memory + needs.kafka_memory + minio + u64::from(needs.taskmanagers) * needs.taskmanager_memory;
    let Some(available) = available_memory() else { return Ok(()) };
    if wanted <= available {
        return Ok(());
    }
    let mib = |bytes: u64| bytes >> 20;
    Err(Error::target(format!(
        "the cluster may take {} MiB of memory ({} TaskManagers x {} MiB, JobManager {} MiB, Kafka {} MiB{}), but only {} MiB are available",
        mib(wanted),
        needs.taskmanagers,
        mib(needs.taskmanager_memory),
        mib(needs.jobmanager_memory),
        mib(needs.kafka_memory),
        if minio > 0 { format!(", MinIO {} MiB", mib(minio)) } else { String::new() },
        mib(available)
    ))
    .hint("end other programs, or ask for less: `cluster::needs(#{ taskmanager_memory: 1200.MiB })`"))
}

fn available_memory() -> Option<u64> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kib| kib << 10)
}
