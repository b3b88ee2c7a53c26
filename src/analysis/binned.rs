//! Values over a span, brought together in bins of equal width: what a plot can show of half a million windows.
//!
//! A bin keeps its smallest and its largest value, so that no peak is lost however many values fall into it.

use super::statistics::quantile_of_sorted;

/// The values of one stretch of the span.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bin {
    /// The middle of the stretch, in the unit of the span.
    pub at: f64,
    pub least: f64,
    pub median: f64,
    pub mean: f64,
    pub largest: f64,
    pub n: usize,
}

/// The bins that hold a value, in their order. What is not finite or outside [from, to] is in none.
#[must_use]
pub fn binned(values: impl IntoIterator<Item = (f64, f64)>, (from, to): (f64, f64), bins: usize) -> Vec<Bin> {
    let width = (to - from) / bins as f64;
    if !(width.is_finite() && width > 0.0) {
        return Vec::new();
    }
    let mut filled: Vec<Vec<f64>> = vec![Vec::new(); bins];
    for (at, value) in values {
        if value.is_finite() && (from..=to).contains(&at) {
            // The end of the span belongs to its last bin.
            filled[(((at - from) / width) as usize).min(bins - 1)].push(value);
        }
    }
    let bin = |(place, mut values): (usize, Vec<f64>)| {
        values.sort_by(f64::total_cmp);
        Some(Bin {
            at: from + width * (place as f64 + 0.5),
            least: *values.first()?,
            median: quantile_of_sorted(&values, 0.5),
            mean: values.iter().sum::<f64>() / values.len() as f64,
            largest: *values.last()?,
            n: values.len(),
        })
    };
    filled.into_iter().enumerate().filter_map(bin).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::binned;

    #[test]
    fn a_bin_holds_the_values_of_its_stretch() {
        let bins =
            binned([(0.0, 1.0), (4.9, 3.0), (5.0, 7.0), (10.0, 9.0), (10.1, 99.0), (1.0, f64::NAN)], (0.0, 10.0), 2);
        let told: Vec<_> = bins.iter().map(|bin| (bin.at, bin.least, bin.median, bin.largest, bin.n)).collect();
        assert_eq!(told, [(2.5, 1.0, 2.0, 3.0, 2), (7.5, 7.0, 8.0, 9.0, 2)]);
    }

    #[test]
    fn a_span_of_no_length_has_no_bins() {
        for span in [(1.0, 1.0), (2.0, 1.0), (0.0, f64::INFINITY), (f64::NAN, 1.0)] {
            assert!(binned([(1.0, 1.0)], span, 4).is_empty(), "{span:?}");
        }
        assert!(binned([(1.0, 1.0)], (0.0, 2.0), 0).is_empty());
    }

    proptest! {
        #[test]
        fn no_value_and_no_peak_is_lost(values in prop::collection::vec((0.0..100.0, -1e6..1e6), 1..200), bins in 1_usize..50) {
            let filled = binned(values.iter().copied(), (0.0, 100.0), bins);
            prop_assert_eq!(filled.iter().map(|bin| bin.n).sum::<usize>(), values.len());
            let largest = values.iter().map(|&(_, value)| value).fold(f64::MIN, f64::max);
            prop_assert!(filled.iter().any(|bin| bin.largest == largest));
            prop_assert!(filled.iter().all(|bin| bin.least <= bin.median && bin.median <= bin.largest));
        }
    }
}
