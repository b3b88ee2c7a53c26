//! Waits until a job runs, or has ended.
//!
//! A request that fails in between does not end the wait: a JobManager under load drops one now and then, and
//! the timeout is the caller's bound. The last failure is told when the time is over.

use std::time::{Duration, Instant};

use reqwest::Method;

use super::{Flink, Job, is_terminal, quirks};
use crate::error::{Error, Result};

/// Flink's view of a job is as old as `web.refresh-interval`, 200 ms at best.
const POLL: Duration = Duration::from_millis(200);

impl Flink {
    /// Waits until every task of every vertex is RUNNING, which the job's own state does not tell; fails as
    /// soon as the job has ended.
    pub async fn wait_until_running(&self, job: &str, timeout: Duration) -> Result<Job> {
        let until = Instant::now() + timeout;
        loop {
            let last = self.job(job).await;
            match &last {
                Ok(seen) if is_terminal(&seen.state) => return Err(self.ended_early(job, &seen.state).await),
                Ok(seen) if seen.all_tasks_run() => return last,
                _ => {}
            }
            if Instant::now() >= until {
                return Err(self.not_running(job, timeout, last).await);
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// Cancels the job and waits for its end; returns the state in which it ended.
    pub async fn cancel(&self, job: &str, timeout: Duration) -> Result<String> {
        let path = format!("/jobs/{job}?mode=cancel");
        match self.send(Method::PATCH, &path, |request| request).await {
            Err(failure) if !quirks::says_already_ended(&failure) => Err(failure)?,
            _ => self.wait_until_terminal(job, timeout).await,
        }
    }

    pub async fn wait_until_terminal(&self, job: &str, timeout: Duration) -> Result<String> {
        let until = Instant::now() + timeout;
        loop {
            let last = self.job_status(job).await;
            if let Ok(state) = &last
                && is_terminal(state)
            {
                return last;
            }
            if Instant::now() >= until {
                let doing = format!("job {job} has not ended after {} s", timeout.as_secs_f64());
                return Err(match last {
                    Ok(state) => Error::trial(format!("{doing}: it is {state}")),
                    Err(error) => error.context(doing),
                });
            }
            tokio::time::sleep(POLL).await;
        }
    }

    async fn ended_early(&self, job: &str, state: &str) -> Error {
        let reason = self.last_exception(job).await.unwrap_or_else(|| "Flink names no exception".to_owned());
        Error::trial(format!("job {job} is {state} before all its tasks ran: {reason}"))
    }

    async fn not_running(&self, job: &str, timeout: Duration, last: Result<Job>) -> Error {
        let doing = format!("job {job} does not run after {} s", timeout.as_secs_f64());
        let seen = match last {
            Ok(seen) => seen,
            Err(error) => return error.context(doing),
        };
        let exception = self.last_exception(job).await.map(|reason| format!("; last exception: {reason}"));
        let error = Error::trial(format!("{doing}: {}{}", missing(&seen), exception.unwrap_or_default()));
        let waits_for_slots = seen.vertices.iter().any(|vertex| vertex.tasks.get("SCHEDULED").is_some_and(|n| *n > 0));
        if waits_for_slots {
            error.hint("tasks wait for a free slot: give the target more, or the job a smaller parallelism")
        } else {
            error
        }
    }

    /// Best effort: it decorates an error that is being told anyway.
    async fn last_exception(&self, job: &str) -> Option<String> {
        self.exceptions(job, 1).await.ok()?.first().map(super::JobException::reason)
    }
}

/// "state RESTARTING; src: 1 of 2 tasks run"
fn missing(job: &Job) -> String {
    let mut missing = format!("state {}", job.state);
    for vertex in job.vertices.iter().filter(|vertex| vertex.running() < vertex.parallelism) {
        missing += &format!("; {}: {} of {} tasks run", vertex.name, vertex.running(), vertex.parallelism);
    }
    missing
}
