//! Warms the broker up before the first trial.
//!
//! A JVM that has just started handles produce requests an order of magnitude slower than one whose code is
//! compiled: acknowledgements of the first seconds came up to 1.2 s late on two cores. Only the first trial
//! would meet that, and would differ from the others by more than its axes.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::clock::Clock;
use crate::dataset::Dataset;
use crate::error::Result;
use crate::kafka::{Kafka, ResultConsumer};
use crate::record::{Observation, Recorder};
use crate::replay::{Pacing, Replay, Settings};

/// Rows of the first study's rhythm at its speed, for this long.
const WARM_FOR: Duration = Duration::from_secs(12);
const PARTITIONS: u32 = 8;
const SPEED: f64 = 7200.0;

/// A broker that is being warmed, beside whatever else starts.
pub struct Warming {
    kafka: Kafka,
    topic: String,
    began: Instant,
    running: Mutex<Option<(Replay, ResultConsumer)>>,
}

impl Warming {
    /// Starts to send to a topic of its own and to read it back.
    pub async fn start(kafka: &Kafka, run: &str, clock: Clock) -> Result<Self> {
        let topic = format!("cprun-warm-up-{run}");
        kafka.create_topic(&topic, PARTITIONS, &[]).await?;
        let consumer = kafka.consume_results(&topic, clock, |_| Ok(())).await?;
        let settings = Settings {
            bootstrap: kafka.bootstrap().to_owned(),
            topic: topic.clone(),
            partitions: PARTITIONS,
            speed: SPEED,
            pacing: Pacing::Schedule,
            step: Duration::from_secs(1),
            window_ms: 1,
            out_of_orderness_ms: 0,
        };
        let rows = Dataset::generate(0, None)?;
        let replay = tokio::task::block_in_place(|| Replay::start(&rows, settings, clock, Arc::new(Unrecorded)))?;
        Ok(Self { kafka: kafka.clone(), topic, began: Instant::now(), running: Mutex::new(Some((replay, consumer))) })
    }

    /// Waits until the broker is warm, and leaves nothing of it; at once where that was done before.
    pub async fn finish(&self) -> Result<()> {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some((replay, consumer)) = running else { return Ok(()) };
        tokio::time::sleep(WARM_FOR.saturating_sub(self.began.elapsed())).await;
        tokio::task::block_in_place(|| replay.stop(false))?;
        consumer.stop().await?;
        self.kafka.delete_topics(&[&self.topic]).await
    }
}

/// Nothing of the warming is a measurement.
struct Unrecorded;

impl Recorder for Unrecorded {
    fn record(&self, _: Observation) -> Result<()> {
        Ok(())
    }
}
