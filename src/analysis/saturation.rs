//! What only saturating load can tell: the capacity that a cold job misses, and the progress between faults.
//!
//! Below saturation a job makes up for what it missed; only where there is always more to read is lost time lost work.
//!
//! R_eff = R + (capacity missed from `first` until steady) / capacity. The capacity before the fault is the raw rate of
//! the 10 s before it, as far as those lie behind the recovery before; a job is steady at the first of four sampling
//! steps running that together read at least 95 % of it. Each of the four by itself would have to, were it not that every
//! step with a checkpoint in it falls below: under short intervals a job would never count as steady.
//!
//! A cycle reaches from `issued` of a fault to `issued` of the next. Its progress is from the position that was restored
//! after the one to the position that was restored after the other: what a fault took back counts for no cycle.

use super::curve::{Bounds, Curve};
use super::series::Series;
use super::throughput::counters;
use super::timeline::Fault;
use crate::record::EpochMs;

/// How long before a fault its capacity is taken, in milliseconds, and what must be left of that; and at least so many
/// sampling steps.
const BEFORE_MS: f64 = 10_000.0;
const LEAST_BEFORE_MS: f64 = 2_000.0;
const LEAST_BEFORE_STEPS: f64 = 4.0;

/// The last sample of an attempt that was killed lies up to so many steps before that.
const SILENT_STEPS: f64 = 2.0;

/// Sampling steps running, and the share of the capacity that they must reach.
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
        if place > 0 {
            faults[place].during_recovery = faults[place - 1].over.is_none();
        }
        let fault = &mut faults[place];
        let Some(issued) = fault.phases.issued else { continue };
        // A first record is not the end of it, until it is known to be.
        fault.over = fault.over.filter(|_| fault.phases.first.is_none());
        let seen = issued.lo - SILENT_STEPS * step_ms;
        let least = LEAST_BEFORE_MS.max(LEAST_BEFORE_STEPS * step_ms);
        let before = Bounds { lo: free_from.max(seen - BEFORE_MS.max(least)), hi: seen };
        if before.hi - before.lo >= least {
            capacity_per_ms = Some(counted.per_ms(before));
        }
        free_from = horizon;
        let Some((first, capacity)) = fault.phases.first.zip(capacity_per_ms.filter(|rate| *rate > 0.0)) else {
            continue;
        };
        let course = counted.course(first.hi, (horizon - SILENT_STEPS * step_ms).min(counted.end()), capacity, step_ms);
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
    // A kill that took nothing of the job was not cut off; nothing is known of it.
    let noticed = fault.restarts > 0 || fault.phases.detected.is_some();
    let whole = (fault.censored && noticed).then_some(length_s);
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
        let enough = STEADY_SHARE * STEADY_STEPS as f64;
        let run = shares.windows(STEADY_STEPS).position(|run| run.iter().sum::<f64>() >= enough);
        // Of the four the first that was back by itself.
        let place = run.and_then(|run| (run..run + STEADY_STEPS).find(|&step| shares[step] >= STEADY_SHARE));
        let before = &shares[..place.unwrap_or(shares.len())];
        let steady = place.map(|place| {
            let lo = from + step_ms * place as f64;
            Bounds { lo, hi: lo + step_ms }
        });
        Course { steady, missed_ms: before.iter().map(|share| 1.0 - share).sum::<f64>() * step_ms }
    }
}

#[cfg(test)]
mod tests {
    use super::super::story::{Reading, STEP_MS, Story};
    use super::super::timeline::faults;
    use super::*;
    use crate::record::Step;

    /// Kills at 20 s and 50 s; the job reads again from 25 s and 57 s on, half a record a millisecond and partition.
    fn two_kills() -> Story {
        let mut story = Story::of(2.0, 1);
        let reading = |attempt, first, until, position| Reading { attempt, first, until, position, pace: 0.5 };
        story
            .step(Step::FaultSchedule { every_s: 30.0, count: 2, down_for_s: Some(3.0), due_s: Vec::new() })
            .source(reading(0, 0.0, 20_000.0, 0.0))
            .kill(1, "issued", 20_000.0, 20_000.0)
            .source(reading(1, 25_000.0, 50_000.0, 9_000.0))
            .kill(2, "issued", 50_000.0, 50_000.0)
            .source(reading(2, 57_000.0, 80_000.0, 20_000.0))
            .measured(10_000.0, 80_000.0);
        story
    }

    fn settled(story: &Story) -> Vec<Fault> {
        let trial = story.trial();
        let series = Series::of(&trial.samples);
        let mut faults = faults(&trial, &series, &[], STEP_MS);
        settle(&series, &mut faults, 10_000.0, STEP_MS);
        faults
    }

    #[test]
    fn progress_is_from_restored_position_to_restored_position() {
        let faults = settled(&two_kills());
        assert_eq!(
            faults.iter().map(|fault| fault.restored_records).collect::<Vec<_>>(),
            [Some(18_000.0), Some(40_000.0)]
        );
        let cycles = cycles(&faults);
        assert_eq!(cycles.len(), 1);
        assert_eq!((cycles[0].progress_records, cycles[0].length_s()), (22_000.0, 30.0));
        assert_eq!(cycles[0].parts[0].restart_s, 5.0);
    }

    #[test]
    fn a_job_that_is_as_fast_as_before_misses_next_to_nothing_after_its_first_record() {
        let fault = settled(&two_kills()).remove(0);
        // Subtask 1 has its first record 100 ms after subtask 0, which is 50 ms of both.
        let missed_s = fault.effective_s.expect("steady") - fault.restart_s.expect("it restarted");
        assert!((0.0..=0.1).contains(&missed_s), "{missed_s}");
        let over = fault.over.expect("steady");
        assert!((25_000.0..25_800.0).contains(&over.lo), "{over:?}");
    }

    #[test]
    fn what_a_cold_job_misses_is_counted_until_it_is_steady() {
        // Nothing until 1 s, half the capacity until 3 s, all of it until 9 s.
        let points = [(0.0, 0.0), (1_000.0, 0.0), (3_000.0, 1_000.0), (9_000.0, 7_000.0)];
        let counted = Counted(vec![Curve::new(points.to_vec())]);
        let course = counted.course(1_000.0, 9_000.0, 1.0, 250.0);
        assert_eq!(course.missed_ms, 1_000.0);
        assert_eq!(course.steady, Some(Bounds { lo: 3_000.0, hi: 3_250.0 }));
        let cut = counted.course(1_000.0, 3_500.0, 1.0, 250.0);
        assert_eq!((cut.steady, cut.missed_ms), (None, 1_000.0));
    }

    #[test]
    fn a_fault_that_falls_into_a_recovery_is_a_part_without_progress() {
        let mut faults = settled(&two_kills());
        let mut between = faults[0].clone();
        let issued = Bounds { lo: 22_000.0, hi: 22_000.0 };
        between.phases.issued = Some(issued);
        // The recovery of the first was cut off, and that of the one in between came to the job's first record.
        (faults[0].censored, faults[0].restart_s) = (true, None);
        faults.insert(1, between);
        let of_first = faults[0].restored_records.take();
        assert!(of_first.is_some());
        let found = cycles(&faults);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].length_s(), 28.0);
        // With a restored position before it the whole is one cycle of two parts.
        faults[0].restored_records = Some(17_000.0);
        faults[1].restored_records = None;
        let found = cycles(&faults);
        assert_eq!((found.len(), found[0].parts.len(), found[0].progress_records), (1, 2, 23_000.0));
        assert_eq!((found[0].parts[0].length_s, found[0].parts[0].restart_s), (2.0, 2.0));
    }
}
