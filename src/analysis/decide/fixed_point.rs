//! T* where c, and R with it, depend on T: the fixed point T = f(c(T), R(T)) between measured points.
//!
//! A T* computed with the c of one interval belongs to an interval that was not measured. c(T) and R(T) are linear in
//! ln T between the measured points, and held at the nearest one outside them.

use crate::analysis::model::{Conditions, Model, above_zero, optimal_interval};
use crate::error::{Error, Result};

/// Where something was measured: ln T, ascending.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Measured {
    pub places: Vec<f64>,
}

/// Times in seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FixedPoint {
    pub interval_s: f64,
    /// c and R as they are there.
    pub cost_s: f64,
    pub restart_s: f64,
    /// It lies outside the measured intervals, so c is that of the nearest one.
    pub is_outside: bool,
    /// No other interval solves the equation. c may grow so fast with T that several do.
    pub is_only: bool,
}

impl Measured {
    /// Of intervals in ascending order.
    pub fn at_intervals(intervals_s: &[f64]) -> Result<Self> {
        if intervals_s.is_empty() {
            return Err(Error::script("c was measured nowhere").hint("for example `c: [[1.s, 0.3], [10.s, 0.8]]`"));
        }
        for (place, interval_s) in intervals_s.iter().enumerate() {
            above_zero("T of a measured point", *interval_s)?;
            if intervals_s[..place].contains(interval_s) {
                return Err(Error::script(format!("two points are measured at T = {}", super::seconds(*interval_s)))
                    .hint("give their mean as one point"));
            }
        }
        Ok(Self { places: intervals_s.iter().map(|interval_s| interval_s.ln()).collect() })
    }

    /// Whether an interval lies among the measured ones.
    #[must_use]
    pub fn holds(&self, interval_s: f64) -> bool {
        let place = interval_s.ln();
        self.places.first().is_some_and(|&first| first <= place)
            && self.places.last().is_some_and(|&last| place <= last)
    }

    /// `values`, one a point and at least one, interpolated linearly at ln T and held outside.
    #[must_use]
    pub fn at(&self, place: f64, values: &[f64]) -> f64 {
        let right = self.places.partition_point(|&other| other < place);
        if right == 0 || right == self.places.len() {
            return values[right.min(values.len() - 1)];
        }
        let (from, to) = (self.places[right - 1], self.places[right]);
        let weight = if to > from { (place - from) / (to - from) } else { 0.0 };
        values[right - 1] + weight * (values[right] - values[right - 1])
    }

    /// The T in seconds with T = f(c(T), R(T)), by bisection in ln T; None where f has no value. Without `restarts` R
    /// is 0.
    ///
    /// f at the measured points brackets it where f grows with c alone. `schedule` multiplies c with X, and between
    /// two points that product may rise above both ends, hence the margin.
    #[must_use]
    pub fn fixed_point(&self, model: Model, costs: &[f64], restarts: &[f64], lambda_per_s: f64) -> Option<f64> {
        const HALVINGS: usize = 45;
        let best_at = |place: f64| self.optimum_at(model, place, costs, restarts, lambda_per_s);
        let (mut lo, mut hi) = self.bracket(best_at)?;
        for _ in 0..HALVINGS {
            let middle = f64::midpoint(lo, hi);
            if best_at(middle)?.ln() > middle {
                lo = middle;
            } else {
                hi = middle;
            }
        }
        best_at(f64::midpoint(lo, hi))
    }

    /// As `fixed_point`, with what a reader of it wants to know; why f has no value is an error.
    pub fn self_consistent(
        &self,
        model: Model,
        costs: &[f64],
        restarts: &[f64],
        lambda_per_s: f64,
    ) -> Result<FixedPoint> {
        for (cost, restart) in costs.iter().zip(restarts) {
            optimal_interval(model, &Conditions::new(*cost, *restart, lambda_per_s))?;
        }
        if costs.contains(&0.0) {
            return Err(Error::script("a checkpoint that costs nothing has T* = 0 s, and no c between the points")
                .hint("leave out points with c = 0"));
        }
        let interval_s = self
            .fixed_point(model, costs, restarts, lambda_per_s)
            .ok_or_else(|| Error::script("no interval pays with c and R as they are between the points"))?;
        let place = interval_s.ln();
        Ok(FixedPoint {
            interval_s,
            cost_s: self.at(place, costs),
            restart_s: self.at(place, restarts),
            is_outside: !self.holds(interval_s),
            is_only: self.solutions(model, costs, restarts, lambda_per_s) <= 1,
        })
    }

    /// How often f(c(T)) - T changes its sign on a fine grid.
    fn solutions(&self, model: Model, costs: &[f64], restarts: &[f64], lambda_per_s: f64) -> usize {
        const STEPS: u32 = 4096;
        let best_at = |place: f64| self.optimum_at(model, place, costs, restarts, lambda_per_s);
        let Some((lo, hi)) = self.bracket(best_at) else { return 0 };
        let is_above = |step: u32| {
            let place = lo + (hi - lo) * f64::from(step) / f64::from(STEPS);
            best_at(place).map(|best| best.ln() > place)
        };
        let above: Vec<bool> = (0..=STEPS).filter_map(is_above).collect();
        above.windows(2).filter(|pair| pair[0] != pair[1]).count()
    }

    fn bracket(&self, best_at: impl Fn(f64) -> Option<f64>) -> Option<(f64, f64)> {
        const MARGIN: f64 = 10.0;
        let at_points: Vec<f64> = self.places.iter().map(|&place| best_at(place)).collect::<Option<_>>()?;
        let lo = at_points.iter().copied().reduce(f64::min)? / MARGIN;
        let hi = at_points.iter().copied().reduce(f64::max)? * MARGIN;
        Some((lo.ln(), hi.ln()))
    }

    fn optimum_at(&self, model: Model, place: f64, costs: &[f64], restarts: &[f64], lambda_per_s: f64) -> Option<f64> {
        let restart = if restarts.is_empty() { 0.0 } else { self.at(place, restarts) };
        optimal_interval(model, &Conditions::new(self.at(place, costs), restart, lambda_per_s)).ok()
    }
}
