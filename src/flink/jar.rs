//! Uploads a job's jar, starts a job from it, removes it.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use reqwest::Method;
use reqwest::multipart::{Form, Part};
use serde::{Deserialize, Serialize};

use super::Flink;
use crate::error::{Error, Result};

/// Uploading moves tens of megabytes, and starting runs the user's `main`: neither says anything about how
/// well the JobManager is, so the timeout of ordinary requests does not hold for them.
const SLOW: Duration = Duration::from_secs(120);

/// How to start a job. What is `None` or empty is left to the jar and the cluster.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RunRequest {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entry_class: Option<String>,
    #[serde(rename = "programArgsList", skip_serializing_if = "Vec::is_empty")]
    pub program_args: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parallelism: Option<u32>,
    #[serde(rename = "savepointPath", skip_serializing_if = "Option::is_none")]
    pub savepoint: Option<String>,
    #[serde(rename = "flinkConfiguration", skip_serializing_if = "BTreeMap::is_empty")]
    pub configuration: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Uploaded {
    filename: String,
}

#[derive(Deserialize)]
struct Started {
    jobid: String,
}

impl Flink {
    /// Returns the jar's id.
    pub async fn upload_jar(&self, jar: &Path) -> Result<String> {
        let content = tokio::fs::read(jar).await.map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => Error::missing(format!("there is no jar {}", jar.display())),
            _ => Error::io(format!("read {}", jar.display()), error),
        })?;
        let name = jar.file_name().map_or_else(|| "job.jar".into(), |name| name.to_string_lossy().into_owned());
        let form = Form::new().part("jarfile", Part::bytes(content).file_name(name));
        let path = "/jars/upload";
        let uploaded: Uploaded = self.ask(Method::POST, path, |request| request.timeout(SLOW).multipart(form)).await?;
        Ok(jar_id(&uploaded.filename))
    }

    /// Returns the job's id; the job is then accepted, not yet running.
    pub async fn run_jar(&self, jar_id: &str, run: &RunRequest) -> Result<String> {
        let path = format!("/jars/{jar_id}/run");
        let started: Started = self.ask(Method::POST, &path, |request| request.timeout(SLOW).json(run)).await?;
        Ok(started.jobid)
    }

    pub async fn delete_jar(&self, jar_id: &str) -> Result<()> {
        self.send(Method::DELETE, &format!("/jars/{jar_id}"), |request| request).await?;
        Ok(())
    }
}

/// Flink answers with the file's path on the JobManager's host; its last part is the id.
fn jar_id(filename: &str) -> String {
    filename.rsplit(['/', '\\']).next().unwrap_or(filename).to_owned()
}
