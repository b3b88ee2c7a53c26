//! The phases of hand-written recoveries, whose answers follow from the load of `story`.

use super::{Fault, Outcome, PlannedRestart, faults, planned_restarts};
use crate::analysis::curve::Bounds;
use crate::analysis::history::Trial;
use crate::analysis::lag::lag_points;
use crate::analysis::series::Series;
use crate::analysis::story::{Reading, STEP_MS, Story, one_hang, one_kill, one_move, one_stall};
use crate::record::Step;

fn faults_of(trial: &Trial) -> Vec<Fault> {
    faults(trial, &Series::of(&trial.samples), &lag_points(&trial.samples), STEP_MS)
}

fn between(lo: f64, hi: f64) -> Option<Bounds> {
    Some(Bounds { lo, hi })
}

fn assert_close(value: Option<f64>, expected: f64) {
    let value = value.expect("it was seen");
    assert!((value - expected).abs() < 1e-6, "{value} is not {expected}");
}

#[test]
fn every_phase_of_a_kill_is_found() {
    let phases = faults_of(&one_kill(10.0, 1).trial())[0].phases;
    assert_eq!(phases.issued, between(20_000.0, 20_002.0));
    assert_eq!(phases.gone, between(20_000.0, 20_010.0));
    assert_eq!(phases.detected, between(20_250.0, 20_250.0));
    assert_eq!(phases.dead, between(20_400.0, 20_650.0));
    assert_eq!(phases.back, between(23_002.0, 23_004.0));
    assert_eq!(phases.restored, between(24_000.0, 24_000.0));
    assert_eq!(phases.running, between(24_600.0, 24_600.0));
    assert_eq!(phases.first, between(25_000.0, 25_000.0));
    assert_eq!(phases.all, between(25_100.0, 25_100.0));
    // 2,002 records a partition at 4 a millisecond: 500.5 ms after the first, between two samples of subtask 1.
    assert_eq!(phases.parity, between(25_600.0, 25_850.0));
    // The lag of 7,050 a partition shrinks by 3 a millisecond and is 100 after 2,317 ms.
    assert_eq!(phases.caught_up, between(27_350.0, 27_600.0));
}

/// Both TaskManagers are hit, the second a little later all along.
fn two_hit() -> Story {
    let mut story = one_kill(10.0, 1);
    story
        .hit(1, 2, "issued", 20_002.0, 20_003.0)
        .hit(1, 2, "gone", 20_002.0, 20_900.0)
        .taskmanagers(&[], 20_650.0, 20_900.0)
        .hit(1, 2, "back", 23_004.0, 23_006.0);
    story
}

#[test]
fn several_instances_hit_at_once_are_one_fault_that_is_as_far_as_the_last_of_them() {
    let faults = faults_of(&two_hit().trial());
    assert_eq!(faults.len(), 1);
    let fault = &faults[0];
    assert_eq!((fault.instance.as_str(), fault.host.as_str()), ("taskmanager-1+taskmanager-2", "local"));
    assert_eq!((fault.confirmed, fault.during_recovery, fault.undo.as_str()), (true, false, "undone"));
    assert_eq!(fault.phases.issued, between(20_000.0, 20_003.0));
    assert_eq!(fault.phases.gone, between(20_002.0, 20_900.0));
    assert_eq!(fault.phases.dead, between(20_650.0, 20_900.0));
    assert_eq!(fault.phases.back, between(23_004.0, 23_006.0));
    assert_close(fault.restart_s, 25_000.0 / 1e3 - 20.003);
    assert_close(fault.ready_s, 25_000.0 / 1e3 - 23.006);
    assert_close(fault.study_s, 0.84);
}

#[test]
fn a_phase_that_one_of_several_instances_has_not_reached_is_not_seen() {
    let without = |phase: &str| {
        let mut trial = two_hit().trial();
        trial.fault_marks.retain(|mark| !(mark.phase == phase && mark.instance == "taskmanager-2"));
        faults_of(&trial).remove(0)
    };
    let fault = without("gone");
    assert_eq!((fault.phases.gone, fault.confirmed), (None, false));
    let fault = without("back");
    assert_eq!((fault.phases.back, fault.ready_s, fault.undo.as_str()), (None, None, ""));
    let mut trial = two_hit().trial();
    trial.states.retain(|state| !matches!(state, crate::record::State::Taskmanagers { ids, .. } if ids.is_empty()));
    assert_eq!(faults_of(&trial)[0].phases.dead, None);
}

#[test]
fn its_durations_follow() {
    let fault = &faults_of(&one_kill(10.0, 1).trial())[0];
    assert_close(fault.restart_s, 4.998);
    assert_close(fault.ready_s, 1.996);
    assert_close(fault.study_s, 0.84);
    assert_close(fault.caught_up_s, 7.598);
    assert_close(fault.baseline_lag, 100.0);
    assert_eq!((fault.restarts, fault.restored_checkpoint), (3, Some(9)));
    assert_eq!((fault.confirmed, fault.during_recovery, fault.censored), (true, false, false));
    assert_eq!(fault.undo, "undone");
}

#[test]
fn rework_reaches_from_the_restored_checkpoint_to_the_kill() {
    let fault = &faults_of(&one_kill(10.0, 1).trial())[0];
    let rework = fault.rework.expect("the attempt was seen whole");
    assert_close(Some(rework.records), 2.0 * 2_002.0);
    assert_close(rework.event_s, 2.002 * 100.0);
}

#[test]
fn a_kill_within_a_recovery_censors_the_previous_restart() {
    let mut story = Story::of(10.0, 1);
    story
        .load(40_000.0)
        .source(Reading::steady(20_000.0))
        .kill(1, "issued", 20_000.0, 20_002.0)
        .kill(1, "gone", 20_000.0, 20_010.0)
        .kill(2, "issued", 23_000.0, 23_002.0)
        .kill(2, "gone", 23_000.0, 23_010.0)
        .source(Reading { attempt: 2, first: 26_000.0, until: 40_000.0, position: 19_000.0, pace: 4.0 });
    let faults = faults_of(&story.trial());
    assert_eq!((faults[0].restart_s, faults[0].censored), (None, true));
    assert_eq!((faults[1].during_recovery, faults[1].censored), (true, false));
    assert_close(faults[1].restart_s, 2.998);
    assert_eq!(faults[1].baseline_lag, faults[0].baseline_lag);
}

#[test]
fn a_kill_during_the_catch_up_leaves_the_previous_restart_as_it_was_seen() {
    let mut story = Story::of(10.0, 1);
    story
        .load(40_000.0)
        .source(Reading::steady(20_000.0))
        .kill(1, "issued", 20_000.0, 20_002.0)
        .source(Reading { attempt: 1, first: 22_000.0, until: 23_000.0, position: 19_000.0, pace: 2.0 })
        .kill(2, "issued", 23_000.0, 23_002.0)
        .source(Reading { attempt: 2, first: 26_000.0, until: 40_000.0, position: 19_000.0, pace: 4.0 });
    let faults = faults_of(&story.trial());
    assert_close(faults[0].restart_s, 1.998);
    assert_eq!((faults[0].caught_up_s, faults[0].censored), (None, false));
    assert!(faults[1].during_recovery);
}

#[test]
fn a_restart_after_the_catch_up_is_not_the_fault_s() {
    let mut story = one_kill(10.0, 1);
    story.job("RESTARTING", 46_100.0).source(Reading {
        attempt: 4,
        first: 47_000.0,
        until: 48_000.0,
        position: 40_000.0,
        pace: 4.0,
    });
    let fault = &faults_of(&story.trial())[0];
    assert_close(fault.restart_s, 4.998);
    assert_eq!(fault.restarts, 3);
}

#[test]
fn an_interrupted_journal_gives_what_it_holds() {
    let whole = one_kill(10.0, 1).lines();
    for length in 0..whole.len() {
        let run = crate::analysis::history::Run::from_lines(whole[..length].to_vec());
        for trial in &run.trials {
            faults_of(trial);
        }
    }
}

#[test]
fn a_kill_without_its_end_is_not_confirmed() {
    let mut story = Story::of(10.0, 1);
    story.kill(1, "issued", 1_000.0, 1_002.0);
    assert!(!faults_of(&story.trial())[0].confirmed);
}

#[test]
fn the_lag_of_a_catch_up_is_no_baseline_of_the_next_fault() {
    // A catch-up of 7 s, over at about 32.2 s: most of the 10 s before the second fault are of it.
    let mut story = Story::of(2.0, 1);
    story
        .load(46_000.0)
        .source(Reading::steady(20_100.0))
        .checkpoints(1, 2_000.0, 18_000.0, 2_000.0)
        .kill(1, "issued", 20_000.0, 20_000.0)
        .restored(9, 24_000.0)
        .source(Reading { attempt: 3, first: 25_000.0, until: 46_000.0, position: 17_950.0, pace: 2.0 })
        .kill(2, "issued", 34_000.0, 34_000.0);
    let faults = faults_of(&story.trial());
    assert!(!faults[1].during_recovery, "{faults:?}");
    let (first, second) = (faults[0].baseline_lag.expect("10 s of calm"), faults[1].baseline_lag.expect("some"));
    assert!(second <= first + 50.0, "{second} after {first}");
}

#[test]
fn a_hang_is_confirmed_without_an_end_and_found_out_of_by_its_heartbeat() {
    let fault = &faults_of(&one_hang().trial())[0];
    assert!(fault.confirmed);
    assert_eq!((fault.kind.as_str(), fault.phases.gone, fault.undo.as_str()), ("hang", None, "undone"));
    assert_eq!(fault.phases.detected, between(25_300.0, 25_300.0));
    assert_eq!(fault.phases.dead, between(25_100.0, 25_350.0));
    assert_eq!(fault.phases.back, between(30_002.0, 30_003.0));
    assert_eq!((fault.outcome(), fault.restarts, fault.unharmed), (Outcome::Restart, 1, false));
    assert_close(fault.restart_s, 32_000.0 / 1e3 - 20.002);
    assert_close(fault.ready_s, 32_000.0 / 1e3 - 30.003);
    let mut trial = one_hang().trial();
    trial.fault_marks.retain(|mark| mark.phase != "still");
    assert!(!faults_of(&trial)[0].confirmed, "nobody saw it hold still");
}

#[test]
fn a_hang_that_is_over_before_flink_finds_out_is_a_stall_and_no_restart() {
    let fault = &faults_of(&one_stall().trial())[0];
    assert!(fault.confirmed && fault.unharmed && !fault.censored);
    assert_eq!((fault.outcome(), fault.restarts, fault.restart_s), (Outcome::Stall, 0, None));
    assert_eq!((fault.phases.detected, fault.phases.first, fault.phases.dead), (None, None, None));
    // 1 record a millisecond is made up; 2,150 records behind at 22.1 s leave 100 at 24.15 s.
    assert!(fault.phases.caught_up.is_some_and(|at| (23_900.0..=24_700.0).contains(&at.hi)), "{fault:?}");
    // The next fault comes while the lag is still large: what hung went on before it, so nothing is censored.
    let mut story = one_stall();
    story.kill(2, "issued", 22_500.0, 22_500.0).kill(2, "gone", 22_500.0, 22_510.0);
    let faults = faults_of(&story.trial());
    assert_eq!((faults[0].outcome(), faults[0].censored), (Outcome::Stall, false));
    assert!(faults[1].during_recovery, "the lag of the stall was not made up");
    // It comes while the process still holds still: whether it would have restarted is not known.
    let mut story = one_stall();
    story.kill(2, "issued", 21_000.0, 21_000.0).kill(2, "gone", 21_000.0, 21_010.0);
    assert_eq!(faults_of(&story.trial())[0].outcome(), Outcome::Censored);
}

/// The kill of `one_kill`, of a job without the probe: what Flink counts, refreshed every half second.
fn unprobed() -> Story {
    let mut story = one_kill(10.0, 1);
    for subtask in 0..2 {
        for at in (0..=80).map(|step| 250.0 * f64::from(step)) {
            story.counted(subtask, 0, at, at);
        }
        // The first answer after the restart shows none, the next ones some.
        story.counted(subtask, 3, 24_900.0, 0.0).counted(subtask, 3, 25_400.0 + 100.0 * f64::from(subtask), 300.0);
        story.counted(subtask, 3, 44_000.0, 20_000.0);
    }
    story
}

#[test]
fn without_the_probe_the_first_record_lies_between_running_and_the_first_count() {
    let mut trial = unprobed().trial();
    trial.samples.retain(|sample| sample.source != "probe");
    let faults = faults_of(&trial);
    let fault = &faults[0];
    assert_eq!(fault.phases.first, between(24_500.0, 25_400.0));
    assert_eq!(fault.phases.all, between(24_600.0, 25_500.0));
    assert_eq!((fault.phases.parity, fault.phases.caught_up), (None, None));
    assert_close(fault.restart_s, 25_400.0 / 1e3 - 20.002);
    assert_eq!(fault.over, fault.phases.first, "no lag is known in the whole trial");
    assert_eq!((fault.outcome(), fault.rework), (Outcome::Restart, None));
    let with_probe = faults_of(&unprobed().trial());
    assert_eq!(with_probe[0].phases.first, between(25_000.0, 25_000.0), "the probe knows better");
}

fn moves_of(trial: &Trial) -> Vec<PlannedRestart> {
    planned_restarts(trial, &Series::of(&trial.samples), &lag_points(&trial.samples), STEP_MS)
}

#[test]
fn a_planned_restart_lasts_from_the_request_to_the_first_record_and_is_no_fault() {
    let trial = one_move().trial();
    assert_eq!(faults_of(&trial), []);
    let moves = moves_of(&trial);
    assert_eq!(moves.len(), 1);
    let moved = &moves[0];
    assert_eq!((moved.begun, moved.stopped, moved.running), (20_000.0, Some(20_500.0), Some(21_500.0)));
    assert_eq!((moved.first, moved.lost_s()), (Some(22_000.0), Some(2.0)));
    assert_eq!((moved.from_interval_s, moved.to_interval_s), (Some(2.0), Some(4.0)));
    // 1,950 records a partition behind, made up at 3 a millisecond but for 100.
    let caught_up = moved.caught_up.expect("the load is light");
    assert!((22_600.0..23_000.0).contains(&caught_up), "{caught_up}");
    assert_eq!(moved.over, Some(caught_up));
}

#[test]
fn a_kill_after_a_planned_restart_is_measured_as_any_other() {
    let mut story = one_move();
    story.kill(1, "issued", 44_000.0, 44_002.0).kill(1, "gone", 44_000.0, 44_010.0);
    let fault = &faults_of(&story.trial())[0];
    assert!(!fault.during_recovery);
    assert_close(fault.baseline_lag, 100.0);
    let mut story = one_move();
    story.kill(1, "issued", 21_000.0, 21_002.0).kill(1, "gone", 21_000.0, 21_010.0);
    let trial = story.trial();
    let fault = &faults_of(&trial)[0];
    assert!(fault.during_recovery, "it fell into the restart");
    assert_close(fault.restart_s, 0.998);
    let moved = &moves_of(&trial)[0];
    assert_eq!((moved.first, moved.over), (None, None), "what came after is the kill's");
    assert_eq!(moved.lost_s(), Some(1.0));
}

#[test]
fn a_planned_restart_ends_the_recovery_before_it() {
    let mut story = one_kill(10.0, 1);
    // At 26 s the job of `one_kill` reads again, and has not caught up.
    story.step(Step::RestartBegun { at_epoch_ms: 26_000.0, interval_s: Some(4.0) });
    let fault = &faults_of(&story.trial())[0];
    assert_close(fault.restart_s, 4.998);
    assert_eq!((fault.caught_up_s, fault.censored, fault.over), (None, false, None));
}

#[test]
fn a_move_that_was_given_up_lasts_until_then() {
    let mut story = Story::of(2.0, 1);
    story
        .load(30_000.0)
        .source(Reading::steady(30_000.0))
        .step(Step::RestartBegun { at_epoch_ms: 20_000.0, interval_s: Some(4.0) })
        .step(Step::RestartFailed { at_epoch_ms: 21_000.0, error: "no savepoint".into() })
        .measured(10_000.0, 29_000.0);
    let moved = &moves_of(&story.trial())[0];
    assert_eq!((moved.over, moved.to_interval_s, moved.stopped), (Some(21_000.0), Some(2.0), None));
    assert_eq!(moved.error.as_deref(), Some("no savepoint"));
}
