//! The one line of JSON that the probe in a cprun job shows as a gauge of each source subtask.
//!
//! It is stamped by the job's own clock when Flink reads it: only that tells a fresh value from one that the
//! JobManager repeats, which it does for as long as a TaskManager is away.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::record::{Sample, Value};

/// How the id of the gauge ends; before it stand subtask, operator and whatever groups the job chose.
pub(super) const SUFFIX: &str = ".cprun_probe";

#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(super) struct Reading {
    /// When the gauge was read; this and the other times in epoch milliseconds by the TaskManager's clock.
    pub t: f64,
    opened: f64,
    first: Option<f64>,
    pub attempt: u32,
    pub subtask: u32,
    records: f64,
    bad: f64,
    /// Offset of the next record by partition; a partition without one was not read yet.
    positions: BTreeMap<u32, f64>,
}

impl Reading {
    /// Whether `self` says something that `before` did not. A later attempt always does: its clock may be that
    /// of another host.
    pub(super) fn is_newer_than(&self, before: &Self) -> bool {
        self.attempt > before.attempt || (self.attempt == before.attempt && self.t > before.t)
    }

    pub(super) fn sample(&self) -> Sample {
        let value = |name: &str, value: f64| Value(name.to_owned(), Some(self.subtask), Some(self.attempt), value);
        let mut values = vec![value("opened_epoch_ms", self.opened)];
        values.extend(self.first.map(|first| value("first_epoch_ms", first)));
        values.extend([value("records", self.records), value("bad_rows", self.bad)]);
        values.extend(self.positions.iter().map(|(partition, next)| value(&format!("position.{partition}"), *next)));
        Sample { source: "probe".to_owned(), at_epoch_ms: self.t, values }
    }
}

/// The ids of the gauges of all subtasks, once the metric list holds that of any: they differ in their number.
pub(super) fn gauges(metric_ids: &[String], subtasks: u32) -> Option<Vec<String>> {
    let gauge = metric_ids.iter().find(|id| id.ends_with(SUFFIX))?;
    let (_, name) = gauge.split_once('.')?;
    Some((0..subtasks).map(|subtask| format!("{subtask}.{name}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reading_becomes_one_sample_and_what_has_not_happened_is_left_out() {
        let text = r#"{"t":1700000000500,"opened":1700000000000,"first":null,"attempt":1,"subtask":3,
                       "records":0,"bad":0,"positions":{"10":7,"2":5}}"#;
        let reading: Reading = serde_json::from_str(text).expect("it is a reading");
        let sample = reading.sample();
        assert_eq!((sample.source.as_str(), sample.at_epoch_ms), ("probe", 1_700_000_000_500.0));
        let names: Vec<_> = sample.values.iter().map(|value| (value.0.as_str(), value.3)).collect();
        let opened = ("opened_epoch_ms", 1_700_000_000_000.0);
        assert_eq!(names, [opened, ("records", 0.0), ("bad_rows", 0.0), ("position.2", 5.0), ("position.10", 7.0)]);
        assert!(sample.values.iter().all(|value| (value.1, value.2) == (Some(3), Some(1))));
    }

    #[test]
    fn one_gauge_names_all() {
        let ids = ["0.numRecordsIn", "1.Source__trips.deserializer.cprun_probe"].map(str::to_owned);
        let expected = ["0.Source__trips.deserializer.cprun_probe", "1.Source__trips.deserializer.cprun_probe"];
        assert_eq!(gauges(&ids, 2), Some(expected.map(str::to_owned).to_vec()));
        assert_eq!(gauges(&ids[..1], 2), None);
    }
}
