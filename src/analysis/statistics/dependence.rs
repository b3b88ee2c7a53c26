//! How many independent values a series is worth.
//!
//! Consecutive checkpoints resemble each other, and a mean of n of them is known no better than one of `effective`
//! independent values. Neighbours are taken to be correlated as in an autoregression of order 1. Their correlation as
//! estimated is too small on average by (1 + 3ρ)/n (Marriott and Pope 1954), which is added back; half of its
//! standard error is added on top, because what it misses below makes intervals too narrow by more than what it
//! exceeds above makes them too wide. A correlation below zero counts as none.

/// No series of interest is more alike; at 1 no number of values would tell a mean.
const MOST_ALIKE: f64 = 0.99;

/// A mean and its spread take two.
pub const FEWEST: f64 = 2.0;

/// The correlation of neighbours within strata, around the mean of all, 0 to `MOST_ALIKE`.
pub fn neighbours(strata: &[Vec<f64>]) -> f64 {
    let count = strata.iter().map(Vec::len).sum::<usize>() as f64;
    let mean = strata.iter().flatten().sum::<f64>() / count;
    let squares: f64 = strata.iter().flatten().map(|value| (value - mean).powi(2)).sum();
    let pairs = || strata.iter().flat_map(|stratum| stratum.windows(2));
    let products: f64 = pairs().map(|pair| (pair[0] - mean) * (pair[1] - mean)).sum();
    let seen = products / pairs().count() as f64 / (squares / count);
    if !seen.is_finite() {
        return 0.0;
    }
    let unbiased = (seen + (1.0 + 3.0 * seen) / count).clamp(-1.0, MOST_ALIKE);
    (unbiased + 0.5 * ((1.0 - unbiased.powi(2)) / count).sqrt()).clamp(0.0, MOST_ALIKE)
}

/// The number of independent values whose mean spreads like that of strata of these lengths.
pub fn effective(lengths: impl Iterator<Item = usize>, correlation: f64) -> f64 {
    let (count, variance) = lengths.fold((0.0, 0.0), |(count, variance), length| {
        let length = length as f64;
        (count + length, variance + variance_of_sum(length, correlation))
    });
    (count * count / variance).max(FEWEST)
}

/// Σ over all pairs of ρ^distance: the variance of a sum of that many values of variance 1.
fn variance_of_sum(length: f64, correlation: f64) -> f64 {
    let rest = 1.0 - correlation;
    length * (1.0 + correlation) / rest - 2.0 * correlation * (1.0 - correlation.powf(length)) / (rest * rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn independent_values_count_fully_and_equal_ones_twice() {
        assert_eq!(effective([10, 20].into_iter(), 0.0), 30.0);
        assert!(effective([30].into_iter(), MOST_ALIKE) <= 2.0);
    }

    #[test]
    fn the_variance_of_a_sum_is_that_of_all_pairs() {
        let (length, correlation) = (7_i32, 0.6_f64);
        let pairs = (0..length).flat_map(|i| (0..length).map(move |j| correlation.powi((i - j).abs())));
        assert!((variance_of_sum(7.0, correlation) - pairs.sum::<f64>()).abs() < 1e-9);
    }

    #[test]
    fn neighbours_are_compared_within_their_trial_only() {
        // Each trial alternates; from trial to trial values repeat.
        let strata: Vec<Vec<f64>> =
            (0..10).map(|trial| (0..10).map(|i| f64::from((trial + i) % 2)).collect()).collect();
        assert_eq!(neighbours(&strata), 0.0);
        let rising = [(0..40).map(f64::from).collect::<Vec<_>>()];
        assert!(neighbours(&rising) > 0.9);
        assert_eq!(neighbours(&[vec![2.0; 30]]), 0.0);
        assert_eq!(neighbours(&[vec![1.0], vec![2.0]]), 0.0);
    }
}
