//! What a saturated job does in a second, with and without checkpoints, and what a checkpoint costs in the models' sense.
//!
//! Trials without faults that differ only in their interval measure one capacity: throughput = μ(1 - c/T), a trial
//! without checkpoints at 1/T = 0. μ is what the utilization of a trial with faults is measured against.

use std::collections::BTreeMap;

use super::trial::TrialResult;
use crate::analysis::model::progress_s;
use crate::analysis::saturation::{Cycle, Part};
use crate::analysis::statistics::{Figure, Scale, cost_of_line, mean, median, ratio};

/// Of the trials that have their load and settings in common.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Capacity {
    /// μ, records a second without checkpoints.
    pub at_rest_per_s: Figure,
    /// `c_capacity_s`; None with one interval, or none.
    pub cost: Option<Figure>,
}

/// By what the capacity depends on.
pub fn capacities(trials: &[TrialResult]) -> BTreeMap<&str, Capacity> {
    let mut points: BTreeMap<&str, Vec<(f64, f64)>> = BTreeMap::new();
    for trial in trials.iter().filter(|trial| trial.is_calm()) {
        if let Some((key, point)) = trial.capacity_of.as_deref().zip(point(trial)) {
            points.entry(key).or_default().push(point);
        }
    }
    points.into_iter().filter_map(|(key, points)| Some((key, capacity(&points)?))).collect()
}

/// 1/T_real in 1/s, and the throughput.
fn point(trial: &TrialResult) -> Option<(f64, f64)> {
    let frequency = match trial.interval_s {
        None => 0.0,
        Some(set) => 1.0 / median(trial.trigger_gaps_s.iter().copied()).unwrap_or(set),
    };
    Some((frequency, trial.useful_per_s?))
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
        Some(widened(figure, &[self.share_of_rate() * figure.value]))
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
    /// interval that the prediction has from its c.
    pub fn gap(&self, interval_s: f64, cost_s: f64, restart: Restart, uncertain: f64) -> Option<Figure> {
        let all: Option<Vec<(f64, f64)>> = self
            .cycles
            .iter()
            .map(|cycle| {
                let expected_s = expected_s(cycle, interval_s, cost_s, restart)?;
                Some((self.progress_s(cycle) - expected_s, cycle.length_s()))
            })
            .collect();
        let measured = self.measured()?.value;
        Some(widened(ratio(&all?)?, &[self.share_of_rate() * measured, uncertain]))
    }

    fn progress_s(&self, cycle: &Cycle) -> f64 {
        cycle.progress_records / self.at_rest_per_s.value
    }

    /// Half of the interval of μ, as a share of it.
    fn share_of_rate(&self) -> f64 {
        half_width(&self.at_rest_per_s).unwrap_or(0.0) / self.at_rest_per_s.value
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

/// The interval with further independent halves, added in quadrature.
fn widened(figure: Figure, halves: &[f64]) -> Figure {
    let wider = |side: f64| halves.iter().fold(side, |sum, half| sum.hypot(*half));
    Figure {
        lo: figure.lo.map(|lo| figure.value - wider(figure.value - lo)),
        hi: figure.hi.map(|hi| figure.value + wider(hi - figure.value)),
        ..figure
    }
}
