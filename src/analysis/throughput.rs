//! Records a second over the measured phase, from counters and positions; never from Flink's 60 s meters.
//!
//! `raw` is work: what each attempt of each source subtask counted, so re-processed rows count again. What an
//! attempt processed after its last sample before a kill is not in it, at most a sampling step's worth.
//! `useful` is progress: what the positions gained, each row once. Step by step a row counts when a source comes
//! to it for the first time: after a restore the steps are empty until the positions are back where they stood,
//! instead of falling below zero.

use std::collections::BTreeMap;

use super::curve::{Bounds, Curve};
use super::series::{ProbeSample, Series};
use crate::record::EpochMs;

/// Over how long a peak must last to count, in milliseconds: within one sampling step it would be the size of a
/// fetch from the broker.
const PEAK_MS: f64 = 1_000.0;

/// The rate over several spans together; None where it is unknown in one of them.
#[must_use]
pub fn over(spans: &[Bounds], rate_per_s: impl Fn((EpochMs, EpochMs)) -> Option<f64>) -> Option<f64> {
    let total: f64 = spans.iter().map(|span| span.hi - span.lo).sum();
    let records: Option<f64> =
        spans.iter().map(|span| Some(rate_per_s((span.lo, span.hi))? * (span.hi - span.lo))).sum();
    (total > 0.0).then_some(records? / total)
}

/// The largest raw rate over one second within [from, to]; None where that is shorter than a second.
#[must_use]
pub fn peak_per_s(series: &Series, (from, to): (EpochMs, EpochMs), step_ms: f64) -> Option<f64> {
    let starts = ((to - from - PEAK_MS) / step_ms).floor();
    if series.probes.is_empty() || !(starts.is_finite() && starts >= 0.0) {
        return None;
    }
    let counters = counters(series);
    let counted = |start: f64| {
        let grown = |curve: &Curve| Some(curve.held_value_at(start + PEAK_MS)? - curve.held_value_at(start)?);
        counters.iter().filter_map(grown).sum::<f64>() / (PEAK_MS / 1e3)
    };
    (0..=starts as u64).map(|step| counted(from + step as f64 * step_ms)).reduce(f64::max)
}

/// Records that one subtask of the source processed per second, as the study's harness reads it.
#[must_use]
pub fn raw_of_subtask_per_s(series: &Series, wanted: u32, (from, to): (EpochMs, EpochMs)) -> Option<f64> {
    let attempts = series.probes.iter().filter(|((subtask, _), _)| *subtask == wanted);
    let grown: Vec<f64> = attempts.filter_map(|(_, samples)| counted_within(samples, from, to)).collect();
    (!grown.is_empty()).then(|| grown.iter().sum::<f64>() / ((to - from) / 1e3))
}

/// Records processed per second; None without a probe.
#[must_use]
pub fn raw_per_s(series: &Series, (from, to): (EpochMs, EpochMs)) -> Option<f64> {
    let grown: Vec<f64> = series.probes.values().filter_map(|samples| counted_within(samples, from, to)).collect();
    (!grown.is_empty()).then(|| grown.iter().sum::<f64>() / ((to - from) / 1e3))
}

/// What one attempt counted in [from, to]; its counter starts at zero, so one that began later counts whole.
fn counted_within(samples: &[ProbeSample], from: EpochMs, to: EpochMs) -> Option<f64> {
    let points = samples.iter().filter_map(|sample| Some((sample.at_epoch_ms, sample.records?))).collect();
    let counter = Curve::new(points);
    let &(began, _) = counter.points().first()?;
    if began > to {
        return None;
    }
    let before = if began > from { 0.0 } else { counter.held_value_at(from)? };
    Some(counter.held_value_at(to)? - before)
}

/// Records gained by all partitions per second; None where a partition's position is not known at both ends.
#[must_use]
pub fn useful_per_s(series: &Series, (from, to): (EpochMs, EpochMs)) -> Option<f64> {
    let mut curves: BTreeMap<u32, Vec<&Curve>> = BTreeMap::new();
    for (&(_, partition), curve) in &series.positions {
        curves.entry(partition).or_default().push(curve);
    }
    if series.partitions.is_empty() || curves.len() < series.partitions.len() {
        return None;
    }
    let gained: Option<f64> =
        curves.values().map(|attempts| Some(position(attempts, to)? - position(attempts, from)?)).sum();
    Some(gained? / ((to - from) / 1e3))
}

/// Position of a partition at `at` in the newest attempt that had one by then; `attempts` are in their order.
fn position(attempts: &[&Curve], at: EpochMs) -> Option<f64> {
    let newest = attempts.iter().rev().find(|curve| curve.points().first().is_some_and(|&(began, _)| began <= at));
    newest.or(attempts.first())?.held_value_at(at)
}

/// Rates within one sampling step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RatePoint {
    /// The middle of the step.
    pub at_epoch_ms: EpochMs,
    pub raw_per_s: f64,
    pub useful_per_s: f64,
    /// By the replay's schedule; None where the replay was not sampled.
    pub offered_per_s: Option<f64>,
}

/// Rates for each whole step of [from, to], for plots; none without a probe.
#[must_use]
pub fn rates(series: &Series, (from, to): (EpochMs, EpochMs), step_ms: f64) -> Vec<RatePoint> {
    let steps = (to - from) / step_ms;
    if series.probes.is_empty() || !(steps.is_finite() && steps >= 1.0) {
        return Vec::new();
    }
    let counters = counters(series);
    let furthest = furthest_positions(series);
    let gained = |curves: &[Curve], lo: f64, hi: f64| {
        let gain = |curve: &Curve| Some(curve.held_value_at(hi)? - curve.held_value_at(lo)?);
        curves.iter().filter_map(gain).sum::<f64>() / (step_ms / 1e3)
    };
    let point = |step: u64| {
        let lo = from + step_ms * step as f64;
        let hi = lo + step_ms;
        RatePoint {
            at_epoch_ms: f64::midpoint(lo, hi),
            raw_per_s: gained(&counters, lo, hi),
            useful_per_s: gained(&furthest, lo, hi),
            offered_per_s: series.offered_per_s(lo - step_ms, hi + step_ms),
        }
    };
    (0..steps as u64).map(point).collect()
}

/// What each attempt of each source subtask counted.
pub(super) fn counters(series: &Series) -> Vec<Curve> {
    series.probes.values().map(|samples| counter(samples)).collect()
}

/// What one attempt counted; it starts at zero with its first record.
fn counter(samples: &[ProbeSample]) -> Curve {
    let mut points: Vec<(EpochMs, f64)> =
        samples.iter().filter_map(|sample| Some((sample.at_epoch_ms, sample.records?))).collect();
    points.extend(samples.iter().find_map(|sample| sample.first_epoch_ms).map(|first| (first, 0.0)));
    Curve::new(points)
}

/// How far each partition had been read by then, whatever was restored since.
fn furthest_positions(series: &Series) -> Vec<Curve> {
    let mut points: BTreeMap<u32, Vec<(EpochMs, f64)>> = BTreeMap::new();
    for (&(_, partition), curve) in &series.positions {
        points.entry(partition).or_default().extend(curve.points());
    }
    let furthest = |points: Vec<(EpochMs, f64)>| {
        let mut so_far = f64::NEG_INFINITY;
        let ordered = Curve::new(points);
        let grown = ordered.points().iter().map(|&(at, position)| {
            so_far = so_far.max(position);
            (at, so_far)
        });
        Curve::new(grown.collect())
    };
    points.into_values().map(furthest).collect()
}

#[cfg(test)]
mod tests {
    use super::super::sampling::calm_spans;
    use super::*;
    use crate::analysis::story::{Reading, STEP_MS, Story, one_kill};

    fn series() -> Series {
        Series::of(&one_kill(2.0, 1).trial().samples)
    }

    #[test]
    fn outside_faults_the_job_reads_what_is_offered() {
        let series = series();
        let spans = calm_spans((10_000.0, 45_000.0), &[Bounds { lo: 20_000.0, hi: 27_600.0 }]);
        let rate = over(&spans, |span| raw_per_s(&series, span)).expect("there is a probe");
        assert!((rate - 2_000.0).abs() < 10.0, "{rate}");
        assert_eq!(over(&[], |span| raw_per_s(&series, span)), None);
    }

    #[test]
    fn the_peak_of_a_catch_up_is_its_pace() {
        let peak = peak_per_s(&series(), (25_200.0, 27_600.0), 250.0).expect("two seconds");
        assert!((peak - 8_000.0).abs() < 10.0, "two partitions, 4 records a millisecond each: {peak}");
        assert_eq!(peak_per_s(&series(), (25_000.0, 25_900.0), 250.0), None);
    }

    #[test]
    fn a_subtask_is_half_of_two() {
        let series = series();
        let phase = (10_000.0, 19_000.0);
        let (one, both) = (raw_of_subtask_per_s(&series, 0, phase), raw_per_s(&series, phase));
        assert!((2.0 * one.expect("a probe") - both.expect("a probe")).abs() < 1.0);
        assert_eq!(raw_of_subtask_per_s(&series, 9, phase), None);
    }

    const MEASURED: (f64, f64) = (10_000.0, 45_000.0);

    #[test]
    fn a_steady_job_does_in_each_step_what_it_is_offered() {
        let trial = Story::of(2.0, 1).load(46_000.0).source(Reading::steady(46_000.0)).trial();
        let points = rates(&Series::of(&trial.samples), MEASURED, STEP_MS);
        assert_eq!(points.len(), 140);
        for point in points {
            let told = [point.raw_per_s, point.useful_per_s, point.offered_per_s.unwrap_or_default()];
            assert!(told.iter().all(|rate| (rate - 2_000.0).abs() < 1e-6), "{point:?}");
        }
    }

    #[test]
    fn steps_add_up_to_the_whole_and_no_row_is_useful_twice() {
        let series = Series::of(&one_kill(2.0, 1).trial().samples);
        let points = rates(&series, MEASURED, STEP_MS);
        let whole = |rate: Option<f64>| rate.expect("a rate") * 35.0;
        let sum = |rates: Vec<f64>| rates.iter().sum::<f64>() * STEP_MS / 1e3;
        let raw = sum(points.iter().map(|point| point.raw_per_s).collect());
        let useful = sum(points.iter().map(|point| point.useful_per_s).collect());
        assert!((raw - whole(raw_per_s(&series, MEASURED))).abs() < 1e-6, "{raw}");
        assert!((useful - whole(useful_per_s(&series, MEASURED))).abs() < 1e-6, "{useful}");
        assert!(points.iter().all(|point| point.useful_per_s >= 0.0 && point.raw_per_s >= 0.0));
        // Down from 20 s to 25 s, and until parity only rows that were read before.
        let down = points.iter().filter(|point| (20_500.0..25_000.0).contains(&point.at_epoch_ms));
        assert!(down.clone().count() > 10 && down.clone().all(|point| point.raw_per_s == 0.0));
    }

    #[test]
    fn without_a_probe_or_a_phase_there_are_no_rates() {
        assert!(rates(&Series::default(), MEASURED, STEP_MS).is_empty());
        let series = Series::of(&one_kill(2.0, 1).trial().samples);
        for (span, step) in [((1.0, 1.0), 250.0), (MEASURED, 0.0), ((0.0, f64::INFINITY), 250.0)] {
            assert!(rates(&series, span, step).is_empty());
        }
    }
}
