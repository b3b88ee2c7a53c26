//! The simulated world's chance, all of it from one seed.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use statrs::distribution::{ContinuousCDF, Normal};

#[derive(Debug)]
pub(super) struct Noise {
    random: ChaCha8Rng,
    normal: Normal,
}

impl Noise {
    pub(super) fn new(seed: u64) -> Self {
        Self { random: ChaCha8Rng::seed_from_u64(seed), normal: Normal::standard() }
    }

    /// Uniform in [lo, hi); `lo` where the two are the same.
    pub(super) fn within(&mut self, lo: f64, hi: f64) -> f64 {
        lo + (hi - lo) * self.random.random::<f64>()
    }

    /// `mean`, spread log-normally.
    pub(super) fn around(&mut self, mean: f64, spread: f64) -> f64 {
        if spread <= 0.0 {
            return mean;
        }
        // Inside (0, 1), where the quantile is finite.
        let share = self.random.random::<f64>().clamp(1e-12, 1.0 - 1e-12);
        mean * (spread * self.normal.inverse_cdf(share) - spread * spread / 2.0).exp()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_keeps_the_mean_and_its_absence_draws_nothing() {
        let mut noise = Noise::new(1);
        let drawn: Vec<f64> = (0..20_000).map(|_| noise.around(250.0, 0.4)).collect();
        let mean = drawn.iter().sum::<f64>() / 20_000.0;
        assert!((mean - 250.0).abs() < 3.0, "{mean}");
        let (mut one, mut other) = (Noise::new(2), Noise::new(2));
        assert_eq!(one.around(7.0, 0.0), 7.0);
        assert_eq!(one.within(0.0, 1.0), other.within(0.0, 1.0));
    }
}
