//! What one execution of a script knows: its parameters, what it needs, and where it stands.
//!
//! A body runs twice. Before anything starts it is rehearsed: primitives check what they are given and hand
//! out stand-ins, so that a typo costs a second and the length of the run is known. Then each trial runs it
//! for real. The stage tells the primitives which of the two it is.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use rhai::{Dynamic, Engine, FnPtr};

use super::background::Background;
use super::imports::Imports;
use super::limits;
use super::params::Params;
use super::rehearsal::{Declared, Rehearsal};
use super::repl::jobs::Jobs;
use super::source::Source;
use crate::cluster::Needs;
use crate::dataset::Dataset;
use crate::error::{Error, Kind, Result};
use crate::host::Host;
use crate::record::{Observation, Recorder};
use crate::run::{Run, TargetName, Trial};
use crate::runtime::Runtime;

/// What the command line says about a run.
#[derive(Clone, Debug, Default)]
pub struct Options {
    pub parameters: Vec<(String, String)>,
    pub profile: Option<String>,
    pub out: Option<PathBuf>,
    pub target: TargetName,
    pub seed: u64,
    pub json: bool,
    pub command_line: Vec<String>,
}

/// How far a script may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Run it.
    Run,
    /// Evaluate an expression: no experiment, and nothing but its value on stdout.
    Evaluate,
    /// Rehearse its first experiment and stop there.
    Estimate,
    /// Evaluate one input after the other; a trial of the prompt's own takes what belongs into a body.
    Prompt,
}

/// Data sets by the path they were read from; an estimate and the run share them.
pub type Datasets = Arc<Mutex<BTreeMap<String, Dataset>>>;

pub struct Session {
    pub host: Host,
    pub runtime: Runtime,
    source: Mutex<Source>,
    pub options: Options,
    pub purpose: Purpose,
    pub datasets: Datasets,
    /// The files that take part: the script, the stdlib, what they import.
    pub imports: Arc<Imports>,
    /// What runs on behind a prompt.
    pub jobs: Jobs,
    state: Mutex<State>,
}

#[derive(Default)]
pub struct State {
    pub params: Option<Params>,
    pub needs: Needs,
    /// Data sets that this script opened, for the defaults of a job's arguments.
    pub opened: Vec<Dataset>,
    pub run: Option<Arc<Run>>,
    pub stage: Stage,
    pub failed_trials: u32,
    /// How many trials the prompt has opened.
    pub prompt_trials: u32,
    /// Called for each fault that is due in the current trial.
    pub act: Option<FnPtr>,
    /// The trial that runs or is rehearsed, as the script holds it.
    pub current: Dynamic,
    /// Called when the measured phase of the current trial begins.
    pub during: Option<FnPtr>,
    pub estimate: Option<Rehearsal>,
    /// What was noted or required before there was a journal to write it to.
    pub early: Vec<Observation>,
    /// What runs on threads of its own, until it is stopped or the trial ends.
    pub background: Vec<Arc<Background>>,
    /// Weak, because the engine holds the session.
    pub engine: Weak<Engine>,
}

#[derive(Default)]
pub enum Stage {
    #[default]
    Outside,
    Rehearsal(Declared),
    Trial(Arc<Trial>),
}

impl Session {
    #[must_use]
    pub fn new(
        host: &Host,
        runtime: Runtime,
        source: Source,
        options: Options,
        purpose: Purpose,
        datasets: Datasets,
    ) -> Arc<Self> {
        let imports = Imports::new(&host.directory);
        Arc::new(Self {
            host: host.clone(),
            runtime,
            source: Mutex::new(source),
            options,
            purpose,
            datasets,
            imports,
            jobs: Jobs::default(),
            state: Mutex::default(),
        })
    }

    /// The script; at a prompt, what was typed so far.
    #[must_use]
    pub fn source(&self) -> Source {
        self.source.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What was typed grows.
    pub fn type_in(&self, text: &str) {
        self.source.lock().unwrap_or_else(PoisonError::into_inner).text.push_str(text);
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The trial that runs, or the error for a primitive that stands outside a body.
    pub fn trial(&self, primitive: &str) -> Result<Place> {
        match &mut self.state().stage {
            Stage::Trial(trial) => return Ok(Place::Trial(Arc::clone(trial))),
            Stage::Rehearsal(_) => return Ok(Place::Rehearsal),
            Stage::Outside if self.purpose == Purpose::Prompt => {}
            Stage::Outside => {
                return Err(Error::script(format!("{primitive} belongs into the body of an experiment"))
                    .hint("write it inside the closure: `experiment(\"name\", #{ … }, |v| { … })`"));
            }
        }
        super::repl::trial::open(self).map(Place::Trial)
    }

    /// Waits for asynchronous work on a thread of the script, unless a signal comes first, or the end of the thread
    /// is asked for.
    pub fn wait<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        let signals = self.host.signals.clone();
        let stop = limits::stop_token();
        self.runtime.block_on(async {
            let begin = tokio::time::Instant::now();
            let outcome = tokio::select! {
                done = work => done,
                () = signals.cancelled.cancelled() => Err(signals.error().unwrap_or_else(|| Error::new(Kind::Interrupted, "interrupted"))),
                () = stop.cancelled() => Err(limits::stopped()),
            };
            if begin.elapsed() >= limits::TOOK_TIME {
                limits::time_passed();
            }
            outcome
        })
    }

    /// Whether a long computation may go on: no signal came, and the end of the thread was not asked for.
    pub fn go_on(&self) -> Result<()> {
        let signals = &self.host.signals;
        if signals.cancelled.is_cancelled() {
            return Err(signals.error().unwrap_or_else(|| Error::new(Kind::Interrupted, "interrupted")));
        }
        if limits::stop_token().is_cancelled() { Err(limits::stopped()) } else { Ok(()) }
    }

    /// Now, on the clock that waits wait by.
    #[must_use]
    pub fn now(&self) -> tokio::time::Instant {
        let _inside = self.runtime.enter();
        tokio::time::Instant::now()
    }

    /// Whether nothing is to happen: primitives check what they are given, and waits take no time.
    #[must_use]
    pub fn is_rehearsing(&self) -> bool {
        self.purpose == Purpose::Estimate || matches!(self.state().stage, Stage::Rehearsal(_))
    }

    /// Writes something down: with the trial that runs, else with the run; before there is one it is kept for it.
    pub fn observe(&self, observation: Observation) -> Result<()> {
        let (trial, run) = {
            let mut state = self.state();
            let trial = if let Stage::Trial(trial) = &state.stage { Some(Arc::clone(trial)) } else { None };
            if trial.is_none() && state.run.is_none() {
                state.early.push(observation);
                return Ok(());
            }
            (trial, state.run.clone())
        };
        match (trial, run) {
            (Some(trial), _) => trial.record(observation),
            (None, Some(run)) => {
                run.forget_results();
                run.journal.record(observation)
            }
            (None, None) => Ok(()),
        }
    }

    /// Forgets what the body of a trial declared.
    pub fn leave_trial(&self) {
        let mut state = self.state();
        state.stage = Stage::Outside;
        state.act = None;
        state.during = None;
        state.current = Dynamic::UNIT;
    }

    /// Stops all that runs in the background, and waits until it has ended.
    pub fn end_background(&self) {
        let running = std::mem::take(&mut self.state().background);
        running.iter().for_each(|one| one.stop());
        running.iter().for_each(|one| one.join());
    }

    /// Notes something in the rehearsal.
    pub fn rehearse(&self, note: impl FnOnce(&mut Declared)) {
        if let Stage::Rehearsal(declared) = &mut self.state().stage {
            note(declared);
        }
    }

    #[must_use]
    pub fn profile(&self) -> String {
        self.state().params.as_ref().map_or_else(|| super::params::PAPER.to_owned(), |params| params.profile.clone())
    }

    /// Folders in which `jobs/` is looked for before the embedded ones: beside the script, above it, here.
    #[must_use]
    pub fn search(&self) -> Vec<PathBuf> {
        self.source().search(&self.host.directory)
    }
}

/// Where a primitive of a body is called.
pub enum Place {
    Rehearsal,
    Trial(Arc<Trial>),
}
