//! How narrow the intervals of an experiment will be before it has run, and what would tell two settings apart.
//!
//! The spread of R between faults and of c between checkpoints is known from a pilot run, stated, or that of the
//! simulation. By the delta method on `poisson` (U falls as e^{-λR} and as 1 - c/T), the U of one trial then
//! spreads by σ_U = U·√((λ R v_R)²/N + (c v_c/(T - c))²/K), with N faults and K checkpoints a trial. A comparison
//! takes one figure a trial, so its half width is t(2m - 2)·√((σ_a² + σ_b²)/m) over m repeats of each.

use super::statistics::student;

/// Standard deviation over mean.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Variation {
    /// Of R from fault to fault.
    pub restart: f64,
    /// Of c from checkpoint to checkpoint.
    pub cost: f64,
}

/// One combination of axes, as it is expected to be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Expected {
    pub interval_s: f64,
    pub cost_s: f64,
    pub restart_s: f64,
    pub lambda_per_s: f64,
    pub utilization: f64,
    /// Faults and checkpoints of one trial.
    pub faults: f64,
    pub checkpoints: f64,
    pub repeats: u32,
}

impl Expected {
    /// Half of R's 95 % interval, as a share of R; None with fewer than two faults in all.
    #[must_use]
    pub fn restart_half_width(&self, variation: Variation) -> Option<f64> {
        let faults = self.faults * f64::from(self.repeats);
        (faults >= 2.0).then(|| Some(student(faults - 1.0)? * variation.restart / faults.sqrt()))?
    }

    /// Half of U's 95 % interval over all repeats; None with fewer than two faults in all.
    #[must_use]
    pub fn utilization_half_width(&self, variation: Variation) -> Option<f64> {
        let faults = self.faults * f64::from(self.repeats);
        (faults >= 2.0)
            .then(|| Some(student(faults - 1.0)? * self.deviation(variation) / f64::from(self.repeats).sqrt()))?
    }

    /// How far the U of one trial spreads around its mean.
    fn deviation(&self, variation: Variation) -> f64 {
        let restart = self.lambda_per_s * self.restart_s * variation.restart;
        let progress_s = self.interval_s - self.cost_s;
        let cost = if progress_s > 0.0 { self.cost_s * variation.cost / progress_s } else { 0.0 };
        let share = |spread: f64, count: f64| if count > 0.0 { spread * spread / count } else { 0.0 };
        self.utilization * (share(restart, self.faults) + share(cost, self.checkpoints)).sqrt()
    }
}

/// Whether two combinations can be told apart by their U.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Separation {
    pub difference: f64,
    /// Of the difference's 95 % interval; None with one repeat, where nothing is compared.
    pub half_width: Option<f64>,
    /// Repeats of each that would tell them apart with the faults that a trial has; None where no number would.
    pub repeats_needed: Option<u32>,
    /// Faults a trial that would, with the repeats there are, and two at least.
    pub faults_needed: Option<u32>,
}

/// More than anybody runs.
const MOST: u32 = 10_000;

#[must_use]
pub fn separation(left: &Expected, right: &Expected, variation: Variation) -> Separation {
    let difference = right.utilization - left.utilization;
    let deviation = left.deviation(variation).hypot(right.deviation(variation));
    let half_width = |repeats: u32| {
        (repeats >= 2).then(|| Some(student(f64::from(2 * repeats - 2))? * deviation / f64::from(repeats).sqrt()))?
    };
    let told = |half: Option<f64>| half.is_some_and(|half| half < difference.abs());
    let repeats = left.repeats.min(right.repeats);
    // Longer trials have more faults and more checkpoints alike, so σ_U falls with the root of either.
    let scale = half_width(repeats.max(2)).map(|half| (half / difference.abs()).powi(2));
    let faults = left.faults.max(right.faults) * scale.unwrap_or(f64::INFINITY);
    Separation {
        difference,
        half_width: half_width(repeats),
        repeats_needed: fewest(|repeats| told(half_width(repeats))),
        faults_needed: (faults.is_finite() && faults <= f64::from(MOST)).then(|| (faults.floor() as u32 + 1).max(1)),
    }
}

/// The fewest repeats that are enough, by bisection: the width only falls.
fn fewest(enough: impl Fn(u32) -> bool) -> Option<u32> {
    let (mut too_few, mut many) = (1, MOST);
    if !enough(many) {
        return None;
    }
    while many - too_few > 1 {
        let middle = u32::midpoint(too_few, many);
        if enough(middle) {
            many = middle;
        } else {
            too_few = middle;
        }
    }
    Some(many)
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;
    use crate::analysis::model::{Conditions, Model, utilization};
    use crate::analysis::statistics;

    const VARIATION: Variation = Variation { restart: 0.1, cost: 0.3 };

    fn expected(interval_s: f64, repeats: u32) -> Expected {
        let conditions = Conditions::new(0.8, 80.0, 1.0 / 600.0);
        let utilization = utilization(Model::Poisson, interval_s, &conditions).expect("it exists");
        Expected {
            interval_s,
            cost_s: 0.8,
            restart_s: 80.0,
            lambda_per_s: 1.0 / 600.0,
            utilization,
            faults: 3.0,
            checkpoints: 2400.0 / interval_s,
            repeats,
        }
    }

    /// Normal by the sum of twelve uniforms, which is close enough for a spread.
    fn normal(rng: &mut ChaCha8Rng) -> f64 {
        (0..12).map(|_| rng.random::<f64>()).sum::<f64>() - 6.0
    }

    fn trial(expected: &Expected, rng: &mut ChaCha8Rng) -> f64 {
        let mean = |of: f64, variation: f64, count: f64, rng: &mut ChaCha8Rng| {
            let count = count.round().max(1.0);
            (0..count as u32).map(|_| of * (1.0 + variation * normal(rng))).sum::<f64>() / count
        };
        let cost_s = mean(expected.cost_s, VARIATION.cost, expected.checkpoints, rng);
        let restart_s = mean(expected.restart_s, VARIATION.restart, expected.faults, rng);
        let conditions = Conditions::new(cost_s, restart_s, expected.lambda_per_s);
        utilization(Model::Poisson, expected.interval_s, &conditions).expect("it exists")
    }

    #[test]
    fn the_spread_of_u_is_that_of_simulated_trials() {
        let mut rng = ChaCha8Rng::seed_from_u64(5);
        for interval_s in [5.0, 30.0, 300.0] {
            let expected = expected(interval_s, 1);
            let all: Vec<f64> = (0..4000).map(|_| trial(&expected, &mut rng)).collect();
            let mean = all.iter().sum::<f64>() / all.len() as f64;
            let spread = (all.iter().map(|u| (u - mean).powi(2)).sum::<f64>() / (all.len() - 1) as f64).sqrt();
            let ratio = expected.deviation(VARIATION) / spread;
            assert!((0.93..1.07).contains(&ratio), "T = {interval_s}: {ratio}");
        }
    }

    #[test]
    fn the_repeats_that_are_said_to_be_needed_tell_two_intervals_apart() {
        let (left, right) = (expected(30.0, 3), expected(5.0, 3));
        let told = separation(&left, &right, VARIATION);
        let repeats = told.repeats_needed.expect("they differ");
        let mut rng = ChaCha8Rng::seed_from_u64(9);
        let mut apart = 0;
        for _ in 0..400 {
            let draw = |of: &Expected, rng: &mut ChaCha8Rng| (0..repeats).map(|_| trial(of, rng)).collect::<Vec<_>>();
            let (left, right) = (draw(&left, &mut rng), draw(&right, &mut rng));
            let figure = statistics::difference(&left, &right).expect("repeats");
            apart += u32::from(figure.hi.expect("an interval") < 0.0);
        }
        // The width equals the difference there, so that half of the experiments or more succeed.
        assert!(apart >= 200, "{apart} of 400 with {repeats} repeats");
        let none = separation(&expected(30.0, 1), &expected(5.0, 1), VARIATION);
        assert_eq!((none.half_width, none.repeats_needed), (None, Some(repeats)));
    }

    #[test]
    fn what_does_not_differ_is_told_apart_by_nothing() {
        let same = separation(&expected(30.0, 3), &expected(30.0, 3), VARIATION);
        assert_eq!((same.repeats_needed, same.faults_needed), (None, None));
    }

    #[test]
    fn more_faults_narrow_the_interval_of_r() {
        let of = |repeats| expected(30.0, repeats).restart_half_width(VARIATION).expect("two faults or more");
        assert!(of(1) > of(3) && of(3) > of(10));
        assert_eq!(Expected { faults: 1.0, ..expected(30.0, 1) }.restart_half_width(VARIATION), None);
    }
}
