//! How flat the optimum is: the intervals whose U is within some per cent of the best.
//!
//! The ends are roots of ln U(T) - ln U(T*) - ln(1 - within), one on each side of T*, since ln U rises up to it and
//! falls behind it. λR' falls out of the difference under `poisson` and `flink`, and is left out before it is taken,
//! or a large one would leave the rest no digits.

use crate::analysis::model::{Conditions, Model, ln_utilization, optimal_interval};
use crate::error::{Error, Result};

/// In seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Plateau {
    pub best_s: f64,
    pub from_s: f64,
    pub to_s: f64,
}

/// The intervals whose U is at least (1 - within) of that of T*, 0 < within < 1.
pub fn plateau(model: Model, conditions: &Conditions, within: f64) -> Result<Plateau> {
    if !(within > 0.0 && within < 1.0) {
        return Err(Error::script(format!("within must lie between 0 and 1, not {within}"))
            .hint("0.01 is within 1 % of the best U"));
    }
    let best_s = optimal_interval(model, conditions)?;
    down_by(model, conditions, best_s, -(-within).ln_1p())
}

/// The intervals whose ln U is at most `depth` below that of T*.
pub fn down_by(model: Model, conditions: &Conditions, best_s: f64, depth: f64) -> Result<Plateau> {
    let own = match model {
        Model::Poisson | Model::Flink => Conditions { restart_s: 0.0, hop_delay_s: 0.0, ..*conditions },
        Model::Schedule => *conditions,
    };
    let at_best = ln_at_best(model, &own, best_s)?;
    if at_best == f64::NEG_INFINITY {
        return Err(Error::script(format!(
            "no interval pays: U is 0 at the best of them, T = {}",
            super::seconds(best_s)
        )));
    }
    let above = |interval_s: f64| -> Result<f64> { Ok(ln_utilization(model, interval_s, &own)? - at_best + depth) };
    let from_s = if best_s == 0.0 { 0.0 } else { root_between(conditions.cost_s, best_s, above)? };
    // A start for c = 0, far below any T where a failure is felt.
    let mut out = best_s.max(f64::EPSILON * f64::EPSILON / conditions.lambda_per_s);
    while above(out)? > 0.0 {
        out *= 2.0;
    }
    Ok(Plateau { best_s, from_s, to_s: root_between(out, best_s, above)? })
}

/// ln U at T*; for c = 0, where T* is 0, its limit.
fn ln_at_best(model: Model, conditions: &Conditions, best_s: f64) -> Result<f64> {
    if best_s > 0.0 {
        return ln_utilization(model, best_s, conditions);
    }
    Ok(match model {
        Model::Poisson | Model::Flink => 0.0,
        Model::Schedule => conditions.share_left().ln(),
    })
}

/// Where `above` becomes 0, by halving down to neighbouring doubles; it is below 0 outside and above 0 inside.
fn root_between(outside: f64, inside: f64, above: impl Fn(f64) -> Result<f64>) -> Result<f64> {
    let (mut outside, mut inside) = (outside, inside);
    loop {
        let middle = f64::midpoint(outside, inside);
        if middle == outside || middle == inside {
            return Ok(inside);
        }
        if above(middle)? >= 0.0 {
            inside = middle;
        } else {
            outside = middle;
        }
    }
}
