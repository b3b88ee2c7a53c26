//! Kafka as the experiments need it: topics, end offsets, reading a topic back, and the results as they appear.
//!
//! librdkafka runs threads of its own and its calls block; here they run on threads meant for blocking, or say
//! `blocking` in their name. No timeout of librdkafka's is left at its default where a broker may be the thing
//! that a fault breaks: a reconnect backoff of 10 s would look like a recovery time.

mod brokers;
mod logs;
mod offsets;
mod read;
mod results;
#[cfg(test)]
mod tests;
mod topic;

use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaErrorCode;

pub use brokers::Brokers;
pub use logs::Logs;
pub use offsets::EndOffsets;
pub use read::Record;
pub use results::{ResultConsumer, ResultProgress, ResultRow};
pub use topic::topic_name;

use crate::error::{Error, Result};

/// How long an administrative request may take.
const ADMIN_TIMEOUT: Duration = Duration::from_secs(30);

/// How long one question for metadata or offsets may take.
const QUERY_TIMEOUT: Duration = Duration::from_secs(10);

/// The brokers behind a bootstrap address. A clone is cheap and shares the connections.
#[derive(Clone)]
pub struct Kafka {
    inner: Arc<Inner>,
}

struct Inner {
    bootstrap: String,
    logs: Logs,
    admin: AdminClient<Logs>,
    /// For metadata and offsets only; it has no group and never fetches a record.
    reader: Arc<BaseConsumer<Logs>>,
}

impl Kafka {
    /// Connects to nothing yet: `wait_ready` tells whether somebody answers.
    ///
    /// Fails (target) where librdkafka does not take the address.
    pub fn new(bootstrap: &str) -> Result<Self> {
        let logs = Logs::default();
        let admin =
            client_config(bootstrap).create_with_context(logs.clone()).map_err(|error| no_client(bootstrap, &error))?;
        // To ask for a topic must not create it.
        let reader = client_config(bootstrap)
            .set("allow.auto.create.topics", "false")
            .create_with_context(logs.clone())
            .map_err(|error| no_client(bootstrap, &error))?;
        let inner = Inner { bootstrap: bootstrap.to_owned(), logs, admin, reader: Arc::new(reader) };
        Ok(Self { inner: Arc::new(inner) })
    }

    #[must_use]
    pub fn bootstrap(&self) -> &str {
        &self.inner.bootstrap
    }

    /// What librdkafka warned of lately, oldest first.
    #[must_use]
    pub fn logs(&self) -> &Logs {
        &self.inner.logs
    }

    /// Waits until a broker answers with metadata.
    ///
    /// Fails (target) when none has after `timeout`.
    pub async fn wait_ready(&self, timeout: Duration) -> Result<()> {
        let end = Instant::now() + timeout;
        loop {
            let step = end.saturating_duration_since(Instant::now()).min(Duration::from_secs(1));
            let kafka = self.clone();
            let answer = blocking(move || match kafka.inner.reader.fetch_metadata(None, step) {
                Ok(metadata) => Ok(!metadata.brokers().is_empty()),
                Err(_) => Ok(false),
            });
            if answer.await? {
                return Ok(());
            }
            if Instant::now() >= end {
                return Err(Error::target(format!(
                    "no Kafka broker answered at {} within {} s",
                    self.bootstrap(),
                    timeout.as_secs_f64()
                ))
                .hint("look into logs/ of the run directory"));
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Creates a topic with one replica and waits until every partition has a leader.
    ///
    /// `config` holds topic settings of Kafka: `("message.timestamp.type", "LogAppendTime")`.
    /// Fails (target) where the topic exists or the broker refuses it.
    pub async fn create_topic(&self, name: &str, partitions: u32, config: &[(&str, &str)]) -> Result<()> {
        let count = i32::try_from(partitions).ok().filter(|count| *count > 0).ok_or_else(|| {
            Error::script(format!("a topic cannot have {partitions} partitions")).hint("take 1 or more partitions")
        })?;
        let mut topic = NewTopic::new(name, count, TopicReplication::Fixed(1));
        for (key, value) in config {
            topic = topic.set(key, value);
        }
        let refused = |why: &dyn std::fmt::Display| {
            Error::target(format!("cannot create the topic {name}: {why}"))
                .hint("check its name and settings; the broker's log has the details")
        };
        match self.inner.admin.create_topics([&topic], &admin_options()).await {
            Err(error) => return Err(refused(&error)),
            Ok(results) => match results.into_iter().next() {
                Some(Err((_, RDKafkaErrorCode::TopicAlreadyExists))) => {
                    return Err(refused(&"it exists already").hint("take another name; cprun empties no topic"));
                }
                Some(Err((_, code))) => return Err(refused(&code)),
                Some(Ok(_)) | None => {}
            },
        }
        let end = Instant::now() + ADMIN_TIMEOUT;
        while self.partitions(name).await.ok() != Some(partitions) {
            if Instant::now() >= end {
                return Err(refused(&"its partitions have no leader after 30 s"));
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }

    /// Deletes topics; one that is not there is no error, so that a cleanup may be repeated.
    pub async fn delete_topics(&self, names: &[&str]) -> Result<()> {
        if names.is_empty() {
            return Ok(());
        }
        let failed = |name: &str, why: &dyn std::fmt::Display| {
            Error::target(format!("cannot delete the topic {name}: {why}"))
                .hint("delete it with kafka-topics.sh --delete")
        };
        let results = self.inner.admin.delete_topics(names, &admin_options()).await;
        for result in results.map_err(|error| failed(&names.join(", "), &error))? {
            match result {
                Ok(_) | Err((_, RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownTopic)) => {}
                Err((name, code)) => return Err(failed(&name, &code)),
            }
        }
        Ok(())
    }

    /// Number of partitions of a topic, all of which have a leader.
    ///
    /// Fails (target) where there is no such topic, or a partition without a leader.
    pub async fn partitions(&self, topic: &str) -> Result<u32> {
        let (kafka, topic) = (self.clone(), topic.to_owned());
        blocking(move || kafka.partitions_blocking(&topic)).await
    }

    /// As `partitions`; blocks up to 10 s.
    pub fn partitions_blocking(&self, topic: &str) -> Result<u32> {
        let metadata = self.inner.reader.fetch_metadata(Some(topic), QUERY_TIMEOUT);
        partition_count(topic, metadata.map_err(|error| no_answer(self.bootstrap(), &error))?.topics())
    }

    /// Offset of the next record of each partition, committed to a transaction or not.
    pub async fn end_offsets(&self, topic: &str) -> Result<Vec<i64>> {
        self.end_offsets_poller(topic).await?.fetch(QUERY_TIMEOUT).await
    }

    /// Asks for the end offsets of one topic again and again.
    pub async fn end_offsets_poller(&self, topic: &str) -> Result<EndOffsets> {
        let partitions = self.partitions(topic).await?;
        Ok(EndOffsets::new(self.inner.reader.clone(), self.bootstrap(), topic, partitions))
    }
}

/// Settings that every client here shares.
pub(crate) fn client_config(bootstrap: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", bootstrap)
        .set("client.id", "cprun")
        .set("reconnect.backoff.ms", "50")
        .set("reconnect.backoff.max.ms", "500")
        .set_log_level(RDKafkaLogLevel::Warning);
    config
}

/// Number of partitions of `topic` in the answer of a broker, if each has a leader.
pub(crate) fn partition_count(topic: &str, topics: &[rdkafka::metadata::MetadataTopic]) -> Result<u32> {
    let found = topics.iter().find(|found| found.name() == topic && found.error().is_none());
    let partitions = found.map(|found| found.partitions()).unwrap_or_default();
    if partitions.is_empty() {
        return Err(Error::target(format!("there is no topic {topic}")).hint("create it with kafka::create_topic"));
    }
    match partitions.iter().find(|partition| partition.leader() < 0) {
        Some(partition) => {
            Err(Error::target(format!("partition {} of the topic {topic} has no leader", partition.id())))
        }
        // A topic has at most a few thousand.
        None => Ok(partitions.len() as u32),
    }
}

pub(crate) fn no_client(bootstrap: &str, error: &KafkaError) -> Error {
    Error::target(format!("cannot make a Kafka client for `{bootstrap}`: {error}"))
        .hint("give bootstrap as HOST:PORT, several with commas between")
}

pub(crate) fn no_answer(bootstrap: &str, error: &KafkaError) -> Error {
    Error::target(format!("Kafka at {bootstrap} does not answer: {error}")).hint("look into logs/ of the run directory")
}

fn admin_options() -> AdminOptions {
    AdminOptions::new().request_timeout(Some(ADMIN_TIMEOUT)).operation_timeout(Some(ADMIN_TIMEOUT))
}

/// Runs a call of librdkafka where it may block.
async fn blocking<T: Send + 'static>(call: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(call)
        .await
        .unwrap_or_else(|error| Err(Error::defect(format!("a call of librdkafka ended badly: {error}"))))
}
