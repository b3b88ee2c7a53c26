//! The trial of a prompt: what a script writes into the body of an experiment acts here at once.
//!
//! It begins with the first effect, which brings the target up, and ends when the user leaves or runs an experiment,
//! which wants TaskManagers of its own.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::jobs::{Worker, in_words};
use crate::error::{Error, Result};
use crate::run::{Target, Trial, Work, Working};
use crate::script::background::Background;
use crate::script::engine;
use crate::script::session::{Session, Stage};

/// Brings the target up, says so, and opens the trial.
pub fn open(session: &Session) -> Result<Arc<Trial>> {
    let number = {
        let mut state = session.state();
        state.prompt_trials += 1;
        state.prompt_trials
    };
    let target = session.options.target;
    session.host.progress.line(&format!("starting {}", Target::describe(target, &session.state().needs.clone())));
    let run = engine::open_run(session)?;
    let trial = run.open_trial(&format!("prompt#{number}"))?;
    match trial.set_up() {
        Ok(()) => {
            session.host.progress.clear();
            session.state().stage = Stage::Trial(Arc::clone(&trial));
            Ok(trial)
        }
        Err(error) => {
            // What stopped the start matters more than what the end has to say.
            let _ = trial.end(Some(&error));
            Err(error)
        }
    }
}

/// Ends it, if it was opened. What runs in it must have been stopped.
pub fn close(session: &Session) -> Result<()> {
    let running = session.jobs.running();
    if !running.is_empty() {
        return Err(Error::script(format!("the prompt's own trial is still at work: {}", in_words(&running)))
            .hint("end it with `stop ID`; `jobs` lists what runs"));
    }
    // Not within the `match`, which would hold the state while the trial ends.
    let stage = std::mem::take(&mut session.state().stage);
    match stage {
        Stage::Trial(trial) => trial.end(None),
        Stage::Outside | Stage::Rehearsal(_) => Ok(()),
    }
}

/// What strings may name, by the argument that takes them.
pub fn names(session: &Session) -> BTreeMap<&'static str, Vec<String>> {
    let instances = match &session.state().stage {
        Stage::Trial(trial) => trial.instances(),
        Stage::Outside | Stage::Rehearsal(_) => Vec::new(),
    };
    let mut hosts: Vec<String> = instances.iter().map(|instance| instance.host.clone()).collect();
    hosts.dedup();
    BTreeMap::from([("instance", instances.into_iter().map(|instance| instance.name).collect()), ("host", hosts)])
}

/// A replay or samplers of the prompt's trial.
struct TrialWorker {
    trial: Arc<Trial>,
    /// As it was when it was first seen.
    first: Working,
}

impl TrialWorker {
    fn now(&self) -> Option<Working> {
        self.trial.working().into_iter().find(|one| self.is(one))
    }

    fn is(&self, other: &Working) -> bool {
        self.first.work == other.work && self.first.since_epoch_ms == other.since_epoch_ms
    }
}

impl Worker for TrialWorker {
    fn kind(&self) -> &'static str {
        match self.first.work {
            Work::Replay => "replay",
            Work::Sampler => "sampler",
        }
    }

    fn what(&self) -> String {
        self.first.what.clone()
    }

    fn since_epoch_ms(&self) -> f64 {
        self.first.since_epoch_ms
    }

    fn state(&self) -> String {
        self.now().map_or_else(String::new, |now| now.state)
    }

    fn ended(&self) -> Option<String> {
        // Another one took its place, or the trial is over.
        self.now().map_or_else(|| Some("over".into()), |now| now.ended)
    }

    fn stop(&self) -> Result<()> {
        if self.ended().is_some() { Ok(()) } else { self.trial.stop_work(self.first.work) }
    }
}

/// `sample`, which a script started on a thread of its own.
struct Sample {
    background: Arc<Background>,
    since_epoch_ms: f64,
}

impl Worker for Sample {
    fn kind(&self) -> &'static str {
        "sample"
    }

    fn what(&self) -> String {
        self.background.name.strip_prefix("sample ").unwrap_or(&self.background.name).to_owned()
    }

    fn since_epoch_ms(&self) -> f64 {
        self.since_epoch_ms
    }

    fn state(&self) -> String {
        "its values go to the journal".into()
    }

    fn ended(&self) -> Option<String> {
        (!self.background.is_running()).then(|| "stopped".into())
    }

    fn stop(&self) -> Result<()> {
        self.background.stop();
        self.background.join();
        Ok(())
    }
}

/// Takes up what the last input started.
pub fn take_up(session: &Session, known: &mut Vec<(Work, f64)>) {
    let started = std::mem::take(&mut session.state().background);
    for background in started {
        let ago = session.now().duration_since(background.since);
        let since_epoch_ms = session.host.clock.now_epoch_ms() - ago.as_secs_f64() * 1e3;
        session.jobs.add(Arc::new(Sample { background, since_epoch_ms }));
    }
    let trial = match &session.state().stage {
        Stage::Trial(trial) if trial.is_open() => Arc::clone(trial),
        _ => return,
    };
    for first in trial.working() {
        let key = (first.work, first.since_epoch_ms);
        if !known.contains(&key) {
            known.push(key);
            session.jobs.add(Arc::new(TrialWorker { trial: Arc::clone(&trial), first }));
        }
    }
}
