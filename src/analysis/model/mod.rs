//! Utilization U and optimal checkpoint interval T* by the three models of docs/method.md.
//!
//! Symbols are those of Jayasekara, Karunasekera and Harwood, "Optimizing checkpoint-based fault-tolerance in
//! distributed stream processing systems: Theory to practice". All times are in seconds, rates in 1/s.
//!
//! The printed formulas cancel or overflow within the range of real jobs (cλ of 1e-6, λT of 800), so each
//! model file rewrites them and says how; the tests hold the rewritten ones against the printed ones in arithmetic of
//! many digits: wherever a result is a normal double its relative error is at most 1e-12.
//! An interval at or below the cost is no error: the formulas go below zero there, and U < 0 counts as 0.

mod cycle;
mod double_double;
pub(super) mod flink;
pub(super) mod poisson;
pub(super) mod root;
pub(super) mod schedule;

use std::fmt;

pub use cycle::progress_s;
use serde::Serialize;

use crate::error::{Error, Result};

/// Which assumption about failures and triggers stands behind a figure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Model {
    /// The paper's: exponential failures, at any time, the checkpoint clock restarted by each.
    Poisson,
    /// As `Poisson`, but after a restart Flink's first trigger comes at random in [min-pause, T].
    Flink,
    /// A fault exactly every 1/λ, issued to issued, in a uniform phase to the checkpoints.
    Schedule,
}

impl Model {
    pub const ALL: [Self; 3] = [Self::Poisson, Self::Flink, Self::Schedule];

    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Poisson => "poisson",
            Self::Flink => "flink",
            Self::Schedule => "schedule",
        }
    }

    /// The model of that name; the error lists the names there are.
    pub fn from_name(name: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|model| model.name() == name).ok_or_else(|| {
            let names = Self::ALL.map(Self::name).join(", ");
            Error::script(format!("unknown model `{name}`")).hint(format!("the models are {names}"))
        })
    }
}

impl fmt::Display for Model {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// What a job and its failures cost, whatever the interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Conditions {
    /// c, the cost of one checkpoint, in seconds.
    pub cost_s: f64,
    /// R, the cost of one restart, in seconds.
    pub restart_s: f64,
    /// λ, failures a second.
    pub lambda_per_s: f64,
    /// n, the depth of the topology, from 1.
    pub depth: f64,
    /// δ, the delay of a checkpoint barrier per hop, in seconds.
    pub hop_delay_s: f64,
}

impl Conditions {
    /// Conditions of a topology whose depth costs nothing: n = 1, δ = 0.
    #[must_use]
    pub fn new(cost_s: f64, restart_s: f64, lambda_per_s: f64) -> Self {
        Self { cost_s, restart_s, lambda_per_s, depth: 1.0, hop_delay_s: 0.0 }
    }

    /// cλ, the cost in units of the mean time between failures.
    pub(super) fn relative_cost(&self) -> f64 {
        self.cost_s * self.lambda_per_s
    }

    /// 1 - cλ with one rounding, so that it keeps its digits next to 0.
    fn rest_of_cost(&self) -> f64 {
        (-self.cost_s).mul_add(self.lambda_per_s, 1.0)
    }

    /// R' = R + (n - 1)δ: what a failure costs before any work, in seconds.
    pub(super) fn whole_restart_s(&self) -> f64 {
        self.restart_s + (self.depth - 1.0) * self.hop_delay_s
    }

    /// λR', in the same unit as cλ.
    pub(super) fn relative_restart(&self) -> f64 {
        self.lambda_per_s * self.whole_restart_s()
    }

    /// ρ = 1 - λR with one rounding: the share of the time between two scheduled faults that a restart leaves.
    pub(super) fn share_left(&self) -> f64 {
        (-self.lambda_per_s).mul_add(self.restart_s, 1.0)
    }

    /// As `check`; without failures there is no optimum.
    pub(super) fn check_failing(&self) -> Result<()> {
        self.check()?;
        if self.lambda_per_s == 0.0 {
            return Err(Error::script("no failures: no optimal interval")
                .hint("give lambda (failures a second) or mtbf (time between them)"));
        }
        Ok(())
    }

    pub(super) fn check(&self) -> Result<()> {
        at_least("c", self.cost_s, 0.0)?;
        at_least("R", self.restart_s, 0.0)?;
        at_least("lambda", self.lambda_per_s, 0.0)?;
        at_least("n", self.depth, 1.0)?;
        at_least("delta", self.hop_delay_s, 0.0)
    }
}

/// λ in 1/s of a mean time between failures.
pub fn rate_of_mtbf(mtbf_s: f64) -> Result<f64> {
    above_zero("mtbf", mtbf_s)?;
    Ok(1.0 / mtbf_s)
}

/// The share of time, 0 to 1, in which the job does work that counts, checkpointing every `interval_s`.
///
/// 0 where checkpoints and restarts take all the time there is, an interval of at most c among them.
pub fn utilization(model: Model, interval_s: f64, conditions: &Conditions) -> Result<f64> {
    check(interval_s, conditions)?;
    if interval_s <= conditions.cost_s {
        return Ok(0.0);
    }
    let utilization = if conditions.lambda_per_s == 0.0 {
        share_of_work(interval_s, conditions.cost_s)
    } else {
        match model {
            Model::Poisson => poisson::utilization(interval_s, conditions),
            Model::Flink => flink::utilization(interval_s, conditions),
            Model::Schedule => schedule::utilization(interval_s, conditions),
        }
    };
    Ok(utilization.max(0.0))
}

/// ln U, which keeps its digits where U underflows and where it is next to 1; -inf where U is 0.
pub fn ln_utilization(model: Model, interval_s: f64, conditions: &Conditions) -> Result<f64> {
    check(interval_s, conditions)?;
    if interval_s <= conditions.cost_s {
        return Ok(f64::NEG_INFINITY);
    }
    if conditions.lambda_per_s == 0.0 {
        return Ok(ln_share_of_work(interval_s, conditions.cost_s));
    }
    Ok(match model {
        Model::Poisson => poisson::ln_utilization(interval_s, conditions),
        Model::Flink => flink::ln_utilization(interval_s, conditions),
        Model::Schedule => schedule::ln_utilization(interval_s, conditions),
    })
}

/// T*, the interval with the largest utilization, in seconds; 0 where a checkpoint costs nothing.
pub fn optimal_interval(model: Model, conditions: &Conditions) -> Result<f64> {
    conditions.check_failing()?;
    match model {
        Model::Poisson => Ok(poisson::optimal_interval(conditions)),
        Model::Flink => flink::optimal_interval(conditions),
        Model::Schedule => schedule::optimal_interval(conditions),
    }
}

/// The longest interval, in seconds, at and below which U is 0; an error where it is 0 at all of them.
pub(super) fn pays_above(model: Model, conditions: &Conditions) -> Result<f64> {
    conditions.check()?;
    if conditions.lambda_per_s == 0.0 {
        return Ok(conditions.cost_s);
    }
    match model {
        Model::Poisson => Ok(conditions.cost_s),
        Model::Flink => flink::pays_above(conditions),
        Model::Schedule => schedule::pays_above(conditions),
    }
}

/// A difference below this share of its minuend is taken with twice the digits: above it, it loses four bits.
const CANCELS: f64 = 1.0 / 16.0;

/// 1 - c/T, the limit of every model for λ = 0. T - c is exact up to T = 2c (Sterbenz), where 1 - c/T cancels.
fn share_of_work(interval_s: f64, cost_s: f64) -> f64 {
    (interval_s - cost_s) / interval_s
}

/// ln(1 - c/T).
fn ln_share_of_work(interval_s: f64, cost_s: f64) -> f64 {
    ln_of_one_minus(cost_s / interval_s, share_of_work(interval_s, cost_s))
}

/// ln(1 - lost), from whichever of the two has its digits; `kept` is 1 - lost.
fn ln_of_one_minus(lost: f64, kept: f64) -> f64 {
    if lost < 0.5 {
        (-lost).ln_1p()
    } else if kept > 0.0 {
        kept.ln()
    } else {
        f64::NEG_INFINITY
    }
}

fn check(interval_s: f64, conditions: &Conditions) -> Result<()> {
    conditions.check()?;
    at_least("T", interval_s, 0.0)?;
    if interval_s == 0.0 {
        return Err(Error::script("T must be above 0: without an interval there is no checkpoint to return to"));
    }
    Ok(())
}

pub(super) fn above_zero(symbol: &str, value: f64) -> Result<()> {
    match value {
        0.0 => Err(Error::script(format!("{symbol} must be above 0"))),
        value if value < 0.0 && value.is_finite() => {
            Err(Error::script(format!("{symbol} must be above 0, not {value}")))
        }
        value => at_least(symbol, value, 0.0),
    }
}

pub(super) fn at_least(symbol: &str, value: f64, least: f64) -> Result<()> {
    if !value.is_finite() {
        return Err(Error::script(format!("{symbol} must be a finite number, not {value}")));
    }
    if value < least {
        return Err(Error::script(format!("{symbol} must be at least {least}, not {value}")));
    }
    Ok(())
}

#[cfg(test)]
pub(super) mod tests;
