//! One good trial, and each way to spoil it.

use super::{Outcome, Thresholds, Unit, Verdict, of_run};
use crate::analysis::history::{Demands, Trial};
use crate::analysis::results::TrialResult;
use crate::analysis::story::{Reading, Story, one_hang, one_kill, one_stall};

fn good() -> Trial {
    one_kill(2.0, 1).ends(45_000.0).trial()
}

fn judged(trial: &Trial) -> (Verdict, Vec<String>) {
    let judgement = TrialResult::of(trial, &Thresholds::default()).judgement;
    (judgement.verdict, judgement.reasons)
}

fn spoiled(spoil: impl FnOnce(&mut Trial)) -> (Verdict, Vec<String>) {
    let mut trial = good();
    spoil(&mut trial);
    judged(&trial)
}

fn end(trial: &mut Trial) -> &mut crate::record::ReplayEnd {
    trial.replay_end.as_mut().expect("the replay stopped")
}

#[test]
fn a_good_trial_passes_without_reasons() {
    assert_eq!(judged(&good()), (Verdict::Pass, vec![]));
}

#[test]
fn each_check_tells_what_was_observed_beside_its_limit() {
    let checks = |trial: &Trial| TrialResult::of(trial, &Thresholds::default()).judgement.checks;
    let mut trial = good();
    end(&mut trial).rate_error = 0.0004;
    end(&mut trial).acked_p99_ms = 300.0;
    let seen = checks(&trial);
    let names: Vec<&str> = seen.iter().map(|check| check.name.as_ref()).collect();
    assert_eq!(
        names,
        [
            "offered rate off its schedule",
            "acked lateness, p99",
            "samples missing outside recoveries",
            "checkpoints failed outside recoveries",
            "restarts without a fault",
            "faults not confirmed",
            "input topic unlike the data set",
            "windows wrong",
            "windows missing",
            "windows duplicate",
        ]
    );
    assert_eq!((seen[0].unit, seen[0].limit, &seen[0].outcome), (Unit::Percent, 0.1, &Outcome::Holds(0.04)));
    assert_eq!((seen[1].limit, &seen[1].outcome), (250.0, &Outcome::Broken(300.0)));
    assert_eq!(seen[9].outcome, Outcome::NotApplicable("an at-least-once sink"));
    trial.replay.as_mut().expect("there is a replay").pacing = "burst".into();
    assert_eq!(checks(&trial)[0].outcome, Outcome::NotApplicable("bursts drift by construction"));
    (trial.replay_end, trial.oracle) = (None, None);
    assert!(!checks(&trial).iter().any(super::Check::is_broken), "what is not known breaks no limit");
}

#[test]
fn a_rate_off_its_schedule_is_invalid_except_in_bursts() {
    let (verdict, reasons) = spoiled(|trial| end(trial).rate_error = 0.002);
    assert_eq!(verdict, Verdict::Invalid);
    assert_eq!(reasons, ["the offered rate was 0.200 % off its schedule (at most 0.1 %)"]);
    let (verdict, _) = spoiled(|trial| {
        end(trial).rate_error = 0.002;
        trial.replay.as_mut().expect("there is a replay").pacing = "burst".into();
    });
    assert_eq!(verdict, Verdict::Pass);
}

#[test]
fn rows_acknowledged_late_are_invalid() {
    let (verdict, reasons) = spoiled(|trial| end(trial).acked_p99_ms = 251.0);
    assert_eq!(verdict, Verdict::Invalid);
    assert_eq!(reasons, ["1 % of the rows were acknowledged more than 251 ms late (at most 250 ms)"]);
}

#[test]
fn missing_samples_are_invalid() {
    let (verdict, reasons) = spoiled(|trial| {
        trial.samples.retain(|sample| sample.source != "probe" || !(35_000.0..38_000.0).contains(&sample.at_epoch_ms));
    });
    assert_eq!(verdict, Verdict::Invalid);
    assert!(reasons[0].contains("samples are missing outside recoveries (at most 2 %)"), "{reasons:?}");
}

#[test]
fn a_checkpoint_that_fails_is_invalid_outside_recoveries_only() {
    let with_failure_at = |at: f64| {
        let mut story = one_kill(2.0, 1);
        story.checkpoint(99, "failed", at, 100.0);
        judged(&story.ends(45_000.0).trial())
    };
    assert_eq!(with_failure_at(35_000.0).0, Verdict::Invalid);
    assert_eq!(with_failure_at(20_100.0).0, Verdict::Pass);
    assert_eq!(with_failure_at(1_000.0).0, Verdict::Pass, "before the first completed one");
}

#[test]
fn a_restart_without_a_fault_is_invalid() {
    let mut story = one_kill(2.0, 1);
    story.job("RESTARTING", 40_000.0);
    let (verdict, reasons) = judged(&story.ends(45_000.0).trial());
    assert_eq!(
        (verdict, reasons),
        (Verdict::Invalid, vec!["the job restarted once without a fault (at most 0)".into()])
    );
}

#[test]
fn faults_that_are_due_must_be_issued_and_confirmed() {
    let (verdict, reasons) = spoiled(|trial| trial.fault_marks.retain(|mark| mark.phase != "gone"));
    assert_eq!(verdict, Verdict::Invalid);
    assert_eq!(reasons, ["fault 1 (kill of taskmanager-1) was not confirmed (at most 0 unconfirmed)"]);
    let (_, reasons) = spoiled(|trial| trial.fault_marks.retain(|mark| mark.phase == "due"));
    assert!(reasons.contains(&"1 fault was due, but 0 issued (at most 0 unconfirmed)".into()), "{reasons:?}");
    let (verdict, reasons) = spoiled(|trial| {
        let mut refused = trial.fault_marks[0].clone();
        (refused.fault, refused.phase, refused.text) = (2, "failed".into(), Some("no such process".into()));
        trial.fault_marks.push(refused);
    });
    assert_eq!(verdict, Verdict::Invalid);
    assert_eq!(reasons, ["fault 2 (kill of taskmanager-1) was not issued: no such process"]);
}

#[test]
fn duplicates_are_invalid_only_where_each_result_is_promised_once() {
    let duplicated = |exactly_once: bool| {
        let mut story = one_kill(2.0, 1);
        story.truth(7, 0, 5).result(7, 0, 5, 1_130.0).result(7, 0, 5, 1_140.0);
        let mut trial = story.ends(45_000.0).trial();
        trial.submitted.as_mut().expect("it was submitted").exactly_once = exactly_once;
        judged(&trial).0
    };
    assert_eq!(duplicated(false), Verdict::Pass);
    assert_eq!(duplicated(true), Verdict::Invalid);
}

#[test]
fn wrong_windows_and_a_truth_that_disagrees_are_invalid() {
    let mut story = one_kill(2.0, 1);
    story.truth(7, 0, 5).result(7, 0, 6, 1_130.0);
    let (verdict, reasons) = judged(&story.ends(45_000.0).trial());
    assert_eq!((verdict, reasons), (Verdict::Invalid, vec!["1 window was wrong (at most 0)".into()]));
    let (verdict, _) = spoiled(|trial| trial.oracle.as_mut().expect("it was read").dataset_agrees = false);
    assert_eq!(verdict, Verdict::Invalid);
}

#[test]
fn without_a_restart_time_or_an_end_it_is_unknown() {
    let (verdict, reasons) = spoiled(|trial| trial.end = None);
    assert_eq!((verdict, reasons), (Verdict::Unknown, vec!["the trial was interrupted before its end".into()]));
    let mut story = Story::of(2.0, 1);
    story
        .load(46_000.0)
        .source(Reading::steady(20_000.0))
        .kill(1, "issued", 20_000.0, 20_002.0)
        .kill(1, "gone", 20_000.0, 20_010.0)
        .measured(10_000.0, 45_000.0);
    let (verdict, reasons) = judged(&story.ends(45_000.0).trial());
    assert_eq!((verdict, reasons), (Verdict::Unknown, vec!["no fault that was due gave a restart time R".into()]));
}

#[test]
fn the_worst_trial_decides_and_no_trial_decides_nothing() {
    assert!(Verdict::Invalid > Verdict::Fail && Verdict::Fail > Verdict::Unknown && Verdict::Unknown > Verdict::Pass);
    assert_eq!(super::worst([]).verdict, Verdict::Unknown);
}

fn demands(required: &[(&str, Option<bool>)], limits: &[(&str, f64)]) -> Demands {
    Demands {
        required: required.iter().map(|(name, held)| ((*name).to_owned(), *held)).collect(),
        limits: limits.iter().map(|(name, limit)| ((*name).to_owned(), *limit)).collect(),
    }
}

#[test]
fn what_the_script_demands_makes_a_trial_fail_or_unknown() {
    let with = |required: &[(&str, Option<bool>)]| spoiled(|trial| trial.demands = demands(required, &[]));
    assert_eq!(with(&[("U above 80 %", Some(true))]), (Verdict::Pass, vec![]));
    assert_eq!(
        with(&[("U above 80 %", Some(true)), ("R below 9 s", Some(false))]),
        (Verdict::Fail, vec!["required, but not so: R below 9 s".into()])
    );
    assert_eq!(
        with(&[("R below 9 s", None)]),
        (Verdict::Unknown, vec!["required, but it could not be told: R below 9 s".into()])
    );
    // The worst answer under one name, and of all names.
    let (verdict, reasons) = with(&[("a", Some(true)), ("b", None), ("a", Some(false)), ("a", None)]);
    assert_eq!((verdict, reasons.len()), (Verdict::Fail, 2));
    // A trial that is invalid proves nothing of either.
    let (verdict, reasons) = spoiled(|trial| {
        end(trial).rate_error = 0.5;
        trial.demands = demands(&[("a", Some(false))], &[]);
    });
    assert_eq!((verdict, reasons.len()), (Verdict::Invalid, 2));
    // A trial that broke off and a demand that did not hold: the worse of both.
    let (verdict, _) = spoiled(|trial| {
        trial.end = None;
        trial.demands = demands(&[("a", Some(false))], &[]);
    });
    assert_eq!(verdict, Verdict::Fail);
}

#[test]
fn a_demand_is_a_line_of_the_table_of_checks() {
    let mut trial = good();
    trial.demands = demands(&[("a", Some(true)), ("b", None), ("c", Some(false))], &[]);
    let checks = TrialResult::of(&trial, &Thresholds::default()).judgement.checks;
    let last: Vec<_> = checks[checks.len() - 3..].iter().map(|check| (check.name.as_ref(), &check.outcome)).collect();
    assert_eq!(
        last,
        [
            ("required: a", &Outcome::Holds(1.0)),
            ("required: b", &Outcome::Unknown),
            ("required: c", &Outcome::Broken(0.0))
        ]
    );
    assert_eq!(of_run(&trial.demands).verdict, Verdict::Fail);
    assert_eq!(of_run(&Demands::default()).verdict, Verdict::Pass);
}

#[test]
fn every_limit_can_be_changed_by_its_name_and_the_last_change_counts() {
    let changed = |name: &str| Thresholds::default().changed(&[(name.to_owned(), 3.0), (name.to_owned(), 7.5)]);
    let all: Vec<Thresholds> = Thresholds::NAMES.iter().map(|name| changed(name)).collect();
    for (place, one) in all.iter().enumerate() {
        assert_ne!(*one, Thresholds::default(), "{}", Thresholds::NAMES[place]);
        assert!(all[..place].iter().all(|other| other != one), "{}", Thresholds::NAMES[place]);
    }
    assert_eq!(changed("nothing"), Thresholds::default());
    assert_eq!(changed("acked_lateness").lateness_ms, Some(7.5));
}

#[test]
fn a_changed_limit_changes_the_verdict_of_its_trial() {
    let late = |limits: &[(&str, f64)]| {
        spoiled(|trial| {
            end(trial).acked_p99_ms = 400.0;
            end(trial).rate_error = 0.0005;
            trial.demands = demands(&[], limits);
        })
    };
    assert_eq!(late(&[]).0, Verdict::Invalid);
    assert_eq!(late(&[("acked_lateness", 500.0)]), (Verdict::Pass, vec![]));
    let (verdict, reasons) = late(&[("acked_lateness", 500.0), ("rate_error", 0.0001)]);
    assert_eq!(
        (verdict, reasons),
        (Verdict::Invalid, vec!["the offered rate was 0.050 % off its schedule (at most 0.01 %)".into()])
    );
    let restarted = |limits: &[(&str, f64)]| {
        spoiled(|trial| {
            trial.states.push(crate::record::State::Job { state: "RESTARTING".into(), at_epoch_ms: 15_000.0 });
            trial.demands = demands(&[], limits);
        })
    };
    assert_eq!(restarted(&[]).1, ["the job restarted once without a fault (at most 0)"]);
    assert_eq!(restarted(&[("stray_restarts", 1.0)]), (Verdict::Pass, vec![]));
}

#[test]
fn a_hang_that_restarts_the_job_is_as_valid_as_a_kill() {
    assert_eq!(judged(&one_hang().ends(59_000.0).trial()), (Verdict::Pass, vec![]));
}

#[test]
fn a_stall_is_no_reason_for_invalid_but_leaves_r_untold() {
    let mut story = one_stall();
    // A checkpoint that failed while it stood still is the hang's, one long after it is nobody's.
    story.checkpoint(90, "failed", 21_000.0, 500.0);
    let told = "no fault that was due gave a restart time R: each hang was over before Flink found out";
    assert_eq!(judged(&story.ends(45_000.0).trial()), (Verdict::Unknown, vec![told.into()]));
    let mut story = one_stall();
    story.checkpoint(90, "failed", 41_000.0, 500.0);
    assert_eq!(judged(&story.ends(45_000.0).trial()).0, Verdict::Invalid);
}

/// Two kills that a schedule of uneven times holds.
fn uneven(due: &[f64]) -> Trial {
    let mut story = one_kill(2.0, 1);
    let due_s: Vec<f64> = due.iter().map(|at| (at - 10_000.0) / 1e3).collect();
    let count = u32::try_from(due.len()).expect("few");
    story.step(crate::record::Step::FaultSchedule { every_s: 17.5, count, down_for_s: None, due_s });
    for (number, at) in (1..).zip(due).filter(|(number, _)| *number > 1) {
        story.kill(number, "due", *at, *at);
    }
    story.ends(45_000.0).trial()
}

#[test]
fn faults_of_an_uneven_schedule_are_judged_like_those_of_an_even_one() {
    assert_eq!(judged(&uneven(&[20_000.0])), (Verdict::Pass, vec![]));
    let (verdict, reasons) = judged(&uneven(&[20_000.0, 40_000.0]));
    assert_eq!(verdict, Verdict::Invalid);
    assert_eq!(reasons, ["2 faults were due, but 1 issued (at most 0 unconfirmed)"]);
    let result = TrialResult::of(&uneven(&[20_000.0, 40_000.0]), &Thresholds::default());
    assert_eq!(result.lambda_per_s, Some(1.0 / 17.5), "one over the mean gap");
    let schedule = uneven(&[20_000.0, 40_000.0]).schedule.expect("one");
    assert_eq!(schedule.due_s, [10.0, 30.0]);
    assert_eq!(good().schedule.expect("an even one").due_s, [25.0]);
}

#[test]
fn a_job_that_nothing_feeds_or_describes_is_judged_by_what_there_is() {
    let mut trial = good();
    trial.samples.retain(|sample| sample.source != "probe" && sample.source != "replay" && sample.source != "broker");
    (trial.replay, trial.replay_end, trial.oracle, trial.collecting) = (None, None, None, None);
    (trial.results, trial.truth) = (Vec::new(), Vec::new());
    let result = TrialResult::of(&trial, &Thresholds::default());
    assert_eq!(result.judgement.reasons, ["no fault that was due gave a restart time R"], "nobody counted");
    assert_eq!(result.judgement.verdict, Verdict::Unknown);
    let outcomes: Vec<&Outcome> = result.judgement.checks.iter().take(3).map(|check| &check.outcome).collect();
    let told = ["nothing was replayed", "nothing was replayed", "no measured phase with a source that shows the probe"];
    assert_eq!(outcomes, told.map(Outcome::NotApplicable).iter().collect::<Vec<_>>());
}
