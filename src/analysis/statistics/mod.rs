//! A figure with its interval: what 95 % of repeats would hold, and from how many values it is known.
//!
//! n < 2: no interval. n < 20: Student's t (the percentile bootstrap of three values covers 73 %). From 20
//! on: a bootstrap, stratified by trial, in blocks over consecutive values, stretched by how few independent values
//! those are worth. With one repeat an interval is within one trial: it says nothing about the next trial.
//!
//! Durations are positive and skewed, so their t interval is taken on logarithms, as Cox's for a log-normal mean
//! (Zhou and Gao 1997) with Student's quantile for the normal one (Olsson 2005). It is centred at the arithmetic mean,
//! because the models want the mean of c and R whatever their distribution; a duration of 0 falls back to the plain t.

mod bootstrap;
mod compare;
mod dependence;
mod line;
mod quantile;
mod ratio;
mod shift;
mod simulation;
mod warm_up;

use serde::Serialize;
use statrs::distribution::{ContinuousCDF, Normal, StudentsT};

pub use compare::{difference, slope};
pub use line::{LineCost, cost_of_line};
pub use quantile::{interquartile_range, median, quantile, quantile_of_sorted};
pub use ratio::ratio;
pub use shift::shift;
pub use simulation::{Input, simulate};
pub use warm_up::warm_up_cut;

/// The share of repeats that an interval is to hold.
pub const CONFIDENCE: f64 = 0.95;

/// From this many values on, the bootstrap takes over from Student's t.
const BOOTSTRAP_FROM: usize = 20;

/// Below this many values a trial on average, resampling within trials sees too little of their spread.
const STRATUM_FROM: usize = 10;

/// A measured value with the interval of its uncertainty.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Figure {
    pub value: f64,
    pub lo: Option<f64>,
    pub hi: Option<f64>,
    /// How many values stand behind it.
    pub n: u64,
}

impl Figure {
    /// A figure that carries no interval: a single value, a maximum, a setting.
    #[must_use]
    pub fn bare(value: f64, n: usize) -> Self {
        Self { value, lo: None, hi: None, n: n as u64 }
    }

    fn between(value: f64, (lo, hi): (f64, f64), n: usize) -> Self {
        Self { value, lo: Some(lo), hi: Some(hi), n: n as u64 }
    }
}

/// On which scale values spread evenly around their mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    Linear,
    /// For durations.
    Log,
}

/// The mean of all values, one stratum a trial, each in the order of time; None where there is no value.
#[must_use]
pub fn mean(strata: &[Vec<f64>], scale: Scale, seed: u64) -> Option<Figure> {
    let values: Vec<f64> = strata.iter().flatten().copied().collect();
    let positive = scale == Scale::Log && values.iter().all(|&value| value > 0.0);
    if enough_to_resample(strata.iter().map(Vec::len)) {
        let interval = if positive { bootstrap::positive_mean_interval } else { bootstrap::mean_interval };
        return Some(Figure::between(arithmetic_mean(&values)?, interval(strata, seed), values.len()));
    }
    if positive { log_t(&values) } else { linear_t(&values) }
}

/// The mean over clusters of values that arise together, each cluster drawn whole.
#[must_use]
pub fn mean_of_clusters(strata: &[Vec<Vec<f64>>], seed: u64) -> Option<Figure> {
    let counted: Vec<Vec<(f64, f64)>> = strata
        .iter()
        .map(|clusters| clusters.iter().map(|cluster| (cluster.iter().sum(), cluster.len() as f64)).collect())
        .collect();
    let (sum, count) = counted.iter().flatten().fold((0.0, 0.0), |(sum, count), (s, n)| (sum + s, count + n));
    if count == 0.0 {
        return None;
    }
    if !enough_to_resample(strata.iter().map(Vec::len)) {
        return Some(Figure::bare(sum / count, count as usize));
    }
    Some(Figure::between(sum / count, bootstrap::ratio_interval(&counted, seed), count as usize))
}

/// Standard deviation over mean; None for fewer than two values or a mean of 0.
#[must_use]
pub fn coefficient_of_variation(values: &[f64]) -> Option<f64> {
    let mean = arithmetic_mean(values).filter(|mean| *mean != 0.0)?;
    Some(deviation(values)? / mean)
}

/// Of a sample; None for fewer than two values.
fn deviation(values: &[f64]) -> Option<f64> {
    if values.len() < 2 {
        return None;
    }
    let mean = arithmetic_mean(values)?;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    Some((squares / (values.len() - 1) as f64).sqrt())
}

fn enough_to_resample(lengths: impl Iterator<Item = usize>) -> bool {
    let (trials, values) = lengths.filter(|&length| length > 0).fold((0, 0), |(t, v), length| (t + 1, v + length));
    values >= BOOTSTRAP_FROM && values >= trials * STRATUM_FROM
}

fn arithmetic_mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

fn linear_t(values: &[f64]) -> Option<Figure> {
    let value = arithmetic_mean(values)?;
    Some(match half_width(values) {
        Some(half) => Figure::between(value, (value - half, value + half), values.len()),
        None => Figure::bare(value, values.len()),
    })
}

fn log_t(values: &[f64]) -> Option<Figure> {
    let value = arithmetic_mean(values)?;
    let logs: Vec<f64> = values.iter().map(|value| value.ln()).collect();
    Some(match half_width_of_log_normal_mean(&logs) {
        Some(half) => Figure::between(value, (value * (-half).exp(), value * half.exp()), values.len()),
        None => Figure::bare(value, values.len()),
    })
}

/// t(n-1, 97.5 %) · s/√n, in the unit of the values.
fn half_width(values: &[f64]) -> Option<f64> {
    let count = values.len();
    Some(student(count.checked_sub(1)? as f64)? * deviation(values)? / (count as f64).sqrt())
}

/// t(n-1, 97.5 %) · √(s²/n + s⁴/(2(n-1))): the logarithm of the mean is μ + σ²/2, and both are estimated.
fn half_width_of_log_normal_mean(logs: &[f64]) -> Option<f64> {
    let (count, variance) = (logs.len() as f64, deviation(logs)?.powi(2));
    let freedom = count - 1.0;
    Some(student(freedom)? * (variance / count + variance.powi(2) / (2.0 * freedom)).sqrt())
}

/// The quantile of Student's t that cuts off the upper half of what lies outside `CONFIDENCE`.
pub(super) fn student(freedom: f64) -> Option<f64> {
    Some(StudentsT::new(0.0, 1.0, freedom).ok()?.inverse_cdf(f64::midpoint(1.0, CONFIDENCE)))
}

/// The same quantile of the normal distribution, 1.96.
fn normal_reach() -> f64 {
    Normal::standard().inverse_cdf(f64::midpoint(1.0, CONFIDENCE))
}

#[cfg(test)]
mod tests;
