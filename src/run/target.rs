//! What a run works on: a cluster, its brokers and JobManager, and what loads and measures them.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::Instant;

use crate::cluster::flink_role::Timing;
use crate::cluster::spawner::Spawner;
use crate::cluster::{Cluster, LocalCluster, Needs, Role};
use crate::error::{Error, Result};
use crate::flink::{Flink, JobManager};
use crate::host::Host;
use crate::kafka::{Brokers, Kafka};
use crate::runtime::Runtime;

use super::apparatus::{Apparatus, RealApparatus, Simulated};
use super::warm::Warming;

/// How long services and TaskManagers may take until they are ready.
const READY_WITHIN: Duration = Duration::from_secs(120);
/// How long one request to Flink may take; shorter than any phase that is to be told apart.
const REQUEST_WITHIN: Duration = Duration::from_secs(5);

/// Which target a run works on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TargetName {
    /// Processes of this machine.
    #[default]
    Local,
    /// A simulation on a virtual clock.
    Sim,
}

impl TargetName {
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Sim => "sim",
        }
    }

    /// What was typed after `--target`.
    pub fn parse(text: &str) -> Result<Self> {
        match text {
            "local" => Ok(Self::Local),
            "sim" => Ok(Self::Sim),
            file if file.ends_with(".toml") => {
                Err(Error::target(format!("{file}: clusters of several hosts are not built yet"))
                    .hint("take `--target local` or `--target sim`"))
            }
            other => {
                Err(Error::usage(format!("there is no target `{other}`"))
                    .hint("take `--target local` or `--target sim`"))
            }
        }
    }

    #[must_use]
    pub fn is_simulated(self) -> bool {
        self == Self::Sim
    }
}

pub struct Target {
    pub cluster: Arc<dyn Cluster>,
    pub kafka: Arc<dyn Brokers>,
    pub flink: Arc<dyn JobManager>,
    pub apparatus: Arc<dyn Apparatus>,
}

/// What a target is brought up with.
pub struct Wanted<'a> {
    pub needs: &'a Needs,
    pub timing: Timing,
    pub directory: &'a Path,
    /// The run's id.
    pub run: &'a str,
}

impl Target {
    /// Brings a Kafka and a Flink up on this machine; blocks, and is called from the script's thread.
    pub fn local(host: &Host, runtime: &Runtime, spawner: &Spawner, wanted: &Wanted<'_>) -> Result<Self> {
        let Wanted { needs, timing, directory, run } = wanted;
        let cluster = Arc::new(LocalCluster::prepare(host, spawner, (*needs).clone(), *timing, directory, run)?);
        let up = runtime.block_on(async {
            cluster.up().await?;
            let kafka = Kafka::new(&cluster.bootstrap())?;
            kafka.wait_ready(READY_WITHIN).await?;
            let warming = Warming::start(&kafka, run, host.clock).await?;
            Ok((kafka, Flink::new(&cluster.rest(), REQUEST_WITHIN)?, warming))
        });
        match up {
            Ok((kafka, flink, warming)) => Ok(Self {
                cluster: Arc::clone(&cluster) as _,
                kafka: Arc::new(kafka.clone()),
                flink: Arc::new(flink.clone()),
                apparatus: Arc::new(RealApparatus {
                    host: host.clone(),
                    spawner: spawner.clone(),
                    cluster,
                    kafka,
                    flink,
                    warming,
                    jars: Mutex::default(),
                }),
            }),
            Err(error) => {
                // The reason why it did not come up matters more than what the way down has to say.
                let _ = runtime.block_on(cluster.down());
                Err(error)
            }
        }
    }

    /// A simulated cluster, up at once.
    #[must_use]
    pub fn simulated(host: &Host, runtime: &Runtime, wanted: &Wanted<'_>) -> Self {
        let world = Simulated::new(runtime, host.clock, wanted.needs, wanted.timing);
        Self {
            cluster: Arc::new(world.clone()),
            kafka: Arc::new(world.clone()),
            flink: Arc::new(world.clone()),
            apparatus: Arc::new(world),
        }
    }

    /// "local: Flink 1.19.3, Kafka 3.9.1, 2 TaskManagers"
    #[must_use]
    pub fn describe(name: TargetName, needs: &Needs) -> String {
        let taskmanagers = if needs.taskmanagers == 1 { "TaskManager" } else { "TaskManagers" };
        format!("{}: Flink {}, Kafka {}, {} {taskmanagers}", name.name(), needs.flink, needs.kafka, needs.taskmanagers)
    }

    /// Starts all TaskManagers anew and waits until Flink counts their slots; all of them free, where a job of ours
    /// could not be ended and would disturb the next one.
    pub async fn fresh_taskmanagers(&self, host: &Host, must_be_free: bool) -> Result<()> {
        self.cluster.fresh_taskmanagers().await?;
        let needs = self.cluster.needs();
        let slots = needs.taskmanagers * needs.slots;
        let begin = Instant::now();
        loop {
            let registered = self.flink.overview().await.ok();
            // A job that nobody but its owner may end takes its slots again at once.
            let ready = registered.as_ref().is_some_and(|overview| {
                let all_there = overview.taskmanagers == needs.taskmanagers && overview.slots_total == slots;
                all_there && (overview.slots_available == slots || (overview.jobs_running > 0 && !must_be_free))
            });
            if ready {
                return Ok(());
            }
            if let Some((name, exit)) = self.cluster.lost(&[]) {
                return Err(Error::target(format!("{name} ended by itself ({})", exit.status))
                    .hint(format!("its last lines:\n{}", self.cluster.log_tail(&name, 5))));
            }
            if begin.elapsed() > READY_WITHIN {
                return Err(Error::target(format!(
                    "the TaskManagers did not register within {} s",
                    READY_WITHIN.as_secs()
                ))
                .hint("look into logs/ of the run directory"));
            }
            let seen = registered.map_or(0, |overview| overview.taskmanagers);
            host.progress.status("starting", &format!("TaskManagers ({seen} of {} registered)", needs.taskmanagers));
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// What Flink says it runs with.
    pub async fn configuration(&self) -> Result<BTreeMap<String, serde_json::Value>> {
        let begin = Instant::now();
        loop {
            match self.flink.configuration().await {
                Ok(flink) => return Ok(flink.into_iter().map(|(key, value)| (key, value.into())).collect()),
                Err(error) if begin.elapsed() > READY_WITHIN => {
                    return Err(error.context("the configuration in force cannot be read back"));
                }
                // The port answers a moment before the handlers do.
                Err(_) => tokio::time::sleep(Duration::from_millis(200)).await,
            }
        }
    }

    /// What each registered TaskManager says it has: its slots, and how its memory is divided.
    pub async fn taskmanagers(&self) -> Result<BTreeMap<String, serde_json::Value>> {
        let registered = self.flink.taskmanagers().await?;
        let told = |taskmanager: crate::flink::TaskManager| {
            let facts =
                serde_json::json!({ "slots": taskmanager.slots, "memory_bytes": taskmanager.memory_configuration });
            (taskmanager.id, facts)
        };
        Ok(registered.into_iter().map(told).collect())
    }

    /// A broker, MinIO or JobManager that has ended: nothing can be asked of this target any more.
    #[must_use]
    pub fn lost_service(&self) -> Option<String> {
        let mut services = self.cluster.instances().into_iter().filter(|instance| instance.role != Role::TaskManager);
        services.find(|instance| !instance.alive).map(|instance| instance.name)
    }
}
