//! What one run owns: its directory, journal, manifest, target and trials, and how all of it ends.

pub mod apparatus;
pub mod directory;
mod evidence;
mod hide;
pub mod job;
pub mod journal;
pub mod load;
pub mod manifest;
mod plan;
pub mod publish;
pub mod state;
mod target;
mod trial;
mod warm;

use std::collections::{BTreeMap, HashSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use directory::RunDirectory;
pub use job::{COLUMNS, Job, JobPackage, Submission};
use journal::Journal;
use manifest::{HostFacts, Manifest};
pub use plan::{AxisPlan, Order, Phases, TrialSpec, block, generator, short, trials};
use target::Wanted;
pub use target::{Target, TargetName};
pub use trial::{Beside, ReplayPlan, Required, Topic, Trial, Work, Working, one_schedule};

use crate::analysis::results::Results;
use crate::cluster::flink_role::Timing;
use crate::cluster::spawner::Spawner;
use crate::cluster::{LocalCluster, Needs, leftovers};
use crate::error::{Error, Kind, Result};
use crate::host::{Host, Progress};
use crate::record::{Observation, Recorder, Step};
use crate::report::Part;
use crate::runtime::Runtime;
pub use load::Loaded;

/// All that is known when a run begins.
pub struct Beginning {
    pub script: manifest::Script,
    /// The script's name without folder and extension.
    pub stem: String,
    pub command_line: Vec<String>,
    pub profile: String,
    pub parameters: Vec<manifest::Parameter>,
    pub seed: u64,
    pub out: Option<PathBuf>,
    pub needs: Needs,
    pub target: TargetName,
    /// What each data set holds, and what of it was dropped.
    pub datasets: Vec<crate::dataset::Account>,
    pub timing: Timing,
    /// Where `jobs/` is looked for.
    pub search: Vec<PathBuf>,
}

pub struct Run {
    pub host: Host,
    pub runtime: Runtime,
    /// Eight random hex digits: in the manifest and in the names of topics.
    pub id: String,
    pub directory: RunDirectory,
    pub journal: Arc<Journal>,
    pub seed: u64,
    spawner: Spawner,
    name: TargetName,
    needs: Needs,
    timing: Timing,
    search: Vec<PathBuf>,
    state: Mutex<State>,
}

struct State {
    manifest: Manifest,
    target: Option<Arc<Target>>,
    phases: Phases,
    /// Experiment and id of all trials so far.
    trials: Vec<(String, String)>,
    /// Jobs whose evidence is kept.
    evidence: HashSet<String>,
    /// The analysis of the journal as it stood when the last trial ended.
    loaded: Option<Arc<Loaded>>,
    /// A job of a trial could not be ended.
    has_leaked_job: bool,
    cleanup_errors: Vec<Error>,
}

impl Run {
    /// Makes the directory and writes the manifest before anything else happens.
    pub fn begin(host: &Host, runtime: &Runtime, beginning: Beginning) -> Result<Arc<Self>> {
        leftovers::sweep(&host.cache()?, &host.progress);
        let intended = beginning.out.as_ref().map_or_else(|| host.directory.clone(), |out| host.directory.join(out));
        if beginning.target == TargetName::Local {
            LocalCluster::check(host, &beginning.needs, &intended)?;
        }
        let started = timestamp(host);
        let directory = match &beginning.out {
            Some(out) => RunDirectory::take(&host.directory.join(out))?,
            None => RunDirectory::create(&host.directory, &beginning.stem, &started.replace(':', "-"))?,
        };
        let id = format!("{:08x}", rand::random::<u32>());
        let (user, host_name) = manifest::user_and_host(host);
        let manifest = Manifest {
            schema: 1,
            simulated: beginning.target.is_simulated(),
            cprun: env!("CARGO_PKG_VERSION").into(),
            run: id.clone(),
            script: manifest::Script { name: hide::home(host, &beginning.script.name), ..beginning.script },
            command_line: hide::command(host, &beginning.command_line),
            profile: beginning.profile.clone(),
            parameters: beginning.parameters.into_iter().map(|parameter| hide::parameter(host, parameter)).collect(),
            datasets: beginning.datasets,
            seed: beginning.seed,
            target: beginning.target.name().into(),
            user,
            host_name,
            hosts: match beginning.target {
                TargetName::Local => vec![HostFacts::local(directory.path())],
                TargetName::Sim => Vec::new(),
            },
            versions: BTreeMap::new(),
            configuration: BTreeMap::new(),
            started,
            ended: None,
            outcome: None,
        };
        manifest.write(&directory, &host.secrets)?;
        let journal = Journal::create_masked(&directory.file("journal.jsonl"), host.clock, &host.secrets)?;
        let script = beginning.stem;
        journal.record(Observation::Step(Step::RunStart {
            script,
            profile: beginning.profile,
            seed: beginning.seed,
        }))?;
        host.progress.line(&format!("run directory: {}", shown(host, directory.path())));
        Ok(Arc::new(Self {
            host: host.clone(),
            runtime: runtime.clone(),
            id,
            directory,
            journal,
            seed: beginning.seed,
            spawner: Spawner::start(host.clock)?,
            needs: beginning.needs,
            name: beginning.target,
            timing: beginning.timing,
            search: beginning.search,
            state: Mutex::new(State {
                manifest,
                target: None,
                phases: Phases::default(),
                trials: Vec::new(),
                evidence: HashSet::new(),
                loaded: None,
                has_leaked_job: false,
                cleanup_errors: Vec::new(),
            }),
        }))
    }

    #[must_use]
    pub fn needs(&self) -> &Needs {
        &self.needs
    }

    /// How long the phases of trials last, from here on.
    pub fn set_phases(&self, phases: Phases) {
        self.state().phases = phases;
    }

    #[must_use]
    pub fn phases(&self) -> Phases {
        self.state().phases
    }

    /// The target, brought up at its first use.
    pub fn target(&self) -> Result<Arc<Target>> {
        let held = self.state().target.clone();
        if let Some(target) = held {
            if target.lost_service().is_none() {
                return Ok(target);
            }
            // The trial in which it was lost has failed; the others go on with a new one.
            self.state().target = None;
            self.end_target(&target);
        }
        let wanted =
            Wanted { needs: &self.needs, timing: self.timing, directory: self.directory.path(), run: &self.id };
        let target = match self.name {
            TargetName::Local => Target::local(&self.host, &self.runtime, &self.spawner, &wanted)?,
            TargetName::Sim => Target::simulated(&self.host, &self.runtime, &wanted),
        };
        let target = Arc::new(target);
        // Kept first: whatever fails from here on, `finish` ends it.
        self.state().target = Some(Arc::clone(&target));
        let configuration = self.wait(target.configuration())?;
        self.state().manifest.versions = target.cluster.versions();
        self.note_flink("flink", configuration)?;
        Ok(target)
    }

    /// Adds what Flink says it runs with.
    pub fn note_flink(&self, what: &str, told: BTreeMap<String, serde_json::Value>) -> Result<()> {
        let shown = told.into_iter().map(|(key, value)| {
            let shown = hide::setting(&key, self.hide_paths(value));
            (key, shown)
        });
        self.note_configuration(what, shown.collect())
    }

    /// Adds what was read back from a running job.
    pub fn note_configuration(&self, what: &str, entries: BTreeMap<String, serde_json::Value>) -> Result<()> {
        let mut state = self.state();
        state.manifest.configuration.insert(what.to_owned(), entries);
        state.manifest.write(&self.directory, &self.host.secrets)
    }

    /// Takes the trials of one more experiment into the run: their order goes on, and no id may come twice.
    pub fn claim(&self, experiment: &str, specs: &mut [TrialSpec]) -> Result<()> {
        let mut state = self.state();
        let before = u32::try_from(state.trials.len()).unwrap_or(u32::MAX);
        for spec in specs.iter_mut() {
            spec.order += before;
            if state.trials.iter().any(|(_, id)| *id == spec.id) {
                return Err(Error::script(format!("two experiments of this script have the trial {}", spec.id))
                    .hint("make them one experiment with one more axis, or two scripts"));
            }
            state.trials.push((experiment.to_owned(), spec.id.clone()));
        }
        Ok(())
    }

    /// A trial, written down and with its recorder; nothing of it runs yet.
    pub fn begin_trial(self: &Arc<Self>, spec: TrialSpec) -> Result<Arc<Trial>> {
        self.state().loaded = None;
        Trial::begin(Arc::clone(self), spec, false)
    }

    /// A trial without phases, in which what is declared acts at once, until it is ended.
    pub fn open_trial(self: &Arc<Self>, id: &str) -> Result<Arc<Trial>> {
        let mut spec = [TrialSpec { id: id.to_owned(), order: 1, repeat: 1, axes: Vec::new(), indices: Vec::new() }];
        self.claim(id, &mut spec)?;
        let [spec] = spec;
        self.state().loaded = None;
        Trial::begin(Arc::clone(self), spec, true)
    }

    /// Waits for asynchronous work, unless a signal comes first.
    pub fn wait<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        let cancelled = self.host.signals.cancelled.clone();
        self.runtime.block_on(async {
            tokio::select! {
                done = work => done,
                () = cancelled.cancelled() => Err(self.host.signals.error().unwrap_or_else(|| Error::new(Kind::Interrupted, "interrupted"))),
            }
        })
    }

    /// The journal goes on outside of trials, so that what was computed of it is out of date.
    pub fn forget_results(&self) {
        self.state().loaded = None;
    }

    /// The analysis of what the journal holds now.
    pub fn results(&self) -> Result<Arc<Loaded>> {
        let known = self.state().loaded.clone();
        let loaded = match known {
            Some(loaded) => loaded,
            None => Arc::new(load::load(&self.directory, &self.host.progress)?),
        };
        self.state().loaded = Some(Arc::clone(&loaded));
        Ok(loaded)
    }

    /// Notes that the script asked for a part of the report, and gives it as the terminal shows it.
    pub fn report_part(&self, part: &Part) -> Result<String> {
        let (name, text) = part.noted();
        self.journal.record(Observation::Step(Step::Report { part: name, text }))?;
        let loaded = self.results()?;
        let text = crate::report::terminal(&loaded.results, part);
        Ok(match part {
            Part::Plot(_) => text.replace("$RUN", &shown(&self.host, self.directory.path())),
            _ => text,
        })
    }

    /// The analysis, and the ids of the trials that an experiment has run.
    pub fn results_of(&self, experiment: &str) -> Result<(Arc<Loaded>, Vec<String>)> {
        let of: Vec<String> = {
            let state = self.state();
            state.trials.iter().filter(|(name, _)| name == experiment).map(|(_, id)| id.clone()).collect()
        };
        if of.is_empty() {
            return Err(Error::script(format!("no experiment `{experiment}` has run"))
                .hint("`experiment(name, #{ … }, body)` runs one and returns it"));
        }
        Ok((self.results()?, of))
    }

    /// Ends the target, writes every file that follows from the journal, and closes the directory.
    pub fn finish(&self, error: Option<&Error>) -> Finished {
        self.host.progress.status("ending", "the cluster");
        let target = self.state().target.take();
        if let Some(target) = target {
            self.end_target(&target);
        }
        self.host.progress.status("writing", "the report");
        let closed = {
            let mut state = self.state();
            state.manifest.ended = Some(timestamp(&self.host));
            state.manifest.outcome = Some(error.map_or_else(|| "done".into(), |error| self.told(error)));
            state.manifest.write(&self.directory, &self.host.secrets)
        };
        // Each is tried, whatever became of the one before: on a full disk the report may still fit.
        let written = rewrite(&self.directory, &self.host.progress);
        let cleanup_errors = std::mem::take(&mut self.state().cleanup_errors);
        self.host.progress.clear();
        let report = shown(&self.host, &self.directory.file("report.html"));
        Finished { written: closed.and(written), report, cleanup_errors }
    }

    fn end_target(&self, target: &Target) {
        if let Err(error) = self.runtime.block_on(target.cluster.down()) {
            self.note_cleanup_error(error);
        }
    }

    /// An error as it may be stored: in one line, without paths of this machine.
    pub(crate) fn told(&self, error: &Error) -> String {
        let told = error.in_one_line().replace(&self.directory.path().display().to_string(), "$RUN");
        hide::home(&self.host, &self.host.secrets.mask(&told))
    }

    pub(crate) fn note_cleanup_error(&self, error: Error) {
        self.host.progress.warning(&error.message);
        self.state().cleanup_errors.push(error);
    }

    fn hide_paths(&self, value: serde_json::Value) -> serde_json::Value {
        match value.as_str() {
            Some(text) => text.replace(&self.directory.path().display().to_string(), "$RUN").into(),
            None => value,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Computes everything from the journal and writes it: the second half of a run, live or years later.
/// Returns the text of summary.json beside the results.
pub fn rewrite(directory: &RunDirectory, progress: &Progress) -> Result<(Results, String)> {
    let loaded = load::load(directory, progress)?;
    write_all(directory, &loaded)?;
    let summary = crate::report::summary(&loaded.results)?;
    Ok((loaded.results, summary))
}

/// Every file that follows from the journal, and the checksums last.
pub fn write_all(directory: &RunDirectory, loaded: &Loaded) -> Result<()> {
    write_files(directory, crate::report::files(&loaded.run, &loaded.results, &loaded.provenance)?)
}

fn write_files(directory: &RunDirectory, files: Vec<(String, Vec<u8>)>) -> Result<()> {
    // An older analysis may have had a plot that this one leaves out.
    directory.remove_folder("plots")?;
    for (name, content) in files {
        directory.write(&name, &content)?;
    }
    directory.write_checksums()
}

/// Writes only the pages anew, from the journal as this version of cprun reads it. CSV files and summary.json stay
/// as they are; where they say something else, the reader is told.
pub fn render(directory: &RunDirectory, progress: &Progress) -> Result<()> {
    let loaded = load::load(directory, progress)?;
    let computed = crate::report::summary(&loaded.results)?;
    if std::fs::read_to_string(directory.file("summary.json")).is_ok_and(|stored| stored != computed) {
        progress.warning(
            "summary.json says something else than these pages: another version of cprun wrote it; `cprun analyze` writes all files anew",
        );
    }
    write_files(directory, crate::report::pages(&loaded.results, &loaded.provenance)?)
}

/// What a finished run leaves for the command line.
pub struct Finished {
    /// The results and the text of summary.json.
    pub written: Result<(Results, String)>,
    /// Where the report lies, as the user would type it.
    pub report: String,
    pub cleanup_errors: Vec<Error>,
}

/// `2.4 MB`
#[must_use]
pub fn render_bytes(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{:.0} kB", bytes as f64 / 1e3),
        _ => format!("{:.1} MB", bytes as f64 / 1e6),
    }
}

/// `2026-11-21T10:00:00Z`
fn timestamp(host: &Host) -> String {
    let seconds = i64::try_from(host.clock.epoch().as_secs()).unwrap_or(i64::MAX);
    jiff::Timestamp::from_second(seconds).map_or_else(|_| "1970-01-01T00:00:00Z".into(), |time| time.to_string())
}

/// A path below the current directory as the user would type it.
fn shown(host: &Host, path: &std::path::Path) -> String {
    path.strip_prefix(&host.directory).unwrap_or(path).display().to_string()
}
