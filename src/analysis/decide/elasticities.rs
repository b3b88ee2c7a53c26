//! By how many per cent T* and U move when an input moves by one: d ln T*/d ln x and d ln U/d ln x, differentiated by
//! hand, so that they have the digits of the models.
//!
//! With y = λT, x = cλ, L(y) = y - 1 + e^{-y} and G(y) = 1 - (1 + y)e^{-y}:
//! `poisson`: L(y) = x at T*; d ln U/d ln T = c/(T - c) - L/(1 - e^{-y}), to λ: -λR' - L/(1 - e^{-y}).
//! `flink`: G(y) = x at T*; with B = (1 - x - e^{-y})/y: to T: (c/T - G/y)/B, to λ: -λR' - (G/y)/B.
//! `schedule`: U as printed, a rational function; its two branches meet with equal slopes.

use crate::analysis::model::root::{given_up, lost_work};
use crate::analysis::model::{Conditions, Model, flink, optimal_interval, poisson, utilization};
use crate::error::{Error, Result};

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Elasticities {
    /// Where U was taken, in seconds.
    pub interval_s: f64,
    pub of_utilization: OfUtilization,
    /// None where there is no T*.
    pub of_optimum: Option<OfOptimum>,
}

/// Of T*, to each input.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OfOptimum {
    pub cost: f64,
    pub restart: f64,
    pub lambda: f64,
}

/// Of U at an interval, to each input and to the interval itself.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OfUtilization {
    pub interval: f64,
    pub cost: f64,
    pub restart: f64,
    pub lambda: f64,
}

/// Those of T*, and of U at an interval, T* itself where none is given.
pub fn elasticities(model: Model, interval_s: Option<f64>, conditions: &Conditions) -> Result<Elasticities> {
    let best = optimal_interval(model, conditions);
    let interval_s = match interval_s {
        Some(interval_s) => interval_s,
        None => best.clone()?,
    };
    Ok(Elasticities {
        interval_s,
        of_utilization: of_utilization(model, interval_s, conditions)?,
        of_optimum: best.ok().map(|best| of_optimum(model, best, conditions)).transpose()?,
    })
}

fn of_optimum(model: Model, best_s: f64, conditions: &Conditions) -> Result<OfOptimum> {
    // The limit for c = 0, where T* is 0 and goes with the root of c.
    if best_s == 0.0 && model != Model::Schedule {
        return Ok(OfOptimum { cost: 0.5, restart: 0.0, lambda: -0.5 });
    }
    let to_cost = match model {
        Model::Poisson => {
            let y = poisson::optimal_exponent(conditions);
            conditions.relative_cost() / (y * -(-y).exp_m1())
        }
        Model::Flink => {
            let y = flink::optimal_exponent(conditions)?;
            conditions.relative_cost() / (y * y * (-y).exp())
        }
        Model::Schedule => {
            let left = conditions.share_left();
            let restart = -conditions.lambda_per_s * conditions.restart_s / (2.0 * left);
            return Ok(OfOptimum { cost: 0.5, restart, lambda: -0.5 / left });
        }
    };
    Ok(OfOptimum { cost: to_cost, restart: 0.0, lambda: to_cost - 1.0 })
}

fn of_utilization(model: Model, interval_s: f64, conditions: &Conditions) -> Result<OfUtilization> {
    if conditions.cost_s == 0.0 && interval_s == 0.0 {
        return Err(Error::script("c = 0 gives T* = 0 s, where U has no elasticity").hint("give an interval `T`"));
    }
    let Conditions { cost_s, restart_s, lambda_per_s, .. } = *conditions;
    if utilization(model, interval_s, conditions)? == 0.0 {
        return Err(Error::script(format!("U is 0 at T = {}: it has no elasticity", super::seconds(interval_s))));
    }
    let (y, share) = (lambda_per_s * interval_s, cost_s / interval_s);
    let restart = -lambda_per_s * restart_s;
    if y == 0.0 {
        let cost = -cost_s / (interval_s - cost_s);
        return Ok(OfUtilization { interval: -cost, cost, restart: 0.0, lambda: 0.0 });
    }
    Ok(match model {
        Model::Poisson => {
            let (cost, lost) = (cost_s / (interval_s - cost_s), lost_work(y) / -(-y).exp_m1());
            let lambda = -conditions.relative_restart() - lost;
            OfUtilization { interval: cost - lost, cost: -cost, restart, lambda }
        }
        Model::Flink => {
            let (kept, lost) = (flink::share_kept(interval_s, conditions), given_up(y) / y);
            let lambda = -conditions.relative_restart() - lost / kept;
            OfUtilization { interval: (share - lost) / kept, cost: -share / kept, restart, lambda }
        }
        Model::Schedule => {
            let (left, value) = (conditions.share_left(), utilization(model, interval_s, conditions)?);
            let cost = -left * share / value;
            if y <= left {
                let restart = restart * (1.0 - share) / value;
                let interval = (left * share - y / 2.0) / value;
                OfUtilization { interval, cost, restart, lambda: restart - y / 2.0 / value }
            } else {
                let restart = restart * (left / y - share) / value;
                OfUtilization { interval: -1.0, cost, restart, lambda: restart - left * (left / (2.0 * y)) / value }
            }
        }
    })
}
