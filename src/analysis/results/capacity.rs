//! What a saturated job does in a second, with and without checkpoints, and what a checkpoint costs in the models' sense.
//!
//! Trials without faults that differ only in their interval measure one capacity: throughput = μ(1 - c/T), a trial
//! without checkpoints at 1/T = 0. μ is what the utilization of a trial with faults is measured against.

use std::collections::BTreeMap;

use super::trial::TrialResult;
use crate::analysis::model::progress_s;
use crate::analysis::saturation::{Cycle, Part};
use crate::analysis::statistics::{Figure, Scale, cost_of_line, mean, ratio};

/// Of the trials that have their load and settings in common.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Capacity {
    /// μ, records a second without checkpoints.
    pub at_rest_per_s: Figure,
    /// `c_capacity_s`; None with one interval, or none.
    pub cost: Option<Figure>,
}

/// The trials without faults that measure one capacity, in the order in which they ran.
#[derive(Clone, Debug)]
pub struct CapacityLine<'a> {
    pub points: Vec<CapacityPoint<'a>>,
    /// None where checkpoints and no two frequencies of them are all that was measured.
    pub capacity: Option<Capacity>,
}

#[derive(Clone, Copy, Debug)]
pub struct CapacityPoint<'a> {
    pub trial: &'a TrialResult,
    /// 1/T_real in 1/s; 0 without checkpoints.
    pub frequency_per_s: f64,
    pub useful_per_s: f64,
}

/// One for each capacity that was measured.
#[must_use]
pub fn capacity_lines(trials: &[TrialResult]) -> Vec<CapacityLine<'_>> {
    lines(trials).into_iter().map(|(_, line)| line).collect()
}

/// By what the capacity depends on.
pub fn capacities(trials: &[TrialResult]) -> BTreeMap<&str, Capacity> {
    lines(trials).into_iter().filter_map(|(key, line)| Some((key, line.capacity?))).collect()
}

fn lines(trials: &[TrialResult]) -> Vec<(&str, CapacityLine<'_>)> {
    let mut lines: Vec<(&str, CapacityLine<'_>)> = Vec::new();
    for trial in trials.iter().filter(|trial| trial.is_calm()) {
        let Some((key, point)) = trial.capacity_of.as_deref().zip(point(trial)) else { continue };
        match lines.iter_mut().find(|(known, _)| *known == key) {
            Some((_, line)) => line.points.push(point),
            None => lines.push((key, CapacityLine { points: vec![point], capacity: None })),
        }
    }
    for (_, line) in &mut lines {
        let points: Vec<_> = line.points.iter().map(|point| (point.frequency_per_s, point.useful_per_s)).collect();
        line.capacity = capacity(&points);
    }
    lines
}

fn point(trial: &TrialResult) -> Option<CapacityPoint<'_>> {
    let frequency_per_s = match trial.interval_s {
        None => 0.0,
        // The mean and not the median: what throughput loses follows from the number of checkpoints.
        Some(set) if trial.trigger_gaps_s.is_empty() => 1.0 / set,
        Some(_) => trial.trigger_gaps_s.len() as f64 / trial.trigger_gaps_s.iter().sum::<f64>(),
    };
    Some(CapacityPoint { trial, frequency_per_s, useful_per_s: trial.useful_per_s? })
}

fn capacity(points: &[(f64, f64)]) -> Option<Capacity> {
    if let Some(line) = cost_of_line(points) {
        return Some(Capacity { at_rest_per_s: line.capacity, cost: Some(line.cost) });
    }
    let is_at_rest = points.iter().all(|(frequency, _)| *frequency == 0.0);
    let rates: Vec<f64> = points.iter().map(|(_, rate)| *rate).collect();
    Some(Capacity { at_rest_per_s: mean(&[rates], Scale::Linear, 0).filter(|_| is_at_rest)?, cost: None })
}

/// Which R a prediction takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Restart {
    ToFirstRecord,
    Effective,
}

impl Restart {
    /// As summary.csv names it.
    #[must_use]
    pub fn figure(self) -> &'static str {
        match self {
            Self::ToFirstRecord => "R_s",
            Self::Effective => "R_eff_s",
        }
    }
}

/// Utilization over the cycles between real faults.
pub struct Realised<'a> {
    pub cycles: Vec<&'a Cycle>,
    pub at_rest_per_s: Figure,
}

impl Realised<'_> {
    /// Progress over what the job could have done without faults and checkpoints.
    pub fn measured(&self) -> Option<Figure> {
        let all: Vec<(f64, f64)> = self.cycles.iter().map(|cycle| (self.progress_s(cycle), cycle.length_s())).collect();
        let figure = ratio(&all)?;
        Some(widened(figure, &[self.share_of_rate().map(|share| share * figure.value)]))
    }

    /// What `schedule` gives for the F and R of each cycle.
    pub fn predicted(&self, interval_s: f64, cost_s: f64, restart: Restart) -> Option<f64> {
        let all: Option<Vec<(f64, f64)>> = self
            .cycles
            .iter()
            .map(|cycle| Some((expected_s(cycle, interval_s, cost_s, restart)?, cycle.length_s())))
            .collect();
        ratio(&all?).map(|figure| figure.value)
    }

    /// Measured less predicted, cycle by cycle: what chance the fault times bring is in both. `uncertain`: half of the
    /// interval that the prediction has from its c; without one the gap has none either.
    ///
    /// μ and c come from one line, and a μ that is too large comes with a c that is too large, which lower both sides
    /// alike. Their halves are added as if they were independent: the interval is too wide rather than too narrow.
    pub fn gap(&self, interval_s: f64, cost_s: f64, restart: Restart, uncertain: Option<f64>) -> Option<Figure> {
        let all: Option<Vec<(f64, f64)>> = self
            .cycles
            .iter()
            .map(|cycle| {
                let expected_s = expected_s(cycle, interval_s, cost_s, restart)?;
                Some((self.progress_s(cycle) - expected_s, cycle.length_s()))
            })
            .collect();
        let measured = self.measured()?.value;
        Some(widened(ratio(&all?)?, &[self.share_of_rate().map(|share| share * measured), uncertain]))
    }

    fn progress_s(&self, cycle: &Cycle) -> f64 {
        cycle.progress_records / self.at_rest_per_s.value
    }

    /// Half of the interval of μ, as a share of it; None where it has none.
    fn share_of_rate(&self) -> Option<f64> {
        Some(half_width(&self.at_rest_per_s)? / self.at_rest_per_s.value)
    }
}

/// None where R_eff is wanted, and not known of each part.
fn expected_s(cycle: &Cycle, interval_s: f64, cost_s: f64, restart: Restart) -> Option<f64> {
    let restart_s = |part: &Part| match restart {
        Restart::ToFirstRecord => Some(part.restart_s),
        Restart::Effective => part.effective_s,
    };
    cycle.parts.iter().map(|part| Some(progress_s(interval_s, cost_s, part.length_s - restart_s(part)?))).sum()
}

pub fn half_width(figure: &Figure) -> Option<f64> {
    Some((figure.hi? - figure.lo?) / 2.0)
}

/// The interval with further halves, added in quadrature; none where one of them is not known.
fn widened(figure: Figure, halves: &[Option<f64>]) -> Figure {
    let wider = |side: f64| halves.iter().try_fold(side, |sum, half| Some(sum.hypot((*half)?)));
    let reach = |end: Option<f64>| wider((end? - figure.value).abs());
    Figure {
        lo: reach(figure.lo).map(|side| figure.value - side),
        hi: reach(figure.hi).map(|side| figure.value + side),
        ..figure
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cycle(progress_records: f64, lengths_s: &[f64]) -> Cycle {
        let part = |&length_s: &f64| Part { length_s, restart_s: 5.0, effective_s: Some(6.0) };
        Cycle { progress_records, parts: lengths_s.iter().map(part).collect() }
    }

    fn at_rest(half: f64) -> Figure {
        Figure { value: 1_000.0, lo: Some(1_000.0 - half), hi: Some(1_000.0 + half), n: 6 }
    }

    #[test]
    fn the_line_through_trials_gives_rate_and_cost() {
        let points = [(0.0, 1_000.0), (0.1, 990.0), (1.0, 900.0)];
        let capacity = capacity(&points).expect("a line");
        assert!((capacity.at_rest_per_s.value - 1_000.0).abs() < 1e-9);
        assert!((capacity.cost.expect("two intervals").value - 0.1).abs() < 1e-12);
    }

    #[test]
    fn one_interval_tells_no_cost_and_only_trials_without_checkpoints_the_rate() {
        assert_eq!(capacity(&[(0.1, 990.0), (0.1, 980.0)]), None);
        let alone = capacity(&[(0.0, 990.0), (0.0, 1_010.0)]).expect("a rate");
        assert_eq!((alone.at_rest_per_s.value, alone.cost), (1_000.0, None));
    }

    #[test]
    fn cycles_that_gain_what_is_expected_leave_no_gap() {
        // T = 10, c = 1: X = 25 of 30 s gives 25·0.9 - 5 = 17.5 s, X = 15 of 20 s gives 8.5 s.
        let cycles = [cycle(17_500.0, &[30.0]), cycle(8_500.0, &[20.0]), cycle(26_000.0, &[30.0, 20.0])];
        let realised = Realised { cycles: cycles.iter().collect(), at_rest_per_s: at_rest(10.0) };
        let measured = realised.measured().expect("cycles");
        assert!((measured.value - 0.52).abs() < 1e-12);
        let predicted = realised.predicted(10.0, 1.0, Restart::ToFirstRecord).expect("all known");
        assert!((predicted - 0.52).abs() < 1e-12);
        let gap = realised.gap(10.0, 1.0, Restart::ToFirstRecord, Some(0.003)).expect("all known");
        assert!(gap.value.abs() < 1e-12);
        // Nothing but the halves of μ (1 % of 0.52) and of c is left of the width.
        assert!((half_width(&gap).expect("an interval") - 0.0052_f64.hypot(0.003)).abs() < 1e-9, "{gap:?}");
        assert!(realised.predicted(10.0, 1.0, Restart::Effective).expect("all known") < predicted);
        // Of a rate that is known from nothing but itself no interval follows.
        let bare = Realised { at_rest_per_s: Figure::bare(1_000.0, 1), ..realised };
        assert_eq!(bare.measured().expect("cycles").lo, None);
        assert_eq!(bare.gap(10.0, 1.0, Restart::ToFirstRecord, Some(0.003)).expect("all known").hi, None);
    }
}
