//! Records a second over the measured phase, from counters and positions; never from Flink's 60 s meters.
//!
//! `raw` is work: what each attempt of each source subtask counted, so re-processed rows count again. What an
//! attempt processed after its last sample before a kill is not in it, at most a sampling step's worth.
//! `useful` is progress: what the positions gained, each row once.

use std::collections::BTreeMap;

use super::curve::Curve;
use super::series::{ProbeSample, Series};
use crate::record::EpochMs;

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
