//! `evidence/HOST/`: what shows that a run was made on a real cluster, for those who must believe it.
//!
//! Written once, as soon as the first job runs, and for every further job what belongs to it. Flink's answers are
//! kept as it gave them, but for paths of this machine. A step that fails is a warning: the figures do not rest
//! on any of it.

use std::fs;
use std::path::Path;
use std::time::UNIX_EPOCH;

use super::job::Origin;
use super::{Job, Run, hide};
use crate::cluster::local::HOST;
use crate::cluster::{Cluster, LocalCluster, Role, RunningProcess};
use crate::error::{Error, Result};
use crate::flink::Flink;
use crate::record::{Observation, Recorder};

/// Keeps what there is to keep about the cluster and a job that runs on it; warns of what cannot be had.
pub(super) fn keep(run: &Run, cluster: &LocalCluster, flink: &Flink, job: &Job, jar: Option<&Path>) {
    let (first, first_of_job) = {
        let mut state = run.state();
        let first = state.evidence.is_empty();
        (first, state.evidence.insert(job.name.clone()))
    };
    let mut missing = Vec::new();
    if first {
        missing.extend(of_cluster(run, cluster, flink));
    }
    if first_of_job {
        missing.extend(of_job(run, flink, job, jar));
    }
    for (name, error) in missing {
        let text = format!("evidence/{HOST}/{name} is not kept: {}", run.told(&error));
        run.host.progress.warning(&text);
        // A journal that cannot be written ends the trial soon enough, by those who depend on it.
        let _ = run.journal.record(Observation::Warning { text });
    }
}

/// How the line begins in which Maven tells its version.
const MAVEN: &str = "Apache Maven";

type Missing = Vec<(String, Error)>;

fn of_cluster(run: &Run, cluster: &LocalCluster, flink: &Flink) -> Missing {
    let steps = [
        ("user_and_host.txt".to_owned(), Ok(user_and_host(run))),
        ("versions.txt".to_owned(), Ok(versions(cluster))),
        ("processes.txt".to_owned(), processes(&cluster.processes())),
        ("flink_overview.json".to_owned(), answer(run, flink, "/overview")),
        ("taskmanagers.json".to_owned(), answer(run, flink, "/taskmanagers")),
    ];
    write_all(run, steps)
}

/// Of a jar of the user's own there is no build to tell of, of a job that ran already not even a jar.
fn of_job(run: &Run, flink: &Flink, job: &Job, jar: Option<&Path>) -> Missing {
    // The name of a job that ran already is whatever its owner called it.
    let sign = |sign: char| if sign.is_alphanumeric() || "-_.".contains(sign) { sign } else { '-' };
    let folder: String = job.name.chars().map(sign).collect();
    let name = |file: &str| format!("jobs/{folder}/{file}");
    let mut steps = vec![
        (name("job.json"), answer(run, flink, &format!("/jobs/{}", job.id))),
        (name("plan.json"), answer(run, flink, &format!("/jobs/{}/plan", job.id))),
    ];
    match (jar, job.origin) {
        (Some(jar), Origin::Described) => {
            steps.extend([(name("build.txt"), build(run, jar)), (name("build.log"), read(&build_log(jar)))]);
        }
        (Some(jar), _) => steps.push((name("jar.txt"), told_of(jar))),
        (None, _) => {}
    }
    write_all(run, steps)
}

fn told_of(jar: &Path) -> Result<String> {
    Ok(format!("jar: {}\nsha256: {}\n", jar.display(), super::directory::checksum(jar)?))
}

fn write_all(run: &Run, steps: impl IntoIterator<Item = (String, Result<String>)>) -> Missing {
    let write = |(name, text): (String, Result<String>)| {
        let written = text.and_then(|text| {
            let text = text.replace(&run.directory.path().display().to_string(), "$RUN");
            let text = run.host.secrets.mask(&text);
            run.directory.write(&format!("evidence/{HOST}/{name}"), hide::home(&run.host, &text).as_bytes())
        });
        written.err().map(|error| (name, error))
    };
    steps.into_iter().filter_map(write).collect()
}

fn user_and_host(run: &Run) -> String {
    let state = run.state();
    let manifest = &state.manifest;
    let mut text = format!("user: {}\nhost: {}\n", manifest.user, manifest.host_name);
    for facts in manifest.hosts.iter().filter(|facts| facts.name == HOST) {
        text.push_str(&format!(
            "os: {}\nkernel: {}\ncpu: {} x {}\nmemory_bytes: {}\n",
            facts.os, facts.kernel, facts.cpus, facts.cpu, facts.memory_bytes
        ));
    }
    text
}

fn versions(cluster: &LocalCluster) -> String {
    cluster.versions().iter().map(|(name, version)| format!("{name}: {version}\n")).collect()
}

fn processes(processes: &[RunningProcess]) -> Result<String> {
    let mut text = format!("role: cprun\npid: {}\ncommand: {}\n", std::process::id(), command(std::process::id())?);
    for role in Role::ALL {
        for process in processes.iter().filter(|process| process.role == role) {
            let RunningProcess { instance, incarnation, pid, started_epoch_ms, .. } = process;
            text.push_str(&format!(
                "\nrole: {role}\ninstance: {instance} (incarnation {incarnation})\npid: {pid}\nstarted: {}\ncommand: {}\n",
                time(*started_epoch_ms as i64),
                command(*pid)?
            ));
        }
    }
    Ok(text)
}

fn command(pid: u32) -> Result<String> {
    let words = read(Path::new(&format!("/proc/{pid}/cmdline")))?;
    let words = words.split_terminator('\0').map(str::to_owned);
    Ok(hide::secrets(words).join(" "))
}

fn answer(run: &Run, flink: &Flink, path: &str) -> Result<String> {
    let answer = run.wait(flink.answer(path))?;
    let text = serde_json::to_string_pretty(&answer);
    text.map(|text| text + "\n").map_err(|error| Error::defect(format!("cannot write Flink's answer: {error}")))
}

/// Where Maven's output lies, beside the jar that came of it.
fn build_log(jar: &Path) -> std::path::PathBuf {
    jar.with_file_name("build.log")
}

fn build(run: &Run, jar: &Path) -> Result<String> {
    let cannot = |error| Error::io(format!("read {}", jar.display()), error);
    let built = fs::metadata(jar).and_then(|data| data.modified()).map_err(cannot)?;
    let built_ms = built.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    let built = time(i64::try_from(built_ms).unwrap_or(i64::MAX));
    let started = run.state().manifest.started.clone();
    // Both are written alike, so they compare as text; to the second, which no build keeps within.
    let origin = if built < started { "taken from the cache" } else { "built by this run" };
    let maven = read(&build_log(jar)).unwrap_or_default();
    // Signs for colours stand before it.
    let maven = maven.lines().find_map(|line| Some(&line[line.find(MAVEN)?..])).unwrap_or("not told by its log");
    Ok(format!(
        "jar: {}\nsha256: {}\nbuilt: {built}\nmaven: {maven}\nrun began: {started}\norigin: {origin}\n",
        jar.display(),
        super::directory::checksum(jar)?
    ))
}

fn read(path: &Path) -> Result<String> {
    let bytes = fs::read(path).map_err(|error| Error::io(format!("read {}", path.display()), error))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// `2026-11-21T10:00:00Z`
fn time(epoch_ms: i64) -> String {
    jiff::Timestamp::from_second(epoch_ms.div_euclid(1000)).map_or_else(|_| "unknown".into(), |time| time.to_string())
}
