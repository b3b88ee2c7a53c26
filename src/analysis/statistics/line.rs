//! The cost of a checkpoint from a line: throughput = μ(1 - c/T), least squares of throughput on x = 1/T.
//!
//! c = -slope/intercept is a ratio of two estimates that are correlated, and its distribution has no mean. Fieller's
//! interval (1954) holds all c for which slope + c·intercept does not differ from zero by Student's t; for normal
//! errors it is exact at any number of points. Where even the intercept does not differ from zero that set is no
//! interval, and there is none. It is not cut at c = 0: an end below zero says that no cost can be told.
//!
//! Points are one a trial: rates within a trial are no repeats of it.

use super::{Figure, student};

/// What the line tells.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LineCost {
    /// μ, the intercept: throughput without checkpoints, in the unit of y.
    pub capacity: Figure,
    /// c, in the unit of 1/x.
    pub cost: Figure,
}

/// μ and c from points (1/T, throughput), a trial without checkpoints at x = 0.
///
/// None for fewer than two different x, and where the intercept is not above zero, so that there is no share of it.
#[must_use]
pub fn cost_of_line(points: &[(f64, f64)]) -> Option<LineCost> {
    let line = Line::through(points).filter(|line| line.intercept > 0.0)?;
    let cost = -line.slope / line.intercept;
    let bare = |value| Figure::bare(value, points.len());
    let Some((reach, errors)) = line.errors() else {
        return Some(LineCost { capacity: bare(line.intercept), cost: bare(cost) });
    };
    let half = reach * errors.intercept.sqrt();
    let capacity = Figure::between(line.intercept, (line.intercept - half, line.intercept + half), points.len());
    let interval = fieller(&line, reach, &errors);
    Some(LineCost { capacity, cost: interval.map_or(bare(cost), |ends| Figure::between(cost, ends, points.len())) })
}

/// y = intercept + slope·x by least squares.
struct Line {
    count: usize,
    mean_x: f64,
    /// Σ(x - mean)².
    spread_x: f64,
    intercept: f64,
    slope: f64,
    /// Σ of the squared residuals.
    residuals: f64,
}

/// Variances of the estimates, and their covariance.
struct Errors {
    intercept: f64,
    slope: f64,
    both: f64,
}

impl Line {
    /// None for fewer than two different x.
    fn through(points: &[(f64, f64)]) -> Option<Self> {
        let (&(first_x, _), count) = (points.first()?, points.len());
        if points.iter().all(|&(x, _)| x == first_x) {
            return None;
        }
        let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / count as f64;
        let (mean_x, mean_y) = (mean(|point| point.0), mean(|point| point.1));
        let spread_x: f64 = points.iter().map(|(x, _)| (x - mean_x).powi(2)).sum();
        let slope = points.iter().map(|(x, y)| (x - mean_x) * (y - mean_y)).sum::<f64>() / spread_x;
        let residuals = points.iter().map(|(x, y)| (y - mean_y - slope * (x - mean_x)).powi(2)).sum();
        Some(Self { count, mean_x, spread_x, intercept: mean_y - slope * mean_x, slope, residuals })
    }

    /// With the quantile of Student's t that belongs to them; None for fewer than three points.
    fn errors(&self) -> Option<(f64, Errors)> {
        let freedom = self.count.checked_sub(2)? as f64;
        let reach = student(freedom)?;
        let variance = self.residuals / freedom;
        let slope = variance / self.spread_x;
        let intercept = variance / self.count as f64 + slope * self.mean_x.powi(2);
        Some((reach, Errors { intercept, slope, both: -slope * self.mean_x }))
    }
}

/// The c with (slope + c·intercept)² ≤ t²·its variance: between the roots of a quadratic, where it opens upwards.
fn fieller(line: &Line, reach: f64, errors: &Errors) -> Option<(f64, f64)> {
    let less = |square: f64, variance: f64| square - reach.powi(2) * variance;
    let quadratic = less(line.intercept.powi(2), errors.intercept);
    let linear = less(line.intercept * line.slope, errors.both);
    let constant = less(line.slope.powi(2), errors.slope);
    if quadratic <= 0.0 {
        return None;
    }
    // At c itself the left side is 0, so there are roots; what rounding leaves below zero is a line without residuals.
    let root = (linear.powi(2) - quadratic * constant).max(0.0).sqrt();
    Some(((-linear - root) / quadratic, (-linear + root) / quadratic))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha12Rng;
    use statrs::distribution::{ContinuousCDF, Normal};

    use super::*;

    fn assert_close(left: f64, right: f64) {
        assert!((left - right).abs() < 1e-4 * right.abs().max(1.0), "{left} is not {right}");
    }

    #[test]
    fn a_line_without_error_gives_back_its_mu_and_c() {
        let points = [0.0, 0.1, 0.5, 1.0].map(|x| (x, 5e4 * (1.0 - 0.2 * x)));
        let line = cost_of_line(&points).expect("four points");
        assert_close(line.capacity.value, 5e4);
        assert_close(line.cost.value, 0.2);
        assert_close(line.cost.lo.expect("an interval"), 0.2);
        assert_close(line.cost.hi.expect("an interval"), 0.2);
        assert_eq!(line.cost.n, 4);
    }

    #[test]
    fn fieller_s_interval_is_the_textbook_one() {
        // Slope -5/2, intercept 73/6, Σ of squared residuals 1/6 on 1 degree of freedom; t(1, 97.5 %) = 12.7062.
        // V = (1/6)·[1/3 + 1/2, -1/2, 1/2]; the roots of c²(a² - t²Va) + 2c(ab - t²Cab) + (b² - t²Vb) = 0.
        let line = cost_of_line(&[(0.0, 12.0), (1.0, 10.0), (2.0, 7.0)]).expect("three points");
        let (a, b, t2) = (73.0_f64 / 6.0, -2.5_f64, 12.706_205_f64.powi(2));
        let (va, vb, cab) = (5.0 / 36.0, 1.0 / 12.0, -1.0 / 12.0);
        let (p, q, r) = (a * a - t2 * va, a * b - t2 * cab, b * b - t2 * vb);
        let root = (q * q - p * r).sqrt();
        assert_close(line.cost.value, 15.0 / 73.0);
        assert_close(line.cost.lo.expect("an interval"), (-q - root) / p);
        assert_close(line.cost.hi.expect("an interval"), (-q + root) / p);
        assert_close(line.capacity.lo.expect("an interval"), a - 12.706_205 * va.sqrt());
    }

    #[test]
    fn two_points_have_no_interval_and_one_x_no_line() {
        let line = cost_of_line(&[(0.0, 10.0), (1.0, 8.0)]).expect("two different x");
        assert_eq!((line.cost, line.capacity), (Figure::bare(0.2, 2), Figure::bare(10.0, 2)));
        assert_eq!(cost_of_line(&[(1.0, 8.0), (1.0, 9.0), (1.0, 10.0)]), None);
        assert_eq!(cost_of_line(&[]), None);
        assert_eq!(cost_of_line(&[(0.0, -1.0), (1.0, 8.0)]), None);
    }

    #[test]
    fn an_intercept_that_may_be_zero_leaves_c_without_an_interval() {
        let line = cost_of_line(&[(1.0, 10.0), (2.0, 1.0), (3.0, 9.0)]).expect("three points");
        assert_eq!((line.cost.lo, line.cost.hi), (None, None));
        assert!(line.capacity.lo < Some(0.0));
    }

    #[test]
    fn the_interval_of_c_holds_it_in_95_percent_of_sweeps() {
        let mut random = ChaCha12Rng::seed_from_u64(17);
        let sweeps = 2000;
        // Three intervals once each, and four thrice each with trials without checkpoints.
        for (inverse_intervals, repeats) in [(vec![0.1, 0.3, 1.0], 1), (vec![0.0, 0.1, 0.3, 1.0], 3)] {
            let held = (0..sweeps)
                .filter(|_| {
                    let noise =
                        |random: &mut ChaCha12Rng| Normal::standard().inverse_cdf(random.random_range(1e-12..1.0));
                    let points: Vec<(f64, f64)> = (0..repeats)
                        .flat_map(|_| inverse_intervals.iter().copied())
                        .map(|x| (x, 100.0 * (1.0 - 0.2 * x) + 0.5 * noise(&mut random)))
                        .collect();
                    let cost = cost_of_line(&points).expect("different x").cost;
                    cost.lo.is_some_and(|lo| lo <= 0.2) && cost.hi.is_some_and(|hi| hi >= 0.2)
                })
                .count();
            let share = held as f64 / f64::from(sweeps);
            assert!((share - 0.95).abs() < 0.015, "{share} at {} points", repeats * inverse_intervals.len());
        }
    }

    proptest! {
        /// c is in the unit of 1/x and knows nothing of y's.
        #[test]
        fn units_scale_as_they_should(
            ys in proptest::collection::vec(80.0..100.0_f64, 4),
            unit in 0.01..100.0_f64,
        ) {
            let xs = [0.0, 0.1, 0.5, 1.0];
            let of = |scale_x: f64, scale_y: f64| {
                let points: Vec<_> = xs.iter().zip(&ys).map(|(x, y)| (x * scale_x, y * scale_y)).collect();
                cost_of_line(&points).expect("four different x")
            };
            let (plain, scaled) = (of(1.0, 1.0), of(unit, 3.0));
            prop_assert!((scaled.cost.value * unit - plain.cost.value).abs() < 1e-9);
            prop_assert_eq!(plain.cost.lo.is_some(), scaled.cost.lo.is_some());
            for (plain, scaled) in [(plain.cost.lo, scaled.cost.lo), (plain.cost.hi, scaled.cost.hi)] {
                let (plain, scaled) = (plain.unwrap_or(0.0), scaled.unwrap_or(0.0) * unit);
                prop_assert!((plain - scaled).abs() < 1e-6 * (1.0 + plain.abs()), "{} is not {}", plain, scaled);
            }
            if let (Some(lo), Some(hi)) = (plain.cost.lo, plain.cost.hi) {
                prop_assert!(lo <= plain.cost.value && plain.cost.value <= hi);
            }
        }
    }
}
