//! Everything that a report, a CSV or summary.json says, computed from what a run observed.
//!
//! A trial that failed or is invalid still gives the figures that it reached: the verdict stands beside them,
//! and a result is not lost because its run did not finish.

mod answer;
mod axes;
mod capacity;
mod conclusions;
mod curves;
mod figures;
mod optimum;
mod row;
mod summary;
mod trial;

pub use answer::{Answer, Tried};
pub use axes::{axis_column, axis_value};
pub use capacity::{Capacity, CapacityLine, CapacityPoint, Restart, capacity_lines};
pub use conclusions::{Conclusion, Finding};
pub use curves::{UtilizationCurve, UtilizationPoint, utilization_curves};
pub use figures::{Cell, FIGURES, Figures, MEASURED_TABLE};
pub use optimum::{Headline, Optimum, RowOptimum};
pub use row::{CourseLatency, Row, Spread, StudyRow};
pub use summary::Summary;
pub use trial::{Clusters, Latencies, TrialResult};

use super::history::{ReportPart, Run};
use super::validity::{self, Check, Judgement, Thresholds, Verdict};

/// The whole analysis of a run.
#[derive(Clone, Debug)]
pub struct Results {
    /// Whether the target was the simulated cluster.
    pub simulated: bool,
    pub script: String,
    pub profile: String,
    pub seed: u64,
    /// In the order in which they ran.
    pub trials: Vec<TrialResult>,
    /// One for each combination of axes, by the values of the axes. The table *As measured* is these rows under
    /// the columns `MEASURED_TABLE`.
    pub rows: Vec<Row>,
    /// The table *By the study's method*.
    pub study_table: Vec<StudyRow>,
    pub optimum: Optimum,
    /// The study's conclusions, tested.
    pub conclusions: Vec<Conclusion>,
    pub verdict: Verdict,
    pub reasons: Vec<String>,
    /// What the script demanded of the whole run.
    pub demands: Vec<Check>,
    pub report_parts: Vec<ReportPart>,
    pub notes: Vec<String>,
    pub warnings: Vec<String>,
}

impl Results {
    /// The trials of one combination of axes.
    pub fn trials_of<'a>(&'a self, row: &'a Row) -> impl Iterator<Item = &'a TrialResult> {
        self.trials.iter().filter(|trial| trial.combination() == row.combination)
    }

    /// Whether a job had always more to read than it could: capacity and utilization are measured there only.
    #[must_use]
    pub fn is_saturated(&self) -> bool {
        self.trials.iter().any(|trial| trial.capacity_of.is_some())
    }

    /// Whether any trial broke a limit of the table of verdicts.
    #[must_use]
    pub fn is_any_check_broken(&self) -> bool {
        self.trials.iter().flat_map(|trial| &trial.judgement.checks).chain(&self.demands).any(Check::is_broken)
    }
}

/// Computes everything from the journal's content; `simulated` comes from the manifest.
#[must_use]
pub fn analyse(run: &Run, simulated: bool) -> Results {
    let thresholds = Thresholds::default().changed(&run.demands.limits);
    let mut trials: Vec<TrialResult> = run.trials.iter().map(|trial| TrialResult::of(trial, &thresholds)).collect();
    trials.sort_by_key(|trial| trial.order);
    let rows = row::rows(&trials, run.seed);
    let of_run = validity::of_run(&run.demands);
    let Judgement { verdict, mut reasons, .. } = judge(&trials);
    let verdict = verdict.max(of_run.verdict);
    reasons.extend(of_run.reasons);
    Results {
        simulated,
        script: run.script.clone(),
        profile: run.profile.clone(),
        seed: run.seed,
        study_table: rows.iter().map(StudyRow::of).collect(),
        optimum: optimum::optimum(&rows, &trials, run.seed),
        conclusions: conclusions::conclusions(&rows, &trials),
        rows,
        verdict,
        reasons,
        demands: of_run.checks,
        notes: run.notes.clone(),
        report_parts: run.report_parts.clone(),
        warnings: run.warnings.clone(),
        trials,
    }
}

/// The worst verdict of the trials that came to their end; of all where none did. A trial that failed has an
/// exit code of its own, and must not hide what the others show; its reasons are told all the same.
fn judge(trials: &[TrialResult]) -> Judgement {
    let named = |trial: &'_ TrialResult| (trial.id.clone(), trial.judgement.clone());
    let all: Vec<(String, Judgement)> = trials.iter().map(named).collect();
    let ended: Vec<(String, Judgement)> = trials.iter().filter(|trial| trial.outcome != "failed").map(named).collect();
    let of =
        |judged: &[(String, Judgement)]| validity::worst(judged.iter().map(|(id, judgement)| (id.as_str(), judgement)));
    let verdict = of(if ended.is_empty() { &all } else { &ended }).verdict;
    Judgement { verdict, ..of(&all) }
}

#[cfg(test)]
mod coverage;
#[cfg(test)]
mod tests;
