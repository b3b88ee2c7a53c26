//! The subtasks of one vertex: their attempts, and when each of these became what.
//!
//! `/jobs/:id/vertices/:vid` alone has the attempt's number, `…/subtasktimes` alone the times by name. Asked
//! one after the other around a restart they may speak of different attempts. But the first also has the start
//! of deployment and the time spent in each state, and these add up to the times of the second to the
//! millisecond (every subtask of the fixtures of 1.18.1, 1.19.3, 1.20.3 and 2.2.0): so
//! [`Subtask::initializing_at`] and [`Subtask::running_at`] need one answer, and no race.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{Flink, quirks};
use crate::error::Result;
use crate::record::EpochMs;

#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct VertexDetails {
    pub id: String,
    pub name: String,
    pub subtasks: Vec<Subtask>,
}

/// The current attempt of a subtask.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Subtask {
    pub subtask: u32,
    pub attempt: u32,
    pub status: String,
    #[serde(default)]
    pub taskmanager_id: Option<String>,
    /// When its deployment began.
    #[serde(default, rename = "start-time", deserialize_with = "quirks::time")]
    pub deploying_at: Option<EpochMs>,
    #[serde(default)]
    status_duration: BTreeMap<String, f64>,
    #[serde(default)]
    metrics: Traffic,
}

/// What an attempt has read and written, as of Flink's last fetch of metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
struct Traffic {
    #[serde(deserialize_with = "quirks::amount")]
    write_records: Option<f64>,
    /// False as long as the attempt has shown no such metric.
    write_records_complete: bool,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct VertexTimes {
    pub id: String,
    pub name: String,
    pub subtasks: Vec<SubtaskTimes>,
}

/// When the current attempt of a subtask entered each state; 0 where it never did.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct SubtaskTimes {
    pub subtask: u32,
    pub timestamps: BTreeMap<String, f64>,
}

impl Subtask {
    /// An attempt without the times of its states.
    #[must_use]
    pub fn seen(subtask: u32, attempt: u32, status: &str, taskmanager_id: Option<String>) -> Self {
        let status = status.to_owned();
        Self {
            subtask,
            attempt,
            status,
            taskmanager_id,
            deploying_at: None,
            status_duration: BTreeMap::new(),
            metrics: Traffic::default(),
        }
    }

    #[must_use]
    pub fn initializing_at(&self) -> Option<EpochMs> {
        self.spent_in("INITIALIZING")?;
        Some(self.deploying_at? + self.spent_in("DEPLOYING")?)
    }

    #[must_use]
    pub fn running_at(&self) -> Option<EpochMs> {
        self.spent_in("RUNNING")?;
        Some(self.initializing_at()? + self.spent_in("INITIALIZING")?)
    }

    /// Records that this attempt has sent on to other vertices; None as long as Flink has not fetched it.
    #[must_use]
    pub fn records_out(&self) -> Option<f64> {
        self.metrics.write_records.filter(|_| self.metrics.write_records_complete)
    }

    /// Flink says -1 for a state that was not entered.
    fn spent_in(&self, state: &str) -> Option<f64> {
        self.status_duration.get(state).copied().filter(|duration| *duration >= 0.0)
    }
}

impl Flink {
    pub async fn vertex(&self, job: &str, vertex: &str) -> Result<VertexDetails> {
        Ok(self.get(&format!("/jobs/{job}/vertices/{vertex}")).await?)
    }

    pub async fn subtask_times(&self, job: &str, vertex: &str) -> Result<VertexTimes> {
        Ok(self.get(&format!("/jobs/{job}/vertices/{vertex}/subtasktimes")).await?)
    }
}
