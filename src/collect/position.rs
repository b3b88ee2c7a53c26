//! Where a Kafka source stands, as it last told: by the probe, else by its own metrics.

use std::collections::BTreeMap;

use super::SourceVertex;
use super::probe::{Reading, SUFFIX};
use crate::error::{Error, Result};
use crate::flink::Flink;

/// The offset of the next record of each partition that the source has told of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Positions {
    pub next: BTreeMap<u32, i64>,
    /// The topic, where the source names it.
    pub topic: Option<String>,
}

impl Positions {
    /// Records between these positions and the ends; a partition without a position counts whole.
    #[must_use]
    pub fn behind(&self, ends: &[i64]) -> i64 {
        let behind = |(partition, end): (u32, &i64)| (end - self.next.get(&partition).copied().unwrap_or(0)).max(0);
        (0..).zip(ends).map(behind).sum()
    }
}

/// How the metrics of a KafkaSource name a position: `….KafkaSourceReader.topic.T.partition.P.currentOffset`.
const READER: &str = ".KafkaSourceReader.topic.";
const OFFSET: &str = ".currentOffset";

/// Asks Flink for the newest positions.
///
/// Fails (trial) where the source shows none: it carries no probe and is no KafkaSource, or does not run yet.
pub async fn positions(flink: &Flink, job: &str, source: &SourceVertex) -> Result<Positions> {
    let ids = flink.vertex_metric_ids(job, &source.id).await?;
    let gauges: Vec<String> = ids.iter().filter(|id| id.ends_with(SUFFIX)).cloned().collect();
    let offsets: Vec<String> = ids.iter().filter(|id| id.contains(READER) && id.ends_with(OFFSET)).cloned().collect();
    let found = match (gauges.is_empty(), offsets.is_empty()) {
        (false, _) => of_probe(&flink.vertex_metrics(job, &source.id, &gauges).await?),
        (true, false) => of_reader(&flink.vertex_metrics(job, &source.id, &offsets).await?),
        (true, true) => Positions::default(),
    };
    if found.next.is_empty() {
        return Err(Error::trial("the job's source shows no position in a topic").hint(
            "it must carry cprun's probe or be a KafkaSource, and have read its first records: wait until it has",
        ));
    }
    Ok(found)
}

/// Of the newest attempt: an older one may have stood further on than the checkpoint that the newest began at.
fn of_probe(values: &BTreeMap<String, String>) -> Positions {
    let readings: Vec<Reading> = values.values().filter_map(|value| serde_json::from_str(value).ok()).collect();
    let newest = readings.iter().map(|reading| reading.attempt).max();
    let told = readings.iter().filter(|reading| Some(reading.attempt) == newest).flat_map(Reading::next_offsets);
    Positions { next: told.collect(), topic: None }
}

/// The reader tells the offset of the last record, and -1 before the first.
fn of_reader(values: &BTreeMap<String, String>) -> Positions {
    let mut found = Positions::default();
    for (id, value) in values {
        let Some((topic, partition)) = topic_and_partition(id) else { continue };
        if let Ok(last @ 0..) = value.parse::<i64>() {
            found.next.insert(partition, last + 1);
            found.topic.get_or_insert_with(|| topic.to_owned());
        }
    }
    found
}

fn topic_and_partition(id: &str) -> Option<(&str, u32)> {
    let (_, rest) = id.split_once(READER)?;
    let (topic, partition) = rest.strip_suffix(OFFSET)?.rsplit_once(".partition.")?;
    Some((topic, partition.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(id, value)| ((*id).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn the_reader_s_offsets_are_of_the_last_record_and_a_topic_may_have_dots() {
        let at =
            |partition: u32| format!("0.Source__x.KafkaSourceReader.topic.a.b.partition.{partition}.currentOffset");
        let found = of_reader(&values(&[(&at(0), "41"), (&at(1), "-1"), ("0.numRecordsOut", "7")]));
        assert_eq!((found.topic.as_deref(), &found.next), (Some("a.b"), &BTreeMap::from([(0, 42)])));
        assert_eq!(found.behind(&[50, 10]), 18, "a partition without a position counts whole");
        assert_eq!(found.behind(&[40, 0]), 0, "what is newer than the ends is not behind");
    }

    #[test]
    fn of_the_probe_the_newest_attempt_counts() {
        let gauge = |subtask: u32, attempt: u32, partition: u32, next: i64| {
            format!(
                r#"{{"t":1,"opened":1,"first":null,"attempt":{attempt},"subtask":{subtask},"records":0,"bad":0,
                    "positions":{{"{partition}":{next}}}}}"#
            )
        };
        let (old, new) = (gauge(0, 1, 0, 90), gauge(1, 2, 1, 40));
        let found = of_probe(&values(&[("0.s.cprun_probe", &old), ("1.s.cprun_probe", &new)]));
        assert_eq!(found.next, BTreeMap::from([(1, 40)]));
    }
}
