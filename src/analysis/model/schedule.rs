//! Faults by the clock: one every F = 1/λ, issued to issued, in a uniform phase to the checkpoints.
//!
//! With X = F - R, the time left between two faults: T ≤ X: U = [X(1 - c/T) - T/2]/F;
//! T > X: U = (X/T)(X/2 - c)/F; X ≤ 0: 0. T* = √(2cX) while 2c ≤ X.
//! Written with ρ = X/F = 1 - λR, so that a small λ makes no infinite F. It knows no n and no δ. Differences that
//! cancel, which is next to U = 0, are taken with twice the digits.

use super::double_double::DoubleDouble;
use super::{CANCELS, Conditions, ln_of_one_minus, share_of_work};
use crate::error::{Error, Result};

/// U for T > c; dimensionless. Below zero where checkpoints cost more than they save.
pub fn utilization(interval_s: f64, conditions: &Conditions) -> f64 {
    let left = conditions.share_left();
    if left <= 0.0 {
        return 0.0;
    }
    let y = conditions.lambda_per_s * interval_s;
    if y <= left { with_checkpoints(interval_s, conditions, left) } else { left / y * half_left_less_cost(conditions) }
}

/// ln U for T > c; -inf where U is not above 0.
pub fn ln_utilization(interval_s: f64, conditions: &Conditions) -> f64 {
    let (left, y) = (conditions.share_left(), conditions.lambda_per_s * interval_s);
    if left <= 0.0 {
        return f64::NEG_INFINITY;
    }
    if y <= left {
        let lost = conditions.lambda_per_s * conditions.restart_s + left * conditions.cost_s / interval_s + y / 2.0;
        return ln_of_one_minus(lost, with_checkpoints(interval_s, conditions, left));
    }
    let work = half_left_less_cost(conditions);
    if work <= 0.0 { f64::NEG_INFINITY } else { (left / y).ln() + work.ln() }
}

/// ρ(1 - c/T) - λT/2, U for T ≤ X.
fn with_checkpoints(interval_s: f64, conditions: &Conditions, left: f64) -> f64 {
    let Conditions { cost_s, restart_s, lambda_per_s, .. } = *conditions;
    let (work, lost) = (left * share_of_work(interval_s, cost_s), lambda_per_s * interval_s / 2.0);
    if (work - lost).abs() > work * CANCELS {
        return work - lost;
    }
    let left = DoubleDouble::one_minus(lambda_per_s, restart_s, 0.0);
    let twice = if lambda_per_s * interval_s < left.value() / 2.0 {
        let work = left.times(DoubleDouble::sum(interval_s, -cost_s)).scaled(2.0);
        work.minus(DoubleDouble::product(lambda_per_s, interval_s).scaled(interval_s)).value()
    } else {
        // With the square completed, (ρ(ρ - 2cλ) - (ρ - λT)²)/λ: both roots of U may lie next to X.
        let to_next = DoubleDouble::one_minus(lambda_per_s, restart_s, interval_s);
        let fits = left.times(rest_of_two_checkpoints(conditions));
        fits.minus(to_next.times(to_next)).value() / lambda_per_s
    };
    twice / (2.0 * interval_s)
}

/// ρ/2 - cλ: half of what two checkpoints leave of X, over F.
pub fn half_left_less_cost(conditions: &Conditions) -> f64 {
    rest_of_two_checkpoints(conditions).value() / 2.0
}

/// 1 - λ(R + 2c)
fn rest_of_two_checkpoints(conditions: &Conditions) -> DoubleDouble {
    let Conditions { cost_s, restart_s, lambda_per_s, .. } = *conditions;
    DoubleDouble::one_minus(lambda_per_s, restart_s, 2.0 * cost_s)
}

/// The T at which U becomes 0, the smaller root of T²/2 - XT + cX: 2c/(1 + √(1 - 2c/X)).
pub fn pays_above(conditions: &Conditions) -> Result<f64> {
    optimal_interval(conditions)?;
    let rest = (2.0 * half_left_less_cost(conditions) / conditions.share_left()).max(0.0);
    Ok(2.0 * conditions.cost_s / (1.0 + rest.sqrt()))
}

/// T* in seconds.
pub fn optimal_interval(conditions: &Conditions) -> Result<f64> {
    let left = conditions.share_left();
    if left <= 0.0 {
        return Err(Error::script(format!(
            "no interval pays: a restart of {} s leaves no time between faults {} s apart (model schedule)",
            conditions.restart_s,
            1.0 / conditions.lambda_per_s
        )));
    }
    if half_left_less_cost(conditions) < 0.0 {
        return Err(Error::script(format!(
            "no interval pays: two checkpoints of {} s do not fit into the {} s between a restart and the next fault \
             (model schedule)",
            conditions.cost_s,
            left / conditions.lambda_per_s
        )));
    }
    Ok((2.0 * conditions.cost_s).sqrt() * (left.sqrt() / conditions.lambda_per_s.sqrt()))
}
