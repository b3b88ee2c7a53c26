//! Two kills whose every phase is known, and what each part of the time between them must be.

use super::*;
use crate::analysis::checkpoints;
use crate::analysis::curve::Bounds;
use crate::analysis::history::Trial;
use crate::analysis::lag::lag_points;
use crate::analysis::series::Series;
use crate::analysis::story::{Reading, STEP_MS, Story, one_kill};
use crate::analysis::timeline::faults;

/// The second kill 25 s after the first; its recovery restores checkpoint `restored` and reads again from 50.5 s.
fn two_kills(restored: u64) -> Story {
    let mut story = one_kill(2.0, 1);
    story
        .initializing(3, 0, 24_200.0)
        .initializing(3, 1, 24_300.0)
        .kill(2, "due", 45_000.0, 45_000.0)
        .kill(2, "issued", 45_000.0, 45_002.0)
        .kill(2, "gone", 45_000.0, 45_010.0)
        .exception(45_500.0)
        .job("RESTARTING", 45_510.0)
        .kill(2, "back", 48_002.0, 48_004.0)
        .restored(restored, 49_000.0)
        .job("RUNNING", 49_100.0)
        .running(4, 0, 49_500.0)
        .running(4, 1, 49_600.0)
        .source(Reading { attempt: 4, first: 50_500.0, until: 60_000.0, position: 43_950.0, pace: 4.0 });
    story
}

fn budget_of(trial: &Trial) -> Option<Budget> {
    let series = Series::of(&trial.samples);
    let faults = faults(trial, &series, &lag_points(&trial.samples), STEP_MS);
    budget(&faults, &checkpoints::rows(trial, &[]), &[0.2, 0.2])
}

fn assert_close(left: f64, right: f64) {
    assert!((left - right).abs() < 1e-9, "{left} is not {right}");
}

#[test]
fn the_parts_of_one_cycle_are_known_and_add_up() {
    // The last checkpoint before the second kill was triggered at 44 s.
    let budget = budget_of(&two_kills(18).trial()).expect("two faults and checkpoints");
    assert_close(budget.span_s, 25.0);
    assert_eq!(budget.cycles, 1);
    assert_close(budget.detection_s, 20.25 - 20.002);
    assert_close(budget.hold_s, 23.004 - 20.25);
    assert_close(budget.redeployment_s, 24.2 - 23.004);
    assert_close(budget.restore_s, 24.6 - 24.2);
    assert_close(budget.start_s, 25.0 - 24.6);
    assert_close(budget.rework_s, 45.002 - 44.0);
    // Nine were triggered from 28 s to 44 s.
    assert_close(budget.checkpoints_s, 9.0 * 0.2);
    // R of the first fault, which its five parts add up to.
    let recovery = budget.detection_s + budget.hold_s + budget.redeployment_s + budget.restore_s + budget.start_s;
    assert_close(recovery, 4.998);
    assert_close(budget.remainder_s, 25.0 - recovery - 1.002 - 1.8);
    assert_close(budget.utilization(), budget.remainder_s / 25.0);
}

#[test]
fn rework_does_not_reach_back_into_the_recovery_before() {
    // Set back to the checkpoint that the first recovery started from: its cycle's work is lost, R is not again.
    let budget = budget_of(&two_kills(9).trial()).expect("two faults and checkpoints");
    assert_close(budget.rework_s, 45.002 - 25.0);
}

#[test]
fn what_is_not_known_is_no_budget() {
    assert_eq!(budget_of(&one_kill(2.0, 1).trial()), None, "one fault makes no cycle");
    assert_eq!(budget_of(&two_kills(999).trial()), None, "that checkpoint was never seen");
    assert_eq!(budget(&[], &[], &[]), None);
}

#[test]
fn a_recovery_that_is_cut_off_takes_its_whole_cycle() {
    let mut story = Story::of(2.0, 1);
    story
        .load(46_000.0)
        .source(Reading::steady(20_100.0))
        .checkpoints(1, 2_000.0, 18_000.0, 2_000.0)
        .kill(1, "issued", 20_000.0, 20_000.0)
        .exception(20_500.0)
        .kill(2, "issued", 22_000.0, 22_000.0)
        .restored(9, 24_000.0)
        .running(3, 0, 24_500.0)
        .running(3, 1, 24_600.0)
        .source(Reading { attempt: 3, first: 25_000.0, until: 46_000.0, position: 17_950.0, pace: 4.0 });
    let budget = budget_of(&story.trial()).expect("two faults and checkpoints");
    assert_close(budget.span_s, 2.0);
    assert_close(budget.detection_s, 0.5);
    assert_close(budget.start_s, 1.5);
    assert_close(budget.rework_s, 0.0);
    assert_close(budget.remainder_s, 0.0);
}

#[test]
fn trials_add_up() {
    let one = budget_of(&two_kills(18).trial()).expect("two faults and checkpoints");
    let both = Budget::sum([one, one]).expect("two");
    assert_eq!((both.cycles, both.span_s), (2, 50.0));
    assert_close(both.utilization(), one.utilization());
    assert_eq!(Budget::sum([]), None);
}

#[test]
fn a_fault_that_harmed_nothing_costs_nothing() {
    let mut story = one_kill(2.0, 1);
    story.kill(2, "issued", 45_000.0, 45_000.0).kill(3, "issued", 45_500.0, 45_500.0);
    let budget = budget_of(&story.trial()).expect("three faults and checkpoints");
    assert_eq!(budget.cycles, 2);
    // R of the first fault alone; nothing was restored after the other two.
    let recovery = budget.detection_s + budget.hold_s + budget.redeployment_s + budget.restore_s + budget.start_s;
    assert_close(recovery, 4.998);
    assert_close(budget.rework_s, 0.0);
}

#[test]
fn a_job_without_the_probe_has_no_budget() {
    let mut story = Story::of(2.0, 1);
    story.load(46_000.0).checkpoints(1, 2_000.0, 18_000.0, 2_000.0);
    for (fault, issued) in [(1, 20_000.0), (2, 40_000.0)] {
        story.kill(fault, "issued", issued, issued).exception(issued + 500.0).job("RESTARTING", issued + 510.0);
        story.restored(9, issued + 4_000.0).job("RUNNING", issued + 4_100.0);
    }
    assert_eq!(budget_of(&story.trial()), None);
}

#[test]
fn an_instance_that_was_not_waited_for_holds_nothing_up() {
    let trial = two_kills(18).trial();
    let series = Series::of(&trial.samples);
    let mut fault = faults(&trial, &series, &lag_points(&trial.samples), STEP_MS).remove(0);
    let waited = own_parts_s(&fault).expect("a whole recovery");
    assert_close(waited[1], 23.004 - 20.25);
    // It comes back when the job has long gone on elsewhere.
    fault.phases.back = fault.phases.first.map(|first| Bounds { lo: first.lo + 5e3, hi: first.hi + 5e3 });
    fault.ready_s = None;
    let parts = own_parts_s(&fault).expect("a whole recovery");
    assert_close(parts[1], 0.0);
    assert_close(parts[2], 24.2 - 20.25);
    assert_close(parts.iter().sum(), waited.iter().sum());
    fault.phases.first = None;
    assert_eq!(own_parts_s(&fault), None);
}
