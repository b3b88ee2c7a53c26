//! Checkpoints and savepoints on request: Flink accepts, works, and is asked until it is done.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::Flink;
use super::failure::first_and_last_cause;
use crate::error::{Error, Result};

/// Short against any checkpoint of interest: the answer is what a trial waits for.
const POLL: Duration = Duration::from_millis(100);

/// What a checkpoint on request shall write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum CheckpointKind {
    /// As the job's periodic ones.
    Configured,
    Full,
    Incremental,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Accepted {
    request_id: String,
}

#[derive(Deserialize)]
struct Progress {
    status: ProgressStatus,
    operation: Option<Operation>,
}

#[derive(Deserialize)]
struct ProgressStatus {
    id: String,
}

/// The end of a checkpoint (`checkpointId`) or savepoint (`location`).
#[derive(Deserialize)]
struct Operation {
    #[serde(rename = "checkpointId")]
    checkpoint_id: Option<u64>,
    location: Option<String>,
    #[serde(rename = "failureCause", alias = "failure-cause")]
    failure: Option<Cause>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Cause {
    class: String,
    #[serde(default)]
    stack_trace: String,
}

impl Flink {
    /// Takes a checkpoint now and returns its id once it is complete.
    pub async fn trigger_checkpoint(&self, job: &str, kind: CheckpointKind, wait: Duration) -> Result<u64> {
        let path = format!("/jobs/{job}/checkpoints");
        let accepted: Accepted = self.post(&path, &json!({ "checkpointType": kind })).await?;
        let operation = self.completed(&path, &accepted, wait).await?;
        operation.checkpoint_id.ok_or_else(|| silent(&path))
    }

    /// Takes a savepoint and returns where it lies; without a directory below `state.savepoints.dir`.
    pub async fn savepoint(&self, job: &str, directory: Option<&str>, wait: Duration) -> Result<String> {
        let mut body = json!({ "cancel-job": false });
        if let Some(directory) = directory {
            body["target-directory"] = directory.into();
        }
        let accepted = self.post(&format!("/jobs/{job}/savepoints"), &body).await?;
        self.savepoint_location(job, &accepted, wait).await
    }

    /// Ends the job with a savepoint and returns where it lies.
    pub async fn stop_with_savepoint(&self, job: &str, directory: Option<&str>, wait: Duration) -> Result<String> {
        let mut body = json!({ "drain": false });
        if let Some(directory) = directory {
            body["targetDirectory"] = directory.into();
        }
        let accepted = self.post(&format!("/jobs/{job}/stop"), &body).await?;
        self.savepoint_location(job, &accepted, wait).await
    }

    /// A stop is asked after at the savepoints too.
    async fn savepoint_location(&self, job: &str, accepted: &Accepted, wait: Duration) -> Result<String> {
        let path = format!("/jobs/{job}/savepoints");
        let operation = self.completed(&path, accepted, wait).await?;
        operation.location.ok_or_else(|| silent(&path))
    }

    /// Asks until the operation has ended, one way or the other.
    async fn completed(&self, path: &str, accepted: &Accepted, wait: Duration) -> Result<Operation> {
        let path = format!("{path}/{}", accepted.request_id);
        let started = Instant::now();
        loop {
            let progress: Progress = self.get(&path).await?;
            if progress.status.id == "COMPLETED" {
                let operation = progress.operation.ok_or_else(|| silent(&path))?;
                return match operation.failure {
                    Some(cause) => Err(failed(&path, &cause)),
                    None => Ok(operation),
                };
            }
            if started.elapsed() > wait {
                let seconds = wait.as_secs_f64();
                return Err(Error::trial(format!("{path}: not done after {seconds} s, still {}", progress.status.id)));
            }
            tokio::time::sleep(POLL).await;
        }
    }
}

fn failed(path: &str, cause: &Cause) -> Error {
    let reason = first_and_last_cause(&cause.stack_trace);
    Error::trial(format!("{path}: {}", if reason.is_empty() { &cause.class } else { &reason }))
}

fn silent(path: &str) -> Error {
    Error::target(format!("{path}: Flink says it is done, but not with what"))
}
