//! Quantiles by linear interpolation (type 7 of Hyndman and Fan 1996), with Woodruff's interval (1952).
//!
//! Woodruff: bootstrap the share of values at or below the quantile, then read the quantiles at the two ends
//! of that share. It needs one pass over the values instead of a thousand sorts. Values that arise together
//! (the zones of one window) stand in one cluster and are drawn together. Below 20 clusters there is no
//! interval: Student's t knows no quantile.

use super::{Figure, bootstrap, enough_to_resample};

/// The quantile `probability` of sorted values; NaN for none.
#[must_use]
pub fn quantile_of_sorted(sorted: &[f64], probability: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else { return f64::NAN };
    let place = probability.clamp(0.0, 1.0) * last as f64;
    let below = place.floor() as usize;
    let above = (below + 1).min(last);
    sorted[below] + (place - below as f64) * (sorted[above] - sorted[below])
}

/// The median of values in any order; None for none.
#[must_use]
pub fn median(values: impl IntoIterator<Item = f64>) -> Option<f64> {
    let sorted = sorted(values);
    (!sorted.is_empty()).then(|| quantile_of_sorted(&sorted, 0.5))
}

/// Third quartile less the first; None for none.
#[must_use]
pub fn interquartile_range(values: impl IntoIterator<Item = f64>) -> Option<f64> {
    let sorted = sorted(values);
    (!sorted.is_empty()).then(|| quantile_of_sorted(&sorted, 0.75) - quantile_of_sorted(&sorted, 0.25))
}

/// The quantile of all values; `strata` holds trials, each of clusters in the order of time.
#[must_use]
pub fn quantile(strata: &[Vec<Vec<f64>>], probability: f64, seed: u64) -> Option<Figure> {
    let sorted = sorted(strata.iter().flatten().flatten().copied());
    if sorted.is_empty() {
        return None;
    }
    let value = quantile_of_sorted(&sorted, probability);
    if !enough_to_resample(strata.iter().map(Vec::len)) {
        return Some(Figure::bare(value, sorted.len()));
    }
    let shares: Vec<Vec<_>> =
        strata.iter().map(|clusters| clusters.iter().map(|cluster| share_below(cluster, value)).collect()).collect();
    let (lo, hi) = bootstrap::ratio_interval(&shares, seed);
    // Ties make the share at the quantile larger than its probability; only the spread around it counts.
    let at = sorted.partition_point(|&other| other <= value) as f64 / sorted.len() as f64;
    let ends = [lo, hi].map(|share| quantile_of_sorted(&sorted, probability + share - at));
    Some(Figure::between(value, (ends[0].min(value), ends[1].max(value)), sorted.len()))
}

fn share_below(cluster: &[f64], value: f64) -> (f64, f64) {
    (cluster.iter().filter(|&&other| other <= value).count() as f64, cluster.len() as f64)
}

pub(super) fn sorted(values: impl IntoIterator<Item = f64>) -> Vec<f64> {
    let mut sorted: Vec<f64> = values.into_iter().collect();
    sorted.sort_by(f64::total_cmp);
    sorted
}
