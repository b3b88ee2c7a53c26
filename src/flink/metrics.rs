//! Metrics of a vertex, as the strings that Flink sends.
//!
//! The JobManager fetches them lazily: a request starts a fetch, at most one each
//! `metrics.fetcher.update-interval`, and answers with what the previous one brought. An absent metric is left
//! out without an error, and after a TaskManager is lost the last values stay. `collect::probe` lives with it.

use std::collections::BTreeMap;

use reqwest::Method;
use serde::Deserialize;

use super::Flink;
use crate::error::{Error, Result};

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

/// The ids of a metric in all subtasks, by the name without them; `ids` are those of all metrics of a vertex.
///
/// `name` is the vertex's own metric, or that of one of its operators, with or without the operator before it:
/// `numRecordsOut`, `Source__trips.numRecordsIn`, `pendingRecords`. Empty where there is none of the name, as long as
/// tasks do not run yet.
pub fn ids_of(ids: &[String], name: &str) -> Result<Vec<String>> {
    let mut found: BTreeMap<&str, Vec<&String>> = BTreeMap::new();
    for id in ids {
        let Some((_, full)) = id.split_once('.') else { continue };
        if full == name || full.strip_suffix(name).is_some_and(|operator| operator.ends_with('.')) {
            found.entry(full).or_default().push(id);
        }
    }
    let names: Vec<&str> = found.keys().copied().collect();
    let full = match names.as_slice() {
        [] => return Ok(Vec::new()),
        _ if found.contains_key(name) => name,
        [one] => one,
        several => {
            return Err(Error::script(format!("several operators of this vertex have a metric `{name}`"))
                .hint(format!("name one of them: {}", several.join(", "))));
        }
    };
    let mut chosen: Vec<String> = found.remove(full).unwrap_or_default().into_iter().cloned().collect();
    chosen.sort_by_key(|id| subtask_of(id));
    Ok(chosen)
}

/// `3.Source__trips.numRecordsOut` is of subtask 3.
fn subtask_of(id: &str) -> Option<u32> {
    id.split_once('.')?.0.parse().ok()
}

/// The names that come nearest to one that no metric has, for a hint.
#[must_use]
pub fn nearest<'a>(ids: &'a [String], name: &str) -> Vec<&'a str> {
    let last = |full: &str| full.rsplit('.').next().map_or(0.0, |own| strsim::jaro_winkler(own, name));
    let mut names: Vec<&str> = ids.iter().filter_map(|id| Some(id.split_once('.')?.1)).collect();
    names.sort_unstable();
    names.dedup();
    names.sort_by(|one, other| last(other).total_cmp(&last(one)));
    names.truncate(3);
    names
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

    fn ids() -> Vec<String> {
        ["1.numRecordsOut", "0.numRecordsOut", "0.Source__trips.numRecordsOut", "0.Source__trips.pendingRecords"]
            .into_iter()
            .chain(["10.Source__trips.pendingRecords", "2.Source__trips.pendingRecords", "0.map.numRecordsIn"])
            .chain(["0.Source__trips.numRecordsIn"])
            .map(str::to_owned)
            .collect()
    }

    #[test]
    fn a_metric_is_the_vertex_s_own_or_that_of_one_operator_in_the_order_of_subtasks() {
        assert_eq!(ids_of(&ids(), "numRecordsOut").expect("its own"), ["0.numRecordsOut", "1.numRecordsOut"]);
        let pending = ids_of(&ids(), "pendingRecords").expect("the source's");
        assert_eq!(pending, [0, 2, 10].map(|subtask| format!("{subtask}.Source__trips.pendingRecords")));
        assert_eq!(ids_of(&ids(), "Source__trips.pendingRecords").expect("the same"), pending);
        assert!(ids_of(&ids(), "Records").expect("no whole name").is_empty());
        let error = ids_of(&ids(), "numRecordsIn").expect_err("two have it");
        assert_eq!(error.hint.as_deref(), Some("name one of them: Source__trips.numRecordsIn, map.numRecordsIn"));
        assert_eq!(nearest(&ids(), "pendingRecord")[0], "Source__trips.pendingRecords");
    }

    #[test]
    fn no_names_ask_nothing() {
        assert!(requests(&[]).is_empty());
    }
}
