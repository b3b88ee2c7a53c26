//! The circular block bootstrap (Politis and Romano 1992), stratified by trial.
//!
//! Consecutive checkpoints and windows resemble each other, so whole blocks of them are drawn; blocks are
//! n^(1/3) long (the rate of Hall, Horowitz and Jing 1995), longer where a trial would otherwise hold more
//! than `BLOCKS` of them: the interval is as good, and half a million windows cost no more than 200. Each
//! trial keeps its number of values, so that the interval does not mix up trials of different length.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha12Rng;

use super::quantile::quantile_of_sorted;

const REPLICATES: usize = 1000;
const BLOCKS: usize = 200;

/// The central 95 % of Σ numerator / Σ denominator over resampled strata, each in the order of time.
pub fn ratio_interval(strata: &[Vec<(f64, f64)>], seed: u64) -> (f64, f64) {
    let mut random = ChaCha12Rng::seed_from_u64(seed);
    let circles: Vec<Circle> = strata.iter().filter(|stratum| !stratum.is_empty()).map(|s| Circle::new(s)).collect();
    let mut replicates: Vec<f64> = (0..REPLICATES).map(|_| replicate(&circles, &mut random)).collect();
    replicates.sort_by(f64::total_cmp);
    let tail = (1.0 - super::CONFIDENCE) / 2.0;
    (quantile_of_sorted(&replicates, tail), quantile_of_sorted(&replicates, 1.0 - tail))
}

fn replicate(circles: &[Circle], random: &mut ChaCha12Rng) -> f64 {
    let (mut numerator, mut denominator) = (0.0, 0.0);
    for circle in circles {
        let (n, d) = circle.resample(random);
        numerator += n;
        denominator += d;
    }
    numerator / denominator
}

/// A stratum laid in a circle, with running sums so that the sum of any block is one subtraction.
struct Circle {
    /// Entry i holds the sums of the first i pairs; the circle is laid out twice.
    sums: Vec<(f64, f64)>,
    length: usize,
    block: usize,
}

impl Circle {
    fn new(pairs: &[(f64, f64)]) -> Self {
        let mut sums = Vec::with_capacity(2 * pairs.len() + 1);
        let mut total = (0.0, 0.0);
        sums.push(total);
        for pair in pairs.iter().chain(pairs) {
            total = (total.0 + pair.0, total.1 + pair.1);
            sums.push(total);
        }
        let length = pairs.len();
        let block = ((length as f64).cbrt().ceil() as usize).max(length.div_ceil(BLOCKS));
        Self { sums, length, block }
    }

    /// Sums over blocks drawn until there are as many pairs as in the stratum, the last one cut.
    fn resample(&self, random: &mut ChaCha12Rng) -> (f64, f64) {
        let (mut left, mut numerator, mut denominator) = (self.length, 0.0, 0.0);
        while left > 0 {
            let from = random.random_range(0..self.length);
            let taken = self.block.min(left);
            numerator += self.sums[from + taken].0 - self.sums[from].0;
            denominator += self.sums[from + taken].1 - self.sums[from].1;
            left -= taken;
        }
        (numerator, denominator)
    }
}
