//! One MinIO that keeps the checkpoints of a run, and what Flink must be told of it.
//!
//! Its keys are made anew for each run and are in no file: MinIO takes them from its environment, and Flink's
//! S3 client looks there for a user's own. Flink's configuration, which it logs and shows, never holds them.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::Duration;

use crate::error::{Error, Result};
use crate::host::Host;

/// A folder below MinIO's data that is there before it starts is a bucket.
const BUCKET: &str = "flink-checkpoints";
/// How long it may take to answer whether it is alive.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);

/// Made for one run; never printed.
#[derive(Clone)]
pub struct Keys {
    access: String,
    secret: String,
}

impl Keys {
    #[must_use]
    pub fn random() -> Self {
        Self {
            access: format!("cprun-{:016x}", rand::random::<u64>()),
            secret: format!("{:032x}", rand::random::<u128>()),
        }
    }

    /// What Flink's S3 client takes as a user's keys; no session goes with them.
    #[must_use]
    pub fn for_flink(&self) -> BTreeMap<String, String> {
        [("AWS_ACCESS_KEY_ID", self.access.as_str()), ("AWS_SECRET_ACCESS_KEY", self.secret.as_str())]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into()
    }

    #[must_use]
    pub fn for_minio(&self) -> BTreeMap<String, String> {
        [
            ("MINIO_ROOT_USER", self.access.as_str()),
            ("MINIO_ROOT_PASSWORD", self.secret.as_str()),
            // No web page and no question to anybody for a newer version.
            ("MINIO_BROWSER", "off"),
            ("MINIO_UPDATE", "off"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("***")
    }
}

/// Variables of the user's that would change what MinIO does, or whom Flink asks for keys and by which way.
#[must_use]
pub fn foreign_variables(host: &Host) -> Vec<String> {
    let foreign = |name: &&String| {
        let upper = name.to_uppercase();
        upper.starts_with("MINIO_")
            || upper.starts_with("AWS_")
            || matches!(upper.as_str(), "HTTP_PROXY" | "HTTPS_PROXY")
    };
    host.environment.keys().filter(foreign).cloned().collect()
}

/// Makes the bucket.
pub fn make_bucket(folder: &Path) -> Result<()> {
    let bucket = folder.join("data").join(BUCKET);
    fs::create_dir_all(&bucket).map_err(|error| Error::io(format!("make {}", bucket.display()), error))
}

#[must_use]
pub fn server_arguments(folder: &Path, port: u16) -> Vec<String> {
    let path = |name: &str| folder.join(name).display().to_string();
    vec![
        "server".into(),
        path("data"),
        "--address".into(),
        format!("127.0.0.1:{port}"),
        // Else it makes a folder in the user's home.
        "--certs-dir".into(),
        path("certs"),
        "--quiet".into(),
        "--anonymous".into(),
    ]
}

/// What Flink needs besides the keys.
#[must_use]
pub fn flink_settings(port: u16) -> [(&'static str, String); 4] {
    [
        ("state.checkpoints.dir", format!("s3://{BUCKET}/checkpoints")),
        ("state.savepoints.dir", format!("s3://{BUCKET}/savepoints")),
        ("s3.endpoint", format!("http://127.0.0.1:{port}")),
        ("s3.path.style.access", "true".into()),
    ]
}

/// Puts the folder of jars `lib` where Flink finds it as a plugin, below `plugins`.
pub fn link_plugin(plugins: &Path, lib: &Path) -> Result<()> {
    let link = plugins.join("s3-fs-hadoop");
    fs::create_dir_all(plugins)
        .and_then(|()| symlink(lib, &link))
        .map_err(|error| Error::io(format!("make {}", link.display()), error))
}

pub async fn is_live(port: u16) -> bool {
    let client = reqwest::Client::builder().no_proxy().timeout(ANSWER_WITHIN).build();
    let Ok(client) = client else { return false };
    let answer = client.get(format!("http://127.0.0.1:{port}/minio/health/live")).send().await;
    answer.is_ok_and(|answer| answer.status().is_success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_long_enough_differ_between_runs_and_are_never_shown() {
        let (one, other) = (Keys::random(), Keys::random());
        // MinIO wants 3 and 8 letters at least.
        assert!(one.access.len() >= 3 && one.secret.len() == 32);
        assert!(one.secret != other.secret && one.access != other.access);
        assert_eq!(format!("{one:?}"), "***");
        let told: String = flink_settings(9000).iter().map(|(key, value)| format!("{key}: {value}\n")).collect();
        assert!(!told.contains("key"), "{told}");
    }

    #[test]
    fn a_user_s_own_keys_and_proxies_do_not_reach_flink() {
        let mut host = Host::real();
        let names = ["AWS_SESSION_TOKEN", "MINIO_VOLUMES", "http_proxy", "HTTPS_PROXY", "NO_PROXY", "HOME"];
        host.environment = std::sync::Arc::new(names.map(|name| (name.to_owned(), "x".to_owned())).into());
        assert_eq!(foreign_variables(&host), ["AWS_SESSION_TOKEN", "HTTPS_PROXY", "MINIO_VOLUMES", "http_proxy"]);
    }
}
