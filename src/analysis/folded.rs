//! Latency folded on the checkpoint cycle: when, after the trigger of a checkpoint, was a window due?
//!
//! Under an exactly-once sink a row becomes visible only with the next checkpoint, so its latency falls from T
//! to 0 over the cycle; under at-least-once only the checkpoint itself shows. Windows due in [issued, caught_up]
//! of a fault are left out: there the recovery is seen, not the cycle.

use super::checkpoints::CheckpointRow;
use super::curve::Bounds;
use super::oracle::WindowOutcome;
use crate::record::EpochMs;

/// One window and key by the cycle in which it was due.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Folded {
    /// From the trigger of the last periodic checkpoint to the instant the window was due.
    pub since_trigger_s: f64,
    pub written_ms: Option<f64>,
    pub visible_ms: Option<f64>,
}

/// The windows due within [from, to], outside disturbances, after a first trigger.
#[must_use]
pub fn folded(
    windows: &[WindowOutcome],
    checkpoints: &[CheckpointRow],
    (from, to): (EpochMs, EpochMs),
    disturbances: &[Bounds],
) -> Vec<Folded> {
    let periodic = checkpoints.iter().filter(|row| row.checkpoint.trigger == "periodic");
    let triggers: Vec<EpochMs> = periodic.map(|row| row.checkpoint.trigger_epoch_ms).collect();
    let calm = |due: EpochMs| disturbances.iter().all(|fault| due < fault.lo || fault.hi < due);
    let fold = |window: &WindowOutcome| {
        let due = window.due_epoch_ms.filter(|due| (from..=to).contains(due) && calm(*due))?;
        let last = triggers.partition_point(|&trigger| trigger <= due).checked_sub(1)?;
        // Checkpoints stop while a job is down; a cycle that a fault cut short is none.
        disturbances.iter().all(|fault| fault.hi < triggers[last] || due < fault.lo).then(|| Folded {
            since_trigger_s: (due - triggers[last]) / 1e3,
            written_ms: window.written_epoch_ms.map(|at| at - due),
            visible_ms: window.visible_epoch_ms.map(|at| at - due),
        })
    };
    windows.iter().filter_map(fold).collect()
}

#[cfg(test)]
mod tests {
    use super::folded;
    use crate::analysis::checkpoints;
    use crate::analysis::curve::Bounds;
    use crate::analysis::oracle;
    use crate::analysis::story::Story;

    /// Checkpoints at 2, 4, 6, … 20 s; a window every second, due 0.1 s after it, seen 40 ms after written.
    fn told(disturbances: &[Bounds]) -> Vec<(f64, f64)> {
        let mut story = Story::of(2.0, 1);
        story.load(21_000.0).checkpoints(1, 2_000.0, 20_000.0, 2_000.0);
        for window in 0..20 {
            let due = 1_000.0 * f64::from(window + 1) + 100.0;
            story.result(7, i64::from(window) * 100_000, 1, due + 10.0);
        }
        let trial = story.trial();
        let rows = checkpoints::rows(&trial, disturbances);
        let windows = folded(&oracle::judge(&trial), &rows, (0.0, 20_000.0), disturbances);
        windows.iter().map(|window| (window.since_trigger_s, window.visible_ms.expect("it came"))).collect()
    }

    #[test]
    fn each_window_stands_at_its_distance_from_the_trigger_before_it() {
        let windows = told(&[]);
        // The first window is due before any checkpoint.
        assert_eq!(windows.len(), 18);
        assert!(windows.iter().all(|(_, visible)| (visible - 50.0).abs() < 1e-6), "{windows:?}");
        let near = |at: f64| windows.iter().filter(|(since, _)| (since - at).abs() < 1e-6).count();
        assert_eq!((near(0.1), near(1.1)), (9, 9));
    }

    #[test]
    fn a_cycle_that_met_a_fault_is_left_out() {
        let fault = Bounds { lo: 7_000.0, hi: 9_000.0 };
        // Due at 7.1 and 8.1 s: in the fault; at 9.1 s: after it, in the cycle that it cut.
        assert_eq!(told(&[fault]).len(), 18 - 3);
    }
}
