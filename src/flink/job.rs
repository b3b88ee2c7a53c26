//! A job and its vertices, as `/jobs/:id` shows them.
//!
//! The answer comes from a cache of `web.refresh-interval` (3 s by default). The job's own state says RUNNING
//! before any task is deployed: whether tasks run is told by their counts in each vertex.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::Flink;
use crate::error::Result;
use crate::record::EpochMs;

#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Job {
    #[serde(rename = "jid")]
    pub id: String,
    pub name: String,
    pub state: String,
    /// State to the last time it was entered; 0 where it never was. [`Job::entered`] leaves those out.
    pub timestamps: BTreeMap<String, f64>,
    /// Empty while the job is being initialized.
    #[serde(default)]
    pub vertices: Vec<Vertex>,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Vertex {
    pub id: String,
    pub name: String,
    pub parallelism: u32,
    pub status: String,
    /// Number of tasks in each state.
    pub tasks: BTreeMap<String, u32>,
}

#[derive(Deserialize)]
struct Status {
    status: String,
}

impl Job {
    /// Every state the job has been in and when it last entered it, oldest first.
    #[must_use]
    pub fn entered(&self) -> Vec<(&str, EpochMs)> {
        let mut entered: Vec<_> =
            self.timestamps.iter().filter(|(_, at)| **at > 0.0).map(|(state, at)| (state.as_str(), *at)).collect();
        entered.sort_by(|one, other| one.1.total_cmp(&other.1));
        entered
    }

    #[must_use]
    pub fn all_tasks_run(&self) -> bool {
        !self.vertices.is_empty() && self.vertices.iter().all(|vertex| vertex.running() == vertex.parallelism)
    }
}

impl Vertex {
    #[must_use]
    pub fn running(&self) -> u32 {
        self.tasks.get("RUNNING").copied().unwrap_or_default()
    }
}

/// Whether a job in this state never leaves it.
#[must_use]
pub fn is_terminal(state: &str) -> bool {
    matches!(state, "FINISHED" | "CANCELED" | "FAILED")
}

impl Flink {
    pub async fn job(&self, job: &str) -> Result<Job> {
        Ok(self.get(&format!("/jobs/{job}")).await?)
    }

    /// The state alone, which Flink answers without its cache.
    pub async fn job_status(&self, job: &str) -> Result<String> {
        let Status { status } = self.get(&format!("/jobs/{job}/status")).await?;
        Ok(status)
    }
}
