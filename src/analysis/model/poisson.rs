//! The paper's model: failures at rate λ at any time, each costing R and all work since the last checkpoint.
//!
//! Utilization, as printed: U = λ e^{δλ} (T - c) / (e^{λ(R+T+δn)} - e^{λ(R+δn)}).
//! Divided through by e^{λ(R+δn)}, with y = λT and R' = R + (n-1)δ, it is
//! U = (1 - c/T) · y/(1 - e^{-y}) · e^{-(λR' + y)}, which neither overflows nor cancels.
//!
//! Its logarithm: ln(1 - c/T) - y/2 - ln(sinh(y/2)/(y/2)) - λR'. None of the terms is above zero, so their sum
//! keeps its digits where U is next to 1 too.
//!
//! Optimum, as printed: T* = (cλ + W(-e^{-cλ-1}) + 1)/λ, that is y - 1 + e^{-y} = cλ for y = λT*.

use super::root::{SERIES_BELOW, SERIES_START, lost_work, newton, root_of_twice};
use super::{Conditions, ln_share_of_work, share_of_work};

/// U for T > c; dimensionless.
pub fn utilization(interval_s: f64, conditions: &Conditions) -> f64 {
    let y = conditions.lambda_per_s * interval_s;
    // The square of the root: the exponential may underflow where U does not, which is larger by the factor y.
    let half = (-(conditions.relative_restart() + y) / 2.0).exp();
    if half == 0.0 {
        return 0.0;
    }
    // The limit of y/(1 - e^{-y}) for y that underflowed is 1.
    let stretch = if y == 0.0 { 1.0 } else { y / -(-y).exp_m1() };
    half * (share_of_work(interval_s, conditions.cost_s) * stretch) * half
}

/// ln U for T > c.
pub fn ln_utilization(interval_s: f64, conditions: &Conditions) -> f64 {
    let half = conditions.lambda_per_s * interval_s / 2.0;
    ln_share_of_work(interval_s, conditions.cost_s) - (half + ln_of_sinh_over(half)) - conditions.relative_restart()
}

/// ln(sinh(h)/h), 0 or more: below 1 by the series of sinh(h)/h - 1.
fn ln_of_sinh_over(h: f64) -> f64 {
    if h >= 1.0 {
        return h + (-(-2.0 * h).exp()).ln_1p() - (2.0 * h).ln();
    }
    let (mut term, mut sum, mut k) = (1.0, 0.0, 2.0);
    loop {
        term *= h * h / (k * (k + 1.0));
        let next = sum + term;
        if next == sum {
            return sum.ln_1p();
        }
        sum = next;
        k += 2.0;
    }
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
pub fn optimal_exponent(conditions: &Conditions) -> f64 {
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
