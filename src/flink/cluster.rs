//! What the JobManager says about itself and its TaskManagers.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::Flink;
use crate::error::Result;

/// `/overview`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Overview {
    pub flink_version: String,
    pub taskmanagers: u32,
    pub slots_total: u32,
    pub slots_available: u32,
    pub jobs_running: u32,
}

/// `/config`: how the web page is set up.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct WebConfig {
    pub flink_version: String,
    /// `web.refresh-interval`, milliseconds: as long may an answer about a job be old.
    pub refresh_interval: f64,
}

/// One entry of `/taskmanagers`: registered, which after a fault is not the same as alive.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TaskManager {
    pub id: String,
    #[serde(rename = "slotsNumber")]
    pub slots: u32,
    pub free_slots: u32,
    /// How its memory is divided, in bytes.
    #[serde(default)]
    pub memory_configuration: BTreeMap<String, serde_json::Value>,
}

#[derive(Deserialize)]
struct TaskManagers {
    taskmanagers: Vec<TaskManager>,
}

#[derive(Deserialize)]
struct Entry {
    key: String,
    value: String,
}

impl Flink {
    /// The answer at a path as Flink gives it, for those who keep it and do not read it.
    pub async fn answer(&self, path: &str) -> Result<serde_json::Value> {
        Ok(self.get(path).await?)
    }

    pub async fn overview(&self) -> Result<Overview> {
        Ok(self.get("/overview").await?)
    }

    pub async fn config(&self) -> Result<WebConfig> {
        Ok(self.get("/config").await?)
    }

    /// The configuration in force, defaults left out. Flink hides the values of keys that look like secrets.
    pub async fn jobmanager_config(&self) -> Result<BTreeMap<String, String>> {
        let entries: Vec<Entry> = self.get("/jobmanager/config").await?;
        Ok(entries.into_iter().map(|entry| (entry.key, entry.value)).collect())
    }

    pub async fn taskmanagers(&self) -> Result<Vec<TaskManager>> {
        let TaskManagers { taskmanagers } = self.get("/taskmanagers").await?;
        Ok(taskmanagers)
    }
}
