//! How a cost spreads from one checkpoint, or one restart, to the next. All in seconds.

use super::chance::Chance;
use super::{above_zero, at_least_zero};
use crate::error::{Error, Result};

#[derive(Clone, Debug, PartialEq)]
pub enum Spread {
    Constant(f64),
    /// By mean and coefficient of variation, deviation over mean.
    LogNormal {
        mean_s: f64,
        cv: f64,
    },
    Exponential {
        mean_s: f64,
    },
    /// One of these, each as likely.
    Empirical(Vec<f64>),
}

impl Spread {
    pub(super) fn check(&self, symbol: &str) -> Result<()> {
        match self {
            Self::Constant(value_s) => at_least_zero(symbol, *value_s),
            Self::LogNormal { mean_s, cv } => {
                at_least_zero(symbol, *mean_s)?;
                above_zero(&format!("{symbol}_cv"), *cv)
            }
            Self::Exponential { mean_s } => at_least_zero(symbol, *mean_s),
            Self::Empirical(values_s) if values_s.is_empty() => {
                Err(Error::script(format!("{symbol} is an empty list")).hint("give the values that were measured"))
            }
            Self::Empirical(values_s) => {
                values_s.iter().try_for_each(|&value_s| at_least_zero(&format!("each of {symbol}"), value_s))
            }
        }
    }

    #[must_use]
    pub fn mean(&self) -> f64 {
        match self {
            Self::Constant(mean_s) | Self::LogNormal { mean_s, .. } | Self::Exponential { mean_s } => *mean_s,
            Self::Empirical(values_s) => values_s.iter().sum::<f64>() / values_s.len() as f64,
        }
    }

    /// Ready to be drawn from.
    pub(super) fn source(&self) -> Source<'_> {
        match self {
            Self::Constant(value_s) => Source::Constant(*value_s),
            Self::LogNormal { mean_s, cv } => {
                let variance = libm::log1p(cv * cv);
                Source::LogNormal { median_s: mean_s * libm::exp(-variance / 2.0), deviation: variance.sqrt() }
            }
            Self::Exponential { mean_s } => Source::Exponential(*mean_s),
            Self::Empirical(values_s) => Source::Empirical(values_s),
        }
    }
}

/// A spread with what each draw of it needs.
#[derive(Debug)]
pub(super) enum Source<'a> {
    Constant(f64),
    LogNormal { median_s: f64, deviation: f64 },
    Exponential(f64),
    Empirical(&'a [f64]),
}

impl Source<'_> {
    pub(super) fn draw(&self, chance: &mut Chance) -> f64 {
        match self {
            Self::Constant(value_s) => *value_s,
            Self::LogNormal { median_s, deviation } => median_s * libm::exp(deviation * chance.normal()),
            Self::Exponential(mean_s) => mean_s * chance.exponential(),
            Self::Empirical(values_s) => chance.one_of(values_s),
        }
    }
}
