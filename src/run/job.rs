//! A job on its way into Flink: found, its arguments checked, built, uploaded, submitted.
//!
//! A job of which a `job.toml` tells is known before it runs: what it reads, where its results go, which arguments
//! it takes. Of a jar and of a job that runs already nothing is known but what Flink tells.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::cluster::provision::{JobSources, Maven, build_job, find_job};
use crate::cluster::spawner::Spawner;
use crate::dataset::Dataset;
use crate::error::{Error, Result};
use crate::flink::{Given, JobSpec};
use crate::host::Host;

use super::state::StateView;

/// What a script asks of `flink::submit`.
#[derive(Clone, Debug, Default)]
pub struct Submission {
    /// A name under `jobs/`, or the path of a jar.
    pub job: String,
    /// Entry class of a jar; without one its manifest names it.
    pub class: Option<String>,
    /// The checkpoint interval T, in seconds; without one the job takes none.
    pub interval_s: Option<f64>,
    pub parallelism: Option<u32>,
    pub args: BTreeMap<String, Given>,
    /// Handed to the `main` of a jar as they are, before `args`.
    pub words: Vec<String>,
    /// The savepoint or checkpoint to start from.
    pub from: Option<String>,
    /// Settings of Flink for this job alone.
    pub config: BTreeMap<String, String>,
    /// Positions of the key fields in the one data set that the script opened.
    pub columns: Option<String>,
    /// Rows that the job reads over and over by itself, as fast as it can, instead of a topic.
    pub saturate: Option<Dataset>,
}

impl Submission {
    /// Whether the job is a jar of the user's own.
    #[must_use]
    pub fn is_jar(&self) -> bool {
        self.job.to_ascii_lowercase().ends_with(".jar")
    }
}

/// Where a job comes from, which is how much is known of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Origin {
    /// A `job.toml` describes it.
    #[default]
    Described,
    /// A jar of the user's own.
    Jar,
    /// It ran before anybody asked, and runs on afterwards.
    Attached,
}

/// A submitted job, as a script holds it.
#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    pub id: String,
    pub name: String,
    pub origin: Origin,
    pub parallelism: u32,
    pub interval_s: Option<f64>,
    /// The arguments in force, by their names in job.toml.
    pub arguments: BTreeMap<String, String>,
    /// Where its results go, if anybody reads them.
    pub results_topic: Option<String>,
    /// Whether it makes its load itself, always more than it can read.
    pub saturated: bool,
    /// How long the planned restart took that it came out of: from the request to stop until all tasks ran.
    pub restart_s: Option<f64>,
    /// The state that Flink has it in.
    pub state: StateView,
}

impl Job {
    /// What a rehearsal hands out: nothing runs behind it.
    #[must_use]
    pub fn rehearsed(name: &str, interval_s: Option<f64>, arguments: BTreeMap<String, String>) -> Self {
        Self {
            id: String::new(),
            name: name.to_owned(),
            origin: Origin::Described,
            parallelism: 0,
            interval_s,
            arguments,
            results_topic: None,
            saturated: false,
            restart_s: None,
            state: StateView::rehearsed(),
        }
    }

    /// Whether nothing but Flink tells of it.
    #[must_use]
    pub fn is_foreign(&self) -> bool {
        self.origin != Origin::Described
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

/// What is submitted.
#[derive(Clone, Debug)]
pub enum Program {
    Package(Box<JobPackage>),
    Jar(PathBuf),
}

impl Program {
    /// Looks for it in `search`, jars from each of these folders on.
    pub fn find(submission: &Submission, search: &[PathBuf]) -> Result<Self> {
        if !submission.is_jar() {
            if submission.class.is_some() || !submission.words.is_empty() {
                return Err(Error::script(format!(
                    "flink::submit: `{}` is a job under jobs/, whose job.toml tells its class and arguments",
                    submission.job
                ))
                .hint("leave out `class`, and give `args` as a map `#{ … }`"));
            }
            return Ok(Self::Package(Box::new(JobPackage::find(&submission.job, search)?)));
        }
        let found = search.iter().map(|folder| folder.join(&submission.job)).find(|jar| jar.is_file());
        found.map(Self::Jar).ok_or_else(|| {
            let folders: Vec<String> = search.iter().map(|folder| folder.display().to_string()).collect();
            Error::missing(format!("there is no jar {}", submission.job))
                .hint(format!("it was looked for from {} on", folders.join(", ")))
        })
    }

    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::Package(package) => package.spec.name.clone(),
            Self::Jar(jar) => jar.file_stem().map_or_else(|| "job".into(), |stem| stem.to_string_lossy().into_owned()),
        }
    }

    #[must_use]
    pub fn origin(&self) -> Origin {
        match self {
            Self::Package(_) => Origin::Described,
            Self::Jar(_) => Origin::Jar,
        }
    }

    /// The arguments in force, by name.
    pub fn arguments(&self, submission: &Submission) -> Result<BTreeMap<String, String>> {
        match self {
            Self::Package(package) => package.arguments(submission),
            Self::Jar(_) if submission.saturate.is_some() => {
                Err(Error::script("flink::submit: cprun cannot make the load of a jar that it does not know")
                    .hint("leave out `saturate`; a trial of a jar needs no replay"))
            }
            Self::Jar(_) => Ok(submission.args.iter().map(|(name, given)| (name.clone(), given.text())).collect()),
        }
    }

    /// The topic that it reads, where it is described.
    #[must_use]
    pub fn topic<'a>(&self, arguments: &'a BTreeMap<String, String>) -> Option<&'a String> {
        match self {
            Self::Package(package) => arguments.get(&package.spec.source.topic),
            Self::Jar(_) => None,
        }
    }
}

/// What the `main` of a jar gets: words as they are, then each argument as `--name value`.
#[must_use]
pub fn words_for_jar(submission: &Submission) -> Vec<String> {
    let named = submission.args.iter().flat_map(|(name, given)| [format!("--{name}"), given.text()]);
    submission.words.iter().cloned().chain(named).collect()
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
        let needless = self.needless(submission)?;
        if let Some(columns) = &submission.columns
            && self.spec.args.contains_key(COLUMNS)
        {
            given.entry(COLUMNS.to_owned()).or_insert_with(|| Given::Text(columns.clone()));
        }
        self.spec.arguments(&given, &needless)
    }

    /// A source that makes its load itself reads no topic.
    fn needless(&self, submission: &Submission) -> Result<Vec<&str>> {
        if submission.saturate.is_none() {
            return Ok(Vec::new());
        }
        let topic = self.spec.source.topic.as_str();
        if self.spec.source.block.is_none() {
            return Err(Error::script(format!("flink::submit: job {} cannot make its load itself", self.spec.name))
                .hint("its job.toml names no `block` under [source]; replay into a topic instead"));
        }
        if submission.args.contains_key(topic) {
            return Err(Error::script("flink::submit: the job reads a topic, or saturates itself, not both")
                .hint(format!("leave out `{topic}`, or `saturate`")));
        }
        Ok(vec![topic])
    }

    /// The jar, from the cache or built now.
    pub fn jar(&self, host: &Host, spawner: &Spawner, flink: &str) -> Result<PathBuf> {
        build_job(&Maven { host, spawner }, &host.cache()?, &self.sources, &self.spec.jar, flink)
    }
}

/// The argument that tells a job where the key fields stand in a row.
pub const COLUMNS: &str = "columns";

#[cfg(test)]
mod tests {
    use super::*;

    fn jar(job: &str) -> Submission {
        Submission { job: job.into(), ..Submission::default() }
    }

    #[test]
    fn a_jar_is_found_beside_the_script_and_gets_its_arguments_as_they_are() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("my.jar"), "x").expect("written");
        let mut submission = jar("my.jar");
        let search = [PathBuf::from("/nowhere"), folder.path().to_owned()];
        let program = Program::find(&submission, &search).expect("it is there");
        assert_eq!((program.name().as_str(), program.origin()), ("my", Origin::Jar));
        submission.words = vec!["-v".into()];
        submission.args = BTreeMap::from([
            ("rate".into(), Given::Float(0.5)),
            ("window_ms".into(), Given::Seconds(2.0)),
            ("once".into(), Given::Bool(true)),
        ]);
        assert_eq!(words_for_jar(&submission), ["-v", "--once", "true", "--rate", "0.5", "--window_ms", "2000"]);
        assert_eq!(program.arguments(&submission).expect("right")["window_ms"], "2000");
    }

    #[test]
    fn what_is_not_there_or_not_meant_for_it_is_told() {
        let error = Program::find(&jar("my.jar"), &[PathBuf::from("/nowhere")]).expect_err("no jar");
        assert!(error.hint.unwrap_or_default().contains("/nowhere"));
        let error = Program::find(&Submission { class: Some("x.Main".into()), ..jar("nyc-window") }, &[]);
        assert!(error.expect_err("a described job").message.contains("job.toml tells"));
    }
}
