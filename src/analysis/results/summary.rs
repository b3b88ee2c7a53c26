//! summary.json: the analysis without times of day and paths, so that equal runs are equal files.

use serde::Serialize;
use serde_json::Value as Json;

use super::Results;
use super::optimum::Optimum;
use super::row::{Row, StudyRow};
use crate::analysis::validity::Verdict;

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
    pub conclusions: [Json; 0],
    pub budget: [Json; 0],
    pub verdict: Verdict,
    pub reasons: &'a [String],
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
            conclusions: [],
            budget: [],
            verdict: self.verdict,
            reasons: &self.reasons,
        }
    }
}
