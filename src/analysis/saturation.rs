//! What only saturating load can tell: the capacity that a cold job misses, and the progress between faults.
//!
//! Below saturation a job makes up for what it missed; only where there is always more to read is lost time lost work.
//!
//! R_eff = R + (capacity missed from `first` until steady) / capacity. The capacity before the fault is the raw rate of
//! the 10 s before it, as far as those lie behind the recovery before; a job is steady at the first of four sampling
//! steps running that read at least 95 % of it.
//!
//! A cycle reaches from `issued` of a fault to `issued` of the next. Its progress is from the position that was restored
//! after the one to the position that was restored after the other: what a fault took back counts for no cycle.

use super::curve::{Bounds, Curve};
use super::series::Series;
use super::throughput::counters;
use super::timeline::Fault;
use crate::record::EpochMs;

/// How long before a fault its capacity is taken, in milliseconds, and what must be left of that.
const BEFORE_MS: f64 = 10_000.0;
const LEAST_BEFORE_MS: f64 = 2_000.0;

/// Sampling steps running, and the share of the capacity that each must reach.
const STEADY_STEPS: usize = 4;
const STEADY_SHARE: f64 = 0.95;

/// What lies between two faults whose restored positions are known.
#[derive(Clone, Debug, PartialEq)]
pub struct Cycle {
    /// Records gained for good.
    pub progress_records: f64,
    /// From fault to fault: one, and one more for each fault in between that was cut off before the job restored.
    pub parts: Vec<Part>,
}

/// From one fault to the next.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Part {
    /// F, issued to issued.
    pub length_s: f64,
    /// R of the fault at its start, at most F: a recovery that the next fault cut off took all of it.
    pub restart_s: f64,
    /// The same with the capacity missed until the job was steady, or until the next fault; None where that is not known.
    pub effective_s: Option<f64>,
}

impl Cycle {
    #[must_use]
    pub fn length_s(&self) -> f64 {
        self.parts.iter().map(|part| part.length_s).sum()
    }
}

/// Finds when each recovery was steady again, and its R_eff; until then a fault disturbs.
pub fn settle(series: &Series, faults: &mut [Fault], measured_from: EpochMs, step_ms: f64) {
    let counted = Counted(counters(series));
    let mut free_from = measured_from;
    let mut capacity_per_ms = None;
    for place in 0..faults.len() {
        let horizon = faults.get(place + 1).and_then(|next| next.phases.issued).map_or(f64::INFINITY, |at| at.lo);
        let fault = &mut faults[place];
        let Some(issued) = fault.phases.issued else { continue };
        let before = Bounds { lo: free_from.max(issued.lo - BEFORE_MS), hi: issued.lo };
        if before.hi - before.lo >= LEAST_BEFORE_MS {
            capacity_per_ms = Some(counted.per_ms(before));
        }
        free_from = horizon;
        let Some((first, capacity)) = fault.phases.first.zip(capacity_per_ms.filter(|rate| *rate > 0.0)) else {
            continue;
        };
        let course = counted.course(first.hi, horizon.min(counted.end()), capacity, step_ms);
        fault.missed_s = Some(course.missed_ms / 1e3);
        if let Some(steady) = course.steady {
            fault.effective_s = fault.restart_s.map(|restart_s| restart_s + course.missed_ms / 1e3);
            fault.over = Some(steady);
            free_from = steady.hi;
        }
    }
}

/// The cycles between faults whose restored positions are known, in the order of time.
#[must_use]
pub fn cycles(faults: &[Fault]) -> Vec<Cycle> {
    let mut cycles = Vec::new();
    // Where the present cycle began, and its parts so far.
    let mut open: Option<(f64, Vec<Part>)> = None;
    for (place, fault) in faults.iter().enumerate() {
        if let Some(restored) = fault.restored_records {
            if let Some((from, parts)) = open.take() {
                cycles.push(Cycle { progress_records: restored - from, parts });
            }
            open = Some((restored, Vec::new()));
        }
        // Of a fault that was not cut off and yet gave no R nothing is known, nor of what lies around it.
        let part = faults.get(place + 1).and_then(|next| part(fault, next));
        open = open.zip(part).map(|((from, mut parts), part)| {
            parts.push(part);
            (from, parts)
        });
    }
    cycles
}

fn part(fault: &Fault, next: &Fault) -> Option<Part> {
    let length_s = (next.phases.issued?.hi - fault.phases.issued?.hi) / 1e3;
    let whole = fault.censored.then_some(length_s);
    let restart_s = whole.or(fault.restart_s)?.min(length_s);
    let effective_s = whole.or_else(|| Some(fault.restart_s? + fault.missed_s?)).map(|own| own.min(length_s));
    Some(Part { length_s, restart_s, effective_s })
}

/// How a job that reads again came back to its capacity.
struct Course {
    /// The first of the steps in which it was back.
    steady: Option<Bounds>,
    /// The time at capacity that was missed until then, or until the end of what was looked at.
    missed_ms: f64,
}

/// What all attempts of all source subtasks counted.
struct Counted(Vec<Curve>);

impl Counted {
    fn per_ms(&self, span: Bounds) -> f64 {
        let gain = |curve: &Curve| Some(curve.held_value_at(span.hi)? - curve.held_value_at(span.lo)?);
        self.0.iter().filter_map(gain).sum::<f64>() / (span.hi - span.lo)
    }

    fn end(&self) -> EpochMs {
        self.0.iter().filter_map(|curve| curve.points().last()).map(|&(at, _)| at).fold(f64::NEG_INFINITY, f64::max)
    }

    fn course(&self, from: EpochMs, until: EpochMs, capacity_per_ms: f64, step_ms: f64) -> Course {
        let steps = ((until - from) / step_ms).floor().max(0.0);
        let step = |number: usize| {
            let lo = from + step_ms * number as f64;
            self.per_ms(Bounds { lo, hi: lo + step_ms }) / capacity_per_ms
        };
        let shares: Vec<f64> = (0..steps as usize).map(step).collect();
        let place = shares.windows(STEADY_STEPS).position(|run| run.iter().all(|share| *share >= STEADY_SHARE));
        let before = &shares[..place.unwrap_or(shares.len())];
        let steady = place.map(|place| {
            let lo = from + step_ms * place as f64;
            Bounds { lo, hi: lo + step_ms }
        });
        Course { steady, missed_ms: before.iter().map(|share| 1.0 - share).sum::<f64>() * step_ms }
    }
}
