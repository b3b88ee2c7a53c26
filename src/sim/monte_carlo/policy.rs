//! How long the next interval is, and when the first checkpoint after a restart comes.

use super::above_zero;
use super::spread::Spread;
use crate::analysis::decide::young;
use crate::analysis::model::{Conditions, Model, optimal_interval};
use crate::error::{Error, Result};

/// T, in seconds.
#[derive(Clone, Debug, PartialEq)]
pub enum Policy {
    Fixed(f64),
    /// One after another, again and again; restarts do not begin the list anew.
    Alternating(Vec<f64>),
    /// Set at each restart from the mean of all costs seen so far; the first one holds until a cost was seen.
    ///
    /// At a restart, because that is when a job can be given another configuration.
    Adaptive {
        first_s: f64,
        rule: Rule,
    },
}

/// How T follows from the c that was seen and the law's true rate of failures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// √(2c/λ), Young's.
    Young,
    /// T* of `poisson`.
    Optimal,
}

/// When the first checkpoint after a restart comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum First {
    /// After T, as the paper has it.
    Interval,
    /// At random within [min-pause, T], as Flink does.
    Random,
}

impl First {
    #[must_use]
    pub fn of_model(model: Model) -> Self {
        match model {
            Model::Poisson => Self::Interval,
            Model::Flink | Model::Schedule => Self::Random,
        }
    }
}

impl Policy {
    pub(super) fn check(&self, cost: &Spread) -> Result<()> {
        match self {
            Self::Fixed(interval_s) => above_zero("T", *interval_s),
            Self::Alternating(intervals_s) if intervals_s.is_empty() => {
                Err(Error::script("T is an empty list").hint("give the intervals that take turns, as in `[5.s, 30.s]`"))
            }
            Self::Alternating(intervals_s) => {
                intervals_s.iter().try_for_each(|&interval_s| above_zero("each of T", interval_s))
            }
            Self::Adaptive { first_s, .. } => {
                above_zero("T", *first_s)?;
                if cost.mean() > 0.0 {
                    return Ok(());
                }
                Err(Error::script("c is 0: an interval that adapts to it would be 0 too").hint("give a fixed `T`"))
            }
        }
    }

    /// For an estimate of how many checkpoints there will be.
    pub(super) fn shortest_s(&self, cost_s: f64, mtbf_s: f64) -> f64 {
        match self {
            Self::Fixed(interval_s) => *interval_s,
            Self::Alternating(intervals_s) => intervals_s.iter().copied().fold(f64::INFINITY, f64::min),
            Self::Adaptive { first_s, rule } => rule.interval_s(cost_s, mtbf_s).unwrap_or(*first_s).min(*first_s),
        }
    }
}

impl Rule {
    fn interval_s(self, cost_s: f64, mtbf_s: f64) -> Option<f64> {
        let conditions = Conditions::new(cost_s, 0.0, 1.0 / mtbf_s);
        match self {
            Self::Young => young(&conditions).ok(),
            Self::Optimal => optimal_interval(Model::Poisson, &conditions).ok(),
        }
    }
}

/// A policy under way.
#[derive(Debug)]
pub(super) struct Intervals<'a> {
    policy: &'a Policy,
    mtbf_s: f64,
    current_s: f64,
    /// The place in a list of the one that is next.
    turn: usize,
}

impl<'a> Intervals<'a> {
    pub(super) fn new(policy: &'a Policy, mtbf_s: f64) -> Self {
        let current_s = match policy {
            Policy::Fixed(interval_s) | Policy::Adaptive { first_s: interval_s, .. } => *interval_s,
            Policy::Alternating(intervals_s) => intervals_s[0],
        };
        Self { policy, mtbf_s, current_s, turn: 0 }
    }

    /// The job restarts, having seen so many checkpoints which cost that much together.
    pub(super) fn restart(&mut self, cost_s: f64, checkpoints: u64) {
        let Policy::Adaptive { rule, .. } = self.policy else { return };
        if checkpoints == 0 {
            return;
        }
        let seen = rule.interval_s(cost_s / checkpoints as f64, self.mtbf_s);
        self.current_s = seen.filter(|&interval_s| interval_s > 0.0).unwrap_or(self.current_s);
    }

    pub(super) fn next_s(&mut self) -> f64 {
        if let Policy::Alternating(intervals_s) = self.policy {
            self.current_s = intervals_s[self.turn];
            self.turn = (self.turn + 1) % intervals_s.len();
        }
        self.current_s
    }
}
