//! The plain answer: the best of the intervals tried, T*, and whether they agree.
//!
//! Each trial has a U of its own, by `poisson` from its own c, R and `T_real`. The best of those tried is the one
//! with the largest mean of them; it is told apart from another only where Welch's interval of the difference
//! lies above zero. With one trial of an interval nothing is compared, and only T* is told. They agree where the
//! model gives T* a U within 1 % of the best tried's: the curve is flat around its top, and a longer search would
//! win nothing. T* may have less, because f(c(T*)) does not know how c and R change with T.

use serde::Serialize;

use super::axes;
use super::row::Row;
use super::trial::TrialResult;
use crate::analysis::model::{Conditions, Model, utilization};
use crate::analysis::statistics::{difference, median};
use crate::record::Axis;

/// By how much U(T*) may differ from U of the best tried.
const PLATEAU: f64 = 0.01;

#[derive(Clone, Debug, Default, Serialize)]
pub struct Answer {
    /// The best tried, and those that cannot be told apart from it; empty with one trial of an interval.
    pub best_tried: Vec<Tried>,
    /// U(T*) / U(best tried) - 1, both by the model.
    pub gain_at_optimum: Option<f64>,
    pub agrees: Option<bool>,
    /// Why nothing is compared.
    pub reason: Option<String>,
}

#[derive(Clone, Debug, Serialize)]
pub struct Tried {
    #[serde(serialize_with = "axes::serialize")]
    pub axes: Vec<Axis>,
    /// Mean over its trials.
    #[serde(rename = "U_poisson")]
    pub utilization: f64,
}

/// `at_optimum`: U at T* by the model.
pub fn answer(rows: &[&Row], trials: &[TrialResult], at_optimum: Option<f64>) -> Answer {
    if rows.len() < 2 {
        return Answer { reason: Some("one interval was tried".into()), ..Answer::default() };
    }
    let mut tried: Vec<(&Row, Vec<f64>)> = rows.iter().map(|row| (*row, of_trials(row, trials))).collect();
    if let Some((row, values)) = tried.iter().find(|(_, values)| values.len() < 2) {
        let count = if values.is_empty() { "no sound trial" } else { "one sound trial" };
        let interval = row.interval_s.map(|interval| format!(" of T = {interval} s")).unwrap_or_default();
        return Answer {
            reason: Some(format!("{count}{interval} with c, R and faults: at least two are needed")),
            ..Answer::default()
        };
    }
    tried.sort_by(|left, right| mean(&right.1).total_cmp(&mean(&left.1)));
    let best = tried[0].1.clone();
    let apart = |values: &[f64]| {
        let ahead = difference(values, &best).and_then(|figure| figure.lo);
        ahead.is_some_and(|lo| lo > 0.0)
    };
    let best_tried: Vec<Tried> = tried
        .iter()
        .enumerate()
        .filter(|(place, (_, values))| *place == 0 || !apart(values))
        .map(|(_, (row, values))| Tried { axes: row.axes.clone(), utilization: mean(values) })
        .collect();
    let modelled = tried[0].0.figures.get("U_poisson").map(|figure| figure.value).filter(|value| *value > 0.0);
    let gain = at_optimum.zip(modelled).map(|(at_optimum, modelled)| at_optimum / modelled - 1.0);
    Answer { best_tried, gain_at_optimum: gain, agrees: gain.map(|gain| gain.abs() <= PLATEAU), reason: None }
}

/// U of each sound trial of the row that has a c, an R and a failure rate.
fn of_trials(row: &Row, trials: &[TrialResult]) -> Vec<f64> {
    let of_row = trials.iter().filter(|trial| trial.combination() == row.combination && trial.is_sound());
    of_row.filter_map(|trial| of_trial(trial, row)).collect()
}

/// c is what the row takes for it: c_capacity is one for all trials, c_duration each trial's own.
fn of_trial(trial: &TrialResult, row: &Row) -> Option<f64> {
    let known = |values: &[f64]| (!values.is_empty()).then(|| mean(values));
    let restarts: Vec<f64> = trial.faults.iter().filter_map(|fault| fault.restart_s).collect();
    let interval = median(trial.trigger_gaps_s.iter().copied()).or(trial.interval_s)?;
    let cost = match row.cost {
        "c_duration_s" => known(&trial.checkpoint_durations_s)?,
        shared => row.figures.get(shared)?.value,
    };
    let conditions = Conditions::new(cost, known(&restarts)?, trial.lambda_per_s?);
    utilization(Model::Poisson, interval, &conditions).ok()
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}
