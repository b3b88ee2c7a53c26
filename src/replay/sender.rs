//! The thread that sends: wakes every 2 ms, hands over what is due, and takes the delivery reports.
//!
//! Why not `producer.poll(2 ms)` instead of a sleep: rdkafka 0.39 rounds the rest of a timeout down to whole
//! milliseconds and asks again until it is over, so the last millisecond of each poll is a busy loop. Why not a
//! ThreadedProducer: its thread would do the same, and reports are stamped precisely enough here, within 2 ms.
//!
//! Nothing is sent before it is due; so a record is handed over 1 ms late on average, which is the price of
//! 500 wake-ups a second in place of 9,000.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::KafkaError;
use rdkafka::message::DeliveryResult;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer, ProducerContext, PurgeConfig};
use rdkafka::types::RDKafkaErrorCode;

use super::pace::Pace;
use super::{Command, Settings, Shared};
use crate::clock::Clock;
use crate::dataset::{RowStream, window_start};
use crate::error::{Error, Kind, Result};
use crate::kafka::{Logs, client_config, no_answer, no_client, partition_count};

const TICK: Duration = Duration::from_millis(2);

/// While nothing is due and nothing outstanding: short enough that a stop is not noticed late.
const IDLE: Duration = Duration::from_millis(20);

/// Records handed over before reports are taken again.
const BATCH: usize = 1_000;

/// How long a stop may go on sending what was due before it; what is left then stays unsent, and counts.
const LAST_BATCHES: Duration = Duration::from_secs(1);

/// How long outstanding records may take after the stop; a broker fault may be under way then.
const DRAIN: Duration = Duration::from_secs(60);

/// The opaque of a flush record; no due time is 584 years after the start.
const FLUSH: usize = usize::MAX;

const ASSIGNED: &[u8] = br#""idemp_state": "Assigned""#;

/// Takes the delivery reports.
pub struct Deliveries {
    shared: Arc<Shared>,
    clock: Clock,
    logs: Logs,
    reports: AtomicU64,
    /// The broker gave this producer its id, without which an idempotent producer sends nothing.
    ready: AtomicBool,
}

impl Deliveries {
    pub fn new(shared: Arc<Shared>, clock: Clock, logs: Logs) -> Self {
        Self { shared, clock, logs, reports: AtomicU64::new(0), ready: AtomicBool::new(false) }
    }
}

impl ClientContext for Deliveries {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        self.logs.log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.logs.error(error, reason);
    }

    /// Looked at for one word only, which librdkafka tells nowhere else; parsing it all would cost more.
    fn stats_raw(&self, statistics: &[u8]) {
        if !self.ready.load(Ordering::Relaxed) && memchr::memmem::find(statistics, ASSIGNED).is_some() {
            self.ready.store(true, Ordering::Relaxed);
        }
    }
}

impl ProducerContext for Deliveries {
    /// When the record was due, in nanoseconds on the run's clock.
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, due_ns: usize) {
        let now_ns = self.clock.mono_ns();
        self.reports.fetch_add(1, Ordering::Relaxed);
        let mut ledger = self.shared.ledger();
        match result {
            Ok(_) if due_ns == FLUSH => ledger.flush_outstanding -= 1,
            Ok(_) => ledger.acknowledged(due_ns as u64, now_ns),
            Err((error, _)) => {
                let lost = Error::trial(format!("the broker did not take a record: {error}"));
                if due_ns == FLUSH {
                    ledger.flush_outstanding -= 1;
                    ledger.error.get_or_insert(lost.context("flush record"));
                } else {
                    ledger.lost(lost);
                }
            }
        }
    }
}

/// Makes the producer and waits until it knows the topic and has its producer id, so that the first record
/// waits for nothing: a broker that has just started takes half a second for its first id.
pub fn connect(settings: &Settings, deliveries: Deliveries) -> Result<BaseProducer<Deliveries>> {
    let producer: BaseProducer<Deliveries> = client_config(&settings.bootstrap)
        .set("acks", "all")
        .set("enable.idempotence", "true")
        .set("linger.ms", "5")
        // A record never expires: a broker that is away for minutes is what some experiments are about. The
        // queue holds such a time at 9,000 rows a second; after that sending waits, and counts as late.
        .set("message.timeout.ms", "0")
        .set("queue.buffering.max.messages", "2000000")
        .set("queue.buffering.max.kbytes", "1048576")
        .set("statistics.interval.ms", "100")
        .create_with_context(deliveries)
        .map_err(|error| no_client(&settings.bootstrap, &error))?;
    let timeout = Duration::from_secs(10);
    let failed = |error| no_answer(&settings.bootstrap, &error);
    // All topics first: to ask for one as a producer may create it.
    let all = producer.client().fetch_metadata(None, timeout).map_err(failed)?;
    let partitions = partition_count(&settings.topic, all.topics())?;
    if partitions != settings.partitions {
        let (topic, told) = (&settings.topic, settings.partitions);
        return Err(Error::script(format!("the topic {topic} has {partitions} partitions, not {told}"))
            .hint("a partition without a flush record would hold back the watermark: give the topic's own number"));
    }
    producer.client().fetch_metadata(Some(&settings.topic), timeout).map_err(failed)?;
    let end = Instant::now() + timeout;
    while !producer.context().ready.load(Ordering::Relaxed) {
        if Instant::now() > end {
            return Err(Error::target(format!("Kafka at {} gives no producer id", settings.bootstrap))
                .hint("look at the broker's log; it needs Kafka 0.11 or later"));
        }
        producer.poll(Duration::ZERO);
        std::thread::sleep(TICK);
    }
    Ok(producer)
}

/// Counts which rows are due, from a stream of its own: exact also while the sender is held up.
pub struct Ruler {
    stream: Box<dyn RowStream>,
    next_event_epoch_ms: Option<i64>,
    due: u64,
}

impl Ruler {
    /// `stream` stands behind the first row.
    pub fn new(stream: Box<dyn RowStream>, first_event_epoch_ms: i64) -> Self {
        Self { stream, next_event_epoch_ms: Some(first_event_epoch_ms), due: 0 }
    }

    fn advance(&mut self, pace: &Pace, now_ns: u64) -> Result<u64> {
        while let Some(event_epoch_ms) = self.next_event_epoch_ms
            && pace.due_ns(event_epoch_ms) <= now_ns
        {
            self.due += 1;
            self.next_event_epoch_ms = self.stream.skip()?;
        }
        Ok(self.due)
    }
}

pub struct Sender {
    pub producer: BaseProducer<Deliveries>,
    pub rows: Box<dyn RowStream>,
    /// The next row to be sent.
    pub row: Vec<u8>,
    pub ruler: Ruler,
    pub pace: Pace,
    pub settings: Settings,
    pub clock: Clock,
    pub shared: Arc<Shared>,
}

/// Whether a record went.
#[derive(PartialEq)]
enum Handed {
    Yes,
    /// The queue was full until the replay was told to stop.
    No,
}

impl Sender {
    /// Sends until told to stop, then drains. Ends with the ledger closed, whatever happens.
    pub fn run(mut self) {
        // Also on a panic: the sampler waits for it, and `stop` for the sampler.
        let _close = Close(self.shared.clone());
        let because = match self.feed() {
            Ok(because) => because.to_owned(),
            Err(error) => {
                let because = format!("failed: {error}");
                self.shared.ledger().error.get_or_insert(error);
                because
            }
        };
        {
            let mut ledger = self.shared.ledger();
            let at_epoch_ms = self.clock.now_epoch_ms();
            ledger.ended.get_or_insert((at_epoch_ms, because));
        }
        // After a failure the command may still come; flush records of a failed replay close nothing.
        if self.shared.commanded() == Command::Flush
            && let Err(error) = self.flush()
        {
            self.shared.ledger().error.get_or_insert(error);
        }
        self.drain();
    }

    fn feed(&mut self) -> Result<&'static str> {
        let mut number = 0;
        let mut stop_ns = None;
        let mut next = self.rows.next(&mut self.row)?;
        while let Some(mut event_epoch_ms) = next {
            let command = self.shared.commanded();
            if command == Command::Abandon {
                return Ok("abandoned");
            }
            let mut now_ns = self.clock.mono_ns();
            // What is due at the stop is still sent, however many batches that takes a sender that was held up,
            // and counted by the same time.
            if command >= Command::Stop {
                now_ns = *stop_ns.get_or_insert(now_ns);
            }
            let due = self.ruler.advance(&self.pace, now_ns)?;
            self.shared.ledger().due = due;
            let mut batch = 0;
            if let Some(limit_ns) = self.pace.limit_ns(now_ns) {
                while self.pace.due_ns(event_epoch_ms) <= limit_ns && batch < BATCH {
                    if self.hand_over(number, event_epoch_ms)? == Handed::No {
                        return Ok("stopped");
                    }
                    number += 1;
                    batch += 1;
                    next = self.rows.next(&mut self.row)?;
                    match next {
                        Some(event) => event_epoch_ms = event,
                        None => break,
                    }
                }
                if batch < BATCH {
                    self.pace.sent_to_limit(self.clock.mono_ns());
                }
            }
            self.serve();
            self.check()?;
            if let Some(stop_ns) = stop_ns
                && (batch < BATCH || self.clock.mono_ns() > stop_ns + LAST_BATCHES.as_nanos() as u64)
            {
                return Ok("stopped");
            }
            if batch < BATCH && next.is_some() {
                self.rest(event_epoch_ms);
            }
        }
        self.finished()
    }

    /// All rows are sent: waits for the stop, taking reports.
    fn finished(&mut self) -> Result<&'static str> {
        {
            let at_epoch_ms = self.clock.now_epoch_ms();
            let mut ledger = self.shared.ledger();
            ledger.due = ledger.sent;
            ledger.finished = true;
            ledger.ended = Some((at_epoch_ms, "last row".to_owned()));
        }
        while self.shared.commanded() == Command::Run {
            self.serve();
            self.check()?;
            std::thread::sleep(if self.shared.ledger().unreported() > 0 { TICK } else { IDLE });
        }
        Ok("last row")
    }

    fn hand_over(&mut self, number: u64, event_epoch_ms: i64) -> Result<Handed> {
        let due_ns = self.pace.due_ns(event_epoch_ms);
        let partition = (number % u64::from(self.settings.partitions)) as i32;
        let mut record = BaseRecord::<(), [u8], usize>::with_opaque_to(&self.settings.topic, due_ns as usize)
            .partition(partition)
            .payload(&self.row);
        loop {
            match self.producer.send(record) {
                Ok(()) => {
                    self.shared.ledger().handed(due_ns, self.clock.mono_ns(), event_epoch_ms);
                    return Ok(Handed::Yes);
                }
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), same)) => {
                    record = same;
                    self.serve();
                    self.check()?;
                    if self.shared.commanded() != Command::Run {
                        return Ok(Handed::No);
                    }
                    let due = self.ruler.advance(&self.pace, self.clock.mono_ns())?;
                    self.shared.ledger().due = due;
                    std::thread::sleep(TICK);
                }
                Err((error, _)) => return Err(self.refused(&error)),
            }
        }
    }

    fn refused(&self, error: &KafkaError) -> Error {
        Error::trial(format!("cannot send to {}: {error}", self.settings.topic))
    }

    /// Takes all delivery reports that are there. A poll takes one event, of one batch; after the last one of
    /// another kind (an error of a connection) some may wait for the next tick.
    fn serve(&self) {
        let reports = &self.producer.context().reports;
        let mut before = reports.load(Ordering::Relaxed);
        loop {
            self.producer.poll(Duration::ZERO);
            let now = reports.load(Ordering::Relaxed);
            if now == before {
                return;
            }
            before = now;
        }
    }

    /// Fails with what the sampler or librdkafka could not get over. A lost record alone stops nothing: the
    /// schedule goes on, and the account tells.
    fn check(&self) -> Result<()> {
        let (failed, error) = {
            let ledger = self.shared.ledger();
            (ledger.failed, ledger.error.clone())
        };
        match error {
            Some(error) if error.kind != Kind::Trial => return Err(error),
            _ => {}
        }
        match self.producer.client().fatal_error().filter(|_| failed > 0) {
            Some((_, reason)) => {
                Err(Error::trial(format!("the producer for {} cannot go on: {reason}", self.settings.topic)))
            }
            None => Ok(()),
        }
    }

    /// Sleeps until the next record may go, at least a tick; no longer than a tick while reports are due.
    fn rest(&self, event_epoch_ms: i64) {
        let wake_ns = self.pace.wake_ns(self.pace.due_ns(event_epoch_ms));
        let left = Duration::from_nanos(wake_ns.saturating_sub(self.clock.mono_ns()));
        let longest = if self.shared.ledger().unreported() > 0 { TICK } else { IDLE };
        // The start itself is met exactly: the first record sets the pace that the last is measured by.
        let least = if self.shared.ledger().sent == 0 { Duration::ZERO } else { TICK };
        std::thread::sleep(left.max(least).min(longest));
    }

    /// One record for each partition with an event time that closes every window holding a sent row: Flink's
    /// watermark is the largest time less the out-of-orderness less 1 ms.
    fn flush(&mut self) -> Result<()> {
        let Some(last) = self.shared.ledger().last_event_epoch_ms else { return Ok(()) };
        let value = flush_epoch_ms(last, self.settings.window_ms, self.settings.out_of_orderness_ms).to_string();
        let end = Instant::now() + DRAIN;
        for partition in 0..self.settings.partitions as i32 {
            let mut record = BaseRecord::with_opaque_to(&self.settings.topic, FLUSH)
                .partition(partition)
                .key("flush")
                .payload(value.as_str());
            // Counted before it goes: its report may come at once.
            self.shared.ledger().flush_outstanding += 1;
            while let Err((error, same)) = self.producer.send(record) {
                let full = matches!(error, KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull));
                if !full || Instant::now() > end || self.shared.commanded() == Command::Abandon {
                    self.shared.ledger().flush_outstanding -= 1;
                    return Err(self.refused(&error).context("flush record"));
                }
                record = same;
                self.serve();
                std::thread::sleep(TICK);
            }
        }
        Ok(())
    }

    /// Waits for the reports, then gives up what has none.
    fn drain(&mut self) {
        let end = Instant::now() + DRAIN;
        loop {
            self.serve();
            let unreported = self.shared.ledger().unreported();
            if unreported == 0 {
                return;
            }
            if Instant::now() > end || self.shared.commanded() == Command::Abandon {
                break;
            }
            std::thread::sleep(TICK);
        }
        self.producer.purge(PurgeConfig::default().queue().inflight());
        let end = Instant::now() + Duration::from_secs(2);
        while self.shared.ledger().unreported() > 0 && Instant::now() < end {
            self.serve();
            std::thread::sleep(TICK);
        }
    }
}

/// Marks the ledger closed when the sender ends.
struct Close(Arc<Shared>);

impl Drop for Close {
    fn drop(&mut self) {
        self.0.ledger().closed = true;
    }
}

/// Event time of a flush record, in epoch ms.
fn flush_epoch_ms(last_event_epoch_ms: i64, window_ms: i64, out_of_orderness_ms: i64) -> i64 {
    window_start(last_event_epoch_ms, window_ms) + window_ms + out_of_orderness_ms + 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flush_record_lets_the_watermark_pass_the_end_of_the_last_window() {
        let (window_ms, out_of_orderness_ms) = (7_200_000, 60_000);
        for last in [0, 7_199_999, 7_200_000, 1_672_531_200_123] {
            let watermark = flush_epoch_ms(last, window_ms, out_of_orderness_ms) - out_of_orderness_ms - 1;
            assert!(watermark > window_start(last, window_ms) + window_ms - 1);
        }
    }
}
