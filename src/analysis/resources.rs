//! CPU, memory, disk, network and garbage collection of each instance and host, and what checkpoints take of them.
//!
//! Counters only grow within an incarnation and begin at zero with the next, so they are told apart within one
//! alone, and between two samples they are read on a straight line.
//!
//! Of a checkpoint there are two figures. `used` is all that the TaskManagers did in [trigger, ack], work on
//! records included. `extra` is what they did more than their usual rate between checkpoints: taken over the
//! whole sampling steps that enclose [trigger, ack], because a straight line spreads what happened within a step
//! over all of it, and a checkpoint shorter than a step would lose most of its own. Where those steps reach into
//! another checkpoint neither can be told. What follows the acknowledgement (commits of the sink, files that are
//! removed) is in neither.

use std::collections::BTreeMap;

use super::checkpoints::CheckpointRow;
use super::curve::{Bounds, Curve};
use crate::record::{EpochMs, Sample, Value};

/// How the names of TaskManagers begin.
const TASKMANAGER: &str = "taskmanager-";

/// The usual rate of an instance is not known from less.
const LEAST_CALM_MS: f64 = 1_000.0;

/// One instance or host (`host:local`).
#[derive(Clone, Debug, PartialEq)]
pub struct InstanceResources {
    pub instance: String,
    /// In their order; a host and what never restarted have one.
    pub incarnations: Vec<Incarnation>,
    /// Over the measured phase.
    pub usage: Usage,
}

/// The samples of one process, or of a host.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Incarnation {
    /// From 1; 0 for a host.
    pub number: u32,
    /// By the names of `Sample`: `cpu_s`, `memory_bytes`, …
    pub curves: BTreeMap<String, Curve>,
}

/// Means over the measured phase, the time that an instance was away included. None where it was not sampled.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Usage {
    pub cpu_cores: Option<f64>,
    pub memory_max_bytes: Option<f64>,
    pub disk_read_bytes_per_s: Option<f64>,
    pub disk_written_bytes_per_s: Option<f64>,
    pub net_sent_bytes_per_s: Option<f64>,
    pub net_received_bytes_per_s: Option<f64>,
    /// Pauses in all, and the share of the phase that they took.
    pub gc_count: Option<f64>,
    pub gc_share: Option<f64>,
}

/// What all TaskManagers together spent.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Spent {
    pub cpu_s: Option<f64>,
    pub disk_written_bytes: Option<f64>,
    pub net_sent_bytes: Option<f64>,
}

/// What a checkpoint took.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct CheckpointUse {
    /// In [trigger, ack].
    pub used: Spent,
    /// Beyond the usual rate between checkpoints.
    pub extra: Spent,
}

impl Spent {
    fn of(mut amount: impl FnMut(&str) -> Option<f64>) -> Self {
        Self {
            cpu_s: amount("cpu_s"),
            disk_written_bytes: amount("disk_written_bytes"),
            net_sent_bytes: amount("net_sent_bytes"),
        }
    }
}

impl Usage {
    /// The mean over trials, of memory the largest, of each figure where it is known.
    #[must_use]
    pub fn over(trials: &[Self]) -> Self {
        let known = |figure: fn(&Self) -> Option<f64>| trials.iter().filter_map(figure).collect::<Vec<f64>>();
        let mean = |figure: fn(&Self) -> Option<f64>| {
            let values = known(figure);
            (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
        };
        Self {
            cpu_cores: mean(|usage| usage.cpu_cores),
            memory_max_bytes: known(|usage| usage.memory_max_bytes).into_iter().reduce(f64::max),
            disk_read_bytes_per_s: mean(|usage| usage.disk_read_bytes_per_s),
            disk_written_bytes_per_s: mean(|usage| usage.disk_written_bytes_per_s),
            net_sent_bytes_per_s: mean(|usage| usage.net_sent_bytes_per_s),
            net_received_bytes_per_s: mean(|usage| usage.net_received_bytes_per_s),
            gc_count: mean(|usage| usage.gc_count),
            gc_share: mean(|usage| usage.gc_share),
        }
    }
}

impl InstanceResources {
    #[must_use]
    pub fn is_taskmanager(&self) -> bool {
        self.instance.starts_with(TASKMANAGER)
    }

    /// What a counter gained in [from, to] over all incarnations; None where none was sampled by then.
    #[must_use]
    pub fn gained(&self, name: &str, (from, to): (EpochMs, EpochMs)) -> Option<f64> {
        let of = |(place, incarnation): (usize, &Incarnation)| {
            let curve = incarnation.curves.get(name)?;
            let &(began, first) = curve.points().first()?;
            if began > to {
                return None;
            }
            // A process that began after we looked at its predecessor began at zero.
            let before = match (began > from, place) {
                (false, _) => curve.held_value_at(from)?,
                (true, 0) => first,
                (true, _) => 0.0,
            };
            Some((curve.held_value_at(to)? - before).max(0.0))
        };
        sum_of_known(self.incarnations.iter().enumerate().map(of))
    }

    fn largest(&self, name: &str, (from, to): (EpochMs, EpochMs)) -> Option<f64> {
        let curves = self.incarnations.iter().filter_map(|incarnation| incarnation.curves.get(name));
        curves.flat_map(|curve| curve.within(from, to)).map(|&(_, value)| value).reduce(f64::max)
    }

    fn usage(&self, measured: (EpochMs, EpochMs)) -> Usage {
        let seconds = (measured.1 - measured.0) / 1e3;
        let rate = |name: &str| Some(self.gained(name, measured)? / seconds);
        Usage {
            cpu_cores: rate("cpu_s"),
            memory_max_bytes: self.largest("memory_bytes", measured),
            disk_read_bytes_per_s: rate("disk_read_bytes"),
            disk_written_bytes_per_s: rate("disk_written_bytes"),
            net_sent_bytes_per_s: rate("net_sent_bytes"),
            net_received_bytes_per_s: rate("net_received_bytes"),
            gc_count: self.gained("gc_count", measured),
            gc_share: rate("gc_pause_s"),
        }
    }
}

/// All instances and hosts that were sampled, by name.
#[must_use]
pub fn resources(samples: &[Sample], measured: Option<(EpochMs, EpochMs)>) -> Vec<InstanceResources> {
    type Points = BTreeMap<String, Vec<(EpochMs, f64)>>;
    let mut instances: BTreeMap<&str, BTreeMap<u32, Points>> = BTreeMap::new();
    // Nothing else that is sampled has this name.
    for sample in samples.iter().filter(|sample| sample.values.iter().any(|Value(name, ..)| name == "cpu_s")) {
        let incarnations = instances.entry(&sample.source).or_default();
        for Value(name, _, incarnation, value) in &sample.values {
            let points = incarnations.entry(incarnation.unwrap_or(0)).or_default();
            match points.get_mut(name) {
                Some(points) => points.push((sample.at_epoch_ms, *value)),
                None => drop(points.insert(name.clone(), vec![(sample.at_epoch_ms, *value)])),
            }
        }
    }
    let curves = |points: Points| points.into_iter().map(|(name, points)| (name, Curve::new(points))).collect();
    let instance = |(instance, incarnations): (&str, BTreeMap<u32, Points>)| {
        let incarnations =
            incarnations.into_iter().map(|(number, points)| Incarnation { number, curves: curves(points) });
        let mut known = InstanceResources {
            instance: instance.to_owned(),
            incarnations: incarnations.collect(),
            usage: Usage::default(),
        };
        known.usage = measured.map(|measured| known.usage(measured)).unwrap_or_default();
        known
    };
    instances.into_iter().map(instance).collect()
}

/// What each checkpoint took, in the order of the rows; known of completed periodic ones alone.
#[must_use]
pub fn checkpoint_uses(
    instances: &[InstanceResources],
    rows: &[CheckpointRow],
    measured: Option<(EpochMs, EpochMs)>,
    disturbances: &[Bounds],
) -> Vec<CheckpointUse> {
    let taskmanagers: Vec<&InstanceResources> = instances.iter().filter(|instance| instance.is_taskmanager()).collect();
    let spans: Vec<Bounds> = rows.iter().map(CheckpointRow::span).collect();
    let latest_ends: Vec<EpochMs> = spans
        .iter()
        .scan(f64::NEG_INFINITY, |latest, span| {
            *latest = latest.max(span.hi);
            Some(*latest)
        })
        .collect();
    // A rate for each process and name; looked up by the process's place.
    let calm = Calm { measured, checkpoints: &spans, disturbances };
    let names = ["cpu_s", "disk_written_bytes", "net_sent_bytes"];
    let rates: Vec<BTreeMap<&str, f64>> = taskmanagers
        .iter()
        .map(|instance| names.into_iter().filter_map(|name| Some((name, calm.rate(instance, name)?))).collect())
        .collect();
    let one = |place: usize| {
        let (row, span) = (&rows[place], spans[place]);
        if !row.is_completed() || !row.is_periodic() {
            return CheckpointUse::default();
        }
        // Rows are in the order of their triggers: an earlier one reaches in by its end, a later one by its beginning.
        let meets_another = |steps: Bounds| {
            let earlier = place.checked_sub(1).is_some_and(|before| latest_ends[before] > steps.lo);
            earlier || spans.get(place + 1).is_some_and(|next| next.lo < steps.hi)
        };
        let shared = |curve: &Curve| enclosing(curve, span).is_none_or(meets_another);
        let alive: Option<Vec<(usize, &Incarnation)>> = alive(&taskmanagers, span);
        let Some(alive) = alive.filter(|alive| !alive.is_empty()) else { return CheckpointUse::default() };
        let used = |name: &str| {
            let of = |(_, incarnation): &(usize, &Incarnation)| {
                let curve = incarnation.curves.get(name).filter(|curve| !shared(curve))?;
                Some(curve.value_at(span.hi)? - curve.value_at(span.lo)?)
            };
            alive.iter().map(of).sum::<Option<f64>>()
        };
        let extra = |name: &str| {
            let of = |(owner, incarnation): &(usize, &Incarnation)| {
                let curve = incarnation.curves.get(name).filter(|curve| !shared(curve))?;
                let steps = enclosing(curve, span)?;
                let usual = rates[*owner].get(name)? * (steps.hi - steps.lo);
                Some(curve.value_at(steps.hi)? - curve.value_at(steps.lo)? - usual)
            };
            alive.iter().map(of).sum::<Option<f64>>()
        };
        let extra = if row.during_fault { Spent::default() } else { Spent::of(extra) };
        CheckpointUse { used: Spent::of(used), extra }
    };
    (0..rows.len()).map(one).collect()
}

/// The processes that lived through all of the span, with the place of their instance; None where one lived
/// through a part of it only, because then what it did is not known.
fn alive<'a>(taskmanagers: &[&'a InstanceResources], span: Bounds) -> Option<Vec<(usize, &'a Incarnation)>> {
    let mut through = Vec::new();
    for (place, instance) in taskmanagers.iter().enumerate() {
        for incarnation in &instance.incarnations {
            let Some(points) = incarnation.curves.get("cpu_s").map(Curve::points) else { continue };
            let (Some(first), Some(last)) = (points.first(), points.last()) else { continue };
            if first.0 <= span.lo && span.hi <= last.0 {
                through.push((place, incarnation));
            } else if meet(Bounds { lo: first.0, hi: last.0 }, span) {
                return None;
            }
        }
    }
    Some(through)
}

/// The whole sampling steps around the span.
fn enclosing(curve: &Curve, span: Bounds) -> Option<Bounds> {
    let points = curve.points();
    let before = points.partition_point(|&(at, _)| at <= span.lo).checked_sub(1)?;
    let after = points.partition_point(|&(at, _)| at < span.hi);
    Some(Bounds { lo: points[before].0, hi: points.get(after)?.0 })
}

fn meet(left: Bounds, right: Bounds) -> bool {
    left.lo < right.hi && right.lo < left.hi
}

/// When nothing but the usual work goes on.
struct Calm<'a> {
    measured: Option<(EpochMs, EpochMs)>,
    checkpoints: &'a [Bounds],
    disturbances: &'a [Bounds],
}

impl Calm<'_> {
    /// What a counter gains in a millisecond, over all steps that hold neither a checkpoint nor a fault.
    fn rate(&self, instance: &InstanceResources, name: &str) -> Option<f64> {
        let (from, to) = self.measured?;
        let (mut gained, mut lasted) = (0.0, 0.0);
        for curve in instance.incarnations.iter().filter_map(|incarnation| incarnation.curves.get(name)) {
            // Both grow with time, so one look at each checkpoint is enough.
            let mut next = 0;
            for pair in curve.within(from, to).windows(2) {
                let step = Bounds { lo: pair[0].0, hi: pair[1].0 };
                while self.checkpoints.get(next).is_some_and(|checkpoint| checkpoint.hi <= step.lo) {
                    next += 1;
                }
                let busy = self.checkpoints[next..]
                    .iter()
                    .take_while(|checkpoint| checkpoint.lo < step.hi)
                    .any(|checkpoint| meet(*checkpoint, step));
                if !busy && !self.disturbances.iter().any(|fault| meet(*fault, step)) {
                    gained += pair[1].1 - pair[0].1;
                    lasted += step.hi - step.lo;
                }
            }
        }
        (lasted >= LEAST_CALM_MS).then(|| gained / lasted)
    }
}

fn sum_of_known(values: impl Iterator<Item = Option<f64>>) -> Option<f64> {
    values.flatten().fold(None, |sum, value| Some(sum.unwrap_or(0.0) + value))
}

#[cfg(test)]
mod tests;
