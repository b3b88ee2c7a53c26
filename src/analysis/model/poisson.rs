//! The paper's model: failures at rate λ at any time, each costing R and all work since the last checkpoint.
//!
//! Utilization, as printed: U = λ e^{δλ} (T - c) / (e^{λ(R+T+δn)} - e^{λ(R+δn)}).
//! Divided through by e^{λ(R+δn)}, with y = λT and R' = R + (n-1)δ, it is
//! U = (1 - c/T) · y/(1 - e^{-y}) · e^{-(λR' + y)}, which neither overflows nor cancels.
//!
//! Optimum, as printed: T* = (cλ + W(-e^{-cλ-1}) + 1)/λ, that is y - 1 + e^{-y} = cλ for y = λT*.

use super::Conditions;
use super::root::{SERIES_BELOW, SERIES_START, alternating_series, newton, root_of_twice};

/// U; dimensionless. Below zero where T < c.
pub fn utilization(interval_s: f64, conditions: &Conditions) -> f64 {
    let y = conditions.lambda_per_s * interval_s;
    let survives = (-(conditions.relative_restart() + y)).exp();
    if survives == 0.0 {
        return 0.0;
    }
    // The limit of y/(1 - e^{-y}) for y that underflowed is 1.
    let stretch = if y == 0.0 { 1.0 } else { y / -(-y).exp_m1() };
    (1.0 - conditions.cost_s / interval_s) * stretch * survives
}

/// T* in seconds. It does not depend on R, n or δ.
pub fn optimal_interval(conditions: &Conditions) -> f64 {
    let y = optimal_exponent(conditions);
    if y < SERIES_BELOW {
        return y / conditions.lambda_per_s;
    }
    // y = cλ + 1 - e^{-y}, divided by λ: exact where cλ is so large that it overflows.
    conditions.cost_s - (-y).exp_m1() / conditions.lambda_per_s
}

/// y = λT*, the root of y - 1 + e^{-y} = cλ.
fn optimal_exponent(conditions: &Conditions) -> f64 {
    let x = conditions.relative_cost();
    let start = if x < SERIES_START {
        let s = root_of_twice(conditions.cost_s, conditions.lambda_per_s);
        s * (1.0 + s / 6.0 + s * s / 36.0)
    } else {
        x + lambert_w::lambert_w0(-(-x - 1.0).exp()) + 1.0
    };
    // Below 1e-5 the series has all digits, and Newton would only meet squares that underflow.
    if start < 1e-5 || !start.is_finite() {
        return start;
    }
    newton(start, |y| lost_work(y) - x, |y| -(-y).exp_m1())
}

/// y - 1 + e^{-y}, which is y²/2! - y³/3! + …
fn lost_work(y: f64) -> f64 {
    if y < SERIES_BELOW { alternating_series(y, |_| 1.0) } else { y - 1.0 + (-y).exp() }
}
