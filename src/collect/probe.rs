//! The one line of JSON that the probe in a cprun job shows as a gauge of each source subtask.
//!
//! It is stamped by the job's own clock when Flink reads it: only that tells a fresh value from one that the
//! JobManager repeats, which it does for as long as a TaskManager is away.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::record::{FETCH_LATENCY, Sample, Value};

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

    /// Of each partition that was read the offset of the next record.
    pub(super) fn next_offsets(&self) -> impl Iterator<Item = (u32, i64)> + '_ {
        // Offsets stay far below 2^53, where f64 stops counting.
        self.positions.iter().map(|(partition, next)| (*partition, *next as i64))
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

/// Ids of Kafka's fetch latency of each subtask, where the source shows it.
pub(super) fn fetch_latencies(metric_ids: &[String]) -> Vec<String> {
    let suffix = format!(".{FETCH_LATENCY}");
    metric_ids.iter().filter(|id| id.ends_with(&suffix)).cloned().collect()
}

/// The values of those metrics for the subtasks that are fresh: they carry no stamp, and are as old as the probe
/// that came with them.
pub(super) fn fetch_latency_sample(answer: &BTreeMap<String, String>, fresh: &[Reading]) -> Option<Sample> {
    let of = |reading: &Reading| {
        let prefix = format!("{}.", reading.subtask);
        let suffix = format!(".{FETCH_LATENCY}");
        let (_, value) = answer.iter().find(|(id, _)| id.starts_with(&prefix) && id.ends_with(&suffix))?;
        let value = value.parse::<f64>().ok().filter(|value| value.is_finite())?;
        Some(Value(FETCH_LATENCY.to_owned(), Some(reading.subtask), Some(reading.attempt), value))
    };
    let values: Vec<Value> = fresh.iter().filter_map(of).collect();
    let at = fresh.iter().map(|reading| reading.t).reduce(f64::max)?;
    (!values.is_empty()).then(|| Sample { source: "flink".to_owned(), at_epoch_ms: at, values })
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
    fn the_fetch_latency_is_taken_of_fresh_subtasks_only() {
        let id = |subtask: u32| format!("{subtask}.Source__trips.KafkaSourceReader.KafkaConsumer.fetch-latency-avg");
        let ids = [id(0), "0.numRecordsIn".into(), id(1), "0.fetch-latency-max".into()];
        assert_eq!(fetch_latencies(&ids), [id(0), id(1)]);
        let answer = BTreeMap::from([(id(0), "1.5".into()), (id(1), "2.5".into()), (id(2), "NaN".into())]);
        let reading = |subtask: u32, t: f64| Reading {
            t,
            opened: 0.0,
            first: None,
            attempt: 3,
            subtask,
            records: 0.0,
            bad: 0.0,
            positions: BTreeMap::new(),
        };
        let sample = fetch_latency_sample(&answer, &[reading(1, 70.0), reading(2, 80.0)]).expect("one is fresh");
        assert_eq!((sample.source.as_str(), sample.at_epoch_ms), ("flink", 80.0));
        assert_eq!(sample.values, [Value(FETCH_LATENCY.into(), Some(1), Some(3), 2.5)]);
        assert_eq!(fetch_latency_sample(&answer, &[reading(2, 80.0)]), None);
    }

    #[test]
    fn one_gauge_names_all() {
        let ids = ["0.numRecordsIn", "1.Source__trips.deserializer.cprun_probe"].map(str::to_owned);
        let expected = ["0.Source__trips.deserializer.cprun_probe", "1.Source__trips.deserializer.cprun_probe"];
        assert_eq!(gauges(&ids, 2), Some(expected.map(str::to_owned).to_vec()));
        assert_eq!(gauges(&ids[..1], 2), None);
    }
}
