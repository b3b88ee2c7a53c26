//! The figures of a combination that exist only under saturating load, each known or empty with its reason.

use super::{Group, MOVED, Measured};
use crate::analysis::results::capacity::{Realised, Restart, half_width};
use crate::analysis::results::figures::Cell;
use crate::analysis::results::trial::TrialResult;
use crate::analysis::saturation::Cycle;
use crate::analysis::statistics::{Figure, Scale, simulate};

const NO_CALM_TRIAL: &str = "no sound trial without faults tells the capacity";
const NO_CYCLE: &str = "no two faults whose restored positions are known";

impl Group<'_> {
    /// None for figures that need no saturating load, and where there was none.
    pub(super) fn saturated(&self, name: &'static str, m: &Measured, set: Option<f64>) -> Option<Cell> {
        if self.trials.iter().all(|trial| trial.capacity_of.is_none()) {
            return None;
        }
        let at_rest = self.capacity.map(|capacity| capacity.at_rest_per_s);
        Some(match name {
            "capacity_per_s" if self.trials.iter().any(|trial| trial.is_calm()) => {
                let calm = |trial: &TrialResult| trial.useful_per_s.filter(|_| trial.is_calm());
                self.mean_of_trials(name, "no trial has a measured phase with samples", calm)
            }
            "capacity_per_s"
                if self.trials.iter().all(|trial| trial.faults.is_empty() && trial.lambda_per_s.is_none()) =>
            {
                Cell::Empty(NO_CALM_TRIAL.into())
            }
            "capacity_per_s" => Cell::Empty("faults: capacity is throughput without them".into()),
            "U_poisson_eff" | "U_flink_eff" | "U_schedule_eff" => Cell::Empty("no R_eff".into()),
            "capacity_at_rest_per_s" => Cell::or(at_rest, NO_CALM_TRIAL),
            "c_capacity_s" => {
                let reason = "no sound trials without faults at two intervals, or one and none";
                Cell::or(self.capacity.and_then(|capacity| capacity.cost), reason)
            }
            "R_eff_s" => self.of_faults(name, Scale::Log, "no job was steady again", |fault| fault.effective_s),
            "U_measured" => match self.realised(at_rest) {
                Ok(realised) => Cell::or(realised.measured(), NO_CYCLE),
                Err(reason) => Cell::Empty(reason.into()),
            },
            "U_realised" | "U_realised_eff" | "U_gap" | "U_gap_eff" if self.is_moved() => Cell::Empty(MOVED.into()),
            "U_realised" => self.realised_cell(m, set, at_rest, Restart::ToFirstRecord, false),
            "U_realised_eff" => self.realised_cell(m, set, at_rest, Restart::Effective, false),
            "U_gap" => self.realised_cell(m, set, at_rest, Restart::ToFirstRecord, true),
            "U_gap_eff" => self.realised_cell(m, set, at_rest, Restart::Effective, true),
            _ => return None,
        })
    }

    fn realised(&self, at_rest: Option<Figure>) -> Result<Realised<'_>, &'static str> {
        let at_rest_per_s = at_rest.ok_or(NO_CALM_TRIAL)?;
        let cycles: Vec<&Cycle> = self.trials.iter().flat_map(|trial| &trial.cycles).collect();
        if cycles.is_empty() { Err(NO_CYCLE) } else { Ok(Realised { cycles, at_rest_per_s }) }
    }

    /// The prediction for the fault times as they came, or how far the measured utilization lies above it.
    fn realised_cell(
        &self,
        m: &Measured,
        set: Option<f64>,
        at_rest: Option<Figure>,
        restart: Restart,
        gap: bool,
    ) -> Cell {
        let realised = match self.realised(at_rest) {
            Ok(realised) => realised,
            Err(reason) => return Cell::Empty(reason.into()),
        };
        let Some(interval_s) = m.real_interval.map(|figure| figure.value).or(set) else {
            return Cell::Empty("no checkpoint interval".into());
        };
        let Some(cost) = self.input(m.cost_name(), m.model_cost()) else { return Cell::Empty("no c".into()) };
        let predicted = simulate(&[cost], |drawn| realised.predicted(interval_s, drawn[0], restart))
            .map(|figure| Figure { n: realised.cycles.len() as u64, ..figure });
        let Some(predicted) = predicted else { return Cell::Empty("not every recovery was seen to its end".into()) };
        if !gap {
            return Cell::Known(predicted);
        }
        let uncertain = half_width(&predicted);
        Cell::or(realised.gap(interval_s, cost.figure.value, restart, uncertain), NO_CYCLE)
    }
}
