//! How far one sample lies above another, without a distribution: Hodges and Lehmann (1963), with Moses's interval.
//!
//! The shift is the median of all differences between a value of one and a value of the other, so that an outlier moves
//! it little. Its interval reaches from the C-th smallest to the C-th largest of them; C is the largest for which
//! Mann and Whitney's statistic lies below C with at most 2.5 %. That is exact for independent values of any
//! continuous distribution, and covers at least 95 %. Three values against three leave 5 % on each side even at C = 1:
//! then no interval covers 95 %, and there is none.
//!
//! The statistic's distribution is counted up to 50 values in all, where whole numbers in an `f64` are exact; above, it
//! is its normal approximation. Differences are never listed: of m·n of them, one is found by halving.

use super::quantile::sorted;
use super::{CONFIDENCE, Figure, normal_reach};

const COUNTED_UP_TO: usize = 50;

/// right - left; None where one has no value.
#[must_use]
pub fn shift(left: &[f64], right: &[f64]) -> Option<Figure> {
    let differences = Differences { left: sorted(left.iter().copied()), right: sorted(right.iter().copied()) };
    let count = differences.count();
    if count == 0 {
        return None;
    }
    let value = f64::midpoint(differences.smallest((count - 1) / 2), differences.smallest(count / 2));
    let n = left.len() + right.len();
    let outside = left_out(left.len(), right.len());
    Some(match outside.checked_sub(1) {
        None => Figure::bare(value, n),
        Some(place) => {
            Figure::between(value, (differences.smallest(place), differences.smallest(count - 1 - place)), n)
        }
    })
}

/// C: with at most 2.5 % the statistic lies below it.
fn left_out(left: usize, right: usize) -> usize {
    let tail = (1.0 - CONFIDENCE) / 2.0;
    if left + right > COUNTED_UP_TO {
        let (left, right) = (left as f64, right as f64);
        let deviation = (left * right * (left + right + 1.0) / 12.0).sqrt();
        return (left * right / 2.0 + 0.5 - normal_reach() * deviation).max(0.0) as usize;
    }
    let ways = ways(left, right);
    let all: f64 = ways.iter().sum();
    let mut below = 0.0;
    ways.iter()
        .take_while(|&&ways| {
            below += ways;
            below / all <= tail
        })
        .count()
}

/// In how many orders of both samples the statistic is 0, 1, …: the coefficients of Gauss's binomial, by multiplying
/// with 1 - q^(right + i) and dividing by 1 - q^i.
fn ways(left: usize, right: usize) -> Vec<f64> {
    let mut ways = vec![0.0; left * right + 1];
    ways[0] = 1.0;
    for i in 1..=left {
        for at in (right + i..ways.len()).rev() {
            ways[at] -= ways[at - right - i];
        }
        for at in i..ways.len() {
            ways[at] += ways[at - i];
        }
    }
    ways
}

/// All differences right - left of two sorted samples.
struct Differences {
    left: Vec<f64>,
    right: Vec<f64>,
}

impl Differences {
    fn count(&self) -> usize {
        self.left.len() * self.right.len()
    }

    /// The one at that place, from 0: the smallest number that has more than `place` of them at or below it.
    fn smallest(&self, place: usize) -> f64 {
        let (mut below, mut enough) = (key(f64::NEG_INFINITY), key(f64::INFINITY));
        while below + 1 < enough {
            let middle = below.midpoint(enough);
            if self.at_or_below(from_key(middle)) > place {
                enough = middle;
            } else {
                below = middle;
            }
        }
        // Of the two zeros the one without a sign.
        from_key(enough) + 0.0
    }

    /// Both samples are sorted: what a larger value of `left` passes by, a smaller one did too.
    fn at_or_below(&self, limit: f64) -> usize {
        let mut reached = 0;
        let of = |&left: &f64| {
            reached += self.right[reached..].iter().take_while(|&&right| right - left <= limit).count();
            reached
        };
        self.left.iter().map(of).sum()
    }
}

/// Whole numbers in the order of the numbers.
fn key(number: f64) -> i64 {
    let bits = number.to_bits().cast_signed();
    bits ^ (((bits >> 63).cast_unsigned()) >> 1).cast_signed()
}

fn from_key(key: i64) -> f64 {
    f64::from_bits((key ^ (((key >> 63).cast_unsigned()) >> 1).cast_signed()).cast_unsigned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha12Rng;

    use super::*;

    #[test]
    fn the_quantiles_are_those_of_the_tables() {
        // Mann and Whitney at 2.5 %, as tabled (critical values, of which C is one more); 0 is no interval.
        for (left, right, critical) in [(4, 4, 0), (5, 5, 2), (3, 5, 0), (8, 10, 17), (10, 10, 23), (20, 20, 127)] {
            assert_eq!(left_out(left, right), critical + 1, "{left} and {right}");
            assert_eq!(left_out(right, left), critical + 1, "{right} and {left}");
        }
        for (left, right) in [(1, 30), (2, 7), (3, 3), (3, 4)] {
            assert_eq!(left_out(left, right), 0, "{left} and {right}");
        }
        assert_eq!(left_out(2, 8), 1);
    }

    #[test]
    fn the_approximation_goes_on_where_counting_stops() {
        let (left, right) = (25.0_f64, 25.0_f64);
        let deviation = (left * right * 51.0 / 12.0).sqrt();
        let approximate = left * right / 2.0 + 0.5 - normal_reach() * deviation;
        assert!((left_out(25, 25) as f64 - approximate).abs() <= 1.5);
        assert!(left_out(25, 26) > left_out(25, 25));
    }

    #[test]
    fn all_orders_are_counted() {
        assert_eq!(ways(2, 2), [1.0, 1.0, 2.0, 1.0, 1.0]);
        // 50 over 25.
        assert_eq!(ways(25, 25).iter().sum::<f64>(), 126_410_606_437_752.0);
    }

    #[test]
    fn a_shift_is_the_median_difference() {
        let figure = shift(&[1.0, 2.0, 3.0, 4.0], &[11.0, 12.0, 13.0, 114.0]).expect("values");
        assert_eq!((figure.value, figure.lo, figure.hi, figure.n), (10.0, Some(7.0), Some(113.0), 8));
        let few = shift(&[1.0, 2.0, 3.0], &[2.0, 3.0, 4.0]).expect("values");
        assert_eq!(few, Figure::bare(1.0, 6));
        assert_eq!(shift(&[], &[1.0]), None);
    }

    #[test]
    fn its_interval_holds_the_shift_of_skewed_samples_in_at_least_95_percent() {
        let mut random = ChaCha12Rng::seed_from_u64(2);
        for (left, right) in [(4, 5), (9, 9), (30, 40)] {
            let mut sample = |size: usize, by: f64| -> Vec<f64> {
                (0..size).map(|_| by - (1.0 - random.random::<f64>()).ln()).collect()
            };
            let held = (0..1000)
                .filter(|_| {
                    let figure = shift(&sample(left, 0.0), &sample(right, 3.0)).expect("values");
                    figure.lo <= Some(3.0) && Some(3.0) <= figure.hi
                })
                .count();
            assert!((938..=985).contains(&held), "{held} of 1000 at {left} and {right}");
        }
    }

    const SIGNED: proptest::num::f64::Any = proptest::num::f64::NORMAL;

    proptest! {
        #[test]
        fn a_place_is_found_as_by_listing_all(
            left in proptest::collection::vec(-1e6..1e6_f64, 1..9),
            right in proptest::collection::vec(-1e6..1e6_f64, 1..9),
        ) {
            let listed = sorted(left.iter().flat_map(|left| right.iter().map(move |right| right - left)));
            let differences = Differences { left: sorted(left), right: sorted(right) };
            for (place, expected) in listed.into_iter().enumerate() {
                prop_assert_eq!(differences.smallest(place), expected);
            }
        }

        #[test]
        fn keys_keep_the_order(a in SIGNED, b in SIGNED) {
            prop_assert_eq!(from_key(key(a)), a);
            prop_assert_eq!(a < b, key(a) < key(b));
        }
    }
}
