//! Against librdkafka's mock broker, which keeps 5 MiB a partition and knows no topic administration and no
//! transactions: those are only tried by the tests on a real broker.

use std::sync::mpsc;
use std::time::Duration;

use rdkafka::mocking::MockCluster;
use rdkafka::producer::{BaseProducer, BaseRecord, DefaultProducerContext, Producer};
use tokio_util::sync::CancellationToken;

use super::*;
use crate::clock::Clock;

struct Broker {
    kafka: Kafka,
    producer: BaseProducer,
    // Last, for the clients are to end before it.
    _cluster: MockCluster<'static, DefaultProducerContext>,
}

impl Broker {
    fn with_topic(topic: &str, partitions: i32) -> Self {
        let cluster = MockCluster::new(1).unwrap();
        cluster.create_topic(topic, partitions, 1).unwrap();
        let bootstrap = cluster.bootstrap_servers();
        let producer = client_config(&bootstrap).set("linger.ms", "0").create().unwrap();
        Self { kafka: Kafka::new(&bootstrap).unwrap(), producer, _cluster: cluster }
    }

    fn send(&self, topic: &str, partition: i32, value: &str) {
        self.producer.send(BaseRecord::to(topic).partition(partition).key("key").payload(value)).unwrap();
        self.producer.flush(Duration::from_secs(10)).unwrap();
    }
}

#[tokio::test]
async fn end_offsets_are_those_of_the_next_records() {
    let broker = Broker::with_topic("rows", 3);
    broker.kafka.wait_ready(Duration::from_secs(10)).await.unwrap();
    let poller = broker.kafka.end_offsets_poller("rows").await.unwrap();
    assert_eq!(poller.fetch(Duration::from_secs(5)).await.unwrap(), [0, 0, 0]);
    for (partition, value) in [(0, "a"), (2, "b"), (2, "c")] {
        broker.send("rows", partition, value);
    }
    assert_eq!(poller.fetch(Duration::from_secs(5)).await.unwrap(), [1, 0, 2]);
    assert_eq!(broker.kafka.end_offsets("rows").await.unwrap(), [1, 0, 2]);
}

#[tokio::test]
async fn a_topic_is_read_back_to_the_offsets_given() {
    let broker = Broker::with_topic("rows", 3);
    for number in 0..60 {
        broker.send("rows", number % 2, &number.to_string());
    }
    let cancel = CancellationToken::new();
    let mut seen = Vec::new();
    let read = broker.kafka.read_topic_blocking("rows", &[20, 30, 0], &cancel, |record| {
        let value: u32 = std::str::from_utf8(record.value).unwrap().parse().unwrap();
        assert_eq!((record.partition, record.key), (value % 2, Some(&b"key"[..])));
        assert!(record.timestamp_epoch_ms.is_some());
        seen.push(value);
        Ok(())
    });
    assert_eq!(read.unwrap(), 50);
    seen.sort_unstable();
    let expected: Vec<u32> = (0..60).filter(|number| number % 2 == 1 || *number < 40).collect();
    assert_eq!(seen, expected);
    cancel.cancel();
    let cancelled = broker.kafka.read_topic_blocking("rows", &[99, 0, 0], &cancel, |_| Ok(()));
    assert_eq!(cancelled.unwrap_err().kind, crate::error::Kind::Interrupted);
    assert_eq!(broker.kafka.read_topic_blocking("rows", &[0, 0, 0], &cancel, |_| Ok(())).unwrap(), 0);
}

#[tokio::test]
async fn results_arrive_as_they_are_written_with_both_times() {
    let broker = Broker::with_topic("results", 2);
    let clock = Clock::start();
    let (rows, received) = mpsc::channel();
    let consumer = broker
        .kafka
        .consume_results("results", clock, move |row| {
            let value = String::from_utf8(row.value.to_vec()).unwrap();
            rows.send((value, row.append_epoch_ms, row.received_epoch_ms)).unwrap();
            Ok(())
        })
        .await
        .unwrap();
    broker.send("results", 0, "before");
    assert_eq!(received.recv_timeout(Duration::from_secs(20)).unwrap().0, "before");
    let sent = clock.now_epoch_ms();
    broker.send("results", 1, "after");
    let (value, append_epoch_ms, received_epoch_ms) = received.recv_timeout(Duration::from_secs(20)).unwrap();
    assert_eq!(value, "after");
    assert!((append_epoch_ms as f64 - sent).abs() < 2_000.0, "{append_epoch_ms} {sent}");
    assert!(received_epoch_ms > sent && received_epoch_ms < sent + 2_000.0, "{received_epoch_ms} {sent}");
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(consumer.progress().at_end);
    let progress = consumer.stop().await.unwrap();
    assert_eq!((progress.rows, progress.positions), (2, vec![1, 1]));
}

#[tokio::test]
async fn an_error_of_the_taker_ends_the_consumer() {
    let broker = Broker::with_topic("results", 1);
    broker.send("results", 0, "row");
    let taker = |_: ResultRow<'_>| Err(Error::trial("not a result"));
    let consumer = broker.kafka.consume_results("results", Clock::start(), taker).await.unwrap();
    let end = Instant::now() + Duration::from_secs(20);
    while consumer.progress().error.is_none() && Instant::now() < end {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(consumer.stop().await.unwrap_err().message, "not a result");
}

#[tokio::test]
async fn what_is_not_there_is_named() {
    let broker = Broker::with_topic("rows", 1);
    let error = Kafka::new("127.0.0.1:1").unwrap().wait_ready(Duration::from_millis(300)).await.unwrap_err();
    assert!(error.message.contains("127.0.0.1:1") && error.hint.is_some(), "{error}");
    assert!(broker.kafka.create_topic("x", 0, &[]).await.is_err());
}
