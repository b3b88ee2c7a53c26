//! Replays into librdkafka's mock broker. Bounds on lateness are wide, for the machine may be busy with other
//! tests; what is exact (which record, which partition, how many) is compared exactly.

use std::time::Instant;

use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::dataset::{Period, Request, Totals, unwatched};
use crate::error::Kind;
use crate::kafka::Kafka;
use crate::record::{Observation, Sample};

const TOPIC: &str = "rows";
const WINDOW_MS: i64 = 7_200_000;

#[derive(Default)]
struct Samples {
    taken: Mutex<Vec<Sample>>,
    refuse: bool,
}

impl Recorder for Samples {
    fn record(&self, observation: Observation) -> Result<()> {
        if self.refuse {
            return Err(Error::new(Kind::Io, "no space left"));
        }
        if let Observation::Sample(sample) = observation {
            self.taken.lock().unwrap().push(sample);
        }
        Ok(())
    }
}

impl Samples {
    fn of(&self, name: &str) -> Vec<f64> {
        let taken = self.taken.lock().unwrap();
        let values = taken.iter().flat_map(|sample| sample.values.iter());
        values.filter(|value| value.0 == name).map(|value| value.3).collect()
    }
}

struct Broker {
    cluster: MockCluster<'static, DefaultProducerContext>,
    samples: Arc<Samples>,
    clock: Clock,
}

impl Broker {
    fn new(partitions: i32) -> Self {
        let cluster = MockCluster::new(1).unwrap();
        cluster.create_topic(TOPIC, partitions, 1).unwrap();
        Self { cluster, samples: Arc::default(), clock: Clock::start() }
    }

    fn settings(&self, partitions: u32) -> Settings {
        Settings {
            bootstrap: self.cluster.bootstrap_servers(),
            topic: TOPIC.to_owned(),
            partitions,
            speed: 7_200.0,
            pacing: Pacing::Schedule,
            step: Duration::from_millis(100),
            window_ms: WINDOW_MS,
            out_of_orderness_ms: 60_000,
        }
    }

    fn replay(&self, dataset: &Dataset, settings: Settings) -> Replay {
        Replay::start(dataset, settings, self.clock, self.samples.clone()).unwrap()
    }

    /// Every record, by partition: key and value.
    fn records(&self, partitions: u32) -> Vec<Vec<(Option<String>, String)>> {
        let kafka = Kafka::new(&self.cluster.bootstrap_servers()).unwrap();
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let ends = runtime.block_on(kafka.end_offsets(TOPIC)).unwrap();
        let mut records = vec![Vec::new(); partitions as usize];
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let read = kafka.read_topic_blocking(TOPIC, &ends, &CancellationToken::new(), |record| {
            records[record.partition as usize].push((record.key.map(text), text(record.value)));
            Ok(())
        });
        read.unwrap();
        records
    }
}

/// A Tuesday evening: about 11,500 rows a second at 7200 times.
fn busy_hours() -> Dataset {
    let from_epoch_ms = Period::parse("2023-01-03", "2023-01-04").unwrap().from_epoch_ms + 18 * 3_600_000;
    Dataset::generate(1, Some(Period { from_epoch_ms, to_epoch_ms: from_epoch_ms + 6 * 3_600_000 })).unwrap()
}

/// 100 rows in ten minutes.
fn few_rows() -> (tempfile::TempDir, Dataset) {
    let folder = tempfile::tempdir().unwrap();
    let mut text = "pickup_datetime,PULocationID,total_amount\n".to_owned();
    for number in 0..100 {
        text.push_str(&format!("2023-01-01 00:{:02}:{:02},{number},1.00\n", number / 10, number % 10));
    }
    let path = folder.path().join("trips_2023-01.csv");
    std::fs::write(&path, text).unwrap();
    let dataset = Dataset::nyc(&Request::of(&[path]), folder.path(), &mut unwatched).unwrap();
    (folder, dataset)
}

fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(30);
    while !condition() {
        assert!(Instant::now() < end, "waited 30 s for: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn the_schedule_is_kept_and_every_row_arrives_in_turn() {
    let broker = Broker::new(3);
    let dataset = busy_hours();
    let before = broker.clock.now_epoch_ms();
    let replay = broker.replay(&dataset, broker.settings(3));
    let (start, event_0) = replay.started();
    assert!((start - before) > 200.0, "starts in the future");
    std::thread::sleep(Duration::from_millis(1_500));
    let progress = replay.progress();
    assert!((5_000.0..20_000.0).contains(&progress.offered_rate), "{progress:?}");
    assert!(!progress.finished && progress.error.is_none());
    let end = replay.stop(true).unwrap();
    assert_eq!(end, replay.stop(true).unwrap(), "a second stop tells the same");

    assert_eq!((end.sent, end.failed, end.because.as_str()), (end.acked, 0, "stopped"));
    assert_eq!(end.due, end.sent, "everything due at the stop was sent");
    assert!(end.sent > 10_000, "{end:?}");
    assert!(end.rate_error < 0.02, "{end:?}");
    // A backlog that grew would be seconds by now; a machine busy with other tests is tens of milliseconds late.
    assert!(end.queued_p50_ms < 100.0 && end.acked_p50_ms < 250.0, "{end:?}");
    assert!(end.queued_p50_ms <= end.acked_p50_ms);
    let span_ms = (end.last_event_epoch_ms - event_0) as f64 / 7_200.0;
    assert!((end.at_epoch_ms - start - span_ms).abs() < 50.0, "stopped where the schedule stood");

    let records = broker.records(3);
    let mut stream = dataset.stream().unwrap();
    let mut row = Vec::new();
    let mut next = [0; 3];
    let mut found = Totals::new(WINDOW_MS);
    for number in 0..end.sent as usize {
        stream.next(&mut row).unwrap();
        let (key, value) = &records[number % 3][next[number % 3]];
        assert_eq!((key, value.as_bytes()), (&None, &row[..]), "record {number}");
        found.add(&dataset.trip(value.as_bytes()).unwrap(), value.as_bytes());
        next[number % 3] += 1;
    }
    assert_eq!(dataset.totals(end.sent, WINDOW_MS).unwrap().difference(&found), None);
    let last_window_end = end.last_event_epoch_ms - end.last_event_epoch_ms % WINDOW_MS + WINDOW_MS;
    for (partition, records) in records.iter().enumerate() {
        let flush = (Some("flush".to_owned()), (last_window_end + 60_002).to_string());
        assert_eq!(records[next[partition]..], [flush], "one flush record ends partition {partition}");
    }

    let sent = broker.samples.of("sent_records");
    assert!(sent.len() >= 14 && sent.is_sorted(), "{sent:?}");
    assert_eq!((sent.last(), broker.samples.of("acked_records").last()), (Some(&(end.sent as f64)), sent.last()));
    let largest = broker.samples.of("acked_max_ms").into_iter().fold(0.0, f64::max);
    assert!((largest - end.acked_max_ms).abs() < 0.01 * largest + 0.1, "{largest} {end:?}");
}

#[test]
fn the_last_row_finishes_a_replay_and_a_stop_flushes_it() {
    let broker = Broker::new(2);
    let (_folder, dataset) = few_rows();
    let replay = broker.replay(&dataset, broker.settings(2));
    wait_until("the last row", || replay.progress().finished);
    wait_until("its reports", || replay.progress().acked == 100);
    let end = replay.stop(true).unwrap();
    assert_eq!((end.due, end.sent, end.acked, end.because.as_str()), (100, 100, 100, "last row"));
    let records = broker.records(2);
    assert!(records.iter().all(|records| records.len() == 51 && records[50].0.as_deref() == Some("flush")));
}

#[test]
fn without_flush_nothing_but_rows_is_sent() {
    let broker = Broker::new(2);
    let (_folder, dataset) = few_rows();
    let replay = broker.replay(&dataset, broker.settings(2));
    wait_until("the last row", || replay.progress().finished);
    replay.stop(false).unwrap();
    assert_eq!(broker.records(2).iter().map(Vec::len).collect::<Vec<_>>(), [50, 50]);
}

#[test]
fn a_stop_before_the_first_row_sends_nothing() {
    let broker = Broker::new(1);
    let replay = broker.replay(&busy_hours(), broker.settings(1));
    let end = replay.stop(true).unwrap();
    assert_eq!((end.due, end.sent, end.rate_error), (0, 0, 0.0));
    assert_eq!(broker.records(1), [vec![]]);
}

#[test]
fn a_stalled_broker_delays_acknowledgements_but_not_the_schedule() {
    let broker = Broker::new(2);
    let replay = broker.replay(&busy_hours(), broker.settings(2));
    wait_until("the first reports", || replay.progress().acked > 1_000);
    broker.cluster.broker_round_trip_time(1, Duration::from_millis(700)).unwrap();
    wait_until("a lateness of half a second", || replay.progress().acked_max_ms_recent > 500.0);
    std::thread::sleep(Duration::from_millis(500));
    let end = replay.stop(false).unwrap();
    assert_eq!((end.due, end.sent), (end.sent, end.acked));
    assert!(end.acked_max_ms > 600.0, "{end:?}");
    assert!(end.queued_p99_ms < 100.0 && end.rate_error < 0.02, "{end:?}");
}

#[test]
fn bursts_go_at_once_and_a_second_apart() {
    let broker = Broker::new(2);
    let settings = Settings { pacing: Pacing::Burst, ..broker.settings(2) };
    let dataset = busy_hours();
    let replay = broker.replay(&dataset, settings);
    wait_until("the second burst", || replay.progress().last_event_epoch_ms >= Some(replay.started().1 + WINDOW_MS));
    std::thread::sleep(Duration::from_millis(300));
    let end = replay.stop(false).unwrap();
    let (start, event_0) = replay.started();
    assert!((1_000.0..1_990.0).contains(&(end.at_epoch_ms - start)), "stopped within the second burst's second");
    assert!((2 * WINDOW_MS - 60_000..2 * WINDOW_MS).contains(&(end.last_event_epoch_ms - event_0)), "{end:?}");
    assert_eq!((end.due, end.sent), (end.sent, end.acked));
}

#[test]
fn a_journal_that_cannot_be_written_ends_the_replay() {
    let mut broker = Broker::new(1);
    broker.samples = Arc::new(Samples { refuse: true, ..Samples::default() });
    let replay = broker.replay(&busy_hours(), broker.settings(1));
    wait_until("the error", || replay.progress().error.is_some());
    let error = replay.stop(true).unwrap_err();
    assert_eq!((error.kind, error.message.as_str()), (Kind::Io, "cannot write down the replay: no space left"));
    assert!(replay.account().because.starts_with("failed"), "{:?}", replay.account());
}

#[test]
fn what_cannot_be_replayed_is_said_before_it_starts() {
    let broker = Broker::new(2);
    let dataset = busy_hours();
    let error = |change: &dyn Fn(&mut Settings)| {
        let mut settings = broker.settings(2);
        change(&mut settings);
        Replay::start(&dataset, settings, broker.clock, broker.samples.clone()).err().unwrap()
    };
    for speed in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert_eq!(error(&|settings| settings.speed = speed).kind, Kind::Script);
    }
    assert_eq!(error(&|settings| settings.window_ms = 0).kind, Kind::Script);
    assert_eq!(error(&|settings| settings.step = Duration::ZERO).kind, Kind::Script);
    let partitions = error(&|settings| settings.partitions = 3);
    assert!(partitions.message.contains("has 2 partitions, not 3"), "{partitions}");
    let topic = error(&|settings| settings.topic = "none".to_owned());
    assert_eq!((topic.kind, topic.message.as_str()), (Kind::Target, "there is no topic none"));
}

#[test]
fn a_dropped_replay_ends_at_once() {
    let broker = Broker::new(1);
    let replay = broker.replay(&busy_hours(), broker.settings(1));
    wait_until("the first rows", || replay.progress().sent > 0);
    let from = Instant::now();
    drop(replay);
    assert!(from.elapsed() < Duration::from_secs(5), "{:?}", from.elapsed());
}
