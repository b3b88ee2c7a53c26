//! A job on its way into Flink: found, its arguments checked, built, uploaded, submitted.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::cluster::provision::{JobSources, Maven, build_job, find_job};
use crate::cluster::spawner::Spawner;
use crate::error::{Error, Result};
use crate::flink::{Given, JobSpec};
use crate::host::Host;

/// What a script asks of `flink::submit`.
#[derive(Clone, Debug, PartialEq)]
pub struct Submission {
    pub job: String,
    /// The checkpoint interval T, in seconds; without one the job takes none.
    pub interval_s: Option<f64>,
    pub parallelism: Option<u32>,
    pub args: BTreeMap<String, Given>,
    /// Settings of Flink for this job alone.
    pub config: BTreeMap<String, String>,
    /// Positions of the key fields in the one data set that the script opened.
    pub columns: Option<String>,
}

/// A submitted job, as a script holds it.
#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    pub id: String,
    pub name: String,
    pub parallelism: u32,
    pub interval_s: Option<f64>,
    /// The arguments in force, by their names in job.toml.
    pub arguments: BTreeMap<String, String>,
    pub results_topic: Option<String>,
}

impl Job {
    /// What a rehearsal hands out: nothing runs behind it.
    #[must_use]
    pub fn rehearsed(name: &str, interval_s: Option<f64>, arguments: BTreeMap<String, String>) -> Self {
        Self { id: String::new(), name: name.to_owned(), parallelism: 0, interval_s, arguments, results_topic: None }
    }

    /// An argument in whole milliseconds.
    pub fn millis(&self, argument: &str) -> Option<i64> {
        self.arguments.get(argument)?.parse().ok()
    }

    #[must_use]
    pub fn exactly_once(&self) -> bool {
        self.arguments.get("sink").is_some_and(|sink| sink == "exactly_once")
    }
}

/// A job's sources and what its job.toml says.
#[derive(Clone, Debug)]
pub struct JobPackage {
    pub spec: JobSpec,
    sources: JobSources,
}

impl JobPackage {
    pub fn find(name: &str, search: &[PathBuf]) -> Result<Self> {
        let sources = find_job(name, search, crate::EMBEDDED)?;
        let text = sources.file("job.toml").ok_or_else(|| Error::script(format!("job {name} has no job.toml")))?;
        Ok(Self { spec: JobSpec::parse(name, text)?, sources })
    }

    /// The arguments in force: the script's, the data set's columns, the defaults.
    pub fn arguments(&self, submission: &Submission) -> Result<BTreeMap<String, String>> {
        let mut given = submission.args.clone();
        if let Some(columns) = &submission.columns
            && self.spec.args.contains_key(COLUMNS)
        {
            given.entry(COLUMNS.to_owned()).or_insert_with(|| Given::Text(columns.clone()));
        }
        self.spec.arguments(&given)
    }

    /// The jar, from the cache or built now.
    pub fn jar(&self, host: &Host, spawner: &Spawner, flink: &str) -> Result<PathBuf> {
        build_job(&Maven { host, spawner }, &host.cache()?, &self.sources, &self.spec.jar, flink)
    }
}

/// The argument that tells a job where the key fields stand in a row.
pub const COLUMNS: &str = "columns";
