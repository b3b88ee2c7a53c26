//! The paper's failures with Flink's trigger: after a restart the first checkpoint comes at random within T.
//!
//! Utilization: U = e^{-λR'} (1 - cλ - e^{-λT})/(λT), R' = R + (n-1)δ. With y = λT the fraction is, below y = 1,
//! (T - c)/T - (y - 1 + e^{-y})/y, which stays exact for small y, and above it as printed. Both differences are
//! taken with twice the digits where they cancel, which is next to U = 0.
//!
//! Optimum: T* = (-1 - W_{-1}(-(1 - cλ)/e))/λ, that is 1 - (1 + y)e^{-y} = cλ for y = λT*. There is none
//! for cλ ≥ 1: a checkpoint then takes longer than failures leave time for.

use super::double_double::DoubleDouble;
use super::root::{SERIES_BELOW, SERIES_START, given_up, lost_work, newton, root_of_twice};
use super::{CANCELS, Conditions, ln_of_one_minus, share_of_work};
use crate::error::{Error, Result};

/// U for T > c; dimensionless. Below zero where checkpoints cost more than they save.
pub fn utilization(interval_s: f64, conditions: &Conditions) -> f64 {
    (-conditions.relative_restart()).exp() * share_kept(interval_s, conditions)
}

/// ln U for T > c; -inf where U is not above 0.
pub fn ln_utilization(interval_s: f64, conditions: &Conditions) -> f64 {
    let kept = share_kept(interval_s, conditions);
    let lost = conditions.cost_s / interval_s + mean_loss(conditions.lambda_per_s * interval_s);
    ln_of_one_minus(lost, kept) - conditions.relative_restart()
}

/// (1 - cλ - e^{-y})/y: U without restarts.
pub fn share_kept(interval_s: f64, conditions: &Conditions) -> f64 {
    let Conditions { cost_s, lambda_per_s, .. } = *conditions;
    let y = lambda_per_s * interval_s;
    if y < 1.0 {
        let (work, lost) = (share_of_work(interval_s, cost_s), mean_loss(y));
        if (work - lost).abs() > work * CANCELS {
            return work - lost;
        }
        let left = DoubleDouble::sum(interval_s, -cost_s).scaled(lambda_per_s);
        return left.minus(DoubleDouble::product(lambda_per_s, interval_s).lost_work()).value() / y;
    }
    let (left, survives) = (conditions.rest_of_cost(), (-y).exp());
    if (left - survives).abs() > left.abs() * CANCELS {
        return (left - survives) / y;
    }
    let left = DoubleDouble::one_minus(lambda_per_s, cost_s, 0.0);
    left.minus(DoubleDouble::product(lambda_per_s, interval_s).exp_of_minus()).value() / y
}

/// 1 - (1 - e^{-y})/y: the share of an interval that a failure within it takes back, on average over T.
pub fn mean_loss(y: f64) -> f64 {
    if y == 0.0 { 0.0 } else { lost_work(y) / y }
}

/// The T at which U becomes 0: e^{-y} = 1 - cλ.
pub fn pays_above(conditions: &Conditions) -> Result<f64> {
    optimal_exponent(conditions)?;
    let x = conditions.relative_cost();
    let y = if x < 0.5 { -(-x).ln_1p() } else { -conditions.rest_of_cost().ln() };
    Ok(if y == 0.0 { conditions.cost_s } else { (y / conditions.lambda_per_s).max(conditions.cost_s) })
}

/// T* in seconds. It does not depend on R, n or δ.
pub fn optimal_interval(conditions: &Conditions) -> Result<f64> {
    Ok(optimal_exponent(conditions)? / conditions.lambda_per_s)
}

/// y = λT*, the root of 1 - (1 + y)e^{-y} = cλ.
pub fn optimal_exponent(conditions: &Conditions) -> Result<f64> {
    let (x, left) = (conditions.relative_cost(), conditions.rest_of_cost());
    if left <= 0.0 {
        return Err(Error::script(format!(
            "no interval pays: a checkpoint costs {x:.3} of the mean time between failures (model flink wants less than 1)"
        )));
    }
    let start = if x < SERIES_START {
        let s = root_of_twice(conditions.cost_s, conditions.lambda_per_s);
        s * (1.0 + s / 3.0 + 11.0 * s * s / 72.0)
    } else {
        -1.0 - lambert_w::lambert_wm1(-left / std::f64::consts::E)
    };
    // Below 1e-5 the series has all digits.
    if start < 1e-5 {
        return Ok(start);
    }
    if start < SERIES_BELOW {
        return Ok(newton(start, |y| given_up(y) - x, |y| y * (-y).exp()));
    }
    // (1 + y)e^{-y} = 1 - cλ by its logarithm: next to cλ = 1 both sides are small.
    Ok(newton(start, |y| y - y.ln_1p() + left.ln(), |y| y / (1.0 + y)))
}
