//! The job's exception history, newest first.
//!
//! Only the history is read: the older fields beside it are gone in 2.2.0. Of several tasks that fail together
//! Flink keeps one as the root and hangs the others below it; the root is what made the job restart.

use serde::Deserialize;

use super::failure::first_and_last_cause;
use super::{Flink, quirks};
use crate::error::Result;
use crate::record::EpochMs;

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct JobException {
    #[serde(rename = "exceptionName")]
    pub name: String,
    #[serde(default)]
    pub stacktrace: String,
    #[serde(rename = "timestamp", deserialize_with = "quirks::time")]
    pub at: Option<EpochMs>,
    /// Absent where no single task failed.
    #[serde(default)]
    pub task_name: Option<String>,
    #[serde(default)]
    pub task_manager_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    exception_history: History,
}

#[derive(Deserialize)]
struct History {
    entries: Vec<JobException>,
}

impl JobException {
    /// What happened and why, in one line.
    #[must_use]
    pub fn reason(&self) -> String {
        let reason = first_and_last_cause(&self.stacktrace);
        if reason.is_empty() { self.name.clone() } else { reason }
    }
}

impl Flink {
    /// The newest `max` entries. Flink keeps `web.exception-history-size` of them, 16 by default.
    pub async fn exceptions(&self, job: &str, max: u32) -> Result<Vec<JobException>> {
        let answer: Answer = self.get(&format!("/jobs/{job}/exceptions?maxExceptions={max}")).await?;
        Ok(answer.exception_history.entries)
    }
}
