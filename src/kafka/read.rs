//! Reads a topic back from its beginning, for the oracle: independent of the producer that filled it.
//!
//! Transactions are not looked at: the topics read here are written without them.

use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::Message;
use rdkafka::types::RDKafkaErrorCode;
use rdkafka::{Offset, TopicPartitionList};
use tokio_util::sync::CancellationToken;

use super::{Kafka, Logs, client_config, no_client};
use crate::error::{Error, Kind, Result};

/// A record of a topic, as long as it is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    pub partition: u32,
    pub offset: i64,
    pub key: Option<&'a [u8]>,
    /// Empty for a tombstone.
    pub value: &'a [u8],
    /// As the topic is configured: when it was created or appended.
    pub timestamp_epoch_ms: Option<i64>,
}

/// No record for this long: the topic is shorter than was said, or the broker is gone.
const STALLED: Duration = Duration::from_secs(30);

impl Kafka {
    /// Hands every record of each partition, from the first to before the offset given for it, to `take`; the
    /// order is kept within a partition. Returns the number of records. Blocks for as long as it takes.
    ///
    /// Fails where a partition's first record is not offset 0 (deleted by retention; trial), when nothing has
    /// come for 30 s (trial), when cancelled (interrupted), and with the first error of `take`.
    pub fn read_topic_blocking(
        &self,
        topic: &str,
        up_to: &[i64],
        cancel: &CancellationToken,
        mut take: impl FnMut(Record<'_>) -> Result<()>,
    ) -> Result<u64> {
        let mut missing: Vec<i64> = up_to.iter().map(|&end| end.max(0)).collect();
        let mut open = missing.iter().filter(|&&count| count > 0).count();
        if open == 0 {
            return Ok(0);
        }
        let partitions = (0..).zip(&missing).filter(|(_, count)| **count > 0).map(|(partition, _)| partition);
        let consumer = consumer_from_beginning(self, topic, partitions, "read_uncommitted", self.logs().clone())?;
        let mut records = 0;
        let mut last = Instant::now();
        let mut trouble = None;
        while open > 0 {
            if cancel.is_cancelled() {
                return Err(Error::new(Kind::Interrupted, format!("reading {topic} back was cancelled")));
            }
            match consumer.poll(Duration::from_millis(100)) {
                Some(Ok(message)) => {
                    last = Instant::now();
                    let partition = message.partition() as usize;
                    let (Some(left), Some(&end)) = (missing.get_mut(partition), up_to.get(partition)) else { continue };
                    if message.offset() >= end {
                        continue;
                    }
                    if message.offset() != end - *left {
                        return Err(Error::trial(format!(
                            "partition {partition} of {topic} holds offset {} where {} should be: records are missing",
                            message.offset(),
                            end - *left
                        )));
                    }
                    *left -= 1;
                    open -= usize::from(*left == 0);
                    records += 1;
                    take(Record {
                        partition: partition as u32,
                        offset: message.offset(),
                        key: message.key(),
                        value: message.payload().unwrap_or_default(),
                        timestamp_epoch_ms: message.timestamp().to_millis(),
                    })?;
                }
                Some(Err(error)) if is_final(&error) => {
                    return Err(Error::trial(format!("cannot read {topic}: {error}")));
                }
                Some(Err(error)) => trouble = Some(error),
                None => {}
            }
            if last.elapsed() > STALLED {
                let left: i64 = missing.iter().sum();
                let why = trouble.map(|error| format!(" ({error})")).unwrap_or_default();
                return Err(Error::trial(format!("{left} records of {topic} did not come within 30 s{why}")));
            }
        }
        Ok(records)
    }
}

/// A consumer of the given partitions from their beginning.
///
/// librdkafka assigns partitions only to a member of a group, so there is one in name; nothing is committed.
pub(super) fn consumer_from_beginning(
    kafka: &Kafka,
    topic: &str,
    partitions: impl IntoIterator<Item = i32>,
    isolation: &str,
    logs: Logs,
) -> Result<BaseConsumer<Logs>> {
    let consumer: BaseConsumer<Logs> = client_config(kafka.bootstrap())
        .set("group.id", format!("cprun-{topic}"))
        .set("allow.auto.create.topics", "false")
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        .set("auto.offset.reset", "error")
        .set("enable.partition.eof", "true")
        .set("isolation.level", isolation)
        .set("fetch.wait.max.ms", "100")
        .set("fetch.error.backoff.ms", "50")
        .create_with_context(logs)
        .map_err(|error| no_client(kafka.bootstrap(), &error))?;
    let mut assignment = TopicPartitionList::new();
    let assigned = partitions
        .into_iter()
        .try_for_each(|partition| assignment.add_partition_offset(topic, partition, Offset::Beginning))
        .and_then(|()| consumer.assign(&assignment));
    assigned.map_err(|error| Error::target(format!("cannot read {topic}: {error}")))?;
    Ok(consumer)
}

/// Whether waiting can help no more.
pub(super) fn is_final(error: &KafkaError) -> bool {
    use RDKafkaErrorCode as Code;
    matches!(
        error.rdkafka_error_code(),
        Some(Code::UnknownTopic | Code::UnknownPartition | Code::AutoOffsetReset | Code::TopicAuthorizationFailed)
    ) || matches!(error, KafkaError::MessageConsumptionFatal(_))
}
