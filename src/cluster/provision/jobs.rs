//! The Flink jobs: found beside the script or within cprun itself, and built once for each Flink version.
//!
//! The key is a hash of the sources and of the Flink version, so a job that a user edits is built anew and
//! a job that nobody touched never is.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::entry::entry;
use super::maven::Maven;
use crate::error::{Error, Result};

/// The sources of one job and of the probe, by their path below `jobs/`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobSources {
    pub name: String,
    files: BTreeMap<String, Vec<u8>>,
}

/// The folder that every job may take its probe from.
const PROBE: &str = "probe";

/// The connector for Kafka that fits a minor version of Flink.
const CONNECTORS: [(&str, &str); 3] = [("1.18", "3.0.2-1.18"), ("1.19", "3.3.0-1.19"), ("1.20", "3.4.0-1.20")];

impl JobSources {
    #[must_use]
    pub fn file(&self, name: &str) -> Option<&[u8]> {
        self.files.get(&format!("{}/{name}", self.name)).map(Vec::as_slice)
    }

    fn hash(&self, flink: &str) -> String {
        let mut hash = Sha256::new();
        hash.update(flink.as_bytes());
        // What an entry is made of: one that holds its jar under another name is none.
        hash.update(JAR.as_bytes());
        for (path, content) in &self.files {
            hash.update((path.len() as u64).to_le_bytes());
            hash.update(path.as_bytes());
            hash.update((content.len() as u64).to_le_bytes());
            hash.update(content);
        }
        hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
    }
}

/// Looks for `jobs/NAME` in `folders`, the first that has it, then among the embedded ones.
pub fn find_job(name: &str, folders: &[PathBuf], embedded: &[(&str, &[u8])]) -> Result<JobSources> {
    let within = |path: &str| {
        [name, PROBE].iter().any(|folder| path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/')))
    };
    let mut files: BTreeMap<String, Vec<u8>> = embedded
        .iter()
        .filter_map(|(path, content)| path.strip_prefix("jobs/").map(|path| (path, content)))
        .filter(|(path, _)| within(path))
        .map(|(path, content)| (path.to_owned(), content.to_vec()))
        .collect();
    for folder in folders {
        let jobs = folder.join("jobs");
        if !jobs.join(name).join("job.toml").is_file() {
            continue;
        }
        files.retain(|path, _| !path.starts_with(&format!("{name}/")));
        read_tree(&jobs.join(name), name, &mut files)?;
        if jobs.join(PROBE).is_dir() {
            files.retain(|path, _| !path.starts_with(&format!("{PROBE}/")));
            read_tree(&jobs.join(PROBE), PROBE, &mut files)?;
        }
        break;
    }
    if files.contains_key(&format!("{name}/job.toml")) {
        return Ok(JobSources { name: name.to_owned(), files });
    }
    let known = known_jobs(folders, embedded);
    let nearest = known.iter().max_by(|a, b| strsim::jaro_winkler(name, a).total_cmp(&strsim::jaro_winkler(name, b)));
    let hint = match nearest {
        Some(near) if strsim::jaro_winkler(name, near) > 0.75 => format!("did you mean `{near}`?"),
        _ => format!("there are: {}; a job is a folder under jobs/ with a job.toml", known.join(", ")),
    };
    Err(Error::script(format!("there is no job `{name}`")).hint(hint))
}

fn known_jobs(folders: &[PathBuf], embedded: &[(&str, &[u8])]) -> Vec<String> {
    let inside = embedded
        .iter()
        .filter_map(|(path, _)| path.strip_prefix("jobs/")?.strip_suffix("/job.toml").map(str::to_owned));
    let beside = folders.iter().filter_map(|folder| fs::read_dir(folder.join("jobs")).ok()).flatten().flatten();
    let beside = beside
        .filter(|entry| entry.path().join("job.toml").is_file())
        .filter_map(|entry| entry.file_name().into_string().ok());
    let mut names: Vec<String> = inside.chain(beside).collect();
    names.sort();
    names.dedup();
    names
}

fn read_tree(folder: &Path, prefix: &str, files: &mut BTreeMap<String, Vec<u8>>) -> Result<()> {
    let cannot = |error| Error::io(format!("read {}", folder.display()), error);
    for entry in fs::read_dir(folder).map_err(cannot)? {
        let entry = entry.map_err(cannot)?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        let path = format!("{prefix}/{name}");
        if entry.path().is_dir() {
            // Maven's output, where someone built the job by hand.
            if name != "target" {
                read_tree(&entry.path(), &path, files)?;
            }
        } else {
            files.insert(path, fs::read(entry.path()).map_err(cannot)?);
        }
    }
    Ok(())
}

/// Builds the job, unless the cache holds it, and returns its jar; `built` is where Maven leaves it, below the
/// job's folder. The log of the build is kept beside it.
pub fn build_job(maven: &Maven<'_>, cache: &Path, sources: &JobSources, built: &str, flink: &str) -> Result<PathBuf> {
    let connector = connector(flink)?;
    let progress = &maven.host.progress;
    let name = format!("{}-flink-{flink}-{}", sources.name, sources.hash(flink));
    entry(cache, "jobs", &name, progress, |folder| {
        let java = super::Java::find(maven.host)?;
        if !java.compiles {
            return Err(Error::target(format!(
                "{} has no compiler beside it, and the job {} must be built",
                java.program.display(),
                sources.name
            ))
            .hint("install a JDK, not only a JRE: `sudo apt install openjdk-17-jdk-headless`"));
        }
        for (path, content) in &sources.files {
            let path = folder.join("sources").join(path);
            let parent = path.parent().unwrap_or(folder);
            fs::create_dir_all(parent)
                .and_then(|()| fs::write(&path, content))
                .map_err(|error| Error::io(format!("write {}", path.display()), error))?;
        }
        let project = folder.join("sources").join(&sources.name);
        let arguments = [
            "package".to_owned(),
            "-DskipTests".to_owned(),
            format!("-Dflink.version={flink}"),
            format!("-Dkafka.connector.version={connector}"),
        ];
        maven.run(&format!("job {}", sources.name), &project, &arguments, |elapsed| {
            progress.status(
                &format!("building job {} with Maven", sources.name),
                &format!("{:.0} s", elapsed.as_secs_f64()),
            );
        })?;
        fs::rename(project.join(built), folder.join(JAR))
            .and_then(|()| fs::rename(project.join("maven.log"), folder.join("build.log")))
            .map_err(|error| {
                Error::io(format!("keep {built}, which the build of job {} should leave", sources.name), error)
            })?;
        fs::remove_dir_all(folder.join("sources")).map_err(|error| Error::io("remove the folder of a build", error))?;
        progress.line(&format!("job {}: built for Flink {flink}", sources.name));
        Ok(())
    })
    .map(|folder| folder.join(JAR))
}

const JAR: &str = "job.jar";

fn connector(flink: &str) -> Result<&'static str> {
    let found = CONNECTORS
        .iter()
        .find(|(minor, _)| flink.strip_prefix(minor).is_some_and(|rest| rest.is_empty() || rest.starts_with('.')));
    found.map(|(_, connector)| *connector).ok_or_else(|| {
        let known: Vec<&str> = CONNECTORS.iter().map(|(minor, _)| *minor).collect();
        Error::target(format!("cprun's own jobs are not built for Flink {flink}"))
            .hint(format!("take one of Flink {}", known.join(", ")))
    })
}
