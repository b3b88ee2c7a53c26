//! When failures come: the gaps between one and the next, issued to issued.

use super::chance::Chance;
use super::{above_zero, at_least_zero};
use crate::error::{Error, Result};

/// Below this shape the mean of a Weibull law is made by gaps too rare to be met.
const LEAST_SHAPE: f64 = 0.2;

#[derive(Clone, Debug, PartialEq)]
pub enum Law {
    /// At any time, with this mean between them.
    Poisson { mtbf_s: f64 },
    /// By the clock.
    Fixed { every_s: f64 },
    /// Below shape 1 failures come in bursts, above it they wear out; at 1 it is `Poisson`.
    Weibull { shape: f64, scale_s: f64 },
    /// Gaps as they were, in their order: once, or again and again.
    Trace { gaps_s: Vec<f64>, cyclic: bool },
}

impl Law {
    /// A Weibull law by its mean.
    #[must_use]
    pub fn weibull(shape: f64, mtbf_s: f64) -> Self {
        Self::Weibull { shape, scale_s: mtbf_s / mean_of_scale_one(shape) }
    }

    /// The law of failures at these times; the last one is the first of the next pass.
    pub fn trace(times_s: &[f64], cyclic: bool) -> Result<Self> {
        for &time_s in times_s {
            at_least_zero("each of `times`", time_s)?;
        }
        if times_s.len() < 2 {
            return Err(Error::script(format!("`times` must hold at least 2 failures, not {}", times_s.len()))
                .hint("U is taken from the first failure to the last: N of them make N - 1 cycles"));
        }
        let gaps_s: Vec<f64> = times_s.windows(2).map(|pair| pair[1] - pair[0]).collect();
        if let Some(place) = gaps_s.iter().position(|&gap_s| gap_s <= 0.0) {
            return Err(Error::script(format!(
                "`times` must rise: {} s is followed by {} s",
                times_s[place],
                times_s[place + 1]
            ))
            .hint("give the time of each failure since one beginning, not the gaps between them"));
        }
        Ok(Self::Trace { gaps_s, cyclic })
    }

    pub(super) fn check(&self) -> Result<()> {
        match self {
            Self::Poisson { mtbf_s } => above_zero("mtbf", *mtbf_s),
            Self::Fixed { every_s } => above_zero("mtbf", *every_s),
            Self::Weibull { shape, scale_s } => {
                above_zero("shape", *shape)?;
                if *shape < LEAST_SHAPE {
                    return Err(Error::script(format!("shape must be at least {LEAST_SHAPE}, not {shape}"))
                        .hint("below it a few gaps in millions make the mean, and no simulation meets them"));
                }
                above_zero("scale", *scale_s)
            }
            Self::Trace { gaps_s, .. } if gaps_s.is_empty() => Err(Error::script("a trace needs at least one gap")),
            Self::Trace { gaps_s, .. } => gaps_s.iter().try_for_each(|&gap_s| above_zero("each gap of a trace", gap_s)),
        }
    }

    /// 1/λ.
    #[must_use]
    pub fn mean_s(&self) -> f64 {
        match self {
            Self::Poisson { mtbf_s } => *mtbf_s,
            Self::Fixed { every_s } => *every_s,
            Self::Weibull { shape, scale_s } => scale_s * mean_of_scale_one(*shape),
            Self::Trace { gaps_s, .. } => gaps_s.iter().sum::<f64>() / gaps_s.len() as f64,
        }
    }

    /// From failure `number` (from 0) to the next.
    pub(super) fn gap_s(&self, number: u64, chance: &mut Chance) -> f64 {
        match self {
            Self::Poisson { mtbf_s } => mtbf_s * chance.exponential(),
            Self::Fixed { every_s } => *every_s,
            Self::Weibull { shape, scale_s } => scale_s * libm::pow(chance.exponential(), 1.0 / shape),
            Self::Trace { gaps_s, .. } => gaps_s[(number % gaps_s.len() as u64) as usize],
        }
    }

    /// How many of `failures` make a cycle that resembles the others: a pass of a trace that repeats, else one.
    pub(super) fn failures_a_cycle(&self, failures: u64) -> u64 {
        match self {
            Self::Trace { gaps_s, cyclic: true } if failures >= 2 * gaps_s.len() as u64 => gaps_s.len() as u64,
            _ => 1,
        }
    }

    /// What an interval wants: some passes of a trace that repeats.
    pub(super) fn least_failures(&self) -> u64 {
        const PASSES: u64 = 20;
        match self {
            Self::Trace { gaps_s, cyclic: true } => PASSES * gaps_s.len() as u64,
            _ => 2,
        }
    }

    /// As many of `failures` as there are.
    pub(super) fn limited(&self, failures: u64) -> u64 {
        match self {
            Self::Trace { gaps_s, cyclic: false } => failures.min(gaps_s.len() as u64),
            _ => failures,
        }
    }
}

/// Γ(1 + 1/shape)
fn mean_of_scale_one(shape: f64) -> f64 {
    libm::tgamma(1.0 + 1.0 / shape)
}
