//! How late each window's result is, against when it was due by the replay's clock.
//!
//! due(window) = start + (end + B - event_0)/speed, end the window's end in event time and B the bound on
//! disorder: the instant at which a job without any delay could have fired it. `written` is the broker's
//! LogAppendTime of the first result row, `visible` when a read_committed consumer got it; later rows of the
//! same window are duplicates and count for no latency.

use std::collections::BTreeMap;

use super::history::Replay;
use super::oracle::WindowOutcome;
use crate::record::EpochMs;

/// When the window that starts at `window_start_epoch_ms` (event time) is due.
#[must_use]
pub fn due_epoch_ms(replay: &Replay, window_start_epoch_ms: i64) -> EpochMs {
    let fires_at = window_start_epoch_ms + replay.window_ms + replay.out_of_orderness_ms;
    replay.start_epoch_ms + (fires_at - replay.event_0_epoch_ms) as f64 / replay.speed
}

/// Latencies in milliseconds of the windows due within [from, to], clustered by the instant they are due.
#[must_use]
pub fn latencies_ms(
    windows: &[WindowOutcome],
    (from, to): (EpochMs, EpochMs),
    arrival: impl Fn(&WindowOutcome) -> Option<EpochMs>,
) -> Vec<Vec<f64>> {
    let mut clusters: BTreeMap<i64, Vec<f64>> = BTreeMap::new();
    for window in windows {
        let (Some(due), Some(arrived)) = (window.due_epoch_ms, arrival(window)) else { continue };
        if (from..=to).contains(&due) {
            clusters.entry(window.window_start_epoch_ms).or_default().push(arrived - due);
        }
    }
    clusters.into_values().collect()
}
