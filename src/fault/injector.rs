//! Injects faults and undoes them, each step written to the journal with the instants it lies between.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::future::join_all;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::Kind;
use crate::clock::Clock;
use crate::cluster::{Between, Instance, Instances, Role};
use crate::error::{Error, Result};
use crate::record::{FaultMark, Observation, Recorder};

/// A process that does not end within this time after its signal is a fault that was not confirmed.
const GONE_WITHIN: Duration = Duration::from_secs(30);
/// A process that does not hold still within this time after its signal is a fault that was not confirmed.
const STILL_WITHIN: Duration = Duration::from_secs(5);
/// An instance that was only asked to end gets this long from the moment it is wanted back; then SIGKILL.
const ENDED_WITHIN: Duration = Duration::from_secs(10);

/// What one injection did.
#[derive(Clone, Debug, PartialEq)]
pub struct Fault {
    /// From 1 within its trial.
    pub number: u32,
    pub kind: Kind,
    /// All that were hit at once.
    pub instances: Vec<String>,
    /// From the first signal to the last.
    pub issued: Between,
    /// When the last of them was seen dead, or holding still.
    pub confirmed: Between,
}

impl Fault {
    /// All that were hit, as one name.
    #[must_use]
    pub fn instance(&self) -> String {
        self.instances.join("+")
    }
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
    kind: Kind,
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

    /// The instances that a fault keeps down right now; one that hangs is among them.
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

    /// Breaks the instances at once, as one fault, and returns when the effect on each is confirmed; all are back
    /// `down_for` after the last signal.
    pub async fn inject(&self, kind: Kind, targets: &[Instance], down_for: Duration) -> Result<Fault> {
        check_targets(targets)?;
        self.check_not_hanging(kind, targets)?;
        let number = self.next_number();
        let marks: Vec<Mark> =
            targets.iter().map(|target| Mark { number, kind, instance: target.clone(), down_for }).collect();
        let issued = self.issue(&marks)?;
        let confirmed = join_all(issued.iter().map(|(mark, issued)| self.confirm(mark, *issued))).await;
        let seen = confirmed.into_iter().collect::<Result<Vec<_>>>()?;
        let signals: Vec<Between> = issued.into_iter().map(|(_, issued)| issued).collect();
        Ok(Fault {
            number,
            kind,
            instances: targets.iter().map(|target| target.name.clone()).collect(),
            issued: Between { lo_epoch_ms: earliest(&signals), hi_epoch_ms: latest(&signals) },
            confirmed: Between { lo_epoch_ms: latest_lo(&seen), hi_epoch_ms: latest(&seen) },
        })
    }

    /// A second SIGSTOP would do nothing, and the first undo would end both; a SIGTERM would wait for the undo.
    fn check_not_hanging(&self, kind: Kind, targets: &[Instance]) -> Result<()> {
        let state = self.state();
        let mut hanging = state.undos.iter().filter(|undo| undo.kind == Kind::Hang && !undo.task.is_finished());
        match hanging.find(|undo| kind != Kind::Kill && targets.iter().any(|target| target.name == undo.instance)) {
            Some(undo) => Err(Error::trial(format!(
                "{} hangs already, so a {} would do nothing to it",
                undo.instance,
                kind.name()
            ))
            .hint("leave more time between the faults than `down_for`")),
            None => Ok(()),
        }
    }

    /// Sends every signal, without a pause between them, and writes them down.
    ///
    /// Where one cannot be sent, the fault is `failed`, but what was hit by then is undone like any other.
    fn issue<'a>(&self, marks: &'a [Mark]) -> Result<Vec<(&'a Mark, Between)>> {
        let undos: Vec<oneshot::Sender<f64>> = marks.iter().map(|mark| self.plan_undo(mark)).collect();
        let sent: Vec<Result<Between>> =
            marks.iter().map(|mark| self.instances.signal(&mark.instance.name, mark.kind.signal())).collect();
        let done: Vec<Between> = sent.iter().filter_map(|sent| sent.as_ref().ok().copied()).collect();
        let last_epoch_ms = latest(&done);
        let mut issued = Vec::with_capacity(marks.len());
        let mut failure = None;
        for ((mark, undo), sent) in marks.iter().zip(undos).zip(sent) {
            match sent {
                Ok(at) => {
                    // The undo has been waiting for this since before the signal; only `undo_all` takes it away.
                    let _ = undo.send(last_epoch_ms);
                    issued.push((mark, at));
                }
                Err(error) => {
                    failure.get_or_insert((mark, error));
                }
            }
        }
        for (mark, at) in &issued {
            self.write(mark, "issued", *at, None)?;
        }
        let Some((mark, error)) = failure else { return Ok(issued) };
        let now = self.clock.now_epoch_ms();
        self.write(mark, "failed", Between { lo_epoch_ms: now, hi_epoch_ms: now }, Some(error.to_string()))?;
        Err(error)
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
                outcome.and(undone.map_err(|error| error.context(format!("cannot bring {} back", undo.instance))));
        }
        outcome
    }

    /// Waits until the effect of the signal is seen, and writes it down: `gone` of a process that was to end, `still`
    /// of one that was to hold still.
    async fn confirm(&self, mark: &Mark, issued: Between) -> Result<Between> {
        let name = &mark.instance.name;
        let (phase, within, seen) = if mark.kind.spares_the_process() {
            let still = tokio::time::timeout(STILL_WITHIN, self.instances.holds_still(name)).await;
            ("still", STILL_WITHIN, still.ok().transpose()?)
        } else {
            let ended = tokio::time::timeout(GONE_WITHIN, self.instances.ended(name)).await;
            ("gone", GONE_WITHIN, ended.ok().transpose()?.map(|exit| exit.at_epoch_ms))
        };
        if let Some(hi_epoch_ms) = seen {
            let confirmed = Between { lo_epoch_ms: issued.lo_epoch_ms, hi_epoch_ms };
            self.write(mark, phase, confirmed, None)?;
            return Ok(confirmed);
        }
        let text = format!("{name} still runs {} s after its signal", within.as_secs());
        let now = self.clock.now_epoch_ms();
        self.write(mark, "failed", Between { lo_epoch_ms: issued.lo_epoch_ms, hi_epoch_ms: now }, Some(text.clone()))?;
        Err(Error::trial(text))
    }

    /// Makes ready to start the instance again, before anything is done to it. What it returns is told when the
    /// last signal went out; dropped, it means that nothing was done and nothing is to be undone.
    fn plan_undo(&self, mark: &Mark) -> oneshot::Sender<f64> {
        let hurry = CancellationToken::new();
        let (told, acted) = oneshot::channel();
        let task = tokio::spawn(undo(
            mark.clone(),
            acted,
            hurry.clone(),
            self.clock,
            Arc::clone(&self.instances),
            Arc::clone(&self.recorder),
        ));
        self.state().undos.push(Undo { instance: mark.instance.name.clone(), kind: mark.kind, hurry, task });
        told
    }

    fn write(&self, mark: &Mark, phase: &str, at: Between, text: Option<String>) -> Result<()> {
        self.recorder.record(Observation::Fault(mark.observe(phase, at, mark.instance.registered_as.clone(), text)))
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Starts the instance again when its time has come, or at once when hurried.
async fn undo(
    mark: Mark,
    acted: oneshot::Receiver<f64>,
    hurry: CancellationToken,
    clock: Clock,
    instances: Arc<dyn Instances>,
    recorder: Arc<dyn Recorder>,
) -> Result<()> {
    let Ok(last_signal_epoch_ms) = acted.await else { return Ok(()) };
    let at = clock.instant_at(last_signal_epoch_ms) + mark.down_for;
    tokio::select! {
        () = tokio::time::sleep_until(at) => {}
        () = hurry.cancelled() => {}
    }
    let name = &mark.instance.name;
    if mark.kind.spares_the_process() {
        return go_on(&mark, instances.as_ref(), recorder.as_ref());
    }
    // A process that was only asked to end may still be at it, and two of one name must not run.
    if tokio::time::timeout(ENDED_WITHIN, instances.ended(name)).await.is_err() {
        let killed = instances.signal(name, libc::SIGKILL);
        // Where it ended by itself just now, there was nothing to kill.
        if tokio::time::timeout(ENDED_WITHIN, instances.ended(name)).await.is_err() {
            return Err(killed.err().unwrap_or_else(|| Error::trial(format!("{name} does not end"))));
        }
    }
    let back = instances.start(name)?;
    let again = instances.instance(name)?;
    recorder.record(Observation::Fault(mark.observe("back", back, again.registered_as, None)))
}

/// Lets a process go on that holds still. One that was killed meanwhile, by another fault, is that one's to undo.
fn go_on(mark: &Mark, instances: &dyn Instances, recorder: &dyn Recorder) -> Result<()> {
    let name = &mark.instance.name;
    let now = instances.instance(name)?;
    if !now.alive || now.registered_as != mark.instance.registered_as {
        return Ok(());
    }
    let back = instances.signal(name, libc::SIGCONT)?;
    recorder.record(Observation::Fault(mark.observe("back", back, now.registered_as, None)))
}

fn check_targets(targets: &[Instance]) -> Result<()> {
    if targets.is_empty() {
        return Err(Error::script("a fault on no instance at all")
            .hint("`cluster::pick(\"taskmanager\", i)` gives one, `cluster::instances(\"taskmanager\")` all"));
    }
    for (place, target) in targets.iter().enumerate() {
        if target.role != Role::TaskManager {
            return Err(Error::script(format!(
                "{} cannot be hit: faults on a {} are not built",
                target.name, target.role
            ))
            .hint("take a TaskManager: `cluster::pick(\"taskmanager\", i)`"));
        }
        if targets[..place].iter().any(|before| before.name == target.name) {
            return Err(Error::script(format!("{} is in the list twice, but can end only once", target.name)));
        }
    }
    Ok(())
}

fn earliest(all: &[Between]) -> f64 {
    all.iter().map(|at| at.lo_epoch_ms).fold(f64::INFINITY, f64::min)
}

fn latest_lo(all: &[Between]) -> f64 {
    all.iter().map(|at| at.lo_epoch_ms).fold(f64::NEG_INFINITY, f64::max)
}

fn latest(all: &[Between]) -> f64 {
    all.iter().map(|at| at.hi_epoch_ms).fold(f64::NEG_INFINITY, f64::max)
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
