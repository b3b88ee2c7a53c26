//! A quantity sampled in time, read between its samples by linear interpolation.
//!
//! Positions, end offsets and counters all grow, and grow steadily on the scale of a sampling step, so a
//! straight line between two samples is off by less than their difference. Times are `EpochMs`.

use crate::record::EpochMs;

/// The two instants between which a thing happened.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct Bounds {
    pub lo: EpochMs,
    pub hi: EpochMs,
}

impl Bounds {
    #[must_use]
    pub fn exactly(at: EpochMs) -> Self {
        Self { lo: at, hi: at }
    }
}

/// Samples (time, value) in the order of time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Curve {
    points: Vec<(EpochMs, f64)>,
}

impl Curve {
    #[must_use]
    pub fn new(mut points: Vec<(EpochMs, f64)>) -> Self {
        points.sort_by(|left, right| left.0.total_cmp(&right.0));
        Self { points }
    }

    #[must_use]
    pub fn points(&self) -> &[(EpochMs, f64)] {
        &self.points
    }

    /// The value at `at`; None outside the samples.
    #[must_use]
    pub fn value_at(&self, at: EpochMs) -> Option<f64> {
        let after = self.points.partition_point(|&(time, _)| time < at);
        let right = *self.points.get(after)?;
        if right.0 == at {
            return Some(right.1);
        }
        let left = *self.points.get(after.checked_sub(1)?)?;
        Some(on_line(left, right, at))
    }

    /// As `value_at`; up to `reach_ms` behind the last sample it goes on as steeply as before it.
    #[must_use]
    pub fn value_soon_after(&self, at: EpochMs, reach_ms: f64) -> Option<f64> {
        let &[.., before, last] = self.points.as_slice() else { return self.value_at(at) };
        if at > last.0 && at <= last.0 + reach_ms && last.0 > before.0 {
            return Some(on_line(before, last, at));
        }
        self.value_at(at)
    }

    /// The value at `at`, held at the first and last sample outside them; None without samples.
    #[must_use]
    pub fn held_value_at(&self, at: EpochMs) -> Option<f64> {
        let (first, last) = (self.points.first()?, self.points.last()?);
        self.value_at(at.clamp(first.0, last.0))
    }

    /// Between which samples a growing quantity came to `level`; None where it never did.
    #[must_use]
    pub fn reached(&self, level: f64) -> Option<Bounds> {
        let after = self.points.partition_point(|&(_, value)| value < level);
        let hi = self.points.get(after)?.0;
        let lo = after.checked_sub(1).map_or(hi, |before| self.points[before].0);
        Some(Bounds { lo, hi })
    }

    /// When a growing quantity came to `level`, on the line between its samples; None outside them.
    #[must_use]
    pub fn when(&self, level: f64) -> Option<EpochMs> {
        let after = self.points.partition_point(|&(_, value)| value < level);
        let right = *self.points.get(after)?;
        if right.1 == level {
            return Some(right.0);
        }
        let left = *self.points.get(after.checked_sub(1)?)?;
        Some(left.0 + (right.0 - left.0) * (level - left.1) / (right.1 - left.1))
    }

    /// The part of the samples within [from, to].
    #[must_use]
    pub fn within(&self, from: EpochMs, to: EpochMs) -> &[(EpochMs, f64)] {
        let first = self.points.partition_point(|&(time, _)| time < from);
        let end = self.points.partition_point(|&(time, _)| time <= to);
        &self.points[first..end.max(first)]
    }
}

fn on_line(left: (EpochMs, f64), right: (EpochMs, f64), at: EpochMs) -> f64 {
    left.1 + (right.1 - left.1) * (at - left.0) / (right.0 - left.0)
}

#[cfg(test)]
mod tests {
    use super::{Bounds, Curve};

    fn ramp() -> Curve {
        Curve::new(vec![(100.0, 0.0), (200.0, 10.0), (300.0, 10.0), (400.0, 30.0)])
    }

    #[test]
    fn between_samples_it_is_a_straight_line_and_outside_it_is_unknown() {
        assert_eq!(ramp().value_at(150.0), Some(5.0));
        assert_eq!(ramp().value_at(400.0), Some(30.0));
        assert_eq!(ramp().value_at(99.0), None);
        assert_eq!(ramp().value_at(401.0), None);
        assert_eq!(ramp().held_value_at(500.0), Some(30.0));
    }

    #[test]
    fn soon_after_the_last_sample_it_goes_on_as_before() {
        assert_eq!(ramp().value_soon_after(450.0, 100.0), Some(40.0));
        assert_eq!(ramp().value_soon_after(550.0, 100.0), None);
    }

    #[test]
    fn a_level_is_reached_between_two_samples() {
        assert_eq!(ramp().reached(15.0), Some(Bounds { lo: 300.0, hi: 400.0 }));
        assert_eq!(ramp().when(15.0), Some(325.0));
        assert_eq!(ramp().when(10.0), Some(200.0));
        assert_eq!(ramp().reached(31.0), None);
    }
}
