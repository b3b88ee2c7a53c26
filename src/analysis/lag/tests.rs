//! Lag on loads whose lag is known.

use super::{LagMeter, lag_points};
use crate::analysis::story::{Reading, Story, one_kill};
use crate::record::{Sample, Value};

fn broker(at: f64, ends: [f64; 2]) -> Sample {
    let value = |(partition, end)| Value(format!("end_offset.{partition}"), None, None, end);
    Sample { source: "broker".into(), at_epoch_ms: at, values: ends.into_iter().enumerate().map(value).collect() }
}

fn probe(at: f64, subtask: u32, attempt: u32, position: f64) -> Sample {
    let value = Value(format!("position.{subtask}"), Some(subtask), Some(attempt), position);
    Sample { source: "probe".into(), at_epoch_ms: at, values: vec![value] }
}

#[test]
fn end_offsets_are_interpolated_to_the_stamp_of_each_subtask() {
    let mut meter = LagMeter::new();
    assert!(meter.push(&broker(0.0, [0.0, 0.0])).is_empty());
    assert!(meter.push(&probe(50.0, 0, 0, 40.0)).is_empty());
    assert!(meter.push(&probe(75.0, 1, 0, 100.0)).is_empty());
    let points = meter.push(&broker(100.0, [100.0, 200.0]));
    assert_eq!(points.len(), 1);
    assert_eq!((points[0].at_epoch_ms, points[0].lag), (75.0, 10.0 + 50.0));
}

#[test]
fn a_stamp_that_does_not_grow_is_no_sample() {
    let mut meter = LagMeter::new();
    meter.push(&broker(0.0, [0.0, 0.0]));
    for _ in 0..3 {
        meter.push(&probe(50.0, 0, 0, 40.0));
        meter.push(&probe(50.0, 1, 0, 40.0));
    }
    assert_eq!(meter.push(&broker(100.0, [100.0, 100.0])).len(), 1);
}

#[test]
fn a_steady_source_has_one_point_a_step() {
    let mut story = Story::of(1.0, 1);
    story.load(10_000.0).source(Reading::steady(10_000.0));
    let points = lag_points(&story.trial().samples);
    assert_eq!(points.len(), 39);
    assert!(points.iter().all(|point| (point.lag - 100.0).abs() < 1e-9));
}

#[test]
fn from_a_kill_until_every_partition_is_read_again_it_is_undefined() {
    let points = lag_points(&one_kill(1.0, 1).trial().samples);
    let hole: Vec<f64> =
        points.iter().map(|point| point.at_epoch_ms).filter(|at| (20_001.0..26_000.0).contains(at)).collect();
    // The survivor's last sample and the victim's are of the same step; then nothing until the new attempt.
    assert_eq!(hole, [20_100.0, 25_350.0, 25_600.0, 25_850.0]);
    assert_eq!(points.iter().find(|point| point.attempt == 3).map(|point| point.at_epoch_ms), Some(25_350.0));
}
