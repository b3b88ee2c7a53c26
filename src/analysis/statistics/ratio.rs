//! The ratio of two sums over cycles, Σa/Σb, such as progress over time.
//!
//! Its interval is the classical one of regenerative simulation (Crane and Iglehart 1975): the residuals a - ratio·b of
//! the cycles, with Student's t. A long cycle counts for more than a short one, as it should: the mean of the cycles'
//! own ratios would be biased.

use super::{Figure, student};

/// Σa/Σb with its interval; n counts the cycles. None where Σb is not above zero.
#[must_use]
pub fn ratio(cycles: &[(f64, f64)]) -> Option<Figure> {
    let (above, below) = cycles.iter().fold((0.0, 0.0), |(above, below), (a, b)| (above + a, below + b));
    if below.is_nan() || below <= 0.0 {
        return None;
    }
    let value = above / below;
    let Some(reach) = cycles.len().checked_sub(1).and_then(|freedom| student(freedom as f64)) else {
        return Some(Figure::bare(value, cycles.len()));
    };
    let count = cycles.len() as f64;
    let residuals: f64 = cycles.iter().map(|(a, b)| (a - value * b).powi(2)).sum();
    let half = reach * (residuals / (count - 1.0) * count).sqrt() / below;
    Some(Figure::between(value, (value - half, value + half), cycles.len()))
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    #[test]
    fn it_is_the_ratio_of_the_sums_and_cycles_of_one_ratio_have_no_width() {
        let figure = ratio(&[(1.0, 2.0), (5.0, 10.0), (0.5, 1.0)]).expect("a ratio");
        assert_eq!((figure.value, figure.lo, figure.hi, figure.n), (0.5, Some(0.5), Some(0.5), 3));
        assert_eq!(ratio(&[(1.0, 4.0)]), Some(Figure::bare(0.25, 1)));
        assert_eq!(ratio(&[]), None);
        assert_eq!(ratio(&[(1.0, 0.0)]), None);
    }

    #[test]
    fn its_interval_holds_the_limit_in_95_percent_of_samples() {
        let mut random = ChaCha8Rng::seed_from_u64(4);
        let held = (0..1000)
            .filter(|_| {
                let cycles: Vec<(f64, f64)> = (0..20)
                    .map(|_| {
                        let length = 5.0 - (1.0 - random.random::<f64>()).ln();
                        (0.7 * length + random.random::<f64>() - 0.5, length)
                    })
                    .collect();
                let figure = ratio(&cycles).expect("a ratio");
                figure.lo <= Some(0.7) && Some(0.7) <= figure.hi
            })
            .count();
        assert!((930..=970).contains(&held), "{held} of 1000");
    }
}
