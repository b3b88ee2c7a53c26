//! U over the interval as the models see it, with c and R interpolated between the measured points as for T*.

use super::capacity::Restart;
use super::optimum::{Points, by_other_axes};
use super::row::Row;
use crate::analysis::model::{Conditions, Model, utilization};
use crate::record::Axis;

/// How far beyond the measured intervals a curve goes, as a factor.
const MARGIN: f64 = 4.0;

const POINTS: u32 = 160;

/// U over T for the rows that differ only in their interval.
#[derive(Clone, Debug, PartialEq)]
pub struct UtilizationCurve {
    /// The other axes.
    pub axes: Vec<Axis>,
    pub lambda_per_s: f64,
    pub points: Vec<UtilizationPoint>,
}

/// U of each model, 0 to 1, at one interval; None where the model has no value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct UtilizationPoint {
    pub interval_s: f64,
    pub poisson: Option<f64>,
    pub flink: Option<f64>,
    pub schedule: Option<f64>,
}

/// One curve for each combination of the other axes that has c, that R and λ. `also_s` are intervals that the curves
/// must reach beside the measured ones.
#[must_use]
pub fn utilization_curves(rows: &[Row], restart: Restart, also_s: &[f64]) -> Vec<UtilizationCurve> {
    by_other_axes(rows).into_iter().filter_map(|(axes, rows)| curve(axes, &rows, restart, also_s)).collect()
}

fn curve(axes: Vec<Axis>, rows: &[&Row], restart: Restart, also_s: &[f64]) -> Option<UtilizationCurve> {
    let lambda_per_s = rows.iter().find_map(|row| row.lambda_per_s)?;
    // Only the values are drawn, none at random: any seed does.
    let known = Points::of(rows, restart, 0);
    let costs: Vec<f64> = known.costs.iter().map(|input| input.figure.value).collect();
    let restarts: Vec<f64> = known.restarts.iter().map(|input| input.figure.value).collect();
    if costs.is_empty() || restarts.is_empty() {
        return None;
    }
    let reached = known.at.places.iter().copied().chain(also_s.iter().map(|interval| interval.ln()));
    let reached: Vec<f64> = reached.filter(|place| place.is_finite()).collect();
    let from = reached.iter().copied().reduce(f64::min)? - MARGIN.ln();
    let to = reached.iter().copied().reduce(f64::max)? + MARGIN.ln();
    let point = |step: u32| {
        let place = from + (to - from) * f64::from(step) / f64::from(POINTS - 1);
        let conditions =
            Conditions::new(known.at.at(place, &costs), known.at.at(place, &restarts).max(0.0), lambda_per_s);
        let [poisson, flink, schedule] = Model::ALL.map(|model| utilization(model, place.exp(), &conditions).ok());
        UtilizationPoint { interval_s: place.exp(), poisson, flink, schedule }
    };
    Some(UtilizationCurve { axes, lambda_per_s, points: (0..POINTS).map(point).collect() })
}
