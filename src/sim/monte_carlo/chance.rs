//! Draws that are the same on every platform: a named generator, and logarithm and exponential from `libm`.
//!
//! That is why they are made here: the distributions of other crates take these functions from the platform.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

#[derive(Debug)]
pub(super) struct Chance {
    random: ChaCha8Rng,
    /// The polar method makes normal draws in pairs.
    spare: Option<f64>,
}

impl Chance {
    pub(super) fn new(seed: u64) -> Self {
        Self { random: ChaCha8Rng::seed_from_u64(seed), spare: None }
    }

    /// In [0, 1).
    pub(super) fn uniform(&mut self) -> f64 {
        self.random.random()
    }

    /// Of mean 1.
    pub(super) fn exponential(&mut self) -> f64 {
        // 1 - u lies in (0, 1], where the logarithm is finite.
        -libm::log(1.0 - self.uniform())
    }

    /// Of mean 0 and deviation 1, by Marsaglia's polar method.
    pub(super) fn normal(&mut self) -> f64 {
        if let Some(spare) = self.spare.take() {
            return spare;
        }
        loop {
            let (x, y) = (2.0 * self.uniform() - 1.0, 2.0 * self.uniform() - 1.0);
            let square = x * x + y * y;
            if square > 0.0 && square < 1.0 {
                let factor = (-2.0 * libm::log(square) / square).sqrt();
                self.spare = Some(y * factor);
                return x * factor;
            }
        }
    }

    /// One of a list that is not empty.
    pub(super) fn one_of(&mut self, values: &[f64]) -> f64 {
        // The product can round up to the length only beyond 2^53 values.
        values[(self.uniform() * values.len() as f64) as usize]
    }
}
