//! The figures of a combination of axes, by the names of summary.csv, each known or empty with its reason.

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use crate::analysis::statistics::Figure;

/// Names in the order of summary.csv; each carries its unit.
pub const FIGURES: [&str; 59] = [
    "T_real_s",
    "c_duration_s",
    "c_capacity_s",
    "R_s",
    "R_ready_s",
    "R_study_s",
    "R_eff_s",
    "rework_records",
    "rework_event_s",
    "raw_per_s",
    "useful_per_s",
    "capacity_per_s",
    "written_p50_ms",
    "written_p99_ms",
    "written_max_ms",
    "visible_p50_ms",
    "visible_p99_ms",
    "visible_max_ms",
    "lag_max_records",
    "caught_up_s",
    "checkpoint_bytes",
    "U_poisson",
    "U_flink",
    "U_schedule",
    "U_measured",
    "U_study",
    "T_star_s",
    "written_mean_ms",
    "written_range_ms",
    "written_iqr_ms",
    "visible_mean_ms",
    "visible_range_ms",
    "visible_iqr_ms",
    "c_duration_cv",
    "raw_outside_faults_per_s",
    "useful_outside_faults_per_s",
    "catch_up_peak_per_s",
    "raw_of_subtask_0_per_s",
    "fetch_latency_ms",
    "commit_wait_ms",
    // Of the TaskManagers: all together, of memory the largest of one, of gc_share the mean of one.
    "cpu_cores",
    "memory_max_bytes",
    "disk_written_bytes_per_s",
    "net_sent_bytes_per_s",
    "gc_share",
    "checkpoint_cpu_s",
    "checkpoint_extra_cpu_s",
    "checkpoint_disk_written_bytes",
    "checkpoint_extra_disk_written_bytes",
    "checkpoint_net_sent_bytes",
    "checkpoint_extra_net_sent_bytes",
    // Only under saturating load: without checkpoints and faults; for the fault times as they came, by R and by R_eff;
    // measured less that; and the models with R_eff.
    "capacity_at_rest_per_s",
    "U_realised",
    "U_realised_eff",
    "U_gap",
    "U_gap_eff",
    "U_poisson_eff",
    "U_flink_eff",
    "U_schedule_eff",
];

/// The columns of the table *As measured*, after the axes and T.
pub const MEASURED_TABLE: [&str; 25] = [
    "T_real_s",
    "c_duration_s",
    "c_capacity_s",
    "R_s",
    "R_eff_s",
    "rework_records",
    "rework_event_s",
    "U_poisson",
    "U_flink",
    "U_schedule",
    "U_measured",
    "written_p50_ms",
    "written_p99_ms",
    "written_max_ms",
    "visible_p50_ms",
    "visible_p99_ms",
    "visible_max_ms",
    "checkpoint_bytes",
    "cpu_cores",
    "disk_written_bytes_per_s",
    "net_sent_bytes_per_s",
    "checkpoint_cpu_s",
    "checkpoint_extra_cpu_s",
    "checkpoint_disk_written_bytes",
    "checkpoint_net_sent_bytes",
];

/// A figure, or why there is none.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    Known(Figure),
    Empty(String),
}

impl Cell {
    #[must_use]
    pub fn or(figure: Option<Figure>, reason: &str) -> Self {
        figure.map_or_else(|| Self::Empty(reason.into()), Self::Known)
    }

    #[must_use]
    pub fn figure(&self) -> Option<&Figure> {
        match self {
            Self::Known(figure) => Some(figure),
            Self::Empty(_) => None,
        }
    }

    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Known(_) => None,
            Self::Empty(reason) => Some(reason),
        }
    }
}

/// `{value, lo, hi, n}`; an empty cell has null for a value and says why.
impl Serialize for Cell {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Known(figure) => figure.serialize(serializer),
            Self::Empty(reason) => {
                let mut map = serializer.serialize_map(Some(5))?;
                for name in ["value", "lo", "hi"] {
                    map.serialize_entry(name, &None::<f64>)?;
                }
                map.serialize_entry("n", &0)?;
                map.serialize_entry("reason", reason)?;
                map.end()
            }
        }
    }
}

/// One cell for each name of `FIGURES`, in their order.
#[derive(Clone, Debug, PartialEq)]
pub struct Figures(Vec<Cell>);

impl Figures {
    /// Asks for each figure by its name.
    pub(super) fn collect(figure: impl FnMut(&'static str) -> Cell) -> Self {
        Self(FIGURES.into_iter().map(figure).collect())
    }

    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &Cell)> {
        FIGURES.into_iter().zip(&self.0)
    }

    /// The cell of that name; None for a name that is not in `FIGURES`.
    #[must_use]
    pub fn cell(&self, name: &str) -> Option<&Cell> {
        FIGURES.iter().position(|&known| known == name).map(|place| &self.0[place])
    }

    /// The figure of that name, where it is known.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Figure> {
        self.cell(name)?.figure()
    }
}

impl Serialize for Figures {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}
