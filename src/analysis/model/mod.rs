//! Utilization U and optimal checkpoint interval T* by the three models of docs/method.md.
//!
//! Symbols are those of Jayasekara, Karunasekera and Harwood, "Optimizing checkpoint-based fault-tolerance in
//! distributed stream processing systems: Theory to practice". All times are in seconds, rates in 1/s.
//!
//! The printed formulas cancel or overflow within the range of real jobs (cλ of 1e-6, λT of 800), so each
//! model file rewrites them and says how; the tests hold the rewritten ones against the printed ones.
//! An interval at or below the cost is no error: the formulas go below zero there, and U < 0 counts as 0.

mod cycle;
mod flink;
mod poisson;
mod root;
mod schedule;

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
    fn relative_cost(&self) -> f64 {
        self.cost_s * self.lambda_per_s
    }

    /// λR' with R' = R + (n - 1)δ: what a failure costs before any work, in the same unit.
    fn relative_restart(&self) -> f64 {
        self.lambda_per_s * (self.restart_s + (self.depth - 1.0) * self.hop_delay_s)
    }

    fn check(&self) -> Result<()> {
        at_least("c", self.cost_s, 0.0)?;
        at_least("R", self.restart_s, 0.0)?;
        at_least("lambda", self.lambda_per_s, 0.0)?;
        at_least("n", self.depth, 1.0)?;
        at_least("delta", self.hop_delay_s, 0.0)
    }
}

/// The share of time, 0 to 1, in which the job does work that counts, checkpointing every `interval_s`.
pub fn utilization(model: Model, interval_s: f64, conditions: &Conditions) -> Result<f64> {
    conditions.check()?;
    at_least("T", interval_s, 0.0)?;
    if interval_s == 0.0 {
        return Err(Error::script("T must be above 0: without an interval there is no checkpoint to return to"));
    }
    let utilization = if conditions.lambda_per_s == 0.0 {
        without_failures(interval_s, conditions.cost_s)
    } else {
        match model {
            Model::Poisson => poisson::utilization(interval_s, conditions),
            Model::Flink => flink::utilization(interval_s, conditions),
            Model::Schedule => schedule::utilization(interval_s, conditions),
        }
    };
    Ok(utilization.max(0.0))
}

/// T*, the interval with the largest utilization, in seconds; 0 where a checkpoint costs nothing.
pub fn optimal_interval(model: Model, conditions: &Conditions) -> Result<f64> {
    conditions.check()?;
    if conditions.lambda_per_s == 0.0 {
        return Err(Error::script("no failures: no optimal interval")
            .hint("give lambda (failures a second) or mtbf (time between them)"));
    }
    match model {
        Model::Poisson => Ok(poisson::optimal_interval(conditions)),
        Model::Flink => flink::optimal_interval(conditions),
        Model::Schedule => schedule::optimal_interval(conditions),
    }
}

/// The limit of every model for λ = 0: U = 1 - c/T.
fn without_failures(interval_s: f64, cost_s: f64) -> f64 {
    1.0 - cost_s / interval_s
}

fn at_least(symbol: &str, value: f64, least: f64) -> Result<()> {
    if !value.is_finite() {
        return Err(Error::script(format!("{symbol} must be a finite number, not {value}")));
    }
    if value < least {
        return Err(Error::script(format!("{symbol} must be at least {least}, not {value}")));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
