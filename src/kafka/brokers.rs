//! What a run asks of its brokers, whoever answers.

use futures::future::BoxFuture;

use super::Kafka;
use crate::error::Result;

pub trait Brokers: Send + Sync {
    /// With settings of the topic as Kafka names them.
    fn create_topic<'a>(
        &'a self,
        name: &'a str,
        partitions: u32,
        settings: &'a [(&'a str, &'a str)],
    ) -> BoxFuture<'a, Result<()>>;

    /// Those that are gone already are no error.
    fn delete_topics<'a>(&'a self, names: &'a [&'a str]) -> BoxFuture<'a, Result<()>>;

    /// Of each partition the offset of the next record.
    fn end_offsets<'a>(&'a self, topic: &'a str) -> BoxFuture<'a, Result<Vec<i64>>>;
}

impl Brokers for Kafka {
    fn create_topic<'a>(
        &'a self,
        name: &'a str,
        partitions: u32,
        settings: &'a [(&'a str, &'a str)],
    ) -> BoxFuture<'a, Result<()>> {
        Box::pin(Kafka::create_topic(self, name, partitions, settings))
    }

    fn delete_topics<'a>(&'a self, names: &'a [&'a str]) -> BoxFuture<'a, Result<()>> {
        Box::pin(Kafka::delete_topics(self, names))
    }

    fn end_offsets<'a>(&'a self, topic: &'a str) -> BoxFuture<'a, Result<Vec<i64>>> {
        Box::pin(Kafka::end_offsets(self, topic))
    }
}
