//! What the optima of `poisson` and `flink` share: a root in y = λT that Lambert's W gives with a loss of
//! digits where checkpoints are cheap (cλ small), which is where real jobs are.
//!
//! W(-e^{-x-1}) is taken next to its branch point, and its relative error grows as 1e-16/(2x): 3e-11 at
//! x = 1e-6, no digit left at 1e-15. So W only starts Newton's method there, on the equation that W solves,
//! with the equation summed as a series; below `SERIES_START` the series at the branch point starts it, which in
//! √(2x) is that of Corless, Gonnet, Hare, Jeffrey and Knuth, "On the Lambert W function", Advances in Computational
//! Mathematics 5 (1996), equation 4.22.

/// Below this x = cλ the branch point has eaten W's digits, and the series in √(2x) is the better start.
pub const SERIES_START: f64 = 1e-4;

/// Below this y the equations cancel when evaluated as printed, and are summed as series.
pub const SERIES_BELOW: f64 = 1.0;

/// √(2cλ), which does not underflow where the product cλ does.
pub fn root_of_twice(cost_s: f64, lambda_per_s: f64) -> f64 {
    std::f64::consts::SQRT_2 * cost_s.sqrt() * lambda_per_s.sqrt()
}

/// Newton's method for `equation(y) = 0` from a start that is close; it stops where a step changes nothing.
pub fn newton(start: f64, equation: impl Fn(f64) -> f64, slope: impl Fn(f64) -> f64) -> f64 {
    const STEPS: usize = 8;
    let mut y = start;
    for _ in 0..STEPS {
        let next = y - equation(y) / slope(y);
        if !next.is_finite() || next == y {
            break;
        }
        y = next;
    }
    y
}

/// y - 1 + e^{-y}, which is y²/2! - y³/3! + …: what a failure takes back of an interval, times λ.
pub fn lost_work(y: f64) -> f64 {
    if y < SERIES_BELOW { alternating_series(y, |_| 1.0) } else { y + (-y).exp_m1() }
}

/// 1 - (1 + y)e^{-y}, which is Σ over k from 2 of (-1)^k (k - 1) y^k / k!.
pub fn given_up(y: f64) -> f64 {
    if y < SERIES_BELOW { alternating_series(y, |k| k - 1.0) } else { 1.0 - (1.0 + y) * (-y).exp() }
}

/// Σ over k from 2 of (-1)^k weight(k) y^k / k!, for y below `SERIES_BELOW`.
fn alternating_series(y: f64, weight: impl Fn(f64) -> f64) -> f64 {
    let mut power = -y;
    let mut sum = 0.0;
    let mut k = 2.0;
    loop {
        power *= -y / k;
        let next = sum + weight(k) * power;
        if next == sum {
            return sum;
        }
        sum = next;
        k += 1.0;
    }
}
