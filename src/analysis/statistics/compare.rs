//! Comparisons, from one figure a trial: values within a trial are no repeats of it.

use super::{Figure, arithmetic_mean, deviation, student};

/// right - left of two means, with Welch's interval (1947); None where a side has fewer than two values.
#[must_use]
pub fn difference(left: &[f64], right: &[f64]) -> Option<Figure> {
    let shares = [left, right].map(|side| Some((deviation(side)?.powi(2) / side.len() as f64, side.len() as f64)));
    let [(left_share, left_n), (right_share, right_n)] = [shares[0]?, shares[1]?];
    let value = arithmetic_mean(right)? - arithmetic_mean(left)?;
    let n = left.len() + right.len();
    let variance = left_share + right_share;
    if variance == 0.0 {
        return Some(Figure::between(value, (value, value), n));
    }
    let freedom = variance.powi(2) / (left_share.powi(2) / (left_n - 1.0) + right_share.powi(2) / (right_n - 1.0));
    let half = student(freedom)? * variance.sqrt();
    Some(Figure::between(value, (value - half, value + half), n))
}

/// The slope of y over x by least squares, with Student's interval; None for fewer than three points, or where all
/// x are the same.
#[must_use]
pub fn slope(points: &[(f64, f64)]) -> Option<Figure> {
    let count = points.len();
    if count < 3 {
        return None;
    }
    let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / count as f64;
    let (mean_x, mean_y) = (mean(|point| point.0), mean(|point| point.1));
    let spread: f64 = points.iter().map(|(x, _)| (x - mean_x).powi(2)).sum();
    if spread == 0.0 {
        return None;
    }
    let value = points.iter().map(|(x, y)| (x - mean_x) * (y - mean_y)).sum::<f64>() / spread;
    let residuals: f64 = points.iter().map(|(x, y)| (y - mean_y - value * (x - mean_x)).powi(2)).sum();
    let freedom = (count - 2) as f64;
    let half = student(freedom)? * (residuals / freedom / spread).sqrt();
    Some(Figure::between(value, (value - half, value + half), count))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assert_close(left: f64, right: f64) {
        assert!((left - right).abs() < 1e-3, "{left} is not {right}");
    }

    #[test]
    fn a_slope_is_the_textbook_s() {
        // Residual sum 2.4 over 3 degrees of freedom, Σ(x - 3)² = 10, t(3, 97.5 %) = 3.18245.
        let figure = slope(&[(1.0, 2.0), (2.0, 4.0), (3.0, 5.0), (4.0, 4.0), (5.0, 5.0)]).expect("five points");
        assert_close(figure.value, 0.6);
        let half = 3.182_45 * (2.4_f64 / 3.0 / 10.0).sqrt();
        assert_close(figure.lo.expect("an interval"), 0.6 - half);
        assert_close(figure.hi.expect("an interval"), 0.6 + half);
        assert_eq!(slope(&[(1.0, 1.0), (2.0, 2.0)]), None);
        assert_eq!(slope(&[(1.0, 1.0), (1.0, 2.0), (1.0, 3.0)]), None);
    }

    #[test]
    fn two_means_differ_by_welch() {
        // Variances 1 and 4 over three values each: standard error √(5/3), 2.941 degrees of freedom.
        let figure = difference(&[1.0, 2.0, 3.0], &[8.0, 10.0, 12.0]).expect("two samples");
        assert_close(figure.value, 8.0);
        let half = figure.hi.expect("an interval") - 8.0;
        assert!(half > 3.18 * (5.0_f64 / 3.0).sqrt() && half < 4.31 * (5.0_f64 / 3.0).sqrt(), "{half}");
        assert_eq!(difference(&[1.0], &[2.0, 3.0]), None);
        assert_eq!(difference(&[1.0, 1.0], &[2.0, 2.0]).and_then(|figure| figure.lo), Some(1.0));
    }
}
