//! A job's life: submission, slots, deployment, restore, the first record; failure, delay, and once more.
//!
//! Restarts follow a fixed delay. An attempt goes back to the newest completed checkpoint when it begins, before
//! it has slots, as Flink's timestamps show.

use std::collections::BTreeMap;

use super::super::checkpoint::{Coordinator, Held};
use super::super::job::{Job, JobId, JobState, JobView, SubtaskView, TaskState, VERTICES, VertexView};
use super::super::queue::{Event, Process, Why};
use super::results::Results;
use super::{Phase, Run, Task, World};
use crate::error::{Error, Result};
use crate::record::State;

impl World {
    /// Submits a job; one at a time.
    pub fn submit(&mut self, job: Job) -> Result<JobId> {
        self.check(&job)?;
        let origin = match job.from {
            None => None,
            Some(savepoint) => {
                let held = self.savepoints.get(&savepoint.0).copied();
                Some(held.ok_or_else(|| Error::trial(format!("there is no {savepoint}")))?)
            }
        };
        self.jobs += 1;
        let id = JobId(self.jobs);
        let begins = origin.map(|(_, held)| held).unwrap_or_default();
        // Whoever observes goes on with the job that comes after: its attempts are numbered on, and what the job before
        // it wrote a consumer still gets.
        let before = self.run.take();
        // What the old job's triggers still have in the queue is not the new one's.
        let (grid, end) = before.as_ref().map_or((0, 0), |run| (run.coordinator.grid, run.coordinator.end));
        let before = before.filter(|_| self.telling.is_told());
        let (attempt, results) = before.map_or((0, Results::default()), |run| (run.attempt + 1, run.results));
        let coordinator = Coordinator {
            interval_ms: job.interval_ms,
            min_pause_ms: job.settings.min_pause_ms.unwrap_or(self.timing.min_pause_ms as f64),
            timeout_ms: job.settings.checkpoint_timeout_ms.unwrap_or(self.conduct.checkpoint_timeout_ms),
            last_id: origin.map_or(0, |(checkpoint, _)| checkpoint),
            grid,
            end,
            ..Coordinator::default()
        };
        self.run = Some(Run {
            id,
            tasks: vec![Task::NEW; job.parallelism as usize],
            job,
            state: JobState::Initializing,
            timestamps: BTreeMap::new(),
            phase: Phase::Submitted,
            attempt,
            restarts: 0,
            slots: Vec::new(),
            slots_before: Vec::new(),
            deferred: Vec::new(),
            coordinator,
            stopped: false,
            origin,
            position: begins.position,
            read_from: begins.position,
            next_window: begins.next_window,
            warmth: 1.0,
            results,
        });
        self.telling.begin_job();
        self.enter(JobState::Initializing);
        let started_ms = self.phase_ms(self.conduct.submit_ms);
        self.plan(started_ms / 2.0, Event::Created { job: id.0 });
        self.plan(started_ms, Event::Started { job: id.0 });
        Ok(id)
    }

    fn check(&self, job: &Job) -> Result<()> {
        if self.run.as_ref().is_some_and(Run::is_live) {
            return Err(Error::trial("the simulated Flink runs a job already").hint("cancel it first"));
        }
        if !self.topics.contains_key(&job.topic) {
            return Err(Error::trial(format!("there is no topic {}", job.topic)));
        }
        if job.parallelism == 0 {
            return Err(Error::script(format!("job {}: a parallelism of 0", job.name)));
        }
        if job.interval_ms.is_some_and(|interval| !(interval.is_finite() && interval >= 1.0)) {
            return Err(Error::script(format!("job {}: a checkpoint interval below 1 ms", job.name)));
        }
        if job.window.is_some_and(|window| window.length_ms < 1 || window.out_of_orderness_ms < 0) {
            return Err(Error::script(format!("job {}: a window below 1 ms, or a disorder below 0", job.name)));
        }
        Ok(())
    }

    /// Ends the job; it is CANCELED a little later.
    pub fn cancel(&mut self, id: JobId) -> Result<()> {
        let run = self.run_of(id)?;
        if !run.is_live() || run.stopped {
            return Ok(());
        }
        self.abort_snapshots("the job was canceled");
        self.lose_rows();
        if let Some(run) = &mut self.run {
            run.phase = Phase::Ending;
            run.slots.clear();
            run.deferred.clear();
            for task in &mut run.tasks {
                task.state = TaskState::Canceled;
            }
        }
        self.enter(JobState::Cancelling);
        let ended_ms = self.phase_ms(self.conduct.cancel_ms);
        self.plan(ended_ms, Event::Canceled { job: id.0 });
        Ok(())
    }

    /// The savepoint that the job was to end with is complete.
    pub(super) fn finish(&mut self) {
        self.abort_snapshots("the job was stopped");
        // All of it went out with the savepoint.
        self.lose_rows();
        let Some(run) = &mut self.run else { return };
        run.stopped = true;
        run.phase = Phase::Ending;
        run.slots.clear();
        run.deferred.clear();
        for task in &mut run.tasks {
            task.state = TaskState::Canceled;
        }
        let id = run.id;
        let ended_ms = self.phase_ms(self.conduct.cancel_ms);
        self.plan(ended_ms, Event::Canceled { job: id.0 });
    }

    pub fn job(&self, id: JobId) -> Result<JobView> {
        let run = self.run_of(id)?;
        Ok(JobView {
            id,
            name: run.job.name.clone(),
            state: run.state,
            timestamps: run.timestamps.clone(),
            restarts: run.restarts,
            attempt: run.attempt,
            all_running: matches!(run.phase, Phase::Starting | Phase::Reading),
            vertices: VERTICES
                .map(|vertex| VertexView {
                    id: vertex.id,
                    name: vertex.name,
                    parallelism: run.job.parallelism,
                    source: vertex.source,
                })
                .to_vec(),
        })
    }

    /// The subtasks of the current attempt, of all vertices.
    pub fn subtasks(&self, id: JobId) -> Result<Vec<SubtaskView>> {
        let run = self.run_of(id)?;
        let view = |vertex: super::super::job::Vertex, (subtask, task): (usize, &Task)| SubtaskView {
            vertex: vertex.id,
            name: vertex.name,
            subtask: subtask as u32,
            attempt: run.attempt,
            state: task.state,
            taskmanager: run.slots.get(subtask).map(|&process| self.name_of(process)),
            initializing_ms: task.initializing_ms.map(|at| self.epoch(at)),
            running_ms: task.running_ms.map(|at| self.epoch(at)),
        };
        Ok(VERTICES
            .iter()
            .flat_map(|&vertex| run.tasks.iter().enumerate().map(move |numbered| view(vertex, numbered)))
            .collect())
    }

    /// Where the job would go back to now, in records.
    #[must_use]
    pub fn restored_records(&self) -> f64 {
        self.run.as_ref().map_or(0.0, |run| run.goes_back_to().position)
    }

    /// How far the job has read, in records.
    #[must_use]
    pub fn position_records(&self) -> f64 {
        self.run.as_ref().map_or(0.0, |run| run.position)
    }

    pub(super) fn happen_to_job(&mut self, event: Event) {
        let Some(run) = &self.run else { return };
        let (id, now, phase) = (run.id.0, run.attempt, run.phase);
        match event {
            Event::Created { job } if job == id && phase == Phase::Submitted => self.enter(JobState::Created),
            Event::Started { job } if job == id && phase == Phase::Submitted => self.begin_attempt(),
            Event::Canceled { job } if job == id => self.end_job(),
            Event::Restart { job, attempt } if (job, attempt) == (id, now) && phase == Phase::Restarting => {
                self.begin_attempt();
            }
            Event::SlotsOffered { attempt } if attempt == now && phase == Phase::Waiting => {
                // Too few still: the next to register offers again.
                let _ = self.take_slots();
            }
            Event::StartupOver if phase == Phase::Waiting => self.refuse(),
            Event::Failed { job, attempt, why } if (job, attempt) == (id, now) => self.failed(why),
            Event::TaskReady { job, attempt, subtask } if (job, attempt) == (id, now) => self.task_ready(subtask),
            Event::FirstRecord { job, attempt } if (job, attempt) == (id, now) => self.first_record(),
            Event::Warm { job, attempt } if (job, attempt) == (id, now) => self.warm_up(),
            _ => {}
        }
    }

    fn enter(&mut self, state: JobState) {
        let at_epoch_ms = self.now_ms();
        let Some(run) = &mut self.run else { return };
        run.state = state;
        run.timestamps.insert(state.name(), at_epoch_ms);
        self.tell_state(State::Job { state: state.name().to_owned(), at_epoch_ms });
    }

    fn end_job(&mut self) {
        let stopped = self.run.as_ref().is_some_and(|run| run.stopped);
        self.enter(if stopped { JobState::Finished } else { JobState::Canceled });
        if let Some(run) = &mut self.run {
            run.phase = Phase::Ended;
        }
    }

    fn begin_attempt(&mut self) {
        self.enter(JobState::Running);
        let at_epoch_ms = self.now_ms();
        let Some(run) = &mut self.run else { return };
        let held = run.goes_back_to();
        (run.position, run.read_from, run.next_window) = (held.position, held.position, held.next_window);
        run.phase = Phase::Waiting;
        run.tasks.fill(Task::NEW);
        let restored = run.coordinator.latest.or(run.origin).map(|(checkpoint, _)| checkpoint);
        run.coordinator.restored = restored;
        if let Some(checkpoint) = restored {
            self.tell_state(State::Restored { checkpoint, at_epoch_ms });
        }
        self.seek_slots();
    }

    fn seek_slots(&mut self) {
        if self.take_slots() {
            return;
        }
        if self.now_ms >= self.conduct.startup_period_ms {
            self.refuse();
        } else {
            self.plan_failure(self.conduct.slot_timeout_ms, Why::SlotTimeout);
        }
    }

    fn refuse(&mut self) {
        let in_ms = self.phase_ms(self.conduct.refusal_ms);
        self.plan_failure(in_ms, Why::NoResources);
    }

    fn plan_failure(&mut self, in_ms: f64, why: Why) {
        let Some(run) = &self.run else { return };
        let (job, attempt) = (run.id.0, run.attempt);
        self.plan(in_ms, Event::Failed { job, attempt, why });
    }

    /// Takes the slots and deploys, if there are enough on the list; whether anybody answers there shows later.
    fn take_slots(&mut self) -> bool {
        let Some(run) = &mut self.run else { return false };
        if self.listed.len() * self.slots < run.parallelism() {
            return false;
        }
        run.slots = spread_out(&self.listed, self.slots, run.parallelism());
        run.phase = Phase::Deploying;
        for task in &mut run.tasks {
            task.state = TaskState::Deploying;
        }
        let (job, attempt) = (run.id.0, run.attempt);
        let slots = run.slots.clone();
        if let Some(&dead) = slots.iter().find(|&&process| self.is_dead(process)) {
            let in_ms = self.phase_ms(self.conduct.unreachable_ms);
            self.plan_failure(in_ms, Why::Unreachable(dead));
            return true;
        }
        for subtask in 0..slots.len() as u32 {
            let in_ms = self.phase_ms(self.conduct.deploy_ms);
            self.plan(in_ms, Event::TaskReady { job, attempt, subtask });
        }
        true
    }

    /// The subtask is deployed, or has its state.
    fn task_ready(&mut self, subtask: u32) {
        let place = subtask as usize;
        let Some(run) = self.run.as_mut().filter(|run| run.phase == Phase::Deploying) else { return };
        let (job, attempt, process) = (run.id.0, run.attempt, run.slots[place]);
        let event = Event::TaskReady { job, attempt, subtask };
        let taskmanager = &self.taskmanagers[process.place];
        if taskmanager.is_dead(process.incarnation) {
            return;
        }
        if taskmanager.hung {
            run.deferred.push(event);
            return;
        }
        let task = &mut run.tasks[place];
        if task.state == TaskState::Deploying {
            (task.state, task.initializing_ms) = (TaskState::Initializing, Some(self.now_ms));
            let in_ms = self.phase_ms(self.conduct.initialize_ms) + self.restore_ms(place);
            self.plan(in_ms, event);
            self.tell_task(subtask, TaskState::Initializing);
            return;
        }
        (task.state, task.running_ms) = (TaskState::Running, Some(self.now_ms));
        let all = run.tasks.iter().all(|task| task.state == TaskState::Running);
        self.tell_task(subtask, TaskState::Running);
        if all {
            self.all_running();
        }
    }

    /// How long the subtask takes to fetch its state; a process that has it still need not, with local recovery.
    fn restore_ms(&self, place: usize) -> f64 {
        let Some((run, bytes_per_s)) = self.run.as_ref().zip(self.conduct.restore_bytes_per_s) else { return 0.0 };
        let stays = run.slots_before.get(place) == run.slots.get(place);
        if run.job.settings.local_recovery && stays {
            return 0.0;
        }
        run.goes_back_to().bytes / f64::from(run.job.parallelism) / bytes_per_s * 1e3
    }

    fn all_running(&mut self) {
        let Some(run) = &mut self.run else { return };
        run.phase = Phase::Starting;
        let (job, attempt, subtasks) = (run.id.0, run.attempt, run.tasks.len());
        self.start_triggers();
        let firsts: Vec<f64> = (0..subtasks).map(|_| self.phase_ms(self.conduct.first_record_ms)).collect();
        let Some(run) = &mut self.run else { return };
        for (task, in_ms) in run.tasks.iter_mut().zip(&firsts) {
            task.first_ms = Some(self.now_ms + in_ms);
        }
        let in_ms = firsts.into_iter().reduce(f64::min).unwrap_or(0.0);
        self.plan(in_ms, Event::FirstRecord { job, attempt });
    }

    fn first_record(&mut self) {
        let Some(run) = self.run.as_ref().filter(|run| run.phase == Phase::Starting) else { return };
        let (job, attempt) = (run.id.0, run.attempt);
        let slots = run.slots.clone();
        if slots.iter().any(|&process| self.is_dead(process)) {
            return;
        }
        let awake = slots.iter().all(|&process| self.answers(process));
        let cold = slots.iter().filter(|process| !self.taskmanagers[process.place].warm).count();
        let Some(run) = &mut self.run else { return };
        if !awake {
            run.deferred.push(Event::FirstRecord { job, attempt });
            return;
        }
        // Whoever was to begin while others slept begins now.
        for task in &mut run.tasks {
            task.first_ms = task.first_ms.map(|first| first.max(self.now_ms));
        }
        run.phase = Phase::Reading;
        match self.conduct.cold.filter(|_| cold > 0) {
            None => self.warm_up(),
            Some(how) => {
                run.warmth = 1.0 - (1.0 - how.capacity_share) * cold as f64 / slots.len() as f64;
                self.plan(how.lasts_ms, Event::Warm { job, attempt });
            }
        }
    }

    fn warm_up(&mut self) {
        let Some(run) = &mut self.run else { return };
        run.warmth = 1.0;
        for process in &run.slots {
            let taskmanager = &mut self.taskmanagers[process.place];
            taskmanager.warm |= taskmanager.incarnation == process.incarnation;
        }
    }

    fn failed(&mut self, why: Why) {
        let waits = self.run.as_ref().is_some_and(|run| run.phase == Phase::Waiting);
        let wants_slots = matches!(why, Why::NoResources | Why::SlotTimeout);
        if waits == wants_slots {
            self.fail_attempt(why);
        }
    }

    /// Ends the attempt; the next begins after the delay.
    pub(super) fn fail_attempt(&mut self, why: Why) {
        let in_attempt =
            |run: &&Run| matches!(run.phase, Phase::Waiting | Phase::Deploying | Phase::Starting | Phase::Reading);
        if self.run.as_ref().filter(in_attempt).is_none() {
            return;
        }
        let (name, process) = why.exception();
        let taskmanager = process.map(|process| self.name_of(process));
        let at_epoch_ms = self.now_ms();
        self.tell_state(State::Exception { name: name.to_owned(), taskmanager, at_epoch_ms });
        self.abort_snapshots("the job failed");
        self.lose_rows();
        let Some(run) = &mut self.run else { return };
        if !run.slots.is_empty() {
            run.slots_before = std::mem::take(&mut run.slots);
        }
        run.deferred.clear();
        run.tasks.fill(Task { state: TaskState::Canceled, ..Task::NEW });
        run.attempt += 1;
        run.restarts += 1;
        run.warmth = 1.0;
        run.phase = Phase::Restarting;
        let (job, attempt) = (run.id.0, run.attempt);
        let delay_ms = run.job.settings.restart_delay_ms.unwrap_or(self.timing.restart_delay_ms as f64);
        self.enter(JobState::Restarting);
        self.plan(delay_ms, Event::Restart { job, attempt });
    }

    /// A hang has ended: what waited for it goes on, if nobody else still hangs.
    pub(super) fn resume_job(&mut self) {
        let Some(run) = &mut self.run else { return };
        for event in std::mem::take(&mut run.deferred) {
            self.plan(0.0, event);
        }
        self.resume_snapshot();
    }
}

impl Run {
    /// What the next attempt begins from.
    pub(super) fn goes_back_to(&self) -> Held {
        self.coordinator.latest.or(self.origin).map_or_else(Held::default, |(_, held)| held)
    }
}

/// A slot for each subtask, from the process with the fewest taken, as `cluster.evenly-spread-out-slots` does.
fn spread_out(listed: &[Process], slots: usize, parallelism: usize) -> Vec<Process> {
    let order = (0..slots).flat_map(|_| listed.iter().copied());
    order.take(parallelism).collect()
}
