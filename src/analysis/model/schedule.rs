//! Faults by the clock: one every F = 1/λ, issued to issued, in a uniform phase to the checkpoints.
//!
//! With X = F - R, the time left between two faults: T ≤ X: U = [X(1 - c/T) - T/2]/F;
//! T > X: U = (X/T)(X/2 - c)/F; X ≤ 0: 0. T* = √(2cX) while 2c ≤ X.
//! Written with ρ = X/F = 1 - λR, so that a small λ makes no infinite F. It knows no n and no δ.

use super::Conditions;
use crate::error::{Error, Result};

/// U; dimensionless. Below zero where checkpoints cost more than they save.
pub fn utilization(interval_s: f64, conditions: &Conditions) -> f64 {
    let left = share_left(conditions);
    if left <= 0.0 {
        return 0.0;
    }
    let y = conditions.lambda_per_s * interval_s;
    let cost_share = conditions.cost_s / interval_s;
    if y <= left { left * (1.0 - cost_share) - y / 2.0 } else { left * (left / (2.0 * y) - cost_share) }
}

/// T* in seconds.
pub fn optimal_interval(conditions: &Conditions) -> Result<f64> {
    let left = share_left(conditions);
    if left <= 0.0 {
        return Err(Error::script(format!(
            "no interval pays: a restart of {} s leaves no time between faults {} s apart (model schedule)",
            conditions.restart_s,
            1.0 / conditions.lambda_per_s
        )));
    }
    if 2.0 * conditions.relative_cost() > left {
        return Err(Error::script(format!(
            "no interval pays: two checkpoints of {} s do not fit into the {} s between a restart and the next fault \
             (model schedule)",
            conditions.cost_s,
            left / conditions.lambda_per_s
        )));
    }
    Ok((2.0 * conditions.cost_s).sqrt() * (left / conditions.lambda_per_s).sqrt())
}

/// ρ = X/F = 1 - λR, the share of the time between two faults that a restart leaves.
fn share_left(conditions: &Conditions) -> f64 {
    1.0 - conditions.lambda_per_s * conditions.restart_s
}
