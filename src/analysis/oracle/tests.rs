//! Each way in which a result can meet the truth, and what its latency is.
//!
//! The story's windows last 100 s of event time at 100 times: window w is due at (w + 100 s + 10 s)/100.

use super::{Oracle, WindowOutcome, judge};
use crate::analysis::latency::latencies_ms;
use crate::analysis::story::Story;

/// Windows at 0, 100 and 200 s, due at 1,100, 2,100 and 3,100 ms; the replay stops at 3,000 ms.
fn judged(tell: impl FnOnce(&mut Story)) -> Vec<WindowOutcome> {
    let mut story = Story::of(1.0, 1);
    story.truth(7, 0, 5).truth(7, 100_000, 6).truth(7, 200_000, 2);
    tell(&mut story);
    story.measured(1_500.0, 3_000.0).ends(3_000.0);
    judge(&story.trial())
}

fn verdicts(windows: &[WindowOutcome]) -> Vec<Option<Oracle>> {
    windows.iter().map(|window| window.oracle).collect()
}

#[test]
fn results_that_agree_are_ok_and_a_window_that_only_the_flush_closes_must_come_too() {
    let windows = judged(|story| {
        story.result(7, 0, 5, 1_130.0).result(7, 100_000, 6, 2_150.0);
    });
    assert_eq!(verdicts(&windows), [Some(Oracle::Ok), Some(Oracle::Ok), Some(Oracle::Missing)]);
    assert_eq!(windows[1].due_epoch_ms, Some(2_100.0));
}

#[test]
fn a_window_without_a_result_is_missing() {
    let windows = judged(|story| {
        story.result(7, 0, 5, 1_130.0);
    });
    assert_eq!(verdicts(&windows), [Some(Oracle::Ok), Some(Oracle::Missing), Some(Oracle::Missing)]);
    assert_eq!((windows[1].count, windows[1].written_epoch_ms), (6, None));
}

#[test]
fn a_second_equal_row_is_a_duplicate_and_only_the_first_counts() {
    let windows = judged(|story| {
        story.result(7, 0, 5, 1_130.0).result(7, 100_000, 6, 2_150.0).result(7, 100_000, 6, 2_900.0);
    });
    assert_eq!((windows[1].oracle, windows[1].duplicates), (Some(Oracle::Duplicate), 1));
    assert_eq!(windows[1].written_epoch_ms, Some(2_150.0));
}

#[test]
fn any_row_that_differs_makes_its_window_wrong() {
    let windows = judged(|story| {
        story.result(7, 0, 5, 1_130.0).result(7, 100_000, 6, 2_150.0).result(7, 100_000, 4, 2_900.0);
    });
    assert_eq!(windows[1].oracle, Some(Oracle::Wrong));
}

#[test]
fn a_result_that_the_truth_does_not_have_is_wrong() {
    let windows = judged(|story| {
        story.result(8, 0, 5, 1_130.0);
    });
    assert_eq!(
        windows.iter().find(|window| window.zone == Some(8)).and_then(|window| window.oracle),
        Some(Oracle::Wrong)
    );
}

#[test]
fn without_the_whole_truth_nothing_is_judged() {
    let mut story = Story::of(1.0, 1);
    story.truth(7, 0, 5).result(7, 100_000, 6, 2_150.0);
    assert_eq!(verdicts(&judge(&story.trial())), [None]);
}

#[test]
fn latency_is_taken_of_windows_due_in_the_measured_phase() {
    let windows = judged(|story| {
        story.result(7, 0, 5, 1_130.0).result(7, 100_000, 6, 2_150.0).result(8, 100_000, 6, 2_160.0);
    });
    let written = latencies_ms(&windows, (1_500.0, 3_000.0), |_| true, |window| window.written_epoch_ms);
    assert_eq!(written, [[50.0, 60.0]]);
    let visible = latencies_ms(&windows, (1_500.0, 3_000.0), |_| true, |window| window.visible_epoch_ms);
    assert_eq!(visible, [[90.0, 100.0]]);
}
