//! Whole journals to whole results: the figures of known histories, summary.json, and the time it takes.

use std::time::Instant;

use super::{FIGURES, Finding, MEASURED_TABLE, Restart, Results, analyse, axis_column, utilization_curves};
use crate::analysis::history::Run;
use crate::analysis::model::{Conditions, Model, optimal_interval, utilization};
use crate::analysis::story::{Reading, Story, one_kill};
use crate::analysis::validity::Verdict;
use crate::record::{Line, Observation, Step};

fn results(stories: Vec<Story>) -> Results {
    let lines: Vec<Line> = stories.into_iter().flat_map(|mut story| story.ends(45_000.0).lines()).collect();
    analyse(&Run::from_lines(lines), false)
}

/// Two intervals, two repeats of each, run in mixed order.
fn study() -> Results {
    results(vec![one_kill(10.0, 1), one_kill(2.0, 2), one_kill(10.0, 2), one_kill(2.0, 1)])
}

fn value(results: &Results, row: usize, name: &str) -> f64 {
    results.rows[row].figures.get(name).unwrap_or_else(|| panic!("{name} is known")).value
}

fn assert_close(left: f64, right: f64) {
    assert!((left - right).abs() <= 1e-6 * right.abs().max(1.0), "{left} is not {right}");
}

#[test]
fn combinations_stand_by_their_values_with_their_repeats() {
    let results = study();
    let intervals: Vec<_> = results.rows.iter().map(|row| row.interval_s).collect();
    assert_eq!(intervals, [Some(2.0), Some(10.0)]);
    assert!(results.rows.iter().all(|row| row.repeats == 2));
    assert_eq!(axis_column(&results.rows[0].axes[0]), "interval_s");
    assert_eq!((results.verdict, results.reasons.len()), (Verdict::Pass, 0));
}

#[test]
fn the_figures_of_a_known_history_are_known() {
    let results = study();
    assert_close(value(&results, 0, "c_duration_s"), 0.2);
    assert_close(value(&results, 0, "T_real_s"), 2.0);
    assert_close(value(&results, 0, "R_s"), 4.998);
    assert_close(value(&results, 0, "R_study_s"), 0.84);
    assert_close(value(&results, 0, "rework_records"), 4_004.0);
    assert_close(value(&results, 0, "caught_up_s"), 7.598);
    assert_close(value(&results, 0, "checkpoint_bytes"), 1_000.0);
    // Positions follow 2 records a millisecond. Raw has the 4,004 again, less 2 after the victim's last sample,
    // and 98 that the survivor read on before its job stopped it.
    assert_close(value(&results, 0, "useful_per_s"), 2_000.0);
    assert_close(value(&results, 0, "raw_per_s"), (70_000.0 + 4_004.0 - 2.0 + 98.0) / 35.0);
    // Both partitions stood 7,050 behind when the first record after the restore was handled.
    assert_close(value(&results, 0, "lag_max_records"), 2.0 * 7_050.0);
}

#[test]
fn utilization_and_optimum_follow_from_c_and_r() {
    let results = study();
    let conditions = Conditions::new(0.2, 4.998, 1.0 / 25.0);
    for (name, model) in [("U_poisson", Model::Poisson), ("U_flink", Model::Flink), ("U_schedule", Model::Schedule)] {
        assert_close(value(&results, 0, name), utilization(model, 2.0, &conditions).expect("in the domain"));
    }
    let study = Conditions::new(0.2, 0.84, 1.0 / 25.0);
    assert_close(value(&results, 1, "U_study"), utilization(Model::Poisson, 10.0, &study).expect("in the domain"));
    let best = optimal_interval(Model::Poisson, &conditions).expect("there are failures");
    assert_close(value(&results, 0, "T_star_s"), best);
    let headline = &results.optimum.headlines[0];
    assert_close(headline.poisson.figure().expect("c is known").value, best);
    // Both rows really checkpointed every 2 s, and T* is above that.
    assert!(headline.outside_measured && headline.axes.is_empty() && results.optimum.headlines.len() == 1);
}

#[test]
fn the_curves_of_u_go_through_the_measured_intervals_and_beyond() {
    let results = study();
    let curves = utilization_curves(&results.rows, Restart::ToFirstRecord, &[30.0]);
    assert_eq!(curves.len(), 1);
    let points = &curves[0].points;
    assert!(points[0].interval_s < 0.51 && points[points.len() - 1].interval_s > 119.0);
    let conditions = Conditions::new(0.2, 4.998, 1.0 / 25.0);
    for point in points {
        for (drawn, model) in
            [(point.poisson, Model::Poisson), (point.flink, Model::Flink), (point.schedule, Model::Schedule)]
        {
            assert_close(
                drawn.unwrap_or(f64::NAN),
                utilization(model, point.interval_s, &conditions).expect("in the domain"),
            );
        }
    }
    assert!(utilization_curves(&[], Restart::ToFirstRecord, &[30.0]).is_empty());
}

#[test]
fn one_number_has_one_interval_wherever_it_stands() {
    let spread = |repeat: u32, duration: f64| {
        let mut story = one_kill(2.0, repeat);
        story.checkpoint(99, "completed", 44_500.0, duration);
        story
    };
    let results = results(vec![spread(1, 900.0), spread(2, 150.0)]);
    let (headline, row) = (&results.optimum.headlines[0], &results.optimum.rows[0]);
    assert!(headline.poisson.figure().and_then(|figure| figure.lo).is_some());
    assert_eq!(headline.poisson, row.poisson);
    assert_eq!(headline.flink, row.flink);
    assert_eq!(headline.poisson.figure(), results.rows[0].figures.get("T_star_s"));
}

#[test]
fn an_interrupted_trial_says_why_it_has_no_latency() {
    let mut story = one_kill(2.0, 1);
    story.result(7, 1_000_000, 5, 11_200.0);
    let lines = story.lines();
    let cut = lines
        .iter()
        .position(|line| matches!(line.observation, Observation::Step(Step::MeasuredTo { .. })))
        .expect("it has an end");
    let results = analyse(&Run::from_lines(lines[..cut].to_vec()), false);
    let reason = results.rows[0].figures.cell("written_p99_ms").and_then(|cell| cell.reason());
    assert!(reason.is_some_and(|reason| reason.starts_with("the replay did not come to its end")), "{reason:?}");
    assert!(!results.trials[0].is_compared() && results.rows[0].windows_missing.is_none());
}

#[test]
fn windows_that_never_came_are_counted_beside_the_latencies() {
    let mut story = one_kill(2.0, 1);
    // Due at 11.1 s and at 12.1 s of the measured phase, and one due only after the replay's stop.
    story.truth(7, 1_000_000, 5).truth(8, 1_100_000, 6).truth(8, 9_000_000, 6).result(7, 1_000_000, 5, 11_200.0);
    let results = results(vec![story]);
    assert_eq!(value(&results, 0, "written_max_ms"), 100.0);
    assert_eq!(results.rows[0].windows_missing, Some(1));
}

#[test]
fn the_headline_takes_c_where_it_lies() {
    // c falls from 0.4 s at 2 s to 0.2 s at 8 s: at T* it lies between.
    let at = |interval: f64, duration: f64| {
        let mut story = Story::of(interval, 1);
        story.step(Step::FaultSchedule { every_s: 25.0, count: 1, down_for_s: None, due_s: Vec::new() });
        for id in 0..20_u32 {
            story.checkpoint(id.into(), "completed", 1e3 * interval * f64::from(id), 1e3 * duration);
        }
        story.measured(0.0, 1e3 * interval * 20.0);
        story
    };
    let results = results(vec![at(2.0, 0.4), at(8.0, 0.2)]);
    let headline = &results.optimum.headlines[0];
    let best = headline.poisson.figure().expect("c is known").value;
    let cost = 0.4 - 0.2 * (best / 2.0).ln() / 4.0_f64.ln();
    let again = optimal_interval(Model::Poisson, &Conditions::new(cost, 0.0, 1.0 / 25.0)).expect("there are failures");
    assert_close(best, again);
    assert!(!headline.outside_measured && cost > 0.2 && cost < 0.4);
}

#[test]
fn what_was_not_measured_says_why() {
    let results = study();
    for name in ["c_capacity_s", "R_eff_s", "capacity_per_s", "U_measured"] {
        assert_eq!(results.rows[0].figures.cell(name).and_then(|cell| cell.reason()), Some("below capacity"));
    }
    assert!(MEASURED_TABLE.iter().all(|name| FIGURES.contains(name)));
}

#[test]
fn summary_json_has_its_keys_and_is_the_same_twice() {
    let json = serde_json::to_value(study().summary()).expect("it serializes");
    let keys: Vec<&str> = json.as_object().expect("an object").keys().map(String::as_str).collect();
    let expected = "schema simulated script profile rows study_table T_star conclusions budget verdict reasons";
    assert_eq!(keys.join(" "), expected);
    assert_eq!(json["rows"][0]["axes"]["interval_s"], 2.0);
    let figures = json["rows"][0]["figures"].as_object().expect("an object");
    assert_eq!(figures.keys().collect::<Vec<_>>(), FIGURES);
    assert_eq!(json, serde_json::to_value(study().summary()).expect("it serializes"));
}

#[test]
fn an_empty_or_cut_journal_is_unknown_and_never_a_panic() {
    assert_eq!(analyse(&Run::default(), true).verdict, Verdict::Unknown);
    let mut story = one_kill(2.0, 1);
    let lines = story.ends(45_000.0).lines();
    // Samples, and the instants that matter, lie many lines apart; every 29th cut meets each phase.
    for length in (0..lines.len()).step_by(29) {
        let cut = analyse(&Run::from_lines(lines[..length].to_vec()), false);
        assert!(cut.verdict > Verdict::Pass, "{length}");
    }
}

#[test]
fn a_journal_of_300_000_samples_takes_seconds() {
    let until = 250.0 * 75_000.0;
    let mut story = Story::of(2.0, 1);
    story.load(until).source(Reading::steady(until)).checkpoints(1, 2_000.0, until, 2_000.0).measured(10_000.0, until);
    let lines = story.ends(until).lines();
    assert!(lines.len() > 300_000);
    let run = Run::from_lines(lines);
    let start = Instant::now();
    let results = analyse(&run, false);
    let seconds = start.elapsed().as_secs_f64();
    assert_eq!(results.rows.len(), 1);
    // One second alone, more on a loaded machine; a quadratic scan would take hours.
    assert!(seconds < 20.0, "{seconds} s");
}

#[test]
fn a_trial_that_failed_does_not_hide_what_the_others_show() {
    let mut failed = one_kill(2.0, 2).ends(45_000.0).lines();
    for line in &mut failed {
        if let Observation::Step(Step::TrialEnd { outcome, error, .. }) = &mut line.observation {
            *outcome = "failed".into();
            *error = Some("kafka-1 ended by itself".into());
        }
    }
    let passed = one_kill(10.0, 1).ends(45_000.0).lines();
    let mixed = analyse(&Run::from_lines(passed.into_iter().chain(failed.clone())), false);
    assert_eq!(mixed.verdict, Verdict::Pass);
    assert!(mixed.reasons.iter().any(|reason| reason.contains("kafka-1 ended by itself")), "{:?}", mixed.reasons);
    assert_eq!(analyse(&Run::from_lines(failed), false).verdict, Verdict::Unknown);
}

/// Three repeats of each interval; c of 0.2 s at 2 s as told by the story, 1.2 s at 10 s.
fn separated() -> Results {
    let costly = |repeat: u32| {
        let mut story = one_kill(10.0, repeat);
        for id in 10..19_u32 {
            let jitter = f64::from(id % 3) * f64::from(repeat);
            story.checkpoint(id.into(), "completed", 28_000.0 + 2_000.0 * f64::from(id - 10), 1_200.0 + jitter);
        }
        story
    };
    results((1..=3).flat_map(|repeat| [one_kill(2.0, repeat), costly(repeat)]).collect())
}

#[test]
fn the_best_tried_is_told_with_repeats_only() {
    let separated = separated();
    let answer = &separated.optimum.headlines[0].answer;
    assert_eq!(answer.best_tried.len(), 1, "{answer:?}");
    assert_eq!(answer.best_tried[0].axes, separated.rows[0].axes);
    // U at T* by the model, with c and R as they are there, beside that of the 2 s row.
    let headline = &separated.optimum.headlines[0];
    let gain = answer.gain_at_optimum.expect("both are known");
    assert_eq!(answer.agrees, Some(gain.abs() <= 0.01));
    let best = headline.poisson.figure().expect("c is known").value;
    let conditions = Conditions::new(0.2, 4.998, 1.0 / 25.0);
    let [at_best, at_tried] =
        [best, 2.0].map(|interval| utilization(Model::Poisson, interval, &conditions).expect("in the domain"));
    assert!(gain <= at_best / at_tried - 1.0 + 1e-9, "c is larger between 2 s and 10 s than at 2 s: {gain}");

    let once = results(vec![one_kill(2.0, 1), one_kill(10.0, 1)]);
    let answer = &once.optimum.headlines[0].answer;
    assert!(answer.best_tried.is_empty() && answer.agrees.is_none());
    assert!(answer.reason.as_ref().is_some_and(|reason| reason.contains("at least two")));
}

#[test]
fn what_does_not_differ_is_not_ranked() {
    // Both intervals checkpointed every 2 s with the same cost: nothing tells them apart.
    let answer = &study().optimum.headlines[0].answer;
    assert_eq!(answer.best_tried.len(), 2, "{answer:?}");
}

#[test]
fn conclusions_are_tested_by_both_definitions_and_only_with_repeats() {
    let about = |results: &Results, about: &str, definition: &str| {
        let found = results.conclusions.iter().find(|one| one.about == about && one.definition == definition);
        found.unwrap_or_else(|| panic!("{about} by {definition}")).clone()
    };
    let separated = separated();
    assert_eq!(separated.conclusions.len(), 9);
    let duration = about(&separated, "checkpoint duration", "study");
    assert_eq!(duration.finding, Finding::Holds, "{duration:?}");
    let change = duration.change_per_doubling.expect("a slope").value;
    assert!(change > 0.0, "{change}");
    let restart = about(&separated, "recovery", "cprun");
    assert_ne!(restart.finding, Finding::Holds, "R is the same at both intervals");

    let once = results(vec![one_kill(2.0, 1), one_kill(10.0, 1)]);
    assert!(once.conclusions.iter().all(|one| one.finding == Finding::CannotBeTold && one.reason.is_some()));
    let alone = results(vec![one_kill(2.0, 1), one_kill(2.0, 2)]);
    assert!(alone.conclusions.iter().all(|one| one.reason.as_deref() == Some("one interval")));
}

#[test]
fn latency_is_told_by_the_part_of_the_fault_s_course_too() {
    let mut story = one_kill(2.0, 1);
    // Windows of one second at 100 times, due 10 s of event time after their end: at 15 s, 22 s and 26 s.
    for (due_s, late_ms) in [(15.0, 40.0), (22.0, 3_500.0), (26.0, 900.0)] {
        let window = (due_s * 1e5) as i64 - 110_000;
        story.truth(7, window, 3).result(7, window, 3, due_s * 1e3 + late_ms);
    }
    let results = results(vec![story]);
    let written: Vec<f64> = results.rows[0]
        .latency_by_course
        .iter()
        .map(|part| part.written.max_ms.figure().expect("one window each").value)
        .collect();
    for (value, expected) in written.into_iter().zip([40.0, 3_500.0, 900.0]) {
        assert_close(value, expected);
    }
    assert_close(value(&results, 0, "written_range_ms"), 3_460.0);
    assert_close(value(&results, 0, "written_mean_ms"), (40.0 + 3_500.0 + 900.0) / 3.0);
    assert_close(value(&results, 0, "written_iqr_ms"), (900.0 + 3_500.0) / 2.0 - (40.0 + 900.0) / 2.0);
    assert_close(value(&results, 0, "catch_up_peak_per_s"), 8_000.0);
}
