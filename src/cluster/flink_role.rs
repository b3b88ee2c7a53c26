//! JobManager and TaskManager: their configuration and their commands.
//!
//! The memory arithmetic is Flink's own: `BashJavaUtils`, which its start scripts call too, turns the
//! configuration into JVM flags.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::{Error, Result};

use super::Needs;
use super::provision::Java;

/// What decides how long a recovery takes; most of R is this and not the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    pub restart_delay_ms: u64,
    pub heartbeat_interval_ms: u64,
    pub heartbeat_timeout_ms: u64,
    pub min_pause_ms: u64,
}

impl Timing {
    /// As the studies ran.
    pub const PAPER: Self = Self {
        restart_delay_ms: 10_000,
        heartbeat_interval_ms: 10_000,
        heartbeat_timeout_ms: 50_000,
        min_pause_ms: 500,
    };
    /// Compressed in time, for the profile `quick`.
    pub const QUICK: Self =
        Self { restart_delay_ms: 1_000, heartbeat_interval_ms: 1_000, heartbeat_timeout_ms: 5_000, min_pause_ms: 0 };
}

impl fmt::Display for Timing {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = |millis: u64| millis as f64 / 1e3;
        write!(
            formatter,
            "restart delay {} s, heartbeat {} s / {} s, pause between checkpoints {} s",
            seconds(self.restart_delay_ms),
            seconds(self.heartbeat_interval_ms),
            seconds(self.heartbeat_timeout_ms),
            seconds(self.min_pause_ms)
        )
    }
}

/// Where one local Flink lives.
#[derive(Clone, Debug)]
pub struct Places {
    pub conf: PathBuf,
    /// Everything that Flink writes while it runs.
    pub work: PathBuf,
    pub checkpoints: PathBuf,
    pub rest_port: u16,
    pub rpc_port: u16,
}

/// The sampling step in milliseconds that `metrics.fetcher.update-interval` is set to.
pub const SAMPLING_STEP_MS: u64 = 250;

/// The whole configuration. Durations are plain milliseconds where Flink up to 1.19 wants a number.
#[must_use]
pub fn configuration(needs: &Needs, timing: Timing, places: &Places) -> BTreeMap<String, String> {
    let path = |name: &str| places.work.join(name).display().to_string();
    let entries: [(&str, String); 41] = [
        ("jobmanager.rpc.address", "127.0.0.1".into()),
        ("jobmanager.rpc.port", places.rpc_port.to_string()),
        ("jobmanager.bind-host", "127.0.0.1".into()),
        ("taskmanager.host", "127.0.0.1".into()),
        ("taskmanager.bind-host", "127.0.0.1".into()),
        ("rest.address", "127.0.0.1".into()),
        ("rest.bind-address", "127.0.0.1".into()),
        ("rest.port", places.rest_port.to_string()),
        ("jobmanager.memory.process.size", format!("{}b", needs.jobmanager_memory)),
        ("taskmanager.memory.process.size", format!("{}b", needs.taskmanager_memory)),
        ("taskmanager.numberOfTaskSlots", needs.slots.to_string()),
        // Else all slots of a small job lie on one TaskManager, and a kill hits everything or nothing.
        ("cluster.evenly-spread-out-slots", "true".into()),
        ("io.tmp.dirs", path("tmp")),
        ("blob.storage.directory", path("blobs")),
        ("web.tmpdir", path("web")),
        ("web.upload.dir", path("upload")),
        ("state.backend.type", "rocksdb".into()),
        ("state.backend.incremental", "true".into()),
        ("state.checkpoints.dir", format!("file://{}", places.checkpoints.join("checkpoints").display())),
        ("state.savepoints.dir", format!("file://{}", places.checkpoints.join("savepoints").display())),
        ("execution.checkpointing.mode", "EXACTLY_ONCE".into()),
        ("execution.checkpointing.timeout", "10 min".into()),
        ("execution.checkpointing.min-pause", format!("{} ms", timing.min_pause_ms)),
        ("restart-strategy.type", "fixed-delay".into()),
        ("restart-strategy.fixed-delay.attempts", i32::MAX.to_string()),
        ("restart-strategy.fixed-delay.delay", format!("{} ms", timing.restart_delay_ms)),
        ("heartbeat.interval", timing.heartbeat_interval_ms.to_string()),
        ("heartbeat.timeout", timing.heartbeat_timeout_ms.to_string()),
        ("heartbeat.rpc-failure-threshold", "2".into()),
        ("pipeline.auto-watermark-interval", "20 ms".into()),
        ("metrics.fetcher.update-interval", SAMPLING_STEP_MS.to_string()),
        ("web.refresh-interval", "200".into()),
        // A metric query that is lost with a killed TaskManager holds up all later ones for this long.
        ("web.timeout", "2000".into()),
        // Looking up a dead TaskManager takes this long; at the default of 10 s metrics stood still as long.
        (if needs.flink.starts_with("1.18") { "akka.ask.timeout" } else { "pekko.ask.timeout" }, "3 s".into()),
        ("web.checkpoints.history", "10000".into()),
        ("web.exception-history-size", "1000".into()),
        ("jobmanager.execution.attempts-history-size", "1000".into()),
        ("rest.cache.checkpoint-statistics.timeout", "200".into()),
        ("web.submit.enable", "true".into()),
        ("parallelism.default", "1".into()),
        ("classloader.check-leaked-classloader", "false".into()),
    ];
    entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

/// Beginnings of keys that Flink reads when JobManager and TaskManagers start, and no more when a job is submitted.
const READ_AT_START: [&str; 14] = [
    "akka.",
    "blob.",
    "cluster.",
    "heartbeat.",
    "jobmanager.",
    "metrics.",
    "pekko.",
    "resourcemanager.",
    "rest.",
    "slot.",
    "slotmanager.",
    "task.cancellation.",
    "taskmanager.",
    "web.",
];
/// Keys of the same kind whose names do not tell: up to 1.19 a TaskManager keeps local state for all jobs or for none.
const READ_AT_START_TOO: [&str; 2] = ["state.backend.local-recovery", "execution.state-recovery.from-local"];
/// What cprun itself decides, for it must find its processes and their files again; and where to say it instead.
const OWN: [(&str, &str); 15] = [
    ("blob.storage.directory", ""),
    ("jobmanager.bind-host", ""),
    ("jobmanager.memory.process.size", "`cluster::needs(#{ jobmanager_memory: 1.GiB })`"),
    ("jobmanager.rpc.address", ""),
    ("jobmanager.rpc.port", ""),
    ("rest.address", ""),
    ("rest.bind-address", ""),
    ("rest.port", "`cluster::needs(#{ rest_port: 8081 })`"),
    ("taskmanager.bind-host", ""),
    ("taskmanager.host", ""),
    ("taskmanager.memory.process.size", "`cluster::needs(#{ taskmanager_memory: 1728.MiB })`"),
    ("taskmanager.numberOfTaskSlots", "`cluster::needs(#{ slots: 2 })`, or vary the job's `parallelism`"),
    ("taskmanager.resource-id", ""),
    ("web.tmpdir", ""),
    ("web.upload.dir", ""),
];

/// Whether a setting does nothing unless JobManager and TaskManagers start with it.
#[must_use]
pub fn is_read_at_start(key: &str) -> bool {
    READ_AT_START.iter().any(|beginning| key.starts_with(beginning)) || READ_AT_START_TOO.contains(&key)
}

/// Fails where a job's settings hold something that is cprun's own.
pub fn check_settings<'a>(keys: impl IntoIterator<Item = &'a String>) -> Result<()> {
    let mut keys = keys.into_iter();
    match keys.find_map(|key| OWN.iter().find(|(own, _)| own == key)) {
        None => Ok(()),
        Some((key, instead)) => {
            let error = Error::script(format!("`{key}` cannot be set for a job: cprun decides it for the target"));
            Err(if instead.is_empty() {
                error.hint(format!("leave out `{key}`"))
            } else {
                error.hint(format!("write {instead}"))
            })
        }
    }
}

/// Writes the configuration where this version of Flink looks for it, and the logging that goes to stdout.
pub fn write_configuration(conf: &Path, flink: &str, configuration: &BTreeMap<String, String>) -> Result<()> {
    // 1.18 knows only flink-conf.yaml, 2.x only config.yaml; 1.19 and 1.20 read either. Flat keys are fine in both.
    let name = if flink.starts_with("1.") { "flink-conf.yaml" } else { "config.yaml" };
    let text: String = configuration.iter().map(|(key, value)| format!("{key}: {value}\n")).collect();
    for (name, text) in [(name, text.as_str()), ("log4j.properties", LOGGING)] {
        let path = conf.join(name);
        fs::write(&path, text).map_err(|error| Error::io(format!("write {}", path.display()), error))?;
    }
    Ok(())
}

/// The alignment of watermarks would write a line each time, which is ten a second.
const LOGGING: &str = "\
monitorInterval = 0
rootLogger.level = INFO
rootLogger.appenderRef.console.ref = console
logger.alignment.name = org.apache.flink.runtime.source.coordinator.SourceCoordinator
logger.alignment.level = WARN
appender.console.name = console
appender.console.type = Console
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d{yyyy-MM-dd'T'HH:mm:ss.SSS} %-5p %-60c %x - %m%n
";

/// JVM flags and `-D` arguments, as Flink computes them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resources {
    pub jvm: Vec<String>,
    pub arguments: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    JobManager,
    TaskManager,
}

impl Resources {
    /// Asks `BashJavaUtils` of the Flink in `lib` about the configuration in `conf`.
    pub fn compute(java: &Java, lib: &Path, conf: &Path, kind: Kind) -> Result<Self> {
        let command = match kind {
            Kind::JobManager => "GET_JM_RESOURCE_PARAMS",
            Kind::TaskManager => "GET_TM_RESOURCE_PARAMS",
        };
        let output = Command::new(&java.program)
            .args([
                "-XX:-UsePerfData",
                &format!("-Dlog4j.configurationFile=file:{}", conf.join("log4j.properties").display()),
                "-cp",
            ])
            .arg(format!("{}/*", lib.display()))
            .args(["org.apache.flink.runtime.util.bash.BashJavaUtils", command, "--configDir"])
            .arg(conf)
            .output()
            .map_err(|error| Error::target(format!("cannot run {}: {error}", java.program.display())))?;
        let text = String::from_utf8_lossy(&output.stdout);
        let mut results = text.lines().filter_map(|line| line.strip_prefix("BASH_JAVA_UTILS_EXEC_RESULT:"));
        match (output.status.success(), results.next(), results.next()) {
            (true, Some(jvm), Some(arguments)) => Ok(Self { jvm: words(jvm), arguments: words(arguments) }),
            _ => Err(refused(&text, &String::from_utf8_lossy(&output.stderr))),
        }
    }
}

fn words(line: &str) -> Vec<String> {
    line.split_whitespace().map(str::to_owned).collect()
}

fn refused(stdout: &str, stderr: &str) -> Error {
    let reason = stdout
        .lines()
        .chain(stderr.lines())
        .find(|line| line.contains("Exception"))
        .unwrap_or("no reason given")
        .trim();
    Error::target(format!("Flink does not accept its configuration: {reason}"))
        .hint("look at the memory sizes in `cluster::needs`")
}

/// The packages that Flink opens on Java 17, as its shipped configuration does.
const OPENS: [&str; 12] = [
    "java.lang",
    "java.net",
    "java.io",
    "java.nio",
    "sun.nio.ch",
    "java.lang.reflect",
    "java.text",
    "java.time",
    "java.util",
    "java.util.concurrent",
    "java.util.concurrent.atomic",
    "java.util.concurrent.locks",
];

#[must_use]
pub fn jobmanager_arguments(lib: &Path, places: &Places, resources: &Resources) -> Vec<String> {
    let mut arguments = jvm(lib, &places.conf, &places.work, resources);
    arguments.push("org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint".into());
    arguments.extend(["--configDir".into(), places.conf.display().to_string()]);
    arguments.extend(resources.arguments.iter().cloned());
    arguments
}

/// `tmp` is this incarnation's own, so that a restarted TaskManager finds nothing of the killed one.
#[must_use]
pub fn taskmanager_arguments(lib: &Path, places: &Places, resources: &Resources, id: &str, tmp: &Path) -> Vec<String> {
    let mut arguments = jvm(lib, &places.conf, tmp, resources);
    arguments.push("org.apache.flink.runtime.taskexecutor.TaskManagerRunner".into());
    arguments.extend(["--configDir".into(), places.conf.display().to_string()]);
    arguments.extend(resources.arguments.iter().cloned());
    for (key, value) in [("taskmanager.resource-id", id.to_owned()), ("io.tmp.dirs", tmp.display().to_string())] {
        arguments.extend(["-D".to_owned(), format!("{key}={value}")]);
    }
    arguments
}

fn jvm(lib: &Path, conf: &Path, tmp: &Path, resources: &Resources) -> Vec<String> {
    let mut arguments: Vec<String> =
        OPENS.iter().map(|package| format!("--add-opens=java.base/{package}=ALL-UNNAMED")).collect();
    arguments.extend(resources.jvm.iter().cloned());
    arguments.extend([
        "-XX:-UsePerfData".into(),
        format!("-Djava.io.tmpdir={}", tmp.display()),
        format!("-Dlog4j.configurationFile=file:{}", conf.join("log4j.properties").display()),
        "-cp".into(),
        format!("{}/*", lib.display()),
    ]);
    arguments
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(timing: Timing) -> BTreeMap<String, String> {
        let places = Places {
            conf: "/run/work/conf".into(),
            work: "/run/work/jobmanager-1".into(),
            checkpoints: "/run/work".into(),
            rest_port: 1,
            rpc_port: 2,
        };
        configuration(&Needs::default(), timing, &places)
    }

    #[test]
    fn what_flink_reads_at_its_start_is_told_apart() {
        let keys = [
            "heartbeat.timeout",
            "state.backend.local-recovery",
            "taskmanager.network.memory.max",
            "pekko.ask.timeout",
        ];
        assert!(keys.into_iter().all(is_read_at_start));
        // Of the defaults these are the job's own.
        let settings = settings(Timing::PAPER);
        let of_jobs: Vec<&str> = settings.keys().map(String::as_str).filter(|key| !is_read_at_start(key)).collect();
        for key in ["restart-strategy.fixed-delay.delay", "execution.checkpointing.min-pause", "state.backend.type"] {
            assert!(of_jobs.contains(&key), "{key}");
        }
    }

    #[test]
    fn what_is_cpruns_own_is_refused_with_where_to_say_it() {
        let refused = |key: &str| check_settings([&key.to_owned()]).expect_err(key).to_string();
        assert!(refused("rest.port").contains("`rest.port` cannot be set for a job"));
        assert!(OWN.iter().all(|(key, _)| is_read_at_start(key)));
        check_settings([&"heartbeat.interval".to_owned()]).expect("allowed");
    }

    #[test]
    fn what_r_depends_on_is_pinned_as_the_study_ran_and_compressed_for_quick() {
        let expected = [
            ("restart-strategy.fixed-delay.delay", "10000 ms", "1000 ms"),
            ("heartbeat.interval", "10000", "1000"),
            ("heartbeat.timeout", "50000", "5000"),
            ("execution.checkpointing.min-pause", "500 ms", "0 ms"),
            ("restart-strategy.type", "fixed-delay", "fixed-delay"),
            ("restart-strategy.fixed-delay.attempts", "2147483647", "2147483647"),
            ("execution.checkpointing.timeout", "10 min", "10 min"),
            ("taskmanager.numberOfTaskSlots", "2", "2"),
            ("state.backend.type", "rocksdb", "rocksdb"),
            ("state.backend.incremental", "true", "true"),
        ];
        let (paper, quick) = (settings(Timing::PAPER), settings(Timing::QUICK));
        for (key, of_paper, of_quick) in expected {
            assert_eq!((paper[key].as_str(), quick[key].as_str()), (of_paper, of_quick), "{key}");
        }
        assert_eq!(paper["state.checkpoints.dir"], "file:///run/work/checkpoints");
    }
}
