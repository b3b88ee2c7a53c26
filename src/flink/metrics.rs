//! Metrics of a vertex, as the strings that Flink sends.
//!
//! The JobManager fetches them lazily: a request starts a fetch, at most one each
//! `metrics.fetcher.update-interval`, and answers with what the previous one brought. An absent metric is left
//! out without an error, and after a TaskManager is lost the last values stay. `collect::probe` lives with it.

use std::collections::BTreeMap;

use reqwest::Method;
use serde::Deserialize;

use super::Flink;
use crate::error::Result;

/// Bytes of metric names in one request: netty takes 4096 for the whole request line (read), and
/// percent-encoding may lengthen a name.
const NAMES_IN_ONE_REQUEST: usize = 2000;

#[derive(Deserialize)]
struct Id {
    id: String,
}

#[derive(Deserialize)]
struct Metric {
    id: String,
    value: String,
}

impl Flink {
    /// The ids of all metrics of a vertex, each with its subtask in front: `0.Source__trips.numRecordsOut`.
    pub async fn vertex_metric_ids(&self, job: &str, vertex: &str) -> Result<Vec<String>> {
        let ids: Vec<Id> = self.get(&path(job, vertex)).await?;
        Ok(ids.into_iter().map(|Id { id }| id).collect())
    }

    /// The values of those of `names` that Flink has, by id.
    pub async fn vertex_metrics(&self, job: &str, vertex: &str, names: &[String]) -> Result<BTreeMap<String, String>> {
        let mut values = BTreeMap::new();
        for names in requests(names) {
            let query = [("get", names)];
            let metrics: Vec<Metric> =
                self.ask(Method::GET, &path(job, vertex), |request| request.query(&query)).await?;
            values.extend(metrics.into_iter().map(|metric| (metric.id, metric.value)));
        }
        Ok(values)
    }
}

fn path(job: &str, vertex: &str) -> String {
    format!("/jobs/{job}/vertices/{vertex}/metrics")
}

/// The names joined by commas, in as few requests as their length allows.
fn requests(names: &[String]) -> Vec<String> {
    let mut requests: Vec<String> = Vec::new();
    for name in names {
        match requests.last_mut() {
            Some(request) if request.len() + name.len() < NAMES_IN_ONE_REQUEST => {
                request.push(',');
                request.push_str(name);
            }
            _ => requests.push(name.clone()),
        }
    }
    requests
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_names_go_in_several_requests_and_none_is_lost() {
        let names: Vec<String> = (0..200).map(|subtask| format!("{subtask}.Source__trips.numRecordsOut")).collect();
        let requests = requests(&names);
        assert!(requests.len() > 1 && requests.iter().all(|request| request.len() <= NAMES_IN_ONE_REQUEST));
        assert_eq!(requests.join(","), names.join(","));
    }

    #[test]
    fn no_names_ask_nothing() {
        assert!(requests(&[]).is_empty());
    }
}
