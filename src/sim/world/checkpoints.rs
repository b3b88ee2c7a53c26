//! Checkpoints under way: what they hold, how long they take, what becomes of them.
//!
//! A checkpoint holds the position at its trigger: the barrier enters at the sources. Its cost, a share of the
//! capacity until it is complete, is therefore paid after the position that it saves.

use super::super::checkpoint::{Due, Ends, Held, RequestId, RequestStatus, SavepointId, Snapshot, Trigger};
use super::super::job::{CheckpointSummary, JobId, StateKind};
use super::super::queue::{Event, Process, Why};
use super::{Phase, Run, World};
use crate::error::{Error, Result};

impl World {
    /// Asks for a checkpoint; what becomes of it is told by [`World::request`].
    pub fn trigger_checkpoint(&mut self, id: JobId, kind: Trigger) -> Result<RequestId> {
        let run = self.run_of(id)?;
        let (runs, busy) = (run.coordinator.active, run.coordinator.snapshot.is_some());
        let request = self.requests.len() as u64 + 1;
        let status = if runs {
            RequestStatus::Pending
        } else {
            RequestStatus::Failed { reason: "not all tasks of the job are running".to_owned() }
        };
        self.requests.insert(request, status);
        if runs && busy {
            if let Some(run) = &mut self.run {
                run.coordinator.requests_wait.push_back((kind, request));
            }
        } else if runs {
            self.begin_snapshot(kind, Some(request));
        }
        Ok(RequestId(request))
    }

    pub fn request(&self, request: RequestId) -> Result<RequestStatus> {
        self.requests.get(&request.0).cloned().ok_or_else(|| Error::trial("Flink knows no such checkpoint request"))
    }

    pub fn checkpoints(&self, id: JobId) -> Result<CheckpointSummary> {
        let coordinator = &self.run_of(id)?.coordinator;
        Ok(CheckpointSummary {
            completed: coordinator.completed,
            failed: coordinator.failed,
            in_progress: coordinator.snapshot.is_some(),
            longest_ms: coordinator.longest_ms,
            latest_completed: coordinator.latest.map(|(checkpoint, _)| checkpoint),
            restored: coordinator.restored,
        })
    }

    /// c as it was paid: the capacity that the completed checkpoints took, as time, over their number.
    #[must_use]
    pub fn mean_cost_ms(&self) -> Option<f64> {
        let coordinator = &self.run.as_ref()?.coordinator;
        (coordinator.completed > 0).then(|| coordinator.cost_paid_ms / coordinator.completed as f64)
    }

    /// All tasks run: the first trigger comes at random.
    pub(super) fn start_triggers(&mut self) {
        let Some(run) = &mut self.run else { return };
        run.coordinator.active = true;
        run.coordinator.grid += 1;
        run.coordinator.last_end_ms = None;
        let serial = run.coordinator.grid;
        let Some(interval) = run.coordinator.interval_ms else { return };
        let least = run.coordinator.min_pause_ms.min(interval);
        let in_ms = self.noise.within(least, interval);
        self.plan(in_ms, Event::PeriodicTrigger { serial });
    }

    pub(super) fn periodic_trigger(&mut self, serial: u32) {
        let now_ms = self.now_ms;
        let Some(run) = &mut self.run else { return };
        let coordinator = &mut run.coordinator;
        let Some(interval) = coordinator.interval_ms.filter(|_| coordinator.active && coordinator.grid == serial)
        else {
            return;
        };
        match coordinator.due(now_ms) {
            Due::Waits => coordinator.periodic_waits = true,
            Due::NotBefore(at_ms) => return self.move_grid(at_ms),
            Due::Now => self.begin_snapshot(Trigger::Periodic, None),
        }
        self.plan(interval, Event::PeriodicTrigger { serial });
    }

    fn move_grid(&mut self, at_ms: f64) {
        let Some(run) = &mut self.run else { return };
        run.coordinator.grid += 1;
        self.queue.plan(at_ms, Event::PeriodicTrigger { serial: run.coordinator.grid });
    }

    fn begin_snapshot(&mut self, kind: Trigger, request: Option<u64>) {
        let Some(run) = &self.run else { return };
        let held = self.held(run);
        let whole = kind.is_savepoint() || run.job.settings.full_checkpoints;
        let incremental_bytes = if whole { held.bytes } else { self.incremental_bytes(run, held) };
        let mean = self.conduct.snapshot_ms(incremental_bytes);
        let took_ms = self.noise.around(mean, self.conduct.snapshot_spread);
        let now_ms = self.now_ms;
        let Some(run) = &mut self.run else { return };
        run.coordinator.last_id += 1;
        let id = run.coordinator.last_id;
        let timeout_ms = run.coordinator.timeout_ms;
        run.coordinator.snapshot = Some(Snapshot {
            id,
            kind,
            request,
            triggered_ms: now_ms,
            held,
            incremental_bytes,
            ends: Ends::Stalled { left_ms: took_ms },
        });
        self.plan(timeout_ms, Event::SnapshotTimeout { checkpoint: id });
        self.resume_snapshot();
    }

    fn held(&self, run: &Run) -> Held {
        let (open_rows, open_windows) = self.open(run);
        let kept = match run.job.state {
            StateKind::Buffered => open_rows * self.conduct.row_bytes,
            StateKind::Aggregated => open_windows * self.conduct.aggregate_bytes,
        };
        let bytes = self.conduct.state_base_bytes + kept;
        Held { position: run.position, next_window: run.next_window, bytes }
    }

    /// Rows of the windows that have not closed, and how many of those there are.
    fn open(&self, run: &Run) -> (f64, f64) {
        let Some(plan) = self.plan_of(run) else { return (0.0, 0.0) };
        let rows = (run.position - plan.opens_at(run.next_window)).max(0.0);
        let opened = (run.next_window..).take_while(|&window| plan.opens_at(window) < run.position);
        // However long the disorder, this many keys say enough of the state's size.
        (rows, opened.take(1_000).count() as f64)
    }

    /// What a checkpoint writes: rows that came since the last one and have not gone with their window.
    fn incremental_bytes(&self, run: &Run, held: Held) -> f64 {
        let kept = (held.bytes - self.conduct.state_base_bytes).max(0.0);
        let since = (run.position - run.goes_back_to().position).max(0.0) * self.conduct.row_bytes;
        self.conduct.state_base_bytes + kept.min(since)
    }

    /// A process that holds part of the job answers no more: a checkpoint under way stands still.
    pub(super) fn stall_snapshot(&mut self, process: Process) {
        let now_ms = self.now_ms;
        let Some(run) = self.run.as_mut().filter(|run| run.holds(process)) else { return };
        let Some(snapshot) = &mut run.coordinator.snapshot else { return };
        if let Ends::At(at_ms) = snapshot.ends {
            snapshot.ends = Ends::Stalled { left_ms: (at_ms - now_ms).max(0.0) };
            run.coordinator.end += 1;
        }
    }

    /// Goes on with a checkpoint that stood still, if all processes of the job answer.
    pub(super) fn resume_snapshot(&mut self) {
        let now_ms = self.now_ms;
        let awake = self.run.as_ref().is_some_and(|run| run.slots.iter().all(|&process| self.answers(process)));
        let Some(run) = self.run.as_mut().filter(|_| awake) else { return };
        let Some(snapshot) = &mut run.coordinator.snapshot else { return };
        let Ends::Stalled { left_ms } = snapshot.ends else { return };
        snapshot.ends = Ends::At(now_ms + left_ms);
        run.coordinator.end += 1;
        let done = Event::SnapshotDone { checkpoint: snapshot.id, serial: run.coordinator.end };
        self.queue.plan(now_ms + left_ms, done);
    }

    pub(super) fn snapshot_done(&mut self, checkpoint: u64, serial: u32) {
        let now_ms = self.now_ms;
        let share = self.conduct.snapshot_share;
        let Some(run) = &mut self.run else { return };
        let coordinator = &mut run.coordinator;
        let current = coordinator.snapshot.as_ref().is_some_and(|snapshot| snapshot.id == checkpoint);
        let Some(snapshot) = coordinator.snapshot.take_if(|_| current && coordinator.end == serial) else { return };
        let duration_ms = now_ms - snapshot.triggered_ms;
        coordinator.completed += 1;
        coordinator.longest_ms = Some(coordinator.longest_ms.unwrap_or(0.0).max(duration_ms));
        coordinator.cost_paid_ms += share * duration_ms;
        coordinator.last_end_ms = Some(now_ms);
        // Flink neither goes back to a savepoint by itself nor commits with one.
        let savepoint = if snapshot.kind.is_savepoint() {
            let number = self.savepoints.len() as u64 + 1;
            self.savepoints.insert(number, (checkpoint, snapshot.held));
            Some(SavepointId(number))
        } else {
            coordinator.latest = Some((checkpoint, snapshot.held));
            self.seal_rows(snapshot.held.next_window);
            None
        };
        self.tell_checkpoint(&snapshot, "completed");
        if let Some(request) = snapshot.request {
            self.requests.insert(request, RequestStatus::Completed { checkpoint, savepoint });
        }
        if snapshot.kind == Trigger::Stop {
            // Unlike other savepoints it commits: nobody else could.
            self.seal_rows(snapshot.held.next_window);
            return self.finish();
        }
        self.next_snapshot();
    }

    /// What waited for the end of a checkpoint.
    fn next_snapshot(&mut self) {
        let now_ms = self.now_ms;
        let Some(run) = self.run.as_mut().filter(|run| run.coordinator.active) else { return };
        if let Some((kind, request)) = run.coordinator.requests_wait.pop_front() {
            return self.begin_snapshot(kind, Some(request));
        }
        if !std::mem::take(&mut run.coordinator.periodic_waits) {
            return;
        }
        match run.coordinator.due(now_ms) {
            Due::NotBefore(at_ms) => self.move_grid(at_ms),
            Due::Now | Due::Waits => self.begin_snapshot(Trigger::Periodic, None),
        }
    }

    pub(super) fn snapshot_timeout(&mut self, checkpoint: u64) {
        let now_ms = self.now_ms;
        let tolerable = u64::from(self.conduct.tolerable_failed_checkpoints);
        let Some(run) = &mut self.run else { return };
        let coordinator = &mut run.coordinator;
        let Some(snapshot) = coordinator.snapshot.take_if(|snapshot| snapshot.id == checkpoint) else { return };
        coordinator.end += 1;
        coordinator.last_end_ms = Some(now_ms);
        coordinator.expired += 1;
        let too_many = coordinator.expired > tolerable && run.phase != Phase::Ending;
        self.fail_snapshot(&snapshot, "the checkpoint expired before it was complete");
        if too_many {
            self.fail_attempt(Why::CheckpointTimeout);
        } else {
            self.next_snapshot();
        }
    }

    /// No more triggers; what is under way or waits will not be.
    pub(super) fn abort_snapshots(&mut self, reason: &str) {
        let Some(run) = &mut self.run else { return };
        let (snapshot, waiting) = run.coordinator.stop();
        if let Some(snapshot) = snapshot {
            self.fail_snapshot(&snapshot, reason);
        }
        for request in waiting {
            self.requests.insert(request, RequestStatus::Failed { reason: reason.to_owned() });
        }
    }

    fn fail_snapshot(&mut self, snapshot: &Snapshot, reason: &str) {
        if let Some(run) = &mut self.run {
            run.coordinator.failed += 1;
        }
        self.tell_checkpoint(snapshot, "failed");
        if let Some(request) = snapshot.request {
            self.requests.insert(request, RequestStatus::Failed { reason: reason.to_owned() });
        }
    }
}
