//! Injects faults and undoes them, each step written to the journal with the instants it lies between.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::{Instances, Kind};
use crate::clock::Clock;
use crate::cluster::{Between, Instance, Role};
use crate::error::{Error, Result};
use crate::record::{FaultMark, Observation, Recorder};

/// A process that does not end within this time after its signal is a fault that was not confirmed.
const GONE_WITHIN: Duration = Duration::from_secs(30);

/// What one injection did.
#[derive(Clone, Debug, PartialEq)]
pub struct Fault {
    /// From 1 within its trial.
    pub number: u32,
    pub kind: Kind,
    pub instance: String,
    pub issued: Between,
    pub gone: Between,
}

pub struct Injector {
    instances: Arc<dyn Instances>,
    recorder: Arc<dyn Recorder>,
    clock: Clock,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    injected: u32,
    undos: Vec<Undo>,
}

struct Undo {
    instance: String,
    /// Cancelled to undo at once.
    hurry: CancellationToken,
    task: JoinHandle<Result<()>>,
}

impl Injector {
    #[must_use]
    pub fn new(instances: Arc<dyn Instances>, recorder: Arc<dyn Recorder>, clock: Clock) -> Self {
        Self { instances, recorder, clock, state: Mutex::default() }
    }

    /// How many faults were injected so far.
    #[must_use]
    pub fn injected(&self) -> u32 {
        self.state().injected
    }

    /// The instances that a fault keeps down right now.
    #[must_use]
    pub fn down(&self) -> Vec<String> {
        self.state().undos.iter().filter(|undo| !undo.task.is_finished()).map(|undo| undo.instance.clone()).collect()
    }

    /// Notes that the schedule's next fault is due, whether or not it comes to be.
    pub fn due(&self, at_epoch_ms: f64) -> Result<()> {
        let number = self.injected() + 1;
        self.recorder.record(Observation::Fault(FaultMark {
            fault: number,
            phase: "due".into(),
            lo_epoch_ms: at_epoch_ms,
            hi_epoch_ms: at_epoch_ms,
            fault_kind: String::new(),
            instance: String::new(),
            registered_as: None,
            host: String::new(),
            down_for_s: None,
            text: None,
        }))
    }

    /// Notes that a fault was due and did not come about, under a number of its own.
    pub fn refused(&self, due_epoch_ms: f64, text: &str) -> Result<()> {
        let number = self.next_number();
        self.recorder.record(Observation::Fault(FaultMark {
            fault: number,
            phase: "failed".into(),
            lo_epoch_ms: due_epoch_ms,
            hi_epoch_ms: self.clock.now_epoch_ms(),
            fault_kind: String::new(),
            instance: String::new(),
            registered_as: None,
            host: String::new(),
            down_for_s: None,
            text: Some(text.to_owned()),
        }))
    }

    fn next_number(&self) -> u32 {
        let mut state = self.state();
        state.injected += 1;
        state.injected
    }

    /// Breaks the instance and returns once its end is confirmed; it starts again `down_for` after the signal.
    pub async fn inject(&self, kind: Kind, target: &Instance, down_for: Duration) -> Result<Fault> {
        if target.role != Role::TaskManager {
            return Err(Error::script(format!(
                "{} cannot be hit: faults on a {} are not built",
                target.name, target.role
            ))
            .hint("take a TaskManager: `cluster::pick(\"taskmanager\", i)`"));
        }
        let number = self.next_number();
        let mark = Mark { number, kind, instance: target.clone(), down_for };
        let issued = match self.instances.signal(&target.name, kind.signal()) {
            Ok(issued) => issued,
            Err(error) => {
                let now = self.clock.now_epoch_ms();
                self.write(&mark, "failed", Between { lo_epoch_ms: now, hi_epoch_ms: now }, Some(error.to_string()))?;
                return Err(error);
            }
        };
        self.plan_undo(&mark, issued);
        self.write(&mark, "issued", issued, None)?;
        let gone = self.confirm(&mark, issued).await?;
        Ok(Fault { number, kind, instance: target.name.clone(), issued, gone })
    }

    /// Undoes now what would be undone later, and returns when everything is undone.
    pub async fn undo_all(&self) -> Result<()> {
        let undos = std::mem::take(&mut self.state().undos);
        let mut outcome = Ok(());
        for undo in undos {
            undo.hurry.cancel();
            let undone =
                undo.task.await.unwrap_or_else(|error| Err(Error::defect(format!("an undo broke off: {error}"))));
            outcome =
                outcome.and(undone.map_err(|error| error.context(format!("cannot start {} again", undo.instance))));
        }
        outcome
    }

    async fn confirm(&self, mark: &Mark, issued: Between) -> Result<Between> {
        let ended = tokio::time::timeout(GONE_WITHIN, self.instances.ended(&mark.instance.name)).await;
        if let Ok(exit) = ended {
            let gone = Between { lo_epoch_ms: issued.lo_epoch_ms, hi_epoch_ms: exit?.at_epoch_ms };
            self.write(mark, "gone", gone, None)?;
            return Ok(gone);
        }
        let text = format!("{} still runs {} s after its signal", mark.instance.name, GONE_WITHIN.as_secs());
        let now = self.clock.now_epoch_ms();
        self.write(mark, "failed", Between { lo_epoch_ms: issued.lo_epoch_ms, hi_epoch_ms: now }, Some(text.clone()))?;
        Err(Error::trial(text))
    }

    fn plan_undo(&self, mark: &Mark, issued: Between) {
        let hurry = CancellationToken::new();
        let (wake, instances, recorder) = (hurry.clone(), Arc::clone(&self.instances), Arc::clone(&self.recorder));
        let at = self.clock.instant_at(issued.hi_epoch_ms) + mark.down_for;
        let mark = mark.clone();
        let instance = mark.instance.name.clone();
        let task = tokio::spawn(async move {
            tokio::select! {
                () = tokio::time::sleep_until(at.into()) => {}
                () = wake.cancelled() => {}
            }
            // A process that was only asked to end may still be at it, and two of one name must not run.
            instances.ended(&mark.instance.name).await?;
            let back = instances.start(&mark.instance.name)?;
            let again = instances.instance(&mark.instance.name)?;
            recorder.record(Observation::Fault(mark.observe("back", back, again.registered_as, None)))
        });
        self.state().undos.push(Undo { instance, hurry, task });
    }

    fn write(&self, mark: &Mark, phase: &str, at: Between, text: Option<String>) -> Result<()> {
        self.recorder.record(Observation::Fault(mark.observe(phase, at, mark.instance.registered_as.clone(), text)))
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Clone)]
struct Mark {
    number: u32,
    kind: Kind,
    instance: Instance,
    down_for: Duration,
}

impl Mark {
    fn observe(&self, phase: &str, at: Between, registered_as: Option<String>, text: Option<String>) -> FaultMark {
        FaultMark {
            fault: self.number,
            phase: phase.into(),
            lo_epoch_ms: at.lo_epoch_ms,
            hi_epoch_ms: at.hi_epoch_ms,
            fault_kind: self.kind.name().into(),
            instance: self.instance.name.clone(),
            registered_as,
            host: self.instance.host.clone(),
            down_for_s: Some(self.down_for.as_secs_f64()),
            text,
        }
    }
}

#[cfg(test)]
mod tests;
