//! One combination of axes: its trials brought together into figures, and the study's view of it.
//!
//! What is seen many times in a trial (checkpoints, recoveries, windows) is pooled over the repeats; what a
//! trial has one of (rates) is one value a trial. Maxima have no interval: a larger one can always come.
//!
//! U uses T_real, because that is what the job did; only the study's U uses T as configured. c is c_capacity where that
//! is known, which it is under saturating load only, else c_duration; the study's is c_duration always.

mod saturated;

use std::collections::BTreeMap;

use serde::Serialize;

use super::axes::{self, by_value};
use super::capacity::{Capacity, capacities};
use super::figures::{Cell, Figures};
use super::trial::{Clusters, Latencies, TrialResult};
use crate::analysis::budget::Budget;
use crate::analysis::latency::Course;
use crate::analysis::model::{Conditions, Model, optimal_interval, utilization};
use crate::analysis::resources::{CheckpointUse, Usage};
use crate::analysis::statistics::{
    Figure, Input, Scale, coefficient_of_variation, interquartile_range, mean, mean_of_clusters, quantile, simulate,
};
use crate::analysis::stretches;
use crate::analysis::timeline::Fault;
use crate::record::Axis;

/// By how much T_real may exceed T before it is flagged.
const STRETCHED: f64 = 1.05;

const MOVED: &str = "planned restarts changed the interval: see its stretches";
const BELOW_CAPACITY: &str = "below capacity";
const NOT_SAMPLED: &str = "the TaskManagers' processes were not sampled";

/// One combination of axes.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    #[serde(serialize_with = "axes::serialize")]
    pub axes: Vec<Axis>,
    /// The ids of its trials without their repeats.
    #[serde(skip)]
    pub combination: String,
    /// With one, all intervals are within one trial, and nothing is compared.
    pub repeats: usize,
    /// T as configured.
    #[serde(rename = "T_s")]
    pub interval_s: Option<f64>,
    pub lambda_per_s: Option<f64>,
    /// The figure that U and T* take for c.
    pub cost: &'static str,
    /// T_real exceeds T by more than 5 %.
    pub stretched: bool,
    /// T_real ≤ c: checkpoints back to back.
    pub back_to_back: bool,
    pub figures: Figures,
    /// Windows due in the measured phase that never arrived: no latency holds them.
    pub windows_missing: Option<usize>,
    pub latency_by_course: Vec<CourseLatency>,
    /// T_real/2 + c in milliseconds: what `commit_wait_ms` is for triggers in a uniform phase to the windows. Only
    /// where the sink promises each result once.
    pub expected_commit_wait_ms: Option<f64>,
    /// Of all its trials together; summary.json has it under `budget`.
    #[serde(skip)]
    pub budget: Option<Budget>,
    /// Instances and hosts by name.
    #[serde(skip)]
    pub resources: Vec<(String, Usage)>,
}

/// Latency of the windows that were due in one part of the faults' course.
#[derive(Clone, Debug, Serialize)]
pub struct CourseLatency {
    pub course: Course,
    pub written: Spread,
    pub visible: Spread,
}

#[derive(Clone, Debug, Serialize)]
pub struct Spread {
    pub p50_ms: Cell,
    pub p99_ms: Cell,
    pub max_ms: Cell,
}

/// A row of the table *By the study's method*: T configured, c_duration, R_study, λ = 1/every, `poisson`.
#[derive(Clone, Debug, Serialize)]
pub struct StudyRow {
    #[serde(serialize_with = "axes::serialize")]
    pub axes: Vec<Axis>,
    #[serde(rename = "T_s")]
    pub interval_s: Option<f64>,
    #[serde(rename = "c_duration_s")]
    pub cost: Cell,
    #[serde(rename = "R_study_s")]
    pub restart: Cell,
    pub lambda_per_s: Option<f64>,
    #[serde(rename = "U_study")]
    pub utilization: Cell,
}

impl StudyRow {
    #[must_use]
    pub fn of(row: &Row) -> Self {
        let cell = |name: &str| row.figures.cell(name).cloned().unwrap_or_else(|| Cell::Empty(String::new()));
        Self {
            axes: row.axes.clone(),
            interval_s: row.interval_s,
            cost: cell("c_duration_s"),
            restart: cell("R_study_s"),
            lambda_per_s: row.lambda_per_s,
            utilization: cell("U_study"),
        }
    }
}

/// All combinations, by the values of their axes.
pub fn rows(trials: &[TrialResult], seed: u64) -> Vec<Row> {
    let mut groups: Vec<Vec<&TrialResult>> = Vec::new();
    for trial in trials {
        match groups.iter_mut().find(|group| group[0].combination() == trial.combination()) {
            Some(group) => group.push(trial),
            None => groups.push(vec![trial]),
        }
    }
    groups.sort_by(|left, right| by_value(&left[0].axes, &right[0].axes));
    let capacities = capacities(trials);
    let of = |trials: &[&TrialResult]| trials.iter().find_map(|trial| capacities.get(trial.capacity_of.as_deref()?));
    groups.into_iter().map(|trials| Group { capacity: of(&trials).copied(), trials, seed }.row()).collect()
}

/// The repeats of one combination.
struct Group<'a> {
    trials: Vec<&'a TrialResult>,
    /// Under saturating load, where trials without faults tell it.
    capacity: Option<Capacity>,
    seed: u64,
}

impl Group<'_> {
    fn row(mut self) -> Row {
        self.trials.sort_by_key(|trial| trial.repeat);
        // Of a combination in which the job was moved to another interval there is no one T.
        let moved = self.is_moved();
        let interval_s = self.trials.iter().find_map(|trial| trial.interval_s).filter(|_| !moved);
        let lambda_per_s = self.trials.iter().find_map(|trial| trial.lambda_per_s);
        let measured = Measured::of(&self);
        let figures = Figures::collect(|name| {
            let modelled = self.modelled(name, &measured, interval_s, lambda_per_s);
            let saturated = || self.saturated(name, &measured, interval_s);
            modelled.or_else(saturated).unwrap_or_else(|| self.observed(name, &measured))
        });
        let real = measured.real_interval.map(|figure| figure.value);
        Row {
            axes: self.trials[0].axes.clone(),
            combination: self.trials[0].combination().into(),
            repeats: self.trials.len(),
            interval_s,
            lambda_per_s,
            cost: measured.cost_name(),
            stretched: real.filter(|_| !moved).zip(interval_s).is_some_and(|(real, set)| real > STRETCHED * set),
            back_to_back: real.filter(|_| !moved).zip(measured.cost).is_some_and(|(real, cost)| real <= cost.value),
            windows_missing: self.windows_missing(),
            figures,
            latency_by_course: self.latency_by_course(),
            expected_commit_wait_ms: self.expected_commit_wait_ms(&measured),
            budget: Budget::sum(self.trials.iter().filter_map(|trial| trial.budget)),
            resources: self.resources(),
        }
    }

    fn observed(&self, name: &'static str, measured: &Measured) -> Cell {
        let no_recovery = "no recovery was seen";
        if name == "T_real_s" && self.is_moved() {
            return Cell::Empty(MOVED.into());
        }
        let no_rate = "no trial has a measured phase with samples";
        let of_trials = |value: fn(&TrialResult) -> Option<f64>| self.mean_of_trials(name, no_rate, value);
        match name {
            "T_real_s" => Cell::or(measured.real_interval, "no two checkpoints in a row outside faults"),
            "c_duration_s" => Cell::or(measured.cost, "no checkpoint completed in the measured phase"),
            "R_s" => Cell::or(measured.restart, "no fault gave an R"),
            "R_ready_s" => self.of_faults(name, Scale::Log, "no job waited for its instance", |fault| fault.ready_s),
            "R_study_s" => Cell::or(measured.study_restart, "no job went from RESTARTING to RUNNING"),
            "rework_records" => self.of_faults(name, Scale::Linear, no_recovery, |fault| Some(fault.rework?.records)),
            "rework_event_s" => self.of_faults(name, Scale::Linear, no_recovery, |fault| fault.rework?.event_s),
            "raw_per_s" => of_trials(|trial| trial.raw_per_s),
            "useful_per_s" => of_trials(|trial| trial.useful_per_s),
            "raw_outside_faults_per_s" => of_trials(|trial| trial.raw_outside_faults_per_s),
            "useful_outside_faults_per_s" => of_trials(|trial| trial.useful_outside_faults_per_s),
            "raw_of_subtask_0_per_s" => of_trials(|trial| trial.raw_of_subtask_0_per_s),
            "fetch_latency_ms" => {
                self.mean_of_trials(name, "the source showed no fetch latency", |trial| trial.fetch_latency_ms)
            }
            "commit_wait_ms" => {
                let waits = self.strata(|trial| trial.latencies.commit_waits_ms.clone());
                Cell::or(mean_of_clusters(&waits, self.seed_of(name)), "no window was due outside faults")
            }
            "c_duration_cv" => self.mean_of_trials(name, "no trial completed two checkpoints", |trial| {
                coefficient_of_variation(&trial.checkpoint_durations_s)
            }),
            "catch_up_peak_per_s" => {
                let peaks = self.strata(|trial| trial.catch_up_peaks_per_s.clone());
                let reason = "no job caught up over at least a second";
                Cell::or(mean(&peaks, Scale::Linear, self.seed_of(name)), reason)
            }
            "lag_max_records" => Cell::or(
                self.largest(|trial| trial.lag_max_records.into_iter().collect()),
                "the lag was never defined in the measured phase",
            ),
            "caught_up_s" => self.of_faults(name, Scale::Log, "no job caught up", |fault| fault.caught_up_s),
            "checkpoint_bytes" => {
                let sizes = self.strata(|trial| trial.checkpoint_sizes_bytes.clone());
                Cell::or(mean(&sizes, Scale::Linear, self.seed_of(name)), "no checkpoint told its size")
            }
            _ if name.starts_with("written_") => self.latency_cell(name, |latencies| &latencies.written_ms),
            _ if name.starts_with("visible_") => self.latency_cell(name, |latencies| &latencies.visible_ms),
            "cpu_cores" => self.of_taskmanagers(name, total, |usage| usage.cpu_cores),
            "memory_max_bytes" => {
                Cell::or(self.largest(|trial| all(trial, |usage| usage.memory_max_bytes)), NOT_SAMPLED)
            }
            "disk_written_bytes_per_s" => self.of_taskmanagers(name, total, |usage| usage.disk_written_bytes_per_s),
            "net_sent_bytes_per_s" => self.of_taskmanagers(name, total, |usage| usage.net_sent_bytes_per_s),
            "gc_share" => self.of_taskmanagers(name, |of| total(of) / of.len() as f64, |usage| usage.gc_share),
            "checkpoint_cpu_s" => self.of_checkpoints(name, |spent| spent.used.cpu_s),
            "checkpoint_extra_cpu_s" => self.of_checkpoints(name, |spent| spent.extra.cpu_s),
            "checkpoint_disk_written_bytes" => self.of_checkpoints(name, |spent| spent.used.disk_written_bytes),
            "checkpoint_extra_disk_written_bytes" => self.of_checkpoints(name, |spent| spent.extra.disk_written_bytes),
            "checkpoint_net_sent_bytes" => self.of_checkpoints(name, |spent| spent.used.net_sent_bytes),
            "checkpoint_extra_net_sent_bytes" => self.of_checkpoints(name, |spent| spent.extra.net_sent_bytes),
            _ => Cell::Empty(BELOW_CAPACITY.into()),
        }
    }

    /// None for the figures that are no model's.
    fn modelled(&self, name: &'static str, m: &Measured, set: Option<f64>, lambda: Option<f64>) -> Option<Cell> {
        let model = match name {
            "U_poisson" => Some(Model::Poisson),
            "U_flink" => Some(Model::Flink),
            "U_schedule" => Some(Model::Schedule),
            _ => None,
        };
        if let Some(model) = model.filter(|_| self.is_moved()) {
            return Some(self.utilization_over_stretches(name, model, m, lambda));
        }
        let real = m.real_interval.map(|figure| figure.value).or(set);
        let study_cost = self.input("c_duration_s", m.cost);
        let (cost, restart) = (self.input(m.cost_name(), m.model_cost()), self.input("R_s", m.restart));
        let effective = self.input("R_eff_s", m.effective);
        Some(match name {
            "U_poisson" => utilization_cell(Model::Poisson, real, cost, restart, lambda),
            "U_flink" => utilization_cell(Model::Flink, real, cost, restart, lambda),
            "U_schedule" => utilization_cell(Model::Schedule, real, cost, restart, lambda),
            "U_study" => {
                utilization_cell(Model::Poisson, set, study_cost, self.input("R_study_s", m.study_restart), lambda)
            }
            "U_poisson_eff" | "U_flink_eff" | "U_schedule_eff" if m.effective.is_none() => return None,
            "U_poisson_eff" | "U_flink_eff" | "U_schedule_eff" if self.is_moved() => Cell::Empty(MOVED.into()),
            "U_poisson_eff" => utilization_cell(Model::Poisson, real, cost, effective, lambda),
            "U_flink_eff" => utilization_cell(Model::Flink, real, cost, effective, lambda),
            "U_schedule_eff" => utilization_cell(Model::Schedule, real, cost, effective, lambda),
            "T_star_s" => optimum_cell(Model::Poisson, cost, restart, lambda),
            _ => return None,
        })
    }

    /// Whether planned restarts changed the interval in any of its trials.
    fn is_moved(&self) -> bool {
        self.trials.iter().any(|trial| trial.stretches.len() > 1)
    }

    /// One value a trial: the mean of its stretches, each with its own T and c; 0 while the job moved.
    fn utilization_over_stretches(&self, name: &str, model: Model, m: &Measured, lambda: Option<f64>) -> Cell {
        let Some(lambda) = lambda else { return Cell::Empty("no faults are scheduled".into()) };
        let Some(restart) = m.restart else { return Cell::Empty("no R".into()) };
        let of_trial = |trial: &TrialResult| {
            stretches::over(&trial.stretches, |interval_s, cost_s| {
                utilization(model, interval_s, &Conditions::new(cost_s, restart.value, lambda)).ok()
            })
        };
        self.mean_of_trials(name, "no c in any stretch", of_trial)
    }

    fn strata<T>(&self, values: impl Fn(&TrialResult) -> Vec<T>) -> Vec<Vec<T>> {
        self.trials.iter().map(|trial| values(trial)).collect()
    }

    fn of_faults(&self, name: &str, scale: Scale, reason: &str, value: impl Fn(&Fault) -> Option<f64>) -> Cell {
        Cell::or(self.mean_of_faults(name, scale, value), reason)
    }

    fn mean_of_faults(&self, name: &str, scale: Scale, value: impl Fn(&Fault) -> Option<f64>) -> Option<Figure> {
        let strata = self.strata(|trial| trial.faults.iter().filter_map(&value).collect());
        mean(&strata, scale, self.seed_of(name))
    }

    fn mean_of_trials(&self, name: &str, reason: &str, value: impl Fn(&TrialResult) -> Option<f64>) -> Cell {
        let strata = self.strata(|trial| value(trial).into_iter().collect());
        Cell::or(mean(&strata, Scale::Linear, self.seed_of(name)), reason)
    }

    /// The statistic that the name ends with, over the latencies of all trials.
    fn latency_cell(&self, name: &str, of: impl Fn(&Latencies) -> &Clusters) -> Cell {
        let strata = self.strata(|trial| of(&trial.latencies).clone());
        let seed = self.seed_of(name);
        let figure = match name.split_once('_').map_or("", |(_, statistic)| statistic) {
            "p50_ms" => quantile(&strata, 0.5, seed),
            "p99_ms" => quantile(&strata, 0.99, seed),
            "max_ms" => extreme(&strata, |_, largest| largest),
            "range_ms" => extreme(&strata, |smallest, largest| largest - smallest),
            "mean_ms" => mean_of_clusters(&strata, seed),
            // One a trial: the distance of two quantiles has no interval within a trial.
            _ => {
                let ranges: Vec<Vec<f64>> =
                    strata.iter().map(|trial| interquartile_range(trial.concat()).into_iter().collect()).collect();
                mean(&ranges, Scale::Linear, seed)
            }
        };
        Cell::or(figure, self.no_window())
    }

    fn expected_commit_wait_ms(&self, measured: &Measured) -> Option<f64> {
        let promised = self.trials.iter().all(|trial| trial.exactly_once);
        let (interval, cost) = measured.real_interval.zip(measured.cost).filter(|_| promised)?;
        Some(1e3 * (interval.value / 2.0 + cost.value))
    }

    /// p50, p99 and max of both latencies in each part of the faults' course.
    fn latency_by_course(&self) -> Vec<CourseLatency> {
        let parts = Course::ALL.into_iter().enumerate();
        parts
            .map(|(place, course)| CourseLatency {
                course,
                written: self.spread(place, |(written, _)| written),
                visible: self.spread(place, |(_, visible)| visible),
            })
            .collect()
    }

    fn spread(&self, place: usize, of: impl Fn(&(Clusters, Clusters)) -> &Clusters) -> Spread {
        let strata = self.strata(|trial| of(&trial.latencies.by_course[place]).clone());
        let seed = self.seed_of(&format!("latency_by_course.{place}"));
        let cell = |figure| Cell::or(figure, "no window was due in this part");
        Spread {
            p50_ms: cell(quantile(&strata, 0.5, seed)),
            p99_ms: cell(quantile(&strata, 0.99, seed)),
            max_ms: cell(extreme(&strata, |_, largest| largest)),
        }
    }

    /// One value a trial: what `together` makes of the values of its TaskManagers.
    fn of_taskmanagers(
        &self,
        name: &str,
        together: impl Fn(&[f64]) -> f64,
        value: impl Fn(&Usage) -> Option<f64>,
    ) -> Cell {
        let strata =
            self.strata(|trial| trial.of_taskmanagers(&value).map(|values| together(&values)).into_iter().collect());
        Cell::or(mean(&strata, Scale::Linear, self.seed_of(name)), NOT_SAMPLED)
    }

    fn of_checkpoints(&self, name: &str, value: impl Fn(&CheckpointUse) -> Option<f64>) -> Cell {
        let strata = self.strata(|trial| trial.of_checkpoints(&value));
        let reason = "no TaskManager was sampled around a checkpoint that stands apart from the others";
        Cell::or(mean(&strata, Scale::Linear, self.seed_of(name)), reason)
    }

    /// Instances and hosts by name, each over its trials.
    fn resources(&self) -> Vec<(String, Usage)> {
        let mut usages: BTreeMap<&str, Vec<Usage>> = BTreeMap::new();
        for instance in self.trials.iter().flat_map(|trial| &trial.resources) {
            usages.entry(&instance.instance).or_default().push(instance.usage);
        }
        usages.into_iter().map(|(instance, usages)| (instance.to_owned(), Usage::over(&usages))).collect()
    }

    fn largest(&self, values: impl Fn(&TrialResult) -> Vec<f64>) -> Option<Figure> {
        let values: Vec<f64> = self.strata(values).concat();
        let largest = values.iter().copied().reduce(f64::max)?;
        Some(Figure::bare(largest, values.len()))
    }

    /// Why there is no latency.
    fn no_window(&self) -> &'static str {
        let cut = |trial: &&TrialResult| trial.replay_end.is_none() && trial.measured_to_epoch_ms.is_none();
        if self.trials.iter().all(cut) {
            "the replay did not come to its end: windows still under way would be left out"
        } else {
            "no window was due in the measured phase"
        }
    }

    /// Windows that are owed a latency and have none; None where no trial's results were compared.
    fn windows_missing(&self) -> Option<usize> {
        self.trials.iter().filter_map(|trial| trial.windows_missing).reduce(|sum, more| sum + more)
    }

    fn input(&self, name: &str, figure: Option<Figure>) -> Option<Input> {
        input(self.seed, self.trials[0].combination(), name, figure)
    }

    fn seed_of(&self, name: &str) -> u64 {
        seed_of(self.seed, self.trials[0].combination(), name)
    }
}

fn total(values: &[f64]) -> f64 {
    values.iter().sum()
}

fn all(trial: &TrialResult, value: impl Fn(&Usage) -> Option<f64>) -> Vec<f64> {
    trial.of_taskmanagers(value).unwrap_or_default()
}

/// The figures that the models need.
struct Measured {
    real_interval: Option<Figure>,
    cost: Option<Figure>,
    /// c_capacity_s, under saturating load.
    capacity_cost: Option<Figure>,
    restart: Option<Figure>,
    effective: Option<Figure>,
    study_restart: Option<Figure>,
}

impl Measured {
    fn of(group: &Group<'_>) -> Self {
        let gaps = group.strata(|trial| trial.trigger_gaps_s.iter().map(|&gap| vec![gap]).collect());
        let durations = group.strata(|trial| trial.checkpoint_durations_s.clone());
        Self {
            real_interval: quantile(&gaps, 0.5, group.seed_of("T_real_s")),
            cost: mean(&durations, Scale::Log, group.seed_of("c_duration_s")),
            // One at or below zero tells nothing but that the cost was lost in the noise.
            capacity_cost: group.capacity.and_then(|capacity| capacity.cost).filter(|cost| cost.value > 0.0),
            restart: group.mean_of_faults("R_s", Scale::Log, |fault| fault.restart_s),
            effective: group.mean_of_faults("R_eff_s", Scale::Log, |fault| fault.effective_s),
            study_restart: group.mean_of_faults("R_study_s", Scale::Log, |fault| fault.study_s),
        }
    }
}

impl Measured {
    /// Which figure the models take for c.
    fn cost_name(&self) -> &'static str {
        if self.capacity_cost.is_some() { "c_capacity_s" } else { "c_duration_s" }
    }

    fn model_cost(&self) -> Option<Figure> {
        self.capacity_cost.or(self.cost)
    }
}

/// Of the smallest and the largest of all values; no interval, because a larger one can always come.
fn extreme(strata: &[Clusters], of: impl Fn(f64, f64) -> f64) -> Option<Figure> {
    let values: Vec<f64> = strata.iter().flatten().flatten().copied().collect();
    let (smallest, largest) = (values.iter().copied().reduce(f64::min)?, values.iter().copied().reduce(f64::max)?);
    Some(Figure::bare(of(smallest, largest), values.len()))
}

fn utilization_cell(
    model: Model,
    interval_s: Option<f64>,
    cost: Option<Input>,
    restart: Option<Input>,
    lambda_per_s: Option<f64>,
) -> Cell {
    let Some(interval_s) = interval_s else { return Cell::Empty("no checkpoint interval".into()) };
    let Some(cost) = cost else { return Cell::Empty("no c".into()) };
    let Some(restart) = restart else { return Cell::Empty("no R".into()) };
    let Some(lambda) = lambda_per_s else { return Cell::Empty("no faults are scheduled".into()) };
    // Only R_study falls below zero, where the job called itself RUNNING before its instance was back; no
    // restart costs less than nothing, so it counts as zero here, as U < 0 does.
    let at = |c: f64, r: f64| utilization(model, interval_s, &Conditions::new(c, r.max(0.0), lambda));
    match at(cost.figure.value, restart.figure.value) {
        Err(error) => Cell::Empty(error.message),
        Ok(_) => Cell::or(simulate(&[cost, restart], |drawn| at(drawn[0], drawn[1]).ok()), "no value"),
    }
}

/// T* by one model; only `schedule` needs an R for it.
pub fn optimum_cell(model: Model, cost: Option<Input>, restart: Option<Input>, lambda_per_s: Option<f64>) -> Cell {
    let Some(cost) = cost else { return Cell::Empty("no c".into()) };
    let Some(lambda) = lambda_per_s else { return Cell::Empty("no failures: no optimal interval".into()) };
    let mut inputs = vec![cost];
    match (model, restart) {
        (Model::Schedule, Some(restart)) => inputs.push(restart),
        (Model::Schedule, None) => return Cell::Empty("no R".into()),
        (Model::Poisson | Model::Flink, _) => {}
    }
    let at = |drawn: &[f64]| {
        optimal_interval(model, &Conditions::new(drawn[0], drawn.get(1).copied().unwrap_or(0.0), lambda))
    };
    let values: Vec<f64> = inputs.iter().map(|input| input.figure.value).collect();
    match at(&values) {
        Err(error) => Cell::Empty(error.message),
        Ok(_) => Cell::or(simulate(&inputs, |drawn| at(drawn).ok()), "no interval pays"),
    }
}

/// A figure of a combination as the models take it: with the seed of its draws, wherever it is used.
pub fn input(seed: u64, combination: &str, name: &str, figure: Option<Figure>) -> Option<Input> {
    // One c of several combinations is drawn alike in all of them.
    let combination = if name == "c_capacity_s" { "" } else { combination };
    let estimates = if name == "c_capacity_s" { 2 } else { 1 };
    Some(Input { figure: figure?, seed: seed_of(seed, combination, &format!("{name} drawn")), estimates })
}

/// A seed of its own for each figure, so that one figure's draws do not move with another's (FNV-1a, 64 bit).
fn seed_of(seed: u64, combination: &str, name: &str) -> u64 {
    let bytes = combination.bytes().chain([0]).chain(name.bytes());
    bytes.fold(0xcbf2_9ce4_8422_2325 ^ seed, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}
