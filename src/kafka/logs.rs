//! Keeps what librdkafka says, instead of letting it write to stderr.
//!
//! It warns of every lost connection, and under a broker fault that is many lines a second; so there is a ring
//! of the last ones, and equal lines in a row are counted. `error` events are kept too: they repeat what a call
//! returns, or tell of a broker that is away, and neither may be printed over a progress bar.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaErrorCode;
use rdkafka::{ClientContext, Statistics};

const KEPT: usize = 200;

/// The last 200 warnings. A clone shares the ring.
#[derive(Clone, Debug, Default)]
pub struct Logs {
    ring: Arc<Mutex<VecDeque<(String, u64)>>>,
}

impl Logs {
    /// The warnings, oldest first; `… (3 times)` where one came several times in a row.
    #[must_use]
    pub fn recent(&self) -> Vec<String> {
        let ring = self.ring.lock().unwrap_or_else(PoisonError::into_inner);
        let show = |(text, times): &(String, u64)| match times {
            1 => text.clone(),
            times => format!("{text} ({times} times)"),
        };
        ring.iter().map(show).collect()
    }

    pub(crate) fn push(&self, text: String) {
        let mut ring = self.ring.lock().unwrap_or_else(PoisonError::into_inner);
        match ring.back_mut() {
            Some((last, times)) if *last == text => *times += 1,
            _ => ring.push_back((text, 1)),
        }
        if ring.len() > KEPT {
            ring.pop_front();
        }
    }
}

impl ClientContext for Logs {
    fn log(&self, _level: RDKafkaLogLevel, facility: &str, message: &str) {
        self.push(format!("{facility}: {message}"));
    }

    fn error(&self, error: KafkaError, reason: &str) {
        // The end of a partition comes as an error, and is the most usual thing to happen to a reader.
        if error.rdkafka_error_code() == Some(RDKafkaErrorCode::PartitionEOF) {
            return;
        }
        self.push(format!("{error}: {reason}"));
    }

    fn stats(&self, _statistics: Statistics) {}
}

impl ConsumerContext for Logs {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ring_counts_repetitions_and_forgets_the_oldest() {
        let logs = Logs::default();
        logs.push("first".to_owned());
        for _ in 0..3 {
            logs.push("again".to_owned());
        }
        assert_eq!(logs.recent(), ["first", "again (3 times)"]);
        for number in 0..KEPT {
            logs.push(number.to_string());
        }
        assert_eq!((logs.recent().len(), logs.recent()[0].as_str()), (KEPT, "0"));
    }
}
