//! A Monte-Carlo of the model: one job, moved from checkpoint to checkpoint and from failure to failure.
//!
//! It simulates what the formulas of [`model`](crate::analysis::model) describe, by events and not by integrals, so
//! that each can be held against the other, and so that what no formula covers has a U too: other laws of failures,
//! costs that vary, intervals that change. It is no simulated cluster ([`World`](super::World) is): nothing here has
//! a heartbeat, a slot or a row.
//!
//! Time is cut at the failures, issued to issued. A failure begins a restart of R' = R + (n-1)δ; another one before
//! its end begins it anew. After a restart the job is up: checkpoints come, each saves the work up to it, and what
//! is not saved at the next failure is done again. With [`Setup::duration_s`] absent, c is charged as the formulas
//! charge it: a checkpoint takes effect at one instant, and c is taken from the work before it (a first checkpoint
//! that comes at random sooner than c takes more than there was, there as here). With it present, a checkpoint saves
//! the position at its trigger and counts from its completion, and the job loses c of the time between.
//!
//! An event is a checkpoint completed, a failure, or a restart that came to its end. Each is one turn of a loop; none
//! is skipped over by a formula.
//!
//! Equal seeds give equal draws on every platform: the generator is ChaCha8 and the functions behind the draws are
//! those of the crate `libm`, because the logarithm of the standard library is the platform's.

mod chance;
mod course;
mod estimate;
mod law;
mod policy;
mod spread;

use crate::analysis::model::{Conditions, Model};
use crate::analysis::statistics::Figure;
use crate::error::{Error, Result};

pub use law::Law;
pub use policy::{First, Policy, Rule};
pub use spread::Spread;

use estimate::Batches;

/// Half of the interval of U that is aimed at where the number of failures is not given.
pub const HALF_WIDTH: f64 = 0.001;

/// So many failures tell how many are needed.
const PILOT: u64 = 1_000;

/// As many events as are spent where the number of failures is not given: well below a second.
const EVENTS: f64 = 2e7;

/// As many events as are simulated at all: a minute or two.
const MOST_EVENTS: f64 = 1e10;

/// What is simulated.
#[derive(Clone, Debug, PartialEq)]
pub struct Setup {
    /// When failures come, issued to issued.
    pub law: Law,
    /// c of each checkpoint, in seconds.
    pub cost: Spread,
    /// R of each restart, in seconds.
    pub restart: Spread,
    /// (n-1)δ, in seconds: what the depth of the topology adds to each restart.
    pub depth_delay_s: f64,
    /// T, in seconds, and how it changes.
    pub policy: Policy,
    /// When the first checkpoint after a restart comes.
    pub first: First,
    /// The least time between the end of a checkpoint and the next trigger: T is stretched to it.
    pub min_pause_s: f64,
    /// From a checkpoint's trigger to its completion, at least its cost; `None` charges c as the formulas do.
    pub duration_s: Option<f64>,
}

impl Setup {
    /// What a model assumes.
    #[must_use]
    pub fn of_model(model: Model, interval_s: f64, conditions: &Conditions) -> Self {
        let between_s = 1.0 / conditions.lambda_per_s;
        Self {
            law: match model {
                Model::Poisson | Model::Flink => Law::Poisson { mtbf_s: between_s },
                Model::Schedule => Law::Fixed { every_s: between_s },
            },
            cost: Spread::Constant(conditions.cost_s),
            restart: Spread::Constant(conditions.restart_s),
            depth_delay_s: match model {
                Model::Poisson | Model::Flink => (conditions.depth - 1.0) * conditions.hop_delay_s,
                Model::Schedule => 0.0,
            },
            policy: Policy::Fixed(interval_s),
            first: First::of_model(model),
            min_pause_s: 0.0,
            duration_s: None,
        }
    }

    fn check(&self) -> Result<()> {
        self.law.check()?;
        self.cost.check("c")?;
        self.restart.check("R")?;
        self.policy.check(&self.cost)?;
        at_least_zero("(n - 1) * delta", self.depth_delay_s)?;
        at_least_zero("min_pause", self.min_pause_s)?;
        at_least_zero("duration", self.duration_s.unwrap_or(0.0))
    }

    /// Events from one failure to the next, about: checkpoints as if nothing were lost, a failure, a restart.
    fn events_a_failure(&self) -> f64 {
        let (cost_s, mtbf_s) = (self.cost.mean(), self.law.mean_s());
        let busy_s = cost_s.max(self.duration_s.unwrap_or(0.0)) + self.min_pause_s;
        mtbf_s / self.policy.shortest_s(cost_s, mtbf_s).max(busy_s) + 2.0
    }
}

/// Where time went that did no work that counts, as shares of it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Lost {
    pub checkpoints: f64,
    pub rework: f64,
    pub restart: f64,
}

/// What happened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Completed ones.
    pub checkpoints: u64,
    pub failures: u64,
    /// Those that came to their end; each of the other failures found one before it under way.
    pub restarts: u64,
}

impl Counts {
    #[must_use]
    pub fn events(&self) -> u64 {
        self.checkpoints + self.failures + self.restarts
    }
}

/// What a simulation gives.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Outcome {
    /// U, from so many failures; no interval from fewer than two. Below zero it counts as 0, as in the formulas.
    pub utilization: Figure,
    /// They add up to 1 - U; to more where U counts as 0.
    pub lost_to: Lost,
    pub counts: Counts,
}

/// U of `failures` failures; without a number, of as many as [`HALF_WIDTH`] wants. `go_on` is asked now and then.
pub fn simulate(setup: &Setup, failures: Option<u64>, seed: u64, go_on: impl Fn() -> Result<()>) -> Result<Outcome> {
    setup.check()?;
    let each = setup.events_a_failure();
    let failures = match failures {
        Some(failures) => failures,
        None => enough(setup, affordable(each)?, seed, &go_on)?,
    };
    if failures == 0 {
        return Err(Error::script("0 failures tell nothing").hint("leave `failures` out, or give at least 2"));
    }
    if failures as f64 * each > MOST_EVENTS {
        return Err(Error::script(format!(
            "{failures} failures with about {each:.0} events each are more than can be simulated ({MOST_EVENTS:.0})"
        ))
        .hint("give fewer `failures`, or a longer `T`"));
    }
    Ok(batches(setup, failures, seed, &go_on)?.outcome())
}

/// How many failures can be had for [`EVENTS`].
fn affordable(events_a_failure: f64) -> Result<u64> {
    const LEAST: f64 = 20.0;
    let most = EVENTS / events_a_failure;
    if most < LEAST {
        return Err(Error::script(format!(
            "a failure comes only every {events_a_failure:.0} events: {LEAST} of them are more than a second of simulation"
        ))
        .hint("say how many `failures` to simulate, or take `analysis::utilization`"));
    }
    Ok(most as u64)
}

/// Two stages, the first of which only tells the second its size: stopping as soon as the interval happens to be
/// narrow would make it cover less than it says.
fn enough(setup: &Setup, affordable: u64, seed: u64, go_on: &impl Fn() -> Result<()>) -> Result<u64> {
    let pilot = PILOT.max(setup.law.least_failures()).min(affordable);
    let half = batches(setup, pilot, seed, go_on)?.half_width().unwrap_or(0.0);
    let wanted = pilot as f64 * (half / HALF_WIDTH).powi(2);
    Ok((wanted.ceil() as u64).clamp(pilot, affordable))
}

fn batches(setup: &Setup, failures: u64, seed: u64, go_on: &impl Fn() -> Result<()>) -> Result<Batches> {
    let failures = setup.law.limited(failures);
    let in_cycle = setup.law.failures_a_cycle(failures);
    let cycles = failures.div_ceil(in_cycle);
    let mut course = course::Course::new(setup, seed);
    let mut batches = Batches::of(cycles);
    for cycle in 0..cycles {
        for _ in 0..in_cycle {
            batches.add(cycle, &course.next());
            course.look(go_on)?;
        }
    }
    Ok(batches)
}

fn at_least_zero(symbol: &str, value: f64) -> Result<()> {
    if value.is_finite() && value >= 0.0 {
        return Ok(());
    }
    Err(Error::script(format!("{symbol} must be a finite number and at least 0, not {value}")))
}

fn above_zero(symbol: &str, value: f64) -> Result<()> {
    if value.is_finite() && value > 0.0 {
        return Ok(());
    }
    Err(Error::script(format!("{symbol} must be a finite number above 0, not {value}")))
}

#[cfg(test)]
mod tests;
