//! End offsets of a topic, cheap enough to ask for four times a second.
//!
//! `offsets_for_times` with the timestamp -1 asks for the latest offset of all partitions in one request to
//! each broker; `query_watermark_offsets`, the usual way, waits for two requests a partition, one after another.
//! The isolation level is read_uncommitted: what a source has not read yet counts, in a transaction or not.

use std::sync::Arc;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::{Offset, TopicPartitionList};

use super::{Logs, blocking, no_answer};
use crate::error::{Error, Result};

/// Reads the end offsets of one topic. A clone is cheap.
#[derive(Clone)]
pub struct EndOffsets {
    reader: Arc<BaseConsumer<Logs>>,
    bootstrap: Arc<str>,
    topic: Arc<str>,
    partitions: u32,
}

impl EndOffsets {
    pub(super) fn new(reader: Arc<BaseConsumer<Logs>>, bootstrap: &str, topic: &str, partitions: u32) -> Self {
        Self { reader, bootstrap: bootstrap.into(), topic: topic.into(), partitions }
    }

    /// Offset of the next record of each partition.
    ///
    /// Fails (target) when a broker has not answered within `timeout`.
    pub async fn fetch(&self, timeout: Duration) -> Result<Vec<i64>> {
        let poller = self.clone();
        blocking(move || poller.fetch_blocking(timeout)).await
    }

    /// As `fetch`, for a thread that samples.
    pub fn fetch_blocking(&self, timeout: Duration) -> Result<Vec<i64>> {
        let failed = |error: KafkaError| no_answer(&self.bootstrap, &error);
        let mut request = TopicPartitionList::with_capacity(self.partitions as usize);
        for partition in 0..self.partitions as i32 {
            // `End` is -1, which in this request is the timestamp that stands for "latest".
            request.add_partition_offset(&self.topic, partition, Offset::End).map_err(failed)?;
        }
        let answer = self.reader.offsets_for_times(request, timeout).map_err(failed)?;
        let mut offsets = vec![0; self.partitions as usize];
        for element in answer.elements() {
            element.error().map_err(failed)?;
            let place = usize::try_from(element.partition()).ok().and_then(|partition| offsets.get_mut(partition));
            match (place, element.offset()) {
                (Some(place), Offset::Offset(offset)) => *place = offset,
                (_, other) => {
                    return Err(Error::target(format!(
                        "Kafka gave no end offset for partition {} of {} ({other:?})",
                        element.partition(),
                        self.topic
                    )));
                }
            }
        }
        Ok(offsets)
    }
}
