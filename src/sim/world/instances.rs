//! TaskManagers: signals, heartbeats, and Flink's list of them.
//!
//! Flink learns of a death in three ways: an orderly stop deregisters; a killed process leaves connections that
//! break, which its peers in the job report at once and the JobManager's own heartbeats only when two have
//! failed; a hang shows in nothing but heartbeats that stay away. Until then the process stays on the list, and
//! the job may be sent to it once more.

use super::super::instance::{InstanceView, Signal, registered_name};
use super::super::queue::{Event, Process, Why};
use super::{Overview, Phase, World};
use crate::cluster::Role;
use crate::error::{Error, Result};
use crate::record::EpochMs;

/// The instances that are there but that nothing happens to.
const OTHERS: [(&str, Role); 2] = [("jobmanager-1", Role::JobManager), ("kafka-1", Role::Kafka)];

impl World {
    #[must_use]
    pub fn instances(&self) -> Vec<InstanceView> {
        let others = OTHERS.map(|(name, role)| InstanceView {
            name: name.to_owned(),
            role,
            alive: true,
            hung: false,
            incarnation: 1,
            registered_as: None,
        });
        let taskmanagers = self.taskmanagers.iter().enumerate().map(|(place, taskmanager)| InstanceView {
            name: taskmanager.name.clone(),
            role: Role::TaskManager,
            alive: taskmanager.alive,
            hung: taskmanager.hung,
            incarnation: taskmanager.incarnation,
            registered_as: Some(self.name_of(self.process(place))),
        });
        others.into_iter().chain(taskmanagers).collect()
    }

    /// The names on Flink's list, sorted.
    #[must_use]
    pub fn taskmanagers(&self) -> Vec<String> {
        let mut names: Vec<String> = self.listed.iter().map(|&process| self.name_of(process)).collect();
        names.sort();
        names
    }

    #[must_use]
    pub fn overview(&self) -> Overview {
        let total = self.listed.len() * self.slots;
        let taken =
            self.run.as_ref().map_or(0, |run| run.slots.iter().filter(|slot| self.listed.contains(slot)).count());
        let running = self.run.as_ref().is_some_and(|run| run.state == super::JobState::Running);
        Overview {
            taskmanagers: self.listed.len() as u32,
            slots_total: total as u32,
            slots_available: (total - taken) as u32,
            jobs_running: u32::from(running),
        }
    }

    /// Sends a signal. For those that end a process: when its host sees it gone, unless it hangs.
    pub fn signal(&mut self, name: &str, signal: Signal) -> Result<Option<EpochMs>> {
        let place = self.place(name)?;
        if !self.taskmanagers[place].works {
            return Err(Error::trial(format!("{name} does not run")));
        }
        Ok(match signal {
            Signal::Kill => Some(self.kill(place)),
            Signal::Stop => self.stop(place),
            Signal::Hang => {
                self.hang(place);
                None
            }
            Signal::Continue => {
                self.wake(place);
                None
            }
        })
    }

    /// Starts the instance's next process; it registers a JVM's start later.
    pub fn start(&mut self, name: &str) -> Result<()> {
        let place = self.place(name)?;
        if self.taskmanagers[place].works {
            return Err(Error::trial(format!("{name} runs already")));
        }
        self.begin_process(place);
        Ok(())
    }

    /// Starts every TaskManager anew, and says when the last of them will be on the list.
    pub fn fresh_taskmanagers(&mut self) -> Result<EpochMs> {
        if self.run.as_ref().is_some_and(super::Run::is_live) {
            return Err(Error::trial("the TaskManagers cannot be renewed while a job runs").hint("cancel it first"));
        }
        self.listed.clear();
        self.tell_taskmanagers();
        let registered = (0..self.taskmanagers.len()).map(|place| self.begin_process(place)).reduce(f64::max);
        Ok(self.epoch(registered.unwrap_or(self.now_ms)).next_up())
    }

    /// Gives when the process will register.
    fn begin_process(&mut self, place: usize) -> f64 {
        self.taskmanagers[place].begin();
        let took = self.noise.around(self.conduct.taskmanager_start_ms, self.conduct.taskmanager_start_spread);
        self.plan(took, Event::Registered(self.process(place)));
        self.now_ms + took
    }

    fn place(&self, name: &str) -> Result<usize> {
        if OTHERS.iter().any(|(other, _)| *other == name) {
            return Err(Error::script(format!("{name} cannot be hit: the simulated target breaks TaskManagers only")));
        }
        let place = self.taskmanagers.iter().position(|taskmanager| taskmanager.name == name);
        place.ok_or_else(|| Error::trial(format!("there is no instance {name}")))
    }

    fn process(&self, place: usize) -> Process {
        Process { place, incarnation: self.taskmanagers[place].incarnation }
    }

    pub(super) fn name_of(&self, process: Process) -> String {
        registered_name(&self.taskmanagers[process.place].name, process)
    }

    pub(super) fn is_dead(&self, process: Process) -> bool {
        self.taskmanagers[process.place].is_dead(process.incarnation)
    }

    pub(super) fn answers(&self, process: Process) -> bool {
        self.taskmanagers[process.place].answers(process.incarnation)
    }

    fn heartbeat_ms(&self) -> (f64, f64) {
        let settings = self.run.as_ref().map(|run| run.job.settings).unwrap_or_default();
        let interval = settings.heartbeat_interval_ms.unwrap_or(self.timing.heartbeat_interval_ms as f64);
        (interval, settings.heartbeat_timeout_ms.unwrap_or(self.timing.heartbeat_timeout_ms as f64))
    }

    fn kill(&mut self, place: usize) -> EpochMs {
        let process = self.process(place);
        self.taskmanagers[place].end();
        let gone_ms = self.phase_ms(self.conduct.kill_exit_ms);
        self.plan(gone_ms, Event::Exited(process));
        let (interval, timeout) = self.heartbeat_ms();
        let failures = f64::from(self.conduct.heartbeat_failures);
        let lost_ms = (self.noise.within(failures - 1.0, failures) * interval).min(timeout);
        self.plan(lost_ms, Event::Lost { process, hang: None });
        self.report_broken_connection(process);
        self.stall_snapshot(process);
        self.epoch(self.now_ms + gone_ms)
    }

    /// A peer in the same job sees it; without one nobody does before the heartbeats.
    fn report_broken_connection(&mut self, process: Process) {
        let Some(run) = self.run.as_ref().filter(|run| run.holds(process)) else { return };
        let Some(&peer) = run.slots.iter().find(|&&peer| self.answers(peer)) else { return };
        let (job, attempt) = (run.id.0, run.attempt);
        let seen_ms = self.phase_ms(self.conduct.broken_connection_ms);
        self.plan(seen_ms, Event::Failed { job, attempt, why: Why::BrokenConnection(peer) });
    }

    fn stop(&mut self, place: usize) -> Option<EpochMs> {
        if self.taskmanagers[place].hung {
            self.taskmanagers[place].stops_when_awake = true;
            return None;
        }
        let process = self.process(place);
        let deregistered_ms = self.phase_ms(self.conduct.deregister_ms);
        let gone_ms = deregistered_ms.max(self.phase_ms(self.conduct.stop_exit_ms));
        self.plan(deregistered_ms, Event::Deregistered(process));
        self.plan(gone_ms, Event::Exited(process));
        Some(self.epoch(self.now_ms + gone_ms))
    }

    fn hang(&mut self, place: usize) {
        let process = self.process(place);
        let taskmanager = &mut self.taskmanagers[place];
        if taskmanager.hung {
            return;
        }
        taskmanager.hung = true;
        taskmanager.hangs += 1;
        let hang = Some(taskmanager.hangs);
        let (interval, timeout) = self.heartbeat_ms();
        // The timeout runs from the last heartbeat that was answered.
        let lost_ms = (timeout - self.noise.within(0.0, interval)).max(0.0);
        self.plan(lost_ms, Event::Lost { process, hang });
        self.stall_snapshot(process);
    }

    fn wake(&mut self, place: usize) {
        let process = self.process(place);
        let taskmanager = &mut self.taskmanagers[place];
        if !std::mem::take(&mut taskmanager.hung) {
            return;
        }
        let registers = std::mem::take(&mut taskmanager.registers_when_awake);
        let stops = std::mem::take(&mut taskmanager.stops_when_awake);
        if registers {
            let in_ms = self.phase_ms(self.conduct.reregister_ms);
            self.plan(in_ms, Event::Registered(process));
        }
        if stops {
            self.stop(place);
        }
        self.resume_job();
    }

    pub(super) fn exited(&mut self, process: Process) {
        let taskmanager = &mut self.taskmanagers[process.place];
        if taskmanager.incarnation != process.incarnation {
            return;
        }
        // Hung on its way out: it will go when it is woken.
        if taskmanager.hung {
            taskmanager.stops_when_awake = true;
            return;
        }
        taskmanager.alive = false;
    }

    pub(super) fn deregistered(&mut self, process: Process) {
        let taskmanager = &mut self.taskmanagers[process.place];
        if taskmanager.is_dead(process.incarnation) {
            return;
        }
        if taskmanager.hung {
            taskmanager.stops_when_awake = true;
            return;
        }
        taskmanager.end();
        self.stall_snapshot(process);
        self.unlist(process, Why::Deregistered(process));
    }

    pub(super) fn registered(&mut self, process: Process) {
        let taskmanager = &mut self.taskmanagers[process.place];
        if taskmanager.is_dead(process.incarnation) || self.listed.contains(&process) {
            return;
        }
        if taskmanager.hung {
            taskmanager.registers_when_awake = true;
            return;
        }
        self.listed.push(process);
        self.tell_taskmanagers();
        if let Some(run) = self.run.as_ref().filter(|run| run.phase == Phase::Waiting) {
            let attempt = run.attempt;
            let offered_ms = self.phase_ms(self.conduct.slot_offer_ms);
            self.plan(offered_ms, Event::SlotsOffered { attempt });
        }
    }

    pub(super) fn lost(&mut self, process: Process, hang: Option<u32>) {
        let taskmanager = &mut self.taskmanagers[process.place];
        let why = match hang {
            None => Why::HeartbeatsFailed(process),
            Some(hang) => {
                let same = taskmanager.incarnation == process.incarnation && taskmanager.hangs == hang;
                if !(same && taskmanager.hung) {
                    return;
                }
                taskmanager.registers_when_awake = true;
                Why::HeartbeatTimeout(process)
            }
        };
        self.unlist(process, why);
    }

    fn unlist(&mut self, process: Process, why: Why) {
        let before = self.listed.len();
        self.listed.retain(|listed| *listed != process);
        if self.listed.len() < before {
            self.tell_taskmanagers();
        }
        if self.run.as_ref().is_some_and(|run| run.holds(process)) {
            self.fail_attempt(why);
        }
    }
}
