//! What Flink's versions and endpoints do differently from what one would expect of their JSON.
//!
//! - A percentile without enough values is the string `"NaN"` (1.18.1 to 2.2.0).
//! - "Has not happened" is `0` in maps of timestamps and `-1` in single ones (1.18.1 to 2.2.0).
//! - Where checkpointing is off, `/jobs/:id/checkpoints` is no empty list but a 404 (read, 1.18 to 2.2).
//! - `root-exception` and `all-exceptions` are gone from `/jobs/:id/exceptions` in 2.2.0; the history is in all.
//! - `programArgs` is dropped without a word by 2.x; `jar` therefore sends `programArgsList` to every version.
//! - Unknown fields of a request are a 400 up to 1.19; requests therefore leave out what is not set.
//! - A failed checkpoint tells its reason under `failureCause`, a failed savepoint under `failure-cause`.

use serde::{Deserialize, Deserializer};

use super::failure::Failure;
use crate::record::EpochMs;

#[derive(Deserialize)]
#[serde(untagged)]
enum Number {
    Number(f64),
    Text(String),
}

/// A number that may come as a string, be `"NaN"`, or null.
pub(super) fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    let number = match Option::<Number>::deserialize(deserializer)? {
        Some(Number::Number(number)) => Some(number),
        Some(Number::Text(text)) => text.parse().ok(),
        None => None,
    };
    Ok(number.filter(|number| number.is_finite()))
}

/// A point in time; absent where Flink says 0, -1 or null.
pub(super) fn time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<EpochMs>, D::Error> {
    Ok(number(deserializer)?.filter(|time| *time > 0.0))
}

/// A duration or size; absent where Flink says -1 or null.
pub(super) fn amount<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    Ok(number(deserializer)?.filter(|amount| *amount >= 0.0))
}

/// A size in whole bytes; absent where Flink says -1 or null.
pub(super) fn bytes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    Ok(Option::<i64>::deserialize(deserializer)?.and_then(|bytes| u64::try_from(bytes).ok()))
}

/// An interval; absent where Flink says "never", the largest long there is.
pub(super) fn interval<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    const NEVER_MS: f64 = (i64::MAX / 2) as f64;
    Ok(amount(deserializer)?.filter(|interval| *interval < NEVER_MS))
}

/// Whether a refusal only says that the job takes no checkpoints.
pub(super) fn says_checkpointing_is_off(failure: &Failure) -> bool {
    failure.status == Some(404) && failure.error.message.to_lowercase().contains("checkpointing")
}

/// Whether a refused cancellation only says that the job has ended already.
pub(super) fn says_already_ended(failure: &Failure) -> bool {
    failure.status == Some(409)
}
