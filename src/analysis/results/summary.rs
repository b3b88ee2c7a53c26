//! summary.json: the analysis without times of day and paths, so that equal runs are equal files.

use serde::Serialize;

use super::Results;
use super::axes;
use super::conclusions::Conclusion;
use super::optimum::Optimum;
use super::row::{Row, StudyRow};
use super::trial::TrialResult;
use crate::analysis::budget::Budget;
use crate::analysis::validity::Verdict;
use crate::record::Axis;

/// The number of the file's format.
const SCHEMA: u32 = 1;

#[derive(Debug, Serialize)]
pub struct Summary<'a> {
    pub schema: u32,
    pub simulated: bool,
    pub script: &'a str,
    pub profile: &'a str,
    pub rows: &'a [Row],
    pub study_table: &'a [StudyRow],
    #[serde(rename = "T_star")]
    pub optimum: &'a Optimum,
    pub conclusions: &'a [Conclusion],
    pub budget: Vec<BudgetRow<'a>>,
    pub verdict: Verdict,
    pub reasons: &'a [String],
}

/// The budget of a combination of axes, its trials together and one by one, and beside it what the model of a fixed
/// schedule says.
#[derive(Debug, Serialize)]
pub struct BudgetRow<'a> {
    #[serde(serialize_with = "axes::serialize")]
    pub axes: &'a [Axis],
    #[serde(flatten)]
    pub budget: Budget,
    #[serde(rename = "U_time")]
    pub by_time: f64,
    #[serde(rename = "U_schedule")]
    pub by_schedule: Option<f64>,
    pub trials: Vec<TrialBudget<'a>>,
}

#[derive(Debug, Serialize)]
pub struct TrialBudget<'a> {
    pub trial: &'a str,
    #[serde(flatten)]
    pub budget: Budget,
}

impl<'a> BudgetRow<'a> {
    fn of(row: &'a Row, trials: &'a [TrialResult]) -> Option<Self> {
        let budget = row.budget?;
        let of_row = trials.iter().filter(|trial| trial.combination() == row.combination);
        let each = of_row.filter_map(|trial| Some(TrialBudget { trial: &trial.id, budget: trial.budget? }));
        let by_schedule = row.figures.get("U_schedule").map(|figure| figure.value);
        Some(Self { axes: &row.axes, budget, by_time: budget.utilization(), by_schedule, trials: each.collect() })
    }
}

impl Results {
    #[must_use]
    pub fn summary(&self) -> Summary<'_> {
        Summary {
            schema: SCHEMA,
            simulated: self.simulated,
            script: &self.script,
            profile: &self.profile,
            rows: &self.rows,
            study_table: &self.study_table,
            optimum: &self.optimum,
            conclusions: &self.conclusions,
            budget: self.rows.iter().filter_map(|row| BudgetRow::of(row, &self.trials)).collect(),
            verdict: self.verdict,
            reasons: &self.reasons,
        }
    }
}
