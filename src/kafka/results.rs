//! Watches a result topic as a user of the results would: read_committed, from the beginning, as rows appear.
//!
//! `received` is stamped when the row leaves librdkafka, on the clock of the run: it is `visible` of the
//! latency. A broker answers a waiting fetch as soon as a transaction is committed, so the stamp is late by
//! about a round trip, not by a polling interval.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use rdkafka::consumer::BaseConsumer;
use rdkafka::error::KafkaError;
use rdkafka::message::Message;

use super::read::{consumer_from_beginning, is_final};
use super::{Kafka, Logs, blocking};
use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::record::EpochMs;

/// A row of the result topic, as long as it is looked at.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ResultRow<'a> {
    pub partition: u32,
    pub offset: i64,
    pub key: &'a [u8],
    pub value: &'a [u8],
    /// The topic's timestamp: `written`, where it is configured with LogAppendTime.
    pub append_epoch_ms: i64,
    /// When this consumer got it: `visible`.
    pub received_epoch_ms: EpochMs,
}

/// How far a consumer of results is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ResultProgress {
    pub rows: u64,
    /// Offset of the next row of each partition; the markers of transactions have offsets too, so an end offset
    /// is not always reached.
    pub positions: Vec<i64>,
    /// Whether each partition was read to its end when it was last looked at.
    pub at_end: bool,
    /// When the last row came.
    pub last_received_epoch_ms: Option<EpochMs>,
    /// Why it has stopped by itself.
    pub error: Option<Error>,
}

/// A running consumer. Stops when dropped.
pub struct ResultConsumer {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    stop: AtomicBool,
    progress: Mutex<ResultProgress>,
}

impl Shared {
    fn update<T>(&self, change: impl FnOnce(&mut ResultProgress) -> T) -> T {
        change(&mut self.progress.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Kafka {
    /// Hands each row of `topic` to `take` on a thread of its own; the first error of `take` ends it.
    ///
    /// Fails (target) where there is no such topic.
    pub async fn consume_results(
        &self,
        topic: &str,
        clock: Clock,
        take: impl FnMut(ResultRow<'_>) -> Result<()> + Send + 'static,
    ) -> Result<ResultConsumer> {
        let (kafka, topic) = (self.clone(), topic.to_owned());
        blocking(move || ResultConsumer::start(&kafka, &topic, clock, take)).await
    }
}

impl ResultConsumer {
    fn start(
        kafka: &Kafka,
        topic: &str,
        clock: Clock,
        take: impl FnMut(ResultRow<'_>) -> Result<()> + Send + 'static,
    ) -> Result<Self> {
        let partitions = kafka.partitions_blocking(topic)?;
        let all = 0..partitions as i32;
        let consumer = consumer_from_beginning(kafka, topic, all, "read_committed", kafka.logs().clone())?;
        let shared = Arc::new(Shared::default());
        shared.update(|progress| progress.positions = vec![0; partitions as usize]);
        let thread = std::thread::Builder::new()
            .name("results".to_owned())
            .spawn({
                let (shared, topic) = (shared.clone(), topic.to_owned());
                move || {
                    if let Err(error) = run(&consumer, &topic, clock, &shared, take) {
                        shared.update(|progress| progress.error = Some(error));
                    }
                }
            })
            .map_err(|error| Error::io("start the thread that reads results", error))?;
        Ok(Self { shared, thread: Some(thread) })
    }

    #[must_use]
    pub fn progress(&self) -> ResultProgress {
        self.shared.update(|progress| progress.clone())
    }

    /// Stops reading; fails with what had ended it before.
    pub async fn stop(mut self) -> Result<ResultProgress> {
        let thread = self.thread.take();
        let shared = self.shared.clone();
        shared.stop.store(true, Ordering::Relaxed);
        blocking(move || {
            if thread.is_some_and(|thread| thread.join().is_err()) {
                return Err(Error::defect("the thread that reads results panicked"));
            }
            let progress = shared.update(|progress| progress.clone());
            match progress.error {
                Some(error) => Err(error),
                None => Ok(progress),
            }
        })
        .await
    }
}

impl Drop for ResultConsumer {
    fn drop(&mut self) {
        // Not joined: closing the consumer of a dead broker takes its time, and nobody waits for the outcome.
        self.shared.stop.store(true, Ordering::Relaxed);
    }
}

fn run(
    consumer: &BaseConsumer<Logs>,
    topic: &str,
    clock: Clock,
    shared: &Shared,
    mut take: impl FnMut(ResultRow<'_>) -> Result<()>,
) -> Result<()> {
    let partitions = shared.update(|progress| progress.positions.len());
    let mut ended = vec![false; partitions];
    while !shared.stop.load(Ordering::Relaxed) {
        match consumer.poll(Duration::from_millis(50)) {
            Some(Ok(message)) => {
                let received_epoch_ms = clock.now_epoch_ms();
                let append_epoch_ms = message.timestamp().to_millis().ok_or_else(|| {
                    Error::trial(format!("a record of {topic} has no timestamp"))
                        .hint("create the topic with message.timestamp.type=LogAppendTime")
                })?;
                let partition = message.partition() as usize;
                take(ResultRow {
                    partition: partition as u32,
                    offset: message.offset(),
                    key: message.key().unwrap_or_default(),
                    value: message.payload().unwrap_or_default(),
                    append_epoch_ms,
                    received_epoch_ms,
                })?;
                if let Some(ended) = ended.get_mut(partition) {
                    *ended = false;
                }
                shared.update(|progress| {
                    progress.rows += 1;
                    progress.at_end = false;
                    progress.last_received_epoch_ms = Some(received_epoch_ms);
                    if let Some(position) = progress.positions.get_mut(partition) {
                        *position = message.offset() + 1;
                    }
                });
            }
            Some(Err(KafkaError::PartitionEOF(partition))) => {
                if let Some(ended) = ended.get_mut(partition as usize) {
                    *ended = true;
                }
                let at_end = ended.iter().all(|&ended| ended);
                shared.update(|progress| progress.at_end = at_end);
            }
            Some(Err(error)) if is_final(&error) => {
                return Err(Error::trial(format!("cannot read the results in {topic}: {error}")));
            }
            // A broker that is away is what some experiments are about; librdkafka goes on trying, and its
            // warnings are in the logs.
            Some(Err(_)) | None => {}
        }
    }
    Ok(())
}
