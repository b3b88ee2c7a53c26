//! The job's states, its subtasks' attempts and its exceptions: each change once, with Flink's own time.
//!
//! The job is asked at every look, its vertices and exceptions only when the job's timestamps or task counts
//! have moved since they were last read, and every two seconds to be sure (an exception enters the history
//! only after the restart delay, with its own time). A restart between two looks leaves its trace in the
//! timestamps, so it is not missed; in a quiet phase the JobManager answers one request a look, not four.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use super::gaps::Gaps;
use super::outlet::Outlet;
use super::pace::Poller;
use crate::error::Result;
use crate::flink::{Flink, Job, JobException, Subtask, Vertex, VertexDetails};
use crate::record::{EpochMs, State};

const LOOK_ANYWAY: Duration = Duration::from_secs(2);

/// Newest entries of the exception history read at a look: one kill has caused 13 restarts at a look each,
/// so that several fit, and every entry carries its stack trace.
const EXCEPTIONS: u32 = 20;

pub(super) struct JobWatch {
    flink: Flink,
    job: String,
    outlet: Outlet,
    job_gaps: Gaps,
    vertex_gaps: Gaps,
    exception_gaps: Gaps,
    /// What was recorded already; times as whole milliseconds, as Flink has them.
    states: BTreeSet<(String, i64)>,
    subtasks: BTreeSet<(String, u32, u32, &'static str)>,
    exceptions: BTreeSet<(i64, String, Option<String>, Option<String>)>,
    looked: Option<Looked>,
}

/// The job as it was when its vertices and exceptions were last read.
struct Looked {
    timestamps: BTreeMap<String, f64>,
    vertices: Vec<Vertex>,
    at: Instant,
}

impl JobWatch {
    pub(super) fn new(flink: &Flink, job: &str, outlet: &Outlet) -> Self {
        Self {
            flink: flink.clone(),
            job: job.to_owned(),
            outlet: outlet.clone(),
            job_gaps: Gaps::new("job", outlet),
            vertex_gaps: Gaps::new("subtasks of the job", outlet),
            exception_gaps: Gaps::new("exceptions of the job", outlet),
            states: BTreeSet::new(),
            subtasks: BTreeSet::new(),
            exceptions: BTreeSet::new(),
            looked: None,
        }
    }

    fn record_states(&mut self, job: &Job) -> Result<()> {
        for (state, at_epoch_ms) in job.entered() {
            if self.states.insert((state.to_owned(), whole(at_epoch_ms))) {
                self.outlet.state(State::Job { state: state.to_owned(), at_epoch_ms })?;
            }
        }
        Ok(())
    }

    fn has_moved(&self, job: &Job) -> bool {
        self.looked.as_ref().is_none_or(|looked| {
            looked.timestamps != job.timestamps || looked.vertices != job.vertices || looked.at.elapsed() > LOOK_ANYWAY
        })
    }

    /// Whether every vertex could be read.
    async fn look_at_subtasks(&mut self, job: &Job) -> Result<bool> {
        let mut all_read = true;
        for vertex in &job.vertices {
            let answer = self.flink.vertex(&self.job, &vertex.id).await;
            match self.vertex_gaps.bridge(answer)? {
                Some(details) => self.record_subtasks(&details)?,
                None => all_read = false,
            }
        }
        Ok(all_read)
    }

    fn record_subtasks(&mut self, vertex: &VertexDetails) -> Result<()> {
        for subtask in &vertex.subtasks {
            self.record_subtask(vertex, subtask, "INITIALIZING", subtask.initializing_at())?;
            self.record_subtask(vertex, subtask, "RUNNING", subtask.running_at())?;
        }
        Ok(())
    }

    fn record_subtask(
        &mut self,
        vertex: &VertexDetails,
        subtask: &Subtask,
        state: &'static str,
        at: Option<EpochMs>,
    ) -> Result<()> {
        let Some(at_epoch_ms) = at else { return Ok(()) };
        if !self.subtasks.insert((vertex.id.clone(), subtask.subtask, subtask.attempt, state)) {
            return Ok(());
        }
        self.outlet.state(State::Subtask {
            vertex: vertex.id.clone(),
            name: vertex.name.clone(),
            subtask: subtask.subtask,
            attempt: subtask.attempt,
            state: state.to_owned(),
            at_epoch_ms,
        })
    }

    /// Whether the exceptions could be read.
    async fn look_at_exceptions(&mut self) -> Result<bool> {
        let answer = self.flink.exceptions(&self.job, EXCEPTIONS).await;
        let Some(exceptions) = self.exception_gaps.bridge(answer)? else { return Ok(false) };
        for exception in exceptions.into_iter().rev() {
            self.record_exception(exception)?;
        }
        Ok(true)
    }

    fn record_exception(&mut self, exception: JobException) -> Result<()> {
        let Some(at_epoch_ms) = exception.at else { return Ok(()) };
        let JobException { name, task_name, task_manager_id: taskmanager, .. } = exception;
        if !self.exceptions.insert((whole(at_epoch_ms), name.clone(), task_name, taskmanager.clone())) {
            return Ok(());
        }
        self.outlet.state(State::Exception { name, taskmanager, at_epoch_ms })
    }
}

impl Poller for JobWatch {
    async fn poll(&mut self) -> Result<()> {
        let answer = self.flink.job(&self.job).await;
        let Some(job) = self.job_gaps.bridge(answer)? else { return Ok(()) };
        self.record_states(&job)?;
        self.outlet.show(|live| live.job_state = Some(job.state.clone()));
        if !self.has_moved(&job) {
            return Ok(());
        }
        let at = Instant::now();
        let told = self.look_at_exceptions().await?;
        let all_read = self.look_at_subtasks(&job).await?;
        let Job { timestamps, vertices, .. } = job;
        self.looked = (told && all_read).then_some(Looked { timestamps, vertices, at });
        Ok(())
    }
}

/// Flink's times are whole milliseconds; as integers they can be compared.
fn whole(at: EpochMs) -> i64 {
    at.round() as i64
}
