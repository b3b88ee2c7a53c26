//! How many of the probe's samples are missing: the figures rest on them.
//!
//! Flink's fetcher and the sampler have the same step but no common phase, so a fresh stamp comes now after
//! one step and now after nearly two; a gap below two steps loses nothing. Of a longer gap each whole step
//! beyond the first is missing. Counted in the measured phase outside [issued, caught_up] of every fault: in
//! between, a killed subtask has nothing to tell.

use super::curve::Bounds;
use super::series::Series;
use crate::record::EpochMs;

/// The share of expected samples that are missing, 0 to 1; None where the job has no probe.
#[must_use]
pub fn missing_share(
    series: &Series,
    subtasks: u32,
    step_ms: f64,
    measured: (EpochMs, EpochMs),
    disturbances: &[Bounds],
) -> Option<f64> {
    if series.probes.is_empty() || series.is_counted || step_ms <= 0.0 {
        return None;
    }
    let calm = calm_spans(measured, disturbances);
    let (mut expected, mut missing) = (0.0, 0.0);
    for subtask in 0..subtasks {
        let stamps = stamps(series, subtask);
        for span in &calm {
            expected += ((span.hi - span.lo) / step_ms).floor();
            missing += missing_within(&stamps, *span, step_ms);
        }
    }
    (expected > 0.0).then_some(missing / expected)
}

fn stamps(series: &Series, subtask: u32) -> Vec<EpochMs> {
    let attempts = series.probes.range((subtask, 0)..=(subtask, u32::MAX));
    let mut stamps: Vec<EpochMs> = attempts.flat_map(|(_, samples)| samples).map(|sample| sample.at_epoch_ms).collect();
    stamps.sort_by(f64::total_cmp);
    stamps
}

/// The ends of the span count as stamps, so that a probe that fell silent before its end is missed.
fn missing_within(stamps: &[EpochMs], span: Bounds, step_ms: f64) -> f64 {
    let first = stamps.partition_point(|&at| at < span.lo);
    let end = stamps.partition_point(|&at| at <= span.hi);
    let mut previous = span.lo;
    let mut missing = 0.0;
    for &at in stamps[first..end.max(first)].iter().chain([&span.hi]) {
        missing += ((at - previous) / step_ms - 1.0).floor().max(0.0);
        previous = at;
    }
    missing
}

/// The parts of the measured phase that no disturbance covers; disturbances are in the order of time.
#[must_use]
pub fn calm_spans((from, to): (EpochMs, EpochMs), disturbances: &[Bounds]) -> Vec<Bounds> {
    let mut spans = Vec::new();
    let mut lo = from;
    for fault in disturbances {
        spans.push(Bounds { lo, hi: fault.lo.min(to) });
        lo = lo.max(fault.hi);
    }
    spans.push(Bounds { lo, hi: to });
    spans.retain(|span| span.hi > span.lo);
    spans
}

#[cfg(test)]
mod tests {
    use super::super::series::{ProbeSample, Series};
    use super::{Bounds, calm_spans, missing_share};

    fn series(stamps: &[f64]) -> Series {
        let mut series = Series::default();
        let samples = stamps.iter().map(|&at_epoch_ms| ProbeSample { at_epoch_ms, ..ProbeSample::default() });
        series.probes.insert((0, 0), samples.collect());
        series
    }

    fn every(step: f64, from: f64, to: f64) -> Vec<f64> {
        let count = ((to - from) / step) as usize;
        (0..=count).map(|i| from + step * i as f64).collect()
    }

    #[test]
    fn calm_is_what_no_disturbance_covers() {
        let between = |lo, hi| Bounds { lo, hi };
        let disturbances = [between(20.0, 30.0), between(25.0, 40.0), between(90.0, f64::INFINITY)];
        assert_eq!(calm_spans((10.0, 100.0), &disturbances), [between(10.0, 20.0), between(40.0, 90.0)]);
        assert_eq!(calm_spans((10.0, 100.0), &[between(0.0, 200.0)]), []);
        assert_eq!(calm_spans((10.0, 100.0), &[]), [between(10.0, 100.0)]);
        assert_eq!(calm_spans((10.0, 100.0), &[between(150.0, 160.0)]), [between(10.0, 100.0)]);
    }

    #[test]
    fn a_gap_below_two_steps_loses_nothing() {
        let stamps = every(490.0, 0.0, 9_800.0);
        assert_eq!(missing_share(&series(&stamps), 1, 250.0, (0.0, 9_800.0), &[]), Some(0.0));
    }

    #[test]
    fn each_whole_step_beyond_the_first_is_missing() {
        let mut stamps = every(250.0, 0.0, 10_000.0);
        stamps.retain(|&at| !(4_001.0..5_000.0).contains(&at));
        assert_eq!(missing_share(&series(&stamps), 1, 250.0, (0.0, 10_000.0), &[]), Some(3.0 / 40.0));
    }

    #[test]
    fn a_fault_excuses_what_is_missing_in_it() {
        let mut stamps = every(250.0, 0.0, 10_000.0);
        stamps.retain(|&at| !(4_001.0..5_000.0).contains(&at));
        let fault = Bounds { lo: 4_000.0, hi: 5_000.0 };
        assert_eq!(missing_share(&series(&stamps), 1, 250.0, (0.0, 10_000.0), &[fault]), Some(0.0));
    }

    #[test]
    fn a_subtask_that_was_never_heard_is_all_missing() {
        let share = missing_share(&series(&every(250.0, 0.0, 10_000.0)), 2, 250.0, (0.0, 10_000.0), &[]);
        assert_eq!(share, Some(39.0 / 80.0));
    }
}
