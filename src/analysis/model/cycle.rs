//! What one cycle between two faults gains, its checkpoints in a uniform phase: the numerator of `schedule`.
//!
//! With the F and R of each cycle as they came, the sum of these over the sum of F is the utilization to expect from
//! just these fault times; it leaves nothing to chance but the phases of the checkpoints.

/// Seconds of work at capacity that a cycle saves, of which `left_s` (X = F - R) are left to the job. Not below zero.
#[must_use]
pub fn progress_s(interval_s: f64, cost_s: f64, left_s: f64) -> f64 {
    let progress = if left_s <= 0.0 {
        0.0
    } else if interval_s <= left_s {
        left_s * (1.0 - cost_s / interval_s) - interval_s / 2.0
    } else {
        left_s / interval_s * (left_s / 2.0 - cost_s)
    };
    progress.max(0.0)
}

#[cfg(test)]
mod tests {
    use super::super::{Conditions, Model, utilization};
    use super::progress_s;

    #[test]
    fn over_equal_cycles_it_is_the_utilization_of_schedule() {
        for (interval, cost, restart, every) in
            [(10.0, 0.5, 8.0, 60.0), (70.0, 0.5, 8.0, 60.0), (10.0, 0.0, 0.0, 30.0), (5.0, 1.0, 61.0, 60.0)]
        {
            let conditions = Conditions::new(cost, restart, 1.0 / every);
            let expected = utilization(Model::Schedule, interval, &conditions).expect("in the domain");
            let found = progress_s(interval, cost, every - restart) / every;
            assert!((found - expected).abs() < 1e-12, "{found} is not {expected}");
        }
    }
}
