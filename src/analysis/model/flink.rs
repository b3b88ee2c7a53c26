//! The paper's failures with Flink's trigger: after a restart the first checkpoint comes at random within T.
//!
//! Utilization: U = e^{-λR'} (1 - cλ - e^{-λT})/(λT), R' = R + (n-1)δ; with y = λT it is
//! e^{-λR'} ((1 - e^{-y})/y - c/T), which stays exact for small y.
//!
//! Optimum: T* = (-1 - W_{-1}(-(1 - cλ)/e))/λ, that is 1 - (1 + y)e^{-y} = cλ for y = λT*. There is none
//! for cλ ≥ 1: a checkpoint then takes longer than failures leave time for.

use super::Conditions;
use super::root::{SERIES_BELOW, SERIES_START, alternating_series, newton, root_of_twice};
use crate::error::{Error, Result};

/// U; dimensionless. Below zero where checkpoints cost more than they save.
pub fn utilization(interval_s: f64, conditions: &Conditions) -> f64 {
    let y = conditions.lambda_per_s * interval_s;
    let mean_survival = if y == 0.0 { 1.0 } else { -(-y).exp_m1() / y };
    (-conditions.relative_restart()).exp() * (mean_survival - conditions.cost_s / interval_s)
}

/// T* in seconds. It does not depend on R, n or δ.
pub fn optimal_interval(conditions: &Conditions) -> Result<f64> {
    let x = conditions.relative_cost();
    if x >= 1.0 {
        return Err(Error::script(format!(
            "no interval pays: a checkpoint costs {x:.3} of the mean time between failures (model flink wants less than 1)"
        )));
    }
    Ok(optimal_exponent(x, conditions) / conditions.lambda_per_s)
}

/// y = λT*, the root of 1 - (1 + y)e^{-y} = x.
fn optimal_exponent(x: f64, conditions: &Conditions) -> f64 {
    let start = if x < SERIES_START {
        let s = root_of_twice(conditions.cost_s, conditions.lambda_per_s);
        s * (1.0 + s / 3.0 + 11.0 * s * s / 72.0)
    } else {
        -1.0 - lambert_w::lambert_wm1(-(1.0 - x) / std::f64::consts::E)
    };
    // Below 1e-5 the series has all digits; above SERIES_BELOW W is far from its branch point and loses none.
    if !(1e-5..SERIES_BELOW).contains(&start) {
        return start;
    }
    newton(start, |y| given_up(y) - x, |y| y * (-y).exp())
}

/// 1 - (1 + y)e^{-y}, which is Σ from k = 2 of (-1)^k (k - 1) y^k / k!, for y below `SERIES_BELOW`.
fn given_up(y: f64) -> f64 {
    alternating_series(y, |k| k - 1.0)
}
