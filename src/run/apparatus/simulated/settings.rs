//! Flink's settings as the simulated world understands them.

use std::collections::BTreeMap;

use crate::error::{Error, Kind, Result};
use crate::sim::JobSettings;

/// Flink's settings that the simulation understands; others are refused, because they would change nothing.
pub(super) fn settings(configuration: &BTreeMap<String, String>) -> Result<JobSettings> {
    let mut settings = JobSettings::default();
    for (key, value) in configuration {
        match key.as_str() {
            "execution.checkpointing.interval" => {}
            "restart-strategy.fixed-delay.delay" => settings.restart_delay_ms = Some(millis(key, value)?),
            "heartbeat.interval" => settings.heartbeat_interval_ms = Some(millis(key, value)?),
            "heartbeat.timeout" => settings.heartbeat_timeout_ms = Some(millis(key, value)?),
            "execution.checkpointing.min-pause" => settings.min_pause_ms = Some(millis(key, value)?),
            "execution.checkpointing.timeout" => settings.checkpoint_timeout_ms = Some(millis(key, value)?),
            "state.backend.local-recovery" | "execution.state-recovery.from-local" => {
                settings.local_recovery = value == "true";
            }
            "state.backend.incremental" | "execution.checkpointing.incremental" => {
                settings.full_checkpoints = value == "false";
            }
            other => {
                return Err(Error::new(
                    Kind::Target,
                    format!("the simulated Flink does not know the setting `{other}`"),
                )
                .hint("leave it out on sim, or run on `--target local`"));
            }
        }
    }
    Ok(settings)
}

/// A time as Flink writes it: `500 ms`, `10 s`, `10 min`, or milliseconds.
fn millis(key: &str, value: &str) -> Result<f64> {
    let value = value.trim();
    let at = value.find(|letter: char| letter.is_ascii_alphabetic()).unwrap_or(value.len());
    let (number, unit) = (value[..at].trim().parse::<f64>(), value[at..].trim());
    let scale = match unit {
        "" | "ms" => Some(1.0),
        "s" | "sec" => Some(1e3),
        "min" | "m" => Some(60e3),
        "h" => Some(3600e3),
        _ => None,
    };
    match (number, scale) {
        (Ok(number), Some(scale)) if number.is_finite() && number >= 0.0 => Ok(number * scale),
        _ => Err(Error::script(format!("`{key}` is `{value}`, which is no time")).hint("write it as `10 s` or `10.s`")),
    }
}
