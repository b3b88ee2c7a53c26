//! The rows of the result topic, one observation each.
//!
//! A row that cannot be read is the job's fault, not the trial's end: the first of each kind is told, the
//! oracle will miss the window, and the total is told at the end.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde::Deserialize;
use serde_json::error::Category;

use crate::error::Result;
use crate::record::{EpochMs, Observation, Recorder, Window};

/// What the job writes: `{"w":window_start_epoch_ms,"z":zone,"n":count,"c":cents}`.
#[derive(Deserialize)]
struct Row {
    #[serde(rename = "w")]
    window_start_epoch_ms: i64,
    #[serde(rename = "z")]
    zone: i64,
    #[serde(rename = "n")]
    count: i64,
    #[serde(rename = "c")]
    cents: i64,
}

pub struct ResultRows {
    recorder: Arc<dyn Recorder>,
    /// How many rows of each kind could not be read.
    malformed: Mutex<BTreeMap<&'static str, u64>>,
}

impl ResultRows {
    #[must_use]
    pub fn new(recorder: Arc<dyn Recorder>) -> Self {
        Self { recorder, malformed: Mutex::default() }
    }

    /// `append_ms`: the broker's LogAppendTime; `received_ms`: when a read_committed consumer had it.
    pub fn on_result(&self, value: &[u8], append_ms: EpochMs, received_ms: EpochMs) -> Result<()> {
        match serde_json::from_slice::<Row>(value) {
            Ok(row) => self.recorder.record(Observation::Window(Window::Result {
                zone: Some(row.zone),
                window_start_epoch_ms: row.window_start_epoch_ms,
                count: row.count,
                cents: row.cents,
                written_epoch_ms: append_ms,
                visible_epoch_ms: received_ms,
            })),
            Err(error) => self.on_malformed(value, &error),
        }
    }

    /// Tells how many rows could not be read, if any.
    pub fn finish(&self) -> Result<()> {
        let malformed = self.malformed.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for (kind, rows) in malformed {
            self.warn(format!("{rows} rows of the result topic left out: {kind}"))?;
        }
        Ok(())
    }

    fn on_malformed(&self, value: &[u8], error: &serde_json::Error) -> Result<()> {
        let kind = match error.classify() {
            Category::Data => "not the fields w, z, n and c as whole numbers",
            _ => "not JSON",
        };
        let first = {
            let mut malformed = self.malformed.lock().unwrap_or_else(PoisonError::into_inner);
            let rows = malformed.entry(kind).or_default();
            *rows += 1;
            *rows == 1
        };
        if !first {
            return Ok(());
        }
        let shown: String = String::from_utf8_lossy(value).chars().take(120).collect();
        self.warn(format!("a row of the result topic is {kind}, it and its like are left out: {shown} ({error})"))
    }

    fn warn(&self, text: String) -> Result<()> {
        self.recorder.record(Observation::Warning { text })
    }
}
