//! The optimal interval of a run: the fixed point T* = f(c(T*)), and T* of each row beside it.
//!
//! c grows or shrinks with T, so a T* computed with the c of one row belongs to an interval that was not
//! measured. c(T) is interpolated linearly in ln T between the measured points and held at the nearest one
//! outside them; a T* that lies there is marked. f is `poisson`'s for the headline, the other models beside it.
//!
//! Where other axes than the interval vary, each combination of those has a T* of its own.

use serde::Serialize;

use super::answer::{Answer, answer};
use super::axes;
use super::capacity::Restart;
use super::figures::Cell;
use super::row::{Row, input, optimum_cell};
use super::trial::TrialResult;
use crate::analysis::decide::Measured;
use crate::analysis::model::{Conditions, Model, utilization};
use crate::analysis::statistics::{Input, simulate};
use crate::record::{Axis, AxisValue};

/// T* of a run.
#[derive(Clone, Debug, Serialize)]
pub struct Optimum {
    /// Which c all of it uses; both where the rows differ in that.
    pub cost: String,
    /// One for each combination of the other axes; one alone where only the interval varies.
    pub headlines: Vec<Headline>,
    pub rows: Vec<RowOptimum>,
}

/// The fixed point over the rows that differ only in their interval, in seconds.
#[derive(Clone, Debug, Serialize)]
pub struct Headline {
    /// The other axes.
    #[serde(serialize_with = "axes::serialize")]
    pub axes: Vec<Axis>,
    pub lambda_per_s: Option<f64>,
    pub poisson: Cell,
    pub flink: Cell,
    pub schedule: Cell,
    /// The headline (`poisson`) lies outside the measured intervals, so its c is the nearest measured one.
    pub outside_measured: bool,
    pub answer: Answer,
}

/// T* with the c and R of one row, in seconds.
#[derive(Clone, Debug, Serialize)]
pub struct RowOptimum {
    #[serde(serialize_with = "axes::serialize")]
    pub axes: Vec<Axis>,
    #[serde(rename = "T_s")]
    pub interval_s: Option<f64>,
    pub poisson: Cell,
    pub flink: Cell,
    pub schedule: Cell,
}

pub fn optimum(rows: &[Row], trials: &[TrialResult], seed: u64) -> Optimum {
    let groups = by_other_axes(rows);
    Optimum {
        cost: costs_of(rows),
        headlines: groups.into_iter().map(|(axes, rows)| headline(axes, &rows, trials, seed)).collect(),
        rows: rows.iter().map(|row| row_optimum(row, seed)).collect(),
    }
}

/// The rows that differ only in their interval, under the other axes.
pub(super) fn by_other_axes(rows: &[Row]) -> Vec<(Vec<Axis>, Vec<&Row>)> {
    let interval_axis = interval_axis(rows);
    let mut groups: Vec<(Vec<Axis>, Vec<&Row>)> = Vec::new();
    for row in rows {
        let others: Vec<Axis> =
            row.axes.iter().filter(|axis| Some(&axis.name) != interval_axis.as_ref()).cloned().collect();
        match groups.iter_mut().find(|(axes, _)| *axes == others) {
            Some((_, group)) => group.push(row),
            None => groups.push((others, vec![row])),
        }
    }
    groups
}

/// The axis whose duration is every row's checkpoint interval.
fn interval_axis(rows: &[Row]) -> Option<String> {
    let is_interval = |row: &Row, name: &str| {
        row.axes.iter().any(|axis| {
            axis.name == name && matches!(axis.value, AxisValue::Seconds(value) if Some(value) == row.interval_s)
        })
    };
    // A row whose trials failed before their jobs were submitted knows no interval, and must not hide the axis.
    let mut known = rows.iter().filter(|row| row.interval_s.is_some()).peekable();
    let known: Vec<&Row> = {
        known.peek()?;
        known.collect()
    };
    let mut candidates = known.first()?.axes.iter().map(|axis| &axis.name);
    candidates.find(|name| known.iter().all(|row| is_interval(row, name))).cloned()
}

fn row_optimum(row: &Row, seed: u64) -> RowOptimum {
    let (cost, restart) = (input_of(row, row.cost, seed), input_of(row, "R_s", seed));
    let [poisson, flink, schedule] = Model::ALL.map(|model| optimum_cell(model, cost, restart, row.lambda_per_s));
    RowOptimum { axes: row.axes.clone(), interval_s: row.interval_s, poisson, flink, schedule }
}

/// The names of the figures that stand for c, each once.
fn costs_of(rows: &[Row]) -> String {
    let mut names: Vec<&str> = rows.iter().map(|row| row.cost).collect();
    names.sort_unstable();
    names.dedup();
    names.join(" and ")
}

fn input_of(row: &Row, name: &str, seed: u64) -> Option<Input> {
    input(seed, &row.combination, name, row.figures.get(name).copied())
}

fn headline(axes: Vec<Axis>, rows: &[&Row], trials: &[TrialResult], seed: u64) -> Headline {
    let lambda_per_s = rows.iter().find_map(|row| row.lambda_per_s);
    let points = Points::of(rows, Restart::ToFirstRecord, seed);
    let [poisson, flink, schedule] = Model::ALL.map(|model| fixed_point_cell(model, &points, lambda_per_s));
    let outside_measured = poisson.figure().is_some_and(|best| !points.at.holds(best.value));
    let at_optimum = poisson.figure().and_then(|best| points.utilization_at(best.value, lambda_per_s?));
    let answer = answer(rows, trials, at_optimum);
    Headline { axes, lambda_per_s, poisson, flink, schedule, outside_measured, answer }
}

/// The measured points: T_real with the c and R of its row, by T.
pub(super) struct Points {
    pub at: Measured,
    pub costs: Vec<Input>,
    /// Empty unless every point has one.
    pub restarts: Vec<Input>,
}

impl Points {
    pub fn of(rows: &[&Row], restart: Restart, seed: u64) -> Self {
        let mut known: Vec<(f64, Input, Option<Input>)> = rows
            .iter()
            .filter_map(|row| {
                let real = row.figures.get("T_real_s").map(|figure| figure.value).or(row.interval_s)?;
                Some((real.ln(), input_of(row, row.cost, seed)?, input_of(row, restart.figure(), seed)))
            })
            .collect();
        known.sort_by(|left, right| left.0.total_cmp(&right.0));
        let restarts: Option<Vec<Input>> = known.iter().map(|&(.., restart)| restart).collect();
        Self {
            at: Measured { places: known.iter().map(|&(place, ..)| place).collect() },
            costs: known.iter().map(|&(_, cost, _)| cost).collect(),
            restarts: restarts.unwrap_or_default(),
        }
    }

    /// U of `poisson` with c and R as they are at that interval; None where a point has no R.
    fn utilization_at(&self, interval_s: f64, lambda: f64) -> Option<f64> {
        let value = |inputs: &[Input]| inputs.iter().map(|input| input.figure.value).collect::<Vec<_>>();
        if self.restarts.is_empty() {
            return None;
        }
        let place = interval_s.ln();
        let (cost, restart) = (self.at.at(place, &value(&self.costs)), self.at.at(place, &value(&self.restarts)));
        utilization(Model::Poisson, interval_s, &Conditions::new(cost, restart, lambda)).ok()
    }
}

fn fixed_point_cell(model: Model, points: &Points, lambda_per_s: Option<f64>) -> Cell {
    let Some(lambda) = lambda_per_s else { return Cell::Empty("no failures: no optimal interval".into()) };
    if points.costs.is_empty() {
        return Cell::Empty("no c".into());
    }
    let needs_restart = model == Model::Schedule;
    if needs_restart && points.restarts.is_empty() {
        return Cell::Empty("not every interval has an R".into());
    }
    let mut inputs = points.costs.clone();
    if needs_restart {
        inputs.extend(&points.restarts);
    }
    let figure = simulate(&inputs, |drawn| {
        let (costs, restarts) = drawn.split_at(points.costs.len());
        points.at.fixed_point(model, costs, restarts, lambda)
    });
    Cell::or(figure, "no interval pays")
}
