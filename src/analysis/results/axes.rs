//! How an axis is named and valued in CSV and JSON, and in which order its values stand.

use std::cmp::Ordering;

use serde_json::Value as Json;

use crate::record::{Axis, AxisValue};

/// The axis' column: a duration under `AXIS_s`, bytes under `AXIS_bytes`, else `AXIS`.
#[must_use]
pub fn axis_column(axis: &Axis) -> String {
    match axis.value {
        AxisValue::Seconds(_) => format!("{}_s", axis.name),
        AxisValue::Bytes(_) => format!("{}_bytes", axis.name),
        _ => axis.name.clone(),
    }
}

/// The value as it stands in that column.
#[must_use]
pub fn axis_value(axis: &Axis) -> Json {
    match &axis.value {
        AxisValue::Seconds(value) | AxisValue::Float(value) => Json::from(*value),
        AxisValue::Bytes(value) | AxisValue::Int(value) => Json::from(*value),
        AxisValue::Bool(value) => Json::from(*value),
        AxisValue::Text(value) => Json::from(value.as_str()),
        AxisValue::Index(value) => Json::from(*value),
    }
}

/// Axis for axis; numbers by size, text by its letters.
pub(super) fn by_value(left: &[Axis], right: &[Axis]) -> Ordering {
    let pairs = left.iter().zip(right).map(|(left, right)| compare(&left.value, &right.value));
    pairs.fold(Ordering::Equal, Ordering::then)
}

fn compare(left: &AxisValue, right: &AxisValue) -> Ordering {
    match (left, right) {
        (AxisValue::Text(left), AxisValue::Text(right)) => left.cmp(right),
        _ => number(left).total_cmp(&number(right)),
    }
}

/// Text among numbers, on an axis that mixes them, comes last.
fn number(value: &AxisValue) -> f64 {
    match value {
        AxisValue::Seconds(value) | AxisValue::Float(value) => *value,
        AxisValue::Bytes(value) | AxisValue::Int(value) => *value as f64,
        AxisValue::Bool(value) => f64::from(u8::from(*value)),
        AxisValue::Index(value) => *value as f64,
        AxisValue::Text(_) => f64::INFINITY,
    }
}

/// The axes as `name: value` pairs of a JSON object.
pub(super) fn serialize<S: serde::Serializer>(axes: &[Axis], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(axes.iter().map(|axis| (axis_column(axis), axis_value(axis))))
}
